"""The MNIST images: found in a folder or downloaded, and never trusted unchecked."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import stat
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples._command import ExampleError, reason
from examples._download import DownloadError, download
from examples._images import Images, Split, load_digits

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


Found = tuple[Path, NDArray[np.uint8]]


@dataclass(frozen=True)
class IdxFile:
    """
    What one of the four files must be.

    Parameters
    ----------
    name : str
        The file's name; compressed, it also ends in ``.gz``.
    item : tuple of int
        The shape of one item: (28, 28) for an image, () for a label.
    size : int
        How many bytes the compressed file has as the mirrors serve it.
    md5 : str
        Its checksum.
    count : int
        How many items the original has. A file of fewer, made for a quick look, is accepted, too.
    content_md5 : str
        The checksum of the original's content.
    """

    name: str
    item: tuple[int, ...]
    size: int
    md5: str
    count: int
    content_md5: str

    @property
    def content_size(self) -> int:
        """How many bytes the original's content has: numbers of four bytes, then the items."""
        return 4 * (2 + len(self.item)) + self.count * math.prod(self.item)

    @property
    def magic(self) -> int:
        """The number the file begins with: type 0x08 (unsigned bytes), then the number of dimensions."""
        return 0x0800 | (1 + len(self.item))


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (28, 28),
    9_912_422,
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    60_000,
    "6bbc9ace898e44ae57da46a324031adb",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (),
    28_881,
    "d53e105ee54ea40749a09fcbcd1e9432",
    60_000,
    "a25bea736e30d166cdddb491f175f624",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (28, 28),
    1_648_877,
    "9fb629c4189551a2d022fa330f9573f3",
    10_000,
    "2646ac647ad5339dbf082846283269ea",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte", (), 4_542, "ec29112dd5afa0611ce80d1b7f02629c", 10_000, "27ae3e4e09519cfbb04c329615203637"
)


class DamagedFileError(ExampleError):
    """A data file is not what it must be; the message names it, what was expected and what was found."""

    def __init__(self, path: Path, expected: str, found: str) -> None:
        super().__init__(f"{path} is damaged: expected {expected}, found {found}")


def load_mnist() -> Split:
    """
    Load MNIST from the folder in the environment variable ``MNIST_DIR``, else from the cache, else from the network.

    The cache is ``autodiff/mnist`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; only there are files ever written. In
    either folder each of the four files may be plain or compressed (``.gz``).

    Returns
    -------
    Split
        60,000 training and 10,000 test images.

    Raises
    ------
    ExampleError
        If a file is damaged, or missing from ``MNIST_DIR``.
    DownloadError
        If a file has to be downloaded and cannot be.
    """
    given = os.environ.get("MNIST_DIR")
    if given:
        folder, find = Path(given).expanduser(), _find_given
        if not os.path.isdir(folder):
            raise ExampleError(f"MNIST_DIR names {folder}, which is not a folder")
    else:
        folder, find = cache_folder(), _find_or_fetch
    train = _load_pair(folder, find, TRAIN_IMAGES, TRAIN_LABELS)
    test = _load_pair(folder, find, TEST_IMAGES, TEST_LABELS)
    return Split("MNIST", train, test)


def load_data(choice: str, seed: int) -> Split:
    """
    Return the data set an option asks for.

    Parameters
    ----------
    choice : str
        ``"mnist"``, ``"digits"``, or ``"auto"``: MNIST if it can be had, else the digits, which need no download.
    seed : int
        Splits the digits.

    Returns
    -------
    Split
        The images.

    Raises
    ------
    ExampleError
        If a file is damaged, or MNIST is asked for and cannot be had.
    """
    if choice == "digits":
        return load_digits(seed)
    try:
        return load_mnist()
    except DownloadError as error:
        if choice == "mnist":
            raise ExampleError(f"{error}; to use files you have, set MNIST_DIR to their folder") from error
        print(f"MNIST is not available, so this trains on scikit-learn's digits instead: {error}")
        return load_digits(seed)


