"""Factors of matrices under PyTorch's former names, whose arguments or results differ from those in `linalg`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import factors

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["cholesky", "qr", "svd"]


class USV(NamedTuple):
    """Left singular vectors, singular values, and right singular vectors, all as columns."""

    U: Tensor
    S: Tensor
    V: Tensor


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Cholesky factor of symmetric positive definite matrices; see `autodiff.linalg.cholesky`.

    Examples
    --------
    >>> ad.cholesky(ad.tensor([[4.0]]))
    tensor([[2.]])
    """
    return factors.cholesky(input, upper=upper)


def qr(input: Tensor, some: bool = True) -> factors.QR:
    """Part matrices into Q and R; see `autodiff.linalg.qr`, whose mode is "reduced" for `some`, else "complete".

    Examples
    --------
    >>> ad.qr(ad.eye(2)).Q.shape
    (2, 2)
    """
    return factors.qr(input, "reduced" if some else "complete")


def svd(input: Tensor, some: bool = True) -> USV:
    """Singular value decomposition U diag(S) Vᵀ; see `autodiff.linalg.svd`, which returns Vᵀ.

    Examples
    --------
    >>> ad.svd(ad.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    u, s, vh = factors.svd(input, not some)
    return USV(u, s, vh.mT)
