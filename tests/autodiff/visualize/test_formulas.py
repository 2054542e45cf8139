"""Formulas: each says the number that the primitive's own rule gives, and is written as on paper."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.ops import TABLE
from autodiff.visualize import expressions, formulas
from autodiff.visualize.expressions import constant, filled, name
from autodiff.visualize.walk import ones, pulled, units
from tests.autodiff.samples import SAMPLES

ELEMENTWISE = (
    *("exp", "log", "log2", "log10", "sqrt", "abs", "sign", "floor", "ceil", "trunc"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh"),
)
NAMES = {"leaky_relu", "cast", *formulas.ROWS}  # which say less than what is computed: no slope, dtype, dimension
FUNCTIONS: dict[str, Any] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "indicator": lambda condition: condition.astype(float),
    "transpose": lambda x: x.T,
    "sum": lambda g: g.sum(0),
    "max": np.maximum,
    "min": np.minimum,
    "clamp": np.clip,
    "where": np.where,
    "remainder": np.remainder,
    "frac": lambda x: x - np.trunc(x),
    "erf": np.vectorize(math.erf),
    "BCE": lambda x, t: np.logaddexp(0, x) - t * x,
    "softmax": lambda x: np.exp(x - np.logaddexp.reduce(x, axis=-1, keepdims=True)),
    "log_softmax": lambda x: x - np.logaddexp.reduce(x, axis=-1, keepdims=True),
    "π": np.pi,
    "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: (x >= 0).astype(x.dtype),
    **{f"a{called}": getattr(np, f"arc{called}") for called in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    **{called: getattr(np, called) for called in ELEMENTWISE},
}


def results(op: str) -> list[Any]:
    """Return what the primitive gives for its samples that are neither empty nor broadcast."""
    found = []
    for sample in SAMPLES[op]:
        inputs = [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
        y = sample.call(ad, *inputs)
        if y._op is not None and y._op.name == op and y.numel() and len({x.shape for x in inputs}) == 1:
            found.append(y)
    return found


def names_of(y: Any) -> dict[str, Any]:
    op, inputs, params = y._op, y._inputs, y._params
    return FUNCTIONS | dict(zip(op.inputs, (x.data.numpy() for x in inputs), strict=False)) | params


@pytest.mark.parametrize("op", formulas.SLOPES)
def test_each_slope_is_what_the_rule_gives(op: str) -> None:
    assert set(formulas.SLOPES[op]) <= set(TABLE[op].rules)
    tried = 0
    for y in results(op):
        found = pulled([y], {y: ones(y)})
        for argument, x in zip(y._op.inputs, y._inputs, strict=False):
            if argument in formulas.SLOPES[op] and x.shape == y.shape and x in found:
                said = eval(formulas.SLOPES[op][argument], names_of(y))
                # the formula and the rule round a few times each, in a different order
                np.testing.assert_allclose(np.broadcast_to(said, x.shape), found[x], rtol=1e-13, atol=1e-15)
                tried += 1
    assert tried


@pytest.mark.parametrize("op", sorted(set(formulas.VALUES) - NAMES))
def test_each_value_is_what_the_primitive_computes(op: str) -> None:
    assert results(op)
    for y in results(op):
        np.testing.assert_allclose(eval(formulas.VALUES[op], names_of(y)), y.data.numpy(), rtol=1e-13, atol=1e-15)


REDUCED: dict[str, Any] = {
    "sum": np.sum,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "mean": np.mean,
    "norm": np.linalg.norm,
    "logsumexp": np.logaddexp.reduce,
}


@pytest.mark.parametrize("op", formulas.REDUCTIONS)
def test_reductions_and_the_share_of_each_element(op: str) -> None:
    x = ad.tensor(np.array([0.5, -1.5, 2.0]), requires_grad=True)
    y: Any = getattr(ad, op)(x, 0) if op == "logsumexp" else getattr(ad, op)(x)
    assert y._op.name == op
    np.testing.assert_allclose(
        eval(formulas.REDUCTIONS[op], REDUCED | {"input": x.data.numpy()}), y.data.numpy(), rtol=1e-15
    )
    said = eval(formulas.SHARES[op], FUNCTIONS | {"input": x.data.numpy(), "y": y.data.numpy(), "n": 3})
    np.testing.assert_allclose(np.broadcast_to(said, 3), pulled([y], {y: ones(y)})[x], rtol=1e-14)


@pytest.mark.parametrize("op", formulas.ROWS)
def test_what_functions_of_rows_make_of_the_gradient(op: str) -> None:
    rng = np.random.default_rng(0)
    x = ad.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    y: Any = getattr(ad, op)(x, 1)
    g = rng.normal(size=(2, 3))
    names = FUNCTIONS | {"sum": lambda a: a.sum(1, keepdims=True), "y": y.data.numpy(), "g": g, "input": x.data.numpy()}
    np.testing.assert_allclose(eval(formulas.VALUES[op], names), y.data.numpy(), rtol=1e-13)
    np.testing.assert_allclose(eval(formulas.ROWS[op], names), pulled([y], {y: g})[x], rtol=1e-13)


def test_moves_are_of_primitives_whose_derivative_is_0_or_1() -> None:
    for op in formulas.MOVES:
        for y in (y for y in results(op) if y.numel() < 100):
            for x in y._inputs:
                if x._requires_grad:
                    assert {float(v) for unit in units(y) for v in np.unique(pulled([y], {y: unit})[x])} <= {0, 1}


@pytest.mark.parametrize("op", formulas.PRODUCTS)
def test_products_and_what_they_make_of_the_gradient(op: str) -> None:
    rng = np.random.default_rng(0)
    a = ad.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    b = ad.tensor(rng.normal(size=(4, 3) if op == "linear" else (3, 4)), requires_grad=True)
    c = ad.tensor(rng.normal(size=4), requires_grad=True)
    y: Any = ad.linear(a, b, c) if op == "linear" else a @ b
    np.testing.assert_allclose(eval(formulas.PRODUCTS[op], names_of(y)), y.data.numpy(), rtol=1e-13)
    g = rng.normal(size=(2, 4))
    found = pulled([y], {y: g})
    for argument, x in zip(y._op.inputs, y._inputs, strict=False):
        said = eval(formulas.PULLED[op][argument], names_of(y) | {"g": g})
        np.testing.assert_allclose(said, found[x], rtol=1e-13)


@pytest.mark.parametrize(("op", "argument"), formulas.JACOBIANS)
def test_jacobians_of_products_with_a_vector(op: str, argument: str) -> None:
    rng = np.random.default_rng(0)
    v = ad.tensor(rng.normal(size=3), requires_grad=True)
    m = ad.tensor(rng.normal(size=(4, 3)))
    y: Any = {
        "linear": lambda: ad.linear(v, m),
        "matmul": lambda: v @ m.T if argument == "input" else m @ v,
        "softmax": lambda: v.softmax(0),
        "log_softmax": lambda: v.log_softmax(0),
    }[op]()
    jacobian = [pulled([y], {y: unit})[v] for unit in units(y)]
    names = {"y": y.data.numpy(), "I": np.eye(3), "ones": np.ones(3), "diag": np.diag, "outer": np.outer}
    said = eval(formulas.JACOBIANS[op, argument], names_of(y) | names)
    np.testing.assert_allclose(said, jacobian, rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize(
    ("source", "text", "latex"),
    [
        ("a - b - c", "a − b − c", "a - b - c"),
        ("a - (b - c)", "a − (b − c)", r"a - \left(b - c\right)"),
        ("a * (b + c)", "a·(b + c)", r"a \cdot \left(b + c\right)"),  # not a function of b + c
        ("2 * (b + c)", "2(b + c)", r"2\left(b + c\right)"),
        ("a / b * c / d", "a·c / (b·d)", r"\frac{a \cdot c}{b \cdot d}"),
        ("-(a / b) - c / 2", "−a / b − c / 2", r"\frac{-a}{b} - \frac{c}{2}"),
        ("a / (b * c)", "a / (b·c)", r"\frac{a}{b \cdot c}"),
        ("(a * b) ** 2", "(a·b)²", r"\left(a \cdot b\right)^{2}"),
        ("a ** -1", "a⁻¹", "a^{-1}"),
        ("a ** b", "a^b", "a^{b}"),
        ("-(a - b)", "−(a − b)", r"-\left(a - b\right)"),
        ("a + -b", "a − b", "a - b"),
        ("a - -b", "a − (−b)", r"a - \left(-b\right)"),
        ("2 * a * 3", "6·a", r"6 \cdot a"),
        ("a * 1 + 0", "a", "a"),
        ("0 * a", "0", "0"),
        ("1 / 4 * a", "0.25·a", r"0.25 \cdot a"),
        ("abs(a)", "|a|", r"\left|a\right|"),
        ("tanh(a) ** 2", "tanh²(a)", r"\tanh^{2}\left(a\right)"),
        ("indicator(a <= 0)", "1[a ≤ 0]", r"\mathbf{1}[a \le 0]"),
        ("transpose(a + b) @ c", "(a + b)ᵀ @ c", r"\left(a + b\right)^\top \, c"),
        ("sqrt(a) * sqrt(a + b)", "√a·√(a + b)", r"\sqrt{a} \cdot \sqrt{a + b}"),
    ],
)
def test_writing(source: str, text: str, latex: str) -> None:
    e = filled(source, {})
    assert (expressions.text(e), expressions.latex(e)) == (text, latex)


def test_numbers_and_sums() -> None:
    x = name("x")
    assert expressions.text(expressions.total([expressions.product([constant(-1), x]), name("y")])) == "y − x"
    assert expressions.latex(constant(1.5e-7)) == r"1.5 \cdot 10^{-7}"
    assert expressions.latex(name("50%_of")) == r"\mathrm{50\%\_of}"


@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_equal_ones_share_the_slope(op: str) -> None:
    a, b = (ad.tensor(np.array(v), requires_grad=True) for v in ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]))
    y: Any = getattr(ad, op)(a, b)
    found = pulled([y], {y: ones(y)})
    for argument, x in (("input", a), ("other", b)):
        np.testing.assert_array_equal(eval(formulas.SLOPES[op][argument], names_of(y)), found[x])


@pytest.mark.parametrize("op", ["amax", "amin"])
def test_equal_ones_share_the_reduction(op: str) -> None:
    x = ad.tensor(np.array([1.0, 3.0, 3.0, 1.0]), requires_grad=True)
    y: Any = getattr(ad, op)(x)
    said = eval(formulas.SHARES[op], FUNCTIONS | {"input": x.data.numpy(), "y": y.data.numpy()})
    np.testing.assert_array_equal(said, pulled([y], {y: ones(y)})[x])


def test_a_name_in_parentheses_has_none_twice() -> None:
    values = {"x": name("(w·x)"), "y": name("(a) + (b)")}
    assert expressions.text(filled("1 - tanh(x) ** 2", values)) == "1 − tanh²(w·x)"
    assert expressions.text(filled("exp(x) * abs(x)", values)) == "exp(w·x)·|w·x|"
    assert expressions.text(filled("exp(y)", values)) == "exp((a) + (b))"
    assert expressions.text(filled("transpose(x) @ x", values)) == "(w·x)ᵀ @ (w·x)"
