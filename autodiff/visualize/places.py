"""Which tensors a picture shows, what they are called, and where: what is needed to play it, whatever its view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .. import symbolic
from ..engine.graph import Node
from .chain import Chain
from .diagram import Box, Module, Step
from .names import subscripts

if TYPE_CHECKING:
    from .view import View

_LONGEST_NAME = 18  # characters of a formula that serves as a name


class Places:
    """The tensors behind a view.

    Attributes
    ----------
    names : dict of Node to str
        What each tensor with a place in the picture is called.
    chain : Chain
        The derivatives between them.
    kept : list of Node
        Those of them that were computed, in this order.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.nodes = {node.key: node for node in view.diagram.nodes}
        self.chain = view.chain()
        self.names = self.chain.names
        self.kept = [y for y in view.steps if y in self.names]
        self.numbers: dict[tuple[str, str], list[str]] = {(a.tail, a.head): [] for a in view.diagram.arrows}
        for i, arrow in enumerate(view.diagram.arrows):
            self.numbers[arrow.tail, arrow.head].append(f"way{i}")

    def maker(self, y: Node) -> str:
        """Return what made a result: a module, an operation; for a leaf and in the chain's picture its own name."""
        node = self.nodes[self.maker_key(y)]
        return node.symbol if isinstance(node, Step) else node.title

    def is_module(self, key: str) -> bool:
        """Tell whether a folded module stands there."""
        return isinstance(self.nodes[key], Module)

    def of(self, t: Node) -> list[str]:
        """Return the keys of what is seen of a tensor: of its box, and of what made it."""
        return list(dict.fromkeys((self.maker_key(t), self.view.keys[t])))

    def maker_key(self, t: Node) -> str:
        """Return the key of what made a tensor; its own where that is not drawn."""
        return self.view.makers.get(t, self.view.keys[t])

    def ways(self, y: Node, x: Node) -> list[str]:
        """Return the marks of the arrows from a tensor to a result that was computed from it."""
        maker, key = self.maker_key(y), self.view.keys[y]
        return self.numbers.get((self.view.keys[x], maker), []) + self.numbers.get((maker, key), [])


def shown(view: View) -> Chain:
    """Return the chain between the tensors that have a place in a picture of operations or modules."""
    nodes = {node.key: node for node in view.diagram.nodes}
    leaves = {}
    for t, key in view.keys.items():
        box = nodes[key]
        if t._op is None and isinstance(box, Box) and box.kind != "constant":
            leaves[t] = box.title
    return Chain(view.steps, leaves | _names_of_results(view, leaves))


def _names_of_results(view: View, leaves: dict[Node, str]) -> dict[Node, str]:
    """Return a name for each result that is seen: its own, its box's, or the one proposed, each once."""
    own = {y: name for y in view.steps if (name := view.called(y))}
    chain = Chain((), leaves | own)
    free: dict[str, Iterator[str]] = {}
    taken = set(leaves.values()) | set(own.values())
    found = {}
    for y in view.steps:
        chain.tell(y)  # in terms of what came before
        if _is_inside(view, y):
            continue
        name = own.get(y) or _proposal(view, y, chain)
        if y not in own and (not name or name in taken):
            called = name or y._op.called or y._op.name
            name = chain.names[y] = next(free.setdefault(called, subscripts(called, taken)))
        taken.add(name)
        found[y] = name
    return found


def _is_inside(view: View, y: Node) -> bool:
    """Tell whether a result is not seen, or is read in the same box alone that made it."""
    if y in view.outputs or y not in view.keys:
        return y not in view.outputs
    return all(view.makers.get(z) == view.makers[y] for z in view.users[y])


def _proposal(view: View, y: Node, chain: Chain) -> str:
    """Return what a result without a name may be called: as its box, its module, or the short formula that it is."""
    node = next(node for node in view.diagram.nodes if node.key == view.keys[y])
    if isinstance(node, Box):
        return node.title
    if isinstance(node, Module):
        return f"({node.title})"
    formula = chain.formulas.get(y)
    said = "" if formula is None else symbolic.factor(formula)
    return said if len(said) <= _LONGEST_NAME else ""
