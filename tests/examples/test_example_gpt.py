"""The GPT learns, writes, resumes where it stopped, and trains as PyTorch does."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import autodiff as ad
from examples import gpt
from examples._command import run
from examples._gpt_model import Shape, attention_maps, build_network, decay_groups, generate
from examples._text import Text, load_text, pieces

SMALL = ("--layers", "1", "--heads", "2", "--width", "8", "--context", "8", "--batch-size", "4", "--warmup", "3")


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """Return a file with a text that is easy to learn."""
    path = tmp_path / "text.txt"
    path.write_text("abc de. " * 200, encoding="utf-8")
    return path


def trainer(text: Text, *arguments: str) -> gpt.Trainer:
    """Return a trainer of a small network, as the program makes it."""
    options = gpt.parse_options([*SMALL, *arguments])
    ad.manual_seed(options.seed)
    shape = Shape(len(text.characters), options.context, options.layers, options.heads, options.width, options.dropout)
    return gpt.Trainer(build_network(shape), text, options)


def test_the_program(
    tmp_path: Path,
    text_file: Path,
    program: Callable[..., CompletedProcess[str]],
    assert_picture: Callable[[Path], None],
) -> None:
    out = tmp_path / "out"
    options = ("--text", text_file, *SMALL, "--every", "20", "--lr", "0.01", "--out", out)
    done = program("examples/gpt.py", *options, "--steps", "40")
    assert done.returncode == 0, done.stderr
    assert "1,600 characters, 7 different ones" in done.stdout
    lines = re.findall(r"^ +(\d+) +([\d.]+) +([\d.]+) +\de-\d\d +[\d.]+ ms", done.stdout, re.MULTILINE)
    assert [int(line[0]) for line in lines] == [20, 40]
    assert float(lines[1][2]) < float(lines[0][2]) < 1.95  # log 7, the loss of a guess: it learns
    assert sorted(path.name for path in out.iterdir()) == ["attention.png", gpt.CHECKPOINT, "curves.png", "graph.png"]
    for path in out.glob("*.png"):
        assert_picture(path)
    done = program("examples/gpt.py", *options, "--steps", "60", "--resume")
    assert done.returncode == 0, done.stderr
    assert "resumed    after step 40" in done.stdout
    assert re.search(r"^ +60 ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("dropout", ["0", "0.2"])
def test_a_run_that_is_resumed_goes_on_as_if_it_had_not_stopped(text_file: Path, tmp_path: Path, dropout: str) -> None:
    text, options = load_text(text_file), ("--steps", "10", "--dropout", dropout)
    whole = trainer(text, *options)
    for _ in range(10):
        whole.step()
    first, second = trainer(text, *options), trainer(text, *options, "--seed", "0")
    for _ in range(4):
        first.step()
    first.save(tmp_path / "state.safetensors")
    second.load(tmp_path / "state.safetensors")
    for _ in range(6):
        second.step()
    assert second.progress.losses == whole.progress.losses


def test_losses_equal_pytorchs(text_file: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    arguments = ["--text", str(text_file), *SMALL, "--compare", "--steps", "100", "--out", str(tmp_path)]
    assert run(lambda: gpt.main(arguments)) == 0
    printed = capsys.readouterr().out
    difference = re.search(r"largest difference of a loss: (\S+)", printed)
    assert difference is not None
    assert float(difference[1]) < 1e-4  # float32, over 100 steps
    losses = re.search(r"\| autodiff \| +([\d.]+) \| +([\d.]+) \|", printed)
    assert losses is not None
    assert float(losses[2]) < float(losses[1]) - 0.3


def test_the_learning_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    factor = gpt.warmed_cosine(10, 110)
    assert [factor(0), factor(4), factor(9)] == pytest.approx([0.1, 0.5, 1.0])
    assert [factor(10), factor(60), factor(110), factor(500)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_matrices_alone_decay() -> None:
    model = build_network(Shape(5, 8, 2, 2, 4))
    decaying, others = decay_groups(model, 0.1)
    assert {p.ndim for p in decaying["params"]} == {2}
    assert {p.ndim for p in others["params"]} == {1}
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert len(decaying["params"]) + len(others["params"]) == len(list(model.parameters()))


def test_what_is_added_to_the_sum_starts_small() -> None:
    ad.manual_seed(0)
    model = build_network(Shape(50, 8, 8, 2, 64))
    inner, added = (dict(model.named_parameters())[f"h.0.mlp.{name}.weight"].detach() for name in ("c_fc", "c_proj"))
    assert inner.numpy().std() == pytest.approx(0.02, rel=0.05)
    assert added.numpy().std() == pytest.approx(0.02 / 4, rel=0.05)


def test_a_token_sees_only_what_is_before_it() -> None:
    model = build_network(Shape(5, 8, 2, 2, 4))
    maps = attention_maps(model, np.array([0, 1, 2, 3, 4, 0]))
    assert maps.shape == (2, 2, 6, 6)
    np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
    assert not maps[..., np.triu_indices(6, 1)[0], np.triu_indices(6, 1)[1]].any()
    assert model.training
    tokens = np.array([[0, 1, 2, 3]])
    changed = np.array([[0, 1, 4, 4]])
    before, after = (model(ad.tensor(t)).detach().numpy()[0, :2] for t in (tokens, changed))
    np.testing.assert_array_equal(before, after)


def test_it_writes_what_is_likely(text_file: Path) -> None:
    text = load_text(text_file)
    it = trainer(text, "--steps", "150", "--lr", "0.02")
    for _ in range(150):
        it.step()
    assert text.decode(generate(it.model, text.encode("abc "), 12, np.random.default_rng(0), 0.1)) == "de. abc de. "
    drawn = generate(it.model, text.encode("a"), 5, np.random.default_rng(0), top=1)
    assert text.decode(drawn) == "bc de"
    assert it.sample(3, "€") == it.sample(3, text.decode(text.tokens[:1]))  # a prompt of unknown characters


def test_pieces_come_with_what_follows() -> None:
    tokens = np.arange(100)
    inputs, targets = pieces(tokens, 50, 7, np.random.default_rng(0))
    assert inputs.shape == targets.shape == (50, 7)
    np.testing.assert_array_equal(targets, inputs + 1)
    assert inputs.min() < 10
    assert targets.max() > 90


def test_the_text_that_comes_with_python() -> None:
    text = load_text(None)
    assert len(text.tokens) > 100_000
    assert text.decode(text.encode("def f(x):")) == "def f(x):"
    learned, tested = text.halves()
    assert len(learned) + len(tested) == len(text.tokens)
    assert len(tested) == pytest.approx(len(text.tokens) / 10, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--text", "no/such/file"], "cannot read no/such/file: No such file or directory"),
        (["--width", "6", "--heads", "4"], "--width 6 is no multiple of --heads 4"),
        (["--resume"], "cannot resume from"),
        (["--context", "1000"], "at least 20000 are needed"),
    ],
)
def test_what_the_user_can_put_right(
    arguments: list[str], named: str, text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(lambda: gpt.main(["--text", str(text_file), "--out", str(tmp_path), *arguments])) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_a_checkpoint_of_another_text_is_refused(text_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    trainer(load_text(text_file)).save(path)
    other = tmp_path / "other.txt"
    other.write_text("xyzuvwkl" * 50)
    with pytest.raises(gpt.ExampleError, match="is of another text"):
        trainer(load_text(other)).load(path)


def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what the import system takes for "not there"
    assert run(lambda: gpt.main(["--compare", "--out", str(tmp_path)])) == 2
    assert capsys.readouterr().err == "error: --compare needs torch: install with  pip install torch\n"
