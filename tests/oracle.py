"""PyTorch as the judge of values and gradients, where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad

try:
    import torch as _torch
except ImportError:
    _torch = None  # type: ignore[assignment]

#: PyTorch, or None.
torch: Any = _torch

#: Marks a test that compares with PyTorch.
needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")

Array = npt.NDArray[Any]


def theirs(value: Any, requires_grad: bool = False) -> Any:
    """Return an array as a PyTorch tensor of the same dtype."""
    return torch.tensor(np.asarray(value)).requires_grad_(requires_grad)


def ours(value: Any, requires_grad: bool = False) -> ad.Tensor:
    """Return an array as a tensor of the same dtype."""
    return ad.tensor(np.asarray(value), requires_grad=requires_grad)


def array(tensor: Any) -> Array:
    """Return the value of a tensor of either library."""
    return np.asarray(tensor._data if isinstance(tensor, ad.Tensor) else tensor.numpy(force=True))


def gradients(library: Any, call: Any, *values: Any) -> tuple[Array, list[Array | None]]:
    """Return a call's value and its gradients when each element of the value is weighted differently.

    `call` gets the library (`autodiff` or `torch`) and a tensor per value; floats among them require gradients.
    """
    make = ours if library is ad else theirs
    xs = [make(v, np.asarray(v).dtype.kind == "f") for v in values]
    y = call(library, *xs)
    if y.requires_grad:
        weights = np.cos(np.arange(array(y).size, dtype=array(y).dtype)).reshape(array(y).shape)
        y.backward(make(weights))
    return array(y), [None if x.grad is None else array(x.grad) for x in xs]


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-12, atol: float = 1e-12) -> None:
    """Compare arrays, or lists of arrays and None, with shape and dtype.

    The default tolerance holds for float64: both libraries round each operation once, only in another order.
    """
    if isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine, other, rtol, atol)
        return
    assert (ours is None) == (theirs is None)
    if ours is not None:
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


def check_like_torch(call: Any, *values: Any, rtol: float = 1e-12, atol: float = 1e-12) -> None:
    """Assert that a call has the same value, dtype and gradients here and in PyTorch."""
    value, slopes = gradients(ad, call, *values)
    expected, expected_slopes = gradients(torch, call, *values)
    assert_same(value, expected, rtol, atol)
    assert_same(slopes, expected_slopes, rtol, atol)
