"""The pictures of the seminar: points in space, weights, curves, and the network as its neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from examples import _plots as plots
from examples._points import make_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from examples.seminar import Result

CLASSES = ((plots.BLUE, "o"), (plots.ORANGE, "^"))
ENOUGH = 3  # runs that have to agree before a picture says what follows from them


def draw_normalization(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw the points in space, coloured by their class, and as predicted before and after normalization."""
    (_, raw), (_, normalized) = list(results.items())[:2]
    points, classes = make_points(raw[0].settings.points, raw[0].settings.data_seed)
    figure = plots.new_figure(12, 4.6)
    panels = figure.subplots(1, 3, subplot_kw={"projection": "3d"})
    for axes, title, seen in zip(
        panels,
        ("Classes", "Predicted, as they come", "Predicted, normalized"),
        (classes, np.array(raw[0].predictions), np.array(normalized[0].predictions)),
        strict=True,
    ):
        right = np.mean(seen == classes)
        scatter(axes, points, seen, classes)
        axes.set_title(title if seen is classes else f"{title}: {right:.1%} right", fontweight="bold")
    panels[0].legend(loc="upper left", frameon=False)
    figure.suptitle("A cross marks a point that is given the wrong class", fontsize=10)
    plots.save(figure, path)


def scatter(axes: Any, points: NDArray[np.float32], seen: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
    """Draw points in space in the colours of the classes that they are seen as, the wrong ones as crosses."""
    for number, (colour, marker) in enumerate(CLASSES):
        for rows, shape in (
            ((seen == number) & (classes == number), marker),
            ((seen == number) & (classes != number), "x"),
        ):
            if rows.any():
                label = f"class {number + 1}" if shape == marker else None
                look = {"s": 10, "alpha": 0.5} if shape == marker else {"s": 45, "zorder": 3, "depthshade": False}
                axes.scatter(*points[rows].T, c=colour, marker=shape, linewidths=1.8, label=label, **look)
    axes.computed_zorder = False  # the crosses lie above all others, however far away they are
    axes.set(xlabel="$x_1$", ylabel="$x_2$", zlabel="$x_3$")
    axes.set_box_aspect(None, zoom=0.8)  # leaves room for the label of the third axis
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=5)


