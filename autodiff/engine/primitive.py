"""A primitive: a NumPy function with one derivative rule per input. Applying it to tensors records a node."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import BuiltinFunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec

import numpy as np
from numpy import ndarray

from ..kernels.errors import reworded
from ..kernels.silence import runner
from ..tracing import Tracing, tracing
from . import dtypes
from .anomaly import check_result
from .graph import NO_PARAMS, Node, array_of, changed_since, extra, share_memory, tick
from .modes import is_recording

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["primitive"]

P = ParamSpec("P")
Rule = Callable[..., Any]
Compiled = Callable[[Any, Any, Any, Any, int], Any]

#: What holds NumPy's numbers, what counts as a number beside tensors, and what may stand beside one in an operation.
ARRAYS = (ndarray, np.generic)
NUMBERS = (int, float, np.bool, np.integer, np.floating)
OPERANDS = (Node, *NUMBERS, ndarray)

_new = object.__new__
_Result: type[Node] = Node


def results_are(kind: type[Node]) -> None:
    """Set the class of recorded results (Tensor, which is built on top of this module)."""
    global _Result
    _Result = kind


class _Arguments(NamedTuple):
    """How a function takes its arguments: arrays by position, parameters by keyword."""

    arrays: tuple[str, ...]
    params: tuple[str, ...]
    defaults: dict[str, Any]
    variadic: bool


def _inputs(forward: Callable[..., Any], rules: Mapping[str, Rule]) -> _Arguments:
    """Return the arguments of a forward function; those of an operator or ufunc are named by its rules alone."""
    if isinstance(forward, (np.ufunc, BuiltinFunctionType)):
        return _Arguments(tuple(rules), (), {}, False)
    return _arguments(forward)


def _arguments(function: Callable[..., Any]) -> _Arguments:
    """Read a function's arguments off its code, which costs a tenth of `inspect.signature` at import."""
    function = getattr(function, "__wrapped__", function)
    if not inspect.isfunction(function):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"primitive: {name} is not a plain function; wrap it in one, whose arguments have names")
    code = function.__code__
    names, n, k = code.co_varnames, code.co_argcount, code.co_kwonlyargcount
    variadic = bool(code.co_flags & inspect.CO_VARARGS)
    arrays = names[:n] + names[n + k : n + k + variadic]
    return _Arguments(arrays, names[n : n + k], dict(function.__kwdefaults__ or {}), variadic)


class _Same(list[Any]):
    """The one rule of a function of any number of arrays, at every index."""

    def __getitem__(self, i: Any) -> Any:
        return super().__getitem__(0)


