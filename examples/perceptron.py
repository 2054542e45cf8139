"""Train a perceptron on AND, OR and XOR: one line divides the first two, and no line divides the third."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/perceptron.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _plots as plots
from examples._command import integer, parser, positive_number, print_table, progress, require, run, writable_folder
from examples._step import training_step
from optim import Adam

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = NDArray[np.float32]

INPUTS: Points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
GATES = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0)}


@dataclass(frozen=True)
class Trained:
    """
    A network that was trained on a gate.

    Parameters
    ----------
    gate, learner : str
        Which gate, and what kind of network.
    model : nn.Sequential
        Maps inputs (n, 2) to answers (n, 1): above 0.5 for 1.
    mistakes : list of int
        How many of the four rows it got wrong, in every epoch.
    """

    gate: str
    learner: str
    model: nn.Sequential
    mistakes: list[int]

    @property
    def right(self) -> int:
        """How many of the four rows it gets right now."""
        return 4 - count_mistakes(self.model, targets_of(self.gate))


def targets_of(gate: str) -> Points:
    """Return the truth table of a gate as targets of shape (4, 1), in the order of `INPUTS`."""
    return np.array(GATES[gate], dtype=np.float32)[:, None]


def answers(model: nn.Module, inputs: Points) -> Points:
    """Return what a network answers to inputs of shape (n, 2), without recording a graph; shape (n,)."""
    with ad.no_grad():
        found: Points = model(ad.tensor(inputs)).numpy()
    return found[:, 0]


def count_mistakes(model: nn.Module, targets: Points) -> int:
    """Return how many of the four rows a network gets wrong."""
    return int(np.sum((answers(model, INPUTS) > 0.5) != (targets[:, 0] > 0.5)))


# -- the perceptron ----------------------------------------------------------------------------------------------------


def build_perceptron() -> nn.Sequential:
    """Return one neuron with a step activation: 1 where w1·x1 + w2·x2 + b is at least 0, else 0."""
    return nn.Sequential(nn.Linear(2, 1), nn.Step())


def line_of(perceptron: nn.Sequential) -> tuple[ad.Tensor, ad.Tensor]:
    """Return the weights, shape (1, 2), and the bias, shape (1,), of a perceptron: they are the line it draws."""
    neuron = perceptron[0]
    assert isinstance(neuron, nn.Linear)
    assert neuron.bias is not None  # it has one unless told otherwise
    return neuron.weight, neuron.bias


def train_perceptron(gate: str, epochs: int, lr: float) -> Trained:
    """
    Train by Rosenblatt's rule: after each row, weights and bias move by the error times their input.

    The rule needs no gradient, and there is none: the step is flat on both sides of its jump. Where a line divides the
    rows, it finds one after finitely many mistakes; where none does, it goes round in circles.

    Parameters
    ----------
    gate : str
        A key of `GATES`.
    epochs : int
        Ends after the first epoch without a mistake, or after so many.
    lr : float
        How far the weights move.
    """
    model, targets = build_perceptron(), targets_of(gate)
    weight, bias = line_of(model)
    mistakes = []
    for _ in range(epochs):
        wrong = 0
        for x, y in zip(INPUTS, targets, strict=True):
            with ad.no_grad():
                error = ad.tensor(y) - model(ad.tensor(x))  # 0, or +1, or -1
                weight += lr * error * ad.tensor(x)
                bias += lr * error
            wrong += int(error.item() != 0)
        mistakes.append(wrong)
        if not wrong:
            break
    return Trained(gate, "perceptron", model, mistakes)


# -- the multi-layer perceptron ----------------------------------------------------------------------------------------


def train_mlp(gate: str, epochs: int, lr: float, compiled: bool = False) -> Trained:
    """
    Train a 2-4-1 network by gradient descent: smooth activations have the gradient that the step has not.

    Parameters
    ----------
    gate : str
        A key of `GATES`.
    epochs : int
        Steps of Adam, each on all four rows.
    lr : float
        Its learning rate.
    compiled : bool, default False
        Whether the step is compiled.
    """
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid())
    inputs, targets = ad.tensor(INPUTS), ad.tensor(targets_of(gate))
    criterion = nn.BCELoss()
    step = training_step(Adam(model.parameters(), lr=lr), lambda x, y: criterion(model(x), y), compiled)
    mistakes = []
    for _ in progress(range(epochs), epochs, f"MLP on {gate}", "epoch"):
        mistakes.append(count_mistakes(model, targets_of(gate)))
        step(inputs, targets)
    return Trained(gate, "2-4-1 MLP", model, mistakes)


# -- what is shown -----------------------------------------------------------------------------------------------------


def print_results(results: Sequence[Trained]) -> None:
    """Print what each network has learned beside what is known of it."""
    expected = {"perceptron": {"AND": "learns it", "OR": "learns it", "XOR": "cannot"}}
    rows = [
        (
            result.gate,
            result.learner,
            str(len(result.mistakes)),
            f"{result.right} of 4",
            equation(result.model) if result.learner == "perceptron" else "",
            expected.get(result.learner, {}).get(result.gate, "learns it"),
        )
        for result in results
    ]
    print_table(("gate", "network", "epochs", "right", "its line", "reference"), rows)


def equation(perceptron: nn.Sequential) -> str:
    """Return the equation of the line that divides a perceptron's answers."""
    (w1, w2), (b,) = (part.detach().numpy().ravel() for part in line_of(perceptron))
    return f"{w1:.2f}·x₁ {w2:+.2f}·x₂ {b:+.2f} = 0".replace("+", "+ ").replace(" -", " − ").replace("-", "−")


