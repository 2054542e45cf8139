"""Every schedule against PyTorch's, step by step, and through its state."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

import autodiff as ad
import nn
import optim
from optim import lr_scheduler
from tests.oracle import needs_torch, torch
from tests.together import together

# The schedules are stepped alone, by which the optimizers' first rate would be passed over.
pytestmark = pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")

STEPS = 100

# A schedule from an optimizer and a library's `lr_scheduler`.
SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "LambdaLR": lambda o, s: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "LambdaLR per group": lambda o, s: s.LambdaLR(o, [lambda epoch: 0.95**epoch, lambda epoch: 1 / (1 + epoch)]),
    "StepLR": lambda o, s: s.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda o, s: s.MultiStepLR(o, [3, 20, 20, 50], 0.3),
    "ConstantLR": lambda o, s: s.ConstantLR(o, 0.25, 9),
    "ConstantLR by default": lambda o, s: s.ConstantLR(o),
    "LinearLR": lambda o, s: s.LinearLR(o, 0.1, 0.7, 30),
    "LinearLR by default": lambda o, s: s.LinearLR(o),
    "ExponentialLR": lambda o, s: s.ExponentialLR(o, 0.97),
    "PolynomialLR": lambda o, s: s.PolynomialLR(o, 60, 2.5),
    "PolynomialLR by default": lambda o, s: s.PolynomialLR(o),
    "CosineAnnealingLR": lambda o, s: s.CosineAnnealingLR(o, 30, 0.001),
    "CosineAnnealingLR once": lambda o, s: s.CosineAnnealingLR(o, 100),
    "CosineAnnealingWarmRestarts": lambda o, s: s.CosineAnnealingWarmRestarts(o, 10, 2, 0.001),
    "CosineAnnealingWarmRestarts of one length": lambda o, s: s.CosineAnnealingWarmRestarts(o, 7),
    "OneCycleLR": lambda o, s: s.OneCycleLR(o, 1.0, total_steps=101),
    "OneCycleLR in three phases": lambda o, s: s.OneCycleLR(
        o, [1.0, 2.0], epochs=11, steps_per_epoch=10, three_phase=True, anneal_strategy="linear", pct_start=0.4,
        base_momentum=0.7, max_momentum=[0.8, 0.9], div_factor=10, final_div_factor=100,
    ),
    "OneCycleLR without momentum": lambda o, s: s.OneCycleLR(o, 1.0, 120, cycle_momentum=False),
    "CyclicLR": lambda o, s: s.CyclicLR(o, 0.01, 0.5, 7),
    "CyclicLR that falls faster, lower and lower": lambda o, s: s.CyclicLR(
        o, [0.01, 0.02], [0.5, 0.6], 7, 3, mode="triangular2", base_momentum=0.7, max_momentum=[0.8, 0.9]
    ),
    "CyclicLR that shrinks": lambda o, s: s.CyclicLR(
        o, 0.01, 0.5, 9, mode="exp_range", gamma=0.97, cycle_momentum=False
    ),
    "MultiplicativeLR": lambda o, s: s.MultiplicativeLR(o, lambda epoch: 0.9 if epoch % 3 else 0.99),
    "ChainedScheduler": lambda o, s: s.ChainedScheduler(
        [s.ConstantLR(o, 0.5, 4), s.ExponentialLR(o, 0.9), s.MultiStepLR(o, [10, 30])]
    ),
    "two by hand": lambda o, s: Together(s.StepLR(o, 10), s.CosineAnnealingLR(o, 13, 0.001)),
    "SequentialLR": lambda o, s: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 10), s.CosineAnnealingLR(o, 40), s.StepLR(o, 5)], [10, 50]
    ),
    "SequentialLR of every kind": lambda o, s: s.SequentialLR(
        o,
        [s.ConstantLR(o), s.PolynomialLR(o, 20), s.LambdaLR(o, lambda epoch: 0.9**epoch), s.MultiStepLR(o, [2, 5]),
         s.CosineAnnealingWarmRestarts(o, 5), s.ExponentialLR(o, 0.8), s.LinearLR(o)],
        [8, 20, 35, 50, 62, 80],
    ),
    "SequentialLR with MultiplicativeLR": lambda o, s: s.SequentialLR(
        o, [s.MultiStepLR(o, [1, 2]), s.MultiplicativeLR(o, lambda epoch: 0.9), s.PolynomialLR(o, 4)], [2, 6]
    ),
    "SequentialLR in a SequentialLR": lambda o, s: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.9)], [3]), s.ExponentialLR(o, 0.8)], [6]
    ),
    "SequentialLR in a ChainedScheduler": lambda o, s: s.ChainedScheduler(
        [s.ExponentialLR(o, 0.99), s.SequentialLR(o, [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.9)], [3])]
    ),
    "ChainedScheduler in a SequentialLR": lambda o, s: s.SequentialLR(
        o, [s.ChainedScheduler([s.ConstantLR(o, 0.5, 2), s.PolynomialLR(o, 9), s.ExponentialLR(o, 0.9)]),
            s.CosineAnnealingLR(o, 8)], [4]
    ),
}  # fmt: skip
every_schedule = pytest.mark.parametrize("build", SCHEDULES.values(), ids=SCHEDULES)


class Together:
    """Two schedules on one optimizer, stepped by hand."""

    def __init__(self, *schedules: Any) -> None:
        self.schedules = schedules

    def step(self) -> None:
        for s in self.schedules:
            s.step()

    def get_last_lr(self) -> Any:
        return self.schedules[-1].get_last_lr()

    def state_dict(self) -> Any:
        return {str(i): s.state_dict() for i, s in enumerate(self.schedules)}

    def load_state_dict(self, state: Any) -> None:
        for i, s in enumerate(self.schedules):
            s.load_state_dict(state[str(i)])


def optimizer_of(library: Any, rule: str) -> Any:
    """Return an optimizer with two groups of different rates."""
    zeros = torch.zeros if library is not optim else ad.zeros
    groups = [{"params": [zeros(1, requires_grad=True)]}, {"params": [zeros(1, requires_grad=True)], "lr": 0.02}]
    options = {"momentum": 0.9} if rule == "SGD" else {}
    return getattr(library, rule)(groups, lr=0.1, **options)


def settings(optimizer: Any) -> list[float]:
    """Return all that a schedule may change."""
    return [
        value
        for group in optimizer.param_groups
        for value in (group["lr"], group.get("momentum", 0.0), *group.get("betas", ()))
    ]


# The formulas multiply rate by rate; 100 roundings of 1e-16 add up to 1e-14 of the first rate.
close = {"rel": 1e-10, "abs": 1e-13}


@needs_torch
@every_schedule
@together("rule", ["SGD", "Adam"])
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")  # PyTorch's: no steps between
@pytest.mark.filterwarnings("ignore:The epoch parameter in .scheduler.step:UserWarning")  # PyTorch's, in SequentialLR
def test_rates_equal_pytorchs_at_every_step(build: Callable[[Any, Any], Any], rule: str) -> None:
    mine, theirs = optimizer_of(optim, rule), optimizer_of(torch.optim, rule)
    ours, reference = build(mine, lr_scheduler), build(theirs, torch.optim.lr_scheduler)
    for _ in range(STEPS):
        assert settings(mine) == pytest.approx(settings(theirs), **close)
        assert ours.get_last_lr() == pytest.approx(reference.get_last_lr(), **close)
        ours.step()
        reference.step()


@every_schedule
@together("epoch", [0, 10, 33])
def test_a_schedule_goes_on_from_its_state(build: Callable[[Any, Any], Any], epoch: int) -> None:
    first, second = optimizer_of(optim, "SGD"), optimizer_of(optim, "SGD")
    scheduler = build(first, lr_scheduler)
    for _ in range(epoch):
        scheduler.step()
    state, groups = scheduler.state_dict(), first.state_dict()
    expected = []
    for _ in range(30):
        scheduler.step()
        expected.append(settings(first))
    again = build(second, lr_scheduler)
    again.load_state_dict(json.loads(json.dumps(state)))
    second.load_state_dict(groups)
    assert again.state_dict() == state
    found = []
    for _ in range(30):
        again.step()
        found.append(settings(second))
    assert found == expected


@every_schedule
def test_the_state_names_what_pytorch_names(build: Callable[[Any, Any], Any]) -> None:
    state = build(optimizer_of(optim, "SGD"), lr_scheduler).state_dict()
    for part in state.values() if "last_epoch" not in state and "_schedulers" not in state else [state]:
        assert "_last_lr" in part
        assert "_schedulers" in part or {"last_epoch", "base_lrs"} <= part.keys()


@needs_torch
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("name", ["StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
                                  "CosineAnnealingLR", "LambdaLR"])  # fmt: skip
def test_a_run_taken_up_at_an_epoch_equals_pytorchs(name: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "StepLR": {"step_size": 4}, "MultiStepLR": {"milestones": [3, 9]}, "ExponentialLR": {"gamma": 0.9},
        "CosineAnnealingLR": {"T_max": 8}, "LambdaLR": {"lr_lambda": lambda epoch: 0.9**epoch},
    }  # fmt: skip
    rates = []
    for library in (optim, torch.optim):
        optimizer = optimizer_of(library, "SGD")
        for group in optimizer.param_groups:
            group["initial_lr"] = 2 * group["lr"]
        scheduler = getattr(library.lr_scheduler, name)(optimizer, **options.get(name, {}), last_epoch=2)
        rates.append([])
        for _ in range(10):
            rates[-1] += settings(optimizer)
            scheduler.step()
    assert rates[0] == pytest.approx(rates[1], **close)


@pytest.mark.parametrize("epoch", [3, 7])
@needs_torch
def test_warm_restarts_taken_up_at_an_epoch_equal_pytorchs(epoch: int) -> None:
    seen = []
    for library in (optim, torch.optim):
        optimizer = optimizer_of(library, "SGD")
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        scheduler = library.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 3, 2, last_epoch=epoch)
        seen.append([])
        for _ in range(20):
            seen[-1].append((scheduler.last_epoch, scheduler.T_cur, type(scheduler.T_cur), scheduler.T_i))
            scheduler.step()
    assert seen[0] == seen[1]


@needs_torch
@pytest.mark.parametrize("t_mult", [1, 2, 3])
def test_warm_restarts_inside_an_epoch_equal_pytorchs(t_mult: int) -> None:
    mine, theirs = optimizer_of(optim, "SGD"), optimizer_of(torch.optim, "SGD")
    ours = lr_scheduler.CosineAnnealingWarmRestarts(mine, 5, t_mult)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 5, t_mult)
    for i in range(STEPS):
        ours.step(i * 0.37)
        reference.step(i * 0.37)
        assert settings(mine) == pytest.approx(settings(theirs), **close)
        assert ours.last_epoch == reference.last_epoch


@needs_torch
@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize(
    "options",
    [{}, {"patience": 2, "cooldown": 3}, {"patience": 0, "factor": 0.9, "min_lr": [0.05, 0.001], "eps": 1e-3},
     {"patience": 1, "threshold": 0.2}],
)  # fmt: skip
def test_plateau_equals_pytorchs(mode: str, threshold_mode: str, options: dict[str, Any]) -> None:
    mine, theirs = optimizer_of(optim, "SGD"), optimizer_of(torch.optim, "SGD")
    given = {"mode": mode, "threshold_mode": threshold_mode, **options}
    ours = lr_scheduler.ReduceLROnPlateau(mine, **given)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **given)
    rates = set()
    for i in range(STEPS):
        value = math.nan if i == 40 else (math.exp(-i / 10) + 0.05 * math.sin(5 * i)) * (1 if mode == "min" else -1)
        ours.step(ad.tensor(value, dtype="float64"))
        reference.step(value)
        rates.add(tuple(ours.get_last_lr()))
        assert settings(mine) == pytest.approx(settings(theirs), **close)
        for name in ("best", "num_bad_epochs", "cooldown_counter", "last_epoch"):
            assert getattr(ours, name) == getattr(reference, name)
    assert len(rates) > 1  # it did reduce


def test_plateau_goes_on_from_its_state() -> None:
    first, second = optimizer_of(optim, "SGD"), optimizer_of(optim, "SGD")
    ours, again = (lr_scheduler.ReduceLROnPlateau(o, patience=2) for o in (first, second))
    for _ in range(3):
        ours.step(1.0)
    again.load_state_dict(json.loads(json.dumps(ours.state_dict())))
    ours.step(1.0)
    again.step(1.0)
    assert settings(second) == settings(first)
    assert first.param_groups[0]["lr"] == pytest.approx(0.01)


@needs_torch
@every_schedule
@together("rule", ["SGD", "Adam"])
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")
@pytest.mark.filterwarnings("ignore:The epoch parameter in .scheduler.step:UserWarning")
def test_states_move_from_pytorch_and_back(build: Callable[[Any, Any], Any], rule: str) -> None:
    mine, theirs = optimizer_of(optim, rule), optimizer_of(torch.optim, rule)
    ours, reference = build(mine, lr_scheduler), build(theirs, torch.optim.lr_scheduler)
    for _ in range(12):
        reference.step()
    ours.load_state_dict(reference.state_dict())
    mine.load_state_dict(theirs.state_dict())
    for step in range(40):
        if step == 20:
            reference = build(theirs, torch.optim.lr_scheduler)
            reference.load_state_dict(ours.state_dict())
            for group, own in zip(theirs.param_groups, mine.param_groups, strict=True):
                group.update({name: value for name, value in own.items() if name != "params"})
        ours.step()
        reference.step()
        assert settings(mine) == pytest.approx(settings(theirs), **close)


# -- what PyTorch has deprecated ---------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    "name",
    [name for name in SCHEDULES if not name.startswith(("two", "Sequential", "Chained", "CosineAnnealingWarm"))],
)
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")
def test_a_step_to_an_epoch_equals_pytorchs(name: str) -> None:
    mine, theirs = optimizer_of(optim, "SGD"), optimizer_of(torch.optim, "SGD")
    ours, reference = SCHEDULES[name](mine, lr_scheduler), SCHEDULES[name](theirs, torch.optim.lr_scheduler)
    for epoch in (4, 17, 0, None, None, 33, 5, 60):
        for scheduler in (ours, reference):
            if epoch is None:
                scheduler.step()
            else:
                with pytest.warns(UserWarning, match="deprecated"):
                    scheduler.step(epoch)
        assert settings(mine) == pytest.approx(settings(theirs), **close)
        assert ours.last_epoch == reference.last_epoch


@needs_torch
def test_a_measurement_of_an_epoch_equals_pytorchs() -> None:
    for library in (optim, torch.optim):
        scheduler = library.lr_scheduler.ReduceLROnPlateau(optimizer_of(library, "SGD"))
        with pytest.warns(UserWarning, match="deprecated"):
            scheduler.step(1.0, 7)
        scheduler.step(1.0)
        assert scheduler.last_epoch == 8


@pytest.mark.parametrize(("kind", "epoch"), [(TypeError, 1.5), (TypeError, "x"), (TypeError, True), (ValueError, -1)])
@pytest.mark.parametrize("step", [lambda s: s.StepLR, lambda s: s.ReduceLROnPlateau], ids=["StepLR", "Plateau"])
def test_what_is_no_epoch_changes_nothing(kind: type[Exception], epoch: Any, step: Any) -> None:
    optimizer = optimizer_of(optim, "SGD")
    judged = step(lr_scheduler) is lr_scheduler.ReduceLROnPlateau
    scheduler = step(lr_scheduler)(optimizer, **({} if judged else {"step_size": 1}))
    before = scheduler.state_dict(), settings(optimizer)
    with pytest.raises(kind, match="epoch must"):
        scheduler.step(*[1.0] * judged, epoch=epoch)
    assert (scheduler.state_dict(), settings(optimizer)) == before


def test_a_loss_that_requires_a_gradient_is_a_measurement() -> None:
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer_of(optim, "SGD"))
    scheduler.step((ad.ones(1, requires_grad=True) * 3).sum())  # a warning would be an error here
    assert scheduler.best == 3.0


class Counter:
    """A function of the epoch that remembers how often it was called."""

    def __init__(self, calls: int = 0) -> None:
        self.calls = calls

    def __call__(self, epoch: int) -> float:
        self.calls += 1
        return 1 / self.calls


@needs_torch
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")
def test_what_a_callable_object_remembers_is_part_of_the_state_as_in_pytorch() -> None:
    states = []
    for library in (optim, torch.optim):
        optimizer = optimizer_of(library, "SGD")
        scheduler = library.lr_scheduler.LambdaLR(optimizer, [lambda epoch: 1.0, Counter(4)])
        scheduler.step()
        states.append(scheduler.state_dict()["lr_lambdas"])
        fresh = Counter()
        again = library.lr_scheduler.LambdaLR(optimizer, [lambda epoch: 1.0, fresh])
        again.load_state_dict(scheduler.state_dict())
        assert fresh.calls == 6
        scheduler.step()
        assert states[-1] == [None, {"calls": 6}]
    assert states[0] == states[1]


@pytest.mark.parametrize("lambdas", [None, [None], [None] * 3, [{"calls": 1}, {"calls": 1}], [None, 5]])
def test_memories_that_do_not_fit_the_functions_change_nothing(lambdas: Any) -> None:
    counter = Counter()
    scheduler = lr_scheduler.LambdaLR(optimizer_of(optim, "SGD"), [lambda epoch: 1.0, counter])
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="load_state_dict: "):
        scheduler.load_state_dict({**before, "last_epoch": 9, "lr_lambdas": lambdas})
    assert scheduler.state_dict() == before


ADDED: dict[str, Callable[[Any, Any], Any]] = {
    name: SCHEDULES[name]
    for name in ("StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR",
                 "CosineAnnealingLR")
}  # fmt: skip


@needs_torch
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("build", ADDED.values(), ids=ADDED)
def test_groups_added_later_take_part_as_in_pytorch(build: Callable[[Any, Any], Any]) -> None:
    rates = []
    for library in (optim, torch.optim):
        optimizer = optimizer_of(library, "SGD")
        scheduler = build(optimizer, library.lr_scheduler)
        zeros = torch.zeros if library is not optim else ad.zeros
        rates.append([])
        for step in range(30):
            if step == 2:
                optimizer.add_param_group({"params": [zeros(1, requires_grad=True)], "lr": 0.3})
            scheduler.step()
            rates[-1] += scheduler.get_last_lr()
    assert rates[0] == pytest.approx(rates[1], **close)


def test_groups_added_later_start_from_their_own_rate() -> None:
    optimizer = optimizer_of(optim, "SGD")
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2)
    optimizer.add_param_group({"params": [ad.zeros(1)], "lr": 0.8})
    scheduler.step()
    assert scheduler.get_last_lr() == pytest.approx([0.05, 0.01, 0.4], **close)


@needs_torch
def test_plateau_gives_groups_added_later_the_common_lowest_rate_or_refuses_them_as_pytorchs() -> None:
    for library in (optim, torch.optim):
        zeros = torch.zeros if library is not optim else ad.zeros
        optimizer = optimizer_of(library, "SGD")
        common, single = (
            library.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, min_lr=least)
            for least in (0.01, [0.01, 0.01])
        )
        optimizer.add_param_group({"params": [zeros(1, requires_grad=True)], "lr": 0.016})
        for _ in range(2):
            common.step(1.0)
        assert common.get_last_lr() == pytest.approx([0.05, 0.01, 0.01], **close)
        single.num_bad_epochs = single.patience  # PyTorch's looks only when it reduces
        with pytest.raises(RuntimeError, match="groups"):
            single.step(math.inf)


@pytest.mark.parametrize(
    ("kind", "match", "build"),
    [
        (ValueError, "LambdaLR: the optimizer has 3 groups by now", SCHEDULES["LambdaLR"]),
        (KeyError, "OneCycleLR: group 2, added after the schedule, has no 'max_lr'", SCHEDULES["OneCycleLR"]),
    ],
)
def test_groups_added_later_of_which_too_little_is_known_are_refused(
    kind: type[Exception], match: str, build: Callable[[Any, Any], Any]
) -> None:
    optimizer = optimizer_of(optim, "SGD")
    scheduler = build(optimizer, lr_scheduler)
    optimizer.add_param_group({"params": [ad.zeros(1)]})
    before, epoch = settings(optimizer), scheduler.last_epoch
    with pytest.raises(kind, match=match):
        scheduler.step()
    assert (settings(optimizer), scheduler.last_epoch) == (before, epoch)


@pytest.mark.parametrize("second", ["ChainedScheduler", "SequentialLR"])
def test_several_schedules_that_come_later_start_as_if_they_were_new(second: str) -> None:
    def several(o: Any) -> Any:
        parts = [lr_scheduler.ConstantLR(o, 0.5, 2), lr_scheduler.ExponentialLR(o, 0.9)]
        if second == "ChainedScheduler":
            return lr_scheduler.ChainedScheduler(parts)
        return lr_scheduler.SequentialLR(o, parts, [3])

    late, new = optimizer_of(optim, "SGD"), optimizer_of(optim, "SGD")
    scheduler = lr_scheduler.SequentialLR(late, [lr_scheduler.ExponentialLR(late, 0.7), several(late)], [4])
    alone = several(new)
    for _ in range(4):
        scheduler.step()
    for _ in range(8):
        assert settings(late) == pytest.approx(settings(new), **close)
        scheduler.step()
        alone.step()


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "match", "build"),
    [
        (TypeError, "StepLR: expected an Optimizer, got Tensor", lambda o, s: s.StepLR(ad.zeros(1), 3)),
        (TypeError, "ReduceLROnPlateau: expected an Optimizer", lambda o, s: s.ReduceLROnPlateau(None)),
        (KeyError, "initial_lr", lambda o, s: s.StepLR(o, 3, last_epoch=4)),
        (ValueError, "StepLR: step_size", lambda o, s: s.StepLR(o, 0)),
        (ValueError, "LambdaLR: expected 2 functions", lambda o, s: s.LambdaLR(o, [lambda epoch: 1.0])),
        (ValueError, "ConstantLR: factor", lambda o, s: s.ConstantLR(o, 1.5)),
        (ValueError, "LinearLR: start_factor", lambda o, s: s.LinearLR(o, 0)),
        (ValueError, "LinearLR: end_factor", lambda o, s: s.LinearLR(o, 0.5, 2)),
        (ValueError, "T_0", lambda o, s: s.CosineAnnealingWarmRestarts(o, 0)),
        (ValueError, "T_mult", lambda o, s: s.CosineAnnealingWarmRestarts(o, 3, 0)),
        (ValueError, "epoch must not", lambda o, s: s.CosineAnnealingWarmRestarts(o, 3).step(-1)),
        (ValueError, "total_steps", lambda o, s: s.OneCycleLR(o, 1.0)),
        (ValueError, "total_steps", lambda o, s: s.OneCycleLR(o, 1.0, 0)),
        (ValueError, "steps_per_epoch", lambda o, s: s.OneCycleLR(o, 1.0, epochs=3, steps_per_epoch=-1)),
        (ValueError, "pct_start", lambda o, s: s.OneCycleLR(o, 1.0, 10, pct_start=2)),
        (ValueError, "anneal_strategy", lambda o, s: s.OneCycleLR(o, 1.0, 10, anneal_strategy="sin")),
        (ValueError, "max_lr: expected 2", lambda o, s: s.OneCycleLR(o, [1.0], 10)),
        (ValueError, "factor", lambda o, s: s.ReduceLROnPlateau(o, factor=1.0)),
        (ValueError, "mode", lambda o, s: s.ReduceLROnPlateau(o, "least")),
        (ValueError, "threshold_mode", lambda o, s: s.ReduceLROnPlateau(o, threshold_mode="x")),
        (ValueError, "min_lr: expected 2", lambda o, s: s.ReduceLROnPlateau(o, min_lr=[0.1])),
        (ValueError, "at least one", lambda o, s: s.ChainedScheduler([])),
        (TypeError, "LambdaLR: expected a function or a list", lambda o, s: s.LambdaLR(o, 3)),
        (TypeError, "LambdaLR: expected a function or a list", lambda o, s: s.LambdaLR(o, [len, 3])),
        (ValueError, "T_max must not be 0", lambda o, s: s.CosineAnnealingLR(o, 0)),
        (ValueError, "one step, too few for a rise", lambda o, s: s.OneCycleLR(o, 1.0, 10, pct_start=0.1)),
        (TypeError, "schedule 0 must be", lambda o, s: s.ChainedScheduler([o])),
        (ValueError, "needs a measurement", lambda o, s: s.ChainedScheduler([s.ReduceLROnPlateau(o)])),
        (ValueError, "another optimizer", lambda o, s: s.ChainedScheduler(
            [s.ConstantLR(o), s.ConstantLR(optimizer_of(optim, "SGD"))])),
        (ValueError, "need 0 milestones", lambda o, s: s.SequentialLR(o, [s.ConstantLR(o)], [3])),
    ],
)  # fmt: skip
def test_what_makes_no_schedule_is_refused(kind: type[Exception], match: str, build: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(kind, match=match):
        build(optimizer_of(optim, "SGD"), lr_scheduler)


@pytest.mark.parametrize(
    "name", [name for name in lr_scheduler.__all__ if name not in ("LRScheduler", "ChainedScheduler")]
)
def test_a_model_in_the_place_of_the_optimizer_names_the_cure(name: str) -> None:
    inner = lr_scheduler.ConstantLR(optimizer_of(optim, "SGD"))
    options: dict[str, list[Any]] = {
        "CyclicLR": [0.1, 0.5], "MultiplicativeLR": [abs],
        "StepLR": [3], "MultiStepLR": [[3]], "ExponentialLR": [0.5], "OneCycleLR": [1.0, 9], "CosineAnnealingLR": [9],
        "CosineAnnealingWarmRestarts": [9], "LambdaLR": [len], "SequentialLR": [[inner], []],
    }  # fmt: skip
    with pytest.raises(
        TypeError, match=rf"^{name}: expected an Optimizer, got Linear: make one of it first, .*{name}\(opt"
    ):
        getattr(lr_scheduler, name)(nn.Linear(2, 1), *options.get(name, []))


def test_a_measurement_for_a_schedule_that_takes_none_names_the_one_that_does() -> None:
    scheduler = lr_scheduler.StepLR(optimizer_of(optim, "SGD"), 3)
    with pytest.raises(TypeError, match="only ReduceLROnPlateau takes a measurement"):
        scheduler.step(ad.tensor(0.5))  # type: ignore[arg-type]  # that is the test


def test_a_cycle_that_is_over_is_refused_and_leaves_the_rates() -> None:
    optimizer = optimizer_of(optim, "SGD")
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    for _ in range(3):
        scheduler.step()
    before = settings(optimizer)
    for _ in range(2):
        with pytest.raises(ValueError, match="step 4 is beyond the cycle's 3 steps"):
            scheduler.step()
    assert settings(optimizer) == before


def test_a_cycle_needs_momentum_to_change() -> None:
    optimizer = optim.Adagrad([ad.zeros(1)])
    with pytest.raises(ValueError, match="no momentum"):
        lr_scheduler.OneCycleLR(optimizer, 1.0, 10)
    assert "initial_lr" not in optimizer.param_groups[0]


def test_a_schedule_that_fails_at_once_leaves_the_groups_as_they_were() -> None:
    optimizer = optimizer_of(optim, "SGD")
    with pytest.raises(ZeroDivisionError):
        lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / epoch)
    optimizer.param_groups[0]["lr"] = 0.5
    assert lr_scheduler.StepLR(optimizer, 3).base_lrs == [0.5, 0.02]


@every_schedule
@together("state", [None, 3, []])
def test_what_is_no_state_is_refused(build: Callable[[Any, Any], Any], state: Any) -> None:
    scheduler = build(optimizer_of(optim, "SGD"), lr_scheduler)
    if isinstance(scheduler, Together):
        scheduler = scheduler.schedules[0]
    with pytest.raises(TypeError, match="load_state_dict: expected what state_dict returns"):
        scheduler.load_state_dict(state)


def test_the_state_of_another_schedule_or_of_more_groups_is_refused() -> None:
    optimizer = optimizer_of(optim, "SGD")
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    before = scheduler.state_dict()
    with pytest.raises(ValueError, match="load_state_dict: ExponentialLR has no step_size, but the state has"):
        scheduler.load_state_dict(lr_scheduler.StepLR(optimizer, 3).state_dict())
    with pytest.raises(ValueError, match="load_state_dict: the state has 3 groups, the optimizer 2"):
        scheduler.load_state_dict({**before, "base_lrs": [0.1, 0.2, 0.3]})
    assert scheduler.state_dict() == before


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    optimizer = optimizer_of(optim, "SGD")
    chained = lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(optimizer, 3), lr_scheduler.ConstantLR(optimizer)])
    before, other = chained.state_dict(), chained.state_dict()
    other["_schedulers"][0]["last_epoch"] = 7
    del other["_schedulers"][1]["factor"]
    with pytest.raises(ValueError, match="no factor, which ConstantLR needs"):
        chained.load_state_dict(other)
    assert chained.state_dict() == before
    with pytest.raises(ValueError, match="1 schedules, this 2"):
        chained.load_state_dict({**before, "_schedulers": before["_schedulers"][:1]})


SPOILED: dict[str, tuple[type[Exception], str, Callable[[Any], Any]]] = {
    "no state": (TypeError, "expected what state_dict returns, got NoneType",
                 lambda s: s["_schedulers"].__setitem__(1, None)),
    "no list of states": (TypeError, "_schedulers must be a list", lambda s: s.update(_schedulers=None)),
    "text for a number": (TypeError, "last_epoch must be a number, got 'x'",
                          lambda s: s["_schedulers"][1].update(last_epoch="x")),
    "a number for a list": (TypeError, "base_lrs must be a list of numbers, got 3",
                            lambda s: s["_schedulers"][1].update(base_lrs=3)),
    "text in a list": (TypeError, "_last_lr must be a list of numbers",
                       lambda s: s["_schedulers"][1].update(_last_lr=[0.1, "x"])),
    "none for a number": (TypeError, "gamma must be a number", lambda s: s["_schedulers"][1].update(gamma=None)),
    "milestones without numbers": (TypeError, "milestones must be a dict of their counts",
                                   lambda s: s["_schedulers"][1].update(milestones={"a": 1})),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "match", "spoil"), SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("several", ["ChainedScheduler", "SequentialLR"])
def test_a_malformed_state_is_named_and_changes_nothing(
    several: str, nested: bool, kind: type[Exception], match: str, spoil: Callable[[Any], Any]
) -> None:
    optimizer = optimizer_of(optim, "SGD")
    counter = Counter()
    parts = [lr_scheduler.LambdaLR(optimizer, counter), lr_scheduler.MultiStepLR(optimizer, [2])]
    if several == "SequentialLR":
        scheduler: Any = lr_scheduler.SequentialLR(optimizer, parts, [2])
    else:
        scheduler = lr_scheduler.ChainedScheduler(parts)
    outer = lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(optimizer, 3), scheduler]) if nested else scheduler
    before, other = outer.state_dict(), outer.state_dict()
    inner = other["_schedulers"][1] if nested else other
    inner["_schedulers"][0].update(last_epoch=50, lr_lambdas=[{"calls": 70}, {"calls": 70}])
    spoil(inner)
    with pytest.raises(kind, match=f"load_state_dict: {match}"):
        outer.load_state_dict(other)
    assert outer.state_dict() == before


class Moody(lr_scheduler.LRScheduler):
    """A schedule of one's own, which refuses some states, and whose factor is a table."""

    def __init__(self, optimizer: Any) -> None:
        self.factor: Any = {"a": 1}
        super().__init__(optimizer)

    def rate(self, lr: float, base_lr: float) -> float:
        return lr

    def load_state_dict(self, state_dict: Any) -> None:
        super().load_state_dict(state_dict)
        if self.last_epoch > 40:
            raise LookupError("too late")


