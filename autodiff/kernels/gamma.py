"""The logarithm of the gamma function, and its derivatives."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .elements import in_double, of_scipy

Array = Any  # an ndarray or a NumPy scalar


def lgamma(x: Array) -> Array:
    """Return the logarithm of the absolute value of the gamma function; infinite where that is."""
    gammaln = of_scipy("gammaln")
    return in_double(x, _lgamma64 if gammaln is None else lambda v: gammaln(np.where(np.isneginf(v), np.inf, v)))


def _lgamma64(x: Array) -> Array:
    pole = (x <= 0) & (x == np.floor(x)) | np.isinf(x)
    found = np.asarray(np.frompyfunc(math.lgamma, 1, 1)(np.where(pole, 1.0, x))).astype(np.float64)
    return np.where(pole, np.inf, found)


def polygamma(x: Array, *, n: int) -> Array:
    """Return the n-th derivative of the digamma function, which is the first one of `lgamma`."""
    return in_double(x, functools.partial(_polygamma64, n=n))


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)  # B₂, B₄, ...


@np.errstate(all="ignore")
def _polygamma64(x: Array, n: int) -> Array:
    """Step up to where an asymptotic series holds, and reflect what is far below 0.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 6.3.18 and 6.4.11.
    """
    steps = 15 + n - np.minimum(np.floor(x), 15 + n)
    far = steps > 500
    if far.any():  # by the derivatives of π cot(πx), known of the first two
        angle = math.pi * np.where(far, x - np.round(x), 0.25)
        of_cot = math.pi / np.tan(angle) if n == 0 else (math.pi / np.sin(angle)) ** 2 if n == 1 else np.nan
        y = _polygamma64(np.where(far, 1 - x, x), n)
        return np.where(far, y - of_cot if n == 0 else of_cot - y, y)
    steps = np.where(np.isfinite(steps), steps, 0)
    below = np.zeros_like(x)
    for k in range(int(steps.max(initial=0))):
        below += np.where(k < steps, (x + k) ** -(n + 1.0), 0)
    if n:
        return (-1) ** (n + 1) * (math.factorial(n) * below + _tail(x + steps, n))
    y = _log_tail(x + steps) - below
    return np.where((x < 0) & (x == np.floor(x)), np.nan, np.where(x == 0, -np.copysign(np.inf, x), y))


def _log_tail(top: Array) -> Array:
    y = np.log(top) - 1 / (2 * top)
    for j, b in enumerate(_BERNOULLI, 1):
        y = y - b / (2 * j) * top ** (-2.0 * j)
    return y


def _tail(top: Array, n: int) -> Array:
    """Return Σ n! / (top + k)ⁿ⁺¹ over all k from 0 on."""
    y = math.factorial(n - 1) * top ** -float(n) + math.factorial(n) / 2 * top ** -(n + 1.0)
    for j, b in enumerate(_BERNOULLI, 1):
        y = y + b * math.factorial(2 * j + n - 1) / math.factorial(2 * j) * top ** -(2.0 * j + n)
    return y
