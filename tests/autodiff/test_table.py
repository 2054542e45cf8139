"""The one common check: every primitive of the derivative table, on every sample, to second order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import autodiff as ad
from autodiff.engine.primitive import Primitive
from autodiff.table import TABLE as ROWS
from autodiff.tensor import from_array
from tests.autodiff.samples import NOT_FOR_SCALARS, SAMPLES, Sample, Uniform
from tests.oracle import Array, array, assert_same, needs_torch, torch
from tests.together import together

TABLE = {name: op for name, op in ROWS.items() if op.rules}

# Central differences with the step 1e-5 err by step^2 / 6 times the third derivative (2e-11 for a derivative of 1)
# and by rounding, eps / step (2e-11 for a value of 1). The samples' derivatives and values stay below 1e3.
STEP = 1e-5
NUMERIC = {"rtol": 1e-6, "atol": 1e-7}

CASES = [
    pytest.param(TABLE[name], s, id=f"{name}-{i}")
    for name, samples in SAMPLES.items()
    if name in TABLE
    for i, s in enumerate(samples)
]
every_sample = together(("op", "sample"), CASES, by=lambda op, sample: op.name)
# Steps as small as those of finite differences are lost where a sample converts to a narrower dtype.
every_smooth_sample = together(
    ("op", "sample"), [c for c in CASES if c.values[1].keeps_dtype], by=lambda op, sample: op.name
)


# -- completeness ------------------------------------------------------------------------------------------------------


@together("name", TABLE)
def test_every_primitive_has_samples(name: str) -> None:
    assert SAMPLES.get(name), f"{name} needs sample inputs in samples.py"


@together("name", SAMPLES)
def test_every_sample_is_of_a_primitive_in_the_table(name: str) -> None:
    assert name in TABLE


@together("name", SAMPLES)
def test_samples_cover_scalars_and_empty_tensors(name: str) -> None:
    values = [x for sample in SAMPLES[name] for x in sample.arrays() if x.dtype.kind == "f"]
    assert any(x.ndim == 0 for x in values) or name in NOT_FOR_SCALARS
    assert any(x.size == 0 for x in values)


@every_sample
def test_sample_applies_the_primitive_it_is_listed_under(op: Primitive, sample: Sample) -> None:
    assert applications(op, sample.call(ad, *tensors(sample)))


# -- values and derivatives --------------------------------------------------------------------------------------------


@every_smooth_sample
def test_first_derivative_equals_finite_differences(op: Primitive, sample: Sample) -> None:
    values = sample.arrays()
    v = weights(sample, values)

    def weighted(values: list[Array]) -> float:
        return float((v * array(sample.call(ad, *map(ad.tensor, values)))).sum())

    xs = tensors(sample)
    found = ad.grad(sample.call(ad, *xs), floats(xs), grad_outputs=ad.tensor(v))
    for x, g, numeric in zip(floats(xs), found, slopes(weighted, values), strict=True):
        assert g.shape == x.shape
        np.testing.assert_allclose(g.data.numpy(), numeric, **NUMERIC)


@every_smooth_sample
def test_second_derivative_equals_finite_differences_of_the_first(op: Primitive, sample: Sample) -> None:
    values = sample.arrays()
    v = weights(sample, values)

    def weighted_slope(values: list[Array]) -> float:
        *inputs, v = values
        xs = [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
        found = ad.grad(sample.call(ad, *xs), floats(xs), grad_outputs=ad.tensor(v))
        return float(sum((u * g.data.numpy()).sum() for u, g in zip(directions(found), found, strict=True)))

    _, _, second = derivatives(ad, sample)
    for g, numeric in zip(second, slopes(weighted_slope, [*values, v]), strict=True):
        np.testing.assert_allclose(g, numeric, **NUMERIC)


@every_sample
def test_rules_give_the_same_on_tensors_as_on_arrays(op: Primitive, sample: Sample) -> None:
    for y in applications(op, sample.call(ad, *tensors(sample))):
        for _, on_arrays, on_tensors in rules(y):
            recorded, plain = on_tensors(), on_arrays()
            assert isinstance(recorded, ad.Tensor)
            # Both compute the same formula; a sum may run over another memory layout.
            assert_same(array(recorded), np.asarray(plain), rtol=1e-14, atol=1e-14)


@needs_torch
@every_sample
def test_value_and_both_derivatives_equal_pytorch(op: Primitive, sample: Sample) -> None:
    tolerance = {"rtol": 1e-8} if op.name in ("lgamma", "polygamma") else {}  # PyTorch's trigamma errs by 5e-10
    assert_same(derivatives(ad, sample), derivatives(torch, sample), **tolerance)


# -- dtype, shape, memory ----------------------------------------------------------------------------------------------


@every_sample
@together("dtype", [np.float32, np.float64])
def test_dtype_is_kept_by_value_and_rules(op: Primitive, sample: Sample, dtype: npt.DTypeLike) -> None:
    for y in applications(op, sample.call(ad, *tensors(sample, dtype))):
        if sample.keeps_dtype:
            assert y.dtype == dtype
        for x, on_arrays, on_tensors in rules(y):
            if sample.keeps_dtype:
                assert on_arrays().dtype == x.dtype
                assert on_tensors().dtype == x.dtype


@every_sample
@together("dtype", [np.float32, np.float64])
def test_gradients_have_the_shape_and_dtype_of_their_inputs(
    op: Primitive, sample: Sample, dtype: npt.DTypeLike
) -> None:
    xs = tensors(sample, dtype)
    y = sample.call(ad, *xs)
    y.backward(ad.ones_like(y))
    for x in floats(xs):
        assert x.grad is not None
        assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)


@every_sample
def test_rules_neither_return_nor_change_what_was_saved(op: Primitive, sample: Sample) -> None:
    for y in applications(op, sample.call(ad, *tensors(sample))):
        saved = [t.data.numpy() for t in (y, *y._inputs)]
        before = [a.copy() for a in saved]
        for a in saved:
            a.flags.writeable = False  # a rule that writes into what it was given raises
        for _, on_arrays, _ in rules(y):
            found = on_arrays()
            assert not any(np.may_share_memory(found, a) for a in saved)
        for a, b in zip(saved, before, strict=True):
            np.testing.assert_array_equal(a, b)


@every_sample
def test_gradients_share_memory_with_nothing(op: Primitive, sample: Sample) -> None:
    for create_graph in (False, True):
        xs = tensors(sample)
        y = sample.call(ad, *xs)
        seed = ad.ones_like(y)
        y.backward(seed, create_graph=create_graph)
        owned = [x.grad.data.numpy() for x in floats(xs) if x.grad is not None]
        others = [seed.data.numpy(), y.data.numpy(), *(x.data.numpy() for x in xs)]
        for i, g in enumerate(owned):
            assert not any(np.may_share_memory(g, other) for other in others + owned[:i])


@every_sample
def test_zero_dimensional_arrays_count_as_scalars(op: Primitive, sample: Sample) -> None:
    def value_and_gradients(wrap: Callable[[Array], Any]) -> list[Array]:
        xs = [from_array(wrap(x), requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
        y = sample.call(ad, *xs)
        y.backward(ad.ones_like(y))
        return [array(y), *(x.grad.data.numpy() for x in floats(xs) if x.grad is not None)]

    arrays, scalars = value_and_gradients(np.array), value_and_gradients(lambda x: np.array(x)[()])
    assert_same(arrays, scalars, rtol=1e-14, atol=1e-14)  # NumPy's loops for scalars and arrays may round differently


@every_sample
def test_inputs_of_any_memory_layout_give_the_same(op: Primitive, sample: Sample) -> None:
    def value_and_gradients(lay: Callable[[Array], Array]) -> list[Array]:
        xs = [from_array(lay(x), requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
        y = sample.call(ad, *xs)
        y.backward(ad.ones_like(y))
        return [array(y), *(x.grad.data.numpy() for x in floats(xs) if x.grad is not None)]

    reference = value_and_gradients(np.array)
    for lay in (columns_first, every_second, reversed_in_memory):
        assert_same(value_and_gradients(lay), reference, rtol=1e-14, atol=1e-14)  # sums run in another order


# -- the same for an operation that is not in the table ----------------------------------------------------------------


def check_primitive(
    function: Callable[..., Any], *inputs: Uniform | Array, torch: Callable[..., Any] | None = None
) -> None:
    """Run the common check on an operation of a user's own, made with `autodiff.primitive`.

    `inputs` are as in a `Sample`: shapes to fill, or arrays. `torch`, where given, computes the same in PyTorch.
    """
    op = function.primitive  # type: ignore[attr-defined]  # what the decorator adds
    sample = Sample(lambda _, *xs: function(*xs), inputs, torch and (lambda _, *xs: torch(*xs)))
    for check in (
        test_sample_applies_the_primitive_it_is_listed_under,
        test_first_derivative_equals_finite_differences,
        test_second_derivative_equals_finite_differences_of_the_first,
        test_rules_give_the_same_on_tensors_as_on_arrays,
        test_rules_neither_return_nor_change_what_was_saved,
        test_gradients_share_memory_with_nothing,
        test_zero_dimensional_arrays_count_as_scalars,
        test_inputs_of_any_memory_layout_give_the_same,
    ):
        check(op, sample)
    for dtype in (np.float32, np.float64):
        test_dtype_is_kept_by_value_and_rules(op, sample, dtype)
        test_gradients_have_the_shape_and_dtype_of_their_inputs(op, sample, dtype)
    if torch is not None:
        test_value_and_both_derivatives_equal_pytorch(op, sample)


# -- helpers -----------------------------------------------------------------------------------------------------------


def tensors(sample: Sample, dtype: npt.DTypeLike = np.float64) -> list[ad.Tensor]:
    """Return a sample's inputs as leaves; the floats among them require gradients."""
    return [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.arrays(dtype)]


