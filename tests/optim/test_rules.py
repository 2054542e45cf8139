"""Every update rule against PyTorch's over its options, and against a worked example."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import optim
from tests.fuzzing import examples
from tests.oracle import Array, needs_torch, torch

STEPS = examples(40)
SHAPES = [(3, 4), (), (5,), (2, 0), (7, 1)]

# For each rule the values that are tried for its options, all of them with each other.
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "SGD": {"lr": [0.1], "momentum": [0, 0.9], "dampening": [0, 0.3], "weight_decay": [0, 0.1],
            "nesterov": [False, True], "maximize": [False, True]},
    "Adagrad": {"lr": [0.1], "lr_decay": [0, 0.05], "weight_decay": [0, 0.1], "initial_accumulator_value": [0, 0.5],
                "eps": [1e-10, 0.1], "maximize": [False, True]},
    "RMSprop": {"lr": [0.01], "alpha": [0.99, 0.5], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1], "momentum": [0, 0.9],
                "centered": [False, True], "maximize": [False, True]},
    "Adam": {"lr": [0.1], "betas": [(0.9, 0.999), (0.0, 0.5)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
             "amsgrad": [False, True], "maximize": [False, True], "decoupled_weight_decay": [False, True]},
    "Adadelta": {"lr": [1.0, 0.1], "rho": [0.9, 0.5], "eps": [1e-6, 0.1], "weight_decay": [0, 0.1],
                 "maximize": [False, True]},
    "Adamax": {"lr": [0.1], "betas": [(0.9, 0.999), (0.0, 0.5)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
               "maximize": [False, True]},
    "RAdam": {"lr": [0.1], "betas": [(0.9, 0.999), (0.5, 0.9)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
              "maximize": [False, True], "decoupled_weight_decay": [False, True]},
    "NAdam": {"lr": [0.1], "betas": [(0.9, 0.999), (0.5, 0.9)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
              "momentum_decay": [4e-3, 0.1], "maximize": [False, True], "decoupled_weight_decay": [False, True]},
    "Rprop": {"lr": [0.1], "etas": [(0.5, 1.2), (0.3, 1.5)], "step_sizes": [(1e-6, 50), (0.05, 0.12)],
              "maximize": [False, True]},
    "ASGD": {"lr": [0.1], "lambd": [1e-4, 0.1], "alpha": [0.75, 0.5], "t0": [1e6, 5], "weight_decay": [0, 0.1],
             "maximize": [False, True]},
    "AdamW": {"lr": [0.1], "betas": [(0.9, 0.999)], "weight_decay": [0.01, 0.3], "amsgrad": [False, True],
              "maximize": [False, True]},
}  # fmt: skip


def combinations() -> Iterator[Any]:
    """Yield (rule, options) for every combination that the rule allows."""
    for rule, options in OPTIONS.items():
        for values in itertools.product(*options.values()):
            chosen = dict(zip(options, values, strict=True))
            if not (chosen.get("nesterov") and (not chosen["momentum"] or chosen["dampening"])):
                yield pytest.param(rule, chosen, id=f"{rule}({', '.join(f'{k}={v}' for k, v in chosen.items())})")


def gradients() -> Iterator[list[Array]]:
    """Yield random gradients, step after step."""
    rng = np.random.default_rng(5)
    for _ in range(STEPS):
        yield [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]


def values() -> list[Array]:
    """Return what the parameters start with."""
    rng = np.random.default_rng(4)
    return [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]


@needs_torch
@pytest.mark.parametrize(("rule", "options"), list(combinations()))
def test_parameters_and_state_equal_pytorchs_after_many_steps(rule: str, options: dict[str, Any]) -> None:
    mine = [ad.tensor(v, requires_grad=True) for v in values()]
    theirs = [torch.tensor(v, requires_grad=True) for v in values()]
    ours, reference = getattr(optim, rule)(mine, **options), getattr(torch.optim, rule)(theirs, **options)
    for grads in gradients():
        for p, q, g in zip(mine, theirs, grads, strict=True):
            p.grad, q.grad = ad.tensor(g), torch.tensor(g)
        ours.step()
        reference.step()
    state, expected = ours.state_dict()["state"], reference.state_dict()["state"]
    # Each step rounds at 1e-16 in an order of its own, and all steps add that up. Of NAdam PyTorch keeps the product of
    # the momenta in float32, which rounds at 6e-8 in each step; of ASGD the rate.
    near = 1e-10 if rule not in ("NAdam", "ASGD") else 1e-5
    for i, (p, q) in enumerate(zip(mine, theirs, strict=True)):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=near, atol=near)
        known = {name: value for name, value in expected.get(i, {}).items() if value is not None}
        assert state.get(i, {}).keys() == known.keys()
        for name, value in known.items():
            np.testing.assert_allclose(np.asarray(state[i][name]), value.numpy(), rtol=near, atol=near)


@needs_torch
@pytest.mark.parametrize("rule", [*OPTIONS, "Momentum"])
def test_defaults_are_pytorchs(rule: str) -> None:
    defaults = getattr(optim, rule)([ad.zeros(1)]).defaults
    kind = torch.optim.SGD if rule == "Momentum" else getattr(torch.optim, rule)
    expected = kind([torch.zeros(1)], **({"momentum": 0.9} if rule == "Momentum" else {})).defaults
    assert defaults == {name: expected[name] for name in defaults}
    assert expected.keys() == defaults.keys()


def test_momentum_is_sgd_with_momentum() -> None:
    a, b = (ad.tensor(values()[0], requires_grad=True) for _ in range(2))
    momentum, sgd = optim.Momentum([a], lr=0.1, weight_decay=0.1), optim.SGD([b], 0.1, 0.9, weight_decay=0.1)
    for grads in itertools.islice(gradients(), 5):
        a.grad, b.grad = ad.tensor(grads[0]), ad.tensor(grads[0])
        momentum.step()
        sgd.step()
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


@needs_torch
@pytest.mark.parametrize("rule", OPTIONS)
def test_float32_equals_pytorchs_and_stays_float32(rule: str) -> None:
    start, grads = (a.astype(np.float32) for a in (values()[0], next(gradients())[0]))
    p, q = ad.tensor(start, requires_grad=True), torch.tensor(start, requires_grad=True)
    ours, reference = getattr(optim, rule)([p]), getattr(torch.optim, rule)([q])
    for _ in range(10):
        p.grad, q.grad = ad.tensor(grads), torch.tensor(grads)
        ours.step()
        reference.step()
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5, atol=1e-6)  # ten steps at 6e-8 each


# -- a worked example --------------------------------------------------------------------------------------------------

# Five steps in a row on one layer with a learning rate of 10, as a course's own optimizers take them; each starts from
# what the one before has left: the first row of W, and b[0].
EXPECTED = {
    "sgd": [7.67789007, 8.16882972, 10.34203348, -3.22934657],
    "momentum": [14.46528172, 15.04341688, 19.30016537, -4.77070266],
    "adagrad": [22.50872929, 22.74302212, 28.47667875, -7.62607443],
    "rmsprop": [30.69802889, 30.60433129, 37.72651766, -10.62235939],
    "adam": [29.41774022, 19.27573813, 23.68071186, 1.52919472],
}


def test_a_courses_optimizers_are_these_with_another_state() -> None:
    rng = np.random.RandomState(101)
    value, velocity, first, second, grad = ([rng.randn(2, 3), rng.randn(2)] for _ in range(5))
    second = [np.abs(s) for s in second]
    params = [ad.tensor(v, requires_grad=True) for v in value]
    lr, eps = 10.0, 1e-8

    def check(name: str, optimizer: optim.Optimizer, **state: Any) -> None:
        for i, (p, g) in enumerate(zip(params, grad, strict=True)):
            p.grad = ad.tensor(g)
            optimizer.state[p] = {k: v if k == "step" else v[i].copy() for k, v in state.items()}
        optimizer.step()
        found = [*params[0].detach().numpy()[0], params[1].detach().numpy()[0]]
        np.testing.assert_allclose(found, EXPECTED[name], rtol=1e-5, atol=1e-8, err_msg=name)  # numpy.allclose's

    def state_of(optimizer: optim.Optimizer, name: str) -> list[Array]:
        return [optimizer.state[p][name].copy() for p in params]

    check("sgd", optim.SGD(params, lr))
    # The course's velocity is the last step itself, learning rate included.
    check("momentum", optim.Momentum(params, lr), momentum_buffer=[v / lr for v in velocity])
    # Its epsilon stands inside the root: it is a part of the second moment, here of the state.
    adagrad = optim.Adagrad(params, lr, eps=0)
    check("adagrad", adagrad, step=0, sum=[s + eps for s in second])
    second = [s - eps for s in state_of(adagrad, "sum")]
    rmsprop = optim.RMSprop(params, lr, alpha=0.9, eps=0)
    check("rmsprop", rmsprop, step=0, square_avg=[s + eps / 0.9 for s in second])
    second = [s - eps for s in state_of(rmsprop, "square_avg")]
    check("adam", optim.Adam(params, lr, (0.9, 0.99), eps), step=2, exp_avg=first, exp_avg_sq=second)


@pytest.mark.parametrize("rule", ["Adam", "AdamW", "RMSprop"])
def test_a_gradient_whose_square_overflows_still_moves_the_parameter(rule: str) -> None:
    p = ad.tensor(np.ones(1, np.float16), requires_grad=True)
    p.grad = ad.tensor(np.array([300.0], np.float16))  # 300 squared is more than float16 holds
    getattr(optim, rule)([p], lr=0.1, eps=1e-4).step()
    assert p.item() < 1


@needs_torch
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_a_centered_rmsprop_stands_still_where_squares_overflow(momentum: float) -> None:
    p = ad.tensor(np.ones(3, np.float32), requires_grad=True)
    q = torch.ones(3, requires_grad=True)
    mine = optim.RMSprop([p], centered=True, momentum=momentum)
    other = torch.optim.RMSprop([q], centered=True, momentum=momentum)
    slopes = np.array([1e38, -1e38, 1.0], np.float32)
    p.grad, q.grad = ad.tensor(slopes), torch.tensor(slopes)
    with pytest.warns(RuntimeWarning, match="met numbers that are not finite"):
        mine.step()
    other.step()
    np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6)
