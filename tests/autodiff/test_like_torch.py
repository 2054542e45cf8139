"""Arguments that PyTorch's operations take at the edges of what is usual, with its values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import check_like_torch, needs_torch, torch

X = np.random.default_rng(5).standard_normal((2, 3, 4))
A = X[0]


def products(m: tuple[int, ...], n: tuple[int, ...], dims: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    make = np.random.default_rng(6).standard_normal
    return lambda lib, a, b: lib.tensordot(a, b, dims=dims), (make(m), make(n))


CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "std without correction": (lambda lib, x: lib.std(x, correction=None), (X,)),
    "var without correction": (lambda lib, x: x.var(dim=1, correction=None), (X,)),
    "nuclear norm": (lambda lib, x: x.norm("nuc"), (A,)),
    "nuclear norm in place": (lambda lib, x: lib.norm(x, "nuc", dim=(2, 0), keepdim=True), (X,)),
    "indices from the end": (lambda lib, x, i: lib.take_along_dim(x, i, 1), (A, np.array([[0, -1], [-4, 3], [2, -2]]))),
    "tensordot, 1 left": products((1, 3), (4, 2), ([0], [0])),
    "tensordot, 1 right": products((2, 3), (1, 4), ([0], [0])),
    "tensordot, 1 in both": products((2, 1), (1, 3), ([1], [0])),
    "tensordot, 1 among others": products((2, 3, 4), (1, 4), ([1, 2], [0, 1])),
    "tensordot of vectors": products((1,), (5,), 1),
    "tensordot with nothing": products((0,), (1,), 1),
    "tensordot of integers": (
        lambda lib, a, b: lib.tensordot(a, b, dims=1),
        (np.arange(3, dtype=np.int32), np.array([2], np.int32)),
    ),
    **{
        f"{name} in {dtype}": (
            lambda lib, x, name=name, dtype=dtype: getattr(lib, name)(x, 0, dtype=getattr(lib, dtype)),
            (np.array([200, 100, 3], np.uint8),),
        )
        for name in ("sum", "prod", "cumsum", "cumprod", "nansum")
        for dtype in ("uint8", "int8", "int16", "int32", "int64", "float16")
    },
    "remainder of floats by an integer 0": (lambda lib, x, n: lib.remainder(x, n), (A[0], np.arange(4))),
    "fmod of floats by an integer 0": (lambda lib, x, n: lib.fmod(x, n), (A[0], np.arange(4))),
    "a float by integers, one 0": (lambda lib, n: lib.stack([1.5 // n, 1.5 % n]), (np.arange(4),)),
    "floats by the integer 0": (lambda lib, x: lib.stack([x.detach() // 0, x.detach() % 0]), (A,)),
    "vander of bytes": (lambda lib, x: lib.linalg.vander(x), (np.array([200, 100], np.uint8),)),
    "integers from -8.5 by -4.5": (lambda lib: lib.arange(0.0, -8.5, -4.5, dtype=lib.int64), ()),
    "short integers from -8.5 by -4.5": (lambda lib: lib.arange(0.0, -8.5, -4.5, dtype=lib.int32), ()),
    "tensordot along a tensor": (lambda lib, a, b: lib.tensordot(a, b, dims=lib.tensor([[1], [0]])), (A, A.T.copy())),
}


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_an_operation_does_what_pytorchs_does(name: str) -> None:
    call, values = CALLS[name]
    check_like_torch(call, *values)


def test_the_nuclear_norm_is_differentiable_again_and_again() -> None:
    assert ad.gradcheck(lambda x: x.norm("nuc"), ad.tensor(A, requires_grad=True))
    assert ad.gradgradcheck(lambda x: x.norm("nuc"), ad.tensor(A, requires_grad=True))

    def slope(x: Any) -> Any:
        (g,) = ad.grad(x.norm("nuc"), x, create_graph=True)
        return (g * g * g).sum()

    assert ad.gradgradcheck(slope, ad.tensor(A, requires_grad=True))


def test_the_nuclear_norm_of_a_matrix_without_full_rank_has_finite_derivatives() -> None:
    x = ad.tensor(np.outer([1.0, 2.0], [3.0, 4.0, 5.0]), requires_grad=True)
    (slope,) = ad.grad(x.norm("nuc"), x, create_graph=True)
    (slope * slope * ad.tensor(A[:2, :3])).sum().backward()
    assert x.grad is not None
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("dim", [None, 0, (0, 1, 2)])
def test_the_nuclear_norm_needs_two_dims(dim: Any) -> None:
    with pytest.raises(RuntimeError, match="norm: 'nuc' needs two dims"):
        ad.norm(ad.tensor(X), "nuc", dim)


@pytest.mark.parametrize("split", [ad.hsplit, ad.vsplit, ad.dsplit])
def test_no_sections_are_refused(split: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="sections must be positive"):
        split(ad.tensor(X), 0)


def test_indices_beyond_the_end_are_refused() -> None:
    for index in ([[-5]], [[4]]):
        with pytest.raises(IndexError, match="take_along_dim"):
            ad.take_along_dim(ad.tensor(A), ad.tensor(index), 1)
    with pytest.raises(IndexError, match="take_along_dim"):  # as PyTorch's
        ad.take_along_dim(ad.tensor(A), ad.tensor([-1]))


def test_a_condition_of_bytes_warns_and_others_are_refused() -> None:
    with pytest.warns(UserWarning, match="where: the condition is uint8"):
        assert ad.where(ad.tensor([2, 0], dtype=ad.uint8), 1.0, ad.zeros(2)).tolist() == [1.0, 0.0]
    with pytest.raises(TypeError, match="must be boolean, not float32"):
        ad.where(ad.ones(2), 1.0, ad.zeros(2))


@needs_torch
@pytest.mark.parametrize("shape", [(5, 80), (80, 5), (1, 70), (0, 70)], ids=str)
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_extremes_so_far_of_long_rows(name: str, dim: int, shape: tuple[int, int]) -> None:
    a = np.random.default_rng(0).integers(0, 6, shape).astype(np.float32)
    a[a == 5] = np.where(np.arange(np.sum(a == 5)) % 9, 5, np.nan)
    mine, other = (getattr(lib, name)(lib.tensor(a), dim) for lib in (ad, torch))
    np.testing.assert_array_equal(mine.indices, other.indices.numpy())
    np.testing.assert_array_equal(mine.values, other.values.numpy())


def test_what_is_repeated_has_its_own_memory() -> None:
    for shape, k in (((1, 3), 2), ((2, 3), 1), ((2, 3), 2)):
        x = ad.zeros(shape)
        ad.repeat_interleave(x, k, 0).add_(1)
        assert x.sum() == 0


@needs_torch
def test_a_resized_tensor_keeps_its_first_elements_on_its_memory() -> None:
    def resized(lib: Any) -> list[Any]:
        t = lib.arange(6.0)
        view = t.view(2, 3)
        t.resize_(2, 2).fill_(9.0)
        grown = lib.ones(2).resize_as_(view)
        return [t.tolist(), view.tolist(), list(grown.shape), grown.view(-1)[:2].tolist(), t.new().resize_(1).shape[0]]

    assert resized(ad) == resized(torch)
    saved, w = ad.ones(2), ad.ones(2, requires_grad=True)
    product = (saved * w).sum()
    saved.resize_(3)
    with pytest.raises(RuntimeError, match="changed in place"):
        product.backward()
    with pytest.raises(RuntimeError, match="resize_: cannot resize variables that require grad"):
        w.resize_(1)
