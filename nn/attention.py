"""Multi-head attention: several attentions side by side, each to its own projection of the input."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.backends.attention import SDPBackend as SDPBackend
from autodiff.backends.attention import sdpa_kernel as sdpa_kernel
from autodiff.kernels.errors import ValueAssertionError

from . import init
from .functional._checks import check_sizes, checked_probability
from .functional.heads import Projections, attend
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
            raise ValueAssertionError(
                f"{name}: embed_dim must be divisible by num_heads, both positive, got {embed_dim}, {num_heads}"
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
        y, weights = attend(
            "MultiheadAttention",
            (query, key, value),
            Projections(self._in_weights(), self.in_proj_bias, (self.kdim, self.vdim)),
            (self.bias_k, self.bias_v),
            num_heads=self.num_heads,
            batch_first=self.batch_first,
            zero=self.add_zero_attn,
            masks=(key_padding_mask, attn_mask),
            is_causal=is_causal,
            dropout_p=self.dropout if self.training else 0.0,
            need_weights=need_weights,
            average=average_attn_weights,
        )
        return self.out_proj(y), weights
