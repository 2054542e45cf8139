"""Losses of classification: what probabilities, or their logits or logarithms, say about classes."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor, log_softmax
from autodiff.functions.arguments import check_broadcast, check_dtypes, floats_of, tensor_of
from autodiff.kernels.errors import ValueRuntimeError
from autodiff.table.indexing import mean_nll, of_classes
from autodiff.tracing import decided

from ._checks import broadcasts, checked_reduction, checked_smoothing, reduced, with_old_reduction

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "kl_div", "nll_loss"]


@with_old_reduction
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of logits and classes: minus the log-probability of the right class.

    Parameters
    ----------
    input : Tensor
        Logits of shape (N, C), (N, C, ...) or (C,).
    target : Tensor or ndarray
        Labels from 0 to C - 1, integers of the shape of `input` without C; or probabilities, floats of its shape.
    weight : Tensor, optional
        Of shape (C,): the weight of each class.
    ignore_index : int, optional
        A label whose entries do not count.
    reduction : {"mean", "sum", "none"}, optional
        "mean" divides by the sum of the weights that count, or by N for probabilities.
    label_smoothing : float, optional
        The share of the target that is spread evenly over all classes, from 0 to 1.

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input` without C.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `reduction` or `label_smoothing` is unknown.
    IndexError
        If a label is out of range.

    Examples
    --------
    >>> F.cross_entropy(ad.tensor([[2.0, 0.0], [0.0, 2.0]]), ad.tensor([0, 0]))
    tensor(1.1269)
    """
    name = "cross_entropy"
    checked_reduction(reduction, name)
    x, t = _logits(input, target, weight, name)
    checked_smoothing(label_smoothing, name)
    if x._data.ndim == 1:
        options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
        row = cross_entropy(x[None], t[None], weight, reduction=reduction, **options)  # type: ignore[arg-type]  # each of its own type
        return row if reduction != "none" else row[0]
    log_p = log_softmax(x, 1)
    if t._data.dtype.kind == "f":
        if ignore_index >= 0:
            raise RuntimeError(f"{name}: ignore_index is for labels, not for probabilities, got {ignore_index}")
        return _soft_cross_entropy(log_p, t, weight, reduction, label_smoothing)
    return _of_labels(log_p, t, weight, ignore_index, reduction, label_smoothing, name)


