"""What a model computes, recorded for batches of several sizes, and what of it depends on the size."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import nn

from ..compile.program import Apply, Constant, Decide, Draw, Draws, Live, Value
from ..compile.trace import Trace, living
from ..engine.graph import Node
from ..engine.modes import no_grad
from ..tensor import from_array
from ..tracing import traced_by
from ..trees import leaves
from .sizes import ChangesError, Runs, Size

Array = np.ndarray[Any, Any]


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


def record(model: Any, arrays: list[Array], open_dims: list[dict[int, str]]) -> Recording:
    """Return what a model computes from arrays of these shapes and dtypes, in evaluation mode."""
    names = {}
    path: list[str] = []
    if isinstance(model, nn.Module):
        names = {id(t._data): name for name, t in model.state_dict(keep_vars=True).items()}
        model = _evaluating(model, path)
    older = living()
    found = {name: a.shape[d] for a, dims in zip(arrays, open_dims, strict=True) for d, name in dims.items()}
    first = {name: max(2, n) for name, n in found.items()}
    try:
        return _recorded(model, path, older, arrays, open_dims, Runs.of(first), names)
    except _SmallerError as error:
        # What the example fills, a context of so many tokens, say, takes no longer inputs, but shorter ones.
        smaller = {name: max(2, n - 2) for name, n in first.items()}
        try:
            return _recorded(model, path, older, arrays, open_dims, Runs.of(smaller), names)
        except _SmallerError:
            raise error from error.__cause__


class _SmallerError(RuntimeError):
    """The model cannot be run with inputs that are larger than the example."""


def _recorded(
    model: Any,
    path: list[str],
    older: list[Any],
    arrays: list[Array],
    open_dims: list[dict[int, str]],
    plan: Runs,
    names: dict[int, str],
) -> Recording:
    """Return the record of runs with inputs of several sizes."""
    runs = []
    for k in range(len(plan.offsets)):
        sizes = plan.sizes(k)
        batch = [
            _of_size(a, {d: sizes[name] for d, name in dims.items()}) for a, dims in zip(arrays, open_dims, strict=True)
        ]
        try:
            runs.append(_run(model, Recorder(path, older), batch))
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            if all(a.shape == b.shape for a, b in zip(arrays, batch, strict=True)):
                raise
            said = ", ".join(f"{name} = {n}" for name, n in sizes.items())
            raise _SmallerError(VARIES.format(f"for {said}: {error}")) from error
    return _merged(runs, plan, names)


def _evaluating(model: nn.Module, path: list[str]) -> nn.Module:
    """Return a model with the same tensors in evaluation mode, that says which of its modules is being called."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    model = copy.deepcopy(model, shared).eval()
    for name, module in model.named_modules():
        said = f"{name} ({type(module).__name__})" if name else type(module).__name__
        module.register_forward_pre_hook(lambda *_, said=said: path.append(said))
        module.register_forward_hook(lambda *_: path.pop() and None, always_call=True)
    return model


def _of_size(array: Array, sizes: dict[int, int]) -> Array:
    """Return an input of other sizes, made of the same elements."""
    for d, size in sizes.items():
        if not array.shape[d]:
            array = np.zeros((*array.shape[:d], size, *array.shape[d + 1 :]), array.dtype)
        array = np.take(array, np.arange(size) % array.shape[d], d) if size else array
    return array


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


def _merged(runs: list[tuple[Recorder, list[int]]], plan: Runs, names: dict[int, str]) -> Recording:
    """Return what runs with inputs of several sizes have in common."""
    (trace, outputs), *_ = runs
    programs = [t.program for t, _ in runs]
    everything = [[*_needed(p.instructions, o)] for p, (_, o) in zip(programs, runs, strict=True)]
    rows: list[Apply] = []
    if len({len(e) for e in everything}) > 1:
        counts = (f"{len(e)} rows for {', '.join(map(str, plan.sizes(k).values()))}" for k, e in enumerate(everything))
        raise RuntimeError(VARIES.format(", ".join(counts)))
    for same in zip(*everything, strict=True):
        place = trace.places.get(same[0].out, "") if isinstance(same[0], Apply) else ""
        said = f"{_name(same[0])!r} of {place or 'the model'}"
        if isinstance(same[0], Draw):
            raise RuntimeError("export: the model draws random numbers, which ONNX cannot repeat; leave them out")
        if len({(_name(i), i.out, i.inputs) for i in same}) > 1:
            raise RuntimeError(VARIES.format(f"first at {said}"))
        try:
            params = merged([i.params for i in same], plan)
        except ChangesError as error:
            raise RuntimeError(VARIES.format(f"{said}: {error}")) from None
        rows.append(Apply(same[0].out, same[0].op, same[0].inputs, params))
    used = {n for i in rows for n in i.uses()} | {i.out for i in rows} | {*outputs, *range(len(trace.arguments))}
    values = [*programs[0].values]
    for n in used:
        shapes = [p.values[n].shape for p in programs]
        try:
            values[n] = Value(merged(shapes, plan), values[n].dtype)
        except ChangesError:
            raise RuntimeError(VARIES.format(f"shapes {', '.join(map(str, shapes))}")) from None
    sources = {}
    for n in programs[0].sources:
        if n in used and n >= len(trace.arguments):
            sources[n] = _source([p.sources[n] for p in programs], values[n], plan, names)
    return Recording([*range(len(trace.arguments))], outputs, values, sources, rows, trace.places)


