"""Derivatives of exponentials and of the error function that activations need."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import primitive

__all__ = ["erf", "expm1"]

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


@primitive(input=lambda g, y: g * (y + 1))
def expm1(input: Array) -> Array:
    """Exponential of each element minus 1, accurate near 0.

    Examples
    --------
    >>> ad.expm1(ad.tensor([0.0, 1e-7]))
    tensor([0.0000e+00, 1.0000e-07])
    """
    return np.expm1(input)


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
