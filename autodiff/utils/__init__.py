"""PyTorch's path to what loads data: `autodiff.utils.data` is `autodiff.data`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .. import data as data
    from . import checkpoint as checkpoint


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name in ("checkpoint", "data"):
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'autodiff.utils' has no attribute {name!r}")
