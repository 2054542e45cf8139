"""Losses as modules."""

from __future__ import annotations

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .module import Module


class _Loss(Module):
    """A loss with a choice of reduction."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = F.checked_reduction(reduction, type(self).__name__)


class MSELoss(_Loss):
    """Mean squared error; see `nn.functional.mse_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.MSELoss()(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare two tensors of one shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """Cross entropy of logits and classes; see `nn.functional.cross_entropy`.

    Parameters
    ----------
    weight : Tensor, optional
        Of shape (C,): the weight of each class.
    ignore_index : int, optional
        A label whose rows do not count.
    reduction : {"mean", "sum", "none"}, optional
    label_smoothing : float, optional
        The share of the target that is spread evenly over all classes, from 0 to 1.

    Examples
    --------
    >>> nn.CrossEntropyLoss()(ad.tensor([[0.0, 0.0]]), ad.tensor([1]))
    tensor(0.6931)
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = F.checked_smoothing(label_smoothing, "CrossEntropyLoss")

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare logits (N, C, ...) with labels (N, ...) or probabilities (N, C, ...)."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of logits; see `nn.functional.binary_cross_entropy_with_logits`.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each element, broadcast.
    reduction : {"mean", "sum", "none"}, optional
    pos_weight : Tensor, optional
        A factor for the positive targets, broadcast.

    Examples
    --------
    >>> nn.BCEWithLogitsLoss()(ad.tensor([0.0]), ad.tensor([1.0]))
    tensor(0.6931)
    """

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare logits with targets between 0 and 1, of one shape."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )
