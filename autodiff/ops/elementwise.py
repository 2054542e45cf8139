"""Derivatives of functions that act on each element alone, arithmetic first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import DTypeLike

from .. import dtypes
from ..graph import Node
from ..primitive import NUMBERS, lift, primitive, wrap
from ._arguments import integer, named, operands, tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = [
    "abs", "add", "addcdiv", "addcmul", "binary_cross_entropy_with_logits", "ceil", "clamp", "clamp_max", "clamp_min",
    "clone", "div", "float_power", "floor", "floor_divide", "frac", "leaky_relu", "lerp", "maximum", "minimum", "mul",
    "neg", "pow", "reciprocal", "relu", "remainder", "round", "sigmoid", "sign", "silu", "softplus", "square", "step",
    "sub", "to", "true_divide", "trunc", "where",
]  # fmt: skip

Array = Any  # an ndarray, a NumPy scalar, or a Tensor where a rule is itself recorded


# -- arithmetic --------------------------------------------------------------------------------------------------------


@primitive(symbol="+", input=lambda g: g, other=lambda g: g)
def _add(input: Array, other: Array) -> Array:
    return input + other


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Add `alpha` times `other` to `input`, broadcasting.

    Parameters
    ----------
    input, other : Tensor, ndarray or number
        Operands of any shapes that broadcast.
    alpha : float, optional
        What `other` is multiplied with.

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
    return _add(input, other) if alpha == 1 else _add(input, _times(other, alpha, input, "add"))


def _times(other: Any, alpha: float, input: Any, name: str) -> Any:
    """Multiply an operand with a number that must not turn integers into floats."""
    if not isinstance(alpha, NUMBERS):
        raise TypeError(f"{name}: alpha must be a number, got {type(alpha).__name__}")
    x, y = operands(name, input, other)
    if x.dtype.kind != "f" and isinstance(alpha, (float, np.floating)):
        raise RuntimeError(f"{name}: alpha of integers must be an integer, got {alpha}")
    return mul(y, alpha)


@primitive(symbol="−", input=lambda g: g, other=lambda g: -g)
def _sub(input: Array, other: Array) -> Array:
    return input - other


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """Subtract `alpha` times `other` from `input`, broadcasting; parameters as for `add`.

    Examples
    --------
    >>> ad.sub(ad.tensor([1.0, 2.0]), 1)
    tensor([0., 1.])
    """
    return _sub(input, other) if alpha == 1 else _sub(input, _times(other, alpha, input, "sub"))


@primitive(symbol="×", input=lambda g, other: g * other, other=lambda g, input: g * input)
def mul(input: Array, other: Array) -> Array:
    """Multiply two tensors element by element, broadcasting.

    Examples
    --------
    >>> ad.mul(ad.tensor([1.0, 2.0]), ad.tensor([3.0, 4.0]))
    tensor([3., 8.])
    """
    return input * other


@primitive(symbol="÷", input=lambda g, other: g / other, other=lambda g, y, other: -g * y / other)
def _div(input: Array, other: Array) -> Array:
    return input / other


@named
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """Divide `input` by `other` element by element, broadcasting; integers give floats unless rounded.

    Parameters
    ----------
    input, other : Tensor, ndarray or number
    rounding_mode : {None, "trunc", "floor"}, optional
        Round the quotient towards zero, or down; the derivative is 0 then.

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
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    x, y = operands("div", input, other)
    if "f" in (x.dtype.kind, y.dtype.kind):
        return _trunc_divide(x, y)
    down = floor_divide(x, y)
    return _add(down, to((down * y != x) & ((x < 0) ^ (y < 0)), down.dtype))


@primitive(symbol="÷", input=lambda g: np.zeros_like(g), other=lambda g: np.zeros_like(g))
def _trunc_divide(input: Array, other: Array) -> Array:
    return np.trunc(input / other)


@named
def true_divide(input: Any, other: Any) -> Tensor:
    """Divide; as `div` without rounding.

    Examples
    --------
    >>> ad.true_divide(ad.tensor([1, 2]), 4)
    tensor([0.2500, 0.5000])
    """
    return _div(input, other)


@primitive(symbol="⌊÷⌋", input=lambda g: np.zeros_like(g), other=lambda g: np.zeros_like(g))
def floor_divide(input: Array, other: Array) -> Array:
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
    with _integers_by_zero(other):
        return input // other


