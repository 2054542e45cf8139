"""Distances and similarities of vectors."""

from __future__ import annotations

import math

import numpy as np

import autodiff as ad
from autodiff import Tensor

from ._checks import at_least, checked_floats

__all__ = ["cosine_similarity", "pairwise_distance"]


def p_norm(x: Tensor, p: float, dim: int | tuple[int, ...], keepdim: bool = False) -> Tensor:
    """Return the p-norm along dimensions; where that is 0, so is its gradient."""
    if p == 1:
        return x.abs().sum(dim, keepdim)
    if p == math.inf:
        return x.abs().amax(dim, keepdim)
    total = (x * x if p == 2 else x.abs() ** p).sum(dim, keepdim)
    zero = total == 0
    if not zero.data.any():
        return total.sqrt() if p == 2 else total ** (1 / p)
    safe = ad.where(zero, 1, total)
    return ad.where(zero, 0, safe.sqrt() if p == 2 else safe ** (1 / p))


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Distance of two vectors: the p-norm of x1 - x2 + `eps` along the last dimension.

    Examples
    --------
    >>> F.pairwise_distance(ad.tensor([[3.0, 4.0]]), ad.tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """
    a, b = checked_floats(x1, "pairwise_distance"), checked_floats(x2, "pairwise_distance")
    return p_norm(a - b + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Cosine of the angle between two vectors.

    Parameters
    ----------
    x1, x2 : Tensor
        Of shapes that broadcast.
    dim : int, optional
        The dimension along which the vectors lie.
    eps : float, optional
        The least length by which is divided.

    Returns
    -------
    Tensor
        Of the broadcast shape without `dim`.

    Examples
    --------
    >>> F.cosine_similarity(ad.tensor([[1.0, 0.0]]), ad.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    a, b = checked_floats(x1, "cosine_similarity"), checked_floats(x2, "cosine_similarity")
    shape = np.broadcast_shapes(a.shape, b.shape)
    a, b = (ad.broadcast_to(v, shape) for v in (a, b))
    lengths = (at_least(p_norm(v, 2, dim, keepdim=True), eps) for v in (a, b))
    left, right = (v / length for v, length in zip((a, b), lengths, strict=True))
    return (left * right).sum(dim)
