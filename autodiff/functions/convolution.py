"""Sliding a window over dimensions, and padding them: what convolutions and poolings are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..kernels.windows import Slide, Steps
from ..table import windows as rows
from ..table.indexing import unindex
from .arguments import integer, sizes, tensor_of

if TYPE_CHECKING:
    from ..tensor import Tensor

__all__ = ["Slide", "convolve", "window_argmax", "window_max", "window_sum", "windows", "zero_pad"]


def windows(
    input: Tensor, size: Sequence[int], stride: Sequence[int] | None = None, dilation: Sequence[int] | None = None
) -> Tensor:
    """Slide a window over the last dimensions, without copying.

    Parameters
    ----------
    input : Tensor
        Of shape (..., L1, ..., Ln).
    size : sequence of n int
        The elements of a window along each of the last n dimensions.
    stride : sequence of n int, optional
        The step from one window to the next; 1 by default.
    dilation : sequence of n int, optional
        The step from one element of a window to the next; 1 by default.

    Returns
    -------
    Tensor
        A view of shape (..., M1, ..., Mn, size1, ..., sizen) with M = (L - dilation · (size - 1) - 1) // stride + 1
        windows along each dimension. Do not write into it: windows overlap in memory.

    Raises
    ------
    RuntimeError
        If a window is larger than the input, or the sequences do not have one positive number per dimension.

    Examples
    --------
    >>> ad.windows(ad.tensor([1, 2, 3, 4]), (2,))
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    x, k = tensor_of(input, "windows"), sizes((size,), "windows")
    steps, spread = (sizes((v,), "windows") if v is not None else (1,) * len(k) for v in (stride, dilation))
    if not len(k) == len(steps) == len(spread) <= x.ndim or min(*k, *steps, *spread, 1) < 1:
        raise RuntimeError(
            f"windows: size, stride and dilation must be positive, one per dimension, got {k}, {steps} and {spread} "
            f"for shape {x.shape}"
        )
    reach = tuple(d * (n - 1) + 1 for n, d in zip(k, spread, strict=True))
    if any(r > n for r, n in zip(reach, x.shape[x.ndim - len(k) :], strict=True)):
        raise RuntimeError(f"windows: a window that spans {reach} is larger than an input of shape {x.shape}")
    return rows.windows(x, size=k, stride=steps, dilation=spread)


