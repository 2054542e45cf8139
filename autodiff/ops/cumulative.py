"""Derivatives of running sums and products, and of the product of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ..primitive import primitive
from ._arguments import along, dimension, numpy_names, tensor_of
from .shape import spread, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["cumprod", "cumsum", "prod"]

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def _backwards(x: Array, dim: int) -> Array:
    """Reverse the order along a dimension."""
    return x[(slice(None),) * dim + (slice(None, None, -1),)]


def _from_the_end(g: Array, dim: int) -> Array:
    return _backwards(_cumsum(_backwards(g, dim), dim=dim), dim)


@primitive(symbol="Σ…", input=lambda g, dim: _from_the_end(g, dim))
def _cumsum(input: Array, *, dim: int) -> Array:
    return np.add.accumulate(input, axis=dim)


def _product_rule(g: Array, y: Array, x: Array, dim: int) -> Array:
    """Return the gradient of running products, also where a factor is 0.

    With L the product of what comes before a factor x, and S = g + (next x) (next S) what follows it has to do with
    it, the gradient is L S. Without zeros among the factors a running sum gives the same without a loop.
    """
    if x.shape[dim] == 1:
        return g
    if not (x == 0).any():
        return _from_the_end(g * y, dim) / x
    at = [(slice(None),) * dim + (slice(i, i + 1),) for i in range(x.shape[dim])]
    follows = [g[at[-1]]]
    for here, behind in zip(at[-2::-1], at[:0:-1], strict=True):
        follows.append(g[here] + x[behind] * follows[-1])
    before = [np.ones_like(g[at[0]]), *(y[k] for k in at[:-1])]
    return np.concatenate([a * b for a, b in zip(before, reversed(follows), strict=True)], axis=dim)


@primitive(symbol="Π…", input=lambda g, y, input, dim: _product_rule(g, y, input, dim))
def _cumprod(input: Array, *, dim: int) -> Array:
    return np.multiply.accumulate(input, axis=dim)


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Add up along `dim`, keeping every intermediate sum.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : dtype, optional
        Convert to this dtype first.

    Returns
    -------
    Tensor
        Of the shape of `input`; integers and booleans give int64.

    Examples
    --------
    >>> ad.cumsum(ad.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """
    return _accumulated(_cumsum, input, dim, dtype, "cumsum")


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Multiply along `dim`, keeping every intermediate product; parameters as for `cumsum`.

    Examples
    --------
    >>> ad.cumprod(ad.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 2., 6.])
    """
    return _accumulated(_cumprod, input, dim, dtype, "cumprod")


def _accumulated(op: Any, input: Tensor, dim: int, dtype: DTypeLike | None, name: str) -> Tensor:
    x = _converted(input, dtype, name)
    d = dimension(dim, x.ndim, name)
    y: Tensor = op(x, dim=d) if x.ndim else op(unsqueeze(x, 0), dim=0).reshape(())
    return y


def _converted(input: Any, dtype: DTypeLike | None, name: str) -> Tensor:
    x: Tensor = tensor_of(input, name)
    return x.to(np.int64 if dtype is None else dtype) if dtype is not None or x.dtype.kind != "f" else x


def _others(x: Array, y: Array, dim: tuple[int, ...], keepdim: bool) -> Array:
    """Return for each element the product of all others along the dimensions, also where some are 0."""
    if not x.ndim:
        return np.ones_like(x)
    if not (x == 0).any():
        return spread(y, x.shape, dim, keepdim) / x
    order = (*(d for d in range(x.ndim) if d not in dim), *dim)
    rows = np.transpose(x, order)
    shape = rows.shape
    rows = rows.reshape((*shape[: x.ndim - len(dim)], -1))
    last, one = rows.ndim - 1, np.ones_like(rows[..., :1])
    before = _cumprod(np.concatenate([one, rows[..., :-1]], axis=last), dim=last)
    behind = _cumprod(np.concatenate([one, rows[..., :0:-1]], axis=last), dim=last)[..., ::-1]
    return np.transpose((before * behind).reshape(shape), tuple(np.argsort(order).tolist()))


@primitive(
    symbol="Π",
    words="the product of the others",
    input=lambda g, y, input, dim, keepdim: spread(g, input.shape, dim, keepdim) * _others(input, y, dim, keepdim),
)
def _prod(input: Array, *, dim: Any, keepdim: Any) -> Array:
    return np.multiply.reduce(input, axis=dim, keepdims=keepdim)


@numpy_names
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Multiply the elements; parameters as for `sum`.

    Examples
    --------
    >>> ad.prod(ad.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([ 2., 12.])
    """
    x = _converted(input, dtype, "prod")
    return _prod(x, **along(dim, keepdim, x.ndim, "prod"))
