"""Write the description of a picture in Graphviz's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from .contents import Rows, number
from .diagram import HEAT_LIMITS, Arrow, Box, Content, Derivative, Diagram, Health, Module, Step
from .layout import direction as suitable
from .theme import LIGHT, Theme

DIRECTIONS = ("LR", "TB", "RL", "BT")
_EXITS = {"LR": "e", "TB": "s", "RL": "w", "BT": "n"}
_LONGEST_LINE = 56  # characters of a formula beside an arrow
_ENTRIES = {"LR": "w", "TB": "n", "RL": "e", "BT": "s"}


def write(diagram: Diagram, direction: str | None, graph: Any, theme: Theme = LIGHT, marked: bool = False) -> None:
    """Write the diagram into an empty `graphviz.Digraph`; marked, so that a page finds each part in what is drawn."""
    _Writer(diagram, direction or suitable(diagram), theme, marked).write(graph)


class _Writer:
    def __init__(self, diagram: Diagram, direction: str, theme: Theme, marked: bool) -> None:
        self.diagram, self.direction, self.theme, self.marked = diagram, direction, theme, marked
        self.across = direction in ("LR", "RL")
        self.labels = _Labels(theme, self.across, marked)
        self.nodes = {node.key: node for node in diagram.nodes}
        self.has_labels = any(arrow.derivative is not None for arrow in diagram.arrows)
        self.entering: dict[str, list[Arrow]] = {}
        self.leaving: dict[str, list[Arrow]] = {}
        for arrow in diagram.arrows:
            self.entering.setdefault(arrow.head, []).append(arrow)
            self.leaving.setdefault(arrow.tail, []).append(arrow)
        self.inside: dict[str, list[Box]] = {}  # the constants that a step shows itself
        self.beside: dict[str, list[Box]] = {}  # the parameters that stand beside a step
        for box in (node for node in diagram.nodes if isinstance(node, Box)):
            if self._belongs_to_one_step(box):
                places = self.inside if box.kind == "constant" else self.beside
                places.setdefault(self.leaving[box.key][0].head, []).append(box)
        self.attached = {
            box.key: step for places in (self.inside, self.beside) for step, boxes in places.items() for box in boxes
        }
        self.flanked = {} if self.across else self._parameters_aside()
        # Where arrows end: at the symbol of a step, at one of several boxes that share a node
        self.anchors = {node.key: f"{node.key}:step" for node in diagram.nodes if isinstance(node, Step)}
        shared = {step: boxes for step, boxes in self.beside.items() if len(boxes) > 1}
        self.anchors |= {box.key: f"{step}_inputs:{box.key}" for step, boxes in shared.items() for box in boxes}
        self.crowds = {key: tails for key, tails in self._crowds() if len(tails) > 2}

    def _belongs_to_one_step(self, box: Box) -> bool:
        """Tell whether a box is shown with the one step that reads it, instead of before it.

        Parameters and constants are, so that the way of the data is a straight line.
        """
        users = {arrow.head for arrow in self.leaving.get(box.key, ())}
        if box.kind not in ("parameter", "constant") or len(users) != 1:
            return False
        step = users.pop()
        if isinstance(self.nodes[step], Box):
            return False  # the way to it carries a derivative
        tails = [self.nodes[arrow.tail] for arrow in self.entering[step]]
        is_beginning = all(isinstance(tail, Box) and tail.kind in ("parameter", "constant") for tail in tails)
        return self.nodes[step].frame == box.frame and (box.kind == "constant" or not is_beginning)

    def _parameters_aside(self) -> dict[str, list[Box]]:
        """Return what stands to the left and the right of what a layer computed from it: its parameters and the like.

        Above it they would push the way of the data aside, layer by layer. There is room for two.
        """
        found: dict[str, list[Box]] = {}
        for arrow in self.diagram.arrows:
            box, result = self.nodes[arrow.tail], self.nodes[arrow.head]
            is_of_layer = box.frame is not None and box.frame == result.frame and len(self.leaving[arrow.tail]) == 1
            is_aside = isinstance(box, Box) and (box.kind == "parameter" or not arrow.is_main)  # as averages of a batch
            if is_of_layer and isinstance(box, Box) and is_aside and isinstance(result, Box) and not box.formula:
                found.setdefault(arrow.head, []).append(box)
        return {key: boxes for key, boxes in found.items() if len(boxes) < 3 and len(self.entering[key]) > len(boxes)}

    def _crowds(self) -> Iterator[tuple[str, list[str]]]:
        """Return from where arrows come into each box, in the order in which they reach its side without crossing.

        What several boxes read lies between these: it comes into the first from below, and into the last from above.
        """
        places = {node.key: i for i, node in enumerate(self.diagram.nodes)}
        for key, arrows in self.entering.items():
            tails = [arrow.tail for arrow in arrows]
            readers = {tail: [arrow.head for arrow in self.leaving[tail]] for tail in tails}
            own = [tail for tail in tails if len(readers[tail]) == 1]
            shared = sorted((tail for tail in tails if tail not in own), key=places.__getitem__)
            later = sum(len(heads) - 1 - heads.index(key) for tail in shared if (heads := readers[tail]))
            others = sum(len(readers[tail]) - 1 for tail in shared)
            above = len(own) * later // max(others, 1)
            if isinstance(self.nodes[key], Box) and key not in self.flanked:
                yield key, [*own[:above], *shared, *own[above:]]

    def write(self, graph: Any) -> None:
        theme = self.theme
        text = {"fontname": theme.font, "fontcolor": theme.text}
        graph.attr("graph", rankdir=self.direction, bgcolor=theme.background, pad="0.25", **text, fontsize="11")
        ranksep = "0.35" if self.across or self.has_labels else "0.25"  # upright, height is what there is least of
        if self.across and self.has_labels and any(len(tails) > 3 for tails in self.crowds.values()):
            ranksep = "0.5"  # arrows that turn to their places need room
        graph.attr("graph", nodesep="0.3", ranksep=ranksep, newrank="true")
        graph.attr("node", **text, fontsize="10", margin="0.09,0.06", height="0", width="0")
        # Graphviz 2.43 confuses the attributes of arrows within a rank unless all are declared, in alphabetical order.
        declared = {"arrowhead": "normal", "arrowsize": "0.7", "arrowtail": "normal", "color": theme.side}
        declared |= {"dir": "forward", "fontcolor": theme.text, "fontname": theme.font, "fontsize": "9"}
        graph.attr("edge", **declared, headport="", penwidth="1.1", tailport="", weight="1")
        rows = self.labels.note(self.diagram.note) if self.diagram.note else []
        rows += [_row(_cell(self.labels.legend()))] if self.diagram.has_heat else []
        if rows:
            graph.attr("graph", label=f"<{_table(*rows, padding=3)}>", labelloc="b")
        self._write_frame(graph, None, 0)
        for i, arrow in sorted(enumerate(self.diagram.arrows), key=lambda pair: self._entry(pair[1])):
            self._write_arrow(graph, arrow, {"id": f"way{i}"} if self.marked else {})

    def _entry(self, arrow: Arrow) -> int:
        """Return the place at which an arrow comes into its box: Graphviz keeps the order in which they are written."""
        crowd = self.crowds.get(arrow.head, [])
        return crowd.index(arrow.tail) if arrow.tail in crowd else 0

    def _write_frame(self, graph: Any, index: int | None, depth: int) -> None:
        for node in self.diagram.nodes:
            if node.frame == index and node.key not in self.attached:
                self._write_node(graph, node)
        for i, frame in enumerate(self.diagram.frames):
            if frame.parent == index:
                with graph.subgraph(name=f"cluster_{i}") as inner:
                    lines = frame.label.split("\n")
                    cut = '<BR ALIGN="LEFT"/>'
                    label = _bold(lines[0]) if len(lines) == 1 else "".join(_bold(line) + cut for line in lines)
                    inner.attr(style="rounded,filled", color=self.theme.frame_line, fontcolor=self.theme.faint)
                    inner.attr(fillcolor=self.theme.frame_fills[depth % 2], margin="12")
                    if self.across:
                        inner.attr(label=f"<{label}>", labeljust="l", labelloc="t")
                    else:
                        self._write_title(inner, i, label)
                    self._write_frame(inner, i, depth + 1)

    def _write_title(self, graph: Any, frame: int, label: str) -> None:
        """Write the title of a frame beside what comes first in it: arrows enter from above, and go around nodes."""
        graph.attr(label="")
        key = f"frame{frame}"
        graph.node(key, label=f"<{label}>", shape="plain", fontsize="11", fontcolor=self.theme.faint)
        first = next(n.key for n in self.diagram.nodes if n.key not in self.attached and self._is_in(n.frame, frame))
        boxes = self.beside.get(first, [])
        if boxes:
            first = boxes[0].key if len(boxes) == 1 else f"{first}_inputs"
        with graph.subgraph() as level:
            level.attr(rank="same")
            level.edge(key, first, style="invis")

    def _is_in(self, inner: int | None, frame: int) -> bool:
        """Tell whether a frame is another or lies inside it."""
        while inner is not None and inner != frame:
            inner = self.diagram.frames[inner].parent
        return inner == frame

    def _write_node(self, graph: Any, node: Box | Step | Module) -> None:
        if isinstance(node, Box):
            self._write_box(graph, node)
        elif isinstance(node, Step):
            self._write_step(graph, node)
        else:
            look = {"shape": "box", "style": "rounded,filled", "color": self.theme.step, "penwidth": "1.8"}
            health = node.content.health if node.content is not None else None
            ground = self.theme.frame_fills[1] if health is None else self.labels.heat(health)
            graph.node(node.key, label=f"<{self.labels.module(node)}>", fillcolor=ground, **look)

    def _write_box(self, graph: Any, box: Box) -> None:
        more = {"group": "results"} if box.formula else {}  # in one line
        look = self.theme.boxes[box.kind] | more
        if box.content.health is not None:
            look |= {"fillcolor": self.labels.heat(box.content.health)}
        label = self.labels.box(box)
        if box.key in self.crowds:
            label = self.labels.with_entries(label, len(self.crowds[box.key]))
            look = look | {"margin": "0", "ordering": "in"}
        graph.node(box.key, label=f"<{label}>", **look)
        if box.key in self.flanked:
            with graph.subgraph() as level:
                level.attr(rank="same")
                for beside in (box, *self.flanked[box.key]):
                    level.node(beside.key)

    def _write_step(self, graph: Any, step: Step) -> None:
        """Write a step, and what stands beside it: one box as a node, several as the cells of one node."""
        boxes = self.beside.get(step.key, [])
        label = f"<{self.labels.step(step, self.inside.get(step.key, []))}>"
        if not boxes:
            graph.node(step.key, label=label, shape="plain", tooltip=step.name)
            return
        with graph.subgraph() as level:
            level.attr(rank="same")
            if len(boxes) == 1:
                self._write_box(level, boxes[0])
            else:
                level.node(f"{step.key}_inputs", label=f"<{self.labels.side_by_side(boxes)}>", shape="plain")
            level.node(step.key, label=label, shape="plain", tooltip=step.name)

    def _write_arrow(self, graph: Any, arrow: Arrow, mark: dict[str, str]) -> None:
        if any(box.key == arrow.tail for box in self.inside.get(arrow.head, ())):
            return
        tail, head = (self.anchors.get(key, key) for key in (arrow.tail, arrow.head))
        if arrow.head in self.crowds:
            head += f":in{self._entry(arrow)}:{_ENTRIES[self.direction]}"
        if arrow.tail in self.attached:
            ends = [f"{tail}:s", f"{head}:n"] if self.across else [f"{tail}:e", f"{head}:w"]
            # Within a rank, Graphviz puts what is named first above or to the left of what is named second, but below
            # in a frame when it draws from the side.
            if self.across and self.nodes[arrow.head].frame is not None:
                graph.edge(*reversed(ends), **mark | ({"class": "reversed"} if mark else {}), dir="back")
            else:
                graph.edge(*ends, **mark)
            return
        if isinstance(self.nodes[arrow.tail], Step):
            tail += f":{_EXITS[self.direction]}"
        if arrow.head in self.beside or arrow.head in self.inside:  # the arrows of these come from aside
            head += f":{_ENTRIES[self.direction]}"
        look = mark | ({"color": self.theme.main, "penwidth": "1.8"} if arrow.is_main else {})
        if arrow.is_lit:
            look |= {"color": self.theme.lit, "penwidth": "2.6"}
        if arrow.derivative is not None:
            look["label"] = f"<{self.labels.derivative(arrow.derivative)}>"
        elif isinstance(self.nodes[arrow.tail], Box) and isinstance(self.nodes[arrow.head], Box):
            look["style"] = "dashed"  # no gradient flows back
        if self._comes_into_frame(arrow):
            look["minlen"] = "2"
        if any(box.key == arrow.tail for box in self.flanked.get(arrow.head, ())[1:]):  # the second one, to the right
            graph.edge(head, tail, **look, **({"class": "reversed"} if mark else {}), dir="back")
            return
        graph.edge(tail, head, **look, weight="8" if self._is_on_line(arrow) else "1")

    def _comes_into_frame(self, arrow: Arrow) -> bool:
        """Tell whether data comes into a frame that has boxes before the step: it is to begin before them, not above.

        Graphviz puts what is outside of a frame above or below it, unless it comes before all of it.
        """
        tail, frame = self.nodes[arrow.tail], self.nodes[arrow.head].frame
        if not (isinstance(tail, Box) and tail.kind == "input" and tail.frame is None and frame is not None):
            return False
        return any(self.nodes[other.tail].frame == frame for other in self.entering[arrow.head])

    def _is_on_line(self, arrow: Arrow) -> bool:
        """Tell whether the arrow is to be straight: data that joins others on their way may come from aside."""
        tail = self.nodes[arrow.tail]
        joins = any(other.is_main and other.tail != arrow.tail for other in self.entering[arrow.head])
        return arrow.is_main and not (isinstance(tail, Box) and tail.kind == "input" and joins)


class _Labels:
    """The HTML-like labels of boxes and steps."""

    def __init__(self, theme: Theme, across: bool, marked: bool) -> None:
        self.theme, self.across, self.marked = theme, across, marked

    def box(self, box: Box) -> str:
        theme, content = self.theme, box.content
        if box.kind == "constant":
            return _font(content.value[0][0], theme.value, 10)
        head = _cell(f"<B>{_font(box.title, theme.text, 12)}</B>", "LEFT")
        faint = self._faint(content)
        head += _gap() + _cell(_font(content.shape, faint, 9), "RIGHT")
        rows = [_row(head)]
        if box.formula:
            rows.append(_row(_cell(_font(f"= {box.formula}", faint, 10), "LEFT", 'COLSPAN="3"')))
        if numbers := self._numbers(content, 10, "LEFT"):
            rows.append(_row(_cell(_table(numbers, padding=1), "LEFT", 'COLSPAN="3"')))
        return _table(*rows, padding=1)

    def with_entries(self, label: str, count: int) -> str:
        """Return a label with a place for the head of each arrow along the side on which they come in."""
        places = [f'<TD PORT="in{i}" WIDTH="1" HEIGHT="1"></TD>' for i in range(count)]
        side = _table(*map(_row, places)) if self.across else _table(_row("".join(places)))
        inner = _cell(label, more='CELLPADDING="5"')
        return _table(_row(_cell(side) + inner)) if self.across else _table(_row(_cell(side)), _row(inner))

    def module(self, module: Module) -> str:
        """Return the name of a folded call and the lines that describe it."""
        rows = [_row(_cell(f"<B>{_font(module.title, self.theme.text, 12)}</B>"))]
        lines = module.lines if self.across or not module.is_brief else (" · ".join(module.lines),)
        rows += [_row(_cell(_font(line, self._faint(module.content), 10))) for line in lines if line]
        if module.content is not None and (numbers := self._numbers(module.content, 9, "CENTER")):
            rows.append(_row(_cell(_table(numbers))))
        return _table(*rows, padding=2)

    def _faint(self, content: Content | None) -> str:
        """Return the colour of what matters less, which on a shade is that of all text."""
        return self.theme.faint if content is None or content.health is None else self.theme.text

    def heat(self, health: Health) -> str:
        """Return the colour of a gradient's size."""
        return (*self.theme.heat, self.theme.broken)[health.level]

    def note(self, text: str) -> list[str]:
        """Return the rows of what is written beneath; of a derivation, the signs of equality stand in a column."""
        lines = text.split("\n")
        if len(lines) == 1:
            return [_row(_cell(_font(text, self.theme.faint, 10)))]
        rows = []
        for line in lines:
            left, equal, right = line.partition(" = ")
            if line.lstrip().startswith("+ "):  # one more path of the sum above
                path = _cell(_font(line.strip(), self.theme.lit, 12), "LEFT", 'COLSPAN="2"')
                rows.append(_row(_cell(" ") + path))
                continue
            if not equal or line.startswith("|"):
                rows.append(_row(_cell(_font(line, self.theme.faint, 10), "LEFT", 'COLSPAN="3"')))
                continue
            parts = [f"= {part}" for part in re.split(r"\s+= ", right)]  # the formula, and the number beside it
            more = "" if len(parts) > 1 else 'COLSPAN="2"'
            cells = _cell(_font(left.strip() or " ", self.theme.text, 12), "RIGHT")
            rows.append(_row(cells + "".join(_cell(_font(p, self.theme.lit, 12), "LEFT", more) for p in parts)))
        return [_row(_cell(_table(*rows, padding=1)))]

    def legend(self) -> str:
        """Return what the colours of gradients mean."""
        limits = [number(limit, 3) for limit in HEAT_LIMITS]
        said = [f"vanishing: under {limits[0]}", f"small: to {limits[1]}", f"healthy: to {limits[2]}"]
        said += [f"large: to {limits[3]}", f"exploding: over {limits[3]}", "NaN, inf"]
        cells = _cell(_font("∂/value: size of the gradient / size of the value  ", self.theme.text, 10))
        for line, color in zip(said, (*self.theme.heat, self.theme.broken), strict=True):
            cells += (
                f'<TD BGCOLOR="{color}" BORDER="1" COLOR="{self.theme.side}">{_font(line, self.theme.text, 9)}</TD>'
            )
        return _table(_row(cells), padding=4)

    def derivative(self, local: Derivative) -> str:
        """Return the name of a local derivative, its formula, and beneath them its numbers."""
        start = "" if self.across else _gap(4)  # the line is to the left
        rows = [_row(start + _cell(_font(line, self.theme.derivative, 10), "LEFT")) for line in _lines(local.said)]
        if local.value is not None:
            if len(local.value) == len(local.value[0]) == 1:
                numbers = _font(f"= {local.value[0][0]}", self.theme.derivative, 10)
            else:
                numbers = self._matrix(local.value, True, self.theme.derivative, 9)
            rows.append(_row(start + _cell(numbers, "LEFT")))
        return _table(*rows, padding=1)

    def side_by_side(self, boxes: list[Box], spacing: int = 5) -> str:
        """Return several boxes as the cells of one table, across the way of the data."""
        cells = []
        for box in boxes:
            look = self.theme.boxes[box.kind]
            style = 'CELLPADDING="5"'
            ground = look["fillcolor"] if box.content.health is None else self.heat(box.content.health)
            if box.kind == "constant":
                style = f'STYLE="ROUNDED" FIXEDSIZE="TRUE" HEIGHT="20" WIDTH="{14 + 7 * len(box.content.value[0][0])}"'
            mark = f'ID="{box.key}" HREF="#" ' if self.marked and box.kind != "constant" else ""
            cells.append(
                f'<TD {mark}PORT="{box.key}" BORDER="{round(float(look["penwidth"]))}" COLOR="{look["color"]}" '
                f'BGCOLOR="{ground}" {style}>{self.box(box)}</TD>'
            )
        rows = [_row("".join(cells))] if self.across else [_row(cell) for cell in cells]
        return _table(*rows, spacing=spacing)

    def step(self, step: Step, constants: list[Box]) -> str:
        """Return the constants, the symbol and the result, across the way of the data."""
        theme = self.theme
        parts = []
        if constants:
            pointer = _font("↓" if self.across else "→", theme.side, 10)
            parts += [self.side_by_side(constants, spacing=1), pointer]
        parts.append(self._symbol(step.symbol))
        align = "CENTER" if self.across else "LEFT"
        lines = [line for line in (step.details, step.content.shape if step.content else "") if line]
        rows = [_row(_cell(_font(line, self._faint(step.content), 8), align)) for line in lines]
        if step.content is not None:
            rows.append(self._numbers(step.content, 9, align))
        if rows:
            health = step.content.health if step.content is not None else None
            color = "" if health is None else self.heat(health)
            parts.append(_table(*rows, color=color, padding=2 if color else 0))
        cells = [_cell(part) for part in parts]
        return _table(*map(_row, cells), padding=1) if self.across else _table(_row("".join(cells)), padding=2)

    def _symbol(self, symbol: str) -> str:
        sign = len(symbol) < 3
        width = 32 if sign else 18 + 8 * len(symbol)  # the width of bold capitals, for it must not grow
        look = f'STYLE="ROUNDED" BGCOLOR="{self.theme.step}" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="32"'
        text = _font(symbol, self.theme.step_text, 15 if sign else 10)
        return _table(_row(f'<TD PORT="step" {look}><B>{text}</B></TD>'))

    def _numbers(self, content: Content, size: int, align: str) -> str:
        """Return the rows of value and gradient, each in its colour; columns of numbers stand side by side."""
        rows = self._value_and_gradient(content, size, align)
        if content.health is not None:
            rows += _row(_cell(_font(content.health.said, self.theme.shaded_gradient, size - 1), align))
        return rows

    def _value_and_gradient(self, content: Content, size: int, align: str) -> str:
        if not content.value:
            return ""
        theme = self.theme
        value_color, gradient_color = theme.value, theme.gradient
        if content.health is not None:
            value_color, gradient_color = theme.shaded_value, theme.shaded_gradient
        value = self._matrix(content.value, content.is_full, value_color, size)
        if content.gradient is None:
            return _row(_cell(value, align))
        label = _font(content.gradient_label, gradient_color, size - 1)
        gradient = self._matrix(content.gradient, content.is_full, gradient_color, size)
        if content.is_full and len(content.value) > 1:
            rows = _row(_cell(" ") + _gap(16) + _cell(label)) + _row(_cell(value) + _gap(16) + _cell(gradient))
            return _row(_cell(_table(rows), align))
        if content.is_full and len(content.value[0]) == len(content.gradient[0]) > 1:  # each below its number
            lines = (" ", content.value[0], value_color), (label, content.gradient[0], gradient_color)
            return _row(_cell(_table(*(self._line(*line, size) for line in lines)), align))
        if len(content.gradient) == len(content.gradient[0]) == 1:  # as one text, for tables spread over their place
            return _row(_cell(value, align)) + _row(_cell(f"{label}  {gradient}", align))
        return _row(_cell(value, align)) + _row(_cell(_table(_row(_cell(label) + _gap() + _cell(gradient))), align))

    @staticmethod
    def _line(label: str, numbers: tuple[str, ...], color: str, size: int) -> str:
        """Return a row of a label and numbers, to stand above or below another."""
        return _row(_cell(label) + "".join(_gap() + _cell(_font(n, color, size), "RIGHT") for n in numbers))

    @staticmethod
    def _matrix(rows: Rows, is_full: bool, color: str, size: int) -> str:
        if len(rows) == len(rows[0]) == 1:
            return _font(rows[0][0], color, size)
        if not is_full:
            return "".join(_font(row[0], color, size) + '<BR ALIGN="LEFT"/>' for row in rows)
        align = "RIGHT" if any("." in n for row in rows for n in row) else "CENTER"
        return _table(*(_row(_gap().join(_cell(_font(n, color, size), align) for n in row)) for row in rows))


