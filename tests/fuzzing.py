"""How much the random tests try."""

import os


def examples(n: int) -> int:
    """Return how many examples to try: `n`, times the factor that AUTODIFF_FUZZ gives."""
    return int(n * float(os.environ.get("AUTODIFF_FUZZ", "1")))
