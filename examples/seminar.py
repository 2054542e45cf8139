"""Classify random points of three features, and study what decides whether it works: one study for each question."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

if not __package__:  # run as a file, python examples/seminar.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from autodiff.data import DataLoader, TensorDataset
from examples import _plots as plots
from examples import _seminar_pictures as pictures
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
from examples._points import SCALES, Labels, Rows, make_points
from examples._step import training_step
from examples._sweep import sweep
from optim import SGD, Adam, Optimizer

FEWEST = 100  # points that can be split into three sets

INITIALIZATIONS: dict[str, Callable[[ad.Tensor, np.random.Generator], ad.Tensor]] = {
    "constant 0.5": lambda weight, _: nn.init.constant_(weight, 0.5),
    "normal 0.01": lambda weight, rng: nn.init.normal_(weight, std=0.01, generator=rng),
    "normal 0.1": lambda weight, rng: nn.init.normal_(weight, std=0.1, generator=rng),
    "normal 0.5": lambda weight, rng: nn.init.normal_(weight, std=0.5, generator=rng),
    "normal 10": lambda weight, rng: nn.init.normal_(weight, std=10, generator=rng),
    "uniform ±0.5": lambda weight, rng: nn.init.uniform_(weight, -0.5, 0.5, generator=rng),
}

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adam": Adam}

ORDERS = ("shuffled every epoch", "shuffled once", "sorted by class")


@dataclass(frozen=True)
class Settings:
    """All that decides on a run: the points, the network, the training, and the seeds of both."""

    points: int = 1000
    data_seed: int = 0
    seed: int = 0
    normalize: bool = True
    wrong_labels: float = 0.0
    train_share: float = 0.6
    validation_share: float = 0.2
    hidden: int = 16
    initialization: str = "normal 0.5"
    optimizer: str = "sgd"
    lr: float = 0.1
    batch_size: int = 32
    epochs: int = 200
    order: str = ORDERS[0]
    compiled: bool = False


@dataclass(frozen=True)
class Score:
    """The mean loss on a set, and the share of its points that get their class."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Result:
    """
    What came out of a run.

    Parameters
    ----------
    settings : Settings
        What went in.
    train, validation : tuple of Score
        After every epoch.
    test : Score
        At the end.
    predictions : tuple of int
        The class of every point of the data set, as the network sees it at the end.
    before, after : tuple of tuple of float
        A row for each hidden unit: its weights from the three features, then those to the two classes.
    seconds : float
        How long it took.
    """

    settings: Settings
    train: tuple[Score, ...]
    validation: tuple[Score, ...]
    test: Score
    predictions: tuple[int, ...]
    before: tuple[tuple[float, ...], ...]
    after: tuple[tuple[float, ...], ...]
    seconds: float = field(compare=False)  # the one thing that two runs of the same settings differ in


# -- data --------------------------------------------------------------------------------------------------------------


def split(settings: Settings) -> tuple[Labels, Labels, Labels]:
    """Return the numbers of the training, validation and test points; what the first two leave is the test set."""
    order = np.random.default_rng([settings.data_seed, settings.seed]).permutation(settings.points)
    first = round(settings.points * settings.train_share)
    second = first + round(settings.points * settings.validation_share)
    return order[:first], order[first:second], order[second:]


def min_max(points: Rows, train: Labels) -> Rows:
    """Move every feature to the range from 0 to 1, as far as the training set knows it."""
    lowest, highest = points[train].min(axis=0), points[train].max(axis=0)
    scaled: Rows = (points - lowest) / (highest - lowest)
    return scaled


# -- training ----------------------------------------------------------------------------------------------------------


def build_network(settings: Settings, rng: np.random.Generator) -> nn.Sequential:
    """Return the untrained network 3-16-2: a hidden layer of tanh units, two logits; biases begin at 0."""
    model = nn.Sequential(nn.Linear(3, settings.hidden), nn.Tanh(), nn.Linear(settings.hidden, 2))
    for layer in linear_layers(model):
        INITIALIZATIONS[settings.initialization](layer.weight, rng)
        assert layer.bias is not None  # it has one unless told otherwise
        nn.init.zeros_(layer.bias)
    return model


