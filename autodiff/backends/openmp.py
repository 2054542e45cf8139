"""Whether OpenMP is used."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether it is there: False; NumPy's linear algebra has threads of its own."""
    return False
