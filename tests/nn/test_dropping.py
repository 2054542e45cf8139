"""What functions that draw at random draw."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows


@pytest.mark.parametrize(
    ("name", "shape", "inner"),
    [
        ("1d", (40, 50, 3), 1),
        ("1d", (2000, 3), 1),
        ("2d", (40, 50, 3, 2), 2),
        ("2d", (40, 50, 3), 1),
        ("3d", (40, 50, 3, 2, 2), 3),
        ("3d", (2000, 3, 2, 2), 3),
    ],
)
def test_channels_are_dropped_as_a_whole(name: str, shape: tuple[int, ...], inner: int) -> None:
    ad.manual_seed(0)
    drawn = getattr(nn, f"Dropout{name}")(0.3)(ad.ones(*shape)).numpy()
    channels = drawn.reshape(-1, int(np.prod(shape[-inner:])))
    assert (channels == channels[:, :1]).all()
    np.testing.assert_allclose(np.unique(channels), [0, 1 / 0.7], rtol=1e-6)
    assert abs((channels[:, 0] == 0).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 2000)  # five standard deviations


def test_gumbel_softmax_draws_classes_by_their_probability() -> None:
    ad.manual_seed(0)
    p = np.array([0.1, 0.2, 0.7])
    logits = ad.tensor(np.broadcast_to(np.log(p), (20000, 3)).copy(), requires_grad=True)
    y = F.gumbel_softmax(logits, tau=0.5, hard=True)
    drawn = y.detach().numpy()
    np.testing.assert_allclose(np.sort(drawn, axis=1), np.broadcast_to([0.0, 0.0, 1.0], drawn.shape), atol=1e-12)
    assert (np.abs(drawn.mean(axis=0) - p) < 5 * np.sqrt(p * (1 - p) / 20000)).all()
    (y * ad.tensor([1.0, 2.0, 3.0], dtype=np.float64)).sum().backward()
    assert logits.grad is not None
    assert np.abs(logits.grad.numpy()).max() > 0.1
    np.testing.assert_allclose(logits.grad.numpy().sum(axis=1), 0, atol=1e-12)  # a softmax's


def test_gumbel_softmax_is_the_harder_the_colder() -> None:
    warm, cold = (F.gumbel_softmax(ad.zeros(1000, 4), tau=t).numpy() for t in (5.0, 0.1))
    np.testing.assert_allclose(warm.sum(axis=1), 1, rtol=1e-5)
    assert warm.max(axis=1).mean() < 0.5 < 0.9 < cold.max(axis=1).mean()
    assert F.gumbel_softmax(ad.zeros(3, 4), dim=0).numpy().sum(axis=0) == pytest.approx([1] * 4, rel=1e-5)
