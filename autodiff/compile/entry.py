"""The entry of a native program: a function that looks at the arrays that are passed as they lie in memory."""

from __future__ import annotations

import ctypes
import functools
import math
import sys
import sysconfig
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Where an ndarray of NumPy for CPython has its class, memory, number of dimensions, sizes, dtype and flags.
TYPE, DATA, NDIM, SIZES, DTYPE, FLAGS = 8, 16, 24, 32, 56, 64

PLAIN = 257  # the flags of what lies in C's order and is aligned


@functools.cache
def knows_arrays() -> bool:
    """Tell whether an ndarray's fields lie in memory where NumPy for CPython has them."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.maxsize < 2**32:
        return False
    a = np.zeros((3, 5), np.float32)
    at = id(a)

    def i32(offset: int) -> int:
        return ctypes.c_int32.from_address(at + offset).value

    def i64(offset: int) -> int:
        return ctypes.c_int64.from_address(at + offset).value

    try:
        dims: Any = (ctypes.c_int64 * 2).from_address(i64(SIZES)) if i32(NDIM) == 2 else ()
        same = i64(TYPE) == id(np.ndarray) and i64(DATA) == a.ctypes.data and list(dims) == [3, 5]
        return bool(same and i64(DTYPE) == id(a.dtype) and i32(FLAGS) & 0xFFFF == a.flags.num & 0xFFFF)
    except (OSError, ValueError):
        return False


class Entry:
    """LLVM's text of a function that looks at the arrays that are passed and then runs the program.

    It returns 2 where an array is not what the program is made for.

    Parameters
    ----------
    arguments : list of (place of the argument, shape, dtype, place in the table)
    table : callable
        What gives the place in the table of the addresses that are compared with.
    piece : str
        The function that runs the program.
    written : list of (place in the table, bytes)
        Arrays that the program writes, which no argument may overlap.
    """

    def __init__(
        self,
        arguments: Sequence[tuple[int, tuple[int, ...], Any, int]],
        table: Callable[[Any], int],
        piece: str,
        written: Sequence[tuple[int, int]],
    ) -> None:
        self.table, self.count = table, 0
        head = ", ".join(["ptr %table", *(f"i64 %a{k}" for k in range(len(arguments)))])
        self.lines = [f"define i32 @call({head}) {{"]
        for k, (_, shape, dtype, place) in enumerate(arguments):
            array = self._let(f"inttoptr i64 %a{k} to ptr")
            self._check_kind(array, shape, dtype)
            data = self._field(array, DATA, "ptr")
            self._check_apart(data, math.prod(shape) * np.dtype(dtype).itemsize, written)
            self._do(f"store ptr {data}, ptr {self._let(f'getelementptr i8, ptr %table, i64 {8 * place}')}")
        self._do(f"ret i32 {self._let(f'call i32 @{piece}(ptr %table)')}")
        self.lines += ["unfit:", "  ret i32 2", "}"]

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def _do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def _let(self, text: str) -> str:
        """Write an instruction and return its register."""
        self.count += 1
        self._do(f"%r{self.count} = {text}")
        return f"%r{self.count}"

    def _field(self, base: str, offset: int, kind: str) -> str:
        return self._let(f"load {kind}, ptr {self._let(f'getelementptr i8, ptr {base}, i64 {offset}')}")

    def _check(self, condition: str) -> None:
        """Give up where a condition does not hold."""
        truth = self._let(condition)
        self._do(f"br i1 {truth}, label %ok{self.count}, label %unfit")
        self.lines.append(f"ok{self.count}:")

    def _check_kind(self, array: str, shape: tuple[int, ...], dtype: Any) -> None:
        """Compare an object's class, dtype, flags and shape."""
        for offset, slot in ((TYPE, "ndarray"), (DTYPE, ("descr", np.dtype(dtype).name))):
            expected = self._field("%table", 8 * self.table(slot), "i64")
            self._check(f"icmp eq i64 {self._field(array, offset, 'i64')}, {expected}")
        self._check(f"icmp eq i32 {self._field(array, NDIM, 'i32')}, {len(shape)}")
        flags = self._let(f"and i32 {self._field(array, FLAGS, 'i32')}, {PLAIN}")
        self._check(f"icmp eq i32 {flags}, {PLAIN}")
        sizes = self._field(array, SIZES, "ptr")
        for d, size in enumerate(shape):
            self._check(f"icmp eq i64 {self._field(sizes, 8 * d, 'i64')}, {size}")

    def _check_apart(self, data: str, size: int, written: Sequence[tuple[int, int]]) -> None:
        """Give up where an array overlaps what is written."""
        start = self._let(f"ptrtoint ptr {data} to i64")
        end = self._let(f"add i64 {start}, {size}")
        for place, bytes_ in written:
            low = self._field("%table", 8 * place, "i64")
            high = self._let(f"add i64 {low}, {bytes_}")
            below, above = self._let(f"icmp ule i64 {end}, {low}"), self._let(f"icmp uge i64 {start}, {high}")
            self._check(f"or i1 {below}, {above}")
