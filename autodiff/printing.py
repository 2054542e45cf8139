"""How a tensor is printed: as PyTorch prints it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import dtypes
from .engine.graph import Node
from .tracing import tracing

Format = Callable[[Any], str]


class Options:
    """How tensors are printed: characters of a line, elements at either end of a cut text, digits behind the point."""

    def __init__(self) -> None:
        self.width, self.edge, self.threshold, self.precision = 80, 3, 1000.0, 4
        self.sci: bool | None = None  # whether numbers have an exponent; None for where it is needed


OPTIONS = Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": vars(Options()),
    "short": {**vars(Options()), "precision": 2, "edge": 2},
    "full": {**vars(Options()), "threshold": math.inf},
}


def set_options(profile: str | None, **options: Any) -> None:
    """Change how tensors are printed: to a profile, and beyond that what is not None."""
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile must be one of {', '.join(_PROFILES)}, got {profile!r}")
        vars(OPTIONS).update(_PROFILES[profile])
    vars(OPTIONS).update({name: value for name, value in options.items() if value is not None or name == "sci"})


def formatted(tensor: Node) -> str:
    """Return the text of ``repr(tensor)``; while it is recorded by `compile`, without numbers, which change."""
    if tracing() is not None:
        return f"tensor(<recorded by compile>, shape={tuple(tensor._data.shape)}, dtype={tensor._data.dtype})"
    data = np.asarray(tensor._data)
    cut = data.size > OPTIONS.threshold
    text = "tensor(" + (_body(data, _format(_edges(data) if cut else data), 7, cut) if data.size else "[]")
    for note in _notes(tensor, data):
        last_line = len(text) - text.rfind("\n") - 1
        text += (", " if last_line + 2 + len(note) + 2 <= OPTIONS.width else ",\n       ") + note
    return text + ")"


def _notes(tensor: Node, data: npt.NDArray[Any]) -> list[str]:
    """Return what stands behind the elements: an empty tensor's size, an unusual dtype, where it came from."""
    notes = []
    if not data.size and data.ndim != 1:
        notes.append(f"size={data.shape}")
    usual = (dtypes.get_default_dtype(), np.dtype(np.int64), np.dtype(np.bool))
    if data.dtype not in (usual if data.size else usual[:1]):
        notes.append(f"dtype={data.dtype}")
    if tensor._op is not None:
        notes.append(f"grad_fn={tensor._op!r}")
    elif tensor._requires_grad:
        notes.append("requires_grad=True")
    return notes


def _format(data: npt.NDArray[Any]) -> Format:
    """Choose the text of one element, of equal width for all: a bare point if whole, an exponent if wide."""
    form: Format = str
    sized: Any = data.ravel().tolist()
    if data.dtype.kind == "f":
        sized = [x for x in sized if np.isfinite(x) and x]
        low, high = (min(map(abs, sized)), max(map(abs, sized))) if sized else (1.0, 1.0)
        whole = all(x == np.floor(x) for x in sized)
        digits = OPTIONS.precision
        if (high / low > 1000 or high > 1e8 or (low < 1e-4 and not whole)) if OPTIONS.sci is None else OPTIONS.sci:
            form = f"{{:.{digits}e}}".format
        elif whole:
            form = _whole
        else:
            form = f"{{:.{digits}f}}".format
    width = max((len(form(x)) for x in sized), default=1)
    return lambda x: form(x).rjust(width)


def _whole(x: float) -> str:
    return f"{x:.0f}." if np.isfinite(x) else f"{x:.0f}"


def _edges(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return only those elements that a cut text shows."""
    for axis, n in enumerate(data.shape):
        if n > 2 * OPTIONS.edge:
            data = np.take(data, [*range(OPTIONS.edge), *range(n - OPTIONS.edge, n)], axis)
    return data


def _body(data: npt.NDArray[Any], form: Format, indent: int, cut: bool) -> str:
    """Return the elements in nested brackets."""
    if not data.ndim:
        return form(data.item())
    cut_here = cut and len(data) > 2 * OPTIONS.edge
    shown = [*data[: OPTIONS.edge], *data[-OPTIONS.edge :]] if cut_here else [*data]
    if data.ndim > 1:
        rows = [_body(row, form, indent + 1, cut) for row in shown]
        if cut_here:
            rows.insert(OPTIONS.edge, "...")
        return "[" + ("," + "\n" * (data.ndim - 1) + " " * (indent + 1)).join(rows) + "]"
    items = [form(x.item()) for x in shown]
    per_line = max(1, (OPTIONS.width - indent) // (len(items[0]) + 2)) if items else 1
    if cut_here:
        items.insert(OPTIONS.edge, " ...")
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
