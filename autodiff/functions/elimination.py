"""Gaussian elimination: L and U of matrices, systems solved with them, and products of reflections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.primitive import wrap
from .arguments import parts_computed, tensor_of
from .diagonal import tril, triu
from .factors import matrices
from .linalg import matmul
from .shape import cat, narrow
from .solving import solve_triangular

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__: list[str] = []  # they are found in `autodiff.linalg`


def _pivots(a: Any) -> tuple[Any, Any]:
    """Return the row that each step swaps with its own, counted from 1, and the final order of the rows.

    One step at a time for all matrices of the batch.
    """
    m, n = a.shape[-2:]
    work = a.reshape(-1, m, n).copy()
    each, steps = np.arange(len(work)), min(m, n)
    order = np.tile(np.arange(m), (len(work), 1))
    pivots = np.empty((len(work), steps), np.int32)
    for k in range(steps):
        found = np.abs(work[:, k:, k]).argmax(1) + k
        for rows in (work, order):
            rows[each, k], rows[each, found] = rows[each, found], rows[each, k]
        pivots[:, k] = found + 1
        pivot = work[:, k, k, None, None]
        work[:, k + 1 :, k:] -= work[:, k + 1 :, k : k + 1] / np.where(pivot, pivot, 1) * work[:, k : k + 1, k:]
    return pivots.reshape(*a.shape[:-2], steps), order.reshape(*a.shape[:-2], m)


def _order(pivots: Any, m: int) -> Any:
    """Return the order of rows after exchanges."""
    order = np.broadcast_to(np.arange(m), (*pivots.shape[:-1], m)).copy()
    for k in range(pivots.shape[-1]):
        at = pivots[..., k : k + 1].astype(np.intp) - 1
        moved = np.take_along_axis(order, at, -1)
        np.put_along_axis(order, at, order[..., k : k + 1], -1)
        order[..., k : k + 1] = moved
    return order


def _permutation(order: Any, dtype: Any) -> Any:
    """Return the matrices P with P @ x[order] = x."""
    return np.asarray(np.swapaxes(np.eye(order.shape[-1], dtype=dtype)[order], -1, -2))


def _eliminate(a: Any) -> tuple[Tensor, Tensor]:
    """Return L and U of matrices whose rows are in pivot order; each step subtracts a column times a row."""
    columns, rows, k = [], [], min(a.shape[-2:])
    for i in range(k):
        row, column = narrow(a, -2, i, 1), narrow(a, -1, i, 1)
        pivot = narrow(row, -1, i, 1)
        column = column / pivot.where(pivot != 0, 1.0)
        rows.append(row)
        columns.append(column)
        a = a - column * row
    lower = tril(cat(columns, -1), -1) + wrap(np.eye(a.shape[-2], k, dtype=a.dtype))
    return lower, triu(cat(rows, -2))


def _factors(value: Any, name: str, pivot: bool) -> tuple[Any, Any, Any, Any]:
    """Return pivots, permutation, L and U."""
    x = matrices(value, name)
    if not min(x.shape[-2:]):
        raise RuntimeError(f"{name}: expected matrices with elements, got shape {x.shape}")
    m, steps = x.shape[-2], min(x.shape[-2:])

    def found(a: Any) -> tuple[Any, Any]:
        if pivot:
            pivots, order = _pivots(a)
        else:
            pivots = np.broadcast_to(np.arange(1, steps + 1, dtype=np.int32), (*a.shape[:-2], steps)).copy()
            order = np.broadcast_to(np.arange(m), a.shape[:-1])
        return pivots, _permutation(order, a.dtype)

    pivots, p = parts_computed(name, found, x)
    return pivots, p, *_eliminate(matmul(p.mT, x))


def lu(A: Tensor, *, pivot: bool = True) -> return_types.linalg_lu:  # noqa: N803  # PyTorch's name
    """Part matrices into P, L and U, with A = P L U: Gaussian elimination with exchanges of rows.

    Parameters
    ----------
    A : Tensor
        Of shape (..., m, n); for a derivative its first min(m, n) columns are independent.
    pivot : bool, optional
        Bring the largest element to the diagonal at each step.

    Returns
    -------
    (P, L, U)
        A named tuple of shapes (..., m, m), (..., m, k) and (..., k, n), with k = min(m, n).

    Examples
    --------
    >>> ad.linalg.lu(ad.tensor([[1.0, 2.0], [2.0, 6.0]])).U
    tensor([[ 2.,  6.],
            [ 0., -1.]])
    """
    _, p, lower, upper = _factors(A, "lu", pivot)
    return return_types.linalg_lu(p, lower, upper)


def lu_factor(A: Tensor, *, pivot: bool = True) -> return_types.linalg_lu_factor:  # noqa: N803  # PyTorch's name
    """Part matrices as `lu` does, and return L and U in one matrix, for `lu_solve`.

    Returns
    -------
    (LU, pivots)
        A named tuple; the ones on the diagonal of L are left out.

    Examples
    --------
    >>> ad.linalg.lu_factor(ad.tensor([[1.0, 2.0], [2.0, 6.0]]))
    autodiff.return_types.linalg_lu_factor(
    LU=tensor([[ 2.0000,  6.0000],
            [ 0.5000, -1.0000]]), pivots=tensor([2, 2], dtype=int32))
    """
    pivots, _, lower, upper = _factors(A, "lu_factor", pivot)
    m, n = lower.shape[-2], upper.shape[-1]
    lower = tril(lower, -1)
    if m < n:
        lower = cat([lower, wrap(np.zeros((*lower.shape[:-1], n - m), lower.dtype))], -1)
    if m > n:
        upper = cat([upper, wrap(np.zeros((*upper.shape[:-2], m - n, n), upper.dtype))], -2)
    return return_types.linalg_lu_factor(lower + upper, pivots)


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:  # noqa: N803  # PyTorch's names
    """Solve A X = B with what `lu_factor` returned of square matrices A.

    Parameters
    ----------
    LU, pivots : Tensor
        As returned.
    B : Tensor
        Of shape (..., n, k).
    left : bool, optional
        Solve X A = B if False.
    adjoint : bool, optional
        Solve with Aᵀ in the place of A.

    Returns
    -------
    Tensor
        X, of the shape of `B`.

    Examples
    --------
    >>> factors = ad.linalg.lu_factor(ad.tensor([[1.0, 2.0], [2.0, 6.0]]))
    >>> ad.linalg.lu_solve(*factors, ad.tensor([[3.0], [8.0]]))
    tensor([[1.],
            [1.]])
    """
    x, b = matrices(LU, "lu_solve", square=True), matrices(B, "lu_solve")
    if not left:
        return lu_solve(LU, pivots, b.mT, adjoint=not adjoint).mT
    n, dtype = x.shape[-1], x.dtype
    (p,) = parts_computed("lu_solve", lambda at: (_permutation(_order(at, n), dtype),), tensor_of(pivots, "lu_solve"))
    if adjoint:
        y = solve_triangular(x.mT, b, upper=False)
        return matmul(p, solve_triangular(x.mT, y, upper=True, unitriangular=True))
    y = solve_triangular(x, matmul(p.mT, b), upper=False, unitriangular=True)
    return solve_triangular(x, y, upper=True)


def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """Multiply reflections I - τ v vᵀ, and return the first columns of the product.

    Parameters
    ----------
    input : Tensor
        Of shape (..., m, n), m ≥ n: below the diagonal of each column stands its v, whose first element is 1.
    tau : Tensor
        Of shape (..., k), k ≤ n.

    Returns
    -------
    Tensor
        Of shape (..., m, n).

    Examples
    --------
    >>> ad.linalg.householder_product(ad.zeros(2, 2), ad.tensor([2.0, 0.0]))
    tensor([[-1.,  0.],
            [ 0.,  1.]])
    """
    x, scales = matrices(input, "householder_product"), tensor_of(tau, "householder_product")
    m, n = x.shape[-2:]
    if m < n or scales.ndim != x.ndim - 1 or scales.shape[-1] > n:
        raise RuntimeError(f"householder_product: shapes {x.shape} and {scales.shape} are not (..., m, n) and (..., k)")
    eye = wrap(np.eye(m, n, dtype=x.dtype))
    vectors, product = tril(x, -1) + eye, eye
    for i in reversed(range(scales.shape[-1])):
        v = narrow(vectors, -1, i, 1)
        product = product - narrow(scales, -1, i, 1).unsqueeze(-1) * v * matmul(v.mT, product)
    return product  # type: ignore[no-any-return]  # a Tensor