def _integers_by_zero(other: Array) -> np.errstate:
    """Let NumPy raise where it would divide integers by 0 and give 0; of floats it gives an infinity or NaN."""
    return np.errstate(divide="raise") if other.dtype.kind != "f" else np.errstate()


@primitive(symbol="mod", input=lambda g: g, other=lambda g, input, other: -g * np.floor(input / other))
def remainder(input: Array, other: Array) -> Array:
    """Remainder of a division rounded down; it has the sign of `other`.

    Examples
    --------
    >>> ad.remainder(ad.tensor([7.0, -7.0]), 4)
    tensor([3., 1.])
    """
    with _integers_by_zero(other):
        return input % other


@primitive(symbol="−", input=lambda g: -g)
def neg(input: Array) -> Array:
    """Change the sign of each element.

    Examples
    --------
    >>> ad.neg(ad.tensor([1.0, -2.0]))
    tensor([-1.,  2.])
    """
    return -input


@primitive(symbol="copy", input=lambda g: g)
def clone(input: Array) -> Array:
    """Copy a tensor; the gradient flows on to the original.

    Examples
    --------
    >>> ad.clone(ad.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return input.copy()


@primitive(symbol="dtype", input=lambda g: g)  # the engine gives a gradient the dtype of its input
def _cast(input: Array, *, dtype: np.dtype[Any]) -> Array:
    return input.astype(dtype)


def to(input: Tensor, dtype: DTypeLike) -> Tensor:
    """Convert a tensor to another dtype; the tensor itself where it has that dtype already.

    Parameters
    ----------
    input : Tensor
    dtype : dtype
        Boolean, integer or floating.

    Returns
    -------
    Tensor
        The gradient that flows back through it has the dtype of `input`.

    Raises
    ------
    TypeError
        If a tensor cannot hold the dtype.

    Examples
    --------
    >>> ad.to(ad.tensor([1.7, 2.0]), ad.int64)
    tensor([1, 2])
    """
    input, wanted = tensor_of(input, "to"), dtypes.checked(dtype, "to")
    if input.dtype == wanted:
        return input
    if wanted.kind == "f" and input.dtype.kind == "f":
        return _cast(input, dtype=wanted)
    return wrap(input._data.astype(wanted))  # type: ignore[no-any-return]  # wrap returns a Tensor


def _power_slope(x: Array, n: float) -> Array:
    if n == 2:
        return 2 * x
    return n * _to_the(x, n - 1) if n else np.zeros_like(x)


def _to_the(x: Array, n: float) -> Array:
    return 1 / np.sqrt(x) if n == -0.5 else x**n  # as x**0.5 is a square root: they differ at -0 and -inf


@primitive(symbol="pow", input=lambda g, input, n: g * _power_slope(input, n))
def _power(input: Array, *, n: float) -> Array:
    return _to_the(input, n)


@primitive(
    symbol="pow",
    input=lambda g, input, exponent: np.where(exponent == 0, 0, g * exponent * input ** (exponent - 1)),
    exponent=lambda g, y, input, exponent: g * y * np.log(_one_where((input == 0) & (exponent >= 0), input, exponent)),
)
def _pow(input: Array, exponent: Array) -> Array:
    if input.dtype.kind == exponent.dtype.kind == "b":
        return input | ~exponent
    return input**exponent


def _one_where(condition: Array, x: Array, like: Array) -> Array:
    """Replace elements by 1, and booleans, whose functions are coarse in NumPy, by numbers of the dtype of `like`."""
    return np.where(condition, np.ones_like(like), x)


def pow(input: Any, exponent: Any) -> Tensor:
    """Raise `input` to the power `exponent`, element by element, broadcasting.

    Parameters
    ----------
    input, exponent : Tensor, ndarray or number
        At least one Tensor. A number as exponent costs less than a tensor.

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
    if isinstance(exponent, NUMBERS) and isinstance(input, Node) and input._data.dtype.kind != "b":
        n = exponent.item() if isinstance(exponent, np.generic) else exponent
        return _power(input, n=n)
    return _pow(input, exponent)


@named
def float_power(input: Any, exponent: Any) -> Tensor:
    """Raise `input` to the power `exponent` in float64, whatever the dtypes.

    Examples
    --------
    >>> ad.float_power(ad.tensor([2, 3]), -1)
    tensor([0.5000, 0.3333], dtype=float64)
    """
    x, n = operands("float_power", input, exponent)
    return pow(to(x, np.float64), to(n, np.float64) if isinstance(exponent, (Node, np.ndarray)) else exponent)


