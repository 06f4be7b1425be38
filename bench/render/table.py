"""A table: columns that know how to show a value, rows of raw values; as terminal text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from bench.judge.statistics import Summary
from bench.render.escape import for_csv, for_markdown, for_terminal

Value = str | int | float | Summary | None
NOT_MEASURED = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        heading: for people, with the unit that `show` scales to.
        name: for CSV, with the unit of the raw value.
        show: number -> text; not called for text and None. None for a column of text.
        has_spread: whether its values are summaries; CSV then has the median, the quartiles and the count.
    """

    heading: str
    name: str
    show: Callable[[float], str] | None = None
    has_spread: bool = False

    def text(self, value: Value) -> str:
        """Show a value; a summary with its quartiles, if it has any."""
        if value is None:
            return NOT_MEASURED
        if isinstance(value, str) or self.show is None:
            return str(value)
        if not isinstance(value, Summary):
            return self.show(value)
        if value.low is None or value.high is None:
            return self.show(value.median)
        return f"{self.show(value.median)} ({self.show(value.low)} to {self.show(value.high)})"

    def csv_names(self) -> list[str]:
        """Name the CSV columns that this column becomes."""
        return [self.name] + [f"{self.name}_{part}" for part in ("low", "high", "count")] * self.has_spread

    def csv_values(self, value: Value) -> list[str | int | float | None]:
        """Return the raw values for those."""
        if not self.has_spread:
            return [for_csv(value) if isinstance(value, str) else value if not isinstance(value, Summary) else None]
        if not isinstance(value, Summary):
            return [None] * 4
        return [value.median, value.low, value.high, value.count]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title, with notes that say how to read them."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()


def to_terminal(table: Table, width: int) -> str:
    """Lay the table out for a terminal; where it is too wide for that, as one short list for each row."""
    rows = [[for_terminal(text) for text in row] for row in _texts(table)]
    headings = [column.heading for column in table.columns]
    grid = tabulate(rows, headers=headings, disable_numparse=True, colalign=_alignment(table, rows))
    if max(len(line) for line in grid.splitlines()) > width:
        grid = "\n\n".join(_list_row(headings, row) for row in rows)
    return "\n".join([table.title, "", grid, *(["", *table.notes] if table.notes else [])]) + "\n"


def to_markdown(table: Table) -> str:
    """Write the table as GitHub Markdown."""
    rows = [[for_markdown(text) for text in row] for row in _texts(table)]
    headings = [column.heading for column in table.columns]
    grid = tabulate(rows, headers=headings, tablefmt="pipe", disable_numparse=True, colalign=_alignment(table, rows))
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return f"## {table.title}\n\n{grid}\n{notes}"


def to_csv(table: Table) -> str:
    """Write the raw values as CSV (RFC 4180), in base units, a point as decimal mark."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow([name for column in table.columns for name in column.csv_names()])
    for row in table.rows:
        cells = zip(table.columns, row, strict=True)
        writer.writerow([cell for column, value in cells for cell in column.csv_values(value)])
    return output.getvalue()


def _texts(table: Table) -> list[list[str]]:
    return [[column.text(value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]


def _alignment(table: Table, rows: Sequence[object]) -> list[str] | None:
    return ["left" if column.show is None else "right" for column in table.columns] if rows else None


def _list_row(headings: Sequence[str], row: Sequence[str]) -> str:
    first, *rest = row
    return "\n".join([first, *(f"  {heading}: {text}" for heading, text in zip(headings[1:], rest, strict=True))])
