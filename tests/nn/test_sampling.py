"""Reading images at points, folding windows back, local norms: values and gradients are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from nn import functional
from tests.oracle import array, assert_same, check_like_torch, needs_torch, ours, theirs, torch


def layers(lib: Any) -> Any:
    """Return the functions of either library."""
    return functional if lib is ad else torch.nn.functional


def drawn(*shape: int, seed: int = 0) -> Any:
    """Return numbers between -1.6 and 1.6."""
    return np.random.default_rng(seed).uniform(-1.6, 1.6, shape)


@needs_torch
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_grid_sample_is_pytorchs(padding_mode: str, align: bool) -> None:
    x, grid = drawn(2, 3, 4, 5), drawn(2, 3, 2, 2, seed=1)
    for mode in ("bilinear", "nearest"):
        check_like_torch(
            lambda lib, x, g, mode=mode: (
                layers(lib).grid_sample(x, g * 1.3, mode, padding_mode, align) + 0 * g.sum()
            ),  # nearest pixels have no derivative with respect to the points
            x,
            grid,
        )


@needs_torch
@pytest.mark.parametrize("align", [False, True])
def test_a_spatial_transformer_is_pytorchs(align: bool) -> None:
    def call(lib: Any, x: Any, theta: Any) -> Any:
        grid = layers(lib).affine_grid(theta, (2, 3, 3, 4), align_corners=align)
        return layers(lib).grid_sample(x, grid, align_corners=align)

    check_like_torch(call, drawn(2, 3, 4, 5), drawn(2, 2, 3, seed=2))


@needs_torch
@pytest.mark.parametrize(
    "options", [{}, {"padding": 1}, {"stride": 2}, {"dilation": (2, 1), "padding": (1, 0)}, {"stride": (1, 3)}]
)
def test_fold_is_pytorchs_and_takes_back_what_unfold_took_apart(options: dict[str, Any]) -> None:
    def call(lib: Any, x: Any) -> Any:
        columns = layers(lib).unfold(x, (2, 3), **options)
        return layers(lib).fold(columns * columns, (5, 6), (2, 3), **options)

    check_like_torch(call, drawn(2, 3, 5, 6))
    check_like_torch(lambda lib, x: call(lib, x[0]), drawn(2, 3, 5, 6))


@needs_torch
@pytest.mark.parametrize("size", [1, 2, 5])
def test_local_response_norm_is_pytorchs(size: int) -> None:
    check_like_torch(lambda lib, x: layers(lib).local_response_norm(x, size, 0.3, 0.6, 1.5), drawn(2, 6, 3))
    check_like_torch(lambda lib, x: layers(lib).local_response_norm(x, size), drawn(2, 3, 2, 2))


@needs_torch
def test_shuffles_and_pools_are_pytorchs() -> None:
    check_like_torch(lambda lib, x: layers(lib).channel_shuffle(x, 3), drawn(2, 6, 3))
    check_like_torch(lambda lib, x: layers(lib).lp_pool2d(x.abs(), 3, 2, 1), drawn(2, 3, 4, 4))
    check_like_torch(lambda lib, x: layers(lib).pdist(x, 1.0), drawn(4, 3))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: functional.grid_sample(x, x[..., :1], align_corners=False), "grid_sample: a grid of shape"),
        (lambda x: functional.grid_sample(x, x, "bicubic", align_corners=False), "grid_sample: mode must be"),
        (lambda x: functional.grid_sample(x, x, padding_mode="wrap"), "grid_sample: padding_mode must be"),
        (lambda x: functional.affine_grid(x, (1, 1, 2, 2)), "affine_grid: theta of shape"),
        (lambda x: functional.fold(x, 4, 2), "fold: expected"),
        (lambda x: functional.fold(x[0], 4, 2), "fold: 2 windows do not fit"),
        (lambda x: functional.channel_shuffle(x, 3), "channel_shuffle: 3 groups"),
        (lambda x: functional.local_response_norm(x[0, 0], 2), "local_response_norm: expected at least 3"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, said: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=said):
        call(ad.ones(1, 4, 4, 2))


def test_grid_sample_says_which_corners_it_means() -> None:
    with pytest.warns(UserWarning, match="align_corners is False by default"):
        functional.grid_sample(ad.ones(1, 1, 2, 2), ad.zeros(1, 1, 1, 2))


@needs_torch
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
def test_points_read_at_the_nearest_pixel_have_a_gradient_of_zeros(padding: str, align: bool) -> None:
    points = np.array([[[[0.1, -0.2], [0.9, 1.3], [-1.7, 0.4]]]])
    check_like_torch(
        lambda lib, x, grid: layers(lib).grid_sample(x, grid, "nearest", padding, align), drawn(1, 2, 3, 4), points
    )


@needs_torch
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["border", "reflection"])
def test_points_that_are_no_numbers_read_pytorchs_pixels(mode: str, padding: str) -> None:
    some = [np.nan, np.inf, -np.inf, 0.3]
    grid = np.array([[[[a, b] for a in some] for b in some]])
    x = drawn(1, 2, 3, 4)
    mine = functional.grid_sample(ours(x), ours(grid), mode, padding, align_corners=False)
    # PyTorch reads beyond its memory in the gradient of such points, so that only values are compared.
    assert_same(array(mine), array(layers(torch).grid_sample(theirs(x), theirs(grid), mode, padding, False)))
