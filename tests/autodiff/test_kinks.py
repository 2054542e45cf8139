"""Where a derivative does not exist or is a matter of choice, the choice is PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import check_like_torch, needs_torch, torch
from tests.together import together

INF, NAN = np.inf, np.nan
TIES = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-0.0, 0.0, -5.0]])

KINKS: dict[str, tuple[Any, ...]] = {
    "abs": (lambda lib, x: abs(x), [-1.0, -0.0, 0.0, 2.0]),
    "sign": (lambda lib, x: lib.sign(x), [-3.0, -0.0, 0.0, 2.0]),
    "floor": (lambda lib, x: lib.floor(x), [-1.0, -0.5, 0.0, 1.0]),
    "relu": (lambda lib, x: lib.relu(x), [-1.0, -0.0, 0.0, 2.0]),
    "leaky_relu": (lambda lib, x: leaky_relu(lib, x, 0.1), [-1.0, -0.0, 0.0, 2.0]),
    "leaky_relu of slope 0": (lambda lib, x: leaky_relu(lib, x, 0.0), [-1.0, -0.0, 0.0, 2.0]),
    "leaky_relu of negative slope": (lambda lib, x: leaky_relu(lib, x, -0.5), [-1.0, -0.0, 0.0, 2.0]),
    "sqrt": (lambda lib, x: lib.sqrt(x), [0.0, 4.0]),
    "pow 0.5": (lambda lib, x: x**0.5, [0.0, 4.0]),
    "pow 0": (lambda lib, x: x**0, [0.0, -3.0, 4.0]),
    "pow 1": (lambda lib, x: x**1, [0.0, -3.0, 4.0]),
    "pow 2": (lambda lib, x: x**2, [0.0, -3.0, 4.0]),
    "pow 3": (lambda lib, x: x**3.0, [0.0, -3.0, 4.0]),
    "pow -1": (lambda lib, x: x**-1, [0.0, -3.0, 4.0]),
    "pow of tensors": (lambda lib, x, y: x**y, [0.0, 0.0, 0.0, 0.0, 2.0, -2.0], [0.0, 1.0, 2.0, 0.5, 0.0, 3.0]),
    "pow of a number 0": (lambda lib, y: 0.0**y, [0.0, 1.0, 2.0]),
    "pow of a number 2": (lambda lib, y: 2**y, [0.0, 1.0, -2.0]),
    "log": (lambda lib, x: lib.log(x), [0.0, 1.0, INF]),
    "log1p": (lambda lib, x: lib.log1p(x), [-1.0, 0.0, INF]),
    "exp": (lambda lib, x: lib.exp(x), [-INF, -1e4, 0.0, 1e4, INF]),
    "tanh": (lambda lib, x: lib.tanh(x), [-INF, -1e4, 0.0, 1e4, INF]),
    "sigmoid": (lambda lib, x: lib.sigmoid(x), [-INF, -1e4, 0.0, 1e4, INF]),
    "sinc": (lambda lib, x: lib.sinc(x), [-1.0, -0.0, 0.0, 2.0]),
    "silu": (lambda lib, x: silu(lib, x), [-1e4, -1.0, 0.0, 1e4]),
    "softplus": (lambda lib, x: softplus(lib, x), [-1e4, -1.0, 0.0, 1e4]),
    "div by 0": (lambda lib, x, y: x / y, [1.0, 0.0, -2.0], [0.0, 0.0, 3.0]),
    "remainder": (lambda lib, x, y: x % y, [7.0, -7.0, 4.0, 0.0], [4.0, 4.0, -4.0, 3.0]),
    "maximum of equal numbers": (lambda lib, x, y: lib.maximum(x, y), [1.0, 2.0, 0.0], [1.0, 3.0, -0.0]),
    "minimum of equal numbers": (lambda lib, x, y: lib.minimum(x, y), [1.0, 2.0, 0.0], [1.0, 3.0, -0.0]),
    "maximum with itself": (lambda lib, x: lib.maximum(x, x), [1.0, 2.0]),
    "maximum of NaN": (lambda lib, x, y: lib.maximum(x, y), [NAN, 1.0, NAN], [1.0, NAN, NAN]),
    "relu of NaN": (lambda lib, x: lib.relu(x), [NAN, 1.0]),
    "max": (lambda lib, x: x.max(), TIES),
    "max over a dim": (lambda lib, x: x.max(dim=1).values, TIES),
    "min": (lambda lib, x: x.min(), TIES),
    "min over a dim": (lambda lib, x: x.min(dim=0).values, TIES),
    "amax": (lambda lib, x: x.amax(), TIES),
    "amax over a dim": (lambda lib, x: x.amax(dim=1), TIES),
    "amin over a dim": (lambda lib, x: x.amin(dim=0, keepdim=True), TIES),
    "max of NaN": (lambda lib, x: x.max(dim=0).values, [1.0, NAN, 3.0]),
    "amax of NaN": (lambda lib, x: x.amax(dim=0), [[1.0, NAN], [3.0, 4.0]]),
    "logsumexp of large numbers": (lambda lib, x: x.logsumexp(dim=0), [1e4, -1e4, 1e4]),
    "logsumexp of -inf": (lambda lib, x: x.logsumexp(dim=0), [-INF, 1.0, 2.0]),
    "logsumexp of nothing but -inf": (lambda lib, x: x.logsumexp(dim=0), [-INF, -INF]),
    "logsumexp of inf": (lambda lib, x: x.logsumexp(dim=0), [INF, 1.0]),
    "softmax of large numbers": (lambda lib, x: x.softmax(dim=0), [1e4, -1e4, 9999.0]),
    "softmax of -inf": (lambda lib, x: x.softmax(dim=0), [-INF, 1.0, 2.0]),
    "softmax of nothing but -inf": (lambda lib, x: x.softmax(dim=0), [-INF, -INF]),
    "log_softmax of large numbers": (lambda lib, x: x.log_softmax(dim=0), [1e4, -1e4, 9999.0]),
    "log_softmax of -inf": (lambda lib, x: x.log_softmax(dim=0), [-INF, 1.0, 2.0]),
    "var of one number": (lambda lib, x: x.var(dim=0, correction=0), [[3.0, 4.0]]),
    "mean of nothing": (lambda lib, x: x.mean(), np.zeros((0,))),
    "clamp at its bounds": (lambda lib, x: lib.clamp(x, 0, 1), [-1.0, -0.0, 0.0, 0.5, 1.0, 2.0, NAN]),
    "clamp with min above max": (lambda lib, x: lib.clamp(x, 2, 1), [-1.0, 1.0, 1.5, 2.0, 3.0]),
    "clamp_min at its bound": (lambda lib, x: lib.clamp_min(x, 0), [-1.0, 0.0, 1.0, NAN]),
    "clamp_max at its bound": (lambda lib, x: lib.clamp_max(x, 0), [-1.0, 0.0, 1.0, NAN]),
    "clamp between tensors": (
        lambda lib, x, low, high: lib.clamp(x, low, high),
        [-1.0, 0.0, 0.5, 1.0, 2.0, NAN, 0.5, 0.5, 1.0, 2.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, NAN, 2.0, 2.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "rsqrt": (lambda lib, x: lib.rsqrt(x), [0.0, 4.0, INF]),
    "reciprocal": (lambda lib, x: lib.reciprocal(x), [0.0, -2.0, INF]),
    "round, halves to even": (lambda lib, x: lib.round(x), [-1.5, -0.5, 0.5, 1.5, 2.5]),
    "trunc": (lambda lib, x: lib.trunc(x), [-1.5, -1.0, -0.0, 1.5]),
    "ceil": (lambda lib, x: lib.ceil(x), [-1.5, -1.0, -0.0, 1.5]),
    "frac": (lambda lib, x: lib.frac(x), [-1.5, -1.0, -0.0, 1.25]),
    "asin at its ends": (lambda lib, x: lib.asin(x), [-1.0, 0.0, 1.0]),
    "acos at its ends": (lambda lib, x: lib.acos(x), [-1.0, 0.0, 1.0]),
    "acosh at its end": (lambda lib, x: lib.acosh(x), [1.0, 2.0, INF]),
    "atanh at its ends": (lambda lib, x: lib.atanh(x), [-1.0, 0.0, 1.0]),
    "asinh": (lambda lib, x: lib.asinh(x), [-INF, -1e200, 0.0, 1e200]),
    "atan": (lambda lib, x: lib.atan(x), [-INF, 0.0, INF]),
    "erf": (lambda lib, x: lib.erf(x), [-INF, -30.0, -6.0, -0.46875, -0.0, 0.0, 1e-300, 0.5, 4.0, INF, NAN]),
    "log2": (lambda lib, x: lib.log2(x), [0.0, 1.0, INF]),
    "log10": (lambda lib, x: lib.log10(x), [0.0, 1.0, INF]),
    "atan2 at the origin": (
        lambda lib, y, x: lib.atan2(y, x),
        [0.0, 0.0, -0.0, 1.0, 0.0, -0.0],
        [0.0, 1.0, -0.0, 0.0, -1.0, -1.0],
    ),
    "hypot at the origin": (lambda lib, x, y: lib.hypot(x, y), [0.0, 0.0, 3.0], [0.0, 1.0, -4.0]),
    "logaddexp of large numbers": (lambda lib, x, y: lib.logaddexp(x, y), [1e4, -1e4, -INF, 0.0], [1e4, 0.0, 0.0, 1e4]),
    "xlogy at 0": (
        lambda lib, x, y: lib.xlogy(x, y),
        [0.0, 0.0, 0.0, 1.0, 0.0, 2.0, NAN, 0.0],
        [0.0, 1.0, -1.0, 0.0, NAN, 3.0, 0.0, INF],
    ),
    "std of equal numbers": (lambda lib, x: x.std(), [2.0, 2.0, 2.0]),
    "std of equal numbers over a dim": (lambda lib, x: x.std(dim=1), TIES),
    "topk": (lambda lib, x: x.topk(2, dim=0).values, [[1.0, 3.0], [2.0, 0.0], [0.0, 1.0]]),
    "sort": (lambda lib, x: lib.sort(x, stable=True).values, [3.0, 1.0, 3.0, 1.0, NAN, -INF, 2.0, NAN]),
    "sort downwards": (
        lambda lib, x: lib.sort(x, descending=True, stable=True).values,
        [3.0, 1.0, 3.0, 1.0, NAN, -INF, 2.0, NAN],
    ),
    "nansum": (lambda lib, x: lib.nansum(x), [1.0, NAN, -2.0]),
    "prod without zeros": (lambda lib, x: lib.prod(x), [1.0, 2.0, -3.0]),
    "prod with a zero": (lambda lib, x: lib.prod(x), [0.0, 2.0, 3.0]),
    "prod with zeros": (lambda lib, x: lib.prod(x), [0.0, 0.0, 3.0]),
    "prod over a dim with zeros": (lambda lib, x: lib.prod(x, 1), [[0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [2.0, 0.0, 3.0]]),
    "cumprod with zeros": (lambda lib, x: lib.cumprod(x, 0), [1.0, 0.0, 3.0, 0.0, 2.0]),
    "cumprod over a dim with zeros": (lambda lib, x: lib.cumprod(x, 1), [[0.0, 2.0, 3.0], [1.0, 0.0, 3.0]]),
    "where hides a NaN": (lambda lib, x: lib.where(x > 0, lib.log(x), 0 * x), [-1.0, 2.0]),
}

KINKS |= {
    "abs of NaN": (lambda lib, x: abs(x), [NAN, INF, -INF]),
    "sign of NaN": (lambda lib, x: lib.sign(x), [NAN, INF, -1.0]),
    "max of all, one NaN": (lambda lib, x: x.max(), [1.0, NAN, 3.0]),
    "min of all, two NaN": (lambda lib, x: x.min(), [1.0, NAN, NAN]),
    "amin of all, one NaN": (lambda lib, x: x.amin(), [1.0, NAN, 3.0]),
    "pow 0.5 at its ends": (lambda lib, x: x**0.5, [0.0, -0.0, INF, -INF, 4.0, -1.0, NAN]),
    "pow -0.5 at its ends": (lambda lib, x: x**-0.5, [0.0, -0.0, INF, -INF, 4.0, -1.0, NAN]),
    "pow 1.5 at its ends": (lambda lib, x: x**1.5, [0.0, -0.0, INF, -INF, 4.0, -1.0, NAN]),
    "pow of tensors at 0": (lambda lib, x, y: x**y, [0.0, 0.0, 0.0, -0.0], [0.0, 0.5, 2.0, 3.0]),
    "hypot of infinities": (lambda lib, x, y: lib.hypot(x, y), [INF, -INF, NAN, 1.0], [1.0, INF, INF, INF]),
    "logaddexp of infinities": (lambda lib, x, y: lib.logaddexp(x, y), [-INF, INF, -INF, 1.0], [-INF, INF, INF, -INF]),
    "div trunc by 0 and inf": (
        lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"),
        [INF, 1.0, -INF, 2.0, 0.0, -7.0],
        [1.0, 0.0, INF, INF, 0.0, 2.0],
    ),
    "prod of one infinity": (lambda lib, x: x.prod(), INF),
    "prod of one NaN": (lambda lib, x: x.prod(), NAN),
    "cumprod of one infinity": (lambda lib, x: x.cumprod(0), [INF]),
    "cumprod of an infinity without dimensions": (lambda lib, x: x.cumprod(0), INF),
    "atan of large numbers": (lambda lib, x: lib.atan(x), [1e200, -1e200]),
    "erf of large numbers": (lambda lib, x: lib.erf(x), [1e200, -1e200, 20.0]),
    **{f"{p}-norm of NaN": (lambda lib, x, p=p: lib.norm(x, p), [NAN, 1.0, 0.0]) for p in (0.5, 1, 2, 3, INF, -INF)},
}

KINKS |= {
    f"{p}-norm of {what}": (lambda lib, x, p=p: lib.norm(x, p), values)
    for p in (0.5, 1, 1.5, 2, 3, INF, -INF, -1)
    for what, values in {"zeros": [0.0, 0.0], "ties": [3.0, -4.0, 4.0], "a zero": [0.0, 3.0, -1.0]}.items()
} | {"norm of a matrix over a dim": (lambda lib, x: lib.norm(x, dim=1), [[0.0, 0.0], [3.0, 4.0]])}


@needs_torch
@pytest.mark.parametrize("name", KINKS)
def test_value_and_gradient_at_special_points_are_pytorchs(name: str) -> None:
    call, *values = KINKS[name]
    with np.errstate(all="ignore"):  # some of these points lie outside the functions' domains
        check_like_torch(call, *map(np.array, values))


@pytest.mark.parametrize("name", KINKS)
@together("create_graph", [False, True])
def test_no_backward_pass_warns_anywhere(name: str, create_graph: bool) -> None:
    call, *values = KINKS[name]
    for dtype in (np.float32, np.float64):
        with np.errstate(all="ignore"):
            xs = [ad.tensor(np.array(v).astype(dtype), requires_grad=True) for v in values]
            y = call(ad, *xs)
        found = ad.grad(y, xs, ad.ones_like(y), create_graph=create_graph)  # a warning would be an error
        assert [g.shape for g in found] == [x.shape for x in xs]


@needs_torch
def test_norm_0_counts_what_is_not_0() -> None:
    for values in ([NAN, 1.0, 0.0], [0.0, -0.0], [INF, -2.0]):
        assert ad.norm(ad.tensor(values), 0).item() == torch.norm(torch.tensor(values), 0).item()


def test_an_integer_is_not_divided_by_0() -> None:
    k, zeros = ad.tensor([7, 8]), ad.tensor([2, 0])
    for name, call in {
        "floor_divide": lambda: k // 0,
        "remainder": lambda: k % zeros,
        "div": lambda: ad.div(k, zeros, rounding_mode="trunc"),
        "div, floor": lambda: ad.div(k, 0, rounding_mode="floor"),
        "floor_divide_": lambda: k.__ifloordiv__(zeros),
        "remainder_": lambda: k.__imod__(0),
        "floor_divide, scalar": lambda: ad.tensor(7) // 0,
        "remainder, bytes": lambda: ad.tensor([7], dtype="uint8") % 0,
    }.items():
        with pytest.raises(RuntimeError, match=f"^{name.split(',')[0]}.* by zero"):
            call()
    assert k.tolist() == [7, 8]


def test_functions_of_narrow_integers_do_not_overflow_on_the_way() -> None:
    x = ad.exp(ad.tensor([20, -20], dtype="int8"))  # exp(20) is above what NumPy's float16 for int8 holds
    np.testing.assert_allclose(x.detach().numpy(), np.exp(np.float32([20, -20])), rtol=1e-6)  # a rounding of float32
    assert x.dtype == np.float32


@needs_torch
@pytest.mark.parametrize("call", [lambda lib, x: lib.relu(x), lambda lib, x: abs(x), lambda lib, x: leaky_relu(lib, x)])
def test_kinks_of_float32_scalars_are_pytorchs(call: Callable[..., Any]) -> None:
    check_like_torch(call, np.float32(0.0))


IN_DOMAIN: dict[str, tuple[Any, ...]] = {
    name: KINKS[name]
    for name in ("sigmoid", "tanh", "silu", "softplus", "logsumexp of large numbers", "softmax of large numbers")
} | {
    "log_softmax of large numbers": KINKS["log_softmax of large numbers"],
    "logsumexp of -inf": KINKS["logsumexp of -inf"],
    "softmax of -inf": KINKS["softmax of -inf"],
    "exp of very negative numbers": (lambda lib, x: lib.exp(x), [-1e4, 0.0]),
    "pow 2 at 0": KINKS["pow 2"],
    "pow 0 at 0": KINKS["pow 0"],
    "pow 1 at 0": KINKS["pow 1"],
    "pow 3 at 0": KINKS["pow 3"],
    **{
        name: KINKS[name]
        for name in (
            *("clamp at its bounds", "clamp between tensors", "round, halves to even", "trunc", "frac", "erf", "atan"),
            *("atan2 at the origin", "logaddexp of large numbers", "std of equal numbers", "nansum", "sort"),
            *("std of equal numbers over a dim", "prod with a zero", "prod with zeros", "cumprod with zeros"),
            *("1-norm of zeros", "2-norm of zeros", "3-norm of a zero", "0.5-norm of a zero", "-1-norm of a zero"),
            *("norm of a matrix over a dim", "inf-norm of ties", "pow of tensors at 0", "amax of NaN"),
            *("max of all, one NaN", "min of all, two NaN", "hypot of infinities", "hypot at the origin"),
            *("logaddexp of infinities", "prod of one infinity", "cumprod of one infinity", "abs of NaN"),
        )
    },
    "atan of large numbers": (lambda lib, x: lib.atan(x), [1e30, -1e30]),
    "erf of large numbers": (lambda lib, x: lib.erf(x), [1e30, -1e30]),
    "sqrt at 0": (lambda lib, x: lib.sqrt(x), [0.0, 4.0, INF]),
    "expm1": (lambda lib, x: lib.expm1(x), [-1e4, -1.0, 0.0, 1e-30]),
    "exp2": (lambda lib, x: lib.exp2(x), [-1e4, 0.0, 3.0]),
    "log of tiny numbers": (lambda lib, x: lib.log(x), [1e-30, 1.0]),
    "xlogy at 0, 1": (lambda lib, x, y: lib.xlogy(x, y), [0.0, 2.0], [1.0, 3.0]),
}


@needs_torch
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", IN_DOMAIN)
def test_stable_functions_warn_of_nothing_inside_their_domain(name: str, dtype: Any) -> None:
    call, *values = IN_DOMAIN[name]
    tolerance = 4 * np.finfo(dtype).eps  # a few roundings, in another order
    check_like_torch(call, *(np.array(v, dtype) for v in values), rtol=tolerance, atol=tolerance)


def leaky_relu(lib: Any, x: Any, slope: float = 0.01) -> Any:
    """Call the function where each library has it."""
    return (
        getattr(lib, "leaky_relu", None)(x, slope)
        if hasattr(lib, "leaky_relu")
        else lib.nn.functional.leaky_relu(x, slope)
    )


def silu(lib: Any, x: Any) -> Any:
    """Call the function where each library has it."""
    return lib.silu(x) if hasattr(lib, "silu") else lib.nn.functional.silu(x)


def softplus(lib: Any, x: Any) -> Any:
    """Call the function where each library has it."""
    return lib.softplus(x) if hasattr(lib, "softplus") else lib.nn.functional.softplus(x)
