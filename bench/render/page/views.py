"""Tables and figures, ready for the page's template: text made printable, which the template escapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from markupsafe import Markup

from bench.judge.statistics import Summary
from bench.render.escape import for_terminal
from bench.render.page.charts import draw, specify
from bench.render.page.figure import Figure
from bench.render.page.pictures import to_inline_svg
from bench.render.table import Column, Table, Value, to_csv, to_markdown

Item = TypeVar("Item")

MAX_ROWS = 300
"""Of a table in the page; more is for a program, which reads CSV."""

_ALARMS = ("INVALID", "DIFFERENT", "UNDECIDED", "failed", "FAILED", "PARTIAL", "UNSTABLE", "never", "can't be read")
_WARNINGS = ("INCONCLUSIVE", "SLOWER", "untested", "cut short", "not resolved", "this machine only", "yes, but differs")
_GOOD = ("EQUIVALENT", "FASTER", "SAME")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    text: str
    key: str | None
    """What it is sorted by: the raw number, where it is one."""
    style: str


@dataclass(frozen=True, slots=True)
class TableView:
    """A table; its Markdown has a line for each row, so that a copy can follow the order on the screen."""

    title: str
    headings: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]
    markdown: str


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure, what it says, and what was drawn."""

    title: str
    notes: tuple[str, ...]
    svg: Markup
    specification: dict[str, Any]
    csv: str


def view_table(table: Table) -> TableView:
    """Show a table without the columns in which nothing was measured."""
    shown = _without_empty_columns(replace(table, rows=table.rows[:MAX_ROWS]))
    notes = shown.notes
    if len(table.rows) > MAX_ROWS:
        notes += (f"The first {MAX_ROWS:,} of {len(table.rows):,} rows are shown.",)
    headings = tuple(
        Cell(
            for_terminal(column.heading.replace("-\n", "").replace("\n", " ")),
            None,
            "" if column.show is None else "number",
        )
        for column in shown.columns
    )
    rows = tuple(tuple(map(_view_cell, shown.columns, row)) for row in shown.rows)
    title = for_terminal(shown.title)
    return TableView(title, headings, rows, tuple(map(for_terminal, notes)), to_markdown(replace(shown, notes=())))


def view_figure(figure: Figure) -> FigureView:
    """Draw a figure."""
    table = figure.table
    # Ends of records stay; within a field a line end is shown as what it is.
    csv = "\n".join(map(for_terminal, to_csv(table).split("\r\n")))
    specification = specify(draw(figure))
    notes = tuple(map(for_terminal, table.notes))
    return FigureView(for_terminal(table.title), notes, to_inline_svg(specification), specification, csv)


def style_of(text: str) -> str:
    """Choose how a word is marked; the word says it, too, for who sees no colours."""
    for style, words in (("alarm", _ALARMS), ("warning", _WARNINGS), ("good", _GOOD)):
        if text in words:
            return style
    return ""


def _view_cell(column: Column, value: Value) -> Cell:
    text = for_terminal(column.text(value))
    number = value.median if isinstance(value, Summary) else value
    key = None if number is None or isinstance(number, str) else repr(number)
    styles = (style_of(text), "number" if column.show is not None else "")
    return Cell(text, key, " ".join(filter(None, styles)))


def _without_empty_columns(table: Table) -> Table:
    kept = [
        place for place in range(len(table.columns)) if place == 0 or any(row[place] is not None for row in table.rows)
    ]
    return replace(table, columns=_pick(table.columns, kept), rows=tuple(_pick(row, kept) for row in table.rows))


def _pick(items: Sequence[Item], places: Sequence[int]) -> tuple[Item, ...]:
    return tuple(items[place] for place in places)
