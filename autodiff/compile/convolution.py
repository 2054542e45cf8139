"""Native convolution: vectors over neighbouring places, windows laid side by side along the last dimension alone.

The windows of an image as columns, as a product of matrices wants them, are kh · kw times the image. Here only the
steps along the last dimension are copied, kw times the image; a step along the first one is another start in the same
copy, for rows of places lie one after the other in it. (Cho and Brand, "MEC: memory-efficient convolution for deep
neural network", ICML 2017.) The three functions are sums over the same copies, with vectors of sums in registers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..table import TABLE
from .element import Element, Graph, UnsayableError
from .routine import Routine, Scheme

Sizes = tuple[int, ...]
Taps = tuple[tuple[int, int], ...]  # the number of a kernel's element along a dimension, and where its window has it

#: Bytes of the copies that are worked on together: half of a processor's second cache.
TOGETHER = 2**19
#: Places over which sums of the kernels' gradient stay in registers, at least, where images are small.
STAY = 1024


class Side(NamedTuple):
    """A dimension that windows slide along: place o has an element at stride · o + its tap's offset, or 0 beyond.

    Attributes
    ----------
    size, places, stride : int
    taps : tuple of (int, int)
    """

    size: int
    places: int
    stride: int
    taps: Taps

    @property
    def offsets(self) -> list[int]:
        """The offsets that differ."""
        return sorted({offset for _, offset in self.taps})

    def lines(self) -> dict[int, tuple[int, int]]:
        """Return, for each rest by the stride, the first line that is needed and how many more than places."""
        found: dict[int, tuple[int, int]] = {}
        for rest in sorted({offset % self.stride for offset in self.offsets}):
            steps = [offset // self.stride for offset in self.offsets if offset % self.stride == rest]
            found[rest] = min(steps), max(steps) - min(steps)
        return found

    def inside(self, offset: int) -> tuple[int, int]:
        """Return the first place whose element lies inside, and the first one behind them."""
        low = min(max(-(offset // self.stride), 0), self.places)
        return low, max(min((self.size - 1 - offset) // self.stride + 1, self.places), low)


class Copies(NamedTuple):
    """The windows of some channels of an image, side by side: line by line of places, for each offset along a line.

    Attributes
    ----------
    down, across : Side
    channels : int
    band : int
        How many lines of places are worked on together.
    """

    down: Side
    across: Side
    channels: int
    band: int

    @property
    def lines(self) -> int:
        """The lines of a channel for one offset."""
        return sum(self.band + more for _, more in self.down.lines().values())

    @property
    def pitch(self) -> int:
        """The numbers of a channel, of the image itself where there are no copies."""
        if self.is_there:
            return self.down.size * self.across.size
        return len(self.across.offsets) * self.lines * self.across.places

    @property
    def is_there(self) -> bool:
        """Whether the image itself is as its copies would be."""
        down, across = self.down, self.across
        whole = across.offsets == [0] and across.stride == down.stride == 1 and across.places == across.size
        return whole and min(down.offsets) >= 0 and max(down.offsets) + down.places <= down.size

    @property
    def elements(self) -> int:
        """The numbers of all channels, and a vector behind them."""
        return 0 if self.is_there else self.channels * self.pitch + 64

    def starts(self) -> list[tuple[int, int, int]]:
        """Return for each element of a kernel its numbers along both dimensions, and where its windows start."""
        found = []
        for (i, y), (j, x) in itertools.product(self.down.taps, self.across.taps):
            if self.is_there:
                found.append((i, j, y * self.across.places))
                continue
            start = self.across.offsets.index(x) * self.lines
            for rest, (first, more) in self.down.lines().items():
                if y % self.down.stride == rest:
                    found.append((i, j, (start + y // self.down.stride - first) * self.across.places))
                start += self.band + more
        return found

    def write(self, w: Routine, image: str, to: str, place: str, zeros: str) -> None:
        """Write the loops that copy an image's channels for a band that starts at a line of places."""
        down, across = self.down, self.across
        with w.loop(self.channels) as c:
            start = 0
            for offset in across.offsets:
                low, high = across.inside(offset)
                for rest, (first, more) in down.lines().items():
                    base = w.sum((place, down.stride), first * down.stride + rest)
                    source = w.at(image, (c, down.size * across.size), low * across.stride + offset)
                    target = w.at(to, (c, self.pitch), start * across.places + low)
                    count = self.band + more
                    if low == high:  # beyond the edge, where zeros are
                        pass
                    elif across.places == 1:
                        self._column(w, source, target, base, count)
                    else:
                        self._lines(w, source, target, base, (count, high - low), zeros)
                    start += count

    def _lines(self, w: Routine, source: str, target: str, base: str, shape: Sizes, zeros: str) -> None:
        """Write the copies of lines, of which those that lie outside are zeros."""
        down, across, lanes = self.down, self.across, w.v.lanes
        with w.loop(shape[0]) as line:
            at = w.sum(base, (line, down.stride))
            inside = w(f"icmp ult i64 {at}, {down.size}")
            x = w(f"select i1 {inside}, ptr {w.at(source, (at, across.size))}, ptr {zeros}")
            to = w.at(target, (line, across.places))
            if across.stride > 1:
                with w.loop(shape[1]) as i:
                    w.put(w.at(to, i), w.get(w.at(x, (i, across.stride))))
                return
            for start in range(0, shape[1], lanes):
                mask = w.mask(str(shape[1] - start)) if shape[1] - start < lanes else None
                w.store(w.at(to, start), w.load(w.at(x, start), mask), mask)

    def _column(self, w: Routine, source: str, target: str, base: str, count: int) -> None:
        """Write the copy of a sequence: what lies inside, and zeros on both sides."""
        step, across = self.down.stride, self.across
        low = w(f"sdiv i64 {w.sum(w(f'sub i64 0, {base}'), step - 1)}, {step}")
        low = w.between(low, "0", str(count))
        high = w(f"sdiv i64 {w.sum(w(f'sub i64 {self.down.size}, {base}'), step - 1)}, {step}")
        high = w.between(high, low, str(count))
        for start, stop, copies in (("0", low, False), (low, high, True), (high, str(count), False)):
            with w.loop(stop, start) as i:
                x = "0.0" if not copies else w.get(w.at(source, (w.sum(base, (i, step)), across.size)))
                w.put(w.at(target, i), x)


