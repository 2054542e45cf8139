"""Settings that every test shares: random examples are the same in every run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=False)
settings.load_profile("repeatable")


@pytest.fixture
def numpys_warnings() -> Iterator[None]:
    """Set NumPy's warnings back after a test: an interrupt may strike where they are off, and leave them so."""
    before = np.geterr()
    yield
    np.seterr(**before)
