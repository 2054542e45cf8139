"""Switches that decide whether operations are recorded, local to the running thread or task."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar, cast

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]

F = TypeVar("F", bound=Callable[..., Any])

_recording: ContextVar[bool] = ContextVar("autodiff.recording", default=True)
is_recording = _recording.get


def is_grad_enabled() -> bool:
    """Tell whether operations on tensors that require gradients are being recorded.

    Examples
    --------
    >>> import autodiff as ad
    >>> with ad.no_grad():
    ...     ad.is_grad_enabled()
    False
    """
    return is_recording()


class _GradMode:
    """A context manager and decorator that switches recording to `mode`, and back to what it was."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(is_recording())
        _recording.set(self.mode)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _recording.set(self._before.pop())

    def __call__(self, function: F) -> F:
        mode = self.mode
        if inspect.isgeneratorfunction(function):
            return cast(F, _switched_generator(function, mode))

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with _GradMode(mode):
                return function(*args, **kwargs)

        return cast(F, switched)


def _switched_generator(function: Callable[..., Any], mode: bool) -> Callable[..., Any]:
    """Apply `mode` while the generator runs, and the caller's own mode while it waits."""

    @functools.wraps(function)
    def switched(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = functools.partial(next, generator)
        try:
            while True:
                try:
                    with _GradMode(mode):
                        item = resume()
                except StopIteration as stop:
                    return stop.value
                try:
                    resume = functools.partial(generator.send, (yield item))
                except GeneratorExit:
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
        finally:
            with _GradMode(mode):
                generator.close()

    return switched


class no_grad(_GradMode):
    """Run a block, or a decorated function, without recording: its results require no gradient.

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.tensor(3.0, requires_grad=True)
    >>> with ad.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Accept `@no_grad` beside `@no_grad()`."""
        return super().__new__(cls) if function is None else _GradMode(False)(function)

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(_GradMode):
    """Run a block, or a decorated function, with recording on, also inside `no_grad`.

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.tensor(3.0, requires_grad=True)
    >>> with ad.no_grad(), ad.enable_grad():
    ...     (w * 2).requires_grad
    True
    """

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """Accept `@enable_grad` beside `@enable_grad()`."""
        return super().__new__(cls) if function is None else _GradMode(True)(function)

    def __init__(self) -> None:
        super().__init__(True)


class set_grad_enabled(_GradMode):
    """Switch recording on or off: at once when called, for a block in `with`, per call as a decorator.

    Parameters
    ----------
    mode : bool
        True records, False does not.

    Examples
    --------
    >>> import autodiff as ad
    >>> with ad.set_grad_enabled(False):
    ...     ad.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._at_call = is_recording()
        _recording.set(self.mode)

    def __enter__(self) -> None:
        self._before.append(self._at_call)
        _recording.set(self.mode)

    def __call__(self, function: F) -> F:
        """Decorate: the mode then holds while the function runs, not from now on."""
        _recording.set(self._at_call)
        return super().__call__(function)