def draw_decisions(results: Sequence[Trained], path: Path) -> None:
    """Write what each network answers over the plane as a picture, with the line between its answers."""
    side = np.linspace(-0.5, 1.5, 201, dtype=np.float32)
    x1, x2 = np.meshgrid(side, side)
    plane = np.stack([x1.ravel(), x2.ravel()], axis=1)
    figure = plots.new_figure(3 * len(results), 4.2)
    for axes, result in zip(figure.subplots(1, len(results), sharey=True), results, strict=True):
        answer = answers(result.model, plane).reshape(x1.shape)
        axes.contourf(x1, x2, answer, levels=np.linspace(0, 1, 21), cmap="PuOr", vmin=-0.3, vmax=1.3)
        if result.learner == "perceptron":
            draw_line(axes, result.model, side)
        else:
            axes.contour(x1, x2, answer, levels=[0.5], colors="black", linewidths=1.5)
        draw_rows(axes, result)
        plots.style(axes, f"{result.gate}: {result.learner}", "$x_1$", "$x_2$" if result is results[0] else "")
        axes.grid(visible=False)
        axes.set(aspect="equal", xticks=[0, 1], yticks=[0, 1], xlim=(-0.5, 1.5), ylim=(-0.5, 1.5))
    figure.suptitle(
        "Circles are to be 0, squares 1. The answer is 0 on orange, 1 on purple. What is crossed is on the wrong side.",
        fontsize=10,
    )
    plots.save(figure, path)


def draw_line(axes: Axes, perceptron: nn.Sequential, side: Points) -> None:
    """Draw where a perceptron's weighted sum is 0; nowhere, if both weights are."""
    (w1, w2), (b,) = (part.detach().numpy().ravel() for part in line_of(perceptron))
    if w2:
        axes.plot(side, -(w1 * side + b) / w2, color="black", linewidth=1.5)
    elif w1:
        axes.axvline(-b / w1, color="black", linewidth=1.5)


