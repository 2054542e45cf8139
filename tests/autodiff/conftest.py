"""What the tests of recordings share."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from autodiff.tensor import Tensor


@pytest.fixture(scope="module")
def few_objects() -> Iterator[None]:
    """Look for tensors among what tests make alone: with PyTorch a look at everything takes 0.16 s a recording."""
    trace = sys.modules["autodiff.compile.trace"]
    with pytest.MonkeyPatch.context() as patch:
        older = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
        gc.freeze()
        patch.setattr(trace, "living", lambda: older + [x for x in gc.get_objects() if issubclass(type(x), Tensor)])
        yield
        gc.unfreeze()
