"""What tensors stand in among arguments and results: lists, tuples, dicts and data classes."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import wrap

#: Where a tensor stands, and where the same one stands again.
_PLACE, _AGAIN = ("tensor",), "again"

Key = tuple[Any, ...]


class _Same:
    """An object that cannot be hashed, as what it is and not as what it is equal to."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def flat(value: Any) -> tuple[list[Any], Key, list[Any]]:
    """Return the tensors among arguments, what they stand in, and what else stands there that is no plain value."""
    tensors: list[Any] = []
    objects: list[Any] = []
    places: dict[int, int] = {}

    def take(value: Any) -> Key:
        kind = type(value)
        if isinstance(value, np.ndarray):
            value = wrap(value)
        if isinstance(value, Node):
            if (place := places.setdefault(id(value), len(tensors))) < len(tensors):
                return (_AGAIN, place)
            tensors.append(value)
            return _PLACE
        if kind in (list, tuple) or (isinstance(value, tuple) and hasattr(value, "_fields")):
            return (kind, tuple(map(take, value)))
        if kind is dict or kind is OrderedDict:
            return (kind, tuple((k, take(v)) for k, v in value.items()))
        if is_data(value):
            return (kind, tuple((f.name, take(getattr(value, f.name))) for f in dataclasses.fields(value)))
        if not isinstance(value, (int, float, str, bytes, type(None))):
            if holds_tensors(value):
                raise TypeError(
                    f"compile: an argument of class {kind.__name__} holds tensors; pass them as arguments, "
                    "or in a list, tuple, dict or data class"
                )
            objects.append(value)
            if kind.__hash__ is None and hasattr(value, "__dict__"):
                value = _Same(value)
        return (None, value, kind, value.hex() if kind is float else None)  # 0.0 and -0.0 are equal

    return tensors, take(value), objects


def rebuilt(key: Key, tensors: list[Any]) -> Any:
    """Return arguments that were taken apart, with other tensors."""
    rest = iter(tensors)

    def put(key: Any) -> Any:
        if key is _PLACE:
            return next(rest)
        kind, parts = key[:2]
        if kind is _AGAIN:
            return tensors[parts]
        if kind is None:
            return parts.value if isinstance(parts, _Same) else parts
        if dataclasses.is_dataclass(kind):
            return _made(kind, {name: put(v) for name, v in parts})
        if issubclass(kind, dict):
            return kind((k, put(v)) for k, v in parts)
        values = map(put, parts)
        return kind(*values) if hasattr(kind, "_fields") else kind(values)

    return put(key)


def plain(result: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """Return a result with dicts in the place of data classes, and what puts these back where there are any."""
    if is_data(result):
        kind, fields = type(result), [f.name for f in dataclasses.fields(result)]
        inner = {name: plain(getattr(result, name)) for name in fields}
        backs = {name: back for name, (_, back) in inner.items()}
        return {name: tree for name, (tree, _) in inner.items()}, lambda tree: _made(
            kind, {name: _back(backs[name], v) for name, v in tree.items()}
        )
    if isinstance(result, dict):
        inner = {k: plain(v) for k, v in result.items()}
        kind = type(result)
        if kind not in (dict, OrderedDict):
            raise RuntimeError(f"compile: returning a {kind.__name__} cannot be recorded; return a dict")
        tree = kind((k, t) for k, (t, _) in inner.items())
        if all(back is None for _, back in inner.values()):
            return tree, None
        return tree, lambda tree: kind((k, _back(inner[k][1], v)) for k, v in tree.items())
    if isinstance(result, (list, tuple)):
        parts = [plain(v) for v in result]
        if all(back is None for _, back in parts):
            return result, None
        kind = type(result)
        make: Any = (lambda vs: kind(*vs)) if hasattr(kind, "_fields") else kind
        return make([t for t, _ in parts]), lambda tree: make(
            [_back(back, v) for (_, back), v in zip(parts, tree, strict=True)]
        )
    if isinstance(result, Iterator) or holds_tensors(result):
        raise RuntimeError(
            f"compile: returning a {type(result).__name__} cannot be recorded; return tensors, "
            "in lists, tuples, dicts or data classes"
        )
    return result, None


def _back(back: Callable[[Any], Any] | None, tree: Any) -> Any:
    return tree if back is None else back(tree)


def is_data(value: Any) -> bool:
    """Tell whether something is an instance of a data class."""
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _made(kind: Any, fields: dict[str, Any]) -> Any:
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def holds_tensors(value: Any) -> bool:
    """Tell whether an object that is no module has tensors or arrays among its attributes."""
    if isinstance(value, (Node, type)) or callable(value) or not hasattr(value, "__dict__"):
        return False
    return any(isinstance(v, (Node, np.ndarray)) for v in vars(value).values())
