"""The LSTM learns to write backwards, and gradients explode where nothing limits them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import autodiff as ad
from examples import rnn
from examples._command import run


def test_the_program(
    tmp_path: Path, program: Callable[..., CompletedProcess[str]], assert_picture: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    done = program("examples/rnn.py", "--quick", "--steps", "200", "--out", out)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\| lstm +\| +95% \| +(9\d\.\d|100\.0)% \| yes +\|", done.stdout)
    answers = re.findall(r"^(\d{3}) -> (\d{3})$", done.stdout, re.MULTILINE)
    assert len(answers) == 3
    assert sum(read == written[::-1] for read, written in answers) >= 2
    assert re.search(r"\| as it is \| +\S+ \| +\d \| +\S+ \| (nan|inf)", done.stdout)
    assert re.search(r"\| clipped +\| +\S+ \| +200 \|", done.stdout)
    assert sorted(path.name for path in out.iterdir()) == ["gradients.png", "graph.png", "loss.png"]
    for path in out.iterdir():
        assert_picture(path)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_every_cell_learns_and_a_seed_repeats_it(cell: str) -> None:
    curves = []
    for _ in range(2):
        options = rnn.parse_options(["--cell", cell, "--length", "2", "--steps", "60", "--hidden", "32"])
        ad.manual_seed(options.seed)
        curves.append(rnn.train(rnn.Writer(cell, options.hidden), options))
    assert curves[0] == curves[1]
    assert curves[0][-1] < 0.5 * curves[0][0]


def test_the_answer_is_the_question_backwards() -> None:
    question, answer = rnn.questions(5, 7, np.random.default_rng(0))
    assert question.shape == answer.shape == (5, 7)
    np.testing.assert_array_equal(question.numpy()[::-1], answer.numpy())


def test_with_the_right_digits_before_it_and_with_its_own_the_network_is_the_same() -> None:
    model = rnn.Writer("gru", 8)
    question, _ = rnn.questions(4, 6, np.random.default_rng(0))
    written = model.write(question)
    again = model(question, ad.tensor(written)).detach().numpy().argmax(axis=-1)
    np.testing.assert_array_equal(again, written)


@pytest.mark.parametrize("seed", range(3))
def test_clipping_decides_whether_the_averager_learns(seed: int) -> None:
    free, limited = rnn.descend(None, 200, seed), rnn.descend(1.0, 200, seed)
    assert len(free.losses) < 20
    assert not np.isfinite(free.losses[-1])
    assert len(limited.losses) == 200
    assert max(limited.norms) > 1e3
    assert limited.losses[-1] < 1e-3 * limited.losses[0]


def test_a_gradient_grows_with_each_step_it_goes_back() -> None:
    ad.manual_seed(0)
    model = rnn.Averager(4)
    x = ad.ones(30, 1, 1, requires_grad=True)
    model(x).sum().backward()
    assert x.grad is not None
    sizes = np.abs(x.grad.numpy()[:, 0, 0])
    np.testing.assert_allclose(sizes[5:15] / sizes[6:16], 1.1, rtol=1e-4)


def test_a_loss_that_runs_away_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--quick", "--lr", "1e38", "--cell", "rnn", "--out", str(tmp_path)]
    assert run(lambda: rnn.main(arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"error: the loss became (nan|inf) in step \d+: try a smaller --lr", line)
