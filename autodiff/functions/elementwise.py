"""Arithmetic, powers, activations and choices, element by element."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import DTypeLike

from ..engine import dtypes
from ..engine.graph import Node
from ..engine.primitive import NUMBERS, lift, wrap
from ..kernels.errors import TypeRuntimeError
from ..table import comparison
from ..table import elementwise as rows
from ..tracing import decided, values
from .arguments import integer, named, operands, target_of, tensor_of
from .output import written

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "abs", "add", "addcdiv", "addcmul", "binary_cross_entropy_with_logits", "ceil", "clamp", "clamp_max", "clamp_min",
    "clone", "div", "float_power", "floor", "floor_divide", "frac", "gelu", "leaky_relu", "lerp", "maximum", "minimum",
    "mul", "neg", "pow", "reciprocal", "relu", "remainder", "round", "sigmoid", "sign", "silu", "softplus", "square",
    "step", "sub", "to", "true_divide", "trunc", "where",
]  # fmt: skip


# -- arithmetic --------------------------------------------------------------------------------------------------------


def add(input: Any, other: Any, *, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Add `alpha` times `other` to `input`, broadcasting.

    Parameters
    ----------
    input, other : Tensor, ndarray or number
        Operands of any shapes that broadcast.
    alpha : float, optional
        What `other` is multiplied with.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        The sum, of the broadcast shape.

    Raises
    ------
    RuntimeError
        If `alpha` is not an integer although the operands are.

    Examples
    --------
    >>> ad.add(ad.tensor([1.0, 2.0]), 1)
    tensor([2., 3.])
    """
    if out is not None:
        return written(out, add, input, other, alpha=alpha)
    return rows.add(input, other) if alpha == 1 else rows.add(input, _times(other, alpha, input, "add"))


def _times(other: Any, alpha: float, input: Any, name: str) -> Any:
    """Multiply an operand with a number that must not turn integers into floats."""
    if not isinstance(alpha, NUMBERS):
        raise TypeError(f"{name}: alpha must be a number, got {type(alpha).__name__}")
    x, y = operands(name, input, other)
    if x.dtype.kind != "f" and isinstance(alpha, (float, np.floating)):
        raise RuntimeError(f"{name}: alpha of integers must be an integer, got {alpha}")
    return mul(y, alpha if y.dtype.kind != "b" else bool(alpha))


