"""Derivatives of sliding a window over dimensions, and of padding them: what convolutions and poolings are made of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..primitive import nondifferentiable, primitive
from ._arguments import integer, sizes, tensor_of
from .elementwise import _masked
from .indexing import _unindex

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["Slide", "convolve", "window_argmax", "window_max", "window_sum", "windows", "zero_pad"]

Array = Any  # an ndarray, or a Tensor where a rule is itself recorded
Sizes = tuple[int, ...]


def _unslide(g: Array, input_shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    return _unwindows(g, shape=input_shape, size=size, stride=stride, dilation=dilation)


@primitive(symbol="windows", view=True, words="1 in each window", input=_unslide)
def _windows(input: Array, *, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    n = len(size)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True))
    every = np.lib.stride_tricks.sliding_window_view(input, reach, axis=tuple(range(input.ndim - n, input.ndim)))
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return every[steps]


def _slide(g: Array, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    return _windows(g, size=size, stride=stride, dilation=dilation)


@primitive(symbol="windowsᵀ", words="1 where it is added", values=_slide)
def _unwindows(values: Array, *, shape: Sizes, size: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Zeros of `shape` with every window added at its place: the adjoint of windows, a step per place in a window."""
    out = np.zeros(shape, values.dtype)
    count = values.shape[values.ndim - 2 * len(size) : values.ndim - len(size)]
    for at in itertools.product(*map(range, size)):
        first = [i * d for i, d in zip(at, dilation, strict=True)]
        moved = (slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(first, stride, count, strict=True))
        to: Any = (..., *moved)
        of: Any = (..., *at)
        out[to] += values[of]
    return out


def windows(
    input: Tensor, size: Sequence[int], stride: Sequence[int] | None = None, dilation: Sequence[int] | None = None
) -> Tensor:
    """Slide a window over the last dimensions, without copying.

    Parameters
    ----------
    input : Tensor
        Of shape (..., L1, ..., Ln).
    size : sequence of n int
        The elements of a window along each of the last n dimensions.
    stride : sequence of n int, optional
        The step from one window to the next; 1 by default.
    dilation : sequence of n int, optional
        The step from one element of a window to the next; 1 by default.

    Returns
    -------
    Tensor
        A view of shape (..., M1, ..., Mn, size1, ..., sizen) with M = (L - dilation · (size - 1) - 1) // stride + 1
        windows along each dimension. Do not write into it: windows overlap in memory.

    Raises
    ------
    RuntimeError
        If a window is larger than the input, or the sequences do not have one positive number per dimension.

    Examples
    --------
    >>> ad.windows(ad.tensor([1, 2, 3, 4]), (2,))
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    x, k = tensor_of(input, "windows"), sizes((size,), "windows")
    steps, spread = (sizes((v,), "windows") if v is not None else (1,) * len(k) for v in (stride, dilation))
    if not len(k) == len(steps) == len(spread) <= x.ndim or min(*k, *steps, *spread, 1) < 1:
        raise RuntimeError(
            f"windows: size, stride and dilation must be positive, one per dimension, got {k}, {steps} and {spread} "
            f"for shape {x.shape}"
        )
    reach = tuple(d * (n - 1) + 1 for n, d in zip(k, spread, strict=True))
    if any(r > n for r, n in zip(reach, x.shape[x.ndim - len(k) :], strict=True)):
        raise RuntimeError(f"windows: a window that spans {reach} is larger than an input of shape {x.shape}")
    return _windows(x, size=k, stride=steps, dilation=spread)


def zero_pad(input: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Put zeros before and after the elements of the last dimensions.

    Parameters
    ----------
    input : Tensor
    before, after : sequence of n int
        How many, not negative, for each of the last n dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a number is negative, or there are more of them than dimensions.

    Examples
    --------
    >>> ad.zero_pad(ad.tensor([1, 2]), (1,), (2,))
    tensor([0, 1, 2, 0, 0])
    """
    x, b, a = tensor_of(input, "zero_pad"), sizes((before,), "zero_pad"), sizes((after,), "zero_pad")
    if len(a) != len(b) or len(a) > x.ndim or min(*a, *b, 0) < 0:
        raise RuntimeError(f"zero_pad: {b} before and {a} after do not fit a tensor of shape {x.shape}")
    lead = x.ndim - len(a)
    shape = (*x.shape[:lead], *(i + n + j for i, n, j in zip(b, x.shape[lead:], a, strict=True)))
    places = tuple(slice(i, i + n) for i, n in zip(b, x.shape[lead:], strict=True))
    return _unindex(x, shape=shape, key=(..., *places))


# -- convolution -------------------------------------------------------------------------------------------------------

# A sum of products over three things: the input, the kernels and the output, each of which is computed from the other
# two. So the derivatives of each of the three functions here are the other two.


