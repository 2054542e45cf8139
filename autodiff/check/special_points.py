"""The points at which a derivative rule is most likely wrong: those that it, or its function, singles out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, permutations, product
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..engine.primitive import Primitive

Array = npt.NDArray[Any]

_USUAL = (0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 2.0, -2.0, 2.5, -2.5)
_TO_PAIR = (0.0, 1.0, -1.0)
_LARGEST = 1e6  # beyond it, and below its inverse, differences tell nothing
_MOST_CONSTANTS = 20
_MOST_BRANCHES = 20
_ASIDE = 1e-3
_GRID = np.concatenate([np.linspace(-6.05, 6.05, 45), [-1e3, -31.0, 31.0, 1e3]])  # at no number that anybody writes
_GRID.sort()


class Point(NamedTuple):
    """Inputs of an operation, what is special about them, and which entries of which inputs are."""

    arrays: list[Array]
    text: str
    entries: dict[int, list[int]]


def special_points(
    op: Primitive, arrays: Sequence[Array], params: Mapping[str, Any], moved: Sequence[int]
) -> Iterator[Point]:
    """Yield special points near given inputs: those at the positions `moved` are changed, in one entry and in all.

    They are 0, 1, -1 and half-integers, the numbers that the function, its parameters and its rules name, the values
    at which a comparison in them changes its result, equal and opposite operands, and equal entries of an operand.
    """
    names = list(op.inputs) * len(arrays) if op.variadic else list(op.inputs)
    if op.variadic:
        names = [f"{name}[{i}]" for i, name in enumerate(names)]
    filled = [i for i in moved if arrays[i].size]
    usual = dict.fromkeys([*_USUAL, *_constants(op, params)])
    for i in filled:
        for value in dict.fromkeys([*usual, *_branches(op, arrays, params, i)]):
            yield _changed(arrays, {i: np.full_like(arrays[i], value)}, f"{names[i]} = {float(value)!r}")
            if arrays[i].size > 1:
                one = arrays[i].copy()
                one.flat[-1] = value
                yield _changed(
                    arrays, {i: one}, f"the last entry of {names[i]} = {float(value)!r}", {i: [one.size - 1]}
                )
        if arrays[i].size > 1:
            for sign in (1, -1):
                tie = arrays[i].copy()
                tie.flat[-1] = sign * tie.flat[0]
                text = f"the last entry of {names[i]} {'equal' if sign > 0 else 'opposite'} to the first"
                yield _changed(arrays, {i: tie}, text, {i: [0, tie.size - 1]})
    for i, j in permutations(filled, 2):
        if i < j:
            for v, w in product(_TO_PAIR, repeat=2):
                both = {i: np.full_like(arrays[i], v), j: np.full_like(arrays[j], w)}
                yield _changed(arrays, both, f"{names[i]} = {v:g}, {names[j]} = {w:g}")
        if arrays[i].shape == arrays[j].shape:
            yield _changed(arrays, {i: arrays[j].copy()}, f"{names[i]} equal to {names[j]}")
            yield _changed(arrays, {i: -arrays[j]}, f"{names[i]} opposite to {names[j]}")


def _changed(
    arrays: Sequence[Array], new: dict[int, Array], text: str, entries: dict[int, list[int]] | None = None
) -> Point:
    every = {i: sorted({0, a.size // 2, a.size - 1}) for i, a in new.items()}
    return Point([new.get(i, a) for i, a in enumerate(arrays)], text, every if entries is None else entries)


# -- numbers that are named --------------------------------------------------------------------------------------------


def _constants(op: Primitive, params: Mapping[str, Any]) -> list[float]:
    """Return the numbers that a function, its rules, what these call, and its parameters name, and their opposites."""
    found: dict[float, None] = {}
    seen: set[Any] = set()
    for value in (op.forward, *op.rules.values(), *op.defaults.values(), *params.values()):
        _collect(value, found, seen)
    listed = [c for c in found if 1 / _LARGEST <= abs(c) <= _LARGEST][:_MOST_CONSTANTS]
    return [signed for c in listed for signed in (c, -c)]


def _collect(value: Any, found: dict[float, None], seen: set[Any]) -> None:
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        if abs(value) <= _LARGEST:
            found[float(value)] = None
    elif isinstance(value, (tuple, list)):
        for part in value:
            _collect(part, found, seen)
    elif isinstance(value, CodeType):
        _collect(value.co_consts, found, seen)
    elif isinstance(value, FunctionType) and value not in seen and len(seen) < 100:
        seen.add(value)
        _collect(value.__code__, found, seen)
        _collect(value.__defaults__ or (), found, seen)
        _collect(tuple((value.__kwdefaults__ or {}).values()), found, seen)
        _collect(tuple(cell.cell_contents for cell in value.__closure__ or () if not _is_empty(cell)), found, seen)
        for name in value.__code__.co_names:
            used = value.__globals__.get(name)
            is_helper = isinstance(used, FunctionType) and used.__module__ == value.__module__
            if is_helper or isinstance(used, (int, float)):
                _collect(used, found, seen)


def _is_empty(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # reading it is the test
    except ValueError:
        return True
    return False


# -- values at which a comparison changes its result -------------------------------------------------------------------

_COMPARES = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.maximum, np.minimum, np.fmax, np.fmin,
}  # fmt: skip
_TURNS_AT_ZERO = {np.absolute, np.fabs, np.sign, np.heaviside, np.signbit}


class _Watched(np.ndarray[Any, Any]):
    """An array that notes by how much the operands of each comparison differ."""

    notes: list[Array]

    def __array_finalize__(self, source: Any) -> None:
        self.notes = getattr(source, "notes", None) or []

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, _Watched) else x for x in inputs]
        if method == "__call__" and ufunc in _COMPARES:
            self.notes.append(np.subtract(plain[0], plain[1], dtype=np.float64))
        elif method == "__call__" and ufunc in _TURNS_AT_ZERO:
            self.notes.append(np.asarray(plain[0], np.float64))
        elif method == "__call__" and ufunc.__name__ == "clip":
            self.notes.extend(np.subtract(plain[0], end, dtype=np.float64) for end in plain[1:])
        if "out" in kwargs:
            kwargs["out"] = tuple(x.view(np.ndarray) if isinstance(x, _Watched) else x for x in kwargs["out"])
        result = getattr(ufunc, method)(*plain, **kwargs)
        return _watched(result, self.notes) if isinstance(result, (np.ndarray, np.generic)) else result


def _watched(array: Any, notes: list[Array]) -> Any:
    view = np.asarray(array).view(_Watched)
    view.notes = notes
    return view


@np.errstate(all="ignore")  # what is outside a domain is of no interest
def _branches(op: Primitive, arrays: Sequence[Array], params: Mapping[str, Any], i: int) -> list[float]:
    """Return the values of an input at which a comparison in the function or its rules changes its result."""

    def signs(value: float) -> Array | None:
        notes: list[Array] = []
        watched = [_watched(np.full_like(a, value) if k == i else a, notes) for k, a in enumerate(arrays)]
        try:
            y = op.forward(*watched, **params)
            nodes = [SimpleNamespace(_data=x) for x in watched]
            if op.variadic or op.inputs[i] in op.rules:
                op.on_arrays[i](np.ones_like(y), SimpleNamespace(_data=y), nodes, {**op.defaults, **params}, i)
        except Exception:  # a function that does not bear watching, or not this value, has no say
            return None
        return np.sign(np.concatenate([note.reshape(-1) for note in notes])) if notes else None

    found: list[float] = []
    for (low, at_low), (high, at_high) in pairwise((float(v), signs(float(v))) for v in _GRID):
        if at_low is not None and at_high is not None and at_low.shape == at_high.shape:
            for k in np.flatnonzero(at_low * at_high < 0)[:2]:
                found.extend(_turn(signs, int(k), low, high))
    return list(dict.fromkeys(found))[:_MOST_BRANCHES]


def _turn(signs: Callable[[float], Array | None], k: int, low: float, high: float) -> list[float]:
    """Return where a sign turns between two values: the value at which it is 0, or its neighbours, and either side."""

    def sign(value: float) -> float:
        found = signs(value)
        return float(found[k]) if found is not None and k < found.size else np.nan

    before = sign(low)
    while low < (middle := (low + high) / 2) < high:
        here = sign(middle)
        if here == 0:
            low = high = middle
        else:
            low, high = (middle, high) if here == before else (low, middle)
    return [low, high, low - _ASIDE, high + _ASIDE]
