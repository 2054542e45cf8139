"""Windows for signals: weights that fall off to both ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .device import check_device
from .engine import dtypes
from .functions.arguments import integer
from .tensor import Tensor, from_array

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window"]


def _made(name: str, length: int, periodic: bool, weights: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """Return a window, given the weight at shares of its length."""
    check_device(device, name)
    kind = np.dtype(dtypes.get_default_dtype() if dtype is None else dtypes.checked(dtype, name))
    n = integer(length, name, "window_length")
    if n < 0 or kind.kind != "f":
        raise RuntimeError(f"{name}: expected a length that is not negative and a dtype of floats, got {n} and {kind}")
    share = np.arange(n) / max(n if periodic else n - 1, 1)
    values = np.ones(n) if n == 1 else weights(share)
    return from_array(values.astype(kind), requires_grad=requires_grad)


def _raised(alpha: float, beta: float) -> Any:
    """Return a cosine that is raised: α - β cos 2πt."""
    return lambda t: alpha - beta * np.cos(2 * math.pi * t)


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Hann's window, (1 - cos 2πt) / 2.

    Parameters
    ----------
    window_length : int
    periodic : bool, optional
        Leave the last weight out, which is the first of the next period.
    dtype, device, requires_grad : optional
        As for `ones`.

    Examples
    --------
    >>> ad.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _made("hann_window", window_length, periodic, _raised(0.5, 0.5), dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Hamming's window, α - β cos 2πt; parameters as for `hann_window`.

    Examples
    --------
    >>> ad.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _made("hamming_window", window_length, periodic, _raised(alpha, beta), dtype, device, requires_grad)


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Blackman's window, 0.42 - cos(2πt) / 2 + 0.08 cos 4πt; parameters as for `hann_window`.

    Examples
    --------
    >>> ad.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """

    def weights(t: Any) -> Any:
        return 0.42 - 0.5 * np.cos(2 * math.pi * t) + 0.08 * np.cos(4 * math.pi * t)

    return _made("blackman_window", window_length, periodic, weights, dtype, device, requires_grad)


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return Bartlett's window, 1 - |2t - 1|; parameters as for `hann_window`.

    Examples
    --------
    >>> ad.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """

    def weights(t: Any) -> Any:
        return 1 - np.abs(2 * t - 1)

    return _made("bartlett_window", window_length, periodic, weights, dtype, device, requires_grad)
