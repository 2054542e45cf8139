"""NumPy's own functions applied to tensors: recorded where there is a rule, refused by name where there is none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.numpy import FUNCTIONS
from tests.autodiff.test_backward import leaf
from tests.together import together

A = np.array([[0.5, 1.5, 2.5], [3.0, 0.25, 1.0]])
INDEX = np.array([[0, 2], [1, 1]])

CALLS: dict[str, Callable[[Any], Any]] = {
    "exp": lambda x: np.exp(x),
    "log": lambda x: np.log(x),
    "log1p": lambda x: np.log1p(x),
    "sqrt": lambda x: np.sqrt(x),
    "tanh": lambda x: np.tanh(x),
    "abs": lambda x: np.abs(x),
    "negative": lambda x: np.negative(x),
    "sign": lambda x: np.sign(x),
    "floor": lambda x: np.floor(x),
    "add": lambda x: np.add(x, A),
    "add, array first": lambda x: np.add(A, x),
    "subtract": lambda x: np.subtract(1.0, x),
    "multiply": lambda x: np.multiply(A, x),
    "divide": lambda x: np.divide(A, x),
    "power": lambda x: np.power(x, 3),
    "maximum": lambda x: np.maximum(x, 1.0),
    "minimum": lambda x: np.minimum(A.mean(), x),
    "matmul": lambda x: np.matmul(A.T, x),
    "sum": lambda x: np.sum(x),
    "sum of an axis": lambda x: np.sum(x, axis=0),
    "sum with keepdims": lambda x: np.sum(x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, axis=-1),
    "var": lambda x: np.var(x, axis=0),
    "var with ddof": lambda x: np.var(x, axis=1, ddof=1),
    "max": lambda x: np.max(x, axis=1),
    "min": lambda x: np.min(x),
    "where": lambda x: np.where(A > 1, x, 0.0),
    "concatenate": lambda x: np.concatenate([x, A, x]),
    "concatenate along an axis": lambda x: np.concatenate([x, x], axis=1),
    "concatenate of everything": lambda x: np.concatenate([x, A[0]], axis=None),
    "concatenate of one tensor's slices": lambda x: np.concatenate(x),
    "concatenate with a list": lambda x: np.concatenate([x, [[1.0, 2.0, 3.0]]]),
    "stack": lambda x: np.stack([x, x], axis=1),
    "stack of one tensor's slices": lambda x: np.stack(x, axis=1),
    "vstack of one tensor's slices": lambda x: np.vstack(x),
    "hstack of one tensor's slices": lambda x: np.hstack(x),
    "where with a list": lambda x: np.where(A > 1, x, [1.0, 2.0, 3.0]),
    "amax": lambda x: np.amax(x, axis=0),
    "amin": lambda x: np.amin(x),
    "squeeze an axis": lambda x: np.squeeze(x[:1], axis=0),
    "squeeze no axis": lambda x: np.squeeze(x[:1], axis=()),
    "einsum, optimized": lambda x: np.einsum("ij,kj->ik", x, A, optimize=True),
    "einsum of lists": lambda x: np.einsum(x, [0, 1], A, [2, 1], [0, 2]),
    "clip with lists": lambda x: np.clip(x, [0.6, 1.0, 1.2], [2.0, 3.0, 2.0]),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "reshape with a number": lambda x: np.reshape(x, -1),
    "ravel": lambda x: np.ravel(x),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "transpose": lambda x: np.transpose(x),
    "transpose with axes": lambda x: np.transpose(x[None], (2, 0, 1)),
    "broadcast_to": lambda x: np.broadcast_to(x, (4, 2, 3)),
    "copy": lambda x: np.copy(x),
    "take_along_axis": lambda x: np.take_along_axis(x, INDEX, 1),
    "take_along_axis from the end": lambda x: np.take_along_axis(x, INDEX - 2, axis=1),
    "square": lambda x: np.square(x),
    "reciprocal": lambda x: np.reciprocal(x),
    "positive": lambda x: np.positive(x),
    "float_power": lambda x: np.float_power(x, 2),
    "fabs": lambda x: np.fabs(x),
    "ceil": lambda x: np.ceil(x),
    "trunc": lambda x: np.trunc(x),
    "rint": lambda x: np.rint(x + 0.1),
    "exp2": lambda x: np.exp2(x),
    "expm1": lambda x: np.expm1(x),
    "log2": lambda x: np.log2(x),
    "log10": lambda x: np.log10(x),
    "logaddexp": lambda x: np.logaddexp(A[0], x),
    "sin": lambda x: np.sin(x),
    "cos": lambda x: np.cos(x),
    "tan": lambda x: np.tan(0.2 * x),
    "arcsin": lambda x: np.arcsin(0.3 * x),
    "arccos": lambda x: np.arccos(0.3 * x),
    "arctan": lambda x: np.arctan(x),
    "arctan2": lambda x: np.arctan2(A[0], x),
    "hypot": lambda x: np.hypot(x, 2.0),
    "sinh": lambda x: np.sinh(x),
    "cosh": lambda x: np.cosh(x),
    "arcsinh": lambda x: np.arcsinh(x),
    "arccosh": lambda x: np.arccosh(x + 1),
    "arctanh": lambda x: np.arctanh(0.3 * x),
    "prod": lambda x: np.prod(x, axis=1),
    "nansum": lambda x: np.nansum(x, axis=0),
    "std": lambda x: np.std(x, axis=0),
    "std with ddof": lambda x: np.std(x, ddof=1, keepdims=True),
    "cumsum": lambda x: np.cumsum(x),
    "cumsum of an axis": lambda x: np.cumsum(x, axis=0),
    "cumprod": lambda x: np.cumprod(x),
    "cumprod of an axis": lambda x: np.cumprod(x, 1),
    "linalg.norm": lambda x: np.linalg.norm(x),
    "linalg.norm of an axis": lambda x: np.linalg.norm(x, 3, axis=1, keepdims=True),
    "trace": lambda x: np.trace(x, 1),
    "clip": lambda x: np.clip(x, 0.4, 2.0),
    "clip from below": lambda x: np.clip(x, 0.4, None),
    "round": lambda x: np.round(x + 0.01, 1),
    "around": lambda x: np.around(x + 0.1),
    "moveaxis": lambda x: np.moveaxis(x[None], 0, -1),
    "matrix_transpose": lambda x: np.matrix_transpose(x),
    "hstack": lambda x: np.hstack([x, x[:, :1]]),
    "hstack of vectors": lambda x: np.hstack([x[0], x[1]]),
    "vstack": lambda x: np.vstack([x[0], x]),
    "split": lambda x: np.split(x, 3, axis=1)[1],
    "split at indices": lambda x: np.split(x, [1, 1, 7], axis=1)[2],
    "tile": lambda x: np.tile(x, (2, 1, 2)),
    "tile once": lambda x: np.tile(x, 2),
    "repeat": lambda x: np.repeat(x, 2),
    "repeat along an axis": lambda x: np.repeat(x, [2, 0, 1], axis=1),
    "flip": lambda x: np.flip(x),
    "flip an axis": lambda x: np.flip(x, 0),
    "roll": lambda x: np.roll(x, 2),
    "roll axes": lambda x: np.roll(x, 1, axis=(0, 1)),
    "take": lambda x: np.take(x, [0, 5, -1]),
    "take along an axis": lambda x: np.take(x, INDEX, axis=-1),
    "sort": lambda x: np.sort(x),
    "sort flat": lambda x: np.sort(x, axis=None),
    "diag": lambda x: np.diag(x, 1),
    "diag of a vector": lambda x: np.diag(x[0], -1),
    "diagonal": lambda x: np.diagonal(x, -1),
    "tril": lambda x: np.tril(x, -1),
    "triu": lambda x: np.triu(x),
    "dot": lambda x: np.dot(x, A.T),
    "dot with a vector": lambda x: np.dot(x, A[0]),
    "dot with a scalar": lambda x: np.dot(2.0, x),
    "dot of many dimensions": lambda x: np.dot(x, np.ones((2, 3, 2))),
    "vdot": lambda x: np.vdot(x, A),
    "inner": lambda x: np.inner(x, A),
    "outer": lambda x: np.outer(x, A),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, A),
    "tensordot": lambda x: np.tensordot(x, A),
    "tensordot of axes": lambda x: np.tensordot(x, A, axes=(1, 1)),
    "expand_dims of axes": lambda x: np.expand_dims(x, (0, -1)),
    "permute_dims": lambda x: np.permute_dims(x, (1, 0)) if hasattr(np, "permute_dims") else np.transpose(x),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_function_is_recorded(name: str) -> None:
    x = ad.tensor(A, requires_grad=True)
    y = CALLS[name](x)
    assert type(y) is ad.Tensor
    assert y.requires_grad
    np.testing.assert_allclose(y.detach().numpy(), CALLS[name](A), rtol=1e-14)  # a few roundings
    y.sum().backward()
    h = 1e-6  # central differences err by h^2 and by eps / h, both below 1e-9 here
    v = np.cos(np.arange(6.0)).reshape(A.shape)
    numeric = (np.sum(CALLS[name](A + h * v)) - np.sum(CALLS[name](A - h * v))) / (2 * h)
    assert x.grad is not None
    assert (x.grad.detach().numpy() * v).sum() == pytest.approx(numeric, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.equal(x, 1.5),
        lambda x: np.less(A, x),
        lambda x: np.isnan(x),
        lambda x: np.isfinite(x),
        lambda x: np.argmax(x, axis=1),
        lambda x: np.isinf(x),
        lambda x: np.logical_and(x, A > 1),
        lambda x: np.logical_or(A > 9, x),
        lambda x: np.logical_xor(x, A > 1),
        lambda x: np.logical_not(x),
        lambda x: np.isclose(x, A + 1e-9),
        lambda x: np.argmin(x),
        lambda x: np.argsort(x, axis=0),
        lambda x: np.all(x, axis=0),
        lambda x: np.any(x, axis=1, keepdims=True),
        lambda x: np.full_like(x, 3.0),
        lambda x: np.zeros_like(x, dtype=np.int64),
        lambda x: np.zeros_like(x),
        lambda x: np.ones_like(x),
    ],
)
def test_numpy_function_without_derivative_gives_a_plain_tensor(call: Callable[[Any], Any]) -> None:
    y = call(ad.tensor(A, requires_grad=True))
    assert type(y) is ad.Tensor
    assert not y.requires_grad
    np.testing.assert_array_equal(y.detach().numpy(), call(A))


def test_where_alone_gives_positions() -> None:
    x = ad.tensor(A, requires_grad=True)
    for condition, plain in ((x > 1, A > 1), (x, A), (x[0, 0], A[0:1, 0])):
        for found in (np.where(condition), ad.where(condition)):
            assert all(type(at) is ad.Tensor for at in found)
            for at, expected in zip(found, np.where(plain), strict=True):
                np.testing.assert_array_equal(at.detach().numpy(), expected)


def test_squeeze_refuses_an_axis_of_another_size_as_numpys_does() -> None:
    x = leaf(1.0, 2.0)
    for call in (lambda x: np.squeeze(x, 0), lambda x: np.squeeze(x[None], (0, 1))):
        for value in (x, x.detach().numpy()):
            with pytest.raises(ValueError, match="size"):
                call(value)


def test_numpy_functions_that_give_a_truth_give_pythons() -> None:
    x = ad.tensor(A, requires_grad=True)
    assert np.allclose(x, A + 1e-9) is True
    assert np.allclose(A + 1, x) is False
    assert np.array_equal(x, A) is True
    assert np.array_equal(x, A[0]) is False


def test_shape_functions_give_python_values() -> None:
    x = leaf(1.0, 2.0)
    assert np.shape(x) == (2,)
    assert np.ndim(x) == 1
    assert np.size(x) == 2


@pytest.mark.parametrize("scalar", [np.float64(2.0), np.float32(2.0), np.int64(2), np.array(2.0)])
def test_numpy_scalar_on_the_left_does_not_swallow_the_graph(scalar: Any) -> None:
    x = leaf(1.0, 2.0)
    for y in (scalar + x, scalar - x, scalar * x, scalar / x, scalar**x):
        assert type(y) is ad.Tensor
        assert y.requires_grad
        assert y.shape == (2,)


def test_array_on_the_left_of_an_augmented_assignment_refuses_to_lose_the_graph() -> None:
    a, x = np.ones(2), leaf(1.0, 2.0)
    with pytest.raises(TypeError, match=r"add.*out="):
        a += x
    assert a.tolist() == [1.0, 1.0]
    a += ad.tensor([1.0, 2.0])
    assert a.tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("numpy.linalg.eig", lambda x: np.linalg.eig(x)),
        ("numpy.fft.fft", lambda x: np.fft.fft(x)),
        ("numpy.histogram", lambda x: np.histogram(x)),
        ("numpy.gcd", lambda x: np.gcd(x, x)),
        ("numpy.add.reduce", lambda x: np.add.reduce(x)),
        ("numpy.multiply.outer", lambda x: np.multiply.outer(x, x)),
        ("numpy.spacing", lambda x: np.spacing(x)),
    ],
)
def test_numpy_function_without_rule_is_refused_by_name(name: str, call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=name.replace(".", r"\.")):
        call(ad.tensor(A[:, :2], requires_grad=True))


def test_arguments_that_cannot_be_recorded_are_refused() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="out="):
        np.exp(x, out=np.zeros(2))
    with pytest.raises(TypeError, match="where"):
        np.exp(x, where=np.array([True, False]))
    with pytest.raises(TypeError, match="where"):
        np.sum(x, where=np.array([True, False]))
    with pytest.raises(TypeError, match="out"):
        np.sum(x, out=np.zeros(()))
    with pytest.raises(TypeError, match=r"numpy\.linalg\.norm.*ord=-1"):
        np.linalg.norm(x[None] * x[:, None], -1)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("numpy.sum", lambda x: np.sum(x, where=np.array([True, False]))),
        ("numpy.var", lambda x: np.var(x, out=np.zeros(()))),
        ("numpy.reshape", lambda x: np.reshape(x, (2, 1), order="F")),
        ("numpy.ravel", lambda x: np.ravel(x, order="F")),
        ("numpy.concatenate", lambda x: np.concatenate([x, x], out=np.zeros(4))),
        ("numpy.concatenate", lambda x: np.concatenate([x, x], dtype=np.float32, casting="unsafe")),
        ("numpy.take", lambda x: np.take(x, [0], mode="clip")),
        ("numpy.sum", lambda x: np.sum(x, 0, None, np.zeros(()))),
        ("numpy.sum", lambda x: np.sum(x, axis=())),
        ("numpy.max", lambda x: np.max(x, ())),
        ("numpy.linalg.norm", lambda x: np.linalg.norm(x, axis=())),
    ],
)
def test_arguments_that_a_numpy_function_does_not_take_of_tensors_are_refused_under_its_name(
    name: str, call: Callable[[Any], Any]
) -> None:
    with pytest.raises(TypeError, match=name.replace(".", r"\.") + r"\(\) of tensors "):
        call(leaf(1.0, 2.0))


# What each function of the table needs, by the name of NumPy's parameter.
NEEDED: dict[str, Any] = {
    "shape": (3, 2), "axis1": 0, "axis2": 1, "source": 0, "destination": 1, "reps": 2, "repeats": 2, "shift": 1,
    "indices": np.array([[0, 1, 1], [1, 0, 1]]), "indices_or_sections": 2, "fill_value": 3.0, "axis": 0, "obj": 1,
    "q": 0.5, "kth": 1, "pad_width": 1, "n": 2,
}  # fmt: skip
# What the options may be besides their defaults.
OPTIONS: dict[str, Any] = {
    "axis": 0, "dtype": np.float64, "keepdims": True, "offset": 1, "axis1": 1, "axis2": 0, "decimals": 1, "k": 1,
    "rtol": 0.5, "atol": 0.5, "equal_nan": True, "a_min": 0.6, "a_max": 2.0, "min": 0.6, "max": 2.0, "axes": (1, 0),
    "ddof": 1, "correction": 1, "ord": 3, "kind": "mergesort", "stable": True, "subok": True, "shape": (2, 2),
    "x": 1.0, "y": 2.0, "optimize": True, "order": "K",
}  # fmt: skip


def _own_arguments(function: Any, x: Any) -> dict[str, Any]:
    """Return what a NumPy function needs, by its own names."""
    parameters = inspect.signature(function).parameters
    needed = [name for name, p in parameters.items() if p.default is p.empty and p.kind.name != "VAR_KEYWORD"]
    given = {name: NEEDED.get(name, x) for name in needed}
    if function in (np.dot, np.inner, np.tensordot):
        given["b"] = x.T if function is np.dot else x
    if function is np.where:
        given["condition"] = x > 1
    if function is np.squeeze:
        given["a"] = x[:1]
    if function is np.broadcast_to:
        given["shape"] = (4, 2, 3)
    if function in (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack):
        given = {needed[0]: (x, x)}
    if function is np.split:
        given["indices_or_sections"] = 2
    return given


def _called(function: Any, given: dict[str, Any]) -> Any:
    """Call a function by its own names, as far as they may be used."""
    parameters = inspect.signature(function).parameters
    first = [given.pop(name) for name in list(given) if parameters[name].kind.name == "POSITIONAL_ONLY"]
    return function(*first, **given)


def _parts(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _name(function: Any) -> str:
    return str(function.__name__)


def _parameters(function: Any) -> Any:
    """Return a function's parameters; before NumPy 2.4, those written in C do not tell theirs."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        pytest.skip("this NumPy does not tell its parameters")


