"""Initializations: the distribution each one draws from, its errors, and that a seed repeats it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import init
from tests.oracle import needs_torch, torch

SHAPE = (400, 500)  # fan_in 500, fan_out 400
N = math.prod(SHAPE)

# name, options, bound of a uniform distribution
UNIFORM: list[tuple[str, dict[str, Any], float]] = [
    ("uniform_", {"a": -0.3, "b": 0.3}, 0.3),
    ("xavier_uniform_", {}, math.sqrt(6 / 900)),
    ("xavier_uniform_", {"gain": 2.0}, 2 * math.sqrt(6 / 900)),
    ("kaiming_uniform_", {}, math.sqrt(2) * math.sqrt(3 / 500)),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2) * math.sqrt(3 / 400)),
    ("kaiming_uniform_", {"a": math.sqrt(5)}, math.sqrt(1 / 500)),
    ("kaiming_uniform_", {"nonlinearity": "tanh"}, 5 / 3 * math.sqrt(3 / 500)),
]
# name, options, mean and standard deviation of a normal distribution
NORMAL: list[tuple[str, dict[str, Any], float, float]] = [
    ("normal_", {}, 0.0, 1.0),
    ("normal_", {"mean": 2.0, "std": 0.1}, 2.0, 0.1),
    ("xavier_normal_", {}, 0.0, math.sqrt(2 / 900)),
    ("xavier_normal_", {"gain": 3.0}, 0.0, 3 * math.sqrt(2 / 900)),
    ("kaiming_normal_", {}, 0.0, math.sqrt(2 / 500)),
    ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "linear"}, 0.0, math.sqrt(1 / 400)),
    ("kaiming_normal_", {"a": 0.2, "nonlinearity": "leaky_relu"}, 0.0, math.sqrt(2 / 1.04 / 500)),
]


def drawn(name: str, options: dict[str, Any], dtype: Any = np.float64) -> Any:
    """Return what an initialization draws, as an array."""
    return getattr(init, name)(
        ad.zeros(*SHAPE, dtype=dtype), **options, generator=np.random.default_rng(5)
    ).data.numpy()


@pytest.mark.parametrize(("name", "options", "bound"), UNIFORM)
def test_uniform_initializations_fill_the_interval_evenly(name: str, options: dict[str, Any], bound: float) -> None:
    values = drawn(name, options)
    assert np.abs(values).max() <= bound
    # The largest of N draws misses the bound by more than 20 / N of the interval with probability e^-20.
    assert np.abs(values).max() > bound * (1 - 40 / N)
    # 6 standard errors: of the mean bound / sqrt(3 N), of the mean square bound^2 * sqrt(4 / 45 / N).
    assert abs(values.mean()) < 6 * bound / math.sqrt(3 * N)
    assert abs((values**2).mean() - bound**2 / 3) < 6 * bound**2 * math.sqrt(4 / 45 / N)


@pytest.mark.parametrize(("name", "options", "mean", "std"), NORMAL)
def test_normal_initializations_have_mean_and_deviation(
    name: str, options: dict[str, Any], mean: float, std: float
) -> None:
    values = drawn(name, options)
    # 6 standard errors: of the mean std / sqrt(N), of the standard deviation std / sqrt(2 N).
    assert abs(values.mean() - mean) < 6 * std / math.sqrt(N)
    assert abs(values.std() - std) < 6 * std / math.sqrt(2 * N)
    within = np.mean(np.abs(values - mean) < std)
    assert abs(within - math.erf(math.sqrt(0.5))) < 6 * 0.5 / math.sqrt(N)  # a share's standard error is at most 0.5


@needs_torch
@pytest.mark.parametrize(("name", "options", "bound"), UNIFORM)
def test_uniform_bounds_are_pytorchs(name: str, options: dict[str, Any], bound: float) -> None:
    torch.manual_seed(0)
    values = getattr(torch.nn.init, name)(torch.zeros(*SHAPE, dtype=torch.float64), **options)
    assert bound * (1 - 40 / N) < values.abs().max().item() <= bound


@needs_torch
@pytest.mark.parametrize(("name", "options", "mean", "std"), NORMAL)
def test_normal_deviations_are_pytorchs(name: str, options: dict[str, Any], mean: float, std: float) -> None:
    torch.manual_seed(0)
    values = getattr(torch.nn.init, name)(torch.zeros(*SHAPE, dtype=torch.float64), **options)
    assert abs(values.mean().item() - mean) < 6 * std / math.sqrt(N)
    assert abs(values.std().item() - std) < 6 * std / math.sqrt(2 * N)


@pytest.mark.parametrize(
    ("call", "value"),
    [(lambda t: init.constant_(t, 0.3), 0.3), (init.ones_, 1.0), (init.zeros_, 0.0)],
    ids=["constant_", "ones_", "zeros_"],
)
def test_constant_initializations_fill_with_their_value(call: Callable[[ad.Tensor], ad.Tensor], value: float) -> None:
    t = ad.full((2, 3), 7.0, dtype=ad.float64)
    assert call(t) is t
    assert t.tolist() == [[value] * 3] * 2


@pytest.mark.parametrize("name", sorted({name for name, *_ in UNIFORM} | {name for name, *_ in NORMAL}))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_parameter_is_filled_in_place_in_its_own_dtype(name: str, dtype: Any) -> None:
    p = nn.Parameter(ad.zeros(3, 4, dtype=dtype))
    array = p.data.numpy()
    assert getattr(init, name)(p) is p
    assert p.data.numpy() is array
    assert p.dtype == dtype
    assert p.requires_grad
    assert p.is_leaf
    assert np.all(p.data.numpy() != 0)


@pytest.mark.parametrize("name", sorted({name for name, *_ in UNIFORM} | {name for name, *_ in NORMAL}))
def test_the_seed_repeats_the_draw(name: str) -> None:
    def draw(seed: int) -> Any:
        ad.manual_seed(seed)
        return getattr(init, name)(ad.zeros(3, 4)).tolist()

    first, again, other = draw(3), draw(3), draw(4)
    assert first == again
    assert first != other


def test_a_generator_of_its_own_leaves_the_common_one_alone() -> None:
    ad.manual_seed(3)
    expected = init.normal_(ad.zeros(3)).tolist()
    ad.manual_seed(3)
    own = init.normal_(ad.zeros(3), generator=np.random.default_rng(9)).tolist()
    assert own != expected
    assert init.normal_(ad.zeros(3)).tolist() == expected


def test_further_dimensions_count_into_both_fans() -> None:
    assert init.fans(ad.zeros(8, 3, 5, 2)) == (30, 80)
    t = init.kaiming_uniform_(ad.zeros(8, 3, 5, 2), nonlinearity="linear", generator=np.random.default_rng(0))
    bound = math.sqrt(3 / 30)
    # All of 240 draws stay in 9 tenths of the interval with probability 0.9^240 = 1e-11.
    assert 0.9 * bound < t.abs().max().item() <= bound


def test_a_graph_that_saved_the_weights_refuses_to_run_after_they_are_drawn_anew() -> None:
    layer = nn.Linear(3, 2)
    loss = layer(ad.ones(4, 3, requires_grad=True)).sum()
    layer.reset_parameters()
    with pytest.raises(RuntimeError, match=r"linear.*changed in place"):
        loss.backward()


@pytest.mark.parametrize("in_features", [1, 16, 10_000])
def test_a_linear_layer_starts_within_one_over_the_root_of_its_inputs(in_features: int) -> None:
    ad.manual_seed(0)
    layer = nn.Linear(in_features, 200)
    bound = np.float32(1 / math.sqrt(in_features))
    assert layer.bias is not None
    for p in (layer.weight, layer.bias):
        # The largest of 200 draws stays below 9 tenths of the bound with probability 0.9^200 = 7e-10.
        assert 0.9 * bound < p.abs().max().item() <= bound * (1 + np.finfo(np.float32).eps)


# -- gains and errors --------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize(
    "arguments",
    [
        ("linear",),
        ("sigmoid",),
        ("tanh",),
        ("relu",),
        ("selu",),
        ("leaky_relu",),
        ("leaky_relu", 0.3),
        ("leaky_relu", 1),
    ],
)
def test_gains_are_pytorchs(arguments: tuple[Any, ...]) -> None:
    assert init.calculate_gain(*arguments) == pytest.approx(torch.nn.init.calculate_gain(*arguments), rel=1e-15)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda lib, init: init.calculate_gain("swosh"), ValueError, "swosh"),
        (lambda lib, init: init.calculate_gain("leaky_relu", "steep"), ValueError, "steep"),
        (lambda lib, init: init.calculate_gain("leaky_relu", True), ValueError, "True"),
        (lambda lib, init: init.kaiming_uniform_(lib.zeros(3)), ValueError, "dimensions"),
        (lambda lib, init: init.xavier_normal_(lib.tensor(3.0)), ValueError, "dimensions"),
        (lambda lib, init: init.kaiming_normal_(lib.zeros(3, 2), mode="fan"), ValueError, "fan"),
        (lambda lib, init: init.kaiming_uniform_(lib.zeros(3, 2), nonlinearity="swosh"), ValueError, "swosh"),
        (lambda lib, init: init.uniform_(lib.zeros(3), 1.0, 0.0), RuntimeError, "1"),
        (lambda lib, init: init.normal_(lib.zeros(3), 0.0, -1.0), RuntimeError, "-1"),
        (lambda lib, init: init.uniform_(lib.zeros(3, dtype=lib.int64)), (RuntimeError, TypeError), ""),
        (lambda lib, init: init.normal_(lib.zeros(3, dtype=lib.int64)), (RuntimeError, TypeError), ""),
        (lambda lib, init: init.kaiming_uniform_(lib.zeros(3, 2, dtype=lib.int64)), (RuntimeError, TypeError), ""),
    ],
)
@pytest.mark.parametrize("library", [pytest.param("ours"), pytest.param("pytorch", marks=needs_torch)])
def test_what_cannot_be_initialized_is_refused(call: Any, kind: Any, text: str, library: str) -> None:
    with pytest.raises(kind) as error:
        call(*((ad, init) if library == "ours" else (torch, torch.nn.init)))
    assert text in str(error.value) or library == "pytorch"


def test_a_refused_initialization_leaves_the_tensor_as_it_was() -> None:
    t = ad.full((3, 2), 7.0)
    for call in (
        lambda: init.uniform_(t, 1.0, 0.0),
        lambda: init.normal_(t, std=-1.0),
        lambda: init.kaiming_uniform_(t, mode="fan"),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            call()
    assert t.tolist() == [[7.0] * 2] * 3


def test_an_array_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="ndarray"):
        init.uniform_(np.zeros(3))  # type: ignore[arg-type]
