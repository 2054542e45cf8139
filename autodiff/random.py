"""The one source of random numbers: a seeded NumPy generator."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .tracing import refuse

if TYPE_CHECKING:
    from .generator import Generator

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Start the random numbers of tensors, initializations and shuffles over from a seed.

    Parameters
    ----------
    seed : int
        Of 64 bits; a negative one stands for itself plus 2⁶⁴. The same seed gives the same numbers.

    Returns
    -------
    Generator
        The generator that draws them, one of NumPy's with PyTorch's names beside.

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
    return _common().manual_seed(seed)


def seed() -> int:
    """Start the random numbers over from a seed that the system draws, and return it.

    Examples
    --------
    >>> ad.seed() == ad.initial_seed()
    True
    """
    return _common().seed()


def initial_seed() -> int:
    """Return the seed that the random numbers started from.

    Examples
    --------
    >>> _ = ad.manual_seed(3)
    >>> ad.initial_seed()
    3
    """
    return _common().initial_seed()


generator_here: ContextVar[Generator | None] = ContextVar("autodiff.generator", default=None)
use_generator = generator_here.set  # what a thread that loads data draws from, so that what others draw does not matter


@functools.cache
def _common() -> Generator:
    from .generator import Generator  # NumPy's random numbers are a tenth of its own import: only who draws pays

    made = Generator()
    made.seed()
    return made


def default_generator() -> Generator:
    """Return the generator that is used where none is given, seeded by the system until `manual_seed` is called.

    Examples
    --------
    >>> ad.default_generator() is ad.manual_seed(0)
    True
    """
    refuse("drawing random numbers here", "draw them outside of the function, and pass them as an argument")
    return generator_here.get() or _common()


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


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, *, device_type: str = "cpu") -> Iterator[None]:
    """Let random numbers go on after the block as if it had drawn none.

    Examples
    --------
    >>> with ad.random.fork_rng():
    ...     _ = ad.rand(3)
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
