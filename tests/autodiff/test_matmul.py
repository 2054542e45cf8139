"""Products of matrices and affine maps, against PyTorch, in every combination of dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import check_like_torch, needs_torch

SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((6, 5, 2, 3), (3,)),
    ((3,), (6, 5, 3, 4)),
    ((1, 3), (3, 1)),
    ((2, 0), (0, 4)),
    ((0, 3), (3, 4)),
    ((0,), (0,)),
]


def draw(shape: tuple[int, ...], seed: int) -> Any:
    """Return random numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


@needs_torch
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul_is_pytorchs(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    check_like_torch(lambda _, a, b: a @ b, draw(left, 0), draw(right, 1))
    check_like_torch(lambda lib, a, b: lib.matmul(a, b), draw(left, 0), draw(right, 1))


@needs_torch
def test_matmul_of_transposed_and_strided_operands_is_pytorchs() -> None:
    check_like_torch(lambda _, a, b: a.mT @ b.mT, draw((3, 2), 0), draw((4, 3), 1))
    check_like_torch(lambda _, a, b: a[:, ::2] @ b[::2], draw((2, 6), 0), draw((6, 4), 1))


@needs_torch
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (5, 2, 3), (0, 3), (1, 3)])
def test_linear_is_pytorchs(shape: tuple[int, ...], bias: bool) -> None:
    call = lambda lib, *xs: (lib.linear if lib is ad else lib.nn.functional.linear)(*xs)  # noqa: E731  # one line
    check_like_torch(call, draw(shape, 0), draw((4, 3), 1), *([draw((4,), 2)] if bias else []))


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3), (2, 3)), ((3,), (4,)), ((2, 3), (4,)), ((2,), (3, 4)), ((5, 2, 3), (5, 4, 3))]
)
def test_sizes_that_do_not_fit_are_named(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="matmul: ") as error:
        ad.zeros(*left) @ ad.zeros(*right)
    assert str(left) in str(error.value)
    assert str(right) in str(error.value)


def test_batches_that_do_not_broadcast_are_named() -> None:
    with pytest.raises((ValueError, RuntimeError), match="matmul"):
        ad.zeros(5, 2, 3) @ ad.zeros(4, 3, 2)


@pytest.mark.parametrize(("left", "right"), [((), (3,)), ((3,), ()), ((), ())])
def test_scalars_have_no_matrix_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match=r"matmul: .*dimension"):
        ad.zeros(*left) @ ad.zeros(*right)


@pytest.mark.parametrize(
    ("input", "weight", "bias"),
    [
        ((2, 4), (5, 3), None),
        ((2, 3), (5, 3), (3,)),
        ((), (5, 3), None),
        ((2, 3), (3,), None),
        ((2, 3), (5, 3), (2, 5)),
    ],
)
def test_linear_refuses_shapes_that_do_not_fit_by_name(input: Any, weight: Any, bias: Any) -> None:
    with pytest.raises(RuntimeError, match="linear: "):
        ad.linear(ad.zeros(*input), ad.zeros(*weight), None if bias is None else ad.zeros(*bias))


@pytest.mark.parametrize("wrong", [[[1.0]], None, "x", 1.0])
def test_linear_refuses_what_is_no_tensor_by_name(wrong: Any) -> None:
    with pytest.raises(TypeError, match="linear"):
        ad.linear(wrong, ad.zeros(2, 1))
    with pytest.raises(TypeError, match="linear"):
        ad.linear(ad.zeros(2, 1), wrong)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_products_keep_their_dtype(dtype: str) -> None:
    a, b = ad.ones(2, 3, dtype=dtype, requires_grad=True), ad.ones(2, 3, dtype=dtype, requires_grad=True)
    for y in (a @ b.mT, ad.linear(a, b)):
        assert y.dtype == dtype
        assert [g.dtype for g in ad.grad(y.sum(), [a, b])] == [dtype, dtype]


@pytest.mark.parametrize(("left", "right"), [("float32", "float64"), ("float32", "int64"), ("int64", "float32")])
def test_products_of_different_dtypes_are_refused_by_name(left: str, right: str) -> None:
    a, b = ad.ones(2, 3, dtype=left), ad.ones(2, 3, dtype=right)
    with pytest.raises(RuntimeError, match=f"matmul: .*{left}.*{right}"):
        a @ b.mT
    with pytest.raises(RuntimeError, match=f"linear: .*{left}.*{right}"):
        ad.linear(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matmul_of_large_matrices_equals_numpys(dtype: str) -> None:
    a, b = draw((64, 200), 0).astype(dtype), draw((200, 32), 1).astype(dtype)
    np.testing.assert_array_equal((ad.tensor(a) @ ad.tensor(b)).detach().numpy(), a @ b)


@needs_torch
@pytest.mark.parametrize("alpha", [1, 3])
def test_an_input_of_addmm_that_counts_nothing_may_be_nan(alpha: int) -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    check_like_torch(
        lambda lib, a, b: lib.addmm(lib.full((2,), float("nan"), dtype=a.dtype), a, b, beta=0, alpha=alpha), a, b
    )
