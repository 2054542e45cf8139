"""Bringing values to mean 0 and variance 1: what batch, layer and group normalization share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..table import normalization as rows
from .arguments import widened

if TYPE_CHECKING:
    from ..tensor import Tensor


def standardize(input: Tensor, dim: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor]:
    """Bring values to mean 0 and variance 1 along dimensions: (x - mean) / sqrt(var + eps), in one operation.

    Composed of its parts it would take twice the passes over memory.

    Parameters
    ----------
    input : Tensor of floats
    dim : tuple of int
        The dimensions along which mean and variance are taken, from 0 on.
    eps : float
        Added to the variance, the plain average of the squares.

    Returns
    -------
    result : Tensor
        Of the shape of `input`.
    moments : Tensor
        Mean and variance, with size 1 along `dim`, as its two entries; without a gradient.

    Examples
    --------
    >>> from autodiff.functions.normalization import standardize
    >>> standardize(ad.tensor([1.0, 3.0]), (0,), 0.0)[0]
    tensor([-1.,  1.])

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """
    x = widened(input).contiguous()
    moments = rows.moments(x, dim=dim)
    moments.name = "moments"  # for pictures
    y: Tensor = rows.standardize(x, moments, dim=dim, eps=eps)
    return (y if x is input else y.to(input.dtype)), moments
