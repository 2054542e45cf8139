"""The script that draws the README's pictures and writes the gallery runs, and what it writes is what is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"


def test_the_gallery_is_written_from_live_code(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "pictures.py", tmp_path],
        env=os.environ | {"PYTHONPATH": str(DOCS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert page == (DOCS / "gallery.md").read_text(encoding="utf-8")
    pictures = set(re.findall(r"!\[.*?\]\((.*?)\)", page))
    played = set(re.findall(r"\((\w+\.html)\)", page))
    dark = {"mnist_dark.png", "xor_dark.png"}  # the README's, where it is read on a dark ground
    assert {path.name for path in tmp_path.iterdir()} == pictures | played | dark | {"gallery.md"}
    for name in played:
        assert (tmp_path / name).read_bytes().startswith(b"<!DOCTYPE html>")
        assert (DOCS / name).is_file()
    for name in pictures | dark:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert (DOCS / name).is_file()
