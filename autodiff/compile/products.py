"""Products of matrices: in which blocks BLAS is called, and how it reads an array in memory."""

from __future__ import annotations

import math
from typing import NamedTuple

from .element import Element
from .fuse import operand, row_major

#: Multiplications up to which a product is one call, and those of a batch are joined to a part.
WHOLE = 100_000

#: Multiplications up to which BLAS multiplies a block as it lies, where it does, and beyond which packing costs little.
BLOCK, PACKED = 1_000_000, 1 << 25


class Matrix(NamedTuple):
    """How a matrix, or each of a batch, lies in memory: array, start, strides of batch, rows and columns."""

    source: Element
    start: int
    leap: int
    rows: int
    columns: int

    def layout(self, n: int, m: int) -> tuple[int, int]:
        """Return how BLAS reads it as n x m: 111 as it stands, 112 transposed; and its leading size."""
        if (self.columns == 1 or m == 1) and (self.rows >= m or n == 1):
            return 111, max(self.rows, m, 1) if n > 1 else max(m, 1)
        return 112, max(self.columns, n, 1) if m > 1 else max(n, 1)


def matrix(e: Element) -> Matrix:
    """Return an argument of a product as it lies in memory: what it views, or itself."""
    if (found := operand(e)) is not None:
        return Matrix(*found)
    strides = row_major(e.shape)
    return Matrix(e, 0, strides[0] if len(e.shape) == 3 else 0, strides[-2], strides[-1])


class Product:
    """A product C = A B, each of n x k and k x m numbers, of a batch or not, and the blocks of C that are its parts.

    Attributes
    ----------
    rows, columns, depth : int
        What one call of BLAS multiplies: so many rows of A, columns of B, and of the k products of a number of C.
    together : int
        How many of a batch a part computes.
    """

    def __init__(self, e: Element, threads: int, blocks_are_fast: bool) -> None:
        self.element = e
        self.a, self.b = (matrix(x) for x in e.args)
        self.n, self.k = e.args[0].shape[-2:]
        self.m = e.shape[-1]
        self.batch = e.shape[0] if len(e.shape) == 3 else 1
        self.how_a, self.how_b = self.a.layout(self.n, self.k), self.b.layout(self.k, self.m)
        self.rows, self.columns, self.depth, self.together = self.n, self.m, self.k, 1
        work = self.n * self.m * self.k
        if work < WHOLE:
            self.together = min(self.batch, -(-WHOLE // work))
        elif blocks_are_fast and BLOCK < work <= PACKED:
            self._cut()
        elif threads > 1 and self.batch < threads:
            self._halve(threads)
        if threads > 1 and self.parts == 1 and work >= WHOLE:
            self._halve(threads)

    def _cut(self) -> None:
        """Choose blocks that are multiplied without packing.

        Measured with OpenBLAS 0.3.31 for AVX-512, both threads, in microseconds, halves packed and then blocks:
        x @ W.T with 64 x 784 x 256 131 and 91, g.T @ x with 256 x 64 x 784 98 and 75, g @ W with 64 x 128 x 256 22 and
        13, with 512 x 256 x 64 66 and 48. Both factors contiguous along k, it pays for few rows alone.
        """
        n, m, k = self.n, self.m, self.k
        if self.how_a[0] == 111 and self.how_b[0] == 112:
            if n <= 128 <= k:
                self.rows, self.columns, self.depth = 16, 32 if k > 256 else 64, min(k, 1024)
        elif self.how_a[0] == 111:
            self.rows, self.columns, self.depth = (32, 128, 128) if m >= 128 else (64, 64, 128)
        else:
            self.rows, self.depth = min(n, 64), 128
            self.columns = max(4096 // self.rows // 16 * 16, 64)
        self.rows, self.columns, self.depth = min(self.rows, n), min(self.columns, m), min(self.depth, k)
        # Of long and thin matrices as much as is worth a call: there would be a million, and more parts than fit.
        self.depth = min(k, max(self.depth, WHOLE // (self.rows * self.columns), -(-k // 64)))
        self.rows = min(n, max(self.rows, WHOLE // (self.columns * self.depth)))
        self.columns = min(m, max(self.columns, WHOLE // (self.rows * self.depth)))

    def _halve(self, threads: int) -> None:
        """Cut the longer side into a block for each thread."""
        if self.n >= self.m:
            self.rows = min(self.n, -(-self.n // (8 * threads)) * 8)
        else:
            self.columns = min(self.m, -(-self.m // (16 * threads)) * 16)

    @property
    def across(self) -> int:
        """Into how many blocks the columns are cut."""
        return -(-self.m // self.columns)

    @property
    def down(self) -> int:
        """Into how many blocks the rows are cut."""
        return -(-self.n // self.rows)

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return self.down * self.across * math.ceil(self.batch / self.together)
