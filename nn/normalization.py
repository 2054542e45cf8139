"""Layers that bring activations to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.engine.graph import array_of, increment_version
from autodiff.functions.arguments import tensor_of
from autodiff.tracing import tracing

from . import functional as F  # noqa: N812  # the name everyone knows
from .functional._checks import check_sizes
from .module import Module, Parameter


def _reset(module: Any) -> None:
    """Let scale and shift, where there are any, be 1 and 0 again."""
    for parameter, value in ((module.weight, 1), (getattr(module, "bias", None), 0)):
        if parameter is not None:
            parameter.detach().fill_(value)


class _BatchNorm(Module):
    """Normalization of each feature over the batch, whatever further dimensions it has."""

    _version = 2  # since batches are counted
    _dimensions: tuple[int, ...]  # how many an input may have
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_sizes(type(self).__name__, num_features=num_features)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter(
            "weight", Parameter(ad.ones(num_features, device=device, dtype=dtype)) if affine else None
        )
        self.register_parameter(
            "bias", Parameter(ad.zeros(num_features, device=device, dtype=dtype)) if affine and bias else None
        )
        tracks = track_running_stats
        self.register_buffer("running_mean", ad.zeros(num_features, device=device, dtype=dtype) if tracks else None)
        self.register_buffer("running_var", ad.ones(num_features, device=device, dtype=dtype) if tracks else None)
        self.register_buffer("num_batches_tracked", ad.tensor(0) if tracks else None)

    def reset_running_stats(self) -> None:
        """Start the running averages over: mean 0, variance 1, no batch seen."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                buffer.detach().fill_(value)

    def reset_parameters(self) -> None:
        """Start parameters and running averages over."""
        self.reset_running_stats()
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, num_features, ...) over all but dimension 1."""
        name = type(self).__name__
        x = tensor_of(input, name)
        shape = x._data.shape
        if len(shape) not in self._dimensions:
            expected = " or ".join(f"{n}-d" for n in self._dimensions)
            raise ValueError(f"{name}: expected a {expected} input, got shape {shape}")
        if shape[1] != self.num_features:
            raise RuntimeError(f"{name}: expected {self.num_features} features in dim 1, got shape {shape}")
        updates = self.training and self.track_running_stats
        seen = self.num_batches_tracked if updates else None
        momentum: Any = self.momentum
        if momentum is None:  # all batches weigh alike, this one included
            if seen is not None and tracing() is not None:
                momentum = 1 / (seen.detach() + 1).double()
            else:
                momentum = 1 / (seen.item() + 1) if seen is not None else 0.0
        mean, var = (self.running_mean, self.running_var) if updates or not self.training else (None, None)
        use_batch = self.training or self.running_mean is None
        y = self._normalize(x, mean, var, use_batch, momentum)
        if seen is not None and (trace := tracing()) is not None:
            trace.changes(seen, seen.detach() + 1)
        elif seen is not None:
            count = array_of(seen)
            count += 1
            increment_version(seen)
        return y

    def _normalize(self, x: Tensor, mean: Any, var: Any, use_batch: bool, momentum: Any) -> Tensor:
        """Normalize, and move the running averages, where they are given."""
        return F.batch_norm(x, mean, var, self.weight, self.bias, use_batch, momentum, self.eps)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: Mapping[str, Any], *how: Any
    ) -> None:
        """Copy this layer's part of a state; an old one does not count batches, as PyTorch knows."""
        if self.num_batches_tracked is not None and (local_metadata.get("version") or 0) < 2:
            state_dict.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *how)

    def extra_repr(self) -> str:
        """Name the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Normalization of each feature over the batch, then a learned scale and shift.

    In training it uses the batch's own mean and variance, and keeps running averages of both; in evaluation it uses
    these averages.

    Parameters
    ----------
    num_features : int
        The size of dimension 1.
    eps : float, optional
        Added to the variance, against division by zero.
    momentum : float or None, optional
        The weight of the newest batch in the running averages; None averages all batches alike.
    affine : bool, optional
        Whether to learn a scale and a shift.
    track_running_stats : bool, optional
        Whether to keep running averages. Without them evaluation, too, uses the batch.
    device : optional
        "cpu", or None.
    dtype : dtype, optional
        The default dtype (float32) unless given.
    bias : bool, optional
        Whether to learn the shift, too, where `affine` holds.

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape (num_features,), starting at 1 and 0.
    running_mean, running_var : Tensor or None
        Of shape (num_features,), starting at 0 and 1. The variance is the unbiased one.
    num_batches_tracked : Tensor or None

    Examples
    --------
    Shapes (N, num_features) or (N, num_features, L), and the same out:

    >>> norm = nn.BatchNorm1d(2)
    >>> norm(ad.tensor([[1.0, 10.0], [3.0, 30.0]]))
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]], grad_fn=<addcmul>)

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    ICML 2015.
    """

    _dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalization of each channel of images over the batch, of shape (N, num_features, H, W); see `BatchNorm1d`.

    Examples
    --------
    >>> nn.BatchNorm2d(3)(ad.randn(4, 3, 8, 8)).shape
    (4, 3, 8, 8)
    """

    _dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalization of each channel of volumes over the batch, of shape (N, num_features, D, H, W); see `BatchNorm1d`.

    Examples
    --------
    >>> nn.BatchNorm3d(3)(ad.randn(4, 3, 2, 2, 2)).shape
    (4, 3, 2, 2, 2)
    """

    _dimensions = (5,)


