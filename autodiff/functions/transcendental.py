"""Derivatives of roots, exponentials, logarithms, trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.primitive import primitive
from .elementwise import _one_where, sigmoid

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "erf", "exp", "exp2", "expm1", "hypot",
    "log", "log1p", "log2", "log10", "logaddexp", "rsqrt", "sin", "sinh", "sqrt", "tan", "tanh", "xlogy",
]  # fmt: skip

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


# -- roots, exponentials, logarithms -----------------------------------------------------------------------------------


@primitive(symbol="√", input=lambda g, y: g / (2 * y))
def sqrt(input: Array) -> Array:
    """Square root of each element.

    Examples
    --------
    >>> ad.sqrt(ad.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return np.sqrt(input)


@primitive(input=lambda g, y: g * y)
def exp(input: Array) -> Array:
    """Exponential of each element.

    Examples
    --------
    >>> ad.exp(ad.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return np.exp(input)


@primitive(input=lambda g, input: g / input)
def log(input: Array) -> Array:
    """Natural logarithm of each element.

    Examples
    --------
    >>> ad.log(ad.tensor([1.0, 2.0]))
    tensor([0.0000, 0.6931])
    """
    return np.log(input)


@primitive(input=lambda g, input: g / (1 + input))
def log1p(input: Array) -> Array:
    """Natural logarithm of 1 + each element, accurate near 0.

    Examples
    --------
    >>> ad.log1p(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """
    return np.log1p(input)


@primitive(symbol="1/√", input=lambda g, y: -0.5 * g * y**3)
def rsqrt(input: Array) -> Array:
    """One over the square root of each element.

    Examples
    --------
    >>> ad.rsqrt(ad.tensor([1.0, 4.0]))
    tensor([1.0000, 0.5000])
    """
    return 1 / np.sqrt(input)


@primitive(symbol="2ˣ", input=lambda g, y: g * y * math.log(2))
def exp2(input: Array) -> Array:
    """Two to the power of each element.

    Examples
    --------
    >>> ad.exp2(ad.tensor([1.0, 3.0]))
    tensor([2., 8.])
    """
    return np.exp2(input)


@primitive(input=lambda g, y: g * (y + 1))
def expm1(input: Array) -> Array:
    """Exponential of each element minus 1, accurate near 0.

    Examples
    --------
    >>> ad.expm1(ad.tensor([0.0, 1e-7]))
    tensor([0.0000e+00, 1.0000e-07])
    """
    return np.expm1(input)


@primitive(input=lambda g, input: g / (input * math.log(2)))
def log2(input: Array) -> Array:
    """Logarithm of each element to base 2.

    Examples
    --------
    >>> ad.log2(ad.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    return np.log2(input)


@primitive(input=lambda g, input: g / (input * math.log(10)))
def log10(input: Array) -> Array:
    """Logarithm of each element to base 10.

    Examples
    --------
    >>> ad.log10(ad.tensor([1.0, 100.0]))
    tensor([0.0000, 2.0000])
    """
    return np.log10(input)


@primitive(
    input=lambda g, input, other: g * sigmoid(input - other),
    other=lambda g, input, other: g * sigmoid(other - input),
)
def logaddexp(input: Array, other: Array) -> Array:
    """Logarithm of the sum of two exponentials, log(exp(x) + exp(y)), without overflow, broadcasting.

    Examples
    --------
    >>> ad.logaddexp(ad.tensor([0.0, 1000.0]), ad.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0007e+03])
    """
    return np.logaddexp(input, other)


def _log_beside(zero: Array, input: Array, other: Array) -> Array:
    return np.where(zero, 0, np.log(_one_where(zero, other, input)))


@primitive(
    input=lambda g, input, other: g * _log_beside((input == 0) & (other <= 0), input, other),
    other=lambda g, input, other: g * input / other,
)
def xlogy(input: Array, other: Array) -> Array:
    """Product x log(y), broadcasting; 0 wherever x is 0, unless y is NaN.

    Examples
    --------
    >>> ad.xlogy(ad.tensor([0.0, 2.0]), ad.tensor([0.0, 1.5]))
    tensor([0.0000, 0.8109])
    """
    return input * _log_beside((input == 0) & (other == other), input, other)


# -- trigonometric functions ------------------------------------------------------------------------------------------


@primitive(input=lambda g, input: g * np.cos(input))
def sin(input: Array) -> Array:
    """Sine of each element, in radians.

    Examples
    --------
    >>> ad.sin(ad.tensor([0.0, 1.5]))
    tensor([0.0000, 0.9975])
    """
    return np.sin(input)


@primitive(input=lambda g, input: -g * np.sin(input))
def cos(input: Array) -> Array:
    """Cosine of each element, in radians.

    Examples
    --------
    >>> ad.cos(ad.tensor([0.0, 1.5]))
    tensor([1.0000, 0.0707])
    """
    return np.cos(input)


@primitive(input=lambda g, y: g * (1 + y * y))
def tan(input: Array) -> Array:
    """Tangent of each element, in radians.

    Examples
    --------
    >>> ad.tan(ad.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5463])
    """
    return np.tan(input)


@primitive(input=lambda g, input: g / np.sqrt(1 - input * input))
def asin(input: Array) -> Array:
    """Inverse sine of each element of [-1, 1], in radians.

    Examples
    --------
    >>> ad.asin(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """
    return np.arcsin(input)


@primitive(input=lambda g, input: -g / np.sqrt(1 - input * input))
def acos(input: Array) -> Array:
    """Inverse cosine of each element of [-1, 1], in radians.

    Examples
    --------
    >>> ad.acos(ad.tensor([0.0, 1.0]))
    tensor([1.5708, 0.0000])
    """
    return np.arccos(input)


@primitive(input=lambda g, input: g / (1 + input * input))
def atan(input: Array) -> Array:
    """Inverse tangent of each element, in radians.

    Examples
    --------
    >>> ad.atan(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """
    return np.arctan(input)


def _along_angle(x: Array, y: Array) -> Array:
    """Return x over the squared distance of (x, y) from the origin; 0 at the origin."""
    distance = np.hypot(x, y)
    distance = np.where(distance == 0, 1, distance)
    return x / distance / distance


@primitive(
    input=lambda g, input, other: g * _along_angle(other, input),
    other=lambda g, input, other: -g * _along_angle(input, other),
)
def atan2(input: Array, other: Array) -> Array:
    """Angle of the point (x, y) = (`other`, `input`), in radians from -π to π, broadcasting.

    The derivative at the origin is 0.

    Examples
    --------
    >>> ad.atan2(ad.tensor([1.0, -1.0]), ad.tensor([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """
    return np.arctan2(input, other)


@primitive(input=lambda g, y, input: g * (input / y), other=lambda g, y, other: g * (other / y))
def hypot(input: Array, other: Array) -> Array:
    """Length of the hypotenuse over two legs, without overflow, broadcasting.

    Examples
    --------
    >>> ad.hypot(ad.tensor([3.0]), ad.tensor([4.0]))
    tensor([5.])
    """
    return np.hypot(input, other)


# -- hyperbolic functions ----------------------------------------------------------------------------------------------


@primitive(input=lambda g, y: g * (1 - y * y))
def tanh(input: Array) -> Array:
    """Hyperbolic tangent of each element, between -1 and 1.

    Examples
    --------
    >>> ad.tanh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return np.tanh(input)


@primitive(input=lambda g, input: g * np.cosh(input))
def sinh(input: Array) -> Array:
    """Hyperbolic sine of each element.

    Examples
    --------
    >>> ad.sinh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """
    return np.sinh(input)


@primitive(input=lambda g, input: g * np.sinh(input))
def cosh(input: Array) -> Array:
    """Hyperbolic cosine of each element.

    Examples
    --------
    >>> ad.cosh(ad.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """
    return np.cosh(input)


@primitive(input=lambda g, input: g / np.hypot(input, 1))
def asinh(input: Array) -> Array:
    """Inverse hyperbolic sine of each element.

    Examples
    --------
    >>> ad.asinh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """
    return np.arcsinh(input)


@primitive(input=lambda g, input: g / (np.sqrt(input - 1) * np.sqrt(input + 1)))
def acosh(input: Array) -> Array:
    """Inverse hyperbolic cosine of each element, which is at least 1.

    Examples
    --------
    >>> ad.acosh(ad.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """
    return np.arccosh(input)


@primitive(input=lambda g, input: g / (1 - input * input))
def atanh(input: Array) -> Array:
    """Inverse hyperbolic tangent of each element, between -1 and 1.

    Examples
    --------
    >>> ad.atanh(ad.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """
    return np.arctanh(input)


# -- the error function ------------------------------------------------------------------------------------------------

# Coefficients of Cody's rational approximations, highest power first: of erf(x) / x in x² up to 0.46875, and of
# exp(x²) erfc(x) in x beyond.
_NEAR_TOP = (
    1.85777706184603153e-1, 3.16112374387056560e00, 1.13864154151050156e02, 3.77485237685302021e02,
    3.20937758913846947e03,
)  # fmt: skip
_NEAR_BOTTOM = (
    1.0, 2.36012909523441209e01, 2.44024637934444173e02, 1.28261652607737228e03, 2.84423683343917062e03,
)  # fmt: skip
_FAR_TOP = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e00, 6.61191906371416295e01,
    2.98635138197400131e02, 8.81952221241769090e02, 1.71204761263407058e03, 2.05107837782607147e03,
    1.23033935479799725e03,
)  # fmt: skip
_FAR_BOTTOM = (
    1.0, 1.57449261107098347e01, 1.17693950891312499e02, 5.37181101862009858e02, 1.62138957456669019e03,
    3.29079923573345963e03, 4.36261909014324716e03, 3.43936767414372164e03, 1.23033935480374942e03,
)  # fmt: skip


def _ratio(x: Array, top: tuple[float, ...], bottom: tuple[float, ...]) -> Array:
    p, q = np.full_like(x, top[0]), np.full_like(x, bottom[0])
    for a, b in zip(top[1:], bottom[1:], strict=True):
        p *= x
        p += a
        q *= x
        q += b
    p /= q
    return p


@primitive(input=lambda g, input: g * (2 / math.sqrt(math.pi)) * np.exp(-input * input))
def erf(input: Array) -> Array:
    """Error function: the probability that a normal variable of variance 1/2 lies within x of 0, signed as x.

    Examples
    --------
    >>> ad.erf(ad.tensor([-0.5, 0.0, 2.0]))
    tensor([-0.5205,  0.0000,  0.9953])

    References
    ----------
    Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.
    """
    x = np.asarray(input)
    wide = x if x.dtype in (np.float32, np.float64) else x.astype(np.float32 if x.dtype == np.float16 else np.float64)
    y, near = np.empty_like(wide), np.abs(wide) <= 0.46875
    small, large = wide[near], wide[~near]
    tail = np.minimum(np.abs(large), 6.0)  # beyond 6, erf rounds to 1
    y[near] = small * _ratio(small * small, _NEAR_TOP, _NEAR_BOTTOM)
    y[~near] = np.copysign(1 - np.exp(-tail * tail) * _ratio(tail, _FAR_TOP, _FAR_BOTTOM), large)
    return y.astype(x.dtype if x.dtype.kind == "f" else y.dtype, copy=False)[()]
