"""Module: what it registers, how it walks what is below it, and what it sets there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import array, assert_same, needs_torch, torch


def network(library: Any, tensors: Any) -> Any:
    """Return a network of nested, shared and repeated parts, in this library or PyTorch."""

    class Block(library.Module):  # type: ignore[misc]  # the base is a parameter
        def __init__(self, size: int) -> None:
            super().__init__()
            self.register_buffer("steps", tensors.zeros(1))
            self.register_buffer("scratch", tensors.ones(2), persistent=False)
            self.linear = library.Linear(size, size)
            self.scale = library.Parameter(tensors.ones(size))
            self.norm = library.BatchNorm1d(size)

    class Net(library.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.encoder = library.Linear(4, 3)
            self.blocks = library.Sequential(Block(3), library.ReLU(), Block(3))
            self.decoder = library.Linear(4, 3)
            self.decoder.weight = self.encoder.weight  # tied
            self.again = self.blocks  # the same module under a second name
            self.nothing = None
            self.register_parameter("absent", None)
            self.register_buffer("unset", None)
            self.shift = library.Parameter(tensors.zeros(2))
            self.plain = tensors.ones(2)

    return Net()


# -- registration ------------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    "walk",
    ["named_parameters", "named_buffers", "named_modules", "named_children", "parameters", "buffers", "children"],
)
def test_walks_visit_what_pytorchs_visit_in_its_order(walk: str) -> None:
    mine, other = getattr(network(nn, ad), walk)(), getattr(network(torch.nn, torch), walk)()
    if walk.startswith("named_"):
        assert [name for name, _ in mine] == [name for name, _ in other]
    else:
        assert len(list(mine)) == len(list(other))


@needs_torch
@pytest.mark.parametrize("walk", ["named_parameters", "named_buffers"])
def test_walks_take_a_prefix_and_can_stay_on_this_level(walk: str) -> None:
    mine, other = network(nn, ad), network(torch.nn, torch)
    for options in ({"prefix": "net"}, {"recurse": False}, {"prefix": "net", "recurse": False}):
        found, expected = (getattr(net, walk)(**options) for net in (mine, other))
        assert [name for name, _ in found] == [name for name, _ in expected]


@needs_torch
def test_state_has_pytorchs_keys_in_its_order() -> None:
    assert list(network(nn, ad).state_dict()) == list(network(torch.nn, torch).state_dict())


@needs_torch
def test_nested_text_equals_pytorchs() -> None:
    assert repr(network(nn, ad)) == repr(network(torch.nn, torch))


@needs_torch
@pytest.mark.parametrize("text", ["", "size=3", "size=3\ndepth=2"])
@pytest.mark.parametrize("children", [0, 2])
def test_options_beside_children_print_like_pytorchs(text: str, children: int) -> None:
    def made(library: Any) -> Any:
        class Named(library.Module):  # type: ignore[misc]  # of either library
            def __init__(self) -> None:
                super().__init__()
                for i in range(children):
                    self.add_module(f"part{i}", library.Sequential(library.ReLU()))

            def _get_name(self) -> str:
                return "Another"

            def extra_repr(self) -> str:
                return text

        return Named()

    assert repr(made(nn)) == repr(made(torch.nn))


@needs_torch
def test_losses_print_like_pytorchs() -> None:
    for name in ("CrossEntropyLoss", "MSELoss", "BCEWithLogitsLoss"):
        assert repr(getattr(nn, name)()) == repr(getattr(torch.nn, name)())


def test_tied_weights_are_walked_once_and_saved_twice() -> None:
    net = network(nn, ad)
    names = [name for name, _ in net.named_parameters()]
    assert "encoder.weight" in names
    assert "decoder.weight" not in names
    state = net.state_dict()
    assert state["encoder.weight"].detach().numpy() is state["decoder.weight"].detach().numpy()
    assert len({id(p) for p in net.parameters()}) == len(list(net.parameters()))


def test_tied_weights_get_the_sum_of_their_gradients() -> None:
    a, b = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    b.weight = a.weight
    x = ad.tensor([[1.0, 2.0]])
    (a(x) + b(x)).sum().backward()
    assert a.weight.grad is not None
    assert a.weight.grad.tolist() == [[2.0, 4.0]] * 2


def test_assigning_none_takes_a_parameter_out_and_a_parameter_puts_it_back() -> None:
    layer = nn.Linear(3, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert repr(layer) == "Linear(in_features=3, out_features=2, bias=False)"
    assert layer(ad.ones(1, 3)).shape == (1, 2)
    layer.bias = nn.Parameter(ad.zeros(2))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_deleting_an_attribute_takes_it_out_of_the_walks() -> None:
    net = network(nn, ad)
    for name in ("encoder", "shift", "unset"):
        delattr(net, name)
        assert not hasattr(net, name)
    names = {name for name, _ in net.named_parameters()}
    assert "shift" not in names
    assert "decoder.weight" in names  # the tied weight is still there under its second name
    assert "encoder.bias" not in names


def test_a_buffer_is_replaced_by_assignment_and_stays_a_buffer() -> None:
    norm = nn.BatchNorm1d(2)
    norm.running_mean = ad.tensor([1.0, 2.0])
    assert norm.state_dict()["running_mean"].tolist() == [1.0, 2.0]
    assert "running_mean" not in dict(norm.named_parameters())


def test_a_plain_tensor_is_not_registered() -> None:
    net = network(nn, ad)
    assert "plain" not in net.state_dict()
    assert "plain" not in dict(net.named_buffers())


def test_a_buffer_that_is_not_saved_is_walked_but_not_in_the_state() -> None:
    net = network(nn, ad)
    assert "blocks.0.scratch" in dict(net.named_buffers())
    assert "blocks.0.scratch" not in net.state_dict()


REFUSED: dict[str, tuple[Callable[[Any, Any], Any], type[Exception], str]] = {
    "tensor for a parameter": (lambda m, lib: setattr(m.linear, "weight", lib.ones(2, 3)), TypeError, "weight"),
    "number for a parameter": (lambda m, lib: setattr(m.linear, "bias", 3.0), TypeError, "bias"),
    "number for a buffer": (lambda m, lib: setattr(m.norm, "running_mean", 3.0), TypeError, "running_mean"),
    "tensor for a module": (lambda m, lib: setattr(m, "linear", lib.ones(2)), TypeError, "linear"),
    "number for a module": (lambda m, lib: setattr(m, "norm", 3), TypeError, "norm"),
    "parameter that is a tensor": (lambda m, lib: m.register_parameter("q", lib.ones(2)), TypeError, "q"),
    "buffer that is a number": (lambda m, lib: m.register_buffer("q", 3.0), TypeError, "q"),
    "module that is a tensor": (lambda m, lib: m.add_module("q", lib.ones(2)), TypeError, "Module"),
    "buffer over a parameter": (lambda m, lib: m.linear.register_buffer("weight", lib.ones(2)), KeyError, "weight"),
    "parameter over a buffer": (
        lambda m, lib: m.norm.register_parameter("running_mean", None),
        KeyError,
        "running_mean",
    ),
    "module over a parameter": (lambda m, lib: m.linear.add_module("weight", m.norm), KeyError, "weight"),
    "buffer over a module": (lambda m, lib: m.register_buffer("norm", lib.ones(2)), KeyError, "norm"),
    "name of a method": (lambda m, lib: m.add_module("forward", m.norm), KeyError, "forward"),
    "name with a dot": (lambda m, lib: m.register_buffer("a.b", lib.ones(2)), KeyError, "a.b"),
    "empty name": (lambda m, lib: m.register_parameter("", None), KeyError, ""),
    "name that is no text": (lambda m, lib: m.add_module(3, m.norm), TypeError, "int"),
    "mode that is no bool": (lambda m, lib: m.train(1), ValueError, "mode"),
    "dtype of integers": (lambda m, lib: m.to(lib.int64), TypeError, "float"),
    "no forward": (lambda m, lib: m(lib.ones(2)), NotImplementedError, "forward"),
}


def parts(library: Any) -> Any:
    """Return a module of a linear layer and a batch normalization, without forward."""
    module = library.Module()
    module.linear, module.norm = library.Linear(3, 2), library.BatchNorm1d(2)
    return module


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED.values(), ids=list(REFUSED))
def test_what_does_not_fit_is_refused_and_changes_nothing(
    call: Callable[[Any, Any], Any], kind: type[Exception], text: str
) -> None:
    module = parts(nn)
    values, printed = dict(module.state_dict()), repr(module)
    with pytest.raises(kind) as error:
        call(module, ad)
    assert text in str(error.value)
    assert repr(module) == printed
    after = module.state_dict()
    assert list(after) == list(values)
    assert all(after[name].detach().numpy() is values[name].detach().numpy() for name in values)
    assert module.training


@needs_torch
@pytest.mark.parametrize(("call", "kind", "text"), REFUSED.values(), ids=list(REFUSED))
def test_pytorch_refuses_it_by_the_same_kind_of_error(
    call: Callable[[Any, Any], Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind):
        call(parts(torch.nn), torch)


# -- what is set for all below -----------------------------------------------------------------------------------------


def test_training_and_evaluation_mode_reach_every_module() -> None:
    net = network(nn, ad)
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.blocks[0].eval()
    assert [m.training for m in (net, net.blocks, net.blocks[0], net.blocks[0].norm, net.blocks[2])] == [
        True, True, False, False, True,
    ]  # fmt: skip


@needs_torch
def test_apply_visits_children_first_and_every_module_once() -> None:
    def visited(net: Any) -> list[str]:
        found: list[str] = []
        assert net.apply(lambda module: found.append(type(module).__name__)) is net
        return found

    assert visited(nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.ReLU())) == [
        "Linear", "Tanh", "Sequential", "ReLU", "Sequential",
    ]  # fmt: skip
    assert visited(network(nn, ad)) == visited(network(torch.nn, torch))


def test_requires_grad_reaches_every_parameter_and_no_buffer() -> None:
    net = network(nn, ad)
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    assert all(p.requires_grad for p in net.parameters())
    assert not any(b.requires_grad for b in net.buffers())


def test_frozen_parameters_get_no_gradient() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    net[0].requires_grad_(False)
    net(ad.ones(4, 2)).sum().backward()
    assert [p.grad is None for p in net.parameters()] == [True, True, False, False]


def test_gradients_are_forgotten_or_set_to_zero() -> None:
    net = nn.Linear(2, 3)
    net(ad.ones(4, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    for p in net.parameters():
        assert p.grad is not None
        assert (p.grad.shape, p.grad.dtype) == (p.shape, p.dtype)
        assert not p.grad.detach().numpy().any()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_conversion_changes_floats_in_place_and_leaves_integers() -> None:
    net = network(nn, ad)
    parameters = list(net.parameters())
    values = [p.detach().numpy().copy() for p in parameters]
    assert net.double() is net
    assert [p is q for p, q in zip(net.parameters(), parameters, strict=True)] == [True] * len(parameters)
    assert net.decoder.weight is net.encoder.weight
    for value, p in zip(values, parameters, strict=True):
        assert p.dtype == np.float64
        np.testing.assert_array_equal(p.detach().numpy(), value)
    assert net.blocks[0].norm.running_var.dtype == np.float64
    assert net.blocks[0].norm.num_batches_tracked.dtype == np.int64
    net.to(np.float32)
    assert {p.dtype for p in net.parameters()} == {np.dtype(np.float32)}
    assert {p.dtype for p in net.double().float().parameters()} == {np.dtype(np.float32)}


def test_conversion_takes_gradients_along() -> None:
    layer = nn.Linear(2, 1)
    layer(ad.tensor([[3.0, 4.0]])).sum().backward()
    layer.double()
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype == np.float64
    assert layer.weight.grad.tolist() == [[3.0, 4.0]]
    layer(ad.tensor([[3.0, 4.0]], dtype=np.float64)).sum().backward()
    assert layer.weight.grad.tolist() == [[6.0, 8.0]]


def test_conversion_between_forward_and_backward_is_noticed() -> None:
    layer = nn.Linear(2, 1)
    loss = layer(ad.ones(3, 2, requires_grad=True)).sum()
    layer.double()
    with pytest.raises(RuntimeError, match=r"linear.*changed in place"):
        loss.backward()


# -- forward -----------------------------------------------------------------------------------------------------------


@needs_torch
def test_a_module_passes_any_arguments_and_results_through() -> None:
    def make(library: Any) -> Any:
        class Split(library.Module):  # type: ignore[misc]  # the base is a parameter
            def forward(self, x: Any, *, at: int = 1) -> Any:
                return {"left": x[:at], "rest": (x[at:], "text", None)}

        return Split()

    x = np.arange(5.0)
    found, expected = make(nn)(ad.tensor(x), at=2), make(torch.nn)(torch.tensor(x), at=2)
    assert_same(array(found["left"]), array(expected["left"]))
    assert_same(array(found["rest"][0]), array(expected["rest"][0]))
    assert found["rest"][1:] == ("text", None)


def test_nothing_is_recorded_under_no_grad() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    with ad.no_grad():
        y = net(ad.randn(4, 2))
    assert not y.requires_grad
    assert y.is_leaf


@pytest.mark.parametrize("layer", [nn.Linear(4, 3), nn.Conv2d(2, 3, 2), nn.Bilinear(2, 3, 4), nn.Embedding(5, 3)])
def test_weights_and_their_gradients_lie_row_by_row(layer: nn.Module) -> None:
    """So that ``view(-1)`` shows them, ``flatten()`` shares their memory, and any file format can hold them."""
    inputs = {
        nn.Linear: [ad.ones(2, 4)],
        nn.Conv2d: [ad.ones(1, 2, 3, 3)],
        nn.Bilinear: [ad.ones(2, 2), ad.ones(2, 3)],
        nn.Embedding: [ad.tensor([1, 2])],
    }[type(layer)]
    layer(*inputs).sum().backward()
    for p in layer.parameters():
        assert p.grad is not None
        assert p.view(-1).shape == p.grad.view(-1).shape == (p.numel(),)
        with ad.no_grad():
            p.flatten().zero_()
        assert not p.detach().numpy().any()


def test_a_parameter_is_not_lost_to_a_module_of_its_name() -> None:
    net = nn.Linear(2, 3)
    with pytest.raises(TypeError, match="cannot assign a ReLU to parameter 'weight'"):
        net.weight = nn.ReLU()  # type: ignore[assignment]  # the mistake
    assert [*net.state_dict()] == ["weight", "bias"]
