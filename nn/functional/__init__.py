"""Layers, activations and losses as functions, composed from autodiff's."""

from __future__ import annotations

from . import (
    activation,
    adaptive,
    attention,
    bags,
    classification,
    convolution,
    distance,
    dropping,
    grids,
    instance,
    layer,
    loss,
    normalization,
    resizing,
    transposed,
    unpooling,
)
from .activation import *
from .adaptive import *
from .attention import *
from .bags import *
from .classification import *
from .convolution import *
from .distance import *
from .dropping import *
from .grids import *
from .instance import *
from .layer import *
from .loss import *
from .normalization import *
from .resizing import *
from .transposed import *
from .unpooling import *

__all__ = [  # lists of names
    *activation.__all__, *adaptive.__all__, *attention.__all__, *bags.__all__, *unpooling.__all__, *grids.__all__,
    *classification.__all__, *convolution.__all__,
    *distance.__all__, *dropping.__all__, *instance.__all__, *layer.__all__, *loss.__all__, *normalization.__all__,
    *resizing.__all__, *transposed.__all__,
]  # fmt: skip
