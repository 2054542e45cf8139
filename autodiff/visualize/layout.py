"""Whether a picture runs from left to right or from top to bottom, where the user does not say."""

from __future__ import annotations

from .diagram import Arrow, Box, Content, Diagram, Module, Step

# In inches: what is wider can neither be printed nor read in a window. The chain rule's pictures get wide by what is
# said on the ways, and stand well upright; of operations, a layer written by hand, neuron by neuron, does not.
_WIDEST, _WIDEST_CHAIN = 20.0, 17.0
_LETTER, _MARGIN, _GAP = 0.075, 0.2, 0.35  # inches: a letter of 10 points, what is around a text, between two nodes


def direction(diagram: Diagram) -> str:
    """Return "LR", or "TB" for a picture that would get too wide to be read."""
    is_chain = any(arrow.derivative is not None for arrow in diagram.arrows)
    return "LR" if width(diagram) <= (_WIDEST_CHAIN if is_chain else _WIDEST) else "TB"


def width(diagram: Diagram) -> float:
    """Return about how many inches wide a picture gets from left to right: along its longest way."""
    entering: dict[str, list[Arrow]] = {}
    for arrow in diagram.arrows:
        entering.setdefault(arrow.head, []).append(arrow)
    ends: dict[str, float] = {}
    for node in diagram.nodes:  # in the order of computation
        before = [ends[a.tail] + _GAP + _label(a) for a in entering.get(node.key, ()) if a.tail in ends]
        if not (isinstance(node, Box) and node.kind in ("parameter", "constant")):  # those stand above what reads them
            ends[node.key] = max(before, default=0.0) + _text(_lines(node))
    return max(ends.values(), default=0.0)


def _label(arrow: Arrow) -> float:
    return _text([arrow.derivative.said]) if arrow.derivative is not None else 0.0


def _text(lines: list[str]) -> float:
    return _MARGIN + _LETTER * max(map(len, lines), default=0)


def _lines(node: Box | Step | Module) -> list[str]:
    """Return the lines of text that a node shows."""
    if isinstance(node, Box):
        return [f"{node.title}  {node.content.shape}", f"= {node.formula}", *_numbers(node.content)]
    told = [node.symbol, node.details] if isinstance(node, Step) else [node.title, *node.lines]
    return told if node.content is None else [*told, *_numbers(node.content)]


def _numbers(content: Content) -> list[str]:
    value = ["  ".join(row) for row in content.value]
    return value + [f"{content.gradient_label}  {'  '.join(row)}" for row in content.gradient or ()]
