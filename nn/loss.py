"""Losses as modules; formulas and references stand with the functions in `nn.functional`."""

from __future__ import annotations

from typing import Any

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .distance import PairwiseDistance
from .functional._checks import checked_reduction, checked_smoothing, with_old_reduction
from .module import Module


class _Loss(Module):
    """A function of an input and a target, with the options that the constructor was given.

    A subclass sets `function`, and hands its options, by name, to this constructor; tensors become buffers.
    """

    function: Any
    _reductions: tuple[str, ...] = ()  # beyond those of every loss

    def __init_subclass__(cls) -> None:
        """Let the constructor take PyTorch's old options."""
        super().__init_subclass__()
        if "__init__" in vars(cls):
            made: Any = with_old_reduction(vars(cls)["__init__"])
            setattr(cls, "__init__", made)  # noqa: B010  # mypy refuses the assignment

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean", **options: Any) -> None:
        super().__init__()
        self.reduction = checked_reduction(reduction, type(self).__name__, *self._reductions)
        self._options = ("reduction", *options)
        for name, value in options.items():
            if name in ("weight", "pos_weight"):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)

    def _compare(self, *tensors: Any) -> Tensor:
        result: Tensor = self.function(*tensors, **{name: getattr(self, name) for name in self._options})
        return result

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Compare input and target."""
        return self._compare(input, target)


class _WeightedLoss(_Loss):
    """The base for new losses that have a weight for each class."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction, weight=weight)


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

    function = staticmethod(F.mse_loss)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class L1Loss(_Loss):
    """Mean absolute error; see `nn.functional.l1_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.L1Loss()(ad.tensor([1.0, 2.0]), ad.tensor([1.0, 4.0]))
    tensor(1.)
    """

    function = staticmethod(F.l1_loss)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class SmoothL1Loss(_Loss):
    """Squared error near 0 and absolute error beyond `beta`, averaged; see `nn.functional.smooth_l1_loss`.

    Parameters
    ----------
    beta : float, optional
        Where the one becomes the other.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.SmoothL1Loss()(ad.tensor([1.0, 2.0]), ad.tensor([1.5, 4.0]))
    tensor(0.8125)
    """

    function = staticmethod(F.smooth_l1_loss)

    def __init__(self, *, beta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(beta=beta, reduction=reduction)


class HuberLoss(_Loss):
    """Squared error near 0 and scaled absolute error beyond `delta`, averaged; see `nn.functional.huber_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, optional
    delta : float, optional
        Where the one becomes the other.

    Examples
    --------
    >>> nn.HuberLoss()(ad.tensor([1.0, 2.0]), ad.tensor([1.5, 4.0]))
    tensor(0.8125)
    """

    function = staticmethod(F.huber_loss)

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction, delta=delta)


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of a normal distribution; see `nn.functional.gaussian_nll_loss`.

    Parameters
    ----------
    full : bool, optional
        Whether to add the constant log(2π) / 2.
    eps : float, optional
        The least variance.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.GaussianNLLLoss()(ad.tensor([1.0]), ad.tensor([3.0]), ad.tensor([2.0]))
    tensor(1.3466)
    """

    function = staticmethod(F.gaussian_nll_loss)

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(full=full, eps=eps, reduction=reduction)

    def forward(self, input: Tensor, target: Tensor, var: Tensor) -> Tensor:  # type: ignore[override]  # three tensors
        """Compare a predicted mean and variance with what was observed."""
        return self._compare(input, target, var)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts; see `nn.functional.poisson_nll_loss`.

    Parameters
    ----------
    log_input : bool, optional
        Whether the input is the logarithm of the rate.
    full : bool, optional
        Whether to add Stirling's approximation of log(target!).
    eps : float, optional
        Added to a rate before its logarithm is taken.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.PoissonNLLLoss()(ad.tensor([0.0]), ad.tensor([3.0]))
    tensor(1.)
    """

    function = staticmethod(F.poisson_nll_loss)

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(log_input=log_input, full=full, eps=eps, reduction=reduction)


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

    function = staticmethod(F.cross_entropy)
    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        checked_smoothing(label_smoothing, "CrossEntropyLoss")
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)


