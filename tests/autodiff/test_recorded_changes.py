"""Changes in place that a graph records, beside PyTorch: the tensor, its views and what was read before."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.autodiff.test_backward import leaf, slope
from tests.autodiff.test_threads import at_once
from tests.oracle import check_like_torch, needs_torch, torch

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
V = np.array([2.0, -3.0, 0.5])

Program = Callable[[Any, Any, Any], Any]


def in_turn(*statements: Callable[[Any], Any]) -> Program:
    """Return a program that copies `x` to `h`, runs statements on h and v, and returns h * h."""

    def program(lib: Any, x: Any, v: Any) -> Any:
        h = x * 1
        for statement in statements:
            statement((lib, h, v))
        return h * h

    return program


PROGRAMS: dict[str, Program] = {
    "add_": in_turn(lambda s: s[1].add_(s[2])),
    "mul_": in_turn(lambda s: s[1].mul_(s[2])),
    "div_ twice": in_turn(lambda s: s[1].div_(s[2]), lambda s: s[1].div_(s[2])),
    "sin_ and on": in_turn(lambda s: s[1].sin_(), lambda s: s[1].add_(1)),
    "pow_": in_turn(lambda s: s[1].pow_(3)),
    "relu_": in_turn(lambda s: s[1].relu_()),
    "clamp_": in_turn(lambda s: s[1].clamp_(-0.8, 1.0)),
    "zero_": in_turn(lambda s: s[1].zero_()),
    "fill_ with a tensor": in_turn(lambda s: s[1].fill_(s[2][0])),
    "copy_": in_turn(lambda s: s[1].copy_(s[2])),
    "copy_ of itself": in_turn(lambda s: s[1].copy_(s[1])),
    "masked_fill_": in_turn(lambda s: s[1].masked_fill_(s[1].detach() > 0, s[2][1])),
    "column set": in_turn(lambda s: s[1].__setitem__((slice(None), 0), 0.0)),
    "row set": in_turn(lambda s: s[1].__setitem__(1, s[2])),
    "row of one row set": in_turn(lambda s: s[1].__setitem__(1, s[2][None])),
    "mask set": in_turn(lambda s: s[1].__setitem__(s[1].detach() > 0, s[2][0])),
    "rows set by a list": in_turn(lambda s: s[1].__setitem__([1], s[2])),
    "entries set by integers and a list": in_turn(lambda s: s[1].__setitem__((0, [2, 0]), s[2][1:])),
    "through a view": in_turn(lambda s: s[1][0].mul_(s[2])),
    "through a view of a view": in_turn(lambda s: s[1].mT[1:][:, 0].sin_()),
    "through a reshaped view": in_turn(lambda s: s[1].reshape(3, 2)[1].mul_(s[2][:2])),
    "through a diagonal": in_turn(lambda s: s[1][:, :2].diagonal().mul_(s[2][:2])),
    "entry of a view, augmented": in_turn(lambda s: s[1].__setitem__(0, s[1][0].add_(s[2]))),
    "scatter_": in_turn(lambda s: s[1].scatter_(1, s[0].tensor([[0, 2], [1, 0]]), s[2].expand(2, 3)[:, :2] * 1)),
}


@needs_torch
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_result_is_changed_in_place(name: str) -> None:
    check_like_torch(PROGRAMS[name], X, V)


def rows(lib: Any, x: Any, v: Any) -> Any:
    """Fill an array row by row, each from the one before: how a recurrent network is often written."""
    out = lib.zeros(4, 3, dtype=lib.float64)
    out[0] = v
    for t in range(1, 4):
        out[t] = (out[t - 1] + x[0]).sin()
    return out


def views_of_it(lib: Any, x: Any, v: Any) -> Any:
    """Read a view before and after its base changes."""
    h = x * 2
    row = h[0]
    before = row + 1
    h.mul_(v)
    return before * 3 + row * row


def an_array_without_a_graph(lib: Any, x: Any, v: Any) -> Any:
    """Let a view of zeros receive what requires a gradient: base, view and another view depend on it then."""
    out = lib.zeros(2, 3, dtype=lib.float64)
    one, two = out[0], out[:, 1:]
    one.add_(v)
    return out.sum() + (two * two).sum() + one.sum() * 2


def a_reader_before(lib: Any, x: Any, v: Any) -> Any:
    """Read a result before it changes by what was computed from it."""
    h = x * 2
    y = h + v
    h += y
    h *= 2
    return h * 1 + y


def through_detach(lib: Any, x: Any, v: Any) -> Any:
    """Add to a detached alias: the alias is differentiated, the tensor it came from keeps its history."""
    h = x * 1
    d = h.detach()
    d.add_(v)
    return d * d + h


@needs_torch
@pytest.mark.parametrize("program", [rows, views_of_it, an_array_without_a_graph, a_reader_before, through_detach])
def test_programs_that_change_what_they_read(program: Program) -> None:
    check_like_torch(program, X, V)


@needs_torch
def test_second_derivatives_pass_through_changes() -> None:
    found = []
    for lib, grad in ((ad, ad.grad), (torch, torch.autograd.grad)):
        x = lib.tensor(X, requires_grad=True)
        h = x.sin()
        h[0] = h[1] + x[0]
        h[:, 1].exp_()
        (g,) = grad((h * h * h).sum(), x, create_graph=True)
        (gg,) = grad((g * g).sum(), x)
        found.append((g.detach().numpy(), gg.detach().numpy()))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_the_object_and_its_memory_stay() -> None:
    h = leaf(1.0, 2.0) * 3
    memory, alias = h.detach().numpy(), h
    h += 1
    assert h is alias
    assert h.detach().numpy() is memory
    assert memory.tolist() == [4.0, 7.0]


@pytest.mark.parametrize(
    ("change", "needed"),
    [
        (lambda h: h.relu_(), lambda h: h * h),
        (lambda h: h[:1].zero_(), lambda h: h.log()),
        (lambda h: h.__setitem__(0, 5.0), lambda h: h**2),
    ],
)
def test_a_value_that_a_derivative_needs_is_missed(change: Callable[[Any], Any], needed: Callable[[Any], Any]) -> None:
    x = leaf(1.0, 2.0)
    h = x * 1
    y = needed(h)
    change(h)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    assert x.grad is None


def test_a_result_that_its_own_derivative_needs_is_missed() -> None:
    x = leaf(1.0, 2.0)
    h = (x * 1).relu_().add_(1)
    with pytest.raises(RuntimeError, match=r"relu: its output, .*changed in place"):
        h.sum().backward()


def test_leaves_and_their_views_are_refused_also_where_the_view_came_first() -> None:
    w = ad.zeros(3)
    early = w[1:]
    w.requires_grad_()
    for change in (lambda: early.add_(1), lambda: w[0].fill_(1), lambda: w.add_(1), lambda: w.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used"):
            change()
    assert w.tolist() == [0.0, 0.0, 0.0]


def test_a_view_made_without_recording_is_not_changed_with_it() -> None:
    out = ad.zeros(3, dtype="float64")
    with ad.no_grad():
        part = out[:2]
    with pytest.raises(RuntimeError, match=r"add_: .*no_grad"):
        part.add_(leaf(1.0, 2.0))


def test_hooks_stay_with_the_value_they_were_put_on_and_retained_gradients_move_on() -> None:
    x, seen = leaf(1.0, 2.0), []
    h = x * 1
    h.register_hook(lambda g: seen.append(g.tolist()))
    h.retain_grad()
    h.mul_(2)
    (h * 3).sum().backward()
    assert seen == [[6.0, 6.0]]
    assert slope(h) == [3.0, 3.0]
    assert slope(x) == [6.0, 6.0]


def test_no_cycle_arises_from_what_was_read_before() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        h = x * 2
        row = h[:1]
        h += h.exp() * row + h[1:]
        gone = weakref.ref(h)
        del h, row
        assert gone() is None
    finally:
        gc.enable()


# -- inplace=True ------------------------------------------------------------------------------------------------------

IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda f, h: f.relu(h, inplace=True),
    "leaky_relu": lambda f, h: f.leaky_relu(h, 0.2, inplace=True),
    "threshold": lambda f, h: f.threshold(h, 0.1, 20.0, inplace=True),
    "elu": lambda f, h: f.elu(h, 1.5, inplace=True),
    "celu": lambda f, h: f.celu(h, 1.5, inplace=True),
    "selu": lambda f, h: f.selu(h, inplace=True),
    "silu": lambda f, h: f.silu(h, inplace=True),
    "mish": lambda f, h: f.mish(h, inplace=True),
    "hardtanh": lambda f, h: f.hardtanh(h, -0.5, 0.6, inplace=True),
    "relu6": lambda f, h: f.relu6(h, inplace=True),
    "hardsigmoid": lambda f, h: f.hardsigmoid(h, inplace=True),
    "hardswish": lambda f, h: f.hardswish(h, inplace=True),
    "dropout": lambda f, h: f.dropout(h, 0.0, inplace=True),
}


@needs_torch
@pytest.mark.parametrize("name", IN_PLACE)
def test_inplace_puts_the_result_into_the_input(name: str) -> None:
    def call(lib: Any, x: Any) -> Any:
        h = x * 1
        f = nn.functional if lib is ad else torch.nn.functional
        assert IN_PLACE[name](f, h) is h
        return h * 1

    check_like_torch(call, X, rtol=1e-7)  # PyTorch's hardsigmoid divides by a 6 of float32


@pytest.mark.parametrize("module", [nn.ReLU, nn.ELU, nn.LeakyReLU, nn.Hardtanh, nn.SiLU, nn.Dropout])
def test_a_module_that_is_asked_to_works_in_place(module: Callable[..., nn.Module]) -> None:
    plain = ad.tensor([-1.0, 2.0])
    made = module(inplace=True)
    assert made(plain) is plain
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad is being used"):
        made(leaf(-1.0, 2.0))


# -- data --------------------------------------------------------------------------------------------------------------


def test_data_is_a_tensor_on_the_same_memory_without_a_graph() -> None:
    w = leaf(1.0, 2.0)
    d = w.data
    assert isinstance(d, ad.Tensor)
    assert not d.requires_grad
    d.add_(1)
    w.data -= 0.5
    w.data[0] = 5.0
    assert w.tolist() == [5.0, 2.5]
    assert w.data.numpy() is d.numpy()
    assert w.requires_grad
    assert w.is_leaf


def test_data_of_a_number_is_shared_too() -> None:
    w = ad.tensor(1.0, requires_grad=True)
    d = w.data
    w.data -= 0.25
    assert (w.item(), d.item()) == (0.75, 0.75)
    d.fill_(3)
    assert (w.item(), d.item()) == (3.0, 3.0)
    d.numpy()[...] = 4.0
    w.data.mul_(2)
    assert (w.item(), d.item()) == (8.0, 8.0)


def test_a_number_that_is_updated_by_hand_stays_a_fast_one() -> None:
    w = ad.tensor(1.0, requires_grad=True)
    for _ in range(3):
        w.grad = None
        (w * w).backward()
        w.data -= 0.1 * w.grad  # type: ignore[operator]  # there is one
    assert isinstance(w._data, np.float32)
    assert w.item() == pytest.approx(0.8**3)


@pytest.mark.parametrize(
    "write",
    [
        lambda h: h.data.__setitem__(0, 100.0),
        lambda h: h.data.mul_(2),
        lambda h: setattr(h, "data", np.array([7.0, 8.0])),
        lambda h: setattr(h, "data", ad.tensor([7.0, 8.0], dtype="float64")),
        lambda h: setattr(h, "data", h.data * 2),
    ],
)
@pytest.mark.parametrize("is_leaf", [True, False])
def test_what_is_written_through_data_is_seen(write: Callable[[Any], Any], is_leaf: bool) -> None:
    x = leaf(1.0, 2.0)
    h = x if is_leaf else x * 1
    y = (h * h).sum()
    write(h)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_data_that_is_set_to_a_tensor_shares_its_memory() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    a.data = b.data
    b.data.add_(1)
    assert a.tolist() == [4.0, 5.0]


# -- the rest of what programs written for PyTorch do ------------------------------------------------------------------


def test_arrays_of_tensors_that_require_a_gradient_under_no_grad() -> None:
    w = leaf(1.0, 2.0)
    with ad.no_grad():
        assert w.numpy().tolist() == np.asarray(w).tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="detach"):
        w.numpy()


def test_zeros_that_grad_materializes_can_be_differentiated() -> None:
    x, z = leaf(2.0), leaf(3.0)
    first = ad.grad(x * x, [x, z], create_graph=True, materialize_grads=True)
    assert [g.item() for g in ad.grad(first[1], [x, z], materialize_grads=True)] == [0.0, 0.0]
    assert not ad.grad(x * x, [x, z], materialize_grads=True)[1].requires_grad


def test_a_gradient_can_be_deleted_and_tensors_take_attributes() -> None:
    w = leaf(1.0)
    (w * w).sum().backward()
    del w.grad
    assert w.grad is None
    w.org = "somebody"  # type: ignore[attr-defined]  # as on any object
    assert w.org == "somebody"  # type: ignore[attr-defined]  # as above


@pytest.mark.parametrize("kind", ["leaf", "retained"])
def test_no_gradient_is_lost_among_threads(kind: str) -> None:
    w = ad.tensor(np.zeros(3), requires_grad=True)
    shared = w if kind == "leaf" else w * 1
    shared.retain_grad()

    def work() -> None:
        for _ in range(100):
            (shared * 1.0).sum().backward(retain_graph=True)

    at_once(*[work] * 8)
    assert slope(shared) == [800.0] * 3
