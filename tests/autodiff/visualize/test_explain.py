"""explain(): the derivation is the one on paper, and its value is the gradient."""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autodiff as ad
import nn
from autodiff.visualize.derivation import derivation
from autodiff.visualize.diagram import Box
from autodiff.visualize.local import DIRECT_NOTE
from tests.autodiff.test_random_graphs import SHAPES, run, steps
from tests.autodiff.visualize.test_picture import neuron
from tests.fuzzing import examples
from tests.oracle import array


def test_the_neurons_derivation(capsys: pytest.CaptureFixture[str]) -> None:
    t, loss = neuron()
    explanation = ad.explain(loss, t["w"])
    o = 1 / (1 + np.exp(0.9))
    expected = (
        "∂L/∂w = ∂L/∂o · ∂o/∂z · ∂z/∂w\n"
        "      = (o − y) · σ(z)(1 − σ(z)) · x\n"
        f"      = −{1 - o:.4g} × {o * (1 - o):.4g} × 1.5\n"
        f"      = −{(1 - o) * o * (1 - o) * 1.5:.4g}"
    )
    assert str(explanation) == expected
    assert capsys.readouterr().out == expected + "\n"
    assert [(f.output, f.input, f.formula, f.shape) for f in explanation.factors] == [
        ("L", "o", "o − y", ()),
        ("o", "z", "σ(z)(1 − σ(z))", ()),
        ("z", "w", "x", ()),
    ]
    loss.backward()
    assert t["w"].grad is not None
    # three float32 factors, rounded once each
    np.testing.assert_allclose(explanation.value.data, t["w"].grad.data, rtol=4 * np.finfo(np.float32).eps)


def test_it_is_written_in_latex() -> None:
    t, loss = neuron()
    explanation = ad.explain(loss, t["w"], digits=2, quiet=True)
    assert explanation.latex == (
        r"\begin{aligned} \frac{\partial L}{\partial w} &= \frac{\partial L}{\partial o} \, "
        r"\frac{\partial o}{\partial z} \, \frac{\partial z}{\partial w} \\ "
        r"&= \left(o - y\right) \cdot \sigma\left(z\right)\left(1 - \sigma\left(z\right)\right) \cdot x \\ "
        r"&= -0.71 \cdot 0.21 \cdot 1.5 \\ &= -0.22 \end{aligned}"
    )
    assert explanation._repr_latex_() == rf"$\displaystyle {explanation.latex}$"


def test_two_hidden_neurons_are_a_sum_of_two_products() -> None:
    x = ad.tensor(0.5, requires_grad=True, name="x")
    h1, h2 = (x * 2).tanh().named("h₁"), (x * -3).sigmoid().named("h₂")
    o = (h1 * 0.7 + h2 * 1.2).named("o")
    explanation = ad.explain(o, x, quiet=True)
    assert len(explanation.paths) == 2
    assert str(explanation) == (
        "∂o/∂x = ∂o/∂h₁ · ∂h₁/∂x + ∂o/∂h₂ · ∂h₂/∂x\n"
        "      = 0.7 · 2(1 − tanh²(2·x)) + 1.2 · (−3·σ(−3·x)(1 − σ(−3·x)))\n"
        "      = 0.7 × 0.8399 + 1.2 × (−0.4474)\n"
        "      = 0.05104"
    )


def test_tensors_have_jacobians_with_their_shapes() -> None:
    x = ad.tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
    w = ad.tensor(np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), requires_grad=True, name="W")
    h = (w @ x).named("h")
    loss = h.tanh().named("a").sum().named("L")
    explanation = ad.explain(loss, x, quiet=True)
    assert [f.shape for f in explanation.factors] == [(3,), (3, 3), (3, 2)]
    assert [f.formula for f in explanation.factors] == ["onesᵀ", "diag(1 − tanh²(h))", "W"]
    np.testing.assert_array_equal(explanation.factors[2].value, w.data)
    assert str(explanation).splitlines()[1:3] == [
        "      = onesᵀ · diag(1 − tanh²(h)) · W",
        "      = J(3) × J(3×3) × J(3×2)",
    ]
    expected = (1 - np.tanh(h.data) ** 2) @ w.data
    np.testing.assert_allclose(explanation.value.data, expected, rtol=1e-14)
    whole = ad.explain(h, w, quiet=True)
    assert whole.value.shape == (3, 3, 2)


