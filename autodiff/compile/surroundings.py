"""What a function reads besides its arguments: names outside of it, attributes, generators of random numbers."""

from __future__ import annotations

import dis
import functools
import pickle
import random
import sys
import types
from collections.abc import Callable, Iterator
from io import IOBase
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node
from ..tracing import attribute_changes

_OURS = ("autodiff", "nn", "optim", "numpy", "builtins", "torch")
_PLAIN = (int, float, bool, str, bytes, complex, type(None))
_CONTAINERS = (list, tuple, dict, set)


class Place(NamedTuple):
    """Where a function finds something: in a cell, under a key, as an attribute; or what a container or array holds."""

    name: str
    holder: Any
    key: str
    how: str

    def now(self) -> Any:
        """Return what is there."""
        if self.how == "cell":
            try:
                return self.holder.cell_contents
            except ValueError:  # it is empty
                return None
        if self.how == "key":
            return self.holder.get(self.key)
        return getattr(self.holder, self.key, None) if self.how == "attribute" else held(self.holder)


def held(container: Any) -> Any:
    """Return a copy of what a container or an array holds."""
    if isinstance(container, dict):
        return [*container, *container.values()]
    return container.copy() if isinstance(container, np.ndarray) else list(container)


def is_alike(now: Any, before: Any) -> bool:
    """Tell whether a place holds what it held."""
    if now is before:
        return True
    if type(now) is not type(before):
        return False
    if isinstance(now, _PLAIN):
        return bool(now == before)
    if isinstance(now, np.ndarray):
        return np.array_equal(now, before, equal_nan=now.dtype.kind == "f")
    return type(now) is list and len(now) == len(before) and all(map(is_alike, now, before))


