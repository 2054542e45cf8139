"""Checkpoints: nested dicts, lists and numbers with their tensors, as one safetensors file, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import dtypes, files, safetensors
from .tensor import Tensor

__all__ = ["load", "save"]

_STRUCTURE, _CHECKSUM = "autodiff", "autodiff.crc32"  # under which they stand in the file's metadata
_PLAIN = (str, int, float, bool, type(None))

Array = npt.NDArray[Any]


# -- saving ------------------------------------------------------------------------------------------------------------


def save(state: Mapping[Any, Any], path: str | os.PathLike[str]) -> None:
    """Write a state to a file in safetensors format; whatever happens, the file is the old one or the new one, whole.

    Parameters
    ----------
    state : mapping
        What ``state_dict()`` of a module or an optimizer returns, or a nested dict of such: dicts, lists and tuples
        of tensors, arrays, numbers, strings and None. The tensors of a flat dict keep their names, so that
        ``safetensors.torch.load_file`` reads a model's weights.
    path : str or path-like
        The file. What it held before is replaced, at once, when the new content is safely on the disk. A pipe that is
        being read and a character device get the content instead; a link keeps pointing where it points. A program
        that is killed while it saves may leave a file ``.NAME.HEX.tmp`` beside it, which the next save removes.

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
    if not isinstance(state, Mapping):
        hint = "; pass its state_dict()" if hasattr(state, "state_dict") else ""
        raise TypeError(f"save: expected a mapping, got {type(state).__name__}{hint}")
    name = os.fsdecode(path)
    arrays: dict[str, Array] = {}
    try:
        structure = json.dumps(_described(state, "", arrays))
        notes = {_STRUCTURE: structure, _CHECKSUM: _checksum(structure, arrays)}
        parts = list(safetensors.content(arrays, notes))
    except RecursionError:
        raise ValueError("save: the state contains itself, or is nested too deeply for a file") from None
    except ValueError as error:
        raise ValueError(f"save: {error}") from None
    files.replace(name, parts)


def _described(value: Any, path: str, arrays: dict[str, Any]) -> Any:
    """Return what JSON can hold of a value; its arrays are put into `arrays` under the names that stand for them."""
    if isinstance(value, Mapping):
        for key in value:
            if type(key) not in (str, int):
                raise TypeError(f"save: the key {key!r} of {path or 'the state'} must be a str or an int")
        return {
            "dict": [[key, _described(v, f"{path}.{key}" if path else str(key), arrays)] for key, v in value.items()]
        }
    if type(value) in (list, tuple):
        kind = type(value).__name__
        return {kind: [_described(v, f"{path}.{i}" if path else str(i), arrays) for i, v in enumerate(value)]}
    for kind, type_ in (("tensor", Tensor), ("array", np.ndarray), ("number", np.generic)):
        if isinstance(value, type_):
            return {kind: _named(value._data if isinstance(value, Tensor) else value, path, arrays)}
    if type(value) in _PLAIN:
        return value
    raise TypeError(f"save: {path or 'the state'} is a {type(value).__name__}, which a file cannot hold")


def _named(array: Any, path: str, arrays: dict[str, Array]) -> str:
    """Put a copy of an array under a name that is free, the path to it where possible, and return the name."""
    dtype = dtypes.checked(array.dtype, f"save: {path}").newbyteorder("<")
    if dtype not in safetensors.DTYPES.values():
        raise TypeError(f"save: {path} is of dtype {array.dtype}, which a file cannot hold")
    path = path.encode(errors="replace").decode()  # half a character cannot be written
    name, count = path, 1
    while name in arrays or name == "__metadata__":
        count += 1
        name = f"{path}#{count}"
    arrays[name] = np.array(array, dtype, order="C")  # what changes it meanwhile must not tear it
    return name


def _checksum(structure: str, arrays: Mapping[str, Array]) -> str:
    """Return a checksum of all that a file says, which a changed byte changes."""
    found = zlib.crc32(structure.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), found)
        found = zlib.crc32(safetensors.data(array), found)
    return f"{found:08x}"


# -- loading -----------------------------------------------------------------------------------------------------------


def load(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Read what `save` wrote, or any safetensors file as a flat dict of tensors. Never executes what it reads.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    dict
        As it was saved: tensors as tensors without gradients, arrays as arrays, dicts as plain dicts.

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
    name = os.fsdecode(path)
    # Opened to block, a pipe would let us wait for ever.
    with open(name, "rb", opener=lambda path, flags: os.open(path, flags | getattr(os, "O_NONBLOCK", 0))) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"load: {name!r} is not a regular file")
        try:
            arrays, notes = safetensors.read(file)
        except ValueError as error:
            file.seek(0)
            reason = _foreign(file.read(8)) or error
            raise ValueError(
                f"load: {name!r} is not a whole safetensors file of booleans, integers and floats: {reason}"
            ) from None
    structure, checksum = notes.get(_STRUCTURE), notes.get(_CHECKSUM)
    if checksum is None and structure is not None and len(notes) > 1:
        checksum = ""  # what stands beside the structure was one
    if checksum is not None and (structure is None or checksum != _checksum(structure, arrays)):
        raise ValueError(f"load: {name!r} is damaged, or changed by another program: its checksum is another")
    arrays = {key: array.astype(array.dtype.newbyteorder("="), copy=False) for key, array in arrays.items()}
    if structure is None:
        return {key: Tensor(array) for key, array in arrays.items()}
    try:
        state = _restored(json.loads(structure, object_pairs_hook=safetensors.unique), arrays)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"load: the structure that {name!r} describes is broken: {error!r}") from None
    if not isinstance(state, dict):
        raise ValueError(f"load: {name!r} describes a {type(state).__name__}, expected a dict")
    if arrays:
        raise ValueError(f"load: the structure that {name!r} describes lacks {', '.join(map(repr, arrays))}")
    return state


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
        return safetensors.unique([(_key(key), _restored(value, arrays)) for key, value in content])
    if kind in ("list", "tuple"):
        values = [_restored(value, arrays) for value in content]
        return values if kind == "list" else tuple(values)
    array = arrays.pop(content)
    if kind == "tensor":
        return Tensor(array)
    if kind not in ("array", "number") or (kind == "number" and array.ndim):
        raise ValueError(f"no {kind!r} is an array of shape {array.shape}")
    return array if kind == "array" else array[()]


def _key(key: Any) -> Any:
    if type(key) not in (str, int):
        raise ValueError(f"the key {key!r} is neither a str nor an int")
    return key
