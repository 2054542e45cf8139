"""PyTorch's newer questions about GPUs of any kind: there are none."""

from __future__ import annotations

from typing import Any

from .cuda import device_count, is_available, synchronize
from .device import device

__all__ = ["current_accelerator", "device_count", "is_available", "synchronize"]


def current_accelerator(check_available: bool = False) -> device | None:
    """Return the accelerator: None, for there is none.

    Examples
    --------
    >>> ad.accelerator.current_accelerator().type if ad.accelerator.is_available() else "cpu"
    'cpu'
    """
    return None


def current_device_index() -> Any:
    """Refuse: there is no accelerator whose number could be returned."""
    raise RuntimeError("current_device_index: there is no accelerator; everything runs on the CPU")
