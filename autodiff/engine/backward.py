"""The one walk over the graph: from outputs back to what they were computed from, latest operation first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

import numpy as np
from numpy import ndarray

from ..kernels.reductions import total
from ..kernels.silence import without_warnings
from ..tracing import refuse, tracing
from .anomaly import CheckedRules, check_leaf
from .graph import NO_PARAMS, Node, extra, increment_version, made_at, put, recorded, refresh, settle_inputs, tick
from .modes import Watch, is_recording, set_grad_enabled, watching
from .primitive import ARRAYS, wrap

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["RemovableHandle", "grad"]

Gradients = dict[Node, Any]  # arrays; tensors under create_graph

# From the name of an operation and its rules, by the position of the input: what is called in their place.
RulesOf = Callable[[str, Any], Any]

_ONE = {kind: kind(1) for kind in (np.float16, np.float32, np.float64)}
_FREED = (
    "backward: trying to backward through the graph a second time, but it was freed ({}). Specify retain_graph=True in "
    "the first backward() or grad() to differentiate it twice, or compute the output again."
)


class _Route(NamedTuple):
    """Where gradients go, if not everywhere."""

    steps: set[Node]  # the results whose operations are differentiated
    path: set[Node]  # the nodes that gradients may reach
    wanted: set[Node] | None  # those whose gradients are asked for; None for all
    has_hooks: bool = True  # whether hooks are called
    ends: Any = ()  # leaves whose gradients are added early: (stamp of the first operation that read it, number, leaf)


def _route_to(wanted: set[Node], outputs: Iterable[Node]) -> _Route:
    """Return the way from outputs to the nodes whose gradients are wanted; what is older than these does not matter."""
    steps, path = set(), set(wanted)
    for y in recorded(outputs, _FREED, min(map(made_at, wanted))):
        if not path.isdisjoint(y._inputs):
            steps.add(y)
            path.add(y)
    return _Route(steps, path, wanted)


def _route_home(outputs: Collection[Node]) -> _Route | None:
    """Return the way to all leaves if hooks wait there: each is called once its leaf's gradient is whole; else None."""
    found = recorded(outputs, _FREED)
    first = {x: y._stamp for y in reversed(found) for x in y._inputs}
    leaves = [x for x in (*outputs, *first) if x._op is None]
    waiting = [x for x in leaves if x._extra is not None and x._extra.after]
    ends = sorted((first.get(x, 0), i, x) for i, x in enumerate(waiting))
    return _Route({*found}, {*first}, {*leaves}, ends=ends) if ends else None


@without_warnings  # an infinite derivative, or NaN, is a result; detect_anomaly finds it
def _walk(
    seeds: Gradients,
    retain_graph: bool,
    create_graph: bool,
    route: _Route | None = None,
    rules_of: RulesOf | None = None,
) -> Gradients:
    """Carry the seeds back through the graph and return the gradients of all leaves, or of what a route asks for.

    Whatever a node was used for is stamped later than the node. So the latest of the nodes that a gradient has reached
    has received its whole gradient: it is the next one to differentiate.
    """
    watch = None if is_recording() is True or (route is not None and not route.has_hooks) else watching()
    if watch is not None:
        rules_of = functools.partial(CheckedRules, watch)
    plain = rules_of is None and not create_graph
    pending = seeds  # the gradients of nodes that may still receive more
    kept: Gradients = {}  # those of results that are done
    owned: set[Node] = set()  # the nodes whose gradient shares its memory with no other
    reached: list[tuple[float, Node]] = []  # a heap: the latest comes first
    for y in seeds:
        if y._op is not None:
            heappush(reached, (-y._stamp, y))
    root, freed = reached[0][1] if len(reached) == 1 else None, False
    while reached:
        y = heappop(reached)[1]
        g, noted = pending.pop(y), y._extra
        if route is not None or (noted is not None and (noted.hooks or noted.retains_grad)):
            g = _arrive(y, g, kept, route)
            if route is not None and _ends_at(y, route, pending, watch):
                continue
        inputs, op, params = _inputs_of(y), y._op, y._params
        if op.adds is not None and plain and _adds_part(op.adds, g, params, inputs[0], pending, owned):
            continue
        rules = _rules_on_tensors(y) if create_graph else op.on_arrays
        if rules_of is not None:
            rules = rules_of(op.name, rules)
        for i, x in enumerate(inputs):
            if not x._requires_grad or (route is not None and x not in route.path):
                continue
            gx, data = rules[i](g, y, inputs, params, i), x._data
            kind = gx.__class__
            if kind is not data.__class__ or (
                kind is ndarray and (gx.shape != data.shape or gx.dtype is not data.dtype)
            ):
                if gx is None:  # what a user's own backward returned
                    continue
                gx = _fit(gx, x, op.name)
            if x in pending:
                pending[x] = pending[x] + gx
            elif x._op is not None:
                pending[x] = gx
                heappush(reached, (-x._stamp, x))
            else:  # a leaf's gradient is its own
                pending[x] = gx if gx is not g else _copy(gx)
        if not retain_graph and op.saves:
            y._inputs, y._params, freed = None, NO_PARAMS, True
    if freed and root is not None:  # or a loss that is kept would hold its graph
        root._inputs, root._params = None, NO_PARAMS
    if route is None or route.has_hooks:
        _finish_leaves(pending, watch)
        for finish in _waiting.pop(get_ident(), ()) if _waiting else ():
            finish()
    if route is not None and route.wanted is not None:
        pending = {x: g for x, g in pending.items() if x in route.wanted}
    return pending | kept if kept else pending


