"""What the graph is made of: arrays that know the operation and the inputs they came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .anomaly import Origin
    from .primitive import Primitive

# One clock for the whole process. It stamps what is recorded and what is changed in place, so that sorting by stamp
# is a topological order, and an input stamped later than the operation that read it has been changed since.
tick: Callable[[], int] = itertools.count(1).__next__

Record = tuple["Primitive", tuple["Node", ...], dict[str, Any], int]


class Extra:
    """What only some nodes carry: a name, hooks, the modules that returned them, where they were computed."""

    __slots__ = ("hooks", "name", "origin", "retains_grad", "scopes")

    def __init__(self) -> None:
        self.name: str | None = None
        self.hooks: dict[int, Callable[[Any], Any]] | None = None
        self.retains_grad = False
        self.origin: Origin | None = None  # noted while detect_anomaly is on
        self.scopes: tuple[tuple[object, int], ...] = ()  # (module, the clock when it was called), innermost first


class Node:
    """An array in the graph. `Tensor` is a Node with operators and methods.

    Attributes
    ----------
    _data : ndarray or NumPy scalar
        The value; NumPy's scalars stand for 0-d arrays because they compute several times faster.
    _grad : Node or None
        The gradient that `backward` has accumulated.
    _requires_grad : bool
    _record : tuple or None
        (primitive, inputs, parameters, stamp) for a recorded result; None for a leaf.
        `inputs` is None once backward has freed the record.
    _version : list of one int, or None
        The stamp of the last change in place, in a cell that all views of an array share; None for never.
    _extra : Extra or None
    """

    __slots__ = ("__weakref__", "_data", "_extra", "_grad", "_record", "_requires_grad", "_version")

    _data: Any
    _grad: Any
    _requires_grad: bool
    _record: Any  # Record | None; Any keeps the walk's unpacking free of casts
    _version: list[int] | None
    _extra: Extra | None


def extra(node: Node) -> Extra:
    """Return the node's `Extra`, made when first needed."""
    if node._extra is None:
        node._extra = Extra()
    return node._extra


def share_version(view: Node, base: Node) -> None:
    """Let a view be seen as changed whenever its base is, and the other way round."""
    if base._version is None:
        base._version = [0]
    view._version = base._version


def increment_version(tensor: Node) -> None:
    """Note that the tensor's array was changed in place.

    A graph that saved the old values then refuses to run backward instead of giving wrong gradients. Tensor's own
    in-place methods and the optimizers call this; code that writes into `tensor.data` may, too.

    Parameters
    ----------
    tensor : Tensor
        The tensor whose array was written to.

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> w.data[0] = 5.0
    >>> ad.graph.increment_version(w)
    >>> loss.backward()
    Traceback (most recent call last):
        ...
    RuntimeError: mul: input 0, a tensor of shape (2,), was changed in place after the operation had saved it ...
    """
    if tensor._version is None:
        tensor._version = [tick()]
    else:
        tensor._version[0] = tick()


def changed_since(node: Node, stamp: int) -> bool:
    """Tell whether the node's array was changed in place after `stamp`."""
    return node._version is not None and node._version[0] > stamp


def clear_gradient(tensor: Node, set_to_none: bool) -> None:
    """Forget a tensor's gradient, or fill it with zeros where it stands: what `zero_grad` does to each parameter."""
    grad = tensor._grad
    if set_to_none or grad is None:
        tensor._grad = None
    elif grad._requires_grad:
        tensor._grad = grad.detach() * 0
    else:
        grad.data[...] = 0
        increment_version(grad)
