"""Layers without parameters: what leaves values as they are, gives them another shape, or drops some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from autodiff import Tensor
from autodiff.functions.arguments import tensor_of

from . import functional as F  # noqa: N812  # the name everyone knows
from .functional._checks import checked_probability
from .module import Module


class Identity(Module):
    """A layer that returns its input; it takes any arguments and ignores them.

    Examples
    --------
    >>> nn.Identity(54, unused=True)(ad.tensor([1.0]))
    tensor([1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input


class Flatten(Module):
    """Join the dimensions from `start_dim` to `end_dim` into one.

    Parameters
    ----------
    start_dim, end_dim : int, optional
        All but the batch by default.

    Examples
    --------
    >>> nn.Flatten()(ad.zeros(5, 2, 3)).shape
    (5, 6)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., a, b, c, ...) to (..., a · b · c, ...)."""
        return tensor_of(input, "Flatten").flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Name the dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Part a dimension into several.

    Parameters
    ----------
    dim : int
    unflattened_size : sequence of int
        The sizes; one of them may be -1 and is then found from the others.

    Raises
    ------
    TypeError
        If `dim` is no integer or the sizes are not a sequence of integers.

    Examples
    --------
    >>> nn.Unflatten(1, (2, 3))(ad.zeros(5, 6)).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        sizes = unflattened_size
        if not isinstance(dim, int) or not isinstance(sizes, Sequence) or not all(isinstance(n, int) for n in sizes):
            raise TypeError(f"Unflatten: expected an integer and a tuple of integers, got {dim!r} and {sizes!r}")
        self.dim, self.unflattened_size = dim, tuple(sizes)

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., a · b, ...) to (..., a, b, ...)."""
        x = tensor_of(input, "Unflatten")
        if not -x.ndim <= self.dim < x.ndim:
            raise IndexError(f"Unflatten: dim {self.dim} is out of range for shape {x.shape}")
        d, sizes = self.dim % x.ndim, self.unflattened_size
        rest = math.prod(n for n in sizes if n != -1)
        if -1 in sizes and rest:
            sizes = tuple(x.shape[d] // rest if n == -1 else n for n in sizes)
        if math.prod(sizes) != x.shape[d]:
            raise RuntimeError(f"Unflatten: sizes {self.unflattened_size} do not hold dim {d} of shape {x.shape}")
        return x.reshape(*x.shape[:d], *sizes, *x.shape[d + 1 :])

    def extra_repr(self) -> str:
        """Name the dimension and the sizes."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Dropout(Module):
    """In training, put 0 in the place of elements chosen at random and divide the others by 1 - p.

    Parameters
    ----------
    p : float, optional
        The probability with which an element becomes 0.
    inplace : bool, optional
        Put the result in the input's own memory, and return the input.

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1.

    Examples
    --------
    >>> drop = nn.Dropout(0.5)
    >>> sorted(set(drop(ad.ones(100)).tolist()))
    [0.0, 2.0]
    >>> drop.eval()(ad.ones(2))
    tensor([1., 1.])

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks
    from overfitting", JMLR 2014.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = checked_probability(p, "Dropout"), inplace

    def forward(self, input: Tensor) -> Tensor:
        """Map any shape to itself."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Name the probability."""
        return f"p={self.p}, inplace={self.inplace}"
