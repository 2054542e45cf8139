"""The table of nodes: of each operator of ONNX, what it is here.

A function gets a node's inputs in order, None in the place of those that are left out, and its attributes by name.
`NUMBERS` says which inputs it gets as Python's numbers: shapes, axes, bounds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows

from ..tensor import Tensor, from_array
from .resizing import resize

Run = Callable[..., Any]
Ints = Sequence[int]


class RefusedError(RuntimeError):
    """What a node asks for that is not here."""


def dtype_of(number: int) -> Any:
    """Return the dtype that has a number among ONNX's."""
    dtype = helper.tensor_dtype_to_np_dtype(number)
    if dtype.isbuiltin != 1 or dtype.kind not in "biuf":  # bfloat16 is a float, but not NumPy's
        raise RefusedError(f"{onnx.TensorProto.DataType.Name(number)} is no dtype of tensors here")
    return dtype


def expect(name: str, value: Any, *known: Any) -> None:
    """Refuse a value of an attribute that is none of those known."""
    if value not in known:
        raise RefusedError(f"{name}={value!r} is not supported, only {' or '.join(map(repr, known))}")


# -- elements ----------------------------------------------------------------------------------------------------------


def over_all(function: Run) -> Run:
    """Return what joins any number of inputs, two at a time."""
    return lambda *tensors: functools.reduce(function, tensors)


def div(a: Tensor, b: Tensor) -> Tensor:
    """Divide; of integers the part before the point."""
    return a / b if a.dtype.kind == "f" else ad.div(a, b, rounding_mode="trunc").to(a.dtype)


