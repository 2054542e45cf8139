"""What is made of neighbouring windows and channels: folding back, local norms, shuffles."""

from __future__ import annotations

import math

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of, tensor_of
from autodiff.table.windows import unwindows

from .convolution import Many, avg_pool2d, geometry

__all__ = ["channel_shuffle", "fold", "local_response_norm", "lp_pool1d", "lp_pool2d", "pdist"]


def fold(
    input: Tensor, output_size: Many, kernel_size: Many, dilation: Many = 1, padding: Many = 0, stride: Many = 1
) -> Tensor:
    """Add windows that stand in columns up to an image: what `unfold` takes apart.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C · kH · kW, L), or without N.
    output_size : int or pair of int
        The height and the width of the image.
    kernel_size, dilation, padding, stride : int or pair of int
        As for `unfold`.

    Returns
    -------
    Tensor
        Of shape (N, C, H, W); where windows overlap they add up.

    Raises
    ------
    RuntimeError
        If the shape does not fit.

    Examples
    --------
    >>> F.fold(ad.ones(1, 2, 2), (1, 3), (1, 2))
    tensor([[[[1., 2., 1.]]]])
    """
    x = tensor_of(input, "fold")
    if x.ndim == 2:
        return fold(x.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    g = geometry("fold", 2, kernel_size, stride, padding, dilation)
    size = (output_size, output_size) if isinstance(output_size, int) else tuple(output_size)
    if x.ndim != 3 or x.shape[1] % math.prod(g.size):
        raise RuntimeError(f"fold: expected (N, C · {math.prod(g.size)}, L), got shape {x.shape}")
    (top, left), channels = _both(padding), x.shape[1] // math.prod(g.size)
    whole = (size[0] + 2 * top, size[1] + 2 * left)
    places = [(n - d * (k - 1) - 1) // s + 1 for n, k, d, s in zip(whole, g.size, g.dilation, g.stride, strict=True)]
    if min(places) < 1 or math.prod(places) != x.shape[2]:
        raise RuntimeError(f"fold: {x.shape[2]} windows do not fit an image of {size}, which has {places}")
    values = x.reshape(x.shape[0], channels, *g.size, *places).permute(0, 1, 4, 5, 2, 3)
    shape = (x.shape[0], channels, *whole)
    image = unwindows(values, shape=shape, size=g.size, stride=g.stride, dilation=g.dilation)
    return image[:, :, top : top + size[0], left : left + size[1]]


def _both(value: Many) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide each element by (k + α · the mean square of `size` neighbouring channels)^β.

    Examples
    --------
    >>> F.local_response_norm(ad.ones(1, 3, 1), 2, alpha=6.0, beta=0.5)
    tensor([[[0.5000],
             [0.3780],
             [0.3780]]])

    References
    ----------
    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", NeurIPS 2012.
    """
    x = floats_of(input, "local_response_norm")
    if x.ndim < 3:
        raise ValueError(f"local_response_norm: expected at least 3 dimensions, got shape {x.shape}")
    squares = ad.movedim(x * x, 1, -1)
    padded = ad.zero_pad(squares, (0,) * (x.ndim - 1) + (size // 2,), (0,) * (x.ndim - 1) + ((size - 1) // 2,))
    mean = ad.movedim(padded.unfold(-1, size, 1).mean(-1), -1, 1)
    return x / (mean * alpha + k) ** beta


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Part the channels into groups and take one of each in turn.

    Examples
    --------
    >>> F.channel_shuffle(ad.arange(4).reshape(1, 4, 1), 2).reshape(-1)
    tensor([0, 2, 1, 3])

    References
    ----------
    Zhang et al., "ShuffleNet", CVPR 2018.
    """
    x = tensor_of(input, "channel_shuffle")
    if x.ndim < 3 or groups <= 0 or x.shape[1] % groups:
        raise RuntimeError(f"channel_shuffle: {groups} groups do not part the channels of shape {x.shape}")
    apart = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return apart.transpose(1, 2).reshape(x.shape)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Many, stride: Many | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-th root of the sum of p-th powers in each window.

    Examples
    --------
    >>> F.lp_pool2d(ad.tensor([[[[3.0, 4.0]]]]), 2, (1, 2))
    tensor([[[[5.]]]])
    """
    x = floats_of(input, "lp_pool2d")
    size = math.prod(_both(kernel_size))
    mean = avg_pool2d(x**norm_type, kernel_size, stride, 0, ceil_mode)
    return (mean.sign() * mean.abs().relu() * size) ** (1 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: int, stride: int | None = None, ceil_mode: bool = False
) -> Tensor:
    """Take the p-th root of the sum of p-th powers in each window over a sequence; see `lp_pool2d`.

    Examples
    --------
    >>> F.lp_pool1d(ad.tensor([[[3.0, 4.0]]]), 2, 2)
    tensor([[[5.]]])
    """
    step = None if stride is None else (1, stride)
    image = floats_of(input, "lp_pool1d").unsqueeze(-2)
    return lp_pool2d(image, norm_type, (1, kernel_size), step, ceil_mode).squeeze(-2)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Distances between all pairs of rows; as `autodiff.pdist`.

    Examples
    --------
    >>> F.pdist(ad.tensor([[0.0, 0.0], [3.0, 4.0]]))
    tensor([5.])
    """
    return ad.pdist(input, p)
