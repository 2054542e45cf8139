"""Networks as scikit-learn's estimators: its own checks, its tools, and what stops, resumes and repeats training."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
import optim

pytest.importorskip("sklearn", minversion="1.6", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from autodiff.sklearn import NeuralClassifier, NeuralRegressor

joblib = pytest.importorskip("joblib")  # scikit-learn brings it


@parametrize_with_checks([NeuralClassifier(), NeuralRegressor()])  # type: ignore[untyped-decorator]  # scikit-learn's
@pytest.mark.filterwarnings("ignore")  # the checks' own
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_defaults_are_as_good_as_scikit_learns_network_on_standardized_data() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    ours = cross_val_score(NeuralClassifier(random_state=0), X, y).mean()
    theirs = cross_val_score(make_pipeline(StandardScaler(), MLPClassifier(max_iter=1000, random_state=0)), X, y).mean()
    assert ours > theirs - 0.015


def test_a_regressor_explains_what_the_features_tell() -> None:
    X, y = load_diabetes(return_X_y=True)
    assert cross_val_score(NeuralRegressor(random_state=0), X, y).mean() > 0.4
    both = NeuralRegressor(random_state=0).fit(X, np.stack([y, -2 * y + 1], 1))
    assert both.predict(X).shape == (len(X), 2)
    assert both.score(X, np.stack([y, -2 * y + 1], 1)) > 0.4


def test_labels_of_any_kind() -> None:
    X, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"])
    model = NeuralClassifier(random_state=0).fit(X, names[y])
    assert list(model.classes_) == sorted(names)
    assert (model.predict(X) == names[y]).mean() > 0.97
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), p)
    assert (model.classes_[p.argmax(1)] == model.predict(X)).all()


def test_frames_of_pandas_keep_the_names_of_columns() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = NeuralClassifier(epochs=3, random_state=0).fit(X, y)
    assert list(model.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[X.columns[::-1]])
    assert isinstance(X, pd.DataFrame)


def test_a_grid_is_searched_by_processes() -> None:
    X, y = load_iris(return_X_y=True)
    grid = {"neuralclassifier__lr": [1e-5, 3e-3], "neuralclassifier__epochs": [30]}
    search = GridSearchCV(make_pipeline(StandardScaler(), NeuralClassifier(random_state=0)), grid, cv=3, n_jobs=2)
    search.fit(X, y)
    assert search.best_params_["neuralclassifier__lr"] == 3e-3
    assert search.best_score_ > 0.85


def test_a_grid_is_searched_on_dask() -> None:
    distributed = pytest.importorskip("distributed", reason="Dask's scheduler is not installed")
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(NeuralClassifier(epochs=10, random_state=0), {"lr": [1e-5, 3e-3]}, cv=3, n_jobs=2)
    alone = clone(search).set_params(n_jobs=1).fit(X, y)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster),
        joblib.parallel_backend("dask"),
    ):
        search.fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_params_ == {"lr": 3e-3}


def test_threads_that_fit_draw_each_from_its_own_seed() -> None:
    X, y = load_iris(return_X_y=True)

    def losses(seed: int) -> list[float]:
        found: list[float] = NeuralClassifier(Net, epochs=8, random_state=seed).fit(X, y).loss_curve_
        return found

    with joblib.parallel_backend("threading", n_jobs=4):
        together = joblib.Parallel()(joblib.delayed(losses)(seed) for seed in range(4))
    assert together == [losses(seed) for seed in range(4)]


class Net(nn.Module):
    """A network with what differs between training and evaluation."""

    def __init__(self, n_features: int, n_outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_features, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(16, n_outputs)

    def forward(self, x: ad.Tensor) -> Any:
        return self.head(self.body(x))


@pytest.mark.parametrize("module", [Net, Net(4, 3)], ids=["a function", "a module"])
def test_a_network_of_ones_own(module: Any) -> None:
    X, y = load_iris(return_X_y=True)
    given = {k: v.numpy().copy() for k, v in module.state_dict().items()} if isinstance(module, nn.Module) else {}
    model = NeuralClassifier(module, optimizer=lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9), lr=0.05, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.93
    assert not model.module_.training
    for name, value in given.items():  # a copy is trained
        np.testing.assert_array_equal(module.state_dict()[name].numpy(), value)
    with pytest.raises(TypeError, match="module must be a Module, or a function"):
        NeuralClassifier(lambda a, b: 3).fit(X, y)


def test_batches_never_leave_a_single_example_for_the_last() -> None:
    X, y = load_iris(return_X_y=True)
    NeuralClassifier(Net, batch_size=64, patience=None, epochs=1).fit(X[20:149], y[20:149])  # 129 = 2 · 64 + 1


def test_the_best_epochs_state_is_kept_whole_whoever_replaced_an_array() -> None:
    X, y = load_iris(return_X_y=True)
    states: list[tuple[float, dict[str, list[Any]]]] = []

    def note(model: NeuralClassifier) -> None:
        states.append((model.validation_curve_[-1], {k: t.tolist() for k, t in model.module_.state_dict().items()}))
        for p in model.module_.parameters():
            p.data = p.data * 0.99

    def net(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, outputs))

    model = NeuralClassifier(net, epochs=12, random_state=0, callbacks=[note]).fit(X, y)
    best = min(states, key=lambda s: s[0])[1]
    assert {k: t.tolist() for k, t in model.module_.state_dict().items()} == best
    assert best["1.num_batches_tracked"] > 0


def test_the_seed_decides_everything_and_the_librarys_generator_stays() -> None:
    X, y = load_iris(return_X_y=True)
    ad.manual_seed(5)
    before = ad.get_rng_state()
    one, two = (NeuralClassifier(Net, epochs=5, random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    assert one.loss_curve_ == two.loss_curve_
    assert ad.get_rng_state() == before
    other = NeuralClassifier(Net, epochs=5, random_state=4).fit(X, y)
    assert other.loss_curve_ != one.loss_curve_


def test_training_stops_and_keeps_the_best() -> None:
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < 0.4, rng.integers(0, 3, len(y)), y)
    model = NeuralClassifier(epochs=500, patience=5, lr=0.03, weight_decay=0, random_state=0).fit(X, noisy)
    best = int(np.argmin(model.validation_curve_))
    bounds = np.minimum.accumulate([np.inf, *model.validation_curve_[:-1]])
    gains = [k for k, loss in enumerate(model.validation_curve_) if bounds[k] - loss > 0.01 * loss]
    assert model.n_iter_ == len(model.validation_curve_) == gains[-1] + 6 < 500
    assert gains[-1] <= best < model.n_iter_ - 1
    again = NeuralClassifier(epochs=best + 1, patience=5, lr=0.03, weight_decay=0, random_state=0).fit(X, noisy)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert NeuralClassifier(epochs=3, patience=None).fit(X, y).validation_curve_ == []


def test_a_callback_ends_training() -> None:
    X, y = load_iris(return_X_y=True)
    seen: list[float] = []

    def watch(model: NeuralClassifier) -> bool:
        seen.append(model.loss_curve_[-1])
        return len(seen) == 4

    model = NeuralClassifier(callbacks=[watch], random_state=0).fit(X, y)
    assert model.n_iter_ == 4
    assert seen == model.loss_curve_


def test_fit_begins_anew_unless_it_is_warm() -> None:
    X, y = load_iris(return_X_y=True)
    cold = NeuralClassifier(epochs=2, random_state=0)
    first = cold.fit(X, y).loss_curve_
    assert cold.fit(X, y).loss_curve_ == first
    warm = NeuralClassifier(epochs=2, random_state=0, warm_start=True).fit(X, y).fit(X, y)
    assert warm.n_iter_ == 4
    assert warm.loss_curve_[:2] == first
    assert warm.loss_curve_[3] < first[1]


def test_parts_of_the_data_come_one_by_one() -> None:
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    model = NeuralClassifier(random_state=0, lr=0.01)
    with pytest.raises(ValueError, match=r"labels .* which are none of"):
        NeuralClassifier().partial_fit(X[:60], y[:60]).partial_fit(X, y)
    for _ in range(30):
        for part in np.split(order, 3):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert model.n_iter_ == 90
    assert model.score(X, y) > 0.93
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y, classes=[0, 1])


def test_rare_classes_weigh_more_if_that_is_asked_for() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (400, 2)), rng.normal(1, 1, (20, 2))])
    y = np.repeat(["many", "few"], [400, 20])
    found = {
        weight if isinstance(weight, str) else "given": (
            NeuralClassifier(class_weight=weight, random_state=0).fit(X, y).predict(X) == "few"
        ).sum()
        for weight in ("balanced", {"few": 20, "many": 1})
    }
    plain = (NeuralClassifier(random_state=0).fit(X, y).predict(X) == "few").sum()
    assert plain < 25
    assert all(count > 60 for count in found.values())


def test_a_weight_of_2_counts_an_example_twice_and_one_of_0_leaves_it_out() -> None:
    X, y = load_iris(return_X_y=True)
    X, y = X[20:120], y[20:120]  # a batch
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    options: dict[str, Any] = {"epochs": 15, "patience": None, "random_state": 0, "batch_size": 1000}
    classes: dict[str, Any] = {"class_weight": "balanced"}
    for made, targets in (
        (NeuralClassifier(**options), y),
        (NeuralClassifier(**options, **classes), y),
        (NeuralRegressor(**options), X[:, :2]),
    ):
        repeated = clone(made).fit(X.repeat(weights, 0), targets.repeat(weights, 0)).predict(X)
        weighted = clone(made).fit(X, targets, sample_weight=weights)
        np.testing.assert_allclose(weighted.predict(X), repeated, rtol=1e-9)
        parted = clone(made).partial_fit(X, targets, sample_weight=weights)
        np.testing.assert_allclose(parted.loss_curve_[0], weighted.loss_curve_[0], rtol=1e-12)


def test_weights_decide_what_is_learned_and_when_it_stops() -> None:
    X, y = load_iris(return_X_y=True)
    wrong = np.where(np.arange(len(y)) % 2, y, (y + 1) % 3)  # every other label is
    right = np.arange(len(y)) % 2 * 1.0
    for module in (None, Net):
        model = NeuralClassifier(module, lr=0.02, random_state=0).fit(X, wrong, sample_weight=right + 0.01)
        assert model.validation_curve_
        assert model.score(X, y) > 0.9
        assert model.score(X, wrong, sample_weight=1 - right) < 0.1


def test_weights_that_cannot_be_used_are_refused() -> None:
    X, y = load_iris(return_X_y=True)
    model = NeuralClassifier(epochs=1)
    for weights, said in (
        (-np.ones(len(y)), "[Nn]egative"),
        (np.zeros(len(y)), "0|zero"),
        (np.ones(3), "shape|samples"),
    ):
        with pytest.raises(ValueError, match=said):
            model.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="sample_weight needs a criterion with reduction='mean'"):
        NeuralClassifier(criterion=lambda p, t: ((p - 0.3) ** 2).mean(), epochs=1).fit(
            X, y, sample_weight=np.ones(len(y))
        )
    with pytest.raises(TypeError, match="callbacks must be a list of functions, got function"):
        NeuralClassifier(callbacks=lambda model: True).fit(X, y)  # type: ignore[arg-type]  # that is the matter


def test_weights_are_routed_to_it() -> None:
    import sklearn

    X, y = load_iris(return_X_y=True)
    with sklearn.config_context(enable_metadata_routing=True):
        model = NeuralClassifier(epochs=1, random_state=0).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        weights = (y == 1) + 0.001
        search = GridSearchCV(model, {"lr": [0.1]}, cv=2).fit(X, y, sample_weight=weights)
    plain = NeuralClassifier(epochs=1, lr=0.1, random_state=0).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(search.best_estimator_.predict_proba(X), plain.predict_proba(X))


def test_it_travels() -> None:
    X, y = load_iris(return_X_y=True)
    model = NeuralClassifier(random_state=0, epochs=5).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def many() -> tuple[Any, Any]:
    """Return examples that make ten batches."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(630, 4))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def test_long_fits_are_compiled_and_short_ones_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    monkeypatch.setattr("autodiff.sklearn._STEPS_BEFORE", 200)
    X, y = many()
    options: dict[str, Any] = {"patience": None, "batch_size": 64, "random_state": 0}
    plain = NeuralClassifier(epochs=125, compile=False, **options).fit(X, y)
    model = NeuralClassifier(epochs=125, **options).fit(X, y)
    assert model._steps._compiled is not None
    assert plain._steps._compiled is None
    np.testing.assert_allclose(model.loss_curve_, plain.loss_curve_, rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(model.loss_curve_[:40], plain.loss_curve_[:40], rtol=1e-3)
    assert NeuralClassifier(epochs=110, **options).fit(X, y)._steps._compiled is None  # 900 steps would be left
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
        copied.partial_fit(X, y)
    again = NeuralClassifier(epochs=125, **options).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_compiled_from_the_first_step_if_that_is_asked_for() -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is not installed")
    X, y = load_iris(return_X_y=True)
    for module in (None, Net):  # also a class of one's own, with dropout
        plain, compiled = (
            NeuralClassifier(module, epochs=4, compile=c, random_state=0).fit(X, y) for c in (False, True)
        )
        assert compiled._steps._compiled is not None
        np.testing.assert_allclose(compiled.loss_curve_, plain.loss_curve_, rtol=1e-4)
    a, b = (NeuralRegressor(epochs=4, compile=c, random_state=0).fit(X, X[:, :2]) for c in (False, True))
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-4)


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_compiled_is_computed_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autodiff.sklearn._STEPS_BEFORE", 2)
    monkeypatch.setattr("autodiff.sklearn._STEPS_TO_COME", 0)
    X, y = load_iris(return_X_y=True)
    watched = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    seen: list[int] = []
    watched[0].register_forward_hook(lambda module, inputs, output: seen.append(len(output)))
    for module in (watched, Net):
        model = NeuralClassifier(module, epochs=10, patience=None, random_state=0).fit(X, y)
        assert model._steps._compiled is None
        plain = NeuralClassifier(module, epochs=10, patience=None, compile=False, random_state=0).fit(X, y)
        assert model.loss_curve_ == plain.loss_curve_
    with pytest.raises(ValueError, match="compile must be True, False"):
        NeuralClassifier(compile="yes").fit(X, y)


