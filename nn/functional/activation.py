"""Activation functions: of each element alone, or of all along a dimension.

With `inplace=True`, where PyTorch takes that, the result is put in the input's own memory, and the input is returned.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor, default_generator, sigmoid, tanh
from autodiff.functions.arguments import floats_of, tensor_of
from autodiff.functions.in_place import change
from autodiff.tensor import from_array
from autodiff.tracing import decided, noted

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6",
    "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "step", "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip


def _checked_numbers(value: Any, name: str) -> Tensor:
    """Return a tensor of floats or integers; refuse anything else."""
    x = tensor_of(value, name)
    if x.dtype.kind == "b":
        raise RuntimeError(f"{name}: expected numbers, got {x.dtype}")
    return x


# -- rectifiers --------------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Rectified linear unit: max(x, 0).

    Examples
    --------
    >>> F.relu(ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """
    if inplace:
        return change(_checked_numbers(input, "relu"), "relu_", ad.relu)  # type: ignore[no-any-return]  # the input
    return ad.relu(_checked_numbers(input, "relu"))


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Leaky rectified linear unit: x where x > 0, `negative_slope` times x elsewhere.

    Examples
    --------
    >>> F.leaky_relu(ad.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """
    if inplace:
        return change(floats_of(input, "leaky_relu"), "leaky_relu_", leaky_relu, negative_slope)  # type: ignore[no-any-return]  # the input
    return ad.leaky_relu(floats_of(input, "leaky_relu"), negative_slope)


def rrelu(
    input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """Leaky rectified linear unit whose slope is drawn between two for each element; else it is their mean.

    Examples
    --------
    >>> F.rrelu(ad.tensor([-1.0, 2.0]), 0.1, 0.3)
    tensor([-0.2000,  2.0000])

    References
    ----------
    Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional network", arXiv:1505.00853.
    """
    x = floats_of(input, "rrelu")
    if not training:
        return leaky_relu(x, (lower + upper) / 2, inplace)
    if inplace:
        return change(x, "rrelu_", rrelu, lower, upper, True)  # type: ignore[no-any-return]  # the input
    drawn = from_array(noted(lambda: default_generator().uniform(lower, upper, x.shape).astype(x.dtype)))
    return x.clamp_min(0) + drawn * x.clamp_max(0)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky rectified linear unit with a learned slope.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, ...), or any shape for a single slope.
    weight : Tensor
        The slopes below 0, of shape (1,) or (C,).

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If there is neither one slope nor one per channel.

    Examples
    --------
    >>> F.prelu(ad.tensor([[-1.0, -1.0]]), ad.tensor([0.1, 0.2]))
    tensor([[-0.1000, -0.2000]])

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    x, w = floats_of(input, "prelu"), floats_of(weight, "prelu")
    channels = 1 if x.ndim < 2 else x.shape[1]
    if w.ndim > 1 or (w.numel() not in (1, channels)) or w.dtype != x.dtype:
        raise RuntimeError(
            f"prelu: an input of shape {x.shape} and dtype {x.dtype} needs 1 or {channels} slopes of that dtype, "
            f"got {w.dtype} of shape {w.shape}"
        )
    if w.numel() != 1:
        w = w.reshape((1, -1) + (1,) * (x.ndim - 2))
    return ad.where(x > 0, x, x * (w.reshape(()) if w.numel() == 1 else w))


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Keep x where it is above `threshold`, put `value` elsewhere.

    Examples
    --------
    >>> F.threshold(ad.tensor([-1.0, 2.0]), 0.5, 7.0)
    tensor([7., 2.])
    """
    if inplace:
        return change(_checked_numbers(input, "threshold"), "threshold_", _threshold, threshold, value)  # type: ignore[no-any-return]  # the input
    x = _checked_numbers(input, "threshold")
    return ad.where(x <= threshold, value, x)


_threshold = threshold  # whose first option has its name


def step(input: Tensor) -> Tensor:
    """Binary step: 1 where x is at least 0, and 0 elsewhere. Its gradient is 0; see `nn.Step`.

    Examples
    --------
    >>> F.step(ad.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 1., 1.])
    """
    return ad.step(floats_of(input, "step"))


# -- exponential and smooth units --------------------------------------------------------------------------------------


def _negative_part(x: Tensor) -> Tensor:
    """Return x where it is negative, and 0 elsewhere, so that exponentials do not overflow."""
    return ad.where(x > 0, 0, x)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Exponential linear unit: x where x > 0, alpha · (exp(x) - 1) elsewhere.

    Examples
    --------
    >>> F.elu(ad.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.
    """
    if inplace:
        return change(floats_of(input, "elu"), "elu_", elu, alpha)  # type: ignore[no-any-return]  # the input
    x = floats_of(input, "elu")
    return ad.where(x > 0, x, alpha * ad.expm1(_negative_part(x)))


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Continuously differentiable exponential linear unit: x where x > 0, alpha · (exp(x / alpha) - 1) elsewhere.

    Raises
    ------
    RuntimeError
        If `alpha` is 0.

    Examples
    --------
    >>> F.celu(ad.tensor([-1.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  2.0000])

    References
    ----------
    Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483.
    """
    if inplace:
        return change(floats_of(input, "celu"), "celu_", celu, alpha)  # type: ignore[no-any-return]  # the input
    if not alpha:
        raise RuntimeError("celu: alpha must not be 0")
    x = floats_of(input, "celu")
    return ad.where(x > 0, x, alpha * ad.expm1(_negative_part(x) / alpha))


_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # the fixed point of mean 0 and variance 1


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Self-normalizing exponential linear unit: 1.0507 · elu(x, 1.6733), which keeps mean 0 and variance 1.

    Examples
    --------
    >>> F.selu(ad.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """
    if inplace:
        return change(floats_of(input, "selu"), "selu_", selu)  # type: ignore[no-any-return]  # the input
    x = floats_of(input, "selu")
    return ad.where(x > 0, _SELU_SCALE * x, _SELU_SCALE * _SELU_ALPHA * ad.expm1(_negative_part(x)))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit: x times the probability that a standard normal number is below x.

    Parameters
    ----------
    input : Tensor
    approximate : {"none", "tanh"}, optional
        "tanh" computes x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³))).

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    RuntimeError
        If `approximate` is something else.

    Examples
    --------
    >>> F.gelu(ad.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415.
    """
    x = floats_of(input, "gelu")
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if x.dtype == np.float16:  # in which 1 + erf(x) loses all digits where it is small
        return gelu(x.float(), approximate).to(np.float16)
    if approximate == "none":
        return ad.gelu(x)
    # beyond 40 both probabilities are 0 or 1 to the last digit, their slopes are 0, and powers would overflow
    near = x if decided(lambda a: not (np.abs(a) > 40).any(), x, always=False) else x.clamp(-40, 40)
    return 0.5 * x * (1 + (math.sqrt(2 / math.pi) * (near + 0.044715 * (near * near * near))).tanh())


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Sigmoid linear unit, or swish: x times its logistic function.

    Examples
    --------
    >>> F.silu(ad.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    if inplace:
        return change(floats_of(input, "silu"), "silu_", ad.silu)  # type: ignore[no-any-return]  # the input
    return ad.silu(floats_of(input, "silu"))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Self-regularized smooth unit: x · tanh(softplus(x)).

    Examples
    --------
    >>> F.mish(ad.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])

    References
    ----------
    Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """
    if inplace:
        return change(floats_of(input, "mish"), "mish_", mish)  # type: ignore[no-any-return]  # the input
    x = floats_of(input, "mish")
    return x * ad.softplus(x).tanh()


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Smooth rectifier: log(1 + exp(beta · x)) / beta, and x itself where beta · x is above `threshold`.

    Examples
    --------
    >>> F.softplus(ad.tensor([-1.0, 0.0, 1000.0]))
    tensor([3.1326e-01, 6.9315e-01, 1.0000e+03])
    """
    x = floats_of(input, "softplus")
    scaled = x if beta == 1 else x * beta
    return ad.where(scaled > threshold, x, ad.softplus(scaled) if beta == 1 else ad.softplus(scaled) / beta)


def logsigmoid(input: Tensor) -> Tensor:
    """Logarithm of the logistic function, accurate where that is close to 0.

    Examples
    --------
    >>> F.logsigmoid(ad.tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    return -ad.softplus(-floats_of(input, "logsigmoid"))


def softsign(input: Tensor) -> Tensor:
    """Quotient x / (1 + |x|), between -1 and 1.

    Examples
    --------
    >>> F.softsign(ad.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    x = floats_of(input, "softsign")
    return x / (1 + x.abs())


def tanhshrink(input: Tensor) -> Tensor:
    """Difference x - tanh(x).

    Examples
    --------
    >>> F.tanhshrink(ad.tensor([-1.0, 2.0]))
    tensor([-0.2384,  1.0360])
    """
    x = floats_of(input, "tanhshrink")
    return x - x.tanh()


# -- pieces of lines ---------------------------------------------------------------------------------------------------


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """Cut x to the range from `min_val` to `max_val`; the gradient is 0 at and beyond both.

    Raises
    ------
    ValueError
        If `min_val` is above `max_val`.

    Examples
    --------
    >>> F.hardtanh(ad.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if inplace:
        return change(_checked_numbers(input, "hardtanh"), "hardtanh_", hardtanh, min_val, max_val)  # type: ignore[no-any-return]  # the input
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val} and {max_val}")
    return _cut(_checked_numbers(input, "hardtanh"), min_val, max_val)


def _cut(x: Tensor, low: float, high: float) -> Tensor:
    return ad.where(x >= high, high, ad.where(x <= low, low, x))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Cut x to the range from 0 to 6.

    Examples
    --------
    >>> F.relu6(ad.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    if inplace:
        return change(_checked_numbers(input, "relu6"), "relu6_", relu6)  # type: ignore[no-any-return]  # the input
    return _cut(_checked_numbers(input, "relu6"), 0, 6)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Line x / 6 + 1 / 2, cut to the range from 0 to 1.

    Examples
    --------
    >>> F.hardsigmoid(ad.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    if inplace:
        return change(floats_of(input, "hardsigmoid"), "hardsigmoid_", hardsigmoid)  # type: ignore[no-any-return]  # the input
    return (_cut(floats_of(input, "hardsigmoid"), -3, 3) + 3) / 6


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Product x · hardsigmoid(x).

    Examples
    --------
    >>> F.hardswish(ad.tensor([-4.0, 1.0, 4.0]))
    tensor([0.0000, 0.6667, 4.0000])

    References
    ----------
    Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """
    if inplace:
        return change(floats_of(input, "hardswish"), "hardswish_", hardswish)  # type: ignore[no-any-return]  # the input
    x = floats_of(input, "hardswish")
    near = x.clamp(-3, 3)
    return ad.where(x >= 3, x, ad.where(x <= -3, 0, near * (near + 3) / 6))


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Put 0 where x is between -lambd and lambd.

    Examples
    --------
    >>> F.hardshrink(ad.tensor([-1.0, 0.2, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    x = floats_of(input, "hardshrink")
    return ad.where((x >= -lambd) & (x <= lambd), 0, x)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Move x towards 0 by `lambd`, and to 0 where it is closer than that.

    Raises
    ------
    RuntimeError
        If `lambd` is negative.

    Examples
    --------
    >>> F.softshrink(ad.tensor([-1.0, 0.2, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambd must not be negative, got {lambd}")
    x = floats_of(input, "softshrink")
    return x - x.clamp(-lambd, lambd)


# -- along a dimension -------------------------------------------------------------------------------------------------


def softmax(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor:
    """Exponentials along a dimension, scaled so that they add up to 1, without overflow.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        None, which warns, stands for 0 with 0, 1 or 3 dimensions and for 1 otherwise.
    dtype : dtype, optional
        Convert to this dtype first.

    Returns
    -------
    Tensor
        Of the shape of `input`.

    Raises
    ------
    IndexError
        If `dim` is out of range.

    Examples
    --------
    >>> F.softmax(ad.tensor([1.0, 1.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    x = tensor_of(input, "softmax")
    return ad.softmax(x, _choose_dim(dim, x, "softmax"), dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor:
    """Logarithm of `softmax`, accurate where that is close to 0; parameters as there.

    Examples
    --------
    >>> F.log_softmax(ad.tensor([0.0, 1.0]), dim=0)
    tensor([-1.3133, -0.3133])
    """
    x = tensor_of(input, "log_softmax")
    return ad.log_softmax(x, _choose_dim(dim, x, "log_softmax"), dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor:
    """Softmax of -x: the smallest element gets the largest share; parameters as for `softmax`.

    Examples
    --------
    >>> F.softmin(ad.tensor([0.0, 1.0]), dim=0)
    tensor([0.7311, 0.2689])
    """
    x = tensor_of(input, "softmin") if dtype is not None else floats_of(input, "softmin")
    return ad.softmax(-x, _choose_dim(dim, x, "softmin"), dtype=dtype)


def _choose_dim(dim: int | None, x: Tensor, name: str) -> int:
    """Return the dimension, or warn and return the one that PyTorch chooses."""
    if dim is not None:
        return dim
    warnings.warn(f"{name}: no dimension was given, which is deprecated; pass dim=", stacklevel=3)
    return 0 if x.ndim in (0, 1, 3) else 1


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Gated linear unit: the first half along `dim` times the logistic function of the second half.

    Raises
    ------
    RuntimeError
        If the size of `dim` is odd.

    Examples
    --------
    >>> F.glu(ad.tensor([4.0, 0.0]))
    tensor([2.])

    References
    ----------
    Dauphin, Fan, Auli and Grangier, "Language modeling with gated convolutional networks", ICML 2017.
    """
    x = floats_of(input, "glu")
    if not -x.ndim <= dim < x.ndim:
        kind: Any = IndexError if x.ndim else RuntimeError
        raise kind(f"glu: dim {dim} is out of range for shape {x.shape}")
    if x.shape[dim] % 2:
        raise RuntimeError(f"glu: the size of dim {dim} must be even, got shape {x.shape}")
    half = x.shape[dim] // 2
    value, gate = x.split([half, half], dim)
    return value * gate.sigmoid()


# -- in place ----------------------------------------------------------------------------------------------------------


def _in_place(function: Any) -> Any:
    """Return an activation that puts its result in the input's own memory."""
    name = function.__name__ + "_"

    def apply(input: Tensor, *args: Any, **options: Any) -> Tensor:
        return function(input, *args, **options, inplace=True)  # type: ignore[no-any-return]  # the input

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"Do what `{function.__name__}` does in the input's own memory."
    return apply


relu_, leaky_relu_, rrelu_ = _in_place(relu), _in_place(leaky_relu), _in_place(rrelu)
elu_, celu_, selu_ = _in_place(elu), _in_place(celu), _in_place(selu)
hardtanh_, threshold_ = _in_place(hardtanh), _in_place(threshold)
