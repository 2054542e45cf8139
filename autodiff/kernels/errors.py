"""Kinds of error that are both NumPy's and PyTorch's: a program that expects either of them catches them."""

from __future__ import annotations

from .linalg import LinAlgError

__all__ = [
    "IndexRuntimeError",
    "IndexValueError",
    "TypeRuntimeError",
    "ValueAssertionError",
    "ValueRuntimeError",
    "reworded",
]


class ValueRuntimeError(ValueError, RuntimeError):
    """A value or a shape that does not fit: a ValueError to NumPy, a RuntimeError to PyTorch."""


class TypeRuntimeError(TypeError, RuntimeError):
    """A dtype that does not fit: a TypeError to NumPy, a RuntimeError to PyTorch."""


class IndexRuntimeError(IndexError, RuntimeError):
    """A place that is not there: an IndexError to NumPy, often a RuntimeError to PyTorch."""


class IndexValueError(IndexError, ValueError):
    """A place that is not there, which PyTorch calls a wrong value."""


class ValueAssertionError(ValueError, AssertionError):
    """An argument that does not fit, where PyTorch asserts it."""


_KINDS: dict[type[Exception], type[Exception]] = {
    LinAlgError: LinAlgError,
    TypeError: TypeRuntimeError,
    IndexError: IndexRuntimeError,
    ValueError: ValueRuntimeError,
}


def reworded(error: Exception, text: str) -> Exception:
    """Return an error of the same kind that says something else."""
    kind = next((made for plain, made in _KINDS.items() if isinstance(error, plain)), RuntimeError)
    return kind(text)
