"""Two threads at once compute what each would alone, and two hundred steps take no more memory than two."""

from __future__ import annotations

import gc
import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim

STEPS = 40


def trainer(seed: int, sizes: tuple[int, ...] = (6, 8, 7, 3), batch: int = 16) -> Callable[[int], list[float]]:
    """Return what trains a network of its own for some steps and returns the losses."""
    ad.manual_seed(seed)
    layers: list[nn.Module] = []
    for m, n in itertools.pairwise(sizes[:-1]):
        layers += [nn.Linear(m, n), nn.BatchNorm1d(n), nn.LeakyReLU()]
    model = nn.Sequential(*layers, nn.Linear(*sizes[-2:]))
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    x, y = ad.randn(batch, sizes[0]), ad.randint(0, sizes[-1], (batch,))

    def train(steps: int) -> list[float]:
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            with ad.no_grad():
                losses.append(nn.functional.cross_entropy(model(x), y).item())
        return losses

    return train


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls in threads of their own that start together; return their results, or raise what one raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(i: int, call: Callable[[], Any]) -> None:
        barrier.wait(30)
        try:
            results[i] = call()
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i, call)) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def test_two_models_trained_at_once_get_the_same_numbers_as_alone() -> None:
    alone = [trainer(seed)(STEPS) for seed in (1, 2)]
    first, second = trainer(1), trainer(2)
    assert at_once(lambda: first(STEPS), lambda: second(STEPS)) == alone
    assert alone[0] != alone[1]


def test_modes_of_one_thread_do_not_reach_another() -> None:
    alone = trainer(1)(STEPS)
    train, done = trainer(1), threading.Event()

    def switch() -> int:
        """Keep switching everything there is until the other thread has trained."""
        rounds = 0
        while not done.is_set() or not rounds:
            with ad.no_grad(), ad.detect_anomaly(check_inf=True):
                assert not (ad.ones(2, requires_grad=True) * 2).requires_grad
                assert ad.is_anomaly_enabled()
            rounds += 1
        ad.set_grad_enabled(False)
        ad.set_detect_anomaly(True)
        return rounds

    def watched_train() -> list[float]:
        try:
            losses = train(STEPS)
            assert not ad.is_anomaly_enabled()
            return losses
        finally:
            done.set()

    losses, rounds = at_once(watched_train, switch)
    assert losses == alone
    assert rounds >= 1
    assert ad.is_grad_enabled()
    assert not ad.is_anomaly_enabled()


def test_threads_differentiate_graphs_that_share_their_leaves() -> None:
    w = ad.tensor(np.arange(1.0, 4.0), requires_grad=True)

    def slope(k: int) -> Any:
        for _ in range(100):
            (g,) = ad.grad((w**k).sum(), w)
        return g.tolist()

    assert at_once(*(lambda k=k: slope(k) for k in (1, 2, 3))) == [[1, 1, 1], [2, 4, 6], [3, 12, 27]]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Switch the cycle collector off, so that only reference counts free memory."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    yield
    tracemalloc.stop()
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_memory_stays_flat_over_two_hundred_steps_without_the_collector() -> None:
    train = trainer(0, (64, 80, 70, 10), 64)
    train(150)  # fills what Python and NumPy keep for reuse, some 200 kB
    tracemalloc.reset_peak()
    before, objects = tracemalloc.get_traced_memory()[0], len(gc.get_objects())
    train(2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    train(200)
    after, later_peak = tracemalloc.get_traced_memory()
    assert peak - before > 100_000  # what one step takes
    assert after - before < 60_000  # the list of losses and the last of what is kept for reuse
    assert later_peak - peak < 60_000
    assert len(gc.get_objects()) - objects < 20