class NLLLoss(_Loss):
    """Negative log-likelihood of log-probabilities and classes; see `nn.functional.nll_loss`.

    Parameters
    ----------
    weight : Tensor, optional
        Of shape (C,): the weight of each class.
    ignore_index : int, optional
        A label whose rows do not count.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.NLLLoss()(ad.tensor([[-0.5, -1.0]]), ad.tensor([1]))
    tensor(1.)
    """

    function = staticmethod(F.nll_loss)
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)


class BCELoss(_Loss):
    """Binary cross entropy of probabilities; see `nn.functional.binary_cross_entropy`.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each element, broadcast.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.BCELoss()(ad.tensor([0.5]), ad.tensor([1.0]))
    tensor(0.6931)
    """

    function = staticmethod(F.binary_cross_entropy)
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)


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

    function = staticmethod(F.binary_cross_entropy_with_logits)
    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self, weight: Tensor | None = None, *, reduction: str = "mean", pos_weight: Tensor | None = None
    ) -> None:
        super().__init__(weight=weight, reduction=reduction, pos_weight=pos_weight)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of the target from the input, a log-probability; see `nn.functional.kl_div`.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}, optional
    log_target : bool, optional
        Whether the target is a log-probability, too.

    Examples
    --------
    >>> nn.KLDivLoss(reduction="batchmean")(ad.tensor([[0.5, 0.5]]).log(), ad.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    function = staticmethod(F.kl_div)
    _reductions = ("batchmean",)

    def __init__(self, *, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction=reduction, log_target=log_target)


class HingeEmbeddingLoss(_Loss):
    """Distance of pairs that belong together, and what others lack; see `nn.functional.hinge_embedding_loss`.

    Parameters
    ----------
    margin : float, optional
        The distance that others are to have.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.HingeEmbeddingLoss()(ad.tensor([0.2]), ad.tensor([-1.0]))
    tensor(0.8000)
    """

    function = staticmethod(F.hinge_embedding_loss)

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)


class MarginRankingLoss(_Loss):
    """What a score lacks to be ranked above another by `margin`; see `nn.functional.margin_ranking_loss`.

    Parameters
    ----------
    margin : float, optional
        The difference that scores shall have.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.MarginRankingLoss()(ad.tensor([1.0]), ad.tensor([1.5]), ad.tensor([1.0]))
    tensor(0.5000)
    """

    function = staticmethod(F.margin_ranking_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]  # three tensors
        """Compare two scores."""
        return self._compare(input1, input2, target)


class SoftMarginLoss(_Loss):
    """Logistic loss of scores and the signs they shall have; see `nn.functional.soft_margin_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.SoftMarginLoss()(ad.tensor([0.0]), ad.tensor([1.0]))
    tensor(0.6931)
    """

    function = staticmethod(F.soft_margin_loss)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class CosineEmbeddingLoss(_Loss):
    """Angle of vectors that belong together, and what others lack; see `nn.functional.cosine_embedding_loss`.

    Parameters
    ----------
    margin : float, optional
        The cosine that others may have.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.CosineEmbeddingLoss()(ad.tensor([1.0, 0.0]), ad.tensor([1.0, 1.0]), ad.tensor(1.0))
    tensor(0.2929)
    """

    function = staticmethod(F.cosine_embedding_loss)

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]  # three tensors
        """Compare two batches of vectors."""
        return self._compare(input1, input2, target)


