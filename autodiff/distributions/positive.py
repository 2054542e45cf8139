"""Distributions of positive numbers and of shares, and the Laplace distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..functions.elementwise import sign
from ..functions.shape import broadcast_to
from ..functions.transcendental import digamma, expm1, lgamma, log, log1p
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import POSITIVE, REAL, UNIT, Check, Distribution, Sizes, broadcast_all


class _Positive(Distribution):
    """A distribution whose parameters and draws are positive."""

    def _allowed(self, name: str) -> Check:
        return POSITIVE

    def _support(self) -> Check:
        return ("not negative", lambda a: a >= 0)


class Laplace(Distribution):
    """Laplace distribution: an exponential one to both sides of `loc`.

    Parameters
    ----------
    loc, scale : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Laplace(0.0, 1.0).log_prob(ad.tensor(1.0))
    tensor(-1.6931)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all("Laplace", loc, scale)
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
    def variance(self) -> Tensor:
        """2 scale²."""
        return 2 * self.scale * self.scale

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + scale · ε."""
        shape, dtype = self._shape(sample_shape), self.loc.dtype
        noise = noted(lambda: np.asarray(default_generator().laplace(size=shape), dtype))
        return self.loc + self.scale * from_array(noise)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -|value - loc| / scale - log(2 scale)."""
        return -(self._checked(value) - self.loc).abs() / self.scale - log(2 * self.scale)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of draws up to `value`."""
        z = (self._checked(value) - self.loc) / self.scale
        return 0.5 - 0.5 * sign(z) * expm1(-z.abs())

    def icdf(self, value: Tensor) -> Tensor:
        """Return up to where draws have the probability `value`."""
        beyond = value - 0.5
        return self.loc - self.scale * sign(beyond) * log1p(-2 * beyond.abs())

    def entropy(self) -> Tensor:
        """Return 1 + log(2 scale)."""
        return 1 + log(2 * self.scale)


class Exponential(_Positive):
    """Exponential distribution: the time to the first event, of which there are `rate` in a unit of time.

    Parameters
    ----------
    rate : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Exponential(2.0).log_prob(ad.tensor(1.0))
    tensor(-1.3069)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all("Exponential", rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / rate."""
        return 1 / self.rate

    @property
    def variance(self) -> Tensor:
        """1 / rate²."""
        return 1 / (self.rate * self.rate)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as ε / rate."""
        shape, dtype = self._shape(sample_shape), self.rate.dtype
        return from_array(noted(lambda: np.asarray(default_generator().standard_exponential(shape), dtype))) / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log(rate) - rate · value."""
        return log(self.rate) - self.rate * self._checked(value)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of draws up to `value`."""
        return -expm1(-self.rate * self._checked(value))

    def icdf(self, value: Tensor) -> Tensor:
        """Return up to where draws have the probability `value`."""
        return -log1p(-value) / self.rate

    def entropy(self) -> Tensor:
        """Return 1 - log(rate)."""
        return 1 - log(self.rate)


class Gamma(_Positive):
    """Gamma distribution: the time to the event of number `concentration`.

    Parameters
    ----------
    concentration, rate : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Gamma(1.0, 2.0).log_prob(ad.tensor(1.0))
    tensor(-1.3069)
    """

    _parameters = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all("Gamma", concentration, rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """Concentration / rate."""
        return self.concentration / self.rate

    @property
    def variance(self) -> Tensor:
        """Concentration / rate²."""
        return self.concentration / (self.rate * self.rate)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient."""
        shape, a = self._shape(sample_shape), self.concentration.detach().numpy()
        drawn = noted(lambda: np.asarray(default_generator().standard_gamma(a, shape), a.dtype))
        return from_array(drawn) / self.rate.detach()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        x, a = self._checked(value), self.concentration
        return a * log(self.rate) + (a - 1) * log(x) - self.rate * x - lgamma(a)

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw."""
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1 - a) * digamma(a)


class Beta(Distribution):
    """Beta distribution of shares between 0 and 1.

    Parameters
    ----------
    concentration1, concentration0 : Tensor or float
        What draws them to 1 and to 0.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Beta(2.0, 1.0).log_prob(ad.tensor(0.5))
    tensor(0.)
    """

    _parameters = ("concentration1", "concentration0")

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all("Beta", concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        return POSITIVE

    def _support(self) -> Check:
        return UNIT

    @property
    def mean(self) -> Tensor:
        """α / (α + β)."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Tensor:
        """α β / ((α + β)² (α + β + 1))."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total * total * (total + 1))

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient."""
        shape = self._shape(sample_shape)
        a, b = (c.detach().numpy() for c in (self.concentration1, self.concentration0))
        return from_array(noted(lambda: np.asarray(default_generator().beta(a, b, shape), a.dtype)))

    def _log_beta(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        x, a, b = self._checked(value), self.concentration1, self.concentration0
        return (a - 1) * log(x) + (b - 1) * log1p(-x) - self._log_beta()

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw."""
        a, b = self.concentration1, self.concentration0
        return self._log_beta() - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)


class Chi2(Gamma):
    """Chi-squared distribution: that of the sum of `df` squares of standard normal draws.

    Parameters
    ----------
    df : Tensor or float
        The degrees of freedom.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Chi2(2.0).log_prob(ad.tensor(2.0))
    tensor(-1.6931)
    """

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (n,) = broadcast_all("Chi2", df)
        super().__init__(0.5 * n, 0.5, validate_args)

    def expand(self, batch_shape: Sizes) -> Chi2:
        """Return the same of degrees of freedom that are broadcast."""
        return Chi2(broadcast_to(self.df, tuple(batch_shape)), self._validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return 2 * self.concentration
