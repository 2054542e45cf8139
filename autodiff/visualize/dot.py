"""Write the description of a picture in Graphviz's language."""

from __future__ import annotations

from html import escape
from typing import Any

from .diagram import Arrow, Box, Content, Diagram, Step
from .text import Rows
from .theme import LIGHT, Theme

DIRECTIONS = ("LR", "TB", "RL", "BT")
_EXITS = {"LR": "e", "TB": "s", "RL": "w", "BT": "n"}


def write(diagram: Diagram, direction: str, graph: Any, theme: Theme = LIGHT) -> None:
    """Write the diagram into an empty `graphviz.Digraph`."""
    _Writer(diagram, direction, theme).write(graph)


class _Writer:
    def __init__(self, diagram: Diagram, direction: str, theme: Theme) -> None:
        self.diagram, self.direction = diagram, direction
        self.across = direction in ("LR", "RL")
        self.labels = _Labels(theme, self.across)
        self.theme = theme
        self.nodes = {node.key: node for node in diagram.nodes}
        self.beside = self._beside()
        # Where arrows end: at the symbol of a step, at one of several boxes that share a node
        self.anchors = {node.key: f"{node.key}:step" for node in diagram.nodes if isinstance(node, Step)}
        for step, boxes in self.beside.items():
            if len(boxes) > 1:
                self.anchors |= {box.key: f"{step}_inputs:{box.key}" for box in boxes}

    def _beside(self) -> dict[str, list[Box]]:
        """Find, for each step, the parameters and constants that it alone reads.

        They stand beside it instead of before it, so that the way of the data is a straight line.
        """
        users: dict[str, set[str]] = {}
        for arrow in self.diagram.arrows:
            users.setdefault(arrow.tail, set()).add(arrow.head)
        beside: dict[str, list[Box]] = {}
        for key, heads in users.items():
            node, user = self.nodes[key], self.nodes[next(iter(heads))]
            if not isinstance(node, Box) or node.kind not in ("parameter", "constant"):
                continue
            if len(heads) == 1 and node.frame == user.frame and self._has_main_line(user):
                beside.setdefault(user.key, []).append(node)
        return beside

    def _has_main_line(self, step: Box | Step) -> bool:
        """Tell whether anything but leaves enters the step; else its leaves are where the way begins."""
        tails = [self.nodes[arrow.tail] for arrow in self.diagram.arrows if arrow.head == step.key]
        return any(isinstance(tail, Step) or tail.kind not in ("parameter", "constant") for tail in tails)

    def write(self, graph: Any) -> None:
        theme = self.theme
        text = {"fontname": theme.font, "fontcolor": theme.text}
        graph.attr("graph", rankdir=self.direction, bgcolor=theme.background, pad="0.25", **text, fontsize="11")
        graph.attr("graph", nodesep="0.3", ranksep="0.35", newrank="true")
        graph.attr("node", **text, fontsize="10", margin="0.09,0.06", height="0", width="0")
        graph.attr("edge", **text, fontsize="9", arrowsize="0.7")
        self._write_frame(graph, None, 0)
        for arrow in self.diagram.arrows:
            self._write_arrow(graph, arrow)

    def _write_frame(self, graph: Any, index: int | None, depth: int) -> None:
        aside = {box.key for boxes in self.beside.values() for box in boxes}
        for node in self.diagram.nodes:
            if node.frame != index or node.key in aside:
                continue
            if isinstance(node, Box):
                self._write_box(graph, node)
            elif node.key in self.beside:
                with graph.subgraph() as level:
                    level.attr(rank="same")
                    self._write_beside(level, node.key, self.beside[node.key])
                    level.node(node.key, label=self.labels.step(node), shape="plain")
            else:
                graph.node(node.key, label=self.labels.step(node), shape="plain")
        for i, frame in enumerate(self.diagram.frames):
            if frame.parent == index:
                with graph.subgraph(name=f"cluster_{i}") as inner:
                    inner.attr(
                        label=f"<<B>{escape(frame.label)}</B>>", labeljust="l" if self.across else "r", margin="12"
                    )
                    inner.attr(style="rounded,filled", color=self.theme.frame_line, fontcolor=self.theme.faint)
                    inner.attr(fillcolor=self.theme.frame_fills[depth % 2])
                    self._write_frame(inner, i, depth + 1)

    def _write_box(self, graph: Any, box: Box) -> None:
        graph.node(box.key, label=f"<{self.labels.box(box)}>", **self.theme.boxes[box.kind])

    def _write_beside(self, graph: Any, step: str, boxes: list[Box]) -> None:
        """Write one box as a node, several as the cells of one node, which Graphviz keeps together."""
        if len(boxes) == 1:
            self._write_box(graph, boxes[0])
        else:
            graph.node(f"{step}_inputs", label=self.labels.boxes(boxes), shape="plain")

    def _write_arrow(self, graph: Any, arrow: Arrow) -> None:
        tail, head = (self.anchors.get(key, key) for key in (arrow.tail, arrow.head))
        look = {
            "color": self.theme.main if arrow.is_main else self.theme.side,
            "penwidth": "1.8" if arrow.is_main else "1.1",
        }
        if any(box.key == arrow.tail for box in self.beside.get(arrow.head, ())):
            # Within a rank, Graphviz puts the tail first: above or to the left. In a frame that is drawn from the left
            # to the right, it puts it last.
            if self.across and self.nodes[arrow.head].frame is not None:
                graph.edge(head, tail, dir="back", **look)
            else:
                graph.edge(tail, head, **look)
        else:
            leave = f":{_EXITS[self.direction]}" if isinstance(self.nodes[arrow.tail], Step) else ""
            graph.edge(tail + leave, head, weight="8" if self._is_on_line(arrow) else "1", **look)

    def _is_on_line(self, arrow: Arrow) -> bool:
        """Tell whether the arrow is to be straight: what joins the way of the data later may come from aside."""
        if not arrow.is_main:
            return False
        tail = self.nodes[arrow.tail]
        others = [a.tail for a in self.diagram.arrows if a.head == arrow.head and a.tail != arrow.tail and a.is_main]
        return isinstance(tail, Step) or tail.kind != "input" or not others


