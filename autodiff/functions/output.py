"""The argument `out`: a result is written into a tensor that the caller hands in."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.graph import Node
from ..tracing import refuse
from .in_place import casting, change, is_recorded

if TYPE_CHECKING:
    from ..tensor import Tensor

#: Operations whose result PyTorch does not convert to the dtype of `out`.
_STRICT = {
    "abs", "addmm", "all", "amax", "amin", "any", "argmax", "argmin", "bmm", "ceil", "dot", "floor", "frac", "inner",
    "lerp", "log_softmax", "matmul", "mm", "mv", "neg", "norm", "round", "sign", "softmax", "trunc",
}  # fmt: skip


def written(out: Any, function: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
    """Write what a function returns into `out`, and return `out`; an argument `dtype` of None becomes its dtype.

    A tensor without elements takes the result's shape, as does one of another shape, with PyTorch's warning.
    """
    name = function.__name__
    if not isinstance(out, Node):
        raise TypeError(f"{name}: out must be a Tensor, got {type(out).__name__}")
    if is_recorded(out) or any(is_recorded(x) for x in _tensors(args)):
        raise RuntimeError(
            f"{name}: functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad; assign the result instead, or compute it under no_grad()"
        )
    dtype = out._data.dtype
    if "dtype" in options and name not in _STRICT:
        if options["dtype"] is not None and np.dtype(options["dtype"]) != dtype:
            raise RuntimeError(f"{name}: dtype {np.dtype(options['dtype'])} is not the dtype of out, {dtype}")
        options["dtype"] = dtype
    requires_grad = options.pop("requires_grad", False)
    value = function(*args, **options)
    _fit(out, value, name)
    change(out, name, lambda _: value)
    if requires_grad:
        out._requires_grad = True
    return out  # type: ignore[return-value]  # every Node made is a Tensor


def _tensors(args: tuple[Any, ...]) -> Iterator[Node]:
    for x in args:
        if isinstance(x, Node):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from _tensors(tuple(x))


def _fit(out: Any, value: Tensor, name: str) -> None:
    """Give `out` the result's shape; refuse a view, and a result whose dtype is of another kind."""
    came, kept = value._data, out._data
    strict = name in _STRICT and came.dtype != kept.dtype
    if strict or not np.can_cast(came.dtype, kept.dtype, casting(kept, came)):
        raise RuntimeError(f"{name}: a result of {came.dtype} cannot be written into out, a tensor of {kept.dtype}")
    if came.shape == kept.shape:
        return
    if out._extra is not None and out._extra.base is not None:
        raise RuntimeError(f"{name}: out, a view of shape {kept.shape}, cannot take the result's shape {came.shape}")
    refuse("out= of another shape than the result", "hand in a tensor of the result's shape")
    if kept.size:
        warnings.warn(
            f"{name}: out has shape {kept.shape} and is given the result's, {came.shape}; hand in a tensor of this "
            "shape, or one without elements",
            UserWarning,
            stacklevel=4,
        )
    out.data = np.empty(came.shape, kept.dtype)
