"""What recording an operation on a small array and differentiating it adds to NumPy's own time."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

import autodiff as ad

from . import THREADS
from .tables import Table
from .timing import side_by_side

SIZE = 16
#: Of the operations timed in a row, so that what a call of `backward` costs is shared; "alone" pays it all.
LENGTH = 100

#: By operation: its result from y and a leaf x, and in NumPy its gradients with respect to y and, where it has one, x.
OPERATIONS: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any, Any, Any, Any], tuple[Any, Any]]]] = {
    "add": (lambda y, x: y + x, lambda g, result, y, x: (g, g)),
    "mul": (lambda y, x: y * x, lambda g, result, y, x: (g * x, g * y)),
    "tanh": (lambda y, x: np.tanh(y), lambda g, result, y, x: (g * (1 - result * result), None)),
}


def measure(quick: bool) -> list[Table]:
    """Return microseconds per operation: recording alone, then with the backward pass, then a scalar expression's."""
    repeats, calls = (2, 2) if quick else (41, 20)
    recording: dict[str, dict[str, float]] = {}
    both: dict[str, dict[str, float]] = {}
    for name, (operation, _) in OPERATIONS.items():
        for length, row in ((LENGTH, name), (1, f"{name}, alone")):
            for rows, backward in ((recording, False), (both, True)):
                ways = _ways(name, operation, length, backward)
                seconds = side_by_side(ways, repeats, calls * LENGTH // length)
                rows[row] = {way: s / length * 1e6 for way, s in seconds.items()}
                rows[row]["added by autodiff"] = rows[row]["autodiff"] - rows[row]["NumPy"]
    subject = f"an operation on {SIZE} numbers"
    return [
        Table("overhead_recording", f"{subject}, recorded", "us", "NumPy", recording),
        Table("overhead", f"{subject}, recorded and differentiated", "us", "NumPy", both),
        Table(
            "scalar_expression", "a * b + c of single numbers and its gradients", "us", "autodiff", _expression(quick)
        ),
    ]


def _ways(name: str, operation: Any, length: int, backward: bool) -> dict[str, Callable[[], None]]:
    """Return what applies an operation `length` times, by framework, with or without the gradients of all that."""
    values = np.linspace(0.5, 1.5, SIZE, dtype=np.float32)
    ones = np.ones_like(values)
    rule = OPERATIONS[name][1]

    def by_numpy() -> None:
        results = [values]
        for _ in range(length):
            results.append(operation(results[-1], values))
        g, total = ones, None
        for i in range(length, 0, -1) if backward else ():
            g, gx = rule(g, results[i], results[i - 1], values)
            total = gx if total is None or gx is None else total + gx

    ways = {"NumPy": by_numpy, "autodiff": _recording(operation, length, backward, ad.tensor)}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(THREADS)
        by_torch = (lambda y, x: torch.tanh(y)) if name == "tanh" else operation
        ways["PyTorch"] = _recording(by_torch, length, backward, torch.tensor)
    return ways


def _recording(operation: Any, length: int, backward: bool, tensor: Any) -> Callable[[], None]:
    x = tensor(np.linspace(0.5, 1.5, SIZE, dtype=np.float32))
    x.requires_grad_()
    ones = tensor(np.ones(SIZE, np.float32))

    def record() -> None:
        y = x
        for _ in range(length):
            y = operation(y, x)
        if backward:
            x.grad = None
            y.backward(ones)

    return record


def _expression(quick: bool) -> dict[str, dict[str, float]]:
    """Return microseconds for `a * b + c` and its backward pass, by framework; peers that are missing are left out."""
    values = (2.0, 3.0, 4.0)
    leaves: dict[str, list[Any]] = {"autodiff": [ad.tensor(v, requires_grad=True) for v in values]}
    if importlib.util.find_spec("torch"):
        import torch

        leaves["PyTorch"] = [torch.tensor(v, requires_grad=True) for v in values]
    if importlib.util.find_spec("micrograd"):
        from micrograd.engine import Value

        leaves["micrograd"] = [Value(v) for v in values]

    def differentiation(a: Any, b: Any, c: Any) -> Callable[[], None]:
        return lambda: (a * b + c).backward()

    ways = {name: differentiation(*abc) for name, abc in leaves.items()}
    seconds = side_by_side(ways, repeats=2 if quick else 25, calls=10 if quick else 2000)
    return {"a * b + c": {name: s * 1e6 for name, s in seconds.items()}}
