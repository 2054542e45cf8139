"""The proof: networks trained here and in PyTorch, from the same weights on the same batches, stay the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from tests.oracle import Array, needs_torch, theirs, torch

Batch = tuple[Array, Array]
SIZES = (784, 256, 128, 64, 32, 10)
BATCHES, ROWS = 100, 64


def digit_network(layers: Any) -> Any:
    """Return 784-256-128-64-32-10 with batch normalization and LeakyReLU, from `nn` or `torch.nn`."""
    parts: list[Any] = []
    for n_in, n_out in pairwise(SIZES[:-1]):
        parts += [layers.Linear(n_in, n_out), layers.BatchNorm1d(n_out), layers.LeakyReLU()]
    return layers.Sequential(*parts, layers.Linear(SIZES[-2], SIZES[-1]))


@cache
def images() -> list[Batch]:
    """Return batches of MNIST's images and labels where MNIST_DIR names their folder, of random ones otherwise."""
    rng = np.random.default_rng(0)
    if os.environ.get("MNIST_DIR"):
        mnist = pytest.importorskip("examples._mnist").load_mnist().train
        rows = rng.permutation(len(mnist))[: BATCHES * ROWS].reshape(BATCHES, ROWS)
        return [(mnist.pixels[chosen].reshape(ROWS, -1) / 255.0, mnist.labels[chosen]) for chosen in rows]
    return [(rng.random((ROWS, SIZES[0])), rng.integers(0, SIZES[-1], ROWS)) for _ in range(BATCHES)]


def twins(make: Callable[[Any], Any], dtype: Any, seed: int = 0) -> tuple[Any, Any]:
    """Return a network of each library, with the same weights."""
    ad.manual_seed(seed)
    mine, other = make(nn).to(dtype), make(torch.nn).to(getattr(torch, np.dtype(dtype).name))
    other.load_state_dict({name: theirs(value.data.numpy()) for name, value in mine.state_dict().items()})
    return mine, other


def train(net: Any, loss: Any, rule: Any, batches: Iterable[Batch], convert: Callable[[Array], Any]) -> list[float]:
    """Train on the batches, a step each, and return the loss before every step."""
    losses = []
    for inputs, targets in batches:
        rule.zero_grad()
        value = loss(net(convert(inputs)), convert(targets))
        value.backward()
        rule.step()
        losses.append(value.item())
    return losses


def assert_same_state(mine: Any, other: Any, atol: float, loose: Callable[[str], bool] = lambda name: False) -> None:
    """Compare the parameters and buffers of the two networks; those that are `loose` only to 20 times `atol`."""
    expected = other.state_dict()
    assert list(mine.state_dict()) == list(expected)
    for name, value in mine.state_dict().items():
        bound = 20 * atol if loose(name) else atol
        np.testing.assert_allclose(value.data.numpy(), expected[name].numpy(), rtol=0, atol=bound, err_msg=name)


@needs_torch
def test_the_digit_network_trains_like_pytorchs_in_float64() -> None:
    """The tolerances are what the framework promises; rounding alone gives 1e-15 and 4e-11 on random images.

    Adam divides by the root of a running mean square, so a gradient that is 0 but for rounding moves its parameter:
    the biases before a batch normalization, which has no use for them, differ most.
    """
    mine, other = twins(digit_network, np.float64)
    losses = train(mine, nn.CrossEntropyLoss(), optim.Adam(mine.parameters(), lr=1e-3), images(), ad.tensor)
    expected = train(
        other, torch.nn.CrossEntropyLoss(), torch.optim.Adam(other.parameters(), lr=1e-3), images(), torch.tensor
    )
    assert len(losses) == BATCHES
    np.testing.assert_allclose(losses, expected, rtol=1e-9, atol=0)
    assert_same_state(mine, other, atol=1e-8)
    inputs, _ = images()[0]
    np.testing.assert_allclose(
        mine.eval()(ad.tensor(inputs)).detach().data.numpy(),
        other.eval()(torch.tensor(inputs)).detach().numpy(),
        rtol=0,
        atol=1e-8,  # the biases that differ most are taken out again by the running means, which follow them
    )


