"""Factors of matrices: Cholesky's, Q and R, eigenvectors, singular vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.modes import is_recording
from ..engine.primitive import wrap
from ..table import linalg as rows
from .arguments import parts_computed, tensor_of
from .diagonal import triu
from .linalg import matmul
from .shape import cat, narrow, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__: list[str] = []  # they are found in `autodiff.linalg`


def matrices(value: Any, name: str, square: bool = False) -> Any:
    """Return matrices of float32 or float64; refuse anything else."""
    x = tensor_of(value, name)
    if x.ndim < 2:
        raise RuntimeError(f"{name}: expected a matrix or a batch of them, got shape {x.shape}")
    if x.dtype not in (np.float32, np.float64):
        raise RuntimeError(f"{name}: expected float32 or float64, got {x.dtype}; convert with .float() or .double()")
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{name}: expected square matrices, got shape {x.shape}")
    return x


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:  # noqa: N803  # PyTorch's name
    """Cholesky factor of symmetric positive definite matrices: the lower triangular L with L Lᵀ = A.

    Parameters
    ----------
    A : Tensor
        Of shape (..., n, n). Its lower triangle is read (the upper one for `upper`); the gradient is symmetric.
    upper : bool, optional
        Return Lᵀ.

    Returns
    -------
    Tensor
        Of shape (..., n, n).

    Raises
    ------
    LinAlgError
        If a matrix is not positive definite; it is a RuntimeError.

    Examples
    --------
    >>> ad.linalg.cholesky(ad.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    x = matrices(A, "cholesky", square=True)
    return rows.cholesky(x.mT).mT if upper else rows.cholesky(x)


def qr(A: Tensor, mode: str = "reduced") -> return_types.linalg_qr:  # noqa: N803  # PyTorch's name
    """Part matrices into Q, of orthonormal columns, and R, upper triangular: A = Q R.

    Parameters
    ----------
    A : Tensor
        Of shape (..., m, n); for a derivative its first min(m, n) columns are independent.
    mode : {"reduced", "complete", "r"}, optional
        Whether Q has min(m, n) columns, or m of them (then it has a derivative only if m ≤ n), or is left out.

    Returns
    -------
    (Q, R)
        A named tuple.

    Raises
    ------
    RuntimeError
        If the mode is none of these, or a gradient is asked for where there is none.

    Examples
    --------
    >>> ad.linalg.qr(ad.tensor([[3.0, 1.0], [4.0, 2.0]])).R.abs()
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    x = matrices(A, "qr")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    m, n = x.shape[-2:]
    if mode == "complete" and m > n:
        if x.requires_grad and is_recording():
            raise RuntimeError(f"qr: mode='complete' has no derivative for more rows than columns, got shape {x.shape}")
        return return_types.linalg_qr(*parts_computed("qr", lambda a: np.linalg.qr(a, "complete"), x))
    q = rows.q_factor(narrow(x, -1, 0, min(m, n)))
    r = triu(matmul(q.mT, x))
    return return_types.linalg_qr(wrap(np.zeros(0, x.dtype)) if mode == "r" else q, r)


def _lower(value: Any, uplo: str, name: str) -> Any:
    """Return matrices whose lower triangle is the one that `UPLO` names."""
    x = matrices(value, name, square=True)
    if uplo not in ("L", "U", "l", "u"):
        raise RuntimeError(f"{name}: UPLO must be 'L' or 'U', got {uplo!r}")
    return x if uplo in "Ll" else x.mT


def eigh(A: Tensor, UPLO: str = "L") -> return_types.linalg_eigh:  # noqa: N803  # PyTorch's names
    """Eigenvalues and eigenvectors of symmetric matrices.

    Parameters
    ----------
    A : Tensor
        Of shape (..., n, n). One triangle is read; the gradient is symmetric.
    UPLO : {"L", "U"}, optional
        Which one.

    Returns
    -------
    (eigenvalues, eigenvectors)
        A named tuple of shapes (..., n) and (..., n, n). The sign of an eigenvector is not defined. The derivative of
        eigenvectors is NaN or infinite where eigenvalues are equal.

    Examples
    --------
    >>> ad.linalg.eigh(ad.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    x = _lower(A, UPLO, "eigh")
    return return_types.linalg_eigh(rows.eigenvalues(x), rows.eigenvectors(x))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:  # noqa: N803  # PyTorch's names
    """Eigenvalues of symmetric matrices, in ascending order; parameters as for `eigh`.

    Examples
    --------
    >>> ad.linalg.eigvalsh(ad.tensor([[2.0, 1.0], [1.0, 2.0]]))
    tensor([1., 3.])
    """
    return rows.eigenvalues(_lower(A, UPLO, "eigvalsh"))


def svd(A: Tensor, full_matrices: bool = True) -> return_types.linalg_svd:  # noqa: N803  # PyTorch's name
    """Singular value decomposition: A = U diag(S) Vh.

    Parameters
    ----------
    A : Tensor
        Of shape (..., m, n).
    full_matrices : bool, optional
        Complete U and Vh to square matrices. What is added has no derivative.

    Returns
    -------
    (U, S, Vh)
        A named tuple of shapes (..., m, m), (..., k) and (..., n, n), where k = min(m, n), or (..., m, k), (..., k) and
        (..., k, n). Singular vectors are defined up to their sign; their derivative is NaN or infinite where singular
        values are equal.

    Examples
    --------
    >>> ad.linalg.svd(ad.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    x = matrices(A, "svd")
    m, n = x.shape[-2:]
    k = min(m, n)
    joined = rows.singular_vectors(x)
    u, v = narrow(joined, -2, 0, m), narrow(joined, -2, m, n)
    if full_matrices and m != n:
        more_u, more_v = parts_computed("svd", lambda a: _beyond(np.linalg.svd(a), k), x)
        u, v = cat([u, more_u], -1), cat([v, more_v], -1)
    return return_types.linalg_svd(u, rows.singular_values(x), transpose(v, -2, -1))


def _beyond(found: Any, k: int) -> tuple[Any, Any]:
    """Return the left and right singular vectors without a singular value."""
    return found.U[..., k:], found.Vh.mT[..., k:]


def svdvals(A: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
    """Singular values of matrices, in descending order.

    Examples
    --------
    >>> ad.linalg.svdvals(ad.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    return rows.singular_values(matrices(A, "svdvals"))
