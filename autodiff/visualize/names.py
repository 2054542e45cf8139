"""What tensors and modules are called."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..engine.graph import Node
from .calls import Calls
from .diagram import Kind

_FOUND = ("argmax", "argmin", "moments")  # what functions call what they have computed without a gradient
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Names:
    """What the user calls tensors and modules.

    Parameters
    ----------
    params : Module, mapping of str to Tensor, iterable of (str, Tensor) or of Tensor, or None
    """

    def __init__(self, params: Any, where: str = "draw") -> None:
        self.where = where
        self.given = params is not None
        self.tensors: dict[Node, str] = {}
        self.modules: dict[int, str] = {}
        if params is None:
            return
        if hasattr(params, "named_parameters"):
            self._read(params)
            return
        for name, t in self._pairs(params):
            if not isinstance(t, Node):
                raise TypeError(f"{where}: params must hold tensors, got {type(t).__name__} for {name!r}")
            self.tensors.setdefault(t, str(name))

    def _read(self, module: Any, prefix: str = "") -> None:
        """Take the names from a module."""
        buffers = module.named_buffers() if hasattr(module, "named_buffers") else ()
        for name, t in (*module.named_parameters(), *buffers):
            if not isinstance(t, Node):
                raise TypeError(f"{self.where}: params must hold tensors, got {type(t).__name__} for {name!r}")
            self.tensors.setdefault(t, f"{prefix}{name}")
        for path, inner in module.named_modules():
            self.modules.setdefault(id(inner), f"{prefix}{path}".removesuffix("."))

    def read_called(self, steps: Sequence[Node]) -> None:
        """Take the names from the modules that were called, where the user says nothing of names."""
        if self.given:
            return
        calls = Calls(steps)
        called = [call.module for call, parent in zip(calls.calls, calls.parents, strict=True) if parent is None]
        outer: list[Any] = list({id(m): m for m in called if any(True for _ in _parameters(m))}.values())
        if len(outer) == 1:
            self._read(outer[0])
            return
        kinds = Counter(type(m).__name__ for m in outer)
        numbered = {kind: subscripts(kind) for kind in kinds}
        for m in outer:
            kind = type(m).__name__
            self._read(m, f"{next(numbered[kind]) if kinds[kind] > 1 else kind}.")

    def _pairs(self, params: Any) -> list[tuple[str, Any]]:
        if isinstance(params, Mapping):
            return list(params.items())
        items = list(params) if isinstance(params, Iterable) and not isinstance(params, (Node, str)) else [params]
        if isinstance(params, Node) or not all(isinstance(p, (tuple, Node)) for p in items):
            raise TypeError(
                f"{self.where}: params must be a module, a dict of str to Tensor, or an iterable of Tensor or "
                f"(str, Tensor), got {type(params).__name__}"
            )
        return [("", p) if isinstance(p, Node) else p for p in items]

    def of(self, t: Node) -> str:
        """Return the tensor's name, "" if it has none: its own before the one that `params` has for it."""
        own = t._extra.name if t._extra is not None else None
        return plain(own or self.tensors.get(t, ""))

    def distinct(self, tensors: Iterable[Node]) -> dict[Node, str]:
        """Return the names of those that have one, each name once: a second h is called h₂."""
        named = {t: name for t in tensors if (name := self.of(t))}
        taken = set(named.values())
        seen: set[str] = set()
        further: dict[str, Iterator[str]] = {}
        for t, name in named.items():
            if name in seen:
                named[t] = next(further.setdefault(name, subscripts(name, taken, 2)))
            seen.add(name)
        return named

    def kind(self, leaf: Node) -> Kind:
        """Tell what a leaf is for."""
        if leaf in self.tensors or (leaf._requires_grad and not self.given):
            return "parameter"
        is_number = not leaf._data.shape and not leaf._requires_grad
        return "constant" if is_number and not self.of(leaf) else "input"

    def is_data(self, leaf: Node) -> bool:
        """Tell whether a leaf comes from outside of all modules."""
        return self.kind(leaf) == "input" and self.of(leaf) not in _FOUND


def _parameters(module: Any) -> Iterable[Any]:
    return module.parameters() if hasattr(module, "parameters") and hasattr(module, "named_modules") else ()


def complete(names: Names, steps: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, str]:
    """Return the names of what the user named, and names for the leaves and outputs that have none: each name once."""
    names.read_called(steps)
    tensors = list(dict.fromkeys(t for y in steps for t in (*y._inputs, y)))
    called = names.distinct(tensors)
    taken = set(called.values())
    letters = {"parameter": subscripts("θ", taken), "input": subscripts("x", taken)}
    is_loss = len(outputs) == 1 and outputs[0]._data.size == 1 and "L" not in taken
    free = subscripts("y", taken)
    results = {t: "L" if is_loss else next(free) for t in outputs if not names.of(t)}
    for t in tensors:
        if t not in called and t._op is None and (kind := names.kind(t)) in letters:
            called[t] = next(letters[kind])
    return called | results


def subscripts(name: str, taken: Container[str] = (), start: int = 1) -> Iterator[str]:
    """Return x₁, x₂, ... without the names that are taken at the time when the next one is asked for.

    Examples
    --------
    >>> from autodiff.visualize.names import subscripts
    >>> names = subscripts("x", {"x₂"})
    >>> next(names), next(names)
    ('x₁', 'x₃')
    """
    names = (name + str(i).translate(_SUBSCRIPTS) for i in itertools.count(start))
    return (name for name in names if name not in taken)


def plain(name: str, longest: int = 40) -> str:
    r"""Return a name on one line, without what cannot be printed, and not too long.

    Examples
    --------
    >>> from autodiff.visualize.names import plain
    >>> plain("first\nsecond\x00")
    'first second'
    """
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return name if len(name) <= longest else name[: longest - 1] + "…"
