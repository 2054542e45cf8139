"""What compiled steps leave behind: after an interrupt, where training diverges, and of random numbers and arrays."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff.compile.function import Recording
from tests.autodiff.compile.test_behaviour import Training, batch
from tests.autodiff.compile.test_rows import WAYS

HOME = str(Path(sys.modules["autodiff.compile"].__file__ or "").parent)

pytestmark = pytest.mark.usefixtures("numpys_warnings")


def linear(rule: Any = optim.Adam, native: bool = True, **options: Any) -> tuple[Any, nn.Linear, optim.Optimizer]:
    """Return a compiled step, its model and its optimizer."""
    ad.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = rule(model.parameters(), **options)

    def step(x: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    return ad.compile(step, native=native), model, optimizer


def interrupts(call: Any) -> int:
    """Interrupt a call at each line of this package in turn, and return how many there are."""
    count = 0
    while True:
        left = count

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal left
            if event == "line" and frame.f_code.co_filename.startswith(HOME):
                left -= 1
                if left == -1:
                    sys.settrace(None)
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            call()
            return count
        except KeyboardInterrupt:
            count += 1
        finally:
            sys.settrace(None)


@pytest.mark.parametrize("native", WAYS)
def test_an_interrupt_leaves_parameters_and_optimizer_whole(native: bool) -> None:
    x = ad.ones(3, 2)
    step, model, optimizer = linear(native=native, lr=0.1)
    plain, other, theirs = linear(native=False, lr=0.1)
    states = []
    for _ in range(200):
        plain(x)
        found = [p.detach().numpy().copy() for p in other.parameters()]
        states.append((found, theirs.state[other.weight]["exp_avg"].copy()))
    for _ in range(3):
        step(x)

    def call() -> None:
        try:
            step(x)
        finally:
            taken = optimizer.state[model.weight]["step"]
            expected, average = states[taken - 1]
            for mine, theirs in zip(model.parameters(), expected, strict=True):
                np.testing.assert_allclose(mine.detach().numpy(), theirs, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(optimizer.state[model.weight]["exp_avg"], average, rtol=1e-4, atol=1e-6)
            assert optimizer.state[model.bias]["step"] == taken

    assert interrupts(call) > 10


@pytest.mark.parametrize("native", WAYS)
def test_diverging_steps_warn_once_at_the_call(native: bool) -> None:
    step, _, _ = linear(optim.SGD, native=native, lr=0.1)
    for _ in range(3):
        step(ad.ones(3, 2))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            step(ad.full((3, 2), 1e30))
    assert [str(w.message)[:41] for w in caught] == ["SGD: step met numbers that are not finite"]
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(ad.ones(3, 2))


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("name", ["maximize", "nesterov"])
def test_a_switch_of_the_optimizer_is_seen(name: str, native: bool) -> None:
    found = []
    for compiled in (False, True):
        step, model, optimizer = linear(optim.SGD, native=native, lr=0.01, momentum=0.5)
        call = step if compiled else step.__wrapped__
        for k in range(6):
            call(ad.ones(3, 2))
            if k == 2:
                optimizer.param_groups[0][name] = True
        found.append(model.weight.detach().numpy())
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("native", WAYS)
def test_options_that_cannot_be_are_refused(native: bool) -> None:
    step, model, optimizer = linear(native=native)
    for _ in range(3):
        step(ad.ones(3, 2))
    before = model.weight.detach().numpy().copy()
    optimizer.param_groups[0]["betas"] = (0.9, 2.0)
    with pytest.raises(ValueError, match="betas"):
        step(ad.ones(3, 2))
    np.testing.assert_array_equal(model.weight.detach().numpy(), before)


def test_a_rate_that_changes_at_every_step_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    step, model, optimizer = linear(lr=0.1)
    plain, other, theirs = linear(lr=0.1)
    long_ways: list[Any] = []
    run = Recording.run
    for k in range(8):
        if k == 4:
            monkeypatch.setattr(Recording, "run", lambda self, args: long_ways.append(args) or run(self, args))
        for o in (optimizer, theirs):
            o.param_groups[0]["lr"] = 0.1 / (1 + k)
        step(ad.ones(3, 2))
        plain.__wrapped__(ad.ones(3, 2))
    np.testing.assert_allclose(model.weight.detach().numpy(), other.weight.detach().numpy(), rtol=1e-4)
    assert not long_ways


@pytest.mark.parametrize("native", WAYS)
def test_runs_that_are_given_up_draw_the_same_numbers(native: bool) -> None:
    """A short batch, and labels that a recording does not know, are noticed after dropout has drawn."""
    following = []
    for compiled in (False, True):
        t = Training(native, compiled=compiled)
        ad.manual_seed(3)
        for k in range(6):
            x, _ = batch(4 if k == 3 else 6)
            y = ad.tensor(np.arange(len(x)) % 4 if k != 4 else np.full(len(x), -100))
            y = y if k != 4 else ad.where(ad.arange(len(x)) > 2, y, 1)
            t.step(x, y)
        with pytest.raises(IndexError):
            t.step(x, ad.tensor(np.full(6, 9)))
        following.append(ad.rand(1).item())
    assert following[0] == following[1]


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("array", [np.full(4, 2.0), np.arange(8.0)[::2], np.array(3.0)])
def test_arrays_of_the_user_are_read_at_each_call(array: Any, native: bool) -> None:
    array = array.copy() if array.flags.c_contiguous else array
    scaled = ad.compile(lambda x: x * array + ad.from_numpy(array), native=native)
    for _ in range(4):
        np.testing.assert_array_equal(scaled(ad.ones(4)).numpy(), array + array + np.zeros(4))
        array += 1


@pytest.mark.parametrize("native", WAYS)
def test_constants_that_are_changed_in_place_start_anew_at_each_call(native: bool) -> None:
    def filled(x: ad.Tensor) -> ad.Tensor:
        out = ad.zeros(4, 3)
        for t in range(4):
            out[t] = x[t] * (t + 1)
        rows = out[1:]
        rows.mul_(2)
        return out

    call = ad.compile(filled, native=native)
    for k in range(4):
        x = ad.full((4, 3), float(k))
        np.testing.assert_array_equal(call(x).numpy(), filled(x).numpy())


def test_a_change_of_a_tensor_from_outside_with_gradients_is_refused() -> None:
    kept, w = ad.zeros(3), ad.ones(3, requires_grad=True)

    @ad.compile
    def step(x: ad.Tensor) -> ad.Tensor:
        kept.add_(x * w)
        return kept.sum()

    with pytest.raises(RuntimeError, match=r"from outside, that gradients flow through cannot be recorded; change a"):
        step(ad.ones(3))
    assert kept.tolist() == [0, 0, 0]


@pytest.mark.parametrize("native", WAYS)
def test_what_is_read_in_another_order_is_read_before_it_is_stored(native: bool) -> None:
    start = np.arange(16.0).reshape(4, 4) / 8
    w, p, q = (ad.tensor(np.ascontiguousarray(a)) for a in (start, start.T, start.T))

    def step() -> None:
        e = ad.exp(w.T)  # a loop of its own, for two read it, which store as it runs: so it is moved to them
        with ad.no_grad():
            w.add_(1)
            p.add_(e)
            q.add_(e * 2)

    compiled = ad.compile(step, native=native)
    for k in range(3):
        compiled()
        before = np.exp(start.T) * sum(np.e**j for j in range(k + 1))
        for tensor, expected in ((w, start + k + 1), (p, start.T + before), (q, start.T + 2 * before)):
            np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-12)
