"""The page that plays a computation: what it holds, and what a real browser shows of it."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.contents import number, value
from tests.autodiff.visualize.browser import CHROMIUM, Browser, browser
from tests.autodiff.visualize.test_picture import neuron

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or os.name == "nt", reason="needs Chromium or Chrome on the path, and pipes as Unix has them"
)


def xor() -> tuple[nn.Module, Tensor]:
    ad.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = ad.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], name="x")
    y = ad.tensor([[0.0], [1.0], [1.0], [0.0]], name="y")
    return model, nn.BCEWithLogitsLoss()(model(x), y)


def data(page: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def saved(picture: Any, folder: Path) -> str:
    return Path(picture.save(folder / "page.html")).read_text(encoding="utf-8")


def test_one_small_file_that_asks_nobody(tmp_path: Path) -> None:
    model, loss = xor()
    page = saved(draw(loss, params=model), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert len(page.encode()) < 300_000
    addresses = set(re.findall(r"https?://[^\s\"'<>]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not places
    assert not re.search(r"<(?:link|img|iframe)|\bsrc=|@import|fetch\(", page)


def test_the_same_graph_gives_the_same_page(tmp_path: Path) -> None:
    assert saved(draw(neuron()[1]), tmp_path) == saved(draw(neuron()[1]), tmp_path)


def test_the_events_of_the_neuron(tmp_path: Path) -> None:
    t, loss = neuron()
    events = data(saved(draw(loss, derivatives=True), tmp_path))["events"]
    assert [e["title"] for e in events] == [
        "Forward: z",
        "Forward: o",
        "Forward: L",
        "Backward begins at L",
        "Backward: from L to o",
        "Backward: from o to z",
        "Backward: from z to w",
        "Backward: from z to b",
        "Update: each parameter θ becomes θ − lr · ∂L/∂θ, here with lr = 0.1",
    ]
    o = 1 / (1 + np.exp(0.9))
    cards = [(c.get("name"), c["text"]) for c in events[5]["cards"] if "text" in c]
    assert cards == [
        ("∂L/∂o", number(o - 1, 4)),
        ("∂o/∂z = σ(z)(1 − σ(z))", number(o * (1 - o), 4)),
        ("to ∂L/∂z", number((o - 1) * o * (1 - o), 4)),
    ]
    loss.backward()
    assert t["w"].grad is not None
    assert events[6]["cards"][-1]["text"] == number(t["w"].grad.item(), 4)


def test_the_picture_of_the_computation_is_played_operation_by_operation(tmp_path: Path) -> None:
    t, loss = neuron()
    events = data(saved(draw(loss), tmp_path))["events"]
    assert [e["title"] for e in events] == [
        "Forward: × gives (x·w)",
        "Forward: + gives z",
        "Forward: σ gives o",
        "Forward: − gives (o − y)",
        "Forward: ( )² gives (o − y)²",
        "Forward: ÷ gives L",
        "Backward begins at L",
        "Backward: from L to (o − y)²",
        "Backward: from (o − y)² to (o − y)",
        "Backward: from (o − y) to o",
        "Backward: from o to z",
        "Backward: from z to (x·w)",
        "Backward: from z to b",
        "Backward: from (x·w) to w",
        "Update: each parameter θ becomes θ − lr · ∂L/∂θ, here with lr = 0.1",
    ]
    o = 1 / (1 + np.exp(0.9))
    cards = [(c.get("name"), c["text"]) for c in events[8]["cards"] if "text" in c]
    assert cards == [
        ("∂L/∂(o − y)²", "0.5"),
        ("∂(o − y)²/∂(o − y) = 2(o − y)", number(2 * (o - 1), 4)),
        ("to ∂L/∂(o − y)", number(o - 1, 4)),
    ]
    loss.backward()
    assert t["w"].grad is not None
    assert events[-2]["cards"][-1]["text"] == number(t["w"].grad.item(), 4)


@pytest.mark.parametrize("options", [{}, {"derivatives": True}, {"heat": True}, {"depth": 0}, {"depth": 1}])
def test_the_page_holds_the_picture_that_was_drawn(options: dict[str, Any], tmp_path: Path) -> None:
    model, loss = xor()
    picture = draw(loss, params=model, **options)
    drawn = re.findall(r"<text.*?</text>", picture.pipe(encoding="utf-8"))
    page = saved(picture, tmp_path)
    shown = re.findall(r"<text.*?</text>", page)
    assert drawn
    assert shown == drawn


@pytest.mark.parametrize("depth", [0, 1])
def test_contributions_sum_to_the_gradients_where_modules_are_folded(depth: int, tmp_path: Path) -> None:
    ad.manual_seed(0)
    lin = nn.Linear(2, 2)
    model = nn.Sequential(lin, nn.Tanh(), lin)
    x = ad.tensor([[1.0, 2.0]], requires_grad=True, name="x")
    loss = (model(x) * x).sum().named("L")
    found = data(saved(draw(loss, params=model, depth=depth), tmp_path))
    loss.backward()
    assert x.grad is not None
    last = [e for e in found["events"] if e["title"].endswith(" to x")][-1]
    assert last["cards"][-1]["label"] == "sum over 2 paths"
    assert last["cards"][-1]["text"] == "  ".join(value(x.grad.data, 4)[0])
    marks = {f"way{i}" for i in range(len(found["ways"]))}
    assert all(set(e["edges"]) <= marks and e["edges"] for e in found["events"] if e["title"].startswith("Backward:"))


def test_where_ways_meet_the_sum_is_told(tmp_path: Path) -> None:
    a = ad.tensor(3.0, requires_grad=True, name="a")
    b = (a * a).named("b")
    events = data(saved(draw((b * a + b.tanh().named("c")).named("L")), tmp_path))["events"]
    to_a = [e for e in events if e["title"].endswith("to a")]
    assert [e["graded"] for e in to_a] == [[], ["t0"]]
    assert [c["text"] for c in to_a[-1]["cards"] if "sum" in c.get("label", "")] == [number(27, 4)]


def test_names_cannot_break_the_page(tmp_path: Path) -> None:
    w = ad.tensor(1.0, requires_grad=True, name="</script><b>&")
    page = saved(draw((w * 2).named("@SVG@")), tmp_path)
    assert page.count("</script>") == 2
    assert page.count("<svg") == 1
    titles = {t["title"] for t in data(page)["tensors"].values()}
    assert titles == {"</script><b>&", "@SVG@", "×, which gives @SVG@"}


def test_several_outputs_play_forward_only(tmp_path: Path) -> None:
    w = ad.tensor([1.0, 2.0], requires_grad=True, name="w")
    events = data(saved(draw((w * 2).named("a"), w.exp().named("b")), tmp_path))["events"]
    assert [e["kind"] for e in events] == ["forward", "forward"]


def test_a_freed_graph_cannot_be_played(tmp_path: Path) -> None:
    _, loss = neuron()
    picture = draw(loss)
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        picture.save(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


SHOWN = """
    const visible = e => getComputedStyle(e).visibility === "visible";
    const texts = (g, kind) => [...g.querySelectorAll("text." + kind)].filter(visible).map(e => e.textContent);
    const found = {};
    for (const [key, g] of nodes)
        found[data.tensors[key].title] = {values: texts(g, "v"), gradients: texts(g, "g"),
            pending: g.classList.contains("pending"), active: g.classList.contains("active")};
    return {count: at("count").textContent, title: at("what").textContent, nodes: found,
        cards: [...document.querySelectorAll(".card pre")].map(e => e.textContent),
        edges: [...edges.values()].filter(g => g.classList.contains("active")).length};
