"""PyTorch's names of types, for annotations."""

from __future__ import annotations

from .device import device
from .size import Size as Size
from .tensor import Tensor as Tensor

Device = str | device | int | None
Number = int | float | bool