def floats(xs: Iterable[Any]) -> list[Any]:
    """Return those tensors that require gradients."""
    return [x for x in xs if x.requires_grad]


def weights(sample: Sample, values: list[Array]) -> Array:
    """Return fixed random weights for the elements of a sample's output."""
    return np.random.default_rng(7).uniform(0.5, 1.5, sample.call(ad, *map(ad.tensor, values)).shape)


def directions(gradients: Iterable[Any]) -> list[Array]:
    """Return fixed random weights for the elements of gradients."""
    rng = np.random.default_rng(11)
    return [rng.uniform(0.5, 1.5, tuple(g.shape)) for g in gradients]


def derivatives(library: Any, sample: Sample) -> tuple[Array, list[Array], list[Array]]:
    """Return value, weighted first derivatives, and those of a weighted sum of them, in autodiff or PyTorch.

    The second derivatives are with respect to the inputs and to the weights of the output.
    """
    grad = ad.grad if library is ad else library.autograd.grad
    call = sample.call if library is ad else sample.torch or sample.call
    values = sample.arrays()
    xs = [library.tensor(x, requires_grad=x.dtype.kind == "f") for x in values]
    v = library.tensor(weights(sample, values), requires_grad=True)
    y = call(library, *xs)
    first = grad(y, floats(xs), grad_outputs=v.to(y.dtype), create_graph=True)
    weighted = sum(((library.tensor(u) * g).sum() for u, g in zip(directions(first), first, strict=True)))
    second = [np.zeros(x.shape) for x in (*floats(xs), v)]
    if weighted.requires_grad:
        found = grad(weighted, [*floats(xs), v], allow_unused=True)
        second = [z if g is None else array(g) for g, z in zip(found, second, strict=True)]
    return array(y), [array(g) for g in first], second


