"""Trace: what is told of everything that a function computes while it runs once, and writes it down as a program."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.graph import Node, Way, array_of, increment_version
from ..engine.primitive import Primitive, wrap
from ..table.indexing import overwrite
from ..tracing import exchanges, traced_by
from ..trees import leaves
from .joint import is_made, is_whole, parted
from .messages import depth, is_ours, refusal
from .program import (
    Apply,
    Call,
    ChangedError,
    Constant,
    Decide,
    Draw,
    Draws,
    Gradient,
    Input,
    Live,
    Program,
    Reference,
    Step,
    Value,
    restorer,
)
from .surroundings import Attributes, has_hooks, state_of

Undo = Callable[[], None]


class Trace:
    """The record of one run.

    Every tensor that is met has the number of a value. Tensors that the function found are read anew at each later
    run; those that it makes from Python's numbers are constants.
    """

    def __init__(self, name: str, draws: Draws, older: list[Any] | None = None, is_general: bool = False) -> None:
        self.program, self.draws, self.is_general = Program(name), draws, is_general
        self.numbers: dict[Node, int] = {}
        self.arrays: dict[int, int] = {}  # by id: the values of arrays that stand for a tensor in parameters
        self.kept: list[Any] = []  # so that no id is used twice
        self.views: dict[Node, tuple[Node, Any, dict[str, Any]]] = {}  # of what, by which row
        self.stale: set[Node] = set()  # views of what has been changed
        self.former: set[Node] = set()  # what tensors were before a change
        self.changed: set[Node] = set()
        self.touched: set[Node] = set()  # whose gradients were set
        self.undo: list[Undo] = []
        self.attributes: list[Attributes] = []  # of modules before they were called
        self.arguments: dict[Node, int] = {}
        self.holders: dict[Node, Any] = {}  # gradients that were there before, and whose they are
        self.stepped: dict[Node, int] = {}  # what an optimizer left
        self.scheduled: list[Any] = []  # optimizers whose options change after the run
        self.flags: dict[Node, bool] = {}  # whether tensors from outside require a gradient
        self.message: tuple[Node, ...] = ()  # the last one from other processes
        self.sent = 0  # how many instructions stand before the last message
        self.is_aliased = False  # whether an argument shares memory with another tensor from outside
        self.sources: dict[Any, bytes] = {}  # of random numbers
        # What lived before the function ran, held so that nothing it makes has the id of one of them.
        self.older = living() if older is None else older
        self.before = {id(x) for x in self.older}

    # -- values --------------------------------------------------------------------------------------------------------

    def argument(self, node: Node, place: int) -> None:
        """Take a tensor as an argument."""
        self.arguments[node] = place
        self.flags[node] = node._requires_grad
        self._source(node, Input(place))

    def number(self, node: Node) -> int:
        """Return the number of a tensor's value."""
        if node in self.stale:
            return self._renewed(node)
        known = self.numbers.get(node)
        if known is not None:
            return known
        data = node._data
        if id(node) in self.before:
            self.flags.setdefault(node, node._requires_grad)
            self.is_aliased = self.is_aliased or any(_overlap(x, node) for x in self.arguments)
        if any(_overlap(x, node) for x in self.changed):
            raise refusal("reading what shares memory with a tensor that was changed", "read it before, or clone it")
        if id(data) in self.arrays and data.__class__ is np.ndarray:
            self.numbers[node] = self.arrays[id(data)]
            return self.numbers[node]
        return self._source(node, Live(node) if id(node) in self.before else Constant(data))

    def _renewed(self, node: Node) -> int:
        """Return the number of a view of what was changed since it was taken: it is taken again."""
        if node not in self.views:
            raise refusal("reading a view after a change in place of what it views", "take the view again")
        source, op, params = self.views[node]
        n = self.number(source)
        self.stale.discard(node)
        self.program.instructions.append(Apply(self._new(node), op, (n,), params))
        return self.numbers[node]

    def _source(self, node: Node, source: Any) -> int:
        number = self._new(node)
        self.program.sources[number] = source
        return number

    def _new(self, node: Node) -> int:
        data = node._data
        self.program.values.append(Value(data.shape, data.dtype))
        number = len(self.program.values) - 1
        self._name(node, number)
        return number

    def _name(self, node: Node, number: int) -> None:
        self.numbers[node] = number
        if node._data.__class__ is np.ndarray:
            self.arrays[id(node._data)] = number
            self.kept.append(node._data)

    # -- what the engine tells -----------------------------------------------------------------------------------------

    def applied(self, op: Any, out: Node, inputs: Sequence[Node], params: dict[str, Any]) -> None:
        """Note that a row was applied."""
        if op in exchanges:  # in their order, for other processes send them in this one
            forward = op.forward
            op, inputs = Call(op.name, lambda a, *_: forward(a)), (*inputs, *self.message, *self._verified())
            self.message = (out,)
        numbers = tuple(self.number(x) for x in inputs)
        params = {name: self._referring(value) for name, value in params.items()}
        widens = isinstance(op, Primitive) and bool(op.rules) and not any(x._data.dtype.kind == "f" for x in inputs)
        if op.view and inputs and np.may_share_memory(out._data, inputs[0]._data):
            self.views[out] = inputs[0], op, params
        self.program.instructions.append(Apply(self._new(out), op, numbers, params, widens))

    def exchanged(self, name: str, send: Callable[..., Any], node: Node) -> Node:
        """Return what processes make of a tensor, and note that."""
        out: Node = wrap(send(node._data))
        self.applied(Call(name, lambda a, *_: send(a)), out, (node, *self.message, *self._verified()), {})
        self.message = (out,)
        return out

    def _verified(self) -> list[Node]:
        """Return what a message waits for: until all checks before it have said what they said, nothing is sent."""
        checks = [i for i in self.program.instructions[self.sent :] if isinstance(i, Decide)]
        self.sent = len(self.program.instructions)

        def verify(*arrays: Any) -> Any:
            rest = map(np.asarray, arrays)  # not symbols, which would make loops of the checks, to be run at the end
            if any(bool(i.check(*(next(rest) for _ in i.inputs))) is not i.outcome for i in checks):
                raise ChangedError
            return np.zeros(())

        verified: Node = wrap(np.zeros(()))
        numbers = tuple(n for i in checks for n in i.inputs)
        self.program.instructions.append(Apply(self._new(verified), Call("verified", verify), numbers, {}))
        return [verified] if checks else []

    def converted(self, out: Node, node: Node) -> None:
        """Note that a tensor was brought to another dtype."""
        dtype = out._data.dtype
        self.applied(Call("to", lambda a: a.astype(dtype)), out, (node,), {})

    def computed(self, name: str, compute: Callable[..., Any], out: Node, inputs: Sequence[Node]) -> None:
        """Note that a function of arrays that is no row of the table was applied."""
        self.applied(Call(name, compute), out, inputs, {})

    def _referring(self, value: Any) -> Any:
        if type(value) is dict:
            return {name: self._referring(v) for name, v in value.items()}
        if isinstance(value, np.ndarray) and id(value) in self.arrays:
            return Reference(self.arrays[id(value)])
        if isinstance(value, tuple) and type(value) is tuple:
            return tuple(map(self._referring, value))
        return value

    def watch(self, sources: Any) -> None:
        """Note where generators of random numbers stand."""
        self.sources = {source: state_of(source) for source in sources}

    def check_sources(self) -> None:
        """Refuse what drew from them on its own."""
        if any(state_of(source) != state for source, state in self.sources.items()):
            raise refusal("drawing from Python's or NumPy's generators", "use rand() or randn(), or pass the numbers")

    def check_flags(self) -> None:
        """Refuse to switch whether a tensor from outside requires a gradient, which would happen once."""
        if any(node._requires_grad is not flag for node, flag in self.flags.items()):
            raise refusal("switching requires_grad of a tensor from outside", "use x.detach().requires_grad_()")

    def draw(self, draw: Callable[[], Any]) -> Any:
        """Return random numbers, and note that they are drawn; the tensor that takes the array is known by it."""
        self.check_sources()
        with traced_by(None):
            drawn = self.draws.take(draw)
        self.watch(self.sources)
        value = Value(drawn.shape, drawn.dtype)
        self.program.values.append(value)
        self.program.instructions.append(Draw(len(self.program.values) - 1, draw, self.draws, value))
        self.arrays[id(drawn)] = len(self.program.values) - 1
        self.kept.append(drawn)
        return drawn

    def decides(self, check: Callable[..., Any], tensors: Sequence[Node], always: bool | None = None) -> bool:
        """Note what a check of values says; once one has changed, those that only spare work are not asked again.

        Otherwise `k` of them, as embeddings of `k` words of which some are padding, would mean 2 ** k recordings.
        """
        if self.is_general and always is not None:
            return always
        outcome = bool(check(*(t._data for t in tensors)))
        self.program.instructions.append(
            Decide(check, tuple(map(self.number, tensors)), outcome, tuple(np.array(t._data) for t in tensors))
        )
        return outcome

    def same(self, out: Node, node: Node) -> None:
        """Note that a tensor has the memory of another."""
        self._name(out, self.number(node))
        if node in self.views:
            self.views[out] = self.views[node]

    def key(self, node: Node) -> Any:
        """Return the positions that stand in brackets."""
        if node._data.dtype.kind == "b" and (node in self.numbers or id(node) in self.before):
            raise refusal("picking by a mask", "its shape depends on data; use where(mask, x, 0)")
        return self.parameter(node)

    def reshapes(self, node: Node, former: Node) -> None:
        """Note what a tensor was that becomes a view of itself."""
        if self.is_outside(node):
            raise refusal("a change of the shape in place, of a tensor from outside,", "change that of a clone()")
        self.same(former, node)

    def parameter(self, node: Node) -> Any:
        """Return an array that stands for a tensor among a row's parameters."""
        array = np.array(node._data)
        self.arrays[id(array)] = self.number(node)
        self.kept.append(array)
        return array

    # -- changes in place ----------------------------------------------------------------------------------------------

    def changes(self, node: Any, new: Any) -> Any:
        """Give a tensor another value in its memory, and return it."""
        base, way = self._base(node)
        self._keep_constant(base)
        before, array = np.array(node._data), array_of(node)
        if not np.can_cast(new._data.dtype, array.dtype, "same_kind"):
            raise RuntimeError(f"a result of {new._data.dtype} cannot be written into a tensor of {array.dtype}")
        np.copyto(array, new._data, casting="same_kind")  # refuses what does not fit its shape
        self.undo.append(lambda: np.copyto(array, before))
        increment_version(node)
        if new._data.dtype != array.dtype or new._data.shape != array.shape:
            new = self._fitted(new, array)
        self._becomes(base, self.number(new) if not way else self._overwritten(base, new, way))
        return node

    def _keep_constant(self, base: Node) -> None:
        """Let a constant that is about to be changed in place stay what it is in the program."""
        n = self.number(base)
        if isinstance(source := self.program.sources.get(n), Constant):
            self.program.sources[n] = Constant(np.array(source.data))

    def _base(self, node: Node) -> tuple[Node, Way]:
        """Return what a view is a view of, in the end, and by which rows."""
        way: Way = ()
        while node in self.views:
            node, op, params = self.views[node]
            way = ((op.apply, params), *way)
        return node, way

    def _overwritten(self, base: Node, new: Node, way: Way) -> int:
        """Return the number of a tensor's value with another in the place that a way of rows picks."""
        self.program.values.append(Value(base._data.shape, base._data.dtype))
        number = len(self.program.values) - 1
        inputs = self.number(base), self.number(new)
        self.program.instructions.append(Apply(number, overwrite.primitive, inputs, {"way": way}))  # type: ignore[attr-defined]  # set by its decorator
        return number

    def rewrites(self, base: Node, former: Node, new: Node, way: Way, into: Callable[..., Any], node: Node) -> None:
        """Let a tensor become the result of a change of it that is recorded for backward."""
        self._keep_constant(former)
        before, array = np.array(base._data), array_of(base)
        into(array_of(node), new._data)
        self.undo.append(lambda: np.copyto(array, before))
        increment_version(base)
        if way:
            number = self._overwritten(former, new, tuple((apply, self._referring(params)) for apply, params in way))
        else:
            same = new._data.dtype == array.dtype and new._data.shape == array.shape
            number = self.number(new if same else self._fitted(new, array))
        self._becomes(base, number)

    def remembers(self, former: Node, base: Node) -> None:
        """Note what a tensor was before a change of it that is recorded for backward."""
        if self.is_outside(base):
            raise refusal(
                "a change in place, of a tensor from outside, that gradients flow through", "change a clone() of it"
            )
        self._name(former, self.number(base))
        self.former.add(former)

    def _fitted(self, new: Node, array: Any) -> Node:
        shape, dtype = array.shape, array.dtype
        out: Node = wrap(array.copy())
        self.applied(Call("fit", lambda a: np.broadcast_to(a, shape).astype(dtype)), out, (new,), {})
        return out

    def writes(self, node: Any, name: str, write: Callable[..., Any], written: Sequence[Any], **params: Any) -> Any:
        """Let a function write into a tensor's memory, and return the tensor."""

        def forward(old: Any, *values: Any, **params: Any) -> Any:
            new = np.array(old)
            write(new, *values, **params)
            return new

        operands = [v if isinstance(v, Node) else wrap(np.asarray(v)) for v in written]
        try:
            value = forward(node._data, *(v._data for v in operands), **params)
        except Exception as error:
            kind = next((k for k in (TypeError, IndexError, ValueError) if isinstance(error, k)), RuntimeError)
            raise kind(f"{name}: {error}") from None
        out: Node = wrap(value)
        self.applied(Call(name, forward), out, (node, *operands), params)
        return self.changes(node, out)

    def _becomes(self, node: Node, number: int) -> None:
        """Let a tensor, and all that stand for the same memory, have another value from now on."""
        self.changed.add(node)
        for other in [node, *(x for x in self.numbers if x not in self.former and _overlap(x, node))]:
            if other._data is node._data:
                self._name(other, number)
                self.changed.add(other)
            else:
                self.stale.add(other)

    # -- gradients -----------------------------------------------------------------------------------------------------

    def is_outside(self, node: Node) -> bool:
        """Tell whether a tensor was there before the function ran."""
        return id(node) in self.before or node in self.arguments

    def differentiates(self, node: Node) -> None:
        """Refuse to go back through a graph that was there before, which would be the first call's at each one."""
        if self.is_outside(node):
            raise refusal(
                "backward() through what was computed outside of the function",
                "compute it inside, or pass x.detach() and go on from its gradient outside",
            )

    def reads_grad(self, node: Node) -> None:
        """Note that a gradient is read."""
        if node in self.touched:
            return
        if self.is_outside(node):  # a leaf that the function makes has none at each call
            self.program.absent.setdefault(self._owner(node), node._grad is None)
        if node._grad is not None and node._grad not in self.numbers and id(node._grad) in self.before:
            self.holders[node._grad] = self._owner(node)
            self._source(node._grad, Gradient(self._owner(node)))

    def sets_grad(self, node: Node, value: Node | None) -> None:
        """Note that a gradient is set."""
        if value is not None:
            self.number(value)
        if node not in self.touched:
            self.touched.add(node)
            before = node._grad
            self.undo.append(lambda: setattr(node, "_grad", before))

    def accumulates(self, node: Any, g: Any, create_graph: bool) -> None:
        """Add a gradient to a tensor's."""
        hooks = node._extra.after if node._extra is not None else None
        if hooks and not all(getattr(hook, "is_recorded", False) for hook in hooks.values()):
            raise refusal("a hook", "remove it, or call the function itself")
        self.reads_grad(node)
        before = node._grad
        if before is not None and not (create_graph or before._requires_grad):
            self.changes(before, before + g)
            return
        self.sets_grad(node, g)
        node._grad = g if before is None else before + g

    def clears(self, node: Any, set_to_none: bool) -> None:
        """Forget a tensor's gradient, or fill it with zeros."""
        if set_to_none or node._grad is None:
            if not set_to_none:
                self.reads_grad(node)
            self.sets_grad(node, None)
            node._grad = None
            return
        self.reads_grad(node)
        zeros = wrap(np.zeros(node._grad._data.shape, node._grad._data.dtype))
        if node._grad._requires_grad:
            self.sets_grad(node, zeros)
            node._grad = zeros
        else:
            self.changes(node._grad, zeros)

    def steps(self, optimizer: Any) -> None:
        """Let an optimizer update its parameters."""
        if optimizer.steps_are_hooked():
            raise refusal("a hook", "remove it, or call what it does outside of the function")
        if any(o is optimizer for o in self.scheduled):
            raise refusal("a step of an optimizer after its scheduler's", "call the scheduler's step last")
        changed = []
        for place, group in enumerate(optimizer.param_groups):
            for p in group["params"]:
                self.reads_grad(p)
                if p._grad is not None:
                    changed.append((place, p, self.number(p), self.number(p._grad)))
        self.undo.append(restorer(optimizer, [p for _, p, *_ in changed]))
        with traced_by(None):
            optimizer._go(depth() + 1)
        updates = []
        for place, p, old, g in changed:
            self.program.values.append(Value(p._data.shape, p._data.dtype))
            new = len(self.program.values) - 1
            self._becomes(p, new)
            self.stepped[p] = new
            updates.append((place, p, old, g, new))
        self.program.instructions.append(Step(optimizer, updates))

    def puts_off(self, act: Callable[[], object], optimizer: Any) -> None:
        """Have something done after each run, as a schedule's step, for which no number of the run matters."""
        self.scheduled.append(optimizer)
        self.program.effects.append(act)

    # -- what is refused -----------------------------------------------------------------------------------------------

    def calls(self, module: Any) -> None:
        """Note that a module is called."""
        if has_hooks(module):
            cure = "put what it does into forward(); nn.utils.parametrizations do without hooks"
            raise refusal("a hook", f"remove it, or {cure}")
        if id(module) not in self.program.modules:
            self.program.modules[id(module)] = module
            self.attributes.append(Attributes([module]))

    def truth(self, node: Node) -> bool:
        """Tell whether a tensor is true: to library code, which can follow either way; a user's is refused."""
        if is_ours(sys._getframe(2)):
            return self.decides(lambda a: a != 0, (node,))
        self.reads(node, "bool")
        return bool(node._data)

    def reads(self, node: Node, what: str, cure: str = "return the tensor and read it outside of the function") -> None:
        """Refuse to tell a value that another run would not have."""
        known = self.numbers.get(node)
        constant = known is not None and isinstance(self.program.sources.get(known), Constant)
        if not constant and (known is not None or id(node) in self.before or id(node._data) in self.arrays):
            raise refusal(*_READING.get(what, (what, cure)))

    def refuse(self, what: str, cure: str) -> None:
        """Refuse what cannot be recorded."""
        raise refusal(what, cure)

    # -- the end -------------------------------------------------------------------------------------------------------

    def _owner(self, node: Node) -> Any:
        return self.arguments.get(node, node)

    def finished(self, result: Any, derivative: Any = None) -> tuple[Program, Any]:
        """Return the program of what was returned and what was changed, and its parts if it has a derivative."""
        program = self.program
        if self.message:  # no process may leave one out
            self.decides(lambda a: True, self.message)
        for node in self.changed:
            number = self.numbers[node]
            if node in self.holders:
                program.writes.append((Gradient(self.holders[node]), number))
            elif node in self.arguments:
                program.writes.append((Input(self.arguments[node]), number))
            elif id(node) in self.before and self.stepped.get(node) != number:
                program.writes.append((Live(node), number))
        for n, source in program.sources.items():
            if isinstance(source, Constant) and isinstance(source.data, np.ndarray) and _is_shared(source.data):
                program.sources[n] = Constant(source.data, shared=True)
        for node in self.touched:
            if id(node) in self.before:
                grad = node._grad
                program.grads.append((self._owner(node), None if grad is None else self._held(grad)))
        program.result = self._returned(result)
        leads = [is_made(self, t) for t in leaves(result, Reference)]
        joint = None if derivative is None else parted(program, derivative, self.arguments, leads)
        program.prune()
        return program, joint

    def _held(self, grad: Node) -> Any:
        """Return the number of a gradient's value; what holds it stays where it was there before."""
        return self.number(grad) if id(grad) not in self.before else Live(grad)

    def _returned(self, result: Any) -> Any:
        """Return what was returned with numbers in the place of tensors that were computed."""
        if isinstance(result, Node):
            if result in self.arguments:
                return Input(self.arguments[result])
            if id(result) in self.before:
                return Gradient(self.holders[result]) if result in self.holders else Live(result)
            leads = result._requires_grad and is_whole(result)
            self.program.differentiable = self.program.differentiable or leads
            return Reference(self.number(result))
        if isinstance(result, dict):
            return type(result)((k, self._returned(v)) for k, v in result.items())
        if isinstance(result, tuple) and hasattr(result, "_fields"):
            return type(result)(*map(self._returned, result))
        if isinstance(result, (list, tuple)):
            return type(result)(map(self._returned, result))
        if isinstance(result, np.ndarray) and id(result) in self.arrays:
            raise refusal("returning an array", "return the tensor")
        return result

    def roll_back(self) -> None:
        """Put everything back as it was before the run."""
        for undo in reversed(self.undo):
            undo()


