"""Without llvmlite the tests of the NumPy form go on, past the warning that says what to install."""

import gc
import sys
import warnings
from collections.abc import Iterator

import pytest

from autodiff.tensor import Tensor


@pytest.fixture(autouse=True)
def without_the_warning() -> Iterator[None]:
    """Let functions be compiled without llvmlite; the test of the warning sees it all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compile: llvmlite is not installed", UserWarning)
        yield


@pytest.fixture(scope="module", autouse=True)
def few_objects() -> Iterator[None]:
    """Look for tensors among what tests make alone: with PyTorch a look at everything takes 0.16 s a recording."""
    trace = sys.modules["autodiff.compile.trace"]
    with pytest.MonkeyPatch.context() as patch:
        older = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
        gc.freeze()
        patch.setattr(trace, "living", lambda: older + [x for x in gc.get_objects() if issubclass(type(x), Tensor)])
        yield
        gc.unfreeze()
