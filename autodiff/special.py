"""Special functions under PyTorch's names, as ``torch.special``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .engine.dtypes import get_default_dtype
from .functions.arguments import operands, tensor_of
from .functions.elementwise import clamp, where
from .functions.elementwise import round as round
from .functions.elementwise import sigmoid as expit
from .functions.reduction import log_softmax as log_softmax
from .functions.reduction import logsumexp as logsumexp
from .functions.reduction import softmax as softmax
from .functions.transcendental import digamma as digamma
from .functions.transcendental import digamma as psi
from .functions.transcendental import erf as erf
from .functions.transcendental import erfc as erfc
from .functions.transcendental import erfinv as erfinv
from .functions.transcendental import exp as _exp
from .functions.transcendental import exp2 as exp2
from .functions.transcendental import expm1 as expm1
from .functions.transcendental import lgamma as gammaln
from .functions.transcendental import log as _log
from .functions.transcendental import log1p as log1p
from .functions.transcendental import polygamma as polygamma
from .functions.transcendental import sinc as sinc
from .functions.transcendental import xlogy as xlogy

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_ndtr", "log_softmax",
    "logit", "logsumexp", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy",
]  # fmt: skip


def _floats(value: Any, name: str) -> Any:
    x = tensor_of(value, name)
    return x if x.dtype.kind == "f" else x.to(get_default_dtype())


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Inverse of the logistic function: log(x / (1 - x)); `eps` keeps x from 0 and 1.

    Examples
    --------
    >>> ad.special.logit(ad.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    x = _floats(input, "logit")
    z = x if eps is None else clamp(x, eps, 1 - eps)
    y = _log(z) - log1p(-z)  # of the quotient, the derivative at 0 and 1 would be NaN
    return y if eps is not None else where((x >= 0) & (x <= 1), y, math.nan)


def entr(input: Tensor) -> Tensor:
    """Entropy -x log(x) of each element: 0 at 0, -inf below.

    Examples
    --------
    >>> ad.special.entr(ad.tensor([0.0, 0.5, 1.0]))
    tensor([0.0000, 0.3466, 0.0000])
    """
    x = _floats(input, "entr")
    return where(x < 0, -math.inf, 0 - xlogy(x, x))


def xlog1py(input: Any, other: Any) -> Tensor:
    """Product x log(1 + y), which is 0 where x is.

    Examples
    --------
    >>> ad.special.xlog1py(ad.tensor([0.0, 2.0]), ad.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """
    x, y = operands("xlog1py", input, other)
    is_zero = (x == 0) & (y == y)
    return where(is_zero, 0, x * log1p(where(is_zero, 0, y)))


def ndtr(input: Tensor) -> Tensor:
    """Probability that a standard normal number is below x.

    Examples
    --------
    >>> ad.special.ndtr(ad.tensor([0.0, 1.0]))
    tensor([0.5000, 0.8413])
    """
    return erfc(_floats(input, "ndtr") * -math.sqrt(0.5)) / 2


def ndtri(input: Tensor) -> Tensor:
    """Number below which a standard normal number lies with a probability.

    Examples
    --------
    >>> ad.special.ndtri(ad.tensor([0.5, 0.8413447]))
    tensor([0.0000, 1.0000])
    """
    p = _floats(input, "ndtri")
    side = where(p < 0.5, p, 1 - p)
    near = side > 0.02
    z = erfinv(2 * where(near, side, 0.25) - 1) * math.sqrt(2)
    far = _log(where(near | (side <= 0), 0.01, side))
    tail = -((-2 * far) ** 0.5)
    for _ in range(6):  # Newton's steps, on logarithms: 2 p - 1 has no digits of a small p
        reached = log_ndtr(tail)
        tail = tail - (reached - far) * _exp(reached + tail * tail / 2 + math.log(2 * math.pi) / 2)
    z = where(near, z, where(side == 0, -math.inf, where(side < 0, math.nan, tail)))
    return where(p < 0.5, z, 0 - z)


def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of `ndtr`, accurate also where that is close to 0.

    Examples
    --------
    >>> ad.special.log_ndtr(ad.tensor([0.0, -20.0]))
    tensor([  -0.6931, -203.9172])
    """
    x = _floats(input, "log_ndtr")
    far = x.detach() < -10
    z = where(far, x, -10.0)  # there an asymptotic series: log φ(x) - log(-x) + log(1 - 1/x² + 3/x⁴ - 15/x⁶ + …)
    u = 1 / (z * z)
    series = 1 - u * (1 - u * (3 - u * (15 - u * (105 - u * (945 - u * 10395)))))
    tail = -z * z / 2 - _log(-z) - math.log(2 * math.pi) / 2 + _log(series)
    return where(far, tail, _log(ndtr(where(np.logical_not(far), x, 0.0))))


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
