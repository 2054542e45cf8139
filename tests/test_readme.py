"""The README's program runs as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_readmes_program_learns_xor_and_draws_it(tmp_path: Path) -> None:
    program, *_ = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.S)
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    here = os.environ | {"PYTHONPATH": str(README.parent)}  # this checkout, not whatever copy is installed
    run = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False, env=here
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "[[0], [1], [1], [0]]" in run.stdout
    assert float(run.stdout.split()[1].rstrip(",")) < 0.05
    assert "Linear" in (tmp_path / "xor.svg").read_text(encoding="utf-8")


def test_the_pictures_of_the_readme_exist() -> None:
    pictures = re.findall(r'src(?:set)?="(.*?)"', README.read_text(encoding="utf-8"))
    assert len(pictures) == 6  # each in the light, and for readers in the dark
    assert all((README.parent / picture).is_file() for picture in pictures)
