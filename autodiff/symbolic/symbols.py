"""Symbols: arrays without numbers, on which NumPy's functions give expressions."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.lib.mixins import NDArrayOperatorsMixin

from .expression import Expression, Shape, elementwise, function, name, number

if TYPE_CHECKING:
    from ..engine.primitive import Primitive

_MOST_ELEMENTS = 1 << 16  # of a result whose shape is found by computing it, of zeros
_MOST_PARTS = 1000  # of a formula


class UnsayableError(Exception):
    """What was asked of a symbol depends on numbers, which it does not have."""


class Symbol(NDArrayOperatorsMixin):
    """What a row of the derivative table runs on instead of an array, and so says what it computes.

    It has a shape and a dtype, and NumPy's operators, functions and the methods that rows use. What it does is to note
    them: `expression` is the tree of all that was done.

    Examples
    --------
    >>> import numpy as np
    >>> from autodiff.symbolic import symbol, text
    >>> x = symbol("x", (3,))
    >>> text((np.exp(x) * 2).expression)
    '2·exp(x)'
    """

    base: Symbol | None = None  # of a part: what it was picked from, as of a view

    def __init__(self, expression: Expression, dtype: Any = np.float64) -> None:
        self.expression, self.dtype = expression, np.dtype(dtype)

    @property
    def shape(self) -> Shape:
        """The shape of the array that it stands for."""
        return self.expression.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        raise UnsayableError("a symbol is neither true nor false")

    def __iter__(self) -> Any:
        raise UnsayableError("a symbol has no elements to go through")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise UnsayableError("a symbol has no numbers")

    def __repr__(self) -> str:
        return f"Symbol({self.expression!r})"

    # -- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Symbol:
        options = {k: v for k, v in kwargs.items() if k not in ("out", "dtype") and v is not None}
        if kwargs.get("out") is not None and any(isinstance(o, np.ndarray) for o in kwargs["out"]):
            raise UnsayableError(f"{ufunc.__name__}: an array cannot take up a symbol")
        if method == "reduce" and ufunc in _REDUCTIONS and set(options) <= {"axis", "keepdims"}:
            axis = options.get("axis", None if "axis" in kwargs else 0)
            return reduction(_REDUCTIONS[ufunc], inputs[0], axis, options.get("keepdims", False))
        if method != "__call__" or options:
            raise UnsayableError(f"{ufunc.__name__}.{method} of a symbol")
        if ufunc is np.matmul:
            return matmul(*inputs)
        return _apply_ufunc(ufunc, *map(lift, inputs))

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return _FUNCTIONS.get(func, functools.partial(opaque, func))(*args, **kwargs)

    def __primitive__(self, op: Primitive, inputs: Any, params: dict[str, Any]) -> Symbol:
        """Apply a row of the derivative table: note what it computes or, where that cannot be said, its name."""
        return apply(op.name, op.forward, tuple(map(lift, inputs)), params)

    # -- the methods of arrays that rows use

    def __getitem__(self, key: Any) -> Symbol:
        if isinstance(key, Symbol) or (isinstance(key, tuple) and any(isinstance(k, Symbol) for k in key)):
            raise UnsayableError("the index is a symbol")
        picked = np.broadcast_to(np.int8(0), self.shape)[key]
        part = Symbol(Expression("index", (self.expression,), Key(key), picked.shape), self.dtype)
        part.base = self
        return part

    @property
    def T(self) -> Symbol:  # noqa: N802  # NumPy's name
        """All dimensions in the opposite order."""
        return self.transpose()

    @property
    def mT(self) -> Symbol:  # noqa: N802  # NumPy's name
        """The last two dimensions swapped."""
        return self.transpose((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    def transpose(self, *axes: Any) -> Symbol:
        """Reorder the dimensions."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = tuple(given) if given else tuple(reversed(range(self.ndim)))
        shape = tuple(self.shape[d] for d in order)
        return Symbol(Expression("transpose", (self.expression,), order, shape), self.dtype)

    def reshape(self, *shape: Any) -> Symbol:
        """Give the elements another shape."""
        given = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        new = np.broadcast_to(np.int8(0), self.shape).reshape(tuple(given)).shape
        if new == self.shape:
            return self
        return Symbol(Expression("reshape", (self.expression,), new, new), self.dtype)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Symbol:
        """Add up along dimensions."""
        return reduction("sum", self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Symbol:
        """Average along dimensions."""
        total = reduction("sum", self, axis, keepdims)
        return total / (self.size // total.size)  # type: ignore[no-any-return]  # the mixin's operators give Any

    def dot(self, other: Any) -> Symbol:
        """Return the product of matrices."""
        return matmul(self, other)

    def astype(self, dtype: Any, **_: Any) -> Symbol:
        """Convert to another dtype; of numbers, that changes nothing that a formula says."""
        if self.dtype.kind == "b" != np.dtype(dtype).kind:
            return Symbol(_as_number(self.expression), dtype)
        return Symbol(self.expression, dtype)

    def copy(self) -> Symbol:
        """Return the same."""
        return self

    def any(self) -> bool:
        """Raise: rows that ask this do one or the other thing depending on numbers."""
        raise UnsayableError("a symbol has no numbers to look for")

    all = item = tolist = any


class Key:
    """An index, or the options of a call, by which expressions can be compared."""

    def __init__(self, key: Any) -> None:
        self.key: Any = key
        self._text = repr(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return self._text


class Constant:
    """Something that an expression holds and that is equal to itself alone: an array, or a function by its name."""

    def __init__(self, held: Any, called: str) -> None:
        self.held, self.called = held, called

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and other.held is self.held and other.called == self.called

    def __hash__(self) -> int:
        return id(self.held)

    def __repr__(self) -> str:
        return self.called


def symbol(called: str, shape: Shape = (), dtype: Any = np.float64) -> Symbol:
    """Return a symbol with a name."""
    return Symbol(name(called, shape), dtype)


def lift(x: Any) -> Symbol:
    """Return a symbol, or what stands beside one in a computation, as a symbol."""
    if isinstance(x, Symbol):
        return x
    array = np.asarray(x)
    if not array.ndim and array.dtype.kind in "biuf":
        return Symbol(number(array), array.dtype)
    if array.dtype.kind in "biuf" and (array == array.flat[:1]).all():
        return Symbol(number(array.flat[0] if array.size else 0, array.shape), array.dtype)
    return Symbol(Expression("constant", (), Constant(array, "array"), array.shape), array.dtype)


def _as_number(e: Expression) -> Expression:
    """Return 1 where a condition holds, else 0, as arithmetic takes it."""
    return elementwise("where", e, number(1), number(0))


_OPERATORS = {
    np.add: "add", np.subtract: "sub", np.multiply: "mul", np.divide: "div", np.negative: "neg", np.power: "pow",
}  # fmt: skip
_COMPARISONS = {
    np.less: "<", np.less_equal: "<=", np.equal: "==", np.not_equal: "!=", np.greater: ">", np.greater_equal: ">=",
}  # fmt: skip
_LOGIC = {
    np.logical_and: "and", np.bitwise_and: "and", np.logical_or: "or", np.bitwise_or: "or",
    np.logical_not: "not", np.invert: "not",
}  # fmt: skip
_REDUCTIONS = {np.add: "sum", np.maximum: "max", np.minimum: "min", np.multiply: "prod"}
_TESTS = (np.isnan, np.isinf, np.isfinite, np.signbit)


def _apply_ufunc(ufunc: np.ufunc, *inputs: Symbol) -> Symbol:
    """Return what a function of NumPy makes of each element."""
    es = [x.expression for x in inputs]
    are_conditions = all(x.dtype.kind == "b" for x in inputs)
    if ufunc in _LOGIC and are_conditions:
        return Symbol(elementwise(_LOGIC[ufunc], *es), np.bool)
    if ufunc in (np.logical_xor, np.bitwise_xor) and are_conditions:
        ufunc = np.not_equal
    if ufunc in _COMPARISONS:
        return Symbol(elementwise("compare", *es, data=_COMPARISONS[ufunc]), np.bool)
    es = [_as_number(x.expression) if x.dtype.kind == "b" else x.expression for x in inputs]
    if ufunc in _OPERATORS:
        e = elementwise(_OPERATORS[ufunc], *es)
    elif ufunc is np.square:
        e = elementwise("mul", es[0], es[0])
    elif ufunc is np.reciprocal:
        e = elementwise("div", number(1), es[0])
    elif ufunc.__module__ == "numpy" or getattr(np, ufunc.__name__, None) is ufunc:
        e = function(ufunc.__name__, *es)
    else:  # of another library
        e = elementwise("call", *es, data=(Constant(ufunc, ufunc.__name__), Key({})))
    return Symbol(e, np.bool if ufunc in _TESTS else _dtype(inputs, ufunc is np.divide))


def _dtype(inputs: tuple[Symbol, ...], divides: bool = False) -> Any:
    kinds = [x.dtype for x in inputs if x.shape] or [x.dtype for x in inputs]
    found = np.result_type(*kinds)
    if found.kind == "b":  # arithmetic counts conditions
        return np.int8
    return np.float64 if divides and found.kind != "f" else found


def matmul(a: Any, b: Any) -> Symbol:
    """Return the product of matrices, with a vector on either side, or of vectors."""
    x, y = lift(a), lift(b)
    shape = _matmul_shape(x.shape, y.shape)
    return Symbol(Expression("matmul", (x.expression, y.expression), None, shape), _dtype((x, y)))


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    """Return the shape of a product of matrices."""
    wide_a, wide_b = ((1, *a) if len(a) == 1 else a), ((*b, 1) if len(b) == 1 else b)
    if len(a) < 1 or len(b) < 1 or wide_a[-1] != wide_b[-2]:
        raise UnsayableError(f"shapes {a} and {b} cannot be multiplied")
    lead = np.broadcast_shapes(wide_a[:-2], wide_b[:-2])
    return lead + wide_a[-2:-1] * (len(a) > 1) + wide_b[-1:] * (len(b) > 1)


def reduction(called: str, array: Any, axis: Any, keepdims: Any) -> Symbol:
    """Return the sum, largest, smallest or product along dimensions."""
    x = lift(array)
    given = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple(sorted(operator.index(d) % max(x.ndim, 1) for d in given))
    if not axes or not x.ndim:
        return x
    kept = bool(keepdims)
    shape = tuple(1 if d in axes else n for d, n in enumerate(x.shape) if kept or d not in axes)
    if called in ("max", "min") and math.prod(shape) > x.size == 0:
        raise UnsayableError(f"{called}: there is nothing to choose from")
    e = _as_number(x.expression) if x.dtype.kind == "b" else x.expression
    return Symbol(Expression(called, (e,), (axes, kept), shape), x.dtype if x.dtype.kind == "f" else np.float64)


def opaque(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Symbol:
    """Return a call of any other function, whose shape is found by computing it on zeros, of matrices on identities."""
    symbols = [x for x in args if isinstance(x, Symbol)]
    if not symbols or symbols != list(args[: len(symbols)]) or any(isinstance(v, Symbol) for v in kwargs.values()):
        raise UnsayableError(f"{func.__name__}: it takes symbols among other things")
    if sum(x.size for x in symbols) > _MOST_ELEMENTS:
        raise UnsayableError(f"{func.__name__}: too much to find out its shape")
    with np.errstate(all="ignore"):
        found = np.asarray(func(*map(_sample, symbols), *args[len(symbols) :], **kwargs))
    if found.dtype.kind not in "biuf":
        raise UnsayableError(f"{func.__name__} gives no array")
    data = (Constant(func, func.__name__), Key({"": args[len(symbols) :], **kwargs}))
    return Symbol(Expression("call", tuple(x.expression for x in symbols), data, found.shape), found.dtype)


def _sample(x: Symbol) -> npt.NDArray[Any]:
    """Return an array of a symbol's shape that functions of matrices can do with."""
    array = np.zeros(x.shape, x.dtype)
    if array.ndim > 1:
        array[...] = np.eye(*array.shape[-2:])
    return array


def _where(condition: Any, x: Any = None, y: Any = None) -> Symbol:
    if x is None or y is None:
        raise UnsayableError("where: positions are numbers")
    c, a, b = map(lift, (condition, x, y))
    if c.dtype.kind != "b":
        c = Symbol(elementwise("compare", c.expression, number(0), data="!="), np.bool)
    return Symbol(elementwise("where", c.expression, a.expression, b.expression), _dtype((a, b)))


def _broadcast_to(array: Any, shape: Any, **_: Any) -> Symbol:
    x = lift(array)
    new = tuple(shape) if np.iterable(shape) else (shape,)
    if x.shape == new:
        return x
    return Symbol(Expression("broadcast", (x.expression,), None, np.broadcast_shapes(x.shape, new)), x.dtype)


def _fill(value: Any) -> Callable[..., Symbol]:
    def fill(a: Any, fill_value: Any = value, dtype: Any = None, shape: Any = None, **_: Any) -> Symbol:
        filled = lift(fill_value)
        if filled.shape:
            raise UnsayableError("full_like of an array")
        new = a.shape if shape is None else tuple(shape)
        return _broadcast_to(filled, new).astype(a.dtype if dtype is None else dtype)

    return fill


def _round(a: Any, decimals: int = 0, out: Any = None) -> Symbol:
    return _apply_ufunc(np.rint, a) if not decimals else opaque(np.round, a, decimals)


def _reducing(called: str) -> Callable[..., Symbol]:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Symbol:
        return reduction(called, a, axis, keepdims is True)

    return reduce


def _einsum(spec: str, *operands: Any, **_: Any) -> Symbol:
    inputs, output = spec.split("->")
    sizes: dict[str, int] = {}
    xs = tuple(map(lift, operands))
    for labels, x in zip(inputs.split(","), xs, strict=True):
        sizes |= {c: n for c, n in zip(labels, x.shape, strict=True) if sizes.get(c, 1) == 1}
    shape = tuple(sizes[c] for c in output)
    return Symbol(Expression("einsum", tuple(x.expression for x in xs), spec, shape), _dtype(xs))


def _of_method(called: str) -> Callable[..., Any]:
    return lambda a, *args, **kwargs: getattr(a, called)(*args, **kwargs)


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.where: _where,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: _fill(0),
    np.empty_like: _fill(0),
    np.ones_like: _fill(1),
    np.full_like: _fill(0),
    np.sum: _reducing("sum"),
    np.max: _reducing("max"),
    np.min: _reducing("min"),
    np.amax: _reducing("max"),
    np.amin: _reducing("min"),
    np.prod: _reducing("prod"),
    np.mean: lambda a, axis=None, keepdims=False: a.mean(axis, keepdims),
    np.round: _round,
    np.einsum: _einsum,
    np.dot: matmul,
    np.reshape: _of_method("reshape"),
    np.transpose: lambda a, axes=None: a.transpose(axes or ()),
    np.matrix_transpose: lambda x: x.mT,
    np.expand_dims: lambda a, axis: a.reshape(np.expand_dims(np.broadcast_to(np.int8(0), a.shape), axis).shape),
    np.squeeze: lambda a, axis=None: a.reshape(np.squeeze(np.broadcast_to(np.int8(0), a.shape), axis).shape),
    np.copy: _of_method("copy"),
    np.clip: lambda a, a_min=None, a_max=None: np.minimum(np.maximum(a, a_min), a_max),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
}


# -- functions run on symbols ------------------------------------------------------------------------------------------


def run(
    forward: Callable[..., Any], inputs: Sequence[Symbol], params: Mapping[str, Any], most: int = _MOST_PARTS
) -> Symbol:
    """Return what a forward function computes.

    Parameters
    ----------
    forward : callable
    inputs : sequence of Symbol
    params : mapping of str to object
    most : int, optional
        The largest `size` of its formula.

    Raises
    ------
    UnsayableError
        If it does something else depending on the numbers, writes into arrays, leaves NumPy, or has no end.
    """
    called = getattr(forward, "__name__", forward)
    try:
        with np.errstate(all="ignore"):
            found = lift(forward(*inputs, **params))
    except Exception as error:  # a user's function may fail on a symbol in any way
        raise UnsayableError(f"{called}: {error}") from error
    if found.expression.size > most:
        raise UnsayableError(f"{called}: its formula has {found.expression.size:,} parts, which nobody reads")
    return found


def apply(name: str, forward: Callable[..., Any], inputs: Sequence[Symbol], params: Mapping[str, Any]) -> Symbol:
    """Return what a row computes or, where symbols cannot say it, a call of the row by its name."""
    try:
        return run(forward, inputs, params)
    except UnsayableError:
        found = opaque(forward, *inputs, **params)
        return Symbol(called(name, forward, found.expression, params), found.dtype)


def called(name: str, forward: Callable[..., Any], e: Expression, params: Mapping[str, Any]) -> Expression:
    """Return a call under the name of a row instead of that of its Python function."""
    return Expression("call", e.args, (Constant(forward, name), Key(dict(params))), e.shape)
