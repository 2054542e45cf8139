"""Hooks: functions that a module calls before and after its own work, and when gradients pass it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import autodiff as ad
from autodiff import RemovableHandle, Tensor

if TYPE_CHECKING:
    from .module import Module

Hook = Callable[..., Any]


class Entry(NamedTuple):
    """A hook, and how it wants to be called."""

    hook: Hook
    with_kwargs: bool = False
    always: bool = False


class Hooks:
    """The hooks of one module: for each kind a dict from the key of its handle to the hook."""

    def __init__(self) -> None:
        self.before: dict[int, Entry] = {}
        self.after: dict[int, Entry] = {}
        self.before_backward: dict[int, Entry] = {}
        self.backward: dict[int, Entry] = {}
        self.before_state: dict[int, Entry] = {}
        self.after_state: dict[int, Entry] = {}
        self.before_load: dict[int, Entry] = {}
        self.after_load: dict[int, Entry] = {}

    def add(self, kind: str, hook: Hook, prepend: bool, *how: bool) -> RemovableHandle:
        """Register a hook of a kind, last or first."""
        if not callable(hook):
            raise TypeError(f"hook: expected a callable, got {type(hook).__name__}")
        hooks: dict[int, Entry] = getattr(self, kind)
        handle = RemovableHandle(hooks)
        earlier = dict(hooks) if prepend else {}
        for key in earlier:
            del hooks[key]
        hooks[handle._key] = Entry(hook, *how)
        hooks.update(earlier)
        return handle


class ByHandle(MutableMapping[int, Hook]):
    """The hooks of a kind by the keys of their handles, as programs for PyTorch read and delete them."""

    def __init__(self, entries: dict[int, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, key: int) -> Hook:
        return self._entries[key].hook

    def __setitem__(self, key: int, hook: Hook) -> None:
        self._entries[key] = Entry(hook)

    def __delitem__(self, key: int) -> None:
        del self._entries[key]

    def __iter__(self) -> Iterator[int]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"OrderedDict({dict(self)})"


#: The hooks of every module, which are called before a module's own.
EVERYWHERE = Hooks()


def entries(hooks: Hooks, kind: str) -> tuple[Entry, ...]:
    """Return the hooks of a kind that a module is to call: those of every module, and its own."""
    own = () if hooks is EVERYWHERE else getattr(hooks, kind).values()
    return (*getattr(EVERYWHERE, kind).values(), *own)


def call(hooks: Hooks, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what the module computes, with its hooks called around it."""
    output, waiting = None, [e for e in entries(hooks, "after") if e.always]
    try:
        for hook, with_kwargs, _ in entries(hooks, "before"):
            if with_kwargs:
                args, kwargs = _read_arguments(hook(module, args, kwargs), args, kwargs)
            elif (given := hook(module, args)) is not None:
                args = given if isinstance(given, tuple) else (given,)
        passes = entries(hooks, "backward") or entries(hooks, "before_backward")
        watch = _Watch(module, hooks) if passes else None
        output = module.forward(*(watch.enter(args) if watch else args), **kwargs)
        for entry in entries(hooks, "after"):
            if entry in waiting:
                waiting.remove(entry)
            output = _call_after(entry, module, args, kwargs, output)
    except Exception:
        for entry in waiting:
            try:
                output = _call_after(entry, module, args, kwargs, output)
            except Exception as error:
                warnings.warn(
                    f"{type(module).__name__}: a hook that is always called failed after another error: {error}",
                    stacklevel=3,
                )
        raise
    return watch.leave(output) if watch else output


