"""TorchScript's names: what is scripted or traced is run as it is, with the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = [
    "Final", "annotate", "export", "ignore", "is_scripting", "is_tracing", "load", "save", "script",
    "script_if_tracing", "script_method", "trace", "trace_module", "unused",
]  # fmt: skip

Final = Any


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """Return a function, a class or a module as it is: it runs in Python. `autodiff.compile` makes it faster.

    Examples
    --------
    >>> ad.jit.script(lambda x: x * 2)(ad.ones(1))
    tensor([2.])
    """
    return obj


script_method = script_if_tracing = export = unused = script


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return a function as it is."""
    return drop if callable(drop) else script


def trace(func: T, *example_inputs: Any, **kwargs: Any) -> T:
    """Return a function or a module as it is: it runs in Python.

    Examples
    --------
    >>> ad.jit.trace(nn.Tanh(), ad.zeros(1))
    Tanh()
    """
    return func


trace_module = trace


def annotate(the_type: Any, the_value: T) -> T:
    """Return the value."""
    return the_value


def is_scripting() -> bool:
    """Tell whether TorchScript compiles: False."""
    return False


is_tracing: Callable[[], bool] = is_scripting


def save(m: Any, f: Any, **kwargs: Any) -> None:
    """Refuse: there is no TorchScript file here."""
    raise NotImplementedError("jit.save: there is no TorchScript here; save model.state_dict(), or export to ONNX")


def load(f: Any, **kwargs: Any) -> Any:
    """Refuse: there is no TorchScript file here."""
    raise NotImplementedError("jit.load: there is no TorchScript here; load a state_dict")
