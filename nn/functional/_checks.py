"""What many functions share in reading their arguments."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from autodiff import Tensor
from autodiff.functions.arguments import check_broadcast, tensor_of
from autodiff.kernels.errors import ValueRuntimeError

P = ParamSpec("P")
R = TypeVar("R")


def checked_reduction(reduction: str, name: str, *more: str) -> str:
    """Return the reduction, or say which ones there are."""
    if reduction == "mean":  # by far the most frequent
        return reduction
    known = ("mean", "sum", "none", *more)
    if reduction not in known:
        expected = ", ".join(map(repr, known[:-1])) + f" or {known[-1]!r}"
        raise ValueError(f"{name}: reduction must be {expected}, got {reduction!r}")
    return reduction


def with_old_reduction(function: Callable[P, R]) -> Callable[P, R]:
    """Let a loss take PyTorch's old `size_average` and `reduce` by name, with its warning, in place of `reduction`."""

    @functools.wraps(function)
    def reduced_as_asked(*args: Any, **kwargs: Any) -> R:
        if kwargs and ("size_average" in kwargs or "reduce" in kwargs):
            averages, reduces = kwargs.pop("size_average", None), kwargs.pop("reduce", None)
            if averages is not None or reduces is not None:
                kwargs["reduction"] = "none" if reduces is False else "sum" if averages is False else "mean"
                warnings.warn(
                    "size_average and reduce args will be deprecated, please use "
                    f"reduction={kwargs['reduction']!r} instead.",
                    UserWarning,
                    stacklevel=2,
                )
        return function(*args, **kwargs)

    return reduced_as_asked


def checked_smoothing(label_smoothing: float, name: str) -> float:
    """Return the label smoothing, or say what it must be."""
    if not 0 <= label_smoothing <= 1:
        raise ValueRuntimeError(f"{name}: label_smoothing must be between 0.0 and 1.0, got {label_smoothing}")
    return label_smoothing


def check_sizes(name: str, **sizes: Any) -> None:
    """Refuse sizes that are no integers or negative, as PyTorch does when it makes a parameter of that size."""
    for what, size in sizes.items():
        if not isinstance(size, (int, np.integer)):
            raise TypeError(f"{name}: {what} must be an integer, got {type(size).__name__}")
        if size < 0:
            raise RuntimeError(f"{name}: {what} must not be negative, got {size}")


def check_groups(name: str, in_channels: int, out_channels: int, groups: int) -> None:
    """Refuse channels that cannot be parted into groups."""
    if not groups:
        raise ValueError(f"{name}: groups must be a positive integer, got {groups}")
    for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name}: {what} must be divisible by groups, got {channels} and {groups}")


def checked_probability(p: float, name: str) -> float:
    """Return the probability, or say what it must be."""
    if not isinstance(p, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: the probability must be a number, got {type(p).__name__}")
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: the probability must be between 0 and 1, got {p}")
    return p


def checked_pair(input: Any, target: Any, name: str) -> tuple[Tensor, Tensor]:
    """Return input and target; warn where their shapes differ, for that is rarely meant."""
    x, t = tensor_of(input, name), tensor_of(target, name)
    if "f" not in (x.dtype.kind, t.dtype.kind):
        raise RuntimeError(f"{name}: expected floats, got {x.dtype} and {t.dtype}")
    check_broadcast(name, x, t)
    if x.shape != t.shape:
        warnings.warn(
            f"{name}: Using a target size {t.shape} that is different to the input size {x.shape}; "
            "broadcasting them is likely to give a wrong loss",
            stacklevel=3,
        )
    return x, t


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Tell whether a shape broadcasts to another one without widening it."""
    return len(shape) <= len(to) and all(n in (1, m) for n, m in zip(shape[::-1], to[::-1], strict=False))


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Return the losses of all elements as they are, averaged or added up."""
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def as_many(value: int | Sequence[int], n: int, name: str, what: str, least: int = 1) -> tuple[int, ...]:
    """Return one integer per dimension, given all of them or one for all."""
    given = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,) * n
    if not all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in given):
        raise TypeError(f"{name}: {what} must be an integer or {n} of them, got {value!r}")
    if len(given) == 1:
        given *= n
    if len(given) != n or min(given) < least:
        raise RuntimeError(f"{name}: {what} must be {n} integers that are at least {least}, got {value}")
    return tuple(int(v) for v in given)
