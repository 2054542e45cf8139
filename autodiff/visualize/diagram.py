"""The plain description of a picture: boxes, steps, arrows and frames with their text, but no layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .contents import Rows

HEAT_LIMITS = (1e-7, 1e-5, 10, 1000)  # between vanishing, small, healthy, large and exploding gradients

Kind = Literal["input", "parameter", "constant", "result", "output"]


@dataclass
class Health:
    """The size of a gradient beside that of its tensor: in words, and from 0 (vanishing) to 4 (exploding); 5 is NaN."""

    said: str
    level: int


@dataclass
class Content:
    """What a tensor holds, in words: every element if `is_full`, else lines that summarize them."""

    shape: str
    is_full: bool
    value: Rows
    gradient: Rows | None
    gradient_label: str
    health: Health | None = None


@dataclass
class Box:
    """A tensor with a place of its own in the picture."""

    key: str
    kind: Kind
    title: str
    content: Content
    frame: int | None = None
    formula: str = ""  # what it was computed as, where the steps before it are not drawn


@dataclass
class Step:
    """An operation; `content` is its result, where that has no box of its own."""

    key: str
    symbol: str
    name: str
    details: str
    content: Content | None
    frame: int | None = None


@dataclass
class Derivative:
    """The local derivative along an arrow: its name and formula, and its numbers where they are few.

    Of a step that is no product of numbers it is the rule by which it makes a gradient of the one that arrives.
    """

    name: str
    formula: str
    value: Rows | None
    is_rule: bool = False
    is_part: bool = False  # what comes on other ways is added to it

    @property
    def said(self) -> str:
        """The name and the formula on one line."""
        if self.is_rule and self.is_part:
            return f"to {self.name}: {self.formula}"
        return f"{self.name} = {self.formula}" if self.formula else self.name


@dataclass
class Arrow:
    """The way of a tensor into or out of an operation; `is_main` if it is computed from the data, or is the data."""

    tail: str
    head: str
    argument: str
    is_main: bool
    derivative: Derivative | None = None
    is_lit: bool = False  # whether the derivative that is asked for goes this way


@dataclass
class Module:
    """The call of a module, or many steps, folded into one box: lines that describe it, and what it returned."""

    key: str
    title: str
    lines: tuple[str, ...]
    frame: int | None = None
    content: Content | None = None
    is_brief: bool = False  # whether the lines may stand on one, where height matters


@dataclass
class Frame:
    """One call of a module, around the steps that it computed; `parent` is the frame that this one lies in."""

    label: str
    parent: int | None


@dataclass
class Diagram:
    """All of it, in the order of computation."""

    nodes: list[Box | Step | Module] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    note: str = ""  # lines beneath the picture
    has_heat: bool = False
