"""Generator: a source of random numbers of one's own, under PyTorch's names."""

from __future__ import annotations

import copy
import operator
import secrets
from typing import Any

from numpy.random import PCG64
from numpy.random import Generator as NumpyGenerator

from .device import CPU, check_device, device

__all__ = ["Generator"]

_FIRST_SEED = 67280421310721  # PyTorch's


class Generator(NumpyGenerator):
    """A source of random numbers: NumPy's generator, which also answers to PyTorch's names.

    Parameters
    ----------
    device : optional
        "cpu", or None.

    Examples
    --------
    >>> g = ad.Generator().manual_seed(0)
    >>> h = ad.Generator().manual_seed(0)
    >>> bool((ad.rand(3, generator=g) == ad.rand(3, generator=h)).all())
    True
    """

    epochs = 0  # how many epochs of loaders with workers were seeded from it since it was seeded itself

    def __init__(self, device: Any = None) -> None:
        given = device if isinstance(device, PCG64) else None  # where NumPy makes a copy
        check_device(None if given is not None else device, "Generator")
        super().__init__(PCG64(_FIRST_SEED) if given is None else given)
        self._seed = _FIRST_SEED

    @property
    def device(self) -> device:
        """Where it draws: ``device(type='cpu')``."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start over from a seed of 64 bits and return the generator.

        Raises
        ------
        TypeError
            If the seed is no integer.
        ValueError
            If it has more than 64 bits.
        """
        if not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: the seed must be an integer, got {type(seed).__name__}")
        number = operator.index(seed)
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"manual_seed: the seed must be from -2**63 to 2**64 - 1, got {number}")
        self._seed, self.epochs = number % 2**64, 0
        self.bit_generator.state = PCG64(self._seed).state
        return self

    def seed(self) -> int:
        """Start over from a seed that the system draws, and return it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """Return the last seed."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Return where it stands, as `get_rng_state` does."""
        return dict(self.bit_generator.state)

    def set_state(self, new_state: dict[str, Any]) -> Generator:
        """Go on from a state that `get_state` returned."""
        self.bit_generator.state = new_state
        return self

    def clone_state(self) -> Generator:
        """Return another generator in the same state."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Generator:
        return self._rebuilt(self._seed, self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return Generator._rebuilt, (self._seed, self.get_state())

    @staticmethod
    def _rebuilt(seed: int, state: dict[str, Any]) -> Generator:
        made = Generator()
        made._seed = seed
        return made.set_state(state)
