"""detect_anomaly: the first NaN is found, and the report names operation, line, module and arrays."""

from __future__ import annotations

import gc
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from tests.autodiff.test_backward import leaf

# Warnings are errors in this suite: each report below is also the only thing that is heard.


def caught(call: Callable[[], Any], **options: bool) -> list[str]:
    """Return the lines of the report that a call ends in."""
    with ad.detect_anomaly(**options), pytest.raises(RuntimeError) as error:
        call()
    return str(error.value).splitlines()


def logarithm(x: ad.Tensor) -> ad.Tensor:
    return ad.log(x)  # the line that reports name


LINE = logarithm.__code__.co_firstlineno + 1


@ad.primitive(x=lambda g, x: g * np.where(x < 2, 1.0, np.nan))
def fragile(x: Any) -> Any:
    """Return x; the derivative is NaN from 2 on."""
    return x * 1


# -- forward -----------------------------------------------------------------------------------------------------------


def test_forward_report_names_operation_line_and_arrays() -> None:
    report = caught(lambda: logarithm(ad.tensor([1.0, -1.0, np.inf], requires_grad=True, name="x")))
    assert report == [
        "log: its result holds a NaN.",
        f"  called at {__file__}:{LINE}, in logarithm: return ad.log(x)  # the line that reports name",
        "    input 0 'x'  float32 (3,), finite from -1 to 1, 0 NaN, 1 infinite",
        "    result       float32 (3,), finite from 0 to 0, 1 NaN, 1 infinite",
        "  It arose in this operation: what went in was clean.",
        "  Infinities went in: detect_anomaly(check_inf=True) finds where the first of them arose.",
    ]


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("mode", [ad.no_grad, ad.enable_grad])
def test_forward_is_checked_with_and_without_recording(requires_grad: bool, mode: Any) -> None:
    def call() -> None:
        with mode():
            logarithm(ad.tensor(-1.0, requires_grad=requires_grad))

    assert caught(call)[0] == "log: its result holds a NaN."


def test_operations_of_every_kind_are_checked() -> None:
    bad, good = ad.tensor([np.nan, 1.0]), ad.ones(2)
    for call in (lambda: -bad, lambda: bad * good, lambda: bad.sum(), lambda: ad.cat([good, bad]), lambda: bad[0]):
        report = caught(call)
        assert "its result holds a NaN" in report[0]
        assert "passed on: input" in report[-1]


def test_a_nan_that_came_in_is_said_to_have_come_in() -> None:
    report = caught(lambda: ad.ones(2) + ad.tensor([np.nan, 1.0]))
    assert report[-1] == "  It was passed on: input 1 held it already, from data or from before detect_anomaly."


