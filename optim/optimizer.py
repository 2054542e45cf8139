"""Optimizer: the bookkeeping that every update rule shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from autodiff import Tensor, enable_grad
from autodiff.graph import increment_version

Group = dict[str, Any]


class Optimizer:
    """The base of all update rules: parameter groups, their options, and the state of each parameter.

    A rule is a subclass whose `update` changes one parameter, given its gradient, its state and its group's options.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What is optimized; dicts are groups with a list ``"params"`` and options of their own.
    defaults : dict
        The options of a group that does not give its own.

    Attributes
    ----------
    param_groups : list of dict
        Each with ``"params"`` and the options.
    state : dict
        For each parameter a dict of what the rule remembers.

    Raises
    ------
    TypeError
        If a parameter is not a Tensor.
    ValueError
        If there is no parameter, one is not a leaf, one occurs twice, or an option is out of range.
    """

    def __init__(self, params: Any, defaults: Group) -> None:
        groups = _listed(params)
        if not groups:
            raise ValueError("params: got an empty parameter list")
        self.defaults = defaults
        self.state: dict[Tensor, dict[str, Any]] = {}
        self.param_groups: list[Group] = []
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters, with options of their own, to those that are optimized."""
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise TypeError("param_group: expected a dict with the key 'params'")
        given = param_group["params"]
        listed = [given] if isinstance(given, Tensor) else _listed(given)
        params = [p[1] if isinstance(p, tuple) else p for p in listed]
        group = {**self.defaults, **param_group, "params": params}
        for name in self.defaults:
            self.check(name, group[name])
        known = {p for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"params: parameter {i} must be a Tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(
                    f"params: parameter {i}, of shape {p.shape}, is the result of an operation, not a leaf"
                )
            if p.dtype.kind != "f":
                raise ValueError(f"params: parameter {i} holds {p.dtype}, which cannot be optimized")
            if p in known:
                raise ValueError(f"params: parameter {i}, of shape {p.shape}, occurs twice")
            known.add(p)
        self.param_groups.append(group)

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError if an option is out of its range."""
        counted = name in ("lr", "eps", "momentum", "weight_decay")
        if counted and not (_is_number(value) and value >= 0 and math.isfinite(value)):
            raise ValueError(f"{type(self).__name__}: {name} must be a number that is not negative, got {value!r}")
        if name == "betas" and not (_is_pair(value) and all(0 <= b < 1 for b in value)):
            raise ValueError(f"{type(self).__name__}: both betas must be in [0, 1), got {value!r}")

    def update(self, param: Any, grad: Any, state: dict[str, Any], group: Group) -> None:
        """Change the array `param` in place, given the array `grad`."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew, with gradients, and returns it.

        Returns
        -------
        object
            What the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p._grad is not None:
                    self.update(p.data, p._grad.data, self.state.setdefault(p, {}), group)
                    increment_version(p)
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad = Tensor(np.zeros_like(p.data))

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return options and state, with parameters as numbers in the order in which they were given.

        Returns
        -------
        dict
            ``"state"``: for each number what the rule remembers; ``"param_groups"``: options and numbers of each group.
        """
        number = {p: i for i, p in enumerate(self._all())}
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        state = {number[p]: {k: _out(v) for k, v in s.items()} for p, s in self.state.items() if s and p in number}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; nothing changes unless all of it fits.

        Raises
        ------
        ValueError
            If the groups differ in number or size, or a state in shape.
        """
        groups, state = state_dict["param_groups"], state_dict["state"]
        theirs, ours = ([len(g["params"]) for g in gs] for gs in (groups, self.param_groups))
        if theirs != ours:
            raise ValueError(f"load_state_dict: the state has groups of {theirs} parameters, the optimizer of {ours}")
        params = self._all()
        at = dict(zip((i for g in groups for i in g["params"]), params, strict=True))
        loaded = {at[i]: {k: _in(v, at[i], k) for k, v in s.items()} for i, s in state.items()}
        for i, given in enumerate(groups):
            for name in self.defaults:
                if name not in given:
                    raise ValueError(f"load_state_dict: group {i} has no option {name!r}")
                self.check(name, given[name])
        for mine, given in zip(self.param_groups, groups, strict=True):
            mine.update({k: v for k, v in given.items() if k != "params"})
        self.state = loaded

    def _all(self) -> Iterable[Tensor]:
        return [p for g in self.param_groups for p in g["params"]]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _listed(params: Any) -> list[Any]:
    """Return what is to be optimized as a list, or say what came instead."""
    if isinstance(params, (Tensor, set, frozenset)) or not isinstance(params, Iterable):
        raise TypeError(f"params: expected an ordered iterable of tensors or dicts, got a {type(params).__name__}")
    return list(params)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_number, value))


def _out(value: Any) -> Any:
    """Return an array of the state as a tensor of its own."""
    return Tensor(value.copy()) if isinstance(value, np.ndarray) else value


def _in(value: Any, param: Tensor, name: str) -> Any:
    """Return a tensor of a loaded state as an array of its own, of the parameter's dtype."""
    if not isinstance(value, (Tensor, np.ndarray)):
        return value
    array = np.array(value._data if isinstance(value, Tensor) else value, dtype=param.dtype)
    if array.shape != param.shape:
        raise ValueError(f"load_state_dict: {name} has shape {array.shape}, its parameter {param.shape}")
    return array
