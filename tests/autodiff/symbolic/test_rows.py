"""Every row of the table, run on symbols: what it says is what it computes, at every sample and every special point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.engine.backward import _fit
from autodiff.engine.graph import Node
from autodiff.symbolic import Symbol, UnsayableError, evaluate, pull_back, rows, symbol, text, value
from autodiff.symbolic.simplify import simplify
from autodiff.symbolic.symbols import run
from autodiff.table import TABLE
from tests.autodiff.samples import SAMPLES
from tests.autodiff.test_kinks import KINKS

#: Rows whose value no formula says: what is picked by positions or moved between arrays, running sums, decompositions.
VALUES_NAMED = {
    *("cat", "stack", "diagonal", "put_diagonal", "unindex", "scatter_sum", "put", "overwrite"),
    *("of_classes", "mean_nll", "cumsum", "cumprod", "logsumexp"),
    *("unwindows", "convolve", "convolve_input", "convolve_weight"),
    *("window_sum", "window_max", "spread_windows", "pick_in_windows", "put_in_windows"),
    *("polar_factor", "sylvester", "cofactors", "pinv", "eigenvectors"),
    *("singular_vectors", "erfc", "erfinv", "lgamma", "polygamma", "logcumsumexp"),
}
#: Rows whose rule does one thing or another depending on the numbers, or is a loop.
RULES_NAMED = {"cumprod", "logcumsumexp", "prod"}


def recorded(y: Any) -> Iterator[Any]:
    """Return the recorded results that a tensor depends on, itself among them."""
    found = [y]
    for t in found:  # grows as it is walked
        if t._op is not None:
            found += [x for x in t._inputs if all(x is not s for s in found)]
            yield t


def symbols(y: Any) -> tuple[list[Symbol], dict[str, Any]]:
    """Return a symbol for each input of an operation, and what their names stand for."""
    named = {f"x{k}": x._data for k, x in enumerate(y._inputs)}
    return [symbol(name, array.shape, array.dtype) for name, array in named.items()], named


def check_value(y: Any) -> Symbol | None:
    """Compare what a row computes with what it says, as it is and simplified."""
    xs, named = symbols(y)
    try:
        said = run(y._op.forward, xs, y._params)
    except UnsayableError:
        return None
    assert said.shape == y.shape
    for e in (said.expression, simplify(said.expression)):
        found = np.broadcast_to(evaluate(e, named), y.shape).astype(y.dtype)
        # simplifying changes the order of a few operations, each of which rounds once
        np.testing.assert_allclose(found, y._data, rtol=1e-12, atol=1e-14)
    return said


def check_rules(y: Any, g: Any) -> list[str]:
    """Compare what the rules of a row give with what they say, broadcasting undone; return what is said of each."""
    op, (xs, named) = y._op, symbols(y)
    result = check_value(y)
    if result is None or not rows.is_elementwise(result.expression):
        result = symbol("y", y.shape, y.dtype)
    named |= {"y": y._data, "g": g}
    found = []
    for i, x in enumerate(y._inputs):
        if not x._requires_grad:
            continue
        made = pull_back(op, i, symbol("g", y.shape, y.dtype), result, xs, y._params)
        made = _fit(made, x, op.name)
        with np.errstate(all="ignore"):
            expected = _fit(op.on_arrays[i](g, y, y._inputs, y._params, i), x, op.name)
        for e in (made.expression, simplify(made.expression)):
            # as for the value
            np.testing.assert_allclose(np.broadcast_to(evaluate(e, named), x.shape), expected, rtol=1e-12, atol=1e-14)
        found.append(text(made.expression))
    return found


def results(op: str) -> Iterator[Any]:
    """Return what samples of a row give."""
    for sample in SAMPLES[op]:
        inputs = [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
        yield from (t for t in recorded(sample.call(ad, *inputs)) if t._op.name == op)


@pytest.mark.parametrize("op", sorted(SAMPLES))
def test_a_row_says_what_it_computes(op: str) -> None:
    found = [y for y in results(op) if all(t.numel() for t in (y, *y._inputs))]
    said = [check_value(y) is not None for y in found]
    assert any(said) != (op in VALUES_NAMED)


@pytest.mark.parametrize("op", sorted(SAMPLES))
def test_a_row_says_its_derivatives(op: str) -> None:
    rng = np.random.default_rng(1)
    told = 0
    for y in results(op):
        g = rng.normal(size=y.shape).astype(y.dtype)
        try:
            told += len(check_rules(y, g if y.shape else y.dtype.type(g)))
        except UnsayableError:
            assert op in RULES_NAMED
    assert told


@pytest.mark.parametrize("name", KINKS)
def test_it_says_them_at_special_points(name: str) -> None:
    call, *values = KINKS[name]
    with np.errstate(all="ignore"):
        y = call(ad, *(ad.tensor(np.array(v, float), requires_grad=True) for v in values))
    for t in recorded(y):
        try:
            check_rules(t, np.ones(t.shape) if t.shape else t.dtype.type(1))
        except UnsayableError:
            assert t._op.name in RULES_NAMED


_A, _B = np.array([[1.0, 2.0, np.nan], [-1.0, np.inf, 0.0]]), np.array([[1.0, 0.0, 2.0], [3.0, -4.0, 0.0]])
_LINES = {"dim": 1, "keepdim": False}
#: Inputs and parameters of rows without derivatives.
WITHOUT_RULES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), ((_A, _B), {})),
    **dict.fromkeys(("bitwise_and", "bitwise_or", "bitwise_xor"), ((_A > 0, _B > 0), {})),
    "bitwise_not": ((_A > 0,), {}),
    **dict.fromkeys(("left_shift", "right_shift"), ((np.array([1, -5, 3]), np.array([2, 1, 0])), {})),
    **dict.fromkeys(("isnan", "isinf", "isfinite"), ((_A,), {})),
    **dict.fromkeys(("all", "any", "argmax", "argmin"), ((_A,), _LINES)),
    "argsort": ((_A,), {"dim": 1}),
    "convert": ((_A > 0,), {"dtype": np.dtype(np.int64)}),
    "isclose": ((_A, _B), {"rtol": 0.1, "atol": 0.0, "equal_nan": True}),
}


@pytest.mark.parametrize("op", WITHOUT_RULES)
def test_a_row_without_derivatives_says_what_it_computes(op: str) -> None:
    arrays, params = WITHOUT_RULES[op]
    named = dict(zip("xy", arrays, strict=False))
    said = run(TABLE[op].forward, [symbol(name, x.shape, x.dtype) for name, x in named.items()], params)
    expected = TABLE[op].forward(*arrays, **params)
    assert said.dtype == expected.dtype
    for e in (said.expression, simplify(said.expression)):
        np.testing.assert_array_equal(evaluate(e, named), expected)


def test_every_row_is_tried() -> None:
    needs_numbers = {"integer_power", "moments", "window_argmax"}  # no formula says what they compute
    assert set(SAMPLES) | set(WITHOUT_RULES) | needs_numbers == set(TABLE)
    assert set(TABLE) >= VALUES_NAMED | RULES_NAMED


#: As a textbook writes them: the value of a row, and its derivative with respect to each input.
TEXTBOOK: dict[str, tuple[str, ...]] = {
    "add": ("x + y", "1", "1"),
    "sub": ("x − y", "1", "−1"),
    "mul": ("x·y", "y", "x"),
    "div": ("x / y", "1 / y", "−x / y²"),
    "pow": ("x^y", "y·x^(y − 1)", "x^y·log(x)"),
    "remainder": ("x mod y", "1", "−floor(x / y)"),
    "floor_divide": ("floor(x / y)", "0", "0"),
    "reciprocal": ("1 / x", "−1 / x²"),
    "sqrt": ("√x", "1 / (2·√x)"),
    "rsqrt": ("1 / √x", "−1 / (2·x·√x)"),
    "exp": ("exp(x)", "exp(x)"),
    "exp2": ("2^x", "2^x·log(2)"),
    "expm1": ("exp(x) − 1", "exp(x)"),
    "log": ("log(x)", "1 / x"),
    "log1p": ("log(1 + x)", "1 / (1 + x)"),
    "log10": ("log10(x)", "1 / (x·log(10))"),
    "logaddexp": ("log(exp(x) + exp(y))", "σ(x − y)", "σ(y − x)"),
    "xlogy": ("x·log(y)", "log(y)", "x / y"),
    "sin": ("sin(x)", "cos(x)"),
    "cos": ("cos(x)", "−sin(x)"),
    "tan": ("tan(x)", "1 + tan²(x)"),
    "asin": ("asin(x)", "1 / √(1 − x²)"),
    "acos": ("acos(x)", "−1 / √(1 − x²)"),
    "atan": ("atan(x)", "1 / (1 + x²)"),
    "atan2": ("atan2(x, y)", "y / (y² + x²)", "−x / (x² + y²)"),
    "hypot": ("√(x² + y²)", "x / √(x² + y²)", "y / √(x² + y²)"),
    "tanh": ("tanh(x)", "1 − tanh²(x)"),
    "asinh": ("asinh(x)", "1 / √(x² + 1)"),
    "acosh": ("acosh(x)", "1 / (√(x − 1)·√(x + 1))"),
    "atanh": ("atanh(x)", "1 / (1 − x²)"),
    "erf": ("erf(x)", "2·exp(−x²) / √π"),
    "sigmoid": ("σ(x)", "σ(x)(1 − σ(x))"),
    "relu": ("relu(x)", "1[x > 0]"),
    "silu": ("x·σ(x)", "σ(x)(1 + x·(1 − σ(x)))"),
    "softplus": ("log(1 + exp(x))", "σ(x)"),
    "bce": ("BCE(x, y)", "σ(x) − y", "−x"),
    "abs": ("|x|", "sign(x)"),
    "sign": ("sign(x)", "0"),
    "frac": ("x − trunc(x)", "1"),
    "maximum": ("max(x, y)", "1[x > y] + 1[x = y] / 2", "1[x < y] + 1[x = y] / 2"),
    "minimum": ("min(x, y)", "1[x < y] + 1[x = y] / 2", "1[x > y] + 1[x = y] / 2"),
    "clamp": ("min(max(x, y), z)", "1[y ≤ x ≤ z]", "1[x < y and y < z]", "1[x > z or z < y]"),
    "addcmul": ("x + y·z", "1", "z", "y"),
}


@pytest.mark.parametrize("op", TEXTBOOK)
def test_formulas_read_as_in_a_textbook(op: str) -> None:
    row = TABLE[op]
    xs = [symbol(name, (3,)) for name, _ in zip("xyz", row.inputs, strict=False)]
    one: Any = np.ones_like(xs[0])
    y = value(row, xs, {})
    body = y if row.called is None else run(row.forward, xs, {})
    slopes = [pull_back(row, i, one, body, xs, {}) for i in range(len(xs))]
    assert (text(y.expression), *(text(s.expression) for s in slopes)) == TEXTBOOK[op]


@pytest.mark.parametrize(
    ("op", "params", "expected", "slope"),
    [
        ("power", {"n": 2}, "x²", "2·x"),
        ("power", {"n": 3}, "x³", "3·x²"),
        ("power", {"n": -1}, "1 / x", "−1 / x²"),
        ("power", {"n": 0.5}, "√x", "1 / (2·√x)"),
        ("power", {"n": 1.5}, "x^1.5", "1.5·√x"),
        ("leaky_relu", {"slope": 0.1}, "leaky_relu(x)", "1[x > 0] + 0.1·1[x ≤ 0]"),
    ],
)
def test_parameters_are_numbers_in_formulas(op: str, params: dict[str, float], expected: str, slope: str) -> None:
    row, x = TABLE[op], symbol("x", (3,))
    y = value(row, [x], params)
    made = pull_back(row, 0, np.ones_like(x), y, [x], params)  # type: ignore[arg-type]  # a symbol gives a symbol
    assert (text(y.expression), text(made.expression)) == (expected, slope)


@ad.primitive(x=lambda g, x: g * 2 * np.cos(2 * x))
def sin2(x: Any) -> Any:
    """Sine of twice each element."""
    return np.sin(2 * x)


@ad.primitive(x=lambda g, x: np.where(x == 0, 0, g * (np.cos(x) - np.sin(x) / x) / x))
def sinc(x: Any) -> Any:
    """Sine of each element, divided by it."""
    return np.where(x == 0, 1, np.sin(x) / x)


@ad.primitive(x=lambda g, x: g if x.sum() > 0 else -g)
def moody(x: Any) -> Any:
    """A row that decides by the numbers."""
    return x if x.sum() > 0 else -x


def test_a_users_row_has_its_formula() -> None:
    z = ad.tensor([0.0, 1.0, -2.0], requires_grad=True, name="z")
    explanation = ad.explain(sin2(z).named("s").sum().named("L"), z, quiet=True)
    assert [f.formula for f in explanation.factors] == ["onesᵀ", "diag(2·cos(2·z))"]
    with np.errstate(all="ignore"):
        y = sinc(z)
    (made,) = check_rules(y, np.ones(3, np.float32))  # at 0 too, where what is read leaves out that 0/0 is filled in
    assert made == "g·(cos(x0) − sin(x0) / x0) / x0"
    assert text(run(y._op.forward, *symbols(y)[:1], {}).expression) == "sin(x0) / x0"


def test_a_row_that_decides_by_numbers_has_none() -> None:
    row = moody.primitive  # type: ignore[attr-defined]  # what a primitive carries
    with pytest.raises(UnsayableError, match="moody"):
        run(row.forward, [symbol("x", (2,))], {})
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    explanation = ad.explain(moody(x).named("m").sum().named("L"), x, quiet=True)
    assert [f.formula for f in explanation.factors] == ["onesᵀ", ""]


@ad.primitive(x=lambda g, x: g * 2.0**20 * x ** (2**20 - 1))
def endless(x: Any) -> Any:
    """A row whose formula nobody reads."""
    for _ in range(20):
        x = x * x
    return x


def test_what_nobody_reads_is_not_written() -> None:
    x = ad.tensor([0.5, 1.0], requires_grad=True, name="x")
    with pytest.raises(UnsayableError, match="which nobody reads"):
        run(endless.primitive.forward, [symbol("x")], {})  # type: ignore[attr-defined]  # what a primitive carries
    y = endless(x).named("y")
    assert "endless(x)" in ad.draw(y.sum().named("L"), derivatives=True).source


def test_broadcast_inputs_are_summed() -> None:
    b = ad.tensor([1.0, 2.0], requires_grad=True)
    y: Any = ad.ones(3, 2) * b
    assert check_rules(y, np.full((3, 2), 0.5, np.float32)) == ["Σ g·x0"]


def test_nodes_are_no_symbols() -> None:
    assert not isinstance(symbol("x"), Node)
