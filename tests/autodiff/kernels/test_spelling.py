"""A formula with a faster spelling on arrays gives there what it gives as it is written."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autodiff import kernels

_rng = np.random.default_rng(0)


def _floats(*shape: int) -> Any:
    return _rng.normal(size=shape)


_EDGES = np.array([0.0, -0.0, 1.0, -1.0, 1e-300, -1e-300, 40.0, -40.0, np.inf, -np.inf, np.nan])

SAMPLES: dict[str, list[tuple[Any, ...]]] = {
    "elements.masked": [(_floats(3, 4), _floats(3, 4) > 0), (_EDGES, np.isfinite(_EDGES)), (np.float64(2.0), np.True_)],
    "elements.leaky": [(_floats(5), 0.1), (_EDGES, 0.2), (_floats(5), -1.0), (_floats(5), 2.0), (_EDGES[:8], 0.0)],
    "elements.leaky_slope": [(_floats(5), _floats(5), 0.1), (_floats(11), _EDGES, 0.2), (_floats(5), _floats(5), 2.0)],
    "elements.multiply_add": [(_floats(3), _floats(2, 3), _floats(3)), (_floats(2, 3), _floats(3), _floats(2, 1))],
    "elements.sign": [(_floats(5),), (_EDGES,)],
    "elements.erf": [(_floats(50) * 3,), (_EDGES,)],
    "elements.gelu": [(_floats(50),), (_EDGES,)],
    "elements.gelu_slope": [(_floats(50),), (_floats(2, 5).T,)],
    "reductions.spread": [(_floats(3), (3, 4), (1,), False), (_floats(1, 4), (3, 4), (0,), True)],
    "reductions.norm": [(_floats(3, 4), 2.0, (1,)), (_floats(3, 4), 3.0, (0, 1)), (_floats(4), 1.0, (0,))],
    "reductions.residual": [(_floats(6, 3), _floats(6, 3), _floats(1, 3), _floats(1, 3), _floats(1, 3))],
    "positions.zeros": [(_floats(2), (3, 4)), (np.zeros(2, np.int32), ())],
    "positions.copy": [(_floats(2, 3).T,), (np.float64(2.0),)],
    "positions.repeated": [(_floats(2, 1), (3, 2, 4)), (_floats(2, 3).T, (1, 3, 2)), (_floats(0), (2, 0))],
    "positions._at_labels": [
        (_floats(3), np.array([1, 0, 4]), (3, 5)),
        (_floats(2, 3), np.eye(2, 3, dtype=int), (2, 2, 3)),
    ],
}


def _spellings() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in pkgutil.iter_modules(kernels.__path__):
        home = importlib.import_module(f"autodiff.kernels.{module.name}")
        for name, function in vars(home).items():
            if hasattr(function, "formula") and function.__module__ == home.__name__:
                yield f"{module.name}.{name}", function


def test_every_spelling_has_samples():
    assert {name for name, _ in _spellings()} == SAMPLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_faster_spelling_gives_what_the_formula_says(name):
    function: Any = dict(_spellings())[name]
    for sample in SAMPLES[name]:
        if name == "elements.gelu_slope":
            erf: Any = dict(_spellings())["elements.erf"]
            (x,) = sample
            sample = (np.cos(x), x * (1 + erf(x * 0.5**0.5)) / 2, x, erf)
        with np.errstate(all="ignore"):  # as operations run
            fast, written = function(*sample), function.formula(*sample)
        # Both compute the same formula; the powers and error functions are two approximations.
        np.testing.assert_allclose(fast, written, rtol=1e-13, atol=1e-300, err_msg=f"{sample}")
        assert np.shape(fast) == np.shape(written)
        assert np.asarray(fast).dtype == np.asarray(written).dtype
