"""Parameter: what it is made from, how it prints, and that it is a leaf of its own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.tensor import from_array
from tests.oracle import needs_torch, theirs, torch


@needs_torch
@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("value", [np.float32(1.5), np.float32([1, 2.25]), np.float32([[1, 2], [3, 4]])])
def test_text_equals_pytorchs(value: np.ndarray, requires_grad: bool) -> None:  # type: ignore[type-arg]
    expected = repr(torch.nn.Parameter(theirs(value), requires_grad=requires_grad))
    assert repr(nn.Parameter(ad.tensor(value), requires_grad=requires_grad)) == expected


def test_it_is_a_leaf_that_shares_the_memory_of_what_it_is_made_from() -> None:
    array = np.ones(3)
    for value in (array, from_array(array)):
        p = nn.Parameter(value)
        assert p.is_leaf
        assert p.requires_grad
        assert p.detach().numpy() is array


def test_made_from_a_result_it_is_cut_off_from_the_graph() -> None:
    x = ad.ones(3, requires_grad=True)
    p = nn.Parameter(2 * x)
    (p * p).sum().backward()
    assert p.is_leaf
    assert p.grad is not None
    assert p.grad.tolist() == [4.0] * 3
    assert x.grad is None


def test_what_is_computed_from_it_is_a_plain_tensor() -> None:
    p = nn.Parameter(ad.ones(3))
    for result in (p * 2, p.detach(), p.clone(), p[0]):
        assert type(result) is ad.Tensor


def test_integers_can_be_held_but_not_learned() -> None:
    with pytest.raises(RuntimeError, match="int64"):
        nn.Parameter(ad.tensor([1, 2]))
    assert not nn.Parameter(ad.tensor([1, 2]), requires_grad=False).requires_grad


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_copy_is_a_parameter_of_its_own(copied: object, requires_grad: bool) -> None:
    p = nn.Parameter(ad.tensor([1.0, 2.0]), requires_grad=requires_grad, name="scale")
    q = copied(p)  # type: ignore[operator]
    assert type(q) is nn.Parameter
    assert (q.requires_grad, q.name, q.dtype) == (requires_grad, "scale", p.dtype)
    q.data[0] = 9.0
    assert p.tolist() == [1.0, 2.0]
    assert q.tolist() == [9.0, 2.0]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))], ids=["deepcopy", "pickle"])
def test_a_copy_has_no_gradient_yet_as_in_pytorch(copied: Callable[[nn.Parameter], nn.Parameter]) -> None:
    p = nn.Parameter(ad.tensor([1.0, 2.0]))
    (p * p).sum().backward()
    q = copied(p)
    assert q.grad is None
    (q * 3).sum().backward()
    assert p.grad is not None
    assert q.grad is not None
    assert (p.grad.tolist(), q.grad.tolist()) == ([2.0, 4.0], [3.0, 3.0])


def test_a_deep_copy_has_its_own_memory_even_beside_its_data() -> None:
    p = nn.Parameter(ad.tensor([1.0, 2.0]))
    q, data = copy.deepcopy([p, p.data])
    data.zero_()
    assert q.tolist() == [1.0, 2.0]
