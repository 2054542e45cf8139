"""Reductions along the dimensions of arrays: with PyTorch's accuracy, as fast as NumPy can."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy import ndarray

from .spelling import faster

_MOST_ROWS, _MOST_COLUMNS = 512, 128  # of more, adding one after the other loses digits
_BLOCK = 64
_SHORT = 16


@functools.lru_cache(maxsize=16)
def _ones(n: int, kind: str) -> Any:
    return np.ones(n, kind)


def total(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Add up an array along dimensions, float16 in float32, and long dimensions of floats in blocks.

    Down the rows of a matrix, where biases and batch statistics are summed, this is the product of a row of ones and
    the matrix: BLAS takes a third to an eighth of the time that ``np.add.reduce`` does. It takes a quarter along short
    rows, as those of probabilities.
    """
    if x.__class__ is not ndarray:  # a number, or a symbol, which answers to NumPy's own function
        return np.add.reduce(x, axis=dim, keepdims=keepdim)
    kind = x.dtype.char
    if kind in "fd":
        if len(dim) == 1 and x.ndim == 2:
            n, m = x.shape
            if dim[0] == 0 < n <= _MOST_ROWS:
                sums = _ones(n, kind).dot(x)
                return sums[None] if keepdim else sums
            if dim[0] == 1 and 0 < m <= _MOST_COLUMNS:
                sums = x.dot(_ones(m, kind))
                return sums[:, None] if keepdim else sums
        # What lies in memory without gaps, and is added as a whole, NumPy adds in pairs.
        if x.size > _MOST_ROWS and not (len(dim) == x.ndim and x.flags.forc) and count(x.shape, dim) > _MOST_ROWS:
            sums = _in_blocks(x, dim)
            return sums if keepdim else sums.reshape([n for d, n in enumerate(x.shape) if d not in dim])[()]
    elif kind == "e":
        return total(x.astype(np.float32), dim, keepdim).astype(np.float16)
    return np.add.reduce(x, axis=dim, keepdims=keepdim)


def _in_blocks(x: Any, dim: tuple[int, ...]) -> Any:
    """Add up along dimensions, which are kept with size 1, those that lie together in memory at a time.

    NumPy adds in pairs, which keeps the digits, only along the dimension that is innermost in memory.
    """
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))
    sums, back = x.transpose(order), [order.index(d) for d in range(x.ndim)]
    runs: list[list[int]] = []
    for axis, d in enumerate(order):
        if d in dim:
            joins = runs and runs[-1][-1] == axis - 1 and sums.strides[axis - 1] == x.strides[d] * x.shape[d]
            runs[-1].append(axis) if joins else runs.append([axis])
    for run in reversed(runs):
        if run[-1] == x.ndim - 1 or count(sums.shape, tuple(run)) <= _BLOCK:
            sums = np.add.reduce(sums, axis=tuple(run), keepdims=True)
        else:
            sums = _total_down(sums, run[0], run[-1] + 1)
    return sums.transpose(back)


