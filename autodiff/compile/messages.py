"""What `compile` says where it cannot record a function, at the line of the user's code that is the cause."""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import Any

import numpy as np

_ABOVE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_OURS = tuple(os.path.join(_ABOVE, package, "") for package in ("autodiff", "nn", "optim"))
_NUMPY = os.path.join(os.path.dirname(np.__file__), "")


def is_ours(frame: FrameType) -> bool:
    """Tell whether a frame runs the library's own code."""
    return frame.f_code.co_filename.startswith((*_OURS, _NUMPY))


def refusal(what: str, cure: str) -> RuntimeError:
    """Return the error that says what cannot be recorded, where it stands, and the cure."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_ours(frame):
        frame = frame.f_back
    where = ""
    if frame is not None:
        file, line = frame.f_code.co_filename, frame.f_lineno
        code = linecache.getline(file, line).strip()
        where = f"\n  at {file}:{line}, in {frame.f_code.co_name}" + (f": {code}" if code else "")
    return RuntimeError(f"compile: {what} cannot be recorded; {cure}{where}")


def depth() -> int:
    """Return how far above its caller the user's code stands, as `warnings.warn` counts."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and is_ours(frame):
        level, frame = level + 1, frame.f_back
    return level


def define(text: str, names: dict[str, Any]) -> None:
    """Carry out text written here, whose functions count as this library's own code."""
    exec(compile(text, os.path.join(_OURS[0], "compile", "<written>"), "exec"), names)
