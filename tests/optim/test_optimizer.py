"""The bookkeeping that every update rule shares: groups, options, state, text, and what is refused."""

from __future__ import annotations

import copy
import inspect
import linecache
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from optim.layout import BLOCK
from tests.oracle import needs_torch, torch
from tests.together import together

RULES = [
    optim.SGD, optim.Momentum, optim.Adagrad, optim.RMSprop, optim.Adam, optim.AdamW, optim.Adadelta, optim.Adamax,
    optim.RAdam, optim.NAdam,
]  # fmt: skip
every_rule = pytest.mark.parametrize("rule", RULES)


def leaf(*values: float) -> ad.Tensor:
    """Return a parameter whose gradient is 1 everywhere."""
    p = ad.tensor(values, requires_grad=True)
    p.grad = ad.ones(p.shape)
    return p


def test_every_rule_is_tested() -> None:
    assert {value for value in vars(optim).values() if isinstance(value, type)} == {
        *RULES,
        optim.ASGD,  # which have no eps; test_rules.py compares them
        optim.Rprop,
        optim.Muon,  # which takes matrices alone
        optim.LBFGS,
        optim.Optimizer,
    }


# -- what is refused ---------------------------------------------------------------------------------------------------

NUMBERS: dict[str, list[type[optim.Optimizer]]] = {
    "lr": RULES,
    "weight_decay": RULES,
    "momentum": [optim.SGD, optim.Momentum, optim.RMSprop],
    "eps": [rule for rule in RULES if rule not in (optim.SGD, optim.Momentum)],
    "alpha": [optim.RMSprop],
    "lr_decay": [optim.Adagrad],
    "initial_accumulator_value": [optim.Adagrad],
}


@together("value", [-0.1, math.nan, math.inf, "0.1", None, True, [0.1]])
@pytest.mark.parametrize(("name", "rule"), [(name, rule) for name, rules in NUMBERS.items() for rule in rules])
def test_options_out_of_range_are_refused(name: str, rule: Any, value: Any) -> None:
    kind = ValueError if isinstance(value, float) else TypeError
    with pytest.raises(kind, match=f"{rule.__name__}: {name} must be"):
        rule([leaf(1.0)], **{name: value})
    optimizer = rule([leaf(1.0)])
    with pytest.raises(kind, match=f"{rule.__name__}: {name} must be"):
        optimizer.add_param_group({"params": [leaf(2.0)], name: value})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize("rule", [optim.Adam, optim.AdamW, optim.Adamax, optim.RAdam, optim.NAdam])
@together(
    ("kind", "betas"),
    [(ValueError, (1.0, 0.9)), (ValueError, (0.9, 1.0)), (ValueError, (-0.1, 0.9)), (ValueError, (0.9, math.nan)),
     (TypeError, (0.9,)), (TypeError, 0.9), (TypeError, ("a", "b")), (TypeError, None), (TypeError, (0.9,) * 3)],
)  # fmt: skip
def test_betas_out_of_range_are_refused(rule: Any, kind: type[Exception], betas: Any) -> None:
    with pytest.raises(kind, match=f"{rule.__name__}: betas must be two numbers in"):
        rule([leaf(1.0)], betas=betas)


@pytest.mark.parametrize(("kind", "rho"), [(ValueError, 1.1), (ValueError, -0.1), (TypeError, "a"), (TypeError, True)])
def test_a_rho_out_of_range_is_refused(kind: type[Exception], rho: Any) -> None:
    with pytest.raises(kind, match="Adadelta: rho must be a number in"):
        optim.Adadelta([leaf(1.0)], rho=rho)


