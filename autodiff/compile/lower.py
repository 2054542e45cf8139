"""Lowering: a program of rows becomes elements, by running each row on symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine.graph import Node
from ..engine.primitive import _floating
from .element import Element, Graph, Symbol, UnsayableError
from .program import Apply, Constant, Decide, Draw, Gradient, Input, Live, Program, Reference, Step, filled

Slot = Any


class Lowered:
    """The elements of a program.

    Attributes
    ----------
    graph : Graph
    values : dict of int to Element
        By the number of the value.
    stores : list of (slot, Element)
        What is written into memory that is there before: a parameter's, a state's.
    calls : dict of Element to (function, params)
        What NumPy computes.
    options : list of callable
        What gives each option's number at a run.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.graph = program, Graph()
        self.values: dict[int, Element] = {}
        self.stores: list[tuple[Slot, Element]] = []
        self.calls: dict[Element, Any] = {}
        self.options: list[tuple[Any, int, str, int | None]] = []  # (optimizer, group, option, place in a pair)
        self.steps: list[Stepped] = []
        for n, source in program.sources.items():
            self.values[n] = self._source(n, source)
        for i in program.instructions:
            if isinstance(i, Apply):
                self.values[i.out] = self._applied(i)
            elif isinstance(i, Draw):
                self.values[i.out] = self._call(
                    i, (), program.values[i.out], lambda draw=i.draw: np.asarray(draw()), {}
                )
            elif isinstance(i, Decide):
                self._decided(i)
            else:
                self._stepped(i)
        for target, n in program.writes:
            e = self.values[n]
            if e.kind == "memory":  # which may be overwritten itself: a copy is computed
                e = self.graph.make("map", (e,), "positive", e.shape, e.dtype)
            self.stores.append((self.slot(target), e))

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
            if isinstance(source.data, np.ndarray) and source.data.ndim:
                return (
                    self.graph.memory(("array", id(source.data)), value.shape, value.dtype)
                    if value.dtype.kind not in "bif"
                    else self.graph.constant(source.data)
                )
            return self.graph.literal(np.asarray(source.data)[()])
        return self.graph.memory(self.slot(source)[1], value.shape, value.dtype)

    def _call(self, what: Any, args: tuple[Element, ...], value: Any, function: Any, params: dict[str, Any]) -> Element:
        e = self.graph.make("call", args, id(what), value.shape, value.dtype)
        self.calls[e] = (function, params)
        return e

    def _applied(self, i: Apply) -> Element:
        value = self.program.values[i.out]
        args = [self.values[n] for n in i.inputs]
        try:
            if i.widens or value.dtype == np.float16:
                raise UnsayableError("it widens")
            before = len(self.graph.decisions)
            params = {k: filled(v, _Symbols(self)) for k, v in i.params.items()}
            e = self.graph.apply(i.op.forward, args, params)
            if (e.shape, e.dtype) != (value.shape, value.dtype) or e.weak:
                raise UnsayableError(f"{e.shape} {e.dtype} for {value}")
            return e
        except UnsayableError:
            del self.graph.decisions[before if "before" in locals() else len(self.graph.decisions) :]
        refs = sorted({n for v in i.params.values() for n in _numbers(v)})
        count = len(args)

        def compute(*arrays: Any) -> Any:
            env = dict(zip(refs, arrays[count:], strict=True))
            params = {k: filled(v, env) for k, v in i.params.items()}
            if i.widens:
                return _floating(i.op, list(arrays[:count]), params)
            return i.op.forward(*arrays[:count], **params)

        return self._call(i, (*args, *(self.values[n] for n in refs)), value, compute, {})

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
            e = self._call(i, tuple(args), _Truth, lambda *arrays: np.bool(i.check(*arrays)), {})
            graph.decisions.append((e, i.outcome))
        i.arrays = ()

    # -- optimizers ----------------------------------------------------------------------------------------------------

    def _stepped(self, i: Step) -> None:
        """Run the formula of an optimizer on symbols, for each parameter."""
        optimizer, graph = i.optimizer, self.graph
        groups = [self._options(optimizer, place, group) for place, group in enumerate(optimizer.param_groups)]
        counts: dict[tuple[int, int], Symbol] = {}
        stepped = Stepped(optimizer, [], [])
        for place, p, old, g, new in i.updates:
            state, shape, dtype = optimizer.state[p], p._data.shape, p._data.dtype
            names = [*optimizer.fills(optimizer.param_groups[place])]
            arrays = {}
            for name in names:
                if not (
                    isinstance(state.get(name), np.ndarray)
                    and state[name].shape == shape
                    and state[name].dtype == dtype
                ):
                    raise UnsayableError("a state of another shape")
                arrays[name] = Symbol(graph, graph.memory(("state", p, name), shape, dtype))
            count = state.get("step", None)
            if not optimizer.counts_steps:
                step: Any = 2  # it has stepped before: what a first step does alone, it has done
            else:
                step = counts.get((place, count))
                if step is None:
                    e = graph.make("option", (), len(self.options), (), np.dtype(np.float64), weak=True)
                    e.value = float(count)
                    self.options.append((optimizer, place, "step", p))
                    step = counts[place, count] = Symbol(graph, e)
            value = Symbol(graph, self.values[old])
            try:
                with np.errstate(all="ignore"):
                    slope = Symbol(graph, self.values[g])
                    climbs = optimizer.param_groups[place].get("maximize", False)
                    optimizer.update(value, -slope if climbs else slope, arrays, groups[place], step)
            except UnsayableError:
                raise
            except Exception as error:
                raise UnsayableError(f"{type(error).__name__}: {error}") from None
            finally:
                optimizer._writes = []
            self.values[new] = value.element
            self.stores.append((("memory", ("live", p)), value.element))
            for name in names:
                self.stores.append((("memory", ("state", p, name)), arrays[name].element))
            stepped.params.append((place, p, count))
            stepped.names.append(names)
        self.steps.append(stepped)

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

    def _option(self, optimizer: Any, place: int, name: str, k: int | None, value: float) -> Symbol:
        e = self.graph.make("option", (), len(self.options), (), np.dtype(np.float64), weak=True)
        e.value = float(value)
        self.options.append((optimizer, place, name, k))
        return Symbol(self.graph, e)


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


def _numbers(value: Any) -> Sequence[int]:
    if isinstance(value, Reference):
        return [value.number]
    return [n for v in value for n in _numbers(v)] if type(value) is tuple else []


__all__ = ["Gradient", "Lowered"]
