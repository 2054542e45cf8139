"""Weights whose rows or columns are orthonormal, as a parametrization."""

from __future__ import annotations

from typing import TypeVar

import autodiff as ad
from autodiff import Tensor
from autodiff.linalg import householder_product

from ..module import Module
from .norms import parameter_of
from .parametrize import register_parametrization

__all__ = ["orthogonal"]

M = TypeVar("M", bound=Module)
_MAPS = ("matrix_exp", "cayley", "householder")


def _orthonormal(columns: Tensor) -> Tensor:
    """Return columns that span the same; those that are orthonormal stay as they are."""
    q, r = ad.linalg.qr(columns)
    return q * ad.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).unsqueeze(-2)


class _Orthogonal(Module):
    """A matrix of orthonormal columns, or rows, from one of any numbers."""

    def __init__(self, map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.map = map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
        wide = X.shape[-2] < X.shape[-1]
        q = self._columns(X.mT if wide else X)
        if getattr(self, "base", None) is not None:
            q = self.base @ q
        return q.mT if wide else q

    def _columns(self, x: Tensor) -> Tensor:
        n, k = x.shape[-2:]
        if self.map == "householder":
            a = x.tril(-1)
            signs = x.diagonal(dim1=-2, dim2=-1).int().to(x.dtype).unsqueeze(-2)
            return householder_product(a, 2 / (1 + (a * a).sum(-2))) * signs
        x = x.tril()
        if n > k:
            x = ad.cat([x, x.new_zeros((*x.shape[:-2], n, n - k))], -1)
        skew = x - x.mT
        if self.map == "matrix_exp":
            return ad.matrix_exp(skew)[..., :k]
        eye = ad.eye(n, dtype=x.dtype)
        return ad.linalg.solve(eye - 0.5 * skew, eye + 0.5 * skew)[..., :k]

    def right_inverse(self, Q: Tensor) -> Tensor:  # noqa: N803  # PyTorch's name
        """Keep a matrix, made orthogonal, as the base, and return what maps to it."""
        if "base" not in self._buffers:
            raise NotImplementedError("orthogonal: without use_trivialization no matrix can be assigned")
        wide = Q.shape[-2] < Q.shape[-1]
        columns = Q.mT if wide else Q
        n, k = columns.shape[-2:]
        if n > k:
            columns = ad.cat([columns, ad.randn(*columns.shape[:-2], n, n - k, dtype=Q.dtype)], -1)
        self.base = _orthonormal(columns)
        made = ad.zeros_like(Q)
        made.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return made


def orthogonal(
    module: M, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> M:
    """Keep a weight orthogonal while it learns: its columns are orthonormal, or its rows where these are fewer.

    Parameters
    ----------
    module : Module
    name : str, optional
    orthogonal_map : {"matrix_exp", "cayley", "householder"}, optional
        How any matrix becomes an orthogonal one; ``"matrix_exp"`` for square weights, else ``"householder"``, unless
        given.
    use_trivialization : bool, optional
        Multiply by the weight as it was last assigned, so that learning starts there. Without it, "householder" is
        refused, and the weight starts with what the map makes of it.

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        If the weight has fewer than 2 dimensions, the map is unknown, or the module has no such parameter.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 2))
    >>> bool(ad.allclose(layer.weight @ layer.weight.T, ad.eye(2), atol=1e-6))
    True

    References
    ----------
    Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", NeurIPS 2019.
    """
    weight = parameter_of(module, name, "orthogonal")
    if weight.ndim < 2:
        raise ValueError(f"orthogonal: expected a weight of at least 2 dimensions, got shape {weight.shape}")
    if orthogonal_map not in (None, *_MAPS):
        raise ValueError(f"orthogonal: the map must be one of {_MAPS}, got {orthogonal_map!r}")
    chosen = orthogonal_map or ("matrix_exp" if weight.shape[-1] == weight.shape[-2] else "householder")
    if chosen == "householder" and not use_trivialization:
        raise NotImplementedError("orthogonal: 'householder' needs use_trivialization; take 'matrix_exp' or 'cayley'")
    register_parametrization(module, name, _Orthogonal(chosen, use_trivialization), unsafe=True)
    return module
