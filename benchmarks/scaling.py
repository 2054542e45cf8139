"""What more processes gain: messages and steps of one and two, and a model of a thousand.

``python -m benchmarks.scaling`` measures and prints; ``--markdown docs/scaling.md --picture docs/scaling.png`` renews
that page. Messages are modelled by the usual two numbers: the seconds of a message, and of a byte.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import report
from .ranks import NETWORKS, SLOW
from .tables import Table

RANKS = [2**k for k in range(11)]  # 1 to 1,024
CURVES = ("digits", "mnist", "gpt")


class Net(NamedTuple):
    """What messages take between two processes.

    Attributes
    ----------
    latency : float
        Seconds a message.
    byte : float
        Seconds a byte.
    """

    latency: float
    byte: float

    def ring(self, ranks: int, size: float) -> float:
        """Return the seconds of an Allreduce in which each passes parts on to the next, twice around."""
        return 2 * (ranks - 1) * (self.latency + size / ranks * self.byte)

    def tree(self, ranks: int, size: float) -> float:
        """Return the seconds of one that goes up a binary tree and down again."""
        return 2 * math.ceil(math.log2(ranks)) * (self.latency + size * self.byte)

    def all_reduce(self, ranks: int, size: float) -> float:
        """Return the seconds of the better of both: a tree for few bytes, a ring for many."""
        return min(self.ring(ranks, size), self.tree(ranks, size)) if ranks > 1 else 0.0


ASSUMED = {"1 Gbit/s": Net(*SLOW), "10 Gbit/s": Net(25e-6, 8e-10), "200 Gbit/s": Net(2e-6, 4e-11)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, model, print the tables, and write what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that it runs; the figures mean nothing then")
    parser.add_argument("--measured", type=Path, metavar="FILE", help="take the measurements of an earlier run from it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements to this file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="replace the tables in this file")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the model's curves to this file")
    options = parser.parse_args(arguments)
    if options.measured:
        measured = json.loads(options.measured.read_text(encoding="utf-8"))
    else:
        measured = {str(n): _run(n, options.quick) for n in (1, 2)}
    nets = {"measured": fitted(measured["2"]["messages"]), **ASSUMED}
    tables = [messages(measured, nets["measured"]), steps(measured), deciding(measured, nets), overlap(measured)]
    for table in (*tables, curves(measured, nets)):
        print(table.as_text(), end="\n\n")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        text = options.markdown.read_text(encoding="utf-8")
        filled = report.filled(text, [*tables, curves(measured, nets)], options.quick)
        options.markdown.write_text(filled, encoding="utf-8")
    if options.picture:
        draw(measured, nets, options.picture)
    return 0


def _run(ranks: int, quick: bool) -> dict[str, Any]:
    """Return what so many processes of one thread measure."""
    mpiexec = shutil.which("mpiexec") or str(Path(sys.executable).with_name("mpiexec"))
    command = [mpiexec, "-n", str(ranks), sys.executable, "-m", "benchmarks.ranks", *(["--quick"] if quick else [])]
    done = subprocess.run(
        command, env=os.environ | {"BENCHMARK_THREADS": "1"}, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout)  # type: ignore[no-any-return]  # what `benchmarks.ranks` prints


def fitted(times: dict[str, float]) -> Net:
    """Return the two numbers that two processes' times say: of the smallest message, and of the largest."""
    seconds = {int(size): t for size, t in times.items()}
    small, large = min(seconds), max(seconds)
    return Net(seconds[small] / 2, (seconds[large] - seconds[small]) / large)


def affine(step: dict[str, float]) -> tuple[float, float]:
    """Return the seconds of a step without examples, and those that the whole batch adds."""
    fixed = max(2 * step["half"] - step["alone"], 0.0)
    return fixed, step["alone"] - fixed


# -- tables ------------------------------------------------------------------------------------------------------------


def messages(measured: dict[str, Any], net: Net) -> Table:
    """Return the microseconds of an Allreduce by its bytes, beside the model."""
    rows = {
        _bytes(int(size)): {
            "1 process": measured["1"]["messages"][size] * 1e6,
            "2 processes": seconds * 1e6,
            "model": net.all_reduce(2, int(size)) * 1e6,
        }
        for size, seconds in measured["2"]["messages"].items()
    }
    return Table("scaling_messages", "an average over processes", "us", "2 processes", rows)