def sub(input: Any, other: Any, *, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Subtract `alpha` times `other` from `input`, broadcasting; parameters as for `add`.

    Examples
    --------
    >>> ad.sub(ad.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    if out is not None:
        return written(out, sub, input, other, alpha=alpha)
    return rows.sub(input, other) if alpha == 1 else rows.sub(input, _times(other, alpha, input, "sub"))


def mul(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Multiply two tensors element by element, broadcasting.

    Examples
    --------
    >>> ad.mul(ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0]))
    tensor([3., 8.])
    """
    return rows.mul(input, other) if out is None else written(out, mul, input, other)


@named
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """Divide `input` by `other` element by element, broadcasting; integers give floats unless rounded.

    Parameters
    ----------
    input, other : Tensor, ndarray or number
    rounding_mode : {None, "trunc", "floor"}, optional
        Round the quotient towards zero, or down; the derivative is 0 then.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the rounding mode is none of these.

    Examples
    --------
    >>> ad.div(ad.tensor([1.0, 2.0]), 4)
    tensor([0.2500, 0.5000])
    >>> ad.div(ad.tensor([-7, 7]), 2, rounding_mode="trunc")
    tensor([-3,  3])
    """
    if out is not None:
        return written(out, div, input, other, rounding_mode=rounding_mode)
    if rounding_mode is None:
        return rows.div(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    x, y = operands("div", input, other)
    if "f" in (x.dtype.kind, y.dtype.kind):
        return rows.trunc_divide(x, y)
    down = floor_divide(x, y)
    return rows.add(down, to((down * y != x) & ((x < 0) ^ (y < 0)), down.dtype))


@named
def true_divide(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Divide; as `div` without rounding.

    Examples
    --------
    >>> ad.true_divide(ad.tensor([1, 2]), 4)
    tensor([0.2500, 0.5000])
    """
    if out is not None:
        return written(out, true_divide, input, other)
    return rows.div(input, other)


def floor_divide(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Divide and round down to the next integer. Its derivative is zero wherever it has one.

    Raises
    ------
    RuntimeError
        If an integer is divided by 0.

    Examples
    --------
    >>> ad.floor_divide(ad.tensor([7.0, -7.0]), 2)
    tensor([ 3., -4.])
    """
    if out is not None:
        return written(out, floor_divide, input, other)
    _refuse_zero(input, other, "floor_divide")
    return rows.floor_divide(input, other)


def _refuse_zero(dividend: Any, divisor: Any, name: str) -> None:
    """Refuse to divide integers by integers among which is 0; among floats it gives an infinity or NaN."""
    n, values = (x if isinstance(x, Node) else wrap(np.asarray(x)) for x in (dividend, divisor))
    if "f" not in (n._data.dtype.kind, values._data.dtype.kind) and not decided(lambda a: a.all(), values):
        raise RuntimeError(f"{name}: division of integers by zero")


def remainder(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Remainder of a division rounded down; it has the sign of `other`.

    Examples
    --------
    >>> ad.remainder(ad.tensor([7.0, -7.0]), 4)
    tensor([3., 1.])
    """
    if out is not None:
        return written(out, remainder, input, other)
    _refuse_zero(input, other, "remainder")
    return rows.remainder(input, other)


def neg(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Change the sign of each element.

    Examples
    --------
    >>> ad.neg(ad.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return rows.neg(input) if out is None else written(out, neg, input)


def clone(input: Any, *, memory_format: Any = None) -> Tensor:
    """Copy a tensor; the gradient flows on to the original.

    Examples
    --------
    >>> ad.clone(ad.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return rows.clone(input)


def to(
    input: Tensor,
    *target: Any,
    dtype: DTypeLike | None = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Convert a tensor to another dtype; the tensor itself where it has that dtype already.

    Parameters
    ----------
    input : Tensor
    *target : dtype, Tensor or "cpu"
        A dtype, which is boolean, integer or floating; a tensor whose dtype it is; or the one device, or both.
    dtype, device : optional
        The same by name.
    copy : bool, optional
        Whether to return a copy even where nothing changes.
    non_blocking, memory_format : optional
        For PyTorch's sake; without effect.

    Returns
    -------
    Tensor
        The gradient that flows back through it has the dtype of `input`.

    Raises
    ------
    TypeError
        If a tensor cannot hold the dtype.
    RuntimeError
        If another device than the CPU is asked for.

    Examples
    --------
    >>> ad.to(ad.tensor([1.7, 2.0]), ad.int64)
    tensor([1, 2])
    """
    input = tensor_of(input, "to")
    if len(target) == 1 and isinstance(target[0], (np.dtype, type)):  # by far the most frequent
        dtype = target[0]
    else:
        dtype = target_of("to", target, dtype, device)
        if dtype is None:
            return rows.clone(input) if copy else input
    wanted = dtypes.checked(dtype, "to")
    if input.dtype == wanted:
        return rows.clone(input) if copy else input
    if wanted.kind == "f" and input.dtype.kind == "f":
        return rows.cast(input, dtype=wanted)
    return comparison.convert(input, dtype=wanted)


def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """Raise `input` to the power `exponent`, element by element, broadcasting.

    Parameters
    ----------
    input, exponent : Tensor, ndarray or number
        At least one Tensor. A number as exponent costs less than a tensor.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        The power, of the broadcast shape. Where the base is 0, the derivative with respect to an exponent that is
        not negative is 0.

    Examples
    --------
    >>> ad.pow(ad.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if out is not None:
        return written(out, pow, input, exponent)
    if isinstance(exponent, NUMBERS) and isinstance(input, Node) and input._data.dtype.kind != "b":
        n = exponent.item() if isinstance(exponent, np.generic) else exponent
        return rows.power(input, n=n)
    if isinstance(input, Node) or isinstance(exponent, Node):
        x, p = lift("pow", (input, exponent))
        if "f" not in (x._data.dtype.kind, p._data.dtype.kind):
            return _integer_power(*operands("pow", x, p))
    return rows.pow(input, exponent)


def _integer_power(x: Any, n: Any) -> Tensor:
    """Return a power of booleans or integers."""
    if x.dtype.kind == "b":
        return comparison.bitwise_or(x, comparison.bitwise_not(n))
    is_negative = n.dtype.kind == "i" and decided(lambda a: (a < 0).any(), n)
    return comparison.integer_power(x, n) if is_negative else rows.pow(x, n)


@named
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """Raise `input` to the power `exponent` in float64, whatever the dtypes.

    Examples
    --------
    >>> ad.float_power(ad.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=float64)
    """
    if out is not None:
        return written(out, float_power, input, exponent)
    x, n = (
        to(tensor_of(v, "float_power"), np.float64) if isinstance(v, (Node, np.ndarray)) else v
        for v in (input, exponent)
    )
    return pow(x, n)


def square(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Square of each element.

    Examples
    --------
    >>> ad.square(ad.tensor([-1.0, 3.0]))
    tensor([1., 9.])
    """
    return pow(tensor_of(input, "square"), 2) if out is None else written(out, square, input)


def reciprocal(input: Any, *, out: Tensor | None = None) -> Tensor:
    """One over each element.

    Examples
    --------
    >>> ad.reciprocal(ad.tensor([0.5, 4.0]))
    tensor([2.0000, 0.2500])
    """
    return rows.reciprocal(input) if out is None else written(out, reciprocal, input)


# -- arithmetic of three -----------------------------------------------------------------------------------------------


@named
def lerp(input: Any, end: Any, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """Go from `input` towards `end` by the fraction `weight`, broadcasting: input + weight (end - input).

    Examples
    --------
    >>> ad.lerp(ad.tensor([0.0, 10.0]), ad.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """
    if out is not None:
        return written(out, lerp, input, end, weight)
    x, y, w = operands("lerp", input, end, weight)
    far = comparison.ge(w, 0.5)  # from the nearer end, so that a weight of 1 gives the other one to the last digit
    return rows.add(where(far, y, x), (w - far) * rows.sub(y, x))


@named
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1, out: Tensor | None = None) -> Tensor:
    """Add `value` times the product of two tensors to a third, broadcasting.

    Examples
    --------
    >>> ad.addcmul(ad.tensor([1.0]), ad.tensor([2.0]), ad.tensor([3.0]), value=0.5)
    tensor([4.])
    """
    if out is not None:
        return written(out, addcmul, input, tensor1, tensor2, value=value)
    x, a, b = operands("addcmul", input, tensor1, tensor2)
    return rows.addcmul(x, a, b) if value == 1 else add(x, mul(a, b), alpha=value)


@named
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1, out: Tensor | None = None) -> Tensor:
    """Add `value` times the quotient of two tensors to a third, broadcasting.

    Examples
    --------
    >>> ad.addcdiv(ad.tensor([1.0]), ad.tensor([2.0]), ad.tensor([4.0]), value=2)
    tensor([2.])
    """
    if out is not None:
        return written(out, addcdiv, input, tensor1, tensor2, value=value)
    x, a, b = operands("addcdiv", input, tensor1, tensor2)
    return add(x, rows.div(a, b), alpha=value)


# -- activations -------------------------------------------------------------------------------------------------------


def sigmoid(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Logistic function 1 / (1 + exp(-x)) of each element, between 0 and 1, without overflow for any x.

    Examples
    --------
    >>> ad.sigmoid(ad.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """
    return rows.sigmoid(input) if out is None else written(out, sigmoid, input)


def relu(input: Any) -> Tensor:
    """Rectified linear unit: max(x, 0) of each element, with derivative 0 at 0.

    Examples
    --------
    >>> ad.relu(ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """
    return rows.relu(input)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Leaky rectified linear unit: x where x > 0, `negative_slope` times x elsewhere.

    Parameters
    ----------
    input : Tensor
        Of any shape.
    negative_slope : float, optional
        The slope at and below 0.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Examples
    --------
    >>> ad.leaky_relu(ad.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """
    return rows.leaky_relu(input, slope=negative_slope)


def gelu(input: Any) -> Tensor:
    """Gaussian error linear unit: x times the probability that a standard normal number is below x.

    Examples
    --------
    >>> ad.gelu(ad.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.
    """
    return rows.gelu(input)


def silu(input: Any) -> Tensor:
    """Sigmoid linear unit, also called swish: x times its logistic function.

    Examples
    --------
    >>> ad.silu(ad.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.
    """
    return rows.silu(input)


def softplus(input: Any) -> Tensor:
    """Smooth maximum of x and 0: log(1 + exp(x)) of each element, without overflow for any x.

    Examples
    --------
    >>> ad.softplus(ad.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    return rows.softplus(input)


@named
def binary_cross_entropy_with_logits(input: Any, target: Any) -> Tensor:
    """Binary cross entropy of each logit and its target: -t log σ(x) - (1 - t) log(1 - σ(x)), for any x.

    `nn.functional.binary_cross_entropy_with_logits` weighs and reduces it.

    Examples
    --------
    >>> ad.binary_cross_entropy_with_logits(ad.tensor([500.0, 0.0]), ad.tensor([1.0, 0.0]))
    tensor([0.0000, 0.6931])
    """
    return rows.bce(input, target)


# -- kinks and choices -------------------------------------------------------------------------------------------------


def sign(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Sign of each element: -1, 0 or 1; that of NaN is 0. Its derivative is 0.

    Examples
    --------
    >>> ad.sign(ad.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    return rows.sign(input) if out is None else written(out, sign, input)


def step(input: Any) -> Tensor:
    """Binary step: 1 where an element is at least 0, 0 elsewhere, also at NaN. Its derivative is 0.

    Examples
    --------
    >>> ad.step(ad.tensor([-3.0, 0.0, 2.0]))
    tensor([0., 1., 1.])
    """
    return rows.step(input)


def floor(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Largest integer that is not above each element. Its derivative is 0.

    Examples
    --------
    >>> ad.floor(ad.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """
    return rows.floor(input) if out is None else written(out, floor, input)


def ceil(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Smallest integer that is not below each element. Its derivative is 0.

    Examples
    --------
    >>> ad.ceil(ad.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """
    return rows.ceil(input) if out is None else written(out, ceil, input)


def trunc(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Cut off the decimals of each element: round towards zero. Its derivative is 0.

    Examples
    --------
    >>> ad.trunc(ad.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """
    return rows.trunc(input) if out is None else written(out, trunc, input)


def round(input: Any, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Round each element to the nearest number of so many decimals, halves to the even one. Its derivative is 0.

    Examples
    --------
    >>> ad.round(ad.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    return (
        rows.round(tensor_of(input, "round"), decimals=integer(decimals, "round", "decimals"))
        if out is None
        else written(out, round, input, decimals=decimals)
    )


def frac(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Decimals of each element, with its sign: x - trunc(x).

    Examples
    --------
    >>> ad.frac(ad.tensor([-1.5, 1.25]))
    tensor([-0.5000,  0.2500])
    """
    return rows.frac(input) if out is None else written(out, frac, input)


def abs(input: Any, *, out: Tensor | None = None) -> Tensor:
    """Absolute value of each element, with derivative 0 at 0.

    Examples
    --------
    >>> ad.abs(ad.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """
    return rows.abs(input) if out is None else written(out, abs, input)


def maximum(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Larger of two elements, broadcasting; equal ones share the gradient in halves.

    Examples
    --------
    >>> ad.maximum(ad.tensor([1.0, 5.0]), ad.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """
    return rows.maximum(input, other) if out is None else written(out, maximum, input, other)


def minimum(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Smaller of two elements, broadcasting; equal ones share the gradient in halves.

    Examples
    --------
    >>> ad.minimum(ad.tensor([1.0, 5.0]), ad.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """
    return rows.minimum(input, other) if out is None else written(out, minimum, input, other)


def clamp(input: Any, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Limit each element to lie between `min` and `max`; the gradient passes at the limits and between them.

    Parameters
    ----------
    input : Tensor
    min, max : Tensor, ndarray or number, optional
        At least one of them. Where `min` is above `max`, the result is `max`.
    out : Tensor, optional
        Where the result is written.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    RuntimeError
        If there is no limit.

    Examples
    --------
    >>> ad.clamp(ad.tensor([-1.0, 0.5, 2.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _limit(input, min, max, "clamp") if out is None else written(out, clamp, input, min, max)


def _limit(input: Any, min: Any, max: Any, name: str) -> Tensor:
    x = tensor_of(input, name)
    if min is None and max is None:
        raise RuntimeError(f"{name}: needs min or max")
    x, *bounds = operands(name, x, *(bound for bound in (min, max) if bound is not None))
    if x.dtype.kind == "f":
        ends = (-np.inf, np.inf)
    else:
        ends = (False, True) if x.dtype.kind == "b" else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    low, high = (bounds.pop(0) if bound is not None else end for bound, end in zip((min, max), ends, strict=True))
    return rows.clamp(x, low, high)


@named
def clamp_min(input: Any, min: Any, *, out: Tensor | None = None) -> Tensor:
    """Raise each element to at least `min`; see `clamp`.

    Examples
    --------
    >>> ad.clamp_min(ad.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    if out is not None:
        return written(out, clamp_min, input, min)
    return _limit(input, min, None, "clamp_min")


@named
def clamp_max(input: Any, max: Any, *, out: Tensor | None = None) -> Tensor:
    """Lower each element to at most `max`; see `clamp`.

    Examples
    --------
    >>> ad.clamp_max(ad.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    if out is not None:
        return written(out, clamp_max, input, max)
    return _limit(input, None, max, "clamp_max")


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere, broadcasting.

    Parameters
    ----------
    condition : Tensor or ndarray of bool
        One of uint8 holds where it is not 0, with a warning.
    input, other : Tensor, ndarray or number, optional
        Both or none. Without them the result is a tuple of the positions, one tensor for each dimension, at which
        the condition holds or is not 0.

    Returns
    -------
    Tensor
        Of the shape to which all three broadcast.

    Raises
    ------
    TypeError
        If the condition is not boolean.

    Examples
    --------
    >>> x = ad.tensor([-1.0, 2.0])
    >>> ad.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        cure = "its shape depends on data; use where(condition, a, b)"
        holds = values(tensor_of(condition, "where"), "where with one argument", cure)
        return tuple(wrap(at) for at in np.nonzero(np.atleast_1d(holds)))
    mask: Any = condition if isinstance(condition, Node) else wrap(np.asarray(condition))
    if mask.dtype == np.uint8:  # what comparisons gave before there were booleans
        warnings.warn("where: the condition is uint8; pass a boolean one", UserWarning, stacklevel=2)
        mask = mask != 0
    if mask.dtype != np.bool:
        raise TypeRuntimeError(f"where: the condition must be boolean, not {mask.dtype}")
    known = any(isinstance(x, (Node, np.ndarray)) for x in (input, other))
    choices = lift("where", (input, other) if known else (mask, input, other))[-2:]
    return rows.where(mask, *operands("where", *choices))
