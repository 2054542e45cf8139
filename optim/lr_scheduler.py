"""Schedules: learning rates that change from epoch to epoch."""

from __future__ import annotations

import copy
import math
import operator
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from autodiff import Tensor, no_grad
from autodiff.tracing import put_off, refuse

from .layout import Group
from .optimizer import Optimizer

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip


_OURS = Optimizer.__module__.rpartition(".")[0] + "."  # a user's own step does not tell whether it was called


class LRScheduler:
    """The base of the schedules: counts epochs and writes the rates into the optimizer's groups.

    A schedule is a subclass whose `rate` tells the next rate from the present one, so that several schedules on one
    optimizer multiply. A group that is added later takes part from then on, its rate of that moment being its base. A
    rate that is a tensor stays one: its number is written into it.

    Parameters
    ----------
    optimizer : Optimizer
        Whose ``param_groups[i]["lr"]`` are changed.
    last_epoch : int, optional
        The last epoch of a run that is taken up again; -1 for a new one.

    Attributes
    ----------
    last_epoch : int
        How many times `step` was called.
    base_lrs : list of float
        Each group's rate before any schedule.

    Raises
    ------
    TypeError
        If `optimizer` is not an Optimizer.
    KeyError
        If a run is taken up again but a group has no ``"initial_lr"``.
    """

    _is_fresh = True  # whether no step was taken yet
    _starting = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = _require_optimizer(optimizer, type(self).__name__)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch != -1 and "initial_lr" not in group:
                raise KeyError(f"{type(self).__name__}: group {i} has no 'initial_lr' to go on from epoch {last_epoch}")
        self.base_lrs: list[float] = []
        self.last_epoch = last_epoch
        fresh = [group for group in optimizer.param_groups if "initial_lr" not in group]
        try:
            self._initial_step()
        except Exception:
            for group in fresh:
                group.pop("initial_lr", None)
            raise

    def _initial_step(self) -> None:
        """Take the first step, which tells the rates from those that are there, not from those of an epoch before."""
        self._starting = True
        try:
            self.step()
        finally:
            self._starting = False

    def rate(self, lr: float, base_lr: float) -> float:
        """Return a group's rate for `last_epoch`, given the one before and its base."""
        raise NotImplementedError(f"{type(self).__name__} has no rate()")

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`, one per group."""
        groups = self.optimizer.param_groups
        return [self.rate(float(group["lr"]), base) for group, base in zip(groups, self.base_lrs, strict=True)]

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch; to be called after the optimizer's steps of this one.

        Parameters
        ----------
        epoch : int, optional
            Go to this epoch instead, to the rates that are reached from the base rates; deprecated, as in PyTorch.

        Raises
        ------
        TypeError, ValueError
            If the epoch is no integer, or negative.
        """
        if put_off(partial(LRScheduler.step, self, epoch), self.optimizer):
            return
        if epoch is not None:
            epoch = _read_epoch(epoch, type(self).__name__)
        self._warn_of_order()
        self._note_base_rates()
        before, rates = self.last_epoch, None
        try:
            if epoch is not None and type(self).get_lr is LRScheduler.get_lr:
                rates = self._rates_at(epoch)
            else:
                self.last_epoch = before + 1 if epoch is None else epoch
                rates = self.get_lr()
            self._set(rates)
        except BaseException:  # also an interrupt: the step is taken, or it is not
            if rates is None:
                self.last_epoch = before
            else:
                self._set(rates)
            raise

    def _warn_of_order(self) -> None:
        """Warn of a first step before the optimizer's, by which the first rate would be passed over."""
        if not self._is_fresh or self._starting:
            return
        self._is_fresh = False
        rule = type(self.optimizer).step
        if not self.optimizer._has_stepped and rule.__module__.startswith(_OURS):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite order: "
                "`optimizer.step()` before `lr_scheduler.step()`; otherwise the first rate of the schedule is skipped.",
                UserWarning,
                stacklevel=3,
            )

    def _rates_at(self, epoch: int) -> list[float]:
        """Return the rates that `epoch` steps from the base rates lead to."""
        rates = self.base_lrs
        try:
            for self.last_epoch in range(epoch + 1):
                self._starting = self.last_epoch == 0
                rates = [self.rate(lr, base) for lr, base in zip(rates, self.base_lrs, strict=True)]
        finally:
            self._starting = False
        return rates

    def _note_base_rates(self) -> None:
        """Note the base rates of the groups that are new."""
        for group in self.optimizer.param_groups[len(self.base_lrs) :]:
            self.base_lrs.append(float(group.setdefault("initial_lr", _copy_rate(group["lr"]))))

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            _write_rate(group, lr)
        self._last_lr = _read_rates(self.optimizer)

    def _begin(self) -> None:
        """Start at epoch 0, from the rates as they are."""
        self.last_epoch = -1
        self._initial_step()

    def _take_over(self) -> None:
        """Start at epoch 0, from the base rates, after another schedule."""
        _reset_rates(self.optimizer)
        self._begin()

    def _leaves(self) -> Iterator[LRScheduler]:
        """Yield the schedules that this one consists of: itself, unless it is made of others."""
        yield self

    def get_last_lr(self) -> list[Any]:
        """Return the rates that were set last, one per group: floats, or tensors where the optimizer's are."""
        refuse("reading a schedule's rates", "read them outside of the function")
        return self._last_lr

    # -- state ---------------------------------------------------------------------------------------------------------

    def _stateless(self) -> set[str]:
        """Return the attributes that are no state."""
        return {"optimizer", "_starting", "_is_fresh"}

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on: plain numbers and lists.

        Returns
        -------
        dict
            Of its attributes, the optimizer left out.
        """
        return {k: copy.deepcopy(v) for k, v in vars(self).items() if k not in self._stateless()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned. The optimizer restores its rates itself.

        Raises
        ------
        TypeError
            If it is no mapping, or what should be a number in it is none.
        ValueError
            If an entry is missing, or it is the state of another kind of schedule, or of one of more groups; nothing
            changes then.
        """
        _require_state(state_dict)
        expected = vars(self).keys() - self._stateless()
        if missing := sorted(expected - state_dict.keys()):
            raise ValueError(
                f"load_state_dict: the state has no {', '.join(missing)}, which {type(self).__name__} needs"
            )
        options = {name for name in state_dict if not name.startswith("_")} - {"mode_worse", "verbose"}  # PyTorch's
        if unknown := sorted(options - vars(self).keys()):
            raise ValueError(f"load_state_dict: {type(self).__name__} has no {', '.join(unknown)}, but the state has")
        for name in sorted(expected & {*_NUMBERS, *_LISTS}):
            if not _is_numeric(name, state_dict[name]) and _is_numeric(name, vars(self)[name]):
                kind = "a list of numbers" if name in _LISTS else "a number"
                raise TypeError(f"load_state_dict: {name} must be {kind}, got {state_dict[name]!r}")
        have, known = len(self.optimizer.param_groups), len(state_dict.get("base_lrs", []))
        _require(known <= have, f"load_state_dict: the state has {known} groups, the optimizer {have}")
        vars(self).update({k: copy.deepcopy(state_dict[k]) for k in expected})
        self._is_fresh = False


def _copy_rate(lr: Any) -> Any:
    """Return a rate that stays as it is when the optimizer's changes."""
    return lr.detach().clone() if isinstance(lr, Tensor) else lr


def _reset_rates(optimizer: Optimizer) -> None:
    """Give every group the rate that it had before any schedule."""
    for group in optimizer.param_groups:
        _write_rate(group, float(group.setdefault("initial_lr", _copy_rate(group["lr"]))))


def _read_rates(optimizer: Optimizer) -> list[Any]:
    """Return copies of the groups' rates."""
    return [_copy_rate(group["lr"]) for group in optimizer.param_groups]


def _write_rate(group: Group, lr: float) -> None:
    """Set a group's rate; one that is a tensor stays the tensor that it is."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(lr)
    else:
        group["lr"] = lr


def _require_optimizer(optimizer: Any, name: str) -> Optimizer:
    if not isinstance(optimizer, Optimizer):
        is_model = callable(getattr(optimizer, "parameters", None))
        cure = f": make one of it first, optimizer = optim.SGD(model.parameters()), then {name}(optimizer)"
        raise TypeError(f"{name}: expected an Optimizer, got {type(optimizer).__name__}{cure if is_model else ''}")
    return optimizer


def _require_state(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise TypeError(f"load_state_dict: expected what state_dict returns, got {type(given).__name__}")


#: Attributes of schedules that are numbers, and lists of them.
_NUMBERS = {"last_epoch", "step_size", "gamma", "factor", "total_iters", "start_factor", "end_factor", "power", "T_max",
            "eta_min", "T_0", "T_mult", "T_i", "T_cur", "total_steps", "patience", "threshold", "cooldown", "eps",
            "best", "num_bad_epochs", "cooldown_counter"}  # fmt: skip
_LISTS = {"base_lrs", "_last_lr", "min_lrs", "_milestones"}


def _is_numeric(name: str, value: Any) -> bool:
    """Tell whether a value is what the attribute of this name should be: a number, or a list of them."""
    if name in _LISTS:
        return isinstance(value, (list, tuple)) and all(_is_numeric("", v) for v in value)
    return hasattr(value, "item") or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _read_epoch(epoch: Any, name: str) -> int:
    """Return an epoch that is given to `step` with a warning, or refuse what is none."""
    if not isinstance(epoch, (int, np.integer)) or isinstance(epoch, bool):
        cure = "; only ReduceLROnPlateau takes a measurement" if isinstance(epoch, (float, Tensor)) else ""
        raise TypeError(f"{name}: the epoch must be an integer, got {epoch!r}{cure}")
    _require(int(epoch) >= 0, f"{name}: the epoch must not be negative, got {epoch}")
    message = f"{name}: step(epoch) is deprecated, as in PyTorch; call step() once per epoch"
    warnings.warn(message, UserWarning, stacklevel=3)
    return int(epoch)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


# -- a factor at certain epochs ----------------------------------------------------------------------------------------


_LRScheduler = LRScheduler  # PyTorch's old name


class LambdaLR(LRScheduler):
    """The base rate times a function of the epoch.

    What objects remember that are called as functions is part of the schedule's state; functions themselves are not.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable or sequence of callables
        From the epoch to a factor; one for all groups or one for each.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Raises
    ------
    TypeError
        If what was given cannot be called.
    ValueError
        If there are not as many functions as groups.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = _require_optimizer(optimizer, type(self).__name__).param_groups
        given: Any = lr_lambda if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * len(groups)
        self.lr_lambdas: list[Callable[[int], float]] = list(given)
        if wrong := [f for f in self.lr_lambdas if not callable(f)]:
            raise TypeError(f"{type(self).__name__}: expected a function or a list of them, got {wrong[0]!r}")
        _require(
            len(self.lr_lambdas) == len(groups),
            f"{type(self).__name__}: expected {len(groups)} functions, one per group",
        )
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for `last_epoch`."""
        have, need = len(self.lr_lambdas), len(self.optimizer.param_groups)
        _require(
            have == need,
            f"{type(self).__name__}: the optimizer has {need} groups by now, but there are {have} functions",
        )
        return [b * factor(self.last_epoch) for b, factor in zip(self.base_lrs, self.lr_lambdas, strict=True)]

    def _stateless(self) -> set[str]:
        return {*super()._stateless(), "lr_lambdas"}

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on, with what callable objects remember; None for plain functions."""
        return {**super().state_dict(), "lr_lambdas": [copy.deepcopy(_memory(f)) for f in self.lr_lambdas]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned, into the functions that this schedule was made with."""
        _require_state(state_dict)
        given = state_dict.get("lr_lambdas")
        fits = isinstance(given, (list, tuple)) and len(given) == len(self.lr_lambdas)
        fits = fits and all(memory is None or isinstance(memory, Mapping) for memory in given or ())
        _require(fits, f"load_state_dict: lr_lambdas must be {len(self.lr_lambdas)} memories or None, got {given!r}")
        remember = list(zip(self.lr_lambdas, given or (), strict=True))
        lost = any(memory is not None and _memory(function) is None for function, memory in remember)
        _require(not lost, "load_state_dict: the state remembers a callable object where there is a function now")
        super().load_state_dict(state_dict)
        for function, memory in remember:
            if memory is not None:
                vars(function).update(copy.deepcopy(memory))


def _memory(function: Any) -> dict[str, Any] | None:
    """Return the attributes of an object that is called as a function; None for functions, which have no memory."""
    return None if isinstance(function, FunctionType) else getattr(function, "__dict__", None)


class MultiplicativeLR(LambdaLR):
    """The rate times a factor that a function of the epoch tells, at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : callable, or sequence of callable
        From the epoch to the factor; one function per group if a sequence.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.95)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.95]
    """

    def get_lr(self) -> list[float]:
        """Return the rates times the functions' values at this epoch."""
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        if self._starting:
            return rates
        return [lr * f(self.last_epoch) for lr, f in zip(rates, self.lr_lambdas, strict=True)]

    def _take_over(self) -> None:
        """Go on from the rates that another schedule has left: it has none of its own."""
        self.last_epoch = 0
        self._set(self.get_lr())


class StepLR(LRScheduler):
    """The rate times `gamma` every `step_size` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
        Epochs.
    gamma : float, optional
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [1.0, 1.0, 0.5, 0.5]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        _require(step_size > 0, f"StepLR: step_size must be positive, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Multiply at every step_size-th epoch."""
        return lr * self.gamma if self.last_epoch and self.last_epoch % self.step_size == 0 else lr


class MultiStepLR(LRScheduler):
    """The rate times `gamma` at each of some epochs.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : iterable of int
        The epochs; one that is listed twice counts twice.
    gamma : float, optional
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Multiply at the milestones."""
        return lr * self.gamma ** self.milestones[self.last_epoch]

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned, from JSON, too, where numbers that are keys become text."""
        _require_state(state_dict)
        given = state_dict.get("milestones")
        _require(
            isinstance(given, Mapping), f"load_state_dict: milestones must be a dict of their counts, got {given!r}"
        )
        try:
            counts = Counter({int(epoch): operator.index(count) for epoch, count in dict(given or {}).items()})
        except (TypeError, ValueError):
            raise TypeError(f"load_state_dict: milestones must be a dict of their counts, got {given!r}") from None
        super().load_state_dict({**state_dict, "milestones": counts})


class ConstantLR(LRScheduler):
    """The rate times `factor` during the first `total_iters` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float, optional
        Between 0 and 1.
    total_iters : int, optional
        Epochs.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> optim.lr_scheduler.ConstantLR(optimizer, factor=0.5).get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        _require(0 <= factor <= 1, f"ConstantLR: factor must be between 0 and 1, got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Multiply at the start, divide at the end."""
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1 / self.factor) if self.last_epoch == self.total_iters else lr


# -- curves ------------------------------------------------------------------------------------------------------------


class LinearLR(LRScheduler):
    """The rate times a factor that moves evenly from one value to another.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor, end_factor : float, optional
        At epoch 0, above 0 and at most 1, and from epoch `total_iters` on, between 0 and 1.
    total_iters : int, optional
        Epochs.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25).get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        _require(0 < start_factor <= 1, f"LinearLR: start_factor must be in (0, 1], got {start_factor}")
        _require(0 <= end_factor <= 1, f"LinearLR: end_factor must be between 0 and 1, got {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Go one step along the line."""
        epoch, total, rise = self.last_epoch, self.total_iters, self.end_factor - self.start_factor
        if epoch == 0:
            return lr * self.start_factor
        if self._starting or epoch > total:
            return lr
        return lr * (1 + rise / (total * self.start_factor + (epoch - 1) * rise))


class ExponentialLR(LRScheduler):
    """The rate times `gamma` at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Multiply."""
        return lr if self._starting else lr * self.gamma


class PolynomialLR(LRScheduler):
    """The rate times (1 − epoch / total_iters) to a power, 0 in the end.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int, optional
        Epochs.
    power : float, optional
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5625]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Go one step along the curve."""
        epoch, total = self.last_epoch, self.total_iters
        if self._starting or epoch > total:
            return lr
        return float(lr * ((1 - epoch / total) / (1 - (epoch - 1) / total)) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """The rate along half a cosine, from its base down to `eta_min` and up again.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        Epochs from top to bottom.
    eta_min : float, optional
        The lowest rate.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  # PyTorch's name
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        _require(T_max != 0, "CosineAnnealingLR: T_max must not be 0")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Go one step along the curve; where it touches the bottom, start from there."""
        epoch, half, low = self.last_epoch, self.T_max, self.eta_min
        if self._starting:
            return lr
        if (epoch - 1 - half) % (2 * half) == 0:
            return lr + (base_lr - low) * (1 - math.cos(math.pi / half)) / 2
        turn = math.pi / half
        return (1 + math.cos(turn * epoch)) / (1 + math.cos(turn * (epoch - 1))) * (lr - low) + low


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate along half a cosine from its base to `eta_min`, over and over.

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        Epochs of the first cycle.
    T_mult : int, optional
        How many times longer each cycle is than the one before.
    eta_min : float, optional
        The lowest rate.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> scheduler.step(1.5)  # in the middle of an epoch
    >>> round(scheduler.get_last_lr()[0], 4)
    0.1464

    References
    ----------
    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803  # PyTorch's names
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        name = "CosineAnnealingWarmRestarts"
        _require(isinstance(T_0, int) and T_0 > 0, f"{name}: T_0 must be a positive integer, got {T_0!r}")
        _require(isinstance(T_mult, int) and T_mult >= 1, f"{name}: T_mult must be an integer >= 1, got {T_mult!r}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_i = T_0
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def rate(self, lr: float, base_lr: float) -> float:
        """Read the curve at the place in the cycle."""
        return self.eta_min + (base_lr - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one, which may be a fraction.

        Raises
        ------
        ValueError
            If the epoch is negative.
        """
        if put_off(partial(CosineAnnealingWarmRestarts.step, self, epoch), self.optimizer):
            return
        self._note_base_rates()
        if epoch is not None:
            _require(epoch >= 0, f"CosineAnnealingWarmRestarts: the epoch must not be negative, got {epoch}")
            self._seek(epoch)
        elif self.last_epoch < 0:
            self._seek(0)
        else:
            self.last_epoch += 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        self._set(self.get_lr())

    def _seek(self, epoch: float) -> None:
        cycle = 0
        self.T_cur, self.T_i = epoch, self.T_0
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        elif epoch >= self.T_0:
            cycle = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**cycle - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**cycle
        self.last_epoch = math.floor(epoch)


class OneCycleLR(LRScheduler):
    """The rate from low up to `max_lr` and down to almost nothing, and the momentum the other way; step by step.

    `step` is called after every batch, not after every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or sequence of float
        The top; one per group if a sequence.
    total_steps : int, optional
        How many steps the cycle has; `epochs` times `steps_per_epoch` if not given.
    epochs, steps_per_epoch : int, optional
    pct_start : float, optional
        The share of the steps that go up.
    anneal_strategy : {'cos', 'linear'}, optional
        The shape of the way.
    cycle_momentum : bool, optional
        Whether momentum (or the first beta) goes from `max_momentum` to `base_momentum` and back.
    base_momentum, max_momentum : float or sequence of float, optional
    div_factor : float, optional
        The top divided by the first rate.
    final_div_factor : float, optional
        The first rate divided by the last.
    three_phase : bool, optional
        Whether to come back to the first rate as fast as the rate rose, and to fall to the last one from there.
    last_epoch : int, optional
        The last step of a run that is taken up again.

    Raises
    ------
    ValueError
        If an option is out of range, the length is not given, or there is no momentum to change; by `step` after the
        last step.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    >>> scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> [round(lr, 4) for lr in scheduler.get_last_lr()]
    [0.04]

    References
    ----------
    Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2019.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        groups = _require_optimizer(optimizer, "OneCycleLR").param_groups
        self.total_steps = _cycle_length(total_steps, epochs, steps_per_epoch)
        share = isinstance(pct_start, (int, float)) and 0 <= pct_start <= 1
        _require(share, f"OneCycleLR: pct_start must be between 0 and 1, got {pct_start!r}")
        rises = pct_start * self.total_steps != 1
        _require(rises, f"OneCycleLR: {pct_start} of {self.total_steps} steps is one step, too few for a rise")
        strategies = f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}"
        _require(anneal_strategy in ("cos", "linear"), strategies)
        found = [name for name in ("betas", "momentum") if name in optimizer.defaults]
        _require(bool(found) or not cycle_momentum, "OneCycleLR: the optimizer has no momentum; cycle_momentum=False?")
        self._anneal_func_type, self.cycle_momentum = anneal_strategy, cycle_momentum
        if cycle_momentum:
            self.use_beta1 = "betas" in optimizer.defaults
        self._schedule_phases = _cycle_phases(self.total_steps, pct_start, three_phase)
        tops = _per_group(max_lr, groups, "max_lr")
        bases = _per_group(base_momentum, groups, "base_momentum")
        lids = _per_group(max_momentum, groups, "max_momentum")
        if last_epoch == -1:
            for group, top, base, lid in zip(groups, tops, bases, lids, strict=True):
                group.update(initial_lr=top / div_factor, max_lr=top, min_lr=top / div_factor / final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=base, max_momentum=lid)
        super().__init__(optimizer, last_epoch)

    def _between(self, group: Group, quantity: str) -> float:
        """Return a group's rate or momentum at the present step."""
        start: float = 0
        for phase in self._schedule_phases:
            end = phase["end_step"]
            if self.last_epoch <= end or phase is self._schedule_phases[-1]:
                first, last = group[phase[f"start_{quantity}"]], group[phase[f"end_{quantity}"]]
                way = (self.last_epoch - start) / (end - start)
                if self._anneal_func_type == "linear":
                    return float((last - first) * way + first)
                return float(last + (first - last) / 2 * (1 + math.cos(math.pi * way)))
            start = end
        raise AssertionError("the last phase holds all that is left")

    def get_lr(self) -> list[float]:
        """Return the rates for this step."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} is beyond the cycle's {self.total_steps} steps")
        for i, group in enumerate(self.optimizer.param_groups):
            if "max_lr" not in group:
                raise KeyError(f"OneCycleLR: group {i}, added after the schedule, has no 'max_lr'")
        return [self._between(group, "lr") for group in self.optimizer.param_groups]

    def _set(self, rates: Sequence[float]) -> None:
        super()._set(rates)
        for group in self.optimizer.param_groups if self.cycle_momentum else []:
            momentum = self._between(group, "momentum")
            if self.use_beta1:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


def _cycle_length(total: int | None, epochs: int | None, each: int | None) -> int:
    """Return the number of steps of a cycle, however it was given."""
    if total is None and (epochs is None or each is None):
        raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
    given = {"total_steps": total} if total is not None else {"epochs": epochs, "steps_per_epoch": each}
    for name, value in given.items():
        _require(isinstance(value, int) and value > 0, f"OneCycleLR: {name} must be a positive integer, got {value!r}")
    return math.prod(n for n in given.values() if n is not None)


def _cycle_phases(total: int, share: float, three: bool) -> list[dict[str, Any]]:
    """Return for each phase its last step, and from where to where the rate and the momentum go."""

    def phase(end: float, *way: str) -> dict[str, Any]:
        return dict(zip(("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum"), (end, *way), strict=True))

    up = phase(float(share * total) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [up, phase(total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    down = phase(float(2 * share * total) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    return [up, down, phase(total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]


def _per_group(value: float | Sequence[float], groups: Sequence[Group], name: str) -> list[float]:
    """Return one number per group."""
    if not isinstance(value, (list, tuple)):
        return [float(value)] * len(groups)  # type: ignore[arg-type]  # what is neither is a number
    _require(len(value) == len(groups), f"{name}: expected {len(groups)} values, one per group, got {len(value)}")
    return list(value)


# -- by what is measured -----------------------------------------------------------------------------------------------


class CyclicLR(LRScheduler):
    """Rates that go up and down between two bounds, again and again.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or sequence of float
        The bounds; one per group if a sequence.
    step_size_up : int, optional
        How many steps lead up.
    step_size_down : int, optional
        How many lead down; as many unless given.
    mode : {'triangular', 'triangular2', 'exp_range'}, optional
        Whether the height stays, is halved from cycle to cycle, or shrinks by `gamma` from step to step.
    gamma : float, optional
    scale_fn : callable, optional
        Tells the share of the height, in place of `mode`.
    scale_mode : {'cycle', 'iterations'}, optional
        What `scale_fn` is a function of: the cycle, counted from 1, or the step.
    cycle_momentum : bool, optional
        Whether momentum (or the first beta) goes from `max_momentum` to `base_momentum` and back.
    base_momentum, max_momentum : float or sequence of float, optional
    last_epoch : int, optional
        The last step of a run that is taken up again.

    Raises
    ------
    ValueError
        If the mode is none of these, or there is no momentum to change.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
    >>> scheduler = optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.1, max_lr=0.5, step_size_up=2)
    >>> for step in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     print(round(scheduler.get_last_lr()[0], 4))
    0.3
    0.5
    0.3

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", WACV 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        groups = _require_optimizer(optimizer, "CyclicLR").param_groups
        known = scale_fn is not None or mode in ("triangular", "triangular2", "exp_range")
        _require(known, f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', got {mode!r}")
        self.max_lrs = _per_group(max_lr, groups, "max_lr")
        bottoms = _per_group(base_lr, groups, "base_lr")
        self.total_size = float(step_size_up) + float(step_size_up if step_size_down is None else step_size_down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = "iterations" if scale_fn is None and mode == "exp_range" else scale_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            found = "betas" in optimizer.defaults or "momentum" in optimizer.defaults
            _require(found, "CyclicLR: the optimizer has no momentum; cycle_momentum=False?")
            self.use_beta1 = "betas" in optimizer.defaults
            self.base_momentums = _per_group(base_momentum, groups, "base_momentum")
            self.max_momentums = _per_group(max_momentum, groups, "max_momentum")
        if last_epoch == -1:
            for group, bottom in zip(groups, bottoms, strict=True):
                _write_rate(group, bottom)
                group["initial_lr"] = bottom
        super().__init__(optimizer, last_epoch)

    def scale_fn(self, x: float) -> float:
        """Return the share of the height at a cycle, or at a step."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return float(self.gamma**x)
        return 1.0 if self.mode == "triangular" else 1 / 2.0 ** (x - 1)

    def _height(self) -> float:
        """Return where between the bounds the present step is: from 0 to 1, scaled."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        way = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        return way * self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)

    def get_lr(self) -> list[float]:
        """Return the rates for this step."""
        height = self._height()
        return [base + (top - base) * height for base, top in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _set(self, rates: Sequence[float]) -> None:
        super()._set(rates)
        if not self.cycle_momentum:
            return
        height = self._height()
        bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
        for group, base, top in bounds:
            momentum = top - (top - base) * height
            if self.use_beta1:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` whenever a measurement has not improved for some epochs.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {'min', 'max'}, optional
        Whether less is better, or more.
    factor : float, optional
        Below 1.
    patience : int, optional
        How many epochs without improvement are tolerated.
    threshold : float, optional
        How large an improvement must be to count.
    threshold_mode : {'rel', 'abs'}, optional
        Whether the threshold is a share of the best value so far, or a difference.
    cooldown : int, optional
        How many epochs after a reduction are not judged.
    min_lr : float or sequence of float, optional
        The lowest rate.
    eps : float, optional
        Reductions smaller than this are left out.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 3.0, 3.0):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = _require_optimizer(optimizer, "ReduceLROnPlateau")
        _require(factor < 1, f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        _require(mode in ("min", "max"), f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}")
        known = f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}"
        _require(threshold_mode in ("rel", "abs"), known)
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.min_lrs = _per_group(min_lr, optimizer.param_groups, "min_lr")
        self.default_min_lr = self.min_lrs[0] if isinstance(min_lr, (int, float)) else None  # of groups added later
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self._last_lr = _read_rates(optimizer)

    def step(  # type: ignore[override]  # it judges a measurement, as PyTorch's does
        self, metrics: Any, epoch: int | None = None
    ) -> None:
        """Judge the measurement of one epoch.

        Parameters
        ----------
        metrics : float or Tensor of one element
        epoch : int, optional
            What becomes ``last_epoch``; deprecated, as in PyTorch.

        Raises
        ------
        RuntimeError
            If the optimizer has got another group since, and the lowest rates were given one by one.
        """
        refuse("a step by a measurement", "return it, and call scheduler.step(metrics) outside of the function")
        value = float(metrics.item() if isinstance(metrics, Tensor) else metrics)
        if epoch is not None:
            epoch = _read_epoch(epoch, "ReduceLROnPlateau")
        groups = self.optimizer.param_groups
        if len(self.min_lrs) != len(groups):
            if self.default_min_lr is None:
                raise RuntimeError(f"ReduceLROnPlateau: {len(groups)} groups by now, but {len(self.min_lrs)} min_lrs")
            self.min_lrs = [self.default_min_lr] * len(groups)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._improves(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = [float(group["lr"]) for group in groups]
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            lower = [max(lr * self.factor, least) for lr, least in zip(rates, self.min_lrs, strict=True)]
            rates = [new if lr - new > self.eps else lr for lr, new in zip(rates, lower, strict=True)]
        self._set(rates)

    def _improves(self, value: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bar = self.best * (1 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return value < bar if self.mode == "min" else value > bar


# -- several schedules -------------------------------------------------------------------------------------------------


class _Several(LRScheduler):
    """Schedules of one optimizer that act as one."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        name = type(self).__name__
        _require(len(schedulers) > 0, f"{name}: expected at least one schedule, got none")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: schedule {i} must be an LRScheduler, got {type(scheduler).__name__}")
            judges = isinstance(scheduler, ReduceLROnPlateau)
            _require(not judges, f"{name}: schedule {i} is a ReduceLROnPlateau, which needs a measurement at each step")
            own = scheduler.optimizer is (optimizer or schedulers[0].optimizer)
            _require(own, f"{name}: schedule {i} belongs to another optimizer")
        self.optimizer = optimizer or schedulers[0].optimizer
        self._schedulers = list(schedulers)
        for scheduler in schedulers:  # this one warns for all
            scheduler._is_fresh = False

    def _leaves(self) -> Iterator[LRScheduler]:
        for scheduler in self._schedulers:
            yield from scheduler._leaves()

    def _stateless(self) -> set[str]:
        return {*super()._stateless(), "_schedulers"}

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on, that of each schedule included."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; nothing changes unless all of it fits."""
        _require_state(state_dict)
        given = state_dict.get("_schedulers", [])
        if not isinstance(given, (list, tuple)):
            raise TypeError(f"load_state_dict: _schedulers must be a list of states, got {type(given).__name__}")
        if len(given) != len(self._schedulers):
            raise ValueError(f"load_state_dict: the state has {len(given)} schedules, this {len(self._schedulers)}")
        before = self.state_dict()
        try:
            self._load(state_dict)
        except Exception:  # whatever a schedule of one's own may raise
            self._load(before)
            raise

    def _load(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class ChainedScheduler(_Several):
    """Several schedules at once: their factors multiply.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        Of one optimizer.
    optimizer : Optimizer, optional
        Theirs, where it is to be checked.

    Raises
    ------
    TypeError, ValueError
        If there are none, or one is no schedule, needs a measurement, or belongs to another optimizer.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> warm = optim.lr_scheduler.ConstantLR(optimizer, factor=0.5)
    >>> fall = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = optim.lr_scheduler.ChainedScheduler([warm, fall])
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(schedulers, optimizer)
        self._last_lr = _read_rates(self.optimizer)

    def step(self) -> None:  # type: ignore[override]  # nor does PyTorch's take an epoch
        """Let every schedule go to the next epoch."""
        if put_off(partial(ChainedScheduler.step, self), self.optimizer):
            return
        self._warn_of_order()
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = _read_rates(self.optimizer)

    def _begin(self) -> None:
        for scheduler in self._schedulers:
            scheduler._begin()
        self._last_lr = _read_rates(self.optimizer)


class SequentialLR(_Several):
    """Several schedules one after the other, each from the base rates and its own epoch 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : sequence of LRScheduler
    milestones : sequence of int
        The epochs at which the second, third, ... takes over.
    last_epoch : int, optional
        The last epoch of a run that is taken up again.

    Raises
    ------
    TypeError, ValueError
        If there are none, one is no schedule, needs a measurement, or belongs to another optimizer, or the milestones
        are not one fewer than the schedules.

    Examples
    --------
    >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)], lr=1.0)
    >>> warm = optim.lr_scheduler.ConstantLR(optimizer, factor=0.5)
    >>> fall = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = optim.lr_scheduler.SequentialLR(optimizer, [warm, fall], milestones=[1])
    >>> rates = []
    >>> for epoch in range(3):
    ...     rates += scheduler.get_last_lr()
    ...     optimizer.step()
    ...     scheduler.step()
    >>> rates
    [0.5, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(schedulers, _require_optimizer(optimizer, "SequentialLR"))
        fits = len(milestones) == len(schedulers) - 1
        _require(fits, f"SequentialLR: {len(schedulers)} schedules need {len(schedulers) - 1} milestones")
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        # Each schedule took a step when it was made. Now the first alone has its turn and starts anew.
        _reset_rates(optimizer)
        for scheduler in self._leaves():
            scheduler.last_epoch -= 1
        self._first()._initial_step()
        self._last_lr = _read_rates(optimizer)

    def _first(self) -> LRScheduler:
        return self._schedulers[bisect_right(self._milestones, 0)]

    def _begin(self) -> None:
        self.last_epoch = 0
        self._first()._begin()
        self._last_lr = _read_rates(self.optimizer)

    def step(self) -> None:  # type: ignore[override]  # nor does PyTorch's take an epoch
        """Let the schedule whose turn it is go to its next epoch."""
        if put_off(partial(SequentialLR.step, self), self.optimizer):
            return
        self._warn_of_order()
        self.last_epoch += 1
        place = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[place]
        if place > 0 and self._milestones[place - 1] == self.last_epoch:
            scheduler._take_over()
        else:
            scheduler.step()
        self._last_lr = _read_rates(self.optimizer)


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
