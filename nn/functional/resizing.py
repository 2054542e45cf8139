"""Resizing of sequences and images: by interpolation, and by moving channels into space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import floats_of, tensor_of
from autodiff.tensor import from_array

from .adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

__all__ = [
    "interpolate", "pixel_shuffle", "pixel_unshuffle", "upsample", "upsample_bilinear", "upsample_nearest",
]  # fmt: skip

Array = npt.NDArray[Any]
Sizes = int | Sequence[int]
Factors = float | Sequence[float]

_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area")
_DIMENSIONS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}


def interpolate(
    input: Tensor,
    size: Sizes | None = None,
    scale_factor: Factors | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize sequences, images or volumes.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, L), (N, C, H, W) or (N, C, D, H, W).
    size : int or sequence of int, optional
        The size of the output.
    scale_factor : float or sequence of float, optional
        By what the size is multiplied, if it is not given.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"}, optional
        Whether to repeat elements, to draw lines or curves between them, or to average them.
    align_corners : bool, optional
        For lines and curves: whether the centres of the first and last elements keep their place, instead of their
        outer edges.
    recompute_scale_factor : bool, optional
        Whether to find the factor anew from the rounded size.
    antialias : bool, optional
        Must be False.

    Returns
    -------
    Tensor
        Of shape (N, C, *size).

    Raises
    ------
    ValueError
        If not exactly one of `size` and `scale_factor` is given, there are not as many as dimensions, or
        `align_corners` does not belong to the mode.
    NotImplementedError
        If the mode is unknown or does not fit the number of dimensions.
    RuntimeError
        If a size is not positive.

    Examples
    --------
    >>> F.interpolate(ad.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    >>> F.interpolate(ad.tensor([[[1.0, 2.0]]]), size=3, mode="linear", align_corners=True)
    tensor([[[1.0000, 1.5000, 2.0000]]])
    """
    x = floats_of(input, "interpolate")
    _check_mode(x, mode, align_corners, antialias)
    sizes, scales = _sizes(x, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        average: Any = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[x.ndim - 3]
        return average(x, sizes)  # type: ignore[no-any-return]  # a Tensor
    for i, (n, new, scale) in enumerate(zip(x.shape[2:], sizes, scales, strict=True)):
        dim = i + 2
        if mode.startswith("nearest"):
            x = _repeat(x, dim, _nearest(n, new, scale, exact=mode == "nearest-exact"))
        else:
            matrix = from_array(_weights(n, new, scale, bool(align_corners), mode == "bicubic").astype(x.dtype))
            x = (
                ad.movedim(ad.movedim(x, dim, -1) @ matrix.T, -1, dim)
                if dim < x.ndim - 2
                else (x @ matrix.T if dim == x.ndim - 1 else matrix @ x)
            )
    return x


def _check_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _MODES or x.ndim not in (3, 4, 5) or _DIMENSIONS.get(mode, x.ndim) != x.ndim:
        raise NotImplementedError(
            f"interpolate: mode must be one of {[*_MODES]}, 'linear' for 3-d, 'bilinear' and 'bicubic' for 4-d "
            f"and 'trilinear' for 5-d inputs, got {mode!r} for shape {x.shape}"
        )
    if align_corners is not None and mode not in _DIMENSIONS:
        raise ValueError(f"interpolate: align_corners is for the modes {[*_DIMENSIONS]}, not {mode!r}")
    if antialias:
        raise NotImplementedError("interpolate: antialias must be False")


def _sizes(
    x: Tensor, size: Any, factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """Return the new size of each dimension, and the factor by which positions are divided, if it is not theirs."""
    if (size is None) == (factor is None):
        raise ValueError(f"interpolate: give either size or scale_factor, got {size!r} and {factor!r}")
    n, given = x.ndim - 2, size if factor is None else factor
    listed = tuple(given) if isinstance(given, Sequence) else (given,) * n
    if len(listed) != n:
        what = "size" if factor is None else "scale_factor"
        raise ValueError(f"interpolate: {what} must have {n} numbers for shape {x.shape}, got {given!r}")
    if factor is None:
        if not all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) for s in listed):
            raise TypeError(f"interpolate: size must be integers, got {size!r}")
        sizes = tuple(int(s) for s in listed)
    else:
        sizes = tuple(math.floor(m * s) for m, s in zip(x.shape[2:], listed, strict=True))
    if min(sizes) < 1 or 0 in x.shape[2:]:
        raise RuntimeError(f"interpolate: sizes must be positive, got {sizes} for shape {x.shape}")
    return sizes, (None,) * n if factor is None or recompute else tuple(float(s) for s in listed)


