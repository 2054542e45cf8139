"""Small files in the IDX format of MNIST."""

from __future__ import annotations

import struct

import numpy as np


def idx_images(count: int, seed: int = 0) -> bytes:
    """Return a valid IDX file of random images."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return struct.pack(">4I", 0x803, count, 28, 28) + pixels.tobytes()


def idx_labels(count: int) -> bytes:
    """Return a valid IDX file of the labels 0, 1, ..., 9, 0, ..."""
    return struct.pack(">2I", 0x801, count) + (np.arange(count, dtype=np.uint8) % 10).tobytes()
