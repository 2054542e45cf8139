<<<<<<< HEAD
"""How much the random tests try."""
=======
"""How many random examples a test tries: a few seconds' worth, or more by an environment variable."""

from __future__ import annotations
>>>>>>> wA

import os


def examples(n: int) -> int:
<<<<<<< HEAD
    """Return how many examples to try: `n`, times the factor that AUTODIFF_FUZZ gives."""
=======
    """Return `n`, multiplied by the environment variable AUTODIFF_FUZZ where that is set."""
>>>>>>> wA
    return int(n * float(os.environ.get("AUTODIFF_FUZZ", "1")))
