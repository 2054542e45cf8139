"""The state of a module: saved, loaded whole or not at all, copied, pickled."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import array, assert_same, needs_torch, theirs, torch


def network(library: Any = nn) -> Any:
    """Return a small network with parameters, buffers and an integer among them."""
    return library.Sequential(
        library.Linear(3, 4), library.BatchNorm1d(4), library.Sequential(library.Tanh(), library.Linear(4, 2))
    )


def values(net: nn.Module) -> dict[str, Any]:
    """Return copies of all arrays of a module's state."""
    return {name: value.detach().numpy().copy() for name, value in net.state_dict().items()}


def assert_state(net: nn.Module, expected: dict[str, Any]) -> None:
    """Compare a module's state with arrays, element by element."""
    for name, value in values(net).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def trained() -> Any:
    """Return the network after a pass in training, with gradients."""
    net = network()
    net(ad.randn(8, 3)).sum().backward()
    return net


# -- loading -----------------------------------------------------------------------------------------------------------


def test_a_state_is_loaded_in_place() -> None:
    source, target = trained(), network()
    arrays = [p.detach().numpy() for p in target.parameters()]
    report = target.load_state_dict(source.state_dict())
    assert (report.missing_keys, report.unexpected_keys) == ([], [])
    assert repr(report) == "<All keys matched successfully>"
    assert_state(target, values(source))
    assert all(p.detach().numpy() is a for p, a in zip(target.parameters(), arrays, strict=True))
    x = ad.randn(5, 3)
    assert target.eval()(x).tolist() == source.eval()(x).tolist()


def test_what_was_loaded_is_a_copy() -> None:
    source, target = trained(), network()
    target.load_state_dict(source.state_dict())
    expected = values(target)
    for value in source.state_dict().values():
        value.data[...] = 7
    assert_state(target, expected)


def test_the_state_shares_memory_with_the_module_and_requires_no_gradient() -> None:
    net = network()
    state = net.state_dict()
    assert not any(value.requires_grad for value in state.values())
    state["0.weight"].data[...] = 7.0
    assert net[0].weight.detach().numpy().min() == 7.0


@needs_torch
def test_a_state_of_pytorch_gives_its_outputs_here_and_the_reverse() -> None:
    mine, other = network().double(), network(torch.nn).double()
    x = np.random.default_rng(0).normal(size=(6, 3))
    other(theirs(x))  # moves the running averages
    mine.load_state_dict({name: value.numpy() for name, value in other.state_dict().items()})
    assert_same(array(mine.eval()(ad.tensor(x)).detach()), array(other.eval()(theirs(x))))
    moved = network(torch.nn).double()
    moved.load_state_dict({name: theirs(value.detach().numpy()) for name, value in mine.state_dict().items()})
    assert_same(array(moved.eval()(theirs(x))), array(other(theirs(x))), rtol=0, atol=0)


def test_a_state_of_another_float_dtype_is_converted() -> None:
    source, target = trained().double(), network()
    target.load_state_dict(source.state_dict())
    assert {p.dtype for p in target.parameters()} == {np.dtype(np.float32)}
    assert_state(
        target, {name: value.astype(target.state_dict()[name].dtype) for name, value in values(source).items()}
    )


def test_without_strict_what_is_there_is_loaded_and_the_rest_reported() -> None:
    source, target = trained(), network()
    state: dict[str, Any] = dict(source.state_dict())
    expected = values(source) | {"0.bias": target[0].bias.detach().numpy().copy()}
    del state["0.bias"]
    state["extra"] = ad.ones(3)
    report = target.load_state_dict(state, strict=False)
    assert report.missing_keys == ["0.bias"]
    assert report.unexpected_keys == ["extra"]
    assert_state(target, expected)


FAULTS: dict[str, tuple[Callable[[dict[str, Any], Any], Any], bool, list[str]]] = {
    "missing": (lambda s, lib: (s.pop("0.bias"), s.pop("1.running_var")), True, ["Missing", "0.bias", "1.running_var"]),
    "unexpected": (lambda s, lib: s.update(a=lib.ones(1), b=lib.ones(1)), True, ["Unexpected", "a", "b"]),
    "shape": (
        lambda s, lib: s.update({"2.1.weight": lib.ones(4, 2)}),
        True,
        ["size mismatch", "2.1.weight", "(4, 2)", "(2, 4)"],
    ),
    "shape without strict": (lambda s, lib: s.update({"2.1.bias": lib.ones(5)}), False, ["2.1.bias", "(5,)", "(2,)"]),
    "a shape that would broadcast": (
        lambda s, lib: s.update({"0.bias": lib.ones(1)}),
        True,
        ["0.bias", "(1,)", "(4,)"],
    ),
    "all at once": (
        lambda s, lib: (
            s.pop("0.bias"),
            s.update({"a": lib.ones(1), "2.1.weight": lib.ones(9), "1.bias": lib.ones(9)}),
        ),
        True,
        ["0.bias", "a", "2.1.weight", "1.bias"],
    ),
    "no numbers": (lambda s, lib: s.update({"2.1.bias": None}), True, ["2.1.bias"]),
}


