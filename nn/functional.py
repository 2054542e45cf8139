"""Layers, activations and losses as functions, composed from autodiff's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor, leaky_relu, linear, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh
from autodiff.graph import increment_version

__all__ = [
    "batch_norm", "binary_cross_entropy_with_logits", "cross_entropy", "leaky_relu", "linear", "log_softmax",
    "mse_loss", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip


# -- normalization -----------------------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel (dimension 1) over the batch and all further dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, ...).
    running_mean, running_var : Tensor or None
        Of shape (C,). Used in evaluation; in training moved towards the batch's, the variance being the unbiased one.
    weight, bias : Tensor, optional
        Of shape (C,): scale and shift.
    training : bool, optional
        Whether to use the batch's own mean and variance.
    momentum : float, optional
        The weight of this batch in the running averages.
    eps : float, optional
        Added to the variance.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    ValueError
        If a batch in training has only one value per channel, whose variance says nothing.

    Examples
    --------
    >>> F.batch_norm(ad.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    x = checked_tensor(input, "batch_norm")
    if x.ndim < 2:
        raise ValueError(f"batch_norm: expected an input of shape (N, C, ...), got {x.shape}")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, t in given.items():
        if t is not None:
            _check_per_channel(name, checked_tensor(t, "batch_norm"), x)
    dims = (0, *range(2, x.ndim))
    per_channel = (-1,) + (1,) * (x.ndim - 2)
    if training:
        n = x.size // max(x.shape[1], 1)
        if n <= 1:
            raise ValueError(f"batch_norm: expected more than 1 value per channel in training, got shape {x.shape}")
        mean = x.mean(dims, keepdim=True)
        off = x - mean
        var = (off * off).mean(dims, keepdim=True)
        _average(running_mean, mean, momentum, 1)  # nothing below can fail: all shapes and dtypes are checked
        _average(running_var, var, momentum, n / (n - 1))
    else:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: evaluation needs running_mean and running_var")
        off = x - _shaped(running_mean, per_channel)
        var = _shaped(running_var, per_channel)
    scale = 1 / (var + eps).sqrt()
    if weight is not None:
        scale = scale * _shaped(weight, per_channel)
    y = off * scale
    return y if bias is None else y + _shaped(bias, per_channel)


def _check_per_channel(name: str, t: Tensor, x: Tensor) -> None:
    if t.shape != x.shape[1:2]:
        raise RuntimeError(f"batch_norm: {name} must have shape ({x.shape[1]},), one value per channel, got {t.shape}")
    if t.dtype != x.dtype:
        raise RuntimeError(f"batch_norm: all tensors need one dtype, got {x.dtype} and, in {name}, {t.dtype}")


def _shaped(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return what is given per channel so that it broadcasts against (N, C, ...)."""
    return values if len(shape) == 1 else values.reshape(shape)


def _average(running: Tensor | None, batch: Tensor, momentum: float, factor: float) -> None:
    """Move a running average towards a batch's value."""
    if running is not None:
        new = batch.data.reshape(running.shape)
        running.data[...] = (1 - momentum) * running.data + momentum * factor * new
        increment_version(running)


# -- losses ------------------------------------------------------------------------------------------------------------


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
    x, t = checked_tensor(input, name), checked_tensor(target, name)
    checked_smoothing(label_smoothing, name)
    if not x.ndim:
        raise ValueError(f"{name}: expected logits of shape (N, C), (N, C, ...) or (C,), got no dimension")
    if weight is not None:
        weight = checked_tensor(weight, name)
        if weight.shape != (_classes(x),):
            raise ValueError(f"{name}: weight must have shape ({_classes(x)},), got {weight.shape}")
        if weight.dtype != x.dtype:
            raise RuntimeError(f"{name}: weight and logits need one dtype, got {weight.dtype} and {x.dtype}")
    if x.ndim == 1:
        options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
        row = cross_entropy(x[None], t[None], weight, reduction=reduction, **options)  # type: ignore[arg-type]  # each of its own type
        return row if reduction != "none" else row[0]
    log_p = log_softmax(x, 1)
    if t.dtype.kind == "f":
        if ignore_index >= 0:
            raise RuntimeError(f"{name}: ignore_index is for labels, not for probabilities, got {ignore_index}")
        return _soft_cross_entropy(log_p, t, weight, reduction, label_smoothing)
    counted = _check_labels(t, x, ignore_index)
    labels = t if counted is None else Tensor(np.where(counted, t.data, 0))
    at = labels.unsqueeze(1)
    if t.name:
        at.name = t.name  # a picture shows the labels under their own name
    picked = -log_p.gather(1, at).squeeze(1)
    each = _weights(weight, labels, counted, x)
    loss = picked if each is None else picked * each
    if label_smoothing:
        spread = _weighted(-log_p, weight).sum(1)
        if counted is not None:
            spread = ad.where(counted, spread, 0)
        loss = (1 - label_smoothing) * loss + label_smoothing / _classes(x) * spread
    if reduction == "mean" and each is not None:
        total = each.sum()
        return loss.sum() / total if total.item() else loss.sum() + np.nan  # nothing counts: NaN, without a gradient
    return _reduced(loss, reduction)


