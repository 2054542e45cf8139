"""Resizing as ONNX has it: every way of placing, choosing and weighing elements, along any axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..tensor import Tensor, from_array

Array = np.ndarray[Any, Any]


@dataclass
class Axis:
    """One axis that is resized.

    Attributes
    ----------
    before, after : int
        Its sizes.
    scale : float
        By what it grows.
    start, end : float
        The part of it that is taken, from 0 to 1.
    """

    before: int
    after: int
    scale: float
    start: float = 0.0
    end: float = 1.0


def _half_pixel(at: Array, a: Axis) -> Array:
    return (at + 0.5) / a.scale - 0.5


def _symmetric(at: Array, a: Axis) -> Array:
    return a.before / 2 * (1 - a.after / (a.scale * a.before)) + _half_pixel(at, a)


def _cropped(at: Array, a: Axis) -> Array:
    last = a.before - 1
    if a.after == 1:
        return at + 0.5 * (a.start + a.end) * last
    return a.start * last + at * (a.end - a.start) * last / (a.after - 1)


#: Where the elements of the result lie among those of the input.
PLACES: dict[str, Callable[[Array, Axis], Array]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda at, a: _half_pixel(at, a) if a.after > 1 else at * 0,
    "align_corners": lambda at, a: at * (a.before - 1) / max(a.after - 1, 1),
    "asymmetric": lambda at, a: at / a.scale,
    "tf_crop_and_resize": _cropped,
}

#: Which element is nearest to a place.
ROUNDS: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _line(distance: Array, _: float) -> Array:
    return np.asarray(np.maximum(1 - abs(distance), 0))


def _curve(distance: Array, a: float) -> Array:
    d = abs(distance)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


#: What an element weighs by its distance, and from which distance on it weighs nothing.
WEIGHTS: dict[str, tuple[Callable[[Array, float], Array], int]] = {"linear": (_line, 1), "cubic": (_curve, 2)}


def axes_of(shape: Sequence[int], axes: Sequence[int], roi: Any, scales: Any, sizes: Any, policy: str) -> list[Axis]:
    """Return what happens to each axis."""
    before = [shape[d] for d in axes]
    if sizes:
        scales = [n / b for n, b in zip(sizes, before, strict=True)]
        if policy != "stretch":
            one = min(scales) if policy == "not_larger" else max(scales)
            scales, sizes = [one] * len(before), [math.floor(one * b + 0.5) for b in before]
    else:
        sizes = [math.floor(b * s) for b, s in zip(before, scales, strict=True)]
    n = len(before)
    ends = zip(roi[:n], roi[n:], strict=True) if roi else [(0.0, 1.0)] * n
    return [Axis(b, a, s, *e) for b, a, s, e in zip(before, sizes, scales, ends, strict=True)]


def weights_of(at: Array, axis: Axis, mode: str, coefficient: float, within: bool, blurs: bool) -> Array:
    """Return what each element of the input weighs in each one of the result, of shape (after, before).

    Parameters
    ----------
    at : ndarray
        The places of the result's elements.
    within : bool
        Whether what lies outside of the input weighs nothing; otherwise the elements at the ends stand there.
    blurs : bool
        Whether all elements count that one of a smaller result covers.
    """
    kernel, reach = WEIGHTS[mode]
    shrinks = min(axis.scale, 1.0) if blurs else 1.0
    wide = math.ceil(reach / shrinks)
    near = np.floor(at)[:, None] + np.arange(-wide, wide + 2)
    found = kernel((near - at[:, None]) * shrinks, coefficient)
    if within:
        found[(near < 0) | (near >= axis.before)] = 0
    if within or blurs:
        found /= found.sum(1, keepdims=True)
    made = np.zeros((axis.after, axis.before))
    columns = np.clip(near, 0, axis.before - 1).astype(int)
    np.add.at(made, (np.arange(axis.after)[:, None], columns), found)
    return made


def picked(x: Tensor, dim: int, at: Array) -> Tensor:
    """Pick elements along an axis; where each is taken as often, by broadcasting, whose gradient is a sum."""
    n, times = x.shape[dim], len(at) // max(x.shape[dim], 1)
    if not np.array_equal(at, np.arange(n).repeat(times)):
        return x.index_select(dim, from_array(at))
    before, after = x.shape[: dim + 1], x.shape[dim + 1 :]
    return x.unsqueeze(dim + 1).expand(*before, times, *after).reshape(*before[:-1], n * times, *after)


def resize(
    x: Tensor, roi: Any = None, scales: Any = None, sizes: Any = None, *, mode: str = "nearest",
    coordinate_transformation_mode: str = "half_pixel", nearest_mode: str = "round_prefer_floor",
    cubic_coeff_a: float = -0.75, exclude_outside: int = 0, extrapolation_value: float = 0.0, antialias: int = 0,
    keep_aspect_ratio_policy: str = "stretch", axes: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """Bring axes to other sizes, one after the other."""
    where = coordinate_transformation_mode
    chosen = [d % x.ndim for d in axes] if axes is not None else [*range(x.ndim)]
    plans = axes_of(x.shape, chosen, roi if where == "tf_crop_and_resize" else None, scales, sizes,
                    keep_aspect_ratio_policy)  # fmt: skip
    outside = []
    for d, plan in zip(chosen, plans, strict=True):
        if where != "tf_crop_and_resize" and plan.before == plan.after and plan.scale == 1:
            continue
        at = PLACES[where](np.arange(plan.after, dtype=float), plan)
        if where == "tf_crop_and_resize":
            outside.append((d, (at < 0) | (at > plan.before - 1)))
        if mode == "nearest":
            x = picked(x, d, np.clip(ROUNDS[nearest_mode](at), 0, plan.before - 1).astype(int))
            continue
        weights = weights_of(at, plan, mode, cubic_coeff_a, bool(exclude_outside), bool(antialias)).astype(x.dtype)
        if d == x.ndim - 2:
            x = from_array(weights) @ x
        else:
            x = (x.transpose(d, -1) @ from_array(weights.T)).transpose(d, -1)
    for d, beyond in outside:
        x = x.masked_fill(from_array(beyond.reshape([-1] + [1] * (x.ndim - d - 1))), extrapolation_value)
    return x
