"""Derivatives of bringing values to mean 0 and variance 1: what batch, layer and group normalization share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import primitive
from ..kernels.reductions import averaged
from ..engine.silence import silent
from .reduction import _mean

if TYPE_CHECKING:
    from ..tensor import Tensor

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def _average(x: Array, dim: tuple[int, ...]) -> Array:
    """Average along dimensions, which are kept with size 1."""
    return _mean(x, dim=dim, keepdim=True) if isinstance(x, Node) else averaged(x, dim, True)


def _centred(x: Array, dim: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the mean along dimensions, and what is left without it; of half precision in single."""
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    mean = _average(x, dim)
    mean = mean + _average(x - mean, dim)  # where all values are equal it is exact, so that nothing is left
    return mean, x - mean


def _unstandardize(g: Array, y: Array, input: Array, scale: Array, dim: tuple[int, ...], eps: float) -> Array:
    """Return (g - mean(g) - y mean(g y)) scale: shifting and scaling the input changes nothing."""
    if isinstance(g, Node):  # the scale is a number here, but depends on the input
        _, off = _centred(input, dim)
        scale = 1 / np.sqrt(_average(off * off, dim) + eps)
    slope = y * -_average(g * y, dim)
    slope += g
    slope -= _average(g, dim)
    slope *= scale
    return slope


@primitive(input=lambda g, y, input, scale, dim, eps: _unstandardize(g, y, input, scale, dim, eps))
def _standardize(input: Array, *, values: Array, scale: Array, dim: tuple[int, ...], eps: float) -> Array:
    return values  # computed before, with mean and variance, which others want as well


def standardize(input: Tensor, dim: tuple[int, ...], eps: float) -> tuple[Tensor, Array, Array]:
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
    mean, var : ndarray
        What it used, with size 1 along `dim`.

    Examples
    --------
    >>> from autodiff.functions.normalization import standardize
    >>> standardize(ad.tensor([1.0, 3.0]), (0,), 0.0)[0]
    tensor([-1.,  1.])

    References
    ----------
    Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """
    values, mean, var, scale = silent().run(_standardized, input._data, dim, eps)
    return _standardize(input, values=values, scale=scale, dim=dim, eps=eps), mean, var


def _standardized(x: Array, dim: tuple[int, ...], eps: float) -> tuple[Array, Array, Array, Array]:
    """Return standardized values, the mean and variance used, and the inverse of the standard deviation."""
    mean, off = _centred(x, dim)
    var = _average(off * off, dim)
    scale = 1 / np.sqrt(var + eps)
    off *= scale
    return off.astype(x.dtype, order="C", copy=False), mean, var, scale
