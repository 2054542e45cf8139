"""The views beside the computation: the architecture, what is too large to read, gradient health, themes."""

from __future__ import annotations

import re
from pathlib import Path

import graphviz
import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.architecture import architecture, is_readable, overview
from autodiff.visualize.computation import computation
from autodiff.visualize.contents import number
from autodiff.visualize.diagram import Box, Diagram, Health, Module, Step
from autodiff.visualize.view import health
from tests.autodiff.visualize.test_picture import neuron, texts


def network() -> tuple[nn.Module, Tensor]:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU()), nn.Linear(5, 3))
    x = ad.tensor(np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32), name="images")
    loss = nn.CrossEntropyLoss()(model(x), ad.tensor([0, 1, 2, 0], name="labels")).named("loss")
    return model, loss


def modules(diagram: Diagram) -> dict[str, tuple[str, ...]]:
    return {node.title: node.lines for node in diagram.nodes if isinstance(node, Module)}


def ways(diagram: Diagram) -> set[tuple[str, str]]:
    titles = {n.key: n.symbol if isinstance(n, Step) else n.title for n in diagram.nodes}
    return {(titles[a.tail], titles[a.head]) for a in diagram.arrows}


def test_depth_0_is_the_model() -> None:
    model, loss = network()
    diagram = architecture([loss], model, 0).diagram
    assert modules(diagram) == {"Sequential": ("→ (4, 3)", "63 parameters"), "CrossEntropyLoss": ("→ scalar",)}
    assert diagram.frames == []


def test_depth_1_is_what_it_consists_of() -> None:
    model, loss = network()
    diagram = architecture([loss], model, 1).diagram
    assert modules(diagram) == {
        "0: Sequential": ("→ (4, 5)", "45 parameters"),
        "1: Linear": ("→ (4, 3)", "18 parameters"),
        "CrossEntropyLoss": ("→ scalar",),
    }
    assert [frame.label for frame in diagram.frames] == ["Sequential\n63 parameters"]
    assert ways(diagram) == {
        ("images", "0: Sequential"),
        ("0: Sequential", "1: Linear"),
        ("1: Linear", "CrossEntropyLoss"),
        ("labels", "CrossEntropyLoss"),
        ("CrossEntropyLoss", "loss"),
    }
    assert {n.title: n.content.shape for n in diagram.nodes if isinstance(n, Box)}["images"] == "(4, 6)"


@pytest.mark.parametrize("depth", [2, 9])
def test_deeper_than_the_model_shows_every_layer(depth: int) -> None:
    model, loss = network()
    diagram = architecture([loss], model, depth).diagram
    assert list(modules(diagram)) == [
        "0.0: Linear",
        "0.1: BatchNorm1d",
        "0.2: ReLU",
        "1: Linear",
        "CrossEntropyLoss",
    ]
    assert [frame.parent for frame in diagram.frames] == [None, 0]


def test_images_keep_their_name_and_positions_of_maxima_are_no_input() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    images = ad.tensor(np.random.default_rng(0).normal(size=(2, 1, 4, 4)).astype(np.float32), name="images")
    loss = nn.CrossEntropyLoss()(model(images), ad.tensor([0, 2], name="labels"))
    boxes = {n.title for n in architecture([loss], model, 1).diagram.nodes if isinstance(n, Box)}
    assert boxes == {"images", "labels", "L"}


def test_moments_stand_in_the_module_that_found_them() -> None:
    model, loss = network()
    diagram = computation([loss], model).diagram
    (moments,) = (n for n in diagram.nodes if isinstance(n, Box) and n.title == "moments")
    assert moments.frame is not None
    assert diagram.frames[moments.frame].label == "0.1: BatchNorm1d"
    assert not any(a.is_main for a in diagram.arrows if a.tail == moments.key)


def test_steps_outside_of_modules_stay_steps() -> None:
    model, _ = network()
    x = ad.tensor(np.ones((4, 6), np.float32), name="x")
    diagram = architecture([(model(x) * 2).sum()], model, 0).diagram
    assert {("x", "Sequential"), ("Sequential", "×"), ("×", "Σ"), ("Σ", "L")} <= ways(diagram)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_the_architecture_is_drawn(direction: str) -> None:
    model, loss = network()
    source = draw(loss, params=model, depth=1, direction=direction).source
    assert source == draw(loss, params=model, depth=1, direction=direction).source
    said = texts(source)
    assert {"0: Sequential", "→ (4, 5)", "45 parameters", "images", "(4, 6)"} <= set(" · ".join(said).split(" · "))
    assert "∂" not in source
    assert "0: Sequential" in draw(loss, params=model, depth=1).pipe(encoding="utf-8")


