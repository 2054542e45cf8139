"""Loops in LLVM's language: the kernels of a plan as functions of a table of addresses."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from .element import Element
from .functions import TYPES, Writer, definitions, number
from .fuse import Access, Anchor, Kernel, Plan, access, first_index, flat, operand, parts, row_major, taken

MANY = 4096  # float32 summands, beyond which a sum is kept in double


def stored(dtype: Any) -> str:
    """Return the type of an element in memory."""
    kind = TYPES[np.dtype(dtype).name]
    return "i8" if kind == "i1" else kind


class Slots:
    """The table of addresses: a place for every array that is there before a run."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}

    def __getitem__(self, slot: Any) -> int:
        return self.places.setdefault(slot, len(self.places))


class Module:
    """The text of a plan's functions.

    Attributes
    ----------
    pieces : list of str or Element
        The names of functions, and what NumPy calls between them.
    offsets : dict of Element to int
        Where in the arena a value is, in bytes.
    size : int
        The bytes of the arena.
    """

    def __init__(
        self,
        plan: Plan,
        slots: Slots,
        homes: dict[Element, Any],
        decisions: Sequence[tuple[Element, bool]],
        integer: str,
    ) -> None:
        self.plan, self.slots, self.homes, self.integer = plan, slots, homes, integer
        self.decisions = decisions
        self.pieces: list[Any] = []
        self.offsets: dict[Element, int] = {}
        self.size = 0
        self.functions: list[str] = []
        self.needed: set[str] = set()
        self.used: dict[Any, int] = {}
        self.routines: dict[Any, str] = {}  # their names
        self.scratch: dict[Element, int] = {}  # where in the arena each has memory of its own
        self._place()
        self._write()
        self.entered = False

    def enter(self, text: str) -> None:
        """Add a function through which the only piece is called."""
        self.functions.append(text)
        self.entered = True

    # -- memory --------------------------------------------------------------------------------------------------------

    def _place(self) -> None:
        """Give each value that is kept its place in the arena, from its first use to its last."""
        first: dict[Element, int] = {}
        last: dict[Element, int] = {}
        for at, kernel in enumerate(self.plan.kernels):
            for a in kernel.anchors:
                if a.target is None and a.kept and a.element not in self.homes:
                    first[a.element] = at
                    last[a.element] = max(last.get(a.element, at), at)
                for x in a.accesses:
                    for e in (x.element, *(d[0] for d in x.dynamic)):
                        last[e] = at
        for e in self.plan.wanted:
            last[e] = len(self.plan.kernels)
        free: list[tuple[int, int]] = []  # (offset, bytes)
        ends: dict[int, list[Element]] = defaultdict(list)
        for e in first:
            ends[last[e]].append(e)
        for at in range(len(self.plan.kernels)):
            for e in [e for e, f in first.items() if f == at]:
                self.offsets[e] = self._take(free, _bytes(e))
            head = self.plan.kernels[at].anchors[0]
            if head.element.kind == "routine" and head.target is None:
                size = -(-max(head.element.what.scratch, 1) // 64) * 64
                self.scratch[head.element] = self._take(free, size)
                free.append((self.scratch[head.element], size))
            for e in ends[at]:
                free.append((self.offsets[e], _bytes(e)))
                free[:] = _joined(free)

    def _take(self, free: list[tuple[int, int]], size: int) -> int:
        fitting = [(n, o) for o, n in free if n >= size]
        if fitting:
            n, offset = min(fitting)
            free.remove((offset, n))
            if n > size:
                free.append((offset + size, n - size))
            return offset
        self.size += size
        return self.size - size

    def address(self, w: Writer, e: Element) -> tuple[str, str]:
        """Return the register of an array's address, and the marks of who it shares memory with."""
        slot = ("memory", e.what) if e.kind == "memory" else self.homes.get(e)
        if slot is None:
            register = self._base(w, "arena")
            key = ("at", e)
            if key not in self.bases:
                self.entry.append(f"  %a{e.number} = getelementptr i8, ptr {register}, i64 {self.offsets[e]}")
                self.bases[key] = f"%a{e.number}"
            return self.bases[key], self._marks("arena")
        return self._base(w, slot), self._marks(slot)

    def _base(self, w: Writer, slot: Any) -> str:
        if slot not in self.bases:
            place = self.slots[slot]
            self.entry += [
                f"  %t{place} = getelementptr ptr, ptr %table, i64 {place}",
                f"  %p{place} = load ptr, ptr %t{place}",
            ]
            self.bases[slot] = f"%p{place}"
        return self.bases[slot]

    def _marks(self, slot: Any) -> str:
        at = self.used.setdefault(slot, len(self.used))
        if len(self.used) > 128:  # the lists of all others would be long
            return ""
        return f", !alias.scope !{10 + 3 * at + 1}, !noalias !{10 + 3 * at + 2}"

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        kernels = self.plan.kernels
        last = max((k.level for k in kernels if any(a.target is not None for a in k.anchors)), default=0)
        decided = not self.decisions
        self.many = any(k.anchors[0].element.kind == "call" and k.anchors[0].target is None for k in kernels)
        self._open()
        for kernel in kernels:
            head = kernel.anchors[0]
            if not decided and last and kernel.level >= last:
                self._decide()
                decided = True
            if head.element.kind == "call" and head.target is None:
                self._close("0")
                self.pieces.append(head.element)
                self._open()
            elif head.element.kind == "dot" and head.target is None:
                self._dot(head.element)
            elif head.element.kind == "routine" and head.target is None:
                self._routine(head.element)
            elif head.parts:
                for part in head.parts:
                    self._loops(Kernel(kernel.level, part.domain, [part]))
            else:
                self._loops(kernel)
        if not decided:
            self._decide()
        if last:
            self._count()
        self._close("0")

    def _count(self) -> None:
        """Count the runs that have changed something."""
        base = self._base(self.w, "runs")
        count = self.w(f"load i64, ptr {base}")
        self.w.do(f"store i64 {self.w(f'add i64 {count}, 1')}, ptr {base}")

    def _open(self) -> None:
        self.w = Writer()
        self.bases: dict[Any, str] = {}
        self.entry: list[str] = []
        self.scalars: dict[Element, str] = {}
        self.labels = 0

    def _close(self, result: str) -> None:
        if not self.w.lines:
            return
        name = f"piece{len(self.pieces)}"
        text = [f"define i32 @{name}(ptr noalias %table) {{", "entry:", *self.entry, "  br label %start", "start:"]
        self.functions.append("\n".join([*text, *self.w.lines, f"  ret i32 {result}", "}"]))
        self.needed |= self.w.needed
        self.pieces.append(name)

    def _decide(self) -> None:
        for e, outcome in self.decisions:
            truth = self.scalar(e)
            self.labels += 1
            n = self.labels
            here, wrong = (f"G{n}", f"W{n}") if outcome else (f"W{n}", f"G{n}")
            self.w.do(f"br i1 {truth}, label %{here}, label %{wrong}")
            self.w.label(f"W{n}")
            self.w.do("ret i32 1")
            self.w.label(f"G{n}")

    # -- elements ------------------------------------------------------------------------------------------------------

    def scalar(self, e: Element) -> str:
        """Return the register of a number that is the same in all loops."""
        if e not in self.scalars:
            if e.kind == "literal":
                self.scalars[e] = number(e.what, TYPES[e.dtype.name])
            else:
                self.scalars[e] = self._load(self.w, e, "0", early=e.kind in ("memory", "option"))
        return self.scalars[e]

    def _load(self, w: Writer, e: Element, offset: str, early: bool = False) -> str:
        if e.kind == "option":
            base, marks, kind = self._base(w, "options"), self._marks("options"), "double"
            offset = str(e.what)
        else:
            (base, marks), kind = self.address(w, e), stored(e.dtype)
        at = base if offset == "0" else w(f"getelementptr inbounds {kind}, ptr {base}, i64 {offset}")
        x = w(f"load {kind}, ptr {at}{marks}")
        return w(f"trunc i8 {x} to i1") if kind == "i8" else x

    def _store(self, base: str, marks: str, dtype: Any, offset: str, value: str) -> None:
        kind = stored(dtype)
        at = base if offset == "0" else self.w(f"getelementptr inbounds {kind}, ptr {base}, i64 {offset}")
        if kind == "i8":
            value = self.w(f"zext i1 {value} to i8")
        self.w.do(f"store {kind} {value}, ptr {at}{marks}")

    # -- loops ---------------------------------------------------------------------------------------------------------

    def _loops(self, kernel: Kernel) -> None:
        w, domain = self.w, kernel.domain
        anchors = sorted(kernel.anchors, key=lambda a: (a.element.number, a.target is not None))
        self.here = {a.element: a for a in anchors if a.target is None}
        if not domain:
            self._straight(anchors)
            return
        self.merged = _merged(domain, anchors)
        sizes = [math.prod(domain[d] for d in group) for group in self.merged]
        kept = {
            a: [g for g, group in enumerate(self.merged) if not _reduces(a, group[0])]
            for a in anchors
            if a.is_reduction
        }
        depth = {a: max((g + 1 for g in groups), default=0) for a, groups in kept.items()}
        in_register = [a for a, groups in kept.items() if groups == list(range(len(groups)))]  # in a fixed order
        for a in [a for a in kept if a not in in_register]:
            self._clear(a)
        if not math.prod(sizes):
            for a in in_register:
                self._clear(a)
            return
        cells = {a: self._cell(a) for a in in_register}
        self.loop: list[str] = []
        ends: list[tuple[int, str]] = []
        for d in range(len(sizes) + 1):
            for a in in_register:
                if depth[a] == d:
                    kind = _wide(a)
                    w.do(f"store {kind} {_start(a, kind)}, ptr {cells[a]}")
            if d == len(sizes):
                break
            self.labels += 1
            n = self.labels
            w.do(f"br label %P{n}")
            w.label(f"P{n}")
            w.do(f"br label %L{n}")
            w.label(f"L{n}")
            w.do(f"%i{n} = phi i64 [ 0, %P{n} ], [ %j{n}, %T{n} ]")
            self.loop.append(f"%i{n}")
            ends.append((n, str(sizes[d])))
        self.memo: dict[Any, str] = {}
        for a in anchors:
            self._anchor(a, cells.get(a), domain)
        for a in in_register:
            if depth[a] == len(sizes):
                self._finish(a, cells[a])
        for d in reversed(range(len(sizes))):
            n, size = ends[d]
            w.do(f"br label %T{n}")
            w.label(f"T{n}")
            w.do(f"%j{n} = add nuw nsw i64 %i{n}, 1")
            w.do(f"%c{n} = icmp eq i64 %j{n}, {size}")
            w.do(f"br i1 %c{n}, label %E{n}, label %L{n}")
            w.label(f"E{n}")
            for a in in_register:
                if depth[a] == d:
                    self._finish(a, cells[a])

    def _straight(self, anchors: Sequence[Anchor]) -> None:
        """Compute numbers outside of loops."""
        self.merged, self.loop = [], []
        self.memo = {}
        for a in anchors:
            value = self._value(a.body, first_index(a.body.shape), top=a.target is None and a.body is a.element)
            if a.at is not None:
                self._put(a, a.at, value)
                continue
            if a.target is not None:
                self._store(self._base(self.w, a.target), self._marks(a.target), a.element.dtype, "0", value)
                continue
            self.scalars[a.element] = value
            self._keep_scalar(a, value)

    def _keep_scalar(self, a: Anchor, value: str) -> None:
        """Store a number that is a result, that loops read as an array, or that another function needs."""
        if a.kept:
            base, marks = self.address(self.w, a.element)
            self._store(base, marks, a.element.dtype, "0", value)

    def _anchor(self, a: Anchor, cell: str | None, domain: tuple[int, ...]) -> None:
        value = self._value(a.body, first_index(a.body.shape), top=a.target is None and a.body is a.element)
        if a.at is not None:
            self._put(a, a.at, value)
            return
        if not a.is_reduction:
            self.memo[(a.element, "value")] = value
            if a.target is not None or a.kept:
                base, marks = (
                    (self._base(self.w, a.target), self._marks(a.target))
                    if a.target is not None
                    else self.address(self.w, a.element)
                )
                self._store(base, marks, a.element.dtype, self._offset(0, row_major(domain)), value)
            return
        name, kind = a.element.what[0], TYPES[a.element.dtype.name]
        if cell is not None:
            wide = _wide(a)
            value = self.w.cast(value, kind, wide)
            before = self.w(f"load {wide}, ptr {cell}")
            self.w.do(f"store {wide} {self._joined(name, wide, before, value)}, ptr {cell}")
            return
        base, marks = self.address(self.w, a.element)
        offset = self._offset(0, _kept_steps(a, domain))
        place = stored(a.element.dtype)
        at = self.w(f"getelementptr inbounds {place}, ptr {base}, i64 {offset}")
        before = self.w(f"load {place}, ptr {at}{marks}")
        before = self.w(f"trunc i8 {before} to i1") if place == "i8" else before
        total = self._joined(name, kind, before, value)
        total = self.w(f"zext i1 {total} to i8") if place == "i8" else total
        self.w.do(f"store {place} {total}, ptr {at}{marks}")

    def _put(self, a: Anchor, at: Access, value: str) -> None:
        """Write a value into an array, or add it to what stands there."""
        e = a.element
        offset = self._offset(at.start, at.steps, self._keys(at))
        if e.what[0] and a.written is not e.args[0]:
            value = self._joined("add", TYPES[e.dtype.name], self._load(self.w, e, offset), value)
        self._store(*self.address(self.w, e), e.dtype, offset, value)

    def _joined(self, name: str, kind: str, a: str, b: str) -> str:
        if name in ("add", "multiply") and kind in ("float", "double"):
            return self.w(f"f{name[:3]} reassoc nsz contract {kind} {a}, {b}")
        return self.w.function(name, kind, [a, b], [None, None])

    # -- accumulators --------------------------------------------------------------------------------------------------

    def _cell(self, a: Anchor) -> str:
        self.labels += 1
        self.entry.append(f"  %s{self.labels} = alloca {_wide(a)}")
        return f"%s{self.labels}"

    def _finish(self, a: Anchor, cell: str) -> None:
        wide, kind = _wide(a), TYPES[a.element.dtype.name]
        value = self.w.cast(self.w(f"load {wide}, ptr {cell}"), wide, kind)
        if any(not _reduces(a, d) for d in range(len(a.domain))):
            base, marks = self.address(self.w, a.element)
            self._store(base, marks, a.element.dtype, self._offset(0, _kept_steps(a, a.domain)), value)
            return
        self.scalars[a.element] = value
        base, marks = self.address(self.w, a.element)
        self._store(base, marks, a.element.dtype, "0", value)

    def _clear(self, a: Anchor) -> None:
        """Fill the sums of a reduction with what they start from."""
        base, marks = self.address(self.w, a.element)
        kind = stored(a.element.dtype)
        start = _start(a, TYPES[a.element.dtype.name])
        self.labels += 1
        n = self.labels
        w = self.w
        w.do(f"br label %P{n}")
        w.label(f"P{n}")
        w.do(f"br label %L{n}")
        w.label(f"L{n}")
        w.do(f"%i{n} = phi i64 [ 0, %P{n} ], [ %j{n}, %L{n} ]")
        at = w(f"getelementptr inbounds {kind}, ptr {base}, i64 %i{n}")
        w.do(f"store {kind} {start}, ptr {at}{marks}")
        w.do(f"%j{n} = add nuw nsw i64 %i{n}, 1")
        w.do(f"%c{n} = icmp eq i64 %j{n}, {max(a.element.size, 1)}")
        w.do(f"br i1 %c{n}, label %E{n}, label %L{n}")
        w.label(f"E{n}")
        if not a.element.shape:
            self.scalars.pop(a.element, None)

    # -- what stands at an index ---------------------------------------------------------------------------------------

    def _offset(self, start: int, steps: tuple[int, ...], dynamic: Sequence[tuple[str, int]] = ()) -> str:
        w, terms = self.w, []
        for group, i in zip(self.merged, self.loop, strict=True):
            step = steps[group[-1]]
            if step:
                terms.append(i if step == 1 else w(f"mul nsw i64 {i}, {step}"))
        for register, step in dynamic:
            terms.append(register if step == 1 else w(f"mul nsw i64 {register}, {step}"))
        if not terms:
            return str(start)
        total = terms[0]
        for t in terms[1:]:
            total = w(f"add nsw i64 {total}, {t}")
        return total if not start else w(f"add nsw i64 {total}, {start}")

    def _value(self, e: Element, index: Any, top: bool = False) -> str:
        if e.kind == "literal":
            return number(e.what, TYPES[e.dtype.name])
        if e.kind == "option":
            return self.scalar(e)
        key = (e, index)
        if key in self.memo:
            return self.memo[key]
        rank = len(index[0][1]) if index else self._rank()
        if not top and (e.kind == "memory" or e in self.plan.anchors):
            value = self._read(access(e, index, rank))
        elif e.kind == "take":
            value = self._read(taken(e, index, rank))
        elif e.kind == "reshape":
            value = self._read(flat(e.args[0], index, e.shape, rank))
        else:
            inner = [self._value(x, at) for x, at in parts(e, index, rank)]
            value = self._map(e, inner) if e.kind == "map" else inner[0]
        self.memo[key] = value
        return value

    def _rank(self) -> int:
        return sum(len(g) for g in self.merged)

    def _read(self, x: Access) -> str:
        e = x.element
        if (
            e in self.here
            and not self.here[e].is_reduction
            and (e, "value") in self.memo
            and x.is_identity(self.here[e].domain)
        ):
            return self.memo[(e, "value")]
        if e.size == 1 and not x.dynamic:
            return self.scalar(e)
        return self._load(self.w, e, self._offset(x.start, x.steps, self._keys(x)))

    def _keys(self, x: Access) -> list[tuple[str, int]]:
        """Return where along some dimensions the values of other arrays say, each with its step."""
        found = []
        for index_element, index, stride, d in x.dynamic:
            i = self._value(index_element, index)
            i = self.w.cast(i, TYPES[index_element.dtype.name], "i64")
            n = x.element.shape[d]
            negative = self.w(f"icmp slt i64 {i}, 0")
            i = self.w.choice(negative, "i64", self.w(f"add i64 {i}, {n}"), i)
            i = self.w.call("llvm.smax.i64", "i64", i, "0")  # out of range is refused by a decision; memory stays safe
            found.append((self.w.call("llvm.smin.i64", "i64", i, str(n - 1)), stride))
        return found

    def _map(self, e: Element, args: list[str]) -> str:
        kinds = [TYPES[a.dtype.name] for a in e.args]
        if e.what == "cast":
            return self.w.cast(args[0], kinds[0], TYPES[e.dtype.name])
        if e.what == "where":
            return self.w.choice(args[0], kinds[1], args[1], args[2])
        return self.w.function(e.what, kinds[0], args, [a.what if a.kind == "literal" else None for a in e.args])

    # -- products ------------------------------------------------------------------------------------------------------

    def _dot(self, e: Element) -> None:
        """Call BLAS: C = A B of arrays row by row."""
        a, b = (operand(x) or operand_of(x) for x in e.args)
        n, k = e.args[0].shape[-2:]
        m = e.shape[-1]
        batch = e.shape[0] if len(e.shape) == 3 else 1
        for i in range(batch):
            pointers = []
            for (source, start, leap, _, _), kind in ((a, stored(e.dtype)), (b, stored(e.dtype))):
                base, _ = self.address(self.w, source)
                at = start + i * leap
                pointers.append(self.w(f"getelementptr {kind}, ptr {base}, i64 {at}") if at else base)
            base, _ = self.address(self.w, e)
            out = self.w(f"getelementptr {stored(e.dtype)}, ptr {base}, i64 {i * n * m}") if i else base
            self._gemm(e, pointers[0], _layout(a, n, k), pointers[1], _layout(b, k, m), out, n, m, k)

    def _gemm(
        self, e: Element, a: str, la: tuple[int, int], b: str, lb: tuple[int, int], c: str, n: int, m: int, k: int
    ) -> None:
        kind, i = stored(e.dtype), self.integer
        f = self._base(self.w, ("gemm", kind))
        one, zero = number(1, kind), number(0, kind)
        self.w.do(
            f"call void {f}(i32 101, i32 {la[0]}, i32 {lb[0]}, {i} {n}, {i} {m}, {i} {k}, {kind} {one}, "
            f"ptr {a}, {i} {la[1]}, ptr {b}, {i} {lb[1]}, {kind} {zero}, ptr {c}, {i} {m})"
        )

    # -- routines ------------------------------------------------------------------------------------------------------

    def _routine(self, e: Element) -> None:
        """Call the native function of a routine."""
        name = self.routines.setdefault(e.what, f"routine{len(self.routines)}")
        scratch = self.w(f"getelementptr i8, ptr {self._base(self.w, 'arena')}, i64 {self.scratch[e]}")
        addresses = [self.address(self.w, e)[0], scratch, *(self.address(self.w, a)[0] for a in e.args)]
        self.w.do(f"call void @{name}({', '.join(f'ptr {a}' for a in addresses)})")

    def text(self) -> str:
        """Return the whole module."""
        scopes = []
        every = range(min(len(self.used), 128))
        scopes.append("!0 = distinct !{!0}")
        for at in every:
            scopes.append(f"!{10 + 3 * at} = distinct !{{!{10 + 3 * at}, !0}}")
            scopes.append(f"!{10 + 3 * at + 1} = !{{!{10 + 3 * at}}}")
            others = ", ".join(f"!{10 + 3 * o}" for o in every if o != at)
            scopes.append(f"!{10 + 3 * at + 2} = !{{{others}}}")
        routines = []
        for what, name in self.routines.items():
            w = what.routine()
            self.needed |= w.needed
            routines.append(w.text(name))
        return "\n\n".join([*self.functions, *routines, definitions(self.needed), "\n".join(scopes)]) + "\n"


def operand_of(e: Element) -> tuple[Element, int, int, int, int]:
    """Return a matrix that is kept as it stands."""
    strides = row_major(e.shape)
    return e, 0, strides[0] if len(e.shape) == 3 else 0, strides[-2], strides[-1]


def _layout(x: tuple[Element, int, int, int, int], n: int, m: int) -> tuple[int, int]:
    """Return how BLAS reads an n x m matrix: 111 as it stands, 112 transposed; and its leading size."""
    _, _, _, rows, columns = x
    if (columns == 1 or m == 1) and (rows >= m or n == 1):
        return 111, max(rows, m, 1) if n > 1 else max(m, 1)
    return 112, max(columns, n, 1) if m > 1 else max(n, 1)


def _bytes(e: Element) -> int:
    return -(-max(e.size, 1) * int(np.dtype(e.dtype).itemsize) // 64) * 64


def _joined(free: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what lies side by side."""
    out: list[tuple[int, int]] = []
    for offset, n in sorted(free):
        if out and out[-1][0] + out[-1][1] == offset:
            out[-1] = (out[-1][0], out[-1][1] + n)
        else:
            out.append((offset, n))
    return out


def _reduces(a: Anchor, d: int) -> bool:
    """Tell whether a reduction runs along a dimension of its loop."""
    shape = a.body.shape
    dims = [i for i, n in enumerate(shape) if n != 1]
    return dims[d] in a.element.what[1]


def _merged(domain: tuple[int, ...], anchors: Sequence[Anchor]) -> list[list[int]]:
    """Join dimensions that every access goes through as if they were one."""
    groups = [[0]]
    accesses = [x for a in anchors for x in (*a.accesses, a.at) if x is not None]
    for d in range(1, len(domain)):
        joins = all(x.steps[d - 1] == x.steps[d] * domain[d] for x in accesses)
        joins = joins and all(_reduces(a, d - 1) == _reduces(a, d) for a in anchors if a.is_reduction)
        if joins:
            groups[-1].append(d)
        else:
            groups.append([d])
    return groups


def _kept_steps(a: Anchor, domain: tuple[int, ...]) -> tuple[int, ...]:
    """Return how a reduction's result is gone through as its loop goes."""
    sizes = [1 if _reduces(a, d) else n for d, n in enumerate(domain)]
    return tuple(0 if _reduces(a, d) else s for d, s in enumerate(row_major(tuple(sizes))))


def _wide(a: Anchor) -> str:
    """Return the kind in which a sum is kept in a register."""
    kind = TYPES[a.element.dtype.name]
    many = a.body.size // max(a.element.size, 1) > MANY
    return "double" if kind == "float" and many and a.element.what[0] == "add" else kind


def _start(a: Anchor, kind: str) -> str:
    name = a.element.what[0]
    if name in ("maximum", "minimum") and kind in ("float", "double"):
        return number(float("-inf") if name == "maximum" else float("inf"), kind)
    if name in ("maximum", "minimum"):
        limits = np.iinfo(np.int64 if kind == "i64" else np.int32) if kind != "i1" else None
        return str((limits.min if name == "maximum" else limits.max) if limits else int(name == "minimum"))
    return number(1 if name in ("multiply", "logical_and") else 0, kind)