def test_a_schedule_of_ones_own_that_refuses_its_state_leaves_the_others_as_they_were() -> None:
    optimizer = optimizer_of(optim, "SGD")
    chained = lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(optimizer, 3), Moody(optimizer)])
    before, other = chained.state_dict(), chained.state_dict()
    for state in other["_schedulers"]:
        state["last_epoch"] = 50
    with pytest.raises(LookupError, match="too late"):
        chained.load_state_dict(other)
    assert chained.state_dict() == before
    chained.load_state_dict(before)


# -- the order of the steps --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_a_schedule_that_steps_before_the_optimizer_warns_once_as_pytorch_does() -> None:
    p = ad.zeros(1, requires_grad=True)
    for build in (SCHEDULES["StepLR"], SCHEDULES["ChainedScheduler"], SCHEDULES["SequentialLR in a SequentialLR"]):
        scheduler = build(optim.SGD([p], lr=0.1, momentum=0.9), lr_scheduler)
        with pytest.warns(
            UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"
        ) as seen:
            scheduler.step()
        assert len(seen) == 1
        assert seen[0].filename == __file__
        scheduler.step()
        optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
        scheduler = build(optimizer, lr_scheduler)
        optimizer.step()
        scheduler.step()


@pytest.mark.filterwarnings("error")
def test_an_optimizer_with_a_step_of_its_own_is_not_suspected() -> None:
    class Own(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return None

    optimizer = Own([ad.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    optimizer.step()
    scheduler.step()


def test_the_old_name_of_the_base_is_the_base() -> None:
    assert lr_scheduler._LRScheduler is lr_scheduler.LRScheduler
