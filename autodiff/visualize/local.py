"""What a picture says of each tensor that it keeps: its formula, and its derivatives by what it was computed from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..graph import Node
from . import expressions, formulas, text
from .chain import Chain
from .diagram import Derivative

_LONGEST_FORMULA = 40


class Local:
    """The formulas and local derivatives of a chain, in words.

    Parameters
    ----------
    chain : Chain
    numerator : str
        What is differentiated: the L of ∂L/∂w.
    digits : int
        Significant digits of the numbers.
    """

    def __init__(self, chain: Chain, numerator: str, digits: int) -> None:
        self.chain, self.numerator, self.digits = chain, numerator, digits

    def formula(self, y: Node) -> str:
        """Return what a kept tensor was computed as."""
        formula = self.chain.formulas.get(y)
        if formula is not None and len(written := expressions.text(formula)) <= _LONGEST_FORMULA:
            return written
        op, inputs, _, _ = y._record
        operands = [self.chain.expression(x) for x in inputs]
        called = op.symbol if op.symbol.isalpha() else op.name
        return f"{called}({', '.join('…' if e is None else expressions.text(e) for e in operands)})"

    def derivatives(self, y: Node) -> dict[Node, Derivative]:
        """Return the derivatives of a kept tensor by each of those that it was computed from."""
        steps = self.chain.between(y)
        slopes, values = self.chain.slopes(y, steps), self.chain.diagonals(y, steps)
        wanted = [x for x in self.chain.sources(steps) if x._requires_grad]
        if any(x not in values and x not in slopes and _is_small(y, x) for x in wanted):
            jacobians = self.chain.jacobians(y, steps)
            values |= {x: j.reshape(y._data.size, -1) for x, j in jacobians.items() if _is_small(y, x)}
        found = {}
        for x in wanted:
            slope = slopes.get(x)
            said = "" if slope is None else expressions.text(slope)
            shown = x in values and (slope is None or expressions.value(slope) is None)
            numbers = text.value(values[x], self.digits, brief=True) if shown else None
            name = f"∂{self.chain.names[y]}/∂{self.chain.names[x]}"
            if slope is None and (product := self._pulled(y, steps, x)):
                name, said, numbers = f"∂{self.numerator}/∂{self.chain.names[x]}", product, None
            found[x] = Derivative(name, said, numbers)
        return found

    def _pulled(self, y: Node, steps: Sequence[Node], x: Node) -> str:
        """Return what a single product of matrices makes of the gradient that arrives, "" for anything else."""
        op, inputs, _, _ = y._record
        if len(steps) > 1 or op.name not in formulas.PULLED or any(t._data.ndim != 2 for t in inputs[:2]):
            return ""
        operands = {"g": expressions.name(f"∂{self.numerator}/∂{self.chain.names[y]}")}
        for argument, t in zip(op.inputs, inputs, strict=False):
            operands[argument] = self.chain.expression(t) or expressions.name("·")
        said = [formulas.PULLED[op.name].get(a, "") for a, t in zip(op.inputs, inputs, strict=False) if t is x]
        return expressions.text(expressions.filled(said[0], operands)) if len(said) == 1 and said[0] else ""


def _is_small(y: Node, x: Node) -> bool:
    """Tell whether all elements of a Jacobian can be shown."""
    return text.is_small(np.empty((y._data.size, x._data.size), bool))
