"""Functions that reduce dimensions, or normalize along them."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from .. import return_types
from ..engine.dtypes import get_default_dtype
from ..engine.graph import Node
from ..engine.primitive import NUMBERS
from ..kernels.errors import IndexRuntimeError
from ..kernels.reductions import count
from ..table import arrangement, comparison
from ..table import reduction as rows
from ..table.linalg import nuclear_norm
from .arguments import Dims, along, dimension, dimensions, floats_of, numpy_names, tensor_of, widened
from .comparison import isnan
from .elementwise import abs, clone, maximum, minimum, sign, where
from .indexing import gather
from .output import both_written, written
from .shape import squeeze, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "log_softmax", "logsumexp", "max", "mean", "min", "nansum",
    "norm", "softmax", "std", "sum", "var",
]  # fmt: skip


# -- sums --------------------------------------------------------------------------------------------------------------


@numpy_names
def sum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None, out: Tensor | None = None
) -> Tensor:
    """Add up the elements.

    Parameters
    ----------
    input : Tensor
    dim : int or sequence of int, optional
        The dimensions to add along; all of them by default.
    keepdim : bool, optional
        Keep those dimensions, with size 1.
    dtype : dtype, optional
        Convert to this dtype first.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        Integers and booleans give int64.

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.sum()
    tensor(10.)
    >>> x.sum(dim=0)
    tensor([4., 6.])
    """
    if out is not None:
        return written(out, sum, input, dim, keepdim, dtype=dtype)
    x = tensor_of(input, "sum")
    if dtype is not None or x._data.dtype.kind != "f":
        x = x.to(np.int64 if dtype is None else dtype)
    y: Tensor = rows.sum(x, **along(dim, keepdim, x._data.ndim, "sum"))
    return y if y._data.dtype is x._data.dtype else y.to(x.dtype)  # NumPy sums small integers as int64


@numpy_names
def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None, out: Tensor | None = None
) -> Tensor:
    """Average the elements; parameters as for `sum`.

    Raises
    ------
    RuntimeError
        If the elements are integers or booleans; pass `dtype` for them.

    Examples
    --------
    >>> ad.tensor([1.0, 2.0, 6.0]).mean()
    tensor(3.)
    """
    if out is not None:
        return written(out, mean, input, dim, keepdim, dtype=dtype)
    x = tensor_of(input, "mean")
    if dtype is not None:
        x = x.to(dtype)
    if x._data.dtype.kind != "f":
        raise RuntimeError(f"mean: expected floats, got {x.dtype}; pass dtype=float32, say, to convert them")
    return rows.mean(x, **along(dim, keepdim, x._data.ndim, "mean"))


@numpy_names
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None, out: Tensor | None = None
) -> Tensor:
    """Add up the elements that are not NaN; parameters as for `sum`.

    Examples
    --------
    >>> ad.nansum(ad.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    if out is not None:
        return written(out, nansum, input, dim, keepdim, dtype=dtype)
    x = tensor_of(input, "nansum")
    return sum(where(isnan(x), 0, x) if x.dtype.kind == "f" else x, dim, keepdim, dtype=dtype)


@numpy_names
def var(
    input: Tensor,
    dim: Dims = None,
    correction: int | None = 1,
    keepdim: bool = False,
    *,
    unbiased: bool | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Variance: the mean squared distance from the mean, with n - `correction` in the denominator.

    Parameters
    ----------
    input : Tensor
    dim : int or sequence of int, optional
        The dimensions to reduce; all of them by default.
    correction : int, optional
        1, as None, estimates a population's variance from a sample; 0 is the plain average.
    keepdim : bool, optional
        Keep the reduced dimensions, with size 1.
    unbiased : bool, optional
        PyTorch's older name: True is a correction of 1, False of 0.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> ad.tensor([1.0, 2.0, 3.0]).var()
    tensor(1.)
    """
    if out is not None:
        return written(out, var, input, dim, correction, keepdim, unbiased=unbiased)
    off, options, n = _center(input, dim, correction, keepdim, unbiased, "var")
    return (rows.sum(off * off, **options) / n).to(input.dtype)


@numpy_names
def std(
    input: Tensor,
    dim: Dims = None,
    correction: int | None = 1,
    keepdim: bool = False,
    *,
    unbiased: bool | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Standard deviation, the root of `var`; parameters as there. Its derivative is 0 where it is 0.

    Examples
    --------
    >>> ad.tensor([1.0, 2.0, 3.0]).std()
    tensor(1.)
    """
    if out is not None:
        return written(out, std, input, dim, correction, keepdim, unbiased=unbiased)
    off, options, n = _center(input, dim, correction, keepdim, unbiased, "std")
    y: Tensor = rows.norm(off, p=2, **options) / math.sqrt(n) if n else rows.sum(off * off, **options) / n
    return y.to(input.dtype)


def _center(
    input: Tensor, dim: Any, correction: Any, keepdim: bool, unbiased: bool | None, name: str
) -> tuple[Tensor, dict[str, Any], float]:
    """Return the deviations from the mean (of float16 in float32), the options of their sum, and its denominator."""
    x = floats_of(input, name)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = 1 if correction is None else correction
    if not isinstance(correction, NUMBERS):
        raise TypeError(f"{name}: correction must be a number, got {type(correction).__name__}")
    options = along(dim, keepdim, x.ndim, name)
    dims = options["dim"]
    n = count(x.shape, dims) - (correction if unbiased is None else int(unbiased))
    x = widened(x)
    return x - rows.mean(x, dim=dims, keepdim=True), options, builtins.max(n, 0)


# -- norms -------------------------------------------------------------------------------------------------------------


@numpy_names
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Length of the vector of all elements, or of those along dimensions, in the p-norm.

    Parameters
    ----------
    input : Tensor of floats
    p : float, "fro" or "nuc", optional
        The exponent; 2 by default, ``inf`` the largest absolute value, 0 the number of elements that are not 0.
        "nuc" is the nuclear norm of the matrices that lie in two dimensions: the sum of their singular values.
    dim : int or sequence of int, optional
        The dimensions to reduce; all of them by default.
    keepdim : bool, optional
        Keep those dimensions, with size 1.
    dtype : dtype, optional
        Convert to this dtype first.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        Where it is 0, its derivative is 0.

    Raises
    ------
    ValueError
        If `p` is neither a number nor "fro" nor "nuc".
    RuntimeError
        If the elements are not floats, or "nuc" does not find two dimensions.

    Examples
    --------
    >>> ad.tensor([3.0, -4.0]).norm()
    tensor(5.)
    >>> ad.tensor([3.0, -4.0]).norm(float("inf"))
    tensor(4.)
    """
    if out is not None:
        return written(out, norm, input, p, dim, keepdim, dtype=dtype)
    x = floats_of(input if dtype is None else tensor_of(input, "norm").to(dtype), "norm")
    if not isinstance(p, NUMBERS):
        if p == "nuc":
            return _nuclear(x, along(dim, keepdim, x.ndim, "norm")["dim"], keepdim)
        if p not in (None, "fro"):
            raise ValueError(f"norm: p must be a number, 'fro' or 'nuc', got {p!r}")
        p = 2
    p, options = float(p), along(dim, keepdim, x.ndim, "norm")
    if p == 0:
        return rows.sum(sign(where(isnan(x), 1, abs(x))), **options)
    if math.isinf(p):
        return _select(rows.amax if p > 0 else rows.amin, abs(x), options["dim"], keepdim, "norm", nan=True)
    y: Tensor = rows.norm(widened(x), p=p, **options)
    return y.to(x.dtype)


def _nuclear(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    """Return the nuclear norm of the matrices in two dimensions; wide ones are transposed first."""
    if len(dims) != 2:
        raise RuntimeError(f"norm: 'nuc' needs two dims, got {dims} of a tensor of shape {x.shape}")
    last = sorted(dims, key=lambda d: -x.shape[d])
    y = nuclear_norm(arrangement.permute(x, dims=(*(d for d in range(x.ndim) if d not in dims), *last)))
    return y.reshape(tuple(1 if d in dims else n for d, n in enumerate(x.shape))) if keepdim else y


# -- extremes ----------------------------------------------------------------------------------------------------------


@numpy_names
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Largest element along dimensions; equal ones share the gradient.

    Parameters
    ----------
    input : Tensor
    dim : int or sequence of int, optional
        The dimensions to reduce; all of them by default.
    keepdim : bool, optional
        Keep those dimensions, with size 1.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is nothing to choose from.

    Examples
    --------
    >>> ad.amax(ad.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([5., 7.])
    """
    if out is not None:
        return written(out, amax, input, dim, keepdim)
    return _select(rows.amax, input, dim, keepdim, "amax")


@numpy_names
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Smallest element along dimensions; equal ones share the gradient. Parameters as for `amax`.

    Examples
    --------
    >>> ad.amin(ad.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1., 2.])
    """
    if out is not None:
        return written(out, amin, input, dim, keepdim)
    return _select(rows.amin, input, dim, keepdim, "amin")


def _select(op: Any, input: Tensor, dim: Dims, keepdim: bool, name: str, nan: bool = False) -> Tensor:
    x = tensor_of(input, name)
    options = along(dim, keepdim, x.ndim, name)
    _refuse_empty(x, options["dim"], name)
    return op(x, nan=nan, **options)  # type: ignore[no-any-return]  # a primitive returns a Tensor


def _refuse_empty(x: Tensor, dims: tuple[int, ...], name: str) -> None:
    if not count(x.shape, dims):
        raise IndexRuntimeError(f"{name}: nothing to choose from along dims {dims} of a tensor of shape {x.shape}")


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Position of the largest element along `dim`, or in the flattened tensor.

    Examples
    --------
    >>> ad.argmax(ad.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([1, 0])
    """
    if out is not None:
        return written(out, argmax, input, dim, keepdim)
    return _position(comparison.argmax, input, dim, keepdim, "argmax")


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Position of the smallest element along `dim`, or in the flattened tensor.

    Examples
    --------
    >>> ad.argmin(ad.tensor([[1.0, 5.0], [7.0, 2.0]]), dim=1)
    tensor([0, 1])
    """
    if out is not None:
        return written(out, argmin, input, dim, keepdim)
    return _position(comparison.argmin, input, dim, keepdim, "argmin")


def _position(find: Any, input: Tensor, dim: int | None, keepdim: bool, name: str) -> Tensor:
    x = tensor_of(input, name)
    axis = None if dim is None or not x.ndim else dimension(dim, x.ndim, name)
    if dim is not None:
        dimension(dim, x.ndim, name)
    _refuse_empty(x, dimensions(axis, x.ndim, name), name)
    return find(x, dim=axis, keepdim=keepdim)  # type: ignore[no-any-return]  # a row returns a Tensor


@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Largest element; along a dimension, also its position; of two tensors, as `maximum`.

    Parameters
    ----------
    input : Tensor
    dim : int or Tensor, optional
        The dimension to reduce, or a second tensor to compare with. By default all dimensions are reduced.
    keepdim : bool, optional
        Keep the reduced dimension, with size 1.
    out : Tensor, or pair of Tensor, optional
        Where to write the result.

    Returns
    -------
    Tensor, or (values, indices)
        With `dim` a named tuple. Without it equal elements share the gradient; with it the first takes all.

    Examples
    --------
    >>> x = ad.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> x.max()
    tensor(7.)
    >>> x.max(dim=1).indices
    tensor([1, 0])
    """
    if out is not None:
        return _write_extreme(out, max, input, dim, keepdim)
    return _extreme(input, dim, keepdim, rows.amax, argmax, maximum, return_types.max)


@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Smallest element; along a dimension, also its position; of two tensors, as `minimum`. See `max`.

    Examples
    --------
    >>> ad.tensor([[1.0, 5.0], [7.0, 2.0]]).min(dim=1).values
    tensor([1., 2.])
    """
    if out is not None:
        return _write_extreme(out, min, input, dim, keepdim)
    return _extreme(input, dim, keepdim, rows.amin, argmin, minimum, return_types.min)


def _write_extreme(out: Any, function: Any, input: Tensor, dim: Any, keepdim: bool) -> Any:
    """Write the result into `out`: one tensor, or two where positions come with it."""
    has_positions = dim is not None and not isinstance(dim, (Node, np.ndarray))
    return (both_written if has_positions else written)(out, function, input, dim, keepdim)


def _extreme(input: Tensor, dim: Any, keepdim: bool, reduce: Any, find: Any, compare: Any, made: Any) -> Any:
    if dim is None:
        return _select(reduce, input, None, keepdim, made.__name__, nan=True)
    if isinstance(dim, (Node, np.ndarray)):
        return compare(input, dim)
    indices = find(input, dim, True)
    indices.name = find.__name__  # for pictures
    values = gather(input, dim, indices) if indices.ndim else clone(input)
    return made(*((values, indices) if keepdim or not indices.ndim else _both(values, indices, dim)))


def _both(values: Tensor, indices: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    return squeeze(values, dim), squeeze(indices, dim)


# -- exponentials, kept from overflowing -------------------------------------------------------------------------------


@numpy_names
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the sum of exponentials along dimensions, without overflow.

    Examples
    --------
    >>> ad.logsumexp(ad.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6932)
    """
    if out is not None:
        return written(out, logsumexp, input, dim, keepdim)
    x = tensor_of(input, "logsumexp")
    if x.dtype.kind != "f":
        x = x.to(get_default_dtype())
    y: Tensor = rows.logsumexp(widened(x), **along(dim, keepdim, x.ndim, "logsumexp"))
    return y.to(x.dtype)


@numpy_names
def softmax(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, out: Tensor | None = None) -> Tensor:
    """Exponentials along `dim`, scaled so that they add up to 1.

    Parameters
    ----------
    input : Tensor
        Logits: logarithms of probabilities up to a constant.
    dim : int
        The dimension along which the results add up to 1.
    dtype : dtype, optional
        Convert to this dtype first.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        Of the shape of `input`, between 0 and 1.

    Examples
    --------
    >>> ad.softmax(ad.tensor([1000.0, 1000.0]), dim=0)
    tensor([0.5000, 0.5000])

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """
    if out is not None:
        return written(out, softmax, input, dim, dtype=dtype)
    return _normalize(rows.softmax, input, dim, dtype, "softmax")


@numpy_names
def log_softmax(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, out: Tensor | None = None) -> Tensor:
    """Logarithm of `softmax`, accurate where that is close to 0; parameters as there.

    Examples
    --------
    >>> ad.log_softmax(ad.tensor([0.0, 1000.0]), dim=0)
    tensor([-1000.,     0.])
    """
    if out is not None:
        return written(out, log_softmax, input, dim, dtype=dtype)
    return _normalize(rows.log_softmax, input, dim, dtype, "log_softmax")


def _normalize(op: Any, input: Tensor, dim: int, dtype: DTypeLike | None, name: str) -> Tensor:
    x = floats_of(input if dtype is None else tensor_of(input, name).to(dtype), name)
    d, wide = dimension(dim, x.ndim, name), widened(x)
    y: Tensor = op(wide, dim=d) if x.ndim else squeeze(op(unsqueeze(wide, 0), dim=0), 0)
    return y if wide is x else y.to(x.dtype)


# -- truth -------------------------------------------------------------------------------------------------------------


@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Tell whether all elements are true, or not 0.

    Examples
    --------
    >>> ad.all(ad.tensor([True, False]))
    tensor(False)
    """
    if out is not None:
        return written(out, all, input, dim, keepdim)
    x = tensor_of(input, "all")
    return comparison.all(x, **along(dim, keepdim, x.ndim, "all"))


@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """Tell whether any element is true, or not 0.

    Examples
    --------
    >>> ad.any(ad.tensor([True, False]))
    tensor(True)
    """
    if out is not None:
        return written(out, any, input, dim, keepdim)
    x = tensor_of(input, "any")
    return comparison.any(x, **along(dim, keepdim, x.ndim, "any"))
