"""Study fully connected networks of any depth: gradients, regularization, initialization, optimizers, steps."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/fully_connected.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
from examples import _fully_connected_pictures as pictures
from examples._command import (
    integer,
    number,
    parser,
    positive_number,
    print_table,
    progress,
    require,
    run,
    silence_divergence,
    writable_folder,
)
from examples._history import History, Score
from examples._images import Labels, Pixels, load_digits
from examples._step import training_step
from optim import SGD, Adagrad, Adam, Momentum, Optimizer, RMSprop

BATCH = 100
NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}

# The course's update rules with its settings. RMSprop's epsilon stands outside the root, as it does there.
RULES: dict[str, Callable[[nn.Module], Optimizer]] = {
    "SGD": lambda model: SGD(model.parameters(), lr=1e-2),
    "Momentum": lambda model: Momentum(model.parameters(), lr=1e-2, momentum=0.9),
    "RMSprop": lambda model: RMSprop(model.parameters(), lr=1e-4, alpha=0.99, eps=1e-8),
    "Adam": lambda model: Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8),
}


@dataclass(frozen=True)
class Data:
    """The digits: inputs of shape (n, 64) with the training images' mean taken off, labels of shape (n,)."""

    x_train: Pixels
    y_train: Labels
    x_test: Pixels
    y_test: Labels


@dataclass(frozen=True)
class Architecture:
    """
    A network {affine, [norm], ReLU, [dropout]} x (depth - 1), affine, and the penalty on its weights.

    Parameters
    ----------
    depth : int
        The number of affine layers.
    width : int
        The size of each hidden layer.
    norm : str
        ``"none"`` or a key of `NORMS`.
    dropout : float
        The share of hidden activations set to zero in training.
    weight_scale : float, optional
        The deviation of the first, normal, weights; None: He's, the root of 2 / fan-in.
    l2 : float
        The weight of half the sum of the squared weights in the loss.
    """

    depth: int = 5
    width: int = 100
    norm: str = "none"
    dropout: float = 0.0
    weight_scale: float | None = None
    l2: float = 0.0

    def __str__(self) -> str:
        norm = "" if self.norm == "none" else f"{self.norm} norm, "
        dropout = f", dropout {self.dropout:g}" if self.dropout else ""
        scale = f"deviation {self.weight_scale:g}" if self.weight_scale else "He's deviation"
        block = f"{{affine of {self.width}, {norm}ReLU{dropout}}} x {self.depth - 1}, affine"
        return f"{block}; weights of {scale}, L2 of {self.l2:g}"

    def build(self, inputs: int, outputs: int) -> nn.Sequential:
        """Return a new network; its outputs are logits."""
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise([inputs, *[self.width] * (self.depth - 1)]):
            layers.append(self._affine(fan_in, fan_out))
            if self.norm != "none":
                layers.append(NORMS[self.norm](fan_out))
            layers.append(nn.ReLU())
            if self.dropout:
                layers.append(nn.Dropout(self.dropout))
        return nn.Sequential(*layers, self._affine(self.width if self.depth > 1 else inputs, outputs))

    def _affine(self, fan_in: int, fan_out: int) -> nn.Linear:
        layer = nn.Linear(fan_in, fan_out)
        nn.init.normal_(layer.weight, std=self.weight_scale or math.sqrt(2 / fan_in))
        assert layer.bias is not None  # it has one unless told otherwise
        nn.init.zeros_(layer.bias)
        return layer

    def loss(self, model: nn.Sequential, x: NDArray[np.floating], y: Labels) -> ad.Tensor:
        """Return the cross entropy of a batch, with the penalty on the weights, but not on the biases."""
        loss = nn.functional.cross_entropy(model(x), ad.as_tensor(y))
        for layer in model:
            if self.l2 and isinstance(layer, nn.Linear):
                loss = loss + 0.5 * self.l2 * (layer.weight * layer.weight).sum()
        return loss


def load_data(seed: int) -> Data:
    """Return scikit-learn's digits, which need no download; `seed` decides on the fifth kept for the test."""
    split = load_digits(seed)
    x_train, x_test = (images.inputs(slice(None)) for images in (split.train, split.test))
    mean = x_train.mean(axis=0)
    return Data(x_train - mean, split.train.labels, x_test - mean, split.test.labels)


