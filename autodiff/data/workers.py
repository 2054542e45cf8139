"""Threads that make batches ahead of time."""

from __future__ import annotations

import copy
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextvars import ContextVar, copy_context
from typing import Any, NamedTuple

from ..generator import Generator
from ..random import default_generator, use_generator

__all__ = ["WorkerInfo", "Workers", "get_worker_info"]


class WorkerInfo(NamedTuple):
    """What a worker knows of itself."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: ContextVar[WorkerInfo | None] = ContextVar("autodiff.worker", default=None)


def get_worker_info() -> WorkerInfo | None:
    """Return which of how many workers is running, with its seed and data set; None outside of workers.

    Examples
    --------
    >>> ad.data.get_worker_info() is None
    True
    """
    return _info.get()


def seed_of(generator: Any, epochs: int) -> int:
    """Return a seed for the random numbers of an epoch's items, without drawing from the generator.

    Our own generators count the epochs of all loaders: two that stand at one place would draw the same otherwise.
    """
    source = generator or default_generator()
    if isinstance(source, Generator):
        source.epochs = epochs = source.epochs + 1
    return zlib.crc32(repr(source.bit_generator.state).encode()) + (epochs << 32)


class Workers:
    """Threads, each of which makes its batches one after the other; the batches come out in their order.

    What items draw from the default generator is seeded anew for each batch, so that neither the number of workers
    nor what the main thread draws meanwhile changes it.

    Parameters
    ----------
    count : int
    dataset : Dataset
    seed : int
    init : callable, optional
        Called in each thread with its number.
    ahead : int
        How many batches each thread may be ahead.
    timeout : float
        Seconds to wait for a batch; 0 for ever.
    """

    def __init__(
        self, count: int, dataset: Any, seed: int, init: Callable[[int], Any] | None, ahead: int, timeout: float
    ) -> None:
        self.count, self.seed, self.ahead, self.timeout = count, seed, ahead, timeout or None
        self.threads = [ThreadPoolExecutor(1, f"DataLoader-{k}") for k in range(count)]
        self.contexts = [copy_context() for _ in range(count)]
        self.started = [self._call(k, self._start, k, dataset, init) for k in range(count)]

    def _start(self, k: int, dataset: Any, init: Callable[[int], Any] | None) -> None:
        _info.set(WorkerInfo(k, self.count, self.seed + k, dataset))
        use_generator(Generator().manual_seed(self.seed + k))
        if init is not None:
            init(k)

    def _call(self, k: int, function: Callable[..., Any], *args: Any) -> Future[Any]:
        return self.threads[k].submit(self.contexts[k].run, function, *args)

    def _seeded(self, i: int, make: Callable[[Any], Any], rows: Any) -> Any:
        use_generator(Generator().manual_seed(self.seed + i))
        return make(rows)

    def made(self, order: Iterable[Any], make: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
        """Yield (rows, batch) for all rows of an order, which is read no more than what is made ahead."""
        waiting: deque[tuple[Any, Future[Any]]] = deque()
        for i, rows in enumerate(order):
            waiting.append((rows, self._call(i % self.count, self._seeded, i, make, rows)))
            if len(waiting) >= self.count * self.ahead:
                yield self._next(waiting)
        while waiting:
            yield self._next(waiting)

    def _next(self, waiting: deque[tuple[Any, Future[Any]]]) -> tuple[Any, Any]:
        rows, future = waiting.popleft()
        return rows, self._result(future)

    def _result(self, future: Future[Any]) -> Any:
        while self.started:
            self.started.pop().result()  # what `init` raised
        try:
            return future.result(self.timeout)
        except TimeoutError:
            if future.done():  # it was raised by the item itself
                raise
            raise RuntimeError(f"DataLoader: no batch came within {self.timeout} s") from None

    def streamed(self, dataset: Any, batches: Callable[[Any], Iterator[Any]]) -> Iterator[Any]:
        """Yield batches of an iterable data set, of whose copies each thread reads one, in turns."""
        streams = {k: self._call(k, lambda: batches(copy.copy(dataset))) for k in range(self.count)}
        waiting: deque[tuple[int, Future[Any]]] = deque()
        for _ in range(self.ahead):
            waiting.extend((k, self._call(k, _advance, streams[k])) for k in streams)
        while waiting:
            k, future = waiting.popleft()
            batch = self._result(future)
            if batch is _END:
                streams.pop(k, None)
                continue
            if k in streams:
                waiting.append((k, self._call(k, _advance, streams[k])))
            yield batch

    def close(self) -> None:
        """Let the threads end, each after the batch that it is at."""
        for thread in self.threads:
            thread.shutdown(wait=False, cancel_futures=True)


_END = object()


def _advance(stream: Future[Iterator[Any]]) -> Any:
    return next(stream.result(), _END)