def slopes(f: Callable[[list[Array]], float], values: list[Array]) -> list[Array]:
    """Return the derivative of f with respect to each float in `values` by central differences."""
    found = []
    for k, x in enumerate(values):
        if x.dtype.kind != "f":
            continue
        slope = np.zeros(x.shape)
        for at in np.ndindex(x.shape):
            ends = []
            for step in (STEP, -STEP):
                moved = np.array(x)
                moved[at] += step
                ends.append(f([*values[:k], moved, *values[k + 1 :]]))
            slope[at] = (ends[0] - ends[1]) / (2 * STEP)
        found.append(slope)
    return found


def applications(op: Primitive, output: ad.Tensor) -> list[Any]:
    """Return the results of a primitive in the graph of `output`."""
    found, queue = [], [output]
    while queue:
        y = queue.pop()
        if y._op is not None:
            queue.extend(y._inputs)
            if y._op is op:
                found.append(y)
    return found


def rules(y: Any) -> list[tuple[Any, Callable[[], Any], Callable[[], Any]]]:
    """Return (input, its rule bound to arrays, its rule bound to tensors) of a recorded result.

    The gradient of the output that they get cannot be written to.
    """
    op, inputs, params = y._op, y._inputs, y._params
    g = np.random.default_rng(3).uniform(0.5, 1.5, y.shape).astype(y.dtype)
    g = g if isinstance(g, np.ndarray) else y.dtype.type(g)
    if isinstance(g, np.ndarray):
        g.flags.writeable = False
    return [
        (
            x,
            lambda rule=rule, i=i: rule(g, y, inputs, params, i),
            lambda rule=on_tensors, i=i: rule(from_array(g), y, inputs, params, i),
        )
        for i, (x, rule, on_tensors) in enumerate(zip(inputs, op.on_arrays, op.on_tensors, strict=False))
        if x.requires_grad and rule is not None
    ]


def columns_first(x: Array) -> Array:
    """Return an equal array in Fortran's order."""
    return np.array(x, order="F")


def every_second(x: Array) -> Array:
    """Return an equal array that uses every second element of a larger one."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype) if x.ndim else x
    if x.ndim:
        wide[..., ::2] = x
    return wide[..., ::2] if x.ndim else np.array(x)


def reversed_in_memory(x: Array) -> Array:
    """Return an equal array whose elements lie in memory in the opposite order."""
    return np.array(x[..., ::-1])[..., ::-1] if x.ndim else np.array(x)
