"""The speed suite runs, all frameworks come to the same results, and its files hold what they promise; never times."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import THREADS, report, steps
from benchmarks import __main__ as command
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.problems import PROBLEMS
from benchmarks.tables import Table, ratios_as_markdown, ratios_as_text

ROOT = Path(__file__).parents[2]
# All but those that import PyTorch once more, and those with millions of numbers: the suite is there to be run whole.
PARTS = ("steps", "overhead", "chains", "startup", "stages")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the suite as its users do."""
    command_line = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)


def test_a_quick_run_measures_every_installed_framework_and_writes_all_of_it(tmp_path: Path) -> None:
    file, page = tmp_path / "figures.json", tmp_path / "page.md"
    page.write_text("Before\n<!-- table summary -->\n<!-- end -->\nbetween\n<!-- table memory -->\nold\n<!-- end -->\n")
    only = [word for part in PARTS for word in ("--only", part)]
    done = run("--quick", *only, "--json", file, "--markdown", page)
    assert done.returncode == 0, done.stderr

    figures = json.loads(file.read_text(encoding="utf-8"))
    about, tables = figures["about"], figures["tables"]
    assert {"date", "python", "versions", "missing", "threads", "processor", "quick"} <= about.keys()
    assert about["threads"] == THREADS
    assert about["quick"] is True
    assert "numpy" in about["versions"]
    assert set(tables) == {
        "steps", "overhead_recording", "overhead", "scalar_expression", "chains", "startup", "profile",
    }  # fmt: skip
    for table in tables.values():
        assert table.keys() == {"title", "unit", "base", "rows", "ratios"}
        for name, row in table["rows"].items():
            assert all(math.isfinite(value) for value in row.values())
            assert table["ratios"][name][table["base"]] == 1

    assert tables["steps"]["rows"].keys() == set(steps.QUICK)
    for problem, row in tables["steps"]["rows"].items():
        task = PROBLEMS[problem].task
        quick = {name: f for name, f in FRAMEWORKS.items() if not f.is_patient and name not in about["missing"]}
        assert set(row) == {name for name, f in quick.items() if task in f.tasks}
    assert {"NumPy", "autodiff", "added by autodiff"} <= tables["overhead"]["rows"]["mul"].keys()
    assert "both, collector off" in tables["chains"]["rows"]
    assert tables["profile"]["rows"]["xor"].keys() >= {"forward", "backward", "Adam", "matrix products alone"}

    assert "multiples of autodiff" in done.stdout
    for name in about["missing"]:
        assert name in done.stdout
    text = page.read_text(encoding="utf-8")
    assert "| xor |" in text
    assert "old" in text, "a table that was not measured stays"


def test_a_framework_that_computes_something_else_is_found_out() -> None:
    steps._check({"ours": 1.0, "theirs": 1.0005, "none": float("nan")}, "xor")
    with pytest.raises(RuntimeError, match=r"xor: theirs comes to 1\.1 where ours comes to 1\.0"):
        steps._check({"ours": 1.0, "theirs": 1.1}, "xor")


def test_a_process_that_ends_is_named() -> None:
    with steps._workers(["autodiff"]) as workers:
        workers["autodiff"].kill()
        workers["autodiff"].wait()
        with pytest.raises(RuntimeError, match=r"autodiff.*the process ended"):
            steps._answer(workers["autodiff"])


def test_what_is_not_installed_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"jax", "mygrad"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in gone else object())
    assert report.missing() == ["JAX, jit", "MyGrad"]
    assert "JAX, jit" not in steps._entrants("xor")
    assert "HIPS autograd" in steps._entrants("xor")
    assert steps._entrants("scalars") == ["autodiff", "autodiff, compiled", "PyTorch", "micrograd"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "mnits"], "invalid choice: 'mnits'"),
        (["--json", "nowhere/figures.json"], "there is no folder nowhere"),
        (["--markdown", "nowhere.md"], "there is no file nowhere.md"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_single_problems_are_raced_in_one_table_beside_whole_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    raced: list[tuple[bool, list[str]]] = []
    monkeypatch.setattr(steps, "measure", lambda quick, problems: raced.append((quick, problems)) or TABLE)
    monkeypatch.setitem(command.PARTS, "chains", lambda quick: TABLE)
    assert list(command._measurements(["xor", "chains", "deep", "xor"], True)) == [[TABLE], [TABLE]]
    assert raced == [(True, ["xor", "deep"])]


TABLE = Table("steps", "one step", "us", "ours", {"xor": {"ours": 50.0, "theirs": 125.0}, "alone": {"theirs": 3.0}})


def test_a_ratio_tells_how_many_times_ours_a_framework_takes() -> None:
    assert TABLE.ratios() == {"xor": {"ours": 1.0, "theirs": 2.5}}
    assert "    theirs       125   x 2.50" in TABLE.as_text().splitlines()
    assert ratios_as_text(TABLE).splitlines() == ["multiples of ours  theirs", "xor                  2.50"]


def test_tables_in_markdown_have_a_cell_for_every_column() -> None:
    assert TABLE.as_markdown().splitlines() == [
        "| us | ours | theirs |", "| --- | ---: | ---: |", "| xor | 50.0 | 125 (x 2.50) |", "| alone |  | 3.00 |",
    ]  # fmt: skip
    assert ratios_as_markdown(TABLE).splitlines()[-1] == "| xor | 2.50 |"


def test_only_the_places_of_measured_tables_are_filled() -> None:
    text = "a\n<!-- table steps -->\nold\n<!-- end -->\nb\n<!-- table chains -->\nkept\n<!-- end -->\n"
    filled = report.filled(text, [TABLE], quick=True)
    assert filled == text.replace("old", TABLE.as_markdown())
    assert report.filled(filled, [TABLE], quick=True) == filled


def test_the_page_on_performance_has_a_place_for_every_table() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for key in (
        "about", "summary", "steps", "overhead_recording", "overhead", "scalar_expression", "chains", "startup",
        "memory", "loading", "optimizers", "throughput", "profile",
    ):  # fmt: skip
        assert page.count(f"<!-- table {key} -->\n") == 1, key
