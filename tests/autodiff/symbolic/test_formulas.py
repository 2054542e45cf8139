"""Formulas, written: simplified until they read as on paper, on one line and in LaTeX."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from autodiff.symbolic import Symbol, factor, latex, latex_name, symbol, text
from autodiff.symbolic.expression import Expression, number
from autodiff.symbolic.symbols import lift

NAMES = {name: symbol(name) for name in "abcxy"}
MATRICES = {"A": symbol("A", (2, 3)), "B": symbol("B", (3, 2)), "v": symbol("v", (3,)), "g": symbol("∂L/∂A", (2, 3))}


def formula(source: str) -> Expression:
    """Return what a line of NumPy says."""
    found: Any = eval(source, {"np": np, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), **NAMES, **MATRICES})
    return lift(found).expression


@pytest.mark.parametrize(
    ("source", "said", "in_latex"),
    [
        ("a - b - c", "a − b − c", "a - b - c"),
        ("a - (b - c)", "a − b + c", "a - b + c"),
        ("a * (b + c)", "a·(b + c)", r"a \cdot \left(b + c\right)"),  # not a function of b + c
        ("2 * (b + c)", "2(b + c)", r"2\left(b + c\right)"),
        ("(b + c) * a", "a·(b + c)", r"a \cdot \left(b + c\right)"),
        ("a / b * c / x", "a·c / (b·x)", r"\frac{a \cdot c}{b \cdot x}"),
        ("-(a / b) - c / 2", "−a / b − c / 2", r"-\frac{a}{b} - \frac{c}{2}"),
        ("a / (b * c)", "a / (b·c)", r"\frac{a}{b \cdot c}"),
        ("a / b / b", "a / b²", r"\frac{a}{b^{2}}"),
        ("(a * b) ** 2", "(a·b)²", r"\left(a \cdot b\right)^{2}"),
        ("a * b * a", "a²·b", r"a^{2} \cdot b"),
        ("a ** -1", "1 / a", r"\frac{1}{a}"),
        ("a ** b", "a^b", "a^{b}"),
        ("a ** 2.5", "a^2.5", "a^{2.5}"),
        ("-(a - b)", "−(a − b)", r"-\left(a - b\right)"),
        ("-a + b", "b − a", "b - a"),
        ("a + -b", "a − b", "a - b"),
        ("a - -b", "a + b", "a + b"),
        ("2 * a * 3", "6·a", r"6 \cdot a"),
        ("a * 1 + 0", "a", "a"),
        ("a + a + 5", "2·a + 5", r"2 \cdot a + 5"),
        ("0 * a", "0", "0"),
        ("a / 4", "a / 4", r"\frac{a}{4}"),
        ("0.3 * a", "0.3·a", r"0.3 \cdot a"),
        ("2 * (a - b) / 3", "2(a − b) / 3", r"\frac{2\left(a - b\right)}{3}"),
        ("abs(a)", "|a|", r"\left|a\right|"),
        ("np.tanh(a) ** 2", "tanh²(a)", r"\tanh^{2}\left(a\right)"),
        ("np.sqrt(a) * np.sqrt(a + b)", "√a·√(a + b)", r"\sqrt{a} \cdot \sqrt{a + b}"),
        ("np.exp(a) * b", "exp(a)·b", r"\exp\left(a\right) \cdot b"),
        ("1 / (1 + np.exp(-a))", "σ(a)", r"\sigma\left(a\right)"),
        ("1 / (np.exp(-(a - b)) + 1)", "σ(a − b)", r"\sigma\left(a - b\right)"),
        ("np.arcsin(a)", "asin(a)", r"\operatorname{asin}\left(a\right)"),
        ("np.where(a <= 0, 1, 0)", "1[a ≤ 0]", r"\mathbf{1}[a \le 0]"),
        ("np.where(a != b, 1, 0)", "1[a ≠ b]", r"\mathbf{1}[a \ne b]"),
        ("np.where((a > 0) & (b > 0), c, 0)", "c·1[a > 0 and b > 0]", r"c \cdot \mathbf{1}[a > 0 \land b > 0]"),
        ("np.where((a > 0) & (a < 1), c, 0)", "c·1[0 < a < 1]", r"c \cdot \mathbf{1}[0 < a < 1]"),
        ("np.where(a > 0, b, c)", "where(a > 0, b, c)", None),
        ("np.maximum(a, 0) + np.log1p(np.exp(-abs(a)))", "log(1 + exp(a))", None),
        ("(A + B.T).T @ A", "(A + Bᵀ)ᵀ @ A", r"\left(A + B^\top\right)^\top \, A"),
        ("A @ (B @ A)", "A @ (B @ A)", r"A \, \left(B \, A\right)"),
        ("A @ B @ A", "A @ B @ A", r"A \, B \, A"),
        ("(2 * A) @ B", "(2·A) @ B", r"\left(2 \cdot A\right) \, B"),
        ("g * (A @ B @ A)", "∂L/∂A ⊙ (A @ B @ A)", None),
        ("np.ones_like(B) @ A", "ones @ A", r"\mathbf{1} \, A"),
        ("np.sqrt((v * v).sum())", "‖v‖", r"\left\|v\right\|"),
        ("v.sum()", "Σ v", r"\sum v"),
        ("v[1:] * v[:-1]", "v[1:]·v[:−1]", None),
    ],
)
def test_writing(source: str, said: str, in_latex: str | None) -> None:
    e = formula(source)
    assert text(e) == said
    assert latex(e) == (in_latex or latex(e))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("np.where(x == 0, 1, np.sin(x) / x)", "sin(x) / x"),  # what fills in 0/0
        ("x / np.where(y == 0, 1, y)", "x / y"),
        ("np.where(y == 0, 0, x) / np.where(y == 0, 1, y)", "x / y"),
        ("np.where((x == 0) & (y <= 0), 0, np.log(np.where(x == 0, 1, x)))", "log(x)"),
        ("np.where(x == 0, 5, x)", "where(x = 0, 5, x)"),  # what means something is said
        ("np.where(x == 0, -np.inf, y)", "where(x = 0, −∞, y)"),
        ("np.where(x == 3, 1, 0)", "1[x = 3]"),
        ("np.where(~(x <= 0), 1, 0)", "1[x > 0]"),
        ("np.where((x > 0) | np.isnan(x), 1, 0)", "1[x > 0]"),
        ("np.where((x >= 0) & (x <= np.inf), y, 0)", "y·1[x ≥ 0]"),
        ("np.minimum(np.maximum(x, -np.inf), 1)", "min(x, 1)"),
        ("np.where(x > 0, 1, 0) - np.where(x < 0, 1, 0)", "sign(x)"),
        ("np.hypot(x, y) ** 2", "x² + y²"),
        ("np.log1p(np.expm1(x))", "log(exp(x))"),
    ],
)
def test_what_serves_the_computer_alone_is_not_written(source: str, said: str) -> None:
    assert text(formula(source)) == said


def test_a_name_in_parentheses_has_none_twice() -> None:
    x: Any = symbol("(w·x)")
    y: Any = symbol("(a) + (b)")
    assert text((1 - np.tanh(x) ** 2).expression) == "1 − tanh²(w·x)"
    assert text((np.exp(x) * abs(x)).expression) == "exp(w·x)·|w·x|"
    assert text(np.exp(y).expression) == "exp((a) + (b))"
    assert factor((x + y).expression) == "((w·x) + (a) + (b))"


def test_numbers() -> None:
    assert [text(number(n)) for n in (3, -0.5, 1e-7, Fraction(1, 3), Fraction(1, 2), np.inf)] == [
        *("3", "−0.5", "1e−7", "1 / 3", "0.5", "∞"),
    ]
    assert latex(number(1.5e-7)) == r"1.5 \cdot 10^{-7}"


def test_names_in_latex() -> None:
    assert latex_name("50%_of") == r"\mathrm{50\%\_of}"
    assert latex_name("∂L/∂w₁") == r"\frac{\partial L}{\partial w_{1}}"


def test_a_name_before_parentheses_is_no_function() -> None:
    v, x = symbol("v₁"), symbol("x")
    assert text((v * (1 - v)).expression) == "v₁·(1 − v₁)"
    assert isinstance(v * x, Symbol)
