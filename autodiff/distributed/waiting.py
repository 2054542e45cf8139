"""Waiting for what MPI does in the background, but not for a process that has left or calls something else."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .groups import ProcessGroup

LEFT = 32766  # the tag of the message of a process that leaves
_yield = getattr(
    os, "sched_yield", lambda: None
)  # 0.3 us; time.sleep(0) takes 77, and made a small message 50 x as slow
_LOOK = 0.05  # seconds between looks at who has left
_ON_THE_WAY = 1.0  # seconds that a message of a process that has left may still take


def complete(
    test: Callable[[], bool],
    group: ProcessGroup,
    operation: str,
    peer: int | None = None,
    number: int | None = None,
) -> None:
    """Wait for the end of what MPI does.

    Parameters
    ----------
    test : callable
        Tells whether it has ended, and lets it go on: the request's ``Test``.
    group : ProcessGroup
    operation : str
        For the errors' sake.
    peer : int, optional
        The process that a message is to come from or go to, by its rank in the group; None for all.
    number : int, optional
        Which of the group's operations it is; by default the last one.

    Raises
    ------
    RuntimeError
        If a process has left that would have to take part, or the group's timeout has passed.
    """
    number, start = group.calls if number is None else number, time.monotonic()
    look = start + _LOOK
    while not test():
        _yield()  # who shares the core may be the one that is waited for
        if (now := time.monotonic()) < look:
            continue
        look = now + _LOOK
        _note_who_left(group)
        gone = [
            rank
            for rank, (calls, when) in group.left.items()
            if (calls < number if peer is None else peer == rank and now - when > _ON_THE_WAY)
        ]
        if gone:
            who = ", ".join(f"rank {group.ranks[rank]}" for rank in gone)
            raise RuntimeError(f"{operation}: {who} has left the processes, and so will never take part")
        if now - start > group.timeout:
            raise RuntimeError(
                f"{operation}: after {group.timeout:g} s (the timeout of the group) not all processes take part"
            )


def _note_who_left(group: ProcessGroup) -> None:
    """Receive the farewells of processes, which say how many operations they took part in."""
    status = group.mpi.Status()
    while group.comm.Iprobe(group.mpi.ANY_SOURCE, LEFT, status):
        calls = np.empty(1, np.int64)
        group.comm.Recv(calls, status.Get_source(), LEFT)
        group.left[status.Get_source()] = int(calls[0]), time.monotonic()


class Work:
    """What an operation returns that was asked to go on in the background."""

    def __init__(
        self,
        test: Callable[[], bool],
        finish: Callable[[], None],
        group: ProcessGroup,
        operation: str,
        *,
        peer: int | None = None,
        kept: Any = None,
    ) -> None:
        self._test, self._finish, self._group, self._operation = test, finish, group, operation
        self._peer, self._number = peer, group.calls
        self._kept = kept  # arrays that MPI reads or writes until then
        self._is_done = False

    def wait(self, timeout: Any = None) -> bool:
        """Wait for the end."""
        if not self._is_done:
            complete(self._test, self._group, self._operation, self._peer, self._number)
            self._end()
        return True

    def is_completed(self) -> bool:
        """Tell whether it has ended; asking lets it go on."""
        if not self._is_done and self._test():
            self._end()
        return self._is_done

    def is_success(self) -> bool:
        """Tell whether it has ended well: what does not raises."""
        return self.is_completed()

    def _end(self) -> None:
        self._is_done = True
        self._finish()
        self._kept = None


def agree(group: ProcessGroup, operation: str, what: str) -> None:
    """Wait until all processes call the same; MPI would mix up what they send otherwise."""
    group.calls += 1
    key = zlib.crc32(f"{operation} {what}".encode())
    mine, found = np.array([key, -key], np.int64), np.empty(2, np.int64)
    complete(group.comm.Iallreduce(mine, found, group.mpi.MAX).Test, group, operation)
    if found[0] == -found[1]:
        return
    calls = np.zeros((group.comm.Get_size(), 160), np.uint8)
    text = f"{operation} of {what}".encode()[:160]
    words = np.frombuffer(text.ljust(160), np.uint8)
    request, end = group.comm.Iallgather(words, calls), time.monotonic() + 1
    while not request.Test() and time.monotonic() < end:  # others may be in something else
        _yield()
    said = [
        f"rank {r}: {bytes(line).decode(errors='replace').strip()}" for r, line in zip(group.ranks, calls, strict=True)
    ]
    raise RuntimeError(f"{operation}: the processes call different operations: {'; '.join(said)}")
