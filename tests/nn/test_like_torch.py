"""Arguments that PyTorch's functions take at the edges of what is usual, with its values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from tests.oracle import check_like_torch, needs_torch, torch
from tests.together import together

X = np.random.default_rng(3).standard_normal((2, 3, 4))
V = np.random.default_rng(4).uniform(0.5, 2.0, (2, 3, 4))


def functional(lib: Any) -> Any:
    return F if lib is ad else torch.nn.functional


CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "variance over channels": (lambda f, x, t, v: f.gaussian_nll_loss(x, t, v), (X, X + 1, V[:, :1])),
    "variance over the batch": (lambda f, x, t, v: f.gaussian_nll_loss(x, t, v), (X, X + 1, V[:1])),
    "variance of a sample": (lambda f, x, t, v: f.gaussian_nll_loss(x, t, v), (X, X + 1, V[..., 0])),
    "average pool, stride ()": (lambda f, x: f.avg_pool2d(x, 2, stride=()), (X,)),
    "largest pool, stride ()": (lambda f, x: f.max_pool2d(x, 2, stride=()), (X,)),
    "largest pool, stride []": (lambda f, x: f.max_pool2d(x, 2, stride=[]), (X,)),
    "similarity of scalars": (lambda f, x, y: f.cosine_similarity(x, y, dim=0), (X[0, 0, 0], X[0, 0, 1])),
    "similarity with a scalar": (lambda f, x, y: f.cosine_similarity(x, y, dim=-1), (X[0, 0], X[0, 0, 1])),
    "similarity with integers": (lambda f, x, y: f.cosine_similarity(x, y), (X[0], np.arange(12).reshape(3, 4))),
    "batch of no values": (lambda f, x: f.batch_norm(x, None, None, training=True), (X[0, 0, :0],)),
    "rows of integers": (lambda f, w, i: f.embedding(i, w), (np.array([[1, 2], [3, 4]]), np.array([1, 0]))),
    "rows of booleans": (lambda f, w, i: f.embedding(i, w), (np.array([[True], [False]]), np.array([1, 0]))),
}


@needs_torch
@pytest.mark.parametrize("name", CALLS)
def test_a_function_does_what_pytorchs_does(name: str) -> None:
    call, values = CALLS[name]
    check_like_torch(lambda lib, *xs: call(functional(lib), *xs), *(np.asarray(v) for v in values))


WIDTHS = [(-1, 2), (2, -1), (-1, -1), (-3, 1), (0, -2), (-4, 4), (-3, 4), (-1, 1, 1, -1), (1, -2, -1, 0)]


@needs_torch
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@together("widths", WIDTHS)
def test_negative_widths_cut_off_in_every_mode(mode: str, widths: tuple[int, ...]) -> None:
    if mode == "circular" and widths in ((-4, 4), (-3, 4)):  # PyTorch reads there what it has not written yet
        assert ad.gradcheck(lambda x: F.pad(x, widths, mode=mode), ad.rand(2, 5, dtype=np.float64, requires_grad=True))
        return
    x = np.arange(20.0).reshape((4, 5) if len(widths) == 2 else (1, 1, 4, 5))
    check_like_torch(lambda lib, x: functional(lib).pad(x, widths, mode=mode), x)


@pytest.mark.parametrize("widths", [(-5, 1), (-6, 1), (5, -5)])
def test_a_circle_of_nothing_is_refused(widths: tuple[int, int]) -> None:
    with pytest.raises(RuntimeError, match=r"pad: .* none of 5 elements"):
        F.pad(ad.zeros(2, 5), widths, mode="circular")


def test_a_variance_of_another_shape_is_refused_as_by_pytorch() -> None:
    for shape in ((3, 4), (1, 1, 4), (4,), ()):
        with pytest.raises(ValueError, match="gaussian_nll_loss: a variance of shape"):
            F.gaussian_nll_loss(ad.zeros(2, 3, 4), ad.zeros(2, 3, 4), ad.ones(*shape))


def test_a_table_of_integers_is_looked_up() -> None:
    words = nn.Embedding.from_pretrained(ad.tensor([[1, 2], [3, 4]]), padding_idx=0)
    assert words(ad.tensor([1, 0])).tolist() == [[3, 4], [1, 2]]
    assert words.weight.dtype == np.int64
    assert not words.weight.requires_grad
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        nn.Embedding.from_pretrained(ad.tensor([[1, 2]]), freeze=False)
