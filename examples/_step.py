"""The training step that most programs share, plain or compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autodiff as ad
from optim import Optimizer


def training_step(
    optimizer: Optimizer,
    loss: Callable[..., ad.Tensor],
    compiled: bool = False,
    before_update: Callable[[], object] = lambda: None,
) -> Callable[..., ad.Tensor]:
    """
    Return a function that takes one step of an optimizer, and returns the loss before it.

    Parameters
    ----------
    optimizer : Optimizer
        Updates the parameters.
    loss : callable
        Computes the loss of a batch, which the returned function is given.
    compiled : bool, default False
        Whether the step is compiled to native code.
    before_update : callable, optional
        What is to be done with the gradients, as clipping them.

    Returns
    -------
    callable
        The step.
    """

    def step(*batch: Any) -> ad.Tensor:
        optimizer.zero_grad()
        value = loss(*batch)
        value.backward()
        before_update()
        optimizer.step()
        return value

    return ad.compile(step) if compiled else step
