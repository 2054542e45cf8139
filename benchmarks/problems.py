"""The steps that are timed: network, data and task, the same numbers for every framework."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """A fully connected network and a batch for it.

    Attributes
    ----------
    sizes : tuple of int
        Features of the input, of each hidden layer, and of the output.
    activation : {"tanh", "sigmoid", "leaky_relu", "relu"}
        After each hidden layer, behind its batch normalization.
    batch : int
        Rows of a batch.
    batch_norm : bool
        Whether hidden layers are normalized.
    loss : {"cross_entropy", "binary"}
        Of ten-or-so classes, or of one logit.
    task : {"training", "evaluation", "scalars", "convolution", "lstm", "gpt"}
        A training step with Adam; the forward pass without a graph; a training step of SGD on the squared error in
        which every number is a node of its own; or a training step of another network, of which `sizes` are the sizes.
    """

    sizes: tuple[int, ...]
    activation: str
    batch: int
    batch_norm: bool = False
    loss: str = "cross_entropy"
    task: str = "training"

    def small(self) -> Problem:
        """Return the same problem with few neurons and rows, to see that it runs."""
        return replace(self, sizes=tuple(min(n, 8) for n in self.sizes), batch=min(self.batch, 8))

    def weights(self) -> list[tuple[Floats, Floats]]:
        """Return (weight, bias) of each layer, of shapes (out, in) and (out,)."""
        rng = np.random.default_rng(0)
        layers = []
        for n, m in pairwise(self.sizes):
            bound = 1 / np.sqrt(n)
            layers.append((_uniform(rng, bound, (m, n)), _uniform(rng, bound, (m,))))
        return layers

    def layers(self) -> list[dict[str, Floats]]:
        """Return the arrays of each layer by name: w and b, and scale and shift where it is normalized."""
        layers = [{"w": w, "b": b} for w, b in self.weights()]
        if self.batch_norm:
            for layer in layers[:-1]:
                layer |= {"scale": np.ones_like(layer["b"]), "shift": np.zeros_like(layer["b"])}
        return layers

    def numbers(self) -> tuple[list[list[float]], list[float]]:
        """Return the inputs of each point, and its target, as Python's numbers."""
        x, y = self.data()
        return x.tolist(), y.ravel().tolist()

    def data(self) -> tuple[Floats, npt.NDArray[Any]]:
        """Return inputs of shape (batch, features), and labels or, for the binary loss, targets of shape (batch, 1)."""
        rng = np.random.default_rng(1)
        x = rng.random((self.batch, self.sizes[0])).astype(np.float32)
        if self.loss == "binary":
            return x, rng.integers(0, 2, (self.batch, 1)).astype(np.float32)
        return x, rng.integers(0, self.sizes[-1], self.batch)


def _uniform(rng: np.random.Generator, bound: float, shape: tuple[int, ...]) -> Floats:
    return rng.uniform(-bound, bound, shape).astype(np.float32)


MNIST = (784, 256, 128, 64, 32, 10)

PROBLEMS = {
    "xor": Problem((2, 8, 1), "tanh", 4, loss="binary"),
    "digits": Problem((64, 80, 70, 10), "sigmoid", 64),
    "mnist": Problem(MNIST, "leaky_relu", 64, batch_norm=True),
    "mnist 512": Problem(MNIST, "leaky_relu", 512, batch_norm=True),
    "deep": Problem((32, *[32] * 20, 10), "tanh", 32),
    "wide": Problem((1024, 2048, 10), "leaky_relu", 128),
    "evaluation": Problem(MNIST, "leaky_relu", 512, batch_norm=True, task="evaluation"),
    "convolution": Problem((28, 8, 16, 10), "relu", 64, task="convolution"),
    "lstm": Problem((28, 64, 10), "tanh", 64, task="lstm"),
    "gpt": Problem((32, 64, 2, 65), "gelu", 16, task="gpt"),
    "scalars": Problem((2, 16, 16, 1), "relu", 8, loss="binary", task="scalars"),
}
