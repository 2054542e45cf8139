"""Derivatives under PyTorch's paths: `Function`, `Variable`, `backward`, `grad` and what checks them."""

from __future__ import annotations

from ..check import functional as functional
from ..check.gradcheck import gradcheck as gradcheck
from ..check.gradcheck import gradgradcheck as gradgradcheck
from ..engine.backward import grad as grad
from ..engine.modes import detect_anomaly as detect_anomaly
from ..engine.modes import enable_grad as enable_grad
from ..engine.modes import no_grad as no_grad
from ..engine.modes import set_detect_anomaly as set_detect_anomaly
from ..engine.modes import set_grad_enabled as set_grad_enabled
from ..settings import inference_mode as inference_mode
from . import function as function
from . import graph as graph
from . import variable as variable
from .function import Function as Function
from .roots import backward as backward
from .variable import Variable as Variable
