"""Windows, buffers and arrays beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import needs_torch, torch


@needs_torch
@pytest.mark.parametrize("name", ["hann_window", "hamming_window", "blackman_window", "bartlett_window"])
@pytest.mark.parametrize("periodic", [True, False])
def test_windows_equal_pytorchs(name: str, periodic: bool) -> None:
    for n in (0, 1, 2, 7, 8):
        mine = getattr(ad, name)(n, periodic, dtype=np.float64)
        other = getattr(torch, name)(n, periodic, dtype=torch.float64)
        np.testing.assert_allclose(mine, other, atol=1e-15)
    assert getattr(ad, name)(3).dtype == np.float32
    with pytest.raises(RuntimeError, match="not negative"):
        getattr(ad, name)(-1)


def test_asarray_shares_memory_unless_told() -> None:
    a = np.ones(3)
    ad.asarray(a)[0] = 2.0
    ad.asarray(a, copy=True)[1] = 2.0
    assert a.tolist() == [2.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="copy=False"):
        ad.asarray([1.0], copy=False)
    w = ad.ones(2, requires_grad=True)
    assert not ad.asarray(w * 2).requires_grad
    assert ad.asarray(w * 2, requires_grad=True).grad_fn is not None


def test_buffers_are_read_where_they_lie() -> None:
    memory = bytearray(np.arange(4, dtype=np.int16).tobytes())
    x = ad.frombuffer(memory, dtype=np.int16, count=2, offset=2)
    assert x.tolist() == [1, 2]
    memory[2] = 9
    assert x.tolist() == [9, 2]
    for count, offset in ((5, 0), (-1, 1), (-1, 8), (0, 0)):
        with pytest.raises(ValueError, match="frombuffer"):
            ad.frombuffer(memory, dtype=np.int16, count=count, offset=offset)


def test_numbers_are_drawn_in_place_by_their_distributions() -> None:
    ad.manual_seed(0)
    x = ad.empty(20000)
    assert abs(x.log_normal_(1.0, 0.5).log().mean().item() - 1) < 0.02
    assert abs(x.cauchy_(2.0, 0.5).median().item() - 2) < 0.05
    assert abs(x.geometric_(0.25).mean().item() - 4) < 0.15
    assert x.min().item() == 1
    drawn = ad.binomial(ad.full((20000,), 10.0), ad.full((20000,), 0.3))
    assert abs(drawn.mean().item() - 3) < 0.05
    for name, options in (("geometric_", {"p": 1.0}), ("cauchy_", {"sigma": 0}), ("log_normal_", {"std": -1})):
        with pytest.raises(RuntimeError, match=name):
            getattr(x, name)(**options)
    with pytest.raises(RuntimeError, match="binomial"):
        ad.binomial(ad.ones(1), ad.full((1,), 1.5))


def test_functions_of_pythons_are_applied_in_place() -> None:
    x = ad.tensor([1.0, 4.0])
    assert x.apply_(lambda v: v**0.5) is x
    assert x.tolist() == [1.0, 2.0]
    assert x.map_(ad.tensor([10.0]), lambda a, b: a + b).tolist() == [11.0, 12.0]
    with pytest.raises(RuntimeError, match="no gradient"):
        ad.ones(2, requires_grad=True).apply_(abs)
    first, second = ad.arange(5).split_with_sizes([2, 3])
    assert (first.tolist(), second.tolist()) == ([0, 1], [2, 3, 4])
