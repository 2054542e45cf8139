"""Distributions made of others: of several elements together, and of what a map makes of draws."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ..engine.modes import no_grad
from ..tensor import Tensor
from .distribution import Distribution, Sizes
from .normal import Normal
from .transforms import ExpTransform, Transform


class Independent(Distribution):
    """A distribution whose last batch dimensions are one draw, so that their log probabilities add up.

    Parameters
    ----------
    base_distribution : Distribution
    reinterpreted_batch_ndims : int
        How many dimensions.
    validate_args : bool, optional

    Examples
    --------
    >>> normal = ad.distributions.Normal(ad.zeros(3), 1.0)
    >>> ad.distributions.Independent(normal, 1).log_prob(ad.zeros(3))
    tensor(-2.7568)
    """

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        n, shape = reinterpreted_batch_ndims, base_distribution.batch_shape
        if n > len(shape):
            raise ValueError(f"Independent: {n} dimensions are more than those of batch_shape {shape}")
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        self.has_rsample = base_distribution.has_rsample  # type: ignore[misc]  # PyTorch's, too, is the base's
        cut = len(shape) - n
        super().__init__(shape[:cut], (*shape[cut:], *base_distribution.event_shape), validate_args)

    @property
    def mean(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        """That of the base."""
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        """That of the base."""
        return self.base_dist.variance

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw so that gradients flow to the parameters."""
        return self.base_dist.rsample(sample_shape)

    def expand(self, batch_shape: Sizes) -> Independent:
        """Return the same of a base that is broadcast."""
        n = self.reinterpreted_batch_ndims
        more = self.event_shape[:n]
        return Independent(self.base_dist.expand((*batch_shape, *more)), n, self._validate_args)

    def _summed(self, x: Tensor) -> Tensor:
        n = self.reinterpreted_batch_ndims
        return x.sum(tuple(range(-n, 0))) if n else x

    def log_prob(self, value: Tensor) -> Tensor:
        """Add up the log probabilities of what is one draw."""
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        """Add up the entropies of what is one draw."""
        return self._summed(self.base_dist.entropy())

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """What maps make of the draws of a distribution.

    Parameters
    ----------
    base_distribution : Distribution
    transforms : Transform or sequence of Transform
    validate_args : bool, optional

    Examples
    --------
    >>> d = ad.distributions
    >>> squashed = d.TransformedDistribution(d.Normal(0.0, 1.0), [d.TanhTransform()])
    >>> squashed.log_prob(ad.tensor(0.0))
    tensor(-0.9189)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        self.base_dist = base_distribution
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        self.has_rsample = base_distribution.has_rsample  # type: ignore[misc]  # as in `Independent`
        super().__init__(base_distribution.batch_shape, base_distribution.event_shape, validate_args)

    def expand(self, batch_shape: Sizes) -> TransformedDistribution:
        """Return the same of a base that is broadcast."""
        wide = copy.copy(self)
        wide.base_dist, wide.batch_shape = self.base_dist.expand(batch_shape), tuple(batch_shape)
        return wide

    def _mapped(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient."""
        with no_grad():
            return self._mapped(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw so that gradients flow to the parameters."""
        return self._mapped(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the base's at what is mapped to `value`, less the logarithm of how much the maps stretch."""
        y, total, n = value, None, len(self.event_shape)
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            stretch = transform.log_abs_det_jacobian(x, y)
            more = n - transform.event_dim
            stretch = stretch.sum(tuple(range(-more, 0))) if more > 0 else stretch
            total = stretch if total is None else total + stretch
            y = x
        found = self.base_dist.log_prob(y)
        return found if total is None else found - total


class LogNormal(TransformedDistribution):
    """The distribution of e to the power of a normal draw.

    Parameters
    ----------
    loc, scale : Tensor or float
        Those of the normal distribution.
    validate_args : bool, optional

    Examples
    --------
    >>> ad.distributions.LogNormal(0.0, 1.0).log_prob(ad.tensor(1.0))
    tensor(-0.9189)
    """

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Tensor:
        """The mean of the logarithms."""
        return self.base_dist.mean

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the logarithms."""
        return self.base_dist.stddev

    @property
    def mean(self) -> Tensor:
        """E to the power of loc + scale² / 2."""
        return (self.loc + self.scale**2 / 2).exp()

    def entropy(self) -> Tensor:
        """Return that of the normal distribution, and loc."""
        return self.base_dist.entropy() + self.loc
