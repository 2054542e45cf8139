"""The Dirichlet distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..creation import as_tensor
from ..functions.elementwise import clamp_min
from ..functions.transcendental import digamma, lgamma, xlogy
from ..random import default_generator
from ..tensor import Tensor, from_array
from ..tracing import noted
from .distribution import POSITIVE, Check, Distribution, Sizes


class Dirichlet(Distribution):
    """Shares of K parts that add up to 1.

    Parameters
    ----------
    concentration : Tensor
        Of shape (..., K): what draws to each part.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If there is no dimension, or an element is not positive.

    Examples
    --------
    >>> ad.distributions.Dirichlet(ad.ones(3)).log_prob(ad.tensor([0.2, 0.3, 0.5]))
    tensor(0.6931)
    """

    _parameters = ("concentration",)

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        self.concentration = as_tensor(concentration)
        if self.concentration.ndim < 1:
            raise ValueError("Dirichlet: concentration must have at least one dimension")
        shape = self.concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def _allowed(self, name: str) -> Check:
        return POSITIVE

    def _support(self) -> Check:
        return "shares that add up to 1", lambda v: (v >= 0).all(-1) & (np.abs(v.sum(-1) - 1) < 1e-6)

    @property
    def mean(self) -> Tensor:
        """The concentrations over their sum."""
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        """The likeliest shares; where all concentrations are below 1, all of the first, as PyTorch's."""
        less = clamp_min(self.concentration - 1, 0)
        found = less / less.sum(-1, keepdim=True)
        below = (self.concentration < 1).all(-1, keepdim=True)
        first = from_array(np.arange(self.event_shape[0])) == less.argmax(-1, keepdim=True)
        return found.where(~below, first.to(found.dtype))

    @property
    def variance(self) -> Tensor:
        """α (s - α) / (s² (s + 1)), with the sum s."""
        a, total = self.concentration, self.concentration.sum(-1, keepdim=True)
        return a * (total - a) / (total * total * (total + 1))

    def sample(self, sample_shape: Sizes = ()) -> Tensor:
        """Draw without a gradient, as gamma draws over their sum."""
        a, shape = self.concentration.detach().numpy(), self._shape(sample_shape)

        def drawn() -> Any:
            parts = default_generator().standard_gamma(a.astype(np.float64), shape)
            return np.asarray(parts / parts.sum(-1, keepdims=True), a.dtype)

        return from_array(noted(drawn))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the logarithm of the density."""
        x, a = self._checked(value), self.concentration
        return xlogy(a - 1, x).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1)

    def entropy(self) -> Tensor:
        """Return the expected -log_prob of a draw."""
        a, k = self.concentration, self.event_shape[0]
        total = a.sum(-1)
        known = lgamma(a).sum(-1) - lgamma(total) - (k - total) * digamma(total)
        return known - ((a - 1) * digamma(a)).sum(-1)
