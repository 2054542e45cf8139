"""The pictures of the studies of fully connected networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples import _plots as plots
from examples._history import History, Score


def draw_scales(scales: NDArray[np.float64], curves: dict[tuple[str, int], list[Score]], path: Path) -> None:
    """Write test loss and accuracy over the scale of the first weights as a picture; a curve for each (norm, depth)."""
    figure = plots.new_figure(10, 4)
    accuracy, loss = figure.subplots(1, 2)
    for (norm, depth), scores in curves.items():
        line = {
            "label": f"{depth} layers" + (", batch norm" if norm == "batch" else ""),
            "color": plots.BLUE if depth == 3 else plots.VERMILION,
            "linestyle": "--" if norm == "batch" else "-",
            "marker": "o" if depth == 3 else "s",
            "markersize": 4,
        }
        accuracy.plot(scales, [100 * after.accuracy for after in scores], **line)
        loss.plot(scales, [after.loss if np.isfinite(after.loss) else np.nan for after in scores], **line)
    loss.set_yscale("log")
    for axes, quantity in ((accuracy, "accuracy (%)"), (loss, "loss")):
        axes.set_xscale("log")
        plots.style(axes, f"Test {quantity} by initialization", "deviation of the first weights", quantity)
    accuracy.legend(frameon=False, fontsize=9)
    plots.save(figure, path)


def draw_optimizers(histories: dict[str, History], path: Path) -> None:
    """Write the training loss and the accuracies of each optimizer as a picture."""
    figure = plots.new_figure(12, 4)
    panels = figure.subplots(1, 3)
    for (name, history), colour in zip(histories.items(), plots.CYCLE, strict=False):
        epochs = range(1, len(history.train) + 1)
        for axes, values in zip(
            panels,
            (
                [after.loss for after in history.train],
                [100 * after.accuracy for after in history.train],
                [100 * after.accuracy for after in history.test],
            ),
            strict=True,
        ):
            axes.plot(epochs, values, color=colour, label=name)
    panels[0].set_yscale("log")
    for axes, title, quantity in zip(
        panels, ("Training loss", "Training accuracy", "Test accuracy"), ("loss", "%", "%"), strict=True
    ):
        plots.style(axes, title, "epoch", quantity)
        plots.whole_numbers(axes)
    panels[0].legend(frameon=False)
    plots.save(figure, path)


def draw_steps(constant: dict[str, NDArray[np.float64]], factors: dict[str, NDArray[np.float64]], path: Path) -> None:
    """Write as a picture the steps under a constant gradient, and the factors on the gradient in training."""
    figure = plots.new_figure(10, 4)
    left, right = figure.subplots(1, 2)
    for axes, steps in ((left, constant), (right, factors)):
        for (name, values), colour in zip(steps.items(), plots.CYCLE, strict=False):
            axes.plot(np.arange(1, len(values) + 1), values, color=colour, label=name)
        axes.set(xscale="log", yscale="log")
    plots.style(left, "Where the gradient is always 1", "step", "length of the step")
    plots.style(right, "In training", "step", "factor on the gradient, median")
    left.legend(frameon=False)
    plots.save(figure, path)
