"""Derivatives of picking elements by position, and of putting them there: each is the other's derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.graph import Way
from ..engine.primitive import primitive, row
from ..kernels import positions
from ..kernels.positions import copy, entries
from ..kernels.reductions import average, divide

Array = Any  # whatever a row runs on: arrays, tensors, symbols

# -- by what stands in brackets ----------------------------------------------------------------------------------------

index = row(
    positions.index,
    x=lambda g, x_shape, key: unindex(g, shape=x_shape, key=key),
    symbol="[ ]",
    view=True,
    words="1 where chosen, else 0",
)
index.primitive.adds = positions.add_at  # type: ignore[attr-defined]  # set by `row`
unindex = row(positions.unindex, values=lambda g, key: index(g, key=key), symbol="[ ]ᵀ", words="1 where it is put")

# -- by a position along a dimension -----------------------------------------------------------------------------------

gather = row(
    positions.gather,
    x=lambda g, x_shape, index, dim: scatter_sum(g, index, shape=x_shape, dim=dim),
    words="1 where chosen, else 0",
)
scatter_sum = row(
    positions.scatter_sum,
    values=lambda g, index, dim: gather(g, index, dim=dim),
    symbol="scatter",
    words="1 where it is put",
)
put = row(
    positions.put,
    x=lambda g, index, dim: put(g, index, np.zeros(index.shape, g.dtype), dim=dim),
    src=lambda g, index, dim: gather(g, index, dim=dim),
    symbol="scatter",
    words="1 where the result has it, else 0",
)

# -- by a class label along dimension 1, as classification does at every step: gather takes twice the time -------------

of_classes = row(
    lambda x, labels: x[entries(labels)],
    x=lambda g, x_shape, labels: to_classes(g, labels, shape=x_shape),
    symbol="gather",
    words="1 where chosen, else 0",
)
to_classes = row(
    positions.to_classes,
    values=lambda g, labels: of_classes(g, labels),
    symbol="scatter",
    words="1 where it is put",
)
mean_nll = row(  # the average of minus the entries of the labels' classes, which are log-probabilities
    lambda x, labels: average(-x[entries(labels)], tuple(range(labels.ndim))),
    x=lambda g, x_shape, labels: to_classes(-divide(g, math.prod(labels.shape) or 1), labels, shape=x_shape),
    symbol="NLL",
    words="−1/n where chosen, else 0",
)

# -- overwriting: what stood there gets no gradient, what is written gets that of its place ---------------------------


def follow(x: Array, way: Way) -> Array:
    """Return the elements that a way of rows picks."""
    for apply, params in way:
        x = apply(x, **params)
    return x


@primitive(
    symbol="[ ]=",
    words="1 where the result has it, else 0",
    x=lambda g, way: overwrite(g, g.dtype.type(0), way=way),
    values=lambda g, way: follow(g, way),
)
def overwrite(x: Array, values: Array, *, way: Way) -> Array:
    """Return a copy of `x` in which `values`, broadcast, replace the elements that a way of rows picks."""
    if len(way) == 1 and way[0][0] is index:
        out = copy(x)
        out[way[0][1]["key"]] = values
    else:
        out = copy(x.reshape(-1))
        out[follow(np.arange(x.size).reshape(x.shape), way)] = values
        out = out.reshape(x.shape)
    return out if out.ndim else out[()]