@with_old_reduction
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: minus the given log-probability of the right class.

    Parameters
    ----------
    input : Tensor
        Log-probabilities of shape (N, C), (N, C, ...) or (C,).
    target : Tensor or ndarray
        Labels from 0 to C - 1, integers of the shape of `input` without C.
    weight : Tensor, optional
        Of shape (C,): the weight of each class.
    ignore_index : int, optional
        A label whose entries do not count.
    reduction : {"mean", "sum", "none"}, optional
        "mean" divides by the sum of the weights that count.

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `target`.

    Raises
    ------
    ValueError
        If the shapes do not fit or `reduction` is unknown.
    IndexError
        If a label is out of range.

    Examples
    --------
    >>> F.nll_loss(ad.tensor([[-0.5, -1.0], [-2.0, -0.1]]), ad.tensor([0, 1]))
    tensor(0.3000)
    """
    name = "nll_loss"
    checked_reduction(reduction, name)
    x, t = _logits(input, target, weight, name)
    if x.ndim == 1:
        row = nll_loss(x[None], t[None], weight, ignore_index=ignore_index, reduction=reduction)
        return row if reduction != "none" else row[0]
    return _of_labels(x, t, weight, ignore_index, reduction, 0.0, name)


def _logits(input: Any, target: Any, weight: Any, name: str) -> tuple[Tensor, Tensor]:
    """Return logits and target as tensors, checked as far as they do not depend on each other."""
    x, t = tensor_of(input, name), tensor_of(target, name)
    if x._data.dtype.kind != "f":
        what = "logits" if name == "cross_entropy" else "log-probabilities"
        order = f"; the target is {t.dtype}: the {what} come first and the labels second" * (t.dtype.kind == "f")
        raise RuntimeError(f"{name}: the {what} must be floats, got {x.dtype}{order}")
    if not x._data.ndim:
        raise ValueError(f"{name}: expected an input of shape (N, C), (N, C, ...) or (C,), got no dimension")
    if weight is not None:
        weight = tensor_of(weight, name)
        if weight.shape != (_classes(x),):
            raise ValueError(f"{name}: weight must have shape ({_classes(x)},), got {weight.shape}")
        check_dtypes(name, weight, x)
    return x, t


def _classes(x: Tensor) -> int:
    return x.shape[0 if x.ndim == 1 else 1]


def _of_labels(
    log_p: Tensor, t: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, smoothing: float, name: str
) -> Tensor:
    """Pick the log-probabilities of the labels, weigh and reduce them."""
    counted = _check_labels(t, log_p, ignore_index, name)
    if weight is None and counted is None and not smoothing and reduction == "mean":
        return mean_nll(log_p, t)  # by far the most frequent
    labels = t if counted is None else ad.where(counted, t, 0)
    picked = -of_classes(log_p, labels)
    each = _weights(weight, labels, counted, log_p)
    loss = picked if each is None else picked * each
    if smoothing:
        spread = _weigh(-log_p, weight).sum(1)
        loss = (1 - smoothing) * loss + smoothing / _classes(log_p) * spread
    if counted is not None:
        loss = ad.where(counted, loss, 0)  # also where it is infinite, or NaN
    if reduction != "mean" or each is None:
        return reduced(loss, reduction)
    total = each.sum()
    return loss.sum() / total if decided(lambda a: a != 0, total) else _average_nothing(picked, each, counted)


def _average_nothing(picked: Tensor, each: Tensor, counted: Any) -> Tensor:
    """Return the average over weights that add up to 0: NaN, and so are the slopes of what counts."""
    shares = each.detach() / 0
    return (picked * (shares if counted is None else ad.where(counted, shares, 0))).sum() + np.nan


def _check_labels(t: Tensor, x: Tensor, ignore_index: int, name: str) -> Any:
    """Raise unless the labels fit the input; return which of them count, or None for all."""
    labels, (n, classes, *others) = t._data, x._data.shape
    if labels.dtype.kind not in "iu":
        also = ", or floats as probabilities" if name == "cross_entropy" else ""
        raise TypeError(f"{name}: labels must be integers{also}, got {t.dtype}; write target.long()")
    if labels.shape != (n, *others):
        cure = "; if the target is one-hot, write target.argmax(1)" if t.shape == x.shape else ""
        cure = "; write target.squeeze(1)" if t.shape == (n, 1, *others) != x.shape else cure
        raise ValueError(
            f"{name}: an input of shape {x.shape} needs labels of shape {(n, *others)}, got {t.shape}{cure}"
        )
    if not labels.size:
        return None

    def all_count(labels: Any) -> Any:
        low, high = np.minimum.reduce(labels, axis=None), np.maximum.reduce(labels, axis=None)
        return low >= 0 and high < classes and not low <= ignore_index <= high

    if decided(all_count, t, always=False):
        return None
    if decided(lambda a: ((a != ignore_index) & ((a < 0) | (a >= classes))).any(), t):
        wrong = (labels != ignore_index) & ((labels < 0) | (labels >= classes))
        raise IndexError(f"{name}: label {labels[wrong][0]} is out of range for {classes} classes")
    return t != ignore_index


def _weights(weight: Tensor | None, labels: Tensor, counted: Any, x: Tensor) -> Tensor | None:
    """Return what each label weighs, or None where all weigh the same."""
    if weight is None and counted is None:
        return None
    each = ad.ones(labels.shape, dtype=x.dtype) if weight is None else weight[labels]
    return each if counted is None else ad.where(counted, each, 0)


def _weigh(values: Tensor, weight: Tensor | None) -> Tensor:
    """Multiply along dimension 1 by the weights of the classes."""
    return values if weight is None else values * weight.reshape((1, -1) + (1,) * (values.ndim - 2))


def _soft_cross_entropy(log_p: Tensor, t: Tensor, weight: Tensor | None, reduction: str, smoothing: float) -> Tensor:
    if t.shape != log_p.shape:
        raise ValueRuntimeError(
            "cross_entropy: a target of floats holds probabilities, so it must have the logits' shape "
            f"{log_p.shape}, got {t.shape}; for labels write target.long()"
        )
    if smoothing:
        t = t * (1 - smoothing) + smoothing / _classes(log_p)
    loss = -(_weigh(log_p, weight) * t).sum(1)
    return reduced(loss, reduction)


@with_old_reduction
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross entropy of logits, without overflow for any logit.

    Parameters
    ----------
    input : Tensor
        Logits of any shape.
    target : Tensor or ndarray
        Of the same shape, between 0 and 1.
    weight : Tensor, optional
        A factor for each element, broadcast.
    reduction : {"mean", "sum", "none"}, optional
    pos_weight : Tensor, optional
        A factor for the positive targets, broadcast.

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input`.

    Raises
    ------
    ValueError
        If the shapes differ or `reduction` is unknown.

    Examples
    --------
    >>> F.binary_cross_entropy_with_logits(ad.tensor([500.0, 0.0]), ad.tensor([1.0, 0.0]), reduction="none")
    tensor([0.0000, 0.6931])
    """
    name = "binary_cross_entropy_with_logits"
    checked_reduction(reduction, name)
    x, t = _binary(input, target, name)
    for what, factor in (("weight", weight), ("pos_weight", pos_weight)):
        if factor is not None and not broadcasts(tensor_of(factor, name).shape, x.shape):
            raise ValueError(f"{name}: {what} has shape {factor.shape}, which does not broadcast to {x.shape}")
    if pos_weight is None:
        loss = ad.binary_cross_entropy_with_logits(x, t)
    else:
        loss = (1 - t) * x + (1 + (pos_weight - 1) * t) * ad.softplus(-x)
    return reduced(loss if weight is None else loss * weight, reduction)


