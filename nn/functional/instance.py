"""Normalization of each channel of each sample."""

from __future__ import annotations

import math

from autodiff import Tensor, no_grad
from autodiff.functions.arguments import floats_of

from .normalization import batch_norm, group_norm

__all__ = ["instance_norm"]


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Bring each channel of each sample to mean 0 and variance 1.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, ...).
    running_mean, running_var : Tensor, optional
        Averages over samples, of shape (C,); moved in place where the input's own are used.
    weight, bias : Tensor, optional
        Scale and shift of each channel, of shape (C,).
    use_input_stats : bool, optional
        Whether to use the input's mean and variance, or the running ones.
    momentum : float, optional
        The weight of a new value in the running averages.
    eps : float, optional
        What is added to the variance.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If the shape does not fit.
    ValueError
        If there is only one value per channel.

    Examples
    --------
    >>> F.instance_norm(ad.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance normalization", arXiv:1607.08022.
    """
    x = floats_of(input, "instance_norm")
    if x.ndim < 3:
        raise RuntimeError(f"instance_norm: expected an input of shape (N, C, ...), got {x.shape}")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(x.shape[2:]) == 1:
        raise ValueError(f"instance_norm: Expected more than 1 spatial element when training, got {x.shape}")
    y = group_norm(x, x.shape[1], weight, bias, eps)
    if running_mean is not None and running_var is not None:
        dims = tuple(range(2, x.ndim))
        with no_grad():
            running_mean.mul_(1 - momentum).add_(momentum * x.mean(dims).mean(0))
            running_var.mul_(1 - momentum).add_(momentum * x.var(dims).mean(0))
    return y
