"""A rule of one's own: Lion, written from the base's docstring alone."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from optim.layout import BLOCK
from tests.oracle import Array


class Lion(optim.Optimizer):
    elementwise = True

    def __init__(self, params: Any, lr: float = 1e-4, betas: Any = (0.9, 0.99), weight_decay: float = 0, **flags: Any):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay}, **flags)

    def fills(self, group: Any) -> dict[str, float]:
        return {"exp_avg": 0.0}

    def update(self, param: Array, grad: Array, state: Any, group: Any, step: int) -> None:
        average, (beta1, beta2) = state["exp_avg"], group["betas"]
        param *= 1 - group["lr"] * group["weight_decay"]
        param -= group["lr"] * np.sign(beta1 * average + (1 - beta1) * grad)
        average *= beta2
        average += (1 - beta2) * grad


def lion(value: Array, slopes: list[Array], lr: float, betas: Any, weight_decay: float) -> tuple[Array, Array]:
    """Return where Lion takes a parameter, and its average, by the paper's algorithm 2 (arXiv:2302.06675)."""
    theta, m = value.copy(), np.zeros_like(value)
    for g in slopes:
        c = betas[0] * m + (1 - betas[0]) * g
        theta = theta - lr * (np.sign(c) + weight_decay * theta)
        m = betas[1] * m + (1 - betas[1]) * g
    return theta, m


OPTIONS: list[dict[str, Any]] = [
    {}, {"lr": 0.1, "weight_decay": 0.3}, {"lr": 0.01, "betas": (0.5, 0.8)}, {"maximize": True, "lr": 0.1},
    {"foreach": True, "lr": 0.1}, {"fused": True}, {"capturable": False, "differentiable": False},
]  # fmt: skip


def run(options: dict[str, Any], shapes: list[tuple[int, ...]], steps: int) -> Any:
    """Return parameters' first values, all gradients, the parameters after as many steps, and the optimizer."""
    rng = np.random.default_rng(0)
    values = [np.asarray(rng.standard_normal(s)) for s in shapes]
    slopes = [[np.asarray(rng.standard_normal(s)) for s in shapes] for _ in range(steps)]
    params = [ad.tensor(v, requires_grad=True) for v in values]
    optimizer = Lion(params, **options)
    for i, gs in enumerate(slopes):
        if i == 3:  # through a checkpoint, into another optimizer
            state = pickle.loads(pickle.dumps(optimizer.state_dict()))
            optimizer = Lion(params, lr=123.0)
            optimizer.load_state_dict(state)
        for p, g in zip(params, gs, strict=True):
            p.grad = ad.tensor(g)
        optimizer.step()
    return values, slopes, params, optimizer


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_its_steps_are_those_of_the_paper(options: dict[str, Any]) -> None:
    shapes = [(2, 3), (), (4,), (BLOCK + 7,), (0,)]
    values, slopes, params, optimizer = run(options, shapes, 6)
    sign = -1 if options.get("maximize") else 1
    group = optimizer.param_groups[0]
    for i, (p, value) in enumerate(zip(params, values, strict=True)):
        mine = [sign * gs[i] for gs in slopes]
        theta, m = lion(value, mine, group["lr"], group["betas"], group["weight_decay"])
        np.testing.assert_allclose(p.detach().numpy(), theta, rtol=1e-13, atol=1e-13)  # six steps of 1e-16 each
        np.testing.assert_allclose(optimizer.state[p]["exp_avg"], m, rtol=1e-13, atol=1e-15)
        assert optimizer.state[p]["step"] == 6


def test_it_takes_fifteen_lines_and_names_no_flag() -> None:
    code = [line for line in inspect.getsource(Lion).splitlines() if line.strip()]
    assert len(code) <= 15
    for flag in ("maximize", "foreach", "fused", "capturable", "differentiable"):
        assert flag not in "".join(code)


@pytest.mark.parametrize(
    ("kind", "match", "options"),
    [
        (ValueError, "Lion: lr must be a number that is not negative", {"lr": -1.0}),
        (TypeError, "Lion: betas must be two numbers", {"betas": 0.9}),
        (ValueError, "Lion: weight_decay must be", {"weight_decay": float("nan")}),
        (ValueError, "Lion: capturable must be False", {"capturable": True}),
        (TypeError, "Lion: foreach must be True, False or None", {"foreach": "yes"}),
        (RuntimeError, "Lion: fused and foreach cannot both be True", {"foreach": True, "fused": True}),
        (TypeError, "Lion: there is no option 'betta'", {"betta": 1}),
    ],
)
def test_its_options_are_checked_by_the_base(kind: type[Exception], match: str, options: dict[str, Any]) -> None:
    with pytest.raises(kind, match=match):
        Lion([ad.ones(1, requires_grad=True)], **options)


def test_an_option_may_bring_its_own_check() -> None:
    def odd(title: str, value: Any) -> None:
        if value % 2 == 0:
            raise ValueError(f"{title} must be odd, got {value}")

    class Own(Lion):
        options = {"order": odd}  # noqa: RUF012  # as short as a user writes it

        def __init__(self, params: Any, order: int) -> None:
            optim.Optimizer.__init__(self, params, {"lr": 0.1, "order": order})

    with pytest.raises(ValueError, match="Own: order must be odd, got 2"):
        Own([ad.ones(1)], order=2)
    with pytest.raises(ValueError, match="Own: lr must be"):
        Own([{"params": [ad.ones(1)], "lr": -1.0}], order=3)


def test_a_rule_with_a_step_of_its_own_reads_its_options_itself() -> None:
    class Own(optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": None, "betas": (0.0, 0.9, 0.99), "eps": (1e-30, 1e-3)})

        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    p.data -= group["betas"][1] * p.grad

    w = ad.tensor([1.0], requires_grad=True)
    own = Own([w])
    w.grad = ad.tensor([1.0])
    own.step()
    assert w.tolist() == pytest.approx([0.1])
    own.load_state_dict(own.state_dict())
    assert own.param_groups[0]["lr"] is None
