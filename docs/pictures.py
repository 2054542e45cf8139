"""Draw the README's pictures: ``python docs/pictures.py``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import autodiff as ad
import nn

HERE = Path(__file__).parent


def neuron() -> ad.Tensor:
    """Return the loss of one neuron, with every step of the chain rule named."""
    x, y = ad.tensor(1.5, name="x"), ad.tensor(1.0, name="y")
    w = ad.tensor(0.8, requires_grad=True, name="w")
    b = ad.tensor(-0.2, requires_grad=True, name="b")
    z = (w * x + b).named("z")
    o = z.sigmoid().named("o")
    return ((o - y) ** 2 / 2).named("L")


def xor() -> tuple[ad.Tensor, nn.Module]:
    """Return the loss of an untrained 2-8-1 network on the four cases of XOR, and the network."""
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = ad.tensor(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), name="x")
    y = ad.tensor(np.array([[0], [1], [1], [0]], np.float32), name="y")
    return nn.BCEWithLogitsLoss()(model(x), y), model


def main() -> None:
    """Write the pictures beside this file."""
    ad.draw(neuron()).render(HERE / "neuron", format="png", cleanup=True)
    loss, model = xor()
    ad.draw(loss, params=model).render(HERE / "xor", format="png", cleanup=True)


if __name__ == "__main__":
    main()
