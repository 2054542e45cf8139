"""What all update rules share: groups, gradients, closures, state, and what an optimizer refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from tests.oracle import needs_torch, torch

NAMES = ["SGD", "Adam"]
every_rule = pytest.mark.parametrize("name", NAMES)


def leaf(*values: float) -> ad.Tensor:
    """Return a float64 parameter with a gradient of ones."""
    p = ad.tensor(np.array(values), requires_grad=True)
    p.grad = ad.ones_like(p)
    return p


# -- stepping ----------------------------------------------------------------------------------------------------------


@every_rule
def test_parameters_without_gradient_are_left_alone(name: str) -> None:
    moved, still, frozen = leaf(1.0, 2.0), leaf(3.0), ad.tensor([4.0])
    still.grad = None
    rule = getattr(optim, name)([moved, still, frozen], lr=0.1)
    rule.step()
    assert moved.data.numpy().max() < 2.0
    assert (still.tolist(), frozen.tolist()) == ([3.0], [4.0])
    assert set(rule.state_dict()["state"]) == ({0} if name == "Adam" else set())  # plain SGD remembers nothing


def test_a_parameter_that_gets_its_first_gradient_late_starts_its_own_count() -> None:
    early, late = leaf(0.0), leaf(0.0)
    late.grad = None
    rule = optim.Adam([early, late], lr=0.1)
    for _ in range(5):
        rule.step()
    late.grad = ad.tensor([5.0], dtype=np.float64)
    rule.step()
    # With its bias corrected, Adam's first step is lr, whatever the gradient: it errs by eps / 5.
    np.testing.assert_allclose(late.data.numpy(), [-0.1], rtol=1e-8)
    assert [rule.state[p]["step"] for p in (early, late)] == [6, 1]


@every_rule
def test_a_step_records_nothing_and_needs_no_mode(name: str) -> None:
    p = leaf(1.0)
    rule = getattr(optim, name)([p], lr=0.1)
    rule.step()
    with ad.no_grad():
        rule.step()
    assert p.is_leaf
    assert p.requires_grad
    assert p.data.numpy()[0] < 0.9


@every_rule
def test_a_step_reads_data_that_the_user_replaced(name: str) -> None:
    p = leaf(1.0, 2.0)
    rule = getattr(optim, name)([p], lr=0.1)
    rule.step()
    old = p.data.numpy()
    before = old.copy()
    p.data = np.array([10.0, 20.0])
    rule.step()
    np.testing.assert_array_equal(old, before)
    assert np.all(p.data.numpy() < [10.0, 20.0])


@every_rule
def test_a_closure_computes_the_loss_with_gradients(name: str) -> None:
    w = ad.tensor([3.0], requires_grad=True)
    rule = getattr(optim, name)([w], lr=0.1)
    losses = []

    def closure() -> ad.Tensor:
        rule.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with ad.no_grad():
        for _ in range(3):
            losses.append(rule.step(closure).item())
    assert losses[0] == 9.0
    assert losses[0] > losses[1] > losses[2]
    assert rule.step() is None


@every_rule
def test_a_step_between_forward_and_backward_is_noticed(name: str) -> None:
    layers = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    rule = getattr(optim, name)(layers.parameters(), lr=0.1)
    loss = layers(ad.ones(2, 3)).sum()
    loss.backward(retain_graph=True)
    rule.step()
    before = [p.grad.data.numpy().copy() for p in layers.parameters() if p.grad is not None]
    with pytest.raises(RuntimeError, match=r"linear.*shape \(1, 4\).*changed in place"):
        loss.backward()
    for p, gradient in zip(layers.parameters(), before, strict=True):
        assert p.grad is not None
        np.testing.assert_array_equal(p.grad.data.numpy(), gradient)


@every_rule
def test_a_view_of_a_parameter_is_noticed_as_changed(name: str) -> None:
    w = ad.ones(2, 3, requires_grad=True)
    loss = (w[0] * w[1]).sum()
    loss.backward(retain_graph=True)
    getattr(optim, name)([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match=r"mul.*changed in place"):
        loss.backward()


# -- gradients ---------------------------------------------------------------------------------------------------------


@every_rule
def test_gradients_are_forgotten_or_set_to_zero(name: str) -> None:
    p, untouched = leaf(1.0, 2.0), leaf(1.0)
    untouched.grad = None
    rule = getattr(optim, name)([p, untouched], lr=0.1)
    rule.zero_grad(set_to_none=False)
    assert p.grad is not None
    assert (p.grad.tolist(), p.grad.dtype) == ([0.0, 0.0], p.dtype)
    assert untouched.grad is None
    rule.zero_grad()
    assert p.grad is None


def test_a_zero_gradient_still_moves_what_has_momentum() -> None:
    p = leaf(1.0)
    rule = optim.SGD([p], lr=0.1, momentum=0.9)
    rule.step()
    rule.zero_grad(set_to_none=False)
    rule.step()
    np.testing.assert_allclose(p.data.numpy(), [1 - 0.1 - 0.09], rtol=1e-15)
    rule.zero_grad()
    rule.step()
    np.testing.assert_allclose(p.data.numpy(), [1 - 0.1 - 0.09], rtol=1e-15)


# -- groups ------------------------------------------------------------------------------------------------------------


def test_groups_have_options_of_their_own_and_share_the_rest() -> None:
    slow, fast, single = leaf(1.0), leaf(1.0), leaf(1.0)
    rule = optim.SGD([{"params": [slow]}, {"params": [fast], "lr": 0.5}], lr=0.1)
    rule.add_param_group({"params": single, "weight_decay": 1.0})
    rule.step()
    assert [group["lr"] for group in rule.param_groups] == [0.1, 0.5, 0.1]
    for p, expected in ((slow, 0.9), (fast, 0.5), (single, 0.8)):
        np.testing.assert_allclose(p.data.numpy(), [expected], rtol=1e-15)


def test_a_changed_option_counts_from_the_next_step() -> None:
    p = leaf(1.0)
    rule = optim.SGD([p], lr=0.1)
    rule.step()
    rule.param_groups[0]["lr"] = 0.2
    rule.step()
    np.testing.assert_allclose(p.data.numpy(), [0.7], rtol=1e-15)


@every_rule
def test_parameters_come_as_any_ordered_iterable(name: str) -> None:
    layer = nn.Linear(2, 3)
    parameters = list(layer.parameters())
    make = getattr(optim, name)
    for given in (
        layer.parameters(),
        tuple(parameters),
        parameters,
        layer.named_parameters(),
        iter([{"params": parameters}]),
    ):
        assert make(given, lr=0.1).param_groups[0]["params"] == parameters


@needs_torch
@every_rule
def test_the_state_is_laid_out_like_pytorchs(name: str) -> None:
    def state(library: Any) -> Any:
        make = getattr(optim if library is ad else torch.optim, name)
        params = [library.ones(2, requires_grad=True), library.ones(3, requires_grad=True)]
        for p in params:
            p.grad = library.ones_like(p)
        rule = make([{"params": params[1:]}, {"params": params[:1], "lr": 0.5}], lr=0.1)
        rule.step()
        return rule.state_dict()

    mine, other = state(ad), state(torch)
    assert set(mine) == set(other)
    for group, expected in zip(mine["param_groups"], other["param_groups"], strict=True):
        assert group == {key: expected[key] for key in group}
    assert set(mine["state"]) == set(other["state"])


# -- state -------------------------------------------------------------------------------------------------------------


def pair(name: str) -> tuple[Any, list[ad.Tensor]]:
    """Return an optimizer of two groups after a step, and its parameters."""
    params = [leaf(1.0, 2.0), leaf(3.0)]
    options = {"momentum": 0.9} if name == "SGD" else {}
    rule = getattr(optim, name)([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}], lr=0.1, **options)
    rule.step()
    return rule, params


def frozen(rule: Any) -> Any:
    """Return all that an optimizer remembers, copied, in a form that can be compared."""
    state = rule.state_dict()
    entries = {
        i: {k: v.tolist() if isinstance(v, ad.Tensor) else v for k, v in s.items()} for i, s in state["state"].items()
    }
    return copy.deepcopy((entries, state["param_groups"]))


@every_rule
def test_a_saved_state_is_a_copy(name: str) -> None:
    rule, _ = pair(name)
    state = rule.state_dict()
    before = copy.deepcopy({i: {k: np.asarray(v) for k, v in s.items()} for i, s in state["state"].items()})
    rule.step()
    for i, entries in before.items():
        for key, value in entries.items():
            np.testing.assert_array_equal(np.asarray(state["state"][i][key]), value)


@every_rule
def test_a_loaded_state_is_a_copy(name: str) -> None:
    rule, _ = pair(name)
    other, _ = pair(name)
    state = rule.state_dict()
    saved = copy.deepcopy(state)
    other.load_state_dict(state)
    other.step()
    other.param_groups[0]["lr"] = 99.0
    assert state["param_groups"] == saved["param_groups"]
    for i, entries in saved["state"].items():
        for key, value in entries.items():
            np.testing.assert_array_equal(np.asarray(state["state"][i][key]), np.asarray(value))


SPOILED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another number of groups": lambda s: s["param_groups"].pop(),
    "a group of another size": lambda s: s["param_groups"][1]["params"].append(2),
    "a bad option in the last group": lambda s: s["param_groups"][1].update(lr=float("nan")),
    "a missing option in the last group": lambda s: s["param_groups"][1].pop("lr"),
    "an array of another shape": lambda s: s["state"][1].update(
        {key: ad.ones(7) for key, value in s["state"][1].items() if isinstance(value, ad.Tensor)}
    ),
}


@every_rule
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=list(SPOILED))
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_loaded(
    name: str, spoil: Callable[[dict[str, Any]], Any]
) -> None:
    rule, _ = pair(name)
    state = rule.state_dict()
    for group in state["param_groups"]:
        group["lr"] = 7.0
    spoil(state)
    before = frozen(rule)
    with pytest.raises(ValueError, match=r"load_state_dict|lr"):
        rule.load_state_dict(state)
    assert frozen(rule) == before


# -- bad input ---------------------------------------------------------------------------------------------------------

w, v = ad.ones(3, requires_grad=True), ad.ones(2, requires_grad=True)
BAD: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "negative lr": (lambda make: make([w], lr=-0.1), ValueError, r"lr.*-0\.1"),
    "lr that is NaN": (lambda make: make([w], lr=float("nan")), ValueError, "lr.*nan"),
    "lr that is text": (lambda make: make([w], lr="fast"), TypeError, "lr.*fast"),
    "negative weight decay": (lambda make: make([w], lr=0.1, weight_decay=-1), ValueError, "weight_decay.*-1"),
    "empty list": (lambda make: make([], lr=0.1), ValueError, "empty"),
    "empty generator": (lambda make: make((p for p in []), lr=0.1), ValueError, "empty"),
    "one tensor": (lambda make: make(w, lr=0.1), TypeError, "Tensor"),
    "a number": (lambda make: make(3, lr=0.1), TypeError, "params.*int"),
    "a set": (lambda make: make({w}, lr=0.1), TypeError, "set"),
    "a set in a group": (lambda make: make([{"params": {w}}], lr=0.1), TypeError, "set"),
    "numbers": (lambda make: make([w, 3.0], lr=0.1), TypeError, "parameter 1.*float"),
    "arrays": (lambda make: make([np.ones(2)], lr=0.1), TypeError, "parameter 0.*ndarray"),
    "a result": (lambda make: make([w, w * 2], lr=0.1), ValueError, "parameter 1.*leaf"),
    "integers": (lambda make: make([ad.tensor([1, 2])], lr=0.1), ValueError, "int64"),
    "a parameter twice": (lambda make: make([w, v, w], lr=0.1), ValueError, "parameter 2.*twice"),
    "a parameter in two groups": (lambda make: make([{"params": [w]}, {"params": w}], lr=0.1), ValueError, "twice"),
    "a group without parameters": (lambda make: make([{"lr": 0.1}]), KeyError, "params"),
    "a bad option in a group": (lambda make: make([{"params": [w], "lr": -1.0}]), ValueError, "lr.*-1"),
}  # fmt: skip


@every_rule
@pytest.mark.parametrize(("call", "kind", "text"), BAD.values(), ids=list(BAD))
def test_what_cannot_be_optimized_is_refused(
    name: str, call: Callable[[Any], Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        call(getattr(optim, name))


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("SGD", {"momentum": -0.1}, r"SGD: momentum.*-0\.1"),
        ("SGD", {"momentum": float("nan")}, "SGD: momentum.*nan"),
        ("SGD", {"nesterov": True}, "SGD: nesterov"),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "SGD: nesterov"),
        ("Adam", {"eps": -1e-8}, "Adam: eps"),
        ("Adam", {"eps": float("nan")}, "Adam: eps"),
        ("Adam", {"betas": (1.0, 0.9)}, r"Adam: .*betas.*1\.0"),
        ("Adam", {"betas": (0.9, 1.0)}, r"Adam: .*betas.*1\.0"),
        ("Adam", {"betas": (-0.1, 0.9)}, r"Adam: .*betas.*-0\.1"),
        ("Adam", {"betas": (0.9, float("nan"))}, "Adam: .*betas.*nan"),
        ("Adam", {"betas": (0.9,)}, "Adam: .*betas"),
        ("Adam", {"betas": 0.9}, "Adam: .*betas"),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any], text: str) -> None:
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(optim, name)([w], **options)


@every_rule
@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ({"params": [v, 3.0]}, TypeError),
        ({"params": [v, w]}, ValueError),
        ({"params": [v, v]}, ValueError),
        ({"params": [v], "lr": -1.0}, ValueError),
        ({"params": [v, v * 2]}, ValueError),
        ({"params": {v}}, TypeError),
        ({"lr": 0.1}, KeyError),
        ([v], TypeError),
    ],
)
def test_a_refused_group_leaves_the_optimizer_as_it_was(name: str, group: Any, kind: type[Exception]) -> None:
    rule = getattr(optim, name)([w], lr=0.1)
    printed = repr(rule)
    with pytest.raises(kind):
        rule.add_param_group(group)
    assert repr(rule) == printed
    assert [g["params"] for g in rule.param_groups] == [[w]]
    rule.add_param_group({"params": [v]})
    assert len(rule.param_groups) == 2


def test_a_rule_without_update_says_so() -> None:
    p = leaf(1.0)
    with pytest.raises(NotImplementedError, match="Optimizer"):
        optim.Optimizer([p], {}).step()
    assert p.tolist() == [1.0]