def _read_arguments(
    given: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read what a hook before a call returned: other arguments, or None to keep them."""
    if given is None:
        return args, kwargs
    if not (isinstance(given, tuple) and len(given) == 2):
        raise RuntimeError(f"hook: a forward pre-hook with keywords must return None or (args, kwargs), got {given!r}")
    return given


def _call_after(entry: Entry, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    """Call a hook after a call and return what it put in the output's place."""
    given = entry.hook(module, args, kwargs, output) if entry.with_kwargs else entry.hook(module, args, output)
    return output if given is None else given


class _Watch:
    """Catches the gradients of one call's outputs, then those of its inputs, and hands both to the backward hooks."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_output: tuple[Any, ...] | None = None  # None unless gradients are on their way through the module
        self.inputs = 0
        self.inner = False  # whether an input requires a gradient

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with which `forward` is called."""
        caught = _catch(args, self._at_inputs)
        self.inputs, self.inner = len(args), caught is not args
        return caught

    def leave(self, output: Any) -> Any:
        """Return the output with which the call ends."""
        if isinstance(output, (tuple, list)):
            make = getattr(output, "_make", type(output))  # a named tuple takes its parts one by one
            return make(map(self._separate, _catch(output, self._at_outputs)))
        if not isinstance(output, Tensor):
            warnings.warn(
                f"{type(self.module).__name__}: its backward hooks are not called, because it returned a "
                f"{type(output).__name__} instead of a Tensor or a tuple of them",
                stacklevel=4,
            )
            return output
        return self._separate(_catch((output,), self._at_outputs)[0])

    def _separate(self, value: Any) -> Any:
        """Return a view of an output, so that a hook that replaces the gradient does not change the output's own."""
        if not entries(self.hooks, "before_backward") or not isinstance(value, Tensor) or not value.requires_grad:
            return value
        return value.reshape(value.shape)

    def _at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Call the hooks before backward, and those after it at once if no gradient goes on to an input."""
        for hook, *_ in entries(self.hooks, "before_backward"):
            given = hook(self.module, gradients)
            if given is not None:
                gradients = given if isinstance(given, tuple) else (given,)
        self.grad_output = gradients
        if not self.inner:
            self._at_inputs((None,) * self.inputs)
        return gradients

    def _at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """Call the hooks after backward, which see the gradients of inputs and outputs."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # none came through the outputs: a derivative of a recorded gradient
            return gradients
        for hook, *_ in entries(self.hooks, "backward"):
            given = hook(self.module, gradients, grad_output)
            if given is not None:
                gradients = given if isinstance(given, tuple) else (given,)
        return gradients


def _catch(values: Iterable[Any], at_gradients: Callable[[tuple[Any, ...]], Any]) -> tuple[Any, ...]:
    """Return values whose gradients arrive together: `at_gradients` gets all of them at once and may replace them.

    Values that require gradients are joined into one node and split again, because a node's gradient is complete before
    any gradient is computed from it. All others are returned unchanged; None stands for their gradients.
    """
    given = tuple(values)
    places = [i for i, v in enumerate(given) if isinstance(v, Tensor) and v.requires_grad]
    if not places or not ad.is_grad_enabled():
        return given
    tensors = [given[i] for i in places]

    def replace_gradient(g: Tensor) -> Tensor | None:
        gradients = _put((None,) * len(given), places, _split(g, tensors))
        replaced = at_gradients(gradients)
        if replaced is None:
            return None
        if len(replaced) != len(given):
            raise RuntimeError(f"hook: returned {len(replaced)} gradients, expected {len(given)}")
        return _join([gradients[i] if replaced[i] is None else replaced[i] for i in places])

    node = _join(tensors)
    node.register_hook(replace_gradient)
    return _put(given, places, _split(node, tensors))


def _put(values: tuple[Any, ...], places: list[int], tensors: list[Tensor]) -> tuple[Any, ...]:
    """Return values with tensors at some places."""
    at = dict(zip(places, tensors, strict=True))
    return tuple(at.get(i, v) for i, v in enumerate(values))


def _join(tensors: list[Tensor]) -> Tensor:
    """Join tensors into one vector; return a single tensor as a view in its own shape."""
    return tensors[0].reshape(tensors[0].shape) if len(tensors) == 1 else ad.cat([t.flatten() for t in tensors])


def _split(joined: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Undo `_join`: return parts with the shapes and dtypes of the tensors that were joined."""
    if len(like) == 1:
        return [joined]
    ends = np.cumsum([0, *(t.numel() for t in like)]).tolist()
    return [joined[a:b].reshape(t.shape).to(t.dtype) for t, a, b in zip(like, ends[:-1], ends[1:], strict=True)]