def cache_folder() -> Path:
    """Return the folder downloads are kept in, by the XDG rules: a relative ``XDG_CACHE_HOME`` does not count."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "autodiff" / "mnist"


def _load_pair(
    folder: Path, find: Callable[[Path, IdxFile], Found], images_file: IdxFile, labels_file: IdxFile
) -> Images:
    """Read a file of images and the file of their labels, which must be equally many."""
    images_path, pixels = find(folder, images_file)
    labels_path, labels = find(folder, labels_file)
    if len(pixels) != len(labels):
        raise ExampleError(
            f"{images_path} and {labels_path} do not belong together: {len(pixels):,} images, {len(labels):,} labels"
        )
    return Images(pixels, labels.astype(np.int64), full=255)


def _find_given(folder: Path, file: IdxFile) -> Found:
    """Read a file from the folder the user named; whatever is wrong there is an error."""
    path = _existing(folder, file)
    if path is None:
        raise ExampleError(f"MNIST_DIR names {folder}, which has neither {file.name} nor {file.name}.gz")
    return path, read_idx(path, file)


def _find_or_fetch(folder: Path, file: IdxFile) -> Found:
    """Read a file from the cache; fetch it if it is missing, and fetch it again if it is damaged."""
    damage = None
    path = _existing(folder, file)
    if path is not None:
        try:
            return path, read_idx(path, file)
        except DamagedFileError as error:
            damage = error
    target = folder / f"{file.name}.gz"
    try:
        download(MIRRORS, target, file.md5, file.size)
    except DownloadError as error:
        raise DownloadError(f"{damage}; {error}" if damage else str(error)) from error
    if damage:
        print(f"{damage}; fetched it again", file=sys.stderr)
    return target, read_idx(target, file)


def _existing(folder: Path, file: IdxFile) -> Path | None:
    """Return where a file lies in a folder; the compressed one first: a download replaces a damaged plain one."""
    candidates = (folder / f"{file.name}.gz", folder / file.name)
    return next((path for path in candidates if os.path.exists(path)), None)


def read_idx(path: Path, file: IdxFile) -> NDArray[np.uint8]:
    """
    Read an IDX file, plain or compressed, and check everything in it that can be checked.

    Parameters
    ----------
    path : Path
        The file; it is decompressed if its name ends in ``.gz``.
    file : IdxFile
        What it must be.

    Returns
    -------
    ndarray of uint8, shape (n,) + file.item
        Its items.

    Raises
    ------
    DamagedFileError
        If it cannot be decompressed, or its magic number, its dimensions, its length, its checksum or a label is wrong.
    ExampleError
        If it cannot be read.
    """
    content = _unpacked(path, file.content_size)
    header = struct.Struct(f">{2 + len(file.item)}I")
    if len(content) < header.size:
        raise DamagedFileError(path, f"at least {header.size} bytes", f"{len(content)}")
    magic, count, *item = header.unpack_from(content)
    if magic != file.magic:
        raise DamagedFileError(path, f"magic number {file.magic}", f"{magic}")
    if tuple(item) != file.item:
        raise DamagedFileError(path, f"images of {_times(file.item)} pixels", f"{_times(item)}")
    if count == 0:
        raise DamagedFileError(path, "at least one item", "none")
    expected = header.size + count * int(np.prod(file.item))
    if len(content) != expected:
        raise DamagedFileError(path, f"{expected:,} bytes for {count:,} items", f"{len(content):,}")
    if count == file.count and (md5 := hashlib.md5(content).hexdigest()) != file.content_md5:
        raise DamagedFileError(path, f"the original's content, of MD5 {file.content_md5}", f"MD5 {md5}")
    items: NDArray[np.uint8] = np.frombuffer(content, np.uint8, offset=header.size).reshape(count, *file.item)
    if not file.item and items.max() > 9:
        worst = int(items.argmax())
        raise DamagedFileError(path, "labels from 0 to 9", f"{items[worst]} at position {worst:,}")
    return items


def _unpacked(path: Path, most: int) -> bytes:
    """Return the content of a file, decompressed if its name says that it is compressed, and no more than it may be."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe could be waited for
            raise ExampleError(f"cannot read {path}: it is not a regular file")
        with path.open("rb") as file:
            if path.suffix == ".gz":
                with gzip.open(file) as unpacked:
                    content = unpacked.read(most + 1)
            else:
                content = file.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(path, "an intact gzip file", f"one that cannot be unpacked ({reason(error)})") from error
    except OSError as error:
        raise ExampleError(f"cannot read {path}: {reason(error)}") from error
    if len(content) > most:
        raise DamagedFileError(path, f"at most {most:,} bytes", "more")
    return content


def _times(shape: tuple[int, ...] | list[int]) -> str:
    return " x ".join(map(str, shape))
