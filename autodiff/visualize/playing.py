"""Which tensors a picture shows, what they are called, and where: what is needed to play it, whatever its view."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.graph import Node
from . import expressions, formulas, text
from .chain import Chain
from .chain_reading import ChainReader
from .diagram import Box, Module, Step
from .reading import Reader

_LONGEST_NAME = 18  # characters of a formula that serves as a name


class Playing:
    """The tensors behind a description.

    Attributes
    ----------
    names : dict of Node to str
        What each tensor with a place in the picture is called.
    chain : Chain
        The derivatives between them.
    kept : list of Node
        Those of them that were computed, in this order.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.nodes = {node.key: node for node in reader.diagram.nodes}
        if isinstance(reader, ChainReader):
            self.chain, self.names = reader.chain, reader.chain.names
        else:
            self.names = self._leaves()
            self._name_results()
            self.chain = Chain(reader.steps, self.names)
        self.kept = [y for y in reader.steps if y in self.names]
        self.numbers: dict[tuple[str, str], list[str]] = {(a.tail, a.head): [] for a in reader.diagram.arrows}
        for i, arrow in enumerate(reader.diagram.arrows):
            self.numbers[arrow.tail, arrow.head].append(f"way{i}")

    def _leaves(self) -> dict[Node, str]:
        found = {}
        for t, key in self.reader.keys.items():
            box = self.nodes[key]
            if t._op is None and isinstance(box, Box) and box.kind != "constant":
                found[t] = box.title
        return found

    def _name_results(self) -> None:
        """Name what has no name by the short formula that it is, by the module that returned it, or by its place."""
        reader = self.reader
        own = {y: name for y in reader.steps if (name := reader.called(y))}
        chain = Chain((), self.names | own)
        free: dict[str, Iterator[str]] = {}
        taken = set(self.names.values()) | set(own.values())
        for y in reader.steps:
            formula = chain.tell(y)
            if y not in reader.outputs and all(reader.makers[z] == reader.makers[y] for z in reader.users[y]):
                continue  # it is folded
            box = self.nodes[reader.keys[y]]
            name = own.get(y) or (box.title if isinstance(box, Box) else "")
            name = f"({box.title})" if isinstance(box, Module) and not name else name
            if not name and formula is not None and len(said := expressions.factor(formula)) <= _LONGEST_NAME:
                name = said
            if not name or (name in taken and y not in own):
                called = name or formulas.CALLED.get(y._op.name, y._op.name)
                name = chain.names[y] = next(free.setdefault(called, text.numbered(called, taken)))
            taken.add(name)
            self.names[y] = name

    def maker(self, y: Node) -> str:
        """Return what made a result: a module, an operation; for a leaf and in the chain's picture its own name."""
        node = self.nodes[self.reader.makers.get(y, self.reader.keys[y])]
        return node.symbol if isinstance(node, Step) else node.title

    def is_module(self, key: str) -> bool:
        """Tell whether a folded module stands there."""
        return isinstance(self.nodes[key], Module)

    def places(self, t: Node) -> list[str]:
        """Return the keys of what is seen of a tensor: of its box, and of what made it."""
        return list(dict.fromkeys((self.reader.makers.get(t, self.reader.keys[t]), self.reader.keys[t])))

    def ways(self, y: Node, x: Node) -> list[str]:
        """Return the marks of the arrows from a tensor to a result that was computed from it."""
        maker, key = self.reader.makers[y], self.reader.keys[y]
        return self.numbers.get((self.reader.keys[x], maker), []) + self.numbers.get((maker, key), [])
