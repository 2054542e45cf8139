"""Without llvmlite the tests of the NumPy form go on, past the warning that says what to install."""

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def without_the_warning() -> Iterator[None]:
    """Let functions be compiled without llvmlite; the test of the warning sees it all the same."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compile: llvmlite is not installed", UserWarning)
        yield
