"""Distances and similarities of vectors."""

from __future__ import annotations

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_broadcast, floats_of, tensor_of

__all__ = ["cosine_similarity", "pairwise_distance"]


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """Distance of two vectors: the p-norm of x1 - x2 + `eps` along the last dimension.

    Examples
    --------
    >>> F.pairwise_distance(ad.tensor([[3.0, 4.0]]), ad.tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """
    a, b = floats_of(x1, "pairwise_distance"), floats_of(x2, "pairwise_distance")
    check_broadcast("pairwise_distance", a, b)
    return ad.norm(a - b + eps, p, -1, keepdim)


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

    Raises
    ------
    RuntimeError
        If the shapes do not broadcast, or the tensors do not hold floats.
    IndexError
        If `dim` is out of range.

    Examples
    --------
    >>> F.cosine_similarity(ad.tensor([[1.0, 0.0]]), ad.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    a, b = tensor_of(x1, "cosine_similarity"), tensor_of(x2, "cosine_similarity")
    dtype = next((t.dtype for t in (a, b) if t.dtype.kind == "f"), None)
    a, b = (floats_of(t if t.dtype.kind == "f" else t.to(dtype), "cosine_similarity") for t in (a, b))
    check_broadcast("cosine_similarity", a, b)
    shape = np.broadcast_shapes(a.shape, b.shape)
    n = max(len(shape), 1)
    if not -n <= dim < n:
        raise IndexError(f"cosine_similarity: dim {dim} is out of range for shapes {a.shape} and {b.shape}")
    a, b = (ad.broadcast_to(v, shape) for v in (a, b))
    lengths = (ad.norm(v, 2, dim, keepdim=True).clamp_min(eps) for v in (a, b))
    left, right = (v / length for v, length in zip((a, b), lengths, strict=True))
    return (left * right).sum(dim)
