"""Train a 784-256-128-64-32-10 network on MNIST, or on scikit-learn's digits where MNIST cannot be had."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/mnist.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from autodiff import distributed
from examples import _plots as plots
from examples._command import (
    ExampleError,
    integer,
    parser,
    positive_number,
    print_table,
    progress,
    require,
    run,
    silence_divergence,
    writable_folder,
)
from examples._history import History, Score, draw_comparison
from examples._images import Images, Labels, Pixels, Split
from examples._mnist import load_data
from examples._step import training_step
from optim import SGD, Adam, Optimizer
from optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler

if TYPE_CHECKING:
    from examples._torch_twin import TorchTwin

HIDDEN = (256, 128, 64, 32)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
}

DEFAULT_LR = {"adam": 1e-3, "momentum": 1e-2, "sgd": 5e-2}

# What PyTorch reached on MNIST (test accuracy in % after epochs 1 to 5), by optimizer and learning rate, with this
# network, LeakyReLU, cross entropy and batches of 128.
REFERENCE = {("adam", 1e-3): (96.8, 97.3, 97.7, 97.8, 97.8), ("sgd", 1e-2): (89.5, 93.0, 94.1, 94.8, 95.3)}


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


def build_twin(
    model: nn.Sequential, objective: Objective, optimizer: Optimizer, data: Split, options: argparse.Namespace
) -> TorchTwin:
    """Return the same network in PyTorch, with the same weights, loss, optimizer and schedule."""
    from examples._torch_twin import TorchTwin

    cosine_steps = options.epochs * steps_in_epoch(data, options) if options.schedule == "cosine" else 0
    return TorchTwin(model, objective.criterion, objective.targets, optimizer, cosine_steps)


def build_schedule(optimizer: Optimizer, name: str, steps: int) -> LRScheduler:
    """Return what leads the learning rate over so many steps: ``"constant"``, or to zero along a ``"cosine"``."""
    if name == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return LambdaLR(optimizer, lambda step: 1.0)


def shuffled_batches(
    images: Images, size: int, rng: np.random.Generator, shift: int = 0
) -> Iterator[tuple[Pixels, Labels]]:
    """
    Deal the images out, in a new order each time, as batches of inputs (size, pixels) and labels (size,).

    Each is moved by up to `shift` pixels, differently each time. The last batch may be short. A single image left over
    sits the epoch out: batch normalization cannot estimate a variance from it. Of several processes, each gets an equal
    share of every batch.
    """
    rank, ranks = max(distributed.get_rank(), 0), max(distributed.get_world_size(), 1)
    order = rng.permutation(len(images))
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        if ranks > 1:
            rows = rows[rank : len(rows) - len(rows) % ranks : ranks]
        if len(rows) * ranks > 1:
            inputs = images.shifted_inputs(rows, shift, rng) if shift else images.inputs(rows)
            yield inputs, images.labels[rows]


def train_epoch(
    model: nn.Module,
    objective: Objective,
    schedule: LRScheduler,
    batches: Iterable[tuple[Pixels, Labels]],
    step: Callable[..., ad.Tensor],
) -> list[float]:
    """Take one optimizer step for each batch of images and labels; return the loss of each."""
    model.train()
    losses = []
    for images, labels in batches:
        loss = step(images, objective.targets(labels))
        schedule.step()
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
    model: nn.Module,
    objective: Objective,
    optimizer: Optimizer,
    data: Split,
    options: argparse.Namespace,
    twin: TorchTwin | None = None,
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
        The command line.
    twin : TorchTwin, optional
        The same network in PyTorch, trained epoch by epoch in turn with this one, on the same batches.

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
    schedule = build_schedule(optimizer, options.schedule, options.epochs * steps_in_epoch(data, options))
    step = training_step(optimizer, lambda x, y: objective.criterion(model(x), y), options.compile)
    rng, twin_rng = (np.random.default_rng(options.seed) for _ in range(2))
    print("epoch   train loss   train accuracy   test loss   test accuracy     time")
    for epoch in range(1, options.epochs + 1):
        start = time.perf_counter()
        batches = shuffled_batches(data.train, options.batch_size, rng, options.shift)
        bar = progress(batches, steps_in_epoch(data, options), f"epoch {epoch}")
        with silence_divergence():
            history.steps += train_epoch(model, objective, schedule, bar, step)
        history.seconds += time.perf_counter() - start
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
        if twin:
            twin.train_epoch(shuffled_batches(data.train, options.batch_size, twin_rng, options.shift))
    return history


def steps_in_epoch(data: Split, options: argparse.Namespace) -> int:
    """Return how many batches an epoch has; a single image left over is none."""
    size: int = options.batch_size
    return len(data.train) // size + (len(data.train) % size > 1)


def report_reference(history: History, data: Split, options: argparse.Namespace) -> None:
    """Print the test accuracies beside PyTorch's, if this run is set up as that one was."""
    setting = (len(data.train), options.loss, options.activation, options.batch_size, options.schedule, options.shift)
    reference = REFERENCE.get((options.optimizer, options.lr))
    if reference and setting == (60_000, "ce", "leaky_relu", 128, "constant", 0):
        count = min(len(reference), len(history.test))
        here = [f"{100 * test.accuracy:.1f}" for test in history.test[:count]]
        rows = [["here", *here], ["PyTorch", *map(str, reference[:count])]]
        print_table(["test % after epoch", *map(str, range(1, count + 1))], rows)


