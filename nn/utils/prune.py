"""Pruning: parameters with masks, whose hidden elements count as 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import autodiff as ad
from autodiff import Tensor

from ..module import Module

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip

M = TypeVar("M", bound=Module)


class BasePruningMethod:
    """A way to prune: `compute_mask` says which elements stay.

    Pruned, a parameter ``weight`` is ``weight_orig``, the buffer ``weight_mask`` holds ones and zeros, and before each
    call the attribute ``weight`` becomes their product.
    """

    PRUNING_TYPE = "unstructured"  # or "structured", or "global"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        """Compute the pruned tensor, before a call."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return 1 for each element that stays, within those that `default_mask` has left."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_mask()")

    def apply_mask(self, module: Module) -> Tensor:
        """Return the parameter times its mask."""
        mask, original = (getattr(module, self._tensor_name + end) for end in ("_mask", "_orig"))
        pruned: Tensor = mask.to(original.dtype) * original
        return pruned

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """Return a tensor with what is pruned put to 0."""
        scores = t if importance_scores is None else importance_scores
        before = ad.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, before)

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """Prune a parameter of a module, after what has been pruned before."""
        former: list[Any] = [(k, h) for k, h in module._forward_pre_hooks.items() if _prunes(h, name)]
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        if not former:
            original = getattr(module, name)
            delattr(module, name)
            module.register_parameter(name + "_orig", original)
            before = ad.ones_like(original.detach())
        else:
            original, before = getattr(module, name + "_orig"), getattr(module, name + "_mask")
            container = former[0][1] if isinstance(former[0][1], PruningContainer) else PruningContainer(former[0][1])
            container.add_pruning_method(method)
            del module._forward_pre_hooks[former[0][0]]
            method = container
        try:
            scores = getattr(module, name, original).detach() if importance_scores is None else importance_scores
            mask = method.compute_mask(scores, before.detach().clone())
        except Exception:
            if not former:
                delattr(module, name + "_orig")
                module.register_parameter(name, original)
            raise
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def remove(self, module: Module) -> None:
        """Make the pruned tensor the parameter."""
        name = self._tensor_name
        pruned, original = self.apply_mask(module), getattr(module, name + "_orig")
        original.data = pruned.data
        for end in ("", "_orig", "_mask"):
            delattr(module, name + end)
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Several ways to prune, one after the other."""

    def __init__(self, *methods: BasePruningMethod) -> None:
        self._methods = list(methods)
        self._tensor_name = methods[0]._tensor_name

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add a way to prune what is left."""
        self._methods.append(method)

    def __len__(self) -> int:
        return len(self._methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Prune with the last way what the mask has left."""
        method = self._methods[-1]
        if method.PRUNING_TYPE == "unstructured":
            left = default_mask == 1
            mask = default_mask.clone()
            mask[left] = method.compute_mask(t[left], default_mask[left]).to(mask.dtype)
            return mask
        if method.PRUNING_TYPE == "structured":
            dim: int = getattr(method, "dim")  # noqa: B009  # which structured ways have
            whole = default_mask.movedim(dim, 0).reshape(default_mask.shape[dim], -1).sum(1) != 0
            index: Any = [slice(None)] * t.ndim
            index[dim] = whole
            mask = default_mask.clone()
            mask[tuple(index)] = method.compute_mask(t[tuple(index)], default_mask[tuple(index)]).to(mask.dtype)
            return mask
        return method.compute_mask(t, default_mask)


def _prunes(hook: Any, name: str) -> bool:
    return isinstance(hook, BasePruningMethod) and hook._tensor_name == name


def _count(amount: float, size: int) -> int:
    """Return how many of `size` an amount, a share or a number, is."""
    if isinstance(amount, bool) or not isinstance(amount, (int, float)):
        raise TypeError(f"prune: amount must be a number, got {type(amount).__name__}")
    if amount < 0 or (isinstance(amount, float) and amount > 1):
        raise ValueError(
            f"prune: amount must be a share between 0 and 1, or a number that is not negative, got {amount}"
        )
    if isinstance(amount, int) and amount > size:
        raise ValueError(f"prune: amount {amount} is more than the {size} there are")
    return amount if isinstance(amount, int) else round(amount * size)


class Identity(BasePruningMethod):
    """Prune nothing, but have a mask."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask there is."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prune elements chosen at random."""

    def __init__(self, amount: float) -> None:
        _count(amount, 2**62)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Hide elements chosen at random."""
        return _without(default_mask, ad.rand(t.numel()), _count(self.amount, t.numel()))


class L1Unstructured(RandomUnstructured):
    """Prune the elements of least magnitude."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Hide the least elements."""
        return _without(default_mask, t.detach().abs().reshape(-1), _count(self.amount, t.numel()))


def _without(mask: Tensor, scores: Tensor, count: int) -> Tensor:
    """Return a mask with those of the `count` least scores put to 0."""
    left = mask.clone()
    if count:
        left.reshape(-1)[ad.topk(scores, count, largest=False).indices] = 0
    return left


class RandomStructured(BasePruningMethod):
    """Prune slices along a dimension, chosen at random."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _count(amount, 2**62)
        self.amount, self.dim = amount, dim

    def scores(self, t: Tensor) -> Tensor:
        """Return what is least for the slices that go first."""
        return ad.rand(t.shape[self.dim])

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Hide whole slices."""
        if t.ndim < 2:
            raise ValueError(f"prune: slices need at least 2 dimensions, got shape {t.shape}")
        count = _count(self.amount, t.shape[self.dim])
        kept = _without(ad.ones(t.shape[self.dim], dtype=default_mask.dtype), self.scores(t), count)
        return default_mask * kept.reshape([-1 if i == self.dim % t.ndim else 1 for i in range(t.ndim)])


class LnStructured(RandomStructured):
    """Prune the slices of least norm along a dimension."""

    def __init__(self, amount: float, n: float, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def scores(self, t: Tensor) -> Tensor:
        """Return the norm of each slice."""
        return t.detach().movedim(self.dim, 0).reshape(t.shape[self.dim], -1).norm(self.n, dim=1)


class CustomFromMask(BasePruningMethod):
    """Prune what a given mask hides."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Hide what either mask hides."""
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: M, name: str) -> M:
    """Give a parameter a mask that hides nothing.

    Examples
    --------
    >>> list(nn.utils.prune.identity(nn.Linear(2, 1), "bias").state_dict())
    ['weight', 'bias_orig', 'bias_mask']
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune a share, or a number, of a parameter's elements, chosen at random.

    Examples
    --------
    >>> layer = nn.utils.prune.random_unstructured(nn.Linear(4, 1), "weight", amount=0.5)
    >>> int((layer.weight == 0).sum())
    2
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune a share, or a number, of a parameter's elements: those of least magnitude.

    Examples
    --------
    >>> layer = nn.Linear(3, 1)
    >>> _ = layer.weight.data.copy_(ad.tensor([[1.0, -3.0, 2.0]]))
    >>> nn.utils.prune.l1_unstructured(layer, "weight", amount=1).weight.tolist()
    [[0.0, -3.0, 2.0]]
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune a share, or a number, of the slices of a parameter along a dimension, chosen at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: float, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune a share, or a number, of the slices of a parameter along a dimension: those of least norm.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> _ = layer.weight.data.copy_(ad.tensor([[1.0, 1.0], [2.0, 2.0]]))
    >>> nn.utils.prune.ln_structured(layer, "weight", amount=0.5, n=2, dim=0).weight.tolist()
    [[0.0, 0.0], [2.0, 2.0]]
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune what a given mask hides."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Any = None,
    **kwargs: Any,
) -> None:
    """Prune the least elements of several parameters together.

    Parameters
    ----------
    parameters : iterable of (Module, str)
    pruning_method : subclass of BasePruningMethod
        Such as `L1Unstructured`; the elements are to be chosen one by one.
    importance_scores : mapping of (Module, str) to Tensor, optional
        What is compared instead of the elements.
    **kwargs
        For the method, such as `amount`.

    Examples
    --------
    >>> a, b = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False)
    >>> _ = a.weight.data.fill_(1.0), b.weight.data.fill_(2.0)
    >>> prune = nn.utils.prune
    >>> prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=0.5)
    >>> a.weight.tolist(), b.weight.tolist()
    ([[0.0, 0.0]], [[2.0, 2.0]])
    """
    listed: Sequence[tuple[Module, str]] = list(parameters)
    if pruning_method.PRUNING_TYPE != "unstructured":
        raise TypeError(f"global_unstructured: {pruning_method.__name__} does not prune element by element")
    given = {} if importance_scores is None else dict(importance_scores)
    scores = [given.get(place, getattr(*place)).detach().reshape(-1) for place in listed]
    masks = [
        getattr(module, name + "_mask", ad.ones_like(getattr(module, name).detach())).reshape(-1)
        for module, name in listed
    ]
    method: Any = pruning_method(**kwargs)
    container = PruningContainer.__new__(PruningContainer)
    container._methods, container._tensor_name = [method], "all"
    mask, start = container.compute_mask(ad.cat(scores), ad.cat(masks)), 0
    for module, name in listed:
        value = getattr(module, name)
        custom_from_mask(module, name, mask[start : start + value.numel()].reshape(value.shape))
        start += value.numel()


def remove(module: M, name: str) -> M:
    """Make a pruned parameter an ordinary one, which keeps the zeros.

    Examples
    --------
    >>> layer = nn.utils.prune.l1_unstructured(nn.Linear(2, 1), "weight", 1)
    >>> list(nn.utils.prune.remove(layer, "weight").state_dict())
    ['bias', 'weight']
    """
    for key, hook in list(module._forward_pre_hooks.items()):
        if _prunes(hook, name):
            hook.remove(module)  # type: ignore[attr-defined]  # a pruning method
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"remove: {name!r} of {type(module).__name__} is not pruned")


def is_pruned(module: Module) -> bool:
    """Tell whether a parameter of a module, or of one below it, is pruned.

    Examples
    --------
    >>> nn.utils.prune.is_pruned(nn.Linear(2, 1))
    False
    """
    return any(isinstance(h, BasePruningMethod) for m in module.modules() for h in m._forward_pre_hooks.values())
