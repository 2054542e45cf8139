"""Steps whose size follows the sign of the gradient alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, invalid, is_number


def _factors(title: str, value: Any) -> None:
    """Accept what a step shrinks and grows by."""
    if not (isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_number, value))):
        raise TypeError(f"{title} must be two numbers, got {value!r}")
    if not 0 < value[0] < 1 < value[1]:
        raise ValueError(invalid(title, value, "must be below and above 1, and positive"))


def _limits(title: str, value: Any) -> None:
    """Accept the least and the largest step."""
    if not (isinstance(value, (tuple, list)) and len(value) == 2 and all(map(is_number, value))):
        raise TypeError(f"{title} must be two numbers, got {value!r}")


class Rprop(Optimizer):
    """Steps against the sign of the gradient that grow while it stays and shrink when it turns; for whole data sets.

    With gradient g, the one before g' and its step size s, η⁻ and η⁺ = etas, each element for itself::

        s ← clip(s · (η⁺ where g g' > 0, η⁻ where g g' < 0), *step_sizes)
        g ← 0 where g g' < 0
        θ ← θ − s · sign(g)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What is optimized; dicts are groups with their options.
    lr : float or Tensor, optional
        The first step size.
    etas : pair of float, optional
        What a step shrinks and grows by.
    step_sizes : pair of float, optional
        The least and the largest step.
    capturable, foreach, differentiable : bool, optional
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
    >>> optimizer = optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9000], requires_grad=True)

    References
    ----------
    Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP algorithm", 1993.
    """

    elementwise: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Check]] = {"etas": _factors, "step_sizes": _limits}

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "etas": etas, "step_sizes": step_sizes},
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
        )  # fmt: skip

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the gradient before and the size of the step."""
        return {"prev": 0.0, "step_size": float(group["lr"])}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        before, size = state["prev"], state["step_size"]
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        product = grad * before
        size *= np.where(product > 0, grow, np.where(product < 0, shrink, 1.0)).astype(size.dtype)
        np.clip(size, least, most, out=size)
        before[...] = np.where(product < 0, 0, grad)
        param -= np.where(before > 0, size, np.where(before < 0, -size, np.zeros_like(size)))  # a NaN moves nothing
