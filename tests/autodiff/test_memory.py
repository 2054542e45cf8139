"""Long graphs and memory: no recursion, no reference cycles, nothing kept longer than needed."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.engine import backward
from tests.autodiff.test_backward import leaf

LONG = 1_000_000

# Python and NumPy keep some thousand freed tuples, floats and small arrays for reuse and count them as in use.
FREE_LISTS = LONG // 100


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Switch the cycle collector off, so that only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def blocks() -> int:
    """Return the number of Python's memory blocks in use."""
    return sys.getallocatedblocks()


@pytest.mark.usefixtures("no_collector")
def test_a_chain_of_a_million_operations_differentiates_and_frees_itself() -> None:
    x, one = leaf(1.0), ad.tensor(np.float64(1.0))
    before = blocks()
    y = x
    for _ in range(LONG):
        y = y * one
    assert blocks() - before > LONG
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0
    del y
    assert blocks() - before < FREE_LISTS


@pytest.mark.usefixtures("no_collector")
def test_dropping_the_last_reference_to_a_long_graph_frees_all_of_it() -> None:
    x = leaf(1.0)
    before = blocks()
    y = x
    for _ in range(LONG // 2):
        y = y + x
    first = weakref.ref(y)
    del y
    assert first() is None
    assert blocks() - before < FREE_LISTS


def test_a_long_chain_can_be_differentiated_twice() -> None:
    x = leaf(0.5)
    y = x
    for _ in range(20_000):
        y = y * 1.0 + 0.0
    (g,) = ad.grad(y * x, x, create_graph=True)
    assert g.item() == 1.0
    (second,) = ad.grad(g, x)
    assert second.item() == 2.0


def test_a_graph_as_wide_as_it_is_long_is_no_special_case() -> None:
    x = ad.ones(2000, dtype="float64", requires_grad=True)
    total = sum(x)
    total.backward()
    assert x.grad is not None
    assert np.all(x.grad.detach().numpy() == 1.0)


def mlp_step(w: list[ad.Tensor], x: ad.Tensor, create_graph: bool = False) -> float:
    """Take one step of a small network that uses most kinds of operations."""
    hidden = ((x @ w[0] + w[1]).relu() @ w[2]).log_softmax(1)
    loss = -hidden[range(len(x)), [0] * len(x)].mean() + ad.cat([p.reshape(-1) for p in w]).var()
    for p in w:
        p.grad = None
    if create_graph:
        grads = ad.grad(loss, w, create_graph=True)
        loss = loss + sum((g * g).sum() for g in grads)
    loss.backward()
    with ad.no_grad():
        for p in w:
            assert p.grad is not None
            p -= 0.01 * p.grad
    return float(loss.item())


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.usefixtures("no_collector")
def test_two_hundred_training_steps_leave_no_objects_behind(create_graph: bool) -> None:
    ad.manual_seed(0)
    w = [ad.randn(4, 5, requires_grad=True), ad.randn(5, requires_grad=True), ad.randn(5, 3, requires_grad=True)]
    x = ad.randn(8, 4)
    for _ in range(20):  # the free lists of Python and NumPy fill up first; a leak grows in every round
        objects, before = len(gc.get_objects()), blocks()
        for _ in range(200):
            mlp_step(w, x, create_graph)
        grown = len(gc.get_objects()) - objects, blocks() - before
        if grown[0] < 20 and grown[1] < 100:
            break
    assert grown[0] < 20
    assert grown[1] < 100
    assert gc.collect() < 20  # nothing was left for the collector either


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("differentiate", [False, True])
def test_results_die_with_their_last_reference(differentiate: bool) -> None:
    x = leaf(1.0, 2.0)
    parts = [x * x]
    parts += [parts[0].reshape(2, 1), parts[0][0], parts[0].exp()]
    parts += [ad.cat([parts[1].reshape(-1), parts[3]]).sum()]
    watched = [weakref.ref(p) for p in parts]
    if differentiate:
        parts[-1].backward()
    del parts
    assert [w() for w in watched] == [None] * len(watched)


@pytest.mark.usefixtures("no_collector")
def test_a_failed_backward_leaves_nothing_behind() -> None:
    x, c = leaf(1.0, 2.0), ad.ones(2, dtype="float64")
    y = x * c
    watched = weakref.ref(y)
    c.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()
    del y
    gc.collect()  # the error's own traceback is a cycle
    assert watched() is None


@pytest.mark.usefixtures("no_collector")
def test_hooks_and_views_make_no_cycles() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g * 2)
    y.retain_grad()
    view = y[:1]
    detached = y.detach()
    watched = [weakref.ref(t) for t in (x, y, view, detached)]
    (view.sum() + y.sum()).backward()
    del x, y, view, detached
    assert [w() for w in watched] == [None] * 4


