"""What all programs share on the command line: tables."""

from __future__ import annotations

from examples._command import table


def test_a_table_sets_words_left_and_numbers_right() -> None:
    rows = [("sgd", "0.5", "3"), ("adam", "-10.25", ""), ("a", "", "+1")]
    assert table(("name", "loss", "n"), rows).splitlines() == [
        "name     loss    n",
        "sgd       0.5    3",
        "adam   -10.25",
        "a               +1",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(("name", "loss"), []) == "name   loss"
