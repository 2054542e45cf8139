"""Convolution, pooling and padding, with PyTorch's arguments."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_dtypes, floats_of, tensor_of
from autodiff.tensor import from_array

from ._checks import as_many

__all__ = ["avg_pool2d", "avg_pool3d", "conv1d", "conv2d", "conv3d", "max_pool2d", "max_pool3d", "pad", "unfold"]

Sizes = tuple[int, ...]
Many = int | Sequence[int]

#: NumPy's names of the ways to pad with what is there.
MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


# -- padding -----------------------------------------------------------------------------------------------------------


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Put elements before and after those of the last dimensions.

    Parameters
    ----------
    input : Tensor
    pad : sequence of an even number of int
        How many before and after along the last dimension, then along the one before it, and so on. Negative numbers
        cut off.
    mode : {"constant", "reflect", "replicate", "circular"}, optional
        What is put there: `value`; the elements mirrored at the edge; the edge repeated; the other end.
    value : float, optional
        0 unless given.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If there is an odd number of widths, more than dimensions, or more is asked for than is there to repeat.
    ValueError
        If a `value` is given to another mode.
    NotImplementedError
        If `mode` is unknown.

    Examples
    --------
    >>> F.pad(ad.tensor([[1, 2, 3]]), (1, 2), mode="replicate")
    tensor([[1, 1, 2, 3, 3, 3]])
    """
    x, widths = tensor_of(input, "pad"), tuple(pad)
    if len(widths) % 2 or len(widths) // 2 > x.ndim:
        raise RuntimeError(f"pad: expected two widths for each of up to {x.ndim} dimensions, got {widths}")
    if not widths:
        return x.clone()
    before, after = widths[-2::-2], widths[::-2]
    if mode in MODES:
        if value is not None:
            raise ValueError(f"pad: a value is for mode 'constant', not {mode!r}")
        return _repeat(x, before, after, mode)
    if mode != "constant":
        raise NotImplementedError(f"pad: mode must be 'constant' or one of {[*MODES]}, got {mode!r}")
    lead = x.ndim - len(before)
    if min(widths, default=0) < 0:
        ends = (n + min(a, 0) for n, a in zip(x.shape[lead:], after, strict=True))
        cut: Any = (..., *(slice(max(-b, 0), max(end, 0)) for b, end in zip(before, ends, strict=True)))
        if any(n + b + a < 0 for n, b, a in zip(x.shape[lead:], before, after, strict=True)):
            raise RuntimeError(f"pad: widths {widths} leave less than nothing of a tensor of shape {x.shape}")
        x = x[cut]
        before, after = (tuple(max(w, 0) for w in side) for side in (before, after))
    y = ad.zero_pad(x, before, after)
    if not value:
        return y
    around = [(0, 0)] * lead + list(zip(before, after, strict=True))
    return y + from_array(np.pad(np.zeros(x.shape, x.dtype), around, constant_values=value))


def _repeat(x: Tensor, before: Sizes, after: Sizes, mode: str) -> Tensor:
    """Pad with what is there, one dimension after the other; where a width is negative, cut off instead.

    What comes around in a circle is only what is left, the rest sees all that was there: PyTorch's way.
    """
    first = x.ndim - len(before)
    for i, (b, a) in enumerate(zip(before, after, strict=True)):
        n = x.shape[first + i]
        most, least = {"reflect": (n - 1, 1), "circular": (n, 0)}.get(mode, (max(a, b, 0) if n else 0, 1))
        if max(a, b, 0) > max(most, 0) or (min(a, b) < 0 and n + a + b < least):
            raise RuntimeError(f"pad: {b} before and {a} after are not possible with {mode!r} along a size of {n}")
        if a or b:
            at = np.arange(n)
            if mode == "circular":
                at = at[max(-b, 0) : max(n - max(-a, 0), 0)]
                if not len(at) and max(a, b) > 0:
                    raise RuntimeError(f"pad: {b} before and {a} after leave none of {n} elements to go round")
            widths = (max(b, 0), max(a, 0))
            at = np.pad(at, widths, mode=MODES[mode])  # type: ignore[call-overload]  # one of its modes
            if mode != "circular":
                at = at[max(-b, 0) : len(at) - max(-a, 0)]
            x = x[(slice(None),) * (first + i) + (at,)]
    return x


# -- convolution -------------------------------------------------------------------------------------------------------


class Geometry(NamedTuple):
    """How a window moves: its size, its step, what is put around the input, and the step between its elements."""

    size: Sizes
    stride: Sizes
    padding: Sizes | str
    dilation: Sizes


