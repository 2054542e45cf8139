"""Averages of a model's parameters over the steps: stochastic weight averaging, and moving averages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import autodiff as ad
from autodiff import Tensor
from nn import Module
from nn.normalization import _BatchNorm

from .lr_scheduler import LRScheduler
from .optimizer import Optimizer

__all__ = [
    "SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn",
    "update_bn",
]  # fmt: skip

Average = Callable[[Tensor, Tensor, Any], Tensor]


def get_swa_avg_fn() -> Average:
    """Return the function that computes the mean of all parameters so far."""

    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        mean: Tensor = averaged + (current - averaged) / (count + 1)
        return mean

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the function that computes a moving average, in which the old one keeps the share `decay`."""
    _check_decay(decay)

    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def _check_decay(decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"ema: decay must be between 0 and 1, got {decay}")


def _of_lists(average: Average) -> Callable[..., None]:
    def update(averaged: Iterable[Tensor], current: Iterable[Tensor], count: Any) -> None:
        for a, c in zip(averaged, current, strict=True):
            a.copy_(average(a, c, count))

    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """Return what `get_swa_avg_fn` computes, on lists of tensors and in place."""
    return _of_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """Return what `get_ema_avg_fn` computes, on lists of tensors and in place."""
    return _of_lists(get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of a model that holds averages of its parameters.

    Parameters
    ----------
    model : Module
    device : optional
        "cpu", or None.
    avg_fn : callable, optional
        Gets (average, parameter, number of averaged ones) and returns the new average; the mean unless given.
    multi_avg_fn : callable, optional
        Gets lists of them, and writes into the first.
    use_buffers : bool, optional
        Whether buffers are averaged, too, instead of being copied.

    Attributes
    ----------
    module : Module
        The copy.
    n_averaged : Tensor
        How many times `update_parameters` was called.

    Raises
    ------
    ValueError
        If both functions are given.

    Examples
    --------
    >>> net = nn.Linear(1, 1)
    >>> mean = optim.swa_utils.AveragedModel(net)
    >>> for value in (1.0, 3.0):
    ...     _ = net.weight.data.fill_(value)
    ...     mean.update_parameters(net)
    >>> mean.module.weight.item()
    2.0

    References
    ----------
    Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give either avg_fn or multi_avg_fn")
        self.module = copy.deepcopy(model).to(device)
        self.register_buffer("n_averaged", ad.tensor(0, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute what the model computes, with the averages."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the present parameters of a model into the averages."""
        own, given = ([*m.parameters(), *(m.buffers() if self.use_buffers else ())] for m in (self.module, model))
        averaged, current = [t.detach() for t in own], [t.detach() for t in given]
        with ad.no_grad():
            if self.n_averaged == 0:
                for a, c in zip(averaged, current, strict=True):
                    a.copy_(c)
            else:
                update = self.multi_avg_fn or _of_lists(self.avg_fn or get_swa_avg_fn())
                update(averaged, current, self.n_averaged)
            if not self.use_buffers:
                for b, c in zip(self.module.buffers(), model.buffers(), strict=True):
                    b.detach().copy_(c.detach())
            self.n_averaged += 1


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running averages of batch normalization anew, over the batches of a loader.

    Parameters
    ----------
    loader : iterable
        Of inputs, or of tuples and lists that begin with them.
    model : Module
    device : optional
        "cpu", or None.

    Examples
    --------
    >>> net = nn.Sequential(nn.BatchNorm1d(1))
    >>> optim.swa_utils.update_bn([ad.tensor([[1.0], [3.0]])], net)
    >>> net[0].running_mean
    tensor([2.])
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta, was_training = [m.momentum for m in layers], model.training
    for m in layers:
        m.reset_running_stats()
        m.momentum = None  # a plain average over the batches
    model.train()
    try:
        with ad.no_grad():
            for batch in loader:
                model((batch[0] if isinstance(batch, (list, tuple)) else batch).to(device))
    finally:
        for m, momentum in zip(layers, momenta, strict=True):
            m.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """The rate on its way to a fixed one, `swa_lr`, and then there.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        The rate in the end, one for all groups or for each.
    anneal_epochs : int, optional
    anneal_strategy : {"cos", "linear"}, optional
        Whether it goes along half a cosine or a line.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Raises
    ------
    ValueError
        If the strategy is unknown, or there is not one rate per group.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.swa_utils.SWALR(optimizer, 0.1, anneal_epochs=1)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(f"SWALR: expected {len(groups)} rates, one per group, got {len(rates)}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs must be an integer that is not negative, got {anneal_epochs}")
        self._along, self.anneal_epochs = anneal_strategy, anneal_epochs
        for group, rate in zip(groups, rates, strict=True):
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def _share(self, step: float) -> float:
        """Return how much of the way is done."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._along == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        step = self.last_epoch if self.anneal_epochs else max(1, self.last_epoch)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            start = group["swa_lr"] if before == 1 else (group["lr"] - before * group["swa_lr"]) / (1 - before)
            rates.append(float(group["swa_lr"] * now + start * (1 - now)))
        return rates
