"""Derivatives of sliding a window over dimensions, and of padding them: what convolutions and poolings are made of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..primitive import primitive
from ._arguments import sizes, tensor_of
from .indexing import _unindex

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["windows", "zero_pad"]

Array = Any  # an ndarray, or a Tensor where a rule is itself recorded
Sizes = tuple[int, ...]


def _unslide(g: Array, input_shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    return _unwindows(g, shape=input_shape, size=size, stride=stride, dilation=dilation)


@primitive(symbol="windows", view=True, input=_unslide)
def _windows(input: Array, *, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    n = len(size)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(input, reach, axis=tuple(range(input.ndim - n, input.ndim)))
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return every[steps]


def _slide(g: Array, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    return _windows(g, size=size, stride=stride, dilation=dilation)


@primitive(symbol="windowsᵀ", values=_slide)
def _unwindows(values: Array, *, shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Zeros of `shape` with every window added at its place: the adjoint of windows, a step per place in a window."""
    out = np.zeros(shape, values.dtype)
    count = values.shape[values.ndim - 2 * len(size) : values.ndim - len(size)]
    for at in itertools.product(*map(range, size)):
        first = [i * d for i, d in zip(at, dilation, strict=True)]
        moved = (slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(first, stride, count, strict=True))
        to: Any = (..., *moved)
        of: Any = (..., *at)
        out[to] += values[of]
    return out


def windows(
    input: Tensor, size: Sequence[int], stride: Sequence[int] | None = None, dilation: Sequence[int] | None = None
) -> Tensor:
    """Slide a window over the last dimensions, without copying.

    Parameters
    ----------
    input : Tensor
        Of shape (..., L1, ..., Ln).
    size : sequence of n int
        The elements of a window along each of the last n dimensions.
    stride : sequence of n int, optional
        The step from one window to the next; 1 by default.
    dilation : sequence of n int, optional
        The step from one element of a window to the next; 1 by default.

    Returns
    -------
    Tensor
        A view of shape (..., M1, ..., Mn, size1, ..., sizen) with M = (L - dilation · (size - 1) - 1) // stride + 1
        windows along each dimension. Do not write into it: windows overlap in memory.

    Raises
    ------
    RuntimeError
        If a window is larger than the input, or the sequences do not have one positive number per dimension.

    Examples
    --------
    >>> ad.windows(ad.tensor([1, 2, 3, 4]), (2,))
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    x, k = tensor_of(input, "windows"), sizes((size,), "windows")
    steps, spread = (sizes((v,), "windows") if v is not None else (1,) * len(k) for v in (stride, dilation))
    if not len(k) == len(steps) == len(spread) <= x.ndim or min(*k, *steps, *spread, 1) < 1:
        raise RuntimeError(
            f"windows: size, stride and dilation must be positive, one per dimension, got {k}, {steps} and {spread} "
            f"for shape {x.shape}"
        )
    reach = tuple(d * (n - 1) + 1 for n, d in zip(k, spread, strict=True))
    if any(r > n for r, n in zip(reach, x.shape[x.ndim - len(k) :], strict=True)):
        raise RuntimeError(f"windows: a window that spans {reach} is larger than an input of shape {x.shape}")
    return _windows(x, size=k, stride=steps, dilation=spread)


def zero_pad(input: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Put zeros before and after the elements of the last dimensions.

    Parameters
    ----------
    input : Tensor
    before, after : sequence of n int
        How many, not negative, for each of the last n dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a number is negative, or there are more of them than dimensions.

    Examples
    --------
    >>> ad.zero_pad(ad.tensor([1, 2]), (1,), (2,))
    tensor([0, 1, 2, 0, 0])
    """
    x, b, a = tensor_of(input, "zero_pad"), sizes((before,), "zero_pad"), sizes((after,), "zero_pad")
    if len(a) != len(b) or len(a) > x.ndim or min(*a, *b, 0) < 0:
        raise RuntimeError(f"zero_pad: {b} before and {a} after do not fit a tensor of shape {x.shape}")
    lead = x.ndim - len(a)
    shape = (*x.shape[:lead], *(i + n + j for i, n, j in zip(b, x.shape[lead:], a, strict=True)))
    places = tuple(slice(i, i + n) for i, n in zip(b, x.shape[lead:], strict=True))
    return _unindex(x, shape=shape, key=(..., *places))
