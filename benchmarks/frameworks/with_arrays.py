"""The steps of frameworks that differentiate NumPy's functions and leave the optimizer to their users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..problems import Problem
from .with_numpy import Adam


def autograd(problem: Problem) -> Callable[[], float]:
    """Return a training step of HIPS autograd, with Adam on plain arrays."""
    import autograd as ag
    import autograd.numpy as anp

    activations = {
        "tanh": anp.tanh,
        "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
        "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    }
    activation = activations[problem.activation]
    x, y = problem.data()
    rows = np.arange(len(x))

    def loss_of(layers: Any) -> Any:
        a = x
        for layer in layers[:-1]:
            z = anp.dot(a, layer["w"].T) + layer["b"]
            if problem.batch_norm:
                off = z - anp.mean(z, axis=0)
                z = off / anp.sqrt(anp.mean(off * off, axis=0) + 1e-5) * layer["scale"] + layer["shift"]
            a = activation(z)
        logits = anp.dot(a, layers[-1]["w"].T) + layers[-1]["b"]
        if problem.loss == "binary":
            return anp.mean(anp.logaddexp(np.float32(0), logits) - logits * y)
        off = logits - anp.max(logits, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(off), axis=1)) - off[rows, y])

    layers = problem.layers()
    adam = Adam([array for layer in layers for array in layer.values()])
    differentiated = ag.value_and_grad(loss_of)

    def step() -> float:
        loss, gradients = differentiated(layers)
        adam.step([g for layer in gradients for g in layer.values()])
        return float(loss)

    return step


def mygrad(problem: Problem) -> Callable[[], float]:
    """Return a training step of MyGrad, with Adam on plain arrays."""
    import mygrad as mg
    from mygrad import nnet

    mg.turn_memory_guarding_off()  # it guards arrays against changes at a cost that its manual says to switch off
    activations = {
        "tanh": mg.tanh,
        "sigmoid": nnet.activations.sigmoid,
        "leaky_relu": lambda z: nnet.activations.leaky_relu(z, 0.01),
    }
    activation = activations[problem.activation]
    layers = [{key: mg.tensor(array) for key, array in layer.items()} for layer in problem.layers()]
    params = [tensor for layer in layers for tensor in layer.values()]
    adam = Adam([p.data for p in params])
    x, y = problem.data()

    def step() -> float:
        a = x
        for layer in layers[:-1]:
            z = mg.matmul(a, layer["w"].T) + layer["b"]
            if problem.batch_norm:
                z = nnet.layers.batchnorm(z, gamma=layer["scale"], beta=layer["shift"], eps=1e-5)
            a = activation(z)
        logits = mg.matmul(a, layers[-1]["w"].T) + layers[-1]["b"]
        if problem.loss == "binary":
            loss = mg.mean(mg.logaddexp(np.float32(0), logits) - logits * y)
        else:
            loss = nnet.losses.softmax_crossentropy(logits, y)
        loss.backward()
        adam.step([p.grad for p in params])
        return float(loss)

    return step
