"""Tools for all parameters of a model at once: limiting their gradients, and writing them as one vector."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.tensor import from_array
from autodiff.tracing import tracing

from ..module import Module
from . import rnn as rnn

__all__ = ["clip_grad_norm_", "clip_grad_value_", "parameters_to_vector", "rnn", "vector_to_parameters"]


def _listed(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    """Return parameters as a list, or say what came instead."""
    if isinstance(parameters, Tensor):
        return [parameters]
    if isinstance(parameters, (Module, Mapping)) or not isinstance(parameters, Iterable):
        raise TypeError(f"{name}: expected parameters, got {_described(parameters)}")
    listed = list(parameters)
    for i, p in enumerate(listed):
        if not isinstance(p, Tensor):
            raise TypeError(f"{name}: parameter {i} must be a Tensor, got {_described(p)}")
    return listed


def _described(value: Any) -> str:
    """Name the kind of what came in the place of parameters and, where that tells what was meant, say the cure."""
    meant = isinstance(value, (Module, Mapping)) or callable(value)
    return type(value).__name__ + (": say model.parameters()" if meant else "")


def _gradients(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    return [p.grad for p in _listed(parameters, name) if p.grad is not None]


@np.errstate(all="ignore")  # an infinite norm makes the gradients 0, or NaN, silently as in PyTorch
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them together is at most `max_norm`.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are passed over.
    max_norm : float
    norm_type : float or "inf", optional
        The exponent of the norm; may be infinite.
    error_if_nonfinite : bool, optional
        Whether to raise where the norm is infinite or NaN, instead of scaling by it.

    Returns
    -------
    Tensor
        The norm before.

    Raises
    ------
    RuntimeError
        If asked to by `error_if_nonfinite`; no gradient is changed then.

    Examples
    --------
    >>> w = nn.Parameter(ad.zeros(2))
    >>> w.grad = ad.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm_(w, 1.0)
    tensor(5.)
    >>> w.grad
    tensor([0.6000, 0.8000])

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    gradients, norm_type, max_norm = _gradients(parameters, "clip_grad_norm_"), float(norm_type), float(max_norm)
    if not gradients:
        return ad.tensor(0.0)
    if (trace := tracing()) is not None:
        if error_if_nonfinite:
            trace.refuse("error_if_nonfinite", "leave it False, and look at the norm that is returned")
        norm = ad.norm(ad.stack([ad.norm(g.detach(), norm_type) for g in gradients]), norm_type)
        shrink = (max_norm / (norm + 1e-6)).clamp_max(1.0)
        for g in gradients:
            trace.changes(g, g * shrink)
        return norm
    norms = [ad.norm(g.detach(), norm_type) for g in gradients]
    total = ad.norm(ad.stack(norms), norm_type)._data
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {total}, so they cannot be clipped")
    coefficient = np.minimum(total.dtype.type(max_norm) / (total + total.dtype.type(1e-6)), total.dtype.type(1))
    with ad.no_grad():
        for g in gradients:
            g.mul_(from_array(coefficient.astype(g.dtype)))
    return from_array(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Cut every element of the gradients, in place, to the range from -clip_value to clip_value.

    Examples
    --------
    >>> w = nn.Parameter(ad.zeros(2))
    >>> w.grad = ad.tensor([-3.0, 0.5])
    >>> nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([-1.0000,  0.5000])
    """
    limit = float(clip_value)
    for g in _gradients(parameters, "clip_grad_value_"):
        with ad.no_grad():
            g.clamp_(-limit, limit)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Write all parameters as one vector, one after the other; gradients flow back through it.

    Examples
    --------
    >>> nn.utils.parameters_to_vector(nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    return ad.cat([p.reshape(-1) for p in _listed(parameters, "parameters_to_vector")])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of a vector into parameters, one after the other, in place.

    Raises
    ------
    TypeError
        If `vec` is not a Tensor.
    ValueError
        If it does not have as many elements as the parameters; nothing is written then.

    Examples
    --------
    >>> net = nn.Linear(1, 2)
    >>> nn.utils.vector_to_parameters(ad.tensor([1.0, 2.0, 3.0, 4.0]), net.parameters())
    >>> net.bias.tolist()
    [3.0, 4.0]
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    listed = _listed(parameters, "vector_to_parameters")
    count = sum(p.numel() for p in listed)
    if vec.shape != (count,):
        raise ValueError(f"vector_to_parameters: expected a vector of {count} elements, got shape {vec.shape}")
    start = 0
    for p in listed:
        with ad.no_grad():
            p.copy_(vec[start : start + p.numel()].reshape(p.shape))
        start += p.numel()
