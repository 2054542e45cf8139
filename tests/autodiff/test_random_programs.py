"""Random programs with views, changes in place, hooks and retained gradients, to third order, beside PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.fuzzing import examples
from tests.oracle import array, needs_torch, torch

Statement = Callable[[Any, list[Any]], Any]

# Derivatives of third order of values up to some hundreds, in float64: rounding of 1e-16 times 1e3, over a dozen sums.
TOLERANCE = {"rtol": 1e-9, "atol": 1e-9}


def statement(rng: np.random.Generator, shapes: list[tuple[int, ...]]) -> tuple[str, Statement]:
    """Return a random statement about tensors of these shapes: its text, and what runs it in a library."""
    i = int(rng.integers(len(shapes)))
    alike = [k for k, shape in enumerate(shapes) if shape == shapes[i]]
    j = int(rng.choice(alike))
    c = float(rng.uniform(-1.5, 1.5))
    row = int(rng.integers(shapes[i][0])) if shapes[i] else 0
    whole: dict[str, Statement] = {
        f"t{i}.sin()": lambda lib, t: t[i].sin(),
        f"t{i}.tanh()": lambda lib, t: t[i].tanh(),
        f"t{i} * t{j}": lambda lib, t: t[i] * t[j],
        f"t{i} + t{j}": lambda lib, t: t[i] + t[j],
        f"t{i} * {c}": lambda lib, t: t[i] * c,
        f"t{i}.detach()": lambda lib, t: t[i].detach(),
        f"t{i}.sum()": lambda lib, t: t[i].sum(),
    }
    views: dict[str, Statement] = {
        f"t{i}.unsqueeze(0)": lambda lib, t: t[i].unsqueeze(0),
    }
    if shapes[i]:
        views[f"t{i}[{row}]"] = lambda lib, t: t[i][row]
        views[f"t{i}[{row}:]"] = lambda lib, t: t[i][row:]
        views[f"t{i}[..., :1]"] = lambda lib, t: t[i][..., :1]
    if len(shapes[i]) > 1:
        views[f"t{i}.mT"] = lambda lib, t: t[i].mT
    changes: dict[str, Statement] = {
        f"t{i}.add_(t{j})": lambda lib, t: t[i].add_(t[j]),
        f"t{i}.sub_(t{j}, alpha=0.5)": lambda lib, t: t[i].sub_(t[j], alpha=0.5),
        f"t{i}.mul_(t{j})": lambda lib, t: t[i].mul_(t[j]),
        f"t{i}.mul_({c})": lambda lib, t: t[i].mul_(c),
        f"t{i}.sin_()": lambda lib, t: t[i].sin_(),
        f"t{i}.tanh_()": lambda lib, t: t[i].tanh_(),
        f"t{i}.copy_(t{j})": lambda lib, t: t[i].copy_(t[j]),
        f"t{i}.fill_({c})": lambda lib, t: t[i].fill_(c),
        f"t{i}.clamp_(-1, 1)": lambda lib, t: t[i].clamp_(-1, 1),
        f"t{i}.masked_fill_(t{i} > 0, {c})": lambda lib, t: t[i].masked_fill_(t[i].detach() > 0, c),
    }
    if shapes[i]:
        changes[f"t{i}[{row}] = {c}"] = lambda lib, t: t[i].__setitem__(row, c)
        changes[f"t{i}[{row}] = t{j}[0] * 2"] = lambda lib, t: t[i].__setitem__(row, t[j][0] * 2)
        changes[f"t{i}[t{i} > 0] = {c}"] = lambda lib, t: t[i].__setitem__(t[i].detach() > 0, c)
    notes: dict[str, Statement] = {
        f"t{i}.register_hook({c})": lambda lib, t: t[i].register_hook(lambda g: g * c),
        f"t{i}.retain_grad()": lambda lib, t: t[i].retain_grad(),
    }
    kind = [whole, views, changes, notes][rng.choice(4, p=[0.3, 0.25, 0.38, 0.07])]
    return list(kind.items())[rng.integers(len(kind))]


class Run:
    """A program as far as it has come in both libraries."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.text: list[str] = []
        values = [rng.uniform(-1.5, 1.5, shape) for shape in [(2, 3), (3,), (2, 3), (3, 2)]]
        self.theirs = [torch.tensor(v, requires_grad=k < 2) for k, v in enumerate(values)]
        self.ours = [ad.tensor(v, requires_grad=k < 2) for k, v in enumerate(values)]
        for k in range(2):  # results, so that there is something to change
            self.theirs.append(self.theirs[k] * 1)
            self.ours.append(self.ours[k] * 1)

    def take(self, text: str, run: Statement) -> None:
        """Run one more statement; what PyTorch refuses is refused here, or is no statement."""
        if "register_hook" in text and self.theirs[int(text[1 : text.index(".")])]._is_view():
            return  # whether second derivatives pass such a hook depends on how a library records a change of the view
        for t in self.theirs:
            _ = t.grad_fn  # or PyTorch 2.13 takes a view whose base has changed for a leaf, and a hook on it crashes
        try:
            made = run(torch, self.theirs)
        except RuntimeError as error:
            if "leaf" in str(error) or "does not require" in str(error) or "can't retain_grad" in str(error):
                with pytest.raises(RuntimeError):
                    run(ad, self.ours)
            return
        self.text.append(text)
        mine = run(ad, self.ours)
        if isinstance(made, torch.Tensor) and all(made is not t for t in self.theirs):
            self.theirs.append(made)
            self.ours.append(mine)
        for m, t in zip(self.ours, self.theirs, strict=True):
            np.testing.assert_array_equal(array(m.detach()).shape, tuple(t.shape))
            np.testing.assert_allclose(array(m.detach()), t.detach().numpy(), **TOLERANCE)
            assert m.requires_grad == t.requires_grad

    def loss(self, lib: Any, tensors: list[Any]) -> Any:
        """Return a number that depends on everything, each part in its own way."""
        total = sum(((k + 1) * t.cos()).sum() for k, t in enumerate(tensors))
        return total + (tensors[-1] * tensors[-1]).sum()


