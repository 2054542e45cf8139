"""What a type checker makes of a user's program: `mypy tests/typed_program.py` is part of the check."""

from __future__ import annotations

import typing

import autodiff as ad
import autodiff.nn.functional as same_functional
import nn
import optim

if typing.TYPE_CHECKING:
    from typing_extensions import assert_type  # comes with mypy, which alone reads this


class Net(nn.Module):
    """A network of one's own; its call gives what `forward` says."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 3)
        self.memory = nn.LSTM(3, 3)

    def forward(self, x: ad.Tensor) -> tuple[ad.Tensor, int]:
        """Return the hidden layer, and how many there are."""
        return self.hidden(x), 1


def train() -> float:
    """Train for a step."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    x = ad.tensor([[1.0, 2.0]])
    optimizer = optim.Adam(net.parameters(), lr=0.1)
    loss = nn.MSELoss()(net(x), x)
    assert_type(net(x), ad.Tensor)
    assert_type(Net()(x), tuple[ad.Tensor, int])
    assert_type(loss.item(), float)
    assert_type(nn.functional.softmax(x, 1), ad.Tensor)
    assert_type(same_functional.softmax(x, 1), ad.Tensor)
    assert_type(ad.exp(x) + 1, ad.Tensor)
    loss.backward()
    optimizer.step()
    return loss.item()
