"""Fusion: which elements are kept in memory, and which are computed in one loop."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .element import Element, Graph

Shape = tuple[int, ...]

#: Functions that cost more than a load and a store: computed once where several loops need them.
DEAR = {
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
    "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "power", "logaddexp",
}  # fmt: skip


#: Loads, stores and operations of a loop that are worth a part of its own for another thread, some three microseconds.
GRAIN = 1 << 16

#: And those of a kernel that is a part as a whole, beside others.
TASK = GRAIN // 2

#: What a loop of its own, or a call, computes.
SINGLE = ("dot", "call", "place", "routine")
#: What reads arrays as they stand in memory.
BY_ADDRESS = ("dot", "call", "routine")


@dataclass(eq=False)
class Access:
    """A read of an array in a loop: at `start`, plus `steps` times the loop's indices, plus indices in memory."""

    element: Element
    start: int
    steps: tuple[int, ...]
    dynamic: tuple[tuple[Element, Any, int, int], ...] = ()  # (index element, its place, its stride, the dimension)

    def is_identity(self, domain: Shape) -> bool:
        """Tell whether it goes through the array as the loop goes through its domain."""
        return (
            not self.dynamic
            and not self.start
            and self.steps == row_major(domain)
            and self.element.size == math.prod(domain)
        )


def row_major(shape: Shape) -> Shape:
    """Return how many elements lie between neighbours along each dimension."""
    steps: list[int] = []
    n = 1
    for size in reversed(shape):
        steps.append(n)
        n *= size
    return tuple(reversed(steps))


@dataclass(eq=False)
class Anchor:
    """What a loop is for: a value that is kept, or a store into memory that others see.

    Attributes
    ----------
    element : Element
    target : object or None
        The slot that a store writes into.
    domain : tuple of int
        What its loop runs over, without dimensions of size 1.
    """

    element: Element
    target: Any = None
    level: int = 0
    domain: Shape = ()
    accesses: list[Access] = field(default_factory=list)
    kept: bool = False  # in memory, because other loops read it
    parts: list[Anchor] = field(default_factory=list)  # of a place: what is written into it, one after the other
    written: Element | None = None  # of a part: the values
    at: Access | None = None  # and where they go

    @property
    def kind(self) -> str:
        """The kind of element that is computed, or "store"."""
        return self.element.kind if self.target is None else "store"

    @property
    def is_reduction(self) -> bool:
        """Whether it is complete only after its loop."""
        return self.kind == "reduce"

    @property
    def body(self) -> Element:
        """What the loop computes at each index."""
        return self.written or (self.element.args[0] if self.is_reduction else self.element)


@dataclass(eq=False)
class Kernel:
    """Loops over one domain, or a call."""

    level: int
    domain: Shape
    anchors: list[Anchor]


Place = tuple[int, tuple[int, ...]]  # an index: a number plus steps times the loop's indices


