"""What users do in and around compiled functions: the results are those of the plain program, or it is refused."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import random
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from autodiff.compile import joint
from tests.autodiff.compile.test_rows import WAYS

Wrap = Callable[[Any], Any]
Program = Callable[[Wrap], list[Any]]
EQUAL: dict[str, Program] = {}
REFUSED: dict[str, tuple[Program, str]] = {}


def equal(program: Program) -> Program:
    """List a program whose compiled functions must give what the plain ones give."""
    EQUAL[program.__name__] = program
    return program


def refused(match: str) -> Callable[[Program], Program]:
    """List a program that must be refused where its function is compiled."""

    def listed(program: Program) -> Program:
        REFUSED[program.__name__] = program, match
        return program

    return listed


def x(k: int, *shape: int) -> ad.Tensor:
    return ad.tensor(np.random.default_rng(k).standard_normal(shape or (3,)), dtype=np.float32)


def arrays(result: Any) -> Any:
    """Return a result with arrays in the place of tensors, and the names of classes beside their parts."""
    if isinstance(result, ad.Tensor):
        return result.detach().numpy().copy()
    if dataclasses.is_dataclass(result):
        return type(result).__name__, [arrays(getattr(result, f.name)) for f in dataclasses.fields(result)]
    if isinstance(result, dict):
        return type(result).__name__, {k: arrays(v) for k, v in result.items()}
    return [arrays(r) for r in result] if isinstance(result, (list, tuple)) else result


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, np.ndarray):
        return bool(found.dtype == expected.dtype) and np.allclose(found, expected, 1e-4, 1e-6, equal_nan=True)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, dict):
        return bool(found.keys() == expected.keys()) and all(same(found[k], v) for k, v in expected.items())
    return bool(found == expected)


def run(program: Program, wrap: Wrap) -> Any:
    ad.manual_seed(0)
    return arrays(program(wrap))


# -- arguments and results ---------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Batch:
    """A batch and a number beside it."""

    x: Any
    scale: float = 1.0


class Holder:
    """An object with a tensor."""

    def __init__(self, x: ad.Tensor) -> None:
        self.x = x


@equal
def data_classes(wrap: Wrap) -> list[Any]:
    f = wrap(lambda b: {"out": Batch([b.x * b.scale], 3.0)})
    batch = Batch(x(0))
    found = [f(batch), f(Batch(x(1), 2.0)), f(batch)]
    batch.x, batch.scale = x(2), 7.0
    return [*found, f(batch)]


@equal
def ordered_dicts(wrap: Wrap) -> list[Any]:
    f = wrap(lambda d: collections.OrderedDict((k, v * 2) for k, v in d.items()))
    return [f(collections.OrderedDict(a=x(k), b=x(k + 1))) for k in range(3)]


@equal
def numbers_that_are_equal_but_not_alike(wrap: Wrap) -> list[Any]:
    f = wrap(lambda v, k: (v * k, 1 / (v * k)))
    return [f(x(0), k) for k in (1, 1.0, True, 0.0, -0.0, 0, np.float32(1))]


@equal
def one_tensor_twice(wrap: Wrap) -> list[Any]:
    f, a = wrap(lambda v, w: v * w + v), x(0, 4)
    return [f(a, a), f(x(1), x(2)), f(a, a), f(a[:3], a[1:]), f(a, a.detach())]


@equal
def arguments_that_overlap_what_is_written(wrap: Wrap) -> list[Any]:
    def add(v: ad.Tensor, w: ad.Tensor) -> ad.Tensor:
        v.add_(1)
        return w * 2

    f, a = wrap(add), x(4, 4)
    return [f(x(0), x(1)), f(x(2), x(3)), f(a[:3], a[1:]), a, f(a[:3], a[:3].detach()), a, f(x(5), x(6))]


@equal
def a_parameter_as_argument_that_is_written(wrap: Wrap) -> list[Any]:
    p = x(0)

    def double(v: ad.Tensor) -> ad.Tensor:
        v.mul_(2)
        return v + p

    f = wrap(double)
    return [f(x(1)), f(x(2)), f(p), p, f(x(3)), f(p), p]


@equal
def an_argument_of_parameters_memory(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    f = wrap(lambda v: (v * p).detach())
    return [f(p.detach()), f(x(1)), f(p), f(x(2)), f(x(3))]


@equal
def views_as_arguments_that_are_written(wrap: Wrap) -> list[Any]:
    def first(v: ad.Tensor) -> ad.Tensor:
        v[0] = 5.0
        return v.sum()

    f, found = wrap(first), []
    for k in range(3):
        base = x(k, 4, 3)
        found += [f(base[1]), base, f(base[:3, 2]), base]
    return found


@equal
def shapes_changed_in_place(wrap: Wrap) -> list[Any]:
    f = wrap(lambda v: (v.clone().t_().mul_(2), v.clone().unsqueeze_(0) + 1, v.sum().unsqueeze_(0)))
    return [f(x(k, 2, 3)) for k in range(3)]


@refused("an argument of class Holder holds tensors")
def an_object_with_tensors(wrap: Wrap) -> list[Any]:
    return [wrap(lambda h: h.x * 2)(Holder(x(0)))]


@refused("returning a Holder cannot be recorded")
def an_object_returned(wrap: Wrap) -> list[Any]:
    return [wrap(lambda v: Holder(v * 2))(x(0)).x]


@refused("returning a generator cannot be recorded")
def a_generator_returned(wrap: Wrap) -> list[Any]:
    return [*wrap(lambda v: (v * k for k in range(2)))(x(0))]


@refused("changes an argument, which happens once")
def a_list_that_is_filled(wrap: Wrap) -> list[Any]:
    kept: list[Any] = []
    wrap(lambda v, into: into.append(v * 2))(x(0), kept)
    return kept


@refused(r"tensor\(\) of a list of tensors cannot be recorded; join them by stack")
def tensors_joined_by_tensor(wrap: Wrap) -> list[Any]:
    return [wrap(lambda v: ad.tensor([v.sum(), v.max()]))(x(0))]


@refused("switching requires_grad of a tensor from outside")
def requires_grad_of_an_argument(wrap: Wrap) -> list[Any]:
    return [wrap(lambda v: ad.grad((v.requires_grad_() ** 3).sum(), v)[0])(x(0))]


@refused("a change of the shape in place, of a tensor from outside")
def shape_of_an_argument(wrap: Wrap) -> list[Any]:
    return [wrap(lambda v: v.t_() * 2)(x(0, 2, 3))]


# -- what is found outside ---------------------------------------------------------------------------------------------

OPTIONS = {"scale": 2.0}


class Config:
    """Options of a program."""

    scale = 2.0


def changed(wrap: Wrap, function: Any, change: Callable[[], object]) -> list[Any]:
    """Call a function, change something, and call it again."""
    f = wrap(function)
    found = [f(x(0)), f(x(1))]
    change()
    return [*found, f(x(2))]


@refused("was recorded when OPTIONS was")
def a_dict_of_options(wrap: Wrap) -> list[Any]:
    OPTIONS["scale"] = 2.0
    return changed(wrap, lambda v: v * OPTIONS["scale"], lambda: OPTIONS.update(scale=3.0))


@refused(r"was recorded when Config\.scale was 2\.0 and is 3\.0")
def an_attribute_of_a_class(wrap: Wrap) -> list[Any]:
    Config.scale = 2.0
    return changed(wrap, lambda v: v * Config.scale, lambda: setattr(Config, "scale", 3.0))


@refused(r"was recorded when outer\.inner\.scale was")
def an_attribute_two_steps_away(wrap: Wrap) -> list[Any]:
    outer = types.SimpleNamespace(inner=types.SimpleNamespace(scale=2.0))
    return changed(wrap, lambda v: v * outer.inner.scale, lambda: setattr(outer.inner, "scale", 3.0))


@refused("was recorded when outer.scale was")
def an_attribute_that_another_function_reads(wrap: Wrap) -> list[Any]:
    outer = types.SimpleNamespace(scale=2.0)

    def helper(v: Any, config: Any) -> Any:
        return v * config.scale

    return changed(wrap, lambda v: helper(v, outer), lambda: setattr(outer, "scale", 3.0))


@refused(r"was recorded when an argument\.scale was")
def an_attribute_of_an_argument(wrap: Wrap) -> list[Any]:
    config = types.SimpleNamespace(scale=2.0)
    f = wrap(lambda v, c: v * c.scale)
    found = [f(x(0), config), f(x(1), config)]
    config.scale = 3.0
    return [*found, f(x(2), config)]


@refused("was recorded when values was")
def a_list_in_a_closure(wrap: Wrap) -> list[Any]:
    values = [1.0, 2.0, 3.0]
    return changed(wrap, lambda v: v + ad.tensor(values), lambda: values.insert(0, values.pop()))


@refused("was recorded when buffer was")
def an_array_that_is_copied(wrap: Wrap) -> list[Any]:
    buffer = np.zeros(3, np.float32)
    return changed(wrap, lambda v: v + ad.tensor(buffer), lambda: buffer.fill(3))


@refused("was recorded when a default of f was")
def a_default_that_changes(wrap: Wrap) -> list[Any]:
    options = {"scale": 2.0}

    def f(v: Any, options: Any = options) -> Any:
        return v * options["scale"]

    return changed(wrap, f, lambda: options.update(scale=3.0))


@refused(r"was recorded when t\.scale was")
def an_attribute_of_a_tensor(wrap: Wrap) -> list[Any]:
    t: Any = x(0)
    t.scale = 2.0
    return changed(wrap, lambda v: v * t.scale, lambda: setattr(t, "scale", 3.0))


@refused("changes state, which happens once")
def a_counter_in_a_dict(wrap: Wrap) -> list[Any]:
    state = {"n": 0}

    def count(v: Any) -> Any:
        state["n"] += 1
        return v * state["n"]

    return [wrap(count)(x(0))]


class Counting(nn.Module):
    """A module that counts its calls, and has a method beside `forward`."""

    def __init__(self) -> None:
        super().__init__()
        self.n, self.beta = 1, 2.0

    def forward(self, v: ad.Tensor) -> ad.Tensor:
        self.n += 1
        return v * self.n

    def encode(self, v: ad.Tensor) -> ad.Tensor:
        return v * self.beta


@refused(r"changes Counting\.n, which happens once")
def a_counter_in_a_module(wrap: Wrap) -> list[Any]:
    model = Counting()
    return [wrap(lambda v: model(v))(x(0))]


@refused(r"changes Dropout\.training, .*call train\(\) or eval\(\) outside")
def the_mode_of_a_module(wrap: Wrap) -> list[Any]:
    model = nn.Dropout()
    return [wrap(lambda v: model.eval()(v))(x(0))]


@equal
def an_attribute_that_a_method_reads(wrap: Wrap) -> list[Any]:
    model = Counting()
    return changed(wrap, lambda v: model.encode(v), lambda: setattr(model, "beta", 5.0))


@equal
def modes_switched_and_switched_back(wrap: Wrap) -> list[Any]:
    model = nn.Dropout(0.5)
    f = wrap(lambda v: (model.train()(v), model.eval()(v), model.train()(v)))
    return [f(x(k)) for k in range(4)]


@refused("numbers is an iterator")
def an_iterator(wrap: Wrap) -> list[Any]:
    numbers = itertools.count(1)
    return [wrap(lambda v: v * next(numbers))(x(0))]


@refused("drawing from Python's or NumPy's generators")
def pythons_random_numbers(wrap: Wrap) -> list[Any]:
    return [wrap(lambda v: v * random.random())(x(0))]  # no secret


@refused("drawing from Python's or NumPy's generators")
def numpys_random_numbers(wrap: Wrap) -> list[Any]:
    owner = types.SimpleNamespace(rng=np.random.default_rng(0))
    return [wrap(lambda v: v * float(owner.rng.random()))(x(0))]


@equal
def a_generator_that_is_passed(wrap: Wrap) -> list[Any]:
    rng = np.random.default_rng(0)
    f = wrap(lambda v: v * ad.rand(3, generator=rng) + ad.randn(3))
    return [f(x(k)) for k in range(4)]


@equal
def draws_that_depend_on_tensors(wrap: Wrap) -> list[Any]:
    f = wrap(lambda v: (ad.bernoulli(v.sigmoid()), ad.multinomial(v.exp(), 2), ad.normal(v, v.abs())))
    return [*(f(x(k)) for k in range(4)), ad.rand(1)]


# -- training ----------------------------------------------------------------------------------------------------------


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 2))


@equal
def a_gan(wrap: Wrap) -> list[Any]:
    maker, judge, criterion = network(), nn.Linear(2, 1), nn.BCEWithLogitsLoss()
    of_maker, of_judge = (optim.Adam(m.parameters(), 0.01) for m in (maker, judge))

    def step(real: ad.Tensor) -> Any:
        fake = maker(ad.randn(4, 3))
        of_judge.zero_grad()
        loss = criterion(judge(real), ad.ones(4, 1)) + criterion(judge(fake.detach()), ad.zeros(4, 1))
        loss.backward()
        of_judge.step()
        of_maker.zero_grad()
        other = criterion(judge(fake), ad.ones(4, 1))
        other.backward()
        of_maker.step()
        return loss, other

    f = wrap(step)
    return [*(f(x(k, 4, 2)) for k in range(5)), *maker.parameters(), *judge.parameters()]


@equal
def a_meta_gradient(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    optimizer = optim.SGD([p], 0.1)

    def step(v: ad.Tensor) -> ad.Tensor:
        (g,) = ad.grad(((p * v) ** 2).sum(), p, create_graph=True)
        optimizer.zero_grad()
        loss = (((p - 0.1 * g) * v) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    f = wrap(step)
    return [*(f(x(k)) for k in range(4)), p]


@equal
def a_second_derivative_through_a_compiled_result(wrap: Wrap) -> list[Any]:
    model = network().eval()
    f, found = wrap(lambda v: model(v)), []
    for k in range(3):
        v = x(k, 5, 3).requires_grad_()
        y = f(v)
        (g,) = ad.grad(y.sum(), v, create_graph=True)
        model.zero_grad()
        ((g.norm(dim=1) - 1) ** 2).sum().backward()
        found += [y, g, v.grad, model[0].weight.grad.clone()]
    return found


@equal
def a_result_that_is_not_differentiated_leaves_no_gradient(wrap: Wrap) -> list[Any]:
    p, q = nn.Parameter(x(0)), nn.Parameter(x(1))
    f = wrap(lambda v: ((p * v).sum(), (q * v).sum()))
    for k in range(3):
        f(x(k))[0].backward()
    return [p.grad, q.grad is None]


@equal
def averages_of_what_a_step_leaves(wrap: Wrap) -> list[Any]:
    model = network()
    optimizer, average = optim.SGD(model.parameters(), 0.1), optim.swa_utils.AveragedModel(model)

    def step(v: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = model(v).square().mean()
        loss.backward()
        optimizer.step()
        average.update_parameters(model)  # which looks at how many there were
        return loss

    f = wrap(step)
    return [*(f(x(k, 5, 3)) for k in range(4)), *average.parameters()]


@equal
def what_a_step_found(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    optimizer = optim.SGD([p], 0.1)

    def step(v: ad.Tensor) -> tuple[ad.Tensor, ...]:
        optimizer.zero_grad()
        before, copied = p.detach().clone(), v * 1
        copied.copy_(p.detach())
        (p * v).square().sum().backward()
        optimizer.step()
        return before, copied, before + 0

    f = wrap(step)
    return [f(x(k)) for k in range(4)]


@equal
def bags_of_offsets(wrap: Wrap) -> list[Any]:
    bags = nn.EmbeddingBag(7, 3)
    nn.init.constant_(bags.weight, 0.5)
    optimizer = optim.SGD(bags.parameters(), 0.1)

    def step(words: ad.Tensor, offsets: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = bags(words, offsets).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    f = wrap(step)
    return [f(ad.tensor([1, 2, 3, k]), ad.tensor([0, k % 4, 3])) for k in range(5)]


@equal
def modules_that_name_their_class(wrap: Wrap) -> list[Any]:
    class Doubled(nn.Linear):
        def forward(self, v: ad.Tensor) -> ad.Tensor:
            return super().forward(v) * 2  # by way of a cell that holds the class

    ad.manual_seed(0)
    model, out = Doubled(3, 2), []
    f = wrap(lambda v: model(v).square().sum())
    for k in range(4):
        nn.Linear(1, 1).eval()  # attributes of all modules are compared again
        out.append(f(x(k, 5, 3)))
    return out


@equal
def checkpoints(wrap: Wrap) -> list[Any]:
    model = network()
    optimizer = optim.SGD(model.parameters(), 0.1)

    def step(v: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = ad.utils.checkpoint.checkpoint(model, v).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    f = wrap(step)
    return [f(x(k, 5, 3)) for k in range(4)]


@equal
def checkpoints_that_change_statistics_twice(wrap: Wrap) -> list[Any]:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    optimizer = optim.SGD(model.parameters(), 0.1)

    def step(v: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = ad.utils.checkpoint.checkpoint(model, v).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    f = wrap(step)
    return [[f(x(k, 5, 3)), *(t.clone() for t in model.state_dict().values())] for k in range(4)]


@refused("a checkpoint of what draws random numbers and changes a tensor")
def checkpoints_that_draw_and_change(wrap: Wrap) -> list[Any]:
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Dropout())
    return [wrap(lambda v: ad.utils.checkpoint.checkpoint(model, v).sum())(x(0, 5, 3))]


@refused("a derivative that changes tensors")
def checkpoints_whose_backward_is_outside(wrap: Wrap) -> list[Any]:
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6))
    f = wrap(lambda v: ad.utils.checkpoint.checkpoint(model, v))
    f(x(0, 5, 3)).sum().backward()
    return [f(x(0, 5, 3))]


@refused("a hook cannot be recorded")
def a_hook_of_every_module_that_comes_later(wrap: Wrap) -> list[Any]:
    model = network()
    model[0].register_state_dict_post_hook(lambda *_: None)
    f = wrap(lambda v: model(v))
    f(x(0, 5, 3))
    handle = nn.module.register_module_forward_hook(lambda module, args, y: y * 2)
    try:
        return [f(x(0, 5, 3))]
    finally:
        handle.remove()


@refused("what was computed outside of the function cannot be recorded; compute it inside, or pass x.detach()")
def a_loss_that_was_computed_outside(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    f = wrap(lambda loss: loss.backward())
    for k in range(3):
        f((p * x(k)).square().sum())
    return [p.grad]


@refused("what was computed outside of the function cannot be recorded; compute it inside, or pass x.detach()")
def a_backward_pass_that_leads_to_what_was_computed_outside(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    f = wrap(lambda h: (h * p).sum().backward())
    for k in range(3):
        f((p * x(k)).square())
    return [p.grad]


@equal
def a_gradient_of_what_was_computed_outside(wrap: Wrap) -> list[Any]:
    p, found = nn.Parameter(x(0)), []
    f = wrap(lambda h: ad.grad((h * p).square().sum(), h)[0])
    for k in range(3):
        found.append(f((p * x(k)).square()))
    return found


@refused("changes optimizer.param_groups, which happens once")
def a_rate_that_is_set_inside(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))
    optimizer = optim.SGD([p], 0.1)

    def step(v: ad.Tensor, lr: float) -> None:
        optimizer.param_groups[0]["lr"] = lr
        (p * v).sum().backward()
        optimizer.step()

    wrap(step)(x(1), 0.01)
    return [p]


@refused("a hook cannot be recorded")
def a_hook_of_an_optimizer_that_comes_later(wrap: Wrap) -> list[Any]:
    p, calls = nn.Parameter(x(0)), []
    optimizer = optim.SGD([p], 0.1)

    def step(v: ad.Tensor) -> None:
        optimizer.zero_grad()
        (p * v).sum().backward()
        optimizer.step()

    f = wrap(step)
    for k in range(4):
        f(x(k))
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    f(x(5))
    return calls


@equal
def a_parameter_that_is_frozen_though_its_value_is_not_read(wrap: Wrap) -> list[Any]:
    p, q = nn.Parameter(x(0)), nn.Parameter(x(1))

    def step(v: ad.Tensor) -> None:
        (p * v + q).sum().backward()

    f = wrap(step)
    for k in range(4):
        f(x(k))
    q.requires_grad_(False)
    f(x(5))
    return [p.grad, q.grad]


@refused("a hook cannot be recorded")
def a_hook_of_a_parameter_that_comes_later(wrap: Wrap) -> list[Any]:
    p = nn.Parameter(x(0))

    def step(v: ad.Tensor) -> None:
        p.grad = None
        (p * v).sum().backward()

    f = wrap(step)
    for k in range(4):
        f(x(k))
    p.register_post_accumulate_grad_hook(lambda q: None)
    f(x(5))
    return [p.grad]


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("name", EQUAL)
def test_program_with_compiled_functions_equals_the_plain_one(name: str, native: bool) -> None:
    expected = run(EQUAL[name], lambda f: f)
    found = run(EQUAL[name], lambda f: ad.compile(f, native=native))
    assert same(found, expected), (found, expected)


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("name", REFUSED)
def test_program_that_would_run_with_stale_values_is_refused(name: str, native: bool) -> None:
    program, match = REFUSED[name]
    with pytest.raises((RuntimeError, TypeError), match=f"compile: .*{match}"):
        run(program, lambda f: ad.compile(f, native=native))


def test_a_print_shows_no_number_that_would_be_another_at_the_next_call() -> None:
    text = ad.compile(lambda v: repr(v * 2))(x(0))
    assert text == "tensor(<recorded by compile>, shape=(3,), dtype=float32)"


def test_a_primitive_whose_shape_depends_on_values_is_recorded_anew() -> None:
    @ad.primitive()
    def above(v: Any) -> Any:
        return v[v > 0]

    for native in (False, True):
        f = ad.compile(lambda v: above(v).mean(), native=native)
        for values in ([1.0, -1.0, 2.0], [1.0, 4.0, 2.0], [-1.0, -1.0, 2.0]):
            assert f(ad.tensor(values)).item() == above(ad.tensor(values)).mean().item()


@pytest.mark.parametrize("native", WAYS)
def test_results_that_meet_in_a_sum_are_differentiated(native: bool) -> None:
    # The walk takes the latest node first; two of one age were compared as tensors.
    w = ad.tensor(np.ones((3, 3), np.float32), requires_grad=True)
    f = ad.compile(lambda v: (v @ w, (v * w).exp(), (v + w).sin()), native=native)
    for _ in range(2):
        w.grad = None
        v = ad.tensor(np.eye(3, dtype=np.float32))
        sum(t.square().sum() for t in f(v)).backward()
        found, w.grad = w.grad, None
        sum(t.square().sum() for t in (v @ w, (v * w).exp(), (v + w).sin())).backward()
        np.testing.assert_allclose(found.numpy(), w.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("native", WAYS)
def test_several_results_are_differentiated_in_one_run(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    runs, run = [], joint._Call._gradient

    def counted(call: Any, *args: Any) -> Any:
        runs.append(call.given is not args[0])
        return run(call, *args)

    monkeypatch.setattr(joint._Call, "_gradient", counted)
    w, u = (ad.tensor(v, requires_grad=True) for v in ([2.0, 3.0], [1.0, -1.0]))

    def layer(v: ad.Tensor) -> tuple[ad.Tensor, list[ad.Tensor]]:
        return v @ w, [(v * w).exp(), (v + u).sin()]

    f, v = ad.compile(layer, native=native), ad.tensor([0.5, 0.25], requires_grad=True)
    f(v)
    for outputs in (lambda y: y[0] * y[1][0].sum() + y[1][1].sum(), lambda y: y[1][1].sum(), lambda y: y[0]):
        found = ad.grad(outputs(f(v)), [w, u, v], materialize_grads=True)
        assert sum(runs) == 1
        expected = ad.grad(outputs(layer(v)), [w, u, v], materialize_grads=True)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
        runs.clear()
    first, (second, third) = f(v)
    first.backward()
    (second.sum() + third.sum()).backward()  # another graph to the user
    a, (b, c) = layer(v)
    expected = ad.grad(a + b.sum() + c.sum(), w)[0]
    np.testing.assert_allclose(w.grad.numpy(), expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("native", WAYS)
def test_compiled_parts_of_a_network_are_differentiated_together(native: bool) -> None:
    w = ad.tensor([0.5, -0.25], requires_grad=True)

    def cell(x: ad.Tensor, h: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
        h = (x + w * h).tanh()
        return h, (h * h).sum()

    f, found = ad.compile(cell, native=native), []
    for run in (cell, f, f):
        x, losses = ad.tensor([0.3, 0.7], requires_grad=True), []
        h = w * 2  # its graph leads to w, too
        for _ in range(4):
            h, loss = run(x, h)
            losses.append(loss)
        found.append([g.numpy() for g in ad.grad(sum(losses), [w, x])])
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-5)
    (recording,) = (r for rs in f.recordings.values() for r in rs)
    assert recording.joint is not None  # which runs, and not the function


@pytest.mark.parametrize("native", WAYS)
def test_a_step_that_keeps_its_graph_and_changes_what_it_read(native: bool) -> None:
    found = []
    for compiled in (False, True):
        w = ad.tensor([1.0, 2.0], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x: ad.Tensor, w: Any = w, optimizer: Any = optimizer) -> ad.Tensor:
            optimizer.zero_grad()
            loss = (w * x * w).sum()
            loss.backward(retain_graph=True)
            optimizer.step()
            return loss

        call = ad.compile(step, native=native) if compiled else step
        found.append([call(ad.tensor([k, 1.0])).item() for k in (1.0, 2.0, 3.0)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.parametrize("native", WAYS)
def test_gradients_that_are_gathered_and_then_dropped(native: bool) -> None:
    found = []
    for compiled in (False, True):
        w = ad.tensor([1.0, 2.0], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        def step(x: ad.Tensor, last: bool, w: Any = w, optimizer: Any = optimizer) -> ad.Tensor:
            loss = (w * x).square().sum()
            loss.backward()
            if last:
                optimizer.step()
                optimizer.zero_grad()
            return loss

        call = ad.compile(step, native=native) if compiled else step
        found.append([call(ad.tensor([k, 1.0]), k % 2 == 1).item() for k in range(6)] + w.tolist())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.parametrize("native", WAYS)
def test_second_derivatives_through_several_results(native: bool) -> None:
    f, v = ad.compile(lambda v: (v**3, v.sin()), native=native), ad.tensor([0.5, 2.0], requires_grad=True)
    for run in (f, f, f.__wrapped__):
        y, z = run(v)
        (slope,) = ad.grad((y * z).sum(), v, create_graph=True)
        found = ad.grad(slope.sum(), v)[0].numpy()
    for run in (f, f):
        y, z = run(v)
        (slope,) = ad.grad((y * z).sum(), v, create_graph=True)
        np.testing.assert_allclose(ad.grad(slope.sum(), v)[0].numpy(), found, rtol=1e-5)


@pytest.mark.parametrize("native", WAYS)
@pytest.mark.parametrize("change", range(4))
def test_what_a_derivative_reads_must_not_change_before_it(change: int, native: bool) -> None:
    w, x = ad.tensor([2.0, 3.0], requires_grad=True), ad.tensor([1.0, 2.0])
    f = ad.compile(lambda x: ((y := (x * w * w).exp()), (x * w).sum(), y.detach()), native=native)
    f(x)
    y, total, detached = f(x)
    changed = (x, w, y, detached)[change]
    with ad.no_grad():
        changed.mul_(2)
    with pytest.raises(RuntimeError, match="changed in place"):
        (y.sum() + total).backward()


@pytest.mark.parametrize("native", WAYS)
def test_a_differentiable_result_has_a_program_for_each_way(native: bool) -> None:
    w = ad.tensor([2.0, 3.0], requires_grad=True)
    f = ad.compile(lambda v: (v * w).tanh(), native=native)
    f(ad.tensor([1.0, 2.0]))
    text = f.program()
    assert "tanh" in text
    assert "<lambda>, backward: " in text
    assert " object at " not in text
    if native:
        assert "tanh" in str(ad.draw(f))


@pytest.mark.parametrize("native", WAYS)
def test_backward_to_a_leaf_made_inside_is_recorded_once(native: bool) -> None:
    w = ad.tensor([2.0, 3.0], requires_grad=True)

    def step(v: ad.Tensor) -> ad.Tensor:
        w.grad, v = None, v.detach().requires_grad_()
        (v * w).square().sum().backward()
        return v.grad

    f = ad.compile(step, native=native)
    for k in range(4):
        v = ad.tensor([1.0, 2.0 + k])
        np.testing.assert_allclose(f(v).numpy(), (2 * v * w * w).detach().numpy(), rtol=1e-6)
    assert sum(map(len, f.recordings.values())) == 1


@pytest.mark.parametrize("native", WAYS)
def test_checks_that_spare_work_cost_one_more_recording_in_all(native: bool) -> None:
    embedding = nn.Embedding(4, 2, padding_idx=0)

    def words(at: ad.Tensor) -> ad.Tensor:
        return sum(embedding(at[:, k]).sum() * (k + 1) for k in range(3))

    f = ad.compile(words, native=native)
    for k in range(8):  # each word is padding, or not
        at = ad.tensor([[1 + k // 4, 2, 3], [k & 1, k >> 1 & 1, k >> 2 & 1]])
        found, expected = (ad.grad(g(at), embedding.weight)[0] for g in (f, words))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6)
    assert sum(map(len, f.recordings.values())) == 2
    target = ad.tensor([0, 9])
    loss = ad.compile(lambda x, y: nn.functional.cross_entropy(x, y, ignore_index=0), native=native)
    for labels in ([1, 2], [0, 1]):
        loss(ad.ones(2, 3), ad.tensor(labels))
    with pytest.raises(IndexError, match="label 9"):
        loss(ad.ones(2, 3), target)


def test_ctc_loss_is_refused_and_its_cure_works() -> None:
    model = nn.Linear(4, 6)
    x, y, steps = ad.ones(10, 1, 4), ad.tensor([[1, 2]]), [10]

    def loss(log_p: ad.Tensor) -> ad.Tensor:
        return nn.functional.ctc_loss(log_p.log_softmax(-1), y, steps, [2])

    with pytest.raises(RuntimeError, match=r"compile: ctc_loss .*compile the model"):
        ad.compile(lambda x: loss(model(x)))(x)
    run = ad.compile(model.forward)
    for _ in range(2):
        found, expected = (ad.grad(loss(f(x)), model.weight)[0] for f in (run, model))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-6)
