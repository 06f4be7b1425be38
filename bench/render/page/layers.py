"""What the drawings of several cases have in common: a row a case, its name above its bar, the number at the right.

So a picture can be as narrow as a phone, however long a name is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.judge.statistics import Summary
from bench.render.escape import for_picture
from bench.render.table import Column, Table, Value

Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart
Record = dict[str, str | int | float | None]

STEP = 38
"""Pixels for a case."""
BELOW = 7
"""Pixels from the middle of a row down to its bar."""
_ABOVE = -8
_ROOM_FOR_NUMBER = 100

ACCENT, PALE, GOOD = "#2f7ed8", "#a9c4e4", "#2a9d74"
SERIES = (ACCENT, "#e08a1e", GOOD, "#b5599d", "#8c6bd1", "#c25b3f", "#5aa2b8", "#8a8f3c")
"""Told apart by eyes that see red and green alike, and seen on white and on black."""
INK, MUTED, GRID = "#1f2329", "#626b76", "#dde1e6"
"""The page's style sheet gives other colours to these three in the dark."""


def list_records(table: Table) -> list[Record]:
    """Return the rows of a table as a drawing needs them: names as in CSV, spreads apart, None for what is no number.

    Text is made printable.
    """
    return [
        {name: value for column, cell in zip(table.columns, row, strict=True) for name, value in _parts(column, cell)}
        for row in table.rows
    ]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a drawing.

    Args:
        records: one a row, or more.
        field: what names the row.
        shown: what stands at its right.
    """

    records: Sequence[Record]
    field: str
    shown: str | None = None

    @property
    def chart(self) -> alt.Chart:
        """Return a chart of the rows' own records, to be marked."""
        return self.of(self.records)

    def of(self, records: Sequence[Record]) -> alt.Chart:
        """Return a chart of other records in the same rows."""
        names = list(dict.fromkeys(each[self.field] for each in self.records))
        y = alt.Y(f"{self.field}:N", axis=None, scale=alt.Scale(domain=names, padding=0))
        return _chart_of(records).encode(y=y).properties(height=alt.Step(STEP))

    def texts(self) -> list[alt.Chart]:
        """Return the names and numbers above the bars."""
        first = list({each[self.field]: each for each in reversed(self.records)}.values())
        # Written over one another they would look bold: one text a row.
        base = self.of(first)
        room = alt.ExprRef(f"width - {_ROOM_FOR_NUMBER if self.shown else 0}")
        name = base.mark_text(align="left", yOffset=_ABOVE, limit=room, color=INK, fontSize=12, aria=False)
        texts = [name.encode(x=alt.value(0), text=f"{self.field}:N")]
        if self.shown:
            number = base.mark_text(align="right", yOffset=_ABOVE, color=MUTED, fontSize=12, aria=False)
            texts.append(number.encode(x=alt.value(alt.ExprRef("width")), text=f"{self.shown}:N"))
        return texts


def mark_constant(**values: float) -> alt.Chart:
    """Return a chart of one record, to mark a place or a stretch of an axis."""
    return _chart_of([dict(values)])


def count_along() -> alt.Axis:
    """Return an axis of plain numbers."""
    return alt.Axis(tickCount=5, format="~r")


def light_up(chosen: alt.Parameter, opacity: float) -> Any:
    """Dim what was not chosen in the legend."""
    return alt.condition(chosen, alt.value(opacity), alt.value(0.1 * opacity))


def _chart_of(records: Sequence[Record]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=list(records)))


def _parts(column: Column, value: Value) -> list[tuple[str, str | int | float | None]]:
    if isinstance(value, Summary):
        parts: list[float | None] = [value.median, value.low, value.high, value.count]
        return list(zip(column.csv_names(), map(_finite, parts), strict=True))
    if isinstance(value, str):
        # Text in a column of numbers says why there is none.
        return [(column.name, for_picture(value) if column.show is None else None)]
    return [(column.name, _finite(value))]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
