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
    folding,
    heads,
    instance,
    layer,
    loss,
    margins,
    normalization,
    resizing,
    sampling,
    sequences,
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
from .folding import *
from .heads import *
from .instance import *
from .layer import *
from .loss import *
from .margins import *
from .normalization import *
from .resizing import *
from .sampling import *
from .sequences import *
from .transposed import *
from .unpooling import *

__all__ = [  # lists of names
    *activation.__all__, *adaptive.__all__, *attention.__all__, *bags.__all__, *classification.__all__,
    *convolution.__all__, *distance.__all__, *dropping.__all__, *folding.__all__, *heads.__all__, *instance.__all__,
    *layer.__all__, *loss.__all__, *margins.__all__, *normalization.__all__, *resizing.__all__, *sampling.__all__,
    *sequences.__all__, *transposed.__all__, *unpooling.__all__,
]  # fmt: skip


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
