"""PyTorch's second names for functions that are defined under another one."""

from __future__ import annotations

from . import comparison as c
from . import elementwise as e
from . import grids as g
from . import shape as s
from . import transcendental as t

__all__ = [
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "clip", "concat",
    "concatenate", "divide", "fix", "greater", "greater_equal", "less", "less_equal", "moveaxis", "multiply",
    "negative", "not_equal", "row_stack", "sgn", "subtract", "swapaxes", "swapdims",
]  # fmt: skip

absolute, negative, fix, sgn = e.abs, e.neg, e.trunc, e.sign
multiply, divide, subtract, clip = e.mul, e.div, e.sub, e.clamp
arcsin, arccos, arctan, arctan2 = t.asin, t.acos, t.atan, t.atan2
arcsinh, arccosh, arctanh = t.asinh, t.acosh, t.atanh
greater, greater_equal, less, less_equal, not_equal = c.gt, c.ge, c.lt, c.le, c.ne
concat = concatenate = s.cat
row_stack = g.vstack
swapaxes = swapdims = s.transpose
moveaxis = s.movedim
