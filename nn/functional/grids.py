"""Images looked at through a grid: affine maps of coordinates, and sampling between pixels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import autodiff as ad
from autodiff import Tensor

from ._checks import check_dtypes, checked_floats

Array = npt.NDArray[Any]

__all__ = ["affine_grid", "grid_sample"]


def _warn(align_corners: bool | None, name: str) -> bool:
    """Return whether corners are aligned, with PyTorch's warning where that is not said."""
    if align_corners is None:
        warnings.warn(
            f"{name}: align_corners is False by default; pass it to say so, or True", UserWarning, stacklevel=3
        )
    return bool(align_corners)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Return for each pixel of an output where an affine map looks for it in the input.

    Parameters
    ----------
    theta : Tensor
        The maps, of shape (N, 2, 3).
    size : sequence of int
        Of the output: (N, C, H, W).
    align_corners : bool, optional
        Whether -1 and 1 mean the centres of the outermost pixels instead of their edges.

    Returns
    -------
    Tensor
        Of shape (N, H, W, 2), for `grid_sample`.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> identity = ad.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> F.affine_grid(identity, (1, 1, 1, 2), align_corners=True)
    tensor([[[[-1.,  0.],
              [ 1.,  0.]]]])

    References
    ----------
    Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial transformer networks", NeurIPS 2015.
    """
    aligned, maps = _warn(align_corners, "affine_grid"), checked_floats(theta, "affine_grid")
    if len(size) != 4 or maps.shape != (size[0], 2, 3):
        raise ValueError(
            f"affine_grid: expected maps (N, 2, 3) and a size (N, C, H, W), got {maps.shape} and {tuple(size)}"
        )
    y, x = (_line(int(n), aligned) for n in size[2:])
    points = np.stack([*np.broadcast_arrays(x, y[:, None]), np.ones((len(y), len(x)))], -1).astype(maps.dtype)
    placed: Tensor = ad.from_numpy(points.reshape(1, -1, 3)) @ maps.mT
    return placed.reshape(size[0], len(y), len(x), 2)


def _line(n: int, aligned: bool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the coordinates of n pixels."""
    if aligned:
        return np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(n)
    return (2 * np.arange(n) + 1) / n - 1


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Look an image up at the places of a grid, between its pixels.

    Parameters
    ----------
    input : Tensor
        Of shape (N, C, H, W).
    grid : Tensor
        Of shape (N, H', W', 2): x and y, from -1 to 1 across the image.
    mode : {"bilinear", "nearest"}, optional
    padding_mode : {"zeros", "border", "reflection"}, optional
        What lies outside.
    align_corners : bool, optional
        Whether -1 and 1 mean the centres of the outermost pixels instead of their edges.

    Returns
    -------
    Tensor
        Of shape (N, C, H', W').

    Raises
    ------
    ValueError
        If a mode is none of these.
    RuntimeError
        If the shapes or dtypes do not fit.

    Examples
    --------
    >>> image = ad.tensor([[[[1.0, 3.0]]]])
    >>> F.grid_sample(image, ad.zeros(1, 1, 1, 2), align_corners=True)
    tensor([[[[2.]]]])
    """
    aligned = _warn(align_corners, "grid_sample")
    if mode not in ("bilinear", "nearest"):
        raise ValueError(f"grid_sample: mode must be 'bilinear' or 'nearest', got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: padding_mode must be 'zeros', 'border' or 'reflection', got {padding_mode!r}")
    image, places = checked_floats(input, "grid_sample"), checked_floats(grid, "grid_sample")
    check_dtypes("grid_sample", image, places)
    if image.ndim != 4 or places.ndim != 4 or places.shape[3] != 2 or image.shape[0] != places.shape[0]:
        raise RuntimeError(
            f"grid_sample: expected an input (N, C, H, W) and a grid (N, H', W', 2), got {image.shape} and "
            f"{places.shape}"
        )
    sizes = (image.shape[3], image.shape[2])
    x, y = (_pixels(places[..., i], n, padding_mode, aligned) for i, n in enumerate(sizes))
    if mode == "nearest":
        return _at(image, np.rint(x._data), np.rint(y._data))
    left, top = np.floor(x._data), np.floor(y._data)
    across, down = x - ad.as_tensor(left), y - ad.as_tensor(top)
    parts = [
        _at(image, left + dx, top + dy) * (wx * wy).unsqueeze(1)
        for dy, wy in ((0, 1 - down), (1, down))
        for dx, wx in ((0, 1 - across), (1, across))
    ]
    return parts[0] + parts[1] + parts[2] + parts[3]


def _pixels(places: Tensor, n: int, outside: str, aligned: bool) -> Tensor:
    """Return coordinates in pixels; what lies outside is moved inside, as far as that is asked for."""
    at = (places + 1) * ((n - 1) / 2) if aligned else ((places + 1) * n - 1) / 2
    if outside == "reflection":
        low, span = (0.0, n - 1.0) if aligned else (-0.5, float(n))
        if span <= 0:
            return at * 0
        far = (at - low).abs()
        turns = np.floor(far._data / span)
        rest = far - ad.as_tensor(np.asarray(turns * span, far.dtype))
        at = ad.where(ad.as_tensor(turns % 2 == 0), rest, span - rest) + low
    return at if outside == "zeros" else at.clamp(0, n - 1)


def _at(image: Tensor, x: Array, y: Array) -> Tensor:
    """Return the pixels at whole coordinates, 0 for those outside."""
    batch, channels, height, width = image.shape
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    places = np.where(inside, y * width + x, 0).astype(np.int64).reshape(batch, 1, -1)
    index = ad.from_numpy(np.broadcast_to(places, (batch, channels, places.shape[2])).copy())
    pixels = ad.gather(image.reshape(batch, channels, -1), 2, index).reshape(batch, channels, *x.shape[1:])
    return pixels if inside.all() else pixels * ad.from_numpy(inside[:, None].astype(image.dtype))
