"""A table of what a model is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor
from autodiff.tensor import from_array

from .embedding import Embedding
from .module import Module, tensors_in


def summary(model: Module, input_shape: Sequence[int], dtype: DTypeLike | None = None) -> None:
    """Print the path, type, output shape and number of parameters of every module, and the totals.

    The model is called once, in evaluation mode and with zeros, to see the shapes; it is left as it was.

    Parameters
    ----------
    model : Module
    input_shape : sequence of int, or of such sequences
        The shape of the input, the batch among it; or of each of several inputs.
    dtype : dtype, optional
        Of the inputs; unless given, int64 for a model that begins with an Embedding, else that of its first parameter.

    Raises
    ------
    TypeError
        If `model` is no Module, or `input_shape` is not a sequence of int or of such sequences.
    ValueError
        If a size is negative.

    Examples
    --------
    >>> nn.summary(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)), (5, 3))
    Module  Type        Output shape  Parameters
    --------------------------------------------
            Sequential  (5, 1)                41
    0       Linear      (5, 8)                32
    1       Tanh        (5, 8)                 0
    2       Linear      (5, 1)                 9
    --------------------------------------------
    Parameters: 41, of which 41 are learned
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    shapes = _output_shapes(model, input_shape, dtype)
    rows = [("Module", "Type", "Output shape", "Parameters")]
    for path, module in model.named_modules():
        count = sum(p.numel() for p in module.parameters())
        rows.append((path, type(module).__name__, shapes.get(module, "not called"), f"{count:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    line = "-" * (sum(widths) + 6)
    texts = [
        "  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])])
        for row in rows
    ]
    total = sum(p.numel() for p in model.parameters())
    learned = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print("\n".join([texts[0], line, *texts[1:], line, f"Parameters: {total:,}, of which {learned:,} are learned"]))


def _output_shapes(model: Module, input_shape: Sequence[Any], dtype: DTypeLike | None) -> dict[Module, str]:
    """Call the model and return the shape of what each module computed last."""
    wanted = _input_dtype(model) if dtype is None else dtype
    inputs = [from_array(np.zeros(shape, wanted)) for shape in _input_shapes(input_shape)]
    shapes: dict[Module, str] = {}

    def note(module: Module, args: Any, output: Any) -> None:
        shapes[module] = ", ".join(str(t.shape) for t in tensors_in(output))

    before = {module: module.training for module in model.modules()}
    handles = [module.register_forward_hook(note) for module in before]
    try:
        model.eval()
        with ad.no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in before.items():
            module.training = training
    return shapes


def _input_dtype(model: Module) -> DTypeLike:
    first = next(module for module in model.modules() if not any(module.children()))
    if isinstance(first, Embedding):
        return np.int64
    return next((p.dtype for p in model.parameters()), ad.get_default_dtype())


def _input_shapes(given: Any) -> list[tuple[int, ...]]:
    """Return the shape of each input."""
    if any(isinstance(x, (Tensor, np.ndarray)) for x in (given if isinstance(given, (list, tuple)) else [given])):
        raise TypeError("summary: input_shape must be a shape, got a tensor; write summary(model, X.shape)")
    several = isinstance(given, Sequence) and bool(given) and all(isinstance(s, Sequence) for s in given)
    shapes = given if several else [given]
    if not all(isinstance(s, Sequence) and all(isinstance(n, (int, np.integer)) for n in s) for s in shapes):
        raise TypeError(f"summary: input_shape must be a sequence of integers or of such sequences, got {given!r}")
    if any(n < 0 for s in shapes for n in s):
        raise ValueError(f"summary: sizes must not be negative, got {given!r}")
    return [tuple(s) for s in shapes]