def _rules_on_tensors(y: Node) -> Any:
    """Return the rules of the operation that made a node; a trace refuses to follow a graph from outside."""
    if (trace := tracing()) is not None:
        trace.differentiates(y)
    return y._op.on_tensors


def _adds_part(
    adds: Callable[..., None], g: Any, params: Mapping[str, Any], x: Node, pending: Gradients, owned: set[Node]
) -> bool:
    """Add a part's gradient in place to that of the whole, if that is not shared; tell whether it was done.

    Without it a thousand parts of an array would cost a thousand times its size.
    """
    if x in owned and pending.get(x).__class__ is ndarray:
        adds(pending[x], g, **params)
        return True
    owned.add(x)  # the rule of a part, and a sum, make a new array
    return False


def _arrive(y: Node, g: Any, kept: Gradients, route: _Route | None) -> Any:
    """Take the whole gradient of a result: call its hooks, keep it where it is asked for; return what goes on."""
    noted = y._extra
    if noted is not None and (noted.hooks or noted.retains_grad) and (route is None or route.has_hooks):
        g = _call_hooks(y, g)
        if noted.retains_grad:
            kept[y] = g
    if route is not None and (route.wanted is None or y in route.wanted):
        kept[y] = g
    return g


def _inputs_of(y: Node) -> tuple[Node, ...]:
    """Return what an operation read, as it was then; refuse a freed graph, and a change of what a rule reads."""
    inputs: Any = y._inputs
    if inputs is None:
        raise RuntimeError(_FREED.format(y._op.name))
    stamp = y._stamp
    if y._version is not None and y._version.alert > stamp:
        y._op.check_unchanged(y, inputs, stamp)
    for x in inputs:
        if x._version is not None and x._version.alert > stamp:
            y._op.check_unchanged(y, inputs, stamp)
            settle_inputs(y)
            return y._inputs  # type: ignore[no-any-return]  # a slot typed Any
    return inputs  # type: ignore[no-any-return]  # as above


def _copy(g: Any) -> Any:
    """Return a gradient that shares its memory with nothing; numbers have none."""
    if isinstance(g, Node):
        return g.clone()  # type: ignore[attr-defined]  # every Node made is a Tensor
    return g.copy() if isinstance(g, ndarray) else g


def through(steps: Iterable[Node], seeds: Mapping[Node, Any], rules_of: RulesOf | None = None) -> Gradients:
    """Carry gradients through some operations alone, leaving no trace: what a picture needs.

    No hook is called, no ``.grad`` touched, nothing freed.

    Parameters
    ----------
    steps : iterable of Node
        The results of the operations; the gradients of what they were computed from are found, but go no further.
    seeds : mapping of Node to array
        The gradients to begin with.
    rules_of : callable, optional
        Takes the name of an operation and its rules, and returns what is called in their place, with the same
        arguments.

    Returns
    -------
    dict of Node to array
        The gradient of each node that was reached, the seeds among them.
    """
    steps = set(steps)
    route = _Route(steps, steps.union(*(y._inputs for y in steps)), None, has_hooks=False)
    return _walk(dict(seeds), True, False, route, rules_of)


