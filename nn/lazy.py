"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from typing import Any

import autodiff as ad
from autodiff import Tensor

from .convolution import Conv1d, Conv2d, Conv3d
from .instance import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .linear import Linear
from .module import Module, Parameter
from .normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d
from .transposed import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known before the first input; an optimizer can have it already.

    Examples
    --------
    >>> nn.LazyLinear(2).weight
    <UninitializedParameter>
    """

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(ad.zeros(0, device=device, dtype=dtype), requires_grad)

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a parameter of this shape, which holds zeros."""
        self.data = ad.zeros(shape, device=device, dtype=dtype or self.dtype)
        self.__class__ = Parameter  # type: ignore[assignment]  # of the same layout

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


class LazyModuleMixin(Module):
    """What lazy layers share: they are of the class that they become, with parameters that have no shape yet."""

    #: What the layer becomes with its first input.
    cls_to_become: Any = Module
    #: The attribute that is learned from the input, the first argument of the class.
    _inferred: str
    #: Which dimension of the input tells it, counted as for inputs with a batch; `_batched` is their number.
    _dim: int = 1
    _batched: int | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        base: Any = super()
        base.__init__(options.get("groups", 1), *args, **options)
        self._given = (args, options)
        setattr(self, self._inferred, 0)
        for name, value in list(self._own("parameter")):
            setattr(self, name, UninitializedParameter(value.requires_grad, dtype=value.dtype))
        for _, value in self._own("buffer"):
            if value.ndim:
                value.data = ad.zeros(0, dtype=value.dtype)

    def has_uninitialized_params(self) -> bool:
        """Tell whether a first input, or a state, has still to tell the size."""
        return type(self) is not self.cls_to_become

    def forward(self, input: Tensor, *more: Any) -> Tensor:
        """Become the layer that fits the input, and compute with it."""
        dim = self._dim - (self._batched is not None and input.ndim < self._batched)
        self.initialize_parameters(input.shape[dim])
        result: Tensor = self.forward(input, *more)  # of its new class
        return result

    def initialize_parameters(self, size: int) -> None:
        """Become the layer for inputs of this size, its parameters drawn anew."""
        args, options = vars(self).pop("_given")
        made = self.cls_to_become(size, *args, **options)
        kept = dict(self._own("parameter"))
        for name, value in vars(made).items():
            if name in kept:
                kept[name].data = value.data.to(kept[name].dtype)
                kept[name].__class__ = Parameter
            elif name not in ("training", "_hooks", "_registered"):
                object.__setattr__(self, name, value)
        self.__class__ = self.cls_to_become

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Become the layer that a state is of, and take it up."""
        kind = self.cls_to_become
        if prefix + "weight" in state_dict:
            weight = state_dict[prefix + "weight"]
            groups = 1 if self._inferred == "in_features" else getattr(self, "groups", 1)
            dim = 1 if weight.ndim > 1 and not getattr(self, "_transposed", False) else 0
            self.initialize_parameters(weight.shape[dim] * (groups if dim else 1))
        kind._load_from_state_dict(self, state_dict, prefix, *rest)


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` that learns `in_features` from its first input.

    Examples
    --------
    >>> layer = nn.LazyLinear(2)
    >>> layer(ad.zeros(5, 3)).shape
    (5, 2)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    cls_to_become = Linear
    _inferred, _dim = "in_features", -1


class LazyConv1d(LazyModuleMixin, Conv1d):
    """A `Conv1d` that learns `in_channels` from its first input; see `LazyConv2d`.

    Examples
    --------
    >>> nn.LazyConv1d(8, kernel_size=3)(ad.zeros(1, 3, 5)).shape
    (1, 8, 3)
    """

    cls_to_become = Conv1d
    _inferred, _batched = "in_channels", 3


class LazyConv2d(LazyModuleMixin, Conv2d):
    """A `Conv2d` that learns `in_channels` from its first input.

    Examples
    --------
    >>> nn.LazyConv2d(8, kernel_size=3)(ad.zeros(1, 3, 5, 5)).shape
    (1, 8, 3, 3)
    """

    cls_to_become = Conv2d
    _inferred, _batched = "in_channels", 4


class LazyConv3d(LazyModuleMixin, Conv3d):
    """A `Conv3d` that learns `in_channels` from its first input; see `LazyConv2d`.

    Examples
    --------
    >>> nn.LazyConv3d(8, kernel_size=3)(ad.zeros(1, 3, 5, 5, 5)).shape
    (1, 8, 3, 3, 3)
    """

    cls_to_become = Conv3d
    _inferred, _batched = "in_channels", 5


class LazyConvTranspose1d(LazyModuleMixin, ConvTranspose1d):
    """A `ConvTranspose1d` that learns `in_channels` from its first input; see `LazyConv2d`.

    Examples
    --------
    >>> nn.LazyConvTranspose1d(8, kernel_size=3)(ad.zeros(1, 3, 5)).shape
    (1, 8, 7)
    """

    cls_to_become = ConvTranspose1d
    _inferred, _batched, _transposed = "in_channels", 3, True


class LazyConvTranspose2d(LazyModuleMixin, ConvTranspose2d):
    """A `ConvTranspose2d` that learns `in_channels` from its first input; see `LazyConv2d`.

    Examples
    --------
    >>> nn.LazyConvTranspose2d(8, kernel_size=3)(ad.zeros(1, 3, 5, 5)).shape
    (1, 8, 7, 7)
    """

    cls_to_become = ConvTranspose2d
    _inferred, _batched, _transposed = "in_channels", 4, True


class LazyConvTranspose3d(LazyModuleMixin, ConvTranspose3d):
    """A `ConvTranspose3d` that learns `in_channels` from its first input; see `LazyConv2d`.

    Examples
    --------
    >>> nn.LazyConvTranspose3d(8, kernel_size=3)(ad.zeros(1, 3, 5, 5, 5)).shape
    (1, 8, 7, 7, 7)
    """

    cls_to_become = ConvTranspose3d
    _inferred, _batched, _transposed = "in_channels", 5, True


class LazyBatchNorm1d(LazyModuleMixin, BatchNorm1d):
    """A `BatchNorm1d` that learns `num_features` from its first input.

    Examples
    --------
    >>> layer = nn.LazyBatchNorm1d()
    >>> _ = layer(ad.randn(5, 3))
    >>> layer.num_features
    3
    """

    cls_to_become = BatchNorm1d
    _inferred = "num_features"


class LazyBatchNorm2d(LazyModuleMixin, BatchNorm2d):
    """A `BatchNorm2d` that learns `num_features` from its first input; see `LazyBatchNorm1d`.

    Examples
    --------
    >>> nn.LazyBatchNorm2d()(ad.randn(2, 3, 5, 5)).shape
    (2, 3, 5, 5)
    """

    cls_to_become = BatchNorm2d
    _inferred = "num_features"


class LazyBatchNorm3d(LazyModuleMixin, BatchNorm3d):
    """A `BatchNorm3d` that learns `num_features` from its first input; see `LazyBatchNorm1d`.

    Examples
    --------
    >>> nn.LazyBatchNorm3d()(ad.randn(2, 3, 5, 5, 5)).shape
    (2, 3, 5, 5, 5)
    """

    cls_to_become = BatchNorm3d
    _inferred = "num_features"


class LazyInstanceNorm1d(LazyModuleMixin, InstanceNorm1d):
    """An `InstanceNorm1d` that learns `num_features` from its first input; see `LazyBatchNorm1d`.

    Examples
    --------
    >>> nn.LazyInstanceNorm1d()(ad.randn(2, 3, 5)).shape
    (2, 3, 5)
    """

    cls_to_become = InstanceNorm1d
    _inferred, _batched = "num_features", 3


class LazyInstanceNorm2d(LazyModuleMixin, InstanceNorm2d):
    """An `InstanceNorm2d` that learns `num_features` from its first input; see `LazyBatchNorm1d`.

    Examples
    --------
    >>> nn.LazyInstanceNorm2d()(ad.randn(2, 3, 5, 5)).shape
    (2, 3, 5, 5)
    """

    cls_to_become = InstanceNorm2d
    _inferred, _batched = "num_features", 4


class LazyInstanceNorm3d(LazyModuleMixin, InstanceNorm3d):
    """An `InstanceNorm3d` that learns `num_features` from its first input; see `LazyBatchNorm1d`.

    Examples
    --------
    >>> nn.LazyInstanceNorm3d()(ad.randn(2, 3, 5, 5, 5)).shape
    (2, 3, 5, 5, 5)
    """

    cls_to_become = InstanceNorm3d
    _inferred, _batched = "num_features", 5
