"""Train a GPT on the characters of a text, and let it write."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

if not __package__:  # run as a file, python examples/gpt.py: the packages lie one folder up
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from examples import _plots as plots
from examples._command import (
    ExampleError,
    integer,
    number,
    parser,
    positive_number,
    print_table,
    reason,
    require,
    run,
    writable_folder,
)
from examples._gpt_model import Shape, attention_maps, build_network, decay_groups, define, generate
from examples._step import training_step
from examples._text import Text, Tokens, load_text, pieces
from optim import AdamW
from optim.lr_scheduler import LambdaLR

BETAS, CLIP = (0.9, 0.95), 1.0
CHECKPOINT = "checkpoint.safetensors"


@dataclass
class Progress:
    """What a run has measured: the loss of every step, and the test loss at some of them."""

    losses: list[float] = field(default_factory=list)
    tests: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0


def warmed_cosine(warmup: int, steps: int, least: float = 0.1) -> Callable[[int], float]:
    """Return the factor of the learning rate at a step: it rises in a line, then falls along half a cosine."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        share = min(1.0, (step - warmup) / max(1, steps - warmup))
        return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * share))

    return factor


def next_token_loss(library: Any, logits: Any, targets: Any) -> Any:
    """Return the cross entropy of logits (N, L, vocabulary) and the tokens (N, L) that come next."""
    return library.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


def test_loss(model: nn.Module, tokens: Tokens, options: argparse.Namespace) -> float:
    """Return the loss over eight batches of a text, always the same ones."""
    rng, losses = np.random.default_rng(0), []
    model.eval()
    with ad.no_grad():
        for _ in range(8):
            inputs, targets = pieces(tokens, options.batch_size, options.context, rng)
            losses.append(next_token_loss(F, model(ad.tensor(inputs)), ad.tensor(targets)).item())
    model.train()
    return float(np.mean(losses))


class Trainer:
    """
    A network in training: its optimizer, its schedule, and what it has measured.

    Parameters
    ----------
    model : nn.Module
        The network; trained in place.
    text : Text
        What it learns from; its last tenth is kept for tests.
    options : argparse.Namespace
        The command line.
    """

    def __init__(self, model: nn.Module, text: Text, options: argparse.Namespace) -> None:
        self.model, self.text, self.options = model, text, options
        self.train, self.test = text.halves()
        self.optimizer = AdamW(decay_groups(model, options.weight_decay), lr=options.lr, betas=BETAS)
        self.schedule = LambdaLR(self.optimizer, warmed_cosine(options.warmup, options.steps))
        self.update = training_step(
            self.optimizer,
            lambda x, y: next_token_loss(F, model(x), y),
            options.compile,
            lambda: nn.utils.clip_grad_norm_(model.parameters(), CLIP),
        )
        self.progress = Progress()

    def batch(self, step: int) -> tuple[Tokens, Tokens]:
        """Return what a step learns from; it depends on the seed and the step alone, so that a run can be resumed."""
        rng = np.random.default_rng([self.options.seed, step])
        return pieces(self.train, self.options.batch_size, self.options.context, rng)

    def step(self) -> float:
        """Take one step and return the loss before it."""
        at = len(self.progress.losses)
        inputs, targets = self.batch(at)
        ad.manual_seed(self.options.seed * 1_000_003 + at)  # for dropout
        start = time.perf_counter()
        loss = self.update(ad.tensor(inputs), ad.tensor(targets))
        self.schedule.step()
        value: float = loss.item()
        self.progress.seconds += time.perf_counter() - start
        self.progress.losses.append(value)
        if not math.isfinite(value):
            raise ExampleError(f"the loss became {value} in step {at + 1}: try a smaller --lr")
        return value

    def sample(self, count: int, prompt: str = "\n") -> str:
        """Return what the network writes after a prompt, always with the same random numbers."""
        start = self.text.encode(prompt)
        start = start if len(start) else self.text.tokens[:1]
        return self.text.decode(generate(self.model, start, count, np.random.default_rng(self.options.seed)))

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write all that is needed to go on."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "progress": vars(self.progress),
            "characters": self.text.characters,
        }
        try:
            ad.save(state, path)
        except OSError as error:
            raise ExampleError(f"cannot write {path}: {reason(error)}") from error

    def load(self, path: Path) -> None:
        """Go on where a run that was saved stopped."""
        try:
            state = ad.load(path)
            if state["characters"] != self.text.characters:
                raise ExampleError(f"{path} is of another text")
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise ExampleError(f"cannot resume from {path}: {reason(error)}") from error
        self.progress = Progress(**state["progress"])


