"""Program: what a function computes, as instructions that each give one value; and to run it on NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import NO_PARAMS, array_of, increment_version
from ..engine.primitive import _floating, wrap
from ..trees import leaves, map_leaves
from .messages import define, depth


class Value(NamedTuple):
    """What is known of a value before a run."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


# -- where values come from --------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Input:
    """The tensor that is passed at a place."""

    place: int


@dataclass(frozen=True, eq=False)
class Live:
    """A tensor that the function found: a parameter, a buffer."""

    node: Any


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of a tensor: of an argument by its place, of any other by itself."""

    owner: Any


@dataclass(frozen=True, eq=False)
class Constant:
    """An array or a number that the function made from nothing, or, if shared, an array of the user's."""

    data: Any
    shared: bool = False


class Reference(NamedTuple):
    """The value of a number, among parameters and in what is returned."""

    number: int


# -- what is done with them --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Apply:
    """Apply a row of the table."""

    out: int
    op: Any
    inputs: tuple[int, ...]
    params: dict[str, Any]
    widens: bool = False  # of integers alone, which become floats

    def uses(self) -> Iterator[int]:
        """Yield the numbers of what it reads."""
        yield from self.inputs
        for value in self.params.values():
            yield from references(value)


class Call:
    """A function of arrays that is no row of the table."""

    view = False
    rules = NO_PARAMS

    def __init__(self, name: str, forward: Callable[..., Any]) -> None:
        self.name, self.forward = name, forward


@dataclass(slots=True)
class Draw:
    """Draw random numbers, by way of what gives them again after a run that was given up."""

    out: int
    draw: Callable[[], Any]
    draws: Draws
    value: Value

    def __call__(self) -> Any:
        """Return the numbers."""
        return self.draws.take(self.draw, self.value)

    def uses(self) -> Iterator[int]:
        """Yield nothing."""
        return iter(())


@dataclass(slots=True)
class Decide:
    """Make sure that a check says what it said."""

    check: Callable[..., Any]
    inputs: tuple[int, ...]
    outcome: bool
    arrays: tuple[Any, ...] = ()  # what it was asked about when it was recorded

    def uses(self) -> Iterator[int]:
        """Yield the numbers of what it reads."""
        return iter(self.inputs)


@dataclass(slots=True)
class Step:
    """Let an optimizer update parameters: each (group, parameter, value, gradient, new value)."""

    optimizer: Any
    updates: list[tuple[int, Any, int, int, int]]

    def uses(self) -> Iterator[int]:
        """Yield the numbers of what it reads."""
        for _, _, old, g, _ in self.updates:
            yield old
            yield g


def references(value: Any) -> Iterator[int]:
    """Yield the numbers in a parameter."""
    if isinstance(value, Reference):
        yield value.number
    elif type(value) is tuple:
        for v in value:
            yield from references(v)
    elif type(value) is dict:
        for v in value.values():
            yield from references(v)


def filled(value: Any, env: Any) -> Any:
    """Return a parameter with values in the place of their numbers."""
    if isinstance(value, Reference):
        return env[value.number]
    if type(value) is dict:
        return {k: filled(v, env) for k, v in value.items()}
    return tuple(filled(v, env) for v in value) if type(value) is tuple else value


class Draws:
    """Random numbers of the present run; where it is given up, the next one gets them again, as if it were the first.

    Attributes
    ----------
    taken, spare : list of ndarray
    """

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.spare: list[Any] = []

    def take(self, draw: Callable[[], Any], value: Value | None = None) -> Any:
        """Return numbers that were drawn before, if they are such as are needed, or else new ones."""
        drawn = self.spare.pop(0) if self.spare else None
        if drawn is None or (value is not None and (drawn.shape, drawn.dtype) != value):
            drawn = np.asarray(draw())
        self.taken.append(drawn)
        return drawn

    def give_up(self) -> None:
        """Keep what was drawn for the next run."""
        self.spare[:0] = self.taken
        self.taken.clear()

    def finish(self) -> None:
        """Forget what was drawn."""
        self.taken.clear()
        self.spare.clear()


