"""Comparisons, tests and logic, element by element: their results have no derivative."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import NUMBERS, lift, wrap
from ..table import comparison as rows
from ..tracing import decided
from .arguments import named, operands, tensor_of
from .output import written

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "eq", "ge", "gt", "isclose", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "le",
    "logical_and", "logical_not", "logical_or", "logical_xor", "lt", "ne",
]  # fmt: skip


def _compare(relation: Callable[..., Tensor], input: Any, other: Any) -> Tensor:
    """Apply a comparison; integers may be compared with any Python integer."""
    if isinstance(input, Node) != isinstance(other, Node):
        input, other = lift(relation.__name__, (input, other), compares=True)
    return relation(input, other)


def eq(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where two tensors are equal, element by element, broadcasting.

    Examples
    --------
    >>> ad.eq(ad.tensor([1.0, 2.0]), 2)
    tensor([False,  True])
    """
    return _compare(rows.eq, input, other) if out is None else written(out, eq, input, other)


def ne(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where two tensors differ, element by element, broadcasting.

    Examples
    --------
    >>> ad.ne(ad.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """
    return _compare(rows.ne, input, other) if out is None else written(out, ne, input, other)


def lt(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where `input` is less than `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.lt(ad.tensor([1.0, 2.0]), 2)
    tensor([ True, False])
    """
    return _compare(rows.lt, input, other) if out is None else written(out, lt, input, other)


def le(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where `input` is at most `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.le(ad.tensor([1.0, 2.0]), 2)
    tensor([True, True])
    """
    return _compare(rows.le, input, other) if out is None else written(out, le, input, other)


def gt(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where `input` is greater than `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.gt(ad.tensor([1.0, 2.0]), 1)
    tensor([False,  True])
    """
    return _compare(rows.gt, input, other) if out is None else written(out, gt, input, other)


def ge(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Tell where `input` is at least `other`, element by element, broadcasting.

    Examples
    --------
    >>> ad.ge(ad.tensor([1.0, 2.0]), 1)
    tensor([True, True])
    """
    return _compare(rows.ge, input, other) if out is None else written(out, ge, input, other)


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


def _shift(shift: Callable[..., Tensor], input: Any, other: Any, name: str) -> Tensor:
    for value in (input, other):
        kind = value._data.dtype.kind if isinstance(value, Node) else np.asarray(value).dtype.kind
        if kind not in "iu":
            raise RuntimeError(f"{name}: expected integers, got {'booleans' if kind == 'b' else 'floats'}")
    return shift(input, other)


def bitwise_left_shift(input: Any, other: Any) -> Tensor:
    """Shift the bits of integers to the left: multiply by powers of 2.

    Examples
    --------
    >>> ad.bitwise_left_shift(ad.tensor([1, 3]), 2)
    tensor([ 4, 12])
    """
    return _shift(rows.left_shift, input, other, "bitwise_left_shift")


def bitwise_right_shift(input: Any, other: Any) -> Tensor:
    """Shift the bits of integers to the right: divide by powers of 2, rounded down.

    Examples
    --------
    >>> ad.bitwise_right_shift(ad.tensor([4, -3]), 1)
    tensor([ 2, -2])
    """
    return _shift(rows.right_shift, input, other, "bitwise_right_shift")


def _true(value: Any, name: str) -> Tensor:
    x = tensor_of(value, name)
    return x if x.dtype.kind == "b" else rows.ne(x, 0)


def logical_and(input: Any, other: Any) -> Tensor:
    """Tell where both operands are true, or not 0, broadcasting.

    Examples
    --------
    >>> ad.logical_and(ad.tensor([0.0, 1.0, 2.0]), ad.tensor([1, 0, 1]))
    tensor([False, False,  True])
    """
    return rows.bitwise_and(_true(input, "logical_and"), _true(other, "logical_and"))


def logical_or(input: Any, other: Any) -> Tensor:
    """Tell where one of the operands is true, or not 0, broadcasting.

    Examples
    --------
    >>> ad.logical_or(ad.tensor([0.0, 1.0, 0.0]), ad.tensor([1, 0, 0]))
    tensor([ True,  True, False])
    """
    return rows.bitwise_or(_true(input, "logical_or"), _true(other, "logical_or"))


def logical_xor(input: Any, other: Any) -> Tensor:
    """Tell where just one of the operands is true, or not 0, broadcasting.

    Examples
    --------
    >>> ad.logical_xor(ad.tensor([0.0, 1.0, 2.0]), ad.tensor([1, 0, 1]))
    tensor([ True,  True, False])
    """
    return rows.bitwise_xor(_true(input, "logical_xor"), _true(other, "logical_xor"))


def logical_not(input: Any) -> Tensor:
    """Tell which elements are false, or 0.

    Examples
    --------
    >>> ad.logical_not(ad.tensor([0.0, 1.0]))
    tensor([ True, False])
    """
    return rows.bitwise_not(_true(input, "logical_not"))


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
def isposinf(input: Any) -> Tensor:
    """Tell which elements are infinite and positive.

    Examples
    --------
    >>> ad.isposinf(ad.tensor([float("inf"), float("-inf")]))
    tensor([ True, False])
    """
    x = tensor_of(input, "isposinf")
    return rows.bitwise_and(rows.isinf(x), rows.gt(x, 0))


@named
def isneginf(input: Any) -> Tensor:
    """Tell which elements are infinite and negative.

    Examples
    --------
    >>> ad.isneginf(ad.tensor([float("inf"), float("-inf")]))
    tensor([False,  True])
    """
    x = tensor_of(input, "isneginf")
    return rows.bitwise_and(rows.isinf(x), rows.lt(x, 0))


@named
def isreal(input: Any) -> Tensor:
    """Tell which elements are real: all of them.

    Examples
    --------
    >>> ad.isreal(ad.tensor([1.0, 2.0]))
    tensor([True, True])
    """
    x: Tensor = wrap(np.ones(tensor_of(input, "isreal").shape, np.bool))
    return x


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