class Primitive:
    """A line of the derivative table: a function of arrays and its derivative with respect to each input.

    Attributes
    ----------
    name : str
        What it is called: in the table, the variable that its row is bound to.
    called : str or None
        What a formula calls the function, where that says more than its own formula.
    words : str
        What a picture says of its derivative, where that is no formula.
    forward : callable
        The function, on arrays.
    numpy : tuple of callable
        The functions of NumPy that it answers to.
    home : str
        The module that writes it.
    inputs, params : tuple of str
        The names of its array arguments, and of its keyword-only arguments.
    defaults : dict
        The keyword-only arguments that may be left out.
    variadic : bool
        Whether it takes any number of arrays.
    view : bool
        Whether its result may share memory with its first input.
    rules : mapping of str to callable
        The derivative rule for each differentiable input.
    needs : dict of str to tuple of str
        For each rule what it asks for.
    apply : callable
        What applies it to tensors, or to arrays alone.
    adds : callable or None
        Of an operation that picks a part: what adds the part's gradient to one of the whole, in place.
    """

    apply: Callable[..., Any]

    def __init__(
        self,
        forward: Callable[..., Any],
        rules: Mapping[str, Rule],
        symbol: str | None = None,
        view: bool = False,
        numpy: tuple[Callable[..., Any], ...] = (),
        called: str | None = None,
        words: str = "",
    ) -> None:
        self.name = forward.__name__
        self.home: str = next(iter(rules.values()), forward).__module__
        self.quiet = runner(self.home)
        self._symbol, self.called, self.words = symbol, called, words
        self.forward = forward
        self.numpy = (forward, *numpy) if isinstance(forward, np.ufunc) else numpy
        self.view = view
        self.adds: Callable[..., None] | None = None
        self.inputs, self.params, self.defaults, self.variadic = _inputs(forward, rules)
        self.rules = MappingProxyType(dict(rules))
        if unknown := set(rules) - set(self.inputs):
            raise TypeError(f"primitive {self.name}: a rule for {unknown.pop()!r}, which is not among {self.inputs}")
        known = {"g", "y", *self.inputs, *self.params, *(f"{n}_shape" for n in self.inputs), *("i" * self.variadic)}
        self.needs = {name: _arguments(rule).arrays for name, rule in rules.items()}
        for needs in self.needs.values():
            if unknown := set(needs) - known:
                expected = ", ".join(sorted(known))
                raise TypeError(f"primitive {self.name}: a rule asks for {unknown.pop()!r}; it can have {expected}")

    @functools.cached_property
    def saves(self) -> bool:
        """Whether a rule reads an input or the output: only then is the graph behind it freed, as PyTorch's is."""
        return any({"y", *self.inputs} & {*needs} for needs in self.needs.values())

    @property
    def symbol(self) -> str:
        """What a picture shows: its own sign, what formulas call it, or its name."""
        return self._symbol or self.called or self.name

    @functools.cached_property
    def on_arrays(self) -> Sequence[Compiled]:
        """The rules for inputs 0, 1, ... as backward calls them, computing on arrays."""
        return self._compile_all("._data")

    @functools.cached_property
    def on_tensors(self) -> Sequence[Compiled]:
        """The rules for inputs 0, 1, ... as backward calls them, computing on tensors and so recording."""
        return self._compile_all("")

    @functools.cached_property
    def gives_floats(self) -> bool:
        """Whether integers alone become floats, as in a division."""
        return bool(self.forward(*(np.ones((), np.int64) for _ in self.inputs)).dtype.kind == "f")

    def _compile_all(self, access: str) -> Sequence[Compiled]:
        compiled = [self._compile(name, access) if name in self.rules else self._refuse for name in self.inputs]
        return _Same(compiled) if self.variadic else tuple(compiled)

    def _compile(self, name: str, access: str) -> Compiled:
        """Turn a rule, which names what it needs, into f(g, y, inputs, params, i), which fetches just that."""
        source = {"g": "g", "y": f"y{access}", "i": "i"} | {param: f"p[{param!r}]" for param in self.params}
        if self.variadic:
            source |= {self.inputs[0]: f"[t{access} for t in x]"}
        else:
            for i, array in enumerate(self.inputs):
                source |= {array: f"x[{i}]{access}", f"{array}_shape": f"x[{i}]{access}.shape"}
        call = f"lambda g, y, x, p, i: rule({', '.join(source[need] for need in self.needs[name])})"
        return eval(call, {"rule": self.rules[name]})  # type: ignore[no-any-return]  # a lambda written here

    def _refuse(self, g: Any, y: Any, x: Any, p: Any, i: int) -> Any:
        raise RuntimeError(f"{self.name}: it has no derivative with respect to its argument {self.inputs[i]!r}")

    def check_unchanged(self, y: Node, inputs: tuple[Node, ...], stamp: float) -> None:
        """Raise if an array that a rule is about to read was changed in place since `stamp`."""
        named = list(zip(self.inputs * len(inputs) if self.variadic else self.inputs, inputs, strict=False))
        needs = {need for name, x in named if x._requires_grad for need in self.needs.get(name, ())}
        for i, (name, x) in enumerate(named):
            if name in needs and changed_since(x, stamp):
                raise self._change_error(f"input {i}", x)
        if "y" in needs and changed_since(y, stamp):
            raise self._change_error("its output", y)

    def _change_error(self, which: str, tensor: Node) -> RuntimeError:
        called = f" {tensor._extra.name!r}" if tensor._extra and tensor._extra.name else ""
        return RuntimeError(
            f"{self.name}: {which}, a tensor{called} of shape {tensor._data.shape}, was changed in place after the "
            "operation had saved it: one of the variables needed for gradient computation has been modified by an "
            "inplace operation. Run backward() before changing it, or change a copy."
        )

    def __repr__(self) -> str:
        return f"<{self.name}>"


