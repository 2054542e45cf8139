"""Classes as vectors: one element 1 and the others 0, exactly or nearly so."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..creation import as_tensor
from ..functions.elementwise import sigmoid, softplus
from ..functions.reduction import logsumexp, softmax
from ..functions.shape import broadcast_to
from ..functions.transcendental import exp, log, log1p
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .bernoulli import Odds
from .categorical import Categorical
from .distribution import UNIT, Check, Distribution, Sizes


class _Vector(Distribution):
    """The base of vectors whose elements stand for classes."""

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._classes = Categorical(probs, logits, validate_args)
        self._parameters = self._classes._parameters
        super().__init__(self._classes.batch_shape, self._classes.param_shape[-1:], validate_args)

    def _allowed(self, name: str) -> Check:
        return self._classes._allowed(name)

    @property
    def probs(self) -> Tensor:
        """The probability of each class, (..., K)."""
        return self._classes.probs

    @property
    def logits(self) -> Tensor:
        """Its logarithm."""
        return self._classes.logits

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self._classes.param_shape


class OneHotCategorical(_Vector):
    """One of K classes, as a vector with a 1 in its place.

    Parameters
    ----------
    probs : Tensor, optional
        Of shape (..., K): not negative; divided by their sum.
    logits : Tensor, optional
        Instead of it logarithms of probabilities, not normalized.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.OneHotCategorical(ad.tensor([1.0, 3.0])).log_prob(ad.tensor([0.0, 1.0]))
    tensor(-0.2877)
    """

    def _support(self) -> Check:
        return "a one-hot vector", lambda v: ((v == 0) | (v == 1)).all(-1) & (v.sum(-1) == 1)

    @property
    def mean(self) -> Tensor:
        """`probs`."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The vector of the likeliest class."""
        return self._vector(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        """``probs * (1 - probs)``."""
        return self.probs * (1 - self.probs)

    def _vector(self, classes: Tensor) -> Tensor:
        places = from_array(np.arange(self.event_shape[0]))
        return (classes.unsqueeze(-1) == places).to(self.probs.dtype)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw vectors of the dtype of `probs`."""
        return self._vector(self._classes.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the probability of the classes."""
        return self._classes.log_prob(self._checked(value).argmax(-1))

    def entropy(self) -> Tensor:
        """Return -Σ p log p."""
        return self._classes.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """Return the vectors of all classes along a first dimension."""
        n = self.event_shape[0]
        values = from_array(np.eye(n, dtype=self.probs.dtype).reshape(n, *(1,) * len(self.batch_shape), n))
        return broadcast_to(values, (n, *self.batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """The same, whose draws hand their gradient to the probabilities.

    Parameters
    ----------
    probs, logits : Tensor, optional
        As for `OneHotCategorical`.
    validate_args : bool, optional

    Examples
    --------
    >>> p = ad.tensor([0.0, 1.0], requires_grad=True)
    >>> ad.distributions.OneHotCategoricalStraightThrough(p).rsample()
    tensor([0., 1.], grad_fn=<sub>)

    References
    ----------
    Bengio, Léonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013.
    """

    has_rsample: ClassVar[bool] = True

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw so that the gradient of a draw is that of the probabilities."""
        drawn = self.sample(sample_shape)
        return drawn + self.probs - self.probs.detach()


def _uniform(shape: tuple[int, ...], dtype: Any) -> Tensor:
    """Return uniform numbers that are neither 0 nor 1."""
    limits = np.finfo(dtype)
    drawn = noted(lambda: np.asarray(default_generator().random(shape), dtype).clip(limits.tiny, 1 - limits.eps))
    return from_array(drawn)


class RelaxedOneHotCategorical(_Vector):
    """Vectors that come near one-hot ones as the temperature falls, and have gradients (Gumbel-softmax).

    Parameters
    ----------
    temperature : Tensor or float
    probs, logits : Tensor, optional
        As for `OneHotCategorical`.
    validate_args : bool, optional

    Examples
    --------
    >>> d = ad.distributions.RelaxedOneHotCategorical(0.5, ad.tensor([0.5, 0.5]))
    >>> d.log_prob(ad.tensor([0.5, 0.5]))
    tensor(-0.6931)

    References
    ----------
    Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.
    """

    has_rsample: ClassVar[bool] = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature = as_tensor(temperature)
        super().__init__(probs, logits, validate_args)

    def _others(self) -> dict[str, Any]:
        return {"temperature": self.temperature}

    def _support(self) -> Check:
        return "shares that add up to 1", lambda v: (v >= 0).all(-1) & ((v.sum(-1) - 1).abs() < 1e-5)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as the softmax of logits and Gumbel numbers over the temperature."""
        gumbel = -log(-log(_uniform(self._shape(sample_shape), self.logits.dtype)))
        return softmax((self.logits + gumbel) / self.temperature, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        y, n, t = log(self._checked(value)), self.event_shape[0], self.temperature
        score = self.logits - y * t
        score = (score - logsumexp(score, -1, keepdim=True)).sum(-1)
        return score + math.lgamma(n) + (n - 1) * log(t) - y.sum(-1)


class RelaxedBernoulli(Odds):
    """Numbers between 0 and 1 that come near both as the temperature falls, and have gradients.

    Parameters
    ----------
    temperature : Tensor or float
    probs, logits : Tensor or float
        The probability of 1, or its logarithmic odds.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.RelaxedBernoulli(1.0, 0.5).log_prob(ad.tensor(0.5))
    tensor(0.)

    References
    ----------
    Maddison, Mnih and Teh, "The concrete distribution", ICLR 2017.
    """

    has_rsample: ClassVar[bool] = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self.temperature = as_tensor(temperature)
        super().__init__(probs, logits, validate_args)

    def _others(self) -> dict[str, Any]:
        return {"temperature": self.temperature}

    def _support(self) -> Check:
        return UNIT

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw as the sigmoid of logits and logistic numbers over the temperature."""
        u = _uniform(self._shape(sample_shape), self.logits.dtype)
        return sigmoid((log(u) - log1p(-u) + self.logits) / self.temperature)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        v = self._checked(value)
        x = log(v) - log1p(-v)
        shift = self.logits - x * self.temperature
        return log(self.temperature) + shift - 2 * log1p(exp(shift)) + softplus(x) + softplus(-x)
