"""Ctrl-C, wherever in a step it comes: the step has been taken or it has not, and the checkpoint loads."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from optim import layout
from tests.fuzzing import examples
from tests.oracle import Array

pytestmark = pytest.mark.usefixtures("numpys_warnings")

HOME = str(Path(optim.__file__).parent)


class Whole(optim.Optimizer):
    """A rule that couples the elements of a parameter, and changes its state in several ways."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr})

    def fills(self, group: Any) -> dict[str, float]:
        return {"mean": 0.0, "top": -1.0}

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        state["mean"] *= 0.9
        state["mean"] += grad / (1 + np.linalg.norm(grad))
        np.maximum(state["top"], grad, out=state["top"])
        param *= 0.99
        param -= group["lr"] * state["mean"] / step


class InPlace(Whole):
    """A rule that works element by element, but cannot resume."""

    elementwise = True

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        state["mean"] += grad
        state["top"] *= 0.5
        param -= group["lr"] * state["mean"] * state["top"]


RULES: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.1, lr_decay=0.1),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.1, momentum=0.9, centered=True),
    "Adam": lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    "AdamW": lambda params: optim.AdamW(params, lr=0.1),
    "whole": Whole,
    "in place": InPlace,
}
every_rule = pytest.mark.parametrize("build", RULES.values(), ids=RULES)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let parameters of a hundred elements be large ones."""
    monkeypatch.setattr(layout, "BLOCK", 32)
    monkeypatch.setattr(layout, "SMALL", 16)


class Run:
    """Parameters of all kinds in two groups, and an optimizer, after some steps."""

    def __init__(self, build: Callable[[Any], optim.Optimizer], steps: int) -> None:
        self.build = build
        rng = np.random.default_rng(0)
        values = [np.asarray(rng.standard_normal(s)) for s in [(2, 3), (), (70,), (3,), (5, 7), (0,), (2,)]]
        self.params = [ad.tensor(v, requires_grad=True) for v in values]
        self.params[4].data = np.asfortranarray(values[4])
        self.optimizer = build([{"params": self.params[:4]}, {"params": self.params[4:], "lr": 0.05}])
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        """Take a step with gradients that depend on the parameters."""
        self.set_gradients()
        self.optimizer.step()

    def set_gradients(self) -> None:
        """Give each parameter a gradient that tells where it is."""
        for p in self.params:
            p.grad = ad.tensor(np.cos(3 * p.detach().numpy()) + 0.1)

    def seen(self) -> list[Any]:
        """Return copies of all values and of the state, as lists."""
        state = self.optimizer.state_dict()
        entries = [(i, k, np.asarray(v).tolist()) for i, s in state["state"].items() for k, v in sorted(s.items())]
        return [p.tolist() for p in self.params] + sorted(entries)


@contextmanager
def interrupt(at: int, kind: type[BaseException] = KeyboardInterrupt) -> Iterator[list[int]]:
    """Raise before the instruction of this number in `optim`; yield a list that counts them."""
    count = [0]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(HOME):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            count[0] += 1
            if count[0] == at:
                raise kind
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


def places(build: Callable[[Any], optim.Optimizer], steps: int, n: int) -> list[int]:
    """Return n of the instructions of a step, drawn at random, or all if there are fewer."""
    run = Run(build, steps)
    run.set_gradients()
    with interrupt(0) as count:
        run.optimizer.step()
    rng = np.random.default_rng(n)
    return sorted(rng.permutation(count[0])[:n].tolist())


@every_rule
@pytest.mark.parametrize("steps", [0, 2])
def test_a_step_is_taken_or_not_wherever_it_is_interrupted(build: Callable[[Any], optim.Optimizer], steps: int) -> None:
    before, after, later = (Run(build, steps + i).seen() for i in range(3))
    for at in places(build, steps, examples(60)):
        run = Run(build, steps)
        run.set_gradients()
        with pytest.raises(KeyboardInterrupt), interrupt(at + 1):
            run.optimizer.step()
        found = run.seen()
        assert found in (before, after), at
        other = Run(build, 0)
        for p, q in zip(other.params, run.params, strict=True):
            p.detach().numpy()[...] = q.detach().numpy()
        other.optimizer.load_state_dict(run.optimizer.state_dict())
        assert other.seen() == found
        for resumed in (run, other):
            resumed.step()
            assert resumed.seen() == (after if found == before else later), at


@every_rule
def test_an_interrupt_of_the_recovery_is_survived_too(build: Callable[[Any], optim.Optimizer]) -> None:
    """A second interrupt comes while the first is dealt with: what looks at the optimizer next sees a whole step."""
    before, after = (Run(build, i).seen() for i in (1, 2))
    for at in places(build, 1, examples(20)):
        run = Run(build, 1)
        run.set_gradients()
        original, calls = run.optimizer._take, []

        def take(turns: Any, original: Any = original, calls: Any = calls) -> None:
            calls.append(None)
            if len(calls) == 2:
                raise KeyboardInterrupt
            original(turns)

        run.optimizer._take = take  # type: ignore[method-assign]  # that is the test
        with pytest.raises(KeyboardInterrupt), interrupt(at + 1):
            run.optimizer.step()
        assert run.seen() in (before, after), at


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer here")
@every_rule
def test_a_storm_of_signals_leaves_whole_steps(build: Callable[[Any], optim.Optimizer]) -> None:
    """Real signals at random times, some of them while the one before is dealt with."""
    assert threading.current_thread() is threading.main_thread()
    expected = [Run(build, i).seen() for i in range(60)]

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    run, interrupts, reached = Run(build, 0), 0, 0
    old = signal.signal(signal.SIGALRM, stop)
    rng = np.random.default_rng(1)
    end = time.monotonic() + examples(1) * 0.5
    try:
        while reached < len(expected) - 2 and time.monotonic() < end:
            run.set_gradients()
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(1e-5, 6e-4)))
                    run.optimizer.step()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupts += 1
            found = run.seen()
            assert found in expected[reached : reached + 2]
            reached = expected.index(found)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert interrupts > 0


def test_a_rule_that_fails_leaves_its_block_as_it_was() -> None:
    class Failing(Whole):
        def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
            super().update(param, grad, state, group, step)
            if not np.isfinite(grad).all():
                raise ZeroDivisionError("no gradient")

    run = Run(Failing, 1)
    before = run.seen()
    run.set_gradients()
    for p in run.params:
        assert p.grad is not None
        p.grad.detach().numpy()[...] = np.nan
    with pytest.raises(ZeroDivisionError, match="no gradient"):
        run.optimizer.step()
    assert run.seen() == before
    run.step()
    assert run.seen() == Run(Failing, 2).seen()


def test_a_checkpoint_after_an_interrupted_load_loads() -> None:
    """Options come with the state that belongs to them: amsgrad without its maxima could not be loaded."""
    source, trial = Run(lambda params: optim.Adam(params, amsgrad=True), 1), Run(optim.Adam, 1)
    state = source.optimizer.state_dict()
    with interrupt(0) as count:
        trial.optimizer.load_state_dict(state)
    for at in range(count[0] - examples(80), count[0] + 1):
        run = Run(optim.Adam, 1)
        with pytest.raises(KeyboardInterrupt), interrupt(max(at, 1)):
            run.optimizer.load_state_dict(state)
        Run(optim.Adam, 0).optimizer.load_state_dict(run.optimizer.state_dict())
        run.step()


@pytest.mark.parametrize("kind", ["ExponentialLR", "OneCycleLR"])
def test_an_epoch_is_stepped_or_not_wherever_it_is_interrupted(kind: str) -> None:
    def make() -> Any:
        optimizer = optim.SGD([{"params": [ad.zeros(1)]}, {"params": [ad.zeros(1)], "lr": 0.3}], lr=0.1, momentum=0.9)
        optimizer.step()  # of nothing, but before the schedule's
        options = (0.5,) if kind == "ExponentialLR" else (1.0, 10)
        return optimizer, getattr(optim.lr_scheduler, kind)(optimizer, *options)

    def seen(optimizer: Any, scheduler: Any) -> Any:
        return [(g["lr"], g["momentum"]) for g in optimizer.param_groups], scheduler.state_dict()

    before = seen(*make())
    optimizer, scheduler = make()
    with interrupt(0) as count:
        scheduler.step()
    after = seen(optimizer, scheduler)
    for at in range(1, count[0] + 1):
        optimizer, scheduler = make()
        with pytest.raises(KeyboardInterrupt), interrupt(at):
            scheduler.step()
        assert seen(optimizer, scheduler) in (before, after), at
