"""The MNIST files are found, checked and read; what is wrong with one is said with its path."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from idx_files import idx_images, idx_labels

from examples import _mnist
from examples._command import ExampleError
from examples._mnist import TEST_LABELS, DamagedFileError, load_mnist, read_idx

IMAGES = "train-images-idx3-ubyte"
LABELS = "train-labels-idx1-ubyte"


def test_reads_plain_and_compressed_files_side_by_side(mnist_dir: Path, small_mnist: dict[str, bytes]) -> None:
    data = load_mnist()
    assert data.name == "MNIST"
    assert data.train.pixels.shape == (40, 28, 28)
    assert data.test.pixels.shape == (20, 28, 28)
    assert data.train.pixels.tobytes() == small_mnist[IMAGES][16:]
    assert data.test.pixels.tobytes() == small_mnist["t10k-images-idx3-ubyte"][16:]
    np.testing.assert_array_equal(data.test.labels, np.arange(20) % 10)
    assert data.test.labels.dtype == np.int64


def test_batches_are_flat_float32_between_0_and_1(mnist_dir: Path) -> None:
    train = load_mnist().train
    inputs = train.inputs(np.array([3, 5]))
    assert inputs.shape == (2, 784)
    assert inputs.dtype == np.float32
    np.testing.assert_array_equal(inputs[1], train.pixels[5].ravel().astype(np.float32) / 255)


def _with_label(value: int) -> bytes:
    content = bytearray(idx_labels(40))
    content[8 + 17] = value
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, b"", "expected at least 16 bytes, found 0"),
        (IMAGES, idx_images(40)[:15], "expected at least 16 bytes, found 15"),
        (IMAGES, idx_images(40)[:-1], "expected 31,376 bytes for 40 items, found 31,375"),
        (IMAGES, idx_images(40) + b"\0", "expected 31,376 bytes for 40 items, found 31,377"),
        (IMAGES, idx_labels(40), "expected magic number 2051, found 2049"),
        (
            IMAGES,
            struct.pack(">4I", 0x803, 40, 32, 28) + bytes(40 * 32 * 28),
            "expected images of 28 x 28 pixels, found 32 x 28",
        ),
        (IMAGES, struct.pack(">4I", 0x803, 0, 28, 28), "expected at least one item, found none"),
        (LABELS, idx_images(40), "expected magic number 2049, found 2051"),
        (LABELS, idx_labels(40)[:-3], "expected 48 bytes for 40 items, found 45"),
        (LABELS, _with_label(10), "expected labels from 0 to 9, found 10 at position 17"),
        (LABELS, _with_label(255), "expected labels from 0 to 9, found 255 at position 17"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gz"])
def test_a_damaged_file_is_named(mnist_dir: Path, name: str, content: bytes, message: str, compressed: bool) -> None:
    path = mnist_dir / (f"{name}.gz" if compressed else name)
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(DamagedFileError) as caught:
        load_mnist()
    assert str(caught.value) == f"{path} is damaged: {message}"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: packed[:-100], id="truncated"),
        pytest.param(lambda packed: packed[:1000] + bytes(50) + packed[1050:], id="overwritten"),
        pytest.param(lambda packed: packed[:-8] + bytes(8), id="wrong checksum"),
        pytest.param(lambda packed: b"<html>" + packed[6:], id="no gzip file"),
    ],
)
def test_a_corrupt_gzip_file_is_named(mnist_dir: Path, damage: Callable[[bytes], bytes]) -> None:
    path = mnist_dir / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedFileError) as caught:
        load_mnist()
    assert str(caught.value).startswith(f"{path} is damaged: expected an intact gzip file, found one that cannot be")


def test_images_and_labels_must_be_equally_many(mnist_dir: Path) -> None:
    (mnist_dir / LABELS).write_bytes(idx_labels(39))
    with pytest.raises(ExampleError, match="do not belong together: 40 images, 39 labels") as caught:
        load_mnist()
    assert str(mnist_dir / IMAGES) in str(caught.value)
    assert str(mnist_dir / LABELS) in str(caught.value)


def test_a_missing_file_is_named(mnist_dir: Path) -> None:
    (mnist_dir / LABELS).unlink()
    with pytest.raises(ExampleError) as caught:
        load_mnist()
    assert str(caught.value) == f"MNIST_DIR names {mnist_dir}, which has neither {LABELS} nor {LABELS}.gz"


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ExampleError, match="which is not a folder") as caught:
        load_mnist()
    assert str(tmp_path / "nowhere") in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(mnist_dir: Path) -> None:
    (mnist_dir / IMAGES).unlink()
    (mnist_dir / IMAGES).mkdir()
    with pytest.raises(ExampleError, match=f"^cannot read .*{IMAGES}: "):
        load_mnist()


@pytest.mark.parametrize(
    ("variable", "folder"), [("/var/tmp/xdg", "/var/tmp/xdg"), ("", "~/.cache"), ("a/b", "~/.cache")]
)
def test_the_cache_folder_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch, variable: str, folder: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert _mnist.cache_folder() == Path(folder).expanduser() / "autodiff" / "mnist"


@pytest.mark.skipif(not os.environ.get("MNIST_DIR"), reason="MNIST_DIR does not name a folder with the real MNIST")
def test_the_real_files_are_read_unchanged() -> None:
    data = load_mnist()
    header = struct.pack(">4I", 0x803, 60_000, 28, 28)
    unpacked = hashlib.md5(header + data.train.pixels.tobytes(), usedforsecurity=False).hexdigest()
    assert unpacked == "6bbc9ace898e44ae57da46a324031adb"
    assert data.test.pixels.shape == (10_000, 28, 28)
    # The published class sizes of the test set, digit by digit.
    assert np.bincount(data.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_read_idx_returns_the_items(tmp_path: Path) -> None:
    path = tmp_path / LABELS
    path.write_bytes(idx_labels(12))
    np.testing.assert_array_equal(read_idx(path, _mnist.TRAIN_LABELS), np.arange(12) % 10)


def test_a_file_of_the_originals_size_with_other_content_is_named(tmp_path: Path) -> None:
    path = tmp_path / TEST_LABELS.name
    path.write_bytes(struct.pack(">2I", TEST_LABELS.magic, TEST_LABELS.count) + bytes(TEST_LABELS.count))
    with pytest.raises(ExampleError, match=rf"{TEST_LABELS.name} is damaged: expected the original's content, of MD5 "):
        read_idx(path, TEST_LABELS)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_that_unpacks_to_more_than_the_original_is_refused_before_it_takes_memory(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"t10k-labels-idx1-ubyte{suffix}"
    content = idx_labels(20_000_000)
    path.write_bytes(gzip.compress(content, 1) if suffix else content)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFileError, match=r"t10k-labels.*at most 10,008 bytes, found more"):
            read_idx(path, TEST_LABELS)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX's")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "t10k-labels-idx1-ubyte"
    os.mkfifo(path)
    with pytest.raises(ExampleError, match="not a regular file"):
        read_idx(path, TEST_LABELS)
