"""Stepping many parameters at once: whatever happens to them, each moves as if it were alone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff.tensor import from_array
from optim.layout import BLOCK, SMALL
from tests.oracle import Array, needs_torch, torch

Build = Callable[[Any], optim.Optimizer]
RULES: dict[str, Build] = {
    "SGD": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.1),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.1, momentum=0.9, centered=True),
    "Adam": lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    "AdamW": lambda params: optim.AdamW(params, lr=0.1),
}
every_rule = pytest.mark.parametrize("build", RULES.values(), ids=RULES)


class Counting(optim.Optimizer):
    """A rule that does nothing and counts how often."""

    calls = 0
    elementwise = True

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        self.calls += 1
        assert param.size <= BLOCK


SHAPES = [(2, 3), (), (4,), (BLOCK + 5,), (0,), (3, 1)]


def leaves(shapes: list[tuple[int, ...]] = SHAPES, dtype: Any = np.float64) -> list[ad.Tensor]:
    """Return parameters with the same random values at every call."""
    rng = np.random.default_rng(1)
    return [ad.tensor(rng.standard_normal(s), dtype=dtype, requires_grad=True) for s in shapes]


def give_gradients(params: list[ad.Tensor], seed: int, missing: tuple[int, ...] = ()) -> None:
    """Give each parameter a random gradient, but some of them none."""
    rng = np.random.default_rng(seed)
    for i, p in enumerate(params):
        drawn = np.asarray(rng.standard_normal(p.shape)).astype(p.dtype)
        p.grad = None if i in missing else ad.tensor(drawn)


def arrays(optimizer: optim.Optimizer, p: ad.Tensor) -> list[Array]:
    """Return the value of a parameter and all that is remembered of it."""
    return [p.detach().numpy(), *(np.asarray(v) for _, v in sorted(optimizer.state[p].items()))]


def assert_as_if_alone(build: Build, params: list[ad.Tensor], act: Callable[[Any, list[ad.Tensor], int], None]) -> None:
    """Assert that `act(optimizer, params, step)`, done before each step, has the same result one by one.

    Bits may differ, for a sum over blocks is the same sum, but NumPy's vector and scalar code round a root apart.
    """
    alone = copy.deepcopy(params)
    together, single = build(params), [build([p]) for p in alone]
    for step in range(6):
        act(together, params, step)
        together.step()
        act(None, alone, step)
        for optimizer in single:
            optimizer.step()
    for p, q, optimizer in zip(params, alone, single, strict=True):
        for found, expected in zip(arrays(together, p), arrays(optimizer, q), strict=True):
            assert found.shape == expected.shape
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-6 if p.dtype == np.float32 else 1e-13)


@every_rule
def test_small_and_large_parameters(build: Build) -> None:
    assert_as_if_alone(build, leaves(), lambda o, params, step: give_gradients(params, step))


@every_rule
def test_parameters_without_a_gradient_this_step(build: Build) -> None:
    missing = [(0,), (), (1, 3), (2,), (), (0, 1, 2, 3, 4, 5)]
    assert_as_if_alone(build, leaves(), lambda o, params, step: give_gradients(params, step, missing[step]))


@every_rule
def test_a_parameter_without_a_gradient_neither_moves_nor_ages(build: Build) -> None:
    params = leaves()
    optimizer = build(params)
    for step, missing in enumerate([(0,), (), (0, 3)]):
        give_gradients(params, step, missing)
        before = {i: [a.copy() for a in arrays(optimizer, params[i])] for i in missing}
        optimizer.step()
        for i, expected in before.items():
            assert [a.tolist() for a in arrays(optimizer, params[i])] == [a.tolist() for a in expected]


@every_rule
def test_parameters_of_different_dtypes(build: Build) -> None:
    params = [*leaves(), *leaves(dtype=np.float32)]
    assert_as_if_alone(build, params[::2] + params[1::2], lambda o, ps, step: give_gradients(ps, step))


@every_rule
def test_data_that_is_replaced(build: Build) -> None:
    def act(optimizer: Any, params: list[ad.Tensor], step: int) -> None:
        if step in (2, 4):
            for p in params[step - 2 :]:
                p.data = np.clip(p.detach().numpy(), -0.5, 0.5)
        give_gradients(params, step)

    assert_as_if_alone(build, leaves(), act)


@every_rule
def test_memory_that_is_not_in_order(build: Build) -> None:
    def act(optimizer: Any, params: list[ad.Tensor], step: int) -> None:
        give_gradients(params, step)
        for p in params:
            if p.ndim == 2:
                assert p.grad is not None
                p.data = np.asfortranarray(p.detach().numpy())
                p.grad = from_array(np.asfortranarray(p.grad.detach().numpy()))

    assert_as_if_alone(build, leaves([(2, 3), (BLOCK, 2), (3, 2)]), act)


def test_parameters_stay_in_their_memory() -> None:
    memory = [np.ones((2, 3)), np.ones(4), np.ones(BLOCK)]
    params = [nn.Parameter(m) for m in memory]
    optimizer = optim.SGD(params, lr=1.0)
    give_gradients(params, 0)  # type: ignore[arg-type]  # a Parameter is a Tensor
    optimizer.step()
    for p, m in zip(params, memory, strict=True):
        assert p.detach().numpy() is m
        assert p.grad is not None
        np.testing.assert_allclose(m, 1 - p.grad.detach().numpy())


def test_parameters_that_share_memory_both_move_it() -> None:
    shared = np.zeros(3)
    params = [nn.Parameter(shared), nn.Parameter(shared[:2]), nn.Parameter(np.zeros(2))]
    optimizer = optim.SGD(params, lr=1.0)
    for p in params:
        p.grad = ad.ones(p.shape, dtype="float64")
    optimizer.step()
    assert shared.tolist() == [-2.0, -2.0, -1.0]


def test_views_of_a_foreign_buffer_both_move_it() -> None:
    buffer = bytearray(24)
    first, second = (np.frombuffer(memoryview(buffer), np.float64) for _ in range(2))
    assert first.base is not second.base  # nothing but the addresses tells that the memory is one
    params = [nn.Parameter(first), nn.Parameter(second[1:]), nn.Parameter(first[2:])]
    optimizer = optim.SGD(params, lr=1.0)
    for p in params:
        p.grad = ad.ones(p.shape, dtype="float64")
    optimizer.step()
    assert first.tolist() == [-1.0, -2.0, -3.0]


class Normalizing(optim.Optimizer):
    """A rule that couples the elements of a parameter: its step has the length lr."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})

    def fills(self, group: Any) -> dict[str, float]:
        return {"last": 0.0}

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        assert param.shape == grad.shape == state["last"].shape
        state["last"][...] = grad / np.linalg.norm(grad)
        param -= group["lr"] * state["last"]


