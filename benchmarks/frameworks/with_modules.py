"""The steps of frameworks with modules and optimizers: this one and PyTorch, by the same lines."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from .. import THREADS
from ..problems import Problem


def autodiff_training(problem: Problem) -> Callable[[], float]:
    """Return a training step of this framework, with Adam."""
    import autodiff
    import nn
    import optim

    return _training(problem, autodiff, nn, optim)


def autodiff_compiled(problem: Problem) -> Callable[[], float]:
    """Return a compiled training step of this framework, with Adam."""
    import autodiff
    import nn
    import optim

    return _training(problem, autodiff, nn, optim, autodiff.compile)


def autodiff_evaluation_compiled(problem: Problem) -> Callable[[], Any]:
    """Return a compiled forward pass of this framework without a graph."""
    import autodiff
    import nn

    return _evaluation(problem, autodiff, nn, autodiff.compile)


def autodiff_evaluation(problem: Problem) -> Callable[[], Any]:
    """Return a forward pass of this framework without a graph."""
    import autodiff
    import nn

    return _evaluation(problem, autodiff, nn)


def torch_training(problem: Problem, **adam: Any) -> Callable[[], float]:
    """Return a training step of PyTorch, with Adam in its default implementation."""
    import torch

    torch.set_num_threads(THREADS)
    return _training(problem, torch, torch.nn, torch.optim, **adam)


def torch_training_fused(problem: Problem) -> Callable[[], float]:
    """Return a training step of PyTorch with its fused Adam."""
    return torch_training(problem, fused=True)


def torch_training_compiled(problem: Problem) -> Callable[[], float]:
    """Return a training step of PyTorch with its model compiled, and its fused Adam."""
    import torch

    return torch_training(problem, model_by=torch.compile, fused=True)


def torch_evaluation_compiled(problem: Problem) -> Callable[[], Any]:
    """Return a forward pass of PyTorch without a graph, compiled."""
    import torch

    torch.set_num_threads(THREADS)
    return _evaluation(problem, torch, torch.nn, torch.compile)


def torch_evaluation(problem: Problem) -> Callable[[], Any]:
    """Return a forward pass of PyTorch without a graph."""
    import torch

    torch.set_num_threads(THREADS)
    return _evaluation(problem, torch, torch.nn)


def _training(
    problem: Problem,
    library: Any,
    nn: Any,
    optim: Any,
    compiled: Callable[..., Any] = lambda f: f,
    model_by: Callable[..., Any] = lambda model: model,
    **adam: Any,
) -> Callable[[], float]:
    model = model_by(model_of(problem, library, nn))
    criterion = nn.BCEWithLogitsLoss() if problem.loss == "binary" else nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-3, **adam)
    x, y = map(library.tensor, problem.data())

    @compiled
    def update(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return lambda: update(x, y).item()  # type: ignore[no-any-return]  # a float in both


def _evaluation(
    problem: Problem, library: Any, nn: Any, compiled: Callable[..., Any] = lambda f: f
) -> Callable[[], Any]:
    model = model_of(problem, library, nn).eval()
    x = library.tensor(problem.data()[0])

    @compiled
    def forward(x: Any) -> Any:
        with library.no_grad():
            return model(x)

    return lambda: forward(x).numpy()


def model_of(problem: Problem, library: Any, nn: Any) -> Any:
    """Return the problem's network with the problem's weights."""
    activation = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "leaky_relu": nn.LeakyReLU}[problem.activation]
    modules = []
    for n, m in pairwise(problem.sizes[:-1]):
        modules += [nn.Linear(n, m), *([nn.BatchNorm1d(m)] if problem.batch_norm else []), activation()]
    model = nn.Sequential(*modules, nn.Linear(*problem.sizes[-2:]))
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    with library.no_grad():
        for layer, (weight, bias) in zip(layers, problem.weights(), strict=True):
            layer.weight.copy_(library.tensor(weight))
            layer.bias.copy_(library.tensor(bias))
    return model
