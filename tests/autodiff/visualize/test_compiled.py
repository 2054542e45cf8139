"""The picture of a compiled function: a kernel is a box with its formulas, updates alike are one."""

from __future__ import annotations

from typing import Any

import pytest

import autodiff as ad
import nn
import optim
from autodiff.compile.machine import is_available
from autodiff.visualize.compiled import Compiled
from autodiff.visualize.diagram import Module

pytestmark = pytest.mark.skipif(not is_available(), reason="llvmlite is not installed")


@pytest.fixture(scope="module")
def step() -> Any:
    model = nn.Sequential(nn.Linear(50, 60), nn.Tanh(), nn.Linear(60, 40))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @ad.compile
    def step(x: ad.Tensor) -> ad.Tensor:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step(ad.ones(70, 50))
    return step


def test_kernels_are_boxes_with_their_formulas(step: Any) -> None:
    diagram = Compiled(step).diagram
    boxes = {node.title: node for node in diagram.nodes if isinstance(node, Module)}
    products = [title for title in boxes if title.startswith("product")]
    assert any("70 × 50 × 60" in title and "420 kflop" in title for title in products)
    assert len(products) == 5  # two forward, two for the weights, one for the hidden layer
    assert boxes["x0"].lines == ("float32 70 × 50",)
    assert any("tanh(" in line and "0.bias" in line for box in boxes.values() for line in box.lines)
    keys = {node.key for node in diagram.nodes}
    assert all({arrow.tail, arrow.head} <= keys for arrow in diagram.arrows)


def test_updates_alike_are_one_box(step: Any) -> None:
    updates = [n for n in Compiled(step).diagram.nodes if isinstance(n, Module) and n.title.startswith("update")]
    assert [u.title for u in updates] == ["update of 4 parameters"]
    assert updates[0].lines[0].startswith("0.weight, 0.bias, 2.weight")
    assert updates[0].lines[1].startswith("θ = θ")


def test_the_picture_is_written(step: Any, tmp_path: Any) -> None:
    ad.draw(step, direction="TB", theme="dark").save(tmp_path / "step.svg")
    assert "update of 4 parameters" in (tmp_path / "step.svg").read_text(encoding="utf-8")


def test_what_has_no_native_program_is_refused(step: Any) -> None:
    with pytest.raises(RuntimeError, match="draw: the compiled function has no native program; call it first"):
        ad.draw(ad.compile(lambda x: x * 2))
    with pytest.raises(TypeError, match="a compiled function is drawn alone"):
        ad.draw(step, ad.ones(2, requires_grad=True) * 2)


def test_the_program_is_written_with_the_names_of_parameters_and_options(step: Any) -> None:
    text = step.program()
    assert "@ 0.weight.T" in text
    assert "lr" in text
    assert "2.bias = 2.bias" in text
