"""The pictures the programs write, in one style and in colours that colour-blind readers can tell apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from examples._command import ExampleError, reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from autodiff.visualize.picture import Picture

# From the palette of Okabe and Ito (2008), "Color Universal Design".
BLUE = "#0072B2"
ORANGE = "#E69F00"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#8A8A8A"
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)  # for lines told apart by colour, in this order


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure (inches) that lays itself out; it belongs to no window and to no global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG picture, in all its colours: fewer would make it smaller, and its lines alike."""
    try:
        figure.savefig(path, dpi=100)
    except OSError as error:
        raise ExampleError(f"cannot write {path}: {reason(error)}") from error


def save_graph(graph: Picture, *paths: Path) -> None:
    """Write what `autodiff.draw` returned, in the format that each path's suffix says."""
    for path in paths:
        try:
            graph.save(path)
        except OSError as error:  # its text says already that this is about a picture
            why = os.strerror(error.errno) if error.errno else reason(error)
            raise ExampleError(f"cannot write {path}: {why}") from error
        except RuntimeError as error:  # no Graphviz: it says what to install
            raise ExampleError(f"cannot write {path}: {reason(error)}") from error


def style(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Name the axes of a plot and take away what is not data."""
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def whole_numbers(axes: Axes) -> None:
    """Put ticks at whole numbers only on the horizontal axis, where half an epoch means nothing."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))


def draw_loss(axes: Axes, losses: Sequence[float], title: str = "Loss") -> None:
    """Plot the loss of every training step, on a logarithmic scale."""
    axes.plot(np.arange(1, len(losses) + 1), losses, color=BLUE)
    axes.set_yscale("log")
    style(axes, title, "step", "loss")


def draw_image(axes: Axes, pixels: NDArray[np.uint8], truth: int, prediction: int) -> None:
    """Show an image with its prediction above; a wrong one is framed and says what it is."""
    axes.imshow(pixels, cmap="gray_r", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    wrong = truth != prediction
    axes.set_title(
        f"{prediction}, is {truth}" if wrong else f"{prediction}",
        fontsize=10,
        pad=4,
        color=VERMILION if wrong else "black",
        fontweight="bold" if wrong else "normal",
    )
    axes.spines[:].set(color=VERMILION if wrong else GREY, linewidth=2.5 if wrong else 0.5)


def image_sheet(
    pixels: NDArray[np.uint8], truths: NDArray[np.int64], predictions: NDArray[np.int64], title: str, columns: int = 10
) -> Figure:
    """
    Arrange images in rows, each with its prediction above.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, height, width)
        The images.
    truths, predictions : ndarray of int64, shape (n,)
        What each shows, and what the network takes it for.
    title : str
        Stands above the sheet.
    columns : int, default 10
        Images in a row.

    Returns
    -------
    Figure
        The sheet.
    """
    rows = -(-len(pixels) // columns)
    figure = new_figure(columns, 1.26 * rows + 0.4)
    figure.suptitle(title, fontweight="bold")
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in cells[len(pixels) :]:
        axes.set_axis_off()
    for axes, image, truth, prediction in zip(cells, pixels, truths, predictions, strict=False):
        draw_image(axes, image, int(truth), int(prediction))
    return figure


def draw_predictions(
    pixels: NDArray[np.uint8], truths: NDArray[np.int64], predictions: NDArray[np.int64], path: Path
) -> None:
    """Write the first 30 images, and up to 10 more that were read wrongly, as a picture, each under its prediction."""
    first = np.arange(min(30, len(pixels)))
    wrong = np.flatnonzero(predictions != truths)
    more = np.setdiff1d(wrong, first)[:10]
    rows = np.concatenate([first, more])
    title = f"Predictions for the first {len(first)} test images"
    if len(more):
        title += f", and for {len(more)} of the {len(wrong):,} read wrongly"
    save(image_sheet(pixels[rows], truths[rows], predictions[rows], title), path)


def draw_confusion(truths: NDArray[np.int64], predictions: NDArray[np.int64], path: Path) -> None:
    """Write as a picture how often each digit (a row) was taken for which (a column)."""
    counts = np.zeros((10, 10), np.int64)
    np.add.at(counts, (truths, predictions), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(5.4, 5)
    axes = figure.subplots()
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)  # the root lets the rare mistakes be seen
    for row, column in zip(*counts.nonzero(), strict=True):
        colour = "white" if shares[row, column] > 0.4 else "black"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", fontsize=8, color=colour)
    style(axes, "What each digit was taken for", "prediction", "truth")
    axes.grid(visible=False)
    axes.set(xticks=range(10), yticks=range(10))
    save(figure, path)
