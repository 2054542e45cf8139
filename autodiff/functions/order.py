"""Elements by their place in order: the k-th, the middle, the most frequent, those below which a part of all lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.graph import Node
from ..engine.primitive import wrap
from ..kernels.errors import IndexRuntimeError
from ..tracing import decided
from .arguments import computed, dimension, integer, numpy_names, parts_computed, tensor_of
from .elementwise import where
from .indexing import _order, pick
from .indexing import sort as sort_along
from .reduction import max

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile"]


def _as_tensor(array: Any) -> Tensor:
    """Return an array of positions or counts as a tensor without gradient."""
    found: Tensor = wrap(np.asarray(array))
    return found


@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """Return the positions that put the elements along `dim` in order; NaN counts as the largest.

    Examples
    --------
    >>> ad.argsort(ad.tensor([3.0, 1.0, 2.0]))
    tensor([1, 2, 0])
    """
    x = tensor_of(input, "argsort")
    d = dimension(dim, x.ndim, "argsort")
    return computed("argsort", lambda a: _order(a, d, descending), x)  # type: ignore[no-any-return]  # a Tensor


def msort(input: Tensor) -> Tensor:
    """Put the elements along the first dimension in order.

    Examples
    --------
    >>> ad.msort(ad.tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.])
    """
    return sort_along(input, 0).values


@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> return_types.ValuesIndices:
    """Return the k-th smallest element along `dim`, counted from 1, and where it stands.

    Examples
    --------
    >>> ad.kthvalue(ad.tensor([3.0, 1.0, 2.0]), 2)
    autodiff.return_types.kthvalue(
    values=tensor(2.),
    indices=tensor(2))
    """
    x, n = tensor_of(input, "kthvalue"), integer(k, "kthvalue", "k")
    d = dimension(dim, x.ndim, "kthvalue")
    size = x.shape[d] if x.ndim else 1
    if not 1 <= n <= size:
        raise RuntimeError(f"kthvalue: k must lie between 1 and {size}, the size of dim {d}, got {n}")
    key = (slice(None),) * d + (slice(n - 1, n),) if x.ndim else ()
    return _take_at(x, computed("kthvalue", lambda a: _order(a, d, False)[key], x), d, keepdim, return_types.kthvalue)


def _take_at(
    x: Tensor, places: Any, d: int, keepdim: bool, made: type[return_types.ValuesIndices]
) -> return_types.ValuesIndices:
    """Return the elements at places, one in each line along dimension `d`, and the places."""
    values, indices = pick(x, places if isinstance(places, Node) else wrap(places), d, made)
    return made(values, indices) if keepdim or not x.ndim else made(values.squeeze(d), indices.squeeze(d))


def _middle(input: Any, dim: Any, keepdim: bool, ignores_nan: bool, made: Any) -> Any:
    name = made.__name__
    x = tensor_of(input, name)
    if dim is None:
        if not x.numel():
            return _as_tensor(x.dtype.type(np.nan))
        same = computed(name, lambda a: _is_middle(a, ignores_nan), x)
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min if x.dtype.kind in "iu" else False
        return max(where(same, x, wrap(np.asarray(lowest, x.dtype)))).to(x.dtype)  # equal ones share the gradient
    d = dimension(dim, x.ndim, name)
    if not x.ndim:
        return _take_at(x, np.int64(0), 0, keepdim, made)
    if not x.shape[d]:
        raise IndexRuntimeError(f"{name}: nothing to choose from along dim {d} of a tensor of shape {x.shape}")
    return _take_at(x, computed(name, lambda a: _middles(a, d, ignores_nan), x), d, keepdim, made)


def _is_nan(a: Any) -> Any:
    return np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, np.bool)


def _is_middle(a: Any, ignores_nan: bool) -> Any:
    """Tell which elements equal the median of a whole array; those that are NaN if the median is."""
    missing, flat = np.asarray(_is_nan(a)), np.sort(a, axis=None)
    n = flat.size - int(missing.sum()) if ignores_nan else flat.size
    if not n or (missing.any() and not ignores_nan):
        return missing
    return np.asarray(a == flat[(n - 1) // 2])


def _middles(a: Any, d: int, ignores_nan: bool) -> Any:
    """Return the positions of the medians along a dimension."""
    missing = _is_nan(a)
    counts = (
        (~missing).sum(d, keepdims=True) if ignores_nan else np.full_like(missing.sum(d, keepdims=True), a.shape[d])
    )
    order = np.argsort(a, axis=d, kind="stable")
    places = np.take_along_axis(order, np.maximum(counts - 1, 0) // 2, axis=d)
    if not ignores_nan:
        places = np.where(missing.any(d, keepdims=True), missing.argmax(d, keepdims=True), places)
    return places


@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the element in the middle, the smaller one of two; along a dimension, also where it stands.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        The dimension to reduce; without it the median of all elements, among whose equals the gradient is shared.
    keepdim : bool, optional
        Keep that dimension, with size 1.

    Returns
    -------
    Tensor, or (values, indices)
        NaN where there is one.

    Examples
    --------
    >>> ad.median(ad.tensor([3.0, 1.0, 2.0]))
    tensor(2.)
    """
    return _middle(input, dim, keepdim, False, return_types.median)