def _bytes(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024 or unit == "MiB":
            break
        size /= 1024
    return f"{size:.3g} {unit}"


def steps(measured: dict[str, Any]) -> Table:
    """Return the microseconds of steps."""
    one, two = measured["1"]["steps"], measured["2"]["steps"]
    rows = {
        f"{name}, batch {NETWORKS[name]}": {
            "1 process": one[name]["alone"] * 1e6,
            "2, half a batch each": two[name]["strong"] * 1e6,
            "2, a batch each": two[name]["weak"] * 1e6,
        }
        for name in one
    }
    return Table("scaling_steps", "a training step", "us", "1 process", rows)


def deciding(measured: dict[str, Any], nets: dict[str, Net]) -> Table:
    """Return what travels in a step, and how it compares with the arithmetic on 16 ranks."""
    rows = {}
    for name, step in measured["1"]["steps"].items():
        row = {"bytes": step["bytes"], "arithmetic, us": step["alone"] * 1e6}
        row |= {f"{called}, us": net.all_reduce(16, step["bytes"]) * 1e6 for called, net in nets.items()}
        rows[name] = row
    return Table("scaling_bytes", "a step on 16 ranks", "", "", rows)


def overlap(measured: dict[str, Any]) -> Table:
    """Return the microseconds of steps whose messages go over an acted network."""
    rows = {
        name: {way: seconds * 1e6 for way, seconds in times.items()} for name, times in measured["1"]["overlap"].items()
    }
    return Table("scaling_overlap", "a step with an acted network", "us", "after the walk", rows)


def weak(step: dict[str, float], net: Net, ranks: int) -> float:
    """Return the part of a processor's work that is arithmetic, where each rank has a batch of its own."""
    return step["alone"] / (step["alone"] + net.all_reduce(ranks, step["bytes"]))


def strong(step: dict[str, float], net: Net, ranks: int, batches: int = 16) -> float:
    """Return how much faster ranks take a step on a batch, of which each has a share, than one alone."""
    fixed, added = affine(step)
    one = fixed + batches * added
    return one / (fixed + batches * added / ranks + net.all_reduce(ranks, step["bytes"]))


def curves(measured: dict[str, Any], nets: dict[str, Net]) -> Table:
    """Return what the model says of 10, 100 and 1,000 ranks."""
    rows = {
        f"{name}, {called}": {
            **{f"weak, {p} ranks": weak(measured["1"]["steps"][name], net, p) for p in (10, 100, 1000)},
            **{f"strong, {p} ranks": strong(measured["1"]["steps"][name], net, p) for p in (10, 100, 1000)},
        }
        for name in _drawn(measured)
        for called, net in nets.items()
    }
    return Table("scaling_model", "efficiency of weak, and gain of strong scaling", "", "", rows)


def _drawn(measured: dict[str, Any]) -> Iterable[str]:
    return [name for name in CURVES if name in measured["1"]["steps"]]


# -- the picture -------------------------------------------------------------------------------------------------------


def draw(measured: dict[str, Any], nets: dict[str, Net], path: Path) -> None:
    """Draw the measured messages beside the model, and what it says of up to a thousand ranks."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    sizes = [int(size) for size in measured["2"]["messages"]]
    left.loglog(sizes, [t * 1e6 for t in measured["2"]["messages"].values()], "o", color="#1f5fa8", label="measured")
    left.loglog(sizes, [nets["measured"].all_reduce(2, s) * 1e6 for s in sizes], color="#1f5fa8", label="model")
    left.set(title="An average of two processes", xlabel="bytes", ylabel="microseconds")
    left.legend(frameon=False)
    styles = {"10 Gbit/s": "--", "200 Gbit/s": "-"}
    colors = dict(zip(CURVES, ("#1f5fa8", "#c2570c", "#2e7d4f"), strict=True))
    for name in _drawn(measured):
        step = measured["1"]["steps"][name]
        for called, style in styles.items():
            line = {"color": colors[name], "linestyle": style, "label": f"{name}, {called}"}
            middle.semilogx(RANKS, [100 * weak(step, nets[called], p) for p in RANKS], **line)
            right.loglog(RANKS, [strong(step, nets[called], p) for p in RANKS], **line)
    middle.set(title="A batch each: arithmetic's share", xlabel="ranks", ylabel="% of the time", ylim=(0, 103))
    right.loglog(RANKS, RANKS, color="#999999", linewidth=0.8)
    right.set(title="Sixteen batches shared: gain", xlabel="ranks", ylabel="times as fast as one", ylim=(0.5, 1100))
    right.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
