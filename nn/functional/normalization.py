"""Functions that bring activations to mean 0 and variance 1, or to length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import autodiff as ad
from autodiff import Tensor
from autodiff.engine.graph import increment_version
from autodiff.functions.arguments import check_dtypes, floats_of, tensor_of
from autodiff.functions.normalization import standardize
from autodiff.kernels.silence import silent
from autodiff.tensor import from_array
from autodiff.tracing import tracing

__all__ = ["batch_norm", "group_norm", "layer_norm", "normalize", "rms_norm"]


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
        Of shape (C,). Used in evaluation, as constants; in training moved towards the batch's, the variance being the
        unbiased one.
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
        If a batch in training has only one value per channel, whose variance says nothing, or `eps` is not positive.
    RuntimeError
        If shapes or dtypes do not fit, or a running average requires a gradient. None of them has moved then.

    Examples
    --------
    >>> F.batch_norm(ad.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    x = floats_of(input, "batch_norm")
    shape = x._data.shape
    if shape == (0,):
        return x.clone()
    if len(shape) < 2:
        raise ValueError(f"batch_norm: expected an input of shape (N, C, ...), got {shape}")
    running_mean, running_var, weight, bias = _per_channel(
        x, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if eps < 0 or (training and not eps):
        raise ValueError(f"batch_norm: eps must be positive in training, and not negative in evaluation, got {eps}")
    if len(shape) > 2:  # so that what is given per channel broadcasts
        per_channel = (-1,) + (1,) * (len(shape) - 2)
        weight, bias = (None if t is None else t.reshape(per_channel) for t in (weight, bias))
    if 0 in shape:  # nothing to normalize, and nothing to average
        return _scale(x, weight, bias)
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: evaluation needs running_mean and running_var")
        mean, scale = _as_constants(running_mean, running_var, eps)
        if len(shape) > 2:
            mean, scale = mean.reshape(per_channel), scale.reshape(per_channel)
        factor = scale if weight is None else weight * scale
        shift = factor * mean
        return _scale(x, factor, -shift if bias is None else bias - shift)
    n = math.prod(shape) // shape[1]
    if n <= 1:
        raise ValueError(
            f"batch_norm: expected more than 1 value per channel in training, got shape {shape}; "
            "in training use larger batches, for a single sample call eval() first"
        )
    y, moments = standardize(x, (0, *range(2, len(shape))), eps)
    _average(running_mean, moments, 0, momentum, 1)
    _average(running_var, moments, 1, momentum, n / (n - 1))
    return _scale(y, weight, bias)


def _per_channel(x: Tensor, **given: Tensor | None) -> list[Tensor | None]:
    """Return what is given as tensors; refuse what does not have one value a channel, of the input's dtype."""
    data = x._data
    tensors = [None if t is None else tensor_of(t, "batch_norm") for t in given.values()]
    for name, t in zip(given, tensors, strict=True):
        if t is None:
            continue
        if t._data.dtype != data.dtype:
            check_dtypes("batch_norm", x, *tensors)
        if t._data.shape != data.shape[1:2]:
            raise RuntimeError(
                f"batch_norm: {name} must have shape ({x.shape[1]},), one value a channel, got {t.shape}"
            )
        if t._requires_grad and name.startswith("running") and ad.is_grad_enabled():
            raise RuntimeError(f"batch_norm: {name} is taken as a constant and must not require a gradient")
    return tensors


