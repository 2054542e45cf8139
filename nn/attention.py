"""Multi-head attention: several attentions side by side, each to its own projection of the input."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .functional._checks import check_dtypes, check_sizes, checked_floats, checked_probability
from .functional.attention import additive, attention_weights
from .linear import Linear
from .module import Module, Parameter


class MultiheadAttention(Module):
    """Attention with several heads, each to a part of the projected queries, keys and values.

    Parameters
    ----------
    embed_dim : int
        The size of queries and of the output.
    num_heads : int
        Into how many parts it is divided.
    dropout : float, optional
        The probability with which, in training, a weight becomes 0.
    bias : bool, optional
        Whether the projections have biases.
    add_bias_kv : bool, optional
        Whether a learned key and value are added to each sequence.
    add_zero_attn : bool, optional
        Whether a key and a value of zeros are added.
    kdim, vdim : int, optional
        The sizes of keys and values; `embed_dim` unless given.
    batch_first : bool, optional
        Whether batches are (N, L, E) instead of (L, N, E).
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    in_proj_weight : Parameter or None
        Of shape (3 · embed_dim, embed_dim): what queries, keys and values are projected with. With sizes of their own
        there are `q_proj_weight`, `k_proj_weight` and `v_proj_weight` of shape (embed_dim, size) instead.
    in_proj_bias : Parameter or None
        Of shape (3 · embed_dim,).
    out_proj : Linear
        What the heads' outputs, side by side, are projected with.
    bias_k, bias_v : Parameter or None
        Of shape (1, 1, embed_dim).

    Raises
    ------
    ValueError
        If `embed_dim` is not a positive multiple of `num_heads`.

    Examples
    --------
    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = ad.zeros(3, 5, 8)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_sizes(name, embed_dim=embed_dim, num_heads=num_heads)
        if not embed_dim or not num_heads or embed_dim % num_heads:
            raise ValueError(
                f"{name}: embed_dim must be a positive multiple of num_heads, got {embed_dim}, {num_heads}"
            )
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim, self.vdim = embed_dim if kdim is None else kdim, embed_dim if vdim is None else vdim
        check_sizes(name, kdim=self.kdim, vdim=self.vdim)
        self.dropout, self.batch_first = checked_probability(dropout, name), batch_first
        self.add_zero_attn = add_zero_attn
        alike = self.kdim == self.vdim == embed_dim
        shapes = {} if alike else {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        for which, size in shapes.items():
            self.register_parameter(
                f"{which}_proj_weight", Parameter(ad.zeros(embed_dim, size, device=device, dtype=dtype))
            )
        joint = Parameter(ad.zeros(3 * embed_dim, embed_dim, device=device, dtype=dtype)) if alike else None
        self.register_parameter("in_proj_weight", joint)
        for which in () if shapes else "qkv":
            self.register_parameter(f"{which}_proj_weight", None)
        self.register_parameter(
            "in_proj_bias", Parameter(ad.zeros(3 * embed_dim, device=device, dtype=dtype)) if bias else None
        )
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        for which in ("bias_k", "bias_v"):
            self.register_parameter(
                which, Parameter(ad.zeros(1, 1, embed_dim, device=device, dtype=dtype)) if add_bias_kv else None
            )
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the parameters anew: weights as Glorot and Bengio do, biases 0."""
        for weight in self._in_weights():
            init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for added in (self.bias_k, self.bias_v):
            if added is not None:
                init.xavier_normal_(added)

    def _in_weights(self) -> list[Parameter]:
        """Return the weights of the projections: one for all three, or three."""
        if self.in_proj_weight is not None:
            return [self.in_proj_weight]
        return [getattr(self, f"{which}_proj_weight") for which in "qkv"]

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Let queries attend to keys.

        Parameters
        ----------
        query : Tensor
            Of shape (L, N, embed_dim), (N, L, embed_dim) if `batch_first`, or (L, embed_dim).
        key, value : Tensor
            Likewise, of length S and of sizes kdim and vdim.
        key_padding_mask : Tensor, optional
            Of shape (N, S), or (S,): booleans, True for keys to be ignored, or floats to be added to the scores.
        need_weights : bool, optional
            Whether to return the weights, too.
        attn_mask : Tensor, optional
            Of shape (L, S) or (N · num_heads, L, S): booleans, True where a query must not attend to a key (the other
            way round than in `nn.functional.scaled_dot_product_attention`), or floats to be added.
        average_attn_weights : bool, optional
            Whether to return the average of the heads' weights.
        is_causal : bool, optional
            Says that `attn_mask` hides later keys, which it must do by itself.

        Returns
        -------
        output : Tensor
            Of the shape of the query.
        weights : Tensor or None
            Of shape (N, L, S), or (N, num_heads, L, S) if not averaged; without N if there is no batch.

        Raises
        ------
        RuntimeError
            If shapes or dtypes do not fit, or `is_causal` comes without a mask.
        """
        q, k, v = self._read(query, key, value)
        if is_causal and attn_mask is None:
            raise RuntimeError(
                "MultiheadAttention: is_causal=True only says what attn_mask is; pass "
                "nn.Transformer.generate_square_subsequent_mask(L)"
            )
        batched = q.ndim == 3
        q, k, v = (self._heads(x) for x in self._projected(q, k, v))
        mask = self._mask(q, k, key_padding_mask, attn_mask)
        k, v, mask = self._extended(k, v, mask)
        y, weights = self._attended(q, k, v, mask, need_weights)
        order = (0, 2, 1, 3) if self.batch_first and batched else (2, 0, 1, 3)
        y = self.out_proj(y.permute(*order).reshape(query.shape))
        if weights is None:
            return y, None
        weights = weights.mean(1) if average_attn_weights else weights
        return y, weights if batched else weights.squeeze(0)

    def _read(self, *given: Any) -> list[Tensor]:
        """Return query, key and value, checked."""
        name, what = "MultiheadAttention", ("query", "key", "value")
        tensors = [checked_floats(t, name) for t in given]
        check_dtypes(name, *tensors, self.out_proj.weight)
        q, k, v = tensors
        for t, n, size in zip(tensors, what, (self.embed_dim, self.kdim, self.vdim), strict=True):
            if t.ndim not in (2, 3) or t.ndim != q.ndim or t.shape[-1] != size:
                raise RuntimeError(
                    f"{name}: expected a {n} of 2 dimensions, or 3 with a batch, the last of size {size}, got shapes "
                    + ", ".join(str(t.shape) for t in tensors)
                )
        batch = 0 if self.batch_first else 1
        if k.shape[:-1] != v.shape[:-1] or (q.ndim == 3 and q.shape[batch] != k.shape[batch]):
            raise RuntimeError(
                f"{name}: key and value need one length, and all of them one batch, got shapes {q.shape}, {k.shape} "
                f"and {v.shape}" + ("" if self.batch_first or q.ndim == 2 else "; is it meant to be batch_first=True?")
            )
        return tensors

    def _projected(self, q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
        """Return the projections of queries, keys and values."""
        weights: list[Tensor] = [*self._in_weights()]
        if len(weights) == 1:
            weights = [*ad.chunk(weights[0], 3)]
        biases = (None,) * 3 if self.in_proj_bias is None else ad.chunk(self.in_proj_bias, 3)
        return [F.linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases, strict=True)]

    def _heads(self, x: Tensor) -> Tensor:
        """Part (L, N, E), or (N, L, E), into heads, (N, num_heads, L, head_dim)."""
        if x.ndim == 2:
            x = x.unsqueeze(1)
            order = (1, 2, 0, 3)
        else:
            order = (0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3)
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).permute(*order)

    def _mask(self, q: Tensor, k: Tensor, padding: Any, mask: Any) -> Tensor | None:
        """Return both masks as one that is added to the scores."""
        name = "MultiheadAttention"
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

    def _extended(self, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Add the learned key and value and those of zeros, which no mask hides."""
        one = (k.shape[0], self.num_heads, 1, self.head_dim)
        added: list[tuple[Tensor, Tensor]] = []
        if self.bias_k is not None and self.bias_v is not None:
            rows = [ad.broadcast_to(b.reshape(1, *one[1:]), one) for b in (self.bias_k, self.bias_v)]
            added.append((rows[0], rows[1]))
        if self.add_zero_attn:
            added.append((ad.zeros(*one, dtype=k.dtype),) * 2)
        if added:
            k, v = (ad.cat([x, *(pair[i] for pair in added)], 2) for i, x in enumerate((k, v)))
            mask = None if mask is None else F.pad(mask, (0, len(added)))
        return k, v, mask

    def _attended(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        p = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, mask, p), None
        weights = F.dropout(attention_weights(q, k, mask, 1 / math.sqrt(self.head_dim)), p)
        return weights @ v, weights
