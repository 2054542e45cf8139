"""Momentum made orthogonal, for the matrices of hidden layers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor

from .layout import Array, Group
from .optimizer import Optimizer
from .options import Check, is_number


def _coefficients(title: str, value: Any) -> None:
    if not (isinstance(value, (tuple, list)) and len(value) == 3 and all(map(is_number, value))):
        raise ValueError(f"{title} must be three numbers, got {value!r}")


def _steps(title: str, value: Any) -> None:
    if not isinstance(value, int) or not 0 <= value < 100:
        raise ValueError(f"{title} must be an integer from 0 to 99, got {value!r}")


def _adjustment(title: str, value: Any) -> None:
    if value not in (None, "original", "match_rms_adamw"):
        raise ValueError(f"{title} must be None, 'original' or 'match_rms_adamw', got {value!r}")


class Muon(Optimizer):
    """Steps along momentum whose singular values are brought near to 1.

    With gradient g, and NS the Newton-Schulz iteration x ← a x + (b x xᵀ + c (x xᵀ)²) x of `ns_steps` steps, which
    starts from x = m / max(‖m‖, eps)::

        b ← momentum · b + (1 − momentum) · g
        m ← (1 − momentum) · g + momentum · b  if nesterov else  b
        θ ← θ − lr · weight_decay · θ − lr · √max(1, rows / columns) · NS(m)

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        Matrices, all of them; other parameters go to another optimizer.
    lr : float or Tensor, optional
        Learning rate.
    weight_decay : float, optional
        The share of θ that each step takes away, times the learning rate.
    momentum : float, optional
        The share of the last step's direction that is kept.
    nesterov : bool, optional
        Look ahead along it.
    ns_coefficients : tuple of three floats, optional
        a, b and c.
    eps : float, optional
        The least norm that the direction is divided by.
    ns_steps : int, optional
        The steps of the iteration.
    adjust_lr_fn : {"original", "match_rms_adamw"}, optional
        The factor of the learning rate: the one above, or 0.2 √max(rows, columns), with which that of AdamW fits.

    Raises
    ------
    ValueError
        If a parameter is no matrix, or an option is out of range.

    Examples
    --------
    >>> w = ad.eye(2).requires_grad_()
    >>> optimizer = optim.Muon([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> bool((w.diagonal() < 1).all())
    True

    References
    ----------
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. PyTorch iterates in bfloat16; this
    is done in the dtype of the parameter.
    """

    counts_steps: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Check]] = {
        "ns_coefficients": _coefficients, "ns_steps": _steps, "adjust_lr_fn": _adjustment,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        more = {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        super().__init__(params, {**options, **more})

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add matrices; refuse other parameters."""
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.ndim != 2:
                self.param_groups.pop()
                raise ValueError(f"Muon: only matrices can be optimized, got a parameter of shape {p.shape}")

    def fills(self, group: Group) -> Mapping[str, float]:
        """Remember the direction."""
        return {"momentum_buffer": 0.0}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Take one step."""
        kept, direction, lr = group["momentum"], state["momentum_buffer"], group["lr"]
        self.write(direction, direction, (1 - kept) * (grad - direction))
        ahead = grad + kept * (direction - grad) if group["nesterov"] else direction
        rows, columns = param.shape
        wanted = group["adjust_lr_fn"] == "match_rms_adamw"
        factor = 0.2 * math.sqrt(max(rows, columns)) if wanted else math.sqrt(max(1, rows / columns))
        self.write(param, param, -lr * (group["weight_decay"] * param + factor * _orthogonalize(ahead, group)))


def _orthogonalize(x: Array, group: Group) -> Array:
    """Return a matrix of the same singular vectors whose singular values are near 1."""
    a, b, c = group["ns_coefficients"]
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / max(float(np.linalg.norm(x)), group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return np.asarray(x.T if tall else x)