class ChangedError(Exception):
    """A check says something else than it said when the function was recorded."""


@dataclass
class Program:
    """What a function computes.

    Attributes
    ----------
    values : list of Value
        By number.
    sources : dict of int to Input, Live, Gradient or Constant
        The values that are not computed.
    instructions : list
        In order.
    writes : list of (Live, Input or Gradient, int)
        What is written into the memory of which tensor at the end.
    grads : list of (owner, int, Live or None)
        Which gradients are set at the end.
    absent : dict of owner to bool
        Of which gradients the program reads, whether there was none.
    modules : dict
        The modules that were called.
    effects : list of callable
        What is called after each run.
    result : object
        What is returned, with references in the place of tensors.
    differentiable : bool
        Whether the function's result can be differentiated.
    """

    name: str
    values: list[Value] = field(default_factory=list)
    sources: dict[int, Any] = field(default_factory=dict)
    instructions: list[Any] = field(default_factory=list)
    writes: list[tuple[Any, int]] = field(default_factory=list)
    grads: list[tuple[Any, Any]] = field(default_factory=list)
    absent: dict[Any, bool] = field(default_factory=dict)
    modules: dict[int, Any] = field(default_factory=dict)
    effects: list[Callable[[], object]] = field(default_factory=list)
    result: Any = None
    differentiable: bool = False

    def finish(self) -> None:
        """Call what is called after each run."""
        for act in self.effects:
            act()

    def results(self) -> list[int]:
        """Return the numbers of what is returned, in order."""
        return [r.number for r in leaves(self.result, Reference) if isinstance(r, Reference)]

    def prune(self) -> None:
        """Drop instructions that nothing needs, and compute what is common once."""
        same: dict[int, int] = {}
        known: dict[Any, int] = {}
        for i in self.instructions:
            if isinstance(i, Apply):
                i.inputs = tuple(same.get(n, n) for n in i.inputs)
                try:
                    key = (i.op, i.inputs, tuple(i.params.items()))
                    first = known.setdefault(key, i.out)
                except TypeError:  # a parameter that cannot be hashed
                    continue
                if first != i.out and _exact(i.params):
                    same[i.out] = first
            elif isinstance(i, Decide):
                i.inputs = tuple(same.get(n, n) for n in i.inputs)
            elif isinstance(i, Step):
                i.updates = [(k, p, same.get(o, o), same.get(g, g), n) for k, p, o, g, n in i.updates]
        self.writes = [(t, same.get(n, n)) for t, n in self.writes]
        self.grads = [(t, same.get(n, n) if isinstance(n, int) else n) for t, n in self.grads]
        self.result = map_leaves(
            self.result, lambda r: Reference(same.get(r.number, r.number)) if isinstance(r, Reference) else r, Reference
        )
        needed = {n for _, n in self.writes} | {n for _, n in self.grads if isinstance(n, int)} | {*self.results()}
        kept = []
        for i in reversed(self.instructions):
            if not isinstance(i, Apply) or i.out in needed:
                needed.update(i.uses())
                kept.append(i)
        self.instructions = _early_first(kept[::-1])
        self.sources = {n: s for n, s in self.sources.items() if n in needed}


def _early_first(instructions: list[Any]) -> list[Any]:
    """Return instructions with those first that read nothing of an optimizer's: a check gives up before it steps."""
    early: list[Any] = []
    late: list[Any] = []
    written: set[int] = set()
    for i in instructions:
        if isinstance(i, Step) or not written.isdisjoint(i.uses()):
            late.append(i)
            written.update([new for *_, new in i.updates] if isinstance(i, Step) else [getattr(i, "out", -1)])
        else:
            early.append(i)
    return early + late


