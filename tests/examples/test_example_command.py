"""The helpers that all programs share say what they should."""

from __future__ import annotations

import re

import pytest

from examples._command import parser, print_table, progress


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


def test_how_far_it_is_stands_in_a_file_a_line_a_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr("examples._command.time.monotonic", lambda: now[0])
    monkeypatch.setattr("examples._command._told", [1000.0])
    for name in ("SGD", "Adam"):  # two loops of 50 s share the minute
        for _ in progress(range(5), 5, name, "epoch"):
            now[0] += 10
    assert re.findall(r"^\d\d:\d\d  (.*)$", capsys.readouterr().out, re.MULTILINE) == ["epoch 1 of 5, Adam"]


def test_help_names_a_default_only_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    options = parser("What it does.", out="runs/x", quick="less of it")
    options.add_argument("--text", default="", help="a text")
    options.add_argument("--file", help="a file")
    options.add_argument("--sizes", nargs="+", default=[1, 4], help="sizes")
    said = options.format_help()
    assert "(default: runs/x)" in said
    assert "(default: 1 4)" in said
    assert said.count("default") == 3  # and that of the seed
