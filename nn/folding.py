"""Layers that put windows back where they were taken from; see the functions in `nn.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .functional.convolution import Many
from .module import Module


class Fold(Module):
    """Columns added up to an image; see `nn.functional.fold`.

    Parameters
    ----------
    output_size, kernel_size : int or pair of int
    dilation, padding, stride : int or pair of int, optional

    Examples
    --------
    >>> nn.Fold((4, 5), 2)(ad.zeros(1, 12, 12)).shape
    (1, 3, 4, 5)
    """

    def __init__(
        self, output_size: Many, kernel_size: Many, dilation: Many = 1, padding: Many = 0, stride: Many = 1
    ) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C · kH · kW, L) to (N, C, H, W)."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class _MaxUnpool(Module):
    _n = 1

    def __init__(self, kernel_size: Many, stride: Many | None = None, padding: Many = 0) -> None:
        super().__init__()
        values: list[Any] = [kernel_size, kernel_size if stride is None else stride, padding]
        made = [tuple(v) if isinstance(v, Sequence) else (v,) * self._n for v in values]
        self.kernel_size, self.stride, self.padding = made

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Put maxima back."""
        unpool = F.max_unpool1d if self._n == 1 else F.max_unpool2d
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Maxima put back into a sequence; see `nn.functional.max_unpool1d`.

    Parameters
    ----------
    kernel_size : int
    stride, padding : int, optional

    Examples
    --------
    >>> values, places = nn.MaxPool1d(2, return_indices=True)(ad.arange(4.0).reshape(1, 1, 4))
    >>> nn.MaxUnpool1d(2)(values, places)
    tensor([[[0., 1., 0., 3.]]])
    """


class MaxUnpool2d(_MaxUnpool):
    """Maxima put back into an image; see `nn.functional.max_unpool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
    stride, padding : int or pair of int, optional

    Examples
    --------
    >>> values, places = nn.MaxPool2d(2, return_indices=True)(ad.arange(4.0).reshape(1, 1, 2, 2))
    >>> nn.MaxUnpool2d(2)(values, places).sum()
    tensor(3.)
    """

    _n = 2
