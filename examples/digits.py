"""Compare five optimizers on scikit-learn's handwritten digits, with its own neural network beside them."""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/digits.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _plots as plots
from examples._command import integer, parser, print_table, progress, require, run, writable_folder
from examples._step import training_step
from optim import SGD, Adagrad, Adam, Momentum, Optimizer, RMSprop

Rows = NDArray[np.float64]  # float64, as NumPy has it: near a loss of zero Adam magnifies the rounding of float32
Labels = NDArray[np.int64]

BATCH = 64


@dataclass(frozen=True)
class Rule:
    """An optimizer of the study: how it is made for a model's parameters, and the accuracy (%) it had there."""

    make: Callable[[nn.Module], Optimizer]
    reference: float


# The study adds the gradients of a batch up, and so does the loss here (reduction="sum"): its learning rate of 0.01
# holds as it stands. With PyTorch's default, the mean over 64 rows, the same SGD and Momentum would need 0.64; the
# other three divide each gradient by its own size, and do not notice.
RULES = {
    "SGD": Rule(lambda model: SGD(model.parameters(), lr=0.01), 95.0),
    "Momentum": Rule(lambda model: Momentum(model.parameters(), lr=0.01, momentum=0.9), 95.8),
    "AdaGrad": Rule(lambda model: Adagrad(model.parameters(), lr=0.01, eps=1e-8), 96.7),
    "RMSProp": Rule(lambda model: RMSprop(model.parameters(), lr=0.01, alpha=0.9, eps=1e-8), 97.2),
    "Adam": Rule(lambda model: Adam(model.parameters(), lr=0.01, betas=(0.9, 0.99), eps=1e-8), 98.1),
}
SKLEARN = "scikit-learn"
SKLEARN_REFERENCE = "96.1 to 98.1"


@dataclass(frozen=True)
class Data:
    """
    The digits, split and standardized.

    Parameters
    ----------
    x_train, x_test : ndarray, shape (1437, 64) and (360, 64)
        The inputs: each pixel minus its mean and divided by its deviation, both those of the training set.
    y_train, y_test : ndarray of int64
        What they show.
    pixels : ndarray of uint8, shape (360, 8, 8)
        The test images as they are to be shown.
    """

    x_train: Rows
    y_train: Labels
    x_test: Rows
    y_test: Labels
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Result:
    """What one run of a network came to: its loss after every epoch, its answers to the test set, its time."""

    losses: list[float]
    answers: Labels
    seconds: float


def load_data() -> Data:
    """Return the study's split: a fifth for the test, drawn with ``random_state=101``."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    pixels, labels = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(pixels, labels, test_size=0.2, random_state=101)
    scaler = StandardScaler().fit(train)
    images = test.reshape(-1, 8, 8).astype(np.uint8)
    return Data(scaler.transform(train), y_train, scaler.transform(test), y_test, images)


def build_network() -> nn.Sequential:
    """Return the untrained network 64-80-70-10, with PyTorch's initialization; its outputs are logits."""
    return nn.Sequential(
        nn.Linear(64, 80), nn.Sigmoid(), nn.Linear(80, 70), nn.Sigmoid(), nn.Linear(70, 10)
    ).double()  # fmt: skip


def shuffled_batches(x: Rows, y: Labels, rng: np.random.Generator) -> Iterator[tuple[Rows, Labels]]:
    """Deal the rows out in a new order; the last batch is short: 1,437 = 22 x 64 + 29."""
    order = rng.permutation(len(x))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        yield x[rows], y[rows]


def train(name: str, data: Data, epochs: int, seed: int, compiled: bool = False) -> Result:
    """
    Train a new network with one of the five optimizers.

    Parameters
    ----------
    name : str
        A key of `RULES`.
    data : Data
        The digits.
    epochs : int
        How often each training image is seen.
    seed : int
        Decides on the first weights and on the order of the images: the same for every optimizer.
    compiled : bool, default False
        Whether the step is compiled.

    Returns
    -------
    Result
        Its losses are means over the training images, each taken when the image's turn came.
    """
    ad.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = build_network()
    optimizer = RULES[name].make(model)
    criterion = nn.CrossEntropyLoss(reduction="sum")
    step = training_step(optimizer, lambda x, y: criterion(model(x), y), compiled)
    losses = []
    start = time.perf_counter()
    for _ in progress(range(epochs), epochs, f"{name}, seed {seed}", unit="epoch"):
        total = 0.0
        for images, labels in shuffled_batches(data.x_train, data.y_train, rng):
            total += step(images, labels).item()
        losses.append(total / len(data.x_train))
    seconds = time.perf_counter() - start
    with ad.no_grad():
        answers = model(data.x_test).argmax(dim=1).numpy()
    return Result(losses, answers, seconds)


