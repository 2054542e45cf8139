"""Layers that resize sequences and images."""

from __future__ import annotations

from typing import Any

from autodiff import Tensor

from . import functional as F  # noqa: N812  # the name everyone knows
from .functional.resizing import Factors, Sizes
from .module import Module


class Upsample(Module):
    """Resizing by interpolation; see `nn.functional.interpolate`.

    Parameters
    ----------
    size : int or sequence of int, optional
        The size of the output.
    scale_factor : float or sequence of float, optional
        By what the size is multiplied, if it is not given.
    mode : {"nearest", "linear", "bilinear", "bicubic", ...}, optional
    align_corners : bool, optional
    recompute_scale_factor : bool, optional

    Examples
    --------
    >>> nn.Upsample(scale_factor=2)(ad.zeros(1, 3, 4, 5)).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: Factors | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        factors: Any = tuple(map(float, scale_factor)) if isinstance(scale_factor, (tuple, list)) else scale_factor
        self.scale_factor = float(factors) if isinstance(factors, (int, float)) else factors
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Map (N, C, ...) to (N, C, *size)."""
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        """Name the size or the factor, and the mode."""
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`nn.Upsample` of images that repeats elements.

    Examples
    --------
    >>> nn.UpsamplingNearest2d(scale_factor=2)(ad.zeros(1, 3, 4, 5)).shape
    (1, 3, 8, 10)
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`nn.Upsample` of images by lines that keep the corners in place.

    Examples
    --------
    >>> nn.UpsamplingBilinear2d(size=(3, 3))(ad.tensor([[[[0.0, 2.0], [4.0, 6.0]]]]))
    tensor([[[[0., 1., 2.],
              [2., 3., 4.],
              [4., 5., 6.]]]])
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Put r² channels into the place of each pixel; see `nn.functional.pixel_shuffle`.

    Parameters
    ----------
    upscale_factor : int

    Examples
    --------
    >>> nn.PixelShuffle(2)(ad.zeros(1, 8, 3, 4)).shape
    (1, 2, 6, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., C · r², H, W) to (..., C, H · r, W · r)."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Name the factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Put r x r pixels into channels; see `nn.functional.pixel_unshuffle`.

    Parameters
    ----------
    downscale_factor : int

    Examples
    --------
    >>> nn.PixelUnshuffle(2)(ad.zeros(1, 2, 6, 8)).shape
    (1, 8, 3, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Map (..., C, H · r, W · r) to (..., C · r², H, W)."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Name the factor."""
        return f"downscale_factor={self.downscale_factor}"
