"""The safetensors format: named arrays, and notes about them, in one file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: The dtypes of the format that arrays can have, in its order of bytes.
DTYPES = {
    "BOOL": np.dtype("?"),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_METADATA = "__metadata__"
_LONGEST_HEADER = 100_000_000  # bytes; no reader of the format takes more
_MOST_DIMENSIONS = 64  # NumPy's


def content(arrays: Mapping[str, Array], notes: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a file. The arrays are contiguous and of one of the format's dtypes."""
    header: dict[str, Any] = {_METADATA: dict(notes)}
    end = 0
    ordered = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))  # so each is aligned, also in a map
    for name in ordered:
        array, start = arrays[name], end
        end += array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LONGEST_HEADER:
        raise ValueError(f"the names and numbers need {len(text):,} bytes, of which the format allows 100,000,000")
    yield len(text).to_bytes(8, "little") + text
    for name in ordered:
        yield data(arrays[name])


def data(array: Array) -> memoryview:
    """Return the memory of a contiguous array, byte by byte."""
    return array.reshape(-1).view(np.uint8).data


def read(file: BinaryIO) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the notes of a file; a ValueError says why it is not whole.

    Every array gets memory of its own, never more in all than the file has bytes.
    """
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _LONGEST_HEADER):
        raise ValueError(f"its header is incomplete: {length:,} bytes of {max(size - 8, 0):,}")
    header = _parsed(file.read(length))
    notes = header.pop(_METADATA, None) or {}
    if not isinstance(notes, dict) or not all(isinstance(text, str) for text in notes.values()):
        raise ValueError("its metadata are no text")
    entries = sorted((_checked(name, entry) for name, entry in header.items()), key=lambda entry: entry[3])
    end = 0
    for name, _, _, (start, stop) in entries:
        if start != end:
            raise ValueError(f"{name!r} begins at byte {start}, where {end} was expected")
        end = stop
    if end != size - 8 - length:
        raise ValueError(f"its arrays have {end:,} bytes, the file {size - 8 - length:,}")
    return {name: _filled(file, name, dtype, shape) for name, dtype, shape, _ in entries}, notes


def _parsed(text: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> Any:
        raise ValueError(f"its header contains {constant}")

    try:
        header = json.loads(text.decode(), object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError(f"its header is a {type(header).__name__}, expected a dict")
    return header


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dict, and refuse one in which a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return found


def _checked(name: str, entry: Any) -> tuple[str, np.dtype[Any], list[int], list[int]]:
    """Return the name, dtype, shape and offsets of an array, which fit each other."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} must have a dtype, a shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    dtype = DTYPES.get(kind) if isinstance(kind, str) else None
    if dtype is None:
        raise ValueError(f"{name!r} has the dtype {kind!r}, which no tensor can hold")
    for sizes in (shape, offsets):
        if not isinstance(sizes, list) or any(type(n) is not int or not 0 <= n < 2**63 for n in sizes):
            raise ValueError(f"{name!r} has a shape or offsets that are not lists of sizes")
    if len(shape) > _MOST_DIMENSIONS or math.prod(n or 1 for n in shape) * dtype.itemsize >= 2**63:
        raise ValueError(f"{name!r} has a shape that no tensor can have: {len(shape)} dimensions, {shape[:4]}...")
    if len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r} of shape {shape} and dtype {kind} does not fill the bytes {offsets}")
    return name, dtype, shape, offsets


def _filled(file: BinaryIO, name: str, dtype: np.dtype[Any], shape: list[int]) -> Array:
    """Return an array read from where the file stands."""
    array = np.empty(shape, dtype)
    if file.readinto(data(array)) != array.nbytes:  # type: ignore[attr-defined]  # binary files have it
        raise ValueError(f"{name!r} is cut off")
    if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError(f"{name!r} has booleans that are neither 0 nor 1")
    return array
