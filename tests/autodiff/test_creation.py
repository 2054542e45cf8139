"""Making tensors: dtypes that follow from the values, shapes, and random numbers that can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.oracle import needs_torch, torch


@pytest.fixture
def default_float64() -> Iterator[None]:
    """Make float64 the default dtype for one test."""
    ad.set_default_dtype("float64")
    yield
    ad.set_default_dtype("float32")


# -- dtype inference ---------------------------------------------------------------------------------------------------

DTYPES: list[tuple[Any, str]] = [
    (1, "int64"),
    (1.0, "float32"),
    (True, "bool"),
    ([1, 2], "int64"),
    ([1, 2.0], "float32"),
    ([[1.0], [2.0]], "float32"),
    ([True, False], "bool"),
    ([], "float32"),
    ([[], []], "float32"),
    ((1, 2), "int64"),
    (np.float64(1), "float64"),
    (np.float32(1), "float32"),
    (np.int32(1), "int32"),
    (np.array([1.0]), "float64"),
    (np.array([1.0], np.float16), "float16"),
    (np.array([1], np.uint8), "uint8"),
    (np.array([True]), "bool"),
    (float("nan"), "float32"),
]


@pytest.mark.parametrize(("value", "dtype"), DTYPES)
def test_tensor_takes_the_dtype_of_its_values(value: Any, dtype: str) -> None:
    t = ad.tensor(value)
    assert t.dtype == dtype
    assert t.shape == np.shape(value)
    assert t.is_leaf
    assert not t.requires_grad


@needs_torch
@pytest.mark.parametrize(("value", "dtype"), [case for case in DTYPES if not isinstance(case[0], np.generic)])
def test_pytorch_infers_the_same_dtype(value: Any, dtype: str) -> None:
    assert str(torch.tensor(value).dtype) == f"torch.{dtype}"


@pytest.mark.parametrize(
    "value", [[ad.tensor(1.0), ad.tensor(2.0)], [ad.tensor([1.0]), ad.tensor([2.0])], ad.tensor(1.0)]
)
def test_tensor_is_made_of_tensors(value: Any) -> None:
    t = ad.tensor(value)
    assert t.dtype == np.float32
    assert t.shape == np.shape([x.tolist() for x in value] if isinstance(value, list) else value.tolist())


def test_tensor_copies() -> None:
    a = np.zeros(2)
    t = ad.tensor(a)
    a[0] = 1.0
    assert t.tolist() == [0.0, 0.0]
    u = ad.tensor(t)
    t[0] = 5.0
    assert u.tolist() == [0.0, 0.0]


def test_given_dtype_wins() -> None:
    assert ad.tensor([1, 2], dtype="float64").dtype == np.float64
    assert ad.tensor([1.7], dtype=ad.int64).tolist() == [1]
    assert ad.tensor([1, 2], dtype=np.float32, requires_grad=True).requires_grad


@pytest.mark.usefixtures("default_float64")
def test_default_dtype_is_what_floats_become() -> None:
    assert ad.get_default_dtype() == np.float64
    for t in (ad.tensor(1.0), ad.tensor([1.0]), ad.zeros(2), ad.rand(2), ad.randn(2), ad.linspace(0, 1, 2), ad.eye(2)):
        assert t.dtype == np.float64
    assert (ad.tensor([1, 2]) / ad.tensor([2, 2])).dtype == np.float64
    assert (ad.tensor([1, 2]) * 0.5).dtype == np.float64
    assert ad.tensor([1]).dtype == np.int64


@pytest.mark.parametrize("dtype", ["int64", "bool", np.complex64])
def test_default_dtype_must_be_a_float(dtype: Any) -> None:
    with pytest.raises(TypeError, match="set_default_dtype"):
        ad.set_default_dtype(dtype)
    assert ad.get_default_dtype() == np.float32


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([[1], [1, 2]], ValueError),
        ("abc", TypeError),
        ([None], TypeError),
        (1j, TypeError),
        ({}, TypeError),
        (["a"], TypeError),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="tensor"):
        ad.tensor(value)


@pytest.mark.parametrize("dtype", ["complex64", "datetime64[s]", object, "U3"])
def test_dtypes_that_a_tensor_cannot_hold_are_refused(dtype: Any) -> None:
    for make in (
        lambda: ad.tensor([1], dtype=dtype),
        lambda: ad.zeros(2, dtype=dtype),
        lambda: ad.rand(2, dtype=dtype),
    ):
        with pytest.raises(TypeError, match="holds booleans, integers or floats"):
            make()


# -- filled ------------------------------------------------------------------------------------------------------------

FILLED: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda lib: lib.zeros(2, 3),
    "zeros of a tuple": lambda lib: lib.zeros((2, 3)),
    "zeros of a list": lambda lib: lib.zeros([2, 3]),
    "zeros of nothing": lambda lib: lib.zeros(()),
    "zeros of an empty shape": lambda lib: lib.zeros(0, 3),
    "ones": lambda lib: lib.ones(2),
    "ones of int64": lambda lib: lib.ones(2, dtype=lib.int64),
    "full of a float": lambda lib: lib.full((2, 2), 3.5),
    "full of an int": lambda lib: lib.full((2,), 3),
    "full of a bool": lambda lib: lib.full((2,), True),
    "full with dtype": lambda lib: lib.full((2,), 3, dtype=lib.float64),
    "arange": lambda lib: lib.arange(4),
    "arange of floats": lambda lib: lib.arange(1.0, 2.0, 0.25),
    "arange down": lambda lib: lib.arange(5, 0, -2),
    "arange with dtype": lambda lib: lib.arange(3, dtype=lib.float32),
    "arange of nothing": lambda lib: lib.arange(0),
    "arange from a float": lambda lib: lib.arange(2.5),
    "linspace": lambda lib: lib.linspace(0, 1, 5),
    "linspace of one": lambda lib: lib.linspace(3, 4, 1),
    "linspace of none": lambda lib: lib.linspace(3, 4, 0),
    "eye": lambda lib: lib.eye(3),
    "eye that is not square": lambda lib: lib.eye(2, 4),
    "zeros_like": lambda lib: lib.zeros_like(lib.tensor([[1, 2]])),
    "ones_like": lambda lib: lib.ones_like(lib.tensor([1.5, 2.5])),
    "ones_like with dtype": lambda lib: lib.ones_like(lib.tensor([1.5, 2.5]), dtype=lib.int64),
    "full_like": lambda lib: lib.full_like(lib.tensor([1.5, 2.5]), 7),
    "full_like of integers": lambda lib: lib.full_like(lib.tensor([1, 2]), 7),
}


@needs_torch
@pytest.mark.parametrize("name", FILLED)
def test_filled_tensors_are_pytorchs(name: str) -> None:
    ours, theirs = FILLED[name](ad), FILLED[name](torch)
    assert ours.dtype == theirs.numpy().dtype
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.numpy(), rtol=1e-7)  # one rounding of float32
    assert not ours.requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: ad.zeros(2, **k),
        lambda **k: ad.ones(2, **k),
        lambda **k: ad.full((2,), 1.5, **k),
        lambda **k: ad.arange(2.0, **k),
        lambda **k: ad.linspace(0, 1, 2, **k),
        lambda **k: ad.eye(2, **k),
        lambda **k: ad.rand(2, **k),
        lambda **k: ad.randn(2, **k),
        lambda **k: ad.zeros_like(ad.ones(2), **k),
        lambda **k: ad.randn_like(ad.ones(2), **k),
    ],
)
def test_made_tensors_can_require_a_gradient(make: Callable[..., ad.Tensor]) -> None:
    x = make(requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
    x.sum().backward()
    assert x.grad is not None
    assert np.all(x.grad.detach().numpy() == 1)
    assert make(dtype="float64").dtype == np.float64


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("zeros", lambda: ad.zeros(-1)),
        ("ones", lambda: ad.ones(2, -3)),
        ("zeros", lambda: ad.zeros(1.5)),  # type: ignore[arg-type]  # what is tested
        ("rand", lambda: ad.rand("3")),  # type: ignore[arg-type]  # what is tested
        ("full", lambda: ad.full((-2,), 0.0)),
        ("full", lambda: ad.full((2,), [1.0, 2.0])),
        ("full", lambda: ad.full((2,), None)),
        ("eye", lambda: ad.eye(-1)),
        ("arange", lambda: ad.arange(1, 2, 0)),
        ("randint", lambda: ad.randint(5, 5, (2,))),
        ("randint", lambda: ad.randint(5)),
        ("randperm", lambda: ad.randperm(-1)),
        ("linspace", lambda: ad.linspace(0, 1, -1)),
        ("from_numpy", lambda: ad.from_numpy([1.0])),  # type: ignore[arg-type]  # what is tested
        ("requires_grad", lambda: ad.zeros(2, dtype="int64", requires_grad=True)),
        ("requires_grad", lambda: ad.full((2,), 1, requires_grad=True)),
    ],
)
def test_wrong_arguments_are_refused_by_name(name: str, make: Callable[[], Any]) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError), match=f"{name}: "):
        make()


# -- sharing memory ----------------------------------------------------------------------------------------------------


def test_from_numpy_and_as_tensor_share_memory() -> None:
    for make in (ad.from_numpy, ad.as_tensor):
        a = np.zeros(2)
        t = make(a)
        a[0] = 1.0
        assert t.tolist() == [1.0, 0.0]
        t[1] = 2.0
        assert a.tolist() == [1.0, 2.0]


def test_as_tensor_converts_only_what_it_must() -> None:
    t = ad.tensor([1.0])
    assert ad.as_tensor(t) is t
    assert ad.as_tensor(t, dtype="float64").dtype == np.float64
    assert ad.as_tensor([1, 2]).dtype == np.int64
    assert ad.as_tensor(np.zeros(2), dtype="float32").dtype == np.float32


# -- random ------------------------------------------------------------------------------------------------------------

DRAWS: dict[str, Callable[[], ad.Tensor]] = {
    "rand": lambda: ad.rand(3, 4),
    "randn": lambda: ad.randn(3, 4),
    "randint": lambda: ad.randint(0, 100, (3, 4)),
    "randperm": lambda: ad.randperm(20),
    "rand_like": lambda: ad.rand_like(ad.zeros(3, 4)),
    "randn_like": lambda: ad.randn_like(ad.zeros(3, 4)),
    "randint_like": lambda: ad.randint_like(ad.zeros(3, 4), 100),
}


@pytest.mark.parametrize("name", DRAWS)
def test_manual_seed_repeats_the_numbers(name: str) -> None:
    draw = DRAWS[name]
    ad.manual_seed(3)
    first, second = draw(), draw()
    ad.manual_seed(3)
    assert draw().tolist() == first.tolist() != second.tolist()
    ad.manual_seed(4)
    assert draw().tolist() != first.tolist()


def test_a_generator_of_ones_own_leaves_the_common_one_alone() -> None:
    ad.manual_seed(3)
    expected = ad.rand(2).tolist()
    ad.manual_seed(3)
    own = [ad.rand(2, generator=np.random.default_rng(1)).tolist() for _ in range(2)]
    assert own[0] == own[1]
    assert ad.rand(2).tolist() == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_numbers_lie_in_the_half_open_interval(dtype: str) -> None:
    ad.manual_seed(0)
    t = ad.rand(20000, dtype=dtype).detach().numpy().astype(np.float64)
    assert t.min() >= 0
    assert t.max() < 1
    assert t.mean() == pytest.approx(0.5, abs=0.01)  # 5 standard errors: 0.29 / sqrt(20000) * 5
    assert t.std() == pytest.approx(12**-0.5, abs=0.01)


def test_normal_numbers_have_mean_0_and_variance_1() -> None:
    ad.manual_seed(0)
    t = ad.randn(20000, dtype="float64").detach().numpy()
    assert t.mean() == pytest.approx(0, abs=0.036)  # 5 standard errors: 1 / sqrt(20000) * 5
    assert t.std() == pytest.approx(1, abs=0.025)


def test_random_integers_cover_their_range() -> None:
    assert set(ad.randint(-2, 3, (500,)).tolist()) == {-2, -1, 0, 1, 2}
    assert set(ad.randint(3, (500,)).tolist()) == {0, 1, 2}
    assert set(ad.randint_like(ad.zeros(500, dtype="int64"), 2, 4).tolist()) == {2, 3}
    assert ad.randint(0, 10, (2,)).dtype == np.int64
    assert ad.randint(0, 10, (2,), dtype=ad.uint8).dtype == np.uint8


def test_a_permutation_holds_each_integer_once() -> None:
    assert sorted(ad.randperm(50).tolist()) == list(range(50))
    assert ad.randperm(0).shape == (0,)


def test_scalars_can_be_drawn() -> None:
    for t in (ad.rand(()), ad.randn(()), ad.randint(0, 3, ())):
        assert t.shape == ()


@needs_torch
@pytest.mark.parametrize("bounds", [(5, -5, 20), (-3.7, 3.7, 5), (2.5, 7.5, 11), (3.9, 0, 1), (0, 255, 7), (1, 4, 0)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_linspace_of_integers_is_cut_and_not_rounded_down(bounds: Any, dtype: str) -> None:
    if dtype == "uint8" and min(bounds[:2]) < 0:
        return
    expected = torch.linspace(*bounds, dtype=getattr(torch, dtype))
    assert ad.linspace(*bounds, dtype=dtype).tolist() == expected.tolist()
    assert ad.linspace(*bounds, dtype=dtype).dtype == dtype


@needs_torch
@pytest.mark.parametrize("bounds", [(0.5, 5, 1.5), (0, 5, 0.5), (5, 0, -1.5), (-3.7, 3, 1.2), (5.5,)])
def test_arange_of_integers_cuts_its_bounds_as_pytorch_does(bounds: tuple[float, ...]) -> None:
    expected = torch.arange(*bounds, dtype=torch.int32)
    assert ad.arange(*bounds, dtype=np.int32).tolist() == expected.tolist()


def test_bounds_may_come_by_name_and_as_tensors() -> None:
    assert ad.arange(end=3).tolist() == ad.arange(ad.tensor(3)).tolist() == [0, 1, 2]
    assert ad.linspace(ad.tensor(0), ad.tensor(1.0), 3).tolist() == [0.0, 0.5, 1.0]
    for call in (lambda: ad.arange(), lambda: ad.arange("3"), lambda: ad.linspace(0, "1", 3)):
        with pytest.raises(TypeError, match="bounds and steps must be numbers"):
            call()
    with pytest.raises(RuntimeError, match="arange: no step of 1 leads from 3 to 1"):
        ad.arange(3, 1)
    with pytest.raises(TypeError, match="linspace: expected a dtype of integers or floats, got bool"):
        ad.linspace(0, 1, 2, dtype=np.bool)


def test_full_wraps_a_negative_integer_in_an_unsigned_one_as_pytorch_does() -> None:
    assert ad.full((2,), -1, dtype=np.uint8).tolist() == [255, 255]


@pytest.mark.parametrize(("value", "dtype"), [(300, np.uint8), (1e20, np.int32), (2**40, np.int32), (1e20, np.float16)])
def test_a_value_that_a_dtype_does_not_hold_is_refused(value: float, dtype: Any) -> None:
    with pytest.raises(RuntimeError, match=r"full: .* is out of the range of"):
        ad.full((2,), value, dtype=dtype)
    if np.dtype(dtype).kind != "f":
        with pytest.raises(RuntimeError, match="tensor: "):
            ad.tensor([value], dtype=dtype)


def test_randint_like_takes_the_upper_bound_by_name() -> None:
    assert set(ad.randint_like(ad.zeros(40), high=2).tolist()) == {0.0, 1.0}
    assert ad.randint_like(ad.zeros(2), 3, 4).tolist() == [3.0, 3.0]
    with pytest.raises(TypeError, match="expected high"):
        ad.randint_like(ad.zeros(2))


# -- what a tensor cannot hold -----------------------------------------------------------------------------------------


class Column:
    """A column of a table, as pandas' is."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([0.1, 0.2], dtype or np.float64)