def _finish_leaves(gradients: Gradients, watch: Watch | None) -> Gradients:
    """Call the hooks of the leaves, which have received all of their gradients now, and check what these leave."""
    for x in gradients:
        if x._extra is not None:
            gradients[x] = _call_hooks(x, gradients[x])
        if watch is not None:
            check_leaf(watch, x, gradients[x])
    return gradients


def _ends_at(y: Node, route: _Route, pending: Gradients, watch: Watch | None) -> bool:
    """Tell whether the way ends at a result; add the gradients of those leaves that no older operation has read."""
    while route.ends and route.ends[-1][0] > y._stamp:
        x = route.ends.pop()[-1]
        if x in pending:
            _add(_finish_leaves({x: pending.pop(x)}, watch))
    return y not in route.steps


_waiting: dict[int, list[Callable[[], None]]] = {}  # for each thread, the calls to be made at the end of its walk


def after_walk(call: Callable[[], None]) -> None:
    """Call a function when the walk that is running in this thread has found all gradients."""
    _waiting.setdefault(get_ident(), []).append(call)


def _fit(g: Any, x: Node, name: str) -> Any:
    """Undo broadcasting: sum a gradient over the axes along which its input was repeated; give it its dtype."""
    shape = x._data.shape
    more = g.ndim - len(shape)
    if more > 0:
        axes = (0,) if more == 1 else tuple(range(more))
        g = total(g, axes) if isinstance(g, ndarray) else g.sum(axes)
    if g.shape != shape:
        axes = tuple(i for i, (n, m) in enumerate(zip(shape, g.shape, strict=False)) if n == 1 != m)
        g = total(g, axes, True) if isinstance(g, ndarray) else g.sum(axes, keepdims=True)
        if g.shape != shape:
            raise RuntimeError(f"{name}: its rule returned a gradient of shape {g.shape}, expected shape {shape}")
    return g if g.dtype == x._data.dtype else g.astype(x._data.dtype)


def _call_hooks(node: Node, g: Any) -> Any:
    """Call the node's hooks on its gradient and return what they put in its place."""
    hooks = extra(node).hooks
    if not hooks:
        return g
    refuse("a hook", "remove it, or call the function itself")
    for hook in tuple(hooks.values()):
        tensor: Any = g if isinstance(g, Node) else wrap(g)
        with set_grad_enabled(tensor is g):  # a hook's work is recorded where the walk itself is
            replaced = hook(tensor)
        if replaced is None:
            continue
        if not isinstance(replaced, Node):
            raise TypeError(f"hook: expected a Tensor or None, got {type(replaced).__name__}")
        if replaced._data.shape != tensor.shape:
            raise ValueError(f"hook: returned a gradient of shape {replaced._data.shape}, expected {tensor.shape}")
        if replaced._data.dtype != tensor.dtype:
            raise RuntimeError(f"hook: returned a gradient of dtype {replaced._data.dtype}, expected {tensor.dtype}")
        g = replaced if tensor is g else replaced._data
    return _copy(g)  # the hook may have kept what it saw or returned


def _sow(seeds: Gradients, outputs: Iterable[tuple[Node, Any]], on_tensors: bool, where: str) -> Gradients:
    """Add what was given for each of several outputs to the gradients that the walk starts from."""
    for y, gradient in outputs:
        seed = _seed(y, gradient, on_tensors, where)
        seeds[y] = seeds[y] + seed if y in seeds else seed
    return seeds


def _seed(output: Node, gradient: Any, create_graph: bool, where: str) -> Any:
    """Return the gradient that the walk starts from at `output`, checked."""
    refresh(output)
    if not output._requires_grad:
        raise RuntimeError(
            f"{where}: the output does not require grad and does not have a grad_fn. Was it computed under no_grad(), "
            "from detached tensors, or from none with requires_grad=True?"
        )
    if gradient is None and not create_graph and type(output._data) in _ONE:
        return _ONE[type(output._data)]
    shape, dtype = output._data.shape, output._data.dtype
    if gradient is None:
        if output._data.size != 1:
            raise RuntimeError(
                f"{where}: grad can be implicitly created only for scalar outputs, of one element; this one has shape "
                f"{shape}. Reduce it, for example with .sum() or .mean(), or pass the gradient."
            )
        seed = dtype.type(1) if shape == () else np.ones(shape, dtype)
        return wrap(seed) if create_graph else seed
    if not isinstance(gradient, (Node, *ARRAYS)):
        raise TypeError(f"{where}: gradient must be a Tensor or None, got {type(gradient).__name__}")
    given: Any = gradient if isinstance(gradient, Node) else wrap(gradient)
    if given._data.shape != shape:
        raise RuntimeError(f"{where}: Mismatch in shape: the gradient has {given._data.shape}, the output {shape}")
    if given._data.dtype != dtype:
        given = given.astype(dtype)
    elif output._op is None:
        given = given.clone()  # it would become the leaf's .grad
    return given if create_graph else given._data


