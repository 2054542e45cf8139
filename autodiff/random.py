"""The one source of random numbers: a seeded NumPy generator."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .tracing import refuse

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["default_generator", "get_rng_state", "manual_seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Start the random numbers of tensors, initializations and shuffles over from a seed.

    Parameters
    ----------
    seed : int
        Of 64 bits; a negative one stands for itself plus 2⁶⁴. The same seed gives the same numbers.

    Returns
    -------
    numpy.random.Generator
        The generator that draws them.

    Raises
    ------
    TypeError
        If the seed is no integer.
    ValueError
        If it has more than 64 bits.

    Examples
    --------
    >>> _ = ad.manual_seed(0)
    >>> a = ad.rand(3)
    >>> _ = ad.manual_seed(0)
    >>> bool((a == ad.rand(3)).all())
    True
    """
    if not hasattr(seed, "__index__"):
        raise TypeError(f"manual_seed: the seed must be an integer, got {type(seed).__name__}")
    number = operator.index(seed)
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"manual_seed: the seed must be from -2**63 to 2**64 - 1, got {number}")
    generator = default_generator()
    generator.bit_generator.state = type(generator.bit_generator)(number % 2**64).state
    return generator


def default_generator() -> Generator:
    """Return the generator that is used where none is given, seeded by the system until `manual_seed` is called.

    Examples
    --------
    >>> ad.default_generator() is ad.manual_seed(0)
    True
    """
    refuse("drawing random numbers here", "draw them outside of the function, and pass them as an argument")
    return _generator()


@functools.cache
def _generator() -> Generator:
    from numpy.random import default_rng  # a tenth of NumPy's own import: only who draws pays for it

    return default_rng()


def get_rng_state() -> dict[str, Any]:
    """Return where the random numbers stand, as plain names and integers that any format can hold.

    Returns
    -------
    dict
        For `set_rng_state`.

    Examples
    --------
    >>> state = ad.get_rng_state()
    >>> a = ad.rand(3)
    >>> ad.set_rng_state(state)
    >>> bool((a == ad.rand(3)).all())
    True
    """
    return dict(default_generator().bit_generator.state)


def set_rng_state(new_state: Mapping[str, Any]) -> None:
    """Let the random numbers go on from a state that `get_rng_state` returned.

    Parameters
    ----------
    new_state : mapping
        As returned.

    Raises
    ------
    TypeError
        If it is not a mapping.
    ValueError
        If it is not such a state; nothing changes then.
    """
    if not isinstance(new_state, Mapping):
        raise TypeError(f"set_rng_state: expected what get_rng_state returns, got {type(new_state).__name__}")
    bits = default_generator().bit_generator
    trial = type(bits)(0)
    try:
        trial.state = dict(new_state)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"set_rng_state: not a state of {type(bits).__name__}: {error!r}") from None
    if trial.state != new_state:  # NumPy cuts a fraction off and leaves out what it does not know
        raise ValueError(f"set_rng_state: not a state of {type(bits).__name__}: {dict(new_state)}")
    bits.state = trial.state
