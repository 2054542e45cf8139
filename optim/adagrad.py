"""Steps that shrink with the sum of squared gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, not_negative


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

    With gradient g (weight decay added) and step number t::

        s ← s + g²
        θ ← θ − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    lr_decay : float, optional
        How fast the learning rate falls besides.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    initial_accumulator_value : float, optional
        What s starts with, in every group: one of a group's own changes nothing, as in PyTorch.
    eps : float, optional
        Added to the root.
    maximize : bool, optional
        Climb instead of descending.
    foreach, fused : bool, optional
        PyTorch's ways to compute the same; there is one way here.
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
    >>> optimizer = optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12,
    2011.
    """

    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Check]] = {"lr_decay": not_negative, "initial_accumulator_value": not_negative}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay}
        super().__init__(
            params, {**options, "initial_accumulator_value": initial_accumulator_value},
            maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        )  # fmt: skip

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters, whose sums start at once and not with the first step."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            self.state[p] = {"step": 0, "sum": np.full(p.shape, self.fills(group)["sum"], p.dtype)}

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the sum of squares, which starts where the constructor says, in all groups, as in PyTorch."""
        return {"sum": self.defaults["initial_accumulator_value"]}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        total = state["sum"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        self.write(total, total, grad * grad)
        denominator = np.sqrt(total)
        denominator += group["eps"]
        self.write(param, param, -group["lr"] / (1 + (step - 1) * group["lr_decay"]) * (grad / denominator))
