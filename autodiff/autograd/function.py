"""Function: an operation whose forward and backward a user writes in tensor operations."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.anomaly import check_result
from ..engine.graph import Node, changed_since, share_version, tick
from ..engine.modes import Watch, is_recording, no_grad, set_grad_enabled
from ..engine.primitive import Primitive, wrap
from ..functions.in_place import record
from ..functions.shape import cat

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]

Gradient = Any  # a Tensor, or None


class FunctionCtx:
    """What the forward pass of one call of a `Function` leaves for its backward pass; other attributes can be set.

    Attributes
    ----------
    saved_tensors : tuple of Tensor or None
        What `save_for_backward` was given.
    needs_input_grad : tuple of bool
        For each argument whether its gradient is needed.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()  # an integer stands for an output, which would keep itself alive
        self._stamp: float = 0  # the clock when they were saved
        self._result: Any = None  # what the saved outputs are restored from, while backward runs
        self._constant: set[int] = set()
        self._spans: dict[int, tuple[int, int]] = {}  # of several outputs, each one's place in all of them joined
        self._only = 0  # the output that has a gradient, where there is one such
        self._dirty: tuple[Node, ...] = ()
        self._materializes = True
        self._shapes: list[tuple[Any, Any]] = []  # of the outputs
        self._places: list[int] = []  # of the tensors among the arguments
        self._count = 0  # of the arguments
        self._reached: set[int] = set()  # the outputs whose gradients have arrived
        self._found: tuple[Any, bool, list[Any]] | None = None  # a gradient, whether traced, and what came of it

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs, outputs or other tensors for the backward pass; None stays None.

        Raises
        ------
        TypeError
            If something else is given: that goes into an attribute.
        """
        for t in tensors:
            if t is not None and not isinstance(t, Node):
                raise TypeError(
                    f"save_for_backward: expected tensors, got {type(t).__name__}; write it to an attribute of ctx"
                )
        self._saved = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """The tensors that were saved.

        Raises
        ------
        RuntimeError
            If one of them was changed in place since.
        """
        return tuple(self._restored(t) for t in self._saved)

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """The tensors that were saved, under PyTorch's old name for them."""
        warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2)
        return self.saved_tensors

    def _restored(self, saved: Any) -> Any:
        t = self._output(saved) if isinstance(saved, int) else saved
        if t is not None and changed_since(t, self._stamp):
            raise RuntimeError(
                f"saved_tensors: a tensor of shape {t._data.shape} was changed in place after the forward pass had "
                "saved it. Run backward() before changing it, or save a copy."
            )
        return t

    def _output(self, k: int) -> Any:
        y = self._result
        if y is None:
            raise RuntimeError("saved_tensors: an output that was saved is there while backward() runs, not before")
        if k not in self._spans:
            return y
        first, last = self._spans[k]
        return _record(wrap(y._data[first:last].reshape(self._shapes[k][0])), _Output(y._op, self, k), (y,), {})

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say which outputs have no gradient, such as positions of maxima."""
        self._constant = {id(t) for t in outputs}

    def mark_dirty(self, *inputs: Any) -> None:
        """Say which inputs the forward pass has changed in place; they must be outputs."""
        self._dirty = inputs

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether the gradient of an output that was not used comes as zeros (as it does unless set) or as None."""
        self._materializes = bool(value)


def _unsayable(*inputs: Any, **params: Any) -> Any:
    """Stand for the forward function, which runs on tensors alone."""
    raise TypeError("a Function runs on tensors, not on arrays or symbols")


