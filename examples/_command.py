"""The manners all example programs share on the command line: options, errors, exit codes."""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

_MINUTE = 60.0  # seconds


class ExampleError(Exception):
    """Something the user can put right; the program ends with its message, in one line, and exit code 2."""


def run(main: Callable[[], int]) -> int:
    """
    Run a program and turn what the user can put right into one line on standard error.

    Parameters
    ----------
    main : callable
        The program; returns its exit code.

    Returns
    -------
    int
        The exit code: that of `main`, 2 after an `ExampleError`, 130 after Ctrl-C.
    """
    try:
        return main()
    except ExampleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


@contextmanager
def silence_divergence() -> Iterator[None]:
    """Silence NumPy and the optimizer where training may diverge, because the program says so itself."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*training diverges", RuntimeWarning)
        yield


def require(*modules: str, what: str = "this example", install: str = "'autodiff-numpy[examples]'") -> None:
    """
    Fail before any work is done if a package that only the examples need is missing.

    Parameters
    ----------
    *modules : str
        Names to import, such as ``"matplotlib"``.
    what : str, optional
        What needs them.
    install : str, optional
        What ``pip install`` is to be given.

    Raises
    ------
    ExampleError
        Naming every missing module and the command that installs them.
    """
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ExampleError(f"{what} needs {' and '.join(missing)}: install with  pip install {install}")


def writable_folder(path: Path) -> Path:
    """
    Create a folder if it is missing and make sure, before any training, that files can be written to it.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    Path
        The same folder.

    Raises
    ------
    ExampleError
        If it cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise ExampleError(f"cannot write to the folder {path}: {reason(error)}") from error
    return path


def reason(error: BaseException) -> str:
    """Say why something failed, in words and on one line: for an `OSError` without its number and path."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return " ".join(text.split())


def progress(items: Iterable[Item], total: int, title: str, unit: str = "batch") -> Iterable[Item]:
    """Pass the items on while a bar on a terminal shows how far it is; in a file, a line a minute does."""
    if not sys.stderr.isatty():
        return _told_each_minute(items, f"of {total:,}, {title}", unit)
    from tqdm import tqdm

    bar: Iterable[Item] = tqdm(items, total=total, desc=title, unit=unit, leave=False)
    return bar


_told = [time.monotonic()]  # when the program last said how far it is; many short loops share the minute


def _told_each_minute(items: Iterable[Item], rest: str, unit: str) -> Iterator[Item]:
    for i, item in enumerate(items, 1):
        yield item
        if time.monotonic() - _told[0] >= _MINUTE:
            print(f"{time.strftime('%H:%M')}  {unit} {i:,} {rest}", flush=True)
            _told[0] = time.monotonic()


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """
    Print a table that reads well on a terminal and is Markdown as it stands.

    Parameters
    ----------
    headers : sequence of str
        The names of the columns.
    rows : iterable of sequence
        Their cells. The first column and columns of words are set to the left, those in which all cells begin as a
        number does, or are empty, to the right.
    """
    lines = [list(headers), *([str(cell) for cell in row] for row in rows)]
    columns = list(zip(*lines, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    numbers = [
        i > 0 and any(c) and all(cell[:1] in "+-−.0123456789" for cell in c) for i, (_, *c) in enumerate(columns)
    ]
    rule = ["-" * (width - 1) + ":" if number else "-" * width for width, number in zip(widths, numbers, strict=True)]
    for line in (lines[0], rule, *lines[1:]):
        layout = zip(line, widths, numbers, strict=True)
        cells = [cell.rjust(width) if number else cell.ljust(width) for cell, width, number in layout]
        print("| " + " | ".join(cells) + " |", flush=True)


def integer(minimum: int, why: str = "") -> Callable[[str], int]:
    """
    Make a type for `argparse`: an integer not smaller than a bound.

    Parameters
    ----------
    minimum : int
        The smallest value allowed.
    why : str, optional
        Added to the error message, to explain a bound that is not obvious.

    Returns
    -------
    callable
        Converts the text of an option.
    """

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if value < minimum:
            raise argparse.ArgumentTypeError(f"expected an integer of at least {minimum}{why}, got {text!r}")
        return value

    return convert


def number(least: float, below: float = math.inf) -> Callable[[str], float]:
    """Make a type for `argparse`: a finite number of at least `least` and below `below`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value < below:
            limit = f" and below {below:g}" if below < math.inf else ""
            raise argparse.ArgumentTypeError(f"expected a number of at least {least:g}{limit}, got {text!r}")
        return value

    return convert


def positive_number(text: str) -> float:
    """Convert the text of an option to a finite number above zero, as a type for `argparse`."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def job_count(text: str) -> int:
    """Convert the text of ``--jobs``: how many runs at a time, or -1 for as many as there are cores."""
    return -1 if text == "-1" else integer(1, why=", or -1 for as many as there are cores")(text)


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that says each default which is not plain: neither of a switch nor of what is left out."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == "" or not action.help:
            return action.help
        if isinstance(action.default, (list, tuple)):
            return f"{action.help} (default: {' '.join(map(str, action.default))})"
        return super()._get_help_string(action)


def parser(description: str, out: str, quick: str = "", compiles: bool = False) -> argparse.ArgumentParser:
    """
    Make the option parser of a program, with the options that all programs have.

    Parameters
    ----------
    description : str
        What the program does.
    out : str
        The default of ``--out``.
    quick : str, optional
        What ``--quick`` does; without it there is no such option.
    compiles : bool, default False
        Whether there is ``--compile``.

    Returns
    -------
    argparse.ArgumentParser
        To be completed with the program's own options.
    """
    options = argparse.ArgumentParser(description=description, formatter_class=_Help, allow_abbrev=False)
    options.add_argument("--seed", type=integer(0), default=0, help="makes the run repeatable")
    options.add_argument("--out", type=Path, default=Path(out), metavar="DIR", help="the folder for the pictures")
    if quick:
        options.add_argument("--quick", action="store_true", help=quick)
    if compiles:
        options.add_argument("--compile", action="store_true", help="compile the training step; needs llvmlite")
    return options
