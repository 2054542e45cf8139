"""Results that can be differentiated: a forward program that keeps what its derivative needs, and a backward one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.backward import _route_to, _walk, grad
from ..engine.graph import NO_PARAMS, Node, changed_since, recorded, tick
from ..engine.modes import set_grad_enabled
from ..engine.primitive import wrap
from .program import Draw, Gradient, Input, Live, Program, Reference, Step, leaves

Run = Callable[[list[Any]], Any]


class Joint:
    """The two programs of a function whose result can be differentiated.

    Attributes
    ----------
    forward, backward : Program
        The first returns the function's result and what the second gets before the gradients of the results.
    wanted : list of Live or Input
        With respect to what the second gives gradients.
    """

    def __init__(self, forward: Program, backward: Program, wanted: list[Any], saved: list[Any], count: int) -> None:
        self.forward, self.backward, self.wanted, self.saved, self.count = forward, backward, wanted, saved, count
        self.needed = [s.node for s in backward.sources.values() if isinstance(s, Live)]
        self.run_forward: Run
        self.run_backward: Run

    def __call__(self, args: list[Any]) -> Any:
        """Run the forward program, and note in the graph how its results are differentiated."""
        result, kept = self.run_forward(args)
        inputs = tuple(args[w.place] if isinstance(w, Input) else w.node for w in self.wanted)
        values = [*kept, *(args[s.place].detach() for s in self.saved)]
        outs = [t for t, lead in zip(leaves(result), self.leads, strict=True) if lead]
        zeros = [np.zeros(t._data.shape, t._data.dtype) for t in outs]
        stamp = tick()
        for k, t in enumerate(outs):
            part = _Part(self, k, values, zeros, args)
            t._requires_grad, t._op, t._inputs, t._params, t._stamp = True, part, inputs, NO_PARAMS, stamp
        return result

    leads: list[bool]
    again: Run  # calls the function itself


class _Part:
    """What stands in the graph for one result of a compiled function."""

    view = variadic = False
    adds, saves = None, True
    inputs: tuple[str, ...] = ()
    needs: Mapping[str, Any] = NO_PARAMS

    def __init__(self, joint: Joint, place: int, values: list[Any], zeros: list[Any], args: list[Any]) -> None:
        self.joint, self.place, self.values, self.zeros, self.args = joint, place, values, zeros, args
        self.name = self.symbol = joint.forward.name
        self.given: Any = None
        self.found: Any = None
        self.recorded: _Recorded | None = None

    @property
    def on_arrays(self) -> _Part:
        """The rules for inputs 0, 1, ..., which are one and the same."""
        return self

    @property
    def on_tensors(self) -> Any:
        """The rules as they are recorded: those of the function itself, called once more."""
        forward = self.joint.forward
        if forward.writes or any(isinstance(i, Draw) for i in forward.instructions):
            raise RuntimeError(
                f"{self.name}: the derivative of a compiled function's result is not recorded where the function draws "
                "random numbers or changes a tensor; compile a function that takes both derivatives itself"
            )
        if self.recorded is None:
            self.recorded = _Recorded(self)
        return self.recorded

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return self._gradient

    def _gradient(self, g: Any, y: Any, x: Any, p: Any, i: int) -> Any:
        if self.given is not g:
            gs = [wrap(np.asarray(g) if k == self.place else z) for k, z in enumerate(self.zeros)]
            self.given, self.found = g, self.joint.run_backward([*self.values, *gs])
        found = self.found[i]
        return np.zeros(x[i]._data.shape, x[i]._data.dtype) if found is None else found._data

    def check_unchanged(self, y: Node, inputs: tuple[Node, ...], stamp: int) -> None:
        """Raise if a tensor that the backward program is about to read was changed in place."""
        for x in self.joint.needed:
            if changed_since(x, stamp):
                raise RuntimeError(
                    f"{self.name}: a tensor of shape {x._data.shape} was changed in place after the compiled function "
                    "had read it. Run backward() before changing it, or change a copy."
                )

    def __repr__(self) -> str:
        return f"<{self.name}>"


class _Recorded:
    """The rules of a compiled function's result on tensors, which its own graph gives."""

    def __init__(self, part: _Part) -> None:
        self.part, self.given, self.found = part, None, ()

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return self._gradient

    def _gradient(self, g: Any, y: Any, x: Any, p: Any, i: int) -> Any:
        part = self.part
        if self.given is not g:
            with set_grad_enabled(True):
                result = part.joint.again(part.args)
                outs = [t for t, lead in zip(leaves(result), part.joint.leads, strict=True) if lead]
                self.given, self.found = g, grad(outs[part.place], x, g, create_graph=True, materialize_grads=True)
        return self.found[i]


