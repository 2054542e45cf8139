"""Sample inputs for every primitive of the derivative table: what the common check runs on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import autodiff as ad
from autodiff.functions import normalization
from autodiff.kernels.windows import Steps
from autodiff.table import indexing, linalg, windows
from autodiff.table import normalization as rows
from tests.oracle import Array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Uniform:
    """An input to be filled with random numbers between `low` and `high`."""

    shape: Shape
    low: float = -2.0
    high: float = 2.0


@dataclass(frozen=True)
class Sample:
    """A call that applies a primitive, and what to call it with.

    `call` gets a library, autodiff or PyTorch, and a tensor per input; `torch`, where given, is called instead for
    PyTorch. Inputs that are arrays are taken as they are; integers and booleans among them carry no gradient.
    """

    call: Callable[..., Any]
    inputs: tuple[Uniform | Array, ...]
    torch: Callable[..., Any] | None = None
    keeps_dtype: bool = True

    def arrays(self, dtype: npt.DTypeLike = np.float64) -> list[Array]:
        """Return the inputs, floats among them in `dtype`; the same in every call."""
        rng = np.random.default_rng(2024)
        drawn = [rng.uniform(x.low, x.high, x.shape) if isinstance(x, Uniform) else x for x in self.inputs]
        return [x.astype(dtype) if x.dtype.kind == "f" else x for x in drawn]


def real(*shape: int) -> Uniform:
    """Return an input of any sign."""
    return Uniform(shape)


def positive(*shape: int) -> Uniform:
    """Return an input that is safely above 0."""
    return Uniform(shape, 0.3, 2.0)


def integers(*values: Any) -> Array:
    """Return integers, for indices."""
    return np.array(values)


ONE_SHAPE: list[tuple[Shape, ...]] = [((2, 3),), ((),), ((1,),), ((0, 3),)]
TWO_SHAPES: list[tuple[Shape, ...]] = [
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1, 3), (4, 1)),
    ((1, 1), (3, 2)),
    ((), (3,)),
    ((3,), ()),
    ((), ()),
    ((0, 3), (1, 3)),
    ((1, 3), (2, 0, 1)),
]


def elementwise(
    name: str | Callable[..., Any], *bounds: tuple[float, float], torch: Callable[..., Any] | None = None
) -> list[Sample]:
    """Return samples of a function of each element, in all shapes that matter: same, broadcast, 0-d and empty.

    `name` is that of the function in both libraries, or a call as in `Sample`; `bounds` are the limits of each input.
    """
    call = name if callable(name) else lambda lib, *xs: getattr(lib, name)(*xs)
    limits = bounds or ((-2.0, 2.0),)
    return [
        Sample(call, tuple(Uniform(s, *b) for s, b in zip(shapes, limits, strict=True)), torch)
        for shapes in (ONE_SHAPE if len(limits) == 1 else TWO_SHAPES)
    ]


def each(call: Callable[..., Any], *inputs: Uniform | Array, torch: Callable[..., Any] | None = None) -> list[Sample]:
    """Return a sample of one call for each of several inputs."""
    return [Sample(call, (x,), torch) for x in inputs]


ANY = (-2.0, 2.0)
POSITIVE = (0.3, 2.0)
WITH_ZEROS = np.array([[0.0, 2.0, -1.5], [1.5, 0.0, 0.5], [0.0, 0.7, 1.2]])
ONE_ZERO = np.array([[0.5, 2.0, -1.5], [1.5, 0.0, 0.5]])
MASK = np.array([[True, False, True], [False, True, True]])


def _torch_unindex(key: Any) -> Callable[..., Any]:
    """Return PyTorch's way of adding values into zeros at a key."""

    def call(torch: Any, values: Any) -> Any:
        places = torch.arange(12).reshape(4, 3)[key].reshape(-1)
        return torch.zeros(12, dtype=values.dtype).index_add(0, places, values.reshape(-1)).reshape(4, 3)

    return call


def _unindex(key: Any, *shape: int) -> Sample:
    return Sample(lambda _, v: indexing.unindex(v, shape=(4, 3), key=key), (real(*shape),), _torch_unindex(key))


def _scatter(dim: int, index: Array, shape: Shape) -> Sample:
    return Sample(
        lambda _, v, i: indexing.scatter_sum(v, i, shape=shape, dim=dim),
        (real(*index.shape), index),
        lambda torch, v, i: torch.zeros(shape, dtype=v.dtype).scatter_add(dim, i, v),
    )


def _extremes(name: str) -> list[Sample]:
    return (
        each(lambda _, x: getattr(x, name)(), real(2, 3), real())
        + each(lambda _, x: getattr(x, name)(dim=-1), real(2, 3), real(0, 3))
        + each(lambda _, x: getattr(x, name)(dim=(0, 2), keepdim=True), real(2, 3, 4))
    )


# Values of a class each, and the labels that pick among them.
CLASSES = [
    (real(4, 3), integers(0, 2, 2, 1)),
    (real(2, 3, 2), integers([0, 2], [1, 1])),
    (real(0, 3), np.zeros(0, np.int64)),
]

# Shapes, and the windows that slide over them: size, stride, dilation.
WINDOWS: list[tuple[Shape, tuple[Shape, ...]]] = [
    ((4,), ((2,),)),
    ((2, 6), ((3,),)),
    ((2, 5, 3), ((2, 2), (3, 1))),
    ((1, 5, 6), ((1, 2), (3, 2), (1, 3))),
    ((0, 3, 3), ((2, 2),)),
]


