"""Rows of a table looked up in bags, each of which becomes one row."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import computed, tensor_of
from autodiff.tracing import values

from .layer import check_dense, checked_row, embedding

__all__ = ["embedding_bag"]


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Look up rows of a table and reduce each bag of them to one.

    Parameters
    ----------
    input : Tensor of integers
        The numbers of the rows: of shape (bags, length), or (n,) with `offsets`.
    weight : Tensor
        The table, of shape (num_embeddings, embedding_dim).
    offsets : Tensor of integers, optional
        Where each bag begins in an `input` of one dimension.
    max_norm, norm_type, scale_grad_by_freq, sparse : optional
        As for `embedding`.
    mode : {"mean", "sum", "max"}, optional
    per_sample_weights : Tensor, optional
        A factor for each row, with "sum" alone.
    include_last_offset : bool, optional
        Whether the last of the offsets is the end of the last bag.
    padding_idx : int, optional
        A row that is left out of its bag.

    Returns
    -------
    Tensor
        Of shape (bags, embedding_dim); 0 for an empty bag.

    Raises
    ------
    ValueError
        If the offsets do not fit, or the mode is none of these.
    NotImplementedError
        If weights come with another mode than "sum".

    Examples
    --------
    >>> table = ad.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> F.embedding_bag(ad.tensor([0, 1, 2]), table, ad.tensor([0, 2]))
    tensor([[2., 3.],
            [5., 6.]])
    """
    check_dense(sparse, "embedding_bag")
    if mode not in ("mean", "sum", "max"):
        raise ValueError(f"embedding_bag: mode must be 'mean', 'sum' or 'max', got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights go with mode='sum', got {mode!r}")
    at, w = tensor_of(input, "embedding_bag"), tensor_of(weight, "embedding_bag")
    bags, count = _bags(at, offsets, include_last_offset)
    if per_sample_weights is not None and per_sample_weights.shape != at.shape:
        raise ValueError(f"embedding_bag: expected weights of shape {at.shape}, got {per_sample_weights.shape}")
    numbers = at.reshape(-1)
    rows = embedding(numbers, w, None, max_norm, norm_type, scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    if padding_idx is not None:
        read = values(numbers, "padding_idx of bags", "leave the padding out, or multiply by per_sample_weights")
        kept = ad.from_numpy(np.flatnonzero(read != checked_row(padding_idx, len(w), "embedding_bag")))
        rows, bags = rows[kept], bags[kept]
    if mode == "max":
        of = values(bags, "mode='max' of bags", "take the largest of embedding(input), bag by bag")
        parts = [rows[ad.from_numpy(np.flatnonzero(of == k))] for k in range(count)]
        empty = rows[:0].sum(0)
        return ad.stack([part.max(0).values if len(part) else empty for part in parts]) if parts else rows[:0]
    places = bags.reshape(-1, 1).expand(len(bags), w.shape[1])
    total = ad.scatter_add(rows.new_zeros(count, w.shape[1]), 0, places, rows)
    if mode == "sum":
        return total
    sizes = ad.scatter_add(ad.zeros(count), 0, bags, ad.ones(len(bags))).clamp(min=1)  # 1 for what has no rows
    averages: Tensor = total / sizes.reshape(-1, 1).to(w.dtype)
    return averages


def _bags(at: Tensor, offsets: Tensor | None, has_end: bool) -> tuple[Tensor, int]:
    """Return the bag of each number, and how many bags there are."""
    if at.ndim == 2:
        if offsets is not None:
            raise ValueError("embedding_bag: an input of 2 dimensions has its bags as rows; give no offsets")
        return ad.from_numpy(np.repeat(np.arange(at.shape[0]), at.shape[1])), at.shape[0]
    if at.ndim != 1 or offsets is None or offsets.ndim != 1:
        raise ValueError(
            f"embedding_bag: expected an input of 2 dimensions, or of 1 with offsets of 1, got shape {at.shape}"
        )
    size, count = len(at), len(offsets) - bool(has_end)
    return computed("bags of offsets", lambda starts: _bags_from(starts, size, count), offsets), count


def _bags_from(starts: Any, size: int, count: int) -> Any:
    """Return the bag of each of so many numbers, from where each bag starts."""
    if len(starts) and (starts[0] != 0 or np.any(np.diff(starts) < 0) or starts[-1] > size):
        raise ValueError(f"embedding_bag: offsets must rise from 0 to at most {size}, got {starts.tolist()}")
    ends = np.append(starts[1:], starts[-1:] if count < len(starts) else size)[:count]
    return np.repeat(np.arange(count), ends - starts[:count])
