"""Module as its users know it: registration, walks, hooks, state, copies, text."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch
from tests.together import together

X = np.random.default_rng(0).normal(size=(5, 3))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.again = self.first
        self.register_buffer("seen", ad.zeros(1))

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        return self.again(self.second(self.first(x)))  # type: ignore[no-any-return]  # a Tensor


def network(library: Any) -> Any:
    return library.Sequential(library.Linear(3, 4), library.Sequential(library.Tanh(), library.BatchNorm1d(4)))


def twins() -> tuple[Any, Any]:
    mine, other = network(nn).double(), network(torch.nn).double()
    other.load_state_dict({name: theirs(value.detach().numpy()) for name, value in mine.state_dict().items()})
    return mine, other


# -- registration and walks --------------------------------------------------------------------------------------------


def test_shared_parameters_and_modules_are_walked_once_or_as_often_as_they_occur() -> None:
    net = Tied()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "first.bias", "second.bias"]
    every = [n for n, _ in net.named_parameters(remove_duplicate=False)]
    assert every == ["first.weight", "first.bias", "second.weight", "second.bias", "again.weight", "again.bias"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "second"]
    assert [n for n, _ in net.named_modules(remove_duplicate=False)] == ["", "first", "second", "again"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == []
    assert [n for n, _ in net.named_buffers(prefix="net")] == ["net.seen"]
    assert list(net.state_dict(prefix="p."))[:2] == ["p.seen", "p.first.weight"]


def test_parts_are_found_by_path() -> None:
    net = Tied()
    assert net.get_submodule("again") is net.first
    assert net.get_submodule("") is net
    assert net.get_parameter("second.weight") is net.first.weight
    assert net.get_buffer("seen") is net.seen
    for call, path in (
        (net.get_submodule, "first.weight"),
        (net.get_submodule, "third"),
        (net.get_parameter, "seen"),
        (net.get_parameter, "first"),
        (net.get_buffer, "first.weight"),
    ):
        with pytest.raises(AttributeError, match=path):
            call(path)
    assert {"first", "seen", "forward", "training"} <= set(dir(net))


def test_a_plain_tensor_is_refused_where_a_parameter_is_registered() -> None:
    net = nn.Linear(3, 2)
    with pytest.raises(TypeError, match=r"Linear: cannot assign a Tensor to parameter 'weight'"):
        net.weight = ad.zeros(2, 3)


def test_conversions_keep_integers_and_come_back() -> None:
    net = nn.BatchNorm1d(3)
    assert net.half().weight.dtype == np.float16
    assert net.double().running_mean.dtype == np.float64
    assert net.float().weight.dtype == np.float32
    assert net.num_batches_tracked.dtype == np.int64


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_forward_hooks_see_and_replace_in_order_until_removed() -> None:
    net, order = nn.Identity(), []
    handles = [
        net.register_forward_pre_hook(lambda m, args: order.append("pre") or (args[0] + 1,)),
        net.register_forward_hook(lambda m, args, out: order.append("late") or out * 10),
        net.register_forward_hook(lambda m, args, out: order.append(("early", args[0].item())), prepend=True),
    ]
    assert net(ad.tensor(2.0)).item() == 30.0
    assert order == ["pre", ("early", 3.0), "late"]
    for handle in handles:
        handle.remove()
        handle.remove()
    assert net(ad.tensor(2.0)).item() == 2.0


def test_hooks_get_keywords_when_asked_to() -> None:
    class Scaled(nn.Module):
        def forward(self, x: ad.Tensor, by: float = 1.0) -> ad.Tensor:
            return x * by

    net, seen = Scaled(), []
    net.register_forward_pre_hook(lambda m, args, kwargs: (args, {"by": kwargs["by"] + 1}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    assert net(ad.tensor(3.0), by=1.0).item() == 6.0
    assert seen == [{"by": 2.0}]


@needs_torch
def test_backward_hooks_get_pytorchs_gradients() -> None:
    found: dict[str, list[Any]] = {"ours": [], "theirs": []}
    mine, other = twins()
    for name, net in (("ours", mine), ("theirs", other)):
        for module in (net, net[1], net[0]):
            module.register_full_backward_hook(
                lambda m, gi, go, name=name: found[name].append([None if g is None else array(g) for g in (*gi, *go)])
            )
    mine(ours(X, True)).sum().backward()
    other(theirs(X, True)).sum().backward()
    assert len(found["ours"]) == 3
    assert_same(found["ours"], found["theirs"])
    found["ours"].clear()
    mine(ours(X)).sum().backward()  # no gradient of the input
    assert found["ours"][-1][0] is None


@needs_torch
def test_a_backward_hook_on_two_inputs_replaces_both_gradients() -> None:
    def gradients(library: Any, bilinear: Any, make: Any) -> list[Any]:
        with_ = {k: make(v) for k, v in {"weight": np.arange(24.0).reshape(2, 3, 4), "bias": np.ones(2)}.items()}
        bilinear.load_state_dict(with_)
        bilinear.register_full_backward_hook(lambda m, gi, go: (2 * gi[0], gi[1] + 1))
        a, b = make(X, True), make(np.ones((5, 4)), True)
        bilinear(a, b).sum().backward()
        return [array(a.grad), array(b.grad)]

    mine = gradients(ad, nn.Bilinear(3, 4, 2).double(), ours)
    assert_same(mine, gradients(torch, torch.nn.Bilinear(3, 4, 2).double(), theirs))


@needs_torch
def test_backward_hooks_are_passed_over_by_gradients_that_come_from_inside_a_module() -> None:
    calls: dict[str, list[Any]] = {"ours": [], "theirs": []}
    mine, other = twins()
    for name, net in (("ours", mine), ("theirs", other)):
        for part, module in enumerate((net[0], net[1][0])):
            module.register_full_backward_hook(
                lambda m, gi, go, name=name, part=part: calls[name].append((part, array(gi[0]), array(go[0])))
            )
    for name, library, net, make in (("ours", ad, mine, ours), ("theirs", torch.autograd, other, theirs)):
        x = make(X, True)
        (slope,) = library.grad(net[1][0](net[0](x)).sum(), x, create_graph=True)
        (slope * slope).sum().backward()
        assert len(calls[name]) == 3  # the tanh is passed on the first way alone
    assert [part for part, *_ in calls["ours"]] == [part for part, *_ in calls["theirs"]]
    for (_, *found), (_, *expected) in zip(calls["ours"], calls["theirs"], strict=True):
        assert_same(found, expected)


@needs_torch
def test_hooks_that_are_always_called_are_called_where_a_call_raises() -> None:
    def run(library: Any, make: Any) -> list[Any]:
        net, seen = library.Linear(3, 2), []
        net.register_forward_hook(lambda m, args, out: seen.append("not always"))
        net.register_forward_hook(lambda m, args, out: seen.append(out is None), always_call=True)
        net.register_forward_hook(lambda *given: seen.append(len(given)), always_call=True, with_kwargs=True)
        with pytest.raises(RuntimeError):
            net(make(np.ones((2, 5), np.float32)))
        seen.append("next")
        net(make(np.ones((2, 3), np.float32)))
        handle = net.register_forward_hook(lambda m, args, out: 1 / 0, always_call=True)
        with pytest.raises(RuntimeError), pytest.warns(UserWarning, match="division by zero"):
            net(make(np.ones((2, 5), np.float32)))
        handle.remove()
        return seen

    assert run(nn, ours) == run(torch.nn, theirs)


def test_a_pre_hook_with_keywords_must_return_both() -> None:
    net = nn.Identity()
    net.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"\(args, kwargs\)"):
        net(ad.zeros(1))


@needs_torch
def test_backward_hooks_that_cannot_be_called_are_warned_about() -> None:
    for library, tensors in ((nn, ad), (torch.nn, torch)):

        class Both(library.Module):  # type: ignore[misc, name-defined]  # either library's
            def forward(self, x: Any) -> Any:
                return {"twice": x * 2}

        net = Both()
        net.register_full_backward_hook(lambda m, gi, go: 1 / 0)
        with pytest.warns(UserWarning, match="ackward hooks"):
            net(tensors.ones(1, requires_grad=True))["twice"].backward()


def test_a_hook_must_be_callable() -> None:
    with pytest.raises(TypeError, match="callable"):
        nn.Tanh().register_forward_hook(3)  # type: ignore[arg-type]


# -- state -------------------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_unless_all_of_it_fits() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    state = {name: value + 1 for name, value in net.state_dict().items()}
    before = {name: value.detach().numpy().copy() for name, value in net.state_dict().items()}
    bad = {**state, "extra": ad.zeros(1), "1.running_var": ad.zeros(3)}
    del bad["0.bias"]
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(bad)
    for text in ("Missing key(s)", '"0.bias"', "Unexpected key(s)", '"extra"', "1.running_var", "(3,)", "(2,)"):
        assert text in str(error.value)
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict(bad, strict=False)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.detach().numpy(), before[name])
    del bad["1.running_var"]
    report = net.load_state_dict(bad, strict=False)
    assert (report.missing_keys, report.unexpected_keys) == (["0.bias", "1.running_var"], ["extra"])
    np.testing.assert_array_equal(net[0].weight.detach().numpy(), before["0.weight"] + 1)


def test_a_state_of_lists_or_texts_is_refused_by_name() -> None:
    net = nn.Linear(1, 1)
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict({"weight": [[1.0]], "bias": "x"})
    assert "weight: expected torch.Tensor or Tensor-like object from checkpoint, got list" in str(error.value)
    assert "bias: expected torch.Tensor or Tensor-like object from checkpoint, got str" in str(error.value)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_equal_independent_and_keep_what_is_tied(duplicate: Any) -> None:
    net = Tied()
    twin = duplicate(net)
    x = ad.tensor(X, dtype=np.float32)
    np.testing.assert_array_equal(twin(x).detach().numpy(), net(x).detach().numpy())
    assert twin.second.weight is twin.first.weight
    assert twin.again is twin.first
    twin.first.weight.data[...] = 0
    assert (net.first.weight.detach().numpy() != 0).all()


@together("name", [n for n in nn.__all__ if isinstance(getattr(nn, n), type)])
def test_every_class_says_what_it_is_and_shows_it(name: str) -> None:
    text = getattr(nn, name).__doc__
    assert text
    assert ">>>" in text


# -- containers --------------------------------------------------------------------------------------------------------


def lists(library: Any) -> Any:
    same = [library.Linear(2, 2) for _ in range(3)]
    return library.ModuleList([*same, library.Tanh(), library.Sequential(library.ReLU()), library.Sequential()])


@needs_torch
def test_containers_print_and_name_like_pytorchs() -> None:
    for make in (
        lists,
        lambda lib: lists(lib)[1:4],
        lambda lib: lib.ModuleList(),
        lambda lib: lib.ModuleDict({"a": lib.Tanh(), "b": lib.ModuleList([lib.ReLU()])}),
        lambda lib: lib.Sequential(OrderedDict([("x", lib.Tanh()), ("y", lib.ReLU())]))[:1],
        lambda lib: lib.Sequential(lib.Tanh()).append(lib.ReLU()),
    ):
        mine, other = make(nn), make(torch.nn)
        assert repr(mine) == repr(other)
        assert list(mine.state_dict()) == list(other.state_dict())


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_lists_of_modules_change_like_lists(kind: Any) -> None:
    a, b, c, d = nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.SiLU()
    net = kind()
    net.extend([a, b]).append(c)
    net.insert(1, d)
    assert list(net) == [a, d, b, c]
    del net[0]
    assert net.pop() is c
    net[0] = c
    assert list(net) == [c, b]
    assert list(net[::-1] if kind is nn.ModuleList else net[1:]) == ([b, c] if kind is nn.ModuleList else [b])
    assert [n for n, _ in net.named_children()] == ["0", "1"]
    assert net[-1] is b
    for call in (lambda: net[2], lambda: net.pop(5), lambda: net.__delitem__(-3)):
        with pytest.raises(IndexError, match=kind.__name__):
            call()
    for call in (lambda: net.append(3), lambda: net.extend([a, "x"]), lambda: net.insert(0, None)):
        with pytest.raises(TypeError, match="must be a Module"):
            call()
    assert list(net) == [c, b]


class Named(nn.Sequential):
    """A Sequential whose constructor is its own."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))


