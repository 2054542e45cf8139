"""Mini-batches of a data set."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np

from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset, gathered, items
from .sampler import BatchSampler, RandomSampler, SequentialSampler, numbers, source_of
from .workers import Workers, seed_of

__all__ = ["DataLoader"]


class _Epoch:
    """One pass over a data set: what its order comes from, how many batches were handed out, and what is left."""

    def __init__(self, seed: int | None, position: int, rest: Iterator[Any]) -> None:
        self.seed, self.position, self.rest = seed, position, rest


class DataLoader:
    """Mini-batches of a data set, in order or shuffled anew in every epoch.

    The order of an epoch comes from one number drawn from the generator, so that a run which restores the generator's
    state sees the same batches. `state_dict` tells where in an epoch the loader stands. Workers are threads of this
    process: they are of use where items are read from files or computed by NumPy, and of none where a batch is one
    gather from an array.

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
        How many threads make batches ahead. The batches are the same, in the same order, with any number of them; 0
        makes each batch when it is asked for.
    collate_fn : callable, optional
        Gets the list of a batch's items and returns the batch; by default the data set's ``take`` where it has one, and
        else `default_collate`.
    pin_memory : bool, optional
        Means nothing without a GPU.
    drop_last : bool, optional
        Leave out a last batch that is smaller than the others.
    timeout : float, optional
        Seconds to wait for the next batch of the workers; 0 for ever.
    worker_init_fn : callable, optional
        Called in each worker with its number.
    multiprocessing_context : optional
        Means nothing: workers are threads.
    generator : numpy.random.Generator, optional
        Where the orders come from; the generator of `manual_seed` by default.
    prefetch_factor : int, optional
        How many batches each worker may be ahead; 2 unless given.
    persistent_workers, pin_memory_device, in_order : optional
        Mean nothing.
    transform : callable, optional
        Gets the parts of each batch as arguments, and what it returns takes the batch's place. This is where bytes
        become floats, a batch at a time.

    Raises
    ------
    TypeError
        If the data set has no length or items, a function cannot be called, or the generator is none of NumPy's.
    ValueError
        If a number is not a positive integer, or two arguments exclude each other.

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
        _check_workers(num_workers, prefetch_factor, persistent_workers, multiprocessing_context)
        self._streams = isinstance(dataset, IterableDataset)
        if not self._streams and not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
            raise TypeError(f"DataLoader: a data set has a length and items by number, got {type(dataset).__name__}")
        if self._streams and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset has an order of its own; give no shuffle and no sampler")
        _check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if not timeout >= 0:
            raise ValueError(f"DataLoader: timeout must not be negative, got {timeout!r}")
        functions = {"collate_fn": collate_fn, "transform": transform, "worker_init_fn": worker_init_fn}
        for name, function in functions.items():
            if function is not None and not callable(function):
                raise TypeError(f"DataLoader: {name} must be a function, got {function!r}")
        source_of(generator, "DataLoader")
        if batch_sampler is not None:
            batch_size = None
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, bool(shuffle), drop_last
        self._sampler, self._batch_sampler, self.generator = sampler, batch_sampler, generator
        self.collate_fn, self.transform, self.worker_init_fn = collate_fn, transform, worker_init_fn
        self.num_workers, self.timeout, self.pin_memory = num_workers, timeout, pin_memory
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self._epochs = 0  # how many have begun
        self._under_way: list[_Epoch] = []  # that which handed out a batch last at the end
        self._resumed: _Epoch | None = None  # that the next iteration is the rest of

    def __class_getitem__(cls, item: Any) -> type[DataLoader]:
        return cls

    @property
    def sampler(self) -> Any:
        """What says the order of the items."""
        if self._sampler is not None or self._streams:
            return self._sampler
        return (
            RandomSampler(self.dataset, generator=self.generator) if self.shuffle else SequentialSampler(self.dataset)
        )

    @property
    def batch_sampler(self) -> Any:
        """What says the items of each batch; None where they are not stacked."""
        if self._batch_sampler is not None or self.batch_size is None or self._streams:
            return self._batch_sampler
        return BatchSampler(self.sampler, int(self.batch_size), bool(self.drop_last))

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        if self._batch_sampler is not None:
            return len(self._batch_sampler)  # type: ignore[arg-type]  # as PyTorch's
        size = len(self.dataset if self._sampler is None else self._sampler)  # type: ignore[arg-type]  # as PyTorch's
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """Yield the batches of an epoch, or of the rest of one that was taken up again.

        An epoch is under way until its last batch, or until the loop over it is left; an iterator that is kept under a
        name of its own is left when it is closed or deleted.
        """
        self._epochs += 1
        seed = seed_of(self.generator, self._epochs) if self.num_workers else 0
        if self._streams:
            yield from self._streamed(seed)
            return
        epoch, self._resumed = self._resumed or self._begun(), None
        workers = self._workers(seed) if self.num_workers else None
        try:
            for batch in self._made(epoch) if workers is None else self._ahead(epoch, workers):
                self._leave(epoch)
                self._under_way.append(epoch)
                epoch.position += 1
                yield batch
        finally:
            self._leave(epoch)
            if workers is not None:
                workers.close()

    def _made(self, epoch: _Epoch) -> Iterator[Any]:
        """Yield the batches of an epoch, each made when it is asked for."""
        while (rows := next(epoch.rest, None)) is not None:
            yield self._batch(rows)

    def _ahead(self, epoch: _Epoch, workers: Workers) -> Iterator[Any]:
        """Yield the batches of an epoch that workers make ahead; what is not handed out counts as left."""
        read: list[Any] = []  # for which batches are being made

        epoch.rest = rest = _Rest(read, epoch.rest)

        def noted() -> Iterator[Any]:
            for rows in rest:
                read.append(rows)
                yield rows

        for _, batch in workers.made(noted(), self._batch):
            read.pop(0)
            yield batch

    def _workers(self, seed: int) -> Workers:
        ahead = int(self.prefetch_factor or 2)
        return Workers(self.num_workers, self.dataset, seed, self.worker_init_fn, ahead, self.timeout)

    def _streamed(self, seed: int) -> Iterator[Any]:
        """Yield the batches of a data set that has no numbers."""
        if not self.num_workers:
            yield from self._stream(self.dataset)
            return
        workers = self._workers(seed)
        try:
            yield from workers.streamed(self.dataset, self._stream)
        finally:
            workers.close()

    def _stream(self, dataset: Any) -> Iterator[Any]:
        """Yield the batches of one iteration over a data set."""
        stream = iter(dataset)
        if self.batch_size is None:
            for item in stream:
                yield self._transformed((self.collate_fn or default_convert)(item))
            return
        while batch := list(islice(stream, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self._transformed((self.collate_fn or default_collate)(batch))

    def _leave(self, epoch: _Epoch) -> None:
        if epoch in self._under_way:
            self._under_way.remove(epoch)

    def _begun(self) -> _Epoch:
        """Return a new epoch."""
        order = self._sampler if self._batch_sampler is None else self._batch_sampler
        if order is not None:
            return _Epoch(None, 0, self._said(order))
        seed = int(source_of(self.generator, "DataLoader").integers(2**63)) if self.shuffle else None
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
        if self._batch_sampler is not None:
            for batch in order:
                yield numbers(list(batch), "DataLoader")
            return
        said, size = iter(order), self.batch_size or 1
        while rows := list(islice(said, size)):
            if len(rows) == size or not self.drop_last:
                batch = numbers(rows, "DataLoader")
                yield batch if self.batch_size else batch[0]

    def _batch(self, rows: Any) -> Any:
        if self.batch_size is None and self._batch_sampler is None:
            batch = (self.collate_fn or default_convert)(self.dataset[int(rows)])
        elif self.collate_fn is None:
            batch = gathered(self.dataset, rows)
        else:
            batch = self.collate_fn(items(self.dataset, rows))
        return self._transformed(batch)

    def _transformed(self, batch: Any) -> Any:
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
        if self._streams:
            raise RuntimeError(
                "state_dict: an IterableDataset has no positions; save its own state, and take none here"
            )
        epoch = self._under_way[-1] if self._under_way else self._resumed
        generator = None if self.generator is None else copy.deepcopy(self.generator.bit_generator.state)
        moving: dict[str, Any] = {"seed": None, "rest": None, "position": 0, "generator": generator}
        if epoch is not None:
            moving |= {"seed": epoch.seed, "position": epoch.position}
        if epoch is not None and (self._sampler is not None or self._batch_sampler is not None):
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
        read = list(epoch.rest.read) if isinstance(epoch.rest, _Rest) else []
        drawn = read + list(islice(epoch.rest, max(most - epoch.position - len(read), 0) + 1))
        self._give_back(epoch, drawn[len(read) :])
        if epoch.position + len(drawn) > most:
            raise RuntimeError(f"state_dict: the sampler says more than its {most} batches, so it may never end")
        lists = [rows.tolist() for rows in drawn]
        return lists if self.batch_size is None else [number for rows in lists for number in rows]

    @staticmethod
    def _give_back(epoch: _Epoch, drawn: list[Any]) -> None:
        """Let what was read of an order be read again."""
        if isinstance(epoch.rest, _Rest):
            epoch.rest.order = chain(drawn, epoch.rest.order)
        else:
            epoch.rest = chain(drawn, epoch.rest)

    def _make(self) -> dict[str, Any]:
        """Return what must be the same where a state is loaded."""
        orders = {"batch_sampler": self._batch_sampler is not None, "sampler": self._sampler is not None,
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
        by_sampler = self._sampler is not None or self._batch_sampler is not None
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


class _Rest:
    """What is left of an order: what was read ahead and not handed out, and the rest of it."""

    def __init__(self, read: list[Any], order: Iterator[Any]) -> None:
        self.read, self.order = read, order

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self.order)


def _check_workers(count: Any, ahead: Any, persistent: Any, context: Any) -> None:
    """Refuse a number of workers that is none, and what goes with workers where there are none."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise ValueError(f"DataLoader: num_workers must be an integer, 0 or more, got {count!r}")
    if ahead is not None and (isinstance(ahead, bool) or not isinstance(ahead, int) or ahead < 1):
        raise ValueError(f"DataLoader: prefetch_factor must be a positive integer or None, got {ahead!r}")
    given = {"prefetch_factor": ahead, "persistent_workers": persistent, "multiprocessing_context": context}
    for name, value in given.items():
        if not count and value:
            raise ValueError(f"DataLoader: {name} goes with workers; set num_workers, or leave it out")


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
