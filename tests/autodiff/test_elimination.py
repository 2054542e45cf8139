"""LU, what is solved with it, and products of reflections, beside PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

RNG = np.random.default_rng
SHAPES = [(3, 3), (2, 4, 4), (5, 3), (2, 3, 5), (1, 1)]


@needs_torch
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_factors_and_gradients_equal_pytorchs(shape: tuple[int, ...]) -> None:
    a, found = RNG(0).normal(size=shape), []
    for make, library in ((ours, ad), (theirs, torch)):
        x = make(a, requires_grad=True)
        p, lower, upper = library.linalg.lu(x)
        (lower.sin().sum() + upper.cos().sum()).backward()
        factors = library.linalg.lu_factor(make(a))
        found.append([*map(array, (p, lower, upper, x.grad, factors.LU, factors.pivots))])
    assert_same(found[0], found[1], rtol=1e-8)  # eliminated in another order


def test_without_exchanges_the_product_is_the_matrix() -> None:
    a = RNG(0).normal(size=(2, 4, 4))
    p, lower, upper = ad.linalg.lu(ad.tensor(a), pivot=False)
    np.testing.assert_array_equal(p, np.broadcast_to(np.eye(4), (2, 4, 4)))
    np.testing.assert_allclose(lower @ upper, a, rtol=1e-9)


def test_a_singular_matrix_has_factors() -> None:
    a = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 3.0, 4.0]])
    p, lower, upper = ad.linalg.lu(ad.tensor(a))
    np.testing.assert_allclose(p @ lower @ upper, a)


@needs_torch
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_solutions_equal_pytorchs(left: bool, adjoint: bool) -> None:
    a, b = RNG(0).normal(size=(2, 4, 4)), RNG(1).normal(size=(2, 4, 3) if left else (2, 3, 4))
    found = []
    for make, library in ((ours, ad), (theirs, torch)):
        x, y = make(a, requires_grad=True), make(b, requires_grad=True)
        solved = library.linalg.lu_solve(*library.linalg.lu_factor(x), y, left=left, adjoint=adjoint)
        solved.cos().sum().backward()
        found.append([array(solved), array(x.grad), array(y.grad)])
    assert_same(found[0], found[1], rtol=1e-7)  # systems of condition 50


@needs_torch
@pytest.mark.parametrize("shape", [(3, 3), (2, 5, 3)], ids=str)
def test_products_of_reflections_equal_pytorchs(shape: tuple[int, ...]) -> None:
    a, tau, found = RNG(0).normal(size=shape), RNG(1).normal(size=(*shape[:-2], 2)), []
    for make, library in ((ours, ad), (theirs, torch)):
        x, y = make(a, requires_grad=True), make(tau, requires_grad=True)
        product = library.linalg.householder_product(x, y)
        product.sin().sum().backward()
        found.append([array(product), array(x.grad), array(y.grad)])
    assert_same(found[0], found[1], rtol=1e-8)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(RuntimeError, match="lu: expected a matrix"):
        ad.linalg.lu(ad.zeros(3))
    with pytest.raises(RuntimeError, match="householder_product: shapes"):
        ad.linalg.householder_product(ad.zeros(2, 3), ad.zeros(3))
