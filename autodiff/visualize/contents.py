"""What an array holds, said in a few characters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = tuple[tuple[str, ...], ...]  # lines of cells; a line of one cell spans the width

MOST_CELLS, MOST_ROWS, MOST_COLUMNS = 8, 4, 4  # what is larger is summarized: about one glance


def number(value: Any, digits: int) -> str:
    """Return one number with `digits` significant digits, integers and booleans in full.

    Examples
    --------
    >>> from autodiff.visualize.contents import number
    >>> [number(v, 3) for v in (0.46211, -2.0, -0.0, 12345.6, 1.5e-7, 7, True)]
    ['0.462', '−2', '0', '1.23e4', '1.5e−7', '7', 'True']
    """
    if isinstance(value, (bool, np.bool)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        return str(int(value)).replace("-", "−")
    if math.isnan(value):
        return "NaN"
    mantissa, e, exponent = f"{float(value) + 0.0:.{digits}g}".partition("e")  # + 0.0 makes -0 a 0
    return (mantissa + (f"e{int(exponent)}" if e else "")).replace("-", "−")


def numbers(values: npt.NDArray[Any], digits: int) -> list[str]:
    """Return numbers with as many decimals each, the largest with `digits` digits, so that they can be compared.

    Where the smallest would be left with fewer than two digits, each is written by itself.

    Examples
    --------
    >>> from autodiff.visualize.contents import numbers
    >>> numbers(np.array([0.53, -0.53221, 0.0]), 4)
    ['0.5300', '−0.5322', '0.0000']
    >>> numbers(np.array([1.0, 0.5, -3.0]), 4)
    ['1.0', '0.5', '−3.0']
    >>> numbers(np.array([1.0, 1e-9]), 4)
    ['1', '1e−9']
    """
    sizes = np.abs(values[values != 0]).astype(np.float64) if values.dtype.kind == "f" else np.empty(0)
    if not sizes.size or not np.isfinite(values).all():
        return [number(v, digits) for v in values]
    decimals = digits - 1 - math.floor(math.log10(sizes.max()))
    if not 0 <= decimals <= digits + 3 or sizes.min() < 10.0 ** (1 - decimals):
        return [number(v, digits) for v in values]
    written = [f"{float(v) + 0.0:.{decimals}f}".replace("-", "−") for v in values]
    while "." in written[0] and all(text[-1] in "0." for text in written):
        written = [text[:-1] for text in written]
    return written


def shape(array: Any) -> str:
    """Return the shape as Python writes it, or "scalar"."""
    return str(array.shape) if array.ndim else "scalar"


def is_small(array: npt.NDArray[Any]) -> bool:
    """Tell whether all elements can be shown."""
    if array.ndim > 2 or array.size > MOST_CELLS or not array.size:
        return False
    rows, columns = (1, 1, *array.shape)[-2:]
    return bool(rows <= MOST_ROWS and columns <= MOST_COLUMNS)


def value(array: Any, digits: int, brief: bool = False) -> Rows:
    """Return a small array element by element, a larger one as its mean, spread and, unless brief, range.

    Examples
    --------
    >>> from autodiff.visualize.contents import value
    >>> value(np.array([[1.0, 0.25], [0.0, -3.0]]), 4)
    (('1.00', '0.25'), ('0.00', '−3.00'))
    >>> value(np.arange(100), 4)
    (('mean 49.50 ± 28.87',), ('0 … 99',))
    >>> value(np.array([np.nan, *range(9)]), 4)
    (('mean 4.000 ± 2.582',), ('0 … 8',), ('1 NaN',))
    >>> value(np.arange(100), 4, brief=True)
    (('49.50 ± 28.87',),)
    """
    array = np.asarray(array)
    if is_small(array):
        cells, columns = numbers(array.reshape(-1), digits), (1, *array.shape)[-1]
        return tuple(tuple(cells[i : i + columns]) for i in range(0, len(cells), columns))
    return tuple((line,) for line in _summary(array, digits, brief))


def _summary(array: npt.NDArray[Any], digits: int, brief: bool) -> list[str]:
    if not array.size:
        return ["empty"]
    if array.dtype.kind == "b":
        return [f"{int(array.sum())} of {array.size} True"]
    finite = array[np.isfinite(array)]
    lines = []
    if finite.size:
        low, high = finite.min(), finite.max()
        if low == high:
            lines = [f"all {number(low, digits)}"]
        else:
            wide = finite.astype(np.float64)  # neither float16 nor small integers can hold the sum
            mean, spread = wide.mean(), wide.std()
            if abs(mean) < spread * 10.0**-digits:  # what is left of it is rounding
                mean = 0.0
            middle = " ± ".join(numbers(np.array([mean, spread]), digits)) if mean else f"0 ± {number(spread, digits)}"
            lines = [middle] if brief else [f"mean {middle}", " … ".join(numbers(np.array([low, high]), digits))]
    return lines + _not_finite(array)


def _not_finite(array: npt.NDArray[Any]) -> list[str]:
    counts = (("NaN", np.isnan(array)), ("inf", np.isposinf(array)), ("−inf", np.isneginf(array)))
    found = [f"{n} {what}" for what, where in counts if (n := int(where.sum()))]
    return [", ".join(found)] if found else []


def parameter(value: Any) -> str | None:
    """Return an operation's parameter in a few characters; None if it says nothing or too much.

    Examples
    --------
    >>> from autodiff.visualize.contents import parameter
    >>> [parameter(v) for v in (2, (0, -1), True, None, np.ones(3))]
    ['2', '(0, −1)', None, None, None]
    """
    if isinstance(value, np.dtype):
        return str(value)
    if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return number(value, 4)
    if isinstance(value, tuple) and len(value) <= MOST_COLUMNS and all(isinstance(v, int) for v in value):
        return str(value).replace("-", "−")
    return None


def check_digits(digits: Any, where: str) -> None:
    """Raise unless `digits` is a number of significant digits."""
    if isinstance(digits, bool) or not isinstance(digits, (int, np.integer)):
        raise TypeError(f"{where}: digits must be an integer, got {digits!r}")
    if digits < 1:
        raise ValueError(f"{where}: digits must be at least 1, got {digits}")
