"""What the rest of the house tells a recording by `compile`: there is at most one in a thread or task."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

import numpy as np

#: The switches of `engine.modes`; as a truth value, whether operations are recorded for backward.
state: ContextVar[Any] = ContextVar("autodiff.state", default=True)

#: How often an attribute of any module was assigned: what was compiled looks at its modules again when this grows.
attribute_changes = [0]


class Tracing:
    """The state of the switches while `compile` records a function; as a truth value, whether a graph is recorded.

    Attributes
    ----------
    recording : bool
        Whether operations are recorded for backward.
    trace : Trace
        Who is told of everything that is computed.
    """

    __slots__ = ("recording", "trace")

    def __init__(self, recording: bool, trace: Any) -> None:
        self.recording = recording
        self.trace = trace

    def __bool__(self) -> bool:
        return self.recording

    def switched(self, recording: bool) -> Tracing:
        """Return the same trace, with the recording on or off."""
        return Tracing(recording, self.trace)


def tracing() -> Any:
    """Return the trace that is being recorded, otherwise None."""
    now = state.get()
    return now.trace if now.__class__ is Tracing else None


@contextlib.contextmanager
def traced_by(trace: Any) -> Generator[None, None, None]:
    """Tell a trace of everything that is computed meanwhile; nobody, if there is none."""
    before = state.get()
    state.set(bool(before) if trace is None else Tracing(bool(before), trace))
    try:
        yield
    finally:
        state.set(before)


def decided(check: Callable[..., Any], *tensors: Any, always: bool | None = None) -> bool:
    """Return what a check of arrays says about tensors' values; a trace notes what it must say at each run.

    Library code asks so where it has to know a value: whether labels are in range, say. Where it asks only to spare
    work, `always` is the answer with which the result is right whatever the values are: a file keeps that one.
    """
    if (trace := tracing()) is not None:
        return trace.decides(check, tensors, always)  # type: ignore[no-any-return]  # a bool
    return bool(check(*[t._data for t in tensors]))


def agreed(compute: Callable[..., Any], *tensors: Any) -> Any:
    """Return what a function of arrays says about tensors' values: a size, say; a trace notes it as by `decided`."""
    answer = compute(*(t._data for t in tensors))
    decided(lambda *arrays: compute(*arrays) == answer, *tensors)
    return answer


def values(tensor: Any, what: str, cure: str) -> Any:
    """Return a tensor's array to a function whose result's shape depends on it; a trace refuses that.

    Library code reads the numbers of a tensor by this, by `decided` and `agreed`, or by `functions.arguments.computed`:
    what it reads otherwise would be the same at each run of what is compiled.
    """
    if (trace := tracing()) is not None:
        trace.reads(tensor, what, cure)
    return tensor._data


def parameter(tensor: Any) -> Any:
    """Return a tensor's array to be a parameter of a row; a trace fills in what the tensor is at each run."""
    return np.array(tensor._data) if (trace := tracing()) is None else trace.parameter(tensor)


def noted(draw: Callable[[], Any]) -> Any:
    """Return what is drawn; a trace draws it anew at each run."""
    return draw() if (trace := tracing()) is None else trace.draw(draw)


#: Rows that send messages to other processes.
exchanges: set[Any] = set()


class _Exchange(threading.local):
    """What a thread keeps of the messages it gets while it runs what is compiled, for a run that is given up."""

    log: Any = None


exchange = _Exchange()


def exchanged(send: Callable[[], Any]) -> Any:
    """Return what messages bring, or have brought in a run that was given up."""
    return send() if exchange.log is None else exchange.log.take(send)


def put_off(act: Callable[[], object], optimizer: Any) -> bool:
    """Have a trace do something with an optimizer's options after each run; without a trace return False."""
    if (trace := tracing()) is None:
        return False
    trace.puts_off(act, optimizer)
    return True


def refuse(what: str, cure: str) -> None:
    """Refuse to be part of what is compiled."""
    if (trace := tracing()) is not None:
        trace.refuse(what, cure)
