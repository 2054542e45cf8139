"""Tools for all parameters of a model at once: limiting their gradients, and writing them as one vector."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.tensor import from_array
from autodiff.tracing import tracing

from ..module import Module
from ..tuples import _ntuple as _ntuple
from ..tuples import _pair as _pair
from ..tuples import _quadruple as _quadruple
from ..tuples import _single as _single
from ..tuples import _triple as _triple
from . import parametrizations as parametrizations
from . import parametrize as parametrize
from . import prune as prune
from . import rnn as rnn
from . import stateless as stateless
from .norms import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm",
    "parameters_to_vector", "parametrizations", "parametrize", "prune", "remove_spectral_norm", "remove_weight_norm",
    "rnn", "skip_init", "spectral_norm", "stateless", "vector_to_parameters", "weight_norm",
]  # fmt: skip


def _as_list(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    """Return parameters as a list, or say what came instead."""
    if isinstance(parameters, Tensor):
        return [parameters]
    if isinstance(parameters, (Module, Mapping)) or not isinstance(parameters, Iterable):
        raise TypeError(f"{name}: expected parameters, got {_describe(parameters)}")
    listed = list(parameters)
    for i, p in enumerate(listed):
        if not isinstance(p, Tensor):
            raise TypeError(f"{name}: parameter {i} must be a Tensor, got {_describe(p)}")
    return listed


def _describe(value: Any) -> str:
    """Name the kind of what came in the place of parameters and, where that tells what was meant, say the cure."""
    meant = isinstance(value, (Module, Mapping)) or callable(value)
    return type(value).__name__ + (": say model.parameters()" if meant else "")


def _gradients(parameters: Tensor | Iterable[Tensor], name: str) -> list[Tensor]:
    return [p.grad for p in _as_list(parameters, name) if p.grad is not None]


@np.errstate(all="ignore")  # an infinite norm makes the gradients 0, or NaN, silently as in PyTorch
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
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
    foreach : bool, optional
        Without effect.

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
        raise RuntimeError(
            f"clip_grad_norm_: the norm of the gradients is non-finite, {total}, so it cannot be clipped"
        )
    coefficient = np.minimum(total.dtype.type(max_norm) / (total + total.dtype.type(1e-6)), total.dtype.type(1))
    with ad.no_grad():
        for g in gradients:
            g.mul_(from_array(coefficient.astype(g.dtype)))
    return from_array(total)


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float | str = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Do what `clip_grad_norm_` does, under PyTorch's old name for it, with its warning."""
    warnings.warn(
        "clip_grad_norm is deprecated in favor of clip_grad_norm_, which has the name of what works in place",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all tensors together, as of one vector.

    Parameters
    ----------
    tensors : Tensor or iterable of Tensor
    norm_type : float, optional
    error_if_nonfinite : bool, optional
        Whether to raise where it is infinite or NaN.
    foreach : bool, optional
        Without effect.

    Examples
    --------
    >>> nn.utils.get_total_norm([ad.tensor([3.0]), ad.tensor([4.0])])
    tensor(5.)
    """
    listed, p = _as_list(tensors, "get_total_norm"), float(norm_type)
    if not listed:
        return ad.tensor(0.0)
    total = ad.norm(ad.stack([ad.norm(t.detach(), p) for t in listed]), p)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(f"get_total_norm: the norm of the tensors is non-finite, {total.item()}")
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients, in place, as if `total_norm` were the norm of all of them together.

    Examples
    --------
    >>> w = nn.Parameter(ad.zeros(2))
    >>> w.grad = ad.tensor([3.0, 4.0])
    >>> nn.utils.clip_grads_with_norm_(w, 1.0, ad.tensor(10.0))
    >>> w.grad
    tensor([0.3000, 0.4000])
    """
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp_max(1.0)
    with ad.no_grad():
        for g in _gradients(parameters, "clip_grads_with_norm_"):
            g.mul_(factor.to(g.dtype))


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Make a module whose parameters are about to be replaced; here they are drawn all the same.

    Examples
    --------
    >>> nn.utils.skip_init(nn.Linear, 3, 2)
    Linear(in_features=3, out_features=2, bias=True)
    """
    return module_cls(*args, **kwargs)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
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
    return ad.cat([p.reshape(-1) for p in _as_list(parameters, "parameters_to_vector")])


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
    listed = _as_list(parameters, "vector_to_parameters")
    count = sum(p.numel() for p in listed)
    if vec.shape != (count,):
        raise ValueError(f"vector_to_parameters: expected a vector of {count} elements, got shape {vec.shape}")
    start = 0
    for p in listed:
        with ad.no_grad():
            p.copy_(vec[start : start + p.numel()].reshape(p.shape))
        start += p.numel()


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
