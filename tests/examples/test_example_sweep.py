"""A sweep gives the same bits in the same order on one core, on two, and on a cluster of Dask's."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from examples import regression, seminar
from examples._sweep import sweep

BASE = seminar.Settings(points=200, epochs=3)
GRID = [
    replace(BASE, batch_size=size, normalize=normalize, seed=seed)
    for size in (4, 32)
    for normalize in (False, True)
    for seed in (0, 1)
]
FITS = [
    regression.Settings(activation, optimizer, 8, 1e-3, 3, 1e-5, seed=1)
    for activation in ("tanh", "relu")
    for optimizer in ("sgd", "adam")
]


def process(_: int) -> int:
    """Return in which process this runs."""
    return os.getpid()


@pytest.fixture(scope="module")
def alone() -> tuple[list[seminar.Result], list[regression.Fit]]:
    return sweep(seminar.train, GRID), sweep(regression_fit(), FITS)


def regression_fit() -> Any:
    """Return the function that the regression program sweeps with: the data travels with it."""
    data = regression.split(regression.generate(60, seed=1), 0.2, 0, "points")
    return functools.partial(regression.fit, data)


def test_results_come_in_the_order_of_the_grid_and_differ(
    alone: tuple[list[seminar.Result], list[regression.Fit]],
) -> None:
    trained, fitted = alone
    assert [result.settings for result in trained] == GRID
    assert [result.settings for result in fitted] == FITS
    assert len({result.after for result in trained}) == len(GRID)
    assert len({result.train for result in fitted}) == len(FITS)


def test_two_jobs_give_the_results_of_one(alone: tuple[list[seminar.Result], list[regression.Fit]]) -> None:
    assert (sweep(seminar.train, GRID, jobs=2), sweep(regression_fit(), FITS, jobs=2)) == alone


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Start Dask's scheduler with two workers, each a process of this machine, and connect joblib with it."""
    distributed = pytest.importorskip("distributed", reason="Dask's scheduler is not installed")
    joblib = pytest.importorskip("joblib")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as started,
        distributed.Client(started) as client,
        joblib.parallel_config(backend="dask"),
    ):
        yield client


def test_dasks_scheduler_gives_the_results_of_one_job(
    cluster: Any, alone: tuple[list[seminar.Result], list[regression.Fit]]
) -> None:
    computed_in = set(sweep(process, range(8), jobs=2))
    assert computed_in <= set(cluster.run(os.getpid).values())
    assert os.getpid() not in computed_in
    assert (sweep(seminar.train, GRID, jobs=2), sweep(regression_fit(), FITS, jobs=2)) == alone
