"""Adam with the largest of the last gradients instead of their mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Steps of the averaged gradient over the largest of the last gradients, which fades.

    With gradient g (weight decay added), β₁, β₂ = betas and step number t::

        m ← β₁ · m + (1 − β₁) · g
        u ← max(β₂ · u, |g| + eps)
        θ ← θ − lr / (1 − β₁ᵗ) · m / u

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    betas : pair of float, optional
        The shares of the old values in the new ones.
    eps : float, optional
        Added to the gradient's size.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    foreach, differentiable, capturable : bool, optional
        PyTorch's ways to compute the same; there is one way here.
    maximize : bool, optional
        Climb instead of descending.

    Raises
    ------
    TypeError
        If an option is not of its kind.
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> w = ad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.
    """

    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay},
            foreach=foreach, maximize=maximize, differentiable=differentiable, capturable=capturable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the average and the largest size."""
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        mean, largest, (beta1, beta2) = state["exp_avg"], state["exp_inf"], group["betas"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        self.write(mean, mean, (1 - beta1) * (grad - mean))
        self.write(largest, np.maximum(beta2 * largest, np.abs(grad) + group["eps"]), 0)
        self.write(param, param, -group["lr"] / (1 - beta1**step) * (mean / largest))