def test_a_model_without_names_is_explained_in_the_names_of_the_picture() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = model(ad.tensor([[1.0, 2.0]])).sum()
    explanation = ad.explain(loss, model[0].weight, params=model, quiet=True)
    assert str(explanation).startswith("∂L/∂0.weight = ∂L/∂v₃ · ∂v₃/∂v₂ · ∂v₂/∂v₁ · ∂v₁/∂0.weight\n")
    loss.backward()
    assert model[0].weight.grad is not None
    # sums of at most three float32 products
    np.testing.assert_allclose(explanation.value.data, model[0].weight.grad.data, rtol=1e-5)


def test_where_unnamed_ways_part_only_what_all_share_is_told_of() -> None:
    ad.manual_seed(0)
    layers = [m for _ in range(2) for m in (nn.Linear(3, 3, dtype=ad.float64), nn.BatchNorm1d(3, dtype=ad.float64))]
    model = nn.Sequential(*layers)
    x = ad.tensor(np.random.default_rng(0).normal(size=(5, 3)))
    loss = (model(x) ** 2).mean()
    explanation = ad.explain(loss, model[0].weight, params=model, quiet=True)
    assert len(explanation.paths) == 1
    assert 3 < len(explanation.factors) < 12
    loss.backward()
    assert model[0].weight.grad is not None
    # a few dozen steps, each rounding once, on numbers near 1
    np.testing.assert_allclose(explanation.value.data, model[0].weight.grad.data, rtol=1e-9, atol=1e-12)


def test_a_long_way_without_names_is_one_factor() -> None:
    y = x = ad.tensor(np.array(2.0), requires_grad=True, name="x")
    for _ in range(2000):
        y = (y * 1.0).exp().log()
    explanation = ad.explain(y, x, quiet=True)
    assert [f.name for f in explanation.factors] == ["∂L/∂x"]
    np.testing.assert_allclose(explanation.value.item(), 1, rtol=1e-11)  # 6000 roundings
    assert str(explanation).startswith("∂L/∂x = 1") or str(explanation).startswith("∂L/∂x = 0.99")
    assert str(explanation).endswith(
        "\n(6,000 operations, one path, told in short: named tensors are told one by one.)"
    )


def test_a_deep_residual_chain_says_how_many_ways_it_tells_of_in_short() -> None:
    y = x = ad.tensor(np.array(0.3), requires_grad=True, name="x")
    for _ in range(60):
        y = y + (y.tanh() * 0.1).reshape(1).reshape(())
    explanation = ad.explain(y, x, quiet=True)
    assert explanation.note == "(300 operations, 1.2e18 paths, told in short: named tensors are told one by one.)"
    y.backward()
    assert x.grad is not None
    np.testing.assert_allclose(explanation.value.item(), x.grad.item(), rtol=1e-13)  # 180 roundings


@settings(max_examples=examples(30))
@given(
    shapes=st.lists(st.sampled_from(SHAPES[:6]), min_size=1, max_size=2),
    program=steps.map(lambda program: program[:10]),
    seed=st.integers(0, 2**16),
    every=st.integers(1, 4),
)
def test_the_value_is_the_gradient(
    shapes: list[tuple[int, ...]], program: list[tuple[int, int, int]], seed: int, every: int
) -> None:
    rng = np.random.default_rng(seed)
    leaves = [ad.tensor(rng.uniform(-2, 2, shape), requires_grad=True) for shape in shapes]
    loss = run(ad, leaves, program)
    seen, queue = {loss}, [loss]
    for k, y in enumerate(queue):
        if k % every == 0:
            y.named(f"t{k}")
        queue += [x for x in dict.fromkeys(y._inputs) if x._op is not None and x not in seen]
        seen.update(queue)
    derive = {}
    for x in leaves:
        with contextlib.suppress(RuntimeError):  # a leaf that was not used
            derive[x] = ad.explain(loss, x, quiet=True)
    assert derive
    loss.backward()
    for x, explanation in derive.items():
        # as for random graphs beside PyTorch: each of a few dozen steps rounds once
        np.testing.assert_allclose(array(explanation.value), array(x.grad), rtol=1e-9, atol=1e-9)
        str(explanation), explanation.latex


