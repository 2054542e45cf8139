"""Norms of weights, parametrizations, pruning and calls with other parameters, beside PyTorch's."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from tests.oracle import assert_same, needs_torch, theirs, torch

WEIGHTS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
X = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)

# A few products in float32, each rounded at 6e-8, of numbers of about 1.
CLOSE = {"rtol": 2e-5, "atol": 2e-6}


def layers(make: Any = None) -> list[Any]:
    """Return our layer and PyTorch's with the same weights, each after `make(nn, layer)`."""
    found = []
    for library, root in ((nn, ad), (getattr(torch, "nn", None), torch)):
        layer = library.Linear(3, 4)
        layer.weight.data.copy_(root.from_numpy(WEIGHTS.copy()))
        layer.bias.data.fill_(0.25)
        found.append(layer if make is None else make(library, layer))
    return found


def assert_alike(mine: Any, other: Any, keys: bool = True) -> None:
    """Compare outputs, gradients and states."""
    outs = []
    for layer, x in ((mine, ad.from_numpy(X)), (other, theirs(X))):
        y = layer(x)
        layer.zero_grad()
        (y * y).sum().backward()
        outs.append(y.detach().numpy())
    assert_same(*outs, **CLOSE)
    assert not keys or list(mine.state_dict()) == list(other.state_dict())
    for (name, p), (their_name, q) in zip(mine.named_parameters(), other.named_parameters(), strict=True):
        assert name == their_name
        assert_same(p.detach().numpy(), q.detach().numpy(), **CLOSE)
        assert_same(p.grad.numpy(), q.grad.numpy(), rtol=2e-4, atol=2e-5)  # sums of five such squares


def share_vectors(mine: Any, other: Any) -> None:
    """Start the power method alike."""
    for b, c in zip(mine.buffers(), other.buffers(), strict=True):
        b.data.copy_(ad.from_numpy(c.numpy().copy()))


@needs_torch
@pytest.mark.filterwarnings("ignore:.*(weight_norm|spectral_norm).*is deprecated:FutureWarning")
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm(dim: int | None) -> None:
    assert_alike(*layers(lambda lib, layer: lib.utils.weight_norm(layer, dim=dim)))
    made = layers(lambda lib, layer: lib.utils.parametrizations.weight_norm(layer, dim=dim))
    assert_alike(*made)
    made[0].load_state_dict({k: ad.from_numpy(v.numpy()) for k, v in made[1].state_dict().items()})
    pairs = zip((nn, torch.nn), made, strict=True)
    removed = [lib.utils.parametrize.remove_parametrizations(m, "weight") for lib, m in pairs]
    assert_alike(*removed)
    assert type(removed[0]) is nn.Linear


@needs_torch
@pytest.mark.filterwarnings("ignore:.*(weight_norm|spectral_norm).*is deprecated:FutureWarning")
@pytest.mark.parametrize("old", [True, False])
def test_spectral_norm(old: bool) -> None:
    def make(lib: Any, layer: Any) -> Any:
        return lib.utils.spectral_norm(layer) if old else lib.utils.parametrizations.spectral_norm(layer)

    mine, other = layers(make)
    share_vectors(mine, other)
    for _ in range(3):
        assert_alike(mine, other)
    assert_alike(mine.eval(), other.eval())
    assert old or copy.deepcopy(mine).weight.shape == (4, 3)


@needs_torch
def test_parametrizations_of_ones_own_follow_one_another() -> None:
    def make(lib: Any, layer: Any) -> Any:
        class Double(lib.Module):  # type: ignore[misc]  # of either library
            def forward(self, x: Any) -> Any:
                return 2 * x

            def right_inverse(self, x: Any) -> Any:
                return x / 2

        lib.utils.parametrize.register_parametrization(layer, "weight", Double())
        lib.utils.parametrize.register_parametrization(layer, "weight", lib.Tanh())
        return layer

    mine, other = layers(make)
    assert_alike(mine, other)
    assert type(mine).__name__ == type(other).__name__ == "ParametrizedLinear"
    for lib, layer in ((nn, mine), (torch.nn, other)):
        assert lib.utils.parametrize.is_parametrized(layer, "weight")
        lib.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert_alike(mine, other)


