"""Activation functions as modules; formulas and references stand with the functions in `nn.functional`.

With `inplace=True`, where PyTorch takes that, the result is put in the input's own memory, and the input is returned.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .attention import MultiheadAttention as MultiheadAttention
from .functional._checks import check_sizes
from .module import Module, Parameter


class _Activation(Module):
    """A function of one tensor of any shape, with the options that the constructor was given.

    A subclass sets `function`, and hands its options, by name, to this constructor.
    """

    function: Any

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    def forward(self, input: Tensor) -> Tensor:
        """Map a tensor to one of the same shape (of half the size along `dim` with GLU)."""
        result: Tensor = self.function(input, **{name: getattr(self, name) for name in self._options})
        return result

    def extra_repr(self) -> str:
        """Name the options."""
        given = {name: getattr(self, name) for name in self._options}
        return ", ".join(f"{name}={value!r}" for name, value in given.items() if name != "inplace" or value)


class ReLU(_Activation):
    """Rectified linear unit: max(x, 0), element by element.

    Examples
    --------
    >>> nn.ReLU()(ad.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    function = staticmethod(F.relu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class LeakyReLU(_Activation):
    """Leaky rectified linear unit: x where x > 0, `negative_slope` times x elsewhere.

    Parameters
    ----------
    negative_slope : float, optional
    inplace : bool, optional

    Examples
    --------
    >>> nn.LeakyReLU(0.1)(ad.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    function = staticmethod(F.leaky_relu)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(negative_slope=negative_slope, inplace=inplace)


class Threshold(_Activation):
    """What is above `threshold` is kept, the rest becomes `value`.

    Parameters
    ----------
    threshold : float
    value : float
    inplace : bool, optional

    Examples
    --------
    >>> nn.Threshold(0.5, 7.0)(ad.tensor([-1.0, 2.0]))
    tensor([7., 2.])
    """

    function = staticmethod(F.threshold)

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(threshold=threshold, value=value, inplace=inplace)


class ELU(_Activation):
    """Exponential linear unit: x where x > 0, alpha · (exp(x) - 1) elsewhere.

    Parameters
    ----------
    alpha : float, optional
    inplace : bool, optional

    Examples
    --------
    >>> nn.ELU()(ad.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    function = staticmethod(F.elu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)


class CELU(_Activation):
    """Continuously differentiable exponential linear unit: x where x > 0, alpha · (exp(x / alpha) - 1) elsewhere.

    Parameters
    ----------
    alpha : float, optional
    inplace : bool, optional

    Examples
    --------
    >>> nn.CELU(2.0)(ad.tensor([-1.0, 2.0]))
    tensor([-0.7869,  2.0000])
    """

    function = staticmethod(F.celu)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(alpha=alpha, inplace=inplace)


class SELU(_Activation):
    """Self-normalizing exponential linear unit, which keeps mean 0 and variance 1.

    Examples
    --------
    >>> nn.SELU()(ad.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    function = staticmethod(F.selu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class GELU(_Activation):
    """Gaussian error linear unit: x times the probability that a standard normal number is below x.

    Parameters
    ----------
    approximate : {"none", "tanh"}, optional

    Examples
    --------
    >>> nn.GELU()(ad.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    function = staticmethod(F.gelu)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__(approximate=approximate)


class SiLU(_Activation):
    """Sigmoid linear unit, or swish: x times its logistic function.

    Examples
    --------
    >>> nn.SiLU()(ad.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    function = staticmethod(F.silu)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Mish(_Activation):
    """Self-regularized smooth unit: x · tanh(softplus(x)).

    Examples
    --------
    >>> nn.Mish()(ad.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    function = staticmethod(F.mish)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Sigmoid(_Activation):
    """Logistic function 1 / (1 + exp(-x)), element by element.

    Examples
    --------
    >>> nn.Sigmoid()(ad.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    function = staticmethod(F.sigmoid)

    def __init__(self) -> None:
        super().__init__()


class LogSigmoid(_Activation):
    """Logarithm of the logistic function, accurate where that is close to 0.

    Examples
    --------
    >>> nn.LogSigmoid()(ad.tensor([-100.0, 0.0]))
    tensor([-100.0000,   -0.6931])
    """

    function = staticmethod(F.logsigmoid)

    def __init__(self) -> None:
        super().__init__()


class Tanh(_Activation):
    """Hyperbolic tangent, element by element.

    Examples
    --------
    >>> nn.Tanh()(ad.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """

    function = staticmethod(F.tanh)

    def __init__(self) -> None:
        super().__init__()


class Tanhshrink(_Activation):
    """Difference x - tanh(x).

    Examples
    --------
    >>> nn.Tanhshrink()(ad.tensor([-1.0, 2.0]))
    tensor([-0.2384,  1.0360])
    """

    function = staticmethod(F.tanhshrink)

    def __init__(self) -> None:
        super().__init__()


class Softplus(_Activation):
    """Smooth rectifier log(1 + exp(beta · x)) / beta; x itself where beta · x is above `threshold`.

    Parameters
    ----------
    beta : float, optional
    threshold : float, optional

    Examples
    --------
    >>> nn.Softplus()(ad.tensor([-1.0, 0.0]))
    tensor([0.3133, 0.6931])
    """

    function = staticmethod(F.softplus)

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__(beta=beta, threshold=threshold)


class Softsign(_Activation):
    """Quotient x / (1 + |x|), between -1 and 1.

    Examples
    --------
    >>> nn.Softsign()(ad.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    function = staticmethod(F.softsign)

    def __init__(self) -> None:
        super().__init__()


class Hardtanh(_Activation):
    """What lies outside the range from `min_val` to `max_val` is cut to it.

    Parameters
    ----------
    min_val : float, optional
    max_val : float, optional
    inplace : bool, optional

    Raises
    ------
    ValueError
        If `min_val` is not below `max_val`.

    Examples
    --------
    >>> nn.Hardtanh()(ad.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    function = staticmethod(F.hardtanh)

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
        super().__init__(min_val=min_val, max_val=max_val, inplace=inplace)


class ReLU6(_Activation):
    """What lies outside the range from 0 to 6 is cut to it.

    Examples
    --------
    >>> nn.ReLU6()(ad.tensor([-1.0, 8.0]))
    tensor([0., 6.])
    """

    function = staticmethod(F.relu6)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Hardsigmoid(_Activation):
    """Line x / 6 + 1 / 2, cut to the range from 0 to 1.

    Examples
    --------
    >>> nn.Hardsigmoid()(ad.tensor([0.0, 4.0]))
    tensor([0.5000, 1.0000])
    """

    function = staticmethod(F.hardsigmoid)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Hardswish(_Activation):
    """Product of x and its `Hardsigmoid`.

    Examples
    --------
    >>> nn.Hardswish()(ad.tensor([-4.0, 1.0]))
    tensor([0.0000, 0.6667])
    """

    function = staticmethod(F.hardswish)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(inplace=inplace)


class Hardshrink(_Activation):
    """What lies between -lambd and lambd becomes 0.

    Parameters
    ----------
    lambd : float, optional

    Examples
    --------
    >>> nn.Hardshrink()(ad.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """

    function = staticmethod(F.hardshrink)
    lambd: float

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def extra_repr(self) -> str:
        """Give the limit."""
        return str(self.lambd)


class Softshrink(_Activation):
    """What lies between -lambd and lambd becomes 0; the rest moves towards 0 by `lambd`.

    Parameters
    ----------
    lambd : float, optional

    Examples
    --------
    >>> nn.Softshrink()(ad.tensor([-1.0, 0.2]))
    tensor([-0.5000,  0.0000])
    """

    function = staticmethod(F.softshrink)
    lambd: float

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__(lambd=lambd)

    def extra_repr(self) -> str:
        """Give the limit."""
        return str(self.lambd)


class GLU(_Activation):
    """Gated linear unit: the first half along `dim` times the logistic function of the second half.

    Parameters
    ----------
    dim : int, optional

    Examples
    --------
    >>> nn.GLU()(ad.tensor([4.0, 0.0]))
    tensor([2.])
    """

    function = staticmethod(F.glu)

    def __init__(self, dim: int = -1) -> None:
        super().__init__(dim=dim)


class Softmax(_Activation):
    """Exponentials along a dimension, scaled so that they add up to 1.

    Parameters
    ----------
    dim : int, optional
        None, which warns, stands for 0 with 0, 1 or 3 dimensions and for 1 otherwise.

    Examples
    --------
    >>> nn.Softmax(dim=0)(ad.tensor([1.0, 1.0]))
    tensor([0.5000, 0.5000])
    """

    function = staticmethod(F.softmax)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class Softmax2d(Module):
    """Softmax over the channels of an image.

    Raises
    ------
    ValueError
        If the input has neither three nor four dimensions.

    Examples
    --------
    >>> nn.Softmax2d()(ad.zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, H, W) or (C, H, W) to itself."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected a 3-d or 4-d input, got shape {input.shape}")
        return F.softmax(input, -3)


class Softmin(_Activation):
    """Softmax of -x: the smallest element gets the largest share.

    Parameters
    ----------
    dim : int, optional
        None, which warns, stands for 0 with 0, 1 or 3 dimensions and for 1 otherwise.

    Examples
    --------
    >>> nn.Softmin(dim=0)(ad.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    function = staticmethod(F.softmin)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class LogSoftmax(_Activation):
    """Logarithm of `Softmax`, accurate where that is close to 0.

    Parameters
    ----------
    dim : int, optional
        None, which warns, stands for 0 with 0, 1 or 3 dimensions and for 1 otherwise.

    Examples
    --------
    >>> nn.LogSoftmax(dim=0)(ad.tensor([0.0, 1.0]))
    tensor([-1.3133, -0.3133])
    """

    function = staticmethod(F.log_softmax)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__(dim=dim)


class Step(_Activation):
    """Binary step of the perceptron: 1 where x is at least 0, and 0 elsewhere.

    It cannot be learned through. The step is flat on both sides of its jump, so its gradient is 0 wherever it has one,
    and the chain rule multiplies all that lies before it by that 0: gradient descent gets no hint in which direction
    to move a weight. A single perceptron is trained by a rule of its own, which looks at its errors instead of a
    gradient; several layers of them need a smooth stand-in for the step, such as `Sigmoid`.

    Examples
    --------
    >>> x = ad.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    >>> y = nn.Step()(x)
    >>> y.detach()
    tensor([0., 1., 1.])
    >>> y.sum().backward()
    >>> x.grad
    tensor([0., 0., 0.])

    References
    ----------
    Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
    Psychological Review, 1958.
    """

    function = staticmethod(F.step)

    def __init__(self) -> None:
        super().__init__()


class PReLU(Module):
    """Leaky rectified linear unit whose slope below 0 is learned.

    Parameters
    ----------
    num_parameters : int, optional
        1, or the number of channels (the size of dimension 1), each of which then has its own slope.
    init : float, optional
        The slope at first.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (num_parameters,).

    Examples
    --------
    >>> nn.PReLU()(ad.tensor([-1.0, 2.0])).detach()
    tensor([-0.2500,  2.0000])
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__()
        check_sizes("PReLU", num_parameters=num_parameters)
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(ad.full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Set the slopes to what they were at first."""
        self.weight.data.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, ...), or any shape with one slope, to itself."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Name the number of slopes."""
        return f"num_parameters={self.num_parameters}"


class RReLU(_Activation):
    """Leaky rectified linear unit whose slope is drawn anew for each element in training; see `nn.functional.rrelu`.

    Parameters
    ----------
    lower, upper : float, optional
        Between which a slope is drawn; in evaluation it is their mean.
    inplace : bool, optional

    Examples
    --------
    >>> nn.RReLU(0.1, 0.3).eval()(ad.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    function = staticmethod(F.rrelu)

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(lower=lower, upper=upper, inplace=inplace)

    def forward(self, input: Tensor) -> Tensor:
        """Map a tensor to one of the same shape."""
        result: Tensor = self.function(input, training=self.training, **{n: getattr(self, n) for n in self._options})
        return result
