"""Where the time of this framework's training step goes: its stages, beside the matrix products alone."""

from __future__ import annotations

import statistics
import time
from typing import Any

import autodiff as ad
import nn
import optim

from .frameworks import with_modules, with_numpy
from .problems import PROBLEMS
from .tables import Table


def measure(quick: bool) -> Table:
    """Return the median microseconds of each stage, by problem."""
    problems = ["xor"] if quick else ["xor", "digits", "mnist", "mnist 512"]
    rows = {problem: _stages(problem, repeats=3 if quick else 200) for problem in problems}
    return Table("profile", "the stages of a training step", "us", "whole step", rows)


def _stages(name: str, repeats: int) -> dict[str, float]:
    problem = PROBLEMS[name]
    model = with_modules.model_of(problem, ad, nn)
    criterion = nn.BCEWithLogitsLoss() if problem.loss == "binary" else nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, y = map(ad.tensor, problem.data())
    products = with_numpy.matrix_products(problem)
    stages: dict[str, list[float]] = {}
    for i in range(repeats + 3):
        times = [time.perf_counter()]
        optimizer.zero_grad()
        times.append(time.perf_counter())
        output: Any = model(x)
        times.append(time.perf_counter())
        loss = criterion(output, y)
        times.append(time.perf_counter())
        loss.backward()
        times.append(time.perf_counter())
        optimizer.step()
        times.append(time.perf_counter())
        products()
        times.append(time.perf_counter())
        if i >= 3:  # the first steps warm up
            names = ("zero_grad", "forward", "loss", "backward", "Adam", "matrix products alone")
            for stage, start, end in zip(names, times, times[1:], strict=False):
                stages.setdefault(stage, []).append((end - start) * 1e6)
            stages.setdefault("whole step", []).append((times[5] - times[0]) * 1e6)
    return {stage: statistics.median(turns) for stage, turns in stages.items()}