def test_ten_thousand_operations_are_folded_and_the_picture_says_so() -> None:
    y = w = ad.tensor(1.0, requires_grad=True, name="w")
    for _ in range(10_000):
        y = y * 1.0
    diagram = overview([y]).diagram
    assert diagram.note == (
        "10,000 operations, too many to read: all but the last 20 are folded. Pass fold=False for all of them."
    )
    assert modules(diagram) == {"… 9,980 earlier operations": ("1 leaf with a gradient",)}
    assert len([n for n in diagram.nodes if isinstance(n, Step)]) == 20
    assert w.grad is None
    svg = draw(y).pipe(encoding="utf-8")
    assert diagram.note in svg.replace("&#160;", " ")


def deep(blocks: int) -> tuple[nn.Module, Tensor]:
    ad.manual_seed(0)
    model = nn.Sequential(
        *(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Sigmoid(), nn.Linear(4, 4)) for _ in range(blocks))
    )
    x = ad.tensor(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), name="x")
    return model, model(x).sum().named("L")


@pytest.mark.parametrize(("blocks", "depth", "boxes"), [(5, 1, 5), (20, 1, 20), (100, 0, 1)])
def test_a_deep_network_is_folded_to_a_depth_that_can_be_read(blocks: int, depth: int, boxes: int) -> None:
    model, loss = deep(blocks)
    diagram = overview([loss], model).diagram
    assert len(modules(diagram)) == boxes
    assert f"modules are folded below depth {depth}" in diagram.note
    assert draw(loss, params=model).source.count("±") >= boxes  # of what each returned
    assert "folded" not in draw(loss, params=model, fold=False).source


def test_what_can_be_read_is_not_folded() -> None:
    _, loss = neuron()
    assert is_readable([loss])
    model, loss = deep(2)
    assert is_readable([loss])
    assert "folded" not in draw(loss, params=model).source


def test_modules_fold_only_what_they_make_large() -> None:
    y = ad.tensor(1.0, requires_grad=True, name="w")
    for _ in range(60):
        y = y * 1.0
    assert is_readable([y])
    assert is_readable([nn.Tanh()(y)])


def test_modules_are_shaded_by_the_gradients_of_their_parameters() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 4, bias=False))
    model[2].weight.data *= 1e-9
    loss = model(ad.tensor(np.ones((2, 4), np.float32), name="x")).sum().named("L")
    reader = architecture([loss], model, 1, heat=True)
    found = {n.title: n.content.health for n in reader.diagram.nodes if isinstance(n, Module) and n.content}
    w = model[0].weight
    ratio = np.sqrt(np.mean(reader.gradients[w] ** 2)) / np.sqrt(np.mean(w.data**2))
    assert found["0: Linear"] == Health(f"parameters: ∂/value {number(ratio, 2)}", 0)
    assert found["2: Linear"] == Health(found["2: Linear"].said, 4)  # type: ignore[union-attr]  # it has one
    assert found["1: Sigmoid"] is not None
    assert found["1: Sigmoid"].said.startswith("∂/value")
    source = draw(loss, params=model, depth=1, heat=True).source
    assert "vanishing: under" in source
    assert source.count('fillcolor="#7DB8E6"') == 2


@pytest.mark.parametrize(
    ("value", "gradient", "said", "level"),
    [
        (1.0, 1e-9, "∂/value 1e−9", 0),
        (1.0, 1e-6, "∂/value 1e−6", 1),
        ([3.0, 4.0], [0.0, 0.5], "∂/value 0.1", 2),
        (1.0, 50.0, "∂/value 50", 3),
        (1.0, 1e5, "∂/value 1e5", 4),
        (1.0, np.nan, "not finite", 5),
        (np.inf, 1.0, "not finite", 5),
        (0.0, 1.0, "value is 0", 2),
        (1.0, 0.0, "∂ is 0", 0),
    ],
)
def test_health(value: object, gradient: object, said: str, level: int) -> None:
    assert health(np.asarray(value), np.asarray(gradient)) == Health(said, level)


@pytest.mark.parametrize("derivatives", [False, True])
def test_heat_shades_and_says_it(derivatives: bool) -> None:
    x = ad.tensor(1.0, requires_grad=True, name="x")
    loss = ((x * 1e-10).named("y") * 1e5).named("L")
    picture = draw(loss, heat=True, derivatives=derivatives)
    said = texts(picture.source)
    assert {"∂/value 1e−5", "∂/value 1e15", "vanishing: under 1e−7", "exploding: over 1000"} <= set(said)
    box = next(line for line in picture.source.splitlines() if ">y<" in line)
    assert 'fillcolor="#F0A05F"' in box
    assert draw(loss).source != picture.source
    assert "vanishing" not in draw(loss).source
    picture.pipe(format="png")


