"""Data sets and mini-batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .creation import tensor
from .ops import shape
from .random import default_generator
from .tensor import Tensor

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]

Rows = npt.NDArray[np.intp]


class Dataset:
    """The base of data sets: a length, and items by number. Anything that has both will do in its place.

    One that can hand out many items at once says so with a method ``take(rows)``: it gets an array of numbers and
    returns the batch. `DataLoader` then asks once per batch instead of once per item.

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
            raise ValueError(f"TensorDataset: expected tensors of one length, got shapes {shapes}")
        self.tensors = tuple(t if isinstance(t, Tensor) else Tensor(t) for t in tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def take(self, rows: Rows) -> tuple[Tensor, ...]:
        """Return the rows with these numbers, each tensor's gathered at once."""
        return tuple(t[rows] if t.requires_grad else Tensor(t.data.take(rows, 0)) for t in self.tensors)


class Subset(Dataset):
    """Some items of a data set.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int
        Which, in the order in which they are numbered here.

    Examples
    --------
    >>> odd = ad.data.Subset(range(10), [1, 3, 5])
    >>> len(odd), odd[2]
    (3, 5)
    """

    def __init__(self, dataset: Dataset | Sequence[Any], indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices
        _numbers(indices, "Subset")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.indices[index]]

    def take(self, rows: Rows) -> Any:
        """Return the items with these numbers as a batch."""
        return _gathered(self.dataset, _numbers(self.indices, "Subset")[rows])


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
    ValueError
        If the parts are not the whole, or a part is negative.

    Examples
    --------
    >>> [len(part) for part in ad.data.random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    size, total = len(dataset), sum(lengths)
    wrong = f"random_split: {list(lengths)} is no division of {size} items"
    if any(not 0 <= n < math.inf for n in lengths):
        raise ValueError(wrong)
    if math.isclose(total, 1) and total <= 1:
        parts = [math.floor(size * share) for share in lengths]
        for i in range(size - sum(parts)):
            parts[i % len(parts)] += 1
    else:
        parts = [int(n) for n in lengths]
    if sum(parts) != size or (parts != list(lengths) and not total <= 1):
        raise ValueError(wrong)
    order = (generator or default_generator()).permutation(size).tolist()
    ends = np.cumsum([0, *parts]).astype(int).tolist()
    return [Subset(dataset, order[start:end]) for start, end in pairwise(ends)]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack a list of items: numbers, arrays and tensors directly, tuples, lists and dicts element by element.

    Parameters
    ----------
    batch : sequence
        Items of one kind.

    Returns
    -------
    Tensor, or a tuple, list or dict of them; strings stay a list

    Raises
    ------
    TypeError
        If the items are of a kind that cannot be stacked.
    ValueError
        If the items differ in length.

    Examples
    --------
    >>> ad.data.default_collate([(1.0, 2), (3.0, 4)])
    (tensor([1., 3.], dtype=float64), tensor([2, 4]))
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return shape.stack(list(batch))
    if isinstance(first, np.ndarray):
        return Tensor(np.stack(batch))
    if isinstance(first, float):
        return tensor(np.asarray(batch, np.float64))
    if isinstance(first, (bool, int, np.generic)):
        return tensor(np.asarray(batch))
    if isinstance(first, str):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([item[key] for item in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(item) != len(first) for item in batch):
            raise ValueError(f"default_collate: items have lengths {sorted({len(item) for item in batch})}")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return columns if isinstance(first, list) else tuple(columns)
    raise TypeError(f"default_collate: cannot stack items of type {type(first).__name__}; give a collate_fn")


def _numbers(indices: Any, name: str) -> Rows:
    """Return indices as an array, and refuse what would have to be cut to integers."""
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, got {array.dtype}")
    return array.astype(np.intp)


def _gathered(dataset: Any, rows: Rows) -> Any:
    """Return items of a data set as a batch: at once if it can, else one by one."""
    if isinstance(dataset, np.ndarray):
        return Tensor(dataset.take(rows, 0))
    if isinstance(dataset, Dataset):
        first = next(c for c in type(dataset).__mro__ if {"take", "__getitem__"} & vars(c).keys())
        if "take" in vars(first):  # a subclass that changes single items alone must be asked for these
            return dataset.take(rows)  # type: ignore[attr-defined]  # just seen
    return default_collate([dataset[i] for i in rows.tolist()])


class DataLoader:
    """Mini-batches of a data set, in order or shuffled anew in every epoch.

    The order of an epoch comes from one number drawn from the generator, so that a run which restores the generator's
    state sees the same batches. `state_dict` tells where in an epoch the loader stands.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int, optional
    shuffle : bool, optional
    sampler : iterable of int, optional
        The order of the items, in place of `shuffle`.
    collate_fn : callable, optional
        Gets the list of a batch's items and returns the batch; by default the data set's ``take`` where it has one, and
        else `default_collate`.
    drop_last : bool, optional
        Leave out a last batch that is smaller than the others.
    generator : numpy.random.Generator, optional
        Where the orders come from; the generator of `manual_seed` by default.
    transform : callable, optional
        Gets the parts of each batch as arguments, and what it returns takes the batch's place. This is where bytes
        become floats, a batch at a time.

    Raises
    ------
    ValueError
        If the batch size is not a positive integer, or both `shuffle` and a sampler are given.

    Examples
    --------
    >>> images = np.zeros((5, 28, 28), np.uint8)
    >>> dataset = ad.data.TensorDataset(images, np.arange(5))
    >>> flat = lambda x, y: (x.reshape(len(x), -1).float() / 255, y)
    >>> [x.shape for x, y in ad.data.DataLoader(dataset, batch_size=2, shuffle=True, transform=flat)]
    [(2, 784), (2, 784), (1, 784)]
    """

    def __init__(
        self,
        dataset: Dataset | Sequence[Any],
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        *,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        generator: np.random.Generator | None = None,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive integer, got {batch_size!r}")
        if shuffle and sampler is not None:
            raise ValueError("DataLoader: shuffle and sampler exclude each other")
        self.dataset, self.batch_size, self.shuffle, self.sampler = dataset, batch_size, bool(shuffle), sampler
        self.collate_fn, self.transform = collate_fn, transform
        self.drop_last, self.generator = drop_last, generator
        self._seed: int | None = None  # of the epoch that is under way
        self._position = 0  # batches of it that were handed out
        self._resumes = False

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        size = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]  # as PyTorch's
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of an epoch, or of the rest of one that was taken up again."""
        if not self._resumes:
            self._seed, self._position = self._drawn() if self.shuffle else None, 0
        self._resumes = False
        rows, size, start = self._rows(), self.batch_size, self._position
        seed = self._seed
        for place in range(start, len(rows) // size if self.drop_last else -(-len(rows) // size)):
            batch = self._batch(rows[place * size : (place + 1) * size])
            self._seed, self._position = seed, place + 1
            yield batch
        self._seed, self._position = None, 0

    def _drawn(self) -> int:
        return int((self.generator or default_generator()).integers(2**63))

    def _rows(self) -> Rows:
        """Return the numbers of all items in the epoch's order."""
        if self.sampler is not None:
            return _numbers(list(self.sampler), "DataLoader")
        size = len(self.dataset)
        return np.arange(size) if self._seed is None else np.random.default_rng(self._seed).permutation(size)

    def _batch(self, rows: Rows) -> Any:
        if self.collate_fn is None:
            batch = _gathered(self.dataset, rows)
        else:
            batch = self.collate_fn([self.dataset[i] for i in rows.tolist()])
        if self.transform is None:
            return batch
        return self.transform(*batch) if isinstance(batch, (tuple, list)) else self.transform(batch)

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return where in an epoch the loader stands: what its order comes from, and the batches handed out.

        Returns
        -------
        dict
            ``"seed"``: int or None; ``"position"``: int.

        Examples
        --------
        >>> loader = ad.data.DataLoader(range(6), batch_size=2, shuffle=True)
        >>> batches = iter(loader)
        >>> first, state = next(batches), loader.state_dict()
        >>> again = ad.data.DataLoader(range(6), batch_size=2, shuffle=True)
        >>> again.load_state_dict(state)
        >>> all((a == b).all() for a, b in zip(batches, again))
        True
        """
        return {"seed": self._seed, "position": self._position}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next iteration be the rest of the epoch in which `state_dict` was taken.

        Raises
        ------
        ValueError
            If it is not such a state, or one of a loader that shuffles and this does not; nothing changes then.
        """
        seed, position = state_dict.get("seed"), state_dict.get("position")
        if not (seed is None or isinstance(seed, int)) or not isinstance(position, int) or position < 0:
            raise ValueError(f"load_state_dict: expected a seed and a position, got {dict(state_dict)}")
        if position and self.shuffle != (seed is not None):
            raise ValueError("load_state_dict: the state is of a loader that shuffles, or this one is, but not both")
        self._seed, self._position, self._resumes = seed, position, position > 0
