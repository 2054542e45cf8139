"""What is done to each image of a data set: torchvision's transforms, on Pillow's images and on tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..engine.dtypes import get_default_dtype
from ..random import default_generator
from ..tensor import Tensor, from_array

__all__ = [
    "CenterCrop", "Compose", "Lambda", "Normalize", "RandomCrop", "RandomHorizontalFlip", "RandomVerticalFlip",
    "Resize", "ToTensor",
]  # fmt: skip


class Compose:
    """Several transforms, one after the other.

    Parameters
    ----------
    transforms : iterable of callable

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    >>> prepare(np.array([[0, 255]], np.uint8))
    tensor([[[-1.,  1.]]])
    """

    def __init__(self, transforms: Iterable[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)
        for t in self.transforms:
            if not callable(t):
                raise TypeError(f"Compose: transforms must be callable, got {type(t).__name__}")

    def __call__(self, image: Any) -> Any:
        """Return what the last transform makes of it."""
        for transform in self.transforms:
            image = transform(image)
        return image

    def __repr__(self) -> str:
        return "Compose(\n" + "".join(f"    {t}\n" for t in self.transforms) + ")"


class Lambda:
    """A function of one's own as a transform.

    Parameters
    ----------
    lambd : callable

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.Lambda(lambda image: 1 - image)(ad.tensor([[[0.25]]]))
    tensor([[[0.7500]]])
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, image: Any) -> Any:
        """Return what the function makes of it."""
        return self.lambd(image)

    def __repr__(self) -> str:
        return "Lambda()"


class ToTensor:
    """Make a tensor (channels, height, width) of an image (height, width, channels): what convolutions want.

    Bytes become numbers of the default dtype from 0 to 1: 255 becomes 1. Other numbers are not scaled.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.ToTensor()(np.full((2, 2), 51, np.uint8))
    tensor([[[0.2000, 0.2000],
             [0.2000, 0.2000]]])
    """

    def __call__(self, image: Any) -> Tensor:
        """Return the image as a tensor."""
        if not (_is_picture(image) or isinstance(image, np.ndarray)):
            raise TypeError(f"ToTensor: expected a Pillow image or an ndarray, got {type(image).__name__}")
        array = np.asarray(image)
        if array.ndim not in (2, 3):
            raise ValueError(f"ToTensor: expected (height, width) or (height, width, channels), got {array.shape}")
        array = array[:, :, None] if array.ndim == 2 else array
        array = np.ascontiguousarray(array.transpose(2, 0, 1))
        if array.dtype == np.uint8:
            dtype = np.dtype(get_default_dtype())
            array = array.astype(dtype) / dtype.type(255)
        elif array.dtype == np.bool:  # Pillow's images of one bit
            array = array.astype(get_default_dtype()) if _is_picture(image) else array
        return from_array(array)

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """Subtract each channel's mean and divide by its standard deviation.

    Parameters
    ----------
    mean, std : float or sequence of float
        One for all channels, or one for each.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.Normalize([0.5, 0.0], [0.5, 2.0])(ad.tensor([[[1.0]], [[1.0]]]))
    tensor([[[1.0000]],
    <BLANKLINE>
            [[0.5000]]])
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float]) -> None:
        self.mean, self.std = mean, std
        if not np.all(np.asarray(std)):
            raise ValueError(f"Normalize: std must not be 0, got {std}")

    def __call__(self, image: Tensor) -> Tensor:
        """Return the image, each channel with its mean and deviation taken out."""
        if not isinstance(image, Tensor):
            raise TypeError(f"Normalize: expected a Tensor, got {type(image).__name__}; put ToTensor() before it")
        if np.dtype(image.dtype).kind != "f":
            raise TypeError(f"Normalize: expected floating-point numbers, got {image.dtype}")
        if image.ndim < 3:
            raise ValueError(f"Normalize: expected (..., channels, height, width), got {image.shape}")
        mean, std = (np.asarray(v, image.dtype).reshape(-1, 1, 1) for v in (self.mean, self.std))
        if {len(mean), len(std)} - {1, image.shape[-3]}:
            raise ValueError(
                f"Normalize: mean and std are for {len(mean)} and {len(std)} channels, the image has {image.shape[-3]}"
            )
        return (image - mean) / std

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Resize:
    """Scale a Pillow image; bilinear, and smoothed where it gets smaller.

    Parameters
    ----------
    size : int, or sequence of two int
        Height and width; a single number is that of the shorter side, the other one keeps the proportions.

    Examples
    --------
    >>> from PIL import Image
    >>> from autodiff.data import transforms
    >>> transforms.Resize(8)(Image.new("RGB", (40, 20))).size  # width and height
    (16, 8)
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size: int | tuple[int, int] = size if isinstance(size, int) else _pair(size, "Resize")
        if isinstance(size, int):
            _pair(size, "Resize")

    def __call__(self, image: Any) -> Any:
        """Return the image at the other size."""
        if not _is_picture(image):
            raise TypeError(f"Resize: expected a Pillow image, got {type(image).__name__}; put it before ToTensor()")
        width, height = image.size
        if isinstance(self.size, int):
            short = min(width, height)
            size = int(self.size * width / short), int(self.size * height / short)
        else:
            size = self.size[1], self.size[0]
        return image.resize(size, 2)  # Pillow's number of BILINEAR

    def __repr__(self) -> str:
        return f"Resize(size={self.size})"