OF_SEVERAL = (np.einsum, np.meshgrid, np.linalg.multi_dot)  # which have no names of their own


@together("function", [f for f in FUNCTIONS if f not in (*OF_SEVERAL, np.empty_like)])
def test_a_function_takes_numpys_own_names(function: Any) -> None:
    for name, parameter in _parameters(function).items():
        for value in (parameter.default, OPTIONS.get(name, parameter.empty)):
            if value is parameter.empty or (function is np.where and value is None):
                continue
            more = {"x": 1.0, "y": 2.0} if function is np.where else {name: value}
            try:
                expected = _called(function, _own_arguments(function, A) | more)
            except (TypeError, ValueError, IndexError, Warning):
                continue  # what it takes of no array
            if function is np.ravel and value == "K":
                continue  # the order in memory, which tensors do not promise
            found = _called(function, _own_arguments(function, ad.tensor(A)) | more)
            for mine, theirs in zip(_parts(found), _parts(expected), strict=True):
                np.testing.assert_allclose(np.asarray(mine), theirs, rtol=1e-14)


@together("function", [f for f in FUNCTIONS if f not in OF_SEVERAL])
def test_a_function_refuses_by_name_the_options_it_has_no_use_for(function: Any) -> None:
    x = ad.tensor(A)
    values = {"out": np.zeros(6), "where": np.ones(A.shape, bool), "initial": 0.0, "mean": np.zeros(()),
              "casting": "unsafe", "mode": "clip", "copy": True}  # fmt: skip
    parameters = _parameters(function)
    for name in values.keys() & parameters.keys():
        if parameters[name].default is True or (name == "mode" and function in (np.pad, np.linalg.qr)):
            continue
        with pytest.raises(TypeError, match=rf"numpy\.{function.__name__}\(\) of tensors does not take {name}="):
            _called(function, _own_arguments(function, x) | {name: values[name]})


def test_arguments_may_come_in_numpys_order() -> None:
    x = ad.tensor(A)
    assert np.sum(x, 0, None, None, True).shape == (1, 3)
    assert np.sum(x, 1, np.float32).dtype == np.float32
    np.testing.assert_array_equal(np.var(x, 0, None, None, 1).numpy(), np.var(A, 0, None, None, 1))
    assert np.concatenate([x, x], -1, None).shape == (2, 6)
    np.testing.assert_array_equal(np.full_like(x, 2.0, np.float32), np.full_like(A, 2.0, np.float32))


def test_a_function_written_for_arrays_differentiates_unchanged() -> None:
    def softplus(x: Any) -> Any:
        return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)

    x = leaf(-1.0, 0.5, 3.0)
    y = np.sum(softplus(x))
    y.backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.detach().numpy(), 1 / (1 + np.exp(-x.detach().numpy())), rtol=1e-15)
