"""Sequential: index, slice, names, order of application."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

import autodiff as ad
import nn
from tests.oracle import needs_torch, torch


def three() -> nn.Sequential:
    """Return three layers in a row."""
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def test_the_modules_are_applied_in_order() -> None:
    net = three()
    x = ad.randn(5, 2)
    assert net(x).tolist() == net[2](net[1](net[0](x))).tolist()


def test_empty_it_returns_its_input() -> None:
    x = ad.ones(2)
    assert nn.Sequential()(x) is x


def test_a_module_listed_twice_is_applied_twice_and_learned_once() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    x = ad.randn(3, 2)
    assert net(x).tolist() == layer(layer(x)).tolist()
    assert len(net) == 2
    assert len(list(net.parameters())) == 2
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_index_counts_from_either_end() -> None:
    net = three()
    modules = list(net)
    assert len(net) == 3
    for i in (0, 1, 2, -1, -2, -3):
        assert net[i] is modules[i]


@pytest.mark.parametrize("index", [3, -4, 100])
def test_index_out_of_range_is_refused(index: int) -> None:
    net = three()
    with pytest.raises(IndexError, match=f"Sequential.*{index}.*3"):
        net[index]
    with pytest.raises(IndexError, match=f"Sequential.*{index}.*3"):
        net[index] = nn.ReLU()
    assert len(net) == 3


@pytest.mark.parametrize("key", [slice(1, None), slice(None, -1), slice(None, None, 2), slice(5, 9)])
def test_a_slice_holds_the_same_modules_under_their_own_names(key: slice) -> None:
    net = three()
    part = net[key]
    assert isinstance(part, nn.Sequential)
    assert list(part) == list(net)[key]
    assert [name for name, _ in part.named_children()] == ["0", "1", "2"][key]


@needs_torch
@pytest.mark.parametrize("key", [slice(1, None), slice(None, None, 2), slice(5, 9)])
def test_a_slice_prints_like_pytorchs(key: slice) -> None:
    other = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    assert repr(three()[key]) == repr(other[key])


@pytest.mark.parametrize(("index", "name"), [(1, "1"), (-1, "2")])
def test_a_module_is_replaced_in_its_place(index: int, name: str) -> None:
    net = three()
    new = nn.ReLU()
    net[index] = new
    assert net[index] is new
    assert dict(net.named_children())[name] is new
    assert [n for n, _ in net.named_children()] == ["0", "1", "2"]


def test_append_adds_at_the_end_and_can_be_chained() -> None:
    net, relu, tanh = three(), nn.ReLU(), nn.Tanh()
    assert net.append(relu).append(tanh) is net
    assert list(net)[-2:] == [relu, tanh]
    assert [n for n, _ in net.named_children()] == ["0", "1", "2", "3", "4"]


def test_names_come_from_an_ordered_dict() -> None:
    net = nn.Sequential(OrderedDict([("hidden", nn.Linear(2, 3)), ("act", nn.Tanh()), ("out", nn.Linear(3, 1))]))
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    assert net.hidden is net[0]
    assert repr(net).splitlines()[1] == "  (hidden): Linear(in_features=2, out_features=3, bias=True)"
    assert net(ad.ones(4, 2)).shape == (4, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Sequential(nn.ReLU(), 3),
        lambda: nn.Sequential([nn.ReLU()]),
        lambda: nn.Sequential(nn.ReLU),
        lambda: three().append(3),  # type: ignore[arg-type]
        lambda: three().__setitem__(0, ad.ones(2)),  # type: ignore[arg-type]
    ],
    ids=["number", "list", "class", "append", "setitem"],
)
def test_what_is_no_module_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="Module"):
        call()


def test_a_refused_change_leaves_the_network_as_it_was() -> None:
    net = three()
    before = list(net)
    for call in (lambda: net.append(3), lambda: net.__setitem__(0, None)):  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            call()
    assert list(net) == before
