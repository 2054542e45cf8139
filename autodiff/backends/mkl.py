"""Whether Intel's MKL computes: NumPy's own library does."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether it is used on purpose: False."""
    return False
