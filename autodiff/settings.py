"""PyTorch's settings of a whole process: those that mean something here, and those that are kept for programs' sake."""

from __future__ import annotations

import os
from math import e, inf, nan, pi
from typing import Any

from . import printing
from .engine.dtypes import set_default_dtype
from .engine.modes import enable_grad, is_grad_enabled, no_grad
from .kernels.blas import set_threads

__all__ = [
    "are_deterministic_algorithms_enabled",
    "e",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "inf",
    "inference_mode",
    "is_autocast_enabled",
    "is_inference_mode_enabled",
    "nan",
    "newaxis",
    "pi",
    "set_default_tensor_type",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_num_threads",
    "set_printoptions",
    "set_warn_always",
    "use_deterministic_algorithms",
]  # fmt: skip

newaxis = None

_kept: dict[str, Any] = {"threads": None, "precision": "highest", "deterministic": True}


def inference_mode(mode: Any = True) -> Any:
    """Run a block, or a decorated function, without recording: as `no_grad`.

    Parameters
    ----------
    mode : bool, optional
        False records, as `enable_grad` does.

    Examples
    --------
    >>> w = ad.tensor(3.0, requires_grad=True)
    >>> with ad.inference_mode():
    ...     (w * 2).requires_grad
    False
    """
    switched: Any = no_grad
    if callable(mode):
        return switched(mode)
    return no_grad() if mode else enable_grad()


def set_num_threads(n: int) -> None:
    """Set how many threads NumPy's matrix products and compiled programs compute with.

    That is possible where NumPy brings OpenBLAS, as its wheels for Linux and Windows do. Another library takes its
    number from the environment before Python starts.

    Raises
    ------
    RuntimeError
        If it is not positive.

    Examples
    --------
    >>> ad.set_num_threads(1)
    >>> ad.get_num_threads()
    1
    """
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_threads: expected a positive integer, got {n!r}")
    _kept["threads"] = n
    set_threads(n)


def set_num_interop_threads(n: int) -> None:
    """Take note of how many operations may run at once: they run one after the other.

    Examples
    --------
    >>> ad.set_num_interop_threads(1)
    """


def get_num_threads() -> int:
    """Return the number that was set or, before, that of the processors."""
    return _kept["threads"] or os.cpu_count() or 1


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same result in every run: it is the same anyway.

    Examples
    --------
    >>> ad.use_deterministic_algorithms(True)
    """
    _kept["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Tell what `use_deterministic_algorithms` was told; True before."""
    return bool(_kept["deterministic"])


def set_float32_matmul_precision(precision: str) -> None:
    """Take note of how exact products of float32 need to be: they are always computed in float32.

    Examples
    --------
    >>> ad.set_float32_matmul_precision("high")
    """
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")
    _kept["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` was told; "highest" before."""
    return str(_kept["precision"])


def set_flush_denormal(mode: bool) -> bool:
    """Ask for numbers near 0 to be cut to it: False, it is not done."""
    return False


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed.

    Parameters
    ----------
    precision : int, optional
        Digits behind the point; 4 at first.
    threshold : int, optional
        From how many elements on the middle is left out; 1000 at first.
    edgeitems : int, optional
        How many elements of each dimension are shown then at either end; 3 at first.
    linewidth : int, optional
        Characters of a line; 80 at first.
    profile : {"default", "short", "full"}, optional
        Settings that go together: the first ones, 2 digits and 2 elements, or nothing left out.
    sci_mode : bool, optional
        Whether numbers have an exponent; by default only where it is needed.

    Examples
    --------
    >>> ad.set_printoptions(precision=2)
    >>> ad.tensor([0.123456])
    tensor([0.12])
    >>> ad.set_printoptions(profile="default")
    >>> ad.tensor([0.123456])
    tensor([0.1235])
    """
    printing.set_options(
        profile, precision=precision, threshold=threshold, edge=edgeitems, width=linewidth, sci=sci_mode
    )


def get_num_interop_threads() -> int:
    """Return how many operations run at once: 1."""
    return 1


def set_warn_always(b: bool) -> None:
    """Ask for warnings each time: Python's `warnings` decides how often one is shown."""


def is_inference_mode_enabled() -> bool:
    """Tell whether `inference_mode` is on: it is `no_grad`, so whether nothing is recorded."""
    return not is_grad_enabled()


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Tell whether `autocast` casts: False."""
    return False


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by a class such as `FloatTensor`, or by its name.

    Examples
    --------
    >>> ad.set_default_tensor_type("torch.FloatTensor")
    """
    name = (t if isinstance(t, str) else t.__name__).rpartition(".")[2]
    kinds = {"HalfTensor": "float16", "FloatTensor": "float32", "DoubleTensor": "float64"}
    if name not in kinds or ".cuda." in str(t):
        raise TypeError(f"set_default_tensor_type: expected one of {[*kinds]}, on the CPU, got {t!r}")
    set_default_dtype(kinds[name])
