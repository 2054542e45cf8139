"""Native pooling: a loop over all windows, with the elements of a window written out.

Where the edges cut windows off, loops run over those windows alone, so that no loop asks where it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..table import TABLE
from .convolution import Side
from .element import Element, Graph, UnsayableError
from .functions import number
from .routine import Routine, Scheme

Sizes = tuple[int, ...]
Member = tuple[int, int, int]  # an element of a window: its number, and how far from the first it lies on both sides

#: Windows of more elements are NumPy's, which has long rows to work on there.
MANY = 64


@dataclass(frozen=True)
class Pooling(Scheme):
    """What is left of windows, or what goes back to them.

    Attributes
    ----------
    name : str
        One of `BODIES`.
    batch : int
        Over how many images windows slide.
    down, across : Side
        How they lie.
    dtype : dtype
        Of the elements.
    """

    name: str
    batch: int
    down: Side
    across: Side
    dtype: Any

    @property
    def scratch(self) -> int:
        """The bytes beside arguments and result: what a window without elements adds to nothing."""
        return 64

    @property
    def flops(self) -> int:
        """The floating-point operations."""
        return self.batch * self.windows * len(self.down.taps) * len(self.across.taps)

    @property
    def work(self) -> int:
        """About how many loads, stores and operations it takes."""
        return 3 * self.flops + self.batch * self.elements

    @property
    def elements(self) -> int:
        """The elements of an image."""
        return self.down.size * self.across.size

    @property
    def windows(self) -> int:
        """The windows over an image."""
        return self.down.places * self.across.places

    @property
    def are_apart(self) -> bool:
        """Whether no element is in two windows."""
        return all(s.stride > s.taps[-1][1] - s.taps[0][1] for s in (self.down, self.across))

    @property
    def are_everywhere(self) -> bool:
        """Whether windows that are apart leave no element out."""
        return all(
            sum(high - low for low, high in map(s.inside, s.offsets)) == s.size for s in (self.down, self.across)
        )

    def routine(self) -> Routine:
        """Return what has written the function."""
        arguments, body = BODIES[self.name]
        w = Routine(self.dtype, arguments)
        if self.name in BACK and not (self.are_apart and self.are_everywhere):
            w.clear(w.at("%y", ("%first", self.elements)), w.sum((w("sub i64 %last, %first"), self.elements)))
        with w.loop("%last", "%first") as plane:
            for (top, bottom, ys), (left, right, xs) in itertools.product(stretches(self.down), stretches(self.across)):
                members = [(i * len(self.across.taps) + j, y, x) for (i, y), (j, x) in itertools.product(ys, xs)]
                with w.loop(bottom, top) as row, w.loop(right, left) as column:
                    body(Window(self, w, plane, row, column, members))
        return w


class Window:
    """A window while its loop's body is written: where its elements are, and what belongs to it."""

    def __init__(self, pooling: Pooling, w: Routine, plane: str, row: str, column: str, members: list[Member]) -> None:
        self.pooling, self.w, self.plane, self.row, self.column, self.members = pooling, w, plane, row, column, members

    def element(self, array: str, member: Member) -> str:
        """Return the address of an element in an array of the input's shape."""
        p = self.pooling
        line = self.w.sum((self.row, p.down.stride), member[1])
        return self.w.at(
            array, (self.plane, p.elements), (line, p.across.size), (self.column, p.across.stride), member[2]
        )

    def own(self, array: str, kind: str = "") -> str:
        """Return the address of what belongs to the window in an array with a number for each."""
        p = self.pooling
        return self.w.at(array, (self.plane, p.windows), (self.row, p.across.places), self.column, kind=kind)

    def winner(self) -> str:
        """Return the number of the first element that is the largest, or of the last NaN."""
        w, kind = self.w, self.w.kind
        largest, found = w.get(self.own("%largest")), "0"
        xs = [w.get(self.element("%x", m)) for m in self.members]
        for x, m in reversed([*zip(xs, self.members, strict=True)]):
            found = w.choice(w(f"fcmp oeq {kind} {x}, {largest}"), "i32", str(m[0]), found)
        for x, m in zip(xs, self.members, strict=True):
            found = w.choice(w(f"fcmp uno {kind} {x}, {x}"), "i32", str(m[0]), found)
        return found


