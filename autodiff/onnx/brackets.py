"""What stands in brackets, as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .sizes import Size, UnsayableError

if TYPE_CHECKING:
    from .graph import Graph, Wire


def piece(g: Graph, x: Wire, bounds: dict[int, tuple[int, int, int]]) -> Wire:
    """Return the parts from start to stop in steps, along dimensions."""
    if not bounds:
        return x
    starts, stops, steps = (g.sizes([b[k] for b in bounds.values()]) for k in range(3))
    return g.Slice(x, starts, stops, g.sizes([*bounds]), steps, dtype=x.dtype)


def spelled(key: Any, ndim: int) -> list[Any]:
    """Return a key as the list of its parts, slices in the place of the ellipsis and what is left out."""
    parts = [*key] if isinstance(key, tuple) else [key]
    named = sum(k is not None and k is not Ellipsis for k in parts)
    at = next((i for i, k in enumerate(parts) if k is Ellipsis), len(parts))
    return parts[:at] + [slice(None)] * (ndim - named) + parts[at + 1 :]


def bounds_of(part: slice) -> tuple[int, int, int]:
    """Return start, stop and step as ONNX takes them."""
    step = 1 if part.step is None else part.step
    start = (0 if step > 0 else -1) if part.start is None else part.start
    stop = (2**62 if step > 0 else -(2**62)) if part.stop is None else part.stop
    return start, stop, step


def picked_shape(shape: tuple[int, ...], key: Any) -> tuple[int, ...]:
    """Return the shape of what integers, slices and new dimensions pick."""
    sizes, found = iter(shape), []
    for part in spelled(key, len(shape)):
        n = 1 if part is None else next(sizes)
        if part is None or part in (slice(None), slice(None, None, -1)):
            found.append(n)
        elif isinstance(part, slice) and not isinstance(n, Size):
            found.append(len(range(*part.indices(n))))
        elif not isinstance(part, int):
            raise UnsayableError(f"[{part}] of a dimension of size {n}")
    return tuple(found)


def index(g: Graph, x: Wire, *, key: Any) -> Wire:
    """Slices first, then whole numbers and new dimensions, then arrays of positions."""
    parts = spelled(key, x.ndim)
    if any(isinstance(k, (bool, np.bool)) for k in parts):
        raise UnsayableError("a boolean as an index")
    old = [k for k in parts if k is not None]
    x = piece(g, x, {d: bounds_of(k) for d, k in enumerate(old) if isinstance(k, slice) and k != slice(None)})
    whole = [d for d, k in enumerate(old) if isinstance(k, int)]
    x = piece(g, x, {d: (old[d], old[d] + 1 or 2**62, 1) for d in whole})
    if whole:
        x = g.Squeeze(x, g.sizes(whole), dtype=x.dtype)
    parts = [k for k in parts if not isinstance(k, int)]
    if new := [i for i, k in enumerate(parts) if k is None]:
        x = g.Unsqueeze(x, g.sizes(new), dtype=x.dtype)
    at = [i for i, k in enumerate(parts) if not isinstance(k, slice) and k is not None]
    if not at:
        return g.Identity(x)
    if at != [*range(at[0], at[0] + len(at))] or (whole and len(at) + len(whole) > 1 and not _adjacent(old)):
        raise UnsayableError("arrays of positions that are not side by side")
    places = [positions(g, parts[i]) for i in at]
    if len(at) == 1:
        return g.Gather(x, places[0], axis=at[0])
    order = [*at, *(d for d in range(len(parts)) if d not in at)]
    shape = np.broadcast_shapes(*(p.shape for p in places))
    zeros = sum(p * 0 for p in places)  # so that all have the shape that they broadcast to
    columns = [g.Unsqueeze(p + zeros, g.sizes([-1])) for p in places]
    picked = g.GatherND(g.Transpose(x, perm=order), g.Concat(*columns, axis=-1))
    rest, n = len(parts) - len(at), len(shape)
    return g.Transpose(picked, perm=[*range(n, n + at[0]), *range(n), *range(n + at[0], n + rest)])


def _adjacent(parts: list[Any]) -> bool:
    """Tell whether what is no slice stands side by side."""
    at = [i for i, k in enumerate(parts) if not isinstance(k, slice)]
    return at == [*range(at[0], at[0] + len(at))]


def positions(g: Graph, at: Any) -> Wire:
    """Return an array of positions."""
    if not isinstance(at, np.ndarray):
        made: Wire = at.astype(np.int64)
        return made
    if at.dtype == np.bool:
        if at.ndim > 1:
            raise UnsayableError("a mask of several dimensions")
        at = np.flatnonzero(at)
    return g.array(np.asarray(at, np.int64))
