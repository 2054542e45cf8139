"""Layers that pool sequences, and that pool to a given size."""

from __future__ import annotations

from typing import Any

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .convolution import AvgPool2d as AvgPool2d
from .convolution import AvgPool3d as AvgPool3d
from .convolution import MaxPool2d as MaxPool2d
from .convolution import MaxPool3d as MaxPool3d
from .functional.adaptive import Size
from .functional.convolution import Many
from .module import Module


class MaxPool1d(Module):
    """Largest element of every window over a sequence; parameters as for `nn.MaxPool2d`.

    Examples
    --------
    >>> nn.MaxPool1d(2)(ad.tensor([[1.0, 2.0, 4.0, 3.0]]))
    tensor([[2., 4.]])
    """

    def __init__(
        self,
        kernel_size: Many,
        stride: Many | None = None,
        padding: Many = 0,
        dilation: Many = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Map (N, C, L) to (N, C, L')."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """Name the sizes."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool1d(Module):
    """Average of every window over a sequence; parameters as for `nn.AvgPool2d`.

    Examples
    --------
    >>> nn.AvgPool1d(2)(ad.tensor([[1.0, 2.0, 4.0, 3.0]]))
    tensor([[1.5000, 3.5000]])
    """

    def __init__(
        self,
        kernel_size: Many,
        stride: Many | None = None,
        padding: Many = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = (
            (v,) if isinstance(v, int) else tuple(v)
            for v in (kernel_size, kernel_size if stride is None else stride, padding)
        )
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, L) to (N, C, L')."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptivePool(Module):
    """A pooling that is told the size of its output."""

    _function: Any

    def __init__(self, output_size: Size) -> None:
        super().__init__()
        self.output_size = output_size
        self._options: dict[str, Any] = {}

    def forward(self, input: Tensor) -> Any:
        """Map (N, C, ...) to (N, C, *output_size)."""
        return self._function(input, self.output_size, **self._options)

    def extra_repr(self) -> str:
        """Name the size."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Size, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices
        self._options = {"return_indices": return_indices}


class AdaptiveAvgPool1d(_AdaptivePool):
    """Average of each of `output_size` parts of a sequence; see `nn.functional.adaptive_avg_pool2d`.

    Examples
    --------
    >>> nn.AdaptiveAvgPool1d(5)(ad.zeros(2, 3, 8)).shape
    (2, 3, 5)
    """

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """Average of each part of an image; see `nn.functional.adaptive_avg_pool2d`.

    Parameters
    ----------
    output_size : int, or pair of int or None

    Examples
    --------
    >>> nn.AdaptiveAvgPool2d((1, 2))(ad.zeros(2, 3, 8, 9)).shape
    (2, 3, 1, 2)
    """

    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest element of each of `output_size` parts of a sequence; see `nn.functional.adaptive_max_pool2d`.

    Examples
    --------
    >>> nn.AdaptiveMaxPool1d(5)(ad.zeros(2, 3, 8)).shape
    (2, 3, 5)
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest element of each part of an image; see `nn.functional.adaptive_max_pool2d`.

    Parameters
    ----------
    output_size : int, or pair of int or None
    return_indices : bool, optional
        Whether to return where the elements stand in the flattened image, too.

    Examples
    --------
    >>> nn.AdaptiveMaxPool2d((1, None))(ad.zeros(2, 3, 8, 9)).shape
    (2, 3, 1, 9)
    """

    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """Average of each part of a volume; see `nn.functional.adaptive_avg_pool3d`.

    Examples
    --------
    >>> nn.AdaptiveAvgPool3d(1)(ad.zeros(2, 3, 4, 5, 6)).shape
    (2, 3, 1, 1, 1)
    """

    _function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Largest element of each part of a volume; see `nn.functional.adaptive_max_pool3d`.

    Examples
    --------
    >>> nn.AdaptiveMaxPool3d((1, None, 2))(ad.zeros(2, 3, 4, 5, 6)).shape
    (2, 3, 1, 5, 2)
    """

    _function = staticmethod(F.adaptive_max_pool3d)
