"""The studies of the seminar find what they are to show, print it beside each other and draw it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from examples import _seminar_pictures as pictures
from examples import seminar
from examples._command import run
from examples.seminar import Settings

ROW = re.compile(r"^\| ([^|]+?) +\|((?: +-?[\d.,]+(?: ± [\d.]+)? \|)+) +[\d.]+ s \|$", re.MULTILINE)


def call(*arguments: str | Path) -> int:
    """Run the program inside the test and return its exit code."""
    return run(lambda: seminar.main([str(argument) for argument in arguments]))


@pytest.mark.parametrize("seed", range(3))
def test_normalization_makes_the_accuracy_leap(seed: int) -> None:
    """Over ten seeds of 600 points, 71 to 79 % of all points without it, and with it 94.7 to 98 %."""
    found = {}
    for normalize in (False, True):
        result = seminar.train(Settings(points=600, seed=seed, data_seed=seed, epochs=100, normalize=normalize))
        _, classes = seminar.make_points(600, seed)
        found[normalize] = np.mean(classes == result.predictions), seminar.follows_third(result)
    assert 0.65 < found[False][0] < 0.8
    assert found[False][1] > 97  # the network looks at one feature only
    assert found[True][0] > 0.94
    assert found[True][1] < 85


def test_equal_units_stay_equal() -> None:
    short = Settings(points=200, epochs=5)
    assert seminar.distinct_units(seminar.train(replace(short, initialization="constant 0.5"))) == 1
    assert seminar.distinct_units(seminar.train(short)) == 16


@pytest.mark.parametrize("name", list(seminar.INITIALIZATIONS))
def test_weights_begin_as_their_name_says(name: str) -> None:
    weights = np.array(seminar.train(Settings(points=100, hidden=500, epochs=1, initialization=name)).before)
    assert weights.shape == (500, 5)
    kind, size = name.split()
    if kind == "constant":
        assert (weights == 0.5).all()
    elif kind == "normal":  # 2,500 numbers estimate a deviation to within 1.5 %
        assert weights.std() == pytest.approx(float(size), rel=0.06)
        assert abs(weights.mean()) < 0.1 * float(size)
    else:
        assert 0.49 < np.abs(weights).max() <= 0.5


def test_long_training_on_few_wrongly_labelled_points_overfits() -> None:
    variants = list(seminar.epochs(Settings()).values())
    assert [settings.epochs for settings in variants] == [2, 20, 1000]
    short, _, long = (seminar.train(replace(settings, seed=2)) for settings in variants)
    assert long.train[:2] == short.train  # the same run, only longer
    assert long.train[-1].accuracy > long.train[19].accuracy + 0.03
    assert long.validation[-1].accuracy < long.validation[19].accuracy - 0.03
    assert long.validation[-1].loss > 1.5 * long.validation[19].loss
    assert short.validation[-1].loss > long.validation[19].loss
    assert seminar.best_epoch(long) < 500


def test_a_picture_says_only_what_its_runs_show() -> None:
    falling_and_rising, falling = [1.0, 0.5, 0.9], [1.0, 0.6, 0.5]
    said = pictures.what_follows(np.array([falling_and_rising] * 3), lowest=1)
    assert said.startswith("In all 3, validation is worse at first than at the dashed line: underfitting")
    assert pictures.what_follows(np.array([falling_and_rising] * 2), lowest=1) == ""  # too few
    assert pictures.what_follows(np.array([falling_and_rising] * 2 + [falling]), lowest=1) == ""  # not in all


@pytest.mark.parametrize("repeats", [1, 2])
def test_curves_say_how_many_runs_they_are_of(repeats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(pictures.plots, "save", lambda figure, path: found.append(figure))
    base = Settings(points=100, epochs=10)
    for name in ("batch", "epochs", "order"):
        study = seminar.STUDIES[name]
        study.draw(seminar.conduct(study, base, repeats, jobs=1), Path("unused.png"))
    said = "Lines: of one run" if repeats == 1 else "Lines: means of 2 runs; shades: from the lowest to the highest"
    assert [figure.get_suptitle() for figure in found] == [said] * 3
    mean = "" if repeats == 1 else "mean "
    (dashed,) = (line.get_label() for line in found[1].axes[0].lines if line.get_linestyle() == "--")
    assert re.fullmatch(rf"lowest {mean}validation loss: epoch \d+", dashed)


def test_sorted_classes_are_forgotten() -> None:
    variants = seminar.order(Settings(points=400, epochs=200))
    accuracy = {name: seminar.train(settings).train[-1].accuracy for name, settings in variants.items()}
    assert accuracy["shuffled every epoch"] > 0.9
    assert accuracy["sorted by class"] < accuracy["shuffled every epoch"] - 0.1


def test_the_three_sets_are_disjoint_and_the_seed_decides_on_them() -> None:
    settings = Settings(points=250, train_share=0.7, validation_share=0.1)
    parts = seminar.split(settings)
    assert [len(part) for part in parts] == [175, 25, 50]
    assert sorted(np.concatenate(parts)) == list(range(250))
    assert all((a == b).all() for a, b in zip(parts, seminar.split(settings), strict=True))
    assert (parts[0] != seminar.split(replace(settings, seed=1))[0]).any()


def test_normalization_knows_the_training_set_only() -> None:
    points = np.array([[0, 10, 5], [2, 20, 5.5], [4, 0, 6]], np.float32)
    scaled = seminar.min_max(points, np.array([0, 1]))
    np.testing.assert_allclose(scaled, [[0, 0, 0], [1, 1, 1], [2, -1, 2]])
    assert scaled.dtype == np.float32


def test_the_points_are_those_described() -> None:
    points, classes = seminar.make_points(2000, seed=0)
    again, _ = seminar.make_points(2000, seed=0)
    np.testing.assert_array_equal(points, again)
    assert points.shape == (2000, 3)
    np.testing.assert_allclose(np.abs(points).max(axis=0), seminar.SCALES, rtol=0.01)
    assert classes.mean() == pytest.approx(0.5, abs=0.05)
    assert np.mean((points[:, 2] > 0) == classes) == pytest.approx(0.735, abs=0.025)  # the reference's 73 %


@pytest.mark.parametrize("start", [("-m", "examples.seminar"), ("examples/seminar.py",)], ids=["module", "file"])
def test_it_starts_as_a_module_and_as_a_file(
    start: tuple[str, ...], program: Callable[..., CompletedProcess[str]]
) -> None:
    done = program(*start, "--help")
    assert done.returncode == 0, done.stderr
    assert all(option in done.stdout for option in ("--seed", "--out", "--quick", "--jobs", *seminar.STUDIES))


@pytest.mark.parametrize("name", list(seminar.STUDIES))
def test_every_study_prints_its_variants_and_draws_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], assert_picture: Callable[[Path], None]
) -> None:
    assert call(name, "--quick", "--points", 150, "--epochs", 10, "--out", tmp_path / "new") == 0
    rows = ROW.findall(capsys.readouterr().out)
    assert [label for label, _ in rows] == list(seminar.STUDIES[name].variants(Settings(points=150, epochs=10)))
    for _, cells in rows:
        accuracies = [float(cell) for cell in cells.split("|")[:3]]
        assert all(0 <= accuracy <= 100 for accuracy in accuracies)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"{name}.png"]
    assert_picture(tmp_path / "new" / f"{name}.png")


def test_quick_shows_the_leap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("normalization", "--quick", "--out", tmp_path) == 0
    printed = capsys.readouterr().out
    assert "the sign of the third alone gives 72.6% of them their class" in printed
    rows = {label: [float(cell) for cell in cells.split("|")[:4]] for label, cells in ROW.findall(printed)}
    assert [row[3] for row in rows.values()] == [73, 98] * 2  # the reference's
    train = {label: row[0] for label, row in rows.items()}
    assert train["500 points, as they come"] < 80
    assert train["500 points, min-max normalized"] > 93


def test_repeated_runs_are_averaged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("split", "--points", 100, "--epochs", 10, "--repeats", 2, "--out", tmp_path) == 0
    rows = ROW.findall(capsys.readouterr().out)
    assert len(rows) == 5
    assert all(cells.count("±") == 3 for _, cells in rows)
    assert seminar.spread([1.0, 2.0, 3.0]) == "2.0 ± 1.0"
    assert seminar.spread([1.0]) == "1.0"


def test_the_architecture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], assert_picture: Callable[[Path], None]
) -> None:
    assert call("architecture", "--quick", "--points", 100, "--epochs", 10, "--out", tmp_path) == 0
    assert "Parameters: 98, of which 98 are learned" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["architecture.png", "network.png"]
    for path in tmp_path.iterdir():
        assert_picture(path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_loss_that_runs_away_is_reported(jobs: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("batch", "--quick", "--lr", "1e39", "--jobs", jobs, "--out", tmp_path) == 2
    assert re.fullmatch(r"error: the loss became (nan|inf) in epoch 1: try a smaller --lr\n", capsys.readouterr().err)


def test_a_program_started_as_a_file_shares_its_runs_among_processes(
    tmp_path: Path, program: Callable[..., CompletedProcess[str]]
) -> None:
    """Its functions then belong to __main__, which the other processes do not have."""
    file = Path(seminar.__file__)
    done = program(
        file, "split", "--quick", "--points", "100", "--epochs", "10", "--jobs", "2", "--out", "out", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert len(ROW.findall(done.stdout)) == 5
    assert (tmp_path / "out" / "split.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["magic"], "invalid choice: 'magic'"),
        (["--points", "99"], "--points: expected an integer of at least 100, got '99'"),
        (["--jobs", "-2"], "--jobs: expected an integer of at least 1, or -1 for as many as there are cores, got '-2'"),
        (["--lr", "0"], "--lr: expected a number above 0, got '0'"),
    ],
)
def test_a_bad_option_is_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("module", ["matplotlib", "tqdm", "joblib", "threadpoolctl"])
def test_a_missing_package_is_named(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what the import system takes for "not there"
    assert call("--out", tmp_path / "out") == 2
    message = f"error: this example needs {module}: install with  pip install 'autodiff-numpy[examples]'\n"
    assert capsys.readouterr().err == message


def test_out_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert call("--out", tmp_path / "file") == 2
    assert capsys.readouterr().err == f"error: cannot write to the folder {tmp_path / 'file'}: File exists\n"
