"""Operators of older versions, said as those of the present one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Attributes = dict[str, Any]
Said = tuple[str, Attributes]

OLDEST = 6  # that of PyTorch's first exporter


def _flat(name: str) -> Callable[[Attributes], Said]:
    """Return what a function of one axis was: of all axes from it on, taken together."""
    return lambda attributes: (f"Flat{name}", attributes)


def _clip(attributes: Attributes) -> Said:
    return "Clip", {"low": attributes.get("min"), "high": attributes.get("max")} if attributes else {}


def _split(attributes: Attributes) -> Said:
    rest = {k: v for k, v in attributes.items() if k != "split"}
    return "Split", rest | {"sizes": attributes["split"]} if "split" in attributes else rest


def _without(op_type: str, **known: Any) -> Callable[[Attributes], Said]:
    """Return what drops attributes that have these values, without which an operator does the same today."""
    return lambda attributes: (op_type, {k: v for k, v in attributes.items() if known.get(k) != v})


#: Of each operator up to which version it was another, and what it was then. Axes and bounds that were attributes have
#: the names of the arguments here, so nothing is to be done for them.
OLDER: dict[str, tuple[int, Callable[[Attributes], Said]]] = {
    "Softmax": (12, _flat("Softmax")),
    "LogSoftmax": (12, _flat("LogSoftmax")),
    "Hardmax": (12, _flat("Hardmax")),
    "Clip": (10, _clip),
    "Split": (12, _split),
    "Resize": (10, lambda attributes: ("Upsample", attributes)),
    "Scatter": (10, lambda attributes: ("ScatterElements", attributes)),
    "BatchNormalization": (8, _without("BatchNormalization", spatial=1, is_test=1)),
    "Dropout": (6, _without("Dropout", is_test=1)),
    "Gemm": (6, _without("Gemm", broadcast=1)),
    "PRelu": (6, lambda attributes: ("ChannelPRelu", attributes)),
    **{
        name: (6, _without(name, broadcast=1))
        for name in ("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Less", "Greater")
    },
}


def modern(op_type: str, attributes: Attributes, version: int) -> Said:
    """Return an operator of a version of ONNX's operators, and its attributes, as they are called here."""
    last, said = OLDER.get(op_type, (0, None))
    return (op_type, attributes) if said is None or version > last else said(attributes)
