"""At zeros, infinities, NaN and the largest and smallest numbers, values and first two derivatives are PyTorch's.

Where PyTorch's result is NaN although the limit exists, any result passes: it is compared where PyTorch has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
from nn import functional
from tests.fuzzing import examples
from tests.oracle import array, assert_same, gradients, needs_torch, torch
from tests.together import together

Array = npt.NDArray[Any]

EDGES = [0.0, 1e-45, 1e-38, 1e-30, 1e-8, 5e-4, 0.5, 1.0, 2.0, 4.5, 6.0, 11.0, 17.0, 20.0, 88.0, 89.0, 104.0]
EDGES += [710.0, 65504.0, 1e20, 1e30, 3.4e38, np.inf]
NUMBERS = [*EDGES, *(-x for x in EDGES), np.nan]

UNARY: dict[str, Callable[..., Any]] = {
    name: lambda lib, f, x, name=name: getattr(lib, name)(x)
    for name in [
        "abs",
        "acos",
        "asin",
        "asinh",
        "atan",
        "atanh",
        "ceil",
        "cos",
        "cosh",
        "erf",
        "exp",
        "exp2",
        "expm1",
        "floor",
        "frac",
        "log",
        "log10",
        "log1p",
        "log2",
        "neg",
        "reciprocal",
        "relu",
        "round",
        "rsqrt",
        "sigmoid",
        "sign",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "tan",
        "tanh",
        "trunc",
    ]
} | {
    name: lambda lib, f, x, name=name: getattr(f, name)(x)
    for name in [
        "celu",
        "elu",
        "gelu",
        "leaky_relu",
        "logsigmoid",
        "mish",
        "selu",
        "silu",
        "softplus",
        "softsign",
        "tanhshrink",
    ]
}
UNARY |= {
    f"pow {p}": lambda lib, f, x, p=p: x**p  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for p in (2, 3, 0.5, -0.5, -1, -2, 0, 1, 2.5, -1.5)
}
UNARY |= {
    "gelu, tanh": lambda lib, f, x: f.gelu(x, approximate="tanh"),
    "softplus of beta 2": lambda lib, f, x: f.softplus(x, beta=2.0, threshold=5.0),
    "clamp": lambda lib, f, x: lib.clamp(x, -1, 1),
    "2 to the power": lambda lib, f, x: 2**x,
}
BINARY: dict[str, Callable[..., Any]] = {
    name: lambda lib, f, x, y, name=name: getattr(lib, name)(x, y)
    for name in ["add", "sub", "mul", "div", "pow", "xlogy", "logaddexp", "hypot", "maximum", "minimum", "remainder"]
} | {
    name: lambda lib, f, x, y, name=name: getattr(f, name)(x, y, reduction="none")
    for name in ("huber_loss", "smooth_l1_loss", "mse_loss", "binary_cross_entropy_with_logits", "poisson_nll_loss")
}

# The derivative of a derivative jumps here, and each library is on one side of the jump; or it is NaN here, of NaN.
JUMPS: dict[str, Callable[..., Any]] = {
    "celu": lambda x: (x == 0) | np.isnan(x),
    "elu": lambda x: (x == 0) | np.isnan(x),
    "selu": lambda x: (x == 0) | np.isnan(x),
    "huber_loss": lambda x, y: np.abs(x - y) == 1,
    "smooth_l1_loss": lambda x, y: np.abs(x - y) == 1,
    "pow 0.5": lambda x: x == -np.inf,  # NaN here, as in NumPy
    "pow -0.5": lambda x: x == -np.inf,
}


def derived(lib: Any, call: Any, xs: list[Array], order: int) -> list[Array]:
    """Return the value, the derivatives by each input, and the derivatives of each of these by each input."""
    ts = [ad.tensor(x, requires_grad=True) if lib is ad else torch.tensor(x, requires_grad=True) for x in xs]
    y = call(lib, functional if lib is ad else torch.nn.functional, *ts)
    found = [[y]]
    for _ in range(order):
        found.append([g for z in found[-1] for g in slopes(lib, z, ts)])
    return [array(z) for level in found for z in level]


def slopes(lib: Any, y: Any, xs: list[Any]) -> list[Any]:
    """Return the derivatives of each element by its own inputs, 0 where it does not depend on them."""
    if not y.requires_grad:
        return [lib.zeros_like(x) for x in xs]
    grad = ad.grad if lib is ad else torch.autograd.grad
    found = grad(y, xs, lib.ones_like(y), create_graph=True, allow_unused=True)
    return [lib.zeros_like(x) if g is None else g for g, x in zip(found, xs, strict=True)]


def check(name: str, call: Any, xs: list[Array], order: int) -> None:
    """Compare a function and its derivatives at some numbers."""
    eps, tiny = float(np.finfo(xs[0].dtype).eps), float(np.finfo(xs[0].dtype).tiny)
    with np.errstate(all="ignore"):
        jumps = JUMPS[name](*xs) if name in JUMPS else np.zeros(xs[0].shape, bool)
    mine, theirs = derived(ad, call, xs, order), derived(torch, call, xs, order)
    for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        # Some roundings of a result near 1: formulas that differ cancel there. Of half precision PyTorch rounds once.
        rtol, atol = (60 * eps, 4 * eps if k else tiny) if order else (3 * eps, tiny)
        wide, expected = a.astype(np.float64), b.astype(np.float64)
        with np.errstate(all="ignore"):
            near = np.abs(wide - expected) <= rtol * np.maximum(np.abs(expected), np.abs(wide)) + atol
        undefined = np.isnan(expected) & (k > 0)  # in a derivative; a value is NaN where the function is not defined
        off = ~(near | (wide == expected) | undefined | (np.isnan(wide) & np.isnan(expected)) | jumps)
        if name.startswith("gelu") and k == 0:
            off &= (np.abs(xs[0]) != np.inf) & (np.abs(expected) > 0.02)  # where theirs cancels, and is NaN at inf
        if name == "remainder" and k == 0:
            off &= ~np.isnan(expected)  # theirs is NaN where the quotient overflows
        assert not off.any(), (name, k, [x[off][:5] for x in xs], a[off][:5], b[off][:5])


@needs_torch
@pytest.mark.parametrize("name", UNARY)
@together("dtype", [np.float32, np.float64, np.float16])
def test_functions_of_one_number_are_pytorchs(name: str, dtype: npt.DTypeLike) -> None:
    with np.errstate(all="ignore"):
        x = np.array(NUMBERS).astype(dtype)
    check(name, UNARY[name], [x], 0 if dtype == np.float16 else 1)


@needs_torch
@pytest.mark.parametrize("name", BINARY)
@together("dtype", [np.float32, np.float64, np.float16])
def test_functions_of_two_numbers_are_pytorchs(name: str, dtype: npt.DTypeLike) -> None:
    with np.errstate(all="ignore"):
        x = np.array(NUMBERS).astype(dtype)
    both = [np.repeat(x, len(x)), np.tile(x, len(x))]
    check(name, BINARY[name], both, 0 if dtype == np.float16 else 1)


@needs_torch
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_second_derivatives_are_pytorchs_at_numbers_of_any_size(name: str) -> None:
    rng, size = np.random.default_rng(len(name)), examples(200)
    xs = [rng.normal(size=size) * 10.0 ** rng.integers(-6, 3, size) for _ in range(1 + (name in BINARY))]
    mine, theirs = (derived(lib, BINARY.get(name) or UNARY[name], xs, 2) for lib in (ad, torch))
    for a, b in zip(mine, theirs, strict=True):
        defined = ~np.isnan(b)
        # 1/x of the smallest numbers, 1e-9 or so, times the rounding of what cancels in the formulas
        np.testing.assert_allclose(a[defined], b[defined], rtol=1e-6, atol=1e-6)


# Four numbers a row, which an operation reduces, orders or joins with those of another row.
FOURS = [
    [0.0, -0.0, 1.0, 1.0], [np.inf, 1.0, 2.0, -3.0], [-np.inf, 1.0, 2.0, 0.0], [-np.inf] * 4,
    [np.inf, np.inf, 1.0, 2.0], [np.nan, 1.0, 2.0, 3.0], [1e-40, 1e-42, 1e-40, 0.0], [2.0] * 4,
    [-5.0, -5.0, -1.0, -1.0], [88.0, 87.0, -104.0, -88.0], [np.inf, -np.inf, 0.0, 1.0], [1e4, -1e4, 0.0, 1e4],
    [0.0] * 4, [0.5, 1.5, 2.5, -0.5],
]  # fmt: skip
ROWS: dict[str, Callable[..., Any]] = {
    name: lambda lib, f, x, name=name: getattr(lib, name)(x, dim=-1)
    for name in [
        "sum", "mean", "prod", "amax", "amin", "logsumexp", "std", "softmax", "log_softmax", "cumsum", "cumprod",
        "diff", "logcumsumexp", "argmax", "argmin", "nansum", "nanmean", "count_nonzero", "any", "all", "norm",
    ]
}  # fmt: skip
ROWS |= {
    name: lambda lib, f, x, name=name: getattr(lib, name)(x, dim=-1)[0]
    for name in ["median", "nanmedian", "max", "min", "sort", "cummax", "cummin"]
}
ROWS |= {
    f"clamp {a} {b}": lambda lib, f, x, a=a, b=b: lib.clamp(x, a, b)  # type: ignore[misc]  # as above
    for a, b in [(None, 1), (0.5, None), (2, -2), (np.nan, 1), (-np.inf, np.inf)]
}
ROWS |= {
    f"vector_norm {p}": lambda lib, f, x, p=p: lib.linalg.vector_norm(x, p, dim=-1)  # type: ignore[misc]  # as above
    for p in (0, 0.5, 1, 3, np.inf, -np.inf, -1)
}
ROWS |= {
    f"lerp {w}": lambda lib, f, x, w=w: lib.lerp(x, x.flip(0), w)  # type: ignore[misc]  # as above
    for w in (0.0, 0.3, 0.5, 0.7, 1.0)
}
ROWS |= {
    "lerp, many weights": lambda lib, f, x: lib.lerp(x * 1e15, x.flip(0), x.abs().clamp(0, 1)),
    "lgamma": lambda lib, f, x: lib.lgamma(x),
    "logit": lambda lib, f, x: lib.logit(x),
    "layer_norm": lambda lib, f, x: f.layer_norm(x, (4,)),
    "max_pool1d": lambda lib, f, x: f.max_pool1d(x[None], 2),
    "avg_pool1d": lambda lib, f, x: f.avg_pool1d(x[None], 2, ceil_mode=True, padding=1),
    "cross_entropy": lambda lib, f, x: f.cross_entropy(x, lib.arange(len(FOURS)) % 4, reduction="none"),
    "nll_loss, all ignored": lambda lib, f, x: f.nll_loss(x, lib.full((len(FOURS),), -100)),
    "triplet_margin_loss": lambda lib, f, x: f.triplet_margin_loss(
        x, x.flip(0), x.roll(1, 0), reduction="none", swap=True
    ),
}


@needs_torch
@pytest.mark.parametrize("name", ROWS)
@together("dtype", [np.float64, np.float32])
def test_functions_of_rows_are_pytorchs(name: str, dtype: npt.DTypeLike) -> None:
    x = np.array(FOURS, dtype)
    mine = array(ROWS[name](ad, functional, ad.tensor(x)))
    theirs = array(ROWS[name](torch, torch.nn.functional, torch.tensor(x)))
    assert mine.dtype == theirs.dtype
    np.testing.assert_allclose(mine, theirs, rtol=30 * float(np.finfo(dtype).eps), atol=float(np.finfo(dtype).tiny))


@needs_torch
def test_the_quantile_of_small_probabilities_has_all_digits_and_derivatives() -> None:
    p = np.array([1e-300, 1e-30, 1e-10, 1e-3, 0.0199, 0.0201, 0.3, 0.9, 0.9999])
    mine, theirs = (derived(lib, lambda lib, f, x: lib.special.ndtri(x), [p], 2) for lib in (ad, torch))
    for k, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        off = slice(k == 2, None)  # the second derivative at 1e-300 is infinite
        np.testing.assert_allclose(a[off], b[off], rtol=1e-9)  # of log_ndtr, the logarithm of erfc


@needs_torch
def test_the_slope_of_logit_at_0_and_1_is_infinite() -> None:
    p = np.array([0.0, 0.25, 1.0])
    mine, theirs = (derived(lib, lambda lib, f, x: lib.logit(x), [p], 1)[1] for lib in (ad, torch))
    np.testing.assert_allclose(mine, theirs)


def test_huber_losses_are_parabolas_at_0() -> None:
    for loss in (functional.huber_loss, functional.smooth_l1_loss):
        x = ad.tensor([0.0, 0.5], requires_grad=True)
        (first,) = ad.grad(loss(x, ad.zeros(2), reduction="sum"), x, create_graph=True)
        (second,) = ad.grad(first.sum(), x)
        assert second.tolist() == [1, 1]
        bad = ad.tensor([np.nan], requires_grad=True)
        loss(bad, ad.zeros(1)).backward()
        assert bad.grad is not None
        assert np.isnan(bad.grad.item())


def test_the_slope_of_a_remainder_counts_what_was_taken_away() -> None:
    y = ad.tensor([0.1, -np.inf], dtype=np.float64, requires_grad=True)
    ad.remainder(ad.tensor([1.0, 1.0], dtype=np.float64), y).sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [-9, 1]  # 1 % 0.1 is .0999..., for 0.1 is a little more than a tenth


@needs_torch
@pytest.mark.parametrize("name", ["elu", "celu", "selu"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponential_units_keep_the_digits_of_small_slopes(name: str, dtype: npt.DTypeLike) -> None:
    far = np.array([-80.0, -40.0, -20.0, -17.0, -3.0], dtype)
    _, mine = gradients(ad, lambda lib, x: getattr(functional, name)(x), far)
    _, other = gradients(torch, lambda lib, x: getattr(torch.nn.functional, name)(x), far)
    assert_same(mine, other, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=0)
    (slope,) = mine
    assert slope is not None
    assert (slope != 0).all()
