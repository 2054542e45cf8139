"""The error function and the gamma function keep their digits, whichever way they are computed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.kernels import elements, gamma

NUMBERS = [0.0, -0.0, 1e-30, 1e-4, 0.3, 0.46875, 0.5, 1.0, 1.7, 2.5, 3.9, 4.0, 5.9, 6.1, 30.0, 1e20, math.inf]
BOTH_SIGNS = np.array([*NUMBERS, *(-x for x in NUMBERS)])


@pytest.mark.parametrize(
    ("function", "dtype", "rtol"),
    [
        (elements.erf, np.float32, 4e-7),  # the fit errs by 1e-7, its evaluation by two roundings more
        (elements.erf, np.float64, 1e-15),
        (elements._erf64, np.float64, 1e-15),  # without SciPy
        (elements.erf, np.float16, 1e-3),
    ],
)
def test_erf_keeps_its_digits(function: Any, dtype: Any, rtol: float) -> None:
    with np.errstate(over="ignore"):
        x = BOTH_SIGNS.astype(dtype)
        y = function(x)
    exact = np.array([math.erf(v) for v in x.astype(float)])
    assert y.dtype == dtype
    np.testing.assert_allclose(y, exact, rtol=rtol, atol=1e-44 if dtype != np.float16 else 1e-7)
    np.testing.assert_array_equal(np.signbit(y), np.signbit(x))


def test_erf_of_nan_and_of_nothing() -> None:
    for dtype in (np.float32, np.float64):
        assert np.isnan(elements.erf(np.array([np.nan, 0], dtype))[0])
        assert elements.erf(np.zeros((0, 3), dtype)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(100_003,), (331, 203), (3, 5, 7)])
def test_blocks_cover_arrays_of_any_layout(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    rest = tuple(range(1, x.ndim))
    for a in (x, x.T, x[::2], x.transpose((*rest, 0))):
        exact = np.vectorize(math.erf)(a)
        np.testing.assert_allclose(elements.erf(a), exact, rtol=4e-7)
        y = elements.gelu(a)
        probability = (1 + np.vectorize(math.erf)(a.astype(float) / math.sqrt(2))) / 2
        np.testing.assert_allclose(y, a * probability, atol=5e-7)
        slope = probability + a * np.exp(-(a.astype(float) ** 2) / 2) / math.sqrt(2 * math.pi)
        np.testing.assert_allclose(elements.gelu_slope(np.ones_like(a), y, a, None), slope, atol=5e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_has_its_limits_at_infinity_and_its_slopes_at_0(dtype: Any) -> None:
    x = ad.tensor(np.array([0.0, np.inf, -60.0, 60.0], dtype), requires_grad=True)
    y = ad.gelu(x)
    np.testing.assert_array_equal(y.detach().numpy(), [0, np.inf, 0, 60])
    (slope,) = ad.grad(y, x, ad.ones_like(y), create_graph=True)
    plain = ad.gelu(x)
    plain.backward(ad.ones_like(x))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [0.5, 1, 0, 1])
    (bend,) = ad.grad(slope[:1], x, ad.ones(1, dtype=dtype))
    assert bend[0].item() == pytest.approx(2 / math.sqrt(2 * math.pi), rel=1e-6)


@pytest.mark.parametrize("has_scipy", [True, False])
def test_erfc_and_erfinv_keep_their_digits(has_scipy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_scipy:
        monkeypatch.setattr(elements, "of_scipy", lambda name: None)
    x = np.linspace(-6, 26, 333)
    np.testing.assert_allclose(elements.erfc(x), [math.erfc(v) for v in x], rtol=1e-13)
    y = np.array([-4.0, -1.0, -0.3, -1e-9, 0.0, 1e-200, 0.2, 0.7, 2.0, 3.0])
    np.testing.assert_allclose(elements.erfinv([math.erf(v) for v in y]), y, rtol=1e-7)  # -4 and 3 have few digits left
    np.testing.assert_array_equal(elements.erfinv(np.array([1.0, -1.0, 1.5])), [np.inf, -np.inf, np.nan])
    near = 1 - 2.0**-53
    assert math.erfc(float(elements.erfinv(np.array(near)))) == pytest.approx(2.0**-53, rel=1e-12)


def test_derivatives_of_the_gamma_function_are_those_of_its_logarithm() -> None:
    x = np.array([-30.7, -2.3, -0.4, 1e-3, 0.7, 3.2, 14.9, 100.0])
    for lgamma in (gamma.lgamma, gamma._lgamma64):
        np.testing.assert_allclose(lgamma(x), [math.lgamma(v) for v in x], rtol=1e-14)
    euler = 0.57721566490153286
    np.testing.assert_allclose(
        gamma.polygamma(np.array([1.0, 0.5]), n=0), [-euler, -euler - 2 * math.log(2)], rtol=1e-14
    )
    np.testing.assert_allclose(gamma.polygamma(np.array([1.0, 0.5]), n=1), [math.pi**2 / 6, math.pi**2 / 2], rtol=1e-14)
    for n in (0, 1, 2, 4):  # ψₙ(x + 1) = ψₙ(x) + (-1)ⁿ n! / xⁿ⁺¹
        step = (-1) ** n * math.factorial(n) / x ** (n + 1)
        np.testing.assert_allclose(gamma.polygamma(x + 1, n=n) - gamma.polygamma(x, n=n), step, rtol=1e-9, atol=1e-9)
    far = np.array([-1000.3])
    np.testing.assert_allclose(
        gamma.polygamma(far, n=0), math.log(1000.3) + 1 / 2000.6 - math.pi / math.tan(math.pi * -0.3), rtol=1e-6
    )
    found = gamma.polygamma(np.array([0.0, -0.0, -1.0, np.inf, np.nan, -np.inf]), n=0)
    np.testing.assert_array_equal(found, [-np.inf, np.inf, np.nan, np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(gamma._lgamma64(np.array([0.0, -1.0, np.inf, -np.inf])), np.inf)
