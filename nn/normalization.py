"""Layers that bring activations to mean 0 and variance 1."""

from __future__ import annotations

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.graph import increment_version

from . import functional as F  # noqa: N812  # the name everyone knows
from .module import Module, Parameter


class BatchNorm1d(Module):
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
            [ 1.0000,  1.0000]], grad_fn=<add>)

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    ICML 2015.
    """

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
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.register_parameter("weight", Parameter(ad.ones(num_features, dtype=dtype)) if affine else None)
        self.register_parameter("bias", Parameter(ad.zeros(num_features, dtype=dtype)) if affine and bias else None)
        tracks = track_running_stats
        self.register_buffer("running_mean", ad.zeros(num_features, dtype=dtype) if tracks else None)
        self.register_buffer("running_var", ad.ones(num_features, dtype=dtype) if tracks else None)
        self.register_buffer("num_batches_tracked", ad.tensor(0) if tracks else None)

    def forward(self, input: Tensor) -> Tensor:
        """Normalize (N, C) or (N, C, L) over all but dimension 1."""
        x = F.checked_tensor(input, "BatchNorm1d")
        if x.ndim not in (2, 3):
            raise ValueError(f"BatchNorm1d: expected a 2-d or 3-d input, got shape {x.shape}")
        if x.shape[1] != self.num_features:
            raise RuntimeError(f"BatchNorm1d: expected {self.num_features} features in dim 1, got shape {x.shape}")
        seen = self.num_batches_tracked if self.training else None
        momentum = self.momentum
        if momentum is None:  # all batches weigh alike, this one included
            momentum = 1 / (seen.item() + 1) if seen is not None else 0.0
        use_batch = self.training or self.running_mean is None
        y = F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, use_batch, momentum, self.eps)
        if seen is not None:
            seen.data[...] += 1
            increment_version(seen)
        return y

    def extra_repr(self) -> str:
        """Name the options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )
