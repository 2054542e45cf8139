"""Adaptive moment estimation, with weight decay in the gradient or apart from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer


class Adam(Optimizer):
    """Steps scaled by running averages of the gradient and of its square.

    With gradient g (weight decay added) and step number t::

        m ← β₁ · m + (1 − β₁) · g
        v ← β₂ · v + (1 − β₂) · g²
        θ ← θ − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + eps)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
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
    foreach, fused : bool, optional
        PyTorch's ways to compute the same; there is one way here.
    capturable, differentiable : bool, optional
        False.
    decoupled_weight_decay : bool, optional
        Shrink θ itself instead of adding to its gradient, as `AdamW` does.

    Raises
    ------
    TypeError
        If an option is not of its kind.
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

    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        pair: Any = betas  # so far; it is checked by the base
        if isinstance(pair, (tuple, list)):
            pair = tuple(b.item() if isinstance(b, Tensor) and b.numel() == 1 else b for b in pair)
        options = {"lr": lr, "betas": pair, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(
            params, {**options, "decoupled_weight_decay": decoupled_weight_decay},
            maximize=maximize, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember m and v, and for amsgrad the largest v."""
        names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
        return dict.fromkeys(names if group["amsgrad"] else names[:2], 0.0)

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        m, v, (beta1, beta2) = state["exp_avg"], state["exp_avg_sq"], group["betas"]
        if group["weight_decay"] and group["decoupled_weight_decay"]:
            self.write(param, param, 1 - group["lr"] * group["weight_decay"], np.multiply)
        elif group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        term = np.subtract(grad, m, out=np.empty_like(m))  # the only temporary, to save memory's time
        term *= 1 - beta1
        self.write(m, m, term)
        np.multiply(grad, 1 - beta2, out=term)
        term *= grad  # in this order a large gradient does not overflow
        self.write(v, v, beta2, np.multiply)
        self.write(v, v, term)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            v = np.maximum(largest, v, out=largest)  # which does no harm twice
        unbias = (1 - beta2**step) ** 0.5  # of √v; both sides of the fraction take it, which saves a division by it
        np.sqrt(v, out=term)
        term += unbias * group["eps"]
        np.divide(m, term, out=term)
        term *= -unbias * group["lr"] / (1 - beta1**step)
        self.write(param, param, term)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters themselves, not by way of the gradient's averages.

    As `Adam`, with θ ← (1 − lr · weight_decay) · θ before each step.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    betas : (float, float), optional
        How much of the averages is kept at each step.
    eps : float, optional
        Added to the denominator.
    weight_decay : float, optional
        The share of θ, times the learning rate, that is taken away at each step.
    amsgrad : bool, optional
        Divide by the largest v so far.
    maximize : bool, optional
        Climb instead of descending.
    foreach, fused : bool, optional
        PyTorch's ways to compute the same; there is one way here.
    capturable, differentiable : bool, optional
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
    >>> optimizer = optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (0 * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9500], requires_grad=True)

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad,
            foreach=foreach, maximize=maximize, capturable=capturable, differentiable=differentiable, fused=fused,
            decoupled_weight_decay=True,
        )  # fmt: skip

    def _read_group(self, place: int, given: Group) -> Group:
        """Return a copy of a loaded group's options; the decay stays decoupled, even if they are Adam's."""
        return {**super()._read_group(place, given), "decoupled_weight_decay": True}