#: What reads a value: what it is called, and the cure.
_READING = {
    "item": (".item()", "return the tensor, and call .item() on it outside of the function"),
    "bool": ("a decision by a tensor's value", "use where(condition, a, b), or decide outside of the function"),
    "numpy": (".numpy()", "use tensor operations, with detach() where no gradient shall flow"),
    "tensor": ("copying a tensor by tensor()", "use clone()"),
    "tolist": (".tolist()", "return the tensor, and call .tolist() on it outside of the function"),
    "index": ("a tensor as a Python integer", "pass the integer as an argument"),
    "in": ("a search among a tensor's values", "use (x == value).any(), and return it"),
}


def living() -> list[Any]:
    """Return all tensors that there are, those as well that `gc.freeze` has put aside."""
    kinds = _kinds(Node)
    if is_frozen := gc.get_freeze_count() > 0:
        gc.unfreeze()
    found = [x for x in gc.get_objects() if type(x) in kinds]
    if is_frozen:
        gc.freeze()
    return found


def _kinds(kind: type) -> set[type]:
    return {kind}.union(*map(_kinds, kind.__subclasses__()))


def _is_shared(array: Any) -> bool:
    """Tell whether somebody else may hold an array, beside its tensor, the trace and the program."""
    return array.base is not None or sys.getrefcount(array) > 6


def _overlap(a: Node, b: Node) -> bool:
    """Tell whether two tensors share memory."""
    return (a._version is not None and a._version is b._version) or np.may_share_memory(a._data, b._data)
