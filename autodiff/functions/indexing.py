"""Picking elements by position, and putting them there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.graph import Node
from ..engine.modes import is_recording
from ..engine.primitive import NUMBERS, wrap
from ..kernels.errors import IndexRuntimeError, TypeRuntimeError
from ..table import indexing as rows
from ..tracing import decided, refuse, tracing
from .arguments import computed, dimension, element, integer, numpy_names, sizes, tensor_of
from .elementwise import add, mul, where
from .output import both_written, written
from .shape import broadcast_to, ravel

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "as_strided", "gather", "index_select", "masked_fill", "masked_select", "scatter", "scatter_add", "sort",
    "take_along_dim", "topk",
]  # fmt: skip


_BOUNDS = (int, type(None))  # what stands in most slices, besides what has to be converted


def plain_index(key: Any, name: str = "index") -> Any:
    """Return an index in which tensors, lists, ranges and inner tuples are new arrays."""
    return tuple([_plain(k, name) for k in key]) if isinstance(key, tuple) else _plain(key, name)


def _plain(key: Any, name: str) -> Any:
    """Return one part of an index: an int, a slice, None, Ellipsis, a bool, or an array of integers or booleans."""
    kind = key.__class__
    if kind is int or kind is bool or key is None or key is Ellipsis:
        return key
    if kind is slice:
        if key.start.__class__ in _BOUNDS and key.stop.__class__ in _BOUNDS and key.step.__class__ in _BOUNDS:
            return key
        return slice(*(k if k is None else integer(k, name, "a bound") for k in (key.start, key.stop, key.step)))
    if isinstance(key, Node):
        if (trace := tracing()) is not None and key._data.dtype.kind in "bi":
            return trace.key(key)
        key = key._data
    elif isinstance(key, (list, tuple, range)):
        return _array(key, name)
    if not isinstance(key, (np.ndarray, np.generic)) or key.dtype.kind not in "biu":
        if isinstance(key, int):  # an instance of a subclass
            return int(key)
        came = f"a tensor of {key.dtype}" if isinstance(key, (np.ndarray, np.generic)) else type(key).__name__
        raise IndexError(
            f"{name}: expected integers, slices, None, ..., or tensors or lists of integers or booleans, got {came}"
        )
    if not key.ndim:
        return key.item()
    if key.dtype == np.uint8:
        raise IndexError(f"{name}: uint8 is a mask in PyTorch, and positions in NumPy; convert it to bool or int64")
    return np.array(key)


def _array(key: Any, name: str) -> Any:
    """Return a list as an array, as NumPy does; an empty list gives integers."""
    try:
        array = np.array(key)
    except ValueError as error:
        raise IndexError(f"{name}: {error}") from None
    if array.dtype.kind in "bi":
        return array
    if array.size:
        raise IndexError(f"{name}: a list must hold integers or booleans; what combines slices and None is a tuple")
    return array.astype(np.intp)


def in_two_steps(key: Any, ndim: int) -> tuple[Any, Any]:
    """Split an index that mixes single integers or booleans with arrays: PyTorch applies the former first.

    Returns
    -------
    first, then : index, index or None
        `then` is None where one step does.
    """
    parts = key if key.__class__ is tuple else (key,)
    kinds = [k.__class__ for k in parts]
    if np.ndarray in kinds and kinds.count(type(Ellipsis)) == 1:  # PyTorch ignores an empty one
        i, named = kinds.index(type(Ellipsis)), sum(map(_width, parts))
        parts = key = (*parts[:i], *(slice(None),) * (ndim - named), *parts[i + 1 :])
        kinds = [k.__class__ for k in parts]
    if bool not in kinds and (int not in kinds or np.ndarray not in kinds):
        return key, None
    first: list[Any] = []
    then: list[Any] = []
    for k, kind in zip(parts, kinds, strict=True):
        if kind is np.ndarray:
            first += [slice(None)] * _width(k)
            then.append(k)
        elif kind is bool:  # adds a dimension of size 1 and picks from it
            first.append(None)
            then.append(np.array([k]))
        else:
            first.append(k)
            if kind is not int:
                then.append(k if k is Ellipsis else slice(None))
    return tuple(first), tuple(then)


def _width(part: Any) -> int:
    """Return how many dimensions a part of an index names."""
    if part is None or part is Ellipsis or part.__class__ is bool:
        return 0
    return part.ndim if part.__class__ is np.ndarray and part.dtype == np.bool else 1


def index(input: Tensor, key: Any) -> Tensor:
    """Pick elements by integers, slices, None, Ellipsis, masks or integer arrays, as ``input[key]``."""
    first, then = in_two_steps(plain_index(key), input._data.ndim)
    picked = rows.index(input, key=first)
    return picked if then is None else rows.index(picked, key=then)


def as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
    """Pick elements by steps in memory: of element (i, j) the place is ``storage_offset + i*stride[0] + j*stride[1]``.

    Unlike PyTorch's, the result is a copy: writing into it does not change `input`.

    Parameters
    ----------
    input : Tensor
        Its elements must lie in order, as `contiguous` puts them.
    size, stride : sequence of int
        The shape of the result, and how many elements lie between neighbours along each dimension.
    storage_offset : int, optional
        The place in memory of the first element; that of `input` unless given.

    Examples
    --------
    >>> ad.as_strided(ad.arange(5), (3, 3), (1, 1))
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    x, shape, steps = tensor_of(input, "as_strided"), sizes((size,), "as_strided"), sizes((stride,), "as_strided")
    if len(shape) != len(steps) or min((*shape, *steps), default=0) < 0:
        raise RuntimeError(f"as_strided: size {shape} and stride {steps} must be as many numbers, none negative")
    if not x.is_contiguous():
        raise RuntimeError("as_strided: the elements do not lie in order in memory; use contiguous() before")
    first = (
        0 if storage_offset is None else integer(storage_offset, "as_strided", "storage_offset") - x.storage_offset()
    )
    places = np.full(shape, first)
    for k, step in enumerate(steps):
        places += step * np.arange(shape[k]).reshape([-1 if k == d else 1 for d in range(len(shape))])
    if places.size and not 0 <= places.min() <= places.max() < x.numel():
        raise RuntimeError(f"as_strided: places {places.min()} to {places.max()} are not all in {x.numel()} elements")
    return index(x.reshape(-1), places)


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """Pick one element per entry of `index` along `dim`: ``out[i, j] = input[i, index[i, j]]`` for dim 1.

    Parameters
    ----------
    input : Tensor
        Of n dimensions.
    dim : int
        The dimension along which `index` counts.
    index : Tensor of integers
        Of n dimensions, nowhere larger than `input` except along `dim`.
    sparse_grad : bool, optional
        Without effect: the gradient is dense.

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
    if out is not None:
        return written(out, gather, input, dim, index)
    x, at = tensor_of(input, "gather"), tensor_of(index, "gather")
    d = _check_index(x, dim, at, "gather")
    if not at._data.size:
        return rows.gather(ravel(x), ravel(at), dim=0).reshape(at.shape)
    return in_shape(rows.gather(_with_dim(x), _with_dim(at), dim=d), at.shape)


def in_shape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor in another shape; the tensor itself if it has that shape."""
    return x if x.shape == shape else x.reshape(shape)