class Plan:
    """What is computed in which order.

    Parameters
    ----------
    graph : Graph
    stores : list of (slot, Element)
        What is written into memory that is read before, at the end.
    results : list of Element
        What else is wanted in memory.
    decisions : list of Element
        Numbers that are wanted before the stores.
    """

    def __init__(
        self,
        graph: Graph,
        stores: Sequence[tuple[Any, Element]],
        results: Sequence[Element],
        decisions: Sequence[Element],
    ) -> None:
        self.graph = graph
        roots = [e for _, e in stores] + [*results, *decisions]
        self.elements = _reachable(roots)
        self.users: dict[Element, list[Any]] = defaultdict(list)
        for e in self.elements:
            for a in e.args:
                self.users[a].append(e)
        for e in roots:
            self.users[e].append(None)
        self.wanted = {*results, *decisions}
        forced = self._forced([*results, *decisions])
        self.early: set[Element] = set()  # what must be computed before anything is stored
        self._plan(forced, stores)
        while overwritten := self._overwritten():
            self.early |= overwritten
            self._plan(forced | self.early, stores)
        self._keep()

    def _overwritten(self) -> set[Element]:
        """Return what is computed beside the stores from memory that another loop, or another turn, overwrites."""
        targets = {s.target: s for s in self.stores}
        kernel_of = {a: k for k in self.kernels for a in k.anchors}
        found = set()
        for a, kernel in kernel_of.items():
            if not self.stores or a.level < self.stores[0].level:
                continue
            for x in a.accesses:
                other = targets.get(("memory", x.element.what)) if x.element.kind == "memory" else None
                if other is not None and (kernel_of[other] is not kernel or not x.is_identity(a.domain)):
                    found.add(a.element)
        return {e for e in found if e not in self.early and e.kind not in ("memory", "literal", "option")}

    def _plan(self, forced: set[Element], stores: Sequence[tuple[Any, Element]]) -> None:
        self.anchors = {e: Anchor(e) for e in self.elements if e in forced}
        self.stores = [Anchor(e, target=slot) for slot, e in stores]
        for a in self.anchors.values():
            self._analyse(a)
        last = max((a.level for a in self.anchors.values()), default=0)
        for s in self.stores:
            self._analyse(s)
            s.level = last + 1
        self._sink()
        self.kernels = self._kernels()
        self._works: dict[Kernel, int] = {}

    def _keep(self) -> None:
        """Find out what is read by other loops than the one that computes it, and so must be in memory."""
        # several functions read numbers from memory, not from a register
        parted = any(e.kind == "call" for e in self.elements) or any(self.work(k) >= TASK for k in self.kernels)
        for a in self.anchors.values():
            a.kept = a.element in self.wanted or a.is_reduction or a.element.kind in SINGLE
            a.kept = a.kept or (parted and not a.domain)
        for k in self.kernels:
            for a in k.anchors:
                by_address = a.kind in BY_ADDRESS
                for x in a.accesses:
                    other = self.anchors.get(x.element)
                    if other is None or (not other.domain and not by_address and not x.dynamic):
                        continue
                    if by_address or other not in k.anchors or not x.is_identity(k.domain):
                        other.kept = True

    def work(self, kernel: Kernel) -> int:
        """Return about how many loads, stores and operations a kernel takes; one is some 0.05 ns in the caches."""
        if kernel not in self._works:
            self._works[kernel] = self._work(kernel)
        return self._works[kernel]

    def _work(self, kernel: Kernel) -> int:
        head = kernel.anchors[0]
        if head.kind == "dot":  # whose loops are BLAS's
            return head.element.size * head.element.args[0].shape[-1] // 4
        if head.kind == "routine":
            return int(head.element.what.work)
        if not kernel.domain or head.kind == "call":
            return 0
        if head.parts:
            return sum(2 * math.prod(p.domain) for p in head.parts)
        seen: set[Element] = set()
        accesses = {(x.element, x.start, x.steps) for a in kernel.anchors for x in a.accesses}
        ops = sum(self._operations(a.body, seen, a.target is None) + 1 for a in kernel.anchors)
        return math.prod(kernel.domain) * (len(accesses) + ops)

    def _operations(self, e: Element, seen: set[Element], top: bool) -> int:
        """Return what computing an element takes beyond loads and stores."""
        if e in seen or (e in self.anchors and not top) or e.kind in ("memory", "literal", "option", "reshape"):
            return 0
        seen.add(e)
        return price(e) + sum(self._operations(a, seen, False) for a in e.args)

    # -- what is kept --------------------------------------------------------------------------------------------------

    def _forced(self, results: Sequence[Element]) -> set[Element]:
        forced = {e for e in self.elements if e.kind in ("reduce", *SINGLE)}
        forced |= {e for e in results if e.kind not in ("memory", "literal", "option")}
        cost: dict[Element, int] = {}
        for e in self.elements:
            if e.kind in BY_ADDRESS:
                for a in e.args:
                    force(forced, operand(a)[0] if e.kind == "dot" and operand(a) else a)
            elif e.kind == "reshape" or e.kind == "take":
                force(forced, e.args[0])
            elif e.kind == "view" and e.size > e.args[0].size:
                force(forced, e.args[0], computed=True)
            elif e.kind == "map":
                for a in e.args:
                    if a.size < e.size:
                        force(forced, a, computed=True)
        for e in self.elements:
            if e in forced or e.kind in ("memory", "literal", "option"):
                cost[e] = 0
            else:
                cost[e] = sum(cost[a] for a in e.args) + price(e)
                shared = len(set(self.users[e])) > 1 and cost[e] > 8
                if e.kind == "map" and (shared or cost[e] > 200):  # or a long chain
                    forced.add(e)
                    cost[e] = 0
        return forced

    # -- what each loop reads ------------------------------------------------------------------------------------------

    def _analyse(self, a: Anchor) -> None:
        """Find what an anchor reads, and when that is there."""
        if a.kind in BY_ADDRESS:
            for e in a.element.args:
                source = operand(e)[0] if a.element.kind == "dot" and operand(e) else e
                a.accesses.append(Access(source, 0, ()))
            a.level = 1 + max((self._level(x.element) for x in a.accesses), default=0)
            return
        if a.kind == "place":
            self._analyse_parts(a)
            return
        body = a.body
        a.domain = tuple(n for n in body.shape if n != 1)
        seen: set[Any] = set()
        top = a.target is None and not a.is_reduction
        self._read(body, first_index(body.shape), len(a.domain), a.accesses, seen, top)
        a.level = 1
        for x in a.accesses:
            other = self.anchors.get(x.element)
            if other is not None:
                joins = not other.is_reduction and other.element.kind not in SINGLE
                joins = joins and other.domain == a.domain and x.is_identity(a.domain)
                a.level = max(a.level, other.level + (not joins))

    def _analyse_parts(self, a: Anchor) -> None:
        """Find what an array that others are written into reads: one loop fills it, and one writes each part."""
        e, at = a.element, 1
        _, axis, parts = e.what
        whole = tuple((0, 1, d) for d in range(len(e.shape)))
        found: list[Any] = [] if axis is not None else [(e.args[0], (), whole)]
        for count, places in parts:
            found.append((e.args[at], e.args[at + 1 : at + 1 + count], places))
            at += 1 + count
        for values, keys, places in found:
            part = Anchor(e, written=values, domain=tuple(n for n in values.shape if n != 1))
            index, rank = first_index(values.shape), len(part.domain)
            seen: set[Any] = set()
            for x in (values, *keys):
                self._read(x, index, rank, part.accesses, seen, top=False)
            part.at = located(e, places, keys, index, rank)
            a.parts.append(part)
            a.accesses += part.accesses
        a.domain = tuple(n for n in e.shape if n != 1)
        a.level = 1 + max((self._level(x.element) for x in a.accesses), default=0)

    def _level(self, e: Element) -> int:
        return self.anchors[e].level if e in self.anchors else 0

    def _read(
        self, e: Element, index: tuple[Place, ...], rank: int, found: list[Access], seen: set[Any], top: bool
    ) -> None:
        if (e, index) in seen:
            return
        seen.add((e, index))
        if e.kind in ("literal", "option"):
            return
        if e.kind == "memory" or (e in self.anchors and not top):
            found.append(access(e, index, rank))
            return
        if e.kind == "take":
            found.append(taken(e, index, rank))
        for x, at in parts(e, index, rank):
            if isinstance(at, int):
                found.append(access(x, index, rank, e.shape))
            else:
                self._read(x, at, rank, found, seen, top=False)

    def _sink(self) -> None:
        """Move what a single loop needs into that loop."""
        readers: dict[Anchor, list[tuple[Anchor, Access]]] = defaultdict(list)
        every = [*self.anchors.values(), *self.stores]
        for a in every:
            for x in a.accesses:
                if x.element in self.anchors:
                    readers[self.anchors[x.element]].append((a, x))
        for a in reversed(self.anchors.values()):
            if a.is_reduction or a.element.kind in SINGLE or not readers[a] or None in self.users[a.element]:
                continue
            if a.element in self.early:
                continue
            levels = {r.level for r, _ in readers[a]}
            fits = all(r.domain == a.domain and x.is_identity(a.domain) and r.kind not in SINGLE for r, x in readers[a])
            if len(levels) == 1 and fits:
                a.level = max(a.level, levels.pop())

    # -- which loops there are -----------------------------------------------------------------------------------------

    def _kernels(self) -> list[Kernel]:
        groups: dict[Any, list[Anchor]] = defaultdict(list)
        for a in [*self.anchors.values(), *self.stores]:
            single = a.kind in SINGLE
            groups[(a.level, a.domain, a.element.number if single else -1)].append(a)
        kernels = []
        for (level, domain, _), anchors in groups.items():
            for component in _components(anchors) if domain else [anchors]:
                kernels.append(Kernel(level, domain, component))
        return sorted(
            kernels, key=lambda k: (k.level, k.anchors[0].element.kind != "call", k.anchors[0].element.number)
        )


