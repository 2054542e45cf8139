"""Steps as large as the last ones, so that there is no learning rate to choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, invalid, is_number


def share(title: str, value: Any) -> None:
    """Accept a number from 0 to 1."""
    if not is_number(value):
        raise TypeError(f"{title} must be a number in [0, 1], got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(invalid(title, value, "must be a number in [0, 1]"))


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
        What is optimized; dicts are groups with their options.
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
    resumes: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Check]] = {"rho": share}

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
        super().__init__(
            params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay},
            maximize=maximize, capturable=capturable, foreach=foreach, differentiable=differentiable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages of squared gradients and of squared steps."""
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        square, taken, rho, eps = state["square_avg"], state["acc_delta"], group["rho"], group["eps"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        self.write(square, square, rho, np.multiply)
        self.write(square, square, ((1 - rho) * grad) * grad)  # in this order a large gradient does not overflow
        delta = np.sqrt(taken + eps) / np.sqrt(square + eps) * grad
        self.write(param, param, -group["lr"] * delta)
        self.write(taken, rho * taken, (1 - rho) * delta * delta)  # last, for the step is found from what it was
