"""autodiff.functional against PyTorch's: products, Jacobians and Hessians, and what they are used for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim
from tests.oracle import Array, array, assert_same, needs_torch, ours, theirs, torch
from tests.together import together

RNG = np.random.default_rng(5)
X, Y = RNG.uniform(0.5, 1.5, (2, 3)), RNG.uniform(0.5, 1.5, (3,))

#: name: (function of the library and tensors, inputs as arrays or a tuple of them)
FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "one to one": (lambda lib, x: lib.exp(x) * x, X),
    "matrix": (lambda lib, x: x @ x.T, X),
    "several inputs": (lambda lib, x, y: lib.tanh(x * y), (X, Y)),
    "several outputs": (lambda lib, x: (x.sum(0), x**2), X),
    "both": (lambda lib, x, y: (x @ y, (x * y).exp(), y.sum()), (X, Y)),
    "tuple of one": (lambda lib, x: (x**3,), (Y,)),
    "unused input": (lambda lib, x, y: x**2, (X, Y)),
    "constant output": (lambda lib, x: (x.sum(), lib.ones(2, dtype=lib.float64)), Y),
    "linear": (lambda lib, x: 3 * x, Y),
    "scalar": (lambda lib, x: x**3, np.array(2.0)),
}
SCALARS: dict[str, tuple[Callable[..., Any], Any]] = {
    "cubes": (lambda lib, x: (x**3).sum(), X),
    "one element": (lambda lib, x: (x**3).sum().reshape(1, 1), X),
    "several inputs": (lambda lib, x, y: ((x @ y).exp() * y.sum()).sum(), (X, Y)),
    "tuple of one": (lambda lib, x: lib.logsumexp(x, 0), (Y,)),
    "unused input": (lambda lib, x, y: (x**2).sum(), (X, Y)),
    "linear": (lambda lib, x: 3 * x.sum(), Y),
    "scalar": (lambda lib, x: lib.exp(x * x), np.array(0.5)),
}
every_function = pytest.mark.parametrize("case", FUNCTIONS.values(), ids=FUNCTIONS)
every_scalar = pytest.mark.parametrize("case", SCALARS.values(), ids=SCALARS)
both_graphs = pytest.mark.parametrize("create_graph", [False, True])


def mapped(f: Callable[[Any], Any], nested: Any) -> Any:
    """Apply f to a value or to each in nested tuples."""
    return tuple(mapped(f, n) for n in nested) if isinstance(nested, tuple) else f(nested)


def flat(nested: Any) -> list[Any]:
    """Return the values in nested tuples in order."""
    return [x for n in nested for x in flat(n)] if isinstance(nested, tuple) else [nested]


def like(nested: Any) -> Any:
    """Return fixed random arrays of the same shapes."""
    rng = np.random.default_rng(9)
    return mapped(lambda t: rng.uniform(-1, 1, tuple(t.shape)), nested)


def result(lib: Any, name: str, case: tuple[Any, Any], v: Any = None, **options: Any) -> tuple[Any, list[Any]]:
    """Return the arrays that a function of `functional` gives, nested as it nests them, and their derivatives."""
    functional = ad.functional if lib is ad else torch.autograd.functional
    make = ours if lib is ad else theirs
    call, values = case
    inputs = mapped(lambda x: make(x, True), values)
    more = () if v is None else (mapped(make, v),)
    out = getattr(functional, name)(lambda *xs: call(lib, *xs), inputs, *more, **options)
    slopes = []
    if options.get("create_graph"):
        total = sum((t * t).sum() for t in flat(out) if t.requires_grad)
        if not isinstance(total, int):
            total.backward()
            slopes = [None if x.grad is None else array(x.grad) for x in flat(inputs)]
    else:
        assert not any(t.requires_grad for t in flat(out))
    return mapped(array, out), slopes


def check(name: str, case: tuple[Any, Any], v: Any = None, **options: Any) -> None:
    """Compare nesting, values and, with a graph, derivatives with PyTorch's."""
    mine, my_slopes = result(ad, name, case, v, **options)
    other, their_slopes = result(torch, name, case, v, **options)
    shape = mapped(lambda a: a.shape, mine)
    assert shape == mapped(lambda a: a.shape, other)
    assert_same(flat(mine), flat(other))
    zeros = [np.zeros_like(x) for x in flat(case[1])]  # None here may be zeros there, and the other way round
    filled = [
        [z if g is None else g for g, z in zip(slopes or zeros, zeros, strict=True)]
        for slopes in (my_slopes, their_slopes)
    ]
    assert_same(*filled)


@needs_torch
@every_function
@both_graphs
def test_jacobian_equals_pytorchs(case: Any, create_graph: bool) -> None:
    check("jacobian", case, create_graph=create_graph)


