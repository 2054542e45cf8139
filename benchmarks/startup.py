"""The time that importing the framework takes, beside NumPy's."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

from .timing import side_by_side


def measure(quick: bool) -> dict[str, float]:
    """Return the milliseconds that each import adds to starting Python."""
    statements = {"nothing": "pass", "numpy": "import numpy", "autodiff": "import autodiff"}
    ways = {name: functools.partial(_run, statement) for name, statement in statements.items()}
    seconds = side_by_side(ways, repeats=2 if quick else 21, calls=1)
    return {name: (s - seconds["nothing"]) * 1e3 for name, s in seconds.items() if name != "nothing"}


def _run(statement: str) -> None:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}  # an installed package has its byte code written, too
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
