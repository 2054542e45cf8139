"""Elements: what rows compute, as a graph of a few kinds of node that say how each element of an array comes about."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Shape = tuple[int, ...]

#: Products of so many multiplications are loops; beyond, a call of BLAS costs less.
TINY = 2048

KINDS = {np.dtype(t) for t in (np.float32, np.float64, np.int64, np.int32, np.bool)}


class UnsayableError(Exception):
    """A row computes what these nodes cannot say; it is called as it stands then."""


class Element:
    """An array as a function of its index.

    Attributes
    ----------
    kind : str
        "memory", "literal", "option": it is there already. "map": a function of each element of its arguments,
        broadcast. "reduce": a function along axes. "view": the elements of its argument at other indices; "reshape":
        in another shape; "take": at indices that are arguments. "place": its first argument with others written into
        it. "dot": a product of matrices. "routine": what a native function of its own computes. "call": computed
        by NumPy.
    args : tuple of Element
    what : hashable
        The function of a map, the (function, axes) of a reduction, for each dimension of a view's argument the
        (start, step, dimension of the result or None), ...
    weak : bool
        Whether it is a Python number, which does not widen what it meets.
    """

    __slots__ = ("args", "dtype", "kind", "number", "shape", "value", "weak", "what")

    def __init__(self, kind: str, args: tuple[Element, ...], what: Any, shape: Shape, dtype: Any, weak: bool) -> None:
        self.kind, self.args, self.what, self.shape, self.dtype, self.weak = kind, args, what, shape, dtype, weak
        self.number = -1
        self.value: Any = None  # of an option, and what is computed from them, when it was recorded

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return (
            f"%{self.number}={self.kind}({', '.join(f'%{a.number}' for a in self.args)} {self.what}){list(self.shape)}"
        )


class Graph:
    """Elements, each once; numbered so that arguments come before what is computed from them."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.known: dict[Any, Element] = {}
        self.constants: list[Any] = []
        self.decisions: list[tuple[Element, bool]] = []
        self.sample: dict[Element, Any] = {}  # what some elements were when they were recorded

    def make(
        self, kind: str, args: tuple[Element, ...], what: Any, shape: Shape, dtype: Any, weak: bool = False
    ) -> Element:
        """Return the node that is so made."""
        if kind not in ("call", "memory", "routine"):
            for d in (dtype, *(a.dtype for a in args)):
                if d not in KINDS:
                    raise UnsayableError(f"{d}")
        key: tuple[Any, ...] = (kind, tuple(a.number for a in args), what, type(what), shape, dtype, weak)
        if kind == "literal":
            key = (*key, repr(what))
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = Element(kind, args, what, shape, dtype, weak)
            found.number = len(self.elements)
            self.elements.append(found)
        return found

    # -- what is there -------------------------------------------------------------------------------------------------

    def memory(self, slot: Any, shape: Shape, dtype: Any) -> Element:
        """Return an array in memory."""
        return self.make("memory", (), slot, shape, dtype)

    def literal(self, value: Any) -> Element:
        """Return a number."""
        if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
            dtype = np.dtype(np.bool if isinstance(value, bool) else np.int64 if isinstance(value, int) else np.float64)
            return self.make("literal", (), value, (), dtype, weak=not isinstance(value, bool))
        return self.make("literal", (), value.item(), (), value.dtype)

    def constant(self, array: Any, shared: bool = False) -> Element:
        """Return an array that is always the same, or always there if it is shared."""
        if not shared and (array.ndim == 0 or (array.size and array.size <= 64 and (array == array.flat[0]).all())):
            return self.view(self.literal(array.flat[0]), (), array.shape)
        self.constants.append(array)
        return self.memory(("constant", len(self.constants) - 1), array.shape, array.dtype)

    # -- what is computed ----------------------------------------------------------------------------------------------

    def map(self, name: str, args: Sequence[Element], dtype: Any, weak: bool = False) -> Element:
        """Return a function of each element."""
        try:
            shape = np.broadcast_shapes(*(a.shape for a in args))
        except ValueError as error:
            raise UnsayableError(str(error)) from None
        if name == "cast" and args[0].dtype == dtype and not args[0].weak:
            return args[0]
        if name == "cast" and args[0].kind == "literal":
            return self.literal(np.dtype(dtype).type(args[0].what))
        return self.make("map", tuple(args), name, shape, dtype, weak)

    def cast(self, x: Element, dtype: Any) -> Element:
        """Return an array in another dtype."""
        return self.map("cast", (x,), np.dtype(dtype))

    def ufunc(self, ufunc: np.ufunc, args: Sequence[Element]) -> Element:
        """Return what one of NumPy's functions computes of each element."""
        if ufunc.nout != 1 or ufunc.signature is not None:
            raise UnsayableError(ufunc.__name__)
        name = ufunc.__name__
        if name == "add" and all(_is_put_into_zeros(a) for a in args):
            return self._put_together(*args)
        weak = all(a.weak for a in args)
        if (
            weak
            and name in ("add", "subtract", "multiply", "power", "negative")
            and all(a.dtype.kind == "i" for a in args)
        ):
            dtypes: Any = (np.dtype(np.int64),) * (len(args) + 1)
        elif weak:
            dtypes = ufunc.resolve_dtypes((np.dtype(np.float64),) * len(args) + (None,))
        else:
            kinds = tuple((int if a.dtype.kind == "i" else float) if a.weak else a.dtype for a in args)
            dtypes = ufunc.resolve_dtypes((*kinds, None))
        if name not in FUNCTIONS or (dtypes[0].kind != "f" and name in FLOATS):
            raise UnsayableError(name)
        x = self.map(
            name,
            [self.cast(a, d) for a, d in zip(args, dtypes, strict=False)],
            dtypes[-1],
            weak and dtypes[-1].kind != "b",
        )
        if all(a.value is not None or a.kind == "literal" for a in args) and not x.shape:
            with np.errstate(all="ignore"):
                x.value = ufunc(*(a.what if a.kind == "literal" else a.value for a in args)).item()
        return x

    def reduce(self, name: str, x: Element, axes: Sequence[int], keepdims: bool) -> Element:
        """Return a function along axes."""
        axes = tuple(sorted(a % len(x.shape) for a in axes)) if x.shape else ()
        dtype = x.dtype
        if name in ("add", "multiply") and dtype.kind in "bi":
            dtype = np.dtype(np.int64)
            x = self.cast(x, dtype)
        if name in ("logical_and", "logical_or") and dtype.kind != "b":
            x, dtype = (
                self.map("not_equal", (x, self.cast(self.literal(0), dtype)), np.dtype(np.bool)),
                np.dtype(np.bool),
            )
        if not x.size and name in ("maximum", "minimum"):
            raise UnsayableError("the largest of nothing")
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        if all(x.shape[a] == 1 for a in axes):  # nothing to join
            y = self.reshape(x, shape)
        else:
            y = self.make("reduce", (x,), (name, axes), shape, dtype)
        return self.reshape(y, tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if keepdims else y

    # -- what is elsewhere ---------------------------------------------------------------------------------------------

    def view(self, x: Element, places: tuple[Any, ...], shape: Shape) -> Element:
        """Return elements at other indices: for each dimension of x (start, step, dimension of the result or None)."""
        if x.kind == "view":  # one view of what that views
            below, kept = x.args[0], []
            for start, step, d in x.what:
                if d is None:
                    kept.append((start, step, d))
                else:
                    s, t, e = places[d]
                    kept.append((start + step * s, step * t, e) if e is not None else (start + step * s, 1, None))
            return self.view(below, tuple(kept), shape)
        if shape == x.shape and all(p == (0, 1, i) for i, p in enumerate(places)):
            return x
        if x.kind == "place" and x.what[1] is not None and (part := self._part(x, places, shape)) is not None:
            return part
        return self.make("view", (x,), places, shape, x.dtype, x.weak)

    def broadcast(self, x: Element, shape: Shape) -> Element:
        """Repeat along new dimensions and those of size 1."""
        if x.shape == shape:
            return x
        more = len(shape) - len(x.shape)
        if more < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[more:], strict=True)):
            raise UnsayableError("broadcast")
        return self.view(x, tuple((0, 1, None) if n == 1 else (0, 1, i + more) for i, n in enumerate(x.shape)), shape)

    def reshape(self, x: Element, shape: Sequence[int]) -> Element:
        """Return the same elements in another shape."""
        shape = tuple(shape)
        if -1 in shape:
            rest = math.prod(n for n in shape if n != -1)
            shape = tuple(x.size // rest if n == -1 and rest else n for n in shape)
        if math.prod(shape) != x.size:
            raise UnsayableError("reshape")
        if shape == x.shape:
            return x
        if [n for n in shape if n != 1] == [n for n in x.shape if n != 1]:
            at = iter([i for i, n in enumerate(shape) if n != 1])
            return self.view(x, tuple((0, 1, None) if n == 1 else (0, 1, next(at)) for n in x.shape), shape)
        if x.kind == "reshape":
            return self.reshape(x.args[0], shape)
        if x.kind == "view" and x.args[0].kind in ("literal", "option"):
            return self.view(x.args[0], (), shape)
        return self.make("reshape", (x,), None, shape, x.dtype)

    def permute(self, x: Element, dims: Sequence[int]) -> Element:
        """Put the dimensions in another order."""
        order = [d % len(x.shape) for d in dims]
        return self.view(x, tuple((0, 1, order.index(i)) for i in range(len(order))), tuple(x.shape[d] for d in order))

    def index(self, x: Element, key: Any) -> Element:
        """Pick elements by what stands in brackets."""
        shape, ks, places = self._places(x, key)
        return self.make("take", (x, *ks), places, shape, x.dtype) if ks else self.view(x, places, shape)

    def _places(self, x: Element, key: Any) -> tuple[Shape, list[Element], tuple[Any, ...]]:
        """Return what a key picks: the shape, arrays of positions in that shape, and for each dimension of x where.

        That is one of the arrays, by its number, or (start, step, dimension of the result or None).
        """
        parts = list(key) if isinstance(key, tuple) else [key]
        used = sum(k is not None and k is not Ellipsis for k in parts)
        if any(k is Ellipsis for k in parts):
            at = next(i for i, k in enumerate(parts) if k is Ellipsis)
            parts[at : at + 1] = [slice(None)] * (len(x.shape) - used)
        else:
            parts += [slice(None)] * (len(x.shape) - used)
        arrays = [k for k in parts if isinstance(k, (np.ndarray, Symbol))]
        if arrays:
            return self._taken(x, parts, arrays)
        places: list[Any] = []
        shape: list[int] = []
        dims = iter(x.shape)
        for k in parts:
            if k is None:
                shape.append(1)
                continue
            n = next(dims)
            if isinstance(k, slice):
                start, stop, step = k.indices(n)
                places.append((start, step, len(shape)))
                shape.append(len(range(start, stop, step)))
            else:
                i = operator.index(k)
                if not -n <= i < n:
                    raise IndexError(f"index {i} is out of range for size {n}")
                places.append((i + n if i < 0 else i, 1, None))
        return tuple(shape), [], tuple(places)

    def _taken(self, x: Element, parts: list[Any], arrays: list[Any]) -> tuple[Shape, list[Element], tuple[Any, ...]]:
        """Return what arrays of integers pick, which stand side by side among full slices."""
        ks = [self.lift(k) for k in arrays]
        first = next(i for i, k in enumerate(parts) if isinstance(k, (np.ndarray, Symbol)))
        here = parts[first : first + len(ks)]
        if any(k.dtype.kind != "i" for k in ks) or not all(isinstance(k, (np.ndarray, Symbol)) for k in here):
            raise UnsayableError("index")
        if any(k != slice(None) for i, k in enumerate(parts) if not first <= i < first + len(ks)):
            raise UnsayableError("index")
        try:
            common = np.broadcast_shapes(*(k.shape for k in ks))
        except ValueError as error:
            raise UnsayableError(str(error)) from None
        shape = (*x.shape[:first], *common, *x.shape[first + len(ks) :])
        spread = []
        for k, at in zip(ks, range(first, first + len(ks)), strict=True):  # as arrays of the result's shape
            self._bounded(k, x.shape[at])
            places = [(0, 1, None if n == 1 else first + len(common) - len(k.shape) + i) for i, n in enumerate(k.shape)]
            spread.append(self.view(k, tuple(places), shape))
        whole: list[Any] = []
        for i in range(len(x.shape)):
            if first <= i < first + len(ks):
                whole.append(i - first)
            else:
                whole.append((0, 1, i if i < first else i - len(x.shape) + len(shape)))
        return shape, spread, tuple(whole)

    def put(self, x: Element, key: Any, values: Element, adds: bool = False) -> Element:
        """Return an array with values written, or added, where a key says."""
        shape, ks, places = self._places(x, key)
        values = self.cast(values, x.dtype)
        if len(values.shape) > len(shape):
            values = self.reshape(values, values.shape[len(values.shape) - len(shape) :])
        args = (x, self.broadcast(values, shape), *ks)
        return self.make("place", args, (adds, None, ((len(ks), places),)), x.shape, x.dtype)

    def _put_together(self, a: Element, b: Element) -> Element:
        """Return the sum of values put into zeros: one array, as the gradient of what is read in many parts."""
        return self.make("place", (*a.args, *b.args[1:]), (True, None, a.what[2] + b.what[2]), a.shape, a.dtype)

    def join(self, arrays: Sequence[Element], axis: int, new: bool) -> Element:
        """Return arrays side by side along an axis, which may be a new one."""
        dtype = np.result_type(*(a.dtype for a in arrays))
        if any(a.weak for a in arrays) or (not arrays[0].shape and not new):
            raise UnsayableError("numbers side by side")
        shape, parts, start = list(arrays[0].shape), [], 0
        axis %= len(shape) + new
        for a in arrays:
            n = 1 if new else a.shape[axis]
            dims: list[Any] = [(0, 1, d) for d in range(len(a.shape))]
            dims[axis : axis + (not new)] = [(start, 1, None if new else axis)]
            parts.append((0, tuple(dims)))
            start += n
        shape[axis : axis + (not new)] = [start]
        zero = self.broadcast(self.literal(np.dtype(dtype).type(0)), tuple(shape))
        args = (zero, *(self.cast(a, dtype) for a in arrays))
        return self.make("place", args, (False, axis, tuple(parts)), tuple(shape), dtype)

    def _part(self, x: Element, places: tuple[Any, ...], shape: Shape) -> Element | None:
        """Return a view of arrays side by side as one of the array that it lies in."""
        axis = x.what[1]
        start, step, d = places[axis]
        stop = start + step * ((1 if d is None else shape[d]) - 1)
        for a, (_, dims) in zip(x.args[1:], x.what[2], strict=True):
            low, _, own = dims[axis]
            if low <= min(start, stop) and max(start, stop) < low + (1 if own is None else a.shape[axis]):
                here = () if own is None else ((start - low, step, d),)
                return self.view(a, (*places[:axis], *here, *places[axis + 1 :]), shape)
        return None

    def _bounded(self, k: Element, n: int) -> None:
        """Note that positions must lie in an array; NumPy refuses others."""
        if k.kind == "memory" and isinstance(k.what, tuple) and k.what[0] == "constant":
            return
        low, high = (self.cast(self.literal(m), k.dtype) for m in (-n, n))
        truths = (self.ufunc(np.greater_equal, (k, low)), self.ufunc(np.less, (k, high)))
        inside = self.reduce("logical_and", self.ufunc(np.logical_and, truths), range(len(k.shape)), False)
        self.decisions.append((inside, True))

    # -- products ------------------------------------------------------------------------------------------------------

    def matmul(self, a: Element, b: Element) -> Element:
        """Return a product as NumPy's matmul gives it."""
        if a.dtype != b.dtype or a.dtype.kind != "f" or not a.shape or not b.shape:
            raise UnsayableError("matmul")
        if not (a.size and b.size):
            raise UnsayableError("an empty product")
        if len(a.shape) == 1:
            y = self.matmul(self.reshape(a, (1, *a.shape)), b)
            return self.index(y, (Ellipsis, 0, slice(None)) if len(b.shape) > 1 else (Ellipsis, 0))
        if len(b.shape) == 1:
            return self.index(self.matmul(a, self.reshape(b, (*b.shape, 1))), (Ellipsis, 0))
        if len(b.shape) == 2 and len(a.shape) > 2:
            flat = self.matmul(self.reshape(a, (-1, a.shape[-1])), b)
            return self.reshape(flat, (*a.shape[:-1], b.shape[1]))
        if len(a.shape) > 2 or len(b.shape) > 2:
            batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
            n = math.prod(batch)
            a3, b3 = (self.reshape(self.broadcast(t, (*batch, *t.shape[-2:])), (n, *t.shape[-2:])) for t in (a, b))
            y = self.make("dot", (a3, b3), None, (n, a.shape[-2], b.shape[-1]), a.dtype)
            return self.reshape(y, (*batch, a.shape[-2], b.shape[-1]))
        if a.shape[1] != b.shape[0]:
            raise UnsayableError("matmul")
        if a.size * b.shape[1] <= TINY:
            n, k, m = *a.shape, b.shape[1]
            rows = self.view(a, ((0, 1, 0), (0, 1, 2)), (n, m, k))
            columns = self.view(b, ((0, 1, 2), (0, 1, 1)), (n, m, k))
            return self.reduce("add", self.map("multiply", (rows, columns), a.dtype), (2,), False)
        return self.make("dot", (a, b), None, (a.shape[0], b.shape[1]), a.dtype)

    # -- symbols -------------------------------------------------------------------------------------------------------

    def lift(self, value: Any) -> Element:
        """Return a symbol's node, or one for a number or an array."""
        if isinstance(value, Symbol):
            return value.element
        if isinstance(value, np.ndarray):
            return self.constant(value)
        if isinstance(value, (bool, int, float, np.generic)):
            return self.literal(value)
        raise UnsayableError(type(value).__name__)

    def apply(self, function: Callable[..., Any], args: Sequence[Element], params: dict[str, Any]) -> Element:
        """Return what a function of arrays computes, by running it on symbols."""
        try:
            with np.errstate(all="ignore"):
                return self.lift(function(*(Symbol(self, a) for a in args), **params))
        except UnsayableError:
            raise
        except Exception as error:
            raise UnsayableError(f"{type(error).__name__}: {error}") from None

    def decide(self, x: Element) -> bool:
        """Return what a number says that is known at each run before anything is computed, and note it."""
        value = evaluated(x, self.sample) if x.value is None else x.value
        outcome = bool(value)
        truth = (
            x
            if x.dtype.kind == "b"
            else self.map("not_equal", (x, self.cast(self.literal(0), x.dtype)), np.dtype(np.bool))
        )
        self.decisions.append((truth, outcome))
        return outcome


def _is_put_into_zeros(x: Element) -> bool:
    """Tell whether an array is zeros but for values that were put there."""
    base = x.args[0] if x.kind == "place" and x.what[1] is None else None
    base = base.args[0] if base is not None and base.kind == "view" else base
    return base is not None and base.kind == "literal" and base.what == 0


def evaluated(x: Element, sample: dict[Element, Any]) -> Any:
    """Return what an element was when it was recorded, computed from what is known of that."""
    if x in sample:
        return sample[x]
    if x.kind in ("literal", "option"):
        return x.what if x.kind == "literal" else x.value
    if x.kind == "map" and x.what not in ("cast", "where"):
        return getattr(np, x.what)(*(evaluated(a, sample) for a in x.args))
    if x.kind == "map":
        args = [evaluated(a, sample) for a in x.args]
        return np.asarray(args[0]).astype(x.dtype) if x.what == "cast" else np.where(*args)
    if x.kind == "reduce":
        return getattr(np, x.what[0]).reduce(evaluated(x.args[0], sample), axis=x.what[1])
    raise UnsayableError("a decision by a value")


class Symbol(NDArrayOperatorsMixin):
    """What stands for an array while a row runs; it answers as an array does, and notes what is computed."""

    __slots__ = ("element", "graph", "of")

    def __init__(self, graph: Graph, element: Element, of: Any = None) -> None:
        self.graph, self.element, self.of = graph, element, of

    shape = property(lambda self: self.element.shape)
    dtype = property(lambda self: self.element.dtype)
    ndim = property(lambda self: len(self.element.shape))
    size = property(lambda self: self.element.size)
    base = property(lambda self: self.of)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.transpose((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)))  # noqa: N815  # NumPy's name

    def _new(self, element: Element, is_view: bool = False) -> Symbol:
        return Symbol(self.graph, element, self if is_view else None)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        graph = self.graph
        if method == "at" and ufunc is np.add:
            out, key, values = inputs
            return out._put(key, values, adds=True)
        if method == "reduce":
            y: Any = _reduced(graph, ufunc, graph.lift(inputs[0]), **options)
        elif method == "__call__" and ufunc is np.matmul:
            y = graph.matmul(*map(graph.lift, inputs))
        elif method == "__call__" and set(options) <= {"casting"}:
            y = graph.ufunc(ufunc, [*map(graph.lift, inputs)])
        elif method == "__call__" and set(options) == {"where"} and out is not None:
            y = _where(graph, options["where"], Symbol(graph, graph.ufunc(ufunc, [*map(graph.lift, inputs)])), out[0])
        elif method == "__call__" and set(options) == {"dtype"} and ufunc.nin == 2:
            y = graph.ufunc(ufunc, [graph.cast(graph.lift(x), np.dtype(options["dtype"])) for x in inputs])
        else:
            raise UnsayableError(f"{ufunc.__name__}.{method} {options}")
        if out is None:
            return Symbol(graph, y)
        (target,) = out
        if (
            not isinstance(target, Symbol)
            or target.of is not None
            or target.shape != np.broadcast_shapes(target.shape, y.shape)
        ):
            raise UnsayableError("out")
        target.element = graph.broadcast(graph.cast(y, target.dtype), target.shape)
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        say = _SAID.get(function)
        if say is None:
            raise UnsayableError(function.__name__)
        return Symbol(self.graph, say(self.graph, *args, **kwargs))

    def __getitem__(self, key: Any) -> Symbol:
        return self._new(self.graph.index(self.element, key), is_view=True)

    def __setitem__(self, key: Any, values: Any) -> None:
        self._put(key, values)

    def _put(self, key: Any, values: Any, adds: bool = False) -> None:
        if self.of is not None:
            raise UnsayableError("writing through a view")
        self.element = self.graph.put(self.element, key, self.graph.lift(values), adds)

    def __bool__(self) -> bool:
        return self.graph.decide(self.element)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnsayableError("an array is asked for")

    def __float__(self) -> float:
        raise UnsayableError("a number is asked for")

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """Return it in another dtype."""
        return self._new(self.graph.cast(self.element, np.dtype(dtype)))

    def copy(self) -> Symbol:
        """Return a copy, which nobody tells from the original."""
        return self._new(self.element)

    def reshape(self, *shape: Any) -> Symbol:
        """Return it in another shape."""
        return self._new(self.graph.reshape(self.element, _sizes(shape)), is_view=True)

    def transpose(self, *dims: Any) -> Symbol:
        """Return it with its dimensions in another order."""
        order = _sizes(dims) if dims and dims != (None,) else tuple(reversed(range(self.ndim)))
        return self._new(self.graph.permute(self.element, order), is_view=True)

    def dot(self, other: Any) -> Symbol:
        """Return the product of matrices."""
        other = self.graph.lift(other)
        if self.ndim > 2 or len(other.shape) > 2:
            raise UnsayableError("dot")
        return self._new(self.graph.matmul(self.element, other))

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Add up along axes."""
        return self._new(_reduced(self.graph, np.add, self.element, axis, keepdims))

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the smallest along axes."""
        return self._new(_reduced(self.graph, np.minimum, self.element, axis, keepdims))

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Return the largest along axes."""
        return self._new(_reduced(self.graph, np.maximum, self.element, axis, keepdims))

    def any(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Tell whether any is true along axes."""
        return self._new(_reduced(self.graph, np.logical_or, self.element, axis, keepdims))

    def all(self, axis: Any = None, keepdims: bool = False) -> Any:
        """Tell whether all are true along axes."""
        return self._new(_reduced(self.graph, np.logical_and, self.element, axis, keepdims))