@pytest.mark.usefixtures("no_collector")
def test_a_hook_on_another_leaf_does_not_keep_a_graph() -> None:
    other = ad.ones(3, requires_grad=True)
    for _ in range(2):
        other.register_post_accumulate_grad_hook(lambda t: None)
    test_backward_frees_the_graph_as_it_walks()
    (other * 2).sum().backward()
    del other
    assert not backward._hooks_wait


@pytest.mark.usefixtures("no_collector")
def test_backward_frees_the_graph_as_it_walks() -> None:
    x = leaf(1.0)
    alive: list[int] = []
    watched: list[Any] = []
    y = x
    for k in range(10):
        y = y * 1.0
        watched.append(weakref.ref(y))
        if k == 2:
            y.register_hook(lambda g: alive.append(sum(w() is not None for w in watched)))
    out = y.exp()
    del y
    out.backward()
    assert alive[0] <= 5  # the seven later results are gone when the walk arrives at the third


@pytest.mark.usefixtures("no_collector")
def test_backward_frees_saved_arrays_although_the_output_lives_on() -> None:
    x = ad.ones(10, dtype="float64", requires_grad=True)
    middle = x.exp()
    watched = weakref.ref(middle)
    out = (middle * middle).sum()
    del middle
    assert watched() is not None
    out.backward()
    assert watched() is None
    assert out.item() > 0


@pytest.mark.usefixtures("no_collector")
def test_a_retained_graph_is_kept() -> None:
    x = leaf(1.0)
    middle = x.exp()
    watched = weakref.ref(middle)
    out = middle * middle
    del middle
    out.backward(retain_graph=True)
    assert watched() is not None
    out.backward()
    assert watched() is None


def test_no_grad_keeps_nothing() -> None:
    x = leaf(1.0)
    with ad.no_grad():
        middle = x.exp()
        out = middle * 2
    watched = weakref.ref(middle)
    del middle
    assert watched() is None
    assert out.item() > 0


LAST: dict[str, Callable[[ad.Tensor], ad.Tensor]] = {
    "sum": lambda h: h.sum(),
    "mean": lambda h: h.mean(),
    "added": lambda h: (h + 1).sum() + 1,
    "l1": lambda h: (h - 1).abs().mean(),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("last", LAST)
def test_a_loss_that_is_kept_holds_nothing_of_what_it_was_computed_from(last: str) -> None:
    h = leaf(np.ones(3)).exp()
    noted = weakref.ref(h)
    loss = LAST[last](h)
    del h
    loss.backward()
    assert noted() is None
    with pytest.raises(RuntimeError, match="was freed"):
        loss.backward()


def test_what_read_nothing_that_is_freed_can_be_differentiated_again() -> None:
    x = leaf(np.ones(3))
    plain = (x + 1).sum()
    both = plain + x.exp().sum()
    both.backward()
    plain.backward()
    assert np.asarray(x.grad).tolist() == pytest.approx([2 + np.e] * 3)
    with pytest.raises(RuntimeError, match="was freed"):
        both.backward()