def test_themes() -> None:
    _, loss = neuron()
    light, dark = draw(loss), draw(loss, theme="dark")
    assert draw(loss, theme="light").source == light.source
    assert texts(light.source) == texts(dark.source)
    assert 'bgcolor="#171C24"' in dark.source
    assert not set(re.findall("#[0-9A-F]{6}", light.source)) & {"#171C24"}


def test_wrong_options() -> None:
    _, loss = neuron()
    with pytest.raises(ValueError, match="theme must be one of light, dark, got 'pink'"):
        draw(loss, theme="pink")
    for wrong in (-1, 1.5, True):
        with pytest.raises(ValueError, match="depth must be an integer"):
            draw(loss, depth=wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="does not go with derivatives"):
        draw(loss, depth=1, derivatives=True)


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [("svg", b"<?xml"), ("PNG", b"\x89PNG"), ("pdf", b"%PDF-"), ("dot", b"digraph"), ("gv", b"digraph")],
)
def test_the_suffix_says_the_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / "new" / f"picture.{suffix}"
    assert draw(neuron()[1]).save(path) == str(path)
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    picture = draw(neuron()[1])
    with pytest.raises(ValueError, match=r"save: the suffix must be one of .*, got '.jpeg'"):
        picture.save(tmp_path / "picture.jpeg")
    with pytest.raises(ValueError, match="got no suffix in 'picture'"):
        picture.save("picture")
    (tmp_path / "file").touch()
    for suffix in ("svg", "dot"):
        with pytest.raises(OSError, match="the picture cannot be written"):
            picture.save(tmp_path / "file" / f"picture.{suffix}")
        (tmp_path / f"folder.{suffix}").mkdir()
        with pytest.raises(OSError, match="the picture cannot be written"):
            picture.save(tmp_path / f"folder.{suffix}")
    with pytest.raises(ValueError, match="only what draw\\(\\) returned"):
        picture.copy().save(tmp_path / "page.html")
    assert isinstance(picture, graphviz.Digraph)


def test_a_folded_picture_says_that_derivatives_are_left_out() -> None:
    x = ad.tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(300):
        y = y * 1.001
    model = nn.Sequential(*(m for _ in range(25) for m in (nn.Linear(2, 2), nn.Tanh())))
    for output in (y, model(ad.tensor([[1.0, 2.0]])).sum()):
        said = draw(output, derivatives=True).source
        assert "Derivatives are left out; pass fold=False to see them." in said
        assert "depth=" not in said
        assert "left out" not in draw(output).source
        assert "= " in draw(output, derivatives=True, fold=False).source


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_a_fresh_residual_net_is_healthy_and_rounding_is_no_gradient(kind: str) -> None:
    ad.manual_seed(0)

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            is_linear = kind == "linear"
            self.first = nn.Linear(6, 6) if is_linear else nn.Conv2d(6, 6, 3, padding=1)
            self.norm = nn.BatchNorm1d(6) if is_linear else nn.BatchNorm2d(6)
            self.second = nn.Linear(6, 6) if is_linear else nn.Conv2d(6, 6, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.second(ad.relu(self.norm(self.first(x))))

    model = nn.Sequential(*(Residual() for _ in range(8)))
    x = ad.randn(16, 6) if kind == "linear" else ad.randn(16, 6, 3, 3)
    loss = (model(x) ** 2).mean()
    contents = [(node, node.content) for node in computation([loss], model, heat=True).diagram.nodes]
    assert {c.health.level for _, c in contents if c is not None and c.health is not None} == {2}
    biases = [c for n, c in contents if isinstance(n, Box) and n.title.endswith("first.bias") and c is not None]
    assert [c.gradient for c in biases] == [
        (("0 but for rounding",),)
    ] * 8  # the mean of the batch takes them out again
    assert {c.health.said for c in biases if c.health is not None} == {"its effect cancels"}


def test_gradients_that_vanish_are_no_rounding() -> None:
    ad.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(8) for m in (nn.Linear(6, 6), nn.Sigmoid())))
    loss = model(ad.randn(16, 6)).sum()
    nodes = computation([loss], model, heat=True).diagram.nodes
    said = [n.content.health.said for n in nodes if n.content is not None and n.content.health is not None]
    assert said
    assert not any("cancels" in line for line in said)


def test_something_times_itself_is_a_square_with_one_arrow() -> None:
    x = ad.tensor(3.0, requires_grad=True, name="x")
    diagram = computation([(x * x).named("y")]).diagram
    assert [n.symbol for n in diagram.nodes if isinstance(n, Step)] == ["( )²"]
    assert len(diagram.arrows) == 2
    assert [n.content.gradient for n in diagram.nodes if isinstance(n, Box) and n.title == "x"] == [(("6",),)]
