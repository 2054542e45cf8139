"""Tensors that differentiate what is computed with them."""

from __future__ import annotations

__version__ = "0.2.0.dev0"

import importlib
from typing import TYPE_CHECKING, Any

from numpy import bool as bool
from numpy import float16 as float16
from numpy import float32 as float32
from numpy import float64 as float64
from numpy import int8 as int8
from numpy import int16 as int16
from numpy import int32 as int32
from numpy import int64 as int64
from numpy import uint8 as uint8

from .check import functional as functional
from .check.gradcheck import *
from .compile import compile as compile
from .creation import *
from .engine import dtypes as dtypes
from .engine import graph as graph
from .engine.backward import *
from .engine.dtypes import *
from .engine.modes import *
from .engine.primitive import *
from .functions.comparison import *
from .functions.contraction import *
from .functions.convolution import *
from .functions.cumulative import *
from .functions.diagonal import *
from .functions.elementwise import *
from .functions.indexing import *
from .functions.linalg import *
from .functions.reduction import *
from .functions.shape import *
from .functions.transcendental import *
from .random import *
from .tensor import *

if TYPE_CHECKING:
    from . import data as data
    from . import distributions as distributions
    from .serialization import load as load
    from .serialization import save as save
    from .visualize import draw as draw
    from .visualize import explain as explain


def __getattr__(name: str) -> Any:
    """Import what draws, loads data or writes files when it is asked for: computing needs no more than NumPy."""
    if name in ("data", "distributions"):
        return importlib.import_module(f".{name}", __name__)
    if name in ("draw", "explain"):
        from . import visualize

        return getattr(visualize, name)
    if name in ("load", "save"):
        from . import serialization

        return getattr(serialization, name)
    raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
