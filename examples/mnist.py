"""Train a 784-256-128-64-32-10 network on MNIST, or on scikit-learn's digits where MNIST cannot be had."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/mnist.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _plots as plots
from examples._command import (
    ExampleError,
    integer,
    parser,
    positive_number,
    progress,
    require,
    run,
    writable_folder,
)
from examples._download import DownloadError
from examples._images import Images, Labels, Pixels, Split, load_digits
from examples._mnist import load_mnist
from optim import SGD, Adam, Optimizer

HIDDEN = (256, 128, 64, 32)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
}

DEFAULT_LR = {"adam": 1e-3, "momentum": 1e-2, "sgd": 5e-2}


@dataclass(frozen=True)
class Objective:
    """
    What the network's outputs mean: how they are compared with the labels, and read as a digit.

    Parameters
    ----------
    outputs : int
        How many outputs the network has.
    first_guess : float
        What the untrained network answers on average.
    criterion : nn.Module
        The loss of a batch, from the outputs and the targets.
    targets : callable
        Labels of shape (n,) to the targets the criterion expects.
    digits : callable
        Outputs of shape (n, outputs) to the predicted digits, shape (n,).
    """

    outputs: int
    first_guess: float
    criterion: nn.Module
    targets: Callable[[Labels], Labels | Pixels]
    digits: Callable[[NDArray[np.float32]], Labels]


OBJECTIVES = {
    "ce": Objective(
        outputs=10,
        first_guess=0.0,
        criterion=nn.CrossEntropyLoss(),
        targets=lambda labels: labels,
        digits=lambda logits: logits.argmax(axis=1),
    ),
    # Regression: the one output is the digit itself. It starts at the mean of the digits, because Adam would need 4,500
    # steps of 0.001 to move a bias there. Targets of shape (n,) would broadcast against the outputs' shape (n, 1).
    "mse": Objective(
        outputs=1,
        first_guess=4.5,
        criterion=nn.MSELoss(),
        targets=lambda labels: labels[:, None].astype(np.float32),
        digits=lambda values: np.rint(values[:, 0]).clip(0, 9).astype(np.int64),
    ),
}


@dataclass(frozen=True)
class Score:
    """How well a network does on a data set: its mean loss, and the share of images it reads correctly."""

    loss: float
    accuracy: float


@dataclass
class History:
    """What was measured while training: the loss of every step, and both scores after every epoch."""

    steps: list[float] = field(default_factory=list)
    train: list[Score] = field(default_factory=list)
    test: list[Score] = field(default_factory=list)


def he_linear(fan_in: int, fan_out: int, bias: float = 0.0) -> nn.Linear:
    """Return an affine layer with He (Kaiming) uniform weights and a constant bias."""
    layer = nn.Linear(fan_in, fan_out)
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    assert layer.bias is not None  # it has one unless told otherwise
    nn.init.constant_(layer.bias, bias)
    return layer


def build_network(inputs: int, objective: Objective, activation: str) -> nn.Sequential:
    """
    Return the untrained network.

    Parameters
    ----------
    inputs : int
        Pixels of an image.
    objective : Objective
        Decides on the last layer: its width and its bias. The widths between are `HIDDEN`.
    activation : str
        A key of `ACTIVATIONS`.

    Returns
    -------
    nn.Sequential
        For each hidden layer Linear, BatchNorm1d and the activation, then a last Linear.
    """
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise((inputs, *HIDDEN)):
        layers += [he_linear(fan_in, fan_out), nn.BatchNorm1d(fan_out), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers, he_linear(HIDDEN[-1], objective.outputs, bias=objective.first_guess))


def build_optimizer(name: str, model: nn.Module, lr: float) -> Optimizer:
    """Return the optimizer of that name (a key of `DEFAULT_LR`) for the parameters of a model."""
    if name == "adam":
        return Adam(model.parameters(), lr=lr)
    return SGD(model.parameters(), lr=lr, momentum=0.9 if name == "momentum" else 0.0)


def shuffled_batches(images: Images, size: int, rng: np.random.Generator) -> Iterator[tuple[Pixels, Labels]]:
    """
    Deal the images out, in a new order each time, as batches of inputs (size, pixels) and labels (size,).

    The last batch may be short. A single image left over sits the epoch out: batch normalization cannot estimate a
    variance from it.
    """
    order = rng.permutation(len(images))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        if len(rows) > 1:
            yield images.inputs(rows), images.labels[rows]


def train_epoch(
    model: nn.Module, objective: Objective, optimizer: Optimizer, batches: Iterable[tuple[Pixels, Labels]]
) -> list[float]:
    """Take one optimizer step for each batch of images and labels; return the loss of each."""
    model.train()
    losses = []
    for images, labels in batches:
        optimizer.zero_grad()
        loss = objective.criterion(model(images), objective.targets(labels))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def predict(model: nn.Module, images: Images) -> NDArray[np.float32]:
    """Return the outputs for all images of a data set, shape (n, outputs), without recording a graph."""
    model.eval()
    with ad.no_grad():
        starts = range(0, len(images), 5000)
        return np.concatenate([model(images.inputs(slice(start, start + 5000))).numpy() for start in starts])


def score(objective: Objective, outputs: NDArray[np.float32], labels: Labels) -> Score:
    """Compare outputs, shape (n, outputs), with the labels of their images, shape (n,)."""
    with ad.no_grad():
        loss = objective.criterion(ad.tensor(outputs), objective.targets(labels))
    return Score(loss.item(), float(np.mean(objective.digits(outputs) == labels)))


def train(
    model: nn.Module, objective: Objective, optimizer: Optimizer, data: Split, options: argparse.Namespace
) -> History:
    """
    Train for ``options.epochs`` epochs and print a line of scores after each.

    Parameters
    ----------
    model : nn.Module
        The network; trained in place.
    objective : Objective
        What its outputs mean.
    optimizer : Optimizer
        Updates its parameters.
    data : Split
        The images.
    options : argparse.Namespace
        The command line: ``epochs``, ``batch_size`` and ``seed`` are used.

    Returns
    -------
    History
        The measurements.

    Raises
    ------
    ExampleError
        If the loss is no longer a finite number.
    """
    history = History()
    rng = np.random.default_rng(options.seed)
    print("epoch   train loss   train accuracy   test loss   test accuracy     time")
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        batches = shuffled_batches(data.train, options.batch_size, rng)
        steps = math.ceil(len(data.train) / options.batch_size)
        history.steps += train_epoch(model, objective, optimizer, progress(batches, steps, f"epoch {epoch}"))
        if not np.isfinite(history.steps).all():
            raise ExampleError(f"the loss became {history.steps[-1]} in epoch {epoch}: try a smaller --lr")
        train_score, test_score = (
            score(objective, predict(model, images), images.labels) for images in (data.train, data.test)
        )
        history.train.append(train_score)
        history.test.append(test_score)
        print(
            f"{epoch:5}   {train_score.loss:10.4f}   {train_score.accuracy:14.2%}"
            f"   {test_score.loss:9.4f}   {test_score.accuracy:13.2%}   {time.perf_counter() - start:4.1f} s",
            flush=True,
        )
    return history


def draw_curves(history: History, path: Path) -> None:
    """Write the loss and the accuracy over the epochs as a picture."""
    epochs = len(history.test)
    figure = plots.new_figure(10, 4)
    loss, accuracy = figure.subplots(1, 2)
    at_steps = np.arange(1, len(history.steps) + 1) * epochs / len(history.steps)
    loss.plot(at_steps, history.steps, color=plots.GREY, alpha=0.5, linewidth=0.7, label="training batches")
    for name, scores, colour, marker in (
        ("training set", history.train, plots.BLUE, "o"),
        ("test set", history.test, plots.VERMILION, "s"),
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


def draw_predictions(images: Images, digits: Labels, path: Path) -> None:
    """Write the first 30 images, and up to 10 more that were read wrongly, as a picture, each under its prediction."""
    first = np.arange(min(30, len(images)))
    wrong = np.flatnonzero(digits != images.labels)
    more = np.setdiff1d(wrong, first)[:10]
    rows = np.concatenate([first, more])
    title = f"Predictions for the first {len(first)} test images"
    if len(more):
        title += f", and for {len(more)} of the {len(wrong):,} read wrongly"
    plots.save(plots.image_sheet(images.pixels[rows], images.labels[rows], digits[rows], title), path)


def draw_graph(model: nn.Module, objective: Objective, images: Images, path: Path) -> None:
    """Write the graph of one training step on four images as a picture, from top to bottom: it is a long one."""
    model.train()
    inputs = ad.tensor(images.inputs(slice(4)), name="images")
    targets = ad.tensor(objective.targets(images.labels[:4]), name="targets")
    loss = objective.criterion(model(inputs), targets).named("loss")
    ad.draw(loss, params=model, direction="TB").render(path.with_suffix(""), format=path.suffix[1:], cleanup=True)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(__doc__ or "", out="runs/mnist")
    options.add_argument(
        "--data",
        choices=("auto", "mnist", "digits"),
        default="auto",
        help="auto: MNIST from $MNIST_DIR, the cache or the network, else the digits",
    )
    options.add_argument("--optimizer", choices=sorted(DEFAULT_LR), default="adam", help="momentum: SGD with 0.9")
    options.add_argument(
        "--activation", choices=sorted(ACTIVATIONS), default="leaky_relu", help="after each hidden layer"
    )
    options.add_argument(
        "--loss",
        choices=sorted(OBJECTIVES),
        default="ce",
        help="ce: cross entropy of ten classes; mse: squared error of one output, rounded to the nearest digit",
    )
    options.add_argument(
        "--batch-size",
        type=integer(2, why=" (batch normalization needs two images)"),
        default=128,
        help="images in a training step",
    )
    options.add_argument("--epochs", type=integer(1), default=5, help="how often each training image is seen")
    rates = ", ".join(f"{lr:g} for {name}" for name, lr in DEFAULT_LR.items())
    options.add_argument(
        "--lr", type=positive_number, default=argparse.SUPPRESS, help=f"learning rate (default: {rates})"
    )
    settings = options.parse_args(arguments)
    settings.lr = getattr(settings, "lr", DEFAULT_LR[settings.optimizer])
    return settings


def load_data(choice: str, seed: int) -> Split:
    """Return the data set ``--data`` asks for; `seed` splits the digits."""
    if choice == "digits":
        return load_digits(seed)
    try:
        return load_mnist()
    except DownloadError as error:
        if choice == "mnist":
            raise ExampleError(f"{error}; to use files you have, set MNIST_DIR to their folder") from error
        print(f"MNIST is not available, so this trains on scikit-learn's digits instead: {error}")
        return load_digits(seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "tqdm")
    folder = writable_folder(options.out)
    data = load_data(options.data, options.seed)
    objective = OBJECTIVES[options.loss]

    ad.manual_seed(options.seed)
    height, width = data.train.pixels.shape[1:]
    model = build_network(height * width, objective, options.activation)
    optimizer = build_optimizer(options.optimizer, model, options.lr)
    print(f"data       {data.name}: {len(data.train):,} training, {len(data.test):,} test images, {height} x {width}")
    print(f"network    {'-'.join(map(str, (height * width, *HIDDEN, objective.outputs)))}, {options.activation}")
    print(f"training   {options.loss}, {options.optimizer}, lr {options.lr:g}, batch size {options.batch_size}")

    start = time.perf_counter()
    history = train(model, objective, optimizer, data, options)
    print(f"test accuracy {history.test[-1].accuracy:.2%} after {time.perf_counter() - start:.1f} s")

    draw_curves(history, folder / "curves.png")
    draw_predictions(data.test, objective.digits(predict(model, data.test)), folder / "predictions.png")
    draw_graph(model, objective, data.train, folder / "graph.png")
    print(f"pictures in {folder}: curves.png, predictions.png, graph.png")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
