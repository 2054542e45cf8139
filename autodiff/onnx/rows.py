"""The table of ONNX: of each row of the derivative table, the nodes that say it.

A row that is not here, of single elements, runs as it stands on values of the graph.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..table import TABLE
from .brackets import index, piece, spelled
from .graph import Graph, Shape, Wire, argsort, where
from .sizes import Size, UnsayableError, seen_of

Emit = Callable[..., Wire]

# -- reductions --------------------------------------------------------------------------------------------------------


def reduction(op_type: str) -> Emit:
    """Return what reduces dimensions by a node of this type."""

    def emit(g: Graph, x: Wire, *, dim: Shape, keepdim: bool, nan: bool = True) -> Wire:
        x = x.astype(g.out.dtype)
        if not dim:
            return g.Identity(x)  # without axes ONNX would reduce all
        return g.node(op_type, x, g.sizes(dim), keepdims=int(keepdim))

    return emit


def truth(op_type: str) -> Emit:
    """Return what asks whether all or any are true: the least or largest of 0 and 1."""

    def emit(g: Graph, x: Wire, *, dim: Any, keepdim: bool) -> Wire:
        counted = x.astype(np.bool).astype(np.int32)
        axes = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
        return g.node(op_type, counted, g.sizes([*axes]), keepdims=int(keepdim), dtype=np.int32).astype(np.bool)

    return emit


def position(op_type: str) -> Emit:
    """Return what tells where along a dimension the extreme is."""

    def emit(g: Graph, x: Wire, *, dim: int | None, keepdim: bool) -> Wire:
        if x.dtype == np.bool:
            x = x.astype(np.int32)
        if dim is None:
            return g.reshape(g.node(op_type, g.Reshape(x, g.sizes([-1])), axis=0), g.out.shape)
        return g.node(op_type, x, axis=dim, keepdims=int(keepdim))

    return emit


def norm(g: Graph, x: Wire, *, p: float, dim: Shape, keepdim: bool) -> Wire:
    """The p-norm."""
    keep = int(keepdim)
    if p in (1, 2):
        return g.node(f"ReduceL{int(p)}", x, g.sizes(dim), keepdims=keep)
    if p in (math.inf, -math.inf):
        return g.node("ReduceMax" if p > 0 else "ReduceMin", abs(x), g.sizes(dim), keepdims=keep)
    if p == 0:
        return g.ReduceSum((x != 0).astype(x.dtype), g.sizes(dim), keepdims=keep)
    sums = g.ReduceSum(abs(x) ** float(p), g.sizes(dim), keepdims=keep)
    return g.wire(sums ** (1 / float(p)), x.dtype)


def moments(g: Graph, x: Wire, *, dim: Shape) -> Wire:
    """Mean and variance, as the two entries of one array."""
    _, *shape = g.out.shape
    mean = g.ReduceMean(x, g.sizes(dim), shape=(*shape,))
    off = x - mean
    variance = g.ReduceMean(off * off, g.sizes(dim), shape=(*shape,))
    return g.Concat(*(g.Unsqueeze(m, g.sizes([0]), shape=(1, *shape)) for m in (mean, variance)), axis=0)


# -- arrangement -------------------------------------------------------------------------------------------------------


def stack(g: Graph, *tensors: Wire, dim: int) -> Wire:
    """Each with a new dimension, joined along it."""
    return g.Concat(*(g.Unsqueeze(x.astype(g.out.dtype), g.sizes([dim])) for x in tensors), axis=dim)


def flip(g: Graph, x: Wire, *, dims: Shape) -> Wire:
    """Steps of -1 from the end."""
    return piece(g, x, dict.fromkeys(dims, (-1, -(2**62), -1)))


def roll(g: Graph, x: Wire, *, shifts: Shape, dims: Shape) -> Wire:
    """Of each dimension the end, then the beginning."""
    if dims is None or isinstance(dims, int):
        raise UnsayableError("roll without dims")
    for shift, d in zip(shifts, dims, strict=True):
        if isinstance(x.shape[d], Size):
            raise UnsayableError("roll along the batch")
        n = x.shape[d]
        at = shift % n if n else 0
        if at:
            x = g.Concat(piece(g, x, {d: (n - at, n, 1)}), piece(g, x, {d: (0, n - at, 1)}), axis=d, shape=x.shape)
    return g.Identity(x)


def diagonal(g: Graph, x: Wire, *, offset: int, dim1: int, dim2: int) -> Wire:
    """The elements of flattened matrices that stand on the diagonal."""
    a, b = x.shape[dim1], x.shape[dim2]
    if isinstance(a, Size) or isinstance(b, Size):
        raise UnsayableError("a diagonal along the batch")
    rest = [d for d in range(x.ndim) if d not in (dim1, dim2)]
    lead = tuple(x.shape[d] for d in rest)
    flat = g.reshape(g.Transpose(x, perm=[*rest, dim1, dim2]), (*lead, a * b))
    return g.Gather(flat, g.array(np.arange(a * b).reshape(a, b).diagonal(offset)), axis=-1)


# -- by what stands in brackets ----------------------------------------------------------------------------------------


def unindex(g: Graph, values: Wire, *, shape: Shape, key: Any) -> Wire:
    """Zeros around what is put at slices without steps."""
    parts = spelled(key, len(shape))
    before, after = [], []
    for part, n in zip(parts, shape, strict=True):
        if part == slice(None):
            before.append(0)
            after.append(0)
            continue
        if not isinstance(part, slice) or part.step not in (None, 1) or isinstance(n, Size):
            raise UnsayableError("values put at positions that are no range")
        start, stop, _ = part.indices(n)
        before.append(start)
        after.append(n - stop)
    return g.Pad(values, g.sizes([*before, *after]))


# -- by a position along a dimension -----------------------------------------------------------------------------------


def moved(g: Graph, x: Wire, values: Wire, forward: Callable[..., Any]) -> Wire:
    """What a function that only moves elements puts where: it is run on their numbers, for two examples of a batch."""
    batch = x.ndim > 0 and isinstance(x.shape[0], Size)
    rest, own = x.shape[batch:], batch and values.shape[:1] == x.shape[:1]
    inner = values.shape[own:]
    if any(isinstance(n, Size) for n in (*rest, *inner)):
        raise UnsayableError("elements moved along the batch")
    count, new, examples = math.prod(rest), math.prod(inner), 1 + batch
    old = np.arange(examples * count).reshape((examples,) * batch + rest)
    put = examples * count + np.arange((1 + own) * new).reshape((2,) * own + inner)
    at = np.asarray(forward(old, put)).reshape(examples, count)
    is_new = at >= examples * count
    at = np.where(is_new, at - examples * count + count, at)
    steps = np.where(is_new[-1], new * own, count)
    if batch and not (np.array_equal(is_new[0], is_new[1]) and np.array_equal(at[0] + steps, at[1])):
        raise UnsayableError("elements moved along the batch")
    lead = x.shape[:1] if batch else (1,)
    flat = g.reshape(values.astype(x.dtype), (*(lead if own else (1,)), new))
    both = g.Concat(g.reshape(x, (*lead, count)), flat if own or not batch else g.expand(flat, (*lead, new)), axis=1)
    return g.reshape(g.Gather(both, g.array(at[0]), axis=1), x.shape)


def overwrite(g: Graph, x: Wire, values: Wire, *, way: Any) -> Wire:
    """Elements that a way of rows picks, written anew."""
    if _has_wire(way):
        raise UnsayableError("elements overwritten at positions that are computed")
    return moved(g, x, values, functools.partial(TABLE["overwrite"].forward, way=way))


def _has_wire(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return isinstance(value, Wire) or any(map(_has_wire, parts))


def of_classes(g: Graph, x: Wire, labels: Wire) -> Wire:
    """The element at each label along dimension 1."""
    one = g.sizes([1])
    at = g.Unsqueeze(labels.astype(np.int64), one, dtype=np.int64)
    return g.Squeeze(g.GatherElements(x, at, axis=1, dtype=x.dtype), one, shape=labels.shape, dtype=x.dtype)


def scatter_sum(g: Graph, values: Wire, at: Wire, *, shape: Shape, dim: int) -> Wire:
    """Zeros, with values added."""
    return g.ScatterElements(g.zeros(shape, values.dtype), at.astype(np.int64), values, axis=dim, reduction="add")


# -- products ----------------------------------------------------------------------------------------------------------


def linear(g: Graph, x: Wire, weight: Wire, bias: Wire | None = None) -> Wire:
    """One node for matrices, otherwise a product with the transposed weight."""
    if x.ndim == 2:
        return g.Gemm(x, weight, *([] if bias is None else [bias]), transB=1)
    y = g.MatMul(x, g.Transpose(weight, perm=[1, 0]))
    return y if bias is None else g.Add(y, bias)


# -- windows -----------------------------------------------------------------------------------------------------------


def convolve(g: Graph, x: Wire, weight: Wire, *, steps: Any) -> Wire:
    """A convolution, as ONNX has it."""
    return g.Conv(x, weight, **_steps(steps))


def convolve_input(g: Graph, output: Wire, weight: Wire, *, shape: Shape, steps: Any) -> Wire:
    """A transposed convolution; what its result is longer than windows reach is its output padding."""
    reach = [
        (n - 1) * s - b - a + d * (k - 1) + 1
        for n, k, s, b, a, d in zip(
            output.shape[2:], weight.shape[2:], steps.stride, steps.before, steps.after, steps.dilation, strict=True
        )
    ]
    more = [n - r for n, r in zip(shape[2:], reach, strict=True)]
    return g.ConvTranspose(output, weight, output_padding=more, **_steps(steps))


def _steps(steps: Any) -> dict[str, Any]:
    pads = [*steps.before, *steps.after]
    return {"strides": steps.stride, "pads": pads, "dilations": steps.dilation, "group": steps.groups}


def pooled(g: Graph, x: Wire, slide: Any, op_type: str, **attributes: Any) -> Wire:
    """One number of each window."""
    n = len(slide.size)
    sizes = x.shape[-n:]
    if any(isinstance(s, Size) for s in (*sizes, *slide.places)):
        before, ends = slide.padding, slide.padding
        attributes["ceil_mode"] = _rounds_up(sizes, slide)
    else:
        before = slide.padding
        ends = [
            max((p - 1) * s + d * (k - 1) + 1 - size - before, 0)
            for size, p, k, s, before, d in zip(sizes, *slide, strict=True)
        ]
    if x.ndim > n + 2:
        raise UnsayableError("windows with more than two dimensions before them")
    lead = [*range(n + 2 - x.ndim)]
    if lead:
        x = g.Unsqueeze(x, g.sizes(lead))
    y = g.node(op_type, x, kernel_shape=slide.size, strides=slide.stride, pads=[*before, *ends], **attributes)
    return g.Squeeze(y, g.sizes(lead)) if lead else y


def _rounds_up(sizes: Shape, slide: Any) -> int:
    """Tell whether windows that are not whole count, by how many there were for inputs of several sizes."""
    for ceil in (0, 1):
        if all(
            (size + 2 * before - d * (k - 1) - 1 + ceil * (s - 1)) // s + 1 == p
            for one, places, k, s, before, d in zip(sizes, *slide, strict=True)
            for size, p in zip(*_each_run(one, places), strict=True)
        ):
            return ceil
    raise UnsayableError("windows whose number is not that of a pool")


def _each_run(*numbers: int) -> list[tuple[int, ...]]:
    """Return what numbers were in each run."""
    runs = max((len(n.seen) for n in numbers if isinstance(n, Size)), default=1)
    return [seen_of(n, runs) for n in numbers]


def window_max(g: Graph, x: Wire, *, slide: Any) -> Wire:
    """The largest element of every window."""
    return pooled(g, x, slide, "MaxPool", dilations=slide.dilation)


def window_sum(g: Graph, x: Wire, *, slide: Any) -> Wire:
    """The average of every window, times the size of a window."""
    if any(d != 1 for d in slide.dilation):
        raise UnsayableError("sums of windows with gaps")
    average = pooled(g, x, slide, "AveragePool", count_include_pad=1)
    return g.wire(average * float(math.prod(slide.size)), x.dtype)


def windows(g: Graph, x: Wire, *, size: Shape, stride: Shape, dilation: Shape) -> Wire:
    """Along each dimension the positions of all windows' elements, their dimension then moved to the end."""
    n, lead = len(size), x.ndim - len(size)
    if any(isinstance(s, Size) for s in x.shape[lead:]):
        raise UnsayableError("windows along the batch")
    for i in reversed(range(n)):
        places = (x.shape[lead + i] - dilation[i] * (size[i] - 1) - 1) // stride[i] + 1
        at = np.arange(places)[:, None] * stride[i] + np.arange(size[i]) * dilation[i]
        x = g.Gather(x, g.array(at), axis=lead + i, shape=(*x.shape[: lead + i + 1], *x.shape[lead + i :]))
    order = [*range(lead), *(lead + 2 * i for i in range(n)), *(lead + 2 * i + 1 for i in range(n))]
    return g.Transpose(x, perm=order)


