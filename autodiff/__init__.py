"""Tensors that differentiate what is computed with them."""

from __future__ import annotations

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

from . import linalg as linalg
from . import special as special
from .check import functional as functional
from .check.gradcheck import *
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
from .functions.distance import *
from .functions.elementwise import *
from .functions.former import *
from .functions.grids import *
from .functions.indexing import *
from .functions.linalg import *
from .functions.order import *
from .functions.placing import *
from .functions.reduction import *
from .functions.rounding import *
from .functions.searching import *
from .functions.shape import *
from .functions.solving import *
from .functions.statistics import *
from .functions.synonyms import *
from .functions.transcendental import *
from .random import *
from .special import logit as logit
from .tensor import *

if TYPE_CHECKING:
    from . import data as data
    from . import distributions as distributions
    from .serialization import load as load
    from .serialization import save as save
    from .visualize import draw as draw
    from .visualize import explain as explain


# What PyTorch has here as well as in `nn.functional`.
_LAYERS = {
    "adaptive_avg_pool1d", "adaptive_max_pool1d", "alpha_dropout", "avg_pool1d", "batch_norm", "bilinear", "celu",
    "channel_shuffle", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "cosine_embedding_loss", "cosine_similarity", "dropout", "embedding", "group_norm", "hardshrink",
    "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "margin_ranking_loss", "max_pool1d", "max_pool2d",
    "max_pool3d", "pairwise_distance", "pixel_shuffle", "pixel_unshuffle", "poisson_nll_loss", "prelu", "rms_norm",
    "rrelu", "selu", "threshold", "triplet_margin_loss",
}  # fmt: skip


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
    if name in _LAYERS:
        return getattr(importlib.import_module("nn.functional"), name)
    raise AttributeError(f"module 'autodiff' has no attribute {name!r}")
