"""The steps in plain NumPy, the backward pass derived by hand: what one writes without a framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..problems import Problem


def training(problem: Problem) -> Callable[[], float]:
    """Return a training step, its Adam one array at a time."""
    layers = problem.layers()
    x, y = problem.data()
    adam = Adam([array for layer in layers for array in layer.values()])

    def step() -> float:
        loss, gradients = _differentiated(problem, layers, x, y)
        adam.step(gradients)
        return loss

    return step


class Adam:
    """Adam on plain arrays, which it changes in place."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.arrays = [(a, np.zeros_like(a), np.zeros_like(a)) for a in arrays]
        self.count = 0

    def step(self, gradients: Sequence[Any]) -> None:
        """Update each array by its gradient."""
        self.count += 1
        for (a, m, v), g in zip(self.arrays, gradients, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            scale = np.sqrt(v / (1 - 0.999**self.count)) + 1e-8
            a -= (1e-3 / (1 - 0.9**self.count)) * m / scale


def evaluation(problem: Problem) -> Callable[[], Any]:
    """Return a forward pass; batch normalization uses its running averages, here still 0 and 1."""
    layers = problem.layers()
    averages = [(np.zeros_like(layer["b"]), np.ones_like(layer["b"])) for layer in layers[:-1]]
    x, _ = problem.data()

    def step() -> Any:
        a = x
        for layer, (mean, variance) in zip(layers[:-1], averages, strict=True):
            z = a @ layer["w"].T + layer["b"]
            if problem.batch_norm:
                z = (z - mean) * (layer["scale"] / np.sqrt(variance + 1e-5)) + layer["shift"]
            a = _activation(problem.activation, z)
        return a @ layers[-1]["w"].T + layers[-1]["b"]

    return step


def matrix_products(problem: Problem) -> Callable[[], float]:
    """Return the products of a training step and nothing else: what BLAS alone takes."""
    weights = [w for w, _ in problem.weights()]
    arrays = [problem.data()[0], *(np.ones((problem.batch, len(w)), np.float32) for w in weights)]

    def step() -> float:
        for i, w in enumerate(weights):
            arrays[i] @ w.T
            arrays[i + 1].T @ arrays[i]
            if i:
                arrays[i + 1] @ w
        return float("nan")

    return step


def _differentiated(problem: Problem, layers: list[dict[str, Any]], x: Any, y: Any) -> tuple[float, list[Any]]:
    """Return the loss and the gradients of all parameters, in the order of the layers and their keys."""
    saved = []
    for layer in layers[:-1]:
        z = x @ layer["w"].T + layer["b"]
        if problem.batch_norm:
            off = z - z.mean(0)
            inverse = 1 / np.sqrt((off * off).mean(0) + 1e-5)
            normal = off * inverse
            z = normal * layer["scale"] + layer["shift"]
        else:
            normal = inverse = None
        a = _activation(problem.activation, z)
        saved.append((x, normal, inverse, z, a))
        x = a
    logits = x @ layers[-1]["w"].T + layers[-1]["b"]
    loss, g = _loss(problem.loss, logits, y)
    gradients = [[g.T @ x, g.sum(0)]]
    g = g @ layers[-1]["w"]
    for i, (layer, (below, normal, inverse, z, a)) in enumerate(zip(layers[-2::-1], saved[::-1], strict=True)):
        g = g * _slope(problem.activation, z, a)
        own = []
        if normal is not None:
            own = [(g * normal).sum(0), g.sum(0)]
            g = g * layer["scale"]
            g = (g - g.mean(0) - normal * (g * normal).mean(0)) * inverse
        gradients.append([g.T @ below, g.sum(0), *own])
        if i < len(saved) - 1:
            g = g @ layer["w"]
    return loss, [g for group in gradients[::-1] for g in group]


def _activation(name: str, z: Any) -> Any:
    if name == "tanh":
        return np.tanh(z)
    return 1 / (1 + np.exp(-z)) if name == "sigmoid" else np.maximum(z, 0.01 * z)


def _slope(name: str, z: Any, a: Any) -> Any:
    if name == "tanh":
        return 1 - a * a
    return a * (1 - a) if name == "sigmoid" else np.where(z > 0, np.float32(1), np.float32(0.01))


def _loss(name: str, logits: Any, y: Any) -> tuple[float, Any]:
    """Return the mean loss and its gradient with respect to the logits."""
    n = len(logits)
    if name == "binary":
        p = 1 / (1 + np.exp(-logits))
        loss = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - logits * y
        return float(loss.mean()), (p - y) / np.float32(n)
    off = logits - logits.max(1, keepdims=True)
    p = np.exp(off)
    p /= p.sum(1, keepdims=True)
    rows = np.arange(n)
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return float(loss), p / np.float32(n)
