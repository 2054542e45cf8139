"""Teach an LSTM to write a row of digits backwards, and see gradients explode in a network without gates."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

if not __package__:  # run as a file, python examples/rnn.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from examples import _plots as plots
from examples._command import (
    ExampleError,
    integer,
    parser,
    positive_number,
    print_table,
    require,
    run,
    silence_divergence,
    writable_folder,
)
from examples._step import training_step
from optim import SGD, Adam

DIGITS, START = 10, 10  # the tokens, and the one that stands before an answer
GOAL = 0.95
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}

Digits = NDArray[np.int64]


class Writer(nn.Module):
    """
    A recurrent network that reads a row of digits, and another that starts in its last state and writes.

    Parameters
    ----------
    cell : {"lstm", "gru", "rnn"}
        The kind of both.
    hidden_size : int
        The size of their states.
    """

    def __init__(self, cell: str, hidden_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(DIGITS + 1, 16)
        self.reader = CELLS[cell](16, hidden_size)
        self.writer = CELLS[cell](16, hidden_size)
        self.output = nn.Linear(hidden_size, DIGITS)

    def forward(self, question: ad.Tensor, answer: ad.Tensor) -> ad.Tensor:
        """
        Return the logits of each digit of the answer, given the right ones before it: teacher forcing.

        Parameters
        ----------
        question, answer : Tensor of int64, shape (length, N)
            What is read, and what should be written.

        Returns
        -------
        Tensor, shape (length, N, 10)
        """
        _, state = self.reader(self.embedding(question))
        start = ad.full((1, answer.shape[1]), START, dtype=np.int64)
        y, _ = self.writer(self.embedding(ad.cat([start, answer[:-1]])), state)
        logits: ad.Tensor = self.output(y)
        return logits

    def write(self, question: ad.Tensor) -> Digits:
        """Return what the network writes, each digit given its own before it; shape (length, N)."""
        written = []
        with ad.no_grad():
            _, state = self.reader(self.embedding(question))
            digit = ad.full((1, question.shape[1]), START, dtype=np.int64)
            for _ in range(len(question)):
                y, state = self.writer(self.embedding(digit), state)
                digit = self.output(y).argmax(-1)
                written.append(digit.numpy())
        return np.concatenate(written)


def questions(length: int, count: int, rng: np.random.Generator) -> tuple[ad.Tensor, ad.Tensor]:
    """Return rows of digits and the same backwards, both of shape (length, count)."""
    rows = rng.integers(0, DIGITS, (length, count))
    return ad.tensor(rows), ad.tensor(rows[::-1].copy())


def train(model: Writer, options: argparse.Namespace) -> list[float]:
    """
    Train with Adam, teacher forcing and gradients of limited length, and print how it gets on.

    Parameters
    ----------
    model : Writer
        The network; trained in place.
    options : argparse.Namespace
        The command line: ``steps``, ``batch_size``, ``length``, ``lr``, ``clip``, ``seed`` and ``compile`` are used.

    Returns
    -------
    list of float
        The loss before each step.

    Raises
    ------
    ExampleError
        If the loss is no longer a finite number.
    """
    rng = np.random.default_rng(options.seed)
    optimizer = Adam(model.parameters(), lr=options.lr)
    update = training_step(
        optimizer,
        lambda question, answer: F.cross_entropy(model(question, answer).reshape(-1, DIGITS), answer.reshape(-1)),
        options.compile,
        before_update=lambda: nn.utils.clip_grad_norm_(model.parameters(), options.clip),
    )
    losses = []
    every = max(1, options.steps // 5)
    print("step     loss   rows written without a mistake")
    for step in range(1, options.steps + 1):
        question, answer = questions(options.length, options.batch_size, rng)
        with silence_divergence():
            losses.append(update(question, answer).item())
        if not math.isfinite(losses[-1]):
            raise ExampleError(f"the loss became {losses[-1]} in step {step}: try a smaller --lr")
        if step % every == 0:
            print(f"{step:4}   {losses[-1]:6.4f}   {share_right(model, options.length):30.1%}", flush=True)
    return losses


def share_right(model: Writer, length: int, count: int = 500) -> float:
    """Return the share of new rows that the network writes backwards without a mistake, on its own."""
    question, answer = questions(length, count, np.random.default_rng(12345))
    return float((model.write(question) == answer.numpy()).all(axis=0).mean())


# -- gradients that explode --------------------------------------------------------------------------------------------


@dataclass
class Descent:
    """The losses of a run, and the norm of the gradient in each step."""

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)


class Averager(nn.Module):
    """
    A recurrent network without gates that shall tell the mean of a sequence.

    Each step multiplies its state with a matrix 1.1 times as large as the identity. So a gradient that comes back over
    n steps is 1.1ⁿ times as long.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, hidden_size, nonlinearity="relu")
        self.output = nn.Linear(hidden_size, 1)
        with ad.no_grad():
            self.rnn.get_parameter("weight_hh_l0").copy_(1.1 * ad.eye(hidden_size))

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        """Map sequences (length, N, 1) to numbers (N,)."""
        _, h = self.rnn(x)
        y: ad.Tensor = self.output(h[0])
        return y.squeeze(1)


