"""The page that plays a picture: forward result by result, backward way by way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from ..engine.graph import Node
from . import text
from .architecture import FoldedReader
from .diagram import Derivative
from .dot import write
from .explaining import explained
from .local import Local
from .playing import Playing
from .reading import Reader, gradients
from .rendering import Picture
from .theme import Theme
from .walk import pulled

_MOST_CELLS = 64  # of a Jacobian that a page computes; larger ones it gives by their shape
_COLORS = ("background", "text", "faint", "value", "gradient", "derivative", "side")


def page(read: Callable[[], Reader], params: Any, direction: str, theme: Theme) -> str:
    """Return one HTML page that needs nothing else: what `read` describes, drawn and played."""
    reader = read()
    picture = Picture(format="svg")
    write(reader.diagram, direction, picture, theme, marked=True)
    svg = picture.pipe(encoding="utf-8")
    script = _Script(reader, params)
    data = {
        "events": script.events,
        "tensors": script.tensors,
        "ways": [[arrow.tail, arrow.head] for arrow in reader.diagram.arrows],
        "colors": {
            "v": [theme.value.lower(), theme.shaded_value.lower()],
            "g": [theme.gradient.lower(), theme.shaded_gradient.lower()],
            "d": [theme.derivative.lower()],
            "h": [color.lower() for color in (*theme.heat, theme.broken)],
        },
    }
    title = " and ".join(dict.fromkeys(script.playing.names[t] for t in reader.results))
    kind = "forward and backward" if script.has_backward else "forward"
    colors = [f"--{name}: {getattr(theme, name)};" for name in _COLORS]
    parts = {
        "TITLE": escape(f"{title}, {kind}"),
        "COLORS": " ".join([*colors, f"--line: {theme.frame_line};", f"--ground: {theme.frame_fills[0]};"]),
        "SCHEME": theme.scheme,
        "SVG": svg[svg.index("<svg") :],
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }
    whole = resources.files(__package__).joinpath("player.html").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda mark: parts[mark[1]], whole)  # in one pass: a name may look like a mark


class _Script:
    """What the page plays: events, and what it tells of each part of the picture."""

    def __init__(self, reader: Reader, params: Any) -> None:
        self.reader, self.params = reader, params
        self.playing = Playing(reader)
        self.output = reader.results[0]
        self.has_backward = len(reader.results) == 1 and self.output._data.size == 1
        self.gradients = gradients(reader.results, reader.steps)
        called = self.playing.names[self.output]
        self.numerator = reader.numerator or (called if self.has_backward and len(called) <= 6 else "L")
        self.local = Local(self.playing.chain, self.numerator, reader.digits)
        self.events = [self._forward(y) for y in self.playing.kept]
        if self.has_backward:
            self._backward()
        self.tensors = self._told()

    def _forward(self, y: Node) -> dict[str, Any]:
        called, maker = self.playing.names[y], self.playing.maker(y)
        is_module = self.playing.is_module(self.reader.makers[y])
        formula = self.local.formula(y)
        if is_module:
            formula = f"{called}, returned by {maker}"
        elif called not in (formula, f"({formula})"):
            formula = f"{called} = {formula}"
        card = self._card("value", f"value, {text.shape(np.asarray(y._data))}", formula, y._data)
        title = f"Forward: {maker}" + ("" if maker in (called, called[1:-1]) else f" gives {called}")
        return {"kind": "forward", "nodes": self.playing.places(y), "title": title, "cards": [card]}

    def _backward(self) -> None:
        """Add an event for each way that the gradient goes back."""
        output, chain = self.output, self.playing.chain
        name = f"∂{self.numerator}/∂{self.playing.names[output]}"
        self.events.append(
            {
                "kind": "backward",
                "nodes": [self.reader.keys[output]],
                "graded": self.playing.places(output),
                "title": f"Backward begins at {self.playing.names[output]}",
                "cards": [self._card("gradient", "gradient", name, self.gradients[output])],
            }
        )
        waiting: dict[Node, int] = {}  # ways by which a gradient has yet to come
        ways = {y: [x for x in chain.sources(chain.between(y)) if x._requires_grad] for y in self.playing.kept}
        for sources in ways.values():
            for x in sources:
                waiting[x] = waiting.get(x, 0) + 1
        arrived: dict[Node, list[Any]] = {}
        for y in reversed(self.playing.kept):
            found = pulled(chain.between(y), {y: self.gradients[y]}) if y in self.gradients else {}
            local = self.local.derivatives(y)
            for x in ways[y]:
                arrived.setdefault(x, []).append(found[x])
                is_last = len(arrived[x]) == waiting[x]
                self.events.append(self._way(y, x, local[x], arrived[x], is_last))

    def _way(self, y: Node, x: Node, local: Derivative, arrived: list[Any], is_last: bool) -> dict[str, Any]:
        names = self.playing.names
        above, below = (f"∂{self.numerator}/∂{names[t]}" for t in (y, x))
        name = local.name + (f" = {local.formula}" if local.formula and local.value is not None else "")
        cards = [
            self._card("gradient", "upstream gradient", above, self.gradients[y]),
            {"sign": "→" if local.is_rule else self._sign(y, x, bool(local.formula))},
            {
                "kind": "local",
                "label": "what the step makes of it" if local.is_rule else "local derivative",
                "name": "" if local.is_rule else name,
                "text": self._factor(y, x, local),
            },
            {"sign": "→" if local.is_rule else "="},
            self._card("gradient", "contribution", f"to {below}", arrived[-1]),
        ]
        if len(arrived) > 1:
            before = len(arrived) - 1
            label = "from the other way" if before == 1 else f"from {before} other ways"
            cards += [{"sign": "+"}, self._card("gradient", label, f"to {below}", _sum(arrived[:-1])), {"sign": "="}]
            label = f"sum of {len(arrived)} ways" + ("" if is_last else ", more to come")
            cards.append(self._card("gradient", label, below, _sum(arrived)))
        return {
            "kind": "backward",
            "edges": self.playing.ways(y, x),
            "nodes": [self.reader.keys[x]],
            "graded": self.playing.places(x) if is_last else [],
            "title": f"Backward: from {names[y]} to {names[x]}",
            "cards": cards,
        }

    @staticmethod
    def _sign(y: Node, x: Node, has_slope: bool) -> str:
        """Return how the two are multiplied: as numbers, element by element, or as matrices."""
        if not y._data.ndim and not x._data.ndim:
            return "×"
        return "⊙" if has_slope and y._data.shape == x._data.shape else "·"

    @staticmethod
    def _factor(y: Node, x: Node, local: Derivative) -> str:
        """Return the local derivative in numbers, where they are few, else what is known of it."""
        if local.value is not None:
            return "\n".join("  ".join(row) for row in local.value)
        if local.formula:
            return local.formula
        shapes = (text.shape(np.asarray(t._data)) for t in (y, x))
        return "Jacobian of {} by {}".format(*shapes)

    def _card(self, kind: str, label: str, name: str, array: Any) -> dict[str, Any]:
        rows = text.value(array, self.reader.digits)
        return {"kind": kind, "label": label, "name": name, "text": "\n".join("  ".join(row) for row in rows)}

    def _told(self) -> dict[str, dict[str, str]]:
        """Return what is told of each part of the picture, by its key: what is pointed at, and what is clicked."""
        found = {}
        for t, called in self.playing.names.items():
            for key in self.playing.places(t):
                title, maker, statistics = called, self.playing.maker(t), self._statistics(t)
                if self.playing.is_module(key):
                    title, statistics = maker, f"returns\n{statistics}{self._inside(t)}"
                elif key != self.reader.keys[t]:  # the step before a box
                    title = f"{maker}, which gives {called}"
                found[key] = {"title": title, "statistics": statistics, "chain": self._chain(t)}
        return found

    def _inside(self, t: Node) -> str:
        """Return the statistics of the parameters that are folded into the module that returned a tensor."""
        leaves = self.reader.folded_leaves(t) if isinstance(self.reader, FoldedReader) else {}
        return "".join(f"\n\n{name}\n{self._statistics(x)}" for x, name in leaves.items())

    def _statistics(self, t: Node) -> str:
        array = np.asarray(t._data)
        lines = [f"shape     {text.shape(array)}", f"dtype     {array.dtype}"]
        lines += ["", "value", *self._described(array)]
        if (g := self.gradients.get(t)) is not None:
            name = self.playing.names.get(t) or "·"
            lines += ["", f"∂{self.numerator}/∂{name}", *self._described(np.asarray(g))]
        return "\n".join(lines)

    def _described(self, array: Any) -> list[str]:
        finite = array[np.isfinite(array)].astype(np.float64)
        if not finite.size:
            return ["  " + " ".join(row) for row in text.value(array, self.reader.digits)]
        if array.size == 1:
            return [f"  {text.number(finite[0], self.reader.digits)}"]
        measures = {"mean": finite.mean(), "std": finite.std(), "min": finite.min(), "max": finite.max()}
        measures["norm"] = np.sqrt(np.square(finite).sum())
        lines = [f"  {name:7} {text.number(value, self.reader.digits)}" for name, value in measures.items()]
        lines.append(f"  {'zeros':7} {int((finite == 0).sum())} of {array.size}")
        return lines + ([f"  {'broken':7} {array.size - finite.size}"] if array.size > finite.size else [])

    def _chain(self, t: Node) -> str:
        is_asked = self.has_backward and t._requires_grad and t not in self.reader.outputs and t in self.gradients
        if not is_asked or (t._op is not None and not self.reader.names.of(t)):
            return ""
        return str(explained(self.output, t, self.params, self.reader.digits, _MOST_CELLS, self.playing.names))


def _sum(arrays: list[Any]) -> Any:
    return sum(arrays[1:], arrays[0])
