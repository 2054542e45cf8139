"""Fit a curve with a 1-150-150-1 network: four activations, two optimizers, three batch sizes, and early stopping."""

from __future__ import annotations

import argparse
import functools
import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/regression.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from autodiff.data import DataLoader, TensorDataset
from examples import _plots as plots
from examples._columns import read_columns
from examples._command import (
    ExampleError,
    integer,
    job_count,
    parser,
    positive_number,
    print_table,
    require,
    run,
    silence_divergence,
    writable_folder,
)
from examples._step import training_step
from examples._sweep import sweep
from optim import SGD, Adam, Optimizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HIDDEN = 150
NOISE = 0.1  # the standard deviation of what is added to the generated curve
FEWEST = 10  # points that can be split

Column = NDArray[np.float32]


@dataclass(frozen=True)
class Activation:
    """An activation with its formula and that of its derivative."""

    module: Callable[[], nn.Module]
    function: str
    derivative: str


ACTIVATIONS = {
    "identity": Activation(nn.Identity, "x", "1"),
    "step": Activation(nn.Step, "1 if x ≥ 0, else 0", "0"),
    "sigmoid": Activation(nn.Sigmoid, "σ(x) = 1 / (1 + e⁻ˣ)", "σ(x)(1 − σ(x))"),
    "tanh": Activation(nn.Tanh, "tanh(x)", "1 − tanh²(x)"),
    "relu": Activation(nn.ReLU, "x if x > 0, else 0", "1 if x > 0, else 0"),
    "leaky_relu": Activation(nn.LeakyReLU, "x if x > 0, else 0.01·x", "1 if x > 0, else 0.01"),
}
TRAINED = ("sigmoid", "tanh", "relu", "leaky_relu")  # a line is all that identity can fit; the step has no gradient

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adam": Adam}


@dataclass(frozen=True)
class Data:
    """
    Points of a curve, standardized: with the mean 0 and the deviation 1 of the training set.

    Parameters
    ----------
    name : str
        Where they come from.
    train_x, train_y, test_x, test_y : ndarray of float32, shape (n, 1)
        The two sets.
    mean, deviation : tuple of float
        Of x and y, in the units they came in.
    """

    name: str
    train_x: Column
    train_y: Column
    test_x: Column
    test_y: Column
    mean: tuple[float, float]
    deviation: tuple[float, float]


@dataclass(frozen=True)
class Settings:
    """One point of the grid: all that decides on a run, the seed of its random numbers among it."""

    activation: str
    optimizer: str
    batch_size: int
    lr: float
    epochs: int
    tolerance: float
    seed: int
    compiled: bool = False


@dataclass(frozen=True)
class Fit:
    """
    What came out of a run.

    Parameters
    ----------
    settings : Settings
        What went in.
    train, test : tuple of float
        The mean squared error on the training set, as seen while training, and on the test set after each epoch.
    curve : tuple of float
        The fitted curve at `places`, standardized.
    seconds : float
        How long it took.
    """

    settings: Settings
    train: tuple[float, ...]
    test: tuple[float, ...]
    curve: tuple[float, ...]
    seconds: float = field(compare=False)  # the one thing that two runs of the same settings differ in

    @property
    def diverged(self) -> bool:
        """Whether the loss has left the numbers."""
        return not math.isfinite(self.train[-1] + self.test[-1])

    @property
    def outcome(self) -> str:
        """How the run ended."""
        if self.diverged:
            return "diverged"
        return "stopped early" if len(self.train) < self.settings.epochs else ""


def build_network(activation: str, rng: np.random.Generator) -> nn.Sequential:
    """Return the untrained network with PyTorch's initial weights, drawn from a generator: U(±1 / √fan_in)."""
    model = nn.Sequential(
        nn.Linear(1, HIDDEN),
        ACTIVATIONS[activation].module(),
        nn.Linear(HIDDEN, HIDDEN),
        ACTIVATIONS[activation].module(),
        nn.Linear(HIDDEN, 1),
    )
    for layer in model:
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=rng)
    return model