IN_PLACE: dict[str, Callable[[ad.Tensor], Any]] = {
    "add_": lambda t: t.add_(ad.tensor([np.nan, 0.0])),
    "sub_": lambda t: t.sub_(ad.tensor([np.inf, 0.0])),
    "mul_": lambda t: t.mul_(0),
    "div_": lambda t: t.sub_(t).div_(0),
    "clamp_": lambda t: t.clamp_(min=ad.tensor([np.nan, 0.0])),
    "copy_": lambda t: t.copy_(np.array([np.nan, 1.0])),
    "fill_": lambda t: t.fill_(float("nan")),
    "setitem": lambda t: t.__setitem__(1, float("nan")),
    "add_, alpha": lambda t: t.add_(ad.zeros(2), alpha=np.inf),
    "mul_, operator": lambda t: t.__imul__(0),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_changes_in_place_are_checked(name: str) -> None:
    t = ad.tensor([np.inf, 1.0], name="t")
    report = caught(lambda: IN_PLACE[name](t if name != "div_" else ad.ones(2)))
    assert report[0] == f"{name.split(',')[0]}: it leaves a NaN behind."
    assert report[1].startswith(f"  called at {__file__}:")
    assert report[2].startswith("    before")
    after = next(line for line in report if line.startswith("    after"))
    assert ", 0 NaN" not in after
    if name == "mul_":
        assert report[2:] == [
            "    before 't'  float32 (2,), finite from 1 to 1, 0 NaN, 1 infinite",
            "    operand 0   int64 ()",
            "    after       float32 (2,), finite from 0 to 0, 1 NaN, 0 infinite",
            "  It arose in this operation: what went in was clean.",
            "  Infinities went in: detect_anomaly(check_inf=True) finds where the first of them arose.",
        ]
    if name in ("copy_", "fill_", "setitem", "clamp_", "add_"):
        assert "passed on: operand 0 held it" in report[-1]


def test_a_change_in_place_that_leaves_an_infinity_is_found_when_asked_for() -> None:
    w = leaf(1.0, 2.0)
    with ad.detect_anomaly(), ad.no_grad():
        w.div_(0)
    with ad.no_grad():
        assert caught(lambda: w.mul_(2), check_inf=True)[0] == "mul_: it leaves an infinity behind."


def test_infinities_are_errors_only_when_asked_for() -> None:
    x = ad.zeros(2)
    with ad.detect_anomaly():
        assert logarithm(x).tolist() == [-np.inf, -np.inf]
    assert caught(lambda: logarithm(x), check_inf=True)[0] == "log: its result holds an infinity."
    with ad.detect_anomaly(check_nan=False):
        assert np.isnan(logarithm(-ad.ones(1)).item())


def test_integers_and_empty_arrays_pass() -> None:
    with ad.detect_anomaly(check_inf=True):
        assert (ad.tensor([1, 2]) + 1).tolist() == [2, 3]
        assert ad.zeros(0, 3).exp().shape == (0, 3)


# -- backward ----------------------------------------------------------------------------------------------------------


def test_backward_report_names_the_line_of_the_forward_call() -> None:
    x = leaf(1.0, 2.0, 3.0)

    def call() -> None:
        y = fragile(x)
        (y * y).sum().backward()

    report = caught(call)
    line = call.__code__.co_firstlineno + 1
    assert report[0] == "fragile: the gradient of its input 0 holds a NaN, computed by backward."
    assert report[1] == f"  called at {__file__}:{line}, in call: y = fragile(x)"
    assert [text.split("  ")[2].strip() for text in report[2:6]] == [
        "input 0", "result", "gradient of the result", "gradient of input 0",
    ]  # fmt: skip
    assert report[4].endswith("float64 (3,), finite from 2 to 6, 0 NaN, 0 infinite")
    assert report[5].endswith("float64 (3,), finite from 2 to 2, 2 NaN, 0 infinite")
    assert report[6] == "  It arose in this operation: what went in was clean."
    assert x.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_first_of_several_gradients_is_named(create_graph: bool) -> None:
    x = leaf(3.0)
    report = caught(lambda: ad.grad(fragile(x * 2).exp(), x, create_graph=create_graph))
    assert report[0].startswith("fragile: the gradient of its input 0")


def test_a_graph_made_before_is_checked_although_its_lines_are_unknown() -> None:
    y = fragile(leaf(3.0))
    report = caught(y.backward)
    assert report[0].startswith("fragile: the gradient of its input 0")
    assert report[1] == "  the operation ran before detect_anomaly was on: its line is unknown"


def test_a_derivative_of_a_derivative_names_whose_derivative_it_is() -> None:
    @ad.primitive(x=lambda g, x: g * fragile(x))
    def outer(x: Any) -> Any:
        return x * x / 2

    x = leaf(3.0)

    def call() -> None:
        y = outer(x)
        (slope,) = ad.grad(y, x, create_graph=True)
        slope.backward()

    report = caught(call)
    assert report[0].startswith("fragile: the gradient of its input 0")
    line = call.__code__.co_firstlineno + 1
    assert (
        report[1] == f"  part of the derivative of outer, which was called at {__file__}:{line}, in call: y = outer(x)"
    )


def test_gradients_that_are_bad_on_arrival_are_told_from_those_a_rule_made() -> None:
    x = leaf(1.0)
    report = caught(lambda: (x * 2).backward(ad.tensor(np.float64(np.nan))))
    assert report[0].startswith("mul: the gradient of its result holds a NaN when it arrives")
    y = x * 2
    y.register_hook(lambda g: ad.tensor(np.float64(np.nan)))
    assert "when it arrives" in caught(y.backward)[0]


def test_infinities_of_opposite_sign_that_add_up_in_a_leaf_are_found() -> None:
    x = ad.tensor(np.float64(1.0), requires_grad=True, name="w")
    plus, minus = ad.tensor(np.float64(np.inf)), ad.tensor(np.float64(-np.inf))
    y = ad.stack([x * plus, x * minus])
    report = caught(lambda: y.backward(ad.ones(2, dtype="float64")))
    assert report[0].startswith("backward: the gradient of a leaf 'w' holds a NaN when it arrives")
    assert x.grad is None


# -- modules -----------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A module with a line of user code in it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        return self.body(x).log()


def test_the_module_is_named_by_its_path_in_the_outermost_one() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), nn.BatchNorm1d(2)))
    model[1][1].weight.data[...] = np.nan
    x = ad.randn(3, 2)
    assert caught(lambda: model(x))[2] == "  in the module 1.1: BatchNorm1d"

    model[1][1].weight.data[...] = 1.0

    def call() -> None:
        y = model(x)
        y.backward(y.detach() * 0 + np.inf)  # inf - inf arises in the normalization's derivative

    report = caught(call)
    assert report[1].startswith(f"  called at {__file__}:{call.__code__.co_firstlineno + 1}, in call: y = model(x)")
    assert report[2] == "  in the module 1.1: BatchNorm1d"


