"""Functions of single elements: their sign, their remainder, their divisors, and what is not finite."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.dtypes import get_default_dtype
from ..table import elementwise as rows
from .arguments import computed, named, operands, tensor_of
from .elementwise import _refuse_zero, where

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "copysign", "deg2rad", "fmax", "fmin", "fmod", "gcd", "heaviside", "lcm", "ldexp", "nan_to_num", "positive",
    "rad2deg", "signbit",
]  # fmt: skip


def fmod(input: Any, other: Any) -> Tensor:
    """Remainder of a division rounded towards zero; it has the sign of `input`, as C's.

    Raises
    ------
    RuntimeError
        If an integer is divided by 0.

    Examples
    --------
    >>> ad.fmod(ad.tensor([7.0, -7.0]), 4)
    tensor([ 3., -3.])
    """
    _refuse_zero(input, other, "fmod")
    return rows.fmod(input, other)


def copysign(input: Any, other: Any) -> Tensor:
    """Absolute value of `input` with the sign of `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.copysign(ad.tensor([1.0, -2.0]), ad.tensor([-0.0, 3.0]))
    tensor([-1.,  2.])
    """
    return rows.copysign(input, other)


def signbit(input: Any) -> Tensor:
    """Tell which elements have a negative sign; -0.0 has one.

    Examples
    --------
    >>> ad.signbit(ad.tensor([1.0, -0.0, -2.0]))
    tensor([False,  True,  True])
    """
    x = tensor_of(input, "signbit")
    return computed("signbit", lambda a: np.asarray(np.signbit(a) if a.dtype.kind == "f" else a < 0), x)  # type: ignore[no-any-return]  # a Tensor


def heaviside(input: Any, values: Any) -> Tensor:
    """Step function: 0 where `input` is negative, 1 where it is positive, and `values` where it is 0.

    Raises
    ------
    RuntimeError
        If the dtypes differ, or a gradient is asked for: there is none.

    Examples
    --------
    >>> ad.heaviside(ad.tensor([-1.0, 0.0, 2.0]), ad.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    x, at_zero = tensor_of(input, "heaviside"), tensor_of(values, "heaviside")
    if x.dtype != at_zero.dtype:
        raise RuntimeError(f"heaviside: both operands need one dtype, got {x.dtype} and {at_zero.dtype}")
    return where(x.detach() == 0, at_zero.detach(), (x.detach() > 0).to(x.dtype))


def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Replace what is not finite by numbers; the derivative is 0 there.

    Parameters
    ----------
    input : Tensor
    nan : float, optional
        What NaN becomes.
    posinf, neginf : float, optional
        What infinities become; the largest and the smallest number of the dtype by default.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.nan_to_num(ad.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    x = tensor_of(input, "nan_to_num")
    if x.dtype.kind != "f":
        return rows.clone(x)
    limits = np.finfo(x.dtype)
    kind = x.dtype.type
    high, low = (limits.max if posinf is None else posinf), (limits.min if neginf is None else neginf)
    with np.errstate(all="ignore"):
        for_nan, above, below = kind(nan or 0.0), kind(high), kind(low)
    fill = computed("fill", lambda a: np.where(np.isnan(a), for_nan, np.where(a > 0, above, below)), x)
    return where(computed("isfinite", np.isfinite, x), x, fill)


def positive(input: Tensor) -> Tensor:
    """Return a tensor of numbers unchanged.

    Examples
    --------
    >>> ad.positive(ad.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """
    x: Tensor = tensor_of(input, "positive")
    if x.dtype.kind == "b":
        raise RuntimeError("positive: expected numbers, got booleans")
    return x


@named
def fmax(input: Any, other: Any) -> Tensor:
    """Larger of two elements, or the one that is not NaN; of equal ones the first takes the gradient.

    Examples
    --------
    >>> ad.fmax(ad.tensor([1.0, float("nan")]), ad.tensor([0.0, 2.0]))
    tensor([1., 2.])
    """
    x, y = operands("fmax", input, other)
    return where((x >= y) | (y != y), x, y)


@named
def fmin(input: Any, other: Any) -> Tensor:
    """Smaller of two elements, or the one that is not NaN; of equal ones the first takes the gradient.

    Examples
    --------
    >>> ad.fmin(ad.tensor([1.0, float("nan")]), ad.tensor([0.0, 2.0]))
    tensor([0., 2.])
    """
    x, y = operands("fmin", input, other)
    return where((x <= y) | (y != y), x, y)


def ldexp(input: Any, other: Any) -> Tensor:
    """Multiply by powers of 2.

    Examples
    --------
    >>> ad.ldexp(ad.tensor([1.0, 3.0]), ad.tensor([2, 1]))
    tensor([4., 6.])
    """
    return rows.mul(input, rows.exp2(tensor_of(other, "ldexp")))


def _of_integers(function: np.ufunc, input: Any, other: Any) -> Tensor:
    x, y = operands(function.__name__, input, other)
    if x.dtype.kind not in "iu":
        raise RuntimeError(f"{function.__name__}: expected integers, got {x.dtype}")
    return computed(function.__name__, lambda a, b: np.asarray(function(a, b)), x, y)  # type: ignore[no-any-return]  # a Tensor


def gcd(input: Any, other: Any) -> Tensor:
    """Greatest common divisor of integers, broadcasting.

    Examples
    --------
    >>> ad.gcd(ad.tensor([4, 6]), 6)
    tensor([2, 6])
    """
    return _of_integers(np.gcd, input, other)


def lcm(input: Any, other: Any) -> Tensor:
    """Least common multiple of integers, broadcasting.

    Examples
    --------
    >>> ad.lcm(ad.tensor([4, 6]), 6)
    tensor([12,  6])
    """
    return _of_integers(np.lcm, input, other)


@named
def deg2rad(input: Any) -> Tensor:
    """Convert degrees to radians.

    Examples
    --------
    >>> ad.deg2rad(ad.tensor([180.0]))
    tensor([3.1416])
    """
    return _scale(input, math.pi / 180, "deg2rad")


@named
def rad2deg(input: Any) -> Tensor:
    """Convert radians to degrees.

    Examples
    --------
    >>> ad.rad2deg(ad.tensor([3.1415927]))
    tensor([180.])
    """
    return _scale(input, 180 / math.pi, "rad2deg")


def _scale(input: Any, factor: float, name: str) -> Tensor:
    x = tensor_of(input, name)
    if x.dtype.kind != "f":
        x = x.to(get_default_dtype())
    return rows.mul(x, factor)
