"""Roots, exponentials, logarithms, trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..table import elementwise as rows
from .arguments import integer
from .output import written

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "digamma", "erf", "erfc", "erfinv",
    "exp", "exp2", "expm1", "hypot", "lgamma", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2", "polygamma",
    "rsqrt", "sin", "sinc", "sinh", "sqrt", "tan", "tanh", "xlogy",
]  # fmt: skip


# -- roots, exponentials, logarithms -----------------------------------------------------------------------------------


def sqrt(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Square root of each element.

    Examples
    --------
    >>> ad.sqrt(ad.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """
    return rows.sqrt(input) if out is None else written(out, sqrt, input)


def exp(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Exponential of each element.

    Examples
    --------
    >>> ad.exp(ad.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return rows.exp(input) if out is None else written(out, exp, input)


def log(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Natural logarithm of each element.

    Examples
    --------
    >>> ad.log(ad.tensor([1.0, 2.0]))
    tensor([0.0000, 0.6931])
    """
    return rows.log(input) if out is None else written(out, log, input)


def log1p(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Natural logarithm of 1 + each element, accurate near 0.

    Examples
    --------
    >>> ad.log1p(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.6931])
    """
    return rows.log1p(input) if out is None else written(out, log1p, input)


def rsqrt(input: Any, *, out: Tensor | None = None) -> Tensor:
    """One over the square root of each element.

    Examples
    --------
    >>> ad.rsqrt(ad.tensor([1.0, 4.0]))
    tensor([1.0000, 0.5000])
    """
    return rows.rsqrt(input) if out is None else written(out, rsqrt, input)


def exp2(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Two to the power of each element.

    Examples
    --------
    >>> ad.exp2(ad.tensor([1.0, 3.0]))
    tensor([2., 8.])
    """
    return rows.exp2(input) if out is None else written(out, exp2, input)


def expm1(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Exponential of each element minus 1, accurate near 0.

    Examples
    --------
    >>> ad.expm1(ad.tensor([0.0, 1e-7]))
    tensor([0.0000e+00, 1.0000e-07])
    """
    return rows.expm1(input) if out is None else written(out, expm1, input)


def log2(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of each element to base 2.

    Examples
    --------
    >>> ad.log2(ad.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """
    return rows.log2(input) if out is None else written(out, log2, input)


def log10(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of each element to base 10.

    Examples
    --------
    >>> ad.log10(ad.tensor([1.0, 100.0]))
    tensor([0.0000, 2.0000])
    """
    return rows.log10(input) if out is None else written(out, log10, input)


def logaddexp(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the sum of two exponentials, log(exp(x) + exp(y)), without overflow, broadcasting.

    Examples
    --------
    >>> ad.logaddexp(ad.tensor([0.0, 1000.0]), ad.tensor([0.0, 1000.0]))
    tensor([6.9315e-01, 1.0007e+03])
    """
    return rows.logaddexp(input, other) if out is None else written(out, logaddexp, input, other)


def xlogy(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Product x log(y), broadcasting; 0 wherever x is 0, unless y is NaN.

    Examples
    --------
    >>> ad.xlogy(ad.tensor([0.0, 2.0]), ad.tensor([0.0, 1.5]))
    tensor([0.0000, 0.8109])
    """
    return rows.xlogy(input, other) if out is None else written(out, xlogy, input, other)


# -- trigonometric functions ------------------------------------------------------------------------------------------


def sin(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Sine of each element, in radians.

    Examples
    --------
    >>> ad.sin(ad.tensor([0.0, 1.5]))
    tensor([0.0000, 0.9975])
    """
    return rows.sin(input) if out is None else written(out, sin, input)


def cos(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Cosine of each element, in radians.

    Examples
    --------
    >>> ad.cos(ad.tensor([0.0, 1.5]))
    tensor([1.0000, 0.0707])
    """
    return rows.cos(input) if out is None else written(out, cos, input)


def tan(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Tangent of each element, in radians.

    Examples
    --------
    >>> ad.tan(ad.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5463])
    """
    return rows.tan(input) if out is None else written(out, tan, input)


def sinc(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Sine of π times each element over π times the element; 1 at 0.

    Examples
    --------
    >>> ad.sinc(ad.tensor([0.0, 0.5, 1.0]))
    tensor([ 1.0000e+00,  6.3662e-01, -2.7828e-08])
    """
    return rows.sinc(input) if out is None else written(out, sinc, input)


def asin(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse sine of each element of [-1, 1], in radians.

    Examples
    --------
    >>> ad.asin(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """
    return rows.asin(input) if out is None else written(out, asin, input)


def acos(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse cosine of each element of [-1, 1], in radians.

    Examples
    --------
    >>> ad.acos(ad.tensor([0.0, 1.0]))
    tensor([1.5708, 0.0000])
    """
    return rows.acos(input) if out is None else written(out, acos, input)


def atan(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse tangent of each element, in radians.

    Examples
    --------
    >>> ad.atan(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """
    return rows.atan(input) if out is None else written(out, atan, input)


def atan2(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Angle of the point (x, y) = (`other`, `input`), in radians from -π to π, broadcasting.

    The derivative at the origin is 0.

    Examples
    --------
    >>> ad.atan2(ad.tensor([1.0, -1.0]), ad.tensor([1.0, -1.0]))
    tensor([ 0.7854, -2.3562])
    """
    return rows.atan2(input, other) if out is None else written(out, atan2, input, other)


def hypot(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Length of the hypotenuse over two legs, without overflow, broadcasting.

    Examples
    --------
    >>> ad.hypot(ad.tensor([3.0]), ad.tensor([4.0]))
    tensor([5.])
    """
    return rows.hypot(input, other) if out is None else written(out, hypot, input, other)


# -- hyperbolic functions ----------------------------------------------------------------------------------------------


def tanh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic tangent of each element, between -1 and 1.

    Examples
    --------
    >>> ad.tanh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """
    return rows.tanh(input) if out is None else written(out, tanh, input)


def sinh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic sine of each element.

    Examples
    --------
    >>> ad.sinh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """
    return rows.sinh(input) if out is None else written(out, sinh, input)


def cosh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic cosine of each element.

    Examples
    --------
    >>> ad.cosh(ad.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """
    return rows.cosh(input) if out is None else written(out, cosh, input)


def asinh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic sine of each element.

    Examples
    --------
    >>> ad.asinh(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """
    return rows.asinh(input) if out is None else written(out, asinh, input)


def acosh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic cosine of each element, which is at least 1.

    Examples
    --------
    >>> ad.acosh(ad.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """
    return rows.acosh(input) if out is None else written(out, acosh, input)


def atanh(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic tangent of each element, between -1 and 1.

    Examples
    --------
    >>> ad.atanh(ad.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """
    return rows.atanh(input) if out is None else written(out, atanh, input)


# -- the error function ------------------------------------------------------------------------------------------------

# Coefficients of Cody's rational approximations, highest power first: of erf(x) / x in x² up to 0.46875, and of
# exp(x²) erfc(x) in x beyond.


def logaddexp2(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Logarithm to base 2 of the sum of two powers of 2, without overflow.

    Examples
    --------
    >>> ad.logaddexp2(ad.tensor([1000.0]), ad.tensor([1000.0]))
    tensor([1001.])
    """
    if out is not None:
        return written(out, logaddexp2, input, other)
    return rows.logaddexp(rows.mul(input, math.log(2)), rows.mul(other, math.log(2))) / math.log(2)


def erf(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Error function: the probability that a normal variable of variance 1/2 lies within x of 0, signed as x.

    Examples
    --------
    >>> ad.erf(ad.tensor([-0.5, 0.0, 2.0]))
    tensor([-0.5205,  0.0000,  0.9953])

    References
    ----------
    Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.
    """
    return rows.erf(input) if out is None else written(out, erf, input)


def erfc(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Complementary error function 1 - erf(x), with all of its digits where it is small.

    Examples
    --------
    >>> ad.erfc(ad.tensor([0.0, 2.0]))
    tensor([1.0000, 0.0047])
    """
    return rows.erfc(input) if out is None else written(out, erfc, input)


def erfinv(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Inverse of the error function, of elements of [-1, 1].

    Examples
    --------
    >>> ad.erfinv(ad.tensor([0.0, 0.5, -1.0]))
    tensor([0.0000, 0.4769,   -inf])
    """
    return rows.erfinv(input) if out is None else written(out, erfinv, input)


def lgamma(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the absolute value of the gamma function.

    Examples
    --------
    >>> ad.lgamma(ad.tensor([1.0, 5.0]))
    tensor([0.0000, 3.1781])
    """
    return rows.lgamma(input) if out is None else written(out, lgamma, input)


def digamma(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Derivative of `lgamma`.

    Examples
    --------
    >>> ad.digamma(ad.tensor([1.0, 2.0]))
    tensor([-0.5772,  0.4228])
    """
    return rows.polygamma(input, n=0) if out is None else written(out, digamma, input)


def polygamma(n: int, input: Any, *, out: Tensor | None = None) -> Tensor:
    """Derivative of order `n` of `digamma`; from the second on it is NaN far below 0.

    Examples
    --------
    >>> ad.polygamma(1, ad.tensor([1.0, 2.0]))
    tensor([1.6449, 0.6449])
    """
    if out is not None:
        return written(out, polygamma, n, input)
    order = integer(n, "polygamma", "n")
    if order < 0:
        raise RuntimeError(f"polygamma: n must not be negative, got {n}")
    return rows.polygamma(input, n=order)
