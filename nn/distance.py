"""Distances and similarities as modules."""

from __future__ import annotations

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .module import Module


class CosineSimilarity(Module):
    """Cosine of the angle between vectors; see `nn.functional.cosine_similarity`.

    Parameters
    ----------
    dim : int, optional
        The dimension along which the vectors lie.
    eps : float, optional
        The least length by which is divided.

    Examples
    --------
    >>> nn.CosineSimilarity()(ad.tensor([[1.0, 0.0]]), ad.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Map two tensors to one without `dim`."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """Distance of vectors along the last dimension; see `nn.functional.pairwise_distance`.

    Parameters
    ----------
    p : float, optional
        The exponent of the norm.
    eps : float, optional
        What is added to each difference.
    keepdim : bool, optional
        Whether the last dimension stays, with size 1.

    Examples
    --------
    >>> nn.PairwiseDistance()(ad.tensor([[3.0, 4.0]]), ad.tensor([[0.0, 0.0]]))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Map two tensors (..., D) to (...)."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
