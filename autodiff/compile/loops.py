"""Loops in LLVM's language: the kernels of a plan as functions of a table of addresses."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .element import Element
from .functions import TYPES, Writer, definitions, number
from .fuse import GRAIN, TASK, Access, Anchor, Kernel, Plan, access, first_index, parts, row_major, taken
from .pool import LIMIT
from .products import Product

MANY = 4096  # float32 summands, beyond which a sum is kept in double
MOST = 32  # parts of a loop
EVEN = 16  # turns of an inner loop that a processor makes at once
MOST_BLOCKS = 1024  # and of a product: of more, a part computes several


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
        threads: int,
        blocks_are_fast: bool,
    ) -> None:
        self.plan, self.slots, self.homes, self.integer = plan, slots, homes, integer
        self.threads, self.blocks_are_fast = threads, blocks_are_fast
        self.chunks: dict[Kernel, int] = {}  # how many turns of its outer loop a part of a kernel takes
        self.partial: dict[Anchor, tuple[int, int]] = {}  # a part's sums: where the first one's are, and their bytes
        self.decisions = decisions
        self.pieces: list[Any] = []
        self.offsets: dict[Element, int] = {}
        self.size = 0
        self.functions: list[str] = []
        self.needed: set[str] = set()
        self.used: list[dict[Any, int]] = [{}]  # by kernel: what it accesses, and the number of its marks
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
        levels = {level: at for at, level in enumerate(sorted({k.level for k in self.plan.kernels}))}
        of_level: dict[int, list[Element]] = defaultdict(list)
        for kernel in self.plan.kernels:  # those of one level may run at once
            at = levels[kernel.level]
            of_level[at] += [a.element for a in kernel.anchors if a.target is None]
            for a in kernel.anchors:
                if a.target is None and a.kept and a.element not in self.homes:
                    first[a.element] = at
                    last[a.element] = max(last.get(a.element, at), at)
                for x in a.accesses:
                    for e in (x.element, *(d[0] for d in x.dynamic)):
                        last[e] = at
        for e in self.plan.wanted:
            last[e] = len(levels)
        free: list[tuple[int, int]] = []  # (offset, bytes)
        ends: dict[int, list[Element]] = defaultdict(list)
        for e in first:
            ends[last[e]].append(e)
        for at in range(len(levels)):
            for e in [e for e, f in first.items() if f == at]:
                self.offsets[e] = self._take(free, _bytes(e))
            routines = [e for e in of_level[at] if e.kind == "routine"]
            for e in routines:
                self.scratch[e] = self._take(free, e.what.parts * e.what.scratch)
            free += [(self.scratch[e], e.what.parts * e.what.scratch) for e in routines]
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

    def address(self, e: Element) -> tuple[str, str]:
        """Return the register of an array's address, and the marks of who it shares memory with."""
        slot = ("memory", e.what) if e.kind == "memory" else self.homes.get(e)
        if slot is None:
            register = self._base("arena")
            key = ("at", e)
            if key not in self.bases:
                self.entry.append(f"  %a{e.number} = getelementptr i8, ptr {register}, i64 {self.offsets[e]}")
                self.bases[key] = f"%a{e.number}"
            return self.bases[key], self._marks(e)
        return self._base(slot), self._marks(slot)

    def _base(self, slot: Any) -> str:
        if slot not in self.bases:
            place = self.slots[slot]
            self.entry += [
                f"  %t{place} = getelementptr ptr, ptr %table, i64 {place}",
                f"  %p{place} = load ptr, ptr %t{place}",
            ]
            self.bases[slot] = f"%p{place}"
        return self.bases[slot]

    def _marks(self, slot: Any) -> str:
        """Return the marks of an access: it is to nothing that the kernel accesses by another name.

        What is in the arena shares memory with what other kernels have there, so each kernel has marks of its own.
        """
        group = self.used[-1]
        at = group.setdefault(slot, sum(map(len, self.used)))
        if len(group) > 128:  # the lists of all others would be long
            return ""
        return f", !alias.scope !{10 + 3 * at + 1}, !noalias !{10 + 3 * at + 2}"

    # -- pieces --------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        kernels = self.plan.kernels
        last = max((k.level for k in kernels if any(a.target is not None for a in k.anchors)), default=0)
        decided = not self.decisions
        self._open()
        for level, group in itertools.groupby(kernels, key=lambda k: k.level):
            if not decided and last and level >= last:
                self._decide()
                decided = True
            native = []
            for kernel in group:
                head = kernel.anchors[0]
                if head.kind == "call":
                    self._close()
                    self.pieces.append(head.element)
                    self._open()
                else:
                    native.append(kernel)
            self._section(native)
        if not decided:
            self._decide()
        if last:
            self._count()
        self._close()

    def _count(self) -> None:
        """Count the runs that have changed something."""
        base = self._base("runs")
        count = self.w(f"load i64, ptr {base}")
        self.w.do(f"store i64 {self.w(f'add i64 {count}, 1')}, ptr {base}")

    def _open(self) -> None:
        """Begin a function."""
        self.used.append({})
        self.w = Writer()
        self.bases: dict[Any, str] = {}
        self.entry: list[str] = []
        self.scalars: dict[Element, str] = {}
        self.labels = 0

    def _text(self, head: str, end: str) -> str:
        """Return the function that was begun."""
        self.needed |= self.w.needed
        return "\n".join([f"{head} {{", "entry:", *self.entry, "  br label %start", "start:", *self.w.lines, end, "}"])

    def _close(self) -> None:
        """End a piece; one with sections holds the threads while it runs."""
        if not self.w.lines:
            return
        name = f"piece{len(self.pieces)}"
        if ("run",) not in self.bases:
            self.functions.append(self._text(f"define i32 @{name}(ptr noalias %table)", "  ret i32 0"))
        else:
            body = name.replace("piece", "body")
            self.functions.append(self._text(f"define internal i32 @{body}(ptr noalias %table)", "  ret i32 0"))
            self._open()
            begin, end = self._base(("pool", "begin")), self._base(("pool", "end"))
            how = self.w(f"call ptr {begin}()")
            place = self.w(f"getelementptr ptr, ptr %table, i64 {self.slots['run',]}")
            self.w.do(f"store ptr {how}, ptr {place}")
            result = self.w(f"call i32 @{body}(ptr %table)")
            self.w.do(f"call void {end}(ptr {how})")
            self.functions.append(self._text(f"define i32 @{name}(ptr %table)", f"  ret i32 {result}"))
        self.pieces.append(name)

    def _decide(self) -> None:
        self.used.append({})
        for e, outcome in self.decisions:
            truth = self.scalar(e)
            self.labels += 1
            n = self.labels
            here, wrong = (f"G{n}", f"W{n}") if outcome else (f"W{n}", f"G{n}")
            self.w.do(f"br i1 {truth}, label %{here}, label %{wrong}")
            self.w.label(f"W{n}")
            self.w.do("ret i32 1")
            self.w.label(f"G{n}")

    # -- sections ------------------------------------------------------------------------------------------------------

    def _section(self, kernels: Sequence[Kernel]) -> None:
        """Compute kernels that do not need each other: the large ones in parts, which threads share."""
        shared = [k for k in kernels if self.threads > 1 and self.plan.work(k) >= TASK]
        # Less, some 20 us, does not pay for moving memory to another processor: digits took 67 us a step, not 54.
        if sum(map(self.plan.work, shared)) < 6 * GRAIN:
            shared = []
        parts: dict[Kernel, int] = {}
        for k in sorted(shared, key=self.plan.work, reverse=True):
            count = self._parts(k)
            if sum(parts.values()) + count <= LIMIT:
                parts[k] = count
        if sum(parts.values()) < 2:
            parts = {}
        for k in kernels:
            if k not in parts:
                self._kernel(k)
        if not parts:
            return
        names = [(self._task(k, n), n) for k, n in parts.items()]
        name = names[0][0] if len(names) == 1 else self._switch(names)
        self.w.do(f"call void {self._base(('run',))}(ptr @{name}, ptr %table, i64 {sum(parts.values())})")
        for k in parts:
            for a in [a for a in k.anchors if a in self.partial]:
                self._combine(a, parts[k])
            if k.anchors[0].kind == "routine":
                self._add_up(k.anchors[0].element)

    def _kernel(self, kernel: Kernel) -> None:
        """Compute a kernel where it stands."""
        self.used.append({})
        head = kernel.anchors[0]
        if head.kind == "dot":
            product = Product(head.element, 1, self.blocks_are_fast)  # BLAS may share it as it likes
            if product.parts == 1:
                self._multiply(product, "0")
            else:
                with self._times(product.parts) as part:
                    self._multiply(product, part)
        elif head.kind == "routine":
            with self._times(head.element.what.parts) as part:
                self._routine(head.element, part)
            self._add_up(head.element)
        elif head.parts:
            for written in head.parts:
                self.used.append({})
                self._loops(Kernel(kernel.level, written.domain, [written]))
        else:
            self._loops(kernel)

    def _parts(self, kernel: Kernel) -> int:
        """Return into how many parts a kernel is cut, by its outer loop; that depends on its size alone."""
        head, domain = kernel.anchors[0], kernel.domain
        if head.kind == "dot":
            return math.ceil(self._product(head.element).parts / self._together(head.element))
        if head.kind == "routine":
            return int(head.element.what.parts)
        if head.parts:
            return 1
        first, *others = _merged(domain, kernel.anchors)
        size = math.prod(domain[d] for d in first)
        sums = [a for a in kernel.anchors if a.is_reduction and _reduces(a, first[0])]
        most = math.prod(domain) // (4 * sum(a.element.size for a in sums)) if sums else MOST
        parts = max(min(self.plan.work(kernel) // GRAIN, MOST, most, size), 1)
        even = 1 if others else EVEN
        parts = next((n for n in range(parts, parts // 2, -1) if size % (n * even) == 0), parts)
        chunk = -(-size // (parts * even)) * even
        self.chunks[kernel], parts = chunk, -(-size // chunk)
        if parts > 1:
            for a in sums:
                bytes_ = -(-a.element.size * 8 // 64) * 64
                self.partial[a] = self.size, bytes_
                self.size += parts * bytes_
        return parts

    def _task(self, kernel: Kernel, parts: int) -> str:
        """Write a function that computes one part of a kernel, and return its name."""
        outside = self.w, self.bases, self.entry, self.scalars, self.labels
        self.used.append({})
        self._open()
        head = kernel.anchors[0]
        if head.kind == "dot":
            product = self._product(head.element)
            start, size = self._span("%part", self._together(head.element), product.parts)
            if size == "1":
                self._multiply(product, start)
            else:
                with self._times(self.w(f"add i64 {start}, {size}"), start) as block:
                    self._multiply(product, block)
        elif head.kind == "routine":
            self._routine(head.element, "%part")
        elif parts == 1:
            self._kernel(kernel)
        else:
            self._loops(kernel, self.chunks[kernel])
        name = f"task{len(self.functions)}"
        self.functions.append(self._text(f"define internal void @{name}(ptr noalias %table, i64 %part)", "  ret void"))
        self.w, self.bases, self.entry, self.scalars, self.labels = outside
        return name

    def _switch(self, tasks: Sequence[tuple[str, int]]) -> str:
        """Write a function that computes one part of several kernels, and return its name."""
        name, lines, part = f"task{len(self.functions)}", [], "%part"
        for k, (task, count) in enumerate(tasks):
            lines += [
                f"  %c{k} = icmp slt i64 {part}, {count}", f"  br i1 %c{k}, label %T{k}, label %N{k}", f"T{k}:",
                f"  call void @{task}(ptr %table, i64 {part})", "  ret void", f"N{k}:",
                f"  %q{k} = sub i64 {part}, {count}",
            ]  # fmt: skip
            part = f"%q{k}"
        head = f"define internal void @{name}(ptr %table, i64 %part) {{"
        self.functions.append("\n".join([head, *lines, "  ret void", "}"]))
        return name

    def _combine(self, a: Anchor, parts: int) -> None:
        """Join the sums of all parts, in their order."""
        self.used.append({})
        w, (offset, bytes_), name = self.w, self.partial[a], a.element.what[0]
        wide, kind, arena = _wide(a), TYPES[a.element.dtype.name], self._base("arena")
        base, marks = self.address(a.element)
        if _is_whole(a):
            at = [w(f"getelementptr i8, ptr {arena}, i64 {offset + p * bytes_}") for p in range(parts)]
            value, *others = [w(f"load {wide}, ptr {x}") for x in at]
            for x in others:
                value = self._joined(name, wide, value, x)
            self.scalars[a.element] = value = w.cast(value, wide, kind)
            self._store(base, marks, a.element.dtype, "0", value)
            return
        with self._times(a.element.size) as i:
            for p in range(parts):
                start = w(f"getelementptr i8, ptr {arena}, i64 {offset + p * bytes_}")
                x = self._fetch(start, self._marks("arena"), a.element.dtype, i)
                value = self._joined(name, kind, value, x) if p else x
            self._store(base, marks, a.element.dtype, i, value)

    @contextmanager
    def _times(self, count: int | str, start: str = "0") -> Iterator[str]:
        """Repeat what is written, for an index from a start to below a count, at least once."""
        self.labels += 1
        n, w = self.labels, self.w
        w.do(f"br label %P{n}")
        w.label(f"P{n}")
        w.do(f"br label %L{n}")
        w.label(f"L{n}")
        w.do(f"%i{n} = phi i64 [ {start}, %P{n} ], [ %j{n}, %T{n} ]")
        yield f"%i{n}"
        w.do(f"br label %T{n}")
        w.label(f"T{n}")
        w.do(f"%j{n} = add nuw nsw i64 %i{n}, 1")
        w.do(f"%c{n} = icmp eq i64 %j{n}, {count}")
        w.do(f"br i1 %c{n}, label %E{n}, label %L{n}")
        w.label(f"E{n}")

    # -- elements ------------------------------------------------------------------------------------------------------

    def scalar(self, e: Element) -> str:
        """Return the register of a number that is the same in all loops."""
        if e not in self.scalars:
            if e.kind == "literal":
                self.scalars[e] = number(e.what, TYPES[e.dtype.name])
            else:
                self.scalars[e] = self._load(e, "0")
        return self.scalars[e]

    def _load(self, e: Element, offset: str) -> str:
        if e.kind == "option":
            return self._fetch(self._base("options"), self._marks("options"), e.dtype, str(e.what))
        return self._fetch(*self.address(e), e.dtype, offset)

    def _fetch(self, base: str, marks: str, dtype: Any, offset: str) -> str:
        """Load a number."""
        kind = stored(dtype)
        at = base if offset == "0" else self.w(f"getelementptr inbounds {kind}, ptr {base}, i64 {offset}")
        x = self.w(f"load {kind}, ptr {at}{marks}")
        return self.w(f"trunc i8 {x} to i1") if kind == "i8" else x

    def _store(self, base: str, marks: str, dtype: Any, offset: str, value: str) -> None:
        kind = stored(dtype)
        at = base if offset == "0" else self.w(f"getelementptr inbounds {kind}, ptr {base}, i64 {offset}")
        if kind == "i8":
            value = self.w(f"zext i1 {value} to i8")
        self.w.do(f"store {kind} {value}, ptr {at}{marks}")

    # -- loops ---------------------------------------------------------------------------------------------------------

    def _loops(self, kernel: Kernel, chunk: int = 0) -> None:
        """Write the loops of a kernel, or with a chunk those turns of the outer one that are a part.

        A reduction is kept in a register where the loops outside of it are those that its result is kept for; another
        one adds to memory at each turn.
        """
        domain = kernel.domain
        anchors = sorted(kernel.anchors, key=lambda a: (a.element.number, a.target is not None))
        self.here = {a.element: a for a in anchors if a.target is None}
        if not domain:
            self._straight(anchors)
            return
        self.merged, self.chunked = _merged(domain, anchors), bool(chunk)
        sizes = [math.prod(domain[d] for d in group) for group in self.merged]
        start, end = self._range(sizes[0], chunk)
        kept = {
            a: [g for g, group in enumerate(self.merged) if not _reduces(a, group[0])]
            for a in anchors
            if a.is_reduction
        }
        depths = {a: len(groups) for a, groups in kept.items() if groups == list(range(len(groups)))}
        self.sums = {a: self._sum(a, bool(chunk)) for a in kept}
        for a in kept:
            if a not in depths or not math.prod(sizes):
                each = a.element.size // sizes[0] if 0 in kept[a] and chunk else 0
                self._clear(a, *((self._scaled(start, each), self._scaled(end, each)) if each else ()))
        if math.prod(sizes):
            self.loop: list[str] = []
            self.cells = {a: self._cell(a) for a in depths}
            self.memo: dict[Any, str] = {}
            self._nest(anchors, depths, [(start, end), *(("0", str(n)) for n in sizes[1:])], domain)

    def _nest(
        self, anchors: Sequence[Anchor], depths: dict[Anchor, int], ranges: Sequence[tuple[str, str]], domain: Any
    ) -> None:
        """Write loops one inside the other: sums begin and end where their result is one number."""
        here = [a for a, depth in depths.items() if depth == len(self.loop)]
        for a in here:
            kind = _wide(a)
            self.w.do(f"store {kind} {_start(a, kind)}, ptr {self.cells[a]}")
        if ranges:
            with self._times(ranges[0][1], ranges[0][0]) as i:
                self.loop.append(i)
                self._nest(anchors, depths, ranges[1:], domain)
            self.loop.pop()
        else:
            for a in anchors:
                self._anchor(a, self.cells.get(a), domain)
        for a in here:
            self._finish(a, self.cells[a])

    def _range(self, size: int, chunk: int) -> tuple[str, str]:
        """Return from where to where the outer loop goes in this part."""
        if not chunk:
            return "0", str(size)
        start = self._scaled("%part", chunk)
        end = self.w(f"add nuw nsw i64 {start}, {chunk}")
        return start, end if size % chunk == 0 else self.w.call("llvm.smin.i64", "i64", end, str(size))

    def _scaled(self, register: str, step: int) -> str:
        return register if step == 1 else self.w(f"mul nuw nsw i64 {register}, {step}")

    def _sum(self, a: Anchor, in_part: bool) -> tuple[str, str]:
        """Return where a reduction's result goes: into its array, or into this part's own."""
        if not in_part or a not in self.partial:
            return self.address(a.element)
        offset, bytes_ = self.partial[a]
        first = self.w(f"getelementptr i8, ptr {self._base('arena')}, i64 {offset}")
        return self.w(f"getelementptr i8, ptr {first}, i64 {self._scaled('%part', bytes_)}"), self._marks("arena")

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
                self._store(self._base(a.target), self._marks(a.target), a.element.dtype, "0", value)
                continue
            self.scalars[a.element] = value
            self._keep_scalar(a, value)

    def _keep_scalar(self, a: Anchor, value: str) -> None:
        """Store a number that is a result, that loops read as an array, or that another function needs."""
        if a.kept:
            base, marks = self.address(a.element)
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
                    (self._base(a.target), self._marks(a.target)) if a.target is not None else self.address(a.element)
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
        (base, marks), offset = self.sums[a], self._offset(0, _kept_steps(a, domain))
        before = self._fetch(base, marks, a.element.dtype, offset)
        self._store(base, marks, a.element.dtype, offset, self._joined(name, kind, before, value))

    def _put(self, a: Anchor, at: Access, value: str) -> None:
        """Write a value into an array, or add it to what stands there."""
        e = a.element
        offset = self._offset(at.start, at.steps, self._keys(at))
        if e.what[0] and a.written is not e.args[0]:
            value = self._joined("add", TYPES[e.dtype.name], self._load(e, offset), value)
        self._store(*self.address(e), e.dtype, offset, value)

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
        """Store a sum that is complete, or a part's share of it."""
        wide, kind = _wide(a), TYPES[a.element.dtype.name]
        total, (base, marks) = self.w(f"load {wide}, ptr {cell}"), self.sums[a]
        if a in self.partial and self.chunked:
            self.w.do(f"store {wide} {total}, ptr {base}{marks}")
            return
        value = self.w.cast(total, wide, kind)
        if not _is_whole(a):
            self._store(base, marks, a.element.dtype, self._offset(0, _kept_steps(a, a.domain)), value)
            return
        self.scalars[a.element] = value
        self._store(base, marks, a.element.dtype, "0", value)

    def _clear(self, a: Anchor, start: str = "0", end: str = "") -> None:
        """Fill the sums of a reduction with what they start from."""
        base, marks = self.sums[a]
        with self._times(end or str(max(a.element.size, 1)), start) as i:
            self._store(base, marks, a.element.dtype, i, _start(a, TYPES[a.element.dtype.name]))
        if not a.element.shape:
            self.scalars.pop(a.element, None)

    # -- what stands at an index ---------------------------------------------------------------------------------------

    def _offset(self, start: int, steps: tuple[int, ...], dynamic: Sequence[tuple[str, int]] = ()) -> str:
        w, terms = self.w, []
        for group, i in zip(self.merged, self.loop, strict=False):  # a sum's place depends on outer loops alone
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
            value = self._read(access(e.args[0], index, rank, e.shape))
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
        return self._load(e, self._offset(x.start, x.steps, self._keys(x)))

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

    def _product(self, e: Element) -> Product:
        return Product(e, self.threads, self.blocks_are_fast)

    def _together(self, e: Element) -> int:
        """Return how many blocks of a product a part computes."""
        return math.ceil(self._product(e).parts / MOST_BLOCKS)

    def _multiply(self, p: Product, part: str) -> None:
        """Compute a part of a product: a block of it, or some products of a batch."""
        w, count = self.w, p.down * p.across
        batch = part if count == 1 else w(f"udiv i64 {part}, {count}") if p.batch > 1 else "0"
        block = "0" if count == 1 else w(f"urem i64 {part}, {count}") if p.batch > 1 else part
        inner = p.across if p.n > p.m else p.down  # a thread goes on along the shorter side, over memory it has read
        slow, fast = "0" if count == inner else block, "0" if inner == 1 else block
        if slow == fast == block:
            slow, fast = w(f"udiv i64 {block}, {inner}"), w(f"urem i64 {block}, {inner}")
        row, column = (slow, fast) if p.n > p.m else (fast, slow)
        row, rows = self._span(row, p.rows, p.n)
        column, columns = self._span(column, p.columns, p.m)
        if p.batch == 1:
            self._call_blas(p, "0", row, rows, column, columns)
        elif p.together == 1:
            self._call_blas(p, batch, row, rows, column, columns)
        else:
            start, size = self._span(batch, p.together, p.batch)
            with self._times(w(f"add i64 {start}, {size}"), start) as one:
                self._call_blas(p, one, row, rows, column, columns)

    def _span(self, index: str, step: int, size: int) -> tuple[str, str]:
        """Return where the span of an index starts, and how long it is."""
        if index == "0":
            return "0", str(min(step, size))
        start = self._scaled(index, step)
        if size % step == 0:
            return start, str(step)
        return start, self.w.call("llvm.smin.i64", "i64", self.w(f"sub i64 {size}, {start}"), str(step))

    def _call_blas(self, p: Product, one: str, row: str, rows: str, column: str, columns: str) -> None:
        """Multiply a block of A by one of B: C = A B, and C += A B for what follows along the k products."""
        w, e, i = self.w, p.element, self.integer
        kind = stored(e.dtype)
        f, (a, _), (b, _) = self._base(("gemm", kind)), self.address(p.a.source), self.address(p.b.source)
        c = self._at(self.address(e)[0], kind, 0, (one, p.n * p.m), (row, p.m), (column, 1))
        if i == "i32":
            rows, columns = (x if x.isdigit() else w(f"trunc i64 {x} to i32") for x in (rows, columns))
        for k in range(0, p.k, p.depth):
            x = self._at(a, kind, p.a.start + k * p.a.columns, (one, p.a.leap), (row, p.a.rows))
            y = self._at(b, kind, p.b.start + k * p.b.rows, (one, p.b.leap), (column, p.b.columns))
            w.do(
                f"call void {f}(i32 101, i32 {p.how_a[0]}, i32 {p.how_b[0]}, {i} {rows}, {i} {columns}, "
                f"{i} {min(p.depth, p.k - k)}, {kind} {number(1, kind)}, ptr {x}, {i} {p.how_a[1]}, "
                f"ptr {y}, {i} {p.how_b[1]}, {kind} {number(int(k > 0), kind)}, ptr {c}, {i} {p.m})"
            )

    def _at(self, base: str, kind: str, start: int, *steps: tuple[str, int]) -> str:
        """Return an address: so many elements from a start along each of some steps."""
        found = self.w(f"getelementptr {kind}, ptr {base}, i64 {start}") if start else base
        for index, step in steps:
            if index != "0" and step:
                found = self.w(f"getelementptr {kind}, ptr {found}, i64 {self._scaled(index, step)}")
        return found

    # -- routines ------------------------------------------------------------------------------------------------------

    def _routine(self, e: Element, part: str) -> None:
        """Call the native function of a routine for a part of its images."""
        w, what = self.w, e.what
        name = self.routines.setdefault(what, f"routine{len(self.routines)}")
        scratch = self._own(e, part)
        if what.parts == 1:
            first, last = "0", str(what.batch)
        else:
            first = w(f"mul i64 {part}, {what.chunk}")
            last = w.call("llvm.smin.i64", "i64", w(f"add i64 {first}, {what.chunk}"), str(what.batch))
        y = scratch if what.adds_up else self.address(e)[0]
        addresses = [y, scratch, *(self.address(a)[0] for a in e.args)]
        w.do(f"call void @{name}({', '.join(f'ptr {a}' for a in addresses)}, i64 {first}, i64 {last})")

    def _own(self, e: Element, part: str) -> str:
        """Return the address of the memory that a part of a routine has for itself."""
        base = self.w(f"getelementptr i8, ptr {self._base('arena')}, i64 {self.scratch[e]}")
        return self.w(f"getelementptr i8, ptr {base}, i64 {self._scaled(part, e.what.scratch)}")

    def _add_up(self, e: Element) -> None:
        """Add the sums of all parts, in their order."""
        if not e.what.adds_up:
            return
        self.used.append({})
        base, marks = self.address(e)
        own = [self._own(e, str(part)) for part in range(e.what.parts)]
        with self._times(e.size) as i:
            total = self._fetch(own[0], self._marks("arena"), e.dtype, i)
            for at in own[1:]:
                total = self._joined(
                    "add", TYPES[e.dtype.name], total, self._fetch(at, self._marks("arena"), e.dtype, i)
                )
            self._store(base, marks, e.dtype, i, total)

    def text(self) -> str:
        """Return the whole module."""
        scopes = ["!0 = distinct !{!0}"]
        for group in self.used:
            for at in group.values():
                others = ", ".join(f"!{10 + 3 * o}" for o in group.values() if o != at)
                scopes.append(f"!{10 + 3 * at} = distinct !{{!{10 + 3 * at}, !0}}")
                scopes.append(f"!{10 + 3 * at + 1} = !{{!{10 + 3 * at}}}")
                scopes.append(f"!{10 + 3 * at + 2} = !{{{others}}}")
        routines = []
        for what, name in self.routines.items():
            w = what.routine()
            self.needed |= w.needed
            routines.append(w.text(name))
        return "\n\n".join([*self.functions, *routines, definitions(self.needed), "\n".join(scopes)]) + "\n"


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


def _is_whole(a: Anchor) -> bool:
    """Tell whether a reduction leaves a single number."""
    return all(_reduces(a, d) for d in range(len(a.domain)))


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
