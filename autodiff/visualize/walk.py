"""The recorded graph, read and differentiated without leaving a trace: no hook is called, no ``.grad`` touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine import graph
from ..engine.backward import _fitted
from ..engine.graph import Node


def recorded(outputs: Iterable[Node], where: str = "draw") -> list[Node]:
    """Return all recorded nodes that the outputs depend on, in the order of computation."""
    freed = (
        f"{where}: the graph was already differentiated and freed ({{}}). {where.capitalize()} it before backward(), "
    )
    return graph.recorded(outputs, freed + "or pass retain_graph=True to backward().")


def pulled(steps: Sequence[Node], seeds: Mapping[Node, Any]) -> dict[Node, Any]:
    """Carry gradients back through recorded nodes, given in the order of computation, with the primitives' own rules.

    Parameters
    ----------
    steps : sequence of Node
        Only through these; the gradients of what they were computed from are found, but go no further.
    seeds : mapping of Node to ndarray or NumPy scalar
        The gradients to begin with.

    Returns
    -------
    dict of Node to ndarray or NumPy scalar
        The gradient of each node that was reached, the seeds among them.
    """
    found = dict(seeds)
    with np.errstate(all="ignore"):  # a picture of an overflow shall not warn of it once more
        for y in reversed(steps):
            if y not in found:
                continue
            op, inputs, params, stamp = y._op, y._inputs, y._params, y._stamp
            op.check_unchanged(y, inputs, stamp)
            for i, x in enumerate(inputs):
                if x._requires_grad:
                    g = _fitted(op.on_arrays[i](found[y], y, inputs, params, i), x, op.name)
                    found[x] = found[x] + g if x in found else g
    return found


def ones(t: Node) -> Any:
    """Return a gradient of ones, 0-d as the engine has it: a NumPy scalar."""
    shape, dtype = t._data.shape, t._data.dtype
    return np.ones(shape, dtype) if shape else dtype.type(1)


def units(t: Node) -> Iterable[Any]:
    """Return for each element the gradient that is 1 there and 0 elsewhere."""
    if not t._data.shape:
        yield ones(t)
        return
    for k in range(t._data.size):
        unit = np.zeros(t._data.shape, t._data.dtype)
        unit.flat[k] = 1
        yield unit
