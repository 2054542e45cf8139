"""Distributions of counts: of successes, of failures before one, of events, and of classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..functions.elementwise import binary_cross_entropy_with_logits, clamp_min, where
from ..functions.shape import broadcast_to
from ..functions.transcendental import exp, lgamma, log, log1p, xlogy
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted, values
from .bernoulli import Odds
from .categorical import Categorical
from .distribution import Check, Distribution, Sizes, broadcast_all, one_of

_COUNT: Check = ("an integer that is not negative", lambda a: (a % 1 == 0) & (a >= 0))

_AT_LEAST_0: Check = ("not negative", lambda a: a >= 0)


def _numbers(x: Tensor) -> Any:
    """Return the numbers that a draw depends on: before it is noted, for it would take these at each run."""
    cure = "draw outside of the function, and pass what was drawn"
    return values(x, "a draw that depends on values", cure).astype(np.float64)


class Poisson(Distribution):
    """The number of events, of which `rate` are expected.

    Parameters
    ----------
    rate : Tensor or float
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Poisson(2.0).log_prob(ad.tensor([0.0, 1.0]))
    tensor([-2.0000, -1.3069])
    """

    _parameters = ("rate",)

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all("Poisson", rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    def _allowed(self, name: str) -> Check:
        return _AT_LEAST_0

    def _support(self) -> Check:
        return _COUNT

    @property
    def mean(self) -> Tensor:
        """`rate`."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The largest integer up to `rate`."""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """`rate`."""
        return self.rate

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw counts of the dtype of `rate`."""
        rate, shape, dtype = _numbers(self.rate), self._shape(sample_shape), self.rate.dtype
        return from_array(noted(lambda: np.asarray(default_generator().poisson(rate, shape), dtype)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return value · log rate - rate - log value!."""
        k = self._checked(value)
        return xlogy(k, self.rate) - self.rate - lgamma(k + 1)


class Geometric(Odds):
    """The number of failures before the first success.

    Parameters
    ----------
    probs, logits : Tensor or float
        The probability of a success, or its logarithmic odds.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Geometric(0.5).log_prob(ad.tensor([0.0, 2.0]))
    tensor([-0.6931, -2.0794])
    """

    def _allowed(self, name: str) -> Check:
        return ("above 0, at most 1", lambda a: (a > 0) & (a <= 1)) if name == "probs" else super()._allowed(name)

    def _support(self) -> Check:
        return _COUNT

    @property
    def mean(self) -> Tensor:
        """1 / p - 1."""
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        """0."""
        return self.probs.detach() * 0

    @property
    def variance(self) -> Tensor:
        """(1 / p - 1) / p."""
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw counts of the dtype of `probs`."""
        p, shape, dtype = _numbers(self.probs), self._shape(sample_shape), self.probs.dtype
        return from_array(noted(lambda: np.asarray(default_generator().geometric(p, shape) - 1, dtype)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return value · log(1 - p) + log p."""
        k, p = self._checked(value), self.probs
        certain = (p == 1) & (k == 0)
        return k * log1p(-where(certain, 0.0, p)) + log(p)

    def entropy(self) -> Tensor:
        """Return the entropy of one trial over p."""
        return binary_cross_entropy_with_logits(self.logits, self.probs) / self.probs


class _Trials(Odds):
    """The base of what has a number of trials beside the odds."""

    _parameters = ("total_count",)

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        name = type(self).__name__
        given = one_of(name, probs, logits)
        value, self.total_count = broadcast_all(name, logits if probs is None else probs, total_count)
        self._keep(given, value, validate_args)

    def _allowed(self, name: str) -> Check:
        return _AT_LEAST_0 if name == "total_count" else super()._allowed(name)


