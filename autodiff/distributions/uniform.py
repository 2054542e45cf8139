"""The uniform distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..functions.elementwise import clamp, where
from ..functions.transcendental import log
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import REAL, Check, Distribution, Sizes, broadcast_all


class Uniform(Distribution):
    """Uniform distribution over the numbers from `low` to below `high`.

    Parameters
    ----------
    low, high : Tensor or float
        They broadcast to batch_shape.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If `low` is not less than `high`.

    Examples
    --------
    >>> ad.distributions.Uniform(0.0, 4.0).log_prob(ad.tensor(1.0))
    tensor(-1.3863)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all("Uniform", low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        if name == "high":
            return REAL
        high = self.high.detach()
        return "less than high", lambda low: low < high

    def _support(self) -> Check:
        low, high = self.low.detach(), self.high.detach()
        return "from low to high", lambda value: (value >= low) & (value <= high)

    @property
    def mean(self) -> Tensor:
        """The middle."""
        return (self.low + self.high) / 2

    @property
    def mode(self) -> Tensor:
        """NaN: all are alike."""
        return self.high * np.nan

    @property
    def stddev(self) -> Tensor:
        """The width divided by √12."""
        return (self.high - self.low) / 12**0.5

    @property
    def variance(self) -> Tensor:
        """The squared width divided by 12."""
        width = self.high - self.low
        return width * width / 12

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as low + (high - low) · u with u from [0, 1)."""
        shape, dtype = self._shape(sample_shape), self.low.dtype
        drawn = noted(lambda: np.asarray(default_generator().random(shape, np.float32), dtype))
        return self.low + from_array(drawn) * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log(high - low) from `low` to below `high`, and -inf elsewhere."""
        v = self._checked(value)
        inside = (self.low <= v) & (v < self.high)
        return where(inside, 0.0, -np.inf) - log(self.high - self.low)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of draws up to `value`."""
        return clamp((self._checked(value) - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        """Return up to where draws have the probability `value`."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        """Return log(high - low)."""
        return log(self.high - self.low)
