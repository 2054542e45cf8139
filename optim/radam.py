"""Adam that waits with its division until the mean square can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer


class RAdam(Optimizer):
    """Adam whose division by the root mean square is rectified by how many gradients stand behind it.

    With gradient g (weight decay added), β₁, β₂ = betas and step number t::

        m ← β₁ · m + (1 − β₁) · g
        v ← β₂ · v + (1 − β₂) · g²
        n ← 2 / (1 − β₂) − 1
        ρ ← n − 2 t β₂ᵗ / (1 − β₂ᵗ)
        r ← √((ρ − 4) (ρ − 2) n / ((n − 4) (n − 2) ρ)) · √(1 − β₂ᵗ) / (√v + eps)  if ρ > 5, else 1
        θ ← θ − lr · r · m / (1 − β₁ᵗ)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    betas : pair of float, optional
        The shares of the old averages in the new ones.
    eps : float, optional
        Added to the root.
    weight_decay : float, optional
        The factor of θ that is added to its gradient, or by which it shrinks.
    decoupled_weight_decay : bool, optional
        Whether θ shrinks by lr · `weight_decay` instead.
    foreach, capturable, differentiable : bool, optional
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
    >>> optimizer = optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)

    References
    ----------
    Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.
    """

    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(
            params, {**options, "decoupled_weight_decay": decoupled_weight_decay},
            foreach=foreach, maximize=maximize, capturable=capturable, differentiable=differentiable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages of gradients and of their squares."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        mean, square, (beta1, beta2), lr = state["exp_avg"], state["exp_avg_sq"], group["betas"], group["lr"]
        if group["weight_decay"] and group["decoupled_weight_decay"]:
            self.write(param, param, 1 - lr * group["weight_decay"], np.multiply)
        elif group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        self.write(mean, mean, (1 - beta1) * (grad - mean))
        self.write(square, square, beta2, np.multiply)
        self.write(square, square, ((1 - beta2) * grad) * grad)  # in this order a large gradient does not overflow
        n, correction = 2 / (1 - beta2) - 1, 1 - beta2**step
        rho = n - 2 * step * beta2**step / correction
        factor = lr / (1 - beta1**step)
        if rho > 5:
            rectified = ((rho - 4) * (rho - 2) * n / ((n - 4) * (n - 2) * rho)) ** 0.5
            step_length = factor * rectified * correction**0.5
            self.write(param, param, -step_length * (mean / (np.sqrt(square) + group["eps"])))
        else:
            self.write(param, param, -factor * mean)
