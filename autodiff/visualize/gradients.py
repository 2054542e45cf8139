"""The recorded graph, read and differentiated without leaving a trace: no hook is called, no ``.grad`` touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..engine import graph
from ..engine.backward import through
from ..engine.graph import Node


def recorded(outputs: Iterable[Node], where: str = "draw") -> list[Node]:
    """Return all recorded nodes that the outputs depend on, in the order of computation."""
    freed = (
        f"{where}: the graph was already differentiated and freed ({{}}). {where.capitalize()} it before backward(), "
    )
    return graph.recorded(outputs, freed + "or pass retain_graph=True to backward().")


def why_no_graph(t: Node) -> str:
    """Return why a tensor that nothing has computed cannot be drawn or explained."""
    if t._requires_grad:
        return "has no graph: it is a leaf. Pass what was computed from it, such as the loss"
    return "has no graph. Was it computed under no_grad(), from detached tensors, or from none with requires_grad=True?"


def gradients(outputs: Sequence[Node], steps: Sequence[Node]) -> dict[Node, Any]:
    """Return the gradient of each tensor as an array.

    For a scalar output that is its derivative with respect to every tensor, computed here; otherwise what is stored in
    ``.grad``.
    """
    if len(outputs) > 1 or outputs[0]._data.size != 1:
        tensors = dict.fromkeys(t for y in steps for t in (*y._inputs, y) if t._grad is not None)
        return {t: t._grad._data for t in tensors}
    return through(steps, {outputs[0]: ones(outputs[0])})


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
