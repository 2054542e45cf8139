"""Fixtures for the tests of the example programs: their data, their runs and their pictures."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from idx_files import idx_images, idx_labels

ROOT = Path(__file__).resolve().parents[2]

# Nothing listens on the discard port: every connection through this "proxy" is refused at once.
OFFLINE = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}


@pytest.fixture
def small_mnist() -> dict[str, bytes]:
    """Return the unpacked content of the four files, with 40 training and 20 test images."""
    return {
        "train-images-idx3-ubyte": idx_images(40),
        "train-labels-idx1-ubyte": idx_labels(40),
        "t10k-images-idx3-ubyte": idx_images(20, seed=1),
        "t10k-labels-idx1-ubyte": idx_labels(20),
    }


@pytest.fixture
def mnist_dir(tmp_path: Path, small_mnist: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder MNIST_DIR names; the training files in it are plain, the test files compressed."""
    folder = tmp_path / "given"
    folder.mkdir()
    for name, content in small_mnist.items():
        if name.startswith("train"):
            (folder / name).write_bytes(content)
        else:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setenv("MNIST_DIR", str(folder))
    return folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder, which does not exist yet; MNIST_DIR is not set."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "autodiff" / "mnist"


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python on a machine without network and without MNIST, as a user would."""

    def start(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "MNIST_DIR"}
        environment |= OFFLINE | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | variables
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return start


@pytest.fixture
def assert_picture() -> Callable[[Path], None]:
    """Return a check that a file is a whole PNG picture that shows more than one colour."""

    def check(path: Path) -> None:
        image = pytest.importorskip("matplotlib.image")
        pixels = image.imread(path, format="png")  # decodes all of it, so a truncated file fails
        height, width = pixels.shape[:2]
        assert min(height, width) >= 100
        assert pixels.min() < pixels.max()

    return check