class Layers(nn.ModuleList):
    """A ModuleList whose constructor is its own."""

    def __init__(self, first: nn.Module, *others: nn.Module) -> None:
        super().__init__([first, *others])


class Plain(nn.Sequential):
    """A Sequential that is constructed as such."""


def test_containers_with_constructors_of_their_own_change_like_lists() -> None:
    for net in (Named(2), Layers(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))):
        kind, (a, b, c), d = type(net), net, nn.ReLU()
        assert net.insert(1, d) is net
        del net[-1]
        net.extend([c]).append(d)
        assert list(net) == [a, d, b, c, d]
        assert list(net[1:3]) == [d, b]
        assert list(net.pop(slice(3, None))) == [c, d]
        assert type(net) is kind
        with pytest.raises(IndexError, match=rf"{kind.__name__}: index 7 .* 3 elements"):
            net.insert(7, d)
        assert len(net) == 3
    assert type(Plain(nn.Tanh())[:1]) is Plain
    assert type(Named(2)[:1]) is nn.Sequential


@needs_torch
def test_sequences_are_joined_and_repeated_like_pytorchs() -> None:
    def texts(lib: Any) -> list[str]:
        a, b = lib.Sequential(lib.Linear(2, 2), lib.Tanh()), lib.Sequential(OrderedDict([("x", lib.ReLU())]))
        made = [a + b, a * 2, 2 * b]
        a += b
        a *= 2
        return [*map(repr, [*made, a, b]), str([n for n, _ in (a * 2).named_parameters()]), repr(a.pop(1)), repr(a)]

    assert texts(nn) == texts(torch.nn)
    for library in (nn, torch.nn):
        with pytest.raises(ValueError, match="Sequential"):
            library.Sequential() + library.Tanh()
        with pytest.raises(ValueError, match="0"):
            library.Sequential() * 0
        with pytest.raises(TypeError):
            library.Sequential() * 1.5