def fit(data: Data, settings: Settings) -> Fit:
    """
    Train one network, until the loss of an epoch differs from the last one's by less than the tolerance.

    Parameters
    ----------
    data : Data
        The points.
    settings : Settings
        The network, the optimizer and the seed.

    Returns
    -------
    Fit
        The loss curves and the fitted curve.
    """
    start = time.perf_counter()
    rng = np.random.default_rng(settings.seed)
    model = build_network(settings.activation, rng)
    optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), lr=settings.lr)
    criterion = nn.MSELoss()
    step = training_step(optimizer, lambda x, y: criterion(model(x), y), settings.compiled)
    points = TensorDataset(data.train_x, data.train_y)
    batches = DataLoader(points, batch_size=settings.batch_size, shuffle=True, generator=rng)

    train: list[float] = []
    test: list[float] = []
    with silence_divergence():  # the table says which runs have left the numbers
        for _ in range(settings.epochs):
            total = 0.0
            for x, y in batches:
                loss = step(x, y).item()
                total += loss * len(x)  # the last batch may be short: a mean of means would weigh it too much
            train.append(total / len(points))
            test.append(squared_error(predict(model, data.test_x), data.test_y))
            if not math.isfinite(train[-1]) or (len(train) > 1 and abs(train[-1] - train[-2]) < settings.tolerance):
                break
        curve = tuple(predict(model, places(data))[:, 0].tolist())
    return Fit(settings, tuple(train), tuple(test), curve, time.perf_counter() - start)


def predict(model: nn.Module, x: Column) -> Column:
    """Return the network's y for x of shape (n, 1), without recording a graph; the same shape."""
    with ad.no_grad():
        y: Column = model(ad.tensor(x)).numpy()
    return y


def squared_error(found: Column, expected: Column) -> float:
    """Return the mean squared error."""
    return float(np.mean((found.astype(np.float64) - expected) ** 2))


def places(data: Data) -> Column:
    """Return 200 values of x from end to end of the data, at which fitted curves are drawn; shape (200, 1)."""
    both = np.concatenate([data.train_x, data.test_x])
    return np.linspace(both.min(), both.max(), 200, dtype=np.float32)[:, None]


# -- data --------------------------------------------------------------------------------------------------------------


def generate(points: int, seed: int) -> NDArray[np.float64]:
    """Return points of y = sin(2x) + x/2 between -3 and 3, with noise; shape (points, 2)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, points)
    return np.stack([x, np.sin(2 * x) + x / 2 + rng.normal(0, NOISE, points)], axis=1)


def split(points: NDArray[np.float64], test_share: float, seed: int, name: str) -> Data:
    """
    Set some points aside for the test, and standardize all with what the training set says.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 2)
        x and y.
    test_share : float
        The share of the test set.
    seed : int
        Decides which points.
    name : str
        Where the points come from.

    Raises
    ------
    ExampleError
        If x or y is the same in the whole training set.
    """
    order = np.random.default_rng(seed).permutation(len(points))
    held_out = min(max(1, round(len(points) * test_share)), len(points) - 2)
    test, train = points[order[:held_out]], points[order[held_out:]]
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    for column, spread in zip("xy", deviation, strict=True):
        if not (math.isfinite(spread) and spread > 0):
            raise ExampleError(f"{name}: column {column} has no spread that could be fitted: deviation {spread:g}")
    (train_x, train_y), (test_x, test_y) = (
        ((part - mean) / deviation).astype(np.float32).T[..., None] for part in (train, test)
    )
    return Data(name, train_x, train_y, test_x, test_y, tuple(mean.tolist()), tuple(deviation.tolist()))


def load(options: argparse.Namespace) -> Data:
    """Return the data the command line asks for."""
    if options.csv is None:
        points = generate(options.points, options.seed)
        return split(points, options.test_share, options.seed, "sin(2x) + x/2 with noise")
    return split(read_columns(options.csv, ("x", "y"), FEWEST), options.test_share, options.seed, str(options.csv))


# -- what is shown -----------------------------------------------------------------------------------------------------


def function_and_derivative(activation: str, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an activation's values and, by backward, its derivatives at x of any shape."""
    at = ad.tensor(x, requires_grad=True)
    y = ACTIVATIONS[activation].module()(at)
    (gradient,) = ad.grad(y.sum(), at)
    return y.detach().numpy(), gradient.numpy()


