"""Neural networks: layers, activations, losses and the modules that hold them."""

from __future__ import annotations

from . import functional, init
from .activation import LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from .container import Sequential
from .linear import Linear
from .loss import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from .module import Module, Parameter
from .normalization import BatchNorm1d

__all__ = [
    "BCEWithLogitsLoss", "BatchNorm1d", "CrossEntropyLoss", "LeakyReLU", "Linear", "MSELoss", "Module", "Parameter",
    "ReLU", "Sequential", "SiLU", "Sigmoid", "Softmax", "Tanh", "functional", "init",
]  # fmt: skip
