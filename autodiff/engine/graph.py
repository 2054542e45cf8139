"""What the graph is made of: arrays that know the operation and the inputs they came from."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterable
from operator import attrgetter
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from .modes import set_grad_enabled

if TYPE_CHECKING:
    from .anomaly import Origin

# One clock for the whole process. It stamps what is recorded and what is changed in place, so that sorting by stamp
# is a topological order, and an input stamped later than the operation that read it has been changed since.
tick: Callable[[], int] = itertools.count(1).__next__

NO_PARAMS: dict[str, Any] = {}  # of the many operations that take none

#: How a view came from its base: operations, one on the result of the other, each with its parameters.
Way = tuple[tuple[Callable[..., Any], dict[str, Any]], ...]


class Extra:
    """What only some nodes carry. What is not set is read off the class and takes no memory."""

    name: str | None = None
    hooks: dict[int, Callable[[Any], Any]] | None = None
    after: dict[int, Callable[[Any], Any]] | None = None  # hooks called when a gradient was added to ``.grad``
    retains_grad = False
    origin: Origin | None = None  # where it was computed, noted while detect_anomaly is on
    scopes: tuple[tuple[object, int], ...] = ()  # (module, the clock when it was called), innermost first
    base: Node | None = None  # of a view: the tensor whose elements it shows
    way: Way | None = ()  # how it came from there; None where that was not recorded
    older: tuple[Node, ...] = ()  # what the node was before recorded changes in place, earliest first
    cut: float = 0  # when it was detached in place
    switches: tuple[float, ...] = ()  # when its `requires_grad` was switched on or off
    children = 0  # how many views of it were recorded anew; their stamps lie right behind its own


class Version:
    """What the tensors on one array share: when it was changed, and who they are.

    Attributes
    ----------
    stamp : int
        The stamp of the last change in place; 0 for never.
    alert : int or float
        A reader stamped earlier than this has to be looked at before it is differentiated: at least `stamp`; infinity
        where a change was recorded and a reader may mean an older self of what it read.
    tensors : list of weak references to Node, or None
        Everyone on the array; None as long as it has a single tensor.
    """

    __slots__ = ("alert", "room", "stamp", "tensors")

    def __init__(self) -> None:
        self.stamp = 0
        self.alert: float = 0
        self.tensors: list[ref[Node]] | None = None
        self.room = 16

    def changed(self, stamp: int) -> None:
        """Note a change."""
        self.stamp = stamp
        if self.alert < stamp:
            self.alert = stamp

    def join(self, node: Node) -> None:
        """Note one more tensor on the array; now and then forget those that are gone."""
        with _joining:
            if self.tensors is None:
                self.tensors = []
            elif len(self.tensors) >= self.room:
                self.tensors = [r for r in self.tensors if r() is not None]
                self.room = 2 * len(self.tensors) + 16
            self.tensors.append(ref(node))

    def living(self) -> list[Node]:
        """Return every tensor on the array."""
        return [t for r in self.tensors or () if (t := r()) is not None]


_joining = Lock()


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
    _stamp : int or float
        The clock's time of the recording; between two times for a view recorded later than it counts from.
    _version : Version or None
        When the array was changed in place, shared by all tensors on it; None for never, by a single tensor.
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
    _stamp: float
    _version: Version | None
    _extra: Extra | None


def extra(node: Node) -> Extra:
    """Return the node's `Extra`, made when first needed."""
    if node._extra is None:
        node._extra = Extra()
    return node._extra


def recorded(outputs: Iterable[Node], freed: str, since: float = -1) -> list[Node]:
    """Return every node recorded after `since` that outputs depend on, earliest first; raise `freed` if one is gone."""
    outputs = dict.fromkeys(outputs)
    for y in outputs:
        refresh(y)
    found = [y for y in outputs if made_at(y) > since]
    seen = set(found)
    for y in found:  # grows as it is walked
        if y._inputs is None:
            raise RuntimeError(freed.format(y._op.name))
        for x in y._inputs:
            if x._version is not None and x._version.alert > y._stamp:
                settle_inputs(y)
                break
        for x in y._inputs:
            if x._op is not None and x._stamp > since and x not in seen:
                seen.add(x)
                found.append(x)
    return sorted(found, key=attrgetter("_stamp"))


# -- one array, several tensors ----------------------------------------------------------------------------------------


def share_version(view: Node, base: Node) -> None:
    """Let a view be seen as changed whenever its base is, and the other way round."""
    version = base._version = base._version or Version()
    if version.tensors is None:
        version.join(base)
    view._version = version
    version.join(view)


def expose(node: Node) -> Any:
    """Return the node's array to somebody who may keep it: from now on it stays where it is in memory."""
    node._version = node._version or Version()
    return array_of(node)


def share_memory(view: Node, parent: Node, step: tuple[Callable[..., Any], dict[str, Any]] | None) -> None:
    """Note that a result shows its parent's memory, and the step that makes such a view again, if there is one."""
    share_version(view, parent)
    noted, above = extra(view), parent._extra
    way: Way | None = ()
    if above is None or above.base is None:
        noted.base = parent
    else:
        noted.base, way = above.base, above.way
    noted.way = None if way is None or step is None else (*way, step)


