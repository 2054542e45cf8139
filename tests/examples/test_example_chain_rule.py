"""The gradients calculated by hand, those of autodiff and those of finite differences are the same; all is shown."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from examples import chain_rule
from examples._command import run


def call(*arguments: str | Path) -> int:
    """Run the program inside the test and return its exit code."""
    return run(lambda: chain_rule.main([str(argument) for argument in arguments]))


def slope(function: Callable[[float], float], at: float, step: float = 1e-6) -> float:
    """Return a derivative by central differences; their error is of the order of step²."""
    return (function(at + step) - function(at - step)) / (2 * step)


@pytest.mark.parametrize("seed", range(20))
def test_every_seed_agrees_by_hand_and_by_autodiff(seed: int) -> None:
    for lesson in chain_rule.draw_numbers(seed):
        rows = chain_rule.compare(lesson)
        assert len(rows) >= 4
        for name, by_hand, by_autodiff in rows:
            assert by_autodiff == pytest.approx(by_hand, rel=1e-13, abs=1e-15), name  # some ten roundings of 1e-16


def test_the_hand_calculation_is_the_slope_of_the_loss() -> None:
    x, w, b, y = 1.5, 0.8, -0.2, 1.0

    def neuron(w: float, b: float) -> float:
        return (1 / (1 + math.exp(-(w * x + b))) - y) ** 2 / 2

    by_hand = {name: value for name, value, _ in chain_rule.compare(chain_rule.one_neuron(x, w, b, y))}
    assert list(by_hand) == ["∂L/∂o", "∂L/∂z", "∂L/∂w", "∂L/∂b"]
    assert by_hand["∂L/∂w"] == pytest.approx(slope(lambda t: neuron(t, b), w), abs=1e-9)
    assert by_hand["∂L/∂b"] == pytest.approx(slope(lambda t: neuron(w, t), b), abs=1e-9)
    assert by_hand["∂L/∂w"] == pytest.approx(-0.07932, abs=5e-6)  # the number of the gallery

    def hidden(x: float, w1: float) -> float:
        h1, h2 = (1 / (1 + math.exp(-weight * x)) for weight in (w1, -0.3))
        return (1 / (1 + math.exp(-(0.6 * h1 - 1.2 * h2))) - y) ** 2 / 2

    found = chain_rule.compare(chain_rule.hidden_layer(x, (0.8, -0.3), (0.6, -1.2), y))
    by_hand = {name: value for name, value, _ in found}
    assert list(by_hand) == ["∂L/∂v₁", "∂L/∂v₂", "∂L/∂w₁", "∂L/∂w₂", "∂L/∂x"]
    assert by_hand["∂L/∂x"] == pytest.approx(slope(lambda t: hidden(t, 0.8), x), abs=1e-9)
    assert by_hand["∂L/∂w₁"] == pytest.approx(slope(lambda t: hidden(x, t), 0.8), abs=1e-9)


def test_softmax_and_cross_entropy_leave_p_minus_y() -> None:
    z = [2.0, 1.0, 0.1]
    total = sum(map(math.exp, z))
    rows = chain_rule.compare(chain_rule.softmax_and_loss(z, right=1))
    gradient = {name: by_autodiff for name, _, by_autodiff in rows}
    for i in range(3):
        assert gradient[f"∂L/∂z[{i}]"] == pytest.approx(math.exp(z[i]) / total - (i == 1), abs=1e-15)


@pytest.mark.parametrize("start", [("-m", "examples.chain_rule"), ("examples/chain_rule.py",)], ids=["module", "file"])
def test_it_starts_as_a_module_and_as_a_file(
    start: tuple[str, ...], program: Callable[..., CompletedProcess[str]]
) -> None:
    done = program(*start, "--help")
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in ("--seed", "--out", "--quick"))


def test_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], assert_picture: Callable[[Path], None]
) -> None:
    assert call("--quick", "--seed", 2, "--out", tmp_path / "new") == 0
    printed = capsys.readouterr().out
    assert "∂L/∂w = ∂L/∂o · ∂o/∂z · ∂z/∂w\n      = (o − y) · σ(z)(1 − σ(z)) · x\n" in printed
    rows = re.findall(r"^\| ∂L/∂\S+ +\| +(-?\d+\.\d{12}) \| +(-?\d+\.\d{12}) \| +(\d\.\de[-+]\d\d) \|$", printed, re.M)
    assert len(rows) == 4 + 5 + 6
    assert all(by_hand == by_autodiff and float(difference) < 1e-14 for by_hand, by_autodiff, difference in rows)
    assert "the gradients agree" in printed
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == [f"{name}.{kind}" for name in ("hidden", "neuron", "softmax") for kind in ("html", "png")]
    for name in ("neuron", "hidden", "softmax"):
        assert_picture(tmp_path / "new" / f"{name}.png")


def test_a_wrong_hand_calculation_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (right, *_) = chain_rule.draw_numbers(0)
    wrong = replace(right, by_hand={t: [2 * value for value in values] for t, values in right.by_hand.items()})
    monkeypatch.setattr(chain_rule, "draw_numbers", lambda seed: [wrong])
    assert call("--out", tmp_path) == 1
    assert "the gradients DIFFER" in capsys.readouterr().out


def test_out_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert call("--out", tmp_path / "file") == 2
    assert capsys.readouterr().err == f"error: cannot write to the folder {tmp_path / 'file'}: File exists\n"


@pytest.mark.parametrize("name", ["neuron.png", "softmax.html"])
def test_a_file_that_cannot_be_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).mkdir()  # a folder is in the way
    assert call("--out", tmp_path) == 2
    message = f"error: cannot write {tmp_path / name}: Is a directory\n"
    assert capsys.readouterr().err == message
