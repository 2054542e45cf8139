"""Read what an optimizer is given to optimize, and say what should have come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from autodiff import Tensor


def to_list(params: Any) -> list[Any]:
    """Return parameters, pairs with names, or groups as a list."""
    unordered = isinstance(params, (Tensor, set, frozenset, Mapping)) or not isinstance(params, Iterable)
    if unordered or hasattr(params, "parameters"):
        raise TypeError(f"params: expected an ordered iterable of tensors or dicts, got a {describe(params)}")
    return list(params)


def split_names(given: Any) -> tuple[list[Any], list[str]]:
    """Return the parameters of a group, and their names if they come in pairs with them."""
    items = [given] if isinstance(given, Tensor) else to_list(given)
    params = [item[1] if isinstance(item, tuple) and len(item) > 1 else item for item in items]
    return params, [item[0] for item in items if isinstance(item, tuple)]


def describe(value: Any) -> str:
    """Name the kind of what came in the place of parameters and, where that tells what was meant, say the cure."""
    if callable(getattr(value, "parameters", None)):
        cure = ": say model.parameters()"
    elif callable(value):
        cure = ": call it, as in model.parameters()"
    elif isinstance(value, Tensor):
        cure = ": put it into a list"
    elif isinstance(value, Mapping):
        cure = ": put the group into a list" if "params" in value else ": say model.parameters()"
    elif isinstance(value, Iterator):
        cure = ": give it without the list around it"
    else:
        cure = ""
    return type(value).__name__ + cure


def require_parameters(params: list[Any], known: set[Tensor]) -> None:
    """Raise an error if one is no tensor that can be optimized, or is among the known ones or given twice."""
    seen = set(known)
    for i, p in enumerate(params):
        if not isinstance(p, Tensor):
            raise TypeError(f"params: parameter {i} must be a Tensor, got {describe(p)}")
        if not (p.is_leaf or (p._extra is not None and p._extra.retains_grad)):
            raise ValueError(
                f"params: parameter {i}, of shape {p.shape}, is the result of an operation, not a leaf, and does not "
                "retain its gradient"
            )
        if p.dtype.kind != "f":
            raise ValueError(f"params: parameter {i} holds {p.dtype}, which cannot be optimized")
        if p in seen:
            raise ValueError(f"params: parameter {i}, of shape {p.shape}, occurs twice")
        seen.add(p)
