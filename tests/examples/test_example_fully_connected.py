"""The studies of fully connected networks measure what they say: gradients, scales, optimizers, steps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

import autodiff as ad
import nn
from examples import fully_connected as study
from examples._command import run

pytest.importorskip("sklearn", reason="the images come with scikit-learn")

Table = dict[str, list[str]]


@pytest.fixture(scope="module")
def data() -> study.Data:
    return study.load_data(0)


def call(*arguments: str | Path) -> int:
    """Run the program inside the test and return its exit code."""
    return run(lambda: study.main([str(argument) for argument in arguments]))


def tables(printed: str) -> list[Table]:
    """Return the tables a program has printed: the cells of each row by the row's first cell."""
    blocks = [[line for line in block.splitlines() if line.startswith("|")] for block in printed.split("\n\n")]
    cells = [[[cell.strip() for cell in line.split("|")[1:-1]] for line in block] for block in blocks if block]
    return [{row[0]: row[1:] for row in block if not row[0].startswith("---")} for block in cells]


def test_the_program(
    tmp_path: Path, program: Callable[..., CompletedProcess[str]], assert_picture: Callable[[Path], None]
) -> None:
    out = tmp_path / "out"
    done = program("examples/fully_connected.py", "--quick", "--out", out)
    assert done.returncode == 0, done.stderr
    check, network, scales, optimizers, constant, factors = tables(done.stdout)

    errors = [
        float(cell) for name, row in check.items() if name != "relative error of gradients" for cell in row if cell
    ]
    assert len(errors) == 5 * 2 + 2 * 2  # weights and biases of five networks, and what two norms add
    assert max(errors) < 1e-7  # central differences in float64 with steps of 1e-6: 3e-9 seen

    assert [row[3][-1] for row in list(network.values())[1:]] == ["%"] * 5
    assert all(float(row[3][:-1]) > 90 for row in list(network.values())[1:])  # the lowest seen was 94.2

    reached = {name: int(row[1].split()[0]) for name, row in scales.items() if "layers" in name}
    assert reached["5 layers, no norm"] < reached["5 layers, batch norm"]
    assert reached["3 layers, no norm"] < reached["3 layers, batch norm"]

    losses = {name: float(row[0]) for name, row in list(optimizers.items())[1:]}
    assert losses["Adam"] < losses["Momentum"] < losses["SGD"]
    assert losses["RMSprop"] < losses["SGD"]

    assert constant["100"] == ["0.001000", "0.001000", "0.010000"]
    first, last = (float(factors["AdaGrad"][i]) for i in (0, -1))
    assert last < first / 2
    assert float(factors["Adam"][-1]) > 2 * last

    assert sorted(path.name for path in out.iterdir()) == ["network.png", "optimizers.png", "scales.png", "steps.png"]
    for path in out.iterdir():
        assert_picture(path)


def test_a_network_is_built_as_asked() -> None:
    ad.manual_seed(0)
    layers = list(study.Architecture(3, 20, "batch", 0.25, weight_scale=0.01).build(64, 10))
    block = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert [type(layer) for layer in layers] == [*block, *block, nn.Linear]
    weights = [layer.weight.detach().numpy() for layer in layers if isinstance(layer, nn.Linear)]
    assert [w.shape for w in weights] == [(20, 64), (20, 20), (10, 20)]
    assert np.std(weights[0]) == pytest.approx(0.01, rel=0.1)  # 1,280 draws: a relative deviation of 0.02
    assert layers[3].p == 0.25
    he = next(iter(study.Architecture().build(64, 10))).weight.detach().numpy()
    assert np.std(he) == pytest.approx(np.sqrt(2 / 64), rel=0.1)


def test_one_layer_is_affine_alone_and_a_norm_can_be_of_the_layer() -> None:
    assert [type(layer) for layer in study.Architecture(1).build(64, 10)] == [nn.Linear]
    layers = list(study.Architecture(2, norm="layer").build(64, 10))
    assert [type(layer) for layer in layers] == [nn.Linear, nn.LayerNorm, nn.ReLU, nn.Linear]


