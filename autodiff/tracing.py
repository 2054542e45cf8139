"""What the rest of the house tells a recording by `compile`: there is at most one in a thread or task."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

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
    return bool(check(*(t._data for t in tensors)))


def noted(draw: Callable[[], Any]) -> Any:
    """Return what is drawn; a trace draws it anew at each run."""
    return draw() if (trace := tracing()) is None else trace.draw(draw)


def refuse(what: str, cure: str) -> None:
    """Refuse to be part of what is compiled."""
    if (trace := tracing()) is not None:
        trace.refuse(what, cure)
