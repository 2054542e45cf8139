"""Weights by length and direction, and weights of spectral norm 1: as parametrizations, and by hooks."""

from __future__ import annotations

from typing import Any, TypeVar

import autodiff as ad
from autodiff import Tensor

from ..functional import normalize
from ..module import Module, Parameter
from ..transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .parametrize import register_parametrization

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


def lengths(v: Tensor, dim: int | None) -> Tensor:
    """Return the norm of each slice of a tensor along a dimension, which is kept; of all of it for None."""
    if dim is None or dim == -1:
        return v.norm()
    return v.movedim(dim, 0).reshape(v.shape[dim], -1).norm(dim=1).reshape([-1 if i == dim % v.ndim else 1 for i in
                                                                          range(v.ndim)])  # fmt: skip


def _normalized(g: Tensor, v: Tensor, dim: int | None) -> Tensor:
    return v * (g / lengths(v, dim))


class _WeightNorm(Module):
    """g · v / ‖v‖, from length and direction."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return _normalized(weight_g, weight_v, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return lengths(weight, self.dim), weight.clone()


class _Power:
    """The power method: u and v come to the singular vectors of the largest singular value."""

    @staticmethod
    def start(matrix: Tensor, eps: float) -> tuple[Tensor, Tensor]:
        u, v = (normalize(ad.randn(n, dtype=matrix.dtype), dim=0, eps=eps) for n in matrix.shape)
        return u, v

    @staticmethod
    def step(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float) -> None:
        """Take steps, in place."""
        with ad.no_grad():
            for _ in range(steps):
                u.copy_(normalize(matrix @ v, dim=0, eps=eps))
                v.copy_(normalize(matrix.T @ u, dim=0, eps=eps))


def _matrix(weight: Tensor, dim: int) -> Tensor:
    return (weight if dim == 0 else weight.movedim(dim, 0)).reshape(weight.shape[dim], -1)


class _SpectralNorm(Module):
    """W / σ(W), whose largest singular value σ is estimated by the power method."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        _check_iterations(n_power_iterations)
        self.dim, self.n_power_iterations, self.eps = dim % weight.ndim, n_power_iterations, eps
        if weight.ndim > 1:
            matrix = _matrix(weight.detach(), self.dim)
            u, v = _Power.start(matrix, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            _Power.step(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = _matrix(weight, self.dim)
        if self.training:
            _Power.step(matrix.detach(), self._u, self._v, self.n_power_iterations, self.eps)
        u, v = self._u.clone(), self._v.clone()
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def _check_iterations(n: int) -> None:
    if n <= 0:
        raise ValueError(f"spectral_norm: n_power_iterations must be positive, got {n}")


def _own_dim(module: Module, dim: int | None) -> int:
    transposed = isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d))
    return (1 if transposed else 0) if dim is None else dim


def parameter_of(module: Module, name: str, operation: str) -> Parameter:
    found = vars(module).get(name)
    if not isinstance(found, Parameter):
        raise ValueError(f"{operation}: {type(module).__name__} has no parameter {name!r}")
    return found


def parametrized_weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Learn length and direction of a weight apart, as ``parametrizations.weight.original0`` and ``original1``.

    Parameters
    ----------
    module : Module
    name : str, optional
    dim : int, optional
        Each slice along it has a length of its own; None gives one to all.

    Returns
    -------
    Module

    Examples
    --------
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    >>> layer.parametrizations.weight.original0.shape
    (2, 1)

    References
    ----------
    Salimans and Kingma, "Weight normalization", arXiv:1602.07868.
    """
    parameter_of(module, name, "weight_norm")
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    return module


def parametrized_spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value, estimated by the power method.

    Parameters
    ----------
    module : Module
    name : str, optional
    n_power_iterations : int, optional
        Steps of the power method at each use in training.
    eps : float, optional
    dim : int, optional
        The dimension of the outputs; 1 for transposed convolutions, else 0, unless given.

    Returns
    -------
    Module

    Examples
    --------
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 2))
    >>> round(ad.linalg.matrix_norm(layer.weight, 2).item(), 2)
    1.0

    References
    ----------
    Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks", ICLR 2018.
    """
    weight = parameter_of(module, name, "spectral_norm")
    made = _SpectralNorm(weight, n_power_iterations, _own_dim(module, dim), eps)
    register_parametrization(module, name, made)
    return module


# -- as PyTorch had them before: a hook before each call computes the weight -------------------------------------------


class WeightNorm:
    """The hook that computes a weight from its length ``weight_g`` and its direction ``weight_v``."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """Return the weight."""
        return _normalized(getattr(module, self.name + "_g"), getattr(module, self.name + "_v"), self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


class SpectralNorm:
    """The hook that computes a weight from ``weight_orig`` and its singular vectors ``weight_u`` and ``weight_v``."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        _check_iterations(n_power_iterations)
        self.name, self.dim, self.n_power_iterations, self.eps = name, dim, n_power_iterations, eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """Return the weight, after steps of the power method if asked."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = _matrix(weight, self.dim)
        if do_power_iteration:  # the other way round than in the parametrization, as in PyTorch
            _Power.step(matrix.detach().T, v, u, self.n_power_iterations, self.eps)
        result: Tensor = weight / (u.clone() @ (matrix @ v.clone()))
        return result

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def _hooked(module: Module, kind: type, name: str, operation: str) -> Any:
    """Return (key, hook) of the hook that computes a weight."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]  # both kinds have one
            return key, hook
    raise ValueError(f"{operation}: {name!r} has none in {type(module).__name__}")


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Learn length ``weight_g`` and direction ``weight_v`` of a weight apart; see `parametrizations.weight_norm`.

    Examples
    --------
    >>> [name for name, _ in nn.utils.weight_norm(nn.Linear(3, 2)).named_parameters()]
    ['bias', 'weight_g', 'weight_v']
    """
    hook, weight = WeightNorm(name, dim), parameter_of(module, name, "weight_norm")
    if any(isinstance(h, WeightNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"weight_norm: {name!r} has one already")
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(lengths(weight.detach(), hook.dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach().clone()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make a weight with `weight_norm` an ordinary parameter again.

    Examples
    --------
    >>> layer = nn.utils.remove_weight_norm(nn.utils.weight_norm(nn.Linear(3, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    key, hook = _hooked(module, WeightNorm, name, "remove_weight_norm")
    weight = hook.compute_weight(module).detach()
    for end in ("", "_g", "_v"):
        delattr(module, name + end)
    module.register_parameter(name, Parameter(weight))
    del module._forward_pre_hooks[key]
    return module


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value; see `parametrizations.spectral_norm`.

    Examples
    --------
    >>> list(nn.utils.spectral_norm(nn.Linear(3, 2)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    hook = SpectralNorm(name, n_power_iterations, _own_dim(module, dim), eps)
    weight = parameter_of(module, name, "spectral_norm")
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    u, v = _Power.start(_matrix(weight.detach(), hook.dim), eps)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make a weight with `spectral_norm` an ordinary parameter again.

    Examples
    --------
    >>> layer = nn.utils.remove_spectral_norm(nn.utils.spectral_norm(nn.Linear(3, 2)))
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'weight']
    """
    key, hook = _hooked(module, SpectralNorm, name, "remove_spectral_norm")
    with ad.no_grad():
        weight = hook.compute_weight(module, False)
    for end in ("", "_orig", "_u", "_v"):
        delattr(module, name + end)
    module.register_parameter(name, Parameter(weight))
    del module._forward_pre_hooks[key]
    return module
