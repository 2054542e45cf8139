"""Expressions as Python: of whole arrays, or the body of a loop over elements, with what they share computed once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autodiff.symbolic import build, evaluate, latex, pull_back, rows, source, symbol, text
from autodiff.symbolic.simplify import simplify
from autodiff.symbolic.symbols import Symbol, run
from autodiff.table import TABLE
from tests.autodiff.symbolic.test_rows import results, symbols
from tests.fuzzing import examples

ELEMENTWISE = [op for op in sorted(TABLE) if next(iter(TABLE[op].rules), None) and not TABLE[op].variadic]


def test_what_is_shared_is_computed_once() -> None:
    x, y = symbol("x", (2,)), symbol("y", (2,))
    s = 1 / (1 + np.exp(-x))
    written, names = source([(s * y).expression, (s * (1 - s) * y).expression], {"x": "x", "y": "y"}, "both")
    assert (
        written == ("def both(x, y):\n    t0 = 1 / (1 + np.exp((-x)))\n    return (t0 * y), ((t0 * (1 - t0)) * y)")
        or written.count("np.exp") == 1
    )
    exec(written, names)
    values = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    sigma = 1 / (1 + np.exp(-values[0]))
    for found, expected in zip(
        names["both"](*values), (sigma * values[1], sigma * (1 - sigma) * values[1]), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_one_element_is_written_with_pythons_own_choices() -> None:
    x = symbol("x")
    e = np.where((x > 0) & ~(x > 1), x, 0).expression  # type: ignore[attr-defined]  # a symbol gives a symbol
    written, names = source([e], {"x": "x"}, scalar=True)
    assert written == "def f(x):\n    return x if (x > 0) and (not (x > 1)) else 0"
    exec(written, names)
    assert [names["f"](v) for v in (-1.0, 0.5, 2.0)] == [0, 0.5, 0]


@pytest.mark.parametrize("op", ELEMENTWISE)
def test_rows_of_single_elements_are_bodies_of_loops(op: str) -> None:
    for y in results(op):
        xs, named = symbols(y)
        try:
            e = run(y._op.forward, xs, y._params).expression
        except Exception:  # what no formula says is tested elsewhere
            continue
        if not (rows.is_elementwise(e) and rows.is_readable(e)) or any(x.shape != y.shape for x in xs) or not y.numel():
            continue
        body = build([e], dict(zip(named, named, strict=True)), scalar=True)
        with np.errstate(all="ignore"):
            found = [
                body(*values) for values in zip(*(a.reshape(-1) for a in map(np.asarray, named.values())), strict=True)
            ]
        np.testing.assert_allclose(found, np.reshape(y._data, -1), rtol=1e-6 if op == "cast" else 1e-14)


def test_a_derivative_is_a_body_too() -> None:
    row = TABLE["tanh"]
    x, g = symbol("x"), symbol("g")
    y = run(row.forward, [x], {})
    e = pull_back(row, 0, g, y, [x], {}).expression
    assert source([e], {"g": "g", "x": "x"}, scalar=True)[0] == (
        "def f(g, x):\n    t0 = np.tanh(x)\n    return g * (1 - (t0 * t0))"
    )


UNARY: list[Any] = [
    *(np.exp, np.tanh, np.log, np.negative, np.abs, np.log1p, np.expm1, np.sign, np.floor),
    *(lambda x: x**2, lambda x: 1 / x, lambda x: 1 / (1 + np.exp(-x)), lambda x: 0.5 * x, lambda x: 1 - x),
    *(lambda x: np.where(x == 0, 1, x), lambda x: np.where(x > 0, x, 0)),
]
BINARY: list[Any] = [
    *(np.add, np.multiply, np.divide, np.maximum, np.minimum, np.hypot, np.logaddexp),
    *(lambda a, b: np.where((a <= b) & (b > 0), 2 * a, 0), lambda a, b: np.where(~(a <= b), 1, 0.5)),
]
step = st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=examples(100))
@given(program=st.lists(step, min_size=1, max_size=7), special=st.booleans())
def test_simplifying_keeps_the_value(program: list[tuple[int, int, int]], special: bool) -> None:
    values = (
        [np.array([0.0, 1.0, -1.0]), np.array([1.0, 0.0, 2.0])]
        if special
        else [np.array([0.3, -1.7]), np.array([1.1, 0.4])]
    )
    said: list[Symbol] = [symbol(name, v.shape) for name, v in zip("xy", values, strict=True)]
    named = dict(zip("xy", values, strict=True))
    with np.errstate(all="ignore"):
        for operation, first, second in program:
            a, b = first % len(values), second % len(values)
            call = [*UNARY, *BINARY][operation]
            inputs = (a,) if operation < len(UNARY) else (a, b)
            said.append(call(*(said[k] for k in inputs)))
            values.append(call(*(values[k] for k in inputs)))
    e = said[-1].expression
    np.testing.assert_allclose(np.broadcast_to(evaluate(e, named), values[0].shape), values[-1], rtol=1e-12)
    found = np.broadcast_to(evaluate(simplify(e), named), values[0].shape)
    where = np.isfinite(values[-1])  # of what is not, a sum may cancel
    # a handful of roundings in another order, of numbers that may cancel
    np.testing.assert_allclose(found[where], values[-1][where], rtol=1e-7, atol=1e-9)
    assert text(e)
    assert latex(e)