def print_activations() -> None:
    """Print the table of functions and derivatives; the numbers are computed by backward."""
    at = np.array([-2.0, -0.5, 0.5, 2.0])
    rows = [
        (name, item.function, item.derivative, *(f"{slope:.4f}" for slope in function_and_derivative(name, at)[1]))
        for name, item in ACTIVATIONS.items()
    ]
    print_table(("activation", "f(x)", "f′(x)", *(f"f′({x:g})" for x in at)), rows)
    print()


def print_results(fits: Sequence[Fit]) -> None:
    """Print the grid; mean squared errors are shares of the variance, of which a constant leaves all, 1."""
    rows = [
        (
            fit.settings.activation,
            fit.settings.optimizer,
            str(fit.settings.batch_size),
            str(len(fit.train)),
            "" if fit.diverged else f"{fit.train[-1]:.4f}",
            "" if fit.diverged else f"{fit.test[-1]:.4f}",
            f"{fit.seconds:.1f} s",
            fit.outcome,
        )
        for fit in fits
    ]
    print_table(("activation", "optimizer", "batch", "epochs", "train MSE", "test MSE", "time", ""), rows)


def draw_activations(path: Path) -> None:
    """Write the six activations with their derivatives as a picture."""
    x = np.linspace(-3, 3, 301)
    figure = plots.new_figure(10, 5.4)
    for axes, name in zip(figure.subplots(2, 3, sharex=True, sharey=True).ravel(), ACTIVATIONS, strict=True):
        y, slope = function_and_derivative(name, x)
        axes.plot(x, y, color=plots.BLUE, label="f")
        axes.plot(x, slope, color=plots.VERMILION, linestyle="--", label="f′")
        plots.style(axes, name, "", "")
        axes.set(ylim=(-1.3, 1.6))
    axes.legend(frameon=False, loc="lower right")
    plots.save(figure, path)


def panels(fits: Sequence[Fit], title: str) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """Return a figure with a panel for each optimizer (rows) and activation (columns)."""
    activations = list(dict.fromkeys(fit.settings.activation for fit in fits))
    optimizers = list(dict.fromkeys(fit.settings.optimizer for fit in fits))
    figure = plots.new_figure(max(3 * len(activations), 5), 2.8 * len(optimizers) + 0.4)
    figure.suptitle(title, fontweight="bold")
    grid = figure.subplots(len(optimizers), len(activations), sharex=True, sharey=True, squeeze=False)
    found = {}
    for (row, optimizer), (column, activation) in itertools.product(enumerate(optimizers), enumerate(activations)):
        found[activation, optimizer] = grid[row, column]
    return figure, found


def colours(fits: Sequence[Fit]) -> dict[int, str]:
    """Return a colour for each batch size."""
    sizes = sorted({fit.settings.batch_size for fit in fits})
    return dict(zip(sizes, itertools.cycle((plots.BLUE, plots.ORANGE, plots.VERMILION, plots.GREY))))


def draw_losses(fits: Sequence[Fit], path: Path) -> None:
    """Write the loss curves as a picture."""
    figure, at = panels(fits, "Mean squared error: training (lines) and test (dots)")
    for fit in fits:
        axes, size = at[fit.settings.activation, fit.settings.optimizer], fit.settings.batch_size
        epochs = range(1, len(fit.train) + 1)
        axes.plot(epochs, fit.train, color=colours(fits)[size], linewidth=1.3, label=f"batch {size}")
        axes.plot(epochs, fit.test, color=colours(fits)[size], linewidth=1.3, linestyle=":")
        axes.set_yscale("log")
    for (activation, optimizer), axes in at.items():
        plots.style(axes, f"{activation}, {optimizer}", "epoch", "MSE")
        axes.label_outer()
    axes.legend(frameon=False, fontsize=8)
    plots.save(figure, path)


