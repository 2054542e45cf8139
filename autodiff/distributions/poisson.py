"""The Poisson distribution."""

from __future__ import annotations

from typing import Any

from ..functions.elementwise import floor
from ..functions.sampling import poisson
from ..functions.shape import broadcast_to
from ..functions.transcendental import lgamma, xlogy
from ..tensor import Tensor
from .distribution import Check, Distribution, Sizes, broadcast_all

_NOT_NEGATIVE: Check = ("not negative", lambda a: a >= 0)


class Poisson(Distribution):
    """Poisson distribution: how many events there are, where `rate` are expected.

    Parameters
    ----------
    rate : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Poisson(2.0).log_prob(ad.tensor(1.0))
    tensor(-1.3069)
    """

    _parameters = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all("Poisson", rate)
        super().__init__(self.rate.shape, validate_args)

    def _allowed(self, name: str) -> Check:
        return _NOT_NEGATIVE

    def _support(self) -> Check:
        return ("an integer that is not negative", lambda a: (a >= 0) & (a % 1 == 0))

    @property
    def mean(self) -> Tensor:
        """`rate`."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The integer below `rate`."""
        return floor(self.rate)

    @property
    def variance(self) -> Tensor:
        """`rate`."""
        return self.rate

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw counts, of the dtype of `rate`."""
        return poisson(broadcast_to(self.rate.detach(), self._shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return value · log(rate) - rate - log(value!)."""
        v = self._checked(value).to(self.rate.dtype)
        return xlogy(v, self.rate) - self.rate - lgamma(v + 1)
