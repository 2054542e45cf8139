"""A network in which every number is a node of its own, as in micrograd: ReLU, squared error, SGD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import THREADS
from ..problems import Problem

RATE = 1e-3


def autodiff(problem: Problem) -> Callable[[], float]:
    """Return a training step of this framework."""
    import autodiff
    import optim

    return _training(problem, autodiff, optim)


def autodiff_compiled(problem: Problem) -> Callable[[], float]:
    """Return a compiled training step of this framework."""
    import autodiff
    import optim

    return _training(problem, autodiff, optim, autodiff.compile)


def torch(problem: Problem) -> Callable[[], float]:
    """Return a training step of PyTorch."""
    import torch

    torch.set_num_threads(THREADS)
    return _training(problem, torch, torch.optim)


def micrograd(problem: Problem) -> Callable[[], float]:
    """Return a training step of micrograd, updated as its own demonstration does."""
    from micrograd.engine import Value

    layers = _layers(problem, Value)
    params = [number for weights, biases in layers for row in [*weights, biases] for number in row]
    x, y = problem.numbers()

    def step() -> float:
        for p in params:
            p.grad = 0
        loss = _loss(layers, x, y)
        loss.backward()
        for p in params:
            p.data -= RATE * p.grad
        return float(loss.data)

    return step


def _training(
    problem: Problem, library: Any, optim: Any, compiled: Callable[..., Any] = lambda f: f
) -> Callable[[], float]:
    layers = _layers(problem, lambda value: library.tensor(value, requires_grad=True))
    params = [number for weights, biases in layers for row in [*weights, biases] for number in row]
    optimizer = optim.SGD(params, lr=RATE)
    x, y = problem.numbers()

    @compiled
    def update() -> Any:
        optimizer.zero_grad()
        loss = _loss(layers, x, y)
        loss.backward()
        optimizer.step()
        return loss

    return lambda: update().item()  # type: ignore[no-any-return]  # a float in both


def _layers(problem: Problem, number: Callable[[float], Any]) -> list[tuple[list[list[Any]], list[Any]]]:
    """Return the weights (one list for each output) and the biases of each layer."""
    return [
        ([[number(w) for w in row] for row in weight.tolist()], [number(b) for b in bias.tolist()])
        for weight, bias in problem.weights()
    ]


def _loss(layers: list[Any], points: list[list[float]], targets: list[float]) -> Any:
    """Return the mean squared error of the network."""
    total: Any = 0.0
    for point, target in zip(points, targets, strict=True):
        a: list[Any] = point
        for weights, biases in layers:
            last = biases is layers[-1][1]
            a = [_neuron(row, bias, a, last) for row, bias in zip(weights, biases, strict=True)]
        total = total + (a[0] - target) ** 2
    return total * (1 / len(points))


def _neuron(weights: list[Any], bias: Any, inputs: list[Any], linear: bool) -> Any:
    z = sum((w * x for w, x in zip(weights, inputs, strict=True)), bias)
    return z if linear else z.relu()