def train_sklearn(data: Data, epochs: int, seed: int) -> Result:
    """Train the study's `MLPClassifier`, which stops by itself when its loss no longer falls."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        (80, 70), activation="logistic", solver="sgd", alpha=0.01, learning_rate_init=0.01, max_iter=epochs,
        random_state=seed,
    )  # fmt: skip
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of `epochs` too few; the loss curve shows it
        model.fit(data.x_train, data.y_train)
    seconds = time.perf_counter() - start
    return Result(model.loss_curve_, model.predict(data.x_test), seconds)


def accuracies(results: Sequence[Result], truth: Labels) -> NDArray[np.float64]:
    """Return the accuracy (%) on the test set of every run."""
    return np.array([100 * np.mean(result.answers == truth) for result in results])


def table_row(name: str, results: Sequence[Result], data: Data) -> list[str]:
    """Return a network's row: the reference, mean and range over the seeds, whether the mean reaches it, ..."""
    scores = accuracies(results, data.y_test)
    rule = RULES.get(name)
    loss = np.mean([result.losses[-1] for result in results])
    return [
        name,
        f"{rule.reference:.1f}" if rule else SKLEARN_REFERENCE,
        f"{scores.mean():.1f}",
        f"{scores.min():.1f} to {scores.max():.1f}",
        "" if rule is None else "yes" if round(scores.mean(), 1) >= rule.reference else "NO",
        f"{loss:.1e}",
        f"{np.mean([len(result.losses) for result in results]):.0f}",
        f"{np.mean([result.seconds for result in results]):.1f}",
    ]


def draw_losses(results: dict[str, list[Result]], path: Path) -> None:
    """Write the loss curves of the five optimizers as a picture: the mean over the seeds, and their range in pale."""
    figure = plots.new_figure(7, 4.5)
    axes = figure.subplots()
    for name, colour in zip(RULES, plots.CYCLE, strict=False):
        curves = np.array([result.losses for result in results[name]])
        epochs = np.arange(1, curves.shape[1] + 1)
        axes.plot(epochs, curves.mean(axis=0), color=colour, label=name)
        axes.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    axes.set(xscale="log", yscale="log")
    plots.style(axes, "Cross entropy on the training set", "epoch", "mean loss")
    axes.legend(frameon=False)
    plots.save(figure, path)


def draw_answers(ours: Labels, theirs: Labels, data: Data, path: Path) -> None:
    """Write test images as a picture, each with both predictions and the truth: first those either has wrong."""
    wrong = np.flatnonzero((ours != data.y_test) | (theirs != data.y_test))[:12]
    others = np.setdiff1d(np.arange(len(ours)), wrong)[: 24 - len(wrong)]
    figure = plots.new_figure(10, 5.6)
    figure.suptitle("Truth, our network's answer (Adam) and scikit-learn's", fontweight="bold")
    for axes, row in zip(figure.subplots(3, 8).ravel(), np.concatenate([wrong, others]), strict=True):
        truth, mine, other = int(data.y_test[row]), int(ours[row]), int(theirs[row])
        plots.draw_image(axes, data.pixels[row], truth, mine if mine != truth else other)  # framed if one is wrong
        axes.set_title(f"is {truth}", fontsize=10, pad=3)
        for x, who, answer in ((0.0, "ours", mine), (1.0, "sklearn", other)):
            axes.text(
                x, -0.05, f"{who} {answer}", transform=axes.transAxes, fontsize=8, va="top",
                ha="left" if x == 0 else "right", color="black" if answer == truth else plots.VERMILION,
                fontweight="normal" if answer == truth else "bold",
            )  # fmt: skip
    plots.save(figure, path)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(
        __doc__ or "",
        out="runs/digits",
        quick="20 epochs (10 times as many of scikit-learn's) and one seed",
        compiles=True,
    )
    options.add_argument("--epochs", type=integer(1), default=1000, help="how often each training image is seen")
    options.add_argument("--seeds", type=integer(1), default=3, help="runs of each network: --seed, --seed + 1, ...")
    settings = options.parse_args(arguments)
    settings.sklearn_epochs = settings.epochs
    if settings.quick:
        settings.epochs, settings.sklearn_epochs, settings.seeds = 20, 200, 1
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "sklearn", "tqdm")
    folder = writable_folder(options.out)
    data = load_data()
    seeds = range(options.seed, options.seed + options.seeds)
    print(f"data      {len(data.x_train):,} training, {len(data.x_test)} test images of scikit-learn's digits")
    print(f"network   64-80-70-10, sigmoid, batches of {BATCH}, {options.epochs:,} epochs")
    print(f"seeds     {', '.join(map(str, seeds))}")

    results = {name: [train(name, data, options.epochs, seed, options.compile) for seed in seeds] for name in RULES}
    results[SKLEARN] = [train_sklearn(data, options.sklearn_epochs, seed) for seed in seeds]
    head = ["optimizer", "reference %", "test %", "range", "reached", "last loss", "epochs", "seconds"]
    print_table(head, [table_row(name, of_seeds, data) for name, of_seeds in results.items()])

    draw_losses(results, folder / "losses.png")
    draw_answers(results["Adam"][0].answers, results[SKLEARN][0].answers, data, folder / "predictions.png")
    print(f"pictures in {folder}: losses.png, predictions.png")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
