"""The helpers that all programs share say what they should."""

from __future__ import annotations

import pytest

from examples._command import parser, print_table


def test_a_table_is_aligned_and_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["rule", "%"], [["SGD", 95.0], ["Momentum", "100.0"]])
    assert capsys.readouterr().out.splitlines() == [
        "| rule     |     % |",
        "| -------- | ----: |",
        "| SGD      |  95.0 |",
        "| Momentum | 100.0 |",
    ]


def test_words_stand_left_and_numbers_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["n", "what", "loss", ""], [[1, "sgd", "-1.5 s", ""], ["10", "adam", "", "stopped"]])
    assert capsys.readouterr().out.splitlines() == [
        "| n   | what |   loss |         |",
        "| --- | ---- | -----: | ------- |",
        "| 1   | sgd  | -1.5 s |         |",
        "| 10  | adam |        | stopped |",
    ]


def test_quick_is_an_option_of_programs_that_have_something_to_shorten(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser("A program.", out="runs/x", quick="ten images")
    assert options.parse_args([]).quick is False
    assert options.parse_args(["--quick"]).quick is True
    with pytest.raises(SystemExit):
        parser("A program.", out="runs/x").parse_args(["--quick"])
    assert "unrecognized arguments: --quick" in capsys.readouterr().err