class _Operation(Primitive):
    """What the graph knows of a subclass of Function."""

    def __init__(self, kind: type[Function]) -> None:
        super().__init__(_unsayable, {"inputs": _unsayable}, words=f"as {kind.__name__}.backward computes it")
        self.name, self.home, self.title = kind.__name__, kind.__module__, f"{kind.__name__}Backward"
        self.needs = {"inputs": ()}  # what was saved is checked when it is asked for
        self.kind, self.saves = kind, True

    def _compile_all(self, access: str) -> Any:
        return _Every(functools.partial(self._gradient, access == ""))

    def _gradient(self, traced: bool, g: Any, y: Node, x: Sequence[Node], p: dict[str, Any], i: int) -> Any:
        """Return the gradient of input `i`; the user's backward runs once for all inputs."""
        if not isinstance(g, (Node, np.ndarray, np.generic)):
            return _unsayable(g)
        ctx: FunctionCtx = p["ctx"]
        known = ctx._found
        if known is None or known[0] is not g or known[1] is not traced or known[2][i] is _TAKEN:
            known = ctx._found = (g, traced, self._gradients(ctx, g, y, traced))
        found, known[2][i] = known[2][i], _TAKEN
        if all(part is _TAKEN or not t._requires_grad for part, t in zip(known[2], x, strict=True)):
            ctx._found = None
        if found is None:
            return None
        if x[i]._op is None:  # it becomes the leaf's own
            found = found.clone()
        return found if traced else found._data

    def _gradients(self, ctx: FunctionCtx, g: Any, y: Node, traced: bool) -> list[Any]:
        """Run the user's backward and return the gradients of the inputs that are tensors."""
        reached, ctx._reached = ctx._reached or ctx._spans.keys(), set()
        given = {k: _piece(ctx, g, k) for k in reached} if ctx._spans else {ctx._only: g}
        ctx._result = y
        try:
            with set_grad_enabled(traced):
                found = self.kind._backward_of()(
                    ctx, *(_arrived(ctx, given.get(k), k) for k in range(len(ctx._shapes)))
                )
        finally:
            ctx._result = None
        return self._checked(ctx, found if isinstance(found, (tuple, list)) else (found,))

    def _checked(self, ctx: FunctionCtx, found: Sequence[Any]) -> list[Any]:
        """Return the gradients of the inputs that are tensors; refuse a wrong number of them, or what is none."""
        name = f"{self.name}.backward"
        if len(found) < ctx._count or any(f is not None for f in found[ctx._count :]):
            raise RuntimeError(
                f"{name}: returned an incorrect number of gradients (expected {ctx._count}, got {len(found)}), one for "
                "each argument of forward; return None for what has no gradient"
            )
        for k, f in enumerate(found):
            if f is not None and not isinstance(f, Node):
                raise TypeError(f"{name}: expected a Tensor or None as gradient {k}, got {type(f).__name__}")
            if f is not None and k not in ctx._places:
                raise RuntimeError(f"{name}: returned a gradient for argument {k}, which is no tensor; return None")
        return [found[k] for k in ctx._places]


def _piece(ctx: FunctionCtx, g: Any, k: int) -> Any:
    """Return what is the gradient of output `k` in the joined one."""
    (first, last), (shape, dtype) = ctx._spans[k], ctx._shapes[k]
    piece = g[first:last].reshape(shape)
    return piece if piece.dtype == dtype else piece.astype(dtype)


def _arrived(ctx: FunctionCtx, g: Any, k: int) -> Any:
    """Return the gradient of output `k` as a tensor: zeros, or None, where none has arrived."""
    shape, dtype = ctx._shapes[k]
    if g is None and ctx._materializes and dtype is not None:
        return wrap(np.zeros(shape, dtype))
    return wrap(g) if g is not None and not isinstance(g, Node) else g


class _Every(list[Any]):
    """One rule, at every index."""

    def __init__(self, rule: Callable[..., Any]) -> None:
        super().__init__([rule])

    def __getitem__(self, i: Any) -> Any:
        return super().__getitem__(0)


_TAKEN = object()  # stands for a gradient that was handed out


class _Output(Primitive):
    """One output of a Function that has several: a piece of all of them joined."""

    def __init__(self, of: _Operation, ctx: FunctionCtx, k: int) -> None:
        super().__init__(_unsayable, {"inputs": _unsayable}, symbol=f"output {k}", words="the identity, of this output")
        self.name, self.home, self.title, self.needs = f"{of.name}[{k}]", of.home, of.title, {"inputs": ()}
        self.span, self.ctx, self.k = ctx._spans[k], ctx, k

    def _compile_all(self, access: str) -> Any:
        return _Every(self._join)

    def _join(self, g: Any, y: Node, x: Sequence[Node], p: dict[str, Any], i: int) -> Any:
        """Return the gradient of this output among those of all, which are 0."""
        if not isinstance(g, (Node, np.ndarray, np.generic)):
            return _unsayable(g)
        (first, last), joined = self.span, x[0]._data
        self.ctx._reached.add(self.k)
        if isinstance(g, Node):
            around = (wrap(np.zeros(n, joined.dtype)) for n in (first, joined.size - last))
            before, after = around
            return cat([before, g.reshape(-1).to(joined.dtype), after])  # type: ignore[attr-defined]  # a Tensor
        made = np.zeros(joined.shape, joined.dtype)
        made[first:last] = np.ravel(g)
        return made