def square(input: Any) -> Tensor:
    """Square of each element.

    Examples
    --------
    >>> ad.square(ad.tensor([-1.0, 3.0]))
    tensor([1., 9.])
    """
    return pow(tensor_of(input, "square"), 2)


@primitive(symbol="1/", input=lambda g, y: -g * y * y)
def reciprocal(input: Array) -> Array:
    """One over each element.

    Examples
    --------
    >>> ad.reciprocal(ad.tensor([0.5, 4.0]))
    tensor([2.0000, 0.2500])
    """
    return 1 / input


# -- arithmetic of three -----------------------------------------------------------------------------------------------


@named
def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    """Go from `input` towards `end` by the fraction `weight`, broadcasting: input + weight (end - input).

    Examples
    --------
    >>> ad.lerp(ad.tensor([0.0, 10.0]), ad.tensor([1.0, 20.0]), 0.5)
    tensor([ 0.5000, 15.0000])
    """
    x, y, w = operands("lerp", input, end, weight)
    return _add(x, w * _sub(y, x))


@primitive(
    symbol="+×",
    input=lambda g: g,
    tensor1=lambda g, tensor2: g * tensor2,
    tensor2=lambda g, tensor1: g * tensor1,
)
def _addcmul(input: Array, tensor1: Array, tensor2: Array) -> Array:
    y = tensor1 * tensor2
    try:
        y += input
    except ValueError:  # what is added broadcasts the product
        y = y + input
    return y


@named
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """Add `value` times the product of two tensors to a third, broadcasting.

    Examples
    --------
    >>> ad.addcmul(ad.tensor([1.0]), ad.tensor([2.0]), ad.tensor([3.0]), value=0.5)
    tensor([4.])
    """
    x, a, b = operands("addcmul", input, tensor1, tensor2)
    return _addcmul(x, a, b) if value == 1 else add(x, mul(a, b), alpha=value)


@named
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """Add `value` times the quotient of two tensors to a third, broadcasting.

    Examples
    --------
    >>> ad.addcdiv(ad.tensor([1.0]), ad.tensor([2.0]), ad.tensor([4.0]), value=2)
    tensor([2.])
    """
    x, a, b = operands("addcdiv", input, tensor1, tensor2)
    return add(x, _div(a, b), alpha=value)


# -- activations -------------------------------------------------------------------------------------------------------


@np.errstate(over="ignore")  # exp(-x) = inf gives the limit, 0
def _logistic(x: Array) -> Array:
    if x.dtype.kind in "bu":  # which cannot be negative
        x = x.astype(np.float64)
    return 1 / (1 + np.exp(-x))


def _logistic_slope(y: Array) -> Array:
    slope = 1 - y
    slope *= y  # in place, on arrays
    return slope


@primitive(symbol="σ", input=lambda g, y: g * _logistic_slope(y))
def sigmoid(input: Array) -> Array:
    """Logistic function 1 / (1 + exp(-x)) of each element, between 0 and 1, without overflow for any x.

    Examples
    --------
    >>> ad.sigmoid(ad.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """
    return _logistic(input)


def _masked(g: Array, mask: Array) -> Array:
    """Return g where the mask holds, else 0: by a product, eight times as fast as `where`, unless g is infinite."""
    if isinstance(g, np.ndarray):
        product = g * mask
        if not np.isnan(np.add.reduce(product, axis=None)):
            return product
    return np.where(mask, g, 0)


@primitive(called="relu", input=lambda g, y: _masked(g, ~(y <= 0)))
def relu(input: Array) -> Array:
    """Rectified linear unit: max(x, 0) of each element, with derivative 0 at 0.

    Examples
    --------
    >>> ad.relu(ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """
    return np.maximum(input, 0)


def _leaky_slope(g: Array, x: Array, slope: float) -> Array:
    if isinstance(g, np.ndarray) and g.ndim and 0 <= slope <= 1:
        slopes = (x > 0).astype(g.dtype)  # so, all in one dtype, it takes a tenth of the time of `where`
        np.maximum(slopes, slope, out=slopes)
        slopes *= g
        return slopes
    return np.where(x > 0, g, g * slope)


