"""Switching the recording on and off: blocks, decorators, generators, threads."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf


def records() -> bool:
    """Tell whether an operation on a leaf is recorded, which is what the mode decides."""
    recorded = (leaf(1.0) * 2).requires_grad
    assert recorded == ad.is_grad_enabled()
    return recorded


def test_operations_are_recorded_by_default() -> None:
    assert records()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (ad.no_grad, False),
        (ad.enable_grad, True),
        (lambda: ad.set_grad_enabled(True), True),
        (lambda: ad.set_grad_enabled(False), False),
    ],
)
@pytest.mark.parametrize("outer", [ad.no_grad, ad.enable_grad])
def test_block_has_its_mode_and_restores_the_outer_one(mode: Callable[[], Any], expected: bool, outer: Any) -> None:
    with outer():
        before = records()
        with mode():
            assert records() is expected
        assert records() is before
    assert records()


@pytest.mark.parametrize("mode", [ad.no_grad, ad.enable_grad, lambda: ad.set_grad_enabled(False)])
def test_mode_is_restored_after_an_exception(mode: Callable[[], Any]) -> None:
    with pytest.raises(KeyError), mode():
        raise KeyError
    assert records()


def test_one_object_can_be_entered_again_and_inside_itself() -> None:
    off = ad.no_grad()
    for _ in range(2):
        with off:
            with ad.enable_grad():
                with off:
                    assert not records()
                assert records()
            assert not records()
        assert records()


def test_results_under_no_grad_are_leaves_and_data_can_flow_on() -> None:
    x = leaf(2.0)
    with ad.no_grad():
        c = x * x
    assert c.is_leaf
    assert c.grad_fn is None
    (x * c).backward()
    assert x.grad is not None
    assert x.grad.item() == 4.0


def test_a_leaf_made_under_no_grad_keeps_requiring_its_gradient() -> None:
    with ad.no_grad():
        x = leaf(2.0)
    assert x.requires_grad
    (x * x).backward()
    assert x.grad is not None


def test_set_grad_enabled_acts_when_called_without_a_block() -> None:
    ad.set_grad_enabled(False)
    try:
        assert not records()
    finally:
        ad.set_grad_enabled(True)
    assert records()


# -- decorators --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decorate", "expected"),
    [
        (ad.no_grad, False),
        (ad.no_grad(), False),
        (ad.enable_grad, True),
        (ad.enable_grad(), True),
        (ad.set_grad_enabled(True), True),
    ],
)
def test_decorated_function_runs_in_its_mode(decorate: Any, expected: bool) -> None:
    @decorate
    def inside(a: int, *, b: int = 2) -> tuple[bool, int, int]:
        """Say what it is."""
        return records(), a, b

    assert records()
    for outer in (ad.no_grad, ad.enable_grad):
        with outer():
            before = records()
            assert inside(1, b=3) == (expected, 1, 3)
            assert records() is before
    assert inside.__name__ == "inside"
    assert inside.__doc__ == "Say what it is."


def test_set_grad_enabled_as_a_decorator_acts_only_inside() -> None:
    @ad.set_grad_enabled(False)
    def inside() -> bool:
        return records()

    assert records()
    assert not inside()
    assert records()


def test_decorated_function_that_raises_restores_the_mode() -> None:
    @ad.no_grad
    def fail() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert records()


def test_decorated_recursion_and_methods_work() -> None:
    class Model:
        @ad.no_grad()
        def depth(self, n: int) -> int:
            assert not records()
            return n and 1 + self.depth(n - 1)

    assert Model().depth(5) == 5
    assert records()


def test_decorated_generator_has_its_mode_only_while_it_runs() -> None:
    @ad.no_grad()
    def produce() -> Generator[bool, str, str]:
        sent = yield records()
        assert sent == "go"
        try:
            yield records()
        except KeyError:
            yield records()
        return "done"

    generator = produce()
    assert records()
    assert next(generator) is False
    assert records()
    assert generator.send("go") is False
    assert records()
    assert generator.throw(KeyError()) is False
    assert records()
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"
    assert records()


def test_decorated_generator_sees_its_own_mode_when_closed() -> None:
    seen: list[bool] = []

    @ad.no_grad
    def produce() -> Generator[int, None, None]:
        try:
            yield 1
        finally:
            seen.append(records())

    generator = produce()
    next(generator)
    generator.close()
    assert seen == [False]
    assert records()


# -- threads and contexts ----------------------------------------------------------------------------------------------


def test_no_grad_in_one_thread_leaves_another_recording() -> None:
    entered, looked = threading.Event(), threading.Event()
    seen: dict[str, bool] = {}

    def other() -> None:
        entered.wait(10)
        seen["other"] = records()
        looked.set()

    thread = threading.Thread(target=other)
    thread.start()
    with ad.no_grad():
        entered.set()
        assert looked.wait(10)
        seen["mine"] = records()
    thread.join()
    assert seen == {"other": True, "mine": False}


def test_mode_belongs_to_the_context() -> None:
    copied = contextvars.copy_context()
    with ad.no_grad():
        inner = contextvars.copy_context()
        assert copied.run(records) is True
    assert inner.run(records) is False
    copied.run(lambda: ad.set_grad_enabled(False))
    assert copied.run(records) is False
    assert records()


def test_threads_differentiate_at_once_as_alone() -> None:
    def train(seed: int, into: list[float]) -> None:
        x = leaf(float(seed))
        for _ in range(300):
            x.grad = None
            ((x * x).tanh() * x.exp() / (x * x + 1)).backward()
            with ad.no_grad():
                assert x.grad is not None
                x -= 0.01 * x.grad
        into.append(x.item())

    alone: list[list[float]] = [[] for _ in range(4)]
    together: list[list[float]] = [[] for _ in range(4)]
    for seed, into in enumerate(alone):
        train(seed, into)
    threads = [threading.Thread(target=train, args=(seed, into)) for seed, into in enumerate(together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
    assert all(together)
