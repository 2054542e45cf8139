"""Hooks of optimizers, beside PyTorch's: when they are called, with what, and what they can change."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import autodiff as ad
import optim
from tests.oracle import needs_torch, torch


def optimizers(lib: Any, package: Any) -> Any:
    w = lib.ones(2, requires_grad=True)
    w.grad = lib.ones(2)
    return w, package.Adam([w], lr=0.1)


def scenario(lib: Any, package: Any) -> list[Any]:
    """Do everything that hooks are called for, and return what was seen."""
    seen: list[Any] = []
    w, optimizer = optimizers(lib, package)
    optimizer.register_step_pre_hook(
        lambda o, args, kwargs: seen.append(("before", args[0] is o, len(args), sorted(kwargs)))
    )
    last = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", round(w[0].item(), 4))))
    optimizer.step()
    optimizer.step(closure=lambda: seen.append("closure"))
    last.remove()
    optimizer.step()
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("before state"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first before state"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "more": 1})
    state = optimizer.state_dict()
    seen.append(sorted(state))

    def pre(o: Any, given: Any) -> Any:
        seen.append(sorted(given))
        given = dict(given)
        given["param_groups"] = [{**given["param_groups"][0], "lr": 0.5}]
        return given

    optimizer.register_load_state_dict_pre_hook(pre)
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(("loaded", o.param_groups[0]["lr"])))
    optimizer.load_state_dict(state)
    seen.append(state["param_groups"][0]["lr"])
    return seen


@needs_torch
def test_hooks_are_called_as_pytorchs() -> None:
    assert scenario(ad, optim) == scenario(torch, torch.optim)


def test_a_hook_before_a_step_gives_other_arguments() -> None:
    _, optimizer = optimizers(ad, optim)
    called: list[int] = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: called.append(1) or 3.0), {}))
    assert optimizer.step() == 3.0
    assert called == [1]
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 5)
    with pytest.raises(RuntimeError, match=r"must return None or \(args, kwargs\), got 5"):
        optimizer.step()


def test_hooks_of_a_rule_with_a_step_of_its_own_are_called() -> None:
    class Own(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return "own"

    seen: list[int] = []
    optimizer = Own([ad.zeros(1, requires_grad=True)])
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(1))
    assert optimizer.step() == "own"
    assert seen == [1]


def test_copies_have_no_hooks() -> None:
    w, optimizer = optimizers(ad, optim)
    optimizer.register_step_pre_hook(lambda o, args, kwargs: pytest.fail("a hook of the original"))
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        p = other.param_groups[0]["params"][0]
        p.grad = ad.ones(2)
        other.step()
        assert p.tolist() != w.tolist()


def test_what_cannot_be_called_is_no_hook() -> None:
    with pytest.raises(TypeError, match="hook: expected a callable, got int"):
        optimizers(ad, optim)[1].register_step_pre_hook(3)
