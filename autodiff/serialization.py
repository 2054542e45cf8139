"""Checkpoints: nested dicts, lists and numbers with their tensors, as one safetensors file, whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as _serialized

from . import dtypes
from .tensor import Tensor

__all__ = ["load", "save"]

_KEY = "autodiff"  # under which the structure stands in the file's metadata
_PLAIN = (str, int, float, bool, type(None))


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
        The file. What it held before is replaced, at once, when the new content is safely on the disk.

    Raises
    ------
    TypeError
        If the state holds anything else; no file is touched then.
    ValueError
        If it contains itself.
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
    arrays: dict[str, Any] = {}
    try:
        structure = _described(state, "", arrays)
    except RecursionError:
        raise ValueError("save: the state contains itself, or is nested too deeply for a file") from None
    _replace(Path(os.path.realpath(path)), _serialized(arrays, {_KEY: json.dumps(structure)}))


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
            return {kind: _named(np.asarray(value._data if isinstance(value, Tensor) else value), path, arrays)}
    if type(value) in _PLAIN:
        return value
    raise TypeError(f"save: {path or 'the state'} is a {type(value).__name__}, which a file cannot hold")


def _named(array: Any, path: str, arrays: dict[str, Any]) -> str:
    """Put an array under a name that is free, the path to it where possible, and return the name."""
    dtypes.checked(array.dtype, f"save: {path}")
    name, count = path, 1
    while name in arrays or name == "__metadata__":
        count += 1
        name = f"{path}#{count}"
    arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
    return name


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another one: written beside it, forced to the disk, then renamed."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")  # a file's name may be as long as names can be
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":  # the rename, too, is to survive a power failure
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a whole safetensors file, or holds what no tensor can hold; the text names it.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> ad.save({"step": 3, "betas": (0.9, 0.999), "mean": ad.tensor([1.0, 2.0])}, path)
    >>> ad.load(path)
    {'step': 3, 'betas': (0.9, 0.999), 'mean': tensor([1., 2.])}
    """
    name = os.fspath(path)
    with open(name, "rb"):  # a file that is missing or closed to us says so itself
        pass
    try:
        with safe_open(name, framework="np") as file:
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # not a mapping
            structure = (file.metadata() or {}).get(_KEY)
    except (SafetensorError, TypeError, AttributeError, KeyError, OSError) as error:
        raise ValueError(
            f"load: {name!r} is not a whole safetensors file of booleans, integers and floats: {error}"
        ) from None
    if structure is None:
        return {key: Tensor(array) for key, array in arrays.items()}
    try:
        state = _restored(json.loads(structure), arrays)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"load: the structure that {name!r} describes is broken: {error!r}") from None
    if not isinstance(state, dict):
        raise ValueError(f"load: {name!r} describes a {type(state).__name__}, expected a dict")
    return state


def _restored(described: Any, arrays: dict[str, Any]) -> Any:
    """Return the value that `_described` described."""
    if isinstance(described, _PLAIN):
        return described
    ((kind, content),) = dict(described).items()
    if kind == "dict":
        return {_key(key): _restored(value, arrays) for key, value in content}
    if kind in ("list", "tuple"):
        values = [_restored(value, arrays) for value in content]
        return values if kind == "list" else tuple(values)
    array = arrays[content]
    if kind == "tensor":
        return Tensor(array)
    if kind not in ("array", "number"):
        raise ValueError(f"unknown kind {kind!r}")
    return array if kind == "array" else array[()]


def _key(key: Any) -> Any:
    if type(key) not in (str, int):
        raise ValueError(f"the key {key!r} is neither a str nor an int")
    return key