def test_many_paths_are_counted_and_the_value_is_of_all() -> None:
    y = x = ad.tensor(np.array(0.3), requires_grad=True, name="x")
    for k in range(40):
        y = ((y * 0.5).named(f"a{k}") + (y * 0.25).named(f"b{k}")).named(f"y{k}")
    explanation = ad.explain(y, x, quiet=True)
    assert len(explanation.paths) == 16
    assert f"+ … ({2**40 - 16} more)" in str(explanation)
    first = str(explanation).splitlines()[0]
    assert first.endswith(
        "= ∂y39/∂a39 · ∂a39/∂y38 · ∂y38/∂a38 · ∂a38/∂y37 · ∂y37/∂a37 · … · ∂a1/∂y0 · ∂y0/∂a0 · ∂a0/∂x"
    )
    assert max(map(len, str(explanation).splitlines())) < 150
    assert r" \cdots" in explanation.latex
    np.testing.assert_allclose(explanation.value.item(), 0.75**40, rtol=1e-13)


def test_a_jacobian_too_large_to_hold_is_walked_instead() -> None:
    x = ad.tensor(np.ones(2000), requires_grad=True, name="x")
    explanation = ad.explain((x * 3).named("y").sum().named("L"), x, quiet=True)
    assert [f.value is None for f in explanation.factors] == [False, True]
    np.testing.assert_array_equal(explanation.value.data, np.full(2000, 3.0))


def test_what_cannot_be_explained() -> None:
    t, loss = neuron()
    other = ad.tensor([1.0, 2.0], requires_grad=True, name="other")
    with pytest.raises(RuntimeError, match=r"does not depend on the input, 'other', a tensor of shape \(2,\)"):
        ad.explain(loss, other)
    with pytest.raises(RuntimeError, match=r"the input, a tensor of shape .*, does not require a gradient"):
        ad.explain(loss, t["x"])
    with pytest.raises(RuntimeError, match=r"explain: the output, a tensor of shape .*, has no graph"):
        ad.explain(t["w"], t["w"])
    with pytest.raises(TypeError, match="the input must be a Tensor, got str"):
        ad.explain(loss, "w")
    with pytest.raises(TypeError, match="the output must be a Tensor, got float"):
        ad.explain(1.0, t["w"])
    with pytest.raises(TypeError, match="explain: params must be"):
        ad.explain(loss, t["w"], params=3)
    with pytest.raises(ValueError, match="digits"):
        ad.explain(loss, t["w"], digits=0)
    loss.backward()
    with pytest.raises(RuntimeError, match="Explain it before backward"):
        ad.explain(loss, t["w"])


def test_losses_are_told_of_in_formulas() -> None:
    o = ad.tensor([0.5, -1.0, 2.0], requires_grad=True, name="o")
    y = ad.tensor([1.0, 0.0, 2.5], name="y")
    x = ad.tensor([0.25, -0.5, 1.0], requires_grad=True, name="x")
    explanation = ad.explain((((x * 2).named("o") - y) ** 2).mean().named("L"), x, quiet=True)
    assert [f.formula for f in explanation.factors] == ["(2(o − y) / 3)ᵀ", "diag(2)"]
    np.testing.assert_allclose(explanation.value.data, 4 * (2 * x.data - y.data) / 3, rtol=1e-6)  # float32
    explanation = ad.explain(((x - y) ** 2).mean().named("L"), x, quiet=True)
    assert [f.formula for f in explanation.factors] == ["(1 / 3)·onesᵀ", "diag(2(x − y))"]
    p = o.softmax(0).named("p")
    explanation = ad.explain(-(p.log() * y).sum().named("L"), o, quiet=True)
    assert [f.formula for f in explanation.factors] == ["−1", "(y / p)ᵀ", "diag(p) − p @ pᵀ"]


def test_a_sum_over_ways_that_meet_elsewhere_has_no_formula_of_one_element() -> None:
    x = ad.tensor(np.arange(9.0).reshape(3, 3), requires_grad=True, name="x")
    z = (x * 1).named("z")
    explanation = ad.explain((z.sum(0) + z.sum(1)).named("y"), x, quiet=True)
    assert [f.formula for f in explanation.factors] == ["", "diag(1)"]
    e = ad.tensor([1.0, 2.0], requires_grad=True, name="e")
    z = (e * 1).named("z")
    explanation = ad.explain((z / z.sum()).named("s"), e, quiet=True)
    assert [f.formula for f in explanation.factors] == ["diag(1 / (Σ z)) − (s / (Σ z)) @ onesᵀ", "diag(1)"]
    np.testing.assert_allclose(explanation.value.data, [[2 / 9, -1 / 9], [-2 / 9, 1 / 9]], rtol=1e-6)  # float32


