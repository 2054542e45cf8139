"""The time per node of a long chain of operations: flat if the engine is linear in the length of the graph."""

from __future__ import annotations

import time

import autodiff as ad


def measure(quick: bool) -> dict[int, float]:
    """Return microseconds per node, forward and backward together, by length of the chain."""
    lengths = (10**3, 10**4) if quick else (10**3, 10**4, 10**5, 10**6)
    return {n: min(_microseconds_per_node(n) for _ in range(max(1, min(9, 10**6 // n)))) for n in lengths}


def _microseconds_per_node(length: int) -> float:
    x = ad.tensor(1.0, requires_grad=True)
    start = time.perf_counter()
    y = x
    for _ in range(length):
        y = y + x
    y.backward()
    return (time.perf_counter() - start) / length * 1e6