def _lines(formula: str) -> list[str]:
    """Return a formula on as many lines as it needs, cut before a sign that stands in few parentheses."""
    parts, depth, deepest = [""], 0, {" + ": 1, " − ": 1, " = ": 0, " / ": 0}
    for i, c in enumerate(formula):
        depth += (c in "([") - (c in ")]")
        if depth <= deepest.get(formula[i : i + 3], -1):
            parts.append("")
        parts[-1] += c
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) > _LONGEST_LINE:
            lines.append("   ")
        lines[-1] += part
    return lines


def _font(text: str, color: str, size: int) -> str:
    start = f'<FONT COLOR="{color}" POINT-SIZE="{size}">'
    return "".join(f"{start}{part}</FONT>" for part in _parts(text))


def _parts(text: str) -> list[str]:
    """Return text as HTML, cut after each backslash, which together with a following letter Graphviz would replace."""
    return [escape(part) for part in re.split(r"(?<=\\)", text) if part]


def _bold(text: str) -> str:
    return "".join(f"<B>{part}</B>" for part in _parts(text))


def _table(*rows: str, padding: int = 0, spacing: int = 0, color: str = "") -> str:
    ground = f' BGCOLOR="{color}"' if color else ""
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}"{ground}>'
    return f"{table}{''.join(rows)}</TABLE>"


def _row(cells: str) -> str:
    return f"<TR>{cells}</TR>"


def _cell(content: str, align: str = "CENTER", more: str = "") -> str:
    return f'<TD ALIGN="{align}"{" " + more if more else ""}>{content}</TD>'


def _gap(width: int = 10) -> str:
    return f'<TD WIDTH="{width}"></TD>'
