"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..creation import as_tensor
from ..functions.factors import cholesky
from ..functions.shape import broadcast_to
from ..functions.solving import inv, solve_triangular
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import REAL, Check, Distribution, Sizes


class MultivariateNormal(Distribution):
    """Normal distribution of vectors, given by one of covariance, its inverse, and its Cholesky factor.

    Parameters
    ----------
    loc : Tensor
        The mean, of shape (..., n).
    covariance_matrix, precision_matrix, scale_tril : Tensor, optional
        Of shape (..., n, n); exactly one of them.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If not exactly one matrix is given, or it does not fit.
    LinAlgError
        If a covariance is not positive definite.

    Examples
    --------
    >>> normal = ad.distributions.MultivariateNormal(ad.zeros(2), ad.eye(2))
    >>> normal.log_prob(ad.zeros(2))
    tensor(-1.8379)
    >>> normal.sample((3,)).shape
    (3, 2)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("loc",)

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        loc, given = as_tensor(loc), [covariance_matrix, precision_matrix, scale_tril]
        if sum(m is not None for m in given) != 1:
            raise ValueError(
                "MultivariateNormal: give exactly one of covariance_matrix, precision_matrix and scale_tril"
            )
        matrix = as_tensor(next(m for m in given if m is not None))
        n = loc.shape[-1] if loc.ndim else 0
        if loc.ndim < 1 or matrix.ndim < 2 or matrix.shape[-2:] != (n, n):
            raise ValueError(f"MultivariateNormal: a mean of shape {loc.shape} does not fit a matrix of {matrix.shape}")
        shape = np.broadcast_shapes(loc.shape[:-1], matrix.shape[:-2])
        if scale_tril is None:
            matrix = cholesky(matrix if covariance_matrix is not None else inv(matrix))
        self.loc, self.scale_tril = broadcast_to(loc, (*shape, n)), broadcast_to(matrix, (*shape, n, n))
        super().__init__(shape, (n,), validate_args)

    def _allowed(self, name: str) -> Check:
        return REAL

    def _support(self) -> Check:
        return REAL

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def covariance_matrix(self) -> Tensor:
        """How the elements vary together."""
        return self.scale_tril @ self.scale_tril.mT

    @property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return inv(self.covariance_matrix)

    @property
    def variance(self) -> Tensor:
        """The variance of each element."""
        return (self.scale_tril * self.scale_tril).sum(-1)

    def expand(self, batch_shape: Sizes) -> MultivariateNormal:
        """Return the same of a mean and a factor that are broadcast."""
        n, shape = self.event_shape[0], tuple(batch_shape)
        loc, factor = broadcast_to(self.loc, (*shape, n)), broadcast_to(self.scale_tril, (*shape, n, n))
        return MultivariateNormal(loc, scale_tril=factor, validate_args=self._validate_args)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + L ε with ε of standard normal distributions."""
        shape, dtype = self._shape(sample_shape), self.loc.dtype
        noise = from_array(noted(lambda: np.asarray(default_generator().standard_normal(shape), dtype)))
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Tensor:
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -(‖L⁻¹ (value - loc)‖² + n log 2π) / 2 - log det L."""
        shift = (self._checked(value) - self.loc).unsqueeze(-1)
        z = solve_triangular(self.scale_tril, shift, upper=False).squeeze(-1)
        return -0.5 * ((z * z).sum(-1) + self.event_shape[0] * math.log(2 * math.pi)) - self._half_log_det()

    def entropy(self) -> Tensor:
        """Return n (1 + log 2π) / 2 + log det L."""
        return 0.5 * self.event_shape[0] * (1 + math.log(2 * math.pi)) + self._half_log_det()
