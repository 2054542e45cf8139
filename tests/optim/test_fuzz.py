"""Random options, shapes and round trips of the state beside PyTorch, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from autodiff.tensor import from_array
from tests.fuzzing import examples
from tests.oracle import Array, needs_torch, torch

#: For each rule what its options are drawn from.
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "SGD": {"momentum": [0, 0.5, 0.9], "dampening": [0, 0.3, 1.0], "nesterov": [False, True], "fused": [None, False]},
    "Adagrad": {"lr_decay": [0, 0.1], "initial_accumulator_value": [0, 0.5], "eps": [1e-10, 0.1]},
    "RMSprop": {"alpha": [0.9, 0.0], "eps": [1e-8, 0.1], "momentum": [0, 0.9], "centered": [False, True]},
    "Adam": {
        "betas": [(0.9, 0.999), (0.0, 0.9), (0.8, 0.0)], "eps": [1e-8, 0.1], "amsgrad": [False, True],
        "decoupled_weight_decay": [False, True],
    },
    "AdamW": {"betas": [(0.9, 0.999), (0.5, 0.5)], "eps": [1e-8], "amsgrad": [False, True]},
}  # fmt: skip
COMMON: dict[str, list[Any]] = {
    "lr": [0.1, 1e-3, 0.0], "weight_decay": [0, 0.1], "maximize": [False, True], "foreach": [None, False, True],
}  # fmt: skip
SHAPES: list[tuple[int, ...]] = [(), (1,), (4,), (2, 3), (0,), (3, 2, 2), (1, 5)]


def drawn(rng: np.random.Generator, rule: str) -> dict[str, Any]:
    """Return random options that the rule accepts."""
    table = {**COMMON, **OPTIONS[rule]}
    chosen = {name: values[rng.integers(len(values))] for name, values in table.items() if rng.random() < 0.6}
    if chosen.get("nesterov") and not (chosen.get("momentum") and not chosen.get("dampening")):
        del chosen["nesterov"]
    if chosen.get("centered"):
        chosen["alpha"] = 0.9  # with 0 the variance is 0, and rounding alone decides whether its root is NaN
    return chosen


def order_of(rng: np.random.Generator) -> Any:
    """Return a random order of memory."""
    return "F" if rng.random() < 0.3 else "C"


class Pair:
    """The same parameters in both libraries, in one or two groups, with an optimizer each."""

    def __init__(self, rng: np.random.Generator, rule: str) -> None:
        self.rule, self.options = rule, drawn(rng, rule)
        shapes = [SHAPES[i] for i in rng.integers(len(SHAPES), size=rng.integers(1, 6))]
        values = [np.asarray(rng.standard_normal(s)) for s in shapes]
        self.ours = [from_array(np.array(v, order=order_of(rng)), requires_grad=True) for v in values]
        self.theirs = [torch.tensor(v, requires_grad=True) for v in values]
        self.cut = int(rng.integers(0, len(values)))
        self.special = {k: v for k, v in drawn(rng, rule).items() if k in ("lr", "weight_decay", "maximize", "eps")}
        self.build()

    def build(self) -> None:
        """Make both optimizers."""
        makers = zip((optim, torch.optim), (self.ours, self.theirs), strict=True)
        self.mine, self.reference = (getattr(lib, self.rule)(self.groups(ps), **self.options) for lib, ps in makers)

    def groups(self, params: list[Any]) -> list[Any]:
        """Return the parameters as they are given to an optimizer."""
        parts = [{"params": params[self.cut :]}, {"params": params[: self.cut], **self.special}]
        return parts if self.cut else params

    def step(self, rng: np.random.Generator) -> None:
        """Take a step with random gradients, of which some are missing or in another order of memory."""
        for p, q in zip(self.ours, self.theirs, strict=True):
            g = np.asarray(rng.standard_normal(p.shape))
            p.grad, q.grad = from_array(np.array(g, order=order_of(rng))), torch.tensor(g)
            if rng.random() < 0.2:
                p.grad = q.grad = None
        self.mine.step()
        self.reference.step()

    def act(self, rng: np.random.Generator) -> None:
        """Do one of the things that happen between two steps."""
        kind = rng.integers(6)
        if kind == 0:  # from PyTorch here, into a fresh optimizer or the one there is
            state = self.reference.state_dict()
            if rng.random() < 0.5:
                self.mine = getattr(optim, self.rule)(self.groups(self.ours), lr=123.0)
            self.mine.load_state_dict(state)
        elif kind == 1:  # from here to PyTorch
            state = self.mine.state_dict()
            entries = {i: {k: as_torch(k, v) for k, v in s.items()} for i, s in state["state"].items()}
            self.reference.load_state_dict({**state, "state": entries})
        elif kind == 2:
            rate = float(rng.uniform(0, 0.1))
            for group in (*self.mine.param_groups, *self.reference.param_groups):
                group["lr"] = rate
        elif kind == 3:
            for optimizer in (self.mine, self.reference):
                optimizer.zero_grad(set_to_none=bool(rng.integers(2)))
        elif kind == 4:
            self.ours[0].data = self.ours[0].detach().numpy().copy()

    def compare(self) -> None:
        """Assert that parameters and states are PyTorch's."""
        for p, q in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-9, atol=1e-11)
        state, expected = self.mine.state_dict(), self.reference.state_dict()
        for i, theirs in expected["state"].items():
            known = {k: v for k, v in theirs.items() if v is not None}
            assert state["state"].get(i, {}).keys() == known.keys()
            for k, v in known.items():
                np.testing.assert_allclose(np.asarray(state["state"][i][k]), v.numpy(), rtol=1e-9, atol=1e-11)
        for group, theirs in zip(state["param_groups"], expected["param_groups"], strict=True):
            assert group == {k: theirs[k] for k in group}


def as_torch(name: str, value: Any) -> Any:
    """Return an entry of our state as PyTorch keeps it."""
    return torch.tensor(float(value)) if name == "step" else torch.tensor(np.asarray(value))


@needs_torch
@pytest.mark.parametrize("rule", OPTIONS)
@pytest.mark.filterwarnings("ignore:.*training diverges:RuntimeWarning")
def test_random_runs_with_round_trips_equal_pytorchs(rule: str) -> None:
    """A few steps in float64 of numbers of about 1, each of which rounds to 1e-16."""
    for seed in range(examples(60)):
        rng = np.random.default_rng([seed, len(rule)])
        pair = Pair(rng, rule)
        try:
            for _ in range(rng.integers(2, 7)):
                pair.step(rng)
                pair.act(rng)
            pair.step(rng)
            pair.compare()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {rule}({pair.options}), second group {pair.special}") from error


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_random_parts_of_memory_step_as_if_each_were_alone(dtype: Any, seed: int) -> None:
    """Views of one array that overlap or not, forwards, backwards and with gaps, beside steps one after the other."""
    rng = np.random.default_rng(seed)
    for _ in range(examples(10)):
        memory: Array = rng.standard_normal(60).astype(dtype)
        cuts = [(*sorted(rng.integers(0, 60, 2)), int(rng.choice([1, 2, -1]))) for _ in range(5)]
        other = memory.copy()
        ends = []
        for array, together in ((memory, True), (other, False)):
            params = [from_array(array[a:b][::c], requires_grad=True) for a, b, c in cuts]
            for p in params:
                p.grad = ad.ones(p.shape, dtype=dtype)
            for given in [params] if together else [[p] for p in params]:
                optim.SGD(given, lr=0.5).step()
            ends.append(array)
        np.testing.assert_array_equal(*ends)