def _exact(params: dict[str, Any]) -> bool:
    """Tell whether equal parameters are the same: 1 and True are equal, 0.0 and -0.0 as well."""
    return all(isinstance(v, (int, str, tuple, type(None), np.dtype)) for v in params.values())


def advance(step: Step, old: list[Any], grads: list[Any]) -> None:
    """Let an optimizer step from values, None for those that are there, with gradients that nobody else sees."""
    before = [(p, p._grad) for group in step.optimizer.param_groups for p in group["params"]]
    for p, _ in before:
        p._grad = None
    for (_, p, *_), value, g in zip(step.updates, old, grads, strict=True):
        if value is not None:
            np.copyto(array_of(p), value)
        p._grad = wrap(g)
    try:
        step.optimizer._go(depth() + 1)
    finally:
        for p, grad in before:
            p._grad = grad


def restorer(optimizer: Any, params: list[Any]) -> Callable[[], None]:
    """Return what puts parameters, and what an optimizer notes of them, back to what they are now."""
    saved = {p: _copied(optimizer.state[p]) for p in params if p in optimizer.state}
    values = [(array_of(p), np.array(p._data)) for p in params]

    def restore() -> None:
        for array, value in values:
            np.copyto(array, value)
        for p in params:
            optimizer.state.pop(p, None)
        optimizer.state.update(saved)
        optimizer._layouts.clear()

    return restore


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in state.items()}


# -- to run it on NumPy ------------------------------------------------------------------------------------------------