def _total_down(x: Any, first: int, end: int) -> Any:
    """Add up along dimensions that others follow, which are kept with size 1: blocks of rows, and then their sums."""
    shape = x.shape
    rows = x.reshape(math.prod(shape[:first]), math.prod(shape[first:end]), math.prod(shape[end:]))
    while (n := rows.shape[1]) > 1:
        block = min(n, _BLOCK)
        whole = n - n % block
        blocks = rows[:, :whole].reshape(len(rows), whole // block, block, rows.shape[2])
        sums = _ones(block, rows.dtype.char) @ blocks
        rows = np.concatenate([sums, rows[:, whole:]], axis=1) if whole < n else sums
    return rows.reshape(shape[:first] + (1,) * (end - first) + shape[end:])


def average(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Average an array along dimensions; of no numbers it is NaN."""
    if x.dtype.char == "e":  # whose largest number, 65504, many small ones add up to
        return average(x.astype(np.float32), dim, keepdim).astype(np.float16)
    sums = total(x, dim, keepdim)
    return sums / (x.size // sums.size) if x.size else sums * np.nan


def divide(x: Any, n: int) -> Any:
    """Divide by a count, which may lie above the largest number of float16, 65504."""
    return x / n if n < 65504 else x * (1 / n)


def accumulate(function: np.ufunc, x: Any, dim: int) -> Any:
    """Return the running sums or products along a dimension, of floats computed in twice their width, as in PyTorch."""
    if x.dtype.kind != "f":
        return function.accumulate(x, axis=dim, dtype=x.dtype)
    return function.accumulate(x, axis=dim, dtype=_wider(x)).astype(x.dtype, copy=False)


def logcumsumexp(x: Any, *, dim: int) -> Any:
    """Return the logarithms of running sums of exponentials along a dimension."""
    return np.logaddexp.accumulate(x, axis=dim, dtype=_wider(x)).astype(x.dtype, copy=False)


def _wider(x: Any) -> type[np.floating[Any]]:
    return np.float32 if x.dtype.char == "e" else np.float64


def product(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Multiply an array along dimensions, float16 in float32."""
    if x.dtype.char == "e":
        return np.multiply.reduce(x, axis=dim, keepdims=keepdim, dtype=np.float32).astype(np.float16)
    return np.multiply.reduce(x, axis=dim, keepdims=keepdim, dtype=x.dtype)


def largest(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Return the largest numbers of an array along dimensions, NaN where there is one.

    Many short rows, as those of logits, are transposed before: ``np.maximum.reduce`` spends 50 ns on each row.
    """
    if x.__class__ is not ndarray:
        return np.maximum.reduce(x, axis=dim, keepdims=keepdim)
    if not x.size and x.dtype.kind == "f":
        return np.maximum.reduce(x, axis=dim, keepdims=keepdim, initial=-np.inf)
    if dim == (1,) and x.ndim == 2 and 0 < x.shape[1] <= _SHORT < x.shape[0]:
        top = np.maximum.reduce(np.ascontiguousarray(x.T), axis=0)
        return top[:, None] if keepdim else top
    return np.maximum.reduce(x, axis=dim, keepdims=keepdim)


def count(shape: tuple[int, ...], dim: tuple[int, ...]) -> int:
    """Return how many numbers of an array of `shape` are reduced to each one along dimensions."""
    return math.prod(shape if len(dim) == len(shape) else [shape[d] for d in dim])


@faster(lambda g, shape, dim, keepdim: np.broadcast_to(with_dims(g, shape, dim, keepdim), shape))
def spread(g: Any, shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> Any:
    """Repeat what is left of a reduction over the dimensions that it reduced.

    As a copy, which costs less than a broadcast view does to make and to read.
    """
    if not shape:
        return g
    out = np.empty(shape, g.dtype)
    out[...] = with_dims(g, shape, dim, keepdim) if g.ndim else g
    return out


def with_dims(y: Any, shape: tuple[int, ...], dim: tuple[int, ...], keepdim: bool) -> Any:
    """Return what is left of a reduction with the dimensions that it dropped, of size 1."""
    if keepdim or not dim or not y.ndim:
        return y
    return y.reshape(tuple(1 if i in dim else n for i, n in enumerate(shape)))


def log_total_exp(x: Any, dim: tuple[int, ...]) -> Any:
    """Return the logarithm of the sum of exponentials along dimensions, which are kept, without overflow."""
    top = np.maximum.reduce(x, axis=dim, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)
    sums = total(np.exp(x - top), dim, True)  # an infinity gives one
    return np.log(sums, out=np.full_like(sums, -np.inf), where=sums != 0) + top


def logsumexp(x: Any, *, dim: tuple[int, ...], keepdim: bool) -> Any:
    """Return the logarithm of the sum of exponentials along dimensions."""
    return without_dims(log_total_exp(x, dim), dim, keepdim)


def softmax(x: Any, *, dim: int) -> Any:
    """Return exponentials over their sum."""
    e = np.exp(x - largest(x, (dim,), True))
    return e / total(e, (dim,), True)


def log_softmax(x: Any, *, dim: int) -> Any:
    """Return the logarithm of `softmax`."""
    off = x - largest(x, (dim,), True)
    return off - np.log(total(np.exp(off), (dim,), True))


def without_dims(y: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    """Return what is left of a reduction without the dimensions of size 1, unless they are kept."""
    return y if keepdim else y.reshape([n for i, n in enumerate(y.shape) if i not in dim])[()]


def _scaled_norm(x: Any, p: float, dim: tuple[int, ...]) -> Any:
    scale = (np.maximum if p > 0 else np.minimum).reduce(np.abs(x), axis=dim, keepdims=True)
    scale = np.where((scale == 0) | np.isinf(scale), 1, scale)
    return scale * _root(_total_of_powers(x / scale, p, dim), p)


@faster(_scaled_norm)
def norm(x: Any, p: float, dim: tuple[int, ...]) -> Any:
    """Return the p-norm along dimensions, which are kept; powers that overflow or vanish are scaled before."""
    sums = _total_of_powers(x, p, dim)
    smallest = np.finfo(x.dtype).tiny / np.finfo(x.dtype).eps
    if not x.size or np.all((sums > smallest) & (sums < np.inf)):
        return _root(sums, p)
    return _scaled_norm(x, p, dim)


def p_norm(x: Any, *, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    """Return the p-norm along dimensions."""
    return without_dims(norm(x, p, dim), dim, keepdim)


def _total_of_powers(x: Any, p: float, dim: tuple[int, ...]) -> Any:
    """Return the sum of |x|ᵖ; of p < 0 a single 0 makes it infinite."""
    if p == 2:
        return total(x * x, dim, True)
    size = np.abs(x)
    zero = (size == 0) & (p < 0)
    return total(np.where(zero, np.inf, np.where(zero, 1, size) ** p), dim, True)


def _root(sums: Any, p: float) -> Any:
    return np.sqrt(sums) if p == 2 else sums ** (1 / p)


def moments(x: Any, dim: tuple[int, ...]) -> Any:
    """Return mean and variance along dimensions, which are kept with size 1, as the two entries of one array."""
    mean = average(x, dim, True)
    off = x - mean
    rest = average(off, dim, True)  # with it the mean of equal values is exact, so that nothing is left of them
    off -= rest
    mean += rest
    off *= off
    return np.stack([mean, average(off, dim, True)])


@faster(lambda g, y, mean, slope, scale: (g - y * slope - mean) * scale)
def residual(g: Any, y: Any, mean: Any, slope: Any, scale: Any) -> Any:
    """Return what the line slope y + mean leaves of g, scaled: in one array, two thirds of the time."""
    rest = y * slope
    np.subtract(g, rest, out=rest)
    rest -= mean
    rest *= scale
    return rest
