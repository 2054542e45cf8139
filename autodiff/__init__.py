"""Tensors that differentiate what is computed with them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import paths
from .check import functional as functional
from .check.gradcheck import *
from .creation import *
from .device import *
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
from .functions.sampling import *
from .functions.shape import *
from .functions.transcendental import *
from .kinds import *
from .questions import *
from .random import *
from .settings import *
from .size import *
from .tensor import *
from .typed import *

if TYPE_CHECKING:
    from . import accelerator as accelerator
    from . import amp as amp
    from . import autograd as autograd
    from . import backends as backends
    from . import cuda as cuda
    from . import data as data
    from . import distributions as distributions
    from . import mps as mps
    from . import nn as nn
    from . import optim as optim
    from . import utils as utils
    from .amp import GradScaler as GradScaler
    from .amp import autocast as autocast
    from .generator import Generator as Generator
    from .serialization import load as load
    from .serialization import save as save
    from .visualize import draw as draw
    from .visualize import explain as explain


paths.install()

_MODULES = (
    "accelerator", "amp", "autograd", "backends", "cuda", "data", "distributions", "mps", "nn", "optim", "utils",
)  # fmt: skip
_HOMES = {
    "GradScaler": "amp", "autocast": "amp", "Generator": "generator", "draw": "visualize", "explain": "visualize",
    "load": "serialization", "save": "serialization",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what draws, loads data or writes files when it is asked for: computing needs no more than NumPy."""
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
