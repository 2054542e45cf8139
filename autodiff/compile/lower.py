"""Lowering: a program of rows becomes elements, by running each row on symbols."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import _floating
from . import convolution, pooling
from .element import KINDS, Element, Graph, Symbol, UnsayableError
from .program import Apply, Constant, Decide, Draw, Input, Live, Program, Step, filled, references

Slot = Any

#: What makes an element of the rows that have a native function of their own.
ROUTINES: dict[Any, Callable[..., Element]] = {**convolution.ROWS, **pooling.ROWS}


class Lowered:
    """The elements of a program.

    Attributes
    ----------
    graph : Graph
    values : dict of int to Element
        By the number of the value.
    stores : list of (slot, Element)
        What is written into memory that is there before: a parameter's, a state's.
    calls : dict of Element to Called
        What NumPy computes.
    options : list of (optimizer, group, option, place in a pair)
        What gives each option's number at a run.
    steps : list of Stepped
        The optimizers whose formulas are part of the program.
    unsaid : list of (Step, str)
        Those whose formulas have no native form, and why: they step after it.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.graph = program, Graph()
        self.values: dict[int, Element] = {}
        self.stores: list[tuple[Slot, Element]] = []
        self.calls: dict[Element, Called] = {}
        self.options: list[tuple[Any, int, str, int | None]] = []  # (optimizer, group, option, place in a pair)
        self.steps: list[Stepped] = []
        self.unsaid: list[tuple[Step, str]] = []
        self.ends: list[Element] = []  # whether the gradients are finite at their ends
        for n, source in program.sources.items():
            self.values[n] = self._source(n, source)
        for i in program.instructions:
            if isinstance(i, Apply):
                self.values[i.out] = self._applied(i)
            elif isinstance(i, Draw):
                self.values[i.out] = self._call(i, (), program.values[i.out], Called("random numbers", i))
            elif isinstance(i, Decide):
                self._decided(i)
            else:
                self._step(i)
        if self.ends:
            whole = functools.reduce(lambda a, b: self.graph.ufunc(np.logical_and, [a, b]), self.ends)
            self.stores.append((("finite",), whole))
        for target, n in program.writes:
            self.stores.append((self.slot(target), self.at_the_end(n)))

    def at_the_end(self, n: int) -> Element:
        """Return a value as it is to be after the stores: a copy of what is in memory, which they may overwrite."""
        e = self.values[n]
        return self.graph.make("map", (e,), "positive", e.shape, e.dtype) if e.kind == "memory" else e

    def optimizer_of(self, p: Node) -> Any:
        """Return what updates a parameter."""
        return next(s.optimizer for s in self.steps if any(p is q for _, q, _ in s.params))

    def slot(self, source: Any) -> Slot:
        """Return what names the memory of a source."""
        if isinstance(source, Input):
            return ("memory", ("argument", source.place))
        if isinstance(source, Live):
            return ("memory", ("live", source.node))
        return ("memory", ("gradient", source.owner))

    def _source(self, n: int, source: Any) -> Element:
        value = self.program.values[n]
        if isinstance(source, Constant):
            data = source.data
            if source.shared and not (data.flags.c_contiguous and data.flags.aligned):
                return self._call(source, (), value, Called("an array", lambda: data))
            if isinstance(data, np.ndarray) and (data.ndim or source.shared):
                return self.graph.constant(data, source.shared or value.dtype not in KINDS)
            return self.graph.literal(np.asarray(source.data)[()])
        return self.graph.memory(self.slot(source)[1], value.shape, value.dtype)

    def _call(self, what: Any, args: tuple[Element, ...], value: Any, called: Called) -> Element:
        e = self.graph.make("call", args, id(what), value.shape, value.dtype)
        self.calls[e] = called
        return e

    def _applied(self, i: Apply) -> Element:
        value = self.program.values[i.out]
        given = args = [self.values[n] for n in i.inputs]
        before = len(self.graph.decisions)
        try:
            if value.dtype == np.float16:
                raise UnsayableError("float16")
            if i.widens and value.dtype.kind == "f":
                args = [self.graph.cast(a, np.float64) for a in args]
            elif i.widens and len({a.dtype for a in args}) > 1:
                raise UnsayableError("integers of several kinds")
            params = {k: filled(v, _Symbols(self)) for k, v in i.params.items()}
            native = ROUTINES.get(i.op)
            e = native(self.graph, *args, **params) if native else self.graph.apply(i.op.forward, args, params)
            if i.widens and value.dtype.kind == "f":
                e = self.graph.cast(e, value.dtype)
            if (e.shape, e.dtype) != (value.shape, value.dtype) or e.weak:
                raise UnsayableError(f"{e.shape} {e.dtype} for {value}")
            return e
        except UnsayableError as error:
            del self.graph.decisions[before:]
            why = str(error)
        refs = sorted({n for v in i.params.values() for n in references(v)})
        count = len(given)

        def compute(*arrays: Any) -> Any:
            env = dict(zip(refs, arrays[count:], strict=True))
            params = {k: filled(v, env) for k, v in i.params.items()}
            if i.widens:
                return _floating(i.op, list(arrays[:count]), params)
            return i.op.forward(*arrays[:count], **params)

        return self._call(i, (*given, *(self.values[n] for n in refs)), value, Called(i.op.name, compute, why))

    def _decided(self, i: Decide) -> None:
        graph, args = self.graph, [self.values[n] for n in i.inputs]
        graph.sample = dict(zip(args, i.arrays, strict=True))
        before = len(graph.decisions)
        try:
            with np.errstate(all="ignore"):
                result = i.check(*(Symbol(graph, a) for a in args))
            if isinstance(result, Symbol):
                graph.decide(result.element)
        except Exception:  # a check may do anything
            del graph.decisions[before:]
            e = self._call(i, tuple(args), _Truth, Called("a check", lambda *arrays: np.bool(i.check(*arrays))))
            graph.decisions.append((e, i.outcome))
        i.arrays = ()

    # -- optimizers ----------------------------------------------------------------------------------------------------

    def _step(self, i: Step) -> None:
        """Make an optimizer's formula part of the program, or let it step afterwards, as it stands."""
        options, decisions, stores = len(self.options), len(self.graph.decisions), len(self.stores)
        ends = len(self.ends)
        before = {**self.values}
        try:
            self.steps.append(self._stepped(i))
        except UnsayableError as error:
            if not self._is_last(i):
                raise UnsayableError(f"{type(i.optimizer).__name__}: {error}") from None
            del self.options[options:], self.graph.decisions[decisions:], self.stores[stores:], self.ends[ends:]
            self.values = before
            self.unsaid.append((i, str(error)))

    def _is_last(self, i: Step) -> bool:
        """Tell whether nothing but an optimizer's own gradients comes before its step, and nothing reads its result."""
        program, news = self.program, {new for *_, new in i.updates}
        read = {n for j in program.instructions for n in j.uses()} | {*program.results()}
        read |= {n for _, n in [*program.writes, *program.grads] if isinstance(n, int)}
        return not news & read and all(old in program.sources for _, _, old, _, _ in i.updates)

    def _stepped(self, i: Step) -> Stepped:
        """Run the formula of an optimizer on symbols, for each parameter."""
        optimizer = i.optimizer
        groups = [self._options(optimizer, place, group) for place, group in enumerate(optimizer.param_groups)]
        counts: dict[tuple[int, int], Symbol] = {}
        stepped = Stepped(optimizer, [], [])
        for place, p, old, g, new in i.updates:
            names = [*optimizer.fills(optimizer.param_groups[place])]
            arrays = {name: self._state(optimizer, p, name) for name in names}
            count = optimizer.state[p].get("step")
            step: Any = 2  # it has stepped before: what a first step does alone, it has done
            if optimizer.counts_steps:
                if (place, count) not in counts:
                    counts[place, count] = self._option(optimizer, place, "step", p, count)
                step = counts[place, count]
            value, slope = Symbol(self.graph, self.values[old]), Symbol(self.graph, self.values[g])
            climbs = optimizer.param_groups[place].get("maximize", False)
            try:
                with np.errstate(all="ignore"):
                    optimizer.update(value, -slope if climbs else slope, arrays, groups[place], step)
            except UnsayableError:
                raise
            except Exception as error:
                raise UnsayableError(f"{type(error).__name__}: {error}") from None
            finally:
                optimizer._writes = []
            self.values[new] = value.element
            self.stores.append((("memory", ("live", p)), value.element))
            self.stores += [(("memory", ("state", p, name)), arrays[name].element) for name in names]
            last = self.values[g]
            if last.size:  # one number of each, as in a plain step
                self.ends.append(self.graph.ufunc(np.isfinite, [self.graph.index(last, (-1,) * len(last.shape))]))
            stepped.params.append((place, p, count))
            stepped.names.append(names)
        return stepped

    def _state(self, optimizer: Any, p: Node, name: str) -> Symbol:
        array = optimizer.state[p].get(name)
        shape, dtype = p._data.shape, p._data.dtype
        if not (isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype):
            raise UnsayableError(f"{name} is no array of the parameter's shape and dtype")
        return Symbol(self.graph, self.graph.memory(("state", p, name), shape, dtype))

    def _options(self, optimizer: Any, place: int, group: dict[str, Any]) -> dict[str, Any]:
        """Return a group whose numbers are symbols, which are read at each run."""
        given = {**optimizer._options(place, group)}
        for name in optimizer._decisive:
            value = given[name]
            if isinstance(value, (tuple, list)):
                given[name] = tuple(self._option(optimizer, place, name, k, v) for k, v in enumerate(value))
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                given[name] = self._option(optimizer, place, name, None, value)
        return given

    def _option(self, optimizer: Any, place: int, name: str, k: Any, value: Any) -> Symbol:
        e = self.graph.make("option", (), len(self.options), (), np.dtype(np.float64), weak=True)
        e.value = float(value)
        self.options.append((optimizer, place, name, k))
        return Symbol(self.graph, e)


class Called(NamedTuple):
    """What NumPy computes: what it is called, the function, and why it has no native form."""

    name: str
    function: Callable[..., Any]
    why: str = ""


class Stepped:
    """What an optimizer's step changes: (group, parameter, number of steps), and the names of each one's state."""

    def __init__(self, optimizer: Any, params: list[tuple[int, Node, int | None]], names: list[list[str]]) -> None:
        self.optimizer, self.params, self.names = optimizer, params, names


class _Truth:
    shape, dtype = (), np.dtype(np.bool)


class _Symbols:
    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered

    def __getitem__(self, n: int) -> Symbol:
        return Symbol(self.lowered.graph, self.lowered.values[n])
