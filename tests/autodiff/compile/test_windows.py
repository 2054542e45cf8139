"""Convolution and pooling, compiled: values, gradients and second derivatives equal the plain ones."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import given, settings  # after it is known to be there
from hypothesis import strategies as st  # as above

import autodiff as ad
import nn
from autodiff.compile.machine import is_available
from autodiff.kernels import windows as kernels
from autodiff.kernels.windows import Slide, Steps
from autodiff.table import windows as rows
from tests.fuzzing import examples

pytestmark = pytest.mark.skipif(not is_available(), reason="llvmlite is not installed")

TOLERANCES = {"float64": 1e-12, "float32": 1e-5}  # what a step may differ by: sums in another order


def close(mine: Any, theirs: Any) -> None:
    """Compare arrays to the last digits of their largest number, for sums of many lose those of small ones."""
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
    tolerance = TOLERANCES[mine.dtype.name]
    size = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0)
    np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * size)


def compiled(function: Callable[..., Any], *arrays: Any) -> tuple[list[Any], str]:
    """Return what a compiled function gives at its second call, which is native, and its program."""
    run: Any = ad.compile(function, native=True)
    tensors = [ad.tensor(a) for a in arrays]
    run(*tensors)
    return [t.detach().numpy() for t in run(*tensors)], str(run.program())


def compare(function: Callable[..., Any], *arrays: Any) -> None:
    """Check that a function's compiled form is native throughout and gives the same arrays."""
    found, program = compiled(function, *arrays)
    assert "NumPy" not in program
    with np.errstate(all="ignore"):
        expected = function(*map(ad.tensor, arrays))
    for mine, theirs in zip(found, expected, strict=True):
        close(mine, theirs.detach().numpy())


def all_three(steps: Steps) -> Callable[..., Any]:
    """Return a function of an input, kernels and an output's gradient that convolves each two of them."""

    def convolutions(x: ad.Tensor, w: ad.Tensor, g: ad.Tensor) -> Any:
        return (
            rows.convolve(x, w, steps=steps),
            rows.convolve_input(g, w, shape=x.shape, steps=steps),
            rows.convolve_weight(x, g, shape=w.shape, steps=steps),
        )

    return convolutions


@st.composite
def convolutions(draw: Any) -> Any:
    """Draw an input, kernels, the output's gradient and steps over one or two dimensions."""
    n, number = draw(st.integers(1, 2)), st.integers

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(number(low, high), min_size=n, max_size=n)))

    kernel, stride, dilation, before, after = sizes(1, 4), sizes(1, 3), sizes(1, 3), sizes(0, 3), sizes(0, 3)
    groups, channels, out, batch = draw(number(1, 3)), draw(number(1, 5)), draw(number(1, 11)), draw(number(1, 4))
    least = [d * (k - 1) + 1 - b - a for k, d, b, a in zip(kernel, dilation, before, after, strict=True)]
    inner = tuple(max(m, at_least, 1) for m, at_least in zip(sizes(1, 40), least, strict=True))
    steps = Steps(stride, before, after, dilation, groups)
    rng = np.random.default_rng(draw(number(0, 99)))
    dtype = draw(st.sampled_from(["float32", "float64"]))
    shapes = (batch, channels * groups, *inner), (out * groups, channels, *kernel)
    slopes = (batch, out * groups, *steps.places(inner, kernel))
    return *(rng.standard_normal(shape).astype(dtype) for shape in (*shapes, slopes)), steps


@settings(max_examples=examples(8), deadline=None)
@given(convolutions())
def test_convolution_and_both_gradients(drawn: Any) -> None:
    *arrays, steps = drawn
    compare(all_three(steps), *arrays)


@pytest.mark.parametrize("stride", [1, 3])
def test_convolution_in_bands_of_lines(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # An image whose windows do not fit into the processor's cache is worked on a few lines at a time.
    monkeypatch.setattr(importlib.import_module("autodiff.compile.convolution"), "TOGETHER", 2**11)
    steps = Steps((stride, 1), (2, 1), (1, 2), (2, 2), 1)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 2, 17, 9)), rng.standard_normal((5, 2, 3, 2))
    compare(all_three(steps), x, w, rng.standard_normal((3, 5, *steps.places(x.shape[2:], w.shape[2:]))))


