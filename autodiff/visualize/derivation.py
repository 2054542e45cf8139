"""The view of the chain rule: tensors alone, a local derivative on each way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.graph import Node
from .chain import Chain
from .diagram import Arrow, Box, Content, Kind
from .local import DIRECT_NOTE, Local
from .names import Names
from .paths import product
from .view import View


def derivation(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Derivation:
    """Describe how the outputs depend on each tensor; see `draw` for the arguments and the errors."""
    view = Derivation(outputs, Names(params), digits, heat)
    for y in view.steps:
        if y in view.local.chain.names:
            view.add(y)
    derivatives = [arrow.derivative for arrow in view.diagram.arrows if arrow.derivative is not None]
    if any(d.is_part and not d.is_rule for d in derivatives):
        view.diagram.note = DIRECT_NOTE
    return view


def derivation_of(
    outputs: Sequence[Node], input: Node, params: Any = None, digits: int = 4, heat: bool = False
) -> Derivation:
    """Describe the same with the ways from one tensor to the output lit, and their product written beneath."""
    view = derivation(outputs, params, digits, heat)
    explanation = product(outputs, input, params, digits, shown=view.local.chain.names)
    told = str(explanation)
    view.diagram.note = told if DIRECT_NOTE in told else "\n".join(filter(None, (told, view.diagram.note)))
    reached = {view.keys[input]} if input in view.keys else set()
    for arrow in view.diagram.arrows:  # in the order of computation
        if arrow.tail in reached and arrow.derivative is not None:
            arrow.is_lit = True
            reached.add(arrow.head)
    return view


class Derivation(View):
    """The tensors that are kept, each with what it was computed as; `add` is its one step."""

    def __init__(self, outputs: Sequence[Node], names: Names, digits: int, heat: bool) -> None:
        super().__init__(outputs, names, digits, heat=heat)
        self.local = Local(Chain(self.steps, self._called, complete=True), self.numerator or "L", digits)

    def called(self, t: Node) -> str:
        """Return the tensor's name, which may be one that only this picture gives it."""
        return self.local.chain.names.get(t, "")

    def chain(self) -> Chain:
        """Return the derivatives between the tensors that have a place in the picture."""
        return self.local.chain

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe a tensor; its gradient is called as on the ways."""
        content = super().content(t, brief)
        if self.numerator and (name := self.called(t)):
            content.gradient_label = f"∂{self.numerator}/∂{name}"
        return content

    def add(self, y: Node) -> None:
        """Add a result that is kept: its leaves that are new, itself, and the ways into it."""
        chain = self.local.chain
        sources = chain.sources(chain.between(y))
        for x in sources:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(sources):
            self.main.add(y)
        kind: Kind = "output" if y in self.outputs else "result"
        frame = self.calls.outside(y) if self.names.of(y) else self.calls.around(y)
        self.add_box(y, kind, chain.names[y], frame)
        self.makers[y] = self.keys[y]
        box = self.diagram.nodes[-1]
        assert isinstance(box, Box)
        box.formula = self.local.formula(y)
        derivatives = self.local.derivatives(y)
        for x in sources:
            self.diagram.arrows.append(Arrow(self.keys[x], self.keys[y], "", x in self.main, derivatives.get(x)))
