"""Text as numbers: one per character, cut into pieces to learn from."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples._command import ExampleError, reason

Tokens = NDArray[np.int64]


@dataclass(frozen=True)
class Text:
    """
    A text whose characters are numbered.

    Attributes
    ----------
    name : str
        Where it is from.
    characters : str
        All that occur, in order; the number of each is its place here.
    tokens : ndarray of int64, shape (n,)
        The text as numbers.
    """

    name: str
    characters: str
    tokens: Tokens

    def encode(self, text: str) -> Tokens:
        """Return the numbers of characters, those left out that do not occur in the text."""
        place = {c: i for i, c in enumerate(self.characters)}
        return np.array([place[c] for c in text if c in place], np.int64)

    def decode(self, tokens: Tokens) -> str:
        """Return the characters of numbers."""
        return "".join(self.characters[i] for i in tokens)

    def halves(self, share: float = 0.9) -> tuple[Tokens, Tokens]:
        """Return the first part, to learn from, and the rest, to be tested on."""
        at = int(share * len(self.tokens))
        return self.tokens[:at], self.tokens[at:]


def load_text(path: Path | None) -> Text:
    """
    Read a text, or take the one that comes with Python: the language's reference, as ``help()`` shows it.

    Parameters
    ----------
    path : Path or None
        A file in UTF-8.

    Returns
    -------
    Text

    Raises
    ------
    ExampleError
        If the file cannot be read.
    """
    if path is None:
        topics: dict[str, str] = importlib.import_module("pydoc_data.topics").topics
        text, name = "\n".join(topics[key] for key in sorted(topics)), "the topics of Python's help()"
    else:
        try:
            text, name = path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as error:
            raise ExampleError(f"cannot read {path}: {reason(error)}") from error
    characters = "".join(sorted(set(text)))
    place = {c: i for i, c in enumerate(characters)}
    return Text(name, characters, np.fromiter((place[c] for c in text), np.int64, len(text)))


def pieces(tokens: Tokens, count: int, length: int, rng: np.random.Generator) -> tuple[Tokens, Tokens]:
    """
    Cut pieces out of a text at random.

    Parameters
    ----------
    tokens : ndarray of int64, shape (n,)
        The text.
    count, length : int
        How many pieces, and how long they are.
    rng : numpy.random.Generator
        Draws where they begin.

    Returns
    -------
    inputs, targets : ndarray of int64, shape (count, length)
        The pieces, and for each of their characters the one that follows it.
    """
    starts = rng.integers(0, len(tokens) - length, count)
    rows = tokens[starts[:, None] + np.arange(length + 1)]
    return rows[:, :-1], rows[:, 1:]