class LayerNorm(Module):
    """Normalization of each sample over its last dimensions, then a learned scale and shift.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last dimensions.
    eps : float, optional
        Added to the variance.
    elementwise_affine : bool, optional
        Whether to learn a scale and a shift.
    bias : bool, optional
        Whether to learn the shift, too.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape `normalized_shape`, starting at 1 and 0.

    Examples
    --------
    >>> nn.LayerNorm(2)(ad.tensor([[1.0, 3.0]])).detach()
    tensor([[-1.0000,  1.0000]])

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape, type(self).__name__)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        learned = elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", Parameter(ad.ones(shape, device=device, dtype=dtype)) if learned else None)
        self.register_parameter(
            "bias", Parameter(ad.zeros(shape, device=device, dtype=dtype)) if learned and bias else None
        )

    def reset_parameters(self) -> None:
        """Let scale and shift start over."""
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., *normalized_shape) to itself."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Name the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Division of each sample by the root of its mean square, then a learned scale.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of the last dimensions, over which the mean is taken.
    eps : float, optional
        Added to the mean square; the spacing of floats at 1 unless given.
    elementwise_affine : bool, optional
        Whether to learn a scale.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter or None
        Of shape `normalized_shape`, starting at 1.

    Examples
    --------
    >>> nn.RMSNorm(2)(ad.tensor([[1.0, 7.0]])).detach()
    tensor([[0.2000, 1.4000]])

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape, type(self).__name__)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        weight = Parameter(ad.ones(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", weight)

    def reset_parameters(self) -> None:
        """Let scale and shift start over."""
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., *normalized_shape) to itself."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Name the options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalization of each sample over groups of its channels, then a learned scale and shift.

    Parameters
    ----------
    num_groups, num_channels : int
        Into how many groups of equal size the channels are parted.
    eps : float, optional
        Added to the variance.
    affine : bool, optional
        Whether to learn a scale and a shift.
    device : optional
        "cpu", or None.
    dtype : dtype, optional
    bias : bool, optional
        Whether to learn the shift, too.

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape (num_channels,), starting at 1 and 0.

    Raises
    ------
    ValueError
        If the channels are not divisible by the groups.

    Examples
    --------
    >>> nn.GroupNorm(2, 4)(ad.tensor([[1.0, 3.0, 10.0, 30.0]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])

    References
    ----------
    Wu and He, "Group normalization", ECCV 2018.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        check_sizes("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if not num_groups or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels are not divisible by {num_groups} groups")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.register_parameter(
            "weight", Parameter(ad.ones(num_channels, device=device, dtype=dtype)) if affine else None
        )
        self.register_parameter(
            "bias", Parameter(ad.zeros(num_channels, device=device, dtype=dtype)) if affine and bias else None
        )

    def reset_parameters(self) -> None:
        """Let scale and shift start over."""
        _reset(self)

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, num_channels, ...) to itself."""
        x = tensor_of(input, "GroupNorm")
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise RuntimeError(f"GroupNorm: expected {self.num_channels} channels in dim 1, got shape {x.shape}")
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Name the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


def _shape(normalized_shape: int | Sequence[int], name: str) -> tuple[int, ...]:
    sizes = tuple(normalized_shape) if isinstance(normalized_shape, Sequence) else (normalized_shape,)
    for size in sizes:
        check_sizes(name, normalized_shape=size)
    return sizes