def shuffled_batches(data: Data, rng: np.random.Generator) -> Iterator[tuple[Pixels, Labels]]:
    """Deal the training images out in a new order, in batches of `BATCH` and a short last one."""
    order = rng.permutation(len(data.x_train))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        yield data.x_train[rows], data.y_train[rows]


def train(architecture: Architecture, rule: str, data: Data, epochs: int, seed: int, compiled: bool = False) -> History:
    """
    Train a new network; the seed decides on its first weights and on the order of the images.

    Parameters
    ----------
    architecture : Architecture
        The network and its loss.
    rule : str
        A key of `RULES`.
    data : Data
        The digits.
    epochs : int
        How often each training image is seen.
    seed : int
        Makes the run repeatable.
    compiled : bool, default False
        Whether the step is compiled.

    Returns
    -------
    History
        The loss of every step, and both scores after every epoch.
    """
    ad.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = architecture.build(data.x_train.shape[1], 10)
    step = training_step(RULES[rule](model), lambda x, y: architecture.loss(model, x, y), compiled)
    history = History()
    for _ in range(epochs):
        model.train()
        for x, y in shuffled_batches(data, rng):
            history.steps.append(step(x, y).item())
        history.train.append(score(model, data.x_train, data.y_train))
        history.test.append(score(model, data.x_test, data.y_test))
    return history


def score(model: nn.Sequential, x: Pixels, y: Labels) -> Score:
    """Return the cross entropy and the accuracy on a data set."""
    model.eval()
    with ad.no_grad():
        logits = model(x)
        loss = nn.functional.cross_entropy(logits, ad.tensor(y)).item()
    return Score(loss, float(np.mean(logits.numpy().argmax(axis=1) == y)))


def relative_error(analytic: NDArray[np.float64], numeric: NDArray[np.float64]) -> float:
    """Return the largest difference of two gradients, as a share of the largest entry of either."""
    size = max(np.abs(analytic).max(), np.abs(numeric).max())
    return float(np.abs(analytic - numeric).max() / size)


def numerical_gradient(loss: Callable[[], float], values: NDArray[np.float64], h: float = 1e-6) -> NDArray[np.float64]:
    """Return the derivative of a loss by each entry of an array it depends on, by central differences."""
    gradient = np.empty_like(values)
    for place in np.ndindex(values.shape):
        kept = values[place]
        values[place] = kept + h
        above = loss()
        values[place] = kept - h
        below = loss()
        values[place] = kept
        gradient[place] = (above - below) / (2 * h)
    return gradient


def check_gradients(architecture: Architecture, seed: int) -> dict[str, float]:
    """
    Compare the gradients of a small network of this kind with numerical ones.

    Parameters
    ----------
    architecture : Architecture
        Its width and weight scale are replaced by small and He's ones.
    seed : int
        Decides on weights and data, and on what dropout drops, which must be the same at every evaluation.

    Returns
    -------
    dict of str to float
        The largest relative error among the weights, the biases, and the scales and shifts of the normalization. A bias
        in front of batch normalization is taken off again: its gradient is zero, and is left out.
    """
    architecture = replace(architecture, width=8, weight_scale=None)
    ad.manual_seed(seed)
    model = architecture.build(6, 4).double()
    for layer in model:  # biases of zero put a unit whose inputs are all off exactly on ReLU's kink
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            nn.init.normal_(layer.bias, std=0.3)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(7, 6)), rng.integers(0, 4, 7)

    def loss() -> ad.Tensor:
        ad.manual_seed(seed)
        return architecture.loss(model, x, y)

    loss().backward()
    errors: dict[str, float] = {}
    for layer in model:
        for name, parameter in layer.named_parameters():
            kind = name if isinstance(layer, nn.Linear) else f"norm's {name}"
            assert parameter.grad is not None  # the loss depends on every parameter
            numeric = numerical_gradient(lambda: loss().item(), parameter.detach().numpy())
            if np.abs(numeric).max() > 1e-8:
                errors[kind] = max(errors.get(kind, 0.0), relative_error(parameter.grad.numpy(), numeric))
    return errors


def study_check(data: Data, options: argparse.Namespace, folder: Path) -> None:
    """Print the relative errors of the gradients of five kinds of networks."""
    kinds = ["weight", "bias", "norm's weight", "norm's bias"]
    rows = []
    for name, architecture in variants(replace(options.architecture, depth=min(options.architecture.depth, 5))).items():
        errors = check_gradients(architecture, options.seed)
        rows.append([name, *(f"{errors[kind]:.1e}" if kind in errors else "" for kind in kinds)])
    print_table(["relative error of gradients", *kinds], rows)


