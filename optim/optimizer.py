"""Optimizer: the bookkeeping that every update rule shares."""

from __future__ import annotations

import copy
import operator
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor, enable_grad
from autodiff.functions.in_place import clear_gradients
from autodiff.tracing import tracing

from .divergence import message, noted, watch
from .hooks import Hooked
from .layout import Array, Chunk, Group, State, chunks
from .options import ADDED_LATER, IMPLEMENTATION, Check, choice, is_number, not_negative, off, shares
from .parameters import require_parameters, split_names, to_list
from .state import copy_options, read_entry, read_parts, save_entry

#: What programs for PyTorch give as the default of an option that must be given.
required = object()

#: How many further interrupts may hit the attempt to finish an interrupted step.
_ATTEMPTS = 100

Turns = Sequence[tuple[Chunk, Group]]


class Optimizer(Hooked):
    """The base of all update rules: parameter groups, their options, and the state of each parameter.

    A rule is a subclass: `fills` names what it remembers, `update` is its formula on these arrays. All else is done
    here: groups, the flags of PyTorch's (`maximize`, `foreach`, `fused`, `capturable`, `differentiable`), the checks of
    options, the state and its loading, and which parameters step together.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What is optimized; dicts are groups, each with a list ``"params"`` and its options. Names are kept under
        ``"param_names"``.
    defaults : dict
        The options of a group that does not give its own.
    **flags
        Flags of PyTorch's, which a rule hands on without reading them; they join the defaults.

    Attributes
    ----------
    param_groups : list of dict
        Each with ``"params"`` and the options.
    state : dict
        For each parameter that has stepped a dict of what the rule remembers: arrays of the parameter's shape, and the
        number of steps.

    Raises
    ------
    TypeError
        If a parameter is not a Tensor, or an option not of its kind.
    KeyError
        If a group has no ``"params"``.
    ValueError
        If there is no parameter, one is not a leaf, one occurs twice, only some have names, or an option is out of
        range.

    Examples
    --------
    A new rule, the sign of a running average. It works element by element and declares that, because many small
    parameters are gathered into one array, and large ones come in parts:

    >>> class SignDescent(optim.Optimizer):
    ...     elementwise = True
    ...
    ...     def __init__(self, params, lr=0.1, momentum=0.9, **flags):
    ...         super().__init__(params, {"lr": lr, "momentum": momentum}, **flags)
    ...
    ...     def fills(self, group):
    ...         return {"average": 0.0}
    ...
    ...     def update(self, param, grad, state, group, step):
    ...         state["average"] *= group["momentum"]
    ...         state["average"] += grad
    ...         param -= group["lr"] * np.sign(state["average"])
    >>> w = ad.tensor([1.0, -2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w]).step()
    >>> w
    tensor([ 0.9000, -1.9000], requires_grad=True)

    A rule that says nothing of the kind gets each parameter whole, in its shape.
    """

    #: Whether the number of steps is part of the state, under "step".
    counts_steps: ClassVar[bool] = True

    #: Whether `update` computes each element from its own parameter, gradient and state alone. Only then is it given
    #: several parameters, or a part of one, as flat arrays. It holds for the `update` of the same class: a subclass
    #: that has another one says it again.
    elementwise: ClassVar[bool] = False

    #: Whether `update` changes arrays by `write` alone, each from the gradient, itself and what was written before. It
    #: can then be taken up again where it was interrupted, without copies of all arrays beforehand, which cost a fifth
    #: of a step. As `elementwise`, it holds for the `update` of the same class.
    resumes: ClassVar[bool] = False

    #: Which of the arrays that `fills` names hold one number for the whole parameter: it is saved without dimensions.
    uniform: ClassVar[frozenset[str]] = frozenset()

    _unfinished: Turns = ()  # what is left of a step that was interrupted
    _has_warned = False  # whether it has warned that training diverges
    _has_stepped = False  # schedules ask for it

    #: For options by name what checks them; a rule adds its own to those of its bases.
    options: ClassVar[Mapping[str, Check]] = {
        "lr": not_negative, "weight_decay": not_negative, "momentum": not_negative, "eps": not_negative,
        "betas": shares, "foreach": choice, "fused": choice, "capturable": off, "differentiable": off,
    }  # fmt: skip

    def __init__(self, params: Any, defaults: Group, **flags: Any) -> None:
        if unknown := sorted(flags.keys() - {"maximize"} - IMPLEMENTATION):
            raise TypeError(f"{type(self).__name__}: there is no option {unknown[0]!r}")
        groups = to_list(params)
        if not groups:
            raise ValueError(
                "params: got an empty parameter list; a generator can be used up, and a model does not see layers in a "
                "plain list (use nn.ModuleList)"
            )
        self.defaults = {**defaults, **flags}
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._writes: list[Array] = []  # what `write` has written in the present block
        self._skip = 0  # how many calls of `write` to skip: they were made before an interrupt
        # By the group's place: who stepped last, with which state, in which chunks; and the options that were checked.
        self._layouts: dict[int, tuple[list[Tensor], Mapping[str, float], list[Chunk]]] = {}
        self._usable: dict[int, Group] = {}
        self._decisive = [name for name in self.defaults if name not in IMPLEMENTATION]
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add a group of parameters and its options to those that are optimized."""
        if not isinstance(param_group, Mapping):
            raise TypeError(f"param_group: expected a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise KeyError(f"param_group: expected a dict with the key 'params', got {list(param_group)}")
        params, names = split_names(param_group["params"])
        group = {**self.defaults, **param_group, "params": params, **({"param_names": names} if names else {})}
        named = "param_names" in group
        if len(names) not in (0, len(params)) or any(named != ("param_names" in g) for g in self.param_groups):
            raise ValueError("params: either all parameters of all groups come with names, or none")
        for name in self.defaults:
            self.check_option(name, group[name])
        if group.get("fused") and group.get("foreach"):
            raise RuntimeError(f"{type(self).__name__}: fused and foreach cannot both be True")
        require_parameters(params, set(self._all()))
        self.param_groups.append(group)

    def check_option(self, name: str, value: Any) -> None:
        """Raise a TypeError if an option is not of its kind, a ValueError if it is out of its range.

        A subclass that defines `step`, as programs for PyTorch do, reads its options itself. Only those that it
        declares are checked: the base's names may mean something else to it.
        """
        for kind in type(self).__mro__:
            if kind is Optimizer and type(self).step is not Optimizer.step:
                return
            if name in vars(kind).get("options", ()):
                vars(kind)["options"][name](f"{type(self).__name__}: {name}", value)
                return

    def fills(self, group: Group) -> Mapping[str, float]:
        """Return the names of the arrays that the rule remembers, and their first values."""
        return {}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Change arrays in place: `param`, and those of `state`. All are of one shape.

        Parameters
        ----------
        param : ndarray
        grad : ndarray
            Of what is minimized: where the group says ``maximize``, the base has turned the sign. It is only read.
        state : dict of str to ndarray
            What `fills` names.
        group : dict
            The options, all checked; tensors among them are numbers here.
        step : int
            The number of this step, counted from 1.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def write(self, out: Array, a: Any, b: Any, operation: Callable[..., Any] = np.add) -> Array:
        """Write the sum of two arrays, or the result of another operation, into an array, and return that.

        An interrupt comes before it or after it, and `_writes` tells which: an `update` that is done again after an
        interrupt does not write twice.
        """
        if self._skip:
            self._skip -= 1
        else:
            self._writes.extend(map(operation, (a,), (b,), (out,)))  # one call, which no interrupt can divide
        return out

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        An interrupt (Ctrl-C) does not tear a step: it has been taken or not when the interrupt goes on. The first step
        that meets numbers which are not finite warns.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew, with gradients, and returns it.

        Returns
        -------
        object
            What the closure returned, or None.

        Raises
        ------
        RuntimeError
            If a gradient or a state does not have its parameter's shape or dtype, or a parameter's memory cannot be
            written to. No parameter is changed then, nor by the errors below.
        TypeError, ValueError, KeyError
            If an option was set to a value that it cannot have, or removed.
        """
        loss, self._has_stepped = None, True
        if closure is not None:
            with enable_grad():
                loss = closure()
        if (trace := tracing()) is not None:
            trace.steps(self)
            return loss
        self._go(3)
        return loss

    def _go(self, stacklevel: int) -> None:
        """Take a step, and warn once if training diverges."""
        noted.kind = None
        self._advance()
        if noted.kind is not None:
            self._warn(noted.kind, stacklevel + 1)

    def _warn(self, kind: str, stacklevel: int) -> None:
        """Warn once that training diverges."""
        if not self._has_warned:
            self._has_warned = True
            rates = [group["lr"] for group in self.param_groups if "lr" in group]
            warnings.warn(message(type(self).__name__, kind, rates), RuntimeWarning, stacklevel=stacklevel)

    @watch
    def _advance(self) -> None:
        """Take a step; all groups are checked before the first changes."""
        if self._unfinished:
            self._finish()
        turns: list[tuple[Chunk, Group]] = []
        for i, group in enumerate(self.param_groups):
            options = self._options(i, group)
            turns += [(chunk, options) for chunk in self._layout(i, group)]
        try:
            self._take(turns)
        except BaseException:
            self._unfinished = turns
            self._finish()
            raise

    def _take(self, turns: Turns) -> None:
        for chunk, options in turns:
            chunk.advance(self, options)

    def _finish(self) -> None:
        """Finish a step that was interrupted. Where the rule itself fails, the block it failed on stays as it was."""
        for _ in range(_ATTEMPTS if self._unfinished else 0):
            try:
                self._take(self._unfinished)
                self._unfinished = ()
                return
            except Exception:  # an error of the rule, which would come again
                break
            except BaseException:  # another interrupt
                continue
        for chunk, _ in self._unfinished:
            chunk.leave(self.counts_steps)
        self._unfinished = ()

    def _declares(self, property: str) -> bool:
        """Tell whether the class that defines `update` declares a property of it."""
        for kind in (self, *type(self).__mro__):
            if property in vars(kind):
                return bool(vars(kind)[property])
            if "update" in vars(kind):
                return False
        return False

    def _options(self, place: int, group: Group) -> Group:
        """Return a group's options for `update`, and check those that have changed since the last step."""
        usable, numbers = self._usable.setdefault(place, {}), {}
        for name in self._decisive:
            value = group.get(name)
            if value is usable.get(name, self):  # `self` stands for not checked yet
                continue
            if name not in group:
                raise KeyError(f"step: group {place} has no option {name!r}")
            if isinstance(value, Tensor):
                self.check_option(name, value)
                numbers[name] = value.item()  # read anew at each step
            else:
                self._check_changed_option(name, value)
                if not isinstance(value, list):  # a list may change in place
                    usable[name] = value
        return {**group, **numbers} if numbers else group

    def _check_changed_option(self, name: str, value: Any) -> None:
        """Check an option that was set later: a rate may then be below 0, by a schedule's rounding or to climb."""
        self.check_option(name, abs(value) if name == "lr" and is_number(value) else value)

    def _layout(self, place: int, group: Group) -> list[Chunk]:
        """Return chunks of a group's parameters with gradients, ready for a step; the last chunks if they fit."""
        active = [p for p in group["params"] if p._grad is not None]
        fills = self.fills(group)
        before, known, layout = self._layouts.get(place, ([], {}, []))
        if len(before) == len(active) and all(map(operator.is_, before, active)) and known == fills:
            for chunk in layout:
                if not (chunk.is_adopted and chunk.begin(self.state, self.counts_steps)):
                    break
            else:
                return layout
        states = {p: self.state[p] for p in active}
        steps = [self._steps(s, fills) for s in states.values()]
        layout = chunks(active, states, fills, steps, self._declares("elementwise"), self._declares("resumes"))
        for chunk in layout:
            chunk.begin(states, self.counts_steps)
        self._layouts[place] = active, fills, layout
        return layout

    def _steps(self, state: State, fills: Mapping[str, float]) -> int:
        """Return how many steps a parameter has taken; for a rule that does not count them, 0 or 1."""
        if not self.counts_steps:
            return int(bool(fills) and all(state.get(name) is not None for name in fills))
        if "step" not in state and (known := [name for name in fills if state.get(name) is not None]):
            raise RuntimeError(f"step: the state of a parameter has {', '.join(known)}, but no step")
        return int(state.get("step", 0))

    def __getstate__(self) -> dict[str, Any]:
        self._finish()
        # A copy lays out its memory at its first step.
        kept = {name: value for name, value in vars(self).items() if name not in ("_hooks", "step")}
        return {**kept, "_layouts": {}, "_usable": {}, "_writes": [], "_skip": 0}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    # -- state ---------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return options and state, with parameters as numbers in the order in which they were given.

        Returns
        -------
        dict
            ``"state"``: for each number what the rule remembers; ``"param_groups"``: options and numbers of each group.
        """
        self._finish()
        for hook in self.hooks("before state"):
            hook(self)
        number = {p: i for i, p in enumerate(self._all())}
        groups = [{**copy_options(g), "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        fills = {p: self.fills(g) for g in self.param_groups for p in g["params"]}
        state = {
            number[p]: {k: save_entry(v, k in fills[p], k in self.uniform) for k, v in s.items()}
            for p, s in self.state.items()
            if s and p in number
        }
        made: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self.hooks("after state"):
            given = hook(self, made)
            made = made if given is None else given
        return made

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned; nothing changes unless all of it fits.

        What the rule does not know by `fills` comes back as it was saved.

        Raises
        ------
        TypeError
            If it is not built as what `state_dict` returns, or an option is not of its kind.
        KeyError
            If a group has no ``"params"``.
        ValueError
            If the groups differ in number or size, or a state in shape; if an option or a part of a state is missing.
        """
        self._finish()
        for hook in self.hooks("before load"):
            state_dict = dict(state_dict)
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        given, states = read_parts(state_dict)
        theirs, ours = ([len(g["params"]) for g in gs] for gs in (given, self.param_groups))
        if theirs != ours:
            raise ValueError(f"load_state_dict: the state has groups of {theirs} parameters, the optimizer of {ours}")
        groups = [self._read_group(i, group) for i, group in enumerate(given)]
        numbers = [i for g in given for i in g["params"]]
        at = dict(zip(numbers, self._all(), strict=True))
        if unknown := [i for i in states if i not in at]:
            raise ValueError(
                f"load_state_dict: there is a state for {unknown[0]!r}, but no parameter {unknown[0]!r} in the groups"
            )
        fills = {i: self.fills(group) for group, g in zip(groups, given, strict=True) for i in g["params"]}
        loaded = {at[i]: self._read_state(i, s, at[i], fills[i]) for i, s in states.items()}
        try:
            self._replace(groups, loaded)
        except BaseException:  # an interrupt: options and state must change together
            self._replace(groups, loaded)
            raise
        for hook in self.hooks("after load"):
            hook(self)

    def _replace(self, groups: Sequence[Group], state: Mapping[Tensor, State]) -> None:
        for mine, group in zip(self.param_groups, groups, strict=True):
            mine.update(group)
        self.state = defaultdict(dict, state)

    def _read_group(self, place: int, given: Group) -> Group:
        """Return a copy of a loaded group's options; a flag that an older state lacks is off."""
        try:
            group = {**dict.fromkeys(self.defaults.keys() & ADDED_LATER, False), **copy_options(given)}
        except TypeError as error:
            raise TypeError(f"load_state_dict: group {place} holds what cannot be copied: {error}") from None
        for name in self._decisive:
            if name not in group:
                raise ValueError(f"load_state_dict: group {place} has no option {name!r}")
        for name in self.defaults.keys() & group.keys():
            self._check_changed_option(name, group[name])
        return group

    def _read_state(self, number: Any, state: State, param: Tensor, fills: Mapping[str, float]) -> State:
        """Return a copy of the loaded state of a parameter, with arrays of its dtype."""
        known = {name: value for name, value in state.items() if value is not None}
        needed = [*(["step"] if self._counts() else []), *fills]
        if known and (missing := [name for name in needed if name not in known]):
            raise ValueError(f"load_state_dict: the state of parameter {number!r} has no {', '.join(missing)}")
        return {
            name: read_entry(value, param, name, name in self.uniform) if name in needed else copy.deepcopy(value)
            for name, value in known.items()
        }

    def _counts(self) -> bool:
        """Tell whether the base counts the steps; a rule that defines `step` counts them itself."""
        return self.counts_steps and type(self).update is not Optimizer.update

    def _all(self) -> Sequence[Tensor]:
        return [p for g in self.param_groups for p in g["params"]]

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
        return text + ")"