def derivatives(lib: Any, leaves: list[Any], loss: Any, order: int) -> list[Any]:
    """Return the gradients of the leaves of each order, the next one that of the sum of sines."""
    found: list[Any] = []
    for _ in range(order):
        slopes = (
            lib.grad(loss, leaves, create_graph=True, allow_unused=True)
            if lib is ad
            else torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
        )
        slopes = [s for s in slopes if s is not None]
        found += slopes
        loss = sum((s * s).sum() for s in slopes)
        if not getattr(loss, "requires_grad", False):
            break
    return found


@needs_torch
@pytest.mark.parametrize("block", range(4))
def test_random_programs_are_pytorchs(block: int) -> None:
    compared = 0
    for seed in range(block * examples(25), (block + 1) * examples(25)):
        rng = np.random.default_rng(seed)
        run = Run(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(int(rng.integers(3, 14))):
                run.take(*statement(rng, [tuple(t.shape) for t in run.theirs]))
            compared += compare(run, int(rng.integers(4)), seed)
    assert compared > examples(8)  # or the programs are too wild to say anything


def compare(run: Run, order: int, seed: int) -> bool:
    """Differentiate a program in both libraries; tell whether PyTorch gave numbers."""
    text = f"seed {seed}, order {order}:\n" + "\n".join(run.text)
    loss, mine = run.loss(torch, run.theirs), run.loss(ad, run.ours)
    try:
        if order:
            expected = derivatives(torch, run.theirs[:2], loss, order)
        else:
            loss.backward()
            expected = [t.grad for t in run.theirs if t.grad is not None]
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
        return False
    try:
        if order:
            found = derivatives(ad, run.ours[:2], mine, order)
        else:
            mine.backward()
            found = [t.grad for t in run.ours if t.grad is not None]
    except Exception as error:
        raise AssertionError(text) from error
    assert len(found) == len(expected), text
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f.detach().numpy(), e.detach().numpy(), **TOLERANCE, err_msg=text)
    return True
