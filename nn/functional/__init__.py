"""Layers, activations and losses as functions, composed from autodiff's."""

from __future__ import annotations

from . import activation, attention, classification, convolution, distance, layer, loss, normalization
from .activation import *
from .attention import *
from .classification import *
from .convolution import *
from .distance import *
from .layer import *
from .loss import *
from .normalization import *

__all__ = [  # lists of names
    *activation.__all__, *attention.__all__, *classification.__all__, *convolution.__all__, *distance.__all__,
    *layer.__all__, *loss.__all__, *normalization.__all__,
]  # fmt: skip
