"""The derivative table: every operation with its derivatives, a file a family."""

from __future__ import annotations

from types import ModuleType

from ..engine.primitive import Primitive
from . import arrangement, comparison, elementwise, indexing, linalg, normalization, products, reduction, windows

FAMILIES = (elementwise, comparison, arrangement, reduction, products, linalg, indexing, windows, normalization)


def rows(family: ModuleType) -> dict[str, Primitive]:
    """Return the rows that a family writes, each named after the variable that it is bound to."""
    found = {}
    for name, value in vars(family).items():
        op = getattr(value, "primitive", None)
        if isinstance(op, Primitive) and op.home == family.__name__:
            op.name = value.__name__ = name
            found[name] = op
    return found


#: Every row by its name.
TABLE: dict[str, Primitive] = {name: op for family in FAMILIES for name, op in rows(family).items()}