class Binomial(_Trials):
    """The number of successes in `total_count` trials.

    Parameters
    ----------
    total_count : Tensor or int, optional
    probs, logits : Tensor or float
        The probability of a success, or its logarithmic odds.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Binomial(2, 0.5).log_prob(ad.tensor([0.0, 1.0]))
    tensor([-1.3863, -0.6931])
    """

    def _support(self) -> Check:
        n = self.total_count.detach()
        return "an integer from 0 to total_count", lambda k: (k % 1 == 0) & (k >= 0) & (k <= n)

    @property
    def mean(self) -> Tensor:
        """Total_count · p."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """The largest integer up to (total_count + 1) p, at most total_count."""
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        """Total_count · p (1 - p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw counts of the dtype of `probs`."""
        n, p, shape = _numbers(self.total_count).astype(np.int64), _numbers(self.probs), self._shape(sample_shape)
        p, dtype = np.clip(p, 0, 1), self.probs.dtype
        return from_array(noted(lambda: np.asarray(default_generator().binomial(n, p, shape), dtype)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log C(n, value) + value · log p + (n - value) log(1 - p)."""
        k, n, logits = self._checked(value), self.total_count, self.logits
        ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        return ways + k * logits - n * clamp_min(logits, 0) - n * log1p(exp(-logits.abs()))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all counts along a first dimension; total_count must be the same for all."""
        n = self.total_count.detach().numpy()
        most = int(n.max(initial=0))
        if not (n == most).all():
            raise NotImplementedError("Binomial: different total_count have no common support")
        shape = self.batch_shape
        values = from_array(np.arange(most + 1, dtype=self.probs.dtype).reshape(-1, *(1,) * len(shape)))
        return broadcast_to(values, (most + 1, *shape)) if expand else values

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw, the sum over all counts."""
        each = self.log_prob(self.enumerate_support(expand=False))
        return -(exp(each) * each).sum(0)


class NegativeBinomial(_Trials):
    """The number of successes before `total_count` failures.

    Parameters
    ----------
    total_count : Tensor or float
        It need not be an integer.
    probs, logits : Tensor or float
        The probability of a success, or its logarithmic odds.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.NegativeBinomial(1.0, 0.5).log_prob(ad.tensor([0.0, 2.0]))
    tensor([-0.6931, -2.0794])
    """

    def _allowed(self, name: str) -> Check:
        return ("from 0 to below 1", lambda a: (a >= 0) & (a < 1)) if name == "probs" else super()._allowed(name)

    def _support(self) -> Check:
        return _COUNT

    @property
    def mean(self) -> Tensor:
        """Total_count times the odds."""
        return self.total_count * exp(self.logits)

    @property
    def mode(self) -> Tensor:
        """The largest integer up to (total_count - 1) times the odds."""
        return clamp_min(((self.total_count - 1) * exp(self.logits)).floor(), 0)

    @property
    def variance(self) -> Tensor:
        """The mean over the probability of a failure."""
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw Poisson counts whose rates are gamma draws."""
        n, odds, shape = _numbers(self.total_count), np.exp(_numbers(self.logits)), self._shape(sample_shape)

        def drawn() -> Any:
            source = default_generator()
            return np.asarray(source.poisson(source.standard_gamma(n, shape) * odds), self.logits.dtype)

        return from_array(noted(drawn))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability."""
        k, n, logits = self._checked(value), self.total_count, self.logits
        likely = n * (-logits).sigmoid().log() + k * logits.sigmoid().log()
        return likely + where(n + k == 0, 0.0, lgamma(n + k) - lgamma(n)) - lgamma(k + 1)


class Multinomial(Distribution):
    """How often each of K classes comes in `total_count` draws.

    Parameters
    ----------
    total_count : int, optional
    probs : Tensor, optional
        Of shape (..., K): not negative; divided by their sum.
    logits : Tensor, optional
        Instead of it logarithms of probabilities, not normalized.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.Multinomial(2, ad.tensor([0.5, 0.5])).log_prob(ad.tensor([1.0, 1.0]))
    tensor(-0.6931)
    """

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("Multinomial: total_count must be one integer for all")
        self.total_count, self._classes = total_count, Categorical(probs, logits, validate_args)
        self._parameters = self._classes._parameters
        super().__init__(self._classes.batch_shape, self._classes.param_shape[-1:], validate_args)

    def _others(self) -> dict[str, Any]:
        return {"total_count": self.total_count}

    def _allowed(self, name: str) -> Check:
        return self._classes._allowed(name)

    def _support(self) -> Check:
        words = f"integers that are not negative and add up to {self.total_count}"
        return words, lambda k: ((k % 1 == 0) & (k >= 0)).all(-1) & (k.sum(-1) == self.total_count)

    @property
    def probs(self) -> Tensor:
        """The probability of each class, (..., K)."""
        return self._classes.probs

    @property
    def logits(self) -> Tensor:
        """Its logarithm."""
        return self._classes.logits

    @property
    def mean(self) -> Tensor:
        """Total_count · p."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """Total_count · p (1 - p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw counts of the dtype of `probs`."""
        p, shape = _numbers(self.probs), self._shape(sample_shape)
        dtype = self.probs.dtype

        def drawn() -> Any:
            return np.asarray(
                default_generator().multinomial(self.total_count, p / p.sum(-1, keepdims=True), shape[:-1]), dtype
            )

        return from_array(noted(drawn))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log n! - Σ log value! + Σ value · log p."""
        k = self._checked(value).to(self.logits.dtype)
        shape = np.broadcast_shapes(k.shape, self.logits.shape)
        k, logits = broadcast_to(k, shape), broadcast_to(self.logits, shape)
        impossible = (k == 0) & (logits == -math.inf)
        terms = k * where(impossible, 0.0, logits) - lgamma(k + 1)
        return lgamma(k.sum(-1) + 1) + terms.sum(-1)

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw, by the counts of each class, which are binomial."""
        n = self.total_count
        count = Binomial(n, self.probs, validate_args=False)
        values = count.enumerate_support(expand=False)
        spread = exp(count.log_prob(values)) * lgamma(values + 1)
        return n * self._classes.entropy() - math.lgamma(n + 1) + spread.sum((0, -1))
