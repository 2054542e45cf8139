"""Linear algebra on arrays: NumPy's decompositions, and what is made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

Array = Any  # an ndarray
P = ParamSpec("P")
R = TypeVar("R")


class LinAlgError(RuntimeError, np.linalg.LinAlgError):
    """A matrix does not have what is asked for: it is singular, not positive definite, or an iteration fails on it."""


def refusing(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function raise our kind of error, which is PyTorch's and NumPy's."""

    @functools.wraps(function)
    def apply(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except np.linalg.LinAlgError as error:
            raise LinAlgError(str(error)) from None

    return apply


@refusing
def solve(a: Array, b: Array) -> Array:
    """Return the matrices X with a X = b."""
    return np.linalg.solve(a, b)


@refusing
def cholesky(x: Array) -> Array:
    """Return the lower triangular L with L Lᵀ = x, of which the lower triangle is read."""
    return np.linalg.cholesky(x)


@refusing
def eigenvalues(x: Array) -> Array:
    """Return the eigenvalues of symmetric matrices, of which the lower triangle is read, in ascending order."""
    return np.linalg.eigvalsh(x)


@refusing
def eigenvectors(x: Array) -> Array:
    """Return the eigenvectors of symmetric matrices, as columns."""
    return np.linalg.eigh(x)[1]


@refusing
def singular_values(x: Array) -> Array:
    """Return the singular values of matrices, in descending order."""
    return np.linalg.svd(x, compute_uv=False)


@refusing
def nuclear_norm(x: Array) -> Array:
    """Return the sum of the singular values of matrices."""
    return np.linalg.svd(x, compute_uv=False).sum(-1)


@refusing
def singular_vectors(x: Array) -> Array:
    """Return the left singular vectors of matrices, as columns, and below them the right ones."""
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, vt.mT], axis=-2)


@refusing
def polar_factor(x: Array) -> Array:
    """Return U Vᵀ of the singular vectors of matrices: the nearest matrices with orthonormal columns."""
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u @ vt


@refusing
def sylvester(h: Array, c: Array) -> Array:
    """Solve h Z + Z h = c for symmetric matrices h; where h has no inverse, the solution is 0."""
    values, vectors = np.linalg.eigh(h)
    sums = values[..., :, None] + values[..., None, :]
    return vectors @ (vectors.mT @ c @ vectors / np.where(sums == 0, np.inf, sums)) @ vectors.mT


@refusing
def cofactors(x: Array) -> Array:
    """Return the cofactors det(x) x⁻ᵀ of matrices, also of singular ones."""
    u, s, vt = np.linalg.svd(x)
    one = np.ones_like(s[..., :1])
    before = np.multiply.accumulate(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    behind = np.multiply.accumulate(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return (u * (before * behind * sign[..., None])[..., None, :]) @ vt


@refusing
def pinv(x: Array, *, atol: Array, rtol: Array) -> Array:
    """Return pseudoinverses, in which singular values below atol or rtol times the largest count as 0."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    kept = above(s, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(x.dtype)
    return vt.mT @ (inverse[..., :, None] * u.mT)


def above(s: Array, atol: Array, rtol: Array) -> Array:
    """Tell which singular values count as above 0."""
    largest = s.max(axis=-1, keepdims=True, initial=0)
    return s > np.maximum(np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * largest)
