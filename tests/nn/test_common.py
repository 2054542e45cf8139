"""The one common check: every module and function of the table against PyTorch, to second order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
import nn
from nn import functional
from tests.nn.cases import (
    CASES,
    DEEP,
    NOT_COMPARED,
    ONCE,
    OWN,
    ROUNDED,
    SHIFTED,
    UNDEFINED,
    Case,
    our_tensor,
    their_dtype,
    their_tensor,
)
from tests.oracle import Array, array, assert_same, needs_torch, theirs, torch
from tests.together import together

ALL = [*CASES, *UNDEFINED, *ONCE]


def by_path(case: Case) -> str:
    """Return what a case is of: a module or function."""
    return case.path


every_case = together("case", ALL, by=by_path)
every_defined_case = together("case", CASES, by=by_path)
every_case_of_ours = together("case", [*ALL, *OWN], by=by_path)
every_module = together("case", [c for c in ALL if not c.path.startswith("functional.")], by=by_path)
every_module_of_ours = together("case", [c for c in [*ALL, *OWN] if not c.path.startswith("functional.")], by=by_path)

# Both libraries round each operation once, in another order, in sums of up to 100 terms of about 1. A float64 rounds
# by 1e-16, a float32 by 6e-8.
TOLERANCE = {np.float64: {"rtol": 1e-11, "atol": 1e-12}, np.float32: {"rtol": 2e-5, "atol": 4e-6}}


# Rounding of float32 through a dozen such operations, twenty times that of one.
TOLERANCE_DEEP = {"rtol": 4e-4, "atol": 1e-4}


# PyTorch's remarks on what it does in another way, or will.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN"),
    pytest.mark.filterwarnings("ignore:`nn.functional.upsample.* is deprecated"),
    pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
]


# -- completeness ------------------------------------------------------------------------------------------------------


def public_modules() -> Iterator[str]:
    """Yield the names of the modules that the package offers."""
    for name, value in vars(nn).items():
        if isinstance(value, type) and issubclass(value, nn.Module) and value not in (nn.Module, nn.RNNBase):
            yield name


@together("path", [*public_modules(), *(f"functional.{name}" for name in functional.__all__)])
def test_every_module_and_function_is_in_the_table(path: str) -> None:
    known = {name for case in (*ALL, *OWN) for name in case.paths()} | NOT_COMPARED
    assert path in known, f"{path} needs a line in cases.py"


# -- against PyTorch ---------------------------------------------------------------------------------------------------


@needs_torch
@every_case
@together("dtype", [np.float32, np.float64])
@together("training", [True, False])
def test_outputs_gradients_and_buffers_equal_pytorch(case: Case, dtype: npt.DTypeLike, training: bool) -> None:
    mine, other = twins(case, dtype, training)
    inputs, their_inputs = (leaves(lib, case.converted(dtype), case.constants) for lib in (ad, torch))
    tolerance = TOLERANCE[np.float32 if case.path in ROUNDED else dtype]  # type: ignore[index]  # one of its two keys
    if case.path in DEEP and dtype == np.float32:
        tolerance = TOLERANCE_DEEP
    for scale in (1.0, 0.5):  # two passes: running averages move twice, gradients add up
        y = joined(ad, mine(*(scale * x if x.requires_grad else x for x in inputs)))
        expected = joined(torch, other(*(scale * x if x.requires_grad else x for x in their_inputs)))
        assert_same(array(y), array(expected), **tolerance)
        if y.requires_grad:
            y.backward(ad.tensor(weights(y)))
            expected.backward(theirs(weights(y)))
    assert_same(gradients(mine, inputs), gradients(other, their_inputs), **tolerance)
    state, expected_state = state_of(mine), state_of(other)
    assert list(state) == list(expected_state)
    assert_same(list(state.values()), list(expected_state.values()), **tolerance)


@needs_torch
@every_defined_case
@together("training", [True, False])
def test_second_derivatives_equal_pytorch(case: Case, training: bool) -> None:
    mine, other = twins(case, np.float64, training)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the others are differentiable once
        theirs_second = [*second_derivatives(torch, other, leaves(torch, case.converted(np.float64), case.constants))]
    for found, expected in zip(
        second_derivatives(ad, mine, leaves(ad, case.converted(np.float64), case.constants)),
        theirs_second,
        strict=True,
    ):
        assert_same(found, expected, **TOLERANCE[np.float32 if case.path in SHIFTED else np.float64])


@needs_torch
@every_module
def test_weights_move_both_ways(case: Case) -> None:
    mine, other = twins(case, np.float64)
    again: Any = case.build(nn, our_tensor(np.float64))
    again.double()
    report = again.load_state_dict({name: array(value) for name, value in other.state_dict().items()})
    assert not any(report)
    assert list(again.state_dict()) == list(other.state_dict())
    assert_same(list(state_of(again).values()), list(state_of(mine).values()), rtol=0, atol=0)


@needs_torch
@every_module
def test_parameters_have_pytorchs_names_order_shapes_and_dtypes(case: Case) -> None:
    mine: Any = case.build(nn, our_tensor(np.float32))
    other: Any = case.build(torch.nn, their_tensor(np.float32))
    for walk in ("named_parameters", "named_buffers", "state_dict"):
        found, expected = (dict(getattr(module, walk)()) for module in (mine, other))
        assert {n: (v.shape, v.dtype.name) for n, v in found.items()} == {
            n: (tuple(v.shape), array(v).dtype.name) for n, v in expected.items()
        }
        assert list(found) == list(expected)
    assert [name for name, _ in mine.named_modules()] == [name for name, _ in other.named_modules()]


@needs_torch
@every_module
def test_text_equals_pytorchs(case: Case) -> None:
    expected = repr(case.build(torch.nn, their_tensor(np.float32)))
    expected = expected.replace("NonDynamicallyQuantizableLinear", "Linear")  # there is nothing to quantize here
    assert repr(case.build(nn, our_tensor(np.float32))) == expected


# -- without PyTorch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OWN, ids=str)
def test_derivatives_of_what_pytorch_lacks_equal_differences(case: Case) -> None:
    call: Any = case.build(nn, our_tensor(np.float64))
    if isinstance(call, nn.Module):
        call.double().load_state_dict(filled(call))
    inputs = leaves(ad, case.converted(np.float64), case.constants)
    given = [*inputs, *parameters(call)]
    assert ad.gradcheck(lambda *_: call(*inputs), given)
    assert ad.gradgradcheck(lambda *_: call(*inputs), given)


@every_module_of_ours
def test_a_state_moves_into_another_module(case: Case) -> None:
    one: Any = case.build(nn, our_tensor(np.float32))
    other: Any = case.build(nn, our_tensor(np.float32))
    state = filled(one)
    assert not any(other.load_state_dict(state))
    assert list(other.state_dict()) == list(state)
    for name, value in state_of(other).items():
        np.testing.assert_array_equal(value, np.asarray(state[name], value.dtype))
    assert repr(copy.deepcopy(other)) == repr(one)


# -- arrays and memory -------------------------------------------------------------------------------------------------


@every_module_of_ours
def test_numpy_arrays_are_taken_for_inputs_and_labels(case: Case) -> None:
    module: Any = case.build(nn, our_tensor(np.float64))
    module.double().load_state_dict(filled(module))
    module.eval()
    arrays = case.converted(np.float64)
    from_arrays = joined(ad, module(*arrays))
    assert isinstance(from_arrays, ad.Tensor)
    np.testing.assert_array_equal(
        from_arrays.detach().numpy(), joined(ad, module(*map(ad.tensor, arrays))).detach().numpy()
    )


@every_case_of_ours
def test_neither_inputs_nor_parameters_are_changed(case: Case) -> None:
    call: Any = case.build(nn, our_tensor(np.float64))
    if isinstance(call, nn.Module):
        call.double().load_state_dict(filled(call))
    inputs = leaves(ad, case.converted(np.float64), case.constants)
    watched = [*inputs, *parameters(call)]
    before = [x.detach().numpy().copy() for x in watched]
    for x in watched:
        x.detach().numpy().flags.writeable = False  # whoever writes into it raises
    y = joined(ad, call(*inputs))
    if y.requires_grad:
        y.backward(ad.tensor(weights(y)))
    for x, value in zip(watched, before, strict=True):
        np.testing.assert_array_equal(x.detach().numpy(), value)
        assert x.grad is None or not np.may_share_memory(x.grad.detach().numpy(), y.detach().numpy())


# -- helpers -----------------------------------------------------------------------------------------------------------


def filled(module: nn.Module) -> dict[str, Array]:
    """Return a state for a module with positive random numbers for all floats, so that no parameter is neutral."""
    rng = np.random.default_rng(17)
    return {
        name: rng.uniform(0.5, 1.5, value.shape) if value.dtype.kind == "f" else value.detach().numpy()
        for name, value in module.state_dict().items()
    }


def twins(case: Case, dtype: npt.DTypeLike, training: bool = True) -> tuple[Any, Any]:
    """Return what a case builds in this library and in PyTorch, with the same state."""
    mine: Any = case.build(nn, our_tensor(dtype))
    other: Any = case.build(torch.nn, their_tensor(dtype))
    if isinstance(mine, nn.Module):
        mine.to(dtype).train(training)
        mine.load_state_dict(filled(mine))
        other.to(their_dtype(dtype)).train(training)
        other.load_state_dict({name: theirs(value.detach().numpy()) for name, value in mine.state_dict().items()})
    return mine, other


def leaves(library: Any, arrays: list[Array], constants: int = 0) -> list[Any]:
    """Return arrays as leaves of a library; floats require gradients, but for the last few."""
    learned = len(arrays) - constants
    return [library.tensor(a, requires_grad=a.dtype.kind == "f" and i < learned) for i, a in enumerate(arrays)]


def joined(library: Any, output: Any) -> Any:
    """Return the tensors of an output as one, each with its place in it, so that all of them are checked."""
    if not isinstance(output, tuple):
        return output
    return library.cat([joined(library, part).reshape(-1) for part in output if part is not None])


def parameters(call: Any) -> list[Any]:
    """Return the parameters of a module; of a function none."""
    return list(call.parameters()) if hasattr(call, "parameters") else []


def state_of(call: Any) -> dict[str, Array]:
    """Return the state of a module as arrays; of a function none."""
    return {n: array(v) for n, v in call.state_dict().items()} if hasattr(call, "state_dict") else {}


def gradients(call: Any, inputs: list[Any]) -> list[Array | None]:
    """Return the gradients of inputs and parameters."""
    return [None if x.grad is None else array(x.grad) for x in [*inputs, *parameters(call)]]


def weights(y: Any) -> Array:
    """Return a different weight for each element of an output."""
    size = int(np.prod(tuple(y.shape)))
    return np.cos(np.arange(size)).reshape(tuple(y.shape)).astype(array(y).dtype)


def second_derivatives(library: Any, call: Callable[..., Any], inputs: list[Any]) -> Iterator[Array]:
    """Yield the derivatives of a weighted sum of the first ones: by inputs, parameters and the output's weights."""
    grad = ad.grad if library is ad else library.autograd.grad
    y = joined(library, call(*inputs))
    xs = [x for x in [*inputs, *parameters(call)] if x.requires_grad]
    v = library.tensor(weights(y), requires_grad=True)
    first = [g for g in grad(y, xs, v, create_graph=True, allow_unused=True) if g is not None and g.requires_grad]
    total = sum((library.tensor(weights(g)) * g).sum() for g in first)
    for x, g in zip([*xs, v], grad(total, [*xs, v], allow_unused=True), strict=True):
        yield np.zeros(tuple(x.shape)) if g is None else array(g)
