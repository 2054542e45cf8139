"""The normal distribution."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..functions.transcendental import erf, erfinv, log
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import POSITIVE, REAL, Check, Distribution, Sizes, broadcast_all


class Normal(Distribution):
    """Normal distribution of mean `loc` and standard deviation `scale`.

    Parameters
    ----------
    loc : Tensor or float
    scale : Tensor or float
        Positive; both broadcast to batch_shape.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> standard = ad.distributions.Normal(0.0, 1.0)
    >>> standard.log_prob(ad.tensor(0.0))
    tensor(-0.9189)
    >>> standard.sample((2, 3)).shape
    (2, 3)

    References
    ----------
    Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014 (`rsample`).
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all("Normal", loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        return POSITIVE if name == "scale" else REAL

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
    def stddev(self) -> Tensor:
        """`scale`."""
        return self.scale

    @property
    def variance(self) -> Tensor:
        """The square of `scale`."""
        return self.scale * self.scale

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + scale · ε with ε of a standard normal distribution."""
        shape, dtype = self._shape(sample_shape), self.loc.dtype
        noise = noted(lambda: np.asarray(default_generator().standard_normal(shape), dtype))
        return self.loc + self.scale * from_array(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -(value - loc)² / (2 scale²) - log(scale) - log(√(2π))."""
        z = (self._checked(value) - self.loc) / self.scale
        return -0.5 * (z * z) - log(self.scale) - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of draws up to `value`."""
        return 0.5 * (1 + erf((self._checked(value) - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Tensor) -> Tensor:
        """Return up to where draws have the probability `value`."""
        return self.loc + self.scale * erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        """Return log(scale) + (1 + log(2π)) / 2."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + log(self.scale)
