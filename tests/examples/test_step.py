"""The training step that examples share: compiled, it leads where the plain one leads."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

import autodiff as ad
from autodiff.compile.machine import is_available
from examples import digits, fully_connected, perceptron, regression, rnn, seminar, xor

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


def test_compiled_studies_have_the_numbers_of_the_plain_ones() -> None:
    points = regression.split(regression.generate(60, 0), 0.2, 0, "generated")
    settings = ("tanh", "adam", 8, 1e-3, 3, 1e-9, 0)
    fits = [regression.fit(points, regression.Settings(*settings, compiled)) for compiled in (False, True)]
    np.testing.assert_allclose(fits[1].train, fits[0].train, rtol=1e-3)
    made = [seminar.train(seminar.Settings(points=200, epochs=5, compiled=c)) for c in (False, True)]
    np.testing.assert_allclose([s.loss for s in made[1].train], [s.loss for s in made[0].train], rtol=1e-3)
    digits_, network = fully_connected.load_data(0), fully_connected.Architecture(3, 20, "batch", 0.2, None, 1e-3)
    plain, compiled = (fully_connected.train(network, "Adam", digits_, 2, 0, c).steps for c in (False, True))
    np.testing.assert_allclose(compiled, plain, rtol=1e-3)


def test_compiled_networks_learn_as_the_plain_ones() -> None:
    found = []
    for compiled in (False, True):
        ad.manual_seed(0)
        gate = perceptron.train_mlp("XOR", 200, 0.1, compiled)
        ad.manual_seed(0)
        options = argparse.Namespace(seed=0, lr=5e-3, steps=20, length=3, batch_size=8, clip=1.0, compile=compiled)
        found.append((gate.mistakes, gate.right, rnn.train(rnn.Writer("lstm", 16), options)))
    assert found[1][:2] == found[0][:2]
    np.testing.assert_allclose(found[1][2], found[0][2], rtol=1e-3)