class Names:
    """The values that a function, and the functions that it calls, find outside of themselves.

    Attributes
    ----------
    places : list of Place
        Where they are found.
    values : list
        What was there.
    modules : list of Module
        Those among what was found.
    """

    def __init__(self, function: Callable[..., Any], modules: Any = (), arguments: Any = ()) -> None:
        self.places: list[Place] = []
        self.modules: list[Any] = []
        self._seen: dict[Any, Any] = {}  # by id, held so that no id is used twice
        self._names: set[str] = set()  # of attributes that any function reads
        self._objects: list[tuple[Any, str]] = []
        self._meet(function, getattr(function, "__name__", "function"))
        for module in modules:
            self._meet(module, type(module).__name__)
        for value in arguments:
            self._meet(value, "an argument")
        size = -1
        while size != (size := len(self._names) + len(self._objects)):  # what is read of objects leads to others
            for value, name in tuple(self._objects):
                self._read_attributes(value, name)
        self.values = self.now()

    def _meet(self, value: Any, name: str) -> None:
        """Note what can be found by way of a value."""
        if isinstance(value, (*_PLAIN, np.generic)) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, Node):
            if vars(value):  # attributes of a user's
                self._objects.append((value, name))
        elif isinstance(value, (types.FunctionType, types.MethodType)):
            self._look(value)
        elif isinstance(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self._meet(part, name)
        elif isinstance(value, np.ndarray):
            self.places.append(Place(name, value, "", "array"))
        elif isinstance(value, _CONTAINERS):
            if not isinstance(value, tuple):
                self.places.append(Place(name, value, "", "contents"))
            for part in value.values() if isinstance(value, dict) else value:
                self._meet(part, name)
        elif isinstance(value, Iterator) and not isinstance(value, IOBase):
            raise RuntimeError(
                f"compile: {name} is an iterator, of which each call would get what the first one got; "
                "pass what it gives as an argument"
            )
        elif hasattr(value, "named_modules") and not isinstance(value, type):
            self.modules.append(value)
            self._objects.append((value, name))
        else:
            is_object = not isinstance(value, (type, types.ModuleType))
            if not _is_known(type(value) if is_object else value) or (is_object and hasattr(value, "__dict__")):
                self._objects.append((value, name))

    def _look(self, function: Any) -> None:
        """Note what a function reads."""
        owner, function = getattr(function, "__self__", None), getattr(function, "__func__", function)
        if function.__module__ is not None and _is_known(function):
            return
        read = [i for code in _codes(function.__code__) for i in dis.get_instructions(code)]
        self._names |= {i.argval for i in read if i.opname in ("LOAD_ATTR", "LOAD_METHOD")}
        if owner is not None:
            self._meet(owner, "self")
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self._take(Place(name, cell, "", "cell"))
        scope = function.__globals__
        for name in sorted({i.argval for i in read if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")} & scope.keys()):
            self._take(Place(name, scope, name, "key"))
        defaults = *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()
        for value in (*defaults, getattr(function, "__wrapped__", None)):
            self._meet(value, f"a default of {function.__name__}")

    def _take(self, place: Place) -> None:
        self.places.append(place)
        self._meet(place.now(), place.name)

    def _read_attributes(self, owner: Any, name: str) -> None:
        """Note the attributes of an object that some function reads."""
        own = vars(owner) if hasattr(owner, "__dict__") else {}
        classes = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
        of_class = {} if isinstance(owner, types.ModuleType) else _attributes(classes)
        is_module = hasattr(owner, "named_modules")
        called = {key for key, v in of_class.items() if key[:2] == "__" and isinstance(v, types.FunctionType)}
        for key in sorted(self._names & (own.keys() | of_class.keys()) | called | ({"forward"} & of_class.keys())):
            if (id(owner), key) in self._seen:
                continue
            self._seen[id(owner), key] = owner
            value = of_class.get(key)
            if isinstance(value, property):
                self._meet(value.fget, key)
            elif isinstance(value, (types.FunctionType, staticmethod, classmethod)) and key not in own:
                self._meet(getattr(value, "__func__", value), key)
            elif is_module and key in own:  # which `Attributes` looks at
                self._meet(own[key], f"{name}.{key}")
            elif is_module or hasattr(owner, key):
                self._take(Place(f"{name}.{key}", owner, key, "attribute"))

    def now(self) -> list[Any]:
        """Return what the places hold now."""
        return [place.now() for place in self.places]

    def changed(self) -> str | None:
        """Say which name stands for something else than it did, and for what; None if none does."""
        for place, before in zip(self.places, self.values, strict=True):
            if not is_alike(now := place.now(), before):
                was, is_ = _short(before), _short(now)
                return f"{place.name} " + (f"was {was} and is {is_}" if was != is_ else "held something else")
        return None

    def forget(self, arrays: list[Any]) -> None:
        """Do not compare arrays that are read at each run anyway."""
        kept = [
            (p, v) for p, v in zip(self.places, self.values, strict=True)
            if not (p.how == "array" and any(np.may_share_memory(p.holder, a) for a in arrays))
        ]  # fmt: skip
        self.places, self.values = [p for p, _ in kept], [v for _, v in kept]

    def sources(self) -> list[Any]:
        """Return the generators of random numbers that are found, Python's and NumPy's own among them."""
        kinds: tuple[type, ...] = random.Random, np.random.Generator, np.random.RandomState
        found = [v for v in self._seen.values() if isinstance(v, kinds)]
        return [random, np.random, *found]


def state_of(source: Any) -> bytes:
    """Return where a generator of random numbers stands."""
    if isinstance(source, np.random.Generator):
        return pickle.dumps(source.bit_generator.state)
    return pickle.dumps(source.getstate() if hasattr(source, "getstate") else source.get_state())


def _is_known(kind: Any) -> bool:
    """Tell whether a class or a module is no part of a user's program: of a library or Python's own."""
    top = (kind.__name__ if isinstance(kind, types.ModuleType) else str(kind.__module__)).split(".")[0]
    return top in _OURS or top in sys.stdlib_module_names or _is_installed(top)


@functools.cache
def _is_installed(top: str) -> bool:
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _attributes(classes: Any) -> dict[str, Any]:
    """Return the attributes that a user's classes define."""
    found: dict[str, Any] = {}
    for kind in reversed(classes):
        if not _is_known(kind):
            found.update(vars(kind))
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


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
        if self.changed() is not None or any(map(has_hooks, self.modules)):
            return True
        self.stamp = attribute_changes[0]
        return False

    def changed(self) -> str | None:
        """Return the name of an attribute that is not what it was; None if all are."""
        for module, before in zip(self.modules, self.values, strict=True):
            now = vars(module)
            of_class = type(module)
            for name in now.keys() | before.keys():
                value, old = (at.get(name, getattr(of_class, name, at)) for at in (now, before))
                if value is not old and not (
                    isinstance(value, (*_PLAIN, tuple)) and type(value) is type(old) and value == old
                ):
                    return f"{type(module).__name__}.{name}"
        return None


def has_hooks(module: Any) -> bool:
    """Tell whether anything is to be called before or after a module, or every module."""
    kinds = ("before", "after", "before_backward", "backward")
    return any(getattr(h, kind) for h in (module._hooks, type(module)._hooks) if h is not None for kind in kinds)
