"""Systems of linear equations, inverses, determinants and powers of matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.graph import Node
from ..engine.primitive import wrap
from ..kernels.linalg import above
from ..table import linalg as rows
from ..tracing import agreed, decided, parameter
from .arguments import computed, integer, tensor_of
from .diagonal import tril, triu
from .elementwise import where
from .factors import matrices
from .linalg import _same_dtype, matmul
from .reduction import sum
from .shape import squeeze, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "matrix_exp", "matrix_power", "pinverse",
    "slogdet",
]  # fmt: skip


# -- determinants ------------------------------------------------------------------------------------------------------


def det(A: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
    """Determinants of square matrices, of shape (..., n, n); the derivative exists also where they are 0.

    Examples
    --------
    >>> ad.linalg.det(ad.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.)
    """
    return rows.det(matrices(A, "det", square=True))


def slogdet(A: Tensor) -> return_types.linalg_slogdet:  # noqa: N803  # PyTorch's name
    """Sign of the determinants of square matrices, and the logarithm of their absolute value, without overflow.

    Returns
    -------
    (sign, logabsdet)
        A named tuple. Of a singular matrix they are 0 and -inf.

    Examples
    --------
    >>> ad.linalg.slogdet(ad.tensor([[1.0, 2.0], [3.0, 4.0]]))
    autodiff.return_types.linalg_slogdet(
    sign=tensor(-1.),
    logabsdet=tensor(0.6931))
    """
    x = matrices(A, "slogdet", square=True)
    return return_types.linalg_slogdet(
        computed("sign", lambda a: np.asarray(np.linalg.slogdet(a)[0]), x), rows.logabsdet(x)
    )


def logdet(input: Tensor) -> Tensor:
    """Logarithm of the determinants of square matrices; NaN where they are negative.

    Examples
    --------
    >>> ad.logdet(ad.tensor([[4.0, 0.0], [0.0, 1.0]]))
    tensor(1.3863)
    """
    sign, logarithm = slogdet(matrices(input, "logdet", square=True))
    return where(sign == -1, math.nan, logarithm)


# -- systems of equations ----------------------------------------------------------------------------------------------


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:  # noqa: N803  # PyTorch's names
    """Solve A X = B, or X A = B.

    Parameters
    ----------
    A : Tensor
        Of shape (..., n, n).
    B : Tensor
        Of shape (..., n, k), or a vector (..., n) for each matrix of `A`; without `left` of shape (..., k, n).
    left : bool, optional
        Whether `A` stands on the left.

    Returns
    -------
    Tensor
        Of the shape of `B`, batches broadcast.

    Raises
    ------
    LinAlgError
        If a matrix is singular; it is a RuntimeError.
    RuntimeError
        If the shapes or the dtypes do not fit.

    Examples
    --------
    >>> ad.linalg.solve(ad.tensor([[2.0, 0.0], [0.0, 4.0]]), ad.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    a, b = matrices(A, "solve", square=True), tensor_of(B, "solve")
    _same_dtype(a, b, "solve")
    is_vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    if is_vector and not left:
        raise RuntimeError(f"solve: left=False needs matrices on the right, got shape {b.shape}")
    x = _solve(a, unsqueeze(b, -1) if is_vector else b, left, "solve")
    return squeeze(x, -1) if is_vector else x


def _solve(a: Any, b: Any, left: bool, name: str) -> Tensor:
    """Solve for a matrix B; `left` as for `solve`."""
    fits = b.ndim > 1 and b.shape[-2 if left else -1] == a.shape[-1]
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(f"{name}: matrices of shape {a.shape} do not fit a right side of shape {b.shape}")
    return rows.solve(a, b) if left else rows.solve(a.mT, b.mT).mT


def solve_triangular(
    A: Tensor,  # noqa: N803  # PyTorch's names
    B: Tensor,  # noqa: N803
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Tensor:
    """Solve A X = B, or X A = B, where A is triangular: nothing else of it is read.

    Parameters
    ----------
    A : Tensor
        Of shape (..., n, n).
    B : Tensor
        Of shape (..., n, k); without `left` of shape (..., k, n).
    upper : bool
        Whether the upper triangle is meant.
    left : bool, optional
        Whether `A` stands on the left.
    unitriangular : bool, optional
        Take the diagonal of `A` for ones.

    Examples
    --------
    >>> A, B = ad.tensor([[2.0, 9.0], [1.0, 1.0]]), ad.tensor([[2.0], [3.0]])
    >>> ad.linalg.solve_triangular(A, B, upper=False)
    tensor([[1.],
            [2.]])
    """
    a, b = matrices(A, "solve_triangular", square=True), matrices(B, "solve_triangular")
    _same_dtype(a, b, "solve_triangular")
    a = (triu if upper else tril)(a, (1 if upper else -1) if unitriangular else 0)
    return _solve(a + np.eye(a.shape[-1], dtype=a.dtype) if unitriangular else a, b, left, "solve_triangular")


def inv(A: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
    """Inverse of square matrices, of shape (..., n, n).

    Raises
    ------
    LinAlgError
        If a matrix is singular; it is a RuntimeError.

    Examples
    --------
    >>> ad.linalg.inv(ad.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return _inverse(A, "inv")


def _inverse(value: Any, name: str) -> Tensor:
    x = matrices(value, name, square=True)
    return rows.inverse(x)  # type: ignore[no-any-return]  # a row's result


def inverse(input: Tensor) -> Tensor:
    """Inverse of square matrices; as `autodiff.linalg.inv`.

    Examples
    --------
    >>> ad.inverse(ad.tensor([[2.0]]))
    tensor([[0.5000]])
    """
    return _inverse(input, "inverse")


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:  # noqa: N803  # PyTorch's names
    """Solve A X = B, given the Cholesky factor of A.

    Examples
    --------
    >>> A = ad.tensor([[4.0, 2.0], [2.0, 5.0]])
    >>> ad.cholesky_solve(ad.tensor([[6.0], [7.0]]), ad.linalg.cholesky(A))
    tensor([[1.],
            [1.]])
    """
    low = matrices(L, "cholesky_solve", square=True)
    low = tril(low.mT if upper else low)
    b = matrices(B, "cholesky_solve")
    _same_dtype(low, b, "cholesky_solve")
    return _solve(low.mT, _solve(low, b, True, "cholesky_solve"), True, "cholesky_solve")


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:  # noqa: N803  # PyTorch's name
    """Inverse of matrices, given their Cholesky factors.

    Examples
    --------
    >>> ad.cholesky_inverse(ad.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 1.0000]])
    """
    one = wrap(np.eye(matrices(L, "cholesky_inverse", square=True).shape[-1], dtype=L.dtype))
    return cholesky_solve(one, L, upper)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Pseudoinverse of matrices; as `autodiff.linalg.pinv`.

    Examples
    --------
    >>> ad.pinverse(ad.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    return pinv(input, rcond)


def pinv(
    A: Tensor,  # noqa: N803  # PyTorch's name
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """Pseudoinverse of matrices.

    Parameters
    ----------
    A : Tensor
        Of shape (..., m, n).
    rcond : float or Tensor, optional
        An older name of `rtol`.
    hermitian : bool, optional
        Read the lower triangle of symmetric matrices alone.
    atol, rtol : float or Tensor, optional
        Singular values below `atol`, or `rtol` times the largest, count as 0. By default they are 0 and the larger of
        m and n times the dtype's eps.

    Returns
    -------
    Tensor
        Of shape (..., n, m). Its derivative is that of matrices of one rank.

    Examples
    --------
    >>> ad.linalg.pinv(ad.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    x = matrices(A, "pinv", square=hermitian)
    if hermitian:  # the lower triangle gives the value, both give the derivative
        mean = (x + x.mT) / 2
        x = mean + (tril(x) + tril(x, -1).mT - mean).detach()
    low, relative = _tolerances(x, atol, rcond if rtol is None else rtol)
    return rows.pinv(x, atol=low, rtol=relative)


def _tolerances(x: Tensor, atol: Any, rtol: Any) -> tuple[Any, Any]:
    """Return the tolerances below which a singular value counts as 0: absolute, and relative to the largest."""
    low, relative = (parameter(v) if isinstance(v, Node) else v for v in (atol, rtol))
    if relative is None:
        is_set = decided(np.any, atol) if isinstance(atol, Node) else low is not None and np.any(low)
        relative = 0.0 if is_set else max(x.shape[-2:]) * float(np.finfo(x.dtype).eps)
    return (0.0 if low is None else low), relative


def lstsq(
    A: Tensor,  # noqa: N803  # PyTorch's names
    B: Tensor,  # noqa: N803
    rcond: Any = None,
    *,
    driver: str | None = None,
) -> return_types.linalg_lstsq:
    """Solve A X = B with the least sum of squared errors, and of several such X return the smallest.

    Parameters
    ----------
    A, B : Tensor
        Of shapes (..., m, n) and (..., m, k), or a vector (..., m) for each matrix of `A`.
    rcond : float, optional
        What part of the largest a singular value counts as 0 below.
    driver : {None, "gelsy", "gels", "gelsd", "gelss"}, optional
        All take the same way; the last three fill in the residuals.

    Returns
    -------
    (solution, residuals, rank, singular_values)
        A named tuple. The residuals are empty unless m > n, `A` has full rank, and the driver gives them.

    Examples
    --------
    >>> ad.linalg.lstsq(ad.tensor([[1.0], [1.0]]), ad.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """
    a, b = matrices(A, "lstsq"), tensor_of(B, "lstsq")
    _same_dtype(a, b, "lstsq")
    is_vector = b.ndim == 1 or (b.ndim == a.ndim - 1 and b.shape == a.shape[:-1])
    right = unsqueeze(b, -1) if is_vector else b
    if right.ndim < 2 or right.shape[-2] != a.shape[-2]:
        raise RuntimeError(f"lstsq: matrices of shape {a.shape} do not fit a right side of shape {b.shape}")
    solution = matmul(pinv(a, rcond), right)
    rank = matrix_rank(a, rtol=rcond)
    m, n = a.shape[-2:]
    residuals = wrap(np.zeros(0, a.dtype))
    if m > n and driver in ("gels", "gelsd", "gelss") and bool((rank == n).all()):
        off = matmul(a, solution) - right
        residuals = sum(off * off, -2)
    x = squeeze(solution, -1) if is_vector else solution
    return return_types.linalg_lstsq(x, residuals, rank, wrap(np.zeros(0, a.dtype)))


# -- powers and ranks --------------------------------------------------------------------------------------------------


def matrix_power(A: Tensor, n: int) -> Tensor:  # noqa: N803  # PyTorch's name
    """Multiply square matrices n times with themselves; of a negative n their inverse.

    Examples
    --------
    >>> ad.linalg.matrix_power(ad.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    x, k = tensor_of(A, "matrix_power"), integer(n, "matrix_power", "n")
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"matrix_power: expected square matrices, got shape {x.shape}")
    if k < 0:
        x, k = _inverse(x, "matrix_power"), -k
    if k == 0:
        return x * 0 + np.eye(x.shape[-1], dtype=x.dtype)
    half: Tensor = x if k == 1 else matrix_power(x, k // 2)
    if k == 1:
        return half
    square = matmul(half, half)
    return matmul(square, x) if k % 2 else square


def matrix_exp(A: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
    """Exponential 1 + A + A² / 2 + A³ / 6 + … of square matrices, by scaling and squaring.

    Examples
    --------
    >>> ad.matrix_exp(ad.tensor([[0.0, 1.0], [0.0, 0.0]]))
    tensor([[1., 1.],
            [0., 1.]])

    References
    ----------
    Moler and Van Loan, "Nineteen dubious ways to compute the exponential of a matrix", SIAM Review 2003.
    """
    x = matrices(A, "matrix_exp", square=True)
    halvings = agreed(_halvings, x)
    x = x / 2.0**halvings
    y = term = x * 0 + np.eye(x.shape[-1], dtype=x.dtype)
    for k in range(1, 13):  # the norm is at most 1/4: the term 13 is below float64's precision
        term = matmul(term, x) / k
        y = y + term
    for _ in range(halvings):
        y = matmul(y, y)
    return y  # type: ignore[no-any-return]  # a row's result


def _halvings(a: Any) -> int:
    """Return how often a matrix is halved until its norm is at most a quarter."""
    size = float(np.abs(a).sum(-1).max(initial=0))
    return max(0, math.frexp(size)[1] + 2) if math.isfinite(size) else 0


def matrix_rank(
    A: Tensor,  # noqa: N803  # PyTorch's name
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
) -> Tensor:
    """Count the singular values of matrices that are above 0, as `pinv` judges it; `tol` is an older name of `atol`.

    Examples
    --------
    >>> ad.linalg.matrix_rank(ad.tensor([[1.0, 2.0], [2.0, 4.0]]))
    tensor(1)
    """
    x = matrices(A, "matrix_rank")
    asked = (tol if atol is None else atol), (0.0 if tol is not None else rtol)
    by_tensors = [v for v in asked if isinstance(v, Node)]

    def rank(found: Any, *given: Any) -> Any:
        rest = iter(given)
        low, relative = _tolerances(x, *(next(rest) if isinstance(v, Node) else v for v in asked))
        return np.asarray(above(found, low, relative).sum(-1))

    return computed("matrix_rank", rank, rows.singular_values(x), *by_tensors)  # type: ignore[no-any-return]  # a Tensor
