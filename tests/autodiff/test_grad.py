"""autodiff.grad: gradients as values, with PyTorch's arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf
from tests.oracle import needs_torch, torch


def test_grad_returns_a_tuple_and_touches_no_grad() -> None:
    x, w = leaf(2.0), leaf(3.0)
    found = ad.grad(x * x * w, [x, w])
    assert isinstance(found, tuple)
    assert [g.item() for g in found] == [12.0, 4.0]
    assert x.grad is None
    assert w.grad is None


def test_grad_of_one_input_is_a_tuple_of_one() -> None:
    x = leaf(2.0)
    (g,) = ad.grad(x * x, x)
    assert g.item() == 4.0
    assert not g.requires_grad


def test_grad_leaves_an_existing_grad_alone() -> None:
    x = leaf(2.0)
    (x * x).backward()
    ad.grad(x**3, x)
    assert x.grad is not None
    assert x.grad.item() == 4.0


def test_grad_of_several_outputs_is_the_sum_of_theirs() -> None:
    x = leaf(2.0)
    (g,) = ad.grad([x * x, 3 * x], x)
    assert g.item() == 7.0


def test_grad_outputs_weigh_each_output() -> None:
    x = leaf(1.0, 2.0)
    y, z = x * x, x.sum()
    (g,) = ad.grad([y, z], x, grad_outputs=[ad.tensor(np.array([1.0, 10.0])), None])
    assert g.tolist() == [3.0, 41.0]


def test_the_same_output_twice_counts_twice() -> None:
    x = leaf(2.0)
    y = x * x
    (g,) = ad.grad([y, y], x)
    assert g.item() == 8.0


def test_the_same_input_twice_gives_the_same_twice() -> None:
    x = leaf(2.0)
    a, b = ad.grad(x * x, [x, x])
    assert a.item() == b.item() == 4.0


def test_an_output_may_depend_on_another() -> None:
    x = leaf(2.0)
    y = x * x
    (g,) = ad.grad([y * y, y], x)
    assert g.item() == 4 * 8.0 + 4.0


def test_grad_with_respect_to_an_intermediate_result() -> None:
    x = leaf(2.0)
    y = x * x
    z = y * y * x
    gy, gx = ad.grad(z, [y, x])
    assert gy.item() == 2 * 4.0 * 2.0  # along paths that reach z without passing y again
    assert gx.item() == 5 * 2.0**4


def test_grad_with_respect_to_the_output_is_its_seed() -> None:
    x = leaf(2.0, 3.0)
    y = x * x
    seed = ad.tensor(np.array([5.0, 6.0]))
    (g,) = ad.grad(y, y, grad_outputs=seed)
    assert g.tolist() == [5.0, 6.0]
    assert not np.may_share_memory(g.data.numpy(), seed.data.numpy())


def test_grad_of_a_leaf_with_respect_to_itself_is_one() -> None:
    x = leaf(2.0)
    (g,) = ad.grad(x, x)
    assert g.item() == 1.0


def test_unused_input_is_refused_by_its_position() -> None:
    x, unused = leaf(2.0), leaf(1.0, 1.0)
    with pytest.raises(RuntimeError, match=r"grad: input 1, .*shape \(2,\).*allow_unused=True"):
        ad.grad(x * x, [x, unused])


def test_unused_input_gives_none_or_zeros_when_allowed() -> None:
    x, unused = leaf(2.0), leaf(1.0, 1.0)
    y = x * x
    g, none = ad.grad(y, [x, unused], allow_unused=True, retain_graph=True)
    assert g.item() == 4.0
    assert none is None
    g, zeros = ad.grad(y, [x, unused], materialize_grads=True)
    assert g.item() == 4.0
    assert zeros.tolist() == [0.0, 0.0]
    assert zeros.dtype == np.float64


def test_materialize_grads_contradicts_a_false_allow_unused() -> None:
    x = leaf(2.0)
    with pytest.raises(ValueError, match="materialize_grads"):
        ad.grad(x * x, x, allow_unused=False, materialize_grads=True)


def test_an_input_that_comes_after_the_output_is_unused() -> None:
    x = leaf(2.0)
    y = x * x
    later = y * 3
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        ad.grad(y, later)


def test_input_without_gradient_is_refused() -> None:
    x, c = leaf(2.0), ad.tensor(np.float64(1.0))
    with pytest.raises(RuntimeError, match=r"grad: input 1, .*does not require grad"):
        ad.grad(x * c, [x, c])


def test_output_without_graph_is_refused() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match=r"grad: .*does not have a grad_fn"):
        ad.grad(ad.tensor(1.0), x)


def test_output_of_several_elements_needs_grad_outputs() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"grad: grad can be implicitly created only for scalar outputs.*\(2,\)"):
        ad.grad(x * x, x)
    with pytest.raises(RuntimeError, match=r"grad: .*\(3,\).*\(2,\)"):
        ad.grad(x * x, x, grad_outputs=ad.ones(3))


def test_number_of_grad_outputs_must_be_that_of_outputs() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match=r"grad: .*2 outputs and 1 grad_outputs"):
        ad.grad([x * x, x * 3], x, grad_outputs=[None])


@pytest.mark.parametrize("wrong", [3.0, "x", [3.0], None])
def test_inputs_that_are_no_tensors_are_refused(wrong: object) -> None:
    x = leaf(2.0)
    with pytest.raises(TypeError, match="grad"):
        ad.grad(x * x, wrong)  # type: ignore[arg-type]  # what is tested


def test_no_inputs_are_refused() -> None:
    x = leaf(2.0)
    with pytest.raises(RuntimeError, match=r"grad: .*empty"):
        ad.grad(x * x, [])


def test_grad_frees_the_graph_unless_told_otherwise() -> None:
    x = leaf(2.0)
    y = x * x
    ad.grad(y, x, retain_graph=True)
    ad.grad(y, x)
    with pytest.raises(RuntimeError, match="retain_graph"):
        ad.grad(y, x)


def test_grad_walks_only_towards_its_inputs() -> None:
    x, w = leaf(2.0), leaf(3.0)
    side = w.exp()
    seen: list[float] = []
    side.register_hook(lambda g: seen.append(g.item()))
    ad.grad(x * side, x)
    assert seen == []


def test_grad_does_not_disturb_the_part_of_the_graph_it_does_not_walk() -> None:
    x, w = leaf(2.0), leaf(3.0)
    side = w * w
    ad.grad(x * side, x)
    side.backward()
    assert w.grad is not None
    assert w.grad.item() == 6.0


def test_create_graph_gives_gradients_with_a_graph() -> None:
    x, w = leaf(2.0), leaf(3.0)
    (g,) = ad.grad(x**2 * w, x, create_graph=True)
    assert g.requires_grad
    second = ad.grad(g, [x, w])
    assert [s.item() for s in second] == [6.0, 4.0]


def test_grad_outputs_can_be_differentiated_through() -> None:
    x, v = leaf(2.0, 3.0), leaf(1.0, 1.0)
    (g,) = ad.grad(x * x, x, grad_outputs=v, create_graph=True)
    (dv,) = ad.grad(g.sum(), v)
    assert dv.tolist() == [4.0, 6.0]


def test_grad_penalty_trains_as_derived_on_paper() -> None:
    w, x = leaf(3.0), leaf(2.0)
    (slope,) = ad.grad(w * x**2, x, create_graph=True)
    (slope**2).backward()  # (2 w x)^2
    assert w.grad is not None
    assert w.grad.item() == 8 * 3.0 * 4.0
    assert x.grad is not None
    assert x.grad.item() == 8 * 9.0 * 2.0


def test_grad_works_inside_no_grad_on_a_recorded_graph() -> None:
    x = leaf(2.0)
    y = x * x
    with ad.no_grad():
        (g,) = ad.grad(y, x)
    assert g.item() == 4.0


def test_returned_gradients_share_memory_with_nothing() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = ad.ones(2, dtype="float64")
    gx, gy = ad.grad(x + y, [x, y], grad_outputs=seed)
    gx.fill_(7.0)
    assert gy.tolist() == seed.tolist() == [1.0, 1.0]


def test_returned_gradient_of_an_intermediate_result_is_its_own() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    gy, gx = ad.grad(y + 0, [y, x], grad_outputs=ad.ones(2, dtype="float64"))
    gy.fill_(7.0)
    assert gx.tolist() == [1.0, 1.0]


@needs_torch
def test_the_gradient_of_a_hooked_result_is_what_the_hook_returned_as_in_pytorch() -> None:
    for library, grad in ((ad, ad.grad), (torch, torch.autograd.grad)):
        x = library.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        y.register_hook(lambda g: 10 * g)
        (found,) = grad((3 * y).sum(), [y])
        assert found.tolist() == [30.0, 30.0]


def test_results_that_retain_their_gradient_keep_it() -> None:
    x = ad.tensor(2.0, requires_grad=True)
    h = x * x
    h.retain_grad()
    assert ad.grad(h * 3, x)[0].item() == 12
    assert h.grad is not None
    assert h.grad.item() == 3
    assert x.grad is None


# -- programs beside PyTorch -------------------------------------------------------------------------------------------


def after_a_freed_pass(lib: Any, x: Any) -> Any:
    """Differentiate up to a result behind which the graph is freed."""
    h = x.exp()
    (h * 2).sum().backward()
    return lib.autograd.grad((h * h).sum(), h)


def through_what_is_freed(lib: Any, x: Any) -> Any:
    """Differentiate on, where one of two ways is freed."""
    h = x.exp()
    h.sum().backward()
    return lib.autograd.grad((h + x).sum(), x)


def of_a_leaf_that_was_told_to_retain(lib: Any, x: Any) -> Any:
    """Leave the gradient of a leaf alone, whatever `retain_grad` was told."""
    x.retain_grad()
    return *lib.autograd.grad((x * x).sum(), x), x.grad, x.retains_grad


def with_inputs(lib: Any, x: Any) -> Any:
    """Retain the gradients of the results that a backward pass was asked for."""
    h = x * 2
    (h * h).sum().backward(inputs=[h], retain_graph=True)
    (h * 3).sum().backward()
    return h.grad, h.retains_grad, x.grad


def of_a_detached_view(lib: Any, x: Any) -> Any:
    """Cut a view of a constant off in place, which is refused."""
    return x.detach()[1:].detach_()


def of_rows(lib: Any, x: Any, **options: Any) -> Any:
    """Return a Jacobian and a derivative of unused inputs, by rows."""
    w = lib.ones_like(x, requires_grad=True)
    rows = lib.eye(2, dtype=x.dtype)
    return lib.autograd.grad((x**3).flip(0), [x, w], rows, is_grads_batched=True, allow_unused=True, **options)


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "after a freed pass": after_a_freed_pass,
    "through what is freed": through_what_is_freed,
    "a leaf that retains": of_a_leaf_that_was_told_to_retain,
    "backward with inputs": with_inputs,
    "a detached view": of_a_detached_view,
    "rows": of_rows,
    "rows that can be differentiated": lambda lib, x: lib.autograd.grad(of_rows(lib, x, create_graph=True)[0].sum(), x),
}


@needs_torch
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_do_as_in_pytorch(name: str) -> None:
    def outcome(library: Any) -> Any:
        try:
            found = PROGRAMS[name](library, library.tensor([1.0, 2.0], requires_grad=True))
        except RuntimeError:
            return "refused"
        return [x.detach().numpy().round(4).tolist() if hasattr(x, "detach") else x for x in found]

    assert outcome(ad) == outcome(torch)


def test_rows_of_several_outputs_free_the_graph_at_the_last() -> None:
    x = leaf(1.0, 2.0)
    y, z = x * x, x.exp()
    (g,) = ad.grad(
        iter([y, z]), x, [ad.eye(2, dtype="float64"), ad.zeros(2, 2, dtype="float64")], is_grads_batched=True
    )
    assert g.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    with pytest.raises(RuntimeError, match="freed"):
        y.sum().backward()
