"""The chain rule's picture: local derivatives on the ways between tensors, gradients on the tensors."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.chain_reading import read_chain
from autodiff.visualize.diagram import Box, Derivative, Diagram
from tests.autodiff.visualize.test_picture import neuron, statements, texts


def derivatives(diagram: Diagram) -> dict[tuple[str, str], Derivative | None]:
    titles = {node.key: node.title for node in diagram.nodes if isinstance(node, Box)}
    return {(titles[a.tail], titles[a.head]): a.derivative for a in diagram.arrows}


def boxes(diagram: Diagram) -> dict[str, Box]:
    return {node.title: node for node in diagram.nodes if isinstance(node, Box)}


def test_the_neuron_reads_as_the_derivation() -> None:
    _, loss = neuron()
    diagram = read_chain([loss]).diagram
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
    assert "style=dashed" in lines["t0 -> t3"]  # no gradient flows back to x
    assert "style=dashed" not in lines["t1 -> t3"]
    assert len(statements(draw(loss, derivatives=True))) == 7


def test_a_tensor_used_twice_has_the_sum() -> None:
    x = ad.tensor(3.0, requires_grad=True, name="x")
    found = derivatives(read_chain([(x * x + 5 * x).named("y")]).diagram)
    assert found == {("x", "y"): Derivative("∂y/∂x", "2·x + 5", (("11",),))}


def test_what_no_short_formula_tells_of_keeps_a_place() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    diagram = read_chain([(x.tanh().softmax(0).sum() * 2).named("y")]).diagram
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
    found = derivatives(read_chain([model(x).sum()], model).diagram)
    assert found["0.weight", "v₁"] == Derivative("∂L/∂0.weight", "(∂L/∂v₁)ᵀ @ x", None)
    assert found["0.bias", "v₁"] == Derivative("∂L/∂0.bias", "Σ ∂L/∂v₁", None)
    assert found["v₁", "v₂"] == Derivative("∂L/∂v₁", "∂L/∂v₂ @ 1.weight", None)
    assert ("x", "v₁") in found


def test_unnamed_leaves_and_outputs_get_names() -> None:
    a, b = (ad.tensor(v, requires_grad=True) for v in (1.0, 2.0))
    assert set(boxes(read_chain([a * b]).diagram)) == {"θ₁", "θ₂", "L"}
    data = ad.tensor([1.0, 2.0])
    assert set(boxes(read_chain([a * data, b * data]).diagram)) == {"θ₁", "θ₂", "x₁", "y₁", "y₂"}


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
