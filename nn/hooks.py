"""Hooks: functions that a module calls before and after its own work, and when gradients pass it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

import autodiff as ad
from autodiff import RemovableHandle, Tensor

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class Hooks:
    """The hooks of one module: for each kind a dict from the key of its handle to (hook, whether with keywords)."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Hook, bool]] = {}
        self.after: dict[int, tuple[Hook, bool]] = {}
        self.backward: dict[int, tuple[Hook, bool]] = {}

    def add(self, kind: str, hook: Hook, prepend: bool, with_kwargs: bool = False) -> RemovableHandle:
        """Register a hook of a kind, last or first."""
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        hooks: dict[int, tuple[Hook, bool]] = getattr(self, kind)
        handle = RemovableHandle(hooks)
        earlier = dict(hooks) if prepend else {}
        for key in earlier:
            del hooks[key]
        hooks[handle._key] = (hook, with_kwargs)
        hooks.update(earlier)
        return handle


def call(hooks: Hooks, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what the module computes, with its hooks called around it."""
    for hook, with_kwargs in tuple(hooks.before.values()):
        given = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if given is not None:
            if with_kwargs:
                args, kwargs = given
            else:
                args = given if isinstance(given, tuple) else (given,)
    watch = _Watch(module, hooks) if hooks.backward else None
    output = module.forward(*(watch.enter(args) if watch else args), **kwargs)
    for hook, with_kwargs in tuple(hooks.after.values()):
        given = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
        if given is not None:
            output = given
    return watch.leave(output) if watch else output


class _Watch:
    """Catches the gradients at one call's outputs, then those at its inputs, and hands both to the backward hooks."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_output: tuple[Any, ...] | None = None  # None unless gradients are on their way through the module
        self.inputs = 0
        self.inner = False  # whether a gradient is computed for an input

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        passed = _passed(args, self._at_inputs)
        self.inputs, self.inner = len(args), passed is not args
        return passed

    def leave(self, output: Any) -> Any:
        if isinstance(output, (tuple, list)):
            make = getattr(output, "_make", type(output))  # a named tuple takes its parts one by one
            return make(_passed(output, self._at_outputs))
        return _passed((output,), self._at_outputs)[0]

    def _at_outputs(self, gradients: tuple[Any, ...]) -> None:
        self.grad_output = gradients
        if not self.inner:
            self._at_inputs((None,) * self.inputs)

    def _at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # they came from inside, as those of a gradient's gradient do
            return gradients
        for hook, _ in tuple(self.hooks.backward.values()):
            given = hook(self.module, gradients, grad_output)
            if given is not None:
                gradients = given if isinstance(given, tuple) else (given,)
        return gradients


def _passed(values: Iterable[Any], at_gradients: Callable[[tuple[Any, ...]], Any]) -> tuple[Any, ...]:
    """Return values as they are, but those that require gradients as views; their gradients are caught together.

    Several are joined into one node, because a node's gradient is complete before any is computed from it.
    """
    given = tuple(values)
    traced = [i for i, v in enumerate(given) if isinstance(v, Tensor) and v.requires_grad]
    if not traced or not ad.is_grad_enabled():
        return given
    tensors = [given[i] for i in traced]
    one = tensors[0].reshape(tensors[0].shape) if len(traced) == 1 else ad.cat([t.flatten() for t in tensors])
    ends = np.cumsum([0, *(t.size for t in tensors)]).tolist()

    def caught(g: Tensor) -> Tensor | None:
        parts = [g] if len(traced) == 1 else _parted(g, tensors_like, ends)
        at = dict(zip(traced, parts, strict=True))
        changed = at_gradients(tuple(at.get(i) for i in range(len(given))))
        if changed is None:
            return None
        if len(changed) != len(given):
            raise RuntimeError(f"hook: returned {len(changed)} gradients, expected {len(given)}")
        if len(traced) == 1:
            return changed[traced[0]]  # type: ignore[no-any-return]  # what a hook returned
        return ad.cat([changed[i].flatten() for i in traced])

    tensors_like = [(t.shape, t.dtype) for t in tensors]
    one.register_hook(caught)
    views = [one] if len(traced) == 1 else _parted(one, tensors_like, ends)
    at = dict(zip(traced, views, strict=True))
    return tuple(at.get(i, v) for i, v in enumerate(given))


def _parted(joined: Tensor, like: list[tuple[Any, Any]], ends: list[int]) -> list[Tensor]:
    return [
        joined[a:b].reshape(shape).to(dtype) for (shape, dtype), a, b in zip(like, ends[:-1], ends[1:], strict=True)
    ]
