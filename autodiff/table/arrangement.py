"""Derivatives of functions that move elements without changing them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import row
from ..kernels import positions

Shape = tuple[int, ...]

# -- the same elements in another shape or order -----------------------------------------------------------------------

reshape = row(
    lambda x, *, shape: x.reshape(shape),
    x=lambda g, x_shape: g.reshape(x_shape),
    view=True,
    words="1, the same elements in another shape",
)
permute = row(
    lambda x, *, dims: x.transpose(dims),
    x=lambda g, dims: permute(g, dims=inverse(dims)),
    view=True,
    words="1, elements in another order",
)
flip = row(
    lambda x, *, dims: np.flip(x, dims).copy(),
    x=lambda g, dims: flip(g, dims=dims),
    words="1, elements in another order",
)
roll = row(
    lambda x, *, shifts, dims: np.roll(x, shifts, dims),
    x=lambda g, shifts, dims: roll(g, shifts=tuple(-n for n in shifts), dims=dims),
    words="1, elements in another order",
)
expand = row(lambda x, *, shape: positions.repeated(x, shape), x=lambda g: g, view=True)


def inverse(dims: Shape) -> Shape:
    """Return the inverse of a permutation."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


# -- joining -----------------------------------------------------------------------------------------------------------


def along(dim: int, at: Any) -> tuple[Any, ...]:
    """Return the index that takes `at` along a dimension and everything along those before."""
    return (slice(None),) * dim + (at,)


cat = row(
    lambda *tensors, dim, starts: np.concatenate(tensors, axis=dim),
    tensors=lambda g, i, dim, starts: g[along(dim, slice(starts[i], starts[i + 1]))],
    words="1 where it is put",
)
stack = row(
    lambda *tensors, dim: np.stack(tensors, axis=dim),
    tensors=lambda g, i, dim: g[along(dim, i)],
    words="1 where it is put",
)

# -- diagonals: taking one and putting one are each other's derivative -------------------------------------------------

diagonal = row(
    positions.diagonal,
    x=lambda g, x_shape, offset, dim1, dim2: put_diagonal(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2),
    view=True,
    words="1 where chosen, else 0",
)
put_diagonal = row(
    positions.put_diagonal,
    values=lambda g, offset, dim1, dim2: diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
    symbol="diag",
    words="1 where it is put",
)
