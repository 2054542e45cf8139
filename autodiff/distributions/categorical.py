"""The categorical distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..functions.arguments import computed
from ..functions.elementwise import clamp_min
from ..functions.indexing import gather
from ..functions.reduction import logsumexp
from ..functions.shape import broadcast_to
from ..functions.transcendental import exp, log
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .bernoulli import within_unit
from .distribution import REAL, Check, Distribution, Sizes, broadcast_all, one_of


class Categorical(Distribution):
    """One of K classes, each with its probability.

    Parameters
    ----------
    probs : Tensor, optional
        Of shape (..., K): not negative; divided by their sum.
    logits : Tensor, optional
        Instead of it logarithms of probabilities, not normalized.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If both are given or none, there is no dimension, or a probability is negative.

    Examples
    --------
    >>> die = ad.distributions.Categorical(ad.tensor([1.0, 1.0, 2.0]))
    >>> die.probs
    tensor([0.2500, 0.2500, 0.5000])
    >>> die.log_prob(ad.tensor([0, 2]))
    tensor([-1.3863, -0.6931])
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        given = one_of("Categorical", probs, logits)
        (value,) = broadcast_all("Categorical", logits if probs is None else probs)
        if not value.ndim:
            raise ValueError(f"Categorical: {given} must have at least one dimension")
        self._parameters = (given,)
        self._probs: Tensor | None = None if probs is None else value / value.sum(-1, keepdim=True)
        self._logits: Tensor | None = value - logsumexp(value, -1, keepdim=True) if probs is None else None
        self.num_events = value.shape[-1]
        self.param_shape = value.shape
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @property
    def probs(self) -> Tensor:
        """The probability of each class, (..., K)."""
        if self._probs is None:
            self._probs = exp(self.logits)
        return self._probs

    @property
    def logits(self) -> Tensor:
        """Its logarithm; that of 0 is limited to what the dtype can tell from it."""
        if self._logits is None:
            self._logits = log(within_unit(self.probs))
        return self._logits

    def _allowed(self, name: str) -> Check:
        if name == "logits":
            return REAL
        return (
            "not negative, with a positive sum",
            lambda p: (p >= 0).all(-1) & (np.abs(p.sum(-1) - 1) < 1e-6 * p.shape[-1]),
        )

    def _support(self) -> Check:
        n = self.num_events
        return f"an integer from 0 to {n - 1}", lambda value: (value % 1 == 0) & (value >= 0) & (value < n)

    @property
    def mean(self) -> Tensor:
        """NaN: classes are no numbers."""
        return from_array(np.full(self.batch_shape, np.nan, self.param_dtype))

    @property
    def variance(self) -> Tensor:
        """NaN: classes are no numbers."""
        return self.mean

    @property
    def mode(self) -> Tensor:
        """The likeliest class."""
        return self.probs.argmax(-1)

    @property
    def param_dtype(self) -> np.dtype[Any]:
        """The dtype of the parameters."""
        known: Any = self._logits if self._probs is None else self._probs
        dtype: np.dtype[Any] = known.dtype
        return dtype

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw classes as int64: the first up to which the probabilities add up to more than a uniform number."""
        shape = (*self._shape(sample_shape), 1)
        return computed("categorical", _drawn, self.probs, from_array(noted(lambda: default_generator().random(shape))))  # type: ignore[no-any-return]  # a Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of the classes `value`."""
        at = self._checked(value).long()
        shape = np.broadcast_shapes(at.shape, self.batch_shape)
        logits = broadcast_to(self.logits, (*shape, self.num_events))
        return gather(logits, -1, broadcast_to(at, shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        """Return -Σ p log p."""
        logits = clamp_min(self.logits, float(np.finfo(self.param_dtype).min))
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return all classes along a first dimension, (K, *batch_shape), or (K, 1, ...) unless they shall expand."""
        values = from_array(np.arange(self.num_events).reshape(-1, *(1,) * len(self.batch_shape)))
        return broadcast_to(values, (self.num_events, *self.batch_shape)) if expand else values


def _drawn(probs: Any, u: Any) -> Any:
    steps = probs.astype(np.float64).cumsum(-1)
    # a product may be rounded up to the sum
    u = np.minimum(u * steps[..., -1:], np.nextafter(steps[..., -1:], 0))
    return (u >= steps).sum(-1)
