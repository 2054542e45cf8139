"""Layers of transposed convolution, which enlarge what convolutions make smaller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from . import init
from .functional._checks import as_many, check_groups, check_sizes
from .functional.convolution import Many
from .module import Module, Parameter


class _ConvTranspose(Module):
    """What transposed convolutions share."""

    bias: Parameter | None
    _dimensions: int
    _function: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Many,
        stride: Many = 1,
        padding: Many = 0,
        output_padding: Many = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Many = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        name, n = type(self).__name__, self._dimensions
        check_sizes(name, in_channels=in_channels, out_channels=out_channels, groups=groups)
        check_groups(name, in_channels, out_channels, groups)
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode must be 'zeros', got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (
            as_many(v, n, name, what)
            for v, what in ((kernel_size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
        )
        self.padding = as_many(padding, n, name, "padding", least=0)
        self.output_padding = as_many(output_padding, n, name, "output_padding", least=0)
        self.padding_mode = padding_mode
        shape = (in_channels, out_channels // groups, *self.kernel_size)
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

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Map (N, in_channels, ...) to (N, out_channels, ...), or one sample without N.

        Parameters
        ----------
        input : Tensor
        output_size : sequence of int, optional
            The size of the output, of which there are as many as `stride`; it decides on `output_padding`.

        Raises
        ------
        ValueError
            If there is no `output_padding` that gives this size.
        """
        more = self.output_padding if output_size is None else self._output_padding(input, output_size)
        y: Tensor = self._function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )
        return y

    def _output_padding(self, input: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        n = self._dimensions
        wanted, inner = tuple(output_size)[-n:], input.shape[-n:]
        sizes = zip(inner, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(m - 1) * s - 2 * p + d * (k - 1) + 1 for m, s, p, d, k in sizes]
        more = tuple(w - m for w, m in zip(wanted, least, strict=False))
        if len(wanted) != n or any(not 0 <= m < s for m, s in zip(more, self.stride, strict=False)):
            most = [m + s - 1 for m, s in zip(least, self.stride, strict=True)]
            raise ValueError(
                f"{type(self).__name__}: output_size {tuple(output_size)} is not possible for an input of shape "
                f"{input.shape}: from {least} to {most}"
            )
        return more

    def extra_repr(self) -> str:
        """Name the sizes, and the options that are not the default."""
        zeros, ones = (0,) * self._dimensions, (1,) * self._dimensions
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        parts += [f"{name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join(parts if self.bias is not None else [*parts, "bias=False"])


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of sequences, (N, in_channels, L) to (N, out_channels, L'); see `nn.ConvTranspose2d`.

    Examples
    --------
    >>> nn.ConvTranspose1d(3, 8, kernel_size=4, stride=2, padding=1)(ad.zeros(2, 3, 10)).shape
    (2, 8, 20)
    """

    _dimensions = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution of images; see `nn.functional.conv_transpose2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or pair of int
    stride : int or pair of int, optional
        The step from window to window.
    padding : int or pair of int, optional
        How much is cut off around the output.
    output_padding : int or pair of int, optional
        How much is added to one side of the output.
    groups : int, optional
        Into how many groups the channels are parted.
    bias : bool, optional
        Whether to add a learned bias.
    dilation : int or pair of int, optional
        The step between the kernel's elements.
    padding_mode : {"zeros"}, optional
    device : optional
        "cpu", or None.
    dtype : dtype, optional

    Attributes
    ----------
    weight : Parameter
        Of shape (in_channels, out_channels / groups, *kernel_size), drawn from U(-1/√n, 1/√n) with
        n = out_channels / groups · the kernel's elements.
    bias : Parameter or None
        Of shape (out_channels,), drawn likewise.

    Raises
    ------
    ValueError
        If the channels are not divisible by `groups`.

    Examples
    --------
    >>> nn.ConvTranspose2d(3, 8, kernel_size=4, stride=2, padding=1)(ad.zeros(2, 3, 7, 7)).shape
    (2, 8, 14, 14)
    """

    _dimensions = 2
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of volumes, (N, in_channels, D, H, W); see `nn.ConvTranspose2d`.

    Examples
    --------
    >>> nn.ConvTranspose3d(3, 8, kernel_size=2, stride=2)(ad.zeros(1, 3, 2, 3, 4)).shape
    (1, 8, 4, 6, 8)
    """

    _dimensions = 3
    _function = staticmethod(F.conv_transpose3d)
