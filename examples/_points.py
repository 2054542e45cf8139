"""Random points of three features and two classes, as the seminar drew them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]

SCALES = (1.0, 10.0, 1000.0)  # the features lie between minus and plus these


def make_points(count: int, seed: int) -> tuple[Rows, Labels]:
    """
    Return random points and their classes, the same for the same seed.

    The class is decided by u₁ + u₂ + 1.2·u₃ + u₁·u₂/2 > 0, where each u lies evenly between -1 and 1; but what the
    network gets is xᵢ = uᵢ·`SCALES`ᵢ, as if one feature were given in kilometres and another in metres.

    Parameters
    ----------
    count, seed : int
        How many points, and which.

    Returns
    -------
    points : ndarray of float32, shape (count, 3)
    classes : ndarray of int64, shape (count,)
    """
    u = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    classes = (u[:, 0] + u[:, 1] + 1.2 * u[:, 2] + u[:, 0] * u[:, 1] / 2 > 0).astype(np.int64)
    return (u * SCALES).astype(np.float32), classes
