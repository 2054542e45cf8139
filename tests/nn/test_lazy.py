"""Layers that learn the size of their input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim

SHAPES = {1: (2, 4, 5), 2: (2, 4, 5, 5), 3: (2, 4, 5, 5, 5)}
LAYERS = [
    (f"{kind}{n}d", args, SHAPES[n])
    for kind, args in (
        ("BatchNorm", ()),
        ("InstanceNorm", (1e-5, 0.1, True)),
        ("Conv", (6, 3)),
        ("ConvTranspose", (6, 3)),
    )
    for n in (1, 2, 3)
]


@pytest.mark.parametrize(("name", "args", "shape"), [("Linear", (6,), (2, 3, 4)), *LAYERS])
def test_a_lazy_layer_becomes_the_layer_that_fits(name: str, args: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    lazy, x = getattr(nn, f"Lazy{name}")(*args), ad.randn(*shape)
    ad.manual_seed(1)
    y = lazy(x)
    ad.manual_seed(1)
    usual = getattr(nn, name)(4, *args)
    assert type(lazy) is getattr(nn, name)
    assert repr(lazy) == repr(usual)
    np.testing.assert_array_equal(y.detach(), usual(x).detach())
    assert all(type(p) is nn.Parameter for p in lazy.parameters())


def test_an_optimizer_made_before_the_first_input_moves_the_parameters() -> None:
    net = nn.Sequential(nn.LazyConv2d(3, 3, groups=1), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    net(ad.randn(4, 2, 5, 5))
    before = net[3].weight.tolist()
    net(ad.randn(4, 2, 5, 5)).pow(2).sum().backward()
    optimizer.step()
    assert net[3].weight.tolist() != before
    assert net[1].running_mean.shape == (3,)


def test_a_state_tells_a_lazy_layer_its_size() -> None:
    usual = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6), nn.Linear(3, 2))
    lazy = nn.Sequential(nn.LazyConv2d(6, 3, groups=2), nn.LazyBatchNorm2d(), nn.LazyLinear(2))
    lazy.load_state_dict(usual.state_dict())
    assert repr(lazy) == repr(usual)
    assert bool((lazy[0].weight == usual[0].weight).all())


def test_what_is_not_known_yet() -> None:
    layer = nn.LazyLinear(2, bias=False)
    assert layer.in_features == 0
    assert layer.has_uninitialized_params()
    assert layer.bias is None
    assert isinstance(layer.weight, nn.UninitializedParameter)
    assert isinstance(layer, nn.Linear)
