"""What shares memory shares its version, and a gradient shares its memory with nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest

import autodiff as ad
import nn
import optim


def test_a_gradient_that_a_hook_returned_is_not_added_to_in_place() -> None:
    constant = ad.ones(2)
    x = ad.ones(2, requires_grad=True)
    x.register_hook(lambda g: constant)
    for _ in range(3):
        (x * 1).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 3]
    assert constant.tolist() == [1, 1]


def test_a_gradient_that_a_hook_kept_does_not_change_later() -> None:
    kept: list[ad.Tensor] = []
    x = ad.ones(2, requires_grad=True)
    x.register_hook(kept.append)
    for _ in range(3):
        (x * 1).sum().backward()
    assert [g.tolist() for g in kept] == [[1, 1]] * 3


@pytest.mark.parametrize("share", [ad.Tensor, nn.Parameter, copy.copy, lambda t: t.detach()])
def test_a_change_through_a_tensor_of_the_same_memory_is_noticed(share: Callable[[ad.Tensor], ad.Tensor]) -> None:
    base = ad.ones(2)
    other = share(base)
    w = ad.ones(2, requires_grad=True)
    loss = (w * base).sum()
    with ad.no_grad():
        other.fill_(5.0)
    assert base.tolist() == [5, 5]
    with pytest.raises(RuntimeError, match=r"mul: input 1.*changed in place"):
        loss.backward()


def test_a_shallow_copy_has_a_gradient_of_its_own() -> None:
    x = ad.ones(2, requires_grad=True)
    (x * 1).sum().backward()
    twin = copy.copy(x)
    assert twin.grad is None
    (twin * 1).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1]


def test_views_of_a_tensor_without_dimensions_share_its_memory() -> None:
    x = ad.tensor(1.0)
    x.reshape(1)[0] = 5.0
    assert x.item() == 5
    x[None][0] = 7.0
    assert x.item() == 7


def test_a_change_beside_the_path_to_the_inputs_does_not_matter() -> None:
    x, w, c = ad.ones(2, requires_grad=True), ad.ones(2, requires_grad=True), ad.ones(2)
    product = ((x * c) * w).sum()
    c.add_(1)
    (g,) = ad.grad(product, w, retain_graph=True)
    assert g.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="changed in place"):
        ad.grad(product, x)


def test_backward_for_some_inputs_fills_retained_gradients_too() -> None:
    x = ad.ones(2, requires_grad=True)
    h = x * 2
    h.retain_grad()
    (h * 3).sum().backward(inputs=[x])
    assert h.grad is not None
    assert h.grad.tolist() == [3, 3]


def test_a_number_without_dimensions_does_not_widen_a_tensor() -> None:
    x = ad.ones(2)
    assert (x * ad.tensor(np.float64(0.5))).dtype == np.float32
    assert (x * np.array(0.5)).dtype == np.float32
    scale = ad.tensor(np.float64(0.5), requires_grad=True)
    (x * scale).sum().backward()
    assert scale.grad is not None
    assert scale.grad.dtype == np.float64
    assert scale.grad.item() == 2


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.bool, np.int64])
def test_functions_of_small_integers_are_computed_in_the_default_dtype(dtype: type) -> None:
    y = ad.tensor(np.array([1], dtype)).exp()
    assert y.dtype == np.float32
    assert y.item() == np.float32(np.e)


def test_python_floats_become_the_default_dtype_in_every_constructor() -> None:
    assert ad.Tensor([1.0, 2.0]).dtype == ad.tensor([1.0, 2.0]).dtype == np.float32


def test_linear_without_features_differentiates() -> None:
    x = ad.zeros(2, 3, 0, requires_grad=True)
    weight = ad.zeros(4, 0, requires_grad=True)
    ad.linear(x, weight).sum().backward()
    assert x.grad is not None
    assert weight.grad is not None
    assert (x.grad.shape, weight.grad.shape) == ((2, 3, 0), (4, 0))


@pytest.mark.parametrize("make", [lambda t: nn_of(t).zero_grad, lambda t: optim.SGD([t], lr=0.1).zero_grad])
def test_a_gradient_is_filled_with_zeros_where_it_stands(make: Callable[[nn.Parameter], Callable[..., None]]) -> None:
    p = nn.Parameter(ad.ones(2))
    (p * 3).sum().backward()
    held = p.grad
    assert held is not None
    make(p)(set_to_none=False)
    assert p.grad is held
    assert held.tolist() == [0, 0]


def nn_of(p: nn.Parameter) -> nn.Module:
    """Return a module whose parameter this is."""
    module = nn.Module()
    module.register_parameter("p", p)
    return module


def test_the_mean_of_many_half_precision_numbers_does_not_overflow() -> None:
    assert ad.ones(100_000, dtype=ad.float16).mean().item() == 1


@pytest.mark.parametrize("draw", [ad.rand, ad.randn])
def test_random_fractions_are_not_cut_to_integers(draw: Callable[..., ad.Tensor]) -> None:
    with pytest.raises(RuntimeError, match="floating dtype, got int64"):
        draw(5, dtype=ad.int64)