def _nearest(n: int, new: int, scale: float | None, exact: bool) -> Any:
    """Return which element each new one repeats; positions are float32, as PyTorch's."""
    step = np.float32(n / new if scale is None else 1 / scale)
    at = np.arange(new, dtype=np.float32) + np.float32(0.5 if exact else 0)
    return np.minimum(np.floor(at * step).astype(np.int64), n - 1)


def _repeat(x: Tensor, dim: int, at: Array) -> Tensor:
    """Pick elements along a dimension; where each is repeated as often, by broadcasting, whose gradient is a sum."""
    n, new = x.shape[dim], len(at)
    times = new // n
    if times * n == new and np.array_equal(at, np.arange(new) // times):
        before, after = x.shape[: dim + 1], x.shape[dim + 1 :]
        wide = ad.broadcast_to(x.unsqueeze(dim + 1), (*before, times, *after))
        return wide.reshape(*before[:-1], new, *after)
    return x.index_select(dim, from_array(at))


def _weights(n: int, new: int, scale: float | None, align: bool, cubic: bool) -> Array:
    """Return the matrix (new, n) that interpolates: a row has the weights of the elements around a new one."""
    if align:
        at = np.arange(new) * ((n - 1) / (new - 1) if new > 1 else 0.0)
    else:
        at = (np.arange(new) + 0.5) * (n / new if scale is None else 1 / scale) - 0.5
        at = at if cubic else np.maximum(at, 0)
    first = np.floor(at).astype(np.int64)
    t = (at - first)[:, None]
    if cubic:
        around, shares = np.arange(-1, 3), _cubic(np.abs(t - np.arange(-1, 3)))
    else:
        around, shares = np.arange(2), np.hstack([1 - t, t])
    matrix = np.zeros((new, n))
    np.add.at(matrix, (np.arange(new)[:, None], np.clip(first[:, None] + around, 0, n - 1)), shares)
    return matrix


def _cubic(d: Array, a: float = -0.75) -> Any:
    """Return the weight of elements at distances up to 2 (Keys, 1981)."""
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, far)


def upsample(
    input: Tensor,
    size: Sizes | None = None,
    scale_factor: Factors | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Resize sequences or images: the older name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


# -- channels and space ------------------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Put r² channels into the place of each pixel: (..., C · r², H, W) to (..., C, H · r, W · r).

    Raises
    ------
    RuntimeError
        If there are fewer than three dimensions, or the channels are no multiple of r².

    Examples
    --------
    >>> F.pixel_shuffle(ad.tensor([1.0, 2.0, 3.0, 4.0]).reshape(4, 1, 1), 2)
    tensor([[[1., 2.],
             [3., 4.]]])

    References
    ----------
    Shi et al., "Real-time single image and video super-resolution", CVPR 2016.
    """
    x, r = tensor_of(input, "pixel_shuffle"), upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % r**2:
        raise RuntimeError(f"pixel_shuffle: expected (..., C · {r}², H, W) for upscale_factor {r}, got shape {x.shape}")
    *lead, c, h, w = x.shape
    n = len(lead)
    parts = x.reshape(*lead, c // r**2, r, r, h, w).permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return parts.reshape(*lead, c // r**2, h * r, w * r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Put r x r pixels into channels, the inverse of `pixel_shuffle`: (..., C, H · r, W · r) to (..., C · r², H, W).

    Raises
    ------
    RuntimeError
        If there are fewer than three dimensions, or height or width is no multiple of r.

    Examples
    --------
    >>> F.pixel_unshuffle(ad.zeros(1, 4, 6), 2).shape
    (4, 2, 3)
    """
    x, r = tensor_of(input, "pixel_unshuffle"), downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-2] % r or x.shape[-1] % r:
        raise RuntimeError(
            f"pixel_unshuffle: expected (..., C, H · {r}, W · {r}) for downscale_factor {r}, got shape {x.shape}"
        )
    *lead, c, h, w = x.shape
    n = len(lead)
    parts = x.reshape(*lead, c, h // r, r, w // r, r).permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return parts.reshape(*lead, c * r**2, h // r, w // r)


def upsample_nearest(input: Tensor, size: Sizes | None = None, scale_factor: Factors | None = None) -> Tensor:
    """Do what `interpolate` does with mode "nearest"; PyTorch's old name for it.

    Examples
    --------
    >>> F.upsample_nearest(ad.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(input: Tensor, size: Sizes | None = None, scale_factor: Factors | None = None) -> Tensor:
    """Do what `interpolate` does with mode "bilinear" and aligned corners; PyTorch's old name for it.

    Examples
    --------
    >>> F.upsample_bilinear(ad.tensor([[[[1.0, 2.0]]]]), size=(1, 3))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """
    return interpolate(input, size, scale_factor, "bilinear", True)
