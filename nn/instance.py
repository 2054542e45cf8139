"""Layers that normalize each channel of each sample."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from autodiff import Tensor
from autodiff.functions.arguments import tensor_of

from . import functional as F  # noqa: N812  # the name everyone knows
from .normalization import _BatchNorm


class _InstanceNorm(_BatchNorm):
    """Normalization of each channel of each sample, whatever further dimensions it has."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, num_features, ...), or one sample without N."""
        name = type(self).__name__
        x, (n, _) = tensor_of(input, name), self._dimensions
        if x.ndim not in self._dimensions:
            raise ValueError(f"{name}: expected a {n}-d or {n + 1}-d input, got shape {x.shape}")
        if x.shape[-n] != self.num_features:
            raise ValueError(f"{name}: expected {self.num_features} channels, got shape {x.shape}")
        if x.ndim == n:
            return self.forward(x.unsqueeze(0)).squeeze(0)
        use_own = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        return F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, use_own, momentum, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """Normalization of each channel of each sequence; see `nn.InstanceNorm2d`.

    Examples
    --------
    >>> nn.InstanceNorm1d(1)(ad.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalization of each channel of each image to mean 0 and variance 1.

    Parameters
    ----------
    num_features : int
        The number of channels.
    eps : float, optional
        What is added to the variance.
    momentum : float, optional
        The weight of a new value in the running averages.
    affine : bool, optional
        Whether there are a learned scale and shift of each channel.
    track_running_stats : bool, optional
        Whether to keep running averages, to be used in evaluation.
    device : optional
        "cpu", or None.
    dtype : dtype, optional
    bias : bool, optional
        Whether there is a shift beside the scale.

    Raises
    ------
    ValueError
        If the input does not fit.

    Examples
    --------
    >>> nn.InstanceNorm2d(3)(ad.zeros(2, 3, 4, 5)).shape
    (2, 3, 4, 5)

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance normalization", arXiv:1607.08022.
    """

    _dimensions = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalization of each channel of each volume; see `nn.InstanceNorm2d`.

    Examples
    --------
    >>> nn.InstanceNorm3d(3)(ad.zeros(2, 3, 4, 5, 6)).shape
    (2, 3, 4, 5, 6)
    """

    _dimensions = (4, 5)
