"""What a picture says of each tensor that it keeps: its formula, and its derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import symbolic
from ..engine.graph import Node
from ..symbolic import Expression
from ..symbolic.formulas import key
from . import contents
from .chain import Chain
from .diagram import Derivative

_LONGEST_FORMULA = 40
DIRECT = "|direct"  # marks a derivative along one path of several
DIRECT_NOTE = "|direct: along this arrow alone, the tensors on other paths held fixed; their contributions are added."


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
        if formula is not None and len(written := symbolic.text(formula)) <= _LONGEST_FORMULA:
            return written
        op, inputs, params = y._op, y._inputs, y._params
        operands = [self.chain.expression(x) for x in inputs]
        called = op.symbol if op.symbol.isalpha() else op.name
        inside = ["…" if e is None else symbolic.text(e) for e in operands]
        if op.name == "index":
            return f"{inside[0]}[{key(params['key'])}]"
        if op.name == "overwrite" and len(way := params["way"]) == 1 and "key" in way[0][1]:
            return f"{inside[0]} with [{key(way[0][1]['key'])}] = {inside[1]}"
        told = ("dim", "dims", "shape") if op.name != "unindex" else ()
        inside += [f"{k}={said}" for k in told if (said := contents.parameter(params.get(k))) is not None]
        return f"{called}({', '.join(inside)})"

    def derivatives(self, y: Node) -> dict[Node, Derivative]:
        """Return the derivatives of a kept tensor with respect to each of those that it was computed from."""
        steps = self.chain.between(y)
        slopes, values = self.chain.slopes(y, steps), self.chain.diagonals(y, steps)
        wanted = [x for x in self.chain.sources(steps) if x._requires_grad]
        words = self.words(steps)
        told = {x: slopes.get(x) or self._matrix(y, steps, x) for x in wanted}
        rules = {} if words else self.chain.rules(y, steps, self.gradient(y))
        rules = {x: made for x, made in rules.items() if told.get(x) is None}
        if any(x not in slopes and x not in values and x not in rules and _is_small(y, x) for x in wanted):
            jacobians = self.chain.jacobians(y, steps)
            values |= {x: j.reshape(y._data.size, -1) for x, j in jacobians.items() if _is_small(y, x)}
        return {
            x: self._rule(x, rules[x]) if x in rules else self._derivative(y, x, told[x], words, values) for x in wanted
        }

    @staticmethod
    def words(steps: Sequence[Node]) -> str:
        """Return the derivative of a single step in words, where it is no formula; "" where there are none."""
        words: str = steps[0]._op.words if len(steps) == 1 else ""
        return words

    def gradient(self, t: Node) -> str:
        """Return what the gradient of a tensor is called: ∂L/∂w."""
        return f"∂{self.numerator}/∂{self.chain.names[t]}"

    def _rule(self, x: Node, made: Expression) -> Derivative:
        """Say what the steps make of the gradient that arrives."""
        return Derivative(self.gradient(x), symbolic.text(made), None, is_rule=True, is_part=self.chain.arrivals[x] > 1)

    def _derivative(
        self, y: Node, x: Node, formula: Expression | None, words: str, values: Mapping[Node, Any]
    ) -> Derivative:
        is_part = self.chain.is_direct(y, x)
        name = f"∂{self.chain.names[y]}/∂{self.chain.names[x]}" + DIRECT * is_part
        shown = x in values and (formula is None or not symbolic.is_number(formula))
        numbers = contents.value(values[x], self.digits, brief=True) if shown else None
        return Derivative(name, words if formula is None else symbolic.text(formula), numbers, is_part=is_part)

    def _matrix(self, y: Node, steps: Sequence[Node], x: Node) -> Expression | None:
        """Return the formula of a Jacobian, where the input was not broadcast: then its rule says the sum."""
        if x._data.shape != y._data.shape and not any(r._op.name in ("matmul", "linear") for r in steps):
            return None
        return self.chain.matrix(y, steps, x)


def _is_small(y: Node, x: Node) -> bool:
    """Tell whether all elements of a Jacobian can be shown."""
    return contents.is_small(np.empty((y._data.size, x._data.size), bool))
