"""What an optimizer's `state_dict` is made of: how its entries are saved, and checked when they are loaded."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from autodiff import Tensor
from autodiff.tensor import from_array

from .layout import Group, State


def copy_options(group: Mapping[str, Any]) -> Group:
    """Return a copy of a group's options that shares nothing with it."""
    return copy.deepcopy({name: value for name, value in group.items() if name != "params"})


def save_entry(value: Any, of_the_rule: bool, is_uniform: bool = False) -> Any:
    """Return an entry of a parameter's state as a tensor if it is an array of the rule's, else as a copy."""
    if not of_the_rule or not isinstance(value, np.ndarray):
        return copy.deepcopy(value)
    if is_uniform and value.size:
        value = value.ravel()[0]
    return from_array(np.array(value))


def read_parts(state_dict: Any) -> tuple[Sequence[Group], Mapping[Any, State]]:
    """Return the groups and the states of what is loaded, or raise an error if one is not built as it should be."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected what state_dict returns, got {type(state_dict).__name__}")
    if missing := sorted({"param_groups", "state"} - state_dict.keys()):
        raise ValueError(f"load_state_dict: the state has no {', '.join(missing)}")
    groups, states = state_dict["param_groups"], state_dict["state"]
    _require_kind(groups, (list, tuple), "param_groups must be a list of dicts")
    for i, group in enumerate(groups):
        _require_kind(group, Mapping, f"group {i} must be a dict")
        if "params" not in group:
            raise KeyError(f"load_state_dict: group {i} has no 'params'")
        _require_kind(group["params"], (list, tuple), f"the 'params' of group {i} must be a list of numbers")
        for number in group["params"]:
            _require_kind(number, Hashable, f"the 'params' of group {i} must be a list of numbers")
    _require_kind(states, Mapping, "state must be a dict")
    for number, state in states.items():
        _require_kind(state, Mapping, f"the state of parameter {number!r} must be a dict")
    return groups, states


def _require_kind(value: Any, kinds: Any, message: str) -> None:
    if not isinstance(value, kinds):
        raise TypeError(f"load_state_dict: {message}, got {type(value).__name__}")


def read_entry(value: Any, param: Tensor, name: str, is_uniform: bool = False) -> Any:
    """Return an entry of a loaded state as it is kept: a number of steps, or an array of the parameter's dtype."""
    try:
        array = np.asarray(value._data if isinstance(value, Tensor) else value)
    except ValueError:  # NumPy's, for lists of unequal length
        raise ValueError(f"load_state_dict: {name} is no array: {value!r}") from None
    if name == "step":
        if array.size != 1 or array.dtype.kind not in "iuf" or array.item() < 0 or array.item() % 1 != 0:
            raise ValueError(f"load_state_dict: step must be a number of steps, got {value!r}")
        return int(array.item())
    if is_uniform and not array.ndim:
        array = np.full(param.shape, array)
    if array.shape != param.shape:
        raise ValueError(f"load_state_dict: {name} has shape {array.shape}, its parameter {param.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"load_state_dict: {name} holds {array.dtype}, which does not fit its parameter's {param.dtype}"
        )
    with np.errstate(over="ignore"):
        return array.astype(param.dtype)
