"""Python's operators on tensors, numbers and arrays: values, dtypes and gradients."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
from tests.autodiff.test_backward import leaf
from tests.oracle import assert_same, check_like_torch, needs_torch, ours, theirs, torch
from tests.together import together

ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.matmul,
]
SMOOTH = [op for op in ARITHMETIC if op is not operator.floordiv]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
LOGIC = [operator.and_, operator.or_, operator.xor]

A, B = np.array([[1.5, 2.0, -0.5], [3.0, 0.25, 1.0]]), np.array([[0.5, 2.0, 3.0], [-2.0, 4.0, 1.5]])
POSITIVE = np.abs(A) + 0.5


def by_name(op: Any) -> str:
    """Return what pytest calls an operator."""
    return str(op.__name__)


# -- values and gradients ----------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("op", SMOOTH, ids=by_name)
def test_operator_between_tensors_is_pytorchs(op: Callable[..., Any]) -> None:
    right = B.T if op is operator.matmul else B
    check_like_torch(lambda _, x, y: op(x, y), POSITIVE, np.array(right))


@needs_torch
@together("number", [2, 3.5, 1, 0, -1.5])
@pytest.mark.parametrize("op", [op for op in SMOOTH if op is not operator.matmul], ids=by_name)
def test_operator_with_a_number_on_either_side_is_pytorchs(op: Callable[..., Any], number: Any) -> None:
    if number or op not in (operator.truediv, operator.mod):
        check_like_torch(lambda _, x: op(x, number), POSITIVE)
    if op is operator.mod:  # PyTorch does not differentiate it
        check_like_torch(lambda lib, x: lib.remainder(lib.full((), number, dtype=lib.float64), x), POSITIVE)
    elif number >= 0 or op is not operator.pow:
        check_like_torch(lambda _, x: op(number, x), POSITIVE)


@pytest.mark.parametrize("op", ARITHMETIC, ids=by_name)
def test_operator_with_an_array_on_either_side_gives_a_recorded_tensor(op: Callable[..., Any]) -> None:
    right = np.array(B.T if op is operator.matmul else np.abs(B))
    x, y = ad.tensor(POSITIVE, requires_grad=True), ad.tensor(right, requires_grad=True)
    expected = op(POSITIVE, right)
    for found in (op(x, right), op(POSITIVE, y)):
        assert type(found) is ad.Tensor
        assert found.requires_grad
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize("op", [op for op in ARITHMETIC if op is not operator.matmul], ids=by_name)
def test_operator_with_a_numpy_scalar_on_either_side_gives_a_recorded_tensor(op: Callable[..., Any]) -> None:
    x = ad.tensor(POSITIVE, requires_grad=True)
    for scalar in (np.float64(2.5), np.float32(2.5), np.int64(3)):
        for found, expected in ((op(x, scalar), op(POSITIVE, scalar)), (op(scalar, x), op(scalar, POSITIVE))):
            assert type(found) is ad.Tensor
            assert found.requires_grad
            np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-15)


@needs_torch
@pytest.mark.parametrize("op", [operator.neg, operator.pos, abs])
def test_unary_operator_is_pytorchs(op: Callable[..., Any]) -> None:
    check_like_torch(lambda _, x: op(x), A)


@pytest.mark.parametrize("op", COMPARISONS, ids=by_name)
def test_comparison_gives_booleans_without_gradient(op: Callable[..., Any]) -> None:
    x, y = ad.tensor(A, requires_grad=True), ad.tensor(B)
    for found, expected in (
        (op(x, y), op(A, B)),
        (op(x, 2), op(A, 2)),
        (op(2, x), op(2, A)),
        (op(x, B), op(A, B)),
        (op(A, y), op(A, B)),
        (op(x, np.float64(2)), op(A, 2)),
        (op(np.float64(2), x), op(2, A)),
    ):
        assert type(found) is ad.Tensor
        assert found.dtype == np.bool
        assert not found.requires_grad
        np.testing.assert_array_equal(found.detach().numpy(), expected)


def test_comparison_with_what_is_no_number_is_pythons() -> None:
    t = ad.tensor([1.0, 2.0])
    assert (t == "x") is False
    assert (t != "x") is True
    assert (t == None) is False  # noqa: E711  # the operator is what is tested
    with pytest.raises(TypeError):
        t < "x"  # type: ignore[operator]  # noqa: B015  # the operator is what is tested


@pytest.mark.parametrize("op", LOGIC, ids=by_name)
@pytest.mark.parametrize("values", [([True, True, False], [True, False, False]), ([6, 5, 0], [3, 5, 7])])
def test_logic_is_numpys(op: Callable[..., Any], values: tuple[Any, Any]) -> None:
    a, b = map(np.array, values)
    assert op(ad.tensor(a), ad.tensor(b)).tolist() == op(a, b).tolist()
    assert op(ad.tensor(a), values[1][0]).tolist() == op(a, values[1][0]).tolist()
    assert (~ad.tensor(a)).tolist() == (~a).tolist()


def test_logic_of_floats_is_refused() -> None:
    for op in LOGIC:
        with pytest.raises(TypeError, match="bitwise"):
            op(ad.tensor([1.0]), ad.tensor([1.0]))


@pytest.mark.parametrize("op", [*ARITHMETIC, *COMPARISONS[2:]], ids=by_name)
@together("other", ["x", None, [1.0], {}, object()])
def test_operand_of_another_type_is_refused_by_name(op: Callable[..., Any], other: Any) -> None:
    t = ad.tensor([1.0])
    with pytest.raises(TypeError):
        op(t, other)
    if not (op is operator.mod and isinstance(other, str)):  # that is Python's text formatting
        with pytest.raises(TypeError):
            op(other, t)


@pytest.mark.parametrize(
    ("name", "op"), [("add", operator.add), ("mul", operator.mul), ("pow", operator.pow), ("eq", operator.eq)]
)
def test_shapes_that_do_not_broadcast_are_named(name: str, op: Callable[..., Any]) -> None:
    with pytest.raises((ValueError, RuntimeError), match=name) as error:
        op(ad.zeros(2, 3), ad.ones(4))
    assert "3" in str(error.value)
    assert "4" in str(error.value)


# -- dtypes ------------------------------------------------------------------------------------------------------------

DTYPES = ["float32", "float64", "int64", "int32", "uint8", "bool"]


@needs_torch
@together(
    ("op", "left", "right"),
    [
        (op, left, right)
        for op in (operator.add, operator.mul, operator.truediv, operator.pow, operator.eq)
        for left in DTYPES
        for right in DTYPES
        if op is not operator.pow or {left, right} != {"bool"}  # PyTorch has no power of booleans
    ],
)
def test_dtypes_meet_as_in_pytorch(op: Callable[..., Any], left: str, right: str) -> None:
    a, b = np.ones((2, 2), left), np.ones((2,), right)
    mine, other = op(ours(a), ours(b)), op(theirs(a), theirs(b))
    assert_same(mine.detach().numpy(), other.numpy(), rtol=1e-6)  # one rounding of float32


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda lib, x, y: x + y,
    "mul": lambda lib, x, y: x * y,
    "maximum": lambda lib, x, y: lib.maximum(x, y),
    "where": lambda lib, x, y: lib.where(lib.tensor([True, False]), x, y),
    "clamp": lambda lib, x, y: lib.clamp(x, y),
    "clamp of both sides": lambda lib, x, y: lib.clamp(x, y, y),
    "xlogy": lambda lib, x, y: lib.xlogy(x, y),
    "eq": lambda lib, x, y: x == y,
}


@needs_torch
@together("shapes", [((2,), ()), ((), (2,)), ((), ()), ((2,), (2,))])
@together("right", [*DTYPES, "int8"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tensor_without_dimensions_has_no_say_within_its_kind(name: str, right: str, shapes: Any) -> None:
    for left in (*DTYPES, "int8"):
        if name.startswith("clamp") and left == right == "bool":
            continue  # PyTorch's clamp knows no booleans
        a, b = np.ones(shapes[0], left), np.ones(shapes[1], right)
        mine, other = FUNCTIONS[name](ad, ours(a), ours(b)), FUNCTIONS[name](torch, theirs(a), theirs(b))
        assert_same(mine.detach().numpy(), other.numpy(), rtol=1e-6)  # one rounding of float32


@needs_torch
def test_functions_of_booleans_are_not_computed_in_half_precision() -> None:
    x, flags = np.array([1.2345678, 3.0]), np.array([True, True])
    check_like_torch(lambda lib, x, b: lib.xlogy(x, b), x, flags)
    check_like_torch(lambda lib, x, b: b**x, x, flags)
    exact = ad.xlogy(ad.tensor([True]), ad.tensor(np.array([3.0]))).item()
    assert exact == pytest.approx(np.log(3.0), rel=1e-15)


@needs_torch
@together("dtype", DTYPES)
@pytest.mark.parametrize(
    "call",
    [
        lambda lib, x: x**2,
        lambda lib, x: lib.square(x),
        lambda lib, x: x**0.5,
        lambda lib, x: x**True,
        lambda lib, x: 2**x,
        lambda lib, x: lib.where(lib.tensor([True, False]), x, 0),
        lambda lib, x: lib.where(lib.tensor([True, False]), 1.5, x),
        lambda lib, x: lib.where(lib.tensor([True, False]), x, True),
        lambda lib, x: lib.clamp(x, 0),
        lambda lib, x: lib.clamp(x, max=0.5),
        lambda lib, x: lib.masked_fill(x, lib.tensor([True, False]), 0.5),
        lambda lib, x: lib.masked_fill(x, lib.tensor([True, False]), 2),
        lambda lib, x: lib.masked_fill(x, lib.tensor([True, False]), lib.tensor(1.5)),
        lambda lib, x: lib.scatter(x, 0, lib.tensor([1]), 1.5),
    ],
)
def test_numbers_and_functions_keep_pytorchs_dtype(call: Callable[..., Any], dtype: str) -> None:
    a = np.array([1, 0]).astype(dtype)
    assert_same(
        call(ad, ours(a)).detach().numpy(), call(torch, theirs(a)).numpy(), rtol=1e-6
    )  # one rounding of float32


@needs_torch
@together("value", [-1, -255, -256, 256, 255.9, -0.5, 1e30, float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int64", "float16", "float32"])
def test_what_pytorch_does_not_fill_in_is_refused(value: float, dtype: str) -> None:
    a, mask = np.ones(2, dtype), np.array([True, False])
    try:
        expected = theirs(a).masked_fill(theirs(mask), value)
    except RuntimeError:
        with pytest.raises(RuntimeError, match=f"masked_fill.*out of the range of {dtype}"):
            ad.masked_fill(ours(a), ours(mask), value)
    else:
        assert_same(ad.masked_fill(ours(a), ours(mask), value).detach().numpy(), expected.numpy())


@needs_torch
@together("number", [2, 2.5, True, -1.0])
@together("dtype", DTYPES)
@pytest.mark.parametrize("op", [operator.add, operator.mul, operator.truediv], ids=by_name)
def test_python_numbers_meet_tensors_as_in_pytorch(op: Callable[..., Any], dtype: str, number: Any) -> None:
    a = np.ones((2,), dtype)
    for mine, other in ((op(ours(a), number), op(theirs(a), number)), (op(number, ours(a)), op(number, theirs(a)))):
        assert_same(mine.detach().numpy(), other.numpy(), rtol=1e-6)  # one rounding of float32


@pytest.mark.parametrize("scalar", [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.int64(2), np.int32(2), 1000])
@together("dtype", ["float16", "float32", "float64"])
@together("shape", [(), (2,)])
def test_numbers_and_numpy_scalars_never_change_a_floats_dtype(scalar: Any, dtype: str, shape: tuple[int, ...]) -> None:
    x = ad.ones(*shape, dtype=dtype, requires_grad=True)
    for y in (x + scalar, scalar + x, x * scalar, scalar * x, x / scalar, scalar / x, x**2, scalar - x, x - scalar):
        assert y.dtype == dtype
        (g,) = ad.grad(y.sum(), x)
        assert g.dtype == dtype
    for y in (ad.maximum(x, scalar), ad.where(x > 0, x, scalar), ad.where(x > 0, scalar, x)):
        assert y.dtype == dtype


def test_an_integer_division_gives_the_default_float() -> None:
    a, b = ad.tensor([7, 8]), ad.tensor([2, 4])
    assert (a / b).dtype == np.float32
    assert (a / b).tolist() == [3.5, 2.0]
    assert (a / 2).dtype == np.float32
    assert (1 / b).dtype == np.float32
    assert (a // b).dtype == np.int64
    assert (a // b).tolist() == [3, 2]
    assert (a % b).tolist() == [1, 0]


@pytest.mark.parametrize("function", [ad.exp, ad.sqrt, ad.log, ad.tanh, ad.sigmoid])
def test_float_functions_of_integers_give_the_default_float(function: Callable[..., ad.Tensor]) -> None:
    assert function(ad.tensor([1, 2])).dtype == np.float32
    assert function(ad.tensor(1)).dtype == np.float32


def test_an_integer_tensor_beside_a_float_takes_its_dtype_and_gets_no_gradient() -> None:
    x, k = ad.tensor([1.0, 2.0], requires_grad=True), ad.tensor([3, 4])
    y = x * k
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 4.0]
    assert k.grad is None
    assert k.dtype == np.int64


def test_float32_beside_float64_is_widened_and_its_gradient_is_not() -> None:
    x, w = ad.tensor([1.0, 2.0], requires_grad=True), leaf(3.0, 4.0)
    y = x * w
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad is not None
    assert w.grad is not None
    assert x.grad.dtype == np.float32
    assert w.grad.dtype == np.float64


def test_chains_of_numbers_stay_in_float32() -> None:
    x = ad.tensor(0.3, requires_grad=True)
    y = ((2 * x + 1) ** 2 / 3 - x.exp() * 0.5).tanh().sigmoid().relu().log() + np.pi
    assert y.dtype == np.float32
    y.backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("value", "number"),
    [(ad.tensor([1]), 10**30), (ad.tensor([1], dtype="uint8"), 300), (ad.tensor([1.0]), 10**400)],
    ids=["int64", "uint8", "float32"],
)
def test_numbers_that_a_dtype_cannot_hold_are_refused_by_name(value: ad.Tensor, number: int) -> None:
    for op, name in ((operator.add, "add"), (operator.mul, "mul"), (operator.and_, "bitwise_and")):
        with pytest.raises((TypeError, ValueError, RuntimeError), match=name):
            op(value, number)


@pytest.mark.parametrize("op", COMPARISONS, ids=by_name)
@together("number", [-1, 256, 300, 2**63, -(2**63) - 1, 10**30, -(10**30)])
@together("dtype", ["uint8", "int64", "bool"])
def test_integers_are_compared_with_any_integer(op: Callable[..., Any], number: int, dtype: str) -> None:
    values = np.array([0, 1, 1]).astype(dtype)
    assert op(ad.tensor(values), number).tolist() == [op(int(v), number) for v in values]
    assert op(number, ad.tensor(values)).tolist() == [op(number, int(v)) for v in values]
    assert op(ad.tensor(values[1]), number).item() is op(1, number)


class Answers:
    """What knows how to meet a tensor although the tensor does not know it."""

    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = __rmatmul__ = (
        lambda self, other: "answered"
    )
    __rand__ = __ror__ = __rxor__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __radd__
    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "op", [*ARITHMETIC, *COMPARISONS, *LOGIC, operator.iadd, operator.isub, operator.imul, operator.ipow], ids=by_name
)
def test_the_other_operand_may_answer_for_an_unknown_type(op: Callable[..., Any]) -> None:
    assert op(ad.tensor([1.0]), Answers()) == "answered"
    assert op(leaf(1.0) * 2, Answers()) == "answered"


# -- named functions ---------------------------------------------------------------------------------------------------

NAMED = [
    "exp",
    "log",
    "sqrt",
    "log1p",
    "tanh",
    "sigmoid",
    "relu",
    "sign",
    "floor",
    "abs",
    "neg",
    "clone",
    "isnan",
    "isfinite",
]


@needs_torch
@together("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMED)
def test_function_and_method_are_pytorchs(name: str, dtype: Any) -> None:
    tolerance = 8 * np.finfo(dtype).eps  # NumPy's and PyTorch's transcendental functions differ in the last bits
    x = np.abs(A).astype(dtype)
    for call in (lambda lib, x: getattr(lib, name)(x), lambda _, x: getattr(x, name)()):
        check_like_torch(call, x, rtol=tolerance, atol=tolerance)


@needs_torch
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "eq", "lt", "remainder"])
def test_function_of_two_is_pytorchs(name: str) -> None:
    check_like_torch(lambda lib, x, y: getattr(lib, name)(x, y), POSITIVE, B[0])
    if hasattr(ad.Tensor, name):
        check_like_torch(lambda _, x, y: getattr(x, name)(y), POSITIVE, B[0])


@needs_torch
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_method_with_a_number_is_pytorchs(name: str) -> None:
    check_like_torch(lambda _, x: getattr(x, name)(2.5), POSITIVE)


def test_a_function_of_plain_python_values_is_refused_by_name() -> None:
    for name in ("exp", "relu", "add", "maximum", "matmul", "sum"):
        arguments = (1.0, 2.0) if name in ("add", "maximum", "matmul") else (1.0,)
        with pytest.raises(TypeError, match=name):
            getattr(ad, name)(*arguments)


@needs_torch
@pytest.mark.parametrize("condition", [np.array([[True], [False]]), np.array([True, False, True])])
def test_where_broadcasts_and_takes_numbers_as_pytorch(condition: Any) -> None:
    check_like_torch(lambda lib, c, x, y: lib.where(c, x, y), condition, A, B)
    check_like_torch(lambda lib, c, x: lib.where(c, x, 0.0), condition, A)
    check_like_torch(lambda lib, c, x: lib.where(c, 1, x), condition, A)


@needs_torch
def test_where_of_two_numbers_has_pytorchs_dtype() -> None:
    for a, b in ((1.0, 0.0), (1, 0), (True, False), (1, 0.0)):
        mine = ad.where(ad.tensor([True, False]), a, b)
        other = torch.where(torch.tensor([True, False]), a, b)
        assert_same(mine.detach().numpy(), other.numpy())


@pytest.mark.parametrize("condition", [ad.tensor([1.0, 0.0]), ad.tensor([1, 0]), np.array([1.0, 0.0]), 1.5])
def test_where_refuses_a_condition_that_is_not_boolean(condition: Any) -> None:
    with pytest.raises((TypeError, RuntimeError), match=r"where.*bool"):
        ad.where(condition, ad.tensor([1.0, 2.0]), 0.0)
