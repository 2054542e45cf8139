"""Native code itself: functions at the ends of their ranges, and loops and products in parts on several threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from autodiff.compile import machine

pytestmark = pytest.mark.skipif(not machine.is_available(), reason="llvmlite is not installed")

ENDS = [
    -np.inf,
    -1e30,
    -746,
    -745,
    -709,
    -104,
    -103.5,
    -90,
    -87.5,
    -1,
    -0.0,
    0,
    1,
    88.5,
    89,
    709.5,
    710,
    np.inf,
    np.nan,
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exponentials_at_the_ends_of_their_range(dtype: str) -> None:
    x = np.array(ENDS, dtype)
    compiled = ad.compile(lambda x: (ad.exp(x), ad.tanh(x)))
    with np.errstate(all="ignore"):
        expected = np.exp(x), np.tanh(x)
    smallest = 2 * np.finfo(dtype).smallest_subnormal  # the last digit there is, where results lose theirs
    for _ in range(2):
        for found, value in zip(compiled(ad.tensor(x)), expected, strict=True):
            np.testing.assert_allclose(found.numpy(), value, rtol=4 * np.finfo(dtype).eps, atol=smallest)


def test_gelu_has_a_native_form() -> None:
    compiled: Any = ad.compile(lambda x: ad.nn.functional.gelu(x))
    x = ad.tensor(np.array([-np.inf, -30, -5, -1, -0.0, 0, 0.5, 3, 50, np.nan], np.float32))
    first, second = compiled(x), compiled(x)
    assert "NumPy" not in compiled.program()
    np.testing.assert_allclose(second.numpy()[1:], first.numpy()[1:], rtol=1e-6, atol=1e-6)
