"""What a picture says: names, shapes, values, gradients, operations, and how they are connected."""

from __future__ import annotations

import html
import re
import subprocess
import sys

import graphviz
import numpy as np
import pytest

import autodiff as ad
import nn
from autodiff import Tensor
from autodiff.visualize import draw
from autodiff.visualize.computation import computation
from autodiff.visualize.diagram import Step


def neuron() -> tuple[dict[str, Tensor], Tensor]:
    t = {"x": ad.tensor(1.5, name="x"), "y": ad.tensor(1.0, name="y")}
    t["w"] = ad.tensor(-0.8, requires_grad=True, name="w")
    t["b"] = ad.tensor(0.3, requires_grad=True, name="b")
    z = (t["x"] * t["w"] + t["b"]).named("z")
    o = z.sigmoid().named("o")
    return t, ((o - t["y"]) ** 2 / 2).named("L")


def statements(picture: graphviz.Digraph) -> dict[str, str]:
    """Return the statement of each node by its key."""
    found = re.findall(r"^\s*(\w+) \[label=<(.*)>[ \]]", picture.source, re.MULTILINE)
    assert len(dict(found)) == len(found)
    return dict(found)


def texts(label: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r">([^<>]+)</FONT>", label)]


def test_a_neuron_shows_each_tensor_and_the_chain_rule() -> None:
    _, loss = neuron()
    nodes = {key: texts(label) for key, label in statements(draw(loss)).items()}
    o = 1 / (1 + np.exp(0.9))
    dz = (o - 1) * o * (1 - o)
    assert nodes == {
        "t0": ["x", "scalar", "1.5"],
        "t1": ["w", "scalar", "−0.8", "∂L/∂w", f"−{-dz * 1.5:.4g}"],
        "o0": ["×", "−1.2", "∂L/∂·", f"−{-dz:.4g}"],
        "t2": ["b", "scalar", "0.3", "∂L/∂b", f"−{-dz:.4g}"],
        "o1": ["+"],
        "t3": ["z", "scalar", "−0.9", "∂L/∂z", f"−{-dz:.4g}"],
        "o2": ["σ"],
        "t4": ["o", "scalar", f"{o:.4g}", "∂L/∂o", f"−{1 - o:.4g}"],
        "t5": ["y", "scalar", "1"],
        "o3": ["−", f"−{1 - o:.4g}", "∂L/∂·", f"−{1 - o:.4g}"],
        "o4": ["( )²", f"{(1 - o) ** 2:.4g}", "∂L/∂·", "0.5"],
        "o5": ["2", "↓", "÷"],
        "t7": ["L", "scalar", f"{(1 - o) ** 2 / 2:.4g}", "∂L/∂L", "1"],
    }


def test_arrows_lead_from_the_inputs_to_the_output() -> None:
    _, loss = neuron()
    arrows = {(a.tail, a.head, a.argument, a.is_main) for a in computation([loss]).diagram.arrows}
    assert {("t0", "o0", "a", True), ("t1", "o0", "b", False), ("t2", "o1", "b", False)} <= arrows
    assert {("o0", "o1", "a", True), ("o1", "t3", "", True), ("t6", "o5", "b", False)} <= arrows
    for direction, ends in {"LR": "t1:s -> o0:step:n", "TB": "t1:e -> o0:step:w"}.items():
        source = draw(loss, direction=direction).source
        assert f"rankdir={direction}" in source
        assert ends in source
        assert "t3 -> o2:step [" in source


def test_kinds_differ_in_shape_and_colour() -> None:
    _, loss = neuron()
    source = draw(loss).source
    looks = {}
    for key in ("t0", "t1", "t3", "t7"):
        line = next(line for line in source.splitlines() if line.strip().startswith(f"{key} ["))
        looks[key] = re.sub(r"label=<.*>>? ", "", line)
    assert "shape=note" in looks["t0"]
    assert "shape=box" in looks["t1"]
    assert "rounded" in looks["t3"]
    assert "peripheries=2" in looks["t7"]
    assert len({re.search(r'fillcolor="(.*?)"', look)[1] for look in looks.values()}) == 4  # type: ignore[index]


def test_the_same_computation_gives_the_same_text() -> None:
    first, second = (draw(neuron()[1]).source for _ in range(2))
    assert first == second
    t, loss = neuron()
    assert draw(loss).source == draw(loss).source == first
    assert draw(loss, params={"w": t["w"], "b": t["b"]}).source == first


def test_tensors_of_the_same_name_are_told_apart() -> None:
    h = (ad.tensor(2.0, requires_grad=True, name="x") * 3).named("h")
    titles = [
        n.title for n in computation([(h * 2).named("h").exp().named("L")]).diagram.nodes if n.key.startswith("t")
    ]
    assert [title for title in titles if title != "constant"] == ["x", "h", "h₂", "L"]


