"""The peak memory of training steps of the MNIST network, each framework in a process of its own."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .tables import Table

SIZES = (784, 256, 128, 64, 32, 10)
BATCH = 512
STEPS = 5

_CLEAR = "/proc/self/clear_refs"


def measure(quick: bool) -> Table:
    """Return the MiB by which training steps raise a process's memory at its peak; what is missing is left out.

    Counted from when weights and batch exist and a small network of the same layers has been trained, so that all
    code is loaded: what is left are results, gradients and the optimizer's state. Linux alone tells this.
    """
    packages = {"autodiff": "autodiff", "PyTorch": "torch"} if os.access(_CLEAR, os.W_OK) else {}
    row = {
        name: statistics.median(_in_its_own_process(package) for _ in range(1 if quick else 5))
        for name, package in packages.items()
        if importlib.util.find_spec(package)
    }
    title = f"the peak memory of training the MNIST network at batch {BATCH}"
    return Table("memory", title, "MiB", "autodiff", {"peak": row} if row else {})


def _in_its_own_process(framework: str) -> float:
    command = [sys.executable, "-m", f"{__package__}.memory", framework]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _growth(framework: str) -> float:
    """Train, and return by how many MiB the peak memory grew."""
    _training(framework, (4, 5, 6, 3), 8)()
    train = _training(framework, SIZES, BATCH)
    _forget_peak()
    baseline = _memory("VmRSS:")
    train()
    return (_memory("VmHWM:") - baseline) / 1024


def _training(framework: str, sizes: tuple[int, ...], batch: int) -> Callable[[], None]:
    """Return what trains a network for some steps, its weights and its batch made."""
    prefix = "torch." if framework == "torch" else ""
    nn, optim, functional = (importlib.import_module(prefix + name) for name in ("nn", "optim", "nn.functional"))
    tensor = importlib.import_module(framework).tensor
    rng = np.random.default_rng(0)
    x = tensor(rng.uniform(0, 1, (batch, sizes[0])).astype(np.float32))
    y = tensor(rng.integers(0, sizes[-1], batch))
    hidden = itertools.pairwise(sizes[:-1])
    layers = [layer for m, n in hidden for layer in (nn.Linear(m, n), nn.BatchNorm1d(n), nn.LeakyReLU())]
    model = nn.Sequential(*layers, nn.Linear(*sizes[-2:]))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return functools.partial(_train, model, functools.partial(functional.cross_entropy, target=y), optimizer, x)


def _train(model: Any, criterion: Any, optimizer: Any, x: Any) -> None:
    for _ in range(STEPS):
        optimizer.zero_grad()
        criterion(model(x)).backward()
        optimizer.step()


def _memory(field: str) -> int:
    """Return a figure of this process in KiB: VmRSS is what it uses, VmHWM its peak."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def _forget_peak() -> None:
    """Let the peak start again from what is in use."""
    with open(_CLEAR, "w", encoding="ascii") as refs:
        refs.write("5")


if __name__ == "__main__":
    print(_growth(sys.argv[1]))
