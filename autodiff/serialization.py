"""Checkpoints: nested dicts, lists and numbers with their tensors, as one safetensors file, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from . import files
from .device import check_device
from .engine import dtypes
from .size import Size
from .tensor import Tensor, from_array

try:
    from safetensors import SafetensorError
    from safetensors.numpy import load as deserialize
    from safetensors.numpy import save as serialize
except ImportError as error:
    raise ImportError(f"save and load need the package safetensors ({error}): `pip install safetensors`") from error

__all__ = ["load", "save"]

_NOTE = "autodiff.crc32"  # under which the structure stands in the file's metadata, with the checksum behind it
_NOTE_ALONE = "autodiff"  # under which it stood before there were checksums
_METADATA = "__metadata__"
_PICKLE = b"autodiff pickle\n"  # what a file that holds a pickle begins with
_PLAIN = (str, int, float, bool, type(None))
_LONGEST_HEADER = 100_000_000  # bytes; the library takes no more
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}  # the format's names of those that it has and a tensor can hold

Array = npt.NDArray[Any]


# -- saving ------------------------------------------------------------------------------------------------------------


def save(
    obj: Any,
    f: str | os.PathLike[str] | BinaryIO,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write a state to a file in safetensors format; whatever happens, the file is the old one or the new one, whole.

    Parameters
    ----------
    obj : mapping, sequence, Tensor or number
        What ``state_dict()`` of a module or an optimizer returns, or a nested dict of such: dicts, lists and tuples
        of tensors, arrays, numbers, strings and None. The tensors of a flat dict keep their names, so that
        ``safetensors.torch.load_file`` reads a model's weights.
    f : str, path-like or binary file
        The file. What it held before is replaced, at once, when the new content is safely on the disk. A pipe that is
        being read and a character device get the content instead; a link keeps pointing where it points. A program
        that is killed while it saves may leave a file ``.NAME.HEX.tmp`` beside it, which the next save removes.

    pickle_module, pickle_protocol, _use_new_zipfile_serialization : optional
        For PyTorch's sake; without effect, for nothing is pickled.

    A whole module or optimizer, or a state that holds one, is pickled instead, as PyTorch pickles everything: `load`
    reads it where it is told ``weights_only=False``, and where the classes can be imported.

    Raises
    ------
    TypeError
        If the state holds anything else; no file is touched then.
    ValueError
        If it contains itself, or is too large for the format.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.safetensors")
    >>> net = nn.Linear(3, 2)
    >>> ad.save({"model": net.state_dict(), "epoch": 7}, path)
    >>> state = ad.load(path)
    >>> state["epoch"], net.load_state_dict(state["model"])
    (7, <All keys matched successfully>)
    """
    arrays: dict[str, Array] = {}
    try:
        try:
            structure = json.dumps(_described(obj, "", arrays))
        except _WholeError as reason:
            return _write(f, [_pickled(obj, reason)])
        # One note alone: the library writes several in an order that changes, and with it the file of a state.
        blank = f"{_NOTE}={0:08x}"
        content = serialize(arrays, {blank: structure})
    except RecursionError:
        raise ValueError("save: the state contains itself, or is nested too deeply for a file") from None
    except SafetensorError as error:
        raise ValueError(f"save: {error}") from None
    # The checksum is taken of the copy that the library made: the arrays themselves may change meanwhile.
    end = 8 + int.from_bytes(content[:8], "little")
    if end > 8 + _LONGEST_HEADER:
        raise ValueError(f"save: the names and numbers need {end - 8:,} bytes, of which the format allows 100,000,000")
    header, values = content[:end], memoryview(content)[end:]
    key = _key_of_note(structure, json.loads(header[8:]), values)
    parts: list[Any] = [header.replace(blank.encode(), key.encode(), 1), values]
    return _write(f, parts)


def _write(f: Any, parts: list[Any]) -> None:
    """Write the parts of a file, by name or into one that is open."""
    if isinstance(f, (str, bytes, os.PathLike)):
        files.replace(os.fsdecode(f), parts)
    else:
        if not hasattr(f, "write") or isinstance(f, io.TextIOBase):
            raise TypeError(f"save: expected a path, or a file opened with 'wb', got {_called(f)}")
        for part in parts:
            f.write(part)


def _called(f: Any) -> str:
    return "a file of text" if isinstance(f, io.TextIOBase) else type(f).__name__


class _WholeError(TypeError):
    """A state holds a whole module or optimizer."""


def _pickled(obj: Any, reason: TypeError) -> bytes:
    """Return an object as a pickle, or say what cannot be saved."""
    try:
        return _PICKLE + pickle.dumps(obj)
    except Exception as error:
        raise TypeError(f"{reason}; nor can it be pickled: {error}") from None


