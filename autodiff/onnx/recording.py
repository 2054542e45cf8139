"""What a model computes, recorded for batches of several sizes, and what of it depends on the size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nn

from ..compile.program import Apply, Constant, Decide, Draw, Draws, Live, Value, leaves
from ..compile.trace import Trace, living
from ..engine.graph import Node
from ..engine.modes import no_grad
from ..tensor import from_array
from ..tracing import traced_by

Array = np.ndarray[Any, Any]


class Size(int):
    """A number that depends on the size of the batch: so many times `each`, and `rest`."""

    each: int
    rest: int

    def __new__(cls, now: int, each: int, rest: int) -> Size:
        """Return the number as it is for the recorded batch."""
        size = super().__new__(cls, now)
        size.each, size.rest = each, rest
        return size

    def __str__(self) -> str:
        times = "batch" if self.each == 1 else f"{self.each}*batch"
        return times if not self.rest else f"{times}{self.rest:+d}"

    def __add__(self, other: int) -> Size:
        if not isinstance(other, int):
            return NotImplemented
        return Size(int(self) + int(other), self.each + _each(other), self.rest + _rest(other))

    def __mul__(self, other: int) -> Size:
        if not isinstance(other, int):
            return NotImplemented
        if isinstance(other, Size):
            raise UnsayableError("the square of the size of the batch")
        return Size(int(self) * other, self.each * other, self.rest * other)

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: int) -> Size:
        return self + -other if isinstance(other, int) else NotImplemented

    def __rsub__(self, other: int) -> Size:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


def _each(number: int) -> int:
    return number.each if isinstance(number, Size) else 0


def _rest(number: int) -> int:
    return number.rest if isinstance(number, Size) else number


class UnsayableError(Exception):
    """What ONNX cannot say."""


class ChangesError(Exception):
    """What differs between batches of different sizes, and cannot be said for a batch of any size."""


class Recorder(Trace):
    """The record of one run, in which the place of each row, the module that applied it, is noted.

    Attributes
    ----------
    path : list of str
        The modules that are being called, the outermost first.
    places : dict of int to str
        By the number of a row's result.
    """

    def __init__(self, path: list[str], older: list[Any]) -> None:
        super().__init__("export", Draws(), older)
        self.path = path
        self.places: dict[int, str] = {}

    def applied(self, op: Any, out: Node, inputs: Sequence[Node], params: dict[str, Any]) -> None:
        """Note that a row was applied, and where."""
        super().applied(op, out, inputs, params)
        self.places[self.program.instructions[-1].out] = self.path[-1] if self.path else ""

    def calls(self, module: Any) -> None:
        """Let modules be called as they are, their hooks as well."""

    def decides(self, check: Callable[..., Any], tensors: Sequence[Node], always: bool | None = None) -> bool:
        """Return what fits any input, where the library can compute either way, or else what the example says."""
        outcome = super().decides(check, tensors)
        return outcome if always is None else always

    def outputs(self, result: Any) -> list[int]:
        """Return the numbers of the tensors that were returned."""
        return [self.number(t) for t in leaves(result) if isinstance(t, Node)]


@dataclass
class Recording:
    """What a model computes, with a `Size` wherever a number depends on that of the batch.

    Attributes
    ----------
    inputs, outputs : list of int
        The numbers of the values that come in and go out.
    values : list of Value
        By number.
    sources : dict of int to object
        The values that are not computed: tensors of the model by name, other arrays as they are.
    rows : list of Apply
        In order.
    places : dict of int to str
        The module of each row, by the number of its result.
    """

    inputs: list[int]
    outputs: list[int]
    values: list[Value]
    sources: dict[int, Any]
    rows: list[Apply]
    places: dict[int, str]


def record(model: Any, arrays: list[Array], batch_dims: list[int | None]) -> Recording:
    """Return what a model computes from arrays of these shapes and dtypes, in evaluation mode."""
    names = {}
    path: list[str] = []
    if isinstance(model, nn.Module):
        names = {id(t._data): name for name, t in model.state_dict(keep_vars=True).items()}
        model = _evaluating(model, path)
    older = living()
    sizes = [a.shape[d] for a, d in zip(arrays, batch_dims, strict=True) if d is not None]
    if not sizes:
        runs = [_run(model, Recorder(path, older), arrays)] * 3
        return _merged(runs, 0, names)
    first = max(2, sizes[0])
    runs = []
    for size in range(first, first + 3):
        batch = [_of_size(a, d, size) for a, d in zip(arrays, batch_dims, strict=True)]
        try:
            runs.append(_run(model, Recorder(path, older), batch))
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            if size == sizes[0]:
                raise
            raise RuntimeError(_VARIES.format(f"for {size} of them: {error}")) from error
    return _merged(runs, first, names)


def _evaluating(model: nn.Module, path: list[str]) -> nn.Module:
    """Return a model with the same tensors in evaluation mode, that says which of its modules is being called."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    model = copy.deepcopy(model, shared).eval()
    for name, module in model.named_modules():
        said = f"{name} ({type(module).__name__})" if name else type(module).__name__
        module.register_forward_pre_hook(lambda *_, said=said: path.append(said))
        module.register_forward_hook(lambda *_: path.pop() and None, always_call=True)
    return model


