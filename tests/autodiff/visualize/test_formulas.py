"""Formulas: each says the number that the primitive's own rule gives, and is written as on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.ops import TABLE
from autodiff.visualize import expressions, formulas
from autodiff.visualize.expressions import constant, filled, name
from autodiff.visualize.walk import ones, pulled, units
from tests.autodiff.samples import SAMPLES

FUNCTIONS: dict[str, Any] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "indicator": lambda condition: condition.astype(float),
    "transpose": lambda x: x.T,
    "sum": lambda g: g.sum(0),
    "max": np.maximum,
    "min": np.minimum,
    "relu": lambda x: np.maximum(x, 0),
    **{called: getattr(np, called) for called in ("exp", "log", "sqrt", "tanh", "abs", "sign")},
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
    return FUNCTIONS | dict(zip(op.inputs, (x.data for x in inputs), strict=False)) | params


@pytest.mark.parametrize("op", formulas.SLOPES)
def test_each_slope_is_what_the_rule_gives(op: str) -> None:
    assert set(formulas.SLOPES[op]) <= set(TABLE[op].rules)
    tried = 0
    for y in results(op):
        found = pulled([y], {y: ones(y)})
        for argument, x in zip(y._op.inputs, y._inputs, strict=False):
            if argument in formulas.SLOPES[op]:
                said = eval(formulas.SLOPES[op][argument], names_of(y))
                # the formula and the rule round a few times each, in a different order
                np.testing.assert_allclose(np.broadcast_to(said, x.shape), found[x], rtol=1e-13, atol=1e-15)
                tried += 1
    assert tried


@pytest.mark.parametrize("op", sorted(set(formulas.VALUES) - {"leaky_relu"}))  # that one is a name
def test_each_value_is_what_the_primitive_computes(op: str) -> None:
    assert results(op)
    for y in results(op):
        np.testing.assert_allclose(eval(formulas.VALUES[op], names_of(y)), y.data, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("op", formulas.PRODUCTS)
def test_products_and_what_they_make_of_the_gradient(op: str) -> None:
    rng = np.random.default_rng(0)
    a = ad.tensor(rng.normal(size=(2, 3)), requires_grad=True)
    b = ad.tensor(rng.normal(size=(4, 3) if op == "linear" else (3, 4)), requires_grad=True)
    c = ad.tensor(rng.normal(size=4), requires_grad=True)
    y: Any = ad.linear(a, b, c) if op == "linear" else a @ b
    np.testing.assert_allclose(eval(formulas.PRODUCTS[op], names_of(y)), y.data, rtol=1e-13)
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
    y: Any = {"linear": lambda: ad.linear(v, m), "matmul": lambda: v @ m.T if argument == "input" else m @ v}[op]()
    jacobian = [pulled([y], {y: unit})[v] for unit in units(y)]
    np.testing.assert_array_equal(eval(formulas.JACOBIANS[op, argument], names_of(y)), jacobian)


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
