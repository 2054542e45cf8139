"""The reverse of max pooling: maxima put back where they were found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import tensor_of
from autodiff.tracing import decided

from .convolution import Many

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


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
    return _unpool("max_unpool1d", 1, input, indices, (kernel_size, stride, padding), output_size)


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
    return _unpool("max_unpool2d", 2, input, indices, (kernel_size, stride, padding), output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put maxima back where `max_pool3d` found them, with zeros elsewhere; see `max_unpool2d`.

    Examples
    --------
    >>> values, places = F.max_pool3d(ad.arange(8.0).reshape(1, 1, 2, 2, 2), 2, return_indices=True)
    >>> F.max_unpool3d(values, places, 2).sum()
    tensor(7.)
    """
    return _unpool("max_unpool3d", 3, input, indices, (kernel_size, stride, padding), output_size)


def _unpool(name: str, n: int, input: Any, indices: Any, how: tuple[Any, ...], asked: Any) -> Tensor:
    x, at = tensor_of(input, name), tensor_of(indices, name)
    if x.shape != at.shape or x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: maxima and indices need one shape of {n + 1} or {n + 2} dimensions, got {x.shape} "
                           f"and {at.shape}")  # fmt: skip
    kernel, stride, padding = (tuple(v) if isinstance(v, Sequence) else (v,) * n for v in how)
    stride = kernel if stride[0] is None else stride
    sizes = zip(x.shape[-n:], stride, padding, kernel, strict=True)
    size = tuple((m - 1) * s - 2 * p + k for m, s, p, k in sizes) if asked is None else tuple(asked)[-n:]
    cells = math.prod(size)
    if at.numel() and not decided(lambda a: 0 <= a.min() <= a.max() < cells, at):
        raise RuntimeError(f"{name}: an index is out of range for an output of {size}")
    lead = x.shape[: x.ndim - n]
    flat = x.reshape(*lead, -1)
    return ad.scatter(flat.new_zeros(*lead, cells), len(lead), at.reshape(*lead, -1), flat).reshape(*lead, *size)
