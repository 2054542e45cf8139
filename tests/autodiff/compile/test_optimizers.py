"""Every optimizer's option sets, compiled: parameters and state equal those of the plain step, options stay live."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.autodiff.compile.test_rows import WAYS
from tests.fuzzing import some
from tests.optim.test_rules import combinations

SHAPES = [(3, 4), (), (5,), (2, 0), (7, 1)]


def after_steps(rule: str, options: dict[str, Any], compiled: bool, native: bool) -> list[Any]:
    """Return parameters and state after steps, in which a rate is changed and a state loaded."""
    rng = np.random.default_rng(3)
    params = [ad.tensor(np.asarray(rng.standard_normal(s)), requires_grad=True) for s in SHAPES]
    optimizer = getattr(optim, rule)(params, **options)

    def step(*weights: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = sum((p * p * w).sum() for p, w in zip(params, weights, strict=True))
        loss.backward()
        optimizer.step()
        return loss

    call = ad.compile(step, native=native) if compiled else step
    for k in range(6):
        call(*(ad.tensor(np.asarray(rng.standard_normal(s))) for s in SHAPES))
        if k == 2:
            optimizer.param_groups[0]["lr"] *= 0.5
        if k == 3:
            optimizer.load_state_dict(optimizer.state_dict())
        if k == 4:
            step(*(ad.tensor(np.asarray(rng.standard_normal(s))) for s in SHAPES))  # plain steps may stand between
    states = [np.asarray(v) for p in params for _, v in sorted(optimizer.state[p].items())]
    return [p.detach().numpy() for p in params] + [p.grad.numpy() for p in params if p.grad is not None] + states


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize(("rule", "options"), some(list(combinations()), 17))
def test_compiled_steps_equal_steps(rule: str, options: dict[str, Any], native: bool) -> None:
    expected = after_steps(rule, options, compiled=False, native=native)
    found = after_steps(rule, options, compiled=True, native=native)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-13)
