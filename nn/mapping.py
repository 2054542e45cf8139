"""What dictionaries of modules and of parameters have in common: elements registered under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from autodiff import Tensor

from .module import Module

E = TypeVar("E")  # what the dictionary holds


class NamedElements(Module, Generic[E]):
    """The base of `ModuleDict` and `ParameterDict`."""

    _kind = "module"  # what the elements are registered as

    def _check(self, key: Any, element: Any) -> None:
        """Raise unless an element may be registered under a name."""
        raise NotImplementedError

    def _put(self, key: str, element: Any) -> None:
        """Register an element."""
        raise NotImplementedError

    def update(self, elements: Any) -> None:
        """Add elements, or replace those of the same name; none, unless all of them fit."""
        if not isinstance(elements, Iterable) or isinstance(elements, Tensor):
            raise TypeError(f"{type(self).__name__}: expected a mapping or pairs, got {type(elements).__name__}")
        pairs = list(elements.items() if isinstance(elements, (Mapping, NamedElements)) else elements)
        for i, pair in enumerate(pairs):
            is_pair = isinstance(pair, Iterable) and not isinstance(pair, Tensor)
            if not is_pair or len(pair := tuple(pair)) != 2:
                kind = ValueError if is_pair else TypeError
                held = "Module" if self._kind == "module" else "Tensor"
                raise kind(f"{type(self).__name__}: element {i} must be a name and a {held}, got {pair!r}")
            self._check(*pair)
        for key, element in pairs:
            self[key] = element

    def __setitem__(self, key: str, element: Any) -> None:
        self._check(key, element)
        self._put(key, element)

    def __getitem__(self, key: str) -> E:
        if key not in self:
            raise KeyError(key)
        return getattr(self, key)  # type: ignore[no-any-return]  # what was registered

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self.keys()  # the names, not this method again

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> list[str]:
        """Return the names."""
        return [name for name, _ in self._own(self._kind)]

    def values(self) -> list[E]:
        """Return the elements."""
        return [element for _, element in self._own(self._kind)]

    def items(self) -> list[tuple[str, E]]:
        """Return (name, element) pairs."""
        return list(self._own(self._kind))

    def pop(self, key: str) -> E:
        """Remove an element and return it."""
        element = self[key]
        del self[key]
        return element

    def clear(self) -> None:
        """Remove all elements."""
        for name in self.keys():  # a new list, which stays whole while elements go
            del self[name]