def report_comparison(history: History, twin: TorchTwin, objective: Objective, images: Images) -> None:
    """Print how the network and its twin in PyTorch came out."""
    accuracy = score(objective, twin.predict(images), images.labels).accuracy
    rows = [
        ("autodiff", f"{history.steps[-1]:.4f}", f"{history.test[-1].accuracy:.2%}", f"{history.seconds:.1f} s"),
        ("PyTorch", f"{twin.losses[-1]:.4f}", f"{accuracy:.2%}", f"{twin.seconds:.1f} s"),
    ]
    print_table(["trained by", "last loss", "test accuracy", "time of the steps"], rows)
    apart = np.abs(np.subtract(history.steps, twin.losses))
    first = apart[:10].max()
    print(
        f"the losses of {len(apart):,} steps differ by at most {apart.max():.1e}, those of the first ten by {first:.1e}"
    )


def report_regression(digits: Labels, labels: Labels) -> None:
    """Print where the rounded regression fails."""
    distance = np.abs(digits - labels)[digits != labels]
    if len(distance):
        print(f"{len(distance):,} of {len(labels):,} are read wrongly, {np.mean(distance == 1):.0%} of them by one")


def draw_graph(model: nn.Module, objective: Objective, images: Images, path: Path) -> None:
    """Write the graph of one training step on four images as a picture: its modules, from top to bottom."""
    model.train()
    inputs = ad.tensor(images.inputs(slice(4)), name="images")
    targets = ad.tensor(objective.targets(images.labels[:4]), name="targets")
    loss = objective.criterion(model(inputs), targets).named("loss")
    plots.save_graph(ad.draw(loss, params=model, depth=1, direction="TB"), path)


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(
        __doc__ or "", out="runs/mnist", quick="at most 6,000 training images and two epochs", compiles=True
    )
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
    options.add_argument(
        "--schedule", choices=("constant", "cosine"), default="constant", help="cosine: the learning rate falls to zero"
    )
    options.add_argument(
        "--shift", type=integer(0), default=0, metavar="PIXELS", help="move each training image by up to so many"
    )
    options.add_argument(
        "--distributed",
        action="store_true",
        help="share each batch among the processes of mpiexec -n N python -m examples.mnist --distributed",
    )
    options.add_argument(
        "--compare", action="store_true", help="train the same network beside it in PyTorch, which must be installed"
    )
    settings = options.parse_args(arguments)
    settings.epochs = min(settings.epochs, 2) if settings.quick else settings.epochs
    settings.lr = getattr(settings, "lr", DEFAULT_LR[settings.optimizer])
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "tqdm")
    if options.distributed:
        require("mpi4py", what="--distributed", install="mpi4py mpich")
        distributed.init_process_group()
        if distributed.get_rank():  # the first process speaks for all
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # for as long as the process lives
    if options.compare:
        require("torch", what="--compare", install="torch")
    folder = writable_folder(options.out)
    data = load_data(options.data, options.seed)
    data = data.quick() if options.quick else data
    objective = OBJECTIVES[options.loss]

    ad.manual_seed(options.seed)
    height, width = data.train.pixels.shape[1:]
    model: nn.Module = build_network(height * width, objective, options.activation)
    if options.distributed:
        model = nn.parallel.DistributedDataParallel(nn.SyncBatchNorm.convert_sync_batchnorm(model))
    optimizer = build_optimizer(options.optimizer, model, options.lr)
    twin = build_twin(model, objective, optimizer, data, options) if options.compare else None
    print(f"data       {data.name}: {len(data.train):,} training, {len(data.test):,} test images, {height} x {width}")
    print(f"network    {'-'.join(map(str, (height * width, *HIDDEN, objective.outputs)))}, {options.activation}")
    print(f"training   {options.loss}, {options.optimizer}, lr {options.lr:g}, batch size {options.batch_size}")

    history = train(model, objective, optimizer, data, options, twin)
    print(f"test accuracy {history.test[-1].accuracy:.2%} after {history.seconds:.1f} s of training")
    digits = objective.digits(predict(model, data.test))
    report_reference(history, data, options)
    if options.loss == "mse":
        report_regression(digits, data.test.labels)

    if isinstance(model, nn.parallel.DistributedDataParallel):  # from here on each for itself
        model, speaks = model.module, distributed.get_rank() == 0
        distributed.destroy_process_group()
        if not speaks:
            return 0
    history.draw(folder / "curves.png")
    plots.draw_predictions(data.test.pixels, data.test.labels, digits, folder / "predictions.png")
    plots.draw_confusion(data.test.labels, digits, folder / "confusion.png")
    draw_graph(model, objective, data.train, folder / "graph.png")
    if twin:
        report_comparison(history, twin, objective, data.test)
        draw_comparison({"autodiff": history.steps, "PyTorch": twin.losses}, folder / "comparison.png")
    names = "curves.png, predictions.png, confusion.png, graph.png"
    print(f"pictures in {folder}: {names}{', comparison.png' if twin else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