def test_a_dictionary_of_modules_changes_like_one() -> None:
    net = nn.ModuleDict([("a", nn.Tanh())])
    net["b"] = nn.Linear(2, 1)
    assert (list(net), len(net), "a" in net, "c" in net) == (["a", "b"], 2, True, False)
    assert [n for n, _ in net.named_parameters()] == ["b.weight", "b.bias"]
    with pytest.raises(TypeError, match="must be a Module"):
        net.update({"c": nn.ReLU(), "d": 3})
    assert list(net.keys()) == ["a", "b"]
    with pytest.raises(KeyError):
        net["x"]
    assert isinstance(net.pop("a"), nn.Tanh)
    net.clear()
    assert net.items() == []


def test_a_list_of_parameters_registers_them() -> None:
    net = nn.ParameterList([nn.Parameter(ad.zeros(2)), ad.ones(3)])
    net.append(ad.zeros(1))
    assert [n for n, _ in net.named_parameters()] == ["0", "1", "2"]
    assert net[1].requires_grad
    assert len(net[1:]) == 2
    net += [net.pop()]
    assert len(net) == 3
    with pytest.raises(TypeError, match="ParameterList: element '3' must be a Tensor"):
        net.append([1.0])


# -- utils, summary ----------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("norm", [1.0, 2, 3.0, float("inf"), "inf"])
@pytest.mark.parametrize("limit", [0.1, 100.0])
def test_gradients_are_clipped_as_by_pytorch(norm: float | str, limit: float) -> None:
    mine, other = twins()
    mine(ours(X)).exp().sum().backward()
    other(theirs(X)).exp().sum().backward()
    total = nn.utils.clip_grad_norm_(mine.parameters(), limit, norm)
    expected = torch.nn.utils.clip_grad_norm_(other.parameters(), limit, norm)
    assert_same(array(total), array(expected))
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        assert_same(array(p.grad), array(q.grad))
    nn.utils.clip_grad_value_(mine.parameters(), limit / 10)
    torch.nn.utils.clip_grad_value_(other.parameters(), limit / 10)
    for p, q in zip(mine.parameters(), other.parameters(), strict=True):
        assert_same(array(p.grad), array(q.grad))


