"""How much the random tests try."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

FACTOR = float(os.environ.get("AUTODIFF_FUZZ", "1"))
#: Whether what takes long is tried as well.
IS_LONG = FACTOR > 1


def examples(n: int) -> int:
    """Return how many examples to try: `n`, times the factor that AUTODIFF_FUZZ gives."""
    return int(n * FACTOR)


def some(cases: Sequence[T], n: int) -> list[T]:
    """Return every n-th case; all of them with an AUTODIFF_FUZZ of n."""
    step = max(1, int(n / FACTOR))
    return list(cases[::step])
