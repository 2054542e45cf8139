"""Derivative of writing: what is overwritten gets no gradient, what is written gets that of its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.graph import Way
from ..engine.primitive import primitive
from ..functions.indexing import _index

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def follow(x: Array, way: Way) -> Array:
    """Return what a way of operations picks of an array or a tensor."""
    for apply, params in way:
        x = apply(x, **params)
    return x


def _without(g: Array, way: Way) -> Array:
    return overwrite(g, g.dtype.type(0), way=way)


@primitive(symbol="[ ]=", input=_without, values=lambda g, way: follow(g, way))
def overwrite(input: Array, values: Array, *, way: Way) -> Array:
    """Copy `input` and put `values`, broadcast, in the place of what `way` picks of it."""
    out = np.array(input, order="C")
    if len(way) == 1 and way[0][0] is _index:
        out[way[0][1]["key"]] = values
    else:
        places = follow(np.arange(out.size).reshape(out.shape), way)
        out.reshape(-1)[places] = values
    return out if out.ndim else out[()]
