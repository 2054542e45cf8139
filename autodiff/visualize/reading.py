"""Read a recorded graph into the description of a picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.graph import Node
from . import formulas, text
from .calls import Calls
from .diagram import Arrow, Box, Content, Diagram, Frame, Health, Kind, Step
from .walk import ones, pulled, recorded

HEAT_LIMITS = (1e-7, 1e-5, 1, 100)  # between vanishing, small, healthy, large and exploding gradients
LONGEST_IN_FRACTION = 6  # characters of a name in ∂L/∂name


def read(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Reader:
    """Describe how the outputs were computed; see `draw` for the arguments and the errors."""
    reader = Reader(outputs, Names(params), digits, heat=heat)
    for y in reader.steps:
        reader.add(y)
    reader.tell_apart()
    return reader


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
            pairs = [*params.named_parameters(), *(params.named_buffers() if hasattr(params, "named_buffers") else ())]
            self.modules = {id(module): path for path, module in params.named_modules()}
        else:
            pairs = self._paired(params)
        for name, t in pairs:
            if not isinstance(t, Node):
                raise TypeError(f"{where}: params must hold tensors, got {type(t).__name__} for {name!r}")
            self.tensors.setdefault(t, str(name))

    def _paired(self, params: Any) -> list[tuple[str, Any]]:
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
        return text.plain(own or self.tensors.get(t, ""))

    def distinct(self, tensors: Iterable[Node]) -> dict[Node, str]:
        """Return the names of those that have one, each name once: a second h is called h₂."""
        named = {t: name for t in tensors if (name := self.of(t))}
        taken = set(named.values())
        seen: set[str] = set()
        further: dict[str, Iterator[str]] = {}
        for t, name in named.items():
            if name in seen:
                named[t] = next(further.setdefault(name, text.numbered(name, taken, 2)))
            seen.add(name)
        return named

    def kind(self, leaf: Node) -> Kind:
        """Tell what a leaf is for."""
        if leaf in self.tensors or (leaf._requires_grad and not self.given):
            return "parameter"
        is_number = not leaf._data.shape and not leaf._requires_grad
        return "constant" if is_number and not self.of(leaf) else "input"


class Reader:
    """Reads a graph into a description, and knows the tensors behind it.

    `add` makes the view of the computation, step by step; the other views build on what is here.

    Attributes
    ----------
    diagram : Diagram
    results : list of Node
        What was asked for; `outputs` is the same as a set.
    steps : list of Node
        All that was recorded, in the order of computation.
    keys : dict of Node to str
        Of the box or step from which a tensor's arrows start.
    makers : dict of Node to str
        Of the step, box or module into which the arrows lead of what a result was computed from.
    """

    def __init__(
        self, outputs: Sequence[Node], names: Names, digits: int, *, numbers: bool = True, heat: bool = False
    ) -> None:
        self.names, self.digits, self.heat = names, digits, heat
        self.results, self.outputs = list(outputs), set(outputs)
        self.steps = recorded(outputs)
        self._called = names.distinct(t for y in self.steps for t in (*y._inputs, y))
        self.calls = Calls(self.steps)
        self.gradients = gradients(outputs, self.steps) if numbers else {}
        numerator = names.of(outputs[0]) if len(outputs) == 1 and outputs[0]._data.size == 1 else ""
        self.numerator = numerator if len(numerator) <= LONGEST_IN_FRACTION else ""
        self.users: dict[Node, list[Node]] = {}
        for y in self.steps:
            for x in y._inputs:
                self.users.setdefault(x, []).append(y)
        self.keys: dict[Node, str] = {}
        self.makers: dict[Node, str] = {}
        self.step_numbers, self.box_numbers = itertools.count(), itertools.count()
        self.main: set[Node] = set()
        self.diagram = Diagram(frames=self._frames(), has_heat=heat)

    def called(self, t: Node) -> str:
        """Return the tensor's name, "" if it has none."""
        return self._called.get(t, "")

    def _frames(self) -> list[Frame]:
        labels = [self._label(call.module) for call in self.calls.calls]
        modules = [id(call.module) for call in self.calls.calls]
        for i, module in enumerate(modules):
            if modules.count(module) > 1:
                labels[i] += f" (call {modules[: i + 1].count(module)})"
        return [Frame(label, parent) for label, parent in zip(labels, self.calls.parents, strict=True)]

    def _label(self, module: object) -> str:
        path = self.names.modules.get(id(module))
        return text.plain(f"{path}: {type(module).__name__}" if path else type(module).__name__)

    def add(self, y: Node) -> None:
        """Add an operation: its leaves that are new, itself, its result, and the arrows into it."""
        op, inputs, params = y._op, y._inputs, y._params
        for x in inputs:
            if x not in self.keys:
                self.add_leaf(x)
        if not self.main.isdisjoint(inputs):
            self.main.add(y)
        said = [f"{name}={value}" for name, v in params.items() if (value := text.parameter(v)) is not None]
        has_box = y in self.outputs or bool(self.names.of(y))
        symbol = formulas.CALLED.get(op.name, op.symbol)
        step = Step(f"o{next(self.step_numbers)}", symbol, op.name, ", ".join(said), None, self.calls.around(y))
        self.diagram.nodes.append(step)
        self.makers[y] = step.key
        arguments = op.inputs * len(inputs) if op.variadic else op.inputs
        for x, argument in zip(inputs, arguments, strict=False):
            self._connect(x, self.keys[x], step.key, argument)
        if has_box:
            kind: Kind = "output" if y in self.outputs else "result"
            self.add_box(y, kind, self.called(y) or "output", self.calls.outside(y))
            self._connect(y, step.key, self.keys[y], "")
        else:
            self.keys[y] = step.key
            step.content = self.content(y, brief=True)

    def add_leaf(self, x: Node) -> None:
        """Add a tensor that was not computed here."""
        kind = self.names.kind(x)
        if kind == "input":
            self.main.add(x)
        belongs = kind != "input"  # to the module that alone uses it; data comes from outside
        self.add_box(x, kind, self.called(x) or kind, self.calls.common(self.users[x]) if belongs else None)

    def tell_apart(self) -> None:
        """Number the boxes that are called by their kind alone, if there are several."""
        boxes = [node for node in self.diagram.nodes if isinstance(node, Box)]
        taken = {box.title for box in boxes}
        for kind in ("input", "parameter", "output"):
            same = [box for box in boxes if box.title == kind == box.kind]
            names = text.numbered(kind, taken)
            for box in same if len(same) > 1 else ():
                box.title = next(names)

    def add_box(self, t: Node, kind: Kind, title: str, frame: int | None) -> None:
        """Add a tensor with a place of its own."""
        self.keys[t] = f"t{next(self.box_numbers)}"
        self.diagram.nodes.append(Box(self.keys[t], kind, title, self.content(t), frame))

    def _connect(self, t: Node, tail: str, head: str, argument: str) -> None:
        self.diagram.arrows.append(Arrow(tail, head, argument, t in self.main))

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe what a tensor holds, and its gradient."""
        g = self.gradients.get(t)
        name = self.called(t)
        short = 0 < len(name) <= LONGEST_IN_FRACTION and "." not in name
        label = f"∂{self.numerator}/∂{name if short else '·'}" if self.numerator else "grad"
        array = np.asarray(t._data)
        with np.errstate(all="ignore"):  # a picture of an overflow shall not warn of it once more
            return Content(
                shape=text.shape(array) if array.ndim or not brief else "",
                is_full=text.is_small(array),
                value=text.value(array, self.digits, brief),
                gradient=None if g is None else text.value(g, self.digits, brief=True),
                gradient_label=label,
                health=health(array, g) if self.heat and g is not None and t not in self.outputs else None,
            )


def health(array: npt.NDArray[Any], gradient: Any) -> Health:
    """Compare the size of a gradient with that of its tensor, both as the root of the mean square.

    Examples
    --------
    >>> from autodiff.visualize.reading import health
    >>> health(np.array([3.0, 4.0]), np.array([0.0, 5e-3]))
    Health(said='∂/value 0.001', level=2)
    """
    wide = (np.asarray(gradient, np.float64), np.asarray(array, np.float64))
    sizes = [float(np.sqrt(np.mean(np.square(a)))) if a.size else 0.0 for a in wide]
    if not np.isfinite(sizes).all():
        return Health("not finite", 5)
    if not sizes[0]:
        return Health("∂ is 0", 0)
    if not sizes[1]:
        return Health("value is 0", 2)
    ratio = sizes[0] / sizes[1]
    return Health(f"∂/value {text.number(ratio, 2)}", int(np.searchsorted(HEAT_LIMITS, ratio)))


def gradients(outputs: Sequence[Node], steps: Sequence[Node]) -> dict[Node, Any]:
    """Return the gradient of each tensor as an array.

    For a scalar output that is its derivative by every tensor, computed here; otherwise what is stored in ``.grad``.
    """
    if len(outputs) > 1 or outputs[0]._data.size != 1:
        tensors = dict.fromkeys(t for y in steps for t in (*y._inputs, y) if t._grad is not None)
        return {t: t._grad._data for t in tensors}
    return pulled(steps, {outputs[0]: ones(outputs[0])})
