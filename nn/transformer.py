"""The Transformer: layers of attention and of two affine maps, stacked into an encoder and a decoder."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from autodiff import Tensor, dtypes
from autodiff.functions.arguments import floats_of

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .attention import MultiheadAttention
from .container import ModuleList
from .functional._checks import check_sizes
from .functional.attention import causal_mask
from .linear import Linear
from .module import Module
from .normalization import LayerNorm
from .shaping import Dropout

Activation = str | Callable[[Tensor], Tensor]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu}


def _activation(given: Any, name: str) -> Callable[[Tensor], Tensor]:
    """Return an activation given by name or as a function."""
    chosen: Any = _ACTIVATIONS.get(given) if isinstance(given, str) else given
    if not callable(chosen):
        raise RuntimeError(f"{name}: activation must be 'relu', 'gelu' or a function, got {given!r}")
    return chosen  # type: ignore[no-any-return]  # a callable


class _Layer(Module):
    """What layers of encoders and decoders share: the two affine maps, normalizations, and in which order they come."""

    _norms: int

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_sizes(type(self).__name__, dim_feedforward=dim_feedforward)
        chosen = _activation(activation, type(self).__name__)
        self.self_attn = MultiheadAttention(
            d_model, nhead, dropout, bias, batch_first=batch_first, device=device, dtype=dtype
        )
        if self._norms == 3:
            self.multihead_attn = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, device=device, dtype=dtype
            )
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, device=device, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, device=device, dtype=dtype)
        self.norm_first = norm_first
        for i in range(1, self._norms + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype))
        for i in range(1, self._norms + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = chosen

    def _feed(self, x: Tensor) -> Tensor:
        """Apply the two affine maps."""
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y

    def _through(self, x: Tensor, *blocks: Callable[[Tensor], Tensor]) -> Tensor:
        """Add to x what each block makes of it; normalize before each block, or after."""
        for i, block in enumerate(blocks, 1):
            norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
            x = x + drop(block(norm(x))) if self.norm_first else norm(x + drop(block(x)))
        return x


def _attends(
    attention: MultiheadAttention, to: Tensor | None, mask: Any, padding: Any, causal: bool
) -> Callable[[Tensor], Tensor]:
    """Return the block that lets its input attend to another sequence, or to itself."""

    def block(x: Tensor) -> Tensor:
        keys = x if to is None else to
        y: Tensor = attention(x, keys, keys, padding, False, mask, is_causal=causal)[0]
        return y

    return block


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two affine maps with an activation between them; both added to what comes in, normalized.

    Parameters
    ----------
    d_model : int
        The size of each element of the sequence.
    nhead : int
        The number of heads.
    dim_feedforward : int, optional
        The size between the two affine maps.
    dropout : float, optional
    activation : {"relu", "gelu"} or callable, optional
    layer_norm_eps : float, optional
    batch_first : bool, optional
        Whether batches are (N, S, E) instead of (S, N, E).
    norm_first : bool, optional
        Whether the input of each block is normalized instead of the sum after it.
    bias : bool, optional
        Whether affine maps and normalizations have biases.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Raises
    ------
    RuntimeError
        If the activation is unknown.

    Examples
    --------
    >>> nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16)(ad.zeros(5, 3, 8)).shape
    (5, 3, 8)

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017. Xiong et al., arXiv:2002.04745 (`norm_first`).
    """

    _norms = 2

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Map (S, N, E) to itself; masks as for `nn.MultiheadAttention`."""
        attends = _attends(self.self_attn, None, src_mask, src_key_padding_mask, is_causal)
        return self._through(floats_of(src, "TransformerEncoderLayer"), attends, self._feed)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's output, then two affine maps; see `nn.TransformerEncoderLayer`.

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias, device, dtype
        As for `nn.TransformerEncoderLayer`.

    Examples
    --------
    >>> nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16)(ad.zeros(4, 3, 8), ad.zeros(5, 3, 8)).shape
    (4, 3, 8)
    """

    _norms = 3

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Map (T, N, E), attending to a memory (S, N, E), to itself; masks as for `nn.MultiheadAttention`."""
        attends = _attends(self.self_attn, None, tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        reads = _attends(self.multihead_attn, memory, memory_mask, memory_key_padding_mask, memory_is_causal)
        return self._through(floats_of(tgt, "TransformerDecoderLayer"), attends, reads, self._feed)


class _Stack(Module):
    """Copies of a layer, one after the other, and a normalization after the last."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        if not isinstance(layer, Module):
            raise TypeError(f"{type(self).__name__}: the layer must be a Module, got {type(layer).__name__}")
        check_sizes(type(self).__name__, num_layers=num_layers)
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def _apply_layers(self, x: Tensor, *args: Any, **options: Any) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args, **options)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """Copies of an encoder layer, one after the other.

    Parameters
    ----------
    encoder_layer : Module
        What is copied, its parameters included.
    num_layers : int
    norm : Module, optional
        What is applied after the last.
    enable_nested_tensor, mask_check : bool, optional
        Without effect here.

    Examples
    --------
    >>> encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, nhead=2, dim_feedforward=16), num_layers=2)
    >>> encoder(ad.zeros(5, 3, 8)).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Map (S, N, E) to itself; masks as for `nn.MultiheadAttention`."""
        return self._apply_layers(src, mask, src_key_padding_mask, is_causal=bool(is_causal))


