"""Means with deviations, covariances, and what lies between neighbours: differences and areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import return_types
from ..engine.graph import Node
from ..kernels.errors import ValueRuntimeError
from ..tracing import decided
from .arguments import Dims, dimension, floats_of, integer, numpy_names, tensor_of
from .comparison import isnan
from .cumulative import cumsum
from .elementwise import clamp, clone
from .linalg import matmul
from .reduction import amax, amin, mean, nansum, std, sum, var
from .shape import cat, narrow, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "aminmax", "corrcoef", "cov", "cumulative_trapezoid", "diff", "gradient", "nanmean", "std_mean", "trapezoid",
    "trapz", "var_mean",
]  # fmt: skip


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> return_types.aminmax:
    """Smallest and largest element, along a dimension or of all; equal ones share the gradient.

    Examples
    --------
    >>> ad.aminmax(ad.tensor([3.0, 1.0]))
    autodiff.return_types.aminmax(
    min=tensor(1.),
    max=tensor(3.))
    """
    x = tensor_of(input, "aminmax")
    if not x._data.size and (dim is None or not x.shape[dimension(dim, x.ndim, "aminmax")]):
        raise RuntimeError(f"aminmax: nothing to choose from in a tensor of shape {x.shape}")
    dims = () if dim is None else dim
    return return_types.aminmax(amin(x, dims, keepdim), amax(x, dims, keepdim))


@numpy_names
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Average the elements that are not NaN; parameters as for `mean`.

    Examples
    --------
    >>> ad.nanmean(ad.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    x = floats_of(input, "nanmean")
    n = (~isnan(x)).sum(dim, keepdim)
    y = nansum(x, dim, keepdim, dtype=dtype)
    return y / n


@numpy_names
def var_mean(
    input: Tensor, dim: Dims = None, correction: int | None = 1, keepdim: bool = False, *, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Variance and mean; parameters as for `var`.

    Examples
    --------
    >>> ad.var_mean(ad.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _with_mean(var, input, dim, correction, keepdim, unbiased)


@numpy_names
def std_mean(
    input: Tensor, dim: Dims = None, correction: int | None = 1, keepdim: bool = False, *, unbiased: bool | None = None
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean; parameters as for `var`.

    Examples
    --------
    >>> ad.std_mean(ad.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    return _with_mean(std, input, dim, correction, keepdim, unbiased)


def _with_mean(
    deviation: Any, x: Any, dim: Any, correction: Any, keepdim: bool, unbiased: bool | None
) -> tuple[Tensor, Tensor]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return deviation(x, dim, correction, keepdim, unbiased=unbiased), mean(x, dim, keepdim)


def _weights(values: Any, n: int, kinds: str, name: str) -> Any:
    w = tensor_of(values, name)
    if w.ndim > 1 or w.numel() != n or w.dtype.kind not in kinds:
        raise RuntimeError(f"cov: {name} must be a vector of {n} numbers, got {w.dtype} of shape {w.shape}")
    if w.numel() and decided(lambda a: a.min() < 0, w):
        raise RuntimeError(f"cov: {name} must not be negative")
    return w


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Covariances of variables, each of which is a row of observations.

    Parameters
    ----------
    input : Tensor
        Of shape (variables, observations), or of one variable a vector.
    correction : int, optional
        What is subtracted from the number of observations under the sum.
    fweights, aweights : Tensor, optional
        How often each observation occurs, and how much it counts.

    Returns
    -------
    Tensor
        Of shape (variables, variables); of a vector its variance.

    Examples
    --------
    >>> ad.cov(ad.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = tensor_of(input, "cov")
    if x.ndim > 2 or x.dtype.kind == "b":
        raise RuntimeError(f"cov: expected at most 2 dimensions and numbers, got {x.dtype} of shape {x.shape}")
    x = x if x.dtype.kind == "f" else x.to(np.float32)
    rows = x if x.ndim == 2 else x.reshape((1, x.numel()))
    n = rows.shape[1]
    weights = None if fweights is None else _weights(fweights, n, "iu", "fweights")
    total: Any = n if weights is None else weights.sum()
    under = total - correction
    if aweights is not None:
        a = _weights(aweights, n, "f", "aweights")
        weights = a if weights is None else weights * a
        total = weights.sum()
        under = total - correction * (weights * a).sum() / total if correction else total
    if weights is None:
        off = rows - rows.mean(1, keepdim=True)
        product = matmul(off, off.mT)
    else:
        off = rows - sum(rows * weights, 1, keepdim=True) / total
        product = matmul(off, (off * weights).to(off.dtype).mT)
    y = product / (clamp(under, min=0) if isinstance(under, Node) else max(under, 0))
    return y.reshape(()) if y.numel() == 1 else y


def corrcoef(input: Tensor) -> Tensor:
    """Correlation coefficients of variables, each of which is a row of observations.

    Examples
    --------
    >>> ad.corrcoef(ad.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if not c.ndim:
        return c / c
    deviation = c.diagonal() ** 0.5
    return clamp(c / unsqueeze(deviation, 1) / unsqueeze(deviation, 0), -1, 1)


# -- between neighbours ------------------------------------------------------------------------------------------------


@numpy_names
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the differences of neighbours along `dim`, `n` times.

    Parameters
    ----------
    input : Tensor
    n : int, optional
    dim : int, optional
    prepend, append : Tensor, optional
        What is joined before and behind.

    Examples
    --------
    >>> ad.diff(ad.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    x, times = tensor_of(input, "diff"), integer(n, "diff", "n")
    if not x.ndim or times < 0:
        raise RuntimeError(f"diff: expected at least one dimension and n ≥ 0, got shape {x.shape} and {times}")
    d = dimension(dim, x.ndim, "diff")
    if not times:
        return clone(x)
    parts = [tensor_of(p, "diff") for p in (prepend, x, append) if p is not None]
    x = cat([p if p.ndim else p.expand([1 if k == d else m for k, m in enumerate(x.shape)]) for p in parts], d)
    for _ in range(min(times, x.shape[d])):
        size = max(x.shape[d] - 1, 0)
        after, before = narrow(x, d, min(1, x.shape[d]), size), narrow(x, d, 0, size)
        x = after ^ before if x.dtype.kind == "b" else after - before
    return x


def _areas(y: Any, x: Any, dx: Any, dim: int, name: str) -> tuple[Tensor, int]:
    """Return the areas between neighbours along a dimension."""
    values = tensor_of(y, name)
    d = dimension(dim, values.ndim, name)
    if not values.ndim:
        raise RuntimeError(f"{name}: expected at least one dimension")
    n = max(values.shape[d] - 1, 0)
    middle = (narrow(values, d, min(1, values.shape[d]), n) + narrow(values, d, 0, n)) / 2
    if x is None:
        return middle * dx, d
    at = tensor_of(x, name)
    if at.ndim == 1:
        if at.shape[0] != values.shape[d]:
            raise RuntimeError(f"{name}: {at.shape[0]} places do not fit {values.shape[d]} values")
        steps = diff(at).reshape([-1 if k == d else 1 for k in range(values.ndim)]) if n else diff(at)
    else:
        steps = diff(at, dim=dim)
    return middle * steps, d


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Integrate along `dim` by the trapezoidal rule, over places `x` or ones that are `dx` apart.

    Examples
    --------
    >>> ad.trapezoid(ad.tensor([1.0, 3.0, 5.0]))
    tensor(6.)
    """
    areas, d = _areas(y, x, dx, dim, "trapezoid")
    return sum(areas, d)


def trapz(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Integrate; as `trapezoid`.

    Examples
    --------
    >>> ad.trapz(ad.tensor([1.0, 3.0, 5.0]))
    tensor(6.)
    """
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Return the running integrals of `trapezoid`.

    Examples
    --------
    >>> ad.cumulative_trapezoid(ad.tensor([1.0, 3.0, 5.0]))
    tensor([2., 6.])
    """
    areas, d = _areas(y, x, dx, dim, "cumulative_trapezoid")
    return cumsum(areas, d)


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimate a function's slopes from its values on a grid: central differences inside, one-sided ones at the ends.

    Parameters
    ----------
    input : Tensor
        The values.
    spacing : number, or sequence of numbers or 1-d Tensors, optional
        How far the values are apart; for each dimension of its own: a distance, or the places of the values.
    dim : int or sequence of int, optional
        The dimensions to differentiate along; by default all.
    edge_order : int, optional
        The order of the differences at the ends, 1 or 2.

    Returns
    -------
    tuple of Tensor
        For each dimension the slopes, of the shape of `input`.

    Examples
    --------
    >>> ad.gradient(ad.tensor([0.0, 1.0, 4.0, 9.0]))
    (tensor([1., 2., 4., 5.]),)
    """
    x = tensor_of(input, "gradient")
    dims = range(x.ndim) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    steps = list(spacing) if isinstance(spacing, Sequence) else [spacing] * len(dims)
    if len(steps) != len(dims):
        raise RuntimeError(f"gradient: {len(steps)} spacings do not fit {len(dims)} dimensions")
    if edge_order not in (1, 2):
        raise ValueRuntimeError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    return tuple(
        _slopes(x, dimension(d, x.ndim, "gradient"), step, edge_order) for d, step in zip(dims, steps, strict=True)
    )


def _slopes(x: Tensor, d: int, step: Any, edge_order: int) -> Tensor:
    """Return the slopes along a dimension, of values that are a step apart or stand at places."""
    n = x.shape[d]
    if n < edge_order + 1:
        raise ValueRuntimeError(f"gradient: dim {d} of a tensor of shape {x.shape} needs {edge_order + 1} elements")

    def after(k: int, length: int = 1) -> Any:
        return narrow(x, d, k, length)

    def width(k: int) -> Any:
        return narrow(gaps, d, k, 1) if np.ndim(step) else step

    if not np.ndim(step):
        inner = (after(2, n - 2) - after(0, n - 2)) / (2 * step)
    else:
        if np.shape(step) != (n,):
            raise ValueRuntimeError(f"gradient: places of shape {np.shape(step)} do not fit {n} values along dim {d}")
        gaps = diff(tensor_of(step, "gradient")).reshape([-1 if k == d else 1 for k in range(x.ndim)])
        h, g = narrow(gaps, d, 0, n - 2), narrow(gaps, d, 1, n - 2)
        slope, next_slope = (after(1, n - 2) - after(0, n - 2)) / h, (after(2, n - 2) - after(1, n - 2)) / g
        inner = (g * slope + h * next_slope) / (h + g)
    first, last = (after(1) - after(0)) / width(0), (after(n - 1) - after(n - 2)) / width(n - 2)
    if edge_order == 2:  # the parabola through three values
        second, one_but_last = (after(2) - after(1)) / width(1), (after(n - 2) - after(n - 3)) / width(n - 3)
        first = first - width(0) * (second - first) / (width(0) + width(1))
        last = last + width(n - 2) * (last - one_but_last) / (width(n - 2) + width(n - 3))
    return cat([first, inner, last], d)
