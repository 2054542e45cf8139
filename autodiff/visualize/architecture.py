"""Read a recorded graph into the picture of an architecture: calls of modules, and what is too much to read, folded."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from ..graph import Node
from . import text
from .diagram import Arrow, Content, Diagram, Frame, Module, Step
from .reading import Names, Reader, read
from .walk import recorded

MOST_STEPS = 250  # a picture of more operations is not read but searched; it is folded
_KEPT_STEPS = 20  # of those outside of modules


def read_architecture(outputs: Sequence[Node], params: Any, depth: int) -> Diagram:
    """Describe the modules down to `depth`, without numbers; see `draw` for the arguments and the errors."""
    return _FoldedReader(outputs, Names(params), functools.partial(_modules, depth=depth)).diagram


def read_readable(outputs: Sequence[Node], params: Any = None, digits: int = 4, heat: bool = False) -> Diagram:
    """Describe how the outputs were computed, folded if that is too much to read."""
    count = len(recorded(outputs))
    if count <= MOST_STEPS:
        return read(outputs, params, digits, heat)
    reader = _FoldedReader(outputs, Names(params), _earliest)
    depths = range(max(reader.calls.levels, default=0), -1, -1)
    for depth in depths:
        view = _FoldedReader(outputs, Names(params), functools.partial(_modules, depth=depth))
        if len(view.diagram.nodes) <= MOST_STEPS and view.calls.calls:
            view.diagram.note = (
                f"{count:,} operations, too many to read: modules are folded below depth {depth}. "
                "Pass depth=… for another view."
            )
            return view.diagram
    reader.diagram.note = f"{count:,} operations, too many to read: all but the last {_KEPT_STEPS} are folded."
    return reader.diagram


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


Grouping = dict[Node, Hashable]


def _modules(reader: _FoldedReader, depth: int) -> Grouping:
    """Fold each call at `depth`, and each above it that called no other."""
    calls = reader.calls
    has_inner = set(calls.parents)
    folded = [level == depth or (level < depth and i not in has_inner) for i, level in enumerate(calls.levels)]
    found: Grouping = {}
    for y in reader.steps:
        call = calls.around(y)
        while call is not None:
            if folded[call]:
                found[y] = call
                break
            call = calls.parents[call]
    return found


def _earliest(reader: _FoldedReader) -> Grouping:
    """Fold all operations but the last."""
    return dict.fromkeys(reader.steps[:-_KEPT_STEPS], "earlier")


class _FoldedReader(Reader):
    """A picture without numbers, in which groups of steps are one box each."""

    def __init__(self, outputs: Sequence[Node], names: Names, group: Callable[[_FoldedReader], Grouping]) -> None:
        super().__init__(outputs, names, 4, numbers=False)
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
            self.known[key] = self._module(key)
            self.diagram.nodes.append(self.known[key])
        module = self.known[key]
        for x in y._inputs:
            if x in self.keys:
                if self.keys[x] != module.key:
                    self.diagram.arrows.append(Arrow(self.keys[x], module.key, "", x in self.main))
            elif not self._belongs(x, key):
                self.add_leaf(x)
                self.diagram.nodes.insert(-1, self.diagram.nodes.pop())
                self.diagram.arrows.append(Arrow(self.keys[x], module.key, "", x in self.main))
        self.main.add(y)
        if y in self.outputs:
            self.add_box(y, "output", self.called(y) or "output", self.calls.outside(y))
            self.diagram.arrows.append(Arrow(module.key, self.keys[y], "", True))
        else:
            self.keys[y] = module.key

    def _belongs(self, x: Node, key: Hashable) -> bool:
        """Tell whether a leaf is told of by the box that alone reads it: data comes into a module from outside."""
        if self.names.kind(x) == "input" and key != "earlier":
            return False
        return all(self.groups.get(user) == key for user in self.users[x])

    def _module(self, key: Hashable) -> Module:
        members = self.members[key]
        name = f"m{len(self.known)}"
        if not isinstance(key, int):
            leaves = {x for y in members for x in y._inputs if x._op is None and x._requires_grad}
            said = (_counted(len(leaves), "leaf", "leaves") + " with a gradient",) if leaves else ()
            return Module(name, f"… {len(members):,} earlier operations", said)
        returned = [y for y in members if y in self.calls.calls[key].returned]
        shape = f"→ {text.shape(returned[-1]._data)}" if returned else ""
        count = self._parameters(key)
        lines = (shape, _counted(count, "parameter", "parameters") if count else "")
        parent = self.calls.parents[key]
        return Module(name, self.labels[key], tuple(line for line in lines if line), self.place(parent))

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
                node.content = None

    def content(self, t: Node, brief: bool = False) -> Content:
        """Describe a tensor by its shape, a number by its value."""
        whole = super().content(t, brief)
        is_number = t._op is None and self.names.kind(t) == "constant"
        return Content(whole.shape, True, whole.value if is_number else (), None, "")
