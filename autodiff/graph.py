"""What the graph is made of: arrays that know the operation and the inputs they came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .anomaly import Origin

# One clock for the whole process. It stamps what is recorded and what is changed in place, so that sorting by stamp
# is a topological order, and an input stamped later than the operation that read it has been changed since.
tick: Callable[[], int] = itertools.count(1).__next__

NO_PARAMS: dict[str, Any] = {}  # of the many operations that take none


class Extra:
    """What only some nodes carry; what is not set stays here, with the class, and costs nothing."""

    name: str | None = None
    hooks: dict[int, Callable[[Any], Any]] | None = None
    retains_grad = False
    origin: Origin | None = None  # where it was computed, noted while detect_anomaly is on
    scopes: tuple[tuple[object, int], ...] = ()  # (module, the clock when it was called), innermost first


class Node:
    """An array in the graph. `Tensor` is a Node with operators and methods.

    Attributes
    ----------
    _data : ndarray or NumPy scalar
        The value; NumPy's scalars stand for 0-d arrays because they compute several times faster.
    _grad : Node or None
        The gradient that `backward` has accumulated.
    _requires_grad : bool
    _op : Primitive or None
        The operation whose recorded result this is; None for a leaf, which has none of the next three.
    _inputs : tuple of Node, or None
        What the operation was applied to; None once backward has freed it.
    _params : dict
        The parameters it was called with.
    _stamp : int
        The clock's time of the recording.
    _version : list of one int, or None
        The stamp of the last change in place, in a cell that all views of an array share; None for never.
    _extra : Extra or None
    """

    # Slots of the node itself, not a record beside it: what the garbage collector visits is what long graphs pay for.
    __slots__ = (
        "__weakref__", "_data", "_extra", "_grad", "_inputs", "_op", "_params", "_requires_grad", "_stamp", "_version",
    )  # fmt: skip

    _data: Any
    _grad: Any
    _requires_grad: bool
    _op: Any  # Any, and not Primitive | None, keeps the walk free of casts
    _inputs: Any
    _params: dict[str, Any]
    _stamp: int
    _version: list[int] | None
    _extra: Extra | None


def extra(node: Node) -> Extra:
    """Return the node's `Extra`, made when first needed."""
    if node._extra is None:
        node._extra = Extra()
    return node._extra


def recorded(outputs: Iterable[Node], freed: str) -> list[Node]:
    """Return every recorded node that the outputs depend on, earliest first; raise `freed` where a part is gone."""
    found = [y for y in dict.fromkeys(outputs) if y._op is not None]
    seen = set(found)
    for y in found:  # grows as it is walked
        if y._inputs is None:
            raise RuntimeError(freed.format(y._op.name))
        for x in y._inputs:
            if x._op is not None and x not in seen:
                seen.add(x)
                found.append(x)
    return sorted(found, key=attrgetter("_stamp"))


def share_version(view: Node, base: Node) -> None:
    """Let a view be seen as changed whenever its base is, and the other way round."""
    if base._version is None:
        base._version = [0]
    view._version = base._version


def increment_version(tensor: Node | Iterable[Node]) -> None:
    """Note that the array of a tensor, or of each of several, was changed in place.

    A graph that saved the old values then refuses to run backward instead of giving wrong gradients. Tensor's own
    in-place methods and the optimizers call this; code that writes into `tensor.data` may, too.

    Parameters
    ----------
    tensor : Tensor or iterable of Tensor
        Whose array was written to.

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
    now = tick()
    for changed in (tensor,) if isinstance(tensor, Node) else tensor:
        if changed._version is None:
            changed._version = [now]
        else:
            changed._version[0] = now


def changed_since(node: Node, stamp: int) -> bool:
    """Tell whether the node's array was changed in place after `stamp`."""
    return node._version is not None and node._version[0] > stamp


def clear_gradients(tensors: Iterable[Node], set_to_none: bool) -> None:
    """Forget the gradients of tensors, or fill them with zeros where they stand: what `zero_grad` does."""
    for tensor in tensors:
        grad = tensor._grad
        if set_to_none or grad is None:
            tensor._grad = None
        elif grad._requires_grad:
            tensor._grad = grad.detach() * 0
        else:
            grad.data[...] = 0
            increment_version(grad)
