"""Derivatives of taking and making diagonals and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..primitive import primitive
from ._arguments import dimension, integer, named, tensor_of
from .elementwise import where
from .reduction import sum

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["diag", "diagonal", "trace", "tril", "triu"]

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def _undiagonal_rule(g: Array, input_shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Array:
    return _undiagonal(g, shape=input_shape, offset=offset, dim1=dim1, dim2=dim2)


@primitive(symbol="diagonal", view=True, words="1 where chosen, else 0", input=_undiagonal_rule)
def _diagonal(input: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    view = np.diagonal(input, offset, dim1, dim2)
    view.flags.writeable = input.flags.writeable  # NumPy's is read-only; PyTorch's is not
    return view


@primitive(
    symbol="diag",
    words="1 where it is put",
    values=lambda g, offset, dim1, dim2: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
)
def _undiagonal(values: Array, *, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Array:
    """Zeros of `shape` with `values` on a diagonal: the adjoint of taking it."""
    out = np.zeros(shape, values.dtype)
    place = np.diagonal(out, offset, dim1, dim2)
    place.flags.writeable = True
    place[...] = values
    return out


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Return the diagonal of matrices that lie in two dimensions, as the last dimension.

    Parameters
    ----------
    input : Tensor
        Of at least two dimensions.
    offset : int, optional
        How far above the main diagonal; below it if negative.
    dim1, dim2 : int, optional
        The rows and the columns.

    Returns
    -------
    Tensor
        A view.

    Raises
    ------
    RuntimeError
        If there are no two such dimensions.

    Examples
    --------
    >>> ad.diagonal(ad.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    x, k = tensor_of(input, "diagonal"), integer(offset, "diagonal", "offset")
    a, b = (dimension(d, x.ndim, "diagonal") for d in (dim1, dim2))
    if a == b or x.ndim < 2:
        raise RuntimeError(f"diagonal: dims {dim1} and {dim2} of shape {x.shape} must be two different dimensions")
    return _diagonal(x, offset=_within(k, x.shape[a], x.shape[b]), dim1=a, dim2=b)


def _within(offset: int, rows: int, columns: int) -> int:
    """Return the offset, or the nearest one whose diagonal is empty."""
    return max(min(offset, columns), -rows)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the diagonal of a matrix, or the matrix that has a vector as its diagonal and 0 elsewhere.

    Examples
    --------
    >>> ad.diag(ad.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    >>> ad.diag(ad.tensor([[1, 2], [3, 4]]), 1)
    tensor([2])
    """
    x, k = tensor_of(input, "diag"), integer(diagonal, "diag", "diagonal")
    if x.ndim not in (1, 2):
        raise RuntimeError(f"diag: expected a vector or a matrix, got shape {x.shape}")
    if x.ndim == 2:
        return _diagonal(x, offset=_within(k, *x.shape), dim1=0, dim2=1)
    n = x.shape[0] + abs(k)
    return _undiagonal(x, shape=(n, n), offset=k, dim1=0, dim2=1)


def trace(input: Tensor) -> Tensor:
    """Add up the diagonal of a matrix.

    Examples
    --------
    >>> ad.trace(ad.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    x = tensor_of(input, "trace")
    if x.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, got shape {x.shape}")
    return sum(_diagonal(x, offset=0, dim1=0, dim2=1))


@named
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Keep the lower triangle of matrices, up to a diagonal, and set the rest to 0.

    Examples
    --------
    >>> ad.tril(ad.tensor([[1, 2], [3, 4]]))
    tensor([[1, 0],
            [3, 4]])
    """
    x, k = _matrices(input, diagonal, "tril")
    return where(_triangle(x, k), x, 0)


@named
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Keep the upper triangle of matrices, from a diagonal on, and set the rest to 0.

    Examples
    --------
    >>> ad.triu(ad.tensor([[1, 2], [3, 4]]))
    tensor([[1, 2],
            [0, 4]])
    """
    x, k = _matrices(input, diagonal, "triu")
    return where(~_triangle(x, k - 1), x, 0)


def _triangle(x: Tensor, k: int) -> Array:
    return np.tri(x.shape[-2], x.shape[-1], k, dtype=np.bool)


def _matrices(input: Any, diagonal: Any, name: str) -> tuple[Any, int]:
    x, k = tensor_of(input, name), integer(diagonal, name, "diagonal")
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected at least 2 dimensions, got shape {x.shape}")
    return x, k
