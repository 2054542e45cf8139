"""Derivatives of the nuclear norm, which are made of the polar factor of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import primitive

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


def _unsum(g: Array, input: Array) -> Array:
    return g[..., None, None] * polar_factor(input)


@primitive(symbol="‖·‖∗", input=_unsum)
def nuclear_norm(input: Array) -> Array:
    """Sum of the singular values of matrices, of shape (..., m, n) with m ≥ n."""
    return np.linalg.svd(input, compute_uv=False).sum(-1)


def _unpolar(g: Array, y: Array, input: Array) -> Array:
    """Return y Z + (1 - y yᵀ) g h⁻¹, where h = yᵀ input is the other factor and h Z + Z h = yᵀ g - gᵀ y."""
    h, within = y.mT @ input, y.mT @ g
    inverse = 2 * sylvester(h, np.eye(h.shape[-1], dtype=g.dtype))
    return y @ sylvester(h, within - within.mT) + (g - y @ within) @ inverse


@primitive(symbol="UVᵀ", input=_unpolar)
def polar_factor(input: Array) -> Array:
    """Product U Vᵀ of the singular vectors of matrices: the nearest matrix with orthonormal columns."""
    u, _, vt = np.linalg.svd(input, full_matrices=False)
    return u @ vt


def _solve(g: Array, h: Array) -> Array:
    return sylvester(h, g)


def _unsylvester(g: Array, y: Array, h: Array) -> Array:
    pulled = sylvester(h, g)
    return -(pulled @ y.mT + y.mT @ pulled)


@primitive(symbol="sylvester", h=_unsylvester, c=_solve)
def sylvester(h: Array, c: Array) -> Array:
    """Solve h Z + Z h = c for symmetric matrices h; where h has no inverse, the solution is 0."""
    values, vectors = np.linalg.eigh(h)
    sums = values[..., :, None] + values[..., None, :]
    return vectors @ (vectors.mT @ c @ vectors / np.where(sums == 0, np.inf, sums)) @ vectors.mT