def test_params_say_what_is_a_parameter_and_its_name() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True)
    w = ad.tensor([3.0, 4.0], requires_grad=True)
    loss = (x * w).sum()
    boxes = {n.title: n.kind for n in computation([loss]).diagram.nodes if n.key.startswith("t")}
    assert boxes == {"θ₁": "parameter", "θ₂": "parameter", "L": "output"}
    for params in ({"layer.weight": w}, [("layer.weight", w)], iter([("layer.weight", w)])):
        boxes = {n.title: n.kind for n in computation([loss], params).diagram.nodes if n.key.startswith("t")}
        assert boxes == {"x₁": "input", "layer.weight": "parameter", "L": "output"}
    assert [n.kind for n in computation([loss], [w]).diagram.nodes if n.key == "t1"] == ["parameter"]
    w.name = "own"
    assert "own" in {n.title for n in computation([loss], {"layer.weight": w}).diagram.nodes if n.key == "t1"}


def test_gradients_of_intermediate_results_count_every_way() -> None:
    a = ad.tensor(3.0, requires_grad=True, name="a")
    b = (a * a).named("b")
    loss = (b * a + b).named("L")  # a³ + a²
    nodes = statements(draw(loss))
    assert texts(nodes["t1"]) == ["b", "scalar", "9", "∂L/∂b", "4"]
    assert texts(nodes["t0"]) == ["a", "scalar", "3", "∂L/∂a", "33"]


def test_drawing_touches_no_gradient_and_keeps_the_graph() -> None:
    t, loss = neuron()
    kept = ad.tensor(7.0)
    t["w"].grad = kept
    draw(loss, params={"w": t["w"]})
    assert t["w"].grad is kept
    assert kept.item() == 7
    assert t["b"].grad is None
    loss.backward()
    assert t["b"].grad is not None
    assert kept.item() != 7


def test_without_a_scalar_the_stored_gradients_are_shown() -> None:
    x = ad.tensor([1.0, 2.0], requires_grad=True, name="x")
    y = (x * 2).named("y")
    assert "grad" not in texts(draw(y).source)
    x.grad = ad.tensor([0.5, 0.25])
    assert texts(statements(draw(y))["t0"]) == ["x", "(2,)", "1", "2", "grad", "0.50", "0.25"]
    both = texts(draw(y.sum().named("s"), y.mean().named("m")).source)
    assert {"s", "m", "grad"} <= set(both)
    assert "∂s/∂x" not in both


def test_long_names_do_not_make_long_fractions() -> None:
    w = ad.tensor(1.0, requires_grad=True, name="layer.weight")
    assert "∂L/∂·" in texts(draw((w * 2).named("L")).source)
    assert "grad" in texts(draw((w * 2).named("a long name")).source)


def test_a_constant_used_once_belongs_to_its_operation() -> None:
    w = ad.tensor(1.0, requires_grad=True, name="w")
    shared = ad.tensor(5.0)
    nodes = statements(draw((w * 2 + shared) * shared))
    assert texts(nodes["o0"])[:3] == ["2", "↓", "×"]
    assert texts(nodes["t2"]) == ["5"]


def test_large_tensors_are_summarized_and_faults_counted() -> None:
    values = np.zeros((30, 2), np.float32)
    values[0] = np.nan
    values[1] = np.inf
    values[2, 0] = -np.inf
    values[3:] = [1, 3]
    x = ad.tensor(values, name="x")
    w = ad.tensor(1.0, requires_grad=True)
    label = statements(draw((x * w).sum()))["t0"]
    assert texts(label) == ["x", "(30, 2)", "mean 1.964 ± 1.026", "0 … 3", "2 NaN, 2 inf, 1 −inf"]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (np.array([3, -7]), ["3", "−7"]),
        (np.arange(100), ["mean 49.50 ± 28.87", "0 … 99"]),
        (np.array([True, False]), ["True", "False"]),
        (np.arange(20) < 5, ["5 of 20 True"]),
        (np.zeros((0, 3), np.float32), ["empty"]),
        (np.full((5, 5), 0.5, np.float32), ["all 0.5"]),
        (np.array([[1.5, 2], [3, 4]], np.float16), ["1.5", "2.0", "3.0", "4.0"]),
        (np.full((9,), np.nan), ["9 NaN"]),
    ],
)
def test_values_of_every_dtype(data: np.ndarray, shown: list[str]) -> None:
    w = ad.tensor(1.0, requires_grad=True)
    label = statements(draw((w * ad.tensor(data, name="x")).sum()))["t1"]
    assert texts(label)[1:] == [str(data.shape), *shown]  # integers are converted, which takes their name


def test_digits() -> None:
    w = ad.tensor(1 / 3, requires_grad=True, name="w")
    assert "0.33" in texts(draw(w * 2, digits=2).source)
    assert "0.333333" in texts(draw(w * 2, digits=6).source)


@pytest.mark.parametrize("name", ['<b>&"quoted"</b>', "naïve ∂σ 日本", "back\\N\\slash", "{a|b}", "->", "  "])
def test_any_name_is_shown_as_it_is(name: str) -> None:
    w = ad.tensor(1.0, requires_grad=True, name=name)
    picture = draw((w * 2).named(name))
    svg = picture.pipe(format="svg", encoding="utf-8")
    shown = "".join(html.unescape(text) for text in re.findall(r"<text.*?>(.*?)</text>", svg))
    assert shown.replace("\xa0", " ").count(name) >= 2 if name.strip() else "θ₁" in shown


