"""PyTorch's names of dtypes, and what they can hold."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from .engine.dtypes import checked, get_default_dtype

__all__ = [
    "bfloat16",
    "bool",
    "cdouble",
    "cfloat",
    "channels_last",
    "complex64",
    "complex128",
    "contiguous_format",
    "double",
    "dtype",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "iinfo",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "memory_format",
    "preserve_format",
    "short",
    "strided",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]  # fmt: skip

dtype = np.dtype

float16 = half = np.dtype(np.float16)
float32 = float = np.dtype(np.float32)
float64 = double = np.dtype(np.float64)
int8, uint8 = np.dtype(np.int8), np.dtype(np.uint8)
int16 = short = np.dtype(np.int16)
int32 = int = np.dtype(np.int32)
int64 = long = np.dtype(np.int64)
uint16, uint32, uint64 = np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64)
bool = np.dtype(np.bool)


class _Absent:
    """A dtype that programs name, often only in a list of those to choose from, and that no tensor can have."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.refusal = f"there is no {name} here, for NumPy computes in float16, float32 and float64; take one of these"

    def __repr__(self) -> str:
        return f"{self.name}, which tensors here cannot hold"

    def __reduce__(self) -> str:
        return self.name


bfloat16 = _Absent("bfloat16")
complex64 = cfloat = _Absent("complex64")
complex128 = cdouble = _Absent("complex128")


class memory_format:  # noqa: N801  # PyTorch's name
    """An order of elements in memory that PyTorch programs ask for; here NumPy's own is kept."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, strided = memory_format("channels_last"), memory_format("strided")


class finfo:  # noqa: N801  # PyTorch's and NumPy's name
    """What the numbers of a floating dtype can be.

    Parameters
    ----------
    type : dtype, optional
        The default dtype unless given.

    Attributes
    ----------
    bits : int
    max, min : float
        The largest number, and its negative.
    eps : float
        From 1 to the next number.
    tiny, smallest_normal : float
        The smallest positive number of full precision.
    resolution : float
    dtype : str

    Examples
    --------
    >>> ad.finfo(ad.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: Any = None) -> None:
        chosen = checked(get_default_dtype() if type is None else type, "finfo")
        if chosen.kind != "f":
            raise TypeError(f"finfo: expected a floating dtype, got {chosen}; for integers there is iinfo")
        info = np.finfo(chosen)
        self.bits, self.dtype = info.bits, chosen.name
        self.max, self.min, self.eps = info.max.item(), info.min.item(), info.eps.item()
        self.tiny = self.smallest_normal = info.tiny.item()
        self.resolution = info.resolution.item()

    def __repr__(self) -> str:
        return f"finfo(min={self.min:g}, max={self.max:g}, eps={self.eps:g}, tiny={self.tiny:g}, dtype={self.dtype})"


class iinfo:  # noqa: N801  # PyTorch's and NumPy's name
    """What the numbers of an integer dtype can be.

    Parameters
    ----------
    type : dtype

    Attributes
    ----------
    bits, max, min : int
    dtype : str

    Examples
    --------
    >>> ad.iinfo(ad.uint8).max
    255
    """

    def __init__(self, type: Any) -> None:
        chosen = np.dtype(type)
        if chosen.kind not in "iu":
            raise TypeError(f"iinfo: expected an integer dtype, got {chosen}; for floats there is finfo")
        info = np.iinfo(chosen)
        self.bits, self.max, self.min, self.dtype = (
            info.bits,
            builtins.int(info.max),
            builtins.int(info.min),
            chosen.name,
        )

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