@needs_torch
@every_function
@both_graphs
def test_vjp_equals_pytorchs(case: Any, create_graph: bool) -> None:
    call, values = case
    check("vjp", case, like(call(torch, *flat(mapped(theirs, values)))), create_graph=create_graph)


@needs_torch
@every_function
@both_graphs
def test_jvp_equals_pytorchs(case: Any, create_graph: bool) -> None:
    check("jvp", case, like(case[1]), create_graph=create_graph)


@needs_torch
@every_scalar
@both_graphs
@pytest.mark.parametrize("name", ["hvp", "vhp"])
def test_products_with_the_hessian_equal_pytorchs(name: str, case: Any, create_graph: bool) -> None:
    check(name, case, like(case[1]), create_graph=create_graph)


@needs_torch
@every_scalar
@both_graphs
def test_hessian_equals_pytorchs(case: Any, create_graph: bool) -> None:
    check("hessian", case, create_graph=create_graph)


@needs_torch
@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp"])
def test_the_vector_may_be_left_out_for_one_element(name: str) -> None:
    check(name, SCALARS["scalar"])


@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp", "jacobian", "hessian"])
def test_inputs_are_left_alone_and_the_callers_mode_does_not_matter(name: str) -> None:
    x = ours(np.array(2.0), True)
    f = getattr(ad.functional, name)
    with ad.no_grad():
        inside = f(lambda x: x**3, x)
    outside = f(lambda x: x**3, x)
    assert [t.item() for t in flat(inside)] == [t.item() for t in flat(outside)]
    assert x.grad is None


def test_the_jacobian_of_empty_tensors_is_empty() -> None:
    assert ad.functional.jacobian(lambda x: (x * 2).sum(1), ad.zeros(0, 2)).shape == (0, 0, 2)
    assert ad.functional.jacobian(lambda x: x.sum(), ad.zeros(0, 2)).shape == (0, 2)


def test_a_captured_tensor_is_a_constant() -> None:
    x = ours(np.array(2.0), True)
    for create_graph in (False, True):
        assert ad.functional.jacobian(lambda z: z * x, x, create_graph=create_graph).item() == 2.0


def test_a_product_can_be_differentiated_by_its_vector() -> None:
    x, v = ours(np.array(2.0)), ours(np.array(1.0), True)
    _, product = ad.functional.vhp(lambda x: x**3, x, v, create_graph=True)
    product.backward()
    assert v.grad is not None
    assert v.grad.item() == 12.0


# -- strict ------------------------------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("name", ["vjp", "jvp", "vhp", "hvp", "jacobian", "hessian"])
@together("create_graph", [False, True])
@together(
    "f",
    [
        lambda lib, x: lib.ones((), dtype=lib.float64),
        lambda lib, x: 3 * x,
        lambda lib, x: x * x,
        lambda lib, x: x**3,
        lambda lib, x: lib.exp(x),
    ],
)
def test_strict_refuses_what_pytorch_refuses(name: str, create_graph: bool, f: Any) -> None:
    def raises(lib: Any) -> bool:
        make = ours if lib is ad else theirs
        functional = ad.functional if lib is ad else lib.autograd.functional
        x = make(np.array(2.0), True)
        try:
            getattr(functional, name)(lambda x: f(lib, x), x, create_graph=create_graph, strict=True)
        except RuntimeError as error:
            if lib is ad:
                texts.append(str(error))
            return True
        return False

    texts: list[str] = []
    assert raises(ad) == raises(torch)
    assert all(text.startswith(name) and "strict" in text for text in texts)


