"""What a data set is: items by number, or one after the other."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..kernels.errors import IndexValueError, ValueAssertionError
from ..tensor import Tensor, from_array
from .collate import default_collate
from .sampler import Rows, numbers, source_of

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
    "random_split",
]  # fmt: skip


class Dataset:
    """The base of data sets: a length, and items by number. Anything that has both will do in its place.

    One that can hand out many items at once says so with a method ``take(rows)``: it gets an array of numbers and
    returns the batch. `DataLoader` then asks once per batch instead of once per item. So it does with PyTorch's
    ``__getitems__(indices)``, which returns a list of items.

    Examples
    --------
    >>> class Squares(ad.data.Dataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> list(ad.data.DataLoader(Squares(), batch_size=2))
    [tensor([0, 1]), tensor([4])]
    """

    def __class_getitem__(cls, item: Any) -> type[Dataset]:
        return cls

    def __add__(self, other: Any) -> ConcatDataset:
        return ConcatDataset([self, other])

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__()")

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__()")


class TensorDataset(Dataset):
    """Tensors of equal length: item i holds row i of each.

    Parameters
    ----------
    *tensors : Tensor or ndarray
        Their memory and dtype are kept: 60,000 images of bytes stay bytes until a batch of them is converted.

    Attributes
    ----------
    tensors : tuple of Tensor

    Raises
    ------
    TypeError
        If one is no tensor or array.
    ValueError
        If there are none, or their lengths differ.

    Examples
    --------
    >>> points = ad.data.TensorDataset(ad.tensor([[1.0, 2.0], [3.0, 4.0]]), ad.tensor([0, 1]))
    >>> len(points)
    2
    >>> points[1]
    (tensor([3., 4.]), tensor(1))
    """

    def __init__(self, *tensors: Tensor | npt.NDArray[Any]) -> None:
        for i, t in enumerate(tensors):
            if not isinstance(t, (Tensor, np.ndarray)):
                raise TypeError(f"TensorDataset: argument {i} must be a Tensor or an ndarray, got {type(t).__name__}")
        shapes = [t.shape for t in tensors]
        if not tensors or () in shapes or len({s[0] for s in shapes}) > 1:
            raise ValueAssertionError(
                f"TensorDataset: Size mismatch between tensors, expected one length, got shapes {shapes}"
            )
        self.tensors = tuple(t if isinstance(t, Tensor) else from_array(t) for t in tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def take(self, rows: Rows) -> list[Tensor]:
        """Return the rows with these numbers, each tensor's gathered at once."""
        return [_taken(t, rows) for t in self.tensors]


class Subset(Dataset):
    """Some items of a data set.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int
        Which, in the order in which they are numbered here.

    Raises
    ------
    TypeError
        If the indices are no integers.

    Examples
    --------
    >>> odd = ad.data.Subset(range(10), [1, 3, 5])
    >>> len(odd), odd[2]
    (3, 5)
    """

    def __init__(self, dataset: Dataset | Sequence[Any], indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices
        numbers(indices, "Subset")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):  # the data set is asked for them all at once
            return self.dataset[[self.indices[i] for i in index]]  # type: ignore[call-overload]  # if it can be
        return self.dataset[self.indices[index]]

    def take(self, rows: Rows) -> Any:
        """Return the items with these numbers as a batch."""
        return gathered(self.dataset, numbers(self.indices, "Subset")[rows])


class ConcatDataset(Dataset):
    """Several data sets, one after the other.

    Parameters
    ----------
    datasets : iterable of Dataset

    Attributes
    ----------
    datasets : list of Dataset
    cumulative_sizes : list of int
        Where each of them ends.

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> both = ad.data.ConcatDataset([range(3), range(10, 12)])
    >>> len(both), both[3], both[-1]
    (5, 10, 11)
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueAssertionError("ConcatDataset: expected at least one data set")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise ValueError("ConcatDataset: an IterableDataset has no items by number; use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> Any:
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            kind = IndexError if index >= 0 else IndexValueError  # PyTorch's ValueError
            raise kind(f"ConcatDataset: index {index} is out of range for {len(self)} items")
        which = bisect_right(self.cumulative_sizes, i)
        return self.datasets[which][i - (self.cumulative_sizes[which - 1] if which else 0)]


class StackDataset(Dataset):
    """Data sets of equal length side by side: item i is a tuple, or a dict, of their items i.

    Parameters
    ----------
    *args : Dataset
        For tuples.
    **kwargs : Dataset
        For dicts.

    Raises
    ------
    ValueError
        If there are none, both kinds, or the lengths differ.

    Examples
    --------
    >>> ad.data.StackDataset(x=range(3), y=range(10, 13))[1]
    {'x': 1, 'y': 11}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: expected data sets, either one after the other or by name")
        self.datasets: Any = kwargs or args
        lengths = [len(d) for d in (*args, *kwargs.values())]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: data sets must be of one length, got {lengths}")
        self._length = lengths[0]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple(d[index] for d in self.datasets)


class IterableDataset(Dataset):
    """The base of data sets that are read one item after the other: a subclass defines ``__iter__``.

    With several workers each of them reads a copy; `get_worker_info` tells it which part is its own.

    Examples
    --------
    >>> class Count(ad.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5))
    >>> list(ad.data.DataLoader(Count(), batch_size=2))
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__()")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length")


class ChainDataset(IterableDataset):
    """Several iterable data sets, one after the other.

    Parameters
    ----------
    datasets : iterable of IterableDataset

    Examples
    --------
    >>> class Count(ad.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(Count() + Count())
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for d in self.datasets:
            yield from d

    def __len__(self) -> int:
        return sum(len(d) for d in self.datasets)


def random_split(
    dataset: Dataset | Sequence[Any], lengths: Sequence[float], generator: np.random.Generator | None = None
) -> list[Subset]:
    """Deal a data set's items out at random.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int, or of float
        How many items each part gets; or their shares, which add up to 1. Shares are rounded down, and what is left
        goes to the first parts, one item each.
    generator : numpy.random.Generator, optional
        Where the order comes from; the generator of `manual_seed` by default.

    Returns
    -------
    list of Subset

    Raises
    ------
    TypeError
        If the lengths are no integers, or the generator is none of NumPy's.
    ValueError
        If the parts are not the whole, or a part is negative.

    Examples
    --------
    >>> [len(part) for part in ad.data.random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    generator = source_of(generator, "random_split")
    size, total = len(dataset), sum(lengths)
    wrong = f"random_split: {list(lengths)} is no division of {size} items"
    if any(not 0 <= n < math.inf for n in lengths):
        raise ValueError(wrong)
    if math.isclose(total, 1) and total <= 1:
        parts = [math.floor(size * share) for share in lengths]
        for i in range(size - sum(parts)):
            parts[i % len(parts)] += 1
    elif total != size:
        raise ValueError(wrong)
    elif not all(hasattr(n, "__index__") for n in lengths):
        raise TypeError(f"random_split: lengths must be integers, or shares that add up to 1, got {list(lengths)}")
    else:
        parts = [int(n) for n in lengths]
    order = generator.permutation(size).tolist()
    ends = np.cumsum([0, *parts]).astype(int).tolist()
    return [Subset(dataset, order[start:end]) for start, end in pairwise(ends)]


def _taken(t: Tensor, rows: Rows) -> Tensor:
    return t[rows] if t.requires_grad else from_array(t._data.take(rows, 0))


def gathered(dataset: Any, rows: Rows) -> Any:
    """Return items of a data set as a batch: at once if it can, else one by one."""
    if isinstance(dataset, np.ndarray):
        return from_array(dataset.take(rows, 0))
    if isinstance(dataset, Tensor) and dataset.ndim > 0:
        return _taken(dataset, rows)
    if isinstance(dataset, Dataset):
        known = {"take", "__getitem__", "__getitems__"}
        first = next(c for c in type(dataset).__mro__ if known & vars(c).keys())
        if "take" in vars(first):  # a subclass that changes single items alone must be asked for these
            return dataset.take(rows)  # type: ignore[attr-defined]  # just seen
    return default_collate(items(dataset, rows))


def items(dataset: Any, rows: Rows) -> list[Any]:
    at_once = getattr(dataset, "__getitems__", None)
    return at_once(rows.tolist()) if callable(at_once) else [dataset[i] for i in rows.tolist()]
