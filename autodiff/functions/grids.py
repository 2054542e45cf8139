"""Tensors side by side and apart: grids, stacks of rows and columns, windows, blocks, triangles of positions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ..engine.graph import Node
from ..engine.primitive import wrap
from ..table import arrangement, windows
from ..tracing import values
from .arguments import dimension, integer, named, numpy_names, tensor_of
from .elementwise import clone
from .indexing import index_select
from .shape import broadcast_to, cat, flip, movedim, narrow, ravel, reshape, stack, transpose, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors", "cartesian_prod", "column_stack",
    "combinations", "diag_embed", "diagflat", "dsplit", "dstack", "fliplr", "flipud", "hsplit", "hstack", "meshgrid",
    "repeat_interleave", "rot90", "tensor_split", "tril_indices", "triu_indices", "unfold", "vsplit", "vstack",
]  # fmt: skip


def _several(tensors: Any) -> list[Any]:
    """Return tensors that come one by one or as one sequence."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    return list(tensors)


# -- grids -------------------------------------------------------------------------------------------------------------


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Repeat tensors to their common shape, without copying.

    Examples
    --------
    >>> [t.shape for t in ad.broadcast_tensors(ad.zeros(3), ad.zeros(2, 1))]
    [(2, 3), (2, 3)]
    """
    xs = [tensor_of(x, "broadcast_tensors") for x in _several(tensors)]
    try:
        shape = np.broadcast_shapes(*(x.shape for x in xs))
    except ValueError:
        raise RuntimeError(f"broadcast_tensors: shapes {[x.shape for x in xs]} do not broadcast") from None
    return tuple(broadcast_to(x, shape) for x in xs)


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Return the coordinates of the points of a grid, one tensor for each vector of coordinates.

    Parameters
    ----------
    *tensors : Tensor
        Vectors, or numbers as tensors of no dimensions.
    indexing : {"ij", "xy"}, optional
        Whether the first vector runs along dimension 0, as by default, or the first two change places.

    Returns
    -------
    tuple of Tensor
        Views of one shape. Do not write into them: their elements share memory.

    Examples
    --------
    >>> ad.meshgrid(ad.tensor([1, 2]), ad.tensor([3, 4, 5]), indexing="ij")[0]
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    xs = [tensor_of(x, "meshgrid") for x in _several(tensors)]
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if not xs:
        raise ValueError("meshgrid: expected at least one tensor")
    if any(x.ndim > 1 for x in xs) or len({x.dtype for x in xs}) > 1:
        raise RuntimeError(f"meshgrid: expected vectors of one dtype, got {[(x.dtype.name, x.shape) for x in xs]}")
    swaps = indexing == "xy" and len(xs) > 1
    xs = [xs[1], xs[0], *xs[2:]] if swaps else xs
    shape = [x.numel() for x in xs]
    apart = [reshape(x, [n if k == i else 1 for k, n in enumerate(shape)]) for i, x in enumerate(xs)]
    grids = [broadcast_to(x, shape) for x in apart]
    return (grids[1], grids[0], *grids[2:]) if swaps else tuple(grids)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return all combinations of an element of each vector, a row for each.

    Examples
    --------
    >>> ad.cartesian_prod(ad.tensor([1, 2]), ad.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    if len(tensors) == 1:
        return clone(tensors[0])
    return stack([ravel(g) for g in meshgrid(*tensors, indexing="ij")], -1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return all combinations of `r` elements of a vector, a row for each.

    Examples
    --------
    >>> ad.combinations(ad.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    x, n = tensor_of(input, "combinations"), integer(r, "combinations", "r")
    if x.ndim != 1 or n < 0:
        raise RuntimeError(f"combinations: expected a vector and r ≥ 0, got shape {x.shape} and {n}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = np.array(list(choose(range(x.shape[0]), n)), np.int64).reshape(-1, n) if n else np.zeros(0, np.int64)
    return x[wrap(places)]


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64, device: Any = None) -> Tensor:
    """Return rows and columns of the lower triangle of a matrix, up to a diagonal.

    Examples
    --------
    >>> ad.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    found: Tensor = wrap(np.array(np.tril_indices(row, offset, col), dtype))
    return found


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64, device: Any = None) -> Tensor:
    """Return rows and columns of the upper triangle of a matrix, from a diagonal on.

    Examples
    --------
    >>> ad.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    found: Tensor = wrap(np.array(np.triu_indices(row, offset, col), dtype))
    return found


# -- side by side ------------------------------------------------------------------------------------------------------


def _at_least(tensors: Any, least: int, name: str) -> Any:
    """Return one or several tensors with at least `least` dimensions; a third one is added at the end."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        x = tensor_of(tensors[0], name)
        while x.ndim < least:
            x = unsqueeze(x, x.ndim if x.ndim == 2 else 0)
        return x
    return tuple(_at_least((x,), least, name) for x in _several(tensors))


