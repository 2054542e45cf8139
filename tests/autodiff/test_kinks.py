"""Where a derivative does not exist or is a matter of choice, the choice is PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.oracle import check_like_torch, needs_torch

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
    "where hides a NaN": (lambda lib, x: lib.where(x > 0, lib.log(x), 0 * x), [-1.0, 2.0]),
}


@needs_torch
@pytest.mark.parametrize("name", KINKS)
def test_value_and_gradient_at_special_points_are_pytorchs(name: str) -> None:
    call, *values = KINKS[name]
    with np.errstate(all="ignore"):  # some of these points lie outside the functions' domains
        check_like_torch(call, *map(np.array, values))


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
}


@needs_torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
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
