"""Finding the first NaN: what `detect_anomaly` notes of an operation, checks of its results, and reports."""

from __future__ import annotations

import functools
import linecache
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from .graph import Node, extra
from .modes import Watch, on_behalf_of, watching

# The code of this library, whose lines are never the cause: the packages that are installed side by side.
_ABOVE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_OURS = tuple(os.path.join(_ABOVE, package, "") for package in ("autodiff", "nn", "optim"))

Array = Any


class Origin(NamedTuple):
    """Where an operation was called: the line of the user's code, and the modules that were running, outermost first.

    An operation of a derivative that is itself recorded has the origin of the operation `within` whose rule it is.
    """

    file: str
    line: int
    function: str
    modules: tuple[Any, ...]
    within: str = ""

    def lines(self) -> Iterator[str]:
        """Yield what a report says about it."""
        code = linecache.getline(self.file, self.line).strip()
        what = f"part of the derivative of {self.within}, which was called" if self.within else "called"
        shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        file = " ".join((shell and shell.compile.format_code_name(self.file)) or [self.file])  # or Cell In[3]
        yield f"  {what} at {file}:{self.line}, in {self.function}" + (f": {code}" if code else "")
        if self.modules:
            yield f"  in the module {_path(self.modules)}"


def _path(modules: tuple[Any, ...]) -> str:
    """Return the innermost module as "path: Class", its path seen from the outermost one that knows it."""
    last = modules[-1]
    path = next((path for root in modules for path, module in root.named_modules() if module is last), "")
    return f"{path}: {type(last).__name__}" if path else type(last).__name__


def _origin() -> Origin:
    """Read off the stack who called the operation that is running."""
    user: FrameType | None = None
    modules: list[Any] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if user is None and not code.co_filename.startswith(_OURS):
            user = frame
        if code.co_name == "__call__" and hasattr(called := frame.f_locals.get("self"), "named_modules"):
            modules.append(called)
        frame = frame.f_back
    user = user or sys._getframe(1)
    return Origin(user.f_code.co_filename, user.f_lineno, user.f_code.co_name, tuple(reversed(modules)))


# -- the checks --------------------------------------------------------------------------------------------------------


def check_result(name: str, out: Node, inputs: Sequence[Node]) -> None:
    """Note where a result came from, and raise if it holds what is looked for."""
    watch = watching()
    if watch is None:
        return
    if out._op is not None:
        extra(out).origin = watch.origin if isinstance(watch.origin, Origin) else _origin()
    if not watch.in_rule and (found := _find(watch, out._data)):
        came = [(_label(f"input {i}", x), x._data) for i, x in enumerate(inputs)]
        raise _report(watch, f"{name}: its result holds {found}", _origin(), came, ("result", out._data))


def check_change(name: str, tensor: Node, before: Array, written: Sequence[Any]) -> None:
    """Raise if a tensor that was changed in place holds what is looked for; `written` is what that was done with."""
    watch = watching()
    if watch is not None and (found := _find(watch, tensor._data)):
        operands = ((f"operand {i}", np.asarray(value)) for i, value in enumerate(written))
        came = [(_label("before", tensor), before), *operands]
        raise _report(watch, f"{name}: it leaves {found} behind", _origin(), came, ("after", tensor._data))


class CheckedRules:
    """The derivative rules of an operation, each of which checks what it returns."""

    __slots__ = ("_name", "_rules", "_watch")

    def __init__(self, watch: Watch, name: str, rules: Sequence[Callable[..., Any]]) -> None:
        self._watch, self._name, self._rules = watch, name, rules

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return functools.partial(self._call, self._rules[i])

    def _call(
        self, rule: Callable[..., Any], g: Any, y: Node, inputs: tuple[Node, ...], params: dict[str, Any], i: int
    ) -> Any:
        watch, origin = self._watch, y._extra.origin if y._extra is not None else None
        arrived = ("gradient of the result", _array(g))
        if found := _find(watch, arrived[1]):
            what = f"{self._name}: the gradient of its result {_ARRIVED.format(found)}"
            raise _report(watch, what, origin, [], arrived)
        if isinstance(g, Node):
            with on_behalf_of(watch, origin and origin._replace(within=self._name)):
                gx = rule(g, y, inputs, params, i)
        else:
            gx = rule(g, y, inputs, params, i)
        if gx is not None and (found := _find(watch, _array(gx))):
            came = [(_label(f"input {k}", x), x._data) for k, x in enumerate(inputs)]
            what = f"{self._name}: the gradient of its input {i} holds {found}, computed by backward"
            bad = (f"gradient of input {i}", _array(gx))
            raise _report(watch, what, origin, [*came, ("result", y._data), arrived], bad)
        return gx


_ARRIVED = "holds {} when it arrives: it was passed to backward, returned by a hook, or arose in adding gradients up"


def check_leaf(watch: Watch, leaf: Node, g: Any) -> None:
    """Raise if the gradient of a leaf, all parts added and all hooks called, holds what is looked for."""
    if found := _find(watch, _array(g)):
        what = f"backward: the gradient of {_label('a leaf', leaf)} {_ARRIVED.format(found)}"
        raise _report(watch, what, None, [("leaf", leaf._data)], ("gradient", _array(g)))


def _array(value: Any) -> Array:
    return value._data if isinstance(value, Node) else value


def _label(what: str, tensor: Node) -> str:
    name = tensor._extra.name if tensor._extra is not None else None
    return f"{what} {name!r}" if name else what


def _find(watch: Watch, array: Array) -> str:
    """Return the name of what is looked for and in the array, or an empty string."""
    if watch.nan and np.isnan(array).any():
        return "a NaN"
    return "an infinity" if watch.inf and np.isinf(array).any() else ""


_UNKNOWN = "  the operation ran before detect_anomaly was on: its line is unknown"


# -- the report --------------------------------------------------------------------------------------------------------


def _report(
    watch: Watch, what: str, origin: Origin | None, came: Iterable[tuple[str, Array]], bad: tuple[str, Array]
) -> RuntimeError:
    """Return the error that tells what was found, where, and what each array looked like."""
    came = list(came)
    where = [] if what.startswith("backward:") else list(origin.lines()) if origin else [_UNKNOWN]
    width = max(len(label) for label, _ in (*came, bad))
    arrays = [f"    {label:<{width}}  {_describe(array)}" for label, array in (*came, bad)]
    return RuntimeError("\n".join([f"{what}.", *where, *arrays, *_verdict(watch, came)]))


def _verdict(watch: Watch, came: list[tuple[str, Array]]) -> Iterator[str]:
    """Yield the line that says whether the operation made what was found or passed it on."""
    if not came:
        return
    dirty = [label for label, array in came if _find(watch, array)]
    if dirty:
        yield f"  It was passed on: {' and '.join(dirty)} held it already, from data or from before detect_anomaly."
    else:
        yield "  It arose in this operation: what went in was clean."
        if not watch.inf and any(np.isinf(array).any() for _, array in came if array.dtype.kind == "f"):
            yield "  Infinities went in: detect_anomaly(check_inf=True) finds where the first of them arose."


def _describe(array: Array) -> str:
    """Return dtype, shape, finite range and the counts of NaN and infinity of an array."""
    text = f"{array.dtype} {tuple(array.shape)}"
    if array.dtype.kind != "f" or not array.size:
        return text
    nan, inf = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    finite = np.asarray(array)[np.isfinite(array)]
    extent = f"finite from {finite.min():.6g} to {finite.max():.6g}" if finite.size else "nothing finite"
    return f"{text}, {extent}, {nan} NaN, {inf} infinite"
