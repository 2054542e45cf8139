"""Derivatives of bringing values to mean 0 and variance 1: what batch, layer and group normalization share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node
from ..primitive import primitive
from .reduction import _mean

if TYPE_CHECKING:
    from ..tensor import Tensor

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def _moments(x: Array, dim: tuple[int, ...]) -> tuple[Array, Array]:
    """Return mean and variance along dimensions, which are kept with size 1; of half precision in single."""
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    mean = _mean(x, dim=dim, keepdim=True)
    mean = mean + _mean(x - mean, dim=dim, keepdim=True)  # where all values are equal it is exact, so that off is 0
    off = x - mean
    return mean, _mean(off * off, dim=dim, keepdim=True)


def _unstandardize(g: Array, y: Array, input: Array, var: Array, dim: tuple[int, ...], eps: float) -> Array:
    """Return (g - mean(g) - y mean(g y)) / sqrt(var + eps): shifting and scaling the input changes nothing."""
    if isinstance(g, Node):  # the variance is a number here, but depends on the input
        var = _moments(input, dim)[1]
    slope = y * -_mean(g * y, dim=dim, keepdim=True)
    slope += g
    slope -= _mean(g, dim=dim, keepdim=True)
    slope *= 1 / np.sqrt(var + eps)
    return slope


@primitive(input=lambda g, y, input, var, dim, eps: _unstandardize(g, y, input, var, dim, eps))
def _standardize(input: Array, *, mean: Array, var: Array, dim: tuple[int, ...], eps: float) -> Array:
    off = input - mean
    off *= 1 / np.sqrt(var + eps)
    return off.astype(input.dtype, copy=False)


def standardize(input: Tensor, dim: tuple[int, ...], eps: float) -> tuple[Tensor, Array, Array]:
    """Shift and scale to mean 0 and variance 1 along dimensions: (x - mean) / sqrt(var + eps), in one operation.

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
    mean, var : ndarray
        What it used, with size 1 along `dim`.

    Examples
    --------
    >>> from autodiff.ops.normalization import standardize
    >>> standardize(ad.tensor([1.0, 3.0]), (0,), 0.0)[0]
    tensor([-1.,  1.])

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """
    mean, var = _moments(input._data, dim)
    return _standardize(input, mean=mean, var=var, dim=dim, eps=eps), mean, var