def test_a_parametrized_weight_is_assigned_and_learned() -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 4))
    layer.weight = ad.from_numpy(WEIGHTS.copy())
    np.testing.assert_allclose(layer.weight.detach(), WEIGHTS, rtol=1e-6)  # a quotient and a product
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer(ad.from_numpy(X)).pow(2).sum().backward()
    optimizer.step()
    assert not np.allclose(layer.weight.detach(), WEIGHTS)
    with pytest.raises(ValueError, match="has no parameter or buffer 'missing'"):
        nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "missing", nn.Tanh())
    with pytest.raises(ValueError, match=r"'weight' must keep shape \(3, 2\)"):
        nn.utils.parametrize.register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0))


@needs_torch
def test_pruning_equals_pytorchs() -> None:
    def make(lib: Any, layer: Any) -> Any:
        prune = importlib.import_module(f"{lib.__name__}.utils.prune")
        prune.l1_unstructured(layer, "weight", amount=0.3)
        prune.ln_structured(layer, name="weight", amount=1, n=2, dim=0)
        prune.l1_unstructured(layer, name="bias", amount=4)
        return layer

    mine, other = layers(make)
    assert_same(mine.weight.detach().numpy(), other.weight.detach().numpy())
    assert_same(mine.weight_mask.numpy(), other.weight_mask.numpy())
    assert_alike(mine, other)
    for lib, layer in ((nn, mine), (torch.nn, other)):
        prune = importlib.import_module(f"{lib.__name__}.utils.prune")
        prune.remove(layer, "weight")
        assert prune.is_pruned(layer)
        prune.remove(layer, "bias")
        assert not prune.is_pruned(layer)
    assert_alike(mine, other)


@needs_torch
def test_global_pruning_and_shares_at_random() -> None:
    def make(lib: Any, layer: Any) -> Any:
        net = lib.Sequential(layer, lib.Linear(4, 2))
        with (ad if lib is nn else torch).no_grad():
            net[1].weight.fill_(0.1)
        places = [(net[0], "weight"), (net[1], "weight")]
        prune = importlib.import_module(f"{lib.__name__}.utils.prune")
        prune.global_unstructured(places, prune.L1Unstructured, amount=0.5)
        return net

    mine, other = layers(make)
    for name in ("0.weight_mask", "1.weight_mask"):
        assert_same(mine.state_dict()[name].sum().numpy(), other.state_dict()[name].sum().numpy())
    layer = nn.utils.prune.random_structured(nn.Linear(6, 4), "weight", 0.5, dim=1)
    assert int((layer.weight_mask.sum(0) == 0).sum()) == 3
    with pytest.raises(ValueError, match="more than the 24 there are"):
        nn.utils.prune.random_unstructured(nn.Linear(6, 4), "weight", 25)


@needs_torch
def test_a_module_is_called_with_other_parameters() -> None:
    mine, other = layers()
    found = []
    for root, lib, layer in ((ad, nn, mine), (torch, torch.nn, other)):
        net = lib.Sequential(layer, lib.Linear(4, 3, bias=False), lib.Linear(3, 4))
        net[1].weight.data.fill_(0.1)
        net[2].weight, net[2].bias = layer.weight, layer.bias
        w = root.from_numpy(2 * WEIGHTS).requires_grad_()
        y = root.func.functional_call(net, {"0.weight": w}, root.from_numpy(X.copy()))
        y.sum().backward()
        found.append((y.detach().numpy(), w.grad.numpy()))
        assert layer.weight.grad is None
        assert layer.weight is net[2].weight
    assert_same(*found, **CLOSE)
    with pytest.raises(KeyError, match="no parameter or buffer 'nothing'"):
        ad.func.functional_call(mine, {"nothing": ad.ones(1)}, ad.ones(3))


@needs_torch
def test_norms_of_several_tensors() -> None:
    mine, other = layers()
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        p.grad, q.grad = ad.ones_like(p.detach()), torch.ones_like(q)
    total = nn.utils.get_total_norm([p.grad for p in mine.parameters()], 3.0)
    assert_same(
        total.numpy(), torch.nn.utils.get_total_norm([q.grad for q in other.parameters()], 3.0).numpy(), **CLOSE
    )
    nn.utils.clip_grads_with_norm_(mine.parameters(), 0.5, total)
    torch.nn.utils.clip_grads_with_norm_(other.parameters(), 0.5, torch.tensor(total.item()))
    assert_same(mine.weight.grad.numpy(), other.weight.grad.numpy(), **CLOSE)
    with pytest.warns(FutureWarning, match="clip_grad_norm is deprecated"):
        nn.utils.clip_grad_norm(mine.parameters(), 1.0)
