"""A data set from a file of comma-separated values."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.dtypes import get_default_dtype
from .dataset import TensorDataset

__all__ = ["CSVDataset"]


class CSVDataset(TensorDataset):
    r"""The rows of a CSV file: item i is the numbers of row i, and, if there is a target, that of the row.

    Parameters
    ----------
    path : str or path
        A text file in UTF-8, a row to a line.
    target : str, int, or sequence of them, optional
        Names or numbers of the columns to predict. Words become the numbers of their classes, in alphabetical order,
        of dtype int64 and shape (rows,), as `nn.CrossEntropyLoss` wants them; numbers stay numbers, of shape
        (rows, columns), the shape of a linear layer's output.
    columns : sequence of str or int, optional
        Those to learn from; by default all but the target.
    is_class : bool, optional
        Whether each distinct value of the target is a class, numbers too. By default if it is words.
    header : bool, optional
        Whether the first line names the columns; without names they are called "0", "1", ...
    delimiter : str, optional
        Between two values of a line.
    missing : float, optional
        The number that stands for an empty field. By default an empty field is an error.
    dtype : dtype, optional
        Of the numbers; the default dtype unless given.

    Attributes
    ----------
    columns : list of str
        The names of those to learn from, in the order of the features.
    classes : list of str
        The names of the target's classes, by number; empty if it is numbers.
    tensors : tuple of Tensor
        The features, of shape (rows, columns), and the target.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError
        If `dtype` is none of floating-point numbers.
    ValueError
        If there are no rows, a column is not there, a line has more or fewer values than the first, or a field is
        empty or no number. The error names the line and the column.

    See Also
    --------
    ImageFolder : Images, a folder to a class.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("length,width,kind\n5.1,1.4,setosa\n6.4,4.5,versicolor\n4.9,1.5,setosa\n")
    >>> flowers = ad.data.CSVDataset(path, target="kind")
    >>> flowers.columns, flowers.classes
    (['length', 'width'], ['setosa', 'versicolor'])
    >>> flowers[0]
    (tensor([5.1000, 1.4000]), tensor(0))
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        target: str | int | Sequence[str | int] | None = None,
        *,
        columns: Sequence[str | int] | None = None,
        is_class: bool | None = None,
        header: bool = True,
        delimiter: str = ",",
        missing: float | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        self._missing, self._dtype = missing, np.dtype(get_default_dtype() if dtype is None else dtype)
        if self._dtype.kind != "f":
            raise TypeError(f"CSVDataset: dtype must be one of floating-point numbers, got {self._dtype}")
        self._read(Path(path), header, delimiter)
        targets = self._named([target] if isinstance(target, (str, int)) else target or ())
        rest = [name for name in self._names if name not in targets]
        self.columns = rest if columns is None else self._named(columns)
        if not self.columns:
            raise ValueError(f"CSVDataset: {self._path} has no column to learn from beside the target {targets}")
        self.classes: list[str] = []
        arrays = [np.stack([self._numbers(name) for name in self.columns], axis=1)]
        if targets:
            arrays.append(self._target(targets, is_class))
        super().__init__(*arrays)

    def _read(self, path: Path, header: bool, delimiter: str) -> None:
        """Keep the fields of each line, the number of the line, and the names of the columns."""
        self._path = path
        with path.open(newline="", encoding="utf-8-sig") as file:  # a mark at its beginning is no part of a name
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True)
            try:
                found = [(reader.line_num, [field.strip() for field in row]) for row in reader if row]
            except UnicodeDecodeError as error:
                raise ValueError(f"CSVDataset: {path} is no text in UTF-8 ({error}); save it anew as UTF-8") from None
        names = found[0][1] if found else []
        if header and names and all(name and _is_number(name) for name in names):
            warnings.warn(
                f"CSVDataset: the first line of {path}, {names}, is taken as the names of the columns; if it is a row, "
                "pass header=False",
                UserWarning,
                stacklevel=3,
            )
        self._rows = found[1:] if header else found
        self._names = names if header else [str(i) for i in range(len(names))]
        if not self._rows:
            raise ValueError(f"CSVDataset: {path} has no rows" + " beneath its header" * header)
        if len(set(self._names)) < len(self._names):
            raise ValueError(f"CSVDataset: two columns of {path} have one name: {self._names}; is there a header?")
        for line, row in self._rows:
            if len(row) != len(self._names):
                raise ValueError(f"CSVDataset: line {line} of {path} has {len(row)} values, not {len(self._names)}")

    def _named(self, columns: Sequence[str | int]) -> list[str]:
        """Return the names of columns that are given by name or number."""
        named = []
        for column in columns:
            if isinstance(column, int) and -len(self._names) <= column < len(self._names):
                column = self._names[column]
            if column not in self._names:
                raise ValueError(f"CSVDataset: {self._path} has no column {column!r}; its columns: {self._names}")
            named.append(str(column))
        return named

    def _numbers(self, name: str) -> npt.NDArray[Any]:
        """Return a column as numbers."""
        i = self._names.index(name)
        found = np.empty(len(self._rows), self._dtype)
        for k, (line, row) in enumerate(self._rows):
            try:
                found[k] = self._missing if not row[i] and self._missing is not None else _number(row[i])
            except ValueError:
                what = f"{row[i]!r} is no number" if row[i] else "an empty field"
                cure = "give missing=" if not row[i] else "name it as the target, or leave it out with columns="
                raise ValueError(f"CSVDataset: line {line} of {self._path}, column {name!r}: {what}; {cure}") from None
        return found

    def _target(self, names: list[str], is_class: bool | None) -> npt.NDArray[Any]:
        """Return the numbers of the target, or those of its classes."""
        if is_class is None:
            is_class = len(names) == 1 and not all(map(_is_number, self._fields(names[0])))
        if not is_class:
            return np.stack([self._numbers(name) for name in names], axis=1)
        if len(names) > 1:
            raise ValueError(f"CSVDataset: classes stand in one column, got the target {names}")
        fields = self._fields(names[0])
        if "" in fields:
            line = self._rows[fields.index("")][0]
            raise ValueError(f"CSVDataset: line {line} of {self._path}, column {names[0]!r}: an empty field, no class")
        whole = all(field.lstrip("-").isdecimal() for field in fields)
        self.classes = sorted(set(fields), key=int if whole else None)  # as numbers: 2 before 10
        numbers = {field: i for i, field in enumerate(self.classes)}
        return np.array([numbers[field] for field in fields], np.int64)

    def _fields(self, name: str) -> list[str]:
        i = self._names.index(name)
        return [row[i] for _, row in self._rows]


def _number(field: str) -> float:
    """Return the number that a field is; Python's 1_000 is none elsewhere."""
    if "_" in field:
        raise ValueError(field)
    return float(field)


def _is_number(field: str) -> bool:
    """Tell whether a field is a number; an empty one is a number that is missing."""
    try:
        _number(field or "0")
    except ValueError:
        return False
    return True