def variants(base: Architecture) -> dict[str, Architecture]:
    """Return a network and the four that add one thing to it."""
    return {
        "as asked": base,
        "with batch norm": replace(base, norm="batch"),
        "with layer norm": replace(base, norm="layer"),
        "with dropout of 0.2": replace(base, dropout=0.2),
        "with L2 of 0.001": replace(base, l2=1e-3),
    }


def study_network(data: Data, options: argparse.Namespace, folder: Path) -> None:
    """Train the network asked for, and with one thing added, and print how they do."""
    rows = []
    networks = variants(options.architecture)
    for name, architecture in progress(networks.items(), len(networks), "networks", unit="network"):
        history = train(architecture, options.optimizer, data, options.epochs, options.seed, options.compile)
        seen, unseen = history.train[-1], history.test[-1]
        rows.append([name, f"{seen.loss:.4f}", f"{unseen.loss:.4f}", f"{seen.accuracy:.1%}", f"{unseen.accuracy:.1%}"])
        if architecture == options.architecture:
            history.draw(folder / "network.png")
    print_table(["network", "train loss", "test loss", "train accuracy", "test accuracy"], rows)


def study_scales(data: Data, options: argparse.Namespace, folder: Path) -> None:
    """Train three and five layers from weights of many scales, without normalization and with it."""
    scales = np.geomspace(1e-4, 1, 5 if options.quick else 13)
    runs = [(norm, depth, scale) for norm in ("none", "batch") for depth in (3, 5) for scale in scales]
    curves: dict[tuple[str, int], list[Score]] = {}
    with silence_divergence():  # from weights that are too large, some runs end in infinities: that is the point
        for norm, depth, scale in progress(runs, len(runs), "scales", unit="network"):
            architecture = replace(options.architecture, depth=depth, norm=norm, weight_scale=float(scale))
            history = train(architecture, "Momentum", data, options.epochs, options.seed, options.compile)
            curves.setdefault((norm, depth), []).append(history.test[-1])
    rows = []
    for (norm, depth), scores in curves.items():
        learned = [f"{scale:.2g}" for scale, after in zip(scales, scores, strict=True) if after.accuracy > 0.9]
        span = f"{learned[0]} to {learned[-1]}" if learned else "none"
        rows.append(
            [f"{depth} layers, {'batch' if norm == 'batch' else 'no'} norm", span, f"{len(learned)} of {len(scales)}"]
        )
    print_table(["network", "scales that reach 90 %", "how many"], rows)
    pictures.draw_scales(scales, curves, folder / "scales.png")


def study_optimizers(data: Data, options: argparse.Namespace, folder: Path) -> None:
    """Train the network asked for with each of the four update rules."""
    histories = {}
    for rule in progress(RULES, len(RULES), "optimizers", unit="optimizer"):
        histories[rule] = train(options.architecture, rule, data, options.epochs, options.seed, options.compile)
    rows = [
        [rule, f"{history.train[-1].loss:.4f}", f"{history.train[-1].accuracy:.1%}", f"{history.test[-1].accuracy:.1%}"]
        for rule, history in histories.items()
    ]
    print_table(["optimizer", "train loss", "train accuracy", "test accuracy"], rows)
    pictures.draw_optimizers(histories, folder / "optimizers.png")


# AdaGrad divides by the root of the *sum* of all squared gradients, which can only grow: gradients of one size g give
# steps of lr g / sqrt(t g^2) = lr / sqrt(t). Adam divides by the root of their (running) *mean*, which stays g^2: lr.
STEP_LR = 1e-2
STEP_RULES: dict[str, Callable[[Sequence[nn.Parameter]], Optimizer]] = {
    "AdaGrad": lambda parameters: Adagrad(parameters, lr=STEP_LR, eps=1e-8),
    "Adam": lambda parameters: Adam(parameters, lr=STEP_LR, betas=(0.9, 0.999), eps=1e-8),
}


def steps_under_constant_gradient(rule: str, count: int) -> NDArray[np.float64]:
    """Return the length of each step that a rule takes where the gradient is 1 everywhere."""
    place = nn.Parameter(np.zeros(1))
    optimizer = STEP_RULES[rule]([place])
    track = [place.item()]
    for _ in range(count):
        optimizer.zero_grad()
        place.sum().backward()
        optimizer.step()
        track.append(place.item())
    return np.abs(np.diff(track))