def differentiated(trace: Any, result: Any) -> Any:
    """Go on recording with the derivative of a result, and return what `Joint` is made from; None if it has none.

    It is called while the trace is told of everything.
    """
    outs = [t for t in _tensors(result) if t._requires_grad and t._op is not None and is_whole(t)]
    if not outs or len(set(outs)) != len(outs) or any(x._op is not None and x._requires_grad for x in trace.arguments):
        return None
    order = recorded(outs, "{} was freed")
    wanted = list(dict.fromkeys(x for y in order for x in y._inputs if x._op is None and x._requires_grad))
    wanted = [x for x in wanted if x in trace.arguments or id(x) in trace.before]
    if not wanted:
        return None
    mark = len(trace.program.instructions)
    gs = [wrap(np.ones(t._data.shape, t._data.dtype)) for t in outs]
    numbers = [trace._source(g, Input(-1)) for g in gs]
    with set_grad_enabled(False):
        found = _walk(dict(zip(outs, gs, strict=True)), True, True, _route_to(set(wanted), outs))
    return mark, numbers, [(x, trace.number(found[x]) if x in found else None) for x in wanted]


def is_whole(result: Any) -> bool:
    """Tell whether a result can still be differentiated: the function may have called backward() itself."""
    try:
        recorded([result], "{} was freed")
    except RuntimeError:
        return False
    return True


def _tensors(result: Any) -> list[Any]:
    if isinstance(result, Node):
        return [result]
    if isinstance(result, dict):
        return [t for v in result.values() for t in _tensors(v)]
    return [t for v in result for t in _tensors(v)] if isinstance(result, (list, tuple)) else []


def parted(program: Program, made: Any, arguments: dict[Any, int], leads: Sequence[bool]) -> Joint | None:
    """Part a program, which is not pruned yet, into both."""
    mark, numbers, grads = made
    before, after = (
        [copy.copy(i) for i in part] for part in (program.instructions[:mark], program.instructions[mark:])
    )
    if any(isinstance(i, Step) for i in after):
        return None
    values, sources = program.values, program.sources
    second = Program(f"{program.name}, backward", list(values), dict(sources), after)
    second.result = tuple(None if n is None else Reference(n) for _, n in grads)
    second.prune()
    used = {n for i in second.instructions for n in i.uses()} | {*second.results()}
    inner = {i.out for i in after if hasattr(i, "out")} | {*numbers}
    kept = sorted(n for n in used if n not in inner and n not in sources)
    saved = sorted(n for n in used if isinstance(sources.get(n), Input) and n not in numbers)
    if any(isinstance(sources.get(n), Gradient) for n in used):
        return None
    passed = [*kept, *saved, *numbers]
    second.sources = {n: s for n, s in sources.items() if n in used and not isinstance(s, Input)}
    second.sources |= {n: Input(k) for k, n in enumerate(passed)}
    first = Program(
        program.name,
        list(values),
        dict(sources),
        before,
        program.writes,
        program.grads,
        program.absent,
        program.modules,
    )
    first.result = (program.result, [Reference(n) for n in kept])
    first.prune()
    wanted = [Input(arguments[x]) if x in arguments else Live(x) for x, _ in grads]
    joint = Joint(first, second, wanted, [sources[n] for n in saved], len(numbers))
    joint.leads = list(leads)
    return joint