def test_a_dampening_that_is_no_number_is_refused() -> None:
    with pytest.raises(TypeError, match="SGD: dampening must be a number, got 'x'"):
        optim.SGD([leaf(1.0)], momentum=0.9, dampening="x")  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("options", [{"momentum": 0}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_and_no_dampening(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="SGD: nesterov: Nesterov momentum requires"):
        optim.SGD([leaf(1.0)], nesterov=True, **options)


@every_rule
@together(
    ("cure", "wrong"),
    [
        (r"got a Linear: say model\.parameters\(\)", lambda model: model),
        (r"got a Sequential: say model\.parameters\(\)", lambda model: nn.Sequential(model)),
        (r"got a method: call it, as in model\.parameters\(\)", lambda model: model.parameters),
        (r"got a OrderedDict: say model\.parameters\(\)", lambda model: model.state_dict()),
        ("got a dict: put the group into a list", lambda model: {"params": model.parameters()}),
        ("got a Parameter: put it into a list", lambda model: model.weight),
        (r"must be a Tensor, got Linear: say model\.parameters\(\)", lambda model: [model]),
        ("must be a Tensor, got generator: give it without the list", lambda model: [model.parameters()]),
        (r"got a Linear: say model\.parameters\(\)", lambda model: [{"params": model}]),
        (r"list \(use nn.ModuleList\)", lambda model: nn.Module().parameters()),
    ],
)
def test_a_beginners_mistake_names_its_cure(rule: Any, cure: str, wrong: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^params: .*{cure}"):
        rule(wrong(nn.Linear(2, 1)))


@every_rule
@together(
    ("kind", "match", "params"),
    [
        (ValueError, "empty parameter list", list),
        (ValueError, "empty parameter list", lambda: iter(())),
        (TypeError, "ordered iterable", lambda: leaf(1.0)),
        (TypeError, "ordered iterable", lambda: {leaf(1.0)}),
        (TypeError, "ordered iterable", lambda: None),
        (TypeError, "parameter 0 must be a Tensor, got float", lambda: [1.0]),
        (TypeError, "parameter 1 must be a Tensor, got ndarray", lambda: [leaf(1.0), np.ones(1)]),
        (KeyError, "key 'params'", lambda: [{"lr": 0.1}]),
        (ValueError, "not a leaf", lambda: [leaf(1.0) * 2]),
        (ValueError, "int64", lambda: [ad.tensor([1, 2])]),
        (ValueError, "occurs twice", lambda: [leaf(1.0)] * 2),
        (ValueError, "occurs twice", lambda: [{"params": p} for p in [leaf(1.0)] * 2]),
    ],
)
def test_what_is_no_parameter_is_refused(
    rule: Any, kind: type[Exception], match: str, params: Callable[[], Any]
) -> None:
    with pytest.raises(kind, match=match):
        rule(params())


def test_a_group_that_is_refused_leaves_the_optimizer_as_it_was() -> None:
    p = leaf(1.0)
    optimizer = optim.SGD([p], lr=0.5)
    for wrong in ({"params": [leaf(2.0), p]}, {"params": [leaf(2.0), 3]}, {"params": leaf(2.0), "lr": -1}, [leaf(1.0)]):
        with pytest.raises((TypeError, ValueError)):
            optimizer.add_param_group(wrong)  # type: ignore[arg-type]  # that is the test
    assert [g["params"] for g in optimizer.param_groups] == [[p]]


@pytest.mark.parametrize(
    "replace", [lambda p: np.zeros(3, np.float32), lambda p: p.detach().numpy().astype(np.float64)]
)
def test_a_gradient_that_does_not_fit_is_refused_before_any_step(replace: Callable[[Any], Any]) -> None:
    first, second = leaf(1.0, 2.0), leaf(3.0, 4.0)
    optimizer = optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.5)
    second.data = replace(second)
    with pytest.raises(RuntimeError, match=r"step: a gradient of shape .* does not fit"):
        optimizer.step()
    assert first.tolist() == [1.0, 2.0]


def test_a_state_that_does_not_fit_is_refused_before_any_step() -> None:
    p, q = leaf(1.0, 2.0), leaf(3.0, 4.0, 5.0)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    optimizer.step()
    optimizer.state[q]["exp_avg"] = np.zeros(2)
    before = p.tolist()
    with pytest.raises(RuntimeError, match=r"step: exp_avg has shape \(2,\), its parameter \(3,\)"):
        optimizer.step()
    assert p.tolist() == before


def assert_refused_step_changes_nothing(optimizer: Any, p: ad.Tensor, kind: type[Exception], match: str) -> None:
    """Assert that a step is refused before `p`, of a group before the one that is wrong, moves or is remembered."""
    before, known = p.tolist(), {k: np.array(v) for k, v in optimizer.state[p].items()}
    with pytest.raises(kind, match=match):
        optimizer.step()
    assert p.tolist() == before
    assert optimizer.state[p].keys() == known.keys()
    for name, value in known.items():
        np.testing.assert_array_equal(optimizer.state[p][name], value)


@every_rule
@together("size", [2, 2 * BLOCK])
@together("steps", [0, 1])
def test_read_only_memory_is_refused_before_any_step(rule: Any, size: int, steps: int) -> None:
    p, q = leaf(1.0, 2.0), leaf(*[3.0] * size)
    optimizer = rule([{"params": [p]}, {"params": [q]}])
    for _ in range(steps):
        optimizer.step()
    q.detach().numpy().flags.writeable = False
    assert_refused_step_changes_nothing(optimizer, p, RuntimeError, rf"parameter 0, of shape \({size},\), is read-only")
    q.detach().numpy().flags.writeable = True
    optimizer.step()
    if optimizer.counts_steps:
        assert [optimizer.state[t]["step"] for t in (p, q)] == [steps + 1] * 2
    fresh = leaf(1.0, 2.0)
    alone = rule([fresh])
    for _ in range(steps + 1):
        alone.step()
    assert p.tolist() == fresh.tolist()


@every_rule
@together(
    ("kind", "name", "value"),
    [(TypeError, "lr", "fast"), (TypeError, "weight_decay", None), (ValueError, "lr", math.nan),
     (ValueError, "weight_decay", -1.0)],
)  # fmt: skip
@together("steps", [0, 1])
def test_an_option_that_was_spoiled_is_refused_before_any_step(
    rule: Any, kind: type[Exception], name: str, value: Any, steps: int
) -> None:
    p = leaf(1.0)
    optimizer = rule([{"params": [p]}, {"params": [leaf(2.0)]}])
    for _ in range(steps):
        optimizer.step()
    good = optimizer.param_groups[1][name]
    optimizer.param_groups[1][name] = value
    assert_refused_step_changes_nothing(optimizer, p, kind, f"{name} must be")
    del optimizer.param_groups[1][name]
    assert_refused_step_changes_nothing(optimizer, p, KeyError, f"group 1 has no option '{name}'")
    optimizer.param_groups[1][name] = good
    optimizer.step()


@needs_torch
@every_rule
def test_a_rate_below_zero_that_was_set_by_hand_climbs_as_in_pytorch(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    p, q = leaf(1.0), torch.ones(1, requires_grad=True)
    q.grad = torch.ones(1)
    for optimizer in (rule([p], lr=0.5), getattr(torch.optim, name)([q], lr=0.5)):
        optimizer.param_groups[0]["lr"] = -0.5
        optimizer.load_state_dict(optimizer.state_dict())
        optimizer.step()
    assert p.item() == pytest.approx(q.item(), rel=1e-6)  # float32


def test_a_state_without_its_number_of_steps_is_refused() -> None:
    p, q = leaf(1.0), leaf(2.0)
    optimizer = optim.Adam([{"params": [p]}, {"params": [q]}])
    optimizer.state[q]["exp_avg"] = np.zeros(1, np.float32)
    assert_refused_step_changes_nothing(optimizer, p, RuntimeError, "has exp_avg, but no step")


@needs_torch
@every_rule
def test_arguments_are_pytorchs(rule: Any) -> None:
    theirs = inspect.signature(torch.optim.SGD if rule is optim.Momentum else getattr(torch.optim, rule.__name__))
    found, expected = inspect.signature(rule).parameters, theirs.parameters
    assert [*found] == [*expected]
    for name, parameter in expected.items():
        assert found[name].kind == parameter.kind
        assert (found[name].default == parameter.default) != (rule is optim.Momentum and name == "momentum")


@every_rule
def test_ways_to_compute_the_same_make_no_difference(rule: Any) -> None:
    known = inspect.signature(rule).parameters
    found = []
    for options in ({}, {"foreach": True}, {"foreach": False}, {"fused": True}, {"capturable": False}):
        if options.keys() <= known.keys():
            p = leaf(1.0, 2.0)
            rule([p], **options).step()
            found.append(p.tolist())
    assert len(found) >= 3
    assert all(values == found[0] for values in found)


@every_rule
def test_what_a_step_here_cannot_be_is_refused(rule: Any) -> None:
    known = inspect.signature(rule).parameters
    for name in {"capturable", "differentiable"} & known.keys():
        with pytest.raises(ValueError, match=f"{rule.__name__}: {name} must be False: a step is neither captured"):
            rule([leaf(1.0)], **{name: True})
    with pytest.raises(TypeError, match="foreach must be True, False or None, got 'yes'"):
        rule([leaf(1.0)], foreach="yes")
    if "fused" in known:
        with pytest.raises(RuntimeError, match="fused and foreach cannot both be True"):
            rule([leaf(1.0)], fused=True, foreach=True)


# -- a learning rate that is a tensor ----------------------------------------------------------------------------------


@needs_torch
@every_rule
def test_a_tensor_as_learning_rate_is_read_at_each_step_and_written_by_schedules(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    ends = []
    for library, make, kind in ((ad, rule, optim), (torch, getattr(torch.optim, name), torch.optim)):
        p, lr = library.ones(2, requires_grad=True), library.tensor(0.5)
        p.grad = library.ones(2)
        optimizer = make([p], lr=lr, **({"momentum": 0.9} if rule is optim.Momentum else {}))
        optimizer.step()
        lr.mul_(0.5)
        optimizer.step()
        scheduler = kind.lr_scheduler.ExponentialLR(optimizer, 0.5)
        optimizer.step()
        scheduler.step()
        optimizer.step()
        assert optimizer.param_groups[0]["lr"] is lr
        assert isinstance(scheduler.get_last_lr()[0], library.Tensor)
        assert scheduler.get_last_lr()[0] is not lr
        state = optimizer.state_dict()
        assert float(state["param_groups"][0]["lr"]) == float(lr) == 0.125
        ends.append(p.tolist())
    assert ends[0] == pytest.approx(ends[1], rel=1e-6)  # float32


@every_rule
@together(
    ("match", "lr"), [("of one element, got shape", ad.ones(2)), ("not negative", ad.tensor(-1.0)),
                      ("not negative", ad.tensor(math.nan))]
)  # fmt: skip
def test_a_tensor_that_is_no_learning_rate_is_refused(rule: Any, match: str, lr: ad.Tensor) -> None:
    with pytest.raises(ValueError, match=f"{rule.__name__}: lr must be .*{match}"):
        rule([leaf(1.0)], lr=lr)


def test_betas_may_be_tensors_as_in_pytorch() -> None:
    optimizer = optim.Adam([leaf(1.0)], betas=(ad.tensor(0.5), ad.tensor([0.25])))
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.25)


@pytest.mark.parametrize("steps", [0, 1])
def test_betas_in_a_list_are_looked_at_in_every_step(steps: int) -> None:
    p, betas = leaf(1.0), [0.9, 0.999]
    optimizer = optim.Adam([{"params": [p], "betas": betas}])
    for _ in range(steps):
        optimizer.step()
    betas[0] = 1.5
    assert_refused_step_changes_nothing(optimizer, p, ValueError, r"betas must be two numbers in \[0, 1\)")
    betas[0] = 0.9
    optimizer.step()


# -- numbers without a value -------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.filterwarnings("ignore:.*training diverges:RuntimeWarning")
@pytest.mark.parametrize(
    ("rule", "gradient", "options"),
    [
        *((rule, gradient, {}) for rule in RULES for gradient in (1e25, math.inf, 1e-30)),
        *((rule, 3e38, {"weight_decay": 2.0}) for rule in RULES),
        *((rule, 0.0, {"eps": 0}) for rule in NUMBERS["eps"]),
    ],
)
def test_what_overflows_or_is_undefined_is_as_in_pytorch(rule: Any, gradient: float, options: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    ends = []
    for library, make in ((ad, rule), (torch, getattr(torch.optim, name))):
        w = library.full((2,), 3e38, requires_grad=True)
        w.grad = library.full((2,), gradient)
        optimizer = make([w], lr=0.1, **options, **({"momentum": 0.9} if name != rule.__name__ else {}))
        for _ in range(2):
            optimizer.step()
        ends.append(w.tolist())
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)  # float32


@every_rule
def test_training_that_diverges_is_said_once_at_the_users_line(rule: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1))
    optimizer = rule(model.parameters(), lr=1e12)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(30):
            optimizer.zero_grad()
            (model(ad.ones(5, 3)) ** 2).mean().backward()
            optimizer.step()  # here
    said = [w for w in caught if "training diverges" in str(w.message)]
    assert len(said) == 1
    assert said[0].category is RuntimeWarning
    assert (said[0].filename, linecache.getline(__file__, said[0].lineno).strip()) == (
        __file__,
        "optimizer.step()  # here",
    )
    for text in (rule.__name__, "a smaller lr than 1000000000000.0", "clip_grad_norm_", "detect_anomaly"):
        assert text in str(said[0].message)


@every_rule
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_is_said_after_the_step_is_taken(rule: Any, value: float) -> None:
    p = leaf(1.0, 2.0)
    optimizer = rule([p])
    p.grad = ad.tensor([value, value])
    with pytest.warns(RuntimeWarning, match="training diverges"):
        optimizer.step()
    assert not np.isfinite(p.detach().numpy()).any() or rule is optim.Adagrad
    optimizer.step()  # a second warning would be an error here


@every_rule
@together("gradient", [1e-40, 0.0, 1e-30, 1e10])
def test_training_that_goes_well_is_silent(rule: Any, gradient: float) -> None:
    p = leaf(1.0, 2.0)
    p.grad = ad.full(2, gradient)
    optimizer = rule([p], lr=1e-3)
    for _ in range(3):
        optimizer.step()  # a warning would be an error here


# -- groups and gradients ----------------------------------------------------------------------------------------------


def test_names_may_come_with_parameters() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters(), lr=1.0)
    assert optimizer.param_groups[0]["params"] == [model.weight, model.bias]
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    optimizer.add_param_group({"params": [("scale", leaf(1.0))]})
    assert optimizer.param_groups[1]["param_names"] == ["scale"]


@pytest.mark.parametrize(
    "groups",
    [lambda: [("a", leaf(1.0)), leaf(2.0)], lambda: [leaf(2.0), ("a", leaf(1.0))],
     lambda: [{"params": [("a", leaf(1.0))]}, {"params": [leaf(2.0)]}],
     lambda: [{"params": [leaf(2.0)]}, {"params": [("a", leaf(1.0))]}]],
)  # fmt: skip
def test_names_of_some_parameters_alone_are_refused(groups: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="either all parameters of all groups come with names, or none"):
        optim.SGD(groups())


def test_names_in_a_loaded_state_take_the_place_of_the_present_ones() -> None:
    optimizer = optim.SGD([("a", leaf(1.0))])
    state = optimizer.state_dict()
    state["param_groups"][0]["param_names"] = ["b"]
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["param_names"] == ["b"]
    del state["param_groups"][0]["param_names"]
    optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["param_names"] == ["b"]


@every_rule
def test_zero_grad(rule: Any) -> None:
    p, q = leaf(1.0, 2.0), leaf(3.0)
    optimizer = rule([{"params": [p]}, {"params": [q]}])
    optimizer.zero_grad(set_to_none=False)
    assert [t.grad.tolist() for t in (p, q) if t.grad is not None] == [[0.0, 0.0], [0.0]]
    optimizer.zero_grad()
    assert p.grad is None
    assert q.grad is None


@every_rule
def test_a_closure_is_called_with_recording_on_and_its_loss_returned(rule: Any) -> None:
    p = leaf(1.0)
    optimizer = rule([p], lr=0.1)

    def closure() -> ad.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with ad.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert p.item() < 1.0
    assert optimizer.step() is None


@needs_torch
@every_rule
def test_a_result_that_retains_its_gradient_can_be_optimized_as_in_pytorch(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    ends = []
    for library, make in ((ad, rule), (torch, getattr(torch.optim, name))):
        w = library.ones(2, requires_grad=True) * 3
        w.retain_grad()
        (w * w).sum().backward()
        make([w], lr=0.1).step()
        ends.append(w.tolist())
    assert ends[0] == pytest.approx(ends[1], rel=1e-6)  # float32


# -- state -------------------------------------------------------------------------------------------------------------


@needs_torch
@every_rule
def test_the_state_dict_is_laid_out_as_pytorchs(rule: Any) -> None:
    name = "SGD" if rule is optim.Momentum else rule.__name__
    ours = rule([{"params": [leaf(1.0)]}, {"params": [leaf(2.0), leaf(3.0)], "lr": 0.5}])
    theirs = getattr(torch.optim, name)([{"params": [torch.ones(1)]}, {"params": [torch.ones(1), torch.ones(1)]}])
    state, expected = ours.state_dict(), theirs.state_dict()
    assert state.keys() == expected.keys()
    assert [g["params"] for g in state["param_groups"]] == [g["params"] for g in expected["param_groups"]]
    assert [g["lr"] for g in state["param_groups"]][1] == 0.5


@needs_torch
def test_adagrad_remembers_from_the_start_as_pytorchs() -> None:
    ours = optim.Adagrad([leaf(1.0, 2.0), leaf(3.0)], initial_accumulator_value=0.5)
    theirs = torch.optim.Adagrad([torch.ones(2), torch.ones(1)], initial_accumulator_value=0.5)
    state, expected = ours.state_dict()["state"], theirs.state_dict()["state"]
    assert [{k: np.asarray(v).tolist() for k, v in s.items()} for s in state.values()] == [
        {k: v.tolist() for k, v in s.items()} for s in expected.values()
    ]
    ours.add_param_group({"params": leaf(4.0)})
    assert ours.state_dict()["state"][2]["sum"].tolist() == [0.5]


def test_the_state_dict_is_a_copy() -> None:
    p = leaf(1.0)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.step()
    assert state["state"][0]["momentum_buffer"].tolist() == [1.0]
    optimizer.load_state_dict(state)
    optimizer.step()
    assert state["state"][0]["momentum_buffer"].tolist() == [1.0]
    assert optimizer.state[p]["momentum_buffer"].tolist() == pytest.approx([1.9])


@pytest.mark.parametrize(
    ("match", "spoil"),
    [
        ("exp_avg has shape", lambda s: s["state"][0].update(exp_avg=ad.zeros(3))),
        (r"groups of \[2\] parameters, the optimizer of \[1\]", lambda s: s["param_groups"][0].update(params=[0, 1])),
        ("groups of", lambda s: s["param_groups"].append({"params": []})),
        ("no option 'eps'", lambda s: s["param_groups"][0].pop("eps")),
        ("lr must be", lambda s: s["param_groups"][0].update(lr=math.nan)),
        ("eps must be", lambda s: s["param_groups"][0].update(eps=-1)),
        ("no parameter 5", lambda s: s["state"].update({5: {}})),
    ],
)
def test_a_state_dict_that_does_not_fit_changes_nothing(match: str, spoil: Callable[[Any], Any]) -> None:
    p = leaf(1.0, 2.0)
    optimizer = optim.Adam([p], lr=0.1)
    optimizer.step()
    before, spoiled = optimizer.state_dict(), optimizer.state_dict()
    spoiled["state"][0]["step"], spoiled["param_groups"][0]["lr"] = 7, 0.2
    spoil(spoiled)
    with pytest.raises(ValueError, match=match):
        optimizer.load_state_dict(spoiled)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert after["state"][0]["step"] == 1


@pytest.mark.parametrize("missing", ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"])
@pytest.mark.parametrize("how", ["left out", "None"])
def test_a_state_that_lacks_a_part_is_refused(missing: str, how: str) -> None:
    p = leaf(1.0, 2.0)
    optimizer = optim.Adam([p], amsgrad=True)
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0][missing] = None
    if how == "left out":
        del state["state"][0][missing]
    with pytest.raises(ValueError, match=f"load_state_dict: the state of parameter 0 has no {missing}"):
        optimizer.load_state_dict(state)
    assert optimizer.state[p]["step"] == 1


@pytest.mark.parametrize("step", ["x", -1, 1.5, math.nan, [1, 2]])
def test_a_number_of_steps_that_is_none_is_refused(step: Any) -> None:
    optimizer = optim.Adam([leaf(1.0)])
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["step"] = step
    with pytest.raises(ValueError, match="load_state_dict: step must be a number of steps"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize(("kind", "state"), [(TypeError, None), (TypeError, []), (ValueError, {}),
                                             (ValueError, {"state": {}})])  # fmt: skip
def test_what_is_no_state_at_all_is_refused(kind: type[Exception], state: Any) -> None:
    with pytest.raises(kind, match="load_state_dict: "):
        optim.Adam([leaf(1.0)]).load_state_dict(state)


class Remembering(optim.Optimizer):
    """A rule that remembers more than the arrays that `fills` tells of."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1})

    def fills(self, group: Any) -> dict[str, float]:
        return {"velocity": 0.0}

    def update(self, param: Any, grad: Any, state: Any, group: Any, step: int) -> None:
        state["velocity"] += grad


class OwnStep(optim.Optimizer):
    """A rule in PyTorch's form, with a step and tensors of its own."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1})

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(step=ad.tensor(0.0), mean=ad.zeros_like(p))
                state["step"] += 1
                state["mean"].add_(p.grad)


@pytest.mark.parametrize("through", [lambda state: state, lambda state: pickle.loads(pickle.dumps(state))])
def test_what_a_rule_of_ones_own_remembers_comes_back_as_it_was(through: Callable[[Any], Any]) -> None:
    p = leaf(1.0, 2.0)
    optimizer = Remembering([p])
    optimizer.step()
    own = {"best": 0.5, "rows": np.arange(3), "table": ad.ones(2, 2), "notes": {"tries": [1, 2]}, "kind": "slow"}
    optimizer.state[p].update(copy.deepcopy(own))
    state = through(optimizer.state_dict())
    optimizer.state[p]["rows"] += 1
    optimizer.state[p]["table"].zero_()
    optimizer.load_state_dict(state)
    loaded = optimizer.state[p]
    assert {k: type(loaded[k]) for k in own} == {k: type(v) for k, v in own.items()}
    assert (loaded["best"], loaded["notes"], loaded["kind"]) == (0.5, {"tries": [1, 2]}, "slow")
    assert (loaded["rows"].tolist(), loaded["table"].tolist()) == ([0, 1, 2], [[1.0, 1.0], [1.0, 1.0]])
    optimizer.step()
    assert (loaded["step"], loaded["velocity"].tolist()) == (2, [2.0, 2.0])
    assert state["state"][0]["velocity"].tolist() == [1.0, 1.0]


def test_a_rule_with_a_step_of_its_own_keeps_its_kinds() -> None:
    p = leaf(1.0, 2.0)
    optimizer = OwnStep([p])
    optimizer.step()
    state = optimizer.state_dict()
    optimizer.step()
    optimizer.load_state_dict(state)
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 2.0
    assert optimizer.state[p]["mean"].tolist() == [2.0, 2.0]
    assert state["state"][0]["mean"].tolist() == [1.0, 1.0]


@needs_torch
@every_rule
def test_text_is_pytorchs(rule: Any) -> None:
    kind = torch.optim.SGD if rule is optim.Momentum else getattr(torch.optim, rule.__name__)
    options = {"momentum": 0.9} if rule is optim.Momentum else {}
    ours = rule([{"params": [leaf(1.0)]}, {"params": [leaf(2.0)], "lr": 0.5}])
    theirs = kind([{"params": [torch.ones(1)]}, {"params": [torch.ones(1)], "lr": 0.5}], **options)
    assert repr(ours).replace("Momentum (", "SGD (") == repr(theirs)


@every_rule
def test_text_names_the_options_of_every_group(rule: Any) -> None:
    text = repr(rule([{"params": [leaf(1.0)]}, {"params": [leaf(2.0)], "lr": 0.5}]))
    assert text.startswith(f"{rule.__name__} (\nParameter Group 0\n")
    assert "Parameter Group 1\n" in text
    assert "    lr: 0.5\n" in text
    assert "params" not in text
