"""Whether Intel's GPUs can be used."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether one can be used: False."""
    return False


def device_count() -> int:
    """Return the number of them: 0."""
    return 0
