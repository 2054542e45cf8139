"""What a function reads besides its arguments: names outside of it, attributes of modules, options of optimizers."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.graph import Node
from ..tracing import attribute_changes

_OURS = ("autodiff", "nn", "optim", "numpy", "builtins", "math", "torch")
_PLAIN = (int, float, bool, str, bytes, complex, type(None))


class Names:
    """The values of the names that a function, and the functions that it calls, find outside of themselves."""

    def __init__(self, function: Callable[..., Any], modules: Any = ()) -> None:
        self.read: list[tuple[str, Callable[[], Any]]] = []
        seen: set[int] = set()
        self._look(function, seen)
        for module in modules:
            self._look(module.forward, seen)
        self.values = self.now()
        self.sizes = self._sizes()

    def _look(self, function: Any, seen: set[int]) -> None:
        owner = getattr(function, "__self__", None)
        function = getattr(function, "__func__", function)
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            return
        seen.add(id(function))
        if function.__module__ is not None and function.__module__.split(".")[0] in _OURS:
            return
        read = [i for code in _codes(function.__code__) for i in dis.get_instructions(code)]
        names = {i.argval for i in read if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
        outside = {i.argval for i in read if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        found: list[Any] = [(owner, "self")]
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self.read.append((name, _content(cell)))
            found.append((_content(cell)(), name))
        scope = function.__globals__
        for name in sorted(outside):
            if name in scope:
                self.read.append((name, _entry(scope, name)))
                found.append((scope[name], name))
        for value, name in found:
            if isinstance(value, (types.FunctionType, types.MethodType)):
                self._look(value, seen)
            elif hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType, Node)):
                if type(value).__module__.split(".")[0] not in _OURS and not hasattr(value, "named_modules"):
                    for attribute in sorted(names & vars(value).keys()):
                        self.read.append((f"{name}.{attribute}", _attribute(value, attribute)))
                if hasattr(value, "named_modules") and type(value).__module__.split(".")[0] not in _OURS:
                    self._look(value.forward, seen)

    def now(self) -> list[Any]:
        """Return what the names stand for now."""
        return [read() for _, read in self.read]

    def _sizes(self) -> list[int | None]:
        return [len(v) if isinstance(v, (list, dict, set)) else None for v in self.values]

    def changed(self) -> str | None:
        """Say which name stands for something else than it did, and for what; None if none does."""
        for (name, _), before, now in zip(self.read, self.values, self.now(), strict=True):
            if now is not before and not (isinstance(now, _PLAIN) and type(now) is type(before) and now == before):
                return f"{name} was {_short(before)} and is {_short(now)}"
        return None

    def grown(self) -> str | None:
        """Say which list, dict or set has another size than before."""
        for (name, _), before, now in zip(self.read, self.sizes, self._sizes(), strict=True):
            if before != now:
                return name
        return None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _content(cell: Any) -> Callable[[], Any]:
    def read() -> Any:
        try:
            return cell.cell_contents
        except ValueError:  # it is empty
            return None

    return read


def _entry(scope: dict[str, Any], name: str) -> Callable[[], Any]:
    return lambda: scope.get(name)


def _attribute(owner: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(owner, name, None)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


class Attributes:
    """The attributes of modules that were called."""

    def __init__(self, modules: Any) -> None:
        self.modules = list(modules)
        self.values = [dict(vars(m)) for m in self.modules]
        self.stamp = attribute_changes[0]

    def have_changed(self) -> bool:
        """Tell whether an attribute of a module is not what it was."""
        if attribute_changes[0] == self.stamp:
            return False
        for module, before in zip(self.modules, self.values, strict=True):
            now = vars(module)
            if now.keys() != before.keys():
                return True
            for name, value in now.items():
                old = before[name]
                if value is not old and not (
                    isinstance(value, (*_PLAIN, tuple)) and type(value) is type(old) and value == old
                ):
                    return True
            if has_hooks(module):
                return True
        self.stamp = attribute_changes[0]
        return False


def has_hooks(module: Any) -> bool:
    """Tell whether anything is to be called before or after a module."""
    hooks = module._hooks
    return hooks is not None and any((hooks.before, hooks.after, hooks.backward))
