"""Every update rule against PyTorch: the same random gradients for 200 steps, over the combinations of its options."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

STEPS = 200
SHAPES = [(3, 4), (5,), (), (2, 1, 3), (0, 2)]


def combinations(**choices: list[Any]) -> list[dict[str, Any]]:
    """Return every combination of options, as keyword arguments."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


# A rule is checked, in full, by its options here.
RULES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    *(
        ("SGD", options)
        for options in combinations(
            lr=[0.05], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], maximize=[False, True]
        )
    ),
    *(
        ("SGD", options)
        for options in combinations(lr=[0.05], momentum=[0.5, 0.9], nesterov=[True], weight_decay=[0, 0.1])
    ),
    ("SGD", {"lr": 0.0, "momentum": 0.9}),
    ("Adam", {}),
    *(
        ("Adam", options)
        for options in combinations(lr=[0.05], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True])
    ),
    *(
        ("Adam", options)
        for options in combinations(
            lr=[0.05], betas=[(0.9, 0.99), (0.5, 0.9), (0.0, 0.0), (0.0, 0.999)], eps=[1e-8, 0.1]
        )
    ),
]
every_rule = pytest.mark.parametrize(("name", "options"), RULES, ids=str)


def starts() -> list[Any]:
    """Return the values of the parameters before the first step."""
    rng = np.random.default_rng(0)
    return [np.asarray(rng.normal(size=shape)) for shape in SHAPES]


def gradients(step: int) -> list[Any]:
    """Return random gradients, whose size changes over the steps, so that amsgrad differs from Adam."""
    rng = np.random.default_rng([1, step])
    return [np.asarray((1 + 3 * (step % 50 == 7)) * rng.normal(size=shape)) for shape in SHAPES]


@needs_torch
@every_rule
def test_parameters_and_state_equal_pytorchs_after_200_steps(name: str, options: dict[str, Any]) -> None:
    """200 steps of numbers of about 1, each rounded to 1e-16 of them, and 1e-10 as the promise."""
    mine, other = [ours(x, True) for x in starts()], [theirs(x, True) for x in starts()]
    rule, expected_rule = getattr(optim, name)(mine, **options), getattr(torch.optim, name)(other, **options)
    for step in range(STEPS):
        for p, q, g in zip(mine, other, gradients(step), strict=True):
            p.grad, q.grad = ours(g), theirs(g)
        rule.step()
        expected_rule.step()
    for p, q in zip(mine, other, strict=True):
        assert_same(array(p), array(q.detach()), rtol=0, atol=1e-10)
    state, expected = rule.state_dict()["state"], expected_rule.state_dict()["state"]
    for i in range(len(SHAPES)):
        wanted = {key: value for key, value in expected.get(i, {}).items() if value is not None}
        assert set(state.get(i, {})) == set(wanted)
        for key, value in wanted.items():
            np.testing.assert_allclose(np.asarray(state[i][key]), np.asarray(value), rtol=0, atol=1e-10)


@every_rule
def test_float32_parameters_stay_float32_and_follow_the_float64_ones(name: str, options: dict[str, Any]) -> None:
    single = [ad.tensor(x.astype(np.float32), requires_grad=True) for x in starts()]
    double = [ad.tensor(x.astype(np.float32).astype(np.float64), requires_grad=True) for x in starts()]
    rules = [getattr(optim, name)(params, **options) for params in (single, double)]
    for step in range(20):
        for p, q, g in zip(single, double, gradients(step), strict=True):
            p.grad, q.grad = ad.tensor(g.astype(np.float32)), ad.tensor(g.astype(np.float32).astype(np.float64))
        for rule in rules:
            rule.step()
    # 20 steps, each rounding numbers of up to 10 five times or so to 6e-8 of them; where Adam divides by a running
    # average that is near 0 (betas of 0), the sign of the gradient alone counts, which is exact.
    for p, q in zip(single, double, strict=True):
        assert p.dtype == np.float32
        np.testing.assert_allclose(p.data.numpy(), q.data.numpy(), rtol=0, atol=1e-4)
    for value in (v for s in rules[0].state_dict()["state"].values() for v in s.values() if isinstance(v, ad.Tensor)):
        assert value.dtype == np.float32


@every_rule
def test_gradients_are_only_read(name: str, options: dict[str, Any]) -> None:
    params = [ad.tensor(x, requires_grad=True) for x in starts()]
    rule = getattr(optim, name)(params, **options)
    for step in range(3):
        for p, g in zip(params, gradients(step), strict=True):
            p.grad = ad.tensor(g)
            p.grad.data.numpy().flags.writeable = False  # a rule that writes into it raises
        rule.step()
        for p, g in zip(params, gradients(step), strict=True):
            assert p.grad is not None
            np.testing.assert_array_equal(p.grad.data.numpy(), g)
            assert not any(
                np.may_share_memory(p.grad.data.numpy(), value)
                for value in rule.state.get(p, {}).values()
                if isinstance(value, np.ndarray)
            )


@every_rule
def test_a_parameter_is_changed_in_place(name: str, options: dict[str, Any]) -> None:
    params = [ad.tensor(x, requires_grad=True) for x in starts()]
    arrays = [p.data.numpy() for p in params]
    rule = getattr(optim, name)(params, **options)
    for p, g in zip(params, gradients(0), strict=True):
        p.grad = ad.tensor(g)
    rule.step()
    for p, a, x in zip(params, arrays, starts(), strict=True):
        assert p.data.numpy() is a
        assert np.all(a != x) or options.get("lr") == 0


@every_rule
def test_a_run_continued_from_its_state_is_bit_identical(name: str, options: dict[str, Any]) -> None:
    def run(rule: Any, params: list[ad.Tensor], steps: range) -> None:
        for step in steps:
            for p, g in zip(params, gradients(step), strict=True):
                p.grad = ad.tensor(g)
            rule.step()

    through = [ad.tensor(x, requires_grad=True) for x in starts()]
    rule = getattr(optim, name)(through, **options)
    run(rule, through, range(10))
    resumed = [ad.tensor(p.data.numpy(), requires_grad=True) for p in through]
    again = getattr(optim, name)(resumed, lr=123.0)
    again.load_state_dict(rule.state_dict())
    run(rule, through, range(10, 20))
    run(again, resumed, range(10, 20))
    for p, q in zip(through, resumed, strict=True):
        np.testing.assert_array_equal(p.data.numpy(), q.data.numpy())
    assert repr(again) == repr(rule)


@needs_torch
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_defaults_are_pytorchs(name: str) -> None:
    mine = getattr(optim, name)([ad.ones(1, requires_grad=True)])
    other = getattr(torch.optim, name)([torch.ones(1, requires_grad=True)])
    assert mine.defaults == {key: other.defaults[key] for key in mine.defaults}


@needs_torch
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_text_is_pytorchs(name: str) -> None:
    mine = getattr(optim, name)([ad.ones(1, requires_grad=True)], lr=0.25)
    other = getattr(torch.optim, name)([torch.ones(1, requires_grad=True)], lr=0.25)
    assert repr(mine) == repr(other)
    assert "    lr: 0.25" in repr(mine)