def backward(
    output: Node,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
    more: Iterable[tuple[Node, Any]] = (),
) -> None:
    """Add the gradients of `output`, and of more outputs, to the ``.grad`` of the leaves; see `Tensor.backward`."""
    trace = tracing()
    on_tensors = create_graph or trace is not None  # a trace sees tensors
    seeds = {output: _seed(output, gradient, on_tensors, "backward")}
    if more:
        _sow(seeds, more, on_tensors, "backward")
    route = None
    if inputs is not None:
        route = _route_to(set(_check_differentiable(inputs, "backward")), seeds)
        for x in route.wanted or ():
            extra(x).retains_grad = extra(x).retains_grad or x._op is not None  # from now on, as in PyTorch
    elif _hooks_wait and not on_tensors:
        route = _route_home(seeds)
    retain = create_graph if retain_graph is None else retain_graph
    if on_tensors:
        with set_grad_enabled(create_graph):
            found = _walk(seeds, retain, True, route)
    else:
        found = _walk(seeds, retain, create_graph, route)
    _add(found, create_graph, trace)


def _add(found: Gradients, create_graph: bool = False, trace: Any = None) -> None:
    """Add gradients to the ``.grad`` of their nodes, and call the hooks that wait for this."""
    with _adding:
        for x, g in found.items():
            _accumulate(x, g, create_graph, trace)
            if x._extra is not None and x._extra.after:
                for hook in tuple(x._extra.after.values()):
                    if hook(x) is not None:
                        raise RuntimeError("hook: a hook that is called after a gradient was added returns nothing")


_adding = RLock()  # several threads may add to one leaf
_hooks_wait: dict[int, ref[Node]] = {}  # the leaves with hooks that are called after a gradient was added, by their id


def _accumulate(x: Node, g: Any, create_graph: bool, trace: Any) -> None:
    """Add a gradient to a node's ``.grad``."""
    before = x._grad
    if trace is not None:
        trace.accumulates(x, _own(g, x), create_graph)
    elif before is None:
        x._grad = _own(g, x)
    elif create_graph or before._requires_grad:
        x._grad = before + g
    else:  # in place, for the gradient belongs to x alone
        if before._data.__class__ is ndarray:
            before._data += g
        else:
            put(before, before._data + g)
        increment_version(before)


def _own(g: Any, x: Node) -> Any:
    """Return a gradient as a tensor that shares its memory with no other: views, and what flowed on, are copied."""
    array = g._data if isinstance(g, Node) else g
    if array.__class__ is ndarray and (array.base is not None or x._op is not None):
        g = _copy(g)
    return g if isinstance(g, Node) else wrap(g)


def _as_list(tensors: Any, where: str) -> list[Any]:
    """Return one tensor or a sequence of them as a list."""
    listed = [tensors] if isinstance(tensors, Node) or not isinstance(tensors, Iterable) else list(tensors)
    for t in listed:
        if not isinstance(t, Node):
            raise TypeError(f"{where}: expected a Tensor or a sequence of them, got {type(t).__name__}")
    if not listed:
        raise RuntimeError(f"{where}: requires non-empty inputs; a sequence of tensors cannot be empty")
    return listed


