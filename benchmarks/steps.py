"""The time of a training step: zero_grad, forward, loss, backward, step; each framework in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from .frameworks import FRAMEWORKS
from .problems import PROBLEMS


def measure(quick: bool) -> dict[str, dict[str, float]]:
    """Return the median microseconds of a step, by problem and framework; what is not installed is left out."""
    present = [name for name, (_, module) in FRAMEWORKS.items() if importlib.util.find_spec(module)]
    problems = ["xor", "mnist"] if quick else list(PROBLEMS)
    return {problem: _race(problem, present, rounds=2 if quick else 15) for problem in problems}


def _race(problem: str, names: list[str], rounds: int) -> dict[str, float]:
    """Let the frameworks take turns at one problem, check that all do the same, and return their medians."""
    workers = {name: _start(problem, name) for name in names}
    try:
        losses = {name: float(_ask(worker, "loss")) for name, worker in workers.items()}
        first = next(iter(losses.values()))
        for name, loss in losses.items():
            if abs(loss - first) > 1e-3 * abs(first):  # float32, and three steps of Adam
                raise RuntimeError(f"{problem}: {name} has loss {loss} where {names[0]} has {first}")
        turns: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(rounds):
            for name, worker in workers.items():
                turns[name].append(float(_ask(worker, "time")) * 1e6)
        return {name: statistics.median(seconds) for name, seconds in turns.items()}
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()


def _start(problem: str, name: str) -> subprocess.Popen[str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    return subprocess.Popen(
        [sys.executable, "-m", __name__, problem, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | threads,
    )


def _ask(worker: subprocess.Popen[str], what: str) -> str:
    assert worker.stdin is not None  # both are pipes
    assert worker.stdout is not None
    worker.stdin.write(what + "\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(f"{' '.join(map(str, worker.args[2:]))}: the process ended")  # type: ignore[index]  # a list
    return answer


def _work(problem: str, name: str) -> None:
    """Answer on standard output: the loss after three steps, and the seconds that a step takes."""
    step: Any = FRAMEWORKS[name][0](PROBLEMS[problem])
    losses = [step() for _ in range(3)]
    for line in sys.stdin:
        if line.strip() == "loss":
            print(losses[-1], flush=True)
            continue
        calls, start = 0, time.perf_counter()
        while calls < 3 or time.perf_counter() - start < 0.1:
            step()
            calls += 1
        print((time.perf_counter() - start) / calls, flush=True)


if __name__ == "__main__":
    _work(*sys.argv[1:])
