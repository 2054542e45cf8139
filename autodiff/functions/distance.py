"""Distances between vectors, and products of vectors and matrices that add to something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arguments import dimension, named, numpy_names, tensor_of
from .elementwise import add, mul, where
from .linalg import _product, _same_dtype, dot, matmul, outer
from .reduction import norm
from .shape import reshape, roll, unsqueeze
from .transcendental import sqrt

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "addbmm", "addmv", "addr", "baddbmm", "cdist", "chain_matmul", "cross", "dist", "ger", "kron", "pdist", "vdot",
]  # fmt: skip


@named
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """Distances in the p-norm between every row of one tensor and every row of another.

    Parameters
    ----------
    x1, x2 : Tensor of floats
        Of shapes (..., n, k) and (..., m, k); batches broadcast.
    p : float, optional
        Not negative.
    compute_mode : str, optional
        "donot_use_mm_for_euclid_dist" computes Euclidean distances of many rows from differences, too, and not by a
        matrix product, which is faster and, of rows that nearly agree, less exact.

    Returns
    -------
    Tensor
        Of shape (..., n, m). Where a distance is 0, its derivative is 0.

    Examples
    --------
    >>> ad.cdist(ad.tensor([[0.0, 0.0]]), ad.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    a, b = tensor_of(x1, "cdist"), tensor_of(x2, "cdist")
    _same_dtype(a, b, "cdist")
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise RuntimeError(f"cdist: expected rows of one size, got shapes {a.shape} and {b.shape}")
    if not p >= 0:
        raise RuntimeError(f"cdist: p must not be negative, got {p}")
    if p == 2 and max(a.shape[-2], b.shape[-2]) > 25 and compute_mode != "donot_use_mm_for_euclid_dist":
        return _by_product(a.to(np.float64), b.to(np.float64)).to(a.dtype)
    off = unsqueeze(a, -2) - unsqueeze(b, -3)
    return norm(off, p, -1) if a.shape[-1] else off.sum(-1)


def _by_product(a: Any, b: Any) -> Tensor:
    """Return Euclidean distances as √(|a|² + |b|² - 2 a·b); squares as small as rounding errors count as 0."""
    both = unsqueeze((a * a).sum(-1), -1) + unsqueeze((b * b).sum(-1), -2)
    squares = both - 2 * matmul(a, b.mT)
    is_zero = squares.detach() <= 16 * np.finfo(np.float64).eps * both.detach()
    return where(is_zero, 0, sqrt(where(is_zero, 1, squares)))


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Distances in the p-norm between all pairs of rows of a matrix.

    Examples
    --------
    >>> ad.pdist(ad.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    x = tensor_of(input, "pdist")
    if x.ndim != 2:
        raise RuntimeError(f"pdist: expected a matrix, got shape {x.shape}")
    i, j = np.triu_indices(x.shape[0], 1)
    return norm(x[i] - x[j], p, -1)


@named
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """p-norm of the difference of two tensors, broadcasting.

    Examples
    --------
    >>> ad.dist(ad.tensor([0.0, 0.0]), ad.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return norm(tensor_of(input, "dist") - tensor_of(other, "dist"), p)


@numpy_names
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Cross products of vectors of 3 elements along one dimension, broadcasting; by default the first of size 3.

    Examples
    --------
    >>> ad.cross(ad.tensor([1.0, 0.0, 0.0]), ad.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    a, b = tensor_of(input, "cross"), tensor_of(other, "cross")
    if a.ndim != b.ndim:
        raise RuntimeError(f"cross: expected as many dimensions of both, got shapes {a.shape} and {b.shape}")
    if dim is None:
        found = [k for k, n in enumerate(a.shape) if n == 3]
        if not found:
            raise RuntimeError(f"cross: no dimension of shape {a.shape} has size 3")
        dim = found[0]
    d = dimension(dim, a.ndim, "cross")
    if not a.ndim or a.shape[d] != 3 or b.shape[d] != 3:
        raise RuntimeError(f"cross: dim {dim} of shapes {a.shape} and {b.shape} must have size 3")
    turned = [roll(x, n, d) for x, n in ((a, -1), (b, -2), (a, -2), (b, -1))]
    return turned[0] * turned[1] - turned[2] * turned[3]


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker product: every element of `input` times the whole of `other`, as blocks.

    Examples
    --------
    >>> ad.kron(ad.tensor([1, 10]), ad.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    a, b = tensor_of(input, "kron"), tensor_of(other, "kron")
    n = max(a.ndim, b.ndim)
    left, right = ((1,) * (n - t.ndim) + t.shape for t in (a, b))
    product = mul(
        reshape(a, [k for size in left for k in (size, 1)]), reshape(b, [k for size in right for k in (1, size)])
    )
    return reshape(product, [m * k for m, k in zip(left, right, strict=True)])


# -- products ----------------------------------------------------------------------------------------------------------


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Inner product of two vectors; as `dot`.

    Examples
    --------
    >>> ad.vdot(ad.tensor([1, 2]), ad.tensor([3, 4]))
    tensor(11)
    """
    return dot(input, other)


def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """Products of every element of one vector with every element of another; as `outer`.

    Examples
    --------
    >>> ad.ger(ad.tensor([1, 2]), ad.tensor([3]))
    tensor([[3],
            [6]])
    """
    return outer(input, vec2)


def chain_matmul(*matrices: Any) -> Tensor:
    """Product of several matrices, from left to right.

    Examples
    --------
    >>> ad.chain_matmul(ad.ones(2, 3), ad.ones(3, 4), ad.ones(4, 1))
    tensor([[12.],
            [12.]])
    """
    first, *others = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)) else matrices
    for other in others:
        first = _product("chain_matmul", first, other, 2, 2)
    return first  # type: ignore[no-any-return]  # a Tensor