def draw_rows(axes: Axes, result: Trained) -> None:
    """Draw the four rows of the truth table, those on the wrong side crossed."""
    targets = targets_of(result.gate)[:, 0]
    wrong = (answers(result.model, INPUTS) > 0.5) != (targets > 0.5)
    for value, marker in ((0, "o"), (1, "s")):
        at_x1, at_x2 = INPUTS[targets == value].T
        axes.scatter(at_x1, at_x2, s=110, marker=marker, c="white", edgecolors="black", linewidths=1.8, zorder=3)
    at_x1, at_x2 = INPUTS[wrong].T
    for width, colour in ((6, "white"), (3, "black")):  # seen on every colour; its arms reach out from under the mark
        axes.scatter(at_x1, at_x2, s=700, marker="x", c=colour, linewidths=width, zorder=2)


def draw_mistakes(results: Sequence[Trained], path: Path, epochs: int = 20) -> None:
    """
    Write the perceptrons' mistakes in their first epochs as a picture.

    They are counted as training goes, while every mistake moves the line: on XOR all four rows can be answered wrongly
    in an epoch, although no line is wrong about more than three of them.
    """
    figure = plots.new_figure(6, 4)
    axes = figure.subplots()
    colours, markers = (plots.BLUE, plots.ORANGE, plots.VERMILION), "o^s"
    for result, colour, marker in zip(results, colours, markers, strict=True):
        first = result.mistakes[:epochs]
        axes.plot(range(1, len(first) + 1), first, color=colour, marker=marker, label=result.gate)
    longest = max(len(result.mistakes) for result in results)
    title = "The perceptron's mistakes" + (f", first {epochs} of {longest} epochs" if longest > epochs else "")
    plots.style(axes, title, "epoch", "rows answered wrongly when met")
    plots.whole_numbers(axes)
    axes.set(yticks=range(5))
    axes.legend(frameon=False)
    plots.save(figure, path)


def draw_flat_step(path: Path) -> None:
    """Write the chain rule of a perceptron as a picture: its factor of 0 lets no gradient reach the weights."""
    x, y = ad.tensor([1.0, 0.0], name="x"), ad.tensor(0.0, name="y")
    w = ad.tensor([0.5, 0.5], requires_grad=True, name="w")
    b = ad.tensor(-0.2, requires_grad=True, name="b")
    z = ((w * x).sum() + b).named("z")
    o = nn.Step()(z).named("o")
    plots.save_graph(ad.draw(((o - y) ** 2 / 2).named("L"), derivatives=True), path)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    quick = "fewer epochs: 25 for the perceptron on XOR"
    options = parser(__doc__ or "", out="runs/perceptron", quick=quick, compiles=True)
    options.add_argument("--epochs", type=integer(1), default=200, help="at most so many for the perceptron")
    options.add_argument("--lr", type=positive_number, default=0.1, help="how far its weights move at a mistake")
    settings = options.parse_args(arguments)
    if settings.quick:
        settings.epochs = min(settings.epochs, 25)
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns 0 if the perceptron learns AND and OR but not XOR, and the MLP learns XOR."""
    options = parse_options(arguments)
    require("matplotlib", "tqdm")
    folder = writable_folder(options.out)

    ad.manual_seed(options.seed)
    perceptrons = [train_perceptron(gate, options.epochs, options.lr) for gate in GATES]
    results = [*perceptrons, train_mlp("XOR", epochs=200, lr=0.1, compiled=options.compile)]
    print_results(results)
    xor = perceptrons[-1]
    print(
        f"On XOR the perceptron makes {min(xor.mistakes)} to {max(xor.mistakes)} mistakes in each of "
        f"{len(xor.mistakes)} epochs, and would for ever.\n"
        f"A mistake is counted when its row is met, and moves the line at once: the last epoch counted "
        f"{xor.mistakes[-1]}, the line it\nended with gets {xor.right} of 4 right."
    )

    draw_decisions(results, folder / "decisions.png")
    draw_mistakes(perceptrons, folder / "mistakes.png")
    draw_flat_step(folder / "step.png")
    print(f"pictures in {folder}: decisions.png, mistakes.png, step.png")
    return 0 if [result.right == 4 for result in results] == [True, True, False, True] else 1


if __name__ == "__main__":
    sys.exit(run(main))