@with_old_reduction
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    """Binary cross entropy of probabilities. Prefer the form with logits, which loses no digits near 0 and 1.

    Parameters
    ----------
    input : Tensor
        Probabilities of any shape. Their logarithms are cut at -100.
    target : Tensor or ndarray
        Of the same shape, between 0 and 1.
    weight : Tensor, optional
        A factor for each element, broadcast.
    reduction : {"mean", "sum", "none"}, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the shape of `input`.

    Raises
    ------
    ValueError
        If the shapes differ or `reduction` is unknown.
    RuntimeError
        If an input is not between 0 and 1.

    Examples
    --------
    >>> F.binary_cross_entropy(ad.tensor([0.5, 0.0]), ad.tensor([1.0, 0.0]), reduction="none")
    tensor([0.6931, 0.0000])
    """
    name = "binary_cross_entropy"
    checked_reduction(reduction, name)
    x, t = _binary(input, target, name)
    check_dtypes(name, x, t, weight)
    if weight is not None and not broadcasts(weight.shape, x.shape):
        raise ValueError(f"{name}: weight has shape {weight.shape}, which does not broadcast to {x.shape}")
    if not decided(lambda a: ((a >= 0) & (a <= 1)).all(), x):
        raise RuntimeError(f"{name}: all inputs must be between 0 and 1")
    loss = _bernoulli(x, t)
    return reduced(loss if weight is None else loss * weight, reduction)


def _binary(input: Any, target: Any, name: str) -> tuple[Tensor, Tensor]:
    """Return predictions and targets as tensors of floats of one shape."""
    x, t = tensor_of(input, name), tensor_of(target, name)
    if x._data.dtype.kind != "f":
        order = f"; the target is {t.dtype}: the predictions come first and the targets second" * (t.dtype.kind == "f")
        raise RuntimeError(f"{name}: the input must be floats, got {x.dtype}{order}")
    if t._data.dtype.kind != "f":
        raise RuntimeError(f"{name}: the target must be floats, got {t.dtype}; write target.float()")
    if x._data.shape != t._data.shape:
        raise ValueError(f"{name}: the target has shape {t.shape}, expected that of the input, {x.shape}")
    return x, t


def _bernoulli(x: Tensor, t: Tensor) -> Tensor:
    """Cross entropy of probabilities x and targets t, each; where x (1 - x) is below 1e-12, its slope is cut.

    PyTorch computes the slope as (x - t) / max(x (1 - x), 1e-12). A parabola that is 0 at x, wherever that is, has
    such a slope and leaves the value to logarithms that are cut at -100.
    """
    if x.dtype == np.float16:  # in which 1e-12 is 0
        return _bernoulli(x.float(), t.float()).to(np.float16)
    if decided(lambda p: not (p * (1 - p) < 1e-12).any(), x, always=False):
        return (t - 1) * ad.log1p(-x) - t * x.log()
    p = x.detach()
    certain = p * (1 - p) < 1e-12
    log_p, log_q = (log.clamp_min(-100) for log in (p.log(), ad.log1p(-p)))
    within = ad.where(certain, 0.5, x)
    loss = (t - 1) * ad.log1p(-within) - t * within.log()
    parabola = (x - x.detach()) * (0.5 * (x + x.detach()) - t) / 1e-12
    return ad.where(certain, (t - 1) * log_q - t * log_p + parabola, loss)


@with_old_reduction
def kl_div(input: Tensor, target: Tensor, *, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Kullback-Leibler divergence of the target from the input: target · (log target - input), element by element.

    Parameters
    ----------
    input : Tensor
        Log-probabilities.
    target : Tensor
        Probabilities, or their logarithms with `log_target`.
    reduction : {"mean", "batchmean", "sum", "none"}, optional
        The divergence itself is "batchmean": the sum divided by the size of the first dimension. "mean" divides by
        the number of elements.
    log_target : bool, optional

    Returns
    -------
    Tensor
        A scalar, or with "none" of the broadcast shape.

    Raises
    ------
    ValueError
        If `reduction` is unknown.

    Examples
    --------
    >>> p = ad.tensor([[0.5, 0.5]])
    >>> F.kl_div(p.log(), ad.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931)

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", Annals of Mathematical Statistics, 1951.
    """
    checked_reduction(reduction, "kl_div", "batchmean")
    x, t = floats_of(input, "kl_div"), floats_of(target, "kl_div")
    check_broadcast("kl_div", x, t)
    # 0 log 0 is 0, the limit; the 1 in the place of the 0 keeps its slope finite
    loss = t.exp() * (t - x) if log_target else t * ad.where(t == 0, 1, t).log() - t * x
    if reduction == "batchmean":
        return loss.sum() / x.shape[0] if x.ndim else loss
    return reduced(loss, reduction)