def row(
    forward: Callable[..., Any],
    *,
    symbol: str | None = None,
    view: bool = False,
    numpy: Callable[..., Any] | tuple[Callable[..., Any], ...] = (),
    called: str | None = None,
    words: str = "",
    **rules: Rule,
) -> Callable[..., Tensor]:
    """Write a row of the derivative table on one line; it is the function that applies the row, as of `primitive`.

    Parameters
    ----------
    forward : callable
        The function. An operator or a ufunc has as many inputs as there are rules; it answers to itself.
    symbol : str, optional
        What a picture shows; the name by default.
    view : bool, optional
        Whether the result may share memory with the first input.
    numpy : callable or tuple of callable, optional
        The functions of NumPy that tensors carry out by this row.
    called : str, optional
        What a formula calls the function, as relu(z); by default a formula says what it computes, as max(z, 0).
    words : str, optional
        What a picture says of the derivative, where that is no formula.
    **rules : callable
        As of `primitive`.

    Returns
    -------
    callable
        Applies the row. Without rules its results never require a gradient.
    """
    functions = numpy if isinstance(numpy, tuple) else (numpy,)
    op = Primitive(forward, rules, symbol, view, functions, called, words)
    # Two inputs meet in one dtype if both are differentiated; an index beside numbers stays what it is.
    simple = not (op.params or op.view or op.variadic) and all(name in rules for name in op.inputs)
    make = {1: _unary, 2: _binary}.get(len(op.inputs), _general) if simple else _general
    apply: Any = make(op) if rules else _constant(op)
    apply.primitive, op.apply = op, apply
    return apply  # type: ignore[no-any-return]  # a function, as declared


def primitive(
    *bare: Any,
    symbol: str | None = None,
    view: bool = False,
    called: str | None = None,
    words: str = "",
    **rules: Rule,
) -> Callable[[Callable[P, Any]], Callable[P, Tensor]]:
    """Make a function of NumPy arrays differentiable.

    The decorated function is the forward computation. Its positional arguments are arrays, its keyword-only arguments
    are parameters that carry no gradient. For each input that has a derivative, the decorator gets a rule under the
    input's name, which turns the gradient of the output into the gradient of that input. A rule's own argument names
    say what it needs, and only that is kept safe from in-place changes:

    - ``g``, the gradient of the output, and ``y``, the output;
    - an input by its name, or just its shape as ``<name>_shape``;
    - a parameter by its name;
    - ``i``, the position of the input, where the function takes any number of arrays (``*tensors``).

    Rules are plain NumPy: operators and ``np.`` functions. They run on arrays in an ordinary backward pass and on
    tensors under ``create_graph=True``, which makes every derivative differentiable in turn. Where the forward
    computation broadcast an input, the engine sums the gradient back to the input's shape; no rule does it. NumPy's
    warnings are off while rules run; the forward computation runs under your own settings.

    Parameters
    ----------
    symbol : str, optional
        What a picture of the graph shows; the function's name by default.
    view : bool, optional
        Whether the result may share memory with the first input.
    called : str, optional
        What a formula calls the function, as relu(z); by default a formula says what it computes, as max(z, 0).
    words : str, optional
        What a picture says of the derivative, where that is no formula.
    **rules : callable
        The derivative rules. An input without one is not differentiable.

    Returns
    -------
    callable
        The decorator. What it returns records a node when given tensors, and computes plainly when given only arrays.

    Raises
    ------
    TypeError
        If a rule is for an input that the function does not have, or asks for something it cannot have.

    Examples
    --------
    >>> import autodiff as ad
    >>> import numpy as np
    >>> @ad.primitive(x=lambda g, x: g * 2 * np.cos(2 * x))
    ... def sin2(x):
    ...     return np.sin(2 * x)
    >>> x = ad.tensor(0.0, requires_grad=True)
    >>> sin2(x).backward()
    >>> x.grad
    tensor(2.)
    """
    if bare:
        raise TypeError(
            "primitive: it takes rules alone, each under the name of its input: write "
            "@ad.primitive(x=lambda g, x: ...) above a function of x"
        )

    def define(forward: Callable[P, Any]) -> Callable[P, Tensor]:
        apply: Any = row(forward, symbol=symbol, view=view, called=called, words=words, **rules)
        return functools.update_wrapper(apply, forward)

    return define


