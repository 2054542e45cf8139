"""Adaptive moment estimation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .optimizer import Group, Optimizer


class Adam(Optimizer):
    """Steps scaled by running averages of the gradient and of its square.

    With gradient g (weight decay added) and step number t::

        m ← β₁ · m + (1 − β₁) · g
        v ← β₂ · v + (1 − β₂) · g²
        θ ← θ − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with options of their own.
    lr : float, optional
        Learning rate.
    betas : (float, float), optional
        β₁ and β₂, how much of the averages is kept at each step.
    eps : float, optional
        Added to the denominator.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    amsgrad : bool, optional
        Divide by the largest v so far.
    maximize : bool, optional
        Climb instead of descending.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> w = ad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018 (amsgrad).
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**options, "amsgrad": amsgrad, "maximize": maximize})

    def update(self, param: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        """Take one step."""
        beta1, beta2 = group["betas"]
        if not state:
            state.update(step=0, exp_avg=np.zeros_like(param), exp_avg_sq=np.zeros_like(param))
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = np.zeros_like(param)
        if group["maximize"]:
            grad = -grad
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        state["step"] += 1
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m += (1 - beta1) * (grad - m)
        v *= beta2
        v += (1 - beta2) * (grad * grad)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        denominator = np.sqrt(v) / math.sqrt(1 - beta2 ** state["step"]) + group["eps"]
        param -= (group["lr"] / (1 - beta1 ** state["step"])) * m / denominator
