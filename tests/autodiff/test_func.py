"""Transformations of functions and checkpoints, beside PyTorch's."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import needs_torch, torch

X, A = [0.3, -0.5, 1.2], np.arange(12.0).reshape(4, 3)


def flat(value: Any) -> list[float]:
    """Return the numbers of nested tuples, lists and dicts of tensors."""
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value)]
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in flat(part)]
    return list(value.detach().reshape(-1).tolist()) if hasattr(value, "detach") else [float(value)]


def model(t: Any) -> Any:
    """Return a small network with fixed weights."""
    lib = nn if t is ad else torch.nn
    net = lib.Sequential(lib.Linear(3, 4), lib.Tanh(), lib.Linear(4, 2))
    for i, p in enumerate(net.parameters()):
        p.data.copy_(t.linspace(-0.5, 0.4 + 0.1 * i, p.numel()).reshape(p.shape))
    return net


def per_sample(t: Any) -> Any:
    net = model(t)

    def loss(params: Any, x: Any, y: Any) -> Any:
        return ((t.func.functional_call(net, params, (x,)) - y) ** 2).mean()

    params = {name: p.detach() for name, p in net.named_parameters()}
    each = t.func.vmap(t.func.grad(loss), in_dims=(None, 0, 0))
    return each(params, t.tensor(A).float(), t.ones(4, 2))


def ensemble(t: Any) -> Any:
    nets = [model(t), model(t)]
    params, buffers = t.func.stack_module_state(nets)

    def call(p: Any, b: Any, x: Any) -> Any:
        return t.func.functional_call(nets[0], (p, b), (x,))

    return t.func.vmap(call, in_dims=(0, 0, None))(params, buffers, t.tensor(A).float())


def outer_weight(t: Any) -> Any:
    w = t.tensor(2.0, requires_grad=True)
    t.func.grad(lambda z: (z * w) ** 2)(t.tensor(3.0)).backward()
    return w.grad


def checkpoints(t: Any) -> Any:
    lib = importlib.import_module(f"{t.__name__}.utils.checkpoint")
    net, x = model(t), t.tensor(A).float().requires_grad_()
    y = lib.checkpoint_sequential(net, 2, x, use_reentrant=False)
    y.sum().backward()
    first = flat([p.grad for p in net.parameters()]) + flat(x.grad)
    a, b = lib.checkpoint(lambda v, k=2: (net(v) * k, v * 2), x, k=3, use_reentrant=False)
    (g,) = t.autograd.grad((a.sum() * b).sum(), x, create_graph=True)
    g.pow(2).sum().backward()
    return first, x.grad


CALLS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda t: t.func.grad(lambda x: x.sin().sum())(t.tensor(X)),
    "grad of grad": lambda t: t.func.grad(lambda x: t.func.grad(lambda y: (y**3).sum())(x).sum())(t.tensor(X)),
    "grad of a dict": lambda t: t.func.grad(lambda p: p["a"] @ p["b"][0])({"a": t.tensor(X), "b": [t.tensor(X)]}),
    "several arguments": lambda t: t.func.grad(lambda x, y: (x * y).sum(), argnums=(0, 1))(t.tensor(X), t.ones(3)),
    "grad_and_value": lambda t: t.func.grad_and_value(lambda x: (x.sum(), x * 2), has_aux=True)(t.tensor(X)),
    "hessian": lambda t: t.func.hessian(lambda x: (x**3).prod())(t.tensor(X)),
    "jacrev": lambda t: t.func.jacrev(lambda x: x.cumsum(0) ** 2)(t.tensor(X)),
    "jacfwd": lambda t: t.func.jacfwd(t.func.jacrev(lambda x: x.exp() * x.sum()))(t.tensor(X)),
    "vjp": lambda t: t.func.vjp(lambda x, y: (x * y, x.sum()), t.tensor(X), t.ones(3))[1]((t.ones(3), t.tensor(2.0))),
    "jvp": lambda t: t.func.jvp(lambda x: x**2, (t.tensor(X),), (t.ones(3),)),
    "linearize": lambda t: t.func.linearize(lambda x: x**2, t.tensor(X))[1](t.ones(3)),
    "vmap": lambda t: t.vmap(lambda a, b: a @ b, in_dims=(0, None))(t.tensor(A), t.tensor(X).double()),
    "vmap of dimensions": lambda t: t.vmap(lambda a: (a, a.sum()), in_dims=1, out_dims=(1, 0))(t.tensor(A)),
    "vmap of vmap": lambda t: t.vmap(t.vmap(t.mul, (None, 0)), (0, None))(t.tensor(X), t.tensor(X)),
    "gradients of samples": per_sample,
    "an ensemble": ensemble,
    "a weight outside": outer_weight,
    "checkpoints": checkpoints,
}


@needs_torch
@pytest.mark.filterwarnings("ignore")  # PyTorch's, of its own parts
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_results_equal_pytorchs(call: Callable[[Any], Any]) -> None:
    # A dozen operations in float32, each of which rounds at 6e-8, in sums of terms of about 10.
    np.testing.assert_allclose(flat(call(ad)), flat(call(torch)), rtol=5e-5, atol=5e-6)


def test_what_comes_beside_a_gradient_has_no_graph() -> None:
    def double(x: ad.Tensor) -> tuple[ad.Tensor, dict[str, ad.Tensor]]:
        return 2 * x, {"x": x}

    x, one = ad.tensor(3.0), ad.tensor(1.0)
    assert not ad.func.grad(double, has_aux=True)(x)[1]["x"].requires_grad
    assert not ad.func.vjp(double, x, has_aux=True)[2]["x"].requires_grad
    assert not ad.func.jvp(double, (x,), (one,), has_aux=True)[2]["x"].requires_grad


def test_a_forward_derivative_has_the_form_of_the_result() -> None:
    p = {"a": ad.tensor([1.0, 3.0])}
    value, slope = ad.func.jvp(lambda p: {"y": [p["a"] ** 2]}, (p,), ({"a": ad.ones(2)},))
    assert (value["y"][0].tolist(), slope["y"][0].tolist()) == ([1.0, 9.0], [2.0, 6.0])


def test_a_checkpoint_forgets_what_was_computed_and_draws_the_same_again() -> None:
    checkpoint = importlib.import_module("autodiff.utils.checkpoint").checkpoint
    calls = []

    def drop(x: ad.Tensor) -> ad.Tensor:
        calls.append(1)
        return nn.functional.dropout(x, 0.5) * x

    x = ad.ones(50, requires_grad=True)
    y = checkpoint(drop, x, use_reentrant=False)
    y.sum().backward()
    assert len(calls) == 2
    np.testing.assert_allclose(x.grad, 2 * y.detach())


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RuntimeError, match="grad: the function must return a tensor of no dimension, got shape"):
        ad.func.grad(lambda x: x * 2)(ad.ones(2))
    with pytest.raises(ValueError, match=r"vmap: expected batches of one size, got \[2, 3\]"):
        ad.vmap(ad.add)(ad.ones(2), ad.ones(3))
    with pytest.raises(RuntimeError, match="randomness must be"):
        ad.vmap(ad.sin, randomness="own")


def test_randomness_is_refused_the_samples_own_or_the_same() -> None:
    x = ad.zeros(4)

    def noisy(x: ad.Tensor) -> ad.Tensor:
        return x + ad.rand(())

    with pytest.raises(RuntimeError, match="drew random numbers"):
        ad.vmap(noisy)(x)
    assert len(set(ad.vmap(noisy, randomness="different")(x).tolist())) == 4
    assert len(set(ad.vmap(noisy, randomness="same")(x).tolist())) == 1


def test_a_tensor_of_no_dimensions_has_none_to_map_over() -> None:
    with pytest.raises(ValueError, match="no dimensions"):
        ad.func.vmap(lambda x: x)(ad.tensor(1.0))