def test_names_that_are_given_are_none_that_the_user_gave() -> None:
    v, x = ad.tensor([1.0, 2.0], requires_grad=True, name="v₁"), ad.tensor([3.0, 4.0], name="x")
    explanation = ad.explain(((v * x).exp().sum().log() * 2).named("L"), v, quiet=True)
    assert str(explanation).startswith("∂L/∂v₁ = ∂L/∂v₃ · ∂v₃/∂v₂ · ∂v₂/∂v₁\n")
    assert explanation.note == "(v₂ = exp(v₁·x); v₃ = Σ v₂)"


def test_tensors_of_the_same_name_are_told_apart() -> None:
    w = ad.tensor(0.5, requires_grad=True, name="w")
    h = (w * 2).named("h")
    explanation = ad.explain((h * 3).named("h").exp().named("L"), w, quiet=True)
    assert str(explanation).startswith("∂L/∂w = ∂L/∂h₂ · ∂h₂/∂h · ∂h/∂w\n      = exp(h₂) · 3 · 2\n")
    assert explanation.note == "(h₂ = 3·h)"


def test_the_direct_way_has_a_sign_of_its_own() -> None:
    w, x = ad.tensor(0.7, requires_grad=True, name="w"), ad.tensor(1.5, name="x")
    h = (w * x).tanh().named("h")
    loss = ((w * h) ** 2).named("L")
    explanation = ad.explain(loss, w, quiet=True)
    assert str(explanation).startswith("∂L/∂w = ∂L/∂w|direct + ∂L/∂h · ∂h/∂w\n")
    assert str(explanation).endswith("\n(" + DIRECT_NOTE + ")")
    assert r"\left. \frac{\partial L}{\partial w} \right|_{\mathrm{direct}} + " in explanation.latex
    assert [f.is_direct for f in explanation.factors] == [True, False, False]
    assert explanation.factors[0].value == pytest.approx(2 * w.item() * h.item() ** 2, rel=1e-6)  # float32


def test_what_is_not_named_is_said_once() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    loss = model(ad.tensor([[1.0, 2.0]])).sum()
    explanation = ad.explain(loss, model[0].weight, params=model, quiet=True)
    assert explanation.note == (
        "(x₁: an input, (1, 2); v₁ = x₁ @ 0.weightᵀ + 0.bias; v₂ = tanh(v₁); v₃ = v₂ @ 2.weightᵀ + 2.bias)"
    )
    assert str(explanation).endswith("\n" + explanation.note)
    assert str(ad.explain(loss, model[0].weight, quiet=True)) == str(
        explanation
    )  # the modules were called: names enough
    bare = [ad.ones(2, 3).requires_grad_(), ad.zeros(3).requires_grad_()]
    loss = ad.tanh(ad.tensor([[1.0, 2.0]]) @ bare[0] + bare[1]).sum()
    assert max(map(len, str(ad.explain(loss, bare[0], quiet=True)).splitlines())) <= 105


def test_layers_called_one_by_one_give_their_parameters_names() -> None:
    first, second, other = nn.Linear(2, 3), nn.Linear(3, 1), nn.PReLU()
    loss = other(second(first(ad.tensor([[1.0, 2.0]])))).sum()
    said = str(ad.explain(loss, second.weight, quiet=True))
    assert said.startswith("∂L/∂Linear₂.weight = ")
    assert "PReLU.weight" in said
    assert "θ" not in said


def test_what_was_computed_is_told_in_that_order() -> None:
    w = ad.tensor([[0.5, 0.25], [1.0, 2.0]], requires_grad=True)
    y = w
    for _ in range(11):
        y = ad.tanh(y @ ad.ones(2, 2))
    note = ad.explain(y.sum(), w, quiet=True).note
    assert note.index("v₂ =") < note.index("v₁₀ =")


def test_equal_ones_share_in_the_formula_as_in_the_number() -> None:
    k, j = (ad.tensor(2.0, requires_grad=True, name=name) for name in "kj")
    explanation = ad.explain(ad.maximum(k, j).named("L"), k, quiet=True)
    assert str(explanation) == "∂L/∂k = 1[k > j] + 1[k = j] / 2\n      = 0.5"
    x = ad.tensor([1.0, 3.0, 3.0], requires_grad=True, name="x")
    explanation = ad.explain(x.amax().named("m"), x, quiet=True)
    assert str(explanation) == "∂m/∂x = (1[x = m] / (Σ 1[x = m]))ᵀ\n      = [0.0, 0.5, 0.5]"