class _Labels:
    """The HTML-like labels of boxes and steps."""

    def __init__(self, theme: Theme, across: bool) -> None:
        self.theme, self.across = theme, across

    def box(self, box: Box) -> str:
        theme, content = self.theme, box.content
        if box.kind == "constant":
            return _font(content.value[0][0], theme.value, 10)
        head = _cell(f"<B>{_font(box.title, theme.text, 12)}</B>", "LEFT")
        head += _gap() + _cell(_font(content.shape, theme.faint, 9), "RIGHT")
        body = _table(self._numbers(content, 10, "LEFT"), padding=1)
        return _table(_row(head), _row(_cell(body, "LEFT", 'COLSPAN="3"')), padding=1)

    def boxes(self, boxes: list[Box]) -> str:
        """Return several boxes as the cells of one table, across the way of the data."""
        cells = []
        for box in boxes:
            look = self.theme.boxes[box.kind]
            style = ' STYLE="ROUNDED"' if box.kind == "constant" else ""
            cells.append(
                f'<TD PORT="{box.key}" BORDER="{round(float(look["penwidth"]))}" COLOR="{look["color"]}" '
                f'BGCOLOR="{look["fillcolor"]}" CELLPADDING="5"{style}>{self.box(box)}</TD>'
            )
        rows = [_row("".join(cells))] if self.across else [_row(cell) for cell in cells]
        return f"<{_table(*rows, spacing=5)}>"

    def step(self, step: Step) -> str:
        theme = self.theme
        sign = len(step.symbol) < 3
        width = 32 if sign else 18 + 8 * len(step.symbol)  # the width of bold capitals, for the badge must not grow
        badge = _table(
            _row(
                f'<TD PORT="step" STYLE="ROUNDED" BGCOLOR="{theme.step}" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="32">'
                f"<B>{_font(step.symbol, theme.step_text, 15 if sign else 10)}</B></TD>"
            )
        )
        align = "CENTER" if self.across else "LEFT"
        lines = [line for line in (step.details, step.content.shape if step.content else "") if line]
        rows = [_row(_cell(_font(line, theme.faint, 8), align)) for line in lines]
        if step.content is not None:
            rows.append(self._numbers(step.content, 9, align))
        if not rows:
            return f"<{badge}>"
        cells = _cell(badge), _cell(_table(*rows))
        return f"<{_table(*map(_row, cells), padding=1) if self.across else _table(_row(''.join(cells)), padding=2)}>"

    def _numbers(self, content: Content, size: int, align: str) -> str:
        """Return the rows of value and gradient, each in its colour; columns of numbers stand side by side."""
        value = self._matrix(content.value, content.is_full, self.theme.value, size)
        if content.gradient is None:
            return _row(_cell(value, align))
        label = _font(content.gradient_label, self.theme.gradient, size - 1)
        gradient = self._matrix(content.gradient, content.is_full, self.theme.gradient, size)
        if content.is_full and len(content.value) > 1:
            rows = _row(_cell(" ") + _gap() + _cell(label)) + _row(_cell(value) + _gap() + _cell(gradient))
            return _row(_cell(_table(rows), align))
        if len(content.gradient) == len(content.gradient[0]) == 1:  # as one text, for tables spread over their place
            return _row(_cell(value, align)) + _row(_cell(f"{label}  {gradient}", align))
        return _row(_cell(value, align)) + _row(_cell(_table(_row(_cell(label) + _gap() + _cell(gradient))), align))

    @staticmethod
    def _matrix(rows: Rows, is_full: bool, color: str, size: int) -> str:
        if len(rows) == len(rows[0]) == 1:
            return _font(rows[0][0], color, size)
        if not is_full:
            return "".join(_font(row[0], color, size) + '<BR ALIGN="LEFT"/>' for row in rows)
        align = "RIGHT" if any("." in number for row in rows for number in row) else "CENTER"
        return _table(*(_row(_gap().join(_cell(_font(n, color, size), align) for n in row)) for row in rows))


def _font(text: str, color: str, size: int) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{escape(text)}</FONT>'


def _table(*rows: str, padding: int = 0, spacing: int = 0) -> str:
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">'
    return f"{table}{''.join(rows)}</TABLE>"


def _row(cells: str) -> str:
    return f"<TR>{cells}</TR>"


def _cell(content: str, align: str = "CENTER", more: str = "") -> str:
    return f'<TD ALIGN="{align}"{" " + more if more else ""}>{content}</TD>'


def _gap(width: int = 10) -> str:
    return f'<TD WIDTH="{width}"></TD>'
