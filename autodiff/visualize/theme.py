"""The colours, shapes and type of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from .diagram import Kind

# Hues from Okabe and Ito's palette, which people with any kind of colour vision can tell apart; darkened where text
# is written in them, lightened where it is written on them.


def _boxes(*colors: tuple[str, str]) -> dict[Kind, dict[str, str]]:
    """Return the look of each kind of box; `colors` are those of the line and the ground of each, in this order."""
    filled = {"style": "filled", "penwidth": "1.3"}
    looks: dict[Kind, dict[str, str]] = {
        "input": {**filled, "shape": "note", "color": "#3A8FC4", "fillcolor": "#E4F2FB"},
        "parameter": {**filled, "shape": "box", "color": "#00835F", "fillcolor": "#DFF3EC", "penwidth": "2"},
        "constant": {**filled, "shape": "ellipse", "color": "#9AA3AD", "fillcolor": "#F3F4F6", "penwidth": "1"},
        "result": {**filled, "shape": "box", "style": "rounded,filled", "color": "#6B7785", "fillcolor": "#FFFFFF"},
        "output": {**filled, "shape": "box", "peripheries": "2", "color": "#B07A00", "fillcolor": "#FFF3D1"},
    }
    for look, (line, ground) in zip(looks.values(), colors, strict=False):
        look |= {"color": line, "fillcolor": ground}
    return looks


@dataclass(frozen=True)
class Theme:
    """How a picture looks."""

    scheme: str = "light"  # of a browser's own scroll bars and buttons
    font: str = "Helvetica,Arial,DejaVu Sans,sans-serif"
    background: str = "#FFFFFF"
    text: str = "#1F2933"
    faint: str = "#66717E"
    value: str = "#005E94"
    gradient: str = "#B84600"
    derivative: str = "#7A3E8E"
    lit: str = "#7A3E8E"  # of a way that is asked for
    step: str = "#46536B"
    step_text: str = "#FFFFFF"
    main: str = "#1F2933"
    side: str = "#8792A0"
    frame_line: str = "#C3CAD4"
    frame_fills: tuple[str, str] = ("#F6F7F9", "#ECEFF3")
    boxes: dict[Kind, dict[str, str]] = field(default_factory=_boxes)
    heat: tuple[str, ...] = ("#7DB8E6", "#CDE4F5", "#FFFFFF", "#FBDCC4", "#F0A05F")  # from vanishing to exploding
    broken: str = "#B9A7C9"  # what is NaN or infinite
    shaded_value: str = "#1F2933"  # on a shade both are written as text is: colours on colours could not be read
    shaded_gradient: str = "#1F2933"

    def marked(self) -> tuple[Theme, dict[str, tuple[str, str]]]:
        """Return the theme with a colour of its own for each kind of thing that a page shows and hides.

        Returns
        -------
        theme : Theme
        marks : dict of str to tuple of str
            For each of these colours the kind, "v", "g", "d" or "h", and the colour that it stands for.
        """
        kinds = {"value": "v", "shaded_value": "v", "gradient": "g", "shaded_gradient": "g", "derivative": "d"}
        meant = [(kind, getattr(self, name)) for name, kind in kinds.items()]
        meant += [("h", color) for color in (*self.heat, self.broken)]
        marks = {f"#0000{k:02x}": mark for k, mark in enumerate(meant, 1)}
        colors = iter(marks)
        changed: dict[str, Any] = {name: next(colors) for name in kinds}
        *heat, broken = colors
        return replace(self, **changed, heat=tuple(heat), broken=broken), marks


LIGHT = Theme()
DARK = Theme(
    scheme="dark",
    background="#171C24",
    text="#E8ECF1",
    faint="#A3AEBB",
    value="#7CC4F2",
    shaded_value="#E8ECF1",
    shaded_gradient="#E8ECF1",
    gradient="#FFA76B",
    derivative="#D7A9E3",
    lit="#D7A9E3",
    step="#C5CEDA",
    step_text="#171C24",
    main="#E8ECF1",
    side="#77838F",
    frame_line="#465262",
    frame_fills=("#1E252F", "#262F3B"),
    boxes=_boxes(
        ("#56B4E9", "#12303F"),
        ("#2FBF93", "#11362B"),
        ("#77838F", "#242C36"),
        ("#A3AEBB", "#171C24"),
        ("#E6B03A", "#3A2E10"),
    ),
    heat=("#1F6FA8", "#234A66", "#171C24", "#6B4020", "#B4561A"),
    broken="#5D4A70",
)
THEMES = {"light": LIGHT, "dark": DARK}
