"""Indices of every combination of parts pick, set and differentiate what NumPy's and PyTorch's do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, assume, given, settings  # after it is known to be there
from hypothesis import strategies as st  # as above

import autodiff as ad  # as above
from tests.fuzzing import examples
from tests.oracle import needs_torch, torch  # as above

SHAPE = (2, 3, 4)
X = np.arange(24.0).reshape(SHAPE)

positions = st.integers(-2, 1)
vectors = st.lists(positions, min_size=1, max_size=2)
matrices = st.lists(st.lists(positions, min_size=2, max_size=2), min_size=1, max_size=2)
bounds = st.none() | st.integers(-3, 3)
slices = st.builds(slice, bounds, bounds, st.none() | st.sampled_from([1, 2, -1, -2]))
masks = st.sampled_from([(2,), (3,), (4,), (2, 3), (3, 4), (2, 3, 4)]).flatmap(
    lambda shape: st.lists(st.booleans(), min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
        lambda flat: np.array(flat).reshape(shape)
    )
)
arrays = (vectors | matrices | positions | st.just([])).map(lambda v: np.array(v, np.int64))
# What a part is, and how it is written: a list, a tuple, a range, an array, a tensor.
parts = st.one_of(
    positions.map(lambda k: ("plain", k)),
    slices.map(lambda k: ("plain", k)),
    st.sampled_from([None, Ellipsis, True, False]).map(lambda k: ("plain", k)),
    st.tuples(st.sampled_from(["list", "tuple", "array", "tensor"]), arrays | masks),
    st.just(("range", np.arange(2))),
)
keys = st.lists(parts, min_size=1, max_size=4)


def spelled(part: tuple[str, Any], library: Any) -> Any:
    """Return one part of an index as it is written for a library."""
    how, value = part
    if how == "plain":
        return value
    if how == "range":
        return range(2)
    if how == "tensor" and library is not np:
        return library.tensor(value)
    if library is torch and value.dtype == np.bool and value.ndim > 1:
        return torch.tensor(value)  # beside an Ellipsis PyTorch takes any other such mask for one dimension, and fails
    if how in ("list", "tuple") and value.ndim:
        nested = value.tolist()
        return tuple(tuple(v) if isinstance(v, list) else v for v in nested) if how == "tuple" else nested
    return value


def key_for(drawn: list[tuple[str, Any]], library: Any) -> Any:
    return tuple(spelled(part, library) for part in drawn)


def test_parts_are_read_as_pytorch_reads_them() -> None:
    """The cases of the report that led here."""
    x = ad.tensor(X)
    assert x[0, (1, 0), [1, 2]].tolist() == [5.0, 2.0]
    assert x[0, :, (1, 0)].shape == (3, 2)
    assert x[(0, 1), (1, 2)].tolist() == X[[0, 1], [1, 2]].tolist()
    y = ad.zeros(2, 3, 4)
    y[0, (1, 0), [1, 2]] = 1.0
    assert np.argwhere(y.numpy()).tolist() == [[0, 0, 2], [0, 1, 1]]


@needs_torch
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(keys)
def test_an_index_is_pytorchs(drawn: list[tuple[str, Any]]) -> None:
    assume(sum(part[1] is Ellipsis for part in drawn) < 2)
    assume(not any(isinstance(part[1], slice) and (part[1].step or 1) < 0 for part in drawn))  # which it refuses
    ours, theirs = ad.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    try:
        expected = theirs[key_for(drawn, torch)]
    except (IndexError, ValueError, RuntimeError):
        with pytest.raises((IndexError, ValueError)):
            _ = ours[key_for(drawn, ad)]
        return
    found = ours[key_for(drawn, ad)]
    assert found.shape == tuple(expected.shape)
    np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
    (found * found).sum().backward()
    (expected * expected).sum().backward()
    assert ours.grad is not None
    np.testing.assert_array_equal(ours.grad.numpy(), theirs.grad.numpy())


@needs_torch
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(keys)
def test_an_assignment_is_pytorchs(drawn: list[tuple[str, Any]]) -> None:
    assume(sum(part[1] is Ellipsis for part in drawn) < 2)
    assume(not any(isinstance(part[1], slice) and (part[1].step or 1) < 0 for part in drawn))  # which it refuses
    ours, theirs = ad.zeros(*SHAPE), torch.zeros(*SHAPE)
    try:
        theirs[key_for(drawn, torch)] = 1.0
    except (IndexError, ValueError, RuntimeError):
        with pytest.raises((IndexError, ValueError)):
            ours[key_for(drawn, ad)] = 1.0
        return
    ours[key_for(drawn, ad)] = 1.0
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    shape = ours[key_for(drawn, ad)].shape
    values = np.arange(float(np.prod(shape)), dtype=np.float32).reshape(shape)
    if len(set(ad.arange(24).reshape(SHAPE)[key_for(drawn, ad)].numpy().ravel().tolist())) < values.size:
        return  # an element named twice: which value stays is not defined
    ours[key_for(drawn, ad)] = ad.tensor(values)
    theirs[key_for(drawn, torch)] = torch.tensor(values)
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@settings(max_examples=examples(100), deadline=None)
@given(keys)
def test_an_index_is_numpys_where_no_integer_stands_alone(drawn: list[tuple[str, Any]]) -> None:
    """NumPy lets a single integer broadcast among arrays, and moves dimensions for it and for an Ellipsis of none."""
    assume(not any(part[1] is Ellipsis for part in drawn))
    assume(not any((how == "plain" and type(k) is int) or (np.ndim(k) == 0 and how != "plain") for how, k in drawn))
    try:
        expected = X[key_for(drawn, np)]
    except IndexError:
        with pytest.raises(IndexError):
            _ = ad.tensor(X)[key_for(drawn, ad)]
        return
    np.testing.assert_array_equal(ad.tensor(X)[key_for(drawn, ad)].numpy(), expected)


@settings(max_examples=100, deadline=None)
@given(keys)
def test_the_derivative_of_an_index_can_be_differentiated(drawn: list[tuple[str, Any]]) -> None:
    assume(sum(part[1] is Ellipsis for part in drawn) < 2)
    x = ad.tensor(X, requires_grad=True)
    try:
        y = x[key_for(drawn, ad)]
    except (IndexError, ValueError):
        return
    (slope,) = ad.grad((y * y * y).sum(), x, create_graph=True)
    (curve,) = ad.grad((slope * slope).sum(), x, create_graph=False)
    times = np.zeros(SHAPE)
    np.add.at(times.reshape(-1), ad.arange(24).reshape(SHAPE)[key_for(drawn, ad)].numpy().ravel(), 1)
    # d/dx of Σ (3 n x²)² is 36 n² x³, for an element that is picked n times
    np.testing.assert_allclose(curve.numpy(), 36 * times**2 * X**3, rtol=1e-12)


@pytest.mark.parametrize(
    ("key", "match"),
    [
        ([slice(0, 1), 0], "tuple"),
        ([0, None], "tuple"),
        ([[0], [1, 0]], "inhomogeneous"),
        ([0.5], "integers"),
        ({0}, "got set"),
        ((0, "a"), "got str"),
        (1.0, "got float"),
        (ad.tensor([1.0]), "float32"),
        (np.array([1.0]), "float64"),
    ],
)
def test_what_is_no_index_is_refused_with_what_came(key: Any, match: str) -> None:
    for use in (lambda x: x[key], lambda x: x.__setitem__(key, 0.0)):
        with pytest.raises(IndexError, match=match):
            use(ad.tensor(X))


def test_a_slice_by_tensors_keeps_what_they_were() -> None:
    x, start = ad.tensor([1.0, 2.0, 3.0], requires_grad=True), ad.tensor(1)
    y = x[start:]
    start.fill_(0)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 1.0]