def linear_layers(model: nn.Sequential) -> list[nn.Linear]:
    """Return the layers that have weights."""
    return [layer for layer in model if isinstance(layer, nn.Linear)]


def train(settings: Settings) -> Result:
    """
    Train one network; every random number comes from the seeds in the settings.

    Raises
    ------
    ExampleError
        If the loss is no longer a finite number.
    """
    start = time.perf_counter()
    rng = np.random.default_rng(settings.seed)
    points, classes = make_points(settings.points, settings.data_seed)
    train_rows, validation_rows, test_rows = split(settings)
    inputs = min_max(points, train_rows) if settings.normalize else points
    flipped = rng.random(settings.points) < settings.wrong_labels
    labels = np.where(flipped, 1 - classes, classes)
    if settings.order == "sorted by class":
        train_rows = train_rows[np.argsort(labels[train_rows], kind="stable")]

    model = build_network(settings, rng)
    criterion = nn.CrossEntropyLoss()
    optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), lr=settings.lr)
    batches = DataLoader(
        TensorDataset(inputs[train_rows], labels[train_rows]),
        batch_size=settings.batch_size,
        shuffle=settings.order == "shuffled every epoch",
        generator=rng,
    )
    step = training_step(optimizer, lambda x, y: criterion(model(x), y), settings.compiled)
    before, curve = unit_weights(model), []
    with silence_divergence():
        for _ in range(settings.epochs):
            for x, y in batches:
                step(x, y)
            curve.append(tuple(score(model, inputs[rows], labels[rows]) for rows in (train_rows, validation_rows)))
            if not math.isfinite(curve[-1][0].loss):
                raise ExampleError(f"the loss became {curve[-1][0].loss} in epoch {len(curve)}: try a smaller --lr")
    train_curve, validation_curve = zip(*curve, strict=True)
    return Result(
        settings,
        train_curve,
        validation_curve,
        score(model, inputs[test_rows], labels[test_rows]),
        tuple(logits(model, inputs).argmax(axis=1).tolist()),
        before,
        unit_weights(model),
        time.perf_counter() - start,
    )


def logits(model: nn.Module, inputs: Rows) -> Rows:
    """Return the network's outputs for inputs of shape (n, 3), without recording a graph; shape (n, 2)."""
    with ad.no_grad():
        outputs: Rows = model(ad.tensor(inputs)).numpy()
    return outputs


def score(model: nn.Module, inputs: Rows, labels: Labels) -> Score:
    """Measure the network on some points."""
    outputs = logits(model, inputs)
    loss = nn.functional.cross_entropy(ad.tensor(outputs), ad.tensor(labels))
    return Score(loss.item(), float(np.mean(outputs.argmax(axis=1) == labels)))


def unit_weights(model: nn.Sequential) -> tuple[tuple[float, ...], ...]:
    """Return a row for each hidden unit: its weights from the three features, then those to the two classes."""
    first, second = (layer.weight.detach().numpy() for layer in linear_layers(model))
    return tuple(map(tuple, np.concatenate([first, second.T], axis=1).tolist()))


# -- studies -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Study:
    """
    One question, asked by training a few variants.

    Parameters
    ----------
    question : str
        In words.
    variants : callable
        From the settings of the command line to those of each variant, by name.
    draw : callable
        Writes the picture, from the results of each variant and the path.
    note : tuple of (str, callable), optional
        The name of one more column, and what it says of a result, as a number that is averaged.
    reference : callable, optional
        The accuracy of the study that this repeats, for the settings of a variant, in percent.
    """

    question: str
    variants: Callable[[Settings], dict[str, Settings]]
    draw: Callable[[Mapping[str, Sequence[Result]], Path], None]
    note: tuple[str, Callable[[Result], float]] | None = None
    reference: Callable[[Settings], str] | None = None