def test_without_llvmlite_nothing_is_said() -> None:
    code = (
        "import sys; sys.modules['llvmlite'] = None\n"
        "import numpy as np, autodiff.sklearn as s\n"
        "s._STEPS_BEFORE = s._STEPS_TO_COME = 0\n"
        "X = np.random.default_rng(0).normal(size=(30, 2))\n"
        "print(s.NeuralClassifier(epochs=5).fit(X, X[:, 0] > 0).n_iter_)"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("5\n", "")


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    X, y = load_iris(return_X_y=True)
    NeuralClassifier(progress=True, epochs=2).fit(X, y)
    assert "loss=" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*training diverges:RuntimeWarning")  # the optimizer's own
def test_what_cannot_be_fitted_is_refused() -> None:
    X, y = load_iris(return_X_y=True)
    for options, said in (
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size must be an integer"),
        ({"validation_fraction": 1.0}, "validation_fraction must be at least 0 and less than 1"),
        ({"optimizer": optim.SGD, "lr": 1e30, "patience": None}, "training diverges; a smaller lr"),
    ):
        with pytest.raises(ValueError, match=said):
            NeuralClassifier(**options).fit(X, y)
    with pytest.raises(ValueError, match="class_weight weighs the default criterion"):
        NeuralClassifier(criterion=nn.CrossEntropyLoss(), class_weight="balanced").fit(X, y)
    with pytest.raises(ValueError, match="1 class"):
        NeuralClassifier().fit(X, np.zeros(len(X)))


def test_without_scikit_learn_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None\nimport autodiff.sklearn"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "autodiff.sklearn needs scikit-learn, 1.6 or newer" in run.stderr
    assert "pip install 'scikit-learn>=1.6'" in run.stderr
