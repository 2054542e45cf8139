"""Read a recorded graph into the picture of the chain rule: tensors alone, a local derivative on each way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.graph import Node
from .chain import DIRECT_NOTE, Chain, completed
from .diagram import Arrow, Box, Content, Kind
from .local import Local
from .reading import Names, Reader


def read_chain(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> ChainReader:
    """Describe how the outputs depend on each tensor; see `draw` for the arguments and the errors."""
    reader = ChainReader(outputs, Names(params), digits, heat)
    for y in reader.steps:
        if y in reader.chain.names:
            reader.add_kept(y)
    derivatives = [arrow.derivative for arrow in reader.diagram.arrows if arrow.derivative is not None]
    if any(d.is_part and not d.is_rule for d in derivatives):
        reader.diagram.note = DIRECT_NOTE
    return reader


class ChainReader(Reader):
    """Reads a graph into tensors alone, with a local derivative on each way; `add_kept` is its one step."""

    def __init__(self, outputs: Sequence[Node], names: Names, digits: int, heat: bool) -> None:
        super().__init__(outputs, names, digits, heat=heat)
        called = completed(names, self.steps, outputs)
        if not self.numerator and len(outputs) == 1 and outputs[0]._data.size == 1:
            self.numerator = called[outputs[0]] if len(called[outputs[0]]) <= 6 else ""
        self.chain = Chain(self.steps, called, completed=True)
        self.local = Local(self.chain, self.numerator or "L", digits)

    def called(self, t: Node) -> str:
        """Return the tensor's name, which may be one that only this picture gives it."""
        return self.chain.names.get(t, "")

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe a tensor; its gradient is called as on the ways."""
        content = super().content(t, brief)
        if self.numerator and (name := self.called(t)):
            content.gradient_label = f"∂{self.numerator}/∂{name}"
        return content

    def add_kept(self, y: Node) -> None:
        """Add a result that is kept: its leaves that are new, itself, and the ways into it."""
        sources = self.chain.sources(self.chain.between(y))
        for x in sources:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(sources):
            self.main.add(y)
        kind: Kind = "output" if y in self.outputs else "result"
        frame = self.calls.outside(y) if self.names.of(y) else self.calls.around(y)
        self.add_box(y, kind, self.chain.names[y], frame)
        self.makers[y] = self.keys[y]
        box = self.diagram.nodes[-1]
        assert isinstance(box, Box)
        box.formula = self.local.formula(y)
        derivatives = self.local.derivatives(y)
        for x in sources:
            self.diagram.arrows.append(Arrow(self.keys[x], self.keys[y], "", x in self.main, derivatives.get(x)))
