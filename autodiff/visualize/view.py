"""What all views of a graph have in common: a diagram, and which tensors stand where in it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.graph import Node, changed_since
from ..table import TABLE
from . import contents
from .calls import Calls
from .chain import Chain
from .diagram import HEAT_LIMITS, Arrow, Box, Content, Diagram, Frame, Health, Kind
from .gradients import gradients, recorded
from .names import Names, complete, plain
from .places import shown

LONGEST_IN_FRACTION = 6  # characters of a name in ∂L/∂name
ROUNDING = "0 but for rounding"
_ROUNDING = 64  # of the last digit of each number in a sum: what is less may be rounding alone
_HEALTHY = 2  # a level of health


class View:
    """A diagram of a graph, and the tensors behind it.

    A view is a class that fills `diagram` with boxes, steps and arrows; what they have in common is here. Anything
    that can be done with one, as writing and playing it, works with every other.

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
        self._called = complete(names, self.steps, outputs)
        self.calls = Calls(self.steps)
        self.gradients = gradients(outputs, self.steps) if numbers else {}
        self.overwritten = overwritten(self.steps) if numbers else {}
        numerator = self._called[outputs[0]] if len(outputs) == 1 and outputs[0]._data.size == 1 else ""
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
        return plain(f"{path}: {type(module).__name__}" if path else type(module).__name__)

    def add_leaf(self, x: Node) -> None:
        """Add a tensor that was not computed here."""
        kind, is_data = self.names.kind(x), self.names.is_data(x)
        if is_data:
            self.main.add(x)
        frame = None if is_data else self.calls.common(self.users[x])  # of the module that alone uses it
        self.add_box(x, kind, self.called(x) or kind, frame)

    def add_box(self, t: Node, kind: Kind, title: str, frame: int | None) -> None:
        """Add a tensor with a place of its own."""
        self.keys[t] = f"t{next(self.box_numbers)}"
        self.diagram.nodes.append(Box(self.keys[t], kind, title, self.content(t), frame))

    def connect(self, t: Node, tail: str, head: str, argument: str) -> None:
        """Add the arrow of a tensor."""
        self.diagram.arrows.append(Arrow(tail, head, argument, t in self.main))

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe what a tensor holds, and its gradient."""
        g = self.gradients.get(t)
        name = self.called(t)
        short = 0 < len(name) <= LONGEST_IN_FRACTION and "." not in name
        label = f"∂{self.numerator}/∂{name if short else '·'}" if self.numerator else "grad"
        array = self.value(t)
        is_rounding = g is not None and self.is_rounding(t, g)
        gradient: contents.Rows | None = ((ROUNDING,),)
        if g is None or not is_rounding:
            gradient = None if g is None else contents.value(g, self.digits, brief=True)
        with np.errstate(all="ignore"):  # a picture of an overflow shall not warn of it once more
            return Content(
                shape=contents.shape(array) if array.ndim or not brief else "",
                is_full=contents.is_small(array),
                value=contents.value(array, self.digits, brief),
                gradient=gradient,
                gradient_label=label,
                health=self._health(t, array, g, is_rounding) if self.heat and g is not None else None,
            )

    def value(self, t: Node) -> npt.NDArray[Any]:
        """Return what was computed, also where the tensor was changed in place since."""
        return np.asarray(self.overwritten.get(t, t._data))

    def _health(self, t: Node, array: npt.NDArray[Any], g: Any, is_rounding: bool) -> Health | None:
        if t in self.outputs:
            return None
        return Health("its effect cancels", _HEALTHY) if is_rounding else health(array, g)

    def is_rounding(self, t: Node, g: Any) -> bool:
        """Tell whether a gradient is a sum that cancels, and only rounding is left of it.

        That of a bias before a batch normalization is, which takes the mean out again.
        """
        users = self.users.get(t, [])
        size = t._data.size
        if len(users) == 1 and users[0]._data.size == size:  # reshaped before it is added
            users = self.users.get(users[0], [])
        if not size or any(y not in self.gradients or y._data.size <= size for y in users) or not users:
            return False
        summed = sum(float(np.abs(self.gradients[y]).sum(dtype=np.float64)) for y in users) / size
        largest = float(np.abs(g).max())
        return bool(0 < largest <= _ROUNDING * float(np.finfo(t._data.dtype).eps) * summed)

    def chain(self) -> Chain:
        """Return the derivatives between the tensors that have a place in the picture."""
        return shown(self)

    def leaves_inside(self, y: Node) -> dict[Node, str]:
        """Return the parameters behind the box that a result came from, where they are not drawn, with their names."""
        return {}


def overwritten(steps: Sequence[Node]) -> dict[Node, Any]:
    """Compute anew the results of rows whose memory was changed in place since, as after ``y += 1``."""
    found: dict[Node, Any] = {}
    for y in steps:
        op = TABLE.get(y._op.name)
        if op is None or y._op is not op or not changed_since(y, y._stamp):
            continue
        if any(x._op is None and changed_since(x, y._stamp) for x in y._inputs):
            continue  # what it was computed from is gone
        with np.errstate(all="ignore"):
            value = op.forward(*(found.get(x, x._data) for x in y._inputs), **y._params)
        if np.shape(value) == y._data.shape:
            found[y] = np.array(value, y._data.dtype)
    return found


def health(array: npt.NDArray[Any], gradient: Any) -> Health:
    """Compare the size of a gradient with that of its tensor, both as the root of the mean square.

    Examples
    --------
    >>> from autodiff.visualize.view import health
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
    return Health(f"∂/value {contents.number(ratio, 2)}", int(np.searchsorted(HEAT_LIMITS, ratio)))
