"""The derivative table: every differentiable operation, a file a family."""

from __future__ import annotations

from types import ModuleType

from ..primitive import Primitive
from . import (
    comparison,
    contraction,
    convolution,
    cumulative,
    diagonal,
    elementwise,
    indexing,
    linalg,
    normalization,
    overwriting,
    polar,
    reduction,
    shape,
    transcendental,
)


def primitives(module: ModuleType) -> dict[str, Primitive]:
    """Return the primitives that a module defines, by name."""
    found = (getattr(value, "primitive", None) for value in vars(module).values())
    mine = (op for op in found if isinstance(op, Primitive) and op.forward.__module__ == module.__name__)
    return {op.name: op for op in mine}


FAMILIES = (
    elementwise, transcendental, comparison, shape, diagonal, indexing, reduction, cumulative, linalg, contraction,
    convolution, normalization, overwriting, polar,
)  # fmt: skip

#: Every primitive by name.
TABLE: dict[str, Primitive] = {name: op for family in FAMILIES for name, op in primitives(family).items()}