@numpy_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of what is not NaN; see `median`.

    Examples
    --------
    >>> ad.nanmedian(ad.tensor([3.0, float("nan"), 2.0]))
    tensor(2.)
    """
    return _middle(input, dim, keepdim, True, return_types.nanmedian)


@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> return_types.ValuesIndices:
    """Return the most frequent element along `dim`, of equally frequent ones the smallest, and where it stands last.

    Examples
    --------
    >>> ad.mode(ad.tensor([3, 1, 1, 3]))
    autodiff.return_types.mode(
    values=tensor(1),
    indices=tensor(2))
    """
    x = tensor_of(input, "mode")
    d = dimension(dim, x.ndim, "mode")
    if not x.ndim:
        return _take_at(x, np.int64(0), 0, keepdim, return_types.mode)
    if not x.shape[d]:
        raise IndexRuntimeError(f"mode: nothing to choose from along dim {d} of a tensor of shape {x.shape}")

    def last_of_most(row: Any) -> Any:
        values, counts = np.unique(row, return_counts=True, equal_nan=False)
        return np.flatnonzero((row == (top := values[counts.argmax()])) | ((row != row) & (top != top)))[-1]

    def places(a: Any) -> Any:
        found = np.apply_along_axis(last_of_most, d, a) if a.size else np.zeros(a.sum(d).shape, np.int64)
        return np.expand_dims(found, d)

    return _take_at(x, computed("mode", places, x), d, keepdim, return_types.mode)


_ROUNDED: dict[str, Any] = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}


def _quantiles(input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignores_nan: bool, name: str) -> Tensor:
    x = tensor_of(input, name)
    if x.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{name}: expected float32 or float64, got {x.dtype}")
    parts: Any = q.detach().to(np.float64) if isinstance(q, Node) else wrap(np.asarray(q, np.float64))  # type: ignore[attr-defined]  # a Tensor
    if parts.ndim > 1 or not decided(lambda p: ((p >= 0) & (p <= 1)).all(), parts):
        raise RuntimeError(f"{name}: q must be a number or a vector, between 0 and 1, got {parts._data}")
    if interpolation not in ("linear", "midpoint", *_ROUNDED):
        raise RuntimeError(
            f"{name}: no interpolation {interpolation!r}; there are linear, midpoint, lower, higher, nearest"
        )
    rank, d = x.ndim, 0 if dim is None else dimension(dim, x.ndim, name)
    lines = x.reshape(-1) if dim is None or not rank else x.movedim(d, -1)
    if not x._data.size:
        raise RuntimeError(f"{name}: there is nothing to choose from in a tensor of shape {x.shape}")
    asked = q.reshape(-1).to(x.dtype) if isinstance(q, Node) and q._requires_grad else None  # type: ignore[attr-defined]  # a Tensor
    y = _interpolate(lines, parts.reshape(-1), interpolation, ignores_nan, asked).movedim(-1, 0)
    if keepdim:
        y = y.reshape((parts.numel(), *(1 if dim is None or k == d else n for k, n in enumerate(x.shape))))
    return y if parts.ndim else y.squeeze(0)


def _interpolate(lines: Tensor, parts: Any, interpolation: str, ignores_nan: bool, asked: Any) -> Tensor:
    """Return the quantiles along the last dimension: the values below which `parts` of the elements lie."""

    def places(a: Any, p: Any) -> list[Any]:
        """Return the positions below and above, the weight of the upper one, whether they agree, and the last ones."""
        missing, last = np.isnan(a), a.shape[-1] - 1
        counts = (~missing).sum(-1, keepdims=True) if ignores_nan else np.full((*a.shape[:-1], 1), a.shape[-1])
        ends = np.maximum(counts - 1, 0)
        ranks = p * ends
        if not ignores_nan:  # one NaN makes the quantile NaN; sorted, it comes last
            ranks = np.where(missing.any(-1, keepdims=True), float(last), ranks)
        ranks = _ROUNDED.get(interpolation, np.positive)(ranks)
        low = np.floor(ranks).astype(np.int64)
        weight = np.full_like(ranks, 0.5) if interpolation == "midpoint" else ranks - low
        return [low, np.ceil(ranks).astype(np.int64), weight.astype(a.dtype), low == ranks, ends.astype(a.dtype)]

    low, high, weights, is_one, ends = parts_computed("ranks", places, lines, parts)
    values = sort_along(lines, -1).values
    below, above = values.gather(-1, low), values.gather(-1, high)
    if asked is not None and interpolation == "linear":  # only then is there a derivative with respect to the parts
        weights = asked * ends - low.to(lines.dtype)
    return where(is_one, below, below.lerp(above, weights))  # between two infinities `lerp` gives NaN


@numpy_names
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return the elements below which the parts `q` of all lie, along `dim`.

    Parameters
    ----------
    input : Tensor
    q : float or Tensor
        One or several numbers from 0 to 1; several come as the first dimension of the result.
    dim : int, optional
        The dimension to reduce; all of them by default.
    keepdim : bool, optional
        Keep it, with size 1.
    interpolation : {"linear", "lower", "higher", "midpoint", "nearest"}, optional
        What stands between two elements.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.quantile(ad.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantiles(input, q, dim, keepdim, interpolation, False, "quantile")


@numpy_names
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """Return quantiles of what is not NaN; see `quantile`.

    Examples
    --------
    >>> ad.nanquantile(ad.tensor([0.0, float("nan"), 2.0]), 0.5)
    tensor(1.)
    """
    return _quantiles(input, q, dim, keepdim, interpolation, True, "nanquantile")