def _record(out: Any, op: Primitive, inputs: tuple[Node, ...], params: dict[str, Any]) -> Any:
    """Let a tensor be the recorded result of an operation."""
    out._requires_grad, out._op, out._inputs, out._params, out._stamp = True, op, inputs, params, tick()
    return out


class Function:
    """An operation with a forward and a backward of one's own, both written in tensor operations.

    A subclass defines two static methods. ``forward(ctx, *args)`` computes the output, or a tuple of them, from tensors
    and other arguments; nothing is recorded meanwhile. ``backward(ctx, *grad_outputs)`` gets a gradient for each output
    and returns one for each argument, None for what has none. Where `backward` is itself differentiated, under
    ``create_graph=True``, its operations are recorded. In the newer form ``forward(*args)`` has no `ctx`, and
    ``setup_context(ctx, inputs, output)`` saves what `backward` needs. `apply` calls it.

    An operation of arrays with one rule for each input is shorter as a `primitive`, whose formula pictures can show.

    Examples
    --------
    >>> class Exp(ad.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (y,) = ctx.saved_tensors
    ...         return grad_output * y
    >>> x = ad.tensor(0.0, requires_grad=True)
    >>> Exp.apply(x).backward()
    >>> x.grad
    tensor(1.)
    """

    _operation: _Operation

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass has its own."""
        raise NotImplementedError(
            "Function: a subclass must implement the forward, forward(ctx, *args), as a static method"
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what `backward` needs; a subclass that defines it has a `forward` without `ctx`."""
        raise NotImplementedError("Function: a subclass defines setup_context(ctx, inputs, output), or not")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Return the gradient of each argument; every subclass has its own."""
        raise NotImplementedError(
            "Function: a subclass must implement either the backward or the vjp method, backward(ctx, *grad_outputs), "
            "as a static method"
        )

    #: PyTorch's other name for `backward`; a subclass defines one of the two.
    vjp = backward

    @classmethod
    def _backward_of(cls) -> Callable[..., Any]:
        """Return what computes the gradients, under whichever of the two names it was defined."""
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(f"{cls.__name__}: Implementing both 'backward' and 'vjp' is not allowed; define one")
        return cls.vjp

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: a Function is applied, not called."""
        name = type(self).__name__
        raise RuntimeError(
            f"{name}: a function of the legacy kind, with a non-static forward, is not supported; it is applied by "
            f"{name}.apply(...), without making an object of it"
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the output of arguments, and record that if a gradient is needed.

        Returns
        -------
        Tensor or tuple
            What `forward` returned.
        """
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(isinstance(a, Node) and a._requires_grad for a in args)
        ctx._places = [k for k, a in enumerate(args) if isinstance(a, Node)]
        ctx._count = len(args)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        outputs = output if isinstance(output, tuple) else (output,)
        if any(ctx.needs_input_grad) and is_recording():
            if cls.__dict__.get("_operation") is None:
                cls._operation = _Operation(cls)
            outputs = _recorded(ctx, cls._operation, tuple(args[k] for k in ctx._places), outputs)
        return outputs if isinstance(output, tuple) else outputs[0]


def _recorded(ctx: FunctionCtx, op: _Operation, inputs: tuple[Node, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the outputs of a call as what the graph records of it."""
    ctx._stamp, params = tick(), {"ctx": ctx}
    ctx._shapes = [(y._data.shape, y._data.dtype) if isinstance(y, Node) else (None, None) for y in outputs]
    given = {id(y): k for k, y in enumerate(outputs)}
    ctx._saved = tuple(given.get(id(t), t) for t in ctx._saved)
    kept = [y if any(y is t for t in ctx._dirty) else _own(y, inputs) for y in outputs]
    leading = [k for k, y in enumerate(outputs)
               if isinstance(y, Node) and y._data.dtype.kind == "f" and id(y) not in ctx._constant]  # fmt: skip
    ctx._saved = tuple(kept[k] if k.__class__ is int and k not in leading else k for k in ctx._saved)
    if len(leading) == 1:
        ctx._only = k = leading[0]
        if any(kept[k] is t for t in ctx._dirty):
            _overwrite(kept[k], op, inputs, params)
        else:
            _record(kept[k], op, inputs, params)
    elif leading:
        ends = np.cumsum([0, *(kept[k]._data.size for k in leading)]).tolist()
        ctx._spans = {k: (ends[i], ends[i + 1]) for i, k in enumerate(leading)}
        _record_several(ctx, op, inputs, params, {k: kept[k] for k in leading})
    if is_recording().__class__ is Watch:
        for k in leading:
            check_result(op.name, kept[k], inputs)
    return tuple(kept)


def _record_several(
    ctx: FunctionCtx, op: _Operation, inputs: tuple[Node, ...], params: dict[str, Any], outputs: dict[int, Any]
) -> None:
    """Record outputs as pieces of all of them joined; what the forward pass changed in place becomes its output."""
    joined = wrap(np.concatenate([np.ravel(y._data) for y in outputs.values()]))
    changed = {id(y): (k, y) for k, y in outputs.items() if any(y is t for t in ctx._dirty)}

    def overwrite(rest: list[tuple[int, Any]], read: tuple[Node, ...]) -> None:
        if not rest:
            _record(joined, op, read, params)
            return
        (k, tensor), others = rest[0], rest[1:]

        def change(before: Node) -> Any:
            overwrite(others, tuple(before if x is tensor else x for x in read))
            return _record(wrap(np.array(tensor._data)), _Output(op, ctx, k), (joined,), {})

        record(tensor, op.name, change)

    overwrite(list(changed.values()), inputs)
    for k, y in outputs.items():
        if id(y) not in changed:
            _record(y, _Output(op, ctx, k), (joined,), {})
    ctx._stamp = tick()  # after these changes


def _own(y: Any, inputs: tuple[Node, ...]) -> Any:
    """Return an output as a tensor of its own, on the same memory, if it is an input or belongs to a graph."""
    if not isinstance(y, Node) or not (y._requires_grad or any(y is x for x in inputs)):
        return y
    own = wrap(y._data)
    share_version(own, y)
    return own


def _overwrite(tensor: Any, op: _Operation, inputs: tuple[Node, ...], params: dict[str, Any]) -> None:
    """Record that the forward pass has changed a tensor in place."""

    def change(before: Node) -> Any:
        read = tuple(before if x is tensor else x for x in inputs)
        return _record(wrap(np.array(tensor._data)), op, read, params)

    record(tensor, op.name, change)
    params["ctx"]._stamp = tick()  # after this change


class _Once(Function):
    """Passes a gradient on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, name: str, *gradients: Any) -> tuple[Any, ...]:
        ctx.name = name
        return tuple(None if g is None else g.detach() for g in gradients)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise RuntimeError(f"{ctx.name}: it is marked once_differentiable, so its gradient cannot be differentiated")


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not written in tensor operations, so that differentiating it is refused.

    Examples
    --------
    >>> class Square(ad.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...
    ...     @staticmethod
    ...     @ad.autograd.function.once_differentiable
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return ad.from_numpy(2 * x.detach().numpy() * g.numpy())
    >>> x = ad.tensor([3.0], requires_grad=True)
    >>> ad.grad(Square.apply(x), x)
    (tensor([6.]),)
    """

    @functools.wraps(fn)
    def backward(ctx: Any, *gradients: Any) -> Any:
        with no_grad():
            found = fn(ctx, *gradients)
        traced = [g for g in gradients if isinstance(g, Node) and g._requires_grad]
        if not is_recording() or not traced:
            return found
        several = found if isinstance(found, tuple) else (found,)
        needing = tuple(None if g is None else g.detach().requires_grad_() for g in several)
        marked = _Once.apply(fn.__qualname__, *needing)
        return marked if isinstance(found, tuple) else marked[0]

    return backward


InplaceFunction = Function
