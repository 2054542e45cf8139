"""Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import not_negative


class NAdam(Optimizer):
    """Adam that takes its momentum one step ahead.

    With gradient g (weight decay added), β₁, β₂ = betas, ψ = momentum_decay and step number t::

        m ← β₁ · m + (1 − β₁) · g
        v ← β₂ · v + (1 − β₂) · g²
        μ ← β₁ · (1 − 0.96^(t ψ) / 2),  μ' ← β₁ · (1 − 0.96^((t + 1) ψ) / 2),  Π ← Π · μ
        θ ← θ − lr · ((1 − μ) / (1 − Π) · g + μ' / (1 − Π μ') · m) / (√(v / (1 − β₂ᵗ)) + eps)

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
    momentum_decay : float, optional
        How fast the momentum comes to β₁.
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
    >>> optimizer = optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8944], requires_grad=True)

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.
    """

    elementwise: ClassVar[bool] = True
    uniform: ClassVar[frozenset[str]] = frozenset({"mu_product"})
    options: ClassVar[Mapping[str, Any]] = {"momentum_decay": not_negative}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay}
        super().__init__(
            params, {**options, "decoupled_weight_decay": decoupled_weight_decay},
            foreach=foreach, maximize=maximize, capturable=capturable, differentiable=differentiable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages of gradients and of their squares, and the product of the momenta."""
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0, "mu_product": 1.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        mean, square, product = state["exp_avg"], state["exp_avg_sq"], state["mu_product"]
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["momentum_decay"]
        if group["weight_decay"] and group["decoupled_weight_decay"]:
            param *= 1 - lr * group["weight_decay"]
        elif group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (t * decay)) for t in (step, step + 1))
        product *= now
        mean += (1 - beta1) * (grad - mean)
        square *= beta2
        square += ((1 - beta2) * grad) * grad
        root = np.sqrt(square / (1 - beta2**step)) + group["eps"]
        param -= lr * (1 - now) * (grad / root) / (1 - product)
        param -= lr * ahead * (mean / root) / (1 - product * ahead)