def increment_version(tensor: Node | Iterable[Node]) -> None:
    """Note that the array of a tensor, or of each of several, was changed in place.

    A graph that saved the old values then refuses to run backward instead of giving wrong gradients. Tensor's own
    in-place methods and the optimizers call this; code that writes into ``tensor.numpy()`` may, too.

    Parameters
    ----------
    tensor : Tensor or iterable of Tensor
        Whose array was written to.

    Examples
    --------
    >>> import autodiff as ad
    >>> w = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> loss = (w * w).sum()
    >>> w.detach().numpy()[0] = 5.0
    >>> ad.graph.increment_version(w)
    >>> loss.backward()
    Traceback (most recent call last):
        ...
    RuntimeError: mul: input 0, a tensor of shape (2,), was changed in place after the operation had saved it: ...
    """
    now = tick()
    for changed in (tensor,) if isinstance(tensor, Node) else tensor:
        version = changed._version = changed._version or Version()
        version.stamp = now  # `changed` spelled out, for an optimizer does this for every parameter at every step
        if version.alert < now:
            version.alert = now


def array_of(node: Node) -> Any:
    """Return the node's array; a NumPy scalar, which cannot be written to, becomes one for all who share it."""
    if not isinstance(node._data, np.ndarray):
        put(node, np.asarray(node._data))
    return node._data


def put(node: Node, data: Any) -> None:
    """Let the node, and all that share its number, hold `data` instead."""
    version = node._version
    for t in version.living() if version is not None and version.tensors else ():
        if not isinstance(t._data, np.ndarray):
            t._data = data
    node._data = data


def changed_since(node: Node, stamp: float) -> bool:
    """Tell whether the node's array was changed in place after `stamp`."""
    return node._version is not None and node._version.stamp > stamp


# -- what a node was before it was changed -----------------------------------------------------------------------------


def settle_inputs(y: Node) -> None:
    """Let a recorded node refer to what its inputs were when it read them."""
    y._inputs = tuple(self_at(x, y._stamp) for x in y._inputs)


def self_at(x: Node, stamp: float) -> Node:
    """Return what a node was for a reader of this stamp: itself, or an older self."""
    found, noted = _last_self(x, stamp), x._extra
    if noted is not None and noted.cut > stamp:
        raise RuntimeError("detach_: the tensor was read before it was cut off in place; use h = h.detach() instead")
    if noted is not None and x._op is None and sum(t > stamp for t in noted.switches) % 2 and x._requires_grad:
        found = copied(x)  # the reader saw a constant
        found._requires_grad = False
        return found
    if noted is None or noted.base is None or noted.way is None:
        return found
    source = _last_self(noted.base, stamp)
    if source is noted.base:
        refresh(x)
        return x if made_at(x) <= stamp else found
    if made_at(found) >= made_at(source):
        return found
    past = copied(x)
    _show(past, source, noted.way)
    noted.older = tuple(sorted((*noted.older, past), key=made_at))
    return past


def made_at(node: Node) -> float:
    """Return the stamp of a node; what no operation has made is older than everything."""
    return -1 if node._op is None else node._stamp


def _last_self(x: Node, stamp: float) -> Node:
    """Return the last self of a node that is not younger than `stamp`."""
    if made_at(x) <= stamp or x._extra is None or not x._extra.older:
        return x
    older = x._extra.older
    return older[max(bisect_right(older, stamp, key=made_at) - 1, 0)]


def refresh(view: Node) -> None:
    """Let a view whose base has become the result of a change be a view of that."""
    noted = view._extra
    if noted is None or noted.base is None or noted.way is None or made_at(view) >= made_at(noted.base):
        return
    age(view, copied(view))
    _show(view, noted.base, noted.way)


def _show(view: Node, source: Node, way: Way) -> None:
    """Record a view as made from `source`, right after that."""
    x = source
    with set_grad_enabled(True):
        for apply, params in way:
            x = apply(x, **params)
            if x._op is not None:
                noted = extra(source)
                noted.children += 1
                x._stamp = source._stamp + 1 - 1 / (1 + noted.children)
    view._op, view._requires_grad = x._op, x._requires_grad
    if x._op is not None:
        view._inputs, view._params, view._stamp = x._inputs, x._params, x._stamp


def copied(x: Node) -> Node:
    """Return a node with the same place in the graph and the same memory."""
    out = object.__new__(type(x))
    out._data, out._requires_grad, out._op, out._version = x._data, x._requires_grad, x._op, x._version
    out._grad = out._extra = None
    if x._op is not None:
        out._inputs, out._params, out._stamp = x._inputs, x._params, x._stamp
    return out


def age(x: Node, former: Node) -> None:
    """Put a copy of what a node is among its older selves, with its hooks."""
    noted = extra(x)
    if noted.hooks or noted.scopes or noted.origin is not None:
        now = extra(former)
        now.hooks, now.scopes, now.origin = noted.hooks, noted.scopes, noted.origin
        noted.hooks, noted.scopes, noted.origin = {}, (), None
    noted.older += (former,)