class Plain:
    """A program as NumPy runs it: instruction by instruction, with the rows as they stand.

    It is written as one Python function, which takes half the time of a loop over instructions.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[str, Any] = {"shape": np.shape, "floating": _floating, "ChangedError": ChangedError}
        define(self._written(), self.names)
        self.run = self.names["run"]

    def _written(self) -> str:
        """Return the text of a function that computes a program's values, and notes how to undo steps before checks."""
        program = self.program
        self.checks = [place for place, i in enumerate(program.instructions) if not isinstance(i, Step)]
        last = {n: place for place, i in enumerate(program.instructions) for n in i.uses()}
        kept = {n for _, n in program.writes} | {n for _, n in program.grads if isinstance(n, int)}
        kept |= {*program.results()}
        lines = [
            f"v{n} = {self._name(f's{n}', array_from)}({self._name(f'S{n}', s)}, args)"
            for n, s in program.sources.items()
        ]
        # what is there before is copied where it is wanted at the end: an optimizer may step in between
        early = {n for n in kept if n in program.sources}
        wanted = ", ".join(f"{n}: {'w' if n in early else 'v'}{n}" for n in sorted(kept))
        kept |= {*program.sources}
        lines += [f"w{n} = v{n}.copy()" for n in sorted(early)]
        for place, i in enumerate(program.instructions):
            lines += self._line(place, i)
            if dead := [f"v{n}" for n in dict.fromkeys(i.uses()) if last[n] == place and n not in kept]:
                lines.append(f"del {', '.join(dead)}")
        return "\n    ".join(["def run(args, undo):", *lines, f"return {{{wanted}}}"])

    def _line(self, place: int, i: Any) -> list[str]:
        """Return the lines of an instruction."""
        if isinstance(i, Apply):
            arrays = ", ".join(f"v{n}" for n in i.inputs)
            params = [f"{k}={self._said(f'k{place}{k}', v)}" for k, v in i.params.items()]
            if i.widens:
                return [f"v{i.out} = floating({self._name(f'f{place}', i.op)}, [{arrays}], dict({', '.join(params)}))"]
            inside = ", ".join([arrays, *params] if arrays else params)
            lines = [f"v{i.out} = {self._name(f'f{place}', i.op.forward)}({inside})"]
            if not getattr(i.op, "home", "").startswith("autodiff."):  # whose shape may depend on values
                lines.append(f"if shape(v{i.out}) != {self.program.values[i.out].shape!r}: raise ChangedError")
            return lines
        if isinstance(i, Draw):
            return [f"v{i.out} = {self._name(f'f{place}', i)}()"]
        if isinstance(i, Decide):
            check = f"{self._name(f'f{place}', i.check)}({', '.join(f'v{n}' for n in i.inputs)})"
            return [f"if bool({check}) is not {i.outcome}: raise ChangedError"]
        self.names[f"f{place}"] = functools.partial(advance, i)
        old = ", ".join("None" if o in self.program.sources else f"v{o}" for _, _, o, _, _ in i.updates)
        grads = ", ".join(f"v{g}" for _, _, _, g, _ in i.updates)
        news = [f"v{n} = {self._name(f'p{n}', p)}._data" for _, p, _, _, n in i.updates]
        step = [f"f{place}([{old}], [{grads}])", *news]
        if all(later < place for later in self.checks):
            return step
        restore = functools.partial(restorer, i.optimizer, [p for _, p, *_ in i.updates])
        return [f"undo.append({self._name(f'u{place}', restore)}())", *step]

    def _name(self, name: str, value: Any) -> str:
        self.names[name] = value
        return name

    def _said(self, name: str, value: Any) -> str:
        """Return a parameter as text."""
        if isinstance(value, Reference):
            return f"v{value.number}"
        if type(value) is tuple and [*references(value)]:
            return f"({''.join(self._said(f'{name}_{k}', v) + ', ' for k, v in enumerate(value))})"
        if type(value) is dict and [*references(value)]:
            return f"{{{''.join(f'{k!r}: ' + self._said(f'{name}_{k}', v) + ', ' for k, v in value.items())}}}"
        return self._name(name, value)

    def __call__(self, args: list[Any]) -> Any:
        """Run the program on tensors, and return what the function returns."""
        program = self.program
        made: dict[int, Any] = {}  # what is returned twice shares memory
        undo: list[Callable[[], None]] = []
        try:
            with np.errstate(all="ignore"):
                env = self.run(args, undo)
        except Exception:  # what a check would have refused, say: recording it anew says so at the user's line
            for restore in reversed(undo):
                restore()
            raise ChangedError from None
        written = [(node_of(target, args), np.array(env[n])) for target, n in program.writes]
        for node, value in written:
            np.copyto(array_of(node), value)
        increment_version([node for node, _ in written])
        for owner, n in program.grads:
            node = args[owner] if isinstance(owner, int) else owner
            node._grad = wrap(np.array(env[n])) if isinstance(n, int) else None if n is None else n.node
        return map_leaves(program.result, lambda r: self._returned(r, env, args, made), Reference)

    def __str__(self) -> str:
        program = self.program
        lines = [f"{program.name}: {len(program.instructions)} instructions, run by NumPy"]
        for i in program.instructions:
            out = f"v{i.out} = " if isinstance(i, (Apply, Draw)) else ""
            name = i.op.name if isinstance(i, Apply) else type(i).__name__.lower()
            lines.append(f"       {out}{name}({', '.join(f'v{n}' for n in i.uses())})")
        return "\n".join(lines)

    def _returned(self, r: Any, env: dict[int, Any], args: list[Any], made: dict[int, Any]) -> Any:
        if isinstance(r, (Input, Live, Gradient)):
            return node_of(r, args)
        if isinstance(r, Reference):
            value = env[r.number]
            if value.__class__ is np.ndarray:
                value = made.setdefault(r.number, np.array(value))
            return wrap(value)
        return r


def node_of(source: Any, args: list[Any]) -> Any:
    """Return the tensor that a source names."""
    if isinstance(source, Input):
        return args[source.place]
    if isinstance(source, Gradient):
        owner = args[source.owner] if isinstance(source.owner, int) else source.owner
        return owner._grad
    return source.node


def array_from(source: Any, args: list[Any]) -> Any:
    """Return the array that a source names."""
    return source.data if isinstance(source, Constant) else node_of(source, args)._data
