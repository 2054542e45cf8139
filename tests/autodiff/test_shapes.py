"""Moving elements without changing them: reshape, permute, expand, cat, stack, split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import check_like_torch, needs_torch

X = np.random.default_rng(4).standard_normal((2, 3, 4))
ONES = np.random.default_rng(4).standard_normal((1, 3, 1, 2, 1))

CALLS: dict[str, tuple[Callable[..., Any], Any]] = {
    "reshape": (lambda _, x: x.reshape(4, 6), X),
    "reshape of a tuple": (lambda lib, x: lib.reshape(x, (6, 4)), X),
    "reshape with -1": (lambda _, x: x.reshape(2, -1), X),
    "reshape with -1 alone": (lambda _, x: x.reshape(-1), X),
    "reshape of what is not contiguous": (lambda _, x: x.permute(2, 0, 1).reshape(8, 3), X),
    "reshape of nothing": (lambda _, x: x.reshape(0, 5), np.zeros((2, 0))),
    "reshape of nothing with -1": (lambda _, x: x.reshape(3, -1), np.zeros((3, 0))),
    "view": (lambda _, x: x.view(6, 4), X),
    "flatten": (lambda _, x: x.flatten(), X),
    "flatten from": (lambda _, x: x.flatten(1), X),
    "flatten from to": (lambda lib, x: lib.flatten(x, -3, -2), X),
    "flatten of a scalar": (lambda _, x: x.flatten(), np.array(2.0)),
    "squeeze": (lambda _, x: x.squeeze(), ONES),
    "squeeze of one dim": (lambda _, x: x.squeeze(-1), ONES),
    "squeeze of a dim that is not 1": (lambda _, x: x.squeeze(1), ONES),
    "squeeze of dims": (lambda _, x: x.squeeze((0, 2)), ONES),
    "squeeze of a scalar": (lambda _, x: x.squeeze(0), np.array(2.0)),
    "unsqueeze": (lambda _, x: x.unsqueeze(1), X),
    "unsqueeze at the end": (lambda lib, x: lib.unsqueeze(x, -1), X),
    "unsqueeze of a scalar": (lambda _, x: x.unsqueeze(0), np.array(2.0)),
    "permute": (lambda _, x: x.permute(2, 0, 1), X),
    "permute of a tuple": (lambda lib, x: lib.permute(x, (-1, 1, 0)), X),
    "transpose": (lambda _, x: x.transpose(0, 2), X),
    "transpose of negative dims": (lambda lib, x: lib.transpose(x, -1, -2), X),
    "mT": (lambda _, x: x.mT, X),
    "T": (lambda _, x: x.T, X[0]),
    "expand": (lambda _, x: x.expand(5, 3, 4), X[:1]),
    "expand with -1": (lambda _, x: x.expand(5, -1, 4), X[:1]),
    "expand by new dims": (lambda _, x: x.expand(5, 2, 3, 4), X),
    "expand of a scalar": (lambda _, x: x.expand(2, 3), np.array(2.0)),
    "expand to nothing": (lambda _, x: x.expand(0, 3, 4), X[:1]),
    "broadcast_to": (lambda lib, x: lib.broadcast_to(x, (5, 3, 4)), X[:1]),
    "cat": (lambda lib, x: lib.cat([x, x[:1], x * 2]), X),
    "cat along the last": (lambda lib, x: lib.cat((x, x[..., :1]), dim=-1), X),
    "cat of one": (lambda lib, x: lib.cat([x]), X),
    "cat with nothing": (lambda lib, x: lib.cat([x, x[:0]]), X),
    "stack": (lambda lib, x: lib.stack([x, x * 2]), X),
    "stack at the end": (lambda lib, x: lib.stack([x, x * 2, x], dim=-1), X),
    "stack of scalars": (lambda lib, x: lib.stack([x, x * x]), np.array(3.0)),
    "split, first": (lambda _, x: x.split(2, dim=2)[0], X),
    "split, last and shorter": (lambda _, x: x.split(3, dim=-1)[-1], X),
    "split by sizes": (lambda lib, x: lib.split(x, [1, 3], dim=2)[1] * lib.split(x, [1, 3], dim=2)[0], X),
    "split, all used": (lambda lib, x: sum((k + 1) * p for k, p in enumerate(x.split(1, 1))), X),
    "clone": (lambda _, x: x.clone(), X),
    "chain": (lambda lib, x: lib.cat([x.mT.reshape(-1, 3), x.reshape(8, 3)], 1).T.flatten()[::2], X),
}


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_value_shape_and_gradient_are_pytorchs(name: str) -> None:
    check_like_torch(*CALLS[name])


@pytest.mark.parametrize(
    "call", [lambda x: x.reshape(6), lambda x: x.T, lambda x: x.expand(4, 2, 3), lambda x: x[None]]
)
def test_views_share_memory(call: Callable[..., Any]) -> None:
    t = ad.zeros(2, 3)
    assert np.shares_memory(call(t).data.numpy(), t.data.numpy())


def test_an_expanded_tensor_cannot_be_written_to() -> None:
    t = ad.zeros(1, 3)
    with pytest.raises((RuntimeError, ValueError), match="fill_"):
        t.expand(2, 3).fill_(1.0)
    assert t.tolist() == [[0.0, 0.0, 0.0]]


def test_cat_and_stack_join_dtypes_without_losing_precision() -> None:
    x, y = ad.ones(2, requires_grad=True), ad.ones(2, dtype="float64")
    for joined in (ad.cat([x, y]), ad.stack([x, y])):
        assert joined.dtype == np.float64
        (g,) = ad.grad(joined.sum(), x)
        assert g.dtype == np.float32


def test_cat_of_floats_and_integers_keeps_the_floats_dtype() -> None:
    assert ad.cat([ad.ones(2), ad.tensor([1, 2])]).dtype == np.float32
    assert ad.stack([ad.tensor([1, 2]), ad.ones(2)]).dtype == np.float32


def test_split_covers_everything_in_order() -> None:
    pieces = ad.arange(7).split(3)
    assert [p.tolist() for p in pieces] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [p.shape for p in ad.zeros(2, 6).split([1, 0, 5], dim=1)] == [(2, 1), (2, 0), (2, 5)]


WRONG: list[tuple[str, Callable[[ad.Tensor], Any]]] = [
    ("reshape", lambda x: x.reshape(5, 5)),
    ("reshape", lambda x: x.reshape(-1, -1)),
    ("reshape", lambda x: x.reshape(7, -1)),
    ("reshape", lambda x: x.reshape(-2, 12)),
    ("reshape", lambda x: x.reshape(2.0, 12)),
    ("reshape", lambda x: x.reshape("24")),
    ("permute", lambda x: x.permute(0, 1)),
    ("permute", lambda x: x.permute(0, 1, 1)),
    ("permute", lambda x: x.permute(0, 1, 3)),
    ("transpose", lambda x: x.transpose(0, 3)),
    ("transpose", lambda x: x.transpose(0.0, 1)),
    ("squeeze", lambda x: x.squeeze(3)),
    ("unsqueeze", lambda x: x.unsqueeze(5)),
    ("flatten", lambda x: x.flatten(2, 1)),
    ("flatten", lambda x: x.flatten(3)),
    ("expand", lambda x: x.expand(2, 3, 5)),
    ("expand", lambda x: x.expand(3, 4)),
    ("expand", lambda x: x.expand(-1, 2, 3, 4)),
    ("broadcast_to|expand", lambda x: ad.broadcast_to(x, (5, 5))),
    ("cat", lambda x: ad.cat([])),
    ("cat", lambda x: ad.cat([x, x[0]])),
    ("cat", lambda x: ad.cat([x, x[:, :1]])),
    ("cat", lambda x: ad.cat([x, x], 3)),
    ("cat", lambda x: ad.cat([ad.tensor(1.0), ad.tensor(2.0)])),
    ("cat", lambda x: ad.cat([x, 1.0])),
    ("stack", lambda x: ad.stack([])),
    ("stack", lambda x: ad.stack([x, x[:1]])),
    ("stack", lambda x: ad.stack([x, x], 4)),
    ("split", lambda x: x.split(0)),
    ("split", lambda x: x.split(-1)),
    ("split", lambda x: x.split([1, 2])),
    ("split", lambda x: x.split([3, -1])),
    ("split", lambda x: x.split(1.5)),
    ("split", lambda x: x.split(1, 3)),
]


@pytest.mark.parametrize("case", range(len(WRONG)), ids=[f"{name}-{i}" for i, (name, _) in enumerate(WRONG)])
def test_arguments_that_do_not_fit_are_refused_by_name(case: int) -> None:
    name, call = WRONG[case]
    x = ad.tensor(X, requires_grad=True)
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError), match=rf"^({name})\b"):
        call(x)
    np.testing.assert_array_equal(x.data.numpy(), X)


@pytest.mark.parametrize("call", [ad.reshape, ad.permute, ad.squeeze, ad.flatten])
def test_what_is_no_tensor_is_refused_by_name(call: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=f"{call.__name__}: expected a Tensor, got list"):
        call([1.0, 2.0])
