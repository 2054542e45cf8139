"""Fonts for drawing where the system has none."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

_CONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir prefix="xdg">fontconfig</cachedir></fontconfig>
"""


@contextlib.contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Give the variables with which a process started meanwhile finds a font: the present ones where there are fonts.

    Without any font Graphviz draws every letter as an empty box. matplotlib brings fonts along, and a configuration
    file for fontconfig can point to them.
    """
    fonts = None if has_fonts() else fonts_of_matplotlib()
    if fonts is None:
        yield dict(os.environ)
        return
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "fonts.conf"
        config.write_text(_CONFIG.format(fonts=escape(str(fonts))), encoding="utf-8")
        yield os.environ | {"FONTCONFIG_FILE": str(config)}


def has_fonts() -> bool:
    """Tell whether drawing will find fonts by itself."""
    if not sys.platform.startswith("linux") or "FONTCONFIG_FILE" in os.environ:
        return True  # other systems always have fonts, and who sets the variable has said which
    home = Path(os.path.expanduser("~"))
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    folders = [Path(folder) / "fonts" for folder in (*shared.split(":"), "/usr/share", own) if folder]
    kinds = ("ttf", "otf", "ttc", "pfb")
    return any(True for folder in [*folders, home / ".fonts"] for kind in kinds for _ in folder.rglob(f"*.{kind}"))


def fonts_of_matplotlib() -> Path | None:
    """Return the folder of the fonts that matplotlib carries, without importing it."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return folder if folder.is_dir() else None
