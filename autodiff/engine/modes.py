"""Switches that decide whether operations are recorded and checked, local to the running thread or task."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar, cast

from ..tracing import refuse, tracing
from ..tracing import state as _state

__all__ = [
    "detect_anomaly", "enable_grad", "is_anomaly_enabled", "is_grad_enabled", "no_grad", "set_detect_anomaly",
    "set_grad_enabled",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


class Watch(NamedTuple):
    """The state of the switches while `detect_anomaly` is on; as a truth value, whether operations are recorded."""

    recording: bool
    nan: bool  # whether a NaN in a result is an error
    inf: bool  # whether an infinity is one
    in_rule: bool = False  # whether a derivative rule is running on tensors, whose result as a whole is checked instead
    origin: object = None  # where the operation was called whose rule is running, if that was noted

    def __bool__(self) -> bool:
        return self.recording

    def switched(self, recording: bool) -> Watch:
        """Return the same checks, with the recording on or off."""
        return self._replace(recording=recording)


# Both switches are one variable, so that an operation reads both in the time of one: it asks whether the state `is
# True`, and only if not looks closer. The state's truth value is always whether operations are recorded.
is_recording = _state.get


def watching() -> Watch | None:
    """Return the state while results are being checked, otherwise None."""
    state = _state.get()
    return state if isinstance(state, Watch) else None


def _set_recording(recording: bool) -> None:
    """Record from now on, or not; what is checked stays as it is."""
    state = _state.get()
    _state.set(recording if isinstance(state, bool) else state.switched(recording))


def _set_watch(watch: Watch | None) -> None:
    """Check from now on as `watch` says, or not at all; whether operations are recorded stays as it is."""
    if watch is not None:
        refuse("detect_anomaly", "call the function itself under detect_anomaly, not the compiled one")
    elif tracing() is not None:
        return
    _state.set(watch.switched(bool(_state.get())) if watch is not None else bool(_state.get()))


@contextlib.contextmanager
def on_behalf_of(watch: Watch, origin: object) -> Generator[None, None, None]:
    """Run a derivative rule on tensors; the caller checks its result, and says where the operation was called."""
    _set_watch(Watch(True, watch.nan, watch.inf, True, origin))
    try:
        yield
    finally:
        _set_watch(watch)


def is_grad_enabled() -> bool:
    """Tell whether operations on tensors that require gradients are being recorded.

    Examples
    --------
    >>> import autodiff as ad
    >>> with ad.no_grad():
    ...     ad.is_grad_enabled()
    False
    """
    return bool(is_recording())


class _GradMode:
    """A context manager and decorator that switches recording to `mode`, and back to what it was."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(bool(is_recording()))
        _set_recording(self.mode)

    def __exit__(self, *raised: object) -> None:
        _set_recording(self._before.pop())

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
        self._at_call = bool(is_recording())
        _set_recording(self.mode)

    def __enter__(self) -> None:
        self._before.append(self._at_call)
        _set_recording(self.mode)

    def __call__(self, function: F) -> F:
        """Decorate: the mode then holds while the function runs, not from now on."""
        _set_recording(self._at_call)
        return super().__call__(function)


def is_anomaly_enabled() -> bool:
    """Tell whether `detect_anomaly` is on.

    Examples
    --------
    >>> import autodiff as ad
    >>> with ad.detect_anomaly():
    ...     ad.is_anomaly_enabled()
    True
    """
    return watching() is not None


class detect_anomaly:
    """Raise at the first operation whose result, or whose gradient in `backward`, holds a NaN.

    The error names the operation, the line of your code that called it, the module it ran in, and describes every
    array that went in and came out. It also finds a NaN in what is computed without gradients. Each result is
    inspected, so a training step takes longer; switched off, it costs nothing. NumPy's own warnings about what tensors
    compute are silent meanwhile: the report says more.

    Parameters
    ----------
    check_nan : bool, optional
        Whether a NaN is an error.
    check_inf : bool, optional
        Whether an infinity is an error, too.

    Raises
    ------
    RuntimeError
        By the operation, or by `backward`, where one is found.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor([0.0, 1.0], requires_grad=True)
    >>> with ad.detect_anomaly():
    ...     (x.sqrt() * 0).sum().backward()
    Traceback (most recent call last):
        ...
    RuntimeError: sqrt: the gradient of its input 0 holds a NaN, computed by backward...
    """

    def __init__(self, check_nan: bool = True, *, check_inf: bool = False) -> None:
        self._watch: Watch | None = Watch(True, bool(check_nan), bool(check_inf))
        self._before: list[Watch | None] = []

    def __enter__(self) -> None:
        self._before.append(watching())
        _set_watch(self._watch)

    def __exit__(self, *raised: object) -> None:
        _set_watch(self._before.pop())


class set_detect_anomaly(detect_anomaly):
    """Switch the checks of `detect_anomaly` on or off: at once when called, and back after a block in ``with``.

    Parameters
    ----------
    mode : bool
        True checks, False does not.
    check_nan : bool, optional
        Whether a NaN is an error.
    check_inf : bool, optional
        Whether an infinity is an error, too.

    Examples
    --------
    >>> import autodiff as ad
    >>> with ad.set_detect_anomaly(True):
    ...     ad.is_anomaly_enabled()
    True
    >>> ad.is_anomaly_enabled()
    False
    """

    def __init__(self, mode: bool, check_nan: bool = True, *, check_inf: bool = False) -> None:
        super().__init__(check_nan, check_inf=check_inf)
        self._watch = self._watch if mode else None
        self._at_call = watching()
        _set_watch(self._watch)

    def __enter__(self) -> None:
        self._before.append(self._at_call)
        _set_watch(self._watch)