def _unary(op: Primitive) -> Callable[..., Any]:
    forward, quiet = op.forward, op.quiet

    def apply(input: Any) -> Any:
        if not isinstance(input, Node):
            return _compute(op, (input,), NO_PARAMS)
        a = input._data
        records = input._requires_grad and is_recording() is True
        try:
            value = quiet().run(forward, a) if records else quiet().run(_floating, op, (a,), NO_PARAMS)
        except Exception as error:
            raise _explain(op.name, error, (a,)) from None
        out = _new(_Result)
        out._data = value
        out._grad = out._version = out._extra = None
        kind = value.__class__
        if kind is not a.__class__ or (kind is ndarray and (value.base is not None or value is a)):
            _settle(op, out, (input,), NO_PARAMS)
        if records:
            out._requires_grad = True
            out._op, out._inputs, out._params, out._stamp = op, (input,), NO_PARAMS, tick()
        else:
            _finish(op, out, (input,), NO_PARAMS)
        return out

    return apply


def _binary(op: Primitive, yields: bool = False) -> Callable[..., Any]:
    """Return what applies an operation to two operands; if it yields, an unknown one gives NotImplemented."""
    forward, quiet = op.forward, op.quiet

    def apply(input: Any, other: Any) -> Any:
        if not (isinstance(input, Node) and isinstance(other, Node)):
            if isinstance(input, Node):
                if yields and not isinstance(other, OPERANDS):
                    return NotImplemented
                other = wrap(_operand(op, other, input._data.dtype))
            elif isinstance(other, Node):
                input = wrap(_operand(op, input, other._data.dtype))
            else:
                return _compute(op, (input, other), NO_PARAMS)
        a, b = input._data, other._data
        kind = a.__class__
        # A scalar's class is its dtype. Integers alone meet in `_floating`.
        if (
            (kind is ndarray or kind is not b.__class__)
            and a.dtype is not b.dtype
            and "f" in a.dtype.kind + b.dtype.kind
        ):
            input, other = _meet(input, other)
            a, b = input._data, other._data
        records = (input._requires_grad or other._requires_grad) and is_recording() is True
        try:
            value = quiet().run(forward, a, b) if records else quiet().run(_floating, op, (a, b), NO_PARAMS)
        except Exception as error:
            raise _explain(op.name, error, (a, b)) from None
        out = _new(_Result)
        out._data = value
        out._grad = out._version = out._extra = None
        if value.__class__ is not kind or (kind is ndarray and (value.base is not None or value is a or value is b)):
            _settle(op, out, (input, other), NO_PARAMS)
        if records:
            out._requires_grad = True
            out._op, out._inputs, out._params, out._stamp = op, (input, other), NO_PARAMS, tick()
        else:
            _finish(op, out, (input, other), NO_PARAMS)
        return out

    return apply


def _general(op: Primitive) -> Callable[..., Any]:
    forward, view, defaults, quiet = op.forward, op.view, op.defaults, op.quiet

    def apply(*inputs: Any, **params: Any) -> Any:
        if defaults:
            params = defaults | params  # rules may ask for any of them
        arrays, leads = [], False
        for x in inputs:
            if not isinstance(x, Node):
                if len(inputs) == 1 or not [x for x in inputs if isinstance(x, Node)]:
                    return _compute(op, inputs, params)
                return apply(*lift(op.name, inputs), **params)
            arrays.append(x._data)
            leads = leads or x._requires_grad
        if not inputs:
            return _compute(op, inputs, params)
        a = arrays[0]
        if view and a.__class__ is not ndarray:  # a scalar has no memory to share: from now on it is an array
            arrays[0] = a = array_of(inputs[0])
        records = leads and is_recording() is True
        try:
            if not records:
                value = quiet().run(_floating, op, arrays, params)
            elif params:
                value = quiet().run(forward, *arrays, **params)
            else:
                value = quiet().run(forward, *arrays)
        except Exception as error:
            raise _explain(op.name, error, arrays) from None
        out = _new(_Result)
        out._data = value
        out._grad = out._version = out._extra = None
        if value.__class__ is not a.__class__ or value.base is not None or id(value) in map(id, arrays):
            _settle(op, out, inputs, params)
        if records:
            out._requires_grad = True
            out._op, out._inputs, out._params, out._stamp = op, inputs, params, tick()
        else:
            _finish(op, out, inputs, params)
        return out

    return apply


