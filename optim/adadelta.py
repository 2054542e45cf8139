"""Steps as large as the last ones, so that there is no learning rate to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps scaled by the root mean square of the last steps over that of the last gradients.

    With gradient g (weight decay added)::

        s ← rho · s + (1 − rho) · g²
        Δ ← √(a + eps) / √(s + eps) · g
        a ← rho · a + (1 − rho) · Δ²
        θ ← θ − lr · Δ

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with options of their own.
    lr : float or Tensor, optional
        What the step is multiplied with.
    rho : float, optional
        The share of the old average in a new one.
    eps : float, optional
        Added to averages before the root.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
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
    >>> optimizer = optim.Adadelta([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9968], requires_grad=True)

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method", arXiv:1212.5701.
    """

    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(
            params, {**options, "capturable": capturable, "foreach": foreach, "differentiable": differentiable}
        )

    def check_option(self, name: str, value: Any) -> None:
        """Raise a TypeError if an option is not of its kind, a ValueError if it is out of its range."""
        if name != "rho":
            super().check_option(name, value)
        elif not isinstance(value, (int, float, np.number)) or isinstance(value, bool):
            raise TypeError(f"Adadelta: rho must be a number in [0, 1], got {value!r}")
        elif not 0 <= value <= 1:
            raise ValueError(f"Adadelta: rho must be a number in [0, 1], got {value!r}")

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages of squared gradients and of squared steps."""
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        square, taken, rho, eps = state["square_avg"], state["acc_delta"], group["rho"], group["eps"]
        grad = self.descent(param, grad, group["maximize"], group["weight_decay"])
        square *= rho
        square += (1 - rho) * grad * grad
        delta = np.sqrt(taken + eps) / np.sqrt(square + eps) * grad
        taken *= rho
        taken += (1 - rho) * delta * delta
        param -= group["lr"] * delta
