"""The chain rule's picture: local derivatives on the ways between tensors, gradients on the tensors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.contents import value
from autodiff.visualize.derivation import derivation, derivation_of
from autodiff.visualize.diagram import Box, Derivative, Diagram
from tests.autodiff.visualize.test_picture import neuron, statements, texts


def derivatives(diagram: Diagram) -> dict[tuple[str, str], Derivative | None]:
    titles = {node.key: node.title for node in diagram.nodes if isinstance(node, Box)}
    return {(titles[a.tail], titles[a.head]): a.derivative for a in diagram.arrows}


def boxes(diagram: Diagram) -> dict[str, Box]:
    return {node.title: node for node in diagram.nodes if isinstance(node, Box)}


def test_the_neuron_reads_as_the_derivation() -> None:
    _, loss = neuron()
    diagram = derivation([loss]).diagram
    o = 1 / (1 + np.exp(0.9))
    assert {title: box.formula for title, box in boxes(diagram).items()} == {
        **dict.fromkeys(("x", "w", "b", "y"), ""),
        "z": "x·w + b",
        "o": "σ(z)",
        "L": "(o − y)² / 2",
    }
    assert derivatives(diagram) == {
        ("x", "z"): None,
        ("w", "z"): Derivative("∂z/∂w", "x", (("1.5",),)),
        ("b", "z"): Derivative("∂z/∂b", "1", None),
        ("z", "o"): Derivative("∂o/∂z", "σ(z)(1 − σ(z))", ((f"{o * (1 - o):.4g}",),)),
        ("o", "L"): Derivative("∂L/∂o", "o − y", ((f"−{1 - o:.4g}",),)),
        ("y", "L"): None,
    }
    assert {title: box.content.gradient_label for title, box in boxes(diagram).items() if box.content.gradient} == {
        title: f"∂L/∂{title}" for title in "wbzoL"
    }


def test_the_text_of_the_picture() -> None:
    _, loss = neuron()
    source = draw(loss, derivatives=True).source
    for said in ("∂z/∂w = x", "= 1.5", "∂o/∂z = σ(z)(1 − σ(z))", "∂L/∂o = o − y", "= x·w + b"):
        assert f">{said}<" in source
    assert source == draw(neuron()[1], derivatives=True).source
    lines = {line.split(" [")[0].strip(): line for line in source.splitlines() if " -> " in line}
    assert "style=dashed" in lines["t0 -> t3:in0:w"]  # no gradient flows back to x
    assert "style=dashed" not in lines["t1 -> t3:in1:w"]
    assert len(statements(draw(loss, derivatives=True))) == 7


def test_a_tensor_used_twice_has_the_sum() -> None:
    x = ad.tensor(3.0, requires_grad=True, name="x")
    found = derivatives(derivation([(x * x + 5 * x).named("y")]).diagram)
    assert found == {("x", "y"): Derivative("∂y/∂x", "2·x + 5", (("11",),))}


def test_what_no_short_formula_tells_of_keeps_a_place() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    diagram = derivation([(x.tanh().softmax(0).sum() * 2).named("y")]).diagram
    written = {"x": "", "v₁": "tanh(x)", "v₂": "softmax(v₁)", "v₃": "Σ v₂", "y": "2·v₃"}
    assert {title: box.formula for title, box in boxes(diagram).items()} == written
    found = derivatives(diagram)
    slope = found["x", "v₁"]
    assert slope is not None
    assert slope.formula == "1 − tanh²(x)"
    assert slope.value == (tuple(f"{1 - np.tanh(v) ** 2:.4f}" for v in (1, 2)),)
    jacobian = found["v₁", "v₂"]
    assert jacobian is not None
    p = np.exp(np.tanh([1, 2])) / np.exp(np.tanh([1, 2])).sum()
    assert jacobian.value is not None
    shown = [[float(c.replace("−", "-")) for c in row] for row in jacobian.value]
    np.testing.assert_allclose(shown, np.diag(p) - np.outer(p, p), rtol=1e-3)  # four digits are shown
    assert found["v₂", "v₃"] == Derivative("∂v₃/∂v₂", "1", None)


def test_layers_say_what_they_make_of_the_gradient() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    x = ad.tensor(np.ones((4, 2), np.float32), name="x")
    found = derivatives(derivation([model(x).sum()], model).diagram)
    assert found["0.weight", "v₁"] == Derivative("∂L/∂0.weight", "(∂L/∂v₁)ᵀ @ x", None, is_rule=True)
    assert found["0.bias", "v₁"] == Derivative("∂L/∂0.bias", "Σ ∂L/∂v₁", None, is_rule=True)
    assert found["v₁", "v₂"] == Derivative("∂L/∂v₁", "∂L/∂v₂ @ 1.weight", None, is_rule=True)
    assert ("x", "v₁") in found


def test_unnamed_leaves_and_outputs_get_names() -> None:
    a, b = (ad.tensor(v, requires_grad=True) for v in (1.0, 2.0))
    assert set(boxes(derivation([a * b]).diagram)) == {"θ₁", "θ₂", "L"}
    data = ad.tensor([1.0, 2.0])
    assert set(boxes(derivation([a * data, b * data]).diagram)) == {"θ₁", "θ₂", "x₁", "y₁", "y₂"}


def test_hooks_are_not_called_and_grad_is_not_touched() -> None:
    x = ad.tensor(2.0, requires_grad=True, name="x")
    y = (x * x).named("y")
    called: list[Tensor] = []
    for t in (x, y):
        t.register_hook(called.append)
    loss = (y * 3).named("L")
    draw(loss)
    assert texts(draw(loss, derivatives=True).source).count("12") == 2  # L and ∂L/∂x
    ad.explain(loss, x, quiet=True)
    assert called == []
    assert x.grad is None


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_it_is_drawn(direction: str, capfd: pytest.CaptureFixture[str]) -> None:
    svg = draw(neuron()[1], derivatives=True, direction=direction).pipe(encoding="utf-8")
    assert "∂o/∂z = σ(z)(1 − σ(z))" in svg.replace("&#160;", " ")
    assert capfd.readouterr().err == ""


def test_names_that_are_given_are_none_that_the_user_gave() -> None:
    a = ad.tensor([1.0, 2.0], requires_grad=True, name="v₁")
    b, c = (ad.tensor([3.0, 4.0], requires_grad=True, name=name) for name in ("θ₁", None))
    loss = ((a * b * c).exp().sum().log().named("L") * ad.tensor([1.0, 2.0], name="x₁") * ad.tensor([1.0, 2.0])).sum()
    titles = [node.title for node in derivation([loss]).diagram.nodes if isinstance(node, Box)]
    assert len(titles) == len(set(titles))
    assert set(titles) == {"v₁", "θ₁", "θ₂", "x₁", "x₂", "L", "v₂", "v₃", "v₄", "y₁"}


def test_tensors_of_the_same_name_are_told_apart() -> None:
    x = ad.tensor(2.0, requires_grad=True, name="x")
    h = (x * 3).named("h")
    found = derivatives(derivation([((h * 2).named("h") + (h * 5).named("h₂")).named("L")]).diagram)
    assert {name for pair in found for name in pair} == {"x", "h", "h₂", "h₃", "L"}


def test_a_way_that_is_one_of_several_says_so() -> None:
    w, x = ad.tensor(0.7, requires_grad=True, name="w"), ad.tensor(1.5, name="x")
    loss = ((w * (w * x).tanh().named("h")) ** 2).named("L")
    picture = draw(loss, derivatives=True)
    assert "∂L/∂w|direct = 2·w·h²" in picture.source
    assert picture.source.count("|direct: along this arrow alone") == 1
    assert "∂L/∂h = " in picture.source
    assert "∂h/∂w = " in picture.source
    assert "direct" not in draw(neuron()[1], derivatives=True).source


def test_a_layer_that_is_called_twice_contributes_twice() -> None:
    layer = nn.Linear(2, 2)
    diagram = derivation([layer(layer(ad.tensor([[1.0, 2.0]], name="x"))).sum()], layer).diagram
    said = {a.derivative.said for a in diagram.arrows if a.derivative is not None}
    assert {"to ∂L/∂weight: (∂L/∂v₂)ᵀ @ v₁", "to ∂L/∂weight: (∂L/∂v₁)ᵀ @ x"} < said
    assert "∂L/∂v₁ = ∂L/∂v₂ @ weight" in said


def test_what_a_module_computed_is_drawn_in_its_own_frame() -> None:
    x = ad.tensor(np.random.default_rng(0).normal(size=(2, 1, 4, 4)).astype(np.float32), name="x")
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    diagram = derivation([model(x).sum()], model).diagram
    frames = {n.title: diagram.frames[n.frame].label for n in diagram.nodes if n.frame is not None}
    heads = {a.head for a in diagram.arrows if a.tail == boxes(diagram)["0.bias"].key}
    assert {frames[title] for title, box in boxes(diagram).items() if box.key in heads} == {"0: Conv2d"}
    assert "1: ReLU" in frames.values()


def test_a_reshaped_tensor_keeps_the_order_of_its_elements() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    found = derivatives(derivation([(x.reshape(2, 1).named("r") * 2).sum().named("L")]).diagram)["x", "r"]
    assert found is not None
    assert found.formula == "1, the same elements in another shape"


def test_a_gradient_is_called_alike_in_the_box_and_on_the_way() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
    x = ad.tensor(np.ones((4, 2), np.float32), name="x")
    diagram = derivation([model(x).sum()], model).diagram
    labels = {title: box.content.gradient_label for title, box in boxes(diagram).items() if box.content.gradient}
    assert labels == {title: f"∂L/∂{title}" for title in labels}
    assert "0.weight" in labels


def test_the_product_that_is_asked_for_stands_beneath() -> None:
    t, loss = neuron()
    diagram = derivation_of([loss], t["w"]).diagram
    assert diagram.note == str(ad.explain(loss, t["w"], quiet=True))
    titles = {node.key: node.title for node in diagram.nodes if isinstance(node, Box)}
    assert [(titles[a.tail], titles[a.head]) for a in diagram.arrows if a.is_lit] == [
        ("w", "z"),
        ("z", "o"),
        ("o", "L"),
    ]
    source = draw(loss, derivatives=t["w"]).source
    for said in ("∂L/∂w", "= ∂L/∂o · ∂o/∂z · ∂z/∂w", "= (o − y) · σ(z)(1 − σ(z)) · x"):
        assert f">{said}<" in source
    assert source.count("penwidth=2.6") == 3
    page = draw(loss, derivatives=t["w"]).play()
    assert "#0000" not in str(page).split("</svg>")[0]  # the marks by which a page knows kinds are gone


def test_of_matrices_the_gradients_stand_beneath() -> None:
    x = ad.tensor([[1.0, 2.0], [3.0, 4.0]], name="X")
    w = ad.tensor([[1.0, -1.0], [0.5, 0.5]], requires_grad=True, name="W")
    s = ad.relu((x @ w).named("Z")).sum().named("S")
    source = draw(s, derivatives=w).source
    for said in ("= Xᵀ @ ∂S/∂Z", "= [4, 0; 6, 0]", "= 1[Z &gt; 0]"):
        assert f">{said}<" in source


def test_what_cannot_be_asked_for_is_said_by_draw() -> None:
    t, loss = neuron()
    other = ad.tensor(1.0, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"^draw: the output does not depend on the input"):
        draw(loss, derivatives=other)
    with pytest.raises(RuntimeError, match=r"^draw: the input, .* does not require a gradient"):
        draw(loss, derivatives=t["x"])
    with pytest.raises(ValueError, match="needs one output, got 2"):
        draw(loss, (t["w"] * 2).named("a"), derivatives=t["w"])
    with pytest.raises(TypeError, match="derivatives must be True, False or a Tensor, got str"):
        draw(loss, derivatives="w")


def test_a_long_formula_gives_way_to_the_name_of_the_result() -> None:
    names = "x1", "x2", "w1", "w2", "b"
    x1, x2, w1, w2, b = (ad.tensor(0.1 * i, requires_grad=i > 1, name=n) for i, n in enumerate(names))
    h = ad.tanh(w1 * x1 + w2 * x2 + b).named("h")
    found = derivatives(derivation([(h * h).named("L")]).diagram)
    assert {head[0]: d.formula for head, d in found.items() if d is not None} == {
        "w1": "x1·(1 − h²)",
        "w2": "x2·(1 − h²)",
        "b": "1 − h²",
        "h": "2·h",
    }


def test_what_rounding_leaves_of_a_mean_is_no_number() -> None:
    noise = np.tile([1.0, -1.0], 50) + 1e-9
    assert value(noise, 4, brief=True) == (("0 ± 1",),)


def test_data_stands_before_the_layer_that_reads_it() -> None:
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = ad.tensor(np.ones((4, 2), np.float32), name="x")
    source = draw(model(x).sum(), params=model, derivatives=True).source
    assert [line.split(" [")[0].strip() for line in source.splitlines() if "minlen=2" in line] == ["t0 -> t3:in0:w"]


def two_two_one() -> Tensor:
    """Return the loss of a network 2-2-1 that is written out neuron by neuron."""
    x1, x2, y = (ad.tensor(v, name=n) for n, v in {"x1": 0.5, "x2": -1.0, "y": 1.0}.items())
    names = "w11", "w12", "b1", "w21", "w22", "b2", "v1", "v2", "c"
    w11, w12, b1, w21, w22, b2, v1, v2, c = (
        ad.tensor(0.1 * i, requires_grad=True, name=n) for i, n in enumerate(names)
    )
    h1, h2 = ad.tanh(w11 * x1 + w12 * x2 + b1).named("h1"), ad.tanh(w21 * x1 + w22 * x2 + b2).named("h2")
    o = ad.sigmoid(v1 * h1 + v2 * h2 + c).named("o")
    return ((o - y) ** 2 / 2).named("L")


def test_the_heads_of_arrows_into_one_box_lie_apart() -> None:
    loss = two_two_one()
    titles = {n.key: n.title for n in derivation([loss]).diagram.nodes if isinstance(n, Box)}
    heights: dict[str, dict[str, float]] = {}
    for line in draw(loss, derivatives=True).pipe(format="plain", encoding="utf-8").splitlines():
        kind, *words = line.split()
        if kind == "edge":
            count = int(words[2])
            heights.setdefault(titles[words[1]], {})[titles[words[0]]] = float(words[2 + 2 * count])
    for head in ("h1", "h2", "o"):
        levels = sorted(heights[head].values())
        assert min(b - a for a, b in itertools.pairwise(levels)) > 0.1  # inches; a head is 0.07 high
    order = {head: sorted(ends, key=ends.__getitem__, reverse=True) for head, ends in heights.items()}
    assert order["h1"] == ["w11", "w12", "b1", "x1", "x2"]  # what both neurons read lies between their own
    assert order["h2"] == ["x1", "x2", "w21", "w22", "b2"]
    assert order["o"] == ["v1", "h1", "v2", "h2", "c"]


def test_a_batch_of_one_is_multiplied_by_its_gradient_and_not_by_ones() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    x = ad.tensor([[1.0, 2.0]], name="x")
    found = derivatives(derivation([(model(x) ** 2).sum().named("L")], model).diagram)
    assert {tail: d.formula for (tail, head), d in found.items() if d is not None and head == "v₂"} == {
        "v₁": "1.weight",
        "1.weight": "v₁",
        "1.bias": "1",
    }
