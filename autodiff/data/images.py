"""A data set of images in folders, a folder to a class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .dataset import Dataset

__all__ = ["ImageFolder"]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class ImageFolder(Dataset):
    """Images with the number of the folder that they lie in, read when they are asked for.

    It is torchvision's: ``root/dog/a.png`` and ``root/dog/old/b.jpg`` are of the class dog. Reading an image needs
    Pillow: ``pip install pillow``.

    Parameters
    ----------
    root : str or path
        The folder with a folder for each class.
    transform : callable, optional
        Gets a Pillow image, returns what the item holds in its place, as `transforms.ToTensor` does.
    target_transform : callable, optional
        Gets the number of the class.
    loader : callable, optional
        Gets a path, returns the image. By default Pillow reads it, as one with the colours red, green and blue.
    is_valid_file : callable, optional
        Gets a path, tells whether it is an image. By default its suffix tells: .jpg, .jpeg, .png, .ppm, .bmp, .pgm,
        .tif, .tiff or .webp.
    allow_empty : bool, optional
        Whether a class may have no images.

    Attributes
    ----------
    classes : list of str
        The names of the folders, in alphabetical order.
    class_to_idx : dict of str to int
    samples : list of (str, int)
        Path and class of each image.
    targets : list of int
        The class of each image.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, no folder in it, or one of these has no images.
    ImportError
        When an image is read, if Pillow is not installed.

    See Also
    --------
    transforms : What to do with each image.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for kind, brightness in (("day", 255), ("night", 51)):
    ...     (root / kind).mkdir()
    ...     Image.new("RGB", (4, 3), (brightness,) * 3).save(root / kind / "0.png")
    >>> images = ad.data.ImageFolder(root, transform=ad.data.transforms.ToTensor())
    >>> images.classes, len(images)
    (['day', 'night'], 2)
    >>> image, label = images[1]
    >>> image.shape, image.max(), label
    ((3, 3, 4), tensor(0.2000), 1)
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[str], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:
        self.root = os.fspath(root)
        self.transform, self.target_transform = transform, target_transform
        self.loader = _image if loader is None else loader
        self.classes = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"ImageFolder: {self.root} has no folders; it is to have one for each class")
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}
        is_image = is_valid_file or _has_suffix
        self.samples = [
            (path, i)
            for name, i in self.class_to_idx.items()
            for path in _files(Path(self.root, name))
            if is_image(path)
        ]
        self.targets = [i for _, i in self.samples]
        found = set(self.targets)
        empty = [name for name, i in self.class_to_idx.items() if i not in found]
        if empty and not allow_empty:
            kinds = "" if is_valid_file else f"; images end in {', '.join(_SUFFIXES)}"
            raise FileNotFoundError(f"ImageFolder: no images in {', '.join(empty)} of {self.root}{kinds}")

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        path, label = self.samples[index]
        image = self.loader(path)
        image = image if self.transform is None else self.transform(image)
        return image, label if self.target_transform is None else self.target_transform(label)


def _files(folder: Path) -> list[str]:
    """Return the files in a folder and all that are in it, in alphabetical order."""
    return [
        os.path.join(inside, name)
        for inside, _, names in sorted(os.walk(folder, followlinks=True))
        for name in sorted(names)
    ]


def _has_suffix(path: str) -> bool:
    return path.lower().endswith(_SUFFIXES)


def _image(path: str) -> Any:
    """Read an image with Pillow."""
    try:
        from PIL import Image  # only who reads images needs it
    except ImportError:
        raise ImportError(
            "ImageFolder: reading images needs Pillow, which is not installed: pip install pillow"
        ) from None
    with Image.open(path) as image:
        if image.mode == "F" or image.mode.startswith("I"):
            raise ValueError(
                f"ImageFolder: {path} has more than 8 bits a pixel (mode {image.mode}), which would be cut off; pass a "
                "loader= that scales it"
            )
        try:
            return image.convert("RGB")
        except OSError as error:
            raise OSError(f"ImageFolder: {path}: {error}") from None
