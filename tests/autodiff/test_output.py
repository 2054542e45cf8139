"""The argument `out` of operations and of what makes tensors, beside PyTorch's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import array, needs_torch, torch
from tests.together import together

X = [[1.5, -0.5], [2.0, 0.25]]

CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda t, x, out: t.add(x, x, alpha=2, out=out),
    "sub": lambda t, x, out: t.sub(x, 1, out=out),
    "mul": lambda t, x, out: t.mul(x, x, out=out),
    "div": lambda t, x, out: t.div(x, 4, out=out),
    "pow": lambda t, x, out: t.pow(x, 2, out=out),
    "exp": lambda t, x, out: t.exp(x, out=out),
    "abs": lambda t, x, out: t.abs(x, out=out),
    "gt": lambda t, x, out: t.gt(x, 0, out=out),
    "round": lambda t, x, out: t.round(x, decimals=1, out=out),
    "clamp": lambda t, x, out: t.clamp(x, 0 * x, 0 * x + 1, out=out),
    "maximum": lambda t, x, out: t.maximum(x, -x, out=out),
    "matmul": lambda t, x, out: t.matmul(x, x, out=out),
    "mm": lambda t, x, out: t.mm(x, x, out=out),
    "bmm": lambda t, x, out: t.bmm(x[None], x[None], out=out),
    "addmm": lambda t, x, out: t.addmm(x, x, x, beta=2, out=out),
    "cat": lambda t, x, out: t.cat([x, x], dim=1, out=out),
    "stack": lambda t, x, out: t.stack((x, x), out=out),
    "sum": lambda t, x, out: t.sum(x, 1, out=out),
    "mean": lambda t, x, out: t.mean(x, 0, True, out=out),
    "amax": lambda t, x, out: t.amax(x, 1, out=out),
    "argmax": lambda t, x, out: t.argmax(x, 1, out=out),
    "cumsum": lambda t, x, out: t.cumsum(x, 1, out=out),
    "zeros": lambda t, x, out: t.zeros(2, 3, out=out),
    "ones": lambda t, x, out: t.ones((2, 2), out=out),
    "full": lambda t, x, out: t.full((2, 2), 7, out=out),
    "arange": lambda t, x, out: t.arange(5, out=out),
    "linspace": lambda t, x, out: t.linspace(0, 1, 5, out=out),
    "eye": lambda t, x, out: t.eye(3, out=out),
}


def _outcome(library: Any, call: Callable[..., Any], shape: tuple[int, ...], dtype: str) -> Any:
    """Return what a call writes, and whether the tensor itself came back, or that it refused."""
    out = library.zeros(shape, dtype=getattr(library, dtype))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = call(library, library.tensor(X), out)
        except (RuntimeError, TypeError):
            return "refused"
    return result is out, str(out.dtype).rpartition(".")[2], array(out).tolist()


@needs_torch
@pytest.mark.parametrize("name", CALLS)
@together("dtype", ["float32", "float64", "int64"])
@together("shape", [(0,), (2, 2), (3, 1)])
def test_writes_what_pytorch_writes(name: str, dtype: str, shape: tuple[int, ...]) -> None:
    ours, theirs = (_outcome(library, CALLS[name], shape, dtype) for library in (ad, torch))
    if "refused" in (ours, theirs):
        assert ours == theirs
    else:
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], rtol=2e-7)  # one unit of float32 in the last place


def test_draws_into_a_tensor() -> None:
    out = ad.zeros(3, dtype=ad.float64)
    ad.manual_seed(0)
    assert ad.randn(3, out=out) is out
    ad.manual_seed(0)
    np.testing.assert_array_equal(out, ad.randn(3, dtype=ad.float64))
    assert sorted(ad.randperm(3, out=out).tolist()) == [0.0, 1.0, 2.0]
    assert ad.randint(5, 6, (3,), out=out).tolist() == [5.0, 5.0, 5.0]


def test_an_operand_may_be_what_is_written() -> None:
    x, memory = ad.tensor(X), ad.zeros(2, 2, 2)
    ad.matmul(x, x, out=memory[1])
    np.testing.assert_array_equal(memory[1], np.array(X, np.float32) @ np.array(X, np.float32))
    ad.add(x, x, out=x)
    np.testing.assert_array_equal(x, 2 * np.array(X, np.float32))
    s = ad.tensor(0.0)
    assert ad.sum(x, (0, 1), out=s) is s
    assert s.item() == 6.5


def test_refuses_what_would_need_a_gradient() -> None:
    w, out = ad.tensor(X, requires_grad=True), ad.zeros(2, 2)
    for call in (
        lambda: ad.exp(w, out=out),
        lambda: ad.exp(out, out=w),
        lambda: ad.cat([out, w], out=ad.empty(0)),
        lambda: ad.add(out, other=w, out=out),
    ):
        with pytest.raises(RuntimeError, match=r"out=\.\.\. arguments don't support automatic"):
            call()
    with ad.no_grad():
        assert ad.exp(w, out=out) is out
    assert not out.requires_grad


def test_what_was_saved_notices_that_it_is_written() -> None:
    w, x = ad.tensor([1.0, 2.0], requires_grad=True), ad.tensor([3.0, 4.0])
    y = (w * x).sum()
    ad.exp(x, out=x)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_refuses_a_wrong_out() -> None:
    x = ad.tensor(X)
    with pytest.raises(TypeError, match="exp: out must be a Tensor, got list"):
        ad.exp(x, out=[])  # type: ignore[arg-type]  # what is refused
    with pytest.raises(RuntimeError, match="exp: a result of float32 cannot be written into out, a tensor of int64"):
        ad.exp(x, out=ad.zeros(2, 2, dtype=ad.int64))
    with pytest.raises(RuntimeError, match="exp: out, a view of shape"):
        ad.exp(x, out=x[:1])
    with pytest.raises(RuntimeError, match="zeros: dtype float32 is not the dtype of out, float64"):
        ad.zeros(2, dtype=ad.float32, out=ad.zeros(2, dtype=ad.float64))
    with pytest.warns(UserWarning, match=r"exp: out has shape \(3,\)"):
        ad.exp(x, out=ad.zeros(3))


def test_is_compiled() -> None:
    state = ad.zeros(2, 2)

    @ad.compile
    def step(x: ad.Tensor) -> ad.Tensor:
        ad.add(state, x, out=state)
        return ad.mm(state, x, out=ad.zeros(2, 2)) + 1

    x = ad.tensor(X)
    for k in (1, 2, 3):
        np.testing.assert_allclose(step(x), k * x @ x + 1, rtol=1e-6)  # two products in float32
        np.testing.assert_allclose(state, k * x, rtol=1e-6)

    with pytest.raises(RuntimeError, match=r"hand in a tensor of the result's shape"):
        ad.compile(lambda x: ad.exp(x, out=ad.empty(0)))(x)
