"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, finite


class SGD(Optimizer):
    """Stochastic gradient descent, plain or with momentum.

    With gradient g (weight decay added), velocity v and learning rate η::

        v ← momentum · v + (1 − dampening) · g        (v ← g at the first step)
        θ ← θ − η · v                                  nesterov: θ ← θ − η · (g + momentum · v)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate η.
    momentum : float, optional
        The share of the last step's velocity that is kept.
    dampening : float, optional
        How much less of the new gradient is taken into the velocity.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    nesterov : bool, optional
        Look ahead along the velocity.
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
        If an option is out of range, or `nesterov` comes without momentum or with dampening.

    Examples
    --------
    >>> w = ad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8000], requires_grad=True)

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    counts_steps: ClassVar[bool] = False
    elementwise: ClassVar[bool] = True
    resumes: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Check]] = {"dampening": finite}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(
            params, {**options, "nesterov": nesterov},
            maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        )  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov: Nesterov momentum requires a momentum and zero dampening, got {momentum} "
                f"and {dampening}"
            )

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the velocity, where there is momentum."""
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        momentum, dampening = group["momentum"], group["dampening"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        if momentum:
            velocity = state["momentum_buffer"]
            self.write(velocity, velocity, momentum, np.multiply)
            self.write(velocity, velocity, (1 - dampening) * grad if dampening and step > 1 else grad)
            grad = grad + momentum * velocity if group["nesterov"] else velocity
        self.write(param, param, -group["lr"] * grad)


class Momentum(SGD):
    """Stochastic gradient descent whose momentum is 0.9 unless told otherwise; `SGD` under its other name.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        Learning rate.
    momentum : float, optional
        The share of the last step's velocity that is kept.
    dampening : float, optional
        How much less of the new gradient is taken into the velocity.
    weight_decay : float, optional
        The factor of θ that is added to its gradient (L2 penalty).
    nesterov : bool, optional
        Look ahead along the velocity.
    maximize : bool, optional
        Climb instead of descending.
    foreach, fused : bool, optional
        PyTorch's ways to compute the same; there is one way here.
    differentiable : bool, optional
        False.

    Raises
    ------
    ValueError
        As `SGD`.

    Examples
    --------
    >>> w = ad.tensor([1.0], requires_grad=True)
    >>> optimizer = optim.Momentum([w], lr=0.1)
    >>> for _ in range(2):
    ...     w.grad = ad.tensor([1.0])
    ...     optimizer.step()
    >>> w
    tensor([0.7100], requires_grad=True)

    References
    ----------
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0.9,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, momentum, dampening, weight_decay, nesterov,
            maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        )  # fmt: skip
