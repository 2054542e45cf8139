"""Sums, averages and maxima along the dimensions of an array, as fast as NumPy can."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

_MOST_ROWS, _MOST_COLUMNS = 4096, 128  # so that the ones that are kept stay small, and long rows are added pairwise
_SHORT = 16


@functools.lru_cache(maxsize=16)
def _ones(n: int, kind: str) -> Any:
    return np.ones(n, kind)


def added(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Add up an array along dimensions.

    Down the rows of a matrix, where biases and batch statistics are summed, this is the product of a row of ones and
    the matrix: BLAS takes a third to an eighth of the time that ``np.add.reduce`` does. It takes a quarter along short
    rows, as those of probabilities.
    """
    if hasattr(x, "__primitive__"):  # a symbol answers to NumPy's own function
        return np.add.reduce(x, axis=dim, keepdims=keepdim)
    if len(dim) == 1 and x.ndim == 2:
        (n, m), kind = x.shape, x.dtype.char
        if kind in "fd":
            if dim[0] == 0 < n <= _MOST_ROWS:
                total = _ones(n, kind).dot(x)
                return total[None] if keepdim else total
            if dim[0] == 1 and 0 < m <= _MOST_COLUMNS:
                total = x.dot(_ones(m, kind))
                return total[:, None] if keepdim else total
    return np.add.reduce(x, axis=dim, keepdims=keepdim)


def averaged(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Average an array along dimensions; of no numbers it is NaN."""
    if x.dtype.char == "e":  # whose largest number, 65504, many small ones add up to
        return averaged(x.astype(np.float32), dim, keepdim).astype(np.float16)
    total = added(x, dim, keepdim)
    return total / (x.size // total.size) if x.size else total * np.nan


def largest(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Return the largest numbers of an array along dimensions, NaN where there is one.

    Many short rows, as those of logits, are transposed before: ``np.maximum.reduce`` spends 50 ns on each row.
    """
    if hasattr(x, "__primitive__"):  # a symbol answers to NumPy's own function
        return np.maximum.reduce(x, axis=dim, keepdims=keepdim)
    if dim == (1,) and x.ndim == 2 and 0 < x.shape[1] <= _SHORT < x.shape[0]:
        top = np.maximum.reduce(np.ascontiguousarray(x.T), axis=0)
        return top[:, None] if keepdim else top
    return np.maximum.reduce(x, axis=dim, keepdims=keepdim)


def count(shape: tuple[int, ...], dim: tuple[int, ...]) -> int:
    """Return how many numbers of an array of `shape` are reduced to each one along dimensions."""
    return math.prod(shape if len(dim) == len(shape) else [shape[d] for d in dim])
