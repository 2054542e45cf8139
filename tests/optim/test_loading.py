"""States that are loaded: from another rule, from older versions, malformed, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.oracle import needs_torch, torch


def leaf(*values: float) -> ad.Tensor:
    """Return a float64 parameter whose gradient is 1 everywhere."""
    p = ad.tensor(np.array(values), requires_grad=True)
    p.grad = ad.ones_like(p)
    return p


# -- another rule's state, and an older one ----------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("lacks", [(), ("decoupled_weight_decay",), ("decoupled_weight_decay", "maximize", "amsgrad")])
@pytest.mark.parametrize("source", ["Adam", "AdamW"])
@pytest.mark.parametrize("target", ["Adam", "AdamW"])
def test_adams_states_move_between_adam_and_adamw_as_in_pytorch(source: str, target: str, lacks: Any) -> None:
    ends = []
    for library, rules in ((ad, optim), (torch, torch.optim)):
        p = library.ones(3, requires_grad=True, dtype=library.float64)
        p.grad = library.ones_like(p)
        first = getattr(rules, source)([p], lr=0.1, weight_decay=0.5)
        first.step()
        state = first.state_dict()
        for name in lacks:
            del state["param_groups"][0][name]
        second = getattr(rules, target)([p], lr=0.3)
        second.load_state_dict(state)
        second.step()
        ends.append((p.tolist(), second.param_groups[0]["decoupled_weight_decay"]))
    assert ends[0][0] == pytest.approx(ends[1][0], rel=1e-12)  # two steps of numbers of about 1 in float64
    assert ends[0][1] == ends[1][1]


@needs_torch
@pytest.mark.parametrize(("rule", "flag"), [("SGD", "nesterov"), ("Adagrad", "maximize"), ("RMSprop", "centered")])
def test_flags_that_a_state_lacks_are_off_as_in_pytorch(rule: str, flag: str) -> None:
    for library, rules in ((ad, optim), (torch, torch.optim)):
        p = library.ones(3, requires_grad=True)
        options = {"momentum": 0.9} if flag == "nesterov" else {}
        state = getattr(rules, rule)([p], **options).state_dict()
        del state["param_groups"][0][flag]
        optimizer = getattr(rules, rule)([p], **options, **{flag: True})
        optimizer.load_state_dict(state)
        assert optimizer.param_groups[0][flag] is False


@needs_torch
def test_adagrads_sums_start_where_the_constructor_says_in_all_groups_as_in_pytorch() -> None:
    ends = []
    for library, rules in ((ad, optim), (torch, torch.optim)):
        params = [library.ones(2, requires_grad=True, dtype=library.float64) for _ in range(2)]
        for p in params:
            p.grad = library.ones_like(p)
        own = [{"params": [p], "initial_accumulator_value": value} for p, value in zip(params, (5.0, 7.0), strict=True)]
        optimizer = rules.Adagrad(own[:1], lr=0.1, initial_accumulator_value=2.0)
        optimizer.add_param_group(own[1])
        optimizer.step()
        ends.append([value for p in params for value in (*p.tolist(), *optimizer.state[p]["sum"].tolist())])
    assert ends[0] == pytest.approx(ends[1], rel=1e-12)  # one step in float64


# -- what is refused ---------------------------------------------------------------------------------------------------

SPOILED: dict[str, tuple[type[Exception], str, Callable[[Any], Any]]] = {
    "state is a list": (TypeError, "state must be a dict, got list", lambda s: s.update(state=[1])),
    "no state of a parameter": (
        TypeError, "the state of parameter 1 must be a dict, got NoneType", lambda s: s["state"].update({1: None})
    ),
    "no groups": (TypeError, "param_groups must be a list of dicts, got None", lambda s: s.update(param_groups=None)),
    "a group that is none": (TypeError, "group 1 must be a dict", lambda s: s["param_groups"].__setitem__(1, "group")),
    "no params": (KeyError, "group 1 has no 'params'", lambda s: s["param_groups"][1].pop("params")),
    "params is a number": (
        TypeError, "the 'params' of group 1 must be a list", lambda s: s["param_groups"][1].update(params=1)
    ),
    "params of lists": (
        TypeError, "the 'params' of group 1 must be a list", lambda s: s["param_groups"][1].update(params=[[1]])
    ),
    "what cannot be copied": (
        TypeError, "group 1 holds what cannot be copied", lambda s: s["param_groups"][1].update(notes=iter_of_none())
    ),
    "complex numbers": (
        TypeError, "exp_avg holds complex128, which does not fit its parameter's float64",
        lambda s: s["state"][1].update(exp_avg=np.full(1, 1 + 2j)),
    ),
    "text": (TypeError, "exp_avg holds <U1", lambda s: s["state"][1].update(exp_avg=["x"])),
    "a ragged list": (ValueError, "exp_avg is no array", lambda s: s["state"][1].update(exp_avg=[[1.0], [1.0, 2.0]])),
}  # fmt: skip


def iter_of_none() -> Any:
    """Return a generator, which nobody can copy."""
    yield from ()


@pytest.mark.parametrize(("kind", "match", "spoil"), SPOILED.values(), ids=SPOILED)
def test_a_malformed_state_is_named_and_changes_nothing(
    kind: type[Exception], match: str, spoil: Callable[[Any], Any]
) -> None:
    params = [leaf(1.0, 2.0), leaf(3.0)]
    optimizer = optim.Adam([{"params": params[:1]}, {"params": params[1:]}], lr=0.1)
    optimizer.step()
    spoiled = optimizer.state_dict()
    for group, state in zip(spoiled["param_groups"], spoiled["state"].values(), strict=True):
        group["lr"], state["step"] = 0.7, 7
    spoil(spoiled)
    before = repr(optimizer), repr(optimizer.state_dict())
    with pytest.raises(kind, match=f"load_state_dict: {match}"):
        optimizer.load_state_dict(spoiled)
    assert (repr(optimizer), repr(optimizer.state_dict())) == before


def test_numbers_too_large_for_the_parameter_become_infinite_silently() -> None:
    p = ad.ones(1, requires_grad=True)
    p.grad = ad.ones(1)
    optimizer = optim.Adam([p])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = np.array([1e300])
    optimizer.load_state_dict(state)
    assert optimizer.state[p]["exp_avg"].tolist() == [np.inf]


# -- PyTorch's state, and ours in PyTorch ------------------------------------------------------------------------------


def moved(value: Any, make: Callable[[Any], Any]) -> Any:
    """Return a state with each tensor made anew by another library."""
    if isinstance(value, dict):
        return {k: moved(v, make) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(moved(v, make) for v in value)
    return make(np.array(value.numpy())) if hasattr(value, "numpy") else value


@needs_torch
@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "Rprop", "ASGD"]
)
@pytest.mark.parametrize("back", [False, True])
def test_states_move_between_pytorch_and_here(name: str, back: bool) -> None:
    def step(library: Any, optimizer: Any, params: list[Any], turn: int) -> None:
        for p in params:
            p.grad = library.tensor(np.cos(np.arange(p.numel()) + turn).reshape(tuple(p.shape)))
        optimizer.step()

    def twin(library: Any, params: list[Any]) -> list[Any]:
        return [library.tensor(np.array(p.detach().numpy()), requires_grad=True) for p in params]

    sides = [(ad, optim), (torch, torch.optim)]
    (first, rules), (second, others) = sides if back else sides[::-1]
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {"t0": 2} if name == "ASGD" else {}
    ps = [
        first.tensor(np.sin(np.arange(6.0)).reshape(3, 2), requires_grad=True),
        first.tensor(np.array(0.5), requires_grad=True),
    ]
    one = getattr(rules, name)(ps, **options)
    for turn in range(3):
        step(first, one, ps, turn)
    qs = twin(second, ps)
    other = getattr(others, name)(qs)
    other.load_state_dict(moved(one.state_dict(), second.tensor))
    for turn in range(3, 6):
        step(first, one, ps, turn)
        step(second, other, qs, turn)
    for p, q in zip(ps, qs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6)


@needs_torch
def test_a_nan_among_the_gradients_does_not_move_rprop() -> None:
    ends = []
    for library, rules in ((ad, optim), (torch, torch.optim)):
        p = library.tensor([1.0, 2.0], requires_grad=True)
        optimizer = rules.Rprop([p])
        for g in ([1.0, 1.0], [float("nan"), 1.0], [1.0, -1.0], [1.0, -1.0]):
            p.grad = library.tensor(g)
            optimizer.step()
        ends.append(p.detach().numpy())
    np.testing.assert_allclose(*ends, rtol=1e-6)
