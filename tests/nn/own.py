"""A layer that PyTorch does not have, to show what adding one takes: this class, and its case in `cases.py`."""

from __future__ import annotations

import nn
from autodiff import Tensor


class SwiGLU(nn.Module):
    """A gated layer, W3 (silu(W1 x) * W2 x), as in Shazeer, "GLU variants improve Transformer", 2020."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(features, hidden, bias=False)
        self.up = nn.Linear(features, hidden, bias=False)
        self.down = nn.Linear(hidden, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))
