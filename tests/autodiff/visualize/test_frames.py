"""Frames: one around what each call of a module computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.computation import computation
from autodiff.visualize.diagram import Diagram, Step


def labels(diagram: Diagram, node_frame: int | None) -> list[str]:
    """Return the labels of a frame and those around it, innermost first."""
    found = []
    while node_frame is not None:
        found.append(diagram.frames[node_frame].label)
        node_frame = diagram.frames[node_frame].parent
    return found


def places(diagram: Diagram) -> dict[str, list[str]]:
    return {n.symbol if isinstance(n, Step) else n.title: labels(diagram, n.frame) for n in diagram.nodes}


@pytest.fixture
def x() -> Tensor:
    return ad.tensor([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], name="x")


def test_frames_nest_as_the_modules_do(x: Tensor) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Tanh(), nn.Linear(3, 1)))
    found = places(computation([net(x).sum().named("loss")], net).diagram)
    assert found["x"] == []
    assert found["loss"] == []
    assert found["Σ"] == []
    assert found["0.weight"] == found["0.bias"] == ["0: Linear", "Sequential"]
    assert found["tanh"] == ["1.0: Tanh", "1: Sequential", "Sequential"]
    assert found["1.1.weight"] == found["linear"] == ["1.1: Linear", "1: Sequential", "Sequential"]


def test_clusters_lie_in_each_other(x: Tensor) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    lines = [line.strip() for line in draw(net(x).sum(), params=net).source.splitlines()]
    opened: list[str] = []
    nesting = {}
    for line in lines:
        if line.endswith("{"):
            opened.append("")
        elif line == "}":
            opened.pop()
        elif label := re.search(r"label=<<B>(.*?)</B>>", line):
            opened[-1] = label[1]
        elif key := re.match(r"(\w+) \[label=", line):
            nesting[key[1]] = [name for name in opened if name]
    assert nesting["t0"] == []
    assert nesting["o0_inputs"] == nesting["o0"] == ["Sequential", "0: Linear"]
    assert nesting["o1"] == ["Sequential", "1: Tanh"]


def test_without_params_the_module_that_was_called_gives_the_names(x: Tensor) -> None:
    found = places(computation([nn.Sequential(nn.Tanh(), nn.Linear(2, 1))(x)]).diagram)
    assert found["linear"] == ["1: Linear", "Sequential"]
    assert found["1.weight"] == found["1.bias"] == ["1: Linear", "Sequential"]


def test_params_that_are_given_leave_the_others_without_a_name(x: Tensor) -> None:
    layer = nn.Linear(2, 1)
    found = places(computation([layer(x)], {"W": layer.weight}).diagram)
    assert "W" in found
    assert "bias" not in found


def test_a_module_called_twice_has_two_frames(x: Tensor) -> None:
    shared = nn.Linear(2, 2)
    net = nn.Sequential(shared, nn.Tanh(), shared)
    diagram = computation([net(x)], net).diagram
    assert [frame.label for frame in diagram.frames] == [
        "Sequential",
        "0: Linear (call 1)",
        "1: Tanh",
        "0: Linear (call 2)",
    ]
    assert [frame.parent for frame in diagram.frames] == [None, 0, 0, 0]
    assert places(diagram)["0.weight"] == ["Sequential"]  # what both calls read lies in neither
    steps = [labels(diagram, n.frame)[0] for n in diagram.nodes if isinstance(n, Step)]
    assert steps == ["0: Linear (call 1)", "1: Tanh", "0: Linear (call 2)"]


def test_what_a_module_returns_is_seen_outside_of_it(x: Tensor) -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).named("hidden").tanh()

    net = Named()
    found = places(computation([net(x).named("result").sum()], net).diagram)
    assert found["linear"] == ["layer: Linear", "Named"]
    assert found["hidden"] == ["Named"]
    assert found["result"] == []


def test_a_module_with_several_outputs_has_one_frame(x: Tensor) -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x.exp(), x.tanh()

    w = ad.tensor(2.0, requires_grad=True)
    a, b = Two()(x * w)
    diagram = computation([(a + b).sum()]).diagram
    assert [frame.label for frame in diagram.frames] == ["Two"]
    assert places(diagram)["exp"] == places(diagram)["tanh"] == ["Two"]
    assert places(diagram)["+"] == places(diagram)["×"] == []


def test_a_module_that_changes_nothing_has_no_frame(x: Tensor) -> None:
    class Same(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    w = ad.tensor(2.0, requires_grad=True)
    assert computation([Same()(x * w).sum()]).diagram.frames == []


def test_an_output_used_only_elsewhere_leaves_frames_nested(x: Tensor) -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            self.kept = self.inner(x)
            return x.tanh()

    net = Keeps()
    w = ad.tensor(2.0, requires_grad=True)
    found = places(computation([(net(x * w) + net.kept).sum()], net).diagram)
    assert found["linear"] == ["inner: Linear"]
    assert found["tanh"] == ["Keeps"]


def test_running_statistics_have_names(x: Tensor) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval()
    boxes = {n.title for n in computation([net(x).sum()], net).diagram.nodes if not isinstance(n, Step)}
    assert {"1.weight", "1.bias"} <= boxes


@pytest.mark.parametrize("direction", ["LR", "TB", "RL", "BT"])
def test_a_network_is_drawn_in_every_direction(x: Tensor, direction: str, capfd: pytest.CaptureFixture[str]) -> None:
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.LeakyReLU(), nn.Linear(4, 3))
    loss = nn.CrossEntropyLoss()(net(x), ad.tensor([0, 2, 1], name="labels"))
    svg = draw(loss.named("loss"), params=net, direction=direction).pipe(encoding="utf-8")
    for text in ("1: BatchNorm1d", "0.weight", "CrossEntropyLoss", "log_softmax", "leaky_relu"):
        assert text in svg
    assert capfd.readouterr().err == ""


SVG = "{http://www.w3.org/2000/svg}"


def titles(svg: ElementTree.Element) -> Iterator[tuple[str, float, float, float, float]]:
    """Find the titles of frames: the text, and from where to where it goes, with letters at most 0.7 wide."""
    for g in svg.iter(f"{SVG}g"):
        key = g.findtext(f"{SVG}title", "")
        for text in g.findall(f"{SVG}text") if key.startswith("frame") else ():
            size, x, y = (float(text.get(name, "")) for name in ("font-size", "x", "y"))
            yield text.text or "", x, y - size, x + 0.7 * size * len(text.text or ""), y


def lines(svg: ElementTree.Element) -> Iterator[np.ndarray]:
    """Find the points of all arrows: Bézier curves, each of which begins where the one before it ends."""
    t = np.linspace(0, 1, 50)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    for g in svg.iter(f"{SVG}g"):
        for path in g.findall(f"{SVG}path") if g.get("class") == "edge" else ():
            points = np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.get("d", "")), float)
            for i in range(0, len(points) - 1, 3):
                yield weights @ points[i : i + 4]


@pytest.mark.parametrize("direction", ["TB", "BT"])
@pytest.mark.parametrize("options", [{}, {"derivatives": True}, {"depth": 1}, {"depth": 2}])
def test_no_arrow_crosses_a_title_from_top_to_bottom(x: Tensor, direction: str, options: dict[str, int]) -> None:
    block = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh())
    net = nn.Sequential(block, nn.Linear(4, 1))
    loss = nn.BCEWithLogitsLoss()(net(x), ad.tensor([[0.0], [1.0], [1.0]], name="y"))
    svg = ElementTree.fromstring(draw(loss, params=net, direction=direction, **options).pipe())
    found = list(titles(svg))
    assert {"Sequential"} <= {text for text, *_ in found}
    for text, left, top, right, bottom in found:
        for line in lines(svg):
            inside = (line > [left, top]).all(1) & (line < [right, bottom]).all(1)
            assert not inside.any(), text
