"""Which call of which module computed what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..engine.graph import Node


@dataclass
class Call:
    """One call of a module: the recorded nodes that it computed, and those of them that it returned."""

    module: object
    start: int
    members: set[Node]
    returned: set[Node]
    depth: int  # among the calls that returned the same tensor: 0 is the innermost


class Calls:
    """The calls found in a graph, an outer one before the inner ones.

    Parameters
    ----------
    steps : iterable of Node
        All recorded nodes of the graph.
    """

    def __init__(self, steps: Iterable[Node]) -> None:
        found: dict[tuple[int, int], Call] = {}
        for y in steps:
            for depth, (module, start) in enumerate(y._extra.scopes if y._extra is not None else ()):
                call = found.setdefault((id(module), start), Call(module, start, set(), set(), depth))
                call.returned.add(y)
                call.members |= _members_of(y, start)
        self.calls = sorted(found.values(), key=lambda call: (call.start, -len(call.members), -call.depth))
        self.parents = [self._parent(i) for i in range(len(self.calls))]
        self.levels: list[int] = []  # 0 is the outermost
        for parent in self.parents:
            self.levels.append(0 if parent is None else self.levels[parent] + 1)
        self._innermost = {y: i for i, call in enumerate(self.calls) for y in call.members}

    def _parent(self, i: int) -> int | None:
        members = self.calls[i].members
        return next((j for j in reversed(range(i)) if members <= self.calls[j].members), None)

    def around(self, y: Node) -> int | None:
        """Return the innermost call that computed the node."""
        return self._innermost.get(y)

    def outside(self, y: Node) -> int | None:
        """Return the innermost call that computed the node but did not return it: where its value is seen."""
        call = self._innermost.get(y)
        while call is not None and y in self.calls[call].returned:
            call = self.parents[call]
        return call

    def common(self, steps: Iterable[Node]) -> int | None:
        """Return the innermost call that computed all of these."""
        shared: list[int] | None = None
        for y in steps:
            chain = self._chain(self.around(y))
            shared = chain if shared is None else [call for call in shared if call in chain]
        return shared[0] if shared else None

    def _chain(self, call: int | None) -> list[int]:
        chain = []
        while call is not None:
            chain.append(call)
            call = self.parents[call]
        return chain


def _members_of(out: Node, start: int) -> set[Node]:
    """Return the recorded nodes that `out` depends on and that are younger than `start`, `out` among them."""
    found = [out]
    seen = {out}
    for y in found:  # grows as it is walked
        for x in y._inputs:
            if x._op is not None and x._stamp > start and x not in seen:
                seen.add(x)
                found.append(x)
    return seen
