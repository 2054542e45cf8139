"""Multi-head attention as a function: the heads attend side by side."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_dtypes, floats_of

from .attention import additive, attention_weights, scaled_dot_product_attention
from .convolution import pad
from .layer import dropout, linear

__all__ = ["multi_head_attention_forward"]


class Projections(NamedTuple):
    """What queries, keys and values are projected with: one weight or three, a bias or None, sizes of keys, values."""

    weights: Any
    bias: Tensor | None
    sizes: tuple[int, int]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention with several heads, with weights that are handed in; `nn.MultiheadAttention` explains it.

    Parameters
    ----------
    query, key, value : Tensor
        Of shape (L, N, E) and (S, N, ...), or without N.
    embed_dim_to_check, num_heads : int
        E, and into how many heads it is parted.
    in_proj_weight, in_proj_bias : Tensor or None
        Of shape (3 E, E) and (3 E,).
    bias_k, bias_v : Tensor or None
        A key and a value that are added, of shape (1, 1, E).
    add_zero_attn : bool
        Whether a key and a value of zeros are added.
    dropout_p : float
        The probability with which, in training, a weight becomes 0.
    out_proj_weight, out_proj_bias : Tensor
        What the heads' outputs, side by side, are projected with.
    training, need_weights, average_attn_weights, is_causal : bool, optional
    key_padding_mask, attn_mask : Tensor, optional
    use_separate_proj_weight : bool, optional
        Whether there are three weights, `q_proj_weight`, `k_proj_weight` and `v_proj_weight`, instead of one.
    static_k, static_v : None
        Must be None.

    Returns
    -------
    output : Tensor
        Of the shape of the query.
    weights : Tensor or None

    Raises
    ------
    RuntimeError
        If shapes or dtypes do not fit.
    NotImplementedError
        If `static_k` or `static_v` is given.

    Examples
    --------
    >>> x, w = ad.ones(3, 1, 4), ad.eye(4)
    >>> y, weights = F.multi_head_attention_forward(
    ...     x, x, x, 4, 2, ad.cat([w, w, w]), None, None, None, False, 0.0, w, None)
    >>> y.shape, weights.shape
    ((3, 1, 4), (1, 3, 3))
    """
    name = "multi_head_attention_forward"
    if static_k is not None or static_v is not None:
        raise NotImplementedError(f"{name}: static_k and static_v must be None")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    given = separate if use_separate_proj_weight else (in_proj_weight,)
    weights = [floats_of(w, f"{name}: a weight of the projections") for w in given]
    if embed_dim_to_check != query.shape[-1] or embed_dim_to_check % num_heads:
        raise RuntimeError(f"{name}: a query of shape {query.shape} does not have {num_heads} heads of "
                           f"{embed_dim_to_check} numbers")  # fmt: skip
    y, found = attend(
        name,
        (query, key, value),
        Projections(weights, in_proj_bias, (weights[len(weights) // 2].shape[1], weights[-1].shape[1])),
        (bias_k, bias_v),
        num_heads=num_heads,
        batch_first=False,
        zero=add_zero_attn,
        masks=(key_padding_mask, attn_mask),
        is_causal=is_causal,
        dropout_p=dropout_p if training else 0.0,
        need_weights=need_weights,
        average=average_attn_weights,
    )
    return linear(y, out_proj_weight, out_proj_bias), found


def attend(
    name: str,
    given: tuple[Any, Any, Any],
    projections: Projections,
    added: tuple[Tensor | None, Tensor | None],
    *,
    num_heads: int,
    batch_first: bool,
    zero: bool,
    masks: tuple[Any, Any],
    is_causal: bool,
    dropout_p: float,
    need_weights: bool,
    average: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the heads' outputs side by side, of the shape of the query, and their weights."""
    q, k, v = _read(name, given, projections, batch_first)
    shape, batched = q.shape, q.ndim == 3
    if is_causal and masks[1] is None:
        raise RuntimeError(
            f"{name}: is_causal=True only says what attn_mask is; pass "
            "nn.Transformer.generate_square_subsequent_mask(L)"
        )
    q, k, v = (_heads(x, num_heads, batch_first) for x in _project(q, k, v, projections))
    mask = _mask(name, q, k, *masks)
    k, v, mask = _extend(k, v, mask, added, zero)
    if not need_weights:
        y, weights = scaled_dot_product_attention(q, k, v, mask, dropout_p), None
    else:
        weights = dropout(attention_weights(q, k, mask, 1 / math.sqrt(q.shape[-1])), dropout_p)
        y = weights @ v
    order = (0, 2, 1, 3) if batch_first and batched else (2, 0, 1, 3)
    y = y.permute(*order).reshape(shape)
    if weights is None:
        return y, None
    weights = weights.mean(1) if average else weights
    return y, weights if batched else weights.squeeze(0)


def _read(name: str, given: tuple[Any, ...], projections: Projections, batch_first: bool) -> list[Tensor]:
    """Return query, key and value, checked."""
    tensors = [floats_of(t, name) for t in given]
    check_dtypes(name, *tensors, projections.weights[0])
    q, k, v = tensors
    sizes = (projections.weights[0].shape[1], *projections.sizes)
    for t, n, size in zip(tensors, ("query", "key", "value"), sizes, strict=True):
        if t.ndim not in (2, 3) or t.ndim != q.ndim or t.shape[-1] != size:
            raise RuntimeError(
                f"{name}: expected a {n} of 2 dimensions, or 3 with a batch, the last of size {size}, got shapes "
                + ", ".join(str(t.shape) for t in tensors)
            )
    batch = 0 if batch_first else 1
    if k.shape[:-1] != v.shape[:-1] or (q.ndim == 3 and q.shape[batch] != k.shape[batch]):
        raise RuntimeError(
            f"{name}: key and value need one length, and all of them one batch, got shapes {q.shape}, {k.shape} "
            f"and {v.shape}" + ("" if batch_first or q.ndim == 2 else "; is it meant to be batch_first=True?")
        )
    return tensors


def _project(q: Tensor, k: Tensor, v: Tensor, projections: Projections) -> list[Tensor]:
    """Return the projections of queries, keys and values."""
    weights: list[Tensor] = [*projections.weights]
    if len(weights) == 1:
        weights = [*ad.chunk(weights[0], 3)]
    biases = (None,) * 3 if projections.bias is None else ad.chunk(projections.bias, 3)
    return [linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases, strict=True)]


def _heads(x: Tensor, count: int, batch_first: bool) -> Tensor:
    """Part (L, N, E), or (N, L, E), into heads, (N, count, L, E / count)."""
    if x.ndim == 2:
        x = x.unsqueeze(1)
        order = (1, 2, 0, 3)
    else:
        order = (0, 2, 1, 3) if batch_first else (1, 2, 0, 3)
    return x.reshape(*x.shape[:2], count, x.shape[2] // count).permute(*order)


def _mask(name: str, q: Tensor, k: Tensor, padding: Any, mask: Any) -> Tensor | None:
    """Return both masks as one that is added to the scores."""
    pad = additive(padding, q, name, "key_padding_mask", keeps=False)
    add = additive(mask, q, name, keeps=False)
    batch, heads, length, keys = *q.shape[:3], k.shape[2]
    if pad is not None:
        if pad.shape != (batch, keys) and not (batch == 1 and pad.shape == (keys,)):
            raise RuntimeError(f"{name}: key_padding_mask must have shape {(batch, keys)}, got {pad.shape}")
        pad = pad.reshape(batch, 1, 1, keys)
    if add is not None:
        if add.shape not in ((length, keys), (batch * heads, length, keys)):
            raise RuntimeError(
                f"{name}: attn_mask must have shape {(length, keys)} or {(batch * heads, length, keys)}, "
                f"got {add.shape}"
            )
        add = add if add.ndim == 2 else add.reshape(batch, heads, length, keys)
    return add if pad is None else pad if add is None else pad + add


def _extend(
    k: Tensor, v: Tensor, mask: Tensor | None, biases: tuple[Tensor | None, Tensor | None], zero: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Add the learned key and value and those of zeros, which no mask hides."""
    one = (k.shape[0], k.shape[1], 1, k.shape[3])
    added: list[tuple[Tensor, Tensor]] = []
    if biases[0] is not None and biases[1] is not None:
        rows = [ad.broadcast_to(b.reshape(1, *one[1:]), one) for b in biases if b is not None]
        added.append((rows[0], rows[1]))
    if zero:
        added.append((ad.zeros(*one, dtype=k.dtype),) * 2)
    if added:
        k, v = (ad.cat([x, *(pair[i] for pair in added)], 2) for i, x in enumerate((k, v)))
        mask = None if mask is None else pad(mask, (0, len(added)))
    return k, v, mask
