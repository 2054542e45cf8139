"""Transposed convolution: the adjoint of a convolution, which spreads each element over a window."""

from __future__ import annotations

from autodiff import Tensor
from autodiff.functions.arguments import check_dtypes, floats_of
from autodiff.kernels.windows import Steps
from autodiff.table.windows import convolve_input

from ._checks import as_many
from .convolution import Many, Sizes, pad

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many = 0,
    output_padding: Many = 0,
    groups: int = 1,
    dilation: Many = 1,
) -> Tensor:
    """Transposed convolution of sequences; parameters as for `conv_transpose2d`.

    Examples
    --------
    >>> F.conv_transpose1d(ad.tensor([[[1.0, 2.0]]]), ad.tensor([[[1.0, 10.0]]]), stride=2)
    tensor([[[ 1., 10.,  2., 20.]]])
    """
    return _transpose("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many = 0,
    output_padding: Many = 0,
    groups: int = 1,
    dilation: Many = 1,
) -> Tensor:
    """Transposed convolution of images: each element, times the kernel, is added to a window of the output.

    It is the gradient of `conv2d` with respect to its input.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    weight : Tensor
        Kernels, of shape (C, out / groups, kH, kW).
    bias : Tensor, optional
        Of shape (out,).
    stride, padding, dilation : int or pair of int, optional
        Those of the convolution: the step from window to window, how much is cut off around the output, the step
        between the kernel's elements.
    output_padding : int or pair of int, optional
        How much is added to one side of the output; less than `stride` or `dilation`.
    groups : int, optional
        Into how many groups the channels are parted.

    Returns
    -------
    Tensor
        Of shape (N, out, H', W') with H' = (H - 1) · stride - 2 padding + dilation · (kH - 1) + output_padding + 1.

    Raises
    ------
    RuntimeError
        If the shapes do not fit, the dtypes differ, or nothing is left of the output.

    Examples
    --------
    >>> F.conv_transpose2d(ad.ones(1, 1, 3, 3), ad.ones(1, 2, 4, 4), stride=2, padding=1).shape
    (1, 2, 6, 6)

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
    """
    return _transpose("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many = 0,
    output_padding: Many = 0,
    groups: int = 1,
    dilation: Many = 1,
) -> Tensor:
    """Transposed convolution of volumes, (N, C, D, H, W); parameters as for `conv_transpose2d`.

    Examples
    --------
    >>> F.conv_transpose3d(ad.ones(1, 1, 3, 3, 3), ad.ones(1, 2, 2, 2, 2), stride=2).shape
    (1, 2, 6, 6, 6)
    """
    return _transpose("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _transpose(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Many,
    padding: Many,
    output_padding: Many,
    groups: int,
    dilation: Many,
) -> Tensor:
    x, w = floats_of(input, name), floats_of(weight, name)
    check_dtypes(name, x, w, bias)
    if x.ndim == n + 1:  # a single sample
        options = (stride, padding, output_padding, groups, dilation)
        return _transpose(name, n, x.unsqueeze(0), w, bias, *options).squeeze(0)
    if w.ndim != n + 2 or x.ndim != n + 2 or x.shape[1] != w.shape[0] or groups < 1 or w.shape[0] % groups:
        raise RuntimeError(
            f"{name}: an input of shape {x.shape} does not fit a weight of shape {w.shape} with {groups} groups: "
            f"expected {n + 1} or {n + 2} dimensions, and as many channels as the weight has rows, which groups divide"
        )
    channels = w.shape[1] * groups
    if bias is not None and bias.shape != (channels,):
        raise RuntimeError(f"{name}: the bias must have shape {(channels,)}, got {bias.shape}")
    s, d = as_many(stride, n, name, "stride"), as_many(dilation, n, name, "dilation")
    p = as_many(padding, n, name, "padding", least=0)
    more = as_many(output_padding, n, name, "output_padding", least=0)
    if any(m >= max(a, b) for m, a, b in zip(more, s, d, strict=True)):
        raise RuntimeError(f"{name}: output_padding {more} must be smaller than stride {s} or dilation {d}")
    y = _spread(name, x, w, s, p, more, d, groups)
    return y if bias is None else y + bias.reshape(1, -1, *(1,) * n)


def _spread(name: str, x: Tensor, w: Tensor, s: Sizes, p: Sizes, more: Sizes, d: Sizes, groups: int) -> Tensor:
    """Apply the row that is the gradient of a convolution with respect to its input."""
    whole = [(m - 1) * a + b * (k - 1) + 1 for m, a, b, k in zip(x.shape[2:], s, d, w.shape[2:], strict=True)]
    size = [n - 2 * q + m for n, q, m in zip(whole, p, more, strict=True)]
    if min(size) < 1:
        raise RuntimeError(f"{name}: padding {p} leaves nothing of an output of size {tuple(whole)}")
    shape, zeros = (len(x), w.shape[1] * groups), (0,) * len(s)
    if all(m < a for m, a in zip(more, s, strict=True)):
        return convolve_input(x, w, shape=(*shape, *size), steps=Steps(s, p, p, d, groups))
    y = convolve_input(x, w, shape=(*shape, *whole), steps=Steps(s, zeros, zeros, d, groups))
    return pad(y, [side for q, m in zip(p[::-1], more[::-1], strict=True) for side in (-q, m - q)])
