"""Batch normalization over several batches: what it remembers, and what it then computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from autodiff.tensor import from_array
from tests.oracle import array, assert_same, needs_torch, ours, theirs, torch

BATCHES = [np.random.default_rng(i).normal(i, 1 + i, (4 + i, 3)) for i in range(4)]  # of different sizes, too


@needs_torch
@pytest.mark.parametrize("momentum", [0.1, 0.9, 1.0, 0.0, None])
def test_running_averages_follow_pytorchs_over_batches(momentum: float | None) -> None:
    mine = nn.BatchNorm1d(3, momentum=momentum).double()
    other = torch.nn.BatchNorm1d(3, momentum=momentum).double()
    for batch in BATCHES:
        assert_same(array(mine(ours(batch)).detach()), array(other(theirs(batch))))
        for name, value in mine.state_dict().items():
            assert_same(value.detach().numpy(), array(other.state_dict()[name]))
    mine.eval()
    other.eval()
    assert_same(array(mine(ours(BATCHES[0])).detach()), array(other(theirs(BATCHES[0]))))


def test_the_cumulative_average_is_the_mean_of_all_batches() -> None:
    norm = nn.BatchNorm1d(3, momentum=None).double()
    for batch in BATCHES:
        norm(ours(batch))
    means = np.mean([batch.mean(0) for batch in BATCHES], axis=0)
    variances = np.mean([batch.var(0, ddof=1) for batch in BATCHES], axis=0)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    # Four updates of numbers below 50, each rounded to 1e-16 of them.
    np.testing.assert_allclose(norm.running_mean.detach().numpy(), means, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(norm.running_var.detach().numpy(), variances, rtol=1e-13)


def test_evaluation_changes_no_buffer() -> None:
    norm = nn.BatchNorm1d(3).double().eval()
    before = {name: value.detach().numpy().copy() for name, value in norm.state_dict().items()}
    norm(ours(BATCHES[1]))
    for name, value in norm.state_dict().items():
        np.testing.assert_array_equal(value.detach().numpy(), before[name])


def test_training_gives_mean_0_and_variance_1_even_far_from_0() -> None:
    x = 1e6 + np.random.default_rng(0).normal(size=(100, 3))
    y = nn.BatchNorm1d(3).double()(ours(x)).detach().numpy()
    # The inputs are rounded to 1e-10, and so are mean and variance; eps lowers the variance by 1e-5 of it.
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(y.var(0), x.var(0) / (x.var(0) + 1e-5), rtol=1e-9)


@needs_torch
@pytest.mark.parametrize("value", [0.0, 3.5, -1e4])
def test_a_constant_batch_gives_the_bias_and_pytorchs_gradients(value: float) -> None:
    """The variance is 0: eps alone stands between the layer and a division by zero."""
    found: list[list[Any]] = []
    for library, make, layers in ((ad, ours, nn), (torch, theirs, torch.nn)):
        norm = layers.BatchNorm1d(3).double()
        x = make(np.full((5, 3), value), True)
        y = norm(x)
        y.backward(library.tensor(np.arange(15.0).reshape(5, 3)))
        found.append([array(t) for t in (y.detach(), x.grad, norm.weight.grad, norm.bias.grad)])
    assert_same(*found, rtol=1e-9, atol=1e-9)  # the gradient of the input is multiplied by 1 / sqrt(eps) = 316
    assert np.isfinite(found[0][1]).all()


def test_a_single_sample_is_normalized_over_its_length() -> None:
    y = nn.BatchNorm1d(2).double()(ours(np.array([[[1.0, 3.0], [5.0, 9.0]]]))).detach().numpy()
    # (x - mean) / sqrt(variance + eps) for pairs at distances 2 and 4: 1 / sqrt(1 + 1e-5) and 2 / sqrt(4 + 1e-5).
    np.testing.assert_allclose(y, [[[-1, 1], [-1, 1]]], rtol=1e-5)


def test_running_averages_hold_on_to_no_graph() -> None:
    norm = nn.BatchNorm1d(3)
    norm(ad.randn(4, 3, requires_grad=True))
    for buffer in norm.buffers():
        assert buffer.is_leaf
        assert not buffer.requires_grad


def test_a_batch_in_training_between_forward_and_backward_makes_no_gradient_wrong() -> None:
    norm = nn.BatchNorm1d(3).double().eval()
    x = ours(BATCHES[0], True)
    loss = norm(x).sum()
    norm.train()
    norm(ours(BATCHES[1]))
    loss.backward()
    assert x.grad is not None
    # In the forward pass the running variance was 1.
    np.testing.assert_allclose(x.grad.detach().numpy(), 1 / np.sqrt(1 + 1e-5), rtol=1e-15)


@pytest.mark.parametrize("name", ["running_mean", "running_var"])
def test_a_graph_that_saved_an_average_notices_that_it_has_moved(name: str) -> None:
    norm = nn.BatchNorm1d(3).double()
    loss = (ours(BATCHES[0], True) * getattr(norm, name)).sum()
    norm(ours(BATCHES[1]))
    with pytest.raises(RuntimeError, match=r"mul.*changed in place"):
        loss.backward()


def test_two_batches_may_pass_before_one_backward() -> None:
    norm = nn.BatchNorm1d(3).double()
    x, other = ours(BATCHES[0], True), ours(BATCHES[1], True)
    (norm(x).pow(2).sum() + norm(other).pow(3).sum()).backward()
    for p in norm.parameters():
        assert p.grad is not None
        assert np.isfinite(p.grad.detach().numpy()).all()
    assert norm.num_batches_tracked is not None
    assert norm.num_batches_tracked.item() == 2


def test_the_function_moves_the_averages_it_is_given() -> None:
    mean, var = ad.zeros(2, dtype=ad.float64), ad.ones(2, dtype=ad.float64)
    F.batch_norm(ours(np.array([[1.0, 10.0], [3.0, 30.0]])), mean, var, training=True, momentum=0.5)
    # Halfway from 0 to the means 2 and 20, and from 1 to the unbiased variances 2 and 200.
    assert mean.tolist() == [1.0, 10.0]
    assert var.tolist() == [1.5, 100.5]


@pytest.mark.parametrize(
    ("shapes", "named"),
    [
        ({"weight": 5}, ["(5,)"]),
        ({"bias": 5}, ["(5,)"]),
        ({"running_mean": 1}, ["(1,)"]),
        ({"running_var": 2}, ["(2,)"]),
    ],
    ids=["weight", "bias", "running_mean", "running_var"],
)
def test_the_function_refuses_what_does_not_fit_before_it_moves_an_average(
    shapes: dict[str, int], named: list[str]
) -> None:
    given = {name: ad.zeros(shapes.get(name, 3)) for name in ("running_mean", "running_var", "weight", "bias")}
    with pytest.raises((RuntimeError, ValueError)) as error:
        F.batch_norm(ad.ones(4, 3) * ad.arange(4).unsqueeze(1), **given, training=True)
    assert [text for text in ["batch_norm", *named] if text not in str(error.value)] == [], str(error.value)
    assert not any(value.detach().numpy().any() for value in given.values())


def test_the_function_refuses_an_input_without_channels() -> None:
    with pytest.raises((RuntimeError, ValueError), match=r"batch_norm.*\(4,\)"):
        F.batch_norm(ad.ones(4), None, None, training=True)


@pytest.mark.parametrize("value", [12.3, 1e5 + 0.1, 12345.678])
@pytest.mark.parametrize("n", [10, 1000])
def test_equal_values_normalize_to_0_in_single_precision(value: float, n: int) -> None:
    row = ad.tensor(np.full((1, n), value, np.float32))
    # The mean of n equal values is one of them: what is left is divided by sqrt(eps), which would multiply it by 316.
    assert F.layer_norm(row, (n,)).abs().max().item() == 0
    assert F.group_norm(row.expand(2, n), 1).abs().max().item() == 0
    assert F.batch_norm(row.T, None, None, training=True).abs().max().item() == 0


def test_half_precision_is_normalized_in_single_precision() -> None:
    """The squares of what half precision holds are more than it holds."""
    large = np.array([[300.0, 400.0, 600.0]], np.float16)
    single = ad.tensor(large.astype(np.float32))
    for norm in (lambda x: F.rms_norm(x, (3,)), lambda x: F.layer_norm(x, (3,))):
        y = norm(ad.tensor(large))
        assert y.dtype == np.float16
        np.testing.assert_array_equal(y.detach().numpy(), norm(single).detach().numpy().astype(np.float16))
    column = np.array([[300.0], [400.0], [-60000.0]], np.float16)
    y = F.batch_norm(ad.tensor(column), None, None, training=True)
    expected = F.batch_norm(ad.tensor(column.astype(np.float32)), None, None, training=True)
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy().astype(np.float16))


@pytest.mark.parametrize("norm", ["batch", "layer", "group"])
@pytest.mark.parametrize(
    ("dtype", "mean", "deviation"),
    [(np.float16, 1000, 400), (np.float32, 1e6, 0), (np.float32, 1e5, 1), (np.float64, 1e13 / 3, 0)],
)
def test_recording_the_derivative_changes_no_gradient(norm: str, dtype: Any, mean: float, deviation: float) -> None:
    rng = np.random.default_rng(0)
    x = from_array((rng.standard_normal((6, 4)) * deviation + mean).astype(dtype), requires_grad=True)
    weight = ad.ones(4, dtype=dtype, requires_grad=True)
    y = {
        "batch": lambda: F.batch_norm(x, None, None, weight, None, training=True),
        "layer": lambda: F.layer_norm(x, (4,), weight),
        "group": lambda: F.group_norm(x, 2, weight),
    }[norm]()
    slope = from_array(rng.standard_normal((6, 4)).astype(dtype))
    plain, recorded = (
        ad.grad(y, [x, weight], slope, create_graph=create_graph, retain_graph=True) for create_graph in (False, True)
    )
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=2e-3 if dtype == np.float16 else 1e-5)


@pytest.mark.parametrize("norm", [nn.LayerNorm(3), nn.BatchNorm1d(3)], ids=["layer", "batch"])
def test_an_input_without_gradient_may_be_changed_before_backward(norm: nn.Module) -> None:
    x = ad.randn(8, 3)
    y = norm(x)
    x += y.detach()
    y.sum().backward()
    assert all(p.grad is not None for p in norm.parameters())


def test_batch_norm_says_what_is_no_tensor() -> None:
    with pytest.raises(TypeError, match="batch_norm: expected a Tensor, got list"):
        F.batch_norm(ad.ones(3, 2), None, None, [1.0, 1.0], training=True)  # type: ignore[arg-type]  # the test


def test_batch_norm_moves_averages_that_are_arrays() -> None:
    mean, var = np.zeros(2, np.float32), np.ones(2, np.float32)
    x = ad.tensor([[1.0, 10.0], [3.0, 30.0]])
    y = F.batch_norm(x, mean, var, training=True, momentum=0.5)  # type: ignore[arg-type]  # arrays stand for tensors
    np.testing.assert_allclose(y.detach().numpy(), [[-1, -1], [1, 1]], rtol=1e-5)
    np.testing.assert_allclose([mean, var], [[1, 10], [1.5, 100.5]])
    F.batch_norm(x, mean, var)  # type: ignore[arg-type]  # arrays stand for tensors


@pytest.mark.parametrize("name", ["running_mean", "running_var"])
@pytest.mark.parametrize("training", [False, True])
def test_running_averages_are_constants_as_pytorchs(name: str, training: bool) -> None:
    averages = {"running_mean": ad.zeros(2), "running_var": ad.ones(2)}
    averages[name].requires_grad_()
    with pytest.raises(RuntimeError, match=f"batch_norm: {name} .* must not require a gradient"):
        F.batch_norm(ad.ones(3, 2), **averages, training=training)
    with ad.no_grad():
        F.batch_norm(ad.randn(3, 2), **averages, training=training)


def test_averages_that_move_before_backward_change_no_gradient() -> None:
    mean, var, weight = ad.ones(2), ad.ones(2), ad.ones(2, requires_grad=True)
    y = F.batch_norm(ad.zeros(3, 2), mean, var, weight, eps=0.0)
    mean.fill_(7)
    var.fill_(9)
    y.sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [-3.0, -3.0]


@needs_torch
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("first", "then"), [(True, False), (False, True)])
def test_statistics_are_frozen_and_set_free_as_in_pytorch(
    momentum: Any, training: bool, first: bool, then: bool
) -> None:
    x = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32) * 2 + 1
    seen = []
    for library, kit in ((ad, nn), (torch, torch.nn)):
        norm = kit.BatchNorm1d(3, momentum=momentum, track_running_stats=first)
        norm(library.tensor(x))
        norm.track_running_stats = then
        norm.train(training)
        outputs = [norm(library.tensor(x + i)) for i in range(2)]
        buffers = [norm.running_mean, norm.running_var, norm.num_batches_tracked]
        seen.append([*(o.tolist() for o in outputs), *(None if b is None else b.tolist() for b in buffers)])
    for found, expected in zip(*seen, strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)  # float32
