"""What a picture says of each tensor that it keeps: its formula, and its derivatives by what it was computed from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.graph import Node
from . import expressions, formulas, text
from .chain import DIRECT, Chain
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
        op, inputs, params = y._op, y._inputs, y._params
        operands = [self.chain.expression(x) for x in inputs]
        called = formulas.CALLED.get(op.name, op.symbol if op.symbol.isalpha() else op.name)
        inside = ["…" if e is None else expressions.text(e) for e in operands]
        if op.name == "index":
            return f"{inside[0]}[{text.key(params['key'])}]"
        told = ("dim", "dims", "shape") if op.name != "unindex" else ()
        inside += [f"{k}={said}" for k in told if (said := text.parameter(params.get(k))) is not None]
        return f"{called}({', '.join(inside)})"

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
            slope = slopes.get(x) or self.chain.matrix(y, steps, x)
            shown = x in values and (slope is None or not expressions.is_number(slope))
            numbers = text.value(values[x], self.digits, brief=True) if shown else None
            if slope is None and (product := self._pulled(y, steps, x)):
                name, is_part = f"∂{self.numerator}/∂{self.chain.names[x]}", self.chain.arrivals[x] > 1
                found[x] = Derivative(name, product, None, is_rule=True, is_part=is_part)
                continue
            is_part = self.chain.is_direct(y, x)
            name = f"∂{self.chain.names[y]}/∂{self.chain.names[x]}" + DIRECT * is_part
            said = self._moved(steps) if slope is None else expressions.text(slope)
            found[x] = Derivative(name, said, numbers, is_part=is_part)
        return found

    @staticmethod
    def _moved(steps: Sequence[Node]) -> str:
        """Return in words what the derivative of a step is that only moves elements, "" for anything else."""
        return formulas.MOVES.get(steps[0]._op.name, "") if len(steps) == 1 else ""

    def _pulled(self, y: Node, steps: Sequence[Node], x: Node) -> str:
        """Return what a product of matrices, or a function of rows, makes of the gradient that arrives, or ""."""
        op, inputs = y._op, y._inputs
        is_product = op.name in formulas.PULLED and all(t._data.ndim == 2 for t in inputs[:2])
        if len(steps) > 1 or not (is_product or op.name in formulas.ROWS):
            return ""
        operands = {"g": expressions.name(f"∂{self.numerator}/∂{self.chain.names[y]}")}
        for argument, t in zip(op.inputs, inputs, strict=False):
            operands[argument] = self.chain.expression(t) or expressions.name("·")
        operands["y"] = expressions.name(self.chain.names[y])
        pulled = formulas.PULLED[op.name] if is_product else {"input": formulas.ROWS[op.name]}
        said = [pulled.get(a, "") for a, t in zip(op.inputs, inputs, strict=False) if t is x]
        return expressions.text(expressions.filled(said[0], operands)) if len(said) == 1 and said[0] else ""


def _is_small(y: Node, x: Node) -> bool:
    """Tell whether all elements of a Jacobian can be shown."""
    return text.is_small(np.empty((y._data.size, x._data.size), bool))
