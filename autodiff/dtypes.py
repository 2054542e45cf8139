"""Which dtype a value gets: the default, what may carry a gradient, how mixed operands meet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["get_default_dtype", "set_default_dtype"]

_default: np.dtype[Any] = np.dtype(np.float32)


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype that Python floats become (float32 unless set otherwise).

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become.

    Parameters
    ----------
    dtype : floating dtype
        For example ``float64``.

    Raises
    ------
    TypeError
        If the dtype is not a floating one.

    Examples
    --------
    >>> import autodiff as ad
    >>> ad.set_default_dtype("float64")
    >>> ad.tensor(1.0).dtype
    dtype('float64')
    >>> ad.set_default_dtype("float32")
    """
    global _default
    chosen = checked(dtype, "set_default_dtype")
    if chosen.kind != "f":
        raise TypeError(f"set_default_dtype: expected a floating dtype, got {chosen}")
    _default = chosen


def checked(dtype: DTypeLike, operation: str) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype that a tensor can hold, or say which ones can."""
    try:
        chosen = np.dtype(dtype if dtype is not None else "None")
    except TypeError as error:
        raise TypeError(f"{operation}: {error}") from None
    if chosen.kind not in "biuf":
        raise TypeError(f"{operation}: a tensor holds booleans, integers or floats, not {chosen}")
    return chosen


def scalar(value: Any, like: np.dtype[Any]) -> Any:
    """Return a Python or NumPy number as a NumPy scalar that does not widen operands of dtype `like`."""
    if isinstance(value, (bool, np.bool)):
        return np.bool(value)
    if like.kind == "f":
        if -6e4 < value < 6e4:  # what every floating dtype can hold
            return like.type(value)
        with np.errstate(over="ignore"):
            return like.type(value)
    if isinstance(value, (int, np.integer)):
        return (like if like.kind in "iu" else np.dtype(np.int64)).type(value)
    return _default.type(value)


def met(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two arrays in the dtypes in which they meet.

    An integer beside a float takes the float's dtype, and a float without dimensions that of one with dimensions.
    NumPy alone would widen float32 beside int64 or a float64 scalar; PyTorch, and so this library, does not.
    """
    if a.dtype.kind == b.dtype.kind == "f":
        if a.ndim == 0 < b.ndim:
            a = a.astype(b.dtype)
        elif b.ndim == 0 < a.ndim:
            b = b.astype(a.dtype)
    elif a.dtype.kind == "f" and b.dtype.kind in "iu":
        b = b.astype(a.dtype)
    elif b.dtype.kind == "f" and a.dtype.kind in "iu":
        a = a.astype(b.dtype)
    return a, b