def _with_dim(x: Tensor) -> Tensor:
    """Return a scalar as a vector of one element, any other tensor unchanged."""
    return x if x.ndim else x.reshape(1)


def _check_index(x: Tensor, dim: Any, at: Tensor, name: str) -> int:
    """Check an index and return the dimension along which it counts; an empty index always fits."""
    d = dimension(dim, x.ndim, name)
    if at.dtype.kind not in "iu":
        raise TypeRuntimeError(f"{name}: index must hold integers, got {at.dtype}")
    if not at._data.size:
        return d
    shapes = at.shape or (1,), x.shape or (1,)
    if len(shapes[0]) != len(shapes[1]) or any(a > n for i, (a, n) in enumerate(zip(*shapes, strict=True)) if i != d):
        raise RuntimeError(
            f"{name}: an index of shape {at.shape} does not fit an input of shape {x.shape} along dim {d}"
        )
    size = x.shape[d] if x.ndim else 1
    if not decided(lambda a: a.min() >= 0 and a.max() < size, at):
        raise IndexRuntimeError(
            f"{name}: index holds {at._data.min()} to {at._data.max()}, but dim {d} has size {size}"
        )
    return d


@numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Pick one element per index along `dim`, or from the flattened tensor; all other dimensions broadcast.

    Negative indices count from the end, but not without `dim`.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[2.],
            [4.]])
    """
    x, at = tensor_of(input, "take_along_dim"), tensor_of(indices, "take_along_dim")
    d = 0 if dim is None else dimension(dim, x.ndim, "take_along_dim")
    if dim is None:
        x, at = ravel(x), ravel(at)
    elif at.dtype.kind == "i" and x.ndim and at._data.size and decided(lambda a: a.min() < 0, at, always=True):
        # they count from the end
        at = where(at < 0, at + x.shape[d], at)
    if x.ndim != at.ndim or not x.ndim:
        raise RuntimeError(f"take_along_dim: indices of shape {at.shape} do not fit an input of shape {x.shape}")
    try:
        common = list(np.broadcast_shapes(*((*t.shape[:d], 1, *t.shape[d + 1 :]) for t in (x, at))))
    except ValueError as error:
        raise RuntimeError(f"take_along_dim: {error}") from None
    shapes = ([*common[:d], t.shape[d], *common[d + 1 :]] for t in (x, at))
    x, at = (broadcast_to(t, shape) for t, shape in zip((x, at), shapes, strict=True))
    return rows.gather(x, at, dim=_check_index(x, d, at, "take_along_dim"))


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
    at, size = at.reshape(-1), x.shape[d] if x.ndim else 1
    places = _plain(at, "index_select") if tracing() is not None else at._data.copy()
    if places.size and not decided(lambda a: a.min() >= 0 and a.max() < size, at):
        raise IndexRuntimeError(
            f"index_select: index holds {places.min()} to {places.max()}, but dim {d} has size {size}"
        )
    if not x.ndim:
        return (
            rows.index(x.reshape(1), key=places).reshape(())
            if places.size == 1
            else rows.index(x.reshape(1), key=places)
        )
    return rows.index(x, key=(slice(None),) * d + (places,))


# -- putting elements in their places ----------------------------------------------------------------------------------


@numpy_names
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
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
    reduce : {None, "add", "multiply"}, optional
        Add to what stands there, or multiply it, instead of overwriting. With respect to what it is multiplied with
        there is no derivative; `scatter_reduce` has one.

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
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"scatter: reduce must be 'add' or 'multiply', got {reduce!r}")
    x, at, put, d = read_scatter(input, dim, index, src, "scatter")
    if reduce is None:
        y = rows.put(x, at, put, dim=d)
    elif reduce == "add":
        y = add(x, rows.scatter_sum(put, at, shape=x.shape, dim=d))
    else:
        y = mul(x, _factors(x, at, put, d))
    return in_shape(y, tensor_of(input, "scatter").shape)


def _factors(x: Tensor, at: Tensor, put: Tensor, d: int) -> Any:
    """Return for each element the product of the values that go there."""
    if put.requires_grad and is_recording():
        raise RuntimeError("scatter: reduce='multiply' has no derivative with respect to src; use scatter_reduce")
    shape, dtype, places = x.shape, x.dtype, list(np.ogrid[tuple(slice(n) for n in at.shape)])

    def multiplied(at: Any, put: Any) -> Any:
        factors = np.ones(shape, dtype)
        np.multiply.at(factors, (*places[:d], at, *places[d + 1 :]), put)
        return factors

    return computed("scatter", multiplied, at, put)


@numpy_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Copy a tensor and add `src` at `index` along `dim`; values for one place add up. Parameters as for `scatter`.

    Examples
    --------
    >>> ad.scatter_add(ad.zeros(3), 0, ad.tensor([0, 2, 2]), ad.tensor([1.0, 2.0, 3.0]))
    tensor([1., 0., 5.])
    """
    x, at, put, d = read_scatter(input, dim, index, tensor_of(src, "scatter_add"), "scatter_add")
    return in_shape(add(x, rows.scatter_sum(put, at, shape=x.shape, dim=d)), tensor_of(input, "scatter_add").shape)


