"""Maps of random variables: with their inverses, and the logarithms of how much they stretch."""

from __future__ import annotations

import math
from typing import Any

from ..creation import as_tensor
from ..functions.elementwise import abs as absolute
from ..functions.elementwise import sigmoid, softplus
from ..functions.transcendental import atanh, exp, log, log1p, tanh
from ..tensor import Tensor


class Transform:
    """The base of all maps."""

    event_dim = 0

    def __init__(self, cache_size: int = 0) -> None:
        self._cache_size = cache_size

    def __call__(self, x: Tensor) -> Tensor:
        """Map draws."""
        raise NotImplementedError

    def inv(self, y: Tensor) -> Tensor:
        """Map back."""
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the logarithm of the derivative's magnitude at x, which is mapped to y."""
        raise NotImplementedError


class ExpTransform(Transform):
    """y = e to the power of x."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return e to the power of x."""
        return exp(x)

    def inv(self, y: Tensor) -> Tensor:
        """Return log(y)."""
        return log(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x."""
        return x


class TanhTransform(Transform):
    """y = tanh(x)."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return tanh(x)."""
        return tanh(x)

    def inv(self, y: Tensor) -> Tensor:
        """Return artanh(y)."""
        return atanh(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log(1 - tanh(x)²), in a form that does not overflow."""
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class SigmoidTransform(Transform):
    """y = σ(x)."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return σ(x)."""
        return sigmoid(x)

    def inv(self, y: Tensor) -> Tensor:
        """Return log(y / (1 - y))."""
        return log(y) - log1p(-y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log(σ(x) σ(-x))."""
        return -softplus(-x) - softplus(x)


class AffineTransform(Transform):
    """y = loc + scale · x."""

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim

    def __call__(self, x: Tensor) -> Tensor:
        """Return loc + scale · x."""
        y: Tensor = self.loc + self.scale * x
        return y

    def inv(self, y: Tensor) -> Tensor:
        """Return (y - loc) / scale."""
        x: Tensor = (y - self.loc) / self.scale
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log |scale|."""
        found: Tensor = x * 0 + log(absolute(as_tensor(self.scale)))
        return found.sum(tuple(range(-self.event_dim, 0))) if self.event_dim else found
