"""Derivatives of functions of single elements: arithmetic, powers, exponentials, angles, activations, choices."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..engine.primitive import row
from ..kernels import elements, gamma
from ..kernels.elements import leaky, leaky_slope, masked

Array = Any  # whatever a row runs on: arrays, tensors, symbols


def zero(g: Array) -> Array:
    """Return the gradient of what is constant wherever it has a derivative."""
    return np.zeros_like(g)


# -- arithmetic --------------------------------------------------------------------------------------------------------

add = row(operator.add, a=lambda g: g, b=lambda g: g, symbol="+", numpy=np.add)
sub = row(operator.sub, a=lambda g: g, b=lambda g: -g, symbol="−", numpy=np.subtract)
mul = row(operator.mul, a=lambda g, b: g * b, b=lambda g, a: g * a, symbol="×", numpy=np.multiply)
div = row(operator.truediv, a=lambda g, b: g / b, b=lambda g, y, b: -g * y / b, symbol="÷", numpy=np.divide)
neg = row(operator.neg, x=lambda g: -g, symbol="−", numpy=np.negative)
reciprocal = row(lambda x: 1 / x, x=lambda g, y: -g * y * y, symbol="1/", numpy=np.reciprocal)
remainder = row(operator.mod, a=lambda g: g, b=lambda g, a, b: -g * (a // b), symbol="mod", numpy=np.remainder)
fmod = row(np.fmod, a=lambda g: g, b=lambda g, a, b: -g * np.trunc(a / b), symbol="mod")
floor_divide = row(operator.floordiv, a=zero, b=zero, symbol="⌊÷⌋", numpy=np.floor_divide)
trunc_divide = row(lambda a, b: np.trunc(a / b), a=zero, b=zero, symbol="÷")
addcmul = row(elements.multiply_add, input=lambda g: g, a=lambda g, b: g * b, b=lambda g, a: g * a, symbol="+×")
clone = row(lambda x: x.copy(), x=lambda g: g, symbol="copy")
cast = row(lambda x, *, dtype: x.astype(dtype), x=lambda g: g, symbol="dtype")  # the engine gives g the dtype of x

# -- powers, exponentials, logarithms ----------------------------------------------------------------------------------


def to_the(x: Array, n: float) -> Array:
    """Return xⁿ, of n = -½ as 1/√x: as x^½ is a square root, and they differ at -0 and -∞."""
    return 1 / np.sqrt(x) if n == -0.5 else x**n


def power_slope(x: Array, n: float) -> Array:
    """Return the derivative n xⁿ⁻¹; of x⁰ it is 0 also where x is."""
    if n == 2:
        return 2 * x
    return n * to_the(x, n - 1) if n else np.zeros_like(x)


def log_unless(condition: Array, x: Array, like: Array) -> Array:
    """Return log(x), and 0 where a condition holds; of booleans in the dtype of `like`."""
    return np.log(np.where(condition, np.ones_like(like), x))


power = row(lambda x, *, n: to_the(x, n), x=lambda g, x, n: g * power_slope(x, n), symbol="( )ⁿ")
pow = row(
    operator.pow,
    a=lambda g, a, n: np.where(n == 0, 0, g * (n * a ** (n - 1))),
    n=lambda g, y, a, n: g * y * log_unless((a == 0) & (n >= 0), a, n),
    numpy=np.power,
)
sqrt = row(np.sqrt, x=lambda g, y: g / (2 * y), symbol="√")
cbrt = row(np.cbrt, x=lambda g, y: g / (3 * y * y), symbol="∛")
rsqrt = row(lambda x: 1 / np.sqrt(x), x=lambda g, y: -0.5 * g * y**3, symbol="1/√")
exp = row(np.exp, x=lambda g, y: g * y)
exp2 = row(np.exp2, x=lambda g, y: g * y * math.log(2), symbol="2ˣ")
expm1 = row(np.expm1, x=lambda g, x: g * np.exp(x))
log = row(np.log, x=lambda g, x: g / x)
log1p = row(np.log1p, x=lambda g, x: g / (1 + x))
log2 = row(np.log2, x=lambda g, x: g / (x * math.log(2)))
log10 = row(np.log10, x=lambda g, x: g / (x * math.log(10)))
logaddexp = row(np.logaddexp, a=lambda g, a, b: g * sigmoid(a - b), b=lambda g, a, b: g * sigmoid(b - a))
xlogy = row(
    lambda a, b: a * log_unless((a == 0) & (b == b), b, a),
    a=lambda g, a, b: g * log_unless((a == 0) & (b <= 0), b, a),
    b=lambda g, a, b: g * a / b,
)

# -- angles ------------------------------------------------------------------------------------------------------------


def over_squared_distance(a: Array, b: Array) -> Array:
    """Return a / (a² + b²), and 0 at the origin."""
    distance = np.hypot(a, b)
    distance = np.where(distance == 0, 1, distance)
    return a / distance / distance


def sinc_slope(x: Array) -> Array:
    """Return the derivative (cos(πx) − sin(πx) / πx) / x, which beside 0 is −π²x / 3."""
    off = np.where(x == 0, 1, x)
    away = (np.cos(math.pi * off) - np.sin(math.pi * off) / (math.pi * off)) / off
    return np.where(x == 0, -(math.pi**2) / 3 * x, away)


sin = row(np.sin, x=lambda g, x: g * np.cos(x))
cos = row(np.cos, x=lambda g, x: -g * np.sin(x))
tan = row(np.tan, x=lambda g, y: g * (1 + y * y))
asin = row(np.arcsin, x=lambda g, x: g / np.sqrt(1 - x * x))
acos = row(np.arccos, x=lambda g, x: -g / np.sqrt(1 - x * x))
atan = row(np.arctan, x=lambda g, x: g / (1 + x * x))
atan2 = row(
    np.arctan2,
    a=lambda g, a, b: g * over_squared_distance(b, a),
    b=lambda g, a, b: -g * over_squared_distance(a, b),
)
hypot = row(np.hypot, a=lambda g, y, a: g * (a / y), b=lambda g, y, b: g * (b / y))
sinc = row(
    lambda x: np.where(x == 0, 1, np.sin(math.pi * x) / (math.pi * x)), x=lambda g, x: g * sinc_slope(x), numpy=np.sinc
)
sinh = row(np.sinh, x=lambda g, x: g * np.cosh(x))
cosh = row(np.cosh, x=lambda g, x: g * np.sinh(x))
tanh = row(np.tanh, x=lambda g, y: g * (1 - y * y))
asinh = row(np.arcsinh, x=lambda g, x: g / np.hypot(x, 1))
acosh = row(np.arccosh, x=lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))
atanh = row(np.arctanh, x=lambda g, x: g / (1 - x * x))
erf = row(elements.erf, called="erf", x=lambda g, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
erfc = row(elements.erfc, x=lambda g, x: -g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
erfinv = row(elements.erfinv, x=lambda g, y: g * (math.sqrt(math.pi) / 2) * np.exp(y * y))
lgamma = row(gamma.lgamma, x=lambda g, x: g * polygamma(x, n=0))
polygamma = row(gamma.polygamma, x=lambda g, x, n: g * polygamma(x, n=n + 1))

# -- activations -------------------------------------------------------------------------------------------------------


def silu_slope(x: Array) -> Array:
    """Return the derivative σ + x σ (1 - σ) of x σ(x)."""
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


sigmoid = row(elements.logistic, x=lambda g, y: g * ((1 - y) * y), symbol="σ")
relu = row(lambda x: np.maximum(x, 0), x=lambda g, y: masked(g, ~(y <= 0)), called="relu")
leaky_relu = row(
    lambda x, *, slope: leaky(x, slope), x=lambda g, x, slope: leaky_slope(g, x, slope), called="leaky_relu"
)
gelu = row(elements.gelu, x=lambda g, y, x: elements.gelu_slope(g, y, x, erf))
silu = row(lambda x: x * elements.logistic(x), x=lambda g, x: g * silu_slope(x))
softplus = row(lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), x=lambda g, x: g * sigmoid(x))


bce = row(elements.bce, x=lambda g, x, target: g * (sigmoid(x) - target), target=lambda g, x: -g * x, called="BCE")

# -- kinks and choices -------------------------------------------------------------------------------------------------


def share(g: Array, loses: Array, ties: Array) -> Array:
    """Return the gradient of one of two operands: nothing where it loses, and half where they are equal."""
    return np.where(loses, 0, np.where(ties, g / 2, g))


sign = row(elements.sign, x=zero, numpy=np.sign)
copysign = row(np.copysign, a=lambda g, y, a: g * sign(a) * sign(y), b=zero)
step = row(lambda x: (x >= 0).astype(x.dtype), x=zero, called="step")
floor = row(np.floor, x=zero)
ceil = row(np.ceil, x=zero)
trunc = row(np.trunc, x=zero)
round = row(lambda x, *, decimals=0: np.round(x, decimals), x=zero, numpy=np.rint)
frac = row(lambda x: x - np.trunc(x), x=lambda g: g)
abs = row(np.abs, x=lambda g, x: g * sign(x), symbol="|·|", numpy=(np.absolute, np.fabs))
maximum = row(
    np.maximum, a=lambda g, a, b: share(g, a < b, a == b), b=lambda g, a, b: share(g, a > b, a == b), symbol="max"
)
minimum = row(
    np.minimum, a=lambda g, a, b: share(g, a > b, a == b), b=lambda g, a, b: share(g, a < b, a == b), symbol="min"
)
clamp = row(
    lambda x, low, high: np.minimum(np.maximum(x, low), high),
    x=lambda g, x, low, high: np.where((x >= low) & (x <= high), g, 0),
    low=lambda g, x, low, high: np.where((x < low) & (low < high), g, 0),
    high=lambda g, x, low, high: np.where((x > high) | (high < low), g, 0),
)
where = row(
    lambda condition, a, b: np.where(condition, a, b),
    a=lambda g, condition: np.where(condition, g, 0),
    b=lambda g, condition: np.where(condition, 0, g),
)
