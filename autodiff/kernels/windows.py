"""Windows that slide over the last dimensions of arrays: convolution, sums and largest elements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .elements import masked

Array = Any  # an ndarray
Sizes = tuple[int, ...]


def windows(x: Array, *, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Return a view of all windows, their elements in the last dimensions."""
    n = len(size)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(x.ndim - n, x.ndim)))
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return every[steps]


def unwindows(values: Array, *, shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Return zeros of `shape` with every window added at its place, a step for each element of a window."""
    out = np.zeros(shape, values.dtype)
    places = values.shape[values.ndim - 2 * len(size) : values.ndim - len(size)]
    for element in itertools.product(*map(range, size)):
        to: Any = (..., *_positions(element, places, stride, dilation))
        of: Any = (..., *element)
        out[to] += values[of]
    return out


def _positions(element: Sizes, places: Sizes, stride: Sizes, dilation: Sizes) -> Iterator[slice]:
    """Yield along each dimension where all windows have one of their elements."""
    for i, n, s, d in zip(element, places, stride, dilation, strict=True):
        yield slice(i * d, i * d + s * (n - 1) + 1, s)


# -- convolution -------------------------------------------------------------------------------------------------------


class Steps(NamedTuple):
    """How kernels move over the last dimensions of an input.

    Attributes
    ----------
    stride, dilation : tuple of int
        The step of a kernel, and the step between its elements.
    before, after : tuple of int
        How many zeros stand around the input.
    groups : int
        Into how many groups kernels and channels are parted.
    """

    stride: Sizes
    before: Sizes
    after: Sizes
    dilation: Sizes
    groups: int

    def padded(self, inner: Sizes) -> Sizes:
        """Return the last dimensions of the input with zeros around it."""
        return tuple(b + n + a for b, n, a in zip(self.before, inner, self.after, strict=True))

    def inside(self, inner: Sizes) -> tuple[slice, ...]:
        """Return where, among these zeros, the input stands."""
        return tuple(slice(b, b + n) for b, n in zip(self.before, inner, strict=True))

    def places(self, inner: Sizes, kernel: Sizes) -> Sizes:
        """Return how many places kernels have over an input."""
        sizes = zip(self.padded(inner), kernel, self.stride, self.dilation, strict=True)
        return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes)


_AT_A_TIME = 2**20  # so many elements are worked on together: fast, and little memory beside the arrays themselves


def _batches(batch: int, row: int) -> Iterator[slice]:
    """Yield parts of a batch whose rows of so many elements are worked on together."""
    step = max(_AT_A_TIME // max(row, 1), 1)
    return (slice(start, start + step) for start in range(0, batch, step))


_LONG = 16  # so many rows are worth a product of their own


def _copies(x: Array, kernel: Sizes, steps: Steps) -> tuple[list[int], Iterator[tuple[slice, list[Array]]]]:
    """Return how many elements of a kernel stand in each row, and parts of the batch with their windows as columns.

    Columns are of shape (n, groups, C / groups · elements, places). They come in one piece, or with many rows in a
    piece for each element of a kernel's first dimension: pieces of one copy, for a step along that dimension only is
    another start (MEC: Cho and Brand 2017). That copy is a third of the columns of a kernel of 3 x 3.
    """
    (batch, channels), places = x.shape[:2], steps.places(x.shape[2:], kernel)
    rows, starts = channels // steps.groups * math.prod(kernel), [0]
    numbers = [*zip(x.shape[2:], places, kernel, steps.stride, steps.before, steps.dilation, strict=True)]
    if steps.stride[0] == 1 and kernel[0] > 1 and rows // kernel[0] >= _LONG:
        starts = [i * steps.dilation[0] * math.prod(places[1:]) for i in range(kernel[0])]
        rows, kernel = rows // kernel[0], (1, *kernel[1:])
        numbers[0] = x.shape[2], steps.padded(x.shape[2:])[0], 1, 1, steps.before[0], 1
    lines = tuple(count for _, count, *_ in numbers)
    spans = itertools.product(*itertools.starmap(_overlaps, numbers))
    elements = [*zip(itertools.product(*map(range, kernel)), spans, strict=True)]

    def parts() -> Iterator[tuple[slice, list[Array]]]:
        for part in _batches(batch, channels * math.prod(kernel) * math.prod(lines)):
            images = x[part]
            copy = np.zeros((len(images), channels, *kernel, *lines), x.dtype)
            for element, inside in elements:  # a step for each element, which leaves NumPy few dimensions to copy
                to: Any = (..., *element, *(of for of, _ in inside))
                at: Any = (..., *(at for _, at in inside))
                copy[to] = images[at]
            columns = copy.reshape(len(images), steps.groups, rows, math.prod(lines))
            yield part, [columns[..., start : start + math.prod(places)] for start in starts]

    return [rows] * len(starts), parts()


def convolve(input: Array, weight: Array, *, steps: Steps) -> Array:
    """Return the output (N, out, *places) of kernels (out, C / groups, *kernel) over an input (N, C, ...)."""
    out, kernel = len(weight), weight.shape[2:]
    places = steps.places(input.shape[2:], kernel)
    y = np.empty((len(input), steps.groups, out // steps.groups, math.prod(places)), input.dtype)
    rows, parts = _copies(input, kernel, steps)
    kernels = _by_piece(weight, len(rows)).reshape(len(rows), steps.groups, out // steps.groups, rows[0])
    for part, pieces in parts:
        np.matmul(kernels[0], pieces[0], out=y[part])
        for k, piece in zip(kernels[1:], pieces[1:], strict=True):
            y[part] += k @ piece
    return y.reshape(len(input), out, *places)


def _by_piece(weight: Array, pieces: int) -> Array:
    """Return kernels with the elements of each piece together: those of the first dimension apart, if they are."""
    return weight[None] if pieces == 1 else np.moveaxis(weight, 2, 0)


def convolve_input(output: Array, weight: Array, *, shape: Sizes, steps: Steps) -> Array:
    """Return the gradient of the input, of `shape`, from that of the output. The batch stands last: rows are long."""
    (batch, out), places, kernel = output.shape[:2], output.shape[2:], weight.shape[2:]
    channels, inner = shape[1], shape[2:]
    kernels = weight.reshape(steps.groups, out // steps.groups, math.prod(weight.shape[1:])).mT
    last = np.moveaxis(output, 0, -1)
    gradient, inside = np.empty(shape, output.dtype), (slice(None), *steps.inside(inner))
    for part in _batches(batch, channels * math.prod(kernel) * math.prod(places)):
        images = last[..., part]
        columns = kernels @ images.reshape(steps.groups, out // steps.groups, math.prod(images.shape[1:]))
        columns = columns.reshape(channels, *kernel, *images.shape[1:])
        padded = np.zeros((channels, *steps.padded(inner), images.shape[-1]), output.dtype)
        for element in itertools.product(*map(range, kernel)):
            at = _positions(element, places, steps.stride, steps.dilation)
            to: Any = (slice(None), *at)
            of: Any = (slice(None), *element)
            padded[to] += columns[of]
        gradient[part] = np.moveaxis(padded[inside], -1, 0)
    return gradient


def convolve_weight(input: Array, output: Array, *, shape: Sizes, steps: Steps) -> Array:
    """Return the gradient of the kernels, of `shape`, from that of the output."""
    groups, out = steps.groups, shape[0] // steps.groups
    output = output.reshape(len(output), groups, out, math.prod(output.shape[2:]))
    rows, parts = _copies(input, shape[2:], steps)
    total = np.zeros((len(rows), groups, out, rows[0]), np.result_type(input.dtype, np.float32))
    for part, pieces in parts:
        for k, piece in enumerate(pieces):
            total[k] += (output[part] @ piece.mT).sum(axis=0, dtype=total.dtype)
    gradient = total.astype(input.dtype, copy=False)
    if len(rows) == 1:
        return gradient.reshape(shape)
    return np.ascontiguousarray(np.moveaxis(gradient.reshape(shape[2], *shape[:2], *shape[3:]), 0, 2))


# -- what is left of each window ---------------------------------------------------------------------------------------


class Slide(NamedTuple):
    """How a window moves over the last dimensions, with a number for each of them.

    Attributes
    ----------
    places : tuple of int
        How many windows there are.
    size : tuple of int
        How many elements a window has.
    stride : tuple of int
        The step from one window to the next.
    padding : tuple of int
        How far the first window reaches over the edge. What lies beyond the edges belongs to no window.
    dilation : tuple of int
        The step from one element of a window to the next.
    """

    places: Sizes
    size: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes


def _overlaps(n: int, places: int, size: int, stride: int, padding: int, dilation: int) -> list[tuple[slice, slice]]:
    """Return for each element of a window, along one dimension, which windows have it inside, and where it is there."""
    found = []
    for i in range(size):
        first = i * dilation - padding  # where the first window has it
        low = max(-(first // stride), 0)
        high = max(min((n - 1 - first) // stride + 1, places), low)
        start = first + low * stride
        found.append((slice(low, high), slice(start, start + max((high - low - 1) * stride + 1, 0), stride)))
    return found


def _elements(shape: Sizes, slide: Slide) -> Iterator[tuple[int, Any, Any]]:
    """Yield for each element of a window its number, the windows that have it inside, and where it is in the input.

    A step for each element, instead of one for each window, leaves NumPy long rows to work on.
    """
    sizes = shape[len(shape) - len(slide.size) :]
    along = [_overlaps(*numbers) for numbers in zip(sizes, *slide, strict=True)]
    for number, spans in enumerate(itertools.product(*along)):
        yield number, (..., *(of for of, _ in spans)), (..., *(at for _, at in spans))


def _are_apart(slide: Slide) -> bool:
    """Tell whether no element is in two windows."""
    return all(s > d * (k - 1) for _, k, s, _, d in zip(*slide, strict=True))


def _along(x: Array, slide: Slide, start: float, join: np.ufunc) -> Array:
    """Join every window's elements, along one dimension after the other: 2 k steps for a window of k · k elements."""
    first = x.ndim - len(slide.size)
    for d, numbers in enumerate(zip(*slide, strict=True), first):
        left = np.full((*x.shape[:d], numbers[0], *x.shape[d + 1 :]), start, x.dtype)
        whole = (slice(None),) * d
        for places, inside in _overlaps(x.shape[d], *numbers):
            of, at = (*whole, places), (*whole, inside)
            join(left[of], x[at], out=left[of])
        x = left
    return x


def window_sum(x: Array, *, slide: Slide) -> Array:
    """Return the sum of every window."""
    return _along(x, slide, 0, np.add)


def spread_windows(values: Array, *, shape: Sizes, slide: Slide) -> Array:
    """Return zeros of `shape` with each value added everywhere in its window."""
    out = np.zeros(shape, values.dtype)
    for _, of, at in _elements(shape, slide):
        if _are_apart(slide):
            out[at] = values[of]
        else:
            out[at] += values[of]
    return out


def window_max(x: Array, *, slide: Slide) -> Array:
    """Return the largest element of every window."""
    return _along(x, slide, -np.inf, np.maximum)


def window_argmax(x: Array, largest: Array, *, slide: Slide) -> Array:
    """Return the number of the first element of each window that is the largest; of the last NaN where there is one."""
    number = np.zeros(largest.shape, np.uint8 if math.prod(slide.size) < 256 else np.int64)
    elements = list(_elements(x.shape, slide))
    for _, of, at in reversed(elements):  # how many there are, from each element on, before the first that is
        number += 1
        number[of] *= x[at] != largest[of]  # a third of the time that `where` takes
    if np.isnan(np.add.reduce(largest, axis=None)):
        for i, of, at in elements:
            np.copyto(number[of], i, where=np.isnan(x[at]), casting="unsafe")
    return number


def put_in_windows(values: Array, number: Array, *, shape: Sizes, slide: Slide) -> Array:
    """Return zeros of `shape` with each value added to the element of its window that has this number."""
    out = np.zeros(shape, values.dtype)
    is_finite = np.isfinite(np.add.reduce(values, axis=None))
    for i, of, at in _elements(shape, slide):
        if is_finite and _are_apart(slide):  # a quarter of the time
            np.multiply(values[of], number[of] == i, out=out[at])
        else:
            out[at] += masked(values[of], number[of] == i)
    return out


def pick_in_windows(x: Array, number: Array, *, slide: Slide) -> Array:
    """Return the element of each window that has this number."""
    out = np.zeros(number.shape, x.dtype)
    for i, of, at in _elements(x.shape, slide):
        np.copyto(out[of], x[at], where=number[of] == i)
    return out