def atleast_1d(*tensors: Any) -> Any:
    """Return tensors with at least one dimension.

    Examples
    --------
    >>> ad.atleast_1d(ad.tensor(1.0))
    tensor([1.])
    """
    return _at_least(tensors, 1, "atleast_1d")


def atleast_2d(*tensors: Any) -> Any:
    """Return tensors with at least two dimensions; vectors become rows.

    Examples
    --------
    >>> ad.atleast_2d(ad.tensor([1.0, 2.0]))
    tensor([[1., 2.]])
    """
    return _at_least(tensors, 2, "atleast_2d")


def atleast_3d(*tensors: Any) -> Any:
    """Return tensors with at least three dimensions; matrices get a third one at the end.

    Examples
    --------
    >>> ad.atleast_3d(ad.zeros(2, 3)).shape
    (2, 3, 1)
    """
    return _at_least(tensors, 3, "atleast_3d")


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the second dimension, vectors along their only one.

    Examples
    --------
    >>> ad.hstack([ad.tensor([1, 2]), ad.tensor([3])])
    tensor([1, 2, 3])
    """
    xs = atleast_1d(list(tensors))
    return cat(xs, 0 if xs and xs[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the first dimension, vectors as rows.

    Examples
    --------
    >>> ad.vstack([ad.tensor([1, 2]), ad.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    return cat(atleast_2d(list(tensors)), 0)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the third dimension.

    Examples
    --------
    >>> ad.dstack([ad.tensor([1, 2]), ad.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    return cat(atleast_3d(list(tensors)), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join tensors along the second dimension, vectors as columns.

    Examples
    --------
    >>> ad.column_stack([ad.tensor([1, 2]), ad.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    xs = [tensor_of(x, "column_stack") for x in tensors]
    return cat([reshape(x, (x.numel(), 1)) if x.ndim < 2 else x for x in xs], 1)


def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix that has matrices on its diagonal and 0 elsewhere; vectors are rows.

    Examples
    --------
    >>> ad.block_diag(ad.tensor([[1, 2]]), ad.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    xs = atleast_2d(list(tensors))
    if any(x.ndim > 2 for x in xs):
        raise RuntimeError(f"block_diag: expected matrices, got shapes {[x.shape for x in xs]}")
    width, start, lines = sum(x.shape[1] for x in xs), 0, []
    for x in xs:
        m, n = x.shape
        left, right = (wrap(np.zeros((m, k), x.dtype)) for k in (start, width - start - n))
        lines.append(cat([left, x, right], 1))
        start += n
    return cat(lines, 0)


@named
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return matrices that have the last dimension on their diagonal and 0 elsewhere.

    Examples
    --------
    >>> ad.diag_embed(ad.tensor([[1, 2]]))
    tensor([[[1, 0],
             [0, 2]]])
    """
    x, k = tensor_of(input, "diag_embed"), integer(offset, "diag_embed", "offset")
    if not x.ndim:
        raise RuntimeError("diag_embed: expected at least one dimension")
    a, b = (dimension(d, x.ndim + 1, "diag_embed") for d in (dim1, dim2))
    if a == b:
        raise RuntimeError(f"diag_embed: dims {dim1} and {dim2} must be two different dimensions")
    n = x.shape[-1] + abs(k)
    shape = list(x.shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, n)
    return arrangement.put_diagonal(x, shape=tuple(shape), offset=k, dim1=a, dim2=b)


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return the matrix that has all elements on its diagonal and 0 elsewhere.

    Examples
    --------
    >>> ad.diagflat(ad.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(ravel(input), offset)


# -- apart -------------------------------------------------------------------------------------------------------------


@numpy_names
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Part a tensor along `dim` into so many pieces, the first ones one longer, or at the given positions.

    Examples
    --------
    >>> ad.tensor_split(ad.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    x = tensor_of(input, "tensor_split")
    d = dimension(dim, x.ndim, "tensor_split")
    if not x.ndim:
        raise RuntimeError("tensor_split: a tensor of no dimensions cannot be parted")
    given = indices_or_sections
    if isinstance(given, Node):
        given = values(given, "splitting at places that a tensor says", "pass a list of integers").tolist()
    size = x.shape[d]
    if isinstance(given, Sequence):
        ends = [slice(k).indices(size)[1] for k in given]
    else:
        n = integer(given, "tensor_split", "the number of sections")
        if n <= 0:
            raise RuntimeError(f"tensor_split: the number of sections must be positive, got {n}")
        ends = [i * (size // n) + min(i, size % n) for i in range(1, n)]
    starts = [0, *ends]
    return tuple(narrow(x, d, a, max(b - a, 0)) for a, b in zip(starts, [*ends, size], strict=True))


def _split_along(x: Any, given: Any, d: int, least: int, name: str) -> tuple[Tensor, ...]:
    t = tensor_of(x, name)
    if t.ndim < least:
        raise RuntimeError(f"{name}: expected at least {least} dimensions, got shape {t.shape}")
    n = 1 if isinstance(given, (Node, Sequence)) else integer(given, name, "the number of sections")
    if n > 0 and t.shape[d] % n:
        raise RuntimeError(f"{name}: {t.shape[d]} slices along dim {d} do not part equally into {given}")
    return tensor_split(t, given, d)


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Part a tensor along the second dimension, a vector along its only one.

    Examples
    --------
    >>> ad.hsplit(ad.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    x = tensor_of(input, "hsplit")
    return _split_along(x, indices_or_sections, min(x.ndim - 1, 1), 1, "hsplit")


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Part a tensor along the first dimension; it has at least two.

    Examples
    --------
    >>> ad.vsplit(ad.arange(4).reshape(2, 2), 2)
    (tensor([[0, 1]]), tensor([[2, 3]]))
    """
    return _split_along(input, indices_or_sections, 0, 2, "vsplit")


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """Part a tensor along the third dimension.

    Examples
    --------
    >>> [t.shape for t in ad.dsplit(ad.zeros(1, 2, 4), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return _split_along(input, indices_or_sections, 2, 3, "dsplit")


def _dimension(dim: Any, x: Any, name: str) -> int:
    return dimension(dim, x.ndim, name)


@named
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Return a view of all windows of `size` elements along a dimension, `step` apart, as a new last dimension.

    Examples
    --------
    >>> ad.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    x, n, k = tensor_of(input, "unfold"), integer(size, "unfold", "size"), integer(step, "unfold", "step")
    d = _dimension(dimension, x, "unfold")
    x = x if x.ndim else x.reshape(1)
    if not 0 <= n <= x.shape[d] or k <= 0:
        raise RuntimeError(f"unfold: size {n} and step {k} do not fit dim {d} of size {x.shape[d]}")
    if not n:
        places = (x.shape[d] // k + 1,) if tensor_of(input, "unfold").ndim else ()
        empty: Tensor = wrap(np.zeros((*x.shape[:d], *places, *x.shape[d + 1 :], 0), x.dtype))
        return empty
    found = windows.windows(movedim(x, d, -1), size=(n,), stride=(k,), dilation=(1,))
    out = movedim(found, -2, d)
    return out if tensor_of(input, "unfold").ndim else out.reshape(n)


# -- in another order, or repeated -------------------------------------------------------------------------------------


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn the plane of two dimensions by 90 degrees, `k` times, from the first towards the second.

    Examples
    --------
    >>> ad.rot90(ad.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    x, n = tensor_of(input, "rot90"), integer(k, "rot90", "k") % 4
    if len(dims) != 2 or x.ndim < 2:
        raise RuntimeError(f"rot90: expected two dims of at least two dimensions, got {dims} and shape {x.shape}")
    a, b = (dimension(d, x.ndim, "rot90") for d in dims)
    if a == b:
        raise RuntimeError(f"rot90: dims {dims} must be two different dimensions")
    if n == 2:
        return flip(x, (a, b))
    return clone(x) if n == 0 else flip(transpose(x, a, b), a if n == 1 else b)


def fliplr(input: Tensor) -> Tensor:
    """Reverse the order of the columns.

    Examples
    --------
    >>> ad.fliplr(ad.tensor([[1, 2]]))
    tensor([[2, 1]])
    """
    x = tensor_of(input, "fliplr")
    if x.ndim < 2:
        raise RuntimeError(f"fliplr: expected at least 2 dimensions, got shape {x.shape}")
    return flip(x, 1)


def flipud(input: Tensor) -> Tensor:
    """Reverse the order of the rows.

    Examples
    --------
    >>> ad.flipud(ad.tensor([1, 2]))
    tensor([2, 1])
    """
    x = tensor_of(input, "flipud")
    if not x.ndim:
        raise RuntimeError("flipud: expected at least one dimension")
    return flip(x, 0)


@numpy_names
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Repeat each element, or each slice along `dim`, next to itself.

    Parameters
    ----------
    input : Tensor
        Alone, it says how often each of 0, 1, ... is repeated.
    repeats : int or Tensor, optional
        How often; one number for each slice.
    dim : int, optional
        Along which dimension; of the flattened tensor by default.
    output_size : int, optional
        For PyTorch's sake; without effect.

    Examples
    --------
    >>> ad.repeat_interleave(ad.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    x = tensor_of(input, "repeat_interleave")
    if repeats is None:
        x, repeats = wrap(np.arange(x.numel())), x
    times = (
        np.asarray(repeats)
        if not isinstance(repeats, Node)
        else values(repeats, "repeating as often as a tensor says", "its shape depends on data; pass an integer")
    )
    if times.dtype.kind not in "iu" or times.ndim > 1 or (times.size and times.min() < 0):
        raise RuntimeError(f"repeat_interleave: repeats must be integers, not negative, got {repeats!r}")
    d = 0 if dim is None else dimension(dim, x.ndim, "repeat_interleave")
    x = ravel(x) if dim is None or not x.ndim else x
    if not times.ndim:  # a copy of each: a third of the time that picking takes, and a tenth in backward
        k = int(times)
        wide = broadcast_to(unsqueeze(x, d + 1), (*x.shape[: d + 1], k, *x.shape[d + 1 :]))
        flat = reshape(wide, (*x.shape[:d], x.shape[d] * k, *x.shape[d + 1 :]))
        return flat if k > 1 and x.shape[d] > 1 else clone(flat)  # else `flat` may be a view
    if times.size not in (1, x.shape[d]):
        raise RuntimeError(f"repeat_interleave: {times.size} repeats do not fit dim {d} of size {x.shape[d]}")
    return index_select(x, d, wrap(np.repeat(np.arange(x.shape[d]), times)))
