"""Formulas that have a faster spelling on arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy import ndarray

_ARRAYS = (ndarray, np.generic)

F = TypeVar("F", bound=Callable[..., Any])


def faster(formula: Callable[..., Any]) -> Callable[[F], F]:
    """Compute a formula on arrays by the decorated function, and on tensors and symbols as it is written."""

    def decorate(fast: F) -> F:
        @functools.wraps(fast)
        def compute(x: Any, *args: Any) -> Any:
            return fast(x, *args) if isinstance(x, _ARRAYS) else formula(x, *args)

        compute.formula = formula  # type: ignore[attr-defined]  # for the test that both agree
        return cast(F, compute)

    return decorate
