"""A graph that is being written: its nodes, and values that NumPy's functions compute as more of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from onnx import helper, numpy_helper

from .brackets import index, picked_shape
from .sizes import Size, UnsayableError

Shape = tuple[int, ...]


class Wire(NDArrayOperatorsMixin):
    """A value in a graph. Rows of the derivative table run on it as on an array, and so become nodes.

    Attributes
    ----------
    graph : Graph
        Where nodes are added.
    name : str
        Of the value.
    shape : tuple of int
        Numbers that depend on the batch are each a `Size`.
    dtype : numpy.dtype
    """

    def __init__(self, graph: Graph, name: str, shape: Shape, dtype: Any) -> None:
        self.graph, self.name, self.shape, self.dtype = graph, name, shape, np.dtype(dtype)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def astype(self, dtype: Any) -> Wire:
        """Return it in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self
        return self.graph.node("Cast", self, to=helper.np_dtype_to_tensor_dtype(dtype), shape=self.shape, dtype=dtype)

    def __getitem__(self, key: Any) -> Wire:
        graph, before = self.graph, self.graph.out
        graph.out = Wire(graph, "", picked_shape(self.shape, key), self.dtype)
        try:
            return index(graph, self, key=key)
        finally:
            graph.out = before

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Wire:
        if method != "__call__" or kwargs:
            raise UnsayableError(f"{ufunc.__name__}.{method}")
        if ufunc in COMPOSITIONS:
            composed: Wire = COMPOSITIONS[ufunc](*inputs)
            return composed
        if ufunc not in OPERATORS:
            raise UnsayableError(ufunc.__name__)
        kinds = [_kind(x) for x in inputs]
        *taken, given = ufunc.resolve_dtypes((*kinds, None))
        wires = [self.graph.wire(x, t) for x, t in zip(inputs, taken, strict=True)]
        shape = np.broadcast_shapes(*(w.shape for w in wires))
        name = OPERATORS[ufunc]
        name = name if isinstance(name, str) else name[taken[0] != np.bool]
        return self.graph.node(name, *wires, shape=shape, dtype=given)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Wire:
        if function not in FUNCTIONS:
            raise UnsayableError(function.__name__)
        found: Wire = FUNCTIONS[function](self.graph, *args, **kwargs)
        return found


def _kind(x: Any) -> Any:
    """Return what decides on a result's dtype: of a Python number its type."""
    if isinstance(x, (int, float)) and not isinstance(x, np.generic):
        return int if isinstance(x, Size) else type(x)
    return x.dtype if isinstance(x, Wire) else np.asarray(x).dtype


