"""Where the largest elements of windows and parts stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn.functional as F  # noqa: N812  # the name everyone knows
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch


@needs_torch
@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("max_pool1d", (2, 3, 7), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ("max_pool1d", (3, 7), {"kernel_size": (2,), "dilation": 2, "ceil_mode": True}),
        ("adaptive_max_pool1d", (2, 3, 7), {"output_size": 3}),
        ("adaptive_max_pool2d", (2, 3, 7, 5), {"output_size": (3, 4)}),
        ("adaptive_max_pool2d", (3, 4, 6), {"output_size": (None, 2)}),
    ],
)
def test_indices_equal_pytorch(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    values = np.random.default_rng(0).integers(0, 4, shape).astype(float)  # with equal ones among them
    found = getattr(F, name)(ours(values), return_indices=True, **options)
    expected = getattr(torch.nn.functional, name)(theirs(values), return_indices=True, **options)
    assert_same([array(t) for t in found], [array(t) for t in expected])


def test_an_average_is_of_its_part_alone() -> None:
    y = F.adaptive_avg_pool1d(ours(np.array([[1.0, 3.0, np.inf, 1.0]])), 2)
    assert y.tolist() == [[2.0, np.inf]]
