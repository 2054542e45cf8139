"""Run the speed suite: print what it measured beside its peers in the same run, and write it to files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import chains, compiling, loading, memory, optimizers, overhead, report, stages, startup, steps
from .problems import PROBLEMS
from .tables import Table, ratios_as_text

#: What is measured, by the names that ``--only`` takes beside those of problems: tables, from whether to be quick.
PARTS: dict[str, Callable[[bool], Table | list[Table]]] = {
    "overhead": overhead.measure,
    "chains": chains.measure,
    "startup": startup.measure,
    "memory": memory.measure,
    "loading": loading.measure,
    "optimizers": optimizers.measure,
    "compiling": compiling.measure,
    "stages": stages.measure,
    "steps": steps.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the files that were asked for, and return the exit status."""
    options = _options(arguments)
    tables: list[Table] = []
    for part in _measurements(options.only, options.quick):
        for table in part:
            print(table.as_text(), end="\n\n", flush=True)
            tables.append(table)
    for table in tables:
        if table.key == "steps":
            print(f"one step, in short\n{ratios_as_text(table)}\n")
    if missing := report.missing():
        print(f"not installed, and so not measured: {', '.join(missing)}")
    if options.json:
        options.json.write_text(json.dumps(report.as_json(tables, options.quick), indent=2) + "\n", encoding="utf-8")
    if options.markdown:
        text = options.markdown.read_text(encoding="utf-8")
        options.markdown.write_text(report.filled(text, tables, options.quick), encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options, or exit with one line that says what is wrong, before anything is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs; the figures mean nothing then")
    names = [*PARTS, *PROBLEMS]
    text = f"measure this part or this step, not all; may be repeated: {', '.join(names)}"
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=text)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="replace the tables in this file by those measured"
    )
    options = parser.parse_args(arguments)
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.parent}")
    if options.markdown and not options.markdown.is_file():
        parser.error(f"--markdown: there is no file {options.markdown}")
    return options


def _measurements(only: Sequence[str] | None, quick: bool) -> Iterable[list[Table]]:
    """Yield what each part measured, or what was asked for; single problems make one table of steps."""
    names = list(dict.fromkeys(only or PARTS))
    for name in names:
        if name in PARTS:
            measured = PARTS[name](quick)
            yield measured if isinstance(measured, list) else [measured]
    if (problems := [name for name in names if name in PROBLEMS]) and "steps" not in names:
        yield [steps.measure(quick, problems)]


if __name__ == "__main__":
    sys.exit(main())
