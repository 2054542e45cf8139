"""Module: the base of every layer and network; Parameter: a tensor that a module owns to learn it."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy import ndarray

from autodiff import RemovableHandle, Tensor, as_tensor, bfloat16, dtypes
from autodiff.attributes import dtype_of
from autodiff.device import check_device
from autodiff.engine.graph import extra, tick
from autodiff.functions.arguments import target_of
from autodiff.functions.in_place import clear_gradients
from autodiff.tensor import from_array
from autodiff.tracing import Tracing, attribute_changes, refuse, state, tracing

from . import hooks

M = TypeVar("M", bound="Module")
P = TypeVar("P", bound="Parameter")
R = TypeVar("R", covariant=True)

#: The key of what a module's `get_extra_state` returns.
_state = state.get
_EXTRA_STATE = "_extra_state"


class Parameter(Tensor):
    """A tensor that is registered with the module it is assigned to, and requires a gradient.

    Parameters
    ----------
    data : Tensor or ndarray, optional
        The value; its memory is shared. By default a vector without elements.
    requires_grad : bool, optional
        False for a parameter that is not to be learned.

    Raises
    ------
    RuntimeError
        If the data are not floats but a gradient is required.

    Examples
    --------
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(ad.ones(1))
    >>> [name for name, _ in Scale().named_parameters()]
    ['factor']
    """

    __slots__ = ()

    def __init__(self, data: Any = (), requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__(as_tensor(data), requires_grad=requires_grad, name=name)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"

    def __deepcopy__(self: P, memo: dict[Any, Any]) -> P:
        """Return a new parameter with a copy of the value and no gradient, as PyTorch does."""
        refuse("copying a tensor", "use clone()")
        out = type(self).__new__(type(self))
        out._hold(copy.deepcopy(self._data), None, self._requires_grad, self.name)
        return out


class Buffer(Tensor):
    """A tensor that becomes a buffer of the module it is assigned to.

    Parameters
    ----------
    data : Tensor or ndarray
    persistent : bool, optional
        Whether it is part of `Module.state_dict`.

    Examples
    --------
    >>> net = nn.Module()
    >>> net.mean = nn.Buffer(ad.zeros(2))
    >>> list(net.state_dict())
    ['mean']
    """

    def __init__(self, data: Any, *, persistent: bool = True) -> None:
        super().__init__(as_tensor(data))
        self.persistent = persistent


class IncompatibleKeys(NamedTuple):
    """The keys that `Module.load_state_dict` missed, and those it did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class _Forwards(Protocol[R]):
    """A module whose call returns what `forward` returns."""

    _hooks: Any

    def forward(self, *args: Any, **kwargs: Any) -> R: ...


