"""Products of matrices."""

from __future__ import annotations

from typing import Any

from .spelling import faster

_SMALL = 4096


@faster(lambda a, b: a @ b)
def product(a: Any, b: Any) -> Any:
    """Multiply matrices: small ones by `dot`, which takes down to half of the time of ``@``."""
    return a.dot(b) if a.ndim == 2 and a.size < _SMALL else a @ b