def test_what_another_library_made_keeps_its_dtype() -> None:
    assert ad.tensor(Column()).dtype == np.float64
    assert ad.tensor(Column(), dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("kind", [">i4", ">f8", ">f2"])
def test_no_tensor_has_foreign_bytes(kind: str) -> None:
    foreign = np.array([1, 2], kind)
    for made in (ad.tensor(foreign), ad.as_tensor(foreign), ad.tensor([1.0, 1.0]) * foreign, ad.Tensor(foreign)):
        assert made.dtype.isnative
        assert made.tolist() == [1, 2]
    with pytest.raises(TypeError, match="native"):
        ad.from_numpy(foreign)
    with pytest.raises(TypeError, match="native"):
        ad.ones(2, dtype=kind)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="here a long double is a double")
def test_long_doubles_are_refused() -> None:
    for call in (lambda: ad.tensor(np.longdouble(1)), lambda: ad.ones(2) * np.ones(2, np.longdouble)):
        with pytest.raises(TypeError, match="64 bits"):
            call()


def test_python_integers_beyond_int64_are_refused_by_name() -> None:
    with pytest.raises(RuntimeError, match="9223372036854775808 is out of the range of int64"):
        ad.tensor([2**63])
    assert ad.tensor([2**63], dtype=np.uint64).tolist() == [2**63]
    assert ad.tensor(np.array([2**63], np.uint64)).dtype == np.uint64


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [(0, 257, "uint8"), (-1, 2, "uint8"), (0, 200, "int8"), (0, 3, "bool"), (0, 70_000, "float16")],
)
def test_integers_are_drawn_only_from_what_the_dtype_holds(low: int, high: int, kind: str) -> None:
    with pytest.raises(RuntimeError, match=f"out of the range of {kind}"):
        ad.randint(low, high, (3,), dtype=kind)
    assert ad.randint(0, 256, (3,), dtype="uint8").dtype == np.uint8
    assert ad.randint(0, 2, (3,), dtype="bool").dtype == np.bool_
