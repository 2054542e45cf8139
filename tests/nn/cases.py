"""The table of modules and functions that the common check walks: what is built, and what it is applied to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.oracle import Array, ours, theirs, torch

Convert = Callable[[Array], Any]


@dataclass(frozen=True)
class Case:
    """What `nn.<path>(*args, **options)` builds, and its inputs.

    A path that begins with ``functional.`` names a function: it gets the inputs first, then args and options. Arrays
    among args and options become tensors, cases become modules.
    """

    path: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    inputs: tuple[Array, ...] = ()

    def on(self, *inputs: Array) -> Case:
        """Return the case with inputs."""
        return replace(self, inputs=inputs)

    def build(self, library: Any, tensor: Convert) -> Callable[..., Any]:
        """Return the module or function of a library (`nn` or `torch.nn`); `tensor` converts arrays."""
        made = library
        for name in self.path.split("."):
            made = getattr(made, name)
        args = [_built(value, library, tensor) for value in self.args]
        options = {name: _built(value, library, tensor) for name, value in self.options.items()}
        if self.path.startswith("functional."):
            return lambda *inputs: made(*inputs, *args, **options)
        module: Callable[..., Any] = made(*args, **options)
        return module

    def paths(self) -> Iterator[str]:
        """Yield the names of all that is built."""
        yield self.path
        for value in (*self.args, *self.options.values()):
            if isinstance(value, Case):
                yield from value.paths()

    def converted(self, dtype: npt.DTypeLike) -> list[Array]:
        """Return the inputs, floats in a dtype."""
        return [np.asarray(x, dtype) if x.dtype.kind == "f" else x for x in self.inputs]

    def __str__(self) -> str:
        options = [f"{name}={_text(value)}" for name, value in self.options.items()]
        shapes = f" of {_text(self.inputs[0])}" if self.inputs else ""
        return f"{self.path}({', '.join([*map(_text, self.args), *options])}){shapes}"


def of(path: str, *args: Any, **options: Any) -> Case:
    """Return a case without inputs."""
    return Case(path, args, options)


def _built(value: Any, library: Any, tensor: Convert) -> Any:
    if isinstance(value, Case):
        return value.build(library, tensor)
    return tensor(value) if isinstance(value, np.ndarray) else value


def _text(value: Any) -> str:
    return "x".join(map(str, value.shape)) if isinstance(value, np.ndarray) else str(value)


def our_tensor(dtype: npt.DTypeLike) -> Convert:
    """Return what makes tensors of this library from arrays, floats in `dtype`."""
    return lambda a: ours(a.astype(dtype) if a.dtype.kind == "f" else a)


def their_tensor(dtype: npt.DTypeLike) -> Convert:
    """Return what makes PyTorch's tensors from arrays, floats in `dtype`."""
    return lambda a: theirs(a.astype(dtype) if a.dtype.kind == "f" else a)


def their_dtype(dtype: npt.DTypeLike) -> Any:
    """Return PyTorch's name of a dtype."""
    return getattr(torch, np.dtype(dtype).name)


# -- inputs: the same for a shape, whatever else stands in the table ---------------------------------------------------


def x(*shape: int) -> Array:
    """Return normally distributed numbers."""
    return np.random.default_rng([1, *shape]).normal(size=shape)


def y(*shape: int) -> Array:
    """Return other normally distributed numbers, for a second input."""
    return np.random.default_rng([2, *shape]).normal(size=shape)


def positive(*shape: int) -> Array:
    """Return numbers between 0.5 and 1.5."""
    return np.random.default_rng([3, *shape]).uniform(0.5, 1.5, shape)


def share(*shape: int) -> Array:
    """Return numbers between 0 and 1."""
    return np.random.default_rng([4, *shape]).uniform(size=shape)


def mixture(*shape: int) -> Array:
    """Return numbers that add up to 1 along dimension 1, or along the only one."""
    raw = np.exp(y(*shape))
    return np.asarray(raw / raw.sum(min(1, raw.ndim - 1), keepdims=True))


def labels(*shape: int, classes: int = 4, ignored: int | None = None) -> Array:
    """Return classes; the first one is replaced by `ignored`."""
    drawn = np.asarray(np.random.default_rng([5, *shape]).integers(0, classes, shape))
    if ignored is not None:
        drawn.flat[0] = ignored
    return drawn


