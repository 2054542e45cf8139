"""Training steps of networks that only frameworks with modules have: convolutions, an LSTM, a small GPT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import THREADS
from ..problems import Problem


def autodiff(problem: Problem) -> Callable[[], float]:
    """Return a training step of this framework."""
    import autodiff
    import nn
    import optim

    return _training(problem, autodiff, nn, optim)


def autodiff_compiled(problem: Problem) -> Callable[[], float]:
    """Return a compiled training step of this framework."""
    import autodiff
    import nn
    import optim

    return _training(problem, autodiff, nn, optim, autodiff.compile)


def torch(problem: Problem, **adam: Any) -> Callable[[], float]:
    """Return a training step of PyTorch, with Adam in its default implementation."""
    import torch

    torch.set_num_threads(THREADS)
    return _training(problem, torch, torch.nn, torch.optim, **adam)


def torch_fused(problem: Problem) -> Callable[[], float]:
    """Return a training step of PyTorch with its fused Adam."""
    return torch(problem, fused=True)


def torch_compiled(problem: Problem) -> Callable[[], float]:
    """Return a training step of PyTorch with its model compiled, and its fused Adam."""
    import torch as library

    return torch(problem, model_by=library.compile, fused=True)


def _training(
    problem: Problem,
    library: Any,
    nn: Any,
    optim: Any,
    compiled: Callable[..., Any] = lambda f: f,
    model_by: Callable[..., Any] = lambda model: model,
    **adam: Any,
) -> Callable[[], float]:
    model = _NETWORKS[problem.task](problem.sizes, nn)
    rng = np.random.default_rng(0)
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.tensor(rng.uniform(-0.1, 0.1, tuple(p.shape)).astype(np.float32)))
    model = model_by(model)
    optimizer = optim.Adam(model.parameters(), lr=1e-3, **adam)
    x, y = map(library.tensor, _data(problem, rng))

    @compiled
    def update(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return lambda: update(x, y).item()  # type: ignore[no-any-return]  # a float in both


def _data(problem: Problem, rng: np.random.Generator) -> tuple[Any, Any]:
    first, *_, last = problem.sizes
    if problem.task == "gpt":
        return rng.integers(0, last, (problem.batch, first)), rng.integers(0, last, problem.batch * first)
    shape = (1, first, first) if problem.task == "convolution" else (first, first)
    x = rng.random((problem.batch, *shape)).astype(np.float32)
    return x, rng.integers(0, last, problem.batch)


def _convolution(sizes: tuple[int, ...], nn: Any) -> Any:
    """Return two convolutions with pooling: sizes are pixels, channels of both, classes."""
    pixels, a, b, classes = sizes
    return nn.Sequential(
        nn.Conv2d(1, a, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(a, b, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(b * (pixels // 4) ** 2, classes),
    )  # fmt: skip


def _lstm(sizes: tuple[int, ...], nn: Any) -> Any:
    """Return an LSTM over the rows of images; sizes are pixels, hidden features, classes."""
    pixels, hidden, classes = sizes

    class Rows(nn.Module):  # type: ignore[misc]  # of either framework
        def __init__(self) -> None:
            super().__init__()
            self.cells, self.head = nn.LSTM(pixels, hidden, batch_first=True), nn.Linear(hidden, classes)

        def forward(self, x: Any) -> Any:
            return self.head(self.cells(x)[0][:, -1])

    return Rows()


def _gpt(sizes: tuple[int, ...], nn: Any) -> Any:
    """Return a small GPT; sizes are the length of a text, features, blocks, words."""
    length, width, blocks, words = sizes

    class Text(nn.Module):  # type: ignore[misc]  # of either framework
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(words, width), nn.Parameter(nn.Embedding(length, width).weight)
            layers = [
                nn.TransformerEncoderLayer(width, 4, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True)
                for _ in range(blocks)
            ]
            self.blocks, self.head = nn.ModuleList(layers), nn.Linear(width, words)
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

        def forward(self, x: Any) -> Any:
            h = self.words(x) + self.places
            for block in self.blocks:
                h = block(h, src_mask=self.mask)
            return self.head(h).reshape(-1, words)

    return Text()


_NETWORKS = {"convolution": _convolution, "lstm": _lstm, "gpt": _gpt}
