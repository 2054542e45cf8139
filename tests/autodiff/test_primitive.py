"""Defining an operation of one's own with the tool that the derivative table is made with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf


@ad.primitive(x=lambda g, x: 3 * g * x**2)
def cube(x: Any) -> Any:
    """Cube of each element."""
    return x**3


@ad.primitive(symbol="w", a=lambda g, b, w: g * b * w, b=lambda g, a, w: g * a * w)
def weighted_product(a: Any, b: Any, *, w: float = 1.0) -> Any:
    """Product times a weight."""
    return a * b * w


@ad.primitive(tensors=lambda g, i: g * (i + 1))
def counted_sum(*tensors: Any) -> Any:
    """First plus twice the second plus three times the third, and so on."""
    return sum((k + 1) * t for k, t in enumerate(tensors))


@ad.primitive(x=lambda g, y, x_shape: g * y + 0 * len(x_shape))
def growth(x: Any) -> Any:
    """Exponential, whose rule uses the result and the shape alone."""
    return np.exp(x)


def test_an_operation_of_ones_own_differentiates_to_any_order() -> None:
    x = leaf(2.0)
    y = cube(x)
    assert y.item() == 8.0
    (first,) = ad.grad(y, x, create_graph=True)
    (second,) = ad.grad(first, x, create_graph=True)
    (third,) = ad.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)


def test_it_keeps_its_name_and_documentation_and_shows_in_the_text_of_results() -> None:
    assert cube.__name__ == "cube"
    assert cube.__doc__ == "Cube of each element."
    assert repr(cube(leaf(1.0))) == "tensor(1., dtype=float64, grad_fn=<cube>)"


def test_parameters_reach_forward_and_rules() -> None:
    a, b = leaf(2.0), leaf(3.0)
    y = weighted_product(a, b, w=10.0)
    y.backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (y.item(), a.grad.item(), b.grad.item()) == (60.0, 30.0, 20.0)


def test_any_number_of_inputs_share_one_rule() -> None:
    xs = [leaf(1.0), leaf(1.0), leaf(1.0)]
    y = counted_sum(*xs)
    y.backward()
    assert y.item() == 6.0
    assert [x.grad.item() for x in xs if x.grad is not None] == [1.0, 2.0, 3.0]


def test_broadcasting_is_undone_and_defaults_are_filled_in_without_the_rule_knowing() -> None:
    a, b = ad.ones(2, 3, dtype="float64", requires_grad=True), leaf(1.0, 2.0, 3.0)
    weighted_product(a, b).sum().backward()
    assert b.grad is not None
    assert b.grad.tolist() == [2.0, 2.0, 2.0]


def test_it_computes_plainly_on_arrays() -> None:
    found = cube(np.array([1.0, 2.0]))
    assert type(found) is np.ndarray
    assert found.tolist() == [1.0, 8.0]


def test_a_rule_for_each_input_runs_only_when_needed() -> None:
    called: list[str] = []

    def rule_a(g: Any) -> Any:
        called.append("a")
        return g

    def rule_b(g: Any) -> Any:
        called.append("b")
        return g

    @ad.primitive(a=rule_a, b=rule_b)
    def plus(a: Any, b: Any) -> Any:
        return a + b

    plus(leaf(1.0), ad.tensor(np.float64(2.0))).backward()
    assert called == ["a"]


def test_what_the_rules_do_not_ask_for_may_change() -> None:
    x = ad.tensor(np.array([0.0, 1.0]), requires_grad=True)
    y = growth(x)
    with ad.no_grad():
        x.fill_(7.0)
    y.sum().backward()  # the rule needs the result, not the input
    y = growth(x)
    y.detach().fill_(0.0)
    with pytest.raises(RuntimeError, match=r"growth: its output.*changed in place"):
        y.sum().backward()


def test_an_input_without_a_rule_is_named_when_a_gradient_must_pass() -> None:
    @ad.primitive(a=lambda g: g)
    def half_known(a: Any, b: Any) -> Any:
        return a + b

    half_known(leaf(1.0), ad.tensor(np.float64(1.0))).backward()
    with pytest.raises(RuntimeError, match=r"half_known: .*no derivative with respect to .*b"):
        half_known(leaf(1.0), leaf(1.0)).backward()


def test_a_rule_of_the_wrong_shape_is_named() -> None:
    @ad.primitive(x=lambda g: g[:1] if g.ndim else g)
    def wrong(x: Any) -> Any:
        return x * 1

    with pytest.raises(RuntimeError, match=r"wrong: .*\(1,\).*\(3,\)"):
        wrong(leaf(1.0, 2.0, 3.0)).sum().backward()


def test_a_rule_for_an_unknown_input_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="'z'"):

        @ad.primitive(z=lambda g: g)
        def f(x: Any) -> Any:
            return x


def test_a_rule_that_asks_for_the_unknown_is_refused_when_it_is_defined() -> None:
    with pytest.raises(TypeError, match="'weight'"):

        @ad.primitive(x=lambda g, weight: g * weight)
        def f(x: Any) -> Any:
            return x


def test_an_error_in_forward_keeps_its_kind_and_names_the_operation() -> None:
    @ad.primitive(x=lambda g: g)
    def picky(x: Any) -> Any:
        raise ValueError("not today")

    with pytest.raises(ValueError, match=r"picky\(float64\[2\]\): not today"):
        picky(leaf(1.0, 2.0))


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([object()]), np.array([1j]), np.array(["2026-01-01"], "M8")]
)
def test_arrays_of_other_things_than_numbers_are_refused_by_name(array: Any) -> None:
    for name, call in {
        "exp": lambda: ad.exp(array),
        "add": lambda: ad.add(array, array),
        "isnan": lambda: ad.isnan(array),
        "eq": lambda: ad.eq(array, 1.0),
        "maximum": lambda: ad.maximum(array, np.ones(1)),
    }.items():
        with pytest.raises(TypeError, match=f"^{name}: a tensor holds booleans, integers or floats"):
            call()


@pytest.mark.parametrize("array", [np.array([3.0, -2.0]), np.array([3, 2]), np.array([True, False])])
@pytest.mark.parametrize("name", ["add", "pow", "floor_divide", "remainder", "xlogy", "maximum", "lt"])
def test_arrays_meet_numbers_as_tensors_do(name: str, array: Any) -> None:
    plain, recorded = getattr(ad, name)(array, 2), getattr(ad, name)(ad.tensor(array), 2)
    assert isinstance(plain, np.ndarray)
    np.testing.assert_allclose(
        plain, recorded.detach().numpy(), rtol=1e-6
    )  # functions of integers are of single precision
    with pytest.raises(TypeError, match=f"^{name}: expected a Tensor, an ndarray or a number, got str"):
        getattr(ad, name)(array, "x")


def test_a_numpy_scalar_meets_a_number() -> None:
    found = ad.pow(np.float32(3.0), 2)
    assert found == 9
    assert found.dtype == np.float32


def test_what_goes_wrong_on_arrays_alone_is_named_too() -> None:
    with pytest.raises(ValueError, match=r"^mul\(float64\[2\], float64\[3\]\): "):
        ad.mul(np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match=r"^bitwise_and\(float64\[1\], float64\[1\]\): "):
        ad.bitwise_and(np.ones(1), np.ones(1))


@ad.primitive(x=lambda g: g)
def same(x: Any) -> Any:
    """Return the very array."""
    return x


@ad.primitive(x=lambda g: g.T)
def turned(x: Any) -> Any:
    """Return a view without saying so."""
    return x.T


@ad.primitive(x=lambda g: g, y=lambda g: g)
def second(x: Any, y: Any) -> Any:
    """Return the second array."""
    return y


@ad.primitive(x=lambda g: g)
def rows(x: Any, *, n: int) -> Any:
    """Return a view, with a parameter."""
    return x[:n]


@pytest.mark.parametrize(
    "call", [same, turned, lambda x: second(ad.zeros(2, 2, dtype="float64"), x), lambda x: rows(x, n=2)]
)
def test_a_result_in_the_memory_of_an_input_is_seen_as_changed_with_it(call: Any) -> None:
    for change_input in (True, False):
        x = ad.tensor(np.ones((2, 2)), requires_grad=True)
        y = call(x)
        z = (y * y).sum()
        with ad.no_grad():
            (x if change_input else y).add_(1)
        with pytest.raises(RuntimeError, match=r"mul: input 0.*changed in place"):
            z.backward()


@pytest.mark.parametrize("value", [None, 1.0, [1.0], "x"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_what_is_no_array_cannot_be_a_result(value: Any, requires_grad: bool) -> None:
    @ad.primitive(x=lambda g: g)
    def odd(x: Any) -> Any:
        return value

    with pytest.raises(TypeError, match="odd: it must return an ndarray or a NumPy scalar, got"):
        odd(ad.tensor([1.0], requires_grad=requires_grad))


def test_the_decorator_without_parentheses_says_what_to_write() -> None:
    def square(x: Any) -> Any:
        return x * x

    with pytest.raises(TypeError, match=r"primitive: .*write @ad\.primitive\(x=lambda g, x: \.\.\.\) above a function"):
        ad.primitive(square)
