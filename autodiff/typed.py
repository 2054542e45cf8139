"""PyTorch's old classes of tensors of one dtype: `FloatTensor`, `LongTensor` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from .kernels.silence import silent
from .size import Size
from .tensor import Tensor, from_array

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor",
]  # fmt: skip


class _Kind(type):
    """Lets `isinstance` ask for the dtype."""

    dtype: np.dtype[Any]

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, Tensor) and value.dtype == cls.dtype


def _made(dtype: np.dtype[Any], name: str, args: tuple[Any, ...]) -> Tensor:
    """Make a tensor: of sizes, of a sequence of numbers, or of a tensor of the same dtype."""
    if not args or isinstance(args[0], (int, np.integer, Size)):
        return from_array(np.zeros(args[0] if args and isinstance(args[0], Size) else args or 0, dtype))
    if len(args) > 1 or isinstance(args[0], (float, str)):
        raise TypeError(f"{name}: expected sizes or a sequence of numbers, got {args!r}")
    (data,) = args
    if isinstance(data, Tensor):
        if data.dtype != dtype:
            raise TypeError(f"{name}: the tensor holds {data.dtype}, expected {dtype}; convert it with .to()")
        return data.detach()
    return from_array(silent().run(np.array(data).astype, dtype))


class _Typed(metaclass=_Kind):
    """The base of all: what makes a tensor of the class's dtype."""

    dtype: np.dtype[Any]

    def __new__(cls, *args: Any) -> Any:
        """Make a tensor, which is a `Tensor` like any other."""
        return _made(cls.dtype, cls.__name__, args)


class FloatTensor(_Typed):
    """Tensors of float32: `FloatTensor(2, 3)` makes one of a shape, `FloatTensor([1, 2])` one of numbers.

    Examples
    --------
    >>> ad.FloatTensor([1, 2])
    tensor([1., 2.])
    >>> isinstance(ad.zeros(2), ad.FloatTensor)
    True
    """

    dtype = np.dtype(np.float32)


class DoubleTensor(_Typed):
    """Tensors of float64; see `FloatTensor`."""

    dtype = np.dtype(np.float64)


class HalfTensor(_Typed):
    """Tensors of float16; see `FloatTensor`."""

    dtype = np.dtype(np.float16)


class LongTensor(_Typed):
    """Tensors of int64; see `FloatTensor`.

    Examples
    --------
    >>> ad.LongTensor([1, 2])
    tensor([1, 2])
    """

    dtype = np.dtype(np.int64)


class IntTensor(_Typed):
    """Tensors of int32; see `FloatTensor`."""

    dtype = np.dtype(np.int32)


class ShortTensor(_Typed):
    """Tensors of int16; see `FloatTensor`."""

    dtype = np.dtype(np.int16)


class CharTensor(_Typed):
    """Tensors of int8; see `FloatTensor`."""

    dtype = np.dtype(np.int8)


class ByteTensor(_Typed):
    """Tensors of uint8; see `FloatTensor`."""

    dtype = np.dtype(np.uint8)


class BoolTensor(_Typed):
    """Tensors of booleans; see `FloatTensor`."""

    dtype = np.dtype(np.bool)
