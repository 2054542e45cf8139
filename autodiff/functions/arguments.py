"""What many operations share in reading their arguments: dimensions, and NumPy's names for PyTorch's."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ..device import check_device, is_device
from ..engine import dtypes
from ..engine.graph import Node
from ..engine.primitive import lift, wrap
from ..kernels.errors import reworded
from ..tracing import tracing

if TYPE_CHECKING:
    from ..tensor import Tensor

P = ParamSpec("P")
R = TypeVar("R")

Dims = int | Sequence[int] | None


def tensor_of(value: Any, name: str) -> Tensor:
    """Return a tensor as it is and an array as a tensor; refuse anything else."""
    if isinstance(value, Node):
        return value  # type: ignore[return-value]  # every Node made is a Tensor
    if isinstance(value, (np.ndarray, np.generic)):
        dtypes.checked(value.dtype, name)
        return wrap(value)  # type: ignore[no-any-return]  # as above
    raise TypeError(f"{name}: expected a Tensor, got {type(value).__name__}")


def floats_of(value: Any, name: str) -> Tensor:
    """Return a tensor of floats; refuse anything else."""
    x = tensor_of(value, name)
    if x._data.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected floats, got {x.dtype}")
    return x


def check_dtypes(name: str, *tensors: Any) -> None:
    """Refuse tensors of several dtypes, and what is no tensor; None among them is left out."""
    given = [tensor_of(t, name) for t in tensors if t is not None]
    if any(t.dtype != given[0].dtype for t in given):
        raise RuntimeError(f"{name}: all tensors need one dtype, got {' and '.join(str(t.dtype) for t in given)}")


def check_broadcast(name: str, *tensors: Any) -> None:
    """Refuse tensors whose shapes do not broadcast."""
    if any(t.shape != tensors[0].shape for t in tensors):
        try:
            np.broadcast_shapes(*(t.shape for t in tensors))
        except ValueError:
            shapes = " and ".join(str(t.shape) for t in tensors)
            raise RuntimeError(f"{name}: shapes {shapes} do not broadcast") from None


def widened(x: Any) -> Any:
    """Return float16 as float32, in which PyTorch accumulates it, and any other tensor unchanged."""
    return x if x._data.dtype.char != "e" else x.to(np.float32)


def operands(name: str, *values: Any) -> tuple[Any, ...]:
    """Return tensors, arrays and numbers as tensors of the dtype in which they meet."""
    if all(isinstance(v, Node) for v in values) and len({v._data.dtype for v in values}) == 1:
        return values
    if not any(isinstance(v, (Node, np.ndarray)) for v in values):
        raise TypeError(f"{name}: expected a Tensor, got {', '.join(type(v).__name__ for v in values)}")
    xs = lift(name, values)
    dtype = dtypes.common(x._data for x in xs)
    return tuple(x.to(dtype) for x in xs)  # type: ignore[attr-defined]  # every Node made is a Tensor


def target_of(operation: str, asked: tuple[Any, ...], dtype: Any = None, device: Any = None) -> Any:
    """Read the dtype, or None, that `to` gets by position or by name; the only device is the CPU."""
    check_device(device, operation)
    for value in asked:
        if is_device(value) or (value.__class__ is int):
            check_device(value, operation)
        elif isinstance(value, Node):
            dtype = value._data.dtype
        elif value is not None and not isinstance(value, bool):  # non_blocking and copy come last
            dtype = value
    return dtype


def element(value: Any, dtype: np.dtype[Any], operation: str) -> Any:
    """Return a number as an element of `dtype`, without its decimals; refuse what is out of range."""
    if dtype.kind == "f":
        element = dtypes.scalar(value, dtype)
        fits = bool(np.isfinite(element)) or not -math.inf < value < math.inf
    elif dtype.kind == "b":
        return np.bool(value)
    else:
        limits = np.iinfo(dtype)
        wraps = dtype.kind == "u" and isinstance(value, (int, np.integer))  # a negative integer wraps around
        fits = (-limits.max if wraps else limits.min) <= value <= limits.max
        element = np.asarray(int(value) if fits else 0).astype(dtype)[()]
    if not fits:
        raise RuntimeError(f"{operation}: {value} is out of the range of {dtype}")
    return element


def integer(value: Any, name: str, what: str) -> int:
    """Return an integer argument as an int, or say what came instead."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {what} must be an integer, got {type(value).__name__}") from None


