"""Tensors that differentiate what is computed with them."""

from __future__ import annotations

__version__ = "0.2.0.dev0"

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import linalg as linalg
from . import paths
from . import special as special
from .check import functional as functional
from .check.gradcheck import *
from .compile import compile as compile
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
from .functions.distance import *
from .functions.elementwise import *
from .functions.former import *
from .functions.further import *
from .functions.grids import *
from .functions.indexing import *
from .functions.linalg import *
from .functions.order import *
from .functions.placing import *
from .functions.reduction import *
from .functions.rounding import *
from .functions.sampling import *
from .functions.searching import *
from .functions.shape import *
from .functions.solving import *
from .functions.statistics import *
from .functions.synonyms import *
from .functions.transcendental import *
from .kinds import *
from .questions import *
from .random import *
from .settings import *
from .size import *
from .special import logit as logit
from .tensor import *
from .typed import *
from .window_functions import *

if TYPE_CHECKING:
    from . import accelerator as accelerator
    from . import amp as amp
    from . import autograd as autograd
    from . import backends as backends
    from . import compiler as compiler
    from . import cuda as cuda
    from . import data as data
    from . import distributed as distributed
    from . import distributions as distributions
    from . import func as func
    from . import jit as jit
    from . import mps as mps
    from . import nn as nn
    from . import onnx as onnx
    from . import optim as optim
    from . import sparse as sparse
    from . import testing as testing
    from . import types as types
    from . import utils as utils
    from . import version as version
    from . import xpu as xpu
    from .amp import GradScaler as GradScaler
    from .amp import autocast as autocast
    from .func import vmap as vmap
    from .generator import Generator as Generator
    from .serialization import load as load
    from .serialization import save as save
    from .sparse import sparse_coo_tensor as sparse_coo_tensor
    from .visualize import draw as draw
    from .visualize import explain as explain


paths.install()

_MODULES = (
    "accelerator", "amp", "autograd", "backends", "compiler", "cuda", "data", "distributed", "distributions", "func",
    "jit", "mps", "nn", "onnx", "optim", "sklearn", "sparse", "testing", "types", "utils", "version", "xpu",
)  # fmt: skip
_HOMES = {
    "GradScaler": "amp", "autocast": "amp", "Generator": "generator", "draw": "visualize", "explain": "visualize",
    "vmap": "func", "load": "serialization", "save": "serialization", "sparse_coo_tensor": "sparse",
}  # fmt: skip
# What PyTorch has here as well as in `nn.functional`.
_LAYERS = {
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "alpha_dropout", "avg_pool1d", "batch_norm", "bilinear", "celu",
    "channel_shuffle", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "cosine_embedding_loss", "cosine_similarity", "ctc_loss",
    "dropout", "embedding", "group_norm", "hardshrink", "hinge_embedding_loss", "instance_norm", "kl_div",
    "layer_norm", "margin_ranking_loss", "max_pool1d", "max_pool2d", "max_pool3d", "pairwise_distance", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "prelu", "rms_norm", "rrelu", "selu", "threshold", "triplet_margin_loss",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what draws, loads data or writes files when it is asked for: computing needs no more than NumPy."""
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    if name in _LAYERS:
        return getattr(importlib.import_module(".nn.functional", __name__), name)
    raise AttributeError(f"module 'autodiff' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, those among them that are imported when asked for."""
    shown = {*_MODULES, "functional", "linalg", "special"}
    names = {
        name
        for name, value in globals().items()
        if not name.startswith("_") and (not isinstance(value, ModuleType) or name in shown)
    }
    return sorted((names - {"Any", "ModuleType", "TYPE_CHECKING", "annotations"}) | shown | {*_HOMES} | _LAYERS)
