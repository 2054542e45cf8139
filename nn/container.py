"""Modules made of other modules, and lists of parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar, overload

from autodiff import Tensor

from .mapping import NamedElements
from .module import Module, Parameter

L = TypeVar("L", bound="_Listed")


class _Listed(Module):
    """Elements under the names "0", "1", ..., or under given names, in order."""

    _kind = "module"

    def _check(self, name: str, element: Any) -> None:
        if not isinstance(element, Module):
            kind = type(self).__name__
            cure = f"; pass the layers one by one, as {kind}(*layers)" if isinstance(element, (list, tuple)) else ""
            cure = f"; write {element.__name__}()" if isinstance(element, type) else cure
            raise TypeError(f"{kind}: element {name!r} must be a Module, got {type(element).__name__}{cure}")

    def _put(self, name: str, element: Any) -> None:
        self._check(name, element)
        self.add_module(name, element)

    def _names(self) -> list[str]:
        return [name for name, _ in self._own(self._kind)]

    def _name_at(self, index: int) -> str:
        names, i = self._names(), self._whole(index)
        if not -len(names) <= i < len(names):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(names)} elements")
        return names[i]

    def _whole(self, index: Any) -> int:
        try:
            return operator.index(index)
        except TypeError:
            raise TypeError(
                f"{type(self).__name__}: an index must be an integer or a slice, got {type(index).__name__}"
            ) from None

    def _renew(self, elements: list[Any]) -> None:
        """Hold these elements instead, numbered anew; nothing changes unless all of them fit."""
        for i, element in enumerate(elements):
            self._check(str(i), element)
        for name in self._names():
            delattr(self, name)
        for i, element in enumerate(elements):
            self._put(str(i), element)

    def _alike(self, base: type[L]) -> L:
        """Return an empty container of this class, or of `base` if this class has another constructor."""
        kind: Any = type(self)
        made: L = kind() if kind.__init__ is base.__init__ else base()
        return made

    def __len__(self) -> int:
        return sum(1 for _ in self._own(self._kind))

    def __iter__(self) -> Iterator[Any]:
        return (element for _, element in self._own(self._kind))

    def __setitem__(self, index: int, element: Any) -> None:
        self._put(self._name_at(index), element)

    def __delitem__(self, index: int | slice) -> None:
        kept = list(self)
        if not isinstance(index, slice):
            self._name_at(index)
        del kept[index]
        self._renew(kept)

    def append(self: L, element: Any) -> L:
        """Add an element at the end."""
        self._put(str(len(self)), element)
        return self

    def extend(self: L, elements: Iterable[Any]) -> L:
        """Add elements at the end; none, unless all of them fit."""
        if not isinstance(elements, Iterable) or isinstance(elements, Tensor):
            raise TypeError(f"{type(self).__name__}: expected an iterable, got {type(elements).__name__}")
        added, start = list(elements), len(self)
        for i, element in enumerate(added, start):
            self._check(str(i), element)
        for element in added:
            self.append(element)
        return self

    def insert(self: L, index: int, element: Any) -> L:
        """Add an element before the one at `index`, and return the container."""
        changed = list(self)
        if not -len(changed) <= self._whole(index) <= len(changed):
            raise IndexError(f"{type(self).__name__}: index {index} is out of range for {len(changed)} elements")
        changed.insert(index, element)
        self._renew(changed)
        return self

    def pop(self, key: int | slice = -1) -> Any:
        """Remove and return an element, the last one by default, or a container of several."""
        taken = self[key]  # type: ignore[index]  # every subclass has it
        del self[key]
        return taken


class Sequential(_Listed):
    """Modules applied one after the other.

    A slice is a Sequential of the same modules; ``a + b`` joins two of them, ``a * 3`` repeats the same modules.

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

    def forward(self, input: Any) -> Tensor:
        """Pass the input through all modules in turn."""
        mine = vars(self)
        for name, kind in self._registered.items():
            if kind == "module" and mine[name] is not None:
                input = mine[name](input)
        return input  # type: ignore[no-any-return]  # what the last of them returns

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        if not isinstance(index, slice):
            return getattr(self, self._name_at(index))  # type: ignore[no-any-return]  # a registered Module
        taken = self._alike(Sequential)
        for name, module in list(self._own("module"))[index]:
            taken._put(name, module)
        return taken

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *self._summand(other))

    def __iadd__(self, other: Sequential) -> Sequential:
        return self.extend(self._summand(other))

    def _summand(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"{type(self).__name__}: + needs another Sequential, got {type(other).__name__}")
        return other

    def __mul__(self, times: int) -> Sequential:
        return Sequential(*list(self) * self._factor(times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Sequential:
        return self.extend(list(self) * (self._factor(times) - 1))

    def _factor(self, times: Any) -> int:
        if not isinstance(times, int):
            raise TypeError(f"{type(self).__name__}: * needs an integer, got {type(times).__name__}")
        if times < 1:
            raise ValueError(f"{type(self).__name__}: * needs a positive integer, got {times}")
        return times


class ModuleList(_Listed):
    """A list of modules that are registered; a network that holds it calls them itself.

    Parameters
    ----------
    modules : iterable of Module, optional

    Raises
    ------
    TypeError
        If one of them is not a Module.

    Examples
    --------
    >>> layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    >>> layers
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    >>> x = ad.zeros(4, 2)
    >>> for layer in layers:
    ...     x = layer(x)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return self._alike(ModuleList).extend(list(self)[index])
        return getattr(self, self._name_at(index))  # type: ignore[no-any-return]  # a registered Module

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, modules: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *modules])

    def __repr__(self) -> str:
        runs: list[list[Any]] = []  # first and last number, text
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs]
        if not lines:
            return f"{type(self).__name__}()"
        return "\n  ".join([f"{type(self).__name__}(", *(line.replace("\n", "\n  ") for line in lines)]) + "\n)"


class ModuleDict(NamedElements[Module]):
    """A dictionary of modules that are registered; a network that holds it calls them itself.

    Parameters
    ----------
    modules : mapping of str to Module, or iterable of pairs, optional

    Raises
    ------
    TypeError
        If one of them is not a Module.

    Examples
    --------
    >>> choices = nn.ModuleDict({"relu": nn.ReLU(), "tanh": nn.Tanh()})
    >>> choices["relu"](ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def _check(self, key: Any, element: Any) -> None:
        if not isinstance(element, Module):
            raise TypeError(f"ModuleDict: element {key!r} must be a Module, got {type(element).__name__}")
        self._check_new(key, element, Module, "module")

    def _put(self, key: str, element: Any) -> None:
        self.add_module(key, element)


class ParameterList(_Listed):
    """A list of parameters that are registered.

    Parameters
    ----------
    values : iterable of Tensor, optional
        Tensors that are no parameters are made into such.

    Raises
    ------
    TypeError
        If one of them is not a Tensor.

    Examples
    --------
    >>> weights = nn.ParameterList([ad.zeros(2), ad.ones(3, 2)])
    >>> weights
    ParameterList(
        (0): Parameter containing: [float32 of size 2]
        (1): Parameter containing: [float32 of size 3x2]
    )
    """

    _kind = "parameter"

    def __init__(self, values: Iterable[Tensor] | None = None) -> None:
        super().__init__()
        if values is not None:
            self.extend(values)

    def _check(self, name: str, element: Any) -> None:
        if not isinstance(element, Tensor):
            raise TypeError(f"ParameterList: element {name!r} must be a Tensor, got {type(element).__name__}")

    def _put(self, name: str, element: Any) -> None:
        self._check(name, element)
        setattr(self, name, element if isinstance(element, Parameter) else Parameter(element))

    @overload
    def __getitem__(self, index: int) -> Parameter: ...
    @overload
    def __getitem__(self, index: slice) -> ParameterList: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._alike(ParameterList).extend(list(self)[index])
        return getattr(self, self._name_at(index))

    def __iadd__(self, values: Iterable[Tensor]) -> ParameterList:
        return self.extend(values)

    def __repr__(self) -> str:
        lines = [
            f"    ({name}): Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
            for name, p in self._own("parameter")
        ]
        return "\n".join(["ParameterList(", *lines, ")"]) if lines else "ParameterList()"
