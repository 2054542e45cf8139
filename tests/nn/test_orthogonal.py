"""Orthogonal weights beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import array, needs_torch, torch

SHAPES = [(3, 3), (5, 3), (3, 5)]
MAPS = [None, "matrix_exp", "cayley", "householder"]


@needs_torch
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("orthogonal_map", MAPS)
def test_weights_and_gradients_equal_pytorchs(shape: tuple[int, int], orthogonal_map: str | None) -> None:
    found = []
    state = None
    for make, library in ((torch.tensor, torch.nn), (ad.tensor, nn)):
        layer = library.Linear(shape[1], shape[0])
        library.utils.parametrizations.orthogonal(layer, orthogonal_map=orthogonal_map)
        if state is None:  # learned for a step, so that the map is not at the identity
            free = layer.parametrizations.weight.original
            noise = np.random.default_rng(0).normal(size=tuple(free.shape)).astype(np.float32)
            with torch.no_grad():
                free += torch.tensor(noise).tril(-1)
            state = {k: array(v) for k, v in layer.state_dict().items()}
        layer.load_state_dict({k: make(v) for k, v in state.items()})
        weights = make(np.random.default_rng(1).normal(size=shape).astype(np.float32))
        (layer.weight * weights).sum().backward()
        assert layer.state_dict().keys() == state.keys()
        found.append([array(layer.weight), array(layer.parametrizations.weight.original.grad)])
    for other, mine in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=2e-5)  # a dozen products of float32
    w = found[1][0]
    small = min(shape)
    np.testing.assert_allclose(w @ w.T if shape[0] == small else w.T @ w, np.eye(small), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_an_orthogonal_weight_can_be_assigned(shape: tuple[int, int]) -> None:
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(shape[1], shape[0]))
    wanted = nn.init.orthogonal_(ad.zeros(*shape))
    layer.weight = wanted  # type: ignore[assignment]  # which parametrizations allow
    np.testing.assert_allclose(layer.weight.detach(), wanted, atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    orthogonal = nn.utils.parametrizations.orthogonal
    with pytest.raises(ValueError, match="'rotation'"):
        orthogonal(nn.Linear(2, 2), orthogonal_map="rotation")
    with pytest.raises(ValueError, match="2 dimensions"):
        orthogonal(nn.Linear(2, 2), "bias")
    with pytest.raises(NotImplementedError, match="use_trivialization"):
        orthogonal(nn.Linear(2, 3), use_trivialization=False)
    layer = orthogonal(nn.Linear(2, 2), "weight", "cayley", use_trivialization=False)
    with pytest.raises(NotImplementedError, match="assigned"):
        layer.weight = ad.eye(2)  # type: ignore[assignment]  # which parametrizations allow
