"""The loss of a sequence whose alignment is not known, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import assert_same, needs_torch, theirs, torch

X = np.random.default_rng(1).normal(size=(6, 3, 4))
# Labels, with one that stands twice and one without any, and the lengths of inputs and labels.
ROWS = (np.array([[1, 1, 2], [3, 1, 0], [2, 3, 2]]), np.array([6, 5, 6]), np.array([3, 2, 0]))
SHORT = (np.array([1, 1, 2, 3, 2]), np.array([3, 6, 4]), np.array([3, 1, 1]))  # the first does not fit


@needs_torch
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("labels", "zero"), [(ROWS, False), (SHORT, True)])
def test_value_and_gradient_equal_pytorchs(labels: tuple[Any, ...], zero: bool, reduction: str) -> None:
    found = []
    for library, convert in ((ad, ad.from_numpy), (torch, theirs)):
        x = convert(X.copy()).requires_grad_()
        module = (nn if library is ad else torch.nn).CTCLoss(reduction=reduction, zero_infinity=zero)
        loss = module(x.log_softmax(2), *map(convert, labels))
        loss.sum().backward()
        found.append((loss.detach(), x.grad))
    for mine, other in zip(*found, strict=True):
        assert_same(mine.numpy(), other.numpy(), rtol=1e-9, atol=1e-12)  # sums of logarithms, each rounded at 1e-16


@needs_torch
def test_a_single_sequence_lists_of_lengths_and_an_infinite_loss() -> None:
    x, t = X[:, 0], np.array([1, 1, 2])
    mine = nn.functional.ctc_loss(ad.from_numpy(x).log_softmax(1), ad.from_numpy(t), [3], [3], reduction="none")
    other = torch.nn.functional.ctc_loss(theirs(x).log_softmax(1), theirs(t), [3], [3], reduction="none")
    assert mine.shape == tuple(other.shape)
    assert mine.item() == other.item() == np.inf
    lengths: Any = (ad.tensor(6), ad.tensor(3))
    mine = nn.functional.ctc_loss(ad.from_numpy(x).log_softmax(1), ad.from_numpy(t), *lengths, blank=3)
    other = torch.nn.functional.ctc_loss(theirs(x).log_softmax(1), theirs(t), torch.tensor(6), torch.tensor(3), blank=3)
    assert_same(mine.numpy(), other.numpy(), rtol=1e-9)


def test_what_does_not_fit_is_refused() -> None:
    x = ad.from_numpy(X).log_softmax(2)
    with pytest.raises(RuntimeError, match="ctc_loss: log_probs of shape"):
        nn.functional.ctc_loss(x, ad.ones(3, 2).long(), [6, 6], [2, 2, 2])
    with pytest.raises(RuntimeError, match="expected 5 targets one after the other, got 4"):
        nn.functional.ctc_loss(x, ad.ones(4).long(), [6, 6, 6], [2, 2, 1])
    with pytest.raises(RuntimeError, match="input_lengths must be between 0 and 6"):
        nn.functional.ctc_loss(x, ad.ones(3, 2).long(), [7, 6, 6], [2, 2, 2])


@needs_torch
def test_an_infinite_loss_has_an_undefined_gradient_in_its_own_sequence_alone() -> None:
    labels = np.array([[1, 1], [1, 2]])
    for zero in (False, True):
        found = []
        for lib, functional, make in ((ad, nn.functional, ad.from_numpy), (torch, torch.nn.functional, theirs)):
            x = lib.full((2, 2, 3), -1.0, requires_grad=True)
            functional.ctc_loss(x.log_softmax(2), make(labels), [2, 2], [2, 2], zero_infinity=zero).backward()
            found.append(x.grad.numpy())
        assert_same(*found, rtol=1e-5, atol=1e-6)
        assert np.isnan(found[0][:, 0]).all() != zero
