"""NumPy's OpenBLAS: where its functions are, and how many threads it uses."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import glob
import os
from typing import Any

import numpy as np


@functools.cache
def openblas() -> tuple[Any, str, str] | None:
    """Return NumPy's OpenBLAS, and what its functions' names begin and end with."""
    folder = os.path.dirname(np.__file__)
    patterns = [os.path.join(folder, *p) for p in (("..", "numpy.libs", "*openblas*"), (".dylibs", "*openblas*"))]
    for path in sorted(p for pattern in patterns for p in glob.glob(pattern)):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            for before, after in (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", "")):
                if all(hasattr(library, f"{before}cblas_{kind}gemm{after}") for kind in "sd"):
                    return library, before, after
    return None


def thread_counts() -> tuple[int, int] | None:
    """Return the addresses of what says and sets how many threads BLAS uses, if it can be told."""
    if (found := openblas()) is None:
        return None
    library, before, after = found
    names = [f"{before}openblas_{what}_num_threads{after}" for what in ("get", "set")]
    if not all(hasattr(library, name) for name in names):
        return None
    return address_of(getattr(library, names[0])), address_of(getattr(library, names[1]))


_setters: list[Any] = []  # the last one sets how many threads BLAS uses


def set_by(setter: Any) -> None:
    """Let another function than BLAS's own set how many threads it uses."""
    _setters.append(setter)


def set_threads(count: int) -> None:
    """Let BLAS, and with it compiled programs, use so many threads, if it can be told."""
    if not _setters and (found := thread_counts()) is not None:
        set_by(ctypes.CFUNCTYPE(None, ctypes.c_int)(found[1]))
    if _setters:
        _setters[-1](count)


@functools.cache
def multiplies_blocks_fast() -> bool:
    """Tell whether BLAS multiplies blocks of up to a million products as they lie, without packing them first."""
    library, before, after = openblas() or (None, "", "")
    name = f"{before}openblas_get_corename{after}"
    if not hasattr(library, name):
        return False
    core: bytes = ctypes.CFUNCTYPE(ctypes.c_char_p)(address_of(getattr(library, name)))()
    return core.lower() in (b"skylakex", b"cooperlake", b"sapphirerapids")


def address_of(function: Any) -> int:
    """Return where a function of a library is."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
