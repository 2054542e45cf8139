"""Losses of regression, of ranking and of embeddings."""

from __future__ import annotations

import math
from typing import Any

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_broadcast, floats_of, tensor_of
from autodiff.tracing import decided

from ._checks import checked_pair, checked_reduction, reduced, with_old_reduction
from .distance import pairwise_distance

__all__ = [
    "cosine_embedding_loss", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "l1_loss",
    "margin_ranking_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss",
]  # fmt: skip


# -- regression --------------------------------------------------------------------------------------------------------


@with_old_reduction
def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Squared error, averaged.

    Parameters
    ----------
    input, target : Tensor
        Of one shape. Other shapes broadcast with a warning, for that is rarely meant.
    reduction : {"mean", "sum", "none"}, optional
        "mean" divides by the sum of the weights.
    weight : Tensor, optional
        A factor for each element, of the shape of `input`.

    Returns
    -------
    Tensor
        A scalar, or with "none" of the broadcast shape.

    Raises
    ------
    ValueError
        If `reduction` is unknown or `weight` has another shape.

    Examples
    --------
    >>> F.mse_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0]), reduction="sum")
    tensor(4.)
    """
    checked_reduction(reduction, "mse_loss")
    x, t = checked_pair(input, target, "mse_loss")
    off = x - t
    return _average(off * off, weight, x, reduction, "mse_loss")


def _average(loss: Tensor, weight: Any, x: Tensor, reduction: str, name: str) -> Tensor:
    """Weigh and reduce losses; an average divides by the sum of the weights."""
    if weight is None:
        return reduced(loss, reduction)
    w = _weight(weight, x, name)
    return (loss * w).sum() / w.sum() if reduction == "mean" else reduced(loss * w, reduction)


def _weight(weight: Any, x: Tensor, name: str) -> Tensor:
    w = tensor_of(weight, name)
    if w.shape != x.shape:
        raise ValueError(f"{name}: the weight must have the shape of the input, {x.shape}, got {w.shape}")
    return w


@with_old_reduction
def l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", weight: Tensor | None = None) -> Tensor:
    """Absolute error, averaged; parameters as for `mse_loss`.

    Examples
    --------
    >>> F.l1_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0]))
    tensor(1.)
    """
    checked_reduction(reduction, "l1_loss")
    x, t = checked_pair(input, target, "l1_loss")
    return _average((x - t).abs(), weight, x, reduction, "l1_loss")


@with_old_reduction
def smooth_l1_loss(input: Tensor, target: Tensor, *, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Squared error / (2 · beta) where it is below `beta`, absolute error - beta / 2 elsewhere, averaged.

    Other parameters are as for `mse_loss`.

    Raises
    ------
    RuntimeError
        If `beta` is negative.

    Examples
    --------
    >>> F.smooth_l1_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.5, 4.0]), reduction="none")
    tensor([0.1250, 1.5000])

    References
    ----------
    Girshick, "Fast R-CNN", ICCV 2015.
    """
    checked_reduction(reduction, "smooth_l1_loss")
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    x, t = checked_pair(floats_of(input, "smooth_l1_loss"), target, "smooth_l1_loss")
    off = x - t
    if not beta:
        return reduced(off.abs(), reduction)
    near = off.clamp(-beta, beta)
    return reduced(near / beta * (off - 0.5 * near), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Squared error / 2 where it is below `delta`, delta · (absolute error - delta / 2) elsewhere, averaged.

    Other parameters are as for `mse_loss`, but "mean" divides by the number of elements, weights or not.

    Raises
    ------
    RuntimeError
        If `delta` is not positive.

    Examples
    --------
    >>> F.huber_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.5, 4.0]), reduction="none")
    tensor([0.1250, 1.5000])

    References
    ----------
    Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics, 1964.
    """
    checked_reduction(reduction, "huber_loss")
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta must be positive, got {delta}")
    x, t = checked_pair(floats_of(input, "huber_loss"), target, "huber_loss")
    off = x - t
    near = off.clamp(-delta, delta)
    loss = near * (off - 0.5 * near)
    return reduced(loss if weight is None else loss * _weight(weight, x, "huber_loss"), reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Negative log-likelihood of a normal distribution, whose mean and variance were predicted.

    Parameters
    ----------
    input, target : Tensor
        The mean, and what was observed.
    var : Tensor or float
        The variance: of the shape of `input`, or without the last dimension, or with one dimension of size 1.
    full : bool, optional
        Whether to add the constant log(2π) / 2.
    eps : float, optional
        The least variance. A gradient flows to a smaller one nevertheless.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input`.

    Raises
    ------
    ValueError
        If a variance is negative, its shape does not fit, or `reduction` is unknown.

    Examples
    --------
    >>> F.gaussian_nll_loss(ad.tensor([1.0]), ad.tensor([3.0]), ad.tensor([2.0]))
    tensor(1.3466)

    References
    ----------
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.
    """
    name = "gaussian_nll_loss"
    checked_reduction(reduction, name)
    x, t = floats_of(input, name), tensor_of(target, name)
    check_broadcast(name, x, t)
    v = ad.full((), float(var), dtype=x.dtype) if isinstance(var, (int, float)) else floats_of(var, name)
    if v.shape != x.shape and not isinstance(var, (int, float)):
        if v.shape == x.shape[:-1]:
            v = v.unsqueeze(-1)
        elif v.ndim != x.ndim or [m for m, n in zip(v.shape, x.shape, strict=True) if m != n] != [1]:
            raise ValueError(f"{name}: a variance of shape {v.shape} does not fit an input of shape {x.shape}")
    if decided(lambda a: (a < 0).any(), v):
        raise ValueError(f"{name}: the variance must not be negative, got {v._data.min()}")
    if decided(lambda a: (a < eps).any(), v, always=True):
        v = v + ad.where(v.detach() < eps, eps - v.detach(), 0)
    off = x - t
    loss = 0.5 * (v.log() + off * off / v)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@with_old_reduction
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts, whose rate or its logarithm was predicted.

    Parameters
    ----------
    input : Tensor
        The logarithm of the rate, or the rate.
    target : Tensor
        The counts.
    log_input : bool, optional
        Whether `input` is the logarithm.
    full : bool, optional
        Whether to add Stirling's approximation of log(target!), where target is above 1.
    eps : float, optional
        Added to a rate before its logarithm is taken.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input`.

    Raises
    ------
    ValueError
        If `reduction` is unknown.

    Examples
    --------
    >>> F.poisson_nll_loss(ad.tensor([0.0]), ad.tensor([3.0]))
    tensor(1.)
    """
    name = "poisson_nll_loss"
    checked_reduction(reduction, name)
    x, t = floats_of(input, name), tensor_of(target, name)
    check_broadcast(name, x, t)
    loss = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full:
        counts = ad.where(t > 1, t, 1)
        loss = loss + ad.where(t > 1, t * counts.log() - t + 0.5 * (2 * math.pi * counts).log(), 0)
    return reduced(loss, reduction)


# -- margins -----------------------------------------------------------------------------------------------------------


@with_old_reduction
def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """Distance of pairs that belong together, and what others lack to a distance of `margin`.

    Parameters
    ----------
    input : Tensor
        Distances.
    target : Tensor
        1 for pairs that belong together, -1 for others.
    margin : float, optional
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input`.

    Raises
    ------
    ValueError
        If `reduction` is unknown.

    Examples
    --------
    >>> F.hinge_embedding_loss(ad.tensor([0.2, 0.2]), ad.tensor([1.0, -1.0]), reduction="none")
    tensor([0.2000, 0.8000])
    """
    name = "hinge_embedding_loss"
    checked_reduction(reduction, name)
    x, t = floats_of(input, name), tensor_of(target, name)
    check_broadcast(name, x, t)
    loss = ad.where(t != 1, (margin - x).clamp_min(0), 0) + ad.where(t != -1, x, 0)
    return reduced(loss, reduction)


@with_old_reduction
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """What a score lacks to be ranked above another by `margin`: max(0, -target · (input1 - input2) + margin).

    Parameters
    ----------
    input1, input2 : Tensor
        Scores.
    target : Tensor
        1 where the first is to rank higher, -1 where the second.
    margin : float, optional
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of the scores.

    Raises
    ------
    RuntimeError
        If the numbers of dimensions differ.

    Examples
    --------
    >>> F.margin_ranking_loss(ad.tensor([1.0]), ad.tensor([1.5]), ad.tensor([1.0]))
    tensor(0.5000)
    """
    name = "margin_ranking_loss"
    checked_reduction(reduction, name)
    a, b, t = (tensor_of(v, name) for v in (input1, input2, target))
    if not a.ndim == b.ndim == t.ndim:
        raise RuntimeError(f"{name}: expected shapes of one length, got {a.shape}, {b.shape} and {t.shape}")
    check_broadcast(name, a, b, t)
    return reduced((margin - t * (a - b)).clamp_min(0), reduction)


@with_old_reduction
def soft_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Logistic loss of scores and the signs they are to have: log(1 + exp(-target · input)), without overflow.

    Examples
    --------
    >>> F.soft_margin_loss(ad.tensor([0.0, -1000.0]), ad.tensor([1.0, 1.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    name = "soft_margin_loss"
    checked_reduction(reduction, name)
    x, t = floats_of(input, name), tensor_of(target, name)
    check_broadcast(name, x, t)
    return reduced(ad.softplus(-t * x), reduction)


# -- embeddings --------------------------------------------------------------------------------------------------------


@with_old_reduction
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """Let vectors that belong together point in one direction: 1 - cos, and max(0, cos - margin) for others.

    Parameters
    ----------
    input1, input2 : Tensor
        Vectors of shape (N, D) or (D,).
    target : Tensor
        Of shape (N,) or (): 1 for pairs that belong together, -1 for others.
    margin : float, optional
        The cosine that others may have.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `target`.

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 0.0]])
    >>> F.cosine_embedding_loss(x, ad.tensor([[1.0, 1.0]]), ad.tensor([1.0]))
    tensor(0.2929)
    """
    name = "cosine_embedding_loss"
    checked_reduction(reduction, name)
    a, b, t = floats_of(input1, name), floats_of(input2, name), tensor_of(target, name)
    if t.ndim > 1 or a.ndim != t.ndim + 1 or b.ndim != t.ndim + 1:
        raise RuntimeError(
            f"{name}: expected vectors (N, D) with targets (N,), or (D,) with (), got {a.shape}, {b.shape}, {t.shape}"
        )
    check_broadcast(name, a, b)
    check_broadcast(name, a[..., 0], t)
    lengths = ((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12)
    cos = (a * b).sum(-1) / lengths.sqrt()
    loss = ad.where(t == 1, 1 - cos, 0) + ad.where(t == -1, (cos - margin).clamp_min(0), 0)
    return reduced(loss, reduction)


@with_old_reduction
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: str = "mean",
) -> Tensor:
    """What a triplet lacks for the positive to be closer to the anchor than the negative by `margin`.

    Parameters
    ----------
    anchor, positive, negative : Tensor
        Vectors of shape (N, D) or (D,).
    margin : float, optional
        Positive.
    p : float, optional
        The exponent of the norm that measures distance.
    eps : float, optional
        Added to differences.
    swap : bool, optional
        Whether the positive may stand in for the anchor where it is closer to the negative.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of shape (N,) or ().

    Raises
    ------
    ValueError
        If `margin` is not positive or `reduction` is unknown.
    RuntimeError
        If the numbers of dimensions differ.

    Examples
    --------
    >>> a, p, n = (ad.tensor([[v]]) for v in (0.0, 1.0, 1.5))
    >>> F.triplet_margin_loss(a, p, n)
    tensor(0.5000)

    References
    ----------
    Balntas, Riba, Ponsa and Mikolajczyk, "Learning local feature descriptors with triplets", BMVC 2016.
    """
    name = "triplet_margin_loss"
    checked_reduction(reduction, name)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be positive, got {margin}")
    a, b, c = (floats_of(v, name) for v in (anchor, positive, negative))
    if not a.ndim == b.ndim == c.ndim:
        raise RuntimeError(f"{name}: expected shapes of one length, got {a.shape}, {b.shape} and {c.shape}")
    check_broadcast(name, a, b, c)
    near, far = pairwise_distance(a, b, p, eps), pairwise_distance(a, c, p, eps)
    if swap:
        far = ad.minimum(far, pairwise_distance(b, c, p, eps))
    return reduced((margin + near - far).clamp_min(0), reduction)