def test_the_penalty_is_half_the_squared_weights_without_biases_and_scales() -> None:
    ad.manual_seed(1)
    model = study.Architecture(2, 5, "batch").build(3, 4)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    x, y = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 2, 3, 0, 1])
    plain, penalized = (study.Architecture(l2=l2).loss(model, x, y).item() for l2 in (0.0, 0.5))
    squares = sum(float((model[i].weight.detach().numpy() ** 2).sum()) for i in (0, 3))
    assert penalized - plain == pytest.approx(0.25 * squares, rel=1e-5)  # float32


def test_the_check_sees_a_wrong_gradient() -> None:
    values = np.array([[1.0, -2.0], [0.5, 3.0]])
    numeric = study.numerical_gradient(lambda: float((values**3).sum()), values)
    np.testing.assert_allclose(numeric, 3 * values**2, rtol=1e-8)  # h^2 and rounding / h, both below 1e-9
    assert values.tolist() == [[1.0, -2.0], [0.5, 3.0]]
    assert study.relative_error(3 * values**2, numeric) < 1e-8
    assert study.relative_error(3.3 * values**2, numeric) == pytest.approx(0.3 / 3.3, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_right_for_every_depth(seed: int) -> None:
    for depth in (1, 2, 4):
        for architecture in study.variants(study.Architecture(depth)).values():
            assert max(study.check_gradients(architecture, seed).values()) < 1e-6  # 5e-9 seen


def test_a_seed_repeats_the_run(data: study.Data) -> None:
    architecture = study.Architecture(2, 20, dropout=0.5)
    first, second, other = (study.train(architecture, "SGD", data, 2, seed) for seed in (3, 3, 4))
    assert first == second
    assert first.steps != other.steps
    assert len(first.steps) == 2 * 15


def test_dropout_sleeps_while_scores_are_taken(data: study.Data) -> None:
    ad.manual_seed(0)
    model = study.Architecture(2, 20, dropout=0.9).build(64, 10)
    assert study.score(model, data.x_test, data.y_test) == study.score(model, data.x_test, data.y_test)


def test_adagrads_steps_shrink_with_the_root_of_their_number_and_adams_do_not() -> None:
    steps = np.arange(1, 201)
    adagrad, adam = (study.steps_under_constant_gradient(rule, 200) for rule in ("AdaGrad", "Adam"))
    np.testing.assert_allclose(adagrad, study.STEP_LR / np.sqrt(steps), rtol=1e-6)  # epsilon is 1e-8 of the divisor
    np.testing.assert_allclose(adam, study.STEP_LR, rtol=1e-6)


def test_adagrads_factor_only_falls(data: study.Data) -> None:
    factors = study.factors_in_training("AdaGrad", study.Architecture(2, 20), data, 2, 0)
    assert (np.diff(factors) <= 0).all()
    assert factors[-1] < factors[0] / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dropout", "1"], "--dropout: expected a number of at least 0 and below 1, got '1'"),
        (["--dropout", "nan"], "--dropout: expected a number of at least 0 and below 1, got 'nan'"),
        (["--l2", "-1"], "--l2: expected a number of at least 0, got '-1'"),
        (["--l2", "inf"], "--l2: expected a number of at least 0, got 'inf'"),
        (["--l2", "some"], "--l2: expected a number of at least 0, got 'some'"),
        (["--depth", "0"], "--depth: expected an integer of at least 1, got '0'"),
        (["--norm", "group"], "--norm: invalid choice: 'group'"),
    ],
)
def test_a_bad_option_is_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_out_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert call("--quick", "--out", tmp_path / "file") == 2
    assert capsys.readouterr() == ("", f"error: cannot write to the folder {tmp_path / 'file'}: File exists\n")


@pytest.mark.parametrize("module", ["matplotlib", "sklearn", "tqdm"])
def test_a_missing_package_is_named(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # what the import system takes for "not there"
    assert call("--quick", "--out", tmp_path) == 2
    message = f"error: this example needs {module}: install with  pip install 'autodiff-numpy[examples]'\n"
    assert capsys.readouterr() == ("", message)
