"""Expressions as they are written on paper: what serves the computer alone is left out."""

from __future__ import annotations

import functools
import math
from typing import Any

from .expression import Expression, elementwise, function, number, parts, value
from .simplify import ZERO, power, product, simplify, split, spread, total


@functools.lru_cache(maxsize=4096)
def on_paper(e: Expression) -> Expression:
    """Return an expression in the notation of a textbook.

    Functions that exist for their accuracy are written as what they compute, as log1p(x); a choice between two numbers
    is written with indicators, 1[x > 0]; what is done for NaN, or fills in a value for 0/0, is not written.
    """
    return simplify(_write(simplify(e)))


@functools.lru_cache(maxsize=4096)
def _write(e: Expression) -> Expression:
    e = _choose(e) if e.head == "where" else e.rebuild(_write)
    rule = _RULES.get(e.head)
    if e.head == "function" and e.data in _FUNCTIONS:
        found = _FUNCTIONS[e.data](*e.args)
    else:
        found = e if rule is None else rule(e)
    return spread(found, e.shape)


# -- functions ---------------------------------------------------------------------------------------------------------


def _bounded(called: str, limit: float) -> Any:
    def write(a: Expression, b: Expression) -> Expression:
        return a if value(b) == limit else b if value(a) == limit else function(called, a, b)

    return write


def _log_of_sum(a: Expression, b: Expression) -> Expression:
    exps = [number(1) if value(x) == 0 else function("exp", x) for x in (a, b)]
    return function("log", total(exps))


_FUNCTIONS: dict[str, Any] = {
    "log1p": lambda x: function("log", total([number(1), x])),
    "expm1": lambda x: total([function("exp", x), number(-1)]),
    "floor_divide": lambda a, b: function("floor", simplify(elementwise("div", a, b))),
    "exp2": lambda x: elementwise("pow", number(2), x),
    "hypot": lambda a, b: function("sqrt", total([power(a, 2), simplify(elementwise("mul", b, b))])),
    "logaddexp": _log_of_sum,
    "sqrt": lambda x: _root(x),
    "maximum": _bounded("maximum", -math.inf),
    "minimum": _bounded("minimum", math.inf),
}


# -- conditions --------------------------------------------------------------------------------------------------------

_TRUE, _FALSE = Expression("true", (), None, ()), Expression("false", (), None, ())
_OUTCOMES = {"<": "<", "<=": "<=", "==": "=", "!=": "<>", ">": ">", ">=": ">="}  # as sets of <, = and >
_CALLED = {frozenset(v): k for k, v in _OUTCOMES.items()}


def _and(e: Expression) -> Expression:
    held = [c for c in e.args if c.head != "true"]
    if any(c.head == "false" for c in held):
        return Expression("false", (), None, e.shape)
    return e if len(held) == 2 else held[0] if held else _TRUE


def _or(e: Expression) -> Expression:
    held = [c for c in e.args if c.head != "false" and not (c.head == "function" and c.data == "isnan")]
    return e if len(held) == 2 else held[0] if held else _FALSE


def _not(e: Expression) -> Expression:
    return _negate(e.args[0])


def _compare(e: Expression) -> Expression:
    a, b = e.args
    always = (b, e.data) in ((number(math.inf), "<="), (number(-math.inf), ">=")) or (a == b and e.data == "==")
    never = (b, e.data) in ((number(math.inf), ">"), (number(-math.inf), "<"))
    if always or never:
        return Expression("true" if always else "false", (), None, e.shape)
    return e


def _negate(c: Expression) -> Expression:
    if c.head == "compare":
        others = frozenset("<=>") - frozenset(_OUTCOMES[c.data])
        return elementwise("compare", *c.args, data=_CALLED[others])
    return c.args[0] if c.head == "not" else elementwise("not", c)


def _both(a: Expression, b: Expression) -> Expression | None:
    """Return the condition that both hold; None if they never do."""
    if a.head == b.head == "compare" and a.args == b.args:
        outcomes = frozenset(_OUTCOMES[a.data]) & frozenset(_OUTCOMES[b.data])
        return elementwise("compare", *a.args, data=_CALLED[outcomes]) if outcomes else None
    return b if a.head == "true" else a if b.head == "true" else elementwise("and", a, b)