@primitive(called="leaky_relu", input=lambda g, input, slope: _leaky_slope(g, input, slope))
def _leaky_relu(input: Array, *, slope: float) -> Array:
    below = input * slope
    if 0 < slope <= 1:
        return np.maximum(input, below, out=below if below.ndim else None)
    return np.where(input > 0, input, below)


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
    return _leaky_relu(input, slope=negative_slope)


def _sigma(x: Array) -> Array:
    """The logistic function for rules, while which NumPy is silent anyway."""
    return sigmoid(x) if isinstance(x, Node) else 1 / (1 + np.exp(-x))


def _silu_slope(x: Array) -> Array:
    s = _sigma(x)
    return s * (1 + x * (1 - s))


@primitive(input=lambda g, input: g * _silu_slope(input))
def silu(input: Array) -> Array:
    """Sigmoid linear unit, also called swish: x times its logistic function.

    Examples
    --------
    >>> ad.silu(ad.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.
    """
    return input * _logistic(input)


@primitive(input=lambda g, input: g * _sigma(input))
def softplus(input: Array) -> Array:
    """Smooth maximum of x and 0: log(1 + exp(x)) of each element, without overflow for any x.

    Examples
    --------
    >>> ad.softplus(ad.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    return np.maximum(input, 0) + np.log1p(np.exp(-np.abs(input)))


@primitive(
    symbol="BCE",
    called="BCE",
    input=lambda g, input, target: g * (_sigma(input) - target),
    target=lambda g, input: -g * input,
)
def _bce(input: Array, target: Array) -> Array:
    # log(1 + exp(-x)) + (1 - t) x: in this form nothing cancels where a large logit is right
    return np.log1p(np.exp(-np.abs(input))) - np.minimum(input, 0) + (1 - target) * input


@named
def binary_cross_entropy_with_logits(input: Any, target: Any) -> Tensor:
    """Binary cross entropy of each logit and its target: -t log σ(x) - (1 - t) log(1 - σ(x)), for any x.

    `nn.functional.binary_cross_entropy_with_logits` weighs and reduces it.

    Examples
    --------
    >>> ad.binary_cross_entropy_with_logits(ad.tensor([500.0, 0.0]), ad.tensor([1.0, 0.0]))
    tensor([0.0000, 0.6931])
    """
    return _bce(input, target)


# -- kinks and choices -------------------------------------------------------------------------------------------------


@primitive(input=lambda g: np.zeros_like(g))
def sign(input: Array) -> Array:
    """Sign of each element: -1, 0 or 1; that of NaN is 0. Its derivative is 0.

    Examples
    --------
    >>> ad.sign(ad.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    if input.dtype.kind != "f":
        return np.sign(input) if input.dtype != np.bool else input.copy()
    return np.subtract(input > 0, input < 0, dtype=np.int8).astype(input.dtype)


@primitive(called="step", input=lambda g: np.zeros_like(g))
def step(input: Array) -> Array:
    """Binary step: 1 where an element is at least 0, 0 elsewhere, also at NaN. Its derivative is 0.

    Examples
    --------
    >>> ad.step(ad.tensor([-3.0, 0.0, 2.0]))
    tensor([0., 1., 1.])
    """
    return (input >= 0).astype(input.dtype)


@primitive(input=lambda g: np.zeros_like(g))
def floor(input: Array) -> Array:
    """Largest integer that is not above each element. Its derivative is 0.

    Examples
    --------
    >>> ad.floor(ad.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """
    return np.floor(input)


@primitive(input=lambda g: np.zeros_like(g))
def ceil(input: Array) -> Array:
    """Smallest integer that is not below each element. Its derivative is 0.

    Examples
    --------
    >>> ad.ceil(ad.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """
    return np.ceil(input)


@primitive(input=lambda g: np.zeros_like(g))
def trunc(input: Array) -> Array:
    """Cut off the decimals of each element: round towards zero. Its derivative is 0.

    Examples
    --------
    >>> ad.trunc(ad.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """
    return np.trunc(input)


@primitive(input=lambda g: np.zeros_like(g))
def _round(input: Array, *, decimals: int) -> Array:
    return np.round(input, decimals)


def round(input: Any, *, decimals: int = 0) -> Tensor:
    """Round each element to the nearest number of so many decimals, halves to the even one. Its derivative is 0.

    Examples
    --------
    >>> ad.round(ad.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    """
    return _round(tensor_of(input, "round"), decimals=integer(decimals, "round", "decimals"))


@primitive(input=lambda g: g)
def frac(input: Array) -> Array:
    """Decimals of each element, with its sign: x - trunc(x).

    Examples
    --------
    >>> ad.frac(ad.tensor([-1.5, 1.25]))
    tensor([-0.5000,  0.2500])
    """
    return input - np.trunc(input)


@primitive(symbol="|·|", input=lambda g, input: g * sign(input))
def abs(input: Array) -> Array:
    """Absolute value of each element, with derivative 0 at 0.

    Examples
    --------
    >>> ad.abs(ad.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """
    return np.abs(input)


def _won(g: Array, lost: Array, tied: Array) -> Array:
    return np.where(lost, 0, np.where(tied, g / 2, g))


@primitive(
    symbol="max",
    input=lambda g, input, other: _won(g, input < other, input == other),
    other=lambda g, input, other: _won(g, input > other, input == other),
)
def maximum(input: Array, other: Array) -> Array:
    """Larger of two elements, broadcasting; equal ones share the gradient in halves.

    Examples
    --------
    >>> ad.maximum(ad.tensor([1.0, 5.0]), ad.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """
    return np.maximum(input, other)


@primitive(
    symbol="min",
    input=lambda g, input, other: _won(g, input > other, input == other),
    other=lambda g, input, other: _won(g, input < other, input == other),
)
def minimum(input: Array, other: Array) -> Array:
    """Smaller of two elements, broadcasting; equal ones share the gradient in halves.

    Examples
    --------
    >>> ad.minimum(ad.tensor([1.0, 5.0]), ad.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """
    return np.minimum(input, other)


@primitive(
    input=lambda g, input, min, max: np.where((input >= min) & (input <= max), g, 0),
    min=lambda g, input, min, max: np.where((input < min) & (min < max), g, 0),
    max=lambda g, input, min, max: np.where((input > max) | (max < min), g, 0),
)
def _clamp(input: Array, min: Array, max: Array) -> Array:
    return np.minimum(np.maximum(input, min), max)


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """Limit each element to lie between `min` and `max`; the gradient passes at the limits and between them.

    Parameters
    ----------
    input : Tensor
    min, max : Tensor, ndarray or number, optional
        At least one of them. Where `min` is above `max`, the result is `max`.

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
    return _limited(input, min, max, "clamp")


def _limited(input: Any, min: Any, max: Any, name: str) -> Tensor:
    x = tensor_of(input, name)
    if min is None and max is None:
        raise RuntimeError(f"{name}: needs min or max")
    x, *bounds = operands(name, x, *(bound for bound in (min, max) if bound is not None))
    if x.dtype.kind == "f":
        ends = (-np.inf, np.inf)
    else:
        ends = (False, True) if x.dtype.kind == "b" else (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    low, high = (bounds.pop(0) if bound is not None else end for bound, end in zip((min, max), ends, strict=True))
    return _clamp(x, low, high)


@named
def clamp_min(input: Any, min: Any) -> Tensor:
    """Raise each element to at least `min`; see `clamp`.

    Examples
    --------
    >>> ad.clamp_min(ad.tensor([-1.0, 2.0]), 0)
    tensor([0., 2.])
    """
    return _limited(input, min, None, "clamp_min")


@named
def clamp_max(input: Any, max: Any) -> Tensor:
    """Lower each element to at most `max`; see `clamp`.

    Examples
    --------
    >>> ad.clamp_max(ad.tensor([-1.0, 2.0]), 0)
    tensor([-1.,  0.])
    """
    return _limited(input, None, max, "clamp_max")


@primitive(
    input=lambda g, condition: np.where(condition, g, 0),
    other=lambda g, condition: np.where(condition, 0, g),
)
def _where(condition: Array, input: Array, other: Array) -> Array:
    if condition.dtype != np.bool:
        raise TypeError(f"the condition must be boolean, not {condition.dtype}")
    return np.where(condition, *dtypes.met(input, other))


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere, broadcasting.

    Parameters
    ----------
    condition : Tensor or ndarray of bool
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
        return tuple(wrap(at) for at in np.nonzero(np.atleast_1d(tensor_of(condition, "where")._data)))
    if any(isinstance(x, (Node, np.ndarray)) for x in (input, other)):
        input, other = lift("where", (input, other))
    return _where(condition, input, other)
