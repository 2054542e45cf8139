"""What a page plays: forward result by result, backward arrow by arrow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.backward import through
from ..engine.graph import Node
from . import contents
from .diagram import Derivative
from .gradients import gradients
from .local import Local
from .paths import derive
from .places import Places
from .view import LONGEST_IN_FRACTION, ROUNDING, View

_RATE, _MOST_UPDATES = 0.1, 4  # of the step of gradient descent that a page ends with
_MOST_CELLS = 64  # of a Jacobian that a page computes; larger ones it gives by their shape


class Script:
    """What a page plays: events, and what it tells of each part of the picture.

    Attributes
    ----------
    events, tensors : list of dict, dict of str to dict
        As the page reads them.
    has_backward : bool
        Whether there is one number to go back from.
    """

    def __init__(self, view: View, params: Any) -> None:
        self.view, self.params = view, params
        self.places = Places(view)
        self.output = view.results[0]
        self.has_backward = len(view.results) == 1 and self.output._data.size == 1
        self.gradients = gradients(view.results, view.steps)
        called = self.places.names[self.output]
        is_short = self.has_backward and len(called) <= LONGEST_IN_FRACTION
        self.numerator = view.numerator or (called if is_short else "L")
        self.local = Local(self.places.chain, self.numerator, view.digits)
        self.events = [self._forward(y) for y in self.places.kept]
        if self.has_backward:
            self._backward()
            self._update()
        self.tensors = self._tell()

    def _forward(self, y: Node) -> dict[str, Any]:
        called, maker = self.places.names[y], self.places.maker(y)
        is_module = self.places.is_module(self.places.maker_key(y))
        formula = self.local.formula(y)
        if is_module:
            formula = f"{called}, returned by {maker}"
        elif called not in (formula, f"({formula})"):
            formula = f"{called} = {formula}"
        card = self._card("value", f"value, {contents.shape(np.asarray(y._data))}", formula, self.view.value(y))
        title = f"Forward: {maker}" + ("" if maker in (called, called[1:-1]) else f" gives {called}")
        return {"kind": "forward", "nodes": self.places.of(y), "title": title, "cards": [card]}

    def _backward(self) -> None:
        """Add an event for each arrow that the gradient goes back along."""
        output, chain = self.output, self.places.chain
        name = f"∂{self.numerator}/∂{self.places.names[output]}"
        self.events.append(
            {
                "kind": "backward",
                "nodes": [self.view.keys[output]],
                "graded": self.places.of(output),
                "title": f"Backward begins at {self.places.names[output]}",
                "cards": [self._card("gradient", "gradient", name, self.gradients[output])],
            }
        )
        waiting: dict[Node, int] = {}  # ways by which a gradient has yet to come
        ways = {y: [x for x in chain.sources(chain.between(y)) if x._requires_grad] for y in self.places.kept}
        for sources in ways.values():
            for x in sources:
                waiting[x] = waiting.get(x, 0) + 1
        arrived: dict[Node, list[Any]] = {}
        for y in reversed(self.places.kept):
            found = through(chain.between(y), {y: self.gradients[y]}) if y in self.gradients else {}
            local = self.local.derivatives(y)
            for x in ways[y]:
                arrived.setdefault(x, []).append(found[x])
                is_last = len(arrived[x]) == waiting[x]
                self.events.append(self._way(y, x, local[x], arrived[x], is_last))

    def _update(self) -> None:
        """Add what an optimizer does with the gradients: one step of gradient descent, for the parameters shown."""
        params = [t for t in self.places.names if self.view.names.kind(t) == "parameter" and t._op is None]
        params = [t for t in params if t in self.gradients and t in self.view.keys]
        if not params:
            return
        rate = contents.number(_RATE, self.view.digits)
        cards: list[dict[str, Any]] = []
        for t in params[:_MOST_UPDATES]:
            called, g = self.places.names[t], np.asarray(self.gradients[t])
            cards += [
                *([{"sign": "\n"}] if cards else []),
                self._card("value", "parameter", called, t._data),
                {"sign": f"− {rate} ×"},
                self._gradient_card(t, "gradient", f"∂{self.numerator}/∂{called}", g),
                {"sign": "="},
                self._card("value", "after the step", called, t._data - _RATE * g),
            ]
        rest = len(params) - _MOST_UPDATES
        more = f", and {rest} more alike" if rest > 0 else ""
        title = f"Update: each parameter θ becomes θ − lr · ∂{self.numerator}/∂θ, here with lr = {rate}{more}"
        nodes = [self.view.keys[t] for t in params]
        self.events.append({"kind": "update", "nodes": nodes, "title": title, "cards": cards})

    def _way(self, y: Node, x: Node, local: Derivative, arrived: list[Any], is_last: bool) -> dict[str, Any]:
        names = self.places.names
        above, below = (f"∂{self.numerator}/∂{names[t]}" for t in (y, x))
        name = local.name + (f" = {local.formula}" if local.formula and local.value is not None else "")
        cards = [
            self._gradient_card(y, "upstream gradient", above, self.gradients[y]),
            {"sign": "→" if local.is_rule else self._sign(y, x, bool(local.formula))},
            {
                "kind": "local",
                "label": "what the step makes of it" if local.is_rule else "local derivative",
                "name": "" if local.is_rule else name,
                "text": self._factor(y, x, local),
            },
            {"sign": "→" if local.is_rule else "="},
            self._gradient_card(x, "contribution", f"to {below}", arrived[-1]),
        ]
        if len(arrived) > 1:
            before = len(arrived) - 1
            label = "from the other path" if before == 1 else f"from {before} other paths"
            cards += [{"sign": "+"}, self._card("gradient", label, f"to {below}", _sum(arrived[:-1])), {"sign": "="}]
            label = f"sum over {len(arrived)} paths" + ("" if is_last else ", more to come")
            cards.append(self._card("gradient", label, below, _sum(arrived)))
        return {
            "kind": "backward",
            "edges": self.places.ways(y, x),
            "nodes": [self.view.keys[x]],
            "graded": self.places.of(x) if is_last else [],
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
        shapes = (contents.shape(np.asarray(t._data)) for t in (y, x))
        return "Jacobian of {} with respect to {}".format(*shapes)

    def _gradient_card(self, t: Node, label: str, name: str, g: Any) -> dict[str, Any]:
        card = self._card("gradient", label, name, g)
        return card | {"text": ROUNDING} if self.view.is_rounding(t, np.asarray(g)) else card

    def _card(self, kind: str, label: str, name: str, array: Any) -> dict[str, Any]:
        rows = contents.value(array, self.view.digits)
        return {"kind": kind, "label": label, "name": name, "text": "\n".join("  ".join(row) for row in rows)}

    def _tell(self) -> dict[str, dict[str, str]]:
        """Return what is told of each part of the picture, by its key: what is pointed at, and what is clicked."""
        found = {}
        for t, called in self.places.names.items():
            for key in self.places.of(t):
                title, maker, statistics = called, self.places.maker(t), self._statistics(t)
                if self.places.is_module(key):
                    title, statistics = maker, f"returns\n{statistics}{self._inside(t)}"
                elif key != self.view.keys[t]:  # the step before a box
                    title = f"{maker}, which gives {called}"
                found[key] = {"title": title, "statistics": statistics, "chain": self._chain(t)}
        return found

    def _inside(self, t: Node) -> str:
        """Return the statistics of the parameters that are folded into the module that returned a tensor."""
        leaves = self.view.leaves_inside(t).items()
        return "".join(f"\n\n{name}\n{self._statistics(x)}" for x, name in leaves)

    def _statistics(self, t: Node) -> str:
        array = self.view.value(t)
        lines = [f"shape     {contents.shape(array)}", f"dtype     {array.dtype}"]
        lines += ["", "value", *self._describe(array)]
        if (g := self.gradients.get(t)) is not None:
            name = self.places.names.get(t) or "·"
            lines += ["", f"∂{self.numerator}/∂{name}", *self._describe(np.asarray(g))]
        return "\n".join(lines)

    def _describe(self, array: Any) -> list[str]:
        finite = array[np.isfinite(array)].astype(np.float64)
        if not finite.size:
            return ["  " + " ".join(row) for row in contents.value(array, self.view.digits)]
        if array.size == 1:
            return [f"  {contents.number(finite[0], self.view.digits)}"]
        measures = {"mean": finite.mean(), "std": finite.std(), "min": finite.min(), "max": finite.max()}
        measures["norm"] = np.sqrt(np.square(finite).sum())
        lines = [f"  {name:7} {contents.number(value, self.view.digits)}" for name, value in measures.items()]
        lines.append(f"  {'zeros':7} {int((finite == 0).sum())} of {array.size}")
        return lines + ([f"  {'broken':7} {array.size - finite.size}"] if array.size > finite.size else [])

    def _chain(self, t: Node) -> str:
        is_asked = self.has_backward and t._requires_grad and t not in self.view.outputs and t in self.gradients
        if not is_asked or (t._op is not None and not self.view.names.of(t)):
            return ""
        return str(derive(self.output, t, self.params, self.view.digits, _MOST_CELLS, self.places.names))


def _sum(arrays: list[Any]) -> Any:
    return sum(arrays[1:], arrays[0])
