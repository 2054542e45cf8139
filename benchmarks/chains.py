"""The time per node of a long chain of operations: flat if the engine is linear in the length of the graph."""

from __future__ import annotations

import gc
import statistics
import time

import autodiff as ad

from .tables import Table


def measure(quick: bool) -> Table:
    """Return microseconds per node by length of the chain, with Python's cycle collector and without it."""
    lengths = (10**3, 10**4) if quick else (10**3, 10**4, 10**5, 10**6)
    rows: dict[str, dict[str, float]] = {}
    for length in lengths:
        for collector in ("on", "off"):
            turns = [_timed(length, collector == "on") for _ in range(max(2 if quick else 3, min(9, 10**6 // length)))]
            forward, backward = (statistics.median(seconds) / length * 1e6 for seconds in zip(*turns, strict=True))
            for name, value in (("forward", forward), ("backward", backward), ("both", forward + backward)):
                rows.setdefault(f"{name}, collector {collector}", {})[f"{length} nodes"] = value
    return Table("chains", "a chain of additions of single numbers, per node", "us", f"{lengths[0]} nodes", rows)


def _timed(length: int, collect: bool) -> tuple[float, float]:
    """Return the seconds that recording the chain takes, and differentiating it."""
    x = ad.tensor(1.0, requires_grad=True)
    gc.collect()
    if not collect:
        gc.disable()
    try:
        start = time.perf_counter()
        y = x
        for _ in range(length):
            y = y + x
        middle = time.perf_counter()
        y.backward()
        return middle - start, time.perf_counter() - middle
    finally:
        gc.enable()
