"""Derivatives of products: of matrices, of affine maps, and of whatever Einstein's summation spells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.primitive import row
from ..kernels import products as kernel
from ..kernels.reductions import spread

Array = Any  # whatever a row runs on: arrays, tensors, symbols

# -- matrices ----------------------------------------------------------------------------------------------------------


def times_right(g: Array, a_shape: tuple[int, ...], b: Array) -> Array:
    """Return g bᵀ, the gradient of the left factor; a vector there is a row, a vector b a column."""
    if b.ndim == 1:
        return g[..., None] * b
    if len(a_shape) == 1:
        return (b @ g[..., None])[..., 0]
    return g @ b.mT


def times_left(g: Array, a: Array, b_shape: tuple[int, ...]) -> Array:
    """Return aᵀ g, the gradient of the right factor; a vector there is a column, a vector a a row."""
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if len(b_shape) > 1 else g * a
    if len(b_shape) == 1:
        return (a.mT @ g[..., None])[..., 0]
    return a.mT @ g


matmul = row(np.matmul, a=times_right, b=times_left, symbol="@")


linear = row(
    kernel.linear,
    input=lambda g, weight: kernel.product(g, weight),
    weight=lambda g, input: kernel.outer(g, input),
    bias=lambda g: g,
)

# -- Einstein's summation ----------------------------------------------------------------------------------------------


def einsum_rule(g: Array, i: int, operands: Sequence[Array], inputs: tuple[str, ...], output: str) -> Array:
    """Contract the gradient with all other operands; repeat it along indices that only operand `i` has."""
    others = [k for k in range(len(operands)) if k != i]
    labels = [output, *(inputs[k] for k in others)]
    shared = "".join(c for c in inputs[i] if any(c in label for label in labels))
    g = einsum(g, *(operands[k] for k in others), inputs=tuple(labels), output=shared)
    sizes = dict(zip(shared, g.shape, strict=True))
    narrow = tuple(sizes.get(c, 1) for c in inputs[i])
    shape = tuple(n if size == 1 else size for n, size in zip(narrow, operands[i].shape, strict=True))
    g = g.reshape(narrow)
    return g if narrow == shape else spread(g, shape, (), True)


einsum = row(kernel.einsum, operands=einsum_rule, view=True)
