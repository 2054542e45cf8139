"""Products of matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..table import products as rows
from .arguments import tensor_of
from .elementwise import add, mul
from .output import written
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["addmm", "bmm", "dot", "inner", "linear", "matmul", "mm", "mv", "outer"]


def matmul(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Matrix product; of vectors the inner product; leading dimensions are batches and broadcast.

    Parameters
    ----------
    input : Tensor
        Of shape (..., n, k), or (k,).
    other : Tensor
        Of shape (..., k, m), or (k,).
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        Of shape (..., n, m), without the dimension that a vector lacks.

    Raises
    ------
    RuntimeError
        If the inner sizes or the dtypes differ, the batches do not broadcast, or an operand has no dimension.

    Examples
    --------
    >>> ad.tensor([[1.0, 2.0], [3.0, 4.0]]) @ ad.tensor([1.0, 1.0])
    tensor([3., 7.])
    """
    if out is not None:
        return written(out, matmul, input, other)
    a, b = tensor_of(input, "matmul"), tensor_of(other, "matmul")
    m, n = a._data.shape, b._data.shape
    if not m or not n:
        raise RuntimeError(f"matmul: both operands need a dimension, got shapes {m} and {n}")
    if m[-1] != n[-2 if len(n) > 1 else 0]:
        raise RuntimeError(f"matmul: shapes {m} and {n} cannot be multiplied: {_sizes(m)} and {_sizes(n)}")
    _same_dtype(a, b, "matmul")
    return rows.matmul(a, b)


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape[-2:]))


def _same_dtype(a: Tensor, b: Tensor, name: str) -> None:
    """Refuse to widen a whole product because of one operand, as PyTorch does."""
    if a._data.dtype is not b._data.dtype and a._data.dtype != b._data.dtype:
        kinds = {a._data.dtype.kind, b._data.dtype.kind}
        cure = "convert one with .to()" if kinds == {"f"} else ".float() makes floats of integers"
        if 8 in (a._data.dtype.itemsize, b._data.dtype.itemsize) and kinds == {"f"}:
            cure = "NumPy's floats are float64, .float() makes float32 of them"
        raise RuntimeError(f"{name}: both operands need one dtype, got {a.dtype} and {b.dtype}; {cure}")


# -- products of operands of given dimensions --------------------------------------------------------------------------


def _product(name: str, input: Any, other: Any, m: int, n: int) -> Tensor:
    """Multiply operands of just so many dimensions, without broadcasting."""
    a, b = tensor_of(input, name), tensor_of(other, name)
    s, t = a._data.shape, b._data.shape
    if len(s) != m or len(t) != n:
        raise RuntimeError(f"{name}: expected operands of {m} and {n} dimensions, got shapes {s} and {t}")
    if s[-1] != t[-2 if n > 1 else 0] or (m == n == 3 and s[0] != t[0]):
        raise RuntimeError(f"{name}: shapes {s} and {t} cannot be multiplied")
    _same_dtype(a, b, name)
    return rows.matmul(a, b)


def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of two matrices.

    Examples
    --------
    >>> ad.mm(ad.tensor([[1, 2], [3, 4]]), ad.tensor([[1], [1]]))
    tensor([[3],
            [7]])
    """
    return _product("mm", input, mat2, 2, 2) if out is None else written(out, mm, input, mat2)


def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of two batches of matrices, of shapes (b, n, k) and (b, k, m).

    Examples
    --------
    >>> ad.bmm(ad.ones(5, 2, 3), ad.ones(5, 3, 4)).shape
    (5, 2, 4)
    """
    return _product("bmm", input, mat2, 3, 3) if out is None else written(out, bmm, input, mat2)


def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Product of a matrix and a vector.

    Examples
    --------
    >>> ad.mv(ad.tensor([[1, 2], [3, 4]]), ad.tensor([1, 1]))
    tensor([3, 7])
    """
    return _product("mv", input, vec, 2, 1) if out is None else written(out, mv, input, vec)


def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner product of two vectors.

    Examples
    --------
    >>> ad.dot(ad.tensor([1, 2]), ad.tensor([3, 4]))
    tensor(11)
    """
    return _product("dot", input, tensor, 1, 1) if out is None else written(out, dot, input, tensor)


