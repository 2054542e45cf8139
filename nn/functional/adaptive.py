"""Pooling to a given size, whatever that of the input; and pooling of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of

from .convolution import Many, avg_pool2d, max_pool2d

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "max_pool1d",
]  # fmt: skip

Size = int | None | Sequence[int | None]


def _parts(n: int, count: int) -> list[range]:
    """Return `count` parts of n elements of about the same length; where it must be, they overlap by one."""
    return [range(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]


def _output_size(name: str, x: Tensor, size: Size, n: int) -> tuple[int, ...]:
    """Return the size of the output; None stands for that of the input."""
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: expected a {n + 1}-d or {n + 2}-d input, got shape {x.shape}")
    given = tuple(size) if isinstance(size, Sequence) else (size,) * n
    if len(given) != n:
        raise RuntimeError(f"{name}: output_size must be an integer or {n} of them, got {size!r}")
    sizes = [m if g is None else g for g, m in zip(given, x.shape[-n:], strict=True)]
    if not all(isinstance(g, (int, np.integer)) and not isinstance(g, bool) for g in sizes):
        raise TypeError(f"{name}: output_size must be an integer or {n} of them, got {size!r}")
    if min(sizes) < 1 or not all(x.shape[-n:]):
        raise RuntimeError(f"{name}: cannot part an input of shape {x.shape} into {tuple(sizes)}")
    return tuple(int(g) for g in sizes)


def _average(name: str, input: Tensor, size: Size, n: int) -> Tensor:
    """Average along one dimension after the other, which makes the average of each rectangle."""
    x = floats_of(input, name)
    sizes = _output_size(name, x, size, n)
    if {*sizes} == {1}:
        return x.mean(tuple(range(-n, 0)), keepdim=True)
    for dim, count in zip(range(-1, -n - 1, -1), sizes[::-1], strict=True):
        if count != x.shape[dim]:
            parts = [ad.narrow(x, dim, p.start, len(p)) for p in _parts(x.shape[dim], count)]
            x = ad.cat([part.mean(dim, keepdim=True) for part in parts], dim)
    return x


def adaptive_avg_pool1d(input: Tensor, output_size: Size) -> Tensor:
    """Average of each of `output_size` parts of a sequence; see `adaptive_avg_pool2d`.

    Examples
    --------
    >>> F.adaptive_avg_pool1d(ad.tensor([[1.0, 2.0, 3.0, 6.0]]), 2)
    tensor([[1.5000, 4.5000]])
    """
    return _average("adaptive_avg_pool1d", input, output_size, 1)


def adaptive_avg_pool2d(input: Tensor, output_size: Size) -> Tensor:
    """Average of each part of an image.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    output_size : int, or pair of int or None
        Into how many parts height and width are divided, alike or, where that is not possible, overlapping by one
        element; None leaves the elements as they are.

    Returns
    -------
    Tensor
        Of shape (N, C, *output_size).

    Raises
    ------
    RuntimeError
        If the shape or the size does not fit.

    Examples
    --------
    >>> F.adaptive_avg_pool2d(ad.arange(16, dtype=np.float32).reshape(1, 4, 4), (1, 2))
    tensor([[[6.5000, 8.5000]]])
    """
    return _average("adaptive_avg_pool2d", input, output_size, 2)


def adaptive_avg_pool3d(input: Tensor, output_size: Size) -> Tensor:
    """Average of each part of a volume, (N, C, D, H, W); see `adaptive_avg_pool2d`.

    Examples
    --------
    >>> F.adaptive_avg_pool3d(ad.arange(8.0).reshape(1, 2, 2, 2), (1, 1, 2))
    tensor([[[[3., 4.]]]])
    """
    return _average("adaptive_avg_pool3d", input, output_size, 3)


def adaptive_max_pool1d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Largest element of each of `output_size` parts of a sequence; see `adaptive_max_pool2d`.

    Examples
    --------
    >>> F.adaptive_max_pool1d(ad.tensor([[1.0, 2.0, 3.0, 6.0]]), 2)
    tensor([[2., 6.]])
    """
    return _maximum("adaptive_max_pool1d", input, output_size, 1, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Largest element of each part of an image; of equal ones the first takes the gradient.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    output_size : int, or pair of int or None
        As for `adaptive_avg_pool2d`.
    return_indices : bool, optional
        Whether to return where the elements stand in the flattened image, too.

    Returns
    -------
    Tensor, or (Tensor, Tensor of int64)
        Of shape (N, C, *output_size).

    Raises
    ------
    RuntimeError
        If the shape or the size does not fit.

    Examples
    --------
    >>> F.adaptive_max_pool2d(ad.arange(16, dtype=np.float32).reshape(1, 4, 4), 1)
    tensor([[[15.]]])
    """
    return _maximum("adaptive_max_pool2d", input, output_size, 2, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Largest element of each part of a volume, (N, C, D, H, W); see `adaptive_max_pool2d`.

    Examples
    --------
    >>> F.adaptive_max_pool3d(ad.arange(8.0).reshape(1, 2, 2, 2), (1, 1, 2))
    tensor([[[[6., 7.]]]])
    """
    return _maximum("adaptive_max_pool3d", input, output_size, 3, return_indices)


def _maximum(name: str, input: Tensor, size: Size, n: int, return_indices: bool) -> Any:
    """Take the largest along one dimension after the other, from the last on, and note where each one stood."""
    x = floats_of(input, name)
    values, place, step = x, None, 1
    for dim, count in zip(range(-1, -n - 1, -1), _output_size(name, x, size, n)[::-1], strict=True):
        values, at = _largest(values, dim, count)
        place = at if place is None else at * step + ad.take_along_dim(place, at, dim)
        step *= x.shape[dim]
    return (values, place) if return_indices else values


def _largest(x: Tensor, dim: int, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest element of each part of a dimension, and where it stands."""
    parts = _parts(x.shape[dim], count)
    found = [ad.max(ad.narrow(x, dim, p.start, len(p)), dim, keepdim=True) for p in parts]
    places = [p.start + f.indices for p, f in zip(parts, found, strict=True)]
    return ad.cat([f.values for f in found], dim), ad.cat(places, dim)


# -- sequences ---------------------------------------------------------------------------------------------------------


def _as_image(name: str, input: Tensor) -> Tensor:
    """Return sequences as images of height 1."""
    x = floats_of(input, name)
    if x.ndim not in (2, 3):
        raise RuntimeError(f"{name}: expected a 2-d or 3-d input, got shape {x.shape}")
    return x.unsqueeze(-2)


def _one(value: Any, name: str, what: str) -> int:
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if len(listed) != 1 or not isinstance(listed[0], (int, np.integer)) or isinstance(listed[0], bool):
        raise TypeError(f"{name}: {what} must be one integer, got {value!r}")
    return int(listed[0])


def max_pool1d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    dilation: Many = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window over a sequence; parameters as for `max_pool2d`.

    Examples
    --------
    >>> F.max_pool1d(ad.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[2., 4.]])
    """
    name = "max_pool1d"
    size, step = (_one(v, name, "kernel_size") for v in (kernel_size, kernel_size if stride is None else stride))
    around, spread = _one(padding, name, "padding"), _one(dilation, name, "dilation")
    x = _as_image(name, input)
    found = max_pool2d(x, (1, size), (1, step), (0, around), (1, spread), ceil_mode, return_indices)
    return tuple(f.squeeze(-2) for f in found) if return_indices else found.squeeze(-2)


def avg_pool1d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average of every window over a sequence; parameters as for `avg_pool2d`.

    Examples
    --------
    >>> F.avg_pool1d(ad.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[1.5000, 3.5000]])
    """
    name = "avg_pool1d"
    size, step = (_one(v, name, "kernel_size") for v in (kernel_size, kernel_size if stride is None else stride))
    around, x = _one(padding, name, "padding"), _as_image(name, input)
    return avg_pool2d(x, (1, size), (1, step), (0, around), ceil_mode, count_include_pad).squeeze(-2)