class NormalizingAdam(optim.Adam):
    """A rule that overrides the formula of one that works element by element, and says nothing of itself."""

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        super().update(param, grad / np.linalg.norm(grad), state, group, step)


class NormalizingMixin:
    """A formula from outside the optimizers."""

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        param -= 0.1 * grad / np.linalg.norm(grad)


class NormalizingSGD(NormalizingMixin, optim.SGD):
    """A rule whose formula comes before that of SGD."""


def with_formula_of_its_own(params: Any) -> optim.Optimizer:
    """Return an optimizer to which another formula was assigned."""
    optimizer = optim.SGD(params)
    optimizer.update = NormalizingMixin().update  # type: ignore[method-assign]  # that is the test
    return optimizer


@pytest.mark.parametrize("build", [Normalizing, NormalizingAdam, NormalizingSGD, with_formula_of_its_own])
def test_a_rule_that_couples_elements_gets_each_parameter_whole(build: Build) -> None:
    """Of several dtypes, shapes and orders of memory; the copies step one by one."""
    params = leaves([(2, 3), (1,), (4,), (BLOCK + 5,), (3, 1), ()]) + leaves([(3, 2), (2,)], np.float32)
    params[0].data = np.asfortranarray(params[0].detach().numpy())
    assert_as_if_alone(build, params, lambda o, ps, step: give_gradients(ps, step))


def test_the_step_of_a_rule_that_couples_elements_has_its_length_for_each_parameter() -> None:
    params = [ad.zeros(3, requires_grad=True), ad.zeros(2, 2, requires_grad=True)]
    for p in params:
        p.grad = ad.full(p.shape, 5.0)
    Normalizing(params, lr=0.5).step()
    for p in params:
        assert np.linalg.norm(p.detach().numpy()) == pytest.approx(0.5, rel=1e-6)  # float32


