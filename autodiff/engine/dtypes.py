"""Which dtype a value gets: the default, what may carry a gradient, how mixed operands meet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..kernels.silence import silent

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
        raise TypeError(f"{operation}: {getattr(dtype, 'refusal', error)}") from None
    if chosen.kind not in "biuf" or chosen.num > 255 or chosen.itemsize > 8 or not chosen.isnative:
        raise TypeError(f"{operation}: a tensor holds booleans, integers or floats, not {chosen} (native, ≤ 64 bits)")
    return chosen


def scalar(value: Any, like: np.dtype[Any]) -> Any:
    """Return a Python or NumPy number as a NumPy scalar that does not widen operands of dtype `like`."""
    if isinstance(value, (bool, np.bool)):
        return np.bool(value)
    if like.kind == "f":
        if -6e4 < value < 6e4:  # what every floating dtype can hold
            return like.type(value)
        return silent().run(like.type, value)
    if isinstance(value, (int, np.integer)):
        return (like if like.kind in "iu" else np.dtype(np.int64)).type(int(value))
    return _default.type(value)


_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2}


def common(arrays: Iterable[Any]) -> np.dtype[Any]:
    """Return the dtype in which arrays meet, which is PyTorch's and not NumPy's.

    Floats count more than integers, and these more than booleans. Of those that count most, arrays without dimensions
    have no say beside arrays with dimensions.
    """
    listed = list(arrays)
    top = max(_RANKS[a.dtype.kind] for a in listed)
    foremost = [a for a in listed if _RANKS[a.dtype.kind] == top]
    return np.result_type(*(a.dtype for a in [a for a in foremost if a.ndim] or foremost))


def met(a: Any, b: Any) -> tuple[Any, Any]:
    """Return two arrays in the dtypes in which they meet; booleans as they are, which NumPy converts."""
    if a.dtype is b.dtype or a.dtype.kind == "b" or b.dtype.kind == "b":
        return a, b
    dtype = common((a, b))
    run = silent().run  # an integer may lie above the largest number of float16
    return run(a.astype, dtype, copy=False), run(b.astype, dtype, copy=False)