def _constant(op: Primitive) -> Callable[..., Any]:
    """Return what applies an operation that has no derivative."""
    forward, quiet = op.forward, op.quiet

    def apply(*inputs: Any, **params: Any) -> Any:
        nodes = inputs
        for x in inputs:
            if not isinstance(x, Node):
                if not any(isinstance(x, Node) for x in inputs):
                    return _compute(op, inputs, params)
                nodes = lift(op.name, inputs)
                break
        if len(nodes) == 2:
            nodes = _meet(*nodes)
        arrays = [x._data for x in nodes]
        try:
            out = wrap(quiet().run(forward, *arrays, **params))
        except Exception as error:
            raise _explain(op.name, error, arrays) from None
        if is_recording().__class__ is Tracing:
            tracing().applied(op, out, nodes, op.defaults | params)
        return out

    return apply


def as_operator(function: Callable[..., Any]) -> Callable[[Any, Any], Tensor]:
    """Return a function of two operands as Python's operator: it lets the other operand answer if it is unknown."""
    op = getattr(function, "primitive", None)
    if op is not None:
        return _binary(op, yields=True)

    def apply(input: Any, other: Any) -> Any:
        return function(input, other) if isinstance(other, OPERANDS) else NotImplemented

    return apply


def wrap(data: Any, requires_grad: bool = False) -> Any:
    """Return an array as a leaf tensor, without copying it."""
    out = _new(_Result)
    out._data = data
    out._grad = out._op = out._version = out._extra = None
    out._requires_grad = requires_grad
    return out


def lift(name: str, values: tuple[Any, ...], compares: bool = False) -> tuple[Node, ...]:
    """Return all operands as tensors: arrays as they are, numbers in a dtype that does not widen the others.

    An integer out of range is refused or, where it is only compared with, the infinity of its sign.
    """
    found = [v._data.dtype if isinstance(v, Node) else v.dtype for v in values if isinstance(v, (Node, np.ndarray))]
    found = found or [v.dtype for v in values if isinstance(v, np.generic)]
    like = next((dtype for dtype in found if dtype.kind == "f"), found[0])
    return tuple(v if isinstance(v, Node) else wrap(_array(name, v, like, compares)) for v in values)


def _operand(op: Primitive, value: Any, like: np.dtype[Any]) -> Any:
    """Return what stands beside a tensor of dtype `like` as an array; an integer out of range if it becomes a float."""
    try:
        return _array(op.name, value, like)
    except ValueError:
        if like.kind not in "iu" or not -(2**63) <= value < 2**63 or not op.gives_floats:
            raise
        return np.int64(value)


def _array(name: str, value: Any, like: np.dtype[Any], compares: bool = False) -> Any:
    if value.__class__ is float and like.kind == "f":  # by far the most frequent
        return dtypes.scalar(value, like)
    if isinstance(value, np.ndarray):
        if not value.dtype.isnative:
            value = value.astype(value.dtype.newbyteorder("="))
        dtypes.checked(value.dtype, name)
        return value
    if isinstance(value, NUMBERS):
        try:
            return dtypes.scalar(value, like)
        except OverflowError:
            if compares and like.kind != "f":
                return np.float32(np.copysign(np.inf, float(value > 0) - 0.5))
            raise ValueError(f"{name}: {value} is out of the range of {like}") from None
    raise TypeError(f"{name}: expected a Tensor, an ndarray or a number, got {type(value).__name__}")


def _meet(a: Node, b: Node) -> tuple[Node, Node]:
    """Bring two operands to the dtypes in which they meet."""
    x, y = dtypes.met(a._data, b._data)
    return (a if x is a._data else _convert(a, x)), (b if y is b._data else _convert(b, y))


