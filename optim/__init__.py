"""Update rules that turn gradients into steps, and schedules for their learning rates."""

from __future__ import annotations

import importlib
import typing

from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .lbfgs import LBFGS
from .muon import Muon
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD, Momentum

if typing.TYPE_CHECKING:
    from . import swa_utils as swa_utils


def __getattr__(name: str) -> typing.Any:
    """Import what averages models when it is asked for: it needs `nn`."""
    if name == "swa_utils":
        return importlib.import_module(".swa_utils", __name__)
    raise AttributeError(f"module 'optim' has no attribute {name!r}")


__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Momentum", "Muon", "NAdam", "Optimizer",
    "RAdam", "RMSprop", "Rprop", "lr_scheduler", "swa_utils",
]  # fmt: skip


def __dir__() -> list[str]:
    """Return the public names, which tab completion offers."""
    return sorted(__all__)
