"""Tables of figures, and how they are printed: as text, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Figures by row and column, each row beside the column that it is compared with.

    Attributes
    ----------
    key : str
        Its name in files.
    title : str
        What was measured.
    unit : str
        Of the figures; "" for ratios.
    base : str
        The column that ratios are to.
    rows : dict of str to dict of str to float
        The figures by row and column; what was not measured is left out.
    """

    key: str
    title: str
    unit: str
    base: str
    rows: dict[str, dict[str, float]]

    def ratios(self) -> dict[str, dict[str, float]]:
        """Return each figure as a multiple of its row's base, for the rows that have one."""
        return {
            name: {column: value / row[self.base] for column, value in row.items()}
            for name, row in self.rows.items()
            if self.base in row
        }

    def as_text(self) -> str:
        """Return a block of lines for each row: the figure and its ratio to the base."""
        lines = [f"{self.title}, {self.unit}; x: multiples of {self.base}"]
        ratios = self.ratios()
        width = max((len(column) for row in self.rows.values() for column in row), default=0)
        for name, row in self.rows.items():
            lines.append(f"  {name}")
            for column, value in row.items():
                ratio = f"   x {_figure(ratios[name][column])}" if name in ratios else ""
                lines.append(f"    {column:<{width}}{_figure(value):>10}{ratio}")
        return "\n".join(lines)

    def as_markdown(self) -> str:
        """Return a Markdown table: a line for each row, a figure with its ratio in each cell."""
        columns = list(dict.fromkeys(column for row in self.rows.values() for column in row))
        ratios = self.ratios()

        def cells(name: str, row: dict[str, float]) -> Iterator[str]:
            for column in columns:
                ratio = column in ratios.get(name, {}) and column != self.base
                text = _figure(row[column]) if column in row else ""
                yield f"{text} (x {_figure(ratios[name][column])})" if ratio else text

        return _markdown([self.unit, *columns], [[name, *cells(name, row)] for name, row in self.rows.items()])


def ratios_as_text(table: Table) -> str:
    """Return the table's ratios alone, a line for each row."""
    columns, lines = _ratio_cells(table)
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in [columns, *lines]
    )


def ratios_as_markdown(table: Table) -> str:
    """Return the table's ratios alone as a Markdown table."""
    return _markdown(*_ratio_cells(table))


def _ratio_cells(table: Table) -> tuple[list[str], list[list[str]]]:
    ratios = table.ratios()
    columns = [c for c in dict.fromkeys(column for row in ratios.values() for column in row) if c != table.base]
    lines = [[name, *(_figure(row[c]) if c in row else "" for c in columns)] for name, row in ratios.items()]
    return [f"multiples of {table.base}", *columns], lines


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, rule, *lines])


def _figure(value: float) -> str:
    """Return a figure with as many decimals as it deserves."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
