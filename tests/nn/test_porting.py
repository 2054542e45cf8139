"""What programs for PyTorch do with modules beyond calling them: states, hooks, registries and old names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import needs_torch, torch

LIBRARIES = [
    pytest.param((ad, nn), id="ours"),
    pytest.param((torch, torch and torch.nn), marks=needs_torch, id="theirs"),
]
both = pytest.mark.parametrize("lib", LIBRARIES)


@both
def test_a_state_takes_the_place_of_the_parameters(lib: Any) -> None:
    t, nn = lib
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net[0].weight.requires_grad_(False)
    state = {name: value.double() if value.is_floating_point() else value for name, value in net.state_dict().items()}
    before = net[0].weight
    net.load_state_dict(state, assign=True)
    assert net[0].weight is not before
    assert net[0].weight.dtype == net[1].running_mean.dtype == t.float64
    assert isinstance(net[0].weight, nn.Parameter)
    assert [p.requires_grad for p in net.parameters()] == [False, True, True, True]
    with t.no_grad():
        state["0.bias"].fill_(7)
    assert net[0].bias.tolist() == [7.0, 7.0, 7.0]


def test_a_state_that_does_not_fit_takes_no_place() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = list(net.parameters())
    state = {**nn.Sequential(nn.Linear(2, 3)).state_dict(), "1.weight": ad.ones(2, 3), "1.bias": ad.ones(1)}
    with pytest.raises(RuntimeError, match=r"size mismatch for 1\.weight"):
        net.load_state_dict(state, assign=True)
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))


@both
def test_hooks_of_every_module(lib: Any) -> None:
    t, nn = lib
    everywhere = nn.module if hasattr(nn, "module") else nn.modules.module
    seen: list[Any] = []
    net = nn.Sequential(nn.Tanh(), nn.Sigmoid())
    net[0].register_forward_hook(lambda m, i, o: seen.append("own"))
    handles = [
        everywhere.register_module_forward_pre_hook(lambda m, i: seen.append(f"before {type(m).__name__}")),
        everywhere.register_module_forward_hook(lambda m, i, o: seen.append(f"after {type(m).__name__}")),
        everywhere.register_module_full_backward_hook(lambda m, gi, go: seen.append(f"back {type(m).__name__}")),
    ]
    x = t.zeros(2, requires_grad=True)
    net(x).sum().backward()
    for handle in handles:
        handle.remove()
    first, seen[:] = list(seen), []
    net(x).sum().backward()
    assert first == [
        "before Sequential", "before Tanh", "after Tanh", "own", "before Sigmoid", "after Sigmoid", "after Sequential",
        "back Sigmoid", "back Tanh", "back Sequential",
    ]  # fmt: skip
    assert seen == ["own"]


@both
def test_hooks_of_states(lib: Any) -> None:
    t, nn = lib
    net, seen = nn.Sequential(nn.Linear(2, 1)), []
    net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((prefix, keep)))
    net[0].register_state_dict_post_hook(lambda m, state, prefix, meta: state.update({prefix + "more": t.ones(1)}))
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0.more"]
    net[0].register_load_state_dict_pre_hook(lambda m, state, prefix, *_: state.pop(prefix + "more", None) and None)
    net.register_load_state_dict_post_hook(lambda m, keys: seen.append((keys.missing_keys, keys.unexpected_keys)))
    net.load_state_dict(state)
    assert seen == [("", False), ([], [])]
    net[0].register_state_dict_post_hook(lambda *_: 3)
    with pytest.raises(RuntimeError, match="hook"):
        net.state_dict()


@both
def test_hooks_before_a_backward_pass_change_its_gradients(lib: Any) -> None:
    t, nn = lib
    net = nn.Tanh()
    net.register_full_backward_pre_hook(lambda m, g: (g[0] * 10,))
    x = t.zeros(2, requires_grad=True)
    y = net(x)
    y.retain_grad()
    y.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([10.0, 10.0], [1.0, 1.0])


@both
def test_registries_are_read_and_written(lib: Any) -> None:
    t, nn = lib
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    assert list(net._modules) == ["0", "1"]
    assert list(net[1]._buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    net._modules["1"] = nn.Identity()
    assert [type(m).__name__ for m in net] == ["Linear", "Identity"]
    net[0]._parameters["bias"] = None
    assert net[0].bias is None
    net.set_submodule("0", nn.Linear(2, 5))
    assert net[0].out_features == 5
    net.mean = nn.Buffer(t.ones(2), persistent=False)
    assert [name for name, _ in net.named_buffers()] == ["mean"]
    assert "mean" not in net.state_dict()


@both
def test_types_of_modules(lib: Any) -> None:
    t, nn = lib
    net = nn.BatchNorm1d(2)
    assert net.type(t.DoubleTensor) is net
    assert net.running_var.dtype == t.float64
    assert net.to("cpu", t.float32).weight.dtype == t.float32
    assert nn.DataParallel(net).module is net


@both
@pytest.mark.parametrize("name", ["uniform", "xavier_normal", "kaiming_uniform", "orthogonal"])
def test_old_names_of_initializations_warn(lib: Any, name: str) -> None:
    t, nn = lib
    w = t.zeros(3, 3)
    with pytest.warns(FutureWarning, match=rf"nn\.init\.{name}.? is now deprecated in favor of .*{name}_"):
        assert getattr(nn.init, name)(w) is w
    assert float(np.abs(w.numpy()).sum()) > 0
