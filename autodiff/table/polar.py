"""Derivatives of the nuclear norm, which are made of the polar factor of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import primitive, row

Array = Any  # whatever a row runs on: arrays, tensors, symbols

nuclear_norm = row(
    lambda x: np.linalg.svd(x, compute_uv=False).sum(-1),
    x=lambda g, x: g[..., None, None] * polar_factor(x),
    symbol="‖·‖∗",
)


def polar_rule(g: Array, y: Array, x: Array) -> Array:
    """Return y Z + (1 - y yᵀ) g h⁻¹, where h = yᵀ x is the other factor and h Z + Z h = yᵀ g - gᵀ y."""
    h, within = y.mT @ x, y.mT @ g
    inverse = 2 * sylvester(h, np.eye(h.shape[-1], dtype=g.dtype))
    return y @ sylvester(h, within - within.mT) + (g - y @ within) @ inverse


@primitive(symbol="UVᵀ", x=polar_rule)
def polar_factor(x: Array) -> Array:
    """Product U Vᵀ of the singular vectors of matrices: the nearest matrix with orthonormal columns."""
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u @ vt


def sylvester_rule(g: Array, y: Array, h: Array) -> Array:
    """Return -(z yᵀ + yᵀ z), where h z + z h = g."""
    z = sylvester(h, g)
    return -(z @ y.mT + y.mT @ z)


@primitive(h=sylvester_rule, c=lambda g, h: sylvester(h, g))
def sylvester(h: Array, c: Array) -> Array:
    """Solve h Z + Z h = c for symmetric matrices h; where h has no inverse, the solution is 0."""
    values, vectors = np.linalg.eigh(h)
    sums = values[..., :, None] + values[..., None, :]
    return vectors @ (vectors.mT @ c @ vectors / np.where(sums == 0, np.inf, sums)) @ vectors.mT
