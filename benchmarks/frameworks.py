"""One training step of a problem, written for each framework; each is imported where it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .problems import Problem

Step = Callable[[], float]


def autodiff(problem: Problem) -> Step:
    """Return a step of this framework, with Adam."""
    import autodiff as ad
    import nn
    import optim

    activation = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "leaky_relu": nn.LeakyReLU}[problem.activation]
    model = nn.Sequential(*_modules(problem, nn.Linear, nn.BatchNorm1d, activation))
    _load(model, problem, lambda p, value: p.copy_(value), ad.no_grad)
    criterion = nn.BCEWithLogitsLoss() if problem.loss == "binary" else nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, y = map(ad.tensor, problem.data())
    return _loop(optimizer, lambda: criterion(model(x), y))


def torch(problem: Problem, **adam: Any) -> Step:
    """Return a step of PyTorch, with Adam in its default implementation."""
    import torch as pt
    from torch import nn

    pt.set_num_threads(2)
    activation = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "leaky_relu": nn.LeakyReLU}[problem.activation]
    model = nn.Sequential(*_modules(problem, nn.Linear, nn.BatchNorm1d, activation))
    _load(model, problem, lambda p, value: p.copy_(pt.from_numpy(value)), pt.no_grad)
    criterion = nn.BCEWithLogitsLoss() if problem.loss == "binary" else nn.CrossEntropyLoss()
    optimizer = pt.optim.Adam(model.parameters(), lr=1e-3, **adam)
    x, y = map(pt.from_numpy, problem.data())
    return _loop(optimizer, lambda: criterion(model(x), y))


def torch_fused(problem: Problem) -> Step:
    """Return a step of PyTorch with its fused Adam."""
    return torch(problem, fused=True)


def _modules(problem: Problem, linear: Any, batch_norm: Any, activation: Any) -> list[Any]:
    modules = []
    for n, m in zip(problem.sizes, problem.sizes[1:], strict=False):
        modules += [linear(n, m), *([batch_norm(m)] if problem.batch_norm else []), activation()]
    last = -3 if problem.batch_norm else -2
    return [*modules[:last], modules[last]]


def _load(model: Any, problem: Problem, write: Any, no_grad: Any) -> None:
    """Give a model the problem's weights."""
    layers = [layer for layer in model if hasattr(layer, "in_features")]
    with no_grad():
        for layer, (weight, bias) in zip(layers, problem.weights(), strict=True):
            write(layer.weight, weight)
            write(layer.bias, bias)


def _loop(optimizer: Any, loss_of: Callable[[], Any]) -> Step:
    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.item()  # type: ignore[no-any-return]  # a float in both frameworks

    return step


def by_hand(problem: Problem) -> Step:
    """Return a step in plain NumPy, its backward pass derived by hand and its Adam one array at a time."""
    layers = [{"w": w, "b": b} for w, b in problem.weights()]
    if problem.batch_norm:
        for layer in layers[:-1]:
            layer |= {"scale": np.ones_like(layer["b"]), "shift": np.zeros_like(layer["b"])}
    x, y = problem.data()
    params = [(layer, key) for layer in layers for key in layer]
    moments = [(np.zeros_like(layer[key]), np.zeros_like(layer[key])) for layer, key in params]
    count = 0

    def step() -> float:
        nonlocal count
        count += 1
        loss, gradients = _by_hand_gradients(problem, layers, x, y)
        for (layer, key), (m, v), g in zip(params, moments, gradients, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            scale = np.sqrt(v / (1 - 0.999**count)) + 1e-8
            layer[key] -= (1e-3 / (1 - 0.9**count)) * m / scale
        return loss

    return step


def _by_hand_gradients(problem: Problem, layers: list[dict[str, Any]], x: Any, y: Any) -> tuple[float, list[Any]]:
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


def jax(problem: Problem) -> Step:
    """Return a step of JAX, compiled by jit, with Adam."""
    import jax as jx
    import jax.numpy as jnp

    params = [{"w": w, "b": b} for w, b in problem.weights()]
    if problem.batch_norm:
        for layer in params[:-1]:
            layer |= {"scale": np.ones_like(layer["b"]), "shift": np.zeros_like(layer["b"])}
    activation = {"tanh": jnp.tanh, "sigmoid": jx.nn.sigmoid, "leaky_relu": lambda z: jx.nn.leaky_relu(z, 0.01)}
    x, y = problem.data()

    def loss_of(params: Any) -> Any:
        a = x
        for layer in params[:-1]:
            z = a @ layer["w"].T + layer["b"]
            if problem.batch_norm:
                z = (z - z.mean(0)) / jnp.sqrt(z.var(0) + 1e-5) * layer["scale"] + layer["shift"]
            a = activation[problem.activation](z)
        logits = a @ params[-1]["w"].T + params[-1]["b"]
        if problem.loss == "binary":
            return (jx.nn.softplus(logits) - logits * y).mean()
        return -jnp.take_along_axis(jx.nn.log_softmax(logits), y[:, None], 1).mean()

    @jx.jit
    def update(params: Any, m: Any, v: Any, t: Any) -> Any:
        loss, g = jx.value_and_grad(loss_of)(params)
        m = jx.tree.map(lambda m, g: m + 0.1 * (g - m), m, g)
        v = jx.tree.map(lambda v, g: v + 0.001 * (g * g - v), v, g)
        rate = 1e-3 / (1 - 0.9**t)
        params = jx.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), params, m, v)
        return loss, params, m, v

    zeros = jx.tree.map(jnp.zeros_like, params)
    state = [jx.tree.map(jnp.asarray, params), zeros, zeros]
    count = 0

    def step() -> float:
        nonlocal count
        count += 1
        loss, *state[:] = update(*state, float(count))
        return float(loss)

    return step


#: Every framework by the name that the tables show, with the module that it needs.
FRAMEWORKS: dict[str, tuple[Callable[[Problem], Step], str]] = {
    "autodiff": (autodiff, "autodiff"),
    "NumPy by hand": (by_hand, "numpy"),
    "PyTorch": (torch, "torch"),
    "PyTorch, fused Adam": (torch_fused, "torch"),
    "JAX, jit": (jax, "jax"),
}
