"""A CSV file is read as numbers, or one line says where it is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from examples._columns import read_columns
from examples._command import ExampleError


def test_columns_are_found_by_name_and_others_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_bytes(b'\xef\xbb\xbfname, y ,x\r\na,2.5,1\r\n\r\n"b, c",-1e3,  .5\r\n')  # as a spreadsheet saves it
    np.testing.assert_array_equal(read_columns(file, ("x", "y")), [[1, 2.5], [0.5, -1000]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "{file}: no column x and y: it is empty"),
        (b"a,b\n1,2\n", "{file}: no column x and y: it has a, b"),
        (b"x,b\n1,2\n", "{file}: no column y: it has x, b"),
        (b"x,y\n", "{file}: expected at least 2 rows of numbers, found 0"),
        (b"x,y\n1,2\n", "{file}: expected at least 2 rows of numbers, found 1"),
        (b"x,y\n1,2\n3,four\n", "{file}, line 3: expected a number in column y, got 'four'"),
        (b"x,y\n1,2\n3\n", "{file}, line 3: expected a number in column y, got ''"),
        (b"x,y\n1,2\nnan,1\n", "{file}, line 3: expected a number in column x, got 'nan'"),
        (b"x,y\n1,2\n1,inf\n", "{file}, line 3: expected a number in column y, got 'inf'"),
        (b"x,y\n1,2\n\xff,1\n", "cannot read {file}: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_bytes(content)
    with pytest.raises(ExampleError) as caught:
        read_columns(file, ("x", "y"), rows=2)
    assert str(caught.value).startswith(message.format(file=file))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match=r"^cannot read .*none\.csv: No such file or directory$"):
        read_columns(tmp_path / "none.csv", ("x",))