def read_scatter(input: Any, dim: int, index: Any, src: Any, name: str) -> tuple[Tensor, Tensor, Tensor, int]:
    """Check the arguments of `scatter`; return input, index, values cut to the index's shape, and dimension.

    If the index has no elements, all are vectors.
    """
    x, at = tensor_of(input, name), tensor_of(index, name)
    d = _check_index(x, dim, at, name)
    if not isinstance(src, (Node, np.ndarray)):
        src = np.full(at.shape, src, x.dtype)
    put = tensor_of(src, name)
    if put.dtype != x.dtype:
        raise RuntimeError(f"{name}: src must have the dtype of the input, {x.dtype}, got {put.dtype}")
    if not at._data.size:
        return ravel(x), ravel(at), ravel(put)[:0], 0
    x, at, put = (_with_dim(t) for t in (x, at, put))
    if put.ndim != at.ndim or any(n < a for n, a in zip(put.shape, at.shape, strict=True)):
        raise RuntimeError(f"{name}: src of shape {put.shape} does not fit an index of shape {at.shape}")
    return x, at, put if put.shape == at.shape else rows.index(put, key=tuple(slice(a) for a in at.shape)), d


def _element(value: Any, x: Tensor, name: str) -> Any:
    """Return a number as an element of the dtype of a tensor."""
    if not isinstance(value, NUMBERS):
        raise TypeError(f"{name}: expected a Tensor or a number, got {type(value).__name__}")
    return element(value, x.dtype, name)


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
    refuse("masked_select", "its shape depends on data; use where(mask, x, 0)")
    key = np.array(np.broadcast_to(m._data, shape))
    return rows.index(broadcast_to(x, shape), key=key)


