"""Derivatives of picking elements by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import dtypes
from ..graph import Node
from ..primitive import NUMBERS, primitive, wrap
from ..reducing import averaged
from ._arguments import dimension, integer, numpy_names, tensor_of
from .elementwise import add, where
from .shape import broadcast_to, ravel

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "gather", "index_select", "masked_fill", "masked_select", "scatter", "scatter_add", "sort", "take_along_dim",
    "topk",
]  # fmt: skip

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


class ValuesIndices(NamedTuple):
    """Elements that were chosen or put in order along a dimension, and where they stood."""

    values: Tensor
    indices: Tensor


def plain_index(key: Any) -> Any:
    """Return an index with its tensors, lists and arrays as arrays of its own, which nobody can change later."""
    if isinstance(key, tuple):
        return tuple(plain_index(k) for k in key)
    if isinstance(key, Node):
        key = key._data if key._data.ndim else key._data[()]
    if isinstance(key, np.ndarray):
        if key.dtype == np.uint8:
            raise IndexError("index: uint8 is a mask in PyTorch, and positions in NumPy; convert it to bool or int64")
        return key.copy()
    if isinstance(key, (list, range)):
        array = np.asarray(key)
        return array if array.size else array.astype(np.intp)
    return key


def in_two_steps(key: Any) -> tuple[Any, Any]:
    """Part an index of integers among slices and arrays: PyTorch takes the integers first, NumPy moves dimensions.

    Returns
    -------
    first, then : index, index or None
        `then` is None where one step does.
    """
    parts = key if isinstance(key, tuple) else (key,)
    arrays = [k for k in parts if isinstance(k, np.ndarray)]
    if not arrays or not any(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in parts):
        return key, None
    first: list[Any] = []
    then: list[Any] = []
    for k in parts:
        if isinstance(k, np.ndarray):
            first += [slice(None)] * (k.ndim if k.dtype == np.bool else 1)
            then.append(k)
        else:
            first.append(k)
            if not isinstance(k, (int, np.integer)):
                then.append(k if k is Ellipsis else slice(None))
    return tuple(first), tuple(then)


def _is_basic(index: Any) -> bool:
    """Tell whether an index is made of integers, slices, None and Ellipsis alone, and so names no element twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        k is None or k is Ellipsis or (isinstance(k, (slice, int, np.integer)) and not isinstance(k, bool))
        for k in parts
    )


def _unpick(g: Array, input_shape: tuple[int, ...], key: Any) -> Array:
    return _unindex(g, shape=input_shape, key=key)


@primitive(symbol="[ ]", view=True, words="1 where chosen, else 0", input=_unpick)
def _index(input: Array, *, key: Any) -> Array:
    picked = input[key]
    if isinstance(picked, np.generic) and isinstance(input, np.ndarray):  # a copy; a view is what was asked for
        return input[(*key, ...) if isinstance(key, tuple) else (key, ...)]
    return picked


@primitive(symbol="[ ]ᵀ", words="1 where it is put", values=lambda g, key: _index(g, key=key))
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
    first, then = in_two_steps(plain_index(key))
    picked = _index(input, key=first)
    return picked if then is None else _index(picked, key=then)


def _ungather(g: Array, input_shape: tuple[int, ...], index: Array, dim: int) -> Array:
    return _scatter(g, index, shape=input_shape, dim=dim)


@primitive(words="1 where chosen, else 0", input=_ungather)
def _gather(input: Array, index: Array, *, dim: int) -> Array:
    return np.take_along_axis(_trimmed(input, index, dim), index, axis=dim)


@primitive(words="1 where it is put", values=lambda g, index, dim: _gather(g, index, dim=dim))
def _scatter(values: Array, index: Array, *, shape: tuple[int, ...], dim: int) -> Array:
    """Zeros of `shape` with `values` added where `index` says along `dim`: the adjoint of gather."""
    out = np.zeros(shape, values.dtype)
    where = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    where[dim] = index
    np.add.at(out, tuple(where), values)
    return out


