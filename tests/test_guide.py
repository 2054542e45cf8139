"""The programs of the guide run in order and print what it says; what pages show of the code is there."""

from __future__ import annotations

import contextlib
import io
import linecache
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autodiff.compile.machine import is_available

DOCS = Path(__file__).parents[1] / "docs"


def programs(page: str) -> list[tuple[str, str]]:
    """Return the programs of a page, each with what stands under it."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```\n(?:```text\n(.*?)```\n)?", text, flags=re.DOTALL)


PROGRAMS = programs("guide.md")


def output(program: str, names: dict[str, Any]) -> str:
    """Run a program as the file train.py and return what it prints."""
    linecache.cache["train.py"] = len(program), None, program.splitlines(keepends=True), "train.py"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(invalid="ignore"):
        exec(compile(program, "train.py", "exec"), names)
    return printed.getvalue()


def test_the_programs_of_the_guide_print_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for program, expected in PROGRAMS:
        assert output(program, names) == expected, program
    assert (tmp_path / "graph.svg").stat().st_size > 0


def test_the_guide_has_programs_and_shows_an_operation_of_ones_own_in_ten_lines() -> None:
    assert len(PROGRAMS) >= 8
    (own,) = [program for program, _ in PROGRAMS if "def softsign" in program]
    assert len([line for line in own.splitlines() if line.strip()]) <= 10


@pytest.mark.skipif(not is_available(), reason="llvmlite is not installed")
def test_the_programs_of_the_page_on_compiling_print_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for program, expected in programs("compile.md"):
        assert output(program, names) == expected, program
    assert (tmp_path / "compiled.png").stat().st_size > 0


INCLUDED = re.compile(r"\{literalinclude\} (\S+)\n(?::.*\n)*?:pyobject: (\w+)")


def test_what_the_pages_show_of_the_code_is_there() -> None:
    shown = [(page, *found) for page in DOCS.rglob("*.md") for found in INCLUDED.findall(page.read_text())]
    assert shown
    for page, path, name in shown:
        assert re.search(rf"^(def|class) {name}\b", (page.parent / path).read_text(), re.MULTILINE), (page.name, name)
