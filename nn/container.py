"""Modules made of other modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, overload

from .module import Module


class Sequential(Module):
    """Modules applied one after the other.

    Parameters
    ----------
    *args : Module, or one OrderedDict of str to Module
        In the order of application; named "0", "1", ... or by the keys.

    Raises
    ------
    TypeError
        If one of them is not a Module.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    >>> net(ad.zeros(4, 2)).shape
    (4, 1)
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], OrderedDict) else enumerate(args)
        for name, module in named:
            self._put(str(name), module)

    def _put(self, name: str, module: Any) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"Sequential: element {name!r} must be a Module, got {type(module).__name__}")
        self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Pass the input through all modules in turn."""
        for _, module in self._own("module"):
            input = module(input)
        return input

    def append(self, module: Module) -> Sequential:
        """Add a module at the end."""
        self._put(str(len(self)), module)
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self._own("module"))

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self._own("module"))

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return Sequential(OrderedDict(list(self._own("module"))[index]))
        return getattr(self, self._name_at(index))  # type: ignore[no-any-return]  # a registered Module

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(self._name_at(index), module)

    def _name_at(self, index: int) -> str:
        names = [name for name, _ in self._own("module")]
        if not -len(names) <= index < len(names):
            raise IndexError(f"Sequential: index {index} is out of range for {len(names)} modules")
        return names[index]
