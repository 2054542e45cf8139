"""gradcheck and its kin: right derivatives pass, wrong ones fail with the place, the values and the cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff.table import elementwise
from tests.autodiff.samples import SAMPLES, Sample
from tests.autodiff.test_backward import leaf
from tests.fuzzing import some
from tests.oracle import needs_torch, torch
from tests.together import together

AT = np.array([[1.0, 2.0], [3.0, -0.5]])


def point() -> ad.Tensor:
    return ad.tensor(AT, requires_grad=True)


def report(check: Callable[..., bool], *args: Any, **options: Any) -> list[str]:
    """Return the lines of the error that a check ends in; without exceptions it must return False."""
    assert check(*args, **options, raise_exception=False) is False
    assert check(*args, **options, raise_exception=False, fast_mode=True) is False
    with pytest.raises(ad.GradcheckError) as error:
        check(*args, **options)
    assert isinstance(error.value, RuntimeError)
    return str(error.value).splitlines()


# -- what is right passes ----------------------------------------------------------------------------------------------


SMOOTH = [
    pytest.param(sample, id=f"{name}-{i}")
    for name, samples in SAMPLES.items()
    for i, sample in enumerate(samples)
    if sample.keeps_dtype and sum(x.size for x in sample.arrays()) <= 12
]


@together("sample", some(SMOOTH, 5))  # test_table checks them all, by differences of its own
def test_the_table_passes(sample: Sample) -> None:
    xs = [ad.tensor(x, requires_grad=x.dtype.kind == "f") for x in sample.arrays()]
    assert ad.gradcheck(lambda *xs: sample.call(ad, *xs), xs)
    if sample.call(ad, *xs).requires_grad:
        assert ad.gradgradcheck(lambda *xs: sample.call(ad, *xs), xs, fast_mode=True)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("check", [ad.gradcheck, ad.gradgradcheck])
def test_functions_of_several_inputs_and_outputs_pass(check: Any, fast_mode: bool) -> None:
    def f(x: ad.Tensor, k: int, y: ad.Tensor, c: ad.Tensor) -> tuple[ad.Tensor, ...]:
        return x**k * y, (x @ y.T).exp() + c, x.argmax()

    constant = ad.tensor(np.float64(2.0))
    assert check(f, (point(), 3, point(), constant), fast_mode=fast_mode)


def test_parameters_that_a_function_captures_can_be_checked() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for p in model.parameters():
        p.data = p.detach().numpy().astype(np.float64)
    x = ad.tensor(AT)
    before = [p.tolist() for p in model.parameters()]
    assert ad.gradcheck(lambda *_: model(x), tuple(model.parameters()))
    assert [p.tolist() for p in model.parameters()] == before
    assert all(p.grad is None for p in model.parameters())


def test_inputs_are_restored_also_when_the_function_fails() -> None:
    x = leaf(1.0, 2.0)

    def f(x: ad.Tensor) -> ad.Tensor:
        if x.detach().numpy()[0] > 1.0:
            raise KeyError
        return x * 2

    with pytest.raises(KeyError):
        ad.gradcheck(f, x)
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shape", [(), (0, 2), (1,)])
def test_scalars_and_empty_tensors_can_be_checked(shape: tuple[int, ...]) -> None:
    x = ad.ones(*shape, dtype="float64", requires_grad=True)
    assert ad.gradcheck(lambda x: x.exp(), x)
    assert ad.gradgradcheck(lambda x: x.exp(), x)


def test_no_grad_around_it_does_not_matter() -> None:
    with ad.no_grad():
        assert ad.gradcheck(lambda x: x * x, point())


# -- what is wrong is shown --------------------------------------------------------------------------------------------


@ad.primitive(x=lambda g, x: g * x)
def half_square(x: Any) -> Any:
    """Square; its derivative lacks the factor 2."""
    return x**2


@ad.primitive(x=lambda g, x: g * 2 * x)
def square_plus(x: Any) -> Any:
    """Square plus x; its derivative lacks the term 1."""
    return x**2 + x


@ad.primitive(x=lambda g, x: 2 * x)
def unweighted(x: Any) -> Any:
    """Square; its rule forgets g."""
    return x**2


@ad.primitive(x=lambda g, x: g * x**2)
def mixed_up(x: Any) -> Any:
    """Something else than what the rule derives."""
    return x**3 + np.exp(x)


@ad.primitive(x=lambda g, x: g * 3 * x.detach() ** 2 if isinstance(x, ad.Tensor) else g * 3 * x**2)
def only_once(x: Any) -> Any:
    """Cube; its rule is right, but is itself not differentiable."""
    return x**3


def test_a_wrong_factor_is_shown_with_its_place_and_both_values() -> None:
    assert report(ad.gradcheck, lambda c, x: half_square(x) * c, (ad.tensor(np.float64(1.0)), point())) == [
        "gradcheck: the gradient of output 0 with respect to input 1 is wrong.",
        "  entry        d output 0[1, 0] / d input 1[1, 0]",
        "  analytic     3   (by backward)",
        "  numerical    6.000000001   (by central differences, eps=1e-06)",
        "  they differ by 3, allowed is 0.00601; 4 of 16 entries disagree",
        "  likely cause: a wrong factor: the analytic gradient is 0.5 times the numerical one wherever they disagree",
    ]


@pytest.mark.parametrize(
    ("f", "cause"),
    [
        (square_plus, "a missing or superfluous term: analytic minus numerical is -1 wherever they disagree"),
        (mixed_up, "a wrong formula: neither the ratio nor the difference of the two"),
        (unweighted, "a rule does not multiply by g"),
        (lambda x: x * x.detach(), "a wrong factor: the analytic gradient is 0.5 times"),
        (lambda x: x.detach() * 2, "backward finds no way from this output to this input"),
        (lambda x: ad.leaky_relu(x - 3.0, 0.0), "a kink: the slope is 0 on the left and 1 on the right of this entry"),
    ],
)
def test_the_likely_cause_is_named(f: Callable[[ad.Tensor], ad.Tensor], cause: str) -> None:
    assert cause in report(ad.gradcheck, f, point())[-1]


def test_a_point_outside_the_domain_is_named() -> None:
    with np.errstate(all="ignore"):
        assert "outside the function's domain" in report(ad.gradcheck, lambda x: x.sqrt(), leaf(0.0))[-1]


def test_a_function_that_is_not_deterministic_is_named() -> None:
    ad.manual_seed(0)
    f = lambda x: x * ad.rand(2, 2, dtype="float64")  # noqa: E731  # a function in passing
    assert report(ad.gradcheck, f, point())[-1] == "  likely cause: the function is not deterministic"
    ad.manual_seed(0)
    tiny = lambda x: x * (1 + 1e-12 * ad.rand(2, 2, dtype="float64"))  # noqa: E731  # a function in passing
    assert ad.gradcheck(tiny, point(), nondet_tol=1e-9)


def test_a_wrong_second_derivative_is_found_by_gradgradcheck_alone() -> None:
    assert ad.gradcheck(only_once, point())
    lines = report(ad.gradgradcheck, only_once, point())
    assert lines[0] == "gradgradcheck: the gradient of output 0 with respect to input 0 is wrong."
    assert "a missing term" in lines[-1]


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    ("f", "x"),
    [
        (lambda x: x[x > 0], [0.0, 1.0, 2.0]),
        (lambda x: x[x >= 0] if x.sum() > 3 else x[:1].sum(), [0.0, 1.0, 2.0]),
        (lambda x: x.reshape(2, 2) if x[0].item() > 0 else x.reshape(4), [0.0, 1.0, 2.0, 3.0]),
        (lambda x: (x, x * 2) if x[0].item() > 0 else (x,), [0.0, 1.0]),
    ],
)
def test_outputs_that_change_their_shape_or_number_have_no_derivative(f: Any, x: list[float], fast_mode: bool) -> None:
    with pytest.raises(ad.GradcheckError, match=r"gradcheck: the outputs have shapes .* at the inputs and .* beside"):
        ad.gradcheck(f, leaf(*x), fast_mode=fast_mode)
    assert not ad.gradcheck(f, leaf(*x), raise_exception=False, fast_mode=fast_mode)


def test_outputs_that_change_their_shape_by_chance_have_no_derivative() -> None:
    lengths = iter([1, 2] * 10)
    with pytest.raises(ad.GradcheckError, match="or at a second evaluation"):
        ad.gradcheck(lambda x: x[: next(lengths)], leaf(1.0, 2.0, 3.0))


@needs_torch
@pytest.mark.parametrize("f", [half_square, square_plus, mixed_up])
def test_pytorchs_check_fails_on_the_same(f: Any) -> None:
    rule, forward = f.primitive.rules["x"], f.__wrapped__

    class Theirs(torch.autograd.Function):  # type: ignore[misc]  # PyTorch may be missing, so it is Any
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return torch.tensor(forward(x.numpy(force=True)))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return rule(g, *ctx.saved_tensors)

    x = torch.tensor(AT, requires_grad=True)
    assert torch.autograd.gradcheck(Theirs.apply, x, raise_exception=False) is False
    assert ad.gradcheck(f, point(), raise_exception=False) is False


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: ad.gradcheck(lambda x: x, 3.0), TypeError, "gradcheck: inputs must be .*got float"),
        (lambda: ad.gradcheck(lambda x: x, ad.tensor(AT)), ValueError, "gradcheck: at least one input"),
        (lambda: ad.gradcheck(lambda x: x, ad.ones(2, requires_grad=True)), ValueError, "input 0 is float32"),
        (lambda: ad.gradcheck(lambda x: 1.0, point()), TypeError, "gradcheck: the function must return .*got float"),
        (lambda: ad.gradcheck(lambda x: x.argmax(), point()), RuntimeError, "gradcheck: .*returns no tensor of floats"),
        (lambda: ad.gradcheck(lambda x: x, point(), check_forward_ad=True), NotImplementedError, "gradcheck: forward"),
        (lambda: ad.gradgradcheck(lambda x: x.detach(), point()), ValueError, "gradgradcheck: no output"),
    ],
)
def test_refusals_name_the_function_and_what_came(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


# -- check_primitive ---------------------------------------------------------------------------------------------------


@ad.primitive(a=lambda g, b, w: g * b * w, b=lambda g, a, w: g * a * w)
def weighted(a: Any, b: Any, *, w: float = 1.0) -> Any:
    """Product times a weight."""
    return a * b * w


@ad.primitive(tensors=lambda g, i: g * (i + 1))
def counted(*tensors: Any) -> Any:
    """First plus twice the second, and so on."""
    return sum((k + 1) * t for k, t in enumerate(tensors))


@ad.primitive(x=lambda g, index: g * (index + 1))
def indexed(x: Any, index: Any) -> Any:
    """Multiply by an integer more than the index."""
    return x * (index + 1)


def test_check_primitive_passes_what_is_right() -> None:
    assert ad.check_primitive(weighted, (AT, AT[:1]), w=3.0)
    assert ad.check_primitive(weighted, [ad.tensor(AT), np.array(2.0)])
    assert ad.check_primitive(counted, (AT, AT, AT))
    assert ad.check_primitive(elementwise.exp, ad.tensor(AT))


def test_check_primitive_leaves_its_inputs_alone() -> None:
    values = AT.copy()
    ad.check_primitive(weighted, (values, values))
    np.testing.assert_array_equal(values, AT)
    assert values.flags.writeable


@ad.primitive(x=lambda g, x: g * np.float64(2.0) * np.ones(x.shape))
def widening(x: Any) -> Any:
    """Twice; its rule computes float64."""
    return x * 2


@ad.primitive(x=lambda g: 2 * g)
def widened(x: Any) -> Any:
    """Twice, in float64."""
    return x * np.full(x.shape, 2.0)


def _in_place(g: Any) -> Any:
    g *= 2
    return g


@ad.primitive(x=_in_place)
def overwriting(x: Any) -> Any:
    """Twice; its rule writes into g."""
    return x * 2


def _doubled_in_place(g: Any, x: Any) -> Any:
    x *= 2
    return g * x


@ad.primitive(x=_doubled_in_place)
def consuming(x: Any) -> Any:
    """Square; its rule writes into x."""
    return x * x


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (half_square, r"^half_square: gradcheck: .*input 0 is wrong(.|\n)*a wrong factor"),
        (only_once, r"^only_once: gradgradcheck: (.|\n)*a missing term"),
        (widening, "^widening: the rule for input 0 computes float64 from float32.*write 2.0, np.ones_like"),
        (widened, "^widened: from float32 it computes float64.*write 2.0, np.ones_like"),
        (consuming, "^consuming: a rule writes into an array that it was given"),
        (overwriting, "^overwriting: a rule writes into an array that it was given"),
    ],
)
def test_check_primitive_names_operation_and_fault(operation: Any, text: str) -> None:
    with pytest.raises(ad.GradcheckError, match=text):
        ad.check_primitive(operation, AT)


def test_check_primitive_refuses_other_functions() -> None:
    with pytest.raises(TypeError, match="check_primitive: expected an operation made with primitive"):
        ad.check_primitive(ad.Tensor.sum.__call__, AT)


def test_check_primitive_says_how_several_inputs_are_given() -> None:
    with pytest.raises(TypeError, match=r"write check_primitive\(weighted, \(a, b\)\)"):
        ad.check_primitive(weighted, AT, AT)


def test_the_edge_of_a_domain_is_reported_and_not_warned_of() -> None:
    with pytest.raises(ad.GradcheckError, match="outside the function's domain or at the edge of it"):
        ad.gradcheck(ad.sqrt, leaf(0.0, 1.0))
    assert not ad.gradcheck(ad.log, leaf(0.0, 1.0), raise_exception=False)


@ad.primitive(x=lambda g, x: -g * np.cos(x))
def minus_sine(x: Any) -> Any:
    return np.sin(x)


@ad.primitive(x=lambda g, x: g * (x < 0))
def other_side(x: Any) -> Any:
    return np.maximum(x, 0)


@ad.primitive(x=lambda g, y: g * y * (1 - y))
def softmax_alone(x: Any) -> Any:
    e = np.exp(x)
    return e / e.sum()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (minus_sine, "a wrong sign: the analytic gradient is -1 times"),
        (other_side, "a wrong condition: one of the two is 0 wherever they disagree"),
        (softmax_alone, "missing terms: the analytic gradient is 0 wherever they disagree"),
    ],
)
def test_the_likely_cause_is_true_of_the_mistake(function: Any, said: str) -> None:
    x = ad.tensor(np.array([0.3, -1.2, 2.0, 0.7]), requires_grad=True)
    with pytest.raises(ad.GradcheckError, match=f"likely cause: {said}"):
        ad.gradcheck(function, (x,))


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    "rule", [lambda g, x: 2 * x * np.abs(g), lambda g, x: 2 * x * np.maximum(g, 0), lambda g, x: 2 * x * g * (g == 1)]
)
def test_a_rule_that_is_not_linear_in_g_is_caught(rule: Any, fast: bool) -> None:
    square = ad.primitive(x=rule)(lambda x: x * x)
    x = ad.tensor(np.array([[0.5, -1.5], [2.0, 3.0]]), requires_grad=True)
    with pytest.raises(ad.GradcheckError, match="backward is not linear in grad_output"):
        ad.gradcheck(square, (x,), fast_mode=fast)
