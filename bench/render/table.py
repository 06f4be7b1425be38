"""A table: columns that know how to show a value, rows of raw values; as terminal text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

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
        is_detail: whether a narrow terminal leaves it out; files never do.
    """

    heading: str
    name: str
    show: Callable[[float], str] | None = None
    has_spread: bool = False
    is_detail: bool = False

    def text(self, value: Value, is_brief: bool = False) -> str:
        """Show a value; a summary with its quartiles relative to the median, unless brief."""
        if value is None:
            return NOT_MEASURED
        if isinstance(value, str) or self.show is None:
            return str(value)
        if not isinstance(value, Summary):
            return self.show(value)
        if is_brief or value.low is None or value.high is None or value.median <= 0:
            return self.show(value.median)
        return f"{self.show(value.median)} ({value.low / value.median - 1:+.1%} {value.high / value.median - 1:+.1%})"

    def csv_names(self) -> list[str]:
        """Name the CSV columns that this column becomes."""
        return [self.name] + [f"{self.name}_{part}" for part in ("low", "high", "count")] * self.has_spread

    def csv_values(self, value: Value) -> list[str | int | float | None]:
        """Return the raw values for those."""
        if not self.has_spread:
            return [for_csv(value) if isinstance(value, str) else value if not isinstance(value, Summary) else None]
        if not isinstance(value, Summary):
            return [for_csv(value) if isinstance(value, str) else None, None, None, None]
        return [value.median, value.low, value.high, value.count]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title, with notes that say how to read them; the terminal shows the first note alone."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def says_something(self) -> bool:
        """Whether anything was measured that it shows: a number, not names or a count of none alone."""
        return any(value and column.show is not None for row in self.rows for column, value in _cells(self, row))


def brief(table: Table) -> Table:
    """Return the table without its columns of detail."""
    kept = [place for place, column in enumerate(table.columns) if not column.is_detail]
    rows = tuple(tuple(row[place] for place in kept) for row in table.rows)
    return replace(table, columns=tuple(table.columns[place] for place in kept), rows=rows)


def to_terminal(table: Table, width: int) -> str:
    """Lay the table out for a terminal: whole if it fits, else without detail, else as a short list for each row.

    A number is never cut.
    """
    layouts = (_lay_out(table, is_brief=False), _lay_out(table, is_brief=True), _list_rows(table, width))
    fitting = (layout for layout in layouts if all(len(line) <= width for line in layout.splitlines()))
    notes = ["", *(wrap(note, width) for note in table.notes[:1])]
    return "\n".join([for_terminal(table.title), "", next(fitting, layouts[-1]), *notes]) + "\n"


def wrap(text: str, width: int, indent: str = "") -> str:
    """Fold a line between words; a word longer than the line is left whole."""
    return textwrap.fill(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def to_markdown(table: Table) -> str:
    """Write the table as GitHub Markdown."""
    rows = [
        [for_markdown(value) if isinstance(value, str) else column.text(value) for column, value in _cells(table, row)]
        for row in table.rows
    ]
    headings = [for_markdown(_one_line(column.heading)) for column in table.columns]
    grid = tabulate(rows, headings, tablefmt="pipe", disable_numparse=True, colalign=_alignment(table.columns, rows))
    notes = "".join(f"\n{note}\n" for note in table.notes)
    return f"## {for_markdown(table.title)}\n\n{grid}\n{notes}"


def to_csv(table: Table) -> str:
    """Write the raw values as CSV (RFC 4180), in base units, a point as decimal mark."""
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow([name for column in table.columns for name in column.csv_names()])
    for row in table.rows:
        writer.writerow([cell for column, value in _cells(table, row) for cell in column.csv_values(value)])
    return output.getvalue()


def _cells(table: Table, row: Sequence[Value]) -> Iterator[tuple[Column, Value]]:
    return zip(table.columns, row, strict=True)


def _lay_out(table: Table, is_brief: bool) -> str:
    shown = brief(table) if is_brief else table
    rows = [[for_terminal(column.text(value, is_brief)) for column, value in _cells(shown, row)] for row in shown.rows]
    headings = [column.heading for column in shown.columns]
    return tabulate(rows, headings, disable_numparse=True, colalign=_alignment(shown.columns, rows))


def _list_rows(table: Table, width: int) -> str:
    blocks = []
    for row in table.rows:
        (_, name), *rest = _cells(table, row)
        facts = [f"{_one_line(column.heading)} {for_terminal(column.text(value))}" for column, value in rest]
        # A heading and its number stay on one line.
        lines = wrap(", ".join(fact.replace(" ", "\xa0") for fact in facts), width, indent="  ")
        blocks.append(f"{for_terminal(str(name))}\n{lines}".replace("\xa0", " "))
    return "\n".join(blocks)


def _one_line(heading: str) -> str:
    return heading.replace("-\n", "").replace("\n", " ")


def _alignment(columns: Sequence[Column], rows: Sequence[object]) -> list[str] | None:
    return ["left" if column.show is None else "right" for column in columns] if rows else None
