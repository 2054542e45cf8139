"""The cost of loading a batch of 128 MNIST images, beside the training step on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import autodiff as ad

from .frameworks import with_modules
from .problems import MNIST, Problem
from .tables import Table
from .timing import side_by_side

BATCH = 128


def measure(quick: bool) -> Table:
    """Return the microseconds of a training step, and those of loading its batch, in order and shuffled.

    Loading is gathering the bytes of the images and of their labels, and making floats from 0 to 1 of the bytes. The
    images are MNIST's from the folder that ``MNIST_DIR`` names, or else random bytes in their number and shape.
    """
    dataset = ad.data.TensorDataset(*_images())
    ways: dict[str, Any] = {
        "training step": with_modules.autodiff_training(Problem(MNIST, "leaky_relu", BATCH, batch_norm=True)),
        "loading in order": _batches(dataset, shuffle=False).__next__,
        "loading shuffled": _batches(dataset, shuffle=True).__next__,
    }
    seconds = side_by_side(ways, repeats=3 if quick else 41, calls=2 if quick else 20)
    row = {name: s * 1e6 for name, s in seconds.items()}
    return Table("loading", "a batch of MNIST", "us", "training step", {f"{BATCH} images": row})


def _images() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the bytes of 60,000 images and their labels."""
    if "MNIST_DIR" in os.environ:
        from examples._mnist import load_mnist

        train = load_mnist().train
        return train.pixels, train.labels
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60_000, 28, 28), np.uint8), rng.integers(0, 10, 60_000)


def _batches(dataset: ad.data.TensorDataset, shuffle: bool) -> Iterator[Any]:
    """Yield batches for ever, epoch after epoch."""
    loader = ad.data.DataLoader(dataset, BATCH, shuffle=shuffle, transform=_floats)
    while True:
        yield from loader


def _floats(images: ad.Tensor, labels: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
    return images.reshape(len(images), -1).float() / 255, labels