def _of_size(array: Array, dim: int | None, size: int) -> Array:
    """Return a batch of another size, made of the same examples."""
    if dim is None:
        return array
    if not array.shape[dim]:
        return np.zeros((*array.shape[:dim], size, *array.shape[dim + 1 :]), array.dtype)
    return array[(slice(None),) * dim + (np.arange(size) % array.shape[dim],)]


def _run(model: Any, trace: Recorder, arrays: list[Array]) -> tuple[Recorder, list[int]]:
    """Return the record of one run, and the numbers of its results."""
    tensors = [from_array(a.copy()) for a in arrays]
    trace.path.clear()
    try:
        for place, x in enumerate(tensors):
            trace.argument(x, place)
        with no_grad(), traced_by(trace):
            result = model(*tensors)
        return trace, trace.outputs(result)
    finally:
        trace.roll_back()


def _merged(runs: list[tuple[Recorder, list[int]]], first: int, names: dict[int, str]) -> Recording:
    """Return what runs with batches of successive sizes have in common."""
    (trace, outputs), *_ = runs
    programs = [t.program for t, _ in runs]
    everything = [[*_needed(p.instructions, o)] for p, (_, o) in zip(programs, runs, strict=True)]
    rows: list[Apply] = []
    if len({len(e) for e in everything}) > 1:
        counts = ", ".join(f"{len(e)} rows for {first + k} examples" for k, e in enumerate(everything))
        raise RuntimeError(_VARIES.format(f"{counts}"))
    for same in zip(*everything, strict=True):
        place = trace.places.get(same[0].out, "") if isinstance(same[0], Apply) else ""
        said = f"{_name(same[0])!r} of {place or 'the model'}"
        if isinstance(same[0], Draw):
            raise RuntimeError("export: the model draws random numbers, which ONNX cannot repeat; leave them out")
        if len({(_name(i), i.out, i.inputs) for i in same}) > 1:
            raise RuntimeError(_VARIES.format(f"first at {said}"))
        try:
            params = merged([i.params for i in same], first)
        except ChangesError as error:
            raise RuntimeError(_VARIES.format(f"{said}: {error}")) from None
        rows.append(Apply(same[0].out, same[0].op, same[0].inputs, params))
    used = {n for i in rows for n in i.uses()} | {i.out for i in rows} | {*outputs, *range(len(trace.arguments))}
    values = [*programs[0].values]
    for n in used:
        shapes = [p.values[n].shape for p in programs]
        try:
            values[n] = Value(merged(shapes, first), values[n].dtype)
        except ChangesError:
            raise RuntimeError(_VARIES.format(f"shapes {', '.join(map(str, shapes))}")) from None
    sources = {}
    for n in programs[0].sources:
        if n in used and n >= len(trace.arguments):
            sources[n] = _source([p.sources[n] for p in programs], values[n], first, names)
    return Recording([*range(len(trace.arguments))], outputs, values, sources, rows, trace.places)


