"""The names that the examples in docstrings use without importing them."""

import numpy as np
import pytest

import autodiff
import nn
import nn.functional
import optim


@pytest.fixture(autouse=True)
def doctest_names(doctest_namespace: dict[str, object]) -> None:
    """Let docstrings say `ad`, `nn`, `F`, `optim` and `np`, as their readers do."""
    doctest_namespace.update(ad=autodiff, nn=nn, F=nn.functional, optim=optim, np=np)