class TripletMarginLoss(_Loss):
    """What a positive lacks to be closer to its anchor than a negative; see `nn.functional.triplet_margin_loss`.

    Parameters
    ----------
    margin : float, optional
        Positive.
    p : float, optional
        The exponent of the norm that measures distance.
    eps : float, optional
        Added to differences.
    swap : bool, optional
        Whether the positive may stand in for the anchor where it is closer to the negative.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.TripletMarginLoss()(ad.tensor([0.0]), ad.tensor([1.0]), ad.tensor([1.5]))
    tensor(0.5000)
    """

    function = staticmethod(F.triplet_margin_loss)

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: margin must be positive, got {margin}")
        super().__init__(margin=margin, p=p, eps=eps, swap=swap, reduction=reduction)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:  # type: ignore[override]  # three tensors
        """Compare the distances of an anchor to two others."""
        return self._compare(anchor, positive, negative)


class CTCLoss(_Loss):
    """Loss of a sequence whose alignment with its labels is not known; see `nn.functional.ctc_loss`.

    Parameters
    ----------
    blank : int, optional
        The class that stands for no label.
    reduction : {"mean", "sum", "none"}, optional
    zero_infinity : bool, optional
        Whether labels that do not fit their sequence have the loss 0 instead of infinity.

    Examples
    --------
    >>> nn.CTCLoss()(ad.full((2, 1, 2), 0.5).log(), ad.tensor([[1]]), [2], [1])
    tensor(0.2877)
    """

    function = staticmethod(F.ctc_loss)

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(blank=blank, reduction=reduction, zero_infinity=zero_infinity)

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:  # type: ignore[override]  # with lengths
        """Compare log probabilities (T, N, C) with labels."""
        return self._compare(log_probs, targets, input_lengths, target_lengths)


class MultiMarginLoss(_Loss):
    """Multi-class hinge loss; see `nn.functional.multi_margin_loss`.

    Parameters
    ----------
    p : {1, 2}, optional
    margin : float, optional
    weight : Tensor, optional
        A factor for each class.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.MultiMarginLoss()(ad.tensor([[1.0, 0.5]]), ad.tensor([0]))
    tensor(0.2500)
    """

    function = staticmethod(F.multi_margin_loss)

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, *, reduction: str = "mean"
    ) -> None:
        super().__init__(p=p, margin=margin, weight=weight, reduction=reduction)


class MultiLabelMarginLoss(_Loss):
    """Hinge loss of several right classes; see `nn.functional.multilabel_margin_loss`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.MultiLabelMarginLoss()(ad.tensor([0.1, 0.2, 0.4, 0.8]), ad.tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """

    function = staticmethod(F.multilabel_margin_loss)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """Binary cross-entropy of logits, averaged over classes; see `nn.functional.multilabel_soft_margin_loss`.

    Parameters
    ----------
    weight : Tensor, optional
        A factor for each class.
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> nn.MultiLabelSoftMarginLoss()(ad.zeros(1, 2), ad.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    function = staticmethod(F.multilabel_soft_margin_loss)

    def __init__(self, weight: Tensor | None = None, *, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """`nn.TripletMarginLoss` with any distance function.

    Parameters
    ----------
    distance_function : callable, optional
        Gets two tensors; `nn.functional.pairwise_distance` unless given.
    margin : float, optional
    swap : bool, optional
    reduction : {"mean", "sum", "none"}, optional

    Examples
    --------
    >>> loss = nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().sum(-1))
    >>> loss(ad.tensor([[0.0]]), ad.tensor([[1.0]]), ad.tensor([[1.5]]))
    tensor(0.5000)
    """

    function = staticmethod(F.triplet_margin_with_distance_loss)

    def __init__(
        self, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean"
    ) -> None:
        if margin <= 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: margin must be positive, got {margin}")
        measure = PairwiseDistance() if distance_function is None else distance_function
        super().__init__(distance_function=measure, margin=margin, swap=swap, reduction=reduction)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:  # type: ignore[override]  # three tensors
        """Compare the distances of an anchor to two others."""
        return self._compare(anchor, positive, negative)