def _all_windows(shape: Shape, size: Shape, stride: Shape | None = None, dilation: Shape | None = None) -> Any:
    ones = (1,) * len(size)
    return {"shape": shape, "size": size, "stride": stride or ones, "dilation": dilation or ones}


def _torch_windows(x: Any, size: Shape, stride: Shape | None = None, dilation: Shape | None = None) -> Any:
    """Return PyTorch's windows, over the last dimensions one after the other."""
    first = x.ndim - len(size)
    for i, k in enumerate(size):
        d = dilation[i] if dilation else 1
        x = x.unfold(first + i, d * (k - 1) + 1, stride[i] if stride else 1)[..., ::d]
    return x


def _torch_unwindows(torch: Any, values: Any, shape: Shape, *args: Any) -> Any:
    """Return PyTorch's way of adding every window at its place."""
    places = _torch_windows(torch.arange(math.prod(shape)).reshape(shape), *args)
    zeros = torch.zeros(math.prod(shape), dtype=values.dtype)
    return zeros.index_add(0, places.reshape(-1), values.reshape(-1)).reshape(shape)


# Shapes, and the windows of which one number each is left.
SLIDES: list[tuple[Shape, ad.Slide]] = [
    ((6,), ad.Slide(places=(3,), size=(2,), stride=(2,), padding=(0,), dilation=(1,))),
    ((2, 5), ad.Slide((5,), (3,), (1,), (1,), (1,))),
    ((2, 5, 3), ad.Slide((3, 3), (3, 2), (2, 1), (1, 1), (1, 2))),
    ((0, 3, 3), ad.Slide((2, 2), (2, 2), (1, 1), (0, 0), (1, 1))),
]


def _members(shape: Shape, slide: ad.Slide) -> Array:
    """Return for each window where its elements stand in the flattened input; beyond its edges, its size."""
    first = len(shape) - len(slide.size)
    reach = [d * (k - 1) + 1 for k, d in zip(slide.size, slide.dilation, strict=True)]
    around = [(0, 0)] * first + [(p, s * n) for p, s, n in zip(slide.padding, slide.stride, slide.places, strict=True)]
    places = np.pad(np.arange(math.prod(shape)).reshape(shape), around, constant_values=math.prod(shape))
    every = np.lib.stride_tricks.sliding_window_view(places, reach, axis=tuple(range(first, len(shape))))
    found = every[(..., *(slice(None, None, s) for s in (*slide.stride, *slide.dilation)))]
    counted = found[(slice(None),) * first + tuple(slice(n) for n in slide.places)]
    return counted.reshape(*shape[:first], *slide.places, math.prod(slide.size))


def _torch_filled(torch: Any, x: Any, slide: ad.Slide, fill: float) -> Any:
    """Return the elements of each window as PyTorch picks them, with `fill` for what lies beyond the edges."""
    flat = torch.cat([x.reshape(-1), torch.tensor([fill], dtype=x.dtype)])
    return flat[torch.tensor(_members(tuple(x.shape), slide))]


def _torch_added(torch: Any, values: Any, members: Array, shape: Shape) -> Any:
    """Return zeros with values added where `members`, of the same shape, says; what lies beyond the edges is lost."""
    zeros = torch.zeros(math.prod(shape) + 1, dtype=values.dtype)
    return zeros.index_add(0, torch.tensor(members).reshape(-1), values.reshape(-1))[:-1].reshape(shape)


def _numbered(shape: Shape, slide: ad.Slide) -> tuple[Array, Array]:
    """Return a number for each window, of an element that it has, and where that stands in the flattened input."""
    members = _members(shape, slide)
    number = np.argsort(members, axis=-1)[..., 1]  # every window above has two elements inside
    return number, np.take_along_axis(members, number[..., None], -1)[..., 0]


# Shapes of an input and of kernels, and how these move: stride, zeros before and after, dilation, groups.
CONVOLUTIONS: list[tuple[Shape, Shape, Steps]] = [
    ((2, 3, 5), (4, 3, 2), Steps((1,), (0,), (0,), (1,), 1)),
    ((2, 4, 5, 4), (6, 2, 3, 2), Steps((2, 1), (1, 0), (1, 2), (1, 2), 2)),
    ((0, 2, 4), (2, 2, 3), Steps((1,), (1,), (0,), (1,), 1)),
]


def _output(x: Shape, w: Shape, steps: Steps) -> Shape:
    return (x[0], w[0], *steps.places(x[2:], w[2:]))


def _torch_convolve(torch: Any, x: Any, w: Any, steps: Steps) -> Any:
    widths = [n for pair in zip(steps.before[::-1], steps.after[::-1], strict=True) for n in pair]
    convolve = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d}[w.ndim - 2]
    padded = torch.nn.functional.pad(x, widths)
    return convolve(padded, w, None, steps.stride, 0, steps.dilation, steps.groups)


