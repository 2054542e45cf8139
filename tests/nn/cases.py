"""The table of modules and functions that the common check walks: what is built, and what it is applied to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.nn.own import SwiGLU
from tests.oracle import Array, ours, theirs, torch

Convert = Callable[[Array], Any]


@dataclass(frozen=True)
class Case:
    """What `nn.<path>(*args, **options)` builds, and its inputs.

    A path that begins with ``functional.`` names a function: it gets the inputs first, then args and options. Arrays
    among args and options become tensors, cases become modules. The last `constants` inputs get no gradient, because
    PyTorch has none for them. A class of one's own takes the place of what the path names.
    """

    path: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    inputs: tuple[Array, ...] = ()
    constants: int = 0
    kind: type | None = None

    def on(self, *inputs: Array, constants: int = 0) -> Case:
        """Return the case with inputs."""
        return replace(self, inputs=inputs, constants=constants)

    def build(self, library: Any, tensor: Convert) -> Callable[..., Any]:
        """Return the module or function of a library (`nn` or `torch.nn`); `tensor` converts arrays."""
        made = self.kind or library
        for name in () if self.kind else self.path.split("."):
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


def of(made: str | type, *args: Any, **options: Any) -> Case:
    """Return a case without inputs of what a path names, or of a class."""
    if isinstance(made, str):
        return Case(made, args, options)
    return Case(made.__name__, args, options, kind=made)


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


def hides(*shape: int) -> Array:
    """Return zeros and ones, a mask that leaves each row its first key."""
    drawn = np.random.default_rng([6, *shape]).integers(0, 2, shape)
    drawn[..., 0] = 0
    return np.asarray(drawn)


EDGES = np.array([[-500.0, 500.0, 0.0], [0.0, -500.0, 500.0]])  # logits at which a naive formula overflows
SIDES = np.array([[0.0, 1.0, 1.0], [0.0, 1.0, 0.0]])

SIGNS = np.sign(x(4, 5).T)
KINKS = np.array([-500.0, -20.5, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0, 20.5, 500.0])  # and far tails
ACTIVATIONS = [
    *map(of, ["ReLU", "LeakyReLU", "ELU", "CELU", "SELU", "GELU", "SiLU", "Mish", "Sigmoid", "LogSigmoid", "Tanh"]),
    *map(of, ["Tanhshrink", "Softplus", "Softsign", "Hardtanh", "ReLU6", "Hardswish", "Hardshrink"]),
    of("Softshrink"),
    of("LeakyReLU", 0.3),
    of("Threshold", 0.3, -2.0),
    of("ELU", 0.7),
    of("CELU", 2.5),
    of("GELU", approximate="tanh"),
    of("Softplus", 2.0, 5.0),
    of("Hardtanh", -0.5, 3.0),
    of("Hardshrink", 1.0),
    of("Softshrink", 1.0),
]

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
    of("BatchNorm1d", 3, momentum=None).on(x(0, 3)),
    of("BatchNorm1d", 3, affine=False).on(x(2, 3, 0)),
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
    of("BatchNorm2d", 3).on(x(4, 3, 2, 5)),
    of("BatchNorm2d", 3, affine=False, momentum=None).on(x(4, 3, 2, 2)),
    of("BatchNorm2d", 3, track_running_stats=False).on(x(1, 3, 2, 2)),
    of("LayerNorm", 4).on(x(5, 4)),
    of("LayerNorm", (3, 4)).on(x(2, 3, 4)),
    of("LayerNorm", [3, 4], eps=0.1, bias=False).on(x(2, 5, 3, 4)),
    of("LayerNorm", 4, elementwise_affine=False).on(x(4)),
    of("functional.layer_norm", (4,), positive(4), y(4), eps=0.2).on(x(5, 4)),
    of("GroupNorm", 2, 6).on(x(3, 6)),
    of("GroupNorm", 3, 6, eps=0.1).on(x(3, 6, 2, 2)),
    of("GroupNorm", 6, 6, bias=False).on(x(3, 6, 4)),
    of("GroupNorm", 1, 6, affine=False).on(x(3, 6, 4)),
    of("functional.group_norm", 2, positive(4), y(4)).on(x(3, 4, 5)),
    of("InstanceNorm1d", 3).on(x(2, 3, 4)),
    of("InstanceNorm1d", 3, affine=True, eps=0.1).on(x(3, 4)),
    of("InstanceNorm2d", 3, momentum=0.3, track_running_stats=True).on(x(2, 3, 4, 2)),
    of("InstanceNorm2d", 3, affine=True, track_running_stats=True).on(x(3, 4, 2)),
    of("functional.instance_norm", None, None, positive(3), y(3)).on(x(2, 3, 4)),
    of("functional.instance_norm", y(3), positive(3), use_input_stats=False).on(x(2, 3, 4)),
    of("RMSNorm", 4).on(x(5, 4)),
    of("RMSNorm", (3, 4), eps=0.1).on(x(2, 3, 4)),
    of("RMSNorm", 4, elementwise_affine=False).on(x(5, 4)),
    of("functional.rms_norm", (4,), positive(4)).on(x(5, 4)),
    of("functional.normalize").on(x(5, 4)),
    of("functional.normalize", p=1.0, dim=0).on(x(5, 4)),
    of("functional.normalize", p=3.0, dim=-1).on(x(2, 5, 4)),
    of("functional.normalize", p=float("inf")).on(x(5, 4)),
    of("functional.normalize", p=0).on(x(5, 4)),
    # -- maps
    of("Bilinear", 3, 4, 2).on(x(5, 3), y(5, 4)),
    of("Bilinear", 3, 4, 2, bias=False).on(x(2, 5, 3), y(2, 5, 4)),
    of("functional.bilinear", x(2, 3, 4), y(2)).on(x(5, 3), y(5, 4)),
    of("Embedding", 4, 3).on(labels(5, 2)),
    of("Embedding", 4, 3).on(np.array(2)),
    of("Embedding", 4, 3, padding_idx=-2).on(labels(3, 4)),
    of("Embedding", 4, 3, padding_idx=1, norm_type=1.0).on(labels(3, 4)),
    # -- recurrent
    *(
        of(name, 3, 4, **options).on(*inputs)
        for name in ("RNN", "GRU", "LSTM")
        for options, inputs in (
            ({}, (x(5, 2, 3),)),
            ({"batch_first": True, "bias": False}, (x(2, 5, 3),)),
            ({"num_layers": 2, "bidirectional": True}, (x(3, 2, 3),)),
            ({"num_layers": 3}, (x(2, 3),)),
            ({"num_layers": 2, "dropout": 1.0}, (x(3, 2, 3),)),
        )
    ),
    of("RNN", 3, 4, 2, "relu").on(x(3, 2, 3), y(2, 2, 4)),
    of("GRU", 3, 4, bidirectional=True).on(x(3, 2, 3), y(2, 2, 4)),
    of("GRU", 3, 4).on(x(3, 3), y(1, 4)),
    of("LSTM", 3, 4, 2, proj_size=2, bidirectional=True).on(x(3, 2, 3)),
    of("RNNCell", 3, 4).on(x(2, 3), y(2, 4)),
    of("RNNCell", 3, 4, nonlinearity="relu").on(x(2, 3), y(2, 4)),
    of("RNNCell", 3, 4, bias=False).on(x(3)),
    of("LSTMCell", 3, 4).on(x(2, 3)),
    of("LSTMCell", 3, 4, bias=False).on(x(3)),
    of("GRUCell", 3, 4).on(x(2, 3), y(2, 4)),
    of("GRUCell", 3, 4, bias=False).on(x(3), y(4)),
    # -- attention
    of("functional.scaled_dot_product_attention").on(x(2, 3, 4), y(2, 5, 4), x(2, 5, 6)),
    of("functional.scaled_dot_product_attention", is_causal=True).on(x(2, 3, 4), y(2, 5, 4), x(2, 5, 6)),
    of("functional.scaled_dot_product_attention", scale=0.7).on(x(2, 2, 3, 4), y(2, 2, 5, 4), x(2, 2, 5, 6)),
    of("functional.scaled_dot_product_attention", enable_gqa=True).on(x(2, 4, 3, 4), y(2, 2, 5, 4), x(2, 2, 5, 6)),
    of("functional.scaled_dot_product_attention", hides(3, 5) > 0).on(x(2, 3, 4), y(2, 5, 4), x(2, 5, 6)),
    of("functional.scaled_dot_product_attention").on(x(2, 3, 4), y(2, 5, 4), x(2, 5, 6), y(2, 3, 5)),
    of("MultiheadAttention", 4, 2).on(x(3, 2, 4), y(5, 2, 4), x(5, 2, 4)),
    of("MultiheadAttention", 4, 2, batch_first=True).on(x(2, 3, 4), y(2, 5, 4), x(2, 5, 4), hides(2, 5) > 0),
    of("MultiheadAttention", 4, 2, bias=False).on(x(3, 4), y(5, 4), x(5, 4), hides(5) > 0),
    of("MultiheadAttention", 4, 2, kdim=3, vdim=5).on(x(3, 2, 4), y(5, 2, 3), x(5, 2, 5)),
    of("MultiheadAttention", 4, 1, add_bias_kv=True, add_zero_attn=True).on(
        x(3, 2, 4), y(5, 2, 4), x(5, 2, 4), hides(2, 5) > 0
    ),
    *(
        of("TransformerEncoderLayer", 4, 2, 6, 0.0, **options).on(*inputs)
        for options, inputs in (
            ({}, (x(3, 2, 4),)),
            ({"norm_first": True, "activation": "gelu", "batch_first": True}, (x(2, 3, 4), hides(3, 3) > 0)),
            ({"bias": False, "layer_norm_eps": 0.1}, (x(3, 4),)),
        )
    ),
    of("TransformerEncoderLayer", 4, 2, 6, 1.0).on(x(3, 2, 4)),
    of("TransformerDecoderLayer", 4, 2, 6, 0.0).on(x(3, 2, 4), y(5, 2, 4)),
    of("TransformerDecoderLayer", 4, 2, 6, 0.0, norm_first=True, bias=False).on(x(3, 4), y(5, 4), hides(3, 3) > 0),
    of("TransformerEncoder", of("TransformerEncoderLayer", 4, 2, 6, 0.0), 2).on(x(3, 2, 4)),
    of("TransformerEncoder", of("TransformerEncoderLayer", 4, 2, 6, 0.0), 2, of("LayerNorm", 4)).on(x(3, 2, 4)),
    of("TransformerDecoder", of("TransformerDecoderLayer", 4, 2, 6, 0.0), 2, of("LayerNorm", 4)).on(
        x(3, 2, 4), y(5, 2, 4), hides(3, 3) > 0, hides(3, 5) > 0
    ),
    of("Transformer", 4, 2, 1, 2, 6, 0.0).on(x(5, 2, 4), y(3, 2, 4), hides(5, 5) > 0),
    of("Transformer", 4, 2, 2, 1, 6, 0.0, "gelu", batch_first=True, norm_first=True).on(x(2, 5, 4), y(2, 3, 4)),
    # -- values kept
    of("Identity", 3, unused=True).on(x(5, 4)),
    of("Flatten").on(x(2, 3, 4)),
    of("Flatten", 0, 1).on(x(2, 3, 4)),
    of("Unflatten", 1, (2, 3)).on(x(5, 6)),
    of("Unflatten", -2, (3, -1)).on(x(5, 6, 2)),
    of("Dropout", 0.0).on(x(5, 4)),
    of("Dropout", 1.0).on(x(5, 4)),
    *(of(f"Dropout{n}d", p).on(x(2, 3, *(2,) * n)) for n in (1, 2, 3) for p in (0.0, 1.0)),
    *(of(f"functional.dropout{n}d", 1.0).on(x(3, *(2,) * n)) for n in (1, 2, 3)),
    of("functional.dropout", training=False).on(x(5, 4)),
    # -- convolution and pooling
    of("Conv1d", 3, 2, 2).on(x(2, 3, 5)),
    of("Conv1d", 3, 4, 3, stride=2, padding=1, dilation=2).on(x(2, 3, 8)),
    of("Conv1d", 4, 6, 2, groups=2, bias=False).on(x(3, 4, 5)),
    of("Conv1d", 3, 2, 4, padding="same").on(x(2, 3, 5)),
    of("Conv1d", 3, 2, 3).on(x(3, 5)),
    of("Conv1d", 3, 2, 3, padding=2, padding_mode="circular").on(x(2, 3, 5)),
    of("Conv2d", 2, 3, 2).on(x(2, 2, 4, 3)),
    of("Conv2d", 2, 3, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2)).on(x(2, 2, 6, 5)),
    of("Conv2d", 4, 4, 3, groups=4, padding="same", dilation=2).on(x(2, 4, 5, 6)),
    of("Conv2d", 4, 6, 3, groups=2, stride=2).on(x(1, 4, 6, 5)),
    of("Conv2d", 2, 3, 2, padding="valid", bias=False).on(x(2, 4, 3)),
    of("Conv2d", 2, 3, 3, padding=1).on(x(0, 2, 4, 4)),
    *(
        of("Conv2d", 2, 3, 3, padding=(1, 2), padding_mode=mode).on(x(2, 2, 4, 5))
        for mode in ("reflect", "replicate", "circular")
    ),
    of("Conv2d", 2, 3, (2, 3), padding="same", padding_mode="reflect").on(x(2, 2, 4, 5)),
    of("functional.conv1d", padding=1).on(x(2, 3, 5), y(4, 3, 3), y(4)),
    of("functional.conv2d", None, 2, "valid", 1, 2).on(x(2, 4, 5, 5), y(6, 2, 3, 3)),
    of("MaxPool2d", 2).on(x(2, 3, 4, 5)),
    of("MaxPool2d", 3, stride=2, padding=1).on(x(2, 3, 5, 6)),
    of("MaxPool2d", (2, 3), stride=(1, 2), padding=(1, 1), dilation=(2, 1)).on(x(2, 3, 5, 6)),
    of("MaxPool2d", 2, ceil_mode=True).on(x(3, 5, 5)),
    of("MaxPool2d", 3, 2, 1, ceil_mode=True).on(x(2, 2, 6, 6)),
    of("MaxPool2d", 2).on(np.round(x(2, 3, 4, 4))),
    of("functional.max_pool2d", 3, 1).on(x(2, 3, 4, 5)),
    of("AvgPool2d", 2).on(x(2, 3, 4, 5)),
    of("AvgPool2d", (3, 2), stride=(2, 1), padding=1).on(x(2, 3, 5, 6)),
    of("AvgPool2d", 3, 2, 1, ceil_mode=True).on(x(2, 3, 6, 6)),
    of("AvgPool2d", 3, 2, 1, ceil_mode=True, count_include_pad=False).on(x(2, 3, 6, 6)),
    of("AvgPool2d", 2, divisor_override=3).on(x(3, 4, 5)),
    of("functional.avg_pool2d", 2, 1).on(x(2, 3, 4, 5)),
    of("MaxPool1d", 2).on(x(2, 3, 5)),
    of("MaxPool1d", 3, stride=2, padding=1, ceil_mode=True).on(x(3, 6)),
    of("AvgPool1d", 2).on(x(2, 3, 5)),
    of("AvgPool1d", 3, stride=2, padding=1, count_include_pad=False).on(x(3, 6)),
    of("functional.max_pool1d", 3, 1, 1, 2).on(x(2, 3, 6)),
    of("functional.avg_pool1d", 2, 1).on(x(2, 3, 4)),
    of("AdaptiveAvgPool1d", 3).on(x(2, 3, 7)),
    of("AdaptiveAvgPool2d", 1).on(x(2, 3, 4, 5)),
    of("AdaptiveAvgPool2d", (2, 3)).on(x(2, 3, 4, 5)),
    of("AdaptiveAvgPool2d", (None, 7)).on(x(3, 4, 5)),
    of("AdaptiveMaxPool1d", 3).on(x(2, 3, 7)),
    of("AdaptiveMaxPool2d", (2, 3)).on(x(2, 3, 4, 5)),
    of("AdaptiveMaxPool2d", (None, 7)).on(x(3, 4, 5)),
    of("AdaptiveMaxPool2d", 2).on(np.round(x(2, 3, 5, 5))),
    of("functional.adaptive_avg_pool1d", 2).on(x(3, 5)),
    of("functional.adaptive_avg_pool2d", (3, 2)).on(x(2, 3, 7, 5)),
    of("functional.adaptive_max_pool1d", 2).on(x(3, 5)),
    of("functional.adaptive_max_pool2d", (3, 2)).on(x(2, 3, 7, 5)),
    # -- transposed convolution, resizing and padding
    of("ConvTranspose1d", 3, 2, 2).on(x(2, 3, 5)),
    of("ConvTranspose1d", 4, 6, 3, 2, 1, 1, groups=2, bias=False).on(x(4, 5)),
    of("ConvTranspose1d", 3, 2, 2, stride=1, padding=1, output_padding=1, dilation=3).on(x(2, 3, 5)),
    of("ConvTranspose2d", 2, 3, 4, 2, 1).on(x(2, 2, 3, 4)),
    of("ConvTranspose2d", 2, 4, (3, 2), (2, 3), (2, 1), (1, 2), 2, True, (2, 1)).on(x(2, 2, 4, 3)),
    of("ConvTranspose2d", 2, 3, 3).on(x(0, 2, 3, 4)),
    of("functional.conv_transpose1d", stride=2).on(x(2, 3, 5), y(3, 4, 3), y(4)),
    of("functional.conv_transpose2d", None, 2, 1, 1, 2, 2).on(x(4, 3, 4), y(4, 3, 3, 3)),
    *(
        of("functional.interpolate", mode=mode, **options).on(x(2, 3, *shape))
        for mode, shape in (
            ("nearest", (5,)),
            ("nearest-exact", (5,)),
            ("linear", (5,)),
            ("area", (5,)),
            ("nearest", (3, 4)),
            ("nearest-exact", (3, 4)),
            ("bilinear", (3, 4)),
            ("bicubic", (3, 4)),
            ("area", (3, 4)),
        )
        for options in ({"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.7}, {"size": 7}, {"size": 1})
    ),
    *(
        of("functional.interpolate", size=size, mode=mode, align_corners=True).on(x(2, 3, *shape))
        for mode, shape in (("linear", (5,)), ("bilinear", (3, 4)), ("bicubic", (3, 4)))
        for size in (1, 2, 7)
    ),
    of("functional.interpolate", scale_factor=(1.3, 2.6), mode="bilinear", recompute_scale_factor=True).on(
        x(2, 3, 4, 5)
    ),
    of("functional.upsample", scale_factor=2).on(x(2, 3, 5)),
    of("Upsample", scale_factor=2).on(x(2, 3, 4, 5)),
    of("Upsample", (3, 7), mode="bilinear").on(x(2, 3, 4, 5)),
    of("Upsample", scale_factor=(2, 1.5), mode="nearest").on(x(2, 3, 4, 5)),
    of("UpsamplingNearest2d", scale_factor=2).on(x(2, 3, 4, 5)),
    of("UpsamplingBilinear2d", (3, 7)).on(x(2, 3, 4, 5)),
    of("PixelShuffle", 2).on(x(2, 8, 3, 4)),
    of("PixelUnshuffle", 2).on(x(2, 4, 6)),
    of("functional.pixel_shuffle", 3).on(x(9, 2, 3)),
    of("functional.pixel_unshuffle", 3).on(x(2, 1, 3, 6)),
    *(
        of(f"{kind}Pad{n}d", *args).on(x(2, 3, *(4, 5)[:n]))
        for kind, more in (
            ("Zero", ()),
            ("Constant", (0.5,)),
            ("Reflection", ()),
            ("Replication", ()),
            ("Circular", ()),
        )
        for n in (1, 2)
        for args in ((1, *more), ((2, 1, 0, 3)[: 2 * n], *more))
    ),
    of("Fold", (4, 5), (2, 3), padding=1).on(x(2, 18, 25)),
    of("functional.fold", (5, 6), (2, 3), (2, 1), 1, (1, 2)).on(x(2, 12, 15)),
    of("functional.fold", 4, 2).on(x(12, 9)),
    of("MaxUnpool1d", 2).on(x(2, 3, 2), np.broadcast_to(np.array([1, 2]), (2, 3, 2)).copy()),
    of("MaxUnpool2d", 2).on(x(2, 1, 1, 2), np.broadcast_to(np.array([1, 6]), (2, 1, 1, 2)).copy()),
    of("functional.max_unpool1d", np.array([[1, 2]]), 2, output_size=(5,)).on(x(1, 2)),
    of("functional.max_unpool2d", np.array([[[1, 6]]]), 2).on(x(1, 1, 2)),
    of("functional.affine_grid", (2, 1, 3, 4), align_corners=False).on(x(2, 2, 3)),
    of("functional.affine_grid", (2, 1, 3, 4), align_corners=True).on(x(2, 2, 3)),
    *(
        of("functional.grid_sample", padding_mode=outside, align_corners=aligned).on(x(2, 2, 4, 5), 1.7 * y(2, 3, 3, 2))
        for outside in ("zeros", "border", "reflection")
        for aligned in (False, True)
    ),
    of("functional.grid_sample", 1.7 * y(2, 3, 3, 2), mode="nearest", align_corners=False).on(x(2, 2, 4, 5)),
    of("Unfold", (2, 3), padding=1).on(x(2, 3, 4, 5)),
    of("functional.unfold", 2).on(x(2, 3, 4, 5)),
    of("functional.unfold", (2, 3), (2, 1), 1, (1, 2)).on(x(2, 3, 5, 6)),
    of("functional.unfold", 2).on(x(3, 4, 5)),
    of("functional.channel_shuffle", 2).on(x(2, 4, 3)),
    of("functional.local_response_norm", 3, alpha=0.5, beta=0.6, k=1.5).on(x(2, 5, 4)),
    of("functional.lp_pool2d", 2.0, 2).on(x(2, 3, 4, 5)),
    of("functional.pad", (1, 2)).on(x(3, 4)),
    of("functional.pad", (1, -2, 0, 1), value=0.5).on(x(3, 4)),
    of("functional.pad", (-1, -1, -2, 0)).on(x(3, 4)),
    *(of("functional.pad", (2, 1), mode=mode).on(x(2, 3, 4)) for mode in ("reflect", "replicate", "circular")),
    *(
        of("functional.pad", widths, mode).on(x(2, 3, 4))
        for mode in ("reflect", "replicate", "circular")
        for widths in ((1, -1), (-1, 2), (-2, -1), (2, -2))
    ),
    of("functional.pad", (-1, 1, 1, -2), "replicate").on(x(2, 3, 4, 4)),
    of("functional.pad", (2, 1, 0, 3), "circular").on(x(2, 3, 3, 4)),
    of("functional.pad", (3, 3, 2, 2), "reflect").on(x(2, 3, 3, 4)),
    # -- activations
    *(case.on(x(5, 4)) for case in ACTIVATIONS),
    of("ELU").on(np.array(-0.3)),
    of("GLU").on(x(5, 4)),
    of("GLU", dim=1).on(x(2, 4, 3)),
    of("PReLU").on(x(5, 4)),
    of("PReLU", 4, 0.1).on(x(5, 4)),
    of("PReLU", 3).on(x(2, 3, 4)),
    of("PReLU").on(np.array(-0.3)),
    of("SiLU").on(EDGES),
    of("Sigmoid").on(EDGES),
    *(
        of(name, dim).on(values)
        for name in ("Softmax", "Softmin", "LogSoftmax")
        for dim, values in ((1, x(5, 4)), (-1, EDGES), (0, x(2, 3, 4)))
    ),
    of("functional.celu", 0.5).on(x(5, 4)),
    of("functional.elu", 0.5).on(x(5, 4)),
    of("functional.gelu", approximate="tanh").on(x(5, 4)),
    of("functional.glu", 0).on(x(4, 3)),
    of("functional.hardshrink", 0.2).on(x(5, 4)),
    of("functional.hardswish").on(x(5, 4)),
    of("functional.hardtanh", -0.2, 0.3).on(x(5, 4)),
    of("functional.logsigmoid").on(x(5, 4)),
    of("functional.mish").on(x(5, 4)),
    of("functional.prelu", positive(1)).on(x(5, 4)),
    of("functional.relu6").on(4 * x(5, 4)),
    of("functional.selu").on(x(5, 4)),
    of("functional.softmin", dim=1).on(x(5, 4)),
    of("functional.softshrink", 0.2).on(x(5, 4)),
    of("functional.softsign").on(x(5, 4)),
    of("functional.tanhshrink").on(x(5, 4)),
    of("functional.threshold", 0.1, 0.2).on(x(5, 4)),
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
    of("Softmax2d").on(x(2, 3, 2, 2)),
    of("Softmax2d").on(x(3, 2, 2)),
    of("CosineSimilarity", -1).on(x(2, 5, 4), y(4)),
    of("PairwiseDistance", 1.0, 0.1, True).on(x(5, 4), y(5, 4)),
    of("functional.pairwise_distance").on(x(5, 4), y(5, 4)),
    of("functional.pairwise_distance", 1.0, 0.1, True).on(x(5, 4), y(5, 4)),
    of("functional.cosine_similarity").on(x(5, 4), y(5, 4)),
    of("functional.cosine_similarity", dim=-1).on(x(2, 5, 4), y(4)),
    # -- containers
    of("Sequential", of("Linear", 4, 6), of("BatchNorm1d", 6), of("LeakyReLU"), of("Linear", 6, 2)).on(x(7, 4)),
    of("Sequential", of("Sequential", of("Linear", 4, 3), of("Tanh")), of("Softmax", 1)).on(x(5, 4)),
    of(
        "Sequential",
        of("Conv2d", 1, 4, 3),
        of("BatchNorm2d", 4),
        of("ReLU"),
        of("MaxPool2d", 2),
        of("Flatten"),
        of("Linear", 16, 3),
    ).on(x(3, 1, 6, 6)),
    # -- losses
    of("MSELoss").on(x(5, 4), y(5, 4)),
    of("MSELoss").on(np.array(0.3), np.array(-1.2)),
    of("MSELoss", reduction="sum").on(x(5, 4), y(5, 4)),
    of("MSELoss", reduction="none").on(x(5, 4), y(5, 4)),
    of("functional.mse_loss").on(x(4), y(4)),
    of("functional.mse_loss", reduction="sum").on(x(4), y(4)),
    *(
        of(name, **options, reduction=reduction).on(x(5, 4), y(5, 4))
        for name, options in (
            ("L1Loss", {}),
            ("SmoothL1Loss", {}),
            ("SmoothL1Loss", {"beta": 0.3}),
            ("SmoothL1Loss", {"beta": 0}),
            ("HuberLoss", {}),
            ("HuberLoss", {"delta": 0.3}),
            ("PoissonNLLLoss", {}),
        )
        for reduction in ("mean", "sum", "none")
    ),
    of("functional.l1_loss").on(x(4), y(4)),
    of("functional.smooth_l1_loss", beta=0.5).on(x(4), y(4)),
    of("functional.huber_loss", "sum", 0.5).on(x(4), y(4)),
    *(
        of(f"functional.{name}", weight=positive(4, 3), reduction=reduction).on(x(4, 3), y(4, 3))
        for name in ("mse_loss", "l1_loss", "huber_loss")
        for reduction in ("mean", "sum", "none")
    ),
    of("GaussianNLLLoss").on(x(5, 4), y(5, 4), positive(5, 4)),
    of("GaussianNLLLoss", full=True, reduction="sum").on(x(5, 4), y(5, 4), positive(5, 1)),
    of("GaussianNLLLoss", eps=0.9, reduction="none").on(x(5, 4), y(5, 4), positive(5)),
    of("functional.gaussian_nll_loss", positive(4), True, 1e-3).on(x(4), y(4)),
    of("PoissonNLLLoss", log_input=False, full=True).on(positive(5, 4), 5 * positive(5, 4)),
    of("PoissonNLLLoss", full=True, eps=0.1, reduction="none").on(x(5, 4), labels(5, 4) + 0.25),
    of("functional.poisson_nll_loss", False, eps=0.1).on(positive(4), positive(4)),
    *(
        of("NLLLoss", **options, reduction=reduction).on(*inputs)
        for options, inputs in (
            ({}, (x(6, 4), labels(6))),
            ({}, (x(4), np.array(2))),
            ({"weight": positive(4)}, (x(6, 4, 3), labels(6, 3))),
            ({"weight": positive(4), "ignore_index": 1}, (x(6, 4), labels(6, ignored=1))),
            ({}, (x(6, 4), labels(6, ignored=-100))),
        )
        for reduction in ("mean", "sum", "none")
    ),
    of("functional.nll_loss", positive(4), ignore_index=2).on(x(6, 4), labels(6, ignored=2)),
    *(
        of("BCELoss", reduction=reduction).on(share(5, 4), share(5, 4), constants=1)
        for reduction in ("mean", "sum", "none")
    ),
    of("BCELoss", weight=positive(4)).on(share(5, 4), share(5, 4), constants=1),
    of("BCELoss", weight=positive(5, 1), reduction="none").on(share(5, 4), np.round(share(4, 5).T), constants=1),
    of("functional.binary_cross_entropy", positive(4), reduction="sum").on(share(5, 4), share(5, 4), constants=1),
    *(
        of("KLDivLoss", reduction=reduction, log_target=log).on(x(5, 4), y(5, 4) if log else mixture(5, 4))
        for reduction in ("batchmean", "sum", "none")
        for log in (False, True)
    ),
    of("functional.kl_div", reduction="batchmean").on(x(5, 4), mixture(5, 4)),
    *(
        of(name, **options, reduction=reduction).on(*inputs, constants=name == "SoftMarginLoss")
        for name, options, inputs in (
            ("HingeEmbeddingLoss", {}, (x(5, 4), SIGNS)),
            ("HingeEmbeddingLoss", {"margin": 0.3}, (x(5, 4), SIGNS)),
            ("MarginRankingLoss", {}, (x(5, 4), y(5, 4), SIGNS)),
            ("MarginRankingLoss", {"margin": 0.3}, (x(5, 4), y(5, 4), SIGNS)),
            ("SoftMarginLoss", {}, (x(5, 4), SIGNS)),
            ("CosineEmbeddingLoss", {}, (x(5, 4), y(5, 4), SIGNS[:, 0])),
            ("CosineEmbeddingLoss", {"margin": 0.3}, (x(4), y(4), SIGNS[0, 0])),
            ("TripletMarginLoss", {}, (x(5, 4), y(5, 4), positive(5, 4))),
            ("TripletMarginLoss", {"margin": 0.3, "swap": True}, (x(5, 4), y(5, 4), positive(5, 4))),
            ("TripletMarginLoss", {"p": 1.0, "eps": 0.1}, (x(5, 4), y(5, 4), positive(5, 4))),
            ("TripletMarginLoss", {"p": 3.0}, (x(4), y(4), positive(4))),
        )
        for reduction in ("mean", "sum", "none")
    ),
    of("functional.hinge_embedding_loss", 0.5).on(x(5, 4), SIGNS),
    of("functional.margin_ranking_loss", 0.5).on(x(5, 4), y(5, 4), SIGNS),
    of("functional.soft_margin_loss").on(x(5, 4), SIGNS, constants=1),
    of("functional.cosine_embedding_loss", 0.5).on(x(5, 4), y(5, 4), SIGNS[:, 0]),
    of("functional.triplet_margin_loss", 0.5).on(x(5, 4), y(5, 4), positive(5, 4)),
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

# Weights of attention: one for queries, keys and values, with all that can be added; and one for each.
TOGETHER = (y(12, 4), y(12), x(1, 1, 4), y(1, 1, 4), True, 0.0, y(4, 4), x(4))
APART = (None, None, None, None, False, 0.5, y(4, 4), None, False, None, False, None, True, y(4, 4), x(4, 3), y(4, 2))

CASES += [
    of("Conv3d", 4, 6, 3, padding=1, groups=2).on(x(2, 4, 4, 5, 3)),
    of("Conv3d", 2, 3, (1, 2, 3), stride=(1, 2, 1), dilation=(1, 1, 2), padding="valid").on(x(2, 2, 2, 6, 7)),
    of("Conv3d", 2, 2, 3, padding="same", padding_mode="circular", bias=False).on(x(2, 3, 4, 5)),
    of("functional.conv3d", x(3, 2, 2, 2, 2), None, 2, 1).on(x(1, 2, 3, 4, 5)),
    of("ConvTranspose3d", 4, 2, 3, stride=2, padding=1, output_padding=1, groups=2).on(x(1, 4, 2, 3, 2)),
    of("functional.conv_transpose3d", x(2, 3, 2, 2, 2), None, 2).on(x(2, 2, 2, 3)),
    of("MaxPool3d", 2).on(x(2, 3, 4, 5, 6)),
    of("MaxPool3d", (1, 2, 3), stride=2, padding=(0, 1, 1), ceil_mode=True).on(x(2, 3, 4, 5)),
    of("functional.max_pool3d", 2, dilation=2).on(x(1, 2, 4, 4, 4)),
    of("AvgPool3d", 2, stride=1, padding=1, count_include_pad=False).on(x(1, 2, 3, 4, 3)),
    of("AvgPool3d", (1, 2, 2), ceil_mode=True).on(x(2, 3, 5, 5)),
    of("functional.avg_pool3d", 2, divisor_override=3).on(x(1, 2, 4, 4, 2)),
    of("AdaptiveAvgPool3d", (1, None, 2)).on(x(2, 3, 4, 3, 5)),
    of("AdaptiveMaxPool3d", 2).on(x(2, 3, 4, 3, 5)),
    of("functional.adaptive_avg_pool3d", 2).on(x(3, 4, 3, 5)),
    of("functional.adaptive_max_pool3d", (2, 1, 3)).on(x(3, 4, 3, 5)),
    of("BatchNorm3d", 3).on(x(2, 3, 2, 2, 3)),
    of("InstanceNorm3d", 3, affine=True).on(x(2, 3, 2, 2, 3)),
    *(of(f"{kind}Pad3d", (1, 1, 0, 1, 1, 0)).on(x(1, 2, 2, 3, 4)) for kind in ("Zero", "Reflection", "Replication")),
    of("CircularPad3d", 1).on(x(1, 2, 2, 3, 4)),
    of("ConstantPad3d", (1, 0, 0, 2, 1, 1), 0.5).on(x(1, 2, 2, 3, 4)),
    of("functional.interpolate", scale_factor=2, mode="trilinear").on(x(1, 2, 2, 3, 2)),
    of("functional.interpolate", size=(3, 2, 5), mode="trilinear", align_corners=True).on(x(1, 2, 2, 3, 2)),
    of("functional.interpolate", size=(3, 2, 5), mode="area").on(x(1, 2, 2, 3, 2)),
    of("MaxUnpool3d", 2).on(x(1, 1, 1, 1, 2), np.array([1, 6]).reshape(1, 1, 1, 1, 2)),
    of("AlphaDropout", 0.0).on(x(5, 4)),
    of("functional.alpha_dropout", 1.0, True).on(x(5, 4)),
    of("FeatureAlphaDropout", 0.0).on(x(5, 4)),
    of("functional.feature_alpha_dropout", 1.0, True).on(x(5, 4, 2)),
    of("functional.multi_head_attention_forward", 4, 2, *TOGETHER).on(x(3, 2, 4), y(5, 2, 4), positive(5, 2, 4)),
    of("functional.multi_head_attention_forward", 4, 2, *APART).on(x(3, 4), y(5, 3), x(5, 2)),
    of("LocalResponseNorm", 3, alpha=0.5, k=2.0).on(x(2, 5, 4)),
    of("ChannelShuffle", 2).on(x(1, 4, 2, 2)),
    of("LPPool1d", 2, 3, stride=2).on(x(2, 3, 7)),
    of("functional.lp_pool1d", 3, 2).on(positive(2, 3, 6)),
    of("LPPool2d", 2, (2, 3)).on(x(2, 3, 4, 6)),
    of("MultiLabelSoftMarginLoss", weight=positive(4)).on(x(3, 4), SIDES.repeat(2, 0)[:3, [0, 1, 2, 1]]),
    of("functional.multilabel_soft_margin_loss", reduction="none").on(x(2, 3), SIDES),
    of("TripletMarginWithDistanceLoss", margin=0.7, swap=True).on(x(5, 4), y(5, 4), positive(5, 4)),
    of("functional.triplet_margin_with_distance_loss", reduction="sum").on(x(5, 4), y(5, 4), positive(5, 4)),
]

# A mean over nothing: nan, whose second derivatives mean nothing, but whose gradient is 0.
UNDEFINED = [
    of("CrossEntropyLoss").on(x(0, 4), labels(0)),
    of("CrossEntropyLoss").on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", weight=positive(4)).on(x(3, 4), np.full(3, -100)),
    of("CrossEntropyLoss", label_smoothing=0.1).on(x(3, 4), np.full(3, -100)),
]

# Without a second derivative: at kinks, where it means nothing; where PyTorch has none; where there is no first one.
ONCE = [
    of("functional.pdist").on(x(5, 4)),
    of("functional.pdist", p=1.0).on(x(3, 2)),
    of("EmbeddingBag", 4, 3).on(labels(5, 2)),
    of("EmbeddingBag", 4, 3, mode="sum", padding_idx=1).on(labels(9), np.array([0, 2, 2, 5])),
    of("EmbeddingBag", 4, 3, mode="max").on(labels(9), np.array([0, 2, 2, 5])),
    of("EmbeddingBag", 4, 3, include_last_offset=True).on(labels(9), np.array([0, 2, 2, 9])),
    of("functional.embedding_bag", y(4, 3), mode="sum", per_sample_weights=y(5, 2)).on(labels(5, 2)),
    *(case.on(KINKS) for case in ACTIVATIONS),
    of("GLU", 0).on(KINKS),
    of("Hardsigmoid").on(KINKS),
    of("functional.hardsigmoid").on(x(5, 4)),
    of("Embedding", 4, 3).on(labels(0)),
    of("functional.embedding", y(4, 3)).on(labels(5, 2)),
    of("functional.embedding", x(4, 3), padding_idx=1).on(labels(6)),
    of("functional.upsample_nearest", scale_factor=2).on(x(1, 2, 2, 3)),
    of("functional.upsample_bilinear", size=(3, 5)).on(x(1, 2, 2, 3)),
    of("functional.max_unpool3d", np.array([3, 6]).reshape(1, 1, 1, 2), (1, 2, 2)).on(x(1, 1, 1, 2)),
    of("RReLU", 0.2, 0.2).on(x(5, 4)),
    of("functional.rrelu", 0.2, 0.2, True).on(x(5, 4)),
    *(
        of("MultiMarginLoss", margin=0.5, weight=positive(4), reduction=reduction).on(x(5, 4), labels(5))
        for reduction in ("mean", "sum", "none")
    ),
    of("MultiMarginLoss", 2).on(x(5, 4), labels(5)),
    of("functional.multi_margin_loss").on(x(4), np.array(2)),
    of("MultiLabelMarginLoss").on(x(3, 4), np.array([[3, 0, -1, 1], [-1, 2, 2, 2], [0, 1, 2, 3]])),
    of("functional.multilabel_margin_loss", reduction="none").on(x(4), np.array([3, 0, -1, 1])),
    of("functional.one_hot").on(labels(5)),
    of("functional.one_hot", 7).on(labels(2, 3)),
]

# Without a twin in PyTorch: they meet every common check but the comparison.
OWN = [
    of("Step").on(x(5, 4)),
    of("functional.step").on(x(5, 4)),
    of(SwiGLU, 4, 6).on(x(3, 4)),
]

#: What PyTorch computes in float32 at places even where the input is float64: a factor 1/6.
ROUNDED = {"Hardsigmoid", "functional.hardsigmoid"}

#: To whose second derivative PyTorch adds 1e-12 in a denominator.
SHIFTED = {"BCELoss", "functional.binary_cross_entropy"}

#: Many operations deep, with normalizations that enlarge the rounding of what they divide.
DEEP = {path for case in CASES for path in case.paths() if path.startswith("Transformer")}

#: What PyTorch does not have, and what cannot be called; each has tests of its own.
NOT_COMPARED = {
    "SyncBatchNorm",  # which PyTorch computes on GPUs alone; tests/autodiff/test_distributed.py compares it
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
    "functional.gumbel_softmax",
    *(f"Lazy{kind}{n}d" for kind in ("BatchNorm", "InstanceNorm", "Conv", "ConvTranspose") for n in (1, 2, 3)),
    "LazyLinear",  # tests/nn/test_lazy.py has them
    *(
        f"functional.{name}_"
        for name in ("celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold")
    ),
    "CTCLoss",  # whose derivative PyTorch has for what log_softmax returned alone; tests/nn/test_ctc.py
    "functional.ctc_loss",
    "DataParallel",  # PyTorch's, without GPUs, calls its module as this one does
}
