"""Gradient descent with averages of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, finite


class ASGD(Optimizer):
    """Gradient descent whose parameters are averaged beside, under ``"ax"`` in the state.

    With gradient g (weight decay added) and step number t; η and μ start with lr and 1::

        θ ← (1 − lambd · η) · θ − η · g
        ax ← ax + μ · (θ − ax)
        η ← lr / (1 + lambd · lr · t)^alpha,  μ ← 1 / max(1, t − t0)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    lambd : float, optional
        How fast parameters decay.
    alpha : float, optional
        The power with which the learning rate falls.
    t0 : float, optional
        The step from which on parameters are averaged.
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
    >>> optimizer = optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)

    References
    ----------
    Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30, 1992.
    """

    elementwise: ClassVar[bool] = True
    uniform: ClassVar[frozenset[str]] = frozenset({"mu", "eta"})
    options: ClassVar[Mapping[str, Check]] = {"lambd": finite, "alpha": finite, "t0": finite}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(
            params, options, foreach=foreach, maximize=maximize, differentiable=differentiable, capturable=capturable
        )

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the averages, the next rate, and how much the next parameters count."""
        return {"mu": 1.0, "eta": float(group["lr"]), "ax": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        mean, rate, share = state["ax"], state["eta"], state["mu"]
        lr, lambd = group["lr"], group["lambd"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        param *= 1 - lambd * rate
        param -= rate * grad
        mean += (param - mean) * share
        rate[...] = lr / (1 + lambd * lr * step) ** group["alpha"]
        share[...] = 1 / max(1, step - group["t0"])
