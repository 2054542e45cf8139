"""Running sums and products, and the product of everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ..table import reduction as rows
from .arguments import along, dimension, numpy_names, tensor_of
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["cumprod", "cumsum", "prod"]


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
    return _accumulated(rows.cumsum, input, dim, dtype, "cumsum")


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Multiply along `dim`, keeping every intermediate product; parameters as for `cumsum`.

    Examples
    --------
    >>> ad.cumprod(ad.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 2., 6.])
    """
    return _accumulated(rows.cumprod, input, dim, dtype, "cumprod")


def _accumulated(op: Any, input: Tensor, dim: int, dtype: DTypeLike | None, name: str) -> Tensor:
    x = _converted(input, dtype, name)
    d = dimension(dim, x.ndim, name)
    y: Tensor = op(x, dim=d) if x.ndim else op(unsqueeze(x, 0), dim=0).reshape(())
    return y


def _converted(input: Any, dtype: DTypeLike | None, name: str) -> Tensor:
    x: Tensor = tensor_of(input, name)
    return x.to(np.int64 if dtype is None else dtype) if dtype is not None or x.dtype.kind != "f" else x


@numpy_names
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """Multiply the elements; parameters as for `sum`.

    Examples
    --------
    >>> ad.prod(ad.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([ 2., 12.])
    """
    x = _converted(input, dtype, "prod")
    return rows.prod(x, **along(dim, keepdim, x.ndim, "prod"))