def geometry(name: str, n: int, size: Many, stride: Many, padding: Many | str, dilation: Many) -> Geometry:
    """Return the numbers of a convolution over n dimensions, checked."""
    k, s, d = (
        as_many(v, n, name, what) for v, what in ((size, "kernel_size"), (stride, "stride"), (dilation, "dilation"))
    )
    if not isinstance(padding, str):
        return Geometry(k, s, as_many(padding, n, name, "padding", least=0), d)
    if padding not in ("same", "valid"):
        raise ValueError(f"{name}: Invalid padding string {padding!r}, expected 'same', 'valid' or integers")
    if padding == "same" and max(s) > 1:
        raise ValueError(f"{name}: padding='same' needs stride 1, got {s}")
    return Geometry(k, s, padding, d)


def paddings(g: Geometry) -> tuple[Sizes, Sizes]:
    """Return what is put before and after each dimension."""
    if isinstance(g.padding, str):
        total = [d * (k - 1) if g.padding == "same" else 0 for k, d in zip(g.size, g.dilation, strict=True)]
        return tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
    return g.padding, g.padding


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many | str = 0,
    dilation: Many = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of sequences with kernels; parameters as for `conv2d`.

    Examples
    --------
    >>> F.conv1d(ad.tensor([[[1.0, 2.0, 4.0]]]), ad.tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2.]]])
    """
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many | str = 0,
    dilation: Many = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of images with kernels.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    weight : Tensor
        Kernels, of shape (out, C / groups, kH, kW).
    bias : Tensor, optional
        Of shape (out,).
    stride, padding, dilation : int or pair of int, optional
        The step of the kernel, the zeros put around the image, the step between the kernel's elements. Padding can
        be "valid" for none, or "same" for as much as keeps the size.
    groups : int, optional
        Into how many groups channels and kernels are parted; a group of kernels sees its group of channels.

    Returns
    -------
    Tensor
        Of shape (N, out, H', W') with H' = (H + 2 padding - dilation · (kH - 1) - 1) // stride + 1.

    Raises
    ------
    RuntimeError
        If the shapes do not fit, the dtypes differ, or the kernel is larger than the padded image.
    ValueError
        If `padding` is an unknown word, or "same" with a stride.

    Examples
    --------
    >>> F.conv2d(ad.ones(1, 1, 3, 3), ad.ones(1, 1, 2, 2), padding=1).shape
    (1, 1, 4, 4)

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Many = 1,
    padding: Many | str = 0,
    dilation: Many = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation of volumes, (N, C, D, H, W), with kernels; parameters as for `conv2d`.

    Examples
    --------
    >>> F.conv3d(ad.ones(1, 1, 3, 3, 3), ad.ones(1, 1, 2, 2, 2), padding=1).shape
    (1, 1, 4, 4, 4)
    """
    return _convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _convolution(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Many,
    padding: Many | str,
    dilation: Many,
    groups: int,
) -> Tensor:
    x, w = floats_of(input, name), floats_of(weight, name)
    check_dtypes(name, x, w, bias)
    if groups < 1 or w.ndim != n + 2 or w._data.shape[0] % groups:
        raise RuntimeError(f"{name}: {groups} groups do not fit a weight of shape {w.shape}")
    if x.ndim == n + 1 and x._data.shape[0] == w._data.shape[1] * groups:  # a single sample
        y = _convolution(name, n, x.unsqueeze(0), w, bias, stride, padding, dilation, groups)
        return y.squeeze(0)
    if x.ndim != n + 2 or x._data.shape[1] != w._data.shape[1] * groups:
        raise RuntimeError(_misfit(name, n, x.shape, w.shape, groups))
    if bias is not None and bias._data.shape != w._data.shape[:1]:
        raise RuntimeError(f"{name}: the bias must have shape {w.shape[:1]}, got {bias.shape}")
    g = geometry(name, n, w._data.shape[2:], stride, padding, dilation)
    before, after = paddings(g)
    _check_reach(name, x, g, before, after)
    y = ad.convolve(x, w, g.stride, before, after, g.dilation, groups)
    return y if bias is None else y + bias.reshape(1, -1, *(1,) * n)


def _misfit(name: str, n: int, shape: Sizes, weight: Sizes, groups: int) -> str:
    """Say what a weight expects, and how an input without its channels gets them."""
    channels, sides = weight[1] * groups, ", ".join(("L", "HW", "DHW")[n - 1])
    text = (
        f"{name}: an input of shape {shape} does not fit a weight of shape {weight} with groups={groups}: "
        f"expected {channels} channel{'s' * (channels != 1)}, as (N, {channels}, {sides}) or ({channels}, {sides})"
    )
    if channels == 1 and len(shape) == n + 1:
        return f"{text}; input.unsqueeze(1) gives each sample of a batch its channel"
    if channels == 1 and len(shape) == n:
        return f"{text}; input.unsqueeze(0) gives a single sample its channel"
    if len(shape) == n + 2 and shape[-1] == channels:
        return f"{text}; input.movedim(-1, 1) puts the channels after the batch"
    return text


