"""What all tests share: what makes them quick, and the names that examples in docstrings use."""

import gc
import os
import sys
from collections.abc import Iterator

# Several processes test at once: threads of their linear algebra would only wait for each other, and take half as long
# again. It is read when NumPy is imported, by the processes that tests start as well.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests start processes some 200 times: without the packages' bytecode each compiles them for 0.2 s.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import numpy as np
import pytest

import autodiff
import nn
import nn.functional
import optim


@pytest.fixture(autouse=True, scope="session")
def compiled_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what `compile` makes out of the user's folder, unless another is named."""
    os.environ.setdefault("AUTODIFF_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture(autouse=True, scope="session")
def quick_disk() -> Iterator[None]:
    """Let the system write files when it likes: each wait for the disk takes 6 ms, on a busy one far more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


#: The tensors that have been put aside.
older: list[autodiff.Tensor] = []


def tensors() -> list[autodiff.Tensor]:
    """Return all tensors among the objects that have not been put aside."""
    return [x for x in gc.get_objects() if issubclass(type(x), autodiff.Tensor)]


@pytest.fixture(autouse=True, scope="session")
def quick_recordings() -> Iterator[None]:
    """Let recordings look for tensors among few objects.

    Of the tests that are collected and the libraries they import there are two million, and one look takes 0.2 s.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in {"autodiff.compile.trace", "autodiff.onnx.recording"} & sys.modules.keys():
            patch.setattr(sys.modules[name], "living", lambda: older + tensors())
        yield
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def few_objects(quick_recordings: None) -> None:
    """Put aside what there is, for recordings and the collector: for each file, because files import libraries, too."""
    gc.collect()
    older.extend(tensors())
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def doctest_names(doctest_namespace: dict[str, object]) -> None:
    """Let docstrings say `ad`, `nn`, `F`, `optim` and `np`, as their readers do."""
    doctest_namespace.update(ad=autodiff, nn=nn, F=nn.functional, optim=optim, np=np)
