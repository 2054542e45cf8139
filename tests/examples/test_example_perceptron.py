"""The perceptron learns what a line can divide and nothing else, and the program shows it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from matplotlib.figure import Figure

import autodiff as ad
import nn
from examples import perceptron
from examples._command import run


def call(*arguments: str | Path) -> int:
    """Run the program inside the test and return its exit code."""
    return run(lambda: perceptron.main([str(argument) for argument in arguments]))


@pytest.mark.parametrize("seed", range(10))
def test_every_seed_learns_and_and_or_but_not_xor(seed: int) -> None:
    ad.manual_seed(seed)
    trained = {gate: perceptron.train_perceptron(gate, epochs=100, lr=0.1) for gate in perceptron.GATES}
    for gate in ("AND", "OR"):
        assert trained[gate].mistakes[-1] == 0
        assert trained[gate].right == 4
    assert len(trained["XOR"].mistakes) == 100
    assert min(trained["XOR"].mistakes) > 0  # an epoch without one would mean a line that divides XOR
    assert trained["XOR"].right <= 3


@pytest.mark.parametrize("seed", range(10))
def test_every_seed_of_the_mlp_learns_xor(seed: int) -> None:
    ad.manual_seed(seed)
    trained = perceptron.train_mlp("XOR", epochs=200, lr=0.1)
    assert trained.right == 4
    assert trained.mistakes[-1] == 0


def test_the_rule_moves_the_weights_by_the_error_times_the_input() -> None:
    """By hand, on AND from w = (1, 1), b = -0.5, with a rate of 1/4, in the order 00, 01, 10, 11."""
    ad.manual_seed(0)
    model = perceptron.build_perceptron()
    nn.init.constant_(model[0].weight, 1.0)
    nn.init.constant_(model[0].bias, -0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perceptron, "build_perceptron", lambda: model)
        trained = perceptron.train_perceptron("AND", epochs=1, lr=0.25)
    # 00: sum -0.5, right. 01: sum 0.5, error -1: w = (1, 0.75), b = -0.75. 10: sum 0.25, error -1: w = (0.75, 0.75),
    # b = -1. 11: sum 0.5, right. All numbers are multiples of 1/4 and exact.
    assert trained.mistakes == [2]
    np.testing.assert_array_equal(model[0].weight.detach().numpy(), [[0.75, 0.75]])
    np.testing.assert_array_equal(model[0].bias.detach().numpy(), [-1.0])


def test_a_seed_repeats_the_run() -> None:
    found = []
    for _ in range(2):
        ad.manual_seed(5)
        found.append(perceptron.train_perceptron("OR", epochs=50, lr=0.1).model[0].weight.detach().numpy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("start", [("-m", "examples.perceptron"), ("examples/perceptron.py",)], ids=["module", "file"])
def test_it_starts_as_a_module_and_as_a_file(
    start: tuple[str, ...], program: Callable[..., CompletedProcess[str]]
) -> None:
    done = program(*start, "--help")
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in ("--seed", "--out", "--quick", "--lr"))


def test_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], assert_picture: Callable[[Path], None]
) -> None:
    assert call("--quick", "--seed", 3, "--out", tmp_path / "new") == 0
    printed = capsys.readouterr().out
    rows = re.findall(
        r"^\| (AND|OR|XOR) +\| (perceptron|2-4-1 MLP) +\| +(\d+) \| (\d) of 4 .*?(learns it|cannot) +\|$", printed, re.M
    )
    assert [(gate, network, reference) for gate, network, _, _, reference in rows] == [
        ("AND", "perceptron", "learns it"),
        ("OR", "perceptron", "learns it"),
        ("XOR", "perceptron", "cannot"),
        ("XOR", "2-4-1 MLP", "learns it"),
    ]
    assert [int(row[3]) == 4 for row in rows] == [True, True, False, True]
    assert int(rows[2][2]) == 25
    last, right = re.search(
        r"the last epoch counted (\d), the line it\nended with gets (\d) of 4 right", printed
    ).groups()
    assert right == rows[2][3]
    assert 1 <= int(last) <= 4
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["decisions.png", "mistakes.png", "step.png"]
    for path in (tmp_path / "new").iterdir():
        assert_picture(path)


def test_a_perceptron_that_cannot_finish_is_reported(tmp_path: Path) -> None:
    assert call("--epochs", 1, "--lr", "1e-9", "--seed", 0, "--out", tmp_path) == 1


def drawn(monkeypatch: pytest.MonkeyPatch, draw: Callable[..., None], *arguments: object) -> Figure:
    """Return the figure that a function draws, instead of writing it."""
    found: list[Figure] = []
    monkeypatch.setattr(perceptron.plots, "save", lambda figure, path: found.append(figure))
    draw(*arguments, Path("unused.png"))
    return found[0]


def test_rows_on_the_wrong_side_are_crossed_on_every_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    model = perceptron.build_perceptron()
    with ad.no_grad():
        model[0].weight.copy_(ad.tensor([[1.0, 0.0]]))
        model[0].bias.fill_(-0.5)
    result = perceptron.Trained("XOR", "perceptron", model, [2])
    figure = drawn(monkeypatch, perceptron.draw_decisions, [result, result])
    assert "0 on orange, 1 on purple" in figure.get_suptitle()
    crosses = [marks for marks in figure.axes[0].collections if len(marks.get_offsets()) == 2][-2:]
    assert [marks.get_edgecolor()[0].tolist() for marks in crosses] == [[1, 1, 1, 1], [0, 0, 0, 1]]  # white under black
    assert crosses[0].get_linewidth()[0] > crosses[1].get_linewidth()[0]
    for marks in crosses:
        np.testing.assert_array_equal(marks.get_offsets(), [[0, 1], [1, 1]])


@pytest.mark.parametrize(("epochs", "title"), [(30, "mistakes, first 20 of 30 epochs"), (15, "mistakes")])
def test_the_picture_of_mistakes_says_how_far_it_goes(epochs: int, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ad.manual_seed(0)
    results = [perceptron.train_perceptron(gate, epochs, lr=0.1) for gate in perceptron.GATES]
    figure = drawn(monkeypatch, perceptron.draw_mistakes, results)
    assert figure.axes[0].get_title(loc="left").endswith(title)


@pytest.mark.parametrize("weights", [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_lines_of_any_direction_are_drawn(
    weights: tuple[float, float], tmp_path: Path, assert_picture: Callable[[Path], None]
) -> None:
    model = perceptron.build_perceptron()
    with ad.no_grad():
        model[0].weight.copy_(ad.tensor([weights]))
    perceptron.draw_decisions([perceptron.Trained("AND", "perceptron", model, [1])] * 2, tmp_path / "lines.png")
    assert_picture(tmp_path / "lines.png")


def test_out_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert call("--out", tmp_path / "file") == 2
    assert capsys.readouterr().err == f"error: cannot write to the folder {tmp_path / 'file'}: File exists\n"


def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # what the import system takes for "not there"
    assert call("--out", tmp_path / "out") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "error: this example needs matplotlib: install with  pip install 'autodiff-numpy[examples]'"
