"""Simplify expressions until they read as a textbook writes them: a few rules, each of which keeps the value."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from .expression import Expression, elementwise, function, number, value

#: Numbers that have a name.
_CONSTANTS = {
    math.log(2): function("log", number(2)),
    math.log(10): function("log", number(10)),
    2 / math.sqrt(math.pi): elementwise("div", number(2), function("sqrt", Expression("constant", (), "π", ()))),
    math.sqrt(2 / math.pi): function("sqrt", elementwise("div", number(2), Expression("constant", (), "π", ()))),
    math.pi: Expression("constant", (), "π", ()),
}
ONE, ZERO = number(1), number(0)


@functools.lru_cache(maxsize=4096)
def simplify(e: Expression) -> Expression:
    """Return an expression of the same value that is easier to read.

    Sums and products are flat, numbers in front of a product are one number, divisors have negative exponents.
    Nothing is divided out that could be 0 or infinite; equal terms of a sum cancel, as if they were finite.
    """
    e = e.rebuild(simplify)
    rule = _RULES.get(e.head)
    found = e if rule is None else rule(e)
    return found if found.shape == e.shape else spread(found, e.shape)


def spread(e: Expression, shape: tuple[int, ...]) -> Expression:
    """Repeat an expression to a shape; a number is a number of any shape."""
    if e.shape == shape:
        return e
    if e.head == "number":
        return number(e.data, shape)
    return Expression("broadcast", (e,), None, shape)


# -- sums --------------------------------------------------------------------------------------------------------------


def _terms(e: Expression) -> list[Expression]:
    return list(e.args) if e.head == "add" else [e]


def total(terms: Iterable[Expression]) -> Expression:
    """Return a sum: equal terms counted, a positive one in front if there is one."""
    counts: dict[Expression, Any] = {}
    constant: Any = 0
    shapes = []
    flat = [t for e in terms for t in _terms(e)]
    for term in flat:
        shapes.append(term.shape)
        if value(term) is not None:
            constant += value(term)
            continue
        coefficient, rest = split(term)
        counts[rest] = counts.get(rest, 0) + coefficient
    shape = np.broadcast_shapes(*shapes)
    found = [product([number(n), rest]) for rest, n in counts.items() if n != 0]
    place = next((k for k, t in enumerate(found) if not is_negative(t)), len(found))
    if constant != 0 or not found:
        leads = not found or value(flat[0]) is not None or is_negative(found[0])
        found.insert(0 if leads else len(found), number(constant))
    elif place < len(found):
        found.insert(0, found.pop(place))
    e = found[0] if len(found) == 1 else elementwise("add", *found)
    return e if e.shape == shape else spread(e, shape)


def is_negative(e: Expression) -> bool:
    """Tell whether a term is written with a minus in front."""
    return bool(split(e)[0] < 0)


def split(e: Expression) -> tuple[Any, Expression]:
    """Return the number in front of a product, and the rest."""
    if e.head == "number":
        return e.data, ONE
    if e.head == "mul" and e.args[0].head == "number":
        rest = e.args[1:]
        return e.args[0].data, rest[0] if len(rest) == 1 else elementwise("mul", *rest)
    return 1, e


def _add(e: Expression) -> Expression:
    return _abbreviate(total(e.args))


def _sub(e: Expression) -> Expression:
    a, b = e.args
    return _abbreviate(total([a, *(product([number(-1), t]) for t in _terms(b))]))


def _abbreviate(e: Expression) -> Expression:
    """Shorten log(1 + exp(−|x|)) + max(x, 0), as computed for any x without overflow, to log(1 + exp(x))."""
    if e.head != "add":
        return e
    for term in e.args:
        inner = _stable_tail(term)
        if inner is None:
            continue
        for x, sign in ((inner, 1), (product([number(-1), inner]), -1)):
            largest = function("maximum" if sign > 0 else "minimum", inner, ZERO)
            part = product([number(sign), largest])
            if part in e.args:
                rest = [t for t in e.args if t not in (term, part)]
                short = function("logaddexp", ZERO, x)
                return total([short, *rest])
    return e


def _stable_tail(e: Expression) -> Expression | None:
    """Return the x of log1p(exp(−|x|))."""
    if (e.head, e.data) != ("function", "log1p"):
        return None
    e = e.args[0]
    if (e.head, e.data) != ("function", "exp"):
        return None
    coefficient, size = split(e.args[0])
    return size.args[0] if coefficient == -1 and (size.head, size.data) == ("function", "absolute") else None


# -- products ----------------------------------------------------------------------------------------------------------


def product(factors: Iterable[Expression]) -> Expression:
    """Return a product: its numbers multiplied and in front, equal factors as a power, sums last."""
    powers: dict[tuple[Expression, bool], Any] = {}
    coefficient: Any = 1
    shapes = []
    for factor in (f for e in factors for f in (e.args if e.head == "mul" else (e,))):
        shapes.append(factor.shape)
        if factor.head == "broadcast" and factor.args[0].head != "number":
            factor = factor.args[0]  # what it is multiplied with repeats it, or what is said at the end
        n = value(factor)
        if n is not None:
            coefficient = _times(coefficient, n)
            continue
        base, exponent = _power_of(factor)
        key = (base, exponent > 0)  # x · 1/x is not 1 where x is 0
        powers[key] = powers.get(key, 0) + exponent
    shape = np.broadcast_shapes(*shapes)
    if coefficient == 0 and not isinstance(coefficient, float):
        return number(0, shape)
    found = [power(base, n) for (base, _), n in powers.items()]
    found.sort(key=lambda f: f.head == "add")
    coefficient = _as_fraction(coefficient) if any(_power_of(f)[1] < 0 for f in found) else coefficient
    if coefficient != 1 or not found:
        found.insert(0, number(coefficient))
    e = found[0] if len(found) == 1 else elementwise("mul", *found)
    return spread(e, shape)


def _times(a: Any, b: Any) -> Any:
    """Multiply two numbers; fractions stay exact."""
    found = a * b
    is_whole = isinstance(found, Fraction) and found.denominator == 1
    if isinstance(found, float) and found.is_integer() and abs(found) < 1e15:
        return int(found)
    return int(found) if is_whole else found


def _as_fraction(coefficient: Any) -> Any:
    """Return a coefficient such as 0.5 as 1/2, where something is divided by anyway."""
    if isinstance(coefficient, float) and coefficient and math.isfinite(coefficient):
        inverse = 1 / coefficient
        if inverse.is_integer() and abs(inverse) <= 16:
            return Fraction(1, int(inverse))
    return coefficient


def _power_of(e: Expression) -> tuple[Expression, Any]:
    """Return the base and the exponent of a power of a number; of anything else itself and 1."""
    if e.head == "pow" and isinstance(n := value(e.args[1]), (int, Fraction)) and n:
        return e.args[0], n
    return e, 1


def power(base: Expression, n: Any) -> Expression:
    """Return a power of a whole number, also a negative one."""
    if n == 1:
        return base
    if base.head == "mul" and n < 0:
        return product([power(b, n) for b in base.args])
    if base.head == "number" and n == -1 and isinstance(base.data, (int, Fraction)) and base.data:
        return number(_times(Fraction(1), Fraction(1) / base.data), base.shape)
    b, m = _power_of(base)
    if m != 1:
        return power(b, m * n)
    if (base.head, base.data) == ("function", "sqrt") and n % 2 and abs(n) > 1:
        sign = 1 if n > 0 else -1
        return product([power(base.args[0], sign * (abs(n) // 2)), power(base, sign)])
    if base.head == "where" and n < 0 and value(base.args[1]) == 1 == value(base.args[2]):
        return base
    return elementwise("pow", base, number(n))


def _mul(e: Expression) -> Expression:
    return product(e.args)


def _div(e: Expression) -> Expression:
    a, b = e.args
    if (short := _logistic(a, b)) is not None:
        return short
    if value(b) is not None and (isinstance(b.data, float) or not b.data):
        if value(a) is not None and b.data:
            return number(a.data / b.data, e.shape)
        return product([a, elementwise("pow", b, number(-1))])
    return product([a, power(b, -1)])


def _logistic(a: Expression, b: Expression) -> Expression | None:
    """Return the logistic function, which has a sign of its own, for 1 / (1 + exp(−x))."""
    if value(a) != 1 or b.head != "add" or len(b.args) != 2:
        return None
    exps = [t for t in b.args if (t.head, t.data) == ("function", "exp")]
    if len(exps) != 1 or value(next(t for t in b.args if t is not exps[0])) != 1:
        return None
    return Expression("sigmoid", (product([number(-1), exps[0].args[0]]),), None, b.shape)


def _neg(e: Expression) -> Expression:
    return product([number(-1), e.args[0]])


def _pow(e: Expression) -> Expression:
    base, exponent = e.args
    n = value(exponent)
    if isinstance(n, (int, Fraction)) and not isinstance(n, bool):
        if n == 0:
            return number(1, e.shape)
        if n == int(n):
            return power(base, int(n))
    return e


# -- conditions --------------------------------------------------------------------------------------------------------

_NEGATED = {"==": "!=", "!=": "=="}  # of the others, the negation also holds for NaN
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _compare(e: Expression) -> Expression:
    a, b = e.args
    if value(a) is not None and value(b) is None:
        return _compare(elementwise("compare", b, a, data=_TURNED[e.data]))
    is_ramp = (a.head, a.data) == ("function", "maximum") and value(a.args[1]) == 0 == value(b)
    if is_ramp and e.data in ("<=", ">"):  # max(x, 0) ≤ 0 where x ≤ 0
        return elementwise("compare", a.args[0], b, data=e.data)
    return e


def _not(e: Expression) -> Expression:
    (a,) = e.args
    if a.head == "not":
        return a.args[0]
    if a.head == "compare" and a.data in _NEGATED:
        return elementwise("compare", *a.args, data=_NEGATED[a.data])
    return e


def _where(e: Expression) -> Expression:
    c, a, b = e.args
    if a == b or (value(a) is not None is not value(b) and value(a) == value(b)):
        return a
    if c.head == "not":
        return elementwise("where", c.args[0], b, a)
    if b.head == "where" and b.args[:2] == (c, a):
        return b
    return e


# -- the rest ----------------------------------------------------------------------------------------------------------


def _function(e: Expression) -> Expression:
    if e.data == "expm1" or len(e.args) != 1:
        return e
    (a,) = e.args
    if a.head == "where" and value(a.args[1]) is not None and e.data in ("log", "exp", "sqrt"):
        with np.errstate(all="ignore"):
            held = number(getattr(np, e.data)(float(a.args[1].data)))
        return simplify(elementwise("where", a.args[0], held, function(e.data, a.args[2])))
    return e


def _number(e: Expression) -> Expression:
    known = _CONSTANTS.get(e.data) if isinstance(e.data, float) else None
    return e if known is None else spread(simplify(known), e.shape)


def _matmul(e: Expression) -> Expression:
    """Multiply by a matrix of one number as by that number."""
    for one, other in (e.args, e.args[::-1]):
        if value(one) is not None and one.shape == (1, 1) and other.shape == e.shape:
            return product([number(one.data), other])
    return e


def _transpose(e: Expression) -> Expression:
    (a,) = e.args
    if e.data == tuple(range(len(e.data))):
        return a
    if a.head == "number":
        return number(a.data, e.shape)
    if a.head == "transpose":
        order = tuple(a.data[d] for d in e.data)
        return _transpose(Expression("transpose", a.args, order, e.shape))
    return e


def _reshape(e: Expression) -> Expression:
    (a,) = e.args
    if a.head == "number":
        return number(a.data, e.shape)
    if a.head == "reshape":
        a = a.args[0]
        return a if a.shape == e.shape else Expression("reshape", (a,), e.shape, e.shape)
    return e


def _sum(e: Expression) -> Expression:
    (a,) = e.args
    n = math.prod(a.shape[d] for d in e.data[0])
    if a.head == "number":
        return number(_times(a.data, n), e.shape)
    if a.shape == e.shape:
        return a
    coefficient, rest = split(a)
    if coefficient != 1 and rest.shape == a.shape:
        return product([number(coefficient), Expression("sum", (rest,), e.data, e.shape)])
    return e


def _index(e: Expression) -> Expression:
    (a,) = e.args
    return number(a.data, e.shape) if a.head == "number" else e


def _broadcast(e: Expression) -> Expression:
    return spread(e.args[0].args[0] if e.args[0].head == "broadcast" else e.args[0], e.shape)


_RULES: dict[str, Callable[[Expression], Expression]] = {
    "number": _number,
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "compare": _compare,
    "not": _not,
    "where": _where,
    "function": _function,
    "matmul": _matmul,
    "transpose": _transpose,
    "reshape": _reshape,
    "sum": _sum,
    "index": _index,
    "broadcast": _broadcast,
}
