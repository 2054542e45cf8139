"""NumPy's own functions, applied to tensors: which of ours each one is."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .engine.graph import Node
from .engine.primitive import wrap
from .functions import comparison as c
from .functions import contraction as co
from .functions import cumulative as cu
from .functions import diagonal as d
from .functions import elementwise as e
from .functions import indexing as i
from .functions import linalg as la
from .functions import reduction as r
from .functions import rounding as ro
from .functions import shape as s
from .functions import transcendental as t
from .functions.arguments import dimensions, tensor_of
from .numpy_functions import COMPOSED
from .table import TABLE
from .tracing import decided, tracing


def _function_of(name: str, row: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that reads a row's arguments and refuses what is wrong."""
    return next((getattr(family, name) for family in (e, t, c, la, ro) if hasattr(family, name)), row)


# For each function of NumPy our function that answers to it: of a row, or composed of several.
_OF_ROWS: dict[Any, Callable[..., Any]] = {
    function: _function_of(name, op.apply) for name, op in TABLE.items() for function in op.numpy
}
UFUNCS: dict[Any, Callable[..., Any]] = {f: ours for f, ours in _OF_ROWS.items() if isinstance(f, np.ufunc)} | {
    np.positive: lambda a: a, np.conjugate: lambda a: a, np.square: e.square, np.float_power: e.float_power,
    np.logical_and: lambda a, b: c.bitwise_and(_true(a), _true(b)),
    np.logical_or: lambda a, b: c.bitwise_or(_true(a), _true(b)),
    np.logical_xor: lambda a, b: c.bitwise_xor(_true(a), _true(b)), np.logical_not: c.logical_not,
    np.deg2rad: ro.deg2rad, np.radians: ro.deg2rad, np.rad2deg: ro.rad2deg, np.degrees: ro.rad2deg,
    np.signbit: ro.signbit, np.logaddexp2: t.logaddexp2,
}  # fmt: skip


def _true(a: Any) -> Any:
    return a != 0


# -- functions whose arguments or defaults are NumPy's -----------------------------------------------------------------


