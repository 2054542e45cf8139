"""Data parallelism: over processes, and over GPUs, of which there are none, so that the module computes as it is."""

from __future__ import annotations

from typing import Any

from .distributed import DistributedDataParallel
from .module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


class DataParallel(Module):
    """A module whose batches PyTorch spreads over GPUs; without them it calls the module, as PyTorch does.

    Parameters
    ----------
    module : Module
    device_ids, output_device, dim : optional
        Mean nothing.

    Attributes
    ----------
    module : Module
        In a state its keys begin with ``"module."``.

    Examples
    --------
    >>> list(nn.DataParallel(nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Call a module with inputs, as `DataParallel` does.

    Examples
    --------
    >>> nn.parallel.data_parallel(nn.Identity(), ad.ones(1))
    tensor([1.])
    """
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*given, **(module_kwargs or {}))
