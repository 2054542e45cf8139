"""How a tensor is printed: as PyTorch prints it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from . import dtypes
from .graph import Node


def formatted(tensor: Node) -> str:
    """Return the text of ``repr(tensor)``."""
    data = np.asarray(tensor._data)
    body = np.array2string(data, separator=", ", prefix="tensor(", threshold=1000, edgeitems=3, **_style(data))
    notes = []
    if not data.size and data.ndim > 1:
        notes.append(f"size={data.shape}")
    usual = (dtypes.get_default_dtype(), np.dtype(np.int64), np.dtype(np.bool))
    if data.dtype not in usual or (not data.size and data.dtype != usual[0]):
        notes.append(f"dtype={data.dtype}")
    if tensor._record is not None:
        notes.append(f"grad_fn={tensor._record[0]!r}")
    elif tensor._requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"


def _style(data: npt.NDArray[Any]) -> dict[str, Any]:
    """Choose four decimals, the exponential form for wide ranges, and a bare point for whole numbers."""
    if data.dtype.kind != "f":
        return {}
    finite = np.abs(data[np.isfinite(data) & (data != 0)].astype(np.float64))
    if not finite.size:
        return {"formatter": None, "precision": 4}
    low, high = finite.min(), finite.max()
    if bool((finite == np.floor(finite)).all()):
        wide = (high / low > 1000 and high > 1e8) or high > 1e8
        return {"formatter": {"float": "{:.4e}".format}} if wide else {"precision": 0, "floatmode": "fixed"}
    if high / low > 1000 or high > 1e8 or low < 1e-4:
        return {"formatter": {"float": "{:.4e}".format}}
    return {"precision": 4, "floatmode": "fixed"}
