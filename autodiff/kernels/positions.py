"""Elements of arrays by their positions: picking them, and putting them there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .spelling import faster

Array = Any  # an ndarray
Shape = tuple[int, ...]

_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})


@faster(lambda like, shape: np.zeros_like(like, shape=shape))
def zeros(like: Array, shape: Shape) -> Array:
    """Return zeros of a shape, in the dtype of an array; NumPy's function for it takes 1 us longer."""
    return np.zeros(shape, like.dtype)


@faster(lambda x: x.copy())
def copy(x: Array) -> Array:
    """Return a copy that can be written to, in C's order; of a number an array of no dimensions."""
    return np.array(x, order="C")


@faster(np.broadcast_to)
def repeated(x: Array, shape: Shape) -> Array:
    """Return a view in which an array is repeated; where nothing is, it can be written to."""
    return x.reshape(shape) if math.prod(shape) == x.size else np.broadcast_to(x, shape)


# -- by what stands in brackets ----------------------------------------------------------------------------------------


def is_basic(key: Any) -> bool:
    """Tell whether a key is made of integers, slices, None and Ellipsis alone, and so names no element twice."""
    return _BASIC.issuperset([k.__class__ for k in key] if key.__class__ is tuple else (key.__class__,))


def index(x: Array, *, key: Any) -> Array:
    """Return the elements at a key."""
    picked = x[key]
    if isinstance(picked, np.generic) and isinstance(x, np.ndarray):  # a copy; a view is what was asked for
        return x[(*key, ...) if isinstance(key, tuple) else (key, ...)]
    if picked.base is x or picked.flags.c_contiguous or is_basic(key):
        return picked
    return picked.copy()  # in order in memory, as PyTorch's; NumPy's has its dimensions moved


def unindex(values: Array, *, shape: Shape, key: Any) -> Array:
    """Return zeros of `shape` with `values` added at a key."""
    out = zeros(values, shape)
    if is_basic(key):
        out[key] = values
    else:
        add_at(out, values, key)
    return out


def add_at(x: Array, values: Array, key: Any) -> None:
    """Add values to an array, in place, at a key."""
    if is_basic(key) or (isinstance(key, np.ndarray) and key.dtype == np.bool):
        x[key] += values
    else:
        np.add.at(x, key, values)


# -- by a position along a dimension -----------------------------------------------------------------------------------


def _trim(x: Array, index: Array, dim: int) -> Array:
    """Return the part of an array of the size of `index` in every dimension but `dim`."""
    return x[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]


def gather(x: Array, index: Array, *, dim: int) -> Array:
    """Return what stands where `index` says along a dimension."""
    return np.take_along_axis(_trim(x, index, dim), index, axis=dim)


def scatter_sum(values: Array, index: Array, *, shape: Shape, dim: int) -> Array:
    """Return zeros of `shape` with `values` added where `index` says along a dimension."""
    out = zeros(values, shape)
    at = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    at[dim] = index
    np.add.at(out, tuple(at), values)
    return out


def put(x: Array, index: Array, src: Array, *, dim: int) -> Array:
    """Return a copy of `x` with `src` where `index` says along a dimension."""
    out = np.array(x)
    np.put_along_axis(_trim(out, index, dim), index, src, axis=dim)
    return out


# -- by a class label along dimension 1 --------------------------------------------------------------------------------


def entries(labels: Array) -> tuple[Array, ...]:
    """Return the key of each label's entry in an array that has the classes as its dimension 1."""
    if labels.ndim == 1:
        return np.arange(labels.shape[0]), labels
    first, *further = np.ogrid[tuple(slice(n) for n in labels.shape)]
    return (first, labels, *further)


def to_classes(values: Array, labels: Array, *, shape: Shape) -> Array:
    """Return zeros of `shape` but for `values` at the labels' classes."""
    return _at_labels(values, labels, shape)


def _where_labelled(values: Array, labels: Array, shape: Shape) -> Array:
    classes = np.arange(shape[1]).reshape((-1,) + (1,) * (len(shape) - 2))
    return np.where(np.expand_dims(labels, 1) == classes, np.expand_dims(values, 1), values.dtype.type(0))


@faster(_where_labelled)
def _at_labels(values: Array, labels: Array, shape: Shape) -> Array:
    """Write them there, which compares nothing."""
    out = np.zeros(shape, values.dtype)
    out[entries(labels)] = values
    return out


# -- on a diagonal -----------------------------------------------------------------------------------------------------


def diagonal(x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    """Return the diagonal of matrices, as the last dimension."""
    view = np.diagonal(x, offset, dim1, dim2)
    view.flags.writeable = x.flags.writeable  # NumPy's is read-only; PyTorch's is not
    return view


def put_diagonal(values: Array, *, shape: Shape, offset: int, dim1: int, dim2: int) -> Array:
    """Return zeros of `shape` with `values` on a diagonal."""
    out = np.zeros(shape, values.dtype)
    place = np.diagonal(out, offset, dim1, dim2)
    place.flags.writeable = True
    place[...] = values
    return out
