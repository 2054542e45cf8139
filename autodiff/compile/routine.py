"""Routines: native functions that a fixed scheme of loops computes, written with the processor's vectors."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .functions import TYPES, Writer, number
from .fuse import GRAIN
from .machine import features

MOST = 32  # parts of a routine


class Scheme:
    """What a routine computes, image by image, and into how many parts it is cut; that depends on its size alone.

    Attributes
    ----------
    batch : int
        How many images there are.
    most : int
        How many parts there may be.
    is_sum : bool
        Whether the result is a sum over images, so that parts must be added up.
    """

    batch: int
    most = MOST
    is_sum = False

    @property
    def work(self) -> int:
        """About how many loads, stores and operations it takes."""
        raise NotImplementedError

    @property
    def chunk(self) -> int:
        """The images of a part."""
        parts = max(min(self.work // GRAIN, self.batch, self.most), 1)
        return -(-self.batch // parts)

    @property
    def parts(self) -> int:
        """The number of parts."""
        return -(-self.batch // self.chunk)

    @property
    def adds_up(self) -> bool:
        """Whether the results of parts are added up."""
        return self.is_sum and self.parts > 1


class Vectors:
    """The vectors of one kind of number that a processor computes with.

    Attributes
    ----------
    kind, type : str
        LLVM's type of a number, and of a vector.
    lanes : int
        The numbers of a vector.
    registers : int
    """

    def __init__(self, dtype: Any) -> None:
        known = features()
        size, self.registers = 16, 16
        if "avx512f" in known:
            size, self.registers = 64, 32
        elif "avx2" in known and "fma" in known:
            size = 32
        elif "neon" in known:
            self.registers = 32
        self.kind = TYPES[np.dtype(dtype).name]
        self.lanes = size // np.dtype(dtype).itemsize
        self.type = f"<{self.lanes} x {self.kind}>"
        self.mangled = f"v{self.lanes}f{32 if self.kind == 'float' else 64}"
        self.bits = size * 8


@functools.cache
def vectors(dtype: Any) -> Vectors:
    """Return the vectors of a dtype."""
    return Vectors(dtype)


class Routine(Writer):
    """Writes a routine's function of result, scratch memory, arguments, the first image and the one behind the last."""

    entry: list[str]

    def __init__(self, dtype: Any, arguments: Sequence[str]) -> None:
        super().__init__()
        self.v = vectors(dtype)
        self.kind = self.v.kind
        self.arguments, self.entry = arguments, []

    def text(self, name: str) -> str:
        """Return the whole function."""
        head = ", ".join(f"ptr noalias %{a}" for a in ("y", "scratch", *self.arguments))
        head += ", i64 %first, i64 %last"
        width = f'"min-legal-vector-width"="{self.v.bits}" "prefer-vector-width"="{self.v.bits}"'
        return "\n".join(
            [
                f"define internal void @{name}({head}) noinline nounwind {width} {{",
                "entry:",
                *self.entry,
                "  br label %start",
                "start:",
                *self.lines,
                "  ret void",
                "}",
            ]
        )

    # -- integers ------------------------------------------------------------------------------------------------------

    def sum(self, *terms: str | int | tuple[str, int]) -> str:
        """Return a sum of integers, and of registers times integers."""
        total, start = "", 0
        for term in terms:
            register, factor = term if isinstance(term, tuple) else (term, 1)
            if isinstance(register, int) or register.lstrip("-").isdigit():
                start += int(register) * factor
                continue
            if factor == 0:
                continue
            x = register if factor == 1 else self(f"mul nsw i64 {register}, {factor}")
            total = self(f"add nsw i64 {total}, {x}") if total else x
        if not total:
            return str(start)
        return self(f"add nsw i64 {total}, {start}") if start else total

    def lower(self, a: str, b: str) -> str:
        """Return the lower of two integers."""
        return self.call("llvm.smin.i64", "i64", a, b)

    def between(self, x: str, low: str, high: str) -> str:
        """Return an integer, or the limit that it lies beyond."""
        return self.lower(self.call("llvm.smax.i64", "i64", x, low), high)

    @contextlib.contextmanager
    def loop(self, stop: str | int, start: str | int = 0, step: int = 1) -> Iterator[str]:
        """Write a loop, and give the register of its index."""
        self.count += 1
        n = self.count
        self.do(f"br label %P{n}")
        self.label(f"P{n}")
        self.do(f"br label %H{n}")
        self.label(f"H{n}")
        self.do(f"%i{n} = phi i64 [ {start}, %P{n} ], [ %j{n}, %T{n} ]")
        self.do(f"%c{n} = icmp slt i64 %i{n}, {stop}")
        self.do(f"br i1 %c{n}, label %B{n}, label %E{n}")
        self.label(f"B{n}")
        yield f"%i{n}"
        self.do(f"br label %T{n}")
        self.label(f"T{n}")
        self.do(f"%j{n} = add nsw i64 %i{n}, {step}")
        self.do(f"br label %H{n}")
        self.label(f"E{n}")

    @contextlib.contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Write what is done where a condition holds."""
        self.count += 1
        n = self.count
        self.do(f"br i1 {condition}, label %W{n}, label %F{n}")
        self.label(f"W{n}")
        yield
        self.do(f"br label %F{n}")
        self.label(f"F{n}")

    # -- memory --------------------------------------------------------------------------------------------------------

    def at(self, base: str, *terms: str | int | tuple[str, int], kind: str = "") -> str:
        """Return the address of an element."""
        offset = self.sum(*terms)
        return base if offset == "0" else self(f"getelementptr {kind or self.kind}, ptr {base}, i64 {offset}")

    def cell(self, kind: str) -> str:
        """Return the address of a number or vector that the optimizer keeps in a register."""
        self.count += 1
        self.entry.append(f"  %s{self.count} = alloca {kind}")
        return f"%s{self.count}"

    def get(self, at: str, kind: str = "") -> str:
        """Load a number."""
        return self(f"load {kind or self.kind}, ptr {at}")

    def put(self, at: str, value: str, kind: str = "") -> None:
        """Store a number."""
        self.do(f"store {kind or self.kind} {value}, ptr {at}")

    def clear(self, base: str, count: str | int) -> None:
        """Fill memory with zeros."""
        size = self.sum((str(count), 4 if self.kind == "float" else 8))
        self.needed.add("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)")
        self.do(f"call void @llvm.memset.p0.i64(ptr {base}, i8 0, i64 {size}, i1 false)")

    # -- vectors -------------------------------------------------------------------------------------------------------

    def mask(self, count: str) -> str:
        """Return which lanes of a vector are among the first so many."""
        n = self.v.lanes
        lanes = ", ".join(f"i64 {k}" for k in range(n))
        one = self(f"insertelement <{n} x i64> poison, i64 {count}, i64 0")
        every = self(f"shufflevector <{n} x i64> {one}, <{n} x i64> poison, <{n} x i32> zeroinitializer")
        return self(f"icmp slt <{n} x i64> <{lanes}>, {every}")

    def load(self, at: str, mask: str | None = None) -> str:
        """Load a vector; lanes that are masked out are 0."""
        v = self.v
        if mask is None:
            return self(f"load {v.type}, ptr {at}, align {4 if v.kind == 'float' else 8}")
        self.needed.add(f"declare {v.type} @llvm.masked.load.{v.mangled}.p0(ptr, i32, <{v.lanes} x i1>, {v.type})")
        align = 4 if v.kind == "float" else 8
        return self(
            f"call {v.type} @llvm.masked.load.{v.mangled}.p0(ptr {at}, i32 {align}, <{v.lanes} x i1> {mask}, "
            f"{v.type} zeroinitializer)"
        )

    def store(self, at: str, value: str, mask: str | None = None) -> None:
        """Store a vector, but for lanes that are masked out."""
        v, align = self.v, 4 if self.v.kind == "float" else 8
        if mask is None:
            self.do(f"store {v.type} {value}, ptr {at}, align {align}")
            return
        self.needed.add(f"declare void @llvm.masked.store.{v.mangled}.p0({v.type}, ptr, i32, <{v.lanes} x i1>)")
        self.do(
            f"call void @llvm.masked.store.{v.mangled}.p0({v.type} {value}, ptr {at}, i32 {align}, "
            f"<{v.lanes} x i1> {mask})"
        )

    def spread(self, x: str) -> str:
        """Return a vector of one number."""
        v = self.v
        one = self(f"insertelement {v.type} poison, {v.kind} {x}, i64 0")
        return self(f"shufflevector {v.type} {one}, {v.type} poison, <{v.lanes} x i32> zeroinitializer")

    def fma(self, a: str, b: str, c: str) -> str:
        """Return a b + c of vectors."""
        v = self.v
        self.needed.add(f"declare {v.type} @llvm.fma.{v.mangled}({v.type}, {v.type}, {v.type})")
        return self(f"call {v.type} @llvm.fma.{v.mangled}({v.type} {a}, {v.type} {b}, {v.type} {c})")

    def total(self, x: str) -> str:
        """Return the sum of a vector's lanes."""
        v = self.v
        self.needed.add(f"declare {v.kind} @llvm.vector.reduce.fadd.{v.mangled}({v.kind}, {v.type})")
        zero = number(0, v.kind)
        return self(f"call reassoc {v.kind} @llvm.vector.reduce.fadd.{v.mangled}({v.kind} {zero}, {v.type} {x})")
