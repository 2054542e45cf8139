"""Layers that slide over sequences and images: convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .functional._checks import check_groups, check_sizes
from .functional.convolution import MODES, Many, geometry, paddings
from .module import Module, Parameter


class _Convolution(Module):
    """What convolutions share."""

    bias: Parameter | None
    _dimensions: int
    _function: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Many,
        stride: Many = 1,
        padding: Many | str = 0,
        dilation: Many = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        check_groups(name, in_channels, out_channels, groups)
        if padding_mode not in ("zeros", *MODES):
            raise ValueError(f"{name}: padding_mode must be one of {['zeros', *MODES]}, got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self._geometry = geometry(name, self._dimensions, kernel_size, stride, padding, dilation)
        self.kernel_size, self.stride, self.padding, self.dilation = self._geometry
        self.padding_mode = padding_mode
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = Parameter(ad.zeros(*shape, device=device, dtype=dtype))
        self.register_parameter("bias", Parameter(ad.zeros(out_channels, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = init.fans(self.weight)[0]
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, in_channels, ...) to (N, out_channels, ...), or one sample without N."""
        padding = self.padding
        if self.padding_mode != "zeros":
            sides = zip(*(side[::-1] for side in paddings(self._geometry)), strict=True)
            input = F.pad(input, [n for pair in sides for n in pair], self.padding_mode)
            padding = (0,) * self._dimensions
        y: Tensor = self._function(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return y

    def extra_repr(self) -> str:
        """Name the sizes, and the options that are not the default."""
        zeros, ones = (0,) * self._dimensions, (1,) * self._dimensions
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != zeros:
            parts.append(f"padding={self.padding}")
        if self.dilation != ones:
            parts.append(f"dilation={self.dilation}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv1d(_Convolution):
    """Convolution of sequences, (N, in_channels, L) to (N, out_channels, L'); parameters as for `Conv2d`.

    Examples
    --------
    >>> nn.Conv1d(3, 8, kernel_size=5, padding="same")(ad.zeros(2, 3, 20)).shape
    (2, 8, 20)
    """

    _dimensions = 1
    _function = staticmethod(F.conv1d)


class Conv2d(_Convolution):
    """Convolution of images, (N, in_channels, H, W) to (N, out_channels, H', W'); see `nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        The step of the kernel.
    padding : int, pair of int, "same" or "valid", optional
        How much is put around the image.
    dilation : int or pair of int, optional
        The step between the kernel's elements.
    groups : int, optional
        Into how many groups the channels are parted.
    bias : bool, optional
        Whether to add a learned bias.
    padding_mode : {"zeros", "reflect", "replicate", "circular"}, optional
        What is put around the image; see `nn.functional.pad`.
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (out_channels, in_channels / groups, *kernel_size), drawn from U(-1/√n, 1/√n), where n inputs reach
        each output.
    bias : Parameter or None
        Of shape (out_channels,), drawn likewise.

    Raises
    ------
    ValueError
        If the channels are not divisible by `groups`, or a word is unknown.

    Examples
    --------
    >>> nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1)(ad.zeros(2, 3, 28, 28)).shape
    (2, 8, 14, 14)
    """

    _dimensions = 2
    _function = staticmethod(F.conv2d)


class Conv3d(_Convolution):
    """Convolution of volumes, (N, in_channels, D, H, W) to (N, out_channels, D', H', W'); see `Conv2d`.

    Examples
    --------
    >>> nn.Conv3d(3, 8, kernel_size=(1, 3, 3), padding="same")(ad.zeros(2, 3, 4, 5, 6)).shape
    (2, 8, 4, 5, 6)
    """

    _dimensions = 3
    _function = staticmethod(F.conv3d)


class MaxPool2d(Module):
    """Largest element of every window over an image; see `nn.functional.max_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        The size of a window unless given.
    padding, dilation : int or pair of int, optional
    return_indices : bool, optional
        Whether to return where the elements stand in the flattened image, too.
    ceil_mode : bool, optional
        Whether to keep a last window that reaches beyond the image.

    Examples
    --------
    >>> nn.MaxPool2d(2)(ad.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[4.]]])
    """

    _function: Any = staticmethod(F.max_pool2d)

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
        self.kernel_size, self.stride = _plain(kernel_size), _plain(kernel_size if stride is None else stride)
        self.padding, self.dilation = _plain(padding), _plain(dilation)
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Map (N, C, H, W) to (N, C, H', W')."""
        return self._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """Name the sizes."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """Average of every window over an image; see `nn.functional.avg_pool2d`.

    Parameters
    ----------
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        The size of a window unless given.
    padding : int or pair of int, optional
    ceil_mode : bool, optional
        Whether to keep a last window that reaches beyond the image.
    count_include_pad : bool, optional
        Whether the zeros put around count as elements.
    divisor_override : int, optional
        What to divide by instead of the number of elements.

    Examples
    --------
    >>> nn.AvgPool2d(2)(ad.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2.5000]]])
    """

    _function: Any = staticmethod(F.avg_pool2d)

    def __init__(
        self,
        kernel_size: Many,
        stride: Many | None = None,
        padding: Many = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = _plain(kernel_size), _plain(kernel_size if stride is None else stride)
        self.padding, self.ceil_mode = _plain(padding), ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C, H', W')."""
        y: Tensor = self._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )
        return y

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool3d(MaxPool2d):
    """Largest element of every window over a volume, (N, C, D, H, W); parameters as for `MaxPool2d`.

    Examples
    --------
    >>> nn.MaxPool3d((1, 2, 2))(ad.zeros(1, 2, 3, 4, 6)).shape
    (1, 2, 3, 2, 3)
    """

    _function = staticmethod(F.max_pool3d)


class AvgPool3d(AvgPool2d):
    """Average of every window over a volume, (N, C, D, H, W); parameters as for `AvgPool2d`.

    Examples
    --------
    >>> nn.AvgPool3d(2)(ad.zeros(1, 2, 2, 4, 6)).shape
    (1, 2, 1, 2, 3)
    """

    _function = staticmethod(F.avg_pool3d)


class Unfold(Module):
    """Every window over an image as a column; see `nn.functional.unfold`.

    Parameters
    ----------
    kernel_size : int or pair of int
    dilation, padding, stride : int or pair of int, optional

    Examples
    --------
    >>> nn.Unfold(2)(ad.zeros(1, 3, 4, 5)).shape
    (1, 12, 12)
    """

    def __init__(self, kernel_size: Many, dilation: Many = 1, padding: Many = 0, stride: Many = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C · kH · kW, L)."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


def _plain(value: Many) -> Many:
    return tuple(value) if isinstance(value, Sequence) else value


_ConvNd = _Convolution  # PyTorch's name, which programs ask `isinstance` for