def _by(sizes: Sizes) -> str:
    """Return sizes as PyTorch's messages write them."""
    return f"({' x '.join(map(str, sizes))})"


def _check_reach(name: str, x: Tensor, g: Geometry, before: Sizes, after: Sizes) -> None:
    """Refuse a kernel that is larger than the padded input."""
    reach = tuple(d * (k - 1) + 1 for k, d in zip(g.size, g.dilation, strict=True))
    padded = (*x.shape[:2], *(b + m + a for b, m, a in zip(before, x.shape[2:], after, strict=True)))
    if any(r > m for r, m in zip(reach, padded[2:], strict=True)):
        raise RuntimeError(
            f"{name}: Calculated padded input size per channel: {_by(padded[2:])}. Kernel size: {_by(reach)}. "
            "Kernel size can't be greater than actual input size"
        )


def unfold(input: Tensor, kernel_size: Many, dilation: Many = 1, padding: Many = 0, stride: Many = 1) -> Tensor:
    """Write every window over an image as a column.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W) or (C, H, W).
    kernel_size, dilation, padding, stride : int or pair of int
        As for `conv2d`.

    Returns
    -------
    Tensor
        Of shape (N, C · kH · kW, L) with L windows.

    Raises
    ------
    RuntimeError
        If the shape does not fit, or the kernel is larger than the padded image.

    Examples
    --------
    >>> F.unfold(ad.arange(4, dtype=np.float32).reshape(1, 1, 2, 2), (1, 2))
    tensor([[[0., 2.],
             [1., 3.]]])
    """
    x = tensor_of(input, "unfold")
    if x.ndim == 3:
        return unfold(x.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    if x.ndim != 4:
        raise RuntimeError(f"unfold: expected a 3-d or 4-d input, got shape {x.shape}")
    g = geometry("unfold", 2, kernel_size, stride, padding, dilation)
    before, after = paddings(g)
    _check_reach("unfold", x, g, before, after)
    windows = ad.windows(ad.zero_pad(x, before, after), g.size, g.stride, g.dilation)
    batch, channels, down, across, *kernel = windows.shape
    return windows.permute(0, 1, 4, 5, 2, 3).reshape(batch, channels * math.prod(kernel), down * across)


# -- pooling -----------------------------------------------------------------------------------------------------------


def _read_pool(name: str, n: int, size: Many, stride: Many | None, padding: Many, dilation: Many = 1) -> Geometry:
    is_default = stride is None or (isinstance(stride, Sequence) and not stride)
    g = geometry(name, n, size, size if is_default else stride, padding, dilation)  # type: ignore[arg-type]  # not None
    if isinstance(g.padding, str):
        raise TypeError(f"{name}: padding must be integers, got {padding!r}")
    reach = tuple(d * (k - 1) + 1 for k, d in zip(g.size, g.dilation, strict=True))
    if any(p > r // 2 for p, r in zip(g.padding, reach, strict=True)):
        raise RuntimeError(f"{name}: padding {g.padding} must be at most half of the kernel, which spans {reach}")
    return g


def _counts(shape: Sizes, g: Geometry, ceil_mode: bool) -> Sizes:
    """Return how many windows there are along each dimension."""
    counts = []
    for n, k, s, p, d in zip(shape, g.size, g.stride, paddings(g)[0], g.dilation, strict=True):
        count = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:  # the last window would start behind the image
            count -= 1
        counts.append(count)
    return tuple(counts)


def _read_pool_input(name: str, input: Any, g: Geometry, ceil_mode: bool) -> tuple[Tensor, ad.Slide]:
    """Return the input as a batch, and how the windows move over it."""
    x, n = floats_of(input, name), len(g.size)
    if x.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: expected a {n + 1}-d or {n + 2}-d input, got shape {x.shape}")
    x = x if x.ndim == n + 2 else x.unsqueeze(0)
    counts = _counts(x.shape[2:], g, ceil_mode)
    if min(counts) < 1:
        raise RuntimeError(f"{name}: a kernel of size {g.size} is larger than the padded input of shape {x.shape}")
    return x, ad.Slide(counts, g.size, g.stride, paddings(g)[0], g.dilation)


def max_pool2d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    dilation: Many = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window over an image; of equal ones the first takes the gradient.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    kernel_size : int or pair of int
        The size of a window.
    stride : int or pair of int, optional
        The step from one window to the next; the size of a window unless given.
    padding, dilation : int or pair of int, optional
        As for `conv2d`; what is put around is never the largest.
    ceil_mode : bool, optional
        Whether to keep a last window that reaches beyond the image.
    return_indices : bool, optional
        Whether to return where the elements stand in the flattened image, too.

    Returns
    -------
    Tensor, or (Tensor, Tensor of int64)
        Of shape (N, C, H', W').

    Raises
    ------
    RuntimeError
        If the shape does not fit, or the padding is more than half of the kernel.

    Examples
    --------
    >>> F.max_pool2d(ad.arange(16, dtype=np.float32).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    g = _read_pool("max_pool2d", 2, kernel_size, stride, padding, dilation)
    return _maximum("max_pool2d", input, g, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    dilation: Many = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window over a volume, (N, C, D, H, W); parameters as for `max_pool2d`.

    Examples
    --------
    >>> F.max_pool3d(ad.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    g = _read_pool("max_pool3d", 3, kernel_size, stride, padding, dilation)
    return _maximum("max_pool3d", input, g, ceil_mode, return_indices)


def _maximum(name: str, input: Tensor, g: Geometry, ceil_mode: bool, return_indices: bool) -> Any:
    """Return the largest element of every window, and if asked where it stands in the flattened image or volume."""
    x, slide = _read_pool_input(name, input, g, ceil_mode)
    values = ad.window_max(x, slide)
    y = values if input.ndim == x.ndim else values.squeeze(0)
    if not return_indices:
        return y
    number, at = ad.window_argmax(x, values, slide), ad.zeros(1, dtype=np.int64)
    step = 1
    for i in reversed(range(len(g.size))):  # the last dimension's index changes fastest
        first = np.arange(slide.places[i]) * g.stride[i] - slide.padding[i]
        first = first.reshape(-1, *(1,) * (len(g.size) - 1 - i))
        at = at + (number % g.size[i] * g.dilation[i] + from_array(first)) * step
        number, step = number // g.size[i], step * x.shape[2 + i]
    return y, at.reshape(y.shape)


def avg_pool2d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Average of every window over an image.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W), or (C, H, W).
    kernel_size, stride, padding, ceil_mode
        As for `max_pool2d`.
    count_include_pad : bool, optional
        Whether the zeros put around count as elements.
    divisor_override : int, optional
        What to divide by instead of the number of elements.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W').

    Raises
    ------
    RuntimeError
        If the shape does not fit, or the padding is more than half of the kernel.
    ValueError
        If `divisor_override` is 0.

    Examples
    --------
    >>> F.avg_pool2d(ad.arange(16, dtype=np.float32).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    g = _read_pool("avg_pool2d", 2, kernel_size, stride, padding)
    return _average("avg_pool2d", input, g, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Many,
    stride: Many | None = None,
    padding: Many = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Average of every window over a volume, (N, C, D, H, W); parameters as for `avg_pool2d`.

    Examples
    --------
    >>> F.avg_pool3d(ad.arange(8.0).reshape(1, 2, 2, 2), 2)
    tensor([[[[3.5000]]]])
    """
    g = _read_pool("avg_pool3d", 3, kernel_size, stride, padding)
    return _average("avg_pool3d", input, g, ceil_mode, count_include_pad, divisor_override)


def _average(name: str, input: Tensor, g: Geometry, ceil_mode: bool, include_pad: bool, divisor: int | None) -> Tensor:
    """Return the average of every window."""
    if divisor == 0:
        raise ValueError(f"{name}: divisor_override must not be 0")
    x, slide = _read_pool_input(name, input, g, ceil_mode)
    total = ad.window_sum(x, slide)
    if divisor is None and not ceil_mode and (include_pad or not any(paddings(g)[0])):
        divisor = math.prod(g.size)  # every window is whole
    if divisor is not None:
        mean = total / divisor
    else:
        each = zip(total.shape[2:], x.shape[2:], g.size, g.stride, paddings(g)[0], strict=True)
        counts = functools.reduce(np.multiply.outer, (_count_inside(*numbers, include_pad) for numbers in each))
        mean = total / from_array(counts.astype(x.dtype))
    return mean if input.ndim == x.ndim else mean.squeeze(0)


def _count_inside(count: int, n: int, k: int, s: int, p: int, include_pad: bool) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return how many elements each window along one dimension has, without what reaches beyond the padding."""
    start = np.arange(count) * s - p
    end = np.minimum(start + k, n + p)
    return end - start if include_pad else np.minimum(end, n) - np.maximum(start, 0)
