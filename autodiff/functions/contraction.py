"""Sums of products over named indices: Einstein's summation and what it spells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..engine.graph import Node
from ..kernels.errors import ValueRuntimeError
from ..table import arrangement
from ..table import products as rows
from .arguments import dimensions, integer, tensor_of
from .linalg import _same_dtype
from .reduction import sum

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["einsum", "tensordot"]

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in the order of indices without a result


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sum products of elements over indices named by letters, as Einstein wrote it.

    Parameters
    ----------
    equation : str
        The indices of each operand, separated by commas, and after ``->`` those of the result. Without ``->`` the
        result has the indices that occur once, in alphabetical order. ``...`` stands for dimensions that
        broadcast. An index that one operand names twice takes its diagonal.
    *operands : Tensor
        As many as the equation names, all of one dtype. Instead of an equation, a list of integers (or ``...``) after
        each operand may name its indices, and one more at the end those of the result.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the equation is not well formed.
    RuntimeError
        If the operands do not fit it.

    Examples
    --------
    >>> a, b = ad.tensor([[1, 2], [3, 4]]), ad.tensor([[1, 1], [0, 1]])
    >>> ad.einsum("ij,jk->ik", a, b)
    tensor([[1, 3],
            [3, 7]])
    >>> ad.einsum("ii", a)
    tensor(5)
    """
    if not isinstance(equation, str):
        equation, operands = _equation(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    xs = [tensor_of(x, "einsum") for x in operands]
    if not xs:
        raise ValueError("einsum: expected at least one operand")
    for x in xs[1:]:
        _same_dtype(xs[0], x, "einsum")
    inputs, output = _read_equation(equation, [x.ndim for x in xs])
    sizes: dict[str, int] = {}
    for k, (x, labels) in enumerate(zip(xs, inputs, strict=True)):
        for c, n in zip(labels, x.shape, strict=True):
            if sizes.setdefault(c, n) not in (n, 1) and n != 1:
                raise RuntimeError(f"einsum: operand {k} of shape {x.shape} has size {n} where another has {sizes[c]}")
            sizes[c] = n if sizes[c] == 1 else sizes[c]
    diagonals = [_without_repeats(x, labels) for x, labels in zip(xs, inputs, strict=True)]
    return rows.einsum(*(x for x, _ in diagonals), inputs=tuple(labels for _, labels in diagonals), output=output)


def _equation(*given: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the equation that lists of integers after the operands stand for, and the operands."""
    lists = [*given[1::2], *(given[-1:] if len(given) % 2 else ())]
    operands = given[: len(given) // 2 * 2 : 2]
    if not operands or not all(isinstance(indices, (list, tuple)) for indices in lists):
        kinds = ", ".join(type(value).__name__ for value in given)
        raise TypeError(f"einsum: the equation must be a str, or a list of integers follow each operand, got {kinds}")
    terms = ["".join(map(_letter, indices)) for indices in lists]
    right = f"->{terms.pop()}" if len(given) % 2 else ""
    return ",".join(terms) + right, operands


def _letter(index: Any) -> str:
    if index is Ellipsis:
        return "..."
    k = integer(index, "einsum", "an index")
    if not 0 <= k < len(_LETTERS):
        raise ValueError(f"einsum: indices lie between 0 and {len(_LETTERS) - 1}, got {k}")
    return _LETTERS[k]


def _read_equation(equation: str, ndims: list[int]) -> tuple[list[str], str]:
    """Return the indices of each operand and of the result, with letters in the place of "..."."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueRuntimeError(f"einsum: {equation!r} names {len(terms)} operands, got {len(ndims)}")
    for term in (*terms, right):
        if not all(c in _LETTERS for c in term.replace("...", "", 1)):
            raise ValueError(f"einsum: {equation!r} may hold letters, commas, '->' and '...' once an operand")
    free = [c for c in reversed(_LETTERS) if c not in equation]
    extra = [n - len(term.replace("...", "")) for term, n in zip(terms, ndims, strict=True)]
    for term, n, more in zip(terms, ndims, extra, strict=True):
        if more < 0 or (more and "..." not in term):
            raise RuntimeError(f"einsum: {term!r} does not name the {n} dimensions of its operand")
    wide = max((more for term, more in zip(terms, extra, strict=True) if "..." in term), default=0)
    if wide > len(free):
        raise RuntimeError(f"einsum: {equation!r} needs more than {len(_LETTERS)} indices")
    dots = "".join(free[:wide])
    named = [t.replace("...", dots[wide - more :]) for t, more in zip(terms, extra, strict=True)]
    if not arrow:
        letters = left.replace(",", "").replace(".", "")
        right = ("..." if "..." in left else "") + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    output = right.replace("...", dots)
    if len(set(output)) != len(output) or not set(output) <= set("".join(named)):
        raise ValueError(f"einsum: the result {right!r} must name indices of the operands, each once")
    return named, output


def _without_repeats(x: Tensor, labels: str) -> tuple[Tensor, str]:
    """Take diagonals until no index occurs twice."""
    for c in dict.fromkeys(labels):
        while labels.count(c) > 1:
            a, b = labels.index(c), labels.rindex(c)
            if x.shape[a] != x.shape[b]:
                raise RuntimeError(f"einsum: {c!r} names dimensions of sizes {x.shape[a]} and {x.shape[b]}")
            x = arrangement.diagonal(x, offset=0, dim1=a, dim2=b)
            labels = labels[:a] + labels[a + 1 : b] + labels[b + 1 :] + c
    return x, labels


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Sum products over the last `dims` dimensions of one tensor and the first of another, or over listed ones.

    Parameters
    ----------
    a, b : Tensor
        Of one dtype.
    dims : int or pair of sequences of int, optional
        How many dimensions, or which of `a` and which of `b`. One of size 1 broadcasts.

    Returns
    -------
    Tensor
        The remaining dimensions of `a`, then those of `b`.

    Raises
    ------
    RuntimeError
        If the sizes or the dtypes differ.

    Examples
    --------
    >>> ad.tensordot(ad.ones(2, 3, 4), ad.ones(3, 4, 5)).shape
    (2, 5)
    >>> ad.tensordot(ad.ones(2, 3), ad.ones(4, 2), dims=([0], [1])).shape
    (3, 4)
    """
    x, y = tensor_of(a, "tensordot"), tensor_of(b, "tensordot")
    _same_dtype(x, y, "tensordot")
    if isinstance(dims, Node):
        dims = dims.tolist()  # type: ignore[attr-defined]  # every Node made is a Tensor
    if isinstance(dims, (list, tuple)):
        if len(dims) != 2:
            raise RuntimeError(f"tensordot: dims must be an integer or two lists of dimensions, got {dims!r}")
        left, right = (
            dimensions(d, t.ndim, "tensordot") if d != [] and d != () else () for d, t in zip(dims, (x, y), strict=True)
        )
    else:
        n = integer(dims, "tensordot", "dims")
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise RuntimeError(f"tensordot: shapes {x.shape} and {y.shape} have no {n} dimensions to sum over")
        left, right = tuple(range(x.ndim - n, x.ndim)), tuple(range(n))
    if len(left) == len(right):  # a size of 1 broadcasts: the other operand is summed
        x, y = _sum_alone(x, left, [y.shape[d] for d in right]), _sum_alone(y, right, [x.shape[d] for d in left])
    if [x.shape[d] for d in left] != [y.shape[d] for d in right]:
        raise RuntimeError(f"tensordot: dims {left} of shape {x.shape} and {right} of shape {y.shape} differ in size")
    kept = tuple(d for d in range(x.ndim) if d not in left)
    free = tuple(d for d in range(y.ndim) if d not in right)
    k = math.prod(x.shape[d] for d in left)
    m, n = ((math.prod(t.shape[d] for d in ds)) for t, ds in ((x, kept), (y, free)))
    flat = rows.matmul(
        arrangement.permute(x, dims=kept + left).reshape(m, k), arrangement.permute(y, dims=right + free).reshape(k, n)
    )
    return flat.reshape(tuple(x.shape[d] for d in kept) + tuple(y.shape[d] for d in free))


def _sum_alone(x: Tensor, dims: tuple[int, ...], sizes: list[int]) -> Tensor:
    """Sum along the dimensions in which the other operand has size 1."""
    alone = [d for d, n in zip(dims, sizes, strict=True) if n == 1 != x.shape[d]]
    return sum(x, alone, keepdim=True).to(x.dtype) if alone else x
