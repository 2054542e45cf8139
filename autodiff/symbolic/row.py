"""Rows of the derivative table, run on symbols: what each computes, and what it makes of a gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .symbol import Symbol, computed


def pulled_back(op: Any, i: int, g: Symbol, y: Symbol, inputs: Sequence[Symbol], params: Mapping[str, Any]) -> Symbol:
    """Return what the rule for input `i` of a row makes of the gradient `g` of its output `y`.

    The result has the shape to which the row broadcast the input; the engine sums it, as it sums numbers.

    Raises
    ------
    Unsayable
        As for `computed`.
    """
    rule = op.on_tensors[i]
    return computed(lambda: rule(g, y, tuple(inputs), params, i), (), {})