@needs_torch
def test_the_digit_network_trains_like_pytorchs_in_float32() -> None:
    """In float32 a rounding error of 6e-8 grows with every step: the bounds are for 10 steps of 1e-3.

    A loss is the mean of sums over hundreds of products: it rounds by 1e-6 or so. Where a gradient is 0 but for
    rounding, Adam still moves by up to 1e-3 a step, in either direction. That is so for every bias before a batch
    normalization, which takes out what the bias adds: after 10 steps two of them, and the running means that follow
    them, are at most 2e-2 apart. Of other parameters it takes a rare element, in a rare step: 1e-3.
    """
    batches = [(inputs.astype(np.float32), targets) for inputs, targets in images()[:10]]
    mine, other = twins(digit_network, np.float32)
    losses = train(mine, nn.CrossEntropyLoss(), optim.Adam(mine.parameters(), lr=1e-3), batches, ad.tensor)
    expected = train(
        other, torch.nn.CrossEntropyLoss(), torch.optim.Adam(other.parameters(), lr=1e-3), batches, torch.tensor
    )
    assert {p.dtype for p in mine.parameters()} == {np.dtype(np.float32)}
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=0)
    unused = [name for name, _ in mine.named_parameters() if name.endswith(".bias")][:-1:2]
    assert_same_state(mine, other, 1e-3, lambda name: name in unused or name.endswith("running_mean"))


XOR = (np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([[0.0], [1.0], [1.0], [0.0]]))


def xor_network(layers: Any) -> Any:
    """Return 2-8-1 with tanh, from `nn` or `torch.nn`."""
    return layers.Sequential(layers.Linear(2, 8), layers.Tanh(), layers.Linear(8, 1))


@needs_torch
@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}], ids=str)
@pytest.mark.parametrize("loss", ["MSELoss", "BCEWithLogitsLoss"])
def test_a_small_network_follows_pytorchs_loss_curve_with_sgd(loss: str, options: dict[str, Any]) -> None:
    mine, other = twins(xor_network, np.float64)
    losses = train(mine, getattr(nn, loss)(), optim.SGD(mine.parameters(), lr=0.1, **options), [XOR] * 300, ad.tensor)
    expected = train(
        other,
        getattr(torch.nn, loss)(),
        torch.optim.SGD(other.parameters(), lr=0.1, **options),
        [XOR] * 300,
        torch.tensor,
    )
    # 300 steps of numbers of about 1, each rounded to 1e-16 of them, on a smooth loss; the loss falls to 1e-14.
    np.testing.assert_allclose(losses, expected, rtol=1e-10, atol=1e-14)
    assert_same_state(mine, other, atol=1e-10)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_network_learns_exclusive_or(seed: int) -> None:
    ad.manual_seed(seed)
    net = xor_network(nn).double()
    train(net, nn.BCEWithLogitsLoss(), optim.Adam(net.parameters(), lr=0.05), [XOR] * 300, ad.tensor)
    assert (net(ad.tensor(XOR[0])).data.numpy() > 0).tolist() == (XOR[1] > 0.5).tolist()


def test_a_run_is_repeated_by_its_seed() -> None:
    def run(seed: int) -> list[float]:
        ad.manual_seed(seed)
        net = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.SiLU(), nn.Linear(5, 2))
        rule = optim.Adam(net.parameters(), lr=0.01)
        data = ((ad.randn(8, 3).data.numpy(), ad.randint(0, 2, (8,)).data.numpy()) for _ in range(20))
        return train(net, nn.CrossEntropyLoss(), rule, data, ad.tensor)

    assert run(3) == run(3)
    assert run(3) != run(4)
