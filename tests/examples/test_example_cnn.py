"""The convolutional network learns, reports and draws, on whatever images there are."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import autodiff as ad
import nn
from examples import cnn
from examples._command import run
from examples._images import Images, load_digits

EPOCH = re.compile(r"^ *(\d+) +([\d.]+) +([\d.]+)% +([\d.]+) +([\d.]+)% +[\d.]+ s$", re.MULTILINE)


def call(*arguments: str | Path) -> int:
    """Run the program inside the test and return its exit code."""
    return run(lambda: cnn.main([str(argument) for argument in arguments]))


def test_the_program(
    tmp_path: Path, program: Callable[..., CompletedProcess[str]], assert_picture: Callable[[Path], None]
) -> None:
    pytest.importorskip("sklearn", reason="the images come with scikit-learn")
    options = ("--data", "digits", "--quick", "--batch-size", "16", "--lr", "0.005", "--shift", "0")
    out = tmp_path / "out"
    done = program("examples/cnn.py", *options, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "scikit-learn digits: 1,437 training, 360 test images, 8 x 8" in done.stdout
    epochs = EPOCH.findall(done.stdout)
    assert [int(epoch[0]) for epoch in epochs] == [1, 2]
    assert float(epochs[1][1]) < float(epochs[0][1])
    accuracy = float(epochs[1][4])
    assert accuracy > 85  # over three seeds 93.1 to 95.8 %
    assert re.search(rf"\| scikit-learn digits +\| none with --quick +\| +{accuracy:.2f}% \|", done.stdout)
    names = ["confusion.png", "curves.png", "filters.png", "graph.png", "predictions.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    for path in out.iterdir():
        assert_picture(path)


def test_it_prefers_mnist(mnist_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--quick", "--batch-size", "7", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "MNIST: 40 training, 20 test images, 28 x 28" in printed
    assert "18,378 parameters" in printed  # 16 x 26 + 32 x (400 + 1) + 10 x (512 + 1)


@pytest.mark.parametrize(("height", "side"), [(28, 4), (8, 2)])
def test_the_network_fits_the_images(height: int, side: int) -> None:
    model = cnn.build_network(height)
    kinds = [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    assert [type(layer) for layer in model] == [*kinds, *kinds, nn.Flatten, nn.Linear]
    assert model[7].in_features == 32 * side * side
    assert model(ad.zeros(3, 1, height, height)).shape == (3, 10)


def test_every_image_is_dealt_once_as_one_channel() -> None:
    pixels = np.arange(10, dtype=np.uint8)[:, None, None] * np.ones((5, 4), np.uint8)
    images = Images(pixels, np.arange(10), full=10)
    batches = list(cnn.shuffled_batches(images, 4, 0, np.random.default_rng(0)))
    assert [batch.shape for batch, _ in batches] == [(4, 1, 5, 4), (4, 1, 5, 4), (2, 1, 5, 4)]
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(labels) == list(range(10))
    assert list(labels) != list(range(10))
    seen = np.concatenate([batch for batch, _ in batches])
    np.testing.assert_allclose(seen[:, 0, 0, 0], labels / 10, rtol=1e-6)  # each image kept its label


def test_a_seed_repeats_the_run() -> None:
    pytest.importorskip("sklearn", reason="the images come with scikit-learn")
    histories = []
    for seed in ("4", "4", "5"):
        options = cnn.parse_options(["--epochs", "1", "--batch-size", "128", "--shift", "0", "--seed", seed])
        ad.manual_seed(options.seed)
        histories.append(cnn.train(cnn.build_network(8), load_digits(0), options))
    first, second, other = histories
    assert first == second
    assert first.steps != other.steps


def test_a_score_is_loss_and_share_of_right_answers() -> None:
    score = cnn.score(np.log(np.array([[1, 3], [1, 1], [3, 1]], np.float32)), np.array([1, 0, 1]))
    assert score.loss == pytest.approx(np.mean(np.log([4 / 3, 2, 4])), rel=1e-6)  # float32
    assert score.accuracy == pytest.approx(2 / 3)


def test_a_loss_that_runs_away_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="the images come with scikit-learn")
    assert call("--data", "digits", "--quick", "--lr", "1e30", "--out", tmp_path) == 2
    assert re.fullmatch(r"error: the loss became (nan|inf) in epoch 1: try a smaller --lr\n", capsys.readouterr().err)


def test_mnist_without_a_way_to_get_it(program: Callable[..., CompletedProcess[str]], tmp_path: Path) -> None:
    done = program("-m", "examples.cnn", "--data", "mnist", "--out", tmp_path / "out")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.endswith("set MNIST_DIR to their folder")


def test_out_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert call("--quick", "--data", "digits", "--out", tmp_path / "file") == 2
    assert capsys.readouterr() == ("", f"error: cannot write to the folder {tmp_path / 'file'}: File exists\n")


@pytest.mark.parametrize("name", ["curves.png", "graph.png"])
def test_a_picture_that_cannot_be_written(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="the images come with scikit-learn")
    (tmp_path / name).mkdir()
    assert call("--data", "digits", "--quick", "--out", tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: cannot write {tmp_path / name}: Is a directory"


@pytest.mark.parametrize("module", ["matplotlib", "sklearn", "tqdm"])
def test_a_missing_package_is_named(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what the import system takes for "not there"
    assert call("--quick", "--data", "digits", "--out", tmp_path) == 2
    message = f"error: this example needs {module}: install with  pip install 'autodiff-numpy[examples]'\n"
    assert capsys.readouterr() == ("", message)
