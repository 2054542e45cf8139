"""The page that plays a computation: forward operation by operation, backward edge by edge."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from ..graph import Node
from . import text
from .chain_reading import ChainReader, chain_reader
from .diagram import Box, Derivative
from .dot import write
from .explaining import explained
from .rendering import Picture
from .theme import Theme
from .walk import pulled

_MOST_CELLS = 64  # of a Jacobian that a page computes; larger ones it gives by their shape
_COLORS = ("background", "text", "faint", "value", "gradient", "derivative", "side")


def page(outputs: Sequence[Node], params: Any, digits: int, direction: str, theme: Theme) -> str:
    """Return one HTML page that needs nothing else; see `draw` for the arguments and the errors."""
    reader = chain_reader(outputs, params, digits)
    picture = Picture(format="svg")
    write(reader.diagram, direction, picture, theme)
    svg = picture.pipe(encoding="utf-8")
    script = _Script(reader, params)
    data = {
        "events": script.events,
        "tensors": script.tensors,
        "colors": {name: getattr(theme, name).lower() for name in ("value", "gradient", "derivative")},
    }
    title = " and ".join(reader.called(t) for t in outputs)
    colors = [f"--{name}: {getattr(theme, name)};" for name in _COLORS]
    parts = {
        "TITLE": escape(f"{title}, forward and backward"),
        "COLORS": " ".join([*colors, f"--line: {theme.frame_line};", f"--ground: {theme.frame_fills[0]};"]),
        "SVG": svg[svg.index("<svg") :],
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }
    whole = resources.files(__package__).joinpath("player.html").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda mark: parts[mark[1]], whole)  # in one pass: a name may look like a mark


class _Script:
    """What the page plays: events, and what it tells of each tensor."""

    def __init__(self, reader: ChainReader, params: Any) -> None:
        self.reader = reader
        self.boxes = {node.key: node for node in reader.diagram.nodes if isinstance(node, Box)}
        self.kept = [y for y in reader.steps if y in reader.chain.names]
        self.numerator = reader.numerator or "L"
        self.events: list[dict[str, Any]] = [self._forward(y) for y in self.kept]
        has_backward = len(reader.outputs) == 1 and self.kept[-1]._data.size == 1
        if has_backward:
            self._backward()
        self.tensors = {
            key: {
                "title": self.boxes[key].title,
                "statistics": self._statistics(t),
                "chain": self._chain(t, params) if has_backward else "",
            }
            for t, key in reader.keys.items()
        }

    def _forward(self, y: Node) -> dict[str, Any]:
        key = self.reader.keys[y]
        title = self.boxes[key].title
        card = self._card("value", f"value, {text.shape(np.asarray(y._data))}", title, y._data)
        card["name"] = f"{title} = {self.boxes[key].formula}"
        return {"kind": "forward", "node": key, "title": f"Forward: {title}", "cards": [card]}

    def _backward(self) -> None:
        """Add an event for each way that the gradient goes back."""
        reader, keys = self.reader, self.reader.keys
        output = self.kept[-1]
        name = f"∂{self.numerator}/∂{self.numerator}"
        self.events.append(
            {
                "kind": "backward",
                "node": keys[output],
                "graded": [keys[output]],
                "title": f"Backward begins at {reader.called(output)}",
                "cards": [self._card("gradient", "gradient", name, reader.gradients[output])],
            }
        )
        local = {(a.tail, a.head): a.derivative for a in reader.diagram.arrows}
        waiting: dict[Node, int] = {}  # ways by which a gradient has yet to come
        ways = {y: [x for x in reader.chain.sources(reader.chain.between(y)) if x._requires_grad] for y in self.kept}
        for sources in ways.values():
            for x in sources:
                waiting[x] = waiting.get(x, 0) + 1
        arrived: dict[Node, list[Any]] = {}
        for y in reversed(self.kept):
            found = pulled(reader.chain.between(y), {y: reader.gradients[y]}) if y in reader.gradients else {}
            for x in ways[y]:
                arrived.setdefault(x, []).append(found[x])
                derivative = local[keys[x], keys[y]]
                if derivative is not None:
                    is_last = len(arrived[x]) == waiting[x]
                    self.events.append(self._way(y, x, derivative, arrived[x], is_last))

    def _way(self, y: Node, x: Node, local: Derivative, arrived: list[Any], is_last: bool) -> dict[str, Any]:
        keys, called = self.reader.keys, self.reader.called
        above, below = (f"∂{self.numerator}/∂{called(t)}" for t in (y, x))
        is_product = local.name == f"∂{called(y)}/∂{called(x)}"
        said = "\n".join("  ".join(row) for row in local.value or ())
        cards = [
            self._card("gradient", "upstream gradient", above, self.reader.gradients[y]),
            {"sign": self._sign(y, x, is_product and bool(local.formula))},
            {
                "kind": "local",
                "label": "local derivative",
                "name": f"∂{called(y)}/∂{called(x)}" + (f" = {local.formula}" if local.formula and is_product else ""),
                "text": said or (f"{local.name} = {local.formula}" if not is_product else local.formula),
            },
            {"sign": "="},
            self._card("gradient", "contribution", f"to {below}", arrived[-1]),
        ]
        if len(arrived) > 1:
            label = f"sum of {len(arrived)} ways" + ("" if is_last else ", more to come")
            cards += [{"sign": "Σ"}, self._card("gradient", label, below, sum(arrived[1:], arrived[0]))]
        return {
            "kind": "backward",
            "edge": f"{keys[x]}->{keys[y]}",
            "to": keys[x],
            "graded": [keys[x]] if is_last else [],
            "title": f"Backward: from {called(y)} to {called(x)}",
            "cards": cards,
        }

    @staticmethod
    def _sign(y: Node, x: Node, has_slope: bool) -> str:
        """Return how the two are multiplied: as numbers, element by element, or as matrices."""
        if not y._data.ndim and not x._data.ndim:
            return "×"
        return "⊙" if has_slope and y._data.shape == x._data.shape else "·"

    def _card(self, kind: str, label: str, name: str, array: Any) -> dict[str, Any]:
        rows = text.value(array, self.reader.digits)
        return {"kind": kind, "label": label, "name": name, "text": "\n".join("  ".join(row) for row in rows)}

    def _statistics(self, t: Node) -> str:
        array = np.asarray(t._data)
        lines = [f"shape     {text.shape(array)}", f"dtype     {array.dtype}"]
        lines += ["", "value", *self._described(array)]
        if (g := self.reader.gradients.get(t)) is not None:
            lines += ["", f"∂{self.numerator}/∂{self.reader.called(t)}", *self._described(np.asarray(g))]
        return "\n".join(lines)

    def _described(self, array: Any) -> list[str]:
        finite = array[np.isfinite(array)].astype(np.float64)
        if not finite.size:
            return ["  " + " ".join(row) for row in text.value(array, self.reader.digits)]
        measures = {"mean": finite.mean(), "std": finite.std(), "min": finite.min(), "max": finite.max()}
        measures["norm"] = np.sqrt(np.square(finite).sum())
        lines = [f"  {name:7} {text.number(value, self.reader.digits)}" for name, value in measures.items()]
        lines.append(f"  {'zeros':7} {int((finite == 0).sum())} of {array.size}")
        return lines + ([f"  {'broken':7} {array.size - finite.size}"] if array.size > finite.size else [])

    def _chain(self, t: Node, params: Any) -> str:
        if not t._requires_grad or t in self.reader.outputs or t not in self.reader.gradients:
            return ""
        return str(explained(self.kept[-1], t, params, self.reader.digits, _MOST_CELLS))
