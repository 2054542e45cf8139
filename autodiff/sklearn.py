"""Networks as scikit-learn's estimators: they fit, predict and score in its pipelines, searches and tools."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import nn
import optim

from . import random
from .compile import compile as compile_function
from .compile.machine import is_available
from .creation import as_tensor
from .engine.modes import no_grad
from .generator import Generator

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ImportError(
        f"autodiff.sklearn needs scikit-learn, 1.6 or newer ({error}): `pip install 'scikit-learn>=1.6'`"
    ) from error

__all__ = ["NeuralClassifier", "NeuralRegressor"]

Array = npt.NDArray[Any]

_FEWEST_TO_VALIDATE = 5  # examples; fewer say nothing of when to stop
_LEAST_GAIN = 0.01  # of the loss, that is worth waiting for
_ROWS = 8192  # that are predicted at a time
_STEPS_BEFORE = 1000  # that are taken before one is compiled
_STEPS_TO_COME = 1000  # that are still possible then


def _perceptron(n_features: int, n_outputs: int) -> nn.Module:
    """Return the network that serves most tables: one hidden layer."""
    return nn.Sequential(nn.Linear(n_features, 100), nn.ReLU(), nn.Linear(100, n_outputs))


class _Neural(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no type hints
    """What both estimators share: the network, its training, and what stops it."""

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        criterion: Callable[..., Any] | None = None,
        optimizer: Callable[..., optim.Optimizer] | None = None,
        lr: float = 5e-3,
        weight_decay: float = 1e-2,
        epochs: int = 200,
        batch_size: int = 128,
        validation_fraction: float = 0.1,
        patience: int | None = 10,
        standardize: bool = True,
        callbacks: Sequence[Callable[[Any], Any]] = (),
        warm_start: bool = False,
        compile: bool | str = "auto",
        progress: bool = False,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.criterion = criterion
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.standardize = standardize
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.compile = compile
        self.progress = progress
        self.random_state = random_state

    # -- what the two estimators say each for itself

    def _read(self, X: Any, y: Any, begins: bool) -> tuple[Array, Array]:
        """Return checked examples, and targets as the criterion takes them."""
        raise NotImplementedError

    def _outputs(self) -> int:
        """Return how many numbers the network gives for an example."""
        raise NotImplementedError

    def _loss(self) -> Callable[..., Any]:
        """Return the criterion where none is given."""
        raise NotImplementedError

    def _with_class_weights(self, y: Array, weights: Array) -> Array:
        """Return what examples weigh, times the weights of their classes."""
        return weights

    # -- fitting

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train the network.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or, for a regressor, (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional
            What each example weighs in the loss, in the scale of the data and in what is held out. A weight of 0 leaves
            it out, one of 2 counts it twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If the data or an option cannot be used; the message says which.
        """
        self._check_options()
        goes_on = self.warm_start and hasattr(self, "module_")
        X, y = self._read(X, y, begins=not goes_on)
        X, y, weights = self._weighed(X, y, sample_weight)
        source = check_random_state(self.random_state)
        with _own_randomness(source):
            if not goes_on:
                self._begin(X, y, weights, source)
            self._train(*self._hold_out(self._data(X, y, weights), source), source=source, epochs=self.epochs)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any) -> Any:
        """Train for one epoch, with the network that there is."""
        self._check_options()
        begins = not hasattr(self, "module_")
        X, y = self._read(X, y, begins)
        X, y, weights = self._weighed(X, y, sample_weight)
        source = check_random_state(self.random_state) if begins else self._source
        with _own_randomness(source):
            if begins:
                self._begin(X, y, weights, source)
            self._train(self._data(X, y, weights), None, source=source, epochs=1)
        return self

    def _weighed(self, X: Array, y: Array, sample_weight: Any) -> tuple[Array, Array, Array | None]:
        """Return the examples that weigh anything, and their weights."""
        if sample_weight is None:
            return X, y, None
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        counts = weights > 0
        if not counts.any():
            raise ValueError(f"{type(self).__name__}: all sample weights are 0")
        return X[counts], y[counts], weights[counts]

    def _check_options(self) -> None:
        """Raise a ValueError where an option is out of its range."""
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 1)):
            value = getattr(self, name)
            if value is None and name == "patience":
                continue
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise ValueError(f"{type(self).__name__}: {name} must be an integer of at least {least}, got {value!r}")
        if not (self.compile == "auto" or isinstance(self.compile, (bool, np.bool))):
            raise ValueError(f'{type(self).__name__}: compile must be True, False or "auto", got {self.compile!r}')
        if not isinstance(self.callbacks, (list, tuple)) or not all(map(callable, self.callbacks)):
            raise TypeError(
                f"{type(self).__name__}: callbacks must be a list of functions, got {type(self.callbacks).__name__}"
            )
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"{type(self).__name__}: validation_fraction must be at least 0 and less than 1, "
                f"got {self.validation_fraction!r}"
            )

    def _begin(self, X: Array, y: Array, weights: Array | None, source: Any) -> None:
        """Set up the network, its optimizer and the scale of the data."""
        n_outputs = self._outputs()
        if isinstance(self.module, nn.Module):
            self.module_: nn.Module = copy.deepcopy(self.module)
        else:
            self.module_ = (self.module or _perceptron)(X.shape[1], n_outputs)
        if self.module is None:
            # Weights then stand for repetitions to the last digits; steps of so few numbers take the same time.
            self.module_.to(np.float64)
        if not isinstance(self.module_, nn.Module):
            raise TypeError(
                f"{type(self).__name__}: module must be a Module, or a function of the numbers of features and outputs "
                f"that returns one, got {type(self.module_).__name__}"
            )
        parameters = list(self.module_.parameters())
        make = self.optimizer or (lambda p, lr: optim.AdamW(p, lr=lr, weight_decay=self.weight_decay))
        self.optimizer_ = make(parameters, lr=self.lr)
        self.criterion_ = self.criterion or self._loss()
        self.mean_: Array
        self.scale_: Array
        self.mean_, self.scale_ = _moments(X, weights) if self.standardize else (np.zeros(1), np.ones(1))
        self._note_target_scale(y, weights)
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.validation_curve_: list[float] = []
        self._source = source
        self._steps: _Steps | None = None
        self._each: Any = None  # the criterion without its average, where examples have weights

    def _note_target_scale(self, y: Array, weights: Array | None) -> None:
        """Note how targets are scaled; labels are not."""

    def _dtype(self) -> Any:
        """Return the dtype in which the network computes."""
        return next((p.dtype for p in self.module_.parameters()), np.float32)

    def _scaled(self, X: Array) -> Array:
        return ((X - self.mean_) / self.scale_).astype(self._dtype())

    def _scaled_target(self, y: Array) -> Array:
        return y

    def _data(self, X: Array, y: Array, weights: Array | None) -> _Data:
        """Return what the network is trained on; where examples have weights, have the loss of each at hand."""
        if weights is not None:
            criterion = self.criterion or self._loss()
            if getattr(criterion, "reduction", None) != "mean":
                raise ValueError(
                    f"{type(self).__name__}: sample_weight needs a criterion with reduction='mean', got {criterion!r}"
                )
            if self._each is None:
                self._each, self._steps = copy.copy(criterion), None
                self._each.reduction = "none"
            weights = self._with_class_weights(y, weights).astype(self._dtype())
        return _Data(self._scaled(X), self._scaled_target(y), weights)

    def _hold_out(self, data: _Data, source: Any) -> tuple[_Data, _Data | None]:
        """Return what is trained on and what decides when to stop, if anything."""
        count = round(len(data.X) * self.validation_fraction)
        if self.patience is None or count < _FEWEST_TO_VALIDATE:
            return data, None
        rows = np.arange(len(data.X))
        strata = self._strata(data.y, count)
        kept, held = train_test_split(rows, test_size=count, random_state=source, stratify=strata)
        return data.of(kept), data.of(held)

    def _strata(self, y: Array, count: int) -> Array | None:
        return None

    def _train(self, data: _Data, held: _Data | None, *, source: Any, epochs: int) -> None:
        """Train, and keep the parameters of the epoch with the smallest loss on what was held out."""
        best, waited = np.inf, 0
        best_state: dict[str, Array] = {}
        if self._steps is None:
            self._steps = _Steps(self)
        self._steps.to_come = epochs * -(-len(data.X) // self.batch_size)
        for epoch in self._epochs(epochs):
            self.loss_curve_.append(self._epoch(data, source, self._steps))
            self.n_iter_ += 1
            if held is not None:
                loss = self._mean_loss(held)
                self.validation_curve_.append(loss)
                waited = 0 if best - loss > _LEAST_GAIN * abs(loss) else waited + 1
                if loss < best:
                    best = loss
                    best_state = {name: t._data.copy() for name, t in self.module_.state_dict().items()}
            if not np.isfinite(self.loss_curve_[-1]):
                raise ValueError(
                    f"{type(self).__name__}: the loss is {self.loss_curve_[-1]} in epoch {epoch}: training diverges; "
                    f"a smaller lr than {self.lr} helps"
                )
            asked = [callback(self) for callback in self.callbacks]  # each of them sees every epoch
            if any(asked) or (self.patience and waited >= self.patience):
                break
        if best_state:
            self.module_.load_state_dict({name: as_tensor(array) for name, array in best_state.items()})
        self.module_.eval()

    def _epochs(self, count: int) -> Iterator[int]:
        """Yield the numbers of the epochs, with a bar where it is asked for."""
        if not self.progress:
            yield from range(count)
            return
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError(f"progress=True needs tqdm ({error}): `pip install tqdm`") from error
        with tqdm(range(count), unit="epoch") as bar:
            for epoch in bar:
                yield epoch
                bar.set_postfix(loss=f"{self.loss_curve_[-1]:.4f}")

    def _epoch(self, data: _Data, source: Any, step: _Steps) -> float:
        """Take a step for each mini-batch, in a random order; return the mean loss."""
        self.module_.train()
        total = 0.0
        # Batches of nearly one size, for batch normalization cannot do with a last one of a single example.
        for rows in np.array_split(source.permutation(len(data.X)), -(-len(data.X) // self.batch_size)):
            batch = data.of(rows)
            total += step(*batch.tensors()).item() * batch.weight()
        return total / data.weight()

    def _mean_loss(self, data: _Data) -> float:
        self.module_.eval()
        X, *rest = data.tensors()
        with no_grad():
            return float(_mean(self.criterion_, self._each, self.module_(X), *rest))

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return state | {"_steps": None} if "_steps" in state else state

    # -- predicting

    def _raw(self, X: Any) -> Array:
        """Return what the network gives for checked examples.

        In double precision, so that what is predicted of an example does not depend on those beside it.
        """
        check_is_fitted(self, "module_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        module = copy.deepcopy(self.module_).to(np.float64).eval()
        X = (X - self.mean_) / self.scale_
        with no_grad():
            parts = [module(as_tensor(X[i : i + _ROWS])).numpy() for i in range(0, len(X), _ROWS)]
        return np.concatenate(parts)


def _mean(criterion: Any, of_each: Any, output: Any, y: Any, weights: Any = None) -> Any:
    """Return a criterion, or the average of what it gives for each example, with their weights."""
    if weights is None:
        return criterion(output, y)
    each = of_each(output, y)
    each = each.reshape(len(each), -1).mean(1)
    return (each * weights).sum() / weights.sum()


class _Data(NamedTuple):
    """Examples, their targets, and what each weighs."""

    X: Array
    y: Array
    weights: Array | None

    def of(self, rows: Array) -> _Data:
        """Return some of them."""
        return _Data(self.X[rows], self.y[rows], None if self.weights is None else self.weights[rows])

    def weight(self) -> float:
        """Return what they weigh together."""
        return float(len(self.X) if self.weights is None else self.weights.sum())

    def tensors(self) -> list[Any]:
        """Return what there is as tensors."""
        return [as_tensor(a) for a in self if a is not None]


class _Steps:
    """The training steps of an estimator: plain, and compiled where that pays.

    Attributes
    ----------
    to_come : int
        How many the fit takes at most from now on.
    """

    def __init__(self, owner: _Neural) -> None:
        module, criterion, optimizer = owner.module_, owner.criterion_, owner.optimizer_
        each = owner._each

        def step(x: Any, *target: Any) -> Any:
            optimizer.zero_grad()
            loss = _mean(criterion, each, module(x), *target)
            loss.backward()
            optimizer.step()
            return loss

        self._step, self._taken, self.to_come = step, 0, 0
        self._compiled: Callable[..., Any] | None = None
        self._may_compile = owner.compile is not False
        self._waits = owner.compile == "auto"
        if self._waits:
            # What Python does beside tensors in classes of a user's own would happen once, when it is recorded.
            parts = [*module.modules(), criterion, optimizer]
            ours = all(type(part).__module__.partition(".")[0] in ("nn", "optim") for part in parts)
            self._may_compile = ours and is_available()

    def __call__(self, *batch: Any) -> Any:
        """Take a step and return the loss before it."""
        self._taken += 1
        self.to_come -= 1
        if self._compiled is None and self._may_compile and (not self._waits or self._pays()):
            self._compiled = compile_function(self._step)
        if self._compiled is not None:
            try:
                return self._compiled(*batch)
            except RuntimeError:  # it cannot be recorded, and nothing has changed; what is wrong in itself raises again
                if not self._waits:
                    raise
                self._compiled, self._may_compile = None, False
        return self._step(*batch)

    def _pays(self) -> bool:
        """Tell whether compiling will pay, by counts alone, for results must not depend on how fast a machine is.

        Two programs, for the two sizes of batches, take 0.04 s from the cache on disk and 0.3 s without; a step of the
        default network saves 0.15 ms. Most fits are stopped early: one that has taken many steps will take many more.
        """
        return self._taken > _STEPS_BEFORE and self.to_come >= _STEPS_TO_COME


class NeuralClassifier(ClassifierMixin, _Neural):  # type: ignore[misc]  # as above
    """A network that tells classes apart.

    The defaults alone make a good one for a table: standardized features, a hidden layer, cross entropy, AdamW, and
    an end of training when the loss on examples held out has not fallen for a while.

    Parameters
    ----------
    module : Module or callable, optional
        The network, which is copied, or a function of the numbers of features and of classes that returns one. It gives
        a logit for each class. By default a hidden layer of 100 rectified units, in float64.
    criterion : callable, optional
        Takes logits and the numbers of the classes and returns the loss. By default cross entropy with the class
        weights.
    optimizer : callable, optional
        Takes the parameters and ``lr``, as ``optim.SGD`` does. By default AdamW with `weight_decay`.
    lr, weight_decay : float, optional
    epochs : int, optional
        The most passes over the examples.
    batch_size : int, optional
        Examples a step; batches of an epoch differ in size by one at most.
    validation_fraction : float, optional
        The share of the examples that is held out to decide when to stop.
    patience : int or None, optional
        Training stops when the loss on what was held out has not fallen by 1 % for so many epochs; the best parameters
        are kept. None holds out nothing.
    standardize : bool, optional
        Shift and scale each feature to mean 0 and standard deviation 1, as it has in the examples of `fit`.
    class_weight : dict, "balanced" or None, optional
        The weight of each class in the loss.
    callbacks : sequence of callable, optional
        Called with the estimator after each epoch; one that returns a true value ends training.
    warm_start : bool, optional
        Let `fit` go on from the present parameters.
    compile : bool or "auto", optional
        Whether steps are compiled to native code, with the same numbers but for rounding. "auto" does it where
        llvmlite is installed, for networks, criteria and optimizers of this library, once a fit has taken 1,000 steps
        and as many may come; what cannot be compiled is computed without.
    progress : bool, optional
        Show a bar (needs tqdm).
    random_state : int, RandomState or None, optional
        Decides initialization, order, dropout and what is held out.

    Attributes
    ----------
    module_ : Module
        The network, trained.
    classes_ : ndarray
    loss_curve_, validation_curve_ : list of float
        After each epoch.
    n_iter_ : int
        The number of epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from autodiff.sklearn import NeuralClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> NeuralClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(
        self,
        module: nn.Module | Callable[[int, int], nn.Module] | None = None,
        *,
        criterion: Callable[..., Any] | None = None,
        optimizer: Callable[..., optim.Optimizer] | None = None,
        lr: float = 5e-3,
        weight_decay: float = 1e-2,
        epochs: int = 200,
        batch_size: int = 128,
        validation_fraction: float = 0.1,
        patience: int | None = 10,
        standardize: bool = True,
        class_weight: Mapping[Any, float] | str | None = None,
        callbacks: Sequence[Callable[[Any], Any]] = (),
        warm_start: bool = False,
        compile: bool | str = "auto",
        progress: bool = False,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            module, criterion=criterion, optimizer=optimizer, lr=lr, weight_decay=weight_decay, epochs=epochs,
            batch_size=batch_size, validation_fraction=validation_fraction, patience=patience, standardize=standardize,
            callbacks=callbacks, warm_start=warm_start, compile=compile, progress=progress, random_state=random_state,
        )  # fmt: skip
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> NeuralClassifier:
        """Train for one epoch on these examples, going on from where the last call stopped.

        Parameters
        ----------
        X, y
            As for `fit`.
        classes : array-like, optional
            All classes; needed by the first call if not all of them are in `y`.
        sample_weight : array-like of shape (n_samples,), optional
        """
        if not hasattr(self, "module_"):
            self.classes_ = unique_labels(y if classes is None else classes)
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(f"classes: got {classes!r}, but the first call had {self.classes_!r}")
        self._goes_on = True
        try:
            self._partial_fit(X, y, sample_weight)
        finally:
            del self._goes_on
        return self

    def _read(self, X: Any, y: Any, begins: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=begins, dtype=np.float64)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if begins and not hasattr(self, "_goes_on"):
            self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__}: the data has 1 class; a classifier needs at least 2")
        if unknown := sorted(set(np.unique(y)) - set(self.classes_)):
            raise ValueError(f"{type(self).__name__}: y has the labels {unknown}, which are none of {self.classes_}")
        return X, np.searchsorted(self.classes_, y)

    def _outputs(self) -> int:
        return len(self.classes_)

    def _loss(self) -> Callable[..., Any]:
        return nn.CrossEntropyLoss()

    def _begin(self, X: Array, y: Array, weights: Array | None, source: Any) -> None:
        super()._begin(X, y, weights, source)
        if self.class_weight is None:
            return
        if self.criterion is not None:
            raise ValueError("NeuralClassifier: class_weight weighs the default criterion; give yours its own weights")
        given = self.class_weight
        if isinstance(given, Mapping):
            given = {int(np.searchsorted(self.classes_, label)): weight for label, weight in given.items()}
        present = np.unique(y)
        found = np.ones(len(self.classes_), self._dtype())
        if given == "balanced" and weights is not None:
            shares = np.bincount(y, weights, len(found))[present]
            found[present] = shares.sum() / (len(present) * shares)
        else:
            found[present] = compute_class_weight(given, classes=present, y=y)
        self._class_weights = found
        self.criterion_ = nn.CrossEntropyLoss(as_tensor(found))

    def _with_class_weights(self, y: Array, weights: Array) -> Array:
        return weights if self.class_weight is None else weights * self._class_weights[y]

    def _strata(self, y: Array, count: int) -> Array | None:
        """Return the labels, so that each class is held out in proportion, where each has enough examples."""
        fewest = np.bincount(y).min()
        return y if fewest >= 2 and min(count, len(y) - count) >= len(self.classes_) else None

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class, in the order of `classes_`, of shape (n_samples, n_classes)."""
        logits = self._raw(X)
        p = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(p / p.sum(1, keepdims=True))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: Any) -> Array:
        """Return the most likely class of each example."""
        best = self._raw(X).argmax(1)
        return self.classes_[best]  # type: ignore[no-any-return]  # an ndarray


class NeuralRegressor(RegressorMixin, _Neural):  # type: ignore[misc]  # as above
    """A network that predicts numbers; targets are standardized for training, too.

    Parameters
    ----------
    module, criterion, optimizer, lr, weight_decay, epochs, batch_size, validation_fraction, patience, standardize, \
    callbacks, warm_start, compile, progress, random_state
        As for `NeuralClassifier`; the network gives a number for each target, the criterion, by default the mean
        squared error, takes standardized predictions and targets of shape (n_samples, n_targets).

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from autodiff.sklearn import NeuralRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> NeuralRegressor(random_state=0).fit(X, y).score(X, y) > 0.45
    True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> NeuralRegressor:
        """Train for one epoch on these examples, going on from where the last call stopped.

        The first call sets up the network and, from its examples, the scale of the data.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        """
        self._partial_fit(X, y, sample_weight)
        return self

    def _read(self, X: Any, y: Any, begins: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, reset=begins, dtype=np.float64, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        shape = y.shape[1:]
        if begins:
            self._target_shape = shape
        elif shape != self._target_shape:
            raise ValueError(f"{type(self).__name__}: y has targets of shape {shape}, before {self._target_shape}")
        return X, np.asarray(y, np.float64).reshape(len(y), -1)

    def _outputs(self) -> int:
        return int(np.prod(self._target_shape, dtype=int))

    def _loss(self) -> Callable[..., Any]:
        return nn.MSELoss()

    def _note_target_scale(self, y: Array, weights: Array | None) -> None:
        self._target_mean, self._target_scale = _moments(y, weights)

    def _scaled_target(self, y: Array) -> Array:
        return ((y - self._target_mean) / self._target_scale).astype(self._dtype())

    def predict(self, X: Any) -> Array:
        """Return the predicted targets, of the shape that they had in `fit`."""
        y = self._raw(X) * self._target_scale + self._target_mean
        return y.reshape(len(y), *self._target_shape)


def _moments(X: Array, weights: Array | None) -> tuple[Array, Array]:
    """Return means and standard deviations of columns; of a constant column 1."""
    mean = np.average(X, 0, weights)
    scale = np.sqrt(np.average((X - mean) ** 2, 0, weights))
    return mean, np.where(scale > 1e-12 * np.abs(X).max(0), scale, 1.0)


@contextmanager
def _own_randomness(source: Any) -> Iterator[None]:
    """Let layers draw from a generator of this fit; others, in other threads too, draw what they would without it."""
    token = random.generator_here.set(Generator().manual_seed(int(source.randint(2**31))))
    try:
        yield
    finally:
        random.generator_here.reset(token)
