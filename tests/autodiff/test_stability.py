"""Inside its domain no function, and no derivative, lets a warning of NumPy's through, or makes a NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
from nn import functional
from tests.oracle import array, needs_torch, ours, theirs, torch

BASE = [0.0, 1e-30, 1e-8, 1e-3, 0.5, 1.0, 10.0, 80.0, 100.0, 700.0, 1e4, 1e30]
ANY = np.array([*BASE, *(-x for x in BASE)])
POSITIVE = np.array(BASE[1:])
MODERATE = np.array([x for x in ANY if abs(x) <= 1e4])

#: name: (function of the library and a tensor, where it is to be well-behaved)
FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "sigmoid": (lambda lib, f, x: lib.sigmoid(x), ANY),
    "tanh": (lambda lib, f, x: lib.tanh(x), ANY),
    "relu": (lambda lib, f, x: lib.relu(x), ANY),
    "leaky_relu": (lambda lib, f, x: f.leaky_relu(x), ANY),
    "silu": (lambda lib, f, x: f.silu(x), MODERATE),
    "softplus": (lambda lib, f, x: f.softplus(x) if hasattr(f, "softplus") else lib.softplus(x), ANY),
    "abs": (lambda lib, f, x: lib.abs(x), ANY),
    "log": (lambda lib, f, x: lib.log(x), POSITIVE),
    "log1p": (lambda lib, f, x: lib.log1p(x), POSITIVE),
    "sqrt": (lambda lib, f, x: lib.sqrt(x), POSITIVE),
    "exp": (lambda lib, f, x: lib.exp(-lib.abs(x)), ANY),
    "softmax": (lambda lib, f, x: lib.softmax(x, 0), ANY),
    "log_softmax": (lambda lib, f, x: lib.log_softmax(x, 0), ANY),
    "softmax of rows of one": (lambda lib, f, x: lib.softmax(x.reshape(-1, 1), 1), ANY),
    "logsumexp": (lambda lib, f, x: lib.logsumexp(x, 0), ANY),
    "cross entropy": (
        lambda lib, f, x: f.cross_entropy(x.reshape(2, -1), lib.tensor([0, 3])),
        MODERATE,
    ),
    "binary cross entropy": (
        lambda lib, f, x: f.binary_cross_entropy_with_logits(x, lib.ones_like(x) * 0.25),
        MODERATE,
    ),
    "mean squared error": (lambda lib, f, x: f.mse_loss(x, lib.ones_like(x)), MODERATE),
    "batch normalization": (lambda lib, f, x: f.batch_norm(x.reshape(-1, 2), None, None, training=True), MODERATE),
    "var": (lambda lib, f, x: x.var(), MODERATE),
    "mean": (lambda lib, f, x: lib.abs(x).mean(), ANY),
}
every_function = pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def slopes(lib: Any, case: Any, dtype: npt.DTypeLike) -> tuple[Any, Any]:
    """Return value and gradient."""
    call, values = case
    x = (ours if lib is ad else theirs)(values.astype(dtype), True)
    y = call(lib, functional if lib is ad else torch.nn.functional, x)
    y.sum().backward()
    return array(y), array(x.grad)


@every_function
@both_dtypes
def test_values_and_gradients_are_finite_and_warn_of_nothing(case: Any, dtype: npt.DTypeLike) -> None:
    value, slope = slopes(ad, case, dtype)  # a warning is an error in every test
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


@needs_torch
@every_function
@both_dtypes
def test_values_and_gradients_equal_pytorchs(case: Any, dtype: npt.DTypeLike) -> None:
    mine, other = slopes(ad, case, dtype), slopes(torch, case, dtype)
    # Sums of numbers of up to 1e30 cancel: what is compared is exact to some roundings of the largest of them.
    eps = float(np.finfo(np.dtype(dtype)).eps)
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=100 * eps, atol=10 * eps * max(1.0, float(np.abs(b).max())))


@both_dtypes
def test_second_derivatives_are_finite_too(dtype: npt.DTypeLike) -> None:
    for name in ("sigmoid", "tanh", "softplus", "softmax", "log_softmax", "logsumexp", "cross entropy"):
        call, values = FUNCTIONS[name]
        x = ours(values.astype(dtype), True)
        (first,) = ad.grad(call(ad, functional, x).sum(), x, create_graph=True)
        if first.requires_grad:
            (second,) = ad.grad((first * ours(np.cos(values).astype(dtype))).sum(), x)
            assert np.isfinite(array(second)).all(), name
