"""compile: a function that is recorded at its first call, and run as recorded at later ones."""

from __future__ import annotations

import contextlib
import functools
import operator
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from ..engine.dtypes import get_default_dtype
from ..engine.graph import Node
from ..engine.modes import is_recording, watching
from ..tracing import exchange, traced_by, tracing
from . import structure
from .caller import MISSED, Caller
from .element import UnsayableError
from .joint import Joint, differentiated
from .machine import is_available
from .native import Native
from .program import ChangedError, Constant, Draws, Input, Live, Plain, Program, Step, node_of
from .structure import flat, rebuilt
from .surroundings import Attributes, Names
from .trace import Trace

F = TypeVar("F", bound=Callable[..., Any])

MANY = 8  # recordings of one function unless it says otherwise, as PyTorch's recompile_limit


def compile(
    function: F | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: Any = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    native: bool = True,
) -> F:
    """Record what a function of tensors computes at its first call, and run that, fused and native, at later ones.

    The function may be a whole training step: forward pass, ``backward()``, an optimizer's ``step()``. All that a user
    may change between calls is read at each one: parameters, buffers, gradients, options of the optimizer, the mode of
    modules. For arguments of other shapes or dtypes it is recorded again. Arrays among the arguments are taken as
    tensors. All that is not computed with tensors happens once, when the function is recorded: what it prints, say.

    Parameters
    ----------
    function : callable
        What is compiled. Without it, a decorator is returned.
    fullgraph, dynamic, backend, mode, options : optional
        PyTorch's choices among its compilers, without effect: a recording is always whole.
    disable : bool, optional
        Whether to return the function as it is.
    recompile_limit : int, optional
        How many recordings there may be, 8 by default: each keeps code and memory of its own. A call that none of them
        fits runs the plain function then; the first one is told by a warning.
    native : bool, optional
        Whether to run native code. Without it, or without llvmlite, NumPy runs what was recorded.

    Returns
    -------
    callable
        It takes the same arguments and returns the same.

    Raises
    ------
    RuntimeError
        By a call, where it reads the value of a tensor that it computes, or does something else that cannot be
        recorded; the message names the line and the cure. Parameters and optimizers are as before the call then, as
        they are after any other exception.

    Examples
    --------
    >>> import autodiff as ad
    >>> @ad.compile
    ... def norm(x):
    ...     return (x * x).sum().sqrt()
    >>> norm(ad.tensor([3.0, 4.0]))
    tensor(5.)
    >>> norm(ad.tensor([6.0, 8.0]))
    tensor(10.)
    """
    if function is None:
        return cast(F, functools.partial(compile, disable=disable, recompile_limit=recompile_limit, native=native))
    if not callable(function):
        raise TypeError(f"compile: expected a function, got {type(function).__name__}")
    limit = MANY if recompile_limit is None else operator.index(recompile_limit)
    return function if disable else cast(F, _calling(Compiled(function, native, limit)))