def normalization(base: Settings) -> dict[str, Settings]:
    """Vary the range of the inputs, at two sizes of the data set."""
    return {
        f"{points:,} points, {name}": replace(base, points=points, normalize=normalize)
        for points in (base.points, 5 * base.points)
        for name, normalize in (("as they come", False), ("min-max normalized", True))
    }


def follows_third(result: Result) -> float:
    """Return for how many points, in %, the network says what the sign of their third feature says."""
    points, _ = make_points(result.settings.points, result.settings.data_seed)
    return 100 * float(np.mean((points[:, 2] > 0) == np.array(result.predictions)))


def initialization(base: Settings) -> dict[str, Settings]:
    """Vary the weights that training begins with."""
    return {name: replace(base, initialization=name) for name in INITIALIZATIONS}


def distinct_units(result: Result) -> float:
    """Return how many hidden units differ from all others after training."""
    return len(np.unique(np.round(np.array(result.after), 5), axis=0))


def batch(base: Settings) -> dict[str, Settings]:
    """Vary the number of points in a step, up to the whole training set, in a quarter of the epochs."""
    whole = round(base.points * base.train_share)
    return {f"{size:,}": replace(base, batch_size=size, epochs=base.epochs // 4) for size in (1, 4, 16, 64, whole)}


def steps(result: Result) -> float:
    """Return how many steps the optimizer took."""
    settings = result.settings
    return settings.epochs * math.ceil(round(settings.points * settings.train_share) / settings.batch_size)


def epochs(base: Settings) -> dict[str, Settings]:
    """Vary the length of training where it can go wrong: a tenth of the points, some labelled wrongly, many units."""
    few = replace(base, train_share=0.1, validation_share=0.45, wrong_labels=0.1)
    hard = replace(few, hidden=64, optimizer="adam", lr=0.03, batch_size=16)
    return {f"{n:,} epochs": replace(hard, epochs=n) for n in (2, base.epochs // 10, 5 * base.epochs)}


def best_epoch(result: Result) -> float:
    """Return the epoch after which the validation loss was lowest."""
    return 1 + int(np.argmin([after.loss for after in result.validation]))


def shares(base: Settings) -> dict[str, Settings]:
    """Vary how many points train, validate and test."""
    return {
        f"{train:.0%} / {validation:.0%} / {1 - train - validation:.0%}": replace(
            base, train_share=train, validation_share=validation
        )
        for train, validation in ((0.02, 0.49), (0.1, 0.45), (0.6, 0.2), (0.8, 0.1), (0.9, 0.05))
    }


def order(base: Settings) -> dict[str, Settings]:
    """Vary the order in which the training points come, one at a time, in a tenth of the epochs."""
    return {name: replace(base, order=name, batch_size=1, epochs=base.epochs // 10) for name in ORDERS}


def first_class(result: Result) -> float:
    """Return the share of all points that are taken for the first class, in %: about half of them are of it."""
    return 100 * float(np.mean(np.array(result.predictions) == 0))


STUDIES = {
    "normalization": Study(
        "Do the features have to have the same range?",
        normalization,
        pictures.draw_normalization,
        ("as sign of x₃ %", follows_third),
        reference=lambda settings: "98" if settings.normalize else "73",
    ),
    "initialization": Study(
        "What may the first weights be?", initialization, pictures.draw_weights, ("distinct units", distinct_units)
    ),
    "batch": Study("How many points in a step?", batch, pictures.draw_batches, ("steps", steps)),
    "epochs": Study("How long?", epochs, pictures.draw_epochs, ("mean best epoch", best_epoch)),
    "split": Study("How many points to train, to validate, to test?", shares, pictures.draw_split),
    "order": Study("In which order?", order, pictures.draw_order, ("first class %", first_class)),
}


def conduct(study: Study, base: Settings, repeats: int, jobs: int) -> dict[str, list[Result]]:
    """Train every variant from as many seeds as asked for; return the results by variant."""
    variants = study.variants(base)
    grid = [replace(variant, seed=base.seed + i) for variant in variants.values() for i in range(repeats)]
    results = sweep(train, grid, jobs, study.question)
    return {name: results[i * repeats : (i + 1) * repeats] for i, name in enumerate(variants)}


def print_study(study: Study, results: Mapping[str, Sequence[Result]]) -> None:
    """Print the accuracies of every variant: mean ± standard deviation over the seeds, in percent."""
    rows = []
    for name, runs in results.items():
        measured = ([run.train[-1] for run in runs], [run.validation[-1] for run in runs], [run.test for run in runs])
        cells = [spread([100 * after.accuracy for after in part]) for part in measured]
        if study.reference:
            cells.append(study.reference(runs[0].settings))
        if study.note:
            cells.append(f"{np.mean([study.note[1](run) for run in runs]):,.5g}")
        rows.append([name, *cells, f"{np.mean([run.seconds for run in runs]):.2f} s"])
    columns = ["train %", "validation %", "test %"]
    columns += ["reference %"] * bool(study.reference) + ([study.note[0]] if study.note else [])
    print_table([study.question, *columns, "time of a run"], rows)


def spread(values: Sequence[float]) -> str:
    """Write numbers as their mean and, where there are several, their standard deviation."""
    mean = f"{np.mean(values):.1f}"
    return f"{mean} ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else mean


def show_architecture(base: Settings, folder: Path) -> None:
    """Write the network as modules and as neurons, the latter with its weights before and after training."""
    points, classes = make_points(8, base.data_seed)
    model = build_network(base, np.random.default_rng(base.seed))
    x, y = ad.tensor(points, name="points"), ad.tensor(classes, name="classes")
    loss = nn.CrossEntropyLoss()(model(x), y).named("loss")
    plots.save_graph(ad.draw(loss, params=model, depth=1), folder / "architecture.png")
    pictures.draw_network(train(base), folder / "network.png")
    nn.summary(model, (base.batch_size, 3))


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(__doc__ or "", out="runs/seminar", quick="500 points, 60 epochs, one seed", compiles=True)
    options.add_argument(
        "study", nargs="?", choices=("all", "architecture", *STUDIES), default="all", help="which question to ask"
    )
    options.add_argument("--points", type=integer(FEWEST), default=1000, help="in the data set")
    options.add_argument("--epochs", type=integer(10), default=200, help="how often each training point is seen")
    options.add_argument("--lr", type=positive_number, default=0.1, help="learning rate")
    options.add_argument("--repeats", type=integer(1), default=5, help="seeds for each variant")
    options.add_argument("--jobs", type=job_count, default=1, help="runs at a time; -1: as many as there are cores")
    settings = options.parse_args(arguments)
    if settings.quick:
        settings.points, settings.epochs = min(settings.points, 500), min(settings.epochs, 60)
        settings.repeats = 1
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "tqdm", "joblib", "threadpoolctl")
    folder = writable_folder(options.out)
    base = Settings(
        points=options.points,
        data_seed=options.seed,
        seed=options.seed,
        epochs=options.epochs,
        lr=options.lr,
        compiled=options.compile,
    )
    points, classes = make_points(base.points, base.data_seed)
    alone = np.mean((points[:, 2] > 0) == classes)
    print(
        f"{base.points:,} points of three features, within ±{', ±'.join(f'{scale:g}' for scale in SCALES)};\n"
        f"the sign of the third alone gives {alone:.1%} of them their class\n"
    )
    written = []
    if options.study in ("all", "architecture"):
        show_architecture(base, folder)
        written += ["architecture.png", "network.png"]
    for name, study in STUDIES.items():
        if options.study in ("all", name):
            results = conduct(study, base, options.repeats, options.jobs)
            print()
            print_study(study, results)
            study.draw(results, folder / f"{name}.png")
            written.append(f"{name}.png")
    print(f"\npictures in {folder}: {', '.join(written)}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
