"""Positions and counts of elements: what is not 0, where it belongs in order, how often it occurs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import wrap
from ..tracing import decided, values
from .arguments import Dims, computed, dimension, dimensions, integer, named, numpy_names, parts_computed, tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "argwhere", "bincount", "bucketize", "count_nonzero", "histc", "isin", "nonzero", "searchsorted", "unique",
    "unique_consecutive", "unravel_index",
]  # fmt: skip


#: Why positions and different elements cannot be compiled, and what is done instead.
_SHAPE = "its shape depends on data; use where(condition, a, b)"


def _as_tensor(array: Any) -> Tensor:
    """Return an array of positions or counts as a tensor without gradient."""
    found: Tensor = wrap(np.asarray(array))
    return found


# -- what is not 0 -----------------------------------------------------------------------------------------------------


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return the positions of the elements that are not 0.

    Parameters
    ----------
    input : Tensor
    as_tuple : bool, optional
        Return a vector for each dimension, which together are an index, instead of a row for each element.

    Returns
    -------
    Tensor of int64 of shape (elements, dimensions), or tuple of such vectors

    Examples
    --------
    >>> ad.nonzero(ad.tensor([0.0, 2.0, 3.0]))
    tensor([[1],
            [2]])
    """
    x = values(tensor_of(input, "nonzero"), "nonzero", _SHAPE)
    if as_tuple:
        return tuple(wrap(at) for at in np.nonzero(np.atleast_1d(x)))
    return _as_tensor(np.argwhere(x))


def argwhere(input: Tensor) -> Tensor:
    """Return the positions of the elements that are not 0, a row for each.

    Examples
    --------
    >>> ad.argwhere(ad.tensor([0.0, 2.0, 3.0]))
    tensor([[1],
            [2]])
    """
    return nonzero(tensor_of(input, "argwhere"))  # type: ignore[no-any-return]  # a tensor without as_tuple


@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Count the elements that are not 0, along dimensions or all of them.

    Examples
    --------
    >>> ad.count_nonzero(ad.tensor([0.0, 2.0, 3.0]))
    tensor(2)
    """
    x = tensor_of(input, "count_nonzero")
    dims = dimensions(dim, x.ndim, "count_nonzero")
    return computed("count_nonzero", lambda a: np.asarray(np.count_nonzero(a, axis=dims)), x)  # type: ignore[no-any-return]  # a Tensor


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Tell which elements are among others.

    Examples
    --------
    >>> ad.isin(ad.tensor([1, 2, 3]), ad.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not any(isinstance(v, (Node, np.ndarray)) for v in (elements, test_elements)):
        raise TypeError(f"isin: expected a Tensor, got {type(elements).__name__} and {type(test_elements).__name__}")

    def found(a: Any, b: Any) -> Any:
        return np.asarray(np.isin(a, b, assume_unique=assume_unique, invert=invert))

    both = (v if isinstance(v, Node) else wrap(np.asarray(v)) for v in (elements, test_elements))
    return computed("isin", found, *both)  # type: ignore[no-any-return]  # a Tensor


# -- sorted boundaries -------------------------------------------------------------------------------------------------


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where elements belong in sequences that are in order along the last dimension.

    Parameters
    ----------
    sorted_sequence : Tensor
        A vector, or as many dimensions as `input` has.
    input : Tensor or number
    out_int32 : bool, optional
        Return int32 instead of int64.
    right : bool, optional
        Behind equal elements, not before them; also written ``side="right"``.
    side : {"left", "right"}, optional
    sorter : Tensor, optional
        The positions that put `sorted_sequence` in order.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.searchsorted(ad.tensor([1, 3, 5]), ad.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if right and side == "left":
        raise RuntimeError("searchsorted: side='left' contradicts right=True")
    row, sought = (
        tensor_of(sorted_sequence, "searchsorted"),
        input if isinstance(input, Node) else wrap(np.asarray(input)),
    )
    order = () if sorter is None else (tensor_of(sorter, "searchsorted"),)
    if row.ndim != 1 and row.shape[:-1] != sought._data.shape[:-1]:
        raise RuntimeError(
            f"searchsorted: sequences of shape {row.shape} do not fit values of shape {sought._data.shape}"
        )
    way: Any = "right" if right or side == "right" else "left"
    kind = np.int32 if out_int32 else np.int64

    def places(row: Any, values: Any, *order: Any) -> Any:
        for at in order:
            row = np.take_along_axis(row, at, -1)
        if row.ndim == 1:
            return np.asarray(np.searchsorted(row, values, way)).astype(kind)
        found = np.empty(values.shape, kind)
        for k in np.ndindex(row.shape[:-1]):
            found[k] = np.searchsorted(row[k], values[k], way)
        return found

    return computed("searchsorted", places, row, sought, *order)  # type: ignore[no-any-return]  # a Tensor


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return between which boundaries, a vector in order, each element lies.

    Examples
    --------
    >>> ad.bucketize(ad.tensor([3, 6]), ad.tensor([1, 3, 5]))
    tensor([1, 3])
    """
    edges = tensor_of(boundaries, "bucketize")
    if edges.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries must be a vector, got shape {edges.shape}")
    return searchsorted(edges, input, out_int32=out_int32, right=right)


