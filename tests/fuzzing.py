"""How much the random tests try."""

from __future__ import annotations

import os


def examples(n: int) -> int:
    """Return how many examples to try: `n`, times the factor that AUTODIFF_FUZZ gives."""
    return int(n * float(os.environ.get("AUTODIFF_FUZZ", "1")))
