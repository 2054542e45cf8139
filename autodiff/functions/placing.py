"""Copies of a tensor with other elements in some places: along a dimension, at an index, under a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import NUMBERS, wrap
from ..kernels.errors import IndexRuntimeError, TypeRuntimeError
from ..table import arrangement, reduction
from ..table import indexing as rows
from ..tracing import agreed, decided, parameter
from .arguments import computed, dimension, element, integer, named, numpy_names, parts_computed, tensor_of
from .elementwise import add, clone, where
from .indexing import _mask, in_shape, plain_index, read_scatter, scatter_add
from .shape import broadcast_to, ravel

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "diagonal_scatter", "index_add", "index_copy", "index_fill", "index_put", "masked_scatter", "put", "scatter_reduce",
    "select_scatter", "slice_scatter", "take",
]  # fmt: skip


def _overwrite(x: Tensor, values: Any, *way: Any) -> Tensor:
    """Return a copy in which values replace the elements that a way of rows picks."""
    return rows.overwrite(x, values, way=way)


def _at(key: Any) -> Any:
    return rows.index, {"key": key}


def _slices(input: Any, dim: int, index: Any, name: str) -> tuple[Any, Any, Any]:
    """Return a tensor (a scalar as a vector), the key of its slices along a dimension, and that dimension."""
    x, at = tensor_of(input, name), tensor_of(index, name)
    d = dimension(dim, x.ndim, name)
    if at.dtype.kind not in "iu" or at.ndim > 1:
        raise TypeError(f"{name}: index must be a vector of integers, got {at.dtype} of shape {at.shape}")
    places, size = parameter(at.reshape(-1)), x.shape[d] if x.ndim else 1
    if places.size and not decided(lambda a: -size <= a.min() <= a.max() < size, at):
        raise IndexRuntimeError(f"{name}: index holds {places.min()} to {places.max()}, but dim {d} has size {size}")
    return (x if x.ndim else x.reshape(1)), (slice(None),) * d + (places,), d


def _source(source: Any, x: Any, key: Any, name: str) -> Any:
    """Check the dtype and shape of slices that are to be written, and return them as a tensor."""
    values = tensor_of(source, name)
    if values.dtype != x.dtype:
        raise RuntimeError(f"{name}: source must have the dtype of the input, {x.dtype}, got {values.dtype}")
    shape = (*x.shape[: len(key) - 1], key[-1].size, *x.shape[len(key) :])
    if values.shape != shape and not (values.ndim == 0 and x.ndim == 1 and key[-1].size == 1):
        raise RuntimeError(f"{name}: source of shape {values.shape} does not fit places of shape {shape}")
    return values.reshape(shape)


@numpy_names
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """Copy a tensor and add `alpha` times the slices of `source` to those at `index` along `dim`; equal places add up.

    Parameters
    ----------
    input : Tensor
    dim : int
    index : Tensor of integers
        A vector: for each slice of `source` where it goes.
    source : Tensor
        Of the dtype of `input`.
    alpha : float, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.index_add(ad.zeros(3), 0, ad.tensor([0, 2, 2]), ad.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 5.])
    """
    x, key, _ = _slices(input, dim, index, "index_add")
    values = _source(source, x, key, "index_add")
    y = add(x, rows.unindex(values, shape=x.shape, key=key), alpha=alpha)
    return in_shape(y, tensor_of(input, "index_add").shape)


@numpy_names
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Copy a tensor and overwrite the slices at `index` along `dim` with those of `source`.

    Examples
    --------
    >>> ad.index_copy(ad.zeros(3), 0, ad.tensor([0, 2]), ad.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    x, key, _ = _slices(input, dim, index, "index_copy")
    y = _overwrite(x, _source(source, x, key, "index_copy"), _at(key))
    return in_shape(y, tensor_of(input, "index_copy").shape)


@numpy_names
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """Copy a tensor and overwrite the slices at `index` along `dim` with one value.

    Examples
    --------
    >>> ad.index_fill(ad.zeros(3), 0, ad.tensor([0, 2]), 1.0)
    tensor([1., 0., 1.])
    """
    x, key, _ = _slices(input, dim, index, "index_fill")
    return in_shape(_overwrite(x, _value(value, x, "index_fill"), _at(key)), tensor_of(input, "index_fill").shape)


def _value(value: Any, x: Any, name: str) -> Any:
    """Return a number, or a tensor of no dimensions, in the dtype of a tensor."""
    if isinstance(value, (Node, np.ndarray)):
        v = tensor_of(value, name)
        if v.ndim:
            raise RuntimeError(f"{name}: value must be a number or have no dimensions, got shape {v.shape}")
        return v.to(x.dtype)
    if not isinstance(value, NUMBERS):
        raise TypeError(f"{name}: expected a Tensor or a number, got {type(value).__name__}")
    return wrap(np.asarray(element(value, x.dtype, name)))


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """Copy a tensor and write, or add, values at ``input[indices]``.

    Parameters
    ----------
    input : Tensor
    indices : tuple of Tensor
        Integers or masks, one for each of the first dimensions; None for all of one.
    values : Tensor
        Of the dtype of `input`, broadcast.
    accumulate : bool, optional
        Add; equal places add up.

    Examples
    --------
    >>> ad.index_put(ad.zeros(3), (ad.tensor([0, 2]),), ad.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    x, v = tensor_of(input, "index_put"), tensor_of(values, "index_put")
    if v.dtype != x.dtype:
        raise RuntimeError(f"index_put: values must have the dtype of the input, {x.dtype}, got {v.dtype}")
    key = plain_index(tuple(slice(None) if k is None else k for k in indices), "index_put")
    if not accumulate:
        return _overwrite(x, v, _at(key))
    spot = rows.index(x.detach(), key=key)
    return add(x, rows.unindex(broadcast_to(v, spot.shape), shape=x.shape, key=key))


@named
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Copy a tensor and put the elements of `source`, one after the other, where the mask holds.

    Examples
    --------
    >>> ad.masked_scatter(ad.zeros(3), ad.tensor([True, False, True]), ad.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    x, m, values = tensor_of(input, "masked_scatter"), _mask(mask, "masked_scatter"), ravel(source)
    if values.dtype != x.dtype:
        raise RuntimeError(f"masked_scatter: source must have the dtype of the input, {x.dtype}, got {values.dtype}")
    shape = np.broadcast_shapes(x.shape, m.shape)
    x, m, n = broadcast_to(x, shape), broadcast_to(m, shape), values.numel()
    if not decided(lambda a: a.sum() <= n, m):
        raise RuntimeError(f"masked_scatter: the mask holds at {m._data.sum()} places, source has {n} elements")
    if not n:
        return clone(x)
    # Which element of the source goes where.
    turn = computed("turn", lambda a: np.clip(np.cumsum(a) - 1, 0, n - 1).reshape(shape), m)
    return where(m, rows.index(values, key=parameter(turn)), x)


# -- in the place of a view --------------------------------------------------------------------------------------------


def _over(x: Any, src: Any, spot: Any, way: Any, name: str) -> Tensor:
    values = tensor_of(src, name)
    if values.shape != spot.shape:
        raise RuntimeError(f"{name}: src of shape {values.shape} does not fit a place of shape {spot.shape}")
    return _overwrite(x, values.to(x.dtype), way)


@numpy_names
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Copy a tensor with `src` as its slice at `index` along `dim`.

    Examples
    --------
    >>> ad.select_scatter(ad.zeros(2, 2), ad.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    x, i = tensor_of(input, "select_scatter"), integer(index, "select_scatter", "index")
    key = (*(slice(None),) * dimension(dim, x.ndim, "select_scatter"), i)
    return _over(x, src, x.detach()[key], _at(key), "select_scatter")


@numpy_names
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """Copy a tensor with `src` as its slices from `start` to `end` along `dim`.

    Examples
    --------
    >>> ad.slice_scatter(ad.zeros(4), ad.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0.])
    """
    x = tensor_of(input, "slice_scatter")
    key = (*(slice(None),) * dimension(dim, x.ndim, "slice_scatter"), slice(start, end, step))
    return _over(x, src, x.detach()[key], _at(key), "slice_scatter")


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Copy a tensor with `src` as its diagonal.

    Examples
    --------
    >>> ad.diagonal_scatter(ad.zeros(2, 2), ad.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    x = tensor_of(input, "diagonal_scatter")
    a, b = (dimension(d, x.ndim, "diagonal_scatter") for d in (dim1, dim2))
    way = (arrangement.diagonal, {"offset": offset, "dim1": a, "dim2": b})
    return _over(x, src, x.detach().diagonal(offset, a, b), way, "diagonal_scatter")


# -- by a position in the flattened tensor -----------------------------------------------------------------------------


def _flat_places(index: Any, n: int, name: str) -> Any:
    at = tensor_of(index, name)
    if at.dtype.kind not in "iu":
        raise TypeRuntimeError(f"{name}: index must hold integers, got {at.dtype}")
    if at.numel() and not decided(lambda a: -n <= a.min() <= a.max() < n, at):
        raise IndexRuntimeError(f"{name}: index holds {at._data.min()} to {at._data.max()}, but there are {n} elements")
    return at


def take(input: Tensor, index: Tensor) -> Tensor:
    """Pick elements of the flattened tensor.

    Examples
    --------
    >>> ad.take(ad.tensor([[1, 2], [3, 4]]), ad.tensor([0, 3]))
    tensor([1, 4])
    """
    x = ravel(input)
    return rows.index(x, key=parameter(_flat_places(index, x.numel(), "take")))


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Copy a tensor and write, or add, elements of `source` at positions of the flattened tensor.

    Examples
    --------
    >>> ad.put(ad.zeros(2, 2), ad.tensor([0, 3]), ad.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    x = ravel(input)
    at = _flat_places(index, x.numel(), "put").reshape(-1)
    return index_put(x, (at,), ravel(source), accumulate).reshape(tensor_of(input, "put").shape)


# -- reduced -----------------------------------------------------------------------------------------------------------

_NEUTRAL = {"prod": 1.0, "amax": -np.inf, "amin": np.inf}


@numpy_names
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Copy a tensor and reduce into each element those of `src` whose `index` along `dim` points there.

    Parameters
    ----------
    input : Tensor
        Of n dimensions.
    dim : int
        The dimension along which `index` counts.
    index : Tensor of integers
        Of n dimensions, nowhere larger than `input` except along `dim`.
    src : Tensor
        Of the dtype of `input`, nowhere smaller than `index`.
    reduce : {"sum", "prod", "mean", "amax", "amin"}
        How. Equal extremes share the gradient.
    include_self : bool, optional
        Whether the element that stands in a place takes part.

    Returns
    -------
    Tensor
        Of the shape of `input`. Places to which nothing goes stay as they are.

    Examples
    --------
    >>> places, values = ad.tensor([0, 2, 2]), ad.tensor([1.0, 2.0, 3.0])
    >>> ad.scatter_reduce(ad.zeros(3), 0, places, values, "mean", include_self=False)
    tensor([1.0000, 0.0000, 2.5000])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"scatter_reduce: reduce must be sum, prod, mean, amax or amin, got {reduce!r}")
    x, at, put, d = read_scatter(input, dim, index, tensor_of(src, "scatter_reduce"), "scatter_reduce")
    counts = scatter_add(wrap(np.zeros(x.shape, np.int64)), d, at, wrap(np.ones(at.shape, np.int64)))
    met = counts > 0
    if reduce in _NEUTRAL:
        y = _gathered_together(x, at, put, d, reduce, include_self, counts)
    else:
        y = scatter_add(x if include_self else where(met, 0, x).to(x.dtype), d, at, put)
        if reduce == "mean":
            n = (counts + int(include_self)).clamp_min(1).to(x.dtype)
            y = y / n if x.dtype.kind == "f" else y // n
            y = y if include_self else where(met, y, x)
    return in_shape(y, tensor_of(input, "scatter_reduce").shape)


def _gathered_together(x: Any, at: Any, put: Any, d: int, reduce: str, include_self: bool, counts: Any) -> Tensor:
    """Reduce the values for each place along a new last dimension, padded with the reduction's neutral element."""
    shape, places = x.shape, list(np.ogrid[tuple(slice(n) for n in at.shape)])

    def laned(at: Any, counts: Any) -> list[Any]:
        """Return the elements' order by place, the place of each, and its number among those of the same place."""
        target = np.ravel_multi_index(np.broadcast_arrays(*places[:d], at, *places[d + 1 :]), shape).reshape(-1)
        order = np.argsort(target, kind="stable")
        first = np.cumsum(counts.reshape(-1)) - counts.reshape(-1)
        return [order, target[order], np.arange(target.size) - first[target[order]]]

    order, target, lane = map(parameter, parts_computed("lanes", laned, at, counts))
    lanes = agreed(lambda a: max(int(a.max(initial=0)), 1), counts)
    fill = _NEUTRAL[reduce]
    if x.dtype.kind != "f" and reduce != "prod":
        fill = (np.iinfo(x.dtype).min if fill < 0 else np.iinfo(x.dtype).max) if x.dtype.kind in "iu" else fill > 0
    table = wrap(np.full((x.numel(), lanes + 1), fill, x.dtype))
    table = _overwrite(table, rows.index(ravel(put), key=order), _at((target, lane)))
    own = ravel(x) if include_self else where(ravel(counts) > 0, wrap(np.asarray(fill, x.dtype)), ravel(x))
    table = _overwrite(table, own, _at((slice(None), lanes)))
    options = {"dim": (1,), "keepdim": False}
    if reduce == "prod":
        return reduction.prod(table, **options).to(x.dtype).reshape(x.shape)
    return {"amax": reduction.amax, "amin": reduction.amin}[reduce](table, nan=True, **options).reshape(x.shape)
