"""The switches of NVIDIA's cuDNN, which programs set for the sake of GPUs."""

from __future__ import annotations

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """Tell whether cuDNN is there: False."""
    return False


def version() -> int | None:
    """Return its version: None."""
    return None
