"""The chain rule between the tensors that have a name: each local derivative, in a formula and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.backward import through
from ..engine.graph import Node
from ..symbolic import Expression, Symbol, UnsayableError, linear, pull_back, rows, text, value
from ..symbolic.expression import contains, name, number, parts
from ..symbolic.simplify import simplify
from ..symbolic.symbols import run
from .calls import Calls
from .gradients import ones, units
from .names import subscripts

_LONGEST_VALUE, _LONGEST_SLOPE = 24, 44  # characters of a formula that is still read at a glance
_LONGEST_RESULT = 12  # of that of a result in its own derivative: beyond, o (1 - o) reads better than σ(…)(1 - σ(…))
_MOST_STEPS = 8  # that one formula tells of
_UNKNOWN = "unknown"  # the head of what symbols cannot say


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

    def __init__(self, steps: Sequence[Node], names: Mapping[Node, str], complete: bool = False) -> None:
        self.names = dict(names)
        self.formulas: dict[Node, Expression] = {}  # what each step computes, in terms of tensors that are kept
        self._steps = steps
        self._ways: dict[Node, list[Node]] = {}
        self._derivatives: dict[tuple[Node, ...], dict[Node, Expression]] = {}
        self.users: dict[Node, list[Node]] = {}  # the steps that read a tensor, in the order of computation
        for y in steps:
            for x in y._inputs:
                self.users.setdefault(x, []).append(y)
        free = subscripts("v", set(self.names.values()))
        calls = Calls(steps if complete else ())
        for y in steps:
            formula = self.tell(y)
            if complete and y not in self.names and not self._folds(y, formula, calls):
                self.names[y] = next(free)

    def _folds(self, y: Node, formula: Expression | None, calls: Calls) -> bool:
        """Tell whether the one step that reads a result can tell of it in its own formula."""
        users = self.users.get(y, [])
        if formula is None or len(users) != 1 or len(text(formula)) > _LONGEST_VALUE:
            return False
        if calls.around(y) != calls.around(users[0]):
            return False
        return _is_elementwise(y) and _is_elementwise(users[0]) and users[0]._data.shape == y._data.shape

    # -- values

    def tell(self, y: Node) -> Expression | None:
        """Return the formula of the next step, where there is one, and keep it."""
        operands = [_symbol(e, x) for x in y._inputs if (e := self.expression(x)) is not None]
        if len(operands) < len(y._inputs):
            return None
        try:
            formula = value(y._op, operands, y._params, y._data.shape).expression
        except UnsayableError:
            return None
        if formula.shape != y._data.shape or not rows.is_readable(formula):
            return None
        self.formulas[y] = formula
        return formula

    def expression(self, t: Node) -> Expression | None:
        """Return what stands for a tensor in a formula: its name, its number, or its own formula."""
        if t in self.names:
            return name(self.names[t], t._data.shape)
        if t._op is not None:
            formula = self.formulas.get(t)
            return formula if formula is not None and len(text(formula)) <= 2 * _LONGEST_VALUE else None
        if not t._data.shape and not t._requires_grad and t._data.dtype.kind in "fiu" and not np.isnan(t._data):
            return number(t._data)
        return None

    # -- steps and ways

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

    # -- derivatives in formulas

    def _pull_back(self, y: Node, steps: Sequence[Node]) -> dict[Node, Expression]:
        """Return what the folded steps of `y` make of its gradient: the walk itself, on symbols."""
        if len(steps) > _MOST_STEPS:
            return {}
        key = (y, *steps)
        if key not in self._derivatives:
            g = _symbol(_gradient(y), y)
            found = through(steps, {y: g}, lambda name, rules: _SymbolicRules(self))
            self._derivatives[key] = {
                x: simplify(e.expression)
                for x, e in found.items()
                if x is not y and not any(p.head == _UNKNOWN for p in parts(e.expression))
            }
        return self._derivatives[key]

    def slopes(self, y: Node, steps: Sequence[Node]) -> dict[Node, Expression]:
        """Return the formulas of the derivatives of `y` through its folded steps, where they are elementwise and short.

        A tensor as large as `y` has a diagonal Jacobian, of which the formula gives the diagonal. Of one whose elements
        are reduced to those of `y`, it gives the derivative of the element of `y` that each goes into.
        """
        found = {
            x: linear.slope(e, _gradient(y)) for x, e in self._pull_back(y, steps).items() if _is_separate(y, x, e)
        }
        return {x: e for x, e in found.items() if rows.is_readable(e) and len(text(e)) <= _LONGEST_SLOPE}

    def rules(self, y: Node, steps: Sequence[Node], gradient: str) -> dict[Node, Expression]:
        """Return what the folded steps of `y` make of its gradient, of this name, where they are not elementwise."""
        every = self._pull_back(y, steps).items()
        separate = {x for x, e in every if _is_separate(y, x, e)}
        return {x: e for x, e in self.made(y, steps, gradient).items() if x not in separate}

    def made(self, y: Node, steps: Sequence[Node], gradient: str) -> dict[Node, Expression]:
        """Return what the folded steps of `y` make of its gradient, of this name; of 1 where it has none."""
        g = name(gradient, y._data.shape) if gradient else number(1, y._data.shape)
        found = {x: linear.with_gradient(e, _gradient(y), g) for x, e in self._pull_back(y, steps).items()}
        return {x: e for x, e in found.items() if rows.is_rule(e) and len(text(e)) <= 2 * _LONGEST_SLOPE}

    def matrix(self, y: Node, steps: Sequence[Node], x: Node) -> Expression | None:
        """Return the formula of a Jacobian that is a matrix in the product: that of a vector by a vector."""
        e = self._pull_back(y, steps).get(x)
        if e is None or x._data.ndim > 1 or y._data.ndim > 1 or x._data.ndim == y._data.ndim == 0:
            return None
        found = linear.jacobian(e, _gradient(y))
        return found if found is not None and rows.is_readable(found) else None

    # -- derivatives in numbers

    def diagonals(self, y: Node, steps: Sequence[Node]) -> dict[Node, Any]:
        """Return the slopes in numbers, by those tensors of which each element goes into one element of `y` alone."""
        separate = [x for x, e in self._pull_back(y, steps).items() if _is_separate(y, x, e)]
        found = through(steps, {y: ones(y)}) if separate else {}
        return {x: found[x] for x in separate}

    def jacobians(self, y: Node, steps: Sequence[Node]) -> dict[Node, npt.NDArray[Any]]:
        """Return the derivatives of each element of `y` with respect to its sources', of shape `y.shape + x.shape`."""
        found: dict[Node, list[Any]] = {x: [] for x in self.sources(steps) if x._requires_grad}
        for unit in units(y):
            _forget_reached(y)
            reached = through(steps, {y: unit})
            for x, row in found.items():
                row.append(reached.get(x, np.zeros(x._data.shape, x._data.dtype)))
        return {x: np.array(row, x._data.dtype).reshape(y._data.shape + x._data.shape) for x, row in found.items()}