def zero_pad(input: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Put zeros before and after the elements of the last dimensions.

    Parameters
    ----------
    input : Tensor
    before, after : sequence of n int
        How many, not negative, for each of the last n dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If a number is negative, or there are more of them than dimensions.

    Examples
    --------
    >>> ad.zero_pad(ad.tensor([1, 2]), (1,), (2,))
    tensor([0, 1, 2, 0, 0])
    """
    x, b, a = tensor_of(input, "zero_pad"), sizes((before,), "zero_pad"), sizes((after,), "zero_pad")
    if len(a) != len(b) or len(a) > x.ndim or min(*a, *b, 0) < 0:
        raise RuntimeError(f"zero_pad: {b} before and {a} after do not fit a tensor of shape {x.shape}")
    lead = x.ndim - len(a)
    shape = (*x.shape[:lead], *(i + n + j for i, n, j in zip(b, x.shape[lead:], a, strict=True)))
    places = tuple(slice(i, i + n) for i, n in zip(b, x.shape[lead:], strict=True))
    return unindex(x, shape=shape, key=(..., *places))


# -- convolution -------------------------------------------------------------------------------------------------------

# A sum of products over three things: the input, the kernels and the output, each of which is computed from the other
# two. So the derivatives of each of the three functions here are the other two.


def convolve(
    input: Tensor,
    weight: Tensor,
    stride: Sequence[int] | None = None,
    before: Sequence[int] | None = None,
    after: Sequence[int] | None = None,
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate batches with kernels over the last n dimensions.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, L1, ..., Ln).
    weight : Tensor
        Kernels, of shape (out, C / groups, k1, ..., kn).
    stride, before, after, dilation : sequence of n int, optional
        The step of the kernel, the zeros put before and after the input, the step between the kernel's elements.
    groups : int, optional
        Into how many groups channels and kernels are parted; a group of kernels sees its group of channels.

    Returns
    -------
    Tensor
        Of shape (N, out, M1, ..., Mn) with M = (before + L + after - dilation · (k - 1) - 1) // stride + 1.

    Raises
    ------
    RuntimeError
        If the shapes or the numbers do not fit, or the dtypes differ.

    Examples
    --------
    >>> ad.convolve(ad.tensor([[[1.0, 2.0, 4.0]]]), ad.tensor([[[-1.0, 1.0]]]))
    tensor([[[1., 2.]]])
    """
    x, w = tensor_of(input, "convolve"), tensor_of(weight, "convolve")
    if x.dtype != w.dtype:
        raise RuntimeError(f"convolve: input and kernels need one dtype, got {x.dtype} and {w.dtype}")
    n = w.ndim - 2
    per_dim = ((stride, 1), (before, 0), (after, 0), (dilation, 1))
    given = [(default,) * n if v is None else sizes((v,), "convolve") for v, default in per_dim]
    steps = Steps(given[0], given[1], given[2], given[3], integer(groups, "convolve", "groups"))
    fits = x.ndim == w.ndim > 2 and all(len(v) == n for v in given) and min(*given[0], *given[3], steps.groups) > 0
    fits = fits and min(*given[1], *given[2], 0) == 0 and x._data.shape[1] == w._data.shape[1] * steps.groups
    fits = fits and not w._data.shape[0] % steps.groups
    if not fits or min(steps.places(x._data.shape[2:], w._data.shape[2:]), default=1) < 1:
        raise RuntimeError(f"convolve: kernels of shape {w.shape} do not fit an input of shape {x.shape} with {steps}")
    return rows.convolve(x, w, steps=steps)


# -- what is left of each window ---------------------------------------------------------------------------------------


def window_sum(input: Tensor, slide: Slide) -> Tensor:
    """Add up the elements of every window.

    Parameters
    ----------
    input : Tensor
        Of shape (..., L1, ..., Ln).
    slide : Slide
        How the window moves over the last n dimensions.

    Returns
    -------
    Tensor
        Of shape (..., *slide.places).

    Examples
    --------
    >>> ad.window_sum(ad.tensor([1, 2, 3, 4]), ad.Slide((2,), (2,), (2,), (0,), (1,)))
    tensor([3, 7])
    """
    return rows.window_sum(tensor_of(input, "window_sum"), slide=slide)


def window_max(input: Tensor, slide: Slide) -> Tensor:
    """Largest element of every window, to which the gradient flows; as with `window_argmax` among equal ones.

    Parameters
    ----------
    input : Tensor of floats
        Of shape (..., L1, ..., Ln).
    slide : Slide
        How the window moves over the last n dimensions.

    Returns
    -------
    Tensor
        Of shape (..., *slide.places).

    Examples
    --------
    >>> ad.window_max(ad.tensor([1.0, 2.0, 4.0, 3.0]), ad.Slide((2,), (2,), (2,), (0,), (1,)))
    tensor([2., 4.])
    """
    return rows.window_max(tensor_of(input, "window_max"), slide=slide)


def window_argmax(input: Tensor, largest: Tensor, slide: Slide) -> Tensor:
    """Number, within its window, of the first element that is the largest; of the last NaN where there is one.

    Parameters
    ----------
    input : Tensor of floats
    largest : Tensor
        What `window_max` returned.
    slide : Slide

    Returns
    -------
    Tensor of int64
        Of the shape of `largest`.

    Examples
    --------
    >>> x, slide = ad.tensor([1.0, 2.0, 4.0, 4.0]), ad.Slide((2,), (2,), (2,), (0,), (1,))
    >>> ad.window_argmax(x, ad.window_max(x, slide), slide)
    tensor([1, 0])
    """
    return rows.window_argmax(tensor_of(input, "window_argmax"), largest, slide=slide).long()
