"""The switch of oneDNN, which is not used here."""

from __future__ import annotations

enabled = False


def is_available() -> bool:
    """Tell whether it is there: False."""
    return False
