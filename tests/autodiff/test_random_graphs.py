"""Random expressions, with sharing, broadcasting and views, against PyTorch; random nonsense is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
from tests.fuzzing import examples
from tests.oracle import array, assert_same, needs_torch, torch

SHAPES = [(), (1,), (3,), (2, 3), (1, 3), (2, 1), (4, 2, 3), (4, 1, 1)]

# Every operation keeps values of moderate size moderate, so that errors of rounding stay small.
UNARY: list[Callable[[Any, Any], Any]] = [
    lambda lib, x: -x,
    lambda lib, x: x.tanh(),
    lambda lib, x: x.sigmoid(),
    lambda lib, x: x.tanh().exp(),
    lambda lib, x: (x * x + 1).log(),
    lambda lib, x: (x * x + 0.5).sqrt(),
    lambda lib, x: x.tanh() ** 2,
    lambda lib, x: x.tanh() ** 3 - 1.5,
    lambda lib, x: lib.relu(x),
    lambda lib, x: abs(x),
    lambda lib, x: 2.0 / (1 + x * x),
    lambda lib, x: 0.5 * x,
    lambda lib, x: 1 - x.clone(),
    lambda lib, x: lib.where(x > 0.1, x, 0.3 * x),
    lambda lib, x: x.detach() * x,
    lambda lib, x: lib.sin(x) + lib.cos(2 * x),
    lambda lib, x: lib.atan(x) - 0.5 * lib.asinh(x),
    lambda lib, x: lib.erf(x),
    lambda lib, x: lib.expm1(x.tanh()) * lib.log2(x * x + 1.5),
    lambda lib, x: lib.rsqrt(x * x + 1),
    lambda lib, x: lib.square(x.tanh()).neg(),
    lambda lib, x: lib.reciprocal(x * x + 1),
    lambda lib, x: lib.clamp(x, -0.8, 0.9),
    lambda lib, x: x.masked_fill(x > 0.5, 0.2),
    # views
    lambda lib, x: x.reshape(-1),
    lambda lib, x: x.unsqueeze(0) if x.ndim < 4 else x.squeeze(),
    lambda lib, x: x.squeeze(),
    lambda lib, x: x.transpose(0, -1) if x.ndim else x,
    lambda lib, x: x.permute(tuple(reversed(range(x.ndim)))),
    lambda lib, x: x[0] if x.ndim else x.reshape(1),
    lambda lib, x: x[..., :2] if x.ndim else x,
    lambda lib, x: x[[0, -1, 0]] if x.ndim else x,
    lambda lib, x: x[..., None].expand(*x.shape, 2) if x.ndim < 3 else x,
    lambda lib, x: lib.flip(x, (0,)) if x.ndim else x,
    lambda lib, x: lib.roll(x, 1, -1) if x.ndim else x,
    lambda lib, x: lib.movedim(x, 0, -1) if x.ndim else x,
    lambda lib, x: x.diagonal(0, 0, -1) if x.ndim > 1 else x,
    lambda lib, x: x.diag() if x.ndim == 1 and x.shape[0] < 4 else x,
    lambda lib, x: lib.tril(x) - 0.5 * lib.triu(x, 1) if x.ndim > 1 else x,
    lambda lib, x: x.narrow(-1, 0, 1) if x.ndim else x,
    lambda lib, x: lib.tile(x, (2,))[..., :3] if x.ndim else x,
    lambda lib, x: lib.unbind(x, 0)[-1] if x.ndim else x,
    lambda lib, x: lib.chunk(x, 2, dim=-1)[0] if x.ndim else x,
    # order
    lambda lib, x: lib.sort(x, dim=-1, stable=True)[0] if x.ndim else x,
    lambda lib, x: lib.take_along_dim(x, x.detach().argmax(0, keepdim=True), 0) if x.ndim else x,
    # reductions
    lambda lib, x: x.cumsum(-1) * 0.3 if x.ndim else x,
    lambda lib, x: x.tanh().cumprod(0) if x.ndim else x,
    lambda lib, x: x.tanh().prod(-1) if x.ndim else x,
    lambda lib, x: (x.abs() + 0.1).norm(dim=-1) * 0.3 if x.ndim else x,
    lambda lib, x: x.var(dim=0, correction=0, keepdim=True).tanh() if x.ndim else x,
    lambda lib, x: x.sum().tanh(),
    lambda lib, x: x.mean(dim=-1) if x.ndim else x.mean(),
    lambda lib, x: x.mean(dim=0, keepdim=True) if x.ndim else x.mean(),
    lambda lib, x: x.amax(dim=-1, keepdim=True) if x.ndim else x,
    lambda lib, x: x.max(dim=0).values if x.ndim else x,
    lambda lib, x: x.logsumexp(dim=-1, keepdim=True) - 1 if x.ndim else x,
    lambda lib, x: x.softmax(dim=-1) if x.ndim else x,
    lambda lib, x: x.log_softmax(dim=0) * 0.3 if x.ndim else x,
]
BINARY: list[Callable[[Any, Any, Any], Any]] = [
    lambda lib, x, y: x + y,
    lambda lib, x, y: x - y,
    lambda lib, x, y: x.tanh() * y,
    lambda lib, x, y: x / (y * y + 1),
    lambda lib, x, y: lib.maximum(x, y),
    lambda lib, x, y: lib.minimum(x, 0.7 * y),
    lambda lib, x, y: (x.sigmoid() + 0.5) ** y.tanh(),
    lambda lib, x, y: lib.where(x > y, x, y * 0.2),
    lambda lib, x, y: lib.cat([x.reshape(-1), y.reshape(-1)])[:6],
    lambda lib, x, y: lib.stack([x, x * 0.5 + y.mean()], 0) if x.ndim < 3 else x,
    lambda lib, x, y: lib.atan2(x, y * y + 0.5),
    lambda lib, x, y: lib.hypot(x, y * y + 0.5).tanh(),
    lambda lib, x, y: lib.logaddexp(x, 0.5 * y) - 0.7,
    lambda lib, x, y: lib.lerp(x, y, 0.3),
    lambda lib, x, y: lib.addcmul(x, y.tanh(), x.tanh(), value=0.5),
    lambda lib, x, y: lib.einsum("i,j->ij", x.reshape(-1)[:3], y.reshape(-1)[:2]).tanh(),
    lambda lib, x, y: lib.einsum("...i,...i->...", x, y).tanh() if x.ndim and x.shape == y.shape else x,
    lambda lib, x, y: lib.tensordot(x[..., None], y.reshape(1, -1)[:, :2], 1).tanh() if x.ndim < 3 else x,
    lambda lib, x, y: (x.reshape(-1, 1) @ y.reshape(1, -1))[:3, :4].tanh(),
]

step = st.tuples(st.integers(0, len(UNARY) + len(BINARY) - 1), st.integers(0, 255), st.integers(0, 255))
steps = st.integers(1, 30).flatmap(lambda n: st.lists(step, min_size=n, max_size=n))


def run(library: Any, leaves: list[Any], program: list[tuple[int, int, int]]) -> Any:
    """Carry out a program: each step applies an operation to earlier results, those of the last steps most often."""
    values = list(leaves)
    for operation, first, second in program:
        x, y = values[-1 - first % min(len(values), 4)], values[second % len(values)]
        if operation < len(UNARY):
            values.append(UNARY[operation](library, x))
        else:
            try:
                np.broadcast_shapes(tuple(x.shape), tuple(y.shape))
            except ValueError:
                y = y.mean()
            values.append(BINARY[operation - len(UNARY)](library, x, y))
    return sum((k + 1) * v.mean() for k, v in enumerate(values))


@needs_torch
@settings(max_examples=examples(400))
@given(shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), program=steps, seed=st.integers(0, 2**16))
def test_random_graph_has_pytorchs_value_and_gradients(
    shapes: list[tuple[int, ...]], program: list[tuple[int, int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.uniform(-2, 2, shape) for shape in shapes]
    mine = [ad.tensor(v, requires_grad=True) for v in values]
    other = [torch.tensor(v, requires_grad=True) for v in values]
    y, expected = run(ad, mine, program), run(torch, other, program)
    # Thirty operations, each rounding once and none enlarging errors by more than about ten.
    assert_same(array(y), array(expected), rtol=1e-9, atol=1e-9)
    y.backward()
    expected.backward()
    assert_same([array(x.grad) for x in mine], [array(x.grad) for x in other], rtol=1e-9, atol=1e-9)


@needs_torch
@settings(max_examples=examples(40))
@given(shapes=st.lists(st.sampled_from(SHAPES[:6]), min_size=1, max_size=2), program=steps, seed=st.integers(0, 2**16))
def test_random_graph_has_pytorchs_second_derivatives(
    shapes: list[tuple[int, ...]], program: list[tuple[int, int, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.uniform(-2, 2, shape) for shape in shapes]
    found = []
    for library, grad in ((ad, ad.grad), (torch, torch.autograd.grad)):
        xs = [library.tensor(v, requires_grad=True) for v in values]
        first = grad(run(library, xs, program[:12]), xs, create_graph=True)
        total = sum((g * g).sum() for g in first)
        second = [None] * len(xs)
        if total.requires_grad:
            second = list(grad(total, xs, allow_unused=True))
        found.append([np.zeros(v.shape) if g is None else array(g) for g, v in zip(second, values, strict=True)])
    assert_same(*found, rtol=1e-8, atol=1e-8)  # twice the operations of the test above


# -- broadcasting ------------------------------------------------------------------------------------------------------

shapes_up_to_4d = st.lists(st.sampled_from([0, 1, 1, 2, 3]), max_size=4).map(tuple)


@settings(max_examples=examples(100))
@given(a=shapes_up_to_4d, b=shapes_up_to_4d)
def test_shapes_broadcast_as_in_numpy_or_are_refused_by_name(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = ad.ones(*a, requires_grad=True), ad.ones(*b, requires_grad=True)
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises((ValueError, RuntimeError), match=r"^mul\b"):
            x * y
        return
    z = x * y
    assert z.shape == expected
    z.sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    times = np.prod(expected)
    np.testing.assert_array_equal(x.grad.data.numpy(), np.full(a, times / max(np.prod(a), 1), np.float32))
    np.testing.assert_array_equal(y.grad.data.numpy(), np.full(b, times / max(np.prod(b), 1), np.float32))


# -- nonsense ----------------------------------------------------------------------------------------------------------

nonsense = st.one_of(
    st.sampled_from([None, "x", b"x", 1j, {}, set(), object(), (1, "a"), [None], 10**30, -(10**30), float("nan"), 1.5]),
    st.integers(-9, 9),
    st.lists(st.integers(-9, 9), max_size=4),
    st.lists(st.integers(-9, 9), max_size=4).map(tuple),
    st.sampled_from([(2, 3), (0, 2), (), (3,)]).map(lambda s: ad.zeros(*s)),
    st.sampled_from([(2, 3), (5,)]).map(lambda s: ad.ones(*s, dtype="int64")),
    st.sampled_from([np.array(["a"]), np.array([1j]), np.array([object()]), np.zeros((7, 7))]),
)
NAMES = [
    *("add", "sub", "mul", "div", "pow", "floor_divide", "remainder", "maximum", "minimum", "matmul", "eq", "lt"),
    *("bitwise_and", "reshape", "permute", "expand", "broadcast_to", "squeeze", "unsqueeze", "flatten", "sum", "mean"),
    *("amax", "amin", "max", "min", "argmax", "logsumexp", "softmax", "log_softmax", "all", "any", "var", "split"),
    *("to", "linear"),
]
CALLS: dict[str, Callable[[ad.Tensor, Any], Any]] = {
    name: (lambda x, a, name=name: getattr(ad, name)(x, a)) for name in NAMES
} | {
    "index": lambda x, a: x[a],
    "cat": lambda x, a: ad.cat([x, a]),
    "stack": lambda x, a: ad.stack([x, a]),
    "where": lambda x, a: ad.where(a, x, x),
    "gather": lambda x, a: ad.gather(x, 0, a),
    "transpose": lambda x, a: ad.transpose(x, 0, a),
    "tensor": lambda x, a: ad.tensor(a),
    "zeros": lambda x, a: ad.zeros(a),
    "full": lambda x, a: ad.full((2,), a),
    "rand": lambda x, a: ad.rand(a),
    "arange": lambda x, a: ad.arange(a, 12),
    "setitem": lambda x, a: x.detach().__setitem__(a, 1.0),
    "add_": lambda x, a: x.detach().add_(a),
    "copy_": lambda x, a: x.detach().copy_(a),
    "fill_": lambda x, a: x.detach().fill_(a),
    "backward": lambda x, a: (x * 2).backward(a),
    "grad": lambda x, a: ad.grad(x, a),
}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=examples(30))
@given(argument=nonsense)
def test_a_call_succeeds_or_is_refused_by_name_and_then_changes_nothing(name: str, argument: Any) -> None:
    x = ad.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    before = x.data.numpy().copy()
    refusal = name
    try:
        with np.errstate(all="ignore"):
            CALLS[name](x, argument)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        refusal = str(error)
        np.testing.assert_array_equal(x.data.numpy(), before)
    assert name.strip("_") in refusal
    assert x.grad is None or name == "backward"
    assert x.requires_grad
    assert ad.is_grad_enabled()
