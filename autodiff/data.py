"""Data sets and mini-batches."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from itertools import chain, islice, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .creation import tensor
from .functions import shape
from .random import default_generator
from .tensor import Tensor

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]

Rows = npt.NDArray[np.intp]


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
        _numbers(indices, "Subset")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):  # the data set is asked for them all at once
            return self.dataset[[self.indices[i] for i in index]]  # type: ignore[call-overload]  # if it can be
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
    TypeError
        If the lengths are no integers, or the generator is none of NumPy's.
    ValueError
        If the parts are not the whole, or a part is negative.

    Examples
    --------
    >>> [len(part) for part in ad.data.random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    generator = _source(generator, "random_split")
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
        return Tensor(np.stack(batch))
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
    raise TypeError(f"default_collate: cannot stack items of type {type(first).__name__}; give a collate_fn")


def _converted(item: Any) -> Any:
    """Return an item that is no part of a batch with tensors in place of its arrays."""
    if isinstance(item, (str, bytes)):
        return item
    if isinstance(item, (np.ndarray, np.generic)):
        return Tensor(item)
    if isinstance(item, Mapping):
        return _like(item, {key: _converted(value) for key, value in item.items()})
    return _like(item, [_converted(value) for value in item]) if isinstance(item, Sequence) else item


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


def _numbers(indices: Any, name: str) -> Rows:
    """Return indices as an array, and refuse what would have to be cut to integers."""
    array = np.asarray(indices)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name}: indices must be integers, got {array.dtype}")
    if array.ndim != 1:
        raise TypeError(f"{name}: indices must be a sequence of integers, got an array of shape {array.shape}")
    return array.astype(np.intp)


def _source(generator: Any, name: str) -> np.random.Generator:
    """Return the generator that was given, or the common one."""
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise TypeError(f"{name}: generator must be a numpy.random.Generator or None, got {type(generator).__name__}")
    return default_generator() if generator is None else generator


def _taken(t: Tensor, rows: Rows) -> Tensor:
    return t[rows] if t.requires_grad else Tensor(t._data.take(rows, 0))


def _gathered(dataset: Any, rows: Rows) -> Any:
    """Return items of a data set as a batch: at once if it can, else one by one."""
    if isinstance(dataset, np.ndarray):
        return Tensor(dataset.take(rows, 0))
    if isinstance(dataset, Tensor) and dataset.ndim > 0:
        return _taken(dataset, rows)
    if isinstance(dataset, Dataset):
        known = {"take", "__getitem__", "__getitems__"}
        first = next(c for c in type(dataset).__mro__ if known & vars(c).keys())
        if "take" in vars(first):  # a subclass that changes single items alone must be asked for these
            return dataset.take(rows)  # type: ignore[attr-defined]  # just seen
    return default_collate(_items(dataset, rows))


def _items(dataset: Any, rows: Rows) -> list[Any]:
    at_once = getattr(dataset, "__getitems__", None)
    return at_once(rows.tolist()) if callable(at_once) else [dataset[i] for i in rows.tolist()]


class _Epoch:
    """One pass over a data set: what its order comes from, how many batches were handed out, and what is left."""

    def __init__(self, seed: int | None, position: int, rest: Iterator[Any]) -> None:
        self.seed, self.position, self.rest = seed, position, rest


class DataLoader:
    """Mini-batches of a data set, in order or shuffled anew in every epoch.

    The order of an epoch comes from one number drawn from the generator, so that a run which restores the generator's
    state sees the same batches. `state_dict` tells where in an epoch the loader stands. All is done in this process,
    where a batch of arrays is one gather; what would need others is refused.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int, optional
        None for single items, which are not stacked.
    shuffle : bool, optional
    sampler : iterable of int, optional
        The order of the items, in place of `shuffle`. It is read batch by batch, so it need not end.
    batch_sampler : iterable of sequences of int, optional
        The items of each batch, in place of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int, optional
        0.
    collate_fn : callable, optional
        Gets the list of a batch's items and returns the batch; by default the data set's ``take`` where it has one, and
        else `default_collate`.
    pin_memory : bool, optional
        False.
    drop_last : bool, optional
        Leave out a last batch that is smaller than the others.
    timeout, worker_init_fn : optional
        Mean nothing without workers.
    multiprocessing_context : optional
        None.
    generator : numpy.random.Generator, optional
        Where the orders come from; the generator of `manual_seed` by default.
    prefetch_factor, persistent_workers, pin_memory_device : optional
        None, False and "".
    in_order : bool, optional
        Means nothing without workers.
    transform : callable, optional
        Gets the parts of each batch as arguments, and what it returns takes the batch's place. This is where bytes
        become floats, a batch at a time.

    Raises
    ------
    TypeError
        If the data set has no length or items, a function cannot be called, or the generator is none of NumPy's.
    ValueError
        If the batch size is not a positive integer, two arguments exclude each other, or workers are asked for.

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
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        _check_in_process(
            num_workers=num_workers,
            pin_memory=pin_memory,
            multiprocessing_context=multiprocessing_context,
            prefetch_factor=prefetch_factor,
            persistent_workers=persistent_workers,
            pin_memory_device=pin_memory_device,
        )
        if not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise TypeError(f"DataLoader: a data set has a length and items by number, got {type(dataset).__name__}")
        _check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout must not be negative, got {timeout!r}")
        for name, function in (("collate_fn", collate_fn), ("transform", transform)):
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} must be a function, got {function!r}")
        _source(generator, "DataLoader")
        if batch_sampler is not None:
            batch_size = None
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, bool(shuffle), drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn, self.transform = collate_fn, transform
        self._under_way: list[_Epoch] = []  # that which handed out a batch last at the end
        self._resumed: _Epoch | None = None  # that the next iteration is the rest of

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]  # as PyTorch's
        size = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]  # as PyTorch's
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of an epoch, or of the rest of one that was taken up again.

        An epoch is under way until its last batch, or until the loop over it is left; an iterator that is kept under a
        name of its own is left when it is closed or deleted.
        """
        epoch, self._resumed = self._resumed or self._begun(), None
        try:
            while (rows := next(epoch.rest, None)) is not None:
                batch = self._batch(rows)
                self._leave(epoch)
                self._under_way.append(epoch)
                epoch.position += 1
                yield batch
        finally:
            self._leave(epoch)

    def _leave(self, epoch: _Epoch) -> None:
        if epoch in self._under_way:
            self._under_way.remove(epoch)

    def _begun(self) -> _Epoch:
        """Return a new epoch."""
        order = self.sampler if self.batch_sampler is None else self.batch_sampler
        if order is not None:
            return _Epoch(None, 0, self._said(order))
        seed = int(_source(self.generator, "DataLoader").integers(2**63)) if self.shuffle else None
        return _Epoch(seed, 0, self._dealt(seed, 0))

    def _dealt(self, seed: int | None, position: int) -> Iterator[Any]:
        """Yield the numbers of the items of each batch, from a position on; one number where nothing is stacked."""
        count, size = len(self.dataset), self.batch_size
        order = None if seed is None else np.random.default_rng(seed).permutation(count)
        if size is None:
            yield from range(position, count) if order is None else order[position:]
            return
        end = count - count % size if self.drop_last else count
        for start in range(position * size, end, size):
            stop = min(start + size, end)
            yield np.arange(start, stop) if order is None else order[start:stop]

    def _said(self, order: Iterable[Any]) -> Iterator[Any]:
        """Yield the same as a sampler says it, asking for no more than a batch at a time."""
        if self.batch_sampler is not None:
            for batch in order:
                yield _numbers(list(batch), "DataLoader")
            return
        items, size = iter(order), self.batch_size or 1
        while rows := list(islice(items, size)):
            if len(rows) == size or not self.drop_last:
                numbers = _numbers(rows, "DataLoader")
                yield numbers if self.batch_size else numbers[0]

    def _batch(self, rows: Any) -> Any:
        if self.batch_size is None and self.batch_sampler is None:
            batch = (self.collate_fn or _converted)(self.dataset[int(rows)])
        elif self.collate_fn is None:
            batch = _gathered(self.dataset, rows)
        else:
            batch = self.collate_fn(_items(self.dataset, rows))
        if self.transform is None:
            return batch
        return self.transform(*batch) if isinstance(batch, (tuple, list)) else self.transform(batch)

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return where in an epoch the loader stands, and of what loader this is the state; within a loop over it.

        After the loop, however it was left, the next epoch starts anew, here as in the run that takes up this state. So
        it does in an ``except KeyboardInterrupt`` around the loop, where the position is 0: to save a run that is
        interrupted, let a signal handler set a flag, and take the state in the loop, after the step on a batch, if it
        is set. Where one loop over the loader runs within another, the position is that of the loop that handed out a
        batch last and was not left since: the outer one's again after the inner one.

        Returns
        -------
        dict
            ``"position"``: the number of batches handed out; ``"seed"``: what the epoch's order comes from, or None;
            ``"rest"``: what a sampler says of the batches that are left, or None; ``"generator"``: the state of the
            loader's own; and what the loader is made of, to be compared. Numbers, text, lists and dicts.

        Raises
        ------
        RuntimeError
            If the loader stands within an epoch of a sampler that has no length, or says more than its length.

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
        epoch = self._under_way[-1] if self._under_way else self._resumed
        generator = None if self.generator is None else copy.deepcopy(self.generator.bit_generator.state)
        moving: dict[str, Any] = {"seed": None, "rest": None, "position": 0, "generator": generator}
        if epoch is not None:
            moving |= {"seed": epoch.seed, "position": epoch.position}
        if epoch is not None and (self.sampler is not None or self.batch_sampler is not None):
            moving["rest"] = self._drawn(epoch)
        return {**moving, **self._make()}

    def _drawn(self, epoch: _Epoch) -> list[Any]:
        """Return what is left of what a sampler says: nobody knows whether it would say it again."""
        try:
            most = len(self)
        except (TypeError, NotImplementedError):
            raise RuntimeError(
                "state_dict: the sampler has no length, so it may never end; save its own state, and take none here"
            ) from None
        drawn = list(islice(epoch.rest, max(most - epoch.position, 0) + 1))
        epoch.rest = chain(drawn, epoch.rest)
        if epoch.position + len(drawn) > most:
            raise RuntimeError(f"state_dict: the sampler says more than its {most} batches, so it may never end")
        lists = [rows.tolist() for rows in drawn]
        return lists if self.batch_size is None else [number for rows in lists for number in rows]

    def _make(self) -> dict[str, Any]:
        """Return what must be the same where a state is loaded."""
        orders = {"batch_sampler": self.batch_sampler is not None, "sampler": self.sampler is not None,
                  "shuffled": self.shuffle, "in order": True}  # fmt: skip
        kind = next(name for name, holds in orders.items() if holds)
        size = None if self.batch_size is None else int(self.batch_size)
        return {"kind": kind, "items": len(self.dataset), "batch_size": size, "drop_last": bool(self.drop_last)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next iteration be the rest of the epoch in which `state_dict` was taken.

        It is the next one, whatever it is for: a look at the first batch by ``next(iter(loader))`` takes the rest of
        the epoch up and leaves it, and the loop after that starts a new one.

        Raises
        ------
        TypeError
            If it is no mapping.
        ValueError
            If it is not such a state, or one of another loader; nothing changes then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected what state_dict returns, got {type(state_dict).__name__}")
        if missing := sorted(self.state_dict().keys() - state_dict.keys()):
            raise ValueError(f"load_state_dict: the state has no {', '.join(missing)}")
        for name, mine in self._make().items():
            if state_dict[name] != mine:
                raise ValueError(
                    f"load_state_dict: {name} is {state_dict[name]!r} in the state, {mine!r} in the loader"
                )
        epoch = self._loaded(state_dict["seed"], state_dict["rest"], state_dict["position"])
        generator = state_dict["generator"]
        if (generator is None) != (self.generator is None):
            raise ValueError("load_state_dict: the state has a generator of its own, or the loader, but not both")
        if self.generator is not None:
            trial = type(self.generator.bit_generator)(0)
            try:
                trial.state = generator
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"load_state_dict: not a state of {type(trial).__name__}: {error!r}") from None
            self.generator.bit_generator.state = trial.state
        self._under_way, self._resumed = [], epoch

    def _loaded(self, seed: Any, rest: Any, position: Any) -> _Epoch | None:
        """Return the epoch that a state describes, or None between epochs."""
        wrong = f"load_state_dict: no epoch of this loader has the seed {seed!r} and the position {position!r}"
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            raise ValueError(wrong)
        if position == 0:
            return None
        by_sampler = self.sampler is not None or self.batch_sampler is not None
        is_seed = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
        if is_seed != self.shuffle or (rest is not None) != by_sampler:
            raise ValueError(wrong)
        if by_sampler:
            try:
                return _Epoch(None, position, iter(list(self._said(rest))))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{wrong}: {error}") from None
        if position > len(self):
            raise ValueError(wrong)
        return _Epoch(seed, position, self._dealt(seed, position))


def _check_in_process(**options: Any) -> None:
    """Refuse what asks for other processes, or for memory of another device."""
    for name, value in options.items():
        off = {"num_workers": 0, "pin_memory": False, "persistent_workers": False, "pin_memory_device": ""}.get(name)
        if value != off:
            raise ValueError(f"DataLoader: {name} must be {off!r}, for batches are made in this process; got {value!r}")


def _check_batches(size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: Any) -> None:
    """Refuse what says nothing, or two things, about how items make batches."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1):
        raise ValueError(f"DataLoader: batch_size must be a positive integer or None, got {size!r}")
    if not isinstance(drop_last, (bool, np.bool_)):
        raise ValueError(f"DataLoader: drop_last must be a bool, got {drop_last!r}")
    if shuffle and sampler is not None:
        raise ValueError("DataLoader: shuffle and sampler exclude each other")
    if batch_sampler is not None and (size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
    if size is None and drop_last:
        raise ValueError("DataLoader: batch_size=None excludes drop_last")
