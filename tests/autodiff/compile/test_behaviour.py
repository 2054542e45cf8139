"""What a user may do between calls of a compiled step, and what is refused when it is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff.compile import machine
from tests.autodiff.compile.test_rows import WAYS

RNG = np.random.default_rng(0)


class Training:
    """A small network and its step."""

    def __init__(self, native: bool, compiled: bool = True, lr: float = 0.1) -> None:
        ad.manual_seed(0)
        self.model = model = nn.Sequential(
            nn.Linear(3, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 4)
        )
        self.optimizer = optimizer = optim.Adam(model.parameters(), lr=lr)
        criterion = nn.CrossEntropyLoss()

        def step(x: ad.Tensor, y: ad.Tensor) -> ad.Tensor:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        self.step: Any = ad.compile(step, native=native) if compiled else step
        ad.manual_seed(1)

    def values(self) -> list[Any]:
        """Return copies of parameters, buffers, gradients and state."""
        params = list(self.model.parameters())
        found = [t.detach().numpy().copy() for t in [*params, *self.model.buffers()]]
        found += [p.grad.numpy().copy() for p in params if p.grad is not None]
        return found + [np.array(v) for p in params for _, v in sorted(self.optimizer.state[p].items())]


def batch(n: int = 6) -> tuple[ad.Tensor, ad.Tensor]:
    return ad.tensor(RNG.standard_normal((n, 3)).astype("f")), ad.tensor(RNG.integers(0, 4, n))


def alike(a: Training, b: Training) -> None:
    for mine, theirs in zip(a.values(), b.values(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-6)


def _halve(t: Training) -> None:
    t.optimizer.param_groups[0]["lr"] *= 0.5


def _schedule(t: Training) -> None:
    optim.lr_scheduler.StepLR(t.optimizer, 1, 0.3).step()


def _load(t: Training) -> None:
    t.model.load_state_dict({k: v * 0.5 if v.dtype.kind == "f" else v for k, v in t.model.state_dict().items()})


def _replace(t: Training) -> None:
    t.model[0].weight.data = t.model[0].weight.detach().numpy() * 2


def _evaluate(t: Training) -> None:
    t.model.eval()


def _more_dropout(t: Training) -> None:
    t.model[3].p = 0.7


def _double(t: Training) -> None:
    t.model.double().float()


def _freeze(t: Training) -> None:
    t.model[0].weight.requires_grad_(False)


def _reset(t: Training) -> None:
    t.optimizer.load_state_dict(optim.Adam(t.model.parameters(), lr=0.01).state_dict())


def _restore(t: Training) -> None:
    t.optimizer.load_state_dict(t.optimizer.state_dict())


def _forget(t: Training) -> None:
    t.model.zero_grad()


CHANGES = [_halve, _schedule, _load, _replace, _evaluate, _more_dropout, _double, _freeze, _reset, _restore, _forget]


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_calls_is_seen(change: Any, native: bool) -> None:
    compiled, plain = Training(native), Training(native, compiled=False)
    for k in range(5):
        x, y = batch(6 if k != 3 else 4)  # a short batch among them
        for t in (compiled, plain):
            ad.manual_seed(k)
            t.step(x, y)
            if k == 1:
                change(t)
    alike(compiled, plain)


@pytest.mark.parametrize("native", WAYS)
def test_a_gradient_that_somebody_holds_stays_as_it_is(native: bool) -> None:
    t = Training(native)
    for _ in range(3):
        t.step(*batch())
    held = t.model[4].weight.grad
    before = held.numpy().copy()
    t.step(*batch())
    np.testing.assert_array_equal(held.numpy(), before)
    assert t.model[4].weight.grad is not held
    array = t.model[4].weight.grad.numpy()
    before = array.copy()
    t.step(*batch())
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("native", WAYS)
def test_losses_are_tensors_of_their_own(native: bool) -> None:
    t = Training(native)
    losses = [t.step(*batch()) for _ in range(4)]
    assert len({loss.item() for loss in losses}) == 4


@pytest.mark.parametrize("native", WAYS)
def test_a_wrong_label_is_refused_and_changes_nothing(native: bool) -> None:
    t = Training(native)
    x, y = batch()
    for _ in range(2):
        t.step(x, y)
    before = t.values()
    with pytest.raises(IndexError, match="label 9 is out of range for 4 classes"):
        t.step(x, ad.tensor(np.full(6, 9)))
    for mine, theirs in zip(t.values(), before, strict=False):
        np.testing.assert_array_equal(mine, theirs)
    t.step(x, y)


@pytest.mark.parametrize("native", WAYS)
def test_a_graph_over_changed_parameters_refuses_backward(native: bool) -> None:
    t = Training(native)
    t.step(*batch())
    x, _ = batch()
    loss = (t.model(x) ** 2).sum()
    t.step(*batch())
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def _item(x: ad.Tensor) -> Any:
    return x.sum().item()


def _branch(x: ad.Tensor) -> Any:
    return x * 2 if x.sum() > 0 else x


def _array(x: ad.Tensor) -> Any:
    return ad.tensor(np.sin((x * 2).detach().numpy()))


def _mask(x: ad.Tensor) -> Any:
    return x[x > 0]


def _select(x: ad.Tensor) -> Any:
    return ad.masked_select(x, x > 0)


def _nonzero(x: ad.Tensor) -> Any:
    return ad.where(x > 0)


def _anomaly(x: ad.Tensor) -> Any:
    with ad.detect_anomaly():
        return x * 2


def _hook(x: ad.Tensor) -> Any:
    y = x.detach().requires_grad_()
    y.register_hook(lambda g: g * 2)
    return ad.grad((y * y).sum(), y)


@pytest.mark.parametrize("function", [_item, _branch, _array, _mask, _select, _nonzero, _anomaly, _hook])
def test_what_cannot_be_recorded_is_refused_with_line_and_cure(function: Any) -> None:
    with pytest.raises(RuntimeError, match=r"cannot be recorded; .*\n  at .*test_behaviour\.py:\d+, in") as caught:
        ad.compile(function)(ad.tensor([1.0, -2.0, 3.0]))
    assert f"in {function.__name__}" in str(caught.value)


def test_a_changed_closure_is_refused() -> None:
    factor = 2.0

    def scaled(x: ad.Tensor) -> ad.Tensor:
        return x * factor

    compiled = ad.compile(scaled)
    assert compiled(ad.tensor(3.0)).item() == 6.0
    factor = 5.0
    with pytest.raises(
        RuntimeError, match=r"factor was 2\.0 and is 5\.0: what changes between calls must be an argument"
    ):
        compiled(ad.tensor(3.0))


def test_a_function_that_changes_what_is_outside_is_refused() -> None:
    kept: list[Any] = []

    def keeping(x: ad.Tensor) -> ad.Tensor:
        kept.append(x)
        return x * 2

    with pytest.raises(RuntimeError, match="changes kept, which happens once"):
        ad.compile(keeping)(ad.tensor(1.0))


@pytest.mark.parametrize("native", WAYS)
def test_a_refused_step_leaves_parameters_and_optimizer_as_they_were(native: bool) -> None:
    t = Training(native)
    model, optimizer = t.model, t.optimizer
    t.step(*batch())
    before = t.values()

    @ad.compile
    def step(x: ad.Tensor) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    with pytest.raises(RuntimeError, match="item"):
        step(batch()[0])
    for mine, theirs in zip(t.values(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("native", WAYS)
def test_results_keep_their_structure_and_results_can_be_differentiated(native: bool) -> None:
    w = ad.tensor([2.0, 3.0], requires_grad=True)

    @ad.compile(native=native)
    def f(x: ad.Tensor, *, scale: float) -> Any:
        return {"y": x * w * scale, "both": (x, [x + 1, None, 7])}

    for k in (1.0, 2.0, 3.0):
        x = ad.tensor([k, 1.0])
        found = f(x, scale=2.0)
        assert found["both"][0] is x
        assert found["both"][1][1:] == [None, 7]
        w.grad = None
        found["y"].sum().backward()
        np.testing.assert_allclose(w.grad.numpy(), [2 * k, 2.0])


@pytest.mark.parametrize("native", WAYS)
def test_evaluation_without_a_graph(native: bool) -> None:
    t = Training(native)
    model = t.model.eval()

    @ad.compile(native=native)
    def predict(x: ad.Tensor) -> ad.Tensor:
        with ad.no_grad():
            return model(x).softmax(1)

    for _ in range(3):
        x, y = batch()
        with ad.no_grad():
            expected = model(x).softmax(1).numpy()
        np.testing.assert_allclose(predict(x).numpy(), expected, rtol=1e-5)
        np.testing.assert_allclose(predict(x.numpy()).numpy(), expected, rtol=1e-5)
        model.train()
        t.step(x, y)
        model.eval()


def test_there_are_no_more_recordings_than_the_limit() -> None:
    double = ad.compile(lambda x: x.relu() * 2)
    for n in range(1, 9):
        double(ad.ones(n))
    with pytest.warns(UserWarning, match=r"8 recordings.*float32\[9\].*plain function.*recompile_limit") as told:
        double(ad.ones(9))
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        for n in range(1, 30):  # arrays are taken as tensors still
            assert double(np.full(n, n, np.float32)).tolist() == [2.0 * n] * n
    assert len(double.recordings) == sum(map(len, double.recordings.values())) == 8


def test_the_limit_can_be_chosen() -> None:
    @ad.compile(recompile_limit=1)
    def double(x: Any) -> Any:
        return x * 2

    double(ad.ones(1))
    with pytest.warns(UserWarning, match="1 recording"):
        assert double(ad.ones(2)).tolist() == [2.0, 2.0]
    assert double(ad.ones(1)).tolist() == [2.0]
    assert len(double.recordings) == 1
    with pytest.raises(TypeError):
        ad.compile(lambda x: x, recompile_limit=1.5)


def test_steps_beyond_the_limit_train_on() -> None:
    def trained(limit: int | None) -> Any:
        ad.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss

        step = step if limit is None else ad.compile(step, recompile_limit=limit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [step(ad.ones(1 + k % 4, 3) * k).item() for k in range(12)]

    np.testing.assert_allclose(trained(2), trained(None), rtol=1e-5)


def test_without_llvm_numpy_runs_it_after_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["autodiff.compile.function"], "is_available", lambda: False)
    with pytest.warns(UserWarning, match=r"pip install 'autodiff-numpy\[fast\]'"):
        double = ad.compile(lambda x: x * 2)
    assert [double(ad.tensor(k)).item() for k in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]


PROGRAM = """
import autodiff as ad
f = ad.compile(lambda x: (x * 3 + 1).sum())
f(ad.ones(5))
print(f(ad.ones(5)).item(), [*f.recordings.values()][0][0].runner.library.was_cached)
"""


@pytest.mark.skipif(not machine.is_available(), reason="llvmlite is not installed")
def test_code_is_kept_on_disk_and_what_is_damaged_is_made_anew(tmp_path: Any) -> None:
    def run(folder: str) -> list[str]:
        env = {**os.environ, "AUTODIFF_CACHE_DIR": folder}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        ).stdout.split()

    folder = str(tmp_path / "cache")
    assert run(folder) == ["20.0", "False"]
    assert run(folder) == ["20.0", "True"]
    for file in tmp_path.glob("cache/*/*.o"):
        file.write_bytes(file.read_bytes()[:50])
    assert run(folder) == ["20.0", "False"]
    (tmp_path / "file").write_text("")
    assert run(str(tmp_path / "file")) == ["20.0", "False"]


ASIDE = """
import gc, sys
import autodiff as ad
x = ad.ones(2)
gc.freeze()
found = sys.modules["autodiff.compile.trace"].living()
print(sum(t is x for t in found), gc.get_freeze_count() > 0)
"""


def test_a_recording_sees_tensors_that_the_collector_has_put_aside() -> None:
    done = subprocess.run([sys.executable, "-c", ASIDE], capture_output=True, text=True, check=True)
    assert done.stdout == "1 True\n"


def test_program_says_loops_as_formulas() -> None:
    f = ad.compile(lambda x, y: ((x - y) ** 2).sum())
    f(ad.ones(50), ad.ones(50))
    text = f.program()
    if machine.is_available():
        assert "loop 50, 404 B, 150 flop" in text
        assert "sum[0] (x0 - x1) ** 2" in text


@pytest.mark.skipif(not machine.is_available(), reason="llvmlite is not installed")
def test_a_step_of_a_classifier_is_native_as_a_whole() -> None:
    model, x = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Sigmoid(), nn.Linear(4, 3)), ad.randn(8, 5)
    optimizer = optim.Adam(model.parameters())

    @ad.compile
    def step(x: ad.Tensor, labels: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            model(x), labels
        )  # its check of the labels, too: a part on NumPy doubles the time
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(2):
        step(x, ad.arange(8) % 3)
    assert "NumPy" not in step.program()


@pytest.mark.parametrize("native", WAYS)
def test_a_compiled_model_is_part_of_a_graph(native: bool) -> None:
    """Its result is differentiated, through batch statistics and dropout, and what comes before it as well."""
    found = []
    for compiled in (False, True):
        model = Training(native, compiled=False).model
        call = ad.compile(model.forward, native=native) if compiled else model
        for k in range(4):
            x = ad.tensor(np.random.default_rng(k).standard_normal((6, 3)), dtype="float32", requires_grad=True)
            model.zero_grad()
            ad.manual_seed(k)
            y = call(x * 2 if k > 1 else x)
            (y * y).sum().backward()
            found += [t.numpy().copy() for t in (y.detach(), x.grad, *model.buffers())]
            found += [p.grad.numpy().copy() for p in model.parameters()]
    half = len(found) // 2
    for mine, theirs in zip(found[half:], found[:half], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-6)


def test_backward_through_a_compiled_model_refuses_changed_parameters() -> None:
    w = ad.tensor([2.0], requires_grad=True)
    square = ad.compile(lambda x: (x * w) ** 2)
    for _ in range(2):
        y = square(ad.tensor([3.0], requires_grad=True))
    with ad.no_grad():
        w.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


SCHEDULES: list[Any] = [
    lambda o: optim.lr_scheduler.StepLR(o, 2, 0.5),
    lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    lambda o: optim.lr_scheduler.ChainedScheduler([optim.lr_scheduler.ExponentialLR(o, 0.9)]),
    lambda o: optim.lr_scheduler.SequentialLR(
        o, [optim.lr_scheduler.ConstantLR(o, 0.5), optim.lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=9),
]


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_goes_on_after_a_compiled_step(schedule: Any, native: bool) -> None:
    found = []
    for compiled in (False, True):
        w = ad.tensor([1.0, 2.0], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
        scheduler = schedule(optimizer)

        def step(x: ad.Tensor, w: Any = w, optimizer: Any = optimizer, scheduler: Any = scheduler) -> ad.Tensor:
            optimizer.zero_grad()
            loss = (w * x).square().sum()
            loss.backward()
            optimizer.step()
            scheduler.step()
            return loss

        call = ad.compile(step, native=native) if compiled else step
        found.append([(call(ad.tensor(1.0)).item(), optimizer.param_groups[0]["lr"], *w.tolist()) for _ in range(7)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


def test_what_needs_a_schedule_s_numbers_within_a_compiled_step_is_refused() -> None:
    w = ad.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    scheduler, plateau = optim.lr_scheduler.StepLR(optimizer, 1), optim.lr_scheduler.ReduceLROnPlateau(optimizer)

    def before(x: ad.Tensor) -> None:
        (w * x).sum().backward()
        scheduler.step()
        optimizer.step()

    def after(x: ad.Tensor) -> Any:
        return scheduler.get_last_lr()

    def measured(x: ad.Tensor) -> None:
        plateau.step((w * x).sum())

    for step, what in ((before, "call the scheduler's step last"), (after, "read them outside"), (measured, "metrics")):
        with pytest.raises(RuntimeError, match=f"compile: .* cannot be recorded; .*{what}"):
            ad.compile(step)(ad.tensor([1.0]))
    assert scheduler.last_epoch == 0


def test_arrays_that_share_memory_are_computed_in_order() -> None:
    found = []
    for compiled in (False, True):
        base = ad.tensor(np.arange(6.0))
        behind, ahead = base[1:], base[:5]

        def shift(x: ad.Tensor, behind: Any = behind, ahead: Any = ahead) -> ad.Tensor:
            with ad.no_grad():
                behind.add_(ahead * x)
            return behind.sum()

        call = ad.compile(shift) if compiled else shift
        found.append([call(ad.tensor(k)).item() for k in (1.0, 2.0, 3.0)] + base.tolist())
    assert found[0] == found[1]


def test_a_change_in_place_is_at_the_positions_of_each_call() -> None:
    @ad.compile(native=False)
    def change(x: ad.Tensor, at: ad.Tensor) -> ad.Tensor:
        y = x.clone()
        y[at] = 5.0
        return y

    for at in ([1], [2], [0]):
        expected = np.zeros(4)
        expected[at] = 5.0
        assert change(ad.zeros(4), ad.tensor(at)).tolist() == expected.tolist()


@pytest.mark.parametrize("native", WAYS)
def test_numbers_that_loops_do_not_know_are_converted_first(native: bool) -> None:
    run = ad.compile(lambda images: (images.float() / 255).sum(), native=native)
    images = ad.tensor(np.arange(12, dtype=np.uint8).reshape(3, 4))
    for _ in range(2):
        assert run(images).item() == pytest.approx(66 / 255, rel=1e-6)
