"""The recorded graph, and hooks on it, under PyTorch's path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.backward import after_walk
from ..engine.graph import increment_version as increment_version
from ..history import GradFn as Node

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["Handles", "Node", "increment_version", "register_multi_grad_hook"]


class Handles:
    """What registering a hook on several tensors returns; `remove()` takes it away from all of them."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all") -> Handles:
    """Call a function with the gradients of several tensors, once for each pass through the graph.

    Parameters
    ----------
    tensors : sequence of Tensor
    fn : callable
        Gets the list of their gradients, None for those that the pass has not reached; or, in the mode "any", the
        gradient that comes first.
    mode : {"all", "any"}, optional

    Returns
    -------
    Handles
        Its ``remove()`` takes the hook away.

    Examples
    --------
    >>> a, b = ad.ones(1, requires_grad=True), ad.ones(1, requires_grad=True)
    >>> handle = ad.autograd.graph.register_multi_grad_hook((a, b), print)
    >>> (2 * a + 3 * b).backward()
    [tensor([2.]), tensor([3.])]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: mode must be 'all' or 'any', got {mode!r}")
    found: dict[int, Tensor] = {}

    def finish() -> None:
        given = [found.get(k) for k in range(len(tensors))]
        found.clear()
        if mode == "all":
            fn(given)

    def catch(k: int) -> Callable[[Any], None]:
        def caught(g: Tensor) -> None:
            if not found:
                after_walk(finish)
                if mode == "any":
                    fn(g)
            found[k] = g

        return caught

    return Handles([t.register_hook(catch(k)) for k, t in enumerate(tensors)])
