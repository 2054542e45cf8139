"""Embedding: a learned vector for each of a number of things."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import tensor_of

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .functional._checks import check_sizes
from .functional.layer import check_dense, checked_row
from .module import Module, Parameter


class Embedding(Module):
    """A table whose rows are looked up by number, and learned.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number of rows and their length.
    padding_idx : int, optional
        A row that is 0 and is not learned.
    max_norm : float, optional
        Rows that are looked up and longer than this are shortened to it, in place.
    norm_type : float, optional
        The exponent of the norm that `max_norm` limits.
    scale_grad_by_freq : bool, optional
        Whether to divide the gradient of a row by how often a call looks it up.
    sparse : bool, optional
        Must be False: there are no sparse gradients.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (num_embeddings, embedding_dim), drawn from the standard normal distribution.

    Raises
    ------
    ValueError
        If `padding_idx` is out of range.
    NotImplementedError
        If `sparse` is asked for.

    Examples
    --------
    >>> words = nn.Embedding(10, 3, padding_idx=0)
    >>> words(ad.tensor([[1, 2, 4, 5], [4, 3, 0, 0]])).shape
    (2, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_dense(sparse, "Embedding")
        check_sizes("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None and not isinstance(padding_idx, (int, np.integer)):
            raise TypeError(f"Embedding: padding_idx must be an integer, got {type(padding_idx).__name__}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else checked_row(padding_idx, num_embeddings, "Embedding")
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = Parameter(ad.zeros(num_embeddings, embedding_dim, device=device, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make an embedding of a given table, which is not learned unless `freeze` is False.

        Examples
        --------
        >>> nn.Embedding.from_pretrained(ad.tensor([[1.0, 2.0], [3.0, 4.0]]))(ad.tensor(1))
        tensor([3., 4.])
        """
        embeddings = tensor_of(embeddings, "Embedding")
        if embeddings.ndim != 2:
            raise ValueError(f"Embedding: a table must have two dimensions, got shape {embeddings.shape}")
        rows, columns = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        made = cls(rows, columns, *options)
        made.weight = Parameter(embeddings, requires_grad=not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        """Map numbers of any shape to (*shape, embedding_dim)."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        """Name the sizes and the options that are set."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        limit = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        kind = "" if self.norm_type == 2 else f", norm_type={self.norm_type}"
        scaled = ", scale_grad_by_freq=True" if self.scale_grad_by_freq else ""
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{limit}{kind}{scaled}"


class EmbeddingBag(Module):
    """A table whose rows are looked up in bags, each of which becomes one row; see `nn.functional.embedding_bag`.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number of rows and their length.
    max_norm, norm_type, scale_grad_by_freq : optional
        As for `Embedding`.
    mode : {"mean", "sum", "max"}, optional
    sparse : bool, optional
        Must be False: there are no sparse gradients.
    _weight : Tensor, optional
        The table, in place of one that is drawn.
    include_last_offset : bool, optional
        Whether the last of the offsets is the end of the last bag.
    padding_idx : int, optional
        A row that is left out of its bag, and is 0.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (num_embeddings, embedding_dim), drawn from the standard normal distribution.

    Examples
    --------
    >>> words = nn.EmbeddingBag(10, 3, mode="sum")
    >>> words(ad.tensor([1, 2, 4, 5]), ad.tensor([0, 3])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_dense(sparse, "EmbeddingBag")
        check_sizes("EmbeddingBag", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset
        self.padding_idx = None if padding_idx is None else checked_row(padding_idx, num_embeddings, "EmbeddingBag")
        if _weight is None:
            self.weight = Parameter(ad.zeros(num_embeddings, embedding_dim, device=device, dtype=dtype))
            self.reset_parameters()
        else:
            self.weight = Parameter(tensor_of(_weight, "EmbeddingBag"))

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, **options: Any) -> EmbeddingBag:
        """Make one of a given table, which is not learned unless `freeze` is False."""
        rows, columns = tensor_of(embeddings, "EmbeddingBag").shape
        made = cls(rows, columns, _weight=embeddings, **options)
        made.weight.requires_grad_(not freeze)
        return made

    def reset_parameters(self) -> None:
        """Draw the rows anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """Map numbers in bags to (bags, embedding_dim)."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
            self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Name the sizes and the mode."""
        limit = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        kind = "" if self.norm_type == 2 else f", norm_type={self.norm_type}"
        scaled = ", scale_grad_by_freq=True" if self.scale_grad_by_freq else ""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{limit}{kind}{scaled}, mode={self.mode!r}{padding}"
