"""Running a program natively: its loops, called with the addresses of the arrays that are there at the time."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..engine.graph import array_of, increment_version
from ..engine.primitive import wrap
from ..kernels.blas import multiplies_blocks_fast
from ..trees import map_leaves
from . import machine
from .describe import Description
from .element import Element
from .entry import Entry, knows_arrays
from .fuse import Plan
from .loops import Module, Slots
from .lower import Lowered
from .messages import depth
from .pool import lock, pool, threads
from .program import ChangedError, Gradient, Input, Live, Plain, Program, Reference, advance, node_of

SMALL = 200_000  # bytes of the arena, up to which a run keeps Python's lock


class Native:
    """A program as native code.

    Raises
    ------
    UnsayableError
        If an optimizer does what has no native form.
    """

    def __init__(self, program: Program, plain: Plain, kinds: Any) -> None:
        self.program, self.plain, self.kinds = program, plain, kinds
        self.was_native = False
        lowered = self.lowered = Lowered(program)
        homes: dict[Element, Any] = {}
        self.grads: list[Grad] = []
        self.outs: list[
            tuple[int, Element, Any]
        ] = []  # what is returned as an array of its own: (number, element, slot)
        wanted: list[Element] = []
        for k, (owner, n) in enumerate(program.grads):
            if isinstance(n, int):
                e = lowered.at_the_end(n)
                slot = self._home(e, ("gradient of", k), homes)
                wanted.append(e)
                self.grads.append(Grad(owner, e, slot))
        self.unsaid = [(step, [Reference(g) for _, _, _, g, _ in step.updates], why) for step, why in lowered.unsaid]
        for n in dict.fromkeys([*program.results(), *(g.number for _, grads, _ in self.unsaid for g in grads)]):
            e = lowered.at_the_end(n)
            slot = self._home(e, ("result", n), homes) if e.size > 1 or e.shape else None
            self.outs.append((n, e, slot))
            wanted.append(e)
        decisions = lowered.graph.decisions
        self.plan = Plan(lowered.graph, lowered.stores, wanted, [e for e, _ in decisions])
        integer, addresses = machine.products()
        self.slots = Slots()
        fast = multiplies_blocks_fast()
        self.module = Module(self.plan, self.slots, homes, decisions, integer, threads(), fast)
        self._enter()
        self.text = self.module.text()
        names = [p for p in self.module.pieces if isinstance(p, str)] + ["call"] * self.module.entered
        self.library = machine.Library(self.text, names)
        self._prepare(addresses)

    def _enter(self) -> None:
        """Let a program without calls of NumPy be called with the arrays themselves."""
        places = self.slots.places
        self.passed: list[tuple[int, Any, Any, int]] = []
        for slot, place in list(places.items()):
            if isinstance(slot, tuple) and slot[0] == "memory" and slot[1][0] == "argument":
                shape, dtype, _ = self.kinds[slot[1][1]]
                self.passed.append((slot[1][1], shape, dtype, place))
        simple = not self.unsaid and all(
            e in self.module.offsets if slot is None else slot in places for _, e, slot in self.outs
        )
        simple = simple and all(g.slot is not None and g.slot in places for g in self.grads)
        *first, last = self.module.pieces or [None]
        simple = simple and isinstance(last, str) and all(isinstance(e, Element) and not e.args for e in first)
        if simple and knows_arrays():
            nodes = {p for s in self.lowered.steps for _, p, _ in s.params}
            nodes |= {t.node for t, _ in self.program.writes if isinstance(t, Live)}
            written = [
                (place, slot[1][1]._data.nbytes)
                for slot, place in places.items()
                if isinstance(slot, tuple) and slot[0] == "memory" and slot[1][0] == "live" and slot[1][1] in nodes
            ]
            self.module.enter(str(Entry(self.passed, self.slots.__getitem__, last, written)))

    @staticmethod
    def _home(e: Element, slot: Any, homes: dict[Element, Any]) -> Any:
        if e.kind in ("memory", "literal", "option", "call") or e in homes:
            return None
        homes[e] = slot
        return slot

    # -- what stays between runs ---------------------------------------------------------------------------------------

    def _prepare(self, addresses: dict[str, int]) -> None:
        """Make what lasts from run to run: memory, the table of addresses, and the functions."""
        module = self.module
        self.arena = np.zeros(module.size + 64, np.uint8)
        start = -self.arena.ctypes.data % 64
        self.arena = self.arena[start : start + module.size]
        self.options = np.zeros(max(len(self.lowered.options), 1))
        self.runs, self.finite = np.zeros(1, np.int64), np.ones(1, np.bool)
        self.targets: list[tuple[Any, Any, int]] = []  # (optimizer, parameter, number of the present step)
        self.lock = lock()
        self.places = self.slots.places
        self.overwritten = {t.place for t, _ in self.program.writes if isinstance(t, Input)}
        self.changed = [p for s in self.lowered.steps for _, p, _ in s.params]
        self.changed += [t.node for t, _ in self.program.writes if isinstance(t, Live)]
        self.results_at = {n: (e, None if slot is None else self.places.get(slot)) for n, e, slot in self.outs}
        self._fill_table(addresses)
        self.views = {e: self._view(e) for e in module.offsets}
        self._link()

    def _fill_table(self, addresses: dict[str, int]) -> None:
        """Write down the addresses that stay, and list what gives the others at each run."""
        self.table = np.zeros(max(len(self.places), 1), np.int64)
        self.at = self.table.ctypes.data
        self.live: list[list[Any]] = []  # [place, tensor, array]
        self.states: list[list[Any]] = []  # [place, optimizer, parameter, name, array]
        self.held: list[list[Any]] = []  # [place, owner, array]
        self.arguments: list[tuple[int, int]] = []
        self.temporary: list[Any] = []
        own = {name: getattr(self, name).ctypes.data for name in ("arena", "options", "runs", "finite")}
        for slot, place in self.places.items():
            name, *rest = slot if isinstance(slot, tuple) else (slot,)
            if name in own:
                self.table[place] = own[name]
            elif name == "ndarray":
                self.table[place] = id(np.ndarray)
            elif name == "descr":
                self.table[place] = id(np.dtype(rest[0]))
            elif name == "pool" and (shared := pool()) is not None:
                self.table[place] = getattr(shared, rest[0])
            elif name == "gemm":
                self.table[place] = addresses[rest[0]]
            elif name == "memory":
                self._prepare_memory(rest[0], place)

    def _link(self) -> None:
        """Make Python's functions of the native ones; small programs run with Python's lock held."""
        module = self.module
        piece = ctypes.PYFUNCTYPE if module.size <= SMALL else ctypes.CFUNCTYPE
        call = piece(ctypes.c_int32, ctypes.c_void_p)
        self.pieces: list[Any] = [
            call(self.library.address(p)) if isinstance(p, str) else self._called(p) for p in module.pieces
        ]
        self.entered: Any = None
        if module.entered:
            kind = piece(ctypes.c_int32, ctypes.c_void_p, *[ctypes.c_size_t] * len(self.passed))
            self.entered = kind(self.library.address("call"))

    def _prepare_memory(self, what: Any, place: int) -> None:
        kind, name, *rest = what
        if kind == "constant":
            array = np.ascontiguousarray(self.lowered.graph.constants[name])
            self.temporary.append(array)
            self.table[place] = array.ctypes.data
        elif kind == "live":
            self.live.append([place, name, None])
        elif kind == "state":
            optimizer = next(s.optimizer for s in self.lowered.steps if any(p is name for _, p, _ in s.params))
            self.states.append([place, optimizer, name, rest[0], None])
        elif kind == "gradient":
            self.held.append([place, name, None])
        elif kind == "argument":
            self.arguments.append((place, name))

    def _view(self, e: Element) -> Any:
        at = self.module.offsets[e]
        return np.ndarray(e.shape, e.dtype, self.arena.data, at) if np.dtype(e.dtype).kind in "biuf" else None

    def _called(self, e: Element) -> Callable[[list[Any]], None]:
        function = self.lowered.calls[e].function
        out: Any = self.views.get(e)

        def call(args: list[Any]) -> None:
            arrays = [self._array(a, args) for a in e.args]
            try:
                with np.errstate(all="ignore"):
                    found = function(*arrays)
                if np.shape(found) != out.shape:  # it depends on values
                    raise ChangedError
                out[...] = found
            except Exception:  # what a check would have refused, say: recording it anew says so at the user's line
                raise ChangedError from None

        return call

    def _array(self, e: Element, args: list[Any]) -> Any:
        """Return an element as an array."""
        if e.kind == "literal":
            return np.dtype(e.dtype).type(e.what)
        if e.kind == "memory":
            kind, name, *rest = e.what
            if kind == "constant":
                return self.lowered.graph.constants[name]
            if kind == "live":
                return name._data
            if kind == "argument":
                return args[name]._data
            if kind == "gradient":
                return node_of(Gradient(name), args)._data
            optimizer = next(s.optimizer for s in self.lowered.steps if any(p is name for _, p, _ in s.params))
            return optimizer.state[name][rest[0]]
        if not e.size:
            return np.empty(e.shape, e.dtype)
        if e in self.views:
            view = self.views[e]
            return view[()] if not e.shape else view
        slot = self.module.homes[e]
        return self.fresh[slot]

    # -- a run ---------------------------------------------------------------------------------------------------------

    def __call__(self, args: list[Any]) -> Any:
        """Run the program on tensors, and return what the function returns."""
        with self.lock:
            try:
                self._bind(args)
            except UnfitError:
                for bound in (*self.live, *self.states, *self.held):
                    bound[-1] = None  # is looked at again
                self.was_native = False
                return self.plain(args)
            self.was_native, before = True, self.runs[0]
            try:
                self._run(args)
                result = self._finish(args)
            except BaseException:  # an interrupt: what the program has changed, the optimizers' books shall say
                if self.runs[0] != before:
                    self._finish(args)
                raise
        self.check_finite()
        return result

    def _run(self, args: list[Any]) -> None:
        for piece, native in zip(self.pieces, self.module.pieces, strict=True):
            if isinstance(native, str):
                if piece(self.at):
                    raise ChangedError
            else:
                piece(args)
        for step, found, _ in self.unsaid:
            advance(step, [None] * len(found), [self._returned(g, args)._data for g in found])

    def check_finite(self) -> None:
        """Say so once if training diverges."""
        if not self.finite[0]:
            for s in self.lowered.steps:
                s.optimizer._warn("a gradient", depth() + 1)

    def _bind(self, args: list[Any]) -> None:
        table, before = self.table, self.table.copy()
        unbound = any(x[-1] is None for x in (*self.live, *self.states, *self.held))
        for bound in self.live:
            place, node, array = bound
            if node._data is not array:
                bound[2] = array = usable(array_of(node), node)
                table[place] = array.ctypes.data
        for bound in self.states:
            place, optimizer, p, name, array = bound
            now = optimizer.state[p].get(name) if p in optimizer.state else None
            if now is not array or array is None:
                if not isinstance(now, np.ndarray) or now.shape != p._data.shape or now.dtype != p._data.dtype:
                    raise UnfitError
                bound[4] = usable(now, None)
                table[place] = now.ctypes.data
        for bound in self.held:
            place, owner, array = bound
            grad = (args[owner] if isinstance(owner, int) else owner)._grad
            if grad._data is not array:
                bound[2] = array = usable(array_of(grad), grad)
                table[place] = array.ctypes.data
        if unbound or (before != table).any():
            self._check_apart()
        self.now = []
        for place, k in self.arguments:
            array = np.ascontiguousarray(args[k]._data)
            if array is not args[k]._data and k in self.overwritten:  # what was written would be in a copy
                raise UnfitError
            self.now.append(array)
            table[place] = array.ctypes.data
        self._read_options()
        self.fresh = {}
        for g in self.grads:
            if g.slot is not None and g.slot in self.places:
                self.renew(g)
                self.fresh[g.slot] = g.array
        for _, e, slot in self.outs:
            if slot is not None and slot in self.places:
                self.fresh[slot] = array = np.empty(e.shape, e.dtype)
                table[self.places[slot]] = array.ctypes.data

    def _check_apart(self) -> None:
        """Give up where arrays share memory: loops are compiled as if what one writes were not what another reads."""
        arrays = [x[-1] for x in (*self.live, *self.states, *self.held) if x[-1] is not None and x[-1].size]
        bounds = sorted(byte_bounds(a) for a in arrays)
        if any(end > start for (_, end), (start, _) in itertools.pairwise(bounds)):
            raise UnfitError

    def renew(self, g: Grad) -> None:
        """Give a gradient another array, for somebody has the old one."""
        g.array = np.empty(g.element.shape, g.element.dtype)
        g.tensor = wrap(g.array)
        self.table[self.places[g.slot]] = g.array.ctypes.data

    def maker(self, e: Element, place: int) -> Callable[[], Any]:
        """Return what makes a new array for a result."""
        shape, dtype, table, empty = e.shape, e.dtype, self.table, np.empty

        def make() -> Any:
            array = empty(shape, dtype)
            table[place] = array.ctypes.data
            return array

        return make

    def _read_options(self) -> None:
        known: dict[Any, Any] = {}
        self.targets.clear()
        for s in self.lowered.steps:
            for place, group in enumerate(s.optimizer.param_groups):
                known[id(s.optimizer), place] = s.optimizer._options(place, group)
            steps: dict[Any, Any] = {}
            for place, p, count in s.params:
                if count is not None:
                    now = s.optimizer.state[p].get("step")
                    if now is None or steps.setdefault((place, count), now) != now:
                        raise UnfitError
                    self.targets.append((s.optimizer, p, now + 1))
        for k, (optimizer, place, name, which) in enumerate(self.lowered.options):
            if name == "step":
                self.options[k] = optimizer.state[which]["step"] + 1
            else:
                value = known[id(optimizer), place][name]
                self.options[k] = value if which is None else value[which]

    def _finish(self, args: list[Any]) -> Any:
        program, changed = self.program, [p for s in self.lowered.steps for _, p, _ in s.params]
        for optimizer, p, step in self.targets:
            optimizer.state[p]["step"] = step
        changed += [node_of(target, args) for target, _ in program.writes]
        results = map_leaves(program.result, lambda r: self._returned(r, args), Reference)
        grads = iter(self.grads)
        for owner, n in program.grads:
            node = args[owner] if isinstance(owner, int) else owner
            if isinstance(n, int):
                g = next(grads)
                placed = g.slot is not None and g.slot in self.places
                node._grad = g.tensor if placed else wrap(np.array(self._array(g.element, args)))
            else:
                node._grad = None if n is None else n.node
        increment_version(changed)
        return results

    def _returned(self, r: Any, args: list[Any]) -> Any:
        if isinstance(r, (Input, Live, Gradient)):
            return node_of(r, args)
        if isinstance(r, Reference):
            e, place = self.results_at[r.number]
            value = self._array(e, args)
            return wrap(value if place is not None else np.array(value)[()])
        return r

    def __str__(self) -> str:
        lines = Description(self.plan, self.lowered).lines()
        for step, _, why in self.unsaid:
            name = type(step.optimizer).__name__
            lines += [f"     NumPy: {why}", f"       {name}.step(), {len(step.updates)} parameters"]
        return "\n".join([f"{self.program.name}: {len(self.plan.kernels)} kernels, native", *lines])


class Grad:
    """A gradient that is set at the end: whose, what it is, and the slot of the array that is made for it."""

    def __init__(self, owner: Any, element: Element, slot: Any) -> None:
        self.owner, self.element, self.slot = owner, element, slot
        self.array: Any = None
        self.tensor: Any = None


class UnfitError(Exception):
    """Something is not in memory as it was when the function was recorded."""


def usable(array: Any, node: Any) -> Any:
    """Return an array that native code can work on where it is."""
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise UnfitError
    return array
