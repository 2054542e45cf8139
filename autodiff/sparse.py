"""PyTorch's sparse tensors under their names: here they are dense, and so are their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .creation import as_tensor, zeros
from .functions.linalg import mm as dense_mm
from .tensor import Tensor

__all__ = ["FloatTensor", "addmm", "mm", "softmax", "sparse_coo_tensor", "sum"]


def sparse_coo_tensor(
    indices: Any,
    values: Any,
    size: Sequence[int] | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> Tensor:
    """Return the dense tensor that has these values at these places, added up where a place comes twice, and zeros.

    Parameters
    ----------
    indices : array_like of int
        Of shape (dimensions, count).
    values : array_like
        Of shape (count, ...).
    size : sequence of int, optional
        The shape; as large as the indices ask for unless given.
    dtype, device, requires_grad : optional
    check_invariants, is_coalesced : bool, optional
        Without effect.

    Returns
    -------
    Tensor
        Dense: it takes the memory of all its elements.

    Raises
    ------
    RuntimeError
        If the indices do not fit.

    Examples
    --------
    >>> ad.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3))
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    at, x = as_tensor(indices).long(), as_tensor(values, dtype=dtype, device=device)
    if at.ndim != 2 or at.shape[1] != x.shape[0]:
        raise RuntimeError(f"sparse_coo_tensor: expected indices of shape (dimensions, {x.shape[0]}), got {at.shape}")
    shape = (*(at.max(1).values + 1).tolist(), *x.shape[1:]) if size is None else tuple(size)
    made = zeros(*shape, dtype=x.dtype).index_put(tuple(at), x, accumulate=True)
    return made.detach().requires_grad_() if requires_grad else made


FloatTensor = sparse_coo_tensor


def mm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """Multiply matrices: as `autodiff.mm`.

    Examples
    --------
    >>> ad.sparse.mm(ad.eye(2), ad.ones(2, 1)).tolist()
    [[1.0], [1.0]]
    """
    return dense_mm(mat1, mat2)


def addmm(mat: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Add a product of matrices to a matrix: as `autodiff.addmm`."""
    return mat.addmm(mat1, mat2, beta=beta, alpha=alpha)


def sum(input: Tensor, dim: Any = None, dtype: Any = None) -> Tensor:  # PyTorch's name
    """Add up elements: as `autodiff.sum`."""
    return input.sum(dtype=dtype) if dim is None else input.sum(dim, dtype=dtype)


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """Softmax over the elements that are not 0, as PyTorch's over those that are stored."""
    x = input if dtype is None else input.to(dtype)
    return x.masked_fill(x == 0, -float("inf")).softmax(dim).nan_to_num(0.0)
