"""What test suites of other projects ask for: compared with PyTorch, and with differences."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from tests.oracle import array, assert_same, check_like_torch, needs_torch, theirs, torch
from tests.together import together

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5))
A = RNG.normal(size=(2, 3, 3)) + 3 * np.eye(3)
S = A @ A.swapaxes(-1, -2)
INTS = np.array([0, 2, 2])
PLACES, BOUNDS = np.arange(5.0) ** 2, np.array([-1.0, 0.0, 2.0])

CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "gradient": (lambda t, x: t.cat(t.gradient(x)), (X,)),
    "gradient_spacing": (lambda t, x: t.cat(t.gradient(x, spacing=[0.5, 2.0], edge_order=2)), (X,)),
    "gradient_places": (lambda t, x, at: t.gradient(x, spacing=(at,), dim=1, edge_order=2)[0], (X, PLACES)),
    "gradient_first_order": (lambda t, x, at: t.gradient(x, spacing=(at,), dim=(-1,))[0], (X, PLACES)),
    "frexp": (lambda t, x: t.frexp(x).mantissa, (X * 100,)),
    "frexp_exponent": (lambda t, x: t.frexp(x)[1], (X * 100,)),
    "frexp_edges": (lambda t, x: t.frexp(x)[0], (np.array([0.0, 5e-324, 1.7e308, np.inf, -1e-310]),)),
    "nextafter": (lambda t, x, y: t.nextafter(x.detach(), y.detach()), (X, Y)),
    "renorm": (lambda t, x: t.renorm(x, 2, 0, 1.5), (X,)),
    "renorm_1": (lambda t, x: x.renorm(1, 1, 0.5), (X,)),
    "renorm_inf": (lambda t, x: x.renorm(float("inf"), -1, 0.5), (X,)),
    "index_reduce_amax": (lambda t, x, i, y: t.index_reduce(x, 0, i, y[:3], "amax"), (X, INTS, Y)),
    "index_reduce_mean": (lambda t, x, i, y: x.index_reduce(1, i, y[:, :3], "mean", include_self=False), (X, INTS, Y)),
    "index_reduce_prod": (lambda t, x, i, y: t.index_reduce(x, 0, i, y[:3], "prod"), (X, INTS, Y)),
    "index_reduce_": (lambda t, x, i, y: (x * 1).index_reduce_(0, i, y[:3], "amin"), (X, INTS, Y)),
    "as_strided": (lambda t, x: t.as_strided(x, (3, 2, 2), (2, 1, 0), 3), (X,)),
    "as_strided_row": (lambda t, x: x[2].as_strided((2, 3), (1, 1)), (X,)),
    "as_strided_in_base": (lambda t, x: x[2].as_strided((2, 3), (1, 1), 11), (X,)),
    "view_int": (lambda t, x: x.view(t.int64), (X,)),
    "view_smaller": (lambda t, x: x.view(t.uint8), (X,)),
    "view_larger": (lambda t, x: x.to(t.int16).view(t.int32), (RNG.integers(0, 99, (3, 4)),)),
    "tensorsolve": (lambda t, a, b: t.linalg.tensorsolve(a, b), (RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3)))),
    "tensorsolve_dims": (
        lambda t, a, b: t.linalg.tensorsolve(a, b, dims=(0, 2)),
        (RNG.normal(size=(2, 6, 3)), RNG.normal(size=6)),
    ),
    "tensorinv": (lambda t, a: t.linalg.tensorinv(a, ind=1), (RNG.normal(size=(6, 2, 3)),)),
    "cholesky_ex": (lambda t, a: t.linalg.cholesky_ex(a).L, (S,)),
    "cholesky_ex_upper": (lambda t, a: t.linalg.cholesky_ex(a, upper=True)[0], (S,)),
    "cholesky_ex_info": (lambda t, a: t.linalg.cholesky_ex(a).info, (np.array([[[1.0, 2], [2, 1]], np.eye(2)]),)),
    "inv_ex": (lambda t, a: t.linalg.inv_ex(a).inverse, (A,)),
    "inv_ex_info": (lambda t, a: t.linalg.inv_ex(a).info, (np.array([[[1.0, 2], [2, 4]], np.eye(2)]),)),
    "solve_ex": (lambda t, a, b: t.linalg.solve_ex(a, b).result, (A, RNG.normal(size=(2, 3, 2)))),
    "solve_ex_right": (lambda t, a, b: t.linalg.solve_ex(a, b, left=False)[0], (A, RNG.normal(size=(2, 2, 3)))),
    "histogram": (lambda t, x: t.histogram(x.detach(), 4).hist, (X,)),
    "histogram_edges": (lambda t, x: t.histogram(x.detach(), 4)[1], (X,)),
    "histogram_range": (lambda t, x: t.histogram(x.detach(), 3, range=(-1.0, 1.0), density=True)[0], (X,)),
    "histogram_weight": (lambda t, x, y, at: t.histogram(x, at, weight=y)[0].detach(), (X, Y, BOUNDS)),
    "max_pool2d_ints": (lambda t, x: t.nn.functional.max_pool2d(x, 2, padding=1), (RNG.integers(-9, 9, (1, 2, 5, 5)),)),
    "max_pool3d_ints": (lambda t, x: t.nn.functional.max_pool3d(x, 2), (RNG.integers(-9, 9, (1, 4, 4, 4)),)),
    "interpolate_mask": (
        lambda t, x: t.nn.functional.interpolate(x.to(t.uint8), scale_factor=2, mode="nearest"),
        (RNG.integers(0, 9, (1, 2, 3, 3)),),
    ),
    "sum_to_size": (lambda t, x: x.sum_to_size(4, 1), (X,)),
    "sum_to_size_fewer": (lambda t, x: x.sum_to_size((5,)), (X,)),
    "sum_to_size_same": (lambda t, x: x.sum_to_size(4, 5) * 2, (X,)),
    "gcd_": (lambda t, x: x.gcd_(x + 3), (INTS + 3,)),
    "arctan2_": (lambda t, x, y: (x * 1).arctan2_(y), (X, Y)),
    "multiply_": (lambda t, x, y: (x * 1).multiply_(y).divide_(2).subtract_(y), (X, Y)),
    "lgamma_": (lambda t, x: (x * 1).lgamma_(), (np.abs(X) + 0.5,)),
}  # fmt: skip


@needs_torch
@pytest.mark.filterwarnings("ignore")  # PyTorch's of features that may change
@together("name", CASES)
def test_is_pytorchs(name: str) -> None:
    call, values = CASES[name]
    check_like_torch(call, *values, rtol=1e-9, atol=1e-9)  # systems of equations round otherwise


PAIRS: dict[str, Callable[..., Any]] = {
    "max": lambda t, x, out: t.max(x, 1, out=out),
    "min": lambda t, x, out: t.min(x, 0, True, out=out),
    "sort": lambda t, x, out: t.sort(x, 1, True, out=out),
    "topk": lambda t, x, out: t.topk(x, 2, out=out),
}
SINGLE: dict[str, Callable[..., Any]] = {
    "where": lambda t, x, out: t.where(x > 0, x, -x, out=out),
    "normalize": lambda t, x, out: t.nn.functional.normalize(x, dim=0, out=out),
    "prod": lambda t, x, out: t.prod(x, 1, out=out),
    "gather": lambda t, x, out: t.gather(x, 1, t.zeros(4, 2).long(), out=out),
    "max": lambda t, x, out: t.max(x, x * x, out=out),
}


@needs_torch
@together("name", PAIRS)
def test_two_results_are_written(name: str) -> None:
    found = []
    for library in (ad, torch):
        out = (library.zeros(0, dtype=library.float64), library.zeros(0, dtype=library.int64))
        given = PAIRS[name](library, library.tensor(X), out)
        assert given[0] is out[0] or given[0].data_ptr() == out[0].data_ptr()
        found.append([array(o) for o in out])
    assert_same(*found)


@needs_torch
@together("name", SINGLE)
def test_one_result_is_written(name: str) -> None:
    found = []
    for library in (ad, torch):
        out = library.zeros(0, dtype=library.float64)
        assert SINGLE[name](library, library.tensor(X), out) is out
        found.append(array(out))
    assert_same(*found)


def test_two_results_need_two_tensors() -> None:
    with pytest.raises(TypeError, match="sort: out must be a tuple of 2 tensors, got Tensor"):
        ad.sort(ad.tensor(X), out=ad.zeros(0))
    with pytest.raises(RuntimeError, match="max: functions with out="):
        ad.max(ad.tensor(X, requires_grad=True), 1, out=(ad.zeros(0), ad.zeros(0).long()))


def test_memory_read_as_another_dtype_is_shared() -> None:
    x = ad.tensor([1.0, 2.0])
    x.view(ad.int32)[0] = 0
    assert x.tolist() == [0.0, 2.0]
    w = ad.tensor([3.0], requires_grad=True)
    y = w.exp()
    loss = (y * y).sum()
    y.detach().view(ad.int32).zero_()
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()
    with pytest.raises(RuntimeError, match="cannot be read as int64"):
        ad.zeros(3).view(ad.int64)


def test_resizing_keeps_what_there_is() -> None:
    x = ad.arange(6.0)
    assert x.resize_(2, 2) is x
    assert x.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    x.resize_((5,))
    assert x.shape == (5,)
    assert x[:4].tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        ad.zeros(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="resize_: a size must not be negative"):
        ad.zeros(2).resize_(-1)
    with pytest.raises(RuntimeError, match="resize_: the elements do not lie in order"):
        ad.zeros(2, 3).t().resize_(2)


def test_out_that_does_not_fit_is_refused_by_the_name_of_the_function() -> None:
    with pytest.raises(TypeError, match="max: out must be a tuple of 2 tensors, got Tensor"):
        ad.max(ad.ones(2, 2), 1, out=ad.empty(0))
    with pytest.raises(TypeError, match="min: out must be a Tensor, got tuple"):
        ad.min(ad.ones(2, 2), out=(ad.empty(0), ad.empty(0)))
    with pytest.raises(RuntimeError, match="hann_window: expected a length"):
        ad.hann_window(-1)


REFUSED: list[Callable[[], object]] = [
    lambda: ad.tensor([1.0]).bfloat16(),
    lambda: ad.tensor([1.0]).to(ad.bfloat16),
    lambda: ad.tensor([1.0]).view(ad.bfloat16),
    lambda: ad.zeros(2, dtype=ad.bfloat16),
    lambda: ad.sum(ad.ones(2), dtype=ad.bfloat16),
    lambda: nn.Linear(2, 2).bfloat16(),
    lambda: nn.Linear(2, 2).to(ad.bfloat16),
    lambda: ad.finfo(ad.bfloat16),
    lambda: ad.set_default_dtype(ad.bfloat16),
]


@together("call", REFUSED)
def test_bfloat16_is_refused_in_one_sentence(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="there is no bfloat16 here, for NumPy computes in float16"):
        call()


@together(
    "call",
    [
        lambda: ad.div(ad.ones(2), 2, rounding_mode="nearest"),
        lambda: ad.linspace(0, 1, 3, dtype=ad.bool),
        lambda: ad.as_strided(ad.ones(4), (2, 3), (2, 1)),
        lambda: ad.as_strided(ad.ones(4, 2).T, (2,), (1,)),
        lambda: ad.index_reduce(ad.ones(3), 0, ad.tensor([0]), ad.ones(1), "sum"),
        lambda: ad.gradient(ad.ones(2), edge_order=2),
        lambda: ad.gradient(ad.ones(3, 3), spacing=[1.0]),
        lambda: ad.histogram(ad.arange(3), 2),
        lambda: ad.renorm(ad.ones(3), 2, 0, 1.0),
        lambda: ad.linalg.tensorinv(ad.ones(2, 3)),
        lambda: ad.linalg.inv_ex(ad.zeros(2, 2), check_errors=True),
        lambda: ad.frexp(ad.arange(3)),
        lambda: ad.nextafter(ad.ones(2).long(), ad.ones(2).long()),
        lambda: nn.functional.max_pool2d(ad.tensor([[[2**60, 1]]]), (1, 2)),
    ],
)
def test_what_is_wrong_is_a_runtime_error_as_in_pytorch(call: Callable[[], object]) -> None:
    with pytest.raises(RuntimeError):
        call()


NUMPYS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "fmax": (np.fmax, (X, Y)),
    "fmin": (np.fmin, (X, Y)),
    "nuclear norm": (functools.partial(np.linalg.norm, ord="nuc"), (X,)),
    "nuclear norm along axes": (functools.partial(np.linalg.norm, ord="nuc", axis=(0, 1)), (X,)),
    "linspace": (lambda a, b: np.linspace(a, b, 4), (X[0], Y[0])),
    "linspace without end": (lambda a, b: np.linspace(a, b, 3, endpoint=False, axis=-1), (X, Y[0])),
    "gradient": (lambda x: np.concatenate(np.gradient(x, 0.5, edge_order=2)), (X,)),
    "gradient at places": (lambda x: np.gradient(x, np.array([0.0, 1.0, 3.0, 4.5, 5.0]), axis=1), (X,)),
    "tensorsolve": (np.linalg.tensorsolve, (RNG.normal(size=(2, 3, 6)), RNG.normal(size=(2, 3)))),
    "tensorinv": (lambda a: np.linalg.tensorinv(a, ind=1), (RNG.normal(size=(6, 2, 3)),)),
}


@together("name", NUMPYS)
def test_numpys_function_has_its_value_and_derivatives(name: str) -> None:
    function, values = NUMPYS[name]
    xs = [ad.tensor(v, requires_grad=True) for v in values]
    np.testing.assert_allclose(array(function(*xs)), function(*values), rtol=1e-12, atol=1e-12)
    ad.gradcheck(function, xs)


@needs_torch
def test_pivots_and_minors_are_told_as_by_pytorch() -> None:
    whole = np.array([S[0], -S[1], np.diag([1.0, 0.0, 2.0])])
    for of in ("cholesky_ex", "inv_ex"):
        info = getattr(ad.linalg, of)(ad.tensor(whole)).info
        np.testing.assert_array_equal(array(info), array(getattr(torch.linalg, of)(theirs(whole)).info))
