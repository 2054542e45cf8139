"""Sums along the dimensions of an array."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

_MOST_ROWS = 4096  # so that the ones that are kept stay small


@functools.lru_cache(maxsize=16)
def _ones(n: int, dtype: np.dtype[Any]) -> Any:
    return np.ones(n, dtype)


def added(x: Any, dim: tuple[int, ...], keepdim: Any = False) -> Any:
    """Add up an array along dimensions.

    Down the rows of a matrix, where biases and batch statistics are summed, this is the product of a row of ones and
    the matrix: BLAS takes a third to an eighth of the time that ``np.add.reduce`` does.
    """
    if dim == (0,) and x.ndim == 2 and 0 < x.shape[0] <= _MOST_ROWS and x.dtype.char in "fd":
        total = np.dot(_ones(x.shape[0], x.dtype), x)
        return total[None] if keepdim else total
    return np.add.reduce(x, axis=dim, keepdims=keepdim)
