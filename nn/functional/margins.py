"""Losses by margins between classes, and of triplets under any distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of, tensor_of
from autodiff.tensor import from_array

from ._checks import checked_reduction, reduced, with_old_reduction
from .distance import pairwise_distance

__all__ = [
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


def _rows(name: str, input: Any) -> Tensor:
    """Return scores as (N, C), and refuse others."""
    x = floats_of(input, name)
    if x.ndim not in (1, 2):
        raise RuntimeError(f"{name}: expected scores of shape (N, C) or (C,), got {x.shape}")
    return x if x.ndim == 2 else x.unsqueeze(0)


@with_old_reduction
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Multi-class hinge loss: what the score of the class lacks to be `margin` above each other, averaged over classes.

    Parameters
    ----------
    input : Tensor
        Scores, of shape (N, C) or (C,).
    target : Tensor of integers
        Classes, of shape (N,) or ().
    p : {1, 2}, optional
        The power of what is lacking.
    margin : float, optional
    weight : Tensor, optional
        A factor for each class, of shape (C,).
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `p` or `reduction` is unknown.

    Examples
    --------
    >>> F.multi_margin_loss(ad.tensor([[1.0, 0.5]]), ad.tensor([0]))
    tensor(0.2500)
    """
    checked_reduction(reduction, "multi_margin_loss")
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    x, t = _rows("multi_margin_loss", input), tensor_of(target, "multi_margin_loss").reshape(-1, 1)
    if len(t) != len(x):
        raise RuntimeError(f"multi_margin_loss: {len(x)} rows of scores need as many classes, got {len(t)}")
    lack = (margin - ad.gather(x, 1, t) + x).clamp_min(0)
    lack = lack if p == 1 else lack * lack
    if weight is not None:
        lack = lack * weight[t]
    others = 1 - ad.zeros_like(x).scatter_(1, t, 1.0)
    losses = (lack * others).sum(1) / x.shape[1]
    return reduced(losses if input.ndim == 2 else losses.squeeze(0), reduction)


@with_old_reduction
def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """What the score of each right class lacks to be 1 above each wrong one, added up and divided by the classes.

    Parameters
    ----------
    input : Tensor
        Scores, of shape (N, C) or (C,).
    target : Tensor of integers
        Of the same shape: the right classes, then -1.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> F.multilabel_margin_loss(ad.tensor([0.1, 0.2, 0.4, 0.8]), ad.tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """
    checked_reduction(reduction, "multilabel_margin_loss")
    x, t = _rows("multilabel_margin_loss", input), tensor_of(target, "multilabel_margin_loss")
    if t.shape != input.shape:
        raise RuntimeError(f"multilabel_margin_loss: expected targets of shape {input.shape}, got {t.shape}")
    classes = np.asarray(t.tolist(), np.int64).reshape(x.shape)
    listed = np.cumsum(classes < 0, axis=1) == 0  # what stands before the first -1
    right = np.zeros(x.shape, bool)
    for row, at in zip(right, np.where(listed, classes, -1), strict=True):
        row[at[at >= 0]] = True
    own = ad.gather(x, 1, from_array(np.where(listed, classes, 0)))
    lack = (1 - own.unsqueeze(2) + x.unsqueeze(1)).clamp_min(0)
    counts = from_array((listed[:, :, None] & ~right[:, None, :]).astype(x.dtype))
    losses = (lack * counts).sum((1, 2)) / x.shape[1]
    return reduced(losses if input.ndim == 2 else losses.squeeze(0), reduction)


@with_old_reduction
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Binary cross-entropy of logits, averaged over classes.

    Parameters
    ----------
    input, target : Tensor
        Logits, and 1 for each class that is right; of shape (N, C) or (C,).
    weight : Tensor, optional
        A factor for each class.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> F.multilabel_soft_margin_loss(ad.zeros(1, 2), ad.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    checked_reduction(reduction, "multilabel_soft_margin_loss")
    x, t = floats_of(input, "multilabel_soft_margin_loss"), tensor_of(target, "multilabel_soft_margin_loss")
    losses = ad.softplus(x) - t * x
    return reduced((losses if weight is None else losses * weight).mean(-1), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with any distance function.

    Examples
    --------
    >>> far = lambda a, b: 1.0 - ad.cosine_similarity(a, b)
    >>> x = ad.eye(2)
    >>> F.triplet_margin_with_distance_loss(x[:1], x[:1], x[1:], distance_function=far, margin=1.5)
    tensor(0.5000)
    """
    name = "triplet_margin_with_distance_loss"
    checked_reduction(reduction, name)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be positive, got {margin}")
    a, b, c = (floats_of(v, name) for v in (anchor, positive, negative))
    measure = pairwise_distance if distance_function is None else distance_function
    near, far = measure(a, b), measure(a, c)
    if swap:
        far = ad.minimum(far, measure(b, c))
    return reduced((margin + near - far).clamp_min(0), reduction)
