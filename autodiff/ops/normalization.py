"""Derivatives of bringing values to mean 0 and variance 1: what batch, layer and group normalization share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..graph import Node
from ..primitive import primitive
from ..reducing import averaged
from .reduction import _mean

if TYPE_CHECKING:
    from ..tensor import Tensor

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


class Standard(NamedTuple):
    """Values brought to mean 0 and variance 1 along dimensions, and what that took, with size 1 along them."""

    values: Array
    mean: Array
    var: Array
    scale: Array  # 1 / sqrt(var + eps)


def _standard(x: Array, dim: tuple[int, ...], eps: float) -> Standard:
    """Standardize an array; one of half precision in single."""
    dtype = x.dtype
    if dtype == np.float16:
        x = x.astype(np.float32)
    mean = averaged(x, dim, True)
    off = x - mean
    mean = mean + averaged(off, dim, True)  # where all values are equal it is exact, so that off is 0
    np.subtract(x, mean, out=off)
    var = averaged(off * off, dim, True)
    scale = 1 / np.sqrt(var + eps)
    off *= scale
    return Standard(off.astype(dtype, copy=False), mean, var, scale)


def _recorded(input: Array, standard: Standard, dim: tuple[int, ...], eps: float) -> tuple[Array, Array]:
    """Return values and scale; where a rule is itself recorded, as functions of the input, on which both depend."""
    if not isinstance(input, Node):
        return standard.values, standard.scale
    off = input - _mean(input, dim=dim, keepdim=True)
    scale = 1 / np.sqrt(_mean(off * off, dim=dim, keepdim=True) + eps)
    return off * scale, scale


def _unstandardize(g: Array, y: Array, scale: Array, dim: tuple[int, ...]) -> Array:
    """Return (g - mean(g) - y mean(g y)) scale: shifting and scaling the input changes nothing."""
    mean = _mean if isinstance(g, Node) else averaged
    slope = y * -mean(g * y, dim=dim, keepdim=True)
    slope += g
    slope -= mean(g, dim=dim, keepdim=True)
    slope *= scale
    return slope


@primitive(
    input=lambda g, y, input, standard, dim, eps: _unstandardize(g, y, _recorded(input, standard, dim, eps)[1], dim)
)
def _standardize(input: Array, *, standard: Standard, dim: tuple[int, ...], eps: float) -> Array:
    return standard.values


@primitive(
    input=lambda g, input, weight, standard, dim, eps: _unstandardize(
        g * weight, *_recorded(input, standard, dim, eps), dim
    ),
    weight=lambda g, input, standard, dim, eps: g * _recorded(input, standard, dim, eps)[0],
    bias=lambda g: g,
)
def _normalize(
    input: Array, weight: Array, bias: Array | None = None, *, standard: Standard, dim: tuple[int, ...], eps: float
) -> Array:
    y = standard.values * weight
    if bias is not None:
        y += bias
    return y


def standardize(
    input: Tensor, dim: tuple[int, ...], eps: float, weight: Tensor | None = None, bias: Tensor | None = None
) -> tuple[Tensor, Array, Array]:
    """Bring values to mean 0 and variance 1 along dimensions, then scale and shift them, in one operation.

    That is ``(x - mean) / sqrt(var + eps) * weight + bias``. Composed of its parts it would take twice the passes over
    memory.

    Parameters
    ----------
    input : Tensor of floats
    dim : tuple of int
        The dimensions along which mean and variance are taken, from 0 on.
    eps : float
        Added to the variance, the plain average of the squares.
    weight, bias : Tensor, optional
        Of the dtype of `input`, and of a shape that broadcasts to its shape.

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
    standard = _standard(input._data, dim, eps)
    if weight is None:
        y = _standardize(input, standard=standard, dim=dim, eps=eps)
        y = y if bias is None else y + bias
    else:
        y = _normalize(input, weight, *(() if bias is None else (bias,)), standard=standard, dim=dim, eps=eps)
    return y, standard.mean, standard.var
