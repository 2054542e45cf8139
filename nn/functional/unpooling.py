"""Windows put back where they were taken from: fold, and the reverse of max pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor

from ._checks import checked_tensor
from .convolution import Many

__all__ = ["fold", "max_unpool1d", "max_unpool2d"]


def _pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, Sequence) else (value, value)


def fold(
    input: Tensor,
    output_size: Many,
    kernel_size: Many,
    dilation: Many = 1,
    padding: Many = 0,
    stride: Many = 1,
) -> Tensor:
    """Add columns up to an image, each where `unfold` would take it from.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C · kH · kW, L) or (C · kH · kW, L).
    output_size : int or pair of int
        Of the image.
    kernel_size, dilation, padding, stride : int or pair of int
        As for `unfold`.

    Returns
    -------
    Tensor
        Of shape (N, C, H, W) or (C, H, W).

    Raises
    ------
    RuntimeError
        If the columns do not fit.

    Examples
    --------
    >>> image = ad.ones(1, 1, 3, 3)
    >>> F.fold(F.unfold(image, 2), 3, 2)[0, 0]
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    x = checked_tensor(input, "fold")
    if x.ndim == 2:
        return fold(x.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    size, kernel, gap, edge, step = map(_pair, (output_size, kernel_size, dilation, padding, stride))
    padded = tuple(n + 2 * p for n, p in zip(size, edge, strict=True))
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, d, s in zip(padded, kernel, gap, step, strict=True)]
    columns = math.prod(kernel)
    if x.ndim != 3 or x.shape[1] % columns or x.shape[2] != math.prod(counts) or min(counts) < 1:
        raise RuntimeError(
            f"fold: an image of {size} has {' x '.join(map(str, counts))} windows of {kernel}; expected shape "
            f"(N, C · {columns}, {math.prod(counts)}), got {x.shape}"
        )
    rows, across = (
        np.arange(k)[:, None] * d + np.arange(n) * s for k, d, n, s in zip(kernel, gap, counts, step, strict=True)
    )
    places = rows[:, None, :, None] * padded[1] + across[None, :, None, :]
    batch, channels = x.shape[0], x.shape[1] // columns
    flat = x.reshape(batch * channels, -1)
    at = ad.from_numpy(np.broadcast_to(places.reshape(1, -1), flat.shape).copy())
    image = ad.scatter_add(flat.new_zeros(batch * channels, math.prod(padded)), 1, at, flat)
    image = image.reshape(batch, channels, *padded)
    return image[:, :, edge[0] : padded[0] - edge[0], edge[1] : padded[1] - edge[1]]


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put maxima back where `max_pool1d` found them, with zeros elsewhere; see `max_unpool2d`.

    Examples
    --------
    >>> values, places = F.max_pool1d(ad.tensor([[[1.0, 3.0, 2.0, 4.0]]]), 2, return_indices=True)
    >>> F.max_unpool1d(values, places, 2)
    tensor([[[0., 3., 0., 4.]]])
    """
    return _unpooled("max_unpool1d", 1, input, indices, (kernel_size, stride, padding), output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put maxima back where `max_pool2d` found them, with zeros elsewhere.

    Parameters
    ----------
    input : Tensor
        The maxima, of shape (N, C, H, W) or (C, H, W).
    indices : Tensor of integers
        What `max_pool2d` says with ``return_indices=True``.
    kernel_size, stride, padding : int or pair of int
        As they were for pooling.
    output_size : sequence of int, optional
        The size of what was pooled, where several give the same maxima.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If the shapes differ, or an index is out of range.

    Examples
    --------
    >>> x = ad.arange(16.0).reshape(1, 1, 4, 4)
    >>> values, places = F.max_pool2d(x, 2, return_indices=True)
    >>> F.max_unpool2d(values, places, 2)[0, 0, 1]
    tensor([0., 5., 0., 7.])
    """
    return _unpooled("max_unpool2d", 2, input, indices, (kernel_size, stride, padding), output_size)


def _unpooled(name: str, n: int, input: Any, indices: Any, how: tuple[Any, ...], asked: Any) -> Tensor:
    x, at = checked_tensor(input, name), checked_tensor(indices, name)
    if x.shape != at.shape or x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: maxima and indices need one shape of {n + 1} or {n + 2} dimensions, got {x.shape} "
                           f"and {at.shape}")  # fmt: skip
    kernel, stride, padding = (tuple(v) if isinstance(v, Sequence) else (v,) * n for v in how)
    stride = kernel if stride[0] is None else stride
    sizes = zip(x.shape[-n:], stride, padding, kernel, strict=True)
    size = tuple((m - 1) * s - 2 * p + k for m, s, p, k in sizes) if asked is None else tuple(asked)[-n:]
    cells = math.prod(size)
    if at.numel() and not 0 <= at._data.min() <= at._data.max() < cells:
        raise RuntimeError(f"{name}: an index is out of range for an output of {size}")
    lead = x.shape[: x.ndim - n]
    flat = x.reshape(*lead, -1)
    return ad.scatter(flat.new_zeros(*lead, cells), len(lead), at.reshape(*lead, -1), flat).reshape(*lead, *size)