def _mask(mask: Any, name: str) -> Tensor:
    m: Tensor = tensor_of(mask, name)
    if m.dtype != np.bool:
        raise TypeRuntimeError(f"{name}: the mask must be boolean, not {m.dtype}")
    return m


# -- order -------------------------------------------------------------------------------------------------------------


@numpy_names
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False, *, out: Any = None
) -> return_types.ValuesIndices:
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
    if out is not None:
        return both_written(out, sort, input, dim, descending)  # type: ignore[no-any-return]  # as sort does
    x = tensor_of(input, "sort")
    d = dimension(dim, x.ndim, "sort")
    return pick(x, computed("sort", lambda a: _order(a, d, descending), x), d, return_types.sort)


@numpy_names
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True, *, out: Any = None
) -> return_types.ValuesIndices:
    """Return the `k` largest (or smallest) elements along `dim`, and where they stand; in order always.

    Examples
    --------
    >>> ad.topk(ad.tensor([3.0, 1.0, 2.0]), 2)
    autodiff.return_types.topk(
    values=tensor([3., 2.]),
    indices=tensor([0, 2]))
    """
    if out is not None:
        return both_written(out, topk, input, k, dim, largest)  # type: ignore[no-any-return]  # as topk does
    x, n = tensor_of(input, "topk"), integer(k, "topk", "k")
    d = dimension(dim, x.ndim, "topk")
    size = x.shape[d] if x.ndim else 1
    if not 0 <= n <= size:
        raise RuntimeError(f"topk: k must lie between 0 and {size}, the size of dim {d}, got {n}")
    first = (slice(None),) * d + (slice(n),) if x.ndim else ()
    return pick(x, computed("topk", lambda a: _order(a, d, largest)[first], x), d, return_types.topk)


def _order(x: Any, d: int, descending: bool) -> Any:
    """Return the positions of an array's elements in order, those of equal ones as they stand."""
    if not x.ndim:
        return np.int64(0)
    if not descending:
        return np.argsort(x, axis=d, kind="stable")
    back = (slice(None),) * d + (slice(None, None, -1),)
    return x.shape[d] - 1 - np.argsort(x[back], axis=d, kind="stable")[back]


def pick(x: Tensor, indices: Any, d: int, made: type[return_types.ValuesIndices]) -> return_types.ValuesIndices:
    values = rows.gather(x, indices, dim=d) if x.ndim else gather(x, 0, indices)
    picked: return_types.ValuesIndices = made(values, indices)
    return picked