def _convert(node: Node, data: Any) -> Node:
    """Return a node with its array in another dtype; if it requires a gradient, this is recorded."""
    if node._requires_grad:
        converted: Node = node.to(data.dtype)  # type: ignore[attr-defined]  # every Node made is a Tensor
        return converted
    out: Node = wrap(data)
    if node._extra is not None and node._extra.name is not None:
        extra(out).name = node._extra.name
    if (trace := tracing()) is not None:
        trace.converted(out, node)
    return out


def _floating(op: Primitive, arrays: Sequence[Any], params: dict[str, Any]) -> Any:
    """Compute a result that the short way does not record: no gradient is asked for, or results are being checked.

    What integers alone turn into floats, each for itself, has the default float dtype.
    """
    for array in arrays:
        if array.dtype.kind == "f":
            return op.forward(*arrays, **params)
    meet = len(op.rules) == len(arrays) == 2 and not params  # an index beside numbers stays what it is
    value = op.forward(*(dtypes.met(*arrays) if meet else arrays), **params)
    if value.dtype.kind != "f":
        return value
    if value.dtype != np.float64 or len({array.dtype for array in arrays}) > 1:
        value = op.forward(*(array.astype(np.float64) for array in arrays), **params)
    return value.astype(dtypes.get_default_dtype(), copy=False)


def _settle(op: Primitive, out: Node, inputs: tuple[Node, ...], params: dict[str, Any]) -> None:
    """Handle a result that is not a new array: a scalar, memory of an input, or what no tensor holds."""
    value = out._data
    if isinstance(value, np.generic):
        return
    if not isinstance(value, ndarray):
        raise TypeError(f"{op.name}: it must return an ndarray or a NumPy scalar, got {type(value).__name__}")
    for x in inputs:
        if np.may_share_memory(value, x._data):
            repeats = op.view and len(inputs) == 1 and is_recording()
            share_memory(out, x, (op.apply, params) if repeats else None)


def _finish(op: Primitive, out: Node, inputs: tuple[Node, ...], params: dict[str, Any]) -> None:
    """Finish a result that the short way does not record: nothing asks for a gradient, or results are being checked."""
    out._requires_grad, out._op = False, None
    if is_recording().__class__ is not bool:
        _observe(op, out, inputs, params)


def _observe(op: Primitive, out: Node, inputs: tuple[Node, ...], params: dict[str, Any]) -> None:
    """Record a result if that is asked for, and check it or tell the trace of it."""
    if is_recording() and any(x._requires_grad for x in inputs):
        out._requires_grad = True
        out._op, out._inputs, out._params, out._stamp = op, inputs, params, tick()
    if (trace := tracing()) is not None:
        trace.applied(op, out, inputs, params)
    else:
        check_result(op.name, out, inputs)


def _compute(op: Primitive, values: tuple[Any, ...], params: dict[str, Any]) -> Any:
    """Compute on arrays alone, as derivative rules do."""
    for v in values:
        if not isinstance(v, ARRAYS) or v.dtype.kind not in "biuf":
            for s in values:
                if hasattr(s, "__primitive__"):  # a symbol notes what is applied to it
                    return s.__primitive__(op, values, params)
            values = _arrays(op.name, values)
            break
    try:
        return op.quiet().run(op.forward, *values, **params)
    except Exception as error:
        raise _explain(op.name, error, values) from None


def _arrays(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arrays, and numbers beside them, as arrays."""
    arrays = [v for v in values if isinstance(v, ARRAYS)]
    if not arrays:
        kinds = ", ".join(type(v).__name__ for v in values)
        raise TypeError(f"{name}: expected a Tensor or an ndarray, got {kinds or 'nothing'}")
    for array in arrays:
        if array.dtype.kind not in "biuf":
            dtypes.checked(array.dtype, name)
    return values if len(arrays) == len(values) else tuple(x._data for x in lift(name, values))


def _explain(name: str, error: Exception, arrays: Iterable[Any]) -> Exception:
    """Return `error` as its own kind again, its text naming the operation and what came."""
    came = ", ".join(f"{a.dtype}{list(a.shape)}" for a in arrays)
    return reworded(error, f"{name}({came}): {error}")
