"""Messages from one process to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.graph import array_of
from ..tensor import Tensor
from .collectives import sent_of, store
from .groups import ProcessGroup, takes_part, the_group, within
from .waiting import Work


def isend(tensor: Tensor, dst: int, group: Any = None, tag: int = 0) -> Work | None:
    """Begin to send a tensor to process `dst`; see `send`."""
    if not takes_part("isend", group):
        return None
    joined, sent = the_group("isend", group), sent_of(tensor, "isend").copy()
    to = _other(joined, dst, "isend")
    return Work(joined.comm.Isend(sent, to, tag).Test, lambda: None, joined, "send", peer=to, kept=sent)


def irecv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0) -> Work | None:
    """Begin to receive a tensor from process `src`, or from any; see `recv`."""
    if not takes_part("irecv", group):
        return None
    joined, sent = the_group("irecv", group), sent_of(tensor, "irecv")
    source = joined.mpi.ANY_SOURCE if src is None else _other(joined, src, "irecv")
    found = np.empty_like(sent)
    request = joined.comm.Irecv(found, source, tag)
    return _Received(request, tensor, found, joined, source)


class _Received(Work):
    """A message that comes in the background."""

    def __init__(self, request: Any, tensor: Tensor, found: Any, group: ProcessGroup, source: int) -> None:
        self._status = group.mpi.Status()
        peer = None if source == group.mpi.ANY_SOURCE else source
        super().__init__(lambda: bool(request.Test(self._status)), self._take, group, "recv", peer=peer, kept=found)
        self._tensor, self._found = tensor, found

    def _take(self) -> None:
        came = self._status.Get_count(self._group.mpi.BYTE)
        if came != self._found.nbytes:
            raise RuntimeError(
                f"recv: {came} bytes came from rank {self.source()} for a tensor of {array_of(self._tensor).dtype} "
                f"{tuple(self._tensor.shape)}, which needs {self._found.nbytes}"
            )
        store(self._tensor, self._found)

    def source(self) -> int:
        """Return who sent it."""
        return self._group.ranks[int(self._status.Get_source())]


def _other(group: ProcessGroup, rank: int, operation: str) -> int:
    other = within(group, rank, operation)
    if other == group.rank():
        raise ValueError(f"{operation}: rank {rank} is this process itself")
    return other


def send(tensor: Tensor, dst: int, group: Any = None, tag: int = 0) -> None:
    """Send a tensor to process `dst`, which receives it by `recv` into one of the same shape and dtype."""
    work = isend(tensor, dst, group, tag)
    if work is not None:
        work.wait()


def recv(tensor: Tensor, src: int | None = None, group: Any = None, tag: int = 0) -> int:
    """Wait for a tensor from process `src`, or from any, write it into this one, and return who sent it.

    Raises
    ------
    RuntimeError
        If what comes has another size, or the process has left.
    """
    work = irecv(tensor, src, group, tag)
    if work is None:
        return -1
    work.wait()
    assert isinstance(work, _Received)
    return work.source()