def unwindows(g: Graph, x: Wire, *, shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Wire:
    """Windows added up by the operator that folds columns, and zeros where none reaches."""
    n = len(size)
    lead, places = x.shape[: -2 * n], x.shape[-2 * n : -n]
    if any(isinstance(m, Size) for m in (*lead[1:], *places)):
        raise UnsayableError("windows along the batch")
    first, channels, k = (lead[0] if lead else 1), math.prod(lead[1:]), len(lead)
    order = [*range(k), *range(k + n, k + 2 * n), *range(k, k + n)]
    columns = g.Transpose(x, perm=order, shape=tuple(x.shape[d] for d in order))
    columns = g.reshape(columns, (first, channels * math.prod(size), math.prod(places)))
    reach = tuple((p - 1) * s + d * (m - 1) + 1 for p, s, d, m in zip(places, stride, dilation, size, strict=True))
    image = g.Col2Im(
        columns, g.sizes(reach), g.sizes(size), strides=stride, dilations=dilation, shape=(first, channels, *reach)
    )
    more = [m - r for m, r in zip(shape[-n:], reach, strict=True)]
    if any(more):
        image = g.Pad(image, g.sizes([0] * (n + 4) + more), shape=(first, channels, *shape[-n:]))
    return g.reshape(image, shape)


def cumprod(g: Graph, x: Wire, *, dim: int) -> Wire:
    """Running products, which a newer opset has."""
    if g.opset < 26:
        raise UnsayableError("ONNX has CumProd from opset 26 on; pass opset=26, which few runtimes know yet")
    return g.CumProd(x.astype(g.out.dtype), g.array(np.int64(dim)))


# -- the table ---------------------------------------------------------------------------------------------------------

ROWS: dict[str, Emit] = {
    # elements
    "clone": lambda g, x: g.Identity(x),
    "cast": lambda g, x, *, dtype: x.astype(dtype),
    "convert": lambda g, x, *, dtype: x.astype(dtype),
    "addcmul": lambda g, input, a, b: input + a * b,
    "erf": lambda g, x: g.Erf(x),
    "erfc": lambda g, x: 1 - g.Erf(x),
    "gelu": lambda g, x: x * (0.5 + 0.5 * g.Erf(x * math.sqrt(0.5))),
    "sigmoid": lambda g, x: g.Sigmoid(x.astype(g.out.dtype)),
    "silu": lambda g, x: x * g.Sigmoid(x),
    "softplus": lambda g, x: g.Softplus(x),
    "bce": lambda g, x, target: g.Softplus(-x) + (1 - target) * x,
    "relu": lambda g, x: g.Relu(x),
    "leaky_relu": lambda g, x, *, slope: g.LeakyRelu(x, alpha=slope),
    "sign": lambda g, x: np.sign(x),
    "step": lambda g, x: (x >= 0).astype(x.dtype),
    "abs": lambda g, x: g.Abs(x),
    "round": lambda g, x, *, decimals=0: np.rint(x * 10.0**decimals) / 10.0**decimals if decimals else np.rint(x),
    "where": lambda g, condition, a, b: where(g, condition, a, b),
    # arrangement
    "reshape": lambda g, x, *, shape: g.reshape(x, g.out.shape),
    "expand": lambda g, x, *, shape: g.expand(x, g.out.shape),
    "permute": lambda g, x, *, dims: g.Transpose(x, perm=dims),
    "flip": flip,
    "roll": roll,
    "cat": lambda g, *tensors, dim, starts: g.Concat(*(x.astype(g.out.dtype) for x in tensors), axis=dim),
    "stack": stack,
    "diagonal": diagonal,
    # reductions
    "sum": reduction("ReduceSum"),
    "mean": reduction("ReduceMean"),
    "prod": reduction("ReduceProd"),
    "amax": reduction("ReduceMax"),
    "amin": reduction("ReduceMin"),
    "logsumexp": reduction("ReduceLogSumExp"),
    "norm": norm,
    "all": truth("ReduceMin"),
    "any": truth("ReduceMax"),
    "argmax": position("ArgMax"),
    "argmin": position("ArgMin"),
    "argsort": lambda g, x, *, dim: argsort(g, x, axis=dim),
    "cumsum": lambda g, x, *, dim: g.CumSum(x.astype(g.out.dtype), g.array(np.int64(dim))),
    "cumprod": cumprod,
    "softmax": lambda g, x, *, dim: g.Softmax(x, axis=dim),
    "log_softmax": lambda g, x, *, dim: g.LogSoftmax(x, axis=dim),
    "moments": moments,
    # positions
    "index": index,
    "unindex": unindex,
    "overwrite": overwrite,
    "gather": lambda g, x, at, *, dim: g.GatherElements(x, at.astype(np.int64), axis=dim),
    "scatter_sum": scatter_sum,
    "put": lambda g, x, at, src, *, dim: g.ScatterElements(x, at.astype(np.int64), src, axis=dim),
    "of_classes": of_classes,
    "mean_nll": lambda g, x, labels: g.ReduceMean(-of_classes(g, x, labels), keepdims=0),
    # products
    "matmul": lambda g, a, b: g.MatMul(a.astype(g.out.dtype), b.astype(g.out.dtype)),
    "linear": linear,
    "einsum": lambda g, *x, inputs, output: g.Einsum(*x, equation=f"{','.join(inputs)}->{output}"),
    "det": lambda g, x: g.Det(x),
    # windows
    "convolve": convolve,
    "convolve_input": convolve_input,
    "window_max": window_max,
    "window_sum": window_sum,
    "windows": windows,
    "unwindows": unwindows,
}

#: Rows that can be said where a parameter depends on the batch.
SIZED = {
    "reshape",
    "expand",
    "cat",
    "index",
    "unindex",
    "unwindows",
    "convolve_input",
    "scatter_sum",
    "window_max",
    "window_sum",
}

#: What is said of rows that no node says, nor several.
NONE = "ONNX has no operator for {}"
NEVER = {
    "cholesky": "the factors of a matrix",
    "eigenvalues": "eigenvalues",
    "eigenvectors": "eigenvectors",
    "erfinv": "the inverse of erf",
    "lgamma": "the gamma function",
    "logabsdet": "the logarithm of a determinant",
    "logcumsumexp": "running sums of exponentials in logarithms",
    "polygamma": "the derivatives of the gamma function",
    "q_factor": "the factors of a matrix",
    "r_factor": "the factors of a matrix",
    "singular_values": "singular values",
    "solve": "the solution of linear systems",
    "solve_triangular": "the solution of linear systems",
}