def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner products along the last dimensions of two tensors; a product by a tensor of no dimensions.

    Examples
    --------
    >>> ad.inner(ad.tensor([[1, 2], [3, 4]]), ad.tensor([1, 1]))
    tensor([3, 7])
    """
    if out is not None:
        return written(out, inner, input, other)
    a, b = tensor_of(input, "inner"), tensor_of(other, "inner")
    _same_dtype(a, b, "inner")
    if not (a.ndim and b.ndim):
        return mul(a, b)
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"inner: the last sizes of shapes {a.shape} and {b.shape} differ")
    out = rows.matmul(a.reshape(_count_rows(a), a.shape[-1]), b.reshape(_count_rows(b), b.shape[-1]).mT)
    return out.reshape((*a.shape[:-1], *b.shape[:-1]))


def _count_rows(x: Tensor) -> int:
    return math.prod(x.shape[:-1])


def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of every element of one vector with every element of another.

    Examples
    --------
    >>> ad.outer(ad.tensor([1, 2]), ad.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    if out is not None:
        return written(out, outer, input, vec2)
    a, b = tensor_of(input, "outer"), tensor_of(vec2, "outer")
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors, got shapes {a.shape} and {b.shape}")
    return mul(unsqueeze(a, 1), b)


def addmm(
    input: Any, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """Add a product of two matrices to a tensor that broadcasts to it: beta input + alpha (mat1 @ mat2).

    Examples
    --------
    >>> ad.addmm(ad.ones(2), ad.tensor([[1.0, 2.0]]), ad.tensor([[1.0, 2.0], [3.0, 4.0]]), beta=10)
    tensor([[17., 20.]])
    """
    if out is not None:
        return written(out, addmm, input, mat1, mat2, beta=beta, alpha=alpha)
    x, product = tensor_of(input, "addmm"), _product("addmm", mat1, mat2, 2, 2)
    _same_dtype(x, product, "addmm")
    shape = product.shape
    if x.ndim > 2 or any(n not in (1, k) for n, k in zip(reversed(x.shape), reversed(shape), strict=False)):
        raise RuntimeError(f"addmm: an input of shape {x.shape} does not broadcast to {shape}")
    if beta == 0:  # then not even a NaN of the input counts
        return product if alpha == 1 else mul(product, alpha)
    return add(x if beta == 1 else mul(x, beta), product, alpha=alpha)


# -- affine maps -------------------------------------------------------------------------------------------------------


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """Affine map ``input @ weight.T + bias``, in one operation.

    Parameters
    ----------
    input : Tensor
        Of shape (..., in_features).
    weight : Tensor
        Of shape (out_features, in_features).
    bias : Tensor, optional
        Of shape (out_features,).

    Returns
    -------
    Tensor
        Of shape (..., out_features).

    Raises
    ------
    RuntimeError
        If the shapes do not fit or the dtypes differ.

    Examples
    --------
    >>> ad.linear(ad.tensor([[1.0, 2.0]]), ad.tensor([[3.0, 4.0]]), ad.tensor([0.5]))
    tensor([[11.5000]])
    """
    x, weight = tensor_of(input, "linear"), tensor_of(weight, "linear")
    m, n = x._data.shape, weight._data.shape
    if len(n) != 2:
        raise RuntimeError(f"linear: the weight must have shape (out_features, in_features), got {n}")
    if not m or m[-1] != n[1]:
        cure = (
            "; input.flatten(1), or nn.Flatten(), makes a row of each sample"
            if len(m) > 2 and math.prod(m[1:]) == n[1]
            else ""
        )
        raise RuntimeError(
            f"linear: an input of shape {m} does not fit a weight of shape {n}: expected (..., {n[1]}){cure}"
        )
    if x._data.dtype is not weight._data.dtype:
        _same_dtype(x, weight, "linear")
    if bias is None:
        return rows.linear(x, weight)
    bias = tensor_of(bias, "linear")
    if bias._data.dtype is not weight._data.dtype:
        _same_dtype(weight, bias, "linear")
    if bias._data.shape != (n[0],):
        raise RuntimeError(f"linear: the bias has shape {bias._data.shape}, expected ({n[0]},)")
    return rows.linear(x, weight, bias)
