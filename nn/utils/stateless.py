"""Calling a module with parameters that are handed to it, instead of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import autodiff as ad
from autodiff import Tensor

from ..module import Module

__all__ = ["functional_call", "stack_module_state"]


@contextlib.contextmanager
def _swapped(module: Module, given: Mapping[str, Tensor], strict: bool) -> Generator[None, None, None]:
    """Let tensors take the place of those of a module by dotted path; tied ones together."""
    places: list[tuple[Module, str, Any]] = []
    names = {name: t for kind in ("parameter", "buffer") for name, t in module._named(kind, "", True, False)}
    unexpected = [name for name in given if name not in names]
    if unexpected:
        raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {unexpected[0]!r}")
    if strict and (missing := set(names) - set(given)):
        raise RuntimeError(f"functional_call: strict, but {sorted(missing)} are missing")
    twins = {name: [n for n, t in names.items() if t is names[name]] for name in given}
    try:
        for name, value in given.items():
            for twin in twins[name]:
                if twin != name and twin in given:
                    continue
                path, _, last = twin.rpartition(".")
                owner = module.get_submodule(path)
                places.append((owner, last, vars(owner)[last]))
                vars(owner)[last] = value
        yield
    finally:
        for owner, last, before in reversed(places):
            if vars(owner)[last] is not before:
                vars(owner)[last] = before


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with tensors in the place of its parameters and buffers; gradients flow to these.

    Parameters
    ----------
    module : Module
    parameter_and_buffer_dicts : mapping of str to Tensor, or sequence of such
        By dotted path. What is not among them stays the module's own.
    args : tuple, or a single argument, optional
    kwargs : mapping, optional
    tie_weights : bool, optional
        Must be True: tensors that the module has under two names are replaced under both.
    strict : bool, optional
        Whether all parameters and buffers must be given.

    Returns
    -------
    What the module returns.

    Raises
    ------
    KeyError
        If the module has none of that name.
    RuntimeError
        If some are missing under `strict`.

    Examples
    --------
    >>> w, b = ad.ones(1, 2, requires_grad=True), ad.zeros(1)
    >>> y = nn.utils.stateless.functional_call(nn.Linear(2, 1), {"weight": w, "bias": b}, ad.tensor([2.0, 3.0]))
    >>> y.backward()
    >>> w.grad
    tensor([[2., 3.]])
    """
    if isinstance(parameter_and_buffer_dicts, Mapping):
        given = dict(parameter_and_buffer_dicts)
    else:
        given = {name: value for part in parameter_and_buffer_dicts for name, value in part.items()}
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, given, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Stack the parameters, and the buffers, of modules of one kind along a new first dimension.

    Examples
    --------
    >>> params, buffers = nn.utils.stateless.stack_module_state([nn.Linear(2, 1) for _ in range(3)])
    >>> params["weight"].shape, buffers
    ((3, 1, 2), {})
    """
    if not models:
        raise RuntimeError("stack_module_state: expected at least one module")
    if any(type(model) is not type(models[0]) for model in models):
        raise RuntimeError("stack_module_state: expected modules of one class")
    stacked: list[dict[str, Tensor]] = []
    for kind in ("parameter", "buffer"):
        own = [dict(model._named(kind, "", True, True)) for model in models]
        stacked.append({name: ad.stack([o[name].detach() for o in own]) for name in own[0]})
    for name, value in stacked[0].items():
        value.requires_grad_(dict(models[0].named_parameters())[name].requires_grad)
    return stacked[0], stacked[1]
