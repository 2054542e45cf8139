"""Pictures of what was computed."""

from .drawing import draw as draw
