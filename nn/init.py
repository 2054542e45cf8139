"""Ways to fill a tensor before training, in place."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from autodiff import Tensor, default_generator, no_grad

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_", "fans", "kaiming_normal",
    "kaiming_normal_", "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones_", "orthogonal", "orthogonal_",
    "sparse", "sparse_", "trunc_normal_", "uniform", "uniform_", "xavier_normal", "xavier_normal_", "xavier_uniform",
    "xavier_uniform_", "zeros_",
]  # fmt: skip

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
_GAINS |= {f"conv{transposed}{n}d": 1.0 for transposed in ("", "_transpose") for n in (1, 2, 3)}
Generator = np.random.Generator


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights before a nonlinearity are to be larger, so that variance is kept.

    Parameters
    ----------
    nonlinearity : {"linear", "conv1d", "conv2d", ..., "sigmoid", "tanh", "relu", "leaky_relu", "selu"}
    param : float, optional
        The negative slope of "leaky_relu", 0.01 by default.

    Raises
    ------
    ValueError
        If the nonlinearity is unknown.

    Examples
    --------
    >>> nn.init.calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"calculate_gain: the negative slope must be a number, got {param!r}")
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}, expected {sorted([*_GAINS, 'leaky_relu'])}"
        )
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs and outputs each unit of a weight of shape (out, in, ...) is connected to."""
    _check(tensor, "fan-in and fan-out")
    if tensor.ndim < 2:
        raise ValueError(f"fan-in and fan-out need a tensor of at least 2 dimensions, got shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _check(tensor: Any, name: str, fractions: bool = True) -> None:
    """Raise unless values can be written into the tensor without being cut to integers."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(tensor).__name__}")
    if fractions and tensor.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a tensor of floats, got {tensor.dtype}")


def _fill(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(values)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers drawn uniformly from [a, b).

    Examples
    --------
    >>> w = nn.init.uniform_(ad.zeros(2, 3), -1, 1)
    >>> bool((w.abs() <= 1).all())
    True
    """
    _check(tensor, "uniform_")
    if a > b:
        raise RuntimeError(f"uniform_: expected a <= b, got {a} and {b}")
    return _fill(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with numbers drawn from the normal distribution.

    Examples
    --------
    >>> nn.init.normal_(ad.zeros(2, 3), std=0.01).shape
    (2, 3)
    """
    _check(tensor, "normal_")
    if std < 0:
        raise RuntimeError(f"normal_: std must not be negative, got {std}")
    return _fill(tensor, (generator or default_generator()).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

    Examples
    --------
    >>> nn.init.constant_(ad.zeros(2), 0.3)
    tensor([0.3000, 0.3000])
    """
    _check(tensor, "constant_", fractions=False)
    return _fill(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    Examples
    --------
    >>> nn.init.ones_(ad.zeros(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    Examples
    --------
    >>> nn.init.zeros_(ad.ones(2))
    tensor([0., 0.])
    """
    return constant_(tensor, 0)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    fan_in, fan_out = fans(tensor)
    return gain * math.sqrt(2 / (fan_in + fan_out)) if fan_in + fan_out else 0.0


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill uniformly so that variance is kept, both forward and backward, for tanh-like activations.

    Draws from U(-a, a) with a = gain · √(6 / (fan_in + fan_out)).

    Examples
    --------
    >>> w = nn.init.xavier_uniform_(ad.zeros(2, 4))
    >>> bool((w.abs() <= 1).all())
    True

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    """
    bound = math.sqrt(3) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from N(0, gain² · 2 / (fan_in + fan_out)); as `xavier_uniform_`.

    Examples
    --------
    >>> nn.init.xavier_normal_(ad.zeros(2, 4)).shape
    (2, 4)
    """
    return normal_(tensor, 0, _xavier_std(tensor, gain), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def _is_empty(tensor: Tensor) -> bool:
    if not tensor.numel():
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return not tensor.numel()


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill uniformly so that variance is kept before rectifiers (He initialization).

    Draws from U(-b, b) with b = gain · √(3 / fan).

    Parameters
    ----------
    tensor : Tensor
        Of shape (out, in, ...).
    a : float, optional
        The negative slope of the leaky rectifier that follows.
    mode : {"fan_in", "fan_out"}, optional
        Whether to keep variance forward or backward.
    nonlinearity : str, optional
        What follows; see `calculate_gain`.
    generator : numpy.random.Generator, optional

    Returns
    -------
    Tensor
        `tensor` itself.

    Raises
    ------
    ValueError
        If the tensor has fewer than 2 dimensions, or the mode or nonlinearity is unknown.

    Examples
    --------
    >>> w = nn.init.kaiming_uniform_(ad.zeros(2, 6))
    >>> bool((w.abs() <= 1).all())
    True

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from N(0, gain² / fan); as `kaiming_uniform_`.

    Examples
    --------
    >>> nn.init.kaiming_normal_(ad.zeros(2, 6)).shape
    (2, 6)
    """
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill from the normal distribution, drawing anew whatever falls outside the range from `a` to `b`.

    Raises
    ------
    RuntimeError
        If `std` is negative, `a` is not below `b`, or the range is so improbable that nothing falls into it.

    Examples
    --------
    >>> w = nn.init.trunc_normal_(ad.zeros(100))
    >>> bool((w.abs() <= 2).all())
    True
    """
    _check(tensor, "trunc_normal_")
    if std < 0 or a >= b:
        raise RuntimeError(f"trunc_normal_: expected std >= 0 and a < b, got {std}, {a} and {b}")
    rng = generator or default_generator()
    values = np.asarray(rng.normal(mean, std, tensor.shape))
    for _ in range(1000):
        outside = (values < a) | (values > b)
        if not outside.any():
            return _fill(tensor, np.clip(values, a, b))
        values[outside] = rng.normal(mean, std, int(outside.sum()))
    raise RuntimeError(f"trunc_normal_: numbers of mean {mean} and std {std} do not fall between {a} and {b}")


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on its diagonal and zeros elsewhere, so that a linear layer keeps its input.

    Raises
    ------
    ValueError
        If it is not a matrix.

    Examples
    --------
    >>> nn.init.eye_(ad.zeros(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    _check(tensor, "eye_", fractions=False)
    if tensor.ndim != 2:
        raise ValueError(f"eye_: expected a tensor of 2 dimensions, got shape {tensor.shape}")
    rows, columns = tensor.shape
    return _fill(tensor, np.eye(rows, columns))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the kernels of a convolution so that it keeps as many channels as possible, in every group.

    Raises
    ------
    ValueError
        If the tensor does not have 3, 4 or 5 dimensions, or its first one is not divisible by `groups`.

    Examples
    --------
    >>> nn.init.dirac_(ad.zeros(1, 2, 3))
    tensor([[[0., 1., 0.],
             [0., 0., 0.]]])
    """
    _check(tensor, "dirac_", fractions=False)
    if not 3 <= tensor.ndim <= 5:
        raise ValueError(f"dirac_: expected a tensor of 3, 4 or 5 dimensions, got shape {tensor.shape}")
    if tensor.shape[0] % groups:
        raise ValueError(f"dirac_: {tensor.shape[0]} kernels are not divisible by {groups} groups")
    values, middle = np.zeros(tensor.shape), tuple(n // 2 for n in tensor.shape[2:])
    out = tensor.shape[0] // groups
    for group in range(groups):
        for i in range(min(out, tensor.shape[1])):
            values[group * out + i, i][middle] = 1
    return _fill(tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill so that the rows of the tensor, flattened to a matrix, are orthogonal and of length `gain`.

    Where there are more rows than columns the columns are.

    Raises
    ------
    ValueError
        If the tensor has fewer than 2 dimensions.

    Examples
    --------
    >>> w = nn.init.orthogonal_(ad.zeros(2, 3, dtype=np.float64))
    >>> np.allclose((w @ w.T).detach(), np.eye(2))
    True

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014.
    """
    _check(tensor, "orthogonal_")
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected a tensor of at least 2 dimensions, got shape {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = (generator or default_generator()).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.sign(np.diag(r))  # without it, the distribution would not be uniform
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Fill a matrix from N(0, std²), with a share `sparsity` of each column set to 0.

    Raises
    ------
    ValueError
        If it is not a matrix.

    Examples
    --------
    >>> w = nn.init.sparse_(ad.zeros(10, 3), sparsity=0.4)
    >>> (w == 0).sum(dim=0)
    tensor([4, 4, 4])

    References
    ----------
    Martens, "Deep learning via Hessian-free optimization", ICML 2010.
    """
    _check(tensor, "sparse_")
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: expected a tensor of 2 dimensions, got shape {tensor.shape}")
    rng = generator or default_generator()
    values = rng.normal(0, std, tensor.shape)
    for column in range(tensor.shape[1]):
        values[rng.permutation(tensor.shape[0])[: math.ceil(sparsity * tensor.shape[0])], column] = 0
    return _fill(tensor, values)


def _deprecate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a function under its old name, with PyTorch's warning."""
    old = function.__name__.removesuffix("_")

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"nn.init.{old} is now deprecated in favor of nn.init.{old}_.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    called.__name__ = called.__qualname__ = old
    return called


uniform, normal, constant = _deprecate(uniform_), _deprecate(normal_), _deprecate(constant_)
xavier_uniform, xavier_normal = _deprecate(xavier_uniform_), _deprecate(xavier_normal_)
kaiming_uniform, kaiming_normal = _deprecate(kaiming_uniform_), _deprecate(kaiming_normal_)
eye, dirac = _deprecate(eye_), _deprecate(dirac_)
orthogonal, sparse = _deprecate(orthogonal_), _deprecate(sparse_)

# Helpers of PyTorch's that programs call by their private names.
_calculate_fan_in_and_fan_out = fans
_no_grad_uniform_, _no_grad_normal_, _no_grad_trunc_normal_ = uniform_, normal_, trunc_normal_


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """Return the number of inputs, or of outputs, that each unit of a weight is connected to."""
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"_calculate_correct_fan: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return fans(tensor)[mode.lower() == "fan_out"]


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