def _entries(labels: Array) -> tuple[Array, ...]:
    """Return the index of each label's own entry in an array with one more dimension, the classes, at place 1."""
    n = labels.ndim
    if n == 1:
        return np.arange(labels.size), labels
    first, *further = (np.arange(m).reshape((-1,) + (1,) * (n - 1 - d)) for d, m in enumerate(labels.shape))
    return (first, labels, *further)


def _unclass(g: Array, input_shape: tuple[int, ...], labels: Array) -> Array:
    return _to_classes(g, labels, shape=input_shape)


@primitive(symbol="gather", words="1 where chosen, else 0", input=_unclass)
def of_classes(input: Array, labels: Array) -> Array:
    """Pick the entry of each label's class: of (N, C, ...) by (N, ...), what `gather` does along dimension 1."""
    return input[_entries(labels)]


@primitive(symbol="scatter", words="1 where it is put", values=lambda g, labels: of_classes(g, labels))
def _to_classes(values: Array, labels: Array, *, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` but for `values` at the labels' classes: the adjoint of picking them."""
    out = np.zeros(shape, values.dtype)
    out[_entries(labels)] = values
    return out


@primitive(
    symbol="NLL",
    words="−1/n where chosen, else 0",
    input=lambda g, input_shape, labels: _to_classes(-g / (labels.size or 1), labels, shape=input_shape),
)
def mean_nll(input: Array, labels: Array) -> Array:
    """Average of minus the entries of the labels' classes, which are log-probabilities: of (N, C, ...) by (N, ...)."""
    return averaged(-input[_entries(labels)], tuple(range(labels.ndim)))


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
    d = _checked(x, dim, at, "gather")
    if not at.size:
        return _gather(ravel(x), ravel(at), dim=0).reshape(at.shape)
    return _shaped(_gather(_with_dim(x), _with_dim(at), dim=d), at.shape)


def _shaped(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor in a shape, the tensor itself if it has that already."""
    return x if x.shape == shape else x.reshape(shape)


def _with_dim(x: Tensor) -> Tensor:
    """Return a tensor of no dimensions as one of one."""
    return x if x.ndim else x.reshape(1)


def _checked(x: Tensor, dim: Any, at: Tensor, name: str) -> int:
    """Return the dimension along which an index counts, once it is seen to fit; one of no elements fits always."""
    d = dimension(dim, x.ndim, name)
    if at.dtype.kind not in "iu":
        raise TypeError(f"{name}: index must hold integers, got {at.dtype}")
    if not at.size:
        return d
    shapes = at.shape or (1,), x.shape or (1,)
    if len(shapes[0]) != len(shapes[1]) or any(a > n for i, (a, n) in enumerate(zip(*shapes, strict=True)) if i != d):
        raise RuntimeError(
            f"{name}: an index of shape {at.shape} does not fit an input of shape {x.shape} along dim {d}"
        )
    size = x.shape[d] if x.ndim else 1
    if not 0 <= at._data.min() <= at._data.max() < size:
        raise IndexError(f"{name}: index holds {at._data.min()} to {at._data.max()}, but dim {d} has size {size}")
    return d


@numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Pick one element per index along `dim`, or from the flattened tensor; all other dimensions broadcast.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[2.],
            [4.]])
    """
    x, at = tensor_of(input, "take_along_dim"), tensor_of(indices, "take_along_dim")
    if dim is None:
        x, at, dim = ravel(x), ravel(at), 0
    d = dimension(dim, x.ndim, "take_along_dim")
    if x.ndim != at.ndim or not x.ndim:
        raise RuntimeError(f"take_along_dim: indices of shape {at.shape} do not fit an input of shape {x.shape}")
    try:
        common = list(np.broadcast_shapes(*((*t.shape[:d], 1, *t.shape[d + 1 :]) for t in (x, at))))
    except ValueError as error:
        raise RuntimeError(f"take_along_dim: {error}") from None
    shapes = ([*common[:d], t.shape[d], *common[d + 1 :]] for t in (x, at))
    x, at = (broadcast_to(t, shape) for t, shape in zip((x, at), shapes, strict=True))
    return _gather(x, at, dim=_checked(x, d, at, "take_along_dim"))


@numpy_names
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Pick slices along `dim` by a vector of positions.

    Examples
    --------
    >>> ad.index_select(ad.tensor([[1, 2], [3, 4]]), 1, ad.tensor([1, 1, 0]))
    tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    x, at = tensor_of(input, "index_select"), tensor_of(index, "index_select")
    d = dimension(dim, x.ndim, "index_select")
    if at.dtype.kind not in "iu" or at.ndim > 1:
        raise TypeError(f"index_select: index must be a vector of integers, got {at.dtype} of shape {at.shape}")
    rows, size = at.reshape(-1)._data.copy(), x.shape[d] if x.ndim else 1
    if rows.size and not 0 <= rows.min() <= rows.max() < size:
        raise IndexError(f"index_select: index holds {rows.min()} to {rows.max()}, but dim {d} has size {size}")
    if not x.ndim:
        return _index(x.reshape(1), key=rows).reshape(()) if rows.size == 1 else _index(x.reshape(1), key=rows)
    return _index(x, key=(slice(None),) * d + (rows,))


# -- putting elements in their places ----------------------------------------------------------------------------------


def _kept(g: Array, index: Array, dim: int) -> Array:
    return _put(g, index, np.zeros(index.shape, g.dtype), dim=dim)


@primitive(
    symbol="scatter", words="1 where it is put", input=_kept, src=lambda g, index, dim: _gather(g, index, dim=dim)
)
def _put(input: Array, index: Array, src: Array, *, dim: int) -> Array:
    out = np.array(input)
    np.put_along_axis(_trimmed(out, index, dim), index, src, axis=dim)
    return out


@numpy_names
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """Copy a tensor and overwrite the elements at `index` along `dim`: ``out[i, index[i, j]] = src[i, j]`` for dim 1.

    Parameters
    ----------
    input : Tensor
        Of n dimensions.
    dim : int
        The dimension along which `index` counts.
    index : Tensor of integers
        Of n dimensions, nowhere larger than `input` except along `dim`. Which of several values for one place
        stays is not defined.
    src : Tensor or number
        A tensor of the dtype of `input`, nowhere smaller than `index`, or a number for all places.
    value : number, optional
        Another name for such a number.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Examples
    --------
    >>> ad.scatter(ad.zeros(2, 3), 1, ad.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    src = value if src is None else src
    if not isinstance(src, (Node, np.ndarray)):
        src = _element(src, tensor_of(input, "scatter"), "scatter")
    x, at, put, d = _placing(input, dim, index, src, "scatter")
    return _shaped(_put(x, at, put, dim=d), tensor_of(input, "scatter").shape)


@numpy_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Copy a tensor and add `src` at `index` along `dim`; values for one place add up. Parameters as for `scatter`.

    Examples
    --------
    >>> ad.scatter_add(ad.zeros(3), 0, ad.tensor([0, 2, 2]), ad.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 5.])
    """
    x, at, put, d = _placing(input, dim, index, tensor_of(src, "scatter_add"), "scatter_add")
    return _shaped(add(x, _scatter(put, at, shape=x.shape, dim=d)), tensor_of(input, "scatter_add").shape)


def _placing(input: Any, dim: int, index: Any, src: Any, name: str) -> tuple[Tensor, Tensor, Tensor, int]:
    """Return what to change, where, and the values cut to the shape of the index, all seen to fit and of a dimension.

    If the index has no elements, all are vectors.
    """
    x, at = tensor_of(input, name), tensor_of(index, name)
    d = _checked(x, dim, at, name)
    if not isinstance(src, (Node, np.ndarray)):
        src = np.full(at.shape, src, x.dtype)
    put = tensor_of(src, name)
    if put.dtype != x.dtype:
        raise RuntimeError(f"{name}: src must have the dtype of the input, {x.dtype}, got {put.dtype}")
    if not at.size:
        return ravel(x), ravel(at), ravel(put)[:0], 0
    x, at, put = (_with_dim(t) for t in (x, at, put))
    if put.ndim != at.ndim or any(n < a for n, a in zip(put.shape, at.shape, strict=True)):
        raise RuntimeError(f"{name}: src of shape {put.shape} does not fit an index of shape {at.shape}")
    return x, at, put if put.shape == at.shape else _index(put, key=tuple(slice(a) for a in at.shape)), d


def _element(value: Any, x: Tensor, name: str) -> Any:
    """Return a number as an element of the dtype of a tensor."""
    if not isinstance(value, NUMBERS):
        raise TypeError(f"{name}: expected a Tensor or a number, got {type(value).__name__}")
    return dtypes.element(value, x.dtype, name)


# -- masks -------------------------------------------------------------------------------------------------------------


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """Replace the elements where the mask holds by one value, broadcasting; the value takes the dtype of `input`.

    Examples
    --------
    >>> ad.masked_fill(ad.tensor([1.0, 2.0]), ad.tensor([True, False]), 0.0)
    tensor([0., 2.])
    """
    x = tensor_of(input, "masked_fill")
    m = _mask(mask, "masked_fill")
    if isinstance(value, (Node, np.ndarray)):
        v = tensor_of(value, "masked_fill")
        if v.ndim:
            raise RuntimeError(f"masked_fill: value must be a number or have no dimensions, got shape {v.shape}")
        if x.dtype.kind == "f":
            return where(m, v.to(x.dtype), x)
        value = v.item()
    return where(m, wrap(_element(value, x, "masked_fill")), x)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where the mask holds, in a row; both broadcast.

    Examples
    --------
    >>> x = ad.tensor([1.0, -2.0, 3.0])
    >>> ad.masked_select(x, x > 0)
    tensor([1., 3.])
    """
    x, m = tensor_of(input, "masked_select"), _mask(mask, "masked_select")
    try:
        shape = np.broadcast_shapes(x.shape, m.shape)
    except ValueError as error:
        raise RuntimeError(f"masked_select: {error}") from None
    key = np.array(np.broadcast_to(m._data, shape))
    return _index(broadcast_to(x, shape), key=key)


def _mask(mask: Any, name: str) -> Tensor:
    m: Tensor = tensor_of(mask, name)
    if m.dtype != np.bool:
        raise TypeError(f"{name}: the mask must be boolean, not {m.dtype}")
    return m


# -- order -------------------------------------------------------------------------------------------------------------


@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """Put the elements along `dim` in order; NaN counts as the largest.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        The dimension to sort along; the last one by default.
    descending : bool, optional
        Whether the largest comes first.
    stable : bool, optional
        For PyTorch's sake: equal elements keep their order always.

    Returns
    -------
    (values, indices)
        A named tuple of the shape of `input`: the elements in order, and where they stood.

    Examples
    --------
    >>> ad.sort(ad.tensor([3.0, 1.0, 2.0])).values
    tensor([1., 2., 3.])
    """
    x = tensor_of(input, "sort")
    return _picked(x, _order(x, dim, descending, "sort"), dim, "sort")


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """Return the `k` largest (or smallest) elements along `dim`, and where they stand; in order always.

    Examples
    --------
    >>> ad.topk(ad.tensor([3.0, 1.0, 2.0]), 2)
    ValuesIndices(values=tensor([3., 2.]), indices=tensor([0, 2]))
    """
    x, n = tensor_of(input, "topk"), integer(k, "topk", "k")
    d = dimension(dim, x.ndim, "topk")
    size = x.shape[d] if x.ndim else 1
    if not 0 <= n <= size:
        raise RuntimeError(f"topk: k must lie between 0 and {size}, the size of dim {d}, got {n}")
    order = _order(x, dim, largest, "topk")
    return _picked(x, order[(slice(None),) * d + (slice(n),)] if x.ndim else order, dim, "topk")


def _order(x: Tensor, dim: int, descending: bool, name: str) -> Any:
    """Return the positions of the elements in order, those of equal ones as they stand."""
    d = dimension(dim, x.ndim, name)
    if not x.ndim:
        return np.int64(0)
    if not descending:
        return np.argsort(x._data, axis=d, kind="stable")
    back = (slice(None),) * d + (slice(None, None, -1),)
    return x.shape[d] - 1 - np.argsort(x._data[back], axis=d, kind="stable")[back]


def _picked(x: Tensor, order: Any, dim: int, name: str) -> ValuesIndices:
    indices = wrap(order)
    values = _gather(x, indices, dim=dimension(dim, x.ndim, name)) if x.ndim else gather(x, 0, indices)
    return ValuesIndices(values, indices)