def _forget_reached(y: Node) -> None:
    """Let a Function forget which of its outputs a walk has reached that ended before it: its next begins at `y`."""
    ctx = (y._params or {}).get("ctx")
    if ctx is not None:
        ctx._reached.clear()


class _SymbolicRules:
    """The rules of an operation, run on the formulas of what it read."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain

    def __getitem__(self, i: int) -> Any:
        return self.pull_back

    def pull_back(self, g: Any, y: Node, inputs: Sequence[Node], params: Mapping[str, Any], i: int) -> Symbol:
        """Return what rule `i` makes of a gradient, in symbols."""
        operands = [_symbol(self.chain.expression(x) or _unknown(x), x) for x in inputs]
        x = inputs[i]
        try:
            made = pull_back(y._op, i, g, self.result(y, operands, params), operands, params)
        except UnsayableError:
            return _symbol(_unknown(x), x)
        return made if _is_sum_of(made.shape, x._data.shape) else _symbol(_unknown(x), x)

    def result(self, y: Node, operands: Sequence[Symbol], params: Mapping[str, Any]) -> Symbol:
        """Return what stands for the result in its rules: a short formula of each element, or its name."""
        try:
            e = run(y._op.forward, operands, params).expression
        except UnsayableError:
            e = _unknown(y)
        is_told = rows.is_elementwise(e) and e.head != _UNKNOWN
        if y in self.chain.names and not (is_told and len(text(e)) <= _LONGEST_RESULT):
            e = name(self.chain.names[y], y._data.shape)
        return _symbol(e if is_told or y in self.chain.names else _unknown(y), y)


def _symbol(e: Expression, t: Node) -> Symbol:
    return Symbol(e, t._data.dtype)


def _gradient(y: Node) -> Expression:
    """Return what stands for the gradient of a result; no tensor can have its name."""
    return Expression("gradient", (), None, y._data.shape)


def _unknown(t: Node) -> Expression:
    return Expression(_UNKNOWN, (), id(t), t._data.shape)


def _is_separate(y: Node, x: Node, e: Expression) -> bool:
    """Tell whether each element of `x` goes into one of `y` alone, given what becomes of the gradient of `y`."""
    g = _gradient(y)
    if y._data.size == 1:
        return True
    if x._data.size > y._data.size:
        return linear.is_each_alone(e, g)
    return linear.is_in_place(e, g)


def _is_sum_of(shape: tuple[int, ...], summed: tuple[int, ...]) -> bool:
    """Tell whether an array can be summed to a shape as the engine does it."""
    try:
        return np.broadcast_shapes(shape, summed) == shape
    except ValueError:
        return False


def _is_elementwise(y: Node) -> bool:
    """Tell whether each element of a result depends on the same element of each operand alone."""
    operands = [_symbol(name(f"x{k}", x._data.shape), x) for k, x in enumerate(y._inputs)]
    g, result = _symbol(_gradient(y), y), _symbol(name("y", y._data.shape), y)
    try:
        found = [
            pull_back(y._op, i, g, result, operands, y._params).expression
            for i, x in enumerate(y._inputs)
            if x._requires_grad
        ]
    except UnsayableError:
        return False
    return all(linear.is_in_place(e, g.expression) or not contains(e, g.expression) for e in found)
