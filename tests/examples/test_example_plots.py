"""The pictures of the programs keep their colours, and say in one line why they cannot be written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import autodiff as ad
from examples import _plots as plots
from examples._command import ExampleError

image = pytest.importorskip("matplotlib.image", reason="the pictures need matplotlib")


def test_a_picture_keeps_its_colours(tmp_path: Path) -> None:
    figure = plots.new_figure(3, 2)
    axes = figure.subplots()
    for height, colour in enumerate(plots.CYCLE):
        axes.plot([0, 1], [height, height], color=colour, linewidth=2)
        axes.fill_between([0, 1], height - 0.3, height + 0.3, color=colour, alpha=0.15)
    plots.save(figure, tmp_path / "lines.png")
    pixels = (255 * image.imread(tmp_path / "lines.png")[..., :3]).round().astype(int).reshape(-1, 3)
    found = {f"#{red:02X}{green:02X}{blue:02X}" for red, green, blue in pixels}
    assert found >= set(plots.CYCLE)


def test_what_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "graph.png"
    path.mkdir()
    graph = ad.draw(ad.tensor(1.0, requires_grad=True, name="x").exp().named("y"))
    for write in (lambda: plots.save_graph(graph, path), lambda: plots.save(plots.new_figure(1, 1), path)):
        with pytest.raises(ExampleError) as caught:
            write()
        assert str(caught.value) == f"cannot write {path}: Is a directory"


def test_graphviz_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)  # what the import system takes for "not there"
    monkeypatch.setenv("PATH", "")
    graph = ad.draw(ad.tensor(1.0, requires_grad=True, name="x").exp().named("y"))
    with pytest.raises(ExampleError, match=r"cannot write .*graph.png: draw: a picture needs Graphviz, but .*install"):
        plots.save_graph(graph, tmp_path / "graph.png")
    assert not list(tmp_path.iterdir())
