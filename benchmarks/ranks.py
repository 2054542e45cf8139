"""What several processes take for messages and for training steps; `benchmarks.scaling` starts it under mpiexec."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

import autodiff as ad
import nn
import nn.distributed
import optim
from autodiff import distributed
from autodiff.distributed.collectives import average

from .frameworks.with_modules import model_of
from .frameworks.with_networks import _NETWORKS, _data
from .problems import PROBLEMS

NETWORKS = {"digits": 64, "mnist": 512, "convolution": 64, "lstm": 64, "gpt": 16}  # with their batches
SIZES = [4 * 8**k for k in range(9)]  # bytes of a message: 4 B to 64 MiB
SLOW = 50e-6, 1 / 125e6  # seconds a message, and a byte, of the network that is acted: 1 Gbit/s


def main() -> None:
    """Measure, and let the first process print what it found."""
    quick = "--quick" in sys.argv
    distributed.init_process_group()
    names = ["digits"] if quick else [*NETWORKS]
    budget = 0.0 if quick else 1.0
    found: dict[str, Any] = {
        "messages": {str(size): _message(size, budget) for size in (SIZES[:3] if quick else SIZES)},
        "steps": {name: _steps(name, budget) for name in names},
    }
    if distributed.get_world_size() == 1:
        found["overlap"] = {name: _overlap(name, budget) for name in names}
    if distributed.get_rank() == 0:
        print(json.dumps(found))
    distributed.destroy_process_group()


def _message(size: int, budget: float) -> float:
    """Return the shortest seconds of an average of so many bytes."""
    flat = ad.zeros(size // 4)
    many = max(1, min(20, 2**22 // size))

    def send() -> None:
        for _ in range(many):
            average(flat).wait()

    return _shortest(send, budget) / many


def _shortest(call: Callable[[], Any], budget: float) -> float:
    """Return the shortest seconds of a call that all processes begin together, the slowest of them counting.

    It is repeated for so many seconds, five times at least.
    """
    times: list[float] = []
    while len(times) < 6 or sum(times) < budget:
        distributed.barrier()
        start = time.perf_counter()
        call()
        seconds = ad.tensor(time.perf_counter() - start, dtype="float64")
        distributed.all_reduce(seconds, distributed.ReduceOp.MAX)
        times.append(seconds.item())
    return min(times[1:])


def _step(name: str, batch: int, cap_mb: float = 25.0, wrap: bool = True) -> tuple[Callable[[], None], Any]:
    """Return a training step of a network, and the network."""
    problem = replace(PROBLEMS[name], batch=batch)
    ad.manual_seed(0)
    if problem.task in _NETWORKS:
        net = _NETWORKS[problem.task](problem.sizes, nn)
        x, y = map(ad.tensor, _data(problem, np.random.default_rng(0)))
    else:
        net = model_of(problem, ad, nn)
        x, y = map(ad.tensor, problem.data())
    model = nn.parallel.DistributedDataParallel(net, bucket_cap_mb=cap_mb) if wrap else net
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step, model


def _steps(name: str, budget: float) -> dict[str, float]:
    """Return the seconds of steps with the whole batch in each process, with a share, and of processes alone."""
    batch, ranks = NETWORKS[name], distributed.get_world_size()
    whole, model = _step(name, batch)
    share, _ = _step(name, batch // ranks)
    alone, half = (_step(name, n, wrap=False)[0] for n in (batch, batch // 2))
    return {
        "bytes": float(sum(p.numel() * p.dtype.itemsize for p in model.parameters())),
        "weak": _shortest(whole, budget),
        "strong": _shortest(share, budget),
        "alone": _shortest(alone, budget),
        "half": _shortest(half, budget),
    }


class _Acted:
    """A message of a network that takes its time without a processor."""

    def __init__(self, end: float) -> None:
        self._end = end

    def wait(self) -> None:
        while time.perf_counter() < self._end:
            pass

    def is_completed(self) -> bool:
        return time.perf_counter() >= self._end


@contextmanager
def _acted_network(waits_for_all: bool) -> Iterator[None]:
    """Let messages go one after the other over a slow network; if asked, only from the end of the walk on."""
    free = [0.0]

    def acted(flat: Any) -> _Acted:
        start = max(time.perf_counter(), free[0])
        free[0] = start + SLOW[0] + flat.numel() * 4 * SLOW[1]
        return _Acted(free[0])

    arrive = nn.distributed.DistributedDataParallel._arrive
    names = vars(nn.distributed)
    before, names["average"] = names["average"], acted
    left: set[Any] = set()

    def late(self: Any, param: Any) -> None:
        left.add(param)
        if len(left) == len(self._of):
            for p in [*left]:
                arrive(self, p)
            left.clear()

    if waits_for_all:
        nn.distributed.DistributedDataParallel._arrive = late  # type: ignore[method-assign]  # for this measurement
    try:
        yield
    finally:
        names["average"] = before
        nn.distributed.DistributedDataParallel._arrive = arrive  # type: ignore[method-assign]  # as it was


def _overlap(name: str, budget: float) -> dict[str, float]:
    """Return the seconds of a step in one process with an acted network, by how messages go."""
    found = {}
    for way, late in (("after the walk", True), ("during the walk", False)):
        with _acted_network(late):
            step, model = _step(name, NETWORKS[name], cap_mb=1e-2 if name == "digits" else 0.1)
            found[way] = _shortest(step, budget)
    found["messages"] = sum(SLOW[0] + b.flat.numel() * 4 * SLOW[1] for b in model._buckets)
    return found


if __name__ == "__main__":
    main()
