"""Tensor.backward: what it adds to which gradient, when it refuses, and what it leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import check_like_torch, needs_torch, torch


def leaf(*values: float) -> ad.Tensor:
    """Return a float64 leaf that requires a gradient; a scalar for one value."""
    return ad.tensor(np.array(values if len(values) > 1 else values[0]), requires_grad=True)


def slope(x: ad.Tensor) -> Any:
    """Return the gradient of a leaf as nested lists."""
    assert x.grad is not None
    return x.grad.tolist()


# -- accumulation ------------------------------------------------------------------------------------------------------


def test_gradient_is_none_before_and_a_leaf_of_the_same_shape_and_dtype_after() -> None:
    x = ad.ones(2, 3, requires_grad=True)
    assert x.grad is None
    (2 * x).sum().backward()
    assert x.grad is not None
    assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)
    assert x.grad.is_leaf
    assert not x.grad.requires_grad


def test_gradients_add_up_over_passes_until_cleared() -> None:
    x = leaf(3.0)
    for expected in (6.0, 12.0, 18.0):
        (x * x).backward()
        assert slope(x) == expected
    x.grad = None
    (x * x).backward()
    assert slope(x) == 6.0


def test_adding_up_keeps_the_gradient_object() -> None:
    x = leaf(1.0, 2.0)
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    assert x.grad is first
    assert slope(x) == [2.0, 2.0]


def test_intermediate_results_keep_no_gradient() -> None:
    x = leaf(2.0)
    y = x * x
    (3 * y).backward()
    with pytest.warns(UserWarning, match="this tensor is the result of an operation; call its retain_grad"):
        assert y.grad is None
    y = x * x
    y.retain_grad()
    assert y.grad is None  # without a word, for it will come
    (3 * y).backward()
    assert y.grad is not None
    assert y.grad.item() == 3


def test_leaves_that_require_no_gradient_get_none() -> None:
    x, c = leaf(2.0), ad.tensor(np.float64(5.0))
    (x * c).backward()
    assert slope(x) == 5.0
    assert c.grad is None


def test_backward_of_a_leaf_gives_it_the_gradient_itself() -> None:
    x = leaf(1.0, 2.0)
    seed = ad.tensor(np.array([3.0, 4.0]))
    x.backward(seed)
    assert slope(x) == [3.0, 4.0]
    x.backward(seed)
    assert slope(x) == [6.0, 8.0]
    assert seed.tolist() == [3.0, 4.0]


def test_only_the_chosen_inputs_get_gradients() -> None:
    a, b = leaf(2.0), leaf(3.0)
    (a * b).backward(inputs=[a])
    assert slope(a) == 3.0
    assert b.grad is None


def test_chosen_inputs_may_be_results_and_unused() -> None:
    x, unused = leaf(2.0), leaf(3.0)
    y = x * x
    (3 * y).backward(inputs=[y, unused])
    assert slope(y) == 3.0
    assert x.grad is None
    assert unused.grad is None


def test_inputs_that_cannot_have_a_gradient_are_refused() -> None:
    x, c = leaf(2.0), ad.tensor(np.float64(3.0))
    for wrong in ([c], [x, c], [], [2.0]):
        with pytest.raises((TypeError, ValueError, RuntimeError), match=r"backward: "):
            (x * c).backward(inputs=wrong)  # type: ignore[arg-type]  # what is tested
    assert x.grad is None
    assert c.grad is None


# -- shared sub-expressions and broadcasting ---------------------------------------------------------------------------

GRAPHS: dict[str, Callable[..., Any]] = {
    "the same tensor twice": lambda lib, x: x * x + x,
    "the same tensor on both sides of each operator": lambda lib, x: (x - x) + (x / x) * (x + x),
    "diamond": lambda lib, x: (lambda y: y.exp() * y.tanh())(x * 2),
    "nested diamonds": lambda lib, x: (lambda y: (lambda z: z * z + y)(y * y))(x * x),
    "long and short path": lambda lib, x: x.exp().tanh().exp() * x,
    "used before and after being reshaped": lambda lib, x: x.sum() * x.reshape(-1) * x.reshape(-1),
    "one element many times": lambda lib, x: x[0] * x + x[0] * x[-1],
    "broadcast along new dimensions": lambda lib, x: x + lib.ones(4, 1, len(x), dtype=lib.float64),
    "broadcast of itself": lambda lib, x: x[:, None] * x[None, :] + x,
    "row plus column": lambda lib, x: x.reshape(1, -1) + x.reshape(-1, 1),
    "reduced and broadcast again": lambda lib, x: (x - x.mean()) / x.sum(),
    "reduced with keepdim": lambda lib, x: x[None] * x[None].sum(dim=1, keepdim=True),
}


@needs_torch
@pytest.mark.parametrize("name", GRAPHS)
def test_shared_and_broadcast_expressions_differentiate_as_in_pytorch(name: str) -> None:
    check_like_torch(GRAPHS[name], np.array([0.5, -1.5, 2.0]))


def test_diamond_of_many_levels_visits_each_node_once() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2^60 paths
        y = (y + y) * 0.5
    y.backward()
    assert slope(x) == 1.0


# -- the gradient argument ---------------------------------------------------------------------------------------------


@needs_torch
def test_parts_that_overlap_and_repeat_add_up_as_in_pytorch() -> None:
    def call(lib: Any, x: Any, y: Any) -> Any:
        h = x * y
        parts = [h[0], h[1:], h[:, ::2], h[[0, 0, 2]], h[h > 0], h.T[1], h[1, 2], h[None, 1:2], h[[2, 1], 1:]]
        return sum((k + 1) * (p * p).sum() for k, p in enumerate(parts)) + h.sum() + x[1, 1] * x[0].sum()

    x, y = np.linspace(-1, 2, 12).reshape(3, 4), np.linspace(2, -3, 12).reshape(3, 4)
    check_like_torch(call, x, y)
    check_like_torch(lambda _, x: sum((k * p for k, p in enumerate(x.reshape(-1))), x[0, 0] * 0), x)


def test_a_part_of_a_scalar_and_of_what_other_operations_read_keep_their_gradients_apart() -> None:
    x = ad.tensor(2.0, requires_grad=True)
    h = x * 3
    (h[None] * h[None, None].sum() + h[None]).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 39
    h = ad.tensor([1.0, 2.0], requires_grad=True) * 1
    seed = ad.ones(2)
    (g,) = ad.grad([h, h[0] * 2, h[1] * 3], h, [seed, ad.tensor(1.0), ad.tensor(1.0)])
    assert (g.tolist(), seed.tolist()) == ([3.0, 4.0], [1.0, 1.0])


def test_a_thousand_parts_cost_no_thousand_times_the_whole() -> None:
    x = ad.zeros(1000, 1000, requires_grad=True)
    for parts in (ad.unbind(x * 1), (x * 1).split(1), [h[t] for h in (x * 1,) for t in range(1000)]):
        loss = ad.stack([part.sum() for part in parts]).sum()
        start = time.perf_counter()
        loss.backward()
        assert time.perf_counter() - start < 0.8  # ten milliseconds; two seconds where each part fills the whole


def test_gradient_weighs_the_elements() -> None:
    x = leaf(1.0, 2.0, 3.0)
    (x * x).backward(ad.tensor(np.array([1.0, 10.0, 0.0])))
    assert slope(x) == [2.0, 40.0, 0.0]


def test_gradient_may_be_given_for_a_scalar() -> None:
    x = leaf(2.0)
    (x * x).backward(ad.tensor(np.float64(0.5)))
    assert slope(x) == 2.0


def test_gradient_is_implied_for_one_element_of_any_shape() -> None:
    x = ad.ones(1, 1, 1, requires_grad=True)
    (3 * x).backward()
    assert slope(x) == [[[3.0]]]


@pytest.mark.parametrize("shape", [(), (1,), (2,), (1, 3), (3, 1)])
def test_gradient_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    x = leaf(1.0, 2.0, 3.0)
    y = x * x
    with pytest.raises(RuntimeError, match=r"backward: .*shape") as error:
        y.backward(ad.ones(*shape, dtype="float64"))
    assert str(shape) in str(error.value)
    assert "(3,)" in str(error.value)
    assert x.grad is None
    y.backward(ad.ones(3, dtype="float64"))  # the graph is still there
    assert slope(x) == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("gradient", [1.0, 1, [1.0, 1.0, 1.0], "1"])
def test_gradient_that_is_no_tensor_is_refused(gradient: Any) -> None:
    x = leaf(1.0, 2.0, 3.0)
    with pytest.raises(TypeError, match="backward: gradient must be a Tensor or None"):
        (x * x).backward(gradient)


def test_several_elements_need_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"backward: .*one element.*\(2,\)"):
        (x * x).backward()
    assert x.grad is None


def test_an_empty_output_needs_a_gradient() -> None:
    x = ad.zeros(0, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"backward: .*\(0,\)"):
        (x * x).backward()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ad.tensor(1.0),
        lambda: ad.tensor(1.0) * 2,
        lambda: (leaf(1.0) * 2).detach(),
        lambda: ad.tensor(3),
        lambda: leaf(1.0) > 0,
    ],
)
def test_a_tensor_without_a_graph_cannot_run_backward(make: Callable[[], ad.Tensor]) -> None:
    with pytest.raises(RuntimeError, match=r"backward: .*does not require grad and does not have a grad_fn"):
        make().backward()


def test_a_result_computed_under_no_grad_cannot_run_backward() -> None:
    x = leaf(1.0)
    with ad.no_grad():
        y = x * x
    with pytest.raises(RuntimeError, match="no_grad"):
        y.backward()


# -- twice through one graph -------------------------------------------------------------------------------------------


def test_second_pass_over_a_freed_graph_names_retain_graph_and_changes_nothing() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()
    assert slope(x) == 6.0


def test_freed_part_below_a_new_output_is_refused_before_anything_changes() -> None:
    x, w = leaf(3.0), leaf(2.0)
    shared = x * x
    (shared * 2).backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        (shared * w).backward()
    assert slope(x) == 12.0
    assert w.grad is None


def test_retained_graph_can_be_walked_again() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    y.backward()
    assert slope(x) == 18.0
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_create_graph_retains_the_graph_by_default_and_can_be_told_not_to() -> None:
    x = leaf(3.0)
    y = x**3
    y.backward(create_graph=True)
    y.backward(retain_graph=False, create_graph=True)
    with pytest.raises(RuntimeError, match="retain_graph"):
        y.backward()


def test_a_freed_result_keeps_its_value_and_its_place_in_the_graph() -> None:
    x = leaf(3.0)
    y = x * x
    y.backward()
    assert y.item() == 9.0
    assert y.requires_grad
    assert not y.is_leaf


def test_parts_of_a_graph_that_were_not_walked_survive() -> None:
    x, w = leaf(3.0), leaf(2.0)
    y, z = x * x, w * w
    y.backward()
    z.backward()
    assert (slope(x), slope(w)) == (6.0, 4.0)


# -- create_graph ------------------------------------------------------------------------------------------------------


def test_gradient_recorded_by_create_graph_can_be_differentiated() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert first is not None
    assert first.requires_grad
    assert first.item() == 12.0
    x.grad = None
    first.backward()
    assert slope(x) == 12.0


def test_gradient_recorded_in_two_passes_adds_up_in_the_graph() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    (x**2).backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.item() == 16.0
    (second,) = ad.grad(x.grad, x)
    assert second.item() == 6 * 2.0 + 2.0


def test_sixth_derivative_of_a_product() -> None:
    x = leaf(0.7)
    y = x.exp() * x**2
    for _ in range(6):
        (y,) = ad.grad(y, x, create_graph=True)
    expected = np.exp(0.7) * (0.7**2 + 12 * 0.7 + 30)  # Leibniz: x^2 + 2 n x + n (n - 1) for n = 6
    assert y.item() == pytest.approx(expected, rel=1e-13)  # some hundred roundings


def test_gradients_are_not_recorded_without_create_graph() -> None:
    x = leaf(2.0)
    (x**3).backward()
    assert x.grad is not None
    assert not x.grad.requires_grad
    assert x.grad.is_leaf


def test_backward_leaves_the_mode_as_it_was() -> None:
    x = leaf(2.0)
    y = x * x
    with ad.no_grad():
        y.backward()
        assert not ad.is_grad_enabled()
    assert slope(x) == 4.0
    y = x * x
    with ad.no_grad():
        (g,) = ad.grad(y, x, create_graph=True)
    assert g.requires_grad
    assert ad.is_grad_enabled()


# -- memory of its own -------------------------------------------------------------------------------------------------

PASSING_ON: dict[str, Callable[[ad.Tensor, ad.Tensor], ad.Tensor]] = {
    "add": lambda x, y: x + y,
    "add of a number": lambda x, y: (x + 1) + (y + 1),
    "clone": lambda x, y: x.clone() + y.clone(),
    "reshape": lambda x, y: x.reshape(1, 3) + y.reshape(1, 3),
    "permute": lambda x, y: x[None].T + y[None].T,
    "stack": lambda x, y: ad.stack([x, y]),
    "cat": lambda x, y: ad.cat([x, y]),
    "expand": lambda x, y: x.expand(1, 3) + y.expand(1, 3),
    "sum": lambda x, y: (x + y).sum(),
    "index": lambda x, y: x[:] + y[...],
    "where": lambda x, y: ad.where(ad.tensor(True), x, y) + y,
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", PASSING_ON)
def test_changing_one_gradient_changes_no_other_and_no_data(name: str, create_graph: bool) -> None:
    x, y = leaf(1.0, 2.0, 3.0), leaf(4.0, 5.0, 6.0)
    z = PASSING_ON[name](x, y)
    seed = ad.ones_like(z)
    z.backward(seed, create_graph=create_graph)
    assert x.grad is not None
    assert y.grad is not None
    others = [y.grad, seed, x, y, z]
    before = [t.data.numpy().copy() for t in others]
    with ad.no_grad():
        x.grad.fill_(100.0)
    for t, b in zip(others, before, strict=True):
        np.testing.assert_array_equal(t.data.numpy(), b)
    x.sum().backward()
    for t, b in zip(others, before, strict=True):
        np.testing.assert_array_equal(t.data.numpy(), b)


def test_changing_the_gradient_of_a_scalar_changes_no_other() -> None:
    x, y = leaf(1.0), leaf(2.0)
    (x + y).backward()
    assert x.grad is not None
    x.grad.fill_(7.0)
    assert slope(y) == 1.0


# -- retain_grad and hooks ---------------------------------------------------------------------------------------------


def test_retain_grad_keeps_the_gradient_of_a_result() -> None:
    x = leaf(3.0)
    y = x * x
    y.retain_grad()
    (5 * y).backward(retain_graph=True)
    assert slope(y) == 5.0
    (5 * y).backward()
    assert slope(y) == 10.0


def test_retain_grad_of_the_output_keeps_the_seed() -> None:
    x = leaf(3.0, 4.0)
    y = x * x
    y.retain_grad()
    seed = ad.tensor(np.array([1.0, 2.0]))
    y.backward(seed)
    assert slope(y) == [1.0, 2.0]
    assert y.grad is not None
    assert not np.may_share_memory(y.grad.data.numpy(), seed.data.numpy())


def test_retain_grad_of_two_results_that_share_a_gradient_keeps_two() -> None:
    x = leaf(3.0, 4.0)
    y = x * 2
    z = y + 0
    y.retain_grad()
    z.retain_grad()
    z.sum().backward()
    assert y.grad is not None
    y.grad.fill_(9.0)
    assert slope(z) == [1.0, 1.0]


def test_retain_grad_needs_a_graph() -> None:
    with pytest.raises(RuntimeError, match="retain_grad"):
        ad.tensor(1.0).retain_grad()
    x = leaf(2.0)
    x.retain_grad()  # leaves keep theirs anyway
    (x * x).backward()
    assert slope(x) == 4.0


def test_hook_sees_the_whole_gradient_once() -> None:
    x = leaf(2.0)
    y = x * x
    seen: list[float] = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 3 + y * 4).backward()
    assert seen == [7.0]
    assert slope(x) == 28.0


def test_hook_of_a_leaf_sees_the_gradient_of_this_pass_alone() -> None:
    x = leaf(2.0)
    seen: list[float] = []
    x.register_hook(lambda g: seen.append(g.item()))
    (3 * x).backward()
    (3 * x + x * x).backward()
    assert seen == [3.0, 7.0]
    assert slope(x) == 10.0


def test_hooks_run_in_order_and_replace_the_gradient() -> None:
    x = leaf(2.0)
    y = x * 1
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    (3 * y).backward()
    assert slope(x) == 40.0


def test_removed_hook_runs_no_more() -> None:
    x = leaf(2.0)
    first = x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    first.remove()
    first.remove()
    (3 * x).backward()
    assert slope(x) == 4.0


def test_hook_removed_and_another_registered_are_told_apart() -> None:
    x = leaf(2.0)
    first = x.register_hook(lambda g: g * 10)
    first.remove()
    x.register_hook(lambda g: g + 1)
    first.remove()
    (3 * x).backward()
    assert slope(x) == 4.0


def test_retained_gradient_is_what_hooks_made_of_it() -> None:
    x = leaf(2.0)
    y = x * 1
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    (3 * y).backward()
    assert slope(y) == 30.0


def test_hook_works_under_create_graph() -> None:
    x = leaf(2.0)
    y = x * x
    handle = y.register_hook(lambda g: g * g)
    ((y * y) / 2).backward(create_graph=True)  # dy = y, squared: x^4; dx = 2 x^5
    assert x.grad is not None
    assert x.grad.item() == 64.0
    handle.remove()
    (second,) = ad.grad(x.grad, x)
    assert second.item() == 10 * 2.0**4


def test_hook_that_returns_another_shape_is_named() -> None:
    x = leaf(2.0, 3.0)
    x.register_hook(lambda g: g.sum())
    with pytest.raises((RuntimeError, ValueError), match="hook"):
        x.sum().backward()
    assert x.grad is None


def test_hook_that_returns_another_dtype_is_named() -> None:
    x = leaf(2.0, 3.0)
    x.register_hook(lambda g: g.astype(np.float16))
    with pytest.raises(RuntimeError, match="hook: returned a gradient of dtype float16"):
        x.sum().backward()
    assert x.grad is None


def test_hook_needs_a_tensor_that_requires_a_gradient() -> None:
    with pytest.raises(RuntimeError, match="cannot register a hook"):
        ad.tensor(1.0).register_hook(print)


def test_error_in_a_hook_reaches_the_caller_and_leaves_gradients_alone() -> None:
    x, w = leaf(2.0), leaf(3.0)

    def fail(_: ad.Tensor) -> None:
        raise KeyError("mine")

    w.register_hook(fail)
    with pytest.raises(KeyError, match="mine"):
        (x * w).backward()
    assert x.grad is None
    assert ad.is_grad_enabled()


# -- what was a constant when it was read ------------------------------------------------------------------------------

SWITCHES: dict[str, Callable[[Any, Any], Any]] = {
    "on after a use": lambda p, w: [p * w, p.requires_grad_(), p * w],
    "on and off and on": lambda p, w: [p.requires_grad_(), p * w, p.requires_grad_(False), p * w, p.requires_grad_()],
    "off at the end": lambda p, w: [p.requires_grad_(), p * w, p.requires_grad_(False)],
    "detached and on again": lambda p, w: [p.requires_grad_(), p * w, p.detach_(), p * w, p.requires_grad_()],
    "the attribute": lambda p, w: [p * w, setattr(p, "requires_grad", True)],
    "in one operation twice": lambda p, w: [p * p * w, p.requires_grad_()],
    "changed meanwhile": lambda p, w: [p + w, p.add_(1.0), p.requires_grad_(), p * w],
}


@needs_torch
@pytest.mark.parametrize("name", SWITCHES)
def test_a_gradient_goes_to_what_required_one_when_it_was_read(name: str) -> None:
    def program(library: Any) -> Any:
        p, w = library.tensor([1.0, 2.0]), library.tensor([2.0, 3.0], requires_grad=True)
        used = [y for y in SWITCHES[name](p, w) if y is not None and y is not p]
        sum((k + 1) * y.sum() for k, y in enumerate(used)).backward()
        return [None if p.grad is None else p.grad.tolist(), w.grad.tolist()]

    assert program(ad) == program(torch)


def test_grad_finds_no_way_to_what_was_a_constant() -> None:
    p, w = ad.ones(2), ad.ones(2, requires_grad=True)
    y = (p * w).sum()
    p.requires_grad_()
    with pytest.raises(RuntimeError, match="not have been used"):
        ad.grad(y, p, retain_graph=True)
    assert ad.grad(y, [p, w], allow_unused=True)[0] is None


def test_a_tensor_that_is_switched_at_every_step_does_not_grow() -> None:
    p = ad.ones(2)
    for _ in range(100):
        p.requires_grad_()
        y = (p * 2).sum()
        p.requires_grad_(False)
    p.requires_grad_()
    y.backward()
    assert slope(p) == [2.0, 2.0]
    assert p._extra is not None
    assert len(p._extra.switches) <= 64


def test_what_a_hook_keeps_that_removes_itself_stays_as_it_was() -> None:
    x, seen = leaf(np.array([1.0, 2.0])), []

    def once(g: ad.Tensor) -> None:
        seen.append(g)
        handle.remove()

    handle = x.register_hook(once)
    (2 * x).sum().backward()
    (3 * x).sum().backward()
    assert seen[0].tolist() == [2, 2]
    assert x.grad is not None
    assert x.grad.tolist() == [5, 5]
