"""The cost of recording and differentiating one scalar expression, a * b + c, beside scalar engines."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import autodiff as ad

from .timing import side_by_side

VALUES = (2.0, 3.0, 4.0)


def measure(quick: bool) -> dict[str, float]:
    """Return microseconds for `a * b + c` and its backward pass, by framework; peers that are missing are left out."""
    leaves: dict[str, list[Any]] = {"autodiff": [ad.tensor(v, requires_grad=True) for v in VALUES]}
    if importlib.util.find_spec("torch"):
        import torch

        leaves["torch"] = [torch.tensor(v, requires_grad=True) for v in VALUES]
    if importlib.util.find_spec("micrograd"):
        from micrograd.engine import Value

        leaves["micrograd"] = [Value(v) for v in VALUES]
    ways = {name: _differentiation(*abc) for name, abc in leaves.items()}
    seconds = side_by_side(ways, repeats=3 if quick else 25, calls=100 if quick else 5000)
    return {name: s * 1e6 for name, s in seconds.items()}


def _differentiation(a: Any, b: Any, c: Any) -> Callable[[], None]:
    def once() -> None:
        (a * b + c).backward()

    return once
