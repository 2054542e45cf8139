"""The ways in which PyTorch computes attention, between which programs choose; here there is one."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Generator, Sequence


class SDPBackend(enum.IntEnum):
    """PyTorch's ways to compute `scaled_dot_product_attention`."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Generator[None, None, None]:
    """Choose between ways that compute the same; as `MATH`, whichever is named.

    Raises
    ------
    TypeError
        If no backend is named.
    """
    named = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not all(isinstance(backend, SDPBackend) for backend in named):
        raise TypeError(f"sdpa_kernel: expected an SDPBackend or a list of them, got {backends!r}")
    yield
