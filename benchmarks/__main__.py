"""Run the speed suite and print what it measured, as ratios to peers in the same run."""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

from . import chains, memory, optimizers, scalars, startup, steps
from .frameworks import FRAMEWORKS


def main() -> None:
    """Measure, print a table, and write the figures as JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs; the figures mean nothing then")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()

    figures: dict[str, dict[Any, float]] = {}
    figures["a * b + c and its backward, us"] = scalars.measure(options.quick)
    figures["import, ms"] = startup.measure(options.quick)
    figures["chain of n additions, us per node"] = chains.measure(options.quick)
    figures["peak memory of training at batch 512, MiB"] = memory.measure(options.quick)
    figures.update(optimizers.measure(options.quick))
    for problem, row in steps.measure(options.quick).items():
        figures[f"training step {problem}, us"] = row
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
