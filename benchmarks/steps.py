"""The time of a step of each problem, each framework in a process of its own, all taking turns."""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import THREADS
from .frameworks import FRAMEWORKS
from .problems import PROBLEMS
from .tables import Table

#: A problem of each kind.
QUICK = ("xor", "evaluation", "scalars")

Workers = dict[str, "subprocess.Popen[str]"]


def measure(quick: bool, problems: Sequence[str] = ()) -> Table:
    """Return the median microseconds of a step, by problem and framework; what is not installed is left out.

    Each problem is timed in fresh processes: what a larger one leaves in the allocator makes the next one faster. To
    be quick, they live on, so that frameworks are imported once, and the problems are small.
    """
    if quick:
        with _workers([name for name, f in FRAMEWORKS.items() if f.is_installed() and not f.is_patient]) as workers:
            rows = {name: _race(name, workers, 1, "quick") for name in problems or QUICK}
    else:
        rows = {}
        for name in problems or PROBLEMS:
            print(f"racing at {name}", file=sys.stderr)
            with _workers(_entrants(name)) as workers:
                rows[name] = _race(name, workers, 15, "full")
    return Table("steps", "one step", "us", "autodiff", rows)


def _entrants(problem: str) -> list[str]:
    """Return the names of the installed frameworks that take part."""
    return [name for name, f in FRAMEWORKS.items() if PROBLEMS[problem].task in f.tasks and f.is_installed()]


def _race(problem: str, workers: Workers, rounds: int, size: str) -> dict[str, float]:
    """Let the frameworks take turns at one problem, check that all do the same, and return their medians."""
    entrants = {name: worker for name, worker in workers.items() if name in _entrants(problem)}
    for worker in entrants.values():
        _send(worker, f"{size} {problem}")
    _check({name: _answer(worker) for name, worker in entrants.items()}, problem)
    turns: dict[str, list[float]] = {name: [] for name in entrants}
    for _ in range(rounds):
        for name, worker in entrants.items():
            _send(worker, f"{size} time")
            turns[name].append(_answer(worker) * 1e6)
    return {name: statistics.median(times) for name, times in turns.items()}


def _check(results: dict[str, float], problem: str) -> None:
    """Raise RuntimeError where a framework came to another result; those that have none, as products alone, say NaN."""
    first, expected = next(iter(results.items()))
    for name, result in results.items():
        if not math.isnan(result) and abs(result - expected) > 1e-3 * abs(expected):  # float32, three steps of Adam
            raise RuntimeError(f"{problem}: {name} comes to {result} where {first} comes to {expected}")


@contextlib.contextmanager
def _workers(names: Sequence[str]) -> Iterator[Workers]:
    """Start a process for each framework, and end them all."""
    workers: Workers = {}
    try:
        for name in names:
            command = [sys.executable, "-m", __name__, name]
            workers[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        yield workers
    finally:
        for worker in workers.values():
            worker.kill()
            worker.communicate()


def _send(worker: subprocess.Popen[str], what: str) -> None:
    assert worker.stdin is not None  # it is a pipe
    worker.stdin.write(what + "\n")
    worker.stdin.flush()


def _answer(worker: subprocess.Popen[str]) -> float:
    assert worker.stdout is not None  # it is a pipe
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"{worker.args!r}: the process ended")  # it has said why on standard error
    return float(line)


def _work(framework: str) -> None:
    """Answer a problem's name with the result of three steps, and "time" with the seconds that a step takes.

    Each with "full" or "quick" before it.
    """
    if hasattr(os, "sched_setaffinity"):  # for libraries that take as many threads as there are processors
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    step: Any = None
    for line in sys.stdin:
        size, what = line.strip().split(maxsplit=1)
        if what == "time":
            seconds = _seconds(step, 0.0 if size == "quick" else 0.1)
            _rest()
            print(seconds, flush=True)
            continue
        problem = PROBLEMS[what].small() if size == "quick" else PROBLEMS[what]
        step = FRAMEWORKS[framework].tasks[problem.task](problem)
        print(float(np.abs([step() for _ in range(3)][-1]).mean()), flush=True)


def _seconds(step: Callable[[], Any], at_least: float) -> float:
    """Return the mean seconds of a step, over three or as many as take that long."""
    calls, start = 0, time.perf_counter()
    while calls < 3 or time.perf_counter() - start < at_least:
        step()
        calls += 1
    return (time.perf_counter() - start) / calls


def _rest() -> None:
    """Wait until the threads of this process, which look out for more work for a while, no longer use a processor."""
    spent = -math.inf
    while time.process_time() - spent > 1e-3:
        spent = time.process_time()
        time.sleep(0.02)


if __name__ == "__main__":
    _work(sys.argv[1])