def _classes(x: Tensor) -> int:
    return x.shape[0 if x.ndim == 1 else 1]


def _check_labels(t: Tensor, x: Tensor, ignore_index: int) -> Any:
    """Raise unless the labels fit the logits; return which of them count, or None for all."""
    if t.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: labels must be integers, or floats as probabilities, got {t.dtype}")
    if t.shape != x.shape[:1] + x.shape[2:]:
        raise ValueError(
            f"cross_entropy: logits of shape {x.shape} need labels of shape {x.shape[:1] + x.shape[2:]}, got {t.shape}"
        )
    if not t.size:
        return None
    low, high = t.data.min(), t.data.max()
    if low >= 0 and high < _classes(x) and not low <= ignore_index <= high:
        return None
    counted = t.data != ignore_index
    wrong = counted & ((t.data < 0) | (t.data >= _classes(x)))
    if wrong.any():
        raise IndexError(f"cross_entropy: label {t.data[wrong][0]} is out of range for {_classes(x)} classes")
    return counted


def _weights(weight: Tensor | None, labels: Tensor, counted: Any, x: Tensor) -> Tensor | None:
    """Return what each label weighs, or None where all weigh the same."""
    if weight is None and counted is None:
        return None
    each = ad.ones(labels.shape, dtype=x.dtype) if weight is None else weight[labels]
    return each if counted is None else ad.where(counted, each, 0)


def _weighted(values: Tensor, weight: Tensor | None) -> Tensor:
    """Multiply along dimension 1 by the weights of the classes."""
    return values if weight is None else values * weight.reshape((1, -1) + (1,) * (values.ndim - 2))


def _soft_cross_entropy(log_p: Tensor, t: Tensor, weight: Tensor | None, reduction: str, smoothing: float) -> Tensor:
    if t.shape != log_p.shape:
        raise ValueError(f"cross_entropy: probabilities must have the logits' shape {log_p.shape}, got {t.shape}")
    if smoothing:
        t = t * (1 - smoothing) + smoothing / _classes(log_p)
    loss = -(_weighted(log_p, weight) * t).sum(1)
    return _reduced(loss, reduction)


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
    x, t = checked_tensor(input, name), checked_tensor(target, name)
    if x.shape != t.shape:
        raise ValueError(f"{name}: the target has shape {t.shape}, expected that of the input, {x.shape}")
    for what, factor in (("weight", weight), ("pos_weight", pos_weight)):
        if factor is not None and not _broadcasts(checked_tensor(factor, name).shape, x.shape):
            raise ValueError(f"{name}: {what} has shape {factor.shape}, which does not broadcast to {x.shape}")
    loss = softplus(x) - x * t
    if pos_weight is not None:
        loss = loss + (pos_weight - 1) * t * softplus(-x)
    return _reduced(loss if weight is None else loss * weight, reduction)


def mse_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    """Squared error, averaged.

    Parameters
    ----------
    input, target : Tensor
        Of one shape. Other shapes broadcast with a warning, for that is rarely meant.
    reduction : {"mean", "sum", "none"}, optional

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
    >>> F.mse_loss(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0]), reduction="sum")
    tensor(4.)
    """
    checked_reduction(reduction, "mse_loss")
    x, t = checked_tensor(input, "mse_loss"), checked_tensor(target, "mse_loss")
    if x.shape != t.shape:
        warnings.warn(
            f"mse_loss: a target of shape {t.shape} is broadcast against an input of shape {x.shape}; "
            "this is likely to give a wrong loss",
            stacklevel=2,
        )
    off = x - t
    return _reduced(off * off, reduction)


# -- shared ------------------------------------------------------------------------------------------------------------


def checked_reduction(reduction: str, name: str) -> str:
    """Return the reduction, or say which ones there are."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return reduction


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Tell whether a shape broadcasts to another one without widening it."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def checked_smoothing(label_smoothing: float, name: str) -> float:
    """Return the label smoothing, or say what it must be."""
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{name}: label_smoothing must be between 0 and 1, got {label_smoothing}")
    return label_smoothing


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def checked_tensor(value: Any, name: str) -> Tensor:
    """Return a tensor as it is and an array as a tensor; refuse anything else."""
    if not isinstance(value, (Tensor, np.ndarray)):
        raise TypeError(f"{name}: expected a Tensor, got {type(value).__name__}")
    return ad.as_tensor(value)