def price(e: Element) -> int:
    """Return what a function of one element costs, in additions."""
    return 12 if e.what in DEAR else 4 if e.what in ("divide", "sqrt") else 1


def force(forced: set[Element], e: Element, computed: bool = False) -> None:
    """Keep an element, or what it views; if only what is computed is meant, nothing that costs no more than a load."""
    while computed and e.kind == "view":
        e = e.args[0]
    if e.kind not in ("memory", "literal", "option"):
        forced.add(e)


def _reachable(roots: Sequence[Element]) -> list[Element]:
    found, queue = set(roots), [*roots]
    while queue:
        for a in queue.pop().args:
            if a not in found:
                found.add(a)
                queue.append(a)
    return sorted(found, key=lambda e: e.number)


def _components(anchors: list[Anchor]) -> list[list[Anchor]]:
    """Part anchors into those that read something large in common."""
    owner: dict[Any, int] = {}
    group = list(range(len(anchors)))

    def find(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for i, a in enumerate(anchors):
        full = math.prod(a.domain)
        for e in [a.element, *(x.element for x in a.accesses if x.element.size >= full)]:
            if e in owner:
                group[find(i)] = find(owner[e])
            else:
                owner[e] = i
    parted: dict[int, list[Anchor]] = defaultdict(list)
    for i, a in enumerate(anchors):
        parted[find(i)].append(a)
    return list(parted.values())


# -- indices -----------------------------------------------------------------------------------------------------------


def first_index(shape: Shape) -> tuple[Place, ...]:
    """Return the index at which a loop over an array's shape, without dimensions of size 1, looks at the array."""
    rank = sum(n != 1 for n in shape)
    index: list[Place] = []
    for n in shape:
        steps = [0] * rank
        if n != 1:
            steps[sum(len(p[1]) > 0 and any(p[1]) for p in index)] = 1
        index.append((0, tuple(steps)))
    return tuple(index)


def parts(e: Element, index: tuple[Place, ...], rank: int) -> Iterator[tuple[Element, Any]]:
    """Yield what an element at an index is computed from, each at its index; of a reshaped array 0, for flat."""
    zero: Place = (0, (0,) * rank)
    if e.kind == "map":
        for a in e.args:
            own = index[len(index) - len(a.shape) :]
            yield a, tuple(zero if n == 1 else i for n, i in zip(a.shape, own, strict=True))
    elif e.kind == "view":
        (a,) = e.args
        yield a, tuple(placed(p, index, rank) for p in e.what)
    elif e.kind == "reshape":
        yield e.args[0], 0
    elif e.kind == "take":
        for a in e.args[1:]:
            yield a, index
    else:
        raise AssertionError(e.kind)


def placed(place: Any, index: tuple[Place, ...], rank: int) -> Place:
    """Return where along a dimension a view looks."""
    start, step, d = place
    if d is None:
        return start, (0,) * rank
    at, steps = index[d]
    return start + step * at, tuple(step * s for s in steps)


def access(e: Element, index: tuple[Place, ...], rank: int, shape: Shape | None = None) -> Access:
    """Return the read of an array at an index, or at one of the shape in which it is looked at."""
    start, steps = 0, [0] * rank
    for stride, (at, by) in zip(row_major(e.shape if shape is None else shape), index, strict=True):
        start += stride * at
        steps = [s + stride * b for s, b in zip(steps, by, strict=True)]
    return Access(e, start, tuple(steps))


def taken(e: Element, index: tuple[Place, ...], rank: int) -> Access:
    """Return the read of an array at indices that are arrays."""
    return located(e.args[0], e.what, e.args[1:], index, rank)


def located(
    array: Element, places: tuple[Any, ...], keys: Sequence[Element], index: tuple[Place, ...], rank: int
) -> Access:
    """Return what of an array lies at places; see `Graph._places`."""
    start, steps, dynamic = 0, [0] * rank, []
    for d, (stride, place) in enumerate(zip(row_major(array.shape), places, strict=True)):
        if isinstance(place, int):
            dynamic.append((keys[place], index, stride, d))
            continue
        at, by = placed(place, index, rank)
        start += stride * at
        steps = [s + stride * b for s, b in zip(steps, by, strict=True)]
    return Access(array, start, tuple(steps), tuple(dynamic))


def operand(e: Element) -> Any:
    """Return what a matrix, or each of a batch, is in memory: array, start, strides of batch, rows and columns."""
    batch = len(e.shape) - 2
    viewed = e.args[0] if e.kind == "view" else e
    strides = row_major(viewed.shape)
    source = viewed.args[0] if viewed.kind == "reshape" else viewed  # what is reshaped is kept, row by row
    if e.kind != "view":
        return source, 0, strides[0] if batch else 0, strides[-2], strides[-1]
    start, by = 0, [0] * len(e.shape)
    if source.kind in ("literal", "option"):
        return None
    for stride, (at, step, d) in zip(strides, e.what, strict=True):
        start += stride * at
        if d is not None:
            by[d] += stride * step
    rows, columns = by[-2], by[-1]
    n, m = e.shape[-2:]
    if not ((columns == 1 or m == 1) and (rows >= m or n == 1)) and not (
        (rows == 1 or n == 1) and (columns >= n or m == 1)
    ):
        return None
    return source, start, by[0] if batch else 0, rows, columns