class CenterCrop:
    """Cut out the middle; what is smaller gets a margin of zeros.

    Parameters
    ----------
    size : int, or sequence of two int
        Height and width of what is cut out.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.CenterCrop(1)(ad.arange(9).reshape(1, 3, 3))
    tensor([[[4]]])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = _pair(size, "CenterCrop")

    def __call__(self, image: Any) -> Any:
        """Return its middle."""
        height, width = _size(image, "CenterCrop")
        down, across = (max(0, new - old) for new, old in zip(self.size, (height, width), strict=True))
        if down or across:
            image = _pad(image, (across // 2, down // 2, (across + 1) // 2, (down + 1) // 2), 0, "constant")
            height, width = _size(image, "CenterCrop")
        top, left = (round((old - new) / 2) for new, old in zip(self.size, (height, width), strict=True))
        return _crop(image, top, left, *self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class RandomCrop:
    """Cut out a part at a place drawn at random.

    Parameters
    ----------
    size : int, or sequence of two int
        Height and width of the part.
    padding : int, or sequence of two or four int, optional
        The margin put around the image before: everywhere; left and right, top and bottom; or left, top, right, bottom.
    pad_if_needed : bool, optional
        Whether an image smaller than the part gets a margin; otherwise it is an error.
    fill : float, optional
        What the margin is filled with.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}, optional
        The margin is `fill`, the last pixel, or the image mirrored, without or with its last pixel.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.RandomCrop(28, padding=2)(ad.zeros(1, 28, 28)).shape
    (1, 28, 28)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size, self.padding, self.pad_if_needed = _pair(size, "RandomCrop"), padding, pad_if_needed
        self.fill, self.padding_mode = fill, padding_mode
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError(
                f"RandomCrop: padding_mode must be constant, edge, reflect or symmetric, got {padding_mode!r}"
            )
        if padding is not None:
            self._margins = _margins(padding)

    def __call__(self, image: Any) -> Any:
        """Return a part of it."""
        if self.padding is not None:
            image = _pad(image, self._margins, self.fill, self.padding_mode)
        if self.pad_if_needed:
            height, width = _size(image, "RandomCrop")
            down, across = max(0, self.size[0] - height), max(0, self.size[1] - width)
            if down or across:
                image = _pad(image, (across, down, across, down), self.fill, self.padding_mode)
        height, width = _size(image, "RandomCrop")
        rooms = height - self.size[0], width - self.size[1]
        if min(rooms) < 0:
            raise ValueError(
                f"RandomCrop: cannot cut {self.size} out of an image of {(height, width)}; pass padding= or "
                "pad_if_needed=True"
            )
        top, left = (int(default_generator().integers(room + 1)) for room in rooms)
        return _crop(image, top, left, *self.size)

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class _RandomFlip:
    """Mirror an image, or leave it, by chance."""

    _axis: int

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be from 0 to 1, got {p}")
        self.p = p

    def __call__(self, image: Any) -> Any:
        """Return the image or its mirror image."""
        _size(image, type(self).__name__)
        if default_generator().random() >= self.p:
            return image
        if _is_picture(image):
            return image.transpose(0 if self._axis == -1 else 1)  # Pillow's FLIP_LEFT_RIGHT, FLIP_TOP_BOTTOM
        return image.flip(self._axis) if isinstance(image, Tensor) else np.flip(image, self._axis)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(_RandomFlip):
    """Mirror left and right, by chance.

    Parameters
    ----------
    p : float, optional
        With this probability.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.RandomHorizontalFlip(p=1)(ad.tensor([[[1.0, 2.0]]]))
    tensor([[[2., 1.]]])
    """

    _axis = -1