"""


@needs_chromium
def test_the_neuron_is_played(window: Browser, tmp_path: Path) -> None:
    t, loss = neuron()
    draw(loss, derivatives=True).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    first = window.run(SHOWN)
    assert first["count"] == "start"
    assert first["nodes"]["x"] == {"values": ["1.5"], "gradients": [], "pending": False, "active": False}
    assert first["nodes"]["o"] == {"values": [], "gradients": [], "pending": True, "active": False}
    window.press("right", "right")
    second = window.run(SHOWN)
    o = 1 / (1 + np.exp(0.9))
    assert (second["count"], second["title"]) == ("forward 2 of 3", "Forward: o")
    assert second["nodes"]["o"] == {"values": [number(o, 4)], "gradients": [], "pending": False, "active": True}
    assert second["nodes"]["L"]["pending"]
    window.click("#next")
    window.click("#next")
    window.click("#next")
    fifth = window.run(SHOWN)
    assert (fifth["count"], fifth["title"], fifth["edges"]) == ("backward 2 of 5", "Backward: from L to o", 1)
    assert fifth["cards"] == ["1", number(o - 1, 4), number(o - 1, 4)]
    window.press("end")
    last = window.run(SHOWN)
    loss.backward()
    for name in ("w", "b"):
        g = t[name].grad
        assert g is not None
        assert last["nodes"][name]["gradients"][-1].split()[-1] == number(g.item(), 4)
    window.press("left", "home")
    assert window.run(SHOWN) == first
    window.run("slider.value = 6; slider.dispatchEvent(new Event('input'))")
    assert window.run(SHOWN)["title"] == "Backward: from o to z"
    assert window.errors() == []


@needs_chromium
@pytest.mark.parametrize("derivatives", [False, True])
def test_xor_shows_pythons_numbers(window: Browser, tmp_path: Path, derivatives: bool) -> None:
    model, loss = xor()
    draw(loss, params=model, derivatives=derivatives).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri() + "#step=999")
    shown = window.run(SHOWN)
    loss.backward()
    for name, p in model.named_parameters():
        assert p.grad is not None
        g = p.grad.data
        assert shown["nodes"][name]["gradients"][-1].replace("\xa0", " ").endswith(value(g, 4, brief=True)[0][0])
    assert shown["nodes"]["L"]["values"] == [number(loss.item(), 4)]
    assert window.errors() == []


@needs_chromium
def test_statistics_chain_zoom_and_keys(window: Browser, tmp_path: Path) -> None:
    t, loss = neuron()
    draw(loss, theme="dark").save(tmp_path / "page.html")
    expected = str(ad.explain(loss, t["w"], quiet=True))
    window.open((tmp_path / "page.html").as_uri())
    window.point("#stage [aria-label=o]")
    stats = window.run("return at('stats').textContent")
    assert "value\n  0.2891\n" in stats
    assert "dtype     float32" in stats
    window.click("#stage [aria-label=w]")
    assert window.run("return at('stats').textContent") == expected
    window.run("document.querySelector('#stage [aria-label=b]').focus()")
    window.press("enter")
    assert window.run("return at('stats').textContent").startswith("∂L/∂b = ∂L/∂o · ∂o/∂z · ∂z/∂b\n")
    width = "return svg.viewBox.baseVal.width"
    whole = window.run(width)
    window.press("+")
    assert window.run(width) == pytest.approx(0.8 * whole)
    window.press("0")
    assert window.run(width) == whole
    window.run("document.activeElement.blur()")
    window.press(" ")
    assert window.run("return timer !== null && at('play').textContent") == "pause"
    window.press(" ")
    assert window.run("return timer") is None
    assert window.errors() == []


@needs_chromium
def test_the_computation_is_played(window: Browser, tmp_path: Path) -> None:
    t, loss = neuron()
    draw(loss).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    window.press("right", "right")
    second = window.run(SHOWN)
    assert second["nodes"]["+, which gives z"]["active"]
    assert second["nodes"]["z"] == {"values": ["−0.9"], "gradients": [], "pending": False, "active": True}
    assert second["nodes"]["(x·w)"]["values"] == ["−1.2"]
    assert second["nodes"]["(o − y)"] == {"values": [], "gradients": [], "pending": True, "active": False}
    window.press("end", "left")
    last = window.run(SHOWN)
    loss.backward()
    for name in ("w", "b"):
        g = t[name].grad
        assert g is not None
        assert last["nodes"][name]["gradients"][-1].split()[-1] == number(g.item(), 4)
    assert not any(node["pending"] for node in last["nodes"].values())
    assert last["edges"] == 1
    assert window.errors() == []


@needs_chromium
def test_several_parameters_in_one_node_have_their_gradients_one_by_one(window: Browser, tmp_path: Path) -> None:
    model, loss = xor()
    draw(loss, params=model, heat=True).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    seen = []
    for k in range(window.run("return events.length") + 1):
        window.run(f"show({k})")
        nodes = window.run(SHOWN)["nodes"]
        seen.append([bool(nodes[f"0.{name}"]["gradients"]) for name in ("weight", "bias")])
    assert seen[0] == [False, False]
    assert seen[-3:] == [[True, False], [True, True], [True, True]]  # the last step is the update
    assert window.errors() == []


@needs_chromium
def test_a_folded_picture_is_played_by_its_modules(window: Browser, tmp_path: Path) -> None:
    model, loss = xor()
    draw(loss, params=model, depth=1).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    assert window.run(SHOWN)["nodes"]["1: Tanh"]["pending"]
    window.press("right", "right")
    shown = window.run(SHOWN)
    assert shown["nodes"]["1: Tanh"]["active"]
    assert shown["title"] == "Forward: 1: Tanh"
    window.click("#stage [aria-label='2: Linear']")
    told = window.run("return at('stats').textContent")
    assert told.startswith("returns\nshape     (4, 1)")
    assert "\n\n2.weight\nshape     (1, 8)" in told
    assert window.errors() == []


def numbers_of(card: dict[str, str]) -> np.ndarray:
    return np.array([float(n.replace("−", "-")) for n in card["text"].split()])


@pytest.mark.parametrize("derivatives", [False, True])
@pytest.mark.parametrize("graph", ["neuron", "shared", "xor"])
def test_the_panels_arithmetic_is_right_at_each_step(graph: str, derivatives: bool, tmp_path: Path) -> None:
    params = None
    if graph == "xor":
        params, loss = xor()
    elif graph == "shared":
        w = ad.tensor(0.5, requires_grad=True, name="w")
        a = (w * 2.0).named("a")
        loss = ((a + (w * a).tanh()) ** 2).named("L")
    else:
        loss = neuron()[1]
    tried = 0
    for e in data(saved(draw(loss, params=params, derivatives=derivatives), tmp_path))["events"]:
        cards = [c for c in e["cards"] if "text" in c]
        if not e["title"].startswith("Backward: ") or e["cards"][1]["sign"] not in "×⊙":
            continue
        if "±" in cards[0]["text"] or "=" in cards[1]["text"]:
            continue  # a summary, whose product says nothing
        # four digits are written of each
        np.testing.assert_allclose(
            numbers_of(cards[0]) * numbers_of(cards[1]), numbers_of(cards[2]), rtol=2e-3, atol=1e-4, err_msg=e["title"]
        )
        tried += 1
    assert tried >= (1 if graph == "xor" else 3)


@needs_chromium
def test_at_the_end_every_gradient_of_the_picture_is_shown(window: Browser, tmp_path: Path) -> None:
    ad.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(4) for m in (nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Tanh())))
    loss = nn.MSELoss()(model(ad.tensor(np.eye(3, dtype=np.float32), name="x")), ad.zeros(3, 3).named("y")).named("L")
    for options in ({}, {"heat": True}, {"derivatives": True, "fold": False}, {"fold": False}):
        draw(loss, params=model, **options).save(tmp_path / "page.html")
        window.open((tmp_path / "page.html").as_uri())
        hidden = (
            "return [...svg.querySelectorAll('text')].filter(e => getComputedStyle(e).visibility === 'hidden').length"
        )
        assert window.run(hidden) > 0
        window.press("end")
        assert window.run(hidden) == 0, options
        assert window.errors() == []


def test_the_chain_is_told_in_the_names_of_the_page(tmp_path: Path) -> None:
    model, loss = xor()
    for options, first in (
        (
            {},
            "∂L/∂0.weight = ∂L/∂BCE(linear₂, y) · ∂BCE(linear₂, y)/∂linear₂ · ∂linear₂/∂tanh(linear₁) · ",
        ),
        ({"derivatives": True}, "∂L/∂0.weight = ∂L/∂v₄ · ∂v₄/∂v₃ · ∂v₃/∂v₂ · ∂v₂/∂v₁ · ∂v₁/∂0.weight\n"),
    ):
        told = data(saved(draw(loss, params=model, **options), tmp_path))
        chain = {t["title"]: t["chain"] for t in told["tensors"].values()}["0.weight"]
        assert chain.startswith(first)
        assert set(re.findall("v[₀-₉]+", chain)) <= set(
            re.findall("v[₀-₉]+", json.dumps(told["events"], ensure_ascii=False))
        )


def test_a_layer_has_a_rule_and_no_derivative(tmp_path: Path) -> None:
    model, loss = xor()
    events = data(saved(draw(loss, params=model), tmp_path))["events"]
    cards = next(e for e in events if e["title"].endswith(" to 2.weight"))["cards"]
    assert [c.get("sign") for c in cards] == [None, "→", None, "→", None]
    assert cards[2]["label"] == "what the step makes of it"
    assert cards[2]["text"] == "(∂L/∂linear₂)ᵀ @ tanh(linear₁)"
    assert "=" not in cards[2]["name"]


def test_where_ways_meet_each_addend_is_shown(tmp_path: Path) -> None:
    w = ad.tensor(0.5, requires_grad=True, name="w")
    loss = (w * 2.0 + w.tanh().named("a") + w.exp().named("b")).named("L")
    events = data(saved(draw(loss, derivatives=True), tmp_path))["events"]
    to_w = [e["cards"] for e in events if e["title"].endswith(" to w")]
    assert [c.get("label", c.get("sign")) for c in to_w[1][4:]] == [
        *("contribution", "+", "from the other path", "=", "sum over 2 paths, more to come")
    ]
    assert [c.get("label", c.get("sign")) for c in to_w[2][4:]] == [
        *("contribution", "+", "from 2 other paths", "=", "sum over 3 paths")
    ]
    for cards in to_w[1:]:
        added, before, total = (numbers_of(cards[i])[0] for i in (4, 6, 8))
        assert added + before == pytest.approx(total, abs=2e-3)  # four digits are written
    assert "∂L/∂w|direct" in {c.get("name", "").partition(" =")[0] for cards in to_w for c in cards}


def test_a_gradient_that_cancels_is_no_noise(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    page = data(saved(draw((model(ad.randn(5, 2)) ** 3).sum(), params=model), tmp_path))
    texts = [c["text"] for e in page["events"] for c in e["cards"] if c.get("name") in ("to ∂L/∂0.bias", "∂L/∂0.bias")]
    assert texts
    assert set(texts) == {"0 but for rounding"}


def test_data_without_names_and_pooling_are_told_apart(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 2))
    x = ad.tensor(np.ones((2, 1, 4, 4), np.float32))
    loss = nn.CrossEntropyLoss()(model(x), ad.tensor([0, 1]))
    told = data(saved(draw(loss, params=model), tmp_path))
    titles = [t["title"] for t in told["tensors"].values()]
    assert {"x₁", "x₂"} < set(titles)
    assert [e["title"] for e in told["events"]][:1] == ["Forward: conv gives conv₁"]
    assert "Forward: maxpool gives maxpool₁" in [e["title"] for e in told["events"]]
    architecture = draw(loss, params=model, depth=1).source
    assert ">x₁<" in architecture
    assert ">x₂<" in architecture


@needs_chromium
def test_a_large_picture_begins_legible_and_follows_the_steps(window: Browser, tmp_path: Path) -> None:
    model = nn.Sequential(*(m for _ in range(4) for m in (nn.Linear(16, 16), nn.ReLU())), nn.Linear(16, 4))
    loss = nn.CrossEntropyLoss()(model(ad.ones(2, 16)), ad.tensor([0, 1]))
    draw(loss, params=model).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    heights = "return [...svg.querySelectorAll('text')].map(e => e.getBoundingClientRect().height)"
    assert min(window.run(heights)) >= 8
    in_sight = """
        const r = stage.getBoundingClientRect();
        return [...svg.querySelectorAll('.node.active')].map(g => g.getBoundingClientRect()).every(
            b => b.left >= r.left && b.right <= r.right && b.top >= r.top && b.bottom <= r.bottom)"""
    for k in range(window.run("return events.length") + 1):
        window.run(f"show({k})")
        assert window.run(in_sight), k
    window.run("show(1)")  # the update before it needed all of the picture
    assert min(window.run(heights)) >= 8
    window.press("0")
    assert window.run("return isWhole()")
    window.press("left")
    assert window.run("return isWhole()")
    assert window.errors() == []


@needs_chromium
def test_long_lines_of_the_chain_are_wrapped(window: Browser, tmp_path: Path) -> None:
    model, loss = xor()
    draw(loss, params=model).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    window.click("#stage [aria-label='0.weight']")
    assert window.run("return at('stats').textContent").startswith("∂L/∂0.weight = ")
    assert window.run("return at('stats').scrollWidth <= at('stats').clientWidth")
    assert window.errors() == []


@needs_chromium
def test_the_gradient_has_an_arrow_the_way_it_flows(window: Browser, tmp_path: Path) -> None:
    _, loss = neuron()
    draw(loss, derivatives=True).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri() + "#step=6")  # backward from o to z
    look = window.run(
        "const f = at('flow'), c = getComputedStyle(f), head = f.parentNode.querySelector('polygon');"
        "return [c.visibility, c.stroke, c.strokeDasharray, c.markerStart, getComputedStyle(head).visibility]"
    )
    assert look == ["visible", "rgb(184, 70, 0)", "none", 'url("#tip")', "hidden"]
    window.press("left", "left", "left")
    assert window.run("return at('flow')") is None
    assert window.errors() == []


@needs_chromium
def test_a_click_lights_all_ways_of_a_parameter(window: Browser, tmp_path: Path) -> None:
    w = ad.tensor(0.5, requires_grad=True, name="w")
    a, b = (w * 2).named("a"), w.exp().named("b")
    draw((a * b).named("L"), derivatives=True).save(tmp_path / "page.html")
    window.open((tmp_path / "page.html").as_uri())
    lit = "return [...nodes].filter(([k, g]) => g.classList.contains('lit')).map(([k]) => data.tensors[k].title).sort()"
    window.click("#stage [aria-label='a']")
    assert window.run(lit) == ["L", "a"]
    window.click("#stage [aria-label='w']")
    assert window.run(lit) == ["L", "a", "b", "w"]
    assert window.run("return document.querySelectorAll('.edge.lit').length") == 4
    window.press("escape")
    assert window.run(lit) == []
    assert window.errors() == []


def test_the_last_step_is_the_update(tmp_path: Path) -> None:
    t, loss = neuron()
    last = data(saved(draw(loss, derivatives=True), tmp_path))["events"][-1]
    loss.backward()
    said = [c.get("text") or c["sign"] for c in last["cards"]]
    expected = []
    for name in ("w", "b"):
        g = t[name].grad
        assert g is not None
        expected += [
            [number(t[name].item(), 4), "− 0.1 ×", number(g.item(), 4), "=", number((t[name] - 0.1 * g).item(), 4)]
        ]
    assert said == [*expected[0], "\n", *expected[1]]


def test_a_cell_of_a_notebook_shows_the_page() -> None:
    _, loss = neuron()
    picture = draw(loss)
    played = picture.play(height=400)
    frame = played._repr_html_()
    assert frame.startswith("<iframe srcdoc=")
    assert "height: 400px" in frame
    assert html.unescape(frame.split('srcdoc="')[1].split('" style=')[0]) == str(played)
    with pytest.raises(ValueError, match="not a copy"):
        picture.copy().play()


@needs_chromium
def test_a_player_inside_another_page_plays(window: Browser, tmp_path: Path) -> None:
    page = saved(draw(neuron()[1], derivatives=True), tmp_path)
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe srcdoc="{html.escape(page)}"></iframe>', encoding="utf-8")
    window.open(outer.as_uri())
    inside = "const inside = document.querySelector('iframe').contentDocument; inside.querySelector('#next').click();"
    assert window.run(inside + "return inside.querySelector('#count').textContent") == "forward 1 of 3"
    assert not window.errors()
