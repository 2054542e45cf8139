"""How items make a batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ..creation import tensor
from ..functions import shape
from ..tensor import Tensor, from_array

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack a list of items: numbers, arrays and tensors directly, lists, named tuples and dicts element by element.

    Parameters
    ----------
    batch : sequence
        Items of one kind.

    Returns
    -------
    Tensor, or a collection of them
        Of the items' kind, but a list for tuples; text and bytes stay as they came.

    Raises
    ------
    TypeError
        If the items are of a kind that cannot be stacked.
    RuntimeError
        If the items differ in length or shape.

    Examples
    --------
    >>> ad.data.default_collate([(1.0, 2), (3.0, 4)])
    [tensor([1., 3.], dtype=float64), tensor([2, 4])]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return shape.stack(list(batch))
    if isinstance(first, np.ndarray):
        if len(shapes := {np.shape(array) for array in batch}) > 1:
            raise RuntimeError(f"default_collate: arrays must be of one shape, got {sorted(shapes)}")
        return from_array(np.stack(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, float):
        return tensor(np.asarray(batch, np.float64))
    if isinstance(first, np.generic):
        return tensor(np.asarray(batch))
    if isinstance(first, int):
        return tensor(list(batch))
    if isinstance(first, Mapping):
        return _like(first, {key: default_collate([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        if len(lengths := {len(item) for item in batch}) > 1:
            raise RuntimeError(f"default_collate: items must be of one length, got {sorted(lengths)}")
        return _like(first, [default_collate(column) for column in zip(*batch, strict=True)])
    is_picture = hasattr(first, "getbands")  # one of Pillow's images
    cure = "give the data set transform=transforms.ToTensor()" if is_picture else "give a collate_fn"
    raise TypeError(f"default_collate: cannot stack items of type {type(first).__name__}; {cure}")


def default_convert(data: Any) -> Any:
    """Return an data that is no part of a batch with tensors in place of its arrays.

    Examples
    --------
    >>> ad.data.default_convert({"a": np.ones(2), "b": "text"})
    {'a': tensor([1., 1.], dtype=float64), 'b': 'text'}
    """
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return from_array(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    return _like(data, [default_convert(value) for value in data]) if isinstance(data, Sequence) else data


def _like(first: Any, values: Any) -> Any:
    """Return a dict or list as a collection of the same kind as another one, if that can be; a tuple as a list."""
    if isinstance(first, tuple):
        return type(first)(*values) if hasattr(first, "_fields") else values
    try:
        if isinstance(first, (MutableMapping, MutableSequence)):
            filled = copy.copy(first)
            for key, value in values.items() if isinstance(values, dict) else enumerate(values):
                filled[key] = value
            return filled
        return type(first)(values)
    except TypeError:
        return values