def test_a_norm_that_is_not_finite_is_refused_when_asked_to() -> None:
    w = nn.Parameter(ad.zeros(2))
    w.grad = ad.tensor([1.0, float("inf")])
    with pytest.raises(RuntimeError, match="inf"):
        nn.utils.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
    assert w.grad.tolist() == [1.0, float("inf")]


def test_parameters_become_a_vector_and_back() -> None:
    net, other = network(nn), network(nn)
    vector = nn.utils.parameters_to_vector(net.parameters())
    nn.utils.vector_to_parameters(vector, other.parameters())
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    vector.sum().backward()
    assert (net[0].weight.grad.detach().numpy() == 1).all()
    with pytest.raises(ValueError, match="24 elements"):
        nn.utils.vector_to_parameters(vector[:-1], other.parameters())


def test_the_summary_counts_tied_parameters_once_and_leaves_the_model_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), Tied(), nn.Linear(3, 2).requires_grad_(False))
    net[0].eval()
    nn.summary(net, (1, 3))
    text = capsys.readouterr().out
    assert "Parameters: 29, of which 21 are learned" in text
    assert "1.first" in text
    assert [m.training for m in net.children()] == [False, True, True]
    assert net[0].num_batches_tracked.item() == 0
    assert net._hooks is None or not net._hooks.after


def test_the_summary_of_a_model_that_begins_with_an_embedding_looks_rows_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nn.summary(nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(12, 2)), (7, 4))
    assert "(7, 4, 3)" in capsys.readouterr().out


def test_the_summary_takes_a_batch_in_place_of_its_shape(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    nn.summary(model, (5, 3))
    shape = capsys.readouterr().out
    for batch in (ad.ones(5, 3), np.ones((5, 3), np.float32), [ad.ones(5, 3)], [(5, 3)]):
        nn.summary(model, batch)
        assert capsys.readouterr().out == shape
    nn.summary(nn.Bilinear(2, 3, 4), [ad.ones(5, 2), (5, 3)])
    assert "(5, 4)" in capsys.readouterr().out
