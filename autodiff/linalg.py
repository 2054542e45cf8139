"""Linear algebra under PyTorch's names, as ``torch.linalg``: decompositions, systems of equations, norms."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from .engine.primitive import NUMBERS, wrap
from .functions import reduction as r
from .functions import shape as s
from .functions.arguments import Dims, dimension, dimensions, floats_of, integer, numpy_names, tensor_of, widened
from .functions.diagonal import diagonal as _diagonal
from .functions.distance import cross as _cross
from .functions.elementwise import abs, clone
from .functions.elimination import householder_product as householder_product
from .functions.elimination import lu as lu
from .functions.elimination import lu_factor as lu_factor
from .functions.elimination import lu_solve as lu_solve
from .functions.factors import cholesky as cholesky
from .functions.factors import eigh as eigh
from .functions.factors import eigvalsh as eigvalsh
from .functions.factors import matrices
from .functions.factors import qr as qr
from .functions.factors import svd as svd
from .functions.factors import svdvals as svdvals
from .functions.linalg import matmul as matmul
from .functions.solving import det as det
from .functions.solving import inv as inv
from .functions.solving import lstsq as lstsq
from .functions.solving import matrix_exp as matrix_exp
from .functions.solving import matrix_power as matrix_power
from .functions.solving import matrix_rank as matrix_rank
from .functions.solving import pinv as pinv
from .functions.solving import slogdet as slogdet
from .functions.solving import solve as solve
from .functions.solving import solve_triangular as solve_triangular
from .kernels.linalg import LinAlgError as LinAlgError

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "householder_product", "inv",
    "lstsq", "lu", "lu_factor", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank",
    "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd", "svdvals", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip


# -- norms -------------------------------------------------------------------------------------------------------------


def _floats(value: Any, name: str, dtype: DTypeLike | None) -> Any:
    x = floats_of(value, name)
    return x if dtype is None else x.to(dtype)


@numpy_names
def vector_norm(
    x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """p-norm of vectors that lie along dimensions, whatever their number.

    Parameters
    ----------
    x : Tensor of floats
    ord : float, optional
        The exponent; infinities give the largest or smallest absolute value, 0 counts what is not 0.
    dim : int or sequence of int, optional
        The dimensions; all of them by default.
    keepdim : bool, optional
        Keep them, with size 1.
    dtype : dtype, optional
        Convert to this dtype first.

    Examples
    --------
    >>> ad.linalg.vector_norm(ad.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor(5.)
    """
    if not isinstance(ord, NUMBERS):
        raise RuntimeError(f"vector_norm: ord must be a number, got {ord!r}")
    return r.norm(_floats(x, "vector_norm", dtype), ord, dim, keepdim)


@numpy_names
def matrix_norm(
    A: Tensor,  # noqa: N803  # PyTorch's name
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Norm of matrices that lie in two dimensions.

    Parameters
    ----------
    A : Tensor of floats
    ord : {"fro", "nuc", 2, -2, 1, -1, inf, -inf}, optional
        The root of the sum of squares; the sum, the largest or smallest of the singular values; the largest or smallest
        sum of absolute values in a column (1), or in a row (inf).
    dim : pair of int, optional
        The rows and the columns.
    keepdim : bool, optional
        Keep them, with size 1.
    dtype : dtype, optional
        Convert to this dtype first.

    Examples
    --------
    >>> ad.linalg.matrix_norm(ad.tensor([[1.0, 2.0], [3.0, 4.0]]), float("inf"))
    tensor(7.)
    """
    x = _floats(A, "matrix_norm", dtype)
    dims = tuple(dimension(d, x.ndim, "matrix_norm") for d in dim) if isinstance(dim, Sequence) else ()
    if len(dims) != 2 or dims[0] == dims[1] or x.ndim < 2:
        raise RuntimeError(f"matrix_norm: dim must name two dimensions of shape {x.shape}, got {dim!r}")
    if ord in ("fro", "nuc"):
        return r.norm(x, ord, dims, keepdim)
    if ord not in (1, -1, 2, -2, math.inf, -math.inf):
        raise RuntimeError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    if not x._data.size and ord > 0:  # nothing has no length
        y = r.sum(x, dims)
    elif ord in (2, -2):
        found = svdvals(s.movedim(x, dims, (-2, -1)))
        y = (r.amax if ord > 0 else r.amin)(found, -1)
    else:
        row, column = dims if ord in (1, -1) else dims[::-1]
        sums = r.sum(abs(widened(x)), row, keepdim=True).to(x.dtype)
        y = (r.amax if ord > 0 else r.amin)(sums, (row, column))
    return y.reshape([1 if d in dims else n for d, n in enumerate(x.shape)]) if keepdim else y


@numpy_names
def norm(
    A: Tensor,  # noqa: N803  # PyTorch's name
    ord: Any = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Norm of vectors or matrices: of matrices (`matrix_norm`) along two dimensions, where `ord` is given.

    Without `ord` it is the root of the sum of squares along any dimensions.

    Examples
    --------
    >>> x = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> ad.linalg.norm(x), ad.linalg.norm(x, 2), ad.linalg.norm(x, 1, dim=0)
    (tensor(5.), tensor(4.), tensor([3., 4.]))
    """
    x = _floats(A, "norm", dtype)
    if ord is None:
        return r.norm(x, 2, dim, keepdim)
    if dim is None and x.ndim not in (1, 2):
        raise RuntimeError(f"norm: with ord={ord!r} and no dim, expected a vector or a matrix, got shape {x.shape}")
    dims = dimensions(dim, x.ndim, "norm")
    if len(dims) == 2:
        return matrix_norm(x, ord, dims, keepdim)
    return vector_norm(x, ord, dims, keepdim)


def cond(A: Tensor, p: Any = None) -> Tensor:  # noqa: N803  # PyTorch's name
    """Condition number of matrices: their norm times that of their inverse; by default of the norm 2.

    Examples
    --------
    >>> ad.linalg.cond(ad.tensor([[1.0, 0.0], [0.0, 10.0]]))
    tensor(10.)
    """
    x = matrices(A, "cond", square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        values = svdvals(x)
        first, last = values[..., 0], values[..., -1]
        return last / first if p == -2 else first / last
    return matrix_norm(x, p) * matrix_norm(inv(x), p)


# -- products ----------------------------------------------------------------------------------------------------------


@numpy_names
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Inner products of vectors that lie along one dimension, broadcasting.

    Examples
    --------
    >>> ad.linalg.vecdot(ad.tensor([[1, 2], [3, 4]]), ad.tensor([1, 1]))
    tensor([3, 7])
    """
    return r.sum(tensor_of(x, "vecdot") * tensor_of(y, "vecdot"), dim)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Product of several matrices, in the order that takes the fewest multiplications; the ends may be vectors.

    Examples
    --------
    >>> ad.linalg.multi_dot([ad.ones(2, 3), ad.ones(3, 4), ad.ones(4)])
    tensor([12., 12.])
    """
    xs = [tensor_of(x, "multi_dot") for x in tensors]
    if len(xs) < 2:
        raise RuntimeError(f"multi_dot: expected at least 2 tensors, got {len(xs)}")
    if any(x.ndim != 2 for x in xs[1:-1]) or any(x.ndim not in (1, 2) for x in (xs[0], xs[-1])):
        raise RuntimeError(f"multi_dot: expected matrices, vectors at the ends alone, got {[x.shape for x in xs]}")
    sizes = [1 if xs[0].ndim == 1 else xs[0].shape[0], *(x.shape[0] for x in xs[1:])]
    sizes.append(1 if xs[-1].ndim == 1 else xs[-1].shape[1])

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """Return the fewest multiplications that make one of the matrices from i to j, and where to part them."""
        if i == j:
            return 0, i
        return min((best(i, k)[0] + best(k + 1, j)[0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))

    def product(i: int, j: int) -> Tensor:
        k = best(i, j)[1]
        return xs[i] if i == j else matmul(product(i, k), product(k + 1, j))

    return product(0, len(xs) - 1)


@numpy_names
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Cross products of vectors of 3 elements along one dimension, broadcasting.

    Examples
    --------
    >>> ad.linalg.cross(ad.tensor([1.0, 0.0, 0.0]), ad.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross(input, other, dim)


# -- others ------------------------------------------------------------------------------------------------------------


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:  # noqa: N803  # PyTorch's name
    """Diagonals of matrices, which lie in the last two dimensions by default; see `autodiff.diagonal`.

    Examples
    --------
    >>> ad.linalg.diagonal(ad.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return _diagonal(A, offset, dim1, dim2)


@numpy_names
def vander(x: Tensor, *, N: int | None = None) -> Tensor:  # noqa: N803  # PyTorch's name
    """Powers 0, 1, ... N - 1 of each element, along a new dimension; as many as there are elements by default.

    Examples
    --------
    >>> ad.linalg.vander(ad.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    t = tensor_of(x, "vander")
    t = t if t.ndim else s.unsqueeze(t, 0)
    t = t if t.dtype.kind == "f" else t.to(np.int64)
    n = t.shape[-1] if N is None else integer(N, "vander", "N")
    if n <= (N is not None):
        raise RuntimeError(f"vander: N must be greater than 1, got {n}")
    one = wrap(np.ones(t.shape, t.dtype))
    return s.stack([one, *(t if k == 1 else t**k for k in range(1, n))], -1) if n > 1 else s.unsqueeze(clone(one), -1)


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
