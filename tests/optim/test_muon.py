"""Muon beside PyTorch, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.oracle import needs_torch, torch

RNG = np.random.default_rng


@needs_torch
@pytest.mark.parametrize(
    "options",
    [{}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw", "momentum": 0.5, "lr": 0.1}],
    ids=str,
)
@pytest.mark.parametrize("shape", [(3, 5), (6, 2), (4, 4)], ids=str)
def test_steps_equal_pytorchs(options: dict[str, Any], shape: tuple[int, int]) -> None:
    start = RNG(0).normal(size=shape)
    p, q = ad.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    ours, theirs = optim.Muon([p], **options), torch.optim.Muon([q], **options)
    assert ours.defaults == {name: theirs.defaults[name] for name in ours.defaults}
    for i in range(5):
        g = RNG(i + 1).normal(size=shape)
        p.grad, q.grad = ad.tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    moved, expected = p.detach().numpy() - start, q.detach().numpy() - start
    # PyTorch iterates in bfloat16, of 8 bits, and the iteration amplifies what it rounds.
    assert np.linalg.norm(moved - expected) < 0.05 * np.linalg.norm(expected)
    np.testing.assert_allclose(
        ours.state_dict()["state"][0]["momentum_buffer"], theirs.state_dict()["state"][0]["momentum_buffer"], rtol=1e-12
    )


def test_singular_values_come_near_to_1() -> None:
    w = ad.zeros(4, 6, dtype=np.float64).requires_grad_()
    w.grad = ad.tensor(RNG(0).normal(size=(4, 6)))
    optim.Muon([w], lr=1.0, weight_decay=0.0).step()
    values = np.linalg.svd(w.detach().numpy())[1]
    assert (values > 0.5).all()
    assert (values < 1.5).all()


@pytest.mark.parametrize(
    "options", [{"ns_coefficients": (1, 2)}, {"ns_steps": 100}, {"adjust_lr_fn": "none"}, {"momentum": -1}], ids=str
)
def test_what_does_not_fit_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        optim.Muon([ad.zeros(2, 2)], **options)
    with pytest.raises(ValueError, match="only matrices"):
        optim.Muon([ad.zeros(2)])
