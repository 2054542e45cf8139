"""An operation that a user defines stands the common check of the table, and a wrong one fails it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff import test_table
from tests.autodiff.samples import positive, real
from tests.oracle import needs_torch, torch


@ad.primitive(x=lambda g, x: g * 2 * np.cos(2 * x))
def sin2(x: Any) -> Any:
    """Sine of twice each element."""
    return np.sin(2 * x)


@ad.primitive(x=lambda g, y, x: g * x / y, scale=lambda g, y, scale: g * scale / y)
def length(x: Any, scale: Any) -> Any:
    """Hypotenuse, spelled out."""
    return np.sqrt(x * x + scale * scale)


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 3)])
def test_a_right_operation_passes(shape: tuple[int, ...]) -> None:
    test_table.check_primitive(sin2, real(*shape))
    test_table.check_primitive(length, positive(*shape), positive(*shape[1:]))


@needs_torch
def test_a_right_operation_equals_pytorchs() -> None:
    test_table.check_primitive(length, positive(2, 3), positive(3), torch=lambda x, s: torch.hypot(x, s))


@ad.primitive(x=lambda g, x: g * np.cos(2 * x))
def wrong_factor(x: Any) -> Any:
    """Sine of twice each element, its derivative without the 2."""
    return np.sin(2 * x)


@ad.primitive(x=lambda g, x: np.multiply(g, x, out=x))
def writes(x: Any) -> Any:
    """Half a square, whose rule overwrites what was saved."""
    return x * x / 2


@ad.primitive(x=lambda g, x: g * np.float64(2) * np.cos(np.asarray(2 * x)))
def not_polymorphic(x: Any) -> Any:
    """Sine of twice each element, whose rule leaves tensors behind."""
    return np.sin(2 * x)


@pytest.mark.parametrize("function", [wrong_factor, writes, not_polymorphic])
def test_a_wrong_operation_fails(function: Any) -> None:
    with pytest.raises((AssertionError, ValueError, TypeError, RuntimeError)):
        test_table.check_primitive(function, real(2, 3))
