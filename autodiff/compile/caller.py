"""The call of a native program in as little Python as possible: one function, written for it, without a loop.

Everything that may have changed since the last call is compared by identity, which costs some ten nanoseconds a thing.
Where anything differs the function gives up, and the long way looks at it again.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import dtypes
from ..engine.graph import tick
from ..engine.modes import is_recording
from ..engine.primitive import wrap
from ..tracing import attribute_changes
from .messages import define
from .program import Gradient, Input, Live, Reference
from .surroundings import Place, held, is_alike

#: What the function returns where it gives up.
MISSED = object()


class Caller:
    """The function that calls a recording's native program, and what it expects."""

    def __init__(self, recording: Any, native: Any, kinds: list[bool]) -> None:
        self.native, self.recording = native, recording
        self.names: dict[str, Any] = {
            "MISSED": MISSED, "tick": tick, "is_recording": is_recording, "changes": attribute_changes,
            "is_alike": is_alike, "held": held,
            "dtypes": dtypes, "refs": sys.getrefcount, "wrap": wrap, "attributes": recording.attributes,
        }  # fmt: skip
        self.kinds = kinds
        self.sync: list[Callable[[], object]] = []
        self.groups: list[Callable[[], object]] = []  # of options
        self.text = self._written()
        define(self.text, self.names)
        self.run = self.names["call"]

    def _name(self, name: str, value: Any) -> str:
        self.names[name] = value
        return name

    def _expect(self, name: str, get: Callable[[Any], Any], owner: Any) -> None:
        """Let a name stand, after each call the long way, for what an owner has then."""
        self.sync.append(lambda: self.names.__setitem__(name, get(owner)))

    def _written(self) -> str:
        """Return the text of the function: what it compares, what it prepares, the call, what it keeps up to date."""
        native, recording = self.native, self.recording
        checks: list[str] = []
        before: list[str] = []
        after: list[str] = []
        changing: list[str] = []  # what may be another number at each call
        self._arguments(checks)
        self._surroundings(checks)
        self._optimizers(checks, changing, after)
        self._held(checks)
        self._gradients(before, after)
        draws = self._draws(before, after)
        self._versions(after)
        result = self._result(recording.program.result, before)
        self.names |= {"lock": native.lock, "diverges": native.check_finite, "native": native.entered}
        self.names |= {"runs": memoryview(native.runs), "finite": memoryview(native.finite), "refresh": self.refresh}
        lines = [f"def call({', '.join(f'a{k}' for k in range(len(self.kinds)))}):"]
        for start in range(0, len(checks), 8):
            lines.append(f"    if {' or '.join(checks[start : start + 8])}: return MISSED")
        if changing:
            lines.append(f"    if {' or '.join(changing)}: refresh()")
        lines += self._call(before, after, draws)
        if native.lowered.ends:
            lines.append("    if not finite[0]: diverges()")
        if recording.program.effects:
            lines += [f"    result = {result}", f"    {self._name('finish', recording.program.finish)}()"]
            result = "result"
        lines.append(f"    return {result}")
        return "\n".join(lines)

    def _call(self, before: list[str], after: list[str], draws: bool) -> list[str]:
        """Return the lines of the native call and of what stands around it."""
        self._name("table", self.native.at)
        passed = [f"id(a{p}._data)" if self.kinds[p] else f"id(a{p})" for p, *_ in self.native.passed]
        lines = ["    with lock:", "        before = runs[0]", "        try:"]
        lines += [f"            {line}" for line in before]
        lines.append(f"            if native({', '.join(['table', *passed])}):")
        lines += ["                draws.give_up()"] * draws + ["                return MISSED"]
        lines += [f"            {line}" for line in after]
        lines += ["        except BaseException:"]  # an interrupt: the optimizers' books shall say what has changed
        if after:
            lines += ["            if runs[0] != before:", *(f"                {line}" for line in after)]
        return [*lines, "            raise"]

    def _arguments(self, checks: list[str]) -> None:
        """Compare the modes, and the classes of the arguments; native code looks at shapes and dtypes."""
        recording = self.recording
        self._name("mode", recording.mode)
        self._name("default", dtypes.get_default_dtype())
        checks.append("is_recording() is not mode or dtypes._default is not default or changes[0] != attributes.stamp")
        for k, is_tensor in enumerate(self.kinds):
            kind = recording.classes[k] if is_tensor else np.ndarray
            checks.append(f"a{k}.__class__ is not {self._name(f'kind{k}', kind)}")
            if is_tensor:
                checks.append(f"a{k}._requires_grad is not {recording.leads[k]}")

    def _surroundings(self, checks: list[str]) -> None:
        """Compare what names stand for, the memory of tensors from outside, and where gradients flow."""
        native, recording = self.native, self.recording
        for k, place in enumerate(recording.names.places):
            checks.append(self._differs(k, place, self._name(f"n{k}", recording.names.values[k])))
        for k, x in enumerate(native.live):
            node = self._name(f"p{k}", x[1])
            self._expect(f"w{k}", lambda x: x[2], x)
            checks.append(f"{node}._data is not w{k}")
            checks.append(f"{node}._requires_grad is not {x[1]._requires_grad}")
        for k, x in enumerate(x for x in recording.watched if all(x is not y[1] for y in native.live)):
            checks.append(f"{self._name(f'owner{k}', x)}._requires_grad is not {x._requires_grad}")

    def _held(self, checks: list[str]) -> None:
        """Compare which gradients are there, and the memory of those that are read."""
        for k, (owner, absent) in enumerate(self.recording.program.absent.items()):
            node = f"a{owner}" if isinstance(owner, int) else self._name(f"b{k}", owner)
            checks.append(f"{node}._grad is {'not ' if absent else ''}None")
        for k, x in enumerate(self.native.held):
            node = f"a{x[1]}" if isinstance(x[1], int) else self._name(f"h{k}", x[1])
            self._expect(f"ha{k}", lambda x: x[2], x)
            checks.append(f"{node}._grad._data is not ha{k}")

    def _draws(self, before: list[str], after: list[str]) -> bool:
        """Draw random numbers before the call, and tell whether there are any."""
        native = self.native
        draws = [f"{self._name(f'draw{k}', draw)}(())" for k, draw in enumerate(native.pieces[:-1])]
        if draws:  # of the right shapes alone: what is drawn for another batch is lost
            before += [
                f"if a{p}{'._data' * self.kinds[p]}.shape != {shape!r}: return MISSED" for p, shape, *_ in native.passed
            ]
            before += draws
            self._name("draws", self.recording.owner.draws)
            after.append("draws.taken.clear()")
        return bool(draws)

    def _versions(self, after: list[str]) -> None:
        """Note that tensors were changed."""
        changed = [f"{self._name(f'v{k}', node)}._version.changed(now)" for k, node in enumerate(self.native.changed)]
        if changed:
            after += ["now = tick()", *changed]

    def refresh(self) -> None:
        """Read the options again, of which one has changed."""
        self.native._read_options()
        for sync in self.groups:
            sync()

    def _differs(self, k: int, place: Place, value: str) -> str:
        """Return what tells whether a place holds something else than it did."""
        holder = self._name(f"c{k}", place.holder)
        if place.how == "cell":
            return f"{holder}.cell_contents is not {value}"
        if place.how == "key":
            return f"{holder}.get({place.key!r}) is not {value}"
        if place.how == "attribute":
            return f"{holder}.{place.key} is not {value}"
        return f"not is_alike(held({holder}), {value})"

    def _optimizers(self, checks: list[str], changing: list[str], after: list[str]) -> None:
        native = self.native
        place_of = {id(x.optimizer): s for s, x in enumerate(native.lowered.steps)}
        numbers = {(place_of[id(o)], g, name) for o, g, name, _ in native.lowered.options}
        known: set[str] = set()
        for s, stepped in enumerate(native.lowered.steps):
            o = stepped.optimizer
            self._name(f"o{s}", o)
            self._expect(f"st{s}", lambda o: o.state, o)
            self._expect(f"gr{s}", lambda o: o.param_groups, o)
            checks.append(
                f"o{s}.state is not st{s} or o{s}.param_groups is not gr{s} or len(gr{s}) != {len(o.param_groups)}"
            )
            for g, group in enumerate(o.param_groups):
                at = f"{s}_{g}"
                self.groups.append(functools.partial(self._sync_group, at, o, g))
                checks.append(
                    f"gr{s}[{g}] is not g{at} or g{at}['params'] is not ps{at} or len(ps{at}) != {len(group['params'])}"
                )
                for i, p in enumerate(group["params"]):
                    checks.append(f"ps{at}[{i}] is not {self._name(f'q{at}_{i}', p)}")
                for name in o._decisive:
                    is_number = (s, g, name) in numbers
                    (changing if is_number else checks).append(f"g{at}[{name!r}] is not g{at}{name}")
            for i, (place, p, count) in enumerate(stepped.params):
                at = f"{s}_{i}"
                self._name(f"u{at}", p)
                self.sync.append(functools.partial(self._sync_state, at, o, p, stepped.names[i]))
                checks.append(f"st{s}.get(u{at}) is not d{at}")
                checks += [f"d{at}[{name!r}] is not d{at}{name}" for name in stepped.names[i]]
                if count is not None:
                    key = f"k{s}_{place}_{count}"  # how much greater the number of steps is than that of runs
                    self._expect(key, lambda at: at[0].state[at[1]]["step"] - int(native.runs[0]), (o, p))
                    if key not in known:
                        known.add(key)
                        checks.append(f"(n{key} := {key} + runs[0]) < 0")
                        after.append(f"n{key} = {key} + runs[0]")
                    checks.append(f"d{at}['step'] != n{key}")
                    after.append(f"d{at}['step'] = n{key}")
            for k, (optimizer, place, name, p) in enumerate(native.lowered.options):
                if optimizer is o and name == "step":
                    count = next(c for _, q, c in stepped.params if q is p)
                    self._name("options", memoryview(native.options))
                    after.append(f"options[{k}] = nk{s}_{place}_{count} + 1")
                    self.sync.append(functools.partial(self._sync_count, k, o, p))

    def _sync_group(self, at: str, o: Any, g: int) -> None:
        group = o.param_groups[g]
        self.names |= {f"g{at}": group, f"ps{at}": group["params"]}
        for name in o._decisive:
            value = group[name]
            # what may hold another number at the next call is looked at by the long way
            self.names[f"g{at}{name}"] = MISSED if hasattr(value, "_data") or isinstance(value, list) else value

    def _sync_count(self, k: int, o: Any, p: Any) -> None:
        self.native.options[k] = o.state[p]["step"] + 1

    def _sync_state(self, at: str, o: Any, p: Any, names: list[str]) -> None:
        self.names[f"d{at}"] = o.state[p]
        for name in names:
            self.names[f"d{at}{name}"] = o.state[p][name]

    def _gradients(self, before: list[str], after: list[str]) -> None:
        """Write a gradient into the array that is there if nobody else has it, else into another."""
        native = self.native
        made = {id(g): k for k, g in enumerate(native.grads)}
        self._name("grads", native.grads)
        self._name("renew", native.renew)
        grads = iter(native.grads)
        for k, (owner, n) in enumerate(native.program.grads):
            node = f"a{owner}" if isinstance(owner, int) else self._name(f"e{k}", owner)
            if n is None:
                after.append(f"{node}._grad = None")
            elif isinstance(n, int):
                g = next(grads)
                i = made[id(g)]
                self._name(f"G{i}", g)
                before.append(f"t = G{i}.tensor")
                before.append(f"if refs(t) != (4 if {node}._grad is t else 3) or refs(G{i}.array) != 3: renew(G{i})")
                after.append(f"{node}._grad = G{i}.tensor")
            else:
                after.append(f"{node}._grad = {self._name(f'f{k}', n.node)}")

    def _result(self, tree: Any, before: list[str]) -> str:
        if isinstance(tree, Reference):
            e, place = self.native.results_at[tree.number]
            if place is None:
                return f"wrap({self._name(f'cell{tree.number}', self.native.views[e])}[()])"
            before.append(f"r{tree.number} = {self._name(f'make{tree.number}', self.native.maker(e, place))}()")
            return f"wrap(r{tree.number})"
        if isinstance(tree, Input):
            return f"a{tree.place}"
        if isinstance(tree, Live):
            return self._name(f"out{id(tree)}", tree.node)
        if isinstance(tree, Gradient):
            return (
                f"a{tree.owner}._grad"
                if isinstance(tree.owner, int)
                else f"{self._name(f'out{id(tree)}', tree.owner)}._grad"
            )
        if type(tree) in (list, tuple):
            inner = ", ".join(self._result(t, before) for t in tree)
            return f"[{inner}]" if type(tree) is list else f"({inner}{',' if len(tree) == 1 else ''})"
        if type(tree) is dict:
            return "{" + ", ".join(f"{k!r}: {self._result(v, before)}" for k, v in tree.items()) + "}"
        if isinstance(tree, tuple):
            return f"{self._name(f'kind{id(tree)}', type(tree))}({', '.join(self._result(t, before) for t in tree)})"
        return self._name(f"value{id(tree)}", tree)

    def synchronize(self) -> None:
        """Expect from now on what is there now."""
        for step in (*self.sync, *self.groups):
            step()
        self.recording.attributes.have_changed()
