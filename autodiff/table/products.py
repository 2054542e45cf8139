"""Derivatives of products: of matrices, of affine maps, and of whatever Einstein's summation spells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.primitive import primitive, row
from ..kernels.products import product
from ..kernels.reductions import spread, total

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


def rows(x: Array) -> Array:
    """Return a matrix of what lies along the last dimension."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def outer(g: Array, x: Array) -> Array:
    """Return gᵀ x, the sum of the outer products of all rows."""
    return product(g.T, x) if x.ndim == 2 else rows(g).T @ rows(x)


@primitive(
    input=lambda g, weight: product(g, weight),
    weight=lambda g, input: outer(g, input),
    bias=lambda g: g,
)
def linear(input: Array, weight: Array, bias: Array | None = None) -> Array:
    """The affine map x Wᵀ + b."""
    y = product(input, weight.T)
    if bias is not None:
        y += bias
    return y


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


@primitive(view=True, operands=einsum_rule)
def einsum(*operands: Array, inputs: tuple[str, ...], output: str) -> Array:
    """Sum products over the indices that `output` lacks; no operand names an index twice."""
    if len(operands) == 1 and operands[0].dtype.kind == "f":  # which einsum adds one after the other
        (x,), (labels,) = operands, inputs
        left = [c for c in labels if c in output]
        x = total(x, tuple(d for d, c in enumerate(labels) if c not in output)) if len(left) < x.ndim else x
        return x.transpose([left.index(c) for c in output])
    return np.einsum(f"{','.join(inputs)}->{output}", *operands, optimize=len(operands) > 1)