def _described(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Return what JSON can hold of a value; its arrays are put into `arrays` under the names that stand for them."""
    if isinstance(value, Mapping):
        for key in value:
            if type(key) not in (str, int):
                raise TypeError(f"save: the key {key!r} of {path or 'the state'} must be a str or an int")
        return {
            "dict": [[key, _described(v, f"{path}.{key}" if path else str(key), arrays)] for key, v in value.items()]
        }
    if type(value) in (list, tuple, Size):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_described(v, f"{path}.{i}" if path else str(i), arrays) for i, v in enumerate(value)]}
    for kind, type_ in (("tensor", Tensor), ("array", np.ndarray), ("number", np.generic)):
        if isinstance(value, type_):
            if isinstance(value, np.ma.MaskedArray):
                raise TypeError(f"save: {path or 'the state'} is a masked array, whose mask a file cannot hold")
            array = value._data if isinstance(value, Tensor) else value
            is_leaf = isinstance(value, Tensor) and value.requires_grad
            return {"leaf" if is_leaf else kind: _named(array, path, arrays)}
    if type(value) in _PLAIN:
        return value
    wrong = _WholeError if hasattr(value, "state_dict") and not isinstance(value, type) else TypeError
    raise wrong(f"save: {path or 'the state'} is a {type(value).__name__}, which a file cannot hold")


def _named(array: Any, path: str, arrays: dict[str, Array]) -> str:
    """Put an array under a name that is free, the path to it where possible, and return the name."""
    dtype = dtypes.checked(array.dtype.newbyteorder("="), f"save: {path}")
    if dtype.name not in _DTYPES.values():
        raise TypeError(f"save: {path} is of dtype {array.dtype}, which a file cannot hold")
    path = path.encode(errors="replace").decode()  # half a character cannot be written
    name, count = path, 1
    while name in arrays or name == _METADATA:
        count += 1
        name = f"{path}#{count}"
    arrays[name] = np.asarray(array, dtype, order="C")
    return name


def _key_of_note(structure: str, header: dict[str, Any], values: memoryview) -> str:
    """Return what the structure stands under: a checksum of all that a file says, which a changed byte changes."""
    entries = sorted((name, entry) for name, entry in header.items() if name != _METADATA)
    found = zlib.crc32(json.dumps([structure, entries], sort_keys=True).encode())
    return f"{_NOTE}={zlib.crc32(values, found):08x}"


# -- loading -----------------------------------------------------------------------------------------------------------


def load(
    f: str | os.PathLike[str] | BinaryIO,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what `save` wrote, or any safetensors file as a flat dict of tensors.

    What it reads is never executed, unless ``weights_only=False`` allows it.

    Parameters
    ----------
    f : str, path-like or binary file
    map_location : optional
        "cpu", or None; a function, or a dict from devices to devices, has nothing to map.
    weights_only : bool, optional
        False reads a pickled object, too. It can run any code: for files that you trust.
    pickle_module, mmap, **pickle_load_args : optional
        For PyTorch's sake; without effect.

    Returns
    -------
    dict, or what was saved
        As it was saved: tensors as tensors without gradients, of which those that required one require it again;
        arrays as arrays, dicts as plain dicts.

    Raises
    ------
    OSError
        If there is no such file (FileNotFoundError), or it cannot be read.
    ValueError
        If it is not a whole safetensors file, holds what no tensor can hold, or is not as `save` wrote it; the text
        names it.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> ad.save({"step": 3, "betas": (0.9, 0.999), "mean": ad.tensor([1.0, 2.0])}, path)
    >>> ad.load(path)
    {'step': 3, 'betas': (0.9, 0.999), 'mean': tensor([1., 2.])}
    """
    if not callable(map_location) and not isinstance(map_location, Mapping):
        check_device(map_location, "load")
    if not isinstance(f, (str, bytes, os.PathLike)):
        if not hasattr(f, "read") or isinstance(f, io.TextIOBase):
            raise TypeError(f"load: expected a path, or a file opened with 'rb', got {_called(f)}")
        content, name = f.read(), getattr(f, "name", "the file")
        if not content:
            raise ValueError(f"load: there is nothing left to read in {name!r}; is it at its end? seek(0) goes back")
        return _read(io.BytesIO(content), name, weights_only)
    name = os.fsdecode(f)
    # Opened to block, a pipe would let us wait for ever.
    # A buffer would cost a copy of the whole file: 0.3 s of 0.8 for 100 MB.
    with open(name, "rb", 0, opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"load: {name!r} is not a regular file")
        return _read(file, name, weights_only)


def _read(file: BinaryIO, name: str, weights_only: bool | None) -> Any:
    """Return what a file holds."""
    if file.read(len(_PICKLE)) == _PICKLE:
        if weights_only is not False:
            raise ValueError(
                f"load: {name!r} holds a pickled object, which can run any code; if you trust it, pass "
                "weights_only=False"
            )
        try:
            return pickle.loads(file.read())
        except (pickle.UnpicklingError, EOFError) as error:
            raise ValueError(f"load: {name!r} holds a damaged pickle: {error}") from None
    file.seek(0)
    try:
        header = _header(file)
        file.seek(0)
        content = file.read()
        arrays = _arrays(content, header)
    except (ValueError, TypeError, SafetensorError) as error:
        file.seek(0)
        reason = _foreign(file.read(8)) or error
        raise ValueError(
            f"load: {name!r} is not a whole safetensors file of booleans, integers and floats: {reason}"
        ) from None
    notes = header.get(_METADATA) or {}
    ours = [key for key, text in notes.items() if _is_ours(key, text)]
    structure = notes[ours[0]] if ours else ""
    values = memoryview(content)[8 + int.from_bytes(content[:8], "little") :]
    if ours and ours not in ([_NOTE_ALONE], [_key_of_note(structure, header, values)]):
        raise ValueError(f"load: {name!r} is damaged, or changed by another program: its checksum is another")
    if not ours:
        return {key: from_array(array) for key, array in arrays.items()}
    try:
        state = _restored(json.loads(structure, object_pairs_hook=_unique), arrays)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"load: the structure that {name!r} describes is broken: {error!r}") from None
    if arrays:
        raise ValueError(f"load: the structure that {name!r} describes lacks {', '.join(map(repr, arrays))}")
    return state


