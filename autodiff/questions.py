"""What PyTorch's programs ask about tensors with functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensor import Tensor

__all__ = ["equal", "is_complex", "is_floating_point", "is_nonzero", "is_tensor", "numel", "result_type"]


def is_tensor(obj: Any) -> bool:
    """Tell whether something is a tensor.

    Examples
    --------
    >>> ad.is_tensor(ad.ones(2)), ad.is_tensor([1.0])
    (True, False)
    """
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Tell whether a tensor holds floats.

    Examples
    --------
    >>> ad.is_floating_point(ad.ones(2))
    True
    """
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Tell whether a tensor holds complex numbers: False.

    Examples
    --------
    >>> ad.is_complex(ad.ones(2))
    False
    """
    return False


def is_nonzero(input: Tensor) -> bool:
    """Tell whether the only element of a tensor is not 0.

    Examples
    --------
    >>> ad.is_nonzero(ad.tensor([2.0]))
    True
    """
    return bool(input)


def numel(input: Tensor) -> int:
    """Return the number of elements.

    Examples
    --------
    >>> ad.numel(ad.zeros(2, 3))
    6
    """
    return input.numel()


def equal(input: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors have the same shape and the same elements.

    Examples
    --------
    >>> ad.equal(ad.ones(2), ad.ones(2)), ad.equal(ad.ones(2), ad.ones(1))
    (True, False)
    """
    return input.equal(other)


def result_type(tensor1: Any, tensor2: Any) -> np.dtype[Any]:
    """Return the dtype in which two tensors, or a tensor and a number, meet.

    Examples
    --------
    >>> ad.result_type(ad.ones(2), 1.5)
    dtype('float32')
    """
    dtype: np.dtype[Any] = (tensor1 * tensor2).dtype
    return dtype
