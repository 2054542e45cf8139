"""Networks as estimators beside scikit-learn's own, on data that comes with it: ``python -m benchmarks.estimators``."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold, cross_validate
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autodiff.sklearn import NeuralClassifier, NeuralRegressor

DATA = {
    "iris": (datasets.load_iris, True),
    "wine": (datasets.load_wine, True),
    "breast cancer": (datasets.load_breast_cancer, True),
    "digits": (datasets.load_digits, True),
    "diabetes": (datasets.load_diabetes, False),
}


def estimators(classifies: bool) -> dict[str, Any]:
    """Return ours, and scikit-learn's as it is and on standardized features."""
    ours, theirs = (NeuralClassifier, MLPClassifier) if classifies else (NeuralRegressor, MLPRegressor)
    return {
        "ours": ours(random_state=0),
        theirs.__name__: theirs(random_state=0),
        f"StandardScaler + {theirs.__name__}": make_pipeline(StandardScaler(), theirs(random_state=0)),
    }


def main() -> None:
    """Print accuracy (R² of diabetes) of five folds, and the seconds that a fit takes."""
    print(f"{'data':14} {'estimator':34} {'score':>14} {'fit, s':>8}")
    for name, (load, classifies) in DATA.items():
        X, y = load(return_X_y=True)
        folds = (StratifiedKFold if classifies else KFold)(5, shuffle=True, random_state=0)
        for called, estimator in estimators(classifies).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-learn's of epochs that do not suffice
                found = cross_validate(estimator, X, y, cv=folds)
            score, spread, seconds = found["test_score"].mean(), found["test_score"].std(), np.median(found["fit_time"])
            print(f"{name:14} {called:34} {score:7.4f} ± {spread:.3f} {seconds:8.3f}", flush=True)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s")