def _add_product(input: Any, product: Tensor, beta: float, alpha: float, name: str) -> Tensor:
    """Add a product to what broadcasts to it."""
    x = tensor_of(input, name)
    _same_dtype(x, product, name)
    shape = product.shape
    if x.ndim > len(shape) or any(n not in (1, k) for n, k in zip(reversed(x.shape), reversed(shape), strict=False)):
        raise RuntimeError(f"{name}: an input of shape {x.shape} does not broadcast to {shape}")
    if product.dtype.kind != "f":  # integers stay integers
        alpha, beta = int(alpha), int(beta)
    scaled = product if alpha == 1 else mul(product, alpha)
    return scaled if beta == 0 else add(x if beta == 1 else mul(x, beta), scaled)


def addmv(input: Any, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add a product of a matrix and a vector: beta input + alpha (mat @ vec).

    Examples
    --------
    >>> ad.addmv(ad.ones(2), ad.tensor([[1.0, 2.0], [3.0, 4.0]]), ad.ones(2))
    tensor([4., 8.])
    """
    return _add_product(input, _product("addmv", mat, vec, 2, 1), beta, alpha, "addmv")


def addr(input: Any, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add an outer product: beta input + alpha vec1 vec2ᵀ.

    Examples
    --------
    >>> ad.addr(ad.zeros(2, 2), ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return _add_product(input, outer(vec1, vec2), beta, alpha, "addr")


def baddbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add products of two batches of matrices: beta input + alpha (batch1 @ batch2).

    Examples
    --------
    >>> ad.baddbmm(ad.ones(1), ad.ones(1, 2, 3), ad.ones(1, 3, 1))
    tensor([[[4.],
             [4.]]])
    """
    return _add_product(input, _product("baddbmm", batch1, batch2, 3, 3), beta, alpha, "baddbmm")


def addbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add the sum of products of two batches of matrices: beta input + alpha Σ batch1 @ batch2.

    Examples
    --------
    >>> ad.addbmm(ad.zeros(2, 1), ad.ones(2, 2, 3), ad.ones(2, 3, 1))
    tensor([[6.],
            [6.]])
    """
    return _add_product(input, _product("addbmm", batch1, batch2, 3, 3).sum(0), beta, alpha, "addbmm")
