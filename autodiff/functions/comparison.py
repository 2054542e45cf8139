"""Comparisons, tests and logic, element by element: their results have no derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.graph import Node
from ..engine.primitive import NUMBERS, lift
from ..table import comparison as rows
from ..tracing import decided
from .arguments import named, operands

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "allclose", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "eq", "ge", "gt", "isclose", "isfinite",
    "isinf", "isnan", "le", "lt", "ne",
]  # fmt: skip


def _compare(relation: Callable[..., Tensor], input: Any, other: Any) -> Tensor:
    """Apply a comparison; integers may be compared with any Python integer."""
    if isinstance(input, Node) != isinstance(other, Node):
        input, other = lift(relation.__name__, (input, other), compares=True)
    return relation(input, other)


def eq(input: Any, other: Any) -> Tensor:
    """Tell where two tensors are equal, element by element, broadcasting.

    Examples
    --------
    >>> ad.eq(ad.tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """
    return _compare(rows.eq, input, other)


def ne(input: Any, other: Any) -> Tensor:
    """Tell where two tensors differ, element by element, broadcasting.

    Examples
    --------
    >>> ad.ne(ad.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """
    return _compare(rows.ne, input, other)


def lt(input: Any, other: Any) -> Tensor:
    """Tell where `input` is less than `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.lt(ad.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """
    return _compare(rows.lt, input, other)


def le(input: Any, other: Any) -> Tensor:
    """Tell where `input` is at most `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.le(ad.tensor([1.0, 2.0]), 2)
    tensor([True, True])
    """
    return _compare(rows.le, input, other)


def gt(input: Any, other: Any) -> Tensor:
    """Tell where `input` is greater than `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.gt(ad.tensor([1.0, 2.0]), 1)
    tensor([False,  True])
    """
    return _compare(rows.gt, input, other)


def ge(input: Any, other: Any) -> Tensor:
    """Tell where `input` is at least `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.ge(ad.tensor([1.0, 2.0]), 1)
    tensor([True, True])
    """
    return _compare(rows.ge, input, other)


def bitwise_and(input: Any, other: Any) -> Tensor:
    """And of booleans, or of the bits of integers, broadcasting.

    Examples
    --------
    >>> ad.bitwise_and(ad.tensor([False, False, True]), ad.tensor([False, True, True]))
    tensor([False, False,  True])
    """
    return rows.bitwise_and(input, other)


def bitwise_or(input: Any, other: Any) -> Tensor:
    """Or of booleans, or of the bits of integers, broadcasting.

    Examples
    --------
    >>> ad.bitwise_or(ad.tensor([False, False, True]), ad.tensor([False, True, True]))
    tensor([False,  True,  True])
    """
    return rows.bitwise_or(input, other)


def bitwise_xor(input: Any, other: Any) -> Tensor:
    """Exclusive or of booleans, or of the bits of integers, broadcasting.

    Examples
    --------
    >>> ad.bitwise_xor(ad.tensor([False, False, True]), ad.tensor([False, True, True]))
    tensor([False,  True, False])
    """
    return rows.bitwise_xor(input, other)


def bitwise_not(input: Any) -> Tensor:
    """Not of booleans, or of the bits of integers.

    Examples
    --------
    >>> ad.bitwise_not(ad.tensor([False, True]))
    tensor([ True, False])
    """
    return rows.bitwise_not(input)


def isnan(input: Any) -> Tensor:
    """Tell which elements are NaN.

    Examples
    --------
    >>> ad.isnan(ad.tensor([1.0, float("nan")]))
    tensor([False,  True])
    """
    return rows.isnan(input)


def isfinite(input: Any) -> Tensor:
    """Tell which elements are neither NaN nor infinite.

    Examples
    --------
    >>> ad.isfinite(ad.tensor([1.0, float("inf")]))
    tensor([ True, False])
    """
    return rows.isfinite(input)


def isinf(input: Any) -> Tensor:
    """Tell which elements are infinite, of either sign.

    Examples
    --------
    >>> ad.isinf(ad.tensor([1.0, float("-inf")]))
    tensor([False,  True])
    """
    return rows.isinf(input)


@named
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Tell where two tensors agree: where their distance is at most `atol` + `rtol` times ``abs(other)``.

    Parameters
    ----------
    input, other : Tensor, ndarray or number
        Tensors among them of one dtype.
    rtol, atol : float, optional
        Not negative.
    equal_nan : bool, optional
        Whether NaN agrees with NaN.

    Returns
    -------
    Tensor of bool

    Raises
    ------
    RuntimeError
        If the dtypes differ or a tolerance is negative.

    Examples
    --------
    >>> ad.isclose(ad.tensor([1.0, 2.0]), ad.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    x, y = operands("isclose", input, other)
    if isinstance(input, Node) and isinstance(other, Node) and input._data.dtype != other._data.dtype:
        raise RuntimeError(f"isclose: both operands need one dtype, got {input._data.dtype} and {other._data.dtype}")
    for what, value in (("rtol", rtol), ("atol", atol)):
        if not isinstance(value, NUMBERS):
            raise TypeError(f"isclose: {what} must be a number, got {type(value).__name__}")
        if not value >= 0:
            raise RuntimeError(f"isclose: {what} must not be negative, got {value}")
    try:
        return rows.isclose(x, y, rtol=rtol, atol=atol, equal_nan=bool(equal_nan))
    except ValueError as error:
        raise RuntimeError(str(error)) from None


@named
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Tell whether `isclose` holds everywhere, as a Python bool.

    Examples
    --------
    >>> ad.allclose(ad.tensor([1.0, 2.0]), ad.tensor([1.000001, 2.1]))
    False
    """
    return decided(lambda same: same.all(), isclose(input, other, rtol, atol, equal_nan))
