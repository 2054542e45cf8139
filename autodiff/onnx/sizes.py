"""Numbers that depend on sizes that a file leaves open: how they are found from several runs, and computed with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: A product of open sizes by their names, and how often it is taken; without a name what is added.
Terms = Mapping[tuple[str, ...], int]


class UnsayableError(Exception):
    """What ONNX cannot say."""


class ChangesError(Exception):
    """What differs between inputs of different sizes, and cannot be said for inputs of any size."""


class Size(int):
    """A number that depends on open sizes.

    Attributes
    ----------
    terms : dict or None
        A sum of products of open sizes; None where it is no such sum: the rows of an image after steps of two, say.
    seen : tuple of int
        What it was in each run.
    """

    terms: Terms | None
    seen: tuple[int, ...]

    def __new__(cls, now: int, terms: Terms | None, seen: tuple[int, ...] = ()) -> Size:
        """Return the number as it is in the first run."""
        size = super().__new__(cls, now)
        size.terms, size.seen = terms, seen
        return size

    def __str__(self) -> str:
        parts = []
        for names, times in sorted((self.terms or {}).items(), key=lambda term: -len(term[0])):
            factors = "*".join([*([str(times)] if times != 1 or not names else []), *names])
            parts.append(factors)
        return "+".join(parts).replace("+-", "-")

    def __add__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        found = dict(self.known())
        for names, times in terms_of(other).items():
            found[names] = found.get(names, 0) + times
        return sized(int(self) + int(other), found)

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        found: dict[tuple[str, ...], int] = {}
        for (a, n), (b, m) in itertools.product(self.known().items(), terms_of(other).items()):
            names = tuple(sorted((*a, *b)))
            found[names] = found.get(names, 0) + n * m
        return sized(int(self) * int(other), found)

    def __neg__(self) -> int:
        return self * -1

    def __sub__(self, other: int) -> int:
        return self + -other if isinstance(other, int) else NotImplemented

    def __rsub__(self, other: int) -> int:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__

    def known(self) -> Terms:
        """Return its terms, or raise if it has none."""
        if self.terms is None:
            raise UnsayableError("a size that is no sum of products of the open ones")
        return self.terms


def terms_of(number: int) -> Terms:
    """Return a number as a sum."""
    return number.known() if isinstance(number, Size) else {(): int(number)}


def sized(now: int, terms: Mapping[tuple[str, ...], int], seen: tuple[int, ...] = ()) -> int:
    """Return a number by its terms: a plain one where nothing in them is open."""
    left = {names: times for names, times in terms.items() if times}
    return Size(now, left, seen) if any(left) else now


def seen_of(number: int, runs: int) -> tuple[int, ...]:
    """Return what a number was in each run."""
    return number.seen if isinstance(number, Size) and number.seen else (int(number),) * runs


@dataclass
class Runs:
    """The sizes with which a model is run to see what depends on them.

    Attributes
    ----------
    first : dict of str to int
        The open sizes in the first run.
    offsets : list of dict of str to int
        How much larger they are in each run: none, each subset by 1, and others to check what is found.
    """

    first: dict[str, int]
    offsets: list[dict[str, int]]

    @classmethod
    def of(cls, first: dict[str, int]) -> Runs:
        """Return the runs that products of these sizes need."""
        corners = [dict.fromkeys(names, 1) for n in range(len(first) + 1) for names in itertools.combinations(first, n)]
        more = [{name: 2} for name in first] + ([dict.fromkeys(first, 2)] if len(first) > 1 else [])
        return cls(first, corners + more)

    def sizes(self, run: int) -> dict[str, int]:
        """Return the open sizes of a run."""
        return {name: n + self.offsets[run].get(name, 0) for name, n in self.first.items()}

    def fitted(self, numbers: Sequence[int]) -> int:
        """Return the number that was this in the runs."""
        seen = tuple(numbers)
        if len({*seen}) == 1:
            return seen[0]
        by_subset = {tuple(o): seen[k] for k, o in enumerate(self.offsets) if all(n == 1 for n in o.values())}
        grows = {
            names: sum(
                (-1) ** (len(names) - len(part)) * value for part, value in by_subset.items() if {*part} <= {*names}
            )
            for names in by_subset
        }
        for offset, number in zip(self.offsets, seen, strict=True):
            expected = sum(times * math.prod(offset.get(n, 0) for n in names) for names, times in grows.items())
            if expected != number:
                return Size(seen[0], None, seen)
        found: dict[tuple[str, ...], int] = {}
        for names, times in grows.items():  # products of (size - first), multiplied out
            for n in range(len(names) + 1):
                for part in itertools.combinations(names, n):
                    rest = math.prod(-self.first[name] for name in names if name not in part)
                    key = tuple(sorted(part))
                    found[key] = found.get(key, 0) + times * rest
        return sized(seen[0], found, seen)
