"""However long, a sum keeps its digits, along any dimension and in any layout; half precision adds up in single."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
import nn
from autodiff.tensor import from_array
from nn import functional
from tests.oracle import needs_torch, torch
from tests.together import together

Array = npt.NDArray[Any]

# Sums of n equal numbers, one after the other, are off by up to n roundings of half an eps; PyTorch's by a few.
FEW_ROUNDINGS = 2e-6

LONG: dict[str, tuple[Array, Any]] = {
    "down a narrow matrix": (np.full((100_000, 2), 0.1, np.float32), 0),
    "down a wide matrix": (np.full((20_000, 64), 0.1, np.float32), 0),
    "down a matrix of no round number of rows": (np.full((70_003, 3), 0.1, np.float32), 0),
    "along a transposed matrix": (np.full((100_000, 2), 0.1, np.float32).T, 1),
    "down every second row": (np.full((100_000, 3), 0.1, np.float32)[::2, :2], 0),
    "down the rows backwards": (np.full((50_000, 2), 0.1, np.float32)[::-1], 0),
    "the middle dimension": (np.full((3, 50_000, 2), 0.1, np.float32), 1),
    "the outer dimensions": (np.full((300, 3, 300), 0.1, np.float32), (0, 2)),
    "the first two dimensions": (np.full((300, 300, 3), 0.1, np.float32), (0, 1)),
    "two dimensions of a permuted array": (np.full((300, 3, 300), 0.1, np.float32).transpose(1, 2, 0), (1, 2)),
    "all of a strided matrix": (np.full((100_000, 3), 0.1, np.float32)[:, :2], None),
    "all of a transposed matrix": (np.full((100_000, 3), 0.1, np.float32).T, None),
    "a broadcast row": (np.broadcast_to(np.full((1, 2), 0.1, np.float32), (100_000, 2)), 0),
    "half precision": (np.full((5000, 2), 0.1, np.float16), 0),
    "half precision along rows": (np.full((2, 5000), 0.1, np.float16), 1),
}
long_axes = pytest.mark.parametrize(("x", "dim"), LONG.values(), ids=LONG)


def assert_digits(actual: Any, expected: Any) -> None:
    """Assert that a tensor agrees with numbers computed in double precision, to some roundings of its dtype."""
    rtol = 2e-3 if actual.dtype == np.float16 else FEW_ROUNDINGS
    np.testing.assert_allclose(actual.detach().numpy().astype(np.float64), expected, rtol=rtol)


@long_axes
@pytest.mark.parametrize("keepdim", [False, True])
def test_sum_and_mean_keep_their_digits(x: Array, dim: Any, keepdim: bool) -> None:
    wide = x.astype(np.float64)
    for name in ("sum", "mean"):
        expected = getattr(wide, name)(axis=dim, keepdims=keepdim)
        actual = getattr(from_array(x), name)(dim, keepdim)
        assert actual.shape == expected.shape
        assert actual.dtype == x.dtype
        assert_digits(actual, expected)


@long_axes
def test_norm_var_and_std_keep_their_digits(x: Array, dim: Any) -> None:
    x = x + np.random.default_rng(0).integers(0, 2, x.shape).astype(x.dtype)  # so that there is a variance
    wide, axis = x.astype(np.float64), tuple(range(x.ndim)) if dim is None else dim
    assert_digits(from_array(x).norm(2, dim), np.sqrt((wide * wide).sum(axis)))
    assert_digits(from_array(x).norm(3, dim), ((wide**3).sum(axis)) ** (1 / 3))
    assert_digits(from_array(x).var(dim, correction=0), wide.var(axis))
    assert_digits(from_array(x).std(dim, correction=0), wide.std(axis))


@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 63 * 64, 64 * 64, 64 * 64 + 1, 40_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_number_is_added_once(n: int, dtype: npt.DTypeLike) -> None:
    rng = np.random.default_rng(n)
    x = rng.integers(-9, 9, (n, 2, 3)).astype(dtype)  # sums of small integers are exact
    for dim in (0, (0, 1), (0, 2), (0, 1, 2)):
        for y in (x, x[:, ::-1], x.transpose(0, 2, 1)):
            assert from_array(y).sum(dim).tolist() == y.sum(dim).tolist()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_one_infinity_spoils_its_own_column_alone(value: float) -> None:
    x = np.ones((10_000, 3), np.float32)
    x[777, 1] = value
    np.testing.assert_array_equal(from_array(x).sum(0).numpy(), [10_000, value, 10_000])


def test_running_sums_and_products_keep_their_digits() -> None:
    for dtype, n in ((np.float32, 10**6), (np.float16, 5000)):
        x = from_array(np.full((n, 1), 0.1, dtype))
        assert_digits(x.cumsum(0)[-1], [n * float(dtype(0.1))])
        factor = from_array(np.full(2000, 1.001, dtype))
        assert_digits(factor.cumprod(0)[-1], float(dtype(1.001)) ** 2000)
    assert from_array(np.array([300, 300, 1e-3], np.float16)).prod().item() == pytest.approx(90, rel=2e-3)


def test_gradients_of_what_was_broadcast_keep_their_digits() -> None:
    rows = np.full((100_000, 2), 0.1, np.float32)
    bias = ad.zeros(2, requires_grad=True)
    ((from_array(rows) + bias) * from_array(rows)).sum().backward()
    assert_digits(bias.grad, rows.astype(np.float64).sum(0))
    kept = ad.zeros(1, 2, requires_grad=True)
    ((from_array(rows) + kept) * from_array(rows)).sum().backward()
    assert_digits(kept.grad, rows.astype(np.float64).sum(0, keepdims=True))
    channels = ad.zeros(3, requires_grad=True)
    x, w = ad.ones(200, 1, 20, 20), ad.zeros(3, 1, 1, 1)
    (functional.conv2d(x, w, channels) * 0.1).sum().backward()
    assert_digits(channels.grad, np.full(3, 80_000 * float(np.float32(0.1))))
    half = ad.zeros(2, dtype=np.float16, requires_grad=True)
    ((from_array(rows[:5000].astype(np.float16)) + half) * from_array(rows[:5000].astype(np.float16))).sum().backward()
    assert_digits(half.grad, [500, 500])


def test_einsum_keeps_the_digits_of_a_sum() -> None:
    x = from_array(np.full((10**5, 2), 0.1, np.float32))
    assert_digits(ad.einsum("ij->j", x), np.full(2, 10**5 * float(np.float32(0.1))))


def test_half_precision_neither_overflows_nor_stands_still() -> None:
    big = from_array(np.full(2, 300.0, np.float16), requires_grad=True)
    big.norm().backward()
    assert big.norm().item() == pytest.approx(424.25, rel=1e-3)
    assert big.grad is not None
    np.testing.assert_allclose(big.grad.numpy(), [0.7071, 0.7071], rtol=1e-3)
    many = from_array(np.zeros(70_000, np.float16), requires_grad=True)
    for share in (many.softmax(0), ad.grad(many.mean(), many)[0], ad.grad(many.logsumexp(0), many)[0]):
        np.testing.assert_allclose(share.detach().numpy(), 1 / 70_000, rtol=3e-3)
    assert many.log_softmax(0)[0].item() == pytest.approx(-np.log(70_000), rel=1e-3)


def test_gradients_of_half_precision_are_clipped_and_not_erased() -> None:
    w = nn.Parameter(ad.zeros(2, dtype=np.float16))
    w.grad = from_array(np.full(2, 300.0, np.float16))
    assert nn.utils.clip_grad_norm_(w, 1.0).item() == pytest.approx(424.25, rel=1e-3)
    np.testing.assert_allclose(w.grad.numpy(), [0.7071, 0.7071], rtol=3e-3)


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 5, -1, -2])
@together("scale", [1e-40, 1e-30, 1e-20, 1e20, 1e30])
def test_norms_of_very_large_and_very_small_numbers_are_right(p: float, scale: float) -> None:
    values = np.array([scale, 2 * scale, 4 * scale], np.float32)
    x = from_array(values, requires_grad=True)
    exact = from_array(values.astype(np.float64), requires_grad=True)
    with np.errstate(all="ignore"):
        for y in (x.norm(p), exact.norm(p)):
            y.backward()
    assert x.grad is not None
    assert exact.grad is not None
    rtol = 1e-5 if scale > 1e-38 else 1e-4  # of subnormal numbers fewer digits are stored
    np.testing.assert_allclose(x.norm(p).item(), exact.norm(p).item(), rtol=rtol)
    np.testing.assert_allclose(x.grad.numpy(), exact.grad.numpy(), rtol=rtol)


def test_the_deviation_of_small_numbers_is_not_0() -> None:
    x = from_array(np.array([1e-30, 3e-30], np.float32))
    assert x.std().item() == pytest.approx(np.sqrt(2) * 1e-30, rel=1e-5)


@needs_torch
def test_binary_cross_entropy_of_half_precision_at_0_and_1_is_pytorchs() -> None:
    p, t = np.array([0, 0, 1, 1, 0.5], np.float16), np.array([0, 1, 0, 1, 1], np.float16)
    actual = functional.binary_cross_entropy(from_array(p), from_array(t), reduction="none").numpy()
    expected = torch.nn.functional.binary_cross_entropy(torch.tensor(p), torch.tensor(t), reduction="none").numpy()
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=1e-3)
