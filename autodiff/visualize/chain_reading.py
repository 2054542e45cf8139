"""Read a recorded graph into the picture of the chain rule: tensors alone, a local derivative on each way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from . import expressions, formulas, text
from .chain import Chain, completed
from .diagram import Arrow, Box, Derivative, Diagram, Kind
from .reading import Names, Reader


def read_chain(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Diagram:
    """Describe how the outputs depend on each tensor; see `draw` for the arguments and the errors."""
    return chain_reader(outputs, params, digits, heat).diagram


def chain_reader(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> ChainReader:
    """Return what has read the graph: it knows the tensors behind the description."""
    reader = ChainReader(outputs, Names(params), digits, heat)
    for y in reader.steps:
        if y in reader.chain.names:
            reader.add_kept(y)
    return reader


class ChainReader(Reader):
    """Reads a graph into tensors alone, with a local derivative on each way; `add_kept` is its one step."""

    def __init__(self, outputs: Sequence[Node], names: Names, digits: int, heat: bool) -> None:
        super().__init__(outputs, names, digits, heat=heat)
        called = completed(names, self.steps, outputs)
        if not self.numerator and len(outputs) == 1 and outputs[0]._data.size == 1:
            self.numerator = called[outputs[0]] if len(called[outputs[0]]) <= 6 else ""
        self.chain = Chain(self.steps, called, completed=True)
        self.kinds = {t: self.names.kind(t) for t in called if t._op is None}

    def called(self, t: Node) -> str:
        """Return the tensor's name, which may be one that only this picture gives it."""
        return self.chain.names.get(t, "")

    def add_kept(self, y: Node) -> None:
        """Add a result that is kept: its leaves that are new, itself, and the ways into it."""
        steps = self.chain.between(y)
        sources = self.chain.sources(steps)
        for x in sources:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(sources):
            self.main.add(y)
        kind: Kind = "output" if y in self.outputs else "result"
        frame = self.calls.outside(y) if self.names.of(y) else self.calls.around(y)
        self.add_box(y, kind, self.chain.names[y], frame)
        box = self.diagram.nodes[-1]
        assert isinstance(box, Box)
        box.formula = self._formula(y)
        derivatives = self._derivatives(y, steps)
        for x in sources:
            self.diagram.arrows.append(Arrow(self.keys[x], self.keys[y], "", x in self.main, derivatives.get(x)))

    def _formula(self, y: Node) -> str:
        formula = self.chain.formulas.get(y)
        if formula is not None and len(written := expressions.text(formula)) <= 40:
            return written
        op, inputs = y._op, y._inputs
        operands = [self.chain.expression(x) for x in inputs]
        called = op.symbol if op.symbol.isalpha() else op.name
        return f"{called}({', '.join('…' if e is None else expressions.text(e) for e in operands)})"

    def _derivatives(self, y: Node, steps: Sequence[Node]) -> dict[Node, Derivative]:
        slopes, values = self.chain.slopes(y, steps), self.chain.diagonals(y, steps)
        wanted = [x for x in self.chain.sources(steps) if x._requires_grad]
        if any(x not in values and x not in slopes and _is_small(y, x) for x in wanted):
            jacobians = self.chain.jacobians(y, steps)
            values |= {x: j.reshape(y._data.size, -1) for x, j in jacobians.items() if _is_small(y, x)}
        found = {}
        for x in wanted:
            slope = slopes.get(x)
            said = "" if slope is None else expressions.text(slope)
            shown = x in values and (slope is None or expressions.value(slope) is None)
            numbers = text.value(values[x], self.digits, brief=True) if shown else None
            name = f"∂{self.chain.names[y]}/∂{self.chain.names[x]}"
            if slope is None and (product := self._pulled(y, steps, x)):
                name, said, numbers = f"∂{self.numerator or 'L'}/∂{self.chain.names[x]}", product, None
            found[x] = Derivative(name, said, numbers)
        return found

    def _pulled(self, y: Node, steps: Sequence[Node], x: Node) -> str:
        """Return what a single product of matrices makes of the gradient that arrives, "" for anything else."""
        op, inputs = y._op, y._inputs
        if len(steps) > 1 or op.name not in formulas.PULLED or any(t._data.ndim != 2 for t in inputs[:2]):
            return ""
        operands = {"g": expressions.name(f"∂{self.numerator or 'L'}/∂{self.chain.names[y]}")}
        for argument, t in zip(op.inputs, inputs, strict=False):
            operands[argument] = self.chain.expression(t) or expressions.name("·")
        said = [formulas.PULLED[op.name].get(a, "") for a, t in zip(op.inputs, inputs, strict=False) if t is x]
        return expressions.text(expressions.filled(said[0], operands)) if len(said) == 1 and said[0] else ""


def _is_small(y: Node, x: Node) -> bool:
    """Tell whether all elements of a Jacobian can be shown."""
    return text.is_small(np.empty((y._data.size, x._data.size), bool))