class Module:
    """A layer or a network: its attributes that are parameters, buffers or modules are registered.

    A subclass assigns them in ``__init__`` and computes in ``forward``.

    Attributes
    ----------
    training : bool
        Whether layers such as batch normalization behave as in training; set by `train` and `eval`.

    Examples
    --------
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(2, 3)
    ...         self.out = nn.Linear(3, 1)
    ...
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).tanh())
    >>> Net()(ad.zeros(5, 2)).shape
    (5, 1)
    """

    training: bool = True
    _version: int = 1  # the version of the state's layout
    _registered: dict[str, str]  # attribute name -> "parameter", "module", "buffer" or "buffer, not saved"
    _hooks: hooks.Hooks | None = None

    def __init__(self) -> None:
        vars(self).setdefault("_registered", {})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self: _Forwards[R], *args: Any, **kwargs: Any) -> R:
        """Compute the output with `forward`; take arrays as tensors, and note in the graph which module computed it."""
        for a in args:
            if isinstance(a, ndarray):
                args = tuple(from_array(a) if isinstance(a, ndarray) else a for a in args)
                break
        if _state().__class__ is Tracing:  # spelled out, as `tracing` takes 0.1 us for each module
            tracing().calls(self)
        start = tick()
        module: Any = self
        output = self.forward(*args, **kwargs) if self._hooks is None else hooks.call(self._hooks, module, args, kwargs)
        for made in (output,) if isinstance(output, Tensor) else tensors_in(output):
            if made._op is not None and made._stamp > start:
                extra(made).scopes += ((self, start),)  # for pictures of the graph
        return output

    # -- hooks ---------------------------------------------------------------------------------------------------------

    def _hook(self, kind: str, hook: Callable[..., Any], *options: bool) -> RemovableHandle:
        attribute_changes[0] += 1
        return self._own_hooks().add(kind, hook, *options)

    def _own_hooks(self) -> hooks.Hooks:
        """Return the hooks of this module alone, made when first needed."""
        own = vars(self).get("_hooks")
        if own is None:
            own = self._hooks = hooks.Hooks()
        return own

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call a function with (module, args, output) after every call of this module.

        Parameters
        ----------
        hook : callable
            What it returns, unless None, takes the output's place.
        prepend : bool, optional
            Whether it is called before the hooks that are there already.
        with_kwargs : bool, optional
            Whether it gets (module, args, kwargs, output).
        always_call : bool, optional
            Whether it is called even where the call raises; its output is None then.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook away.

        Examples
        --------
        >>> net = nn.Linear(3, 2)
        >>> handle = net.register_forward_hook(lambda module, args, output: print(output.shape))
        >>> _ = net(ad.zeros(5, 3))
        (5, 2)
        >>> handle.remove()
        """
        return self._hook("after", hook, prepend, with_kwargs, always_call)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call a function with (module, args) before every call of this module; see `register_forward_hook`.

        What it returns, unless None, takes the place of the arguments; with `with_kwargs` it gets (module, args,
        kwargs) and returns (args, kwargs).

        Examples
        --------
        >>> net = nn.Identity()
        >>> handle = net.register_forward_pre_hook(lambda module, args: args[0] + 1)
        >>> net(ad.zeros(1))
        tensor([1.])
        """
        return self._hook("before", hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call a function with (module, grad_input, grad_output) whenever gradients have passed this module.

        Parameters
        ----------
        hook : callable
            Gets two tuples: the gradients of the positional inputs, None for those that require none, and of the
            outputs. What it returns, unless None, takes the place of the former.
        prepend : bool, optional
            Whether it is called before the hooks that are there already.

        Returns
        -------
        RemovableHandle
            Its ``remove()`` takes the hook away.

        Examples
        --------
        >>> net = nn.Tanh()
        >>> handle = net.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
        >>> x = ad.zeros(1, requires_grad=True)
        >>> net(x).backward()
        >>> x.grad
        tensor([10.])
        """
        return self._hook("backward", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call a function with (module, grad_output) whenever gradients have reached this module's outputs.

        What it returns, unless None, takes the place of these gradients; see `register_full_backward_hook`.

        Examples
        --------
        >>> net = nn.Tanh()
        >>> handle = net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
        >>> x = ad.zeros(1, requires_grad=True)
        >>> net(x).backward()
        >>> x.grad
        tensor([10.])
        """
        return self._hook("before_backward", hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Do what `register_full_backward_hook` does; PyTorch's old name for it."""
        return self.register_full_backward_hook(hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function with (module, prefix, keep_vars) before this module writes its part of `state_dict`."""
        return self._hook("before_state", hook, False)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function with (module, state_dict, prefix, local_metadata) when its part of `state_dict` is written.

        Examples
        --------
        >>> net = nn.Linear(2, 1)
        >>> handle = net.register_state_dict_post_hook(lambda module, state, *_: state.update(note="mine"))
        >>> list(net.state_dict())
        ['weight', 'bias', 'note']
        """
        return self._hook("after_state", hook, False)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Register a state hook that may return another state; many programs use this private name."""
        return self._hook("after_state", hook, False, True)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function before this module reads its part of a state, which it may change.

        Parameters
        ----------
        hook : callable
            Gets (module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs).

        Returns
        -------
        RemovableHandle

        Examples
        --------
        >>> net = nn.Linear(2, 1)
        >>> old = {"w": ad.ones(1, 2), "bias": ad.zeros(1)}
        >>> rename = lambda module, state, *_: state.update(weight=state.pop("w"))
        >>> handle = net.register_load_state_dict_pre_hook(rename)
        >>> net.load_state_dict(old)
        <All keys matched successfully>
        """
        return self._hook("before_load", hook, False)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        """Register a load hook that gets the module only if `with_module` is set; many programs use it."""
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *rest: hook(*rest))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function with (module, incompatible_keys) after this module and those below have read a state.

        It may change the lists of keys in place, and so forgive what is missing.
        """
        return self._hook("after_load", hook, False)

    # -- registration --------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        registered = vars(self).setdefault("_registered", {})
        attribute_changes[0] += 1
        if isinstance(value, Module) and registered.get(name) == "parameter":
            raise TypeError(
                f"{type(self).__name__}: cannot assign a {type(value).__name__} to parameter {name!r}, expected a "
                "Parameter or None"
            )
        if isinstance(value, Parameter):
            registered[name] = "parameter"
        elif isinstance(value, Module):
            registered[name] = "module"
        elif isinstance(value, Buffer):
            registered[name] = "buffer" if value.persistent else "buffer, not saved"
        elif name in registered and value is not None:
            kind = registered[name]
            if not (kind.startswith("buffer") and isinstance(value, Tensor)):
                expected = {"parameter": "a Parameter", "module": "a Module"}.get(kind, "a Tensor")
                raise TypeError(
                    f"{type(self).__name__}: cannot assign a {type(value).__name__} to {kind.split(',')[0]} {name!r}, "
                    f"expected {expected} or None"
                )
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        attribute_changes[0] += 1
        object.__delattr__(self, name)
        self._registered.pop(name, None)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter under a name; None keeps the name for one that is absent."""
        self._check_new(name, param, Parameter, "parameter")
        setattr(self, name, param)
        self._registered[name] = "parameter"

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is state but not learned, such as a running mean.

        Parameters
        ----------
        name : str
        tensor : Tensor or None
        persistent : bool, optional
            Whether it is part of `state_dict`.
        """
        self._check_new(name, tensor, Tensor, "buffer")
        setattr(self, name, tensor)
        self._registered[name] = "buffer" if persistent else "buffer, not saved"

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a submodule under a name."""
        self._check_new(name, module, Module, "module")
        setattr(self, name, module)
        self._registered[name] = "module"

    register_module = add_module

    def _check_new(self, name: str, value: Any, kind: type, registry: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: a name must be a str, got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{type(self).__name__}: a name must not be empty or contain a dot, got {name!r}")
        if hasattr(self, name) and not self._registered.get(name, "").startswith(registry):
            raise KeyError(f"{type(self).__name__}: attribute {name!r} already exists")
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{type(self).__name__}: {name!r} must be a {kind.__name__}, got {type(value).__name__}")

    def _own(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Yield (name, value) of this module's own parameters, buffers or submodules, absent ones left out."""
        for name, registered in self._registered.items():
            if registered.startswith(kind) and vars(self)[name] is not None:
                yield name, vars(self)[name]

    # -- walks ---------------------------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the direct submodules, each module once."""
        seen = set()
        for name, module in self._own("module"):
            if module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the direct submodules, each once."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield (dotted path, module) of this module, whose path is empty, and all below it.

        Each is yielded once, also where it is shared, unless `remove_duplicate` is False.
        """
        seen = set() if memo is None else memo
        if self not in seen:
            if remove_duplicate:
                seen.add(self)
            yield prefix, self
            for name, module in self._own("module"):
                yield from module.named_modules(seen, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yield this module and all below it, each once unless `remove_duplicate` is False."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def _named(self, kind: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen = set()
        walk = self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]
        for path, module in walk:
            for name, value in module._own(kind):
                if value not in seen:
                    if once:
                        seen.add(value)
                    yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (dotted path, parameter).

        Each is yielded once, also where it is shared, unless `remove_duplicate` is False.

        Examples
        --------
        >>> [(name, p.shape) for name, p in nn.Linear(2, 3).named_parameters()]
        [('weight', (3, 2)), ('bias', (3,))]
        """
        return self._named("parameter", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters, each once; what an optimizer is given."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (dotted path, buffer), each once unless `remove_duplicate` is False."""
        return self._named("buffer", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a dotted path; an empty path gives this module.

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> nn.Sequential(nn.Sequential(nn.Tanh())).get_submodule("0.0")
        Tanh()
        """
        module = self
        for name in target.split(".") if target else ():
            module = module._at(name, "module", target)
        return module

    def set_submodule(self, target: str, module: Module) -> None:
        """Replace the module at a dotted path."""
        path, _, name = target.rpartition(".")
        self.get_submodule(path)._at(name, "module", target)
        setattr(self.get_submodule(path), name, module)

    @property
    def _parameters(self) -> Registry:
        """The parameters of the module itself by name; what is written there is written here."""
        return Registry(self, "parameter")

    @property
    def _buffers(self) -> Registry:
        """The buffers of the module itself by name."""
        return Registry(self, "buffer")

    @property
    def _modules(self) -> Registry:
        """The submodules of the module itself by name."""
        return Registry(self, "module")

    @property
    def _forward_hooks(self) -> hooks.ByHandle:
        """The hooks after each call by the keys of their handles; what is deleted there is removed here."""
        return hooks.ByHandle(self._own_hooks().after)

    @property
    def _forward_pre_hooks(self) -> hooks.ByHandle:
        """The hooks before each call."""
        return hooks.ByHandle(self._own_hooks().before)

    @property
    def _backward_hooks(self) -> hooks.ByHandle:
        """The hooks that gradients pass."""
        return hooks.ByHandle(self._own_hooks().backward)

    def _at(self, name: str, kind: str, target: str) -> Any:
        if not self._registered.get(name, "").startswith(kind) or vars(self)[name] is None:
            raise AttributeError(f"{type(self).__name__} has no {kind} {name!r}, asked for as {target!r}")
        return vars(self)[name]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a dotted path.

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> nn.Sequential(nn.Linear(3, 2)).get_parameter("0.bias").shape
        (2,)
        """
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._at(name, "parameter", target)  # type: ignore[no-any-return]  # registered so

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a dotted path; see `get_parameter`."""
        path, _, name = target.rpartition(".")
        return self.get_submodule(path)._at(name, "buffer", target)  # type: ignore[no-any-return]  # registered so

    # -- what is set for all below -------------------------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call a function with every module below this one, and with this one last.

        Examples
        --------
        >>> net = nn.Linear(2, 1).apply(lambda m: nn.init.zeros_(m.weight))
        >>> net.weight.tolist()
        [[0.0, 0.0]]
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Put this module and all below it into training mode."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be a bool, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Put this module and all below it into evaluation mode."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Set `requires_grad` of all parameters."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros."""
        clear_gradients(self.parameters(), set_to_none)

    def to(
        self: M,
        *target: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        memory_format: Any = None,
    ) -> M:
        """Convert floating parameters and buffers to another floating dtype, in place; the one device is "cpu"."""
        dtype = target_of("to", target, dtype, device)
        if dtype is None:
            return self
        wanted = dtypes.checked(dtype, "to")
        if wanted.kind != "f":
            raise TypeError(f"to: a module's dtype must be a floating one, got {wanted}")
        for t in [*self.parameters(), *self.buffers()]:
            if t.dtype.kind == "f" and t.dtype != wanted:
                grad, t.grad = t.grad, None
                t.data = t._data.astype(wanted)
                t.grad = None if grad is None else grad.detach().to(wanted)
        return self

    def cpu(self: M) -> M:
        """Return it: every module is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Refuse: there is no GPU. Programs ask ``cuda.is_available()`` before."""
        check_device("cuda" if device is None else device, "cuda")
        return self

    def to_empty(self: M, *, device: Any, recurse: bool = True) -> M:
        """Return it: every module is on the CPU."""
        check_device(device, "to_empty")
        return self

    def share_memory(self: M) -> M:
        """Return it: threads share its memory anyway."""
        return self

    def type(self: M, dst_type: Any) -> M:
        """Convert floating parameters and buffers to the dtype of a class such as `FloatTensor`, or to a dtype."""
        return self.to(dtype_of(dst_type, "type"))

    def float(self: M) -> M:
        """Convert to float32."""
        return self.to(np.float32)

    def double(self: M) -> M:
        """Convert to float64."""
        return self.to(np.float64)

    def half(self: M) -> M:
        """Convert to float16."""
        return self.to(np.float16)

    def bfloat16(self: M) -> M:
        """Refuse: NumPy has no such numbers."""
        return self.to(bfloat16)

    # -- state ---------------------------------------------------------------------------------------------------------

    def _saved(self) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, tensor) of this module's own parameters, and of its buffers that are part of a state."""
        yield from self._own("parameter")
        yield from ((name, b) for name, b in self._own("buffer") if self._registered[name] == "buffer")

    def get_extra_state(self) -> Any:
        """Return what `state_dict` is to hold besides tensors; a module that has something defines this.

        Examples
        --------
        >>> class Counter(nn.Module):
        ...     calls = 3
        ...
        ...     def get_extra_state(self):
        ...         return self.calls
        ...
        ...     def set_extra_state(self, state):
        ...         self.calls = state
        >>> Counter().state_dict()["_extra_state"]
        3
        """
        raise RuntimeError(f"{type(self).__name__} has no get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Restore what `get_extra_state` returned; a module that defines one defines both."""
        raise RuntimeError(f"{type(self).__name__} has no set_extra_state()")

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Write this module's own part of `state_dict`; the modules below write theirs."""
        for name, value in self._saved():
            destination[prefix + name] = value if keep_vars else value.detach()
        if type(self).get_extra_state is not Module.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Return parameters and buffers by dotted path; the tensors share memory with the module's own.

        Parameters
        ----------
        destination : OrderedDict, optional
            Where to write them, and what to return; a new one unless given.
        prefix : str, optional
            What every key begins with.
        keep_vars : bool, optional
            Whether to return the parameters themselves instead of detached tensors.

        Returns
        -------
        OrderedDict of str to Tensor
            With PyTorch's keys and shapes. What a module's `get_extra_state` returns stands under ``"_extra_state"``.

        Examples
        --------
        >>> list(nn.BatchNorm1d(2).state_dict())
        ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
        """
        for entry in vars(self._hooks)["before_state"].values() if self._hooks is not None else ():
            entry.hook(self, prefix, keep_vars)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._own("module"):
            module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for entry in vars(self._hooks)["after_state"].values() if self._hooks is not None else ():
            given = entry.hook(self, destination, prefix, metadata)
            if given is not None and not entry.with_kwargs:
                raise RuntimeError("hook: a state_dict post-hook changes the state in place, and returns nothing")
            destination = destination if given is None else given
        return destination  # type: ignore[no-any-return]  # an OrderedDict, or what was given

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: Mapping[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Copy this module's own part of a state; the modules below copy theirs.

        Parameters
        ----------
        state_dict : dict
            The keys of this module and of those below it: a copy, which may be changed before it is read.
        prefix : str
            What these keys begin with.
        local_metadata : mapping
            Holds the ``"version"`` that this kind of module had when it was saved, if that is known.
        strict : bool
            Whether to note missing and unexpected keys.
        missing_keys, unexpected_keys, error_msgs : list of str
            What is wrong is added to these.
        """
        own = dict(self._saved())
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.extend([key] if strict else [])
            elif (fault := _misfit(key, state_dict[key], tensor)) is not None:
                error_msgs.append(fault)
            elif local_metadata.get("assign_to_params_buffers"):
                self._assign(name, tensor, state_dict[key])
            else:
                _overwrite(tensor, _as_array(state_dict[key]))
        expected = set(own)
        if type(self).set_extra_state is not Module.set_extra_state:
            expected.add(_EXTRA_STATE)
            if prefix + _EXTRA_STATE in state_dict:
                self.set_extra_state(state_dict[prefix + _EXTRA_STATE])
            elif strict:
                missing_keys.append(prefix + _EXTRA_STATE)
        for key in state_dict if strict else ():
            name, *below = key.removeprefix(prefix).split(".", 1)
            if self._registered.get(name) != "module" if below else name not in expected:
                unexpected_keys.append(key)

    def _assign(self, name: str, mine: Tensor, given: Any) -> None:
        """Replace a parameter or a buffer by a tensor of a state."""
        if isinstance(mine, Parameter):
            taken = given if isinstance(given, Parameter) else Parameter(given, requires_grad=mine.requires_grad)
            setattr(self, name, taken.requires_grad_(mine.requires_grad))
        else:
            setattr(self, name, given if isinstance(given, Tensor) else from_array(given))

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy a state into this module's parameters and buffers; nothing stays changed unless all of it fits.

        Parameters
        ----------
        state_dict : mapping of str to Tensor or ndarray
            As `state_dict` returns it.
        strict : bool, optional
            Whether the keys must be exactly this module's.
        assign : bool, optional
            Whether the tensors of the state take the place of the module's, with their memory and dtype, instead of
            being copied into them. An optimizer is made after that.

        Returns
        -------
        IncompatibleKeys
            ``missing_keys`` and ``unexpected_keys``; both empty when `strict`.

        Raises
        ------
        TypeError
            If `state_dict` is not a mapping.
        RuntimeError
            If keys are missing or unexpected, or a shape or dtype does not fit; it lists all of them.

        Examples
        --------
        >>> a, b = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> b.load_state_dict(a.state_dict())
        <All keys matched successfully>
        >>> bool((a.weight == b.weight).all())
        True
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: Expected state_dict to be dict-like, got {type(state_dict).__name__}")
        missing: list[str] = []
        unexpected = [key for key in state_dict if not isinstance(key, str)]
        faults: list[str] = []
        given = {key: value for key, value in state_dict.items() if isinstance(key, str)}
        undo = self._undo()
        try:
            metadata = getattr(state_dict, "_metadata", None) or {}
            self._load(given, "", metadata, (missing, unexpected, faults), bool(assign))
            if strict and unexpected:
                faults.insert(0, f"Unexpected key(s) in state_dict: {_quote(unexpected)}.")
            if strict and missing:
                faults.insert(0, f"Missing key(s) in state_dict: {_quote(missing)}.")
            if faults:
                raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {type(self).__name__}:", *faults]))
        except BaseException:
            undo()
            raise
        return IncompatibleKeys(missing, unexpected)

    def _load(
        self,
        given: dict[str, Any],
        prefix: str,
        metadata: Mapping[str, Any],
        lists: tuple[list[str], ...],
        assign: bool,
    ) -> None:
        """Load this module and those below from the keys that begin with the prefix."""
        own = {key: value for key, value in given.items() if key.startswith(prefix)}
        local = {**metadata.get(prefix[:-1], {}), **({"assign_to_params_buffers": True} if assign else {})}
        if self._hooks is not None:
            for entry in self._hooks.before_load.values():
                entry.hook(self, own, prefix, local, True, *lists)
        self._load_from_state_dict(own, prefix, local, True, *lists)
        for name, module in self._own("module"):
            module._load(own, f"{prefix}{name}.", metadata, lists, assign)
        for entry in self._hooks.after_load.values() if self._hooks is not None else ():
            if entry.hook(self, IncompatibleKeys(lists[0], lists[1])) is not None:
                raise RuntimeError("hook: a load_state_dict post-hook changes the lists of keys, and returns nothing")

    def _undo(self) -> Callable[[], None]:
        """Return a function that restores the present state of this module and all below it."""
        tensors = [(t, t.detach().numpy().copy()) for t in (*self.parameters(), *self.buffers())]
        places = [(module, name, t) for module in self.modules() for name, t in module._saved()]
        extras = [
            (module, copy.deepcopy(module.get_extra_state()))
            for module in self.modules()
            if type(module).get_extra_state is not Module.get_extra_state
            and type(module).set_extra_state is not Module.set_extra_state
        ]

        def undo() -> None:
            for module, name, tensor in places:
                object.__setattr__(module, name, tensor)
            for tensor, before in tensors:
                is_lazy = tensor.shape != before.shape  # a lazy parameter that now has its size keeps it
                if not is_lazy and not np.array_equal(tensor._data, before, equal_nan=True):
                    _overwrite(tensor, before)
            for module, extra_state in extras:
                module.set_extra_state(extra_state)

        return undo

    # -- text ----------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what `repr` shows between the parentheses; a subclass names its options here."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}".replace("\n", "\n  ") for name, module in self._own("module")]
        options = self.extra_repr().splitlines()
        if not lines and len(options) < 2:
            return f"{self._get_name()}({''.join(options)})"
        return "\n  ".join([f"{self._get_name()}(", *options, *lines]) + "\n)"


class Registry(MutableMapping[str, Any]):
    """The parameters, buffers or submodules of a module as a dict, which programs for PyTorch read and write."""

    def __init__(self, module: Module, kind: str) -> None:
        self._module, self._kind = module, kind

    def _names(self) -> list[str]:
        return [name for name, kind in self._module._registered.items() if kind.startswith(self._kind)]

    def __getitem__(self, name: str) -> Any:
        if name not in self._names():
            raise KeyError(name)
        return vars(self._module)[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self._names():
            setattr(self._module, name, value)
        else:
            module = self._module
            register: dict[str, Callable[..., None]] = {
                "parameter": module.register_parameter, "buffer": module.register_buffer, "module": module.add_module
            }  # fmt: skip
            register[self._kind](name, value)

    def __delitem__(self, name: str) -> None:
        self[name]
        delattr(self._module, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return repr(dict(self))


def _everywhere(kind: str, hook: Callable[..., Any], *options: bool) -> RemovableHandle:
    """Register a hook for every module. A module without hooks finds these through its class attribute."""
    attribute_changes[0] += 1
    Module._hooks = hooks.EVERYWHERE
    return hooks.EVERYWHERE.add(kind, hook, False, *options)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call a function with (module, args) before every call of any module; see `Module.register_forward_pre_hook`."""
    return _everywhere("before", hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call a function with (module, args, output) after every call of any module; see `Module.register_forward_hook`.

    Examples
    --------
    >>> handle = nn.module.register_module_forward_hook(lambda module, args, output: print(type(module).__name__))
    >>> _ = nn.Sequential(nn.Tanh())(ad.zeros(1))
    Tanh
    Sequential
    >>> handle.remove()
    """
    return _everywhere("after", hook, with_kwargs, always_call)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call a function with (module, grad_output) whenever gradients have reached any module's outputs."""
    return _everywhere("before_backward", hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call a function with (module, grad_input, grad_output) whenever gradients have passed any module."""
    return _everywhere("backward", hook)


def _quote(keys: Iterable[Any]) -> str:
    """Return keys as PyTorch's messages write them."""
    return ", ".join(f'"{key}"' for key in keys)


def _misfit(key: str, value: Any, tensor: Tensor) -> str | None:
    """Say why a loaded value cannot be copied into a tensor; None if it can."""
    array = _as_array(value)
    if array is None:
        return f"{key}: expected torch.Tensor or Tensor-like object from checkpoint, got {type(value).__name__}."
    if array.dtype.kind not in "biuf":
        return f"{key}: expected numbers, got {array.dtype}."
    if array.shape != tensor.shape:
        return f"size mismatch for {key}: the state has shape {array.shape}, the module {tensor.shape}."
    return None


def _overwrite(tensor: Tensor, value: Any) -> None:
    tensor.detach().copy_(value)


def _as_array(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value._data
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None


def tensors_in(output: Any) -> Iterator[Tensor]:
    """Yield the tensors in an output of nested tuples, lists and mappings."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (tuple, list)):
        for part in output:
            yield from tensors_in(part)
    elif isinstance(output, Mapping):
        yield from tensors_in(list(output.values()))