class RandomVerticalFlip(_RandomFlip):
    """Mirror top and bottom, by chance.

    Parameters
    ----------
    p : float, optional
        With this probability.

    Examples
    --------
    >>> from autodiff.data import transforms
    >>> transforms.RandomVerticalFlip(p=1)(ad.tensor([[[1.0], [2.0]]]))
    tensor([[[2.],
             [1.]]])
    """

    _axis = -2


def _is_picture(image: Any) -> bool:
    """Tell whether it is one of Pillow's images, without importing Pillow."""
    return hasattr(image, "getbands") and hasattr(image, "resize")


def _size(image: Any, where: str) -> tuple[int, int]:
    """Return height and width."""
    if _is_picture(image):
        return int(image.size[1]), int(image.size[0])
    if not isinstance(image, (Tensor, np.ndarray)) or image.ndim < 2:
        raise TypeError(
            f"{where}: expected a Pillow image or a tensor (..., height, width), got {type(image).__name__}"
        )
    return int(image.shape[-2]), int(image.shape[-1])


def _pair(size: int | Sequence[int], where: str) -> tuple[int, int]:
    found = (size,) if isinstance(size, int) else tuple(size)
    if len(found) not in (1, 2) or not all(isinstance(n, int) and n > 0 for n in found):
        raise ValueError(f"{where}: size must be a positive integer or two of them, height and width, got {size}")
    return found[0], found[-1]


def _margins(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Return the margins left, top, right and bottom."""
    given = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(given) not in (1, 2, 4) or min(given) < 0:
        raise ValueError(f"RandomCrop: padding must be one, two or four integers of at least 0, got {padding}")
    return (given * (4 // len(given)))[0:4]  # type: ignore[return-value]  # of length 4


def _pad(image: Any, margins: tuple[int, int, int, int], fill: float, mode: str) -> Any:
    left, top, right, bottom = margins
    array = image._data if isinstance(image, Tensor) else np.asarray(image)
    widths = [(0, 0)] * array.ndim
    rows = 0 if _is_picture(image) else -2  # Pillow's images have their channels last
    widths[rows], widths[rows + 1] = (top, bottom), (left, right)
    options: dict[str, Any] = {"constant_values": fill} if mode == "constant" else {}
    padded = np.pad(array, widths, mode, **options)  # type: ignore[call-overload]  # one of NumPy's modes, checked
    if isinstance(image, Tensor):
        return from_array(padded)
    if not _is_picture(image):
        return padded
    from PIL import Image  # it made the image, so it is there

    return Image.fromarray(padded)


def _crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    if _is_picture(image):
        return image.crop((left, top, left + width, top + height))
    return image[..., top : top + height, left : left + width]
