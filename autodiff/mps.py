"""What programs ask of Apple's GPUs before they do without: there are none."""

from __future__ import annotations

from .cuda import device_count, empty_cache, is_available, manual_seed, seed, synchronize

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "seed", "synchronize"]