def _as_constants(mean: Tensor, var: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Return the mean and the scale of evaluation, in memory of their own: the averages may move before backward."""
    if tracing() is not None:
        return mean.detach(), 1 / (var.detach() + eps).sqrt()
    return from_array(mean._data.copy()), from_array(silent().run(lambda v: 1 / np.sqrt(v + eps), var._data))


def _average(running: Tensor | None, moments: Tensor, which: int, momentum: Any, factor: float) -> None:
    """Move a running average towards a batch's value."""
    if running is None:
        return
    if (trace := tracing()) is not None:
        batch = momentum * factor * moments[which].reshape(-1)
        trace.changes(running, running.detach() * (1 - momentum) + batch)
        return
    silent().run(_move, running._data, moments._data[which], momentum, factor)
    increment_version(running)


def _move(kept: npt.NDArray[Any], batch: npt.NDArray[Any], momentum: float, factor: float) -> None:
    kept *= 1 - momentum
    kept += momentum * factor * batch.reshape(-1)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each sample over its last dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (..., *normalized_shape).
    normalized_shape : int or sequence of int
        The sizes of the dimensions over which mean and variance are taken.
    weight, bias : Tensor, optional
        Of shape `normalized_shape`: scale and shift.
    eps : float, optional
        Added to the variance.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If the shapes do not fit or the dtypes differ.

    Examples
    --------
    >>> F.layer_norm(ad.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450.
    """
    x = floats_of(input, "layer_norm")
    dims = _last_dims(x, normalized_shape, "layer_norm", weight, bias)
    return _scale(standardize(x, dims, eps)[0], weight, bias)


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide each sample by the root of its mean square over its last dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (..., *normalized_shape).
    normalized_shape : int or sequence of int
        The sizes of the dimensions over which the mean is taken.
    weight : Tensor, optional
        Of shape `normalized_shape`: the scale.
    eps : float, optional
        Added to the mean square; the spacing of floats at 1 unless given.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If the shapes do not fit or the dtypes differ.

    Examples
    --------
    >>> F.rms_norm(ad.tensor([[1.0, 7.0]]), (2,))
    tensor([[0.2000, 1.4000]])

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """
    x = floats_of(input, "rms_norm")
    dims = _last_dims(x, normalized_shape, "rms_norm", weight)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    wide = x.float() if x.dtype == np.float16 else x  # the squares of half precision soon overflow
    return _scale((wide / ((wide * wide).mean(dims, keepdim=True) + eps).sqrt()).to(x.dtype), weight, None)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalize each sample over groups of its channels and all further dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, ...).
    num_groups : int
        Into how many groups of equal size the C channels are parted.
    weight, bias : Tensor, optional
        Of shape (C,): scale and shift.
    eps : float, optional
        Added to the variance.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If there are fewer than two dimensions, the channels cannot be parted, or shapes or dtypes do not fit.
    ValueError
        If there is a single sample with one value per group.

    Examples
    --------
    >>> F.group_norm(ad.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])

    References
    ----------
    Wu and He, "Group normalization", ECCV 2018.
    """
    x = floats_of(input, "group_norm")
    check_dtypes("group_norm", x, weight, bias)
    if x.ndim < 2 or num_groups < 1 or x.shape[1] % num_groups:
        raise RuntimeError(
            f"group_norm: expected shape (N, C, ...) with C divisible by {num_groups} groups, got {x.shape}"
        )
    for t in (weight, bias):
        if t is not None and t.shape != (x.shape[1],):
            raise RuntimeError(f"group_norm: weight and bias must have shape ({x.shape[1]},), got {t.shape}")
    if x.numel() == num_groups:
        raise ValueError(f"group_norm: expected more than 1 value per group, got shape {x.shape}, {num_groups} groups")
    parted = x.reshape(x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:])
    y = standardize(parted, tuple(range(2, parted.ndim)), eps)[0]
    across = (1, -1) + (1,) * (x.ndim - 2)
    return _scale(y.reshape(x.shape), *(None if t is None else t.reshape(across) for t in (weight, bias)))


def _last_dims(x: Tensor, shape: int | Sequence[int], name: str, *factors: Tensor | None) -> tuple[int, ...]:
    """Return the dimensions that `shape` describes, or say what does not fit."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    check_dtypes(name, x, *factors)
    if not sizes or x.shape[max(x.ndim - len(sizes), 0) :] != sizes:
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(sizes)}, expected input with shape [*, "
            f"{', '.join(map(str, sizes))}], got {x.shape}"
        )
    for t in factors:
        if t is not None and t.shape != sizes:
            raise RuntimeError(f"{name}: weight and bias must have shape {sizes}, got {t.shape}")
    return tuple(range(x.ndim - len(sizes), x.ndim))


def _scale(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is None:
        return y if bias is None else y + bias
    return y * weight if bias is None else ad.addcmul(bias, y, weight)


def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the p-norm along a dimension, so that what lies along it has length 1.

    Parameters
    ----------
    input : Tensor
    p : float, optional
        The exponent of the norm.
    dim : int or tuple of int, optional
        The dimensions along which the norm is taken.
    eps : float, optional
        The least divisor.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Examples
    --------
    >>> F.normalize(ad.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    x = floats_of(input, "normalize")
    return x / ad.norm(x, p, dim, keepdim=True).clamp_min(eps)
