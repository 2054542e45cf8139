"""The chain rule between the tensors that have a name: each local derivative, in a formula and in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..graph import Node
from . import expressions, formulas
from .expressions import Expr
from .reading import Names
from .walk import ones, pulled, units

_LONGEST_VALUE, _LONGEST_SLOPE = 24, 44  # characters of a formula that is still read at a glance
_MOST_STEPS = 8  # that one formula tells of
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def completed(names: Names, steps: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, str]:
    """Return the names of what the user named, and names for the leaves and outputs that have none."""
    called: dict[Node, str] = {}
    counts = {"parameter": 0, "input": 0}
    places = {t: i for i, t in enumerate(outputs, start=1)}
    for t in dict.fromkeys(t for y in steps for t in (*y._inputs, y)):
        name = names.of(t)
        if not name and t._op is None and (kind := names.kind(t)) in counts:
            counts[kind] += 1
            name = ("θ" if kind == "parameter" else "x") + str(counts[kind]).translate(SUBSCRIPTS)
        if not name and t in places:
            is_loss = len(outputs) == 1 and t._data.size == 1
            name = "L" if is_loss else f"y{places[t]}".translate(SUBSCRIPTS)
        if name:
            called[t] = name
    return called


class Chain:
    """A graph of which only some tensors are kept; the steps between them are folded into single derivatives.

    Parameters
    ----------
    steps : sequence of Node
        All recorded nodes, in the order of computation.
    names : mapping of Node to str
        The tensors that are kept, and their names.
    completed : bool, optional
        Keep what no short formula can tell of as well, under the names v₁, v₂, ... that textbooks use.
    """

    def __init__(self, steps: Sequence[Node], names: Mapping[Node, str], completed: bool = False) -> None:
        self.names = dict(names)
        self.formulas: dict[Node, Expr] = {}  # what each step computes, in terms of tensors that are kept
        users: dict[Node, list[Node]] = {}
        for y in steps:
            for x in y._inputs:
                users.setdefault(x, []).append(y)
        added = 0
        for y in steps:
            formula = self.tell(y)
            if completed and y not in self.names and not self._folds(y, formula, users.get(y, [])):
                added += 1
                self.names[y] = f"v{added}".translate(SUBSCRIPTS)

    @staticmethod
    def _folds(y: Node, formula: Expr | None, users: list[Node]) -> bool:
        """Tell whether the one step that reads a result can tell of it in its own formula."""
        if formula is None or len(users) != 1 or len(expressions.text(formula)) > _LONGEST_VALUE:
            return False
        return is_elementwise(y) and is_elementwise(users[0]) and users[0]._data.shape == y._data.shape

    def tell(self, y: Node) -> Expr | None:
        """Return the formula of the next step, where there is one, and keep it."""
        formula = self._formula(y)
        if formula is not None:
            self.formulas[y] = formula
        return formula

    def _formula(self, y: Node) -> Expr | None:
        op = y._op
        source = formulas.VALUES.get(op.name) or formulas.PRODUCTS.get(op.name)
        if op.name in formulas.REDUCTIONS and not y._data.ndim and _share(y):
            source = formulas.REDUCTIONS[op.name]
        if source is not None and op.name == "linear" and len(y._inputs) < 3:
            source = source.removesuffix(" + bias")
        operands = None if source is None else self._operands(y)
        return None if source is None or operands is None else expressions.filled(source, operands)

    def _operands(self, y: Node) -> dict[str, Expr] | None:
        """Return the expressions of a step's inputs and parameters by their names; None if one has none."""
        op, inputs, params = y._op, y._inputs, y._params
        found: dict[str, Expr] = {k: expressions.constant(v) for k, v in params.items() if isinstance(v, (int, float))}
        if y in self.names:
            found["y"] = expressions.name(self.names[y])
        if _share(y):
            found["n"] = expressions.name(str(inputs[0]._data.size // max(y._data.size, 1)))  # 1 / 3 stays as it is
        for argument, x in zip(op.inputs, inputs, strict=False):
            e = self.expression(x)
            if e is None:
                return None
            found[argument] = e
        return found

    def expression(self, t: Node) -> Expr | None:
        """Return what stands for a tensor in a formula: its name, its number, or its own formula."""
        if t in self.names:
            return expressions.name(self.names[t])
        if t._op is not None:
            formula = self.formulas.get(t)
            return formula if formula is not None and len(expressions.text(formula)) <= 2 * _LONGEST_VALUE else None
        if not t._data.shape and not t._requires_grad and t._data.dtype.kind in "fiu" and not np.isnan(t._data):
            return expressions.constant(t._data.item())
        return None

    def between(self, y: Node) -> list[Node]:
        """Return a kept result and what was folded into it, in the order of computation."""
        found, seen = [y], {y}
        for r in found:  # grows as it is walked
            for x in r._inputs:
                if x._op is not None and x not in self.names and x not in seen:
                    seen.add(x)
                    found.append(x)
        return sorted(found, key=lambda r: r._stamp)

    def sources(self, steps: Iterable[Node]) -> list[Node]:
        """Return the kept tensors that the steps read, in the order of reading."""
        return list(dict.fromkeys(x for r in steps for x in r._inputs if x in self.names))

    def slopes(self, y: Node, steps: Sequence[Node]) -> dict[Node, Expr]:
        """Return the formulas of the derivatives of `y` through its folded steps, where they are elementwise and short.

        A tensor as large as `y` has a diagonal Jacobian, of which the formula gives the diagonal. Of one whose elements
        are reduced to those of `y`, it gives the derivative of the element of `y` that each goes into.
        """
        found: dict[Node, Expr | None] = {y: expressions.constant(1)}
        if len(steps) > _MOST_STEPS:
            return {}
        separate = self._separate(y, steps) if any(_share(r) for r in steps) else None
        for r in reversed(steps):
            op, inputs = r._op, r._inputs
            known, operands = self._known(r), self._operands(r)
            for argument, x in zip(op.inputs * len(inputs) if op.variadic else op.inputs, inputs, strict=False):
                if not x._requires_grad or r not in found:
                    continue
                outer, slope = found[r], None
                if argument in known and operands is not None and outer is not None:
                    slope = expressions.product([outer, expressions.filled(known[argument], operands)])
                if x in found:
                    before = found[x]
                    slope = None if slope is None or before is None else expressions.total([before, slope])
                found[x] = slope
        told = {x: e for x, e in found.items() if separate is None or x in separate}
        return {x: e for x, e in told.items() if e is not None and len(expressions.text(e)) <= _LONGEST_SLOPE}

    def _known(self, r: Node) -> Mapping[str, str]:
        """Return the derivatives of a step by its inputs, for each element."""
        share = _share(r)
        return {"input": share} if share else formulas.SLOPES.get(r._op.name, {})

    @staticmethod
    def _separate(y: Node, steps: Sequence[Node]) -> set[Node]:
        """Return those tensors of which each element goes into one element of `y` alone."""
        found: set[Node] = {y}
        spread: set[Node] = set()
        if len(steps) > 1 and y._data.size > 1 and any(_share(r) for r in steps):
            return found  # two ways may lead to two elements
        for r in reversed(steps):
            for x in r._inputs:
                same = is_elementwise(r) and x._data.shape == r._data.shape
                (found if r in found and (same or _share(r)) else spread).add(x)
            found -= spread
        return found

    def matrix(self, y: Node, steps: Sequence[Node], x: Node) -> Expr | None:
        """Return the formula of a Jacobian that is a matrix in the product: that of a vector by a vector."""
        op, inputs = y._op, y._inputs
        operands = self._operands(y)
        if len(steps) > 1 or operands is None or x._data.ndim != 1 or y._data.ndim > 1:
            return None
        found = [formulas.JACOBIANS.get((op.name, a)) for a, t in zip(op.inputs, inputs, strict=False) if t is x]
        return expressions.filled(found[0], operands) if len(found) == 1 and found[0] else None

    def diagonals(self, y: Node, steps: Sequence[Node]) -> dict[Node, Any]:
        """Return the slopes in numbers, by those tensors of which each element goes into one element of `y` alone."""
        separate = self._separate(y, steps) - {y}
        return {x: g for x, g in pulled(steps, {y: ones(y)}).items() if x in separate} if separate else {}

    def jacobians(self, y: Node, steps: Sequence[Node]) -> dict[Node, npt.NDArray[Any]]:
        """Return the derivatives of each element of `y` by each of its sources', of shape `y.shape + x.shape`."""
        rows: dict[Node, list[Any]] = {x: [] for x in self.sources(steps) if x._requires_grad}
        for unit in units(y):
            found = pulled(steps, {y: unit})
            for x, row in rows.items():
                row.append(found.get(x, np.zeros(x._data.shape, x._data.dtype)))
        return {x: np.array(row, x._data.dtype).reshape(y._data.shape + x._data.shape) for x, row in rows.items()}


def _share(y: Node) -> str:
    """Return the derivative of a reduction's result by each of its elements, "" for what is none."""
    op, params = y._op, y._params
    return "" if op.name == "norm" and params["p"] != 2 else formulas.SHARES.get(op.name, "")


def is_elementwise(y: Node) -> bool:
    """Tell whether each element of a result depends on the same element of each operand alone."""
    return y._op.name in formulas.SLOPES
