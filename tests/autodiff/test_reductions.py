"""Sums, means, extremes and normalizations along dimensions, against PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import assert_same, check_like_torch, needs_torch, ours, theirs
from tests.together import together

X = np.random.default_rng(3).standard_normal((2, 3, 4))
DIMS: list[Any] = [0, 1, -1, -3, (0, 2), (-1, 0), (0, 1, 2), [1]]


@needs_torch
@together("keepdim", [False, True])
@together("dim", DIMS)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp", "var"])
def test_reduction_along_dims_is_pytorchs(name: str, dim: Any, keepdim: bool) -> None:
    check_like_torch(lambda _, x: getattr(x, name)(dim=dim, keepdim=keepdim), X)
    check_like_torch(lambda lib, x: getattr(lib, name)(x, dim=dim, keepdim=keepdim), X)


@needs_torch
@together("shape", [(), (1,), (5,), (2, 3), (0,), (0, 3)])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "amax", "amin", "var", "argmax", "argmin", "all", "any"])
def test_reduction_of_everything_is_pytorchs(name: str, shape: tuple[int, ...]) -> None:
    if not np.prod(shape) and name in ("max", "min", "amax", "amin", "argmax", "argmin"):
        with pytest.raises((IndexError, RuntimeError), match=name.removeprefix("arg")):
            getattr(ad.zeros(*shape), name)()
        return
    values = np.random.default_rng(0).standard_normal(shape)
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # the variance of fewer than two numbers is NaN
        warnings.simplefilter("ignore" if name == "var" else "error")
        check_like_torch(lambda _, x: getattr(x, name)(), np.array(values))


@needs_torch
@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "amax"])
def test_reduction_of_empty_tensors_is_pytorchs(name: str, dim: int, shape: tuple[int, ...]) -> None:
    if name == "amax" and not shape[dim]:
        with pytest.raises(IndexError, match=r"amax: .*\(" + str(shape[0])):
            ad.zeros(*shape).amax(dim)
        return
    check_like_torch(lambda _, x: getattr(x, name)(dim=dim), np.zeros(shape))


@needs_torch
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1, -3])
@pytest.mark.parametrize("name", ["max", "min"])
def test_max_and_min_along_a_dim_give_values_and_indices(name: str, dim: int, keepdim: bool) -> None:
    ties = np.round(X)
    check_like_torch(lambda _, x: getattr(x, name)(dim=dim, keepdim=keepdim).values, ties)
    mine, other = (getattr(x, name)(dim, keepdim) for x in (ours(ties), theirs(ties)))
    assert_same(mine.indices.detach().numpy(), other.indices.numpy())
    values, indices = mine
    assert values is mine.values
    assert not indices.requires_grad


@needs_torch
@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("name", ["max", "min"])
def test_max_and_min_of_a_scalar_along_a_dim(name: str, dim: int) -> None:
    check_like_torch(lambda _, x: getattr(x, name)(dim).values, np.array(3.0))
    assert getattr(ad.tensor(3.0), name)(dim).indices.item() == 0


@needs_torch
def test_max_and_min_of_two_tensors_are_maximum_and_minimum() -> None:
    check_like_torch(lambda lib, x, y: lib.max(x, y), X, X[::-1].copy())
    check_like_torch(lambda _, x, y: x.min(y), X, X[0])


@needs_torch
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_positions_are_pytorchs(name: str, dim: Any, keepdim: bool) -> None:
    ties = np.round(X)
    mine, other = (getattr(x, name)(dim, keepdim) for x in (ours(ties), theirs(ties)))
    assert_same(mine.detach().numpy(), other.numpy())
    assert not getattr(ours(X, True), name)().requires_grad


@needs_torch
@pytest.mark.parametrize("correction", [0, 1, 2])
def test_variance_with_correction_is_pytorchs(correction: int) -> None:
    check_like_torch(lambda _, x: x.var(dim=1, correction=correction), X)


@needs_torch
@pytest.mark.parametrize("name", ["all", "any"])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_truth_is_pytorchs(name: str, dim: Any, keepdim: bool) -> None:
    for value in (X > 0, np.zeros((2, 3)), np.ones((2, 2)), np.array([[0, 1], [1, 1]])):
        arguments = () if dim is None else (dim, keepdim)
        assert_same(
            getattr(ours(value), name)(*arguments).detach().numpy(), getattr(theirs(value), name)(*arguments).numpy()
        )


@needs_torch
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_sums_of_integers_are_int64(dtype: str) -> None:
    values = np.ones((2, 3), dtype)
    for arguments in ((), (0,), ((0, 1),)):
        assert_same(ours(values).sum(*arguments).detach().numpy(), theirs(values).sum(*arguments).numpy())


@pytest.mark.parametrize("name", ["mean", "softmax", "log_softmax", "var"])
def test_functions_of_floats_refuse_integers_by_name(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"{name}: .*int64"):
        getattr(ad.tensor([1, 2]), name)(0)


@needs_torch
def test_logsumexp_of_integers_is_pytorchs() -> None:
    check_like_torch(lambda _, x: x.logsumexp(0), np.array([1, 2]), rtol=1e-6)  # one rounding of float32


def test_dims_cannot_be_given_one_by_one() -> None:
    with pytest.raises(TypeError, match=r"sum|keepdim"):
        ad.zeros(2, 3).sum(0, 1)  # type: ignore[arg-type]  # what is tested


def test_dtype_argument_converts_first() -> None:
    assert ad.tensor([1, 2]).mean(dtype="float64").item() == 1.5
    assert ad.tensor([1, 2]).mean(dtype="float64").dtype == np.float64
    assert ad.tensor([1.5, 2.5]).sum(dtype="float64").dtype == np.float64
    assert ad.tensor([0, 0]).softmax(0, dtype="float32").tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "logsumexp", "var", "max", "argmax", "all", "softmax"])
def test_numpys_names_of_arguments_work_too(name: str) -> None:
    x = ad.tensor(X)
    keep = {} if name == "softmax" else {"keepdims": True}
    keepdim = {"keepdim": True} if keep else {}
    mine, same = getattr(x, name)(axis=1, **keep), getattr(x, name)(dim=1, **keepdim)
    assert_same(*((t.values.detach().numpy() if name == "max" else t.detach().numpy()) for t in (mine, same)))
    with pytest.raises(TypeError, match=f"{name}: got both dim and axis"):
        getattr(x, name)(dim=1, axis=1)


@pytest.mark.parametrize(
    "name", ["sum", "mean", "amax", "logsumexp", "var", "max", "argmin", "all", "softmax", "log_softmax"]
)
@together(("dim", "error"), [(3, IndexError), (-4, IndexError), (1.5, TypeError), ("0", TypeError)])
def test_a_wrong_dim_is_refused_by_name(name: str, dim: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"{name}: .*dim"):
        getattr(ad.tensor(X), name)(dim)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "logsumexp", "var"])
def test_a_dim_named_twice_is_refused_by_name(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"{name}: .*twice"):
        getattr(ad.tensor(X), name)((0, -3))


# -- normalizations ----------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_normalization_is_pytorchs(name: str, dim: int) -> None:
    check_like_torch(lambda _, x: getattr(x, name)(dim), X)
    check_like_torch(lambda lib, x: getattr(lib, name)(x, dim=dim), X)


@needs_torch
@pytest.mark.parametrize("scale", [1.0, 1e4, -1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_large_logits_neither_overflow_nor_warn(name: str, dtype: Any, scale: float) -> None:
    # A rounding of an exponent of size 1e4 is multiplied by its size; both libraries subtract the same maximum.
    tolerance = 16 * np.finfo(dtype).eps
    check_like_torch(lambda _, x: getattr(x, name)(dim=1), (scale * X).astype(dtype), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_adds_up_to_one(dtype: str) -> None:
    total = (ad.tensor(X, dtype=dtype) * 100).softmax(1).sum(1)
    np.testing.assert_allclose(
        total.detach().numpy(), 1.0, rtol=4 * np.finfo(dtype).eps
    )  # one rounding for each summand


@needs_torch
@pytest.mark.parametrize(
    "call",
    [
        lambda x: -(x.log_softmax(1)[range(len(x)), [1, 0]]).mean(),
        lambda x: (x.logsumexp(dim=1) - x[:, 0]).sum(),
    ],
)
def test_cross_entropy_by_hand_is_pytorchs(call: Callable[..., Any]) -> None:
    check_like_torch(lambda _, x: call(x), 1e4 * X[:, :, 0])
    check_like_torch(lambda _, x: call(x), X[:, :, 0])


@pytest.mark.parametrize("values", [[np.nan, 1.0], [1.0, np.nan], [np.inf, np.nan], [-np.inf, np.nan]])
def test_logsumexp_passes_nan_on(values: list[float]) -> None:
    assert np.isnan(ad.tensor(values).logsumexp(0).item())


@together("keepdim", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (4, 128), (4, 129), (4096, 2), (4097, 2), (0, 3), (3, 0)])
@together("layout", ["C", "F"])
def test_sums_of_matrices_by_blas_are_numpys(shape: tuple[int, int], layout: Any, keepdim: bool) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32, order=layout)
    for dim in (0, 1):
        total = ad.tensor(values).sum(dim, keepdim)
        expected = values.astype(np.float64).sum(dim, keepdims=keepdim)
        assert (total.shape, total.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(
            total.numpy(), expected, rtol=0, atol=1e-6 * max(1, np.abs(values).sum(dim).max(initial=0))
        )


@pytest.mark.parametrize("dim", [0, 1])
def test_sums_of_matrices_pass_infinities_and_nan_on(dim: int) -> None:
    values = np.eye(3, dtype=np.float32)
    values[1, 1], values[2, 2] = np.inf, np.nan
    np.testing.assert_array_equal(ad.tensor(values).sum(dim).numpy(), [1, np.inf, np.nan])


@pytest.mark.parametrize("shape", [(1, 3), (16, 3), (17, 1), (17, 16), (17, 17), (3, 17), (17, 0)])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_the_largest_of_short_rows_is_numpys(shape: tuple[int, int], layout: Any) -> None:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32, order=layout)
    if values.size:
        values[-1, 0] = np.nan
        values[0] = -np.inf
        for keepdim in (False, True):
            top = ad.tensor(values).amax(1, keepdim)
            np.testing.assert_array_equal(top.numpy(), values.max(1, keepdims=keepdim))
    with np.errstate(invalid="ignore"):
        p = ad.softmax(ad.tensor(values), 1).numpy()
        e = np.exp(values - values.max(1, keepdims=True, initial=-np.inf))
        np.testing.assert_allclose(p, e / e.sum(1, keepdims=True), rtol=1e-6)
