"""What a tensor is and what it turns into: attributes, numbers, arrays, lists."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf

# -- attributes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 4), (2, 1, 3)])
def test_shape_attributes_agree(shape: tuple[int, ...]) -> None:
    t = ad.zeros(*shape)
    assert t.shape == shape
    assert t.ndim == t.dim() == len(shape)
    assert t.numel() == np.size(t) == int(np.prod(shape))
    assert t.size() == t.shape == shape
    assert t.T.shape == shape[::-1]


def test_size_is_pytorchs() -> None:
    t = ad.zeros(2, 3)
    assert t.size(0) == t.size(dim=-2) == 2
    assert t.size(-1) == 3
    batch, features = t.size()
    assert (batch, features) == (2, 3)
    with pytest.raises(IndexError, match="size: dim 2 is out of range"):
        t.size(2)
    with pytest.raises(IndexError, match="size: a tensor of no dimensions"):
        ad.tensor(1.0).size(0)


def test_t_reverses_and_mt_swaps_the_last_two() -> None:
    t = ad.zeros(2, 3, 4)
    assert t.T.shape == (4, 3, 2)
    assert t.mT.shape == (2, 4, 3)
    with pytest.raises(RuntimeError, match=r"mT: .*\(3,\)"):
        _ = ad.zeros(3).mT


def test_numpy_is_the_array_and_is_shared() -> None:
    t = ad.tensor([1.0, 2.0])
    t.data[0] = 5.0
    assert isinstance(t.detach().numpy(), np.ndarray)
    assert t.tolist() == [5.0, 2.0]


def test_numpy_of_a_scalar_is_a_zero_dimensional_array_that_can_be_written_to() -> None:
    t = ad.tensor(1.0)
    assert isinstance(t.detach().numpy(), np.ndarray)
    t.data[...] = 4.0
    assert t.item() == 4.0
    assert (t * 2).item() == 8.0


def test_leaves_and_results_are_told_apart() -> None:
    x, c = leaf(2.0), ad.tensor(3.0)
    y = x * c
    assert x.is_leaf
    assert c.is_leaf
    assert not y.is_leaf
    assert (c * c).is_leaf
    assert y.requires_grad
    assert not (c * c).requires_grad
    assert x.grad_fn is None
    assert repr(y.grad_fn) == "<mul>"


def test_requires_grad_is_set_in_place_on_leaves() -> None:
    t = ad.tensor([1.0])
    assert t.requires_grad_() is t
    assert t.requires_grad
    t.requires_grad = False
    assert not t.requires_grad


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_only_floats_can_require_gradients(dtype: str) -> None:
    with pytest.raises(RuntimeError, match=f"requires_grad: only Tensors of floating point dtype.*{dtype}"):
        ad.tensor([1], dtype=dtype, requires_grad=True)
    with pytest.raises(RuntimeError, match="requires_grad"):
        ad.tensor([1], dtype=dtype).requires_grad_()


def test_requires_grad_of_a_result_cannot_be_switched_off() -> None:
    y = leaf(2.0) * 2
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad = False
    y.requires_grad = True


def test_name_is_a_text_or_none() -> None:
    t = ad.tensor(1.0, name="weight")
    assert t.name == "weight"
    assert t.named("bias") is t
    assert t.name == "bias"
    t.name = None
    assert t.name is None
    with pytest.raises(TypeError, match=r"name: .*int"):
        t.name = 3  # type: ignore[assignment]  # what is tested


def test_grad_can_be_set_only_to_what_fits() -> None:
    x = leaf(1.0, 2.0)
    x.grad = ad.tensor(np.array([3.0, 4.0]))
    assert x.grad.tolist() == [3.0, 4.0]
    for wrong, error in [(ad.zeros(3, dtype="float64"), RuntimeError), (ad.zeros(2), RuntimeError), (1.0, TypeError)]:
        with pytest.raises(error, match="grad: expected"):
            x.grad = wrong  # type: ignore[assignment]  # what is tested
    assert x.grad.tolist() == [3.0, 4.0]


def test_tensor_is_hashed_by_identity_and_compared_by_element() -> None:
    a, b = ad.tensor([1.0, 2.0]), ad.tensor([1.0, 2.0])
    assert len({a, b, a}) == 2
    assert (a == b).tolist() == [True, True]


@pytest.mark.parametrize("value", ["x", None, np.array(["a"]), np.array([1 + 2j]), np.array([object()]), {}])
def test_tensor_holds_numbers_alone(value: Any) -> None:
    with pytest.raises(TypeError, match=r"Tensor|tensor"):
        ad.Tensor(value)


def test_class_makes_tensors_of_the_default_dtype_as_pytorchs() -> None:
    a = np.zeros(2)
    t = ad.Tensor(a)
    a[0] = 1.0
    assert t.tolist() == [0.0, 0.0]
    assert t.dtype == ad.Tensor(np.array([1, 2])).dtype == ad.Tensor([True, False]).dtype == np.float32
    assert ad.Tensor([1, 2]).tolist() == [1.0, 2.0]
    assert [x.shape for x in (ad.Tensor(2, 3), ad.Tensor(4), ad.Tensor(), ad.Tensor(ad.zeros(2, 1).shape))] == [
        (2, 3), (4,), (0,), (2, 1)
    ]  # fmt: skip
    kept = ad.tensor([1, 2])
    assert ad.Tensor(kept).dtype == np.int64
    with pytest.raises(TypeError, match="expected sizes, or a sequence of numbers alone"):
        ad.Tensor([1, 2], 3)


# -- as numbers and arrays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"), [(2.5, float), (3, int), (True, bool), (np.float64(1.5), float), ([[4.0]], float), ([7], int)]
)
def test_item_is_a_python_number(value: Any, kind: type) -> None:
    item = ad.tensor(value).item()
    assert type(item) is kind
    assert item == np.ravel(value)[0]


@pytest.mark.parametrize("shape", [(2,), (0,), (2, 1)])
def test_item_needs_one_element(shape: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match=r"item: .*" + str(shape).replace("(", r"\(").replace(")", r"\)")):
        ad.zeros(*shape).item()


@pytest.mark.parametrize("value", [[[1, 2], [3, 4]], [1.5, 2.5], 3.0, 7, [], [True, False], [[[1.0]]]])
def test_tolist_gives_back_what_the_tensor_was_made_of(value: Any) -> None:
    found = ad.tensor(value).tolist()
    assert found == value
    assert type(found) is type(value)


def test_numpy_shares_memory_and_refuses_what_requires_a_gradient() -> None:
    t = ad.tensor([1.0, 2.0])
    t.numpy()[0] = 9.0
    assert t.tolist() == [9.0, 2.0]
    with pytest.raises(RuntimeError, match=r"detach\(\).numpy\(\)"):
        leaf(1.0).numpy()


def test_detach_shares_memory_without_the_graph() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    d = y.detach()
    assert d.is_leaf
    assert not d.requires_grad
    assert np.shares_memory(d.detach().numpy(), y.detach().numpy())
    d = x.detach()
    d[0] = 7.0
    assert x.tolist() == [7.0, 2.0]


def test_detach_of_a_scalar_shares_memory() -> None:
    x = leaf(1.0)
    x.detach().fill_(5.0)
    assert x.item() == 5.0


def test_detached_factor_is_a_constant() -> None:
    x = leaf(3.0)
    (x * x.detach()).backward()
    assert x.grad is not None
    assert x.grad.item() == 3.0


def test_array_conversion_refuses_to_lose_a_graph() -> None:
    assert np.asarray(ad.tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert np.array(ad.tensor([1, 2]), dtype=np.float64).dtype == np.float64
    for lose in (np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.zeros(2) + np.asarray(x)):
        with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
            lose(leaf(1.0, 2.0))


def test_array_conversion_copies_only_when_asked() -> None:
    t = ad.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(t), t.detach().numpy())
    assert not np.shares_memory(np.array(t), t.detach().numpy())


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda t: t.float(), "float32"),
        (lambda t: t.double(), "float64"),
        (lambda t: t.long(), "int64"),
        (lambda t: t.bool(), "bool"),
        (lambda t: t.to("float16"), "float16"),
        (lambda t: t.to(ad.int32), "int32"),
        (lambda t: t.astype(np.uint8), "uint8"),
    ],
)
def test_conversions_give_the_dtype(call: Any, dtype: str) -> None:
    t = call(ad.tensor([0.0, 1.0, 2.0]))
    assert t.dtype == dtype
    assert t.tolist() == ([False, True, True] if dtype == "bool" else [0, 1, 2])


def test_conversion_between_floats_carries_the_gradient_in_the_dtype_of_the_input() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    y = x.double()
    assert y.dtype == np.float64
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [2.0, 4.0]


def test_conversion_to_integers_cuts_the_graph_and_to_the_same_dtype_does_nothing() -> None:
    x = leaf(1.7, 2.0)
    assert not x.long().requires_grad
    assert x.double() is x


# -- Python's protocols ------------------------------------------------------------------------------------------------


def test_len_and_iteration_go_over_the_first_dimension() -> None:
    t = ad.tensor([[1, 2], [3, 4], [5, 6]])
    assert len(t) == 3
    assert [row.tolist() for row in t] == [[1, 2], [3, 4], [5, 6]]
    a, b = ad.tensor([1.0, 2.0])
    assert (a.item(), b.item()) == (1.0, 2.0)
    assert list(ad.zeros(0, 3)) == []


def test_iteration_carries_gradients() -> None:
    x = leaf(1.0, 2.0, 3.0)
    total = sum(k * e for k, e in enumerate(x))
    total.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("protocol", [len, iter, list])
def test_a_scalar_has_no_length_and_cannot_be_iterated_over(protocol: Any) -> None:
    with pytest.raises(TypeError, match="0-d tensor"):
        protocol(ad.tensor(1.0))


@pytest.mark.parametrize(
    ("value", "truth"), [(1.0, True), (0.0, False), ([3], True), ([[False]], False), (-0.0, False)]
)
def test_one_element_has_a_truth_value(value: Any, truth: bool) -> None:
    assert bool(ad.tensor(value)) is truth


@pytest.mark.parametrize("shape", [(2,), (0,), (2, 2)])
def test_other_numbers_of_elements_have_no_truth_value(shape: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match=r"Boolean value of Tensor with .* is ambiguous"):
        bool(ad.zeros(*shape))


def test_numbers_can_be_made_of_one_element() -> None:
    assert float(ad.tensor([2.5])) == 2.5
    assert int(ad.tensor(2.9)) == 2
    with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar"):
        assert float(leaf(1.5)) == 1.5
    for convert in (float, int):
        with pytest.raises(ValueError, match=r"only a tensor of one element is a number, this has shape \(2,\)"):
            convert(ad.zeros(2))


def test_integer_scalars_are_indices() -> None:
    assert [10, 20, 30][ad.tensor(1)] == 20
    assert list(range(ad.tensor(3))) == [0, 1, 2]
    for wrong in (ad.tensor(1.0), ad.tensor([1, 2]), ad.tensor(True)):
        with pytest.raises(TypeError, match="index"):
            _ = [10, 20][wrong]


def test_contains_looks_at_the_elements() -> None:
    t = ad.tensor([1.0, 2.0])
    assert 2.0 in t
    assert 3 not in t
    assert ad.tensor(1.0) in t
    assert 1.0 not in ad.zeros(0)


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (3.14159, ".2f", "3.14"),
        (3, "05d", "00003"),
        ([2.5], ".1e", "2.5e+00"),
        (2.0, ">8.3f", "   2.000"),
        (0.5, ".0%", "50%"),
    ],
)
def test_one_element_is_formatted_as_a_number(value: Any, spec: str, text: str) -> None:
    assert format(ad.tensor(value), spec) == text
    assert f"{leaf(1.25):.1f}" == "1.2"


# -- subclasses --------------------------------------------------------------------------------------------------------


def test_a_subclass_is_a_leaf_like_any_other_and_its_results_are_tensors() -> None:
    class Weight(ad.Tensor):
        pass

    w = Weight(np.array([1.0, 2.0]), requires_grad=True)
    y = (w * w).sum()
    y.backward()
    assert type(y) is ad.Tensor
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 4.0]
    assert isinstance(w.detach(), ad.Tensor)


@pytest.mark.parametrize(
    "convert", [float, complex, math.sin, lambda t: np.zeros(2).__setitem__(0, t), np.float64], ids=lambda f: f.__name__
)
def test_a_number_made_of_what_requires_a_gradient_is_warned_of(convert: Callable[[Any], Any]) -> None:
    t = ad.tensor(2.0, requires_grad=True)
    for value in (t, t * 2):
        with pytest.warns(UserWarning, match="float: Converting a tensor with requires_grad=True to a scalar"):
            convert(value)
    convert(t.detach())  # a warning would be an error
    assert (t.item(), int(t), bool(t), f"{t:.1f}", t.tolist()) == (2.0, 2, True, "2.0", 2.0)


def test_an_array_with_what_pytorchs_constructor_does_not_take_keeps_its_dtype_and_memory() -> None:
    array = np.array([1.0, 2.0])
    for made in (ad.Tensor(array, requires_grad=True), ad.Tensor(array, name="x")):
        assert made.dtype == np.float64
        assert np.shares_memory(made.detach().numpy(), array)
    assert ad.Tensor(array).dtype == np.float32