# -- counts ------------------------------------------------------------------------------------------------------------


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each of the numbers 0, 1, ... occurs, or add up the weights of those that do.

    Examples
    --------
    >>> ad.bincount(ad.tensor([1, 1, 3]))
    tensor([0, 2, 0, 1])
    """
    x, n = tensor_of(input, "bincount"), integer(minlength, "bincount", "minlength")
    if x.ndim != 1 or x.dtype.kind not in "iu" or (x.numel() and decided(lambda a: a.min() < 0, x)):
        raise RuntimeError(f"bincount: expected a vector of integers, not negative, got {x.dtype} of shape {x.shape}")
    if n < 0:
        raise RuntimeError(f"bincount: minlength must not be negative, got {n}")
    if x.numel() and not decided(lambda a: a.max() < n, x):
        values(x, "bincount of numbers from minlength on", "its shape depends on data; pass a greater minlength")
    if weights is None:
        return computed("bincount", lambda a: np.bincount(a, minlength=n), x)  # type: ignore[no-any-return]  # a Tensor
    w = tensor_of(weights, "bincount")
    if w.shape != x.shape:
        raise RuntimeError(f"bincount: weights of shape {w.shape} do not fit an input of shape {x.shape}")
    kind = np.float32 if w.dtype == np.float32 else np.float64
    return computed("bincount", lambda a, w: np.bincount(a, w, n).astype(kind), x, w)  # type: ignore[no-any-return]  # as above


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count the elements in `bins` intervals of one width between `min` and `max`; what lies outside is left out.

    Examples
    --------
    >>> ad.histc(ad.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x, n = tensor_of(input, "histc"), integer(bins, "histc", "bins")
    if x.dtype.kind != "f" or n <= 0 or min > max:
        raise RuntimeError(f"histc: expected floats, bins > 0 and min ≤ max, got {x.dtype}, {bins}, {min} and {max}")

    def counted(a: Any) -> Any:
        low, high = (min, max) if min != max or not a.size else (float(a.min()), float(a.max()))
        if not math.isfinite(low) or not math.isfinite(high):
            raise RuntimeError(f"histc: the range from {low} to {high} is not finite")
        if low == high:
            low, high = low - 1, high + 1
        inside = a[(a >= low) & (a <= high)].astype(np.float64)
        place = np.minimum(((inside - low) / (high - low) * n).astype(np.int64), n - 1)
        return np.bincount(place, minlength=n).astype(a.dtype)

    return computed("histc", counted, x)  # type: ignore[no-any-return]  # a Tensor


@named
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the different elements in ascending order, or the different slices along `dim`.

    Parameters
    ----------
    input : Tensor
    sorted : bool, optional
        For PyTorch's sake; they are in order always.
    return_inverse, return_counts : bool, optional
        Return also where each element is found among the different ones, and how often each of these occurs.
    dim : int, optional
        Compare slices along this dimension.

    Returns
    -------
    Tensor, or tuple of Tensor

    Examples
    --------
    >>> ad.unique(ad.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = tensor_of(input, "unique")
    axis = None if dim is None else dimension(dim, x.ndim, "unique")
    found = np.unique(values(x, "unique", _SHAPE), return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = np.reshape(found[1], x.shape if axis is None else -1)
    return _answer(found[0], inverse, found[2], return_inverse, return_counts)


def _answer(different: Any, inverse: Any, counts: Any, with_inverse: bool, with_counts: bool) -> Any:
    more = ((inverse, with_inverse), (counts, with_counts))
    listed = [_as_tensor(different), *(_as_tensor(array.astype(np.int64)) for array, wanted in more if wanted)]
    return tuple(listed) if len(listed) > 1 else listed[0]


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements, or slices along `dim`, without those that repeat the one before; see `unique`.

    Examples
    --------
    >>> ad.unique_consecutive(ad.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = tensor_of(input, "unique_consecutive")
    d = 0 if dim is None else dimension(dim, x.ndim, "unique_consecutive")
    array = values(x, "unique_consecutive", _SHAPE)
    slices = np.moveaxis(np.atleast_1d(array), d, 0) if dim is not None else array.reshape(-1)
    differs = (slices[1:] != slices[:-1]).any(axis=tuple(range(1, slices.ndim)))
    first = np.concatenate([np.ones(min(len(slices), 1), np.bool), differs])
    inverse = np.cumsum(first) - 1
    kept = np.moveaxis(slices[first], 0, d) if dim is not None else slices[first]
    counts = np.diff(np.append(np.flatnonzero(first), len(slices)))
    return _answer(kept, inverse.reshape(x.shape) if dim is None else inverse, counts, return_inverse, return_counts)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Return the positions along each dimension of a shape that positions in the flattened tensor stand for.

    Examples
    --------
    >>> ad.unravel_index(ad.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    sizes_ = (shape,) if isinstance(shape, int) else tuple(shape)
    try:
        return parts_computed(
            "unravel_index",
            lambda a: [np.asarray(places) for places in np.unravel_index(a, sizes_)],
            tensor_of(indices, "unravel_index"),
        )
    except (TypeError, ValueError) as error:
        raise type(error)(f"unravel_index: {error}") from None
