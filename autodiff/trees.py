"""Nested lists, tuples and dicts: the values in them, and others in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["leaves", "map_leaves", "rebuild"]

Classes = type | tuple[type, ...]


def leaves(tree: Any, whole: Classes = ()) -> list[Any]:
    """Return the values in order; what is of a class in `whole` counts as a value.

    Examples
    --------
    >>> from autodiff.trees import leaves
    >>> leaves({"a": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    if isinstance(tree, whole):
        return [tree]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part, whole)]
    if isinstance(tree, Mapping):
        return [leaf for part in tree.values() for leaf in leaves(part, whole)]
    return [tree]


def map_leaves(tree: Any, change: Callable[[Any], Any], whole: Classes = ()) -> Any:
    """Return a tree of the same form in which each value is what `change` makes of it; `whole` as for `leaves`."""
    if isinstance(tree, whole):
        return change(tree)
    if isinstance(tree, (list, tuple)):
        parts = [map_leaves(part, change, whole) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if isinstance(tree, Mapping):
        made = {key: map_leaves(part, change, whole) for key, part in tree.items()}
        return made if type(tree) is dict else type(tree)(made)  # type: ignore[call-arg]  # an OrderedDict, say
    return change(tree)


def rebuild(tree: Any, values: Iterable[Any]) -> Any:
    """Return a tree of the same form with other values, in order."""
    rest = iter(values)
    return map_leaves(tree, lambda _: next(rest))