def test_a_subclass_that_leaves_the_formula_is_gathered_as_its_base() -> None:
    class Slow(Counting):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.1})

    class Silent(Counting):
        def update(self, *given: Any) -> None:
            super().update(*given)

    for rule, calls in ((Slow, 1), (Silent, 3)):
        params = leaves([(2,), (3,), (4,)])
        give_gradients(params, 0)
        optimizer: Any = rule(params) if rule is Slow else rule(params, {})
        optimizer.step()
        assert optimizer.calls == calls


def test_parts_of_one_array_step_together_where_they_do_not_overlap() -> None:
    flat = np.zeros(6)
    params = [nn.Parameter(flat[i : i + 2]) for i in (4, 0, 2)]
    optimizer = Counting(params, {})
    give_gradients(params, 0)  # type: ignore[arg-type]  # a Parameter is a Tensor
    optimizer.step()
    assert optimizer.calls == 1


def test_a_tied_parameter_steps_once_with_the_sum_of_its_gradients() -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    before = first.weight.detach().numpy().copy()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    model(ad.ones(1, 2)).sum().backward()
    assert first.weight.grad is not None
    optimizer.step()
    np.testing.assert_allclose(first.weight.detach().numpy(), before - first.weight.grad.detach().numpy())
    assert second.weight is first.weight


@every_rule
def test_groups_with_options_of_their_own_and_added_later(build: Build) -> None:
    params = leaves([(2, 3), (4,), (5,), (2,)])
    optimizer = build([{"params": params[:2]}, {"params": params[2:3], "lr": 0.0}])
    give_gradients(params, 0)
    start = [p.detach().numpy().copy() for p in params]
    optimizer.step()
    assert [np.array_equal(p.detach().numpy(), s) for p, s in zip(params, start, strict=True)] == [
        False,
        False,
        True,
        True,
    ]
    optimizer.add_param_group({"params": params[3], "lr": 0.2})
    optimizer.step()
    assert not np.array_equal(params[3].detach().numpy(), start[3])
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.0, 0.2]


