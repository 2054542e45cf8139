"""The steps of JAX, each compiled as a whole by jit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..problems import Problem


def training(problem: Problem) -> Callable[[], float]:
    """Return a training step, with Adam."""
    import jax
    import jax.numpy as jnp

    x, y = problem.data()
    network = _network(problem)

    def loss_of(layers: Any) -> Any:
        logits = network(layers, x, None)
        if problem.loss == "binary":
            return (jax.nn.softplus(logits) - logits * y).mean()
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()

    @jax.jit
    def update(params: Any, m: Any, v: Any, t: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(params)
        m = jax.tree.map(lambda m, g: m + 0.1 * (g - m), m, g)
        v = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), v, g)
        rate = 1e-3 / (1 - 0.9**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), params, m, v)
        return loss, params, m, v

    layers = problem.layers()
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = [jax.tree.map(jnp.asarray, layers), zeros, zeros]
    count = 0

    def step() -> float:
        nonlocal count
        count += 1
        loss, *state[:] = update(*state, float(count))
        return float(loss)

    return step


def evaluation(problem: Problem) -> Callable[[], Any]:
    """Return a forward pass; batch normalization uses its running averages, here still 0 and 1."""
    import jax
    import jax.numpy as jnp

    network = jax.jit(_network(problem))
    layers = jax.tree.map(jnp.asarray, problem.layers())
    averages = [(jnp.zeros_like(layer["b"]), jnp.ones_like(layer["b"])) for layer in layers[:-1]]
    x = jnp.asarray(problem.data()[0])
    return lambda: np.asarray(network(layers, x, averages))


def _network(problem: Problem) -> Callable[[Any, Any, Any], Any]:
    """Return the logits as a function of layers, input, and running averages; None: normalize by the batch's own."""
    import jax
    import jax.numpy as jnp

    activations = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "leaky_relu": lambda z: jax.nn.leaky_relu(z, 0.01)}
    activation = activations[problem.activation]

    def network(layers: Any, a: Any, averages: Any) -> Any:
        for i, layer in enumerate(layers[:-1]):
            z = a @ layer["w"].T + layer["b"]
            if problem.batch_norm:
                mean, variance = (z.mean(0), z.var(0)) if averages is None else averages[i]
                z = (z - mean) / jnp.sqrt(variance + 1e-5) * layer["scale"] + layer["shift"]
            a = activation(z)
        return a @ layers[-1]["w"].T + layers[-1]["b"]

    return network