_VARIES = (
    "export: the model does not compute the same for batches of different sizes ({}); say which dimension of the "
    "inputs is the batch by dynamic_batch=1, say, or keep the example's size by dynamic_batch=False"
)


def _name(i: Any) -> str:
    return str(i.op.name) if isinstance(i, Apply) else type(i).__name__


def _needed(instructions: list[Any], outputs: list[int]) -> Iterator[Any]:
    """Yield the instructions that results need, in order."""
    needed, kept = {*outputs}, []
    for i in reversed(instructions):
        if not isinstance(i, Decide) and i.out in needed:
            needed.update(i.uses())
            kept.append(i)
    yield from reversed(kept)


def merged(same: list[Any], first: int) -> Any:
    """Return what is the same for batches of successive sizes: equal, or numbers that grow with the batch."""
    a, b, c = same
    if type(a) is not type(b) or type(a) is not type(c):
        raise ChangesError(f"{a!r} became {b!r}")
    if type(a) is int:
        if b - a != c - b:
            raise ChangesError(f"{a}, {b}, {c} do not grow by the same number")
        return a if a == b else Size(a, b - a, a - (b - a) * first)
    if isinstance(a, dict):
        return {k: merged([x[k] for x in same], first) for k in a}
    if isinstance(a, slice):
        return slice(*(merged([getattr(x, end) for x in same], first) for end in ("start", "stop", "step")))
    if isinstance(a, tuple) and len(a) == len(b) == len(c):
        parts = [merged([*x], first) for x in zip(*same, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, np.ndarray) and all(
        a.shape == x.shape and np.array_equal(a, x, a.dtype.kind == "f") for x in same
    ):
        return a
    if callable(a) or (not isinstance(a, np.ndarray) and a == b == c):
        return a
    raise ChangesError(f"a {type(a).__name__} that differs")


@dataclass
class Repeated:
    """An array that is repeated along dimensions, as a shape says; or a number that grows with the batch.

    Attributes
    ----------
    array : ndarray or Size
    counts : bool
        Whether it is the numbers from 0 to below this.
    """

    array: Any
    counts: bool = False


def _source(same: list[Any], value: Value, first: int, names: dict[int, str]) -> Any:
    """Return what a value that is not computed is: (name, array) of a tensor, an array, or what is repeated."""
    if isinstance(same[0], Live):
        data = np.asarray(same[0].node._data)
        return names.get(id(same[0].node._data), ""), data
    if not isinstance(same[0], Constant):
        raise RuntimeError(f"export: the model reads a {type(same[0]).__name__.lower()}, which a file has not")
    arrays = [np.asarray(s.data) for s in same]
    try:
        return "", merged(arrays, first)
    except ChangesError:
        pass
    if not value.shape and all(a == int(a) for a in arrays):
        return Repeated(merged([int(a) for a in arrays], first))
    if value.shape and all(a.ndim == 1 and np.array_equal(a, np.arange(len(a))) for a in arrays):
        return Repeated(value.shape[0], counts=True)
    narrow = [a[tuple(slice(1) if isinstance(n, Size) else slice(None) for n in value.shape)] for a in arrays]
    try:
        one = merged(narrow, first)
    except ChangesError:
        one = None
    if one is None or any(not np.array_equal(np.broadcast_to(one, a.shape), a, a.dtype.kind == "f") for a in arrays):
        raise RuntimeError(_VARIES.format(f"an array of shape {arrays[0].shape} and {arrays[0].dtype} that it makes"))
    return Repeated(one)
