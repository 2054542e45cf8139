"""How many random examples a test tries: a few seconds' worth, or more by an environment variable."""

from __future__ import annotations

import os


def examples(n: int) -> int:
    """Return `n`, multiplied by the environment variable AUTODIFF_FUZZ where that is set."""
    return int(n * float(os.environ.get("AUTODIFF_FUZZ", "1")))
