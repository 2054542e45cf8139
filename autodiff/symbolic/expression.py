"""Expressions: what was computed, as an immutable tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

Shape = tuple[int, ...]


class Expression:
    """A node of a tree that says how an array is computed.

    Two expressions are equal if they say the same.

    Attributes
    ----------
    head : str
        What kind of node it is: "number", "name", "add", "function", "sum", ...
    args : tuple of Expression
        What it is computed from.
    data : hashable
        What else belongs to it: the number, the name, the axes of a sum.
    shape : tuple of int
        Of the array that it stands for.
    size : int
        The number of nodes that are written; what occurs twice counts twice.
    """

    __slots__ = ("_hash", "args", "data", "head", "shape", "size")

    def __init__(self, head: str, args: tuple[Expression, ...], data: Any, shape: Shape) -> None:
        self.head, self.args, self.data, self.shape = head, args, data, shape
        self.size: int = 1 + sum(x.size for x in args)
        self._hash = hash((head, args, _exact(data)))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression) or self._hash != other._hash or self.shape != other.shape:
            return False
        return self.head == other.head and _exact(self.data) == _exact(other.data) and self.args == other.args

    def __repr__(self) -> str:
        inside = [repr(x) for x in self.args] + ([] if self.data is None else [repr(self.data)])
        return f"{self.head}({', '.join(inside)})"

    def rebuild(self, change: Callable[[Expression], Expression]) -> Expression:
        """Return the same node of changed arguments."""
        args = tuple(change(x) for x in self.args)
        return self if all(a is b for a, b in zip(args, self.args, strict=True)) else self.of(*args)

    def of(self, *args: Expression) -> Expression:
        """Return the same node of other arguments."""
        return Expression(self.head, args, self.data, self.shape)


def _exact(data: Any) -> Any:
    """Tell numbers apart that Python takes for equal: True and 1, 0.0 and -0.0."""
    return (type(data).__name__, repr(data)) if isinstance(data, (bool, int, float, Fraction)) else data


def number(value: Any, shape: Shape = ()) -> Expression:
    """Return a number, or an array filled with it."""
    value = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and str(value) != "-0.0":
        value = int(value)
    return Expression("number", (), value, shape)


def name(text: str, shape: Shape = ()) -> Expression:
    """Return what stands for an array; any text may be its name."""
    return Expression("name", (), text, shape)


#: Nodes that compute each element of the result from the same elements of their arguments, as these broadcast.
ELEMENTWISE = frozenset(
    {
        "add",
        "sub",
        "mul",
        "div",
        "neg",
        "pow",
        "compare",
        "and",
        "or",
        "not",
        "where",
        "function",
        "broadcast",
        "sigmoid",
        "indicator",
        "named",
    }
)


def elementwise(head: str, *args: Expression, data: Any = None) -> Expression:
    """Return a node that computes element by element, broadcasting its arguments."""
    return Expression(head, args, data, np.broadcast_shapes(*(x.shape for x in args)))


def function(called: str, *args: Expression) -> Expression:
    """Return a function of each element, called as in NumPy."""
    return elementwise("function", *args, data=called)


def value(e: Expression) -> Any:
    """Return the number that an expression is; None if it is none."""
    return e.data if e.head == "number" else None


def parts(e: Expression) -> Iterator[Expression]:
    """Return an expression and all that it consists of, each once."""
    seen = {e}
    queue = [e]
    while queue:
        x = queue.pop()
        yield x
        queue += [a for a in x.args if not (a in seen or seen.add(a))]  # type: ignore[func-returns-value]  # None


def contains(e: Expression, part: Expression) -> bool:
    """Tell whether an expression is, or is computed from, another."""
    return any(x == part for x in parts(e))


def replace(e: Expression, values: dict[Expression, Expression]) -> Expression:
    """Return an expression with parts replaced by others."""
    if e in values:
        return values[e]
    return e.rebuild(lambda x: replace(x, values))
