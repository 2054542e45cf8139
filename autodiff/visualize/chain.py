"""The chain rule between the tensors that have a name: each local derivative, in a formula and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.graph import Node
from . import expressions, formulas, text
from .calls import Calls
from .expressions import Expr
from .reading import Names
from .walk import ones, pulled, units

_LONGEST_VALUE, _LONGEST_SLOPE = 24, 44  # characters of a formula that is still read at a glance
_MOST_STEPS = 8  # that one formula tells of
DIRECT = "|direct"  # marks a derivative by one way of several
DIRECT_NOTE = "|direct: by this way alone, the tensors on other ways held fixed; their contributions are added."


def completed(names: Names, steps: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, str]:
    """Return the names of what the user named, and names for the leaves and outputs that have none: each name once."""
    tensors = list(dict.fromkeys(t for y in steps for t in (*y._inputs, y)))
    called = names.distinct(tensors)
    taken = set(called.values())
    letters = {"parameter": text.numbered("θ", taken), "input": text.numbered("x", taken)}
    is_loss = len(outputs) == 1 and outputs[0]._data.size == 1 and "L" not in taken
    free = text.numbered("y", taken)
    results = {t: "L" if is_loss else next(free) for t in outputs if not names.of(t)}
    for t in tensors:
        if t not in called and t._op is None and (kind := names.kind(t)) in letters:
            called[t] = next(letters[kind])
    return called | results


class Chain:
    """A graph of which only some tensors are kept; the steps between them are folded into single derivatives.

    Parameters
    ----------
    steps : sequence of Node
        All recorded nodes, in the order of computation.
    names : mapping of Node to str
        The tensors that are kept, and their names.
    completed : bool, optional
        Keep what no short formula can tell of as well, under the names v₁, v₂, ... that textbooks use; a formula tells
        of what one call of a module computed, not of what a further one makes of it.
    """

    def __init__(self, steps: Sequence[Node], names: Mapping[Node, str], completed: bool = False) -> None:
        self.names = dict(names)
        self.formulas: dict[Node, Expr] = {}  # what each step computes, in terms of tensors that are kept
        self._steps = steps
        self._ways: dict[Node, list[Node]] = {}
        self.users: dict[Node, list[Node]] = {}  # the steps that read a tensor, in the order of computation
        for y in steps:
            for x in y._inputs:
                self.users.setdefault(x, []).append(y)
        free = text.numbered("v", set(self.names.values()))
        calls = Calls(steps if completed else ())
        for y in steps:
            formula = self.tell(y)
            if completed and y not in self.names and not self._folds(y, formula, calls):
                self.names[y] = next(free)

    def _folds(self, y: Node, formula: Expr | None, calls: Calls) -> bool:
        """Tell whether the one step that reads a result can tell of it in its own formula."""
        users = self.users.get(y, [])
        if formula is None or len(users) != 1 or len(expressions.text(formula)) > _LONGEST_VALUE:
            return False
        if calls.around(y) != calls.around(users[0]):
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

    def ways(self, y: Node) -> list[Node]:
        """Return the kept tensors that a kept result was computed from; none for a leaf."""
        if y not in self._ways:
            self._ways[y] = [] if y._op is None else self.sources(self.between(y))
        return self._ways[y]

    def is_direct(self, y: Node, x: Node) -> bool:
        """Tell whether the way from `x` to `y` is one of several: its derivative is that with the others held fixed."""
        first = self.users[x][0]._stamp  # what is older cannot depend on x
        pending = [t for t in self.ways(y) if t is not x]
        seen = set(pending)
        while pending:
            t = pending.pop()
            if t is x:
                return True
            if t._op is not None and t._stamp >= first:
                found = [s for s in self.ways(t) if s not in seen]
                seen.update(found)
                pending += found
        return False

    @cached_property
    def arrivals(self) -> Counter[Node]:
        """The number of ways by which a gradient comes to each kept tensor."""
        return Counter(x for y in self._steps if y in self.names for x in self.ways(y))

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
