"""Memory for time: what a function computed is forgotten, and computed again when gradients pass."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd.function import Function
from ..engine.backward import grad
from ..engine.graph import tick
from ..engine.modes import enable_grad, is_grad_enabled
from ..random import get_rng_state, set_rng_state
from ..tensor import Tensor
from ..tracing import tracing

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Again(Function):
    """The results of a function, whose gradients are those of another run of it."""

    @staticmethod
    def forward(ctx: Any, run: Any, values: Any, *inputs: Any) -> Any:
        """Return what the function returned."""
        ctx.run = run
        ctx.save_for_backward(*inputs)  # so that a change in place is noticed
        return values if len(values) > 1 else values[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Run the function again and differentiate this run."""
        records = is_grad_enabled()
        _ = ctx.saved_tensors
        with enable_grad():
            outputs, inputs = ctx.run(records)
        pairs = [(y, g) for y, g in zip(outputs, gradients, strict=True) if y.requires_grad and g is not None]
        ys, gs = zip(*pairs, strict=True)
        found = grad(ys, inputs, gs, create_graph=records, allow_unused=True)
        return (None, None, *found)


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    preserve_rng_state: bool = True,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function without keeping what it computes; backward computes it again.

    Parameters
    ----------
    function : callable
        From anything to a tensor or a tuple of tensors; the same at each call.
    *args, **kwargs
        What it is called with.
    use_reentrant, determinism_check, debug, early_stop : optional
        PyTorch's ways to do it; there is one way here, whose gradients are the same.
    context_fn : callable, optional
        Returns two contexts, in which the function is run first and again.
    preserve_rng_state : bool, optional
        Whether the second run draws the random numbers of the first, as dropout needs.

    Returns
    -------
    What the function returns.

    Examples
    --------
    >>> from autodiff.utils.checkpoint import checkpoint
    >>> x = ad.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda t: (t * t).exp(), x).sum().backward()
    >>> bool((x.grad == 2 * x * (x * x).exp()).all())
    True

    References
    ----------
    Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", arXiv:1604.06174.
    """
    if use_reentrant and (kwargs or context_fn is not None):
        raise ValueError("checkpoint: keyword arguments and context_fn need use_reentrant=False")
    first, again = context_fn() if context_fn is not None else (contextlib.nullcontext(),) * 2
    trace, is_drawn_again = tracing(), not preserve_rng_state
    if trace is not None:
        preserve_rng_state = False
        before = trace.marks()
    state, start = get_rng_state() if preserve_rng_state else None, tick()
    with first:
        returned = function(*args, **kwargs)
    if not is_grad_enabled():
        return returned
    if trace is not None:
        changes, draws = map(operator.ne, before, trace.marks())
        if not changes and not (draws and is_drawn_again):
            return returned  # what is compiled keeps what its derivative reads, and no more
        if draws:
            trace.refuse("a checkpoint of what draws random numbers and changes a tensor", "call the function itself")
    outputs = returned if isinstance(returned, (tuple, list)) else (returned,)
    places = [i for i, y in enumerate(outputs) if isinstance(y, Tensor) and y.requires_grad]
    inputs = _read(outputs, start)
    if not inputs:
        return returned

    def run(records: bool) -> tuple[list[Any], list[Tensor]]:
        # Arguments that depend on one another must not pass gradients on: each has a stand-in of its own.
        stands = {id(t): t.view_as(t) if records else t.detach().requires_grad_() for t in inputs if t._op is not None}
        own = [stands.get(id(a), a) for a in args]
        named = {key: stands.get(id(a), a) for key, a in kwargs.items()}
        now = None if state is None else get_rng_state()
        if state is not None:
            set_rng_state(state)
        try:
            with again:
                once_more = function(*own, **named)
        finally:
            if now is not None:
                set_rng_state(now)
        listed = once_more if isinstance(once_more, (tuple, list)) else (once_more,)
        return [listed[i] for i in places], [stands.get(id(t), t) for t in inputs]

    values = tuple(outputs[i].detach() for i in places)
    made = _Again.apply(run, values, *inputs)
    results = list(outputs)
    for i, y in zip(places, (made,) if len(places) == 1 else made, strict=True):
        results[i] = y
    return results[0] if isinstance(returned, Tensor) else type(returned)(results)


def _read(outputs: Any, start: float) -> list[Tensor]:
    """Return the tensors with gradients, recorded before `start`, that outputs were computed from."""
    found: dict[int, Any] = {}
    seen, waiting = set(), [y for y in outputs if isinstance(y, Tensor)]
    while waiting:
        node: Any = waiting.pop()
        if id(node) in seen or not node._requires_grad:
            continue
        seen.add(id(node))
        if node._op is None or node._stamp < start:
            found[id(node)] = node
        else:
            waiting.extend(node._inputs or ())
    return list(found.values())


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Call functions one after the other, in segments of which each is a `checkpoint`.

    Parameters
    ----------
    functions : Sequential, or sequence of callable
    segments : int
        Into how many parts they are divided; the last one is kept.
    input : Tensor
    use_reentrant, **kwargs : optional
        As for `checkpoint`.

    Returns
    -------
    What the last function returns.

    Examples
    --------
    >>> from autodiff.utils.checkpoint import checkpoint_sequential
    >>> checkpoint_sequential(nn.Sequential(nn.ReLU(), nn.Tanh(), nn.ReLU()), 2, ad.zeros(2))
    tensor([0., 0.])
    """
    listed: Sequence[Any] = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(listed) // segments
    if segments < 1 or not size:
        raise ValueError(f"checkpoint_sequential: {len(listed)} functions cannot be divided into {segments} segments")

    def part(first: int, last: int) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for function in listed[first:last]:
                x = function(x)
            return x

        return run

    end = size * (segments - 1)
    for first in range(0, end, size):
        input = checkpoint(part(first, first + size), input, use_reentrant=use_reentrant, **kwargs)
    return part(end, len(listed))(input)