def _transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    return s.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _spread_of(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """Return a variance or standard deviation that divides by n, as NumPy's does, not by n - 1."""

    def reduced(a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, **other: Any) -> Any:
        return reduce(_convert(a, dtype), axis, other.pop("correction", ddof), keepdims, **other)

    return reduced


def _accumulate(accumulate: Callable[..., Any]) -> Callable[..., Any]:
    """Return a running sum or product that flattens its operand if no axis is given."""

    def accumulated(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        return accumulate(s.ravel(a), 0, dtype=dtype) if axis is None else accumulate(a, axis, dtype=dtype)

    return accumulated


def _plain(a: Any) -> Any:
    return _array(a) if isinstance(a, Node) else a


def _array(a: Node) -> Any:
    if (trace := tracing()) is not None:
        trace.reads(a, "numpy")
    return a._data


def _convert(a: Any, dtype: Any) -> Any:
    return a if dtype is None else e.to(a, dtype)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    low, high = (np.asarray(v) if isinstance(v, (list, tuple)) else v for v in (low, high))
    return tensor_of(a, "clip") if low is None and high is None else e.clamp(tensor_of(a, "clip"), low, high)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    choices = () if x is None and y is None else (x, y)
    return e.where(condition, *(np.asarray(v) if isinstance(v, (list, tuple)) else v for v in choices))


def _squeeze(a: Any, axis: Any = None) -> Any:
    dims = range(a.ndim) if axis is None else dimensions(axis, a.ndim, "squeeze") if axis != () else ()
    if axis is not None and any(a.shape[d] != 1 for d in dims):
        raise ValueError(f"squeeze: axis {axis} of a tensor of shape {a.shape} does not have size 1")
    return s.squeeze(a, axis)


def _members(arrays: Any, dtype: Any = None) -> list[Any]:
    """Return the members of a sequence as tensors; a single tensor stands for its slices."""
    return [_convert(v if isinstance(v, (Node, np.generic)) else np.asarray(v), dtype) for v in arrays]


def _concatenate(arrays: Any, axis: int | None = 0, dtype: Any = None) -> Any:
    members = _members(arrays, dtype)
    return s.cat([s.ravel(a) for a in members]) if axis is None else s.cat(members, axis)


def _einsum(*operands: Any, optimize: Any = False) -> Any:
    return co.einsum(*operands)


def _round(a: Any, decimals: int = 0) -> Any:
    return e.round(a, decimals=decimals)


def _dot(a: Any, b: Any) -> Any:
    x, y = (tensor_of(v if isinstance(v, Node) else np.asarray(v), "dot") for v in (a, b))
    if not (x.ndim and y.ndim):
        return e.mul(x, y)
    return la.matmul(x, y) if y.ndim <= 2 else co.tensordot(x, y, ([-1], [-2]))


def _vector_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    axes = x.ndim if axis is None else len(axis) if isinstance(axis, Sequence) else 1
    if ord is not None and axes > 1 and ord != "fro":
        raise TypeError(f"numpy.linalg.norm: ord={ord!r} of matrices has no derivative rule for tensors")
    return r.norm(x, 2 if ord is None else ord, axis, keepdims)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    n = ary.shape[axis]
    if isinstance(indices_or_sections, int):
        if n % indices_or_sections:
            raise ValueError(f"split: {n} slices along axis {axis} do not part equally into {indices_or_sections}")
        return list(s.chunk(ary, indices_or_sections, axis))
    ends = [slice(None, n).indices(n)[1] if k is None else slice(k).indices(n)[1] for k in (*indices_or_sections, None)]
    starts = [0, *ends[:-1]]
    return [s.narrow(ary, axis, a, max(b - a, 0)) for a, b in zip(starts, ends, strict=True)]


def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    x, along = (s.ravel(a), 0) if axis is None else (a, axis)
    return i.index_select(x, along, wrap(np.repeat(np.arange(x.shape[along]), repeats)))


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    x, along = (s.ravel(a), 0) if axis is None else (a, axis % a.ndim)
    return x[(slice(None),) * along + (indices if isinstance(indices, Node) else np.asarray(indices),)]


def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    at = tensor_of(indices if isinstance(indices, Node) else np.asarray(indices), "take_along_axis")
    n = arr.numel() if axis is None else arr.shape[axis]
    return i.take_along_dim(arr, e.where(at < 0, at + n, at), axis)


def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    a, b = (v if isinstance(v, Node) else wrap(np.asarray(v)) for v in (a1, a2))
    return decided(lambda a, b: np.array_equal(a, b, equal_nan), a, b)


def _sort(a: Any, axis: int | None = -1) -> Any:
    return i.sort(s.ravel(a)) if axis is None else i.sort(a, axis)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return r.sum(d.diagonal(a, offset, axis1, axis2), -1, dtype=dtype)


def _size(a: Any, axis: Any = None) -> int:
    return math.prod(a.shape[k] for k in dimensions(axis, a.ndim, "size"))


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, Sequence) else (axis,)
    for place in sorted(k % (a.ndim + len(axes)) for k in axes):
        a = s.unsqueeze(a, place)
    return a


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    if isinstance(axis, Sequence) and not isinstance(shift, Sequence):
        shift = (shift,) * len(axis)
    return s.roll(a, shift, axis)


def _flip(m: Any, axis: Any = None) -> Any:
    return s.flip(m, tuple(range(m.ndim)) if axis is None else axis)


def _stack(tup: Sequence[Any], axis: int, dtype: Any) -> Any:
    least = 1 if axis else 2
    members = _members(tup, dtype)
    raised = [a if a.ndim >= least else s.reshape(a, (1,) * (least - a.ndim) + a.shape) for a in members]
    return s.cat(raised, axis if axis and raised[0].ndim > 1 else 0)


def _fill(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes a constant tensor of another's shape and dtype."""
    return lambda a, *value, dtype=None, order="C", shape=None: wrap(
        make(a.shape if shape is None else shape, *value, dtype=a.dtype if dtype is None else dtype, order=order)
    )


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    f: ours for f, ours in _OF_ROWS.items() if not isinstance(f, np.ufunc)
} | {
    # reductions
    np.sum: r.sum, np.nansum: r.nansum, np.mean: r.mean, np.prod: cu.prod, np.var: _spread_of(r.var),
    np.std: _spread_of(r.std), np.max: r.amax, np.min: r.amin, np.amax: r.amax, np.amin: r.amin,
    np.argmax: r.argmax, np.argmin: r.argmin,
    np.all: r.all, np.any: r.any, np.cumsum: _accumulate(cu.cumsum), np.cumprod: _accumulate(cu.cumprod),
    np.linalg.norm: _vector_norm, np.trace: _trace,
    # elements
    np.where: _where, np.clip: _clip, np.round: _round, np.around: _round,
    np.isclose: c.isclose, np.allclose: c.allclose, np.copy: lambda a, order="K": e.clone(a),
    np.array_equal: _array_equal,
    np.zeros_like: _fill(np.zeros), np.ones_like: _fill(np.ones), np.empty_like: _fill(np.zeros),
    np.full_like: _fill(np.full),
    # shapes
    np.reshape: s.reshape, np.ravel: s.ravel, np.squeeze: _squeeze,
    np.expand_dims: _expand_dims, np.swapaxes: s.transpose, np.transpose: _transpose, np.moveaxis: s.movedim,
    np.broadcast_to: s.broadcast_to, np.matrix_transpose: lambda x: x.mT, np.concatenate: _concatenate,
    np.stack: lambda arrays, axis=0, dtype=None: s.stack(_members(arrays, dtype), axis),
    np.hstack: lambda tup, dtype=None: _stack(tup, 1, dtype),
    np.vstack: lambda tup, dtype=None: _stack(tup, 0, dtype), np.split: _split,
    np.tile: s.tile, np.repeat: _repeat, np.flip: _flip, np.roll: _roll,
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim, np.size: _size,
    # picking
    np.take: _take, np.take_along_axis: _take_along_axis, np.sort: lambda a, axis=-1: _sort(a, axis).values,
    np.argsort: lambda a, axis=-1: _sort(a, axis).indices,
    np.diag: lambda v, k=0: d.diag(v, k), np.tril: lambda m, k=0: d.tril(m, k), np.triu: lambda m, k=0: d.triu(m, k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: d.diagonal(a, offset, axis1, axis2),
    # products
    np.dot: _dot, np.vdot: lambda a, b: la.dot(s.ravel(a), s.ravel(b)), np.inner: la.inner,
    np.outer: lambda a, b: la.outer(s.ravel(a), s.ravel(b)), np.einsum: _einsum,
    np.tensordot: lambda a, b, axes=2: co.tensordot(a, b, _axes(axes)),
} | COMPOSED  # fmt: skip


_REDUCTIONS = {
    np.sum, np.nansum, np.mean, np.prod, np.var, np.std, np.max, np.min, np.amax, np.amin, np.all, np.any,
    np.linalg.norm,
}  # fmt: skip


def _axes(axes: Any) -> Any:
    return axes if isinstance(axes, int) else tuple([k] if isinstance(k, int) else list(k) for k in axes)


# -- NumPy's protocols -------------------------------------------------------------------------------------------------


def ufunc(function: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """Carry out a NumPy ufunc on tensors; the target of ``Tensor.__array_ufunc__``."""
    if kwargs.get("out") is not None:
        return _into(function, method, *inputs, **kwargs)
    ours = UFUNCS.get(function) if method == "__call__" else None
    if ours is None or kwargs:
        call = f"numpy.{function.__name__}" + ("" if method == "__call__" else f".{method}")
        raise TypeError(
            f"{call}({', '.join(kwargs)}) has no derivative rule for tensors; on .detach().numpy() it works"
        )
    return ours(*inputs)


def _into(function: np.ufunc, method: str, *inputs: Any, out: tuple[Any, ...], **kwargs: Any) -> Any:
    """Let NumPy write the result into an array, where no gradient is lost by that."""
    nodes = [x for x in (*inputs, *out) if isinstance(x, Node)]
    if any(x._requires_grad for x in nodes) or any(isinstance(x, Node) for x in out):
        raise TypeError(f"numpy.{function.__name__}: out= cannot be recorded; assign the result instead")
    arrays = (_array(x) if isinstance(x, Node) else x for x in inputs)
    return getattr(function, method)(*arrays, out=out, **kwargs)


def function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Carry out a NumPy function on tensors; the target of ``Tensor.__array_function__``."""
    ours = FUNCTIONS.get(function)
    if ours is None:
        raise TypeError(f"{_name(function)} has no derivative rule for tensors; on .detach().numpy() it works")
    operands, options = _bind(function, args, kwargs)
    if options and function in _REDUCTIONS and isinstance(axis := options.get("axis"), tuple) and not axis:
        raise TypeError(
            f"{_name(function)}() of tensors does not take axis=(), which reduces nothing in NumPy, all in PyTorch"
        )
    if options.get("out") is not None:
        raise TypeError(f"{_name(function)}() of tensors does not take out=; PyTorch's function of that name does")
    try:
        return ours(*operands, **options)
    except TypeError as error:
        option = str(error).partition("() got an unexpected keyword argument ")[2].strip("'")
        if option not in options:
            raise
        value = repr(options[option]) if isinstance(options[option], (str, int, float)) else ""
        raise TypeError(f"{_name(function)}() of tensors does not take {option}={value}") from None


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}"


# Options that only NumPy has: how to sort, where to store, whether a subclass comes back.
_MEANINGLESS = {"kind", "stable", "device", "subok"}
_UNSET = object()


def _bind(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments that a NumPy function needs, in order, and by name those that differ from their defaults."""
    names, needs, defaults = _signature(function)
    if not kwargs and len(args) <= needs:
        return args, kwargs
    given = dict(zip(names, args, strict=False)) | kwargs
    needed = [given.pop(name) for name in names[:needs]] if names else args
    return needed, {k: v for k, v in given.items() if k not in _MEANINGLESS and not _is(v, defaults.get(k, _UNSET))}


@functools.cache
def _signature(function: Callable[..., Any]) -> tuple[tuple[str, ...], int, dict[str, Any]]:
    """Return the names of a NumPy function's arguments, how many it needs, and the defaults of the others.

    No names and any number are needed where all come by position.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a C function, before NumPy 2.4: ours has the same names in the same order
        return (), sys.maxsize, {"out": None}
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    kinds = {p.kind for p in parameters}
    if inspect.Parameter.VAR_POSITIONAL in kinds or kinds == {inspect.Parameter.POSITIONAL_ONLY}:
        return (), sys.maxsize, defaults
    names = tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
    return names, len([name for name in names if name not in defaults]), defaults


def _is(value: Any, default: Any) -> bool:
    """Tell whether an option has its default, without comparing arrays."""
    return value is default or (
        isinstance(value, (str, int, float)) and type(value) is type(default) and value == default
    )
