"""A small GPT, defined once for this library and for PyTorch: nothing in it differs but the packages it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
import nn
from examples._text import Tokens


@dataclass(frozen=True)
class Shape:
    """
    How large a GPT is.

    Attributes
    ----------
    vocabulary : int
        How many different tokens there are.
    context : int
        How many tokens it sees at once.
    layers, heads, width : int
        How many blocks, heads of attention in each, and features of each token.
    dropout : float
        The share of activations that is dropped in training.
    """

    vocabulary: int
    context: int = 64
    layers: int = 4
    heads: int = 4
    width: int = 128
    dropout: float = 0.0


def attention(layers: Any) -> Any:
    """Define causal self-attention."""
    F = layers.functional  # noqa: N806  # the name everyone knows

    class Attention(layers.Module):  # type: ignore[misc]  # its base is known when it is defined
        """Each token attends to those before it, and to itself."""

        def __init__(self, shape: Shape) -> None:
            super().__init__()
            self.heads, self.dropout = shape.heads, shape.dropout
            self.c_attn = layers.Linear(shape.width, 3 * shape.width)
            self.c_proj = layers.Linear(shape.width, shape.width)
            self.resid_dropout = layers.Dropout(shape.dropout)

        def parts(self, x: Any) -> Any:
            """Return queries, keys and values, each (N, heads, L, width / heads)."""
            n, length, width = x.shape
            return (
                self.c_attn(x).reshape(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
            )

        def forward(self, x: Any) -> Any:
            q, k, v = self.parts(x)
            p = self.dropout if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
            return self.resid_dropout(self.c_proj(y.permute(0, 2, 1, 3).reshape(x.shape)))

    return Attention


def mlp(layers: Any) -> Any:
    """Define what is computed of each token alone."""

    class MLP(layers.Module):  # type: ignore[misc]  # its base is known when it is defined
        """Two affine maps with a GELU between them."""

        def __init__(self, shape: Shape) -> None:
            super().__init__()
            self.c_fc = layers.Linear(shape.width, 4 * shape.width)
            self.gelu = layers.GELU(approximate="tanh")
            self.c_proj = layers.Linear(4 * shape.width, shape.width)
            self.dropout = layers.Dropout(shape.dropout)

        def forward(self, x: Any) -> Any:
            return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))

    return MLP


def block(layers: Any) -> Any:
    """Define one of the equal parts of a GPT."""
    attend, transform = attention(layers), mlp(layers)

    class Block(layers.Module):  # type: ignore[misc]  # its base is known when it is defined
        """Attention and the affine maps, both added to what comes in."""

        def __init__(self, shape: Shape) -> None:
            super().__init__()
            self.ln_1, self.attn = layers.LayerNorm(shape.width), attend(shape)
            self.ln_2, self.mlp = layers.LayerNorm(shape.width), transform(shape)

        def forward(self, x: Any) -> Any:
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    return Block


def define(library: Any, layers: Any) -> Any:
    """
    Define the network in a library.

    Parameters
    ----------
    library, layers : module
        `autodiff` and `nn`, or `torch` and `torch.nn`.

    Returns
    -------
    class
        A module that maps tokens (N, L) to logits (N, L, vocabulary); its names are nanoGPT's.
    """
    part = block(layers)

    class GPT(layers.Module):  # type: ignore[misc]  # its base is known when it is defined
        """Embeddings of tokens and positions, blocks, a normalization, and the logits of the next token."""

        def __init__(self, shape: Shape) -> None:
            super().__init__()
            self.shape = shape
            self.wte = layers.Embedding(shape.vocabulary, shape.width)
            self.wpe = layers.Embedding(shape.context, shape.width)
            self.drop = layers.Dropout(shape.dropout)
            self.h = layers.ModuleList([part(shape) for _ in range(shape.layers)])
            self.ln_f = layers.LayerNorm(shape.width)
            self.lm_head = layers.Linear(shape.width, shape.vocabulary, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.drop(self.wte(tokens) + self.wpe(library.arange(tokens.shape[1])))
            for block in self.h:
                x = block(x)
            return self.lm_head(self.ln_f(x))

    return GPT


def build_network(shape: Shape) -> nn.Module:
    """Return the untrained network, initialized as GPT-2: the more is added to the sum, the smaller each part."""
    model: nn.Module = define(ad, nn)(shape)
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(p)
        elif p.ndim > 1:
            deep = name.endswith("c_proj.weight")
            nn.init.normal_(p, std=0.02 / math.sqrt(2 * shape.layers) if deep else 0.02)
    return model


def decay_groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: matrices, which decay, and biases and scales, which do not."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def generate(
    model: Any, start: Tokens, count: int, rng: np.random.Generator, temperature: float = 0.8, top: int = 20
) -> Tokens:
    """
    Go on with a text, each token drawn by the probability that the network gives it.

    Parameters
    ----------
    model : GPT
        The network.
    start : ndarray of int64, shape (n,)
        The text so far, of at least one token.
    count : int
        How many tokens to add.
    rng : numpy.random.Generator
        Draws them.
    temperature : float, default 0.8
        Below 1 likely tokens become likelier.
    top : int, default 20
        Only so many of the likeliest are drawn.

    Returns
    -------
    ndarray of int64, shape (count,)
        What was added.
    """
    was_training = model.training
    model.eval()
    tokens = [*start.tolist()]
    with ad.no_grad():
        for _ in range(count):
            seen = ad.tensor(np.array(tokens[-model.shape.context :])[None])
            logits = model(seen)[0, -1].numpy().astype(np.float64) / temperature
            logits[logits < np.sort(logits)[-min(top, len(logits))]] = -np.inf
            p = np.exp(logits - logits.max())
            tokens.append(int(rng.choice(len(p), p=p / p.sum())))
    model.train(was_training)
    return np.array(tokens[len(start) :], np.int64)


def attention_maps(model: Any, tokens: Tokens) -> NDArray[np.float32]:
    """Return how much each token attends to which, for tokens of shape (L,): an array (layers, heads, L, L)."""
    found: list[NDArray[np.float32]] = []

    def look(attention: Any, inputs: tuple[Any, ...], output: Any) -> None:
        q, k, _ = attention.parts(inputs[0])
        mask = nn.Transformer.generate_square_subsequent_mask(len(tokens))
        found.append(ad.softmax(q @ k.mT / math.sqrt(q.shape[-1]) + mask, -1).numpy()[0])

    handles = [block.attn.register_forward_hook(look) for block in model.h]
    was_training = model.training
    model.eval()
    with ad.no_grad():
        model(ad.tensor(tokens[None]))
    model.train(was_training)
    for handle in handles:
        handle.remove()
    return np.stack(found)
