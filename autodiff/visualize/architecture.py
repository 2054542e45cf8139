"""The view of an architecture: calls of modules, and what is too much to read, folded into a box each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from ..engine.graph import Node
from . import contents
from .calls import Calls
from .computation import Computation
from .diagram import Arrow, Content, Frame, Health, Module, Step
from .gradients import recorded
from .names import Names
from .paths import product
from .places import shown
from .view import health

# A picture of more operations is not read but searched: it is folded to its modules, where there are none to its end.
MOST_STEPS, MOST_STEPS_ALONE = 40, 250
_MOST_BOXES, _FEWEST_MODULES = 20, 4  # one beneath the other they fit a page; fewer modules would say nothing
_KEPT_STEPS = 20  # of those outside of modules
_LEFT_OUT = "Derivatives are left out; pass fold=False to see them."
_PARTLY_LEFT_OUT = "The derivatives on the arrows are left out; pass fold=False to see them."


def architecture(outputs: Sequence[Node], params: Any, depth: int, digits: int = 4, heat: bool = False) -> Overview:
    """Describe the modules down to `depth`, with numbers for `heat` alone; see `draw` for the rest."""
    group = functools.partial(_modules, depth=depth)
    return Overview(outputs, Names(params), group, digits, numbers=heat, heat=heat)


def is_readable(outputs: Sequence[Node]) -> bool:
    """Tell whether a picture of all operations can be read."""
    count = len(recorded(outputs))
    if not MOST_STEPS < count <= MOST_STEPS_ALONE:
        return count <= MOST_STEPS
    coarsest = Overview(outputs, Names(None), functools.partial(_modules, depth=0), 4, numbers=False)
    return len(coarsest.diagram.nodes) > MOST_STEPS  # then modules are not what makes it large


def overview(
    outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False, derivatives: bool = False
) -> Overview:
    """Describe how the outputs were computed, folded so far that it can be read, and without `derivatives`."""
    steps = recorded(outputs)
    depth = _depth(outputs, params, max(Calls(steps).levels, default=-1))
    group: Callable[[Overview], Grouping]
    if depth is not None:
        group, folded = functools.partial(_modules, depth=depth), f"modules are folded below depth {depth}"
        more = "Pass depth=… for another view, fold=False for all of it."
    else:
        group, folded = _earliest, f"all but the last {_KEPT_STEPS} are folded"
        more = "Pass fold=False for all of them."
    view = Overview(outputs, Names(params), group, digits, numbers=True, heat=heat)
    view.diagram.note = f"{len(steps):,} operations, too many to read: {folded}. " + (
        _LEFT_OUT if derivatives else more
    )
    return view


def overview_of(
    outputs: Sequence[Node], input: Node, params: Any = None, digits: int = 4, heat: bool = False
) -> Overview:
    """Describe the same with the paths from one tensor to the output lit, and its derivative written beneath."""
    view = overview(outputs, params, digits, heat, derivatives=True)
    explanation = product(outputs, input, params, digits, shown=shown(view).names)
    view.diagram.note = f"{explanation}\n{view.diagram.note.replace(_LEFT_OUT, _PARTLY_LEFT_OUT)}"
    reached, lit = {input}, set()
    for y in view.steps:
        through = [x for x in y._inputs if x in reached]
        if through:
            reached.add(y)
            lit |= {(view.keys[x], view.makers[y]) for x in through if x in view.keys}
            lit.add((view.makers[y], view.keys[y]))
    for arrow in view.diagram.arrows:
        arrow.is_lit = (arrow.tail, arrow.head) in lit
    return view


def _depth(outputs: Sequence[Node], params: Any, deepest: int) -> int | None:
    """Return below which depth to fold: as deep as fits a page, or, where that leaves next to nothing, can be read."""
    readable = None
    for depth in range(deepest, -1, -1):
        view = Overview(outputs, Names(params), functools.partial(_modules, depth=depth), 4, numbers=False)
        if len(view.diagram.nodes) <= _MOST_BOXES and (readable is None or len(view.members) >= _FEWEST_MODULES):
            return depth
        if len(view.diagram.nodes) <= MOST_STEPS and readable is None:
            readable = depth
    return readable


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


Grouping = dict[Node, Hashable]


def _modules(reader: Overview, depth: int) -> Grouping:
    """Fold each call at `depth`, and each above it that called no other."""
    calls = reader.calls
    has_inner = set(calls.parents)
    overview = [level == depth or (level < depth and i not in has_inner) for i, level in enumerate(calls.levels)]
    found: Grouping = {}
    for y in reader.steps:
        call = calls.around(y)
        while call is not None:
            if overview[call]:
                found[y] = call
                break
            call = calls.parents[call]
    return found


def _earliest(reader: Overview) -> Grouping:
    """Fold all operations but the last."""
    return dict.fromkeys(reader.steps[:-_KEPT_STEPS], "earlier")


class Overview(Computation):
    """A picture in which groups of steps are one box each."""

    def __init__(
        self,
        outputs: Sequence[Node],
        names: Names,
        group: Callable[[Overview], Grouping],
        digits: int,
        *,
        numbers: bool,
        heat: bool = False,
    ) -> None:
        super().__init__(outputs, names, digits, numbers=numbers, heat=heat)
        self.has_numbers = numbers
        self.groups = group(self)
        self.members: dict[Hashable, list[Node]] = {}
        for y, key in self.groups.items():
            self.members.setdefault(key, []).append(y)
        self.known: dict[Hashable, Module] = {}
        self.inner = set(self.groups.values())
        self._renumber()
        for y in self.steps:
            self._add_folded(y) if y in self.groups else self.add(y)
        self.diagram.arrows = list({(a.tail, a.head): a for a in self.diagram.arrows}.values())

    def _renumber(self) -> None:
        """Leave only those frames that are not folded."""
        self.labels = [frame.label for frame in self.diagram.frames]
        shown = [i for i in range(len(self.labels)) if not self._is_inside(i)]
        self.places = {i: place for place, i in enumerate(shown)}
        frames = [self.diagram.frames[i] for i in shown]
        parents = [None if frame.parent is None else self.places[frame.parent] for frame in frames]
        counted = [
            f"{f.label}\n{count:,} parameters" if (count := self._parameters(i)) else f.label
            for f, i in zip(frames, shown, strict=True)
        ]
        self.diagram.frames = [Frame(label, parent) for label, parent in zip(counted, parents, strict=True)]

    def _is_inside(self, call: int | None) -> bool:
        while call is not None:
            if call in self.inner:
                return True
            call = self.calls.parents[call]
        return False

    def _parameters(self, call: int) -> int:
        module: Any = self.calls.calls[call].module
        return sum(p.numel() for p in module.parameters()) if hasattr(module, "parameters") else 0

    def place(self, frame: int | None) -> int | None:
        """Return where a frame is now; what lies in a folded one lies around it."""
        while frame is not None and frame not in self.places:
            frame = self.calls.parents[frame]
        return None if frame is None else self.places[frame]

    def _add_folded(self, y: Node) -> None:
        key = self.groups[y]
        if key not in self.known:
            self._add_module(key)
        module = self.known[key]
        self.makers[y] = module.key
        for x in y._inputs:
            if x in self.keys and self.keys[x] != module.key:
                self.diagram.arrows.append(Arrow(self.keys[x], module.key, "", x in self.main))
        self.main.add(y)
        if y in self.outputs:
            self.add_box(y, "output", self.called(y), self.calls.outside(y))
            self.diagram.arrows.append(Arrow(module.key, self.keys[y], "", True))
        else:
            self.keys[y] = module.key

    def _add_module(self, key: Hashable) -> None:
        """Add the leaves that come into a module from outside, then its box."""
        leaves = dict.fromkeys(x for y in self.members[key] for x in y._inputs if x._op is None)
        for x in leaves:
            if x not in self.keys and not self._belongs(x, key):
                self.add_leaf(x)
        self.known[key] = self._module(key)
        self.diagram.nodes.append(self.known[key])

    def _belongs(self, x: Node, key: Hashable) -> bool:
        """Tell whether a leaf is told of by the box that alone reads it: data comes into a module from outside."""
        if key != "earlier" and self.names.is_data(x):
            return False
        return all(self.groups.get(user) == key for user in self.users[x])

    def leaves_inside(self, y: Node) -> dict[Node, str]:
        """Return the parameters in the module that computed a result, where they are not drawn, with their names."""
        key = self.groups[y]
        if not isinstance(key, int):
            return {}
        leaves = dict.fromkeys(x for z in self.members[key] for x in z._inputs if x._op is None)
        return {x: self.names.of(x) or "parameter" for x in leaves if x not in self.keys and x._requires_grad}

    def _module(self, key: Hashable) -> Module:
        members = self.members[key]
        name = f"m{len(self.known)}"
        if not isinstance(key, int):
            leaves = {x for y in members for x in y._inputs if x._op is None and x._requires_grad}
            said = (_count(len(leaves), "leaf", "leaves") + " with a gradient",) if leaves else ()
            return Module(name, f"… {len(members):,} earlier operations", said)
        returned = [y for y in members if y in self.calls.calls[key].returned]
        shape = f"→ {contents.shape(returned[-1]._data)}" if returned else ""
        count = self._parameters(key)
        parameters = _count(count, "parameter", "parameters") if count else ""
        lines = tuple(line for line in (shape, parameters) if line)
        module = Module(name, self.labels[key], lines, self.place(self.calls.parents[key]), is_brief=True)
        if returned and self.has_numbers:
            module.content = self._result_of(key, returned[-1])
        return module

    def _result_of(self, key: int, y: Node) -> Content:
        """Describe what a module returned; its health is that of its parameters, where it has some."""
        content = super().content(y, brief=True)
        inside = dict.fromkeys(x for z in self.members[key] for x in z._inputs if x in self.names.tensors)
        pairs = [(x._data.ravel(), self.gradients[x].ravel()) for x in inside if x in self.gradients]
        if self.heat and pairs:
            found = health(*map(np.concatenate, zip(*pairs, strict=True)))
            content.health = Health(f"parameters: {found.said}", found.level)
        return content

    def add_box(self, t: Node, kind: Any, title: str, frame: int | None) -> None:
        """Add a tensor with a place of its own."""
        super().add_box(t, kind, title, self.place(frame))

    def add(self, y: Node) -> None:
        """Add an operation outside of all that is folded."""
        before = len(self.diagram.nodes)
        super().add(y)
        for node in self.diagram.nodes[before:]:
            if isinstance(node, Step):
                node.frame = self.place(node.frame)
                node.content = node.content if self.has_numbers else None

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe a tensor, without numbers by its shape, a number by its value."""
        whole = super().content(t, brief)
        if self.has_numbers:
            return whole
        is_number = t._op is None and self.names.kind(t) == "constant"
        return Content(whole.shape, True, whole.value if is_number else (), None, "")