def _check_differentiable(inputs: Any, where: str) -> list[Any]:
    """Return what is to get a gradient as a list, or say which of them cannot have one."""
    listed = _as_list(inputs, where)
    for i, x in enumerate(listed):
        if not x._requires_grad:
            raise RuntimeError(f"{where}: input {i}, a tensor of shape {x._data.shape}, does not require grad")
        refresh(x)
    return listed


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of the outputs' sum with respect to the inputs.

    No ``.grad`` is touched, but of results on the way that were told to keep theirs by `Tensor.retain_grad`.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
        What is differentiated.
    inputs : Tensor or sequence of Tensor
        With respect to what. Only operations on the way to them are differentiated.
    grad_outputs : Tensor or sequence of Tensor or None, optional
        The vector of the vector-Jacobian product, one tensor of the output's shape per output. None stands for 1 and
        needs an output of one element.
    retain_graph : bool, optional
        Keep the graph for another pass. By default as `create_graph`.
    create_graph : bool, optional
        Record the differentiation itself, so that its results can be differentiated.
    only_inputs : bool, optional
        For PyTorch's sake: it is always so.
    allow_unused : bool, optional
        Return None for an input that the outputs do not depend on, instead of raising. By default as
        `materialize_grads`.
    is_grads_batched : bool, optional
        Whether `grad_outputs` have one more dimension, the first, and the gradients get it as well: a vector-Jacobian
        product for each index along it.
    materialize_grads : bool, optional
        Return zeros instead of None for such inputs.

    Returns
    -------
    tuple of Tensor or None
        One per input, of its shape and dtype.

    Raises
    ------
    RuntimeError
        If an output has no graph, an input does not require a gradient or was not used, the graph was freed, or
        something it saved has been changed in place.

    Examples
    --------
    >>> import autodiff as ad
    >>> x = ad.tensor(2.0, requires_grad=True)
    >>> (slope,) = ad.grad(x**3, x, create_graph=True)
    >>> slope
    tensor(12., grad_fn=<mul>)
    >>> ad.grad(slope, x)
    (tensor(12.),)
    """
    ys, xs = _as_list(outputs, "grad"), _check_differentiable(inputs, "grad")
    if grad_outputs is None or isinstance(grad_outputs, (Node, *ARRAYS)):
        grad_outputs = [grad_outputs] * (1 if grad_outputs is not None else len(ys))
    if len(grad_outputs) != len(ys):
        raise RuntimeError(f"grad: got {len(ys)} outputs and {len(grad_outputs)} grad_outputs")
    if not only_inputs:
        raise ValueError("grad: only_inputs must be True")
    if allow_unused is False and materialize_grads:
        raise ValueError("grad: materialize_grads=True gives zeros for unused inputs, so allow_unused cannot be False")
    if is_grads_batched:
        flags = create_graph, True, allow_unused, False, materialize_grads
        kept = [*[True] * (len(grad_outputs[0]) - 1), retain_graph]  # the graph is needed until the last
        rows = [grad(ys, xs, [v[k] for v in grad_outputs], keep, *flags) for k, keep in enumerate(kept)]
        return tuple(None if column[0] is None else np.stack(column) for column in zip(*rows, strict=True))
    on_tensors = create_graph or tracing() is not None
    with set_grad_enabled(create_graph):
        seeds = _sow({}, zip(ys, grad_outputs, strict=True), on_tensors, "grad")
        retain = create_graph if retain_graph is None else retain_graph
        found = _walk(seeds, retain, on_tensors, _route_to(set(xs), seeds))
        with _adding:
            for y, g in found.items():
                if y._extra is not None and y._extra.retains_grad:
                    _accumulate(y, g, create_graph, tracing())
    if materialize_grads:  # zeros can be differentiated in turn where the others can
        found |= {x: wrap(np.zeros(x._data.shape, x._data.dtype), create_graph) for x in xs if x not in found}
    for i, x in enumerate(xs):
        if x not in found and not allow_unused:
            raise RuntimeError(
                f"grad: input {i}, a tensor of shape {x._data.shape}, appears to not have been used in the graph of "
                "the outputs. Set allow_unused=True to get None for it."
            )
    return tuple(_own(found[x], x) if x in found else None for x in xs)


class RemovableHandle:
    """What registering a hook returns; `remove()` takes the hook away again."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self._hooks, self._key = hooks, tick()

    def remove(self) -> None:
        """Take the hook away. Doing it twice does nothing."""
        self._hooks.pop(self._key, None)


def register_hook(node: Node, hook: Any, after: bool = False) -> RemovableHandle:
    """Call `hook(gradient)` whenever a gradient of the node is computed, or `hook(node)` after it was added."""
    if not node._requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient: it would never be called")
    if after:
        key = id(node)
        _hooks_wait[key] = ref(node, lambda _: _hooks_wait.pop(key, None))
    refresh(node)
    hooks = vars(extra(node)).setdefault("after" if after else "hooks", {})
    handle = RemovableHandle(hooks)
    hooks[handle._key] = hook
    return handle
