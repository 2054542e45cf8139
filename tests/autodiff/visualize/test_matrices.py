"""Derivatives with respect to matrices and broadcast inputs: what is said is what is computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.derivation import derivation
from autodiff.visualize.diagram import Derivative
from autodiff.visualize.names import Names
from autodiff.visualize.view import View
from autodiff.visualize.views import picture_of
from tests.autodiff.visualize.test_chain import derivatives
from tests.autodiff.visualize.test_player import data, saved


def affine() -> tuple[dict[str, Tensor], Tensor]:
    """Return the tensors of ``Z = X @ W + b; S = relu(Z).sum()``, and S."""
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]], name="X")
    w = ad.tensor([[1.0, -1.0], [0.5, 0.5]], requires_grad=True, name="W")
    b = ad.tensor([0.1, 0.2], requires_grad=True, name="b")
    z = (x @ w + b).named("Z")
    return {"X": x, "W": w, "b": b, "Z": z}, ad.relu(z).sum().named("S")


def test_a_broadcast_bias_is_summed_in_the_picture() -> None:
    found = derivatives(derivation([affine()[1]]).diagram)
    assert found["b", "Z"] == Derivative("∂S/∂b", "Σ ∂S/∂Z", None, is_rule=True)
    assert found["W", "v₁"] == Derivative("∂S/∂W", "Xᵀ @ ∂S/∂v₁", None, is_rule=True)
    assert found["v₁", "Z"] == Derivative("∂Z/∂v₁", "1", None)


def test_it_is_summed_on_the_page(tmp_path: Path) -> None:
    events = data(saved(draw(affine()[1]), tmp_path))["events"]
    (way,) = [event for event in events if event["title"].endswith(" to b")]
    upstream, _, local, sign, contribution = way["cards"]
    assert upstream["text"] == "1  1\n1  0"
    assert (local["text"], sign["sign"], contribution["text"]) == ("Σ ∂S/∂Z", "→", "2  1")


def test_a_factor_that_is_broadcast_is_summed_with_what_it_is_multiplied() -> None:
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]], name="x")
    s = ad.tensor([1.0, 2.0], requires_grad=True, name="s")
    c = ad.tensor(0.5, requires_grad=True, name="c")
    found = derivatives(derivation([((x * s).named("p") / c).named("q").sum().named("L")]).diagram)
    assert found["s", "p"] == Derivative("∂L/∂s", "Σ ∂L/∂p ⊙ x", None, is_rule=True)
    assert found["c", "q"] == Derivative("∂L/∂c", "−Σ ∂L/∂q ⊙ p / c²", None, is_rule=True)


def test_matrices_are_explained_by_their_gradients() -> None:
    t, s = affine()
    explanation = ad.explain(s, t["W"], quiet=True)
    assert str(explanation) == (
        "∂S/∂W = ∂S/∂Z · ∂Z/∂W\n∂S/∂Z = 1[Z > 0]   = [1, 1; 1, 0]\n∂S/∂W = Xᵀ @ ∂S/∂Z = [4, 1; 6, 2]"
    )
    assert [(f.name, f.formula, f.shape) for f in explanation.factors] == [
        ("∂S/∂Z", "1[Z > 0]", (2, 2)),
        ("∂Z/∂W", "Xᵀ @ ∂S/∂Z", (2, 2, 2, 2)),
    ]
    assert explanation.latex == (
        r"\begin{aligned} \frac{\partial S}{\partial W} &= \frac{\partial S}{\partial Z} \, "
        r"\frac{\partial Z}{\partial W} \\ "
        r"\frac{\partial S}{\partial Z} & = \mathbf{1}[Z > 0] = \begin{bmatrix} 1 & 1 \\ 1 & 0 \end{bmatrix} \\ "
        r"\frac{\partial S}{\partial W} & = X^\top \, \frac{\partial S}{\partial Z} = "
        r"\begin{bmatrix} 4 & 1 \\ 6 & 2 \end{bmatrix} \end{aligned}"
    )
    assert str(ad.explain(s, t["b"], quiet=True)).endswith("∂S/∂b = Σ ∂S/∂Z  = [2, 1]")
    s.backward()
    assert t["W"].grad is not None
    np.testing.assert_array_equal(explanation.value.numpy(), t["W"].grad.numpy())


def test_a_number_added_to_a_vector_has_a_column_of_ones() -> None:
    b = ad.tensor(0.5, requires_grad=True, name="b")
    p = (ad.tensor([1.0, 2.0, 3.0], name="x") + b).named("p")
    explanation = ad.explain((p * p).sum().named("L"), b, quiet=True)
    assert [f.formula for f in explanation.factors] == ["(2·p)ᵀ", "ones"]
    assert explanation.value.item() == 15


def test_gradients_that_meet_are_added() -> None:
    w = ad.tensor([[0.5, -1.0], [1.0, 0.25]], requires_grad=True, name="W")
    x = ad.tensor([[1.0, 2.0]], name="x")
    h = (x @ w).named("h")
    loss = ((h @ w).named("y") ** 2).mean().named("L")
    explanation = ad.explain(loss, w, quiet=True)
    gradients = {g.name: g for g in explanation.gradients}
    assert gradients["∂L/∂y"].formula == "y"  # 2 y / 2
    assert gradients["∂L/∂h"].formula == "∂L/∂y @ Wᵀ"
    assert set(gradients["∂L/∂W"].formula.split(" + ")) == {"hᵀ @ ∂L/∂y", "xᵀ @ ∂L/∂h"}
    loss.backward()
    assert w.grad is not None
    # sums of two float32 products of two
    np.testing.assert_allclose(gradients["∂L/∂W"].value, w.grad.numpy(), rtol=1e-6)


def test_a_two_layer_network_by_hand() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x, y = ad.randn(5, 3).named("X"), ad.randn(5, 1).named("y")
    h = model[1](model[0](x).named("Z")).named("H")
    loss = ((model[2](h).named("o") - y) ** 2).mean().named("L")
    explanation = ad.explain(loss, model.get_parameter("0.weight"), params=model, quiet=True)
    assert [(g.name, g.formula) for g in explanation.gradients] == [
        ("∂L/∂o", "2(o − y) / 5"),
        ("∂L/∂H", "∂L/∂o @ 2.weight"),
        ("∂L/∂Z", "∂L/∂H ⊙ (1 − tanh²(Z))"),
        ("∂L/∂0.weight", "(∂L/∂Z)ᵀ @ X"),
    ]


class Leaves(View):
    """A view that a program adds: what a result was computed from, without the steps between."""

    def __init__(self, output: Tensor, params: Any = None) -> None:
        super().__init__([output], Names(params), 4)
        leaves = [x for y in self.steps for x in y._inputs if x._op is None]
        for x in dict.fromkeys(leaves):
            self.add_leaf(x)
        self.add_box(output, "output", self.called(output), None)
        for x in leaves:
            self.connect(x, self.keys[x], self.keys[output], "")


def test_a_new_view_is_one_class(tmp_path: Path) -> None:
    t, s = affine()
    picture = picture_of(lambda: Leaves(s))
    assert {a.tail for a in Leaves(s).diagram.arrows} == {Leaves(s).keys[t[name]] for name in "XWb"}
    svg = picture.pipe(encoding="utf-8").replace("&#160;", " ")
    assert all(f">{name}<" in svg for name in "XWbS")
    assert ">relu<" not in svg
    way = data(saved(picture, tmp_path))["events"][-2]  # it is played as every other
    assert (way["title"], way["cards"][-1]["text"]) == ("Backward: from S to b", "2  1")
    picture.save(tmp_path / "leaves.png")
    assert (tmp_path / "leaves.png").read_bytes().startswith(b"\x89PNG")


def test_a_plain_picture_does_not_import_the_page() -> None:
    program = (
        "import sys, autodiff as ad; x = ad.tensor(2.0, requires_grad=True); assert not any('symbolic' in m for m in "
        "sys.modules); ad.draw(x * x); print([m for m in sys.modules if m.startswith('autodiff.visualize.') and "
        "m.rsplit('.')[-1] in ('page', 'script')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