class TransformerDecoder(_Stack):
    """Copies of a decoder layer, one after the other.

    Parameters
    ----------
    decoder_layer : Module
        What is copied, its parameters included.
    num_layers : int
    norm : Module, optional
        What is applied after the last.

    Examples
    --------
    >>> decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, nhead=2, dim_feedforward=16), num_layers=2)
    >>> decoder(ad.zeros(4, 3, 8), ad.zeros(5, 3, 8)).shape
    (4, 3, 8)
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Map (T, N, E), attending to a memory (S, N, E), to itself; masks as for `nn.MultiheadAttention`."""
        return self._apply_layers(
            tgt,
            memory,
            tgt_mask,
            memory_mask,
            tgt_key_padding_mask,
            memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )


class Transformer(Module):
    """An encoder, and a decoder that attends to its output.

    Parameters
    ----------
    d_model, nhead : int, optional
        The size of each element of the sequences, and the number of heads.
    num_encoder_layers, num_decoder_layers : int, optional
    dim_feedforward, dropout, activation
        As for `nn.TransformerEncoderLayer`.
    custom_encoder, custom_decoder : Module, optional
        What is used instead of a `nn.TransformerEncoder` and a `nn.TransformerDecoder`.
    layer_norm_eps, batch_first, norm_first, bias, device, dtype
        As for `nn.TransformerEncoderLayer`.

    Examples
    --------
    >>> net = nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=16)
    >>> mask = nn.Transformer.generate_square_subsequent_mask(4)
    >>> net(ad.zeros(5, 3, 8), ad.zeros(4, 3, 8), tgt_mask=mask).shape
    (4, 3, 8)

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "dim_feedforward": dim_feedforward,
            "dropout": dropout,
            "activation": activation,
            "layer_norm_eps": layer_norm_eps,
            "batch_first": batch_first,
            "norm_first": norm_first,
            "bias": bias,
            "device": device,
            "dtype": dtype,
        }

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)

        self.encoder = custom_encoder or TransformerEncoder(
            TransformerEncoderLayer(d_model, nhead, **options), num_encoder_layers, norm()
        )
        self.decoder = custom_decoder or TransformerDecoder(
            TransformerDecoderLayer(d_model, nhead, **options), num_decoder_layers, norm()
        )
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw all matrices anew, as Glorot and Bengio do."""
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Map a source (S, N, E) and a target (T, N, E) to (T, N, E); masks as for `nn.MultiheadAttention`.

        Raises
        ------
        RuntimeError
            If the sizes of source and target do not fit.
        """
        x, y = floats_of(src, "Transformer"), floats_of(tgt, "Transformer")
        batch = 0 if self.batch_first else 1
        if x.ndim != y.ndim or x.ndim not in (2, 3) or (x.ndim == 3 and x.shape[batch] != y.shape[batch]):
            raise RuntimeError(
                f"Transformer: source and target need one batch, in dim {batch}, got shapes {x.shape} and {y.shape}"
            )
        if not x.shape[-1] == y.shape[-1] == self.d_model:
            raise RuntimeError(
                f"Transformer: source and target need d_model = {self.d_model} features, got shapes {x.shape} and "
                f"{y.shape}"
            )
        memory = self.encoder(x, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        output: Tensor = self.decoder(
            y,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return output

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: DTypeLike | None = None) -> Tensor:
        """Return a mask (sz, sz) that hides from each element those after it: -inf above the diagonal, 0 elsewhere.

        Examples
        --------
        >>> nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return causal_mask(sz, sz, np.dtype(dtypes.get_default_dtype() if dtype is None else dtype))


def _get_clones(module: Module, N: int) -> ModuleList:  # noqa: N803  # PyTorch's name
    """Return n copies of a module; programs take this helper of PyTorch's for their own layers."""
    return ModuleList([copy.deepcopy(module) for _ in range(N)])
