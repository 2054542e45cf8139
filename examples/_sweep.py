"""Many runs of one function on different settings, on as many cores or machines as there are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from examples._command import progress

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

Settings = TypeVar("Settings")
Result = TypeVar("Result")


def sweep(run: Callable[[Settings], Result], grid: Sequence[Settings], jobs: int = 1, title: str = "") -> list[Result]:
    """
    Run a function on every point of a grid through joblib, and show how far it is.

    joblib decides where: in this process with one job, else in processes of its own. Under ``joblib.parallel_config``
    the same call runs on a cluster that Dask or Ray manages. What comes out must not depend on that: `run` draws its
    random numbers from a generator that its settings seed, and every run computes with one thread, because a matrix
    product that is dealt out to several may round differently.

    Parameters
    ----------
    run : callable
        Takes one of the settings and returns its result; must be importable, that is no lambda.
    grid : sequence
        The settings.
    jobs : int, default 1
        How many run at a time; -1 for as many as there are cores.
    title : str, optional
        What the bar says.

    Returns
    -------
    list
        The results in the order of the grid.
    """
    from joblib import Parallel, delayed

    results = Parallel(n_jobs=jobs, return_as="generator")(delayed(_on_one_thread)(run, point) for point in grid)
    return list(progress(results, len(grid), title, "run"))


def _on_one_thread(run: Callable[[Settings], Result], point: Settings) -> Result:
    with _threads().limit(limits=1):
        return run(point)


@functools.cache
def _threads() -> ThreadpoolController:
    """Return the switch of NumPy's threads; finding the libraries takes longer than a short run."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