# -- sums over the elements of windows ---------------------------------------------------------------------------------


class Part(NamedTuple):
    """Places of a result that are computed alike: all of them, or those that a stride leaves between others.

    Attributes
    ----------
    down, across : Side
        How its windows lie over what is summed.
    start, step : (int, int)
        Where along both dimensions the first place is in the result, and how far the next one.
    """

    down: Side
    across: Side
    start: tuple[int, int]
    step: tuple[int, int]


@dataclass(frozen=True)
class Correlation(Scheme):
    """Sums of products of windows with kernels: a convolution, or the gradient of its input.

    Attributes
    ----------
    batch, groups, channels, out : int
        Channels that are summed and channels of the result, of a group.
    kernel : (int, int)
    strides : (int, int, int)
        How far apart in the kernels' memory are groups, channels of the result, channels that are summed.
    shape : (int, int)
        The last two dimensions of the result.
    pieces : tuple of Part
    dtype : dtype
    """

    name: str
    batch: int
    groups: int
    channels: int
    out: int
    kernel: tuple[int, int]
    strides: tuple[int, int, int]
    shape: tuple[int, int]
    pieces: tuple[Part, ...]
    dtype: Any

    @property
    def work(self) -> int:
        """About how many loads, stores and operations it takes."""
        return self.flops // 8

    def copies(self, part: Part) -> Copies:
        """Return how the windows of a part are laid side by side."""
        return _copies(part.down, part.across, self.channels, self.dtype, TOGETHER)

    @property
    def scratch(self) -> int:
        """The bytes beside arguments and result."""
        elements = max((self._elements(part) for part in self.pieces), default=0)
        return -(-elements * int(np.dtype(self.dtype).itemsize) // 64) * 64

    def _elements(self, part: Part) -> int:
        copies = self.copies(part)
        spread = 0 if self._is_whole(part) else self.out * copies.band * part.across.places
        return copies.elements + part.across.size + spread

    def _is_whole(self, part: Part) -> bool:
        return part.step == (1, 1)

    @property
    def flops(self) -> int:
        """The floating-point operations."""
        each = 2 * self.batch * self.groups * self.channels * self.out
        return each * sum(p.down.places * p.across.places * len(p.down.taps) * len(p.across.taps) for p in self.pieces)

    def routine(self) -> Routine:
        """Return what has written the function."""
        w = Routine(self.dtype, ("x", "w"))
        if sum(p.down.places * p.across.places for p in self.pieces) < math.prod(self.shape):  # in no window
            each = self.groups * self.out * math.prod(self.shape)
            images = w("sub i64 %last, %first")
            w.clear(w.at("%y", ("%first", each)), w.sum((images, each)))
        for part in self.pieces:
            self._part(w, part)
        return w

    def _part(self, w: Routine, part: Part) -> None:
        copies, (down, across) = self.copies(part), (part.down, part.across)
        size, whole = down.size * across.size, math.prod(self.shape)
        w.clear("%scratch", self._elements(part))
        zeros = w.at("%scratch", copies.elements)
        spread = w.at("%scratch", copies.elements + across.size)
        with w.loop("%last", "%first") as n, w.loop(self.groups) as g:
            x = w.at("%x", (n, self.groups * self.channels * size), (g, self.channels * size))
            y = w.at("%y", (n, self.groups * self.out * whole), (g, self.out * whole))
            kernels = w.at("%w", (g, self.strides[0]))
            with w.loop(down.places, step=copies.band) as place:
                lines = w.lower(w(f"sub i64 {down.places}, {place}"), str(copies.band))
                count = w.sum((lines, across.places))
                if copies.is_there:
                    from_ = w.at(x, (place, across.size))
                else:
                    copies.write(w, x, "%scratch", place, zeros)
                    from_ = "%scratch"
                if self._is_whole(part):
                    to = w.at(y, (place, across.places))
                    self._sums(w, part, copies, (from_, kernels, to), whole, count)
                else:
                    pitch = copies.band * across.places
                    self._sums(w, part, copies, (from_, kernels, spread), pitch, count)
                    self._scatter(w, part, spread, y, (pitch, place, lines))

    def _scatter(self, w: Routine, part: Part, source: str, y: str, where: tuple[int, str, str]) -> None:
        """Write what puts the sums of a part to their places."""
        pitch, place, lines = where
        (first, left), (down, across), (_, width) = part.start, part.step, self.shape
        with w.loop(self.out) as o, w.loop(lines) as line:
            row = w.sum((place, down), (line, down), first)
            to = w.at(y, (o, math.prod(self.shape)), (row, width), left)
            x = w.at(source, (o, pitch), (line, part.across.places))
            with w.loop(part.across.places) as i:
                w.put(w.at(to, (i, across)), w.get(w.at(x, i)))

    def _sums(
        self, w: Routine, part: Part, copies: Copies, memory: tuple[str, str, str], pitch: int, count: str
    ) -> None:
        """Write the loops over places, channels of the result and channels that are summed."""
        lanes, known = w.v.lanes, part.down.places * part.across.places
        rows = -(-self.out // -(-self.out // (8 if w.v.registers > 16 else 6)))
        many = max(min((w.v.registers - 2) // (rows + 1), 8, known // lanes), 1)
        step = many * lanes
        stop = w.sum(count, -step + 1)
        with w.loop(stop, step=step) as p:
            self._rows(w, part, copies, memory, (pitch, p, rows, many, None))
        done = w(f"sub i64 {count}, {w(f'srem i64 {count}, {step}')}") if known >= step else "0"
        with w.loop(count, done, lanes) as p:
            mask = w.mask(w(f"sub i64 {count}, {p}"))
            self._rows(w, part, copies, memory, (pitch, p, rows, 1, mask))

    def _rows(self, w: Routine, part: Part, copies: Copies, memory: tuple[str, str, str], tile: Any) -> None:
        """Write the sums at some places of all channels of the result, a few of them at a time."""
        pitch, p, rows, many, mask = tile
        full = self.out // rows * rows
        with w.loop(full, step=rows) as o:
            self._tile(w, part, copies, memory, (pitch, p, o, rows, many, mask))
        if full < self.out:
            self._tile(w, part, copies, memory, (pitch, p, str(full), self.out - full, many, mask))

    def _tile(self, w: Routine, part: Part, copies: Copies, memory: tuple[str, str, str], tile: Any) -> None:
        """Write the sums that are in registers together."""
        (x, kernels, y), (pitch, p, o, rows, many, mask) = memory, tile
        v, lanes = w.v, w.v.lanes
        _, by_out, by_channel = self.strides
        cells = [[w.cell(v.type) for _ in range(many)] for _ in range(rows)]
        for cell in itertools.chain(*cells):
            w.do(f"store {v.type} zeroinitializer, ptr {cell}")
        with w.loop(self.channels) as c:
            here = w.at(x, (c, copies.pitch), p)
            weights = w.at(kernels, (o, by_out), (c, by_channel))
            for i, j, start in copies.starts():
                xs = [w.load(w.at(here, start + k * lanes), mask) for k in range(many)]
                for r in range(rows):
                    weight = w.spread(w.get(w.at(weights, r * by_out + i * self.kernel[1] + j)))
                    for k in range(many):
                        before = w(f"load {v.type}, ptr {cells[r][k]}")
                        w.do(f"store {v.type} {w.fma(weight, xs[k], before)}, ptr {cells[r][k]}")
        for r in range(rows):
            to = w.at(y, (o, pitch), r * pitch, p)
            for k in range(many):
                w.store(w.at(to, k * lanes), w(f"load {v.type}, ptr {cells[r][k]}"), mask)


@dataclass(frozen=True)
class KernelSums(Scheme):
    """Sums over all windows, times what stands at their places: the gradient of the kernels.

    Attributes
    ----------
    batch, groups, channels, out : int
        Channels of the input and channels of the output, of a group.
    kernel : (int, int)
    down, across : Side
        How windows lie over the input.
    dtype : dtype
    """

    is_sum = True

    name: str
    batch: int
    groups: int
    channels: int
    out: int
    kernel: tuple[int, int]
    down: Side
    across: Side
    dtype: Any

    @property
    def work(self) -> int:
        """About how many loads, stores and operations it takes."""
        return self.flops // 8

    @property
    def copies(self) -> Copies:
        """How the windows are laid side by side: of all lines, mostly, for a channel of them is read at a time."""
        return _copies(self.down, self.across, self.channels, self.dtype, 8 * TOGETHER)

    @property
    def images(self) -> int:
        """How many images are worked on together."""
        copies, places = self.copies, self.down.places * self.across.places
        if copies.band < self.down.places:
            return 1
        fitting = (
            TOGETHER // max(copies.elements * int(np.dtype(self.dtype).itemsize), 1) if copies.elements else self.batch
        )
        return max(min(-(-STAY // places), fitting, self.batch), 1)

    @property
    def scratch(self) -> int:
        """The bytes beside arguments and result, and those of a part's own sums before them."""
        elements = self._own + self.images * self.copies.elements + self.across.size
        return -(-elements * int(np.dtype(self.dtype).itemsize) // 64) * 64

    @property
    def most(self) -> int:  # type: ignore[override]  # it depends on the sizes
        """How many parts there may be: adding up their sums shall cost little."""
        return max(min(8, self.batch * self.down.places * self.across.places // 256), 1)

    @property
    def _own(self) -> int:
        return self.groups * self.out * self.channels * math.prod(self.kernel) if self.adds_up else 0

    @property
    def flops(self) -> int:
        """The floating-point operations."""
        places = self.down.places * self.across.places
        return 2 * self.batch * self.groups * self.channels * self.out * places * math.prod(self.kernel)

    def routine(self) -> Routine:
        """Return what has written the function."""
        w, copies, groups = Routine(self.dtype, ("x", "g")), self.copies, self.groups
        size, places = self.down.size * self.across.size, self.down.places * self.across.places
        each = self.out * self.channels * math.prod(self.kernel)
        w.clear("%y", groups * each)
        scratch = w.at("%scratch", self._own)
        w.clear(scratch, self.images * copies.elements + self.across.size)
        zeros = w.at(scratch, self.images * copies.elements)
        with w.loop("%last", "%first", self.images) as n, w.loop(groups) as g:
            images = w.lower(w(f"sub i64 %last, {n}"), str(self.images))
            x = w.at("%x", (n, groups * self.channels * size), (g, self.channels * size))
            slopes = w.at("%g", (n, groups * self.out * places), (g, self.out * places))
            y = w.at("%y", (g, each))
            with w.loop(self.down.places, step=copies.band) as place:
                lines = w.lower(w(f"sub i64 {self.down.places}, {place}"), str(copies.band))
                count = w.sum((lines, self.across.places))
                if not copies.is_there:
                    with w.loop(images) as i:
                        image = w.at(x, (i, groups * self.channels * size))
                        copies.write(w, image, w.at(scratch, (i, copies.elements)), place, zeros)
                from_ = w.at(x, (place, self.across.size)) if copies.is_there else scratch
                self._sums(w, (from_, w.at(slopes, (place, self.across.places)), y), images, count)
        return w

    def _sums(self, w: Routine, memory: tuple[str, str, str], images: str, count: str) -> None:
        """Write the loops over channels of the input, elements of the kernel and channels of the output."""
        most = 6 if w.v.registers > 16 else 3
        together = max(min(most // math.prod(self.kernel), self.channels), 1)
        full = self.channels // together * together
        for start, stop, step in ((0, full, together), (full, self.channels, 1)):
            if start == stop:
                continue
            with w.loop(stop, start, step) as c:
                elements = [(u, *element) for u in range(step) for element in self.copies.starts()]
                parts = -(-len(elements) // most)
                for k in range(parts):
                    some = elements[len(elements) * k // parts : len(elements) * (k + 1) // parts]
                    rows = min((w.v.registers - 1) // (len(some) + 1), self.out)
                    rows = -(-self.out // -(-self.out // rows))
                    with w.loop(self.out // rows * rows, step=rows) as o:
                        self._tile(w, memory, (images, count), (c, o, rows, some))
                    if self.out % rows:
                        last = self.out // rows * rows
                        self._tile(w, memory, (images, count), (c, str(last), self.out - last, some))

    def _tile(self, w: Routine, memory: tuple[str, str, str], counts: tuple[str, str], tile: Any) -> None:
        """Write the sums that are in registers together."""
        (x, slopes, y), (images, count), (c, o, rows, elements) = memory, counts, tile
        v, copies, places = w.v, self.copies, self.down.places * self.across.places
        leap = self.groups * self.channels * copies.pitch if copies.is_there else copies.elements
        cells = [[w.cell(v.type) for _ in elements] for _ in range(rows)]
        for cell in itertools.chain(*cells):
            w.do(f"store {v.type} zeroinitializer, ptr {cell}")
        with w.loop(images) as n:
            here = w.at(x, (n, leap), (c, copies.pitch))
            there = w.at(slopes, (n, self.groups * self.out * places), (o, places))
            with w.loop(w.sum(count, -v.lanes + 1), step=v.lanes) as p:
                self._products(w, (w.at(here, p), w.at(there, p)), cells, elements, None)
            done = w(f"sub i64 {count}, {w(f'srem i64 {count}, {v.lanes}')}")
            with w.loop(count, done, v.lanes) as p:
                mask = w.mask(w(f"sub i64 {count}, {p}"))
                self._products(w, (w.at(here, p), w.at(there, p)), cells, elements, mask)
        each = math.prod(self.kernel)
        for r in range(rows):
            for k, (u, i, j, _) in enumerate(elements):
                to = w.at(
                    y, (o, self.channels * each), (c, each), (r * self.channels + u) * each + i * self.kernel[1] + j
                )
                total = w.total(w(f"load {v.type}, ptr {cells[r][k]}"))
                w.put(to, w(f"fadd {v.kind} {w.get(to)}, {total}"))

    def _products(
        self, w: Routine, at: tuple[str, str], cells: list[list[str]], elements: Sequence[Any], mask: str | None
    ) -> None:
        """Write the products at a vector of places."""
        v, (here, there) = w.v, at
        places = self.down.places * self.across.places
        slopes = [w.load(w.at(there, r * places), mask) for r in range(len(cells))]
        for k, (u, _, _, start) in enumerate(elements):
            x = w.load(w.at(here, u * self.copies.pitch + start), mask)
            for r, slope in enumerate(slopes):
                before = w(f"load {v.type}, ptr {cells[r][k]}")
                w.do(f"store {v.type} {w.fma(x, slope, before)}, ptr {cells[r][k]}")


def _copies(down: Side, across: Side, channels: int, dtype: Any, most: int) -> Copies:
    """Return copies of as many lines as are worked on together, of so many bytes at most."""
    line = channels * len(across.offsets) * across.places * np.dtype(dtype).itemsize
    more = sum(more for _, more in down.lines().values())
    band = max((most // max(line, 1) - more) // max(len(down.lines()), 1), 1)
    parts = -(-down.places // band)
    return Copies(down, across, channels, -(-down.places // parts))


# -- rows of the table -------------------------------------------------------------------------------------------------


def _sizes(shape: Sizes, kernel: Sizes, steps: Any) -> tuple[Any, ...]:
    """Return sizes of an input, kernel, stride, padding, dilation and places, each for two dimensions."""
    inner = shape[2:]
    if not 1 <= len(inner) <= 2:
        raise UnsayableError(f"a convolution over {len(inner)} dimensions")
    values = (inner, kernel, steps.stride, steps.before, steps.dilation, steps.places(inner, kernel))
    fill = (1, 1, 1, 0, 1, 1)
    return tuple((*value, *(one,) * (2 - len(inner))) for value, one in zip(values, fill, strict=True))


def _check(*arrays: Element) -> None:
    """Refuse what NumPy is as good for: other numbers than floats, and none at all."""
    if any(a.dtype not in (np.float32, np.float64) for a in arrays) or len({a.dtype for a in arrays}) > 1:
        raise UnsayableError("a convolution of other numbers than floats of one size")
    if not all(a.size for a in arrays):
        raise UnsayableError("a convolution of nothing")


def _sides(shape: Sizes, kernel: Sizes, steps: Any) -> list[Side]:
    """Return how windows lie over an input."""
    return [
        Side(n, m, s, tuple((i, d * i - b) for i in range(k)))
        for n, k, s, b, d, m in zip(*_sizes(shape, kernel, steps), strict=True)
    ]


def _flat(shape: Sizes) -> tuple[int, int]:
    """Return the last two dimensions, of which a sequence has one."""
    return shape[2], shape[3] if len(shape) > 3 else 1


def _made(graph: Graph, args: tuple[Element, ...], shape: Sizes, what: Any) -> Element:
    if not math.prod(shape):
        raise UnsayableError("a convolution of nothing")
    return graph.make("routine", args, what, shape, args[0].dtype)


def _convolve(graph: Graph, input: Element, weight: Element, *, steps: Any) -> Element:
    _check(input, weight)
    batch, groups, out, channels = input.shape[0], steps.groups, weight.shape[0] // steps.groups, weight.shape[1]
    down, across = _sides(input.shape, weight.shape[2:], steps)
    each = math.prod(weight.shape[2:])
    places = (down.places, across.places)
    what = Correlation(
        "convolve", batch, groups, channels, out, _flat(weight.shape), (out * channels * each, channels * each, each),
        places, (Part(down, across, (0, 0), (1, 1)),), input.dtype,
    )  # fmt: skip
    return _made(graph, (input, weight), (batch, groups * out, *places[: len(weight.shape) - 2]), what)


def _convolve_input(graph: Graph, output: Element, weight: Element, *, shape: Sizes, steps: Any) -> Element:
    _check(output, weight)
    groups, out, channels = steps.groups, weight.shape[0] // steps.groups, weight.shape[1]
    each = math.prod(weight.shape[2:])
    between = [*itertools.starmap(_between, zip(*_sizes(shape, weight.shape[2:], steps), strict=True))]
    parts = [
        Part(down, across, (a, b), (between[0][1], between[1][1]))
        for (a, down), (b, across) in itertools.product(between[0][0], between[1][0])
        if down.places and across.places and down.taps and across.taps
    ]
    what = Correlation(
        "convolve_input", shape[0], groups, out, channels, _flat(weight.shape),
        (out * channels * each, each, channels * each), _flat(shape), tuple(parts), output.dtype,
    )  # fmt: skip
    return _made(graph, (output, weight), shape, what)


def _between(n: int, k: int, s: int, b: int, d: int, m: int) -> tuple[list[tuple[int, Side]], int]:
    """Return for each rest by the stride the first element of the input, and how places lie over it; and the stride."""
    found = []
    for rest in range(s):
        first = (rest - b) % s
        taps = tuple((i, (first + b - d * i) // s) for i in range(k) if (d * i - rest) % s == 0)
        found.append((first, Side(m, max(-(-(n - first) // s), 0), 1, taps)))
    return found, s


def _convolve_weight(graph: Graph, input: Element, output: Element, *, shape: Sizes, steps: Any) -> Element:
    _check(input, output)
    groups, out, channels = steps.groups, shape[0] // steps.groups, shape[1]
    down, across = _sides(input.shape, shape[2:], steps)
    what = KernelSums("convolve_weight", input.shape[0], groups, channels, out, _flat(shape), down, across, input.dtype)
    return _made(graph, (input, output), shape, what)


#: What makes an element of the rows that have a routine.
ROWS: dict[Any, Callable[..., Element]] = {
    TABLE["convolve"]: _convolve,
    TABLE["convolve_input"]: _convolve_input,
    TABLE["convolve_weight"]: _convolve_weight,
}
