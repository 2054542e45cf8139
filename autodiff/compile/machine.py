"""Native code: LLVM's text compiled for this processor, kept on disk, and BLAS."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import hashlib
import importlib.util
import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.blas import address_of, openblas
from .functions import LIBRARY


def is_available() -> bool:
    """Tell whether native code can be made here."""
    try:
        return importlib.util.find_spec("llvmlite") is not None
    except ValueError:  # what stands in its place has no spec
        return False


# -- BLAS --------------------------------------------------------------------------------------------------------------


@functools.cache
def products() -> tuple[str, dict[str, int]]:
    """Return how BLAS counts, "i32" or "i64", and the addresses of its products by the kind of number.

    NumPy's own library where it has brought one: two of them would each keep threads that wait for work and get into
    each other's way.
    """
    found = openblas()
    if found is None:
        return "i64", _callbacks()
    library, before, after = found
    names = {"float": f"{before}cblas_sgemm{after}", "double": f"{before}cblas_dgemm{after}"}
    return "i64" if after else "i32", {k: address_of(getattr(library, name)) for k, name in names.items()}


_kept: list[Any] = []


def _callbacks() -> dict[str, int]:
    """Return functions that have NumPy multiply, where no library is found."""
    i, p = ctypes.c_int64, ctypes.c_void_p

    def made(kind: Any, dtype: Any) -> int:
        def multiply(
            _: int,
            ta: int,
            tb: int,
            n: int,
            m: int,
            k: int,
            __: Any,
            a: int,
            la: int,
            b: int,
            lb: int,
            ___: Any,
            c: int,
            lc: int,
        ) -> None:
            def matrix(at: int, rows: int, columns: int, leading: int, transposed: bool) -> Any:
                shape = (columns, rows) if transposed else (rows, columns)
                memory = (kind * (leading * (shape[0] - 1) + shape[1])).from_address(at)
                strides = (leading * dtype.itemsize, dtype.itemsize)
                x = np.lib.stride_tricks.as_strided(np.frombuffer(memory, dtype), shape, strides)
                return x.T if transposed else x

            matrix(c, n, m, lc, False)[...] = matrix(a, n, k, la, ta == 112) @ matrix(b, k, m, lb, tb == 112)

        c = ctypes.c_int32
        callback = ctypes.CFUNCTYPE(None, c, c, c, i, i, i, kind, p, i, p, i, kind, p, i)(multiply)
        _kept.append(callback)
        return address_of(callback)

    return {"float": made(ctypes.c_float, np.dtype(np.float32)), "double": made(ctypes.c_double, np.dtype(np.float64))}


# -- LLVM --------------------------------------------------------------------------------------------------------------


@functools.cache
def _target() -> tuple[Any, Any, Any, dict[str, int], str]:
    """Return llvmlite's binding, what compiles, what links, C's functions, and what identifies all of them."""
    import llvmlite
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    if "+avx512f" in features:  # LLVM prefers half of the width; of all of it GELU takes 0.67 of the time, exp 0.73
        features += ",-prefer-256-bit"
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)
    linker = llvm.create_lljit_compiler(target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True))
    c = ctypes.CDLL(ctypes.util.find_library("m"))
    library = {name: address_of(getattr(c, name)) for name in sorted(LIBRARY) if hasattr(c, name)}
    return llvm, machine, linker, library, f"{llvmlite.__version__} {llvm.llvm_version_info} {cpu} {features}"


@functools.cache
def features() -> frozenset[str]:
    """Return what this processor can, in LLVM's words."""
    return frozenset(name for name, has in _target()[0].get_host_cpu_features().items() if has)


def cache_folder() -> str:
    """Return where compiled code is kept: the variable AUTODIFF_CACHE_DIR, or the user's folder for such files."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("AUTODIFF_CACHE_DIR") or os.path.join(base, "autodiff")


_numbers = itertools.count()

VERSION = "1"  # of what this module makes of a text


class Library:
    """Compiled functions by name; they live as long as this."""

    def __init__(self, text: str, functions: Sequence[str], called: Mapping[str, int] | None = None) -> None:
        llvm, machine, linker, library, identity = _target()
        key = hashlib.sha256("\n".join((VERSION, identity, text)).encode()).hexdigest()
        path = os.path.join(cache_folder(), key[:2], f"{key}.o")
        code, self.was_cached = _kept_code(path), True
        if code is None:
            code, self.was_cached = _compiled(llvm, machine, text), False
            _keep(path, code)
        builder = llvm.JITLibraryBuilder().add_object_img(code)
        for name in functions:
            builder.export_symbol(name)
        for name, address in (*library.items(), *(called or {}).items()):
            builder.import_symbol(name, address)
        self.linked = builder.link(linker, f"autodiff{next(_numbers)}")

    def address(self, name: str) -> int:
        """Return where a function is."""
        return int(self.linked[name])


def _compiled(llvm: Any, machine: Any, text: str) -> bytes:
    module = llvm.parse_assembly(
        f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n{text}'
    )
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = len(text) < 500_000  # of long straight code it would take most of the time
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


def _kept_code(path: str) -> bytes | None:
    """Return code that was kept, if it is there and whole."""
    try:
        with open(path, "rb") as file:
            check, code = file.read(32), file.read()
    except OSError:
        return None
    return code if hashlib.sha256(code).digest() == check else None


def _keep(path: str, code: bytes) -> None:
    """Keep code for the next process; that this is not possible is no error."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, name = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
