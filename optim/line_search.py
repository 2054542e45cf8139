"""A step length along a direction that satisfies the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .layout import Array

_C1, _C2 = 1e-4, 0.9  # how much of the promised descent a step must keep, and how much of the slope may be left
_MOST = 25  # so many points are tried


class Point(NamedTuple):
    """A point on a line: how far along, the loss and its gradient there, and the slope along the line."""

    t: float
    loss: float
    gradient: Array
    slope: float


Evaluate = Callable[[float], tuple[float, Array]]


def strong_wolfe(
    evaluate: Evaluate, direction: Array, start: Point, t: float, tolerance_change: float
) -> tuple[Point, int]:
    """Search a step length at which the loss has fallen and the slope is flat.

    Parameters
    ----------
    evaluate : callable
        Returns the loss and its gradient at a step length.
    direction : ndarray
    start : Point
        Where the step length is 0; its slope is negative.
    t : float
        The step length to be tried first.
    tolerance_change : float
        How small the interval may become.

    Returns
    -------
    point : Point
        Of the lowest loss that was found.
    evaluations : int

    References
    ----------
    Nocedal and Wright, "Numerical optimization", 2006, algorithms 3.5 and 3.6. Numbers are those of PyTorch's search.
    """

    def at(t: float) -> Point:
        loss, gradient = evaluate(t)
        return Point(t, loss, gradient, float(gradient @ direction))

    bracket, found, tried = _bracket(at, start, t)
    if found:
        return bracket[0], tried
    length = float(np.abs(direction).max())
    return _zoom(at, start, bracket, tried, length, tolerance_change)


def _descends(point: Point, start: Point) -> bool:
    """Tell whether the loss has fallen as far as the slope at the start promises."""
    return not point.loss > start.loss + _C1 * point.t * start.slope


def _bracket(at: Callable[[float], Point], start: Point, t: float) -> tuple[list[Point], bool, int]:
    """Go on until a point is good, or two points have a good one between them; tell which, and how many were tried."""
    before, point, tried = start, at(t), 1
    while tried <= _MOST:
        if not _descends(point, start) or (tried > 2 and point.loss >= before.loss):
            return [before, point], False, tried
        if abs(point.slope) <= -_C2 * start.slope:
            return [point], True, tried
        if point.slope >= 0:
            return [before, point], False, tried
        bounds = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, at(_cubic_minimum(before, point, bounds))
        tried += 1
    return [start, point], False, tried


def _zoom(
    at: Callable[[float], Point], start: Point, bracket: list[Point], tried: int, length: float, tolerance: float
) -> tuple[Point, int]:
    """Make the interval between two points smaller until one of them is good, and return the lower one."""
    low = 0 if bracket[0].loss <= bracket[1].loss else 1
    stalls = False
    while tried <= _MOST and abs(bracket[1].t - bracket[0].t) * length >= tolerance:
        t, stalls = _inside(_cubic_minimum(bracket[0], bracket[1]), bracket, stalls)
        point = at(t)
        tried += 1
        if not _descends(point, start) or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if abs(point.slope) <= -_C2 * start.slope:
            return point, tried
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], tried


def _inside(t: float, bracket: list[Point], stalls: bool) -> tuple[float, bool]:
    """Keep a tenth of the interval away from its ends, where the search would stall; tell whether it is about to."""
    first, last = sorted(p.t for p in bracket)
    margin = 0.1 * (last - first)
    if min(last - t, t - first) >= margin:
        return t, False
    if stalls or t >= last or t <= first:
        return (last - margin if abs(t - last) < abs(t - first) else first + margin), False
    return t, True


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Return the minimum, within bounds, of the cubic through two points with their slopes."""
    least, most = bounds if bounds is not None else (min(a.t, b.t), max(a.t, b.t))
    if a.t == b.t:
        return (least + most) / 2
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    one, two = (a, b) if a.t <= b.t else (b, a)
    divisor = two.slope - one.slope + 2 * d2
    if not divisor or not math.isfinite(d2):
        return (least + most) / 2
    return min(max(two.t - (two.t - one.t) * ((two.slope + d2 - d1) / divisor), least), most)