def _torch_adjoint(torch: Any, call: Any, shape: Shape, v: Any, other: Any) -> Any:
    """Return PyTorch's gradient of call(x, other), linear in both, with respect to x, which has `shape`."""
    x = torch.zeros(shape, dtype=v.dtype, requires_grad=True)
    (found,) = torch.autograd.grad(call(x, other), x, v, create_graph=True, materialize_grads=True)
    return found + 0 * (v.sum() + other.sum())  # connected also where the batch is empty


def _regular(lib: Any, x: Any) -> Any:
    """Return square matrices that are safely regular."""
    return x + 4 * lib.eye(x.shape[-1], dtype=x.dtype)


def _definite(lib: Any, x: Any) -> Any:
    """Return symmetric positive definite matrices."""
    return x @ x.mT + lib.eye(x.shape[-1], dtype=x.dtype)


def _written(x: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy of a tensor that was changed in place, weighted so that no element is like another."""
    copy = x * 1
    change(copy)
    return copy * copy


#: For each primitive of `autodiff.table.TABLE` the samples on which it is checked.
SAMPLES: dict[str, list[Sample]] = {
    # -- elementwise
    "add": elementwise("add", ANY, ANY),
    "sub": elementwise("sub", ANY, ANY),
    "mul": elementwise("mul", ANY, ANY),
    "div": elementwise("div", ANY, POSITIVE) + elementwise("div", ANY, (-2.0, -0.3)),
    "floor_divide": elementwise(
        "floor_divide", ANY, POSITIVE, torch=lambda torch, x, y: torch.div(x, y, rounding_mode="floor")
    ),
    "trunc_divide": elementwise(lambda lib, x, y: lib.div(x, y, rounding_mode="trunc"), ANY, POSITIVE),
    "remainder": elementwise("remainder", ANY, POSITIVE) + elementwise("remainder", ANY, (-2.0, -0.3)),
    "neg": elementwise("neg"),
    "clone": elementwise("clone"),
    "cast": [
        Sample(lambda lib, x: x.to(lib.float64 if "64" not in str(x.dtype) else lib.float32), (x,), keeps_dtype=False)
        for x in (real(2, 3), real(), real(0, 3))
    ],
    "power": elementwise(lambda _, x: x**3)
    + elementwise(lambda _, x: x**2)
    + elementwise(lambda _, x: x**1)
    + elementwise(lambda _, x: x**0)
    + elementwise(lambda _, x: x**-2.0, POSITIVE)
    + elementwise(lambda _, x: x**0.5, POSITIVE),
    "pow": elementwise("pow", POSITIVE, ANY),
    "reciprocal": elementwise("reciprocal", POSITIVE) + elementwise("reciprocal", (-2.0, -0.3)),
    "sqrt": elementwise("sqrt", POSITIVE),
    "rsqrt": elementwise("rsqrt", POSITIVE),
    "exp2": elementwise("exp2"),
    "expm1": elementwise("expm1"),
    "log2": elementwise("log2", POSITIVE),
    "log10": elementwise("log10", POSITIVE),
    "logaddexp": elementwise("logaddexp", ANY, ANY),
    "xlogy": elementwise("xlogy", ANY, POSITIVE),
    "sin": elementwise("sin"),
    "cos": elementwise("cos"),
    "tan": elementwise("tan", (-1.2, 1.2)),
    "sinc": elementwise("sinc"),
    "asin": elementwise("asin", (-0.8, 0.8)),
    "acos": elementwise("acos", (-0.8, 0.8)),
    "atan": elementwise("atan"),
    "atan2": elementwise("atan2", ANY, POSITIVE) + elementwise("atan2", ANY, (-2.0, -0.3)),
    "hypot": elementwise("hypot", ANY, POSITIVE),
    "sinh": elementwise("sinh"),
    "cosh": elementwise("cosh"),
    "asinh": elementwise("asinh"),
    "acosh": elementwise("acosh", (1.2, 3.0)),
    "atanh": elementwise("atanh", (-0.8, 0.8)),
    "erf": elementwise("erf"),
    "exp": elementwise("exp"),
    "log": elementwise("log", POSITIVE),
    "log1p": elementwise("log1p", (-0.6, 2.0)),
    "tanh": elementwise("tanh"),
    "sigmoid": elementwise("sigmoid"),
    "relu": elementwise("relu"),
    "leaky_relu": elementwise(
        lambda lib, x: lib.leaky_relu(x, 0.1), torch=lambda torch, x: torch.nn.functional.leaky_relu(x, 0.1)
    ),
    "gelu": elementwise("gelu", torch=lambda torch, x: torch.nn.functional.gelu(x)),
    "silu": elementwise("silu", torch=lambda torch, x: torch.nn.functional.silu(x)),
    "softplus": elementwise("softplus", torch=lambda torch, x: torch.nn.functional.softplus(x)),
    "bce": elementwise(
        "binary_cross_entropy_with_logits",
        ANY,
        (0.0, 1.0),
        torch=lambda torch, x, t: torch.nn.functional.softplus(x) - x * t,
    ),
    "sign": elementwise("sign"),
    "step": elementwise("step", torch=lambda torch, x: (x >= 0).to(x.dtype) + 0 * x),
    "floor": elementwise("floor"),
    "ceil": elementwise("ceil"),
    "trunc": elementwise("trunc"),
    "fmod": elementwise("fmod", ANY, POSITIVE) + elementwise("fmod", ANY, (-2.0, -0.3)),
    "cbrt": elementwise(lambda _, x: np.cbrt(x), POSITIVE, torch=lambda torch, x: x ** (1 / 3)),
    "erfc": elementwise("erfc"),
    "erfinv": elementwise("erfinv", (-0.9, 0.9)),
    "lgamma": elementwise("lgamma", POSITIVE) + elementwise("lgamma", (-1.8, -1.2)),
    "polygamma": elementwise("digamma", POSITIVE) + elementwise(lambda lib, x: lib.polygamma(1, x), POSITIVE),
    "copysign": elementwise("copysign", ANY, ANY),
    "round": elementwise("round") + elementwise(lambda lib, x: lib.round(x, decimals=1)),
    "frac": elementwise("frac"),
    "abs": elementwise("abs"),
    "maximum": elementwise("maximum", ANY, ANY),
    "minimum": elementwise("minimum", ANY, ANY),
    "clamp": elementwise(lambda lib, x: lib.clamp(x, -0.5, 1.0))
    + elementwise(lambda lib, x: lib.clamp(x, min=0.3))
    + elementwise("clamp_max", ANY, ANY)
    + [
        Sample(lambda lib, x, low, high: lib.clamp(x, low, high), inputs)
        for inputs in (
            (real(2, 3), Uniform((3,), -1.5, 0.0), Uniform((2, 1), 0.5, 1.5)),
            (real(3, 3), real(3, 3), real(3, 3)),
            (real(), real(), real()),
        )
    ],
    "addcmul": [
        Sample(lambda lib, x, a, b: lib.addcmul(x, a, b), inputs)
        for inputs in (
            (real(3), real(2, 3), real(3)),
            (real(2, 3), real(3), real()),
            (real(4, 2, 3), real(2, 1), real(3)),
            (real(), real(), real()),
            (real(2, 1), real(2, 0), real(2, 0)),
        )
    ],
    "where": [
        Sample(lambda lib, c, x, y: lib.where(c, x, y), inputs)
        for inputs in (
            (MASK, real(2, 3), real(2, 3)),
            (MASK, real(3), real(2, 1)),
            (MASK, real(), real(4, 2, 3)),
            (MASK[0], real(), real()),
            (np.array(True), real(), real()),
            (MASK[:, :0], real(2, 1), real(2, 0)),
        )
    ],
    # -- shape
    "reshape": each(lambda _, x: x.reshape(3, 2), real(2, 3))
    + each(lambda _, x: x.T.reshape(-1), real(2, 3))
    + each(lambda _, x: x.reshape(1, 1), real())
    + each(lambda _, x: x.reshape(()), real(1, 1))
    + each(lambda _, x: x.reshape(3, 0), real(0, 2)),
    "permute": each(lambda _, x: x.permute(2, 0, 1), real(2, 3, 4), real(2, 0, 4))
    + each(lambda _, x: x.permute(()), real()),
    "expand": each(lambda _, x: x.expand(4, 2, 3), real(2, 3), real(2, 1), real(1, 2, 1), real())
    + each(lambda _, x: x.expand(2, 0), real(0), real(2, 1), real(1, 1)),
    "flip": each(lambda lib, x: lib.flip(x, [0, -1]), real(2, 3), real(0, 3))
    + each(lambda _, x: x.flip(1), real(2, 3, 2))
    + each(lambda lib, x: lib.flip(x, [0]), real()),
    "roll": each(lambda lib, x: lib.roll(x, (1, -2), (0, 1)), real(2, 3), real(0, 3))
    + each(lambda lib, x: lib.roll(x, 2), real(2, 3), real()),
    # -- diagonal
    "diagonal": each(lambda lib, x: lib.diagonal(x), real(3, 3), real(2, 4), real(0, 2))
    + each(lambda lib, x: lib.diagonal(x, 1, -2, -1), real(2, 3, 4))
    + each(lambda lib, x: lib.diagonal(x, -1, 2, 0), real(2, 3, 4)),
    "put_diagonal": each(lambda lib, x: lib.diag(x), real(3), real(0), real(1))
    + each(lambda lib, x: lib.diag(x, 2), real(3))
    + each(lambda lib, x: lib.diag(x, -1), real(2)),
    # -- joined and parted
    "cat": [
        Sample(lambda lib, *xs: lib.cat(xs, 0), (real(2, 3), real(1, 3), real(0, 3))),
        Sample(lambda lib, *xs: lib.cat(xs, -1), (real(2, 3), real(2, 1))),
        Sample(lambda lib, x: lib.cat([x, 2 * x, x], 1), (real(2, 3),)),
        Sample(lambda lib, x: lib.cat([x]), (real(0, 2),)),
    ],
    "stack": [
        Sample(lambda lib, *xs: lib.stack(xs, 0), (real(2, 3), real(2, 3))),
        Sample(lambda lib, *xs: lib.stack(xs, -1), (real(2, 3), real(2, 3), real(2, 3))),
        Sample(lambda lib, x: lib.stack([x, 2 * x, x], 1), (real(2, 3),)),
        Sample(lambda lib, *xs: lib.stack(xs), (real(), real())),
        Sample(lambda lib, *xs: lib.stack(xs, 1), (real(2, 0), real(2, 0))),
    ],
    # -- indexing
    "index": each(lambda _, x: x[1], real(3), real(3, 2), real(2, 0))
    + each(lambda _, x: x[..., None, 1:, ::2], real(3, 4), real(2, 3, 4), real(1, 0))
    + each(lambda _, x: x[[0, 2, 2, -1]], real(4, 3))
    + each(lambda _, x: x[1:, [0, 2, 2]], real(4, 3))
    + each(lambda _, x: x[[[0], [1]], [0, 2]], real(4, 3))
    + each(lambda _, x: x[None], real(), real(2, 0))
    + [
        Sample(lambda _, x, i: x[i], (real(4, 3), integers([0, 3], [3, 3]))),
        Sample(lambda _, x, i, j: x[i, j], (real(4, 3), integers(0, 3, 3), integers(1, 2, 2))),
        Sample(lambda _, x, m: x[m], (real(2, 3), MASK)),
        Sample(lambda _, x, m: x[:, m[0]], (real(4, 3), MASK)),
        Sample(lambda _, x, i: x[i], (real(4, 3), np.zeros((0,), np.int64))),
    ],
    "unindex": [
        _unindex((slice(1, 3), 0), 2),
        _unindex((slice(None, None, 2), slice(1, None)), 2, 2),
        _unindex((1, 2)),
        _unindex(np.array([0, 3, 3]), 3, 3),
        _unindex((np.array([0, 3, 3]), np.array([1, 2, 2])), 3),
        _unindex(np.arange(12).reshape(4, 3) % 2 == 0, 6),
        _unindex((slice(2, 2),), 0, 3),
    ],
    "mean_nll": [
        Sample(
            lambda _, x, t: indexing.mean_nll(x, t),
            (x, t),
            lambda torch, x, t: -x.gather(1, t.unsqueeze(1)).mean(),
        )
        for x, t in CLASSES
    ],
    "of_classes": [
        Sample(
            lambda _, x, t: indexing.of_classes(x, t),
            (x, t),
            lambda torch, x, t: x.gather(1, t.unsqueeze(1)).squeeze(1),
        )
        for x, t in CLASSES
    ],
    "to_classes": [
        Sample(
            lambda _, v, t, shape=x.shape: indexing.to_classes(v, t, shape=shape),
            (real(*t.shape), t),
            lambda torch, v, t, shape=x.shape: torch.zeros(shape, dtype=v.dtype).scatter(
                1, t.unsqueeze(1), v.unsqueeze(1)
            ),
        )
        for x, t in CLASSES
    ],
    "standardize": [
        Sample(
            lambda _, x, dim=dim: normalization.standardize(x, dim, 1e-3)[0],
            (real(*shape),),
            lambda torch, x, dim=dim: (
                (off := x - x.mean(dim, keepdim=True)) / ((off * off).mean(dim, keepdim=True) + 1e-3).sqrt()
            ),
        )
        for shape, dim in (((4, 3), (0,)), ((2, 3, 4), (0, 2)), ((2, 5), (1,)), ((0, 3), (1,)))
    ],
    "scale": [
        Sample(
            lambda _, x, dim=dim: rows.scale(x, rows.moments(x, dim=dim), dim=dim, eps=1e-3),
            (real(*shape),),
            lambda torch, x, dim=dim: (
                1 / ((x - x.mean(dim, keepdim=True)).square().mean(dim, keepdim=True) + 1e-3).sqrt()
            ),
        )
        for shape, dim in (((4, 3), (0,)), ((2, 3, 4), (0, 2)), ((2, 5), (1,)), ((0, 3), (1,)))
    ],
    "gather": [
        Sample(lambda lib, x, i: lib.gather(x, 1, i), (real(2, 3), integers([0, 2, 2, 1], [1, 1, 0, 2]))),
        Sample(lambda lib, x, i: lib.gather(x, -2, i), (real(3, 2), integers([0, 2]))),
        Sample(lambda lib, x, i: lib.gather(x, 0, i), (real(4), integers(3, 3, 0))),
        Sample(lambda lib, x, i: lib.gather(x, 0, i), (real(4, 3), np.zeros((0, 3), np.int64))),
        Sample(lambda lib, x, i: lib.gather(x, 1, i), (real(0, 3), np.zeros((0, 2), np.int64))),
        Sample(lambda lib, x, i: lib.gather(x, 0, i), (real(), integers(0)[0])),
    ],
    "scatter_sum": [
        _scatter(1, integers([0, 2, 2, 1], [1, 1, 0, 2]), (2, 3)),
        _scatter(0, integers([0, 2]), (3, 2)),
        _scatter(0, np.zeros((0, 3), np.int64), (4, 3)),
    ],
    "overwrite": [
        Sample(lambda lib, x, v: _written(x, lambda t: t.__setitem__(0, v)), (real(2, 3), real(3))),
        Sample(lambda lib, x, v: _written(x, lambda t: t.__setitem__((slice(None), 1), v)), (real(2, 3), real())),
        Sample(lambda lib, x, v: _written(x, lambda t: t.__setitem__(lib.tensor([1, 0]), v)), (real(3), real(2))),
        Sample(lambda lib, x, v: _written(x, lambda t: t.mT[1:].mul_(v)), (real(2, 3), real(2, 2))),
        Sample(lambda lib, x, v: _written(x, lambda t: t.unsqueeze(0)[:, :, 0].copy_(v)), (real(2, 3), real(1))),
        Sample(lambda lib, x, v: _written(x, lambda t: t.copy_(v)), (real(), real())),
        Sample(lambda lib, x, v: _written(x, lambda t: t.__setitem__(slice(1), v)), (real(0, 3), real(1))),
    ],
    "put": [
        Sample(lambda lib, x, i, v: lib.scatter(x, 1, i, v), (real(2, 3), integers([0, 2], [1, 0]), real(2, 2))),
        Sample(lambda lib, x, i, v: lib.scatter(x, -2, i, v), (real(3, 2), integers([0, 2]), real(1, 2))),
        Sample(lambda lib, x, i: lib.scatter(x, 0, i, 1.5), (real(4), integers(3, 0))),
        Sample(lambda lib, x, i, v: lib.scatter(x, 0, i, v), (real(0, 3), np.zeros((0, 3), np.int64), real(0, 3))),
        Sample(lambda lib, x, i, v: lib.scatter(x, 0, i, v), (real(), integers(0)[0], real())),
    ],
    # -- reduction
    "sum": each(lambda _, x: x.sum(), real(2, 3), real(), real(0, 3))
    + each(lambda _, x: x.sum(dim=-1), real(2, 3), real(0, 3), real(3, 0))
    + each(lambda _, x: x.sum(dim=(0, 2), keepdim=True), real(2, 3, 4))
    + each(lambda _, x: x.sum(dim=(0, -1)), real(2, 3, 4)),
    "mean": each(lambda _, x: x.mean(), real(2, 3), real())
    + each(lambda _, x: x.mean(dim=-1), real(2, 3), real(0, 3))
    + each(lambda _, x: x.mean(dim=(0, 2), keepdim=True), real(2, 3, 4)),
    "amax": _extremes("amax"),
    "amin": _extremes("amin"),
    "norm": each(lambda lib, x: lib.norm(x), real(2, 3), real(), real(0, 3))
    + each(lambda _, x: x.norm(p=3, dim=-1), real(2, 3), real(0, 3))
    + each(lambda _, x: x.norm(1, dim=(0, 2), keepdim=True), real(2, 3, 4))
    + each(lambda _, x: x.norm(1.5), real(2, 3))
    + each(lambda _, x: x.norm(-2, dim=0), positive(2, 3)),
    "cumsum": each(lambda _, x: x.cumsum(-1), real(2, 3), real(), real(0, 3), real(3, 0))
    + each(lambda _, x: x.cumsum(0), real(2, 3, 2)),
    "cumprod": each(lambda _, x: x.cumprod(-1), real(2, 3), real(), real(0, 3), real(3, 0))
    + each(lambda _, x: x.cumprod(0), real(4, 3), WITH_ZEROS),
    "prod": each(lambda _, x: x.prod(), real(2, 3), real(), real(0, 3), WITH_ZEROS, ONE_ZERO)
    + each(lambda _, x: x.prod(-1), real(2, 3), WITH_ZEROS)
    + each(lambda _, x: x.prod(0, keepdim=True), real(2, 3, 2), WITH_ZEROS),
    "logsumexp": each(lambda _, x: x.logsumexp(0), real(2, 3), real(), real(3, 0))
    + each(lambda _, x: x.logsumexp(dim=(0, 2), keepdim=True), real(2, 3, 4)),
    "softmax": each(lambda _, x: x.softmax(-1), real(2, 3), real(), real(0, 3), real(3, 0), real(2, 3, 4)),
    "log_softmax": each(lambda _, x: x.log_softmax(0), real(2, 3), real(), real(0, 3), real(3, 0), real(2, 3, 4)),
    "logcumsumexp": each(lambda _, x: x.logcumsumexp(-1), real(2, 3), real(), real(0, 3), real(3, 0))
    + each(lambda _, x: x.logcumsumexp(0), real(4, 2)),
    # -- linear algebra
    "solve": [
        Sample(lambda lib, a, b: lib.linalg.solve(_regular(lib, a), b), (real(*a), real(*b)))
        for a, b in (((3, 3), (3, 2)), ((2, 2, 2), (2, 1)), ((2, 2), (2,)), ((0, 2, 2), (0, 2, 1)), ((0, 0), (0, 2)))
    ]
    + each(lambda lib, a: lib.linalg.inv(_regular(lib, a)), real(3, 3), real(2, 2, 2)),
    "det": each(lambda lib, x: lib.linalg.det(x), real(2, 2), real(3, 3), real(0, 2, 2), real(1, 1))
    + each(lambda lib, x: lib.linalg.det(_regular(lib, x)), real(2, 4, 4)),
    "cofactors": each(
        lambda lib, x: linalg.cofactors(_regular(lib, x)),
        real(3, 3),
        real(2, 2, 2),
        real(0, 2, 2),
        real(1, 1),
        torch=lambda torch, x: (
            torch.linalg.det(_regular(torch, x))[..., None, None] * torch.linalg.inv(_regular(torch, x)).mT
        ),
    ),
    "logabsdet": each(
        lambda lib, x: lib.linalg.slogdet(x).logabsdet if lib is ad else lib.linalg.slogdet(x)[1],
        real(2, 2),
        real(2, 3, 3),
        real(0, 2, 2),
        real(1, 1),
    ),
    "pinv": each(lambda lib, x: lib.linalg.pinv(x), real(3, 2), real(2, 2, 3), real(0, 3, 2))
    + each(lambda lib, x: lib.linalg.pinv(_regular(lib, x)), real(2, 2)),
    "cholesky": each(
        lambda lib, x: lib.linalg.cholesky(_definite(lib, x)), real(2, 2), real(2, 3, 3), real(0, 2, 2), real(0, 0)
    ),
    "eigenvalues": each(lambda lib, x: lib.linalg.eigvalsh(x + x.mT), real(2, 2), real(2, 3, 3), real(0, 2, 2)),
    "eigenvectors": each(
        lambda lib, x: (v := lib.linalg.eigh(x + x.mT)[1]) * v.detach()[..., :1, :].sign(),
        real(2, 2),
        real(2, 3, 3),
        real(0, 2, 2),
    ),
    "q_factor": each(lambda lib, x: lib.linalg.qr(x)[0], real(3, 2), real(2, 4, 3), real(2, 4), real(0, 3, 2)),
    "singular_values": each(
        lambda lib, x: lib.linalg.svdvals(x), real(2, 2), real(3, 2), real(2, 3, 4), real(0, 3, 2), real(3, 0)
    ),
    "singular_vectors": each(
        lambda lib, x: (f := lib.linalg.svd(x, False))[0] @ (f[1][..., None] * lib.sin(f[2])),
        real(2, 2),
        real(3, 2),
        real(2, 2, 4),
        real(0, 3, 2),
    ),
    "nuclear_norm": each(
        lambda lib, x: lib.norm(x, "nuc", (-2, -1)), real(3, 2), real(2, 3), real(2, 3, 3), real(0, 3, 2), real(3, 0)
    )
    + each(lambda lib, x: lib.norm(x, "nuc", (2, 0), True), real(3, 2, 4)),
    "polar_factor": [
        Sample(
            lambda _, x: linalg.polar_factor(x),
            (real(*shape),),
            lambda torch, x: (found := torch.linalg.svd(x, full_matrices=False)).U @ found.Vh,
        )
        for shape in ((3, 2), (3, 3), (2, 4, 3), (0, 3, 2), (3, 0))
    ],
    "sylvester": [
        Sample(
            lambda _, a, c: linalg.sylvester(a @ a.mT + np.eye(a.shape[-1], dtype=a.dtype), c),
            (real(*batch, n, n), real(*batch, n, n)),
            lambda torch, a, c: (
                (q := (found := torch.linalg.eigh(a @ a.mT + torch.eye(a.shape[-1], dtype=a.dtype))).eigenvectors)
                @ (q.mT @ c @ q / (found.eigenvalues[..., :, None] + found.eigenvalues[..., None, :]))
                @ q.mT
            ),
        )
        for batch, n in (((), 2), ((2,), 3), ((0,), 2), ((), 0))
    ],
    "matmul": [
        Sample(lambda lib, a, b: lib.matmul(a, b), (real(*m), real(*n)))
        for m, n in (
            ((2, 3), (3, 4)),
            ((3,), (3,)),
            ((3,), (3, 4)),
            ((2, 3), (3,)),
            ((3,), (5, 3, 4)),
            ((5, 2, 3), (3,)),
            ((5, 2, 3), (5, 3, 4)),
            ((2, 3), (5, 3, 4)),
            ((2, 1, 2, 3), (5, 3, 4)),
            ((0, 3), (3, 4)),
            ((2, 0), (0, 4)),
        )
    ],
    "einsum": [
        Sample(lambda lib, *xs, equation=equation: lib.einsum(equation, *xs), tuple(real(*s) for s in shapes))
        for equation, *shapes in (
            ("ij,jk->ik", (2, 3), (3, 4)),
            ("ij,jk", (2, 3), (3, 4)),
            ("ij->ji", (2, 3)),
            ("ij->", (2, 3)),
            ("ij->i", (0, 3)),
            ("ij->i", (3, 0)),
            ("i->", (1,)),
            ("i->", (0,)),
            ("ij,jk->ik", (2, 1), (1, 1)),
            ("...i->...", (1, 1)),
            ("ii", (3, 3)),
            ("ii->i", (3, 3)),
            ("iij,jk->ik", (2, 2, 3), (3, 4)),
            ("i,j->ij", (2,), (3,)),
            ("i,j,ij->", (2,), (3,), (2, 3)),
            ("bij,bjk->bik", (4, 2, 3), (4, 3, 2)),
            ("...ij,...jk->...ik", (4, 2, 3), (3, 2)),
            ("...ij,...jk", (1, 2, 3), (4, 3, 2)),
            ("i...->...", (2, 3, 4)),
            ("ij,kl->il", (2, 3), (4, 2)),
            ("ij,ij->", (0, 3), (0, 3)),
            (",i->i", (), (3,)),
            ("->", ()),
        )
    ],
    "linear": [
        Sample(
            lambda lib, *xs: lib.linear(*xs),
            tuple(real(*s) for s in shapes),
            lambda torch, *xs: torch.nn.functional.linear(*xs),
        )
        for shapes in (
            ((2, 3), (4, 3), (4,)),
            ((2, 3), (4, 3)),
            ((3,), (4, 3), (4,)),
            ((3,), (4, 3)),
            ((5, 2, 3), (4, 3), (4,)),
            ((0, 3), (4, 3), (4,)),
        )
    ],
    # -- convolution
    "windows": [
        Sample(
            lambda lib, x, args=args: lib.windows(x, *args),
            (real(*shape),),
            lambda torch, x, args=args: _torch_windows(x, *args),
        )
        for shape, args in WINDOWS
    ],
    "unwindows": [
        Sample(
            lambda _, v, shape=shape, args=args: windows.unwindows(v, **_all_windows(shape, *args)),
            (real(*output),),
            lambda torch, v, shape=shape, args=args: _torch_unwindows(torch, v, shape, *args),
        )
        for (shape, args), output in zip(
            WINDOWS, [(3, 2), (2, 4, 3), (2, 2, 2, 2, 2), (1, 2, 2, 1, 2), (0, 2, 2, 2, 2)], strict=True
        )
    ],
    "convolve": [
        Sample(
            lambda lib, x, w, steps=steps: lib.convolve(x, w, *steps),
            (real(*x), real(*w)),
            lambda torch, x, w, steps=steps: _torch_convolve(torch, x, w, steps),
        )
        for x, w, steps in CONVOLUTIONS
    ],
    "convolve_input": [
        Sample(
            lambda _, v, w, x=x, steps=steps: windows.convolve_input(v, w, shape=x, steps=steps),
            (real(*_output(x, w, steps)), real(*w)),
            lambda torch, v, w, x=x, steps=steps: _torch_adjoint(
                torch, lambda x, w: _torch_convolve(torch, x, w, steps), x, v, w
            ),
        )
        for x, w, steps in CONVOLUTIONS
    ],
    "convolve_weight": [
        Sample(
            lambda _, x, v, w=w, steps=steps: windows.convolve_weight(x, v, shape=w, steps=steps),
            (real(*x), real(*_output(x, w, steps))),
            lambda torch, x, v, w=w, steps=steps: _torch_adjoint(
                torch, lambda w, x: _torch_convolve(torch, x, w, steps), w, v, x
            ),
        )
        for x, w, steps in CONVOLUTIONS
    ],
    "window_sum": [
        Sample(
            lambda lib, x, slide=slide: lib.window_sum(x, slide),
            (real(*shape),),
            lambda torch, x, slide=slide: _torch_filled(torch, x, slide, 0.0).sum(-1),
        )
        for shape, slide in SLIDES
    ],
    "window_max": [
        Sample(
            lambda lib, x, slide=slide: lib.window_max(x, slide),
            (real(*shape),),
            lambda torch, x, slide=slide: _torch_filled(torch, x, slide, -math.inf).max(-1).values,
        )
        for shape, slide in SLIDES
    ],
    "spread_windows": [
        Sample(
            lambda _, v, shape=shape, slide=slide: windows.spread_windows(v, shape=shape, slide=slide),
            (real(*_members(shape, slide).shape[:-1]),),
            lambda torch, v, shape=shape, slide=slide: _torch_added(
                torch, v[..., None].expand(_members(shape, slide).shape), _members(shape, slide), shape
            ),
        )
        for shape, slide in SLIDES
    ],
    "pick_in_windows": [
        Sample(
            lambda _, x, number, slide=slide: windows.pick_in_windows(x, number, slide=slide),
            (real(*shape), _numbered(shape, slide)[0]),
            lambda torch, x, _, shape=shape, slide=slide: x.reshape(-1)[torch.tensor(_numbered(shape, slide)[1])],
        )
        for shape, slide in SLIDES
    ],
    "put_in_windows": [
        Sample(
            lambda _, v, number, shape=shape, slide=slide: windows.put_in_windows(v, number, shape=shape, slide=slide),
            (real(*_members(shape, slide).shape[:-1]), _numbered(shape, slide)[0]),
            lambda torch, v, _, shape=shape, slide=slide: _torch_added(torch, v, _numbered(shape, slide)[1], shape),
        )
        for shape, slide in SLIDES
    ],
}

#: Primitives that have no 0-d input, and why.
NOT_FOR_SCALARS: dict[str, str] = {
    "cat": "joins along a dimension",
    "diagonal": "lies in two dimensions",
    "put_diagonal": "makes a matrix of a vector",
    **dict.fromkeys(("nuclear_norm", "polar_factor", "sylvester", "solve", "det", "cofactors"), "takes matrices"),
    **dict.fromkeys(("logabsdet", "pinv", "cholesky", "eigenvalues", "eigenvectors"), "takes matrices"),
    **dict.fromkeys(("q_factor", "singular_values", "singular_vectors"), "takes matrices"),
    "matmul": "multiplies along a dimension",
    "linear": "multiplies along a dimension",
    "windows": "slides along a dimension",
    "unwindows": "slides along a dimension",
    "mean_nll": "picks along a dimension",
    "of_classes": "picks along a dimension",
    "to_classes": "picks along a dimension",
    "scale": "averages along a dimension",
    "standardize": "averages along a dimension",
    "convolve": "slides along a dimension",
    "convolve_input": "slides along a dimension",
    "convolve_weight": "slides along a dimension",
    "window_sum": "slides along a dimension",
    "window_max": "slides along a dimension",
    "spread_windows": "slides along a dimension",
    "pick_in_windows": "slides along a dimension",
    "put_in_windows": "slides along a dimension",
    "scatter_sum": "gather of a 0-d tensor is tested through gather",
}
