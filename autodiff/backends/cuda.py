"""The switches of matrix products on GPUs."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from types import SimpleNamespace

matmul = SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True)


def is_built() -> bool:
    """Tell whether this library was built for one: False."""
    return False


def enable_flash_sdp(enabled: bool) -> None:
    """Choose how a GPU computes attention: there is none."""


enable_mem_efficient_sdp = enable_math_sdp = enable_cudnn_sdp = enable_flash_sdp


@contextlib.contextmanager
def sdp_kernel(*args: bool, **kwargs: bool) -> Generator[None, None, None]:
    """Choose how a GPU computes attention in a block: there is none."""
    yield
