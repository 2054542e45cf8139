"""Columns of numbers from a CSV file, or one line that says what is wrong with it."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples._command import ExampleError, reason


def read_columns(path: Path, names: Sequence[str], rows: int = 1) -> NDArray[np.float64]:
    """
    Read some columns of a CSV file that begins with a line of names.

    Parameters
    ----------
    path : Path
        The file, in UTF-8, separated by commas. Columns that are not asked for may hold anything.
    names : sequence of str
        The columns.
    rows : int, default 1
        How many rows are needed.

    Returns
    -------
    ndarray of float64, shape (rows, names)
        The numbers, all finite.

    Raises
    ------
    ExampleError
        If it cannot be read, lacks a column, holds something else than numbers or too few of them.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, skipinitialspace=True)
            header = [name.strip() for name in next(lines, [])]
            missing = [name for name in names if name not in header]
            if missing:
                found = f"it has {', '.join(header)}" if header else "it is empty"
                raise ExampleError(f"{path}: no column {' and '.join(missing)}: {found}")
            places = [header.index(name) for name in names]
            read = [
                [
                    _number(line, place, name, f"{path}, line {lines.line_num}")
                    for place, name in zip(places, names, strict=True)
                ]
                for line in lines
                if line  # blank ones are left out
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExampleError(f"cannot read {path}: {reason(error)}") from error
    if len(read) < rows:
        raise ExampleError(f"{path}: expected at least {rows} rows of numbers, found {len(read)}")
    return np.array(read)


def _number(line: Sequence[str], place: int, name: str, where: str) -> float:
    """Return one cell as a finite number."""
    text = line[place] if place < len(line) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ExampleError(f"{where}: expected a number in column {name}, got {text!r}")
    return value
