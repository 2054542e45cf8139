"""Attention: averages of values, weighted by how well their keys match a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_dtypes, floats_of, tensor_of
from autodiff.tensor import from_array
from autodiff.tracing import decided

from .layer import dropout

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attention of queries to keys: ``softmax(query @ keyᵀ · scale + mask) @ value``.

    Parameters
    ----------
    query : Tensor
        Of shape (..., L, E).
    key : Tensor
        Of shape (..., S, E).
    value : Tensor
        Of shape (..., S, Ev).
    attn_mask : Tensor, optional
        Of a shape that broadcasts to (..., L, S). Of booleans, True where a query may attend to a key; of floats, what
        is added to the scores. A query that may attend to no key gets 0.
    dropout_p : float, optional
        The probability with which a weight becomes 0. There is no training mode here: pass 0 in evaluation.
    is_causal : bool, optional
        Whether query i attends to the keys 0 to i alone; not together with a mask.
    scale : float, optional
        1 / √E unless given.
    enable_gqa : bool, optional
        Whether there are more heads of queries, in the third dimension from the end, than of keys and values; each of
        these then serves several of those.

    Returns
    -------
    Tensor
        Of shape (..., L, Ev).

    Raises
    ------
    RuntimeError
        If the shapes or dtypes do not fit, or there are a mask and `is_causal`.

    Examples
    --------
    >>> q, k, v = ad.tensor([[2.0, 0.0]]), ad.tensor([[1.0, 0.0], [0.0, 1.0]]), ad.tensor([[1.0], [0.0]])
    >>> F.scaled_dot_product_attention(q, k, v)
    tensor([[0.8044]])

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Ainslie et al., arXiv:2305.13245 (grouped queries).
    """
    name = "scaled_dot_product_attention"
    q, k, v = (floats_of(t, name) for t in (query, key, value))
    check_dtypes(name, q, k, v)
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(f"{name}: expected at least 2 dimensions, got shapes {q.shape}, {k.shape} and {v.shape}")
    if enable_gqa:
        k, v = _for_each_query_head(q, k, name), _for_each_query_head(q, v, name)
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise RuntimeError(
            f"{name}: a query of shape {q.shape}, a key of shape {k.shape} and a value of shape {v.shape} do not fit: "
            "expected (..., L, E), (..., S, E) and (..., S, Ev)"
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{name}: with is_causal=True there must be no attn_mask")
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    if is_causal:
        mask: Tensor | None = causal_mask(q.shape[-2], k.shape[-2], q.dtype)
        dead = None
    else:
        mask, dead = _without_dead_rows(additive(attn_mask, q, name))
    weights = attention_weights(q, k, mask, factor)
    if dead is not None:
        weights = weights.masked_fill(dead, 0.0)
    return (dropout(weights, dropout_p) if dropout_p else weights) @ v


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """Return the weight of each key for each query, (..., L, S)."""
    scores = (query * scale) @ key.mT  # the query is the smaller one to scale
    return ad.softmax(scores if mask is None else scores + mask, -1)


def causal_mask(queries: int, keys: int, dtype: np.dtype[Any]) -> Tensor:
    """Return what hides from each query the keys that come after it."""
    return from_array(np.triu(np.full((queries, keys), -np.inf, dtype), 1))


def additive(mask: Any, like: Tensor, name: str, what: str = "attn_mask", keeps: bool = True) -> Tensor | None:
    """Return a mask as what is added to scores; booleans tell what is kept, or what is not."""
    if mask is None:
        return None
    m = tensor_of(mask, name)
    if m.dtype.kind == "b":
        none, all_ = (from_array(like.dtype.type(x)) for x in (0, -np.inf))
        return ad.where(m, none, all_) if keeps else ad.where(m, all_, none)
    if m.dtype != like.dtype:
        raise RuntimeError(f"{name}: {what} must hold booleans or {like.dtype} like the query, got {m.dtype}")
    return m


def _without_dead_rows(mask: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Part a mask into one that leaves each query a key, and where it left none: softmax would give NaN there."""
    if mask is None:
        return None, None
    if decided(lambda a: not (a == -np.inf).all(axis=-1).any(), mask, always=False):
        return mask, None
    dead = (mask == -np.inf).all(-1, keepdim=True)
    return mask.masked_fill(dead, 0.0), dead


def _for_each_query_head(query: Tensor, x: Tensor, name: str) -> Tensor:
    """Repeat heads of keys or values so that there is one for each head of queries."""
    if query.ndim < 3 or x.ndim < 3 or not x.shape[-3] or query.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            f"{name}: with enable_gqa the heads of queries must be a multiple of those of keys and values, got shapes "
            f"{query.shape} and {x.shape}"
        )
    *lead, heads, n, size = x.shape
    times = query.shape[-3] // heads
    return ad.broadcast_to(x.unsqueeze(-3), (*lead, heads, times, n, size)).reshape(*lead, heads * times, n, size)