class Graph:
    """A graph that is being written.

    Attributes
    ----------
    nodes, initializers : list
        Of ONNX's messages.
    open : dict of str to (str, int)
        For each open size the input and its dimension that has it.
    opset : int
        The version of the operators.
    place : str
        What the names of nodes begin with.
    out : Wire
        The value that is being computed, without a name: its shape and dtype.
    """

    def __init__(self, open_: dict[str, tuple[str, int]], opset: int) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.open, self.opset, self.place = open_, opset, ""
        self.out = Wire(self, "", (), np.float32)
        self.known: dict[Any, Wire] = {}

    def node(
        self, op_type: str, *inputs: Any, shape: Shape | None = None, dtype: Any = None, **attributes: Any
    ) -> Wire:
        """Add a node and return what it computes: by default of the shape of the row's result, and its dtype."""
        said = f"{self.place}#{len(self.nodes)}"
        out = Wire(self, said, self.out.shape if shape is None else shape, self.out.dtype if dtype is None else dtype)
        names = [w.name for w in inputs]
        self.nodes.append(helper.make_node(op_type, names, [out.name], said, **attributes))
        return out

    def __getattr__(self, op_type: str) -> Callable[..., Wire]:
        if not op_type[0].isupper():
            raise AttributeError(op_type)
        return lambda *inputs, **attributes: self.node(op_type, *inputs, **attributes)

    def wire(self, value: Any, dtype: Any) -> Wire:
        """Return a value or number as a value of a dtype."""
        if isinstance(value, Size):
            value = self.reshape(self.sizes([value]), ())
        return value.astype(dtype) if isinstance(value, Wire) else self.array(np.asarray(value, dtype))

    def array(self, value: Any, name: str = "") -> Wire:
        """Return an array as a value; equal small ones are kept once."""
        value = np.ascontiguousarray(value).reshape(np.shape(value))
        key = name or (value.dtype, value.shape, value.tobytes())
        if key not in self.known:
            called = name or f"constant#{len(self.initializers)}"
            self.initializers.append(numpy_helper.from_array(value, called))
            self.known[key] = Wire(self, called, value.shape, value.dtype)
        return self.known[key]

    def sizes(self, numbers: Sequence[int]) -> Wire:
        """Return integers as a vector, those that depend on the batch as computed from it."""
        if not any(isinstance(n, Size) for n in numbers):
            return self.array(np.array(numbers, np.int64))
        parts = [self._computed(n) if isinstance(n, Size) else self.array(np.array([n], np.int64)) for n in numbers]
        if len(parts) == 1:
            return parts[0]
        return self.node("Concat", *parts, axis=0, shape=(len(parts),), dtype=np.int64)

    def _computed(self, size: Size) -> Wire:
        terms = dict(size.known())
        key = "size", *sorted(terms.items())
        if key not in self.known:
            rest = terms.pop((), 0)
            parts = []
            for names, times in terms.items():
                product = functools.reduce(lambda a, b: a * b, map(self._open, names))
                parts.append(product if times == 1 else product * times)
            total = functools.reduce(lambda a, b: a + b, parts)
            self.known[key] = total + rest if rest else total
        return self.known[key]

    def _open(self, name: str) -> Wire:
        """Return an open size, as a vector of one number."""
        if ("open", name) not in self.known:
            source, dim = self.open[name]
            said = self.node(
                "Shape", Wire(self, source, (), np.float32), start=dim, end=dim + 1, shape=(1,), dtype=np.int64
            )
            self.known["open", name] = said
        return self.known["open", name]

    def reshape(self, x: Wire, shape: Shape) -> Wire:
        """Return the same elements in another shape."""
        open_ = [isinstance(n, Size) for n in shape]
        unknown = [isinstance(n, Size) and n.terms is None for n in shape]
        left = unknown if any(unknown) else open_
        if sum(left) == 1 and 0 not in shape:
            at = self.sizes([-1 if o else n for n, o in zip(shape, left, strict=True)])
            return self.node("Reshape", x, at, shape=shape, dtype=x.dtype)
        return self.node("Reshape", x, self.sizes(shape), allowzero=1, shape=shape, dtype=x.dtype)

    def expand(self, x: Wire, shape: Shape) -> Wire:
        """Return it repeated up to a shape."""
        return self.node("Expand", x, self.sizes(shape), shape=shape, dtype=x.dtype)

    def zeros(self, shape: Shape, dtype: Any) -> Wire:
        """Return zeros."""
        return self.expand(self.array(np.zeros((), dtype)), shape)


def _floor_divide(a: Any, b: Any) -> Any:
    dtype = _common(a, b)
    if dtype.kind == "f":
        return np.floor(a / b)
    x, y = (w.graph.wire(v, dtype) for w in (_wire(a, b),) for v in (a, b))
    return x.graph.node("Div", x - x.graph.Mod(x, y, dtype=dtype), y, dtype=dtype)


def _remainder(a: Any, b: Any) -> Any:
    dtype = _common(a, b)
    if dtype.kind == "f":
        return a - np.floor(a / b) * b
    graph = _wire(a, b).graph
    return graph.node("Mod", graph.wire(a, dtype), graph.wire(b, dtype), dtype=dtype)


def _fmod(a: Any, b: Any) -> Any:
    dtype, graph = _common(a, b), _wire(a, b).graph
    return graph.node("Mod", graph.wire(a, dtype), graph.wire(b, dtype), fmod=1, dtype=dtype)


def _common(*values: Any) -> Any:
    return np.result_type(*(v.dtype if isinstance(v, Wire) else int(v) if isinstance(v, Size) else v for v in values))


def _wire(*values: Any) -> Wire:
    return next(v for v in values if isinstance(v, Wire))


