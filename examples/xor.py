"""Train a 2-8-1 network on XOR: the smallest problem that needs a hidden layer."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/xor.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _plots as plots
from examples._command import parser, require, run, writable_folder
from examples._step import training_step
from optim import Adam

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
TARGETS = np.array([[0], [1], [1], [0]], dtype=np.float32)


def build_network() -> nn.Sequential:
    """Return the untrained network; its output is a logit, positive where it takes the answer for 1."""
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))


def train(model: nn.Module, steps: int = 200, lr: float = 0.1, compiled: bool = False) -> list[float]:
    """
    Fit the network to the truth table, all four rows in every step.

    Parameters
    ----------
    model : nn.Module
        Maps (4, 2) inputs to (4, 1) logits; trained in place.
    steps : int, default 200
        Updates of the parameters.
    lr : float, default 0.1
        Adam's learning rate.
    compiled : bool, default False
        Whether the step is compiled.

    Returns
    -------
    list of float
        The loss before each step.
    """
    criterion = nn.BCEWithLogitsLoss()
    optimizer = Adam(model.parameters(), lr=lr)
    step = training_step(optimizer, lambda x, y: criterion(model(x), y), compiled)
    return [step(INPUTS, TARGETS).item() for _ in range(steps)]


def probabilities(model: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability the network gives to the answer 1, for inputs of shape (n, 2); shape (n,)."""
    with ad.no_grad():
        answer: NDArray[np.float32] = nn.Sigmoid()(model(inputs)).numpy()
    return answer[:, 0]


def draw_boundary(model: nn.Module, path: Path) -> None:
    """Write the network's answer over the whole plane as a picture, with the four points it was trained on."""
    side = np.linspace(-0.5, 1.5, 201, dtype=np.float32)
    x1, x2 = np.meshgrid(side, side)
    answer = probabilities(model, np.stack([x1.ravel(), x2.ravel()], axis=1)).reshape(x1.shape)

    figure = plots.new_figure(5.6, 5)
    axes = figure.subplots()
    surface = axes.contourf(x1, x2, answer, levels=np.linspace(0, 1, 21), cmap="PuOr", vmin=-0.3, vmax=1.3)
    axes.contour(x1, x2, answer, levels=[0.5], colors="black", linewidths=1.5)
    for value, marker in ((0, "o"), (1, "s")):
        at_x1, at_x2 = INPUTS[TARGETS[:, 0] == value].T
        axes.scatter(
            at_x1, at_x2, s=120, marker=marker, c="white", edgecolors="black", linewidths=1.8, label=f"XOR = {value}"
        )
    plots.style(axes, "Decision boundary", "$x_1$", "$x_2$")
    axes.grid(visible=False)
    axes.set(aspect="equal", xticks=[0, 1], yticks=[0, 1])
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
    figure.colorbar(surface, label="predicted probability of 1", ticks=np.linspace(0, 1, 6))
    plots.save(figure, path)


def draw_loss(losses: Sequence[float], path: Path) -> None:
    """Write the loss curve as a picture."""
    figure = plots.new_figure(6, 4)
    plots.draw_loss(figure.subplots(), losses, "Binary cross entropy")
    plots.save(figure, path)


def draw_graph(model: nn.Module, path: Path) -> None:
    """Write the graph of one training step as a picture, with the gradient at every node."""
    inputs, targets = ad.tensor(INPUTS, name="x"), ad.tensor(TARGETS, name="target")
    loss = nn.BCEWithLogitsLoss()(model(inputs), targets).named("loss")
    plots.save_graph(ad.draw(loss, params=model), path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns 0 if the network has learned all four rows, else 1."""
    options = parser(__doc__ or "", out="runs/xor", quick="all of it: it is quick", compiles=True).parse_args(arguments)
    require("matplotlib")
    folder = writable_folder(options.out)

    ad.manual_seed(options.seed)
    model = build_network()
    draw_graph(model, folder / "graph.png")  # before training, while the gradients are still far from zero
    start = time.perf_counter()
    losses = train(model, compiled=options.compile)
    seconds = time.perf_counter() - start
    predictions = probabilities(model, INPUTS)

    print("x1  x2   XOR   prediction")
    for (x1, x2), target, prediction in zip(INPUTS, TARGETS[:, 0], predictions, strict=True):
        print(f"{x1:2.0f}  {x2:2.0f}  {target:4.0f}   {prediction:.4f} -> {prediction:.0f}")
    solved = bool(np.all((predictions > 0.5) == TARGETS[:, 0]))
    print(f"{'solved' if solved else 'NOT solved'} after {len(losses)} steps in {seconds:.2f} s, loss {losses[-1]:.5f}")

    draw_loss(losses, folder / "loss.png")
    draw_boundary(model, folder / "boundary.png")
    print(f"pictures in {folder}: graph.png, loss.png, boundary.png")
    return 0 if solved else 1


if __name__ == "__main__":
    sys.exit(run(main))