def stretches(side: Side) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Yield places that have the same elements inside: the first, the one behind the last, and these elements."""
    inside = {tap: side.inside(tap[1]) for tap in side.taps}
    ends = sorted({0, side.places, *itertools.chain(*inside.values())})
    for start, stop in itertools.pairwise(ends):
        yield start, stop, [tap for tap, (low, high) in inside.items() if low <= start < high]


# -- bodies of loops ---------------------------------------------------------------------------------------------------


def _sum(at: Window) -> None:
    w = at.w
    total = number(0, w.kind)
    for member in at.members:
        total = w(f"fadd {w.kind} {total}, {w.get(at.element('%x', member))}")
    w.put(at.own("%y"), total)


def _max(at: Window) -> None:
    w = at.w
    largest = number(float("-inf"), w.kind)
    for member in at.members:
        x = w.get(at.element("%x", member))
        wins = w(f"or i1 {w(f'fcmp ogt {w.kind} {x}, {largest}')}, {w(f'fcmp uno {w.kind} {x}, {x}')}")
        largest = w.choice(wins, w.kind, x, largest)
    w.put(at.own("%y"), largest)


def _argmax(at: Window) -> None:
    w = at.w
    w.put(at.own("%y", "i8"), w(f"trunc i32 {at.winner()} to i8"), "i8")


def _pick(at: Window) -> None:
    w, found = at.w, at.winner()
    value = number(0, w.kind)
    for member in at.members:
        here = w(f"icmp eq i32 {found}, {member[0]}")
        value = w.choice(here, w.kind, w.get(at.element("%values", member)), value)
    w.put(at.own("%y"), value)


def _put(at: Window) -> None:
    w, found, value = at.w, at.winner(), at.w.get(at.own("%values"))
    if at.pooling.are_apart:
        for member in at.members:
            here = w(f"icmp eq i32 {found}, {member[0]}")
            w.put(at.element("%y", member), w.choice(here, w.kind, value, number(0, w.kind)))
        return
    base = at.element("%y", (0, 0, 0))
    to = w.at("%scratch", 0)
    for member in at.members:
        there = w.at(base, member[1] * at.pooling.across.size + member[2])
        to = w.choice(w(f"icmp eq i32 {found}, {member[0]}"), "ptr", there, to)
    w.put(to, w(f"fadd {w.kind} {w.get(to)}, {value}"))


def _spread(at: Window) -> None:
    w, value = at.w, at.w.get(at.own("%values"))
    for member in at.members:
        to = at.element("%y", member)
        w.put(to, value if at.pooling.are_apart else w(f"fadd {w.kind} {w.get(to)}, {value}"))


BODIES: dict[str, tuple[tuple[str, ...], Callable[[Window], None]]] = {
    "window_sum": (("x",), _sum),
    "window_max": (("x",), _max),
    "window_argmax": (("x", "largest"), _argmax),
    "pick_in_windows": (("values", "x", "largest"), _pick),
    "put_in_windows": (("values", "x", "largest"), _put),
    "spread_windows": (("values",), _spread),
}
#: Those whose result has the input's shape.
BACK = ("put_in_windows", "spread_windows")


# -- rows of the table -------------------------------------------------------------------------------------------------


def _made(graph: Graph, name: str, args: tuple[Element, ...], shape: Sizes, slide: Any) -> Element:
    """Return the element of a row over an input of a shape."""
    n, dtype = len(slide.size), args[0].dtype
    if n > 2 or math.prod(slide.size) > MANY:
        raise UnsayableError(f"windows of {' x '.join(map(str, slide.size))}")
    if any(a.dtype not in (np.float32, np.float64) or a.dtype != dtype for a in args) or not math.prod(shape):
        raise UnsayableError("windows over other numbers than floats of one size, or none")
    sides = [Side(1, 1, 1, ((0, 0),))] * (2 - n)
    for size, m, k, s, p, d in zip(shape[len(shape) - n :], *slide, strict=True):
        sides.append(Side(size, m, s, tuple((i, d * i - p) for i in range(k))))
    lead = shape[: len(shape) - n]
    result = shape if name in BACK else (*lead, *slide.places)
    what = Pooling(name, math.prod(lead), sides[0], sides[1], dtype)
    return graph.make("routine", args, what, result, np.dtype(np.uint8) if name == "window_argmax" else dtype)


def _of_input(name: str) -> Callable[..., Element]:
    def make(graph: Graph, x: Element, *rest: Element, slide: Any) -> Element:
        return _made(graph, name, (x, *rest), x.shape, slide)

    return make


def _winners(name: str, number: Element) -> tuple[Element, ...]:
    """Return from what the numbers of winners were computed: to find them again costs less than to keep them."""
    if number.kind != "routine" or number.what.name != "window_argmax":
        raise UnsayableError(f"{name} by numbers from elsewhere")
    return number.args


def _pick_in_windows(graph: Graph, x: Element, number: Element, *, slide: Any) -> Element:
    return _made(graph, "pick_in_windows", (x, *_winners("pick_in_windows", number)), x.shape, slide)


def _put_in_windows(graph: Graph, values: Element, number: Element, *, shape: Sizes, slide: Any) -> Element:
    return _made(graph, "put_in_windows", (values, *_winners("put_in_windows", number)), shape, slide)


def _spread_windows(graph: Graph, values: Element, *, shape: Sizes, slide: Any) -> Element:
    return _made(graph, "spread_windows", (values,), shape, slide)


#: What makes an element of the rows that have a routine.
ROWS: dict[Any, Callable[..., Element]] = {
    **{TABLE[name]: _of_input(name) for name in ("window_sum", "window_max", "window_argmax")},
    TABLE["pick_in_windows"]: _pick_in_windows,
    TABLE["put_in_windows"]: _put_in_windows,
    TABLE["spread_windows"]: _spread_windows,
}
