"""Rows of the derivative table, run on symbols: the value of an operation, and what its rules make of a gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .expression import ELEMENTWISE, Expression, Shape, parts
from .formulas import key
from .notation import on_paper
from .symbols import Constant, Key, Symbol, UnsayableError, run

if TYPE_CHECKING:
    from ..engine.primitive import Primitive

_ALWAYS_WRITTEN = frozenset(
    {"number", "name", "matmul", "transpose", "norm", "true", "false", "diag", "identity", "row", "ones"}
)
_REDUCTIONS = frozenset({"sum", "max", "min", "prod"})


def value(op: Primitive, inputs: Sequence[Symbol], params: Mapping[str, Any], shape: Shape | None = None) -> Symbol:
    """Return what an operation computes from symbols, under the name that formulas have for it, if they have one.

    An operation with a name needs no formula, but then the `shape` of its result.

    Raises
    ------
    UnsayableError
        If symbols cannot say it.

    Examples
    --------
    >>> from autodiff.symbolic import symbol, text, value
    >>> from autodiff.table import TABLE
    >>> text(value(TABLE["relu"], [symbol("z")], {}).expression)
    'relu(z)'
    """
    try:
        body = run(op.forward, inputs, params)
    except UnsayableError:
        is_function = op.rules.keys() == set(op.inputs) and not op.params and _same_shape(inputs)
        if not is_function and (op.called is None or shape is None or params.get("p", 2) != 2):
            raise
        data = (Constant(op.forward, op.name), Key(dict(params)))
        call = Expression("call", _arguments(inputs), data, inputs[0].shape if shape is None else shape)
        body = Symbol(call, inputs[0].dtype)
    if op.called is None:
        return body
    args = (body.expression, *_arguments(inputs))
    return Symbol(Expression("named", args, op.called, body.shape), body.dtype)


def _arguments(inputs: Sequence[Symbol]) -> tuple[Expression, ...]:
    return tuple(x.expression for x in inputs)


def _same_shape(inputs: Sequence[Symbol]) -> bool:
    return len({x.shape for x in inputs}) == 1


def pull_back(
    op: Primitive, i: int, g: Symbol, y: Symbol, inputs: Sequence[Symbol], params: Mapping[str, Any]
) -> Symbol:
    """Return what the rule for input `i` of an operation makes of the gradient `g` of its output `y`.

    The result has the shape to which the operation broadcast the input; the engine sums it, as it sums numbers.

    Raises
    ------
    UnsayableError
        If symbols cannot say it.

    Examples
    --------
    >>> from autodiff.symbolic import pull_back, symbol, text, value
    >>> from autodiff.table import TABLE
    >>> op, z, g = TABLE["tanh"], symbol("z"), symbol("g")
    >>> text(pull_back(op, 0, g, value(op, [z], {}), [z], {}).expression)
    'g·(1 − tanh²(z))'
    """
    rule = op.on_tensors[i]
    return run(lambda: rule(g, y, tuple(inputs), params, i), (), {})


def is_elementwise(e: Expression) -> bool:
    """Tell whether each element is computed from the same elements of what has a name."""
    return all(p.head in ELEMENTWISE or not p.args for p in parts(e))


def is_readable(e: Expression) -> bool:
    """Tell whether a formula says all that is computed: no array, no further arguments, no dimension."""
    return all(_is_written(p) for p in _read(on_paper(e)))


def is_rule(e: Expression) -> bool:
    """Tell whether what a rule makes of a gradient can be read."""
    return all(_is_written(p) or p.head == "sum" or _is_slice(p) for p in _read(on_paper(e)))


def _read(e: Expression) -> Iterator[Expression]:
    """Return what is written of an expression: of a function with a name its arguments alone."""
    yield e
    for x in e.args[e.head == "named" :]:
        yield from _read(x)


def _is_slice(e: Expression) -> bool:
    """Tell whether an index picks a part, such as the rows that went into a concatenation."""
    return e.head == "index" and "array" not in key(e.data.key)


def is_number(e: Expression) -> bool:
    """Tell whether an expression holds numbers alone, such as 1 / 3."""
    return all(p.head != "name" for p in parts(e))


def _is_written(e: Expression) -> bool:
    if e.head == "named":  # its name says no dimension
        return e.shape in ((), *(x.shape for x in e.args[1:]))
    if e.head in _REDUCTIONS:
        axes, _ = e.data
        return len(axes) == len(e.args[0].shape)
    if e.head == "transpose":
        return len(e.shape) == 2
    if e.head == "constant":
        return isinstance(e.data, str)  # π
    if e.head == "call":
        _, options = e.data
        return not options.key
    return e.head in ELEMENTWISE or e.head in _ALWAYS_WRITTEN
