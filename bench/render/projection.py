"""What so many steps would take, as a table, and beside what they took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.judge.law import Interval
from bench.judge.projection import LARGE_START_SHARE, Check, Projection
from bench.records.case import Case
from bench.render.escape import for_terminal
from bench.render.table import Column, Table, Value, to_terminal, wrap
from bench.render.units import counted, microseconds, milliseconds, number, seconds, whole

_COLUMNS = (
    Column("run", "run", is_detail=True),
    Column("case", "case"),
    Column("steps", "num_steps", whole),
    Column("start", "start_seconds", seconds, is_detail=True),
    Column("us a step", "step_seconds", microseconds),
    Column("in all", "seconds", seconds),
    Column("from", "seconds_low", seconds),
    Column("to", "seconds_high", seconds),
    Column("processes", "num_processes", whole, is_detail=True),
)
_MONEY = (Column("price", "price", number), Column("from", "price_low", number), Column("to", "price_high", number))
_NOTE = (
    "In all: set-up and warm-up as they are with nothing compiled before, then the steps; importing torch is not in "
    "it. From, to: 95 % of single trainings, if the machine stays as it was during the run."
)


def report_projections(projections: Mapping[str, Sequence[Projection]], width: int) -> str:
    """Return the table and its remarks for a terminal; name of a run -> what it foretells."""
    has_prices = any(each.price_per_hour is not None for found in projections.values() for each in found)
    rows = [
        (*_cells(name, each), *(_money(each) if has_prices else ()))
        for name, found in projections.items()
        for each in found
    ]
    columns = (*_COLUMNS, *(_MONEY if has_prices else ()))
    table = Table("Projection", columns, tuple(rows), (_NOTE,))
    remarks = [remark for found in projections.values() for each in found for remark in _remark(each)]
    return _lay_out(table, remarks, width)


def report_checks(checks: Sequence[Check], width: int) -> str:
    """Return, for a terminal, what was foretold beside what was measured."""
    columns = (
        *_COLUMNS[1:3],
        Column("foretold", "seconds", seconds),
        *_COLUMNS[6:8],
        Column("measured\nfrom", "measured_low", seconds),
        Column("to", "measured_high", seconds),
        Column("within", "num_within"),
    )
    rows = tuple(
        (
            each.projection.case.name,
            each.projection.num_steps,
            each.projection.seconds,
            *_ends(each.projection.interval),
            min(each.measured),
            max(each.measured),
            f"{each.num_within} of {len(each.measured)}",
        )
        for each in checks
    )
    note = "Measured: the least and the most of the whole trainings, their start as with nothing compiled before."
    table = Table("Projection and measurement", columns, rows, (note,))
    return _lay_out(table, [remark for each in checks for remark in _remark(each.projection)], width)


def _lay_out(table: Table, remarks: Sequence[str], width: int) -> str:
    return "\n".join([to_terminal(table, width), *(wrap(for_terminal(remark), width) for remark in remarks)])


def _cells(name: str, projection: Projection) -> tuple[Value, ...]:
    return (
        name,
        projection.case.name,
        projection.num_steps,
        projection.start_seconds,
        projection.step_seconds,
        projection.seconds,
        *_ends(projection.interval),
        projection.num_processes,
    )


def _money(projection: Projection) -> tuple[Value, ...]:
    money = projection.money
    return (money.value if money else None, *_ends(money if projection.interval else None))


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _remark(projection: Projection) -> Iterator[str]:
    if projection.interval is None:
        yield (
            f"{projection.case.name}: no interval from {counted(projection.num_processes, 'process')}, which says "
            "nothing of how processes differ: measure with --replicates 4"
        )
    if projection.start_share > LARGE_START_SHARE:
        yield (
            f"{projection.case.name}: its start, seen once with nothing compiled before, is "
            f"{projection.start_share:.0%} of it; that it scatters as later starts do is a guess"
        )
    if projection.has_short_blocks:
        yield (
            f"{projection.case.name}: its blocks took {milliseconds(projection.block_seconds)} ms, in which the slower "
            f"steps after a switch of workers weigh too much: measure with more {_amount(projection.case)}"
        )


def _amount(case: Case) -> str:
    return "--epochs" if case.workload is None else "--steps"