@pytest.mark.parametrize(("spoil", "strict", "named"), FAULTS.values(), ids=list(FAULTS))
def test_a_state_that_does_not_fit_is_refused_with_all_its_faults_and_nothing_is_loaded(
    spoil: Callable[[dict[str, Any], Any], Any], strict: bool, named: list[str]
) -> None:
    net, state = trained(), dict(network().state_dict())
    before = values(net)
    spoil(state, ad)
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state, strict=strict)
    assert [text for text in ["Sequential", *named] if text not in str(error.value)] == []
    assert_state(net, before)


@needs_torch
@pytest.mark.parametrize(("spoil", "strict", "named"), FAULTS.values(), ids=list(FAULTS))
def test_pytorch_refuses_the_same_states(
    spoil: Callable[[dict[str, Any], Any], Any], strict: bool, named: list[str]
) -> None:
    state = dict(network(torch.nn).state_dict())
    spoil(state, torch)
    with pytest.raises(RuntimeError):
        network(torch.nn).load_state_dict(state, strict=strict)


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match=r"load_state_dict.*list"):
        network().load_state_dict([("0.weight", ad.ones(4, 3))])


def test_loading_between_forward_and_backward_is_noticed() -> None:
    net = nn.Linear(3, 2)
    loss = net(ad.ones(4, 3, requires_grad=True)).sum()
    net.load_state_dict(nn.Linear(3, 2).state_dict())
    with pytest.raises(RuntimeError, match=r"linear.*changed in place"):
        loss.backward()


# -- copies ------------------------------------------------------------------------------------------------------------

every_copy = pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))], ids=["deepcopy", "pickle"]
)


@every_copy
def test_a_copy_equals_its_original(copied: Callable[[Any], Any]) -> None:
    net = trained().eval()
    twin = copied(net)
    assert repr(twin) == repr(net)
    assert list(twin.state_dict()) == list(net.state_dict())
    assert_state(twin, values(net))
    assert [m.training for m in twin.modules()] == [m.training for m in net.modules()]
    x = ad.randn(5, 3)
    assert twin(x).tolist() == net(x).tolist()


@every_copy
def test_a_copy_is_independent(copied: Callable[[Any], Any]) -> None:
    net = trained()
    before, twin = values(net), copied(net)
    gradients = [p.grad.detach().numpy().copy() for p in net.parameters()]
    twin(ad.randn(8, 3)).sum().backward()
    for value in twin.state_dict().values():
        value.data[...] = 7
    twin[0] = nn.Linear(3, 3)
    twin.eval()
    assert_state(net, before)
    assert len(net) == 3
    assert net[0].out_features == 4
    assert net.training
    for p, gradient in zip(net.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(p.grad.detach().numpy(), gradient)


@every_copy
def test_a_copy_keeps_weights_tied(copied: Callable[[Any], Any]) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    twin = copied(net)
    assert twin[1].weight is twin[0].weight
    assert twin[0].weight is not net[0].weight


@every_copy
def test_a_copy_keeps_what_is_frozen_and_what_is_not_saved(copied: Callable[[Any], Any]) -> None:
    net = nn.Sequential(nn.Linear(2, 2))
    net[0].requires_grad_(False)
    net.register_buffer("scratch", ad.ones(2), persistent=False)
    twin = copied(net)
    assert [p.requires_grad for p in twin.parameters()] == [False, False]
    assert list(twin.state_dict()) == ["0.weight", "0.bias"]
    assert [name for name, _ in twin.named_buffers()] == ["scratch"]


# -- modules with a part of their own ----------------------------------------------------------------------------------


def extras(library: Any) -> Any:
    """Return a class of a layer that saves and loads in its own way, built on either library's Module."""
    kit, zeros = (nn, ad.zeros) if library is ad else (torch.nn, torch.zeros)

    class Own(kit.Module):  # type: ignore[misc]  # one of two
        _version = 3

        def __init__(self) -> None:
            super().__init__()
            self.w, self.calls, self.total = kit.Parameter(zeros(2)), 0, 0.0
            self.seen: list[Any] = []

        def get_extra_state(self) -> Any:
            return {"calls": self.calls}

        def set_extra_state(self, state: Any) -> None:
            self.calls = state["calls"]

        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[prefix + "old_name"] = destination.pop(prefix + "w")

        def _load_from_state_dict(
            self, state_dict: Any, prefix: str, metadata: Any, strict: bool, missing: Any, extra: Any, errors: Any
        ) -> None:
            self.seen.append((sorted(state_dict), prefix, dict(metadata), strict))
            if prefix + "old_name" in state_dict:
                state_dict[prefix + "w"] = state_dict.pop(prefix + "old_name")
            super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, extra, errors)
            self.total = self.w.sum().item()

    class Net(kit.Module):  # type: ignore[misc]  # one of two
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = Own(), kit.Sequential(kit.Linear(2, 1), Own())

    return Net


