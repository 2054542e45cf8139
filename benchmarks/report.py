"""What is written to files: the figures with all that they depend on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import THREADS
from .frameworks import FRAMEWORKS
from .tables import Table, ratios_as_markdown


def missing() -> list[str]:
    """Return the names of the frameworks that are not installed."""
    return [name for name, framework in FRAMEWORKS.items() if not framework.is_installed()]


def about(quick: bool) -> dict[str, Any]:
    """Return what the figures depend on: when, where, with which versions and how many threads."""
    packages = dict.fromkeys(f.package for f in FRAMEWORKS.values() if f.package != "autodiff" and f.is_installed())
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        "versions": {package: importlib.metadata.version(package) for package in packages},
        "missing": missing(),
        "threads": THREADS,
        "processors": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(terse=True),
        "quick": quick,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.*)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def as_json(tables: Sequence[Table], quick: bool) -> dict[str, Any]:
    """Return all figures and their ratios by the tables' keys, rows and columns."""
    return {
        "about": about(quick),
        "tables": {
            table.key: {
                "title": table.title,
                "unit": table.unit,
                "base": table.base,
                "rows": table.rows,
                "ratios": table.ratios(),
            }
            for table in tables
        },
    }


def filled(text: str, tables: Sequence[Table], quick: bool) -> str:
    """Return a Markdown text with its tables replaced by these.

    A place for a table lies between the lines ``<!-- table KEY -->`` and ``<!-- end -->``; "summary" stands for the
    ratios of the steps, "about" for what the figures depend on. A place whose table was not measured stays as it is.
    """
    blocks = {"about": _sentence(about(quick))}
    for table in tables:
        blocks[table.key] = table.as_markdown()
        if table.key == "steps":
            blocks["summary"] = ratios_as_markdown(table)

    def replaced(match: re.Match[str]) -> str:
        key = match[1]
        return f"<!-- table {key} -->\n{blocks[key]}\n<!-- end -->" if key in blocks else match[0]

    return re.sub(r"<!-- table (\w+) -->\n.*?<!-- end -->", replaced, text, flags=re.DOTALL)


def _sentence(facts: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
    text = (
        f"Measured {facts['date'].replace('T', ' ')} on {facts['processor']} with {facts['processors']} processors, "
        f"threads: {facts['threads']}, Python {facts['python']}, {versions}."
    )
    return f"{text} (A quick run: these figures mean nothing.)" if facts["quick"] else text
