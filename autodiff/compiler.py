"""What programs ask of PyTorch's compiler; `autodiff.compile` is the one here."""

from __future__ import annotations

from typing import Any

from .tracing import tracing

__all__ = ["disable", "is_compiling", "reset"]


def is_compiling() -> bool:
    """Tell whether `autodiff.compile` is recording."""
    return tracing() is not None


def disable(fn: Any = None, recursive: bool = True, **kwargs: Any) -> Any:
    """Return a function as it is; nothing is compiled unless `autodiff.compile` is asked."""
    return fn if fn is not None else (lambda function: function)


def reset() -> None:
    """Do nothing: what was compiled stays with its function."""
