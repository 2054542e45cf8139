"""The time that importing the framework takes, beside NumPy's."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

from .tables import Table
from .timing import side_by_side


def measure(quick: bool) -> Table:
    """Return the milliseconds that each import adds to starting Python."""
    statements = {"nothing": "pass", "NumPy": "import numpy", "autodiff": "import autodiff"}
    ways = {name: functools.partial(_run, statement) for name, statement in statements.items()}
    seconds = side_by_side(ways, repeats=2 if quick else 21, calls=1)
    row = {name: (s - seconds["nothing"]) * 1e3 for name, s in seconds.items() if name != "nothing"}
    return Table("startup", "what an import adds to starting Python", "ms", "NumPy", {"import": row})


def _run(statement: str) -> None:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}  # an installed package has its byte code written, too
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
