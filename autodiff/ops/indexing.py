"""Derivatives of picking elements by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node
from ..primitive import primitive
from ._arguments import dimension, tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["gather"]

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def plain_index(key: Any) -> Any:
    """Return an index with its tensors, lists and arrays as arrays of its own, which nobody can change later."""
    if isinstance(key, tuple):
        return tuple(plain_index(k) for k in key)
    if isinstance(key, Node):
        key = key._data if key._data.ndim else key._data[()]
    if isinstance(key, np.ndarray):
        return key.copy()
    if isinstance(key, (list, range)):
        array = np.asarray(key)
        return array if array.size else array.astype(np.intp)
    return key


def _is_basic(index: Any) -> bool:
    """Tell whether an index is made of integers, slices, None and Ellipsis alone, and so names no element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        k is None or k is Ellipsis or (isinstance(k, (slice, int, np.integer)) and not isinstance(k, bool))
        for k in parts
    )


def _unpick(g: Array, input_shape: tuple[int, ...], key: Any) -> Array:
    return _unindex(g, shape=input_shape, key=key)


@primitive(symbol="[ ]", view=True, input=_unpick)
def _index(input: Array, *, key: Any) -> Array:
    picked = input[key]
    if isinstance(picked, np.generic) and isinstance(input, np.ndarray):  # a copy; a view is what was asked for
        return input[(*key, ...) if isinstance(key, tuple) else (key, ...)]
    return picked


@primitive(symbol="[ ]ᵀ", values=lambda g, key: _index(g, key=key))
def _unindex(values: Array, *, shape: tuple[int, ...], key: Any) -> Array:
    """Zeros of `shape` with `values` added at `key`: the adjoint of indexing."""
    out = np.zeros(shape, values.dtype)
    if _is_basic(key) or (isinstance(key, np.ndarray) and key.dtype == np.bool):
        out[key] = values
    else:
        np.add.at(out, key, values)
    return out


def index(input: Tensor, key: Any) -> Tensor:
    """Pick elements by integers, slices, None, Ellipsis, masks or integer arrays, as ``input[key]``."""
    return _index(input, key=plain_index(key))


def _ungather(g: Array, input_shape: tuple[int, ...], index: Array, dim: int) -> Array:
    return _scatter(g, index, shape=input_shape, dim=dim)


@primitive(input=_ungather)
def _gather(input: Array, index: Array, *, dim: int) -> Array:
    return np.take_along_axis(_trimmed(input, index, dim), index, axis=dim)


@primitive(values=lambda g, index, dim: _gather(g, index, dim=dim))
def _scatter(values: Array, index: Array, *, shape: tuple[int, ...], dim: int) -> Array:
    """Zeros of `shape` with `values` added where `index` says along `dim`: the adjoint of gather."""
    out = np.zeros(shape, values.dtype)
    where = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    where[dim] = index
    np.add.at(out, tuple(where), values)
    return out


def _trimmed(input: Array, index: Array, dim: int) -> Array:
    """Cut `input` to the size of `index` in every dimension but `dim`."""
    return input[tuple(slice(None) if d == dim else slice(n) for d, n in enumerate(index.shape))]


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Pick one element per entry of `index` along `dim`: ``out[i, j] = input[i, index[i, j]]`` for dim 1.

    Parameters
    ----------
    input : Tensor
        Of n dimensions.
    dim : int
        The dimension along which `index` counts.
    index : Tensor of integers
        Of n dimensions, nowhere larger than `input` except along `dim`.

    Returns
    -------
    Tensor
        Of the shape of `index`.

    Raises
    ------
    TypeError
        If `index` does not hold integers.
    RuntimeError
        If the shapes do not fit.
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.gather(x, 1, ad.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    x, at = tensor_of(input, "gather"), tensor_of(index, "gather")
    d = dimension(dim, x.ndim, "gather")
    if at.dtype.kind not in "iu":
        raise TypeError(f"gather: index must hold integers, got {at.dtype}")
    if not x.ndim and not at.ndim:
        return gather(x.reshape(1), 0, at.reshape(1)).reshape(())
    if at.ndim != x.ndim or any(a > n for i, (a, n) in enumerate(zip(at.shape, x.shape, strict=True)) if i != d):
        raise RuntimeError(
            f"gather: an index of shape {at.shape} does not fit an input of shape {x.shape} along dim {d}"
        )
    if at._data.size and not 0 <= at._data.min() <= at._data.max() < x.shape[d]:
        raise IndexError(f"gather: index holds {at._data.min()} to {at._data.max()}, but dim {d} has size {x.shape[d]}")
    return _gather(x, at, dim=d)
