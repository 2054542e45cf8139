"""Run the speed suite and print what it measured, as ratios to peers in the same run."""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from . import chains, loading, memory, optimizers, scalars, startup, steps
from .frameworks import FRAMEWORKS

#: What is measured, by the names that ``--only`` takes: figures by title, from whether to be quick about it.
PARTS: dict[str, Callable[[bool], Iterable[tuple[str, dict[Any, float]]]]] = {
    "scalars": lambda quick: [("a * b + c and its backward, us", scalars.measure(quick))],
    "startup": lambda quick: [("import, ms", startup.measure(quick))],
    "chains": lambda quick: [("chain of n additions, us per node", chains.measure(quick))],
    "memory": lambda quick: [("peak memory of training at batch 512, MiB", memory.measure(quick))],
    "loading": lambda quick: [("training on 128 MNIST images, and loading them, us", loading.measure(quick))],
    "optimizers": optimizers.measure,
    "steps": lambda quick: [(f"training step {name}, us", row) for name, row in steps.measure(quick).items()],
}


def main() -> None:
    """Measure, print a table, and write the figures as JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs; the figures mean nothing then")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part, not all; may be repeated")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()

    figures = {title: row for part in options.only or PARTS for title, row in PARTS[part](options.quick)}
    for title, rows in figures.items():
        print(title)
        base = next(iter(rows.values()), 1.0)
        for name, value in rows.items():
            print(f"  {name!s:<12}{value:10.3f}   x {value / base:.2f}")
    if missing := [name for name, (_, module) in FRAMEWORKS.items() if not importlib.util.find_spec(module)]:
        print(f"not installed, and so not measured: {', '.join(missing)}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
