"""Optimizer: the bookkeeping that every update rule shares."""

from __future__ import annotations

import copy
import math
import operator
import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from autodiff import Tensor, enable_grad
from autodiff.graph import clear_gradients

from .divergence import message, noted, watch
from .layout import Array, Chunk, Group, State, chunks

#: The methods that a rule's formula is made of.
_FORMULA = {"update", "descent"}
#: How often a step that was interrupted is taken up again when that is interrupted, too.
_ATTEMPTS = 100

Turns = Sequence[tuple[Chunk, Group]]


class Optimizer:
    """The base of all update rules: parameter groups, their options, and the state of each parameter.

    A rule is a subclass: `fills` names what it remembers, `update` is its formula. The formula gets flat arrays, which
    may hold several parameters or a part of one, and changes them in place.

    Parameters
    ----------
    params : iterable of Tensor, of (name, Tensor), or of dict
        What is optimized; dicts are groups with a list ``"params"`` and options of their own. Names are kept under
        ``"param_names"``.
    defaults : dict
        The options of a group that does not give its own.

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
    A rule of one's own:

    >>> class SignDescent(optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     def update(self, param, grad, state, group, step):
    ...         param -= group["lr"] * np.sign(grad)
    >>> w = ad.tensor([1.0, -2.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> SignDescent([w]).step()
    >>> w
    tensor([ 0.9000, -1.9000], requires_grad=True)
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

    _unfinished: Turns = ()  # of a step that was interrupted
    _has_warned = False  # that training diverges

    def __init__(self, params: Any, defaults: Group) -> None:
        groups = _listed(params)
        if not groups:
            raise ValueError(
                "params: got an empty parameter list; a generator can be used up, and a model does not see layers in a "
                "plain list (use nn.ModuleList)"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self.writes: list[Array] = []  # what `write` has written in the present block
        self.skip = 0  # how many calls of `write` to pass over, for they were made before an interrupt
        # By the group's place: who stepped last, with which state, in which chunks; and the options that were checked.
        self._layouts: dict[int, tuple[list[Tensor], Mapping[str, float], list[Chunk]]] = {}
        self._usable: dict[int, Group] = {}
        self._decisive = [name for name in defaults if name not in _IMPLEMENTATION]
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters, with options of their own, to those that are optimized."""
        if not isinstance(param_group, Mapping):
            raise TypeError(f"param_group: expected a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise KeyError(f"param_group: expected a dict with the key 'params', got {list(param_group)}")
        given = param_group["params"]
        listed = [given] if isinstance(given, Tensor) else _listed(given)
        params = [p[1] if isinstance(p, tuple) and len(p) > 1 else p for p in listed]
        names = [p[0] for p in listed if isinstance(p, tuple)]
        group = {**param_group, "params": params, **({"param_names": names} if names else {})}
        named = "param_names" in group
        if len(names) not in (0, len(params)) or any(named != ("param_names" in g) for g in self.param_groups):
            raise ValueError("params: either all parameters of all groups come with names, or none")
        group = {**group, **{name: value for name, value in self.defaults.items() if name not in group}}
        for name in self.defaults:
            self.check_option(name, group[name])
        if group.get("fused") and group.get("foreach"):
            raise RuntimeError(f"{type(self).__name__}: fused and foreach cannot both be True")
        known = {p for g in self.param_groups for p in g["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"params: parameter {i} must be a Tensor, got {_described(p)}")
            if not (p.is_leaf or (p._extra is not None and p._extra.retains_grad)):
                raise ValueError(
                    f"params: parameter {i}, of shape {p.shape}, is the result of an operation, not a leaf, and does "
                    "not retain its gradient"
                )
            if p.dtype.kind != "f":
                raise ValueError(f"params: parameter {i} holds {p.dtype}, which cannot be optimized")
            if p in known:
                raise ValueError(f"params: parameter {i}, of shape {p.shape}, occurs twice")
            known.add(p)
        self.param_groups.append(group)

    def check_option(self, name: str, value: Any) -> None:
        """Raise a TypeError if an option is not of its kind, a ValueError if it is out of its range."""
        title = f"{type(self).__name__}: {name}"
        if name in _NUMBERS:
            if isinstance(value, Tensor) and value.numel() != 1:
                raise ValueError(f"{title} must be a number or a tensor of one element, got shape {value.shape}")
            number = value.item() if isinstance(value, Tensor) else value
            if not _is_number(number):
                raise TypeError(f"{title} must be a number, got {value!r}")
            if not (math.isfinite(number) and (number >= 0 or name == "dampening")):
                raise ValueError(f"{title} must be a number that is not negative, got {value!r}")
        elif name == "betas":
            if not _is_pair(value):
                raise TypeError(f"{title} must be two numbers in [0, 1), got {value!r}")
            if not all(0 <= b < 1 for b in value):
                raise ValueError(f"{title} must be two numbers in [0, 1), got {value!r}")
        elif name in ("foreach", "fused") and value not in (None, False, True):
            raise TypeError(f"{title} must be True, False or None, got {value!r}")
        elif name in ("capturable", "differentiable") and value:
            raise ValueError(
                f"{title} must be False: a step is neither captured by a device nor recorded, got {value!r}"
            )

    def fills(self, group: Group) -> Mapping[str, float]:
        """Return the names of the arrays that the rule remembers, and what they start with."""
        return {}

    def update(self, param: Array, grad: Array, state: dict[str, Array], group: Group, step: int) -> None:
        """Change the flat arrays `param` and those of `state` in place; `step` counts from 1, `grad` is not ours."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def write(self, out: Array, a: Any, b: Any, operation: Callable[..., Any] = np.add) -> Array:
        """Write the sum of two arrays, or the result of another operation, into an array, and return that.

        An interrupt comes before it or after it, and `writes` tells which: an `update` that is done again after an
        interrupt does not write twice.
        """
        if self.skip:
            self.skip -= 1
        else:
            self.writes.extend(map(operation, (a,), (b,), (out,)))  # one call, which no interrupt can divide
        return out

    @staticmethod
    def descent(param: Array, grad: Array, maximize: bool, weight_decay: float) -> Array:
        """Return the gradient of what is minimized: the other way round to climb, with the weight decay's share."""
        if maximize:
            grad = -grad
        return grad + weight_decay * param if weight_decay else grad

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

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
            If an option was set to what is none, or taken away.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        noted.kind = None
        self._advance()
        if noted.kind is not None and not self._has_warned:
            self._has_warned = True
            rates = [group["lr"] for group in self.param_groups if "lr" in group]
            warnings.warn(message(type(self).__name__, noted.kind, rates), RuntimeWarning, stacklevel=2)
        return loss

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
        """Finish a step that was interrupted; leave off between two blocks where that fails, or again and again."""
        for _ in range(_ATTEMPTS if self._unfinished else 0):
            try:
                self._take(self._unfinished)
                self._unfinished = ()
                return
            except Exception:  # the rule's own, which it would raise again
                break
            except BaseException:  # another interrupt
                continue
        for chunk, _ in self._unfinished:
            chunk.leave(self.counts_steps)
        self._unfinished = ()

    def _declares(self, property: str) -> bool:
        """Tell whether the class that the formula is from declares a property of it."""
        for kind in (self, *type(self).__mro__):
            if property in vars(kind):
                return bool(vars(kind)[property])
            if not _FORMULA.isdisjoint(vars(kind)):
                return False
        return False

    def _options(self, place: int, group: Group) -> Group:
        """Return a group's options for `update`, those checked that were changed since the last step."""
        usable, numbers = self._usable.setdefault(place, {}), {}
        for name in self._decisive:
            value = group.get(name)
            if value is usable.get(name, self):  # no option is the optimizer, so what was not checked yet differs
                continue
            if name not in group:
                raise KeyError(f"step: group {place} has no option {name!r}")
            if isinstance(value, Tensor):
                self.check_option(name, value)
                numbers[name] = value.item()  # and is asked again at the next step
            else:
                self._check_changed_option(name, value)
                if not isinstance(value, list):  # which may be another pair at the next step
                    usable[name] = value
        return {**group, **numbers} if numbers else group

    def _check_changed_option(self, name: str, value: Any) -> None:
        """Check an option that was set later: a rate may be below 0 by then, rounded by a schedule or set to climb."""
        self.check_option(name, abs(value) if name == "lr" and _is_number(value) else value)

    def _layout(self, place: int, group: Group) -> list[Chunk]:
        """Return a group's parameters with gradients in chunks that have begun a step, the last ones if they fit."""
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
        """Return how many steps a parameter has taken; a rule that does not count only needs to know whether any."""
        if not self.counts_steps:
            return int(bool(fills) and all(state.get(name) is not None for name in fills))
        if "step" not in state and (known := [name for name in fills if state.get(name) is not None]):
            raise RuntimeError(f"step: the state of a parameter has {', '.join(known)}, but no step")
        return int(state.get("step", 0))

    def __getstate__(self) -> dict[str, Any]:
        self._finish()
        # Memory is laid out anew where a copy steps.
        return {**vars(self), "_layouts": {}, "_usable": {}, "writes": [], "skip": 0}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
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
        number = {p: i for i, p in enumerate(self._all())}
        groups = [{**_apart(g), "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        fills = {p: self.fills(g) for g in self.param_groups for p in g["params"]}
        state = {
            number[p]: {k: _saved_entry(v, k in fills[p]) for k, v in s.items()}
            for p, s in self.state.items()
            if s and p in number
        }
        return {"state": state, "param_groups": groups}

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
        given, states = _parts(state_dict)
        theirs, ours = ([len(g["params"]) for g in gs] for gs in (given, self.param_groups))
        if theirs != ours:
            raise ValueError(f"load_state_dict: the state has groups of {theirs} parameters, the optimizer of {ours}")
        groups = [self._loaded_group(i, group) for i, group in enumerate(given)]
        numbers = [i for g in given for i in g["params"]]
        at = dict(zip(numbers, self._all(), strict=True))
        if unknown := [i for i in states if i not in at]:
            raise ValueError(
                f"load_state_dict: there is a state for {unknown[0]!r}, but no parameter {unknown[0]!r} in the groups"
            )
        fills = {i: self.fills(group) for group, g in zip(groups, given, strict=True) for i in g["params"]}
        loaded = {at[i]: self._loaded_state(i, s, at[i], fills[i]) for i, s in states.items()}
        try:
            self._replace(groups, loaded)
        except BaseException:  # an interrupt: options without the state that belongs to them could not step
            self._replace(groups, loaded)
            raise

    def _replace(self, groups: Sequence[Group], state: Mapping[Tensor, State]) -> None:
        for mine, group in zip(self.param_groups, groups, strict=True):
            mine.update(group)
        self.state = defaultdict(dict, state)

    def _loaded_group(self, place: int, given: Group) -> Group:
        """Return a copy of a loaded group's options; flags that states of older versions lack are off."""
        try:
            group = {**dict.fromkeys(self.defaults.keys() & _FLAGS, False), **_apart(given)}
        except TypeError as error:
            raise TypeError(f"load_state_dict: group {place} holds what cannot be copied: {error}") from None
        for name in self._decisive:
            if name not in group:
                raise ValueError(f"load_state_dict: group {place} has no option {name!r}")
        for name in self.defaults.keys() & group.keys():
            self._check_changed_option(name, group[name])
        return group

    def _loaded_state(self, number: Any, state: State, param: Tensor, fills: Mapping[str, float]) -> State:
        """Return a copy of the loaded state of a parameter, with arrays of its dtype."""
        known = {name: value for name, value in state.items() if value is not None}
        needed = [*(["step"] if self._counts() else []), *fills]
        if known and (missing := [name for name in needed if name not in known]):
            raise ValueError(f"load_state_dict: the state of parameter {number!r} has no {', '.join(missing)}")
        return {
            name: _loaded_entry(value, param, name) if name in needed else copy.deepcopy(value)
            for name, value in known.items()
        }

    def _counts(self) -> bool:
        """Tell whether the number of steps is ours: whoever writes his own `step` counts for himself."""
        return self.counts_steps and type(self).update is not Optimizer.update

    def _all(self) -> Sequence[Tensor]:
        return [p for g in self.param_groups for p in g["params"]]

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            text += "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
        return text + ")"


#: Options that say how PyTorch computes a step, not what it computes.
_IMPLEMENTATION = {"foreach", "fused", "capturable", "differentiable"}
#: Options that came into PyTorch's rules later than these.
_FLAGS = {"nesterov", "maximize", "centered", "amsgrad", "decoupled_weight_decay"}
_NUMBERS = {"dampening", "lr", "lr_decay", "eps", "momentum", "alpha", "weight_decay", "initial_accumulator_value"}


def _listed(params: Any) -> list[Any]:
    """Return what is to be optimized as a list, or say what came instead."""
    unordered = isinstance(params, (Tensor, set, frozenset, Mapping)) or not isinstance(params, Iterable)
    if unordered or hasattr(params, "parameters"):
        raise TypeError(f"params: expected an ordered iterable of tensors or dicts, got a {_described(params)}")
    return list(params)


def _described(value: Any) -> str:
    """Name the kind of what came in the place of parameters and, where that tells what was meant, say the cure."""
    if callable(getattr(value, "parameters", None)):
        cure = ": say model.parameters()"
    elif callable(value):
        cure = ": call it, as in model.parameters()"
    elif isinstance(value, Tensor):
        cure = ": put it into a list"
    elif isinstance(value, Mapping):
        cure = ": put the group into a list" if "params" in value else ": say model.parameters()"
    elif isinstance(value, Iterator):
        cure = ": give it without the list around it"
    else:
        cure = ""
    return type(value).__name__ + cure


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and all(map(_is_number, value))


def _apart(group: Group) -> Group:
    """Return a copy of a group's options that shares nothing with it."""
    return copy.deepcopy({name: value for name, value in group.items() if name != "params"})


def _saved_entry(value: Any, is_filled: bool) -> Any:
    """Return an entry of the state as one of its own: a tensor for the rule's arrays, a copy for anything else."""
    return Tensor(value.copy()) if is_filled and isinstance(value, np.ndarray) else copy.deepcopy(value)


def _parts(state_dict: Any) -> tuple[Sequence[Group], Mapping[Any, State]]:
    """Return the groups and the states of what is loaded, both as they should be built."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"load_state_dict: expected what state_dict returns, got {type(state_dict).__name__}")
    if missing := sorted({"param_groups", "state"} - state_dict.keys()):
        raise ValueError(f"load_state_dict: the state has no {', '.join(missing)}")
    groups, states = state_dict["param_groups"], state_dict["state"]
    _require_kind(groups, (list, tuple), "param_groups must be a list of dicts")
    for i, group in enumerate(groups):
        _require_kind(group, Mapping, f"group {i} must be a dict")
        if "params" not in group:
            raise KeyError(f"load_state_dict: group {i} has no 'params'")
        _require_kind(group["params"], (list, tuple), f"the 'params' of group {i} must be a list of numbers")
        for number in group["params"]:
            _require_kind(number, Hashable, f"the 'params' of group {i} must be a list of numbers")
    _require_kind(states, Mapping, "state must be a dict")
    for number, state in states.items():
        _require_kind(state, Mapping, f"the state of parameter {number!r} must be a dict")
    return groups, states


def _require_kind(value: Any, kinds: Any, message: str) -> None:
    if not isinstance(value, kinds):
        raise TypeError(f"load_state_dict: {message}, got {type(value).__name__}")


def _loaded_entry(value: Any, param: Tensor, name: str) -> Any:
    """Return an entry of a loaded state as our own: the number of steps, or an array of the parameter's dtype."""
    try:
        array = np.asarray(value._data if isinstance(value, Tensor) else value)
    except ValueError:  # NumPy's, for lists of unequal length
        raise ValueError(f"load_state_dict: {name} is no array: {value!r}") from None
    if name == "step":
        if array.size != 1 or array.dtype.kind not in "iuf" or array.item() < 0 or array.item() % 1 != 0:
            raise ValueError(f"load_state_dict: step must be a number of steps, got {value!r}")
        return int(array.item())
    if array.shape != param.shape:
        raise ValueError(f"load_state_dict: {name} has shape {array.shape}, its parameter {param.shape}")
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"load_state_dict: {name} holds {array.dtype}, which does not fit its parameter's {param.dtype}"
        )
    with np.errstate(over="ignore"):
        return array.astype(param.dtype)
