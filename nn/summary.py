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


def summary(model: Module, input: Any, dtype: DTypeLike | None = None) -> None:
    """Print the path, type, output shape and number of parameters of every module, and the totals.

    The model is called once, in evaluation mode, to see the shapes; it is left as it was.

    Parameters
    ----------
    model : Module
    input : Tensor, ndarray, or sequence of int; or a sequence of these
        A batch, or the shape of one, which then holds zeros; or several, where the model takes several inputs.
    dtype : dtype, optional
        Of inputs given by their shape; unless given, int64 for a model that begins with an Embedding, else that of its
        first parameter.

    Raises
    ------
    TypeError
        If `model` is no Module, `input` is none of these, or a batch is given together with `dtype`.
    ValueError
        If a size is negative.

    Examples
    --------
    >>> nn.summary(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)), ad.ones(5, 3))
    Module  Type        Output shape  Parameters
    --------------------------------------------
            Sequential  (5, 1)                41
    0       Linear      (5, 8)                32
    1       Tanh        (5, 8)                 0
    2       Linear      (5, 1)                 9
    --------------------------------------------
    Parameters: 41, of which 41 are learned

    The same with the shape in the batch's place: ``nn.summary(model, (5, 3))``.
    """
    if not isinstance(model, Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    shapes = _output_shapes(model, _inputs(model, input, dtype))
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


def _output_shapes(model: Module, inputs: Sequence[Any]) -> dict[Module, str]:
    """Call the model and return the shape of what each module computed last."""
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


def _inputs(model: Module, given: Any, dtype: DTypeLike | None) -> list[Any]:
    """Return the inputs, or zeros of the shapes that are given in their place."""
    is_one = isinstance(given, (Tensor, np.ndarray)) or not isinstance(given, Sequence)
    inputs = [given] if is_one or all(isinstance(n, (int, np.integer)) for n in given) else list(given)
    batches = [isinstance(x, (Tensor, np.ndarray)) for x in inputs]
    if any(batches) and dtype is not None:
        raise TypeError("summary: dtype is that of inputs given by their shape; a batch has its own")
    for x, is_batch in zip(inputs, batches, strict=True):
        if is_batch:
            continue
        if not isinstance(x, Sequence) or not all(isinstance(n, (int, np.integer)) for n in x):
            raise TypeError(f"summary: expected a tensor, a shape, or a sequence of these, got {given!r}")
        if any(n < 0 for n in x):
            raise ValueError(f"summary: sizes must not be negative, got {given!r}")
    zeros = _input_dtype(model) if dtype is None else dtype
    return [x if is_batch else from_array(np.zeros(x, zeros)) for x, is_batch in zip(inputs, batches, strict=True)]
