"""The view of a computation: every operation, and the tensors that it reads and makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.graph import Node
from . import contents
from .diagram import Kind, Step
from .names import Names
from .view import View


def computation(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Computation:
    """Describe how the outputs were computed; see `draw` for the arguments and the errors."""
    view = Computation(outputs, Names(params), digits, heat=heat)
    for y in view.steps:
        view.add(y)
    view.tell_apart()
    return view


class Computation(View):
    """Tensors and operations, as they were recorded; `add` is its one step."""

    def add(self, y: Node) -> None:
        """Add an operation: its leaves that are new, itself, its result, and the arrows into it."""
        op, inputs, params = y._op, y._inputs, y._params
        for x in inputs:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(inputs):
            self.main.add(y)
        said = [f"{name}={value}" for name, v in params.items() if (value := contents.parameter(v)) is not None]
        has_box = y in self.outputs or bool(self.names.of(y))
        step = Step(f"o{next(self.step_numbers)}", op.symbol, op.name, ", ".join(said), None, self.calls.around(y))
        self.diagram.nodes.append(step)
        self.makers[y] = step.key
        arguments = op.inputs * len(inputs) if op.variadic else op.inputs
        for x, argument in zip(inputs, arguments, strict=False):
            self.connect(x, self.keys[x], step.key, argument)
        if has_box:
            kind: Kind = "output" if y in self.outputs else "result"
            self.add_box(y, kind, self.called(y) or "output", self.calls.outside(y))
            self.connect(y, step.key, self.keys[y], "")
        else:
            self.keys[y] = step.key
            step.content = self.content(y, brief=True)