def train(trainer: Trainer, folder: Path) -> None:
    """Take the steps that are left; now and then test, print a line, save, and let the network write."""
    options, progress = trainer.options, trainer.progress
    print("step   train loss   test loss      lr   time per step   it writes")
    while len(progress.losses) < options.steps:
        trainer.step()
        at = len(progress.losses)
        if at % options.every and at != options.steps:
            continue
        tested = test_loss(trainer.model, trainer.test, options)
        progress.tests.append((at, tested))
        trainer.save(folder / CHECKPOINT)
        recent = float(np.mean(progress.losses[-options.every :]))
        sample = " ".join(trainer.sample(60).split())
        print(
            f"{at:4}   {recent:10.4f}   {tested:9.4f}   {trainer.optimizer.param_groups[0]['lr']:.0e}"
            f"   {1000 * progress.seconds / at:10.1f} ms   {sample}",
            flush=True,
        )


def compare(trainer: Trainer, steps: int) -> None:
    """
    Train PyTorch beside, from the same weights and on the same batches, and print both.

    Parameters
    ----------
    trainer : Trainer
        Before its first step, without dropout; trained in place.
    steps : int
        How many steps both take.
    """
    import torch

    options = trainer.options
    twin = define(torch, torch.nn)(trainer.model.shape)
    twin.load_state_dict({name: torch.tensor(value.numpy()) for name, value in trainer.model.state_dict().items()})
    optimizer = torch.optim.AdamW(decay_groups(twin, options.weight_decay), lr=options.lr, betas=BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, warmed_cosine(options.warmup, options.steps))
    losses, seconds = [], 0.0
    for at in range(steps):
        inputs, targets = map(torch.tensor, trainer.batch(at))
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = next_token_loss(torch.nn.functional, twin(inputs), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        seconds += time.perf_counter() - start
        trainer.step()
    mine = trainer.progress
    off = np.abs(np.array(mine.losses) - losses).max()
    print_table(
        ["library", "loss of the first step", f"of step {steps}", "time per step"],
        [
            ["autodiff", f"{mine.losses[0]:.6f}", f"{mine.losses[-1]:.6f}", f"{1000 * mine.seconds / steps:.1f} ms"],
            ["PyTorch", f"{losses[0]:.6f}", f"{losses[-1]:.6f}", f"{1000 * seconds / steps:.1f} ms"],
        ],
    )
    print(f"largest difference of a loss: {off:.1e}")


# -- pictures ----------------------------------------------------------------------------------------------------------


def draw_curves(progress: Progress, path: Path) -> None:
    """Write the losses as a picture."""
    figure = plots.new_figure(7, 4)
    axes = figure.subplots()
    axes.plot(np.arange(1, len(progress.losses) + 1), progress.losses, color=plots.SKY, linewidth=0.8, label="training")
    if progress.tests:
        axes.plot(*zip(*progress.tests, strict=True), color=plots.VERMILION, marker="o", label="test")
    plots.style(axes, "Cross entropy of the next character", "step", "loss (nats)")
    axes.legend(frameon=False)
    plots.save(figure, path)


def draw_attention(trainer: Trainer, path: Path, length: int = 32) -> None:
    """Write as a picture which characters before each character attend to, one map for each head of each layer."""
    tokens = trainer.test[: min(length, trainer.options.context)]
    maps = attention_maps(trainer.model, tokens)
    layers, heads = maps.shape[:2]
    figure = plots.new_figure(2.2 * heads, 2.3 * layers + 0.4)
    figure.suptitle("Each row, a character, attends to columns", fontweight="bold")
    for i, row in enumerate(figure.subplots(layers, heads, squeeze=False)):
        for j, axes in enumerate(row):
            axes.imshow(maps[i, j], cmap="magma_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
            axes.set_title(f"layer {i + 1}, head {j + 1}", fontsize=8)
    plots.save(figure, path)


def draw_graph(trainer: Trainer, path: Path) -> None:
    """Write the network as a picture, two levels of its modules deep, for one piece of text."""
    inputs, targets = pieces(trainer.train, 1, trainer.options.context, np.random.default_rng(0))
    loss = next_token_loss(F, trainer.model(ad.tensor(inputs, name="tokens")), ad.tensor(targets)).named("loss")
    plots.save_graph(ad.draw(loss, params=trainer.model, depth=2), path)


# -- the program -------------------------------------------------------------------------------------------------------


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the settings of a run, from the command line or from a list like it."""
    options = parser(
        __doc__ or "", out="runs/gpt", quick="a network of two layers of 32 features, and 60 steps", compiles=True
    )
    options.add_argument("--text", type=Path, metavar="FILE", help="learn from this instead of Python's help()")
    options.add_argument("--steps", type=integer(1), default=2000, help="updates of the parameters")
    options.add_argument("--every", type=integer(1), default=200, help="steps between two tests")
    options.add_argument("--batch-size", type=integer(1), default=16, help="pieces of text in a step")
    options.add_argument("--context", type=integer(2), default=64, help="characters in a piece")
    options.add_argument("--layers", type=integer(1), default=4, help="blocks of attention")
    options.add_argument("--heads", type=integer(1), default=4, help="heads in each")
    options.add_argument("--width", type=integer(1), default=128, help="features of each character")
    options.add_argument("--dropout", type=number(0, 1), default=0.0, help="share of activations that is dropped")
    options.add_argument("--lr", type=positive_number, default=1e-3, help="AdamW's largest learning rate")
    options.add_argument("--warmup", type=integer(1), default=100, help="steps in which the learning rate rises")
    options.add_argument("--weight-decay", type=number(0), default=0.1, help="of matrices")
    options.add_argument("--prompt", default="\n", help="what the network goes on from, in the end")
    options.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    options.add_argument("--compare", action="store_true", help="train PyTorch beside for up to 100 steps, and no more")
    settings = options.parse_args(arguments)
    if settings.quick:
        settings.layers, settings.heads, settings.width, settings.context = 2, 2, 32, 32
        settings.steps, settings.every, settings.warmup = min(settings.steps, 60), 30, 10
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    options = parse_options(arguments)
    require("matplotlib")
    if options.compare:
        require("torch", what="--compare", install="torch")
        if options.dropout:
            raise ExampleError("--compare needs --dropout 0: both libraries draw random numbers of their own")
    if options.width % options.heads:
        raise ExampleError(f"--width {options.width} is no multiple of --heads {options.heads}")
    folder = writable_folder(options.out)
    text = load_text(options.text)
    if len(text.tokens) < 20 * options.context:
        raise ExampleError(f"{text.name} has {len(text.tokens)} characters; at least {20 * options.context} are needed")

    ad.manual_seed(options.seed)
    size = (options.context, options.layers, options.heads, options.width, options.dropout)
    trainer = Trainer(build_network(Shape(len(text.characters), *size)), text, options)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    print(f"text       {text.name}: {len(text.tokens):,} characters, {len(text.characters)} different ones")
    print(
        f"network    {options.layers} layers of {options.heads} heads, {options.width} wide, {parameters:,} parameters"
    )
    print(f"training   AdamW, lr {options.lr:g}, batches of {options.batch_size} x {options.context} characters")
    if options.compare:
        compare(trainer, min(options.steps, 100))
        return 0
    if options.resume:
        trainer.load(folder / CHECKPOINT)
        print(f"resumed    after step {len(trainer.progress.losses)}")
    train(trainer, folder)
    print(f"\nafter {options.prompt!r} it writes:\n{trainer.sample(400, options.prompt)}\n")
    draw_curves(trainer.progress, folder / "curves.png")
    draw_attention(trainer, folder / "attention.png")
    draw_graph(trainer, folder / "graph.png")
    print(f"in {folder}: curves.png, attention.png, graph.png, {CHECKPOINT}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