def test_names_that_cannot_be_shown_are_cut() -> None:
    w = ad.tensor(1.0, requires_grad=True, name="a\nb\x00c" + "x" * 100)
    title = texts(statements(draw(w * 2))["t0"])[0]
    assert title == "a b c" + "x" * 34 + "…"


def test_a_freed_graph_says_when_to_draw() -> None:
    _, loss = neuron()
    loss.backward()
    with pytest.raises(RuntimeError, match=r"Draw it before backward\(\), or pass retain_graph=True"):
        draw(loss)
    _, loss = neuron()
    loss.backward(retain_graph=True)
    draw(loss)


def test_what_has_no_graph_cannot_be_drawn() -> None:
    with pytest.raises(RuntimeError, match=r"output 0, a tensor of shape \(2,\), has no graph"):
        draw(ad.tensor([1.0, 2.0], requires_grad=True))
    with ad.no_grad(), pytest.raises(RuntimeError, match="no_grad"):
        draw(ad.tensor(1.0, requires_grad=True) * 2)


def test_wrong_arguments() -> None:
    _, loss = neuron()
    with pytest.raises(TypeError, match="expected tensors, got float as argument 1"):
        draw(loss, 1.0)
    with pytest.raises(ValueError, match="at least one tensor"):
        draw()
    with pytest.raises(ValueError, match="LR, TB, RL, BT, got 'left'"):
        draw(loss, direction="left")
    with pytest.raises(ValueError, match="digits"):
        draw(loss, digits=0)
    for wrong in (3, "w", loss, ["w"]):
        with pytest.raises(TypeError, match="params must be a module, a dict"):
            draw(loss, params=wrong)
    with pytest.raises(TypeError, match="got ndarray for 'w'"):
        draw(loss, params={"w": np.zeros(3)})


def test_a_change_in_place_is_told() -> None:
    w = ad.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with ad.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        draw(loss)


def test_what_was_changed_in_place_shows_what_it_was() -> None:
    w = ad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = w * 2
    y[0] = 5.0
    y += 1
    y.relu_()
    values = [
        node.content.value for node in computation([y.sum()]).diagram.nodes if isinstance(node, Step) and node.content
    ]
    assert values == [(("2", "4", "6"),), (("5", "4", "6"),), (("6", "5", "7"),), (("6", "5", "7"),)]


def test_each_element_of_a_gradient_stands_below_its_number() -> None:
    w = ad.tensor([1.0, 2.0], requires_grad=True, name="w")
    cells = re.sub("<FONT[^>]*>|</FONT>", "", draw((w * 3).sum().named("L")).source)
    number, label = '<TD ALIGN="RIGHT">{}</TD>', '<TD ALIGN="CENTER">{}</TD>'
    gap = '<TD WIDTH="10"></TD>'
    rows = [[label.format(" "), *map(number.format, "12")], [label.format("∂L/∂w"), *map(number.format, "33")]]
    assert "".join(f"<TR>{gap.join(row)}</TR>" for row in rows) in cells


def test_what_is_no_tensor_is_refused_with_what_to_write() -> None:
    w = ad.tensor([1.0, 2.0], requires_grad=True)
    loss, model = (w * w).sum(), nn.Linear(2, 1)
    for outputs, cure in (
        ((model,), r"draw\(model\(x\), params=model\)"),
        ((loss, model), r"draw\(loss, params=model\)"),
        (([loss],), r"draw\(\*outputs\)"),
        ((loss.item(),), r"without item\(\)"),
    ):
        with pytest.raises(TypeError, match=cure):
            draw(*outputs)
    for refused in (lambda: draw(w), lambda: ad.explain(w, w)):
        with pytest.raises(RuntimeError, match="it is a leaf"):
            refused()


def test_without_graphviz_the_package_to_install_is_named() -> None:
    code = "import sys; sys.modules['graphviz'] = None\nimport autodiff as ad\nad.draw"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'autodiff-numpy[pictures]'" in done.stderr


def test_every_path_of_a_sum_is_written_as_the_first() -> None:
    w = ad.tensor([1.0, 2.0, 3.0], requires_grad=True, name="w")
    y = w * 2
    y[0] = 5.0
    source = draw(((y * w + 1).relu() ** 2).sum(), derivatives=w).source
    assert source.count("|direct: along this arrow alone") == 1
    first = re.search(r'(<FONT COLOR="[^"]*" POINT-SIZE="12">)= onesᵀ', source)
    assert first is not None
    assert f"{first[1]}+ onesᵀ" in source


def test_a_long_chain_is_no_special_case() -> None:
    y = w = ad.tensor(1.0, requires_grad=True)
    for _ in range(3000):
        y = y * 1.0
    assert len(computation([y]).diagram.nodes) == 2 * 3000 + 2
    assert w.grad is None