@pytest.mark.parametrize("digits", [2.5, "4", True])
def test_digits_are_an_integer(digits: Any) -> None:
    t, loss = neuron()
    with pytest.raises(TypeError, match=f"explain: digits must be an integer, got {digits!r}"):
        ad.explain(loss, t["w"], digits=digits)
    with pytest.raises(TypeError, match=f"draw: digits must be an integer, got {digits!r}"):
        ad.draw(loss, digits=digits)


def test_by_itself() -> None:
    _, loss = neuron()
    with pytest.raises(ValueError, match="explain: output and input are the same tensor"):
        ad.explain(loss, loss)


def test_a_notebook_shows_the_derivation_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    t, loss = neuron()
    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    ad.explain(loss, t["w"])
    assert capsys.readouterr().out == ""
    ad.explain(loss, t["w"], quiet=False)
    assert capsys.readouterr().out.startswith("∂L/∂w")
    del shell.kernel  # IPython in a terminal shows no formulas
    ad.explain(loss, t["w"])
    assert capsys.readouterr().out.startswith("∂L/∂w")


def test_what_is_overwritten_says_where_and_what_is_kept() -> None:
    a = ad.tensor([1.0, 2.0, 3.0], requires_grad=True, name="a")
    b = a * 2
    b[0] = a[1] * a[2]
    diagram = derivation([(b**2).sum().named("L")]).diagram
    boxes = {box.key: box for box in diagram.nodes if isinstance(box, Box)}
    (changed,) = (box for box in boxes.values() if "with [0] =" in box.formula)
    said = [a.derivative.formula for a in diagram.arrows if a.head == changed.key and a.derivative is not None]
    assert (
        said == ["1 where the result has it, else 0"] * 2
    )  # of what stood there no element 0, of what is put no other


def test_short_positions_are_written_out() -> None:
    table = ad.tensor(np.eye(4), requires_grad=True, name="W")
    boxes = derivation([table[[1, 2, 1]].named("rows").sum().named("L")]).diagram.nodes
    assert "W[[1, 2, 1]]" in [box.formula for box in boxes if isinstance(box, Box)]


def test_a_product_that_begins_with_a_minus_is_in_parentheses_in_a_sum() -> None:
    w = ad.tensor(0.5, requires_grad=True, name="w")
    h = (-w).tanh().named("h")
    explanation = ad.explain((h * w).named("L"), w, quiet=True)
    assert "+ (−0." in str(explanation)
    assert "+ −" not in str(explanation)
    assert "+ -" not in explanation.latex


def test_the_gradient_of_a_matrix_times_a_vector_is_a_column_times_a_row() -> None:
    x = ad.tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    left = ad.tensor(np.ones((2, 3), np.float32), requires_grad=True, name="W")
    right = ad.tensor(np.ones((3, 2), np.float32), requires_grad=True, name="V")
    layer = nn.Linear(3, 2)
    for weight, z, gradient in (
        (left, left @ x, "∂L/∂z @ xᵀ"),
        (right, x @ right, "x @ (∂L/∂z)ᵀ"),
        (layer.weight, layer(x), "∂L/∂z @ xᵀ"),
    ):
        explanation = ad.explain(ad.tanh(z.named("z")).sum().named("L"), weight, quiet=True)
        assert explanation.gradients[-1].formula == gradient
        g = 1 - np.tanh(z.detach().numpy()) ** 2
        expected = np.outer(x.detach().numpy(), g) if weight is right else np.outer(g, x.detach().numpy())
        np.testing.assert_allclose(explanation.gradients[-1].value, expected, rtol=1e-5)  # float32


def test_functions_with_two_results_are_explained_by_their_true_jacobians() -> None:
    class ProductAndSum(ad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: ad.Tensor, y: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
            ctx.save_for_backward(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx: Any, g: ad.Tensor, h: ad.Tensor) -> tuple[ad.Tensor, ad.Tensor]:
            x, y = ctx.saved_tensors
            return g * y + h, g * x + h

    x = ad.tensor(np.array([0.3, -1.3, 0.8]), requires_grad=True, name="x")
    product, total = ProductAndSum.apply(x, x * x)
    loss = (product * total.tanh()).sum()
    explanation = ad.explain(loss, x, quiet=True)
    assert "v₃ = ProductAndSum[0](v₂); v₄ = ProductAndSum[1](v₂)" in explanation.note
    loss.backward()
    np.testing.assert_allclose(array(explanation.value), array(x.grad), rtol=1e-12)  # some twenty roundings
