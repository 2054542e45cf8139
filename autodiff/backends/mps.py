"""Whether Apple's GPUs can be used."""

from __future__ import annotations


def is_available() -> bool:
    """Tell whether one can be used: False.

    Examples
    --------
    >>> ad.backends.mps.is_available()
    False
    """
    return False


def is_built() -> bool:
    """Tell whether this library was built for one: False."""
    return False
