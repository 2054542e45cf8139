"""Picking elements: every kind of index, against PyTorch or NumPy, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf
from tests.oracle import check_like_torch, needs_torch

X = np.random.default_rng(1).standard_normal((4, 3, 5))
MASK = X[:, :, 0] > 0

KEYS: dict[str, Any] = {
    "integer": 1,
    "negative integer": -1,
    "NumPy integer": np.int64(2),
    "slice": slice(1, 3),
    "slice with a step": slice(None, None, 2),
    "negative slice": slice(-3, -1),
    "empty slice": slice(2, 2),
    "slice beyond the end": slice(2, 100),
    "None": None,
    "Ellipsis": Ellipsis,
    "empty tuple": (),
    "tuple of integers": (1, 2, 3),
    "integer and slice": (slice(None), 1),
    "Ellipsis and integer": (..., 2),
    "None between": (slice(None), None, 1, None),
    "list": [0, 2, 2],
    "list with negatives": [-1, 0],
    "two lists": ([0, 1, 1], [2, 2, 2]),
    "list and slice": (slice(None), [2, 0]),
    "list, slice, list": ([0, 1], slice(None), [1, 4]),
    "integer and list": (1, [0, 2, 2]),
    "broadcast lists": ([[0], [1]], [0, 2]),
    "boolean list": [True, False, True, True],
}


@needs_torch
@pytest.mark.parametrize("name", KEYS)
def test_index_picks_what_pytorch_picks(name: str) -> None:
    check_like_torch(lambda _, x: x[KEYS[name]], X)


TENSOR_KEYS: dict[str, tuple[Any, ...]] = {
    "mask of all dimensions": (lambda x, m: x[m], X > 0),
    "mask of the first dimensions": (lambda x, m: x[m], MASK),
    "mask of one dimension": (lambda x, m: x[m], np.array([True, False, True, False])),
    "mask of the last dimension": (lambda x, m: x[..., m], np.array([True, False, True, False, True])),
    "mask of nothing": (lambda x, m: x[m], np.zeros(4, bool)),
    "integers": (lambda x, i: x[i], np.array([3, 0, 3])),
    "matrix of integers": (lambda x, i: x[i], np.array([[3, 0], [1, 1]])),
    "integers in the middle": (lambda x, i: x[:, i], np.array([2, 2, 0])),
    "two of integers": (lambda x, i, j: x[i, j], np.array([3, 0, 3]), np.array([1, 2, 1])),
    "integers around a slice": (lambda x, i, j: x[i, :, j], np.array([3, 0, 3]), np.array([1, 2, 1])),
    "one integer": (lambda x, i: x[i], np.array(2)),
    "one integer in a tuple": (lambda x, i: x[:, i], np.array(2)),
    "no integers": (lambda x, i: x[i], np.zeros(0, np.int64)),
    "integers of int32": (lambda x, i: x[i], np.array([1, 2], np.int32)),
}


@needs_torch
@pytest.mark.parametrize("name", TENSOR_KEYS)
def test_index_by_tensors_picks_what_pytorch_picks(name: str) -> None:
    pick, *keys = TENSOR_KEYS[name]
    check_like_torch(lambda _, x, *keys: pick(x, *keys), X, *keys)


@pytest.mark.parametrize("name", TENSOR_KEYS)
def test_index_by_arrays_picks_what_numpy_picks(name: str) -> None:
    pick, *keys = TENSOR_KEYS[name]
    found = pick(ad.tensor(X, requires_grad=True), *keys)
    np.testing.assert_array_equal(found.detach().numpy(), pick(X, *keys))
    assert found.requires_grad


def test_a_nested_list_is_one_array_as_in_numpy() -> None:
    assert ad.tensor(X)[[[0, 1], [2, 3]]].shape == (2, 2, 3, 5)


def test_negative_steps_are_allowed_as_in_numpy() -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x[::-1]
    assert y.tolist() == [3.0, 2.0, 1.0]
    (y * ad.tensor(np.array([1.0, 10.0, 100.0]))).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [100.0, 10.0, 1.0]


def test_one_element_picked_often_collects_all_gradients() -> None:
    x = leaf(1.0, 2.0)
    x[[0, 0, 0, 1]].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 1.0]


def test_changing_the_key_afterwards_changes_no_gradient() -> None:
    x = leaf(1.0, 2.0, 3.0)
    for key in (np.array([0, 1]), [0, 1]):
        x.grad = None
        y = x[key]
        key[0] = 2
        y.sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [1.0, 1.0, 0.0]
    x.grad = None
    index = ad.tensor([0, 1])
    y = x[index]
    index.fill_(2)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0, 0.0]


def test_a_basic_index_is_a_view_and_an_index_by_integers_a_copy() -> None:
    t = ad.zeros(3)
    t[1:][0] = 5.0
    assert t.tolist() == [0.0, 5.0, 0.0]
    t[[0, 1]][0] = 7.0
    assert t.tolist() == [0.0, 5.0, 0.0]
    t[0].fill_(1.0)
    assert t.tolist() == [1.0, 5.0, 0.0]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (4, IndexError),
        (-5, IndexError),
        ((0, 3), IndexError),
        ((0, 0, 0, 0), IndexError),
        ([0, 4], IndexError),
        (np.array([True, False]), IndexError),
        (1.0, (IndexError, TypeError)),
        ("a", (IndexError, TypeError)),
        (ad.tensor(1.0), (IndexError, TypeError)),
        (ad.tensor([0.0, 1.0]), (IndexError, TypeError)),
        ([0.5], (IndexError, TypeError)),
        ((..., ...), IndexError),
    ],
)
def test_an_index_that_does_not_fit_is_refused_by_name(key: Any, error: Any) -> None:
    with pytest.raises(error, match="index"):
        _ = ad.tensor(X)[key]


def test_a_scalar_cannot_be_indexed_by_an_integer() -> None:
    with pytest.raises(IndexError, match="index"):
        _ = ad.tensor(1.0)[0]


# -- gather ------------------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    ("dim", "shape"), [(0, (2, 3, 5)), (1, (4, 7, 5)), (2, (4, 3, 1)), (-1, (2, 2, 2)), (-3, (6, 1, 1))]
)
def test_gather_is_pytorchs(dim: int, shape: tuple[int, ...]) -> None:
    index = np.random.default_rng(2).integers(0, X.shape[dim], shape)
    check_like_torch(lambda lib, x, i: lib.gather(x, dim, i), X, index)
    check_like_torch(lambda _, x, i: x.gather(dim, i), X, index)


def test_gather_picks_the_probability_of_each_label() -> None:
    p = ad.tensor(np.array([[0.2, 0.8], [0.7, 0.3]]), requires_grad=True)
    picked = p.gather(1, ad.tensor([[1], [0]]))
    assert picked.tolist() == [[0.8], [0.7]]
    picked.sum().backward()
    assert p.grad is not None
    assert p.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("dim", "index", "error"),
    [
        (1, ad.tensor([[2], [0]]), IndexError),
        (1, ad.tensor([[-1], [0]]), IndexError),
        (2, ad.tensor([[0], [0]]), IndexError),
        (1, ad.tensor([0, 0]), RuntimeError),
        (1, ad.tensor([[0], [0], [0]]), RuntimeError),
        (1, ad.tensor([[0.0], [1.0]]), TypeError),
        ("1", ad.tensor([[0], [0]]), TypeError),
        (1, [[0], [1]], TypeError),
    ],
)
def test_gather_refuses_what_does_not_fit_by_name(dim: Any, index: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="gather"):
        ad.gather(ad.zeros(2, 2), dim, index)


@pytest.mark.parametrize(
    "lead", [(0, slice(None)), (slice(None), 0), (0, slice(1, 3)), (0, None, slice(None)), (1, ...)]
)
def test_integers_are_taken_before_arrays_as_in_pytorch(lead: tuple[Any, ...]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    data = np.arange(27.0).reshape(3, 3, 3)
    x, t = ad.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, expected = x[(*lead, ad.tensor([2, 0, 2]))], t[(*lead, torch.tensor([2, 0, 2]))]
    np.testing.assert_array_equal(y.detach().detach().numpy(), expected.detach().numpy())
    (y * y).sum().backward()
    (expected * expected).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.detach().numpy(), t.grad.numpy())
    a, b = ad.zeros(3, 3, 3), torch.zeros(3, 3, 3)
    a[(*lead, ad.tensor([2, 0]))] = ad.tensor(data[0, 0, 0] + 7.0)
    b[(*lead, torch.tensor([2, 0]))] = 7.0
    np.testing.assert_array_equal(a.detach().numpy(), b.numpy())


def test_a_mask_of_bytes_is_refused() -> None:
    with pytest.raises(IndexError, match="uint8"):
        ad.arange(4)[ad.tensor(np.array([0, 1, 1, 0], np.uint8))]
