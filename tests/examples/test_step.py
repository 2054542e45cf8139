"""The training step that examples share: compiled, it leads where the plain one leads."""

from __future__ import annotations

import numpy as np
import pytest

import autodiff as ad
from autodiff.compile.machine import is_available
from examples import digits, xor

pytest.importorskip("sklearn", reason="the images come with scikit-learn")
pytestmark = pytest.mark.skipif(not is_available(), reason="llvmlite is not installed")


def test_compiled_xor_has_the_losses_of_the_plain_one() -> None:
    found = []
    for compiled in (False, True):
        ad.manual_seed(0)
        found.append(xor.train(xor.build_network(), 100, compiled=compiled))
    # float32 rounds to 6e-8; a hundred steps of Adam make some 1e-5 of that
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


def test_compiled_digits_reach_the_same_accuracy() -> None:
    data = digits.load_data()
    plain, compiled = (digits.train("Adam", data, 5, 0, c) for c in (False, True))
    np.testing.assert_allclose(compiled.losses, plain.losses, rtol=1e-3)
    assert np.mean(compiled.answers == plain.answers) > 0.99
