"""NumPy's own functions applied to tensors: recorded where there is a rule, refused by name where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf

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
    "stack": lambda x: np.stack([x, x], axis=1),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "ravel": lambda x: np.ravel(x),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "swapaxes": lambda x: np.swapaxes(x, 0, 1),
    "transpose": lambda x: np.transpose(x),
    "transpose with axes": lambda x: np.transpose(x[None], (2, 0, 1)),
    "broadcast_to": lambda x: np.broadcast_to(x, (4, 2, 3)),
    "copy": lambda x: np.copy(x),
    "take_along_axis": lambda x: np.take_along_axis(x, INDEX, 1),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_function_is_recorded(name: str) -> None:
    x = ad.tensor(A, requires_grad=True)
    y = CALLS[name](x)
    assert type(y) is ad.Tensor
    assert y.requires_grad
    np.testing.assert_allclose(y.data, CALLS[name](A), rtol=1e-14)  # a few roundings
    y.sum().backward()
    h = 1e-6  # central differences err by h^2 and by eps / h, both below 1e-9 here
    v = np.cos(np.arange(6.0)).reshape(A.shape)
    numeric = (np.sum(CALLS[name](A + h * v)) - np.sum(CALLS[name](A - h * v))) / (2 * h)
    assert x.grad is not None
    assert (x.grad.data * v).sum() == pytest.approx(numeric, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.equal(x, 1.5),
        lambda x: np.less(A, x),
        lambda x: np.isnan(x),
        lambda x: np.isfinite(x),
        lambda x: np.argmax(x, axis=1),
        lambda x: np.zeros_like(x),
        lambda x: np.ones_like(x),
    ],
)
def test_numpy_function_without_derivative_gives_a_plain_tensor(call: Callable[[Any], Any]) -> None:
    y = call(ad.tensor(A, requires_grad=True))
    assert type(y) is ad.Tensor
    assert not y.requires_grad
    np.testing.assert_array_equal(y.data, call(A))


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
        ("numpy.linalg.det", lambda x: np.linalg.det(x)),
        ("numpy.fft.fft", lambda x: np.fft.fft(x)),
        ("numpy.percentile", lambda x: np.percentile(x, 3)),
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


def test_a_function_written_for_arrays_differentiates_unchanged() -> None:
    def softplus(x: Any) -> Any:
        return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)

    x = leaf(-1.0, 0.5, 3.0)
    y = np.sum(softplus(x))
    y.backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, 1 / (1 + np.exp(-x.data)), rtol=1e-15)
