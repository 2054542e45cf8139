"""Derivatives of picking elements by position, and of putting them there: each is the other's derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.graph import Way
from ..engine.primitive import primitive, row
from ..kernels.places import at_labels, copy, entries, zeros
from ..kernels.reductions import average, divide

Array = Any  # whatever a row runs on: arrays, tensors, symbols
Shape = tuple[int, ...]

# -- by what stands in brackets ----------------------------------------------------------------------------------------


_BASIC = frozenset({int, slice, type(None), type(Ellipsis)})


def is_basic(key: Any) -> bool:
    """Tell whether a key is made of integers, slices, None and Ellipsis alone, and so names no element twice."""
    return _BASIC.issuperset([k.__class__ for k in key] if key.__class__ is tuple else (key.__class__,))


@primitive(
    symbol="[ ]",
    view=True,
    words="1 where chosen, else 0",
    x=lambda g, x_shape, key: unindex(g, shape=x_shape, key=key),
)
def index(x: Array, *, key: Any) -> Array:
    """The elements at a key."""
    picked = x[key]
    if isinstance(picked, np.generic) and isinstance(x, np.ndarray):  # a copy; a view is what was asked for
        return x[(*key, ...) if isinstance(key, tuple) else (key, ...)]
    if picked.base is x or picked.flags.c_contiguous or is_basic(key):
        return picked
    return picked.copy()  # in order in memory, as PyTorch's; NumPy's has its dimensions moved


@primitive(symbol="[ ]ᵀ", words="1 where it is put", values=lambda g, key: index(g, key=key))
def unindex(values: Array, *, shape: Shape, key: Any) -> Array:
    """Zeros of `shape` with `values` added at a key."""
    out = zeros(values, shape)
    if is_basic(key) or (isinstance(key, np.ndarray) and key.dtype == np.bool):
        out[key] = values
    else:
        np.add.at(out, key, values)
    return out


# -- by a position along a dimension -----------------------------------------------------------------------------------


def trim(x: Array, index: Array, dim: int) -> Array:
    """Return the part of an array of the size of `index` in every dimension but `dim`."""
    return x[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]


gather = row(
    lambda x, index, *, dim: np.take_along_axis(trim(x, index, dim), index, axis=dim),
    x=lambda g, x_shape, index, dim: scatter_sum(g, index, shape=x_shape, dim=dim),
    words="1 where chosen, else 0",
)


@primitive(symbol="scatter", words="1 where it is put", values=lambda g, index, dim: gather(g, index, dim=dim))
def scatter_sum(values: Array, index: Array, *, shape: Shape, dim: int) -> Array:
    """Zeros of `shape` with `values` added where `index` says along a dimension."""
    out = zeros(values, shape)
    at = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    at[dim] = index
    np.add.at(out, tuple(at), values)
    return out


@primitive(
    symbol="scatter",
    words="1 where it is put",
    x=lambda g, index, dim: put(g, index, np.zeros(index.shape, g.dtype), dim=dim),
    src=lambda g, index, dim: gather(g, index, dim=dim),
)
def put(x: Array, index: Array, src: Array, *, dim: int) -> Array:
    """A copy of `x` with `src` where `index` says along a dimension."""
    out = np.array(x)
    np.put_along_axis(trim(out, index, dim), index, src, axis=dim)
    return out


# -- by a class label along dimension 1, as classification does at every step: gather takes twice the time -------------


of_classes = row(
    lambda x, labels: x[entries(labels)],
    x=lambda g, x_shape, labels: to_classes(g, labels, shape=x_shape),
    symbol="gather",
    words="1 where chosen, else 0",
)


@primitive(symbol="scatter", words="1 where it is put", values=lambda g, labels: of_classes(g, labels))
def to_classes(values: Array, labels: Array, *, shape: Shape) -> Array:
    """Zeros of `shape` but for `values` at the labels' classes."""
    return at_labels(values, labels, shape)


@primitive(
    symbol="NLL",
    words="−1/n where chosen, else 0",
    x=lambda g, x_shape, labels: to_classes(-divide(g, math.prod(labels.shape) or 1), labels, shape=x_shape),
)
def mean_nll(x: Array, labels: Array) -> Array:
    """Average of minus the entries of the labels' classes, which are log-probabilities."""
    return average(-x[entries(labels)], tuple(range(labels.ndim)))


# -- overwriting: what stood there gets no gradient, what is written gets that of its place ---------------------------


def follow(x: Array, way: Way) -> Array:
    """Return what a way of rows picks."""
    for apply, params in way:
        x = apply(x, **params)
    return x


@primitive(
    symbol="[ ]=",
    words="1 where it is put",
    x=lambda g, way: overwrite(g, g.dtype.type(0), way=way),
    values=lambda g, way: follow(g, way),
)
def overwrite(x: Array, values: Array, *, way: Way) -> Array:
    """A copy of `x` with `values`, broadcast, in the place of what a way picks of it."""
    if len(way) == 1 and way[0][0] is index:
        out = copy(x)
        out[way[0][1]["key"]] = values
    else:
        out = copy(x.reshape(-1))
        out[follow(np.arange(x.size).reshape(x.shape), way)] = values
        out = out.reshape(x.shape)
    return out if out.ndim else out[()]
