"""The time until a step is compiled: the first time, and in another process that finds the code on disk."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time

from .frameworks import FRAMEWORKS
from .problems import PROBLEMS
from .tables import Table


def measure(quick: bool) -> Table:
    """Return the seconds of the first two calls of a compiled step, beside a plain one and JAX's."""
    rows: dict[str, dict[str, float]] = {}
    for name in ("xor",) if quick else ("xor", "digits", "mnist"):
        with tempfile.TemporaryDirectory() as folder:
            row = {"autodiff": _seconds("autodiff", name, folder)}
            if FRAMEWORKS["autodiff, compiled"].is_installed():
                row["compiled, first"] = _seconds("autodiff, compiled", name, folder)
                row["compiled, from the cache"] = _seconds("autodiff, compiled", name, folder)
            if importlib.util.find_spec("jax") is not None:
                row["JAX, jit"] = _seconds("JAX, jit", name, folder)
        rows[name] = row
    return Table("compiling", "the first two steps", "s", "autodiff", rows)


def _seconds(framework: str, problem: str, folder: str) -> float:
    command = [sys.executable, "-m", __name__, framework, problem]
    environment = os.environ | {"AUTODIFF_CACHE_DIR": folder}
    return float(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


def _work(framework: str, problem: str) -> None:
    step = FRAMEWORKS[framework].tasks["training"](PROBLEMS[problem])
    start = time.perf_counter()
    step()
    step()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    _work(*sys.argv[1:])
