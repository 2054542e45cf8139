"""Mixtures: a draw comes from one of several distributions of a family."""

from __future__ import annotations

from typing import Any

from ..creation import as_tensor
from ..functions.indexing import gather
from ..functions.reduction import log_softmax, logsumexp
from ..functions.shape import broadcast_to
from ..tensor import Tensor
from .categorical import Categorical
from .distribution import Distribution, Sizes


class MixtureSameFamily(Distribution):
    """A distribution that draws a component first, and then from it.

    Parameters
    ----------
    mixture_distribution : Categorical
        How likely each of K components is.
    component_distribution : Distribution
        The components, along the last dimension of its batch_shape, (..., K).
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If the numbers of components differ, or the first distribution is not categorical.

    Examples
    --------
    >>> d = ad.distributions
    >>> two = d.MixtureSameFamily(d.Categorical(ad.ones(2)), d.Normal(ad.tensor([-1.0, 1.0]), ad.ones(2)))
    >>> two.log_prob(ad.tensor(0.0)), two.variance
    (tensor(-1.4189), tensor(2.))
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError("MixtureSameFamily: the mixture distribution must be a Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("MixtureSameFamily: the component distribution must be a Distribution")
        count, shape = mixture_distribution.num_events, component_distribution.batch_shape
        if not shape or shape[-1] != count:
            raise ValueError(f"MixtureSameFamily: {count} probabilities do not fit components of batch_shape {shape}")
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(shape[:-1], component_distribution.event_shape, validate_args)

    def _beside(self, x: Tensor) -> Tensor:
        """Give what belongs to components a dimension for each of an event."""
        return x.reshape(*x.shape, *(1,) * len(self.event_shape))

    def _across(self, value: Any) -> Tensor:
        """Give a value a dimension for the components."""
        return as_tensor(value).unsqueeze(-1 - len(self.event_shape))  # the components check it

    @property
    def mean(self) -> Tensor:
        """The means of the components, weighted."""
        weights = self._beside(self.mixture_distribution.probs)
        return (weights * self.component_distribution.mean).sum(-1 - len(self.event_shape))

    @property
    def variance(self) -> Tensor:
        """The variances of the components and that of their means."""
        weights, dim = self._beside(self.mixture_distribution.probs), -1 - len(self.event_shape)
        apart = self.component_distribution.mean - self.mean.unsqueeze(dim)
        return (weights * (self.component_distribution.variance + apart * apart)).sum(dim)

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw from components that are drawn first."""
        dim = -1 - len(self.event_shape)
        which = self.mixture_distribution.sample(sample_shape)
        drawn = self.component_distribution.sample(sample_shape)
        shape = list(drawn.shape)
        shape[dim] = 1
        at = broadcast_to(self._beside(which.unsqueeze(-1)), shape)
        return gather(drawn, drawn.ndim + dim, at).squeeze(dim)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the weighted sum of the components' probabilities."""
        each = self.component_distribution.log_prob(self._across(value))
        return logsumexp(each + log_softmax(self.mixture_distribution.logits, -1), -1)

    def cdf(self, value: Tensor) -> Tensor:
        """Return the probability of a draw up to `value`."""
        return (self.component_distribution.cdf(self._across(value)) * self.mixture_distribution.probs).sum(-1)

    def expand(self, batch_shape: Sizes) -> MixtureSameFamily:
        """Return the same of components that are broadcast."""
        shape = tuple(batch_shape)
        components = self.component_distribution.expand((*shape, self.mixture_distribution.num_events))
        return MixtureSameFamily(self.mixture_distribution.expand(shape), components, self._validate_args)  # type: ignore[arg-type]  # a Categorical expands to one

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self.mixture_distribution}, {self.component_distribution})"