def test_a_line_inside_a_users_own_module_is_the_line_named() -> None:
    block = Block()
    block.body[0].bias.data[...] = np.nan
    report = caught(lambda: nn.Sequential(block)(ad.ones(1, 2)))
    line = Block.forward.__code__.co_firstlineno + 1
    assert report[1].startswith(f"  called at {__file__}:{line}, in forward: return self.body(x).log()")
    assert report[2] == "  in the module 0.body.0: Linear"


def test_the_root_module_is_named_by_its_class_alone() -> None:
    assert caught(lambda: nn.Linear(2, 2)(ad.tensor([[np.nan, 0.0]])))[2] == "  in the module Linear"


# -- the switch --------------------------------------------------------------------------------------------------------


def test_the_mode_is_off_by_default_and_restored() -> None:
    assert not ad.is_anomaly_enabled()
    with ad.detect_anomaly():
        assert ad.is_anomaly_enabled()
        with ad.no_grad():
            assert ad.is_anomaly_enabled()
            assert not ad.is_grad_enabled()
        assert ad.is_grad_enabled()
        with ad.set_detect_anomaly(False):
            assert not ad.is_anomaly_enabled()
        assert ad.is_anomaly_enabled()
    assert not ad.is_anomaly_enabled()


def test_set_detect_anomaly_acts_at_once_and_survives_blocks_of_other_modes() -> None:
    try:
        with ad.no_grad():
            ad.set_detect_anomaly(True, check_inf=True)
        assert ad.is_anomaly_enabled()
        assert ad.is_grad_enabled()
        with pytest.raises(RuntimeError, match="an infinity"):
            logarithm(ad.zeros(1))
    finally:
        ad.set_detect_anomaly(False)
    assert not ad.is_anomaly_enabled()
    with np.errstate(divide="ignore"):
        assert logarithm(ad.zeros(1)).item() == -np.inf


def test_modes_are_restored_after_a_report() -> None:
    x = leaf(3.0)
    caught(lambda: ad.grad(fragile(x), x, create_graph=True))
    assert not ad.is_anomaly_enabled()
    assert ad.is_grad_enabled()


def test_nothing_is_noted_while_it_is_off_and_what_is_noted_makes_no_cycle() -> None:
    x = leaf(1.0)
    assert (x * 2)._extra is None
    gc.collect()
    gc.disable()
    try:
        with ad.detect_anomaly():
            y = x * 2
            z = y.exp()
            (g,) = ad.grad(z, x, create_graph=True)
        watched = [weakref.ref(t) for t in (y, z, g)]
        assert y._extra is not None
        del y, z, g
        assert [w() for w in watched] == [None] * 3
    finally:
        gc.enable()


def test_comparisons_and_in_place_changes_work_as_without_it() -> None:
    with ad.detect_anomaly(check_inf=True):
        x = ad.ones(2)
        assert (x > 0).tolist() == [True, True]
        with ad.no_grad():
            assert not (leaf(1.0) * 2).requires_grad
        x += 1
        w = leaf(1.0)
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            w += 1
        with ad.no_grad():
            w += 1
        assert (w.item(), x.tolist()) == (2.0, [2.0, 2.0])


def test_the_mode_belongs_to_its_thread() -> None:
    seen: list[bool] = []
    with ad.detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(ad.is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_training_gives_the_same_numbers_with_the_mode_on() -> None:
    def train() -> list[Any]:
        ad.manual_seed(3)
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.LeakyReLU(), nn.Linear(5, 3))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        x, y = ad.randn(8, 4), ad.randint(0, 3, (8,))
        for _ in range(5):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            (penalty,) = ad.grad(loss, model[0].weight, create_graph=True)
            (loss + (penalty**2).sum()).backward()
            optimizer.step()
        return [p.tolist() for p in model.parameters()]

    alone = train()
    with ad.detect_anomaly(check_inf=True):
        watched = train()
    assert watched == alone


def test_in_a_notebook_the_cell_is_named_not_its_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shell:
        """What IPython says of the files of its cells."""

        compile: Any

        def format_code_name(self, name: str) -> tuple[str, str] | None:
            return ("Cell", "In[3]") if name == __file__ else None

    shell = Shell()
    shell.compile = shell
    module = types.ModuleType("IPython")
    module.get_ipython = lambda: shell  # type: ignore[attr-defined]  # as IPython has it
    monkeypatch.setitem(sys.modules, "IPython", module)
    x = leaf([-1.0])
    with np.errstate(invalid="ignore"):
        report = caught(lambda: logarithm(x))
    assert f"  called at Cell In[3]:{LINE}, in logarithm: return ad.log(x)  # the line that reports name" in report
