"""Operations of two operands of any dtypes, dimensions and kinds give PyTorch's values in PyTorch's dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
from tests.fuzzing import examples
from tests.oracle import assert_same, needs_torch, torch

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
NUMBERS = (True, 0, 3, -1, 2.5, -1.5, 300, 2**33, 1e30, np.inf)


def binary(name: str) -> Callable[..., Any]:
    """Return a call of a function of two operands."""
    return lambda lib, x, y: getattr(lib, name)(x, y)


FLOATS = {name: binary(name) for name in ("div", "true_divide", "atan2", "xlogy", "float_power", "logaddexp", "hypot")}
EXACT = {
    name: binary(name)
    for name in ("add", "sub", "mul", "pow", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor")
}
TESTS = {name: binary(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
DIVISIONS: dict[str, Callable[..., Any]] = {
    "floor_divide": binary("floor_divide"),
    "remainder": binary("remainder"),
    "div, truncated": lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"),
    "div, floored": lambda lib, x, y: lib.div(x, y, rounding_mode="floor"),
}
OTHERS: dict[str, Callable[..., Any]] = {
    "add, alpha": lambda lib, x, y: lib.add(x, y, alpha=2),
    "sub, alpha": lambda lib, x, y: lib.sub(x, y, alpha=2),
    "where": lambda lib, x, y: lib.where(lib.tensor([True, False, True]), x, y),
    "clamp": lambda lib, x, y: lib.clamp(x, y, y),
    "clamp_min": binary("clamp_min"),
    "clamp_max": binary("clamp_max"),
    "lerp": lambda lib, x, y: lib.lerp(x, y, 0.5),
    "addcmul": lambda lib, x, y: lib.addcmul(x, x, y),
    "addcdiv": lambda lib, x, y: lib.addcdiv(x, x, y),
    "masked_fill": lambda lib, x, y: x.masked_fill(lib.tensor([True, False, True]), y),
}
CALLS = FLOATS | EXACT | TESTS | DIVISIONS | OTHERS


def extremes(dtype: str) -> npt.NDArray[Any]:
    """Return the largest and the smallest number of a dtype, and one that is neither."""
    if dtype == "bool":
        return np.array([True, False, True])
    if dtype.startswith("float"):
        return np.array([0.5, -2.25, 3.0], dtype)
    limits = np.iinfo(dtype)
    return np.array([limits.max, limits.min, 7], dtype)


def pairs() -> list[tuple[Any, Any]]:
    """Return all pairs of dtypes, dimensions and Python's and NumPy's numbers."""
    found: list[tuple[Any, Any]] = []
    for d in DTYPES:
        x = extremes(d)
        for e in DTYPES:
            y = extremes(e)[::-1].copy()
            found += [(x, y), (x, np.array(y[0])), (np.array(x[0]), y), (np.array(x[0]), np.array(y[0]))]
        for number in NUMBERS:
            found += [(x, number), (np.array(x[0]), number), (number, x), (number, np.array(x[2]))]
        found += [(x, np.int64(300)), (np.float64(2.5), x)]
    return found


def called(lib: Any, call: Callable[..., Any], x: Any, y: Any) -> npt.NDArray[Any] | Exception:
    """Return the result as an array, or the refusal."""
    make = ad.tensor if lib is ad else torch.tensor
    xs = [make(v) if isinstance(v, np.ndarray) else v for v in (x, y)]
    try:
        return np.asarray(call(lib, *xs).numpy())
    except (AttributeError, TypeError, ValueError, RuntimeError, OverflowError, NotImplementedError) as error:
        return error


def divides_integers_by_0_or_minus_1(x: Any, y: Any) -> bool:
    """Tell whether PyTorch would end the process: the smallest integer divided by -1 is none, and by 0 neither."""
    return bool(np.isin(np.asarray(y, np.float64), (0, -1)).any())


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_values_and_dtypes_are_pytorchs(name: str) -> None:
    every = pairs()
    some = np.random.default_rng(len(name)).permutation(len(every))[: examples(250)]
    for x, y in (every[i] for i in some):
        if name in DIVISIONS and divides_integers_by_0_or_minus_1(x, y):
            continue
        expected, actual = called(torch, CALLS[name], x, y), called(ad, CALLS[name], x, y)
        if isinstance(expected, Exception):
            continue
        if isinstance(actual, Exception):
            assert "out of the range" in str(actual), (name, x, y, actual)  # an integer that PyTorch wraps around
            continue
        if name in TESTS and not fits(x, y):
            continue  # here it is compared as it is, there wrapped around
        rtol = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-12}.get(str(expected.dtype), 0)
        assert_same(actual, expected, rtol, 0)


def fits(x: Any, y: Any) -> bool:
    """Tell whether a Python integer can be stored in the dtype of the integers beside it."""
    array, number = (x, y) if isinstance(x, np.ndarray) else (y, x)
    if not isinstance(number, (int, np.integer)) or array.dtype.kind not in "iu":
        return True
    return bool(np.iinfo(array.dtype).min <= number <= np.iinfo(array.dtype).max)


@needs_torch
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.full(4, 128, np.uint8), np.array(512)),
        (np.array([128], np.uint8), 300),
        (np.array([5], np.int32), np.array(2**33)),
        (np.array(2**33), np.array([5], np.int32)),
        (300, np.array([128], np.uint8)),
        (np.array([128], np.uint8), np.int64(300)),
        (np.array([True, False]), np.array(300)),
    ],
)
def test_integers_that_become_floats_do_so_each_for_itself(x: Any, y: Any) -> None:
    for name in ("div", "true_divide", "xlogy", "atan2", "float_power"):
        expected, actual = called(torch, FLOATS[name], x, y), called(ad, FLOATS[name], x, y)
        if not isinstance(expected, Exception):
            assert_same(actual, expected, 1e-6, 0)


@needs_torch
def test_powers_of_integers_with_negative_exponents_are_0_but_for_those_of_1_and_minus_1() -> None:
    for dtype in ("int8", "int32", "int64"):
        x, n = np.array([2, 1, -1, -1, 0, -3, 2], dtype), np.array([-1, -2, -3, -4, -1, -1, 3], dtype)
        assert_same(called(ad, EXACT["pow"], x, n), called(torch, EXACT["pow"], x, n))


@needs_torch
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["tril", "triu"])
def test_a_triangle_keeps_the_dtype(name: str, dtype: str) -> None:
    x = np.array([[1, 1, 0], [2, 1, 1], [1, 3, 1]]).astype(dtype)
    for k in (-1, 0, 1):
        assert_same(np.asarray(getattr(ad.tensor(x), name)(k).numpy()), getattr(torch.tensor(x), name)(k).numpy(), 0, 0)


def test_the_triangle_of_a_mask_is_a_mask() -> None:
    mask = ad.ones(3, 3, dtype=bool).tril()
    assert (~mask).sum().item() == 3
    assert ad.ones(3, 3)[mask].shape == (6,)