def _indicator(c: Expression) -> Expression:
    if c.head in ("true", "false"):
        return number(int(c.head == "true"), c.shape)
    if c.head == "not":
        return total([number(1), product([number(-1), _indicator(c.args[0])])])
    return Expression("indicator", (c,), None, c.shape)


def _cases(e: Expression) -> list[tuple[Expression, Expression]]:
    """Return the values of a choice, each with the condition under which it is taken."""
    found, otherwise = [], _TRUE
    while e.head == "where":
        c, a, b = e.args
        here = _both(otherwise, c)
        found += [] if here is None else [(here, a)]
        rest = _both(otherwise, _negate(c))
        if rest is None:
            return found
        otherwise, e = rest, b
    return [*found, (otherwise, e)]


def _choose(e: Expression) -> Expression:
    """Return a choice of written parts; one that is the last branch of another is written with it."""
    c, a, b = e.args
    return e.of(_write(c), _write(a), _choose(b) if b.head == "where" else _write(b))


def _where(e: Expression) -> Expression:
    if (usual := _usual(e)) is not None:
        return _where(usual) if usual.head == "where" else usual
    cases = [(c, *split(x)) for c, x in _cases(e) if value(x) != 0 and c.head != "false"]
    if not cases:
        return ZERO
    if len({rest for *_, rest in cases}) > 1:  # a choice between two things is one
        return e
    cases.sort(key=lambda case: -case[1])
    return product([cases[0][2], total(product([number(n), _indicator(c)]) for c, n, _ in cases)])


# -- what is done where something would be 0/0 -------------------------------------------------------------------------


def _usual(e: Expression) -> Expression | None:
    """Return what a choice gives but where it fills in a value for 0/0 or log 0; None if it does more than that."""
    c, a, b = e.args
    if c.head == "compare" and c.data == "!=":
        c, a, b = _negate(c), b, a
    equal = [x.args[0] for x in _held(c) if x.data == "==" and value(x.args[1]) == 0]
    if value(a) is None or not equal:
        return None
    compared = {x for k in _held(c) for x in k.args if value(x) is None}
    if value(a) == 0 and any(x in (b, *(b.args if b.head == "mul" else ())) for x in equal):
        return b  # it is 0 there itself, or nearly
    return b if any(_is_singular(p, compared) for p in parts(b)) else None


def _is_zero(e: Expression) -> Expression:
    return elementwise("compare", e, number(0), data="==")


def _held(c: Expression) -> list[Expression]:
    """Return the comparisons that all hold under a condition."""
    if c.head == "and":
        return [k for a in c.args for k in _held(a)]
    return [c] if c.head == "compare" else []


def _is_singular(e: Expression, among: set[Expression]) -> bool:
    if e.head == "pow" and isinstance(value(e.args[1]), (int, float)) and value(e.args[1]) < 0:
        return e.args[0] in among
    return (e.head, e.data) == ("function", "log") and e.args[0] in among


def _mul(e: Expression) -> Expression:
    """Leave out a factor that is 0 where a divisor is 0, and else 1; write a column times a row as a product."""
    e = product(e.args)
    if e.head != "mul":
        return e
    if (outer := _outer(e)) is not None:
        return outer
    divisors = {f.args[0] for f in e.args if f.head == "pow" and value(f.args[1]) in (-1, -2)}
    return product([f for f in e.args if not (_is_nonzero(f) and f.args[0].args[0] in divisors | set(e.args))])


_COLUMN = ("(Ellipsis, None)", "(slice(None, None, None), None)")  # the indices that stand a vector up
_ROW = ("(Ellipsis, None, slice(None, None, None))",)


def _outer(e: Expression) -> Expression | None:
    """Return the product of a column and a row as column @ rowᵀ; None if it is another product."""
    shaped = [f for f in e.args if f.shape]
    columns = [f.args[0] for f in shaped if _is_vector_as(f, _COLUMN)]
    rows = [f.args[0] if _is_vector_as(f, _ROW) else f for f in shaped if not _is_vector_as(f, _COLUMN)]
    if len(e.shape) != 2 or len(columns) != 1 or len(rows) != 1 or len(rows[0].shape) != 1:
        return None
    return product([*(f for f in e.args if not f.shape), _pair(columns[0], rows[0])])


