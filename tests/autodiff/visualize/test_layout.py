"""Whether pictures fit: their direction, how far they are folded, and where parameters stand."""

from __future__ import annotations

import re
from typing import Any

import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.architecture import overview
from autodiff.visualize.computation import computation
from autodiff.visualize.derivation import derivation
from autodiff.visualize.layout import direction, width
from tests.autodiff.visualize.test_picture import neuron


class Residual(nn.Module):
    """Two layers beside a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)

    def forward(self, x: Any) -> Any:
        return ad.relu(x + self.bn2(self.conv2(ad.relu(self.bn1(self.conv1(x))))))


def residual() -> tuple[nn.Module, Tensor]:
    ad.manual_seed(0)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Residual(4), Residual(4), *head)
    return model, nn.CrossEntropyLoss()(model(ad.randn(2, 1, 5, 5)), ad.tensor([0, 1])).named("loss")


def xor() -> tuple[nn.Module, Tensor]:
    ad.manual_seed(0)  # the width of numbers depends on them
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, nn.BCEWithLogitsLoss()(model(ad.zeros(4, 2)), ad.ones(4, 1)).named("L")


def inches(source: Any) -> tuple[float, float]:
    size = re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', source.pipe(encoding="utf-8"))
    assert size is not None
    return int(size[1]) / 72, int(size[2]) / 72


def test_short_pictures_run_across_and_long_ones_down() -> None:
    _, loss = neuron()
    assert "rankdir=LR" in draw(loss).source
    assert "rankdir=LR" in draw(loss, derivatives=True).source
    _, loss = xor()
    assert "rankdir=LR" in draw(loss).source
    assert "rankdir=TB" in draw(loss, derivatives=True).source  # words on the ways make it wide
    assert "rankdir=LR" in draw(loss, derivatives=True, direction="LR").source
    y = ad.tensor(1.0, requires_grad=True)
    for _ in range(30):
        y = y * 1.5
    assert "rankdir=TB" in draw(y).source


def test_the_width_is_about_what_graphviz_makes_of_it() -> None:
    _, loss = neuron()
    _, wide = xor()
    for view, drawn in (
        (computation([loss]), draw(loss)),
        (derivation([loss]), draw(loss, derivatives=True)),
        (computation([wide]), draw(wide)),
    ):
        assert width(view.diagram) == pytest.approx(inches(drawn)[0], rel=0.25)


def test_two_residual_blocks_fit_a_page() -> None:
    model, loss = residual()
    for options, height in (({}, 16), ({"depth": 1}, 16), ({"depth": 2}, 22)):
        across, down = inches(draw(loss, params=model, **options))
        assert across < 17
        assert down < height
    view = overview([loss], model)
    assert direction(view.diagram) == "LR" or inches(draw(loss, params=model))[0] < 12
    assert "1: Residual" in {getattr(node, "title", "") for node in view.diagram.nodes}


def test_upright_the_parameters_of_a_layer_stand_beside_what_it_computes() -> None:
    model, loss = xor()
    source = draw(loss, params=model, derivatives=True).source
    names = dict(re.findall(r"(t\d+) \[label=<.*?<B><[^>]*>([^<]*)</FONT></B>", source))
    keys = {name: key for key, name in names.items()}
    w, b, v = keys["0.weight"], keys["0.bias"], keys["v₁"]
    assert re.search(rf"rank=same\n\s*{v}\n\s*{w}\n\s*{b}\n", source)
    assert f"{w} -> {v} [" in source
    assert re.search(rf"{v} -> {b} \[.*dir=back", source)  # to its right


def test_arrows_of_the_data_leave_the_side_of_a_step_to_its_parameters() -> None:
    x, w = ad.tensor(2.0, name="x"), ad.tensor(3.0, requires_grad=True, name="w")
    loss = (x * w).tanh()
    assert re.search(r"t\d+ -> o0:step:w ", draw(loss).source)
    assert re.search(r"t\d+ -> o0:step:n ", draw(loss, direction="TB").source)


def test_a_folded_picture_has_the_derivative_that_was_asked_for_beneath_it() -> None:
    model, loss = residual()
    weight = model[1].conv1.weight
    picture = draw(loss, params=model, derivatives=weight)
    svg = picture.pipe(encoding="utf-8").replace("&#160;", " ")
    assert "∂loss/∂1.conv1.weight" in svg
    assert "The derivatives on the arrows are left out" in svg
    lit = re.findall(r"(\w+) -> (\w+) \[.*penwidth=2.6", picture.source)
    assert ("m1", "m2") in lit
    assert ("m0", "m1") not in lit  # before the weight
    with pytest.raises(ValueError, match="needs one output, got 2"):
        draw(loss, loss * 2, derivatives=weight)


def test_the_chain_rule_of_batch_normalizations_fits_a_page() -> None:
    ad.manual_seed(0)
    blocks = [m for _ in range(3) for m in (nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())]
    model = nn.Sequential(*blocks, nn.Linear(8, 3))
    loss = nn.CrossEntropyLoss()(model(ad.randn(16, 8).named("x")), ad.randint(0, 3, (16,)))
    picture = draw(loss, params=model, derivatives=True)
    across, down = inches(picture)
    assert across < 17
    assert down < 36
    moments = re.search(r"(t\d+) \[label=<.*?<B><[^>]*>moments<", picture.source)
    assert moments is not None
    assert re.search(rf"rank=same\n\s*t\d+\n\s*{moments[1]}\n", picture.source)  # beside what it normalizes
    assert re.search(r"/ 16</FONT></TD></TR><TR>.*√\(moments", picture.source)  # its rule is cut before a sign
