"""The names that the examples in docstrings use without importing them."""

import os

import numpy as np
import pytest

import autodiff
import nn
import nn.functional
import optim


@pytest.fixture(autouse=True, scope="session")
def compiled_code(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what `compile` makes out of the user's folder, unless another is named."""
    os.environ.setdefault("AUTODIFF_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture(autouse=True)
def doctest_names(doctest_namespace: dict[str, object]) -> None:
    """Let docstrings say `ad`, `nn`, `F`, `optim` and `np`, as their readers do."""
    doctest_namespace.update(ad=autodiff, nn=nn, F=nn.functional, optim=optim, np=np)
