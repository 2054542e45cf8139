"""The loss of a sequence whose alignment with its labels is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of, tensor_of
from autodiff.tensor import from_array
from autodiff.tracing import refuse

from ._checks import checked_reduction

__all__ = ["ctc_loss"]

_NEVER = -1e30  # a logarithm of probability 0 whose differences stay numbers, where those of -inf are NaN


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Negative log probability of labels, over all ways to stretch them, with blanks between, over a sequence.

    Parameters
    ----------
    log_probs : Tensor
        Logarithms of probabilities, of shape (T, N, C) or (T, C).
    targets : Tensor of integers
        Labels, of shape (N, S) or, one sample after the other, (sum of `target_lengths`,).
    input_lengths, target_lengths : Tensor or sequence of int
        How much of each sample counts.
    blank : int, optional
        The class that stands for no label.
    reduction : {"mean", "sum", "none"}, optional
        "mean" divides each loss by the number of its labels first.
    zero_infinity : bool, optional
        Whether labels that do not fit their sequence have the loss 0 instead of infinity.

    Returns
    -------
    Tensor
        A scalar, or with "none" of shape (N,).

    Raises
    ------
    RuntimeError
        If the shapes or the lengths do not fit.

    Examples
    --------
    >>> F.ctc_loss(ad.full((2, 1, 2), 0.5).log(), ad.tensor([[1]]), [2], [1])
    tensor(0.2877)

    References
    ----------
    Graves, Fernández, Gomez and Schmidhuber, "Connectionist temporal classification", ICML 2006.
    """
    refuse("ctc_loss", "compile the model, and compute this loss of its result outside of the function")
    checked_reduction(reduction, "ctc_loss")
    x = floats_of(log_probs, "ctc_loss")
    if x.ndim == 2:
        one = ctc_loss(x.unsqueeze(1), tensor_of(targets, "ctc_loss").reshape(1, -1), _counts(input_lengths),
                       _counts(target_lengths), blank, reduction, zero_infinity)  # fmt: skip
        return one.squeeze(0) if reduction == "none" else one
    steps, lengths = _counts(input_lengths), _counts(target_lengths)
    if x.ndim != 3 or len(steps) != x.shape[1] or len(lengths) != x.shape[1] or not 0 <= blank < x.shape[2]:
        raise RuntimeError(
            f"ctc_loss: log_probs of shape {x.shape} need {x.shape[1] if x.ndim == 3 else 'N'} lengths of inputs and "
            f"targets, got {len(steps)} and {len(lengths)}, and a blank among the classes, got {blank}"
        )
    if max(steps, default=0) > x.shape[0] or min([*steps, *lengths], default=0) < 0:
        raise RuntimeError(f"ctc_loss: input_lengths must be between 0 and {x.shape[0]}, got {steps}")
    losses = _losses(x, _spread(tensor_of(targets, "ctc_loss"), lengths, blank), steps, lengths)
    fits = losses.detach() < -_NEVER / 2
    # What does not fit has infinity, and as in PyTorch a gradient of NaN: 1 / |0 x| has both.
    endless = 0 if zero_infinity else 1 / ((0 * x.nan_to_num()).abs().sum((0, 2)) + fits)
    losses = ad.where(fits, losses, endless)
    if reduction == "mean":
        return (losses / ad.tensor(lengths, dtype=x.dtype).clamp_min(1)).mean()
    return losses.sum() if reduction == "sum" else losses


def _counts(lengths: Any) -> list[int]:
    listed = lengths.tolist() if isinstance(lengths, (Tensor, np.ndarray)) else lengths
    return [int(n) for n in (listed if isinstance(listed, Sequence) else [listed])]


def _spread(targets: Tensor, lengths: list[int], blank: int) -> Any:
    """Return the labels of each sample with a blank before, between and behind them, as an array (N, 2 S + 1)."""
    labels, longest = np.asarray(targets.tolist(), np.int64), max(lengths, default=0)
    rows = np.full((len(lengths), 2 * longest + 1), blank)
    if labels.ndim == 2 and (len(labels) != len(lengths) or longest > labels.shape[1]):
        raise RuntimeError(f"ctc_loss: targets of shape {targets.shape} do not hold labels of lengths {lengths}")
    if labels.ndim == 1 and len(labels) != sum(lengths):
        raise RuntimeError(f"ctc_loss: expected {sum(lengths)} targets one after the other, got {len(labels)}")
    start = 0
    for i, n in enumerate(lengths):
        rows[i, 1 : 2 * n : 2] = labels[i, :n] if labels.ndim == 2 else labels[start : start + n]
        start += n
    return rows


def _losses(x: Tensor, labels: Any, steps: list[int], lengths: list[int]) -> Tensor:
    """Return the loss of each sample, by the forward recursion over time."""
    batch, width = labels.shape
    each = ad.gather(x, 2, from_array(np.broadcast_to(labels, (len(x), batch, width)).copy()))
    # A label follows the one before without a blank between unless it is the same.
    skips = np.zeros(labels.shape, bool)
    skips[:, 3::2] = labels[:, 3::2] != labels[:, 1:-2:2]
    never = np.full((batch, width), _NEVER, x.dtype)
    start = from_array(np.arange(width) == np.minimum(1, 2 * np.asarray(lengths))[:, None]) | from_array(
        np.arange(width) == 0
    )
    state = from_array(np.where(np.arange(width) == 0, 0, never)) + 0 * each[0]
    for t in range(len(x)):
        if t == 0:
            moved = ad.where(start, each[0], from_array(never))
        else:
            one = ad.cat([from_array(never[:, :1]), state[:, :-1]], 1)
            two = ad.cat([from_array(never[:, :2]), state[:, :-2]], 1)[:, :width]
            two = ad.where(from_array(skips), two, from_array(never))
            moved = ad.logsumexp(ad.stack([state, one, two]), 0) + each[t]
        state = ad.where(from_array(np.asarray(steps)[:, None] > t), moved, state)
    last = from_array(2 * np.asarray(lengths)[:, None])
    ends = ad.cat([ad.gather(state, 1, last), ad.gather(state, 1, (last - 1).clamp_min(0))], 1)
    ends = ad.where(from_array(np.asarray(lengths)[:, None] > [-1, 0]), ends, from_array(never[:, :1]))
    return -ad.logsumexp(ends, 1)
