"""Derivatives of linear algebra: systems of equations, determinants, factors of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.primitive import row
from ..kernels import linalg as kernel
from .reduction import sum

Array = Any  # whatever a row runs on: arrays, tensors, symbols

# -- systems of equations ----------------------------------------------------------------------------------------------


def inverse(x: Array) -> Array:
    """Return the inverse of matrices."""
    return solve(x, np.eye(x.shape[-1], dtype=x.dtype))


def pinv_rule(g: Array, y: Array, x: Array) -> Array:
    """Return -yᵀ g yᵀ + (1 - x y) gᵀ y yᵀ + yᵀ y gᵀ (1 - y x)."""
    a, b = y @ y.mT, y.mT @ y
    right, left = g.mT @ a, b @ g.mT
    return right - x @ (y @ right) + left - (left @ y) @ x - y.mT @ g @ y.mT


solve = row(kernel.solve, a=lambda g, y, a: -solve(a.mT, g) @ y.mT, b=lambda g, a: solve(a.mT, g))
pinv = row(kernel.pinv, x=pinv_rule, symbol="⁺")

# -- determinants ------------------------------------------------------------------------------------------------------


def cofactors_rule(g: Array, y: Array, x: Array) -> Array:
    """Return (⟨g, y⟩ y - y gᵀ y) / det x."""
    along = sum(g * y, dim=(g.ndim - 2, g.ndim - 1), keepdim=True)
    return (along * y - y @ g.mT @ y) / det(x)[..., None, None]


det = row(lambda x: np.linalg.det(x), x=lambda g, x: g[..., None, None] * cofactors(x), symbol="det")
cofactors = row(kernel.cofactors, x=cofactors_rule)
logabsdet = row(lambda x: np.linalg.slogdet(x)[1], x=lambda g, x: g[..., None, None] * inverse(x).mT)

# -- symmetric matrices ------------------------------------------------------------------------------------------------


def cholesky_rule(g: Array, y: Array) -> Array:
    """Return the symmetric part of y⁻ᵀ Φ y⁻¹, where Φ is the lower triangle of yᵀ g with half of its diagonal."""
    lower = np.tril(y.mT @ g)
    return solve(y.mT, solve(y.mT, lower + np.tril(lower, -1).mT).mT) / 2


def over_gaps(x: Array, values: Array) -> Array:
    """Return x over the differences of the values of its columns and rows, and 0 on the diagonal."""
    same = np.eye(values.shape[-1], dtype=bool)
    return x / np.where(same, np.inf, values[..., None, :] - values[..., :, None])


def eigenvalues_rule(g: Array, x: Array) -> Array:
    """Return v g vᵀ."""
    v = eigenvectors(x)
    return (v * g[..., None, :]) @ v.mT


cholesky = row(kernel.cholesky, x=cholesky_rule)
eigenvalues = row(kernel.eigenvalues, x=eigenvalues_rule, symbol="λ")
eigenvectors = row(kernel.eigenvectors, x=lambda g, y, x: y @ over_gaps(y.mT @ g, eigenvalues(x)) @ y.mT, symbol="v")

# -- factors of any matrix ---------------------------------------------------------------------------------------------


def q_rule(g: Array, y: Array, x: Array) -> Array:
    """Return (g - y m) r⁻ᵀ, where r = yᵀ x and m is symmetric with the lower triangle of gᵀ y."""
    m = np.tril(g.mT @ y)
    return solve(y.mT @ x, (g - y @ (m + np.tril(m, -1).mT)).mT).mT


def singular_values_rule(g: Array, x: Array) -> Array:
    """Return u g vᵀ."""
    uv, m = singular_vectors(x), x.shape[-2]
    return (uv[..., :m, :] * g[..., None, :]) @ uv[..., m:, :].mT


def singular_vectors_rule(g: Array, y: Array, x: Array) -> Array:
    """Return u (a s + s b) vᵀ, and what leads out of the spaces of u and v; a and b are antisymmetric."""
    s, (m, n) = singular_values(x), x.shape[-2:]
    (u, v), (gu, gv) = ((t[..., :m, :], t[..., m:, :]) for t in (y, g))
    a, b = (over_gaps(t - t.mT, s * s) for t in (u.mT @ gu, v.mT @ gv))
    out = u @ (a * s[..., None, :] + s[..., :, None] * b) @ v.mT
    if m > n:
        out = out + (gu - u @ (u.mT @ gu)) / s[..., None, :] @ v.mT
    if n > m:
        out = out + u / s[..., None, :] @ (gv - v @ (v.mT @ gv)).mT
    return out


q_factor = row(lambda x: np.linalg.qr(x)[0], x=q_rule, symbol="Q")
singular_values = row(kernel.singular_values, x=singular_values_rule, symbol="σ")
singular_vectors = row(kernel.singular_vectors, x=singular_vectors_rule, symbol="UV")

# -- the nuclear norm: the polar factor is smooth also where singular values are equal ---------------------------------


def polar_rule(g: Array, y: Array, x: Array) -> Array:
    """Return y Z + (1 - y yᵀ) g h⁻¹, where h = yᵀ x is the other factor and h Z + Z h = yᵀ g - gᵀ y."""
    h, within = y.mT @ x, y.mT @ g
    inverse = 2 * sylvester(h, np.eye(h.shape[-1], dtype=g.dtype))
    return y @ sylvester(h, within - within.mT) + (g - y @ within) @ inverse


def sylvester_rule(g: Array, y: Array, h: Array) -> Array:
    """Return -(z yᵀ + yᵀ z), where h z + z h = g."""
    z = sylvester(h, g)
    return -(z @ y.mT + y.mT @ z)


nuclear_norm = row(kernel.nuclear_norm, x=lambda g, x: g[..., None, None] * polar_factor(x), symbol="‖·‖∗")
polar_factor = row(kernel.polar_factor, x=polar_rule, symbol="UVᵀ")
sylvester = row(kernel.sylvester, h=sylvester_rule, c=lambda g, h: sylvester(h, g))
