"""What PyTorch's programs call as functions and tensors have as methods, and small helpers beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import dtypes
from ..engine.primitive import wrap
from ..size import Size
from .arguments import tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "abs_",
    "broadcast_shapes",
    "can_cast",
    "ceil_",
    "clamp_",
    "clamp_max_",
    "clamp_min_",
    "clip_",
    "cos_",
    "detach",
    "detach_",
    "erf_",
    "exp_",
    "expm1_",
    "fill_",
    "floor_",
    "get_device",
    "is_storage",
    "log1p_",
    "log_",
    "neg_",
    "promote_types",
    "reciprocal_",
    "relu_",
    "round_",
    "rsqrt_",
    "sigmoid_",
    "sin_",
    "spmm",
    "sqrt_",
    "square_",
    "t",
    "tan_",
    "tanh_",
    "trunc_",
    "vander",
    "zero_",
]  # fmt: skip


def t(input: Tensor) -> Tensor:
    """Transpose a matrix; fewer dimensions stay as they are.

    Examples
    --------
    >>> ad.t(ad.tensor([[1, 2]])).tolist()
    [[1], [2]]
    """
    return tensor_of(input, "t").t()


def spmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Multiply matrices, of which PyTorch's first is sparse: as `mm`."""
    return tensor_of(input, "spmm").mm(mat2)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803  # PyTorch's name
    """Return the powers of each element in a row, the highest first.

    Parameters
    ----------
    x : Tensor
        Of shape (n,).
    N : int, optional
        How many; n unless given.
    increasing : bool, optional
        Whether the lowest come first.

    Examples
    --------
    >>> ad.vander(ad.tensor([2, 3]), 3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    v = tensor_of(x, "vander")
    if v.ndim != 1:
        raise RuntimeError(f"vander: expected a tensor of one dimension, got shape {v.shape}")
    powers = np.arange(len(v) if N is None else N)
    return v.unsqueeze(1) ** wrap(powers if increasing else powers[::-1].copy())  # type: ignore[no-any-return]  # a Tensor


def broadcast_shapes(*shapes: int | Sequence[int]) -> Size:
    """Return the shape to which shapes broadcast.

    Examples
    --------
    >>> ad.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    try:
        return Size(np.broadcast_shapes(*(s if isinstance(s, int) else tuple(s) for s in shapes)))
    except ValueError:
        raise RuntimeError(f"broadcast_shapes: shapes {', '.join(map(str, shapes))} do not broadcast") from None


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """Return the dtype in which two meet.

    Examples
    --------
    >>> ad.promote_types(ad.int32, ad.float32)
    dtype('float32')
    """
    one, two = (np.empty(1, dtypes.checked(kind, "promote_types")) for kind in (type1, type2))
    return dtypes.common((one, two))


def can_cast(from_: Any, to: Any) -> bool:
    """Tell whether a result of one dtype can be put into another: floats not into integers, nothing into booleans.

    Examples
    --------
    >>> ad.can_cast(ad.float64, ad.float32), ad.can_cast(ad.float32, ad.int64)
    (True, False)
    """
    a, b = (dtypes.checked(kind, "can_cast").kind for kind in (from_, to))
    rank = {"b": 0, "u": 1, "i": 1, "f": 2}
    return rank[a] <= rank[b]


def get_device(input: Tensor) -> int:
    """Return the number of a tensor's GPU: -1, for it lies on the CPU."""
    return -1


def is_storage(obj: Any) -> bool:
    """Tell whether something is a storage: always False, a tensor's memory is an array."""
    return False


def _method(name: str) -> Callable[..., Any]:
    """Return a method of tensors as a function."""

    def apply(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return getattr(tensor_of(input, name), name)(*args, **kwargs)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Do what the method `{name}` of tensors does."
    return apply


detach, detach_, fill_, zero_ = map(_method, ("detach", "detach_", "fill_", "zero_"))
abs_, ceil_, floor_, neg_, round_, trunc_ = map(_method, ("abs_", "ceil_", "floor_", "neg_", "round_", "trunc_"))
clamp_, clamp_max_, clamp_min_, clip_ = map(_method, ("clamp_", "clamp_max_", "clamp_min_", "clip_"))
cos_, sin_, tan_, tanh_, sigmoid_, relu_ = map(_method, ("cos_", "sin_", "tan_", "tanh_", "sigmoid_", "relu_"))
exp_, expm1_, log_, log1p_, erf_ = map(_method, ("exp_", "expm1_", "log_", "log1p_", "erf_"))
reciprocal_, rsqrt_, sqrt_, square_ = map(_method, ("reciprocal_", "rsqrt_", "sqrt_", "square_"))
