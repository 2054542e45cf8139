"""The cost of an optimizer's step beside PyTorch's default and fused ones, on small, middling and large networks."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import autodiff as ad
import optim

from . import THREADS
from .tables import Table
from .timing import side_by_side

Shapes = list[tuple[int, ...]]


def layers(*widths: int, norm: bool = False) -> Shapes:
    """Return the shapes of a network's parameters; `norm` puts a batch normalization behind each hidden layer."""
    shapes: Shapes = []
    for fan_in, fan_out in pairwise(widths):
        shapes += [(fan_out, fan_in), (fan_out,)]
        if norm and fan_out != widths[-1]:
            shapes += [(fan_out,), (fan_out,)]
    return shapes


NETWORKS: dict[str, Shapes] = {
    "2-8-1": layers(2, 8, 1),
    "64-80-70-10": layers(64, 80, 70, 10),
    "784-256-128-64-32-10, normalized": layers(784, 256, 128, 64, 32, 10, norm=True),
    "two million": [(1000, 1000), (1000, 1000)],
}
RULES: dict[str, dict[str, Any]] = {"Adam": {"lr": 1e-3}, "SGD": {"lr": 1e-3, "momentum": 0.9}}

#: How often a step reads or writes an element: parameter, gradient, and each array of the state.
PASSES = {"Adam": 7, "SGD": 5}


def measure(quick: bool) -> list[Table]:
    """Return for each rule and network the microseconds of a step, by who takes it.

    For two million parameters there is a copy of one array to another beside it, and the gigabytes a second of each.
    """
    times: dict[str, dict[str, float]] = {}
    throughput: dict[str, dict[str, float]] = {}
    for rule, options in RULES.items():
        for network, shapes in NETWORKS.items():
            size = sum(int(np.prod(s)) for s in shapes)
            ways = steps(rule, options, shapes)
            if network == "two million":
                ways["a copy"] = functools.partial(np.copyto, *np.ones((2, size), np.float32))
            calls = 1 if quick else max(1, 200_000 // (size + 2000))
            seconds = side_by_side(ways, repeats=3 if quick else 51, calls=calls)
            times[f"{rule}, {network}"] = {name: s * 1e6 for name, s in seconds.items()}
            if "a copy" in seconds:
                moved = {name: (2 if name == "a copy" else PASSES[rule]) * 4 * size for name in seconds}
                throughput[rule] = {name: moved[name] / s / 1e9 for name, s in seconds.items()}
    return [
        Table("optimizers", "an optimizer's step alone", "us", "autodiff", times),
        Table("throughput", "what such a step on two million parameters moves", "GB/s", "a copy", throughput),
    ]


def steps(rule: str, options: dict[str, Any], shapes: Shapes) -> dict[str, Callable[[], object]]:
    """Return the step of one rule on parameters of these shapes, ours and PyTorch's where it is installed."""
    ours = [ad.randn(*s, requires_grad=True) for s in shapes]
    for p in ours:
        p.grad = ad.randn(*p.shape)
    ways: dict[str, Callable[[], object]] = {"autodiff": getattr(optim, rule)(ours, **options).step}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(THREADS)
        for name, kind in {"PyTorch": {}, "PyTorch, fused": {"fused": True}}.items():
            theirs = [torch.randn(s, requires_grad=True) for s in shapes]
            for q in theirs:
                q.grad = torch.randn(q.shape)
            ways[name] = getattr(torch.optim, rule)(theirs, **options, **kind).step
    return ways
