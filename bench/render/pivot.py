"""A comparison laid out along two axes of its cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from bench.judge.axes import AXES, list_varying
from bench.judge.sides import CaseComparison
from bench.judge.statistics import Summary
from bench.records.case import Case
from bench.render.escape import for_terminal
from bench.render.table import Column, Table, Value
from bench.render.units import number


def make_pivot(title: str, cases: Sequence[CaseComparison], rows: Sequence[str], columns: Sequence[str]) -> Table:
    """Lay out the ratios of times.

    An axis that is named on neither side and along which cases differ joins the rows, so that no cell holds two cases.

    Args:
        rows: axes; empty for all that differ and are no columns.
        columns: likewise.
    """
    varying = list_varying([case.case for case in cases])
    columns = columns or [axis for axis in varying if axis not in rows]
    rows = [*rows, *(axis for axis in varying if axis not in (*rows, *columns))]
    cells = {(_place(case.case, rows), _place(case.case, columns)): case for case in cases}
    down, across = (list(dict.fromkeys(place[side] for place in cells)) for side in (0, 1))
    headings = (
        Column(for_terminal(_name(place)), f"time_ratio_{_name(place)}", number, has_spread=True) for place in across
    )
    table_rows: list[tuple[Value, ...]] = [
        (_name(row), *(_ratio(cells.get((row, column))) for column in across)) for row in down
    ]
    note = (
        f"Time ratios, above 1 is slower; in brackets the interval, relative to the ratio. Rows: {_name(rows)}. "
        f"Columns: {_name(columns)}."
    )
    return Table(
        title, (Column(" x ".join((_name(rows), _name(columns))), "case"), *headings), tuple(table_rows), (note,)
    )


def check_axes(rows: Sequence[str], columns: Sequence[str]) -> str | None:
    """Say what is wrong with axes that were asked for, or None."""
    named = list(chain(rows, columns))
    twice = sorted({axis for axis in named if named.count(axis) > 1})
    return f"{twice[0]} is named twice" if twice else None


def _place(case: Case, axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(AXES[axis](case) for axis in axes)


def _name(place: Sequence[str]) -> str:
    return "/".join(place) or "all"


def _ratio(case: CaseComparison | None) -> Value:
    if case is None:
        return None
    if case.difference is None:
        return case.verdict
    low, high = (None if each is None else math.exp(each) for each in (case.difference.low, case.difference.high))
    return Summary(min(len(case.base_seconds), len(case.head_seconds)), math.exp(case.difference.mean), low, high)
