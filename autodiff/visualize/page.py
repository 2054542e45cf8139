"""The page that plays a picture: one HTML file that needs nothing else."""

from __future__ import annotations

import json
import re
from html import escape
from importlib import resources
from typing import Any

from .dot import write
from .picture import Picture
from .script import Script
from .theme import Theme
from .view import View

_COLORS = ("background", "text", "faint", "value", "gradient", "derivative", "side")


def page(view: View, params: Any, direction: str | None, theme: Theme) -> str:
    """Return one HTML page: what the view shows, drawn and played."""
    script = Script(view, params)
    svg, kinds = _drawn(view, direction, theme)
    data = {
        "kinds": kinds,
        "events": script.events,
        "tensors": script.tensors,
        "ways": [[arrow.tail, arrow.head] for arrow in view.diagram.arrows],
    }
    title = " and ".join(dict.fromkeys(script.places.names[t] for t in view.results))
    kind = "forward and backward" if script.has_backward else "forward"
    colors = [f"--{name}: {getattr(theme, name)};" for name in _COLORS]
    parts = {
        "TITLE": escape(f"{title}, {kind}"),
        "COLORS": " ".join([*colors, f"--line: {theme.frame_line};", f"--ground: {theme.frame_fills[0]};"]),
        "SCHEME": theme.scheme,
        "SVG": svg,
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }
    whole = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    return re.sub("@([A-Z]+)@", lambda mark: parts[mark[1]], whole)  # in one pass: a name may look like a mark


def _drawn(view: View, direction: str | None, theme: Theme) -> tuple[str, list[str]]:
    """Draw the view; return the SVG and, for each text and shape in it, the kind by which the page knows it, or ""."""
    colors, marks = theme.marked()
    picture = Picture(format="svg")
    write(view.diagram, direction, picture, colors, marked=True)
    svg = picture.pipe(encoding="utf-8")
    fills = [re.search(r'fill="([^"]*)"', part) for part in re.findall(r"<(?:text|path|polygon)[^>]*>", svg)]
    kinds = [marks[fill[1]][0] if fill and fill[1] in marks else "" for fill in fills]
    for mark, (_, color) in marks.items():
        svg = svg.replace(f'fill="{mark}"', f'fill="{color.lower()}"')
    return svg[svg.index("<svg") :], kinds