VARIES = (
    "export: the model does not compute the same for batches of different sizes ({}); say which dimension of the "
    "inputs is the batch by dynamic_batch=1, say, or keep the example's size by dynamic_batch=False; leave no "
    "other size open by dynamic_axes"
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


def merged(same: list[Any], plan: Runs) -> Any:
    """Return what is the same for inputs of several sizes: equal, or numbers that depend on the sizes."""
    a, *others = same
    for b in others:
        if type(a) is not type(b):
            raise ChangesError(f"{a!r} became {b!r}")
    if type(a) is int:
        return plan.fitted(same)
    if isinstance(a, dict):
        return {k: merged([x[k] for x in same], plan) for k in a}
    if isinstance(a, slice):
        return slice(*(merged([getattr(x, end) for x in same], plan) for end in ("start", "stop", "step")))
    if isinstance(a, tuple) and len({len(x) for x in same}) == 1:
        parts = [merged([*x], plan) for x in zip(*same, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, np.ndarray) and all(
        a.shape == x.shape and np.array_equal(a, x, a.dtype.kind == "f") for x in same
    ):
        return a
    if callable(a) or (not isinstance(a, np.ndarray) and all(a == b for b in others)):
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


@dataclass
class Band:
    """A matrix that has one number up to a diagonal, and another one above it, as masks have.

    Attributes
    ----------
    lower, upper : ndarray
        The numbers.
    diagonal : int
        How many columns right of the main one the last diagonal lies that has the lower number.
    """

    lower: Array
    upper: Array
    diagonal: int

    @classmethod
    def of(cls, matrices: list[Array]) -> Band | None:
        """Return what all of some matrices are, if it is that."""
        a = max(matrices, key=lambda m: m.size)
        if a.ndim != 2 or not all(m.ndim == 2 and m.size for m in matrices):
            return None
        lower, upper = a[-1, 0], a[0, -1]
        is_lower = a[0] == lower if lower == lower else np.isnan(a[0])
        found = cls(np.asarray(lower), np.asarray(upper), int(is_lower.sum()) - 1)
        same = all(np.array_equal(m, found.whole(m.shape), m.dtype.kind == "f") for m in matrices)
        return found if same else None

    def whole(self, shape: tuple[int, ...]) -> Array:
        """Return the matrix of a shape."""
        above = np.arange(shape[1]) - np.arange(shape[0])[:, None] > self.diagonal
        return np.where(above, self.upper, self.lower)


def _source(same: list[Any], value: Value, plan: Runs, names: dict[int, str]) -> Any:
    """Return what a value that is not computed is: (name, array) of a tensor, an array, or what is repeated."""
    if isinstance(same[0], Live):
        data = np.asarray(same[0].node._data)
        return names.get(id(same[0].node._data), ""), data
    if not isinstance(same[0], Constant):
        raise RuntimeError(f"export: the model reads a {type(same[0]).__name__.lower()}, which a file has not")
    arrays = [np.asarray(s.data) for s in same]
    try:
        return "", merged(arrays, plan)
    except ChangesError:
        pass
    if not value.shape and all(a == int(a) for a in arrays):
        return Repeated(plan.fitted([int(a) for a in arrays]))
    if value.shape and all(a.ndim == 1 and np.array_equal(a, np.arange(len(a))) for a in arrays):
        return Repeated(value.shape[0], counts=True)
    narrow = [a[tuple(slice(1) if isinstance(n, Size) else slice(None) for n in value.shape)] for a in arrays]
    try:
        one = merged(narrow, plan)
    except ChangesError:
        one = None
    if one is None or any(not np.array_equal(np.broadcast_to(one, a.shape), a, a.dtype.kind == "f") for a in arrays):
        if (band := Band.of(arrays)) is not None:
            return band
        raise RuntimeError(VARIES.format(f"an array of shape {arrays[0].shape} and {arrays[0].dtype} that it makes"))
    return Repeated(one)
