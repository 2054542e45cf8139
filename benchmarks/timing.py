"""Timing several ways of doing one thing side by side, so that a machine's moods strike all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def side_by_side(ways: Mapping[str, Callable[[], object]], repeats: int, calls: int) -> dict[str, float]:
    """Return the median seconds that each way takes for one call, the ways taking turns.

    Parameters
    ----------
    ways : mapping of str to callable
        What is timed, by name.
    repeats : int
        How many turns each takes.
    calls : int
        How many calls make a turn.

    Returns
    -------
    dict of str to float
        Seconds per call, by name.
    """
    turns: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        call()
    for _ in range(repeats):
        for name, call in ways.items():
            start = time.perf_counter()
            for _ in range(calls):
                call()
            turns[name].append((time.perf_counter() - start) / calls)
    return {name: statistics.median(seconds) for name, seconds in turns.items()}
