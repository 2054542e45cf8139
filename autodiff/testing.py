"""Comparing tensors in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .tensor import Tensor

__all__ = ["assert_close"]

_NEAR = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Any = None,
) -> None:
    """Raise an AssertionError unless two tensors, or nested sequences and mappings of them, are close.

    Parameters
    ----------
    actual, expected : Tensor, array_like, or sequence or mapping of such
    rtol, atol : float, optional
        The relative and the absolute tolerance, given together; by default those of the dtype.
    equal_nan : bool, optional
        Whether NaN equals NaN.
    check_dtype : bool, optional
    msg : str or callable, optional
        What the error says, or what makes it of the usual text.
    allow_subclasses, check_device, check_layout, check_stride : bool, optional
        Without effect.

    Raises
    ------
    AssertionError
        If values, shapes or dtypes differ.

    Examples
    --------
    >>> ad.testing.assert_close(ad.tensor([1.0]), ad.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: give both rtol and atol, or neither")
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if set(actual) != set(expected):
            raise AssertionError(f"The keys of the mappings do not match: {sorted(actual)} and {sorted(expected)}")
        pairs = [(actual[key], expected[key]) for key in actual]
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
        pairs = list(zip(actual, expected, strict=True))
    else:
        text = _difference(actual, expected, rtol, atol, equal_nan, check_dtype)
        if text is not None:
            raise AssertionError(msg(text) if callable(msg) else text if msg is None else msg)
        return
    for a, b in pairs:
        assert_close(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=check_dtype, msg=msg)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _difference(a: Any, b: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool) -> str | None:
    """Say how two tensors differ, or return None."""
    x, y = (np.asarray(v._data if isinstance(v, Tensor) else v) for v in (a, b))
    if x.shape != y.shape:
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}."
    if check_dtype and isinstance(a, Tensor) and isinstance(b, Tensor) and x.dtype != y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}."
    if rtol is None:
        near = [_NEAR.get(v.dtype.name, (0.0, 0.0)) for v in (x, y)]
        rtol, atol = max(n[0] for n in near), max(n[1] for n in near)
    with np.errstate(all="ignore"):
        far = ~np.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)
        if not far.any():
            return None
        gap = np.abs(x.astype(float) - y.astype(float))
    at = tuple(int(i) for i in np.unravel_index(np.nanargmax(np.where(far, gap, -1)), x.shape))
    return (
        f"Tensor-likes are not close!\n\nMismatched elements: {int(far.sum())} / {far.size}\n"
        f"Greatest absolute difference: {gap[at]} at index {at} (up to {atol} allowed; rtol {rtol})"
    )