class _Steps(NamedTuple):
    """How kernels move over the last dimensions of an input."""

    stride: Sizes
    before: Sizes  # how many zeros stand around the input
    after: Sizes
    dilation: Sizes
    groups: int

    def padded(self, inner: Sizes) -> Sizes:
        """Return the last dimensions of the input with zeros around it."""
        return tuple(b + n + a for b, n, a in zip(self.before, inner, self.after, strict=True))

    def inner(self, inner: Sizes) -> tuple[slice, ...]:
        """Return where, among these zeros, the input stands."""
        return tuple(slice(b, b + n) for b, n in zip(self.before, inner, strict=True))

    def places(self, inner: Sizes, kernel: Sizes) -> Sizes:
        """Return how many places kernels have over an input."""
        sizes = zip(self.padded(inner), kernel, self.stride, self.dilation, strict=True)
        return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes)


_AT_A_TIME = 2**20  # so many elements are worked on together: fast, and little memory beside the arrays themselves


def _in_parts(batch: int, row: int) -> Iterator[slice]:
    step = max(_AT_A_TIME // max(row, 1), 1)
    return (slice(start, start + step) for start in range(0, batch, step))


def _columns(input: Array, kernel: Sizes, steps: _Steps) -> Iterator[tuple[slice, Array]]:
    """Yield parts of the batch, and their windows as columns of shape (n, groups, C / groups · kernel, places)."""
    n, (batch, channels), inner = len(kernel), input.shape[:2], input.shape[2:]
    if any((*steps.before, *steps.after)):
        padded = np.zeros((batch, channels, *steps.padded(inner)), input.dtype)
        padded[(slice(None),) * 2 + steps.inner(inner)] = input
        input = padded
    every = _windows(input, size=kernel, stride=steps.stride, dilation=steps.dilation)
    every = every.transpose(0, 1, *range(n + 2, 2 * n + 2), *range(2, n + 2))  # places last: long rows to copy
    rows, places = channels // steps.groups * math.prod(kernel), math.prod(every.shape[n + 2 :])
    for part in _in_parts(batch, channels * math.prod(kernel) * places):
        images = every[part]
        yield part, images.reshape(len(images), steps.groups, rows, places)


def _to_input(g: Array, weight: Array, input_shape: Sizes, steps: _Steps) -> Array:
    return _convolve_input(g, weight, shape=input_shape, steps=steps)


def _to_weight(g: Array, input: Array, weight_shape: Sizes, steps: _Steps) -> Array:
    return _convolve_weight(input, g, shape=weight_shape, steps=steps)


@primitive(symbol="conv", called="conv", input=_to_input, weight=_to_weight)
def _convolve(input: Array, weight: Array, *, steps: _Steps) -> Array:
    """Return the output (N, out, *places) of kernels (out, C / groups, *kernel) over an input (N, C, ...)."""
    out, kernel = len(weight), weight.shape[2:]
    kernels = weight.reshape(steps.groups, out // steps.groups, math.prod(weight.shape[1:]))
    places = steps.places(input.shape[2:], kernel)
    y = np.empty((len(input), steps.groups, out // steps.groups, math.prod(places)), input.dtype)
    for part, columns in _columns(input, kernel, steps):
        np.matmul(kernels, columns, out=y[part])
    return y.reshape(len(input), out, *places)


def _back_to_weight(g: Array, output: Array, weight_shape: Sizes, steps: _Steps) -> Array:
    return _convolve_weight(g, output, shape=weight_shape, steps=steps)


@primitive(symbol="∗ᵀ", output=lambda g, weight, steps: _convolve(g, weight, steps=steps), weight=_back_to_weight)
def _convolve_input(output: Array, weight: Array, *, shape: Sizes, steps: _Steps) -> Array:
    """Return the gradient of the input, of `shape`, from that of the output. The batch stands last: rows are long."""
    (batch, out), places, kernel = output.shape[:2], output.shape[2:], weight.shape[2:]
    channels, inner = shape[1], shape[2:]
    kernels = weight.reshape(steps.groups, out // steps.groups, math.prod(weight.shape[1:])).mT
    last = np.moveaxis(output, 0, -1)
    gradient, inside = np.empty(shape, output.dtype), (slice(None), *steps.inner(inner))
    for part in _in_parts(batch, channels * math.prod(kernel) * math.prod(places)):
        images = last[..., part]
        columns = kernels @ images.reshape(steps.groups, out // steps.groups, math.prod(images.shape[1:]))
        columns = columns.reshape(channels, *kernel, *images.shape[1:])
        padded = np.zeros((channels, *steps.padded(inner), images.shape[-1]), output.dtype)
        for at in itertools.product(*map(range, kernel)):
            ways = zip(at, steps.dilation, steps.stride, places, strict=True)
            to: Any = (slice(None), *(slice(i * d, i * d + s * (n - 1) + 1, s) for i, d, s, n in ways))
            of: Any = (slice(None), *at)
            padded[to] += columns[of]
        gradient[part] = np.moveaxis(padded[inside], -1, 0)
    return gradient


def _forth_to_input(g: Array, output: Array, input_shape: Sizes, steps: _Steps) -> Array:
    return _convolve_input(output, g, shape=input_shape, steps=steps)


@primitive(symbol="∗ᵀ", input=_forth_to_input, output=lambda g, input, steps: _convolve(input, g, steps=steps))
def _convolve_weight(input: Array, output: Array, *, shape: Sizes, steps: _Steps) -> Array:
    """Return the gradient of the kernels, of `shape`, from that of the output."""
    groups, out = steps.groups, shape[0] // steps.groups
    output = output.reshape(len(output), groups, out, math.prod(output.shape[2:]))
    total = np.zeros((groups, out, math.prod(shape[1:])), input.dtype)
    for part, columns in _columns(input, shape[2:], steps):
        total += (output[part] @ columns.mT).sum(axis=0)
    return total.reshape(shape)


def convolve(
    input: Tensor,
    weight: Tensor,
    stride: Sequence[int] | None = None,
    before: Sequence[int] | None = None,
    after: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate batches with kernels over the last n dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, L1, ..., Ln).
    weight : Tensor
        Kernels, of shape (out, C / groups, k1, ..., kn).
    stride, before, after, dilation : sequence of n int, optional
        The step of the kernel, the zeros put before and after the input, the step between the kernel's elements.
    groups : int, optional
        Into how many groups channels and kernels are parted; a group of kernels sees its group of channels.

    Returns
    -------
    Tensor
        Of shape (N, out, M1, ..., Mn) with M = (before + L + after - dilation · (k - 1) - 1) // stride + 1.

    Raises
    ------
    RuntimeError
        If the shapes or the numbers do not fit, or the dtypes differ.

    Examples
    --------
    >>> ad.convolve(ad.tensor([[[1.0, 2.0, 4.0]]]), ad.tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2.]]])
    """
    x, w = tensor_of(input, "convolve"), tensor_of(weight, "convolve")
    if x.dtype != w.dtype:
        raise RuntimeError(f"convolve: input and kernels need one dtype, got {x.dtype} and {w.dtype}")
    n = w.ndim - 2
    per_dim = ((stride, 1), (before, 0), (after, 0), (dilation, 1))
    given = [(default,) * n if v is None else sizes((v,), "convolve") for v, default in per_dim]
    steps = _Steps(given[0], given[1], given[2], given[3], integer(groups, "convolve", "groups"))
    fits = x.ndim == w.ndim > 2 and all(len(v) == n for v in given) and min(*given[0], *given[3], steps.groups) > 0
    fits = fits and min(*given[1], *given[2], 0) == 0 and x.shape[1] == w.shape[1] * steps.groups
    fits = fits and not w.shape[0] % steps.groups
    if not fits or min(steps.places(x.shape[2:], w.shape[2:]), default=1) < 1:
        raise RuntimeError(f"convolve: kernels of shape {w.shape} do not fit an input of shape {x.shape} with {steps}")
    return _convolve(x, w, steps=steps)


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


def _parts(shape: Sizes, slide: Slide) -> Iterator[tuple[int, Any, Any]]:
    """Yield, for each place in a window, its number, the windows that have it inside the input, and where it is there.

    A step for each place, instead of one for each window, leaves NumPy long rows to work on.
    """
    along = []
    for n, places, size, stride, padding, dilation in zip(shape[len(shape) - len(slide.size) :], *slide, strict=True):
        spans = []
        for first in range(-padding, size * dilation - padding, dilation):  # where the first window has this place
            a, b = max(-(first // stride), 0), min(places, (n - 1 - first) // stride + 1)
            a = min(a, max(b, 0))
            start = a * stride + first
            spans.append((slice(a, max(b, a)), slice(start, start + max((b - a - 1) * stride + 1, 0), stride)))
        along.append(spans)
    for number, place in enumerate(itertools.product(*along)):
        yield number, (..., *(to for to, _ in place)), (..., *(of for _, of in place))


def _counted(shape: Sizes, slide: Slide) -> Sizes:
    return (*shape[: len(shape) - len(slide.size)], *slide.places)


def _unsum(g: Array, input_shape: Sizes, slide: Slide) -> Array:
    return _spread_windows(g, shape=input_shape, slide=slide)


@primitive(symbol="Σ", input=_unsum)
def _window_sum(input: Array, *, slide: Slide) -> Array:
    out = np.zeros(_counted(input.shape, slide), input.dtype)
    for _, to, of in _parts(input.shape, slide):
        out[to] += input[of]
    return out


@primitive(symbol="Σᵀ", values=lambda g, slide: _window_sum(g, slide=slide))
def _spread_windows(values: Array, *, shape: Sizes, slide: Slide) -> Array:
    """Zeros of `shape` with each value added everywhere in its window: the adjoint of window_sum."""
    out = np.zeros(shape, values.dtype)
    for _, to, of in _parts(shape, slide):
        out[of] += values[to]
    return out


def window_sum(input: Tensor, slide: Slide) -> Tensor:
    """Add up the elements of every window.

    Parameters
    ----------
    input : Tensor
        Of shape (..., L1, ..., Ln).
    slide : Slide
        How the window moves over the last n dimensions.

    Returns
    -------
    Tensor
        Of shape (..., *slide.places).

    Examples
    --------
    >>> ad.window_sum(ad.tensor([1, 2, 3, 4]), ad.Slide((2,), (2,), (2,), (0,), (1,)))
    tensor([3, 7])
    """
    return _window_sum(tensor_of(input, "window_sum"), slide=slide)


@nondifferentiable
def _winner(input: Array, largest: Array, *, slide: Slide) -> Array:
    number = np.zeros(largest.shape, np.uint8 if math.prod(slide.size) <= 256 else np.int64)
    parts = list(_parts(input.shape, slide))
    for i, to, of in reversed(parts):  # the first of equal ones is written last
        smaller = input[of] != largest[to]
        number[to] = number[to] * smaller + number.dtype.type(i) * ~smaller  # a third of the time that `where` takes
    if np.isnan(np.add.reduce(largest, axis=None)):
        for i, to, of in parts:
            np.copyto(number[to], i, where=np.isnan(input[of]), casting="unsafe")
    return number


def _unmax(g: Array, y: Array, input: Array, slide: Slide) -> Array:
    return _placed(g, _winner(input, y, slide=slide), shape=input.shape, slide=slide)


@primitive(symbol="maxpool", called="maxpool", input=_unmax)
def _window_max(input: Array, *, slide: Slide) -> Array:
    out = np.full(_counted(input.shape, slide), -np.inf, input.dtype)
    for _, to, of in _parts(input.shape, slide):
        np.maximum(out[to], input[of], out=out[to])
    return out


def _unplace(g: Array, number: Array, slide: Slide) -> Array:
    return _picked(g, number, slide=slide)


@primitive(symbol="[ ]ᵀ", values=_unplace)
def _placed(values: Array, number: Array, *, shape: Sizes, slide: Slide) -> Array:
    """Zeros of `shape` with each value added to the element of its window that has this number."""
    out = np.zeros(shape, values.dtype)
    for i, to, of in _parts(shape, slide):
        out[of] += _masked(values[to], number[to] == i)
    return out


@primitive(symbol="[ ]", input=lambda g, number, input_shape, slide: _placed(g, number, shape=input_shape, slide=slide))
def _picked(input: Array, number: Array, *, slide: Slide) -> Array:
    """Return the element of each window that has this number: the adjoint of placed."""
    out = np.zeros(number.shape, input.dtype)
    for i, to, of in _parts(input.shape, slide):
        np.copyto(out[to], input[of], where=number[to] == i)
    return out


def window_max(input: Tensor, slide: Slide) -> Tensor:
    """Largest element of every window, to which the gradient flows; as with `window_argmax` among equal ones.

    Parameters
    ----------
    input : Tensor of floats
        Of shape (..., L1, ..., Ln).
    slide : Slide
        How the window moves over the last n dimensions.

    Returns
    -------
    Tensor
        Of shape (..., *slide.places).

    Examples
    --------
    >>> ad.window_max(ad.tensor([1.0, 2.0, 4.0, 3.0]), ad.Slide((2,), (2,), (2,), (0,), (1,)))
    tensor([2., 4.])
    """
    return _window_max(tensor_of(input, "window_max"), slide=slide)


def window_argmax(input: Tensor, largest: Tensor, slide: Slide) -> Tensor:
    """Number, within its window, of the first element that is the largest; of the last NaN where there is one.

    Parameters
    ----------
    input : Tensor of floats
    largest : Tensor
        What `window_max` returned.
    slide : Slide

    Returns
    -------
    Tensor of int64
        Of the shape of `largest`.

    Examples
    --------
    >>> x, slide = ad.tensor([1.0, 2.0, 4.0, 4.0]), ad.Slide((2,), (2,), (2,), (0,), (1,))
    >>> ad.window_argmax(x, ad.window_max(x, slide), slide)
    tensor([1, 0])
    """
    return _winner(tensor_of(input, "window_argmax"), largest, slide=slide).long()
