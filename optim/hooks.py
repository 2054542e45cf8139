"""Hooks of an optimizer: functions called around its steps and its state."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from autodiff import RemovableHandle
from autodiff.tracing import attribute_changes

Hook = Callable[..., Any]


def step_between(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
    """Take a step with hooks before and after it; as in PyTorch, their arguments begin with the optimizer."""
    args = (optimizer, *args)
    for hook in optimizer.hooks("before step"):
        given = hook(optimizer, args, kwargs)
        if given is not None:
            if not (isinstance(given, tuple) and len(given) == 2):
                raise RuntimeError(f"hook: a step pre-hook must return None or (args, kwargs), got {given!r}")
            args, kwargs = given
    result = type(optimizer).step(*args, **kwargs)
    for hook in optimizer.hooks("after step"):
        hook(optimizer, args, kwargs)
    return result


class Hooked:
    """The part of `Optimizer` that keeps hooks."""

    _hooks: dict[str, dict[int, Hook]] | None = None  # for each kind

    def hooks(self, kind: str) -> tuple[Hook, ...]:
        """Return the hooks of a kind, in the order in which they are called."""
        return () if self._hooks is None else tuple(self._hooks.get(kind, {}).values())

    def steps_are_hooked(self) -> bool:
        """Tell whether anything is to be called before or after a step."""
        return bool(self.hooks("before step") or self.hooks("after step"))

    def _hook(self, kind: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        if self._hooks is None:
            self._hooks = {}
        hooks = self._hooks.setdefault(kind, {})
        handle, earlier = RemovableHandle(hooks), dict(hooks) if prepend else {}
        for key in earlier:
            del hooks[key]
        hooks[handle._key] = hook
        hooks.update(earlier)
        attribute_changes[0] += 1
        if "step" in kind:  # set on the object: an optimizer without hooks pays nothing
            vars(self)["step"] = functools.partial(step_between, self)
        return handle

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call a function with (optimizer, args, kwargs) before every step; it may return others.

        The optimizer is the first of `args`, as it is where PyTorch calls them.

        Examples
        --------
        >>> optimizer = optim.SGD([ad.zeros(1, requires_grad=True)])
        >>> handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: print("before"))
        >>> optimizer.step()
        before
        """
        return self._hook("before step", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call a function with (optimizer, args, kwargs) after every step."""
        return self._hook("after step", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call a function with the optimizer before `state_dict`."""
        return self._hook("before state", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call a function with (optimizer, state) after `state_dict`; it may return another state."""
        return self._hook("after state", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call a function with (optimizer, state) before `load_state_dict`; it may return another state."""
        return self._hook("before load", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call a function with the optimizer after `load_state_dict`."""
        return self._hook("after load", hook, prepend)
