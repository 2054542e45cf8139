"""Distributions with a location and a scale whose tails are not the normal one's, and the half of the normal one."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..functions.elementwise import where
from ..functions.transcendental import atan, digamma, exp, lgamma, log, log1p
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import POSITIVE, REAL, Check, Distribution, Sizes, broadcast_all
from .normal import Normal


class _Placed(Distribution):
    """The base: what is drawn is loc + scale · noise."""

    has_rsample: ClassVar[bool] = True
    _parameters = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(type(self).__name__, loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        return REAL if name == "loc" else POSITIVE

    def _support(self) -> Check:
        return REAL

    def _noise(self, shape: tuple[int, ...]) -> Any:
        """Draw for loc 0 and scale 1."""
        raise NotImplementedError

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + scale · ε."""
        shape, dtype = self._shape(sample_shape), self.loc.dtype
        return self.loc + self.scale * from_array(noted(lambda: np.asarray(self._noise(shape), dtype)))

    def _standard(self, value: Tensor) -> Tensor:
        return (self._checked(value) - self.loc) / self.scale


class Cauchy(_Placed):
    """Cauchy distribution: that of the quotient of two normal draws, which has no mean.

    Parameters
    ----------
    loc, scale : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Cauchy(0.0, 1.0).log_prob(ad.tensor(1.0))
    tensor(-1.8379)
    """

    def _noise(self, shape: tuple[int, ...]) -> Any:
        return default_generator().standard_cauchy(shape)

    @property
    def mean(self) -> Tensor:
        """NaN."""
        return self.loc.detach() * math.nan

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return self.scale.detach() * math.inf

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        z = self._standard(value)
        return -math.log(math.pi) - log(self.scale) - log1p(z * z)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a draw up to `value`."""
        return atan(self._standard(value)) / math.pi + 0.5

    def entropy(self) -> Tensor:
        """Return log(4π scale)."""
        return math.log(4 * math.pi) + log(self.scale)


class Gumbel(_Placed):
    """Gumbel distribution: that of the largest of many draws.

    Parameters
    ----------
    loc, scale : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Gumbel(0.0, 1.0).log_prob(ad.tensor(0.0))
    tensor(-1.)
    """

    def _noise(self, shape: tuple[int, ...]) -> Any:
        return default_generator().gumbel(size=shape)

    @property
    def mean(self) -> Tensor:
        """Loc + γ · scale, with Euler's constant γ."""
        return self.loc + self.scale * float(np.euler_gamma)

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """π² scale² / 6."""
        return self.scale * self.scale * (math.pi**2 / 6)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -z - e^-z - log scale, with z = (value - loc) / scale."""
        z = self._standard(value)
        return -z - exp(-z) - log(self.scale)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a draw up to `value`."""
        return exp(-exp(-self._standard(value)))

    def entropy(self) -> Tensor:
        """Return log scale + 1 + γ."""
        return log(self.scale) + (1 + float(np.euler_gamma))


class HalfNormal(Distribution):
    """The absolute value of a normal draw of mean 0.

    Parameters
    ----------
    scale : Tensor or float
        The standard deviation of the normal distribution.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.HalfNormal(1.0).log_prob(ad.tensor(0.0))
    tensor(-0.2258)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("scale",)

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all("HalfNormal", scale)
        super().__init__(self.scale.shape, validate_args=validate_args)
        self._whole = Normal(0, self.scale, validate_args=False)

    def _allowed(self, name: str) -> Check:
        return POSITIVE

    def _support(self) -> Check:
        return ("not negative", lambda a: a >= 0)

    @property
    def mean(self) -> Tensor:
        """Scale · √(2 / π)."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Tensor:
        """0."""
        return self.scale.detach() * 0

    @property
    def variance(self) -> Tensor:
        """Scale² (1 - 2 / π)."""
        return self.scale * self.scale * (1 - 2 / math.pi)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as scale · |ε|."""
        return self._whole.rsample(sample_shape).abs()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return that of the normal distribution, and log 2; -inf below 0."""
        x = self._checked(value)
        return where(x >= 0, self._whole.log_prob(x) + math.log(2), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a draw up to `value`."""
        return 2 * self._whole.cdf(self._checked(value)) - 1

    def entropy(self) -> Tensor:
        """Return that of the normal distribution less log 2."""
        return self._whole.entropy() - math.log(2)


class StudentT(Distribution):
    """Student's t: that of a normal draw over a root of the mean of `df` squares.

    Parameters
    ----------
    df : Tensor or float
        The degrees of freedom. No gradient flows to them through a draw.
    loc, scale : Tensor or float, optional
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.StudentT(1.0).log_prob(ad.tensor(1.0))
    tensor(-1.8379)
    """

    has_rsample: ClassVar[bool] = True
    _parameters = ("df", "loc", "scale")

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all("StudentT", df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        return REAL if name == "loc" else POSITIVE

    def _support(self) -> Check:
        return REAL

    @property
    def mean(self) -> Tensor:
        """`loc`; NaN up to 1 degree of freedom."""
        return where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Scale² · df / (df - 2); infinite up to 2 degrees of freedom, NaN up to 1."""
        n = self.df
        known = self.scale * self.scale * n / where(n > 2, n - 2, 1.0)
        return where(n > 2, known, where(n > 1, math.inf, math.nan))

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as loc + scale · t."""
        if self.df.requires_grad:
            raise RuntimeError("StudentT: no gradient flows to df through a draw; detach it, or use sample()")
        shape, dtype, n = self._shape(sample_shape), self.loc.dtype, self.df.detach().numpy()
        noise = noted(lambda: np.asarray(default_generator().standard_t(n, shape), dtype))
        return self.loc + self.scale * from_array(noise)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient."""
        df, loc, scale = (x.detach() for x in (self.df, self.loc, self.scale))
        return StudentT(df, loc, scale, validate_args=False).rsample(sample_shape)

    def _log_beta(self) -> Tensor:
        n = self.df
        return lgamma(0.5 * n) + math.lgamma(0.5) - lgamma(0.5 * (n + 1))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        z, n = (self._checked(value) - self.loc) / self.scale, self.df
        return -0.5 * (n + 1) * log1p(z * z / n) - log(self.scale) - 0.5 * log(n) - self._log_beta()

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw."""
        n = self.df
        spread = 0.5 * (n + 1) * (digamma(0.5 * (n + 1)) - digamma(0.5 * n))
        return log(self.scale) + spread + 0.5 * log(n) + self._log_beta()
