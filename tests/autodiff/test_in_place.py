"""Changes in place: what they may touch, and that a graph which saved the old values refuses to go on."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf, slope
from tests.oracle import array, assert_same, needs_torch, ours, torch
from tests.together import together

# -- the methods -------------------------------------------------------------------------------------------------------

METHODS: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "add_": (lambda t: t.add_(2), [3.0, 4.0, 6.0]),
    "sub_": (lambda t: t.sub_(2), [-1.0, 0.0, 2.0]),
    "mul_": (lambda t: t.mul_(2), [2.0, 4.0, 8.0]),
    "div_": (lambda t: t.div_(2), [0.5, 1.0, 2.0]),
    "add_ with alpha": (lambda t: t.add_(2, alpha=0.5), [2.0, 3.0, 5.0]),
    "sub_ with alpha": (lambda t: t.sub_(ad.tensor([1.0, 0.0, 1.0]), alpha=2), [-1.0, 2.0, 2.0]),
    "clamp_": (lambda t: t.clamp_(1.5, 3), [1.5, 2.0, 3.0]),
    "clamp_ from above": (lambda t: t.clamp_(max=ad.tensor([0.0, 9.0, 2.0])), [0.0, 2.0, 2.0]),
    "clamp_ with min above max": (lambda t: t.clamp_(min=3, max=2), [2.0, 2.0, 2.0]),
    "uniform_": (lambda t: t.uniform_(3, 3), [3.0, 3.0, 3.0]),
    "normal_": (lambda t: t.normal_(-1, 0), [-1.0, -1.0, -1.0]),
    "fill_": (lambda t: t.fill_(7), [7.0, 7.0, 7.0]),
    "zero_": (lambda t: t.zero_(), [0.0, 0.0, 0.0]),
    "copy_": (lambda t: t.copy_(ad.tensor([5, 6, 7])), [5.0, 6.0, 7.0]),
    "copy_ of a broadcast array": (lambda t: t.copy_(np.array([5.0])), [5.0, 5.0, 5.0]),
    "add_ of a tensor": (lambda t: t.add_(ad.tensor([1.0, 0.0, 1.0])), [2.0, 2.0, 5.0]),
    "mul_ of an array": (lambda t: t.mul_(np.array([1.0, 0.0, 1.0])), [1.0, 0.0, 4.0]),
    "add_ of a NumPy scalar": (lambda t: t.add_(np.float64(2)), [3.0, 4.0, 6.0]),
}


@together("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", METHODS)
def test_in_place_method_changes_the_same_memory_and_returns_the_tensor(name: str, dtype: str) -> None:
    change, expected = METHODS[name]
    t = ad.tensor([1.0, 2.0, 4.0], dtype=dtype)
    memory = t.data.numpy()
    assert change(t) is t
    assert t.data.numpy() is memory
    assert t.dtype == dtype
    assert t.tolist() == expected


@pytest.mark.parametrize("name", METHODS)
def test_in_place_method_refuses_a_leaf_that_requires_a_gradient(name: str) -> None:
    t = leaf(1.0, 2.0, 4.0)
    with pytest.raises(RuntimeError, match=name.split()[0] + ": .*no_grad"):
        METHODS[name][0](t)
    assert t.tolist() == [1.0, 2.0, 4.0]
    with ad.no_grad():
        METHODS[name][0](t)
    assert t.tolist() == METHODS[name][1]
    assert t.requires_grad
    assert t.is_leaf


def test_random_numbers_in_place_come_from_the_seeded_generator_or_the_given_one() -> None:
    ad.manual_seed(3)
    a, b = ad.zeros(1000).uniform_(-2, 5), ad.zeros(1000, dtype="float64").normal_(3, 0.5)
    ad.manual_seed(3)
    assert a.tolist() == ad.zeros(1000).uniform_(-2, 5).tolist()
    assert b.tolist() == ad.zeros(1000, dtype="float64").normal_(3, 0.5).tolist()
    assert -2 <= a.amin().item() < -1.9
    assert 4.9 < a.amax().item() < 5
    assert abs(b.mean().item() - 3) < 0.1  # the mean of 1,000 such numbers has a standard deviation of 0.016
    assert abs(b.std().item() - 0.5) < 0.1
    one, two = (ad.zeros(3).normal_(generator=np.random.default_rng(1)) for _ in range(2))
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize("change", [lambda t: t.clamp_(0), lambda t: t.uniform_(), lambda t: t.normal_()])
def test_backward_refuses_what_these_changed(change: Callable[[Any], Any]) -> None:
    x, c = leaf(1.0, 2.0), ad.tensor(np.array([3.0, -4.0]))
    y = (x * c).sum()
    change(c)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_in_place_works_on_scalars() -> None:
    t = ad.tensor(1.0)
    t.add_(2)
    t *= 4
    assert t.item() == 12.0
    assert t.shape == ()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("add_", lambda t: t.add_(ad.ones(2, 3))),
        ("mul_", lambda t: t.mul_(np.ones(2))),
        ("copy_", lambda t: t.copy_(ad.ones(2))),
        ("setitem", lambda t: t.__setitem__(slice(None), ad.ones(2))),
        ("setitem", lambda t: t.__setitem__(5, 1.0)),
        ("setitem", lambda t: t.__setitem__((0, 0), 1.0)),
        ("add_", lambda t: t.add_("x")),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(name: str, change: Callable[[Any], Any]) -> None:
    t = ad.tensor([1.0, 2.0, 4.0])
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError), match=name):
        change(t)
    assert t.tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "change", [lambda t: t.add_(0.5), lambda t: t.div_(2), lambda t: t.mul_(ad.tensor([0.5, 2.0]))]
)
def test_floats_are_not_written_into_integers(change: Callable[[Any], Any]) -> None:
    t = ad.tensor([1, 2])
    with pytest.raises((TypeError, RuntimeError), match="_: "):
        change(t)
    assert t.tolist() == [1, 2]


@pytest.mark.parametrize("value", [None, "x", [None], 1j, {}])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fill_", lambda t, value: t.fill_(value)),
        ("copy_", lambda t, value: t.copy_(value)),
        ("add_", lambda t, value: t.add_(value)),
        ("setitem", lambda t, value: t.__setitem__(0, value)),
    ],
)
def test_what_is_no_number_is_not_written(name: str, change: Callable[[Any, Any], Any], value: Any) -> None:
    t = ad.tensor([1.0, 2.0])
    with pytest.raises((TypeError, ValueError, RuntimeError), match=name):
        change(t, value)
    assert t.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        (0, 9.0, [9.0, 2.0, 4.0]),
        (slice(1, None), 0, [1.0, 0.0, 0.0]),
        (slice(None, None, 2), ad.tensor([7.0, 8.0]), [7.0, 2.0, 8.0]),
        ([0, 2], np.array([7.0, 8.0]), [7.0, 2.0, 8.0]),
        (ad.tensor([True, False, True]), 0.0, [0.0, 2.0, 0.0]),
        (ad.tensor([2, 1]), ad.tensor([7, 8]), [1.0, 8.0, 7.0]),
        (Ellipsis, -1, [-1.0, -1.0, -1.0]),
    ],
)
def test_setitem_writes_where_the_index_says(key: Any, value: Any, expected: list[float]) -> None:
    t = ad.tensor([1.0, 2.0, 4.0])
    t[key] = value
    assert t.tolist() == expected


def test_a_leaf_that_requires_a_gradient_is_not_written_through_an_index_or_a_view() -> None:
    w = leaf(1.0, 2.0, 4.0)
    for change in (lambda: w.__setitem__(0, 5.0), lambda: w[1:].fill_(5.0), lambda: w.reshape(3, 1).zero_()):
        with pytest.raises(RuntimeError, match=r"setitem|fill_|zero_"):
            change()
    assert w.tolist() == [1.0, 2.0, 4.0]
    with ad.no_grad():
        w[0] = 5.0
        w[1:].fill_(6.0)
    assert w.tolist() == [5.0, 6.0, 6.0]


# -- augmented assignment ----------------------------------------------------------------------------------------------


def test_gradient_step_of_pytorchs_tutorial() -> None:
    w = leaf(1.0, 2.0)
    memory, handle = w.data.numpy(), w
    (w * w).sum().backward()
    with ad.no_grad():
        assert w.grad is not None
        w -= 0.25 * w.grad
        w.grad.zero_()
    assert w is handle
    assert w.data.numpy() is memory
    assert w.requires_grad
    assert w.is_leaf
    assert w.tolist() == [0.5, 1.0]
    assert slope(w) == [0.0, 0.0]
    (w * w).sum().backward()
    assert slope(w) == [1.0, 2.0]


def test_augmented_assignment_to_a_leaf_that_requires_a_gradient_is_refused() -> None:
    w = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"sub_: .*leaf"):
        w -= 1
    assert w.tolist() == [1.0, 2.0]


def test_augmented_assignment_to_a_running_sum_is_recorded() -> None:
    x = leaf(2.0)
    total = ad.zeros((), dtype="float64")
    for k in range(1, 4):
        total += k * x
    total.backward()
    assert slope(x) == 6.0


def test_augmented_assignment_to_a_result_is_recorded() -> None:
    x = leaf(2.0)
    y = x * x
    y *= 3
    y += x
    y -= 1
    y /= 2
    assert y.item() == 6.5
    y.backward()
    assert slope(x) == 6.5


# -- saved values that were changed ------------------------------------------------------------------------------------

CHANGED: dict[str, tuple[str, Callable[[ad.Tensor, ad.Tensor], tuple[Any, ad.Tensor]]]] = {
    # name: (operation that the message names, (x, c) -> (output, the tensor to be changed))
    "factor": ("mul", lambda x, c: (x * c, c)),
    "divisor": ("div", lambda x, c: (x / c, c)),
    "base of a power": ("pow(er)?", lambda x, c: (x**3, x)),
    "matrix": ("matmul", lambda x, c: (x @ c, c)),
    "argument of log": ("log", lambda x, c: (x.log(), x)),
    "result of exp": ("exp", lambda x, c: (lambda y: (y * 1, y))(x.exp())),
    "result of tanh": ("tanh", lambda x, c: (lambda y: (y * 1, y))(x.tanh())),
    "factor through a view": ("mul", lambda x, c: (x * c, c[1:])),
    "factor through detach": ("mul", lambda x, c: (x * c, c.detach())),
    "factor through a reshaped view": ("mul", lambda x, c: (x * c, c.reshape(1, 3))),
    "factor that is a view, through its base": ("mul", lambda x, c: (x * c.reshape(1, 3), c)),
    "factor through a view of a view": ("mul", lambda x, c: (x[1:] * c[1:], c[:2][None])),
    "view of the leaf": ("mul", lambda x, c: (x[:2] * x[1:], x)),
    "transposed": ("mul", lambda x, c: (x[None].T * c[None].T, c)),
    "expanded": ("mul", lambda x, c: (x * c[:1].expand(3), c)),
}


@pytest.mark.parametrize("name", CHANGED)
def test_backward_refuses_saved_values_that_were_changed(name: str) -> None:
    operation, compute = CHANGED[name]
    x, c = leaf(1.0, 2.0, 3.0), ad.tensor(np.array([1.0, 2.0, 3.0]))
    y, changed = compute(x, c)
    with ad.no_grad():
        changed.add_(1)
    with pytest.raises(RuntimeError, match=f"{operation}: .*changed in place"):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.add_(1),
        lambda c: c.fill_(1),
        lambda c: c.zero_(),
        lambda c: c.copy_(ad.zeros(3)),
        lambda c: c.__setitem__(0, 5.0),
        lambda c: c.__imul__(2),
        lambda c: ad.graph.increment_version(c),
    ],
)
def test_every_way_of_changing_in_place_is_noticed(change: Callable[[Any], Any]) -> None:
    x, c = leaf(1.0, 2.0, 3.0), ad.tensor(np.array([1.0, 2.0, 3.0]))
    y = (x * c).sum()
    change(c)
    with pytest.raises(RuntimeError, match=r"mul: .*changed in place"):
        y.backward()


def test_message_names_the_tensor_and_its_shape() -> None:
    x, c = leaf(1.0, 2.0, 3.0), ad.tensor([1.0, 2.0, 3.0], dtype="float64", name="scale")
    y = (x * c).sum()
    c.zero_()
    with pytest.raises(RuntimeError, match=r"mul: input 1, a tensor 'scale' of shape \(3,\)"):
        y.backward()


UNHARMED: dict[str, tuple[Callable[[ad.Tensor, ad.Tensor], tuple[Any, ad.Tensor]], list[float]]] = {
    "summand": (lambda x, c: (x + c, c), [1.0, 1.0, 1.0]),
    "constant whose other factor needs no gradient": (lambda x, c: (x * c, x), [1.0, 2.0, 3.0]),
    "result of mul": (lambda x, c: (lambda y: (y + 1, y))(x * c), [1.0, 2.0, 3.0]),
    "argument of exp": (lambda x, c: (x.exp() * 0 + x, x), [1.0, 1.0, 1.0]),
    "summed tensor": (lambda x, c: (x.sum(), x), [1.0, 1.0, 1.0]),
    "copy": (lambda x, c: (x * c.clone(), c), [1.0, 2.0, 3.0]),
    "changed before it was used": (lambda x, c: (x * c.mul_(2), ad.zeros(1)), [2.0, 4.0, 6.0]),
    "index": (lambda x, c: (lambda i: (x[i], i))(ad.tensor([0, 1])), [1.0, 1.0, 0.0]),
}


@pytest.mark.parametrize("name", UNHARMED)
def test_changes_that_no_rule_can_see_are_allowed(name: str) -> None:
    compute, expected = UNHARMED[name]
    x, c = leaf(1.0, 2.0, 3.0), ad.tensor(np.array([1.0, 2.0, 3.0]))
    y, changed = compute(x, c)
    with ad.no_grad():
        changed.copy_(ad.zeros(*changed.shape))
    y.sum().backward()
    assert slope(x) == expected


@needs_torch
@pytest.mark.parametrize("name", CHANGED)
def test_pytorch_refuses_the_same_changes(name: str) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    c = torch.tensor([1.0, 2.0, 3.0])
    y, changed = CHANGED[name][1](x, c)
    with torch.no_grad():
        changed.add_(1)
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.sum().backward()


def test_a_tensor_may_be_changed_after_backward() -> None:
    x, c = leaf(1.0, 2.0), ad.tensor(np.array([3.0, 4.0]))
    for _ in range(3):
        x.grad = None
        (x * c).sum().backward()
        assert slope(x) == c.tolist()
        c.add_(1)


# -- data --------------------------------------------------------------------------------------------------------------


def test_data_can_be_replaced_by_another_array() -> None:
    x = leaf(1.0, 2.0)
    x.data = np.array([5.0, 6.0])
    (x * x).sum().backward()
    assert slope(x) == [10.0, 12.0]


def test_data_of_a_tensor_that_requires_a_gradient_must_be_floats() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"data: .*int64"):
        x.data = np.array([1, 2])
    assert x.tolist() == [1.0, 2.0]


def test_data_must_be_numbers() -> None:
    with pytest.raises(TypeError, match="data"):
        ad.tensor([1.0]).data = np.array(["a"])


# -- copies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), np.float32(3.0), np.array([1, 2]), np.zeros((0, 2))])
def test_a_copied_leaf_is_equal_and_independent(duplicate: Callable[[ad.Tensor], ad.Tensor], value: Any) -> None:
    x = ad.tensor(value, requires_grad=value.dtype.kind == "f", name="w")
    if x.requires_grad:
        (x * x).sum().backward()
    y = duplicate(x)
    assert type(y) is ad.Tensor
    assert (y.requires_grad, y.name, y.dtype, y.shape) == (x.requires_grad, "w", x.dtype, x.shape)
    assert y.tolist() == x.tolist()
    if x.grad is not None and duplicate is copy.deepcopy:  # a pickle holds none, as PyTorch's
        assert y.grad is not None
        assert y.grad.tolist() == x.grad.tolist()
        assert y.grad is not x.grad
    assert not np.may_share_memory(y.data.numpy(), x.data.numpy())


def test_a_result_with_a_graph_cannot_be_copied_deeply() -> None:
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf(1.0) * 2)


def test_a_copied_container_keeps_shared_leaves_shared() -> None:
    x = leaf(1.0, 2.0)
    a, b = copy.deepcopy([x, x])
    assert a is b


def described(t: Any) -> Any:
    """Return what can be said of a tensor of either library."""
    grad = None if t.grad is None else t.grad.tolist()
    return type(t).__name__, t.tolist(), t.requires_grad, t.is_leaf, grad, getattr(t, "note", None)


def with_gradient(library: Any, t: Any) -> Any:
    """Give a leaf a gradient and an attribute."""
    (t * t).sum().backward()
    t.note = [1]
    return t


def written_to(t: Any, *others: Any) -> Any:
    """Write into one tensor and return it with the others, which may share its memory."""
    t.detach()[..., 0] = 9.0
    return [t, *others]


COPIES: dict[str, Callable[[Any, Any], Any]] = {
    "a result, shallowly": lambda lib, x: written_to(copy.copy(x * 2), x),
    "a result, pickled": lambda lib, x: [pickle.loads(pickle.dumps(x * 2))],
    "a leaf, shallowly": lambda lib, x: written_to(copy.copy(with_gradient(lib, x)), x),
    "a leaf, deeply": lambda lib, x: written_to(copy.deepcopy(with_gradient(lib, x)), x),
    "a leaf, pickled": lambda lib, x: written_to(pickle.loads(pickle.dumps(with_gradient(lib, x))), x),
    "a tensor and its data": lambda lib, x: written_to(*copy.deepcopy([x, x.data]), x),
    "a view and its base": lambda lib, x: written_to(*copy.deepcopy([x.detach()[1:], x.detach(), x]), x),
    "a base and a row and a column": lambda lib, x: written_to(*copy.deepcopy([x.data, x.data[0], x.data[:, 0]])),
    "a transposed tensor": lambda lib, x: [copy.deepcopy(x.detach().T.clone()).T, *copy.deepcopy([x.data.T, x.data])],
    "a part alone": lambda lib, x: written_to(copy.deepcopy(x.detach()[0, 1:]), x),
    "numbers": lambda lib, x: copy.deepcopy([n := x.data.sum(), n.data, n])[0].add_(1) and [],
    "an empty tensor and its data": lambda lib, x: copy.deepcopy([e := lib.zeros(0, 3), e.data]),
    "a gradient and its owner": lambda lib, x: copy.deepcopy([with_gradient(lib, x), x.grad]),
    "a dict of tensors": lambda lib, x: list(copy.deepcopy({"a": x, "b": x, "c": x.data[1]}).values()),
}


@needs_torch
@pytest.mark.parametrize("name", COPIES)
def test_copies_are_pytorchs_and_share_what_the_tensors_shared(name: str) -> None:
    found, expected = (
        [described(t) for t in COPIES[name](lib, lib.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True))]
        for lib in (ad, torch)
    )
    assert found == expected


def test_a_change_of_one_copy_is_seen_by_what_the_other_was_used_for() -> None:
    w, x = leaf(1.0, 2.0), leaf(3.0, 4.0).data
    base, view = copy.deepcopy([x, x[1:]])
    y = (base * w).sum()
    view.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_numbers_that_were_shared_are_shared_by_the_copies() -> None:
    a = ad.tensor(1.0)
    b, c = copy.deepcopy([a, a.data])
    b += 1
    assert [a.item(), b.item(), c.item()] == [1.0, 2.0, 2.0]


def test_clone_is_recorded_and_has_its_own_memory() -> None:
    x = leaf(1.0, 2.0)
    y = x.clone()
    assert not np.may_share_memory(x.data.numpy(), y.data.numpy())
    (y * 3).sum().backward()
    assert slope(x) == [3.0, 3.0]


def test_increment_version_takes_several_tensors_as_pytorchs() -> None:
    a, b = ad.tensor([1.0, 2.0], requires_grad=True), ad.tensor([3.0, 4.0], requires_grad=True)
    left, right = (a * a).sum(), (b * b).sum()
    a.data[0] = b.data[0] = 5.0
    ad.graph.increment_version([a, b])
    for loss in (left, right):
        with pytest.raises(RuntimeError, match="mul: input 0"):
            loss.backward()


def test_a_change_elsewhere_refuses_nothing() -> None:
    a, b = ad.tensor([1.0, 2.0], requires_grad=True), ad.tensor([3.0])
    loss = (a * a).sum()
    b.add_(1)
    loss.backward()
    assert a.grad is not None
    assert a.grad.tolist() == [2.0, 4.0]


def test_of_two_threads_that_change_tensors_none_is_missed() -> None:
    refused = []

    def work(seed: int) -> None:
        for _ in range(300):
            a = ad.tensor([1.0 + seed], requires_grad=True)
            loss = (a * a).sum()
            a.data[0] = 5.0
            ad.graph.increment_version(a)
            try:
                loss.backward()
            except RuntimeError:
                refused.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4 * 300


@needs_torch
@pytest.mark.parametrize("name", ["add_", "sub_", "mul_", "floor_divide_", "remainder_", "bitwise_and_", "clamp_max_"])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_bytes_take_integers_of_any_sign(name: str, dtype: str) -> None:
    x, y = np.array([200, 100, 3], np.uint8), np.array([100, 3, 2], dtype)
    mine, theirs = ours(x), torch.tensor(x)
    assert_same(array(getattr(mine, name)(ours(y))), array(getattr(theirs, name)(torch.tensor(y))))
    with pytest.raises(TypeError, match=name):
        getattr(mine, name)(ad.tensor([0.5, 1.5, 2.5]))


def test_a_tensor_of_one_element_goes_to_a_place_of_fewer_dimensions() -> None:
    x = ad.zeros(2, 2)
    x[0, 1] = ad.tensor([3.0])
    x[1] = ad.tensor([[4.0]])
    assert x.tolist() == [[0.0, 3.0], [4.0, 4.0]]


def test_a_tensor_cannot_be_its_own_gradient() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="its own gradient"):
        x.grad = x
