"""Results that can be differentiated: a forward program that keeps what its derivative needs, and a backward one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..engine.backward import _Route, _walk, grad
from ..engine.graph import NO_PARAMS, Node, changed_since, recorded, share_version, tick
from ..engine.modes import set_grad_enabled
from ..engine.primitive import wrap
from ..trees import leaves
from .program import Draw, Gradient, Input, Live, Program, Reference, Step

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

    def __init__(self, forward: Program, backward: Program, wanted: list[Any], saved: list[Any]) -> None:
        self.forward, self.backward, self.wanted, self.saved = forward, backward, wanted, saved
        self.needed = [s.node for s in backward.sources.values() if isinstance(s, Live)]
        self.run_forward: Run
        self.run_backward: Run

    def __call__(self, args: list[Any]) -> Any:
        """Run the forward program, and note in the graph how its results are differentiated."""
        result, kept = self.run_forward(args)
        found = [*leaves(result, Reference)]
        for place, k in self.shared:  # what is returned and read by the derivative is noted as changed in both
            if np.may_share_memory(found[place]._data, kept[k]._data):
                share_version(found[place], kept[k])
        outs = [t for t, lead in zip(found, self.is_out, strict=True) if lead]
        inputs = tuple(args[w.place] if isinstance(w, Input) else w.node for w in self.wanted)
        call = _Call(self, [*kept, *(args[s.place].detach() for s in self.saved)], outs, args)
        if len(outs) == 1:
            _record(outs[0], call, inputs)
            return result
        gate: Node = wrap(np.zeros(()).view(_Given))
        _record(gate, call, inputs)
        for place, t in enumerate(outs):
            _record(t, _Result(call, place), (gate,))
        return result

    def __str__(self) -> str:
        return f"{self.run_forward}\n\n{self.run_backward}"

    is_out: list[bool]  # which of all that is returned gradients flow through
    leads: list[list[bool]]  # for each of those, to which of what is wanted
    shared: list[tuple[int, int]]  # (place among all that is returned, among what is kept) of what is both
    again: Run  # calls the function itself


def _record(out: Node, op: Any, inputs: tuple[Node, ...]) -> None:
    out._requires_grad, out._op, out._inputs, out._params, out._stamp = True, op, inputs, NO_PARAMS, tick()


class _Given(np.ndarray[Any, Any]):
    """The gradients of several results of a call on their way to it; their sum is all of them.

    To the graph it is a number: 0.
    """

    parts: dict[int, Any]

    def __add__(self, other: Any) -> _Given:
        return _given(self.parts | other.parts)


def _given(parts: dict[int, Any]) -> _Given:
    given = np.zeros(()).view(_Given)
    given.parts = parts
    return given


class _Rules:
    """What stands in the graph in the place of a row: its rules for inputs 0, 1, ... are one and the same."""

    view = variadic = False
    adds, saves = None, True
    inputs: tuple[str, ...] = ()
    needs: Mapping[str, Any] = NO_PARAMS

    def __init__(self, name: str, gradient: Callable[..., Any]) -> None:
        self.name = self.symbol = name
        self.gradient = gradient

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return self.gradient

    @property
    def on_arrays(self) -> Any:
        """The rules on arrays."""
        return self

    @property
    def on_tensors(self) -> Any:
        """The rules as they are recorded."""
        return self

    def check_unchanged(self, y: Node, inputs: tuple[Node, ...], stamp: int) -> None:
        """Leave it to the rules of the call."""

    def __repr__(self) -> str:
        return f"<{self.name}>"


class _Result(_Rules):
    """One of several results of a call: it passes its gradient on to the call, which is differentiated once."""

    def __init__(self, call: _Call, place: int) -> None:
        super().__init__(call.name, lambda g, y, x, p, i: _given({place: g}))


class _Call(_Rules):
    """A call of a compiled function."""

    def __init__(self, joint: Joint, values: list[Any], outs: list[Any], args: list[Any]) -> None:
        super().__init__(joint.forward.name, self._gradient)
        self.joint, self.values, self.args = joint, values, args
        self.kinds = [(t._data.shape, t._data.dtype) for t in outs]
        self.saves = len(outs) == 1  # of several, it lives as long as one that was not differentiated
        self.given: Any = None
        self.found: Any = None

    @property
    def on_tensors(self) -> Any:
        """The rules as they are recorded: those of the function itself, called once more."""
        forward = self.joint.forward
        if forward.writes or any(isinstance(i, Draw) for i in forward.instructions):
            raise RuntimeError(
                f"{self.name}: the derivative of a compiled function's result is not recorded where the function draws "
                "random numbers or changes a tensor; compile a function that takes both derivatives itself"
            )
        return _Rules(self.name, self._recorded)

    def _parts(self, g: Any, y: Node) -> dict[int, Any]:
        """Return the gradients of results by their places, if nothing was changed that the derivative reads."""
        for x in (*self.joint.needed, *self.values):
            if changed_since(x, y._stamp):
                raise RuntimeError(
                    f"{self.name}: a tensor of shape {x._data.shape} was changed in place after the compiled function "
                    "had read or returned it. Run backward() before changing it, or change a copy."
                )
        return g.parts if isinstance(g, _Given) else {0: g}

    def _gradient(self, g: Any, y: Any, x: Any, p: Any, i: int) -> Any:
        if self.given is not g:
            parts = self._parts(g, y)
            gs = [np.asarray(parts[k]) if k in parts else np.zeros(*kind) for k, kind in enumerate(self.kinds)]
            self.given, self.found = g, self.joint.run_backward([*self.values, *map(wrap, gs)])
        found = self.found[i]
        return found._data if found is not None and self._leads(g, i) else None

    def _leads(self, g: Any, i: int) -> bool:
        """Tell whether any of the results whose gradients are given depends on an input."""
        return any(self.joint.leads[k][i] for k in (g.parts if isinstance(g, _Given) else (0,)))

    def _recorded(self, g: Any, y: Any, x: Any, p: Any, i: int) -> Any:
        if self.given is not g:
            parts = self._parts(g, y)
            with set_grad_enabled(True):
                result = self.joint.again(self.args)
                outs = [t for t, lead in zip(leaves(result, Reference), self.joint.is_out, strict=True) if lead]
                outs = [outs[k] for k in parts]
                found = grad(outs, x, [*parts.values()], create_graph=True, allow_unused=True)
            self.given, self.found = g, found
        return self.found[i]


def differentiated(trace: Any, result: Any) -> Any:
    """Go on recording with the derivative of a result, and return what `Joint` is made from; None if it has none.

    It is called while the trace is told of everything.
    """
    outs = [t for t in leaves(result, Reference) if is_made(trace, t)]
    if len(set(outs)) != len(outs):
        return None
    inside = [y for y in recorded(outs, "{} was freed") if not trace.is_outside(y)]
    read = dict.fromkeys(x for y in inside for x in y._inputs if x._requires_grad)
    wanted = [x for x in read if trace.is_outside(x)]
    if not wanted:
        return None
    mark = len(trace.program.instructions)
    gs = [wrap(np.ones(t._data.shape, t._data.dtype)) for t in outs]
    numbers = [trace._source(g, Input(-1)) for g in gs]
    with set_grad_enabled(False):
        found = _walk(dict(zip(outs, gs, strict=True)), True, True, _Route({*inside}, {*read}, {*wanted}))
    reached = [{x for y in recorded([t], "") if y in set(inside) for x in y._inputs} for t in outs]
    leads = [[x in of for x in wanted] for of in reached]
    return mark, numbers, [(x, trace.number(found[x]) if x in found else None) for x in wanted], leads


def is_whole(result: Any) -> bool:
    """Tell whether a result can still be differentiated: the function may have freed or changed what that takes."""
    try:
        for y in recorded([result], "{} was freed"):
            if any(x._version is not None and x._version.alert > y._stamp for x in (y, *y._inputs)):
                y._op.check_unchanged(y, y._inputs, y._stamp)
    except RuntimeError:
        return False
    return True


def is_made(trace: Any, result: Any) -> bool:
    """Tell whether the function has made a result that gradients flow through."""
    leads = isinstance(result, Node) and result._requires_grad and result._op is not None
    return leads and not trace.is_outside(result) and is_whole(result)


def parted(program: Program, made: Any, arguments: dict[Any, int], is_out: Sequence[bool]) -> Joint | None:
    """Part a program, which is not pruned yet, into both."""
    mark, numbers, grads, leads = made
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
    joint = Joint(first, second, wanted, [sources[n] for n in saved])
    joint.is_out, joint.leads = list(is_out), leads
    result, keeps = first.result
    places = {r.number: k for k, r in enumerate(keeps)}
    numbered = [(place, r.number) for place, r in enumerate(leaves(result, Reference)) if isinstance(r, Reference)]
    joint.shared = [(place, places[n]) for place, n in numbered if n in places]
    return joint
