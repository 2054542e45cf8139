"""Update rules that turn gradients into steps, and schedules for their learning rates."""

from __future__ import annotations

from . import lr_scheduler as lr_scheduler
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD, Momentum

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Momentum", "Optimizer", "RMSprop", "lr_scheduler"]