def factors_in_training(
    rule: str, architecture: Architecture, data: Data, epochs: int, seed: int
) -> NDArray[np.float64]:
    """Return what a rule multiplies a gradient by, lr / sqrt(v), at each step: the median over all parameters."""
    ad.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = architecture.build(data.x_train.shape[1], 10)
    optimizer = STEP_RULES[rule](list(model.parameters()))
    factors: list[float] = []
    for _ in range(epochs):
        for x, y in shuffled_batches(data, rng):
            optimizer.zero_grad()
            architecture.loss(model, x, y).backward()
            optimizer.step()
            if rule == "AdaGrad":
                squares = [state["sum"].ravel() for state in optimizer.state.values()]
            else:  # the running mean starts at zero, and Adam corrects for that
                start = 1 - 0.999 ** (len(factors) + 1)
                squares = [state["exp_avg_sq"].ravel() / start for state in optimizer.state.values()]
            v = np.concatenate(squares)
            factors.append(float(np.median(STEP_LR / np.sqrt(v[v > 0]))))
    return np.array(factors)


def study_steps(data: Data, options: argparse.Namespace, folder: Path) -> None:
    """Measure how AdaGrad's steps shrink and Adam's do not: under a constant gradient, and in training."""
    constant = {rule: steps_under_constant_gradient(rule, 1000) for rule in STEP_RULES}
    rows = [
        [f"{t}", f"{constant['AdaGrad'][t - 1]:.6f}", f"{STEP_LR / math.sqrt(t):.6f}", f"{constant['Adam'][t - 1]:.6f}"]
        for t in (1, 10, 100, 1000)
    ]
    print_table(["step under a gradient of 1", "AdaGrad", "lr / sqrt(t)", "Adam"], rows)
    factors = {
        rule: factors_in_training(rule, options.architecture, data, options.epochs, options.seed)
        for rule in progress(STEP_RULES, len(STEP_RULES), "steps", unit="optimizer")
    }
    at = [len(factors["Adam"]) * share // 100 for share in (1, 10, 50)]
    rows = [[rule, *(f"{of_rule[t]:.3g}" for t in (*at, -1))] for rule, of_rule in factors.items()]
    print()
    print_table(["factor on the gradient in training", *(f"step {t + 1}" for t in at), "last step"], rows)
    pictures.draw_steps(constant, factors, folder / "steps.png")


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(__doc__ or "", out="runs/fully_connected", quick="10 epochs, 5 scales", compiles=True)
    options.add_argument("--study", choices=("all", *STUDIES), default="all", help="one study alone")
    options.add_argument("--depth", type=integer(1), default=5, help="affine layers")
    options.add_argument("--width", type=integer(1), default=100, help="size of each hidden layer")
    options.add_argument("--norm", choices=("none", *NORMS), default="none", help="between affine layer and ReLU")
    options.add_argument("--dropout", type=number(0, below=1), default=0.0, help="share of activations dropped")
    options.add_argument("--l2", type=number(0), default=0.0, help="weight of half the squared weights in the loss")
    options.add_argument(
        "--weight-scale", type=positive_number, default=None, help="deviation of the first weights (default: He's)"
    )
    options.add_argument("--optimizer", choices=RULES, default="Adam", help="for the network study")
    options.add_argument("--epochs", type=integer(1), default=30, help="how often each training image is seen")
    settings = options.parse_args(arguments)
    settings.epochs = min(settings.epochs, 10) if settings.quick else settings.epochs
    settings.architecture = Architecture(
        settings.depth, settings.width, settings.norm, settings.dropout, settings.weight_scale, settings.l2
    )
    return settings


STUDIES: dict[str, Callable[[Data, argparse.Namespace, Path], None]] = {
    "check": study_check,
    "network": study_network,
    "scales": study_scales,
    "optimizers": study_optimizers,
    "steps": study_steps,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib", "sklearn", "tqdm")
    folder = writable_folder(options.out)
    data = load_data(options.seed)
    print(f"data      scikit-learn's digits: {len(data.x_train):,} training, {len(data.x_test)} test images")
    print(f"network   {options.architecture}")
    print(f"training  batches of {BATCH}, {options.epochs} epochs")
    for name, study in STUDIES.items():
        if options.study in ("all", name):
            print()
            study(data, options, folder)
    print(f"\npictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
