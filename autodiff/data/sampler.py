"""In which order a data set's items are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np
import numpy.typing as npt

from ..distributed import get_rank, get_world_size
from ..functions.sampling import multinomial
from ..random import default_generator
from ..tensor import Tensor, from_array

__all__ = [
    "BatchSampler", "DistributedSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler",
    "WeightedRandomSampler",
]  # fmt: skip

Rows = npt.NDArray[np.intp]


def numbers(indices: Any, name: str) -> Rows:
    """Return indices as an array, and refuse what would have to be cut to integers."""
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, got {array.dtype}")
    if array.ndim != 1:
        raise TypeError(f"{name}: indices must be a sequence of integers, got an array of shape {array.shape}")
    return array.astype(np.intp)


def source_of(generator: Any, name: str) -> np.random.Generator:
    """Return the generator that was given, or the common one."""
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator or None, got {type(generator).__name__}")
    return default_generator() if generator is None else generator


class Sampler:
    """The base of samplers: an iterable of item numbers. Anything that is one will do in its place.

    Examples
    --------
    >>> class Backwards(ad.data.Sampler):
    ...     def __init__(self, dataset):
    ...         self.dataset = dataset
    ...
    ...     def __iter__(self):
    ...         return iter(range(len(self.dataset) - 1, -1, -1))
    >>> list(ad.data.DataLoader(range(3), sampler=Backwards(range(3))))
    [tensor([2]), tensor([1]), tensor([0])]
    """

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __class_getitem__(cls, item: Any) -> type[Sampler]:
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__()")


class SequentialSampler(Sampler):
    """The items in their order.

    Parameters
    ----------
    data_source : Dataset

    Examples
    --------
    >>> list(ad.data.SequentialSampler(range(3)))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """The items in an order drawn anew for every pass.

    Parameters
    ----------
    data_source : Dataset
    replacement : bool, optional
        Whether an item can be drawn twice in a pass.
    num_samples : int, optional
        How many items a pass draws; as many as there are unless given.
    generator : numpy.random.Generator, optional
        Where the order comes from; the generator of `manual_seed` by default.

    Raises
    ------
    ValueError
        If the number is not positive.

    Examples
    --------
    >>> sorted(ad.data.RandomSampler(range(3)))
    [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: np.random.Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement must be a bool, got {replacement!r}")
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples < 1):
            raise ValueError(f"RandomSampler: num_samples must be a positive integer, got {num_samples!r}")
        source_of(generator, "RandomSampler")
        self.data_source, self.replacement, self.generator = data_source, replacement, generator
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """How many items a pass draws."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        source, size, left = source_of(self.generator, "RandomSampler"), len(self.data_source), self.num_samples
        if self.replacement:
            yield from source.integers(0, size, left).tolist()
            return
        while left > 0:
            drawn = source.permutation(size)[:left].tolist()
            yield from drawn
            left -= len(drawn)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """Some items, in an order drawn anew for every pass.

    Parameters
    ----------
    indices : sequence of int
    generator : numpy.random.Generator, optional

    Examples
    --------
    >>> sorted(ad.data.SubsetRandomSampler([1, 3]))
    [1, 3]
    """

    def __init__(self, indices: Sequence[int], generator: np.random.Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        order = source_of(self.generator, "SubsetRandomSampler").permutation(len(self.indices))
        return (self.indices[i] for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Items drawn as often as their weights say.

    Parameters
    ----------
    weights : sequence of float
        One for each item; they need not add up to 1.
    num_samples : int
        How many items a pass draws.
    replacement : bool, optional
        Whether an item can be drawn twice in a pass.
    generator : numpy.random.Generator, optional

    Raises
    ------
    ValueError
        If the number is not positive.

    Examples
    --------
    >>> list(ad.data.WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: np.random.Generator | None = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples < 1:
            raise ValueError(f"WeightedRandomSampler: num_samples must be a positive integer, got {num_samples!r}")
        if not isinstance(replacement, bool):
            raise ValueError(f"WeightedRandomSampler: replacement must be a bool, got {replacement!r}")
        array = weights._data if isinstance(weights, Tensor) else np.asarray(weights)
        if array.ndim != 1:
            raise ValueError(f"WeightedRandomSampler: weights must be a vector, got shape {array.shape}")
        self.weights = from_array(array.astype(np.float64))
        self.num_samples, self.replacement, self.generator = num_samples, replacement, generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Item numbers in lists of one size.

    Parameters
    ----------
    sampler : iterable of int
    batch_size : int
    drop_last : bool
        Leave out a last list that is smaller.

    Raises
    ------
    ValueError
        If the size is not positive.

    Examples
    --------
    >>> list(ad.data.BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"BatchSampler: batch_size must be a positive integer, got {batch_size!r}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last must be a bool, got {drop_last!r}")
        self.sampler, self.batch_size, self.drop_last = sampler, batch_size, drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for i in self.sampler:
            batch.append(i)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]  # as PyTorch's
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


class DistributedSampler(Sampler):
    """The share of one process: all items, dealt out in turn, in an order that all processes agree on.

    Parameters
    ----------
    dataset : sized
    num_replicas, rank : int, optional
        How many processes share the items, and which of them this one is; by default as `distributed` knows.
    shuffle : bool, optional
        Draw a new order for each epoch that `set_epoch` names.
    seed : int, optional
        Decides the orders; the same in all processes.
    drop_last : bool, optional
        Leave out the items that are too few for all; by default some are read twice, so that the shares are equal.

    Raises
    ------
    RuntimeError
        If the number of processes is not given, and `distributed.init_process_group` was not called.
    ValueError
        If there is no process of that rank.

    Examples
    --------
    >>> sampler = ad.data.DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False)
    >>> list(sampler)
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas = get_world_size() if num_replicas is None else num_replicas
        self.rank = get_rank() if rank is None else rank
        if self.num_replicas < 1:
            raise RuntimeError("DistributedSampler: call distributed.init_process_group() first, or give num_replicas")
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"DistributedSampler: there is no rank {self.rank} among {self.num_replicas} processes")
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        count = len(dataset)
        self.num_samples = count // self.num_replicas if drop_last else -(-count // self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = np.random.default_rng((self.seed, self.epoch)).permutation(count) if self.shuffle else np.arange(count)
        return iter(np.resize(order, self.total_size)[self.rank :: self.num_replicas].tolist() if count else [])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins, so that each has an order of its own."""
        self.epoch = epoch
