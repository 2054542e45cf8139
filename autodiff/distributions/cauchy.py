"""The Cauchy distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..creation import full_like
from ..functions.transcendental import atan, log, log1p, tan
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import POSITIVE, REAL, Check, Distribution, Sizes, broadcast_all


class Cauchy(Distribution):
    """Cauchy distribution: the quotient of two normal variables, whose mean does not exist.

    Parameters
    ----------
    loc, scale : Tensor or float
        The median, and the distance from it within which half of the draws lie.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Cauchy(0.0, 1.0).log_prob(ad.tensor(1.0))
    tensor(-1.8379)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all("Cauchy", loc, scale)
        super().__init__(self.loc.shape, validate_args)

    def _allowed(self, name: str) -> Check:
        return POSITIVE if name == "scale" else REAL

    def _support(self) -> Check:
        return REAL

    @property
    def mean(self) -> Tensor:
        """NaN: there is none."""
        return full_like(self.loc.detach(), math.nan)

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return full_like(self.loc.detach(), math.inf)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + scale · ε."""
        shape, dtype = self._shape(sample_shape), self.loc.dtype
        noise = noted(lambda: np.asarray(default_generator().standard_cauchy(shape), dtype))
        return self.loc + self.scale * from_array(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log(π scale) - log(1 + ((value - loc) / scale)²)."""
        z = (self._checked(value) - self.loc) / self.scale
        return -math.log(math.pi) - log(self.scale) - log1p(z * z)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of draws up to `value`."""
        return atan((self._checked(value) - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """Return up to where draws have the probability `value`."""
        return tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self) -> Tensor:
        """Return log(4π scale)."""
        return math.log(4 * math.pi) + log(self.scale)
