"""What so many steps would take, as a table, and beside what they took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.judge.law import Interval
from bench.judge.projection import LARGE_START_SHARE, Check, Projection
from bench.records.case import Case
from bench.records.price import HOUR_SECONDS
from bench.render.escape import for_terminal
from bench.render.table import Column, Table, Value, to_terminal, wrap
from bench.render.units import counted, duration, microseconds, milliseconds, number, seconds, whole


def _time(value: float) -> str:
    """Show seconds, from an hour on in hours: 23.20 ms, 508.8 s, 7 h 41 min."""
    return seconds(value) if value < HOUR_SECONDS else duration(value)


_COLUMNS = (
    Column("run", "run", is_detail=True),
    Column("case", "case"),
    Column("steps", "num_steps", whole),
    Column("start", "start_seconds", seconds, is_detail=True),
    Column("us a step", "step_seconds", microseconds),
    Column("in all", "seconds", _time),
    Column("from", "seconds_low", _time),
    Column("to", "seconds_high", _time),
    Column("processes", "num_processes", whole, is_detail=True),
)
_MONEY = (Column("price", "price", number), Column("from", "price_low", number), Column("to", "price_high", number))
_NOTE = (
    "In all: set-up and warm-up as they are with nothing compiled before, then the steps; importing torch is not in "
    "it. From, to: 95 % of single trainings, if the machine stays as it was during the run."
)

_REPLICAS_NOTE = "A step is an update of one network: of replicas, steps and times are of all networks together."


def report_projections(projections: Mapping[str, Sequence[Projection]], width: int) -> str:
    """Return the table and its remarks for a terminal; name of a run -> what it foretells."""
    has_prices = any(each.price_per_hour is not None for found in projections.values() for each in found)
    rows = [
        (*_cells(name, each), *(_money(each) if has_prices else ()))
        for name, found in projections.items()
        for each in found
    ]
    columns = (*_COLUMNS, *(_MONEY if has_prices else ()))
    has_replicas = any(each.case.num_replicas > 1 for found in projections.values() for each in found)
    table = Table("Projection", columns, tuple(rows), (f"{_NOTE} {_REPLICAS_NOTE}" if has_replicas else _NOTE,))
    return _lay_out(table, projections, width)


def report_checks(checks: Mapping[str, Sequence[Check]], width: int) -> str:
    """Return, for a terminal, what was foretold beside what was measured; name of a run -> what it foretells."""
    columns = (
        *_COLUMNS[:3],
        Column("foretold", "seconds", _time),
        *_COLUMNS[6:8],
        Column("measured\nfrom", "measured_low", _time),
        Column("to", "measured_high", _time),
        Column("within", "num_within"),
    )
    rows = tuple(
        (
            name,
            each.projection.case.name,
            each.projection.num_steps,
            each.projection.seconds,
            *_ends(each.projection.interval),
            min(each.measured),
            max(each.measured),
            f"{each.num_within} of {len(each.measured)}",
        )
        for name, found in checks.items()
        for each in found
    )
    note = "Measured: the least and the most of the whole trainings, their start as with nothing compiled before."
    table = Table("Projection and measurement", columns, rows, (note,))
    return _lay_out(table, {name: [each.projection for each in found] for name, found in checks.items()}, width)


def _lay_out(table: Table, projections: Mapping[str, Sequence[Projection]], width: int) -> str:
    remarks = [
        f"{name if len(projections) == 1 else f'{run}, {name}'}: {remark}"
        for run, found in projections.items()
        for each in found
        for name in [each.case.name]
        for remark in _remark(each)
    ]
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
    if projection.doubt is not None:
        yield f"{projection.doubt}; what it takes may be worth nothing"
    if projection.interval is None:
        yield (
            f"no interval from {counted(projection.num_processes, 'process')}, which says nothing of how processes "
            "differ: measure with --replicates 4"
        )
    if projection.start_share > LARGE_START_SHARE:
        yield (
            f"its start, seen once with nothing compiled before, is {projection.start_share:.0%} of it; that it "
            "scatters as later starts do is a guess"
        )
    if projection.has_short_blocks:
        yield (
            f"its blocks took {milliseconds(projection.block_seconds)} ms, in which the slower steps after a switch of "
            f"workers weigh too much: measure with more {_amount(projection.case)}"
        )


def _amount(case: Case) -> str:
    return "--epochs" if case.workload is None else "--steps"
