"""What programs ask of the version: which GPU libraries it was built with, of which there are none."""

from __future__ import annotations

cuda: str | None = None
hip: str | None = None
debug = False
