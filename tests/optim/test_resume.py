"""A run that is killed and taken up again ends bit for bit where one that ran through ends."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff.data import DataLoader, TensorDataset

EPOCHS = 10

RULES: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.05),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.005, centered=True, momentum=0.5),
    "Adam": lambda params: optim.Adam(params, lr=0.01, amsgrad=True),
    "AdamW": lambda params: optim.AdamW(params, lr=0.01),
}
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS),
    "warm-up": lambda o: optim.lr_scheduler.SequentialLR(
        o, [optim.lr_scheduler.LinearLR(o), optim.lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
}


class Run:
    """All that a training run consists of."""

    def __init__(self, rule: str, schedule: str) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 256, (50, 6), np.uint8), rng.integers(0, 3, 50)
        self.model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
        self.optimizer = RULES[rule](self.model.parameters())
        self.schedule = SCHEDULES[schedule](self.optimizer)
        self.loader = DataLoader(
            TensorDataset(x, y), batch_size=8, shuffle=True, transform=lambda x, y: (x.float() / 255, y)
        )

    def epoch(self, until: int | None = None) -> bytes:
        """Train on the rest of an epoch, with noise on the inputs, or on its batches up to one; return a checkpoint."""
        for i, (x, y) in enumerate(self.loader):
            self.optimizer.zero_grad()
            nn.functional.cross_entropy(self.model(x + 0.1 * ad.randn(x.shape)), y).backward()
            self.optimizer.step()
            if i == until:
                return self.checkpoint()  # within the loop: whoever leaves it starts the next epoch anew
        self.schedule.step()
        return self.checkpoint()

    def checkpoint(self) -> bytes:
        """Return all that must be kept, as it would be written to a file."""
        return pickle.dumps(self.states())

    def states(self) -> list[Any]:
        """Return the states of all parts."""
        parts = (self.model, self.optimizer, self.schedule, self.loader)
        return [*(part.state_dict() for part in parts), ad.get_rng_state()]

    def restore(self, checkpoint: bytes) -> None:
        """Take up the run in which `checkpoint` was taken."""
        self.load(pickle.loads(checkpoint))

    def load(self, given: list[Any]) -> None:
        """Take up the run whose states these are."""
        *states, random = given
        for part, state in zip((self.model, self.optimizer, self.schedule, self.loader), states, strict=True):
            part.load_state_dict(state)
        ad.set_rng_state(random)

    def outcome(self) -> list[bytes]:
        """Return the bits of all parameters and buffers."""
        return [value.data.numpy().tobytes() for value in self.model.state_dict().values()]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", RULES)
def test_ten_epochs_equal_five_and_five(rule: str, schedule: str) -> None:
    ad.manual_seed(1)
    through = Run(rule, schedule)
    for _ in range(EPOCHS):
        through.epoch()

    ad.manual_seed(1)
    killed = Run(rule, schedule)
    for _ in range(EPOCHS // 2):
        killed.epoch()
    checkpoint = killed.checkpoint()

    ad.manual_seed(999)  # another process: other random numbers, other initial weights
    resumed = Run(rule, schedule)
    resumed.restore(checkpoint)
    for _ in range(EPOCHS // 2):
        resumed.epoch()
    assert resumed.outcome() == through.outcome()
    assert resumed.outcome() != killed.outcome()


@pytest.mark.parametrize("batch", [0, 3, 6])
def test_a_run_that_is_killed_within_an_epoch(batch: int) -> None:
    ad.manual_seed(1)
    through = Run("Adam", "cosine")
    for _ in range(3):
        through.epoch()

    ad.manual_seed(1)
    killed = Run("Adam", "cosine")
    killed.epoch()
    checkpoint = killed.epoch(until=batch)

    ad.manual_seed(999)
    resumed = Run("Adam", "cosine")
    resumed.restore(checkpoint)
    for _ in range(2):
        resumed.epoch()
    assert resumed.outcome() == through.outcome()


def test_a_checkpoint_in_a_file(tmp_path: Path) -> None:
    ad.manual_seed(1)
    killed = Run("Adam", "warm-up")
    for batch, (x, y) in enumerate(killed.loader):
        killed.model.zero_grad()
        nn.functional.cross_entropy(killed.model(x), y).backward()
        killed.optimizer.step()
        if batch == 2:
            ad.save({"states": killed.states()}, tmp_path / "run.safetensors")
    killed.epoch()

    ad.manual_seed(999)
    resumed = Run("Adam", "warm-up")
    resumed.load(ad.load(tmp_path / "run.safetensors")["states"])
    for x, y in resumed.loader:
        resumed.model.zero_grad()
        nn.functional.cross_entropy(resumed.model(x), y).backward()
        resumed.optimizer.step()
    resumed.epoch()
    assert resumed.outcome() == killed.outcome()


def test_a_run_that_leaves_its_epochs_early() -> None:
    def train(run: Run) -> bytes:
        run.epoch(until=2)
        return run.checkpoint()

    ad.manual_seed(1)
    through = Run("Adam", "cosine")
    for _ in range(4):
        train(through)

    ad.manual_seed(1)
    killed = Run("Adam", "cosine")
    train(killed)
    checkpoint = train(killed)

    ad.manual_seed(999)
    resumed = Run("Adam", "cosine")
    resumed.restore(checkpoint)
    for _ in range(2):
        train(resumed)
    assert resumed.outcome() == through.outcome()


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(TypeError, None), (TypeError, "3"), (TypeError, 3.0), (TypeError, [3]), (ValueError, 2**64),
     (ValueError, -(2**63) - 1)],
)  # fmt: skip
def test_what_is_no_seed_changes_nothing(kind: type[Exception], seed: Any) -> None:
    before = ad.get_rng_state()
    with pytest.raises(kind, match="manual_seed: the seed must be"):
        ad.manual_seed(seed)
    assert ad.get_rng_state() == before


def test_a_negative_seed_stands_for_itself_plus_all_there_are() -> None:
    ad.manual_seed(-1)
    drawn = ad.randn(3).tolist()
    ad.manual_seed(np.uint64(2**64 - 1))  # type: ignore[arg-type]  # an integer, too
    assert ad.randn(3).tolist() == drawn


def test_the_state_of_the_random_numbers_is_plain() -> None:
    ad.manual_seed(3)
    state = json.loads(json.dumps(ad.get_rng_state()))
    drawn = ad.randn(4).tolist()
    ad.set_rng_state(state)
    assert ad.randn(4).tolist() == drawn


@pytest.mark.parametrize(
    ("kind", "state"),
    [(TypeError, 3), (TypeError, None), (ValueError, {}), (ValueError, {"bit_generator": "MT19937", "state": {}}),
     (ValueError, {"bit_generator": "PCG64", "state": {"state": "x", "inc": 1}, "has_uint32": 0, "uinteger": 0}),
     (ValueError, {"bit_generator": "PCG64", "state": {"state": 1.5, "inc": 1}, "has_uint32": 0, "uinteger": 0}),
     (ValueError, {"bit_generator": "PCG64", "state": {"state": 1, "inc": 1}, "has_uint32": 0, "uinteger": 0, "x": 1})],
)  # fmt: skip
def test_what_is_no_state_of_the_random_numbers_changes_nothing(kind: type[Exception], state: Any) -> None:
    before = ad.get_rng_state()
    with pytest.raises(kind, match="set_rng_state"):
        ad.set_rng_state(state)
    assert ad.get_rng_state() == before
