"""Sums, averages and maxima along the dimensions of an array, as fast as NumPy can."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

_MOST_ROWS, _MOST_COLUMNS = 512, 128  # of more, adding one after the other loses digits
_BLOCK = 64
_SHORT = 16


@functools.lru_cache(maxsize=16)
def _ones(n: int, kind: str) -> Any:
    return np.ones(n, kind)


def added(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Add up an array along dimensions, float16 in float32, and long dimensions of floats in blocks.

    Down the rows of a matrix, where biases and batch statistics are summed, this is the product of a row of ones and
    the matrix: BLAS takes a third to an eighth of the time that ``np.add.reduce`` does. It takes a quarter along short
    rows, as those of probabilities.
    """
    kind = x.dtype.char
    if kind in "fd":
        if len(dim) == 1 and x.ndim == 2:
            n, m = x.shape
            if dim[0] == 0 < n <= _MOST_ROWS:
                total = _ones(n, kind).dot(x)
                return total[None] if keepdim else total
            if dim[0] == 1 and 0 < m <= _MOST_COLUMNS:
                total = x.dot(_ones(m, kind))
                return total[:, None] if keepdim else total
        # What lies in memory without gaps, and is added as a whole, NumPy adds in pairs.
        if x.size > _MOST_ROWS and not (len(dim) == x.ndim and x.flags.forc) and count(x.shape, dim) > _MOST_ROWS:
            total = _in_blocks(x, dim)
            return total if keepdim else total.reshape([n for d, n in enumerate(x.shape) if d not in dim])[()]
    elif kind == "e":
        return added(x.astype(np.float32), dim, keepdim).astype(np.float16)
    return np.add.reduce(x, axis=dim, keepdims=keepdim)


def _in_blocks(x: Any, dim: tuple[int, ...]) -> Any:
    """Add up along dimensions, which are kept with size 1, those that lie together in memory at a time.

    NumPy adds in pairs, which keeps the digits, only along the dimension that is innermost in memory.
    """
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))
    total, back = x.transpose(order), [order.index(d) for d in range(x.ndim)]
    runs: list[list[int]] = []
    for axis, d in enumerate(order):
        if d in dim:
            joins = runs and runs[-1][-1] == axis - 1 and total.strides[axis - 1] == x.strides[d] * x.shape[d]
            runs[-1].append(axis) if joins else runs.append([axis])
    for run in reversed(runs):
        if run[-1] == x.ndim - 1 or count(total.shape, tuple(run)) <= _BLOCK:
            total = np.add.reduce(total, axis=tuple(run), keepdims=True)
        else:
            total = _added_down(total, run[0], run[-1] + 1)
    return total.transpose(back)


def _added_down(x: Any, first: int, end: int) -> Any:
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


def averaged(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Average an array along dimensions; of no numbers it is NaN."""
    if x.dtype.char == "e":  # whose largest number, 65504, many small ones add up to
        return averaged(x.astype(np.float32), dim, keepdim).astype(np.float16)
    total = added(x, dim, keepdim)
    return total / (x.size // total.size) if x.size else total * np.nan


def divided(x: Any, n: int) -> Any:
    """Divide by a count, which may lie above the largest number of float16, 65504."""
    return x / n if n < 65504 else x * (1 / n)


def running(function: np.ufunc, x: Any, dim: int) -> Any:
    """Return the running sums or products along a dimension, of floats computed in twice their width, as in PyTorch."""
    if x.dtype.kind != "f":
        return function.accumulate(x, axis=dim)
    return function.accumulate(x, axis=dim, dtype=_wider(x)).astype(x.dtype, copy=False)


def _wider(x: Any) -> type[np.floating[Any]]:
    return np.float32 if x.dtype.char == "e" else np.float64


def multiplied(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Multiply an array along dimensions, float16 in float32."""
    if x.dtype.char == "e":
        return np.multiply.reduce(x, axis=dim, keepdims=keepdim, dtype=np.float32).astype(np.float16)
    return np.multiply.reduce(x, axis=dim, keepdims=keepdim)


def largest(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Return the largest numbers of an array along dimensions, NaN where there is one.

    Many short rows, as those of logits, are transposed before: ``np.maximum.reduce`` spends 50 ns on each row.
    """
    if dim == (1,) and x.ndim == 2 and 0 < x.shape[1] <= _SHORT < x.shape[0]:
        top = np.maximum.reduce(np.ascontiguousarray(x.T), axis=0)
        return top[:, None] if keepdim else top
    return np.maximum.reduce(x, axis=dim, keepdims=keepdim)


def count(shape: tuple[int, ...], dim: tuple[int, ...]) -> int:
    """Return how many numbers of an array of `shape` are reduced to each one along dimensions."""
    return math.prod(shape if len(dim) == len(shape) else [shape[d] for d in dim])