def clip(x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    """Bring elements between bounds."""
    return x if low is None and high is None else ad.clamp(x, low, high)


def dropout(x: Tensor, ratio: Any = None, training: Any = None, *, seed: int = 0) -> Any:
    """Leave all elements, and say so."""
    expect("training_mode with a ratio above 0", bool(training and ratio != 0), False)
    return x, ad.ones_like(x, dtype="bool")


def power(base: Tensor, exponent: Tensor) -> Tensor:
    """Raise to a power, in the dtype of the base."""
    if base.dtype.kind in "iu" and exponent.dtype.kind == "f":
        return ad.pow(base.to("float64"), exponent).to(base.dtype)
    return ad.pow(base, exponent.to(base.dtype))


def flat(function: Run) -> Run:
    """Return what a function (x, axis) was before opset 13: of a matrix, whose rows the axes before make."""
    return lambda x, *, axis=1: function(flatten(x, axis=axis), axis=-1).reshape(x.shape)


def hardmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """Return 1 where along an axis the largest element first stands, otherwise 0."""
    places = ad.arange(x.shape[axis]).reshape([-1] + [1] * (x.ndim - axis % x.ndim - 1))
    return (ad.argmax(x, axis, keepdim=True) == places).to(x.dtype)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """Multiply what is below 0 by slopes that broadcast."""
    return ad.where(x > 0, x, x * slope)


# -- reductions --------------------------------------------------------------------------------------------------------


def reduction(function: Run) -> Run:
    """Return what reduces axes by a function (x, dims, keepdim)."""

    def run(x: Tensor, axes: Ints | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Any:
        if not axes and noop_with_empty_axes:
            return x
        return function(x, tuple(axes) if axes else tuple(range(x.ndim)), bool(keepdims))

    return run


def product(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    """Multiply along dimensions, the last first."""
    for d in sorted((d % x.ndim for d in dims), reverse=True):
        x = x.prod(d, keepdim=keepdim)
    return x


def extreme(function: Run, sign: int) -> Run:
    """Return what finds the largest or smallest elements; of nothing the one that all others beat."""

    def run(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
        if all(x.shape[d] for d in dims):
            found: Tensor = function(x, dims, keepdim=keepdim)
            return found
        kind = x.dtype.kind
        ends = np.iinfo(x.dtype) if kind in "iu" else None
        least = sign > 0 if kind == "b" else sign * math.inf if ends is None else ends.max if sign > 0 else ends.min
        return ad.full_like(x.to(x.dtype).sum(dims, keepdim=keepdim), least, dtype=x.dtype)

    return run


def position(function: Run) -> Run:
    """Return what tells where along an axis the extreme is."""

    def run(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Any:
        if not select_last_index:
            return function(x, axis, keepdim=bool(keepdims))
        return x.shape[axis] - 1 - function(ad.flip(x, axis), axis, keepdim=bool(keepdims))

    return run


def running(function: Run, first: float) -> Run:
    """Return what a function (x, dim) of all elements up to each becomes with ONNX's attributes.

    Parameters
    ----------
    first : float
        What stands before the first element, where each counts without itself.
    """

    def run(x: Tensor, axis: Any, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
        d = int(np.ravel(axis)[0])
        x = ad.flip(x, d) if reverse else x
        if exclusive:
            n = x.shape[d]
            x = ad.cat([ad.full_like(x.narrow(d, 0, min(n, 1)), first), x.narrow(d, 0, max(n - 1, 0))], d)
        y = function(x, d).to(x.dtype)
        return ad.flip(y, d) if reverse else y

    return run


def topk(x: Tensor, k: Any, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> Any:
    """Return the largest elements and where they stand."""
    return ad.topk(x, int(np.ravel(k)[0]), axis, bool(largest), bool(sorted))


# -- shapes ------------------------------------------------------------------------------------------------------------


def reshape(x: Tensor, shape: Ints, *, allowzero: int = 0) -> Tensor:
    """Return another shape, in which 0 stands for what the size was."""
    return x.reshape([x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(shape)])


def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """Return a matrix."""
    axis = axis % x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def squeeze(x: Tensor, axes: Ints | None = None) -> Tensor:
    """Drop dimensions of size 1."""
    gone = (
        {d % x.ndim for d in np.ravel(axes).tolist()}
        if axes is not None
        else {d for d, n in enumerate(x.shape) if n == 1}
    )
    return x.reshape([n for d, n in enumerate(x.shape) if d not in gone])


def unsqueeze(x: Tensor, axes: Ints) -> Tensor:
    """Add dimensions of size 1, at places counted in the result."""
    places = np.ravel(axes).tolist()
    new = {d % (x.ndim + len(places)) for d in places}
    old = iter(x.shape)
    return x.reshape([1 if d in new else next(old) for d in range(x.ndim + len(places))])


def transpose(x: Tensor, *, perm: Ints | None = None) -> Tensor:
    """Return dimensions in another order, the reverse one by default."""
    return x.permute(*(range(x.ndim)[::-1] if perm is None else perm))


def expand(x: Tensor, shape: Ints) -> Tensor:
    """Repeat up to a shape, or to what it and the own shape broadcast to."""
    return ad.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))


def split(x: Tensor, sizes: Ints | None = None, *, axis: int = 0, num_outputs: int | None = None) -> Any:
    """Cut an axis into parts."""
    if sizes is None:
        return ad.split(x, -(-x.shape[axis] // (num_outputs or 2)), axis)
    return ad.split(x, [*sizes], axis)


def cut(x: Tensor, starts: Ints, ends: Ints, axes: Ints | None = None, steps: Ints | None = None) -> Tensor:
    """Return from start to end in steps, along axes."""
    for axis, start, end, step in zip(
        axes or range(len(starts)), starts, ends, steps or [1] * len(starts), strict=True
    ):
        axis %= x.ndim
        bounds = slice(start, end, step).indices(x.shape[axis])
        part: Any = slice(*bounds) if step > 0 else np.arange(*bounds)
        x = x[(slice(None),) * axis + (part,)]
    return x


def pad(x: Tensor, pads: Ints, value: Any = 0, axes: Ints | None = None, *, mode: str = "constant") -> Tensor:
    """Put a margin around."""
    widths = [(0, 0)] * x.ndim
    n = len(pads) // 2
    for i, axis in enumerate(axes or range(n)):
        widths[axis] = pads[i], pads[n + i]
    while len(widths) > 1 and widths[0] == (0, 0):
        del widths[0]
    flat = [w for pair in widths[::-1] for w in pair]
    if mode == "constant":
        return F.pad(x, flat, value=0 if value is None else value)
    expect("mode", mode, "reflect", "edge", "wrap")
    return F.pad(x, flat, {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}[mode])


def filled(shape: Ints, *, value: Any = None) -> Tensor:
    """Return an array that is filled with one number."""
    return from_array(
        np.full(tuple(shape), 0 if value is None else value.item(), np.float32 if value is None else value.dtype)
    )


def shape_of(x: Tensor, *, start: int = 0, end: int | None = None) -> Any:
    """Return the shape."""
    return np.array(x.shape[start:end], np.int64)


def blocks(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """Move channels into blocks of pixels."""
    if mode == "CRD":
        return F.pixel_shuffle(x, blocksize)
    n, c, h, w = x.shape
    inner = c // blocksize**2
    parts = x.reshape(n, blocksize, blocksize, inner, h, w).permute(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, inner, h * blocksize, w * blocksize)


def pixels(x: Tensor, *, blocksize: int) -> Tensor:
    """Move blocks of pixels into channels."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c, h // blocksize, blocksize, w // blocksize, blocksize).permute(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, -1, h // blocksize, w // blocksize)


def identity(x: Tensor, *, dtype: int | None = None, k: int = 0) -> Tensor:
    """Return ones on a diagonal, in the shape of a matrix."""
    kind = x.dtype if dtype is None else dtype_of(dtype)
    return from_array(np.eye(x.shape[0], x.shape[1], k=k, dtype=kind))


def triangle(x: Tensor, k: Any = 0, *, upper: int = 1) -> Tensor:
    """Return a triangle of matrices."""
    return ad.triu(x, int(k or 0)) if upper else ad.tril(x, int(k or 0))


# -- positions ---------------------------------------------------------------------------------------------------------


def gather(x: Tensor, at: Tensor, *, axis: int = 0) -> Tensor:
    """Pick slices."""
    key: Any = (slice(None),) * (axis % x.ndim) + (at,)
    return x[key]


def gather_nd(x: Tensor, at: Tensor, *, batch_dims: int = 0) -> Tensor:
    """Pick by several positions at once."""
    lead = [
        ad.arange(n).reshape([-1] + [1] * (at.ndim - 2 - d)) for d, n in enumerate(x.shape[:batch_dims])
    ]  # so that each example is picked from itself
    key: Any = (*lead, *(at[..., k] for k in range(at.shape[-1])))
    return x[key]


#: The names that reductions have here.
_REDUCTIONS = {"mul": "prod", "max": "amax", "min": "amin", "add": "sum"}


def scatter(x: Tensor, at: Tensor, values: Tensor, *, axis: int = 0, reduction: str = "none") -> Tensor:
    """Put elements at positions along an axis, which are counted from the end where they are negative."""
    at = ad.where(at < 0, at + x.shape[axis], at)
    if reduction == "none":
        return ad.scatter(x, axis, at, values)
    return ad.scatter_reduce(x, axis, at, values, _REDUCTIONS[reduction])


def scatter_nd(x: Tensor, at: Tensor, values: Tensor, *, reduction: str = "none") -> Tensor:
    """Put elements at several positions at once."""
    key = tuple(at[..., k] for k in range(at.shape[-1]))
    if reduction in ("none", "add"):
        return ad.index_put(x, key, values, accumulate=reduction == "add")
    lead, rest = x.shape[: len(key)], x.shape[len(key) :]
    flat = ad.zeros_like(key[0])
    for part, size in zip(key, lead, strict=True):
        flat = flat * size + part % size
    wide = flat.reshape([-1] + [1] * len(rest)).expand(-1, *rest)
    found = ad.scatter_reduce(x.reshape(-1, *rest), 0, wide, values.reshape(-1, *rest), _REDUCTIONS[reduction])
    return found.reshape(x.shape)


def one_hot(at: Tensor, depth: Any, values: Tensor, *, axis: int = -1) -> Tensor:
    """Return one value at each position and another one elsewhere; positions below 0 are counted from the end."""
    count = int(np.ravel(depth)[0])
    at = at.to("int64")
    at = ad.where(at < 0, at + count, at)
    classes = ad.arange(count).reshape([-1] + [1] * (-1 - axis if axis < 0 else at.ndim - axis))
    return ad.where(at.unsqueeze(axis) == classes, values[1], values[0])


def span(start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    """Return the numbers from start to below end."""
    first, last, by = (x.reshape(()).item() for x in (start, end, step))
    return ad.arange(first, last, by).to(start.dtype)


# -- products and windows ----------------------------------------------------------------------------------------------


def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    """Return α a b + β c."""
    if transB and not transA and alpha == beta == 1 and (c is None or c.ndim == 1):
        return F.linear(a, b, c)
    y = (a.mT if transA else a) @ (b.mT if transB else b)
    y = y if alpha == 1 else y * alpha
    return y if c is None else y + (c if beta == 1 else c * beta)


def of_rank(name: str, n: int) -> Run:
    """Return the function of layers for so many dimensions."""
    function: Run | None = getattr(F, f"{name}{n}d", None)
    if function is None:
        raise RefusedError(f"{n} dimensions are not supported")
    return function


def margins(
    x: Tensor, kernel: Ints, strides: Ints, dilations: Ints, pads: Ints | None, auto_pad: str
) -> tuple[list[int], list[int]]:
    """Return how much stands before and after each dimension."""
    n = len(kernel)
    if auto_pad in ("NOTSET", "VALID"):
        pads = [0] * (2 * n) if pads is None else [*pads]
        return [*pads[:n]], [*pads[n:]]
    expect("auto_pad", auto_pad, "SAME_UPPER", "SAME_LOWER")
    sizes = zip(x.shape[-n:], kernel, strides, dilations, strict=True)
    whole = [max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0) for size, k, s, d in sizes]
    less, more = [w // 2 for w in whole], [w - w // 2 for w in whole]
    return (less, more) if auto_pad == "SAME_UPPER" else (more, less)


def around(x: Tensor, before: Ints, after: Ints, value: float = 0.0) -> Tensor:
    """Return it with margins."""
    return F.pad(x, [w for pair in zip(before[::-1], after[::-1], strict=True) for w in pair], value=value)


def conv(
    x: Tensor, w: Tensor, b: Tensor | None = None, *, kernel_shape: Ints | None = None, strides: Ints | None = None,
    pads: Ints | None = None, dilations: Ints | None = None, group: int = 1, auto_pad: str = "NOTSET",
) -> Tensor:  # fmt: skip
    """Convolve."""
    n = w.ndim - 2
    strides, dilations = strides or [1] * n, dilations or [1] * n
    before, after = margins(x, w.shape[2:], strides, dilations, pads, auto_pad)
    if before != after:
        x, before = around(x, before, after), [0] * n
    y: Tensor = of_rank("conv", n)(x, w, b, tuple(strides), tuple(before), tuple(dilations), group)
    return y


def conv_transpose(
    x: Tensor, w: Tensor, b: Tensor | None = None, *, kernel_shape: Ints | None = None, strides: Ints | None = None,
    pads: Ints | None = None, dilations: Ints | None = None, output_padding: Ints | None = None, group: int = 1,
    output_shape: Ints | None = None, auto_pad: str = "NOTSET",
) -> Tensor:  # fmt: skip
    """Convolve, transposed; what stands in the margins is cut off."""
    n = w.ndim - 2
    ones, zeros = (1,) * n, (0,) * n
    strides, dilations, more = strides or ones, dilations or ones, output_padding or zeros
    before, after = ([*pads[:n]], [*pads[n:]]) if pads else ([*zeros], [*zeros])
    if output_shape or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        sizes = zip(x.shape[2:], strides, w.shape[2:], dilations, more, strict=True)
        whole = [(m - 1) * s + (k - 1) * d + 1 + extra for m, s, k, d, extra in sizes]
        asked = output_shape or [m * s for m, s in zip(x.shape[2:], strides, strict=True)]
        cut_off = [have - want for have, want in zip(whole, asked[-n:], strict=True)]
        less, rest = [c // 2 for c in cut_off], [c - c // 2 for c in cut_off]
        before, after = (less, rest) if auto_pad == "SAME_UPPER" else (rest, less)
    same = before == after and min(before) >= 0
    steps = tuple(strides), tuple(before if same else zeros), tuple(more)
    y: Tensor = of_rank("conv_transpose", n)(x, w, b, *steps, group, tuple(dilations))
    return y if same else around(y, [-b for b in before], [-a for a in after])


def max_pool(
    x: Tensor, *, kernel_shape: Ints, strides: Ints | None = None, pads: Ints | None = None,
    dilations: Ints | None = None, ceil_mode: int = 0, auto_pad: str = "NOTSET", storage_order: int = 0,
) -> Tensor:  # fmt: skip
    """Return the largest element of every window."""
    n = len(kernel_shape)
    strides, dilations = strides or [1] * n, dilations or [1] * n
    before, after = margins(x, kernel_shape, strides, dilations, pads, auto_pad)
    if before != after or any(2 * b > k for b, k in zip(before, kernel_shape, strict=True)):
        x, before = around(x, before, after, -math.inf), [0] * n
    steps = tuple(kernel_shape), tuple(strides), tuple(before), tuple(dilations)
    y: Tensor = of_rank("max_pool", n)(x, *steps, ceil_mode=bool(ceil_mode))
    return y


def average_pool(
    x: Tensor, *, kernel_shape: Ints, strides: Ints | None = None, pads: Ints | None = None,
    dilations: Ints | None = None, ceil_mode: int = 0, count_include_pad: int = 0, auto_pad: str = "NOTSET",
) -> Tensor:  # fmt: skip
    """Return the average of every window."""
    n = len(kernel_shape)
    strides, dilations = strides or [1] * n, dilations or [1] * n
    before, after = margins(x, kernel_shape, strides, dilations, pads, auto_pad)
    if {*dilations} != {1}:
        return _average_with_gaps(x, kernel_shape, strides, dilations, (before, after), ceil_mode, count_include_pad)
    pool, steps = of_rank("avg_pool", n), (tuple(kernel_shape), tuple(strides))
    if before == after and all(2 * b <= k for b, k in zip(before, kernel_shape, strict=True)):
        y: Tensor = pool(x, *steps, tuple(before), bool(ceil_mode), bool(count_include_pad))
        return y
    expect("ceil_mode with such pads", ceil_mode, 0)
    y = pool(around(x, before, after), *steps)
    return y if count_include_pad else y / pool(around(ad.ones_like(x), before, after), *steps)


def lp_pool(x: Tensor, *, kernel_shape: Ints, p: int = 2, **options: Any) -> Tensor:
    """Return the p-norm of every window."""
    mean = average_pool(abs(x) ** p, kernel_shape=kernel_shape, count_include_pad=1, **options)
    return (mean * math.prod(kernel_shape)) ** (1 / p)


def grid_sample(
    x: Tensor, grid: Tensor, *, mode: str = "linear", padding_mode: str = "zeros", align_corners: int = 0
) -> Tensor:
    """Read an image at places."""
    kind = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    return F.grid_sample(x, grid, kind, padding_mode, bool(align_corners))


def _average_with_gaps(
    x: Tensor, kernel: Ints, strides: Ints, dilations: Ints, pads: tuple[Ints, Ints], ceil_mode: int, counts_pads: int
) -> Tensor:
    """Return averages as sums of windows by a convolution, over how many elements they have."""
    n = len(kernel)
    more = [
        (-(size + b + a - d * (k - 1) - 1)) % s if ceil_mode else 0
        for size, b, a, d, k, s in zip(x.shape[-n:], *pads, dilations, kernel, strides, strict=True)
    ]
    ones = ad.ones(1, 1, *kernel, dtype=x.dtype)

    def sums(y: Tensor) -> Any:
        single = y.reshape(-1, 1, *y.shape[-n:])
        return of_rank("conv", n)(single, ones, None, tuple(strides), 0, tuple(dilations))

    inside = around(ad.ones_like(x), *pads, value=float(counts_pads))
    total, count = (sums(around(y, [0] * n, more)) for y in (around(x, *pads), inside))
    average: Tensor = (total / count).reshape(*x.shape[:-n], *total.shape[-n:])
    return average


def fold(
    x: Tensor, image: Ints, block: Ints, *, dilations: Ints | None = None, pads: Ints | None = None,
    strides: Ints | None = None,
) -> Tensor:  # fmt: skip
    """Add columns up at their places in an image."""
    n = len(block)
    if n != 2:
        raise RefusedError(f"images of {n} dimensions are not supported")
    before, after = ([*pads[:n]], [*pads[n:]]) if pads else ([0] * n, [0] * n)
    whole = tuple(m + b + a for m, b, a in zip(image, before, after, strict=True))
    y = F.fold(x, whole, tuple(block), tuple(dilations or (1,) * n), 0, tuple(strides or (1,) * n))
    return around(y, [-b for b in before], [-a for a in after])


# -- normalization -----------------------------------------------------------------------------------------------------


def batch_norm(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *, epsilon: float = 1e-5, momentum: float = 0.9,
    training_mode: int = 0,
) -> Tensor:  # fmt: skip
    """Normalize by the averages that stand in the file, which are not trained."""
    expect("training_mode", training_mode, 0)
    return F.batch_norm(x, mean, var, scale, bias, eps=epsilon)


def layer_norm(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    """Normalize over the last dimensions."""
    shape = x.shape[axis:]
    return F.layer_norm(x, shape, scale.reshape(shape), None if bias is None else bias.reshape(shape), epsilon)


def rms_norm(x: Tensor, scale: Tensor, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Tensor:
    """Divide by the root of the mean square over the last dimensions."""
    dims = tuple(range(axis % x.ndim, x.ndim))
    return x / ((x * x).mean(dims, keepdim=True) + epsilon).sqrt() * scale


def lp_norm(x: Tensor, *, axis: int = -1, p: int = 2) -> Tensor:
    """Divide by a norm; zeros stay."""
    size = ad.norm(x, p, axis, keepdim=True)
    return x / ad.where(size == 0, 1.0, size)


# -- recurrence --------------------------------------------------------------------------------------------------------


class _LSTM(nn.LSTM):
    def reset_parameters(self) -> None:
        """Draw nothing: weights come from the file."""


class _GRU(nn.GRU):
    def reset_parameters(self) -> None:
        """Draw nothing: weights come from the file."""


class _RNN(nn.RNN):
    def reset_parameters(self) -> None:
        """Draw nothing: weights come from the file."""


def _in_order(w: Tensor, order: Ints) -> Tensor:
    """Return gates in our order."""
    return w.reshape(len(order), -1, *w.shape[1:])[[*order]].reshape(w.shape)


def _recurrent(kind: Any, order: Ints, x: Tensor, weights: Any, states: Any, direction: str, **options: Any) -> Any:
    """Run one of our layers, in one or two directions, with weights of ONNX's order of gates."""
    expect("direction", direction, "forward", "reverse", "bidirectional")
    w, r, b = weights
    layer = kind(w.shape[2], r.shape[2], bidirectional=direction == "bidirectional", bias=b is not None, **options)
    for k, suffix in enumerate(("_l0", "_l0_reverse")[: w.shape[0]]):
        found = {"weight_ih": w[k], "weight_hh": r[k]}
        if b is not None:
            half = b.shape[1] // 2
            found |= {"bias_ih": b[k, :half], "bias_hh": b[k, half:]}
        for which, value in found.items():
            delattr(layer, which + suffix)
            setattr(layer, which + suffix, _in_order(value, order))
    backwards = direction == "reverse"
    y, last = layer(ad.flip(x, 0) if backwards else x, states)
    y = ad.flip(y, 0) if backwards else y
    steps, batch, _ = x.shape
    outputs = y.reshape(steps, batch, w.shape[0], -1).permute(0, 2, 1, 3)
    return (outputs, *last) if isinstance(last, tuple) else (outputs, last)


def _plain(lengths: Any, clip: Any, layout: int, activations: Any, known: Ints | Any) -> None:
    """Refuse what our layers have not."""
    expect("layout", layout, 0)
    expect("clip", clip, None)
    expect("sequence_lens", lengths, None)
    if activations is not None and [*activations] != [*known] * (len(activations) // len(known)):
        raise RefusedError(f"activations={activations} are not supported, only {known}")


def lstm(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Any = None, h: Tensor | None = None,
    c: Tensor | None = None, p: Any = None, *, hidden_size: int, direction: str = "forward", layout: int = 0,
    input_forget: int = 0, clip: Any = None, activations: Any = None,
) -> Any:  # fmt: skip
    """Return all outputs, the last output and the last state."""
    _plain(lengths, clip, layout, activations, ["Sigmoid", "Tanh", "Tanh"])
    expect("input_forget", input_forget, 0)
    expect("P", p, None)
    zeros = ad.zeros(w.shape[0], x.shape[1], hidden_size, dtype=x.dtype)
    states = None if h is None and c is None else (zeros if h is None else h, zeros if c is None else c)
    return _recurrent(_LSTM, (0, 2, 3, 1), x, (w, r, b), states, direction)


def gru(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Any = None, h: Tensor | None = None, *,
    hidden_size: int, direction: str = "forward", layout: int = 0, linear_before_reset: int = 0, clip: Any = None,
    activations: Any = None,
) -> Any:  # fmt: skip
    """Return all outputs and the last one."""
    _plain(lengths, clip, layout, activations, ["Sigmoid", "Tanh"])
    expect("linear_before_reset", linear_before_reset, 1)
    return _recurrent(_GRU, (1, 0, 2), x, (w, r, b), h, direction)


def rnn(
    x: Tensor, w: Tensor, r: Tensor, b: Tensor | None = None, lengths: Any = None, h: Tensor | None = None, *,
    hidden_size: int, direction: str = "forward", layout: int = 0, clip: Any = None, activations: Any = None,
) -> Any:  # fmt: skip
    """Return all outputs and the last one."""
    kind = "Tanh" if not activations else activations[0]
    expect("activations", kind, "Tanh", "Relu")
    _plain(lengths, clip, layout, activations, [kind])
    return _recurrent(_RNN, (0,), x, (w, r, b), h, direction, nonlinearity=kind.lower())


# -- the table ---------------------------------------------------------------------------------------------------------


def _cast(x: Tensor, *, to: int, saturate: int = 1) -> Tensor:
    return x.to(dtype_of(to))


def _mod(a: Tensor, b: Tensor, *, fmod: int = 0) -> Tensor:
    return ad.fmod(a, b) if fmod else ad.remainder(a, b)


def _is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    return ad.isinf(x) & ((x < 0) & bool(detect_negative) | (x > 0) & bool(detect_positive))


NODES: dict[str, Run] = {
    # elements
    "Add": ad.add, "Sub": ad.sub, "Mul": ad.mul, "Div": div, "Neg": ad.neg, "Abs": ad.abs, "Sign": ad.sign,
    "Pow": power, "Sqrt": ad.sqrt, "Exp": ad.exp, "Log": ad.log, "Reciprocal": ad.reciprocal, "Erf": ad.erf,
    "Floor": ad.floor, "Ceil": ad.ceil, "Round": ad.round, "Mod": _mod,
    "Sin": ad.sin, "Cos": ad.cos, "Tan": ad.tan, "Asin": ad.asin, "Acos": ad.acos, "Atan": ad.atan,
    "Sinh": ad.sinh, "Cosh": ad.cosh, "Tanh": ad.tanh, "Asinh": ad.asinh, "Acosh": ad.acosh, "Atanh": ad.atanh,
    "Max": over_all(ad.maximum), "Min": over_all(ad.minimum), "Sum": over_all(ad.add),
    "Mean": lambda *tensors: over_all(ad.add)(*tensors) / len(tensors),
    "Identity": lambda x: x,
    "Dropout": dropout,
    "Cast": _cast,
    "CastLike": lambda x, like, *, saturate=1: x.to(like.dtype),
    "Where": ad.where,
    "Clip": clip,
    # activations
    "Relu": ad.relu, "Sigmoid": ad.sigmoid, "Softplus": F.softplus, "Softsign": F.softsign, "Mish": F.mish,
    "HardSwish": F.hardswish, "PRelu": prelu,
    "ChannelPRelu": lambda x, slope: prelu(x, slope.reshape([-1] + [1] * (x.ndim - 2)) if slope.ndim else slope),
    "LeakyRelu": lambda x, *, alpha=0.01: F.leaky_relu(x, alpha),
    "Elu": lambda x, *, alpha=1.0: F.elu(x, alpha),
    "Celu": lambda x, *, alpha=1.0: F.celu(x, alpha),
    "Selu": lambda x, *, alpha=1.67326319, gamma=1.05070102: gamma * F.elu(x, alpha),
    "HardSigmoid": lambda x, *, alpha=0.2, beta=0.5: ad.clamp(alpha * x + beta, 0, 1),
    "ThresholdedRelu": lambda x, *, alpha=1.0: F.threshold(x, alpha, 0.0),
    "Swish": lambda x, *, alpha=1.0: x * ad.sigmoid(alpha * x),
    "Shrink": lambda x, *, bias=0.0, lambd=0.5: ad.where(x < -lambd, x + bias, ad.where(x > lambd, x - bias, 0.0)),
    "Gelu": lambda x, *, approximate="none": F.gelu(x, approximate),
    "Softmax": lambda x, *, axis=-1: ad.softmax(x, axis),
    "LogSoftmax": lambda x, *, axis=-1: ad.log_softmax(x, axis),
    "Hardmax": hardmax,
    "FlatSoftmax": flat(lambda x, axis: ad.softmax(x, axis)),
    "FlatLogSoftmax": flat(lambda x, axis: ad.log_softmax(x, axis)),
    "FlatHardmax": flat(hardmax),
    # comparisons and logic
    "Equal": ad.eq, "Less": ad.lt, "LessOrEqual": ad.le, "Greater": ad.gt, "GreaterOrEqual": ad.ge,
    "And": ad.logical_and, "Or": ad.logical_or, "Xor": ad.logical_xor, "Not": ad.logical_not,
    "BitwiseAnd": ad.bitwise_and, "BitwiseOr": ad.bitwise_or, "BitwiseXor": ad.bitwise_xor,
    "BitwiseNot": ad.bitwise_not,
    "BitShift": lambda a, b, *, direction: getattr(ad, f"bitwise_{direction.lower()}_shift")(a, b),
    "IsNaN": ad.isnan, "IsInf": _is_inf,
    # reductions
    "ReduceSum": reduction(lambda x, d, k: x.sum(d, keepdim=k)),
    "ReduceMean": reduction(lambda x, d, k: x.mean(d, keepdim=k)),
    "ReduceMax": reduction(extreme(ad.amax, -1)),
    "ReduceMin": reduction(extreme(ad.amin, 1)),
    "ReduceProd": reduction(product),
    "ReduceL1": reduction(lambda x, d, k: abs(x).sum(d, keepdim=k)),
    "ReduceL2": reduction(lambda x, d, k: ad.norm(x, 2, d, keepdim=k)),
    "ReduceSumSquare": reduction(lambda x, d, k: (x * x).sum(d, keepdim=k)),
    "ReduceLogSum": reduction(lambda x, d, k: x.sum(d, keepdim=k).log()),
    "ReduceLogSumExp": reduction(lambda x, d, k: ad.logsumexp(x, d, keepdim=k)),
    "ArgMax": position(ad.argmax), "ArgMin": position(ad.argmin), "TopK": topk,
    "CumSum": running(ad.cumsum, 0), "CumProd": running(ad.cumprod, 1),
    # shapes
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "Expand": expand, "Split": split, "Slice": cut, "Pad": pad, "ConstantOfShape": filled, "Shape": shape_of,
    "Size": lambda x: np.array(x.numel(), np.int64),
    "Concat": lambda *tensors, axis: ad.cat(tensors, axis),
    "Tile": lambda x, repeats: ad.tile(x, tuple(repeats)),
    "Range": span,
    "DepthToSpace": blocks, "SpaceToDepth": pixels, "EyeLike": identity,
    "Trilu": triangle,
    # positions
    "Gather": gather, "GatherND": gather_nd, "ScatterElements": scatter, "ScatterND": scatter_nd, "OneHot": one_hot,
    "NonZero": lambda x: ad.nonzero(x).mT,
    "Compress": lambda x, chosen, *, axis=None: (x.reshape(-1) if axis is None else x).index_select(
        axis or 0, ad.nonzero(chosen).reshape(-1)
    ),
    "GatherElements": lambda x, at, *, axis=0: ad.take_along_dim(x, at, axis),
    # products, windows, normalization
    "MatMul": ad.matmul, "Gemm": gemm, "Det": ad.det,
    "Einsum": lambda *tensors, equation: ad.einsum(equation, *tensors),
    "Conv": conv, "ConvTranspose": conv_transpose, "Col2Im": fold,
    "MaxPool": max_pool, "AveragePool": average_pool, "Resize": resize,
    "Upsample": lambda x, scales, *, mode="nearest": resize(
        x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    ),
    "GridSample": grid_sample, "LpPool": lp_pool,
    "GlobalLpPool": lambda x, *, p=2: ad.norm(x, p, tuple(range(2, x.ndim)), keepdim=True),
    "LRN": lambda x, *, size, alpha=1e-4, beta=0.75, bias=1.0: F.local_response_norm(x, size, alpha, beta, bias),
    "GlobalAveragePool": lambda x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    "GlobalMaxPool": lambda x: ad.amax(x, tuple(range(2, x.ndim)), keepdim=True),
    "BatchNormalization": batch_norm, "LayerNormalization": layer_norm,
    "InstanceNormalization": lambda x, scale, b, *, epsilon=1e-5: F.instance_norm(x, None, None, scale, b, eps=epsilon),
    "GroupNormalization": lambda x, scale, b, *, num_groups, epsilon=1e-5, stash_type=1: F.group_norm(
        x, num_groups, scale, b, epsilon
    ),
    "RMSNormalization": rms_norm, "LpNormalization": lp_norm,
    # recurrence
    "LSTM": lstm, "GRU": gru, "RNN": rnn,
}  # fmt: skip

#: The inputs of operators that are read as Python's numbers.
NUMBERS: dict[str, tuple[int, ...]] = {
    "Clip": (1, 2), "CumSum": (1,), "CumProd": (1,), "Col2Im": (1, 2),
    "TopK": (1,), "Reshape": (1,), "Squeeze": (1,), "Unsqueeze": (1,), "Expand": (1,),
    "Split": (1,), "Slice": (1, 2, 3, 4), "Pad": (1, 2, 3), "ConstantOfShape": (0,), "Tile": (1,),
    "Trilu": (1,), "OneHot": (1,), "Resize": (1, 2, 3), "Upsample": (1,), "Dropout": (1, 2),
    **{name: (1,) for name in NODES if name.startswith("Reduce")},
}  # fmt: skip

#: The inputs of operators that training leaves as they are, beside these.
FIXED: dict[str, tuple[int, ...]] = {"BatchNormalization": (3, 4)}