def dimension(dim: Any, ndim: int, name: str) -> int:
    """Return a dimension counted from the front; a 0-d tensor has dimension 0 as PyTorch's has."""
    d, n = integer(dim, name, "dim"), max(ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"{name}: dim {d} is out of range; a tensor of {ndim} dimensions has dims {-n} to {n - 1}")
    return d % n


def dimensions(dim: Dims, ndim: int, name: str) -> tuple[int, ...]:
    """Return dimensions counted from the front; None and () stand for all of them."""
    if dim is None or (isinstance(dim, Sequence) and not dim):
        return tuple(range(ndim))
    listed = dim if isinstance(dim, Sequence) else (dim,)
    dims = tuple(dimension(d, ndim, name) for d in listed)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{name}: dim {tuple(listed)} names a dimension twice")
    return dims if ndim else ()


def along(dim: Dims, keepdim: Any, ndim: int, name: str) -> dict[str, Any]:
    """Check a reduction's dimensions and whether it keeps them with size 1; return both as its options."""
    if dim is None and keepdim is False:  # by far the most frequent
        return {"dim": tuple(range(ndim)), "keepdim": False}
    if keepdim is not False and not isinstance(keepdim, (bool, np.bool)):
        raise TypeError(f"{name}: keepdim must be a bool, got {type(keepdim).__name__}; several dims go into a tuple")
    return {"dim": dimensions(dim, ndim, name), "keepdim": bool(keepdim)}


def sizes(shape: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """Return a shape given as separate integers or as one sequence."""
    given = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    return tuple(integer(n, name, "a size") for n in given)


_REFUSALS = (TypeError, ValueError, IndexError, RuntimeError, OverflowError)


def named(function: Callable[P, R]) -> Callable[P, R]:
    """Let the errors of a composed function begin with its own name, not with that of a function it calls."""

    @functools.wraps(function)
    def answering(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except _REFUSALS as error:
            raise _under(function.__name__, error) from None

    return answering


def _under(name: str, error: Exception) -> Exception:
    """Return an error that begins with the name of the operation that was called."""
    if str(error).startswith((name, "compile: ")):
        return error
    return reworded(error, f"{name}: {error}")


def also_by_name(name: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a function of sizes or dims, separate or in one sequence, take them by PyTorch's keyword as well."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def apply(input: Any, *args: Any, **kwargs: Any) -> R:
            if name in kwargs:
                if args:
                    raise TypeError(f"{function.__name__}: got {name} twice")
                args = (kwargs.pop(name),)
            return function(input, *args, **kwargs)

        return apply

    return decorate


def numpy_names(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function that takes `dim` and `keepdim` take NumPy's `axis` and `keepdims` as well; else as `named`."""

    @functools.wraps(function)
    def translated(*args: Any, **kwargs: Any) -> R:
        if kwargs:
            for theirs, ours in (("axis", "dim"), ("keepdims", "keepdim")):
                if theirs in kwargs:
                    if ours in kwargs:
                        raise TypeError(f"{function.__name__}: got both {ours} and {theirs}")
                    kwargs[ours] = kwargs.pop(theirs)
        try:
            return function(*args, **kwargs)
        except _REFUSALS as error:
            raise _under(function.__name__, error) from None

    return translated


def computed(name: str, compute: Callable[..., Any], *inputs: Node) -> Any:
    """Apply a function of arrays to tensors and tell the trace; the result has no gradient."""
    out = wrap(compute(*(x._data for x in inputs)))
    if (trace := tracing()) is not None:
        trace.computed(name, compute, out, inputs)
    return out


def parts_computed(name: str, compute: Callable[..., Sequence[Any]], *inputs: Node) -> tuple[Any, ...]:
    """Apply a function that returns several arrays; each result is as that of `computed`."""
    outs = tuple(map(wrap, compute(*(x._data for x in inputs))))
    if (trace := tracing()) is not None:
        for k, out in enumerate(outs):
            trace.computed(name, lambda *arrays, k=k: compute(*arrays)[k], out, inputs)
    return outs
