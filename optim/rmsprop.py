"""Steps scaled by the running root mean square of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, not_negative


class RMSprop(Optimizer):
    """Steps divided by the root of a running average of the squared gradient.

    With gradient g (weight decay added) and velocity v::

        s ← alpha · s + (1 − alpha) · g²
        a ← alpha · a + (1 − alpha) · g                centered alone; else a = 0
        v ← momentum · v + g / (√(s − a²) + eps)
        θ ← θ − lr · v

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    alpha : float, optional
        How much of the averages is kept at each step.
    eps : float, optional
        Added to the root.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    momentum : float, optional
        The share of the last step's velocity that is kept.
    centered : bool, optional
        Divide by the standard deviation instead of the root mean square.
    capturable : bool, optional
        False.
    foreach : bool, optional
        PyTorch's way to compute the same; there is one way here.
    maximize : bool, optional
        Climb instead of descending.
    differentiable : bool, optional
        False.

    Raises
    ------
    TypeError
        If an option is not of its kind.
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> w = ad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)

    References
    ----------
    Tieleman and Hinton, "Lecture 6.5: rmsprop", Neural networks for machine learning, 2012.
    Graves, "Generating sequences with recurrent neural networks", arXiv:1308.0850, 2013 (centered).
    """

    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Check]] = {"alpha": not_negative}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered}
        super().__init__(
            params, {**options, "weight_decay": weight_decay},
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages and, where there is momentum, the velocity."""
        needed = {"square_avg": True, "momentum_buffer": group["momentum"] > 0, "grad_avg": group["centered"]}
        return {name: 0.0 for name, is_needed in needed.items() if is_needed}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        square, alpha = state["square_avg"], group["alpha"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        self.write(square, square, alpha, np.multiply)
        self.write(square, square, ((1 - alpha) * grad) * grad)  # in this order a large gradient does not overflow
        if group["centered"]:
            mean = state["grad_avg"]
            self.write(mean, mean, (1 - alpha) * (grad - mean))
            square = square - mean * mean
        denominator = np.sqrt(square)
        denominator += group["eps"]
        velocity = grad / denominator
        if group["momentum"]:
            buffer = state["momentum_buffer"]
            self.write(buffer, buffer, group["momentum"], np.multiply)
            velocity = self.write(buffer, buffer, velocity)
        self.write(param, param, -group["lr"] * velocity)