#: NumPy's functions that are an operator of ONNX; a pair is that of booleans, and of integers.
OPERATORS: dict[Any, Any] = {
    np.add: "Add", np.subtract: "Sub", np.multiply: "Mul", np.true_divide: "Div", np.negative: "Neg",
    np.power: "Pow", np.sqrt: "Sqrt", np.exp: "Exp", np.log: "Log", np.absolute: "Abs", np.sign: "Sign",
    np.maximum: "Max", np.minimum: "Min", np.floor: "Floor", np.ceil: "Ceil", np.rint: "Round",
    np.sin: "Sin", np.cos: "Cos", np.tan: "Tan", np.arcsin: "Asin", np.arccos: "Acos", np.arctan: "Atan",
    np.sinh: "Sinh", np.cosh: "Cosh", np.tanh: "Tanh", np.arcsinh: "Asinh", np.arccosh: "Acosh", np.arctanh: "Atanh",
    np.equal: "Equal", np.less: "Less", np.less_equal: "LessOrEqual", np.greater: "Greater",
    np.greater_equal: "GreaterOrEqual", np.isnan: "IsNaN", np.isinf: "IsInf",
    np.bitwise_and: ("And", "BitwiseAnd"), np.bitwise_or: ("Or", "BitwiseOr"), np.bitwise_xor: ("Xor", "BitwiseXor"),
    np.invert: ("Not", "BitwiseNot"),
}  # fmt: skip


def _atan2(a: Any, b: Any) -> Any:
    ratio = np.arctan(np.where((a == 0) & (b == 0), 0.0, a / b))
    return ratio + np.where(b < 0, np.where(a >= 0, np.pi, -np.pi), 0.0)


#: Those that are several.
COMPOSITIONS: dict[Any, Callable[..., Any]] = {
    np.not_equal: lambda a, b: ~np.equal(a, b),
    np.isfinite: lambda x: ~(np.isnan(x) | np.isinf(x)),
    np.square: lambda x: x * x,
    np.reciprocal: lambda x: 1 / x,
    np.exp2: lambda x: _wire(x).graph.wire(2, x.dtype) ** x,
    np.expm1: lambda x: np.exp(x) - 1,
    np.log1p: lambda x: np.log(1 + x),
    np.log2: lambda x: np.log(x) / float(np.log(2)),
    np.log10: lambda x: np.log(x) / float(np.log(10)),
    np.cbrt: lambda x: np.sign(x) * np.abs(x) ** (1 / 3),
    np.trunc: lambda x: np.sign(x) * np.floor(np.abs(x)),
    np.hypot: lambda a, b: np.sqrt(a * a + b * b),
    np.logaddexp: lambda a, b: np.maximum(a, b) + np.log(1 + np.exp(-np.abs(a - b))),
    np.floor_divide: _floor_divide,
    np.remainder: _remainder,
    np.fmod: _fmod,
    np.arctan2: _atan2,
}


def where(graph: Graph, condition: Any, a: Any, b: Any) -> Wire:
    """Choose between two; of booleans, for which runtimes have no choice, by what is true together."""
    dtype = _common(a, b)
    if dtype == np.bool:
        chosen, first, second = (graph.wire(x, np.bool) for x in (condition, a, b))
        either: Wire = (chosen & first) | (~chosen & second)
        return either
    wires = graph.wire(condition, np.bool), graph.wire(a, dtype), graph.wire(b, dtype)
    return graph.node("Where", *wires, shape=np.broadcast_shapes(*(w.shape for w in wires)), dtype=dtype)


def argsort(graph: Graph, x: Wire, axis: int, kind: str = "stable") -> Wire:
    """Return the positions of the smallest, as many as there are."""
    top = graph.node("TopK", x, graph.sizes([x.shape[axis]]), axis=axis, largest=0, sorted=1)
    graph.nodes[-1].output.append(f"{top.name}/at")
    return Wire(graph, f"{top.name}/at", x.shape, np.int64)


#: NumPy's functions that are no ufuncs.
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: where,
    np.argsort: argsort,
    np.broadcast_to: lambda graph, x, shape: graph.expand(x, graph.out.shape),
    np.zeros_like: lambda graph, x: x * 0,
    np.ones_like: lambda graph, x: x * 0 + 1,
}