@every_rule
def test_state_has_the_parameters_shapes_and_can_be_written(build: Build) -> None:
    def act(optimizer: Any, params: list[ad.Tensor], step: int) -> None:
        give_gradients(params, step)

    params, again = leaves(), leaves()
    optimizer, expected = build(params), build(again)
    for step in range(2):
        act(optimizer, params, step)
        act(expected, again, step)
        optimizer.step()
        expected.step()
    for o, ps, replace in ((optimizer, params, False), (expected, again, True)):
        for p in ps:
            for name, value in o.state[p].items():
                if name != "step":
                    assert value.shape == p.shape
                    if replace:
                        o.state[p][name] = value * 2
                    else:
                        value *= 2
        act(o, ps, 9)
        o.step()
    for p, q in zip(params, again, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


@every_rule
def test_forgetting_the_state_starts_over(build: Build) -> None:
    params = leaves()
    optimizer = build(params)
    give_gradients(params, 0)
    optimizer.step()
    optimizer.state.clear()
    fresh = copy.deepcopy(params)
    expected = build(fresh)
    for o in (optimizer, expected):
        o.step()
    for p, q in zip(params, fresh, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
@every_rule
def test_a_copy_of_the_optimizer_goes_on_alone(build: Build, duplicate: Callable[[Any], Any]) -> None:
    params = leaves()
    optimizer = build(params)
    give_gradients(params, 0)
    optimizer.step()
    twin = duplicate(optimizer)
    copied = twin.param_groups[0]["params"]
    kept = [p.detach().numpy().copy() for p in params]
    give_gradients(copied, 1)
    twin.step()
    for p, k in zip(params, kept, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), k)
    give_gradients(params, 1)
    optimizer.step()
    for p, q in zip(params, copied, strict=True):
        assert not np.may_share_memory(p.detach().numpy(), q.detach().numpy())
        for found, expected in zip(arrays(twin, q), arrays(optimizer, p), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_copied_model_takes_no_more_than_its_own_memory() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = optim.Adam(model.parameters())
    model(ad.ones(1, 3)).sum().backward()
    optimizer.step()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [p.detach().numpy().base is None for p in twin.parameters()] == [True] * 4


@every_rule
def test_state_dict_moves_to_another_optimizer(build: Build) -> None:
    params = leaves()
    optimizer = build(params)
    for step in range(2):
        give_gradients(params, step)
        optimizer.step()
    others = copy.deepcopy(params)
    state = optimizer.state_dict()
    other = build(others)
    other.step()  # what is loaded takes the place of a layout in use
    for p, q in zip(params, others, strict=True):
        q.data = p.detach().numpy().copy()
    other.load_state_dict(state)
    for step in range(2, 4):
        for o, ps in ((optimizer, params), (other, others)):
            give_gradients(ps, step)
            o.step()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


def test_a_loaded_model_is_stepped_from_its_loaded_values() -> None:
    model, source = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    model(ad.ones(1, 3)).sum().backward()
    optimizer.step()
    model.load_state_dict(source.state_dict())
    optimizer.step()
    assert model.bias is not None
    assert source.bias is not None
    np.testing.assert_allclose(model.bias.detach().numpy(), source.bias.detach().numpy() - 1)


@needs_torch
@pytest.mark.parametrize("rule", ["Adam", "RMSprop", "Adagrad"])
def test_pytorchs_state_dict_can_be_loaded(rule: str) -> None:
    p, q = ad.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    ours, theirs = getattr(optim, rule)([p]), getattr(torch.optim, rule)([q])
    for step in range(4):
        p.grad, q.grad = ad.tensor([1.0, 2.0, step]), torch.tensor([1.0, 2.0, step])
        theirs.step()
        if step >= 2:
            ours.step()
        else:
            p.data = q.detach().numpy().copy()
            ours.load_state_dict(theirs.state_dict())
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5)  # float32, two steps


def test_a_step_is_seen_by_graphs_that_saved_the_parameter() -> None:
    params = leaves([(2,), (BLOCK,)])
    optimizer = optim.SGD(params, lr=0.1)
    losses = [(p * p).sum() for p in params]
    give_gradients(params, 0)
    optimizer.step()
    for loss in losses:
        with pytest.raises(RuntimeError, match="changed in place"):
            loss.backward()


def test_gradients_are_not_changed() -> None:
    for build in RULES.values():
        params = leaves()
        optimizer = build(params)
        give_gradients(params, 0)
        before = [p.grad.detach().numpy().copy() for p in params if p.grad is not None]
        optimizer.step()
        for p, expected in zip(params, before, strict=True):
            assert p.grad is not None
            np.testing.assert_array_equal(p.grad.detach().numpy(), expected)


def test_many_small_parameters_step_as_one() -> None:
    params = leaves([(3,)] * 50 + [(SMALL,)] * (BLOCK // SMALL) + [(SMALL + 1,), (3 * BLOCK,)])
    optimizer = Counting(params, {})
    give_gradients(params, 0)
    optimizer.step()
    assert optimizer.calls == 2 + 1 + 3  # the last that is gathered does not fit beside the others


@every_rule
@pytest.mark.parametrize("shape", [(2, 3), (BLOCK // 4, 5)], ids=["gathered", "in blocks"])
@pytest.mark.parametrize(("memory", "gradient"), [("F", "F"), ("F", "C"), ("C", "F")])
def test_the_order_of_memory_changes_no_step(build: Build, shape: tuple[int, int], memory: Any, gradient: Any) -> None:
    rng = np.random.default_rng(0)
    start, slopes, resumed = rng.standard_normal(shape), rng.standard_normal((3, *shape)), []
    results = []
    for order, of_gradient in (("C", "C"), (memory, gradient)):
        params = [ad.tensor(np.array(start, order=order), requires_grad=True), *leaves([(4,)])]
        params[0].data = np.array(start, order=order)
        optimizer = build(params)
        for slope in slopes:
            params[0].grad = from_array(np.array(slope, order=of_gradient))
            params[1].grad = ad.ones(4, dtype=ad.float64)
            optimizer.step()
        assert params[0].detach().numpy().flags.c_contiguous == (order == "C")
        results.append([p.detach().numpy() for p in params])
        resumed.append(copy.deepcopy(optimizer).state_dict()["state"][0])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    for name, value in resumed[0].items():
        np.testing.assert_array_equal(np.asarray(resumed[1][name]), np.asarray(value))