def _sizes(given: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else tuple(given)


def _reduced(graph: Graph, ufunc: np.ufunc, x: Element, axis: Any = 0, keepdims: bool = False, **rest: Any) -> Element:
    initial = rest.pop("initial", None)
    if any(v is not None for v in rest.values()) or ufunc.__name__ not in REDUCTIONS:
        raise UnsayableError(f"{ufunc.__name__}.reduce {rest}")
    axes = tuple(range(len(x.shape))) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    y = graph.reduce(ufunc.__name__, x, axes, keepdims)
    return y if initial is None else graph.ufunc(ufunc, [y, graph.literal(initial)])


def _where(graph: Graph, condition: Any, a: Any, b: Any) -> Element:
    c, x, y = (graph.lift(v) for v in (condition, a, b))
    if c.dtype.kind != "b":
        raise UnsayableError("where")
    kinds = [v for v in (x, y) if not v.weak]
    if len(kinds) == 2:
        dtype = np.result_type(x.dtype, y.dtype)
    else:
        both = tuple((int if v.dtype.kind == "i" else float) if v.weak else v.dtype for v in (x, y))
        dtype = np.add.resolve_dtypes((*both, None))[0] if kinds else np.dtype(np.float64)
        if kinds and kinds[0].dtype.kind == "b":
            raise UnsayableError("where")
    return graph.map("where", (c, graph.cast(x, dtype), graph.cast(y, dtype)), dtype)


def _like(value: float) -> Callable[..., Element]:
    def say(graph: Graph, x: Any, shape: Any = None) -> Element:
        e = graph.lift(x)
        return graph.broadcast(graph.literal(e.dtype.type(value)), e.shape if shape is None else tuple(shape))

    return say


def _full_like(graph: Graph, x: Any, value: Any) -> Element:
    e = graph.lift(x)
    return graph.broadcast(graph.cast(graph.lift(value), e.dtype), e.shape)


def _expanded(graph: Graph, x: Any, axis: Any) -> Element:
    e = graph.lift(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    ndim = len(e.shape) + len(axes)
    rest = iter(e.shape)
    axes = tuple(a % ndim for a in axes)
    return graph.reshape(e, tuple(1 if i in axes else next(rest) for i in range(ndim)))


def _flipped(graph: Graph, x: Any, axis: Any = None) -> Element:
    e = graph.lift(x)
    axes = range(len(e.shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    dims = {a % len(e.shape) for a in axes}
    return graph.index(e, tuple(slice(None, None, -1) if i in dims else slice(None) for i in range(len(e.shape))))


def _taken_along(graph: Graph, x: Any, index: Any, axis: int) -> Element:
    at: list[Any] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    at[axis] = index
    return graph.index(graph.lift(x), tuple(at))


_SAID: dict[Any, Callable[..., Element]] = {
    np.where: _where,
    np.empty_like: _like(0),
    np.zeros_like: _like(0),
    np.ones_like: _like(1),
    np.full_like: _full_like,
    np.round: lambda graph, x, decimals: graph.ufunc(np.rint, [graph.lift(x if decimals == 0 else None)]),
    np.expand_dims: _expanded,
    np.concatenate: lambda graph, arrays, axis=0: graph.join([*map(graph.lift, arrays)], axis, new=False),
    np.stack: lambda graph, arrays, axis=0: graph.join([*map(graph.lift, arrays)], axis, new=True),
    np.take_along_axis: _taken_along,
    np.flip: _flipped,
    np.broadcast_to: lambda graph, x, shape: graph.broadcast(graph.lift(x), tuple(shape)),
    np.transpose: lambda graph, x, axes=None: Symbol(graph, graph.lift(x)).transpose(axes).element,
    np.all: lambda graph, x, axis=None, keepdims=False: Symbol(graph, graph.lift(x)).all(axis, keepdims).element,
    np.any: lambda graph, x, axis=None, keepdims=False: Symbol(graph, graph.lift(x)).any(axis, keepdims).element,
}

REDUCTIONS = {"add", "multiply", "maximum", "minimum", "logical_and", "logical_or"}

#: NumPy's functions of single elements that have a native form, those of floats alone apart.
FLOATS = {
    "divide", "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos",
    "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "arctan2", "hypot", "floor", "ceil", "trunc",
    "rint", "copysign", "power", "reciprocal", "logaddexp",
}  # fmt: skip
FUNCTIONS = FLOATS | {
    "add", "subtract", "multiply", "negative", "positive", "absolute", "maximum", "minimum", "square", "equal",
    "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_not",
    "bitwise_and", "bitwise_or", "bitwise_xor", "invert", "isnan", "isinf", "isfinite",
}  # fmt: skip