def _calling(compiled: Compiled) -> Callable[..., Any]:
    """Return a function that calls a compiled one: the short way where everything is as it was."""
    callers = compiled.callers

    @functools.wraps(compiled.function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            for count, run in callers:
                if count == len(args):
                    result = run(*args)
                    if result is not MISSED:
                        return result
        return compiled(args, kwargs)

    call.program = compiled.program  # type: ignore[attr-defined]  # beside the function's own attributes
    call.recordings = compiled.recordings  # type: ignore[attr-defined]  # as above
    return call


class Compiled:
    """What a compiled function is: what was recorded of it, and how that is run.

    Attributes
    ----------
    recordings : dict of tuple to list of Recording
        What was recorded, by the signature of the arguments.
    callers : list of (int, callable)
        For numbers of arguments, the short ways to call.
    """

    def __init__(self, function: Callable[..., Any], native: bool, limit: int = MANY) -> None:
        self.function, self.native, self.limit = function, native, limit
        self.is_full = False  # whether a call has met the limit
        self.name = getattr(function, "__name__", type(function).__name__)
        self.recordings: dict[Any, list[Recording]] = {}
        self.callers: list[tuple[int, Any]] = []
        self.draws, self.messages = Draws(), Draws()
        if native and not is_available():
            warnings.warn(
                "compile: llvmlite is not installed, so NumPy runs what is recorded; for native code: "
                "pip install 'autodiff-numpy[fast]'",
                stacklevel=4,
            )

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run what was recorded, or record."""
        if tracing() is not None or watching() is not None:
            return self.function(*args, **kwargs)
        tensors, key, objects = flat((args, kwargs))
        known = self.recordings.get(_signature(key, tensors), [])
        before, exchange.log = exchange.log, self.messages
        has_changed = False
        try:
            for recording in known:
                if recording.fits(tensors):
                    if recording.is_shared(tensors):  # what the program writes is what it reads elsewhere
                        return self.function(*args, **kwargs)
                    if recording.program.differentiable and recording.joint is None:
                        return self.function(*args, **kwargs)
                    try:
                        result = recording.run(tensors)
                    except ChangedError:
                        has_changed = True
                        self.draws.give_up()
                        self.messages.give_up()
                        continue
                    if recording is not known[0]:  # what fitted last is tried first
                        known.remove(recording)
                        known.insert(0, recording)
                    return result
            self._check_names(known)
            if sum(map(len, self.recordings.values())) >= self.limit:
                self._tell_limit(tensors)
                args, kwargs = rebuilt(key, tensors)
                return self.function(*args, **kwargs)
            plain = not kwargs and len(args) == len(tensors)
            places = [isinstance(a, Node) for a in args] if plain else None
            return self._record(tensors, key, objects, places, has_changed)
        finally:
            self.draws.finish()
            self.messages.finish()
            exchange.log = before

    def _record(
        self, tensors: list[Any], key: Any, objects: list[Any], plain: list[bool] | None, is_general: bool
    ) -> Any:
        """Run the function, write down what it computes, and make what runs that."""
        trace = Trace(self.name, self.draws, is_general=is_general)
        names = Names(self.function, arguments=objects)
        attributes = Attributes(names.modules)
        args, kwargs = rebuilt(key, tensors)
        try:
            for place, x in enumerate(tensors):
                trace.argument(x, place)
            trace.watch(names.sources())
            with traced_by(trace):
                result = self.function(*args, **kwargs)
                tree, restore = structure.plain(result)
                derivative = differentiated(trace, tree)
            trace.check_sources()
            self._check_unchanged(names, [attributes, *trace.attributes], (args, kwargs), tensors, key)
            trace.check_flags()
            names = Names(self.function, trace.program.modules.values(), objects)
            program, joint = trace.finished(tree, derivative)
        except BaseException:
            trace.roll_back()
            raise
        names.forget([s.data for s in program.sources.values() if isinstance(s, Constant) and s.shared])
        recording = Recording(trace, names, self, tensors)
        program.finish()
        if trace.is_aliased or recording.is_shared(tensors):  # what is true of these arguments alone
            return result
        self.recordings.setdefault(_signature(key, tensors), []).append(recording)
        recording.joint, recording.restore = joint, restore
        if joint is not None:
            joint.again = lambda given: structure.plain(
                self.function(*rebuilt(key, given)[0], **rebuilt(key, given)[1])
            )[0]
        recording.prepare(plain if restore is None else None)
        return result

    def _check_names(self, known: list[Recording]) -> None:
        """Refuse to record again because of what is no argument."""
        if (changed := next((c for r in known if (c := r.names.changed())), None)) is not None:
            raise RuntimeError(
                f"compile: {self.name} was recorded when {changed}: what changes between calls must be an argument"
            )

    def _tell_limit(self, tensors: list[Any]) -> None:
        """Say once that there are as many recordings as there may be."""
        if not self.is_full:
            self.is_full = True
            warnings.warn(
                f"compile: {self.name} has {self.limit} recordings, and none fits {_described(tensors)}: such calls "
                "run the plain function from now on. Pad batches to one shape, or raise recompile_limit",
                stacklevel=4,
            )

    def _check_unchanged(
        self, names: Names, attributes: list[Attributes], given: Any, tensors: list[Any], key: Any
    ) -> None:
        """Refuse a function that changes something other than tensors, which would happen once."""
        if (changed := names.changed()) is not None:
            what = changed.split()[0]
        elif name := next(filter(None, (a.changed() for a in attributes)), None):
            what = name
        else:
            now, after, _ = flat(given)
            if after == key and len(now) == len(tensors) and all(map(operator.is_, now, tensors)):
                return
            what = "an argument"
        cure = "return what shall be kept, and keep it outside of the function"
        if what.endswith(".training"):
            cure = "call train() or eval() outside of the function"
        raise RuntimeError(f"compile: {self.name} changes {what}, which happens once, when it is recorded; {cure}")

    def program(self) -> str:
        """Return what was recorded as text."""
        return "\n\n".join(str(r) for rs in self.recordings.values() for r in rs)


def _signature(key: Any, tensors: list[Any]) -> Any:
    """Return what a recording is known by: what tensors stand in, their shapes and dtypes, the modes."""
    kinds = tuple((x._data.shape, x._data.dtype, x._requires_grad) for x in tensors)
    signature = (key, kinds, bool(is_recording()), get_default_dtype())
    try:
        hash(signature)
    except TypeError:
        raise TypeError("compile: arguments that are no tensors must be hashable") from None
    return signature


def _described(tensors: list[Any]) -> str:
    return ", ".join(f"{x._data.dtype}{list(x._data.shape)}" for x in tensors) or "no tensors"


def _hooks(tensor: Any) -> tuple[Any, ...]:
    """Return what is called when a gradient comes to a tensor."""
    noted = tensor._extra
    return () if noted is None else (*(noted.hooks or {}).values(), *(noted.after or {}).values())


def _switches(optimizer: Any, group: dict[str, Any]) -> list[Any]:
    """Return the options of an optimizer that are no numbers: its formula is another one where they are others."""
    return [v for name in optimizer._decisive if isinstance(v := group[name], (bool, str, type(None)))]


class Recording:
    """A program, and what must hold for it to be run."""

    def __init__(self, trace: Trace, names: Names, owner: Compiled, tensors: list[Any]) -> None:
        program, mode, met = trace.program, bool(is_recording()), [x for x in trace.flags if x not in trace.arguments]
        self.program, self.names, self.owner, self.mode = program, names, owner, mode
        self.leads = [x._requires_grad for x in tensors]
        self.classes = [type(x) for x in tensors]
        self.arguments = [(x._data.shape, x._data.dtype, x._requires_grad) for x in tensors]
        self.attributes = Attributes({id(m): m for m in (*program.modules.values(), *names.modules)}.values())
        self.live = [s.node for s in program.sources.values() if isinstance(s, Live)]
        self.watched = met  # tensors whose values are not read as well: gradients flow to them, or not
        self.kinds = [(x._data.shape, x._data.dtype, x._requires_grad) for x in self.watched]
        self.hooks = list(map(_hooks, self.watched))
        self.groups = [
            (i.optimizer, [([*g["params"]], _switches(i.optimizer, g)) for g in i.optimizer.param_groups])
            for i in program.instructions
            if isinstance(i, Step)
        ]
        self.written = [Live(p) for i in program.instructions if isinstance(i, Step) for _, p, *_ in i.updates]
        self.written += [target for target, _ in program.writes]
        self.runner: Any = Plain(program)
        self.caller: Caller | None = None
        self.joint: Joint | None = None
        self.restore: Callable[[Any], Any] | None = None  # puts data classes back into a result

    def prepare(self, plain: list[bool] | None) -> None:
        """Make native code, if that is possible; `plain` says which arguments are tensors and not arrays."""
        joint = self.joint
        if joint is not None:
            joint.run_forward = self._run_of(joint.forward, self.arguments)
            passed = sorted((s.place, n) for n, s in joint.backward.sources.items() if isinstance(s, Input))
            kinds = [(*joint.backward.values[n], False) for _, n in passed]
            joint.run_backward = self._run_of(joint.backward, kinds)
            self.runner = joint
            return
        if not self.owner.native or self.program.differentiable or not is_available():
            return
        try:
            self.runner = Native(self.program, self.runner, self.arguments)
        except UnsayableError:
            return
        if (
            plain is not None
            and self.runner.entered is not None
            and all(isinstance(t, Live) for t, _ in self.program.writes)
        ):
            self.caller = Caller(self, self.runner, plain)

    def _run_of(self, program: Program, kinds: list[Any]) -> Any:
        plain = Plain(program)
        if self.owner.native and is_available():
            with contextlib.suppress(UnsayableError):
                return Native(program, plain, kinds)
        return plain

    def fits(self, args: list[Any]) -> bool:
        """Tell whether the program computes what the function would."""
        if self.attributes.have_changed() or self.names.changed():
            return False
        for x, (shape, dtype, leads) in zip(self.watched, self.kinds, strict=True):
            data = x._data
            if data.shape != shape or data.dtype != dtype or x._requires_grad is not leads:
                return False
        if self.hooks != list(map(_hooks, self.watched)):
            return False
        for owner, absent in self.program.absent.items():
            node = args[owner] if isinstance(owner, int) else owner
            if (node._grad is None) is not absent:
                return False
        for optimizer, known in self.groups:
            if optimizer.steps_are_hooked():
                return False
            if len(known) != len(optimizer.param_groups):
                return False
            for (params, switches), group in zip(known, optimizer.param_groups, strict=True):
                if len(params) != len(group["params"]) or not all(map(operator.is_, params, group["params"])):
                    return False
                if switches != _switches(optimizer, group):
                    return False
        return True

    def is_shared(self, args: list[Any]) -> bool:
        """Tell whether what the program writes shares memory with what it reads by another name."""
        for target in self.written:
            x = node_of(target, args)
            others = args if not isinstance(target, Input) else [*(a for a in args if a is not x), *self.live]
            if x is not None and any(np.may_share_memory(x._data, y._data) for y in others):
                return True
        return False

    def run(self, args: list[Any]) -> Any:
        """Run the program, and let the short way expect what is there now."""
        result = self.runner(args)
        if self.caller is not None and self.runner.was_native:
            self.caller.synchronize()
            callers, short = self.owner.callers, (len(args), self.caller.run)
            if short in callers:
                callers.remove(short)
            callers.insert(0, short)
        self.program.finish()
        return result if self.restore is None else self.restore(result)

    def __str__(self) -> str:
        return str(self.runner)
