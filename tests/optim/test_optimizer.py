"""The bookkeeping that every update rule shares: groups, options, state, text, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from optim.layout import BLOCK
from tests.oracle import needs_torch, torch

RULES = [optim.SGD, optim.Momentum, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW]
every_rule = pytest.mark.parametrize("rule", RULES)


def leaf(*values: float) -> ad.Tensor:
    """Return a parameter whose gradient is 1 everywhere."""
    p = ad.tensor(values, requires_grad=True)
    p.grad = ad.ones(p.shape)
    return p


def test_every_rule_is_tested() -> None:
    assert {value for value in vars(optim).values() if isinstance(value, type)} == {*RULES, optim.Optimizer}


# -- what is refused ---------------------------------------------------------------------------------------------------

NUMBERS: dict[str, list[type[optim.Optimizer]]] = {
    "lr": RULES,
    "weight_decay": RULES,
    "momentum": [optim.SGD, optim.Momentum, optim.RMSprop],
    "eps": [optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW],
    "alpha": [optim.RMSprop],
    "lr_decay": [optim.Adagrad],
    "initial_accumulator_value": [optim.Adagrad],
}


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", None, True, [0.1]])
@pytest.mark.parametrize(("name", "rule"), [(name, rule) for name, rules in NUMBERS.items() for rule in rules])
def test_options_out_of_range_are_refused(name: str, rule: Any, value: Any) -> None:
    kind = ValueError if isinstance(value, float) else TypeError
    with pytest.raises(kind, match=f"{rule.__name__}: {name} must be"):
        rule([leaf(1.0)], **{name: value})
    optimizer = rule([leaf(1.0)])
    with pytest.raises(kind, match=f"{rule.__name__}: {name} must be"):
        optimizer.add_param_group({"params": [leaf(2.0)], name: value})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("rule", [optim.Adam, optim.AdamW])
@pytest.mark.parametrize(
    ("kind", "betas"),
    [(ValueError, (1.0, 0.9)), (ValueError, (0.9, 1.0)), (ValueError, (-0.1, 0.9)), (ValueError, (0.9, math.nan)),
     (TypeError, (0.9,)), (TypeError, 0.9), (TypeError, ("a", "b")), (TypeError, None), (TypeError, (0.9,) * 3)],
)  # fmt: skip
def test_betas_out_of_range_are_refused(rule: Any, kind: type[Exception], betas: Any) -> None:
    with pytest.raises(kind, match=f"{rule.__name__}: betas must be two numbers in"):
        rule([leaf(1.0)], betas=betas)


def test_a_dampening_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="SGD: dampening must be a number, got 'x'"):
        optim.SGD([leaf(1.0)], momentum=0.9, dampening="x")  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("options", [{"momentum": 0}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_and_no_dampening(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="SGD: nesterov needs"):
        optim.SGD([leaf(1.0)], nesterov=True, **options)


@every_rule
@pytest.mark.parametrize(
    ("kind", "match", "params"),
    [
        (ValueError, "empty parameter list", list),
        (ValueError, "empty parameter list", lambda: iter(())),
        (TypeError, "ordered iterable", lambda: leaf(1.0)),
        (TypeError, "ordered iterable", lambda: {leaf(1.0)}),
        (TypeError, "ordered iterable", lambda: None),
        (TypeError, "parameter 0 must be a Tensor, got float", lambda: [1.0]),
        (TypeError, "parameter 1 must be a Tensor, got ndarray", lambda: [leaf(1.0), np.ones(1)]),
        (KeyError, "key 'params'", lambda: [{"lr": 0.1}]),
        (ValueError, "not a leaf", lambda: [leaf(1.0) * 2]),
        (ValueError, "int64", lambda: [ad.tensor([1, 2])]),
        (ValueError, "occurs twice", lambda: [leaf(1.0)] * 2),
        (ValueError, "occurs twice", lambda: [{"params": p} for p in [leaf(1.0)] * 2]),
    ],
)
def test_what_is_no_parameter_is_refused(
    rule: Any, kind: type[Exception], match: str, params: Callable[[], Any]
) -> None:
    with pytest.raises(kind, match=match):
        rule(params())


def test_a_group_that_is_refused_leaves_the_optimizer_as_it_was() -> None:
    p = leaf(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    for wrong in ({"params": [leaf(2.0), p]}, {"params": [leaf(2.0), 3]}, {"params": leaf(2.0), "lr": -1}, [leaf(1.0)]):
        with pytest.raises((TypeError, ValueError)):
            optimizer.add_param_group(wrong)  # type: ignore[arg-type]  # that is the test
    assert [g["params"] for g in optimizer.param_groups] == [[p]]


@pytest.mark.parametrize("replace", [lambda p: np.zeros(3, np.float32), lambda p: p.data.astype(np.float64)])
def test_a_gradient_that_does_not_fit_is_refused_before_any_step(replace: Callable[[Any], Any]) -> None:
    first, second = leaf(1.0, 2.0), leaf(3.0, 4.0)
    optimizer = optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.5)
    second.data = replace(second)
    with pytest.raises(RuntimeError, match=r"step: a gradient of shape .* does not fit"):
        optimizer.step()
    assert first.tolist() == [1.0, 2.0]


def test_a_state_that_does_not_fit_is_refused_before_any_step() -> None:
    p, q = leaf(1.0, 2.0), leaf(3.0, 4.0, 5.0)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    optimizer.step()
    optimizer.state[q]["exp_avg"] = np.zeros(2)
    before = p.tolist()
    with pytest.raises(RuntimeError, match=r"step: exp_avg has shape \(2,\), its parameter \(3,\)"):
        optimizer.step()
    assert p.tolist() == before


def assert_refused_step_changes_nothing(optimizer: Any, p: ad.Tensor, kind: type[Exception], match: str) -> None:
    """Assert that a step is refused before `p`, of a group before the one that is wrong, moves or is remembered."""
    before, known = p.tolist(), {k: np.array(v) for k, v in optimizer.state[p].items()}
    with pytest.raises(kind, match=match):
        optimizer.step()
    assert p.tolist() == before
    assert optimizer.state[p].keys() == known.keys()
    for name, value in known.items():
        np.testing.assert_array_equal(optimizer.state[p][name], value)


@every_rule
@pytest.mark.parametrize("size", [2, 2 * BLOCK])
@pytest.mark.parametrize("steps", [0, 1])
def test_read_only_memory_is_refused_before_any_step(rule: Any, size: int, steps: int) -> None:
    p, q = leaf(1.0, 2.0), leaf(*[3.0] * size)
    optimizer = rule([{"params": [p]}, {"params": [q]}])
    for _ in range(steps):
        optimizer.step()
    q.data.flags.writeable = False
    assert_refused_step_changes_nothing(optimizer, p, RuntimeError, rf"parameter 0, of shape \({size},\), is read-only")
    q.data.flags.writeable = True
    optimizer.step()
    if optimizer.counts_steps:
        assert [optimizer.state[t]["step"] for t in (p, q)] == [steps + 1] * 2
    fresh = leaf(1.0, 2.0)
    alone = rule([fresh])
    for _ in range(steps + 1):
        alone.step()
    assert p.tolist() == fresh.tolist()


@every_rule
@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(TypeError, "lr", "fast"), (TypeError, "weight_decay", None), (ValueError, "lr", math.nan),
     (ValueError, "weight_decay", -1.0)],
)  # fmt: skip
@pytest.mark.parametrize("steps", [0, 1])
def test_an_option_that_was_spoiled_is_refused_before_any_step(
    rule: Any, kind: type[Exception], name: str, value: Any, steps: int
) -> None:
    p = leaf(1.0)
    optimizer = rule([{"params": [p]}, {"params": [leaf(2.0)]}])
    for _ in range(steps):
        optimizer.step()
    good = optimizer.param_groups[1][name]
    optimizer.param_groups[1][name] = value
    assert_refused_step_changes_nothing(optimizer, p, kind, f"{name} must be")
    del optimizer.param_groups[1][name]
    assert_refused_step_changes_nothing(optimizer, p, KeyError, f"group 1 has no option '{name}'")
    optimizer.param_groups[1][name] = good
    optimizer.step()


@needs_torch
@every_rule
def test_a_rate_below_zero_that_was_set_by_hand_climbs_as_in_pytorch(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    p, q = leaf(1.0), torch.ones(1, requires_grad=True)
    q.grad = torch.ones(1)
    for optimizer in (rule([p], lr=0.5), getattr(torch.optim, name)([q], lr=0.5)):
        optimizer.param_groups[0]["lr"] = -0.5
        optimizer.step()
    assert p.item() == pytest.approx(q.item(), rel=1e-6)  # float32


def test_a_state_without_its_number_of_steps_is_refused() -> None:
    p, q = leaf(1.0), leaf(2.0)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    optimizer.state[q]["exp_avg"] = np.zeros(1, np.float32)
    assert_refused_step_changes_nothing(optimizer, p, RuntimeError, "has exp_avg, but no step")


# -- groups and gradients ----------------------------------------------------------------------------------------------


def test_names_may_come_with_parameters() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters(), lr=1.0)
    assert optimizer.param_groups[0]["params"] == [model.weight, model.bias]


@every_rule
def test_zero_grad(rule: Any) -> None:
    p, q = leaf(1.0, 2.0), leaf(3.0)
    optimizer = rule([{"params": [p]}, {"params": [q]}])
    optimizer.zero_grad(set_to_none=False)
    assert [t.grad.tolist() for t in (p, q) if t.grad is not None] == [[0.0, 0.0], [0.0]]
    optimizer.zero_grad()
    assert p.grad is None
    assert q.grad is None


@every_rule
def test_a_closure_is_called_with_recording_on_and_its_loss_returned(rule: Any) -> None:
    p = leaf(1.0)
    optimizer = rule([p], lr=0.1)

    def closure() -> ad.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with ad.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert p.item() < 1.0
    assert optimizer.step() is None


# -- state -------------------------------------------------------------------------------------------------------------


@needs_torch
@every_rule
def test_the_state_dict_is_laid_out_as_pytorchs(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    ours = rule([{"params": [leaf(1.0)]}, {"params": [leaf(2.0), leaf(3.0)], "lr": 0.5}])
    theirs = getattr(torch.optim, name)([{"params": [torch.ones(1)]}, {"params": [torch.ones(1), torch.ones(1)]}])
    state, expected = ours.state_dict(), theirs.state_dict()
    assert state.keys() == expected.keys()
    assert [g["params"] for g in state["param_groups"]] == [g["params"] for g in expected["param_groups"]]
    assert [g["lr"] for g in state["param_groups"]][1] == 0.5


@needs_torch
def test_adagrad_remembers_from_the_start_as_pytorchs() -> None:
    ours = optim.Adagrad([leaf(1.0, 2.0), leaf(3.0)], initial_accumulator_value=0.5)
    theirs = torch.optim.Adagrad([torch.ones(2), torch.ones(1)], initial_accumulator_value=0.5)
    state, expected = ours.state_dict()["state"], theirs.state_dict()["state"]
    assert [{k: np.asarray(v).tolist() for k, v in s.items()} for s in state.values()] == [
        {k: v.tolist() for k, v in s.items()} for s in expected.values()
    ]
    ours.add_param_group({"params": leaf(4.0)})
    assert ours.state_dict()["state"][2]["sum"].tolist() == [0.5]


def test_the_state_dict_is_a_copy() -> None:
    p = leaf(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.step()
    assert state["state"][0]["momentum_buffer"].tolist() == [1.0]
    optimizer.load_state_dict(state)
    optimizer.step()
    assert state["state"][0]["momentum_buffer"].tolist() == [1.0]
    assert optimizer.state[p]["momentum_buffer"].tolist() == pytest.approx([1.9])


@pytest.mark.parametrize(
    ("match", "spoil"),
    [
        ("exp_avg has shape", lambda s: s["state"][0].update(exp_avg=ad.zeros(3))),
        (r"groups of \[2\] parameters, the optimizer of \[1\]", lambda s: s["param_groups"][0].update(params=[0, 1])),
        ("groups of", lambda s: s["param_groups"].append({"params": []})),
        ("no option 'eps'", lambda s: s["param_groups"][0].pop("eps")),
        ("lr must be", lambda s: s["param_groups"][0].update(lr=-1)),
        ("no parameter 5", lambda s: s["state"].update({5: {}})),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(match: str, spoil: Callable[[Any], Any]) -> None:
    p = leaf(1.0, 2.0)
    optimizer = optim.Adam([p], lr=0.1)
    optimizer.step()
    before, spoiled = optimizer.state_dict(), optimizer.state_dict()
    spoiled["state"][0]["step"], spoiled["param_groups"][0]["lr"] = 7, 0.2
    spoil(spoiled)
    with pytest.raises(ValueError, match=match):
        optimizer.load_state_dict(spoiled)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["state"][0]["step"] == 1


@every_rule
def test_text_names_the_options_of_every_group(rule: Any) -> None:
    text = repr(rule([{"params": [leaf(1.0)]}, {"params": [leaf(2.0)], "lr": 0.5}]))
    assert text.startswith(f"{rule.__name__} (\nParameter Group 0\n")
    assert "Parameter Group 1\n" in text
    assert "    lr: 0.5\n" in text
    assert "params" not in text
