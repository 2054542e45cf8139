"""Activation functions as modules."""

from __future__ import annotations

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .module import Module


class ReLU(Module):
    """Rectified linear unit: max(x, 0), element by element.

    Examples
    --------
    >>> nn.ReLU()(ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.relu(input)


class LeakyReLU(Module):
    """Leaky rectified linear unit: x where x > 0, `negative_slope` times x elsewhere.

    Parameters
    ----------
    negative_slope : float, optional

    Examples
    --------
    >>> nn.LeakyReLU(0.1)(ad.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """Name the slope."""
        return f"negative_slope={self.negative_slope}"


class SiLU(Module):
    """Sigmoid linear unit, or swish: x times its logistic function.

    Examples
    --------
    >>> nn.SiLU()(ad.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.silu(input)


class Sigmoid(Module):
    """Logistic function 1 / (1 + exp(-x)), element by element.

    Examples
    --------
    >>> nn.Sigmoid()(ad.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent, element by element.

    Examples
    --------
    >>> nn.Tanh()(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.tanh(input)


class Softmax(Module):
    """Exponentials along a dimension, scaled so that they add up to 1.

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> nn.Softmax(dim=1)(ad.tensor([[1.0, 1.0]]))
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Name the dimension."""
        return f"dim={self.dim}"
