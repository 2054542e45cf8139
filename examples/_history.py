"""What is measured while a network trains, and the curves that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from examples import _plots as plots


@dataclass(frozen=True)
class Score:
    """How well a network does on a data set: its mean loss, and the share of images it reads correctly."""

    loss: float
    accuracy: float


@dataclass
class History:
    """What was measured while training: the loss of every step, both scores after every epoch, the steps' time."""

    steps: list[float] = field(default_factory=list)
    train: list[Score] = field(default_factory=list)
    test: list[Score] = field(default_factory=list)
    seconds: float = field(default=0.0, compare=False)

    def draw(self, path: Path) -> None:
        """Write the loss and the accuracy over the epochs as a picture."""
        epochs = len(self.test)
        figure = plots.new_figure(10, 4)
        loss, accuracy = figure.subplots(1, 2)
        at_steps = np.arange(1, len(self.steps) + 1) * epochs / len(self.steps)
        loss.plot(at_steps, self.steps, color=plots.GREY, alpha=0.5, linewidth=0.7, label="training batches")
        for name, scores, colour, marker in (
            ("training set", self.train, plots.BLUE, "o"),
            ("test set", self.test, plots.VERMILION, "s"),
        ):
            line = {"color": colour, "marker": marker, "label": name}
            loss.plot(range(1, epochs + 1), [after.loss for after in scores], **line)
            accuracy.plot(range(1, epochs + 1), [100 * after.accuracy for after in scores], **line)
        loss.set_yscale("log")
        for axes, quantity, unit in ((loss, "Loss", ""), (accuracy, "Accuracy", " (%)")):
            plots.style(axes, quantity, "epoch", quantity.lower() + unit)
            plots.whole_numbers(axes)
            axes.legend(frameon=False)
        plots.save(figure, path)


def draw_comparison(losses: dict[str, Sequence[float]], path: Path) -> None:
    """Write the loss curves of one network trained in two ways, and how far they are apart, as a picture."""
    figure = plots.new_figure(10, 4)
    curves, difference = figure.subplots(1, 2)
    first, second = map(np.asarray, losses.values())
    window = max(1, len(first) // 100)  # two curves that go up and down with every batch would hide each other
    ends = np.arange(window, len(first) + 1, window)
    for (name, values), colour, width in zip(losses.items(), (plots.SKY, plots.VERMILION), (5, 1.2), strict=True):
        means = np.reshape(values[: ends[-1]], (-1, window)).mean(axis=1)
        curves.plot(ends, means, color=colour, linewidth=width, label=name)
    curves.legend(frameon=False)
    steps = np.arange(1, len(first) + 1)
    difference.plot(steps, np.maximum(np.abs(first - second), 1e-8), color=plots.GREY, linewidth=0.7)
    difference.set_xscale("log")
    for axes in (curves, difference):
        axes.set_yscale("log")
    title = "Loss of the training batches" + f", means of {window}" * (window > 1)
    plots.style(curves, title, "step", "loss")
    plots.style(difference, "How far the two losses are apart", "step", "difference")
    plots.save(figure, path)