EDGES = np.array([[-500.0, 500.0, 0.0], [0.0, -500.0, 500.0]])  # logits at which a naive formula overflows
SIDES = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])

# A module or function is checked, in full, by one line here.
CASES = [
    # -- layers
    of("Linear", 4, 3).on(x(5, 4)),
    of("Linear", 4, 3).on(x(4)),
    of("Linear", 4, 3).on(x(2, 5, 4)),
    of("Linear", 4, 3).on(x(0, 4)),
    of("Linear", 4, 3, bias=False).on(x(5, 4)),
    of("Linear", 4, 1, bias=False).on(x(2, 5, 4)),
    of("functional.linear").on(x(5, 4), y(3, 4), y(3)),
    of("functional.linear").on(x(4), y(3, 4)),
    # -- normalization
    of("BatchNorm1d", 3).on(x(6, 3)),
    of("BatchNorm1d", 3).on(x(6, 3, 4)),
    of("BatchNorm1d", 3).on(x(1, 3, 4)),
    of("BatchNorm1d", 3, affine=False).on(x(6, 3)),
    of("BatchNorm1d", 3, bias=False).on(x(6, 3)),
    of("BatchNorm1d", 3, track_running_stats=False).on(x(6, 3)),
    of("BatchNorm1d", 3, affine=False, track_running_stats=False).on(x(6, 3, 4)),
    of("BatchNorm1d", 3, momentum=None).on(x(6, 3)),
    of("BatchNorm1d", 3, momentum=0.7).on(x(6, 3)),
    of("BatchNorm1d", 3, eps=0.1).on(x(6, 3)),
    of("functional.batch_norm", None, None, training=True).on(x(6, 3)),
    of("functional.batch_norm", y(3), positive(3), x(3), y(3), training=True, momentum=0.3).on(x(6, 3, 2, 2)),
    of("functional.batch_norm", y(3), positive(3), x(3), None, eps=0.1).on(x(6, 3)),
    # -- activations
    of("ReLU").on(x(5, 4)),
    of("LeakyReLU").on(x(5, 4)),
    of("LeakyReLU", 0.3).on(x(4)),
    of("SiLU").on(x(5, 4)),
    of("SiLU").on(EDGES),
    of("Sigmoid").on(x(5, 4)),
    of("Sigmoid").on(EDGES),
    of("Tanh").on(x(5, 4)),
    of("Softmax", dim=1).on(x(5, 4)),
    of("Softmax", dim=-1).on(EDGES),
    of("Softmax", 0).on(x(2, 3, 4)),
    of("functional.relu").on(x(5, 4)),
    of("functional.leaky_relu").on(x(5, 4)),
    of("functional.leaky_relu", 0.3).on(x(5, 4)),
    of("functional.silu").on(x(5, 4)),
    of("functional.sigmoid").on(x(5, 4)),
    of("functional.tanh").on(x(5, 4)),
    of("functional.softmax", 1).on(x(5, 4)),
    of("functional.log_softmax", dim=1).on(x(5, 4)),
    of("functional.log_softmax", -1).on(EDGES),
    of("functional.softplus").on(x(5, 4)),
    of("functional.softplus").on(EDGES),
    # -- containers
    of("Sequential", of("Linear", 4, 6), of("BatchNorm1d", 6), of("LeakyReLU"), of("Linear", 6, 2)).on(x(7, 4)),
    of("Sequential", of("Sequential", of("Linear", 4, 3), of("Tanh")), of("Softmax", 1)).on(x(5, 4)),
    # -- losses
    of("MSELoss").on(x(5, 4), y(5, 4)),
    of("MSELoss").on(np.array(0.3), np.array(-1.2)),
    of("MSELoss", reduction="sum").on(x(5, 4), y(5, 4)),
    of("MSELoss", reduction="none").on(x(5, 4), y(5, 4)),
    of("functional.mse_loss").on(x(4), y(4)),
    of("functional.mse_loss", reduction="sum").on(x(4), y(4)),
    of("CrossEntropyLoss").on(x(6, 4), labels(6)),
    of("CrossEntropyLoss").on(1e4 * x(6, 4), labels(6)),
    of("CrossEntropyLoss").on(x(4), np.array(2)),
    of("CrossEntropyLoss", reduction="none").on(x(4), np.array(2)),
    of("CrossEntropyLoss", weight=positive(4), label_smoothing=0.1).on(x(4), np.array(2)),
    of("CrossEntropyLoss").on(x(6, 4, 3), labels(6, 3)),
    of("CrossEntropyLoss", reduction="sum").on(x(6, 4, 2, 3), labels(6, 2, 3)),
    of("CrossEntropyLoss", reduction="none").on(x(6, 4, 3), labels(6, 3)),
    of("CrossEntropyLoss", weight=positive(4)).on(x(6, 4), labels(6)),
    of("CrossEntropyLoss", weight=positive(4), reduction="sum").on(x(6, 4), labels(6)),
    of("CrossEntropyLoss", weight=positive(4), reduction="none").on(x(6, 4, 3), labels(6, 3)),
    of("CrossEntropyLoss").on(x(6, 4), labels(6, ignored=-100)),
    of("CrossEntropyLoss", reduction="none").on(x(6, 4), labels(6, ignored=-100)),
    of("CrossEntropyLoss", ignore_index=1).on(x(6, 4), labels(6, ignored=1)),
    of("CrossEntropyLoss", ignore_index=9, weight=positive(4)).on(x(6, 4, 3), labels(6, 3, ignored=9)),
    of("CrossEntropyLoss", reduction="sum").on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", reduction="none").on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", label_smoothing=0.1).on(x(6, 4), labels(6)),
    of("CrossEntropyLoss", label_smoothing=1.0).on(x(6, 4), labels(6)),
    of("CrossEntropyLoss", label_smoothing=0.3, weight=positive(4)).on(x(6, 4), labels(6, ignored=-100)),
    of("CrossEntropyLoss", label_smoothing=0.3, reduction="sum").on(x(6, 4, 3), labels(6, 3, ignored=-100)),
    of("CrossEntropyLoss", label_smoothing=0.3, weight=positive(4), reduction="none").on(x(6, 4, 3), labels(6, 3)),
    of("CrossEntropyLoss").on(x(6, 4), mixture(6, 4)),
    of("CrossEntropyLoss").on(x(4), mixture(4)),
    of("CrossEntropyLoss", reduction="none").on(x(6, 4, 3), mixture(6, 4, 3)),
    of("CrossEntropyLoss", reduction="sum", weight=positive(4)).on(x(6, 4), mixture(6, 4)),
    of("CrossEntropyLoss", weight=positive(4), label_smoothing=0.2).on(x(6, 4, 3), mixture(6, 4, 3)),
    of("functional.cross_entropy").on(x(6, 4), labels(6)),
    of("functional.cross_entropy", positive(4), ignore_index=2, reduction="sum").on(x(6, 4), labels(6, ignored=2)),
    of("BCEWithLogitsLoss").on(x(5, 4), share(5, 4)),
    of("BCEWithLogitsLoss").on(EDGES, SIDES),
    of("BCEWithLogitsLoss", reduction="none").on(EDGES, 1 - SIDES),
    of("BCEWithLogitsLoss", pos_weight=positive(3), reduction="none").on(EDGES, SIDES),
    of("BCEWithLogitsLoss", pos_weight=positive(3)).on(EDGES, 1 - SIDES),
    of("BCEWithLogitsLoss", reduction="sum").on(x(5), share(5)),
    of("BCEWithLogitsLoss", weight=positive(4)).on(x(5, 4), share(5, 4)),
    of("BCEWithLogitsLoss", weight=positive(5, 1), reduction="none").on(x(5, 4), share(5, 4)),
    of("BCEWithLogitsLoss", pos_weight=positive(4)).on(x(5, 4), share(5, 4)),
    of("BCEWithLogitsLoss", weight=positive(5, 4), pos_weight=positive(4), reduction="sum").on(x(5, 4), share(5, 4)),
    of("functional.binary_cross_entropy_with_logits").on(x(5, 4), share(5, 4)),
    of("functional.binary_cross_entropy_with_logits", reduction="none", pos_weight=positive(4)).on(
        x(5, 4), share(5, 4)
    ),
]

# A mean over nothing: nan, whose second derivatives mean nothing, but whose gradient is 0.
UNDEFINED = [
    of("CrossEntropyLoss").on(x(0, 4), labels(0)),
    of("CrossEntropyLoss").on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", weight=positive(4)).on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", label_smoothing=0.1).on(x(3, 4), np.full(3, -100)),
]
