"""Functions that move elements without changing them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..kernels.errors import ValueRuntimeError
from ..table import arrangement as rows
from .arguments import Dims, also_by_name, dimension, dimensions, integer, named, numpy_names, sizes, tensor_of
from .elementwise import clone
from .output import written

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "broadcast_to", "cat", "chunk", "expand", "expand_as", "flatten", "flip", "movedim", "narrow", "permute", "ravel",
    "repeat", "reshape", "roll", "select", "split", "squeeze", "stack", "tile", "transpose", "unbind", "unflatten",
    "unsqueeze", "view",
]  # fmt: skip


def size_along(input: Tensor, dim: int) -> int:
    """Return the size of one dimension."""
    if not input.ndim:
        raise IndexError("size: a tensor of no dimensions has no dim to measure")
    return input.shape[dimension(dim, input.ndim, "size")]


# -- the same elements in another shape --------------------------------------------------------------------------------


@also_by_name("shape")
def reshape(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Give a tensor another shape with the same number of elements.

    Parameters
    ----------
    input : Tensor
    *shape : int or sequence of int
        The sizes; one of them may be -1 and is then found from the others.

    Returns
    -------
    Tensor
        A view where possible, a copy otherwise.

    Raises
    ------
    RuntimeError
        If the shape does not hold the elements.

    Examples
    --------
    >>> ad.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x, new = tensor_of(input, "reshape"), sizes(shape, "reshape")
    known = math.prod(n for n in new if n != -1)
    fits = (known and x._data.size % known == 0) if new.count(-1) == 1 else known == x._data.size and -1 not in new
    if min(new, default=0) < -1 or not fits:
        raise RuntimeError(
            f"reshape: shape {new} does not hold the {x.numel()} elements of a tensor of shape {x.shape}"
        )
    return rows.reshape(x, shape=new)


@also_by_name("size")
@named
def view(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Give a tensor another shape without copying; as `reshape` otherwise.

    Raises
    ------
    RuntimeError
        If the shape does not hold the elements, or their order in memory would call for a copy.

    Examples
    --------
    >>> ad.arange(6).view(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x, new = tensor_of(input, "view"), sizes(shape, "view")
    if x._data.flags.c_contiguous or not x._data.size:
        return reshape(x, new)
    out = reshape(x, new)
    if np.may_share_memory(out._data, x._data):
        return out
    # Many operations keep their operand's order in memory, where PyTorch's results are contiguous. Copying each of them
    # would cost a pass over memory; so the copy is made here, where it matters, unless the memory is shared.
    if x._version is not None:
        raise RuntimeError(
            f"view: a tensor of shape {x.shape} whose elements lie in another order in memory cannot be seen as {new} "
            "without copying; use reshape(), or contiguous() before"
        )
    x._data = np.ascontiguousarray(x._data)
    return reshape(x, new)


def ravel(input: Tensor) -> Tensor:
    """Join all dimensions into one.

    Examples
    --------
    >>> ad.ravel(ad.zeros(2, 3)).shape
    (6,)
    """
    x = tensor_of(input, "ravel")
    return rows.reshape(x, shape=(x._data.size,))


@numpy_names
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Part one dimension into several, of which one size may be -1.

    Examples
    --------
    >>> ad.unflatten(ad.zeros(2, 12), 1, (3, -1)).shape
    (2, 3, 4)
    """
    x = tensor_of(input, "unflatten")
    d = dimension(dim, x.ndim, "unflatten")
    if not isinstance(sizes, Sequence) or not sizes:
        raise TypeError(f"unflatten: sizes must be a sequence of integers, got {sizes!r}")
    parts = tuple(integer(n, "unflatten", "a size") for n in sizes)
    known, n = math.prod(k for k in parts if k != -1), x.shape[d] if x.ndim else 1
    if parts.count(-1) > 1 or min(parts) < -1 or (n % known if known and -1 in parts else known != n):
        raise RuntimeError(f"unflatten: sizes {parts} do not multiply to {n}, the size of dim {d}")
    parts = tuple(n // known if k == -1 else k for k in parts)
    return rows.reshape(x, shape=(*x.shape[:d], *parts, *x.shape[d + 1 :]))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Join the dimensions from `start_dim` to `end_dim` into one.

    Examples
    --------
    >>> ad.zeros(2, 3, 4).flatten(1).shape
    (2, 12)
    """
    x = tensor_of(input, "flatten")
    start, end = (dimension(d, x.ndim, "flatten") for d in (start_dim, end_dim))
    if start > end:
        raise RuntimeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return rows.reshape(
        x, shape=(*x._data.shape[:start], math.prod(x._data.shape[start : end + 1]), *x._data.shape[end + 1 :])
    )


@numpy_names
def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """Drop dimensions of size 1: all of them, or those of `dim` that have size 1.

    Examples
    --------
    >>> ad.zeros(1, 3, 1).squeeze().shape
    (3,)
    >>> ad.zeros(1, 3, 1).squeeze(0).shape
    (3, 1)
    """
    x = tensor_of(input, "squeeze")
    dropped = () if isinstance(dim, tuple) and not dim else dimensions(dim, x.ndim, "squeeze")
    return rows.reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in dropped))


@numpy_names
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 before position `dim`.

    Examples
    --------
    >>> ad.zeros(3).unsqueeze(-1).shape
    (3, 1)
    """
    x = tensor_of(input, "unsqueeze")
    d = dimension(dim, x.ndim + 1, "unsqueeze")
    return rows.reshape(x, shape=(*x.shape[:d], 1, *x.shape[d:]))


# -- the same elements in another order --------------------------------------------------------------------------------


@also_by_name("dims")
def permute(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Put the dimensions into another order.

    Parameters
    ----------
    input : Tensor
    *dims : int or sequence of int
        For each dimension of the result, the one of `input` it comes from.

    Returns
    -------
    Tensor
        A view.

    Raises
    ------
    RuntimeError
        If `dims` does not name each dimension once.

    Examples
    --------
    >>> ad.zeros(2, 3, 4).permute(2, 0, 1).shape
    (4, 2, 3)
    """
    x = tensor_of(input, "permute")
    given = sizes(dims, "permute")
    order = tuple(dimension(d, x.ndim, "permute") for d in given)
    if sorted(order) != list(range(x.ndim)):
        raise RuntimeError(f"permute: dims {given} must name each of the {x.ndim} dimensions once")
    return rows.permute(x, dims=order)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Swap two dimensions.

    Examples
    --------
    >>> ad.zeros(2, 3, 4).transpose(0, -1).shape
    (4, 3, 2)
    """
    x = tensor_of(input, "transpose")
    order = list(range(max(x.ndim, 1)))
    a, b = (dimension(d, x.ndim, "transpose") for d in (dim0, dim1))
    order[a], order[b] = order[b], order[a]
    return rows.permute(x, dims=tuple(order[: x.ndim]))


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions to new positions; the others keep their order.

    Examples
    --------
    >>> ad.movedim(ad.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    x = tensor_of(input, "movedim")
    sources, places = (
        [] if isinstance(d, Sequence) and not d else dimensions(d, x.ndim, "movedim") for d in (source, destination)
    )
    if len(sources) != len(places):
        raise RuntimeError(f"movedim: {source} and {destination} must name as many dimensions")
    order = [d for d in range(x.ndim) if d not in sources]
    for place, d in sorted(zip(places, sources, strict=True)):
        order.insert(place, d)
    return rows.permute(x, dims=tuple(order))


@also_by_name("dims")
def flip(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Reverse the order of the elements along dimensions.

    Examples
    --------
    >>> ad.flip(ad.tensor([1, 2, 3]), 0)
    tensor([3, 2, 1])
    """
    x = tensor_of(input, "flip")
    given = sizes(dims, "flip")
    return rows.flip(x, dims=dimensions(given, x.ndim, "flip") if given else ())


def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Shift the elements along dimensions, round the end; without `dims`, of the flattened tensor.

    Examples
    --------
    >>> ad.roll(ad.tensor([1, 2, 3, 4]), 1)
    tensor([4, 1, 2, 3])
    """
    x, steps = tensor_of(input, "roll"), sizes((shifts,), "roll")
    if dims is None or (isinstance(dims, Sequence) and not dims):
        if len(steps) != 1:
            raise RuntimeError(f"roll: {len(steps)} shifts need as many dims")
        return rows.roll(ravel(x), shifts=steps, dims=(0,)).reshape(x.shape)
    along = tuple(dimension(d, x.ndim, "roll") for d in sizes((dims,), "roll"))
    if len(steps) != len(along) or not x.ndim:
        raise RuntimeError(f"roll: shifts {shifts} and dims {dims} must be as many, of a tensor of shape {x.shape}")
    return rows.roll(x, shifts=steps, dims=along)


# -- the same elements repeated ----------------------------------------------------------------------------------------


def broadcast_to(input: Tensor, size: Sequence[int]) -> Tensor:
    """Repeat a tensor along new dimensions and those of size 1, without copying.

    Parameters
    ----------
    input : Tensor
    size : sequence of int
        A shape to which that of `input` broadcasts; -1 keeps a size.

    Returns
    -------
    Tensor
        A view of that shape. Do not write into it: its elements share memory.

    Raises
    ------
    ValueError
        If the shape of `input` does not broadcast to it.

    Examples
    --------
    >>> ad.broadcast_to(ad.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    x, new = tensor_of(input, "broadcast_to"), sizes((size,), "broadcast_to")
    wide = _expand_shape(x.shape, new)
    if wide is None:
        raise ValueError(f"broadcast_to: a tensor of shape {x.shape} does not broadcast to {new}")
    return rows.expand(x, shape=wide)


def _expand_shape(shape: tuple[int, ...], new: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that `shape` expands to, where -1 in `new` keeps a size; None if it does not fit."""
    missing = len(new) - len(shape)
    if missing < 0 or min(new[:missing], default=0) < 0:
        return None
    kept = tuple(o if n == -1 else n for n, o in zip(new[missing:], shape, strict=True))
    fits = all(n >= 0 and o in (1, n) for n, o in zip(kept, shape, strict=True))
    return new[:missing] + kept if fits else None


@also_by_name("size")
def expand(input: Tensor, *shape: int | Sequence[int]) -> Tensor:
    """Repeat a tensor along dimensions of size 1, without copying; -1 keeps a size.

    Examples
    --------
    >>> ad.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    x, new = tensor_of(input, "expand"), sizes(shape, "expand")
    wide = _expand_shape(x.shape, new)
    if wide is None:
        raise RuntimeError(f"expand: a tensor of shape {x.shape} cannot be expanded to {new}")
    return rows.expand(x, shape=wide)


@named
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Repeat a tensor along dimensions of size 1 to the shape of another, without copying.

    Examples
    --------
    >>> ad.expand_as(ad.tensor([[1], [2]]), ad.zeros(2, 3)).shape
    (2, 3)
    """
    return broadcast_to(tensor_of(input, "expand_as"), tensor_of(other, "expand_as").shape)


@also_by_name("repeats")
@named
def repeat(input: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """Lay copies of a tensor side by side: so many along each dimension, new ones in front.

    Examples
    --------
    >>> ad.repeat(ad.tensor([1, 2]), 2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    x, times = tensor_of(input, "repeat"), sizes(repeats, "repeat")
    if len(times) < x.ndim or min(times, default=0) < 0:
        raise RuntimeError(f"repeat: {times} must give a number, not negative, for each of {x.ndim} dimensions")
    shape = (1,) * (len(times) - x.ndim) + x.shape
    apart = rows.reshape(x, shape=tuple(n for size in shape for n in (1, size)))
    whole = rows.expand(apart, shape=tuple(n for pair in zip(times, shape, strict=True) for n in pair))
    out = rows.reshape(whole, shape=tuple(k * n for k, n in zip(times, shape, strict=True)))
    return clone(out) if np.may_share_memory(out._data, x._data) else out


@also_by_name("dims")
@named
def tile(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Lay copies of a tensor side by side, as `repeat`; missing numbers are 1.

    Examples
    --------
    >>> ad.tile(ad.tensor([[1, 2]]), 2)
    tensor([[1, 2, 1, 2]])
    """
    x, times = tensor_of(input, "tile"), sizes(dims, "tile")
    if min(times, default=0) < 0:
        raise RuntimeError(f"tile: the numbers of copies must not be negative, got {times}")
    return repeat(x, (1,) * (x.ndim - len(times)) + times)


# -- joining and parting -----------------------------------------------------------------------------------------------


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors along an existing dimension.

    Parameters
    ----------
    tensors : sequence of Tensor
        Of equal shapes but for `dim`. Vectors without elements may stand among them.
    dim : int, optional
        The dimension along which they are joined.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are no tensors.
    RuntimeError
        If their shapes differ elsewhere.

    Examples
    --------
    >>> ad.cat([ad.tensor([1, 2]), ad.tensor([3])])
    tensor([1, 2, 3])
    """
    if out is not None:
        return written(out, cat, tensors, dim)
    xs = _tensors(tensors, "cat")
    like = next((x._data.shape for x in xs if x._data.shape != (0,)), (0,))
    d = dimension(dim, len(like), "cat")
    xs = [rows.reshape(x, shape=(*like[:d], 0, *like[d + 1 :])) if x._data.shape == (0,) != like else x for x in xs]
    if any(
        x.ndim != xs[0].ndim or x.ndim == 0 or _without(x._data.shape, d) != _without(xs[0]._data.shape, d) for x in xs
    ):
        raise RuntimeError(f"cat: shapes {[x.shape for x in xs]} must be equal but for dim {d}")
    starts = [0]
    for x in xs:
        starts.append(starts[-1] + x._data.shape[d])
    return rows.cat(*xs, dim=d, starts=tuple(starts))


def _tensors(values: Any, name: str) -> list[Tensor]:
    """Return the members of a sequence as tensors; integers among floats take the floats' dtype."""
    if isinstance(values, (Node, np.ndarray)) or not isinstance(values, Iterable):
        raise TypeError(f"{name}: expected a sequence of tensors, got {type(values).__name__}")
    xs = [tensor_of(v, name) for v in values]
    if not xs:
        raise ValueRuntimeError(f"{name}: expected a non-empty list of Tensors, got an empty sequence")
    floats = [x.dtype for x in xs if x.dtype.kind == "f"]
    return [x.to(np.result_type(*floats)) for x in xs] if floats else xs


def _without(shape: tuple[int, ...], dim: int) -> tuple[int, ...]:
    return shape[:dim] + shape[dim + 1 :]


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Examples
    --------
    >>> ad.stack([ad.tensor([1, 2]), ad.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if out is not None:
        return written(out, stack, tensors, dim)
    xs = _tensors(tensors, "stack")
    if any(x.shape != xs[0].shape for x in xs):
        raise RuntimeError(f"stack: the shapes {[x.shape for x in xs]} must be equal")
    return rows.stack(*xs, dim=dimension(dim, xs[0].ndim + 1, "stack"))


def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Part a tensor along `dim` into pieces of one size (the last may be smaller), or of given sizes.

    Examples
    --------
    >>> ad.split(ad.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    x = tensor_of(tensor, "split")
    d = dimension(dim, x.ndim, "split")
    if not x.ndim:
        raise RuntimeError("split: a tensor of no dimensions cannot be parted")
    if isinstance(split_size_or_sections, Sequence):
        parts = sizes((split_size_or_sections,), "split")
        if sum(parts) != x.shape[d] or min(parts, default=0) < 0:
            raise RuntimeError(f"split: sizes {parts} do not add up to {x.shape[d]}, the size of dim {d}")
    else:
        size = integer(split_size_or_sections, "split", "the size of a piece")
        if size < 0 or (size == 0 != x.shape[d]):
            raise RuntimeError(f"split: the size of a piece of {x.shape[d]} must be positive, got {size}")
        parts = tuple(min(size, x.shape[d] - i) for i in range(0, x.shape[d], size or 1)) or (0,)
    pieces, start = [], 0
    for n in parts:
        pieces.append(x[(slice(None),) * d + (slice(start, start + n),)])
        start += n
    return tuple(pieces)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Part a tensor along `dim` into so many pieces of one size; the last may be smaller, or some missing.

    Examples
    --------
    >>> ad.chunk(ad.arange(5), 2)
    (tensor([0, 1, 2]), tensor([3, 4]))
    """
    x, n = tensor_of(input, "chunk"), integer(chunks, "chunk", "chunks")
    d = dimension(dim, x.ndim, "chunk")
    if n <= 0 or not x.ndim:
        raise RuntimeError(f"chunk: expected chunks > 0 of a tensor with dimensions, got {n} and shape {x.shape}")
    size = -(-x.shape[d] // n)
    return split(x, size if size else (0,) * n, d)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Part a tensor into its slices along `dim`, without that dimension.

    Examples
    --------
    >>> ad.unbind(ad.tensor([[1, 2], [3, 4]]), 1)
    (tensor([1, 3]), tensor([2, 4]))
    """
    x = tensor_of(input, "unbind")
    d = dimension(dim, x.ndim, "unbind")
    if not x.ndim:
        raise RuntimeError("unbind: a tensor of no dimensions has no slices")
    return tuple(x[(slice(None),) * d + (i,)] for i in range(x._data.shape[d]))


@numpy_names
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Keep `length` slices along `dim`, from `start`, which counts from the end if negative.

    Examples
    --------
    >>> ad.narrow(ad.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    first, n = integer(start, "narrow", "start"), integer(length, "narrow", "length")
    x: Tensor = tensor_of(input, "narrow")
    d = dimension(dim, x.ndim, "narrow")
    size = x.shape[d] if x.ndim else -1
    if not -size <= first <= size:
        raise IndexError(f"narrow: start {first} is out of range for dim {d} of a tensor of shape {x.shape}")
    first %= size + (first == size)
    if n < 0 or first + n > size:
        raise RuntimeError(f"narrow: {n} slices from {first} do not fit dim {d} of size {size}")
    return x[(slice(None),) * d + (slice(first, first + n),)]


@numpy_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return one slice along `dim`, without that dimension.

    Examples
    --------
    >>> ad.select(ad.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    i = integer(index, "select", "index")
    x: Tensor = tensor_of(input, "select")
    d = dimension(dim, x.ndim, "select")
    if not x.ndim or not -x.shape[d] <= i < x.shape[d]:
        raise IndexError(f"select: index {i} is out of range for dim {d} of a tensor of shape {x.shape}")
    return x[(slice(None),) * d + (i,)]
