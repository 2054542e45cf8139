"""Where a naive formula fails, and what no other library is there to compare with: random layers, the step, init."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import nn.functional as F  # noqa: N812  # the name everyone knows
from autodiff.kernels import windows
from tests.oracle import array, check_like_torch, needs_torch, theirs, torch

FAR = np.array([-1e4, -500.0, -40.0, -10.0, -1e-8, 0.0, 1e-8, 10.0, 40.0, 500.0, 1e4])
SMOOTH = ["elu", "celu", "selu", "gelu", "silu", "mish", "sigmoid", "logsigmoid", "tanh", "softplus", "softsign"]


@needs_torch
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_finite_and_pytorchs_far_out(name: str, dtype: Any) -> None:
    x, other = ad.tensor(FAR.astype(dtype), requires_grad=True), theirs(FAR.astype(dtype), True)
    y, expected = getattr(F, name)(x), getattr(torch.nn.functional, name)(other)
    y.sum().backward()
    expected.sum().backward()
    # a few roundings of the larger of the value and 1; PyTorch's sigmoid in float32 is vectorized and errs by some more
    rounding = 32 * np.finfo(dtype).eps
    np.testing.assert_allclose(array(y), array(expected), rtol=rounding, atol=rounding)
    assert x.grad is not None
    np.testing.assert_allclose(array(x.grad), array(other.grad), rtol=rounding, atol=rounding)


@needs_torch
@pytest.mark.parametrize(
    ("name", "options", "ends"),
    [
        ("gelu", {}, []),
        ("gelu", {"approximate": "tanh"}, []),
        ("hardswish", {}, []),
        ("softshrink", {}, [math.inf]),
        ("smooth_l1_loss", {"beta": 0.5, "reduction": "sum"}, [-math.inf, math.inf]),
        ("huber_loss", {"delta": 0.5, "reduction": "sum"}, [-math.inf, math.inf]),
    ],
)
def test_huge_numbers_have_pytorchs_values_and_slopes_without_overflow(
    name: str, options: dict[str, Any], ends: list[float]
) -> None:
    values = np.array([*ends, -1e18, -1e13, -1e7, -50.0, 0.0, 50.0, 1e7, 1e13, 3e18], np.float32)
    x, other = ad.tensor(values, requires_grad=True), theirs(values, True)
    against, zeros = ([ad.zeros(len(values))], [torch.zeros(len(values))]) if "loss" in name else ([], [])
    y = getattr(F, name)(x, *against, **options)
    expected = getattr(torch.nn.functional, name)(other, *zeros, **options)
    y.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), array(expected), rtol=1e-6)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.detach().numpy(), array(other.grad), rtol=1e-6)  # float32 rounds at 1e-7
    if not ends:  # where PyTorch's powers overflow, too
        far = ad.tensor(np.array([-1e30, 1e30], np.float32), requires_grad=True)
        y = getattr(F, name)(far, **options)
        y.sum().backward()
        np.testing.assert_array_equal(y.detach().numpy(), np.array([0, 1e30], np.float32))
        assert far.grad is not None
        assert far.grad.tolist() == [0.0, 1.0]


def test_small_negative_numbers_keep_their_digits() -> None:
    x = ad.tensor([-1e-6])
    for call in (F.elu, F.celu):
        assert call(x).item() == pytest.approx(-1e-6, rel=1e-5)  # exp(x) - 1 in float32 would give -9.5e-7


def test_losses_are_finite_far_out() -> None:
    logits, sides = ad.tensor(FAR, requires_grad=True), ad.tensor((FAR > 0) * 1.0)
    for loss in (
        F.binary_cross_entropy_with_logits(logits, 1 - sides),
        F.soft_margin_loss(logits, 1 - 2 * sides),
        F.cross_entropy(logits[None], ad.tensor([0])),
    ):
        loss.backward()
        assert math.isfinite(loss.item())
    assert logits.grad is not None
    assert np.isfinite(logits.grad.detach().numpy()).all()


@needs_torch
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_near_0_and_1_have_pytorchs_loss_and_slope(dtype: Any) -> None:
    near = [0.0, 1e-13, 1e-7, 0.3, 1 - 1e-7, 1 - 1e-13, 1.0]
    p, t = (a.ravel().astype(dtype) for a in np.meshgrid(near, [0.0, 0.25, 1.0]))
    x, other = ad.tensor(p, requires_grad=True), theirs(p, True)
    loss = F.binary_cross_entropy(x, ad.tensor(t), reduction="none")
    expected = torch.nn.functional.binary_cross_entropy(other, theirs(t), reduction="none")
    rounding = 1e-6 if dtype == np.float32 else 1e-7  # PyTorch's 1e-12 is a float32
    np.testing.assert_allclose(array(loss), array(expected), rtol=rounding)
    loss.sum().backward()
    expected.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.detach().numpy(), array(other.grad), rtol=rounding, atol=rounding)


@needs_torch
@pytest.mark.parametrize("ignored", [[], [1], [0, 1, 2]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_weights_that_add_up_to_0_give_pytorchs_undefined_slopes(ignored: list[int], smoothing: float) -> None:
    logits, labels = np.random.default_rng(0).normal(size=(3, 4)), np.array([0, 1, 2])
    labels[ignored] = -100
    x, other = ad.tensor(logits, requires_grad=True), theirs(logits, True)
    loss = F.cross_entropy(x, ad.tensor(labels), ad.zeros(4, dtype=np.float64), label_smoothing=smoothing)
    zeros = torch.zeros(4, dtype=torch.float64)
    expected = torch.nn.functional.cross_entropy(other, theirs(labels), zeros, label_smoothing=smoothing)
    loss.backward()
    expected.backward()
    np.testing.assert_array_equal(loss.detach().numpy(), array(expected))
    if not smoothing or not ignored:
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.detach().numpy(), array(other.grad))


@pytest.mark.parametrize(
    "make",
    [
        lambda: (nn.BatchNorm1d(3), (4, 3)),
        lambda: (nn.BatchNorm2d(3), (2, 3, 2, 2)),
        lambda: (nn.LayerNorm(3), (4, 3)),
        lambda: (nn.GroupNorm(1, 3), (4, 3)),
    ],
)
def test_constant_batches_become_0_with_finite_gradients(make: Callable[[], Any]) -> None:
    norm, shape = make()
    x = ad.full(shape, 1e3, requires_grad=True)
    y = norm(x)
    (y * ad.arange(y.numel(), dtype=np.float32).reshape(y.shape)).sum().backward()
    assert (y.detach().numpy() == 0).all()
    assert x.grad is not None
    assert np.isfinite(x.grad.detach().numpy()).all()


def test_zero_vectors_have_length_0_and_no_slope() -> None:
    x = ad.zeros(2, 3, requires_grad=True)
    (F.normalize(x).sum() + F.cosine_similarity(x, ad.ones(2, 3)).sum()).backward()
    assert x.grad is not None
    assert np.isfinite(x.grad.detach().numpy()).all()


@needs_torch
@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, math.inf, -1, -math.inf])
def test_distances_in_every_norm_are_pytorchs_where_vectors_meet(p: float) -> None:
    values = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    x, other = ad.tensor(values, requires_grad=True), theirs(values, True)
    y = F.pairwise_distance(x, ad.zeros(2, 3, dtype=np.float64), p, 0.0)
    expected = torch.nn.functional.pairwise_distance(other, torch.zeros(2, 3, dtype=torch.float64), p, 0.0)
    np.testing.assert_allclose(y.detach().numpy(), array(expected), rtol=1e-12)
    if p:  # PyTorch's count of what is not 0 has no gradient, ours has zeros
        y.sum().backward()
        expected.sum().backward()
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.detach().numpy(), array(other.grad), rtol=1e-12)


@needs_torch
@pytest.mark.parametrize("name", ["Softmax", "Softmin", "LogSoftmax"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 2), (2, 3, 2, 2)])
def test_a_dimension_that_is_not_given_is_pytorchs_with_a_warning(name: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    with pytest.warns(UserWarning, match="dim"):
        y = getattr(nn, name)()(ad.tensor(x))
    with pytest.warns(UserWarning, match="dim"):
        expected = getattr(torch.nn, name)()(theirs(x))
    np.testing.assert_allclose(y.detach().numpy(), array(expected), rtol=1e-12)


# -- layers that draw --------------------------------------------------------------------------------------------------


def test_dropout_drops_its_share_and_keeps_the_mean_and_the_gradient() -> None:
    ad.manual_seed(0)
    x = ad.ones(100_000, requires_grad=True)
    y = nn.Dropout(0.3)(x)
    y.sum().backward()
    dropped = (y.detach().numpy() == 0).mean()
    assert abs(dropped - 0.3) < 0.006  # four standard deviations of the share, √(0.3 · 0.7 / 1e5)
    np.testing.assert_allclose(y.detach().numpy()[y.detach().numpy() != 0], 1 / 0.7, rtol=1e-6)
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.detach().numpy(), y.detach().numpy())
    ad.manual_seed(0)
    np.testing.assert_array_equal(nn.Dropout(0.3)(x).detach().numpy(), y.detach().numpy())


def test_the_step_is_1_from_0_on_and_has_gradient_0() -> None:
    x = ad.tensor([-0.1, -0.0, 0.0, 3.0], requires_grad=True)
    y = nn.Step()(x)
    y.sum().backward()
    assert y.tolist() == [0.0, 1.0, 1.0, 1.0]
    assert x.grad is not None
    assert x.grad.tolist() == [0.0] * 4
    assert repr(nn.Step()) == "Step()"
    assert nn.Step()(ad.tensor([np.nan])).tolist() == [0.0]
    z = ad.tensor([0.3], requires_grad=True, name="z")
    assert "= step(z)" in ad.draw(nn.Step()(z).named("o"), derivatives=True).source  # one operation, under its own name


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "ELU", "CELU", "SELU", "SiLU", "Mish", "Hardtanh", "ReLU6"])
def test_in_place_changes_the_input_and_the_text(name: str) -> None:
    x = ad.tensor([-1.0, 2.0])
    module = getattr(nn, name)(inplace=True)
    expected = getattr(nn, name)()(x).detach().numpy()
    assert module(x) is x
    np.testing.assert_array_equal(x.numpy(), expected)
    if torch is not None:
        assert repr(module) == repr(getattr(torch.nn, name)(inplace=True))


@needs_torch
def test_embeddings_that_are_too_long_are_shortened_as_by_pytorch() -> None:
    table, rows = np.arange(12.0).reshape(4, 3), np.array([1, 3, 1])
    mine, other = ad.tensor(table), theirs(table)
    y = F.embedding(ad.tensor(rows), mine, max_norm=5.0)
    expected = torch.nn.functional.embedding(theirs(rows), other, max_norm=5.0)
    np.testing.assert_allclose(y.detach().numpy(), array(expected), rtol=1e-12)
    np.testing.assert_allclose(mine.detach().numpy(), array(other), rtol=1e-12)


@needs_torch
def test_rows_looked_up_often_share_their_gradient_as_in_pytorch() -> None:
    table, rows = np.arange(12.0).reshape(4, 3), np.array([[1, 3, 1], [0, 1, 2]])
    mine = nn.Embedding.from_pretrained(ad.tensor(table), False, padding_idx=2, scale_grad_by_freq=True)
    other = torch.nn.Embedding.from_pretrained(theirs(table), False, padding_idx=2, scale_grad_by_freq=True)
    assert repr(mine) == repr(other)
    mine(ad.tensor(rows)).exp().sum().backward()
    other(theirs(rows)).exp().sum().backward()
    assert mine.weight.grad is not None
    np.testing.assert_allclose(array(mine.weight.grad), array(other.weight.grad), rtol=1e-12)


def test_convolution_of_a_batch_in_parts_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, w = (ad.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((5, 4, 6, 5), (6, 2, 3, 2)))
    weights, found = ad.tensor(rng.normal(size=(5, 6, 3, 4))), []
    for elements in (1, 600, 10**6):  # one image has 4 channels with 6 elements of a kernel at 12 places
        monkeypatch.setattr(windows, "_AT_A_TIME", elements)
        y = F.conv2d(x, w, stride=(2, 1), padding=(1, 0), groups=2)
        found.append([y.detach().numpy(), *(g.detach().numpy() for g in ad.grad(y, [x, w], weights))])
    for part in found[:2]:
        for a, b in zip(part, found[2], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)  # a few roundings of sums of about 1


@needs_torch
def test_pooling_says_where_the_largest_elements_stand() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    for options in (
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 2, "dilation": 2},
    ):
        _, at = nn.MaxPool2d(**options, return_indices=True)(ad.tensor(x))
        _, expected = torch.nn.MaxPool2d(**options, return_indices=True)(theirs(x))
        np.testing.assert_array_equal(at.detach().numpy(), array(expected))


@needs_torch
def test_pooling_picks_among_infinite_and_undefined_elements_as_pytorch_does() -> None:
    inf, nan = math.inf, math.nan
    for values in (
        np.full((1, 4, 4), -inf),
        np.array([[[nan, 1.0, 3.0], [2.0, nan, 3.0], [-inf, -inf, 3.0]]]),
        np.array([[[inf, nan, -inf], [inf, inf, -inf], [nan, 0.0, -0.0]]]),
    ):
        for options in ({"kernel_size": 2, "stride": 1}, {"kernel_size": 3, "stride": 2, "padding": 1}):
            x, other = ad.tensor(values, requires_grad=True), theirs(values, True)
            y, at = F.max_pool2d(x, **options, return_indices=True)
            expected, place = torch.nn.functional.max_pool2d(other, **options, return_indices=True)
            np.testing.assert_array_equal(y.detach().numpy(), array(expected))
            np.testing.assert_array_equal(at.detach().numpy(), array(place))
            y.backward(ad.ones(y.shape, dtype=np.float64))
            expected.backward(torch.ones_like(expected))
            assert x.grad is not None
            np.testing.assert_array_equal(x.grad.detach().numpy(), array(other.grad))


# -- initialization ----------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("shape", [(3, 2, 3), (4, 2, 3, 4), (2, 4, 1, 2, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_is_pytorchs(shape: tuple[int, ...], groups: int) -> None:
    if shape[0] % groups:
        with pytest.raises(ValueError, match="groups"):
            nn.init.dirac_(ad.zeros(shape), groups)
        return
    expected = torch.nn.init.dirac_(torch.zeros(shape), groups)
    np.testing.assert_array_equal(nn.init.dirac_(ad.zeros(shape), groups).detach().numpy(), array(expected))


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 2, 3), (2, 2)])
def test_orthogonal_tensors_have_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = nn.init.orthogonal_(ad.zeros(shape, dtype=np.float64), gain=2.0).detach().numpy().reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-13)  # a few roundings of 4


def test_truncated_numbers_stay_in_range_with_the_distributions_spread() -> None:
    ad.manual_seed(0)
    w = nn.init.trunc_normal_(ad.zeros(100_000), std=2.0, a=-2.0, b=2.0).detach().numpy()
    assert (np.abs(w) <= 2).all()
    assert abs(w.std() - 2 * 0.5396) < 0.01  # of a normal variable cut at one deviation: 0.5396 deviations
    with pytest.raises(RuntimeError, match="trunc_normal_"):
        nn.init.trunc_normal_(ad.zeros(3), a=100.0, b=101.0)


@needs_torch
def test_gains_are_pytorchs() -> None:
    for name in ("linear", "conv1d", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name), rel=1e-15)


@pytest.mark.parametrize("fill", [nn.init.eye_, nn.init.dirac_, nn.init.orthogonal_])
def test_initializations_refuse_vectors(fill: Callable[[ad.Tensor], ad.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"\(3,\)"):
        fill(ad.zeros(3))


def test_binary_cross_entropy_of_a_right_and_certain_logit_does_not_cancel() -> None:
    x = np.array([10.0, 12.0, 15.0, 20.0, 50.0], np.float32)
    loss = nn.functional.binary_cross_entropy_with_logits(ad.tensor(x), ad.ones(5), reduction="none")
    np.testing.assert_allclose(
        loss.detach().numpy(), np.log1p(np.exp(-x.astype(np.float64))), rtol=1e-6
    )  # float32 rounds at 1e-7


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"reduction": "none"}, {"weight": [1.0, 2.0]}])
def test_what_is_ignored_may_be_infinite_or_no_number(options: dict[str, Any]) -> None:
    options = {k: ad.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    labels = ad.tensor([-100, 1, 0])
    clean = [[0.0, 0.0], [1.0, 2.0], [0.5, 0.0]]
    spoilt = [[np.nan, 1.0], *clean[1:]]
    expected = F.cross_entropy(ad.tensor(clean), labels, **options)
    np.testing.assert_array_equal(
        F.cross_entropy(ad.tensor(spoilt), labels, **options).detach().numpy(), expected.detach().numpy()
    )


def test_the_loss_of_certainty_is_0_without_a_sign() -> None:
    logits = ad.tensor([[1000.0, 0.0], [0.0, 1000.0]])
    for n in (1, 2):
        assert repr(F.cross_entropy(logits[:n], ad.arange(n))) == "tensor(0.)"


def functions(lib: Any) -> Any:
    """Return the functions of either library."""
    return F if lib is ad else torch.nn.functional


@needs_torch
def test_a_margin_that_is_just_kept_has_no_slope() -> None:
    scores = np.array([[0.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
    check_like_torch(lambda lib, x: functions(lib).multi_margin_loss(x, lib.tensor([1, 0])), scores)
    check_like_torch(
        lambda lib, x: functions(lib).multilabel_margin_loss(x, lib.tensor([[1, -1, 0], [0, 2, -1]])), scores
    )


@needs_torch
@pytest.mark.parametrize("shapes", [((2, 3), (3,)), ((3,), (2, 3)), ((3,), (2, 1)), ((2, 3), (2, 1), (3,))])
def test_targets_of_several_labels_broadcast_as_in_pytorch(shapes: tuple[tuple[int, ...], ...]) -> None:
    values = [np.linspace(0.1, 0.9, math.prod(shape)).reshape(shape) for shape in shapes]
    check_like_torch(lambda lib, *xs: functions(lib).multilabel_soft_margin_loss(*xs), *values)


def test_several_labels_need_scores_that_fit() -> None:
    with pytest.raises(RuntimeError, match=r"multilabel_soft_margin_loss: shapes \(2, 3\) and \(2, 4\)"):
        F.multilabel_soft_margin_loss(ad.ones(2, 3), ad.ones(2, 4))
    with pytest.raises(IndexError, match="expected logits of shape"):
        F.multilabel_soft_margin_loss(ad.tensor(1.0), ad.tensor(1.0))


@needs_torch
@pytest.mark.parametrize("mode", ["max", "sum", "mean"])
@pytest.mark.parametrize("starts", [[], [0, 0]])
def test_bags_that_are_all_empty_are_zeros_with_a_gradient_of_zeros(mode: str, starts: list[int]) -> None:
    table, nothing, offsets = np.ones((3, 2)), np.zeros(0, np.int64), np.array(starts, np.int64)
    check_like_torch(
        lambda lib, w, i, starts: functions(lib).embedding_bag(i, w, starts, mode=mode), table, nothing, offsets
    )
