"""The Bernoulli distribution, and the probabilities and odds that it shares with others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..functions.elementwise import binary_cross_entropy_with_logits, clamp, sigmoid, where
from ..functions.shape import broadcast_to
from ..functions.transcendental import log, log1p
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import BOOLEAN, REAL, UNIT, Check, Distribution, Sizes, broadcast_all, one_of


class Odds(Distribution):
    """The base of what counts successes: their probability, or its logarithmic odds."""

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        name = type(self).__name__
        given = one_of(name, probs, logits)
        (value,) = broadcast_all(name, logits if probs is None else probs)
        self._keep(given, value, validate_args)

    def _keep(self, given: str, value: Tensor, validate_args: bool | None) -> None:
        """Take over probabilities or odds, whichever was given."""
        self._parameters = (*type(self)._parameters, given)
        self._probs: Tensor | None = value if given == "probs" else None
        self._logits: Tensor | None = value if given == "logits" else None
        super().__init__(value.shape, validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probability of a success."""
        if self._probs is None:
            assert self._logits is not None
            self._probs = sigmoid(self._logits)
        return self._probs

    @property
    def logits(self) -> Tensor:
        """Its logarithmic odds; those of 0 and 1 are limited to what the dtype can tell from them."""
        if self._logits is None:
            assert self._probs is not None
            p = within_unit(self._probs)
            self._logits = log(p) - log1p(-p)
        return self._logits

    def _allowed(self, name: str) -> Check:
        return UNIT if name == "probs" else REAL


class Bernoulli(Odds):
    """1 with a probability, 0 otherwise.

    Parameters
    ----------
    probs : Tensor or float, optional
        The probability of 1.
    logits : Tensor or float, optional
        Instead of it log(p / (1 - p)).
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If both are given or none, or a probability is not between 0 and 1.

    Examples
    --------
    >>> coin = ad.distributions.Bernoulli(0.25)
    >>> coin.log_prob(ad.tensor([0.0, 1.0]))
    tensor([-0.2877, -1.3863])
    >>> coin.mean, coin.variance
    (tensor(0.2500), tensor(0.1875))
    """

    def _support(self) -> Check:
        return BOOLEAN

    @property
    def mean(self) -> Tensor:
        """`probs`."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The likelier of 0 and 1, or NaN."""
        p = self.probs.detach()
        return where(p == 0.5, np.nan, (p > 0.5).to(p.dtype))

    @property
    def variance(self) -> Tensor:
        """``probs * (1 - probs)``."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw zeros and ones of the dtype of `probs`."""
        p, shape = self.probs.detach(), self._shape(sample_shape)
        return (from_array(noted(lambda: np.asarray(default_generator().random(shape)))) < p).to(p.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return value · log p + (1 - value) · log(1 - p)."""
        v = self._checked(value).to(self.logits.dtype)
        shape = np.broadcast_shapes(v.shape, self.batch_shape)
        return -binary_cross_entropy_with_logits(broadcast_to(self.logits, shape), broadcast_to(v, shape))

    def entropy(self) -> Tensor:
        """Return -p log p - (1 - p) log(1 - p)."""
        return binary_cross_entropy_with_logits(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return 0 and 1 along a first dimension, (2, *batch_shape), or (2, 1, ...) unless they shall expand."""
        values = from_array(np.arange(2, dtype=self.probs.dtype).reshape(-1, *(1,) * len(self.batch_shape)))
        return broadcast_to(values, (2, *self.batch_shape)) if expand else values


def within_unit(probs: Tensor) -> Tensor:
    """Return probabilities that are neither 0 nor 1, so that their logarithms are finite."""
    eps = float(np.finfo(probs.dtype).eps)
    return clamp(probs, eps, 1 - eps)
