"""A user's rule that is wrong at a single point is found there, and one that chooses at a kink passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.engine.primitive import primitive
from autodiff.table import TABLE
from tests.autodiff.samples import SAMPLES

X = np.array([0.7, -1.3, 2.2])
Y = np.array([1.2, 0.4, -0.9])
LIMIT = 3.25


def sinc(x: Any) -> Any:
    """Return sin(x) / x, its hole filled."""
    return np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1.0, x))


def square(x: Any) -> Any:
    """Return the square."""
    return x * x


def square_with(x: Any, *, c: float) -> Any:
    """Return the square, which has a parameter."""
    return x * x


def cube(x: Any) -> Any:
    """Return the absolute value of the cube."""
    return np.abs(x) ** 3


def product(a: Any, b: Any) -> Any:
    """Return the product."""
    return a * b


def power(x: Any, p: Any) -> Any:
    """Return a power."""
    return x**p


def total(x: Any) -> Any:
    """Return the product of all entries."""
    return np.prod(x)


def _with_a_constant_elsewhere(x: Any) -> Any:
    return np.where(x == LIMIT, 1.0, 2 * x)


def _b(g: Any, a: Any) -> Any:
    return g * a


WRONG: dict[str, list[Any]] = {
    "x = 0.0": [
        (sinc, X, {"x": lambda g, x: g * (np.cos(x) / x - np.sin(x) / x**2)}, {}),
        (square, X, {"x": lambda g, x: g * np.where(x > 0, 2 * x, np.where(x < 0, 2 * x, 1.0))}, {}),
        (square, np.float64(0.7), {"x": lambda g, y, x: g * 2 * y / x}, {}),
        (cube, X, {"x": lambda g, y, x: g * 3 * y / x}, {}),
        (total, X, {"x": lambda g, y, x: g * y / x}, {}),
    ],
    "x = 3.0": [(square, X, {"x": lambda g, x: g * np.where(x == 3.0, 1.0, 2 * x)}, {})],
    "x = -3.25": [(square, X, {"x": lambda g, x: g * _with_a_constant_elsewhere(-x) * -1}, {})],
    "x = 4.5": [(square_with, X, {"x": lambda g, x, c: g * np.where(x == c, 1.0, 2 * x)}, {"c": 4.5})],
    "x = -0.25": [(square, X, {"x": lambda g, x: g * np.where(4 * x + 1 == 0, 1.0, 2 * x)}, {})],
    "x = -3.101": [(square, X, {"x": lambda g, x: g * np.where(x < -3.1, 1.0, 2 * x)}, {})],
    "x = -2.5": [(square, X, {"x": lambda g, x: g * 2 * np.maximum(x, -2.0)}, {})],
    "a = -0.9": [(product, (X, Y), {"a": lambda g, a, b: g * np.where(a == b, 0.0, b), "b": _b}, {})],
    "a = -1.2": [(product, (X, Y), {"a": lambda g, a, b: g * np.where(a == -b, 0.0, b), "b": _b}, {})],
    "x = 0, p = 0": [
        (power, (abs(X), Y), {"x": lambda g, x, p: g * p * x ** (p - 1), "p": lambda g, y, x: g * y * np.log(x)}, {})
    ],
}


@pytest.mark.parametrize(
    ("point", "case"), [pytest.param(p, case, id=f"{case[0].__name__} {p}") for p in WRONG for case in WRONG[p]]
)
def test_a_rule_that_is_wrong_at_one_point_is_found_there(point: str, case: Any) -> None:
    function, inputs, rules, params = case
    with pytest.raises(
        ad.GradcheckError, match=rf"{function.__name__}: the gradient .* is wrong at a special point, .*: {point}\."
    ):
        ad.check_primitive(primitive(**rules)(function), inputs, **params)


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _abs(x: Any) -> Any:
    return np.abs(x)


def _larger(a: Any, b: Any) -> Any:
    return np.maximum(a, b)


def _largest(x: Any) -> Any:
    return np.max(x)


def _clipped(x: Any, *, low: float = -1.0, high: float = 1.0) -> Any:
    return np.clip(x, low, high)


def _huber(x: Any, *, d: float = 1.0) -> Any:
    return np.where(np.abs(x) <= d, x * x / 2, d * (np.abs(x) - d / 2))


def _root(x: Any) -> Any:
    return np.abs(x) ** (1 / 3) * np.sign(x)


def _norm(x: Any) -> Any:
    return np.sqrt(np.sum(x * x))


def _quotient(a: Any, b: Any) -> Any:
    return a / b


def _logarithm(x: Any) -> Any:
    return np.log(x)


def _entropy(x: Any) -> Any:
    return np.where(x == 0, 0.0, x * np.log(np.abs(np.where(x == 0, 1.0, x))))


def _fraction(x: Any) -> Any:
    return x - np.floor(x)


def _steep(x: Any) -> Any:
    return np.tanh(1e3 * x)


def _sinc_slope(g: Any, x: Any) -> Any:
    safe = np.where(x == 0, 1.0, x)
    return g * np.where(x == 0, 0.0, (np.cos(x) - np.sin(x) / safe) / safe)


RIGHT = [
    (sinc, X, {"x": _sinc_slope}),
    (_relu, X, {"x": lambda g, x: g * (x > 0)}),
    (_relu, X, {"x": lambda g, x: g * (x >= 0)}),
    (_abs, X, {"x": lambda g, x: g * np.sign(x)}),
    (_abs, X, {"x": lambda g, y, x: g * y / x}),
    (_larger, (X, Y), {"a": lambda g, a, b: g * (a >= b), "b": lambda g, a, b: g * (a < b)}),
    (_larger, (X, Y), {"a": lambda g, a, b: g * (a > b), "b": lambda g, a, b: g * (a < b)}),
    (_largest, X, {"x": lambda g, x, y: g * (x == y)}),
    (_clipped, X, {"x": lambda g, x, low, high: g * ((x >= low) & (x <= high))}),
    (_clipped, X, {"x": lambda g, x, low, high: g * ((x > low) & (x < high))}),
    (_huber, X, {"x": lambda g, x, d: g * np.clip(x, -d, d)}),
    (_root, X, {"x": lambda g, x: g / np.abs(x) ** (2 / 3) / 3}),
    (_norm, X, {"x": lambda g, y, x: g * x / y}),
    (_quotient, (X, Y), {"a": lambda g, b: g / b, "b": lambda g, y, b: -g * y / b}),
    (_logarithm, abs(X), {"x": lambda g, x: g / x}),
    (_entropy, X, {"x": lambda g, x: g * (np.log(np.abs(x)) + 1)}),
    (_fraction, X, {"x": lambda g: g}),
    (_steep, X / 1e3, {"x": lambda g, y: g * (1 - y * y) * 1e3}),
]  # fmt: skip


@pytest.mark.parametrize(("function", "inputs", "rules"), RIGHT)
def test_a_rule_may_choose_where_there_is_no_derivative(function: Any, inputs: Any, rules: Any) -> None:
    assert ad.check_primitive(primitive(**rules)(function), inputs)


FOR_ALL = ["abs", "add", "atan2", "clip", "div", "exp", "hypot", "log", "maximum", "mul", "pow", "prod", "sqrt", "tanh"]


@pytest.mark.parametrize("name", sorted(set(FOR_ALL) & set(TABLE)))
def test_operations_of_the_table_pass(name: str) -> None:
    op = TABLE[name]
    sample = next(s for s in SAMPLES[name] if s.keeps_dtype and 0 < sum(x.size for x in s.arrays()) <= 12)
    xs = [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
    y = sample.call(ad, *xs)
    while y._op is not op:
        (y,) = (x for x in y._inputs if x._op is not None)
    operation = primitive(symbol=op.symbol, view=op.view, **op.rules)(op.forward)
    assert ad.check_primitive(operation, [x.detach() for x in y._inputs], **y._params)


def test_a_function_that_raises_at_a_point_is_not_compared_there() -> None:
    @ad.primitive(x=lambda g, x: g / x)
    def strict(x: Any) -> Any:
        if np.any(x <= 0):
            raise ValueError("only positive numbers")
        return np.log(x)

    assert ad.check_primitive(strict, np.array([0.5, 3.0]))