@needs_torch
def test_modules_save_and_load_their_own_part_as_in_pytorch() -> None:
    found = []
    for library in (ad, torch):
        net, other = extras(library)(), extras(library)()
        net.a.calls, net.b[1].calls = 3, 7
        with library.no_grad():
            net.a.w += 2.0
        state = net.state_dict()
        other.load_state_dict(state)
        seen = [other.a.seen, other.b[1].seen, other.a.calls, other.b[1].calls, other.a.total, other.a.w.tolist()]
        found.append([list(state), state["a._extra_state"], state._metadata, seen])
    assert found[0] == found[1]


SPOILED_EXTRAS: dict[str, Any] = {
    "missing": lambda state: state.pop("a._extra_state"),
    "unexpected": lambda state: state.update({"b._extra_state": 1}),
    "below what is none": lambda state: state.update({"a.w.x": 1, "c.d": 2}),
    "missing tensor": lambda state: state.pop("b.1.old_name"),
    "nothing": lambda state: state.clear(),
}


@needs_torch
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("spoil", SPOILED_EXTRAS.values(), ids=SPOILED_EXTRAS)
def test_keys_of_modules_with_a_part_of_their_own_are_judged_as_in_pytorch(spoil: Any, strict: bool) -> None:
    found: list[Any] = []
    for library in (ad, torch):
        net = extras(library)()
        state = net.state_dict()
        spoil(state)
        try:
            found.append([sorted(keys) for keys in net.load_state_dict(state, strict=strict)])
        except RuntimeError as error:
            found.append(sorted(line.strip() for line in str(error).replace('"', "'").splitlines()))
    assert found[0] == found[1]


def test_a_load_that_fails_brings_back_what_modules_took_up_themselves() -> None:
    net = extras(ad)()
    state = net.state_dict()
    state["a.old_name"], state["a._extra_state"], state["b.0.weight"] = ad.ones(2), {"calls": 9}, ad.ones(5)
    with pytest.raises(RuntimeError, match=r"size mismatch for b\.0\.weight"):
        net.load_state_dict(state)
    assert (net.a.w.tolist(), net.a.calls) == ([0.0, 0.0], 0)


def test_a_layer_that_only_saves_something_of_its_own_finds_it_unexpected() -> None:
    class Half(nn.Linear):
        def get_extra_state(self) -> int:
            return 3

    half = Half(1, 1)
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "_extra_state"'):
        half.load_state_dict(half.state_dict())
    with pytest.raises(RuntimeError, match="Linear has no get_extra_state"):
        nn.Linear(1, 1).get_extra_state()


def test_what_modules_keep_besides_tensors_goes_through_a_file(tmp_path: Any) -> None:
    net, other = extras(ad)(), extras(ad)()
    net.a.calls = 5
    ad.save(net.state_dict(), tmp_path / "net.safetensors")
    other.load_state_dict(ad.load(tmp_path / "net.safetensors"))
    assert other.a.calls == 5


def test_a_state_dict_of_a_subclass_is_asked_for_its_children_too() -> None:
    class Quiet(nn.Linear):
        def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
            destination[prefix + "nothing"] = 0
            return destination

    assert list(nn.Sequential(Quiet(1, 1), nn.Linear(1, 1)).state_dict()) == ["0.nothing", "1.weight", "1.bias"]


@needs_torch
def test_a_state_from_before_batches_were_counted_loads_as_in_pytorch() -> None:
    for kit in (nn, torch.nn):
        norm = kit.BatchNorm1d(2)
        state = norm.state_dict()
        del state["num_batches_tracked"]
        assert norm.load_state_dict(state, strict=False).missing_keys == ["num_batches_tracked"]
        assert norm.load_state_dict(dict(state)).missing_keys == []