def test_strict_names_the_input_that_is_not_used() -> None:
    with pytest.raises(RuntimeError, match=r"^jacobian: output 0 is independent of input 1, which strict=True"):
        ad.functional.jacobian(lambda x, y: x, (ours(Y), ours(Y)), strict=True)


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda f: f.vjp(lambda x: x, 3.0), TypeError, "vjp: inputs must be either a Tensor or a tuple"),
        (lambda f: f.vjp(lambda x: x, [ours(Y)]), TypeError, "vjp: inputs .*got list"),
        (lambda f: f.jvp(lambda x: x, (ours(Y), 2)), TypeError, "jvp: inputs .*item 1 is int"),
        (lambda f: f.vjp(lambda x: 3.0, ours(Y)), TypeError, "vjp: the output of the function .*got float"),
        (lambda f: f.jacobian(lambda: None, ()), ValueError, "jacobian: inputs must not be an empty tuple"),
        (lambda f: f.jacobian(lambda x: x, ad.tensor([1])), RuntimeError, "jacobian: input 0 holds int64"),
        (lambda f: f.vjp(lambda x: x, ours(Y)), RuntimeError, "vjp: The vector v can only be None where the output"),
        (lambda f: f.jvp(lambda x: x, ours(Y)), RuntimeError, "jvp: The vector v can only be None where the input"),
        (lambda f: f.vjp(lambda x: x, ours(Y), ours(X)), RuntimeError, r"vjp: v has invalid size.* \(3,\).*\(2, 3\)"),
        (lambda f: f.vhp(lambda x: x, ours(Y), (ours(Y),) * 2), RuntimeError, "vhp: expected a v of 1 Tensors.*got 2"),
        (lambda f: f.hessian(lambda x: x, ours(Y)), RuntimeError, r"hessian: .*a single element.* got shape \(3,\)"),
        (lambda f: f.hvp(lambda x: (x.sum(),), ours(Y), ours(Y)), RuntimeError, "hvp: .*a single element.* tuple of 1"),
        (lambda f: f.jacobian(lambda x: x, ours(Y), strategy="up"), ValueError, "jacobian: the strategy"),
        (lambda f: f.jacobian(lambda x: x, ours(Y), strategy="forward-mode"), NotImplementedError, "vectorize"),
        (lambda f: f.jacobian(lambda x: x, ours(Y), strict=True, vectorize=True), RuntimeError, "jacobian: strict"),
    ],
)  # fmt: skip
def test_refusals_name_the_function_and_what_came(call: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        call(ad.functional)


# -- worked ------------------------------------------------------------------------------------------------------------


def network(lib: Any) -> Callable[..., Any]:
    """Return a small classifier's loss as a function of its weights."""
    make = ours if lib is ad else theirs
    x, y = RNG_INPUT, np.array([0, 2, 1, 1, 0])
    entropy = nn.functional.cross_entropy if lib is ad else torch.nn.functional.cross_entropy

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        return entropy((make(x) @ w1 + b1).tanh() @ w2 + b2, make(y))

    return loss


RNG_INPUT = RNG.normal(size=(5, 4))
WEIGHTS = tuple(RNG.normal(size=s) for s in ((4, 3), (3,), (3, 3), (3,)))


@needs_torch
def test_the_hessian_of_a_small_network_equals_pytorchs() -> None:
    mine = ad.functional.hessian(network(ad), tuple(map(ours, WEIGHTS)))
    other = torch.autograd.functional.hessian(network(torch), tuple(map(theirs, WEIGHTS)))
    for i, wi in enumerate(WEIGHTS):
        for j, wj in enumerate(WEIGHTS):
            assert mine[i][j].shape == wi.shape + wj.shape
            assert_same(array(mine[i][j]), array(other[i][j]))


def penalized(lib: Any) -> tuple[list[float], list[Array]]:
    """Train with a penalty on the gradient with respect to the inputs; return the losses and the weights."""
    make, grad = (ours, ad.grad) if lib is ad else (theirs, torch.autograd.grad)
    ws = [make(w, True) for w in WEIGHTS]
    optimizer = (optim.SGD if lib is ad else torch.optim.SGD)(ws, lr=0.1)
    x, losses = make(RNG_INPUT, True), []
    for _ in range(20):
        optimizer.zero_grad()
        score = (x @ ws[0] + ws[1]).tanh() @ ws[2] + ws[3]
        (slope,) = grad(score.sum(), x, create_graph=True)
        loss = (score**2).mean() + ((slope**2).sum(1) ** 0.5 - 1).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [array(w) for w in ws]


def test_a_gradient_penalty_trains() -> None:
    losses, _ = penalized(ad)
    assert losses[-1] < 0.3 * losses[0]


@needs_torch
def test_a_gradient_penalty_trains_as_in_pytorch() -> None:
    losses, weights = penalized(ad)
    expected, their_weights = penalized(torch)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)  # twenty steps add up what each rounds
    assert_same(weights, their_weights, rtol=1e-9, atol=1e-10)


@ad.primitive(x=lambda g, x: g * cos(x))
def sin(x: Any) -> Any:
    """Sine of each element."""
    return np.sin(x)


@ad.primitive(x=lambda g, x: -g * sin(x))
def cos(x: Any) -> Any:
    """Cosine of each element."""
    return np.cos(x)


def test_sine_differentiated_ten_times() -> None:
    x = ours(np.array(0.7), True)
    y = sin(x)
    for order in range(1, 11):
        (y,) = ad.grad(y, x, create_graph=True)
        assert math.isclose(y.item(), math.sin(0.7 + order * math.pi / 2), rel_tol=1e-13, abs_tol=1e-13)


def test_forward_mode_gives_the_same_matrix() -> None:
    x = ad.tensor([1.0, 2.0])
    functional = ad.autograd.functional
    found = functional.jacobian(lambda t: t * t, x, strategy="forward-mode", vectorize=True)
    assert found.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    with pytest.raises(NotImplementedError, match="vectorize=True"):
        functional.jacobian(lambda t: t * t, x, strategy="forward-mode")
