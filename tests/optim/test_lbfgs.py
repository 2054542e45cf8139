"""LBFGS beside PyTorch's, its line search, its state, and what it refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.oracle import array, needs_torch, ours, theirs, torch

SEARCHES = pytest.mark.parametrize("search", [None, "strong_wolfe"])
X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.random.default_rng(1).normal(size=20)


def rosenbrock(w: Any, b: Any) -> Any:
    """Return a loss whose minimum lies in a bent valley."""
    return ((1 - w[:-1]) ** 2).sum() + 5 * ((w[1:] - w[:-1] ** 2) ** 2).sum() + (b - w[0]) ** 2


def regression(w: Any, b: Any) -> Any:
    """Return a loss like that of a small network."""
    make = ours if isinstance(w, ad.Tensor) else theirs
    off = (make(X) @ w).tanh() + b - make(Y)
    return (off * off).mean() + 0.1 * (w * w).sum()


def quartic(w: Any, b: Any) -> Any:
    """Return a loss whose second derivative vanishes at the minimum."""
    return ((w - 1) ** 4).sum() + b**4


LOSSES = [rosenbrock, regression, quartic]


def trained(make: Any, rule: Any, loss: Callable[[Any, Any], Any], steps: int, **options: Any) -> tuple[Any, ...]:
    """Return losses, parameters, and how often the loss was computed, of an optimization."""
    w, b = (make(np.array(v), requires_grad=True) for v in ([-1.2, 1.0, 0.7], 0.5))
    optimizer = rule([w, b], **options)
    losses = []

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss(w, b)
        value.backward()
        return value

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    state = optimizer.state[w]
    return losses, [array(w), array(b)], (state["func_evals"], state["n_iter"])


@needs_torch
@SEARCHES
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("options", [{}, {"history_size": 2, "max_iter": 5}, {"lr": 0.3, "max_eval": 7}])
def test_steps_equal_pytorchs(search: Any, loss: Any, options: dict[str, Any]) -> None:
    if search is None:
        options = {"lr": 0.05, **options}
    found = trained(ours, optim.LBFGS, loss, 4, line_search_fn=search, **options)
    expected = trained(theirs, torch.optim.LBFGS, loss, 4, line_search_fn=search, **options)
    # Rounding of 1e-16 grows with each direction that is found from differences of gradients.
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6, atol=1e-9)
    for mine, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-5)
    if found[0][-1] > 1e-8:  # at the minimum rounding decides when it is over
        assert found[2] == expected[2]


@pytest.mark.parametrize("loss", LOSSES)
def test_it_finds_the_minimum(loss: Any) -> None:
    losses, (w, b), _ = trained(ours, optim.LBFGS, loss, 12, line_search_fn="strong_wolfe")
    assert losses[-1] <= min(losses) + 1e-12
    p, q = ours(w, requires_grad=True), ours(b, requires_grad=True)
    loss(p, q).backward()
    assert p.grad is not None
    assert np.abs(p.grad.numpy()).max() < 1e-5


@SEARCHES
def test_a_copy_goes_on_as_the_original(search: Any) -> None:
    def run(restart: bool) -> list[float]:
        w = ad.tensor([-1.2, 1.0, 0.7], dtype=np.float64, requires_grad=True)
        b = ad.tensor(0.5, dtype=np.float64)
        options: dict[str, Any] = {"max_iter": 4, "lr": 0.05 if search is None else 1, "line_search_fn": search}
        optimizer = optim.LBFGS([w], **options)
        losses = []

        def closure() -> ad.Tensor:
            optimizer.zero_grad()
            value = rosenbrock(w, b)
            value.backward()
            return value

        for i in range(6):
            if restart and i == 3:
                state = copy.deepcopy(optimizer.state_dict())
                optimizer = optim.LBFGS([w], **options)
                optimizer.load_state_dict(state)
            losses.append(optimizer.step(closure).item())
        return losses

    assert run(False) == run(True)


def test_a_step_after_forward_is_noticed() -> None:
    w = ad.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.LBFGS([w])

    def closure() -> ad.Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    late = (w * w).sum()
    optimizer.step(closure)
    with pytest.raises(RuntimeError, match="changed in place"):
        late.backward()


def test_a_parameter_without_gradient_stays() -> None:
    w, idle = ad.tensor([1.0, 2.0], requires_grad=True), ad.tensor([3.0], requires_grad=True)
    optimizer = optim.LBFGS([w, idle])

    def closure() -> ad.Tensor:
        optimizer.zero_grad()
        loss = ((w - 4) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(w.detach().numpy(), 4.0, atol=1e-5)
    assert idle.tolist() == [3.0]


BAD: dict[str, tuple[Callable[[ad.Tensor], Any], type[Exception], list[str]]] = {
    "no closure": (lambda w: optim.LBFGS([w]).step(), TypeError, ["LBFGS", "closure"]),
    "a closure that returns nothing": (lambda w: optim.LBFGS([w]).step(lambda: None), TypeError, ["loss", "NoneType"]),
    "two groups": (
        lambda w: optim.LBFGS([{"params": [w]}, {"params": [ad.ones(1, requires_grad=True)]}]),
        ValueError,
        ["one group", "2"],
    ),
    "an unknown search": (lambda w: optim.LBFGS([w], line_search_fn="wolfe"), ValueError, ["'wolfe'", "strong_wolfe"]),
    "no directions": (lambda w: optim.LBFGS([w], max_iter=0), ValueError, ["max_iter", "0"]),
    "half a memory": (lambda w: optim.LBFGS([w], history_size=1.5), TypeError, ["history_size", "1.5"]),  # type: ignore[arg-type]  # which is the point
    "a negative tolerance": (lambda w: optim.LBFGS([w], tolerance_grad=-1.0), ValueError, ["tolerance_grad", "-1.0"]),
}


@pytest.mark.parametrize(("call", "kind", "named"), BAD.values(), ids=list(BAD))
def test_what_does_not_fit_is_refused_by_name(call: Any, kind: type[Exception], named: list[str]) -> None:
    with pytest.raises(kind) as error:
        call(ad.tensor([1.0], requires_grad=True))
    assert [text for text in named if text not in str(error.value)] == [], str(error.value)
