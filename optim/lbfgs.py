"""Limited-memory BFGS: steps along a direction that the last gradients have bent towards the minimum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor, enable_grad, no_grad
from autodiff.tensor import from_array
from autodiff.tracing import refuse

from .layout import Array
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer
from .options import Check, not_negative


def count(title: str, value: Any) -> None:
    """Accept a positive integer."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{title} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{title} must be positive, got {value!r}")


def search(title: str, value: Any) -> None:
    """Accept None and the one search there is."""
    if value not in (None, "strong_wolfe"):
        raise ValueError(f"{title} must be None or 'strong_wolfe', got {value!r}")


class LBFGS(Optimizer):
    """Quasi-Newton steps: the gradient, times an estimate of the inverse second derivative from the last steps.

    With the gradient g, the last steps s and the changes y of the gradient over them, the direction is -H g, where H is
    the inverse of a matrix that maps each s to its y. It needs a loss without noise, computed by a closure, often
    several times a step.

    Parameters
    ----------
    params : iterable of Tensor
        What is optimized; in one group.
    lr : float, optional
        Learning rate.
    max_iter : int, optional
        How many directions are gone in one step.
    max_eval : int, optional
        How often the loss may be computed in one step; 1.25 · `max_iter` unless given.
    tolerance_grad : float, optional
        Where no element of the gradient is larger, there is nothing left to do.
    tolerance_change : float, optional
        Nor where neither parameters nor loss change by more.
    history_size : int, optional
        How many of the last steps are remembered.
    line_search_fn : {None, "strong_wolfe"}, optional
        Whether to search how far to go, instead of `lr`.

    Raises
    ------
    ValueError
        If there are several groups, or an option is out of range.

    Examples
    --------
    >>> w = ad.tensor([5.0, -3.0], requires_grad=True)
    >>> optimizer = optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - 1) ** 4).sum()
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(5):
    ...     _ = optimizer.step(closure)
    >>> bool(((w - 1).abs() < 0.05).all())
    True

    References
    ----------
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 1989.
    """

    options: ClassVar[Mapping[str, Check]] = {
        "lr": not_negative,
        "max_iter": count, "max_eval": count, "history_size": count, "line_search_fn": search,
        "tolerance_grad": not_negative, "tolerance_change": not_negative,
    }  # fmt: skip

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        options = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, options)
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS: expected one group of parameters, got {len(self.param_groups)}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Go along up to `max_iter` directions.

        Parameters
        ----------
        closure : callable
            Computes the loss anew, with gradients, and returns it.

        Returns
        -------
        object
            What the closure returned first.

        Raises
        ------
        TypeError
            If there is no closure.
        """
        if closure is None:
            raise TypeError(
                "LBFGS: step() needs a closure that computes the loss anew: zero_grad(), the loss, backward(), return "
                "the loss"
            )
        refuse("a step of LBFGS, which looks at values,", "compile the closure instead of what calls step()")
        self._has_stepped = True
        group, state = self.param_groups[0], self.state[self.param_groups[0]["params"][0]]
        first = self._loss(closure)
        loss, gradient = _number(first), self._gradient()
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        if np.abs(gradient).max() <= group["tolerance_grad"]:
            return first
        self._descend(closure, state, loss, gradient)
        return first

    def _descend(self, closure: Callable[[], Any], state: dict[str, Any], loss: float, gradient: Array) -> None:
        """Go along directions until one of the limits is reached."""
        group, used = self.param_groups[0], 1
        for i in range(1, group["max_iter"] + 1):
            self._remember(state, gradient)
            direction = state["d"]
            before, state["prev_loss"], state["prev_flat_grad"] = loss, loss, gradient.copy()
            lr = float(group["lr"])
            t = lr if state["n_iter"] > 1 else min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr
            slope = float(gradient @ direction)
            state["t"] = t
            if slope > -group["tolerance_change"]:
                break
            start, evaluations = Point(0.0, loss, gradient, slope), 0
            if group["line_search_fn"] is not None:
                point, evaluations = self._search(closure, direction, start, t)
                t, loss, gradient = point.t, point.loss, point.gradient
            else:
                self._move(self._values(), t, direction)
                if i < group["max_iter"]:  # it would be computed anew at the next step
                    loss, gradient, evaluations = _number(self._loss(closure)), self._gradient(), 1
            state["t"] = t
            used += evaluations
            state["func_evals"] += evaluations
            if (
                used >= group["max_eval"]
                or np.abs(gradient).max() <= group["tolerance_grad"]
                or np.abs(direction * t).max() <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                break

    def _remember(self, state: dict[str, Any], gradient: Array) -> None:
        """Find the next direction, after the last step and the change of the gradient over it were noted."""
        state["n_iter"] += 1
        if state["n_iter"] == 1:
            state |= {"d": -gradient, "old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1.0}
            return
        changes, steps, inverse = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = gradient - state["prev_flat_grad"], state["d"] * gradient.dtype.type(state["t"])
        product = float(y @ s)
        if product > 1e-10:
            if len(changes) == self.param_groups[0]["history_size"]:
                for listed in (changes, steps, inverse):
                    listed.pop(0)
            changes.append(y)
            steps.append(s)
            inverse.append(1.0 / product)
            state["H_diag"] = product / float(y @ y)
        state["d"] = _direction(gradient, changes, steps, inverse, state["H_diag"])

    def _search(self, closure: Callable[[], Any], direction: Array, start: Point, t: float) -> tuple[Point, int]:
        """Search how far to go, and go there."""
        values = self._values()

        def evaluate(t: float) -> tuple[float, Array]:
            self._move(values, t, direction)
            return _number(self._loss(closure)), self._gradient()

        point, evaluations = strong_wolfe(evaluate, direction, start, t, self.param_groups[0]["tolerance_change"])
        self._move(values, point.t, direction)
        return point, evaluations

    # -- parameters as one vector --------------------------------------------------------------------------------------

    def _loss(self, closure: Callable[[], Any]) -> Any:
        with enable_grad():
            return closure()

    def _gradient(self) -> Array:
        """Return the gradients of all parameters as one vector."""
        params = self.param_groups[0]["params"]
        return np.concatenate(
            [np.zeros(p.shape, p.dtype).ravel() if p.grad is None else p.grad.detach().numpy().ravel() for p in params]
        )

    def _values(self) -> Array:
        """Return all parameters as one vector of its own."""
        return np.concatenate([p.detach().numpy().ravel() for p in self.param_groups[0]["params"]])

    def _move(self, values: Array, t: float, direction: Array) -> None:
        """Put the parameters t along the direction from `values`."""
        moved = values + direction * values.dtype.type(t)
        start = 0
        with no_grad():
            for p in self.param_groups[0]["params"]:
                p.copy_(from_array(moved[start : start + p.numel()].reshape(p.shape)))
                start += p.numel()


def _number(loss: Any) -> float:
    if not isinstance(loss, (Tensor, float, int, np.generic)):
        raise TypeError(f"LBFGS: the closure must return the loss, got {type(loss).__name__}")
    return float(loss.item() if isinstance(loss, Tensor) else loss)


def _direction(gradient: Array, changes: list[Array], steps: list[Array], inverse: list[float], scale: float) -> Any:
    """Return minus the gradient times the estimate of the inverse second derivative, by two passes over the memory."""
    q, shares = -gradient, []
    for y, s, r in zip(changes[::-1], steps[::-1], inverse[::-1], strict=True):
        share = float(s @ q) * r
        q = q - q.dtype.type(share) * y
        shares.append(share)
    q = q * q.dtype.type(scale)
    for y, s, r, share in zip(changes, steps, inverse, shares[::-1], strict=True):
        q = q + q.dtype.type(share - float(y @ q) * r) * s
    return q
