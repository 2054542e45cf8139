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
        unpool: Any = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self._n - 1]
        result: Tensor = unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)
        return result

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


class LocalResponseNorm(Module):
    """Division of each element by what neighbouring channels hold; see `nn.functional.local_response_norm`.

    Parameters
    ----------
    size : int
        The number of neighbouring channels.
    alpha, beta, k : float, optional

    Examples
    --------
    >>> nn.LocalResponseNorm(2)(ad.ones(1, 3, 4)).shape
    (1, 3, 4)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, ...) to itself."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Name the options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class ChannelShuffle(Module):
    """Channels taken from several groups in turn; see `nn.functional.channel_shuffle`.

    Parameters
    ----------
    groups : int

    Examples
    --------
    >>> nn.ChannelShuffle(2)(ad.arange(4).reshape(1, 4, 1)).tolist()
    [[[0], [2], [1], [3]]]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, ...) to itself."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Name the number of groups."""
        return f"groups={self.groups}"


class _LPPool(Module):
    _function: Any

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Take the norm of each window."""
        y: Tensor = self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)
        return y

    def extra_repr(self) -> str:
        """Name the options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of every window over a sequence; see `nn.functional.lp_pool2d`.

    Parameters
    ----------
    norm_type : float
    kernel_size : int
    stride : int, optional
    ceil_mode : bool, optional

    Examples
    --------
    >>> nn.LPPool1d(2, 2)(ad.tensor([[[3.0, 4.0]]]))
    tensor([[[5.]]])
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    """The p-norm of every window over an image; see `nn.functional.lp_pool2d`.

    Parameters
    ----------
    norm_type : float
    kernel_size : int or pair of int
    stride : int or pair of int, optional
    ceil_mode : bool, optional

    Examples
    --------
    >>> nn.LPPool2d(2, (1, 2))(ad.tensor([[[[3.0, 4.0]]]]))
    tensor([[[[5.]]]])
    """

    _function = staticmethod(F.lp_pool2d)


class MaxUnpool3d(_MaxUnpool):
    """Maxima put back into a volume; see `nn.functional.max_unpool3d`.

    Parameters
    ----------
    kernel_size : int or triple of int
    stride, padding : int or triple of int, optional

    Examples
    --------
    >>> values, places = nn.MaxPool3d(2, return_indices=True)(ad.arange(8.0).reshape(1, 1, 2, 2, 2))
    >>> nn.MaxUnpool3d(2)(values, places).sum()
    tensor(7.)
    """

    _n = 3