@st.composite
def poolings(draw: Any) -> Any:
    """Draw an input with equal elements, NaN and infinities among them, and how windows slide over it."""
    n, number = draw(st.integers(1, 2)), st.integers
    shape, sizes = tuple(draw(st.lists(number(1, 2), max_size=2))), []
    for _ in range(n):
        k, stride, dilation = draw(number(1, 4)), draw(number(1, 5)), draw(number(1, 2))
        reach = dilation * (k - 1) + 1
        padding, size = draw(number(0, reach // 2)), draw(number(max(reach - 1, 1), 24))
        places = max((size + 2 * padding - reach + draw(number(0, stride - 1))) // stride + 1, 1)
        while places > 1 and (places - 1) * stride - padding >= size:  # a window beyond the edge
            places -= 1
        shape = (*shape, size)
        sizes.append((places, k, stride, padding, dilation))
    rng = np.random.default_rng(draw(number(0, 99)))
    x = rng.integers(-2, 3, shape).astype(draw(st.sampled_from(["float32", "float64"])))
    if draw(st.booleans()):
        x[rng.random(shape) < 0.2] = draw(st.sampled_from([np.nan, -np.inf, np.inf]))
    return x, Slide(*zip(*sizes, strict=True))


@settings(max_examples=examples(8), deadline=None)
@given(poolings())
def test_pooling_there_and_back(drawn: Any) -> None:
    x, slide = drawn

    def poolings(x: ad.Tensor, v: ad.Tensor) -> Any:
        largest = rows.window_max(x, slide=slide)
        at = rows.window_argmax(x, largest, slide=slide)
        return (
            largest,
            rows.window_sum(x, slide=slide),
            rows.spread_windows(v, shape=x.shape, slide=slide),
            rows.put_in_windows(v, at, shape=x.shape, slide=slide),
            rows.pick_in_windows(x, at, slide=slide),
        )

    places = kernels.window_sum(x, slide=slide).shape
    compare(poolings, x, np.random.default_rng(0).standard_normal(places).astype(x.dtype))


def test_places_of_the_largest_elements_compiled() -> None:
    x = np.random.default_rng(0).integers(0, 3, (2, 3, 7, 9)).astype(np.float32)

    def places(x: ad.Tensor) -> Any:
        return nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True)[1]

    run, given = ad.compile(places, native=True), ad.tensor(x)
    run(given)
    np.testing.assert_array_equal(run(given).numpy(), places(given).numpy())


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Conv2d(2, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 3, 3, stride=2)],
        lambda: [nn.Conv2d(2, 4, (3, 2), dilation=2, groups=2), nn.Tanh(), nn.AvgPool2d(3, 2, 1)],
        lambda: [nn.ConvTranspose2d(2, 3, 3, stride=2, output_padding=1), nn.Tanh(), nn.MaxPool2d(3, 2, 1)],
        lambda: [nn.Conv2d(2, 3, 1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(3, 2, 3, padding="same")],
    ],
    ids=["strided", "grouped", "transposed", "pointwise"],
)
def test_second_derivatives_of_layers(layers: Callable[[], list[Any]]) -> None:
    ad.manual_seed(0)
    model = nn.Sequential(*layers()).to(np.float64)
    x = ad.tensor(np.random.default_rng(0).standard_normal((2, 2, 11, 9)))

    def derivatives(x: ad.Tensor) -> Any:
        leaves = [x.detach().requires_grad_(), *model.parameters()]
        y = model(leaves[0])
        first = ad.grad((y * y).sum(), leaves, create_graph=True)
        second = ad.grad(sum((g * g).sum() for g in first), leaves, materialize_grads=True)
        return [t.detach() for t in (y, *first, *second)]

    compare(derivatives, x.numpy())


def test_what_has_no_native_form_stays_with_numpy() -> None:
    rng = np.random.default_rng(0)
    steps = Steps((1, 1, 1), (0, 1, 1), (1, 0, 1), (1, 1, 2), 1)
    x, w = rng.standard_normal((1, 2, 4, 5, 6)), rng.standard_normal((3, 2, 2, 2, 2))
    (found,), program = compiled(lambda x, w: (rows.convolve(x, w, steps=steps),), x, w)
    assert "NumPy" in program
    assert "3 dimensions" in program
    close(found, kernels.convolve(x, w, steps=steps))