def _matmul(e: Expression) -> Expression:
    """Write the product of a matrix of one column and one of one row, made of vectors, as that of the vectors."""
    left, right = e.args
    upright = left.args[0] if left.head == "transpose" and left.data == (1, 0) else left
    vectors = [x.args[0] for x in (upright, right) if x.head == "reshape" and len(x.args[0].shape) == 1]
    is_outer = upright is not left and len(vectors) == 2 and upright.shape[0] == 1 == right.shape[0]
    return _pair(*vectors) if is_outer else e


def _pair(column: Expression, row: Expression) -> Expression:
    lying = Expression("row", (row,), None, row.shape)
    return Expression("matmul", (column, lying), None, column.shape + row.shape)


def _is_vector_as(e: Expression, keys: tuple[str, ...]) -> bool:
    return e.head == "index" and len(e.args[0].shape) == 1 and repr(e.data) in keys


def _is_nonzero(e: Expression) -> bool:
    return e.head == "indicator" and e.args[0].data == "!=" and value(e.args[0].args[1]) == 0


# -- signs of their own ------------------------------------------------------------------------------------------------


def _add(e: Expression) -> Expression:
    """Write 1[x > 0] − 1[x < 0] as sign(x)."""
    above = {t.args[0].args[0]: t for t in e.args if t.head == "indicator" and _is_sign(t.args[0], ">")}
    for t in e.args:
        coefficient, rest = split(t)
        if coefficient == -1 and rest.head == "indicator" and _is_sign(rest.args[0], "<"):
            x = rest.args[0].args[0]
            if x in above:
                return total([function("sign", x), *(s for s in e.args if s not in (t, above[x]))])
    return e


def _is_sign(c: Expression, sign: str) -> bool:
    return c.head == "compare" and c.data == sign and value(c.args[1]) == 0


def _pow(e: Expression) -> Expression:
    base, n = e.args[0], value(e.args[1])
    if isinstance(n, int) and n < 0 and base.head == "where" and base.args[0] == _is_zero(base.args[2]):
        base = base.args[2]  # what is divided by, where it is not 0
    if (base.head, base.data) == ("function", "sqrt") and isinstance(n, int) and n % 2 == 0:
        return power(base.args[0], n // 2)
    if n in (0.5, -0.5):  # written as roots; of -inf they differ
        return power(function("sqrt", base), 1 if n > 0 else -1)
    return power(base, n) if isinstance(n, int) else e


def _index(e: Expression) -> Expression:
    """Write a product with a vector as one, which rows write with one column."""
    (a,) = e.args
    if repr(e.data) == "(Ellipsis, 0)" and a.head == "matmul" and repr(a.args[1].data) == "(Ellipsis, None)":
        return Expression("matmul", (a.args[0], a.args[1].args[0]), None, e.shape)
    return e


def _root(x: Expression) -> Expression:
    """Write the root of the sum of all squares as a norm."""
    if x.head == "sum" and not x.shape and x.args[0].head == "pow" and value(x.args[0].args[1]) == 2:
        return Expression("norm", (x.args[0].args[0],), None, ())
    return function("sqrt", x)


def _sum(e: Expression) -> Expression:
    (a,) = e.args
    return Expression("sum", a.args, e.data, e.shape) if a.head == "sum" else e


def _named(e: Expression) -> Expression:
    return e.args[0] if e.args[0].head == "norm" else e  # which has a sign of its own


def _broadcast(e: Expression) -> Expression:
    return spread(e.args[0], e.shape)


_RULES: dict[str, Any] = {
    "and": _and,
    "or": _or,
    "not": _not,
    "compare": _compare,
    "where": _where,
    "mul": _mul,
    "add": _add,
    "pow": _pow,
    "index": _index,
    "matmul": _matmul,
    "sum": _sum,
    "named": _named,
    "broadcast": _broadcast,
}
