"""Images read at points: of a grid that an affine map makes, or of any other."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import Tensor
from autodiff.functions.arguments import check_dtypes, floats_of

__all__ = ["affine_grid", "grid_sample"]


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return the points at which an affine map reads an image, for `grid_sample`.

    Parameters
    ----------
    theta : Tensor
        Of shape (N, 2, 3): for each image what takes (x, y, 1) of the output to (x, y) of the input; both run from -1
        to 1.
    size : sequence of int
        The shape (N, C, H, W) of the output.
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the outermost pixels, instead of their outer edges.

    Returns
    -------
    Tensor
        Of shape (N, H, W, 2).

    Raises
    ------
    RuntimeError
        If the shapes do not fit.

    Examples
    --------
    >>> F.affine_grid(ad.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), (1, 1, 1, 2))
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])

    References
    ----------
    Jaderberg et al., "Spatial transformer networks", NeurIPS 2015.
    """
    map_ = floats_of(theta, "affine_grid")
    shape = tuple(size)
    if len(shape) != 4 or map_.shape != (shape[0], 2, 3) or min(shape[1:]) < 1:
        raise RuntimeError(f"affine_grid: theta of shape {map_.shape} does not fit a size of (N, C, H, W), got {shape}")
    across, down = (_places(n, bool(align_corners)) for n in (shape[3], shape[2]))
    points = np.stack([*np.meshgrid(across, down), np.ones(shape[2:])], -1).reshape(1, -1, 3)
    return (ad.tensor(points.astype(map_.dtype)) @ map_.mT).reshape(shape[0], *shape[2:], 2)


def _places(n: int, align: bool) -> Any:
    """Return where the centres of n pixels lie between -1 and 1."""
    return (np.linspace(-1, 1, n) if n > 1 else np.zeros(1)) if align else (2 * np.arange(n) + 1) / n - 1


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Read images at points.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W).
    grid : Tensor
        Of shape (N, down, across, 2): points (x, y), which run from -1 to 1 over the image.
    mode : {"bilinear", "nearest"}, optional
        Whether to interpolate between the four nearest pixels or take the nearest.
    padding_mode : {"zeros", "border", "reflection"}, optional
        What lies beyond the image: zeros, its outermost pixels, or its mirror image.
    align_corners : bool, optional
        Whether -1 and 1 are the centres of the outermost pixels, instead of their outer edges.

    Returns
    -------
    Tensor
        Of shape (N, C, down, across).

    Raises
    ------
    ValueError
        If a mode is none of these.
    RuntimeError
        If the shapes or dtypes do not fit.

    Examples
    --------
    >>> image = ad.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> F.grid_sample(image, ad.tensor([[[[0.0, 0.0], [0.5, 0.5]]]]), align_corners=False)
    tensor([[[[2.5000, 4.0000]]]])
    """
    x, points = floats_of(input, "grid_sample"), floats_of(grid, "grid_sample")
    check_dtypes("grid_sample", x, points)
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"grid_sample: mode must be 'bilinear' or 'nearest', got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection', got {padding_mode!r}")
    if x.ndim != 4 or points.ndim != 4 or points.shape[0] != x.shape[0] or points.shape[3] != 2 or not x.numel():
        raise RuntimeError(f"grid_sample: a grid of shape {points.shape} does not fit images of shape {x.shape}")
    if align_corners is None:
        warnings.warn("grid_sample: align_corners is False by default; it was True once", stacklevel=2)
    align = bool(align_corners)
    across, down = (_pixels(points[..., k], x.shape[3 - k], align, padding_mode) for k in (0, 1))
    if mode == "nearest":
        nearest = _read(x, across.detach().round(), down.detach().round())
        everywhere = ad.ones(across.shape, dtype=np.bool).unsqueeze(1)
        return ad.where(everywhere, nearest, (across + down).unsqueeze(1))  # the points have a gradient, of zeros
    left, top = across.detach().floor(), down.detach().floor()
    right_part, low_part = (across - left).unsqueeze(1), (down - top).unsqueeze(1)
    upper = _read(x, left, top) * (1 - right_part) + _read(x, left + 1, top) * right_part
    lower = _read(x, left, top + 1) * (1 - right_part) + _read(x, left + 1, top + 1) * right_part
    y: Tensor = upper * (1 - low_part) + lower * low_part
    return y


def _pixels(points: Tensor, n: int, align: bool, padding_mode: str) -> Tensor:
    """Return points between -1 and 1 as pixels from 0 to n - 1, those beyond the image as the mode says."""
    at = (points + 1) * ((n - 1) / 2) if align else ((points + 1) * n - 1) / 2
    if padding_mode == "zeros":
        return at
    if padding_mode == "reflection":
        low, high = (0.0, n - 1.0) if align else (-0.5, n - 0.5)
        off = (at - low).abs()
        span = high - low
        back = ad.fmod(off, span) if span else off * 0
        is_even = (off.detach() / span).floor() % 2 == 0 if span else ad.ones(off.shape, dtype=np.bool)
        at = ad.where(is_even, back + low, high - back)
    fixed = at.detach()
    inside = (fixed > 0) & (fixed < n - 1)
    return ad.where(inside, at, ad.where(fixed == fixed, fixed.clamp(0, n - 1), 0))  # NaN is the first pixel


def _read(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Return the pixels at whole positions, 0 where these are beyond the image."""
    (h, w), (n, channels) = x.shape[2:], x.shape[:2]
    inside = (across >= 0) & (across < w) & (down >= 0) & (down < h)
    place = ad.where(inside, down * w + across, 0).long().reshape(n, 1, -1)
    flat = x.reshape(n, channels, h * w)
    found = ad.gather(flat, 2, place.expand(n, channels, place.shape[2]))
    return ad.where(inside[:, None], found.reshape(n, channels, *across.shape[1:]), 0)
