"""The colours, shapes and type of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from .diagram import Kind

# Hues from Okabe and Ito's palette, which people with any kind of colour vision can tell apart; darkened where text
# is written in them, lightened where it is written on them.


def _boxes() -> dict[Kind, dict[str, str]]:
    filled = {"style": "filled", "penwidth": "1.3"}
    return {
        "input": {**filled, "shape": "note", "color": "#3A8FC4", "fillcolor": "#E4F2FB"},
        "parameter": {**filled, "shape": "box", "color": "#00835F", "fillcolor": "#DFF3EC", "penwidth": "2"},
        "constant": {**filled, "shape": "ellipse", "color": "#9AA3AD", "fillcolor": "#F3F4F6", "penwidth": "1"},
        "result": {**filled, "shape": "box", "style": "rounded,filled", "color": "#6B7785", "fillcolor": "#FFFFFF"},
        "output": {**filled, "shape": "box", "peripheries": "2", "color": "#B07A00", "fillcolor": "#FFF3D1"},
    }


@dataclass(frozen=True)
class Theme:
    """How a picture looks."""

    font: str = "Helvetica,Arial,DejaVu Sans,sans-serif"
    background: str = "#FFFFFF"
    text: str = "#1F2933"
    faint: str = "#66717E"
    value: str = "#005E94"
    gradient: str = "#B84600"
    derivative: str = "#7A3E8E"
    step: str = "#46536B"
    step_text: str = "#FFFFFF"
    main: str = "#1F2933"
    side: str = "#8792A0"
    frame_line: str = "#C3CAD4"
    frame_fills: tuple[str, str] = ("#F6F7F9", "#ECEFF3")
    boxes: dict[Kind, dict[str, str]] = field(default_factory=_boxes)


LIGHT = Theme()