def draw_fits(data: Data, fits: Sequence[Fit], path: Path) -> None:
    """Write the fitted curves over the test points as a picture, in the units the data came in."""
    (x_mean, y_mean), (x_deviation, y_deviation) = data.mean, data.deviation
    figure, at = panels(fits, f"Fitted curves, and the test set of {data.name}")
    for axes in at.values():
        axes.scatter(
            data.test_x * x_deviation + x_mean, data.test_y * y_deviation + y_mean, s=10, color=plots.GREY, zorder=1
        )
    for fit in fits:
        axes, size = at[fit.settings.activation, fit.settings.optimizer], fit.settings.batch_size
        curve = np.array(fit.curve) * y_deviation + y_mean
        axes.plot(
            places(data)[:, 0] * x_deviation + x_mean,
            curve,
            color=colours(fits)[size],
            linewidth=1.5,
            label=f"batch {size}",
        )
    for (activation, optimizer), axes in at.items():
        plots.style(axes, f"{activation}, {optimizer}", "x", "y")
        axes.label_outer()
    axes.legend(frameon=False, fontsize=8)
    plots.save(figure, path)


def share(text: str) -> float:
    """Convert the text of an option to a number above 0 and below 1, as a type for `argparse`."""
    value = positive_number(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"expected a number above 0 and below 1, got {text!r}")
    return value


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(
        __doc__ or "", out="runs/regression", quick="100 points, 10 epochs, batch sizes 4 and 8", compiles=True
    )
    options.add_argument("--csv", type=Path, metavar="FILE", help="points to fit: columns x and y (default: generated)")
    options.add_argument("--points", type=integer(FEWEST), default=250, help="how many to generate")
    options.add_argument("--test-share", type=share, default=0.2, help="the share of points set aside for the test")
    options.add_argument("--activation", nargs="+", choices=list(ACTIVATIONS), default=list(TRAINED), help="to compare")
    options.add_argument(
        "--optimizer", nargs="+", choices=list(OPTIMIZERS), default=list(OPTIMIZERS), help="to compare"
    )
    options.add_argument("--batch-size", nargs="+", type=integer(1), default=[1, 4, 8], help="to compare")
    options.add_argument("--lr", type=positive_number, default=1e-4, help="learning rate")
    options.add_argument("--epochs", type=integer(1), default=100, help="at most so many")
    options.add_argument(
        "--tolerance", type=positive_number, default=1e-5, help="stop when the loss of an epoch moves less than this"
    )
    options.add_argument("--jobs", type=job_count, default=1, help="runs at a time; -1: as many as there are cores")
    settings = options.parse_args(arguments)
    if settings.quick:
        settings.points, settings.epochs = min(settings.points, 100), min(settings.epochs, 10)
        settings.batch_size = [size for size in settings.batch_size if size >= 4] or settings.batch_size
    return settings


def grid(options: argparse.Namespace) -> list[Settings]:
    """Return every combination the command line asks for, each once."""
    choices = itertools.product(options.activation, options.optimizer, options.batch_size)
    return [
        Settings(*choice, options.lr, options.epochs, options.tolerance, options.seed, options.compile)
        for choice in dict.fromkeys(choices)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "tqdm", "joblib", "threadpoolctl")
    data = load(options)
    folder = writable_folder(options.out)

    print_activations()
    model = build_network(options.activation[0], np.random.default_rng(options.seed))
    count = sum(p.numel() for p in model.parameters())
    print(f"data       {data.name}: {len(data.train_x):,} training, {len(data.test_x):,} test points, standardized")
    print(f"network    1-{HIDDEN}-{HIDDEN}-1: {count:,} parameters")
    print(f"training   lr {options.lr:g}, at most {options.epochs} epochs, stops below {options.tolerance:g}\n")

    start = time.perf_counter()
    fits = sweep(functools.partial(fit, data), grid(options), options.jobs, "grid")
    print_results(fits)
    print(f"{len(fits)} runs in {time.perf_counter() - start:.1f} s with --jobs {options.jobs}")
    if options.csv is None:
        print(f"the noise alone would leave {(NOISE / data.deviation[1]) ** 2:.4f} of the variance, a constant 1")

    draw_activations(folder / "activations.png")
    draw_losses(fits, folder / "losses.png")
    draw_fits(data, fits, folder / "fits.png")
    print(f"pictures in {folder}: activations.png, losses.png, fits.png")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