def draw_weights(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw histograms of the hidden layer's weights before and after training."""
    figure = plots.new_figure(10, 5.6)
    for axes, (name, runs) in zip(figure.subplots(2, 3).ravel(), results.items(), strict=True):
        before, after = (
            np.concatenate([np.array(weights)[:, :3].ravel() for weights in found])
            for found in ([run.before for run in runs], [run.after for run in runs])
        )
        bins = np.linspace(min(before.min(), after.min()), max(before.max(), after.max()), 31)
        axes.hist(before, bins, color=plots.GREY, alpha=0.7, label="before")
        axes.hist(after, bins, histtype="step", color=plots.VERMILION, linewidth=1.6, label="after")
        accuracy = np.mean([run.test.accuracy for run in runs])
        plots.style(axes, f"{name}: {accuracy:.1%}", "weight", "how many")
        axes.set_yscale("log")
        axes.set_ylim(0.8, 2 * before.size)
    axes.legend(frameon=False)
    figure.suptitle(
        "Weights of the hidden layer before and after training, and the accuracy on the test set", fontsize=10
    )
    plots.save(figure, path)


def curves(axes: Axes, name: str, runs: Sequence[Result], colour: str) -> None:
    """Draw the validation accuracy over the epochs: the mean of all runs, and the range between them."""
    percent = 100 * np.array([[after.accuracy for after in run.validation] for run in runs])
    after = np.arange(1, percent.shape[1] + 1)
    axes.plot(after, percent.mean(axis=0), color=colour, label=name)
    axes.fill_between(after, percent.min(axis=0), percent.max(axis=0), color=colour, alpha=0.15, linewidth=0)


def what_lines_are(runs: Sequence[Result]) -> str:
    """Say what the lines and shades of `curves` stand for."""
    return (
        f"Lines: means of {len(runs)} runs; shades: from the lowest to the highest"
        if len(runs) > 1
        else "Lines: of one run"
    )


def draw_batches(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw the validation accuracy for every batch size: over the epochs, and over the seconds."""
    figure = plots.new_figure(10, 4)
    by_epoch, by_time = figure.subplots(1, 2, sharey=True)
    for (name, runs), colour in zip(results.items(), plots.CYCLE, strict=False):
        curves(by_epoch, f"batch {name}", runs, colour)
        percent = 100 * np.mean([[after.accuracy for after in run.validation] for run in runs], axis=0)
        seconds = np.mean([run.seconds for run in runs]) * np.arange(1, len(percent) + 1) / len(percent)
        by_time.plot(seconds, percent, color=colour)
    by_time.set_xscale("log")
    plots.style(by_epoch, "By epochs", "epoch", "validation accuracy (%)")
    plots.style(by_time, "By time", "seconds", "")
    by_epoch.legend(frameon=False)
    figure.suptitle(what_lines_are(runs), fontsize=10)
    plots.save(figure, path)


def draw_epochs(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw the losses and accuracies of the longest training on both sets, and where validation was best on average."""
    runs = list(results.values())[-1]
    figure = plots.new_figure(10, 4)
    for axes, name, scale in zip(figure.subplots(1, 2), ("loss", "accuracy"), (1, 100), strict=True):
        for part, colour in (("train", plots.BLUE), ("validation", plots.VERMILION)):
            values = scale * np.array([[getattr(after, name) for after in getattr(run, part)] for run in runs])
            after = np.arange(1, values.shape[1] + 1)
            axes.plot(after, values.mean(axis=0), color=colour, label=part)
            axes.fill_between(after, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        plots.style(axes, name.capitalize(), "epoch", name + (" (%)" if scale == 100 else ""))
        axes.set_xscale("log")
    losses = np.array([[after.loss for after in run.validation] for run in runs])
    lowest = int(losses.mean(axis=0).argmin())
    which = "mean validation loss" if len(runs) > 1 else "validation loss"
    label = f"lowest {which}: epoch {lowest + 1}"
    for axes in figure.axes:
        axes.axvline(lowest + 1, color=plots.GREY, linestyle="--", linewidth=1, label=label)
    figure.axes[0].legend(frameon=False)
    figure.suptitle("\n".join(filter(None, [what_lines_are(runs), what_follows(losses, lowest)])), fontsize=10)
    plots.save(figure, path)


def what_follows(losses: NDArray[np.float64], lowest: int) -> str:
    """Say that training underfits first and overfits at last, if all of enough runs (rows) show it, else nothing."""
    best = 1.1 * losses[:, lowest]  # a tenth more is more than the noise from one epoch to the next
    if len(losses) < ENOUGH or not ((losses[:, 0] > best) & (losses[:, -1] > best)).all():
        return ""
    return (
        f"In all {len(losses)}, validation is worse at first than at the dashed line: underfitting; "
        "and worse again at the end: overfitting"
    )


def draw_split(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw the accuracies on the three sets for every split, a dot for each run."""
    figure = plots.new_figure(8, 4)
    axes = figure.subplots()
    parts = (("train", plots.BLUE, "o"), ("validation", plots.ORANGE, "^"), ("test", plots.VERMILION, "s"))
    for shift, (part, colour, marker) in enumerate(parts):
        for place, runs in enumerate(results.values()):
            found = [run.test if part == "test" else getattr(run, part)[-1] for run in runs]
            axes.scatter(
                [place + (shift - 1) * 0.2] * len(found),
                [100 * after.accuracy for after in found],
                s=30, color=colour, marker=marker, alpha=0.7, label=None if place else part,
            )  # fmt: skip
    plots.style(axes, "Accuracy on the three sets", "training / validation / test", "accuracy (%)")
    axes.set_xticks(range(len(results)), list(results))
    axes.legend(frameon=False)
    plots.save(figure, path)


def draw_order(results: Mapping[str, Sequence[Result]], path: Path) -> None:
    """Draw the validation accuracy over the epochs for every order of the training points."""
    figure = plots.new_figure(6, 4)
    axes = figure.subplots()
    for (name, runs), colour in zip(results.items(), plots.CYCLE, strict=False):
        curves(axes, name, runs, colour)
    plots.style(axes, "Order of the training points", "epoch", "validation accuracy (%)")
    plots.whole_numbers(axes)
    axes.legend(frameon=False)
    figure.suptitle(what_lines_are(runs), fontsize=10)
    plots.save(figure, path)


def draw_network(result: Result, path: Path) -> None:
    """Draw the neurons and, as lines between them, the weights: blue above 0, vermilion below, thick where large."""
    figure = plots.new_figure(10, 5)
    for axes, title, weights in zip(
        figure.subplots(1, 2), ("Before training", "After training"), (result.before, result.after), strict=True
    ):
        draw_neurons(axes, np.array(weights))
        axes.set_title(title, loc="left", fontweight="bold")
    figure.suptitle("A line is a weight: blue above 0, orange below, thick where it is large in its layer", fontsize=10)
    plots.save(figure, path)


def draw_neurons(axes: Axes, weights: NDArray[np.float64]) -> None:
    """Draw a network of three inputs, a hidden layer and two outputs from the weights of each hidden unit."""
    ends = {"$x_1$": (0, 0.75), "$x_2$": (0, 0.5), "$x_3$": (0, 0.25), "class 1": (2, 0.65), "class 2": (2, 0.35)}
    hidden = [(1, y) for y in np.linspace(0.95, 0.05, len(weights))]
    largest = np.repeat([np.abs(weights[:, :3]).max(), np.abs(weights[:, 3:]).max()], (3, 2))
    for unit, row in zip(hidden, weights / largest, strict=True):
        for end, weight in zip(ends.values(), row, strict=True):
            axes.plot(
                *zip(end, unit, strict=True),
                color=plots.BLUE if weight > 0 else plots.VERMILION,
                linewidth=0.2 + 2.5 * abs(weight),
                alpha=0.7,
                zorder=1,
            )
    for text, (x, y) in ends.items():
        axes.scatter(x, y, s=900, c="white", edgecolors="black", zorder=2)
        axes.annotate(text, (x, y), ha="center", va="center", fontsize=8, zorder=3)
    axes.scatter([x for x, _ in hidden], [y for _, y in hidden], s=120, c="white", edgecolors="black", zorder=2)
    axes.set(xlim=(-0.3, 2.3))
    axes.set_axis_off()
