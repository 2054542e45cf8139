"""Factors of matrices under PyTorch's former names, whose arguments or results differ from those in `linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import return_types
from . import factors

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["cholesky", "qr", "svd"]


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Cholesky factor of symmetric positive definite matrices; see `autodiff.linalg.cholesky`.

    Examples
    --------
    >>> ad.cholesky(ad.tensor([[4.0]]))
    tensor([[2.]])
    """
    return factors.cholesky(input, upper=upper)


def qr(input: Tensor, some: bool = True) -> return_types.qr:
    """Part matrices into Q and R; see `autodiff.linalg.qr`, whose mode is "reduced" for `some`, else "complete".

    Examples
    --------
    >>> ad.qr(ad.eye(2)).Q.shape
    (2, 2)
    """
    return return_types.qr(*factors.qr(input, "reduced" if some else "complete"))


def svd(input: Tensor, some: bool = True) -> return_types.svd:
    """Singular value decomposition U diag(S) Vᵀ; see `autodiff.linalg.svd`, which returns Vᵀ.

    Examples
    --------
    >>> ad.svd(ad.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    u, s, vh = factors.svd(input, not some)
    return return_types.svd(u, s, vh.mT)