def descend(clip: float | None, steps: int, seed: int, length: int = 50) -> Descent:
    """
    Train an `Averager` by plain gradient descent, with gradients of limited length or as they are.

    Parameters
    ----------
    clip : float or None
        The length to which longer gradients are shortened.
    steps : int
        How many steps, unless the loss is no number any more.
    seed : int
        Makes the run repeatable.
    length : int, default 50
        The length of the sequences.

    Returns
    -------
    Descent
    """
    ad.manual_seed(seed)
    rng, model, seen = np.random.default_rng(seed), Averager(16), Descent()
    optimizer = SGD(model.parameters(), lr=0.02)
    with silence_divergence():  # without a limit numbers overflow, which is what is to be seen
        for _ in range(steps):
            x = ad.tensor(rng.uniform(0, 1, (length, 32, 1)).astype(np.float32))
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), x.mean((0, 2)))
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf if clip is None else clip)
            seen.losses.append(loss.item())
            seen.norms.append(norm.item())
            if not (math.isfinite(seen.losses[-1]) and math.isfinite(seen.norms[-1])):
                break
            optimizer.step()
    return seen


def draw_descents(free: Descent, limited: Descent, path: Path) -> None:
    """Write losses and gradients of both runs as a picture."""
    figure = plots.new_figure(10, 4)
    for axes, what, title in zip(
        figure.subplots(1, 2), ("norms", "losses"), ("Length of the gradient", "Loss"), strict=True
    ):
        for seen, name, colour in ((free, "as it is", plots.VERMILION), (limited, "clipped", plots.BLUE)):
            values = np.array(getattr(seen, what))
            values = np.where(np.isfinite(values), values, np.nan)
            axes.plot(
                np.arange(1, len(values) + 1), values, color=colour, label=name, marker="." if seen is free else ""
            )
        axes.set_yscale("log")
        plots.style(axes, title, "step", "before clipping" if what == "norms" else "mean squared error")
        axes.legend(frameon=False)
    plots.save(figure, path)


# -- the program -------------------------------------------------------------------------------------------------------


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(__doc__ or "", out="runs/rnn", quick="rows of three digits and 300 steps", compiles=True)
    options.add_argument("--cell", choices=[*CELLS], default="lstm", help="what the network is made of")
    options.add_argument("--hidden", type=integer(1), default=128, help="the size of its state")
    options.add_argument("--length", type=integer(1), default=8, help="digits in a row")
    options.add_argument("--steps", type=integer(1), default=1000, help="updates of the parameters")
    options.add_argument("--batch-size", type=integer(1), default=64, help="rows in a step")
    options.add_argument("--lr", type=positive_number, default=5e-3, help="Adam's learning rate")
    options.add_argument("--clip", type=positive_number, default=1.0, help="how long a gradient may be")
    settings = options.parse_args(arguments)
    if settings.quick:
        settings.length, settings.steps, settings.hidden = 3, min(settings.steps, 300), 64
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib")
    folder = writable_folder(options.out)

    ad.manual_seed(options.seed)
    model = Writer(options.cell, options.hidden)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"task       rows of {options.length} digits, to be written backwards")
    print(f"network    two {options.cell.upper()} of {options.hidden} units, {parameters:,} parameters")
    print(f"training   Adam, lr {options.lr:g}, batches of {options.batch_size}, gradients of at most {options.clip:g}")
    start = time.perf_counter()
    losses = train(model, options)
    seconds = time.perf_counter() - start
    right = share_right(model, options.length)
    print_table(
        ["network", "goal", "rows without a mistake", "reached", "time"],
        [[options.cell, f"{GOAL:.0%}", f"{right:.1%}", "yes" if right >= GOAL else "NO", f"{seconds:.0f} s"]],
    )
    question, _ = questions(options.length, 3, np.random.default_rng(options.seed + 1))
    for read, written in zip(question.numpy().T, model.write(question).T, strict=True):
        print(f"{''.join(map(str, read))} -> {''.join(map(str, written))}")

    print("\nA network without gates, by plain gradient descent on sequences of 50 numbers:")
    free, limited = (descend(clip, 200, options.seed) for clip in (None, options.clip))
    print_table(
        ["gradient", "longest", "steps", "first loss", "last loss"],
        [
            [name, f"{np.nanmax(seen.norms):.1e}", len(seen.losses), f"{seen.losses[0]:.2e}", f"{seen.losses[-1]:.2e}"]
            for name, seen in (("as it is", free), ("clipped", limited))
        ],
    )

    figure = plots.new_figure(6, 4)
    plots.draw_loss(figure.subplots(), losses, "Cross entropy of the next digit")
    plots.save(figure, folder / "loss.png")
    draw_descents(free, limited, folder / "gradients.png")
    logits = model(*questions(2, 1, np.random.default_rng(0))).named("logits")
    plots.save_graph(ad.draw(logits, params=model, depth=1), folder / "graph.png")
    print(f"pictures in {folder}: loss.png, gradients.png, graph.png")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
