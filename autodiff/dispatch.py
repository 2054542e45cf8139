"""NumPy's own functions, applied to tensors: which of ours each one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .graph import Node
from .ops import elementwise as e
from .ops import indexing as i
from .ops import linalg as la
from .ops import reduction as r
from .ops import shape as s
from .primitive import wrap

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: e.add, np.subtract: e.sub, np.multiply: e.mul, np.divide: e.div, np.floor_divide: e.floor_divide,
    np.remainder: e.remainder, np.power: e.pow, np.negative: e.neg, np.sqrt: e.sqrt, np.exp: e.exp, np.log: e.log,
    np.log1p: e.log1p, np.tanh: e.tanh, np.sign: e.sign, np.floor: e.floor, np.absolute: e.abs,
    np.maximum: e.maximum, np.minimum: e.minimum, np.matmul: la.matmul, np.equal: e.eq, np.not_equal: e.ne,
    np.less: e.lt, np.less_equal: e.le, np.greater: e.gt, np.greater_equal: e.ge, np.bitwise_and: e.bitwise_and,
    np.bitwise_or: e.bitwise_or, np.bitwise_xor: e.bitwise_xor, np.invert: e.bitwise_not, np.isnan: e.isnan,
    np.isfinite: e.isfinite,
}  # fmt: skip


def _transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    return s.permute(a, tuple(reversed(range(a.ndim))) if axes is None else tuple(axes))


def _variance(a: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    return r.var(a, axis, ddof, keepdims)


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.sum: r.sum, np.mean: r.mean, np.var: _variance, np.max: r.amax, np.min: r.amin, np.argmax: r.argmax,
    np.argmin: r.argmin, np.where: e.where, np.concatenate: s.cat, np.stack: s.stack, np.reshape: s.reshape,
    np.ravel: s.flatten, np.squeeze: s.squeeze, np.expand_dims: s.unsqueeze, np.swapaxes: s.transpose,
    np.transpose: _transpose, np.broadcast_to: s.broadcast_to, np.copy: e.clone,
    np.zeros_like: lambda a: wrap(np.zeros(a.shape, a.dtype)), np.ones_like: lambda a: wrap(np.ones(a.shape, a.dtype)),
    np.shape: lambda a: a.shape, np.ndim: lambda a: a.ndim, np.size: lambda a: a.size,
    np.take_along_axis: lambda a, indices, axis: i.gather(a, axis, indices),
}  # fmt: skip


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
    arrays = (x._data if isinstance(x, Node) else x for x in inputs)
    return getattr(function, method)(*arrays, out=out, **kwargs)


def function(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Carry out a NumPy function on tensors; the target of ``Tensor.__array_function__``."""
    ours = FUNCTIONS.get(function)
    if ours is None:
        name = f"{function.__module__}.{function.__name__}"
        raise TypeError(f"{name} has no derivative rule for tensors; on .detach().numpy() it works")
    return ours(*args, **kwargs)
