"""Parameters that are computed, at each use, from other parameters, which are learned in their place."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

import autodiff as ad
from autodiff import Tensor

from ..container import ModuleDict, ModuleList
from ..module import Module, Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip

_cache: dict[tuple[int, str], Tensor] = {}
_caching = [0]  # how many blocks of `cached` are open


@contextlib.contextmanager
def cached() -> Generator[None, None, None]:
    """Compute each parametrized tensor once in the block, however often it is used.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 1))
    >>> with nn.utils.parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    _caching[0] += 1
    try:
        yield
    finally:
        _caching[0] -= 1
        if not _caching[0]:
            _cache.clear()


class ParametrizationList(ModuleList):
    """What computes a tensor: the tensors that are learned, and modules that are applied one after the other."""

    original: Tensor

    def __init__(self, modules: list[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        made: Any = original
        with ad.no_grad():
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):  # then the tensor changes, as in PyTorch
                        made = module.right_inverse(made)
        self.is_tensor = isinstance(made, Tensor)
        self.ntensors = 1 if self.is_tensor else len(made)
        if self.is_tensor:
            if made is not original:
                original.data = made.data
            self._take("original", original)
            return
        for i, part in enumerate(made):
            taken = Parameter(part.detach(), original.requires_grad) if isinstance(original, Parameter) else part
            self._take(f"original{i}", taken)

    def _take(self, name: str, tensor: Tensor) -> None:
        if isinstance(tensor, Parameter):
            self.register_parameter(name, tensor)
        else:
            self.register_buffer(name, tensor)

    def originals(self) -> list[Tensor]:
        """Return the tensors that are learned."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Give the originals values from which `value` is computed."""
        made: Any = value
        with ad.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrize: {type(module).__name__} has no right_inverse, so that the tensor cannot be set"
                    )
                made = module.right_inverse(made)
        for own, given in zip(self.originals(), [made] if self.is_tensor else made, strict=True):
            own.data = given.data

    def forward(self) -> Tensor:
        """Compute the tensor."""
        first, *rest = list(self)
        x: Tensor = first(*self.originals())
        for module in rest:
            x = module(x)
        return x


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Tell whether a module, or one tensor of it, is parametrized."""
    found = vars(module).get("parametrizations")
    if not isinstance(found, ModuleDict) or not len(found):
        return False
    return tensor_name is None or tensor_name in found


def type_before_parametrizations(module: Module) -> type[Module]:
    """Return the class that a module has without its parametrizations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _computed(tensor_name: str) -> property:
    """Return what a parametrized tensor is as an attribute."""

    def get(self: Any) -> Tensor:
        key = (id(self), tensor_name)
        if not _caching[0]:
            return self.parametrizations[tensor_name]()  # type: ignore[no-any-return]  # a Tensor
        if key not in _cache:
            _cache[key] = self.parametrizations[tensor_name]()
        return _cache[key]

    def assign(self: Any, value: Tensor) -> None:
        self._registered.pop(tensor_name, None)  # which assigning a Parameter has noted
        self.parametrizations[tensor_name].right_inverse(value)

    return property(get, assign)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a tensor of a module be computed by another module from the tensor that is learned.

    Parameters
    ----------
    module : Module
    tensor_name : str
        The name of a parameter or a buffer.
    parametrization : Module
        Maps the learned tensor to the one that is used. If it has a method `right_inverse`, the learned tensor starts
        with what this makes of the present one; it may return several, which `forward` takes, then.
    unsafe : bool, optional
        Whether shape and dtype may change.

    Returns
    -------
    Module
        The module, whose class is a subclass of its former one from now on.

    Raises
    ------
    ValueError
        If the module has no such tensor, or shape or dtype changed.

    Examples
    --------
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        found: Any = vars(module)["parametrizations"][tensor_name]
        if not unsafe:
            _check(tensor_name, getattr(module, tensor_name), parametrization(getattr(module, tensor_name)))
        found.append(parametrization)
        found.unsafe |= unsafe
        return module
    if module._registered.get(tensor_name, "module") == "module":
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}"
        )
    original = vars(module)[tensor_name]
    before = original.detach().clone()
    made = ParametrizationList([parametrization], original, unsafe)
    if not unsafe:
        _check(tensor_name, before, made())
    delattr(module, tensor_name)
    if not is_parametrized(module):
        kind: Any = type(module)
        module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), {"__module__": kind.__module__})
        module.add_module("parametrizations", ModuleDict())
    setattr(type(module), tensor_name, _computed(tensor_name))
    lists: Any = vars(module)["parametrizations"]
    lists[tensor_name] = made
    return module


def _check(name: str, before: Tensor, after: Any) -> None:
    if not isinstance(after, Tensor) or after.shape != before.shape or after.dtype != before.dtype:
        came = f"shape {after.shape} and {after.dtype}" if isinstance(after, Tensor) else type(after).__name__
        raise ValueError(
            f"register_parametrization: {name!r} must keep shape {before.shape} and {before.dtype}, got {came}; "
            "unsafe=True allows it"
        )


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor an ordinary one again.

    Parameters
    ----------
    module : Module
    tensor_name : str
    leave_parametrized : bool, optional
        Whether it keeps the value that is computed, instead of the one that was learned.

    Returns
    -------
    Module

    Raises
    ------
    ValueError
        If it is not parametrized, or several tensors were learned and none of them can take its place.

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 1))
    >>> list(nn.utils.parametrize.remove_parametrizations(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__} has no parametrized {tensor_name!r}")
    lists: Any = vars(module)["parametrizations"]
    found = lists[tensor_name]
    if not leave_parametrized and not found.is_tensor:
        raise ValueError(f"remove_parametrizations: {tensor_name!r} is computed from several; leave it parametrized")
    with ad.no_grad():
        value = getattr(module, tensor_name)
    original = found.originals()[0]
    if not found.is_tensor:
        original = Parameter(value, original.requires_grad) if isinstance(original, Parameter) else value
    elif leave_parametrized:
        original.data = value.data
    delattr(type(module), tensor_name)
    del lists[tensor_name]
    if not len(lists):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    if isinstance(original, Parameter):
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    return module
