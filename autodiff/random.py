"""The one source of random numbers: a seeded NumPy generator."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["default_generator", "manual_seed"]


def manual_seed(seed: int) -> Generator:
    """Start the random numbers of tensors, initializations and shuffles over from a seed.

    Parameters
    ----------
    seed : int
        Not negative. The same seed gives the same numbers.

    Returns
    -------
    numpy.random.Generator
        The generator that draws them.

    Examples
    --------
    >>> _ = ad.manual_seed(0)
    >>> a = ad.rand(3)
    >>> _ = ad.manual_seed(0)
    >>> bool((a == ad.rand(3)).all())
    True
    """
    generator = default_generator()
    generator.bit_generator.state = type(generator.bit_generator)(seed).state
    return generator


@functools.cache
def default_generator() -> Generator:
    """Return the generator that is used where none is given, seeded by the system until `manual_seed` is called.

    Examples
    --------
    >>> ad.default_generator() is ad.manual_seed(0)
    True
    """
    from numpy.random import default_rng  # a tenth of NumPy's own import: only who draws pays for it

    return default_rng()