def _header(file: BinaryIO) -> dict[str, Any]:
    """Return the header of a file, in which only what the library does not check has been checked."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > min(size - 8, _LONGEST_HEADER):
        raise ValueError(f"its header is incomplete: {length:,} bytes of {max(size - 8, 0):,}")
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("its header is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError(f"its header is a {type(header).__name__}, expected a dict")
    end = 0
    for name, entry in header.items():
        if name == _METADATA:
            continue
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{name!r} must have a dtype, a shape and data_offsets")
        if entry["dtype"] not in list(_DTYPES):
            raise ValueError(f"{name!r} has the dtype {entry['dtype']!r}, which no tensor can hold")
        end = max(end, *entry["data_offsets"])
    if end != size - 8 - length:  # or more might be read than memory holds
        raise ValueError(f"its arrays have {end:,} bytes, the file {size - 8 - length:,}")
    return header


def _arrays(content: bytes, header: dict[str, Any]) -> dict[str, Array]:
    """Return the arrays of a file in its order, each with memory of its own."""
    found = deserialize(content)
    for name, array in found.items():
        if array.dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise ValueError(f"{name!r} has booleans that are neither 0 nor 1")
    return {name: found[name] for name in header if name != _METADATA}


def _is_ours(key: str, text: str) -> bool:
    """Return whether a note is a structure, even if either its key or its text is damaged."""
    return key == _NOTE_ALONE or key.startswith(_NOTE) or text.startswith('{"dict": ')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dict, and refuse one in which a key stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return found


def _foreign(start: bytes) -> str | None:
    """Return what kind of file begins so, and how to read it."""
    if start[:6] == b"\x93NUMPY":
        return "NumPy wrote it; read it with numpy.load"
    if start[:4] == b"PK\3\4" or (start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5"):
        return (
            "it is an archive or a pickle, as torch.save and numpy.savez write them. In PyTorch, write the weights "
            "with safetensors.torch.save_file(model.state_dict(), path); NumPy's, read with numpy.load"
        )
    return None


def _restored(described: Any, arrays: dict[str, Array]) -> Any:
    """Return the value that `_described` described, and take its arrays out of `arrays`: none has two owners."""
    if isinstance(described, _PLAIN):
        return described
    ((kind, content),) = dict(described).items()
    if kind == "dict":
        return _unique([(_key(key), _restored(value, arrays)) for key, value in content])
    if kind in ("list", "tuple"):
        values = [_restored(value, arrays) for value in content]
        return values if kind == "list" else tuple(values)
    array = arrays.pop(content)
    if kind in ("tensor", "leaf"):
        return from_array(array).requires_grad_(kind == "leaf")
    if kind not in ("array", "number") or (kind == "number" and array.ndim):
        raise ValueError(f"no {kind!r} is an array of shape {array.shape}")
    return array if kind == "array" else array[()]


def _key(key: Any) -> Any:
    if type(key) not in (str, int):
        raise ValueError(f"the key {key!r} is neither a str nor an int")
    return key
