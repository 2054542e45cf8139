"""What an option of an update rule may be: a check for each kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff import Tensor

#: Gets what the error should name and the value; raises a TypeError or a ValueError if the value is wrong.
Check = Callable[[str, Any], None]

#: PyTorch's flags that say how a step is computed. There is one way here: the base reads these flags, no rule does.
IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}

#: Flags that PyTorch's rules did not always have. Where an old state lacks one, it was off.
ADDED_LATER = {"nesterov", "maximize", "centered", "amsgrad", "decoupled_weight_decay"}


def is_number(value: Any) -> bool:
    """Tell whether a value is a Python or NumPy number, but no bool."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def finite(title: str, value: Any) -> None:
    """Accept a finite number, or a tensor of one."""
    if not math.isfinite(_read_number(title, value)):
        raise ValueError(f"{title} must be a finite number, got {value!r}")


def not_negative(title: str, value: Any) -> None:
    """Accept a finite number from 0 up, or a tensor of one."""
    number = _read_number(title, value)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(invalid(title, value, "must be a number that is not negative"))


def invalid(title: str, value: Any, must: str) -> str:
    """Say what the value of an option must be, and that it is wrong in PyTorch's words, which programs look for."""
    name = title.rpartition(": ")[2]
    words = {"lr": "learning rate", "eps": "epsilon value", "etas": "eta values"}.get(name, f"{name} value")
    return f"{title} {must}, got {value!r}. Invalid {words}: {value}"


def _read_number(title: str, value: Any) -> float:
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"{title} must be a number or a tensor of one element, got shape {value.shape}")
    number = value.item() if isinstance(value, Tensor) else value
    if not is_number(number):
        raise TypeError(f"{title} must be a number, got {value!r}")
    return number


def shares(title: str, value: Any) -> None:
    """Accept a pair of numbers from 0 up to, but without, 1."""
    must = "must be two numbers in [0, 1)"
    if not (isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_number, value))):
        raise TypeError(f"{title} {must}, got {value!r}")
    for i, share in enumerate(value):
        if not 0 <= share < 1:
            raise ValueError(f"{title} {must}, got {value!r}. Invalid beta parameter at index {i}: {share}")


def choice(title: str, value: Any) -> None:
    """Accept True, False or None: all of PyTorch's ways compute the same."""
    if value not in (None, False, True):
        raise TypeError(f"{title} must be True, False or None, got {value!r}")


def off(title: str, value: Any) -> None:
    """Accept what is false."""
    if value:
        raise ValueError(f"{title} must be False: a step is neither captured by a device nor recorded, got {value!r}")
