"""The XOR program learns the truth table from every start, prints it and draws what it says it draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import autodiff as ad
from examples import xor
from examples._command import run


@pytest.mark.parametrize("seed", range(20))
def test_every_seed_solves_xor(seed: int) -> None:
    ad.manual_seed(seed)
    model = xor.build_network()
    losses = xor.train(model)
    predictions = xor.probabilities(model, xor.INPUTS)
    # Far more than the right side of 0.5; over 150 seeds the worst error seen was 0.002.
    np.testing.assert_allclose(predictions, [0, 1, 1, 0], atol=0.05)
    assert losses[-1] < 0.01 < losses[0]


def test_a_seed_repeats_the_run() -> None:
    curves = []
    for _ in range(2):
        ad.manual_seed(7)
        curves.append(xor.train(xor.build_network(), steps=5))
    assert curves[0] == curves[1]


@pytest.mark.parametrize("as_module", [True, False], ids=["python -m examples.xor", "python examples/xor.py"])
def test_the_program(
    as_module: bool,
    tmp_path: Path,
    program: Callable[..., CompletedProcess[str]],
    assert_picture: Callable[[Path], None],
) -> None:
    start = ("-m", "examples.xor") if as_module else ("examples/xor.py",)
    out = tmp_path / "new" / "folder"
    done = program(*start, "--seed", "3", "--out", out)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:5]]
    assert [row[:3] + row[-1:] for row in rows] == [
        ["0", "0", "0", "0"],
        ["0", "1", "1", "1"],
        ["1", "0", "1", "1"],
        ["1", "1", "0", "0"],
    ]
    assert "solved after 200 steps" in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["boundary.png", "graph.png", "loss.png"]
    for path in out.iterdir():
        assert_picture(path)


@pytest.mark.parametrize("name", ["graph.png", "loss.png"])
def test_a_picture_that_cannot_be_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).mkdir()
    assert run(lambda: xor.main(["--out", str(tmp_path)])) == 2
    assert capsys.readouterr().err == f"error: cannot write {tmp_path / name}: Is a directory\n"
