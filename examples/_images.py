"""Labelled images of handwritten digits, split into a training and a test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from examples._command import require

Pixels = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """
    Images and their labels, kept as small as they come and converted a batch at a time.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, height, width)
        The images; 0 is background.
    labels : ndarray of int64, shape (n,)
        The digit each image shows, 0 to 9.
    full : int
        The pixel value of full ink: 255 for MNIST, 16 for scikit-learn's digits.
    """

    pixels: NDArray[np.uint8]
    labels: Labels
    full: int

    def __len__(self) -> int:
        return len(self.labels)

    def inputs(self, rows: NDArray[np.int64] | slice) -> Pixels:
        """Return some images as the network wants them: flat, float32, between 0 and 1; shape (rows, pixels)."""
        return self._scaled(self.pixels[rows])

    def shifted_inputs(self, rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> Pixels:
        """Return the same, each image moved by at most so many pixels up or down, left or right, at random."""
        pixels = np.pad(self.pixels[rows], ((0, 0), (most, most), (most, most)))
        height, width = self.pixels.shape[1:]
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (height, width), axis=(1, 2))
        top, left = rng.integers(0, 2 * most + 1, (2, len(rows)))
        return self._scaled(windows[np.arange(len(rows)), top, left])

    def first(self, count: int) -> Images:
        """Return the first images alone, for a quick look."""
        return Images(self.pixels[:count], self.labels[:count], self.full)

    def _scaled(self, pixels: NDArray[np.uint8]) -> Pixels:
        scaled: Pixels = pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(self.full)
        return scaled


@dataclass(frozen=True)
class Split:
    """A data set by name, with its training and its test images."""

    name: str
    train: Images
    test: Images

    def quick(self) -> Split:
        """Return a tenth of MNIST: at most 6,000 training and 1,000 test images."""
        return Split(self.name, self.train.first(6000), self.test.first(1000))


def load_digits(seed: int, test_share: float = 0.2) -> Split:
    """
    Load the 1,797 images of 8 x 8 pixels that come with scikit-learn.

    Parameters
    ----------
    seed : int
        Decides which images are set aside for the test.
    test_share : float, default 0.2
        The share of them.

    Returns
    -------
    Split
        1,437 training and 360 test images.

    Raises
    ------
    ExampleError
        If scikit-learn is not installed.
    """
    require("sklearn")
    from sklearn.datasets import load_digits as sklearn_digits

    pixels, labels = sklearn_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    pixels = pixels.reshape(-1, 8, 8).astype(np.uint8)[order]
    labels = labels.astype(np.int64)[order]
    held_out = math.ceil(len(labels) * test_share)
    return Split(
        "scikit-learn digits",
        train=Images(pixels[held_out:], labels[held_out:], full=16),
        test=Images(pixels[:held_out], labels[:held_out], full=16),
    )
