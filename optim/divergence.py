"""Notice that training diverges: a step that meets numbers which are not finite."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import numpy as np


class _Noted(threading.local):
    """What the present step of a thread has met."""

    kind: str | None = None


noted = _Noted()


def note(kind: str, flag: int = 0) -> None:
    """Note something that is not finite; `numpy.errstate` calls this, too."""
    noted.kind = kind


#: Decorates what computes a step: NumPy's warnings, which would point into this library, become notes. It costs nothing
#: where all is well, for the processor watches anyway. Only what was NaN before goes unseen.
watch = np.errstate(over="call", invalid="call", divide="call", under="ignore", call=note)


def message(optimizer: str, kind: str, rates: Iterable[object]) -> str:
    """Say that training diverges, and what helps."""
    present = ", ".join(map(str, dict.fromkeys(rates)))
    return (
        f"{optimizer}: step met numbers that are not finite ({kind}): training diverges. What helps is a smaller lr"
        f"{present and f' than {present}'}, or nn.utils.clip_grad_norm_ before the step; ad.detect_anomaly() finds the "
        "operation that gave the first of them. This optimizer says so only once."
    )
