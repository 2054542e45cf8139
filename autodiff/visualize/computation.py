"""The view of a computation: every operation, and the tensors that it reads and makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import symbolic
from ..engine.graph import Node
from ..symbolic.expression import name
from . import contents
from .diagram import Kind, Step
from .names import Names
from .view import View


def computation(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Computation:
    """Describe how the outputs were computed; see `draw` for the arguments and the errors."""
    view = Computation(outputs, Names(params), digits, heat=heat)
    for y in view.steps:
        view.add(y)
    return view


class Computation(View):
    """Tensors and operations, as they were recorded; `add` is its one step."""

    def add(self, y: Node) -> None:
        """Add an operation: its leaves that are new, itself, its result, and the arrows into it."""
        op, inputs = y._op, y._inputs
        for x in inputs:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(inputs):
            self.main.add(y)
        has_box = y in self.outputs or bool(self.names.of(y))
        key, (symbol, said) = f"o{next(self.step_numbers)}", symbol_of(y)
        step = Step(key, symbol, op.name, said, None, self.calls.around(y))
        self.diagram.nodes.append(step)
        self.makers[y] = step.key
        arguments = op.inputs * len(inputs) if op.variadic else op.inputs
        inputs = inputs[:1] if is_square(y) else inputs  # one arrow
        for x, argument in zip(inputs, arguments, strict=False):
            self.connect(x, self.keys[x], step.key, argument)
        if has_box:
            kind: Kind = "output" if y in self.outputs else "result"
            self.add_box(y, kind, self.called(y), self.calls.outside(y))
            self.connect(y, step.key, self.keys[y], "")
        else:
            self.keys[y] = step.key
            step.content = self.content(y, brief=True)


def is_square(y: Node) -> bool:
    """Tell whether something is multiplied by itself."""
    return y._op.name == "mul" and y._inputs[0] is y._inputs[1]


def symbol_of(y: Node) -> tuple[str, str]:
    """Return the symbol of a step, and what is said of its parameters; those of ( )ⁿ its symbol tells: ( )²."""
    op = y._op
    if is_square(y):
        return "( )²", ""
    if "ⁿ" in op.symbol:
        blank = symbolic.Symbol(name("( )", y._data.shape), y._data.dtype)
        if "( )" in (written := symbolic.text(symbolic.value(op, [blank], y._params, y._data.shape).expression)):
            return written, ""
    said = [f"{key}={value}" for key, v in y._params.items() if (value := contents.parameter(v)) is not None]
    return op.symbol, ", ".join(said)
